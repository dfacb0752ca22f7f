import { create, toBinary } from '@bufbuild/protobuf'
import { whole } from '../../../../api/field-policy.js'
import { defineNativeHttpFilter } from '../../../../api/native.js'
import { ReverseBridgeSchema } from '../../../../generated/filters/http/grpc_http1_reverse_bridge/plan_pb.js'
import type {
  FilterConfig,
  FilterConfigPerRoute,
} from '../../../../generated/protos/envoy/extensions/filters/http/grpc_http1_reverse_bridge/v3/config_pb.js'

const schema = 'envoy.extensions.filters.http.grpc_http1_reverse_bridge.v3'

/** envoy.filters.http.grpc_http1_reverse_bridge: gRPC for upstreams that speak neither gRPC nor HTTP/2. */
const reverseBridge = defineNativeHttpFilter<FilterConfig, FilterConfigPerRoute>({
  name: 'envoy.filters.http.grpc_http1_reverse_bridge',
  typeNames: [`${schema}.FilterConfig`],
  status: 'alpha',
  securityPosture: 'unknown',
  plan: config =>
    toBinary(
      ReverseBridgeSchema,
      create(ReverseBridgeSchema, {
        contentType: config.contentType,
        withholdFrames: config.withholdGrpcFrames,
        responseSizeHeader: config.responseSizeHeader.toLowerCase(),
      }),
    ),
  route: {
    typeNames: [`${schema}.FilterConfigPerRoute`],
    plan: ({ disabled }) => toBinary(ReverseBridgeSchema, create(ReverseBridgeSchema, { disabled })),
  },
  policy: {
    [`${schema}.FilterConfig`]: whole('content_type withhold_grpc_frames response_size_header'),
    [`${schema}.FilterConfigPerRoute`]: whole('disabled'),
  },
})

export default [reverseBridge]
