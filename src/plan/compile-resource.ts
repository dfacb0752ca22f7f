/**
 * One resource → plans, and what it needs from elsewhere. The functions for all kinds have one form:
 *
 *   const environment = openEnvironment(bootstrap, deps)                            // once for a bootstrap
 *   const decoded = decodeResource<Cluster>('envoy.config.cluster.v3.Cluster', bytes, environment)
 *   const compiled = compileClusterResource(decoded.value.message, environment)     // Result<CompiledResource, ResourceErrors>
 *
 * compileBootstrap is these functions over all static resources. A CompiledResource is plain data: it crosses threads, and holds no message.
 * Two resources that use one static secret both bring its plan: plans with the same kind and slot are the same.
 */
import { create, type DescMessage, type Message } from '@bufbuild/protobuf'
import type { Place } from '../api/plan-context.js'
import { type ConfigError, type DecodedMessage, decodeMessage } from '../config/index.js'
import type { Cluster } from '../generated/protos/envoy/config/cluster/v3/cluster_pb.js'
import type { TypedExtensionConfig } from '../generated/protos/envoy/config/core/v3/extension_pb.js'
import type { ScopedRouteConfiguration } from '../generated/protos/envoy/config/route/v3/scoped_route_pb.js'
import type { ClusterLoadAssignment } from '../generated/protos/envoy/config/endpoint/v3/endpoint_pb.js'
import type { Listener } from '../generated/protos/envoy/config/listener/v3/listener_pb.js'
import type { RouteConfiguration } from '../generated/protos/envoy/config/route/v3/route_pb.js'
import type { Secret } from '../generated/protos/envoy/extensions/transport_sockets/tls/v3/secret_pb.js'
import type { Runtime } from '../generated/protos/envoy/service/runtime/v3/rtds_pb.js'
import { err, ok, type Result } from '../support/result.js'
import type { ScriptProgram } from '../threads/script-program.js'
import { assignmentPlan, type ElsewhereHosts, encodeEndpoints, isElsewhere, staticHost } from './assignment.js'
import { Compilation, discoveredTable, type Plan } from './compilation.js'
import { type ClusterMeta, compileCluster } from './compile-cluster.js'
import { compileListener, type ListenerMeta, listenerName } from './compile-listener.js'
import { discoverySource } from './config-source.js'
import type { ResourceEnvironment } from './environment.js'
import { planId } from './ids.js'
import { Issues } from './place.js'
import { defaultConfigOf, extensionConfig } from './filter-discovery.js'
import type {
  EndpointUse,
  ExtensionConfigUse,
  Reference,
  RouteReference,
  ScopedRouteUse,
  SecretUse,
} from './reference.js'
import { structValues } from './runtime.js'
import { type CompiledScope, compileScope } from './scoped-routes.js'
import { partOf, shownKinds } from './secret.js'
import type { SecretMeta, TlsContextMeta } from './secrets.js'
import { milliseconds } from './values.js'

export type { ClusterMeta } from './compile-cluster.js'
export { type CompiledScope, scopesPlan } from './scoped-routes.js'
export { claimedAddresses, type ListenerMeta } from './compile-listener.js'
export { type DynamicOptions, openEnvironment, type ResourceEnvironment, type UnknownFields } from './environment.js'

/** What is wrong with one resource. Paths are within the resource; there is no file and no line. */
export type ResourceErrors = readonly ConfigError[]

export interface CompiledResource {
  readonly name: string
  readonly plans: readonly Plan[]
  readonly listener?: ListenerMeta
  readonly cluster?: ClusterMeta
  /** Of a ScopedRouteConfiguration. */
  readonly scope?: CompiledScope
  /** Filters in TypeScript, for the workers. */
  readonly programs: readonly ScriptProgram[]
  readonly secrets: readonly SecretMeta[]
  readonly tlsContexts: readonly TlsContextMeta[]
  readonly references: readonly Reference[]
  /** Some logger of it sends to a service, which takes a thread and a way to clusters. */
  readonly sendsLogs: boolean
  readonly warnings: readonly ConfigError[]
  /** endpoint_stale_after of an assignment: it is dropped when no other came within this time. 0: it stays. */
  readonly staleAfterMs?: number
}

