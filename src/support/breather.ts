/** How long work goes on without a break. */
const sliceMs = 20

/** Lets the thread's loop have its turn when work has gone on for a while. */
export function makeBreather(now: () => number = () => performance.now()): () => Promise<void> {
  let until = now() + sliceMs
  return async () => {
    if (now() < until) return
    await new Promise(resolve => setImmediate(resolve))
    until = now() + sliceMs
  }
}
