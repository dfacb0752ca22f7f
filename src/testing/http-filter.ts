import type { HttpFilterDefinition, HttpFilterModule } from '../api/http-filter.js'
import type { ConfigSchema } from '../api/schema.js'
import { ScriptHttpFilter } from '../worker/http-filter-program.js'
import { StreamParts } from '../worker/stream-parts.js'
import { StreamView } from '../worker/stream-view.js'
import { readSettings, Surroundings, type UnderTest } from './harness.js'
import type { TestCluster } from './memory-calls.js'
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

export interface FilterUnderTest extends UnderTest {
  request(request?: TestRequest): Promise<TestResult>
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
>(
  definition: HttpFilterDefinition<Config, RouteConfig, State>,
  config: unknown = {},
  options: TestOptions = {},
): FilterUnderTest {
  return new Harness(definition as unknown as HttpFilterModule, config, options)
}

export interface TestOptions {
  /** Who answers the filter's calls to clusters, by the cluster's name. */
  readonly clusters?: Readonly<Record<string, TestCluster>>
}

class Harness extends Surroundings implements FilterUnderTest {
  readonly #filter: ScriptHttpFilter
  #handles = 0

  constructor(definition: HttpFilterModule, json: unknown, { clusters }: TestOptions) {
    super(definition.name, clusters)
    const { routeConfig } = definition as unknown as { readonly routeConfig?: ConfigSchema }
    this.#filter = new ScriptHttpFilter({
      streams: new StreamParts(this.addon),
      name: definition.name,
      definition,
      config: readSettings(definition.config, json),
      context: this.context,
      readRouteConfig: settings => (routeConfig === undefined ? settings : readSettings(routeConfig, settings)),
      failed: this.failed,
    })
  }

  async request(request: TestRequest = {}): Promise<TestResult> {
    const handle = ++this.#handles
    const view = new StreamView(this.#filter, handle)
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
    this.addon.enter(handle, stream)
    const upstream = await this.#exchange(stream, request)
    const result = resultOf(stream, upstream)
    stream.complete()
    this.addon.leave(handle)
    return result
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
