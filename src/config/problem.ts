import type { ConfigErrorCode } from './config-error.js'
import type { FieldPath } from './field-path.js'

/** A ConfigError in the making: its position in the text is worked out only when there is one to print. */
export interface Problem {
  readonly code: ConfigErrorCode
  readonly path: FieldPath
  readonly message: string
  readonly found?: string
  readonly suggestion?: string
  readonly severity: 'error' | 'warning'
}

/** A value as an operator may recognise it: scalars only, at most 60 characters. */
export function showValue(value: unknown): string | undefined {
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (typeof value === 'object' && value !== null) return undefined
  const text = typeof value === 'bigint' ? value.toString() : (JSON.stringify(value) ?? String(value))
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}
