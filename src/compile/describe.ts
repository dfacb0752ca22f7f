import type { Message } from '@bufbuild/protobuf'
import { isMessage, type Types } from '../config/index.js'
import type { Cluster } from '../generated/protos/envoy/config/cluster/v3/cluster_pb.js'
import type { Address } from '../generated/protos/envoy/config/core/v3/address_pb.js'
import type { TransportSocket } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import { TrafficDirection } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import type { LbEndpoint } from '../generated/protos/envoy/config/endpoint/v3/endpoint_components_pb.js'
import type { ClusterLoadAssignment } from '../generated/protos/envoy/config/endpoint/v3/endpoint_pb.js'
import type { Filter, FilterChain } from '../generated/protos/envoy/config/listener/v3/listener_components_pb.js'
import type { Listener } from '../generated/protos/envoy/config/listener/v3/listener_pb.js'
import type { ScopedRouteConfiguration } from '../generated/protos/envoy/config/route/v3/scoped_route_pb.js'
import type { RouteConfiguration } from '../generated/protos/envoy/config/route/v3/route_pb.js'
import type { HttpConnectionManager } from '../generated/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import type { TcpProxy } from '../generated/protos/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js'
import type { ClusterMeta, DnsSettings, ResolverSettings } from '../plan/compile.js'
import type { CompiledResource } from '../plan/compile-resource.js'
import { commonHost } from '../plan/assignment.js'
import type { DnsPlan } from '../plan/dns-plan.js'
import { memberCheck } from '../plan/health-check.js'
import type { PlainHost, PlainLocality } from '../plan/plain-assignment.js'
import { type SocketMatches, transportSocketOf } from '../plan/transport-socket-match.js'
import type {
  ClusterInfo,
  HealthTarget,
  HostInfo,
  ListenerInfo,
  Thresholds,
  VirtualHostInfo,
} from '../snapshot/compile-task.js'
import type { ClusterMembers, ConfigUnit } from '../snapshot/config-delta.js'

/** What main keeps about resources, so that it never needs their messages. */

/** What of a cluster's message main is told, beside what was compiled of it. */
export type DescribedCluster = Pick<
  Cluster,
  'altStatName' | 'edsClusterConfig' | 'transportSocket' | 'transportSocketMatches' | 'loadAssignment'
>

/** A cluster, and its members where they stand in it. */
export function describeCluster(
  { cluster: meta, plans, tlsContexts }: CompiledResource,
  cluster: DescribedCluster,
  resolver: ResolverSettings,
  isAddedViaApi: boolean,
): Pick<ConfigUnit, 'clusters' | 'members'> {
  if (meta === undefined) return { clusters: [], members: [] }
  const observabilityName = cluster.altStatName || meta.name
  const endpoints = plans.find(plan => plan.kind === 'endpoints')
  const info: ClusterInfo = {
    name: meta.name,
    slot: meta.slot,
    planId: meta.planId,
    isAddedViaApi,
    edsServiceName: cluster.edsClusterConfig?.serviceName ?? '',
    statName: observabilityName,
    observabilityName,
    dns: meta.dns && dnsPlan(meta.dns, resolver, cluster.loadAssignment),
    health: meta.health,
    outlier: meta.outlier,
    hashing: meta.hashing,
    ...limitsOf(meta.thresholds),
    transportSocketMatches:
      cluster.transportSocketMatches.length === 0 ? none : cluster.transportSocketMatches.map(match => match.name),
    hasTls: tlsContexts.length > 0,
    tlsSockets: tlsSockets(cluster),
  }
  const areHere = endpoints !== undefined && meta.dns === undefined
  return {
    clusters: [info],
    members: areHere
      ? [
          describeMembers(
            meta.name,
            endpoints,
            cluster.loadAssignment,
            socketMatches(cluster),
            meta.health !== undefined,
          ),
        ]
      : [],
  }
}

