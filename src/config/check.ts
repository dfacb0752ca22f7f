import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescOneof,
  getExtension,
  hasExtension,
  type Message,
} from '@bufbuild/protobuf'
import type { Any, Duration } from '@bufbuild/protobuf/wkt'
import type { FieldRules } from '../generated/protos/validate/validate_pb.js'
import { FieldPath } from './field-path.js'
import { type Problem, showValue } from './problem.js'
import { checkAny, checkBytes, checkDuration, checkEnum, checkNumber, checkString, has, showDuration } from './rules.js'
import { isTypedStruct, typeNameOf } from './type-url.js'
import type { Types } from './types.js'

/** What is to be checked of one field, worked out once for each message type. */
interface FieldCheck {
  readonly field: DescField
  readonly rules: FieldRules | undefined
  readonly deprecation: 'none' | 'warning' | 'error'
  readonly deprecatedValues: ReadonlyMap<number, 'warning' | 'error'>
}

interface MessageCheck {
  readonly fields: readonly FieldCheck[]
  readonly requiredOneofs: readonly DescOneof[]
}

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
  readonly #types: Types
  readonly #options: CheckOptions
  readonly #checks: Map<string, MessageCheck>

  constructor(types: Types, options: CheckOptions) {
    this.#types = types
    this.#options = options
    this.#checks = new Map()
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
    const check = this.#checkOf(message.$typeName)
    if (!check) return
    for (const oneof of check.requiredOneofs) {
      const { case: chosen } = member(message, oneof.localName) as { case?: string }
      if (chosen === undefined) this.#broken(path, `needs one of ${oneof.fields.map(field => field.name).join(', ')}`)
    }
    for (const fieldCheck of check.fields) this.#field(message, fieldCheck, path)
  }

  #any(any: Any, path: FieldPath): void {
    if (any.typeUrl === '') return
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
    for (const { no } of message.$unknown ?? []) {
      const severity = this.#options.allowUnknownFields ? 'warning' : 'error'
      this.problems.push({
        severity,
        code: 'unknown-field',
        path,
        message: `unknown field number ${no} of ${message.$typeName}`,
      })
    }
  }

  #field(message: Message, check: FieldCheck, parent: FieldPath): void {
    const { field } = check
    const value = valueOf(message, field)
    const isSet = value !== undefined && !isDefault(field, value)
    if (!isSet && check.rules === undefined) return
    const path = parent.field(field.name)
    if (isSet && check.deprecation !== 'none')
      this.#deprecated(path, check.deprecation, `deprecated field "${field.name}"`)
    if (isSet && field.enum) this.#deprecatedValue(check, value, path)
    if (check.rules) this.#rules(check.rules, field, value, path)
    if (isSet && field.message && !skips(check.rules)) this.#nested(field, value, path)
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

  #rules(rules: FieldRules, field: DescField, value: unknown, path: FieldPath): void {
    if (field.fieldKind === 'list') return this.#listRules(rules, field, value as unknown[], path)
    if (field.fieldKind === 'map') return this.#mapRules(rules, field, value as Record<string, unknown>, path)
    if (value === undefined) {
      const { case: kind, value: own } = rules.type
      const isRequired =
        rules.message?.required || ((kind === 'duration' || kind === 'any' || kind === 'timestamp') && own.required)
      if (isRequired && !field.oneof) this.#broken(path, 'is required')
      return
    }
    this.#single(rules, field, value, path)
  }

  #single(rules: FieldRules, field: { enum?: DescEnum | undefined }, value: unknown, path: FieldPath): void {
    const wrong = checkSingle(rules, field, value)
    if (wrong === undefined) return
    if (value === '' || value === 0) return this.#broken(path, wrong) // perhaps not written at all; the text knows
    const isDuration = isMessage(value) && value.$typeName === 'google.protobuf.Duration'
    this.#broken(path, wrong, isDuration ? showDuration(value as Duration) : showValue(value))
  }

  #listRules(rules: FieldRules, field: DescField, items: readonly unknown[], path: FieldPath): void {
    if (rules.type.case !== 'repeated') return
    const repeated = rules.type.value
    if (repeated.ignoreEmpty && items.length === 0) return
    if (has(repeated, 'minItems') && items.length < repeated.minItems) {
      this.#broken(
        path,
        repeated.minItems === 1n ? 'must not be empty' : `must have at least ${repeated.minItems} items`,
      )
    }
    if (has(repeated, 'maxItems') && items.length > repeated.maxItems)
      this.#broken(path, `must have at most ${repeated.maxItems} items`)
    const keys = items.map(item => (isMessage(item) ? item : String(item)))
    for (const [index, item] of items.entries()) {
      if (repeated.unique && keys.indexOf(keys[index] as string) !== index)
        this.#broken(path.item(index), 'occurs twice', showValue(item))
      if (repeated.items) this.#single(repeated.items, field, item, path.item(index))
    }
  }

  #mapRules(rules: FieldRules, field: DescField, entries: Readonly<Record<string, unknown>>, path: FieldPath): void {
    if (rules.type.case !== 'map') return
    const map = rules.type.value
    const keys = Object.keys(entries)
    if (map.ignoreEmpty && keys.length === 0) return
    if (has(map, 'minPairs') && keys.length < map.minPairs)
      this.#broken(path, `must have at least ${map.minPairs} entries`)
    if (has(map, 'maxPairs') && keys.length > map.maxPairs)
      this.#broken(path, `must have at most ${map.maxPairs} entries`)
    for (const key of keys) {
      if (map.keys) this.#single(map.keys, {}, key, path.field(key))
      if (map.values) this.#single(map.values, field, entries[key], path.field(key))
    }
  }

  #broken(path: FieldPath, message: string, found?: string): void {
    this.problems.push({ severity: 'error', code: 'constraint', path, message, ...(found !== undefined && { found }) })
  }

  #deprecated(path: FieldPath, severity: 'warning' | 'error', message: string): void {
    this.problems.push({ severity, code: 'deprecated-field', path, message })
  }

  #deprecatedValue(check: FieldCheck, value: unknown, path: FieldPath): void {
    if (check.deprecatedValues.size === 0) return
    const numbers = Array.isArray(value) ? value : [value]
    for (const number of numbers as number[]) {
      const severity = check.deprecatedValues.get(number)
      const name = check.field.enum?.values.find(one => one.number === number)?.name
      if (severity) this.#deprecated(path, severity, `deprecated value ${name}`)
    }
  }

  #checkOf(typeName: string): MessageCheck | undefined {
    let check = this.#checks.get(typeName)
    if (!check) {
      const schema = this.#types.message(typeName)
      if (!schema) return undefined
      check = this.#describe(schema)
      this.#checks.set(typeName, check)
    }
    return check
  }

  #describe(schema: DescMessage): MessageCheck {
    const isOn = (owner: { proto: { options?: Message | undefined } }, option: string): boolean => {
      const { options } = owner.proto
      const extension = options && this.#types.option(option)
      return (
        extension !== undefined &&
        hasExtension(options as never, extension) &&
        getExtension(options as never, extension) === true
      )
    }
    const isExempt = isOn(schema, 'validate.disabled') || isOn(schema, 'validate.ignored')
    const fields = schema.fields.map((field): FieldCheck => {
      const isDisallowed = field.deprecated && isOn(field, 'envoy.annotations.disallowed_by_default')
      const values = (field.enum?.values ?? []).filter(value => value.deprecated)
      return {
        field,
        rules: isExempt ? undefined : this.#rulesOf(field),
        deprecation: field.deprecated ? (isDisallowed ? 'error' : 'warning') : 'none',
        deprecatedValues: new Map(
          values.map(value => [
            value.number,
            isOn(value, 'envoy.annotations.disallowed_by_default_enum') ? 'error' : 'warning',
          ]),
        ),
      }
    })
    const requiredOneofs = isExempt ? [] : schema.oneofs.filter(oneof => isOn(oneof, 'validate.required'))
    return { fields, requiredOneofs }
  }

  #rulesOf(field: DescField): FieldRules | undefined {
    const { options } = field.proto
    if (!options) return undefined
    const extension = this.#types.option('validate.rules')
    return hasExtension(options, extension) ? (getExtension(options, extension) as FieldRules) : undefined
  }
}

