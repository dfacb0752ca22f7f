/** The request of one stream on its way from JSON (or plain bytes) to gRPC. */
import { create, type DescField, toBinary } from '@bufbuild/protobuf'
import { reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect'
import { frame } from './frames.js'
import { bindText, readMessage, type Reading } from './json-message.js'
import { JsonArraySplitter, JsonError, type JsonNode, parseJson } from './json-text.js'
import type { Route } from './methods.js'

// Larger messages than four megabytes are refused by many servers.
const mostStreamed = 1 << 20

export interface BoundField {
  readonly path: readonly DescField[]
  readonly value: string
}

export interface RequestTranscoder {
  /** Framed messages that are complete now; none is empty. Throws JsonError. */
  push(bytes: Uint8Array): Uint8Array
  finish(): Uint8Array
  /** Bytes kept. */
  readonly size: number
}

export interface RequestParts {
  readonly route: Route
  readonly bindings: readonly BoundField[]
  readonly reading: Reading
  readonly rejectsCollisions: boolean
  readonly contentType: string
}

export function requestTranscoder(parts: RequestParts): RequestTranscoder {
  const { desc, bodyIsHttpBody } = parts.route.method
  if (bodyIsHttpBody) return new HttpBodyRequest(parts)
  return desc.methodKind === 'client_streaming' || desc.methodKind === 'bidi_streaming'
    ? new StreamedRequest(parts)
    : new UnaryRequest(parts)
}

function encode(message: ReflectMessage): Uint8Array {
  return frame(toBinary(message.desc, message.message))
}

/** Bindings first: what the body says wins, and repeated fields get both. */
function messageOf(
  { route, bindings, reading, rejectsCollisions }: RequestParts,
  body: JsonNode | undefined,
): ReflectMessage {
  const message = reflect(route.method.desc.input, create(route.method.desc.input))
  for (const { path, value } of bindings) bindText(message, path, value, reading)
  if (body === undefined) return message
  const bound = rejectsCollisions ? bindings.map(({ path }) => valueAt(message, path)) : []
  const wrapped = route.bodyPath.reduceRight<JsonNode>((inner, field) => new Map([[field.name, inner]]), body)
  readMessage(message, wrapped, reading)
  for (const [index, before] of bound.entries()) {
    const { path, value } = bindings[index] as BoundField
    const after = valueAt(message, path)
    if (before !== undefined && after !== before)
      throw new JsonError(
        `The binding value "${value}" of the field ${path.map(field => field.name).join('.')} is conflicting with the value "${String(after)}" in the body.`,
      )
  }
  return message
}

/** Of a scalar or enum; undefined for all else. */
function valueAt(message: ReflectMessage, path: readonly DescField[]): unknown {
  let current = message
  for (const field of path.slice(0, -1)) {
    if (field.fieldKind !== 'message' || !current.isSet(field)) return undefined
    current = current.get(field)
  }
  const last = path.at(-1)
  return last?.fieldKind === 'scalar' || last?.fieldKind === 'enum' ? current.get(last) : undefined
}

class UnaryRequest implements RequestTranscoder {
  readonly #parts: RequestParts
  readonly #pieces: Uint8Array[] = []
  size = 0

  constructor(parts: RequestParts) {
    this.#parts = parts
  }

  push(bytes: Uint8Array): Uint8Array {
    this.#pieces.push(bytes)
    this.size += bytes.length
    return new Uint8Array()
  }

  finish(): Uint8Array {
    const text = Buffer.concat(this.#pieces).toString('utf8')
    return encode(messageOf(this.#parts, text.trim() === '' ? undefined : parseJson(text)))
  }
}

class StreamedRequest implements RequestTranscoder {
  readonly #parts: RequestParts
  readonly #items = new JsonArraySplitter()
  readonly #decoder = new TextDecoder()
  #isFirst = true

  constructor(parts: RequestParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#items.size
  }

  push(bytes: Uint8Array): Uint8Array {
    return this.#encode(this.#items.push(this.#decoder.decode(bytes, { stream: true })))
  }

  finish(): Uint8Array {
    const last = this.#encode(this.#items.push(this.#decoder.decode()))
    this.#items.finish()
    return last
  }

  /** What the path says belongs to the first message. */
  #encode(items: readonly JsonNode[]): Uint8Array {
    return Buffer.concat(
      items.map(item => {
        const bindings = this.#isFirst ? this.#parts.bindings : []
        this.#isFirst = false
        return encode(messageOf({ ...this.#parts, bindings }, item))
      }),
    )
  }
}

/** The body is not JSON, but the data of a google.api.HttpBody. */
class HttpBodyRequest implements RequestTranscoder {
  readonly #parts: RequestParts
  readonly #isStreamed: boolean
  readonly #pieces: Uint8Array[] = []
  #isFirst = true
  size = 0

  constructor(parts: RequestParts) {
    this.#parts = parts
    const { methodKind } = parts.route.method.desc
    this.#isStreamed = methodKind === 'client_streaming' || methodKind === 'bidi_streaming'
  }

  push(bytes: Uint8Array): Uint8Array {
    if (!this.#isStreamed) {
      this.#pieces.push(bytes)
      this.size += bytes.length
      return new Uint8Array()
    }
    const messages: Uint8Array[] = []
    for (let at = 0; at < bytes.length; at += mostStreamed)
      messages.push(this.#message(bytes.subarray(at, at + mostStreamed)))
    return Buffer.concat(messages)
  }

  finish(): Uint8Array {
    return this.#isFirst ? this.#message(Buffer.concat(this.#pieces)) : new Uint8Array()
  }

  #message(data: Uint8Array): Uint8Array {
    const { route, bindings, reading, contentType } = this.#parts
    const message = reflect(route.method.desc.input, create(route.method.desc.input))
    if (this.#isFirst) for (const { path, value } of bindings) bindText(message, path, value, reading)
    let body = message
    for (const field of route.method.bodyPath) {
      if (field.fieldKind !== 'message') break
      if (!body.isSet(field)) body.set(field, reflect(field.message))
      body = body.get(field)
    }
    for (const field of body.desc.fields) {
      if (field.name === 'content_type' && this.#isFirst && contentType !== '') body.set(field, contentType)
      if (field.name === 'data') body.set(field, data)
    }
    this.#isFirst = false
    return encode(message)
  }
}
