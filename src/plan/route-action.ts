import { HashPolicy_Kind } from '../generated/plan_pb.js'
import { type Metadata, RoutingPriority } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import {
  type InternalRedirectPolicy,
  type RouteAction,
  RouteAction_ClusterNotFoundResponseCode as NotFound,
  type RouteAction_HashPolicy,
  RouteAction_InternalRedirectAction,
  type RouteAction_RequestMirrorPolicy,
  type RouteAction_UpgradeConfig,
  type RouteMatch,
  type WeightedCluster,
} from '../generated/protos/envoy/config/route/v3/route_components_pb.js'
import type { TypedExtensionConfig } from '../generated/protos/envoy/config/core/v3/extension_pb.js'
import type { UriTemplateRewriteConfig } from '../generated/protos/envoy/extensions/path/rewrite/uri_template/v3/uri_template_rewrite_pb.js'
import { isMessage } from '../config/index.js'
import type { Place } from '../api/plan-context.js'
import type {
  ClusterActionInit,
  ExtensionInit,
  HashPolicyInit,
  HeaderMutationInit,
  MirrorPolicyInit,
  UpgradeConfigInit,
  WeightedClusterInit,
} from './init.js'
import { headerAddition, headerRemoval } from './header-mutation.js'
import { regexRewrite, runtimeFraction } from './matcher.js'
import { rateLimits } from './rate-limits.js'
import { retryPolicy } from './retry-policy.js'
import type { RouteTools } from './route-table.js'
import { levelMutations, perFilterConfig, uriTemplateOf } from './route-table.js'
import { subsetCriteria } from './subset.js'
import { uriTemplateRewrite } from './uri-template.js'
import { milliseconds } from './values.js'

const defaultTimeout = 15_000
const maxWeightSum = 0xffff_ffff

const notFoundCodes: Readonly<Record<NotFound, number>> = {
  [NotFound.SERVICE_UNAVAILABLE]: 503,
  [NotFound.NOT_FOUND]: 404,
  [NotFound.INTERNAL_SERVER_ERROR]: 500,
}

export function clusterAction(
  action: RouteAction,
  at: Place,
  tools: RouteTools,
  match: RouteMatch | undefined,
): ClusterActionInit {
  const duration = action.maxStreamDuration
  const inDuration = at.field('max_stream_duration')
  // No spreading here: an object literal that begins with one takes V8 thirty times as long, and a table may have many thousands.
  const plan: ClusterActionInit = {
    notFoundCode: notFoundCodes[action.clusterNotFoundResponseCode] ?? 503,
    appendXForwardedHost: action.appendXForwardedHost,
    timeoutMs: milliseconds(action.timeout, defaultTimeout, at.field('timeout')),
    idleTimeoutMs: milliseconds(action.idleTimeout, undefined, at.field('idle_timeout')),
    maxStreamDurationMs: milliseconds(duration?.maxStreamDuration, undefined, inDuration.field('max_stream_duration')),
    grpcTimeoutHeaderMaxMs: milliseconds(
      duration?.grpcTimeoutHeaderMax,
      undefined,
      inDuration.field('grpc_timeout_header_max'),
    ),
    grpcTimeoutHeaderOffsetMs: milliseconds(
      duration?.grpcTimeoutHeaderOffset,
      undefined,
      inDuration.field('grpc_timeout_header_offset'),
    ),
    maxGrpcTimeoutMs: milliseconds(action.maxGrpcTimeout, undefined, at.field('max_grpc_timeout')),
    grpcTimeoutOffsetMs: milliseconds(action.grpcTimeoutOffset, undefined, at.field('grpc_timeout_offset')),
    flushTimeoutMs: milliseconds(action.flushTimeout, undefined, at.field('flush_timeout')),
    highPriority: action.priority === RoutingPriority.HIGH,
    upgrades: upgradeConfigs(action.upgradeConfigs, at.field('upgrade_configs')),
    hashPolicies: action.hashPolicy.map((policy, index) =>
      hashPolicy(policy, at.field('hash_policy').item(index), tools),
    ),
    mirrors: mirrorPolicies(action.requestMirrorPolicies, at.field('request_mirror_policies'), tools),
    rateLimits: rateLimits(action.rateLimits, at.field('rate_limits'), tools),
    includeVhRateLimits: action.includeVhRateLimits ?? false,
  }
  Object.assign(plan, clusterOf(action, at, tools))
  applyRewrites(plan, action, at, tools)
  if (action.pathRewritePolicy) plan.regexRewrite = templateRewrite(action.pathRewritePolicy, match, at, tools)
  if (action.retryPolicy) plan.retryPolicy = retryPolicy(action.retryPolicy, at.field('retry_policy'), tools)
  if (action.metadataMatch) plan.metadataMatch = subsetCriteria(action.metadataMatch)
  const redirect = internalRedirect(action, at, tools)
  if (redirect) plan.internalRedirect = redirect
  return plan
}

