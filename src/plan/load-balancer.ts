import type { Place } from '../api/plan-context.js'
import { isMessage, type Types } from '../config/index.js'
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  type Cluster_SlowStartConfig,
  type LoadBalancingPolicy,
} from '../generated/protos/envoy/config/cluster/v3/cluster_pb.js'
import type { ClusterProvided } from '../generated/protos/envoy/extensions/load_balancing_policies/cluster_provided/v3/cluster_provided_pb.js'
import type { Subset } from '../generated/protos/envoy/extensions/load_balancing_policies/subset/v3/subset_pb.js'
import type {
  LocalityLbConfig,
  SlowStartConfig,
} from '../generated/protos/envoy/extensions/load_balancing_policies/common/v3/common_pb.js'
import {
  type LeastRequest,
  LeastRequest_SelectionMethod,
} from '../generated/protos/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.js'
import type { Maglev } from '../generated/protos/envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.js'
import type {
  OverrideHost,
  OverrideHost_OverrideHostSource as OverrideSource,
} from '../generated/protos/envoy/extensions/load_balancing_policies/override_host/v3/override_host_pb.js'
import type { Random } from '../generated/protos/envoy/extensions/load_balancing_policies/random/v3/random_pb.js'
import type { RingHash } from '../generated/protos/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.js'
import type { RoundRobin } from '../generated/protos/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.js'
import { Cluster_Lb, Cluster_Type } from '../generated/plan_pb.js'
import type { FieldWalk } from './field-walk.js'
import { namedMaglev, namedRingHash, typedMaglev, typedRingHash } from './hash-balancer.js'
import type { ClusterInit } from './init.js'
import { extensionOf } from './known-extensions.js'
import { subsetLb } from './subset.js'
import { type Here, usesZones, zoneAware, type Zones } from './zone-aware.js'
import { milliseconds } from './values.js'

const policies = 'envoy.extensions.load_balancing_policies'
const defaultPanicThreshold = 50
const defaultChoices = 2

type Balancer = Pick<
  ClusterInit,
  | 'lb'
  | 'choiceCount'
  | 'activeRequestBias'
  | 'healthyPanicThreshold'
  | 'failTrafficOnPanic'
  | 'localityWeighted'
  | 'fullScan'
  | 'hashLb'
  | 'slowStart'
  | 'subset'
  | 'zoneAware'
  | 'overrideHost'
>

/** With what it says of zones. */
type ZonedBalancer = Balancer & { readonly zones?: Zones | undefined }

export function loadBalancer(
  cluster: Cluster,
  type: Cluster_Type,
  at: Place,
  types: Types,
  walk: FieldWalk,
  here: Here | undefined,
): Balancer {
  const chosen = configuredBalancer(cluster, type, at, types, walk)
  const { zones, ...balancer } = chosen
  const routes = here !== undefined && here.localCluster !== cluster.name && usesZones(balancer)
  return routes ? { ...balancer, zoneAware: zoneAware(zones, here) } : balancer
}

function configuredBalancer(
  cluster: Cluster,
  type: Cluster_Type,
  at: Place,
  types: Types,
  walk: FieldWalk,
): ZonedBalancer {
  const common = cluster.commonLbConfig
  const panic: Balancer = {
    healthyPanicThreshold: Math.round(common?.healthyPanicThreshold?.value ?? defaultPanicThreshold),
  }
  if (cluster.loadBalancingPolicy) {
    if (common?.localityConfigSpecifier.case !== undefined || common?.consistentHashingLbConfig) {
      at.field('load_balancing_policy').error(
        'cluster: load_balancing_policy cannot be combined with partial fields (zone_aware_lb_config, ' +
          'locality_weighted_lb_config, consistent_hashing_lb_config) of common_lb_config',
      )
    }
    if (cluster.lbSubsetConfig) at.error('cluster: load_balancing_policy cannot be combined with lb_subset_config')
    const inPolicies = at.field('load_balancing_policy').field('policies')
    return Object.assign(panic, typedPolicy(cluster, cluster.loadBalancingPolicy, inPolicies, types, walk))
  }
  const zone = common?.localityConfigSpecifier
  return Object.assign(panic, namedPolicy(cluster, type, at), {
    failTrafficOnPanic: zone?.case === 'zoneAwareLbConfig' && zone.value.failTrafficOnPanic,
    localityWeighted: zone?.case === 'localityWeightedLbConfig',
    zones: zone?.case === 'zoneAwareLbConfig' ? zone.value : undefined,
    ...subsets(cluster, at),
  })
}

