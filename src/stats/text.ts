import {
  binWidth,
  type Bins,
  computeQuantiles,
  cumulativeBuckets,
  defaultBuckets,
  disjointBuckets,
  lowerBound,
  quantiles,
  sampleCount,
} from './histogram.js'
import { formatGeneral, formatInteger, formatShortest } from './number-format.js'
import type { BucketMode, StatsQuery } from './query.js'
import type { HistogramValue, StatsStore } from './store.js'

/** Buckets of a histogram, by its name (histogram_bucket_settings). */
export type BucketsOf = (name: string) => readonly number[]

export const defaultBucketsOf: BucketsOf = () => defaultBuckets

/** Percent histograms are recorded in millionths. */
export function scaleOf(histogram: HistogramValue): number {
  return histogram.unit === 'percent' ? 1e-6 : 1
}

/** `/stats` as text, in pieces. */
export function* statsText(
  store: StatsStore,
  query: StatsQuery,
  bucketsOf: BucketsOf = defaultBucketsOf,
): Generator<string> {
  if (query.kind === 'All' || query.kind === 'TextReadouts') {
    for (const { name, value } of store.texts()) if (query.matches(name)) yield `${name}: ${JSON.stringify(value)}\n`
  }
  if (query.kind !== 'Histograms' && query.kind !== 'TextReadouts') {
    for (const { name, type, value, exact, used } of store.scalars()) {
      if (!isWanted(query, type) || (query.usedOnly && !used) || !query.matches(name)) continue
      yield `${name}: ${exact ?? formatInteger(value)}\n`
    }
  }
  if (query.kind === 'All' || query.kind === 'Histograms') {
    for (const histogram of store.histograms()) {
      if ((query.usedOnly && sampleCount(histogram.cumulative) === 0) || !query.matches(histogram.name)) continue
      yield `${histogram.name}:${histogramText(histogram, query.buckets ?? 'summary', bucketsOf)}\n`
    }
  }
}

export function isWanted(query: StatsQuery, type: 'counter' | 'gauge'): boolean {
  return query.kind === 'All' || query.kind === (type === 'counter' ? 'Counters' : 'Gauges')
}

function histogramText(histogram: HistogramValue, mode: BucketMode, bucketsOf: BucketsOf): string {
  if (sampleCount(histogram.cumulative) === 0) return ' No recorded values'
  switch (mode) {
    case 'summary':
      return ` ${summaryText(histogram)}`
    case 'detailed':
      return `\n  totals=${binsText(histogram.cumulative)}\n  intervals=${binsText(histogram.interval)}\n  summary=${summaryText(histogram)}`
    case 'cumulative':
      return ` ${bucketsText(histogram, bucketsOf(histogram.name), cumulativeBuckets)}`
    case 'disjoint':
      return ` ${bucketsText(histogram, bucketsOf(histogram.name), disjointBuckets)}`
  }
}

function summaryText(histogram: HistogramValue): string {
  const scale = scaleOf(histogram)
  const interval = computeQuantiles(histogram.interval)
  const cumulative = computeQuantiles(histogram.cumulative)
  return quantiles
    .map((share, i) => {
      const now = formatShortest((interval[i] ?? Number.NaN) * scale)
      return `P${formatGeneral(share * 100)}(${now},${formatShortest((cumulative[i] ?? Number.NaN) * scale)})`
    })
    .join(' ')
}

function binsText(bins: Bins): string {
  return bins.counts
    .map((count, i) => {
      const mantissa = bins.mantissas[i] ?? 0
      const exponent = bins.exponents[i] ?? 0
      return `${formatGeneral(lowerBound(mantissa, exponent))},${formatGeneral(binWidth(mantissa, exponent))}:${formatInteger(count)}`
    })
    .join(', ')
}

function bucketsText(
  histogram: HistogramValue,
  bounds: readonly number[],
  count: (bins: Bins, bounds: readonly number[]) => number[],
): string {
  const interval = count(histogram.interval, bounds)
  const cumulative = count(histogram.cumulative, bounds)
  return bounds.map((bound, i) => `B${formatGeneral(bound)}(${interval[i]},${cumulative[i]})`).join(' ')
}
