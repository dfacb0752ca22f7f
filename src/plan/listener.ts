import type { Message } from '@bufbuild/protobuf'
import { encodePlan } from '../api/plan-encoder.js'
import type { Any, StringValue } from '@bufbuild/protobuf/wkt'
import type { Place, Unpacked } from '../api/plan-context.js'
import { isMessage } from '../config/index.js'
import type { Matcher } from '../generated/protos/xds/type/matcher/v3/matcher_pb.js'
import { ListenerSchema } from '../generated/plan_pb.js'
import type { AccessLog } from '../generated/protos/envoy/config/accesslog/v3/accesslog_pb.js'
import { SocketAddress_Protocol } from '../generated/protos/envoy/config/core/v3/address_pb.js'
import type { TransportSocket } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import type { Filter, FilterChain } from '../generated/protos/envoy/config/listener/v3/listener_components_pb.js'
import type { ListenerFilter as ListenerFilterConfig } from '../generated/protos/envoy/config/listener/v3/listener_components_pb.js'
import { type Listener, Listener_DrainType } from '../generated/protos/envoy/config/listener/v3/listener_pb.js'
import { addressText, literalAddress, socketOptions, tcpKeepalive } from './address.js'
import { ChainMatches, filterChainMatch } from './filter-chain.js'
import { namePart, planId } from './ids.js'
import type {
  AccessLogInit,
  AddressInit,
  ExtensionInit,
  FilterChainInit,
  FilterChainMatchInit,
  ListenerFilterInit,
  ListenerInit,
  MatchTreeInit,
} from './init.js'
import { listenerFilterPredicate, warnOfMissingInspector } from './listener-filters.js'
import { matchTree } from './match-tree.js'
import type { RegexCheck } from './matcher.js'
import { metadataJson, milliseconds } from './values.js'

const defaultBufferLimit = 1 << 20
const defaultListenerFiltersTimeout = 15_000

/** What a listener needs from the rest of the compilation. */
export interface ListenerTools {
  accessLogs(logs: readonly AccessLog[], at: Place): AccessLogInit[]
  listenerFilter(filter: ListenerFilterConfig, at: Place): ExtensionInit | undefined
  /** `owner` names the chain within all listeners. */
  networkFilters(filters: readonly Filter[], owner: string, at: Place): ExtensionInit[]
  /** Undefined: clear text. */
  transportSocket(config: TransportSocket | undefined, chain: ChainOwner, at: Place): ExtensionInit | undefined
  readonly checkRegex: RegexCheck
  unpack(any: Any, at: Place): Unpacked | undefined
  /** The runtime's envoy.resource_limits.listener.NAME.connection_limit. */
  connectionLimit(name: string): bigint | undefined
  /** The hash of a message: two that are configured alike have one. */
  idOf(message: Message): string
  /** Default of tcp_backlog_size: the system's net.core.somaxconn. */
  readonly backlog: number
  /** The bootstrap has the extension that internal listeners ask for. */
  readonly hasInternalListeners: boolean
}

export interface CompiledListener {
  readonly bytes: Uint8Array
  readonly addresses: readonly AddressInit[]
  readonly bindToPort: boolean
  readonly reusePort: boolean
  /** All but the filter chains and what chooses among them, as a hash. */
  readonly shape: string
  /** Each filter chain as a hash, the default one last. */
  readonly chains: readonly string[]
}

