import type { JsonObject } from '@bufbuild/protobuf'
import { whole } from '../../../../api/field-policy.js'
import { toolText } from '../../../../api/native-tool.js'
import type { PlanContext } from '../../../../api/plan-context.js'
import { defineTypeScriptFilter } from '../../../../api/typescript-filter.js'
import type { RuntimeFractionalPercent } from '../../../../generated/protos/envoy/config/core/v3/base_pb.js'
import type {
  RateLimit,
  RateLimitPerRoute,
} from '../../../../generated/protos/envoy/extensions/filters/http/ratelimit/v3/rate_limit_pb.js'
import { grpcTarget } from '../common/grpc-config.js'
import type { RouteSettings, Settings } from './settings.js'

const schema = 'envoy.extensions.filters.http.ratelimit.v3'
const defaultTimeout = 20
const hundred = 1_000_000

/** envoy.filters.http.ratelimit: a service that all proxies share says whether there were too many requests. */
const rateLimit = defineTypeScriptFilter<RateLimit, RateLimitPerRoute>({
  name: 'envoy.filters.http.ratelimit',
  folder: 'filters/http/ratelimit',
  typeNames: [`${schema}.RateLimit`],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
  policy: {
    [`${schema}.RateLimit`]:
      whole(`domain stage request_type timeout failure_mode_deny rate_limited_as_resource_exhausted
      rate_limit_service enable_x_ratelimit_headers disable_x_envoy_ratelimited_header rate_limited_status
      response_headers_to_add status_on_error stat_prefix filter_enabled filter_enforced failure_mode_deny_percent rate_limits
      metadata_namespace enable_retry_after_header`),
    [`${schema}.RateLimitPerRoute`]: whole('vh_rate_limits override_option rate_limits domain'),
  },
  statName: () => 'ratelimit',
  settings: (config, context) => settings(config, context) as unknown as JsonObject,
  route: {
    typeNames: [`${schema}.RateLimitPerRoute`],
    settings: (config, context) => {
      const route: RouteSettings = {
        host: config.vhRateLimits,
        limitsTool: limits(config, context),
        domain: config.domain,
      }
      return { ...route }
    },
  },
})

function limits(config: Pick<RateLimit | RateLimitPerRoute, 'rateLimits'>, context: PlanContext): string {
  if (config.rateLimits.length === 0) return ''
  return toolText({ limits: { limits: context.rateLimits(config.rateLimits, context.field('rate_limits'), true) } })
}

/** `key`: what the runtime calls it where the configuration says nothing. */
function fraction(config: RuntimeFractionalPercent | undefined, key: string, context: PlanContext): string {
  if (config) return toolText({ fraction: context.fraction(config) })
  return toolText({ fraction: { ppm: hundred, runtimeKey: key, denominator: 100 } })
}

function settings(config: RateLimit, context: PlanContext): Settings {
  const at = context.field('rate_limit_service').field('grpc_service')
  const timeout = context.milliseconds(config.timeout, defaultTimeout, context.field('timeout'))
  const service = config.rateLimitService?.grpcService
  const target = service && grpcTarget(service, timeout, context, at)
  const added = config.responseHeadersToAdd
  return {
    // As in Envoy, the filter's own time limit counts.
    service: { cluster: '', authority: '', metadata: [], ...target, timeoutMs: timeout },
    domain: config.domain,
    stage: config.stage,
    requests: config.requestType === 'internal' || config.requestType === 'external' ? config.requestType : 'both',
    deniesOnFailure: config.failureModeDeny,
    failureTool: config.failureModeDenyPercent
      ? toolText({ fraction: context.fraction(config.failureModeDenyPercent) })
      : '',
    isResourceExhausted: config.rateLimitedAsResourceExhausted,
    headers: config.enableXRatelimitHeaders !== 0,
    retryAfter: config.enableRetryAfterHeader,
    tellsLimited: !config.disableXEnvoyRatelimitedHeader,
    limitedStatus:
      config.rateLimitedStatus && config.rateLimitedStatus.code >= 400 ? config.rateLimitedStatus.code : 429,
    errorStatus: config.statusOnError?.code || 500,
    responseTool:
      added.length === 0
        ? ''
        : toolText({ mutations: context.headersToAdd(added, context.field('response_headers_to_add')) }),
    enabledTool: fraction(config.filterEnabled, 'ratelimit.http_filter_enabled', context),
    enforcedTool: fraction(config.filterEnforced, 'ratelimit.http_filter_enforcing', context),
    limitsTool: limits(config, context),
    metadataNamespace: config.metadataNamespace || 'envoy.filters.http.ratelimit',
    statPrefix: config.statPrefix === '' ? 'ratelimit.' : `ratelimit.${config.statPrefix.replace(/\.$/, '')}.`,
  }
}

export default [rateLimit]
