import type { JsonObject } from '@bufbuild/protobuf'

export interface Settings {
  /** Module that has Lua. */
  readonly program: string
  /** Script for requests whose route says nothing; empty: none. */
  readonly source: string
  readonly sources: Readonly<Record<string, string>>
  /** What routes keep metadata for it under. */
  readonly name: string
  readonly refreshesRoute: boolean
  readonly context: JsonObject
  /** Facts of streams as tools that write them. */
  readonly facts: Readonly<Record<string, string>>
}

export interface RouteSettings {
  readonly isOff: boolean
  /** One of `sources`. */
  readonly name: string
  readonly source: string
  readonly context: JsonObject
}
