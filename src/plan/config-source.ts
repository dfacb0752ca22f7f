/** Where resources come from, checked as Envoy checks it when it makes a subscription. */
import { type DescMessage, toBinary } from '@bufbuild/protobuf'
import type { Duration } from '@bufbuild/protobuf/wkt'
import type { Place } from '../api/plan-context.js'
import type { Types } from '../config/index.js'
import { typeNameOf } from '../config/type-url.js'
import {
  type ApiConfigSource,
  ApiConfigSource_ApiType as ApiType,
  ApiVersion,
  type ConfigSource,
  type PathConfigSource,
} from '../generated/protos/envoy/config/core/v3/config_source_pb.js'
import type { GrpcService, GrpcService_GoogleGrpc } from '../generated/protos/envoy/config/core/v3/grpc_service_pb.js'
import type { Files } from '../support/files.js'
import { planId } from './ids.js'
import type { DiscoverySource } from './reference.js'

/** What a config source is checked against. */
export interface SourceChecks {
  readonly types: Types
  readonly files: Files
  readonly node: { readonly id: string; readonly cluster: string }
  readonly hasAds: boolean
  /** Whether there is a static cluster of this name that does not itself wait for endpoint discovery. */
  isPrimaryCluster(name: string): boolean
  /** Files that were there when asked for: thousands of clusters may name the same one. */
  readonly knownFiles: Set<string>
}

const typeName = 'envoy.config.core.v3.ConfigSource'
const singleCluster = 'envoy.config.core.v3.ApiConfigSource'
const anyGrpc = `${singleCluster}::(AGGREGATED_)(DELTA_)GRPC`

const isGrpc = (type: ApiType): boolean => type === ApiType.GRPC || type === ApiType.DELTA_GRPC
const isAggregated = (type: ApiType): boolean =>
  type === ApiType.AGGREGATED_GRPC || type === ApiType.AGGREGATED_DELTA_GRPC

/**
 * Checks a source and makes a value of it. Undefined: an error was reported. `typeUrl`: of what is asked for. `locator`: the collection
 * in xdstp form that is asked for in the place of names; may be empty.
 */
export function discoverySource(
  config: ConfigSource | undefined,
  typeUrl: string,
  at: Place,
  checks: SourceChecks,
  locator = '',
): DiscoverySource | undefined {
  if (!config || !checkSource(config, typeUrl, at, checks, locator)) {
    if (!config) at.error('Missing config source specifier in envoy::config::core::v3::ConfigSource')
    return undefined
  }
  return asValue(config, checks.types)
}

/** What `ads: {}, resource_api_version: V3` is in bytes: the source that most references have. */
const plainAds: DiscoverySource = { key: 'ads', bytes: Uint8Array.of(0x1a, 0, 0x30, ApiVersion.V3) }

/** As a value, unchecked. */
export function asValue(config: ConfigSource, types: Types): DiscoverySource {
  const isPlain = config.initialFetchTimeout === undefined && config.authorities.length === 0
  if (isPlain && config.configSourceSpecifier.case === 'ads') return plainAds
  const bytes = new Uint8Array(toBinary(types.message(typeName) as DescMessage, config))
  return { key: planId(bytes), bytes }
}

function checkSource(config: ConfigSource, typeUrl: string, at: Place, checks: SourceChecks, locator: string): boolean {
  const spec = config.configSourceSpecifier
  if (spec.case === undefined || spec.case === 'self') {
    at.error('Missing config source specifier in envoy::config::core::v3::ConfigSource')
    return false
  }
  if (!checkNode(typeUrl, at, checks.node) || !checkLocator(locator, typeUrl, at)) return false
  switch (spec.case) {
    case 'path':
      return checkPath(spec.value, at.field('path'), checks)
    case 'pathConfigSource':
      return checkWatchedPath(spec.value, at.field('path_config_source'), checks)
    case 'apiConfigSource':
      return checkApiSource(spec.value, at.field('api_config_source'), checks, locator !== '')
    case 'ads':
      return checkAds(at.field('ads'), checks)
  }
}

