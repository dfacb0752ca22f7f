import type { DescEnum, Message } from '@bufbuild/protobuf'
import type { Duration } from '@bufbuild/protobuf/wkt'
import { isIPv4, isIPv6 } from 'node:net'
import type {
  AnyRules,
  BytesRules,
  DurationRules,
  EnumRules,
  StringRules,
} from '../generated/protos/validate/validate_pb.js'

/*
 * The rules of protoc-gen-validate for single values. Each function returns what is wrong, as a clause that follows "value",
 * or undefined. A rule counts when its message has it (proto2 presence), so `gt: 0` is not the same as no `gt`.
 */

export function has<R extends Message>(rules: R, name: keyof R): boolean {
  return Object.hasOwn(rules, name)
}

interface NumberRules extends Message {
  const: number | bigint
  lt: number | bigint
  lte: number | bigint
  gt: number | bigint
  gte: number | bigint
  in: (number | bigint)[]
  notIn: (number | bigint)[]
  ignoreEmpty: boolean
}

export function checkNumber(rules: NumberRules, value: number | bigint): string | undefined {
  if (rules.ignoreEmpty && Number(value) === 0) return undefined
  if (has(rules, 'const') && value !== rules.const) return `must equal ${rules.const}`
  if (rules.in.length > 0 && !rules.in.includes(value)) return `must be one of ${rules.in.join(', ')}`
  if (rules.notIn.includes(value)) return `must not be one of ${rules.notIn.join(', ')}`
  const low = has(rules, 'gt') ? bound(rules.gt, value > rules.gt, 'greater than') : undefined
  const lowest = has(rules, 'gte') ? bound(rules.gte, value >= rules.gte, 'at least') : low
  const high = has(rules, 'lt') ? bound(rules.lt, value < rules.lt, 'less than') : undefined
  const highest = has(rules, 'lte') ? bound(rules.lte, value <= rules.lte, 'at most') : high
  return checkRange(lowest, highest)
}

interface Bound {
  readonly limit: number | bigint
  readonly holds: boolean
  readonly text: string
}

function bound(limit: number | bigint, holds: boolean, relation: string): Bound {
  return { limit, holds, text: `${relation} ${limit}` }
}

// With the upper limit below the lower one the rule means "outside".
function checkRange(low: Bound | undefined, high: Bound | undefined): string | undefined {
  if (low && high && high.limit < low.limit)
    return low.holds || high.holds ? undefined : `must be ${low.text} or ${high.text}`
  const broken = [low, high].filter(one => one && !one.holds)
  if (broken.length === 0) return undefined
  return `must be ${[low, high].flatMap(one => (one ? [one.text] : [])).join(' and ')}`
}

export function checkEnum(rules: EnumRules, schema: DescEnum, value: number): string | undefined {
  if (has(rules, 'const') && value !== rules.const) return `must be ${enumName(schema, rules.const)}`
  if (rules.in.length > 0 && !rules.in.includes(value))
    return `must be one of ${rules.in.map(one => enumName(schema, one)).join(', ')}`
  if (rules.notIn.includes(value)) return `must not be ${enumName(schema, value)}`
  if (rules.definedOnly && !schema.values.some(one => one.number === value))
    return `must be one of the values of ${schema.typeName}`
  return undefined
}

function enumName(schema: DescEnum, value: number): string {
  return schema.values.find(one => one.number === value)?.name ?? String(value)
}

export function checkString(rules: StringRules, value: string): string | undefined {
  if (rules.ignoreEmpty && value === '') return undefined
  if (has(rules, 'const') && value !== rules.const) return `must equal ${JSON.stringify(rules.const)}`
  const length = checkLength(rules, BigInt([...value].length), 'characters') ?? checkByteLength(rules, value)
  if (length !== undefined) return length
  if (has(rules, 'pattern') && !pattern(rules.pattern).test(value)) return `must match ${rules.pattern}`
  if (has(rules, 'prefix') && !value.startsWith(rules.prefix)) return `must begin with ${JSON.stringify(rules.prefix)}`
  if (has(rules, 'suffix') && !value.endsWith(rules.suffix)) return `must end with ${JSON.stringify(rules.suffix)}`
  if (has(rules, 'contains') && !value.includes(rules.contains)) return `must contain ${JSON.stringify(rules.contains)}`
  if (has(rules, 'notContains') && value.includes(rules.notContains))
    return `must not contain ${JSON.stringify(rules.notContains)}`
  if (rules.in.length > 0 && !rules.in.includes(value))
    return `must be one of ${rules.in.map(one => JSON.stringify(one)).join(', ')}`
  if (rules.notIn.includes(value)) return `must not be ${JSON.stringify(value)}`
  return checkWellKnown(rules, value)
}

interface LengthRules extends Message {
  len: bigint
  minLen: bigint
  maxLen: bigint
}

function checkLength(rules: LengthRules, length: bigint, unit: string): string | undefined {
  if (has(rules, 'len') && length !== rules.len) return `must have exactly ${rules.len} ${unit}`
  if (has(rules, 'minLen') && length < rules.minLen)
    return rules.minLen === 1n ? 'must not be empty' : `must have at least ${rules.minLen} ${unit}`
  if (has(rules, 'maxLen') && length > rules.maxLen) return `must have at most ${rules.maxLen} ${unit}`
  return undefined
}

function checkByteLength(rules: StringRules, value: string): string | undefined {
  const length = BigInt(Buffer.byteLength(value))
  if (has(rules, 'lenBytes') && length !== rules.lenBytes) return `must have exactly ${rules.lenBytes} bytes`
  if (has(rules, 'minBytes') && length < rules.minBytes)
    return rules.minBytes === 1n ? 'must not be empty' : `must have at least ${rules.minBytes} bytes`
  if (has(rules, 'maxBytes') && length > rules.maxBytes) return `must have at most ${rules.maxBytes} bytes`
  return undefined
}

