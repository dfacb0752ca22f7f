import type { Message } from '@bufbuild/protobuf'
import type { DecodedMessage } from '../../config/index.js'
import { decodeResource, reasonOf, type ResourceEnvironment, type ResourceErrors } from '../../plan/compile-resource.js'
import { plainAssignment } from '../../plan/plain-assignment.js'
import { PlainClusters } from '../../plan/plain-clusters.js'
import { err, ok, type Result } from '../../support/result.js'
import { type Resource, type ResourceType, resourceTypes } from '../../xds/types.js'
import type { StoredResource } from './stored.js'

const urlPrefix = 'type.googleapis.com/'

const takenOneByOne: ReadonlySet<ResourceType> = new Set(['cluster', 'listener', 'extension-config'])

export interface DecoderOptions {
  readonly environment: () => ResourceEnvironment
  readonly onDecoded: (message: DecodedMessage<Message>) => void
}

/** Bytes of resources → checked messages. A response is checked as a whole before anybody takes of it, and decoded once for both. */
export class Decoder {
  readonly #options: DecoderOptions
  readonly #messages = new WeakMap<Uint8Array, Message>()
  /** Of whose checks there was something to tell. */
  readonly #talkative = new WeakSet<Uint8Array>()
  readonly plainClusters = new PlainClusters()
  readonly #faults = new WeakMap<Uint8Array, ResourceErrors>()

  constructor(options: DecoderOptions) {
    this.#options = options
  }

  /** Why the resource makes no sense by itself. */
  check(type: ResourceType, { bytes, isAbsent }: Pick<Resource, 'bytes' | 'isAbsent'>): string | undefined {
    if (isAbsent || this.#isPlain(type, bytes)) return undefined
    const decoded = this.#decode(resourceTypes[type], bytes)
    if (decoded.ok) {
      this.#messages.set(bytes, decoded.value)
      return undefined
    }
    // As in Envoy, a payload is looked at by whoever uses it: where resources are taken one by one, its neighbours go on.
    const isItsOwn = takenOneByOne.has(type) && decoded.error.every(({ isPacked }) => isPacked)
    if (!isItsOwn) return reasonOf(decoded.error)
    this.#faults.set(bytes, decoded.error)
    return undefined
  }

  /** What is wrong with a resource that was checked, though the response is not refused for it. */
  faultsOf({ bytes }: Pick<StoredResource, 'bytes'>): ResourceErrors | undefined {
    return this.#faults.get(bytes)
  }

  /** Did its checks count nothing? */
  isSilent({ bytes }: Pick<StoredResource, 'bytes'>): boolean {
    return !this.#talkative.has(bytes)
  }

  /** The message of a resource that was checked. */
  messageOf({ typeUrl, bytes }: Pick<StoredResource, 'typeUrl' | 'bytes'>): Message {
    const known = this.#messages.get(bytes)
    if (known !== undefined) {
      this.#messages.delete(bytes)
      return known
    }
    const decoded = this.#decode(typeUrl, bytes)
    if (!decoded.ok) throw new Error(reasonOf(decoded.error))
    return decoded.value
  }

  #isPlain(type: ResourceType, bytes: Uint8Array): boolean {
    if (type === 'endpoint') return plainAssignment(bytes) !== undefined
    return type === 'cluster' && this.plainClusters.isKnown(bytes, this.#options.environment())
  }

  #decode(typeUrl: string, bytes: Uint8Array): Result<Message, ResourceErrors> {
    const typeName = typeUrl.slice(urlPrefix.length) as Message['$typeName']
    const decoded = decodeResource<Message>(typeName, bytes, this.#options.environment())
    if (!decoded.ok) return err(decoded.error)
    const { unknownFields, deprecatedFields } = decoded.value
    if (unknownFields.length + deprecatedFields > 0) this.#talkative.add(bytes)
    this.#options.onDecoded(decoded.value)
    return ok(decoded.value.message)
  }
}
