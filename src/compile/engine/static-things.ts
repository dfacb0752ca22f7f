import { type DescMessage, type Message, toBinary } from '@bufbuild/protobuf'
import type { Types } from '../../config/index.js'
import type { Bootstrap } from '../../generated/protos/envoy/config/bootstrap/v3/bootstrap_pb.js'
import type { CompiledConfig } from '../../plan/compile.js'
import { claimedAddresses, type CompiledResource } from '../../plan/compile-resource.js'
import type { ConfigUnit } from '../../snapshot/config-delta.js'
import { resourceTypes } from '../../xds/types.js'
import type { CompiledThing } from './collection.js'
import { clusterUnit, joinedUnit, listenerUnit, plainUnit } from './unit.js'

export interface StaticThings {
  /** What needs nothing from elsewhere. */
  readonly unit: ConfigUnit
  readonly clusters: readonly CompiledThing[]
  readonly listeners: readonly CompiledThing[]
  /** What static listeners listen on, by name. */
  readonly addresses: ReadonlyMap<string, readonly string[]>
  /** Names of those in `unit`. */
  readonly names: { readonly clusters: ReadonlySet<string>; readonly listeners: ReadonlySet<string> }
}

/** A bootstrap's static resources, those apart that refer to what a management server has. */
export function staticThings(
  bootstrap: Bootstrap,
  config: CompiledConfig,
  types: Types,
  updatedAt: number,
): StaticThings {
  const { clusters = [], listeners = [] } = bootstrap.staticResources ?? {}
  const thing = (unit: ConfigUnit, compiled: CompiledResource, message: Message, typeUrl: string): CompiledThing => ({
    name: compiled.name,
    unit,
    references: compiled.references,
    isStatic: true,
    stored: {
      name: compiled.name,
      version: '',
      typeUrl,
      bytes: compiled.references.length === 0 ? nothing : bytesOf(message, types),
      updatedAt,
    },
  })
  const allClusters = config.resources.clusters.flatMap((compiled, index) => {
    const message = clusters[index]
    if (message === undefined) return []
    const unit = clusterUnit(compiled, message, config.dnsResolver, false)
    return [thing(unit, compiled, message, resourceTypes.cluster)]
  })
  const allListeners = config.resources.listeners.flatMap((compiled, index) => {
    const message = listeners[index]
    if (message === undefined) return []
    return [thing(listenerUnit(compiled, message, types), compiled, message, resourceTypes.listener)]
  })
  const direct = [...allClusters, ...allListeners].filter(isDirect)
  const rest = plainUnit('', { plans: config.plans.filter(plan => plan.kind === 'runtime') })
  return {
    unit: joinedUnit('bootstrap', [...direct.map(({ unit }) => unit), rest]),
    clusters: allClusters.filter(one => !isDirect(one)),
    listeners: allListeners.filter(one => !isDirect(one)),
    addresses: new Map(config.listeners.map(meta => [meta.name, claimedAddresses(meta)])),
    names: {
      clusters: new Set(allClusters.filter(isDirect).map(({ name }) => name)),
      listeners: new Set(allListeners.filter(isDirect).map(({ name }) => name)),
    },
  }
}

const nothing = new Uint8Array()
const isDirect = ({ references }: CompiledThing): boolean => references.length === 0

const bytesOf = (message: Message, types: Types): Uint8Array =>
  toBinary(types.message(message.$typeName) as DescMessage, message)
