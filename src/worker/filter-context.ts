import type { NativeTool } from '../api/native-tool.js'
import type {
  Counter,
  FilterClock,
  FilterContext,
  FilterLog,
  FilterStats,
  Gauge,
  Histogram,
  Shared,
  SharedCounter,
  TokenBucket,
} from '../api/context.js'
import type { BuiltInContext } from '../api/built-in.js'
import type { Clusters } from '../api/clusters.js'
import type { StreamAddon } from './script-addon.js'

export interface ContextParts {
  readonly addon: StreamAddon
  readonly name: string
  readonly statPrefix: string
  readonly workerIndex: number
  readonly log: FilterLog
  readonly signal: AbortSignal
  readonly clusters: Clusters
}

/** What `create` is given. */
export function makeFilterContext(parts: ContextParts): FilterContext {
  const { addon, name, statPrefix, workerIndex, log, signal, clusters } = parts
  // As many as the filter's settings have.
  const tools = new Map<string, NativeTool>()
  const tool = (text: string): NativeTool => {
    const known = tools.get(text)
    if (known !== undefined) return known
    const made = { native: addon.toolOpen(Buffer.from(text, 'base64')) }
    tools.set(text, made)
    return made
  }
  // `counter` and tools: of built-in filters (src/api/built-in.ts).
  const context: FilterContext & BuiltInContext = {
    counter: full => new Stat(addon, addon.statOpen('counter', full)),
    tool,
    matchesText: (tool, text) => addon.toolMatchesText(tool.native, text),
    covers: tool => addon.toolCovers(tool.native),
    runtimeInteger: (key, fallback) => addon.runtimeInteger(key, fallback),
    name,
    workerIndex,
    log,
    signal,
    clusters,
    stats: new NamedStats(addon, statPrefix),
    clock: systemClock,
    shared: new SharedCells(addon, name),
  }
  return Object.freeze(context)
}

const systemClock: FilterClock = Object.freeze({ monotonicMs: () => performance.now(), wallMs: () => Date.now() })

class NamedStats implements FilterStats {
  readonly #addon: StreamAddon
  readonly #prefix: string

  constructor(addon: StreamAddon, prefix: string) {
    this.#addon = addon
    this.#prefix = prefix
  }

  counter(name: string): Counter {
    return new Stat(this.#addon, this.#addon.statOpen('counter', `${this.#prefix}.${name}`))
  }

  gauge(name: string): Gauge {
    return new Stat(this.#addon, this.#addon.statOpen('gauge', `${this.#prefix}.${name}`))
  }

  histogram(name: string, unit: 'milliseconds' | 'unspecified' = 'unspecified'): Histogram {
    const kind = unit === 'milliseconds' ? 'time' : 'histogram'
    return new Stat(this.#addon, this.#addon.statOpen(kind, `${this.#prefix}.${name}`))
  }
}

class Stat implements Counter, Gauge, Histogram {
  readonly #addon: StreamAddon
  readonly #stat: number

  constructor(addon: StreamAddon, stat: number) {
    this.#addon = addon
    this.#stat = stat
  }

  inc(by = 1): void {
    this.#addon.statAdd(this.#stat, by)
  }

  dec(by = 1): void {
    this.#addon.statAdd(this.#stat, -by)
  }

  record(value: number): void {
    this.#addon.statAdd(this.#stat, value)
  }
}

class SharedCells implements Shared {
  readonly #addon: StreamAddon
  readonly #prefix: string

  constructor(addon: StreamAddon, prefix: string) {
    this.#addon = addon
    this.#prefix = prefix
  }

  counter(name: string): SharedCounter {
    const cell = this.#addon.sharedCell(`${this.#prefix}.${name}`)
    return { add: by => this.#addon.sharedAdd(cell, by), get: () => this.#addon.sharedAdd(cell, 0) }
  }

  tokenBucket(name: string, { perSecond, burst }: { perSecond: number; burst: number }): TokenBucket {
    if (!(perSecond >= 0) || !(burst > 0))
      throw new RangeError(`tokenBucket('${name}'): perSecond must not be negative, and burst must be more than 0`)
    const bucket = this.#addon.sharedBucket(`${this.#prefix}.${name}`, perSecond, burst)
    return { take: (tokens = 1) => this.#addon.bucketTake(bucket, tokens) }
  }
}
