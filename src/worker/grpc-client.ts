/** gRPC over a call: frames of five bytes and a message, the status in the trailers (gRPC's protocol over HTTP/2). */
import type { DescMessage, DescMethod, MessageInitShape } from '@bufbuild/protobuf'
import type { BuiltInCallOptions } from '../api/built-in.js'
import { type CallOptions, GrpcError, type GrpcStream, type ReadonlyHeaders } from '../api/clusters.js'
import type { CallTable } from './call-table.js'
import { flatHeaders } from './cluster-client.js'
import { OutgoingCall } from './outgoing-call.js'

export type GrpcMethod = string | DescMethod
export type GrpcMessages = AsyncIterable<unknown> | Iterable<unknown>

const frameHead = 5
const maxMessage = 64 * 1024 * 1024

// What an HTTP status stands for when there is no grpc-status.
const statusOfHttp: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
}

export function* one<T>(message: T): Generator<T> {
  yield message
}

/** `fallbackTimeoutMs`: when the options say nothing; undefined: that of all calls. */
export function grpcCall(
  table: CallTable,
  cluster: string,
  method: GrpcMethod,
  messages: GrpcMessages,
  options: CallOptions,
  fallbackTimeoutMs: number | undefined,
): GrpcStream<unknown> {
  const path = typeof method === 'string' ? method : `/${method.parent.typeName}/${method.name}`
  const { timeoutMs } = options
  const { authority = cluster } = options as BuiltInCallOptions
  const headers = [':method', 'POST', ':path', path, ':authority', authority, ':scheme', 'http', 'te', 'trailers']
  // An unset limit is nobody's business but ours.
  if (timeoutMs !== undefined && timeoutMs !== 0) headers.push('grpc-timeout', `${timeoutMs}m`)
  headers.push('content-type', 'application/grpc', ...flatHeaders(options.headers))
  const call = OutgoingCall.start(table, cluster, headers, frames(method, messages), options, fallbackTimeoutMs)
  return {
    headers: unasked(call.head.promise.then(head => head.headers)),
    trailers: unasked(
      call.head.promise.then(async ({ headers: head }) =>
        head.has('grpc-status') ? head : await call.trailers.promise,
      ),
    ),
    [Symbol.asyncIterator]: () => received(call, method),
  }
}

/** A promise whose failure ends nothing when nobody waits for it. */
function unasked<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}

async function* frames(method: GrpcMethod, messages: GrpcMessages): AsyncGenerator<Uint8Array> {
  const encode = await encoderOf(method)
  for await (const message of messages) {
    const bytes = encode(message)
    const frame = new Uint8Array(frameHead + bytes.length)
    new DataView(frame.buffer).setUint32(1, bytes.length)
    frame.set(bytes, frameHead)
    yield frame
  }
}

async function* received(call: OutgoingCall, method: GrpcMethod): AsyncGenerator<unknown> {
  const decode = await decoderOf(method)
  const { headers } = await call.head.promise
  checkHead(headers)
  let left = new Uint8Array()
  for await (const chunk of call) {
    left = left.length === 0 ? new Uint8Array(chunk) : Buffer.concat([left, chunk])
    for (;;) {
      if (left.length < frameHead) break
      const size = new DataView(left.buffer, left.byteOffset).getUint32(1)
      if (left[0] !== 0) throw new TypeError('a compressed gRPC message came, which nobody asked for')
      if (size > maxMessage) throw new RangeError(`a gRPC message of ${size} bytes is longer than ${maxMessage}`)
      if (left.length < frameHead + size) break
      const message = left.subarray(frameHead, frameHead + size)
      left = left.subarray(frameHead + size)
      yield decode(message)
    }
  }
  checkStatus(headers.has('grpc-status') ? headers : await call.trailers.promise)
}

function checkHead(headers: ReadonlyHeaders): void {
  if (headers.has('grpc-status')) return checkStatus(headers)
  const status = Number(headers.get(':status') ?? 0)
  if (status !== 200) throw new GrpcError(statusOfHttp[status] ?? 2, `HTTP status ${status}`, headers)
}

function checkStatus(trailers: ReadonlyHeaders): void {
  const text = trailers.get('grpc-status')
  const status = text === undefined ? 2 : Number(text)
  if (status === 0) return
  const message = trailers.get('grpc-message') ?? (text === undefined ? 'the answer has no grpc-status' : '')
  throw new GrpcError(Number.isInteger(status) ? status : 2, percentDecoded(message), trailers)
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

async function encoderOf(method: GrpcMethod): Promise<(message: unknown) => Uint8Array> {
  if (typeof method === 'string') return message => message as Uint8Array
  const { create, toBinary } = await import('@bufbuild/protobuf')
  return message => toBinary(method.input, create(method.input, message as MessageInitShape<DescMessage>))
}

async function decoderOf(method: GrpcMethod): Promise<(bytes: Uint8Array) => unknown> {
  if (typeof method === 'string') return bytes => bytes
  const { fromBinary } = await import('@bufbuild/protobuf')
  return bytes => fromBinary(method.output, bytes)
}
