import type { AccessLoggerHooks, AccessLoggerModule } from '../api/access-logger.js'
import type { FilterContext } from '../api/context.js'
import { Stage } from './script-addon.js'

export interface AccessLoggerParts {
  readonly definition: AccessLoggerModule
  readonly config: unknown
  readonly context: FilterContext
  /** Says that a hook threw or rejected. */
  readonly failed: (stage: number, error: unknown) => void
}

const decoder = new TextDecoder()

/** One instance of an access logger in this worker. */
export class ScriptAccessLogger {
  readonly hookMask = 1 << Stage.log
  readonly #hooks: AccessLoggerHooks<unknown>
  readonly #failed: AccessLoggerParts['failed']
  readonly #dropped: (entries: number) => void

  /** Throws what `create` throws. */
  constructor({ definition, config, context, failed }: AccessLoggerParts) {
    this.#failed = failed
    const create = definition.create as unknown as (config: unknown, context: FilterContext) => unknown
    const hooks = create.call(definition, config, context) as AccessLoggerHooks<unknown> | null | undefined
    if (typeof hooks?.log !== 'function') throw new TypeError('create() must return an object with the hook log()')
    this.#hooks = hooks
    const dropped = context.stats.counter('entries_dropped')
    this.#dropped = entries => dropped.inc(entries)
  }

  /** Gives a batch of entries, lines of JSON, to the hook. One that fails does not keep the others from it. */
  run(lines: Uint8Array, dropped: number): void {
    if (dropped > 0) this.#dropped(dropped)
    for (const line of decoder.decode(lines).split('\n'))
      if (line !== '') this.#guarded(() => this.#hooks.log(JSON.parse(line)))
    this.#guarded(() => this.#hooks.flush?.())
  }

  #guarded(call: () => unknown): void {
    try {
      const result = call()
      // Declared to return nothing, but an async function is one of those too: its rejection belongs to nobody else.
      if (result instanceof Promise) result.catch((error: unknown) => this.#failed(Stage.log, error))
    } catch (error) {
      this.#failed(Stage.log, error)
    }
  }
}
