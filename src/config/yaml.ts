import {
  defineMappingTag,
  defineScalarTag,
  defineSequenceTag,
  loadAll,
  NOT_RESOLVED,
  Schema,
  YAMLException,
} from 'js-yaml'
import { err, ok, type Result } from '../support/result.js'
import type { SyntaxError } from './text-syntax.js'
import { regularLayout } from './yaml-layout.js'

/*
 * YAML as Envoy reads it (yaml-cpp, then its own typing of scalars), which is neither YAML 1.1 nor 1.2:
 *   - y, yes, true, on (in lower, upper or title case) are true, likewise false;
 *   - decimal, 0x and 0-octal integers are numbers if they fit 32 bits, else strings of their decimal form;
 *   - every other plain scalar is a string: 1.5 too, the field's type decides later;
 *   - a later duplicate key wins; `<<` is an ordinary key; a key tagged !ignore is left out; other tags mean nothing;
 *   - of several documents the first counts;
 *   - how far continued lines of flow collections and quoted scalars are indented does not matter (yaml-layout.ts).
 */

/** `tree`: null, booleans, numbers, strings, arrays and plain objects. `text`: what to look for positions in. */
export interface YamlDocument {
  readonly tree: unknown
  readonly text: string
}

/** Parses YAML text. Takes no note of positions, for speed. */
export function parseYaml(text: string): Result<YamlDocument, SyntaxError> {
  const parsed = parse(text)
  if (parsed.ok) return parsed
  const layout = regularLayout(text)
  const again = layout === text ? parsed : parse(layout)
  return again.ok ? again : parsed
}

function parse(text: string): Result<YamlDocument, SyntaxError> {
  try {
    const [root] = loadAll(text, { schema: envoySchema })
    return ok({ tree: valueOf(root ?? null), text })
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error
    const mark = error.mark
    return err({ message: error.reason, ...(mark && { line: mark.line + 1, column: mark.column + 1 }) })
  }
}

/** A plain scalar that is not a string. Its source matters when it stands as a key: `y: 1` has the key "y". */
class Plain {
  constructor(
    readonly source: string,
    readonly value: null | boolean | number | string,
  ) {}
}

/** A scalar tagged !ignore: a key that is left out; as a value the tag means nothing. */
class Ignored extends Plain {}
const truths = new Set(['y', 'yes', 'true', 'on'])
const falsehoods = new Set(['n', 'no', 'false', 'off'])

function valueOf(node: unknown): unknown {
  return node instanceof Plain ? node.value : node
}

function resolvePlain(source: string): Plain | typeof NOT_RESOLVED {
  if (source === '' || source === '~' || source === 'null' || source === 'Null' || source === 'NULL')
    return new Plain(source, null)
  const word = source.toLowerCase()
  const isWordCase =
    source === word || source === source.toUpperCase() || source === word.charAt(0).toUpperCase() + word.slice(1)
  if (isWordCase && truths.has(word)) return new Plain(source, true)
  if (isWordCase && falsehoods.has(word)) return new Plain(source, false)
  const integer = parseInteger(source)
  if (integer === undefined) return NOT_RESOLVED
  const isSmall = integer >= -(2n ** 31n) && integer < 2n ** 31n
  return new Plain(source, isSmall ? Number(integer) : integer.toString())
}

// As a C++ stream reads an int64 when no base is set.
function parseInteger(source: string): bigint | undefined {
  const match = /^([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/.exec(source)
  if (!match) return undefined
  const [, sign, digits] = match as unknown as [string, string, string]
  const magnitude = /^0[0-7]+$/.test(digits) ? BigInt(`0o${digits.slice(1)}`) : BigInt(digits)
  const value = sign === '-' ? -magnitude : magnitude
  return value >= -(2n ** 63n) && value < 2n ** 63n ? value : undefined
}

const never = () => false

const envoySchema = new Schema([
  defineScalarTag<unknown>('tag:yaml.org,2002:str', {
    resolve: (source, isExplicit) => {
      const plain = isExplicit ? resolvePlain(source) : NOT_RESOLVED
      return plain === NOT_RESOLVED ? source : plain
    },
    identify: never,
  }),
  defineScalarTag<unknown>('plain', { implicit: true, resolve: resolvePlain, identify: never }),
  defineScalarTag<unknown>('!ignore', {
    resolve: source => new Ignored(source, source),
    identify: never,
  }),
  ...['!', 'tag:'].map(prefix =>
    defineScalarTag<unknown>(prefix, {
      matchByTagPrefix: true,
      resolve: source => {
        const plain = resolvePlain(source)
        return plain === NOT_RESOLVED ? source : plain
      },
      identify: never,
    }),
  ),
  ...['tag:yaml.org,2002:seq', '!', 'tag:'].map((name, position) =>
    defineSequenceTag<unknown[]>(name, {
      matchByTagPrefix: position > 0,
      create: () => [],
      addItem: (list, item) => {
        list.push(valueOf(item))
      },
      identify: never,
    }),
  ),
  ...['tag:yaml.org,2002:map', '!', 'tag:'].map((name, position) =>
    defineMappingTag<Record<string, unknown>>(name, {
      matchByTagPrefix: position > 0,
      create: () => Object.create(null) as Record<string, unknown>,
      addPair: (map, key, value) => {
        if (key instanceof Ignored) return ''
        const name = key instanceof Plain ? (key.value === null ? 'null' : key.source) : key
        if (typeof name !== 'string') return 'a key must be a scalar'
        map[name] = valueOf(value)
        return ''
      },
      has: never, // a later duplicate wins
      keys: map => Object.keys(map),
      get: (map, key) => map[key as string],
      identify: never,
    }),
  ),
])
