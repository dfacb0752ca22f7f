/** How long work goes on without a break. */
const sliceMs = 20

/** When it has gone on for a while: what to wait for, so that the thread's loop has its turn. Most of the time there is nothing. */
export type Breathe = () => Promise<void> | undefined

export function makeBreather(now: () => number = () => performance.now()): Breathe {
  let until = now() + sliceMs
  return () => {
    if (now() < until) return undefined
    return new Promise(resolve =>
      setImmediate(() => {
        until = now() + sliceMs
        resolve()
      }),
    )
  }
}
