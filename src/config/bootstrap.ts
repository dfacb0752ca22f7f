import { type DescMessage, fromBinary, type Message, mergeFromBinary, toBinary } from '@bufbuild/protobuf'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Bootstrap } from '../generated/protos/envoy/config/bootstrap/v3/bootstrap_pb.js'
import { err, ok, type Result } from '../support/result.js'
import { MessageChecker } from './check.js'
import type { ConfigError } from './config-error.js'
import { isObject, type Tree, TreeDecoder } from './decode.js'
import { FieldPath } from './field-path.js'
import { parseJson } from './json.js'
import type { Problem } from './problem.js'
import { ConfigSources, type SourceMap, type SourceText, TextPositions } from './source-map.js'
import { parseTextProto } from './text-proto.js'
import type { SyntaxError } from './text-syntax.js'
import type { Types } from './types.js'
import { parseYaml } from './yaml.js'

export interface LoadOptions {
  readonly types: Types
  /** --config-path; its extension says how to read it. */
  readonly path?: string
  /** --config-yaml, merged over the file. */
  readonly yaml?: string
  /** --allow-unknown-static-fields: an unknown field is a warning, not an error. */
  readonly allowUnknownFields?: boolean
}

export interface LoadedBootstrap {
  readonly bootstrap: Bootstrap
  readonly sources: SourceMap
  /** Deprecated fields and, when allowed, unknown ones. */
  readonly warnings: readonly ConfigError[]
}

const bootstrapType = 'envoy.config.bootstrap.v3.Bootstrap'

/** Reads, merges and checks a bootstrap configuration; reads no other file. All errors are reported, not the first. */
export function loadBootstrap(options: LoadOptions): Result<LoadedBootstrap, readonly ConfigError[]> {
  const loaded = loadMessage({ ...options, typeName: bootstrapType })
  if (!loaded.ok) return loaded
  const { message, sources, warnings } = loaded.value
  return ok({ bootstrap: message as Bootstrap, sources, warnings })
}

export interface LoadedMessage {
  readonly message: Message
  readonly sources: SourceMap
  readonly warnings: readonly ConfigError[]
}

/** Like loadBootstrap, for a file that holds any one message. */
export function loadMessage(
  options: LoadOptions & { readonly typeName: string },
): Result<LoadedMessage, readonly ConfigError[]> {
  const schema = options.types.message(options.typeName)
  if (!schema) throw new Error(`no message type ${options.typeName}`)
  const documents: Document[] = []
  if (options.path !== undefined && options.path !== '') documents.push(readDocument(options.path, schema, options))
  if (options.yaml !== undefined && options.yaml !== '')
    documents.push(yamlDocument('--config-yaml', options.yaml, schema, options))
  if (documents.length === 0) {
    return err([
      {
        code: 'file',
        path: '',
        message: 'no configuration given',
        suggestion: 'use --config-path FILE or --config-yaml TEXT',
      },
    ])
  }
  return assemble(documents, schema, options)
}

/** One text, decoded. `fatal` is what kept it from being decoded at all. */
interface Document {
  readonly source: SourceText
  readonly message?: Message
  readonly problems: readonly Problem[]
  readonly fatal?: ConfigError
}

function assemble(
  documents: readonly Document[],
  schema: DescMessage,
  options: LoadOptions,
): Result<LoadedMessage, readonly ConfigError[]> {
  const fatal = documents.flatMap(document => (document.fatal ? [document.fatal] : []))
  const texts = documents.map(document => new TextPositions(document.source))
  const decoding = documents.flatMap(({ problems }, index) =>
    located(problems, new ConfigSources(texts.slice(index, index + 1))),
  )
  const errors = decoding.filter(one => one.severity === 'error').map(one => one.error)
  if (fatal.length > 0) return err([...fatal, ...errors])
  const message = merge(documents, schema)
  const paths = new WeakMap<object, FieldPath>()
  const sources = new ConfigSources(texts, paths)
  const checker = new MessageChecker(options.types, {
    allowUnknownFields: options.allowUnknownFields === true,
    visit: (visited, where) => paths.set(visited, where),
  })
  checker.check(message)
  const checks = located(checker.problems, sources)
  const broken = withAncestors(errors.map(error => error.path))
  const later = checks.filter(one => one.severity === 'error' && !broken.has(one.error.path)).map(one => one.error)
  if (errors.length + later.length > 0) return err([...errors, ...later].sort(byPosition))
  const warnings = [...decoding, ...checks].map(one => one.error)
  return ok({ message, sources, warnings })
}

// A field that could not be read is missing from the message it stands in: no second error about that.
function withAncestors(paths: readonly string[]): ReadonlySet<string> {
  const all = new Set<string>()
  for (const path of paths) {
    for (let at = path; !all.has(at); at = at.slice(0, Math.max(0, at.lastIndexOf('.'), at.lastIndexOf('['))))
      all.add(at)
  }
  return all
}

function byPosition(a: ConfigError, b: ConfigError): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0)
}

