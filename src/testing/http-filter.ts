import { fromJson } from '@bufbuild/protobuf'
import type { FilterLog } from '../api/context.js'
import type { HttpFilterDefinition, HttpFilterModule } from '../api/http-filter.js'
import type { ConfigSchema } from '../api/schema.js'
import { configReader, issueText } from '../script/read-config.js'
import { makeFilterContext } from '../worker/filter-context.js'
import { HeaderNames } from '../worker/header-view.js'
import { ScriptHttpFilter } from '../worker/http-filter-program.js'
import { StreamView } from '../worker/stream-view.js'
import { MemoryAddon } from './memory-addon.js'
import { type Fields, MemoryStream } from './memory-stream.js'

type Headers = Readonly<Record<string, string | readonly string[]>>

export interface TestRequest {
  readonly method?: string
  readonly path?: string
  readonly authority?: string
  readonly headers?: Headers
  /** A list: the chunks it comes in. */
  readonly body?: string | Uint8Array | readonly (string | Uint8Array)[]
  readonly trailers?: Headers
  /** What the upstream answers; a function is given what it got. */
  readonly response?: TestResponse | ((request: SeenRequest) => TestResponse)
  /** What the route says for the filter, as in `typed_per_filter_config`. */
  readonly routeConfig?: unknown
  /** Members of `stream.info`, where they matter. */
  readonly info?: Readonly<Record<string, string | number>>
}

export interface TestResponse {
  readonly status?: number
  readonly headers?: Headers
  readonly body?: string | Uint8Array | readonly (string | Uint8Array)[]
  readonly trailers?: Headers
}

/** The request as it left the filter. */
export interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly authority: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** What the client got. */
export interface TestResult {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly bytes: Buffer
  /** Why the filter answered, as it said; empty when the upstream did. */
  readonly details: string
  /** Undefined: the filter answered itself. */
  readonly upstream: SeenRequest | undefined
  readonly metadata: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** How often refreshRoute() was called. */
  readonly routeRefreshes: number
}

export interface FilterUnderTest {
  request(request?: TestRequest): Promise<TestResult>
  /** By name, without the filter's own: `denied`. */
  stat(name: string): number
  /** What it logged, "level: text" each. */
  readonly log: readonly string[]
  /** Errors of hooks that threw or rejected, in order. */
  readonly errors: readonly unknown[]
  /** Ends the filter: its context's signal is aborted. */
  close(): void
}

/**
 * Runs an HTTP filter without a socket, by the same code that runs it in a worker. Settings are read by its schema, and refused as at load.
 *
 *   const filter = testHttpFilter(apiKey, { header: 'x-key', keys: ['a'] })
 *   const denied = await filter.request({ headers: { 'x-key': 'b' } })
 *   assert.equal(denied.status, 401)
 *
 * Throws what `create` throws, and a TypeError for settings that the schema refuses.
 */
export function testHttpFilter<
  Config extends ConfigSchema,
  RouteConfig extends ConfigSchema | undefined = undefined,
  State = undefined,
>(definition: HttpFilterDefinition<Config, RouteConfig, State>, config: unknown = {}): FilterUnderTest {
  return new Harness(definition as unknown as HttpFilterModule, config)
}

class Harness implements FilterUnderTest {
  readonly log: string[] = []
  readonly errors: unknown[] = []
  readonly #addon = new MemoryAddon(() => performance.now())
  readonly #filter: ScriptHttpFilter
  readonly #ended = new AbortController()
  readonly #name: string
  #handles = 0

