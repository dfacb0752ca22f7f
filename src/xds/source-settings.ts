import type { GrpcService } from '../generated/protos/envoy/config/core/v3/grpc_service_pb.js'
import {
  type ApiConfigSource,
  ApiConfigSource_ApiType,
  type ConfigSource,
} from '../generated/protos/envoy/config/core/v3/config_source_pb.js'
import type { Dialect } from './methods.js'
import { durationMs } from './wire.js'

const { DELTA_GRPC, AGGREGATED_DELTA_GRPC } = ApiConfigSource_ApiType
const defaultFetchTimeoutMs = 15_000
const defaultRequestTimeoutMs = 1000
const defaultBaseMs = 500
const defaultMaxMs = 30_000
const growth = 10

/** 0: no time limit. */
export function fetchTimeoutMs({ initialFetchTimeout }: ConfigSource): number {
  return initialFetchTimeout === undefined ? defaultFetchTimeoutMs : durationMs(initialFetchTimeout)
}

export const refreshDelayMs = ({ refreshDelay }: ApiConfigSource): number =>
  Math.max(1, refreshDelay === undefined ? 0 : durationMs(refreshDelay))

export const requestTimeoutMs = ({ requestTimeout }: ApiConfigSource): number =>
  requestTimeout === undefined ? defaultRequestTimeoutMs : durationMs(requestTimeout)

export function dialectOf({ apiType }: ApiConfigSource): Dialect {
  return apiType === DELTA_GRPC || apiType === AGGREGATED_DELTA_GRPC ? 'delta' : 'stateOfTheWorld'
}

/** The bounds of delays between attempts to open a stream. */
export function retryBounds({ grpcServices }: ApiConfigSource): { readonly baseMs: number; readonly maxMs: number } {
  const target = grpcServices[0]?.targetSpecifier
  const bounds = target?.case === 'envoyGrpc' ? target.value.retryPolicy?.retryBackOff : undefined
  if (bounds?.baseInterval === undefined) return { baseMs: defaultBaseMs, maxMs: defaultMaxMs }
  const baseMs = Math.max(1, durationMs(bounds.baseInterval))
  return { baseMs, maxMs: bounds.maxInterval === undefined ? baseMs * growth : durationMs(bounds.maxInterval) }
}

/** The one gRPC service of a source; src/plan/config-source.ts has seen to it that there is one. */
export function grpcServiceOf({ grpcServices }: ApiConfigSource): GrpcService {
  return grpcServices[0] as GrpcService
}