/** Without a selector Envoy, too, does without subsets. */
function subsets(cluster: Cluster, at: Place): Balancer {
  const config = cluster.lbSubsetConfig
  if (!config) return {}
  if (cluster.lbPolicy === Cluster_LbPolicy.CLUSTER_PROVIDED)
    at.error('cluster: LB policy CLUSTER_PROVIDED cannot be combined with lb_subset_config')
  const subset = subsetLb(config, at.field('lb_subset_config'))
  return config.subsetSelectors.length === 0 ? {} : { subset }
}

function namedPolicy(cluster: Cluster, type: Cluster_Type, at: Place): Balancer {
  const inPolicy = at.field('lb_policy')
  switch (cluster.lbPolicy) {
    case Cluster_LbPolicy.ROUND_ROBIN: {
      const config = cluster.lbConfig.case === 'roundRobinLbConfig' ? cluster.lbConfig.value : undefined
      return { lb: Cluster_Lb.ROUND_ROBIN, ...slowStart(config, at.field('round_robin_lb_config')) }
    }
    case Cluster_LbPolicy.RANDOM:
      return { lb: Cluster_Lb.RANDOM }
    case Cluster_LbPolicy.LEAST_REQUEST: {
      const config = cluster.lbConfig.case === 'leastRequestLbConfig' ? cluster.lbConfig.value : undefined
      return {
        lb: Cluster_Lb.LEAST_REQUEST,
        choiceCount: config?.choiceCount ?? defaultChoices,
        activeRequestBias: config?.activeRequestBias?.defaultValue ?? 1,
        ...slowStart(config, at.field('least_request_lb_config')),
      }
    }
    case Cluster_LbPolicy.RING_HASH:
      return namedRingHash(cluster, type, at)
    case Cluster_LbPolicy.MAGLEV:
      return namedMaglev(cluster, type, at)
    case Cluster_LbPolicy.CLUSTER_PROVIDED:
      if (!mayProvide(type))
        inPolicy.error(`cluster provided LB specified but cluster '${cluster.name}' did not provide one`)
      break
    case Cluster_LbPolicy.LOAD_BALANCING_POLICY_CONFIG:
      at.error('cluster: field load_balancing_policy need to be set')
      break
    default:
      inPolicy.error('not a load balancing policy')
  }
  return {}
}

/** Types that may bring a balancer of their own. */
const mayProvide = (type: Cluster_Type): boolean =>
  type === Cluster_Type.ORIGINAL_DST || type === Cluster_Type.EXTENSION

