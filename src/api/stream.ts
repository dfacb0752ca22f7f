/** What the hooks of an HTTP filter are given. */
import type { Body } from './body.js'
import type { Headers } from './headers.js'

/** Made by `stream.reply()` and nothing else: a hook that returns it has answered the request. */
export interface LocalReply {
  readonly kind: 'local-reply'
}

/** Several values of a name as a list. */
export type ReplyHeaders = Readonly<Record<string, string | readonly string[]>>

/** Made by `stream.hold()` and nothing else. */
export interface HeldBack {
  readonly kind: 'held-back'
}

export interface RequestHead {
  readonly method: string
  /** With its query string. */
  readonly path: string
  readonly authority: string
  readonly headers: Headers
}

export interface ResponseHead {
  /** 100 to 599; may be set. */
  status: number
  readonly headers: Headers
}

/** What is known of the stream besides its messages. Read when asked for. */
export interface StreamInfo {
  /** "HTTP/1.1", "HTTP/2". */
  readonly protocol: string
  /** "203.0.113.7:51312", after x-forwarded-for and PROXY. */
  readonly remoteAddress: string
  readonly localAddress: string
  /** Name of the route; empty where it has none. */
  readonly routeName: string
  /** The cluster the request goes to; empty before the route is known, and for direct responses. */
  readonly clusterName: string
  /** "10.0.0.1:8080" once an upstream host was chosen. */
  readonly upstreamHost: string
  /** Of the response so far; 0: none. */
  readonly responseCode: number
  /** Envoy's words for how it ended: "via_upstream", "route_not_found" … */
  readonly responseCodeDetails: string
  /** Envoy's short flags: "UF,URX". */
  readonly responseFlags: string
  readonly bytesReceived: number
  readonly bytesSent: number
  /** Since the first byte of the request, milliseconds. */
  readonly durationMs: number
  /** Server name of the TLS handshake; empty without. */
  readonly requestedServerName: string
}

/** Values that filters leave for each other and for access logs (%DYNAMIC_METADATA(namespace:key)%). JSON values only. */
export interface DynamicMetadata {
  get(namespace: string, key: string): unknown
  set(namespace: string, key: string, value: unknown): void
}

/** One request and its response, as one filter sees it. */
export interface Stream<State = undefined, RouteConfig = undefined> {
  /** What the definition's `state` made for this stream. */
  readonly state: State
  /** The most specific configuration for this filter of the route (route, virtual host, route table); undefined: none. */
  readonly routeConfig: RouteConfig | undefined
  readonly info: StreamInfo
  readonly requestBody: Body
  readonly responseBody: Body
  readonly metadata: DynamicMetadata
  /** Aborted when the stream is over for whatever reason, for work that a hook has started. */
  readonly signal: AbortSignal
  /**
   * Answers the request here. The hook returns what this returns. `details`: why, for access logs (%RESPONSE_CODE_DETAILS%);
   * "typescript_filter_reply" when nothing is said.
   */
  reply(status: number, body?: string | Uint8Array, headers?: ReplyHeaders, details?: string): LocalReply
  /**
   * From a hook of a head: it waits, while the body still comes to its hook; it goes on when a later hook returns anything else. From a hook of
   * a body: these bytes go no further. Not for what ends the message.
   */
  hold(): HeldBack
  /** The route is looked up again, after a header it depends on was changed. */
  refreshRoute(): void
}
