/** Spans as OTLP has them: opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest, field by field. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { SpanRecord } from '../../../api/tracer.js'
import type { OpenTelemetrySettings } from './settings.js'

// Fields of opentelemetry.proto.trace.v1.Span.
const Field = {
  traceId: 1,
  spanId: 2,
  traceState: 3,
  parentSpanId: 4,
  name: 5,
  kind: 6,
  startTime: 7,
  endTime: 8,
  attributes: 9,
  events: 11,
  status: 15,
  flags: 16,
} as const
const kinds = { server: 2, client: 3 } as const
const error = 2
// Span.flags: sampled, as in traceparent; whether it is known that the parent is remote, and whether it is.
const Flag = { sampled: 0x01, knowsRemote: 0x100, isRemote: 0x200 } as const

function nested(writer: BinaryWriter, field: number, write: () => void): void {
  writer.tag(field, WireType.LengthDelimited).fork()
  write()
  writer.join()
}

const text = (writer: BinaryWriter, field: number, value: string): BinaryWriter =>
  writer.tag(field, WireType.LengthDelimited).string(value)

/** A KeyValue whose value is text. */
function attribute(writer: BinaryWriter, field: number, name: string, value: string): void {
  nested(writer, field, () => {
    text(writer, 1, name)
    nested(writer, 2, () => text(writer, 1, value))
  })
}

type Sender = Pick<OpenTelemetrySettings, 'resource' | 'scopeVersion'>

export function encode(spans: readonly SpanRecord[], { resource, scopeVersion }: Sender): Uint8Array {
  const writer = new BinaryWriter()
  nested(writer, 1, () => {
    nested(writer, 1, () => {
      for (const [name, value] of resource) attribute(writer, 1, name, value)
    })
    nested(writer, 2, () => {
      if (scopeVersion !== '')
        nested(writer, 1, () => {
          text(writer, 1, 'envoy')
          text(writer, 2, scopeVersion)
        })
      for (const span of spans) nested(writer, 2, () => writeSpan(writer, span))
    })
  })
  return writer.finish()
}

function writeSpan(writer: BinaryWriter, span: SpanRecord): void {
  const id = (field: number, hex: string) => writer.tag(field, WireType.LengthDelimited).bytes(Buffer.from(hex, 'hex'))
  id(Field.traceId, span.trace)
  id(Field.spanId, span.id)
  if (span.state !== undefined) text(writer, Field.traceState, span.state)
  if (span.parent !== undefined) id(Field.parentSpanId, span.parent)
  text(writer, Field.name, span.name)
  writer.tag(Field.kind, WireType.Varint).int32(kinds[span.kind])
  writer.tag(Field.startTime, WireType.Bit64).fixed64(span.start)
  writer.tag(Field.endTime, WireType.Bit64).fixed64(span.end)
  const tags = new Map<string, string>()
  for (let i = 0; i < span.tags.length; i += 2) tags.set(span.tags[i] as string, span.tags[i + 1] as string)
  for (const [name, value] of tags) if (name !== '') attribute(writer, Field.attributes, name, value)
  for (let i = 0; i < span.events.length; i += 2)
    nested(writer, Field.events, () => {
      writer.tag(1, WireType.Bit64).fixed64(span.events[i] as string)
      text(writer, 2, span.events[i + 1] as string)
    })
  if (isError(span.kind, tags)) nested(writer, Field.status, () => void writer.tag(3, WireType.Varint).int32(error))
  const flags = Flag.sampled | Flag.knowsRemote | (span.remote === true ? Flag.isRemote : 0)
  writer.tag(Field.flags, WireType.Bit32).fixed32(flags)
}

// gRPC statuses that blame the server: unknown, deadline exceeded, unimplemented, internal, unavailable, data loss.
const serverFaults = new Set([2, 4, 12, 13, 14, 15])

/** By the rules for HTTP and gRPC: https://opentelemetry.io/docs/specs/semconv/. The gRPC status is told last. */
function isError(kind: SpanRecord['kind'], tags: ReadonlyMap<string, string>): boolean {
  const grpc = tags.get('grpc.status_code')
  if (grpc !== undefined && /^\d+$/.test(grpc))
    return kind === 'client' ? Number(grpc) !== 0 : serverFaults.has(Number(grpc))
  const status = Number(tags.get('http.status_code') ?? 0)
  return status >= 500 || (kind === 'client' && status >= 400)
}
