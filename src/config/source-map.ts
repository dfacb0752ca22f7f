import type { ConfigError, ConfigErrorCode } from './config-error.js'

/** Where a field path stands in the text it came from. Lines and columns count from 1. */
export interface SourcePosition {
  readonly file: string
  readonly line?: number
  readonly column?: number
  /** The value as written, shortened; absent for maps and lists. */
  readonly found?: string
}

/** Finds the text behind a field path. Positions are worked out on the first question, by parsing the text once more. */
export interface SourceMap {
  /** Position of the nearest existing ancestor when the path itself is not in the text (a missing required field, say). */
  locate(path: string): SourcePosition | undefined
  /** A ConfigError about `path`, with its position filled in. */
  error(code: ConfigErrorCode, path: string, message: string, suggestion?: string): ConfigError
  /** The path an object of the loaded message came from, e.g. a Filter or an Any: `static_resources.listeners[0]`. */
  pathOf(message: object): string | undefined
}
