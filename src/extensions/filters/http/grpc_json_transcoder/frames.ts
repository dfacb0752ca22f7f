/** Messages of gRPC in a body: a flag, four bytes of length, the message. */
const headSize = 5

export function frame(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(headSize + message.length)
  new DataView(framed.buffer).setUint32(1, message.length)
  framed.set(message, headSize)
  return framed
}

export class FrameReader {
  #waiting: Uint8Array = new Uint8Array()

  /** Bytes that belong to no whole message yet. */
  get size(): number {
    return this.#waiting.length
  }

  /** Messages that are complete now. */
  push(bytes: Uint8Array): Uint8Array[] {
    this.#waiting = this.#waiting.length === 0 ? bytes : Buffer.concat([this.#waiting, bytes])
    const messages: Uint8Array[] = []
    while (this.#waiting.length >= headSize) {
      const view = new DataView(this.#waiting.buffer, this.#waiting.byteOffset, this.#waiting.length)
      const end = headSize + view.getUint32(1)
      if (this.#waiting.length < end) break
      if (view.getUint8(0) !== 0) throw new RangeError('a compressed message')
      messages.push(this.#waiting.subarray(headSize, end))
      this.#waiting = this.#waiting.subarray(end)
    }
    return messages
  }
}
