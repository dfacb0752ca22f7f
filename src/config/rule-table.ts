/** What is to be checked of a message, worked out once for each type: its rules, what of it is deprecated, and where to look further. */
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
import type { FieldRules, StringRules } from '../generated/protos/validate/validate_pb.js'
import { checkAny, checkBytes, checkDuration, checkEnum, checkNumber, checkString, has } from './rules.js'
import type { Types } from './types.js'

/** What is wrong with a value, as a clause that follows "value"; undefined when nothing is. */
export type ValueCheck = (value: unknown) => string | undefined

export interface FieldCheck {
  readonly field: DescField
  readonly rules: FieldRules | undefined
  readonly isRequired: boolean
  /** Of a singular field. */
  readonly value: ValueCheck | undefined
  /** Of a list's items, or a map's values. */
  readonly items: ValueCheck | undefined
  readonly keys: ValueCheck | undefined
  readonly deprecation: 'none' | 'warning' | 'error'
  readonly deprecatedValues: ReadonlyMap<number, 'warning' | 'error'>
  /** It holds messages to be checked themselves. */
  readonly hasMessages: boolean
}

export interface MessageCheck {
  /** Those that something can be wrong with. */
  readonly fields: readonly FieldCheck[]
  readonly requiredOneofs: readonly DescOneof[]
}

const tables = new WeakMap<Types, RuleTable>()

/** One for each set of types: describing a message costs far more than checking it. */
export function ruleTableOf(types: Types): RuleTable {
  const known = tables.get(types)
  if (known) return known
  const table = new RuleTable(types)
  tables.set(types, table)
  return table
}

export class RuleTable {
  readonly #types: Types
  readonly #checks = new Map<string, MessageCheck>()

  constructor(types: Types) {
    this.#types = types
  }

  /** Undefined: no such type. */
  of(typeName: string): MessageCheck | undefined {
    const known = this.#checks.get(typeName)
    if (known) return known
    const schema = this.#types.message(typeName)
    if (!schema) return undefined
    const check = this.#describe(schema)
    this.#checks.set(typeName, check)
    return check
  }

  #describe(schema: DescMessage): MessageCheck {
    const isExempt = this.#isOn(schema, 'validate.disabled') || this.#isOn(schema, 'validate.ignored')
    return {
      fields: schema.fields.map(field => this.#fieldCheck(field, isExempt)).filter(canFail),
      requiredOneofs: isExempt ? [] : schema.oneofs.filter(oneof => this.#isOn(oneof, 'validate.required')),
    }
  }

  #fieldCheck(field: DescField, isExempt: boolean): FieldCheck {
    const rules = isExempt ? undefined : this.#rulesOf(field)
    const isDisallowed = field.deprecated && this.#isOn(field, 'envoy.annotations.disallowed_by_default')
    const values = (field.enum?.values ?? []).filter(value => value.deprecated)
    const { case: kind, value: own } = rules?.type ?? {}
    const inItems = kind === 'repeated' ? own?.items : kind === 'map' ? own?.values : undefined
    return {
      field,
      rules,
      isRequired:
        rules?.message?.required === true ||
        ((kind === 'duration' || kind === 'any' || kind === 'timestamp') && own?.required === true),
      value: rules && valueCheck(rules, field),
      items: inItems && valueCheck(inItems, field),
      keys: kind === 'map' && own?.keys ? valueCheck(own.keys, {}) : undefined,
      deprecation: field.deprecated ? (isDisallowed ? 'error' : 'warning') : 'none',
      deprecatedValues: new Map(
        values.map(value => [
          value.number,
          this.#isOn(value, 'envoy.annotations.disallowed_by_default_enum') ? 'error' : 'warning',
        ]),
      ),
      hasMessages: field.message !== undefined && rules?.message?.skip !== true,
    }
  }

  #isOn(owner: { proto: { options?: Message | undefined } }, option: string): boolean {
    const { options } = owner.proto
    const extension = options && this.#types.option(option)
    return (
      extension !== undefined &&
      hasExtension(options as never, extension) &&
      getExtension(options as never, extension) === true
    )
  }

  #rulesOf(field: DescField): FieldRules | undefined {
    const { options } = field.proto
    if (!options) return undefined
    const extension = this.#types.option('validate.rules')
    return hasExtension(options, extension) ? (getExtension(options, extension) as FieldRules) : undefined
  }
}

const canFail = (check: FieldCheck): boolean =>
  check.rules !== undefined || check.deprecation !== 'none' || check.deprecatedValues.size > 0 || check.hasMessages

function valueCheck(rules: FieldRules, field: { enum?: DescEnum | undefined }): ValueCheck | undefined {
  const { case: kind, value: own } = rules.type
  switch (kind) {
    case undefined:
    case 'repeated':
    case 'map':
    case 'timestamp':
      return undefined
    case 'string':
      return stringCheck(own)
    case 'bytes':
      return value => checkBytes(own, value as Uint8Array)
    case 'bool':
      return value => (has(own, 'const') && value !== own.const ? `must be ${own.const}` : undefined)
    case 'enum':
      return enumCheck(own, field.enum)
    case 'duration':
      return value => checkDuration(own, value as Duration)
    case 'any':
      return value => checkAny(own, (value as Any).typeUrl)
    default: {
      const numbers = own as Parameters<typeof checkNumber>[0]
      return value => checkNumber(numbers, value as number | bigint)
    }
  }
}

function enumCheck(rules: Parameters<typeof checkEnum>[0], schema: DescEnum | undefined): ValueCheck | undefined {
  if (!schema) return undefined
  const fine = new Set(schema.values.map(({ number }) => number).filter(number => !checkEnum(rules, schema, number)))
  return value => (fine.has(value as number) ? undefined : checkEnum(rules, schema, value as number))
}

/** Nearly all rules of strings are about their length, which need not be counted where it cannot matter. */
function stringCheck(rules: StringRules): ValueCheck {
  const others: (keyof StringRules)[] = [
    'const',
    'len',
    'lenBytes',
    'pattern',
    'prefix',
    'suffix',
    'contains',
    'notContains',
  ]
  const isLengthOnly =
    others.every(name => !has(rules, name)) && rules.in.length + rules.notIn.length === 0 && !rules.wellKnown.case
  if (!isLengthOnly) return value => checkString(rules, value as string)
  // A UTF-16 unit is half a character at least, and one to three bytes.
  const atLeast = Math.max(rules.minLen <= 1n ? Number(rules.minLen) : 2 * Number(rules.minLen), Number(rules.minBytes))
  const atMost = Math.min(
    has(rules, 'maxLen') ? Number(rules.maxLen) : Number.POSITIVE_INFINITY,
    has(rules, 'maxBytes') ? Number(rules.maxBytes) / 3 : Number.POSITIVE_INFINITY,
  )
  return value => {
    const { length } = value as string
    return length >= atLeast && length <= atMost ? undefined : checkString(rules, value as string)
  }
}
