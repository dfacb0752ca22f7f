import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { carried, later, whole } from '../../../../api/field-policy.js'
import { defineNativeHttpFilter } from '../../../../api/native.js'
import type { Place, PlanContext } from '../../../../api/plan-context.js'
import {
  type DescriptorSchema,
  LocalRateLimitSchema,
} from '../../../../generated/filters/http/local_ratelimit/plan_pb.js'
import type { LocalRateLimit } from '../../../../generated/protos/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.js'
import type { TokenBucket } from '../../../../generated/protos/envoy/type/v3/token_bucket_pb.js'

const schema = 'envoy.extensions.filters.http.local_ratelimit.v3'
const leastInterval = 50
const defaultDynamic = 20

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
      ...whole('descriptors rate_limits stage vh_rate_limits max_dynamic_descriptors enable_x_ratelimit_headers'),
      ...whole(
        'always_consume_default_token_bucket local_rate_limit_per_downstream_connection enable_retry_after_header',
      ),
      ...later('local_cluster_rate_limit', 'rate limits shared by the proxies of a cluster'),
    },
    'envoy.type.v3.TokenBucket': whole('max_tokens tokens_per_fill fill_interval'),
    'envoy.type.v3.HttpStatus': whole('code'),
  },
})

type Tokens = Pick<MessageInitShape<typeof DescriptorSchema>, 'maxTokens' | 'tokensPerFill' | 'fillIntervalMs'>

function tokens(bucket: TokenBucket | undefined, at: Place, context: PlanContext): Tokens {
  if (bucket === undefined) return {}
  const interval = at.field('fill_interval')
  const fillIntervalMs = context.milliseconds(bucket.fillInterval, 0, interval)
  if (fillIntervalMs < leastInterval) interval.error('local rate limit token bucket fill timer must be >= 50ms')
  return { maxTokens: bucket.maxTokens, tokensPerFill: bucket.tokensPerFill ?? 1, fillIntervalMs }
}

function descriptors(config: LocalRateLimit, context: PlanContext): MessageInitShape<typeof DescriptorSchema>[] {
  const seen = new Set<string>()
  return config.descriptors.map((descriptor, index) => {
    const at = context.field('descriptors').item(index)
    const key = JSON.stringify(descriptor.entries.map(({ key, value }) => [key, value]))
    if (seen.has(key)) at.error('duplicate descriptor in the local rate descriptor')
    seen.add(key)
    return {
      keys: descriptor.entries.map(entry => entry.key),
      values: descriptor.entries.map(entry => entry.value),
      ...tokens(descriptor.tokenBucket, at.field('token_bucket'), context),
      shadow: descriptor.shadowMode,
    }
  })
}

function limitPlan(config: LocalRateLimit, context: PlanContext): Uint8Array {
  if (config.localClusterRateLimit && config.localRateLimitPerDownstreamConnection)
    context.error('local_cluster_rate_limit is set and local_rate_limit_per_downstream_connection is set to true')
  return toBinary(
    LocalRateLimitSchema,
    create(LocalRateLimitSchema, {
      statPrefix: config.statPrefix,
      status: config.status && config.status.code >= 400 ? config.status.code : 429,
      ...tokens(config.tokenBucket, context.field('token_bucket'), context),
      ...(config.filterEnabled && { enabled: context.fraction(config.filterEnabled) }),
      ...(config.filterEnforced && { enforced: context.fraction(config.filterEnforced) }),
      requestHeaders: context.headersToAdd(
        config.requestHeadersToAddWhenNotEnforced,
        context.field('request_headers_to_add_when_not_enforced'),
      ),
      responseHeaders: context.headersToAdd(config.responseHeadersToAdd, context.field('response_headers_to_add')),
      resourceExhausted: config.rateLimitedAsResourceExhausted,
      descriptors: descriptors(config, context),
      rateLimits: context.rateLimits(config.rateLimits, context.field('rate_limits'), false),
      stage: config.stage,
      hostLimits: config.vhRateLimits,
      onlyUnmatched: config.alwaysConsumeDefaultTokenBucket === false,
      perConnection: config.localRateLimitPerDownstreamConnection,
      xRatelimitHeaders: config.enableXRatelimitHeaders !== 0,
      retryAfter: config.enableRetryAfterHeader,
      maxDynamic: config.maxDynamicDescriptors ?? defaultDynamic,
    }),
  )
}

export default [localRateLimit]
