import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import type { PlanInit } from '../api/plan-context.js'
import { type FormatPieceSchema, JsonFormat_Kind, type JsonFormatSchema, Operator } from '../generated/plan_pb.js'
import { err, ok, type Result } from '../support/result.js'
import { extensionOperators, laterOperators, type OperatorSyntax, operators } from './format-operators.js'

export type FormatPieceInit = PlanInit<typeof FormatPieceSchema>
export type JsonFormatInit = PlanInit<typeof JsonFormatSchema>

/** Envoy's default access log line. */
export const defaultFormat =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% ' +
  '%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" ' +
  '"%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"\n'

/** Why a format is refused. `later`: Envoy knows it, we do not yet; `what` completes "not supported yet: ". */
export type FormatProblem =
  | { readonly kind: 'error'; readonly message: string }
  | { readonly kind: 'later'; readonly what: string }

export interface FormatOptions {
  /** Operators that `formatters` entries brought: REQ_WITHOUT_QUERY, FILE_CONTENT. */
  readonly extra?: ReadonlySet<string>
  /** The text of the file a FILE_CONTENT names. */
  readonly readFile?: (path: string) => Result<string, string>
}

const command = /^%([A-Z0-9_]+)(?:\((.*?)\))?(?::([0-9]+))?%/

/**
 * The pieces of a substitution format: `%NAME(PARAMETER):LENGTH%` with literal text between; `%%` is a per cent sign.
 * Neighbouring literals are one piece; an empty format has none. The problems are Envoy 1.40's sentences.
 */
export function parseFormat(format: string, options: FormatOptions = {}): Result<FormatPieceInit[], FormatProblem> {
  const pieces: FormatPieceInit[] = []
  let literal = ''
  const endLiteral = () => {
    if (literal !== '') pieces.push({ op: Operator.LITERAL, text: literal })
    literal = ''
  }
  for (let at = 0; at < format.length; ) {
    const percent = format.indexOf('%', at)
    literal += format.slice(at, percent < 0 ? format.length : percent)
    if (percent < 0) break
    if (format[percent + 1] === '%') {
      literal += '%'
      at = percent + 2
      continue
    }
    const match = command.exec(format.slice(percent))
    if (!match) {
      // Envoy counts bytes.
      const position = Buffer.byteLength(format.slice(0, percent))
      return problem(`Incorrect configuration: ${format}. Couldn't find valid command at position ${position}`)
    }
    const [whole, name = '', parameter = '', length] = match
    const piece = parseCommand(name, parameter, length === undefined ? undefined : Number(length), options)
    if (!piece.ok) return piece
    endLiteral()
    pieces.push(piece.value)
    at = percent + whole.length
  }
  endLiteral()
  return ok(pieces)
}

function problem(message: string): { readonly ok: false; readonly error: FormatProblem } {
  return err({ kind: 'error', message })
}

function parseCommand(
  name: string,
  parameter: string,
  length: number | undefined,
  options: FormatOptions,
): Result<FormatPieceInit, FormatProblem> {
  const later = laterOperators.get(name)
  if (later !== undefined) return err({ kind: 'later', what: later })
  if (name === 'COALESCE') return coalesce(parameter, length, options)
  const syntax = operators.get(name) ?? (options.extra?.has(name) ? extensionOperators.get(name) : undefined)
  if (!syntax) return problem(`Not supported field in StreamInfo: ${name}`)
  const misuse = checkSyntax(name, syntax, parameter, length)
  if (misuse !== undefined) return problem(misuse)
  const parsed = syntax.parse(parameter)
  if (!parsed.ok) return problem(parsed.error)
  const piece = withLength({ op: syntax.op, ...parsed.value }, length)
  return piece.op === Operator.FILE_CONTENT ? fileContent(piece, options) : ok(piece)
}

function checkSyntax(
  name: string,
  syntax: OperatorSyntax,
  parameter: string,
  length: number | undefined,
): string | undefined {
  const bare = syntax.parameter === 'none' && !syntax.length
  if (bare && (parameter !== '' || length !== undefined)) return `${name} does not take any parameters or length`
  if (syntax.parameter === 'required' && parameter === '') return `${name} requires parameters`
  if (!syntax.length && length !== undefined) return `${name} does not allow length to be specified.`
  return undefined
}

function withLength(piece: FormatPieceInit, length: number | undefined): FormatPieceInit {
  return length === undefined ? piece : { ...piece, maxLength: Math.min(length, 0xffff_ffff) }
}

// "path" or "path:watched directory"; the content is read now.
function fileContent(piece: FormatPieceInit, options: FormatOptions): Result<FormatPieceInit, FormatProblem> {
  const [path = ''] = (piece.text ?? '').split(':')
  if (!options.readFile) return ok({ ...piece, text: path })
  const content = options.readFile(path)
  if (!content.ok) return problem(content.error)
  const bytes = Buffer.from(content.value).subarray(0, piece.maxLength ?? Number.POSITIVE_INFINITY)
  return ok({ op: Operator.LITERAL, text: bytes.toString('utf8') })
}

