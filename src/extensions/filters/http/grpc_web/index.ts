import { defineNativeHttpFilter } from '../../../../api/native.js'
import type { GrpcWeb } from '../../../../generated/protos/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb.js'

const schema = 'envoy.extensions.filters.http.grpc_web.v3'

/** envoy.filters.http.grpc_web: browsers' gRPC-Web, binary and text, to gRPC and back. */
const grpcWeb = defineNativeHttpFilter<GrpcWeb>({
  name: 'envoy.filters.http.grpc_web',
  typeNames: [`${schema}.GrpcWeb`],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
  plan: () => new Uint8Array(),
  policy: { [`${schema}.GrpcWeb`]: {} },
})

export default [grpcWeb]
