import type { MemberCheck } from './health-check-plan.js'

/** What the compile thread says about a cluster whose members DNS knows. Plain data: it crosses threads. */
export interface DnsPlan {
  /** STRICT_DNS: every address is a member. LOGICAL_DNS: one member, whose address is the first of the answer. */
  readonly kind: 'strict' | 'logical'
  readonly family: DnsFamily
  readonly refreshMs: number
  /** Added to each refresh, at random, up to this. */
  readonly jitterMs: number
  readonly respectTtl: boolean
  /** A shorter TTL counts as this. */
  readonly minRefreshMs: number
  /** Waiting after a failure, growing from base to max at random; without them: refreshMs. */
  readonly failureBaseMs?: number
  readonly failureMaxMs?: number
  /** "ip:port" or "[ip]:port"; empty: those of the system. */
  readonly servers: readonly string[]
  /** no_default_search_domain */
  readonly noSearch: boolean
  readonly queryTimeoutMs?: number
  readonly queryTries?: number
  /** The members, still with names. */
  readonly localities: readonly DnsLocality[]
  readonly overprovisioningFactor: number
  readonly dropOverloadPpm: number
}

export type DnsFamily = 'AUTO' | 'V4_ONLY' | 'V6_ONLY' | 'V4_PREFERRED' | 'ALL'

export interface DnsLocality {
  readonly region: string
  readonly zone: string
  readonly subZone: string
  readonly weight: number
  readonly priority: number
  readonly targets: readonly DnsTarget[]
}

/** One name of the load assignment. */
export interface DnsTarget {
  readonly host: string
  readonly port: number
  /** Endpoint.hostname; empty: `host`. */
  readonly hostname: string
  readonly weight: number
  readonly health: number
  readonly canary: boolean
  readonly metadataJson: string
  readonly hashKey: string
  readonly transportSocket: number
  readonly check?: MemberCheck
}
