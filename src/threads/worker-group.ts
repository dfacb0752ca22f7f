import type { FromWorker, ToWorker } from './messages.js'
import type { ScriptProgram } from './script-program.js'

export type Prepared = Extract<FromWorker, { type: 'prepared' }>

/** All worker threads, as the publisher sees them. */
export interface WorkerGroup {
  post(message: ToWorker): void
  /** One answer of each worker; a worker past the deadline answers with an error that names it. */
  prepare(version: number, programs: readonly ScriptProgram[], deadlineMs: number): Promise<readonly Prepared[]>
  /** The programs of the version that was committed, for threads that take another's place. */
  keep(programs: readonly ScriptProgram[]): void
}
