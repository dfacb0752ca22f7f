// What is known of the statistics at run time: kinds of scope with their names, and how the main thread reads those that
// the workers count. Shapes as native/binding/stats_binding.h gives them.

/** `lazy_counter`: printed only after its first increment. */
export type StatType = 'counter' | 'gauge' | 'lazy_counter'
export type Unit = 'unspecified' | 'bytes' | 'microseconds' | 'milliseconds' | 'percent'

export interface StatTemplate {
  readonly name: string
  readonly type: StatType
}

export interface HistogramTemplate {
  readonly name: string
  readonly unit: Unit
  /** Printed only after its first value. */
  readonly lazy: boolean
}

/** One kind of scope. A stat's full name is `prefix + scope name + '.' + stat`. */
export interface KindTemplate {
  readonly kind: string
  readonly prefix: string
  readonly stats: readonly StatTemplate[]
  readonly histograms: readonly HistogramTemplate[]
}

/** Merged values of scopes of one kind; row i belongs to `names[i]`. */
export interface ScopeReading {
  readonly names: readonly string[]
  /** names.length * stats.length values. */
  readonly values: Float64Array
  /** The same shape; 1: was ever written. */
  readonly used: Uint8Array
  /** [row, id, count]…; see responseCodeStat. */
  readonly codes: Float64Array
  /** [row, histogram, bins, (mantissa, exponent, count) * bins]… */
  readonly histograms: Float64Array
}

/** The addon's side of the statistics. A kind is the index of its template. */
export interface NativeStats {
  statsTemplates(): readonly KindTemplate[]
  readScopes(kind: number): ScopeReading
  readScope(kind: number, name: string): ScopeReading
  dropScope(kind: number, name: string): void
  sweepScopes(): void
}

/** For a process without workers (`--mode validate`) and for tests of what main keeps itself. */
export const noNativeStats: NativeStats = {
  statsTemplates: () => [],
  readScopes: () => emptyReading,
  readScope: () => emptyReading,
  dropScope: () => undefined,
  sweepScopes: () => undefined,
}

const emptyReading: ScopeReading = {
  names: [],
  values: new Float64Array(),
  used: new Uint8Array(),
  codes: new Float64Array(),
  histograms: new Float64Array(),
}
