import type { HttpFilterHooks, HttpFilterModule } from '../api/http-filter.js'
import type { FilterContext } from '../api/context.js'
import { httpHookNames } from '../threads/hook-names.js'
import { running } from './current-stream.js'
import { HeadHabits } from './head-frame.js'
import { HeaderView } from './header-view.js'
import { Outcome, Part, type StreamAddon, Stage } from './script-addon.js'
import type { StreamParts } from './stream-parts.js'
import { heldBack, ResponseView, StreamView } from './stream-view.js'

type Hooks = HttpFilterHooks<unknown, unknown>

export interface ProgramParts {
  readonly streams: StreamParts
  readonly name: string
  readonly definition: HttpFilterModule
  readonly config: unknown
  readonly context: FilterContext
  /** Reads the settings of a route; they were checked when the configuration was. */
  readonly readRouteConfig: (json: unknown) => unknown
  /** Says that a hook threw or rejected. */
  readonly failed: (stage: number, error: unknown) => void
  /** Takes how long a hook ran, where that is measured. */
  readonly took?: (us: number) => void
}

// A clock costs more than a small hook: one call in so many is timed.
const timedOf = 256
// A name of this module is found sooner than a global one.
const clock = performance

// Settings of routes that went are not told; so many distinct ones are kept.
const maxRouteConfigs = 4096

/** One instance of an HTTP filter in this worker: its hooks, and how a stage is given to them. */
export class ScriptHttpFilter {
  readonly name: string
  /** Bit by stage. */
  readonly hookMask: number
  readonly parts: StreamParts
  readonly makeState: (() => unknown) | undefined
  readonly #addon: StreamAddon
  readonly #hooks: Hooks
  readonly #given: ProgramParts
  readonly #requestHabits = new HeadHabits()
  readonly #responseHabits = new HeadHabits()
  /** There are hooks after that for the request's head. */
  readonly #hasLater: boolean
  #runs = 0
  readonly #routeConfigs = new Map<number, unknown>()

  /** Throws what `create` throws. */
  constructor(parts: ProgramParts) {
    this.#given = parts
    this.parts = parts.streams
    this.#addon = parts.streams.addon
    this.name = parts.name
    this.makeState = parts.definition.state as (() => unknown) | undefined
    const create = parts.definition.create as unknown as (config: unknown, context: FilterContext) => unknown
    const hooks = create.call(parts.definition, parts.config, parts.context)
    if (typeof hooks !== 'object' || hooks === null) throw new TypeError('create() must return an object with hooks')
    this.#hooks = hooks as Hooks
    this.hookMask = httpHookNames.reduce(
      (mask, hook, stage) => (typeof this.#hooks[hook] === 'function' ? mask | (1 << stage) : mask),
      0,
    )
    this.#hasLater = (this.hookMask & ~(1 << Stage.requestHeaders)) !== 0
  }

  habits(stage: number): HeadHabits {
    return stage === Stage.requestHeaders ? this.#requestHabits : this.#responseHabits
  }

  /** Gives a head to its hook, while the frame has its headers. */
  runHead(stage: number, handle: number, entry: number): number {
    const parts = this.parts
    const known = stage === Stage.requestHeaders ? undefined : parts.find(handle)
    const view = known ?? new StreamView(this, handle)
    // Before the hook, which may make the stream end.
    if (known === undefined && this.#hasLater) parts.keep(view)
    parts.frame.enter(handle, this.habits(stage), entry)
    const outcome = (++this.#runs & (timedOf - 1)) === 0 ? this.#timed(stage, view) : this.run(stage, view, undefined)
    if (outcome === Outcome.waiting) parts.keep(view)
    return outcome
  }

  #timed(stage: number, view: StreamView): number {
    const began = clock.now()
    const outcome = this.run(stage, view, undefined)
    this.#given.took?.((clock.now() - began) * 1000)
    return outcome
  }

  routeConfig(settings: number, text: () => string): unknown {
    if (this.#routeConfigs.has(settings)) return this.#routeConfigs.get(settings)
    if (this.#routeConfigs.size >= maxRouteConfigs) this.#routeConfigs.clear()
    const config = this.#given.readRouteConfig(JSON.parse(text()))
    this.#routeConfigs.set(settings, config)
    return config
  }

  /** Gives a stage to its hook. The answer is one of `Outcome`. */
  run(stage: number, view: StreamView, chunk: Uint8Array | undefined): number {
    // Its own answer comes by its hooks for the response, too; what they do to it counts for those who asked for that.
    const repliedBefore = view.hasReplied && view.followsReply
    running.enter(view)
    try {
      const result = this.#call(stage, view, chunk)
      if (result === undefined && (!view.hasReplied || repliedBefore)) return Outcome.goOn
      if (isPromise(result)) {
        this.#follow(stage, view, result, repliedBefore)
        return Outcome.waiting
      }
      return this.#outcome(view, result, repliedBefore)
    } catch (error) {
      this.#given.failed(stage, error)
      return view.hasReplied && !repliedBefore ? Outcome.replied : Outcome.failed
    } finally {
      running.leave()
    }
  }

  #call(stage: number, view: StreamView, chunk: Uint8Array | undefined): unknown {
    if (stage === Stage.requestHeaders) return this.#hooks.onRequestHeaders?.(view, view)
    return this.#callLater(stage, view, chunk)
  }

  #callLater(stage: number, view: StreamView, chunk: Uint8Array | undefined): unknown {
    const hooks = this.#hooks
    switch (stage) {
      case Stage.requestData:
        return hooks.onRequestData?.(chunk as Uint8Array, view)
      case Stage.requestTrailers:
        return hooks.onRequestTrailers?.(new HeaderView(this.parts.frame, view.handle, Part.requestTrailers), view)
      case Stage.responseHeaders:
        return hooks.onResponseHeaders?.(new ResponseView(this.parts, view.handle), view)
      case Stage.responseData:
        return hooks.onResponseData?.(chunk as Uint8Array, view)
      case Stage.responseTrailers:
        return hooks.onResponseTrailers?.(new HeaderView(this.parts.frame, view.handle, Part.responseTrailers), view)
      default:
        return hooks.onComplete?.(view)
    }
  }

  #outcome(view: StreamView, result: unknown, repliedBefore: boolean): number {
    if (view.hasReplied && !repliedBefore) return Outcome.replied
    if (result === heldBack) return Outcome.held
    if (result instanceof Uint8Array) {
      this.#addon.scriptChunk(view.handle, result)
      return Outcome.changed
    }
    return Outcome.goOn
  }

  #follow(stage: number, view: StreamView, promise: PromiseLike<unknown>, repliedBefore: boolean): void {
    // A thenable of somebody's own may answer while the hook still runs.
    Promise.resolve(promise).then(
      result => {
        // The stream may be gone by now, and then nobody waits.
        if (view.isOver) return
        const isHeld = result === heldBack
        if (isHeld)
          this.#given.failed(
            stage,
            new TypeError('hold() was returned by a promise, which holds the message by itself'),
          )
        this.#addon.streamResume(
          view.handle,
          stage,
          isHeld ? Outcome.failed : this.#outcome(view, result, repliedBefore),
        )
      },
      (error: unknown) => {
        if (view.isOver) return
        this.#given.failed(stage, error)
        this.#addon.streamResume(
          view.handle,
          stage,
          view.hasReplied && !repliedBefore ? Outcome.replied : Outcome.failed,
        )
      },
    )
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as PromiseLike<unknown>).then === 'function'
}
