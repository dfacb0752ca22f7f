import { encodePlan } from '../api/plan-encoder.js'
import type { Place } from '../api/plan-context.js'
import { isMessage, type Types } from '../config/index.js'
import { Cluster_Protocol, Cluster_Type, ClusterSchema } from '../generated/plan_pb.js'
import type {
  CircuitBreakers,
  CircuitBreakers_Thresholds,
} from '../generated/protos/envoy/config/cluster/v3/circuit_breaker_pb.js'
import { type Cluster, Cluster_DiscoveryType } from '../generated/protos/envoy/config/cluster/v3/cluster_pb.js'
import type { TransportSocket } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import type { BindConfig } from '../generated/protos/envoy/config/core/v3/address_pb.js'
import { RoutingPriority } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import type { DnsCluster } from '../generated/protos/envoy/extensions/clusters/dns/v3/dns_cluster_pb.js'
import { literalAddress, socketOptions, tcpKeepalive } from './address.js'
import { clusterProtocol, type ClusterProtocolTools } from './cluster-protocol.js'
import type { FieldWalk } from './field-walk.js'
import type { ClusterInit, ExtensionInit, ThresholdsInit } from './init.js'
import { type HashingInfo, hashingInfo } from './hash-balancer.js'
import { healthCheckPlan } from './health-check.js'
import type { HealthCheckPlan } from './health-check-plan.js'
import { loadBalancer } from './load-balancer.js'
import { originalDst } from './original-dst.js'
import { outlierDetection } from './outlier.js'
import type { OutlierPlan } from './outlier-plan.js'
import { metadataJson, milliseconds } from './values.js'
import type { Here } from './zone-aware.js'

const defaultConnectTimeout = 5_000
const defaultBufferLimit = 1 << 20
const defaultLimit = 1024n
const defaultRetries = 3n
const unlimited = 0xffff_ffff_ffff_ffffn

export interface ClusterTools extends ClusterProtocolTools {
  readonly types: Types
  readonly walk: FieldWalk
  /** Undefined: clear text. `name`: what the socket's own secrets are called after, within the cluster. */
  transportSocket(
    config: TransportSocket | undefined,
    cluster: string,
    name: string,
    at: Place,
  ): ExtensionInit | undefined
  /** With a local cluster: where this proxy is. */
  readonly here: Here | undefined
  /** cluster_manager.upstream_bind_config, for clusters without one of their own. */
  readonly defaultBind: { readonly config: BindConfig; readonly at: Place } | undefined
}

/** How the members of a cluster are found. `dns`: the settings of a typed DNS cluster; undefined for the cluster's own fields. */
export interface ClusterKind {
  readonly type: Cluster_Type
  readonly dns?: DnsCluster
}

export interface ClusterThresholds {
  readonly default: ThresholdsInit
  readonly high: ThresholdsInit
}

const defaults = thresholdsOf(undefined, () => undefined)
const defaultThresholds: ClusterThresholds = { default: defaults, high: defaults }

/** The limits of both priorities; the runtime's values go before the cluster's own. */
export function clusterThresholds(cluster: Cluster, runtime: ReadonlyMap<string, string>): ClusterThresholds {
  if (!cluster.circuitBreakers && runtime.size === 0) return defaultThresholds
  const of = (priority: RoutingPriority, name: string): ThresholdsInit =>
    thresholdsOf(
      cluster.circuitBreakers?.thresholds.find(entry => entry.priority === priority),
      limit => runtimeLimit(runtime, `circuit_breakers.${cluster.name}.${name}.${limit}`),
    )
  return { default: of(RoutingPriority.DEFAULT, 'default'), high: of(RoutingPriority.HIGH, 'high') }
}

function planThresholds(cluster: Cluster): Pick<ClusterInit, 'defaultThresholds' | 'highThresholds'> {
  const configured = clusterThresholds(cluster, nothing)
  return { defaultThresholds: configured.default, highThresholds: configured.high }
}

const nothing: ReadonlyMap<string, string> = new Map()

function runtimeLimit(runtime: ReadonlyMap<string, string>, key: string): bigint | undefined {
  const value = runtime.get(key)
  return value !== undefined && /^\d+$/.test(value) ? BigInt(value) : undefined
}

export interface CompiledCluster {
  readonly bytes: Uint8Array
  /** What main does about the health of its members. */
  readonly health: HealthCheckPlan | undefined
  readonly outlier: OutlierPlan | undefined
  readonly hashing: HashingInfo | undefined
}

