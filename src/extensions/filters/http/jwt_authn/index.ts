import type { JsonObject } from '@bufbuild/protobuf'
import { later, whole } from '../../../../api/field-policy.js'
import type { Place, PlanContext } from '../../../../api/plan-context.js'
import { defineTypeScriptFilter } from '../../../../api/typescript-filter.js'
import type {
  JwtAuthentication,
  JwtProvider,
  JwtRequirement,
  PerRouteConfig,
  RemoteJwks,
  RequirementRule,
} from '../../../../generated/protos/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js'
import type {
  Provider,
  RemoteKeySettings,
  Requirement,
  RouteSettings,
  Rule,
  Settings,
  SubjectRule,
} from './settings.js'
import { KeySet } from './token.js'

const schema = 'envoy.extensions.filters.http.jwt_authn.v3'
const defaultTimeout = 10_000
const defaultKeep = 600_000
const defaultRefetch = 1_000

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
      ...later('filter_state_rules', 'rules by filter state'),
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
      rule(value, names, new Set(Object.keys(config.requirementMap)), context.field('rules').item(index)),
    ),
    requirements: Object.fromEntries(requirements.flatMap(([name, value]) => (value ? [[name, value]] : []))),
    bypassesPreflight: config.bypassCorsPreflight,
    stripsFailure: config.stripFailureResponse,
  }
}

function provider(name: string, config: JwtProvider, context: PlanContext, at: Place): Provider {
  refuse(config, at)
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
    clockSkewS: config.clockSkewSeconds || 60,
    claimHeaders: config.claimToHeaders.map(({ headerName, claimName, claimPath }) => ({
      header: headerName.toLowerCase(),
      path: claimPath.length > 0 ? claimPath.map(({ key }) => key) : claimName.split('.'),
    })),
    clearsRoute: config.clearRouteCache,
    remote: source.case === 'remoteJwks' ? remoteKeys(source.value, context, at.field('remote_jwks')) : undefined,
    subject: subjectOf(config, at.field('subjects')),
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

function subjectOf({ subjects }: JwtProvider, at: Place): SubjectRule | undefined {
  if (subjects === undefined) return undefined
  const { matchPattern: pattern, ignoreCase } = subjects
  switch (pattern.case) {
    case 'exact':
    case 'prefix':
    case 'suffix':
    case 'contains':
      return { kind: pattern.case, text: pattern.value, ignoresCase: ignoreCase }
    default:
      at.unsupported('subjects by regular expression')
      return undefined
  }
}

/** What changes who may pass and is not carried out yet. */
function refuse(config: JwtProvider, at: Place): void {
  if (config.failedStatusInMetadata !== '') at.field('failed_status_in_metadata').unsupported('failures in metadata')
}

function rule(config: RequirementRule, names: ReadonlySet<string>, map: ReadonlySet<string>, at: Place): Rule {
  const match = config.match
  const inMatch = at.field('match')
  const type = config.requirementType
  if (type.case === 'requirementName' && !map.has(type.value))
    at.field('requirement_name').error(
      `Wrong requirement_name: ${type.value}. It should be one of [${[...map].join(', ')}]`,
    )
  const others = ['headers', 'queryParameters', 'dynamicMetadata', 'cookies', 'filterState'] as const
  if (
    others.some(name => (match as unknown as Record<string, readonly unknown[] | undefined>)[name]?.length) ||
    match?.grpc ||
    match?.tlsContext
  )
    inMatch.unsupported('rules that ask for more than the path')
  return {
    path: pathOf(match?.pathSpecifier, inMatch),
    isCaseSensitive: match?.caseSensitive ?? true,
    requires: type.case === 'requires' ? requirement(type.value, names, at.field('requires')) : undefined,
    requirementName: type.case === 'requirementName' ? type.value : '',
  }
}

function pathOf(
  specifier: NonNullable<RequirementRule['match']>['pathSpecifier'] | undefined,
  at: Place,
): Rule['path'] {
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
      at.unsupported('rules by regular expression or template')
      return { kind: 'prefix', text: '/' }
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
      at.unsupported('tokens that are not checked')
      return undefined
    default:
      return undefined
  }
}

export default [jwtAuthn]
