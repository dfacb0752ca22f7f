import { type DescMessage, fromBinary, type Message, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import type { Any, Duration } from '@bufbuild/protobuf/wkt'
import { typeNameOf } from '../config/type-url.js'
import type { Types } from '../config/index.js'
import type {
  DeltaDiscoveryResponse,
  DiscoveryResponse,
  Resource as WireResource,
} from '../generated/protos/envoy/service/discovery/v3/discovery_pb.js'
import { err, ok, type Result } from '../support/result.js'
import { type Resource, type ResourceType, resourceTypes } from './types.js'

const area = 'envoy.service.discovery.v3'
const wrapperType = `${area}.Resource`
const mostErrorText = 4096

/** A resource out of its wrapping, and how long it lives. */
export interface Unwrapped {
  readonly resource: Resource
  /** Milliseconds; undefined: for good. */
  readonly ttlMs: number | undefined
}

/** Messages of the protocol to bytes and back. The only place that decodes what a control plane sends; resources stay bytes. */
export class Wire {
  readonly #types: Types
  readonly #schemas = new Map<string, DescMessage>()

  constructor(types: Types) {
    this.#types = types
  }

  /** `names`: more of the same message, from `names`. */
  request(isDelta: boolean, init: MessageInitShape<DescMessage>, names?: Uint8Array): Uint8Array {
    const schema = this.#schema(isDelta ? 'DeltaDiscoveryRequest' : 'DiscoveryRequest')
    const bytes = toBinary(schema, this.#types.create(schema.typeName, init))
    // Messages one after the other are one message with the fields of both.
    return names === undefined || names.length === 0 ? bytes : Buffer.concat([bytes, names])
  }

  /** The part of a DiscoveryRequest that names resources. */
  names(resourceNames: readonly string[]): Uint8Array {
    const schema = this.#schema('DiscoveryRequest')
    return toBinary(schema, this.#types.create(schema.typeName, { resourceNames: [...resourceNames] }))
  }

  /** Errors name the message that the bytes are not. */
  response(bytes: Uint8Array): Result<DiscoveryResponse, string> {
    return this.#decode('DiscoveryResponse', bytes) as Result<DiscoveryResponse, string>
  }

  deltaResponse(bytes: Uint8Array): Result<DeltaDiscoveryResponse, string> {
    return this.#decode('DeltaDiscoveryResponse', bytes) as Result<DeltaDiscoveryResponse, string>
  }

  /**
   * A resource of a state-of-the-world answer: bare, or in a wrapper that gives it a time to live. `known`: bytes that are here already,
   * which are used again where they are the same.
   */
  unwrap(
    type: ResourceType,
    any: Any,
    version: string,
    known?: ReadonlyMap<string, Uint8Array>,
  ): Result<Unwrapped, string> {
    const typeUrl = resourceTypes[type]
    if (typeNameOf(any.typeUrl) === wrapperType) {
      const wrapper = this.#decode('Resource', any.value) as Result<WireResource, string>
      if (!wrapper.ok) return err(`Unable to unpack as ${wrapperType}`)
      const inner = wrapper.value.resource
      if (inner !== undefined && inner.typeUrl !== typeUrl)
        return err(`Unable to unpack as ${typeNameOf(typeUrl)}: [${inner.typeUrl}]`)
      return ok(ofWrapper(typeUrl, wrapper.value, version, known?.get(wrapper.value.name)))
    }
    if (any.typeUrl !== typeUrl)
      return err(`${any.typeUrl} does not match the message-wide type URL ${typeUrl} in DiscoveryResponse`)
    const name = nameIn(any.value)
    if (name === undefined) return err(`Unable to unpack as ${typeNameOf(typeUrl)}: [${typeUrl}]`)
    const bytes = ownBytes(any.value, known?.get(name))
    return ok({ resource: { name, aliases: [], version, typeUrl, bytes, isAbsent: false }, ttlMs: undefined })
  }

  #schema(name: string): DescMessage {
    const known = this.#schemas.get(name)
    if (known) return known
    const schema = this.#types.message(`${area}.${name}`) as DescMessage
    this.#schemas.set(name, schema)
    return schema
  }

  #decode(name: string, bytes: Uint8Array): Result<Message, string> {
    try {
      return ok(fromBinary(this.#schema(name), bytes))
    } catch (error) {
      return err(`the bytes are not a ${name}: ${(error as Error).message}`)
    }
  }
}

/** The resource of a delta answer. */
export function ofWrapper(
  typeUrl: string,
  wrapper: WireResource,
  version = wrapper.version,
  known?: Uint8Array,
): Unwrapped {
  const { resource } = wrapper
  return {
    resource: {
      name: wrapper.name,
      aliases: wrapper.aliases,
      version,
      typeUrl,
      bytes: resource === undefined ? new Uint8Array() : ownBytes(resource.value, known),
      isAbsent: resource === undefined,
    },
    ttlMs: wrapper.ttl && durationMs(wrapper.ttl),
  }
}

/** Whoever keeps a resource is not to keep the whole response. */
function ownBytes(bytes: Uint8Array, known: Uint8Array | undefined): Uint8Array {
  return known !== undefined && Buffer.compare(known, bytes) === 0 ? known : new Uint8Array(bytes)
}

/** What a resource calls itself, whatever its wrapper says; undefined when the bytes are no message. */
export function ownName({ name, bytes }: Pick<Resource, 'name' | 'bytes'>): string | undefined {
  const { length } = name
  const isAsWrapped =
    bytes[0] === 0x0a &&
    bytes[1] === length &&
    length < 0x80 &&
    bytes.length >= length + 2 &&
    Buffer.from(bytes.buffer, bytes.byteOffset + 2, length).equals(Buffer.from(name))
  return isAsWrapped ? name : nameIn(bytes)
}

/** Field 1 of a message, which is the name in every type that can come without a wrapper; undefined when the bytes are no message. */
function nameIn(bytes: Uint8Array): string | undefined {
  const reader = new BinaryReader(bytes)
  let name = ''
  try {
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag()
      if (field === 1 && wireType === WireType.LengthDelimited) name = reader.string()
      else reader.skip(wireType, field)
    }
  } catch {
    return undefined
  }
  return name
}

export function durationMs({ seconds, nanos }: Duration): number {
  return Number(seconds) * 1000 + Math.floor(nanos / 1_000_000)
}

/** What error_detail takes of a text. */
export function errorText(text: string): string {
  return text.length > mostErrorText ? `${text.slice(0, mostErrorText)}...(truncated)` : text
}
