import type { JsonObject } from '@bufbuild/protobuf'
import { whole } from '../../../../api/field-policy.js'
import { toolText } from '../../../../api/native-tool.js'
import type { Place, PlanContext } from '../../../../api/plan-context.js'
import { defineTypeScriptFilter } from '../../../../api/typescript-filter.js'
import type { RouteMatch } from '../../../../generated/protos/envoy/config/route/v3/route_components_pb.js'
import type {
  FilterStateRule,
  JwtAuthentication,
  JwtProvider,
  JwtRequirement,
  PerRouteConfig,
  RemoteJwks,
  RequirementRule,
} from '../../../../generated/protos/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js'
import type { Provider, RemoteKeySettings, Requirement, RouteSettings, Rule, Settings } from './settings.js'
import { KeySet } from './token.js'

const schema = 'envoy.extensions.filters.http.jwt_authn.v3'
const defaultTimeout = 10_000
const defaultKeep = 600_000
const defaultRefetch = 1_000
const defaultCache = 100
const defaultStatusHeader = 'x-jwt-signature-verified'

/** envoy.filters.http.jwt_authn: who the client is, by a signed token. Keys come with the configuration, or from a cluster. */
const jwtAuthn = defineTypeScriptFilter<JwtAuthentication, PerRouteConfig>({
  name: 'envoy.filters.http.jwt_authn',
  folder: 'filters/http/jwt_authn',
  typeNames: [`${schema}.JwtAuthentication`],
  status: 'alpha',
  securityPosture: 'robust_to_untrusted_downstream',
  policy: {
    [`${schema}.JwtAuthentication`]: {
      ...whole('providers rules bypass_cors_preflight requirement_map strip_failure_response stat_prefix'),
      ...whole('filter_state_rules'),
    },
    [`${schema}.PerRouteConfig`]: whole('disabled requirement_name'),
  },
  statName: config => (config.statPrefix === '' ? 'jwt_authn' : `jwt_authn.${config.statPrefix.replace(/\.$/, '')}`),
  settings: (config, context) => settings(config, context) as unknown as JsonObject,
  route: {
    typeNames: [`${schema}.PerRouteConfig`],
    settings: ({ requirementSpecifier: spec }) => {
      const route: RouteSettings = {
        isDisabled: spec.case === 'disabled' && spec.value,
        requirement: spec.case === 'requirementName' ? spec.value : '',
      }
      return { ...route }
    },
  },
})

function settings(config: JwtAuthentication, context: PlanContext): Settings {
  const names = new Set(Object.keys(config.providers))
  const requirements = Object.entries(config.requirementMap).map(([name, value]) => {
    const at = context.field('requirement_map').item(name)
    return [name, requirement(value, names, at)] as const
  })
  return {
    providers: Object.entries(config.providers).map(([name, value]) =>
      provider(name, value, context, context.field('providers').item(name)),
    ),
    rules: config.rules.map((value, index) =>
      rule(value, names, new Set(Object.keys(config.requirementMap)), context, context.field('rules').item(index)),
    ),
    requirements: Object.fromEntries(requirements.flatMap(([name, value]) => (value ? [[name, value]] : []))),
    byState: config.filterStateRules && byState(config.filterStateRules, names, context.field('filter_state_rules')),
    bypassesPreflight: config.bypassCorsPreflight,
    stripsFailure: config.stripFailureResponse,
  }
}

function provider(name: string, config: JwtProvider, context: PlanContext, at: Place): Provider {
  const source = config.jwksSourceSpecifier
  const jwks =
    source.case === 'localJwks'
      ? (context.dataSource(source.value, at.field('local_jwks')) ?? new Uint8Array())
      : undefined
  const keys = Buffer.from(jwks ?? new Uint8Array()).toString('utf8')
  const fault = jwks && faultOf(keys)
  if (fault !== undefined)
    at.field('local_jwks').error(`Provider '${name}' in jwt_authn config has invalid local jwks: ${fault}`)
  const isByDefault = config.fromHeaders.length + config.fromParams.length + config.fromCookies.length === 0
  return {
    name,
    issuer: config.issuer,
    audiences: [...config.audiences],
    jwks: keys,
    forward: config.forward,
    headers: isByDefault
      ? [{ name: 'authorization', prefix: 'Bearer ' }]
      : config.fromHeaders.map(header => ({ name: header.name.toLowerCase(), prefix: header.valuePrefix })),
    params: isByDefault ? ['access_token'] : [...config.fromParams],
    cookies: [...config.fromCookies],
    payloadHeader: config.forwardPayloadHeader,
    padsPayload: config.padForwardPayloadHeader,
    payloadMetadata: config.payloadInMetadata,
    headerMetadata: config.headerInMetadata,
    failureMetadata: config.failedStatusInMetadata,
    cached: config.jwtCacheConfig === undefined ? 0 : config.jwtCacheConfig.jwtCacheSize || defaultCache,
    clockSkewS: config.clockSkewSeconds || 60,
    claimHeaders: config.claimToHeaders.map(({ headerName, claimName, claimPath }) => ({
      header: headerName.toLowerCase(),
      path: claimPath.length > 0 ? claimPath.map(({ key }) => key) : claimName.split('.'),
    })),
    clearsRoute: config.clearRouteCache,
    remote: source.case === 'remoteJwks' ? remoteKeys(source.value, context, at.field('remote_jwks')) : undefined,
    subject: config.subjects && toolText({ text: context.stringMatcher(config.subjects, at.field('subjects')) }),
    mustExpire: config.requireExpiration,
    maxLifetimeS: config.maxLifetime === undefined ? undefined : Number(config.maxLifetime.seconds),
    wordClaims: [...(config.normalizePayloadInMetadata?.spaceDelimitedClaims ?? [])],
  }
}

