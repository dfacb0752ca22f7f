import { createHash } from 'node:crypto'
import { type DescMessage, toBinary } from '@bufbuild/protobuf'
import type { Place } from '../api/plan-context.js'
import type { TrafficDirection } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import type { Listener } from '../generated/protos/envoy/config/listener/v3/listener_pb.js'
import { addressText } from './address.js'
import { type Compilation, configuredFilter } from './compilation.js'
import { namePart, planId } from './ids.js'
import type { AddressInit } from './init.js'
import { listener, type ListenerTools } from './listener.js'

/** What the main thread knows about a listener without decoding its plan. */
export interface ListenerMeta {
  readonly name: string
  readonly slot: number
  readonly planId: string
  readonly addresses: readonly AddressInit[]
  readonly bindToPort: boolean
  readonly reusePort: boolean
  readonly trafficDirection: TrafficDirection
  /** All but its filter chains, as a hash. */
  readonly shape: string
  readonly chains: readonly string[]
}

export function compileListener(config: Listener, name: string, compilation: Compilation, at: Place): ListenerMeta {
  const compiled = listener(config, name, at, listenerTools(compilation, name))
  const slot = compilation.deps.slots.of('listeners', name)
  const plan = compilation.add('listener', name, slot, compiled.bytes)
  const { bytes: _, ...rest } = compiled
  return { name, slot, planId: plan.id, ...rest, trafficDirection: config.trafficDirection }
}

/** The addresses that no other listener may have; port 0 is a new one each time. */
export function claimedAddresses({ addresses, bindToPort }: ListenerMeta): readonly string[] {
  if (!bindToPort) return []
  return addresses.filter(address => address.pipe !== undefined || (address.port ?? 0) !== 0).map(addressText)
}

/** Envoy makes up a random UUID; ours stays the same over a reload. `index` tells apart those whose port is 0. */
export function listenerName(config: Listener, index: number): string {
  if (config.name !== '') return config.name
  const address = config.address?.address
  const port =
    address?.case === 'socketAddress' && address.value.portSpecifier.case === 'portValue'
      ? address.value.portSpecifier.value
      : 0
  return uuidOf(`unnamed-${port === 0 ? index : port}`)
}

/** A UUID that a text always has (RFC 9562, version 8). */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

const internalListeners = 'envoy.extensions.bootstrap.internal_listener.v3.InternalListener'

function listenerTools(compilation: Compilation, listenerName: string): ListenerTools {
  const { types } = compilation.deps
  return {
    idOf: message =>
      planId(toBinary(types.message(message.$typeName as Listener['$typeName']) as DescMessage, message)),
    backlog: compilation.deps.backlog,
    hasInternalListeners: compilation.environment.bootstrap.bootstrapExtensions.some(
      ({ typedConfig }) => typedConfig?.typeUrl.endsWith(`/${internalListeners}`) === true,
    ),
    checkRegex: compilation.checkRegex,
    unpack: (any, at) => compilation.unpack(any, at),
    accessLogs: (logs, at) => compilation.formats.accessLogs(logs, at),
    listenerFilter: (filter, at) =>
      compilation.listenerFilter(configuredFilter(filter), `${namePart(listenerName)}/listener_filters`, at),
    networkFilters: (filters, owner, at) =>
      compilation.filterChain(filters.map(configuredFilter), at, {
        category: 'envoy.filters.network',
        called: 'network filter chain',
        owner,
      }),
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