function clusterOf(action: RouteAction, at: Place, tools: RouteTools): ClusterActionInit {
  const spec = action.clusterSpecifier
  switch (spec.case) {
    case 'cluster':
      return { name: spec.value, slot: tools.clusterSlot(spec.value, at.field('cluster')) }
    case 'clusterHeader':
      return { clusterHeader: spec.value.toLowerCase() }
    case 'weightedClusters':
      return weightedClusters(spec.value, action.metadataMatch, at.field('weighted_clusters'), tools)
    default:
      return {}
  }
}

function weightedClusters(
  group: WeightedCluster,
  match: Metadata | undefined,
  at: Place,
  tools: RouteTools,
): ClusterActionInit {
  const inClusters = at.field('clusters')
  const weighted = group.clusters.map((cluster, index): WeightedClusterInit => {
    const place = inClusters.item(index)
    if (cluster.name !== '' && cluster.clusterHeader !== '')
      place.error('Only one of name or cluster_header can be specified')
    if (cluster.name === '' && cluster.clusterHeader === '')
      place.error('At least one of name or cluster_header need to be specified')
    if (cluster.weight === undefined) place.error("Field 'weight' is missing")
    return {
      name: cluster.name,
      ...(cluster.name !== '' && { slot: tools.clusterSlot(cluster.name, place.field('name')) }),
      clusterHeader: cluster.clusterHeader.toLowerCase(),
      weight: cluster.weight ?? 0,
      ...levelMutations(cluster, place, tools),
      hostRewrite: cluster.hostRewriteSpecifier.case === 'hostRewriteLiteral' ? cluster.hostRewriteSpecifier.value : '',
      perFilterConfig: perFilterConfig(cluster.typedPerFilterConfig, place, tools),
      metadataMatch: subsetCriteria(match, cluster.metadataMatch),
    }
  })
  const total = weighted.reduce((sum, cluster) => sum + (cluster.weight ?? 0), 0)
  if (total === 0) at.error('Sum of weights in the weighted_cluster must be greater than 0.')
  if (total > maxWeightSum) at.error(`The sum of weights of all weighted clusters exceeds ${maxWeightSum}`)
  return {
    weighted,
    totalWeight: Math.min(total, maxWeightSum),
    weightedRuntimePrefix: group.runtimeKeyPrefix,
    weightedRandomHeader:
      group.randomValueSpecifier.case === 'headerName' ? group.randomValueSpecifier.value.toLowerCase() : '',
  }
}

/** path_rewrite_policy: by the variables of the template that the route matches. */
function templateRewrite(
  policy: TypedExtensionConfig,
  match: RouteMatch | undefined,
  at: Place,
  tools: RouteTools,
): ClusterActionInit['regexRewrite'] {
  const place = at.field('path_rewrite_policy').field('typed_config')
  const unpacked = policy.typedConfig && tools.unpack(policy.typedConfig, place)
  if (
    !unpacked ||
    !isMessage<UriTemplateRewriteConfig>(
      unpacked.message,
      'envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig',
    )
  )
    return undefined
  const template = uriTemplateOf(match, tools, place)
  if (template === undefined) {
    place.error(
      'unable to use envoy.path.rewrite.uri_template.uri_template_rewriter extension without envoy.path.match.uri_template.uri_template_matcher extension',
    )
    return undefined
  }
  return uriTemplateRewrite(template, unpacked.message.pathTemplateRewrite, place)
}

