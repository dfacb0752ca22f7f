/** Scoped routes: how a connection manager finds a request's scope, and what the scopes are made of (inline, or by SRDS). */
import { create, toBinary } from '@bufbuild/protobuf'
import type { Place } from '../api/plan-context.js'
import { RouteScopesSchema } from '../generated/plan_pb.js'
import type { ScopedRouteConfiguration } from '../generated/protos/envoy/config/route/v3/scoped_route_pb.js'
import type {
  ScopedRoutes,
  ScopedRoutes_ScopeKeyBuilder_FragmentBuilder as FragmentBuilder,
} from '../generated/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import { err, ok, type Result } from '../support/result.js'
import type { Compilation, Plan } from './compilation.js'
import { asValue, discoverySource } from './config-source.js'
import { namePart, planId } from './ids.js'
import type { RouteScopeInit, ScopedRoutesInit, ScopeKeyFragmentInit } from './init.js'
import type { ScopedRouteUse } from './reference.js'

const scopeTypeUrl = 'type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration'

/** One scope, ready to stand in the plan of its set. */
export interface CompiledScope {
  readonly name: string
  readonly key: readonly string[]
  readonly routeTableSlot: number
  readonly isOnDemand: boolean
}

/** `owner`: the filter chain. `statPrefix`: of the connection manager. Undefined: an error was reported. */
export function scopedRoutes(
  config: ScopedRoutes,
  owner: string,
  statPrefix: string,
  at: Place,
  compilation: Compilation,
): ScopedRoutesInit | undefined {
  const fragments = (config.scopeKeyBuilder?.fragments ?? []).map((builder, index) =>
    keyFragment(builder, at.field('scope_key_builder').field('fragments').item(index)),
  )
  const specifier = config.configSpecifier
  if (specifier.case === undefined) return undefined // a rule of the API says so
  const slotOf = (key: string): number => compilation.deps.slots.of('scopedRoutes', key)
  if (specifier.case === 'scopedRouteConfigurationsList') {
    const name = `${owner}/${namePart(config.name)}`
    const use = { slot: slotOf(name), planName: name, setName: config.name, owner: name, isInline: true, statPrefix }
    const place = at.field('scoped_route_configurations_list').field('scoped_route_configurations')
    const scopes = specifier.value.scopedRouteConfigurations.flatMap(
      (scope, index) => compileScope(scope, use, place.item(index), compilation) ?? [],
    )
    const plan = scopesPlan(scopes, use)
    if (plan.ok) compilation.plans.push(plan.value)
    return { slot: use.slot, fragments }
  }
  const { scopedRdsConfigSource, srdsResourcesLocator } = specifier.value
  const place = at.field('scoped_rds').field('scoped_rds_config_source')
  const { sources, deps } = compilation.environment
  const source = discoverySource(scopedRdsConfigSource, scopeTypeUrl, place, sources)
  if (!source) return undefined
  const rdsSource = config.rdsConfigSource && asValue(config.rdsConfigSource, deps.types)
  const planName = [
    'srds',
    source.key,
    rdsSource?.key ?? '',
    namePart(srdsResourcesLocator),
    namePart(config.name),
  ].join('/')
  const slot = slotOf(planName)
  const use: ScopedRouteUse = {
    slot,
    planName,
    setName: config.name,
    owner: planName,
    isInline: false,
    statPrefix,
    ...(rdsSource && { rdsSource }),
  }
  compilation.refer({
    kind: 'scoped-route',
    statPrefix,
    source,
    name: srdsResourcesLocator,
    slot,
    isRequired: true,
    use,
  })
  return { slot, fragments }
}

