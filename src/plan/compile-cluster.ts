import type { Place } from '../api/plan-context.js'
import { Cluster_Type } from '../generated/plan_pb.js'
import type { Cluster } from '../generated/protos/envoy/config/cluster/v3/cluster_pb.js'
import { clusterKind, clusterPlan, type ClusterThresholds, clusterThresholds, type ClusterTools } from './cluster.js'
import type { Compilation } from './compilation.js'
import { discoverySource } from './config-source.js'
import { type DnsSettings, endpointsPlan } from './endpoints.js'
import type { HashingInfo } from './hash-balancer.js'
import type { HealthCheckPlan } from './health-check-plan.js'
import { namePart } from './ids.js'
import type { OutlierPlan } from './outlier-plan.js'
import type { EndpointUse } from './reference.js'
import type { Here } from './zone-aware.js'

export interface ClusterMeta {
  readonly name: string
  readonly slot: number
  readonly planId: string
  readonly type: Cluster_Type
  readonly thresholds: ClusterThresholds
  /** For STRICT_DNS and LOGICAL_DNS. */
  readonly dns?: DnsSettings
  /** Its members are checked actively. */
  readonly health?: HealthCheckPlan
  readonly outlier?: OutlierPlan
  readonly hashing?: HashingInfo
  /** For EDS: what its assignment is compiled with. */
  readonly endpoints?: EndpointUse
}

/** One cluster and, unless they come by EDS, its endpoints; undefined when its type was refused. */
export function compileCluster(cluster: Cluster, compilation: Compilation, at: Place): ClusterMeta | undefined {
  const tools = clusterTools(compilation)
  const kind = clusterKind(cluster, at, tools.types)
  const thresholds = clusterThresholds(cluster, compilation.runtime)
  if (!kind) {
    clusterPlan(cluster, { type: Cluster_Type.EXTENSION }, at, tools) // for its errors
    return undefined
  }
  const slot = compilation.deps.slots.of('clusters', cluster.name)
  const compiled = clusterPlan(cluster, kind, at, tools)
  const { id: planId } = compilation.add('cluster', cluster.name, slot, compiled.bytes)
  const { type } = kind
  const { name } = cluster
  const { health, outlier, hashing } = compiled
  const meta = {
    name,
    slot,
    planId,
    type,
    thresholds,
    ...(health && { health }),
    ...(outlier && { outlier }),
    ...(hashing && { hashing }),
  }
  if (type === Cluster_Type.EDS) return { ...meta, endpoints: discoverEndpoints(cluster, slot, compilation, at) }
  if (cluster.healthChecks.length > 0 && hasInternalHosts(cluster))
    at.field('health_checks').unsupported('active health checks of internal listeners')
  const { bytes, dns } = endpointsPlan(cluster, kind, at, tools.types)
  compilation.add('endpoints', name, slot, bytes)
  return dns ? { ...meta, dns } : meta
}

const assignmentTypeUrl = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment'

function discoverEndpoints(cluster: Cluster, slot: number, compilation: Compilation, at: Place): EndpointUse {
  const use: EndpointUse = {
    cluster: cluster.name,
    slot,
    transportSocketMatches: cluster.transportSocketMatches.map(({ match }) => (match ? { match } : {})),
    isChecked: cluster.healthChecks.length > 0,
  }
  const config = cluster.edsClusterConfig
  if (!config) return use // reported
  const place = at.field('eds_cluster_config').field('eds_config')
  const source = discoverySource(config.edsConfig, assignmentTypeUrl, place, compilation.environment.sources)
  const name = config.serviceName || cluster.name
  if (source) compilation.refer({ kind: 'endpoint', source, name, slot, isRequired: true, use })
  return use
}

function hereOf({ environment: { bootstrap }, deps }: Compilation): Here | undefined {
  const localCluster = bootstrap.clusterManager?.localClusterName ?? ''
  if (localCluster === '') return undefined
  const { region = '', zone = '', subZone = '' } = bootstrap.node?.locality ?? {}
  return { localCluster, slot: deps.slots.of('clusters', localCluster), region, zone, subZone }
}

function clusterTools(compilation: Compilation): ClusterTools {
  const bind = compilation.environment.bootstrap.clusterManager?.upstreamBindConfig
  return {
    types: compilation.deps.types,
    walk: compilation.walk,
    transportSocket: (config, cluster, name, place) => {
      if (!config) return undefined
      const parts = ['cluster', cluster, ...(name === '' ? [] : [name])].map(namePart)
      return compilation.transportSocket(
        'upstream',
        config,
        { owner: { kind: 'cluster', name: cluster }, name: parts.join('/') },
        place,
      )
    },
    checkRegex: compilation.checkRegex,
    unpack: (any, place) => compilation.unpack(any, place),
    format: (text, place) => compilation.formats.format(text, place),
    clusterSlot: name => compilation.deps.slots.of('clusters', name),
    upstreamFilters: (filters, cluster, place) =>
      compilation.upstreamFilters(filters, place, {
        owner: `cluster/${namePart(cluster.name)}`,
        statPrefix: cluster.altStatName || cluster.name,
        isRouter: false,
      }),
    here: hereOf(compilation),
    defaultBind: bind && { config: bind, at: compilation.issues.root('cluster_manager.upstream_bind_config') },
  }
}

function hasInternalHosts({ loadAssignment }: Cluster): boolean {
  const members = loadAssignment?.endpoints.flatMap(({ lbEndpoints }) => lbEndpoints) ?? []
  return members.some(
    ({ hostIdentifier: spec }) =>
      spec.case === 'endpoint' && spec.value.address?.address.case === 'envoyInternalAddress',
  )
}