function faultOf(keys: string): string | undefined {
  try {
    new KeySet(keys)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function remoteKeys(config: RemoteJwks, context: PlanContext, at: Place): RemoteKeySettings {
  const inUri = at.field('http_uri')
  const uri = config.httpUri
  const url = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)([^#]*)/i.exec(uri?.uri ?? '')
  if (url === null) inUri.field('uri').error(`'${uri?.uri ?? ''}' is no URI with a host`)
  const cluster = uri?.httpUpstreamType.case === 'cluster' ? uri.httpUpstreamType.value : ''
  const path = url?.[2] ?? ''
  const again = config.retryPolicy
  const wait = again?.retryBackOff
  const inWait = at.field('retry_policy').field('retry_back_off')
  const base = context.milliseconds(wait?.baseInterval, 1_000, inWait.field('base_interval'))
  return {
    cluster,
    path: path.startsWith('/') ? path : `/${path}`,
    host: url?.[1] ?? '',
    timeoutMs: context.milliseconds(uri?.timeout, defaultTimeout, inUri.field('timeout')),
    keepMs: context.milliseconds(config.cacheDuration, defaultKeep, at.field('cache_duration')),
    isAhead: config.asyncFetch !== undefined,
    failedMs: context.milliseconds(
      config.asyncFetch?.failedRefetchDuration,
      defaultRefetch,
      at.field('async_fetch').field('failed_refetch_duration'),
    ),
    retries: again === undefined ? 0 : (again.numRetries ?? 1),
    tryMs: again === undefined ? 0 : context.milliseconds(wait?.maxInterval, base * 10, inWait.field('max_interval')),
  }
}

function byState(config: FilterStateRule, names: ReadonlySet<string>, at: Place): Settings['byState'] {
  const inRequires = at.field('requires')
  const requires = Object.entries(config.requires).flatMap(([value, one]) => {
    const made = requirement(one, names, inRequires.item(value))
    return made ? [[value, made] as const] : []
  })
  return { name: config.name, requires: Object.fromEntries(requires) }
}

function rule(
  config: RequirementRule,
  names: ReadonlySet<string>,
  map: ReadonlySet<string>,
  context: PlanContext,
  at: Place,
): Rule {
  const match = config.match
  const inMatch = at.field('match')
  const type = config.requirementType
  if (type.case === 'requirementName' && !map.has(type.value))
    at.field('requirement_name').error(
      `Wrong requirement_name: ${type.value}. It should be one of [${[...map].join(', ')}]`,
    )
  const path = pathOf(match)
  return {
    path,
    tool: path === undefined && match ? toolText({ match: context.routeMatch(match, inMatch) }) : '',
    isCaseSensitive: match?.caseSensitive ?? true,
    requires: type.case === 'requires' ? requirement(type.value, names, at.field('requires')) : undefined,
    requirementName: type.case === 'requirementName' ? type.value : '',
  }
}

/** Undefined: the rule asks for more than a path that can be compared at once. */
function pathOf(match: RouteMatch | undefined): Rule['path'] {
  const others =
    match?.runtimeFraction ??
    match?.grpc ??
    match?.tlsContext ??
    [match?.headers, match?.queryParameters, match?.cookies].find(list => list !== undefined && list.length > 0)
  if (others !== undefined) return undefined
  const specifier = match?.pathSpecifier
  switch (specifier?.case) {
    case 'prefix':
      return { kind: 'prefix', text: specifier.value }
    case 'path':
      return { kind: 'exact', text: specifier.value }
    case 'pathSeparatedPrefix':
      return { kind: 'separated-prefix', text: specifier.value }
    case 'connectMatcher':
      return { kind: 'connect', text: '' }
    default:
      return undefined
  }
}

function requirement(config: JwtRequirement, names: ReadonlySet<string>, at: Place): Requirement | undefined {
  const { requiresType: type } = config
  const known = (name: string): string => {
    if (!names.has(name)) at.error(`Required provider ['${name}'] is not configured.`)
    return name
  }
  const list = (requirements: readonly JwtRequirement[]): Requirement[] =>
    requirements.flatMap((one, index) => requirement(one, names, at.item(index)) ?? [])
  switch (type.case) {
    case 'providerName':
      return { kind: 'provider', provider: known(type.value) }
    case 'providerAndAudiences':
      return { kind: 'provider', provider: known(type.value.providerName), audiences: [...type.value.audiences] }
    case 'requiresAny':
      return { kind: 'any', of: list(type.value.requirements) }
    case 'requiresAll':
      return { kind: 'all', of: list(type.value.requirements) }
    case 'allowMissing':
      return { kind: 'allow-missing' }
    case 'allowMissingOrFailed':
      return { kind: 'allow-missing-or-failed' }
    case 'extractOnlyWithoutValidation':
      return { kind: 'extract', header: (type.value.verificationStatusHeader || defaultStatusHeader).toLowerCase() }
    default:
      return undefined
  }
}

export default [jwtAuthn]
