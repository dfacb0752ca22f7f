/**
 * What an extension's `plan(config, context)` may ask while its configuration is compiled: everything that needs the rest of the
 * configuration, and the pieces that many extensions share. One object per place in the configuration; it belongs to the compile thread
 * and is not kept after plan() returned.
 *
 * Nothing here throws for a bad configuration: it is reported under its path, and a harmless value is returned, so that all errors of a
 * file come out at once.
 */
import type { DescMessage, JsonObject, Message, MessageInitShape } from '@bufbuild/protobuf'
import type { Any, Duration } from '@bufbuild/protobuf/wkt'
import type { AccessLog, AccessLogFilter } from '../generated/protos/envoy/config/accesslog/v3/accesslog_pb.js'
import type {
  DataSource,
  HeaderValueOption,
  Metadata,
  RuntimeFractionalPercent,
  TransportSocket,
} from '../generated/protos/envoy/config/core/v3/base_pb.js'
import type { SubstitutionFormatString } from '../generated/protos/envoy/config/core/v3/substitution_format_string_pb.js'
import type { RouteConfiguration } from '../generated/protos/envoy/config/route/v3/route_pb.js'
import type { OnDemandCds } from '../generated/protos/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.js'
import type {
  HttpConnectionManager_Tracing,
  HttpFilter,
  Rds,
  ScopedRoutes,
} from '../generated/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import type {
  Http1ProtocolOptions,
  Http2ProtocolOptions,
  HttpProtocolOptions,
} from '../generated/protos/envoy/config/core/v3/protocol_pb.js'
import type {
  AccessLogFilterSchema,
  AccessLogSchema,
  BodyFormatSchema,
  CidrRangeSchema,
  FieldMatcherSchema,
  FormatSchema,
  FractionSchema,
  ExtensionSchema,
  HeaderMutationSchema,
  Http1OptionsSchema,
  Http2OptionsSchema,
  HttpCommonOptionsSchema,
  RateLimitSchema,
  RegexRewriteSchema,
  RouteMatchSchema,
  ScopedRoutesSchema,
  StringMatcherSchema,
  SubsetCriteriaSchema,
  TracingSchema,
} from '../generated/plan_pb.js'
import type { HeaderMutation } from '../generated/protos/envoy/config/common/mutation_rules/v3/mutation_rules_pb.js'
import type {
  HeaderMatcher,
  QueryParameterMatcher,
  RateLimit,
  RouteMatch,
} from '../generated/protos/envoy/config/route/v3/route_components_pb.js'
import type { RegexMatchAndSubstitute } from '../generated/protos/envoy/type/matcher/v3/regex_pb.js'
import type { FractionalPercent } from '../generated/protos/envoy/type/v3/percent_pb.js'
import type { StringMatcher } from '../generated/protos/envoy/type/matcher/v3/string_pb.js'
import type { CidrRange } from '../generated/protos/envoy/config/core/v3/address_pb.js'
import type { ScriptKind } from './script-module.js'
import type { Secrets } from './secrets.js'

/** A piece of a plan as a plain object, members left out where the default holds. */
export type PlanInit<Schema extends DescMessage> = Extract<MessageInitShape<Schema>, { readonly $typeName?: never }>

/** A place in the configuration, for messages: `static_resources.listeners[0].filter_chains[0]`. */
export interface Place {
  readonly path: string
  field(name: string): Place
  /** An element of a list, or the value under a key of a map. */
  item(index: number | string): Place
  /** The configuration makes no sense here. */
  error(message: string, suggestion?: string): void
  /** Valid in Envoy, changes what happens to traffic, and is not carried out yet. `what` completes "not supported yet: ". */
  unsupported(what: string): void
  /** Accepted, but without effect, or with an effect the operator may not expect. */
  warning(message: string): void
}

export interface Unpacked {
  readonly typeName: string
  readonly message: Message
}

/** A filter in TypeScript as a configuration names it. */
export interface ScriptConfig {
  readonly kind: ScriptKind
  /** A file relative to the configuration's folder, or a package. */
  readonly module: string
  readonly config: JsonObject
  readonly failOpen: boolean
  /** What its statistics' names begin with; its name when absent. */
  readonly statPrefix?: string
}

