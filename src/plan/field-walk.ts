import { type DescField, type DescMessage, isFieldSet, type Message } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import type { Place } from '../api/plan-context.js'
import type { Types } from '../config/index.js'
import type { PolicyTable } from './field-policy.js'
import { extensionOf } from './known-extensions.js'

/**
 * Looks at every field the operator has set, and reports what is not carried out: refusals as errors, tuning as warnings. A set field
 * that the table does not name is refused, so a new field of Envoy's API is never ignored in silence.
 *
 * Messages found here may hold extensions (typed_config): one without an entry in the table is refused by its extension's name.
 */
export class FieldWalk {
  readonly #types: Types
  readonly #table: PolicyTable

  constructor(types: Types, table: PolicyTable) {
    this.#types = types
    this.#table = table
  }

  message(message: Message, at: Place): void {
    const schema = this.#types.message(message.$typeName)
    const policy = this.#table[message.$typeName]
    if (!schema || !policy) {
      at.unsupported(describe(message.$typeName))
      return
    }
    for (const field of schema.fields) {
      if (isFieldSet(message, field)) this.#field(message, schema, field, at.field(field.name))
    }
  }

  #field(message: Message, schema: DescMessage, field: DescField, at: Place): void {
    const verdict = this.#table[schema.typeName]?.[field.name]
    if (!verdict) return at.unsupported(`the setting ${field.name}`)
    const value = valueOf(message, field)
    if (verdict.kind === 'tuning') at.warning(`accepted, but ${verdict.note}`)
    else if (verdict.kind === 'later') {
      if (!verdict.isHarmless?.(value)) at.unsupported(verdict.what)
    } else if (verdict.kind === 'carried') this.#inside(field, value, at)
  }

  #inside(field: DescField, value: unknown, at: Place): void {
    if (field.fieldKind === 'list' && field.listKind === 'message') {
      for (const [index, item] of (value as Message[]).entries()) this.#value(item, at.item(index))
    } else if (field.fieldKind === 'map' && field.mapKind === 'message') {
      for (const [key, item] of Object.entries(value as Record<string, Message>)) this.#value(item, at.item(key))
    } else if (field.fieldKind === 'message') this.#value(value as Message, at)
  }

  #value(value: Message, at: Place): void {
    if (value.$typeName !== 'google.protobuf.Any') return this.message(value, at)
    const unpacked = this.#types.unpackAny(value as Any)
    if (unpacked.ok) this.message(unpacked.value.message, at)
    else at.error(unpacked.error.message)
  }
}

function valueOf(message: Message, field: DescField): unknown {
  const members = message as unknown as Record<string, unknown>
  if (!field.oneof) return members[field.localName]
  return (members[field.oneof.localName] as { value?: unknown }).value
}

function describe(typeName: string): string {
  const extension = extensionOf(typeName)
  return extension === undefined ? `settings of type ${typeName}` : `extension ${extension}`
}
