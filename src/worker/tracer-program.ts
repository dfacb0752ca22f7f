import type { Counter, FilterContext } from '../api/context.js'
import type { SpanRecord, TracerHooks, TracerModule } from '../api/tracer.js'
import { Stage } from './script-addon.js'

export interface TracerParts {
  readonly definition: TracerModule
  readonly config: unknown
  readonly context: FilterContext
  /** Says that a hook threw. */
  readonly failed: (stage: number, error: unknown) => void
}

const decoder = new TextDecoder()

/** One instance of a tracer in this worker. */
export class ScriptTracer {
  readonly hookMask = 1 << Stage.log
  readonly #hooks: TracerHooks
  readonly #failed: TracerParts['failed']
  readonly #lost: Counter

  /** Throws what `create` throws. */
  constructor({ definition, config, context, failed }: TracerParts) {
    this.#failed = failed
    const create = definition.create as unknown as (config: unknown, context: FilterContext) => TracerHooks
    this.#hooks = create.call(definition, config, context)
    this.#lost = context.stats.counter('spans_lost')
  }

  /** Gives spans, lines of JSON, to the tracer. `dropped`: there was no room for so many more. One that fails does not keep the others from it. */
  run(lines: Uint8Array, dropped: number): void {
    if (dropped > 0) this.#lost.inc(dropped)
    for (const line of decoder.decode(lines).split('\n')) {
      if (line === '') continue
      try {
        this.#hooks.report(JSON.parse(line) as SpanRecord)
      } catch (error) {
        this.#failed(Stage.log, error)
      }
    }
  }
}
