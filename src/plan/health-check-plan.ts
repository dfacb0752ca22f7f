import type { TextPattern } from '../stats/settings.js'

/** What the compile thread says about the active health checks of a cluster. Plain data: it crosses threads. Times in milliseconds. */
export interface HealthCheckPlan {
  readonly timeoutMs: number
  /** Between checks of a host, by what the last one said; *Edge*: while a threshold is not reached yet. */
  readonly intervals: {
    readonly healthyMs: number
    readonly healthyEdgeMs: number
    readonly unhealthyMs: number
    readonly unhealthyEdgeMs: number
    /** Of a cluster that was never connected to for traffic. */
    readonly noTrafficMs: number
    readonly noTrafficHealthyMs: number
  }
  /** Before the first check, at random up to this. */
  readonly initialJitterMs: number
  /** Added to each interval, at random up to this, */
  readonly jitterMs: number
  /** and up to this share of it. */
  readonly jitterPercent: number
  readonly unhealthyThreshold: number
  readonly healthyThreshold: number
  readonly reusesConnection: boolean
  readonly check: HttpCheck | TcpCheck | GrpcCheck
  readonly log: HealthLog
  /** ALPN of TLS connections, instead of what the transport socket says. */
  readonly alpn: readonly string[]
  /** By transport_socket_match_criteria, as Host.transport_socket of the plan; undefined: the host's own. */
  readonly transportSocket?: number
  /** A connection is a TCP connection and nothing more. False: it takes what the cluster's plan says of sockets and TLS. */
  readonly isPlain: boolean
  /** common_lb_config.ignore_new_hosts_until_first_hc */
  readonly ignoresNewHosts: boolean
  /** ignore_health_on_host_removal: a host goes as soon as it is no member any more, be it healthy. */
  readonly ignoresHealthOnRemoval: boolean
}

export interface HttpCheck {
  readonly kind: 'http'
  readonly isHttp2: boolean
  readonly method: string
  readonly path: string
  /** Instead of the cluster's name; a host may have one of its own. */
  readonly host: string
  readonly send: Uint8Array
  /** Parts that the body must have, in this order. */
  readonly receive: readonly Uint8Array[]
  /** So much of the body is kept; 0: all of it. */
  readonly responseBufferBytes: number
  readonly expected: readonly StatusRange[]
  readonly retriable: readonly StatusRange[]
  readonly headers: readonly HeaderChange[]
  readonly removedHeaders: readonly string[]
  readonly serviceName?: TextPattern
}

/** From `start`, below `end`. */
export interface StatusRange {
  readonly start: number
  readonly end: number
}

export interface HeaderChange {
  /** Lower case. */
  readonly name: string
  readonly value: string
  readonly action: 'append' | 'add-if-absent' | 'overwrite' | 'overwrite-if-present'
  readonly keepsEmpty: boolean
}

export interface TcpCheck {
  readonly kind: 'tcp'
  readonly send: Uint8Array
  /** Empty: to be connected is enough. */
  readonly receive: readonly Uint8Array[]
  /** 0: none. */
  readonly proxyProtocol: 0 | 1 | 2
}

export interface GrpcCheck {
  readonly kind: 'grpc'
  readonly serviceName: string
  readonly authority: string
  readonly headers: readonly HeaderChange[]
}

export interface HealthLog {
  readonly paths: readonly string[]
  readonly failures: boolean
  readonly successes: boolean
}

/** What one member says of its checks (Endpoint.health_check_config). */
export interface MemberCheck {
  /** Where to ask, instead of the member's address. */
  readonly ip?: string
  readonly port?: number
  readonly hostname: string
  readonly isDisabled: boolean
}
