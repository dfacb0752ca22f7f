import { create, toBinary } from '@bufbuild/protobuf'
import { defineNativeNetworkFilter } from '../../../../api/native.js'
import type { PlanContext } from '../../../../api/plan-context.js'
import { HashPolicy_Kind, TcpProxySchema } from '../../../../generated/plan_pb.js'
import type { TcpProxy } from '../../../../generated/protos/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js'

const oneHour = 3_600_000

/** envoy.filters.network.tcp_proxy: bytes to one cluster, or to several by weight. */
const tcpProxy = defineNativeNetworkFilter<TcpProxy>({
  name: 'envoy.filters.network.tcp_proxy',
  typeNames: ['envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy'],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
  isTerminal: true,
  plan: (config, context) =>
    toBinary(
      TcpProxySchema,
      create(TcpProxySchema, {
        statPrefix: config.statPrefix,
        ...target(config, context),
        idleTimeoutMs: context.milliseconds(config.idleTimeout, oneHour, context.field('idle_timeout')),
        maxConnectAttempts: config.maxConnectAttempts ?? 1,
        maxDownstreamConnectionDurationMs: context.milliseconds(
          config.maxDownstreamConnectionDuration,
          0,
          context.field('max_downstream_connection_duration'),
        ),
        maxDurationJitter: config.maxDownstreamConnectionDurationJitterPercentage?.value ?? 0,
        accessLogs: context.accessLogs(config.accessLog, context.field('access_log')),
        hashPolicies: config.hashPolicy.map(({ policySpecifier: spec }) =>
          spec.case === 'filterState'
            ? { kind: HashPolicy_Kind.FILTER_STATE, name: spec.value.key }
            : { kind: HashPolicy_Kind.SOURCE_IP },
        ),
        ...onDemand(config, context),
        ...tunnel(config, context),
        ...accessLogOptions(config, context),
        ...backOff(config, context),
      }),
    ),
})

function target(config: TcpProxy, context: PlanContext) {
  const spec = config.clusterSpecifier
  const metadataMatch = context.subsetCriteria(config.metadataMatch)
  if (spec.case === 'cluster') return { cluster: spec.value, slot: context.clusterSlot(spec.value), metadataMatch }
  const clusters = spec.case === 'weightedClusters' ? spec.value.clusters : []
  const total = clusters.reduce((sum, cluster) => sum + cluster.weight, 0)
  if (total > 0xffff_ffff)
    context.field('weighted_clusters').error('The sum of weights of all weighted clusters exceeds 4294967295')
  const weighted = clusters.map(cluster => ({
    name: cluster.name,
    weight: cluster.weight,
    slot: context.clusterSlot(cluster.name),
    metadataMatch: context.subsetCriteria(config.metadataMatch, cluster.metadataMatch),
  }))
  return { weighted }
}

function onDemand({ onDemand: wanted, tunnelingConfig }: TcpProxy, context: PlanContext) {
  if (!wanted?.odcdsConfig) return {}
  const place = context.field('on_demand')
  if (tunnelingConfig) place.unsupported('clusters on demand for tunnels')
  const { odcdsConfig: source, timeout } = wanted
  const clusterSource = context.clustersOnDemand({ source, timeout }, place.field('odcds_config'))
  return clusterSource === undefined ? {} : { clusterSource }
}

function tunnel(config: TcpProxy, context: PlanContext) {
  const tunneling = config.tunnelingConfig
  if (!tunneling) return {}
  const place = context.field('tunneling_config')
  if (tunneling.postPath !== '' && !tunneling.usePost)
    place.field('post_path').error("Can't set a post path when POST method isn't used")
  if (tunneling.postPath !== '' && !tunneling.postPath.startsWith('/'))
    place.field('post_path').error("post_path must start with '/'")
  return {
    tunneling: {
      hostname: context.format(tunneling.hostname, place.field('hostname')),
      usePost: tunneling.usePost,
      ...(tunneling.postPath !== '' && { postPath: context.format(tunneling.postPath, place.field('post_path')) }),
      headers: context.headersToAdd(tunneling.headersToAdd, place.field('headers_to_add')),
    },
  }
}

function accessLogOptions(config: TcpProxy, context: PlanContext) {
  const options = config.accessLogOptions
  const inOptions = context.field('access_log_options')
  if (options && config.accessLogFlushInterval)
    inOptions.error('Only one of access_log_flush_interval or access_log_options can be specified.')
  if (options && config.flushAccessLogOnConnected)
    inOptions.error('Only one of flush_access_log_on_connected or access_log_options can be specified.')
  const interval = options ? options.accessLogFlushInterval : config.accessLogFlushInterval
  return {
    accessLogFlushIntervalMs: context.milliseconds(interval, 0, inOptions.field('access_log_flush_interval')),
    flushAccessLogOnConnected: options ? options.flushAccessLogOnConnected : config.flushAccessLogOnConnected,
  }
}

function backOff(config: TcpProxy, context: PlanContext) {
  const options = config.backoffOptions
  if (!options) return {}
  const place = context.field('backoff_options')
  const base = context.milliseconds(options.baseInterval, 0, place.field('base_interval'))
  const max = context.milliseconds(options.maxInterval, base * 10, place.field('max_interval'))
  if (max < base) place.error('max_backoff_interval must be greater or equal to base_backoff_interval')
  return { backoffBaseMs: base, backoffMaxMs: max }
}

export default [tcpProxy]
