import type { Message } from '@bufbuild/protobuf'
import type { Types } from '../../config/index.js'
import type { Listener } from '../../generated/protos/envoy/config/listener/v3/listener_pb.js'
import type { ResolverSettings } from '../../plan/compile.js'
import type { CompiledResource } from '../../plan/compile-resource.js'
import type { ConfigUnit } from '../../snapshot/config-delta.js'
import { describeCluster, type DescribedCluster, describeListener } from '../describe.js'

// One object, which crosses threads once for thousands of units.
const none: readonly never[] = []
const orNone = <T>(things: readonly T[]): readonly T[] => (things.length === 0 ? none : things)

/** A unit of plans, about which this is known. Member by member: V8 takes far longer to spread an object, and there are thousands. */
export function plainUnit(
  key: string,
  compiled: Partial<CompiledResource>,
  known: Partial<Pick<ConfigUnit, 'clusters' | 'listeners' | 'members' | 'virtualHosts'>> = {},
): ConfigUnit {
  const { plans = none, secrets = none, tlsContexts = none, programs = none } = compiled
  const { clusters = none, listeners = none, members = none, virtualHosts = none } = known
  return {
    key,
    plans,
    clusters: orNone(clusters),
    listeners: orNone(listeners),
    members: orNone(members),
    virtualHosts: orNone(virtualHosts),
    secrets: orNone(secrets),
    tlsContexts: orNone(tlsContexts),
    programs: orNone(programs),
  }
}

export function clusterUnit(
  compiled: CompiledResource,
  message: DescribedCluster,
  resolver: ResolverSettings,
  isAddedViaApi: boolean,
): ConfigUnit {
  return plainUnit(`cluster/${compiled.name}`, compiled, describeCluster(compiled, message, resolver, isAddedViaApi))
}

export function listenerUnit(compiled: CompiledResource, message: Message, types: Types): ConfigUnit {
  return plainUnit(`listener/${compiled.name}`, compiled, describeListener(compiled, message as Listener, types))
}

/** Several as one; a plan that two of them bring counts once. */
export function joinedUnit(key: string, units: readonly ConfigUnit[]): ConfigUnit {
  const once = <T>(things: readonly T[], keyOf: (thing: T) => string | number): T[] => [
    ...new Map(things.map(thing => [keyOf(thing), thing])).values(),
  ]
  return {
    key,
    plans: once(
      units.flatMap(unit => unit.plans),
      plan => `${plan.kind} ${plan.slot}`,
    ),
    clusters: units.flatMap(unit => unit.clusters),
    listeners: units.flatMap(unit => unit.listeners),
    members: units.flatMap(unit => unit.members),
    virtualHosts: units.flatMap(unit => unit.virtualHosts),
    secrets: once(
      units.flatMap(unit => unit.secrets),
      meta => meta.source.slot,
    ),
    tlsContexts: units.flatMap(unit => unit.tlsContexts),
    programs: units.flatMap(unit => unit.programs),
  }
}
