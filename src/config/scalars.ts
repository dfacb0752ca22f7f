import { ScalarType } from '@bufbuild/protobuf'
import { err, ok, type Result } from '../support/result.js'

export type Scalar = boolean | number | bigint | string | Uint8Array

const ranges: Partial<Record<ScalarType, readonly [bigint, bigint]>> = {
  [ScalarType.INT32]: [-(2n ** 31n), 2n ** 31n - 1n],
  [ScalarType.SINT32]: [-(2n ** 31n), 2n ** 31n - 1n],
  [ScalarType.SFIXED32]: [-(2n ** 31n), 2n ** 31n - 1n],
  [ScalarType.UINT32]: [0n, 2n ** 32n - 1n],
  [ScalarType.FIXED32]: [0n, 2n ** 32n - 1n],
  [ScalarType.INT64]: [-(2n ** 63n), 2n ** 63n - 1n],
  [ScalarType.SINT64]: [-(2n ** 63n), 2n ** 63n - 1n],
  [ScalarType.SFIXED64]: [-(2n ** 63n), 2n ** 63n - 1n],
  [ScalarType.UINT64]: [0n, 2n ** 64n - 1n],
  [ScalarType.FIXED64]: [0n, 2n ** 64n - 1n],
}

const is64 = new Set([ScalarType.INT64, ScalarType.SINT64, ScalarType.SFIXED64, ScalarType.UINT64, ScalarType.FIXED64])

/** A JSON or YAML scalar as a proto scalar, in the form protobuf-es keeps it; else what was expected. */
export function decodeScalar(type: ScalarType, value: unknown): Result<Scalar, string> {
  switch (type) {
    case ScalarType.STRING:
      if (typeof value === 'string')
        return /\p{Surrogate}/u.test(value) ? err('expected text; this is half of a UTF-16 pair') : ok(value)
      return err(typeof value === 'object' ? 'expected a string' : 'expected a string; put it in quotes')
    case ScalarType.BOOL:
      return decodeBoolean(value)
    case ScalarType.BYTES:
      return decodeBytes(value)
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return decodeFloat(type, value)
    default:
      return decodeInteger(type, value)
  }
}

// Words in quotes count too, as many as Envoy takes.
function decodeBoolean(value: unknown): Result<Scalar, string> {
  if (typeof value === 'boolean') return ok(value)
  if (typeof value === 'string' && /^(true|t|yes|y|1)$/i.test(value)) return ok(true)
  if (typeof value === 'string' && /^(false|f|no|n|0)$/i.test(value)) return ok(false)
  return err('expected true or false')
}

function decodeInteger(type: ScalarType, value: unknown): Result<Scalar, string> {
  const [least, most] = ranges[type] as readonly [bigint, bigint]
  const integer = toInteger(value)
  if (integer === undefined) return err('expected an integer')
  if (integer < least || integer > most) return err(`expected an integer from ${least} to ${most}`)
  return ok(is64.has(type) ? integer : Number(integer))
}

function toInteger(value: unknown): bigint | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : undefined
  if (typeof value !== 'string') return undefined
  if (/^(-?\d+|0[xX][0-9a-fA-F]+)$/.test(value)) return BigInt(value)
  if (!/^-?(\d+\.\d*|\.?\d+)([eE][+-]?\d+)?$/.test(value)) return undefined
  const number = Number(value)
  return Number.isInteger(number) ? BigInt(number) : undefined
}

const largestFloat = 3.4028234663852886e38

function decodeFloat(type: ScalarType, value: unknown): Result<Scalar, string> {
  if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return ok(Number(value))
  const isText = typeof value === 'string' && /^-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(value)
  if (typeof value !== 'number' && !isText) return err('expected a number')
  const number = Number(value)
  if (type === ScalarType.FLOAT && Math.abs(number) > largestFloat) return err('out of range for a float')
  return Number.isFinite(number) ? ok(type === ScalarType.FLOAT ? Math.fround(number) : number) : err('out of range')
}

function decodeBytes(value: unknown): Result<Scalar, string> {
  const isBase64 =
    typeof value === 'string' && /^[A-Za-z0-9+/_-]*={0,2}$/.test(value) && value.replace(/=+$/, '').length % 4 !== 1
  return isBase64 ? ok(new Uint8Array(Buffer.from(value, 'base64'))) : err('expected bytes in base64')
}

const longestDuration = 315_576_000_000n

/** `1.5s` as seconds and nanoseconds. */
export function parseDuration(value: unknown): Result<{ seconds: bigint; nanos: number }, string> {
  const match = typeof value === 'string' ? /^(-?)(\d+)(?:\.(\d{1,9}))?s$/.exec(value) : null
  if (!match) return err('expected a duration, such as "5s" or "0.25s"')
  const [, sign, whole, fraction = ''] = match as unknown as [string, string, string, string?]
  const seconds = BigInt(whole)
  if (seconds > longestDuration) return err('a duration can be at most 315576000000s')
  const nanos = Number(fraction.padEnd(9, '0'))
  return ok(sign === '' ? { seconds, nanos } : { seconds: -seconds, nanos: nanos === 0 ? 0 : -nanos })
}
