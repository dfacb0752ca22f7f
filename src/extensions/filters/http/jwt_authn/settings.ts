/** What the declaration of jwt_authn tells the filter: Envoy's configuration with names resolved and defaults in place. */

/** Keys that are fetched. */
export interface RemoteKeySettings {
  readonly cluster: string
  readonly path: string
  readonly host: string
  readonly timeoutMs: number
  readonly keepMs: number
  /** Before a token wants them. */
  readonly isAhead: boolean
  /** Ahead of time: after a failure. */
  readonly failedMs: number
  readonly retries: number
  /** For one try; 0: as long as for all. */
  readonly tryMs: number
}

export interface SubjectRule {
  readonly kind: 'exact' | 'prefix' | 'suffix' | 'contains'
  readonly text: string
  readonly ignoresCase: boolean
}

export interface Provider {
  readonly name: string
  readonly issuer: string
  readonly audiences: readonly string[]
  readonly jwks: string
  /** Instead of `jwks`. */
  readonly remote: RemoteKeySettings | undefined
  /** Of `sub`; undefined: any. */
  readonly subject: SubjectRule | undefined
  readonly mustExpire: boolean
  /** Seconds from now to `exp` at most; undefined: any. */
  readonly maxLifetimeS: number | undefined
  /** Claims that are lists of words. */
  readonly wordClaims: readonly string[]
  readonly forward: boolean
  readonly headers: readonly { readonly name: string; readonly prefix: string }[]
  readonly params: readonly string[]
  readonly cookies: readonly string[]
  readonly payloadHeader: string
  readonly padsPayload: boolean
  readonly payloadMetadata: string
  readonly headerMetadata: string
  readonly clockSkewS: number
  /** `path`: into the payload. */
  readonly claimHeaders: readonly { readonly header: string; readonly path: readonly string[] }[]
  readonly clearsRoute: boolean
}

export type Requirement =
  /** `audiences`: instead of the provider's. */
  | { readonly kind: 'provider'; readonly provider: string; readonly audiences?: readonly string[] }
  | { readonly kind: 'any' | 'all'; readonly of: readonly Requirement[] }
  | { readonly kind: 'allow-missing' | 'allow-missing-or-failed' }

export interface Rule {
  readonly path: { readonly kind: 'prefix' | 'exact' | 'separated-prefix' | 'connect'; readonly text: string }
  readonly isCaseSensitive: boolean
  /** Undefined: whoever comes may pass. */
  readonly requires: Requirement | undefined
  /** One of the settings' `requirements` instead; empty: none. */
  readonly requirementName: string
}

export interface Settings {
  readonly providers: readonly Provider[]
  /** The first that matches counts; without one the request passes. */
  readonly rules: readonly Rule[]
  readonly requirements: Readonly<Record<string, Requirement>>
  readonly bypassesPreflight: boolean
  readonly stripsFailure: boolean
}

export interface RouteSettings {
  readonly isDisabled: boolean
  readonly requirement: string
}
