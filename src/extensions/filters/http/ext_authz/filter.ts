import type { JsonObject } from '@bufbuild/protobuf'
import { builtIn, type BuiltInStream, unauthorizedExternalService } from '../../../../api/built-in.js'
import type { Counter, FilterContext } from '../../../../api/context.js'
import { defineHttpFilter } from '../../../../api/http-filter.js'
import type { LocalReply, RequestHead, Stream } from '../../../../api/stream.js'
import { settingsOf } from '../../../../api/typescript-filter.js'
import { askGrpc } from './grpc-service.js'
import { askHttp } from './http-service.js'
import { applyOk, changeResponse } from './mutations.js'
import type { RouteSettings, Settings } from './settings.js'
import { type Checked, matchesName, type Pair, type ResponseChange, type Verdict } from './verdict.js'

const metadataNamespace = 'envoy.filters.http.ext_authz'
const partHeader = 'x-envoy-auth-partial-body'
/** Fields of one connection: they say nothing to another. */
const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])

interface State {
  response: readonly ResponseChange[]
}
type AuthzStream = Stream<State, RouteSettings> & BuiltInStream

export default defineHttpFilter({
  name: 'envoy.filters.http.ext_authz',
  config: settingsOf<Settings>(),
  routeConfig: settingsOf<RouteSettings>(),
  state: (): State => ({ response: [] }),
  create(settings, context) {
    const authorizer = new Authorizer(settings, context)
    return {
      onRequestHeaders: (request, stream) => authorizer.onRequest(request, builtIn.stream(stream)),
      onResponseHeaders(response, { state }) {
        changeResponse(response.headers, state.response)
      },
    }
  },
})

class Authorizer {
  readonly #settings: Settings
  readonly #context: FilterContext
  readonly #clusterCounters = new Map<string, Counter>()
  readonly #stats: Readonly<Record<'ok' | 'denied' | 'error' | 'disabled' | 'failure_mode_allowed', Counter>>
  readonly #ignoredMetadata: Counter

