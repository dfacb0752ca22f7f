import type { DescField, Message } from '@bufbuild/protobuf'
import type { Any, Duration } from '@bufbuild/protobuf/wkt'
import type { FieldRules } from '../generated/protos/validate/validate_pb.js'
import { FieldPath } from './field-path.js'
import { type Problem, showValue } from './problem.js'
import { type FieldCheck, type RuleTable, ruleTableOf, type ValueCheck } from './rule-table.js'
import { has, showDuration } from './rules.js'
import { isTypedStruct, typeNameOf } from './type-url.js'
import type { Types } from './types.js'

export interface CheckOptions {
  readonly allowUnknownFields: boolean
  /** Told of every message and Any, with its path. */
  readonly visit?: (message: object, path: FieldPath) => void
}

/**
 * Checks whole messages, payloads of Any included: the rules of protoc-gen-validate, deprecated fields and enum values, unknown fields left
 * by the binary format. Finds everything that is wrong.
 */
export class MessageChecker {
  readonly problems: Problem[] = []
  /** Those of `problems` that are in the payload of an Any. */
  readonly packed = new Set<Problem>()
  readonly #types: Types
  readonly #options: CheckOptions
  readonly #table: RuleTable

  constructor(types: Types, options: CheckOptions) {
    this.#types = types
    this.#options = options
    this.#table = ruleTableOf(types)
  }

  check(message: Message, path: FieldPath = FieldPath.root): void {
    this.#message(message, path)
  }