  constructor(definition: HttpFilterModule, json: unknown) {
    this.#name = definition.name
    const config = configReader(definition.config, fromJson)(json)
    if (!config.ok) throw new TypeError(config.error.map(issueText).join('; '))
    const { routeConfig } = definition as unknown as { readonly routeConfig?: ConfigSchema }
    const readRoute = routeConfig && configReader(routeConfig, fromJson)
    const line = (level: keyof FilterLog) => (message: string) => void this.log.push(`${level}: ${message}`)
    this.#filter = new ScriptHttpFilter({
      names: new HeaderNames(this.#addon),
      name: definition.name,
      definition,
      config: config.value,
      context: makeFilterContext({
        addon: this.#addon,
        name: definition.name,
        statPrefix: definition.name,
        workerIndex: 0,
        log: { debug: line('debug'), info: line('info'), warning: line('warning'), error: line('error') },
        signal: this.#ended.signal,
      }),
      readRouteConfig: settings => {
        const read = readRoute?.(settings)
        if (read?.ok === false) throw new TypeError(read.error.map(issueText).join('; '))
        return read === undefined ? settings : read.value
      },
      failed: (_stage, error) => void this.errors.push(error),
    })
  }

  async request(request: TestRequest = {}): Promise<TestResult> {
    const handle = ++this.#handles
    const view = new StreamView(this.#addon, this.#filter, handle)
    const { method = 'GET', path = '/', authority = 'test' } = request
    const head: Fields = [
      [':method', method],
      [':path', path],
      [':authority', authority],
      [':scheme', 'http'],
      ...fieldsOf(request.headers),
    ]
    const stream = new MemoryStream(
      this.#filter,
      view,
      head,
      { protocol: 'HTTP/1.1', ...request.info },
      request.routeConfig,
    )
    this.#addon.enter(handle, stream)
    const upstream = await this.#exchange(stream, request)
    const result = resultOf(stream, upstream)
    stream.complete()
    this.#addon.leave(handle)
    return result
  }

  stat(name: string): number {
    const value = this.#addon.stats.get(`${this.#name}.${name}`)
    if (value === undefined) throw new Error(`the filter opened no statistic '${name}'`)
    return value
  }

  close(): void {
    this.#ended.abort()
  }

  async #exchange(stream: MemoryStream, request: TestRequest): Promise<SeenRequest | undefined> {
    if (!(await stream.pass(false, chunksOf(request.body), fieldsOf(request.trailers)))) return undefined
    const seen = seenBy(stream)
    const { response = {} } = request
    const answer = typeof response === 'function' ? response(seen) : response
    stream.response = [[':status', String(answer.status ?? 200)], ...fieldsOf(answer.headers)]
    stream.facts['responseCode'] = answer.status ?? 200
    await stream.pass(true, chunksOf(answer.body), fieldsOf(answer.trailers))
    return seen
  }
}

function fieldsOf(headers: Headers = {}): Fields {
  return Object.entries(headers).flatMap(([name, value]) =>
    (typeof value === 'string' ? [value] : value).map((one): [string, string] => [name.toLowerCase(), one]),
  )
}

function chunksOf(body: TestRequest['body'] = []): Buffer[] {
  const list = typeof body === 'string' || body instanceof Uint8Array ? [body] : body
  return list.map(chunk => Buffer.from(chunk as Uint8Array)).filter(chunk => chunk.length > 0)
}

function valueOf(fields: Fields, name: string): string {
  return fields.find(([known]) => known === name)?.[1] ?? ''
}

/** Several values of a name are joined, as in HTTP. */
function plain(fields: Fields): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of fields) {
    if (name.startsWith(':')) continue
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value
  }
  return headers
}

function seenBy(stream: MemoryStream): SeenRequest {
  return {
    method: valueOf(stream.request, ':method'),
    path: valueOf(stream.request, ':path'),
    authority: valueOf(stream.request, ':authority'),
    headers: plain(stream.request),
    body: stream.bodyOf(false),
  }
}

function resultOf(stream: MemoryStream, upstream: SeenRequest | undefined): TestResult {
  const metadata: Record<string, Record<string, unknown>> = {}
  for (const [key, json] of stream.metadata) {
    const [namespace = '', name = ''] = key.split('\n')
    metadata[namespace] = { ...metadata[namespace], [name]: JSON.parse(json) as unknown }
  }
  const bytes = stream.reply?.body ?? stream.bodyOf(true)
  return {
    status: stream.reply?.status ?? Number(valueOf(stream.response, ':status')),
    headers: plain(stream.reply?.headers ?? stream.response),
    body: bytes.toString('utf8'),
    bytes,
    details: stream.reply?.details ?? '',
    upstream,
    metadata,
    routeRefreshes: stream.routeRefreshes,
  }
}
