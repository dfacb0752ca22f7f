import type { GrpcService, GrpcService_GoogleGrpc } from '../generated/protos/envoy/config/core/v3/grpc_service_pb.js'
import {
  type ApiConfigSource,
  ApiConfigSource_ApiType,
  ApiVersion,
  type ConfigSource,
} from '../generated/protos/envoy/config/core/v3/config_source_pb.js'
import { typeNameOf } from '../config/type-url.js'
import { type Dialect, methodOf, restPathOf } from './methods.js'
import { type ResourceType, resourceTypes } from './types.js'
import { durationMs } from './wire.js'
import { parseUrn } from './xdstp.js'

const { REST, GRPC, DELTA_GRPC, AGGREGATED_GRPC, AGGREGATED_DELTA_GRPC } = ApiConfigSource_ApiType
const defaultFetchTimeoutMs = 15_000
const defaultRequestTimeoutMs = 1000
const defaultBaseMs = 500
const defaultMaxMs = 30_000
const growth = 10

/** 0: no time limit. */
export function fetchTimeoutMs({ initialFetchTimeout }: ConfigSource): number {
  return initialFetchTimeout === undefined ? defaultFetchTimeoutMs : durationMs(initialFetchTimeout)
}

export const refreshDelayMs = ({ refreshDelay }: ApiConfigSource): number =>
  Math.max(1, refreshDelay === undefined ? 0 : durationMs(refreshDelay))

export const requestTimeoutMs = ({ requestTimeout }: ApiConfigSource): number =>
  requestTimeout === undefined ? defaultRequestTimeoutMs : durationMs(requestTimeout)

export function dialectOf({ apiType }: ApiConfigSource): Dialect {
  return apiType === DELTA_GRPC || apiType === AGGREGATED_DELTA_GRPC ? 'delta' : 'stateOfTheWorld'
}

/** The bounds of delays between attempts to open a stream. */
export function retryBounds({ grpcServices }: ApiConfigSource): { readonly baseMs: number; readonly maxMs: number } {
  const target = grpcServices[0]?.targetSpecifier
  const bounds = target?.case === 'envoyGrpc' ? target.value.retryPolicy?.retryBackOff : undefined
  if (bounds?.baseInterval === undefined) return { baseMs: defaultBaseMs, maxMs: defaultMaxMs }
  const baseMs = Math.max(1, durationMs(bounds.baseInterval))
  return { baseMs, maxMs: bounds.maxInterval === undefined ? baseMs * growth : durationMs(bounds.maxInterval) }
}

export interface ConfigSourceFacts {
  /** Static clusters that are there before anything is asked for: all but those whose endpoints come from a control plane. */
  readonly primaryClusters: ReadonlySet<string>
  /** dynamic_resources.ads_config is there. */
  readonly hasAds: boolean
  /** The node has an id and a cluster. */
  readonly nodeIsNamed: boolean
  exists(path: string): boolean
}

const messageName = 'envoy.config.core.v3.ApiConfigSource'

/**
 * Why a subscription to this source cannot be made, in Envoy's words; undefined: it can. `collection`: the name in xdstp form that is asked
 * for instead of names.
 */
export function checkConfigSource(
  source: ConfigSource,
  type: ResourceType,
  facts: ConfigSourceFacts,
  collection?: string,
): string | undefined {
  const { configSourceSpecifier: specifier } = source
  if (!facts.nodeIsNamed) return noNode(resourceTypes[type])
  if (collection !== undefined) {
    const typeName = typeNameOf(resourceTypes[type])
    if (parseUrn(collection)?.type !== typeName) return `xdstp:// type does not match ${typeName} in ${collection}`
  }
  switch (specifier.case) {
    case 'path':
      return checkPath({ path: specifier.value }, facts)
    case 'pathConfigSource':
      return checkPath(specifier.value, facts)
    case 'ads':
      return facts.hasAds ? undefined : 'ADS must be configured to support an ADS config source'
    case 'apiConfigSource':
      return checkApiConfigSource(specifier.value, type, facts, collection !== undefined)
    default:
      return 'Missing config source specifier in envoy::config::core::v3::ConfigSource'
  }
}

/** Why dynamic_resources.ads_config cannot be. */
export function checkAdsConfig(api: ApiConfigSource, facts: ConfigSourceFacts): string | undefined {
  if (!facts.nodeIsNamed) return noNode('ads')
  if (api.apiType !== GRPC && api.apiType !== DELTA_GRPC) return `${messageName} type must be of non-aggregated gRPC`
  return checkShared(api, facts)
}

/** Why one of Bootstrap.config_sources, or default_config_source, cannot be. */
export function checkAuthority(source: ConfigSource, facts: ConfigSourceFacts, isDefault: boolean): string | undefined {
  const { configSourceSpecifier: specifier, authorities } = source
  if (specifier.case !== 'apiConfigSource')
    return 'Only api_config_source type is currently supported for xdstp-based config sources.'
  if (!isDefault && authorities.length === 0)
    return 'xdstp-based non-default config source must have at least one authority.'
  const names = authorities.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined)
    return `xdstp-based config source authority ${twice} is configured more than once in an xdstp-based config source.`
  if (!isAggregated(specifier.value))
    return 'xdstp-based config source authority only supports AGGREGATED_GRPC and AGGREGATED_DELTA_GRPC types.'
  return facts.nodeIsNamed ? checkShared(specifier.value, facts) : noNode('ads')
}

const noNode = (what: string): string =>
  `${what}: node 'id' and 'cluster' are required. Set it either in 'node' config or via --service-node and --service-cluster options.`

