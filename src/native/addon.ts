/**
 * The typed face of the native addon, and the only file that loads it. Everything native/binding exports is here;
 * nothing else in src/ touches `nuncio.node`.
 */
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

export type PlanKind =
  | 'listener'
  | 'route-table'
  | 'cluster'
  | 'endpoints'
  | 'runtime'
  | 'secret'
  | 'script'
  | 'scoped-routes'
  | 'extension-config'

export type DemandKind = 'virtual-host' | 'scope' | 'cluster'
/** How asking ended. */
export type DemandEnd = 'came' | 'missing' | 'timeout'

/** One slot of the next snapshot. `id` empty: the slot is emptied. */
export interface SnapshotChange {
  readonly kind: PlanKind
  readonly slot: number
  readonly id: string
}

export interface ProcessOptions {
  /** Number of workers there will ever be. */
  readonly workers: number
  /** Access-log flushing: `--file-flush-interval-msec`, `--file-flush-min-size-kb`. */
  readonly fileFlushIntervalMs: number
  readonly fileFlushMinSizeKb: number
  /** `--drain-time-s` and `--drain-strategy`. */
  readonly drainTimeMs: number
  readonly drainGradual: boolean
}

export interface OpenedListener {
  /** Local addresses in the order of the plan's, ports filled in: "127.0.0.1:10000". Those of bind_to_port false as configured. */
  readonly addresses: readonly string[]
  /** The stat prefix part, e.g. "127.0.0.1_10000". */
  readonly statName: string
}

/** A stream of entries for a gRPC access log service, each framed as field 1 of a message. */
export interface AccessLogStream {
  readonly name: string
  /** envoy.extensions.access_loggers.grpc.v3.CommonGrpcAccessLogConfig */
  readonly config: Uint8Array
  readonly isTcp: boolean
  /** A socket; who takes the stream closes it. It ends when no logger uses the stream any more. */
  readonly fd: number
}

export interface HostStats {
  readonly address: string
  readonly hostname: string
  readonly cxTotal: number
  readonly cxActive: number
  readonly cxConnectFail: number
  readonly rqTotal: number
  readonly rqActive: number
  readonly rqPendingActive: number
  readonly rqSuccess: number
  readonly rqError: number
  readonly rqTimeout: number
}

export type HostNews = `${ErrorRun}-errors` | 'immediate-failure'
/** Errors in a row: 5xx; 502, 503 and 504; a host that could not be reached. */
export type ErrorRun = 'server' | 'gateway' | 'local'

export interface TunnelTarget {
  /** Of a plan that was put. */
  readonly clusterPlanId: string
  readonly clusterSlot: number
  /** An IP address, or the path of a unix socket. */
  readonly address: string
  readonly port: number
  readonly hostname: string
  /** 0: the cluster's own; n: the nth of its transport_sockets. */
  readonly transportSocket: number
  /** Offered instead of what is configured; empty: as configured. */
  readonly alpn: readonly string[]
  /** One byte comes when the host is reached. */
  readonly announces: boolean
}

/** Called once per process, on the main thread, before anything else. */
export interface NativeAddon {
  init(options: ProcessOptions): void
  /** Self-test of what the running Node must export; a sentence when it does not fit. */
  selfTest(): string | undefined
  /** Decodes a plan and keeps it by id. Returns why it cannot be used, or undefined. Known ids cost nothing. */
  putPlan(kind: PlanKind, name: string, id: string, bytes: Uint8Array): string | undefined
  /**
   * Opens (or reuses) the sockets of the listener plan `id` that will stand in `slot`; nothing is accepted before commit.
   * Returns the addresses, or a sentence ("cannot bind '127.0.0.1:80': Permission denied").
   */
  openListener(slot: number, id: string): OpenedListener | string
  /** Closes what openListener opened since the last commit. */
  abandonListeners(): void
  /**
   * Makes the next snapshot of what was put and wakes every worker. Returns a sentence, and changes nothing, when a socket
   * cannot listen (another process was quicker), or for a bug (unknown id).
   */
  commit(changes: readonly SnapshotChange[]): string | undefined
  /**
   * Called when streams wait for what is not there yet: a virtual host of the route table in `slot` (VHDS; the name is the host asked for,
   * in lower case), the route table of a scope in the set of scopes in `slot` (SRDS, on demand), a cluster (ODCDS). Once for each worker;
   * settleDemand must follow. Does not keep the process alive.
   */
  onDemand(callback: (kind: DemandKind, slot: number, name: string) => void): void
  /** After the commit that brought it, or when nothing will come: who waits for it goes on, and looks for itself. */
  settleDemand(kind: DemandKind, slot: number, name: string, end: DemandEnd): void
  /** Is a regular expression valid RE2? The reason when it is not. */
  checkRegex(pattern: string): string | undefined

