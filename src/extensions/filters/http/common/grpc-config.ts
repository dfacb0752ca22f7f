import type { Place, PlanContext } from '../../../../api/plan-context.js'
import type { GrpcService as GrpcConfig } from '../../../../generated/protos/envoy/config/core/v3/grpc_service_pb.js'

/** A gRPC service that a filter asks, over a cluster of the configuration. */
export interface GrpcTarget {
  readonly cluster: string
  readonly authority: string
  readonly timeoutMs: number
  readonly metadata: readonly (readonly [name: string, value: string])[]
}

/** Undefined: an error was reported. */
export function grpcTarget(
  config: GrpcConfig,
  defaultTimeoutMs: number,
  context: PlanContext,
  at: Place,
): GrpcTarget | undefined {
  const target = config.targetSpecifier
  if (target.case !== 'envoyGrpc') {
    at.field('google_grpc').unsupported('gRPC services outside of the clusters')
    return undefined
  }
  if (config.retryPolicy) at.field('retry_policy').warning('has no effect: the service is asked once')
  const { clusterName, authority } = target.value
  return {
    cluster: clusterName,
    authority: authority === '' ? clusterName : authority,
    timeoutMs: context.milliseconds(config.timeout, defaultTimeoutMs, at.field('timeout')),
    metadata: config.initialMetadata.map(({ key, value }): [string, string] => [key.toLowerCase(), value]),
  }
}
