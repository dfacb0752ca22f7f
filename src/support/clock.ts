/** Time as collaborators see it; a test gives its own. */
export interface Clock {
  /** Milliseconds since some moment; never goes back. */
  now(): number
  /** Calls back once; the answer cancels. */
  after(ms: number, callback: () => void): () => void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms)
    return () => clearTimeout(timer)
  },
}

/** The same, for what nobody waits for: its timers do not keep a process alive. */
export const backgroundClock: Clock = {
  now: systemClock.now,
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}
