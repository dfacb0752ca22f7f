/**
 * A management server for tests: a real gRPC and HTTP server that speaks every form of xDS, writes down what it was asked, and answers from
 * the resources it was given; or not at all, so that a test can answer as wrongly as it likes.
 */
import { EventEmitter, once } from 'node:events'
import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { create, fromBinary, fromJson, type JsonValue, type Message, toBinary, toJson } from '@bufbuild/protobuf'
import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf'
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt'
import grpc from '@grpc/grpc-js'
import { openTypes } from '../config/index.js'
import type { Node } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import type {
  DeltaDiscoveryRequest,
  DeltaDiscoveryResponse,
  DiscoveryRequest,
  DiscoveryResponse,
} from '../generated/protos/envoy/service/discovery/v3/discovery_pb.js'
import { aggregatedMethod, type Dialect, methodOf, restPathOf, typeOfUrl } from './methods.js'
import { type ResourceType, resourceTypes } from './types.js'
import { wildcardOf } from './xdstp.js'

type AnyRequest = DiscoveryRequest | DeltaDiscoveryRequest
const package_ = 'envoy.service.discovery.v3'
export const testTypes = openTypes()

/** A request as it came, by gRPC or HTTP. */
export interface SeenRequest {
  /** Streams are counted from 1 in the order in which they were opened; 0: REST. */
  readonly stream: number
  readonly method: string
  readonly type: ResourceType | undefined
  readonly typeUrl: string
  /** State of the world: resource_names; delta: resource_names_subscribe. */
  readonly names: readonly string[]
  readonly unsubscribed: readonly string[]
  /** State of the world alone. */
  readonly version: string
  readonly initialVersions: Readonly<Record<string, string>>
  readonly nonce: string
  readonly error: { readonly code: number; readonly message: string } | undefined
  readonly node: Node | undefined
  readonly isDelta: boolean
  /** Of REST: the text of the body. */
  readonly body?: string
}

/** A resource as tests write it: proto JSON with "@type", or a whole Any. */
export type TestResource = JsonValue | Any

interface Stored {
  readonly any: Any
  readonly version: string
}

/** One stream to the server, while it lasts and after. */
export class ServerStream extends EventEmitter {
  readonly requests: SeenRequest[] = []
  isOpen = true
  /** By type: what the client asked for last, or has been sent. */
  readonly asked = new Map<string, Set<string>>()
  readonly sent = new Map<string, Map<string, string>>()
  readonly lastNonce = new Map<string, string>()
  readonly #call: grpc.ServerDuplexStream<Message, Message>

  constructor(
    readonly id: number,
    readonly method: string,
    readonly dialect: Dialect,
    call: grpc.ServerDuplexStream<Message, Message>,
  ) {
    super()
    this.#call = call
  }

  get metadata(): Readonly<Record<string, unknown>> {
    return this.#call.metadata.getMap()
  }

  get authority(): string {
    return this.#call.getHost()
  }

  send(response: MessageInitShape<DescMessage> & object): void {
    const name = this.dialect === 'delta' ? 'DeltaDiscoveryResponse' : 'DiscoveryResponse'
    this.#call.write(testTypes.create(`${package_}.${name}`, response))
  }

  /** Ends the stream: properly, or with a status. */
  end(code = 0, details = ''): void {
    if (code === 0) this.#call.end()
    else this.#call.emit('error', { code, details })
  }
}

export interface ControlPlaneOptions {
  /** False: nothing is answered but what the test sends. */
  readonly answers?: boolean
  /** PEM texts; clear text without. */
  readonly tls?: { readonly key: string; readonly certificate: string; readonly clientAuthority?: string }
  readonly port?: number
  /** control_plane.identifier of answers. */
  readonly identifier?: string
}

/** Names of types of which "no names" means all. */
const wholeTypes: ReadonlySet<ResourceType> = new Set(['cluster', 'listener'])

export class ControlPlane extends EventEmitter {
  readonly requests: SeenRequest[] = []
  readonly streams: ServerStream[] = []
  port = 0
  restPort = 0
  #answers: boolean
  #version = 0
  #nonce = 0
  readonly #identifier: string
  readonly #resources = new Map<ResourceType, Map<string, Stored>>()
  readonly #versions = new Map<ResourceType, string>()
  #server: grpc.Server | undefined
  #rest: HttpServer | undefined

