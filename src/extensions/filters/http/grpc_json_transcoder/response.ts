/** The answer of one stream on its way from gRPC to JSON (or plain bytes). */
import { fromBinary, type Registry } from '@bufbuild/protobuf'
import { reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect'
import { FrameReader } from './frames.js'
import { printMessage } from './json-print.js'
import type { Method } from './methods.js'
import type { Settings } from './settings.js'

export interface ResponseParts {
  readonly method: Method
  readonly registry: Registry
  readonly print: Settings['print']
}

export class ResponseTranscoder {
  readonly #parts: ResponseParts
  readonly #frames = new FrameReader()
  readonly isStreamed: boolean
  #count = 0
  /** Of the first google.api.HttpBody. */
  contentType: string | undefined

  constructor(parts: ResponseParts) {
    this.#parts = parts
    const { methodKind } = parts.method.desc
    this.isStreamed = methodKind === 'server_streaming' || methodKind === 'bidi_streaming'
  }

  get size(): number {
    return this.#frames.size
  }

  /** Text (or bytes) of the messages that are complete now. A method with one answer has no second. */
  push(bytes: Uint8Array): Uint8Array {
    const out = this.#frames.push(bytes).flatMap(message => {
      if (!this.isStreamed && this.#count > 0) return []
      const text = this.#parts.method.responseIsHttpBody ? this.#data(message) : this.#text(message)
      this.#count++
      return [text]
    })
    return out.length === 1 ? (out[0] as Uint8Array) : Buffer.concat(out)
  }

  /** What stands behind the last message. */
  finish(): Uint8Array {
    const { print, method } = this.#parts
    if (!this.isStreamed || method.responseIsHttpBody || print.delimitsByNewline || print.delimitsBySse)
      return new Uint8Array()
    return Buffer.from(this.#count === 0 ? '[]' : ']')
  }

  #text(bytes: Uint8Array): Uint8Array {
    const { method, registry, print } = this.#parts
    const { output } = method.desc
    const text = printMessage(output, fromBinary(output, bytes), registry, print)
    if (!this.isStreamed) return Buffer.from(text)
    if (print.delimitsBySse) return Buffer.from(`data: ${text}\n\n`)
    if (print.delimitsByNewline) return Buffer.from(`${text}\n`)
    return Buffer.from(`${this.#count === 0 ? '[' : ','}${text}`)
  }

  #data(bytes: Uint8Array): Uint8Array {
    const { method } = this.#parts
    let body: ReflectMessage = reflect(method.desc.output, fromBinary(method.desc.output, bytes))
    for (const field of method.responsePath) if (field.fieldKind === 'message') body = body.get(field)
    let data: Uint8Array = new Uint8Array()
    for (const field of body.desc.fields) {
      if (field.name === 'data') data = body.get(field) as Uint8Array
      if (field.name === 'content_type') this.contentType ??= String(body.get(field))
    }
    return data
  }
}
