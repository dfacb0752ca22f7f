import type { Place, PlanInit } from './plan-context.js'
import type { ConnectionRateLimitSchema } from '../generated/plan_pb.js'
import type { TokenBucket } from '../generated/protos/envoy/type/v3/token_bucket_pb.js'

const leastInterval = 50_000_000n

/** envoy.type.v3.TokenBucket as a rate of connections. */
export function tokenBucket(
  bucket: TokenBucket | undefined,
  at: Place,
): Pick<PlanInit<typeof ConnectionRateLimitSchema>, 'maxTokens' | 'tokensPerFill' | 'fillIntervalNs'> {
  const interval = bucket?.fillInterval
  const fillIntervalNs = interval ? interval.seconds * 1_000_000_000n + BigInt(interval.nanos) : 0n
  if (fillIntervalNs < leastInterval)
    at.field('fill_interval').error('local rate limit token bucket fill timer must be >= 50ms')
  return { maxTokens: bucket?.maxTokens ?? 0, tokensPerFill: bucket?.tokensPerFill ?? 1, fillIntervalNs }
}
