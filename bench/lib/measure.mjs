// Runs a scenario: each method brings up servers, measures them in turn, and returns rows.

import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fetchText, holdIdle } from './client.mjs'
import { kCipher, kJobs } from './jobs.mjs'
import { mergedLatency, runLoad } from './load.mjs'
import { cpuNs, memoryKib, openFileLimit } from './proc-stats.mjs'
import { startServer } from './servers.mjs'
import { kManyClusters, measureChanges, Plane } from './xds.mjs'

/** @typedef {import("./scenarios.mjs").Scenario} Scenario */
/** @typedef {import("./scenarios.mjs").Variant} Variant */
/** @typedef {import("./servers.mjs").Server} Server */
/** @typedef {import("./servers.mjs").Peer} Peer */
/**
 * What one peer did in one variant of one scenario.
 * @typedef {object} Row
 * @property {string} scenario
 * @property {string} variant
 * @property {string} peer
 * @property {Record<string, number[]>} figures  by name, one value a turn
 * @property {{ p50Us: number, p99Us: number, p999Us: number }} [latency]  over all turns
 * @property {number} rssMib
 * @property {number} pssMib
 * @property {number} errors
 * @property {string[]} notes
 */
/** One row being measured. @typedef {{ row: Row, server: Server, variant: Variant, results: import("./load.mjs").LoadResult[] }} Lane */
/**
 * @typedef {object} Bench   what every method needs of the run
 * @property {string} dir
 * @property {import("./servers.mjs").Origin} origin
 * @property {string} certificates
 * @property {{ proxy: string, load: string, both: string }} cores
 * @property {import("./options.mjs").Options} options
 * @property {(text: string) => void} say
 */

// Nuncio compiles its configuration in a thread that ends afterwards; Envoy has helper threads too.
const kSettleMs = 2000
const kWarmSeconds = 1
// Log lines that may still wait in a buffer when a run has ended.
const kUnflushedLines = 1500

/**
 * @param {Scenario} scenario @param {Peer[]} peers @param {Bench} bench
 * @returns {Promise<Row[]>}
 */
export function measure(scenario, peers, bench) {
  return { load: measureLoad, idle: measureIdle, start: measureStart, xds: measureXds }[scenario.method](
    scenario,
    peers,
    bench,
  )
}

/** @param {string} scenario @param {string} variant @param {string} peer @returns {Row} */
function newRow(scenario, variant, peer) {
  return { scenario, variant, peer, figures: {}, rssMib: 0, pssMib: 0, errors: 0, notes: [] }
}

/** @param {Row} row @param {string} name @param {number} value */
function add(row, name, value) {
  const values = row.figures[name]
  if (values === undefined) row.figures[name] = [value]
  else values.push(value)
}

/** @param {Row} row @param {{ pss: number, rss: number }} memory */
function setMemory(row, memory) {
  row.pssMib = memory.pss / 1024
  row.rssMib = memory.rss / 1024
}

/** @param {Scenario} scenario @param {Variant} variant @param {Bench} bench */
function startOptions(scenario, variant, bench) {
  return {
    dir: bench.dir,
    job: scenario.job,
    workers: variant.workers ?? 1,
    origin: bench.origin,
    certificates: bench.certificates,
    path: variant.path,
    ...(variant.filters && { filters: variant.filters }),
    cores: bench.cores[scenario.cores],
  }
}

/**
 * CPU under load. All servers are up at once and idle while it is another's turn.
 * @param {Scenario} scenario @param {Peer[]} peers @param {Bench} bench
 */
