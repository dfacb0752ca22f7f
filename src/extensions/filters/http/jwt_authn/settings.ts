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

export interface Provider {
  readonly name: string
  readonly issuer: string
  readonly audiences: readonly string[]
  readonly jwks: string
  /** Instead of `jwks`. */
  readonly remote: RemoteKeySettings | undefined
  /** What `sub` must fit: the text of a native tool; undefined: any. */
  readonly subject: string | undefined
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
  /** Why a token failed, in metadata; empty: nowhere. */
  readonly failureMetadata: string
  /** How many good tokens are kept in mind; 0: none. */
  readonly cached: number
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
  /** Whoever comes may pass; `header`: tells the upstream of a token that failed. */
  | { readonly kind: 'extract'; readonly header: string }

export interface Rule {
  /** Undefined: `tool` judges. */
  readonly path:
    | { readonly kind: 'prefix' | 'exact' | 'separated-prefix' | 'connect'; readonly text: string }
    | undefined
  /** Of a native tool, for rules that ask for more than a path. */
  readonly tool: string
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
  /** When no rule matches: by the text of this filter state; undefined: none. */
  readonly byState: { readonly name: string; readonly requires: Readonly<Record<string, Requirement>> } | undefined
  readonly bypassesPreflight: boolean
  readonly stripsFailure: boolean
}

export interface RouteSettings {
  readonly isDisabled: boolean
  readonly requirement: string
}