export function listener(config: Listener, name: string, at: Place, tools: ListenerTools): CompiledListener {
  const isInternal = config.listenerSpecifier.case === 'internalListener'
  if (isInternal) checkInternal(config, name, at, tools)
  else if (!config.address) at.error(`error adding listener named '${config.name}': address is necessary`)
  const addresses = isInternal
    ? []
    : [
        literalAddress(config.address, at.field('address')),
        ...config.additionalAddresses.map((extra, index) =>
          literalAddress(extra.address, at.field('additional_addresses').item(index).field('address')),
        ),
      ]
  const isUdp =
    config.address?.address.case === 'socketAddress' &&
    config.address.address.value.protocol === SocketAddress_Protocol.UDP
  if (config.filterChains.length === 0 && !config.defaultFilterChain && !isUdp)
    at.error(`error adding listener '${addresses.map(addressText).join(',')}': no filter chains specified`)
  const bindToPort = !isInternal && (config.bindToPort ?? config.deprecatedV1?.bindToPort ?? true)
  const reusePort = config.enableReusePort ?? true
  const { filterChains: _, defaultFilterChain: __, filterChainMatcher: ___, ...rest } = config
  const shape = tools.idOf({ ...rest, filterChains: [] } as Message)
  const compiledChains = chains(config, name, at, tools)
  const plan: ListenerInit = {
    name,
    statName: config.statPrefix,
    addresses,
    socketOptions: socketOptions(config.socketOptions),
    ...(config.tcpKeepalive && { tcpKeepalive: tcpKeepalive(config.tcpKeepalive) }),
    backlog: config.tcpBacklogSize ?? tools.backlog,
    tcpFastOpenQueue: config.tcpFastOpenQueueLength ?? 0,
    reusePort,
    bindToPort,
    internal: isInternal,
    useOriginalDst: config.useOriginalDst ?? false,
    transparent: config.transparent ?? false,
    freebind: config.freebind ?? false,
    exactBalance: config.connectionBalanceConfig?.balanceType.case === 'exactBalance',
    bufferLimit: config.perConnectionBufferLimitBytes ?? defaultBufferLimit,
    maxAcceptsPerEvent: config.maxConnectionsToAcceptPerSocketEvent ?? 0,
    listenerFiltersTimeoutMs: milliseconds(
      config.listenerFiltersTimeout,
      defaultListenerFiltersTimeout,
      at.field('listener_filters_timeout'),
    ),
    continueOnListenerFiltersTimeout: config.continueOnListenerFiltersTimeout,
    listenerFilters: listenerFilters(config, at, tools),
    ...compiledChains,
    accessLogs: tools.accessLogs(config.accessLog, at.field('access_log')),
    trafficDirection: config.trafficDirection,
    drainModifyOnly: config.drainType === Listener_DrainType.MODIFY_ONLY,
    connectionLimit: tools.connectionLimit(name),
    ignoreGlobalConnLimit: config.ignoreGlobalConnLimit,
    shape,
    metadataJson: metadataJson(config.metadata),
  }
  const { filterChains = [], defaultFilterChain } = compiledChains
  const ids = [...filterChains, ...(defaultFilterChain ? [defaultFilterChain] : [])].map(({ id = '' }) => id)
  return { bytes: encodePlan(ListenerSchema, plan), addresses, bindToPort, reusePort, shape, chains: ids }
}

/** A listener that clusters of the same process connect to by its name has none of what a socket has. */
function checkInternal(config: Listener, name: string, at: Place, tools: ListenerTools): void {
  if (!tools.hasInternalListeners)
    at.error(`error adding listener named '${name}': InternalListener bootstrap extension is mandatory`)
  if (config.address || config.additionalAddresses.length > 0)
    at.error(`error adding listener '${name}': address should not be used when an internal listener config is provided`)
  const { tcpBacklogSize, freebind, enableReusePort, tcpFastOpenQueueLength, transparent, bindToPort } = config
  const ofSockets = [tcpBacklogSize, freebind, enableReusePort, tcpFastOpenQueueLength, transparent, bindToPort]
  if (ofSockets.some(one => one !== undefined) || config.socketOptions.length > 0 || config.connectionBalanceConfig)
    at.error(`error adding listener named '${name}': has unsupported tcp listener feature`)
}

const originalDst = 'envoy.filters.listener.original_dst'

function listenerFilters(config: Listener, at: Place, tools: ListenerTools): ListenerFilterInit[] {
  const place = at.field('listener_filters')
  warnOfMissingInspector(config, at)
  const restoring = config.useOriginalDst ? [{ filter: { type: originalDst, name: originalDst } }] : []
  const own = config.listenerFilters.flatMap((filter, index) => {
    const item = place.item(index)
    const compiled = tools.listenerFilter(filter, item)
    const disabled =
      filter.filterDisabled && listenerFilterPredicate(filter.filterDisabled, item.field('filter_disabled'))
    return compiled ? [{ filter: compiled, ...(disabled && { disabled }) }] : []
  })
  return [...own, ...restoring]
}

