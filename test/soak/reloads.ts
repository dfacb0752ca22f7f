/**
 * Edits a filter in TypeScript some hundred times under light traffic, and says what memory that leaves behind.
 *
 *   node scripts/soak.mjs reloads [--reloads 500] [--every 50] [--workers 2]
 *
 * The proxy runs with --expose-gc: at each mark the filter collects its thread's garbage and tells its heap; `growth` of that is the least-squares
 * slope over the marks after the first fifth, in KiB a reload. RSS is of the process and goes up and down with the main thread's garbage, so the
 * lowest marks of the two halves are compared. Ends with 1 when a request failed, a worker's heap grew by more than 2 KiB, or RSS by more than
 * 32 KiB a reload.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { bootstrap, http } from '../support/config.js'
import { makeFolder, ProxyUnderTest } from '../support/proxy-under-test.js'
import { poll } from '../support/wait.js'

const flag = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? fallback : Number(process.argv[at + 1])
}
const reloads = flag('reloads', 500)
const every = flag('every', 50)
const workers = flag('workers', 2)
const requestsPerReload = 10

const filterText = (version: number): string => `import { defineHttpFilter } from 'nuncio'
import { threadId } from 'node:worker_threads'

const schema = { '~standard': { version: 1, vendor: 'soak', validate: value => ({ value }) } }
const table = Array.from({ length: 1000 }, (_, i) => 'entry ' + i + ' of version ${version}')

export default defineHttpFilter({
  name: 'soak',
  config: schema as never,
  state: () => ({ seen: 0 }),
  create: (_config, { stats, signal }) => {
    const requests = stats.counter('requests')
    const timer = setInterval(() => {}, 1000)
    signal.addEventListener('abort', () => clearInterval(timer))
    return {
      async onRequestHeaders(request, stream) {
        requests.inc()
        stream.state.seen += table.length
        if (request.path === '/later') await new Promise(resolve => setTimeout(resolve, 1))
        if (request.path !== '/heap') return
        ;(globalThis as { gc?: () => void }).gc?.()
        const { heapUsed, external, arrayBuffers } = process.memoryUsage()
        return stream.reply(200, JSON.stringify({ threadId, heapUsed, external, arrayBuffers }))
      },
      onResponseHeaders: response => response.headers.set('x-version', '${version}'),
    }
  },
})
`

interface Heap {
  readonly threadId: number
  readonly heapUsed: number
}

const config = bootstrap({
  clusters: [],
  listeners: [
    http('main', {
      hcm: JSON.stringify({
        access_log: [],
        http_filters: [
          {
            name: 'soak',
            typed_config: { '@type': 'type.googleapis.com/nuncio.TypeScriptFilter', module: './filters/soak.ts' },
          },
          {
            name: 'router',
            typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
          },
        ],
      }),
      routes: `[{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: "ok"}}}]`,
    }),
  ],
})

const folder = makeFolder()
const file = path.join(folder, 'filters/soak.ts')
mkdirSync(path.dirname(file))
writeFileSync(file, filterText(0))
const proxy = await ProxyUnderTest.start({
  config,
  folder,
  concurrency: workers,
  env: { NODE_OPTIONS: '--expose-gc' },
})
let failed = 0
let requests = 0

// A connection each: they fall on all workers.
const fetchOnce = async (target: string): Promise<Response | undefined> => {
  try {
    ++requests
    const response = await fetch(`http://${proxy.address('main')}${target}`, { headers: { connection: 'close' } })
    if (response.status !== 200) ++failed
    return response
  } catch {
    ++failed
    return undefined
  }
}

const rssKib = (): number => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${proxy.pid}/status`, 'utf8'))?.[1])

/** Heap used of every worker thread, KiB, after a collection. */
async function heaps(): Promise<number[]> {
  const seen = new Map<number, number>()
  for (let tries = 0; seen.size < workers && tries < 200; tries++) {
    const heap = (await (await fetchOnce('/heap'))?.json()) as Heap | undefined
    if (heap !== undefined) seen.set(heap.threadId, Math.round(heap.heapUsed / 1024))
  }
  return [...seen].sort(([a], [b]) => a - b).map(([, kib]) => kib)
}

/** Slope of the least-squares line through the marks. */
function growth(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (pick: 0 | 1) => points.reduce((sum, point) => sum + point[pick], 0) / points.length
  const [x, y] = [mean(0), mean(1)]
  const covariance = points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0)
  return covariance / points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0)
}

const marks: { reload: number; rss: number; heaps: number[] }[] = []
try {
  for (let version = 1; version <= reloads; version++) {
    writeFileSync(file, filterText(version))
    await poll(
      `version ${version}`,
      async () => (await fetchOnce('/'))?.headers.get('x-version') === String(version) || undefined,
      20_000,
    )
    await Promise.all(Array.from({ length: requestsPerReload }, (_, i) => fetchOnce(i % 2 === 0 ? '/' : '/later')))
    if (version % every !== 0 && version !== 1) continue
    const mark = { reload: version, heaps: await heaps(), rss: rssKib() }
    marks.push(mark)
    process.stdout.write(`reload ${mark.reload}: RSS ${mark.rss} KiB, worker heaps ${mark.heaps.join(' ')} KiB\n`)
  }
} finally {
  await proxy.stop()
  rmSync(folder, { recursive: true, force: true })
}
const steady = marks.filter(({ reload }) => reload >= reloads / 5)
const lowest = (from: number, to: number): number =>
  Math.min(...marks.filter(({ reload }) => reload > from && reload <= to).map(({ rss }) => rss))
const rssGrowth = (lowest(reloads / 2, reloads) - lowest(reloads / 20, reloads / 2)) / (reloads / 2)
const heapGrowth = Array.from({ length: workers }, (_, worker) =>
  growth(steady.map(({ reload, heaps: all }) => [reload, all[worker] ?? 0])),
)
process.stdout.write(
  `${requests} requests, ${failed} failed; growth: RSS ${rssGrowth.toFixed(1)}, worker heaps ${heapGrowth.map(kib => kib.toFixed(2)).join(' ')} KiB a reload\n`,
)
process.exit(failed > 0 || rssGrowth > 32 || heapGrowth.some(kib => kib > 2) ? 1 : 0)
