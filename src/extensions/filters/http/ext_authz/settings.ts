/** What the declaration of ext_authz tells the filter: Envoy's configuration with names resolved and defaults in place. */

/** Names of headers; one rule suffices. */
export interface NameRule {
  readonly kind: 'exact' | 'prefix' | 'suffix' | 'contains'
  readonly text: string
  readonly ignoresCase: boolean
}

export interface HttpService {
  readonly kind: 'http'
  readonly cluster: string
  readonly timeoutMs: number
  readonly pathPrefix: string
  /** Instead of the request's path; empty: none. */
  readonly pathOverride: string
  readonly headersToAdd: readonly (readonly [name: string, value: string])[]
  // ---- of its answer: to the upstream, in place of the request's own or beside them; to the client; into metadata
  readonly toUpstream: readonly NameRule[]
  readonly appendedToUpstream: readonly NameRule[]
  /** Undefined: all. */
  readonly toClient: readonly NameRule[] | undefined
  readonly toClientOnSuccess: readonly NameRule[]
  readonly toMetadata: readonly NameRule[]
}

export interface GrpcService {
  readonly kind: 'grpc'
  readonly cluster: string
  readonly authority: string
  readonly timeoutMs: number
  readonly metadata: readonly (readonly [name: string, value: string])[]
}

export interface BodySettings {
  readonly maxBytes: number
  readonly allowsPart: boolean
  readonly asBytes: boolean
}

export interface Settings {
  readonly service: HttpService | GrpcService
  readonly failureModeAllow: boolean
  readonly tellsFailure: boolean
  readonly statusOnError: number
  readonly body: BodySettings | undefined
  readonly clearsRoute: boolean
  readonly metadataNamespaces: readonly string[]
  readonly routeMetadataNamespaces: readonly string[]
  /** Of a million requests. */
  readonly enabledPpm: number
  readonly deniesWhenDisabled: boolean
  readonly includesPeerCertificate: boolean
  readonly includesTlsSession: boolean
  /** Undefined: all. */
  readonly allowedHeaders: readonly NameRule[] | undefined
  readonly disallowedHeaders: readonly NameRule[]
  readonly chargesCluster: boolean
  readonly takesMetadata: boolean
  /** Of statistics: `ext_authz.` and the configured prefix. */
  readonly statName: string
}

export interface RouteSettings {
  readonly isDisabled: boolean
  readonly contextExtensions: Readonly<Record<string, string>>
  readonly buffersBody: boolean
  readonly body: BodySettings | undefined
  readonly service: HttpService | GrpcService | undefined
}
