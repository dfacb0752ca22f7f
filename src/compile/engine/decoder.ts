import type { Message } from '@bufbuild/protobuf'
import type { DecodedMessage } from '../../config/index.js'
import { decodeResource, reasonOf, type ResourceEnvironment } from '../../plan/compile-resource.js'
import { type Resource, type ResourceType, resourceTypes } from '../../xds/types.js'
import type { StoredResource } from './stored.js'

const urlPrefix = 'type.googleapis.com/'

export interface DecoderOptions {
  readonly environment: () => ResourceEnvironment
  readonly onDecoded: (message: DecodedMessage<Message>) => void
}

/** Bytes of resources → checked messages. A response is checked as a whole before anybody takes of it, and decoded once for both. */
export class Decoder {
  readonly #options: DecoderOptions
  readonly #messages = new WeakMap<Uint8Array, Message>()

  constructor(options: DecoderOptions) {
    this.#options = options
  }

  /** Why the resource makes no sense by itself. */
  check(type: ResourceType, { bytes, isAbsent }: Pick<Resource, 'bytes' | 'isAbsent'>): string | undefined {
    if (isAbsent) return undefined
    const decoded = this.#decode(resourceTypes[type], bytes)
    if (typeof decoded === 'string') return decoded
    this.#messages.set(bytes, decoded)
    return undefined
  }

  /** The message of a resource that was checked. */
  messageOf({ typeUrl, bytes }: Pick<StoredResource, 'typeUrl' | 'bytes'>): Message {
    const known = this.#messages.get(bytes)
    if (known !== undefined) {
      this.#messages.delete(bytes)
      return known
    }
    const decoded = this.#decode(typeUrl, bytes)
    if (typeof decoded === 'string') throw new Error(decoded)
    return decoded
  }

  #decode(typeUrl: string, bytes: Uint8Array): Message | string {
    const typeName = typeUrl.slice(urlPrefix.length) as Message['$typeName']
    const decoded = decodeResource<Message>(typeName, bytes, this.#options.environment())
    if (!decoded.ok) return reasonOf(decoded.error)
    this.#options.onDecoded(decoded.value)
    return decoded.value.message
  }
}
