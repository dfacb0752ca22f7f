import type { Any } from '@bufbuild/protobuf/wkt'
import type { Message } from '@bufbuild/protobuf'
import type { Place, Unpacked } from '../api/plan-context.js'
import { RouteMatch_Path } from '../generated/plan_pb.js'
import type { DataSource, HeaderValueOption } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import type { SubstitutionFormatString } from '../generated/protos/envoy/config/core/v3/substitution_format_string_pb.js'
import {
  type DirectResponseAction,
  type RedirectAction,
  RedirectAction_RedirectResponseCode as RedirectCode,
  type Route,
  type RouteList,
  type RouteMatch,
  type VirtualHost,
} from '../generated/protos/envoy/config/route/v3/route_components_pb.js'
import type { UriTemplateMatchConfig } from '../generated/protos/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js'
import { isMessage } from '../config/index.js'
import type { RouteConfiguration } from '../generated/protos/envoy/config/route/v3/route_pb.js'
import { type FormatParser, headerMutations } from './header-mutation.js'
import type {
  BodyFormatInit,
  DirectResponseInit,
  ExtensionInit,
  HeaderMutationInit,
  RedirectInit,
  RouteInit,
  RouteMatchInit,
  RouteTableInit,
  VirtualHostInit,
} from './init.js'
import {
  cookieMatcher,
  headerMatchers,
  queryMatcher,
  type RegexCheck,
  regexMatcher,
  regexRewrite,
  runtimeFraction,
} from './matcher.js'
import { rateLimits } from './rate-limits.js'
import { matchTree } from './match-tree.js'
import { retryPolicy } from './retry-policy.js'
import { clusterAction, mirrorPolicies } from './route-action.js'
import { checkUriTemplate } from './uri-template.js'
import { routeTracing, type TracingTools } from './tracing.js'
import { metadataJson } from './values.js'

const defaultBodyLimit = 4096

/** What a route table needs from the rest of the compilation. */
export interface RouteTools extends Pick<TracingTools, 'customTags'> {
  readonly checkRegex: RegexCheck
  readonly format: FormatParser
  /** --service-cluster, or the bootstrap's node. */
  readonly nodeCluster: string
  readonly formatsValues: boolean
  clusterSlot(name: string, at: Place): number
  unpack(any: Any, at: Place): Unpacked | undefined
  /** Reports what is not carried out in a message that the field walk has not come to. */
  walk(message: Message, at: Place): void
  bodyFormat(format: SubstitutionFormatString, at: Place): BodyFormatInit | undefined
  dataSource(source: DataSource | undefined, at: Place): Uint8Array | undefined
  perFilter(name: string, config: Any, at: Place): ExtensionInit | undefined
}

interface Mutated {
  readonly requestHeadersToAdd: readonly HeaderValueOption[]
  readonly requestHeadersToRemove: readonly string[]
  readonly responseHeadersToAdd: readonly HeaderValueOption[]
  readonly responseHeadersToRemove: readonly string[]
}

const requestFields = { add: 'request_headers_to_add', remove: 'request_headers_to_remove' }
const responseFields = { add: 'response_headers_to_add', remove: 'response_headers_to_remove' }

export function levelMutations(
  level: Mutated,
  at: Place,
  tools: RouteTools,
): { requestMutations: HeaderMutationInit[]; responseMutations: HeaderMutationInit[] } {
  return {
    requestMutations: headerMutations(
      { add: level.requestHeadersToAdd, remove: level.requestHeadersToRemove, fields: requestFields },
      at,
      tools.format,
    ),
    responseMutations: headerMutations(
      { add: level.responseHeadersToAdd, remove: level.responseHeadersToRemove, fields: responseFields },
      at,
      tools.format,
    ),
  }
}

export function perFilterConfig(configs: Readonly<Record<string, Any>>, at: Place, tools: RouteTools): ExtensionInit[] {
  const inConfigs = at.field('typed_per_filter_config')
  return Object.entries(configs)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, config]) => tools.perFilter(name, config, inConfigs.item(name)) ?? [])
}

