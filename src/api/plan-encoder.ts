/**
 * Plain objects → plan bytes. What toBinary(schema, create(schema, init)) makes, without the message in between: thousands of plans are made
 * of a large configuration, and the messages would cost more than all the rest of them. A member that is left out is its default.
 */
import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf'
import type { PlanInit } from './plan-context.js'

export function encodePlan<Schema extends DescMessage>(schema: Schema, init: PlanInit<Schema>): Uint8Array {
  output.position = 0
  encoderOf(schema)(init as Init, output)
  return output.take()
}

type Init = Readonly<Record<string, unknown>>
type Encoder = (init: Init, out: Output) => void

const encoders = new WeakMap<DescMessage, Encoder>()

function encoderOf(schema: DescMessage): Encoder {
  const known = encoders.get(schema)
  if (known) return known
  const fields: Encoder[] = []
  const encoder: Encoder = (init, out) => {
    for (const field of fields) field(init, out)
  }
  encoders.set(schema, encoder) // before its fields: a message may hold itself
  for (const field of [...schema.fields].sort((a, b) => a.number - b.number)) fields.push(fieldEncoder(field))
  return encoder
}

function fieldEncoder(field: DescField): Encoder {
  const { localName, number } = field
  if (field.oneof || field.fieldKind === 'map') throw new Error(`plans have no ${field}`)
  if (field.fieldKind === 'list') return listEncoder(field)
  if (field.fieldKind === 'message') {
    const write = nested(field.message, number)
    return (init, out) => {
      const value = init[localName]
      if (value !== undefined) write(value as Init, out)
    }
  }
  const type = field.fieldKind === 'enum' ? ScalarType.INT32 : field.scalar
  const write = scalar(type, number)
  const hasPresence = field.proto.proto3Optional
  return (init, out) => {
    const value = init[localName]
    if (value === undefined || (!hasPresence && isZero(value))) return
    write(value as never, out)
  }
}

function listEncoder(field: Extract<DescField, { fieldKind: 'list' }>): Encoder {
  const { localName, number } = field
  if (field.listKind === 'message') {
    const write = nested(field.message, number)
    return (init, out) => {
      for (const item of (init[localName] ?? []) as Init[]) write(item, out)
    }
  }
  const type = field.listKind === 'enum' ? ScalarType.INT32 : field.scalar
  if (type === ScalarType.STRING || type === ScalarType.BYTES) {
    const write = scalar(type, number)
    return (init, out) => {
      for (const item of (init[localName] ?? []) as never[]) write(item, out)
    }
  }
  const write = scalar(type, undefined)
  return (init, out) => {
    const items = (init[localName] ?? []) as never[]
    if (items.length === 0) return
    out.varint(number * 8 + 2)
    const start = out.begin()
    for (const item of items) write(item, out)
    out.end(start)
  }
}

function nested(schema: DescMessage, number: number): (value: Init, out: Output) => void {
  let encoder: Encoder | undefined
  const tag = number * 8 + 2
  return (value, out) => {
    encoder ??= encoderOf(schema)
    out.varint(tag)
    const start = out.begin()
    encoder(value, out)
    out.end(start)
  }
}

const isZero = (value: unknown): boolean =>
  value === 0 ? !Object.is(value, -0) : value === '' || value === false || value === 0n || isEmptyBytes(value)

const isEmptyBytes = (value: unknown): boolean => value instanceof Uint8Array && value.length === 0