const patterns = new Map<string, RegExp>()

// The patterns come from the .proto files, not from the operator.
function pattern(source: string): RegExp {
  let compiled = patterns.get(source)
  if (!compiled) {
    compiled = new RegExp(source, 'u')
    patterns.set(source, compiled)
  }
  return compiled
}

const headerName = 1
const headerValue = 2

function checkWellKnown(rules: StringRules, value: string): string | undefined {
  const { case: kind, value: setting } = rules.wellKnown
  if (kind === 'wellKnownRegex') return checkHeader(setting, rules.strict, value)
  if (kind === undefined || setting === false) return undefined
  const check = wellKnownStrings[kind]
  return check.test(value) ? undefined : `must be ${check.noun}`
}

function checkHeader(kind: number, isStrict: boolean, value: string): string | undefined {
  const isBroken = (strict: RegExp) => (isStrict ? !strict.test(value) : /[\0\n\r]/.test(value))
  if (kind === headerName && isBroken(/^:?[0-9a-zA-Z!#$%&'*+\-.^_|~`]+$/)) return 'must be a valid HTTP header name'
  if (kind === headerValue && isBroken(/^[^\0-\x08\x0a-\x1f\x7f]*$/)) return 'must be a valid HTTP header value'
  return undefined
}

const hostname =
  /^(?=.{1,253}\.?$)([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*\.?$/

const wellKnownStrings = {
  email: { noun: 'an e-mail address', test: (value: string) => /^[^@\s]+@[^@\s]+$/.test(value) },
  hostname: { noun: 'a host name', test: (value: string) => hostname.test(value) },
  ip: { noun: 'an IP address', test: (value: string) => isIPv4(value) || isIPv6(value) },
  ipv4: { noun: 'an IPv4 address', test: (value: string) => isIPv4(value) },
  ipv6: { noun: 'an IPv6 address', test: (value: string) => isIPv6(value) },
  uri: { noun: 'an absolute URI', test: (value: string) => /^[A-Za-z][A-Za-z0-9+.-]*:\S+$/.test(value) },
  uriRef: { noun: 'a URI', test: (value: string) => !/\s/.test(value) },
  address: {
    noun: 'a host name or IP address',
    test: (value: string) => hostname.test(value) || isIPv4(value) || isIPv6(value),
  },
  uuid: { noun: 'a UUID', test: (value: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value) },
} as const

export function checkBytes(rules: BytesRules, value: Uint8Array): string | undefined {
  if (rules.ignoreEmpty && value.length === 0) return undefined
  const text = Buffer.from(value)
  if (has(rules, 'const') && !text.equals(rules.const)) return 'must equal the one allowed value'
  const length = checkLength(rules, BigInt(value.length), 'bytes')
  if (length !== undefined) return length
  if (has(rules, 'pattern') && !pattern(rules.pattern).test(text.toString('latin1')))
    return `must match ${rules.pattern}`
  if (has(rules, 'prefix') && !text.subarray(0, rules.prefix.length).equals(rules.prefix))
    return 'must have the right beginning'
  if (has(rules, 'suffix') && !text.subarray(-rules.suffix.length).equals(rules.suffix))
    return 'must have the right end'
  if (has(rules, 'contains') && !text.includes(rules.contains)) return 'must contain the right bytes'
  if (rules.in.length > 0 && !rules.in.some(one => text.equals(one))) return 'must be one of the allowed values'
  if (rules.notIn.some(one => text.equals(one))) return 'must not be one of the forbidden values'
  const { case: kind, value: isOn } = rules.wellKnown
  const sizes = { ip: [4, 16], ipv4: [4], ipv6: [16] }
  if (kind !== undefined && isOn && !sizes[kind].includes(value.length)) return 'must be the bytes of an IP address'
  return undefined
}

export function checkDuration(rules: DurationRules, value: Duration): string | undefined {
  const nanos = inNanos(value)
  const limits = {
    const: rules.const && inNanos(rules.const),
    in: rules.in.map(inNanos),
    notIn: rules.notIn.map(inNanos),
  }
  if (limits.const !== undefined && nanos !== limits.const) return `must equal ${showNanos(limits.const)}`
  if (limits.in.length > 0 && !limits.in.includes(nanos)) return `must be one of ${limits.in.map(showNanos).join(', ')}`
  if (limits.notIn.includes(nanos)) return `must not be ${showNanos(nanos)}`
  const limit = (of: Duration | undefined, relation: string, holds: (limit: bigint) => boolean): Bound | undefined => {
    if (!of) return undefined
    const number = inNanos(of)
    return { limit: number, holds: holds(number), text: `${relation} ${showNanos(number)}` }
  }
  const low =
    limit(rules.gt, 'greater than', number => nanos > number) ?? limit(rules.gte, 'at least', number => nanos >= number)
  const high =
    limit(rules.lt, 'less than', number => nanos < number) ?? limit(rules.lte, 'at most', number => nanos <= number)
  return checkRange(low, high)
}

function inNanos(duration: Duration): bigint {
  return duration.seconds * 1_000_000_000n + BigInt(duration.nanos)
}

function showNanos(nanos: bigint): string {
  return `${Number(nanos) / 1e9}s`
}

export function showDuration(duration: Duration): string {
  return showNanos(inNanos(duration))
}

export function checkAny(rules: AnyRules, typeUrl: string): string | undefined {
  if (rules.in.length > 0 && !rules.in.includes(typeUrl)) return `must be of type ${rules.in.join(' or ')}`
  return rules.notIn.includes(typeUrl) ? 'must not be of this type' : undefined
}
