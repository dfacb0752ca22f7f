import { type Endpoint, json, text } from '../endpoint.js'

export const memory: Endpoint = {
  path: '/memory',
  help: 'memory in use',
  answer: (_request, backend) => {
    const now = backend.memory()
    return json({
      allocated: String(now.allocated),
      heap_size: String(now.heapSize),
      pageheap_unmapped: String(now.pageheapUnmapped),
      pageheap_free: String(now.pageheapFree),
      total_thread_cache: String(now.totalThreadCache),
      total_physical_bytes: String(now.totalPhysicalBytes),
    })
  },
}

export const memoryTcmalloc: Endpoint = {
  path: '/memory/tcmalloc',
  help: 'statistics of TCMalloc (not used here)',
  answer: () => text('TCMalloc is not in use.\n'),
}