/** The first policy of the list that Envoy knows counts. */
function typedPolicy(
  cluster: Cluster,
  list: LoadBalancingPolicy | undefined,
  at: Place,
  types: Types,
  walk: FieldWalk,
  within?: string,
): ZonedBalancer {
  for (const [index, policy] of (list?.policies ?? []).entries()) {
    const any = policy.typedExtensionConfig?.typedConfig
    const place = at.item(index).field('typed_extension_config').field('typed_config')
    const unpacked = any && types.unpackAny(any)
    if (!unpacked?.ok) continue
    const { message, typeName } = unpacked.value
    if (!extensionOf(typeName)?.startsWith('envoy.load_balancing_policies.')) continue
    walk.message(message, place)
    if (isMessage<RoundRobin>(message, `${policies}.round_robin.v3.RoundRobin`))
      return { lb: Cluster_Lb.ROUND_ROBIN, ...slowStart(message, place), ...locality(message.localityLbConfig) }
    if (isMessage<Random>(message, `${policies}.random.v3.Random`))
      return { lb: Cluster_Lb.RANDOM, ...locality(message.localityLbConfig) }
    if (isMessage<LeastRequest>(message, `${policies}.least_request.v3.LeastRequest`)) {
      return {
        lb: Cluster_Lb.LEAST_REQUEST,
        choiceCount: message.choiceCount ?? defaultChoices,
        activeRequestBias: message.activeRequestBias?.defaultValue ?? 1,
        fullScan: message.enableFullScan ?? message.selectionMethod === LeastRequest_SelectionMethod.FULL_SCAN,
        ...slowStart(message, place),
        ...locality(message.localityLbConfig),
      }
    }
    if (isMessage<OverrideHost>(message, `${policies}.override_host.v3.OverrideHost`)) {
      const inner = place.field('fallback_policy').field('policies')
      return {
        ...typedPolicy(cluster, message.fallbackPolicy, inner, types, walk, 'override host'),
        overrideHost: { sources: message.overrideHostSources.map(overrideSource) },
      }
    }
    if (isMessage<ClusterProvided>(message, `${policies}.cluster_provided.v3.ClusterProvided`))
      return notProvided(cluster, place)
    if (isMessage<Subset>(message, `${policies}.subset.v3.Subset`)) {
      const inner = place.field('subset_lb_policy').field('policies')
      return {
        ...typedPolicy(cluster, message.subsetLbPolicy, inner, types, walk, 'subset lb'),
        ...(message.subsetSelectors.length > 0 && { subset: subsetLb(message, place) }),
      }
    }
    if (isMessage<RingHash>(message, `${policies}.ring_hash.v3.RingHash`)) return typedRingHash(message, place)
    if (isMessage<Maglev>(message, `${policies}.maglev.v3.Maglev`)) return typedMaglev(message, place)
    return {}
  }
  at.error(
    `cluster: didn't find a registered load balancer factory implementation for ${within ?? `cluster: '${cluster.name}'`}`,
  )
  return {}
}

function overrideSource({ header, metadata }: OverrideSource): { header: string; metadataPath: string[] } {
  const keys = (metadata?.path ?? []).flatMap(({ segment }) => (segment.case === 'key' ? [segment.value] : []))
  return { header: header.toLowerCase(), metadataPath: metadata === undefined ? [] : [metadata.key, ...keys] }
}

function notProvided(cluster: Cluster, at: Place): Balancer {
  const spec = cluster.clusterDiscoveryType
  if (spec.case === 'type' && spec.value === Cluster_DiscoveryType.ORIGINAL_DST) return {}
  at.error(`cluster provided LB specified but cluster '${cluster.name}' did not provide one`)
  return {}
}

interface SlowStarting {
  readonly slowStartConfig?: SlowStartConfig | Cluster_SlowStartConfig | undefined
}

function slowStart(of: SlowStarting | undefined, at: Place): Balancer {
  const config = of?.slowStartConfig
  if (!config) return {}
  const windowMs = milliseconds(config.slowStartWindow, 0, at.field('slow_start_config').field('slow_start_window'))
  return {
    slowStart: {
      windowMs,
      aggression: config.aggression?.defaultValue ?? 1,
      minWeightPercent: config.minWeightPercent?.value ?? 10,
    },
  }
}

function locality(config: LocalityLbConfig | undefined): ZonedBalancer {
  const spec = config?.localityConfigSpecifier
  return {
    zones: spec?.case === 'zoneAwareLbConfig' ? spec.value : undefined,
    failTrafficOnPanic: spec?.case === 'zoneAwareLbConfig' && spec.value.failTrafficOnPanic,
    localityWeighted: spec?.case === 'localityWeightedLbConfig',
  }
}
