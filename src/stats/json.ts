import {
  binWidth,
  type Bins,
  computeQuantiles,
  cumulativeBuckets,
  disjointBuckets,
  lowerBound,
  quantiles,
  sampleCount,
} from './histogram.js'
import { formatCompact, formatInteger } from './number-format.js'
import type { StatsQuery } from './query.js'
import type { HistogramValue, StatsStore } from './store.js'
import { type BucketsOf, defaultBucketsOf, isWanted, scaleOf } from './text.js'

/** `/stats?format=json`, in pieces. */
export function* statsJson(
  store: StatsStore,
  query: StatsQuery,
  bucketsOf: BucketsOf = defaultBucketsOf,
): Generator<string> {
  let separator = ''
  yield '{"stats":['
  if (query.kind === 'All' || query.kind === 'TextReadouts') {
    for (const { name, value } of store.texts()) {
      if (!query.matches(name)) continue
      yield `${separator}{"name":${JSON.stringify(name)},"value":${JSON.stringify(value)}}`
      separator = ','
    }
  }
  if (query.kind !== 'Histograms' && query.kind !== 'TextReadouts') {
    for (const { name, type, value, exact, used } of store.scalars()) {
      if (!isWanted(query, type) || (query.usedOnly && !used) || !query.matches(name)) continue
      yield `${separator}{"name":${JSON.stringify(name)},"value":${exact ?? formatInteger(value)}}`
      separator = ','
    }
  }
  if (query.kind === 'All' || query.kind === 'Histograms') {
    const histograms = [...store.histograms()].filter(
      histogram => query.matches(histogram.name) && !(query.usedOnly && sampleCount(histogram.cumulative) === 0),
    )
    if (histograms.length > 0) yield `${separator}{"histograms":${histogramsJson(histograms, query, bucketsOf)}}`
  }
  yield ']}'
}

const percentList = `[${quantiles.map(share => formatCompact(share * 100)).join(',')}]`

function histogramsJson(histograms: readonly HistogramValue[], query: StatsQuery, bucketsOf: BucketsOf): string {
  const named = (name: string, rest: string) => `{"name":${JSON.stringify(name)},${rest}}`
  switch (query.buckets ?? 'summary') {
    case 'summary': {
      const items = histograms.map(one => named(one.name, `"values":${quantilesJson(one)}`))
      return `{"supported_quantiles":${percentList},"computed_quantiles":[${items.join(',')}]}`
    }
    case 'detailed': {
      const items = histograms.map(one => {
        const bins = `"totals":${binsJson(one.cumulative)},"intervals":${binsJson(one.interval)}`
        return named(one.name, `${bins},"percentiles":${quantilesJson(one)}`)
      })
      return `{"supported_percentiles":${percentList},"details":[${items.join(',')}]}`
    }
    case 'cumulative':
    case 'disjoint': {
      const count = query.buckets === 'disjoint' ? disjointBuckets : cumulativeBuckets
      const items = histograms.map(one => named(one.name, `"buckets":${bucketsJson(one, bucketsOf(one.name), count)}`))
      return `[${items.join(',')}]`
    }
  }
}

const numberOrNull = (value: number) => (Number.isNaN(value) ? 'null' : formatCompact(value))

function quantilesJson(histogram: HistogramValue): string {
  const scale = scaleOf(histogram)
  const interval = computeQuantiles(histogram.interval)
  const items = computeQuantiles(histogram.cumulative).map(
    (value, i) =>
      `{"cumulative":${numberOrNull(value * scale)},"interval":${numberOrNull((interval[i] ?? Number.NaN) * scale)}}`,
  )
  return `[${items.join(',')}]`
}

function binsJson(bins: Bins): string {
  const items = bins.counts.map((count, i) => {
    const mantissa = bins.mantissas[i] ?? 0
    const exponent = bins.exponents[i] ?? 0
    const left = formatCompact(lowerBound(mantissa, exponent))
    return `{"lower_bound":${left},"width":${formatCompact(binWidth(mantissa, exponent))},"count":${formatInteger(count)}}`
  })
  return `[${items.join(',')}]`
}

function bucketsJson(
  histogram: HistogramValue,
  bounds: readonly number[],
  count: (bins: Bins, bounds: readonly number[]) => number[],
): string {
  const interval = count(histogram.interval, bounds)
  const items = count(histogram.cumulative, bounds).map(
    (value, i) => `{"upper_bound":${formatCompact(bounds[i] ?? 0)},"interval":${interval[i]},"cumulative":${value}}`,
  )
  return `[${items.join(',')}]`
}
