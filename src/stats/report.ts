import { defaultBuckets } from './histogram.js'
import { statsJson } from './json.js'
import { compilePattern } from './pattern.js'
import { statsPrometheus } from './prometheus.js'
import type { StatsQuery } from './query.js'
import { defaultStatsSettings, type StatsSettings } from './settings.js'
import type { StatsStore } from './store.js'
import { TagExtractors } from './tags.js'
import { type BucketsOf, statsText } from './text.js'

/** Prints a store under a stats_config. */
export class StatsReport {
  readonly #store: StatsStore
  readonly #tags: TagExtractors
  readonly #bucketsOf: BucketsOf

  constructor(store: StatsStore, settings: StatsSettings = defaultStatsSettings) {
    this.#store = store
    this.#tags = new TagExtractors(settings)
    const buckets = settings.buckets.map(({ match, bounds }) => ({ matches: compilePattern(match), bounds }))
    this.#bucketsOf = name => buckets.find(({ matches }) => matches(name))?.bounds ?? defaultBuckets
  }

  text(query: StatsQuery): Generator<string> {
    return statsText(this.#store, query, this.#bucketsOf)
  }

  json(query: StatsQuery): Generator<string> {
    return statsJson(this.#store, query, this.#bucketsOf)
  }

  prometheus(query: StatsQuery): Generator<string> {
    return statsPrometheus(this.#store, query, { tags: this.#tags, bucketsOf: this.#bucketsOf })
  }
}
