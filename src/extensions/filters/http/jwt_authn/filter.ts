import { builtIn, type BuiltInContext, type BuiltInStream } from '../../../../api/built-in.js'
import { defineHttpFilter } from '../../../../api/http-filter.js'
import type { NativeTool } from '../../../../api/native-tool.js'
import type { LocalReply, RequestHead, Stream } from '../../../../api/stream.js'
import { settingsOf } from '../../../../api/typescript-filter.js'
import { requestUrl } from '../common/request-url.js'
import { AcceptedTokens } from './accepted-tokens.js'
import { type Checking, Exchange, missing } from './exchange.js'
import type { Requirement, RouteSettings, Rule, Settings } from './settings.js'
import { type KeySource, LocalKeys, RemoteKeys } from './remote-keys.js'

const wrongAudience = 'Audiences in Jwt are not allowed'

export default defineHttpFilter({
  name: 'envoy.filters.http.jwt_authn',
  config: settingsOf<Settings>(),
  routeConfig: settingsOf<RouteSettings>(),
  create(settings, context) {
    const { stats } = context
    const counters = {
      allowed: stats.counter('allowed'),
      denied: stats.counter('denied'),
      preflights: stats.counter('cors_preflight_bypassed'),
      fetched: stats.counter('jwks_fetch_success'),
      notFetched: stats.counter('jwks_fetch_failed'),
      cacheHit: stats.counter('jwt_cache_hit'),
      cacheMiss: stats.counter('jwt_cache_miss'),
    }
    const fetches = { fetched: () => counters.fetched.inc(), failed: () => counters.notFetched.inc() }
    const native = builtIn.context(context)
    const tools = new Map(
      settings.rules.flatMap(({ tool }) => (tool === '' ? [] : [[tool, native.tool(tool)] as const])),
    )
    const providers = settings.providers.map(provider => ({
      ...provider,
      isSubject: subjectJudge(provider.subject, native),
      accepted: new AcceptedTokens(provider.cached),
      keys:
        provider.remote === undefined
          ? new LocalKeys(provider.jwks)
          : new RemoteKeys(provider.remote, context, fetches),
    }))
    const decide = (
      exchange: Exchange,
      failure: string | undefined,
      request: RequestHead,
      stream: Stream<undefined, RouteSettings>,
    ): LocalReply | undefined => {
      // What one token has proved is known even when another is missing.
      for (const { namespace, key, value } of exchange.metadata) stream.metadata.set(namespace, key, value)
      if (failure !== undefined) {
        counters.denied.inc()
        return refuse(request, stream, failure, settings.stripsFailure)
      }
      counters.allowed.inc()
      if (exchange.clearsRoute) stream.refreshRoute()
      return undefined
    }
    return {
      onRequestHeaders(request, stream) {
        if (settings.bypassesPreflight && isPreflight(request)) {
          counters.preflights.inc()
          counters.allowed.inc()
          return undefined
        }
        const named = stream.routeConfig?.requirement ?? ''
        if (named !== '' && !stream.routeConfig?.isDisabled && !Object.hasOwn(settings.requirements, named)) {
          counters.denied.inc()
          const problem = `Wrong requirement_name: ${named}. It should be one of [${Object.keys(settings.requirements).join()}]`
          return stream.reply(403, `Failed JWT authentication: ${problem}`, {}, `jwt_authn_access_denied{${problem}}`)
        }
        const required = requirementOf(settings, request, builtIn.stream(stream), tools)
        if (required === undefined) {
          counters.allowed.inc()
          return undefined
        }
        const exchange = new Exchange(providers, request, isHit =>
          (isHit ? counters.cacheHit : counters.cacheMiss).inc(),
        )
        const checking = exchange.check(required)
        const step = checking.next()
        if (step.done === true) return decide(exchange, step.value, request, stream)
        return fetchAndGoOn(exchange, checking, step.value).then(failure => decide(exchange, failure, request, stream))
      },
    }
  },
})

function subjectJudge(text: string | undefined, native: BuiltInContext): (subject: string) => boolean {
  if (text === undefined) return () => true
  const tool = native.tool(text)
  return subject => native.matchesText(tool, subject)
}

/** Fetches what the check waits for, as often as it takes. */
async function fetchAndGoOn(
  exchange: Exchange,
  checking: Checking<string | undefined>,
  first: KeySource,
): Promise<string | undefined> {
  for (let wanted = first; ; ) {
    const keys = await wanted.fetch()
    if (keys !== undefined) exchange.fetched.set(wanted, keys)
    const step = checking.next()
    if (step.done === true) return step.value
    wanted = step.value
  }
}

function requirementOf(
  settings: Settings,
  request: RequestHead,
  stream: Stream<undefined, RouteSettings> & BuiltInStream,
  tools: ReadonlyMap<string, NativeTool>,
): Requirement | undefined {
  const route = stream.routeConfig
  if (route?.isDisabled) return undefined
  if (route !== undefined && route.requirement !== '') return settings.requirements[route.requirement]
  const path = request.path.replace(/[?#].*$/s, '')
  const rule = settings.rules.find(one => {
    const tool = tools.get(one.tool)
    return tool === undefined ? matches(one, path, request.method) : stream.matches(tool)
  })
  if (rule !== undefined) return rule.requires ?? settings.requirements[rule.requirementName]
  const { byState } = settings
  const chosen = byState && stream.filterState(byState.name)
  return chosen === undefined ? undefined : byState?.requires[chosen]
}

function matches({ path: wanted, isCaseSensitive }: Rule, path: string, method: string): boolean {
  if (wanted === undefined) return false
  const { kind, text } = wanted
  if (kind === 'connect') return method === 'CONNECT'
  const [here, begin] = isCaseSensitive ? [path, text] : [path.toLowerCase(), text.toLowerCase()]
  if (kind === 'exact') return here === begin
  return here.startsWith(begin) && (kind === 'prefix' || here.length === begin.length || here[begin.length] === '/')
}

function isPreflight(request: RequestHead): boolean {
  return (
    request.method === 'OPTIONS' &&
    request.headers.has('origin') &&
    request.headers.has('access-control-request-method')
  )
}

function refuse(
  request: RequestHead,
  stream: Stream<undefined, RouteSettings>,
  failure: string,
  isStripped: boolean,
): LocalReply {
  const error = failure === missing ? '' : ', error="invalid_token"'
  const headers = isStripped ? {} : { 'www-authenticate': `Bearer realm="${requestUrl(request)}"${error}` }
  const status = failure === wrongAudience ? 403 : 401
  return stream.reply(status, isStripped ? '' : failure, headers, `jwt_authn_access_denied{${failure}}`)
}
