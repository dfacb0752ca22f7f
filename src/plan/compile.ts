/**
 * resources → plans. Pure: everything from outside comes through CompileDeps, and the results are plain data that crosses threads.
 *
 *   const compiled = compileBootstrap(bootstrap, deps)      // Result<CompiledConfig, ConfigError[]>
 *   for (const plan of compiled.value.plans) addon.putPlan(plan.kind, plan.id, plan.bytes)
 *
 * All errors of a configuration come out at once. First the field walk refuses what is not carried out yet; then the plans are made, and
 * whatever makes no sense as a whole is reported on the way.
 */
import { type JsonObject, toJson } from '@bufbuild/protobuf'
import type { Place } from '../api/plan-context.js'
import type { ConfigError } from '../config/index.js'
import type { Bootstrap } from '../generated/protos/envoy/config/bootstrap/v3/bootstrap_pb.js'
import type { Cluster } from '../generated/protos/envoy/config/cluster/v3/cluster_pb.js'
import type { Listener } from '../generated/protos/envoy/config/listener/v3/listener_pb.js'
import type { TrafficDirection } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import type { Cluster_Type } from '../generated/plan_pb.js'
import { err, ok, type Result } from '../support/result.js'
import type { ScriptProgram } from '../threads/script-program.js'
import { type AdminSettings, adminSettings, type StatsSettings, statsSettings } from './bootstrap-settings.js'
import { addressText } from './address.js'
import {
  clusterKind,
  clusterPlan,
  clusterThresholds,
  type ClusterThresholds,
  type ClusterTools,
  refusedType,
} from './cluster.js'
import { Compilation, type CompileDeps, type Plan } from './compilation.js'
import { type DnsSettings, endpointsPlan, plainResolver, type ResolverSettings, typedResolver } from './endpoints.js'
import { formatsOf } from './formats.js'
import { namePart, type SlotTable } from './ids.js'
import type { AddressInit } from './init.js'
import { listener, type ListenerTools } from './listener.js'
import { Issues } from './place.js'
import type { SecretMeta, TlsContextMeta } from './secrets.js'
import { mergedRuntime, type RuntimeLayerValues, runtimeLayers, runtimePlan } from './runtime.js'

export type { CompileDeps, Plan, PlanKind } from './compilation.js'
export type { SecretMeta, TlsContextMeta } from './secrets.js'
export type { DnsSettings, DnsTarget, ResolverSettings } from './endpoints.js'

/** What the main thread knows about a listener without decoding its plan. */
export interface ListenerMeta {
  readonly name: string
  readonly slot: number
  readonly planId: string
  readonly addresses: readonly AddressInit[]
  readonly reusePort: boolean
  readonly trafficDirection: TrafficDirection
}

export interface ClusterMeta {
  readonly name: string
  readonly slot: number
  readonly planId: string
  readonly type: Cluster_Type
  readonly thresholds: ClusterThresholds
  /** For STRICT_DNS and LOGICAL_DNS. */
  readonly dns?: DnsSettings
}

export interface CompiledConfig {
  readonly plans: readonly Plan[]
  readonly warnings: readonly ConfigError[]
  readonly listeners: readonly ListenerMeta[]
  readonly clusters: readonly ClusterMeta[]
  /** Filters in TypeScript, for the workers. */
  readonly programs: readonly ScriptProgram[]
  readonly runtimeLayers: readonly RuntimeLayerValues[]
  readonly secrets: readonly SecretMeta[]
  readonly tlsContexts: readonly TlsContextMeta[]
  readonly admin: AdminSettings | undefined
  readonly stats: StatsSettings
  /** envoy.config.core.v3.Node in proto JSON. */
  readonly node: JsonObject
  /** The bootstrap's own DNS resolver, for clusters without one. */
  readonly dnsResolver: ResolverSettings
  /** To be kept by the caller and given to the next compilation. */
  readonly slots: SlotTable
}