export interface PlanContext extends Place {
  /** Of the connection manager whose HTTP filter is compiled; empty elsewhere. */
  readonly statPrefix: string
  /** --service-node, --service-cluster or the bootstrap's node. */
  readonly node: { readonly id: string; readonly cluster: string }
  /** Of the proxy, as Envoy prints its own: commit/version/status/type/TLS library. */
  readonly version: string
  /** The payload of a typed_config; undefined when it was reported as unknown. */
  unpack(any: Any, at: Place): Unpacked | undefined
  /** Whole milliseconds of a duration, fractions cut off as in Envoy; `missing` when it is not set. */
  milliseconds<T>(duration: Duration | undefined, missing: T, at: Place): number | T
  /** A variable of the process's environment. */
  environment(name: string): string | undefined
  /** The layered runtime's value of a key, as text. */
  runtime(key: string): string | undefined
  /** The slot of a cluster. The cluster need not exist: an empty slot answers "no cluster" at run time. */
  clusterSlot(name: string): number
  /** Reports that there is no such cluster, in Envoy's words: "envoy.tracers.zipkin: unknown cluster 'x'". */
  checkCluster(name: string, who: string, at: Place): void
  /** Of a connection manager, with its provider or the bootstrap's. */
  tracing(config: HttpConnectionManager_Tracing, at: Place): PlanInit<typeof TracingSchema>
  /** Compiles an inline route table as a plan of its own; the answer is its slot. */
  routeTable(config: RouteConfiguration, at: Place): number
  /** The slot of a route table that comes from elsewhere (RDS); all who ask the same source for the same name share it. */
  discoveredRoutes(rds: Rds, at: Place, statPrefix?: string): number
  /** Where clusters are asked for that requests want and that are not there (ODCDS), as a number; `at`: of the source. Undefined: an error was reported. */
  clustersOnDemand(config: Pick<OnDemandCds, 'source' | 'timeout'>, at: Place): number | undefined
  /** The scopes of scoped routes, inline or from elsewhere (SRDS). Undefined: an error was reported. */
  scopedRoutes(config: ScopedRoutes, at: Place, statPrefix: string): PlanInit<typeof ScopedRoutesSchema> | undefined
  /** Compiles a chain of HTTP filters; the last must be terminal, and no other. `called`: "http filter chain", for messages. */
  httpFilters(
    filters: readonly HttpFilter[],
    at: Place,
    called?: string,
    statPrefix?: string,
  ): PlanInit<typeof ExtensionSchema>[]
  /** Compiles the filters between a router and its upstreams; the codec must be their last. */
  upstreamHttpFilters(filters: readonly HttpFilter[], at: Place): PlanInit<typeof ExtensionSchema>[]
  /** What a `metadata_match` asks of hosts; `over` wins where both name a key. Undefined: nothing. */
  subsetCriteria(metadata: Metadata | undefined, over?: Metadata): PlanInit<typeof SubsetCriteriaSchema> | undefined
  accessLogs(logs: readonly AccessLog[], at: Place): PlanInit<typeof AccessLogSchema>[]
  accessLogFilter(filter: AccessLogFilter, at: Place): PlanInit<typeof AccessLogFilterSchema> | undefined
  bodyFormat(format: SubstitutionFormatString, at: Place): PlanInit<typeof BodyFormatSchema> | undefined
  /** What `headers_to_add` at this place asks for. */
  headersToAdd(add: readonly HeaderValueOption[], at: Place): PlanInit<typeof HeaderMutationSchema>[]
  /** A substitution format. */
  format(text: string, at: Place): PlanInit<typeof FormatSchema>
  /** Header mutations in the form that filters take them. */
  headerMutations(mutations: readonly HeaderMutation[], at: Place): PlanInit<typeof HeaderMutationSchema>[]
  stringMatcher(matcher: StringMatcher, at: Place): PlanInit<typeof StringMatcherSchema>
  headerMatchers(matchers: readonly HeaderMatcher[], at: Place): PlanInit<typeof FieldMatcherSchema>[]
  queryMatchers(matchers: readonly QueryParameterMatcher[], at: Place): PlanInit<typeof FieldMatcherSchema>[]
  /** The conditions of a route, for a filter that has rules like routes. */
  routeMatch(match: RouteMatch, at: Place): PlanInit<typeof RouteMatchSchema>
  /** `takesLimit`: they may have a limit of their own, in place of the one that a service knows. */
  rateLimits(limits: readonly RateLimit[], at: Place, takesLimit: boolean): PlanInit<typeof RateLimitSchema>[]
  regexRewrite(rewrite: RegexMatchAndSubstitute, at: Place): PlanInit<typeof RegexRewriteSchema>
  fraction(fraction: RuntimeFractionalPercent): PlanInit<typeof FractionSchema>
  /** Without a runtime key, or with one of the extension's own. */
  percentage(percent: FractionalPercent | undefined, runtimeKey?: string): PlanInit<typeof FractionSchema>
  cidrRanges(ranges: readonly CidrRange[], at: Place): PlanInit<typeof CidrRangeSchema>[]
  httpCommon(options: HttpProtocolOptions | undefined, at: Place): PlanInit<typeof HttpCommonOptionsSchema>
  http1(options: Http1ProtocolOptions | undefined, at: Place): PlanInit<typeof Http1OptionsSchema>
  /** `streamError`: what holds for invalid messages where the options say nothing. Undefined: all defaults. */
  http2(
    options: Http2ProtocolOptions | undefined,
    at: Place,
    streamError: boolean,
  ): PlanInit<typeof Http2OptionsSchema> | undefined
  /** A regular expression in RE2's syntax; reports what is wrong with it. */
  checkRegex(pattern: string, at: Place): void
  /** Certificates, validation contexts and ticket keys of a transport socket. */
  readonly secrets: Secrets
  /** Compiles a transport socket within this one. Undefined: clear text, or an error was reported. */
  transportSocket(
    side: 'downstream' | 'upstream',
    config: TransportSocket | undefined,
    at: Place,
  ): PlanInit<typeof ExtensionSchema> | undefined
  /** The text of a DataSource, read now. */
  dataSource(source: DataSource | undefined, at: Place): Uint8Array | undefined
  /** Compiles a filter in TypeScript as a plan of its own; the answer is its slot. */
  script(script: ScriptConfig): number
  /** What a route says for a filter in TypeScript; checked by the filter's own schema. */
  scriptSettings(json: JsonObject): void
  /** A message as proto JSON, with the names of the .proto files. */
  json(message: Message): JsonObject
}