function applyRewrites(plan: ClusterActionInit, action: RouteAction, at: Place, tools: RouteTools): void {
  const paths =
    Number(action.prefixRewrite !== '') +
    Number(action.regexRewrite !== undefined) +
    Number(action.pathRewritePolicy !== undefined) +
    Number(action.pathRewrite !== '')
  if (paths > 1) at.error('Specify only one of prefix_rewrite, regex_rewrite, path_rewrite_policy or path_rewrite')
  plan.prefixRewrite = action.prefixRewrite
  if (action.regexRewrite)
    plan.regexRewrite = regexRewrite(action.regexRewrite, at.field('regex_rewrite'), tools.checkRegex)
  if (action.pathRewrite !== '') plan.pathRewrite = tools.format(action.pathRewrite, at.field('path_rewrite'))
  const host = action.hostRewriteSpecifier
  if (host.case === 'hostRewriteLiteral') plan.hostRewriteLiteral = host.value
  else if (host.case === 'autoHostRewrite') plan.autoHostRewrite = host.value.value
  else if (host.case === 'hostRewriteHeader') plan.hostRewriteHeader = host.value.toLowerCase()
  else if (host.case === 'hostRewritePathRegex')
    plan.hostRewritePathRegex = regexRewrite(host.value, at.field('host_rewrite_path_regex'), tools.checkRegex)
  else if (host.case === 'hostRewrite') plan.hostRewrite = tools.format(host.value, at.field('host_rewrite'))
}

export function upgradeConfigs(configs: readonly RouteAction_UpgradeConfig[], at: Place): UpgradeConfigInit[] {
  const seen = new Set<string>()
  return configs.map((config, index) => {
    const type = config.upgradeType.toLowerCase()
    const place = at.item(index)
    if (seen.has(type)) place.field('upgrade_type').error(`Duplicate upgrade ${config.upgradeType}`)
    seen.add(type)
    if (type === 'connect-udp') place.field('upgrade_type').unsupported('CONNECT-UDP')
    if (config.connectConfig && type !== 'connect' && type !== 'connect-udp') {
      place.field('connect_config').error(`Non-CONNECT upgrade type ${config.upgradeType} has ConnectConfig`)
    }
    return {
      type,
      enabled: config.enabled ?? true,
      connect: config.connectConfig !== undefined,
      connectAllowPost: config.connectConfig?.allowPost ?? false,
    }
  })
}

export function hashPolicy(policy: RouteAction_HashPolicy, at: Place, tools: RouteTools): HashPolicyInit {
  const { terminal, policySpecifier: spec } = policy
  switch (spec.case) {
    case 'header':
      return {
        terminal,
        kind: HashPolicy_Kind.HEADER,
        name: spec.value.headerName.toLowerCase(),
        ...(spec.value.regexRewrite && {
          rewrite: regexRewrite(spec.value.regexRewrite, at.field('header').field('regex_rewrite'), tools.checkRegex),
        }),
      }
    case 'cookie':
      return {
        terminal,
        kind: HashPolicy_Kind.COOKIE,
        name: spec.value.name,
        cookiePath: spec.value.path,
        ...(spec.value.ttl && {
          cookieTtlS: Math.trunc(milliseconds(spec.value.ttl, 0, at.field('cookie').field('ttl')) / 1000),
        }),
        cookieAttributes: spec.value.attributes.map(({ name, value }) => (value === '' ? name : `${name}=${value}`)),
      }
    case 'connectionProperties':
      return { terminal, kind: HashPolicy_Kind.SOURCE_IP }
    case 'queryParameter':
      return { terminal, kind: HashPolicy_Kind.QUERY_PARAMETER, name: spec.value.name }
    case 'filterState':
      return { terminal, kind: HashPolicy_Kind.FILTER_STATE, name: spec.value.key }
    default:
      return {}
  }
}

