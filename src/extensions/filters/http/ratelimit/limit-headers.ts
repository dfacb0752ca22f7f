import type { LimitStatus } from './messages.js'

const overLimit = 2
// Seconds, by envoy.service.ratelimit.v3.RateLimitResponse.RateLimit.Unit: second, minute, hour, day, month, year, week.
const day = 86_400
const seconds: readonly number[] = [0, 1, 60, 3_600, day, 30 * day, 365 * day, 7 * day]

/** draft-polli-ratelimit-headers-03: the limit that is nearest to its end, and all that there are. */
export function limitHeaders(statuses: readonly LimitStatus[]): [name: string, value: string][] {
  const known = statuses.filter(({ hasLimit }) => hasLimit)
  const first = known[0]
  if (first === undefined) return []
  const nearest = known.reduce((least, one) => (one.remaining < least.remaining ? one : least), first)
  const quotas = known.map(({ requests, unit, multiplier, name }) => {
    const window = (seconds[unit] ?? 0) * multiplier
    return window === 0 ? '' : `, ${requests};w=${window}${name === '' ? '' : `;name="${name}"`}`
  })
  return [
    ['x-ratelimit-limit', `${nearest.requests}${quotas.join('')}`],
    ['x-ratelimit-remaining', String(nearest.remaining)],
    ['x-ratelimit-reset', String(nearest.resetS)],
  ]
}

/** When the last of the limits that were reached begins anew. */
export function retryAfterHeader(statuses: readonly LimitStatus[]): [name: string, value: string][] {
  const resets = statuses.filter(({ code }) => code === overLimit).map(({ resetS }) => resetS)
  return resets.length === 0 ? [] : [['retry-after', String(Math.max(...resets))]]
}
