/** What filters import from `nuncio`: the functions that define them, and the types of what they are given. */
export {
  type Awaitable,
  defineHttpFilter,
  type HookResult,
  type HttpFilterDefinition,
  type HttpFilterHooks,
  type HttpFilterModule,
} from './http-filter.js'
export {
  type AccessLoggerDefinition,
  type AccessLoggerHooks,
  type AccessLoggerModule,
  defineAccessLogger,
  type LogEntry,
  type LogFields,
  type LogValue,
  type StandardEntry,
} from './access-logger.js'
export {
  type AcceptedConnection,
  type AcceptResult,
  defineListenerFilter,
  type ListenerFilterDefinition,
  type ListenerFilterHooks,
  type ListenerFilterModule,
  type Refusal,
} from './listener-filter.js'
export {
  type Connection,
  type DataResult,
  defineNetworkFilter,
  type NetworkFilterDefinition,
  type NetworkFilterHooks,
  type NetworkFilterModule,
} from './network-filter.js'
export type { ConnectionInfo, ConnectionView, FilterState, MoreBytes, TlsFacts } from './connection.js'
export type { Body } from './body.js'
export {
  type CallBody,
  type CallOptions,
  ClusterError,
  type ClusterErrorCode,
  type ClusterRequest,
  type ClusterResponse,
  type Clusters,
  GrpcError,
  type GrpcResponse,
  type GrpcStream,
  type ReadonlyHeaders,
} from './clusters.js'
export type {
  Counter,
  FilterClock,
  FilterContext,
  FilterLog,
  FilterStats,
  Gauge,
  Histogram,
  Shared,
  SharedCounter,
  TokenBucket,
} from './context.js'
export type { Headers } from './headers.js'
export type { ConfigSchema, Configured, StandardIssue, StandardResult, StandardSchema } from './schema.js'
export type {
  DynamicMetadata,
  LocalReply,
  ReplyHeaders,
  RequestHead,
  ResponseHead,
  Stream,
  StreamInfo,
} from './stream.js'
