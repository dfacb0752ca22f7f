import {
  create,
  type DescEnum,
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  type Message,
  ScalarType,
} from '@bufbuild/protobuf'
import { type Any, AnySchema, type Duration } from '@bufbuild/protobuf/wkt'
import { scalarZeroValue } from '@bufbuild/protobuf/reflect'
import type { FieldPath } from './field-path.js'
import { nearest } from '../support/nearest.js'
import { type Problem, showValue } from './problem.js'
import { fieldSuccessor, typeSuccessor } from './removed.js'
import { decodeScalar, parseDuration } from './scalars.js'
import { isTypedStruct, type TypedStructMessage, typeNameOf } from './type-url.js'
import type { Types } from './types.js'

/** What JSON and YAML parsers make. */
export type Tree = null | boolean | number | string | readonly Tree[] | { readonly [name: string]: Tree }

/**
 * Turns a tree into typed messages by the rules of proto JSON, as leniently as Envoy: names in snake_case or camelCase, enum names in any case,
 * numbers and booleans as strings, a single value for a list, Duration and wrappers as objects too. Goes on after an error, to find them all.
 */
export class TreeDecoder {
  readonly problems: Problem[] = []
  readonly #types: Types
  readonly #allowUnknownFields: boolean
  readonly #fields = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>()

  constructor(types: Types, allowUnknownFields: boolean) {
    this.#types = types
    this.#allowUnknownFields = allowUnknownFields
  }

  /** The message, or undefined where the tree has no object at all; errors are in `problems`. */
  message(schema: DescMessage, tree: Tree, path: FieldPath, isPayload = false): Message | undefined {
    const special = wellKnown[schema.typeName]
    if (special) return special(this, schema, tree, path)
    if (schema.typeName === 'google.protobuf.Any') return this.#any(tree, path)
    if (!isObject(tree)) return this.#mismatch(path, `expected fields of ${schema.typeName}`, tree)
    const message = create(schema)
    const target = message as unknown as Record<string, unknown>
    for (const name of Object.keys(tree)) {
      const field = this.#fieldsOf(schema).get(name)
      if (field) this.#setField(target, field, tree[name] as Tree, path.field(name))
      else if (!isPayload || name !== '@type') this.#unknownField(schema, name, tree[name] as Tree, path.field(name))
    }
    return message
  }

  fail(
    code: Problem['code'],
    path: FieldPath,
    message: string,
    extra: Partial<Pick<Problem, 'found' | 'suggestion' | 'severity'>> = {},
  ): undefined {
    this.problems.push({ severity: 'error', ...extra, code, path, message })
    return undefined
  }

