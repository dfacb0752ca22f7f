// A NativeStats for tests: the kinds are read from native/stats/templates.h itself, the values are what the test says.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { BinBuilder } from './histogram.js'
import type {
  HistogramTemplate,
  KindTemplate,
  NativeStats,
  ScopeReading,
  StatTemplate,
  StatType,
  Unit,
} from './template.js'

export const repositoryRoot = fileURLToPath(new URL('../../', import.meta.url))

export function golden(name: string): string {
  return readFileSync(`${repositoryRoot}test/golden/${name}`, 'utf8')
}

function readTemplates(): KindTemplate[] {
  const text = readFileSync(`${repositoryRoot}native/stats/templates.h`, 'utf8').replace(/\\\n/g, ' ')
  const lists = new Map(
    [...text.matchAll(/#define (NUNCIO_\w+_STATS)\([^)]*\)(.*)/g)].map(m => [m[1] ?? '', m[2] ?? '']),
  )
  return [...text.matchAll(/KIND\((\w+), (\w+), "([^"]*)", (\w+)\)/g)].map(
    ([, , kind = '', prefix = '', list = '']) => {
      const stats: StatTemplate[] = []
      const histograms: HistogramTemplate[] = []
      for (const [, row = '', name = '', unit = ''] of (lists.get(list) ?? '').matchAll(
        /(\w+)\((\w+)(?:, k(\w+))?\)/g,
      )) {
        if (row.endsWith('HISTOGRAM')) {
          histograms.push({ name, unit: unit.toLowerCase() as Unit, lazy: row.startsWith('LAZY') })
        } else stats.push({ name, type: row.toLowerCase() as StatType })
      }
      // The addon gives its enumerators in the order counter, gauge of the list; names decide, so order does not matter here.
      return { kind, prefix, stats, histograms }
    },
  )
}

interface Scope {
  readonly values: Map<string, number>
  readonly codes: Map<number, number>
  readonly histograms: Map<string, BinBuilder>
}

export class TestNativeStats implements NativeStats {
  readonly #templates = readTemplates()
  readonly #scopes = new Map<string, Map<string, Scope>>()
  readonly dropped: string[] = []

  add(kind: string, name: string, stat: string, value: number): void {
    const { values } = this.#scope(kind, name)
    values.set(stat, (values.get(stat) ?? 0) + value)
  }

  addCode(kind: string, name: string, id: number, value = 1): void {
    const { codes } = this.#scope(kind, name)
    codes.set(id, (codes.get(id) ?? 0) + value)
  }

  addBin(kind: string, name: string, histogram: string, mantissa: number, exponent: number, count: number): void {
    const { histograms } = this.#scope(kind, name)
    const builder = histograms.get(histogram) ?? new BinBuilder()
    builder.add(mantissa, exponent, count)
    histograms.set(histogram, builder)
  }

  statsTemplates(): readonly KindTemplate[] {
    return this.#templates
  }

  readScopes(kind: number): ScopeReading {
    return this.#read(kind, () => true)
  }

  readScope(kind: number, name: string): ScopeReading {
    return this.#read(kind, scope => scope === name)
  }

  dropScope(kind: number, name: string): void {
    const template = this.#templates[kind]
    this.dropped.push(`${template?.kind} ${name}`)
    this.#scopes.get(template?.kind ?? '')?.delete(name)
  }

  sweepScopes(): void {}

  #scope(kind: string, name: string): Scope {
    const family = this.#scopes.get(kind) ?? new Map<string, Scope>()
    this.#scopes.set(kind, family)
    const scope = family.get(name) ?? { values: new Map(), codes: new Map(), histograms: new Map() }
    family.set(name, scope)
    return scope
  }

  #read(kind: number, wanted: (name: string) => boolean): ScopeReading {
    const template = this.#templates[kind] as KindTemplate
    const scopes = [...(this.#scopes.get(template.kind) ?? [])].filter(([name]) => wanted(name))
    const values: number[] = []
    const used: number[] = []
    const codes: number[] = []
    const histograms: number[] = []
    scopes.forEach(([, scope], row) => {
      for (const { name } of template.stats) {
        values.push(scope.values.get(name) ?? 0)
        used.push(scope.values.has(name) ? 1 : 0)
      }
      for (const [id, count] of scope.codes) codes.push(row, id, count)
      for (const [name, builder] of scope.histograms) {
        const bins = builder.build()
        histograms.push(
          row,
          template.histograms.findIndex(one => one.name === name),
          bins.counts.length,
        )
        for (const [i, count] of bins.counts.entries())
          histograms.push(bins.mantissas[i] ?? 0, bins.exponents[i] ?? 0, count)
      }
    })
    return {
      names: scopes.map(([name]) => name),
      values: Float64Array.from(values),
      used: Uint8Array.from(used),
      codes: Float64Array.from(codes),
      histograms: Float64Array.from(histograms),
    }
  }
}