/** `number`: of the field; undefined within a packed list. */
function scalar(type: ScalarType, number: number | undefined): (value: never, out: Output) => void {
  const tag = (wireType: number): ((out: Output) => void) => {
    if (number === undefined) return () => undefined
    const value = number * 8 + wireType
    return out => out.varint(value)
  }
  const begin = tag(type === ScalarType.STRING || type === ScalarType.BYTES ? 2 : type === ScalarType.DOUBLE ? 1 : 0)
  switch (type) {
    case ScalarType.STRING:
      return (value: string, out) => {
        begin(out)
        out.string(value)
      }
    case ScalarType.BYTES:
      return (value: Uint8Array, out) => {
        begin(out)
        out.bytes(value)
      }
    case ScalarType.BOOL:
      return (value: boolean, out) => {
        begin(out)
        out.varint(value ? 1 : 0)
      }
    case ScalarType.DOUBLE:
      return (value: number, out) => {
        begin(out)
        out.double(value)
      }
    case ScalarType.INT32:
    case ScalarType.UINT32:
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return (value: number | bigint, out) => {
        begin(out)
        if (typeof value === 'number' && value >= 0 && value <= 0xffff_ffff) out.varint(value)
        else out.varint64(BigInt(value))
      }
    default:
      throw new Error(`plans have no fields of the type ${ScalarType[type]}`)
  }
}

const firstSize = 64 * 1024
/** A larger buffer than this is not kept. */
const keptSize = 8 * 1024 * 1024

class Output {
  position = 0
  #buffer = Buffer.allocUnsafeSlow(firstSize)

  /** Up to 32 bits. */
  varint(value: number): void {
    if (this.position + 5 > this.#buffer.length) this.#grow(5)
    let rest = value
    while (rest > 0x7f) {
      this.#buffer[this.position++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#buffer[this.position++] = rest
  }

  varint64(value: bigint): void {
    const bits = BigInt.asUintN(64, value)
    let low = Number(bits & 0xffff_ffffn)
    let high = Number(bits >> 32n)
    while (high > 0) {
      this.varint((low & 0x7f) + 0x80)
      this.position-- // the continuation bit made it two bytes
      low = ((low >>> 7) | (high << 25)) >>> 0
      high >>>= 7
    }
    this.varint(low)
  }

  double(value: number): void {
    this.#room(8)
    this.#buffer.writeDoubleLE(value, this.position)
    this.position += 8
  }

  bytes(value: Uint8Array): void {
    this.varint(value.length)
    this.#room(value.length)
    this.#buffer.set(value, this.position)
    this.position += value.length
  }

  string(value: string): void {
    const { length } = value
    if (length < 0x80 && this.#short(value)) return
    const size = Buffer.byteLength(value)
    this.varint(size)
    this.#room(size)
    this.#buffer.write(value, this.position, size)
    this.position += size
  }

  /** ASCII whose length takes one byte. False: it is not ASCII, and nothing was written. */
  #short(value: string): boolean {
    const { length } = value
    this.#room(length + 1)
    const buffer = this.#buffer
    const start = this.position
    for (let index = 0; index < length; index++) {
      const unit = value.charCodeAt(index)
      if (unit > 0x7f) return false
      buffer[start + 1 + index] = unit
    }
    buffer[start] = length
    this.position = start + 1 + length
    return true
  }

  /** The start of something whose length comes before it; one byte is left for that. */
  begin(): number {
    this.#room(1)
    return ++this.position
  }

  end(start: number): void {
    const length = this.position - start
    if (length < 0x80) {
      this.#buffer[start - 1] = length
      return
    }
    const more = length < 0x4000 ? 1 : length < 0x20_0000 ? 2 : length < 0x1000_0000 ? 3 : 4
    this.#room(more)
    this.#buffer.copyWithin(start + more, start, start + length)
    this.position = start - 1
    this.varint(length)
    this.position = start + more + length
  }

  /** What was written, as memory of its own. */
  take(): Uint8Array {
    const taken = new Uint8Array(this.position)
    taken.set(this.#buffer.subarray(0, this.position))
    if (this.#buffer.length > keptSize) this.#buffer = Buffer.allocUnsafeSlow(firstSize)
    return taken
  }

  #room(size: number): void {
    if (this.position + size > this.#buffer.length) this.#grow(size)
  }

  #grow(size: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.position + size))
    larger.set(this.#buffer.subarray(0, this.position))
    this.#buffer = larger
  }
}

const output = new Output()
