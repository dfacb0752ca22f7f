import type { Any } from '@bufbuild/protobuf/wkt'
import { isIP } from 'node:net'
import type { Place } from '../api/plan-context.js'
import { isMessage, type Types } from '../config/index.js'
import { Cluster_Type } from '../generated/plan_pb.js'
import { type Cluster, Cluster_DnsLookupFamily } from '../generated/protos/envoy/config/cluster/v3/cluster_pb.js'
import type { DnsResolutionConfig } from '../generated/protos/envoy/config/core/v3/resolver_pb.js'
import type { Address } from '../generated/protos/envoy/config/core/v3/address_pb.js'
import type { LbEndpoint } from '../generated/protos/envoy/config/endpoint/v3/endpoint_components_pb.js'
import { DnsLookupFamily } from '../generated/protos/envoy/extensions/clusters/common/dns/v3/dns_pb.js'
import type { CaresDnsResolverConfig } from '../generated/protos/envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver_pb.js'
import { addressText, checkProtocol, literalAddress, socketPort } from './address.js'
import {
  addressOf,
  assignmentPlan,
  commonHost,
  encodeEndpoints,
  type HostCompiler,
  isElsewhere,
  staticHost,
} from './assignment.js'
import type { ClusterKind } from './cluster.js'
import type { EndpointsInit, HostInit } from './init.js'
import { milliseconds } from './values.js'

const defaultRefresh = 5_000

export type LookupFamily = 'AUTO' | 'V4_ONLY' | 'V6_ONLY' | 'V4_PREFERRED' | 'ALL'

/** A host whose addresses DNS tells. `locality` and `host` index the template. */
export interface DnsTarget {
  readonly locality: number
  readonly host: number
  readonly name: string
  readonly port: number
}

/** How the members of a DNS cluster are found; plain data for the main thread's resolver. */
export interface DnsSettings {
  readonly family: LookupFamily
  readonly refreshMs: number
  readonly failureBaseMs: number
  readonly failureMaxMs: number
  readonly jitterMs: number
  readonly minRefreshMs: number
  readonly respectTtl: boolean
  /** "10.0.0.1:53"; empty: the system's resolvers. */
  readonly resolvers: readonly string[]
  readonly noDefaultSearchDomain: boolean
  readonly queryTimeoutMs: number
  readonly queryTries: number
  /** LOGICAL_DNS: one host, whatever DNS answers. */
  readonly isLogical: boolean
  readonly targets: readonly DnsTarget[]
  /** The endpoints as configured; hosts named by a target have no address yet. */
  readonly template: EndpointsInit
}

export interface CompiledEndpoints {
  /** The plan as it is at first: for DNS clusters with names not resolved yet, cold. */
  readonly bytes: Uint8Array
  readonly dns?: DnsSettings
}

export function endpointsPlan(cluster: Cluster, kind: ClusterKind, at: Place, types: Types): CompiledEndpoints {
  const assignment = cluster.loadAssignment
  const inAssignment = at.field('load_assignment')
  const targets: DnsTarget[] = []
  const isDns = kind.type === Cluster_Type.STRICT_DNS || kind.type === Cluster_Type.LOGICAL_DNS
  const host: HostCompiler = isDns ? (endpoint, place, where) => dnsHost(endpoint, place, where, targets) : staticHost
  const { localities = [], ...rest } = assignmentPlan(assignment, cluster.transportSocketMatches, inAssignment, host)
  for (const [index, entry] of (assignment?.endpoints ?? []).entries()) {
    if (isElsewhere(entry))
      inAssignment
        .field('endpoints')
        .item(index)
        .error(`LEDS is only supported when EDS is used. Static cluster ${cluster.name} cannot use LEDS.`)
  }
  if (kind.type === Cluster_Type.LOGICAL_DNS && (localities.length !== 1 || localities[0]?.hosts?.length !== 1)) {
    inAssignment.error('LOGICAL_DNS clusters must have a single locality_lb_endpoint and a single lb_endpoint')
  }
  const template: EndpointsInit = { localities, ...rest, warm: targets.length === 0 }
  const dns = isDns ? { dns: dnsSettings(cluster, kind, at, types, targets, template) } : {}
  // Before the first resolution nothing is known: names that are literal addresses count at once.
  return { bytes: encodeEndpoints(targets.length === 0 ? template : { ...template, localities: [] }), ...dns }
}

function dnsHost(
  endpoint: LbEndpoint,
  at: Place,
  where: { locality: number; host: number },
  targets: DnsTarget[],
): HostInit {
  const address = addressOf(endpoint, at)
  const host = commonHost(endpoint)
  if (address?.address.case !== 'socketAddress') {
    if (address?.address.case === 'pipe') at.field('pipe').error('a DNS cluster takes host names, not unix sockets')
    if (address?.address.case === 'envoyInternalAddress')
      at.field('envoy_internal_address').unsupported('internal addresses in DNS clusters')
    return host
  }
  const socket = address.address.value
  const inSocket = at.field('socket_address')
  checkProtocol(socket, inSocket)
  if (socket.resolverName !== '')
    inSocket.field('resolver_name').error('DNS clusters must NOT have a custom resolver name set')
  const port = socketPort(socket, inSocket)
  const named: HostInit = { ...host, hostname: host.hostname || socket.address }
  if (isIP(socket.address) !== 0) return { ...named, address: { ip: socket.address, port } }
  targets.push({ ...where, name: socket.address, port })
  return named
}