  private constructor(options: ControlPlaneOptions) {
    super()
    this.setMaxListeners(0)
    this.#answers = options.answers !== false
    this.#identifier = options.identifier ?? ''
  }

  static async start(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
    const plane = new ControlPlane(options)
    await plane.#listen(options)
    return plane
  }

  async #listen({ tls, port = 0 }: ControlPlaneOptions): Promise<void> {
    const server = new grpc.Server({ 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 })
    for (const dialect of ['stateOfTheWorld', 'delta'] as const) {
      const own = (Object.keys(resourceTypes) as ResourceType[]).flatMap(type => methodOf(type, dialect) ?? [])
      for (const method of [aggregatedMethod(dialect), ...own]) this.#serve(server, method, dialect)
    }
    const credentials =
      tls === undefined
        ? grpc.ServerCredentials.createInsecure()
        : grpc.ServerCredentials.createSsl(
            tls.clientAuthority === undefined ? null : Buffer.from(tls.clientAuthority),
            [{ private_key: Buffer.from(tls.key), cert_chain: Buffer.from(tls.certificate) }],
            tls.clientAuthority !== undefined,
          )
    this.port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${port}`, credentials, (error, bound) => (error ? reject(error) : resolve(bound)))
    })
    this.#server = server
    this.#rest = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const { status, body } = this.#restAnswer(request.url ?? '', Buffer.concat(chunks).toString())
        response.writeHead(status, { 'content-type': 'application/json' }).end(body)
      })
    })
    this.#rest.listen(0, '127.0.0.1')
    await once(this.#rest, 'listening')
    this.restPort = (this.#rest.address() as AddressInfo).port
  }

  #serve(server: grpc.Server, path: string, dialect: Dialect): void {
    const schema = (name: string): DescMessage => testTypes.message(`${package_}.${name}`) as DescMessage
    const prefix = dialect === 'delta' ? 'Delta' : ''
    const definition = {
      path,
      requestStream: true,
      responseStream: true,
      requestSerialize: (message: Message) => Buffer.from(toBinary(schema(`${prefix}DiscoveryRequest`), message)),
      requestDeserialize: (bytes: Buffer) => fromBinary(schema(`${prefix}DiscoveryRequest`), bytes),
      responseSerialize: (message: Message) => Buffer.from(toBinary(schema(`${prefix}DiscoveryResponse`), message)),
      responseDeserialize: (bytes: Buffer) => fromBinary(schema(`${prefix}DiscoveryResponse`), bytes),
    } as const
    server.addService(
      { method: definition },
      { method: (call: grpc.ServerDuplexStream<Message, Message>) => this.#accept(call, path, dialect) },
    )
  }

  #accept(call: grpc.ServerDuplexStream<Message, Message>, method: string, dialect: Dialect): void {
    const stream = new ServerStream(this.streams.length + 1, method, dialect, call)
    this.streams.push(stream)
    const ended = (): void => {
      stream.isOpen = false
      this.emit('change')
    }
    call.on('data', (message: Message) => {
      const seen = seenRequest(stream, message as AnyRequest)
      stream.requests.push(seen)
      this.requests.push(seen)
      if (this.#answers) this.#answer(stream, seen)
      this.emit('change')
    })
    call.on('end', () => {
      ended()
      call.end()
    })
    call.on('cancelled', ended)
    call.on('error', ended)
    this.emit('change')
  }

  /** From now on answers by itself, or not. */
  setAnswers(on: boolean): void {
    this.#answers = on
  }

  /** Sets or (undefined) removes resources, and sends what changed to whoever asked. The answer is the new version. */
  update(type: ResourceType, changes: Readonly<Record<string, TestResource | undefined>>): string {
    const version = String(++this.#version)
    const stored = this.#resources.get(type) ?? new Map<string, Stored>()
    this.#resources.set(type, stored)
    for (const [name, resource] of Object.entries(changes)) {
      if (resource === undefined) stored.delete(name)
      else stored.set(name, { any: asAny(resource), version })
    }
    this.#versions.set(type, version)
    for (const stream of this.streams) if (stream.isOpen && this.#answers) this.#push(stream, type)
    return version
  }

  #answer(stream: ServerStream, request: SeenRequest): void {
    const { type, typeUrl, nonce } = request
    if (type === undefined) return
    const last = stream.lastNonce.get(typeUrl)
    if (request.isDelta) {
      const asked = stream.asked.get(typeUrl)
      const names = asked ?? new Set(request.names.length === 0 ? ['*'] : [])
      stream.asked.set(typeUrl, names)
      if (asked === undefined) stream.sent.set(typeUrl, new Map(Object.entries(request.initialVersions)))
      for (const name of request.names) {
        names.add(name)
        stream.sent.get(typeUrl)?.delete(name)
        const known = request.initialVersions[name]
        if (known !== undefined) stream.sent.get(typeUrl)?.set(name, known)
      }
      for (const name of request.unsubscribed) names.delete(name)
      if (asked === undefined || request.names.length > 0) this.#push(stream, type, asked === undefined)
      return
    }
    if (nonce !== '' && nonce !== last) return
    const before = stream.asked.get(typeUrl)
    const names = new Set(request.names)
    stream.asked.set(typeUrl, names)
    const isSame = before !== undefined && before.size === names.size && [...names].every(name => before.has(name))
    if (isSame && nonce !== '') return
    if (this.#versions.has(type)) this.#push(stream, type)
  }

  #push(stream: ServerStream, type: ResourceType, isFirst = false): void {
    const typeUrl = resourceTypes[type]
    const asked = stream.asked.get(typeUrl)
    if (asked === undefined) return
    const all = this.#resources.get(type) ?? new Map<string, Stored>()
    const isWhole = asked.has('*') || (asked.size === 0 && wholeTypes.has(type))
    const wanted = [...all].filter(([name]) => isWhole || asked.has(name) || asked.has(wildcardOf(name) ?? name))
    const nonce = `n${++this.#nonce}`
    stream.lastNonce.set(typeUrl, nonce)
    const common = {
      typeUrl,
      nonce,
      ...(this.#identifier !== '' && { controlPlane: { identifier: this.#identifier } }),
    }
    const version = this.#versions.get(type) ?? '0'
    if (stream.dialect === 'stateOfTheWorld') {
      stream.send({ ...common, versionInfo: version, resources: wanted.map(([, { any }]) => any) })
      return
    }
    const sent = stream.sent.get(typeUrl) as Map<string, string>
    const changed = wanted.filter(([name, one]) => sent.get(name) !== one.version)
    const removed = [...sent.keys()].filter(name => !all.has(name))
    if (changed.length === 0 && removed.length === 0 && !isFirst) return
    for (const [name, one] of changed) sent.set(name, one.version)
    for (const name of removed) sent.delete(name)
    stream.send({
      ...common,
      systemVersionInfo: version,
      resources: changed.map(([name, one]) => ({ name, version: one.version, resource: one.any })),
      removedResources: removed,
    })
  }

  #restAnswer(path: string, body: string): { status: number; body: string } {
    const type = (Object.keys(resourceTypes) as ResourceType[]).find(one => restPathOf(one) === path)
    const schema = testTypes.message(`${package_}.DiscoveryRequest`) as DescMessage
    if (type === undefined) return { status: 404, body: '' }
    const message = fromJson(schema, JSON.parse(body) as JsonValue, {
      registry: testTypes.registry,
      ignoreUnknownFields: true,
    }) as DiscoveryRequest
    const seen = { ...seenRequest({ id: 0, method: path }, message), body }
    this.requests.push(seen)
    this.emit('change')
    const version = this.#versions.get(type)
    if (!this.#answers || version === undefined) return { status: 503, body: '' }
    if (seen.version === version) return { status: 304, body: '' }
    const names = new Set(seen.names)
    const stored = [...(this.#resources.get(type) ?? [])].filter(([name]) => names.size === 0 || names.has(name))
    const response = testTypes.create<DiscoveryResponse>(`${package_}.DiscoveryResponse`, {
      versionInfo: version,
      typeUrl: resourceTypes[type],
      resources: stored.map(([, { any }]) => any),
    })
    const json = toJson(testTypes.message(response.$typeName) as DescMessage, response, {
      registry: testTypes.registry,
    })
    return { status: 200, body: JSON.stringify(json) }
  }

  /** Resolves with the first value of `look` that is not undefined. */
  async waitFor<T>(what: string, look: () => T | undefined, patienceMs = 8000): Promise<T> {
    const deadline = AbortSignal.timeout(patienceMs)
    for (;;) {
      const found = look()
      if (found !== undefined) return found
      try {
        await once(this, 'change', { signal: deadline })
      } catch {
        throw new Error(`waited ${patienceMs} ms for ${what}; seen:\n${this.transcript()}`)
      }
    }
  }

  /** The next requests after the first `skip` (of a type, when given), `count` of them. */
  async seen(count: number, type?: ResourceType, skip = 0): Promise<readonly SeenRequest[]> {
    const found = (): readonly SeenRequest[] => this.requests.filter(one => type === undefined || one.type === type)
    await this.waitFor(`${skip + count} requests`, () => (found().length >= skip + count ? true : undefined))
    return found().slice(skip, skip + count)
  }

  /** One line for each request. */
  transcript(from = 0): string {
    return this.requests.slice(from).map(showRequest).join('\n')
  }

  /** Streams, connections and sockets are gone at once. */
  async close(): Promise<void> {
    this.#server?.forceShutdown()
    this.#rest?.closeAllConnections()
    const rest = this.#rest
    if (rest !== undefined) await new Promise(resolve => rest.close(resolve))
  }
}

function seenRequest(
  { id, method }: { readonly id: number; readonly method: string },
  message: AnyRequest,
): SeenRequest {
  const { typeUrl, errorDetail } = message
  const isDelta = message.$typeName === 'envoy.service.discovery.v3.DeltaDiscoveryRequest'
  return {
    stream: id,
    method,
    type: typeOfUrl(typeUrl),
    typeUrl,
    names: isDelta ? message.resourceNamesSubscribe : message.resourceNames,
    unsubscribed: isDelta ? message.resourceNamesUnsubscribe : [],
    version: isDelta ? '' : message.versionInfo,
    initialVersions: isDelta ? message.initialResourceVersions : {},
    nonce: message.responseNonce,
    error: errorDetail && { code: errorDetail.code, message: errorDetail.message },
    node: message.node,
    isDelta,
  }
}

/** A request in a line; the texts of errors are left to those who look at them. */
export function showRequest(request: SeenRequest): string {
  const short = request.type ?? request.typeUrl
  const list = (names: readonly string[]): string => `[${names.join(' ')}]`
  const initial = Object.entries(request.initialVersions)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, version]) => `${name}=${version}`)
  const parts = [
    `#${request.stream}`,
    short,
    request.isDelta && request.names.length === 0 ? '' : list(request.names),
    request.unsubscribed.length > 0 ? `-${list(request.unsubscribed)}` : '',
    initial.length > 0 ? `have ${list(initial)}` : '',
    request.version === '' ? '' : `version ${request.version}`,
    request.nonce === '' ? '' : `nonce ${request.nonce}`,
    request.error === undefined ? '' : `error ${request.error.code}`,
    request.node === undefined ? '' : 'node',
  ]
  return parts.filter(part => part !== '').join(' ')
}

export function asAny(resource: TestResource): Any {
  const isAny = typeof resource === 'object' && resource !== null && '$typeName' in resource
  if (isAny) return resource as Any
  return fromJson(AnySchema, resource as JsonValue, { registry: testTypes.registry })
}

/** An Any with these bytes, however wrong. */
export const rawAny = (typeUrl: string, value: Uint8Array): Any => create(AnySchema, { typeUrl, value })

/** The wrapper in which state-of-the-world answers carry a time to live. */
export function wrapped(name: string, resource: TestResource | undefined, ttlSeconds?: number): Any {
  const message = testTypes.create(`${package_}.Resource`, {
    name,
    ...(resource !== undefined && { resource: asAny(resource) }),
    ...(ttlSeconds !== undefined && {
      ttl: { seconds: BigInt(Math.floor(ttlSeconds)), nanos: Math.round((ttlSeconds % 1) * 1e9) },
    }),
  })
  return rawAny(
    `type.googleapis.com/${message.$typeName}`,
    toBinary(testTypes.message(message.$typeName) as DescMessage, message),
  )
}

export type { DeltaDiscoveryResponse, DiscoveryResponse }
