import { Worker } from 'node:worker_threads'
import type { Clock } from '../support/clock.js'
import type { Logger } from '../support/log.js'
import type { FromWorker, ToWorker, WorkerStart } from '../threads/messages.js'
import type { ScriptProgram } from '../threads/script-program.js'
import type { Prepared, WorkerGroup } from '../threads/worker-group.js'

export interface WorkerPoolOptions {
  readonly size: number
  readonly log: Logger
  /** For lines of filters in TypeScript. */
  readonly filterLog: Logger
  readonly clock: Clock
  /** What the thread was at when it failed: " in onRequestHeaders of filter 'a'", or nothing. */
  readonly whereabouts?: (index: number) => string
  /** Where the debugger of worker 0 listens, the others above it; undefined: none does. */
  readonly inspect?: { readonly host: string; readonly port: number } | undefined
  /** A worker thread died and a new one takes its place. */
  readonly onReplaced?: (index: number) => void
}

// A worker thread holds little JavaScript: a young generation of 1 MiB keeps its heap at what a bare thread needs. A filter that fills
// half a GiB has lost its way, and takes its thread down, not the process.
const limits = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 512, codeRangeSizeMb: 8, stackSizeMb: 1 }
// A thread that dies at once is not started again at once.
const restartPauseMs = 100

/** The worker threads: starts them, and replaces one that dies. Traffic of a dead thread's native worker waits for the next thread. */
export class WorkerPool implements WorkerGroup {
  readonly #options: WorkerPoolOptions
  readonly #threads: (Worker | undefined)[]
  #programs: readonly ScriptProgram[] = []
  #isStopping = false

  constructor(options: WorkerPoolOptions) {
    this.#options = options
    this.#threads = new Array<Worker | undefined>(options.size).fill(undefined)
  }

  /** Resolves when all workers carry traffic. */
  async start(): Promise<void> {
    await Promise.all(this.#threads.map((_, index) => this.#launch(index)))
  }

  post(message: ToWorker): void {
    for (const thread of this.#threads) thread?.postMessage(message)
  }

  prepare(version: number, programs: readonly ScriptProgram[], deadlineMs: number): Promise<readonly Prepared[]> {
    return Promise.all(this.#threads.map((thread, index) => this.#ask(thread, index, version, programs, deadlineMs)))
  }

  /** Ends a thread that does not answer; another takes its place. */
  replace(index: number): void {
    void this.#threads[index]?.terminate()
  }

  keep(programs: readonly ScriptProgram[]): void {
    this.#programs = programs
  }

  /** Resolves when every thread has ended. */
  async stop(): Promise<void> {
    this.#isStopping = true
    const ended = this.#threads.map(thread => thread && new Promise(resolve => thread.once('exit', resolve)))
    this.post({ type: 'stop' })
    await Promise.all(ended)
  }

  #launch(index: number): Promise<void> {
    const { inspect } = this.#options
    const workerData: WorkerStart = {
      index,
      programs: this.#programs,
      inspect: inspect && { ...inspect, port: inspect.port === 0 ? 0 : inspect.port + index },
    }
    const thread = new Worker(new URL('../worker/entry.js', import.meta.url), {
      workerData,
      resourceLimits: limits,
      name: `worker_${index}`,
      trackUnmanagedFds: false,
    })
    this.#threads[index] = thread
    thread.on('error', error => {
      const where = this.#options.whereabouts?.(index) ?? ''
      this.#options.log.error(`worker ${index}${where}: ${(error as Error).stack ?? String(error)}`)
    })
    thread.once('exit', code => this.#ended(index, code))
    thread.on('message', (message: FromWorker) => {
      if (message.type === 'log') this.#options.filterLog[message.level](message.message)
    })
    return new Promise(resolve => {
      const onMessage = (message: FromWorker) => {
        if (message.type !== 'attached') return
        thread.off('message', onMessage)
        resolve()
      }
      thread.on('message', onMessage)
    })
  }

  #ended(index: number, code: number): void {
    this.#threads[index] = undefined
    if (this.#isStopping) return
    this.#options.log.critical(`worker ${index} ended with ${code}; a new thread takes its place`)
    this.#options.clock.after(restartPauseMs, () => {
      if (this.#isStopping) return
      void this.#launch(index).then(() => this.#options.onReplaced?.(index))
    })
  }

  #ask(
    thread: Worker | undefined,
    index: number,
    version: number,
    programs: readonly ScriptProgram[],
    deadlineMs: number,
  ): Promise<Prepared> {
    const failed = (reason: string): Prepared => ({ type: 'prepared', version, errors: [`worker ${index} ${reason}`] })
    if (thread === undefined) return Promise.resolve(failed('is being replaced'))
    return new Promise(resolve => {
      const done = (answer: Prepared) => {
        cancel()
        thread.off('message', onMessage)
        resolve(answer)
      }
      const onMessage = (message: FromWorker) => {
        if (message.type === 'prepared' && message.version === version) done(message)
      }
      const cancel = this.#options.clock.after(deadlineMs, () => done(failed(`did not answer within ${deadlineMs} ms`)))
      thread.on('message', onMessage)
      thread.postMessage({ type: 'prepare', version, programs } satisfies ToWorker)
    })
  }
}
