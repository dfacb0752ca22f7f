import type { Place } from '../api/plan-context.js'
import {
  type Cluster,
  Cluster_RingHashLbConfig_HashFunction,
} from '../generated/protos/envoy/config/cluster/v3/cluster_pb.js'
import type { Maglev } from '../generated/protos/envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.js'
import {
  type RingHash,
  RingHash_HashFunction,
} from '../generated/protos/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.js'
import { Cluster_Lb, Cluster_Type } from '../generated/plan_pb.js'
import type { ClusterInit } from './init.js'

type HashBalancer = Pick<ClusterInit, 'lb' | 'hashLb' | 'localityWeighted'>

/** The table of a cluster that hashes. Plain data: it crosses threads. */
export type HashingInfo = (
  | { readonly kind: 'ring'; readonly min: number; readonly max: number }
  | { readonly kind: 'maglev'; readonly size: number }
) & {
  /** In percent. */
  readonly panicThreshold: number
}

/** Undefined: it does not hash, or hashes within subsets. */
export function hashingInfo({ lb, hashLb, subset, healthyPanicThreshold = 0 }: ClusterInit): HashingInfo | undefined {
  if (!hashLb || subset) return undefined
  const panicThreshold = healthyPanicThreshold
  if (lb === Cluster_Lb.MAGLEV) return { kind: 'maglev', size: hashLb.tableSize ?? 0, panicThreshold }
  return { kind: 'ring', min: Number(hashLb.minRingSize), max: Number(hashLb.maxRingSize), panicThreshold }
}

const defaultMinRing = 1024n
const defaultMaxRing = 8n * 1024n * 1024n
const defaultTableSize = 65537n

interface Ring {
  readonly minimumRingSize?: bigint | undefined
  readonly maximumRingSize?: bigint | undefined
}

function ring(config: Ring | undefined, at: Place): { minRingSize: bigint; maxRingSize: bigint } {
  const [minRingSize, maxRingSize] = [
    config?.minimumRingSize ?? defaultMinRing,
    config?.maximumRingSize ?? defaultMaxRing,
  ]
  if (minRingSize > maxRingSize)
    at.error(`ring hash: minimum_ring_size (${minRingSize}) > maximum_ring_size (${maxRingSize})`)
  return { minRingSize, maxRingSize }
}

function tableSize(size: bigint | undefined, at: Place): number {
  const wanted = Number(size ?? defaultTableSize)
  if (!isPrime(wanted)) at.field('table_size').error('The table size of maglev must be prime number')
  return wanted
}

function isPrime(number: number): boolean {
  if (number < 2) return false
  for (let divisor = 2; divisor * divisor <= number; divisor++) if (number % divisor === 0) return false
  return true
}

/** `lb_policy: RING_HASH`. */
export function namedRingHash(cluster: Cluster, type: Cluster_Type, at: Place): HashBalancer {
  const config = cluster.lbConfig.case === 'ringHashLbConfig' ? cluster.lbConfig.value : undefined
  const murmur = config?.hashFunction === Cluster_RingHashLbConfig_HashFunction.MURMUR_HASH_2
  const sizes = ring(config, at.field('ring_hash_lb_config'))
  return { lb: Cluster_Lb.RING_HASH, hashLb: { ...sizes, murmur, ...common(cluster, type, at) } }
}

/** `lb_policy: MAGLEV`. */
export function namedMaglev(cluster: Cluster, type: Cluster_Type, at: Place): HashBalancer {
  const config = cluster.lbConfig.case === 'maglevLbConfig' ? cluster.lbConfig.value : undefined
  const size = tableSize(config?.tableSize, at.field('maglev_lb_config'))
  return { lb: Cluster_Lb.MAGLEV, hashLb: { tableSize: size, ...common(cluster, type, at) } }
}

function common(cluster: Cluster, type: Cluster_Type, at: Place): { useHostname: boolean; balanceFactor: number } {
  const balanceFactor = cluster.commonLbConfig?.consistentHashingLbConfig?.hashBalanceFactor ?? 0
  return { useHostname: usesHostname(cluster, type, at), balanceFactor }
}

function usesHostname(cluster: Cluster, type: Cluster_Type, at: Place): boolean {
  const wanted = cluster.commonLbConfig?.consistentHashingLbConfig?.useHostnameForHashing ?? false
  const name = { [Cluster_Type.STATIC]: 'static', [Cluster_Type.LOGICAL_DNS]: 'logical_dns' }[type as number]
  if (wanted && name !== undefined)
    at.error(`Cannot use hostname for consistent hashing loadbalancing for cluster of type: 'envoy.cluster.${name}'`)
  return wanted
}

/** The same in `load_balancing_policy`. */
export function typedRingHash(config: RingHash, at: Place): HashBalancer {
  const useHostname = config.consistentHashingLbConfig?.useHostnameForHashing ?? config.useHostnameForHashing
  const murmur = config.hashFunction === RingHash_HashFunction.MURMUR_HASH_2
  return {
    lb: Cluster_Lb.RING_HASH,
    hashLb: {
      ...ring(config, at),
      murmur,
      useHostname,
      balanceFactor: config.consistentHashingLbConfig?.hashBalanceFactor ?? config.hashBalanceFactor ?? 0,
    },
    localityWeighted: config.localityWeightedLbConfig !== undefined,
  }
}

export function typedMaglev(config: Maglev, at: Place): HashBalancer {
  const useHostname = config.consistentHashingLbConfig?.useHostnameForHashing ?? false
  return {
    lb: Cluster_Lb.MAGLEV,
    hashLb: {
      tableSize: tableSize(config.tableSize, at),
      useHostname,
      balanceFactor: config.consistentHashingLbConfig?.hashBalanceFactor ?? 0,
    },
    localityWeighted: config.localityWeightedLbConfig !== undefined,
  }
}
