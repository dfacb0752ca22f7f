/** Spans in Zipkin's format, version 2: https://zipkin.io/zipkin-api/zipkin2-api.yaml, and zipkin.proto beside it. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { SpanRecord } from '../../../api/tracer.js'

/** Who says so. */
export interface Endpoint {
  readonly serviceName: string
  readonly ipv4: string
}

export interface EncodeOptions {
  readonly endpoint: Endpoint
  readonly isShared: boolean
}

const digitsBelowMicroseconds = 3

/** Nanoseconds since the epoch as microseconds, text to text: a number would lose digits. */
const micros = (ns: string): string => ns.slice(0, -digitsBelowMicroseconds)

function* pairs(flat: readonly string[]): Generator<readonly [string, string]> {
  for (let i = 0; i < flat.length; i += 2) yield [flat[i] as string, flat[i + 1] as string]
}

/** Without those that have no name or no value; of one name the last counts. */
function tagsOf(span: SpanRecord): ReadonlyMap<string, string> {
  const tags = new Map<string, string>()
  for (const [name, value] of pairs(span.tags)) if (name !== '' && value !== '') tags.set(name, value)
  return tags
}

/** What was recorded, and the end, as version 1 of the format named it. */
const eventsOf = (span: SpanRecord): (readonly [string, string])[] => [
  ...pairs(span.events),
  [span.end, span.kind === 'client' ? 'cr' : 'ss'],
]

const durationOf = (span: SpanRecord): bigint => BigInt(micros(span.end)) - BigInt(micros(span.start))

export function encodeJson(spans: readonly SpanRecord[], options: EncodeOptions): string {
  return `[${spans.map(span => jsonOf(span, options)).join(',')}]`
}

function jsonOf(span: SpanRecord, { endpoint, isShared }: EncodeOptions): string {
  const { serviceName, ipv4 } = endpoint
  const head = {
    ...(isShared && span.kind === 'server' && { shared: true }),
    kind: span.kind.toUpperCase(),
    localEndpoint: { ipv4, port: 0, ...(serviceName !== '' && { serviceName }) },
    traceId: span.trace,
    ...(span.parent !== undefined && { parentId: span.parent }),
    id: span.id,
    ...(span.name !== '' && { name: span.name }),
    tags: Object.fromEntries(tagsOf(span)),
  }
  const events = eventsOf(span).map(([at, value]) => `{"timestamp":${micros(at)},"value":${JSON.stringify(value)}}`)
  const numbers = `"timestamp":${micros(span.start)},"duration":${durationOf(span)}`
  return `${JSON.stringify(head).slice(0, -1)},${numbers},"annotations":[${events.join(',')}]}`
}

// Fields of zipkin.proto3.Span.
const Field = {
  traceId: 1,
  parentId: 2,
  id: 3,
  kind: 4,
  name: 5,
  timestamp: 6,
  duration: 7,
  localEndpoint: 8,
  annotations: 10,
  tags: 11,
  shared: 13,
} as const
const kinds = { client: 1, server: 2 } as const

export function encodeProto(spans: readonly SpanRecord[], options: EncodeOptions): Uint8Array {
  const writer = new BinaryWriter()
  for (const span of spans) {
    writer.tag(1, WireType.LengthDelimited).fork()
    writeSpan(writer, span, options)
    writer.join()
  }
  return writer.finish()
}

function writeSpan(writer: BinaryWriter, span: SpanRecord, { endpoint, isShared }: EncodeOptions): void {
  const bytes = (field: number, value: Uint8Array) => writer.tag(field, WireType.LengthDelimited).bytes(value)
  // Ids of spans, unlike those of traces, begin with their lowest byte: so Envoy writes them.
  const spanId = (hex: string): Uint8Array => Buffer.from(hex, 'hex').reverse()
  bytes(Field.traceId, Buffer.from(span.trace, 'hex'))
  if (span.parent !== undefined) bytes(Field.parentId, spanId(span.parent))
  bytes(Field.id, spanId(span.id))
  writer.tag(Field.kind, WireType.Varint).int32(kinds[span.kind])
  if (span.name !== '') writer.tag(Field.name, WireType.LengthDelimited).string(span.name)
  writer.tag(Field.timestamp, WireType.Bit64).fixed64(micros(span.start))
  const duration = durationOf(span)
  if (duration > 0n) writer.tag(Field.duration, WireType.Varint).uint64(duration)
  writer.tag(Field.localEndpoint, WireType.LengthDelimited).fork()
  if (endpoint.serviceName !== '') writer.tag(1, WireType.LengthDelimited).string(endpoint.serviceName)
  writer.tag(2, WireType.LengthDelimited).bytes(Uint8Array.from(endpoint.ipv4.split('.'), Number))
  writer.join()
  for (const [at, value] of eventsOf(span)) {
    writer.tag(Field.annotations, WireType.LengthDelimited).fork()
    writer.tag(1, WireType.Bit64).fixed64(micros(at))
    writer.tag(2, WireType.LengthDelimited).string(value)
    writer.join()
  }
  for (const [name, value] of tagsOf(span)) {
    writer.tag(Field.tags, WireType.LengthDelimited).fork()
    writer.tag(1, WireType.LengthDelimited).string(name)
    writer.tag(2, WireType.LengthDelimited).string(value)
    writer.join()
  }
  if (isShared && span.kind === 'server') writer.tag(Field.shared, WireType.Varint).bool(true)
}
