import { create, toBinary } from '@bufbuild/protobuf'
import { defineNativeNetworkFilter } from '../../../../api/native.js'
import { NetworkDirectResponseSchema } from '../../../../generated/plan_pb.js'
import type { Config } from '../../../../generated/protos/envoy/extensions/filters/network/direct_response/v3/config_pb.js'

/** envoy.filters.network.direct_response: a fixed text for every client, and the end. */
const directResponse = defineNativeNetworkFilter<Config>({
  name: 'envoy.filters.network.direct_response',
  typeNames: ['envoy.extensions.filters.network.direct_response.v3.Config'],
  status: 'stable',
  securityPosture: 'unknown',
  isTerminal: true,
  plan: (config, context) =>
    toBinary(
      NetworkDirectResponseSchema,
      create(NetworkDirectResponseSchema, {
        body: context.dataSource(config.response, context.field('response')) ?? new Uint8Array(),
      }),
    ),
})

export default [directResponse]
