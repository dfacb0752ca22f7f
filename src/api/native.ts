/**
 * Declares an extension whose code is C++: its names, its schema, and how its configuration becomes plan bytes. Validation and defaults
 * stay here; native/ only reads the plan.
 */
import type { Message } from '@bufbuild/protobuf'
import type { PolicyTable } from './field-policy.js'
import type { PlanContext } from './plan-context.js'

export type ExtensionCategory =
  | 'envoy.filters.http'
  | 'envoy.filters.http.upstream'
  | 'envoy.filters.network'
  | 'envoy.filters.listener'
  | 'envoy.access_loggers'
  | 'envoy.tracers'
  | 'envoy.transport_sockets.downstream'
  | 'envoy.transport_sockets.upstream'

/** As in Envoy's extension metadata. */
export type ExtensionStatus = 'stable' | 'alpha' | 'wip'
export type SecurityPosture =
  | 'robust_to_untrusted_downstream'
  | 'robust_to_untrusted_downstream_and_upstream'
  | 'requires_trusted_downstream_and_upstream'
  | 'unknown'

/** A filter's settings for a route, a virtual host, a route table or a weighted cluster (typed_per_filter_config). */
export interface RouteSettings<R extends Message = Message> {
  /** Full names of the messages it takes; the first is the one `plan` expects. */
  readonly typeNames: readonly [R['$typeName'], ...string[]]
  plan(config: R, context: PlanContext): Uint8Array
}

export interface NativeExtension<M extends Message = Message> {
  readonly category: ExtensionCategory
  /** Envoy's name, by which native/ knows it: `envoy.filters.http.router`. */
  readonly name: string
  /** Full names of the configuration messages it takes; the first is the one `plan` expects. */
  readonly typeNames: readonly [M['$typeName'], ...string[]]
  /** What native/ knows it as, when that is not its own name: filters in TypeScript are all one to it. */
  readonly nativeName?: string
  readonly status: ExtensionStatus
  readonly securityPosture: SecurityPosture
  /** Ends a filter chain: nothing may come after it, and a chain without one is refused. */
  readonly isTerminal: boolean
  /** Plan bytes; errors go to the context. Pure: no I/O, no clock. Absent where the core compiles the settings itself. */
  plan?(config: M, context: PlanContext): Uint8Array
  /** HTTP filters: absent, a route has nothing to say but whether the filter takes part. */
  readonly route?: RouteSettings
  /** HTTP filters: it may also stand between the router and an upstream, where Envoy's may. */
  readonly isUpstreamToo?: boolean
  /** What becomes of the fields of its messages that an operator sets; messages the core knows anyway are in src/plan/policy. */
  readonly policy?: PolicyTable
}

type Named<M extends Message> = Omit<NativeExtension<M>, 'category' | 'isTerminal' | 'plan' | 'route'>
type Filter<M extends Message> = Named<M> &
  Required<Pick<NativeExtension<M>, 'plan'>> & { readonly isTerminal?: boolean }

/** `R`: the message of its settings for routes. */
export function defineNativeHttpFilter<M extends Message, R extends Message = Message>(
  definition: Filter<M> & { readonly route?: RouteSettings<R> },
): NativeExtension<M> {
  // The compiler hands plan() only messages of typeNames.
  return { isTerminal: false, ...definition, category: 'envoy.filters.http' } as NativeExtension<M>
}

/** A filter that stands between the router and an upstream, and nowhere else. */
export function defineNativeUpstreamFilter<M extends Message>(definition: Filter<M>): NativeExtension<M> {
  return { isTerminal: false, ...definition, category: 'envoy.filters.http.upstream' }
}

export function defineNativeNetworkFilter<M extends Message>(definition: Filter<M>): NativeExtension<M> {
  return { isTerminal: false, ...definition, category: 'envoy.filters.network' }
}

/** What stands between the connections of one side and their sockets. An empty plan where there is nothing to say. */
export function defineNativeTransportSocket<M extends Message>(
  side: 'downstream' | 'upstream',
  definition: Named<M> & Required<Pick<NativeExtension<M>, 'plan'>>,
): NativeExtension<M> {
  return { ...definition, isTerminal: false, category: `envoy.transport_sockets.${side}` }
}

export function defineNativeListenerFilter<M extends Message>(definition: Filter<M>): NativeExtension<M> {
  return { isTerminal: false, ...definition, category: 'envoy.filters.listener' }
}

/** A sink of access logs. Its format and filter are compiled with all others, in src/plan/access-log.ts. */
export function defineNativeAccessLogger<M extends Message>(definition: Named<M>): NativeExtension<M> {
  return { ...definition, isTerminal: false, category: 'envoy.access_loggers' }
}