  constructor(settings: Settings, context: FilterContext) {
    this.#settings = settings
    this.#context = context
    const { stats } = context
    this.#stats = {
      ok: stats.counter('ok'),
      denied: stats.counter('denied'),
      error: stats.counter('error'),
      disabled: stats.counter('disabled'),
      failure_mode_allowed: stats.counter('failure_mode_allowed'),
    }
    this.#ignoredMetadata = stats.counter('ignored_dynamic_metadata')
    for (const name of [
      'invalid',
      'filter_state_name_collision',
      'omitted_response_headers',
      'request_header_limits_reached',
      'response_header_limits_reached',
      'shadow_denied',
      'shadow_error',
    ])
      stats.counter(name)
  }

  onRequest(request: RequestHead, stream: AuthzStream): undefined | LocalReply | Promise<undefined | LocalReply> {
    const levels = stream.routeConfigs() as readonly RouteSettings[]
    const route = levels.at(-1)
    if (route?.isDisabled === true) return undefined
    const { enabledPpm, deniesWhenDisabled } = this.#settings
    if (enabledPpm < 1_000_000 && Math.random() * 1_000_000 >= enabledPpm) {
      this.#stats.disabled.inc()
      return deniesWhenDisabled ? this.#refuse(stream) : undefined
    }
    return this.#check(request, stream, levels)
  }

  async #check(
    request: RequestHead,
    stream: AuthzStream,
    levels: readonly RouteSettings[],
  ): Promise<undefined | LocalReply> {
    const route = levels.at(-1)
    const settings = this.#settings
    const wanted = route?.body ?? settings.body
    let body = new Uint8Array()
    let part: string | undefined
    if (wanted !== undefined && route?.buffersBody !== false && !request.headers.has('upgrade')) {
      const { maxBytes, allowsPart } = wanted
      body = new Uint8Array(
        allowsPart ? await stream.requestBody.peek(maxBytes) : await stream.requestBody.buffer(maxBytes),
      )
      if (body.length > 0) part = String(allowsPart && body.length >= maxBytes)
    }
    const checked: Checked = {
      method: request.method,
      path: request.path,
      authority: request.authority,
      headers: this.#shown(request, part),
      body,
    }
    const began = this.#context.clock.monotonicMs()
    const service = route?.service ?? settings.service
    const { clusters } = this.#context
    const verdict =
      service.kind === 'http'
        ? await askHttp(clusters, service, checked, stream.signal)
        : await askGrpc(clusters, service, settings, checked, stream, levels, wanted?.asBytes === true)
    return this.#follow(verdict, request, stream, this.#context.clock.monotonicMs() - began)
  }

  /** The headers that the service may see. */
  #shown(request: RequestHead, part: string | undefined): Map<string, string> {
    const { allowedHeaders, disallowedHeaders } = this.#settings
    const shown = new Map<string, string>()
    for (const [name, value] of request.headers) {
      if (name === partHeader || matchesName(disallowedHeaders, name)) continue
      if (allowedHeaders !== undefined && !matchesName(allowedHeaders, name)) continue
      const before = shown.get(name)
      shown.set(name, before === undefined ? value : `${before},${value}`)
    }
    if (part !== undefined) shown.set(partHeader, part)
    return shown
  }

  #follow(verdict: Verdict, request: RequestHead, stream: AuthzStream, tookMs: number): undefined | LocalReply {
    switch (verdict.kind) {
      case 'ok':
        this.#tell(stream, verdict.metadata, Math.round(tookMs))
        stream.state.response = verdict.response
        if (applyOk(request, verdict) && this.#settings.clearsRoute) stream.refreshRoute()
        this.#count(stream, 'ok')
        return undefined
      case 'denied':
        this.#tell(stream, verdict.metadata)
        this.#count(stream, 'denied')
        if (this.#settings.chargesCluster) stream.chargeCluster(verdict.status)
        stream.flag(unauthorizedExternalService)
        return stream.reply(verdict.status, verdict.body, grouped(verdict.headers), 'ext_authz_denied')
      case 'error':
        this.#count(stream, 'error')
        if (!this.#settings.failureModeAllow) return this.#refuse(stream)
        this.#count(stream, 'failure_mode_allowed')
        if (this.#settings.tellsFailure) request.headers.set('x-envoy-auth-failure-mode-allowed', 'true')
        return undefined
    }
  }

  #refuse(stream: AuthzStream): LocalReply {
    stream.flag(unauthorizedExternalService)
    return stream.reply(this.#settings.statusOnError, '', {}, 'ext_authz_error')
  }

  #tell(stream: AuthzStream, metadata: JsonObject, tookMs?: number): void {
    const entries = Object.entries(metadata)
    if (entries.length === 0) return
    if (!this.#settings.takesMetadata) return this.#ignoredMetadata.inc()
    if (tookMs !== undefined) stream.metadata.set(metadataNamespace, 'ext_authz_duration', tookMs)
    for (const [key, value] of entries) stream.metadata.set(metadataNamespace, key, value)
  }

  #count(stream: AuthzStream, what: 'ok' | 'denied' | 'error' | 'failure_mode_allowed'): void {
    this.#stats[what].inc()
    // A cluster that is none has no statistics: names that clients make up are not kept.
    if (!stream.chargeCluster(0)) return
    const name = `cluster.${stream.info.clusterName.replaceAll(':', '_')}.${this.#settings.statName}.${what}`
    let counter = this.#clusterCounters.get(name)
    if (counter === undefined) {
      counter = builtIn.context(this.#context).counter(name)
      this.#clusterCounters.set(name, counter)
    }
    counter.inc()
  }
}

function grouped(pairs: readonly Pair[]): Record<string, string[]> {
  const groups: Record<string, string[]> = {}
  for (const [name, value] of pairs) {
    if (name.startsWith(':') || hopByHop.has(name)) continue
    groups[name] = [...(groups[name] ?? []), value]
  }
  return groups
}
