import { encodePlan } from '../api/plan-encoder.js'
import type { Any } from '@bufbuild/protobuf/wkt'
import type { JsonObject } from '@bufbuild/protobuf'
import type { ExtensionCategory, NativeExtension } from '../api/native.js'
import type { Place, PlanContext, ScriptConfig, Unpacked } from '../api/plan-context.js'
import type { ExtensionRegistry } from '../api/registry.js'
import type { ConfigError, Types } from '../config/index.js'
import { RouteTableSchema } from '../generated/plan_pb.js'
import type { DataSource, TransportSocket } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import {
  ApiConfigSource_ApiType as ApiType,
  type ExtensionConfigSource,
} from '../generated/protos/envoy/config/core/v3/config_source_pb.js'
import type { FilterConfig } from '../generated/protos/envoy/config/route/v3/route_components_pb.js'
import type { RouteConfiguration, Vhds } from '../generated/protos/envoy/config/route/v3/route_pb.js'
import type { OnDemandCds } from '../generated/protos/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.js'
import type {
  HttpFilter,
  Rds,
} from '../generated/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import type { ScriptLoader } from '../script/loader.js'
import type { Files } from '../support/files.js'
import type { ScriptProgram } from '../threads/script-program.js'
import { checkEnd } from './chain-end.js'
import { readDataSource } from './data-source.js'
import type { FieldWalk } from './field-walk.js'
import type { ResourceEnvironment } from './environment.js'
import { type Formats, formatsOf } from './formats.js'
import { namePart, planId, type Slots } from './ids.js'
import type { ExtensionInit } from './init.js'
import type { Issues } from './place.js'
import { FilterContext } from './filter-context.js'
import { discoveredFilter, type DiscoveryRules, type FilterCategory } from './filter-discovery.js'
import { discoverySource } from './config-source.js'
import { type DiscoverySource, type Reference, referenceKey } from './reference.js'
import { CompiledSecrets, type TlsOwner } from './secrets.js'
import { routeTable, type RouteTools } from './route-table.js'
import { checkSettings, scriptProgram } from './script.js'
import { milliseconds } from './values.js'

const virtualHostTypeUrl = 'type.googleapis.com/envoy.config.route.v3.VirtualHost'
const clusterTypeUrl = 'type.googleapis.com/envoy.config.cluster.v3.Cluster'
const defaultOnDemandTimeoutMs = 5000
const routeTypeUrl = 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration'

/** What the slot of a route table that was discovered is called by. */
export const discoveredTable = (source: DiscoverySource, name: string): string => `rds/${source.key}/${namePart(name)}`

const rawBuffer = 'envoy.transport_sockets.raw_buffer'
const tlsContexts = 'envoy.extensions.transport_sockets.tls.v3'
const tlsTypeUrls = {
  downstream: `type.googleapis.com/${tlsContexts}.DownstreamTlsContext`,
  upstream: `type.googleapis.com/${tlsContexts}.UpstreamTlsContext`,
} as const
const isTls = (name: string): boolean => name === 'envoy.transport_sockets.tls' || name === 'tls'
const isTlsType = (typeName: string): boolean => Object.values(tlsTypeUrls).some(url => url.endsWith(`/${typeName}`))

export type PlanKind =
  | 'listener'
  | 'route-table'
  | 'cluster'
  | 'endpoints'
  | 'runtime'
  | 'secret'
  | 'script'
  | 'scoped-routes'
  | 'extension-config'

/** One plan, ready to be put into the native store. `slot` is what other plans refer to it by. */
export interface Plan {
  readonly kind: PlanKind
  readonly name: string
  readonly slot: number
  readonly id: string
  readonly bytes: Uint8Array
}

/** What a compilation is given. Everything comes from outside, so that the same input makes the same plans. */
export interface CompileDeps {
  readonly types: Types
  readonly registry: ExtensionRegistry
  readonly slots: Slots
  readonly files: Files
  readonly environment: Readonly<Record<string, string | undefined>>
  /** What is wrong with a pattern of RE2's syntax; undefined when nothing is. */
  checkRegex(pattern: string): string | undefined
  readonly node: { readonly id: string; readonly cluster: string }
  /** Filters in TypeScript. */
  readonly scripts: Pick<ScriptLoader, 'load' | 'loaded'>
  /** net.core.somaxconn: the default backlog. */
  readonly backlog: number
  /** Nothing will be started: where listeners would be asked for is not looked at, as in Envoy's mode "validate". */
  readonly isValidation?: boolean
  /** Positions of errors; a bootstrap's SourceMap. */
  readonly sources?: {
    error(code: ConfigError['code'], path: string, message: string, suggestion?: string): ConfigError
  }
}

