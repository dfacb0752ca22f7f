import type { JsonObject } from '@bufbuild/protobuf'
import { builtIn, type BuiltInStream, unauthorizedExternalService } from '../../../../api/built-in.js'
import type { Counter, FilterContext } from '../../../../api/context.js'
import { defineHttpFilter } from '../../../../api/http-filter.js'
import type { NativeTool } from '../../../../api/native-tool.js'
import type { LocalReply, RequestHead, Stream } from '../../../../api/stream.js'
import { settingsOf } from '../../../../api/typescript-filter.js'
import { askGrpc } from './grpc-service.js'
import { askHttp } from './http-service.js'
import { applyOk, changeResponse } from './mutations.js'
import type { HttpService, RouteSettings, Settings } from './settings.js'
import { matchesMetadata } from '../common/metadata-rule.js'
import { areHeaders, permitted } from './mutation-rules.js'
import { Names } from './names.js'
import type { Checked, Pair, ResponseChange, Verdict } from './verdict.js'

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
  readonly #stats: Readonly<
    Record<'ok' | 'denied' | 'error' | 'disabled' | 'failure_mode_allowed' | 'invalid', Counter>
  >
  readonly #ignoredMetadata: Counter
  readonly #names: Names
  readonly #shadow: { readonly denied: Counter; readonly error: Counter }

  constructor(settings: Settings, context: FilterContext) {
    this.#settings = settings
    this.#context = context
    const { stats } = context
    this.#names = new Names(context)
    this.#stats = {
      ok: stats.counter('ok'),
      denied: stats.counter('denied'),
      error: stats.counter('error'),
      disabled: stats.counter('disabled'),
      failure_mode_allowed: stats.counter('failure_mode_allowed'),
      invalid: stats.counter('invalid'),
    }
    this.#shadow = { denied: stats.counter('shadow_denied'), error: stats.counter('shadow_error') }
    this.#ignoredMetadata = stats.counter('ignored_dynamic_metadata')
    for (const name of [
      'filter_state_name_collision',
      'omitted_response_headers',
      'request_header_limits_reached',
      'response_header_limits_reached',
    ])
      stats.counter(name)
  }

  onRequest(request: RequestHead, stream: AuthzStream): undefined | LocalReply | Promise<undefined | LocalReply> {
    const levels = stream.routeConfigs() as readonly RouteSettings[]
    const route = levels.at(-1)
    if (route?.isDisabled === true) return undefined
    const { enabledPpm, deniesWhenDisabled, enabledMetadata } = this.#settings
    const isDrawn = enabledPpm >= 1_000_000 || Math.random() * 1_000_000 < enabledPpm
    const matchesText = (tool: string, text: string) =>
      builtIn.context(this.#context).matchesText(this.#tool(tool), text)
    if (
      !isDrawn ||
      (enabledMetadata && !matchesMetadata(enabledMetadata, name => stream.metadata.get(name, ''), matchesText))
    ) {
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
      ...this.#shown(request, part),
      body,
    }
    const began = this.#context.clock.monotonicMs()
    const service = route?.service ?? settings.service
    const { clusters } = this.#context
    const verdict =
      service.kind === 'http'
        ? await askHttp(clusters, service, checked, this.#added(service, stream), this.#names, stream.signal)
        : await askGrpc(clusters, service, settings, checked, stream, levels, wanted?.asBytes === true)
    return this.#follow(verdict, request, stream, this.#context.clock.monotonicMs() - began)
  }

  /** The headers that the service may see. */
  #shown(request: RequestHead, part: string | undefined): Pick<Checked, 'headers' | 'fields'> {
    const { allowedHeaders, disallowedHeaders } = this.#settings
    const shown = new Map<string, string>()
    const fields: Pair[] = []
    for (const [name, value] of request.headers) {
      if (name === partHeader || this.#names.match(disallowedHeaders, name)) continue
      if (allowedHeaders !== undefined && !this.#names.match(allowedHeaders, name)) continue
      fields.push([name, value])
      const before = shown.get(name)
      shown.set(name, before === undefined ? value : `${before},${value}`)
    }
    if (part !== undefined) {
      shown.set(partHeader, part)
      fields.push([partHeader, part])
    }
    return { headers: shown, fields }
  }

  /** What an HTTP service is told besides. */
  #added({ headersToAdd }: HttpService, stream: AuthzStream): Pair[] {
    return headersToAdd.map(([name, tool]) => [name, stream.format(this.#tool(tool))])
  }

  #tool(text: string): NativeTool {
    return builtIn.context(this.#context).tool(text)
  }

  #follow(verdict: Verdict, request: RequestHead, stream: AuthzStream, tookMs: number): undefined | LocalReply {
    switch (verdict.kind) {
      case 'ok':
        return this.#allow(verdict, request, stream, tookMs)
      case 'denied':
        this.#tell(stream, verdict.metadata)
        this.#count(stream, 'denied')
        if (this.#settings.isShadow) {
          this.#shadow.denied.inc()
          return undefined
        }
        if (this.#settings.validatesMutations && !areHeaders(verdict.headers)) return this.#invalid(stream)
        if (this.#settings.chargesCluster) stream.chargeCluster(verdict.status)
        stream.flag(unauthorizedExternalService)
        return stream.reply(verdict.status, this.#short(verdict.body), grouped(verdict.headers), 'ext_authz_denied')
      case 'error':
        this.#count(stream, 'error')
        if (this.#settings.isShadow) {
          this.#shadow.error.inc()
          return undefined
        }
        if (!this.#settings.failureModeAllow) return this.#refuse(stream)
        this.#count(stream, 'failure_mode_allowed')
        if (this.#settings.tellsFailure) request.headers.set('x-envoy-auth-failure-mode-allowed', 'true')
        return undefined
    }
  }

  #allow(
    verdict: Extract<Verdict, { kind: 'ok' }>,
    request: RequestHead,
    stream: AuthzStream,
    tookMs: number,
  ): undefined | LocalReply {
    const { validatesMutations, mutationRules, clearsRoute } = this.#settings
    this.#tell(stream, verdict.metadata, Math.round(tookMs))
    const { set, add, append, response, queryToSet } = verdict
    const changes = response.map(({ name, value }): Pair => [name, value])
    if (validatesMutations && !areHeaders(set, add, append, changes, queryToSet)) return this.#invalid(stream)
    const allowed = mutationRules === undefined ? verdict : permitted(verdict, mutationRules, this.#names)
    if (allowed === undefined) return this.#invalid(stream)
    stream.state.response = response
    if (applyOk(request, allowed) && clearsRoute) stream.refreshRoute()
    this.#count(stream, 'ok')
    return undefined
  }

  /** The service wants what cannot be. */
  #invalid(stream: AuthzStream): LocalReply {
    this.#count(stream, 'invalid')
    stream.flag(unauthorizedExternalService)
    return stream.reply(500, '', {}, 'ext_authz_invalid')
  }

  #short(body: string): string | Uint8Array {
    const { maxDeniedBytes } = this.#settings
    if (maxDeniedBytes === 0) return body
    return Buffer.from(body).subarray(0, maxDeniedBytes)
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

  #count(stream: AuthzStream, what: 'ok' | 'denied' | 'error' | 'failure_mode_allowed' | 'invalid'): void {
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