function located(
  problems: readonly Problem[],
  sources: SourceMap,
): { severity: 'error' | 'warning'; error: ConfigError }[] {
  return problems.map(problem => {
    const error = sources.error(problem.code, problem.path.toString(), problem.message, problem.suggestion)
    return {
      severity: problem.severity,
      error: problem.found === undefined ? error : { ...error, found: problem.found },
    }
  })
}

function merge(documents: readonly Document[], schema: DescMessage): Message {
  const [base, ...over] = documents.flatMap(document => (document.message ? [document.message] : []))
  if (!base) return fromBinary(schema, new Uint8Array())
  for (const message of over) mergeFromBinary(schema, base, toBinary(schema, message))
  return base
}

function readDocument(file: string, schema: DescMessage, options: LoadOptions): Document {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const message = code === 'ENOENT' ? 'no such file' : `cannot be read (${code})`
    return {
      source: { file, text: '', kind: 'binary' },
      problems: [],
      fatal: { code: 'file', path: '', file, message },
    }
  }
  switch (path.extname(file).toLowerCase()) {
    case '.pb':
      return binaryDocument(file, bytes, schema)
    case '.pb_text':
    case '.textproto':
    case '.pbtxt':
      return textDocument(file, bytes.toString('utf8'), schema, options)
    case '.yaml':
    case '.yml':
      return yamlDocument(file, bytes.toString('utf8'), schema, options)
    default: // As Envoy: any other name is JSON.
      return jsonDocument(file, bytes.toString('utf8'), schema, options)
  }
}

function binaryDocument(file: string, bytes: Uint8Array, schema: DescMessage): Document {
  const source: SourceText = { file, text: '', kind: 'binary' }
  try {
    return { source, problems: [], message: fromBinary(schema, bytes) }
  } catch (error) {
    const message = `not a binary ${schema.typeName}: ${(error as Error).message}`
    return { source, problems: [], fatal: { code: 'syntax', path: '', file, message } }
  }
}

function textDocument(file: string, text: string, schema: DescMessage, options: LoadOptions): Document {
  const parsed = parseTextProto(text, schema, options.types)
  if (!parsed.ok) return broken(file, text, parsed.error)
  return decoded({ file, text, kind: { offsets: parsed.value.offsets } }, parsed.value.tree, schema, options)
}

function yamlDocument(file: string, text: string, schema: DescMessage, options: LoadOptions): Document {
  const parsed = parseYaml(text)
  if (!parsed.ok) return broken(file, text, parsed.error)
  const tree = parsed.value.tree as Tree
  if (typeof tree !== 'object' || tree === null)
    return broken(file, text, { message: 'the document holds no fields', line: 1, column: 1 })
  return decoded({ file, text: parsed.value.text, kind: 'yaml' }, tree, schema, options)
}

function jsonDocument(file: string, text: string, schema: DescMessage, options: LoadOptions): Document {
  const parsed = parseJson(text)
  if (!parsed.ok) {
    const hint = /^\.(json|)$/.test(path.extname(file)) ? '' : `; "${path.extname(file)}" is read as JSON`
    return broken(file, text, { ...parsed.error, message: `${parsed.error.message}${hint}` })
  }
  // YAML is a superset of JSON, so its parser finds the positions.
  return decoded({ file, text, kind: 'yaml' }, parsed.value as Tree, schema, options)
}

// As deep as protobuf's own parsers go, and more values than a configuration of any size has. Aliases of YAML can stand for more, and for
// themselves.
const maxDepth = 100
const maxValues = 5_000_000

/** Why a tree is not worth decoding. */
function excess(tree: unknown): string | undefined {
  let values = 0
  const isTooDeep = (node: unknown, depth: number): boolean => {
    if (++values > maxValues || typeof node !== 'object' || node === null) return false
    if (depth > maxDepth) return true
    if (Array.isArray(node)) return node.some(item => isTooDeep(item, depth + 1))
    for (const name in node) if (isTooDeep((node as Record<string, unknown>)[name], depth + 1)) return true
    return false
  }
  if (isTooDeep(tree, 0)) return `nested more than ${maxDepth} levels deep`
  return values > maxValues ? `more than ${maxValues} values, aliases written out` : undefined
}

function decoded(source: SourceText, tree: Tree, schema: DescMessage, options: LoadOptions): Document {
  const tooMuch = excess(tree)
  if (tooMuch !== undefined) return broken(source.file, source.text, { message: tooMuch })
  const decoder = new TreeDecoder(options.types, options.allowUnknownFields === true)
  const message = isObject(tree)
    ? decoder.message(schema, tree, FieldPath.root)
    : decoder.fail('bad-value', FieldPath.root, 'the document is not an object')
  return { source, problems: decoder.problems, ...(message && { message }) }
}

function broken(file: string, text: string, error: SyntaxError): Document {
  return { source: { file, text, kind: 'yaml' }, problems: [], fatal: { code: 'syntax', path: '', file, ...error } }
}
