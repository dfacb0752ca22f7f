import { type DescMessage, fromBinary, type Message } from '@bufbuild/protobuf'
import { err, ok, type Result } from '../support/result.js'
import { MessageChecker } from './check.js'
import type { ConfigError } from './config-error.js'
import type { Problem } from './problem.js'
import type { Types } from './types.js'

export interface DecodedMessage<M extends Message> {
  readonly message: M
  /** One line for each message that carries unknown fields, in Envoy's words, where they are counted. */
  readonly unknownFields: readonly string[]
  /** How many deprecated fields and values it sets. */
  readonly deprecatedFields: number
  /** Deprecated fields. */
  readonly warnings: readonly ConfigError[]
}

/**
 * A message that came in bytes, decoded and checked: the rules of Envoy's API, in payloads of Any too. Errors have a path within the
 * message. `unknown`: what becomes of fields the API does not have.
 */
export function decodeMessage<M extends Message>(
  typeName: M['$typeName'],
  bytes: Uint8Array,
  types: Types,
  unknown: 'refuse' | 'count' | 'ignore',
): Result<DecodedMessage<M>, readonly ConfigError[]> {
  const schema = types.message(typeName) as DescMessage
  let message: M
  try {
    message = fromBinary(schema, bytes) as M
  } catch (error) {
    const text = `Unable to unpack as ${typeName}: ${(error as Error).message}`
    return err([{ code: 'bad-value', path: '', message: text }])
  }
  const checker = new MessageChecker(types, { allowUnknownFields: unknown !== 'refuse' })
  checker.check(message)
  if (checker.problems.length === 0) return ok({ message, unknownFields: [], deprecatedFields: 0, warnings: [] })
  const errors = checker.problems.filter(problem => problem.severity === 'error')
  if (errors.length > 0)
    return err(errors.map(one => ({ ...errorOf(one), ...(checker.packed.has(one) && { isPacked: true }) })))
  const deprecated = checker.problems.filter(problem => problem.code === 'deprecated-field')
  const others = checker.problems.filter(problem => problem.code === 'unknown-field')
  return ok({
    message,
    unknownFields: unknown === 'count' ? others.map(problem => problem.message) : [],
    deprecatedFields: deprecated.length,
    warnings: deprecated.map(errorOf),
  })
}

function errorOf({ code, path, message, found, suggestion }: Problem): ConfigError {
  return {
    code,
    path: path.toString(),
    message,
    ...(found !== undefined && { found }),
    ...(suggestion !== undefined && { suggestion }),
  }
}
