import { create, toBinary } from '@bufbuild/protobuf'
import { defineNativeNetworkFilter } from '../../../../api/native.js'
import { ConnectionLimitSchema } from '../../../../generated/plan_pb.js'
import type { ConnectionLimit } from '../../../../generated/protos/envoy/extensions/filters/network/connection_limit/v3/connection_limit_pb.js'

/** envoy.filters.network.connection_limit: so many connections of a filter chain at once. */
const connectionLimit = defineNativeNetworkFilter<ConnectionLimit>({
  name: 'envoy.filters.network.connection_limit',
  typeNames: ['envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit'],
  status: 'stable',
  securityPosture: 'unknown',
  plan: (config, context) =>
    toBinary(
      ConnectionLimitSchema,
      create(ConnectionLimitSchema, {
        statPrefix: config.statPrefix,
        maxConnections: config.maxConnections ?? 0n,
        delayMs: context.milliseconds(config.delay, 0, context.field('delay')),
        enabled: config.runtimeEnabled?.defaultValue ?? true,
        runtimeKey: config.runtimeEnabled?.runtimeKey ?? '',
      }),
    ),
})

export default [connectionLimit]
