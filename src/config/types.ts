import {
  create,
  type DescMessage,
  fromBinary,
  type Message,
  type MessageInitShape,
  type Registry,
  toBinary,
} from '@bufbuild/protobuf'
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt'
import { err, ok, type Result } from '../support/result.js'
import type { ConfigError } from './config-error.js'
import { Descriptors } from './descriptors.js'
import { TreeDecoder, type Tree } from './decode.js'
import { FieldPath } from './field-path.js'
import { nearest } from '../support/nearest.js'
import { isTypedStruct, typeNameOf } from './type-url.js'

/** The payload of an Any. A TypedStruct that names a known type has become that type. */
export interface UnpackedAny {
  /** `type.googleapis.com/<typeName>` */
  readonly typeUrl: string
  readonly typeName: string
  readonly message: Message
}

/** The message types of the Envoy API, by name. One object per thread, made by its composition root and passed down. */
export interface Types {
  /** For toJson and fromBinary of protobuf-es. */
  readonly registry: Registry
  /** The descriptor of a message; undefined when Envoy 1.40 has no such type. */
  message(typeName: string): DescMessage | undefined
  /** An extension of the descriptor options, e.g. `validate.rules`. Throws when the generated descriptors lack it. */
  option(typeName: string): NonNullable<ReturnType<Registry['getExtension']>>
  /** A new message, its members unset unless given. */
  create<M extends Message>(typeName: M['$typeName'], init?: MessageInitShape<DescMessage>): M
  /** Decodes the payload of an Any; what loadBootstrap made is handed out without decoding. */
  unpackAny(any: Any): Result<UnpackedAny, ConfigError>
  /** Wraps a message; unpackAny of the result returns the same object. `unpacked` is what a TypedStruct stands for. */
  packAny(typeUrl: string, message: Message, unpacked?: Message): Any
  /** The nearest type names to a mistyped one, as a suggestion; undefined when none is near. */
  suggestType(typeName: string): string | undefined
}

/** Reads the index of descriptors (about 2 ms); the descriptors themselves are decoded when first asked for. */
export function openTypes(): Types {
  return new DescribedTypes(new Descriptors())
}

/** Narrows a message by its full name, which the compiler checks: isMessage<Listener>(m, 'envoy.config.listener.v3.Listener'). */
export function isMessage<M extends Message>(message: Message, typeName: M['$typeName']): message is M {
  return message.$typeName === typeName
}

class DescribedTypes implements Types {
  readonly registry: Descriptors
  readonly #payloads = new WeakMap<Any, Message>()

  constructor(descriptors: Descriptors) {
    this.registry = descriptors
  }

  message(typeName: string): DescMessage | undefined {
    return this.registry.getMessage(typeName)
  }

  option(typeName: string): NonNullable<ReturnType<Registry['getExtension']>> {
    const extension = this.registry.getExtension(typeName)
    if (!extension) throw new Error(`the generated descriptors lack ${typeName}`)
    return extension
  }

  create<M extends Message>(typeName: M['$typeName'], init?: MessageInitShape<DescMessage>): M {
    const schema = this.message(typeName)
    if (!schema) throw new Error(`no message type ${typeName}`)
    return create(schema, init) as M
  }

  unpackAny(any: Any): Result<UnpackedAny, ConfigError> {
    const known = this.#payloads.get(any)
    if (known)
      return ok({ typeUrl: `type.googleapis.com/${known.$typeName}`, typeName: known.$typeName, message: known })
    const typeName = typeNameOf(any.typeUrl)
    const schema = this.message(typeName)
    if (!schema) return err(this.#unknownType(any.typeUrl, typeName))
    let message: Message
    try {
      message = fromBinary(schema, any.value)
    } catch (error) {
      return err({
        code: 'bad-value',
        path: '',
        message: `the bytes are not a ${typeName}: ${(error as Error).message}`,
      })
    }
    const unpacked = this.#fromTypedStruct(message)
    if (unpacked.ok) this.#payloads.set(any, unpacked.value.message)
    return unpacked
  }

  #fromTypedStruct(message: Message): Result<UnpackedAny, ConfigError> {
    const typeName = isTypedStruct(message) ? typeNameOf(message.typeUrl) : ''
    const schema = typeName === '' ? undefined : this.message(typeName)
    if (!isTypedStruct(message) || !schema) {
      return ok({ typeUrl: `type.googleapis.com/${message.$typeName}`, typeName: message.$typeName, message })
    }
    const decoder = new TreeDecoder(this, false)
    const converted = decoder.message(schema, (message.value ?? {}) as Tree, FieldPath.root.field('value'))
    const [problem] = decoder.problems
    if (problem || !converted) {
      return err({
        code: problem?.code ?? 'bad-value',
        path: problem?.path.toString() ?? '',
        message: problem?.message ?? 'not a message',
      })
    }
    return ok({ typeUrl: `type.googleapis.com/${typeName}`, typeName, message: converted })
  }

  packAny(typeUrl: string, message: Message, unpacked: Message = message): Any {
    const schema = this.message(message.$typeName) as DescMessage
    const any = create(AnySchema, { typeUrl, value: toBinary(schema, message) })
    this.#payloads.set(any, unpacked)
    return any
  }

  suggestType(typeName: string): string | undefined {
    const names = this.registry.typeNames()
    const shortName = typeName.slice(typeName.lastIndexOf('.') + 1)
    const sameMessage = names.filter(name => name.endsWith(`.${shortName}`))
    return nearest(typeName, sameMessage.length > 0 ? sameMessage : names)
  }

  #unknownType(typeUrl: string, typeName: string): ConfigError {
    const suggestion = this.suggestType(typeName)
    return {
      code: 'unknown-type',
      path: '',
      message: `no type "${typeUrl}" is known`,
      ...(suggestion && { suggestion: `did you mean "type.googleapis.com/${suggestion}"?` }),
    }
  }
}
