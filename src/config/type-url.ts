import type { JsonObject, Message } from '@bufbuild/protobuf'

/** `type.googleapis.com/a.B` → `a.B` */
export function typeNameOf(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf('/') + 1)
}

/** Both kinds of TypedStruct. */
export type TypedStructMessage = Message & { typeUrl: string; value?: JsonObject }

export function isTypedStruct(message: Message): message is TypedStructMessage {
  return message.$typeName === 'xds.type.v3.TypedStruct' || message.$typeName === 'udpa.type.v1.TypedStruct'
}
