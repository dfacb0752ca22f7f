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
import { err, ok, type Result } from '../support/result.js'
import type { ScriptProgram } from '../threads/script-program.js'
import { type AdminSettings, adminSettings, type StatsSettings, statsSettings } from './bootstrap-settings.js'
import { Compilation, type CompileDeps, type Plan } from './compilation.js'
import { type ClusterMeta, compileCluster } from './compile-cluster.js'
import { claimedAddresses, compileListener, type ListenerMeta, listenerName } from './compile-listener.js'
import { type CompiledResource, compiledResource, unique } from './compile-resource.js'
import { type DynamicSettings, dynamicSettings } from './dynamic-settings.js'
import { plainResolver, type ResolverSettings, typedResolver } from './endpoints.js'
import { openEnvironment, type ResourceEnvironment } from './environment.js'
import type { SlotTable } from './ids.js'
import { connectionLimit } from './overload.js'
import { Issues } from './place.js'
import type { Reference } from './reference.js'
import type { SecretMeta, TlsContextMeta } from './secrets.js'
import { mergedRuntime, type RuntimeLayerValues, runtimeLayers, runtimePlan } from './runtime.js'

export type { CompileDeps, Plan, PlanKind } from './compilation.js'
export type { ClusterMeta } from './compile-cluster.js'
export type { ListenerMeta } from './compile-listener.js'
export type { SecretMeta, TlsContextMeta } from './secrets.js'
export type { DnsSettings, DnsTarget, ResolverSettings } from './endpoints.js'

export interface CompiledConfig {
  /** Of all resources, and the runtime's. */
  readonly plans: readonly Plan[]
  readonly warnings: readonly ConfigError[]
  /** The static resources, each alone, in the order of the bootstrap. */
  readonly resources: {
    readonly clusters: readonly CompiledResource[]
    readonly listeners: readonly CompiledResource[]
  }
  readonly listeners: readonly ListenerMeta[]
  readonly clusters: readonly ClusterMeta[]
  /** What static resources need from elsewhere. */
  readonly references: readonly Reference[]
  readonly dynamic: DynamicSettings
  /** Some logger sends to a gRPC access log service. */
  readonly sendsLogs: boolean
  /** Filters in TypeScript, for the workers. */
  readonly programs: readonly ScriptProgram[]
  readonly runtimeLayers: readonly RuntimeLayerValues[]
  readonly secrets: readonly SecretMeta[]
  readonly tlsContexts: readonly TlsContextMeta[]
  readonly admin: AdminSettings | undefined
  readonly stats: StatsSettings
  /** Of clients, on all listeners together. */
  readonly connectionLimit: number | undefined
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
  const layers = runtimeLayers(bootstrap.layeredRuntime, deps.node.cluster, root.field('layered_runtime'), deps.files)
  const environment = openEnvironment(bootstrap, deps, { runtime: mergedRuntime(layers) }, issues)
  environment.walk.message(bootstrap, root)
  checkRuntime(environment.runtime, root.field('layered_runtime'))
  const localCluster = bootstrap.clusterManager?.localClusterName ?? ''
  if (localCluster !== '' && !environment.hasCluster(localCluster)) {
    root.field('cluster_manager').field('local_cluster_name').error(`local cluster '${localCluster}' must be defined`)
  }
  const dynamic = dynamicSettings(bootstrap, root, environment.sources, deps.isValidation === true)
  const clusters = compileClusters(environment, issues)
  const listeners = compileListeners(environment, issues)
  const rest = new Compilation(environment, issues)
  rest.add('runtime', '', 0, runtimePlan(environment.runtime))
  const admin = bootstrap.admin && adminSettings(bootstrap.admin, root.field('admin'), rest)
  const config: CompiledConfig = {
    ...sumOf([...clusters, ...listeners, compiledResource('', rest, {})]),
    resources: { clusters, listeners },
    dynamic,
    warnings: issues.warnings,
    runtimeLayers: layers,
    admin,
    stats: statsSettings(bootstrap, root, deps.types),
    connectionLimit: connectionLimit(bootstrap.overloadManager, root.field('overload_manager'), rest),
    node: nodeJson(bootstrap, deps),
    dnsResolver: bootstrapResolver(bootstrap, root, deps),
    slots: deps.slots.table(),
  }
  return issues.errors.length > 0 ? err(unique(issues.errors)) : ok(config)
}

type Sum = Pick<
  CompiledConfig,
  'plans' | 'programs' | 'secrets' | 'tlsContexts' | 'references' | 'sendsLogs' | 'clusters' | 'listeners'
>

/** What several resources bring (a static secret) counts once. */
function sumOf(resources: readonly CompiledResource[]): Sum {
  const plans = new Map(
    resources.flatMap(({ plans: own }) => own).map(plan => [`${plan.kind} ${plan.slot}`, plan] as const),
  )
  const secrets = new Map(resources.flatMap(({ secrets: own }) => own).map(meta => [meta.source.slot, meta] as const))
  return {
    plans: [...plans.values()],
    programs: resources.flatMap(({ programs }) => programs),
    secrets: [...secrets.values()],
    tlsContexts: resources.flatMap(({ tlsContexts }) => tlsContexts),
    references: resources.flatMap(({ references }) => references),
    sendsLogs: resources.some(({ sendsLogs }) => sendsLogs),
    clusters: resources.flatMap(({ cluster }) => cluster ?? []),
    listeners: resources.flatMap(({ listener }) => listener ?? []),
  }
}

function compileClusters(environment: ResourceEnvironment, issues: Issues): CompiledResource[] {
  const at = issues.root('static_resources.clusters')
  const seen = new Set<string>()
  return (environment.bootstrap.staticResources?.clusters ?? []).flatMap((config, index) => {
    const place = at.item(index)
    if (seen.has(config.name)) place.field('name').error(`cluster manager: duplicate cluster '${config.name}'`)
    seen.add(config.name)
    const compilation = new Compilation(environment, issues)
    const cluster = compileCluster(config, compilation, place)
    return cluster ? [compiledResource(config.name, compilation, { cluster })] : []
  })
}

function compileListeners(environment: ResourceEnvironment, issues: Issues): CompiledResource[] {
  const at = issues.root('static_resources.listeners')
  const names = new Set<string>()
  const addresses = new Set<string>()
  return (environment.bootstrap.staticResources?.listeners ?? []).map((config, index) => {
    const place = at.item(index)
    const name = listenerName(config, index)
    if (names.has(name)) place.field('name').error(`a second listener is named '${name}'`)
    names.add(name)
    const compilation = new Compilation(environment, issues)
    const listener = compileListener(config, name, compilation, place)
    claimAddresses(claimedAddresses(listener), addresses, place)
    return compiledResource(name, compilation, { listener })
  })
}

/** No two listeners may have one address. */
function claimAddresses(wanted: readonly string[], taken: Set<string>, at: Place): void {
  for (const text of wanted) {
    if (taken.has(text)) at.field('address').error(`has duplicate address '${text}' as existing listener`)
  }
  for (const text of wanted) taken.add(text)
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
