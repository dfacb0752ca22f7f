/** The wire format of protobuf as it stands in memory: fields one after the other, nothing copied and no message made. */

export const kVarint = 0
export const kLengthDelimited = 2

const none = new Uint8Array()

/**
 * Walks through the fields of one message. Bytes that are no message end the walk and set `isBroken`; so does a varint of more than 32 bits
 * and a group, which readers of this kind leave to the whole decoder.
 */
export class WireReader {
  #bytes: Uint8Array = none
  #at = 0
  #end = 0
  /** Of the field that `next` found. */
  field = 0
  wireType = 0
  /** Where its content is: `start` to `end` of a length-delimited one. */
  start = 0
  end = 0
  /** Of a varint. */
  value = 0
  isBroken = false

  /** Starts over with a part of some bytes: a reader costs more than what it reads is worth, so those who read thousands keep one. */
  over(bytes: Uint8Array, start = 0, end = bytes.length): this {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
    this.isBroken = false
    return this
  }

  /** Behind the field that `next` found. */
  get position(): number {
    return this.#at
  }

  /** False: the message is over, or broken. */
  next(): boolean {
    if (this.#at >= this.#end || this.isBroken) return false
    const tag = this.#varint()
    this.field = tag >>> 3
    this.wireType = tag & 7
    if (this.wireType === kVarint) this.value = this.#varint()
    else if (this.wireType === kLengthDelimited) {
      const length = this.#varint()
      this.start = this.#at
      this.end = this.#at + length
      this.#at = this.end
    } else if (this.wireType === 1) this.#at += 8
    else if (this.wireType === 5) this.#at += 4
    else this.isBroken = true
    if (this.#at > this.#end || this.field === 0) this.isBroken = true
    return !this.isBroken
  }

  #varint(): number {
    const bytes = this.#bytes
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      if (this.#at >= this.#end) break
      const byte = bytes[this.#at++] as number
      if (shift === 28 && byte > 0x0f) break
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    this.isBroken = true
    return 0
  }
}

/** Text of one byte a character; undefined where it is not. */
export function asciiIn(bytes: Uint8Array, start: number, end: number): string | undefined {
  for (let at = start; at < end; at++) if ((bytes[at] as number) > 0x7f) return undefined
  return start === end ? '' : bufferOf(bytes).toString('latin1', start, end)
}

/** Bytes of whatever kind as text of one byte a character. */
export const latin1In = (bytes: Uint8Array, start: number, end: number): string =>
  bufferOf(bytes).toString('latin1', start, end)

const bufferOf = (bytes: Uint8Array): Buffer =>
  bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