export function mirrorPolicies(
  policies: readonly RouteAction_RequestMirrorPolicy[],
  at: Place,
  tools: Pick<RouteTools, 'clusterSlot' | 'format'>,
): MirrorPolicyInit[] {
  return policies.map((policy, index) => {
    const place = at.item(index)
    if (policy.cluster !== '' && policy.clusterHeader !== '')
      place.error('Only one of cluster and cluster_header can be specified')
    if (policy.cluster === '' && policy.clusterHeader === '')
      place.error('Exactly one of cluster or cluster_header must be specified')
    return {
      name: policy.cluster,
      ...(policy.cluster !== '' && { slot: tools.clusterSlot(policy.cluster, place.field('cluster')) }),
      clusterHeader: policy.clusterHeader.toLowerCase(),
      // Without a fraction every request is mirrored.
      fraction: policy.runtimeFraction ? runtimeFraction(policy.runtimeFraction) : { ppm: 1_000_000, denominator: 100 },
      keepHost: policy.disableShadowHostSuffixAppend,
      hostRewrite: policy.hostRewriteLiteral,
      requestMutations: mirrorMutations(policy, place.field('request_headers_mutations'), tools),
    }
  })
}

function mirrorMutations(
  policy: RouteAction_RequestMirrorPolicy,
  at: Place,
  tools: Pick<RouteTools, 'format'>,
): HeaderMutationInit[] {
  return policy.requestHeadersMutations.flatMap((mutation, index) => {
    const place = at.item(index)
    if (mutation.action.case === 'remove') return [headerRemoval(mutation.action.value, place.field('remove'))]
    if (mutation.action.case === 'removeOnMatch')
      place.field('remove_on_match').unsupported('removal of headers by a matcher')
    return mutation.action.case === 'append'
      ? [headerAddition(mutation.action.value, place.field('append'), tools.format)]
      : []
  })
}

const redirectCodes: readonly number[] = [301, 302, 303, 307, 308]
const redirectPredicates: Readonly<Record<string, string>> = {
  'envoy.extensions.internal_redirect.previous_routes.v3.PreviousRoutesConfig':
    'envoy.internal_redirect_predicates.previous_routes',
  'envoy.extensions.internal_redirect.allow_listed_routes.v3.AllowListedRoutesConfig':
    'envoy.internal_redirect_predicates.allow_listed_routes',
  'envoy.extensions.internal_redirect.safe_cross_scheme.v3.SafeCrossSchemeConfig':
    'envoy.internal_redirect_predicates.safe_cross_scheme',
}

function predicatesOf(policy: InternalRedirectPolicy, at: Place, tools: RouteTools): ExtensionInit[] {
  return policy.predicates.flatMap(({ name, typedConfig }, index) => {
    const place = at.item(index)
    const typeName = typedConfig && tools.unpack(typedConfig, place.field('typed_config'))?.typeName
    const type = typeName === undefined ? undefined : redirectPredicates[typeName]
    if (type === undefined) {
      if (typedConfig === undefined) place.error(`Didn't find a registered implementation for '${name}'`)
      return []
    }
    // Its message as it is.
    return [{ type, name, plan: typedConfig?.value ?? new Uint8Array() }]
  })
}

function internalRedirect(action: RouteAction, at: Place, tools: RouteTools): ClusterActionInit['internalRedirect'] {
  const policy: InternalRedirectPolicy | undefined = action.internalRedirectPolicy
  if (policy) {
    return {
      maxRedirects: policy.maxInternalRedirects ?? 1,
      codes:
        policy.redirectResponseCodes.length > 0
          ? policy.redirectResponseCodes.filter(code => redirectCodes.includes(code))
          : [302],
      allowCrossScheme: policy.allowCrossSchemeRedirect,
      copyHeaders: policy.responseHeadersToCopy.map(name => name.toLowerCase()),
      predicates: predicatesOf(policy, at.field('internal_redirect_policy').field('predicates'), tools),
    }
  }
  if (action.internalRedirectAction !== RouteAction_InternalRedirectAction.HANDLE_INTERNAL_REDIRECT) return undefined
  return { maxRedirects: action.maxInternalRedirects ?? 1, codes: [302] }
}
