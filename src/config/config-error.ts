import type { ErrorCode } from '../support/errors.js'

/**
 * One thing that is wrong with a configuration, as a plain value: it crosses threads by structured clone.
 *
 * `path` is the field path from the root message, in the names of the .proto files, with indices and map keys in brackets:
 * `static_resources.listeners[0].filter_chains[0].filters[0].typed_config.stat_prefix`. It is empty for the document as a whole.
 * `line` and `column` count from 1.
 */
export interface ConfigError {
  readonly code: ConfigErrorCode
  /** A sentence without the path, position or suggestion; the printer adds those. */
  readonly message: string
  readonly path: string
  readonly file?: string
  readonly line?: number
  readonly column?: number
  /** The offending value as the operator wrote it, shortened. */
  readonly found?: string
  /** What to write instead: the nearest valid name, or the v3 successor of a removed v2 field. */
  readonly suggestion?: string
  /** It is in the payload of an Any, which whoever uses the payload refuses: a resource of a management server, not its response. */
  readonly isPacked?: boolean
}

/** See the table in support/errors.ts. */
export type ConfigErrorCode = Exclude<ErrorCode, 'usage'>

/** One line, in the form compilers use: `envoy.yaml:12:17: error: a.b[0].port: unknown field "port"; did you mean "port_value"?` */
export function printConfigError(error: ConfigError, severity: 'error' | 'warning' = 'error'): string {
  const where = [error.file, error.line, error.line === undefined ? undefined : error.column].filter(
    part => part !== undefined,
  )
  const position = where.length > 0 ? `${where.join(':')}: ` : ''
  const path = error.path === '' ? '' : `${error.path}: `
  const found = error.found === undefined ? '' : ` (found ${error.found})`
  const suggestion = error.suggestion === undefined ? '' : `; ${error.suggestion}`
  return `${position}${severity}: ${path}${error.message}${found}${suggestion}`
}
