/** What the declaration of ext_authz tells the filter: Envoy's configuration with names resolved and defaults in place. */
import type { MetadataRule } from '../common/metadata-rule.js'

/** Names of headers; one rule suffices. */
export interface NameRule {
  readonly kind: 'exact' | 'prefix' | 'suffix' | 'contains' | 'regex'
  /** Of a regular expression: the text of a native tool. */
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
  /** Values are texts of native tools that format them. */
  readonly headersToAdd: readonly (readonly [name: string, tool: string])[]
  /** Conditions of x-envoy-retry-on; empty: asked once. */
  readonly retryOn: string
  readonly retries: number
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

/** envoy.config.common.mutation_rules.v3.HeaderMutationRules. */
export interface MutationRules {
  readonly allowsRouting: boolean
  readonly allowsEnvoy: boolean
  readonly disallowsSystem: boolean
  readonly disallowsAll: boolean
  readonly allowed: NameRule | undefined
  readonly disallowed: NameRule | undefined
  /** What is not allowed is an error, and not only ignored. */
  readonly isError: boolean
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
  /** Requests without this metadata are not asked about. */
  readonly enabledMetadata: MetadataRule | undefined
  /** What the service says has no consequences. */
  readonly isShadow: boolean
  readonly encodesRawHeaders: boolean
  readonly validatesMutations: boolean
  readonly mutationRules: MutationRules | undefined
  /** 0: any number. */
  readonly maxDeniedBytes: number
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