  #mismatch(path: FieldPath, message: string, tree: Tree): undefined {
    const kind = Array.isArray(tree) ? 'a list' : typeof tree === 'object' ? 'an object' : showValue(tree)
    return this.fail('bad-value', path, message, { found: kind ?? 'nothing' })
  }

  #fieldsOf(schema: DescMessage): ReadonlyMap<string, DescField> {
    let fields = this.#fields.get(schema)
    if (!fields) {
      fields = new Map([
        ...schema.fields.map(field => [field.jsonName, field] as const),
        ...schema.fields.map(field => [field.name, field] as const),
      ])
      this.#fields.set(schema, fields)
    }
    return fields
  }

  #unknownField(schema: DescMessage, name: string, tree: Tree, path: FieldPath): void {
    const successor = fieldSuccessor(schema.typeName, name)
    const near = nearest(
      name,
      schema.fields.map(field => field.name),
    )
    const suggestion = successor ?? (near === undefined ? undefined : `did you mean "${near}"?`)
    const found = showValue(tree)
    this.fail(
      successor ? 'removed-field' : 'unknown-field',
      path,
      `${successor ? 'removed' : 'unknown'} field "${name}" of ${schema.typeName}`,
      {
        severity: this.#allowUnknownFields ? 'warning' : 'error',
        ...(found !== undefined && { found }),
        ...(suggestion !== undefined && { suggestion }),
      },
    )
  }

  #setField(target: Record<string, unknown>, field: DescField, tree: Tree, path: FieldPath): void {
    const isNullValue = field.message?.typeName === 'google.protobuf.Value' && field.fieldKind === 'message'
    if (tree === null && !isNullValue) return
    if (field.oneof && (target[field.oneof.localName] as { case?: string }).case !== undefined) {
      const other = (target[field.oneof.localName] as { case: string }).case
      const otherName = field.oneof.fields.find(member => member.localName === other)?.name
      this.fail(
        'bad-value',
        path,
        `only one of ${field.oneof.fields.map(member => member.name).join(', ')} can be set; "${otherName}" is set already`,
      )
      return
    }
    const value = this.#fieldValue(field, tree, path)
    if (value === undefined) return
    if (field.oneof) target[field.oneof.localName] = { case: field.localName, value }
    else target[field.localName] = value
  }

  #fieldValue(field: DescField, tree: Tree, path: FieldPath): unknown {
    if (field.fieldKind === 'list') return this.#list(field, tree, path)
    if (field.fieldKind === 'map') return this.#map(field, tree, path)
    return this.#single(field, tree, path)
  }

  #list(field: DescField & { fieldKind: 'list' }, tree: Tree, path: FieldPath): unknown {
    if (!Array.isArray(tree)) {
      const item = this.#single(field, tree, path.item(0))
      return item === undefined ? undefined : [item]
    }
    const items: unknown[] = []
    const isValue = field.message?.typeName === 'google.protobuf.Value'
    // A list inside a list counts as its items, for Envoy too.
    const flat = (tree as readonly Tree[]).some(item => Array.isArray(item))
      ? ((tree as unknown[]).flat(Number.POSITIVE_INFINITY) as Tree[])
      : tree
    for (const [index, itemTree] of (flat as readonly Tree[]).entries()) {
      const item = itemTree === null && !isValue ? emptyItem(field) : this.#single(field, itemTree, path.item(index))
      if (item !== undefined) items.push(item)
    }
    return items
  }

  #map(field: DescField & { fieldKind: 'map' }, tree: Tree, path: FieldPath): unknown {
    if (!isObject(tree)) return this.#mismatch(path, 'expected a map', tree)
    const entries: Record<string, unknown> = {}
    for (const key of Object.keys(tree)) {
      const keyPath = path.field(key)
      const checked = decodeScalar(field.mapKey, key)
      if (!checked.ok) this.fail('bad-value', keyPath, checked.error, { found: JSON.stringify(key) })
      const value = this.#single(field, tree[key] as Tree, keyPath)
      if (value !== undefined)
        Object.defineProperty(entries, key, { value, enumerable: true, configurable: true, writable: true })
    }
    return entries
  }

  // One value of a singular field, list or map, in the form protobuf-es keeps it.
  #single(field: DescField, tree: Tree, path: FieldPath): unknown {
    if (field.scalar !== undefined) {
      const value = decodeScalar(field.scalar, tree)
      return value.ok ? value.value : this.#mismatch(path, value.error, tree)
    }
    if (field.enum) return this.#enum(field.enum, tree, path)
    const schema = field.message as DescMessage
    if (schema.typeName === 'google.protobuf.Struct' && field.parent.typeName !== 'google.protobuf.Value')
      return this.#struct(tree, path)
    const isWrapper = field.fieldKind === 'message' && !field.oneof && wrappers.has(schema.typeName)
    if (isWrapper) return this.#wrapped(schema, tree, path)
    return this.message(schema, tree, path)
  }

  #wrapped(schema: DescMessage, tree: Tree, path: FieldPath): unknown {
    const message = this.message(schema, tree, path) as { value?: unknown } | undefined
    return message?.value
  }

  #struct(tree: Tree, path: FieldPath): JsonObject | undefined {
    if (!isObject(tree)) return this.#mismatch(path, 'expected a map', tree)
    if (hasInfinity(tree)) return this.fail('bad-value', path, 'a number in here is out of range')
    return tree as JsonObject
  }

  #enum(schema: DescEnum, tree: Tree, path: FieldPath): number | undefined {
    if (typeof tree === 'string') {
      const wanted = tree.toUpperCase()
      const named =
        schema.values.find(value => value.name === tree) ??
        schema.values.find(value => value.name.toUpperCase() === wanted)
      if (named) return named.number
    }
    const number =
      typeof tree === 'string' && !/^-?\d+$/.test(tree.trim()) ? undefined : decodeScalar(ScalarType.INT32, tree)
    if (number?.ok) return number.value as number
    if (typeof tree !== 'string') return this.#mismatch(path, `expected a name of ${schema.typeName}`, tree)
    const names = schema.values.map(value => value.name)
    const near = nearest(tree.replaceAll('-', '_'), names)
    return this.fail('bad-value', path, `no value of ${schema.typeName}`, {
      found: JSON.stringify(tree),
      suggestion: near === undefined ? `one of ${names.slice(0, 12).join(', ')}` : `did you mean "${near}"?`,
      severity: this.#allowUnknownFields ? 'warning' : 'error',
    })
  }

  #any(tree: Tree, path: FieldPath): Any | undefined {
    if (!isObject(tree)) return this.#mismatch(path, 'expected a message with "@type"', tree)
    const typeUrl = tree['@type']
    if (typeof typeUrl !== 'string') {
      if (Object.keys(tree).length === 0) return create(AnySchema)
      return this.fail(
        'bad-value',
        path,
        'a message of any type needs "@type", such as type.googleapis.com/envoy.config…',
        {},
      )
    }
    const typePath = path.field('@type')
    if (!/^[^/].*\/[^/]+$/.test(typeUrl)) {
      return this.fail('bad-value', typePath, '"@type" needs a host and a "/" before the name', {
        found: JSON.stringify(typeUrl),
        suggestion: `write "type.googleapis.com/${typeUrl}"`,
      })
    }
    const typeName = typeNameOf(typeUrl)
    const schema = this.#types.message(typeName)
    if (!schema) return this.#unknownType(typeUrl, typeName, typePath)
    const payload = this.#payload(schema, tree, path)
    if (!payload) return undefined
    const unpacked = isTypedStruct(payload) ? this.#typedStruct(payload, path) : payload
    return this.#types.packAny(typeUrl, payload, unpacked)
  }

  #payload(schema: DescMessage, tree: { readonly [name: string]: Tree }, path: FieldPath): Message | undefined {
    const hasValueForm = wellKnown[schema.typeName] !== undefined || schema.typeName === 'google.protobuf.Any'
    if (!hasValueForm) return this.message(schema, tree, path, true)
    return this.message(schema, tree.value ?? {}, path.field('value'))
  }

  // A TypedStruct with the name of a known type stands for a message of it; otherwise it is what it is, for a filter that takes any.
  #typedStruct(struct: TypedStructMessage, path: FieldPath): Message {
    const typeName = typeNameOf(struct.typeUrl)
    const schema = typeName === '' ? undefined : this.#types.message(typeName)
    if (!schema || wellKnown[typeName]) return struct
    return this.message(schema, (struct.value ?? {}) as Tree, path.field('value')) ?? struct
  }

  #unknownType(typeUrl: string, typeName: string, path: FieldPath): undefined {
    const successor = typeSuccessor(typeName)
    const near = successor ?? this.#types.suggestType(typeName)
    return this.fail(
      'unknown-type',
      path,
      successor ? 'this type belongs to the removed v2 API' : 'no such type is known',
      {
        found: JSON.stringify(typeUrl),
        ...(near !== undefined && {
          suggestion: successor ? `use "type.googleapis.com/${near}"` : `did you mean "type.googleapis.com/${near}"?`,
        }),
      },
    )
  }
}

