/**
 * The worker thread's composition root. Traffic is carried by native code on this thread's libuv loop; what is here is only what
 * JavaScript is asked for. Imports stay few: each worker pays for them in memory.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { loadAddon } from '../native/addon.js'
import type { FromWorker, ToWorker, WorkerStart } from '../threads/messages.js'

const { index } = workerData as WorkerStart
const addon = loadAddon()
const port = parentPort
if (port === null) throw new Error('src/worker/entry.ts runs in a worker thread')

const answer = (message: FromWorker) => port.postMessage(message)

port.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'stop':
      // Ends this thread only; its native worker detaches in the addon's cleanup hook.
      process.exit(0)
      return
    case 'prepare':
      answer({ type: 'prepared', version: message.version, errors: [] })
      return
    case 'abandon':
      return
  }
})
addon.attachWorker(index)
answer({ type: 'attached' })
