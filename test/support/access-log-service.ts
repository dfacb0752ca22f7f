// envoy.service.accesslog.v3.AccessLogService on grpc-js, which keeps what it is told.
import path from 'node:path'
import grpc from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { REPOSITORY } from './target.js'
import { Changing } from './wait.js'

const deps = path.join(REPOSITORY, 'node_modules/@grpc/grpc-js-xds/deps')

type Json = { readonly [key: string]: unknown }
interface Message {
  readonly identifier?: { readonly log_name?: string; readonly node?: Json }
  readonly http_logs?: { readonly log_entry: readonly Json[] }
  readonly tcp_logs?: { readonly log_entry: readonly Json[] }
}

/** One message of a stream. */
export interface SeenBatch {
  /** Streams are numbered as they come. */
  readonly stream: number
  readonly identifier: Message['identifier']
  readonly kind: 'http' | 'tcp'
  readonly entries: readonly Json[]
}

export class AccessLogService extends Changing {
  readonly #server = new grpc.Server()
  readonly batches: SeenBatch[] = []
  readonly metadata: grpc.Metadata[] = []
  readonly #calls = new Set<grpc.ServerReadableStream<Message, unknown>>()
  #taken = 0
  port = 0

  static async start(port = 0): Promise<AccessLogService> {
    const made = new AccessLogService()
    const folders = ['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate'].map(name => path.join(deps, name))
    const loaded = loadSync('envoy/service/accesslog/v3/als.proto', {
      keepCase: true,
      longs: Number,
      enums: String,
      includeDirs: folders,
    })
    const service = loaded['envoy.service.accesslog.v3.AccessLogService'] as grpc.ServiceDefinition
    made.#server.addService(service, {
      StreamAccessLogs: (call: grpc.ServerReadableStream<Message, unknown>) => made.#serve(call),
    })
    made.port = await new Promise<number>((resolve, reject) =>
      made.#server.bindAsync(`127.0.0.1:${port}`, grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    )
    return made
  }

  #serve(call: grpc.ServerReadableStream<Message, unknown>): void {
    const stream = this.metadata.push(call.metadata)
    this.#calls.add(call)
    call.on('data', (message: Message) => {
      const { identifier, http_logs: http, tcp_logs: tcp } = message
      const entries = (http ?? tcp)?.log_entry ?? []
      this.batches.push({ stream, identifier, kind: http === undefined ? 'tcp' : 'http', entries })
      this.changed()
    })
    call.on('error', () => {})
    call.on('close', () => this.#calls.delete(call))
    call.on('end', () => this.#calls.delete(call))
  }

  /** The next `count` entries that nobody took yet. */
  async entries(count: number): Promise<Json[]> {
    const all = (): Json[] => this.batches.flatMap(batch => batch.entries)
    await this.waitFor(
      `${count} more log entries`,
      () => (all().length >= this.#taken + count ? true : undefined),
      () => `there are ${all().length - this.#taken}`,
    )
    const found = all().slice(this.#taken, this.#taken + count)
    this.#taken += count
    return found
  }

  /** Ends the streams, as a service that restarts. */
  endStreams(): void {
    for (const call of this.#calls) (call as unknown as { end(): void }).end()
    this.#calls.clear()
  }

  stop(): void {
    this.#server.forceShutdown()
  }
}

/** A message inside an entry, with nothing in it when it is missing. */
export function part(entry: Json | undefined, name: string): Json {
  return (entry?.[name] ?? {}) as Json
}

const MAPS = new Set([
  'custom_tags',
  'request_headers',
  'response_headers',
  'response_trailers',
  'filter_state_objects',
  'filter_metadata',
  'fields',
])
const CLIENTS_END = /^(downstream_remote|downstream_direct_remote|upstream_local)_address$/

/** An entry as text; what no two runs have in common is named: times, and the ports of the connecting ends. */
export function showEntry(entry: Json): string {
  return JSON.stringify(shown(entry, ''), undefined, 1)
}

function shown(value: unknown, name: string): unknown {
  if (Buffer.isBuffer(value)) return value.toString('base64')
  if (Array.isArray(value)) return value.map(each => shown(each, ''))
  if (typeof value !== 'object' || value === null) return value
  if (/^(start_time|duration|time_to_.*)$/.test(name)) return 'TIME'
  const fields = Object.entries(value).map(([key, each]) => [key, shown(each, key)] as const)
  // A map has no order.
  if (MAPS.has(name)) fields.sort(([a], [b]) => (a < b ? -1 : 1))
  const text = Object.fromEntries(fields)
  if (!CLIENTS_END.test(name)) return text
  return JSON.parse(JSON.stringify(text).replace(/"port_value":\d+/, '"port_value":"PORT"'))
}
