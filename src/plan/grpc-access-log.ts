import { type DescMessage, toBinary } from '@bufbuild/protobuf'
import type { Place } from '../api/plan-context.js'
import type { Types } from '../config/index.js'
import { AccessLog_Sink, Operator } from '../generated/plan_pb.js'
import type {
  CommonGrpcAccessLogConfig,
  HttpGrpcAccessLogConfig,
  TcpGrpcAccessLogConfig,
} from '../generated/protos/envoy/extensions/access_loggers/grpc/v3/als_pb.js'
import type { CustomTag } from '../generated/protos/envoy/type/tracing/v3/custom_tag_pb.js'
import type { FormatPieceInit } from './format.js'
import { planId } from './ids.js'
import type { AccessLogInit } from './init.js'
import { milliseconds } from './values.js'

const defaultFlushMs = 1000
const defaultBufferSize = 16_384

export interface GrpcLogTools {
  readonly types: Types
  readonly environment: Readonly<Record<string, string | undefined>>
}

type Config = HttpGrpcAccessLogConfig | TcpGrpcAccessLogConfig
type GrpcInit = NonNullable<AccessLogInit['grpc']>
type Tag = NonNullable<GrpcInit['tags']>[number]

/**
 * A logger that sends its entries to a gRPC access log service. Its common_config goes along in bytes, for the thread that sends; loggers
 * with equal ones share a stream.
 */
export function grpcAccessLog(config: Config, at: Place, { types, environment }: GrpcLogTools): AccessLogInit {
  const common = config.commonConfig
  if (common === undefined) return {} // validation has told: it is required
  const place = at.field('common_config')
  if (common.grpcStreamRetryPolicy !== undefined)
    place.field('grpc_stream_retry_policy').warning('has no effect: the next entries open the next stream')
  const isTcp = config.$typeName === 'envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig'
  const bytes = new Uint8Array(toBinary(types.message(common.$typeName) as DescMessage, common))
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
      tags: common.customTags.flatMap(
        (tag, index) => customTag(tag, place.field('custom_tags').item(index), environment) ?? [],
      ),
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

/** Undefined: it never has a value. */
function customTag(
  tag: CustomTag,
  at: Place,
  environment: Readonly<Record<string, string | undefined>>,
): Tag | undefined {
  const { tag: name, type } = tag
  switch (type.case) {
    case 'literal':
      return { name, value: {}, defaultValue: type.value.value }
    case 'environment': {
      const value = environment[type.value.name] ?? type.value.defaultValue
      return value === '' ? undefined : { name, value: {}, defaultValue: value }
    }
    case 'requestHeader':
      return tagOf(name, { op: Operator.REQ, text: type.value.name.toLowerCase() }, type.value.defaultValue)
    case 'metadata': {
      const op = metadataOperators[type.value.kind?.kind.case ?? 'request']
      const { key = '', path = [] } = type.value.metadataKey ?? {}
      const keys = path.map(({ segment }) => String(segment.value ?? ''))
      return tagOf(name, { op, path: [key, ...keys] }, type.value.defaultValue)
    }
    default:
      at.unsupported('this custom tag')
      return undefined
  }
}

const metadataOperators = {
  request: Operator.DYNAMIC_METADATA,
  route: Operator.ROUTE_METADATA,
  cluster: Operator.CLUSTER_METADATA,
  host: Operator.UPSTREAM_METADATA,
} as const

const tagOf = (name: string, piece: FormatPieceInit, defaultValue: string): Tag => ({
  name,
  value: { pieces: [piece], omitEmptyValues: true },
  defaultValue,
})
