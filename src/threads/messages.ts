/** Every message between the main thread and the workers. */

import type { ScriptProgram } from './script-program.js'

/** What a worker thread is started with. */
export interface WorkerStart {
  readonly index: number
  /** Filters in TypeScript that are in use: a thread that takes another's place builds them before it carries traffic. */
  readonly programs: readonly ScriptProgram[]
  /** Where this thread's debugger listens; undefined: nowhere. */
  readonly inspect: { readonly host: string; readonly port: number } | undefined
}

export type ToWorker =
  /** Detach from the native worker and end the thread. */
  | { readonly type: 'stop' }
  /** Build these filters, all that the version has; answer with `prepared`. */
  | { readonly type: 'prepare'; readonly version: number; readonly programs: readonly ScriptProgram[] }
  /** The publish that was prepared will not come. */
  | { readonly type: 'abandon'; readonly version: number }

export type FromWorker =
  /** Carries traffic from now on. */
  | { readonly type: 'attached' }
  | { readonly type: 'prepared'; readonly version: number; readonly errors: readonly string[] }
  /** A line of a filter, for the application log. */
  | { readonly type: 'log'; readonly level: 'debug' | 'info' | 'warning' | 'error'; readonly message: string }
