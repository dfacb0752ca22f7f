/** One element of DER (X.690): a tag, and what stands in it. */
export interface DerItem {
  /** The identifier octet, class and constructed bit included: 0x30 is a SEQUENCE. */
  readonly tag: number
  readonly content: Buffer
  /** Header and content. */
  readonly whole: Buffer
}

/** The elements that stand one after the other; throws RangeError where they do not fit. Tags above 30 do not occur in certificates. */
export function derItems(bytes: Buffer): DerItem[] {
  const items: DerItem[] = []
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes.readUInt8(at)
    const first = bytes.readUInt8(at + 1)
    const extra = first < 0x80 ? 0 : first & 0x7f
    if (first === 0x80 || extra > 4) throw new RangeError('a length that DER does not have')
    const size = extra === 0 ? first : bytes.readUIntBE(at + 2, extra)
    const begin = at + 2 + extra
    if (begin + size > bytes.length) throw new RangeError('an element is longer than what holds it')
    items.push({ tag, content: bytes.subarray(begin, begin + size), whole: bytes.subarray(at, begin + size) })
    at = begin + size
  }
  return items
}

/** The elements within one, or none when there is no such element. */
export const within = (item: DerItem | undefined): DerItem[] => (item === undefined ? [] : derItems(item.content))

/** "1.2.840.113549" of the content of an OBJECT IDENTIFIER. */
export function dottedOid(content: Buffer): string {
  const parts: number[] = []
  let value = 0
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f)
    if (byte < 0x80) {
      parts.push(value)
      value = 0
    }
  }
  const [head = 0, ...rest] = parts
  const first = Math.min(2, Math.floor(head / 40))
  return [first, head - first * 40, ...rest].join('.')
}

/** Milliseconds since the epoch of a UTCTime or GeneralizedTime; NaN for anything else. */
export function derTime({ tag, content }: DerItem): number {
  const text = content.toString('latin1')
  const short = tag === 0x17
  const match = /^(\d{2,4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d+)?Z$/.exec(text)
  if (match === null) return Number.NaN
  const [, year = '', ...rest] = match
  const [month = 1, day = 1, hour = 0, minute = 0, second = 0] = rest.map(Number)
  const full = short ? Number(year) + (Number(year) < 50 ? 2000 : 1900) : Number(year)
  return Date.UTC(full, month - 1, day, hour, minute, second)
}