const codecType = 'envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec'

/** A filter in a configured chain, of either kind. */
export interface ConfiguredFilter {
  readonly name: string
  readonly disabled: boolean
  readonly isOptional: boolean
  readonly typedConfig: Any | undefined
  readonly discovery: ExtensionConfigSource | undefined
}

/** HttpFilter, Filter and ListenerFilter alike. */
export function configuredFilter({
  name,
  disabled = false,
  isOptional = false,
  configType,
}: {
  readonly name: string
  readonly disabled?: boolean
  readonly isOptional?: boolean
  readonly configType:
    | { readonly case: 'typedConfig'; readonly value: Any }
    | { readonly case: 'configDiscovery'; readonly value: ExtensionConfigSource }
    | { readonly case: undefined; readonly value?: undefined }
}): ConfiguredFilter {
  return {
    name,
    disabled,
    isOptional,
    typedConfig: configType.case === 'typedConfig' ? configType.value : undefined,
    discovery: configType.case === 'configDiscovery' ? configType.value : undefined,
  }
}

export interface ChainRules {
  readonly category: FilterCategory
  /** "http filter chain", for messages. */
  readonly called: string
  readonly owner: string
  /** Of the connection manager. */
  readonly statPrefix?: string
}

/** Whose transport socket it is, and what its own secrets are called after. */
export interface TransportOwner {
  readonly owner: TlsOwner
  readonly name: string
}

/** The compiling of one resource: what it was given, what it found, and the plans made so far. */
export class Compilation {
  readonly environment: ResourceEnvironment
  readonly deps: CompileDeps
  readonly issues: Issues
  readonly plans: Plan[] = []
  readonly #references = new Map<string, Reference>()
  readonly programs: ScriptProgram[] = []
  readonly #scriptSettings: { name: string; json: unknown; at: Place }[] = []
  readonly secrets: CompiledSecrets
  #formats: Formats | undefined
  /** Some logger sends to a gRPC access log service. */
  sendsLogs = false

  constructor(environment: ResourceEnvironment, issues: Issues) {
    this.environment = environment
    this.deps = environment.deps
    this.issues = issues
    this.secrets = new CompiledSecrets(this)
  }

  get runtime(): ReadonlyMap<string, string> {
    return this.environment.runtime
  }

  get walk(): FieldWalk {
    return this.environment.walk
  }

  get formats(): Formats {
    this.#formats ??= formatsOf(this)
    return this.#formats
  }