export function routeTable(config: RouteConfiguration, at: Place, tools: RouteTools): RouteTableInit {
  checkDomains(config, at.field('virtual_hosts'))
  const bodyLimit = config.maxDirectResponseBodySizeBytes ?? defaultBodyLimit
  return {
    name: config.name,
    virtualHosts: config.virtualHosts.map((host, index) =>
      virtualHost(host, at.field('virtual_hosts').item(index), tools, bodyLimit),
    ),
    ...levelMutations(config, at, tools),
    mostSpecificMutationsWin: config.mostSpecificHeaderMutationsWins,
    internalOnlyHeaders: config.internalOnlyHeaders.map(name => name.toLowerCase()),
    virtualHostDiscovery: config.vhds !== undefined,
    ignorePortInHost: config.ignorePortInHostMatching,
    ignorePathParameters: config.ignorePathParametersInPathMatching,
    vhostHeader: config.vhostHeader.toLowerCase(),
    mirrors: mirrorPolicies(config.requestMirrorPolicies, at.field('request_mirror_policies'), tools),
    perFilterConfig: perFilterConfig(config.typedPerFilterConfig, at, tools),
  }
}

function checkDomains(config: RouteConfiguration, at: Place): void {
  const domains = new Set<string>()
  for (const [index, host] of config.virtualHosts.entries()) {
    for (const [position, domain] of host.domains.entries()) {
      const key = domain.toLowerCase()
      const place = at.item(index).field('domains').item(position)
      if (domains.has(key)) {
        place.error(
          key === '*'
            ? `Only a single wildcard domain is permitted in route ${config.name}`
            : `Only unique values for domains are permitted. Duplicate entry of domain ${key} in route ${config.name}`,
        )
      }
      domains.add(key)
    }
  }
}

function virtualHost(host: VirtualHost, at: Place, tools: RouteTools, bodyLimit: number): VirtualHostInit {
  return {
    name: host.name,
    domains: host.domains.map(domain => domain.toLowerCase()),
    ...routesOf(host, at, tools, bodyLimit),
    requireTls: host.requireTls,
    ...levelMutations(host, at, tools),
    includeAttemptCount: host.includeRequestAttemptCount,
    includeAttemptCountInResponse: host.includeAttemptCountInResponse,
    includeIsTimeoutRetryHeader: host.includeIsTimeoutRetryHeader,
    ...(host.retryPolicy && { retryPolicy: retryPolicy(host.retryPolicy, at.field('retry_policy'), tools) }),
    virtualClusters: host.virtualClusters.map((cluster, index) => ({
      name: cluster.name,
      headers: headerMatchers(
        cluster.headers,
        at.field('virtual_clusters').item(index).field('headers'),
        tools.checkRegex,
      ),
    })),
    ...bufferLimit(host),
    mirrors: mirrorPolicies(host.requestMirrorPolicies, at.field('request_mirror_policies'), tools),
    perFilterConfig: perFilterConfig(host.typedPerFilterConfig, at, tools),
    metadataJson: metadataJson(host.metadata),
    rateLimits: rateLimits(host.rateLimits, at.field('rate_limits'), tools),
  }
}

