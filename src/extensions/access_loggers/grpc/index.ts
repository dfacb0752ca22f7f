import { defineNativeAccessLogger } from '../../../api/native.js'
import type {
  HttpGrpcAccessLogConfig,
  TcpGrpcAccessLogConfig,
} from '../../../generated/protos/envoy/extensions/access_loggers/grpc/v3/als_pb.js'

/** envoy.access_loggers.http_grpc and .tcp_grpc: entries for a gRPC access log service; their code is native/access_log. */
const http = defineNativeAccessLogger<HttpGrpcAccessLogConfig>({
  name: 'envoy.access_loggers.http_grpc',
  typeNames: ['envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig'],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
})

const tcp = defineNativeAccessLogger<TcpGrpcAccessLogConfig>({
  name: 'envoy.access_loggers.tcp_grpc',
  typeNames: ['envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig'],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
})

export default [http, tcp]
