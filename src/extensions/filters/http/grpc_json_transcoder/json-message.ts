/** JSON values and texts from paths and queries into messages, with the errors that Envoy tells. */
import {
  type DescEnum,
  type DescField,
  type DescMessage,
  fromJson,
  type Registry,
  ScalarType,
} from '@bufbuild/protobuf'
import { reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect'
import { isMembers, isNumber, JsonError, type JsonNode } from './json-text.js'

const wellKnown = /^google\.protobuf\.(?:Any|Timestamp|Duration|FieldMask|Struct|Value|ListValue|\w+Value)$/
const scalarNames = new Map(Object.entries(ScalarType).map(([name, value]) => [value as ScalarType, `TYPE_${name}`]))

export interface Reading {
  readonly registry: Registry
  readonly enumsInAnyCase: boolean
}

type Scalar = string | number | bigint | boolean | Uint8Array

/** Unknown members are left out. `path`: of the message within the whole, empty at its root. */
export function readMessage(into: ReflectMessage, node: JsonNode, reading: Reading, path = ''): void {
  if (wellKnown.test(into.desc.typeName)) return readWellKnown(into, node, reading, path)
  if (!isMembers(node)) throw new JsonError(`${path}: Root element must be a message.`)
  for (const [name, value] of node) {
    const field = findField(into.desc, name)
    if (field !== undefined && value !== null) readField(into, field, value, reading, below(path, name))
    else if (field !== undefined && isValueField(field)) readField(into, field, value, reading, below(path, name))
  }
}

const below = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`)
const isValueField = (field: DescField): boolean =>
  field.fieldKind === 'message' && field.message.typeName === 'google.protobuf.Value'

/** By its name in the .proto file or in JSON. */
export function findField(message: DescMessage, name: string): DescField | undefined {
  return message.fields.find(field => field.name === name || field.jsonName === name)
}

function readField(into: ReflectMessage, field: DescField, node: JsonNode, reading: Reading, path: string): void {
  switch (field.fieldKind) {
    case 'message': {
      const nested = into.isSet(field) ? into.get(field) : reflect(field.message)
      readMessage(nested, node, reading, path)
      into.set(field, nested)
      return
    }
    case 'list': {
      const items = Array.isArray(node) ? (node as readonly JsonNode[]) : [node]
      for (const [index, item] of items.entries())
        into.get(field).add(listItem(field, item, reading, `${path}[${index}]`))
      return
    }
    case 'map': {
      if (!isMembers(node)) throw scalarError(field.name)
      for (const [key, value] of node) {
        const place = `${path}["${key}"]`
        const mapKey = scalar(field.mapKey, key, place) as string
        if (field.mapKind === 'message') {
          const nested = reflect(field.message)
          readMessage(nested, value, reading, place)
          into.get(field).set(mapKey, nested)
        } else {
          const read =
            field.mapKind === 'enum'
              ? enumNumber(field.enum, value, reading, place)
              : scalar(field.scalar, value, place)
          into.get(field).set(mapKey, read)
        }
      }
      return
    }
    case 'enum':
      into.set(field, enumNumber(field.enum, node, reading, path))
      return
    default:
      if (typeof node === 'object' && !isNumber(node as JsonNode)) throw scalarError(field.name)
      into.set(field, scalar(field.scalar, node, path))
  }
}

const scalarError = (name: string): JsonError =>
  new JsonError(`: invalid value Starting an object on a scalar field for type ${name}`)

function listItem(field: DescField & { fieldKind: 'list' }, node: JsonNode, reading: Reading, path: string): unknown {
  if (field.listKind === 'message') {
    const nested = reflect(field.message)
    readMessage(nested, node, reading, path)
    return nested
  }
  return field.listKind === 'enum' ? enumNumber(field.enum, node, reading, path) : scalar(field.scalar, node, path)
}

function readWellKnown(into: ReflectMessage, node: JsonNode, { registry }: Reading, path: string): void {
  const type = `type.googleapis.com/${into.desc.typeName}`
  try {
    const read = fromJson(into.desc, plain(node) as never, { registry, ignoreUnknownFields: true })
    const from = reflect(into.desc, read)
    for (const field of into.desc.fields) if (from.isSet(field)) into.set(field, from.get(field) as never)
  } catch (error) {
    const why = type.endsWith('.Timestamp') ? badTimestamp : error instanceof Error ? error.message : ''
    throw new JsonError(`${path}: invalid value Field '${path}', ${why} for type ${type}`)
  }
}

const badTimestamp = "Illegal timestamp format; timestamps must end with 'Z' or have a valid timezone offset."

/** For the library's own reader. */
function plain(node: JsonNode): unknown {
  if (isNumber(node)) {
    const value = Number(node.number)
    return Number.isInteger(value) && !Number.isSafeInteger(value) ? node.number : value
  }
  if (Array.isArray(node)) return (node as readonly JsonNode[]).map(plain)
  return isMembers(node) ? Object.fromEntries([...node].map(([name, value]) => [name, plain(value)])) : node
}

function enumNumber(desc: DescEnum, node: JsonNode, { enumsInAnyCase }: Reading, path: string): number {
  const text = isNumber(node) ? node.number : node
  if (typeof text === 'string') {
    const wanted = enumsInAnyCase ? text.toLowerCase().replaceAll('-', '_') : text
    const found = desc.values.find(({ name }) => (enumsInAnyCase ? name.toLowerCase() : name) === wanted)
    if (found) return found.number
    if (/^-?\d+$/.test(text) && Number(text) === Math.trunc(Number(text))) return Number(text)
  }
  throw invalid(path, node, `type.googleapis.com/${desc.typeName}`)
}

function invalid(path: string, node: JsonNode, type: string): JsonError {
  const shown = isNumber(node) ? node.number : JSON.stringify(plain(node))
  return new JsonError(`${path}: invalid value ${shown} for type ${type}`)
}

const ranges = new Map<ScalarType, readonly [bigint, bigint]>([
  [ScalarType.INT32, [-(2n ** 31n), 2n ** 31n - 1n]],
  [ScalarType.SINT32, [-(2n ** 31n), 2n ** 31n - 1n]],
  [ScalarType.SFIXED32, [-(2n ** 31n), 2n ** 31n - 1n]],
  [ScalarType.UINT32, [0n, 2n ** 32n - 1n]],
  [ScalarType.FIXED32, [0n, 2n ** 32n - 1n]],
  [ScalarType.INT64, [-(2n ** 63n), 2n ** 63n - 1n]],
  [ScalarType.SINT64, [-(2n ** 63n), 2n ** 63n - 1n]],
  [ScalarType.SFIXED64, [-(2n ** 63n), 2n ** 63n - 1n]],
  [ScalarType.UINT64, [0n, 2n ** 64n - 1n]],
  [ScalarType.FIXED64, [0n, 2n ** 64n - 1n]],
])
const isWide = (range: readonly [bigint, bigint]): boolean => range[1] > 2n ** 32n

/** One value; texts may stand for numbers and truth values. */
function scalar(type: ScalarType, node: JsonNode, path: string): Scalar {
  const range = ranges.get(type)
  const text = isNumber(node) ? node.number : typeof node === 'string' ? node : undefined
  const read =
    range !== undefined
      ? integer(text, range)
      : type === ScalarType.BOOL
        ? truth(node)
        : type === ScalarType.BYTES
          ? bytes(node)
          : type === ScalarType.STRING
            ? typeof node === 'string'
              ? node
              : undefined
            : float(text, type)
  if (read === undefined) throw invalid(path, node, scalarNames.get(type) ?? '')
  return read
}

function integer(text: string | undefined, range: readonly [bigint, bigint]): number | bigint | undefined {
  if (text === undefined) return undefined
  const whole = /^-?\d+$/.test(text) ? BigInt(text) : wholeOf(Number(text === '' ? 'x' : text))
  if (whole === undefined || whole < range[0] || whole > range[1]) return undefined
  return isWide(range) ? whole : Number(whole)
}

const wholeOf = (value: number): bigint | undefined => (Number.isInteger(value) ? BigInt(value) : undefined)

function truth(node: JsonNode): boolean | undefined {
  if (typeof node === 'boolean') return node
  const word = typeof node === 'string' ? node.toLowerCase() : isNumber(node) ? node.number : ''
  if (['true', 't', 'yes', 'y', '1'].includes(word)) return true
  return ['false', 'f', 'no', 'n', '0'].includes(word) ? false : undefined
}

function bytes(node: JsonNode): Uint8Array | undefined {
  if (typeof node !== 'string' || !/^[\w+/-]*={0,2}$/.test(node)) return undefined
  return Buffer.from(node, 'base64')
}

function float(text: string | undefined, type: ScalarType): number | undefined {
  if (text === undefined || text.trim() === '') return undefined
  const special: Readonly<Record<string, number>> = { NaN: Number.NaN, Infinity: Infinity, '-Infinity': -Infinity }
  const value = special[text] ?? Number(text)
  if (Number.isNaN(value)) return text === 'NaN' ? value : undefined
  return type === ScalarType.FLOAT && Number.isFinite(value) && !Number.isFinite(Math.fround(value)) ? undefined : value
}

/** Puts the text of a path or query at a field; one that may repeat gets one more. */
export function bindText(into: ReflectMessage, path: readonly DescField[], text: string, reading: Reading): void {
  let message = into
  for (const field of path.slice(0, -1)) {
    if (field.fieldKind !== 'message') return
    if (!message.isSet(field)) message.set(field, reflect(field.message))
    message = message.get(field)
  }
  const last = path.at(-1)
  if (last === undefined) return
  const place = path.map(field => field.name).join('.')
  const isMessage = last.fieldKind === 'message' || (last.fieldKind === 'list' && last.listKind === 'message')
  const type = isMessage ? (last.message as DescMessage).typeName : ''
  if (last.fieldKind === 'map' || (isMessage && !wellKnown.test(type)))
    throw new JsonError(`${place}: invalid value ${JSON.stringify(text)} for type type.googleapis.com/${type}`)
  // Numbers come as text, which the readers of wrappers and scalars take alike.
  const node: JsonNode = type === 'google.protobuf.BoolValue' ? (truth(text) ?? text) : text
  readField(message, last, node, reading, place)
}
