// Protobuf messages without a schema: written field by field, and read back as far as the wire tells.

export type Field = readonly [number: number, value: number | string | Buffer]

function varint(value: number): Buffer {
  const bytes: number[] = []
  let left = value
  for (; left > 127; left = Math.floor(left / 128)) bytes.push((left % 128) + 128)
  bytes.push(left)
  return Buffer.from(bytes)
}

export function message(...fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.map(([number, value]) => {
      if (typeof value === 'number') return Buffer.concat([varint(number * 8), varint(value)])
      const bytes = Buffer.from(value as string)
      return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes])
    }),
  )
}

/** Its fields as lines `1.2.3 = value`, sorted; what could be text is text. */
export function shown(bytes: Buffer): string {
  return (linesOf(bytes, '') ?? [`(no message) ${bytes.toString('hex')}`]).sort().join('\n')
}

function linesOf(bytes: Buffer, path: string): string[] | undefined {
  const lines: string[] = []
  let at = 0
  const number = (): number => {
    let value = 0
    for (let factor = 1; at < bytes.length; factor *= 128) {
      const byte = bytes[at++] as number
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
    return Number.NaN
  }
  while (at < bytes.length) {
    const tag = number()
    const field = `${path}${Math.floor(tag / 8)}`
    if (Number.isNaN(tag) || tag < 8) return undefined
    if (tag % 8 === 0) {
      lines.push(`${field} = ${number()}`)
    } else if (tag % 8 === 2) {
      const size = number()
      if (!(at + size <= bytes.length)) return undefined
      const value = bytes.subarray(at, at + size)
      at += size
      const text = value.toString('latin1')
      const nested = /^[\x20-\x7e]*$/.test(text) ? undefined : linesOf(value, `${field}.`)
      // A map's entry as one line, so that sorting keeps it together.
      const entry = /^1 = (.*)\n2 = (.*)$/.exec((nested ?? []).map(line => line.slice(field.length + 1)).join('\n'))
      if (entry !== null && !/^"?\d/.test(entry[1] ?? '')) lines.push(`${field}[${entry[1]}] = ${entry[2]}`)
      else lines.push(...(nested ?? [`${field} = ${JSON.stringify(text)}`]))
    } else {
      return undefined
    }
  }
  return lines
}