  get references(): Reference[] {
    return [...this.#references.values()]
  }

  /** Notes that something from elsewhere is needed. */
  refer(reference: Reference): void {
    this.#references.set(referenceKey(reference), reference)
  }

  add(kind: PlanKind, name: string, slot: number, bytes: Uint8Array): Plan {
    const plan = { kind, name, slot, id: planId(bytes, name), bytes }
    this.plans.push(plan)
    return plan
  }

  /** Values of rate limit descriptors are substitution formats only where the runtime says so. */
  get formatsDescriptors(): boolean {
    const name = 'envoy.reloadable_features.enable_formatter_for_ratelimit_action_descriptor_value'
    return this.runtime.get(name) === 'true'
  }

  unpack(any: Any, at: Place): Unpacked | undefined {
    const unpacked = this.deps.types.unpackAny(any)
    if (unpacked.ok) return unpacked.value
    at.error(unpacked.error.message, unpacked.error.suggestion)
    return undefined
  }

  /** `owner` and `name`: of the chain, and of the filter in it. */
  script(script: ScriptConfig, { owner, name }: { owner: string; name: string }, at: Place): number {
    const base = `${owner}/${namePart(name)}`
    const taken = this.programs.filter(program => program.slotName === base || program.slotName.startsWith(`${base}#`))
    const slotName = taken.length === 0 ? base : `${base}#${taken.length}`
    const slot = this.deps.slots.of('scripts', slotName)
    const made = scriptProgram(script, name, slotName, this.deps.scripts, at)
    if (made === undefined) return slot
    this.programs.push(made.program)
    this.add('script', slotName, slot, made.bytes)
    return slot
  }

  /** The members of an access logger's entries, with their formats; undefined when something is wrong, which `at` was told. */
  logFields(script: ScriptConfig, at: Place): JsonObject | undefined {
    const loaded = this.deps.scripts.load(script.module)
    const config = loaded.ok ? loaded.value.readConfig(script.config) : undefined
    if (!loaded.ok || config?.ok !== true) return undefined
    try {
      return loaded.value.logFields(config.value) as JsonObject
    } catch (error) {
      at.field('module').error(`the fields of its entries cannot be read: ${(error as Error).message}`)
      return undefined
    }
  }

  /** What a route says for the filter of this name; checked at the end, when all filters are known. */
  scriptSettings(name: string, json: unknown, at: Place): void {
    this.#scriptSettings.push({ name, json, at })
  }

  checkScriptSettings(): void {
    for (const { name, json, at } of this.#scriptSettings) {
      const program = this.programs.find(one => one.name === name)
      const script = program && this.deps.scripts.loaded(program.file)
      if (script === undefined) continue
      if (script.readRouteConfig === undefined)
        at.error(`The filter ${name} doesn't support virtual host or route specific configurations`)
      else checkSettings(script.readRouteConfig, json, at.field('config'))
    }
  }

  /** A property, so that it can be handed on alone. */
  readonly checkRegex = (pattern: string, at: Place): void => {
    const problem = this.deps.checkRegex(pattern)
    if (problem !== undefined) at.error(`not a regular expression: ${problem}`)
  }

  dataSource(source: DataSource | undefined, at: Place): Uint8Array | undefined {
    return readDataSource(source, at, this.deps)
  }

  /** A table given in place; it is its owner's own. */
  inlineRoutes(config: RouteConfiguration, owner: string, at: Place): number {
    const name = config.name === '' ? owner : `${owner}/${namePart(config.name)}`
    const slot = this.deps.slots.of('routeTables', name)
    this.routeTable(config, { name, slot, validateClusters: true }, at)
    return slot
  }

  /** A table from elsewhere; all who ask the same source for the same name share it. */
  discoveredRoutes(rds: Rds, at: Place, statPrefix = ''): number {
    if (!rds.configSource && !rds.routeConfigName.startsWith('xdstp://')) {
      at.error("An RDS config must have either a 'config_source' or an xDS-TP based 'route_config_name'.")
      return 0
    }
    const source = discoverySource(rds.configSource, routeTypeUrl, at.field('config_source'), this.environment.sources)
    return source ? this.referToRoutes(source, rds.routeConfigName, true, statPrefix) : 0
  }

  clustersOnDemand(
    { source: config, timeout }: Pick<OnDemandCds, 'source' | 'timeout'>,
    at: Place,
  ): number | undefined {
    const source = discoverySource(config, clusterTypeUrl, at, this.environment.sources)
    if (source === undefined) return undefined
    const timeoutMs = milliseconds(timeout, defaultOnDemandTimeoutMs, at)
    const slot = this.deps.slots.of('clusterSources', `${source.key}/${timeoutMs}`)
    this.refer({ kind: 'cluster', source, name: '', slot, isRequired: false, use: { timeoutMs } })
    return slot
  }

  referToRoutes(source: DiscoverySource, name: string, isRequired: boolean, statPrefix = ''): number {
    const slot = this.deps.slots.of('routeTables', discoveredTable(source, name))
    this.refer({ kind: 'route', source, name, slot, isRequired, statPrefix })
    return slot
  }

  /** `validateClusters`: what holds where the table does not say. */
  routeTable(
    config: RouteConfiguration,
    {
      name,
      slot,
      validateClusters,
      statPrefix = '',
    }: { name: string; slot: number; validateClusters: boolean; statPrefix?: string | undefined },
    at: Place,
  ): void {
    const mustExist = config.validateClusters ?? validateClusters
    if (config.vhds)
      this.#referToVirtualHosts(
        config.vhds,
        { name: config.name, slot, statPrefix },
        at.field('vhds').field('config_source'),
      )
    const tools: RouteTools = {
      checkRegex: this.checkRegex,
      format: (text, place) => this.formats.format(text, place),
      customTags: (tags, place) => this.formats.customTags(tags, place),
      nodeCluster: this.deps.node.cluster,
      formatsValues: this.formatsDescriptors,
      clusterSlot: (cluster, place) => {
        if (mustExist && !this.environment.hasCluster(cluster)) place.error(`route: unknown cluster '${cluster}'`)
        return this.deps.slots.of('clusters', cluster)
      },
      unpack: (any, place) => this.unpack(any, place),
      walk: (message, place) => this.walk.message(message, place),
      bodyFormat: (format, place) => this.formats.bodyFormat(format, place),
      dataSource: (source, place) => this.dataSource(source, place),
      perFilter: (filter, any, place) => this.#perFilter(filter, any, place),
    }
    this.add('route-table', name, slot, encodePlan(RouteTableSchema, routeTable(config, at, tools)))
  }

