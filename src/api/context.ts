import type { Clusters } from './clusters.js'

/** All that a filter can reach besides the stream it is called for. One for each filter instance, worker and version. */

/** Names are joined to `<filter name>.` and printed by /stats like all others. */
export interface FilterStats {
  counter(name: string): Counter
  gauge(name: string): Gauge
  /** `unit`: of the values; decides how they are printed. */
  histogram(name: string, unit?: 'milliseconds' | 'unspecified'): Histogram
}

export interface Counter {
  inc(by?: number): void
}

export interface Gauge {
  inc(by?: number): void
  dec(by?: number): void
}

export interface Histogram {
  record(value: number): void
}

/** Lines go to the application log under the component `filter`, with the filter's name. */
export interface FilterLog {
  debug(message: string): void
  info(message: string): void
  warning(message: string): void
  error(message: string): void
}

export interface FilterClock {
  /** Milliseconds of a clock that only goes forward. */
  monotonicMs(): number
  /** Milliseconds since 1970. */
  wallMs(): number
}

/** Cells and buckets that all workers share, found by name; the same name in the same filter is the same cell. */
export interface Shared {
  counter(name: string): SharedCounter
  /** Filled with `perSecond` tokens a second up to `burst`. */
  tokenBucket(name: string, settings: { readonly perSecond: number; readonly burst: number }): TokenBucket
}

export interface SharedCounter {
  /** The value afterwards. */
  add(by: number): number
  get(): number
}

export interface TokenBucket {
  /** False: there are not that many, and none was taken. */
  take(tokens?: number): boolean
}

export interface FilterContext {
  /** As the configuration calls the filter. */
  readonly name: string
  readonly stats: FilterStats
  readonly log: FilterLog
  readonly clock: FilterClock
  readonly shared: Shared
  /** Requests of the filter's own, over the worker's pools. */
  readonly clusters: Clusters
  /** 0 and up. */
  readonly workerIndex: number
  /** Aborted when this version of the filter is no longer used, for timers and what else `create` has started. */
  readonly signal: AbortSignal
}
