import { create, toBinary } from '@bufbuild/protobuf'
import { carried, whole } from '../../../../api/field-policy.js'
import { defineNativeHttpFilter } from '../../../../api/native.js'
import type { PlanContext, PlanInit } from '../../../../api/plan-context.js'
import {
  type AbortSchema,
  type DelaySchema,
  FaultSchema,
  type RateLimitSchema,
} from '../../../../generated/filters/http/fault/plan_pb.js'
import type {
  FaultAbort,
  HTTPFault,
} from '../../../../generated/protos/envoy/extensions/filters/http/fault/v3/fault_pb.js'
import type {
  FaultDelay,
  FaultRateLimit,
} from '../../../../generated/protos/envoy/extensions/filters/common/fault/v3/fault_pb.js'

const schema = 'envoy.extensions.filters.http.fault.v3'
const common = 'envoy.extensions.filters.common.fault.v3'

/** envoy.filters.http.fault: delays, aborts and slows down requests on purpose. */
const fault = defineNativeHttpFilter<HTTPFault, HTTPFault>({
  name: 'envoy.filters.http.fault',
  typeNames: [`${schema}.HTTPFault`],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
  plan: faultPlan,
  route: { typeNames: [`${schema}.HTTPFault`], plan: faultPlan },
  policy: {
    [`${schema}.HTTPFault`]: {
      ...carried('delay abort headers response_rate_limit'),
      ...whole('upstream_cluster downstream_nodes max_active_faults filter_metadata disable_downstream_cluster_stats'),
      ...whole('delay_percent_runtime abort_percent_runtime delay_duration_runtime abort_http_status_runtime'),
      ...whole('max_active_faults_runtime response_rate_limit_percent_runtime abort_grpc_status_runtime'),
    },
    [`${schema}.FaultAbort`]: whole('http_status grpc_status header_abort percentage response_body'),
    [`${common}.FaultDelay`]: whole('fixed_delay header_delay percentage'),
    [`${common}.FaultRateLimit`]: { ...carried('fixed_limit'), ...whole('header_limit percentage') },
    [`${common}.FaultRateLimit.FixedLimit`]: whole('limit_kbps'),
  },
})

function faultPlan(config: HTTPFault, context: PlanContext): Uint8Array {
  const delayKey = config.delayPercentRuntime || 'fault.http.delay.fixed_delay_percent'
  const abortKey = config.abortPercentRuntime || 'fault.http.abort.abort_percent'
  return toBinary(
    FaultSchema,
    create(FaultSchema, {
      ...(config.delay && { delay: delay(config.delay, config, delayKey, context) }),
      ...(config.abort && { abort: abort(config.abort, config, abortKey, context) }),
      ...(config.responseRateLimit && { rateLimit: rateLimit(config.responseRateLimit, config, context) }),
      upstreamCluster: config.upstreamCluster,
      headers: context.headerMatchers(config.headers, context.field('headers')),
      downstreamNodes: config.downstreamNodes,
      ...(config.maxActiveFaults !== undefined && { maxActive: config.maxActiveFaults }),
      maxActiveRuntime: config.maxActiveFaultsRuntime || 'fault.http.max_active_faults',
      delayPercentRuntime: delayKey,
      abortPercentRuntime: abortKey,
      withoutClusterStats: config.disableDownstreamClusterStats,
      metadataJson: JSON.stringify(config.filterMetadata ?? {}),
    }),
  )
}

function delay(
  { percentage, faultDelaySecifier: by }: FaultDelay,
  config: HTTPFault,
  key: string,
  context: PlanContext,
): PlanInit<typeof DelaySchema> {
  const place = context.field('delay').field('fixed_delay')
  return {
    fixedMs: BigInt(by.case === 'fixedDelay' ? context.milliseconds(by.value, 0, place) : 0),
    byHeader: by.case === 'headerDelay',
    fraction: context.percentage(percentage, key),
    durationRuntime: config.delayDurationRuntime || 'fault.http.delay.fixed_duration_ms',
  }
}

function abort(
  { percentage, errorType: by, responseBody }: FaultAbort,
  config: HTTPFault,
  key: string,
  context: PlanContext,
): PlanInit<typeof AbortSchema> {
  return {
    httpStatus: by.case === 'httpStatus' ? by.value : 0,
    ...(by.case === 'grpcStatus' && { grpcStatus: by.value }),
    byHeader: by.case === 'headerAbort',
    fraction: context.percentage(percentage, key),
    httpStatusRuntime: config.abortHttpStatusRuntime || 'fault.http.abort.http_status',
    grpcStatusRuntime: config.abortGrpcStatusRuntime || 'fault.http.abort.grpc_status',
    body: responseBody,
  }
}

function rateLimit(
  { percentage, limitType: by }: FaultRateLimit,
  config: HTTPFault,
  context: PlanContext,
): PlanInit<typeof RateLimitSchema> {
  const key = config.responseRateLimitPercentRuntime || 'fault.http.rate_limit.response_percent'
  return {
    kbps: by.case === 'fixedLimit' ? by.value.limitKbps : 0n,
    byHeader: by.case === 'headerLimit',
    fraction: context.percentage(percentage, key),
  }
}

export default [fault]
