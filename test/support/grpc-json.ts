// A gRPC service without code of its own: messages come and go as JSON, by descriptors that buf makes of a .proto file.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync } from 'node:fs'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import {
  createFileRegistry,
  type DescMethod,
  type FileRegistry,
  fromBinary,
  fromJson,
  type JsonValue,
  toBinary,
  toJson,
} from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { REPOSITORY } from './target.js'
import { Changing } from './wait.js'

/** Writes the descriptors of `proto` (in test/fixtures/transcoder) to `file`. */
export function writeDescriptors(proto: string, folder: string, file: string): void {
  const source = path.join(folder, 'proto')
  const googleApi = path.join(REPOSITORY, 'node_modules/@grpc/grpc-js-xds/deps/googleapis/google/api')
  mkdirSync(path.join(source, 'google/api'), { recursive: true })
  cpSync(path.join(REPOSITORY, 'test/fixtures/transcoder', proto), path.join(source, proto))
  for (const name of ['annotations.proto', 'http.proto', 'httpbody.proto'])
    cpSync(path.join(googleApi, name), path.join(source, 'google/api', name))
  execFileSync(path.join(REPOSITORY, 'node_modules/.bin/buf'), ['build', source, '-o', file])
}

export interface GrpcReply {
  readonly messages?: readonly JsonValue[]
  readonly status?: number
  readonly message?: string
  /** The status comes in the head, and nothing else. */
  readonly headOnly?: boolean
  /** Not gRPC at all. */
  readonly plain?: { readonly status: number; readonly body: string }
}

export class GrpcJsonService extends Changing {
  /** "Method {json} {json}", one for each call that was complete; cut ones end with "(cut)". */
  readonly calls: string[] = []
  reply: GrpcReply = {}
  readonly #server = http2.createServer()
  readonly #registry: FileRegistry

  private constructor(descriptors: string) {
    super()
    this.#registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(descriptors)))
    this.#server.on('stream', (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) =>
      this.#serve(stream, headers),
    )
    this.#server.on('sessionError', () => {})
  }

  static async start(descriptors: string): Promise<GrpcJsonService> {
    const service = new GrpcJsonService(descriptors)
    await new Promise<void>(resolve => service.#server.listen(0, '127.0.0.1', resolve))
    return service
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  stop(): Promise<void> {
    return new Promise(resolve => this.#server.close(() => resolve()))
  }

  #serve(stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders): void {
    const chunks: Buffer[] = []
    const method = this.#method(String(headers[':path']))
    stream.on('error', () => {})
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('aborted', () => this.#saw(headers, method, Buffer.concat(chunks), ' (cut)'))
    stream.on('end', () => {
      if (stream.aborted) return
      this.#saw(headers, method, Buffer.concat(chunks), '')
      this.#answer(stream, method)
    })
  }

  #method(called: string): DescMethod | undefined {
    const [, service = '', name] = called.split('/')
    return this.#registry.getService(service)?.methods.find(method => method.name === name)
  }

  #saw(headers: http2.IncomingHttpHeaders, method: DescMethod | undefined, body: Buffer, how: string): void {
    const original = headers['x-envoy-original-path']
    const messages = method === undefined ? [] : framesOf(body).map(bytes => this.#json(method, bytes))
    const from = original === undefined ? '' : ` (${String(headers['x-envoy-original-method'])} ${String(original)})`
    const facts = `${String(headers[':method'])} ${String(headers[':path'])}${from} ${headers['content-type'] ?? '-'} te=${headers.te ?? '-'}`
    this.calls.push([facts, ...messages].join('\n  ') + how)
    this.changed()
  }

  #json(method: DescMethod, bytes: Buffer): string {
    return JSON.stringify(toJson(method.input, fromBinary(method.input, bytes), { registry: this.#registry }))
  }

  #answer(stream: http2.ServerHttp2Stream, method: DescMethod | undefined): void {
    const { messages = [], status = 0, message, headOnly, plain } = this.reply
    if (plain !== undefined || method === undefined) {
      stream.respond({ ':status': plain?.status ?? 200, 'content-type': 'text/plain' })
      stream.end(plain?.body ?? 'plain')
      return
    }
    const trailers = { 'grpc-status': String(status), ...(message !== undefined && { 'grpc-message': message }) }
    const head = { ':status': 200, 'content-type': 'application/grpc' }
    if (headOnly === true) {
      stream.respond({ ...head, ...trailers }, { endStream: true })
      return
    }
    stream.respond(head, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers(trailers))
    for (const json of messages) {
      const bytes = toBinary(method.output, fromJson(method.output, json, { registry: this.#registry }))
      const length = Buffer.alloc(5)
      length.writeUInt32BE(bytes.length, 1)
      stream.write(Buffer.concat([length, bytes]))
    }
    stream.end()
  }
}

function framesOf(body: Buffer): Buffer[] {
  const frames: Buffer[] = []
  for (let at = 0; at + 5 <= body.length; ) {
    const end = at + 5 + body.readUInt32BE(at + 1)
    frames.push(body.subarray(at + 5, end))
    at = end
  }
  return frames
}
