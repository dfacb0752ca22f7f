// The one place where all statistics come together: what the workers counted, what main counted itself, text readouts,
// and the histograms as of the last flush. Main thread only.
import { type Bins, emptyBins, mergeBins, subtractBins } from './histogram.js'
import { MainColumns, MainScope } from './main-scope.js'
import { mainTemplates } from './main-templates.js'
import { responseCodeStat } from './names.js'
import { ReadingIndex } from './reading-index.js'
import type { KindTemplate, NativeStats, StatType, Unit } from './template.js'

export interface StatValue {
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly value: number
  /** Where `value` is rounded. */
  readonly exact?: bigint | undefined
  /** Was ever written (`usedonly`). */
  readonly used: boolean
}

export interface HistogramValue {
  readonly name: string
  readonly unit: Unit
  /** As of the last flush. */
  readonly cumulative: Bins
  /** What came between the last two flushes. */
  readonly interval: Bins
}

export interface TextReadout {
  readonly name: string
  readonly value: string
}

/** A kind of scope with all that is kept about its scopes. */
interface Family {
  readonly template: KindTemplate
  /** The addon's number; -1 when only main has it. */
  readonly native: number
  readonly index: ReadonlyMap<string, number>
  /** How often each name was declared and not yet forgotten. */
  readonly declared: Map<string, number>
  readonly main: Map<string, MainScope>
  readonly columns: MainColumns
  /** Workers' counters at the last /reset_counters. */
  readonly baseline: Map<string, { values: Float64Array; codes: ReadonlyMap<number, number> }>
  flushed: ReadingIndex | undefined
  before: ReadingIndex | undefined
}

/** One scope that is to be printed. `root` is all of its stats' names but the last part. */
interface Row {
  readonly root: string
  readonly name: string
  readonly family: Family
  readonly reading: ReadingIndex | undefined
  readonly row: number
}

export class StatsStore {
  readonly #native: NativeStats
  readonly #families = new Map<string, Family>()
  readonly #texts = new Map<string, string>()
  readonly #accepts: (name: string) => boolean
  readonly #orders = new Map<string, Slot[]>()

  /** `accepts`: stats_matcher; a stat whose name it refuses does not exist. Nor does one with a NUL in it, for those who look. */
  constructor(native: NativeStats, accepts: (name: string) => boolean = () => true) {
    this.#native = native
    this.#accepts = name => !name.includes('\0') && accepts(name)
    for (const [i, template] of native.statsTemplates().entries()) this.#addFamily(template, i)
    for (const template of mainTemplates) this.#addFamily(template, -1)
  }

  /** From now on all stats of the scope are printed, zeros too. Counted: the same name may be declared by several owners. */
  declare(kind: string, name: string): void {
    const { declared } = this.#family(kind)
    declared.set(name, (declared.get(name) ?? 0) + 1)
  }

  /** Takes one declaration back. After the last the scope is gone, with what workers counted once they let go of it. */
  forget(kind: string, name: string): void {
    const family = this.#family(kind)
    const owners = (family.declared.get(name) ?? 0) - 1
    if (owners > 0) {
      family.declared.set(name, owners)
      return
    }
    family.declared.delete(name)
    family.main.delete(name)
    family.baseline.delete(name)
    if (family.native >= 0) this.#native.dropScope(family.native, name)
  }

  /** What main counts itself in a scope; a scope that main counts in is printed until it is forgotten. */
  scope(kind: string, name: string): MainScope {
    const family = this.#family(kind)
    let scope = family.main.get(name)
    if (!scope) {
      scope = new MainScope(family.columns)
      family.main.set(name, scope)
    }
    return scope
  }

  setText(name: string, value: string): void {
    this.#texts.set(name, value)
  }

  forgetText(name: string): void {
    this.#texts.delete(name)
  }