  /**
   * In a worker thread: attaches this thread to worker `index` and carries its traffic from now on; resolves never by
   * itself. The libuv loop of the thread goes on running (messages, timers, promises).
   */
  attachWorker(index: number): void
  /** How many snapshots each worker has adopted: [worker] → version. Main waits for it after a commit when it must. */
  adoptedVersions(): readonly number[]
  version(): number
  /** Filters in TypeScript: three numbers for each worker: calls (odd while a hook runs), slot of the program, stage. */
  scriptActivity(): readonly number[]

  /** Stop accepting on all listeners ('all') or inbound ones; existing connections stay. How many were stopped. */
  stopListeners(which: 'all' | 'inbound'): number
  /** /drain_listeners: connections are told to go (connection: close) as the drain sequence goes on. */
  drainListeners(which: 'all' | 'inbound'): void
  /** How many connections of clients all listeners together may have; undefined: as many as come. */
  setConnectionLimit(limit: number | undefined): void
  /** /healthcheck/fail and ok. */
  setHealthFailed(failed: boolean): void
  reopenAccessLogs(): void
  /** Flushes access logs; for exit. */
  flushAccessLogs(): void
  fileStats(): Readonly<
    Record<
      | 'write_buffered'
      | 'write_completed'
      | 'write_failed'
      | 'flushed_by_timer'
      | 'reopen_failed'
      | 'write_total_buffered',
      number
    >
  >

  /** Streams of entries for gRPC access log services that were opened since the last call; closes those that nobody logs to any more. */
  takeAccessLogStreams(): readonly AccessLogStream[]
  /** Of all streams so far. */
  accessLogStreamStats(): Readonly<Record<'logs_written' | 'logs_dropped', number>>

  /** Counters of the hosts of a cluster slot, summed over workers, in the order of its endpoints plan. */
  hostStats(slot: number): readonly HostStats[]
  /** By active checks: health of the hosts of an endpoints plan, from the host at `first` on (native/upstream/host.h). False: the plan is not known. */
  setHostFlags(planId: string, first: number, flags: Uint32Array): boolean
  /** Workers look at the flags of the hosts of the cluster in this slot again. */
  refreshCluster(slot: number): void
  /** Five numbers for each member of the cluster in a slot: its id, answers, good ones, attempts to reach it, good ones. */
  hostOutcomes(slot: number): Float64Array
  /** A member by its position among them. */
  memberAt(slot: number, index: number): { readonly address: string; readonly hostname: string } | undefined
  /** Sets or clears flags of outlier detection of members, by id. How many have others than before. */
  markHosts(slot: number, ids: Float64Array, flags: number, isSet: boolean): number
  /** The runs of errors of members, by id, begin anew. */
  endErrorRuns(slot: number, ids: Float64Array, which: ErrorRun | 'all'): void
  /**
   * A connection to a host, as the cluster's plan says, by way of a worker: a descriptor that is the caller's, or why there is none. It
   * just closes when the host cannot be reached.
   */
  openTunnel(target: TunnelTarget): number | string
  /** What workers have to say of hosts: by address and hostname. Does not keep the process alive. */
  onHostNews(callback: (news: HostNews, cluster: string, address: string, hostname: string, id: number) => void): void
  /** Copies the circuit breakers' counts into their gauges; before statistics are read. */
  publishBreakers(): void
  /** Bytes of native heap in use and mapped, for /memory and server.memory_*. */
  memory(): { readonly allocated: number; readonly heapSize: number }
  /** Connections now open downstream, over all workers. */
  connectionCount(): number
  /** Sentences for the operator from the threads that carry traffic, since the last call. */
  takeNotes(): readonly string[]

  // Statistics: see src/stats/native-stats.ts for the shapes (native/binding/stats_binding.cc).
  readonly [statFunction: `stats${string}` | `readScope${string}`]: unknown
}

let loaded: NativeAddon | undefined

/** Loads build/Release/nuncio.node (or NUNCIO_ADDON) once. Throws with the command to run when it was not built. */
export function loadAddon(): NativeAddon {
  if (loaded === undefined) {
    const path =
      process.env['NUNCIO_ADDON'] ?? fileURLToPath(new URL('../../build/Release/nuncio.node', import.meta.url))
    loaded = createRequire(import.meta.url)(path) as NativeAddon
  }
  return loaded
}
