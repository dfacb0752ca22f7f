import { create, toBinary } from '@bufbuild/protobuf'
import { defineNativeNetworkFilter } from '../../../../api/native.js'
import { ConnectionRateLimitSchema } from '../../../../generated/plan_pb.js'
import type { LocalRateLimit } from '../../../../generated/protos/envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit_pb.js'
import { tokenBucket } from '../../../../api/token-bucket.js'

/** envoy.filters.network.local_ratelimit: so many new connections of a filter chain in a time. */
const localRateLimit = defineNativeNetworkFilter<LocalRateLimit>({
  name: 'envoy.filters.network.local_ratelimit',
  typeNames: ['envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit'],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
  plan: (config, context) =>
    toBinary(
      ConnectionRateLimitSchema,
      create(ConnectionRateLimitSchema, {
        statScope: `local_rate_limit.${config.statPrefix}`,
        ...tokenBucket(config.tokenBucket, context.field('token_bucket')),
        enabled: config.runtimeEnabled?.defaultValue ?? true,
        runtimeKey: config.runtimeEnabled?.runtimeKey ?? '',
      }),
    ),
})

export default [localRateLimit]
