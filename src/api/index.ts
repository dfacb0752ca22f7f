/** What filters import from `nuncio`: the functions that define them, and the types of what they are given. */
export {
  type Awaitable,
  defineHttpFilter,
  type HookResult,
  type HttpFilterDefinition,
  type HttpFilterHooks,
  type HttpFilterModule,
} from './http-filter.js'
export type { Body } from './body.js'
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
export type { DynamicMetadata, LocalReply, RequestHead, ResponseHead, Stream, StreamInfo } from './stream.js'
