import type { Place } from '../api/plan-context.js'
import { Cluster_Type } from '../generated/plan_pb.js'
import type { Cluster } from '../generated/protos/envoy/config/cluster/v3/cluster_pb.js'
import { Cluster_LbPolicy } from '../generated/protos/envoy/config/cluster/v3/cluster_pb.js'
import type { ClusterInit } from './init.js'
import { milliseconds } from './values.js'

const defaultHeader = 'x-envoy-original-dst-host'
const defaultCleanupMs = 5_000

/** ORIGINAL_DST clusters: their members are the destinations of requests. */
export function originalDst(cluster: Cluster, type: Cluster_Type, at: Place): Pick<ClusterInit, 'originalDst'> {
  if (type !== Cluster_Type.ORIGINAL_DST) return {}
  if (cluster.loadAssignment)
    at.field('load_assignment').error('ORIGINAL_DST clusters must have no load assignment configured')
  if (cluster.lbPolicy !== Cluster_LbPolicy.CLUSTER_PROVIDED && !cluster.loadBalancingPolicy)
    at.field('lb_policy').error(
      `cluster: LB policy ${Cluster_LbPolicy[cluster.lbPolicy]} is not valid for Cluster type ORIGINAL_DST. Only 'CLUSTER_PROVIDED' is allowed with cluster type 'ORIGINAL_DST'`,
      'write lb_policy: CLUSTER_PROVIDED',
    )
  const config = cluster.lbConfig.case === 'originalDstLbConfig' ? cluster.lbConfig.value : undefined
  const inConfig = at.field('original_dst_lb_config')
  const useHeader = config?.useHttpHeader ?? false
  const header = config?.httpHeaderName ?? ''
  if (header !== '' && !useHeader)
    inConfig
      .field('http_header_name')
      .error(
        `ORIGINAL_DST cluster: invalid config http_header_name=${header} and use_http_header is false. Set use_http_header to true if http_header_name is desired.`,
      )
  const key = config?.metadataKey
  const path = key ? [key.key, ...key.path.map(({ segment }) => (segment.case === 'key' ? segment.value : ''))] : []
  return {
    originalDst: {
      header: useHeader ? (header || defaultHeader).toLowerCase() : '',
      metadataPath: path,
      port: config?.upstreamPortOverride ?? 0,
      cleanupIntervalMs: milliseconds(cluster.cleanupInterval, defaultCleanupMs, at.field('cleanup_interval')),
    },
  }
}
