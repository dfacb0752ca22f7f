/**
 * Requests of a filter's own to clusters of the configuration, over the worker's native pools: with their TLS, HTTP/1 or HTTP/2, circuit
 * breakers, retries, statistics. Shaped after `fetch`.
 */
import type {
  DescMessage,
  DescMethodStreaming,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf'

export type CallBody = string | Uint8Array | AsyncIterable<string | Uint8Array>

export interface CallOptions {
  /** Milliseconds until the whole answer must be there; 0: no limit. 15,000 by default, as for a route. */
  readonly timeoutMs?: number
  /** Ends the call. One made inside a hook also ends with the hook's stream; after an `await`, hand `stream.signal` over for that. */
  readonly signal?: AbortSignal
  /** Several values of a name as a list. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | Iterable<readonly [string, string]>
}

export interface ClusterRequest extends CallOptions {
  /** GET by default, POST with a body. */
  readonly method?: string
  /** With its query; "/" by default. */
  readonly path?: string
  /** The host header; the cluster's name by default. */
  readonly authority?: string
  readonly body?: CallBody
}

/** Headers that came; names in lower case. */
export interface ReadonlyHeaders extends Iterable<[name: string, value: string]> {
  get(name: string): string | undefined
  getAll(name: string): string[]
  has(name: string): boolean
}

export interface ClusterResponse {
  readonly status: number
  /** A status from 200 to 299. */
  readonly ok: boolean
  readonly headers: ReadonlyHeaders
  /** "10.0.0.1:8080": who answered. */
  readonly upstreamHost: string
  /** The body as it comes; the sender is slowed while nobody reads. Once. */
  readonly body: AsyncIterable<Uint8Array>
  /** The whole body. Once. */
  bytes(): Promise<Uint8Array>
  text(): Promise<string>
  json(): Promise<unknown>
  /** There when the body has been read; empty where there are none. */
  readonly trailers: Promise<ReadonlyHeaders>
}

export type ClusterErrorCode =
  /** There is no such cluster, or it has no members yet. */
  | 'no-cluster'
  /** Too many calls are under way in this worker (counter `async_client.rq_overflow`). */
  | 'overflow'
  /** No answer in time. */
  | 'timeout'
  /** No healthy host, no connection, a circuit breaker: the proxy answered itself. */
  | 'unavailable'
  /** The answer broke off. */
  | 'reset'
  /** The signal was aborted, or the stream is over. */
  | 'aborted'

/** A call that came to nothing. An answer with an error status is none of these. */
export class ClusterError extends Error {
  readonly code: ClusterErrorCode
  /** Envoy's short response flags: "UT", "UF", "UH" … */
  readonly flags: string
  /** Envoy's words: "response_timeout" … */
  readonly details: string

  constructor(code: ClusterErrorCode, message: string, flags = '', details = '') {
    super(message)
    this.name = 'ClusterError'
    this.code = code
    this.flags = flags
    this.details = details
  }

  /** By its name: a bundle of a filter may have this class once more. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof Error && value.name === 'ClusterError'
  }
}

/** A grpc-status other than 0. */
export class GrpcError extends Error {
  /** 1 to 16, as in gRPC's list. */
  readonly status: number
  readonly trailers: ReadonlyHeaders

  constructor(status: number, message: string, trailers: ReadonlyHeaders) {
    super(message)
    this.name = 'GrpcError'
    this.status = status
    this.trailers = trailers
  }

  /** As for ClusterError. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof Error && value.name === 'GrpcError'
  }
}

export interface GrpcResponse<Message> {
  readonly message: Message
  readonly headers: ReadonlyHeaders
  readonly trailers: ReadonlyHeaders
}

/** Messages as they come; rejects with a GrpcError when the status at the end is not 0. */
export interface GrpcStream<Message> extends AsyncIterable<Message> {
  readonly headers: Promise<ReadonlyHeaders>
  readonly trailers: Promise<ReadonlyHeaders>
}

export interface Clusters {
  /** Resolves with the head of the answer, whatever its status. Rejects with a ClusterError. */
  fetch(cluster: string, request?: ClusterRequest): Promise<ClusterResponse>
  /** A unary call. `method`: of protobuf-es, or "/package.Service/Method" and bytes. */
  grpc<I extends DescMessage, O extends DescMessage>(
    cluster: string,
    method: DescMethodUnary<I, O>,
    message: MessageInitShape<I>,
    options?: CallOptions,
  ): Promise<GrpcResponse<MessageShape<O>>>
  grpc(cluster: string, method: string, message: Uint8Array, options?: CallOptions): Promise<GrpcResponse<Uint8Array>>
  /** A call with many messages either way. No time limit unless one is given. */
  grpcStream<I extends DescMessage, O extends DescMessage>(
    cluster: string,
    method: DescMethodStreaming<I, O>,
    messages: AsyncIterable<MessageInitShape<I>> | Iterable<MessageInitShape<I>>,
    options?: CallOptions,
  ): GrpcStream<MessageShape<O>>
  grpcStream(
    cluster: string,
    method: string,
    messages: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    options?: CallOptions,
  ): GrpcStream<Uint8Array>
}
