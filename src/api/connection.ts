/** What network and listener filters know of a connection, and share with others about it. */
import type { DynamicMetadata } from './stream.js'

/** Facts of a connection, read when asked for. Texts that are not known are empty. */
export interface ConnectionInfo {
  /** %CONNECTION_ID%; 0 before there is a filter chain. */
  readonly id: number
  /** "203.0.113.7:51312", as listener filters have it (PROXY protocol). */
  readonly remoteAddress: string
  readonly localAddress: string
  /** The socket's own. */
  readonly directRemoteAddress: string
  readonly directLocalAddress: string
  /** The name that the client asked for in its TLS handshake. */
  readonly requestedServerName: string
  /** "tls", or what a listener filter found; empty: nobody looked. */
  readonly transportProtocol: string
  /** Protocols that the client offers, or a listener filter found. */
  readonly applicationProtocols: readonly string[]
  readonly listenerName: string
  readonly filterChainName: string
  /** Undefined: clear text, or the handshake is still to come. */
  readonly tls: TlsFacts | undefined
  readonly bytesReceived: number
  readonly bytesSent: number
}

/** The TLS session with the client. Certificates' texts are empty where it presented none. */
export interface TlsFacts {
  /** "TLSv1.3". */
  readonly version: string
  readonly cipher: string
  /** What ALPN agreed on. */
  readonly applicationProtocol: string
  readonly peerPresented: boolean
  /** Presented, and found good by the validation context. */
  readonly peerValidated: boolean
  /** RFC 2253: "CN=client,O=Acme". */
  readonly peerSubject: string
  readonly peerIssuer: string
  /** Hexadecimal. */
  readonly peerSerial: string
  /** SHA-256 of the certificate, hexadecimal. */
  readonly peerFingerprint: string
  readonly peerUris: readonly string[]
  readonly peerDnsNames: readonly string[]
  readonly localSubject: string
}

/**
 * Texts that filters of a connection leave for each other and for native code: `envoy.tcp_proxy.cluster` chooses the cluster of a TCP proxy
 * behind, and %FILTER_STATE(name:PLAIN)% prints one in an access log.
 */
export interface FilterState {
  get(name: string): string | undefined
  set(name: string, value: string): void
}

/** What the views of a connection have in common. */
export interface ConnectionView<State> {
  /** What the definition's `state` made for this connection. */
  readonly state: State
  readonly info: ConnectionInfo
  /** Of the connection: streams, TCP proxies and access logs behind this filter see it. */
  readonly metadata: DynamicMetadata
  readonly filterState: FilterState
  /** Aborted when the connection is over, or no longer this filter's; for work that a hook has started. */
  readonly signal: AbortSignal
}

/** Made by `connection.more()` and nothing else: the hook wants to see these bytes again, with those that follow. */
export interface MoreBytes {
  readonly kind: 'more-bytes'
}