/** In order; or found by a matcher tree, then each action has a list of its own. */
function routesOf(
  host: VirtualHost,
  at: Place,
  tools: RouteTools,
  bodyLimit: number,
): Pick<VirtualHostInit, 'routes' | 'matcher' | 'matched'> {
  const routes = host.routes.map((route, index) => routeEntry(route, at.field('routes').item(index), tools, bodyLimit))
  if (!host.matcher) return { routes }
  if (routes.length > 0) at.error('cannot set both matcher and routes on virtual host')
  const matched: { routes: number[] }[] = []
  const add = (entries: readonly Route[], place: (index: number) => Place): number => {
    const places = entries.map((route, index) => {
      tools.walk(route, place(index))
      return routes.push(routeEntry(route, place(index), tools, bodyLimit)) - 1
    })
    return matched.push({ routes: places }) - 1
  }
  const matcher = matchTree(host.matcher, at.field('matcher'), {
    ...tools,
    action: ({ message, typeName }, place) => {
      if (isMessage<Route>(message, 'envoy.config.route.v3.Route')) return add([message], () => place)
      if (isMessage<RouteList>(message, 'envoy.config.route.v3.RouteList'))
        return add(message.routes, index => place.field('routes').item(index))
      place.error(`Didn't find a registered implementation for an action with type URL: '${typeName}'`)
      return undefined
    },
    refusesInput: typeName =>
      routeInputs.has(typeName)
        ? undefined
        : `requirement violation while creating route match tree: INVALID_ARGUMENT: Route table can only match on request headers, saw type.googleapis.com/${typeName}`,
  })
  return { routes, matcher, matched }
}

const routeInputs: ReadonlySet<string> = new Set([
  'envoy.type.matcher.v3.HttpRequestHeaderMatchInput',
  'envoy.extensions.matching.common_inputs.network.v3.FilterStateInput',
])

function routeEntry(route: Route, at: Place, tools: RouteTools, bodyLimit: number): RouteInit {
  const { action } = route
  const { requestMutations, responseMutations } = levelMutations(route, at, tools)
  // No spreading here: see clusterAction.
  const plan: RouteInit = {
    requestMutations,
    responseMutations,
    name: route.name,
    statPrefix: route.statPrefix,
    nonForwarding: action.case === 'nonForwardingAction',
    perFilterConfig: perFilterConfig(route.typedPerFilterConfig, at, tools),
    metadataJson: metadataJson(route.metadata),
  }
  if (route.tracing || route.decorator) Object.assign(plan, routeTracing(route, at, tools))
  if (route.match) plan.match = routeMatch(route.match, at.field('match'), tools)
  if (action.case === 'route') plan.cluster = clusterAction(action.value, at.field('route'), tools, route.match)
  else if (action.case === 'redirect') plan.redirect = redirectAction(action.value, at.field('redirect'), tools)
  else if (action.case === 'directResponse')
    plan.direct = directResponse(action.value, at.field('direct_response'), tools, bodyLimit)
  const limit = route.requestBodyBufferLimit ?? route.perRequestBufferLimitBytes
  if (limit !== undefined) plan.requestBodyBufferLimit = BigInt(limit)
  return plan
}

interface Buffered {
  readonly perRequestBufferLimitBytes?: number | undefined
  readonly requestBodyBufferLimit?: bigint | undefined
}

function bufferLimit(level: Buffered): { requestBodyBufferLimit?: bigint } {
  const limit = level.requestBodyBufferLimit ?? level.perRequestBufferLimitBytes
  return limit === undefined ? {} : { requestBodyBufferLimit: BigInt(limit) }
}

type MatchTools = Pick<RouteTools, 'checkRegex' | 'unpack'>

export function routeMatch(match: RouteMatch, at: Place, tools: MatchTools): RouteMatchInit {
  const { path, value } = pathOf(match, at, tools)
  const plan: RouteMatchInit = {
    path,
    value,
    caseSensitive: match.caseSensitive ?? true,
    headers: headerMatchers(match.headers, at.field('headers'), tools.checkRegex),
    queryParameters: match.queryParameters.map((matcher, index) =>
      queryMatcher(matcher, at.field('query_parameters').item(index), tools.checkRegex),
    ),
    cookies: match.cookies.map((matcher, index) =>
      cookieMatcher(matcher, at.field('cookies').item(index), tools.checkRegex),
    ),
    grpc: match.grpc !== undefined,
    tlsPresented: match.tlsContext?.presented,
    tlsValidated: match.tlsContext?.validated,
  }
  if (match.runtimeFraction) plan.runtimeFraction = runtimeFraction(match.runtimeFraction)
  return plan
}

