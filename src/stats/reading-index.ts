import { type Bins, emptyBins } from './histogram.js'
import type { ScopeReading } from './template.js'

/** Finds rows, response codes and histograms in the flat arrays of a reading. Made on first use, only of what is asked. */
export class ReadingIndex {
  readonly reading: ScopeReading
  #rows: Map<string, number> | undefined
  #codes: Map<number, number[]> | undefined
  #histograms: Map<number, number> | undefined

  constructor(reading: ScopeReading) {
    this.reading = reading
  }

  /** The row of a scope, or -1. */
  row(name: string): number {
    this.#rows ??= new Map(this.reading.names.map((scope, row) => [scope, row]))
    return this.#rows.get(name) ?? -1
  }

  /** [id, count, id, count…] of a row; undefined when it has none. */
  codes(row: number): readonly number[] | undefined {
    if (!this.#codes) {
      this.#codes = new Map()
      const { codes } = this.reading
      for (let i = 0; i < codes.length; i += 3) {
        const at = codes[i] ?? 0
        const list = this.#codes.get(at)
        if (list) list.push(codes[i + 1] ?? 0, codes[i + 2] ?? 0)
        else this.#codes.set(at, [codes[i + 1] ?? 0, codes[i + 2] ?? 0])
      }
    }
    return this.#codes.get(row)
  }

  hasHistogram(row: number, histogram: number): boolean {
    return this.#offset(row, histogram) !== undefined
  }

  bins(row: number, histogram: number): Bins {
    const offset = this.#offset(row, histogram)
    if (offset === undefined) return emptyBins
    const { histograms } = this.reading
    const mantissas: number[] = []
    const exponents: number[] = []
    const counts: number[] = []
    const size = histograms[offset] ?? 0
    for (let i = 0; i < size; ++i) {
      mantissas.push(histograms[offset + 1 + i * 3] ?? 0)
      exponents.push(histograms[offset + 2 + i * 3] ?? 0)
      counts.push(histograms[offset + 3 + i * 3] ?? 0)
    }
    return { mantissas, exponents, counts }
  }

  /** Where the size of the histogram stands. */
  #offset(row: number, histogram: number): number | undefined {
    const { histograms } = this.reading
    if (!this.#histograms) {
      this.#histograms = new Map()
      for (let i = 0; i < histograms.length; i += 3 + 3 * (histograms[i + 2] ?? 0)) {
        this.#histograms.set((histograms[i] ?? 0) * 16 + (histograms[i + 1] ?? 0), i + 2)
      }
    }
    return this.#histograms.get(row * 16 + histogram)
  }
}
