// A collector of spans: Zipkin's (JSON and protobuf) and OpenTelemetry's (OTLP over HTTP and over gRPC). It keeps what it is sent.
import http from 'node:http'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { Changing } from './wait.js'

export interface SeenSpan {
  readonly trace: string
  readonly id: string
  readonly parent: string
  readonly kind: string
  readonly name: string
  readonly tags: readonly (readonly [name: string, value: string])[]
  readonly events: readonly string[]
  /** What else there is to it, as text. */
  readonly more: readonly string[]
}

export interface SeenReport {
  readonly target: string
  readonly headers: http.IncomingHttpHeaders
  readonly spans: readonly SeenSpan[]
  /** OTLP: attributes of the resource and the scope. */
  readonly about: readonly string[]
}

type Reader = Readonly<Record<number, (reader: BinaryReader) => void>>

function read(bytes: Uint8Array, fields: Reader): void {
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag()
    if (fields[field] === undefined) throw new Error(`field ${field} of wire type ${WireType[wire]} is not known here`)
    fields[field](reader)
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const reversed = (bytes: Uint8Array): string => Buffer.from(bytes).reverse().toString('hex')

interface JsonSpan {
  readonly traceId: string
  readonly id: string
  readonly parentId?: string
  readonly kind: string
  readonly name?: string
  readonly shared?: boolean
  readonly localEndpoint?: { readonly serviceName?: string; readonly ipv4?: string; readonly port?: number }
  readonly tags?: Readonly<Record<string, string>>
  readonly annotations?: readonly { readonly value: string }[]
  readonly timestamp: number
  readonly duration: number
}

function ofJson(span: JsonSpan): SeenSpan {
  const { serviceName, ipv4, port } = span.localEndpoint ?? {}
  const isTimed = span.timestamp > 1e15 && span.duration >= 0
  return {
    trace: span.traceId,
    id: span.id,
    parent: span.parentId ?? '',
    kind: span.kind,
    name: span.name ?? '',
    tags: Object.entries(span.tags ?? {}),
    events: (span.annotations ?? []).map(({ value }) => value),
    more: [
      ...(span.shared === true ? ['shared'] : []),
      ...(isTimed ? [] : ['without times']),
      `by ${serviceName} at ${ipv4} ${port}`,
    ],
  }
}

function pair(bytes: Uint8Array): readonly [string, string] {
  let name = ''
  let value = ''
  read(bytes, { 1: reader => void (name = reader.string()), 2: reader => void (value = reader.string()) })
  return [name, value]
}

type Editable = { -readonly [Name in keyof SeenSpan]: SeenSpan[Name] }
const blank = (): Editable => ({ trace: '', id: '', parent: '', kind: '', name: '', tags: [], events: [], more: [] })

function ofZipkinProto(bytes: Uint8Array): SeenSpan {
  const span = blank()
  read(bytes, {
    1: reader => void (span.trace = hex(reader.bytes())),
    2: reader => void (span.parent = reversed(reader.bytes())),
    3: reader => void (span.id = reversed(reader.bytes())),
    4: reader => void (span.kind = ['?', 'CLIENT', 'SERVER'][reader.int32()] ?? '?'),
    5: reader => void (span.name = reader.string()),
    6: reader => void reader.fixed64(),
    7: reader => void reader.uint64(),
    8: reader => void reader.bytes(),
    10: reader =>
      read(reader.bytes(), {
        1: event => void event.fixed64(),
        2: event => void (span.events = [...span.events, event.string()]),
      }),
    11: reader => void (span.tags = [...span.tags, pair(reader.bytes())]),
    13: reader => void (span.more = reader.bool() ? ['shared'] : []),
  })
  return span
}

/** A KeyValue of text. */
function attribute(bytes: Uint8Array): readonly [string, string] {
  let name = ''
  let value = ''
  read(bytes, {
    1: reader => void (name = reader.string()),
    2: reader => read(reader.bytes(), { 1: text => void (value = text.string()) }),
  })
  return [name, value]
}

function ofOtlp(bytes: Uint8Array): SeenSpan {
  const span = blank()
  const add = (text: string) => void (span.more = [...span.more, text])
  read(bytes, {
    1: reader => void (span.trace = hex(reader.bytes())),
    2: reader => void (span.id = hex(reader.bytes())),
    3: reader => add(`state ${reader.string()}`),
    4: reader => void (span.parent = hex(reader.bytes())),
    5: reader => void (span.name = reader.string()),
    6: reader => void (span.kind = ['?', 'INTERNAL', 'SERVER', 'CLIENT'][reader.int32()] ?? '?'),
    7: reader => void reader.fixed64(),
    8: reader => void reader.fixed64(),
    9: reader => void (span.tags = [...span.tags, attribute(reader.bytes())]),
    11: reader =>
      read(reader.bytes(), {
        1: event => void event.fixed64(),
        2: event => void (span.events = [...span.events, event.string()]),
      }),
    15: reader => read(reader.bytes(), { 3: status => add(`status ${status.int32()}`) }),
    16: reader => add(`flags 0x${reader.fixed32().toString(16)}`),
  })
  return span
}

function otlpReport(bytes: Uint8Array): Pick<SeenReport, 'spans' | 'about'> {
  const spans: SeenSpan[] = []
  const about: string[] = []
  const scope = (reader: BinaryReader) =>
    read(reader.bytes(), {
      1: one => {
        const [name, version] = pair(one.bytes())
        about.push(`scope ${name} ${version}`)
      },
      2: one => void spans.push(ofOtlp(one.bytes())),
    })
  const resource = (reader: BinaryReader) =>
    read(reader.bytes(), { 1: one => void about.push(attribute(one.bytes()).join('=')) })
  read(bytes, { 1: reader => read(reader.bytes(), { 1: resource, 2: scope }) })
  return { spans, about: about.sort() }
}

function zipkinProtoReport(bytes: Uint8Array): SeenSpan[] {
  const spans: SeenSpan[] = []
  read(bytes, { 1: reader => void spans.push(ofZipkinProto(reader.bytes())) })
  return spans
}

async function whole(message: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const accepted = 202

export class SpanCollector extends Changing {
  readonly #http = http.createServer((request, response) => this.#serveHttp(request, response))
  readonly #grpc = http2.createServer((request, response) => this.#serveGrpc(request, response))
  readonly #sessions = new Set<http2.ServerHttp2Session>()
  readonly reports: SeenReport[] = []
  #taken = 0
  /** Of the answers to Zipkin's reports. */
  status = accepted
  httpPort = 0
  grpcPort = 0

  static async start(): Promise<SpanCollector> {
    const made = new SpanCollector()
    made.#grpc.on('session', session => made.#sessions.add(session))
    const portOf = (server: http.Server | http2.Http2Server): Promise<number> =>
      new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)))
    made.httpPort = await portOf(made.#http)
    made.grpcPort = await portOf(made.#grpc)
    return made
  }

  #add(report: SeenReport): void {
    this.reports.push(report)
    this.changed()
  }

  async #serveHttp(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const body = await whole(request as AsyncIterable<Buffer>)
    const target = `${request.method} ${request.url}`
    const { headers } = request
    if (headers['content-type'] === 'application/json') {
      const spans = (JSON.parse(body.toString('utf8')) as JsonSpan[]).map(ofJson)
      this.#add({ target, headers, spans, about: [] })
    } else if (request.url === '/v1/traces') {
      this.#add({ target, headers, ...otlpReport(body) })
    } else {
      this.#add({ target, headers, spans: zipkinProtoReport(body), about: [] })
    }
    response.writeHead(request.url === '/v1/traces' ? 200 : this.status).end()
  }

  async #serveGrpc(request: http2.Http2ServerRequest, response: http2.Http2ServerResponse): Promise<void> {
    const body = await whole(request as AsyncIterable<Buffer>)
    this.#add({ target: `${request.method} ${request.url}`, headers: request.headers, ...otlpReport(body.subarray(5)) })
    response.setHeader('content-type', 'application/grpc')
    response.addTrailers({ 'grpc-status': '0' })
    response.end(Buffer.alloc(5))
  }

  /** The next `count` spans that nobody took yet. */
  async spans(count: number): Promise<SeenSpan[]> {
    const all = (): SeenSpan[] => this.reports.flatMap(report => report.spans)
    await this.waitFor(
      `${count} more spans`,
      () => (all().length >= this.#taken + count ? true : undefined),
      () => `there are ${all().length - this.#taken}`,
    )
    const found = all().slice(this.#taken, this.#taken + count)
    this.#taken += count
    return found
  }

  async stop(): Promise<void> {
    for (const session of this.#sessions) session.destroy()
    this.#http.closeAllConnections()
    await Promise.all([this.#http, this.#grpc].map(server => new Promise(resolve => server.close(resolve))))
  }
}

/** Gives ids names in the order they come: what no two runs have in common, and yet what belongs together. */
export class IdNames {
  readonly #names = new Map<string, string>()

  of(id: string): string {
    if (id === '') return '-'
    const known = this.#names.get(id)
    if (known !== undefined) return known
    const name = `ID${this.#names.size + 1}.${id.length}`
    this.#names.set(id, name)
    return name
  }

  /** Names those in a text. */
  in(text: string): string {
    return text.replace(/\b(?:[0-9a-f]{32}|[0-9a-f]{16})\b/g, id => this.of(id))
  }
}

/** A span as lines: spans of a server and its client may come in either order, and so may tags. */
export function showSpan(span: SeenSpan, names: IdNames): string {
  const tags = span.tags.map(([name, value]) => `  ${name}: ${value}`).sort()
  const events = span.events.length === 0 ? [] : [`  (${span.events.join(', ')})`]
  const ids = `${names.of(span.trace)} ${names.of(span.id)} below ${names.of(span.parent)}`
  return [`${span.kind} '${span.name}' ${ids}${span.more.map(text => `, ${text}`).join('')}`, ...tags, ...events].join(
    '\n',
  )
}
