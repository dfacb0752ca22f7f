import type { FilterContext } from '../api/context.js'
import type { ListenerFilterHooks, ListenerFilterModule } from '../api/listener-filter.js'
import type { NetworkFilterHooks, NetworkFilterModule } from '../api/network-filter.js'
import { AcceptedConnectionView, type GuestView, moreBytes, NetworkConnectionView } from './connection-view.js'
import { Outcome, type ConnectionAddon, Stage } from './script-addon.js'

export interface ConnectionProgramParts {
  readonly addon: ConnectionAddon
  readonly definition: NetworkFilterModule | ListenerFilterModule
  readonly config: unknown
  readonly context: FilterContext
  /** Says that a hook threw or rejected. */
  readonly failed: (stage: number, error: unknown) => void
}

type NetworkHooks = NetworkFilterHooks<unknown>
type ListenerHooks = ListenerFilterHooks<unknown>

const networkStages: readonly (readonly [stage: number, hook: keyof NetworkHooks])[] = [
  [Stage.connection, 'onNewConnection'],
  [Stage.connectionData, 'onData'],
  [Stage.connectionWrite, 'onWrite'],
  [Stage.connectionClosed, 'onClose'],
]
const listenerStages: readonly (readonly [stage: number, hook: keyof ListenerHooks])[] = [
  [Stage.accept, 'onAccept'],
  [Stage.acceptData, 'onData'],
  [Stage.acceptEnd, 'onEnd'],
]

/** One instance of a network or listener filter in this worker: its hooks, and how a stage is given to them. */
export class ScriptConnectionFilter {
  /** Bit by stage. */
  readonly hookMask: number
  readonly makeState: (() => unknown) | undefined
  readonly #addon: ConnectionAddon
  readonly #hooks: NetworkHooks & ListenerHooks
  readonly #isListener: boolean
  readonly #failed: ConnectionProgramParts['failed']

  /** Throws what `create` throws. */
  constructor({ addon, definition, config, context, failed }: ConnectionProgramParts) {
    this.#addon = addon
    this.#failed = failed
    this.#isListener = definition.kind === 'listener-filter'
    this.makeState = definition.state as (() => unknown) | undefined
    const create = definition.create as unknown as (config: unknown, context: FilterContext) => unknown
    const hooks = create.call(definition, config, context)
    if (typeof hooks !== 'object' || hooks === null) throw new TypeError('create() must return an object with hooks')
    this.#hooks = hooks as NetworkHooks & ListenerHooks
    const stages: readonly (readonly [number, string])[] = this.#isListener ? listenerStages : networkStages
    this.hookMask = stages.reduce(
      (mask, [stage, hook]) =>
        typeof (hooks as Record<string, unknown>)[hook] === 'function' ? mask | (1 << stage) : mask,
      0,
    )
  }

  newView(handle: number): GuestView {
    return this.#isListener
      ? new AcceptedConnectionView(this.#addon, this, handle)
      : new NetworkConnectionView(this.#addon, this, handle)
  }

  /** Gives a stage to its hook. The answer is one of `Outcome`. */
  run(stage: number, view: GuestView, chunk: Uint8Array | undefined, isEnd: boolean): number {
    try {
      const result = this.#call(stage, view, chunk as Uint8Array, isEnd)
      if (isPromise(result)) {
        this.#follow(stage, view, result)
        return Outcome.waiting
      }
      return this.#outcome(view, result)
    } catch (error) {
      this.#failed(stage, error)
      return Outcome.failed
    }
  }

  #call(stage: number, view: GuestView, chunk: Uint8Array, isEnd: boolean): unknown {
    const hooks = this.#hooks
    switch (stage) {
      case Stage.connection:
        return hooks.onNewConnection?.(view as NetworkConnectionView)
      case Stage.connectionData:
        return (hooks.onData as NetworkHooks['onData'])?.(chunk, view as NetworkConnectionView, isEnd)
      case Stage.connectionWrite:
        return hooks.onWrite?.(chunk, view as NetworkConnectionView, isEnd)
      case Stage.connectionClosed:
        return hooks.onClose?.(view as NetworkConnectionView)
      case Stage.accept:
        return hooks.onAccept?.(view as AcceptedConnectionView)
      case Stage.acceptData:
        return (hooks.onData as ListenerHooks['onData'])?.(chunk, view as AcceptedConnectionView)
      default:
        return hooks.onEnd?.(view as AcceptedConnectionView)
    }
  }

  #outcome(view: GuestView, result: unknown): number {
    if (view.isRefused) return Outcome.refused
    if (result === moreBytes) return Outcome.more
    if (result instanceof Uint8Array) {
      if (!view.isOver) this.#addon.connectionChunk(view.handle, result)
      return Outcome.changed
    }
    return Outcome.goOn
  }

  #follow(stage: number, view: GuestView, promise: PromiseLike<unknown>): void {
    promise.then(
      result => {
        // The connection may be gone by now, and then nobody waits.
        if (!view.isOver) this.#addon.connectionResume(view.handle, stage, this.#outcome(view, result))
      },
      (error: unknown) => {
        if (view.isOver) return
        this.#failed(stage, error)
        this.#addon.connectionResume(view.handle, stage, Outcome.failed)
      },
    )
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as PromiseLike<unknown>).then === 'function'
}
