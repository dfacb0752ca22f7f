import { create, toBinary } from '@bufbuild/protobuf'
import { defineNativeListenerFilter } from '../../../../api/native.js'
import { ConnectionRateLimitSchema } from '../../../../generated/plan_pb.js'
import type { LocalRateLimit } from '../../../../generated/protos/envoy/extensions/filters/listener/local_ratelimit/v3/local_ratelimit_pb.js'
import { tokenBucket } from '../../../../api/token-bucket.js'

/** envoy.filters.listener.local_ratelimit: so many new connections in a time, at the listener. */
const localRateLimit = defineNativeListenerFilter<LocalRateLimit>({
  name: 'envoy.filters.listener.local_ratelimit',
  typeNames: ['envoy.extensions.filters.listener.local_ratelimit.v3.LocalRateLimit'],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
  plan: (config, context) =>
    toBinary(
      ConnectionRateLimitSchema,
      create(ConnectionRateLimitSchema, {
        statScope: `listener_local_ratelimit.${config.statPrefix}`,
        ...tokenBucket(config.tokenBucket, context.field('token_bucket')),
        enabled: config.runtimeEnabled?.defaultValue ?? true,
        runtimeKey: config.runtimeEnabled?.runtimeKey ?? '',
      }),
    ),
})

export default [localRateLimit]