  /** Every stats_flush_interval: the histograms' new interval begins. */
  flush(): void {
    for (const family of this.#families.values()) {
      if (family.native >= 0) {
        family.before = family.flushed
        family.flushed = new ReadingIndex(this.#native.readScopes(family.native))
      }
      for (const scope of family.main.values()) scope.flush()
    }
    this.#native.sweepScopes()
  }

  /** Counters begin at zero again; gauges and histograms stay, as in Envoy. */
  resetCounters(): void {
    for (const family of this.#families.values()) {
      for (const scope of family.main.values()) scope.resetCounters()
      if (family.native < 0) continue
      const reading = new ReadingIndex(this.#native.readScopes(family.native))
      const width = family.template.stats.length
      reading.reading.names.forEach((name, row) => {
        const codes = new Map<number, number>()
        const list = reading.codes(row) ?? []
        for (let i = 0; i < list.length; i += 2) codes.set(list[i] ?? 0, list[i + 1] ?? 0)
        family.baseline.set(name, { values: reading.reading.values.slice(row * width, (row + 1) * width), codes })
      })
    }
  }

  /** Text readouts in order of name. */
  texts(): TextReadout[] {
    return [...this.#texts, ...this.#versions()]
      .filter(([name]) => this.#accepts(name))
      .map(([name, value]) => ({ name, value }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  *#versions(): Generator<readonly [name: string, version: string]> {
    for (const { template, main } of this.#families.values())
      for (const [name, { version }] of main)
        if (version !== undefined) yield [`${template.prefix}${name}.version_text`, version]
  }

  /** Counters and gauges in order of name. */
  *scalars(): Generator<StatValue> {
    for (const group of groupsOf(this.#rows())) {
      for (const value of this.#groupScalars(group)) {
        if (this.#accepts(value.name)) yield value
      }
    }
  }

  /** Histograms in order of name, as of the last flush. */
  *histograms(): Generator<HistogramValue> {
    for (const group of groupsOf(this.#rows(family => family.template.histograms.length > 0))) {
      const values = group.flatMap(row => [...this.#rowHistograms(row)])
      values.sort((a, b) => (a.name < b.name ? -1 : 1))
      for (const value of values) if (this.#accepts(value.name)) yield value
    }
  }

  /** One counter or gauge; undefined when there is none of that name in the scope. For decisions and tests. */
  valueOf(kind: string, name: string, stat: string): number | undefined {
    const family = this.#family(kind)
    const at = family.index.get(stat)
    if (at === undefined) return undefined
    const reading = family.native < 0 ? undefined : new ReadingIndex(this.#native.readScope(family.native, name))
    return this.#valueAt({ root: '', name, family, reading, row: reading ? reading.row(name) : -1 }, at).value
  }

  #addFamily(declared: KindTemplate, native: number): void {
    const template = isNamed(declared) ? unnamed(declared) : declared
    const index = new Map(template.stats.map((stat, i) => [stat.name, i]))
    this.#families.set(template.kind, {
      template,
      native,
      index,
      columns: new MainColumns(template, index),
      declared: new Map(),
      main: new Map(),
      baseline: new Map(),
      flushed: undefined,
      before: undefined,
    })
  }

  #family(kind: string): Family {
    const family = this.#families.get(kind)
    if (!family) throw new Error(`stats: no kind of scope is called ${kind}`)
    return family
  }

  /** Every scope that is declared or that a worker has touched, in order of root. */
  #rows(wanted: (family: Family) => boolean = () => true): Row[] {
    const rows: Row[] = []
    for (const family of this.#families.values()) {
      if (!wanted(family)) continue
      const { prefix } = family.template
      const rootOf = (name: string) => (isNamed(family.template) ? name : `${prefix}${name}.`)
      const reading = family.native < 0 ? undefined : new ReadingIndex(this.#native.readScopes(family.native))
      const names = reading?.reading.names ?? []
      for (const [row, name] of names.entries()) rows.push({ root: rootOf(name), name, family, reading, row })
      for (const name of new Set([...family.declared.keys(), ...family.main.keys()])) {
        if (reading && reading.row(name) >= 0) continue
        rows.push({ root: rootOf(name), name, family, reading, row: -1 })
      }
    }
    return rows.sort((a, b) => (a.root < b.root ? -1 : a.root > b.root ? 1 : 0))
  }

  *#groupScalars(group: readonly Row[]): Generator<StatValue> {
    const root = group[0]?.root ?? ''
    const codes = group.flatMap(row => this.#rowCodes(row))
    const values: StatValue[] = []
    for (const slot of this.#orderOf(group)) {
      const row = group[slot.row] as Row
      const { value, used, exact } = this.#valueAt(row, slot.stat)
      if (slot.type === 'lazy_counter' && !used) continue
      const type = slot.type === 'gauge' ? 'gauge' : 'counter'
      values.push({ name: root + slot.suffix, type, value, used, ...(exact !== undefined && { exact }) })
    }
    if (codes.length > 0) {
      values.push(...codes)
      values.sort((a, b) => (a.name < b.name ? -1 : 1))
    }
    yield* mergeSameNames(values)
  }

  /** The order of a group's stats; the same for all groups that are made of the same kinds. */
  #orderOf(group: readonly Row[]): Slot[] {
    const root = group[0]?.root ?? ''
    const signature = group.map(row => `${row.family.template.kind}:${row.root.slice(root.length)}`).join('|')
    let order = this.#orders.get(signature)
    if (!order) {
      order = group.flatMap(({ family, root: own }, row) =>
        family.template.stats.map(({ name, type }, stat) => ({
          suffix: own.slice(root.length) + name,
          row,
          stat,
          type,
        })),
      )
      order.sort((a, b) => (a.suffix < b.suffix ? -1 : 1))
      if (this.#orders.size > 1000) this.#orders.clear()
      this.#orders.set(signature, order)
    }
    return order
  }

  #valueAt(row: Row, stat: number): { value: number; used: boolean; exact: bigint | undefined } {
    const { family, name } = row
    const main = family.main.get(name)
    const own = main?.valueAt(stat)
    let value = own ?? 0
    let used = own !== undefined
    if (row.reading && row.row >= 0) {
      const at = row.row * family.template.stats.length + stat
      value += row.reading.reading.values[at] ?? 0
      used ||= row.reading.reading.used[at] === 1
      if (family.template.stats[stat]?.type !== 'gauge') value -= family.baseline.get(name)?.values[stat] ?? 0
    }
    return { value, used, exact: main?.exactAt(stat) }
  }

  #rowCodes(row: Row): StatValue[] {
    const list = (row.row >= 0 && row.reading?.codes(row.row)) || []
    const baseline = row.family.baseline.get(row.name)?.codes
    const out: StatValue[] = []
    for (let i = 0; i < list.length; i += 2) {
      const id = list[i] ?? 0
      const value = (list[i + 1] ?? 0) - (baseline?.get(id) ?? 0)
      out.push({ name: row.root + responseCodeStat(id), type: 'counter', value, used: true })
    }
    return out
  }

  *#rowHistograms(row: Row): Generator<HistogramValue> {
    const { family, name } = row
    const main = family.main.get(name)
    const { flushed, before } = family
    const flushedRow = flushed?.row(name) ?? -1
    const beforeRow = before?.row(name) ?? -1
    for (const [i, template] of family.template.histograms.entries()) {
      const exists = (row.row >= 0 && row.reading?.hasHistogram(row.row, i) === true) || main?.hasRecorded(i) === true
      if (template.lazy && !exists) continue
      const workers = flushed && flushedRow >= 0 ? flushed.bins(flushedRow, i) : emptyBins
      const workersBefore = before && beforeRow >= 0 ? before.bins(beforeRow, i) : emptyBins
      yield {
        name: row.root + template.name,
        unit: template.unit,
        cumulative: mergeBins(workers, main?.cumulative(i) ?? emptyBins),
        interval: mergeBins(subtractBins(workers, workersBefore), main?.interval(i) ?? emptyBins),
      }
    }
  }
}

/** A stat's place in the order of a group. */
interface Slot {
  readonly suffix: string
  readonly row: number
  readonly stat: number
  readonly type: StatType
}

/** The scope's name is the whole name of its one stat (native/stats/templates.h). */
function isNamed(template: KindTemplate): boolean {
  return template.kind.startsWith('named_')
}

function unnamed(template: KindTemplate): KindTemplate {
  return {
    ...template,
    stats: template.stats.map(stat => ({ ...stat, name: '' })),
    histograms: template.histograms.map(histogram => ({ ...histogram, name: '' })),
  }
}

/** Scopes below one another ("cluster.a.", "cluster.a.external.") belong together, because their stats' names interleave. */
function* groupsOf(rows: readonly Row[]): Generator<Row[]> {
  let group: Row[] = []
  for (const row of rows) {
    const first = group[0]
    if (first && !row.root.startsWith(first.root)) {
      yield group
      group = []
    }
    group.push(row)
  }
  if (group.length > 0) yield group
}

/** Two kinds may have a stat of one full name (a virtual cluster and a route cannot, but names are the users'). */
function* mergeSameNames(values: readonly StatValue[]): Generator<StatValue> {
  let last: StatValue | undefined
  for (const value of values) {
    if (last && last.name === value.name) {
      last = { ...last, value: last.value + value.value, used: last.used || value.used }
      continue
    }
    if (last) yield last
    last = value
  }
  if (last) yield last
}
