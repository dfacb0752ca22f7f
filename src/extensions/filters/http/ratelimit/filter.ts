import { builtIn, type BuiltInStream } from '../../../../api/built-in.js'
import type { Counter, FilterContext } from '../../../../api/context.js'
import { defineHttpFilter } from '../../../../api/http-filter.js'
import type { LimitDescriptor, NativeTool } from '../../../../api/native-tool.js'
import type { LocalReply, RequestHead, ResponseHead, Stream } from '../../../../api/stream.js'
import { settingsOf } from '../../../../api/typescript-filter.js'
import { limitHeaders, retryAfterHeader } from './limit-headers.js'
import { type Headers, type LimitResponse, readLimitResponse, writeLimitRequest } from './messages.js'
import type { RouteSettings, Settings } from './settings.js'

const method = '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit'
const hitsState = 'envoy.ratelimit.hits_addend'
// Response flags, by their numbers in native/http/stream_info.h.
const rateLimited = 11
const serviceError = 13
const overLimit = 2
const resourceExhausted = '8'

interface State {
  /** Of the answer, whoever makes it. */
  headers: Headers
  isOver: boolean
  isRefused: boolean
}
type LimitedStream = Stream<State, RouteSettings> & BuiltInStream

export default defineHttpFilter({
  name: 'envoy.filters.http.ratelimit',
  config: settingsOf<Settings>(),
  routeConfig: settingsOf<RouteSettings>(),
  state: (): State => ({ headers: [], isOver: false, isRefused: false }),
  create(settings, context) {
    const limiter = new RateLimiter(settings, context)
    return {
      onRequestHeaders: (request, stream) => limiter.onRequest(request, builtIn.stream(stream)),
      onResponseHeaders: (response, stream) => limiter.onResponse(response, builtIn.stream(stream)),
      onComplete: stream => limiter.onComplete(builtIn.stream(stream)),
    }
  },
})

class RateLimiter {
  readonly #settings: Settings
  readonly #context: FilterContext
  readonly #counters = new Map<string, Counter>()
  readonly #enabled: NativeTool
  readonly #enforced: NativeTool

  constructor(settings: Settings, context: FilterContext) {
    this.#settings = settings
    this.#context = context
    this.#enabled = this.#tool(settings.enabledTool)
    this.#enforced = this.#tool(settings.enforcedTool)
  }

