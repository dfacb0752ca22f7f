import { create, toBinary } from '@bufbuild/protobuf'
import { whole } from '../../../../api/field-policy.js'
import { defineNativeHttpFilter } from '../../../../api/native.js'
import { BridgeSchema } from '../../../../generated/filters/http/grpc_http1_bridge/plan_pb.js'
import type { Config } from '../../../../generated/protos/envoy/extensions/filters/http/grpc_http1_bridge/v3/config_pb.js'

const schema = 'envoy.extensions.filters.http.grpc_http1_bridge.v3'

/** envoy.filters.http.grpc_http1_bridge: unary gRPC for clients of HTTP/1.1, which cannot read trailers. */
const bridge = defineNativeHttpFilter<Config>({
  name: 'envoy.filters.http.grpc_http1_bridge',
  typeNames: [`${schema}.Config`],
  status: 'stable',
  securityPosture: 'unknown',
  plan: config =>
    toBinary(
      BridgeSchema,
      create(BridgeSchema, {
        upgradeProtobuf: config.upgradeProtobufToGrpc,
        ignoreQueryParameters: config.ignoreQueryParameters,
      }),
    ),
  policy: { [`${schema}.Config`]: whole('upgrade_protobuf_to_grpc ignore_query_parameters') },
})

export default [bridge]
