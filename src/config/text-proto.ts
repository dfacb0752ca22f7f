import { type DescEnum, type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf'
import { err, ok, type Result } from '../support/result.js'
import type { Tree } from './decode.js'
import { FieldPath } from './field-path.js'
import { positionAt, type SyntaxError } from './text-syntax.js'
import { typeNameOf } from './type-url.js'
import type { Types } from './types.js'

export interface TextProto {
  readonly tree: Tree
  /** Offset of each field, by its path as text. */
  readonly offsets: ReadonlyMap<string, number>
}

/** Parses protobuf's text format into the tree that the proto JSON of the same message has. */
export function parseTextProto(text: string, schema: DescMessage, types: Types): Result<TextProto, SyntaxError> {
  try {
    const parser = new TextParser(text, types)
    return ok({ tree: parser.document(schema), offsets: parser.offsets })
  } catch (error) {
    if (!(error instanceof TextFault)) throw error
    return err({ message: error.message, ...positionAt(text, error.offset) })
  }
}

class TextFault extends Error {
  constructor(
    message: string,
    readonly offset: number,
  ) {
    super(message)
  }
}

type Fields = Record<string, Tree>

/** Without a prototype: a field of any name is an ordinary one. */
const noFields = (): Fields => Object.create(null) as Fields

/** As deep as protobuf's own parsers go. */
const maxDepth = 100

const token =
  /(?<space>(?:\s|#[^\n]*)*)(?:(?<name>[A-Za-z_][\w]*)|(?<number>-?\s*(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fF]?))|(?<string>"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*')|(?<mark>[[\]{}<>:;,/.-])|$)/y

class TextParser {
  readonly offsets = new Map<string, number>()
  readonly #text: string
  readonly #types: Types
  #at = 0
  #kind: 'name' | 'number' | 'string' | 'mark' | 'end' = 'end'
  #token = ''
  #start = 0
  #depth = 0

  constructor(text: string, types: Types) {
    this.#text = text
    this.#types = types
    this.#next()
  }

  document(schema: DescMessage): Tree {
    const tree = this.#fields(schema, '', FieldPath.root)
    if (this.#kind !== 'end') this.#fail(`unexpected ${this.#token}`)
    return tree
  }

  #fail(message: string): never {
    throw new TextFault(message, this.#start)
  }

  #next(): void {
    token.lastIndex = this.#at
    const match = token.exec(this.#text)
    const groups = match?.groups as
      | { space: string; name?: string; number?: string; string?: string; mark?: string }
      | undefined
    this.#start = this.#at + (groups?.space.length ?? 0)
    if (!match || !groups) this.#fail('unexpected character')
    this.#at = token.lastIndex
    const { name, number, string, mark } = groups
    this.#kind =
      name !== undefined
        ? 'name'
        : number !== undefined
          ? 'number'
          : string !== undefined
            ? 'string'
            : mark !== undefined
              ? 'mark'
              : 'end'
    this.#token = name ?? number ?? string ?? mark ?? ''
    if (this.#kind === 'end' && this.#start < this.#text.length)
      this.#fail(`unexpected ${JSON.stringify(this.#text.charAt(this.#start))}`)
  }

  #is(mark: string): boolean {
    return this.#kind === 'mark' && this.#token === mark
  }

  #accept(mark: string): boolean {
    if (!this.#is(mark)) return false
    this.#next()
    return true
  }

  #expect(mark: string): void {
    if (!this.#accept(mark)) this.#fail(`expected "${mark}"`)
  }

  #fields(schema: DescMessage, end: string, path: FieldPath): Fields {
    const fields = noFields()
    if (++this.#depth > maxDepth) this.#fail(`nested more than ${maxDepth} levels deep`)
    while (end === '' ? this.#kind !== 'end' : !this.#is(end)) {
      if (this.#is('[')) this.#expandedAny(fields, path)
      else this.#field(schema, fields, path)
      if (!this.#accept(',')) this.#accept(';')
    }
    this.#depth--
    return fields
  }

  #field(schema: DescMessage, fields: Fields, parent: FieldPath): void {
    if (this.#kind !== 'name') this.#fail('expected the name of a field')
    const [name, start] = [this.#token, this.#start]
    const field = schema.fields.find(one => one.name === name)
    this.#next()
    const isList = field?.fieldKind === 'list' || field?.fieldKind === 'map'
    const before = fields[name]
    const count = Array.isArray(before) ? before.length : 0
    const path = isList ? parent.field(name).item(count) : parent.field(name)
    this.offsets.set(parent.field(name).toString(), start)
    this.offsets.set(path.toString(), start)
    const hasColon = this.#accept(':')
    const value = this.#value(field, hasColon, path)
    if (field?.fieldKind === 'map') this.#mapEntry(fields, name, value)
    else if (isList) {
      const list = (fields[name] ??= []) as Tree[]
      for (const item of Array.isArray(value) ? value : [value]) list.push(item)
    } else fields[name] = value
  }

  #mapEntry(fields: Fields, name: string, value: Tree): void {
    const map = (fields[name] ?? noFields()) as Fields
    for (const entry of (Array.isArray(value) ? value : [value]) as { key?: Tree; value?: Tree }[])
      map[String(entry.key ?? '')] = entry.value ?? ''
    fields[name] = map
  }

  #value(field: DescField | undefined, hasColon: boolean, path: FieldPath): Tree {
    if (this.#accept('[')) {
      if (++this.#depth > maxDepth) this.#fail(`nested more than ${maxDepth} levels deep`)
      const items: Tree[] = []
      while (!this.#is(']')) {
        items.push(this.#value(field, hasColon, path))
        if (!this.#accept(',')) break
      }
      this.#expect(']')
      this.#depth--
      return items
    }
    if (this.#is('{') || this.#is('<')) return this.#message(field, path)
    if (!hasColon) this.#fail('expected ":" or "{"')
    return this.#scalar(field?.scalar, field?.enum)
  }

  #message(field: DescField | undefined, path: FieldPath): Tree {
    const end = this.#is('{') ? '}' : '>'
    this.#next()
    const fields =
      field?.fieldKind === 'map'
        ? this.#entryFields(field, end, path)
        : this.#fields(field?.message ?? noSchema, end, path)
    this.#expect(end)
    return field?.fieldKind === 'map' ? fields : fromMessageForm(field?.message?.typeName, fields)
  }

  #entryFields(field: DescField & { fieldKind: 'map' }, end: string, path: FieldPath): Fields {
    const entry = noFields()
    while (!this.#is(end)) {
      const name = this.#token
      if (name !== 'key' && name !== 'value') this.#fail('expected "key" or "value"')
      this.#next()
      const hasColon = this.#accept(':')
      if (name === 'key') entry.key = this.#scalar(field.mapKey)
      else if (field.message) entry.value = this.#messageValue(field.message, path)
      else entry.value = hasColon ? this.#scalar(field.scalar) : this.#fail('expected ":"')
      if (!this.#accept(',')) this.#accept(';')
    }
    return entry
  }

  #messageValue(schema: DescMessage, path: FieldPath): Tree {
    const end = this.#is('{') ? '}' : '>'
    if (!this.#accept('{')) this.#expect('<')
    const fields = this.#fields(schema, end, path)
    this.#expect(end)
    return fromMessageForm(schema.typeName, fields)
  }

  // [type.googleapis.com/a.B] { … }
  #expandedAny(fields: Fields, path: FieldPath): void {
    this.#expect('[')
    let typeUrl = ''
    while (!this.#is(']')) {
      if (this.#kind === 'end') this.#fail('expected "]"')
      typeUrl += this.#token
      this.#next()
    }
    this.#expect(']')
    this.#accept(':')
    const schema = this.#types.message(typeNameOf(typeUrl))
    if (!schema) this.#fail(`no type "${typeUrl}" is known`)
    const payload = this.#messageValue(schema, path)
    const isPlain =
      typeof payload === 'object' &&
      payload !== null &&
      !Array.isArray(payload) &&
      !schema.typeName.startsWith('google.protobuf.')
    Object.assign(fields, { '@type': typeUrl }, isPlain ? payload : { value: payload })
  }

  #scalar(type: ScalarType | undefined, names?: DescEnum): Tree {
    const [kind, text] = [this.#kind, this.#token]
    const isText = type === ScalarType.STRING || type === ScalarType.BYTES
    if ((type !== undefined || names) && isText !== (kind === 'string'))
      this.#fail(isText ? 'expected a string in quotes' : 'unexpected string')
    if (names && kind === 'name' && !names.values.some(value => value.name === text))
      this.#fail(`no value of ${names.typeName}`)
    if (kind === 'string') return this.#strings(type === ScalarType.BYTES)
    if (this.#accept('-')) {
      const word = this.#token
      this.#next()
      return /^inf(inity)?$/i.test(word) ? '-Infinity' : this.#fail('expected a number')
    }
    if (kind !== 'name' && kind !== 'number') this.#fail('expected a value')
    this.#next()
    if (kind === 'name') return nameScalar(type, text)
    const number = text.replace(/\s+/g, '')
    if (type === ScalarType.BOOL) return number === '1' ? true : number === '0' ? false : number
    if (/^-?0[xX]/.test(number)) return signed(number, digits => BigInt(digits).toString())
    if (/^-?0[0-7]+$/.test(number)) return signed(number, digits => BigInt(`0o${digits.slice(1)}`).toString())
    return number.replace(/[fF]$/, '')
  }

  #strings(isBytes: boolean): Tree {
    const parts: Buffer[] = []
    while (this.#kind === 'string') {
      const bytes = unescape(this.#token.slice(1, -1))
      parts.push(bytes ?? this.#fail('no such character'))
      this.#next()
    }
    return Buffer.concat(parts).toString(isBytes ? 'base64' : 'utf8')
  }
}

const noSchema = { fields: [], typeName: '' } as unknown as DescMessage

function signed(number: string, convert: (digits: string) => string): string {
  return number.startsWith('-') ? `-${convert(number.slice(1))}` : convert(number)
}

function nameScalar(type: ScalarType | undefined, name: string): Tree {
  if (type === ScalarType.BOOL)
    return /^(true|True|t)$/.test(name) ? true : /^(false|False|f)$/.test(name) ? false : name
  if (type === ScalarType.DOUBLE || type === ScalarType.FLOAT)
    return /^inf(inity)?$/i.test(name) ? 'Infinity' : /^nan$/i.test(name) ? 'NaN' : name
  return name
}

const simpleEscapes: Readonly<Record<string, number>> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11 }

/** Undefined: a code point beyond the last. */
function unescape(text: string): Buffer | undefined {
  const parts: Buffer[] = []
  const pattern = /[^\\]+|\\(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([^]))/g
  for (const [all, hex, octal, short, long, simple] of text.matchAll(pattern)) {
    const byte =
      hex !== undefined ? Number.parseInt(hex, 16) : octal !== undefined ? Number.parseInt(octal, 8) & 255 : undefined
    const point = short ?? long
    if (point !== undefined && Number.parseInt(point, 16) > 0x10ffff) return undefined
    if (byte !== undefined) parts.push(Buffer.from([byte]))
    else if (point !== undefined) parts.push(Buffer.from(String.fromCodePoint(Number.parseInt(point, 16))))
    else if (simple !== undefined)
      parts.push(simpleEscapes[simple] === undefined ? Buffer.from(simple) : Buffer.from([simpleEscapes[simple]]))
    else parts.push(Buffer.from(all))
  }
  return Buffer.concat(parts)
}

// google.protobuf.Struct and its kin are ordinary messages in the text format, but have a JSON form of their own.
function fromMessageForm(typeName: string | undefined, fields: Fields): Tree {
  if (typeName === 'google.protobuf.Struct') return fields.fields ?? {}
  if (typeName === 'google.protobuf.ListValue') return fields.values ?? []
  if (typeName !== 'google.protobuf.Value') return fields
  if (fields.number_value !== undefined) return Number(fields.number_value)
  return fields.string_value ?? fields.bool_value ?? fields.struct_value ?? fields.list_value ?? null
}
