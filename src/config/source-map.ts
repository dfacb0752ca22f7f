import { createRequire } from 'node:module'
import type { LineCounter, Node, Pair, YAMLMap } from 'yaml'
import type { ConfigError, ConfigErrorCode } from './config-error.js'
import { parsePath } from './field-path.js'
import { positionAt } from './text-syntax.js'

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

/** One text; `--config-yaml` counts as a file of that name. */
export interface SourceText {
  readonly file: string
  readonly text: string
  /** `offsets` come from the parser of the text format; binary files have no positions. */
  readonly kind: 'yaml' | 'binary' | { readonly offsets: ReadonlyMap<string, number> }
}

type Part = string | number

// The parser that knows positions is needed only when there is an error; loading it takes 25 ms.
const require = createRequire(import.meta.url)
let yaml: typeof import('yaml') | undefined

function yamlLibrary(): typeof import('yaml') {
  yaml ??= require('yaml') as typeof import('yaml')
  return yaml
}

/** A place found in one text: how many parts of the path were matched, and whether the text goes on. */
interface Place extends SourcePosition {
  readonly depth: number
}

/** The positions of one document. */
export class TextPositions {
  readonly #source: SourceText
  #root: Node | null | undefined
  #lines: LineCounter | undefined

  constructor(source: SourceText) {
    this.#source = source
  }

  /** `prefersKey`: the position of the name rather than of its value. */
  locate(parts: readonly Part[], prefersKey = false): Place {
    const { file, text, kind } = this.#source
    if (kind === 'binary') return { file, depth: 0 }
    if (kind !== 'yaml') return locateOffset(this.#source, kind.offsets, parts, text)
    let place: Place = { file, depth: 0 }
    let node = this.#document()
    for (const [depth, part] of parts.entries()) {
      const step = stepInto(node, part)
      if (!step) break
      node = step.value
      const marks = yamlLibrary().isScalar(node) && !prefersKey ? node : (step.key ?? node)
      place = { file, depth: depth + 1, ...this.#position(marks), ...foundIn(node) }
    }
    return place
  }

  /** How many items the list at this path has; 1 for a single value in its place, 0 for nothing. */
  countAt(parts: readonly Part[]): number {
    if (this.#source.kind !== 'yaml') return 0
    let node = this.#document()
    for (const part of parts) {
      const step = stepInto(node, part)
      if (!step) return 0
      node = step.value
    }
    return yamlLibrary().isSeq(node) ? node.items.length : 1
  }

  #document(): Node | null {
    if (this.#root === undefined) {
      const library = yamlLibrary()
      this.#lines = new library.LineCounter()
      const options = { lineCounter: this.#lines, uniqueKeys: false, logLevel: 'silent', strict: false } as const
      this.#root = library.parseDocument(this.#source.text, options).contents
    }
    return this.#root
  }

  #position(node: Node | null): { line?: number; column?: number } {
    const offset = node?.range?.[0]
    if (offset === undefined || !this.#lines) return {}
    const { line, col } = this.#lines.linePos(offset)
    return { line, column: col }
  }
}

function locateOffset(
  source: SourceText,
  offsets: ReadonlyMap<string, number>,
  parts: readonly Part[],
  text: string,
): Place {
  for (let depth = parts.length; depth > 0; depth--) {
    const path = parts
      .slice(0, depth)
      .reduce<string>(
        (all, part) => (typeof part === 'number' ? `${all}[${part}]` : all === '' ? part : `${all}.${part}`),
        '',
      )
    const offset = offsets.get(path)
    if (offset !== undefined) return { file: source.file, depth, ...positionAt(text, offset) }
  }
  return { file: source.file, depth: 0 }
}

function stepInto(node: Node | null, part: Part): { value: Node | null; key?: Node } | undefined {
  const { isAlias, isMap, isSeq } = yamlLibrary()
  const target = isAlias(node) ? null : node
  if (isSeq(target))
    return typeof part === 'number' && part < target.items.length
      ? { value: target.items[part] as Node | null }
      : undefined
  if (typeof part === 'number') return part === 0 ? { value: node } : undefined // one value in place of a list
  if (!isMap(target)) return undefined
  const named = pairsOf(target)
  const [snake, camelCase] = [named.get(part), named.get(camel(part))]
  // The later one counts.
  const pair = (snake?.position ?? -1) >= (camelCase?.position ?? -1) ? snake?.pair : camelCase?.pair
  return pair && { value: pair.value, key: pair.key }
}

type YamlPair = Pair<Node, Node | null>
type NamedPairs = ReadonlyMap<string, { readonly pair: YamlPair; readonly position: number }>

// By map: a document may have as many mistakes as names.
const indexes = new WeakMap<object, NamedPairs>()

function pairsOf(map: YAMLMap): NamedPairs {
  const known = indexes.get(map)
  if (known) return known
  const { isScalar } = yamlLibrary()
  const named = new Map<string, { pair: YamlPair; position: number }>()
  for (const [position, pair] of (map.items as YamlPair[]).entries()) {
    if (isScalar(pair.key)) named.set(pair.key.source ?? String(pair.key.value), { pair, position })
  }
  indexes.set(map, named)
  return named
}

function camel(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

function foundIn(node: Node | null): { found?: string } {
  if (!yamlLibrary().isScalar(node)) return {}
  const text = node.type === 'PLAIN' ? (node.source ?? '') : JSON.stringify(node.value)
  return text === '' ? {} : { found: text.length > 60 ? `${text.slice(0, 57)}...` : text }
}

/** The texts of one configuration: a file, and what was merged over it. */
export class ConfigSources implements SourceMap {
  readonly #texts: readonly TextPositions[]
  readonly #paths: WeakMap<object, { toString(): string }>

  /** `paths`: where each message of the loaded configuration stands. */
  constructor(texts: readonly TextPositions[], paths: WeakMap<object, { toString(): string }> = new WeakMap()) {
    this.#texts = texts
    this.#paths = paths
  }

  locate(path: string): SourcePosition | undefined {
    return this.#place(path, false)
  }

  error(code: ConfigErrorCode, path: string, message: string, suggestion?: string): ConfigError {
    const namesField = code === 'unknown-field' || code === 'removed-field' || code === 'deprecated-field'
    const place = this.#place(path, namesField)
    return { code, path, message, ...place, ...(suggestion !== undefined && { suggestion }) }
  }

  pathOf(message: object): string | undefined {
    return this.#paths.get(message)?.toString()
  }

  #place(path: string, prefersKey: boolean): SourcePosition | undefined {
    const [base, over] = this.#texts
    if (!base) return undefined
    const parts = parsePath(path)
    const inBase = base.locate(parts, prefersKey)
    const best = over ? deeper(inBase, this.#inOverride(base, over, parts, prefersKey)) : inBase
    const { depth, found, ...position } = best
    return depth === parts.length && found !== undefined ? { ...position, found } : position
  }

  // Lists of the override were appended to those of the base, so its first item has the index of the base's length.
  #inOverride(base: TextPositions, over: TextPositions, parts: readonly Part[], prefersKey: boolean): Place {
    let isNew = false
    const own = parts.map((part, depth) => {
      if (typeof part !== 'number' || isNew) return part
      const count = base.countAt(parts.slice(0, depth))
      isNew = part >= count
      return isNew ? part - count : Number.MAX_SAFE_INTEGER
    })
    return over.locate(own, prefersKey)
  }
}

// What the override says wins when both say it.
function deeper(inBase: Place, inOverride: Place): Place {
  return inOverride.depth > 0 && inOverride.depth >= inBase.depth ? inOverride : inBase
}