const families: Readonly<Record<Cluster_DnsLookupFamily, LookupFamily>> = {
  [Cluster_DnsLookupFamily.AUTO]: 'AUTO',
  [Cluster_DnsLookupFamily.V4_ONLY]: 'V4_ONLY',
  [Cluster_DnsLookupFamily.V6_ONLY]: 'V6_ONLY',
  [Cluster_DnsLookupFamily.V4_PREFERRED]: 'V4_PREFERRED',
  [Cluster_DnsLookupFamily.ALL]: 'ALL',
}
const typedFamilies: Readonly<Record<DnsLookupFamily, LookupFamily>> = {
  [DnsLookupFamily.UNSPECIFIED]: 'AUTO',
  [DnsLookupFamily.AUTO]: 'AUTO',
  [DnsLookupFamily.V4_ONLY]: 'V4_ONLY',
  [DnsLookupFamily.V6_ONLY]: 'V6_ONLY',
  [DnsLookupFamily.V4_PREFERRED]: 'V4_PREFERRED',
  [DnsLookupFamily.ALL]: 'ALL',
}

function dnsSettings(
  cluster: Cluster,
  kind: ClusterKind,
  at: Place,
  types: Types,
  targets: readonly DnsTarget[],
  template: EndpointsInit,
): DnsSettings {
  const { dns } = kind
  const own = dns ?? cluster
  const place = dns ? at.field('cluster_type').field('typed_config') : at
  const refresh = milliseconds(own.dnsRefreshRate, defaultRefresh, place.field('dns_refresh_rate'))
  const failure = own.dnsFailureRefreshRate
  const inFailure = place.field('dns_failure_refresh_rate')
  const base = milliseconds(failure?.baseInterval, refresh, inFailure.field('base_interval'))
  const max = milliseconds(failure?.maxInterval, failure ? base * 10 : refresh, inFailure.field('max_interval'))
  if (max < base)
    inFailure.field('max_interval').error('max_interval must be greater than or equal to the base_interval')
  return {
    family: dns ? typedFamilies[dns.dnsLookupFamily] : families[cluster.dnsLookupFamily],
    refreshMs: refresh,
    failureBaseMs: base,
    failureMaxMs: max,
    jitterMs: milliseconds(own.dnsJitter, 0, place.field('dns_jitter')),
    minRefreshMs: dns ? milliseconds(dns.dnsMinRefreshRate, 0, place.field('dns_min_refresh_rate')) : 0,
    respectTtl: own.respectDnsTtl,
    ...resolverOf(cluster, kind, at, types),
    isLogical: kind.type === Cluster_Type.LOGICAL_DNS,
    targets,
    template,
  }
}

/** Where names are asked for, and how patiently. */
export type ResolverSettings = Pick<
  DnsSettings,
  'resolvers' | 'noDefaultSearchDomain' | 'queryTimeoutMs' | 'queryTries'
>

/** c-ares' defaults as Envoy sets them. */
const systemResolver: ResolverSettings = {
  resolvers: [],
  noDefaultSearchDomain: false,
  queryTimeoutMs: 5_000,
  queryTries: 4,
}

/** The resolver of one cluster: its typed config, else its deprecated fields. The bootstrap's own is merged in by the main thread. */
function resolverOf(cluster: Cluster, kind: ClusterKind, at: Place, types: Types): ResolverSettings {
  const typed = kind.dns?.typedDnsResolverConfig ?? cluster.typedDnsResolverConfig
  if (typed?.typedConfig)
    return typedResolver(typed.typedConfig, at.field('typed_dns_resolver_config').field('typed_config'), types)
  if (cluster.dnsResolutionConfig) return plainResolver(cluster.dnsResolutionConfig, at.field('dns_resolution_config'))
  const resolvers = cluster.dnsResolvers.map((address, index) =>
    resolverAddress(address, at.field('dns_resolvers').item(index)),
  )
  return { ...systemResolver, resolvers }
}

/** Settings of a DnsResolutionConfig. */
export function plainResolver(config: DnsResolutionConfig | undefined, at: Place): ResolverSettings {
  return {
    ...systemResolver,
    resolvers: (config?.resolvers ?? []).map((address, index) =>
      resolverAddress(address, at.field('resolvers').item(index)),
    ),
    noDefaultSearchDomain: config?.dnsResolverOptions?.noDefaultSearchDomain ?? false,
  }
}

/** Settings of a typed DNS resolver; c-ares and the system's are the same here. */
export function typedResolver(any: Any, at: Place, types: Types): ResolverSettings {
  const unpacked = types.unpackAny(any)
  if (!unpacked.ok) return systemResolver
  const { message } = unpacked.value
  if (
    !isMessage<CaresDnsResolverConfig>(message, 'envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig')
  )
    return systemResolver
  return {
    resolvers: message.resolvers.map((address, index) => resolverAddress(address, at.field('resolvers').item(index))),
    noDefaultSearchDomain: message.dnsResolverOptions?.noDefaultSearchDomain ?? false,
    queryTimeoutMs:
      message.queryTimeoutSeconds === undefined
        ? systemResolver.queryTimeoutMs
        : Number(message.queryTimeoutSeconds) * 1000,
    queryTries: message.queryTries ?? systemResolver.queryTries,
  }
}

function resolverAddress(address: Address, at: Place): string {
  const literal = literalAddress(address, at)
  return addressText({ ...literal, port: literal.port || 53 })
}