function checkPath(
  {
    path,
    watchedDirectory,
  }: { readonly path: string; readonly watchedDirectory?: { readonly path: string } | undefined },
  { exists }: ConfigSourceFacts,
): string | undefined {
  if (!exists(path)) return `paths must refer to an existing path in the system: '${path}' does not exist`
  if (watchedDirectory === undefined || exists(watchedDirectory.path)) return undefined
  return `unable to add filesystem watch for file ${watchedDirectory.path}/: No such file or directory`
}

function checkApiConfigSource(
  api: ApiConfigSource,
  type: ResourceType,
  facts: ConfigSourceFacts,
  isCollection: boolean,
): string | undefined {
  if (isAggregated(api) && !isCollection) return `Unsupported config source ${ApiConfigSource_ApiType[api.apiType]}`
  if (isCollection && (api.apiType === GRPC || api.apiType === REST)) return 'Unknown xdstp:// transport API type'
  const wrong = checkNames(api) ?? checkVersion(api) ?? checkService(api)
  if (wrong !== undefined) return wrong
  const cluster = clusterOf(api)
  if (cluster !== undefined && !facts.primaryClusters.has(cluster))
    return `${messageName} must have a statically defined non-EDS cluster: '${cluster}' does not exist, was added via api, or is an EDS cluster`
  if (isAggregated(api)) return facts.hasAds ? undefined : 'ADS must be configured to support an ADS config source'
  if (api.apiType === REST) {
    if (restPathOf(type) === undefined) return noMethod('REST', type)
    return api.refreshDelay === undefined ? 'refresh_delay is required for REST API configuration sources' : undefined
  }
  return methodOf(type, dialectOf(api)) === undefined ? noMethod('gRPC', type) : undefined
}

function checkShared(api: ApiConfigSource, { primaryClusters }: ConfigSourceFacts): string | undefined {
  const wrong = checkNames(api) ?? checkVersion(api) ?? checkService(api)
  if (wrong !== undefined) return wrong
  const cluster = clusterOf(api)
  return cluster === undefined || primaryClusters.has(cluster) ? undefined : `Unknown gRPC client cluster '${cluster}'`
}

const noMethod = (kind: string, type: ResourceType): string =>
  `there is no ${kind} service of that kind for ${resourceTypes[type]}`

const isAggregated = ({ apiType }: ApiConfigSource): boolean =>
  apiType === AGGREGATED_GRPC || apiType === AGGREGATED_DELTA_GRPC

function clusterOf({ apiType, clusterNames, grpcServices }: ApiConfigSource): string | undefined {
  if (apiType === REST) return clusterNames[0]
  const target = grpcServices[0]?.targetSpecifier
  return target?.case === 'envoyGrpc' ? target.value.clusterName : undefined
}

function checkNames(api: ApiConfigSource): string | undefined {
  const { apiType, clusterNames, grpcServices } = api
  if (clusterNames.length === 0 && grpcServices.length === 0)
    return 'API configs must have either a gRPC service or a cluster name defined'
  if (apiType === GRPC || apiType === DELTA_GRPC || isAggregated(api)) {
    const kind = `${messageName}::(AGGREGATED_)(DELTA_)GRPC`
    if (clusterNames.length > 0) return `${kind} must not have a cluster name specified`
    return grpcServices.length > 1 ? `${kind} must have no more than 1 gRPC services specified` : undefined
  }
  if (grpcServices.length > 0) return `${messageName}, if not a gRPC type, must not have a gRPC service specified`
  return clusterNames.length === 1 ? undefined : `${messageName} must have a singleton cluster name specified`
}

// Unset counts as version 3.
function checkVersion({ transportApiVersion }: ApiConfigSource): string | undefined {
  if (transportApiVersion !== ApiVersion.V2) return undefined
  return `V2 xDS transport protocol version is deprecated in ${messageName}`
}

function checkService(api: ApiConfigSource): string | undefined {
  const [service] = api.grpcServices
  if (service === undefined) return undefined
  const { baseMs, maxMs } = retryBounds(api)
  if (maxMs < baseMs) return 'max_interval must be greater than or equal to the base_interval'
  if (service.initialMetadata.some(({ key }) => key.startsWith(':') || key.toLowerCase() === 'host'))
    return ':-prefixed or host headers may not be modified'
  const { targetSpecifier: target } = service
  return target.case === 'googleGrpc' ? checkGoogle(target.value) : undefined
}

/** Credentials that take Google's own libraries and services are not for this proxy. */
function checkGoogle(google: GrpcService_GoogleGrpc): string | undefined {
  const channel = google.channelCredentials?.credentialSpecifier.case
  if (channel === 'googleDefault') return 'google_grpc channel_credentials google_default is not carried out'
  if (google.channelCredentialsPlugin.length > 0) return 'google_grpc channel_credentials_plugin is not carried out'
  if (google.callCredentialsPlugin.length > 0) return 'google_grpc call_credentials_plugin is not carried out'
  if (google.credentialsFactoryName !== '')
    return `google_grpc credentials_factory_name ${google.credentialsFactoryName} is not carried out`
  for (const { credentialSpecifier: call } of google.callCredentials)
    if (call.case !== undefined && !carriedCallCredentials.has(call.case))
      return `google_grpc call_credentials ${call.case} is not carried out`
  return undefined
}

const carriedCallCredentials: ReadonlySet<string> = new Set(['accessToken', 'googleIam'])

/** The one gRPC service of a source; checkConfigSource has seen to it that there is one. */
export function grpcServiceOf({ grpcServices }: ApiConfigSource): GrpcService {
  return grpcServices[0] as GrpcService
}