export function isObject(tree: Tree | undefined): tree is { readonly [name: string]: Tree } {
  return typeof tree === 'object' && tree !== null && !Array.isArray(tree)
}

function hasInfinity(tree: Tree): boolean {
  if (typeof tree === 'number') return !Number.isFinite(tree)
  return typeof tree === 'object' && tree !== null && Object.values(tree).some(hasInfinity)
}

// null in a list is the empty value, for Envoy too.
function emptyItem(field: DescField): unknown {
  if (field.message) return create(field.message)
  return field.scalar === undefined ? 0 : scalarZeroValue(field.scalar, false)
}

type SpecialDecoder = (decoder: TreeDecoder, schema: DescMessage, tree: Tree, path: FieldPath) => Message | undefined

const wrapperKinds: readonly (readonly [string, ScalarType])[] = [
  ['DoubleValue', ScalarType.DOUBLE],
  ['FloatValue', ScalarType.FLOAT],
  ['Int64Value', ScalarType.INT64],
  ['UInt64Value', ScalarType.UINT64],
  ['Int32Value', ScalarType.INT32],
  ['UInt32Value', ScalarType.UINT32],
  ['BoolValue', ScalarType.BOOL],
  ['StringValue', ScalarType.STRING],
  ['BytesValue', ScalarType.BYTES],
]
const wrappers = new Set(wrapperKinds.map(([name]) => `google.protobuf.${name}`))

