import type { Place } from '../api/plan-context.js'
import type { FilterChainMatch as MatchConfig } from '../generated/protos/envoy/config/listener/v3/listener_components_pb.js'
import { cidrRanges } from './address.js'
import type { FilterChainMatchInit } from './init.js'

export function filterChainMatch(match: MatchConfig, at: Place): FilterChainMatchInit {
  for (const [index, name] of match.serverNames.entries()) {
    if (name.includes('*') && !/^\*\.[^*]+$/.test(name))
      at.field('server_names').item(index).error('partial wildcards are not supported in "server_names"')
  }
  return {
    destinationPort: match.destinationPort,
    prefixRanges: cidrRanges(match.prefixRanges, at.field('prefix_ranges')),
    serverNames: match.serverNames.map(name => name.toLowerCase()),
    transportProtocol: match.transportProtocol,
    applicationProtocols: match.applicationProtocols,
    directSourcePrefixRanges: cidrRanges(match.directSourcePrefixRanges, at.field('direct_source_prefix_ranges')),
    sourceType: match.sourceType,
    sourcePrefixRanges: cidrRanges(match.sourcePrefixRanges, at.field('source_prefix_ranges')),
    sourcePorts: match.sourcePorts,
  }
}

/** Finds filter chains of one listener that could both be meant: a connection must have one best match. */
export class ChainMatches {
  readonly #seen = new Set<string>()

  /** Every combination of one value per criterion must be new. */
  add(match: FilterChainMatchInit, at: Place): void {
    for (const key of combinations(match)) {
      if (this.#seen.has(key)) {
        at.error('multiple filter chains with overlapping matching rules are defined')
        return
      }
      this.#seen.add(key)
    }
  }
}

function combinations(match: FilterChainMatchInit): string[] {
  const ranges = (list: FilterChainMatchInit['prefixRanges']): string[] =>
    (list ?? []).map(range => network(range.ip ?? '', range.prefixLen ?? 0))
  const criteria: readonly (readonly (string | number)[])[] = [
    [match.destinationPort ?? ''],
    ranges(match.prefixRanges),
    match.serverNames ?? [],
    [match.transportProtocol ?? ''],
    match.applicationProtocols ?? [],
    ranges(match.directSourcePrefixRanges),
    [match.sourceType ?? 0],
    ranges(match.sourcePrefixRanges),
    match.sourcePorts ?? [],
  ]
  let keys = ['']
  for (const values of criteria) {
    const choices = values.length === 0 ? [''] : values
    keys = keys.flatMap(key => choices.map(choice => `${key}|${choice}`))
  }
  return keys
}

/** The network a range stands for: bits past the prefix do not count. */
function network(ip: string, prefixLen: number): string {
  return `${[...addressBits(ip)].slice(0, prefixLen).join('')}/${prefixLen}/${ip.includes(':') ? 6 : 4}`
}

function addressBits(ip: string): string {
  if (!ip.includes(':'))
    return ip
      .split('.')
      .map(part => Number(part).toString(2).padStart(8, '0'))
      .join('')
  const [head = '', tail] = ip.split('::')
  const groups = (text: string | undefined): string[] =>
    (text ? text.split(':') : []).flatMap(group => {
      if (!group.includes('.')) return [group]
      const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number)
      return [(a * 256 + b).toString(16), (c * 256 + d).toString(16)]
    })
  const first = groups(head)
  const last = groups(tail)
  const middle = Array<string>(Math.max(0, 8 - first.length - last.length)).fill('0')
  return [...first, ...middle, ...last].map(group => Number.parseInt(group, 16).toString(2).padStart(16, '0')).join('')
}
