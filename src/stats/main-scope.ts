import { BinBuilder, type Bins, emptyBins, subtractBins } from './histogram.js'
import type { KindTemplate } from './template.js'

/**
 * Where main's own counters and gauges of one kind stand in its scopes. Main writes few of the hundred that a cluster has, and there may be
 * thousands of clusters: only those that it ever wrote in some scope have a column.
 */
export class MainColumns {
  readonly template: KindTemplate
  readonly #index: ReadonlyMap<string, number>
  readonly #columns = new Map<string, number>()
  /** By the number in the template. */
  readonly #byStat: (number | undefined)[]

  constructor(template: KindTemplate, index: ReadonlyMap<string, number>) {
    this.template = template
    this.#index = index
    this.#byStat = new Array(template.stats.length)
  }

  get count(): number {
    return this.#columns.size
  }

  /** Of a stat by its name, which gets one now if it has none. */
  of(name: string): number {
    const known = this.#columns.get(name)
    if (known !== undefined) return known
    const stat = this.#index.get(name)
    if (stat === undefined) throw new Error(`stats: ${this.template.kind} has no stat ${name}`)
    const column = this.#columns.size
    this.#columns.set(name, column)
    this.#byStat[stat] = column
    return column
  }

  /** Of a stat by its number in the template; undefined: main never wrote it. */
  ofStat(stat: number): number | undefined {
    return this.#byStat[stat]
  }
}

interface Recording {
  readonly bins: BinBuilder
  flushed: Bins
  before: Bins
}

/** What the main thread itself counts for one scope. Workers' counts for the same scope are added when it is read. */
export class MainScope {
  readonly #columns: MainColumns
  /** By column; undefined: never written. As long as there are columns, since an array that grows takes room for more. */
  readonly #values: (number | undefined)[]
  /** Gauges of 64 bits, hardly ever more than one; `#values` has them rounded. */
  #exact: { readonly column: number; value: bigint }[] | undefined
  /** By number in the template. */
  #recordings: (Recording | undefined)[] | undefined
  /** Of a subscription: the text readout version_text. */
  version: string | undefined

  constructor(columns: MainColumns) {
    this.#columns = columns
    this.#values = new Array<number | undefined>(columns.count)
  }

  /** Counter or gauge; a counter that had 0 added counts as used, as in Envoy. */
  inc(stat: string, by = 1): void {
    const at = this.#columns.of(stat)
    this.#values[at] = (this.#values[at] ?? 0) + by
  }

  dec(gauge: string, by = 1): void {
    this.inc(gauge, -by)
  }

  /** A gauge, or a counter that is kept elsewhere and copied here. */
  set(stat: string, value: number): void {
    this.#values[this.#columns.of(stat)] = value
  }

  /** A gauge of 64 bits. */
  setExact(stat: string, value: bigint): void {
    this.set(stat, Number(value))
    const column = this.#columns.of(stat)
    const known = this.#exact?.find(one => one.column === column)
    if (known !== undefined) known.value = value
    else this.#exact = [...(this.#exact ?? []), { column, value }]
  }

  /** Was it ever written? */
  isUsed(stat: string): boolean {
    return this.#values[this.#columns.of(stat)] !== undefined
  }

  /** By the stat's number in the template; undefined: never written. */
  valueAt(stat: number): number | undefined {
    const column = this.#columns.ofStat(stat)
    return column === undefined ? undefined : this.#values[column]
  }

  /** Of a gauge of 64 bits, by its number in the template; undefined: it is none. */
  exactAt(stat: number): bigint | undefined {
    const column = this.#exact === undefined ? undefined : this.#columns.ofStat(stat)
    return column === undefined ? undefined : this.#exact?.find(one => one.column === column)?.value
  }

  /** A whole number into a histogram. */
  record(histogram: string, value: number): void {
    const { template } = this.#columns
    const at = template.histograms.findIndex(row => row.name === histogram)
    if (at < 0) throw new Error(`stats: ${template.kind} has no histogram ${histogram}`)
    this.#recordings ??= new Array<Recording | undefined>(template.histograms.length)
    const recording = (this.#recordings[at] ??= { bins: new BinBuilder(), flushed: emptyBins, before: emptyBins })
    recording.bins.record(value)
  }

  hasRecorded(histogram: number): boolean {
    return this.#recordings?.[histogram] !== undefined
  }

  flush(): void {
    if (this.#recordings === undefined) return
    for (const recording of this.#recordings) {
      if (recording === undefined) continue
      recording.before = recording.flushed
      recording.flushed = recording.bins.build()
    }
  }

  cumulative(histogram: number): Bins {
    return this.#recordings?.[histogram]?.flushed ?? emptyBins
  }

  interval(histogram: number): Bins {
    return subtractBins(this.cumulative(histogram), this.#recordings?.[histogram]?.before ?? emptyBins)
  }

  resetCounters(): void {
    const { template } = this.#columns
    for (const [stat, { type }] of template.stats.entries()) {
      const column = type === 'gauge' ? undefined : this.#columns.ofStat(stat)
      if (column !== undefined && this.#values[column] !== undefined) this.#values[column] = 0
    }
  }
}
