/**
 * The worker thread's composition root. Traffic is carried by native code on this thread's libuv loop; what is here is only what
 * JavaScript is asked for. Imports stay few: each worker pays for them in memory.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { loadAddon } from '../native/addon.js'
import type { FromWorker, ToWorker, WorkerStart } from '../threads/messages.js'
import type { ScriptProgram } from '../threads/script-program.js'
import type { FilterHost } from './filter-host.js'
import type { ScriptAddon } from './script-addon.js'

const { index, programs, inspect } = workerData as WorkerStart
const addon = loadAddon()
const port = parentPort
if (port === null) throw new Error('src/worker/entry.ts runs in a worker thread')

const answer = (message: FromWorker) => port.postMessage(message)
let host: Promise<FilterHost> | undefined

/** Made with the first filter: a worker without any has no JavaScript to run. */
function filterHost(): Promise<FilterHost> {
  host ??= import('./filter-host.js').then(
    module =>
      new module.FilterHost(addon as unknown as ScriptAddon, index, (level, message) =>
        answer({ type: 'log', level, message }),
      ),
  )
  return host
}

async function prepare(programs: readonly ScriptProgram[]): Promise<string[]> {
  return programs.length === 0 && host === undefined ? [] : (await filterHost()).prepare(programs)
}

port.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'stop':
      // Ends this thread only; its native worker detaches in the addon's cleanup hook.
      if (host !== undefined) (addon as unknown as ScriptAddon).flushLogs()
      process.exit(0)
      return
    case 'prepare': {
      const { version } = message
      void prepare(message.programs).then(errors => answer({ type: 'prepared', version, errors }))
      return
    }
    case 'abandon':
      void host?.then(filters => filters.abandonUnused())
      return
  }
})

// Before the first filter is built, so that a debugger finds its script.
if (inspect !== undefined) {
  const inspector = await import('node:inspector')
  inspector.open(inspect.port, inspect.host)
  answer({ type: 'log', level: 'info', message: `the debugger of worker ${index} listens on ${inspector.url()}` })
}
const errors = await prepare(programs)
for (const message of errors) answer({ type: 'log', level: 'error', message })
addon.attachWorker(index)
answer({ type: 'attached' })
