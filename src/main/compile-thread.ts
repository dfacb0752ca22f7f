import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type {
  CompileAnswer,
  CompiledBootstrap,
  CompileRequest,
  CompileTask,
  DumpAnswer,
  FromCompileThread,
  PackedDelta,
  RefusedBootstrap,
  SecretsAnswer,
  WaitingAnswer,
} from '../snapshot/compile-task.js'
import type { EngineMessage, ToEngine } from '../snapshot/config-delta.js'
import { unpackUnits } from '../snapshot/packed-units.js'
import type { Clock } from '../support/clock.js'

/** How long the thread waits for more before it ends and gives its memory back. */
const idleMs = 500

/** Room for what dies young; without it a third of the time goes to collecting it. */
const limits = { maxYoungGenerationSizeMb: 48 }

const pathOf = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))

/** scripts/build.mjs puts the thread's modules into one file, which loads faster. */
function entry(): string {
  const loader = createRequire(import.meta.url)(pathOf('bin/bundle.cjs')) as {
    isFresh(bundle: string, module: string): boolean
  }
  const modules = pathOf('dist/compile/entry.js')
  return loader.isFresh(pathOf('dist/compile/bundle.cjs'), modules) ? pathOf('bin/compile-thread.cjs') : modules
}

const unpacked = ({ delta, units }: PackedDelta): EngineMessage => ({
  kind: 'delta',
  delta: { ...delta, units: unpackUnits(units) },
})

interface Asker {
  resolve(answer: CompileAnswer): void
  reject(reason: Error): void
}

export interface CompileThreadOptions {
  readonly clock: Clock
  /** What the thread says of itself. */
  readonly onMessage: (message: EngineMessage) => void
  /** It was to stay, and ended by itself: what it knew is lost. */
  readonly onLost: (reason: Error) => void
}

/**
 * The thread in which configurations are read and compiled. It is started by a task and ends when there is none; it stays as long as
 * something comes from management servers. Main thread.
 */
export class CompileThread {
  readonly #clock: Clock
  readonly #onMessage: CompileThreadOptions['onMessage']
  readonly #onLost: CompileThreadOptions['onLost']
  readonly #asking = new Map<number, Asker>()
  #thread: Worker | undefined
  #tasks = 0
  #cancelEnd: () => void = () => undefined

  #stays = false
  #isEnding = false

  constructor({ clock, onMessage, onLost }: CompileThreadOptions) {
    this.#clock = clock
    this.#onMessage = onMessage
    this.#onLost = onLost
  }

  /** Whether the thread is to stay when it has nothing to answer. */
  set stays(stays: boolean) {
    this.#stays = stays
    if (this.#thread !== undefined && this.#asking.size === 0) this.#endLater()
  }

  get stays(): boolean {
    return this.#stays
  }

  /** Tells it something; nothing happens when there is no thread. */
  tell(message: ToEngine): void {
    this.#thread?.postMessage(message)
  }

  /** Starts the thread before there is a task. */
  warmUp(): void {
    this.#thread ??= this.#launch()
  }

  bootstrap(task: Extract<CompileTask, { kind: 'bootstrap' }>): Promise<CompiledBootstrap | RefusedBootstrap> {
    return this.#run(task) as Promise<CompiledBootstrap | RefusedBootstrap>
  }

  dump(task: Extract<CompileTask, { kind: 'dump' }>): Promise<DumpAnswer> {
    return this.#run(task) as Promise<DumpAnswer>
  }

  waiting(): Promise<WaitingAnswer> {
    return this.#run({ kind: 'waiting' }) as Promise<WaitingAnswer>
  }

  secrets(task: Extract<CompileTask, { kind: 'secrets' }>): Promise<SecretsAnswer> {
    return this.#run(task) as Promise<SecretsAnswer>
  }

  /** Is a thread there now? */
  get isRunning(): boolean {
    return this.#thread !== undefined
  }

  /** Resolves when the thread has ended; what was asked of it fails. */
  async close(): Promise<void> {
    this.#cancelEnd()
    await this.#end()
  }

  #run(task: CompileTask): Promise<CompileAnswer> {
    this.#cancelEnd()
    this.#thread ??= this.#launch()
    const thread = this.#thread
    const id = ++this.#tasks
    return new Promise((resolve, reject) => {
      this.#asking.set(id, { resolve, reject })
      thread.postMessage({ id, task } satisfies CompileRequest)
    })
  }

  #launch(): Worker {
    const thread = new Worker(entry(), { resourceLimits: limits, name: 'compile', trackUnmanagedFds: false })
    thread.on('message', (reply: FromCompileThread) => {
      if ('kind' in reply) return this.#onMessage(reply.kind === 'packed-delta' ? unpacked(reply) : reply)
      const asker = this.#asking.get(reply.id)
      this.#asking.delete(reply.id)
      if (reply.ok) asker?.resolve(reply.answer)
      else asker?.reject(new Error(reply.error))
      if (this.#asking.size === 0) this.#endLater()
    })
    thread.on('error', error => this.#failed(thread, error as Error))
    thread.once('exit', () => this.#failed(thread, new Error('the compile thread ended')))
    return thread
  }

  // A task may bring the thread down (out of memory, say): the next one gets a new thread.
  #failed(thread: Worker, reason: Error): void {
    if (this.#thread !== thread) return
    this.#thread = undefined
    const asking = [...this.#asking.values()]
    this.#asking.clear()
    for (const asker of asking) asker.reject(reason)
    if (this.#stays && !this.#isEnding) this.#onLost(reason)
  }

  #endLater(): void {
    this.#cancelEnd()
    if (this.#stays) return
    this.#cancelEnd = this.#clock.after(idleMs, () => void this.#end())
  }

  async #end(): Promise<void> {
    const thread = this.#thread
    if (thread === undefined) return
    this.#isEnding = true
    this.#failed(thread, new Error('the compile thread was told to end'))
    const ended = new Promise(resolve => thread.once('exit', resolve))
    thread.postMessage('end')
    await ended
    this.#isEnding = false
  }
}