async function measureLoad(scenario, peers, bench) {
  /** @type {Set<Lane>} */
  const lanes = new Set()
  /** @type {Row[]} */
  const rows = []
  /** @type {Map<string, Server>} */
  const servers = new Map()
  try {
    for (const peer of peers) {
      for (const variant of scenario.variants) {
        const row = newRow(scenario.name, variant.name, peer.name)
        rows.push(row)
        const key = `${peer.name}/${variant.workers ?? 1}/${JSON.stringify(variant.filters ?? {})}`
        try {
          const server = servers.get(key) ?? (await startServer(peer, startOptions(scenario, variant, bench)))
          servers.set(key, server)
          lanes.add({ row, server, variant, results: [] })
        } catch (error) {
          skip(row, error, bench)
        }
      }
    }
    await sleep(kSettleMs)
    for (const lane of lanes) await orDrop(lanes, lane, bench, () => prepareLane(scenario, lane, bench))
    for (let turn = 0; turn < bench.options.turns; turn++) {
      for (const lane of lanes) await orDrop(lanes, lane, bench, () => oneTurn(scenario, lane, turn, bench))
    }
    for (const { row, results } of lanes) {
      if (results.every(({ histogram }) => histogram.length > 0)) row.latency = mergedLatency(results)
    }
  } finally {
    for (const server of servers.values()) await server.stop()
  }
  return rows
}

/**
 * A peer that fails (crashed, answers nothing) leaves the scenario without a figure; the others go on.
 * @param {Set<Lane>} lanes @param {Lane} lane @param {Bench} bench @param {() => Promise<void>} step
 */
async function orDrop(lanes, lane, bench, step) {
  try {
    await step()
  } catch (error) {
    lanes.delete(lane)
    lane.row.figures = {}
    skip(lane.row, error, bench)
  }
}

/** @param {Row} row @param {unknown} error @param {Bench} bench */
function skip(row, error, bench) {
  const text = error instanceof Error ? error.message : String(error)
  row.notes.push(text)
  bench.say(`${row.scenario} ${row.variant} ${row.peer}: skipped: ${text}`)
}

/**
 * The check that the job is equal, and a warm-up.
 * @param {Scenario} scenario @param {Lane} lane @param {Bench} bench
 */
async function prepareLane(scenario, { row, server, variant }, bench) {
  const facts = kJobs[scenario.job]
  if (facts.template === 'http' && facts.routes === 'one' && row.peer !== 'relay') {
    const { body, cipher } = await fetchText(server.port, '/echo', facts.down)
    const [requestId, forwardedFor] = body.split('|')
    if (requestId === '') row.notes.push('adds no request id')
    // Not always 127.0.0.1: for a client on loopback Envoy names the machine's own address.
    if (!forwardedFor) row.notes.push('adds no x-forwarded-for')
    if (facts.down === 'tls' && cipher !== kCipher) row.notes.push(`encrypts with ${cipher}`)
  }
  await warmUp(scenario, server, variant, bench)
  if (row.peer !== 'relay') server.emptyLog()
}

/** @param {Scenario} scenario @param {Server} server @param {Variant} variant @param {Bench} bench */
async function warmUp(scenario, server, variant, bench) {
  const { down } = kJobs[scenario.job]
  if (bench.options.quick && down === 'h1') (await holdIdle(server.port, variant.path, 256)).close()
  else await runLoad(loadOf(scenario), urlOf(server, variant), kWarmSeconds, generatorCores(scenario, bench))
}

/** @param {Scenario} scenario */
function loadOf(scenario) {
  if (scenario.load === undefined) throw new Error(`${scenario.name}: no load`)
  return scenario.load
}

/** @param {Scenario} scenario @param {Bench} bench */
function generatorCores(scenario, bench) {
  return scenario.cores === 'both' ? bench.cores.both : bench.cores.load
}

/** @param {Server} server @param {Variant} variant */
function urlOf(server, variant) {
  return `${kJobs[server.job].down === 'tls' ? 'https' : 'http'}://127.0.0.1:${server.port}${variant.path}`
}

/**
 * @param {Scenario} scenario @param {Lane} lane @param {number} turn @param {Bench} bench
 */