export function clusterPlan(cluster: Cluster, kind: ClusterKind, at: Place, tools: ClusterTools): CompiledCluster {
  // Joined by assign(): an object literal that begins with a spread takes V8 thirty times as long.
  const plan: ClusterInit = {
    name: cluster.name,
    statName: (cluster.altStatName || cluster.name).replaceAll(':', '_'),
    type: kind.type,
    connectTimeoutMs: milliseconds(cluster.connectTimeout, defaultConnectTimeout, at.field('connect_timeout')),
    bufferLimit: cluster.perConnectionBufferLimitBytes ?? defaultBufferLimit,
    // As configured: what the runtime says of them is the workers' to find out, and may change.
    ...planThresholds(cluster),
    connectionPoolPerDownstream: cluster.connectionPoolPerDownstreamConnection,
    closeOnHostSetChange: cluster.commonLbConfig?.closeConnectionsOnHostSetChange ?? false,
    metadataJson: metadataJson(cluster.metadata),
  }
  if (cluster.upstreamConnectionOptions?.tcpKeepalive)
    plan.tcpKeepalive = tcpKeepalive(cluster.upstreamConnectionOptions.tcpKeepalive)
  Object.assign(
    plan,
    loadBalancer(cluster, kind.type, at, tools.types, tools.walk, tools.here),
    originalDst(cluster, kind.type, at),
    clusterProtocol(cluster, at, tools),
    transportSockets(cluster, at, tools),
    perHost(cluster.circuitBreakers, at.field('circuit_breakers')),
    bindOptions(cluster, at, tools),
  )
  const health = healthCheckPlan(cluster, at, {
    ...tools,
    isHttp2: plan.protocol !== undefined && plan.protocol !== Cluster_Protocol.HTTP1,
    isPlain: isPlain(plan),
    isProxied: [plan.transportSocket, ...(plan.transportSockets ?? [])].some(
      socket => socket?.type === 'envoy.transport_sockets.upstream_proxy_protocol',
    ),
  })
  plan.healthChecked = health !== undefined
  plan.closeConnectionsOnHealthFailure = cluster.closeConnectionsOnHostHealthFailure
  const outlier = outlierDetection(cluster, at)
  if (outlier) plan.outlier = outlier.counted
  return { bytes: encodePlan(ClusterSchema, plan), health, outlier: outlier?.plan, hashing: hashingInfo(plan) }
}

const isPlain = ({
  transportSocket,
  transportSockets = [],
  bindAddress,
  socketOptions = [],
  tcpKeepalive,
}: ClusterInit) =>
  [transportSocket, bindAddress, tcpKeepalive].every(one => one === undefined) &&
  transportSockets.length + socketOptions.length === 0

function transportSockets(
  cluster: Cluster,
  at: Place,
  tools: ClusterTools,
): Pick<ClusterInit, 'transportSocket' | 'transportSockets'> {
  const own = tools.transportSocket(cluster.transportSocket, cluster.name, '', at.field('transport_socket'))
  const inMatches = at.field('transport_socket_matches')
  const matched = cluster.transportSocketMatches.map(({ name, transportSocket }, index) => {
    const place = inMatches.item(index)
    if (!transportSocket)
      place.error("Didn't find a registered implementation for '' with type URL: ''", 'write transport_socket')
    // The empty type is clear text: it may be chosen over the cluster's own.
    return tools.transportSocket(transportSocket, cluster.name, name, place.field('transport_socket')) ?? {}
  })
  return { ...(own && { transportSocket: own }), transportSockets: matched }
}

const byDiscovery: Readonly<Record<Cluster_DiscoveryType, Cluster_Type>> = {
  [Cluster_DiscoveryType.STATIC]: Cluster_Type.STATIC,
  [Cluster_DiscoveryType.STRICT_DNS]: Cluster_Type.STRICT_DNS,
  [Cluster_DiscoveryType.LOGICAL_DNS]: Cluster_Type.LOGICAL_DNS,
  [Cluster_DiscoveryType.EDS]: Cluster_Type.EDS,
  [Cluster_DiscoveryType.ORIGINAL_DST]: Cluster_Type.ORIGINAL_DST,
}

const byName: Readonly<Record<string, Cluster_Type>> = {
  'envoy.cluster.static': Cluster_Type.STATIC,
  'envoy.cluster.strict_dns': Cluster_Type.STRICT_DNS,
  'envoy.cluster.logical_dns': Cluster_Type.LOGICAL_DNS,
  'envoy.cluster.original_dst': Cluster_Type.ORIGINAL_DST,
}

