import type { DescField, Message } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import type { Place } from '../api/plan-context.js'
import type { Types } from '../config/index.js'
import type { PolicyTable, Verdict } from './field-policy.js'
import { extensionOf } from './known-extensions.js'

/** A field that has to be looked at when it is set. */
interface Watched {
  readonly field: DescField
  /** Undefined: the table does not name it. */
  readonly verdict: Verdict | undefined
  /** Of the message object: its own, or its oneof's. */
  readonly member: string
  /** A zero was written, and is a value like any other. */
  readonly mayBeZero: boolean
}

/**
 * Looks at every field the operator has set, and reports what is not carried out: refusals as errors, tuning as warnings. A set field
 * that the table does not name is refused, so a new field of Envoy's API is never ignored in silence.
 *
 * Messages found here may hold extensions (typed_config): one without an entry in the table is refused by its extension's name. What is to
 * be looked at is worked out once for each message type.
 */
export class FieldWalk {
  readonly #types: Types
  readonly #table: PolicyTable
  readonly #watched = new Map<string, readonly Watched[] | undefined>()

  constructor(types: Types, table: PolicyTable) {
    this.#types = types
    this.#table = table
  }

  /** Does the table say something of messages of this type? */
  knows(typeName: string): boolean {
    return this.#table[typeName] !== undefined
  }

  message(message: Message, at: Place): void {
    const watched = this.#watchedOf(message.$typeName)
    if (!watched) {
      at.unsupported(describe(message.$typeName))
      return
    }
    const members = message as unknown as Record<string, unknown>
    for (const { field, verdict, member, mayBeZero } of watched) {
      let value = members[member]
      if (field.oneof) value = chosen(value as Chosen, field.localName)
      if (value === undefined || (!mayBeZero && isZero(value))) continue
      this.#field(field, verdict, value, at.field(field.name))
    }
  }

  #field(field: DescField, verdict: Verdict | undefined, value: unknown, at: Place): void {
    if (!verdict) at.unsupported(`the setting ${field.name}`)
    else if (verdict.kind === 'tuning') at.warning(`accepted, but ${verdict.note}`)
    else if (verdict.kind === 'later') {
      if (!verdict.isHarmless?.(value)) at.unsupported(verdict.what)
    } else if (verdict.kind === 'carried') this.#inside(field, value, at)
  }

  #inside(field: DescField, value: unknown, at: Place): void {
    if (field.fieldKind === 'list' && field.listKind === 'message') {
      const items = value as Message[]
      for (let index = 0; index < items.length; index++) this.#value(items[index] as Message, at.item(index))
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

  /** Undefined: the table does not know the message. Fields whose verdict is "whole" need no look. */
  #watchedOf(typeName: string): readonly Watched[] | undefined {
    if (this.#watched.has(typeName)) return this.#watched.get(typeName)
    const schema = this.#types.message(typeName)
    const policy = this.#table[typeName]
    const fields = schema?.fields.map(field => ({
      field,
      verdict: policy?.[field.name],
      member: (field.oneof ?? field).localName,
      mayBeZero: field.presence !== implicitPresence,
    }))
    const watched = policy && fields?.filter(({ verdict }) => verdict?.kind !== 'whole')
    this.#watched.set(typeName, watched)
    return watched
  }
}

const implicitPresence = 2 // FeatureSet.FieldPresence: scalars that are set when they are not zero, lists, maps

interface Chosen {
  readonly case?: string
  readonly value?: unknown
}

const chosen = (oneof: Chosen, name: string): unknown => (oneof.case === name ? oneof.value : undefined)

function isZero(value: unknown): boolean {
  if (typeof value !== 'object') return !value
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length === 0
  for (const _ in value) return false
  return true
}

function describe(typeName: string): string {
  const extension = extensionOf(typeName)
  return extension === undefined ? `settings of type ${typeName}` : `extension ${extension}`
}
