import type { Headers } from '../../../../api/headers.js'
import type { Awaitable, HookResult } from '../../../../api/http-filter.js'
import { BodyBytes, type Handle, HeaderMap, type Push } from './handle.js'
import { LuaFailure } from './machine.js'
import type { Coroutine } from './script.js'

/** A hook of a script at work for one stream: from its start, over all that it waits for, to its end. */
export class Run {
  readonly #handle: Handle
  readonly #coroutine: Coroutine
  readonly #failed: (why: string) => void
  #waitsFor: 'chunk' | 'trailers' | undefined
  #isOver = false

  constructor(handle: Handle, coroutine: Coroutine, failed: (why: string) => void) {
    this.#handle = handle
    this.#coroutine = coroutine
    this.#failed = failed
  }

  onHead(): Awaitable<HookResult> {
    const handle = this.#handle
    const done = (result: HookResult): HookResult => {
      handle.isHeadGone = true
      return result
    }
    const result = this.#advance(state => handle.push(state, 'StreamHandle', handle))
    return result instanceof Promise ? result.then(done) : done(result)
  }

  /** Other bytes, when the script has changed them. */
  onChunk(chunk: Uint8Array): Awaitable<Uint8Array | HookResult> {
    if (this.#waitsFor !== 'chunk') return undefined
    let changed: Uint8Array | undefined
    const body = new BodyBytes(chunk, bytes => {
      changed = bytes
    })
    const result = this.#advance(state => this.#handle.push(state, 'Body', body))
    return result instanceof Promise ? result.then(reply => reply ?? changed) : (result ?? changed)
  }

  onTrailers(trailers: Headers): Awaitable<HookResult> {
    this.#handle.trailers = trailers
    if (this.#waitsFor === 'chunk') {
      const result = this.#advance(state => this.#handle.machine.pushJson(state, undefined))
      return result instanceof Promise
        ? result.then(reply => reply ?? this.#giveTrailers(trailers))
        : this.#giveTrailers(trailers)
    }
    return this.#giveTrailers(trailers)
  }

  #giveTrailers(trailers: Headers): Awaitable<HookResult> {
    if (this.#waitsFor !== 'trailers') return undefined
    const map = new HeaderMap(this.#handle, trailers)
    return this.#advance(state => this.#handle.push(state, 'HeaderMap', map))
  }

  /** The stream is over, or the script is. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#coroutine.end()
    this.#handle.close()
  }

  #advance(push: Push): Awaitable<HookResult> {
    const handle = this.#handle
    if (this.#isOver) return undefined
    this.#waitsFor = undefined
    let isWaiting: boolean
    try {
      isWaiting = this.#coroutine.resume(push)
    } catch (error) {
      return this.#fail(error)
    }
    if (handle.isChanged && !handle.isResponse && handle.settings.refreshesRoute) {
      handle.isChanged = false
      handle.stream.refreshRoute()
    }
    const { wait, reply } = handle
    handle.wait = undefined
    if (!isWaiting || reply !== undefined) {
      this.end()
      return reply
    }
    if (wait instanceof Promise)
      return wait.then(
        next => this.#advance(next),
        (error: unknown) => this.#fail(error),
      )
    if (wait !== 'chunk' && wait !== 'trailers')
      return this.#fail(new LuaFailure('script performed an unexpected yield'))
    this.#waitsFor = wait
    return undefined
  }

  /** The message goes on as it is. */
  #fail(error: unknown): undefined {
    if (this.#isOver) return
    this.end()
    if (!(error instanceof LuaFailure)) throw error
    this.#failed(error.message)
  }
}
