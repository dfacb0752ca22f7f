/** envoy.service.ratelimit.v3 on the wire (rls.proto, ratelimit.proto). */
import type { JsonObject } from '@bufbuild/protobuf'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { LimitDescriptor } from '../../../../api/native-tool.js'
import { nested, number, read, readHeader, readStruct, text } from '../common/wire.js'

export function writeLimitRequest(domain: string, descriptors: readonly LimitDescriptor[], hits: number): Uint8Array {
  const writer = new BinaryWriter()
  text(writer, 1, domain)
  for (const { entries, override, hits: own, negative } of descriptors)
    nested(writer, 2, descriptor => {
      for (const [key, value] of entries)
        nested(descriptor, 1, entry => {
          text(entry, 1, key)
          text(entry, 2, value)
        })
      const [requests, unit] = override
      if (unit !== 0)
        nested(descriptor, 2, limit => {
          number(limit, 1, requests)
          number(limit, 2, unit)
        })
      if (own !== undefined) nested(descriptor, 3, wrapped => number(wrapped, 1, own))
      if (negative === true) descriptor.tag(4, WireType.Varint).bool(true)
    })
  number(writer, 3, hits)
  return writer.finish()
}

/** What is left of one limit. */
export interface LimitStatus {
  /** 2: over it. */
  readonly code: number
  readonly requests: number
  readonly unit: number
  readonly multiplier: number
  readonly name: string
  readonly hasLimit: boolean
  readonly remaining: number
  readonly resetS: number
}

export type Headers = readonly (readonly [name: string, value: string])[]

export interface LimitResponse {
  /** 1: within the limits; 2: over one. */
  readonly code: number
  readonly statuses: readonly LimitStatus[]
  readonly responseHeaders: Headers
  readonly requestHeaders: Headers
  readonly body: Uint8Array
  readonly metadata: JsonObject
}

/** Throws when it is none. */
export function readLimitResponse(bytes: Uint8Array): LimitResponse {
  let code = 0
  let body: Uint8Array = new Uint8Array()
  let metadata: JsonObject = {}
  const statuses: LimitStatus[] = []
  const responseHeaders: [string, string][] = []
  const requestHeaders: [string, string][] = []
  const header = (list: [string, string][], bytes: Uint8Array): void => {
    const [name, value] = readHeader(bytes)
    list.push([name.toLowerCase(), value])
  }
  read(bytes, {
    1: reader => void (code = reader.int32()),
    2: reader => void statuses.push(readStatus(reader.bytes())),
    3: reader => header(responseHeaders, reader.bytes()),
    4: reader => header(requestHeaders, reader.bytes()),
    5: reader => void (body = reader.bytes()),
    6: reader => void (metadata = readStruct(reader.bytes())),
  })
  return { code, statuses, responseHeaders, requestHeaders, body, metadata }
}

function readStatus(bytes: Uint8Array): LimitStatus {
  const status = { code: 0, requests: 0, unit: 0, multiplier: 1, name: '', hasLimit: false, remaining: 0, resetS: 0 }
  read(bytes, {
    1: reader => void (status.code = reader.int32()),
    2: reader => {
      status.hasLimit = true
      read(reader.bytes(), {
        1: limit => void (status.requests = limit.uint32()),
        2: limit => void (status.unit = limit.int32()),
        3: limit => void (status.name = limit.string()),
        4: limit => read(limit.bytes(), { 1: wrapped => void (status.multiplier = wrapped.uint32()) }),
      })
    },
    3: reader => void (status.remaining = reader.uint32()),
    4: reader => read(reader.bytes(), { 1: duration => void (status.resetS = Number(duration.int64())) }),
  })
  return status
}