interface PathMatch {
  readonly path: RouteMatch_Path
  readonly value: string
}

function pathOf(match: RouteMatch, at: Place, tools: MatchTools): PathMatch {
  const spec = match.pathSpecifier
  switch (spec.case) {
    case 'path':
      return { path: RouteMatch_Path.EXACT, value: spec.value }
    case 'pathSeparatedPrefix':
      return { path: RouteMatch_Path.PATH_SEPARATED_PREFIX, value: spec.value }
    case 'connectMatcher':
      return { path: RouteMatch_Path.CONNECT, value: '' }
    case 'pathMatchPolicy': {
      const place = at.field('path_match_policy').field('typed_config')
      const template = uriTemplateOf(match, tools, place)
      if (template !== undefined) checkUriTemplate(template, place)
      return { path: RouteMatch_Path.TEMPLATE, value: template ?? '/' }
    }
    case 'safeRegex': {
      const { value = '' } = regexMatcher(spec.value, at.field('safe_regex'), tools.checkRegex)
      return { path: RouteMatch_Path.REGEX, value }
    }
    default:
      return { path: RouteMatch_Path.PREFIX, value: spec.case === 'prefix' ? spec.value : '' }
  }
}

/** The URI template a route matches by; undefined when it does not, or by another extension. */
export function uriTemplateOf(
  match: RouteMatch | undefined,
  tools: Pick<RouteTools, 'unpack'>,
  at: Place,
): string | undefined {
  const spec = match?.pathSpecifier
  const any = spec?.case === 'pathMatchPolicy' ? spec.value.typedConfig : undefined
  const unpacked = any && tools.unpack(any, at)
  const isTemplate =
    unpacked &&
    isMessage<UriTemplateMatchConfig>(
      unpacked.message,
      'envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig',
    )
  return isTemplate ? unpacked.message.pathTemplate : undefined
}

const redirectCodes: Readonly<Record<RedirectCode, number>> = {
  [RedirectCode.MOVED_PERMANENTLY]: 301,
  [RedirectCode.FOUND]: 302,
  [RedirectCode.SEE_OTHER]: 303,
  [RedirectCode.TEMPORARY_REDIRECT]: 307,
  [RedirectCode.PERMANENT_REDIRECT]: 308,
}

function redirectAction(action: RedirectAction, at: Place, tools: RouteTools): RedirectInit {
  const { schemeRewriteSpecifier: scheme, pathRewriteSpecifier: path } = action
  return {
    ...(scheme.case === 'schemeRedirect' && { scheme: scheme.value }),
    ...(scheme.case === 'httpsRedirect' && { https: scheme.value }),
    host: action.hostRedirect,
    port: action.portRedirect,
    ...(path.case === 'pathRedirect' && { path: path.value }),
    ...(path.case === 'pathRewrite' && { pathFormat: tools.format(path.value, at.field('path_rewrite')) }),
    ...(path.case === 'prefixRewrite' && { prefixRewrite: path.value }),
    ...(path.case === 'regexRewrite' && {
      regexRewrite: regexRewrite(path.value, at.field('regex_rewrite'), tools.checkRegex),
    }),
    code: redirectCodes[action.responseCode] ?? 301,
    stripQuery: action.stripQuery,
  }
}

function directResponse(
  action: DirectResponseAction,
  at: Place,
  tools: RouteTools,
  bodyLimit: number,
): DirectResponseInit {
  const body = tools.dataSource(action.body, at.field('body')) ?? new Uint8Array()
  if (body.length > bodyLimit)
    at.field('body').error(`response body size is ${body.length} bytes; maximum is ${bodyLimit}`)
  const bodyFormat = action.bodyFormat && tools.bodyFormat(action.bodyFormat, at.field('body_format'))
  return { status: action.status, body, ...(bodyFormat && { bodyFormat }) }
}
