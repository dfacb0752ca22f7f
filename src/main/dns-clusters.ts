import { planId } from '../plan/ids.js'
import type { ClusterInfo, HostInfo } from '../snapshot/compile-task.js'
import type { PlacedPlan } from '../snapshot/snapshot.js'
import type { Clock } from '../support/clock.js'
import { DnsCluster, type DnsEvent } from '../upstream/dns-cluster.js'
import { type DnsLookup, makeDnsLookup } from '../upstream/dns-lookup.js'
import type { DnsPlan } from '../plan/dns-plan.js'
import type { LocalityValue } from '../upstream/plan-encoder.js'

export interface DnsClustersOptions {
  readonly clock: Clock
  readonly random?: () => number
  readonly makeLookup?: (plan: DnsPlan) => DnsLookup
  /** Members of a cluster that is in use changed. */
  readonly onEndpoints: (cluster: ClusterInfo, plan: PlacedPlan, members: readonly HostInfo[]) => void
  readonly onEvent: (cluster: ClusterInfo, event: DnsEvent) => void
  readonly onMembers: (cluster: ClusterInfo, members: readonly HostInfo[]) => void
}

interface Entry {
  readonly cluster: ClusterInfo
  readonly signature: string
  readonly resolver: DnsCluster
  endpoints: PlacedPlan | undefined
  hosts: readonly HostInfo[]
  /** In the current configuration; before that, endpoints are only kept. */
  isAdopted: boolean
}

/** The clusters whose members DNS knows: one DnsCluster each, kept through reloads that do not change it. Main thread. */
export class DnsClusters {
  readonly #options: DnsClustersOptions
  #entries = new Map<string, Entry>()

  constructor(options: DnsClustersOptions) {
    this.#options = options
  }

  /** Starts what is new or different in `clusters`. The candidates change nothing until they are adopted. */
  prepare(clusters: readonly ClusterInfo[]): Candidates {
    if (clusters.every(cluster => cluster.dns === undefined)) return noCandidates
    const next = new Map<string, Entry>()
    for (const cluster of clusters) {
      if (cluster.dns === undefined) continue
      const signature = JSON.stringify(cluster.dns)
      const known = this.#entries.get(cluster.name)
      next.set(cluster.name, known?.signature === signature ? known : this.#start(cluster, cluster.dns, signature))
    }
    return new Candidates(next)
  }

  /** All of them as one. */
  joined(candidates: readonly Candidates[]): Candidates {
    return new Candidates(new Map(candidates.flatMap(({ entries }) => [...entries])))
  }

  /** They are in use; other clusters stay as they are. */
  adopt(candidates: Candidates): void {
    for (const [name, entry] of candidates.entries) {
      const before = this.#entries.get(name)
      if (before !== undefined && before !== entry) before.resolver.close()
      this.#entries.set(name, entry)
      entry.isAdopted = true
    }
  }

  /** The cluster is gone, or not filled by DNS any more. */
  remove(name: string): void {
    this.#entries.get(name)?.resolver.close()
    this.#entries.delete(name)
  }

  /** Members in the order of the endpoints plan; undefined for a cluster that DNS does not fill. */
  hostsOf(name: string): readonly HostInfo[] | undefined {
    return this.#entries.get(name)?.hosts
  }

  abandon(candidates: Candidates): void {
    for (const entry of candidates.entries.values()) if (!entry.isAdopted) entry.resolver.close()
  }

  close(): void {
    for (const entry of this.#entries.values()) entry.resolver.close()
    this.#entries.clear()
  }

  #start(cluster: ClusterInfo, plan: DnsPlan, signature: string): Entry {
    const { clock, random = Math.random, makeLookup = makeDnsLookup, onEndpoints, onEvent, onMembers } = this.#options
    const onNewEndpoints = (bytes: Uint8Array, localities: readonly LocalityValue[]) => {
      const isChecked = cluster.health !== undefined
      entry.hosts = localities.flatMap(({ hosts, ...locality }) =>
        hosts.map(host => ({
          ...locality,
          ...host,
          ...(isChecked && { target: { ...host, localityWeight: locality.weight } }),
        })),
      )
      entry.endpoints = {
        kind: 'endpoints',
        name: cluster.name,
        slot: cluster.slot,
        id: planId(bytes, cluster.name),
        bytes,
      }
      onMembers(cluster, entry.hosts)
      if (entry.isAdopted) onEndpoints(cluster, entry.endpoints, entry.hosts)
    }
    const entry: Entry = {
      cluster,
      signature,
      endpoints: undefined,
      hosts: [],
      isAdopted: false,
      resolver: new DnsCluster({
        plan,
        lookup: makeLookup(plan),
        clock,
        random,
        onEndpoints: onNewEndpoints,
        onEvent: event => onEvent(cluster, event),
      }),
    }
    return entry
  }
}

/** The DNS clusters of a configuration that is about to be published. */
export class Candidates {
  readonly entries: ReadonlyMap<string, Entry>

  constructor(entries: ReadonlyMap<string, Entry>) {
    this.entries = entries
  }

  /** Does nobody have to be waited for? */
  get isReady(): boolean {
    return [...this.entries.values()].every(entry => entry.isAdopted || entry.endpoints !== undefined)
  }

  /** Every cluster knows its members, or that it does not. */
  async ready(): Promise<void> {
    await Promise.all([...this.entries.values()].map(entry => entry.resolver.ready))
  }

  /** The compiler's plans, with what DNS has said in place of its placeholders. */
  complete(plans: readonly PlacedPlan[]): readonly PlacedPlan[] {
    if (this.entries.size === 0) return plans
    return plans.map(plan => (plan.kind === 'endpoints' ? (this.entries.get(plan.name)?.endpoints ?? plan) : plan))
  }
}

const noCandidates = new Candidates(new Map())
