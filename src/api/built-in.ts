/** What built-in filters in TypeScript may do besides, to be equal to Envoy's. Not part of the API for users. */
import type { JsonObject } from '@bufbuild/protobuf'
import type { CallOptions, Clusters } from './clusters.js'
import type { Counter, FilterContext } from './context.js'
import type { DescriptorChoice, LimitDescriptor, NativeTool } from './native-tool.js'
import type { Stream } from './stream.js'

export type BuiltInFact =
  | 'connectionAddress'
  | 'peerCertificate'
  | 'peerPrincipal'
  | 'localPrincipal'
  | 'routeMetadata'
  | 'requestId'
  | 'scheme'

export interface BuiltInStream {
  /** The filter's own hooks for the response may change the reply that it makes, as in Envoy. */
  followReply(): void
  /** Sets a response flag; its number in native/http/stream_info.h. */
  flag(flag: number): void
  /** Counts an answer of the proxy's own as one of the cluster that the request would go to; 0: none. False: there is no such cluster. */
  chargeCluster(status: number): boolean
  /** What the route table, virtual host, route and weighted cluster say for this filter, in this order, as far as they do. */
  routeConfigs(): readonly unknown[]
  fact(name: BuiltInFact): string
  /** Does the request fit? */
  matches(tool: NativeTool): boolean
  format(tool: NativeTool): string
  rewrite(tool: NativeTool, text: string): string
  /** Applies its header mutations to the request's head, or to the response's. */
  mutate(tool: NativeTool, side: 'request' | 'response'): void
  /** Of a tool's limits; without one of those of the route and its virtual host. */
  descriptors(tool: NativeTool | undefined, choice: DescriptorChoice): readonly LimitDescriptor[]
  /** Of the stream, or else of its connection. */
  filterState(name: string): string | undefined
  setFilterState(name: string, value: string, field?: string): void
  /** Dynamic metadata of the connection, by namespace. */
  connectionMetadata(): Readonly<Record<string, JsonObject>>
}

export interface BuiltInContext {
  /** A counter by its whole name. */
  counter(name: string): Counter
  /** Of what `toolText` has made: one for a text, however often it is asked for. */
  tool(text: string): NativeTool
  matchesText(tool: NativeTool, text: string): boolean
  /** Does a request fall into the tool's fraction? */
  covers(tool: NativeTool): boolean
  /** What the runtime says of a key; `fallback` where it says nothing. */
  runtimeInteger(key: string, fallback: number): number
}

/** How Envoy's own requests differ from those of filters. */
export interface BuiltInCallOptions extends CallOptions {
  /** Without x-forwarded-for. */
  readonly notForwarded?: boolean
  /** gRPC: instead of the cluster's name. */
  readonly authority?: string
}

export const builtIn = {
  stream: <S, R>(stream: Stream<S, R>): Stream<S, R> & BuiltInStream => stream as Stream<S, R> & BuiltInStream,
  context: (context: FilterContext): FilterContext & BuiltInContext => context as FilterContext & BuiltInContext,
  options: (options: BuiltInCallOptions): Parameters<Clusters['fetch']>[1] => options,
}

/** UAEX. */
export const unauthorizedExternalService = 12
