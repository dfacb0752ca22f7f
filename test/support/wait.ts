// Waiting for something to become true, woken by events. A wait that ends by its deadline is a failed test, never a pass.
import { EventEmitter } from 'node:events'

/** What a wait gives up after, in milliseconds. Generous: it is paid only by tests that fail. */
export const PATIENCE_MS = Number(process.env.NUNCIO_TEST_PATIENCE_MS ?? 10_000)

/** Something whose state changes, and that says so. */
export class Changing {
  readonly #changes = new EventEmitter().setMaxListeners(0)

  changed(): void {
    this.#changes.emit('change')
  }

  /** Resolves with the first value of `look` that is not undefined. `story` tells, on failure, what was seen instead. */
  waitFor<T>(
    what: string,
    look: () => T | undefined,
    story: () => string = () => '',
    patience = PATIENCE_MS,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer)
        this.#changes.off('change', check)
      }
      const check = (): void => {
        let found: T | undefined
        try {
          found = look()
        } catch (error) {
          stop()
          reject(error)
          return
        }
        if (found === undefined) return
        stop()
        resolve(found)
      }
      const timer: NodeJS.Timeout = setTimeout(() => {
        stop()
        reject(new Error(`waited ${patience} ms for ${what}; ${story()}`))
      }, patience)
      this.#changes.on('change', check)
      check()
    })
  }
}

/** Looks again every few milliseconds: for what tells nobody that it changed (a file, another process's counters). */
export async function poll<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  patience = PATIENCE_MS,
): Promise<T> {
  const deadline = Date.now() + patience
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > deadline) throw new Error(`waited ${patience} ms for ${what}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}