  onRequest(request: RequestHead, stream: LimitedStream): undefined | Promise<undefined | LocalReply> {
    if (!this.#counts(request)) return undefined
    const descriptors = this.#descriptors(stream, false)
    return descriptors.length === 0 ? undefined : this.#ask(descriptors, request, stream)
  }

  onResponse({ headers }: ResponseHead, stream: LimitedStream): void {
    const { isOver, isRefused, headers: added } = stream.state
    const { tellsLimited, responseTool, isResourceExhausted } = this.#settings
    if (isOver && tellsLimited) headers.set('x-envoy-ratelimited', 'true')
    for (const [name, value] of added) headers.append(name, value)
    if (!isRefused) return
    if (responseTool !== '') stream.mutate(this.#tool(responseTool), 'response')
    if (isResourceExhausted && headers.has('grpc-status')) headers.set('grpc-status', resourceExhausted)
  }

  /** What is counted only once the answer is known: nobody waits for what the service says of it. */
  onComplete(stream: LimitedStream): void {
    const descriptors = this.#descriptors(stream, true)
    if (descriptors.length === 0) return
    const message = this.#message(descriptors, stream)
    // Out of the hook, so that the call does not end with the stream.
    void Promise.resolve().then(() => this.#call(message).catch(() => undefined))
  }

  #counts(request: RequestHead): boolean {
    const { requests } = this.#settings
    if (!builtIn.context(this.#context).covers(this.#enabled)) return false
    const isInternal = request.headers.get('x-envoy-internal') === 'true'
    return requests === 'both' || isInternal === (requests === 'internal')
  }

  #descriptors(stream: LimitedStream, isDone: boolean): readonly LimitDescriptor[] {
    const { stage, limitsTool } = this.#settings
    const route = stream.routeConfig
    const own = route?.limitsTool || limitsTool
    if (own !== '') return stream.descriptors(this.#tool(own), { stage: 0, host: 0, isDone })
    return stream.descriptors(undefined, { stage, host: route?.host ?? 0, isDone })
  }

  #message(descriptors: readonly LimitDescriptor[], stream: LimitedStream): Uint8Array {
    const domain = stream.routeConfig?.domain || this.#settings.domain
    return writeLimitRequest(domain, descriptors, Number(stream.filterState(hitsState) ?? 0) || 0)
  }

  async #call(message: Uint8Array, signal?: AbortSignal): Promise<LimitResponse> {
    const { cluster, authority, timeoutMs, metadata: headers } = this.#settings.service
    const options = builtIn.options({ headers, timeoutMs, authority, ...(signal && { signal }) })
    const answer = await this.#context.clusters.grpc(cluster, method, message, options)
    return readLimitResponse(answer.message)
  }

  async #ask(
    descriptors: readonly LimitDescriptor[],
    request: RequestHead,
    stream: LimitedStream,
  ): Promise<undefined | LocalReply> {
    let response: LimitResponse
    try {
      response = await this.#call(this.#message(descriptors, stream), stream.signal)
    } catch {
      return this.#fail(stream)
    }
    const { metadataNamespace, headers, retryAfter, limitedStatus } = this.#settings
    for (const [key, value] of Object.entries(response.metadata)) stream.metadata.set(metadataNamespace, key, value)
    const isOver = response.code === overLimit
    stream.state.headers = [
      ...response.responseHeaders,
      ...(headers ? limitHeaders(response.statuses) : []),
      ...(retryAfter && isOver && limitedStatus === 429 ? retryAfterHeader(response.statuses) : []),
    ]
    stream.state.isOver = isOver
    this.#count(stream, isOver ? 'over_limit' : 'ok')
    if (isOver) {
      stream.chargeCluster(this.#settings.limitedStatus)
      if (builtIn.context(this.#context).covers(this.#enforced)) return this.#refuse(response, stream)
    }
    for (const [name, value] of response.requestHeaders) request.headers.append(name, value)
    return undefined
  }

  #refuse(response: LimitResponse, stream: LimitedStream): LocalReply {
    stream.flag(rateLimited)
    stream.state.isRefused = true
    stream.followReply()
    return stream.reply(this.#settings.limitedStatus, response.body, {}, 'request_rate_limited')
  }

  #fail(stream: LimitedStream): undefined | LocalReply {
    const { deniesOnFailure, failureTool, errorStatus } = this.#settings
    this.#count(stream, 'error')
    const isDenied =
      failureTool === '' ? deniesOnFailure : builtIn.context(this.#context).covers(this.#tool(failureTool))
    if (!isDenied) {
      this.#count(stream, 'failure_mode_allowed')
      return undefined
    }
    stream.flag(serviceError)
    return stream.reply(errorStatus, '', {}, 'rate_limiter_error')
  }

  #tool(text: string): NativeTool {
    return builtIn.context(this.#context).tool(text)
  }

  #count(stream: LimitedStream, what: 'ok' | 'error' | 'over_limit' | 'failure_mode_allowed'): void {
    // A cluster that is none has no statistics: names that clients make up are not kept.
    if (!stream.chargeCluster(0)) return
    const name = `cluster.${stream.info.clusterName.replaceAll(':', '_')}.${this.#settings.statPrefix}${what}`
    let counter = this.#counters.get(name)
    if (counter === undefined) {
      counter = builtIn.context(this.#context).counter(name)
      this.#counters.set(name, counter)
    }
    counter.inc()
  }
}