/** Bytes of the message inside an Any → a checked message. */
export function decodeResource<M extends Message>(
  typeName: M['$typeName'],
  bytes: Uint8Array,
  { deps, unknownFields }: ResourceEnvironment,
): Result<DecodedMessage<M>, ResourceErrors> {
  return decodeMessage<M>(typeName, bytes, deps.types, unknownFields)
}

/** `cluster` and, unless its members come by EDS, `endpoints` plans. A cluster without an endpoints plan is not warm. */
export function compileClusterResource(
  message: Cluster,
  environment: ResourceEnvironment,
): Result<CompiledResource, ResourceErrors> {
  return compileAlone(message, message.name, environment, (compilation, at) => {
    const cluster = compileCluster(message, compilation, at)
    return cluster ? { cluster } : {}
  })
}

/** The `endpoints` plan of one cluster. `elsewhere`: members that came by LEDS. */
export function compileEndpointsResource(
  message: ClusterLoadAssignment,
  use: EndpointUse,
  environment: ResourceEnvironment,
  elsewhere?: ElsewhereHosts,
): Result<CompiledResource, ResourceErrors> {
  return compileAlone(message, message.clusterName, environment, (compilation, at) => {
    const plan = assignmentPlan(message, use.transportSocketMatches, at, staticHost, elsewhere)
    plan.warm = true
    compilation.add('endpoints', use.cluster, use.slot, encodeEndpoints(plan))
    localityReferences(message, use, compilation, at.field('endpoints'))
    const stale = message.policy?.endpointStaleAfter
    return { staleAfterMs: milliseconds(stale, 0, at.field('policy').field('endpoint_stale_after')) }
  })
}

/** For a cluster that goes on without an assignment: warm, and nobody there. */
export function emptyEndpoints({ cluster, slot }: EndpointUse): Plan {
  const bytes = encodeEndpoints({ localities: [], overprovisioningFactor: 140, warm: true })
  return { kind: 'endpoints', name: cluster, slot, id: planId(bytes, cluster), bytes }
}

const endpointTypeUrl = 'type.googleapis.com/envoy.config.endpoint.v3.LbEndpoint'

function localityReferences(
  message: ClusterLoadAssignment,
  use: EndpointUse,
  compilation: Compilation,
  at: Place,
): void {
  for (const [locality, entry] of message.endpoints.entries()) {
    if (!isElsewhere(entry) || entry.lbConfig.case !== 'ledsClusterLocalityConfig') continue
    const { ledsConfig, ledsCollectionName: name } = entry.lbConfig.value
    const place = at.item(locality).field('leds_cluster_locality_config').field('leds_config')
    const source = discoverySource(ledsConfig, endpointTypeUrl, place, compilation.environment.sources)
    if (!source) continue
    compilation.refer({
      kind: 'locality-endpoints',
      source,
      name,
      slot: use.slot,
      isRequired: true,
      use: { ...use, locality },
    })
  }
}

export function compileListenerResource(
  message: Listener,
  environment: ResourceEnvironment,
): Result<CompiledResource, ResourceErrors> {
  const name = listenerName(message, 0)
  return compileAlone(message, name, environment, (compilation, at) => ({
    listener: compileListener(message, name, compilation, at),
  }))
}

/** The `route-table` plan in the reference's slot. */
export function compileRouteConfigResource(
  message: RouteConfiguration,
  { slot, source, name, statPrefix }: Pick<RouteReference, 'slot' | 'source' | 'name' | 'statPrefix'>,
  environment: ResourceEnvironment,
): Result<CompiledResource, ResourceErrors> {
  return compileAlone(message, message.name, environment, (compilation, at) => {
    compilation.routeTable(
      message,
      { name: discoveredTable(source, name), slot, validateClusters: false, statPrefix },
      at,
    )
    return {}
  })
}

/** The `extension-config` plan for one use: of what came, or (with `use.defaultConfig` as its message) of the default. */
export function compileExtensionConfigResource(
  message: TypedExtensionConfig,
  use: ExtensionConfigUse,
  environment: ResourceEnvironment,
): Result<CompiledResource, ResourceErrors> {
  return compileAlone(message, message.name, environment, (compilation, at) => {
    const { name, typedConfig } = message
    const place = at.field('typed_config')
    const bytes = typedConfig && extensionConfig(name, typedConfig, use, place, compilation)
    if (bytes) compilation.add('extension-config', `${use.owner}/${name}`, use.slot, bytes)
    return {}
  })
}

