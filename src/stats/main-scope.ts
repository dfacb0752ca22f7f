import { BinBuilder, type Bins, emptyBins, subtractBins } from './histogram.js'
import type { KindTemplate } from './template.js'

/** What the main thread itself counts for one scope. Workers' counts for the same scope are added when it is read. */
export class MainScope {
  readonly #index: ReadonlyMap<string, number>
  readonly #template: KindTemplate
  readonly values: Float64Array
  readonly used: Uint8Array
  readonly #recording: (BinBuilder | undefined)[]
  #flushed: (Bins | undefined)[]
  #before: (Bins | undefined)[]

  constructor(template: KindTemplate, index: ReadonlyMap<string, number>) {
    this.#template = template
    this.#index = index
    this.values = new Float64Array(template.stats.length)
    this.used = new Uint8Array(template.stats.length)
    this.#recording = new Array(template.histograms.length)
    this.#flushed = new Array(template.histograms.length)
    this.#before = new Array(template.histograms.length)
  }

  /** Counter or gauge; a counter that had 0 added counts as used, as in Envoy. */
  inc(stat: string, by = 1): void {
    const at = this.#at(stat)
    this.values[at] = (this.values[at] ?? 0) + by
    this.used[at] = 1
  }

  dec(gauge: string, by = 1): void {
    this.inc(gauge, -by)
  }

  /** A gauge, or a counter that is kept elsewhere and copied here. */
  set(stat: string, value: number): void {
    const at = this.#at(stat)
    this.values[at] = value
    this.used[at] = 1
  }

  /** Was it ever written? */
  isUsed(stat: string): boolean {
    return this.used[this.#at(stat)] === 1
  }

  /** A whole number into a histogram. */
  record(histogram: string, value: number): void {
    const at = this.#template.histograms.findIndex(row => row.name === histogram)
    if (at < 0) throw new Error(`stats: ${this.#template.kind} has no histogram ${histogram}`)
    const recording = (this.#recording[at] ??= new BinBuilder())
    recording.record(value)
  }

  hasRecorded(histogram: number): boolean {
    return this.#recording[histogram] !== undefined
  }

  flush(): void {
    this.#before = this.#flushed
    this.#flushed = this.#recording.map(recording => recording?.build())
  }

  cumulative(histogram: number): Bins {
    return this.#flushed[histogram] ?? emptyBins
  }

  interval(histogram: number): Bins {
    return subtractBins(this.cumulative(histogram), this.#before[histogram] ?? emptyBins)
  }

  resetCounters(): void {
    this.#template.stats.forEach((row, i) => {
      if (row.type !== 'gauge') this.values[i] = 0
    })
  }

  #at(stat: string): number {
    const at = this.#index.get(stat)
    if (at === undefined) throw new Error(`stats: ${this.#template.kind} has no stat ${stat}`)
    return at
  }
}