  /** More virtual hosts come on demand. */
  #referToVirtualHosts(
    { configSource }: Vhds,
    table: { readonly name: string; readonly slot: number; readonly statPrefix: string },
    at: Place,
  ): void {
    const spec = configSource?.configSourceSpecifier
    const isDelta = spec?.case === 'apiConfigSource' && spec.value.apiType === ApiType.DELTA_GRPC
    if (spec?.case === 'ads' && !this.environment.sources.hasAds)
      return at.error('vhds: ADS config source specified but no ADS configured in bootstrap.')
    if (spec?.case !== 'ads' && !isDelta)
      return at.error("vhds: only 'DELTA_GRPC' or 'ADS' (which uses Delta xDS) is supported as a config source.")
    const source = discoverySource(configSource, virtualHostTypeUrl, at, this.environment.sources)
    if (source) this.refer({ kind: 'virtual-host', source, isRequired: true, ...table })
  }

  /** What a level of the routes says of a filter: its settings, or (in a FilterConfig) whether it takes part at all. */
  #perFilter(name: string, any: Any, at: Place): ExtensionInit | undefined {
    const unpacked = this.unpack(any, at)
    if (unpacked?.typeName !== 'envoy.config.route.v3.FilterConfig') return this.#routeSettings(name, unpacked, at)
    const filter = unpacked.message as FilterConfig
    if (filter.disabled) return { name, disabled: true }
    if (!filter.config) {
      at.error(`Empty route/virtual host per filter configuration for ${name} filter`)
      return undefined
    }
    if (filter.config.typeUrl === '') return { name } // `config: {}`: takes part, with the settings it has anyway
    return this.#routeSettings(name, this.unpack(filter.config, at.field('config')), at.field('config'))
  }

  #routeSettings(name: string, unpacked: Unpacked | undefined, at: Place): ExtensionInit | undefined {
    if (!unpacked) return undefined
    const { registry } = this.deps
    const definition = registry.byRouteType(unpacked.typeName)
    if (definition?.route) {
      const context: PlanContext = new FilterContext(this, at, '', name)
      return {
        type: definition.nativeName ?? definition.name,
        name,
        plan: definition.route.plan(unpacked.message, context),
      }
    }
    const isFilter = registry.byType('envoy.filters.http', unpacked.typeName)
    if (isFilter) at.error(`The filter ${name} doesn't support virtual host or route specific configurations`)
    return undefined
  }

  /** Compiles the filters of a chain: the last is terminal, and no other. Extensions to come were refused by the field walk. */
  filterChain(filters: readonly ConfiguredFilter[], at: Place, rules: ChainRules): ExtensionInit[] {
    return filters.flatMap((filter, index) => {
      const place = at.item(index)
      const isLast = index === filters.length - 1
      if (filter.discovery) return this.#discovered(filter, filter.discovery, { ...rules, isLast }, place)
      const extension = this.#extension(filter, place, rules.category)
      if (!extension) return []
      const { definition, message } = extension
      checkEnd(`${filter.name} of type ${definition.name}`, definition, { isLast, called: rules.called }, place)
      if (filter.disabled && isLast)
        place
          .field('disabled')
          .error(`Error: the last (terminal) filter (${filter.name}) in the chain cannot be disabled by default.`)
      const context: PlanContext = new FilterContext(this, place.field('typed_config'), rules.owner, filter.name, {
        statPrefix: rules.statPrefix,
      })
      return [
        {
          type: definition.nativeName ?? definition.name,
          name: filter.name,
          plan: definition.plan?.(message, context) ?? new Uint8Array(),
          disabled: filter.disabled,
        },
      ]
    })
  }

  /** Of a cluster or a router; the codec ends them. */
  upstreamFilters(
    filters: readonly HttpFilter[],
    at: Place,
    of: { readonly owner: string; readonly statPrefix: string; readonly isRouter: boolean },
  ): ExtensionInit[] {
    const { configType } = filters.at(-1) ?? {}
    if (!configType) return []
    if (!of.isRouter && configType.case === 'typedConfig' && !configType.value.typeUrl.endsWith(`/${codecType}`))
      at.error(`The codec filter is the only valid terminal upstream HTTP filter, use '${codecType}'`)
    const called = `${of.isRouter ? 'router ' : ''}upstream http filter chain`
    const rules = { category: 'envoy.filters.http.upstream', called, ...of } as const
    return this.filterChain(filters.map(configuredFilter), at, rules)
  }

  #discovered(
    { name, disabled }: ConfiguredFilter,
    discovery: ExtensionConfigSource,
    rules: DiscoveryRules,
    at: Place,
  ): ExtensionInit[] {
    const place = at.field('config_discovery')
    const made = discoveredFilter({ name, disabled, discovery }, rules, place, this)
    return made ? [made] : []
  }

  /** Another for the same resource, whose plans nobody wants. */
  scratch(): Compilation {
    return new Compilation(this.environment, this.issues)
  }

  /** Undefined: clear text, or an error was reported. */
  transportSocket(
    side: 'downstream' | 'upstream',
    config: TransportSocket | undefined,
    transport: TransportOwner,
    at: Place,
  ): ExtensionInit | undefined {
    if (!config) return undefined
    if (config.configType.case !== 'typedConfig') {
      at.error(
        `Didn't find a registered implementation for '${config.name}' without a typed_config`,
        isTls(config.name) ? `write typed_config: {"@type": ${tlsTypeUrls[side]}, …}` : undefined,
      )
      return undefined
    }
    const place = at.field('typed_config')
    const unpacked = this.unpack(config.configType.value, place)
    const definition = unpacked && this.deps.registry.byType(`envoy.transport_sockets.${side}`, unpacked.typeName)
    if (!unpacked || !definition) {
      if (unpacked && isTlsType(unpacked.typeName))
        place.error(
          `Didn't find a registered implementation for '${config.name}' with type URL: '${unpacked.typeName}'`,
          `${side === 'downstream' ? "a listener's" : "a cluster's"} "@type" is ${tlsTypeUrls[side]}`,
        )
      return undefined // the field walk says so
    }
    const context: PlanContext = new FilterContext(this, place, transport.name, config.name, { transport })
    const plan = definition.plan?.(unpacked.message, context) ?? new Uint8Array()
    return definition.name === rawBuffer ? undefined : { type: definition.name, name: config.name, plan }
  }

  /** A filter of a list that nothing ends. */
  listenerFilter(filter: ConfiguredFilter, owner: string, at: Place): ExtensionInit | undefined {
    const rules = { category: 'envoy.filters.listener', called: 'listener filter list', owner, isLast: false } as const
    if (filter.discovery) return this.#discovered(filter, filter.discovery, rules, at)[0]
    const extension = this.#extension(filter, at, 'envoy.filters.listener')
    if (!extension) return undefined
    const { definition, message } = extension
    const context: PlanContext = new FilterContext(this, at.field('typed_config'), at.path, filter.name)
    return {
      type: definition.nativeName ?? definition.name,
      name: filter.name,
      plan: definition.plan?.(message, context) ?? new Uint8Array(),
    }
  }

  #extension(
    filter: ConfiguredFilter,
    at: Place,
    category: ExtensionCategory,
  ): { definition: NativeExtension; message: Unpacked['message'] } | undefined {
    if (!filter.typedConfig) {
      at.error(`Didn't find a registered implementation for '${filter.name}' without a typed_config`)
      return undefined
    }
    const unpacked = this.unpack(filter.typedConfig, at.field('typed_config'))
    const definition = unpacked && this.deps.registry.byType(category, unpacked.typeName)
    if (unpacked && !definition && this.walk.knows(unpacked.typeName))
      at.field('typed_config').error(
        `Didn't find a registered implementation for '${filter.name}' with type URL: '${unpacked.typeName}'`,
      )
    return definition && { definition, message: unpacked.message }
  }
}