  #message(message: Message, path: FieldPath): void {
    this.#options.visit?.(message, path)
    this.#unknownFields(message, path)
    if (message.$typeName === 'google.protobuf.Any') {
      this.#any(message as Any, path)
      return
    }
    const check = this.#table.of(message.$typeName)
    if (!check) return
    for (const oneof of check.requiredOneofs) {
      const { case: chosen } = member(message, oneof.localName) as { case?: string }
      if (chosen === undefined) this.#broken(path, `needs one of ${oneof.fields.map(field => field.name).join(', ')}`)
    }
    for (const fieldCheck of check.fields) this.#field(message, fieldCheck, path)
  }

  #any(any: Any, path: FieldPath): void {
    if (any.typeUrl === '') return
    const before = this.problems.length
    this.#payload(any, path)
    for (const problem of this.problems.slice(before)) this.packed.add(problem)
  }

  #payload(any: Any, path: FieldPath): void {
    const unpacked = this.#types.unpackAny(any)
    if (!unpacked.ok) {
      if (unpacked.error.code === 'bad-value')
        this.problems.push({ severity: 'error', code: 'bad-value', path, message: unpacked.error.message })
      return
    }
    const { message, typeName } = unpacked.value
    const isWrapped =
      typeName !== typeNameOf(any.typeUrl) ||
      (typeName.startsWith('google.protobuf.') && typeName !== 'google.protobuf.Empty')
    this.#message(message, isWrapped && !isTypedStruct(message) ? path.field('value') : path)
  }

  #unknownFields(message: Message, path: FieldPath): void {
    if (message.$unknown === undefined || message.$unknown.length === 0) return
    const numbers = [...new Set(message.$unknown.map(({ no }) => no))]
    const what = `type ${message.$typeName} with unknown field set {${numbers.join(', ')}}`
    // In Envoy's words: operators search for them.
    this.problems.push(
      this.#options.allowUnknownFields
        ? { severity: 'warning', code: 'unknown-field', path, message: what }
        : { severity: 'error', code: 'unknown-field', path, message: `Protobuf message (${what}) has unknown fields` },
    )
  }

  // Runs for every field of every message: a path is made where something is wrong, or below.
  #field(message: Message, check: FieldCheck, parent: FieldPath): void {
    const { field, rules } = check
    const value = valueOf(message, field)
    const isSet = value !== undefined && !isDefault(field, value)
    if (!isSet && rules === undefined) return
    if (isSet && check.deprecation !== 'none')
      this.#deprecated(parent.field(field.name), check.deprecation, `deprecated field "${field.name}"`)
    if (isSet && check.deprecatedValues.size > 0) this.#deprecatedValue(check, value, parent.field(field.name))
    if (rules) this.#rules(rules, check, value, parent)
    if (isSet && check.hasMessages) this.#nested(field, value, parent.field(field.name))
  }

  #nested(field: DescField, value: unknown, path: FieldPath): void {
    if (field.fieldKind === 'list') {
      for (const [index, item] of (value as unknown[]).entries())
        if (isMessage(item)) this.#message(item, path.item(index))
    } else if (field.fieldKind === 'map') {
      for (const [key, item] of Object.entries(value as object))
        if (isMessage(item)) this.#message(item, path.field(key))
    } else if (isMessage(value)) {
      this.#message(value, path)
    }
  }

  #rules(rules: FieldRules, check: FieldCheck, value: unknown, parent: FieldPath): void {
    const { field } = check
    if (field.fieldKind === 'list') return this.#listRules(rules, check, value as unknown[], parent)
    if (field.fieldKind === 'map') return this.#mapRules(rules, check, value as Record<string, unknown>, parent)
    if (value !== undefined) return this.#single(check.value, value, parent, field.name)
    if (check.isRequired && !field.oneof) this.#broken(parent.field(field.name), 'is required')
  }

  /** `step`: from the parent to the value, a list's after its field. */
  #single(
    check: ValueCheck | undefined,
    value: unknown,
    parent: FieldPath,
    name: string,
    step?: string | number,
  ): void {
    const wrong = check?.(value)
    if (wrong === undefined) return
    const inField = parent.field(name)
    const path = step === undefined ? inField : typeof step === 'number' ? inField.item(step) : inField.field(step)
    if (value === '' || value === 0) return this.#broken(path, wrong) // perhaps not written at all; the text knows
    const isDuration = isMessage(value) && value.$typeName === 'google.protobuf.Duration'
    this.#broken(path, wrong, isDuration ? showDuration(value as Duration) : showValue(value))
  }

  #listRules(rules: FieldRules, check: FieldCheck, items: readonly unknown[], parent: FieldPath): void {
    if (rules.type.case !== 'repeated') return
    const { name } = check.field
    const repeated = rules.type.value
    if (repeated.ignoreEmpty && items.length === 0) return
    if (has(repeated, 'minItems') && items.length < repeated.minItems) {
      this.#broken(
        parent.field(name),
        repeated.minItems === 1n ? 'must not be empty' : `must have at least ${repeated.minItems} items`,
      )
    }
    if (has(repeated, 'maxItems') && items.length > repeated.maxItems)
      this.#broken(parent.field(name), `must have at most ${repeated.maxItems} items`)
    if (repeated.unique) this.#unique(items, parent.field(name))
    if (check.items === undefined) return
    for (let index = 0; index < items.length; index++) this.#single(check.items, items[index], parent, name, index)
  }

  #unique(items: readonly unknown[], path: FieldPath): void {
    const seen = new Set<unknown>()
    for (const [index, item] of items.entries()) {
      const key = isMessage(item) ? item : String(item)
      if (seen.has(key)) this.#broken(path.item(index), 'occurs twice', showValue(item))
      seen.add(key)
    }
  }

  #mapRules(rules: FieldRules, check: FieldCheck, entries: Readonly<Record<string, unknown>>, parent: FieldPath): void {
    if (rules.type.case !== 'map') return
    const { name } = check.field
    const map = rules.type.value
    const keys = Object.keys(entries)
    if (map.ignoreEmpty && keys.length === 0) return
    if (has(map, 'minPairs') && keys.length < map.minPairs)
      this.#broken(parent.field(name), `must have at least ${map.minPairs} entries`)
    if (has(map, 'maxPairs') && keys.length > map.maxPairs)
      this.#broken(parent.field(name), `must have at most ${map.maxPairs} entries`)
    for (const key of keys) {
      this.#single(check.keys, key, parent, name, key)
      this.#single(check.items, entries[key], parent, name, key)
    }
  }

  #broken(path: FieldPath, message: string, found?: string): void {
    this.problems.push({ severity: 'error', code: 'constraint', path, message, ...(found !== undefined && { found }) })
  }

  #deprecated(path: FieldPath, severity: 'warning' | 'error', message: string): void {
    this.problems.push({ severity, code: 'deprecated-field', path, message })
  }

  #deprecatedValue(check: FieldCheck, value: unknown, path: FieldPath): void {
    const numbers = Array.isArray(value) ? value : [value]
    for (const number of numbers as number[]) {
      const severity = check.deprecatedValues.get(number)
      const name = check.field.enum?.values.find(one => one.number === number)?.name
      if (severity) this.#deprecated(path, severity, `deprecated value ${name}`)
    }
  }
}

function member(message: Message, name: string): unknown {
  return (message as unknown as Record<string, unknown>)[name]
}

const wrappers = /^google\.protobuf\.(Double|Float|U?Int32|U?Int64|Bool|String|Bytes)Value$/

// Wrappers in a oneof or a list keep their message; rules speak of what is inside.
function valueOf(message: Message, field: DescField): unknown {
  if (!field.oneof) return member(message, field.localName)
  const chosen = member(message, field.oneof.localName) as { case?: string; value?: unknown }
  if (chosen.case !== field.localName) return undefined
  const { value } = chosen
  return isMessage(value) && value.$typeName.startsWith('google.protobuf.') && wrappers.test(value.$typeName)
    ? member(value, 'value')
    : value
}

// Proto3 scalars without presence are never undefined: their zero counts as unset for everything but rules.
function isDefault(field: DescField, value: unknown): boolean {
  if (field.fieldKind === 'list') return (value as unknown[]).length === 0
  if (field.fieldKind === 'map') return Object.keys(value as object).length === 0
  if (field.oneof || field.message) return false
  return !value || (value instanceof Uint8Array && value.length === 0)
}

function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && '$typeName' in value
}