function checkSingle(rules: FieldRules, field: { enum?: DescEnum | undefined }, value: unknown): string | undefined {
  const { case: kind, value: own } = rules.type
  switch (kind) {
    case undefined:
    case 'repeated':
    case 'map':
    case 'timestamp':
      return undefined
    case 'string':
      return checkString(own, value as string)
    case 'bytes':
      return checkBytes(own, value as Uint8Array)
    case 'bool':
      return has(own, 'const') && value !== own.const ? `must be ${own.const}` : undefined
    case 'enum':
      return field.enum ? checkEnum(own, field.enum, value as number) : undefined
    case 'duration':
      return checkDuration(own, value as Duration)
    case 'any':
      return checkAny(own, (value as Any).typeUrl)
    default:
      return checkNumber(own as Parameters<typeof checkNumber>[0], value as number | bigint)
  }
}

function member(message: Message, name: string): unknown {
  return (message as unknown as Record<string, unknown>)[name]
}

// Wrappers in a oneof or a list keep their message; rules speak of what is inside.
function valueOf(message: Message, field: DescField): unknown {
  if (!field.oneof) return member(message, field.localName)
  const chosen = member(message, field.oneof.localName) as { case?: string; value?: unknown }
  if (chosen.case !== field.localName) return undefined
  const { value } = chosen
  return isMessage(value) &&
    /^google\.protobuf\.(Double|Float|U?Int32|U?Int64|Bool|String|Bytes)Value$/.test(value.$typeName)
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

function skips(rules: FieldRules | undefined): boolean {
  return rules?.message?.skip === true
}

function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && '$typeName' in value
}
