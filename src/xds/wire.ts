import { type DescMessage, fromBinary, type Message, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import type { Duration } from '@bufbuild/protobuf/wkt'
import { typeNameOf } from '../config/type-url.js'
import type { Types } from '../config/index.js'
import type {
  DeltaDiscoveryResponse,
  DiscoveryResponse,
  Resource as WireResource,
} from '../generated/protos/envoy/service/discovery/v3/discovery_pb.js'
import { err, ok, type Result } from '../support/result.js'
import { asciiIn, kLengthDelimited, WireReader } from '../support/wire-reader.js'
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

/** A resource in its Any. */
export interface Packed {
  readonly typeUrl: string
  readonly value: Uint8Array
}

/** What is looked at of a state-of-the-world answer. */
export interface StateResponse extends Pick<DiscoveryResponse, 'versionInfo' | 'typeUrl' | 'nonce'> {
  readonly controlPlane?: { readonly identifier: string } | undefined
  readonly resources: readonly Packed[]
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
  response(bytes: Uint8Array): Result<StateResponse, string> {
    const plain = plainResponse(bytes)
    return plain === undefined
      ? (this.#decode('DiscoveryResponse', bytes) as Result<DiscoveryResponse, string>)
      : ok(plain)
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
    any: Packed,
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
    return ok({ resource: { name, aliases: none, version, typeUrl, bytes, isAbsent: false }, ttlMs: undefined })
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

const none: readonly never[] = []

/** Whoever keeps a resource is not to keep the whole response. Small ones share memory, a few kilobytes together. */
function ownBytes(bytes: Uint8Array, known: Uint8Array | undefined): Uint8Array {
  return known !== undefined && Buffer.compare(known, bytes) === 0 ? known : Buffer.from(bytes)
}

const readers = {
  response: new WireReader(),
  any: new WireReader(),
  controlPlane: new WireReader(),
  name: new WireReader(),
}

/** A DiscoveryResponse of ASCII text, which holds ten thousand resources at times: no message is made of each. Undefined: it is another. */
function plainResponse(bytes: Uint8Array): StateResponse | undefined {
  const reader = readers.response.over(bytes)
  const texts: (string | undefined)[] = []
  const resources: Packed[] = []
  let controlPlane: StateResponse['controlPlane']
  while (reader.next()) {
    const { field, start, end } = reader
    if (field === canaryField && reader.wireType === WireType.Varint) continue
    if (reader.wireType !== kLengthDelimited) return undefined
    if (field === resourcesField) {
      const packed = packedIn(bytes, start, end, resources.at(-1)?.typeUrl)
      if (packed === undefined) return undefined
      resources.push(packed)
    } else if (field === controlPlaneField) {
      const identifier = onlyText(bytes, start, end)
      if (identifier === undefined) return undefined
      controlPlane = { identifier }
    } else if (field === versionField || field === typeUrlField || field === nonceField) {
      texts[field] = asciiIn(bytes, start, end)
      if (texts[field] === undefined) return undefined
    } else return undefined
  }
  if (reader.isBroken) return undefined
  const [versionInfo = '', typeUrl = '', nonce = ''] = [texts[versionField], texts[typeUrlField], texts[nonceField]]
  return { versionInfo, typeUrl, nonce, resources, controlPlane }
}

// Of DiscoveryResponse.
const [versionField, resourcesField, canaryField, typeUrlField, nonceField, controlPlaneField] = [1, 2, 3, 4, 5, 6]

/** An Any. `likely`: the type that it has most of the time. */
function packedIn(bytes: Uint8Array, from: number, to: number, likely: string | undefined): Packed | undefined {
  const reader = readers.any.over(bytes, from, to)
  let typeUrl = ''
  let value: Uint8Array = nothing
  while (reader.next()) {
    const { field, start, end } = reader
    if (reader.wireType !== kLengthDelimited || field > 2) return undefined
    if (field === 2) value = bytes.subarray(start, end)
    else {
      const text = likely !== undefined && isText(bytes, start, end, likely) ? likely : asciiIn(bytes, start, end)
      if (text === undefined) return undefined
      typeUrl = text
    }
  }
  return reader.isBroken ? undefined : { typeUrl, value }
}

const nothing = new Uint8Array()

/** Are these bytes this text? */
function isText(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false
  for (let at = 0; at < text.length; at++) if (bytes[start + at] !== text.charCodeAt(at)) return false
  return true
}

/** A message with a text as its field 1, and no other. */
function onlyText(bytes: Uint8Array, from: number, to: number): string | undefined {
  const reader = readers.controlPlane.over(bytes, from, to)
  let text: string | undefined = ''
  while (reader.next()) {
    if (reader.field !== 1 || reader.wireType !== kLengthDelimited) return undefined
    text = asciiIn(bytes, reader.start, reader.end)
  }
  return reader.isBroken ? undefined : text
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
  return asciiNameIn(bytes) ?? anyNameIn(bytes)
}

/** Undefined: it takes the whole reader. */
function asciiNameIn(bytes: Uint8Array): string | undefined {
  const reader = readers.name.over(bytes)
  let name: string | undefined = ''
  while (reader.next()) {
    if (reader.field !== 1 || reader.wireType !== kLengthDelimited) continue
    name = asciiIn(bytes, reader.start, reader.end)
    if (name === undefined) return undefined
  }
  return reader.isBroken ? undefined : name
}

function anyNameIn(bytes: Uint8Array): string | undefined {
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