async function oneTurn(scenario, { row, server, variant, results }, turn, bench) {
  const spreadBefore = await connectionsByWorker(server, variant)
  const before = cpuNs(server.pid)
  const result = await runLoad(
    loadOf(scenario),
    urlOf(server, variant),
    bench.options.seconds,
    generatorCores(scenario, bench),
  )
  const used = cpuNs(server.pid) - before
  if (result.requests === 0) throw new Error(`${row.peer}: no request was answered in ${scenario.name}`)
  results.push(result)
  add(row, 'cpuUs', used / 1000 / result.requests)
  add(row, 'rps', result.requests / result.seconds)
  add(row, 'busy', used / 1e9 / result.seconds)
  if (result.histogram.length > 0) {
    const { p99Us, p999Us } = mergedLatency([result])
    add(row, 'p99Us', p99Us)
    add(row, 'p999Us', p999Us)
  }
  row.errors += result.errors
  if (result.note !== undefined) row.notes.push(result.note)
  setMemory(row, memoryKib(server.pid))
  const spreadAfter = await connectionsByWorker(server, variant)
  const gained = spreadAfter.map((value, i) => value - (spreadBefore[i] ?? 0))
  if (gained.length > 1)
    add(row, 'busiestWorker', Math.max(...gained) / (gained.reduce((a, b) => a + b, 0) / gained.length))
  if (row.peer !== 'relay') {
    if (kJobs[scenario.job].template === 'http') checkLog(row, server, result.requests)
    server.emptyLog()
  }
  bench.say(
    `${scenario.name} ${variant.name} turn ${turn + 1}: ${row.peer} ${(row.figures.cpuUs?.at(-1) ?? 0).toFixed(1)} µs`,
  )
}

/** @param {Row} row @param {Server} server @param {number} requests */
function checkLog(row, server, requests) {
  const log = readFileSync(server.accessLog)
  let lines = 0
  for (let at = log.indexOf(10); at !== -1; at = log.indexOf(10, at + 1)) lines++
  if (lines < requests - kUnflushedLines) row.notes.push(`${lines} log lines for ${requests} requests`)
}

/**
 * Connections each worker has accepted so far, where the peer tells (Envoy and Nuncio).
 * @param {Server} server @param {Variant} variant
 * @returns {Promise<number[]>}
 */
async function connectionsByWorker(server, variant) {
  if ((variant.workers ?? 1) < 2 || !['envoy', 'nuncio'].includes(server.peer)) return []
  const { body } = await fetchText(server.adminPort, '/stats?filter=worker_.*downstream_cx_total')
  return [...body.matchAll(/^listener\.(?!admin)\S*worker_(\d+)\.downstream_cx_total: (\d+)/gm)]
    .sort((a, b) => Number(a[1]) - Number(b[1]))
    .map(match => Number(match[2]))
}

/**
 * Memory of idle keep-alive connections, each of which has made one request.
 * @param {Scenario} scenario @param {Peer[]} peers @param {Bench} bench
 */
async function measureIdle(scenario, peers, bench) {
  const wanted = bench.options.quick ? 2000 : (scenario.connections ?? 0)
  const count = Math.min(wanted, openFileLimit() - 1000)
  const rows = []
  for (const peer of peers) {
    const row = newRow(scenario.name, '', peer.name)
    rows.push(row)
    const variant = /** @type {Variant} */ (scenario.variants[0])
    /** @type {Server | undefined} */
    let server
    try {
      server = await startServer(peer, { ...startOptions(scenario, variant, bench), ownCopy: true })
      // The same way of opening as below, so that pools and tables that do not grow by connection exist before.
      ;(await holdIdle(server.port, variant.path, 64)).close()
      await sleep(kSettleMs)
      const before = memoryKib(server.pid)
      const held = await holdIdle(server.port, variant.path, count)
      await sleep(1000)
      const after = memoryKib(server.pid)
      if (held.open() !== count) row.notes.push(`only ${held.open()} of ${count} connections stayed open`)
      held.close()
      add(row, 'kibEach', (after.pss - before.pss) / count)
      setMemory(row, after)
      row.notes.push(`${count} connections`)
      bench.say(`${scenario.name}: ${peer.name} ${(row.figures.kibEach?.[0] ?? 0).toFixed(2)} KiB`)
    } catch (error) {
      skip(row, error, bench)
    } finally {
      await server?.stop()
    }
  }
  return rows
}

/**
 * Time from the start of the process to the open port and to the first answer through it; base memory.
 * @param {Scenario} scenario @param {Peer[]} peers @param {Bench} bench
 */
