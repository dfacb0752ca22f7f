import { fromJson } from '@bufbuild/protobuf'
import type { FilterContext, FilterLog } from '../api/context.js'
import type { ConfigSchema } from '../api/schema.js'
import { configReader, issueText } from '../script/read-config.js'
import { CallTable } from '../worker/call-table.js'
import { ClusterClient } from '../worker/cluster-client.js'
import { makeFilterContext } from '../worker/filter-context.js'
import { MemoryAddon } from './memory-addon.js'
import type { TestCluster } from './memory-calls.js'

/** What tests of every kind of filter have in common. */
export interface UnderTest {
  /** By name, without the filter's own: `denied`. */
  stat(name: string): number
  /** What it logged, "level: text" each. */
  readonly log: readonly string[]
  /** Errors of hooks that threw or rejected, in order. */
  readonly errors: readonly unknown[]
  /** Ends the filter: its context's signal is aborted. */
  close(): void
}

/** Statistics, log and errors of one filter, in memory. */
export class Surroundings implements UnderTest {
  readonly log: string[] = []
  readonly errors: unknown[] = []
  readonly addon: MemoryAddon
  readonly context: FilterContext
  readonly #ended = new AbortController()

  /** `clusters`: who answers the filter's calls. */
  constructor(name: string, clusters: Readonly<Record<string, TestCluster>> = {}) {
    this.addon = new MemoryAddon(() => performance.now(), clusters)
    const calls = new CallTable(this.addon)
    this.addon.calls.tell = (stage, number, flag, chunk) => calls.dispatch(stage, number, flag, chunk)
    const line = (level: keyof FilterLog) => (message: string) => void this.log.push(`${level}: ${message}`)
    this.context = makeFilterContext({
      addon: this.addon,
      name,
      statPrefix: name,
      workerIndex: 0,
      log: { debug: line('debug'), info: line('info'), warning: line('warning'), error: line('error') },
      signal: this.#ended.signal,
      clusters: new ClusterClient(calls),
    })
  }

  readonly failed = (_stage: number, error: unknown): void => void this.errors.push(error)

  stat(name: string): number {
    const value = this.addon.stats.get(`${this.context.name}.${name}`)
    if (value === undefined) throw new Error(`the filter opened no statistic '${name}'`)
    return value
  }

  close(): void {
    this.#ended.abort()
  }
}

/** Settings as the filter's schema reads them. Throws a TypeError for those that it refuses. */
export function readSettings(schema: ConfigSchema, json: unknown): unknown {
  const config = configReader(schema, fromJson)(json)
  if (!config.ok) throw new TypeError(config.error.map(issueText).join('; '))
  return config.value
}
