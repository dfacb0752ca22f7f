import { computeQuantiles, cumulativeBuckets, quantiles, sampleCount, sampleSum } from './histogram.js'
import { formatExact, formatInteger } from './number-format.js'
import type { StatsQuery } from './query.js'
import type { HistogramValue, StatsStore } from './store.js'
import type { TagExtractors, TaggedName } from './tags.js'
import { type BucketsOf, defaultBucketsOf, scaleOf } from './text.js'

export interface PrometheusOptions {
  readonly tags: TagExtractors
  readonly bucketsOf?: BucketsOf
}

/** `/stats/prometheus` in the text format 0.0.4, in pieces: counters, gauges, text readouts, histograms. */
export function* statsPrometheus(store: StatsStore, query: StatsQuery, options: PrometheusOptions): Generator<string> {
  const { tags, bucketsOf = defaultBucketsOf } = options
  const counters = new Lines()
  const gauges = new Lines()
  // `type` counts for nothing here, as in Envoy.
  let seen = 0
  for (const { name, type, value, exact, used } of store.scalars()) {
    if (++seen % 1000 === 0) yield '' // the caller may let others run
    if ((query.usedOnly && !used) || !query.matches(name)) continue
    const tagged = tags.extract(name)
    const lines = type === 'counter' ? counters : gauges
    lines.add(tagged.name, `${braces(labelsOf(tagged))} ${exact ?? formatInteger(value)}\n`)
  }
  yield* counters.print('counter')
  yield* gauges.print('gauge')
  if (query.textReadouts) {
    const texts = new Lines()
    for (const { name, value } of store.texts()) {
      if (!query.matches(name)) continue
      const tagged = tags.extract(name)
      texts.add(tagged.name, `${braces([...labelsOf(tagged), label('text_value', value)])} 0\n`)
    }
    yield* texts.print('gauge')
  }
  const isSummary = query.buckets === 'summary'
  const histograms = new Lines()
  for (const histogram of store.histograms()) {
    if ((query.usedOnly && sampleCount(histogram.cumulative) === 0) || !query.matches(histogram.name)) continue
    const tagged = tags.extract(histogram.name)
    const labels = labelsOf(tagged)
    const rows = isSummary ? summaryRows(labels, histogram) : bucketRows(labels, histogram, bucketsOf(histogram.name))
    const sum = formatExact(sampleSum(histogram.cumulative) * scaleOf(histogram))
    rows.push(`_sum${braces(labels)} ${sum}\n`)
    rows.push(`_count${braces(labels)} ${formatInteger(sampleCount(histogram.cumulative))}\n`)
    for (const row of rows) histograms.add(tagged.name, row)
  }
  yield* histograms.print(isSummary ? 'summary' : 'histogram')
}

/** Lines by the name without tags: what has one name stands together below one TYPE line, in order of name. */
class Lines {
  readonly #byName = new Map<string, { readonly metric: string; readonly lines: ByteText }>()

  /** `rest`: what follows the metric's name. */
  add(name: string, rest: string): void {
    let entry = this.#byName.get(name)
    if (!entry) {
      entry = { metric: `envoy_${sanitize(name)}`, lines: new ByteText() }
      this.#byName.set(name, entry)
    }
    entry.lines.append(entry.metric + rest)
  }

  *print(type: string): Generator<string> {
    for (const name of [...this.#byName.keys()].sort()) {
      const entry = this.#byName.get(name)
      if (!entry) continue
      yield `# TYPE ${entry.metric} ${type}\n`
      yield entry.lines.toString()
    }
  }
}

/** Text that grows outside the heap: with a million lines as strings, the collector would take most of the time. */
class ByteText {
  #bytes = Buffer.allocUnsafe(512)
  #size = 0

  append(text: string): void {
    const needed = this.#size + text.length * 3
    if (needed > this.#bytes.length) {
      const bigger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2))
      this.#bytes.copy(bigger, 0, 0, this.#size)
      this.#bytes = bigger
    }
    this.#size += this.#bytes.write(text, this.#size)
  }

  toString(): string {
    return this.#bytes.toString('utf8', 0, this.#size)
  }
}

const sanitize = (name: string) => name.replace(/[^a-zA-Z0-9_]/g, '_')

/** Label values: backslash, quote and line end are escaped. */
function label(name: string, value: string): string {
  return `${name}="${value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')}"`
}

function labelsOf(tagged: TaggedName): string[] {
  return tagged.tags.map(({ name, value }) => label(sanitize(name), value))
}

const braces = (labels: readonly string[]) => `{${labels.join(',')}}`

/** What follows the metric's name in each line. */
function bucketRows(labels: readonly string[], histogram: HistogramValue, bounds: readonly number[]): string[] {
  const counts = cumulativeBuckets(histogram.cumulative, bounds)
  const start = `_bucket{${labels.map(text => `${text},`).join('')}`
  const rows = bounds.map((bound, i) => `${start}le="${formatExact(bound)}"} ${counts[i]}\n`)
  rows.push(`${start}le="+Inf"} ${formatInteger(sampleCount(histogram.cumulative))}\n`)
  return rows
}

function summaryRows(labels: readonly string[], histogram: HistogramValue): string[] {
  const values = computeQuantiles(histogram.cumulative)
  return quantiles.map((share, i) => {
    const value = formatExact((values[i] ?? Number.NaN) * scaleOf(histogram))
    return `${braces([...labels, label('quantile', String(share))])} ${value}\n`
  })
}
