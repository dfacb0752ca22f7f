import { Cluster_Lb } from '../generated/plan_pb.js'
import type { Percent } from '../generated/protos/envoy/type/v3/percent_pb.js'
import { LocalityLbConfig_ZoneAwareLbConfig_LocalityBasis as Basis } from '../generated/protos/envoy/extensions/load_balancing_policies/common/v3/common_pb.js'
import type { ClusterInit } from './init.js'

/** Where this proxy is, and the cluster of all that are like it. */
export interface Here {
  readonly localCluster: string
  readonly slot: number
  readonly region: string
  readonly zone: string
  readonly subZone: string
}

/** ZoneAwareLbConfig of a cluster or of a load balancing policy. */
export interface Zones {
  readonly routingEnabled?: Percent | undefined
  readonly minClusterSize?: bigint | undefined
  readonly forceLocalZone?: { readonly minSize?: number | undefined } | undefined
  readonly forceLocalityDirectRouting?: boolean
  readonly localityBasis?: Basis
}

const defaultMinClusterSize = 6n
const always = 100

/** Balancers that keep requests in the zone, unless localities have weights; as in Envoy, without being told to. */
export const usesZones = ({ lb, localityWeighted, subset, hashLb }: Partial<ClusterInit>): boolean =>
  (lb === Cluster_Lb.ROUND_ROBIN || lb === Cluster_Lb.LEAST_REQUEST || lb === Cluster_Lb.RANDOM) &&
  localityWeighted !== true &&
  subset === undefined &&
  hashLb === undefined

export function zoneAware(zones: Zones | undefined, here: Here): NonNullable<ClusterInit['zoneAware']> {
  const { slot, region, zone, subZone } = here
  const isForced = zones?.forceLocalZone !== undefined || zones?.forceLocalityDirectRouting === true
  return {
    localClusterSlot: slot,
    region,
    zone,
    subZone,
    minClusterSize: zones?.minClusterSize ?? defaultMinClusterSize,
    enabledPercent: Math.round(zones?.routingEnabled?.value ?? always),
    ...(isForced && { forceMinSize: zones.forceLocalZone?.minSize ?? 1 }),
    byWeight: zones?.localityBasis === Basis.HEALTHY_HOSTS_WEIGHT,
  }
}
