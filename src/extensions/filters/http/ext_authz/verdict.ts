import type { JsonObject } from '@bufbuild/protobuf'

export type Pair = readonly [name: string, value: string]

/** What the service said of a request. */
export type Verdict =
  | {
      readonly kind: 'ok'
      /** In place of the request's own. */
      readonly set: readonly Pair[]
      /** Behind the value that the request has; nothing where it has none. */
      readonly append: readonly Pair[]
      /** Beside the request's own. */
      readonly add: readonly Pair[]
      readonly remove: readonly string[]
      readonly queryToSet: readonly Pair[]
      readonly queryToRemove: readonly string[]
      readonly response: readonly ResponseChange[]
      readonly metadata: JsonObject
    }
  | {
      readonly kind: 'denied'
      readonly status: number
      readonly body: string
      readonly headers: readonly Pair[]
      readonly metadata: JsonObject
    }
  | { readonly kind: 'error' }

export interface ResponseChange {
  readonly how: 'add' | 'set' | 'add-if-absent' | 'overwrite-if-exists'
  readonly name: string
  readonly value: string
}

export const failed: Verdict = { kind: 'error' }

/** The request as the service may see it. */
export interface Checked {
  readonly method: string
  readonly path: string
  readonly authority: string
  /** Names in lower case, pseudo-headers among them; several values of one name joined. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Uint8Array
  /** Every header for itself. */
  readonly fields: readonly Pair[]
}
