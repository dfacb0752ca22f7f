/** What the declaration of jwt_authn tells the filter: Envoy's configuration with names resolved and defaults in place. */

export interface Provider {
  readonly name: string
  readonly issuer: string
  readonly audiences: readonly string[]
  readonly jwks: string
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
