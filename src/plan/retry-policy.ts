import type { Any } from '@bufbuild/protobuf/wkt'
import type { Place } from '../api/plan-context.js'
import type { RetryPolicy } from '../generated/protos/envoy/config/route/v3/route_components_pb.js'
import type { RetryPolicyInit } from './init.js'
import { headerMatchers, type RegexCheck } from './matcher.js'
import { milliseconds } from './values.js'

const defaultBase = 25
const defaultRateLimitedMax = 300_000

export interface RetryTools {
  readonly checkRegex: RegexCheck
  unpack(any: Any, at: Place): { readonly typeName: string } | undefined
}

export function retryPolicy(policy: RetryPolicy, at: Place, tools: RetryTools): RetryPolicyInit {
  const backOff = policy.retryBackOff
  const inBackOff = at.field('retry_back_off')
  // Less than a millisecond counts as one.
  const base = backOff
    ? Math.max(1, milliseconds(backOff.baseInterval, defaultBase, inBackOff.field('base_interval')))
    : defaultBase
  const max = milliseconds(backOff?.maxInterval, base * 10, inBackOff.field('max_interval'))
  if (backOff && max < base)
    inBackOff.field('max_interval').error('max_interval must be greater than or equal to the base_interval')
  const limited = policy.rateLimitedRetryBackOff
  const { avoidPreviousHosts, omitCanaryHosts } = hostPredicates(policy, at.field('retry_host_predicate'), tools)
  return {
    avoidPreviousHosts,
    omitCanaryHosts,
    retryOn: retryWords(policy.retryOn, at.field('retry_on')),
    numRetries: policy.numRetries ?? 1,
    perTryTimeoutMs: milliseconds(policy.perTryTimeout, 0, at.field('per_try_timeout')),
    perTryIdleTimeoutMs: milliseconds(policy.perTryIdleTimeout, 0, at.field('per_try_idle_timeout')),
    baseIntervalMs: base,
    maxIntervalMs: max,
    retriableStatusCodes: policy.retriableStatusCodes,
    retriableHeaders: headerMatchers(policy.retriableHeaders, at.field('retriable_headers'), tools.checkRegex),
    retriableRequestHeaders: headerMatchers(
      policy.retriableRequestHeaders,
      at.field('retriable_request_headers'),
      tools.checkRegex,
    ),
    hostSelectionAttempts: Math.max(0, Number(policy.hostSelectionRetryMaxAttempts)) || 1,
    resetHeaderNames: limited?.resetHeaders.map(header => header.name.toLowerCase()) ?? [],
    resetHeaderFormats: limited?.resetHeaders.map(header => header.format) ?? [],
    rateLimitedMaxIntervalMs: limited
      ? milliseconds(
          limited.maxInterval,
          defaultRateLimitedMax,
          at.field('rate_limited_retry_back_off').field('max_interval'),
        )
      : 0,
  }
}

const knownWords = new Set([
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'connect-failure',
  'envoy-ratelimited',
  'retriable-4xx',
  'refused-stream',
  'retriable-status-codes',
  'retriable-headers',
  'http3-post-connect-failure',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
])

/** Envoy ignores words it does not know, and says so. */
function retryWords(retryOn: string, at: Place): string[] {
  const words = retryOn
    .split(',')
    .map(word => word.trim())
    .filter(word => word !== '')
  for (const word of words) {
    if (!knownWords.has(word)) at.warning(`accepted, but "${word}" is no retry condition and has no effect`)
  }
  return words.filter(word => knownWords.has(word))
}

function hostPredicates(
  policy: RetryPolicy,
  at: Place,
  tools: RetryTools,
): { readonly avoidPreviousHosts: boolean; readonly omitCanaryHosts: boolean } {
  let avoidPreviousHosts = false
  let omitCanaryHosts = false
  for (const [index, predicate] of policy.retryHostPredicate.entries()) {
    const config = predicate.configType.case === 'typedConfig' ? predicate.configType.value : undefined
    const typeName = config && tools.unpack(config, at.item(index).field('typed_config'))?.typeName
    if (typeName === 'envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate') avoidPreviousHosts = true
    else if (typeName === 'envoy.extensions.retry.host.omit_canary_hosts.v3.OmitCanaryHostsPredicate')
      omitCanaryHosts = true
    else if (config === undefined)
      at.item(index).error(`Didn't find a registered implementation for '${predicate.name}' without a typed_config`)
  }
  return { avoidPreviousHosts, omitCanaryHosts }
}
