import { statSync } from 'node:fs'
import { Piscina } from 'piscina'
import type {
  CompileAnswer,
  CompiledBootstrap,
  CompileTask,
  DumpAnswer,
  RefusedBootstrap,
} from '../snapshot/compile-task.js'

/** How long the thread waits for more before it ends and gives its memory back. */
const idleMs = 500

/** scripts/build.mjs puts the thread's modules into one file, which loads faster; it counts only while it is newer than they are. */
function entry(): URL {
  const [bundle, modules] = ['bundle.js', 'entry.js'].map(name => new URL(`../compile/${name}`, import.meta.url)) as [
    URL,
    URL,
  ]
  const madeAt = (url: URL) => statSync(url, { throwIfNoEntry: false })?.mtimeMs ?? 0
  return madeAt(bundle) > madeAt(modules) ? bundle : modules
}

/** The thread in which configurations are read and compiled. It is started by a task and ends when there is none. */
export class CompileThread {
  readonly #pool = new Piscina({
    filename: entry().href,
    // Compiling makes much that dies young; without room for it a third of the time goes to collecting it.
    resourceLimits: { maxYoungGenerationSizeMb: 48 },
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: idleMs,
    recordTiming: false,
  })

  bootstrap(task: Extract<CompileTask, { kind: 'bootstrap' }>): Promise<CompiledBootstrap | RefusedBootstrap> {
    return this.#run(task) as Promise<CompiledBootstrap | RefusedBootstrap>
  }

  dump(task: Extract<CompileTask, { kind: 'dump' }>): Promise<DumpAnswer> {
    return this.#run(task) as Promise<DumpAnswer>
  }

  /** Is a thread there now? */
  get isRunning(): boolean {
    return this.#pool.threads.length > 0
  }

  async close(): Promise<void> {
    await this.#pool.destroy()
  }

  #run(task: CompileTask): Promise<CompileAnswer> {
    return this.#pool.run(task) as Promise<CompileAnswer>
  }
}
