import type { Place } from '../api/plan-context.js'
import { ListenerFilterPredicate_Kind as Kind } from '../generated/plan_pb.js'
import type { ListenerFilterChainMatchPredicate } from '../generated/protos/envoy/config/listener/v3/listener_components_pb.js'
import type { Listener } from '../generated/protos/envoy/config/listener/v3/listener_pb.js'
import type { ListenerFilterPredicateInit } from './init.js'

const tlsInspector = 'envoy.filters.listener.tls_inspector'

/** filter_disabled: connections it holds for do without the filter. */
export function listenerFilterPredicate(
  predicate: ListenerFilterChainMatchPredicate,
  at: Place,
): ListenerFilterPredicateInit {
  const { rule } = predicate
  const all = (rules: readonly ListenerFilterChainMatchPredicate[]): ListenerFilterPredicateInit[] =>
    rules.map((child, index) => listenerFilterPredicate(child, at.field('rules').item(index)))
  switch (rule.case) {
    case 'orMatch':
      return { kind: Kind.OR, children: all(rule.value.rules) }
    case 'andMatch':
      return { kind: Kind.AND, children: all(rule.value.rules) }
    case 'notMatch':
      return { kind: Kind.NOT, children: [listenerFilterPredicate(rule.value, at.field('not_match'))] }
    case 'destinationPortRange':
      return { kind: Kind.DESTINATION_PORT, start: rule.value.start, end: rule.value.end }
    case 'anyMatch':
      return { kind: Kind.ANY }
    default:
      at.error('a predicate must have a rule')
      return {}
  }
}

/** Matches by what only a TLS inspector can find out never hold without one: Envoy, too, takes that in silence. */
export function warnOfMissingInspector(config: Listener, at: Place): void {
  const hasOne = config.listenerFilters.some(
    ({ configType }) => configType.case === 'typedConfig' && configType.value.typeUrl.endsWith('.TlsInspector'),
  )
  if (hasOne) return
  for (const [index, { filterChainMatch: match }] of config.filterChains.entries()) {
    if (match?.transportProtocol !== 'tls' && (match?.serverNames.length ?? 0) === 0) continue
    at.field('filter_chains')
      .item(index)
      .field('filter_chain_match')
      .warning(`it never matches: add the listener filter ${tlsInspector}`)
  }
}
