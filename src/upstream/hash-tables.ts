import type { HashingInfo } from '../plan/hash-balancer.js'
import { isDegraded, isExcluded, isFailed } from './health/host-flags.js'

/** What of a member counts. */
export interface TableHost {
  readonly weight: number
  /** Envoy's HealthStatus. */
  readonly health: number
  readonly priority: number
}

/** How evenly hosts share a table for consistent hashing: its places, and how many the hosts with the fewest and the most have. */
export interface TableShape {
  readonly size: number
  readonly fewest: number
  readonly most: number
}

/**
 * The shape of the table over a cluster's hosts as the workers make it (native/upstream/hash_balancer.cc), reckoned without a hash. Each
 * priority has a table; the last that has hosts counts, as in Envoy. Undefined: there are no hosts.
 */
export function tableShape(
  hashing: HashingInfo,
  hosts: readonly TableHost[],
  flags: Uint32Array | undefined,
): TableShape | undefined {
  let shape: TableShape | undefined
  const priorities = [...new Set(hosts.map(({ priority }) => priority))].sort((a, b) => a - b)
  for (const priority of priorities) {
    const weights = usedHosts(hashing, hosts, flags, priority).map(({ weight }) => weight)
    if (weights.length > 0) shape = shapeOf(hashing, weights)
  }
  return shape
}

/** The healthy ones, or all of them in panic. */
function usedHosts(
  { panicThreshold }: HashingInfo,
  hosts: readonly TableHost[],
  flags: Uint32Array | undefined,
  priority: number,
): readonly TableHost[] {
  const all = hosts.flatMap((host, index) => (host.priority === priority ? [{ host, found: flags?.[index] ?? 0 }] : []))
  const carrying = all.filter(({ host, found }) => !isFailed(host.health, found))
  const eligible = all.filter(({ host, found }) => !isExcluded(host.health, found)).length
  if (eligible === 0 || (100 * carrying.length) / eligible < panicThreshold) return all.map(({ host }) => host)
  return carrying.filter(({ host, found }) => !isDegraded(host.health, found)).map(({ host }) => host)
}

const shapeOf = (hashing: HashingInfo, weights: readonly number[]): TableShape => {
  const sum = weights.reduce((total, weight) => total + weight, 0)
  const shares = weights.map(weight => weight / sum)
  return hashing.kind === 'ring' ? ringShape(hashing, shares) : maglevShape(hashing.size, shares)
}

// The lightest host gets a whole number of places; a running sum rounds the others.
function ringShape(
  { min, max }: { readonly min: number; readonly max: number },
  shares: readonly number[],
): TableShape {
  const lightest = least(shares)
  const scale = Math.min(Math.ceil(lightest * min) / lightest, max)
  let placed = 0
  let wanted = 0
  const counts = shares.map(share => {
    const before = placed
    wanted += scale * share
    placed = Math.max(placed, Math.ceil(wanted))
    return placed - before
  })
  return { size: Math.ceil(scale), fewest: least(counts), most: most(counts) }
}

// Hosts take slots in turn; a lighter one sits out as often as its share wants it.
function maglevShape(size: number, shares: readonly number[]): TableShape {
  const heaviest = most(shares)
  const counts = shares.map(() => 0)
  const targets = shares.map(() => 0)
  let filled = 0
  for (let turn = 1; filled < size; turn++) {
    for (let index = 0; index < shares.length && filled < size; index++) {
      if (turn * (shares[index] ?? 0) < (targets[index] ?? 0)) continue
      targets[index] = (targets[index] ?? 0) + heaviest
      counts[index] = (counts[index] ?? 0) + 1
      filled += 1
    }
  }
  return { size, fewest: least(counts), most: most(counts) }
}

const least = (numbers: readonly number[]): number => numbers.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
const most = (numbers: readonly number[]): number => numbers.reduce((a, b) => Math.max(a, b), 0)
