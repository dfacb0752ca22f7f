import { create, toBinary } from '@bufbuild/protobuf'
import { carried, isFalse, later, tuning, whole } from '../../../../api/field-policy.js'
import { defineNativeHttpFilter } from '../../../../api/native.js'
import type { PlanContext } from '../../../../api/plan-context.js'
import { LocalRateLimitSchema } from '../../../../generated/filters/http/local_ratelimit/plan_pb.js'
import type { LocalRateLimit } from '../../../../generated/protos/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.js'

const schema = 'envoy.extensions.filters.http.local_ratelimit.v3'
const leastInterval = 50
const isZero = (value: unknown): boolean => value === 0 || value === 'OFF' || value === 'OVERRIDE'

/** envoy.filters.http.local_ratelimit: so many requests in a time, over all workers. */
const localRateLimit = defineNativeHttpFilter<LocalRateLimit, LocalRateLimit>({
  name: 'envoy.filters.http.local_ratelimit',
  typeNames: [`${schema}.LocalRateLimit`],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
  plan: limitPlan,
  route: {
    typeNames: [`${schema}.LocalRateLimit`],
    plan(config, context) {
      if (!config.tokenBucket)
        context.field('token_bucket').error('local rate limit token bucket must be set for per filter configs')
      return limitPlan(config, context)
    },
  },
  policy: {
    [`${schema}.LocalRateLimit`]: {
      ...carried('filter_enabled filter_enforced status token_bucket'),
      ...carried('request_headers_to_add_when_not_enforced response_headers_to_add'),
      ...whole('stat_prefix rate_limited_as_resource_exhausted'),
      ...later('descriptors rate_limits stage', 'rate limit descriptors'),
      ...tuning('max_dynamic_descriptors always_consume_default_token_bucket', 'is used with descriptors only'),
      ...later('vh_rate_limits', 'rate limit descriptors', isZero),
      ...later('local_rate_limit_per_downstream_connection', 'a token bucket for each connection', isFalse),
      ...later('local_cluster_rate_limit', 'rate limits shared by the proxies of a cluster'),
      ...later('enable_x_ratelimit_headers', 'x-ratelimit headers', isZero),
      ...later('enable_retry_after_header', 'the retry-after header', isFalse),
    },
    'envoy.type.v3.TokenBucket': whole('max_tokens tokens_per_fill fill_interval'),
    'envoy.type.v3.HttpStatus': whole('code'),
  },
})

function limitPlan(config: LocalRateLimit, context: PlanContext): Uint8Array {
  const bucket = config.tokenBucket
  const interval = context.field('token_bucket').field('fill_interval')
  const fillIntervalMs = bucket ? context.milliseconds(bucket.fillInterval, 0, interval) : 0
  if (bucket && fillIntervalMs < leastInterval)
    interval.error('local rate limit token bucket fill timer must be >= 50ms')
  return toBinary(
    LocalRateLimitSchema,
    create(LocalRateLimitSchema, {
      statPrefix: config.statPrefix,
      status: config.status && config.status.code >= 400 ? config.status.code : 429,
      ...(bucket && { maxTokens: bucket.maxTokens, tokensPerFill: bucket.tokensPerFill ?? 1, fillIntervalMs }),
      ...(config.filterEnabled && { enabled: context.fraction(config.filterEnabled) }),
      ...(config.filterEnforced && { enforced: context.fraction(config.filterEnforced) }),
      requestHeaders: context.headersToAdd(
        config.requestHeadersToAddWhenNotEnforced,
        context.field('request_headers_to_add_when_not_enforced'),
      ),
      responseHeaders: context.headersToAdd(config.responseHeadersToAdd, context.field('response_headers_to_add')),
      resourceExhausted: config.rateLimitedAsResourceExhausted,
    }),
  )
}

export default [localRateLimit]