/** Undefined when the type was refused. */
export function clusterKind(cluster: Cluster, at: Place, types: Types): ClusterKind | undefined {
  const spec = cluster.clusterDiscoveryType
  if (spec.case === 'clusterType') return customKind(spec.value, at.field('cluster_type'), types)
  const discovery = spec.case === 'type' ? spec.value : Cluster_DiscoveryType.STATIC
  const type = byDiscovery[discovery]
  if (cluster.edsClusterConfig && discovery !== Cluster_DiscoveryType.EDS)
    at.field('eds_cluster_config').error('eds_cluster_config set in a non-EDS cluster')
  if (discovery === Cluster_DiscoveryType.EDS && !cluster.edsClusterConfig)
    at.error('cannot create an EDS cluster without an EDS config')
  return { type }
}

function customKind(
  custom: { name: string; typedConfig?: import('@bufbuild/protobuf/wkt').Any | undefined },
  at: Place,
  types: Types,
): ClusterKind | undefined {
  if (custom.typedConfig) {
    const unpacked = types.unpackAny(custom.typedConfig)
    if (!unpacked.ok || !isMessage<DnsCluster>(unpacked.value.message, 'envoy.extensions.clusters.dns.v3.DnsCluster'))
      return undefined // the field walk says so
    const dns = unpacked.value.message
    return { type: dns.allAddressesInSingleEndpoint ? Cluster_Type.LOGICAL_DNS : Cluster_Type.STRICT_DNS, dns }
  }
  const type = byName[custom.name]
  if (type === undefined) at.error(`Didn't find a registered cluster factory implementation for name: '${custom.name}'`)
  return type === undefined ? undefined : { type }
}

function thresholdsOf(
  entry: CircuitBreakers_Thresholds | undefined,
  override: (limit: string) => bigint | undefined,
): ThresholdsInit {
  const limit = (name: string, value: number | undefined, missing: bigint): bigint =>
    override(name) ?? (value === undefined ? missing : BigInt(value))
  return {
    maxConnections: limit('max_connections', entry?.maxConnections, defaultLimit),
    maxPending: limit('max_pending_requests', entry?.maxPendingRequests, defaultLimit),
    maxRequests: limit('max_requests', entry?.maxRequests, defaultLimit),
    maxRetries: limit('max_retries', entry?.maxRetries, defaultRetries),
    maxPools: limit('max_connection_pools', entry?.maxConnectionPools, unlimited),
    trackRemaining: entry?.trackRemaining ?? false,
    ...(entry?.retryBudget && {
      retryBudgetPercent: entry.retryBudget.budgetPercent?.value ?? 20,
      retryMinConcurrency: entry.retryBudget.minRetryConcurrency ?? 3,
    }),
  }
}

function perHost(
  breakers: CircuitBreakers | undefined,
  at: Place,
): Pick<ClusterInit, 'perHostMaxConnections' | 'perHostMaxConnectionsHigh'> {
  let perHostMaxConnections: number | undefined
  let perHostMaxConnectionsHigh: number | undefined
  for (const [index, entry] of (breakers?.perHostThresholds ?? []).entries()) {
    const { maxPendingRequests, maxRequests, maxRetries, maxConnectionPools, retryBudget } = entry
    const others = [maxPendingRequests, maxRequests, maxRetries, maxConnectionPools, retryBudget]
    if (others.some(value => value !== undefined) || entry.trackRemaining)
      at.field('per_host_thresholds').item(index).error('Unsupported field in per_host_thresholds')
    if (entry.priority === RoutingPriority.HIGH) perHostMaxConnectionsHigh = entry.maxConnections
    else perHostMaxConnections = entry.maxConnections
  }
  return { perHostMaxConnections, perHostMaxConnectionsHigh }
}

function bindOptions(
  cluster: Cluster,
  at: Place,
  tools: ClusterTools,
): Pick<ClusterInit, 'bindAddress' | 'socketOptions' | 'freebind'> {
  const bind = cluster.upstreamBindConfig
    ? { config: cluster.upstreamBindConfig, at: at.field('upstream_bind_config') }
    : tools.defaultBind
  if (!bind) return {}
  const { config } = bind
  const source = config.sourceAddress
  return {
    ...(source && {
      bindAddress: literalAddress(
        { $typeName: 'envoy.config.core.v3.Address', address: { case: 'socketAddress', value: source } },
        bind.at,
      ),
    }),
    socketOptions: socketOptions(config.socketOptions),
    freebind: config.freebind ?? false,
  }
}