/** What holds where nothing came: the plan of default_config. Undefined: there is none. */
export function compileDefaultExtensionConfig(
  name: string,
  use: ExtensionConfigUse,
  environment: ResourceEnvironment,
): Result<CompiledResource, ResourceErrors> | undefined {
  const typedConfig = defaultConfigOf(use)
  if (!typedConfig) return undefined
  const schema = environment.deps.types.message('envoy.config.core.v3.TypedExtensionConfig') as DescMessage
  const message = create(schema, { name, typedConfig }) as TypedExtensionConfig
  return compileExtensionConfigResource(message, use, environment)
}

/** One scope, with the route table it has in place, or a reference to one. scopesPlan makes the plan of all scopes of the set. */
export function compileScopedRouteResource(
  message: ScopedRouteConfiguration,
  use: ScopedRouteUse,
  environment: ResourceEnvironment,
): Result<CompiledResource, ResourceErrors> {
  return compileAlone(message, message.name, environment, (compilation, at) => {
    const scope = compileScope(message, use, at, compilation)
    return scope ? { scope } : {}
  })
}

/** The `secret` plan for one use. */
export function compileSecretResource(
  message: Secret,
  use: SecretUse,
  environment: ResourceEnvironment,
): Result<CompiledResource, ResourceErrors> {
  return compileAlone(message, message.name, environment, (compilation, at) => {
    const part = partOf(message, use.kind)
    if (part) compilation.secrets.addDiscovered(part, use, at.field(shownKinds[use.kind]))
    else at.error(`secret ${message.name} is no ${shownKinds[use.kind]}`)
    return {}
  })
}

/** Dotted keys and their values as text, as a layer of the runtime has them. */
export function compileRuntimeResource(message: Runtime): Result<ReadonlyMap<string, string>, ResourceErrors> {
  const issues = new Issues()
  const values = structValues(message.layer, issues.root('layer'))
  return issues.errors.length > 0 ? err(issues.errors) : ok(values)
}

/** What one kind of resource brings beside plans and references. */
export type ResourceParts = Pick<CompiledResource, 'cluster' | 'listener' | 'scope' | 'staleAfterMs'>

/** The frame of all kinds: refuses what is not carried out, then compiles. */
export function compileAlone(
  message: Message,
  name: string,
  environment: ResourceEnvironment,
  compile: (compilation: Compilation, at: Place) => ResourceParts,
): Result<CompiledResource, ResourceErrors> {
  const issues = new Issues()
  const at = issues.root()
  environment.walk.message(message, at)
  const compilation = new Compilation(environment, issues)
  const parts = compile(compilation, at)
  const compiled = compiledResource(name, compilation, parts, issues.warnings)
  return issues.errors.length > 0 ? err(unique(issues.errors)) : ok(compiled)
}

/** What a compilation made. */
export function compiledResource(
  name: string,
  compilation: Compilation,
  parts: ResourceParts,
  warnings: readonly ConfigError[] = [],
): CompiledResource {
  compilation.checkScriptSettings()
  const compiled: CompiledResource = {
    name,
    plans: compilation.plans,
    programs: compilation.programs,
    secrets: compilation.secrets.metas,
    tlsContexts: compilation.secrets.contexts,
    references: compilation.references,
    sendsLogs: compilation.sendsLogs,
    warnings,
  }
  return Object.assign(compiled, parts)
}

/** The same refusal may be found by the walk and by a compiler. */
export function unique(errors: readonly ConfigError[]): ConfigError[] {
  const seen = new Set<string>()
  return errors.filter(error => {
    const key = `${error.path} ${error.message}`
    return seen.has(key) ? false : seen.add(key)
  })
}

/** All that is wrong with a resource, in one line, as a control plane is told. */
export function reasonOf(errors: ResourceErrors): string {
  return errors
    .map(({ code, path, message, suggestion }) => {
      // In Envoy's own words, which name no path.
      if (code === 'bad-value' || code === 'semantic') return message
      const text = `${path === '' ? '' : `${path}: `}${message}${suggestion === undefined ? '' : `; ${suggestion}`}`
      return code === 'constraint' ? `Proto constraint validation failed (${text})` : text
    })
    .join(', ')
}
