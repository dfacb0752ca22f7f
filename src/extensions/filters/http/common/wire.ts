/** Protobuf messages of services, written and read field by field: for filters that need few of theirs. */
import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import { BinaryReader, type BinaryWriter, WireType } from '@bufbuild/protobuf/wire'

export type Write = (writer: BinaryWriter) => void

export function nested(writer: BinaryWriter, field: number, write: Write): void {
  writer.tag(field, WireType.LengthDelimited).fork()
  write(writer)
  writer.join()
}

/** Nothing for an empty text. */
export function text(writer: BinaryWriter, field: number, value: string): void {
  if (value !== '') writer.tag(field, WireType.LengthDelimited).string(value)
}

export function number(writer: BinaryWriter, field: number, value: number): void {
  if (value !== 0) writer.tag(field, WireType.Varint).uint64(value)
}

export function entries(writer: BinaryWriter, field: number, map: Iterable<readonly [string, string]>): void {
  for (const [key, value] of map)
    nested(writer, field, entry => {
      entry.tag(1, WireType.LengthDelimited).string(key)
      entry.tag(2, WireType.LengthDelimited).string(value)
    })
}

/** google.protobuf.Struct. */
export function writeStruct(writer: BinaryWriter, object: JsonObject): void {
  for (const [key, value] of Object.entries(object))
    nested(writer, 1, entry => {
      text(entry, 1, key)
      nested(entry, 2, one => writeValue(one, value))
    })
}

function writeValue(writer: BinaryWriter, value: JsonValue): void {
  if (value === null) writer.tag(1, WireType.Varint).int32(0)
  else if (typeof value === 'number') writer.tag(2, WireType.Bit64).double(value)
  else if (typeof value === 'string') writer.tag(3, WireType.LengthDelimited).string(value)
  else if (typeof value === 'boolean') writer.tag(4, WireType.Varint).bool(value)
  else if (Array.isArray(value))
    nested(writer, 6, list => {
      for (const one of value) nested(list, 1, element => writeValue(element, one))
    })
  else nested(writer, 5, struct => writeStruct(struct, value))
}

export type Fields = Readonly<Record<number, (reader: BinaryReader) => void>>

/** Reads a message; fields without a reader are skipped. Throws when it is none. */
export function read(bytes: Uint8Array, fields: Fields): void {
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag()
    const one = fields[field]
    if (one === undefined) reader.skip(wire)
    else one(reader)
  }
}

/** envoy.config.core.v3.HeaderValue. */
export function readHeader(bytes: Uint8Array): readonly [name: string, value: string] {
  let name = ''
  let value = ''
  read(bytes, {
    1: reader => void (name = reader.string()),
    2: reader => void (value = reader.string()),
    3: reader => void (value = new TextDecoder().decode(reader.bytes())),
  })
  return [name, value]
}

export function readStruct(bytes: Uint8Array): JsonObject {
  const object: JsonObject = {}
  read(bytes, {
    1: reader => {
      let key = ''
      let value: JsonValue = null
      read(reader.bytes(), {
        1: entry => void (key = entry.string()),
        2: entry => void (value = readValue(entry.bytes())),
      })
      object[key] = value
    },
  })
  return object
}

function readValue(bytes: Uint8Array): JsonValue {
  let value: JsonValue = null
  read(bytes, {
    2: reader => void (value = reader.double()),
    3: reader => void (value = reader.string()),
    4: reader => void (value = reader.bool()),
    5: reader => void (value = readStruct(reader.bytes())),
    6: reader => {
      const list: JsonValue[] = []
      read(reader.bytes(), { 1: element => void list.push(readValue(element.bytes())) })
      value = list
    },
  })
  return value
}
