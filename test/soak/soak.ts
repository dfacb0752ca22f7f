// Two minutes of everything at once: HTTP/1.1, HTTP/2, TLS and gRPC down to each of them up, a quarter of the clients leaving in the
// middle, origins that break off. What was not left must be exact to the byte; afterwards nothing may be left over.
//   node scripts/soak.mjs [--seconds 120] [--seed N] [--lanes 24]
import { readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import grpc from '@grpc/grpc-js'
import { bootstrap, cluster, fill, http, httpOptions } from '../support/config.js'
import { InteropServer } from '../support/grpc-interop.js'
import { makeFolder, ProxyUnderTest } from '../support/proxy-under-test.js'
import { overTls, upstreamTls } from '../support/tls.js'
import { poll } from '../support/wait.js'
import {
  Chance,
  type Front,
  GrpcClient,
  H1Client,
  H2Client,
  type Outcome,
  pick,
  rudeConnection,
  rudeHandshake,
  UPSTREAMS,
} from './clients.js'
import { Origins } from './origins.js'

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '120' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    lanes: { type: 'string', default: '24' },
    // To come near to a fault: only these.
    upstreams: { type: 'string', default: UPSTREAMS.join(',') },
    // A proxy that ends with a sanitizer's report takes its time.
    'settle-ms': { type: 'string', default: '20000' },
  },
})

const h2Upstream = httpOptions('explicit_http_config: {http2_protocol_options: {}}')

function config(origins: Origins): string {
  const tls = (alpn: string): string => upstreamTls(origins.identity, [alpn])
  const clusters = [
    cluster('h1-clear'),
    cluster('h2-clear', ['h2-clear'], h2Upstream),
    cluster('h1-tls', ['h1-tls'], tls('http/1.1')),
    cluster('h2-tls', ['h2-tls'], h2Upstream + tls('h2')),
    cluster('grpc', ['grpc'], h2Upstream),
  ]
  const prefixes = clusters
    .slice(0, 4)
    .map(({ name }) => `{match: {prefix: /${name}/}, route: {cluster: ${name}, prefix_rewrite: /}}`)
  const routes = `[${prefixes.join(', ')}, {match: {prefix: /}, route: {cluster: grpc}}]`
  const hcm = 'codec_type: AUTO'
  const log =
    '%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_TRANSPORT_FAILURE_REASON%\n'
  return bootstrap({
    clusters,
    listeners: [http('clear', { hcm, routes, log }), overTls(http('tls', { hcm, routes, log }), origins.identity)],
  })
}

class Tally {
  readonly #counts = new Map<string, number>()
  readonly faults: string[] = []

  add(kind: string, outcome: Outcome): void {
    const isKnown = ['done', 'left', 'flaky'].includes(outcome)
    const key = `${kind} ${isKnown ? outcome : 'FAULT'}`
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
    if (!isKnown) this.faults.push(`${kind}: ${outcome}`)
  }

