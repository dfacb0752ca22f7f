// Distributions in circllhist's bins: two significant decimal digits. Read from the workers (native/stats/histogram.h) or
// recorded here, merged, subtracted, and turned into quantiles and buckets with Envoy's interpolation.

/** Bins that were hit, in order of value. `bounds[i]` is the bin's lower bound, `widths[i]` its width; the bin of zero is 0, 0. */
export interface Bins {
  readonly mantissas: readonly number[]
  readonly exponents: readonly number[]
  readonly counts: readonly number[]
}

export const emptyBins: Bins = { mantissas: [], exponents: [], counts: [] }

export const quantiles: readonly number[] = [0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 1]

export const defaultBuckets: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
]

/** Bin keys sort by value: exponent first. Mantissa 0 (with exponent 0) is the bin of zero. */
const keyOf = (mantissa: number, exponent: number) => exponent * 256 + mantissa

/** In the order in which C computes it, so that the last digit is the same: (m / 10) * 10^e. */
export function lowerBound(mantissa: number, exponent: number): number {
  return (mantissa / 10) * 10 ** exponent
}

export function binWidth(mantissa: number, exponent: number): number {
  return mantissa === 0 ? 0 : 10 ** exponent / 10
}

export function sampleCount(bins: Bins): number {
  let sum = 0
  for (const count of bins.counts) sum += count
  return sum
}

/** Each bin counts as its harmonic middle, as circllhist estimates it. */
export function sampleSum(bins: Bins): number {
  let sum = 0
  bins.counts.forEach((count, i) => {
    const mantissa = bins.mantissas[i] ?? 0
    if (mantissa === 0) return
    const left = lowerBound(mantissa, bins.exponents[i] ?? 0)
    const width = binWidth(mantissa, bins.exponents[i] ?? 0)
    sum += (left + (width * left) / (2 * left + width)) * count
  })
  return sum
}

/**
 * The values below which the given shares (ascending, 0..1) of the samples lie; NaN without samples. The samples of a bin
 * are taken to lie evenly inside it: the k-th of n at left + width * k / (n + 1).
 */
export function computeQuantiles(bins: Bins, wanted: readonly number[] = quantiles): number[] {
  const total = sampleCount(bins)
  if (total === 0) return wanted.map(() => Number.NaN)
  let at = 0
  let below = 0
  return wanted.map(share => {
    const rank = Math.max(1, Math.ceil(total * share))
    while (at < bins.counts.length - 1 && below + (bins.counts[at] ?? 0) < rank) below += bins.counts[at++] ?? 0
    const mantissa = bins.mantissas[at] ?? 0
    const exponent = bins.exponents[at] ?? 0
    const count = bins.counts[at] ?? 0
    const inside = (rank - below) / (count + 1)
    return lowerBound(mantissa, exponent) + binWidth(mantissa, exponent) * inside
  })
}

/** How many samples lie at or below each bound (ascending); a bin counts as its lower bound. */
export function cumulativeBuckets(bins: Bins, bounds: readonly number[]): number[] {
  let at = 0
  let sum = 0
  return bounds.map(bound => {
    while (at < bins.counts.length && lowerBound(bins.mantissas[at] ?? 0, bins.exponents[at] ?? 0) <= bound) {
      sum += bins.counts[at++] ?? 0
    }
    return sum
  })
}

export function disjointBuckets(bins: Bins, bounds: readonly number[]): number[] {
  const cumulative = cumulativeBuckets(bins, bounds)
  return cumulative.map((count, i) => count - (cumulative[i - 1] ?? 0))
}

/** What came to `earlier` to make `later` of it. */
export function subtractBins(later: Bins, earlier: Bins): Bins {
  if (earlier.counts.length === 0) return later
  const before = new Map(
    earlier.counts.map((count, i) => [keyOf(earlier.mantissas[i] ?? 0, earlier.exponents[i] ?? 0), count]),
  )
  const out = new BinBuilder()
  later.counts.forEach((count, i) => {
    const mantissa = later.mantissas[i] ?? 0
    const exponent = later.exponents[i] ?? 0
    const left = count - (before.get(keyOf(mantissa, exponent)) ?? 0)
    if (left > 0) out.add(mantissa, exponent, left)
  })
  return out.build()
}

export function mergeBins(a: Bins, b: Bins): Bins {
  if (a.counts.length === 0) return b
  if (b.counts.length === 0) return a
  const out = new BinBuilder()
  for (const bins of [a, b]) {
    for (const [i, count] of bins.counts.entries()) out.add(bins.mantissas[i] ?? 0, bins.exponents[i] ?? 0, count)
  }
  return out.build()
}

const singles = new Map<string, Bins>()
const mostSingles = 1000

/** Of one bin. The same object for the same: thousands of clusters that took one update each have one alike. */
function oneBin(key: number, count: number): Bins {
  const name = `${key} ${count}`
  let known = singles.get(name)
  if (known === undefined) {
    known = { mantissas: [key % 256], exponents: [Math.floor(key / 256)], counts: [count] }
    if (singles.size >= mostSingles) singles.clear()
    singles.set(name, known)
  }
  return known
}

/** Collects counts by bin, in any order. There may be one for each of thousands of clusters, with one value in it: that takes no map. */
export class BinBuilder {
  #key = 0
  #count = 0
  /** Of the bins beside the first. */
  #others: Map<number, number> | undefined
  /** What was built last, until something is added. */
  #built: Bins | undefined = emptyBins

  add(mantissa: number, exponent: number, count: number): void {
    const key = keyOf(mantissa, exponent)
    this.#built = undefined
    if (this.#count === 0) this.#key = key
    if (this.#key === key) {
      this.#count += count
      return
    }
    this.#others ??= new Map()
    this.#others.set(key, (this.#others.get(key) ?? 0) + count)
  }

  /** A whole number, as the workers record it. */
  record(value: number): void {
    const whole = Math.max(0, Math.floor(value))
    if (whole === 0) return this.add(0, 0, 1)
    const exponent = String(whole).length - 1
    this.add(exponent === 0 ? whole * 10 : Math.floor(whole / 10 ** (exponent - 1)), exponent, 1)
  }

  build(): Bins {
    return (this.#built ??= this.#build())
  }

  #build(): Bins {
    if (this.#others === undefined) return oneBin(this.#key, this.#count)
    const counts = [[this.#key, this.#count] as const, ...(this.#others ?? [])].sort(([a], [b]) => a - b)
    return {
      mantissas: counts.map(([key]) => key % 256),
      exponents: counts.map(([key]) => Math.floor(key / 256)),
      counts: counts.map(([, count]) => count),
    }
  }
}