function keyFragment({ type }: FragmentBuilder, at: Place): ScopeKeyFragmentInit {
  if (type.case !== 'headerValueExtractor') return {} // a rule of the API says so
  const { name, elementSeparator, extractType } = type.value
  const common = { header: name.toLowerCase(), elementSeparator }
  if (extractType.case === 'element')
    return { ...common, key: extractType.value.key, keySeparator: extractType.value.separator }
  if (extractType.case === undefined)
    at.field('header_value_extractor').error('HeaderValueExtractor extract_type not set.')
  const index = extractType.value ?? 0
  if (elementSeparator === '' && index !== 0)
    at.field('header_value_extractor').field('index').error('Index > 0 for empty string element separator.')
  return { ...common, index }
}

/** One ScopedRouteConfiguration; its own route table, or the reference to one, goes to the compilation. Undefined: an error was reported. */
export function compileScope(
  config: ScopedRouteConfiguration,
  use: ScopedRouteUse,
  at: Place,
  compilation: Compilation,
): CompiledScope | undefined {
  const key = (config.key?.fragments ?? []).map(({ type }) => (type.case === 'stringKey' ? type.value : ''))
  const inline = config.routeConfiguration
  const problem = use.isInline ? inlineProblem(config) : undefined
  if (problem !== undefined || (!inline && config.routeConfigurationName === '')) {
    at.error(problem ?? 'route_configuration_name is empty.')
    return undefined
  }
  const scope = { name: config.name, key, isOnDemand: config.onDemand }
  if (inline) {
    const owner = `${use.owner}/${namePart(config.name)}`
    return { ...scope, routeTableSlot: compilation.inlineRoutes(inline, owner, at.field('route_configuration')) }
  }
  if (!use.rdsSource) {
    at.error('Missing config source specifier in envoy::config::core::v3::ConfigSource')
    return undefined
  }
  const routeTableSlot = compilation.referToRoutes(
    use.rdsSource,
    config.routeConfigurationName,
    !config.onDemand,
    use.statPrefix,
  )
  return { ...scope, routeTableSlot }
}

function inlineProblem(config: ScopedRouteConfiguration): string | undefined {
  if (config.routeConfigurationName !== '')
    return 'Fetching routes via RDS (route_configuration_name) is not supported with inline scoped routes.'
  return config.routeConfiguration ? undefined : 'You must specify a route_configuration with inline scoped routes.'
}

/** Why scopes of a management server make no set: each has a name and a key of its own. */
function conflict(scopes: readonly CompiledScope[]): string | undefined {
  const names = new Set<string>()
  const keys = new Map<string, string>()
  for (const { name, key } of scopes) {
    if (names.has(name)) return `duplicate scoped route configuration '${name}' found`
    names.add(name)
    const first = keys.get(keyText(key))
    if (first !== undefined) return `scope key conflict found, first scope is '${first}', second scope is '${name}'`
    keys.set(keyText(key), name)
  }
  return undefined
}

const keyText = (key: readonly string[]): string => JSON.stringify(key)

/** In place, of two with one name or one key the later counts. */
function latest(scopes: readonly CompiledScope[]): readonly CompiledScope[] {
  const named = [...new Map(scopes.map(scope => [scope.name, scope])).values()]
  return [...new Map(named.map(scope => [keyText(scope.key), scope])).values()]
}

/** The plan of a set of scopes; why there is none, in Envoy's words behind "Error adding/updating scoped route(s): ". */
export function scopesPlan(scopes: readonly CompiledScope[], use: ScopedRouteUse): Result<Plan, string> {
  const problem = use.isInline ? undefined : conflict(scopes)
  if (problem !== undefined) return err(problem)
  const plan: RouteScopeInit[] = latest(scopes).map(({ name, key, routeTableSlot, isOnDemand }) => ({
    name,
    key: [...key],
    routeTableSlot,
    onDemand: isOnDemand,
  }))
  const bytes = toBinary(RouteScopesSchema, create(RouteScopesSchema, { scopes: plan }))
  return ok({ kind: 'scoped-routes', name: use.planName, slot: use.slot, id: planId(bytes, use.planName), bytes })
}
