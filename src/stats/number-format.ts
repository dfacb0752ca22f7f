// Numbers as Envoy prints them, where JavaScript's own way differs.

/** A number taken apart: shortest decimal digits that read back as the same value, and the power of ten of the first. */
function shortest(value: number): { digits: string; exponent: number } {
  const [mantissa = '', exponent = '0'] = value.toExponential().split('e')
  return { digits: mantissa.replace('.', '').replace(/0+$/, '') || '0', exponent: Number(exponent) }
}

function scientific(digits: string, exponent: number): string {
  const fraction = digits.length > 1 ? `.${digits.slice(1)}` : ''
  const size = Math.abs(exponent)
  return `${digits[0]}${fraction}e${exponent < 0 ? '-' : '+'}${size < 10 ? '0' : ''}${size}`
}

function fixed(digits: string, exponent: number): string {
  if (exponent < 0) return `0.${'0'.repeat(-exponent - 1)}${digits}`
  if (digits.length <= exponent + 1) return digits + '0'.repeat(exponent + 1 - digits.length)
  return `${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`
}

/** Shortest text; an exponent below 1e-4 and from 1e16 on (histogram lines of `/stats`). */
export function formatShortest(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (value === 0) return '0'
  if (value < 0) return `-${formatShortest(-value)}`
  const { digits, exponent } = shortest(value)
  return exponent < -4 || exponent >= 16 ? scientific(digits, exponent) : fixed(digits, exponent)
}

/** Shortest text, fixed or scientific, whichever has fewer characters; fixed when equal (`/stats?format=json`). */
export function formatCompact(value: number): string {
  if (value === 0) return '0'
  if (value < 0) return `-${formatCompact(-value)}`
  const { digits, exponent } = shortest(value)
  const long = fixed(digits, exponent)
  const short = scientific(digits, exponent)
  return short.length < long.length ? short : long
}

/** C's `%g`: six significant digits, no zeros at the end (bounds of buckets and bins in text). */
export function formatGeneral(value: number): string {
  if (value === 0) return '0'
  const [mantissa = '', exponent = '0'] = value.toExponential(5).split('e')
  const digits = mantissa.replace('.', '').replace(/0+$/, '') || '0'
  const power = Number(exponent)
  return power < -4 || power >= 6 ? scientific(digits, power) : fixed(digits, power)
}

/** C's `%.32g` of a number that is not negative: the exact binary value, cut at 32 significant digits (Prometheus sums). */
export function formatExact(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (Number.isSafeInteger(value)) return String(value)
  const wanted = 32
  // value = numerator / 2^shift, exactly
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  const bits = view.getBigUint64(0)
  const biased = Number((bits >> 52n) & 0x7ffn)
  const mantissa = (bits & 0xfffffffffffffn) | (biased === 0 ? 0n : 1n << 52n)
  const power = (biased === 0 ? 1 : biased) - 1075
  let exponent = Number(value.toExponential().split('e')[1])
  const digitsAt = (first: number): string => {
    const scale = wanted - 1 - first // 10^scale moves the last wanted digit to the ones
    let numerator = power > 0 ? mantissa << BigInt(power) : mantissa
    let denominator = power < 0 ? 1n << BigInt(-power) : 1n
    if (scale >= 0) numerator *= 10n ** BigInt(scale)
    else denominator *= 10n ** BigInt(-scale)
    const quotient = numerator / denominator
    const twice = 2n * (numerator % denominator)
    const isUp = twice > denominator || (twice === denominator && quotient % 2n === 1n)
    return (isUp ? quotient + 1n : quotient).toString()
  }
  let digits = digitsAt(exponent)
  if (digits.length > wanted) digits = digitsAt(++exponent)
  const kept = digits.replace(/0+$/, '')
  return exponent < -4 || exponent >= wanted ? scientific(kept, exponent) : fixed(kept, exponent)
}

/** A counter or gauge. They are unsigned in 64 bits; below zero stand the largest ones, which a double cannot hold. */
export function formatInteger(value: number): string {
  return value < 0
    ? BigInt.asUintN(64, BigInt(value)).toString()
    : value < 1e21
      ? String(value)
      : BigInt(value).toString()
}