const none: readonly string[] = []
const clearText: readonly boolean[] = [false]

/** Is it TLS: its own transport socket, then those of its matches. One object for the many that have none. */
function tlsSockets({ transportSocket, transportSocketMatches }: DescribedCluster): readonly boolean[] {
  if (transportSocket === undefined && transportSocketMatches.length === 0) return clearText
  return [transportSocket, ...transportSocketMatches.map(match => match.transportSocket)].map(isTls)
}

/** By its type, or that of the one inside (PROXY protocol). */
function isTls(socket: TransportSocket | undefined): boolean {
  const { case: kind, value } = socket?.configType ?? {}
  return kind === 'typedConfig' && value !== undefined && /UpstreamTlsContext$/.test(value.typeUrl)
}

const socketMatches = (cluster: DescribedCluster): SocketMatches =>
  cluster.transportSocketMatches.map(({ match }) => (match ? { match } : {}))

/** Members that are addresses, in the order of the endpoints plan. */
export function describeMembers(
  cluster: string,
  plan: { readonly id: string },
  assignment: ClusterLoadAssignment | undefined,
  matches: SocketMatches,
  isChecked: boolean,
): ClusterMembers {
  const hosts = (assignment?.endpoints ?? []).flatMap(locality =>
    locality.lbEndpoints.map(endpoint => ({
      weight: endpoint.loadBalancingWeight ?? 1,
      health: endpoint.healthStatus,
      canary: endpoint.metadata?.filterMetadata['envoy.lb']?.['canary'] === true,
      region: locality.locality?.region ?? '',
      zone: locality.locality?.zone ?? '',
      subZone: locality.locality?.subZone ?? '',
      priority: locality.priority,
      transportSocket: matches.length === 0 ? 0 : transportSocketOf(matches, endpoint.metadata, locality.metadata),
      ...(isChecked && { target: healthTarget(endpoint, locality.loadBalancingWeight ?? 0) }),
    })),
  )
  return { cluster, planId: plan.id, hosts }
}

/** The same of an assignment that is nothing but localities. */
export function describePlainMembers(
  cluster: string,
  plan: { readonly id: string },
  localities: readonly PlainLocality[],
): ClusterMembers {
  const hosts: HostInfo[] = []
  for (const locality of localities) for (const host of locality.hosts) hosts.push(hostInfo(host, locality))
  return { cluster, planId: plan.id, hosts }
}

let lastInfo: HostInfo | undefined

/** The same object as the last time for what is the same of a member: most are, and one object crosses threads and is kept once. */
function hostInfo({ weight, health }: PlainHost, { region, zone, subZone, priority }: PlainLocality): HostInfo {
  const isSame =
    lastInfo !== undefined &&
    lastInfo.weight === weight &&
    lastInfo.health === health &&
    lastInfo.region === region &&
    lastInfo.zone === zone &&
    lastInfo.subZone === subZone &&
    lastInfo.priority === priority
  if (!isSame || lastInfo === undefined)
    lastInfo = { weight, health, canary: false, region, zone, subZone, priority, transportSocket: 0 }
  return lastInfo
}

function healthTarget(endpoint: LbEndpoint, localityWeight: number): HealthTarget {
  const spec = endpoint.hostIdentifier
  const { ip = '', port = 0, pipe = '' } = (spec.case === 'endpoint' && plainAddress(spec.value.address)) || {}
  const { hostname = '', metadataJson = '', hashKey = '' } = commonHost(endpoint)
  const check = memberCheck(endpoint)
  return { ip: pipe || ip, port, hostname, metadataJson, hashKey, localityWeight, ...(check && { check }) }
}

function plainAddress(address: Address | undefined): { ip?: string; port?: number; pipe?: string } {
  const spec = address?.address
  if (spec?.case === 'pipe') return { pipe: spec.value.path }
  if (spec?.case !== 'socketAddress') return {}
  const { address: ip, portSpecifier } = spec.value
  return { ip, port: portSpecifier.case === 'portValue' ? portSpecifier.value : 0 }
}

