import { type JsonObject, type Message, toJson } from '@bufbuild/protobuf'
import type { Any, Duration } from '@bufbuild/protobuf/wkt'
import type { Place, PlanContext, ScriptConfig, Unpacked } from '../api/plan-context.js'
import type { AccessLog, AccessLogFilter } from '../generated/protos/envoy/config/accesslog/v3/accesslog_pb.js'
import type { CidrRange } from '../generated/protos/envoy/config/core/v3/address_pb.js'
import type {
  DataSource,
  HeaderValueOption,
  Metadata,
  RuntimeFractionalPercent,
  TransportSocket,
} from '../generated/protos/envoy/config/core/v3/base_pb.js'
import type {
  Http1ProtocolOptions,
  Http2ProtocolOptions,
  HttpProtocolOptions,
} from '../generated/protos/envoy/config/core/v3/protocol_pb.js'
import type { SubstitutionFormatString } from '../generated/protos/envoy/config/core/v3/substitution_format_string_pb.js'
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
import type { RouteConfiguration } from '../generated/protos/envoy/config/route/v3/route_pb.js'
import type { OnDemandCds } from '../generated/protos/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.js'
import type {
  HttpConnectionManager_Tracing,
  HttpFilter,
  Rds,
  ScopedRoutes,
} from '../generated/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import type { Secrets } from '../api/secrets.js'
import { cidrRanges } from './address.js'
import { type Compilation, configuredFilter, type TransportOwner } from './compilation.js'
import { headerAddition, headerRemoval } from './header-mutation.js'
import { http1Options, http2Options, httpCommon } from './http-options.js'
import type {
  AccessLogFilterInit,
  AccessLogInit,
  BodyFormatInit,
  CidrRangeInit,
  ExtensionInit,
  FieldMatcherInit,
  FormatInit,
  FractionInit,
  HeaderMutationInit,
  Http1Init,
  Http2Init,
  HttpCommonInit,
  SubsetCriteriaInit,
  RateLimitInit,
  RegexRewriteInit,
  RouteMatchInit,
  ScopedRoutesInit,
  StringMatcherInit,
  TracingInit,
} from './init.js'
import { fraction, headerMatchers, queryMatcher, regexRewrite, runtimeFraction, stringMatcher } from './matcher.js'
import { rateLimits } from './rate-limits.js'
import { routeMatch } from './route-table.js'
import { scopedRoutes } from './scoped-routes.js'
import { subsetCriteria } from './subset.js'
import { managerTracing } from './tracing.js'
import { versionText } from './version-text.js'
import { milliseconds } from './values.js'

/** What the plan() of one configured filter sees of its compilation. */
export class FilterContext implements PlanContext {
  readonly statPrefix: string
  readonly node: { readonly id: string; readonly cluster: string }
  readonly #compilation: Compilation
  readonly #place: Place
  readonly #owner: string
  readonly #name: string
  readonly #transport: TransportOwner | undefined

  /**
   * `owner` names the filter's chain within all listeners (a chain has one connection manager); its inline route table is named after it.
   * `transport`: the context is a transport socket's, not a filter's. `statPrefix`: of the connection manager.
   */
  constructor(
    compilation: Compilation,
    place: Place,
    owner: string,
    name: string,
    {
      transport,
      statPrefix = '',
    }: { readonly transport?: TransportOwner; readonly statPrefix?: string | undefined } = {},
  ) {
    this.#transport = transport
    this.#compilation = compilation
    this.#place = place
    this.#owner = owner
    this.#name = name
    this.statPrefix = statPrefix
    this.node = compilation.deps.node
  }

