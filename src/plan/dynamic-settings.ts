import { type DescMessage, toBinary } from '@bufbuild/protobuf'
import type { Place } from '../api/plan-context.js'
import type { Bootstrap } from '../generated/protos/envoy/config/bootstrap/v3/bootstrap_pb.js'
import {
  type ApiConfigSource,
  ApiConfigSource_ApiType as ApiType,
  type ConfigSource,
} from '../generated/protos/envoy/config/core/v3/config_source_pb.js'
import type { MinimumClustersValidator } from '../generated/protos/envoy/extensions/config/validators/minimum_clusters/v3/minimum_clusters_pb.js'
import { isMessage, type Types } from '../config/index.js'
import { asValue, checkAdsConfig, checkSharedSource, discoverySource, type SourceChecks } from './config-source.js'
import type { DiscoverySource } from './reference.js'

/** Where a kind of resource comes from as a whole. */
export interface CollectionSource {
  readonly source: DiscoverySource
  /** lds_resources_locator, cds_resources_locator: an "xdstp:" collection; empty: everything there is. */
  readonly locator: string
}

/** A layer of the runtime that a management server has. */
export interface DiscoveredLayer {
  /** Of the layer. */
  readonly layer: string
  readonly source: DiscoverySource
  /** Of the resource. */
  readonly name: string
}

/** What a bootstrap says about dynamic configuration. Plain data; crosses threads. */
export interface DynamicSettings {
  readonly lds: CollectionSource | undefined
  readonly cds: CollectionSource | undefined
  /** Answers that leave fewer clusters than these are refused (envoy.config.validators.minimum_clusters). */
  readonly leastClusters: number
  /** Of the envoy.config.core.v3.ApiConfigSource of the shared stream. */
  readonly ads: Uint8Array | undefined
  readonly runtime: readonly DiscoveredLayer[]
  readonly nodeContextParams: readonly string[]
  /** For names that begin with "xdstp:", by authority. */
  readonly configSources: readonly DiscoverySource[]
  readonly defaultConfigSource: DiscoverySource | undefined
}

const listenerTypeUrl = 'type.googleapis.com/envoy.config.listener.v3.Listener'
const clusterTypeUrl = 'type.googleapis.com/envoy.config.cluster.v3.Cluster'
const runtimeTypeUrl = 'type.googleapis.com/envoy.service.runtime.v3.Runtime'
const leastClustersType = 'envoy.extensions.config.validators.minimum_clusters.v3.MinimumClustersValidator'
const apiConfigSource = 'envoy.config.core.v3.ApiConfigSource'

export function dynamicSettings(
  bootstrap: Bootstrap,
  at: Place,
  checks: SourceChecks,
  isValidation: boolean,
): DynamicSettings {
  const resources = bootstrap.dynamicResources
  const inResources = at.field('dynamic_resources')
  const { adsConfig, ldsConfig, ldsResourcesLocator = '', cdsConfig, cdsResourcesLocator = '' } = resources ?? {}
  const hasAds = adsConfig !== undefined && checkAdsConfig(adsConfig, inResources.field('ads_config'), checks)
  const adsBytes = hasAds && toBinary(checks.types.message(apiConfigSource) as DescMessage, adsConfig)
  const collection = (
    config: ConfigSource | undefined,
    locator: string,
    typeUrl: string,
    field: string,
  ): CollectionSource | undefined => {
    if (!config && locator === '') return undefined
    const source = discoverySource(config, typeUrl, inResources.field(field), checks, locator)
    return source && { source, locator }
  }
  return {
    lds: isValidation ? undefined : collection(ldsConfig, ldsResourcesLocator, listenerTypeUrl, 'lds_config'),
    cds: collection(cdsConfig, cdsResourcesLocator, clusterTypeUrl, 'cds_config'),
    leastClusters: leastClusters(cdsConfig, adsConfig, checks.types),
    ads: adsBytes ? new Uint8Array(adsBytes) : undefined,
    runtime: discoveredLayers(bootstrap, at.field('layered_runtime').field('layers'), checks),
    nodeContextParams: bootstrap.nodeContextParams,
    ...namedSources(bootstrap, at, checks),
  }
}

/** As the validators of the stream that clusters come by say. */
function leastClusters(cds: ConfigSource | undefined, ads: ApiConfigSource | undefined, types: Types): number {
  const spec = cds?.configSourceSpecifier
  const api = spec?.case === 'apiConfigSource' ? spec.value : spec?.case === 'ads' ? ads : undefined
  return Math.max(
    0,
    ...(api?.configValidators ?? []).map(({ typedConfig }) => {
      const unpacked = typedConfig && types.unpackAny(typedConfig)
      return unpacked?.ok === true && isMessage<MinimumClustersValidator>(unpacked.value.message, leastClustersType)
        ? unpacked.value.message.minClustersNum
        : 0
    }),
  )
}

function discoveredLayers(bootstrap: Bootstrap, at: Place, checks: SourceChecks): DiscoveredLayer[] {
  return (bootstrap.layeredRuntime?.layers ?? []).flatMap(({ name: layer, layerSpecifier: spec }, index) => {
    if (spec.case !== 'rtdsLayer') return []
    const place = at.item(index).field('rtds_layer').field('rtds_config')
    const source = discoverySource(spec.value.rtdsConfig, runtimeTypeUrl, place, checks)
    return source ? [{ layer, source, name: spec.value.name }] : []
  })
}

type NamedSources = Pick<DynamicSettings, 'configSources' | 'defaultConfigSource'>

/** Sources for names that begin with "xdstp:". */
function namedSources(bootstrap: Bootstrap, at: Place, checks: SourceChecks): NamedSources {
  for (const [index, config] of bootstrap.configSources.entries()) {
    const place = at.field('config_sources').item(index)
    if (config.authorities.length === 0)
      place.error('xdstp-based non-default config source must have at least one authority.')
    checkAggregated(config, place, checks)
  }
  const { defaultConfigSource } = bootstrap
  if (defaultConfigSource) checkAggregated(defaultConfigSource, at.field('default_config_source'), checks)
  return {
    configSources: bootstrap.configSources.map(config => asValue(config, checks.types)),
    defaultConfigSource: defaultConfigSource && asValue(defaultConfigSource, checks.types),
  }
}

function checkAggregated(
  { configSourceSpecifier: spec, authorities }: ConfigSource,
  at: Place,
  checks: SourceChecks,
): void {
  const names = authorities.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined)
    at.field('authorities').error(
      `xdstp-based config source authority ${twice} is configured more than once in an xdstp-based config source.`,
    )
  if (spec.case !== 'apiConfigSource') {
    at.error('Only api_config_source type is currently supported for xdstp-based config sources.')
    return
  }
  if (spec.value.apiType !== ApiType.AGGREGATED_GRPC && spec.value.apiType !== ApiType.AGGREGATED_DELTA_GRPC)
    at.field('api_config_source').error(
      'xdstp-based config source authority only supports AGGREGATED_GRPC and AGGREGATED_DELTA_GRPC types.',
    )
  else checkSharedSource(spec.value, at.field('api_config_source'), checks)
}