/** A listener, and the virtual hosts of the route tables in it. */
export function describeListener(
  { listener: meta, tlsContexts }: CompiledResource,
  listener: Listener,
  types: Types,
): Pick<ConfigUnit, 'listeners' | 'virtualHosts'> {
  if (meta === undefined) return { listeners: [], virtualHosts: [] }
  const filters = filtersOf(listener, types)
  const prefixes = (messages: readonly { statPrefix: string }[]) => [
    ...new Set(messages.map(message => message.statPrefix)),
  ]
  const info: ListenerInfo = {
    name: meta.name,
    slot: meta.slot,
    planId: meta.planId,
    statPrefix: listener.statPrefix,
    httpStatPrefixes: prefixes(filters.filter(isManager)),
    tcpStatPrefixes: prefixes(filters.filter(isTcpProxy)),
    shape: meta.shape,
    chains: meta.chains,
    isInbound: meta.trafficDirection === TrafficDirection.INBOUND,
    hasTls: tlsContexts.length > 0,
  }
  const ofScopes = inlineScopes([listener], types).flatMap(({ scopes }) =>
    scopes.flatMap(({ routeConfiguration }) => routeConfiguration ?? []),
  )
  const tables = [...routeConfigurations([listener], types), ...ofScopes]
  return { listeners: [info], virtualHosts: tables.flatMap(describeVirtualHosts) }
}

/** True when some filter of them speaks HTTP: who has none has no routes to tell of. */
export function speaksHttp(listeners: readonly Listener[], types: Types): boolean {
  return listeners.some(listener => filtersOf(listener, types).some(isManager))
}

/** Inline route tables, in the order of the listeners. */
export function routeConfigurations(listeners: readonly Listener[], types: Types): RouteConfiguration[] {
  return listeners
    .flatMap(listener => filtersOf(listener, types))
    .filter(isManager)
    .flatMap(({ routeSpecifier }) => (routeSpecifier.case === 'routeConfig' ? [routeSpecifier.value] : []))
}

/** Sets of scopes given in place, in the order of the listeners. */
export function inlineScopes(
  listeners: readonly Listener[],
  types: Types,
): { readonly name: string; readonly scopes: readonly ScopedRouteConfiguration[] }[] {
  return listeners
    .flatMap(listener => filtersOf(listener, types))
    .filter(isManager)
    .flatMap(({ routeSpecifier }) => {
      if (routeSpecifier.case !== 'scopedRoutes') return []
      const { name, configSpecifier } = routeSpecifier.value
      if (configSpecifier.case !== 'scopedRouteConfigurationsList') return []
      return [{ name, scopes: configSpecifier.value.scopedRouteConfigurations }]
    })
}

/** Virtual hosts that have statistics of their own. */
export function describeVirtualHosts(table: RouteConfiguration): VirtualHostInfo[] {
  return table.virtualHosts
    .map(host => ({
      name: host.name,
      virtualClusters: host.virtualClusters.map(cluster => cluster.name),
      routes: host.routes.map(route => route.statPrefix).filter(prefix => prefix !== ''),
    }))
    .filter(host => host.virtualClusters.length + host.routes.length > 0)
}

const knownLimits = new WeakMap<ClusterMeta['thresholds'], Pick<ClusterInfo, 'thresholds' | 'trackRemaining'>>()

/** One object for all clusters with the same thresholds: most have the defaults, and what is one object crosses threads once. */
function limitsOf(thresholds: ClusterMeta['thresholds']): Pick<ClusterInfo, 'thresholds' | 'trackRemaining'> {
  let known = knownLimits.get(thresholds)
  if (known === undefined) {
    const { default: normal, high } = thresholds
    known = {
      thresholds: { default: limits(normal), high: limits(high) },
      trackRemaining: { default: normal.trackRemaining ?? false, high: high.trackRemaining ?? false },
    }
    knownLimits.set(thresholds, known)
  }
  return known
}