export function compileBootstrap(bootstrap: Bootstrap, deps: CompileDeps): Result<CompiledConfig, ConfigError[]> {
  const issues = new Issues(deps.sources)
  const root = issues.root()
  const resources = root.field('static_resources')
  const layers = runtimeLayers(bootstrap.layeredRuntime, deps.node.cluster, root.field('layered_runtime'), deps.files)
  const clusterNames = new Set((bootstrap.staticResources?.clusters ?? []).map(cluster => cluster.name))
  const compilation = new Compilation(deps, mergedRuntime(layers), clusterNames, issues, formatsOf)
  compilation.walk.message(bootstrap, root)
  checkRuntime(compilation.runtime, root.field('layered_runtime'))
  const localCluster = bootstrap.clusterManager?.localClusterName ?? ''
  if (localCluster !== '' && !clusterNames.has(localCluster)) {
    root.field('cluster_manager').field('local_cluster_name').error(`local cluster '${localCluster}' must be defined`)
  }
  compilation.secrets.declare(bootstrap.staticResources?.secrets ?? [], resources.field('secrets'))
  const clusters = compileClusters(bootstrap, compilation, resources.field('clusters'))
  const listeners = compileListeners(
    bootstrap.staticResources?.listeners ?? [],
    compilation,
    resources.field('listeners'),
  )
  compilation.checkScriptSettings()
  compilation.add('runtime', '', 0, runtimePlan(compilation.runtime))
  const admin = bootstrap.admin && adminSettings(bootstrap.admin, root.field('admin'), compilation)
  const config: CompiledConfig = {
    plans: compilation.plans,
    programs: compilation.programs,
    warnings: issues.warnings,
    listeners,
    clusters,
    runtimeLayers: layers,
    secrets: compilation.secrets.metas,
    tlsContexts: compilation.secrets.contexts,
    admin,
    stats: statsSettings(bootstrap, root, deps.types),
    node: nodeJson(bootstrap, deps),
    dnsResolver: bootstrapResolver(bootstrap, root, deps),
    slots: deps.slots.table(),
  }
  return issues.errors.length > 0 ? err(unique(issues.errors)) : ok(config)
}

function compileClusters(bootstrap: Bootstrap, compilation: Compilation, at: Place): ClusterMeta[] {
  const seen = new Set<string>()
  const bind = bootstrap.clusterManager?.upstreamBindConfig
  const inBind = compilation.issues.root('cluster_manager.upstream_bind_config')
  const tools: ClusterTools = {
    types: compilation.deps.types,
    walk: compilation.walk,
    transportSocket: (config, cluster, name, place) => {
      const parts = ['cluster', cluster, ...(name === '' ? [] : [name])].map(namePart)
      return compilation.transportSocket(
        'upstream',
        config,
        { owner: { kind: 'cluster', name: cluster }, name: parts.join('/') },
        place,
      )
    },
    checkRegex: compilation.checkRegex,
    unpack: (any, place) => compilation.unpack(any, place),
    defaultBind: bind && { config: bind, at: inBind },
  }
  return (bootstrap.staticResources?.clusters ?? []).flatMap((cluster, index) => {
    const place = at.item(index)
    if (seen.has(cluster.name)) place.field('name').error(`cluster manager: duplicate cluster '${cluster.name}'`)
    seen.add(cluster.name)
    return compileCluster(cluster, compilation, tools, place) ?? []
  })
}

/** One cluster and its endpoints; undefined when its type was refused. */
function compileCluster(
  cluster: Cluster,
  compilation: Compilation,
  tools: ClusterTools,
  at: Place,
): ClusterMeta | undefined {
  const kind = clusterKind(cluster, at, tools.types)
  const thresholds = clusterThresholds(cluster, compilation.runtime)
  if (!kind) {
    clusterPlan(cluster, { type: refusedType(cluster) }, thresholds, at, tools) // for its errors
    return undefined
  }
  const slot = compilation.deps.slots.of('clusters', cluster.name)
  const plan = compilation.add('cluster', cluster.name, slot, clusterPlan(cluster, kind, thresholds, at, tools))
  const endpoints = endpointsPlan(cluster, kind, at, tools.types)
  compilation.add('endpoints', cluster.name, slot, endpoints.bytes)
  return {
    name: cluster.name,
    slot,
    planId: plan.id,
    type: kind.type,
    thresholds,
    ...(endpoints.dns && { dns: endpoints.dns }),
  }
}

