import { done, type Endpoint, text } from '../endpoint.js'

const enable = (help: string) => [{ name: 'enable', help, choices: ['y', 'n'] }]
const usage = '?enable=<y|n>\n'

export const allocProfiler: Endpoint = {
  path: '/allocprofiler',
  help: 'allocation profiler (not available)',
  isPost: true,
  parameters: enable('start or stop it'),
  answer: ({ query }) => {
    const choice = query.get('enable')
    if (choice !== 'y' && choice !== 'n') return text(usage, 400)
    return text('The current build does not support allocation profiler\n', 501)
  },
}

export const cpuProfiler: Endpoint = {
  path: '/cpuprofiler',
  help: 'CPU profiler of the main thread',
  isPost: true,
  parameters: enable('start it, or stop it and write the profile to profile_path'),
  answer: async ({ query }, backend) => {
    const choice = query.get('enable')
    if (choice !== 'y' && choice !== 'n') return text(usage, 400)
    if (!backend.cpuProfiler) return text('failure to start the profiler\n', 500)
    const outcome = await backend.cpuProfiler(choice === 'y')
    return outcome.ok ? done() : text('failure to start the profiler\n', 500)
  },
}

export const heapProfiler: Endpoint = {
  path: '/heapprofiler',
  help: 'heap profiler (not available; see /heap_dump)',
  isPost: true,
  parameters: enable('start or stop it'),
  answer: () => text('The current build does not support heap profiler\n', 501),
}

export const heapDump: Endpoint = {
  path: '/heap_dump',
  help: 'heap snapshot of the main thread',
  answer: (_request, backend) => {
    if (!backend.heapDump) return text('The current build does not support heap dump\n', 501)
    return { status: 200, contentType: 'text/plain; charset=UTF-8', body: backend.heapDump() }
  },
}

export const peakHeapDump: Endpoint = {
  path: '/peak_heap_dump',
  help: 'heap at its largest (not available)',
  answer: () => text('The current build does not support peak heap dump\n', 501),
}
