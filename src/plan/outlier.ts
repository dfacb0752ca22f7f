import type { Place } from '../api/plan-context.js'
import type { Cluster } from '../generated/protos/envoy/config/cluster/v3/cluster_pb.js'
import type { OutlierDetectionInit } from './init.js'
import type { OutlierPlan } from './outlier-plan.js'
import { milliseconds } from './values.js'

const defaultIntervalMs = 10_000
const defaultBaseEjectionMs = 30_000
const defaultMaxEjectionMs = 300_000
const defaultMaxEjectionPercent = 10
const defaultRun = 5
const defaultMinimumHosts = 5
const defaultRateVolume = 100
const defaultStdevFactor = 1900
const defaultFailureVolume = 50
const defaultFailureThreshold = 85
const always = 100
const never = 0

/** What workers count, and what main does about it; undefined: the cluster has none. */
export function outlierDetection(
  cluster: Cluster,
  at: Place,
): { readonly counted: OutlierDetectionInit; readonly plan: OutlierPlan } | undefined {
  const config = cluster.outlierDetection
  if (!config) return undefined
  const place = at.field('outlier_detection')
  const baseEjectionMs = milliseconds(config.baseEjectionTime, defaultBaseEjectionMs, place.field('base_ejection_time'))
  const maxEjectionMs = milliseconds(
    config.maxEjectionTime,
    Math.max(defaultMaxEjectionMs, baseEjectionMs),
    place.field('max_ejection_time'),
  )
  if (maxEjectionMs < baseEjectionMs)
    place.error("outlier detector's max_ejection_time cannot be smaller than base_ejection_time")
  return {
    counted: {
      consecutive5xx: config.consecutive5xx ?? defaultRun,
      consecutiveGateway: config.consecutiveGatewayFailure ?? defaultRun,
      consecutiveLocalOrigin: config.consecutiveLocalOriginFailure ?? defaultRun,
      splitLocalOrigin: config.splitExternalLocalOriginErrors,
    },
    plan: {
      intervalMs: milliseconds(config.interval, defaultIntervalMs, place.field('interval')),
      baseEjectionMs,
      maxEjectionMs,
      jitterMs: milliseconds(config.maxEjectionTimeJitter, 0, place.field('max_ejection_time_jitter')),
      maxEjectionPercent: config.maxEjectionPercent ?? defaultMaxEjectionPercent,
      alwaysEjectsOne: config.alwaysEjectOneHost ?? false,
      enforcing: {
        consecutive_5xx: config.enforcingConsecutive5xx ?? always,
        consecutive_gateway_failure: config.enforcingConsecutiveGatewayFailure ?? never,
        consecutive_local_origin_failure: config.enforcingConsecutiveLocalOriginFailure ?? always,
        success_rate: config.enforcingSuccessRate ?? always,
        local_origin_success_rate: config.enforcingLocalOriginSuccessRate ?? always,
        failure_percentage: config.enforcingFailurePercentage ?? never,
        local_origin_failure_percentage: config.enforcingFailurePercentageLocalOrigin ?? never,
      },
      successRate: {
        minimumHosts: config.successRateMinimumHosts ?? defaultMinimumHosts,
        requestVolume: config.successRateRequestVolume ?? defaultRateVolume,
        stdevFactor: config.successRateStdevFactor ?? defaultStdevFactor,
      },
      failurePercentage: {
        minimumHosts: config.failurePercentageMinimumHosts ?? defaultMinimumHosts,
        requestVolume: config.failurePercentageRequestVolume ?? defaultFailureVolume,
        threshold: config.failurePercentageThreshold ?? defaultFailureThreshold,
      },
      isEndedByCheck: config.successfulActiveHealthCheckUnejectHost ?? true,
    },
  }
}
