/** What a user of the package imports. */
export { Server } from './main/server.js'
export { type Command, type Options, parseCommandLine, type UsageError } from './command-line.js'
export { err, ok, type Result } from './support/result.js'
export {
  type Awaitable,
  defineHttpFilter,
  type HookResult,
  type HttpFilterDefinition,
  type HttpFilterHooks,
  type HttpFilterModule,
} from './api/http-filter.js'
export type { Body } from './api/body.js'
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
} from './api/context.js'
export type { Headers } from './api/headers.js'
export type { ConfigSchema, Configured, StandardIssue, StandardResult, StandardSchema } from './api/schema.js'
export type { DynamicMetadata, LocalReply, RequestHead, ResponseHead, Stream, StreamInfo } from './api/stream.js'
