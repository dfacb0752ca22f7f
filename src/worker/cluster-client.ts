import type {
  CallOptions,
  ClusterRequest,
  ClusterResponse,
  Clusters,
  GrpcResponse,
  GrpcStream,
  ReadonlyHeaders,
} from '../api/clusters.js'
import type { BuiltInCallOptions } from '../api/built-in.js'
import type { CallTable } from './call-table.js'
import { grpcCall, type GrpcMethod, type GrpcMessages, one } from './grpc-client.js'
import { OutgoingCall, PlainHeaders } from './outgoing-call.js'
import { CallBit } from './script-addon.js'

/** `context.clusters`: calls over the worker's pools. */
export class ClusterClient implements Clusters {
  readonly #table: CallTable

  constructor(table: CallTable) {
    this.#table = table
  }

  async fetch(cluster: string, request: ClusterRequest = {}): Promise<ClusterResponse> {
    const { body, method = body === undefined ? 'GET' : 'POST', path = '/', authority = cluster } = request
    const headers = [':method', method, ':path', path, ':authority', authority, ':scheme', 'http']
    const own = flatHeaders(request.headers)
    const length = bodyLength(body)
    const says = (name: string) => own.some((text, at) => at % 2 === 0 && text === name)
    if (length !== undefined && !says('content-length')) headers.push('content-length', String(length))
    const bits = (request as BuiltInCallOptions).notForwarded === true ? CallBit.notForwarded : 0
    const call = OutgoingCall.start(this.#table, cluster, [...headers, ...own], body, request, undefined, bits)
    const head = await call.head.promise
    return new Answer(call, head.headers, head.upstreamHost)
  }

  async grpc(
    cluster: string,
    method: GrpcMethod,
    message: unknown,
    options: CallOptions = {},
  ): Promise<GrpcResponse<never>> {
    const stream = grpcCall(this.#table, cluster, method, one(message), options, undefined)
    let found: unknown
    for await (const received of stream) found ??= received
    const [headers, trailers] = await Promise.all([stream.headers, stream.trailers])
    if (found === undefined) throw new TypeError('the call ended well, but without a message')
    return { message: found as never, headers, trailers }
  }

  grpcStream(
    cluster: string,
    method: GrpcMethod,
    messages: GrpcMessages,
    options: CallOptions = {},
  ): GrpcStream<never> {
    return grpcCall(this.#table, cluster, method, messages, options, 0) as GrpcStream<never>
  }
}

class Answer implements ClusterResponse {
  readonly status: number
  readonly headers: ReadonlyHeaders
  readonly upstreamHost: string
  readonly #call: OutgoingCall

  constructor(call: OutgoingCall, headers: ReadonlyHeaders, upstreamHost: string) {
    this.#call = call
    this.status = Number(headers.get(':status') ?? 0)
    this.headers = new PlainHeaders([...headers].filter(([name]) => name !== ':status').flat())
    this.upstreamHost = upstreamHost
  }

  get ok(): boolean {
    return this.status >= 200 && this.status <= 299
  }

  get body(): AsyncIterable<Uint8Array> {
    return this.#call
  }

  get trailers(): Promise<ReadonlyHeaders> {
    return this.#call.trailers.promise
  }

  async bytes(): Promise<Uint8Array> {
    const chunks: Uint8Array[] = []
    for await (const chunk of this.#call) chunks.push(chunk)
    return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
  }

  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes())
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text()) as unknown
  }
}

/** name, value, name, value …; names in lower case. */
export function flatHeaders(headers: CallOptions['headers'] = {}): string[] {
  const list = Symbol.iterator in headers ? [...headers] : Object.entries(headers)
  return list.flatMap(([name, value]: readonly [string, string | readonly string[]]) =>
    [value].flat().flatMap(one => [name.toLowerCase(), one as string]),
  )
}

function bodyLength(body: ClusterRequest['body']): number | undefined {
  if (typeof body === 'string') return Buffer.byteLength(body)
  return body instanceof Uint8Array ? body.length : undefined
}
