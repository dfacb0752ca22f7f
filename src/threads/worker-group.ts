import type { FromWorker, ToWorker } from './messages.js'

export type Prepared = Extract<FromWorker, { type: 'prepared' }>

/** All worker threads, as the publisher sees them. */
export interface WorkerGroup {
  post(message: ToWorker): void
  /** One answer of each worker; a worker past the deadline answers with an error that names it. */
  prepare(version: number, plans: readonly string[], deadlineMs: number): Promise<readonly Prepared[]>
}
