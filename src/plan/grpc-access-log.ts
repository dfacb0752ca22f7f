import { type DescMessage, toBinary } from '@bufbuild/protobuf'
import type { Place } from '../api/plan-context.js'
import type { Types } from '../config/index.js'
import { AccessLog_Sink } from '../generated/plan_pb.js'
import type {
  CommonGrpcAccessLogConfig,
  HttpGrpcAccessLogConfig,
  TcpGrpcAccessLogConfig,
} from '../generated/protos/envoy/extensions/access_loggers/grpc/v3/als_pb.js'
import { customTags, type TagTools } from './custom-tag.js'
import { planId } from './ids.js'
import type { AccessLogInit } from './init.js'
import { milliseconds } from './values.js'

const defaultFlushMs = 1000
const defaultBufferSize = 16_384

export interface GrpcLogTools extends TagTools {
  readonly types: Types
}

type Config = HttpGrpcAccessLogConfig | TcpGrpcAccessLogConfig
type GrpcInit = NonNullable<AccessLogInit['grpc']>

/**
 * A logger that sends its entries to a gRPC access log service. Its common_config goes along in bytes, for the thread that sends; loggers
 * with equal ones share a stream.
 */
export function grpcAccessLog(config: Config, at: Place, tools: GrpcLogTools): AccessLogInit {
  const common = config.commonConfig
  if (common === undefined) return {} // validation has told: it is required
  const place = at.field('common_config')
  if (common.grpcStreamRetryPolicy !== undefined)
    place.field('grpc_stream_retry_policy').warning('has no effect: the next entries open the next stream')
  const isTcp = config.$typeName === 'envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig'
  const bytes = new Uint8Array(toBinary(tools.types.message(common.$typeName) as DescMessage, common))
  return {
    sink: AccessLog_Sink.GRPC,
    grpc: {
      stream: planId(bytes, isTcp ? 'tcp' : 'http'),
      config: bytes,
      tcp: isTcp,
      ...buffering(common, place),
      ...(config.$typeName === 'envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig' && {
        requestHeaders: config.additionalRequestHeadersToLog,
        responseHeaders: config.additionalResponseHeadersToLog,
        responseTrailers: config.additionalResponseTrailersToLog,
      }),
      filterState: common.filterStateObjectsToLog,
      tags: customTags(common.customTags, place.field('custom_tags'), tools),
    },
  }
}

function buffering(common: CommonGrpcAccessLogConfig, at: Place): Pick<GrpcInit, 'flushIntervalMs' | 'bufferSize'> {
  return {
    flushIntervalMs: Math.max(
      1,
      milliseconds(common.bufferFlushInterval, defaultFlushMs, at.field('buffer_flush_interval')),
    ),
    bufferSize: common.bufferSizeBytes ?? defaultBufferSize,
  }
}
