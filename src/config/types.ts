import type { Message } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import type { Result } from '../support/result.js'
import type { ConfigError } from './config-error.js'

/** The payload of an Any. A TypedStruct that names a known type has become that type. */
export interface UnpackedAny {
  /** `type.googleapis.com/<typeName>` */
  readonly typeUrl: string
  readonly typeName: string
  readonly message: Message
}

/** The message types of the Envoy API, by name. One object per thread, made by its composition root and passed down. */
export interface Types {
  /** Decodes the payload of an Any; what loadBootstrap made is handed out without decoding. */
  unpackAny(any: Any): Result<UnpackedAny, ConfigError>
}

/** Narrows a message by its full name, which the compiler checks: isMessage<Listener>(m, 'envoy.config.listener.v3.Listener'). */
export function isMessage<M extends Message>(message: Message, typeName: M['$typeName']): message is M {
  return message.$typeName === typeName
}