function checkLocator(locator: string, typeUrl: string, at: Place): boolean {
  const wanted = typeNameOf(typeUrl)
  if (locator === '' || /^xdstp:\/\/[^/]*\/([^/?#]*)/.exec(locator)?.[1] === wanted) return true
  at.error(`xdstp:// type does not match ${wanted} in ${locator}`)
  return false
}

// Envoy takes such a configuration, and ends when it is to ask. Here a subscription to nothing ends by its initial_fetch_timeout.
function checkAds(at: Place, { hasAds }: SourceChecks): boolean {
  if (!hasAds) at.warning('there is no dynamic_resources.ads_config: nothing will ever come')
  return true
}

function checkPath(path: string, at: Place, { files, knownFiles }: SourceChecks): boolean {
  if (knownFiles.has(path)) return true
  if (files.read(path) !== undefined || files.list(path) !== undefined) {
    knownFiles.add(path)
    return true
  }
  at.error(`paths must refer to an existing path in the system: '${path}' does not exist`)
  return false
}

function checkWatchedPath({ path, watchedDirectory }: PathConfigSource, at: Place, checks: SourceChecks): boolean {
  if (!checkPath(path, at.field('path'), checks)) return false
  if (watchedDirectory === undefined || checks.files.list(watchedDirectory.path) !== undefined) return true
  const { path: folder } = watchedDirectory
  at.field('watched_directory').error(`unable to add filesystem watch for file ${folder}/: No such file or directory`)
  return false
}

function checkApiSource(config: ApiConfigSource, at: Place, checks: SourceChecks, isCollection: boolean): boolean {
  const { apiType } = config
  if (isAggregated(apiType) && !isCollection) {
    at.field('api_type').error(`Unsupported config source ${ApiType[apiType]}`, 'write ads: {} in its place')
    return false
  }
  if (isCollection && (apiType === ApiType.GRPC || apiType === ApiType.REST)) {
    at.field('api_type').error('Unknown xdstp:// transport API type', 'write api_type: DELTA_GRPC, or ads: {}')
    return false
  }
  return (
    checkTransportVersion(config, at) &&
    checkBackend(config, at) &&
    checkClusters(config, at, checks) &&
    checkService(config, at) &&
    checkDelay(config, at) &&
    (!isAggregated(apiType) || checkAds(at, checks))
  )
}

/** dynamic_resources.ads_config: the shared stream. */
export function checkAdsConfig(config: ApiConfigSource, at: Place, checks: SourceChecks): boolean {
  if (!isGrpc(config.apiType)) {
    at.field('api_type').error(`${singleCluster} type must be of non-aggregated gRPC`)
    return false
  }
  return checkSharedSource(config, at, checks)
}

/** A stream that all types share. */
export function checkSharedSource(config: ApiConfigSource, at: Place, checks: SourceChecks): boolean {
  const isSound =
    checkNode('ads', at, checks.node) &&
    checkTransportVersion(config, at) &&
    checkBackend(config, at) &&
    checkService(config, at)
  const name = envoyGrpcCluster(config.grpcServices[0])
  if (!isSound || name === undefined || checks.isPrimaryCluster(name)) return isSound
  at.field('grpc_services').item(0).error(`Unknown gRPC client cluster '${name}'`)
  return false
}

/** What the one gRPC service says of itself. */
function checkService({ grpcServices: [service] }: ApiConfigSource, at: Place): boolean {
  if (service === undefined) return true
  const place = at.field('grpc_services').item(0)
  if (service.initialMetadata.some(({ key }) => key.startsWith(':') || key.toLowerCase() === 'host')) {
    place.field('initial_metadata').error(':-prefixed or host headers may not be modified')
    return false
  }
  const { targetSpecifier: target } = service
  if (target.case === 'googleGrpc') return checkCredentials(target.value, place.field('google_grpc'))
  const { baseInterval, maxInterval } = target.value?.retryPolicy?.retryBackOff ?? {}
  if (baseInterval === undefined || maxInterval === undefined || nanosOf(maxInterval) >= nanosOf(baseInterval))
    return true
  place
    .field('envoy_grpc')
    .field('retry_policy')
    .error('max_interval must be greater than or equal to the base_interval')
  return false
}

const nanosOf = ({ seconds, nanos }: Duration): bigint => seconds * 1_000_000_000n + BigInt(nanos)

const carriedCallCredentials: ReadonlySet<string> = new Set(['accessToken', 'googleIam'])

// Those that take Google's own libraries and services are not for this proxy.
function checkCredentials({ channelCredentials, callCredentials }: GrpcService_GoogleGrpc, at: Place): boolean {
  const isDefault = channelCredentials?.credentialSpecifier.case === 'googleDefault'
  if (isDefault) at.field('channel_credentials').field('google_default').error('is not carried out')
  const strange = callCredentials.findIndex(({ credentialSpecifier: { case: kind } }) => {
    return kind !== undefined && !carriedCallCredentials.has(kind)
  })
  if (strange >= 0) at.field('call_credentials').item(strange).error('only access_token and google_iam are carried out')
  return !isDefault && strange < 0
}

function checkTransportVersion(config: ApiConfigSource, at: Place): boolean {
  if (config.transportApiVersion !== ApiVersion.V2) return true
  at.field('transport_api_version').error(
    'V2 xDS transport protocol version is deprecated. The v2 xDS major version has been removed and is no longer supported.',
    'write transport_api_version: V3',
  )
  return false
}

/** One server: a gRPC service, or a cluster by name. Two services are a failover, which Envoy has behind a guard that is off. */
function checkBackend({ apiType, clusterNames, grpcServices }: ApiConfigSource, at: Place): boolean {
  if (clusterNames.length === 0 && grpcServices.length === 0) {
    at.error('API configs must have either a gRPC service or a cluster name defined')
    return false
  }
  if (isGrpc(apiType) || isAggregated(apiType)) {
    if (clusterNames.length > 0) {
      at.field('cluster_names').error(`${anyGrpc} must not have a cluster name specified`, 'write grpc_services')
      return false
    }
    if (grpcServices.length > 1)
      at.field('grpc_services').error(`${anyGrpc} must have no more than 1 gRPC services specified`)
    return grpcServices.length <= 1
  }
  if (grpcServices.length > 0) {
    at.field('grpc_services').error(
      `${singleCluster}, if not a gRPC type, must not have a gRPC service specified`,
      'write api_type: GRPC',
    )
    return false
  }
  if (clusterNames.length > 1)
    at.field('cluster_names').error(`${singleCluster} must have a singleton cluster name specified`)
  return clusterNames.length <= 1
}

function checkClusters({ clusterNames, grpcServices }: ApiConfigSource, at: Place, checks: SourceChecks): boolean {
  const [service] = grpcServices
  const name = service ? envoyGrpcCluster(service) : clusterNames[0]
  if (name === undefined || checks.isPrimaryCluster(name)) return true
  const place = service
    ? at.field('grpc_services').item(0).field('envoy_grpc').field('cluster_name')
    : at.field('cluster_names').item(0)
  place.error(
    `${singleCluster} must have a statically defined non-EDS cluster: '${name}' does not exist, was added via api, or is an EDS cluster`,
  )
  return false
}

function checkDelay({ apiType, refreshDelay }: ApiConfigSource, at: Place): boolean {
  if (isGrpc(apiType) || isAggregated(apiType) || refreshDelay) return true
  at.field('refresh_delay').error('refresh_delay is required for REST API configuration sources')
  return false
}

function checkNode(who: string, at: Place, node: SourceChecks['node']): boolean {
  if (node.id !== '' && node.cluster !== '') return true
  at.error(
    `${who}: node 'id' and 'cluster' are required. Set it either in 'node' config or via --service-node and --service-cluster options.`,
  )
  return false
}

function envoyGrpcCluster(service: GrpcService | undefined): string | undefined {
  const spec = service?.targetSpecifier
  return spec?.case === 'envoyGrpc' ? spec.value.clusterName : undefined
}