/** Types with a JSON form of their own; Envoy's parser takes most of them as ordinary objects too. */
const wellKnown: Readonly<Record<string, SpecialDecoder | undefined>> = {
  ...Object.fromEntries(wrapperKinds.map(([name, scalar]) => [`google.protobuf.${name}`, wrapperDecoder(scalar)])),
  'google.protobuf.Duration': (decoder, schema, tree, path) => {
    if (isObject(tree)) return plainFields(decoder, schema, tree, path)
    const duration = parseDuration(tree)
    if (duration.ok) return create(schema, duration.value) as Duration
    const isNumber = typeof tree === 'number' || (typeof tree === 'string' && /^\d+(\.\d+)?$/.test(tree))
    return decoder.fail('bad-value', path, duration.error, {
      ...foundIn(tree),
      ...(isNumber && { suggestion: `did you mean "${tree}s"?` }),
    })
  },
  'google.protobuf.Timestamp': (decoder, schema, tree, path) =>
    isObject(tree) ? plainFields(decoder, schema, tree, path) : libraryDecoder(decoder, schema, tree, path),
  'google.protobuf.Struct': libraryDecoder,
  'google.protobuf.Value': libraryDecoder,
  'google.protobuf.ListValue': libraryDecoder,
  'google.protobuf.FieldMask': libraryDecoder,
}

function foundIn(tree: Tree): { found?: string } {
  const found = showValue(tree)
  return found === undefined ? {} : { found }
}

function wrapperDecoder(scalar: ScalarType): SpecialDecoder {
  return (decoder, schema, tree, path) => {
    if (isObject(tree)) return plainFields(decoder, schema, tree, path)
    const value = decodeScalar(scalar, tree)
    if (value.ok) return create(schema, { value: value.value })
    return decoder.fail('bad-value', path, value.error, foundIn(tree))
  }
}

// The ordinary fields of a well-known type: {seconds: 5}, {value: 7}.
function plainFields(
  decoder: TreeDecoder,
  schema: DescMessage,
  tree: { readonly [name: string]: Tree },
  path: FieldPath,
): Message {
  const message = create(schema) as Message & Record<string, unknown>
  for (const name of Object.keys(tree)) {
    const field = schema.fields.find(other => other.name === name)
    if (name === '@type') continue
    if (!field) {
      decoder.fail(
        'unknown-field',
        path.field(name),
        `unknown field "${name}" of ${schema.typeName}`,
        foundIn(tree[name] as Tree),
      )
      continue
    }
    const value = decodeScalar(field.scalar as ScalarType, tree[name])
    if (value.ok) message[field.localName] = value.value
    else decoder.fail('bad-value', path.field(name), value.error, foundIn(tree[name] as Tree))
  }
  return message
}

function libraryDecoder(decoder: TreeDecoder, schema: DescMessage, tree: Tree, path: FieldPath): Message | undefined {
  try {
    return fromJson(schema, tree as JsonValue)
  } catch (error) {
    return decoder.fail('bad-value', path, (error as Error).message, foundIn(tree))
  }
}
