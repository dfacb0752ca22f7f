import { defineHttpFilter } from '../../../../api/http-filter.js'
import type { LocalReply, RequestHead, Stream } from '../../../../api/stream.js'
import { settingsOf } from '../../../../api/typescript-filter.js'
import { requestUrl } from '../common/request-url.js'
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
    const providers = settings.providers.map(provider => ({
      ...provider,
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
        const required = requirementOf(settings, request, stream.routeConfig)
        if (required === undefined) {
          counters.allowed.inc()
          return undefined
        }
        const exchange = new Exchange(providers, request, () => counters.cacheMiss.inc())
        const checking = exchange.check(required)
        const step = checking.next()
        if (step.done === true) return decide(exchange, step.value, request, stream)
        return fetchAndGoOn(exchange, checking, step.value).then(failure => decide(exchange, failure, request, stream))
      },
    }
  },
})

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
  route: RouteSettings | undefined,
): Requirement | undefined {
  if (route?.isDisabled) return undefined
  if (route !== undefined && route.requirement !== '') return settings.requirements[route.requirement]
  const path = request.path.replace(/[?#].*$/s, '')
  const rule = settings.rules.find(one => matches(one, path, request.method))
  return rule?.requires ?? (rule && settings.requirements[rule.requirementName])
}

function matches({ path: { kind, text }, isCaseSensitive }: Rule, path: string, method: string): boolean {
  if (kind === 'connect') return method === 'CONNECT'
  const [here, wanted] = isCaseSensitive ? [path, text] : [path.toLowerCase(), text.toLowerCase()]
  if (kind === 'exact') return here === wanted
  return here.startsWith(wanted) && (kind === 'prefix' || here.length === wanted.length || here[wanted.length] === '/')
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
