/** Messages as JSON in the form that Envoy prints. */
import { type DescMessage, type Message, type Registry, ScalarType, toJson } from '@bufbuild/protobuf'
import { reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect'
import type { Settings } from './settings.js'

export function printMessage(
  schema: DescMessage,
  message: Message,
  registry: Registry,
  print: Settings['print'],
): string {
  shortenFloats(reflect(schema, message))
  const json = toJson(schema, message, {
    registry,
    alwaysEmitImplicit: print.alwaysPrintsPrimitives,
    enumAsInteger: print.enumsAsNumbers,
    useProtoFieldName: print.keepsFieldNames,
  })
  const text = JSON.stringify(json, null, print.addsWhitespace ? 1 : 0)
  const escaped = text.replace(
    /[<>\x7f-\x9f\u00ad\u06dd\u070f\u17b4\u17b5\u200b-\u200f\u2028-\u202e\u2060-\u2064\u206a-\u206f\ufeff\ufff9-\ufffb]/g,
    char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return print.addsWhitespace ? `${escaped}\n` : escaped
}

/** A float is printed with as few digits as tell it from its neighbours: 0.1, where the double of the same value has more. */
function shortenFloats(message: ReflectMessage): void {
  for (const field of message.fields) {
    if (!message.isSet(field)) continue
    if (field.fieldKind === 'message') shortenFloats(message.get(field))
    else if (field.fieldKind === 'scalar') {
      if (field.scalar === ScalarType.FLOAT) message.set(field, shortest(message.get(field) as number))
    } else if (field.fieldKind === 'list') {
      const list = message.get(field)
      if (field.listKind === 'message') for (const item of list) shortenFloats(item as ReflectMessage)
      else if (field.listKind === 'scalar' && field.scalar === ScalarType.FLOAT)
        for (let i = 0; i < list.size; i++) list.set(i, shortest(list.get(i) as number))
    } else if (field.fieldKind === 'map') {
      const map = message.get(field)
      if (field.mapKind === 'message') for (const item of map.values()) shortenFloats(item as ReflectMessage)
      else if (field.mapKind === 'scalar' && field.scalar === ScalarType.FLOAT)
        for (const [key, value] of [...map]) map.set(key, shortest(value as number))
    }
  }
}

function shortest(value: number): number {
  if (!Number.isFinite(value)) return value
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return short
  }
  return value
}
