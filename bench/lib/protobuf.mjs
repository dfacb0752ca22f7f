// Protobuf messages by field number, for the control plane of the benchmark: ten thousand resources are made in a moment, and no schema is
// loaded. A field is [number, value]: a string or bytes as they are, a number as a varint, a list of fields as a message.

/** @typedef {[number, string | number | Uint8Array | Field[]]} Field */

/** @param {number} value */
function varint(value) {
  const bytes = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest & 0x7f) | 0x80)
  bytes.push(rest)
  return Buffer.from(bytes)
}

/** @param {Field[]} fields @returns {Buffer} */
export function encode(fields) {
  return Buffer.concat(
    fields.flatMap(([number, value]) => {
      if (typeof value === 'number') return [varint(number * 8), varint(value)]
      const bytes = typeof value === 'string' ? Buffer.from(value) : value instanceof Uint8Array ? value : encode(value)
      return [varint(number * 8 + 2), varint(bytes.length), bytes]
    }),
  )
}

/** google.protobuf.Any. @param {string} type @param {Field[]} fields @returns {Field[]} */
export function any(type, fields) {
  return [
    [1, `type.googleapis.com/${type}`],
    [2, encode(fields)],
  ]
}

/**
 * The fields of a message, each as it came: numbers of varints, bytes of everything else.
 * @param {Uint8Array} bytes
 * @returns {{ number: number, value: number | Buffer }[]}
 */
export function decode(bytes) {
  const found = []
  let at = 0
  const read = () => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++] ?? 0
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
  }
  while (at < bytes.length) {
    const key = read()
    const wire = key & 7
    const number = key >>> 3
    if (wire === 0) {
      found.push({ number, value: read() })
      continue
    }
    const size = wire === 2 ? read() : wire === 1 ? 8 : 4
    found.push({ number, value: Buffer.from(bytes.buffer, bytes.byteOffset + at, size) })
    at += size
  }
  return found
}
