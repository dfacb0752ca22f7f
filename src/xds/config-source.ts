import type { GrpcService, GrpcService_GoogleGrpc } from '../generated/protos/envoy/config/core/v3/grpc_service_pb.js'
import {
  type ApiConfigSource,
  ApiConfigSource_ApiType,
  ApiVersion,
  type ConfigSource,
} from '../generated/protos/envoy/config/core/v3/config_source_pb.js'
import type { Dialect } from './methods.js'
import { methodOf, restPathOf } from './methods.js'
import { type ResourceType, resourceTypes } from './types.js'
import { durationMs } from './wire.js'

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
  readonly type: ResourceType
  /** Static clusters whose members do not come from discovery. */
  readonly primaryClusters: ReadonlySet<string>
  /** dynamic_resources.ads_config is there. */
  readonly hasAds: boolean
  readonly nodeIsNamed: boolean
  exists(path: string): boolean
}

/** Why a subscription to this source cannot be made, in Envoy's words; undefined: it can. */
export function checkConfigSource(source: ConfigSource, facts: ConfigSourceFacts): string | undefined {
  const { configSourceSpecifier: specifier } = source
  if (!facts.nodeIsNamed && specifier.case !== 'path' && specifier.case !== 'pathConfigSource')
    return noNode(facts.type)
  switch (specifier.case) {
    case 'path':
      return checkPath(specifier.value, facts)
    case 'pathConfigSource':
      return checkPath(specifier.value.path, facts)
    case 'ads':
      return facts.hasAds ? undefined : 'ads config source is used without dynamic_resources.ads_config'
    case 'apiConfigSource':
      return checkApiConfigSource(specifier.value, facts)
    default:
      return 'Missing config source specifier in envoy::config::core::v3::ConfigSource'
  }
}

/** dynamic_resources.ads_config, or one of config_sources. */
export function checkSharedSource(api: ApiConfigSource, facts: Omit<ConfigSourceFacts, 'type'>): string | undefined {
  if (!facts.nodeIsNamed) return noNode('ads')
  return checkNames(api) ?? checkVersion(api) ?? checkServices(api, facts.primaryClusters)
}

const noNode = (what: string): string =>
  `${what in resourceTypes ? resourceTypes[what as ResourceType] : what}: node 'id' and 'cluster' are required. Set it either in 'node' config or via --service-node and --service-cluster options.`

function checkPath(path: string, { exists }: ConfigSourceFacts): string | undefined {
  return exists(path) ? undefined : `paths must refer to an existing path in the system: '${path}' does not exist`
}

function checkApiConfigSource(api: ApiConfigSource, facts: ConfigSourceFacts): string | undefined {
  if (api.apiType === AGGREGATED_GRPC || api.apiType === AGGREGATED_DELTA_GRPC)
    return `Unsupported config source ${ApiConfigSource_ApiType[api.apiType]}`
  const wrong = checkNames(api) ?? checkVersion(api) ?? checkServices(api, facts.primaryClusters)
  if (wrong !== undefined) return wrong
  if (api.apiType === REST) {
    if (restPathOf(facts.type) === undefined) return noMethod('REST', facts.type)
    return api.refreshDelay === undefined ? 'refresh_delay is required for REST API configuration sources' : undefined
  }
  return methodOf(facts.type, dialectOf(api)) === undefined ? noMethod('gRPC', facts.type) : undefined
}

const noMethod = (kind: string, type: ResourceType): string =>
  `there is no ${kind} service of that kind for ${resourceTypes[type]}`

const isGrpc = ({ apiType }: ApiConfigSource): boolean =>
  [GRPC, DELTA_GRPC, AGGREGATED_GRPC, AGGREGATED_DELTA_GRPC].includes(apiType)

const messageName = 'envoy.config.core.v3.ApiConfigSource'

function checkNames(api: ApiConfigSource): string | undefined {
  const { clusterNames, grpcServices } = api
  if (clusterNames.length === 0 && grpcServices.length === 0)
    return `API configs must have either a gRPC service or a cluster name defined: ${messageName}`
  if (isGrpc(api)) {
    if (clusterNames.length > 0) return `${messageName}::(DELTA_)GRPC must not have a cluster name specified`
    return grpcServices.length > 1
      ? `${messageName}::(DELTA_)GRPC must have a single gRPC service specified`
      : undefined
  }
  if (grpcServices.length > 0) return `${messageName}, if not a gRPC type, must not have a gRPC service specified`
  return clusterNames.length === 1 ? undefined : `${messageName} must have a singleton cluster name specified`
}

function checkVersion({ transportApiVersion }: ApiConfigSource): string | undefined {
  if (transportApiVersion === ApiVersion.V3) return undefined
  return `V2 .xDS transport protocol version is deprecated in ${messageName}. The v2 xDS major version has been removed and is no longer supported. You may be missing explicit V3 configuration of the transport API version, see the advice in https://www.envoyproxy.io/docs/envoy/latest/faq/api/envoy_v3.`
}

function checkServices(api: ApiConfigSource, primary: ReadonlySet<string>): string | undefined {
  const [service] = api.grpcServices
  const retry = service && checkRetry(api)
  if (retry !== undefined) return retry
  if (service === undefined) return checkCluster(api.clusterNames[0] ?? '', primary)
  const { targetSpecifier: target } = service
  if (target.case === 'envoyGrpc') return checkCluster(target.value.clusterName, primary)
  if (target.case === 'googleGrpc') return checkGoogle(target.value)
  return `the gRPC service of ${messageName} has no target`
}

function checkCluster(name: string, primary: ReadonlySet<string>): string | undefined {
  if (primary.has(name)) return undefined
  return `${messageName} must have a statically defined non-EDS cluster: '${name}' does not exist, was added via api, or is an EDS cluster`
}

function checkRetry(api: ApiConfigSource): string | undefined {
  const { baseMs, maxMs } = retryBounds(api)
  return maxMs < baseMs ? 'max_interval must be greater than or equal to the base_interval' : undefined
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
