import { create, toBinary } from '@bufbuild/protobuf'
import { carried, whole } from '../../../../api/field-policy.js'
import { defineNativeHttpFilter } from '../../../../api/native.js'
import { HealthCheckSchema } from '../../../../generated/filters/http/health_check/plan_pb.js'
import type { HealthCheck } from '../../../../generated/protos/envoy/extensions/filters/http/health_check/v3/health_check_pb.js'

const schema = 'envoy.extensions.filters.http.health_check.v3'

/** envoy.filters.http.health_check: answers, or caches the answers to, health checks of this proxy. */
const healthCheck = defineNativeHttpFilter<HealthCheck>({
  name: 'envoy.filters.http.health_check',
  typeNames: [`${schema}.HealthCheck`],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
  plan(config, context) {
    const passThrough = config.passThroughMode ?? false
    const cacheMs = context.milliseconds(config.cacheTime, 0, context.field('cache_time'))
    if (!passThrough && cacheMs > 0)
      context.field('cache_time').error('cache_time_ms must not be set when path_through_mode is disabled')
    return toBinary(
      HealthCheckSchema,
      create(HealthCheckSchema, {
        passThrough,
        cacheMs,
        headers: context.headerMatchers(config.headers, context.field('headers')),
        minHealthy: passThrough
          ? []
          : Object.entries(config.clusterMinHealthyPercentages).map(([cluster, percent]) => ({
              cluster,
              slot: context.clusterSlot(cluster),
              percent: Math.trunc(percent.value),
            })),
        serviceCluster: context.node.cluster,
      }),
    )
  },
  policy: {
    [`${schema}.HealthCheck`]: {
      ...whole('pass_through_mode cache_time cluster_min_healthy_percentages'),
      ...carried('headers'),
    },
  },
})

export default [healthCheck]