// COALESCE({"operators": ["PROTOCOL", {"command": "REQ", "param": "x", "max_length": 3}]})
function coalesce(
  parameter: string,
  length: number | undefined,
  options: FormatOptions,
): Result<FormatPieceInit, FormatProblem> {
  if (parameter === '') return problem('COALESCE requires parameters')
  let config: unknown
  try {
    config = JSON.parse(parameter)
  } catch (cause) {
    return problem(`COALESCE: failed to parse JSON configuration: ${cause instanceof Error ? cause.message : cause}`)
  }
  if (!isObject(config) || config.operators === undefined) {
    return problem("COALESCE: JSON configuration must contain 'operators' array")
  }
  if (!Array.isArray(config.operators)) return problem("COALESCE: 'operators' must be an array")
  if (config.operators.length === 0) return problem("COALESCE: 'operators' array must not be empty")
  const alternatives: FormatPieceInit[] = []
  for (const [index, entry] of config.operators.entries()) {
    const made = coalesceEntry(entry, options)
    if (!made.ok) {
      if (made.error.kind === 'later') return made
      return problem(`COALESCE: failed to parse operator at index ${index}: ${made.error.message}`)
    }
    alternatives.push(made.value)
  }
  return ok(withLength({ op: Operator.COALESCE, alternatives }, length))
}

function coalesceEntry(entry: unknown, options: FormatOptions): Result<FormatPieceInit, FormatProblem> {
  if (typeof entry === 'string') return coalesceCommand(entry, '', undefined, options)
  if (!isObject(entry)) {
    return problem("operator entry must be either a string (command name) or an object with 'command' field")
  }
  const { command: name, param = '', max_length: length } = entry
  if (typeof name !== 'string')
    return problem("operator object must have 'command' field: key 'command' missing or not a string")
  if (typeof param !== 'string') return problem("'param' field must be a string: key 'param' missing or not a string")
  if (length === undefined) return coalesceCommand(name, param, undefined, options)
  if (!Number.isInteger(length)) return problem("'max_length' field must be an integer")
  if (Number(length) <= 0) return problem("'max_length' must be a positive integer")
  return coalesceCommand(name, param, Number(length), options)
}

function coalesceCommand(
  name: string,
  parameter: string,
  length: number | undefined,
  options: FormatOptions,
): Result<FormatPieceInit, FormatProblem> {
  const known = operators.has(name) || laterOperators.has(name) || name === 'COALESCE'
  return known ? parseCommand(name, parameter, length, options) : problem(`unknown command: '${name}'`)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A JSON format: texts are formats, all else is written as it stands; keys are sorted by their bytes, as Envoy sorts them. */
export function parseJsonFormat(
  format: JsonObject,
  options: FormatOptions = {},
): Result<JsonFormatInit, FormatProblem> {
  return jsonNode(format, options)
}

function jsonNode(value: JsonValue, options: FormatOptions): Result<JsonFormatInit, FormatProblem> {
  if (typeof value === 'string') {
    const pieces = parseFormat(value, options)
    return pieces.ok ? ok({ kind: JsonFormat_Kind.FORMAT, format: { pieces: pieces.value } }) : pieces
  }
  if (typeof value !== 'object' || value === null) return ok({ kind: JsonFormat_Kind.RAW, raw: canonicalJson(value) })
  const isList = Array.isArray(value)
  const keys = isList ? [] : sortedKeys(value)
  const values: JsonFormatInit[] = []
  for (const each of isList ? value : keys.map(key => value[key] ?? null)) {
    const node = jsonNode(each, options)
    if (!node.ok) return node
    values.push(node.value)
  }
  return ok({ kind: isList ? JsonFormat_Kind.ARRAY : JsonFormat_Kind.OBJECT, keys, values })
}

function sortedKeys(object: JsonObject): string[] {
  return Object.keys(object).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

/** JSON text as Envoy writes a google.protobuf.Value: no spaces, sorted keys, numbers as C++ prints doubles. */
export function canonicalJson(value: JsonValue): string {
  if (typeof value === 'number') return numberText(value)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  return `{${sortedKeys(value)
    .map(key => `${JSON.stringify(key)}:${canonicalJson(value[key] ?? null)}`)
    .join(',')}}`
}

function numberText(value: number): string {
  if (Number.isInteger(value) && value < 2 ** 64 && value >= -(2 ** 63)) return BigInt(value).toString()
  const size = Math.abs(value)
  const text = size >= 1e15 || size < 1e-4 ? value.toExponential() : String(value)
  return text.replace(/e([+-])(\d)$/, 'e$10$2')
}