function limits(entry: ClusterMeta['thresholds']['default']): Thresholds {
  return {
    maxConnections: Number(entry.maxConnections),
    maxPendingRequests: Number(entry.maxPending),
    maxRequests: Number(entry.maxRequests),
    // What a retry budget allows while nothing is in flight.
    maxRetries: Number(entry.retryBudgetPercent === undefined ? entry.maxRetries : entry.retryMinConcurrency),
  }
}

/** The compiler's settings in the resolver's terms; a cluster without a resolver of its own takes the bootstrap's. */
function dnsPlan(dns: DnsSettings, resolver: ResolverSettings, assignment: ClusterLoadAssignment | undefined): DnsPlan {
  const isOwn = dns.resolvers.length > 0 || dns.noDefaultSearchDomain
  const { resolvers, noDefaultSearchDomain } = isOwn ? dns : resolver
  const isFixed = dns.failureBaseMs === dns.refreshMs && dns.failureMaxMs === dns.refreshMs
  return {
    kind: dns.isLogical ? 'logical' : 'strict',
    family: dns.family,
    refreshMs: dns.refreshMs,
    jitterMs: dns.jitterMs,
    respectTtl: dns.respectTtl,
    minRefreshMs: dns.minRefreshMs,
    ...(isFixed ? {} : { failureBaseMs: dns.failureBaseMs, failureMaxMs: dns.failureMaxMs }),
    servers: resolvers,
    noSearch: noDefaultSearchDomain,
    localities: dnsLocalities(dns, assignment),
    overprovisioningFactor: dns.template.overprovisioningFactor ?? 140,
    dropOverloadPpm: dns.template.dropOverloadPpm ?? 0,
  }
}

function dnsLocalities(dns: DnsSettings, assignment: ClusterLoadAssignment | undefined): DnsPlan['localities'] {
  return (dns.template.localities ?? []).map((locality, index) => ({
    region: locality.region ?? '',
    zone: locality.zone ?? '',
    subZone: locality.subZone ?? '',
    weight: locality.weight ?? 0,
    priority: locality.priority ?? 0,
    targets: (locality.hosts ?? []).map((host, position) => {
      const named = dns.targets.find(target => target.locality === index && target.host === position)
      const endpoint = assignment?.endpoints[index]?.lbEndpoints[position]
      const check = endpoint && memberCheck(endpoint)
      return {
        host: named?.name ?? host.address?.ip ?? '',
        port: named?.port ?? host.address?.port ?? 0,
        hostname: host.hostname ?? '',
        weight: host.weight ?? 1,
        health: host.health ?? 0,
        canary: host.canary ?? false,
        metadataJson: host.metadataJson ?? '',
        hashKey: host.hashKey ?? '',
        transportSocket: host.transportSocket ?? 0,
        ...(check && { check }),
      }
    }),
  }))
}

function filtersOf(listener: Listener, types: Types): Message[] {
  const chains: readonly FilterChain[] = [
    ...listener.filterChains,
    ...(listener.defaultFilterChain ? [listener.defaultFilterChain] : []),
  ]
  return chains.flatMap(chain => chain.filters).flatMap(filter => messageOf(filter, types) ?? [])
}

function messageOf(filter: Filter, types: Types): Message | undefined {
  if (filter.configType.case !== 'typedConfig') return undefined
  const unpacked = types.unpackAny(filter.configType.value)
  return unpacked.ok ? unpacked.value.message : undefined
}

function isManager(message: Message): message is HttpConnectionManager {
  return isMessage<HttpConnectionManager>(
    message,
    'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
  )
}

function isTcpProxy(message: Message): message is TcpProxy {
  return isMessage<TcpProxy>(message, 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy')
}