function chains(
  config: Listener,
  name: string,
  at: Place,
  tools: ListenerTools,
): Pick<ListenerInit, 'filterChains' | 'defaultFilterChain' | 'chainMatcher'> {
  const matches = new ChainMatches()
  const keys = chainKeys(config.filterChains)
  const owner = (key: string): ChainOwner => ({ listener: name, owner: `${namePart(name)}/${key}` })
  const filterChains = config.filterChains.map((chain, index) => {
    const place = at.field('filter_chains').item(index)
    const compiled = filterChain(chain, owner(keys[index] ?? ''), place, tools)
    if (!config.filterChainMatcher) matches.add(compiled.match, place)
    return compiled
  })
  const chainMatcher = config.filterChainMatcher && chainTree(config.filterChainMatcher, config, at, tools)
  if (!config.defaultFilterChain) return { filterChains, chainMatcher }
  const inDefault = at.field('default_filter_chain')
  return {
    filterChains,
    chainMatcher,
    defaultFilterChain: filterChain(config.defaultFilterChain, owner(':default'), inDefault, tools),
  }
}

/** The tree that names chains in place of their own matches. A name that no chain has closes the connection. */
function chainTree(matcher: Matcher, config: Listener, at: Place, tools: ListenerTools): MatchTreeInit {
  const nobody = config.filterChains.length
  for (const [index, chain] of config.filterChains.entries()) {
    const place = at.field('filter_chains').item(index)
    if (chain.filterChainMatch)
      place.field('filter_chain_match').error('filter_chain_match must not be set with filter_chain_matcher')
    if (chain.name === '') place.error('"name" field is required when using a listener matcher')
  }
  return matchTree(matcher, at.field('filter_chain_matcher'), {
    checkRegex: tools.checkRegex,
    unpack: tools.unpack,
    action: ({ message, typeName }, place) => {
      if (!isMessage<StringValue>(message, 'google.protobuf.StringValue')) {
        place.error(`Didn't find a registered implementation for an action with type URL: '${typeName}'`)
        return undefined
      }
      const chain = config.filterChains.findIndex(({ name }) => name === message.value)
      return chain < 0 ? nobody : chain
    },
    refusesInput: () => undefined,
  })
}

/**
 * What a chain is called among its listener's: its name where no other has it, else its match, which no other has. Never its position: an
 * inline route table is named after its chain, and connections of the old listener still ask for it while the new one is in force.
 */
function chainKeys(filterChains: readonly FilterChain[]): string[] {
  const counts = new Map<string, number>()
  for (const { name } of filterChains) counts.set(name, (counts.get(name) ?? 0) + 1)
  return filterChains.map(chain => {
    const isNamed = chain.name !== '' && counts.get(chain.name) === 1
    if (isNamed) return namePart(chain.name)
    const match = JSON.stringify(chain.filterChainMatch ?? {}, (_, value: unknown) =>
      typeof value === 'bigint' ? `${value}` : value,
    )
    return `${namePart(chain.name)}:${planId(Buffer.from(match)).slice(0, 12)}`
  })
}

/** A chain's listener, and its own name within all listeners. */
interface ChainOwner {
  readonly listener: string
  readonly owner: string
}

function filterChain(
  chain: FilterChain,
  chainOwner: ChainOwner,
  at: Place,
  tools: ListenerTools,
): FilterChainInit & { readonly match: FilterChainMatchInit } {
  const transportSocket = tools.transportSocket(chain.transportSocket, chainOwner, at.field('transport_socket'))
  return {
    name: chain.name,
    id: tools.idOf(chain),
    ...(transportSocket && { transportSocket }),
    match: chain.filterChainMatch ? filterChainMatch(chain.filterChainMatch, at.field('filter_chain_match')) : {},
    filters: tools.networkFilters(chain.filters, chainOwner.owner, at.field('filters')),
    transportSocketConnectTimeoutMs: milliseconds(
      chain.transportSocketConnectTimeout,
      0,
      at.field('transport_socket_connect_timeout'),
    ),
    metadataJson: metadataJson(chain.metadata),
  }
}
