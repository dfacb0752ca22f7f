import type { Message } from '@bufbuild/protobuf'
import { isMessage, type Types } from '../config/index.js'
import type { Bootstrap } from '../generated/protos/envoy/config/bootstrap/v3/bootstrap_pb.js'
import type { Cluster } from '../generated/protos/envoy/config/cluster/v3/cluster_pb.js'
import { TrafficDirection } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import type { Filter, FilterChain } from '../generated/protos/envoy/config/listener/v3/listener_components_pb.js'
import type { Listener } from '../generated/protos/envoy/config/listener/v3/listener_pb.js'
import type { RouteConfiguration } from '../generated/protos/envoy/config/route/v3/route_pb.js'
import type { HttpConnectionManager } from '../generated/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import type { TcpProxy } from '../generated/protos/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js'
import { transportSocketOf } from '../plan/transport-socket-match.js'
import type { ClusterMeta, CompiledConfig, DnsSettings } from '../plan/compile.js'
import type { ClusterInfo, HostInfo, ListenerInfo, Thresholds, VirtualHostInfo } from '../snapshot/compile-task.js'
import type { ClusterMembers } from '../snapshot/config-delta.js'
import type { DnsPlan } from '../plan/dns-plan.js'

/** What main keeps about the things of a bootstrap, so that it never needs their messages. */

export function describeListeners(
  bootstrap: Bootstrap,
  { listeners: metas, tlsContexts }: CompiledConfig,
  types: Types,
): ListenerInfo[] {
  const secure = ownersOf(tlsContexts, 'listener')
  const listeners = bootstrap.staticResources?.listeners ?? []
  return metas.map((meta, index) => {
    const listener = listeners[index]
    const filters = listener === undefined ? [] : filtersOf(listener, types)
    const prefixes = (messages: readonly { statPrefix: string }[]) => [
      ...new Set(messages.map(message => message.statPrefix)),
    ]
    return {
      name: meta.name,
      slot: meta.slot,
      planId: meta.planId,
      statPrefix: listener?.statPrefix ?? '',
      httpStatPrefixes: prefixes(filters.filter(isManager)),
      tcpStatPrefixes: prefixes(filters.filter(isTcpProxy)),
      isInbound: meta.trafficDirection === TrafficDirection.INBOUND,
      hasTls: secure.has(meta.name),
    }
  })
}

/** Inline route tables, in the order of the listeners. */
export function routeConfigurations(bootstrap: Bootstrap, types: Types): RouteConfiguration[] {
  const filters = (bootstrap.staticResources?.listeners ?? []).flatMap(listener => filtersOf(listener, types))
  return filters
    .filter(isManager)
    .flatMap(({ routeSpecifier }) => (routeSpecifier.case === 'routeConfig' ? [routeSpecifier.value] : []))
}

export function describeVirtualHosts(bootstrap: Bootstrap, types: Types): VirtualHostInfo[] {
  return routeConfigurations(bootstrap, types)
    .flatMap(table => table.virtualHosts)
    .map(host => ({
      name: host.name,
      virtualClusters: host.virtualClusters.map(cluster => cluster.name),
      routes: host.routes.map(route => route.statPrefix).filter(prefix => prefix !== ''),
    }))
    .filter(host => host.virtualClusters.length + host.routes.length > 0)
}

const ownersOf = (contexts: CompiledConfig['tlsContexts'], kind: 'listener' | 'cluster'): ReadonlySet<string> =>
  new Set(contexts.filter(({ owner }) => owner.kind === kind).map(({ owner }) => owner.name))

export function describeClusters(bootstrap: Bootstrap, compiled: CompiledConfig): ClusterInfo[] {
  const byName = new Map((bootstrap.staticResources?.clusters ?? []).map(cluster => [cluster.name, cluster]))
  const secure = ownersOf(compiled.tlsContexts, 'cluster')
  return compiled.clusters.map(meta => ({
    ...describeCluster(meta, byName.get(meta.name), compiled.dnsResolver),
    hasTls: secure.has(meta.name),
  }))
}

function describeCluster(
  meta: ClusterMeta,
  cluster: Cluster | undefined,
  resolver: CompiledConfig['dnsResolver'],
): Omit<ClusterInfo, 'hasTls'> {
  const { default: normal, high } = meta.thresholds
  const observabilityName = cluster?.altStatName || meta.name
  return {
    name: meta.name,
    slot: meta.slot,
    planId: meta.planId,
    isAddedViaApi: false,
    edsServiceName: cluster?.edsClusterConfig?.serviceName ?? '',
    statName: observabilityName,
    observabilityName,
    dns: meta.dns && dnsPlan(meta.dns, resolver),
    thresholds: { default: limits(normal), high: limits(high) },
    transportSocketMatches: (cluster?.transportSocketMatches ?? []).map(match => match.name),
    trackRemaining: { default: normal.trackRemaining ?? false, high: high.trackRemaining ?? false },
  }
}

/** Members that are addresses, in the order of the endpoints plan. */
export function describeMembers(bootstrap: Bootstrap, compiled: CompiledConfig): ClusterMembers[] {
  const byName = new Map((bootstrap.staticResources?.clusters ?? []).map(cluster => [cluster.name, cluster]))
  const plans = new Map(compiled.plans.filter(({ kind }) => kind === 'endpoints').map(plan => [plan.name, plan.id]))
  return compiled.clusters
    .filter(({ dns }) => dns === undefined)
    .map(({ name }) => ({ cluster: name, planId: plans.get(name) ?? '', hosts: staticHosts(byName.get(name)) }))
}

function limits(entry: ClusterMeta['thresholds']['default']): Thresholds {
  return {
    maxConnections: Number(entry.maxConnections),
    maxPendingRequests: Number(entry.maxPending),
    maxRequests: Number(entry.maxRequests),
    maxRetries: Number(entry.maxRetries),
  }
}

function staticHosts(cluster: Cluster | undefined): HostInfo[] {
  return (cluster?.loadAssignment?.endpoints ?? []).flatMap(locality =>
    locality.lbEndpoints.map(endpoint => ({
      weight: endpoint.loadBalancingWeight ?? 1,
      health: endpoint.healthStatus,
      canary: endpoint.metadata?.filterMetadata['envoy.lb']?.['canary'] === true,
      region: locality.locality?.region ?? '',
      zone: locality.locality?.zone ?? '',
      subZone: locality.locality?.subZone ?? '',
      priority: locality.priority,
      transportSocket: transportSocketOf(cluster?.transportSocketMatches ?? [], endpoint.metadata, locality.metadata),
    })),
  )
}

/** The compiler's settings in the resolver's terms; a cluster without a resolver of its own takes the bootstrap's. */
function dnsPlan(dns: DnsSettings, resolver: CompiledConfig['dnsResolver']): DnsPlan {
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
    localities: dnsLocalities(dns),
    overprovisioningFactor: dns.template.overprovisioningFactor ?? 140,
    dropOverloadPpm: dns.template.dropOverloadPpm ?? 0,
  }
}

function dnsLocalities(dns: DnsSettings): DnsPlan['localities'] {
  return (dns.template.localities ?? []).map((locality, index) => ({
    region: locality.region ?? '',
    zone: locality.zone ?? '',
    subZone: locality.subZone ?? '',
    weight: locality.weight ?? 0,
    priority: locality.priority ?? 0,
    targets: (locality.hosts ?? []).map((host, position) => {
      const named = dns.targets.find(target => target.locality === index && target.host === position)
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
