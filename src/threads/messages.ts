/** Every message between the main thread and the workers. */

/** What a worker thread is started with. */
export interface WorkerStart {
  readonly index: number
}

export type ToWorker =
  /** Detach from the native worker and end the thread. */
  | { readonly type: 'stop' }
  /** Build the JavaScript filters of these plans; answer with `prepared`. */
  | { readonly type: 'prepare'; readonly version: number; readonly plans: readonly string[] }
  /** The publish that was prepared will not come. */
  | { readonly type: 'abandon'; readonly version: number }

export type FromWorker =
  /** Carries traffic from now on. */
  | { readonly type: 'attached' }
  | { readonly type: 'prepared'; readonly version: number; readonly errors: readonly string[] }