function compileListeners(configs: readonly Listener[], compilation: Compilation, at: Place): ListenerMeta[] {
  const names = new Set<string>()
  const addresses = new Set<string>()
  const tools = listenerTools(compilation)
  return configs.map((config, index) => {
    const place = at.item(index)
    const name = config.name === '' ? unnamed(config, index) : config.name
    if (names.has(name)) place.field('name').error(`a second listener is named '${name}'`)
    names.add(name)
    const compiled = listener(config, name, place, tools)
    if (compiled.bindToPort) claimAddresses(compiled.addresses, addresses, place)
    const slot = compilation.deps.slots.of('listeners', name)
    const plan = compilation.add('listener', name, slot, compiled.bytes)
    return {
      name,
      slot,
      planId: plan.id,
      addresses: compiled.addresses,
      reusePort: compiled.reusePort,
      trafficDirection: config.trafficDirection,
    }
  })
}

/** No two listeners may have one address; port 0 is a new one each time. */
function claimAddresses(wanted: readonly AddressInit[], taken: Set<string>, at: Place): void {
  const fixed = wanted.filter(address => address.pipe !== undefined || (address.port ?? 0) !== 0).map(addressText)
  for (const text of fixed) {
    if (taken.has(text)) at.field('address').error(`has duplicate address '${text}' as existing listener`)
  }
  for (const text of fixed) taken.add(text)
}

/** Envoy makes up a random name; ours stays the same over a reload. */
function unnamed(config: Listener, index: number): string {
  const address = config.address?.address
  const port =
    address?.case === 'socketAddress' && address.value.portSpecifier.case === 'portValue'
      ? address.value.portSpecifier.value
      : 0
  return `unnamed-${port === 0 ? index : port}`
}

function listenerTools(compilation: Compilation): ListenerTools {
  return {
    backlog: compilation.deps.backlog,
    accessLogs: (logs, at) => compilation.formats.accessLogs(logs, at),
    listenerFilter: ({ name, configType }, at) =>
      compilation.listenerFilter(
        {
          name,
          disabled: false,
          isOptional: false,
          typedConfig: configType.case === 'typedConfig' ? configType.value : undefined,
        },
        at,
      ),
    networkFilters: (filters, owner, at) => {
      const configured = filters.map(({ name, configType }) => ({
        name,
        disabled: false,
        isOptional: false,
        typedConfig: configType.case === 'typedConfig' ? configType.value : undefined,
      }))
      return compilation.filterChain(configured, at, {
        category: 'envoy.filters.network',
        called: 'network filter chain',
        owner,
      })
    },
    transportSocket: (config, chain, at) =>
      compilation.transportSocket(
        'downstream',
        config,
        { owner: { kind: 'listener', name: chain.listener }, name: chain.owner },
        at,
      ),
    connectionLimit: name => {
      const limit = compilation.runtime.get(`envoy.resource_limits.listener.${name}.connection_limit`)
      return limit !== undefined && /^\d+$/.test(limit) ? BigInt(limit) : undefined
    },
  }
}

/** Runtime keys that change what happens to traffic and are not carried out yet. */
function checkRuntime(values: ReadonlyMap<string, string>, at: Place): void {
  for (const key of values.keys()) {
    if (key === 'overload.global_downstream_max_connections')
      at.item(key).unsupported('the limit of connections of the whole process')
    else if (key.startsWith('envoy.reloadable_features.') || key.startsWith('envoy.restart_features.')) {
      at.item(key).warning('accepted, but has no effect: feature guards of Envoy')
    }
  }
}

function nodeJson(bootstrap: Bootstrap, deps: CompileDeps): JsonObject {
  const schema = bootstrap.node && deps.types.message(bootstrap.node.$typeName)
  const node =
    bootstrap.node && schema
      ? (toJson(schema, bootstrap.node, { registry: deps.types.registry, useProtoFieldName: true }) as JsonObject)
      : {}
  return { ...node, id: deps.node.id, cluster: deps.node.cluster }
}

function bootstrapResolver(bootstrap: Bootstrap, at: Place, deps: CompileDeps): ResolverSettings {
  const typed = bootstrap.typedDnsResolverConfig?.typedConfig
  if (typed) return typedResolver(typed, at.field('typed_dns_resolver_config').field('typed_config'), deps.types)
  return plainResolver(bootstrap.dnsResolutionConfig, at.field('dns_resolution_config'))
}

/** The same refusal may be found by the walk and by a compiler. */
function unique(errors: readonly ConfigError[]): ConfigError[] {
  const seen = new Set<string>()
  return errors.filter(error => {
    const key = `${error.path} ${error.message}`
    return seen.has(key) ? false : seen.add(key)
  })
}