  lines(): string[] {
    return [...this.#counts].sort().map(([key, count]) => `  ${key}: ${count}`)
  }
}

/** One lane: its own clients, one exchange after the other until the time is up. */
async function lane(front: Front, seed: number, end: number, tally: Tally): Promise<void> {
  const chance = new Chance(seed)
  const upstreams = options.upstreams.split(',')
  const overTls = seed % 2 === 1
  const where = overTls ? 'tls' : 'clear'
  const h1 = new H1Client(front, overTls)
  const h2 = new H2Client(front, overTls, chance)
  const calls = new GrpcClient(front, overTls, chance)
  while (Date.now() < end) {
    const kind = chance.below(20)
    if (kind < 6) tally.add(`h1 ${where}`, await h1.run(pick(chance, upstreams)))
    else if (kind < 14) {
      const streams = Array.from({ length: 1 + chance.below(8) }, () => h2.run(pick(chance, upstreams)))
      if (chance.isOneIn(20)) setTimeout(() => h2.drop(), chance.below(10))
      for (const outcome of await Promise.all(streams)) tally.add(`h2 ${where}`, outcome)
    } else if (kind < 17) tally.add(`grpc ${where}`, await calls.run())
    else if (kind < 19) tally.add('rude', await rudeConnection(front, chance))
    else tally.add('rude handshake', await rudeHandshake(front, chance))
  }
  h1.close()
  h2.close()
  calls.close()
}

/** Gauges that count what is under way must come back to zero. */
async function leftOver(proxy: ProxyUnderTest): Promise<string[]> {
  const look = async (): Promise<string[]> =>
    [...(await proxy.stats())]
      .filter(([name, value]) => value !== 0 && !name.startsWith('http.admin.') && !name.startsWith('listener.admin.'))
      .filter(([name]) => /(?:downstream_cx_active|rq_active|rq_pending_active|downstream_pre_cx_active)$/.test(name))
      .map(([name, value]) => `${name} is ${value}`)
  await poll('gauges to come back to zero', async () => ((await look()).length === 0 ? true : undefined), 10_000).catch(
    () => {},
  )
  return look()
}

async function memory(proxy: ProxyUnderTest): Promise<string> {
  const { body } = await proxy.admin('/memory')
  const value = (name: string): number => Number(new RegExp(`"${name}": "(\\d+)"`).exec(body)?.[1] ?? 0)
  return `${(value('allocated') / 2 ** 20).toFixed(1)} MiB allocated, ${(value('heap_size') / 2 ** 20).toFixed(1)} MiB held`
}

async function main(): Promise<number> {
  const folder = makeFolder()
  const origins = new Origins()
  await origins.start()
  const grpcServer = await InteropServer.start(grpc.ServerCredentials.createInsecure())
  const values = new Map<string, string | number>([['tmp', folder], ['grpc', grpcServer.port], ...origins.ports])
  const proxy = await ProxyUnderTest.start({ config: fill(config(origins), values), folder })
  // A fault of the soak itself shall not leave the proxy behind.
  process.once('uncaughtException', error => {
    console.error(error)
    void proxy.stop().then(() => process.exit(2))
  })
  const front = { clear: proxy.port('clear'), tls: proxy.port('tls'), ca: origins.identity.authority.pem }
  const seed = Number(options.seed)
  const tally = new Tally()
  console.log(`soak: ${options.seconds} s, ${options.lanes} lanes, seed ${seed}; ${await memory(proxy)}`)
  const end = Date.now() + Number(options.seconds) * 1000
  const progress = setInterval(() => {
    void memory(proxy).then(
      text => console.log(`  ${Math.round((end - Date.now()) / 1000)} s left: ${text}`),
      () => {},
    )
    if (!proxy.alive) console.log('  the proxy is dead')
  }, 10_000)
  await Promise.race([
    Promise.all(Array.from({ length: Number(options.lanes) }, (_, i) => lane(front, seed + i, end, tally))),
    new Promise(resolve => setTimeout(resolve, Number(options.seconds) * 1000 + Number(options['settle-ms'])).unref()),
  ])
  clearInterval(progress)
  console.log(tally.lines().join('\n'))
  const problems = [...tally.faults]
  if (!proxy.alive) problems.push(`the proxy ended with ${proxy.exit}`)
  else {
    problems.push(...(await leftOver(proxy)))
    console.log(`  afterwards: ${await memory(proxy)}`)
  }
  await proxy.stop()
  grpcServer.stop()
  origins.stop()
  const report = proxy.stderr.indexOf('Sanitizer')
  if (report >= 0)
    problems.push(`a sanitizer's report:\n${proxy.stderr.slice(Math.max(0, report - 200), report + 6000)}`)
  else if (problems.length > 0) console.log(proxy.complaints())
  for (const name of ['clear.log', 'tls.log']) {
    const failed = readFileSync(path.join(folder, name), 'utf8')
      .split('\n')
      .filter(line => / 503 /.test(line) && !line.includes('/refuse'))
    if (problems.length > 0) console.log(failed.slice(0, 20).join('\n'))
  }
  rmSync(folder, { recursive: true, force: true })
  for (const problem of problems.slice(0, 40)) console.log(`FAULT ${problem}`)
  console.log(problems.length === 0 ? 'soak: clean' : `soak: ${problems.length} faults`)
  return problems.length === 0 ? 0 : 1
}

process.exit(await main())
