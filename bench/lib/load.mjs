// Load generators. Each returns the same figures, so a scenario only names its tool.

import { join } from 'node:path'
import hdr from 'hdr-histogram-js'
import { buildTlsClient, findProgram, kRoot, toolEnvironment } from './tools.mjs'
import { run } from './processes.mjs'

/**
 * @typedef {{ tool: "wrk", script: string, connections: number }} WrkPlan   `script` is a file of bench/wrk/
 * @typedef {{ tool: "h2load", connections: number, streams: number }} H2loadPlan  `streams` at a time on each connection
 * @typedef {{ tool: "tls", handshake: "full" | "resumed", connections: number }} TlsPlan  one request a connection
 * @typedef {WrkPlan | H2loadPlan | TlsPlan} LoadPlan
 */
/**
 * @typedef {object} LoadResult
 * @property {number} requests
 * @property {number} seconds
 * @property {number} errors       answers other than 2xx and 3xx, broken sockets, timeouts
 * @property {[number, number][]} histogram  [microseconds, count]; empty where the tool keeps none
 * @property {string} [note]       what was not as the plan wants it
 */

/**
 * @param {LoadPlan} plan @param {string} url @param {number} seconds @param {string} cores
 * @returns {Promise<LoadResult>}
 */
export function runLoad(plan, url, seconds, cores) {
  if (plan.tool === 'h2load') return runH2load(plan, url, seconds, cores)
  if (plan.tool === 'tls') return runTls(plan, url, seconds, cores)
  return runWrk(plan, url, seconds, cores)
}

/** @param {string} name @param {{ code: number | null, stdout: string, stderr: string }} result @returns {LoadResult & { resumed: number }} */
function benchLine(name, { code, stdout, stderr }) {
  const line = stdout.split('\n').find(text => text.startsWith('BENCH '))
  if (code !== 0 || line === undefined) throw new Error(`${name}: ${stderr.trim() || stdout.trim() || 'no result'}`)
  const { requests, resumed = 0, durationUs, errors, histogram } = JSON.parse(line.slice('BENCH '.length))
  const { connect, read, write, status, timeout } = errors
  return { requests, resumed, seconds: durationUs / 1e6, errors: connect + read + write + status + timeout, histogram }
}

/** @type {(plan: WrkPlan, url: string, seconds: number, cores: string) => Promise<LoadResult>} */
async function runWrk(plan, url, seconds, cores) {
  const binary = findProgram('wrk')
  if (binary === undefined) throw new Error('wrk is missing')
  // wrk counts whole seconds only.
  const duration = Math.max(1, Math.round(seconds))
  const args = [
    '-t',
    '1',
    '-c',
    String(plan.connections),
    '-d',
    `${duration}s`,
    '--timeout',
    '5s',
    '-s',
    plan.script,
    url,
  ]
  const cwd = join(kRoot, 'bench/wrk')
  return benchLine('wrk', await run([binary, ...args], { cores, cwd, env: toolEnvironment() }))
}

/** @type {(plan: H2loadPlan, url: string, seconds: number, cores: string) => Promise<LoadResult>} */
async function runH2load({ connections, streams }, url, seconds, cores) {
  const binary = findProgram('h2load')
  if (binary === undefined) throw new Error('h2load is missing')
  const duration = Math.max(1, Math.round(seconds))
  const args = ['-t', '1', '-c', String(connections), '-m', String(streams), '-D', String(duration), url]
  const { code, stdout, stderr } = await run([binary, ...args], { cores, env: toolEnvironment() })
  const counts = /^requests: .*, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/m.exec(stdout)
  const time = /^finished in ([\d.]+)(ms|s),/m.exec(stdout)
  if (code !== 0 || counts === null || time === null) throw new Error(`h2load: ${stderr.trim() || stdout.trim()}`)
  const [, requests, , failed, , timeouts] = counts.map(Number)
  return {
    requests: requests ?? 0,
    seconds: Number(time[1]) / (time[2] === 'ms' ? 1000 : 1),
    // What is under way when the time is up counts as errored too, so that number says nothing.
    errors: (failed ?? 0) + (timeouts ?? 0),
    histogram: [],
  }
}

/** @type {(plan: TlsPlan, url: string, seconds: number, cores: string) => Promise<LoadResult>} */
async function runTls({ handshake, connections }, url, seconds, cores) {
  const { path: binary, problem } = await buildTlsClient()
  if (binary === undefined) throw new Error(problem)
  const { port, pathname } = new URL(url)
  const args = [port, String(connections), String(seconds), handshake, pathname]
  const result = benchLine('tls_client', await run([binary, ...args], { cores, env: toolEnvironment() }))
  // The first connection of each place has nothing to resume.
  const wanted = handshake === 'full' ? 0 : result.requests - connections
  if (handshake === 'full' ? result.resumed > 0 : result.resumed < 0.99 * wanted)
    return { ...result, note: `${result.resumed} of ${result.requests} handshakes were resumed` }
  return result
}

/**
 * Percentiles over several runs together: their histograms added, not their percentiles averaged.
 * @param {LoadResult[]} results
 */
export function mergedLatency(results) {
  const all = hdr.build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 60_000_000,
    numberOfSignificantValueDigits: 3,
  })
  for (const { histogram } of results) {
    for (const [value, count] of histogram) all.recordValueWithCount(Math.max(1, value), count)
  }
  return {
    p50Us: all.getValueAtPercentile(50),
    p99Us: all.getValueAtPercentile(99),
    p999Us: all.getValueAtPercentile(99.9),
  }
}