async function measureStart(scenario, peers, bench) {
  const variant = /** @type {Variant} */ (scenario.variants[0])
  const rows = peers.map(peer => newRow(scenario.name, variant.name, peer.name))
  for (let turn = 0; turn < bench.options.turns; turn++) {
    for (const [i, peer] of peers.entries()) {
      const row = /** @type {Row} */ (rows[i])
      try {
        const server = await startServer(peer, { ...startOptions(scenario, variant, bench), ownCopy: true })
        await sleep(kSettleMs)
        const memory = memoryKib(server.pid)
        await server.stop()
        add(row, 'openMs', server.started.openMs)
        add(row, 'servedMs', server.started.servedMs)
        add(row, 'pssMib', memory.pss / 1024)
        setMemory(row, memory)
        bench.say(
          `${scenario.name} turn ${turn + 1}: ${peer.name} ${server.started.servedMs.toFixed(0)} ms, ${(memory.pss / 1024).toFixed(1)} MiB`,
        )
      } catch (error) {
        if (turn === 0) skip(row, error, bench)
      }
    }
  }
  return rows
}

/** What a proxy may need until ten thousand clusters are warm, on a busy machine. */
const kXdsLimitMs = 120_000

/**
 * A configuration from a control plane: how soon it serves, what it costs in memory, how soon a change is seen, what changes cost traffic.
 * @param {Scenario} scenario @param {Peer[]} peers @param {Bench} bench
 */
async function measureXds(scenario, peers, bench) {
  const rows = []
  for (const variant of scenario.variants) {
    for (const peer of peers) {
      const row = newRow(scenario.name, variant.name, peer.name)
      rows.push(row)
      try {
        const base = await withPlane(scenario, variant, peer, bench, 0, async server => memoryKib(server.pid).pss)
        await withPlane(scenario, variant, peer, bench, kManyClusters, async (server, plane) => {
          add(row, 'readyMs', server.started.servedAt - plane.connectedAt)
          await sleep(kSettleMs)
          const memory = memoryKib(server.pid)
          setMemory(row, memory)
          add(row, 'addedMib', (memory.pss - base) / 1024)
          add(row, 'changeP99Ms', await measureChanges(server.port, plane, bench.options.quick ? 20 : 50))
          await trafficUnderUpdates(scenario, row, server, plane, bench)
          row.notes.push(...plane.refusals.slice(0, 2))
        })
        const shown = Object.entries(row.figures).map(
          ([name, values]) => `${name} ${values.map(v => v.toFixed(2)).join(' ')}`,
        )
        row.notes.push(...shown.slice(1))
        bench.say(`${scenario.name} ${variant.name}: ${peer.name} ${shown.join(', ')}`)
      } catch (error) {
        skip(row, error, bench)
      }
    }
  }
  return rows
}

/**
 * @param {Scenario} scenario @param {Variant} variant @param {Peer} peer @param {Bench} bench @param {number} count of clusters
 * @template T @param {(server: Server, plane: Plane) => Promise<T>} use @returns {Promise<T>}
 */
async function withPlane(scenario, variant, peer, bench, count, use) {
  const plane = new Plane({ dialect: variant.dialect ?? 'sotw', count, originPort: bench.origin.port })
  /** @type {Server | undefined} */
  let server
  try {
    server = await startServer(peer, {
      ...startOptions(scenario, variant, bench),
      ownCopy: true,
      limitMs: kXdsLimitMs,
      plane,
    })
    if (count === 0) await sleep(kSettleMs)
    return await use(server, plane)
  } finally {
    await server?.stop()
    plane.stop()
  }
}

/**
 * The p99 of traffic while endpoints change a hundred times a second ÷ the p99 without, in turns.
 * @param {Scenario} scenario @param {Row} row @param {Server} server @param {Plane} plane @param {Bench} bench
 */
async function trafficUnderUpdates(scenario, row, server, plane, bench) {
  const url = `http://127.0.0.1:${server.port}/`
  const load = () => runLoad(loadOf(scenario), url, bench.options.seconds, bench.cores.load)
  await load()
  const all = []
  for (let turn = 0; turn < bench.options.turns; turn++) {
    const quiet = await load()
    const updates = plane.startUpdates()
    const busy = await load()
    updates.stop()
    add(row, 'p99Rise', mergedLatency([busy]).p99Us / mergedLatency([quiet]).p99Us)
    row.errors += quiet.errors + busy.errors
    all.push(busy)
  }
  row.latency = mergedLatency(all)
}