  get version(): string {
    return versionText(this.#compilation.environment.bootstrap.node)
  }

  get path(): string {
    return this.#place.path
  }

  field(name: string): Place {
    return this.#place.field(name)
  }

  item(index: number | string): Place {
    return this.#place.item(index)
  }

  error(message: string, suggestion?: string): void {
    this.#place.error(message, suggestion)
  }

  unsupported(what: string): void {
    this.#place.unsupported(what)
  }

  warning(message: string): void {
    this.#place.warning(message)
  }

  unpack(any: Any, at: Place): Unpacked | undefined {
    return this.#compilation.unpack(any, at)
  }

  milliseconds<T>(duration: Duration | undefined, missing: T, at: Place): number | T {
    return milliseconds(duration, missing, at)
  }

  environment(name: string): string | undefined {
    return this.#compilation.deps.environment[name]
  }

  runtime(key: string): string | undefined {
    return this.#compilation.runtime.get(key)
  }

  clusterSlot(name: string): number {
    return this.#compilation.deps.slots.of('clusters', name)
  }

  routeTable(config: RouteConfiguration, at: Place): number {
    return this.#compilation.inlineRoutes(config, this.#owner, at)
  }

  clustersOnDemand(config: Pick<OnDemandCds, 'source' | 'timeout'>, at: Place): number | undefined {
    return this.#compilation.clustersOnDemand(config, at)
  }

  scopedRoutes(config: ScopedRoutes, at: Place, statPrefix: string): ScopedRoutesInit | undefined {
    return scopedRoutes(config, this.#owner, statPrefix, at, this.#compilation)
  }

  discoveredRoutes(rds: Rds, at: Place, statPrefix = ''): number {
    return this.#compilation.discoveredRoutes(rds, at, statPrefix)
  }

  tracing(config: HttpConnectionManager_Tracing, at: Place): TracingInit {
    return managerTracing(config, at, this.#compilation, this.#owner)
  }

  checkCluster(name: string, who: string, at: Place): void {
    if (!this.#compilation.environment.hasCluster(name)) at.error(`${who}: unknown cluster '${name}'`)
  }

  httpFilters(
    filters: readonly HttpFilter[],
    at: Place,
    called = 'http filter chain',
    statPrefix = '',
  ): ExtensionInit[] {
    return this.#compilation.filterChain(filters.map(configuredFilter), at, {
      category: 'envoy.filters.http',
      called,
      owner: this.#owner,
      statPrefix,
    })
  }

  upstreamHttpFilters(filters: readonly HttpFilter[], at: Place): ExtensionInit[] {
    if (filters.length > 0 && this.#owner.endsWith('/discovered'))
      at.unsupported('upstream HTTP filters of a router that is discovered')
    return this.#compilation.upstreamFilters(filters, at, {
      owner: `${this.#owner}/upstream`,
      statPrefix: this.statPrefix,
      isRouter: true,
    })
  }

  subsetCriteria(metadata: Metadata | undefined, over?: Metadata): SubsetCriteriaInit | undefined {
    return subsetCriteria(metadata, over)
  }

  accessLogs(logs: readonly AccessLog[], at: Place): AccessLogInit[] {
    return this.#compilation.formats.accessLogs(logs, at)
  }

  accessLogFilter(filter: AccessLogFilter, at: Place): AccessLogFilterInit | undefined {
    return this.#compilation.formats.accessLogFilter(filter, at)
  }

  bodyFormat(format: SubstitutionFormatString, at: Place): BodyFormatInit | undefined {
    return this.#compilation.formats.bodyFormat(format, at)
  }

  headersToAdd(add: readonly HeaderValueOption[], at: Place): HeaderMutationInit[] {
    const { formats } = this.#compilation
    return add.map((option, index) =>
      headerAddition(option, at.item(index), (text, place) => formats.format(text, place)),
    )
  }

  format(text: string, at: Place): FormatInit {
    return this.#compilation.formats.format(text, at)
  }

  headerMutations(mutations: readonly HeaderMutation[], at: Place): HeaderMutationInit[] {
    return mutations.flatMap((mutation, index) => {
      const place = at.item(index)
      const { action } = mutation
      if (action.case === 'remove') return [headerRemoval(action.value, place.field('remove'))]
      if (action.case !== 'append') return []
      return [headerAddition(action.value, place.field('append'), (text, where) => this.format(text, where))]
    })
  }

  stringMatcher(matcher: StringMatcher, at: Place): StringMatcherInit {
    return stringMatcher(matcher, at, this.#compilation.checkRegex)
  }

  headerMatchers(matchers: readonly HeaderMatcher[], at: Place): FieldMatcherInit[] {
    return headerMatchers(matchers, at, this.#compilation.checkRegex)
  }

  queryMatchers(matchers: readonly QueryParameterMatcher[], at: Place): FieldMatcherInit[] {
    return matchers.map((matcher, index) => queryMatcher(matcher, at.item(index), this.#compilation.checkRegex))
  }

  routeMatch(match: RouteMatch, at: Place): RouteMatchInit {
    return routeMatch(match, at, this.#compilation)
  }

  rateLimits(limits: readonly RateLimit[], at: Place, takesLimit: boolean): RateLimitInit[] {
    const tools = {
      checkRegex: this.#compilation.checkRegex,
      format: (text: string, place: Place) => this.format(text, place),
      nodeCluster: this.node.cluster,
      formatsValues: this.#compilation.formatsDescriptors,
      unpack: (any: Any, place: Place) => this.unpack(any, place),
    }
    return rateLimits(limits, at, tools, { inFilter: true, takesLimit })
  }

  regexRewrite(rewrite: RegexMatchAndSubstitute, at: Place): RegexRewriteInit {
    return regexRewrite(rewrite, at, this.#compilation.checkRegex)
  }

  fraction(fraction: RuntimeFractionalPercent): FractionInit {
    return runtimeFraction(fraction)
  }

  percentage(percent: FractionalPercent | undefined, runtimeKey = ''): FractionInit {
    return fraction(percent, runtimeKey)
  }

  cidrRanges(ranges: readonly CidrRange[], at: Place): CidrRangeInit[] {
    return cidrRanges(ranges, at)
  }

  httpCommon(options: HttpProtocolOptions | undefined, at: Place): HttpCommonInit {
    return httpCommon(options, at)
  }

  http1(options: Http1ProtocolOptions | undefined, at: Place): Http1Init {
    return http1Options(options, at, this.#compilation)
  }

  http2(options: Http2ProtocolOptions | undefined, at: Place, streamError: boolean): Http2Init | undefined {
    return http2Options(options, at, streamError)
  }

  checkRegex(pattern: string, at: Place): void {
    this.#compilation.checkRegex(pattern, at)
  }

  get secrets(): Secrets {
    const { owner, name } = this.#tlsOwner()
    return this.#compilation.secrets.of(owner, name, this.#place.path)
  }

  transportSocket(
    side: 'downstream' | 'upstream',
    config: TransportSocket | undefined,
    at: Place,
  ): ExtensionInit | undefined {
    const { owner, name } = this.#tlsOwner()
    const inner = `${name}${at.path.slice(this.#place.path.length)}`
    return this.#compilation.transportSocket(side, config, { owner, name: inner }, at)
  }

  #tlsOwner(): TransportOwner {
    return this.#transport ?? { owner: { kind: 'listener', name: this.#owner }, name: this.#owner }
  }

  dataSource(source: DataSource | undefined, at: Place): Uint8Array | undefined {
    return this.#compilation.dataSource(source, at)
  }

  script(script: ScriptConfig): number {
    return this.#compilation.script(script, { owner: this.#owner, name: this.#name }, this.#place)
  }

  scriptSettings(json: JsonObject): void {
    this.#compilation.scriptSettings(this.#name, json, this.#place)
  }

  json(message: Message): JsonObject {
    const { types } = this.#compilation.deps
    const schema = types.message(message.$typeName)
    return schema ? (toJson(schema, message, { registry: types.registry, useProtoFieldName: true }) as JsonObject) : {}
  }
}
