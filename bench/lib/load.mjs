// Load generators. Each returns the same figures, so a scenario only names its tool.

import { join } from 'node:path'
import hdr from 'hdr-histogram-js'
import { findProgram, kRoot, toolEnvironment } from './tools.mjs'
import { run } from './processes.mjs'

/**
 * @typedef {object} LoadPlan
 * @property {"wrk"} tool
 * @property {string} script       file of bench/wrk/
 * @property {number} connections
 */
/**
 * @typedef {object} LoadResult
 * @property {number} requests
 * @property {number} seconds
 * @property {number} errors       answers other than 2xx and 3xx, broken sockets, timeouts
 * @property {[number, number][]} histogram  [microseconds, count]
 */

/** @type {Record<string, (plan: LoadPlan, url: string, seconds: number, cores: string) => Promise<LoadResult>>} */
const tools = { wrk: runWrk }

/**
 * @param {LoadPlan} plan @param {string} url @param {number} seconds @param {string} cores
 * @returns {Promise<LoadResult>}
 */
export function runLoad(plan, url, seconds, cores) {
  const tool = tools[plan.tool]
  if (tool === undefined) throw new Error(`unknown load tool ${plan.tool}`)
  return tool(plan, url, seconds, cores)
}

/** @type {(plan: LoadPlan, url: string, seconds: number, cores: string) => Promise<LoadResult>} */
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
  const { code, stdout, stderr } = await run([binary, ...args], {
    cores,
    cwd: join(kRoot, 'bench/wrk'),
    env: toolEnvironment(),
  })
  const line = stdout.split('\n').find(text => text.startsWith('BENCH '))
  if (code !== 0 || line === undefined) throw new Error(`wrk: ${stderr.trim() || stdout.trim() || 'no result'}`)
  const { requests, durationUs, errors, histogram } = JSON.parse(line.slice('BENCH '.length))
  const { connect, read, write, status, timeout } = errors
  return { requests, seconds: durationUs / 1e6, errors: connect + read + write + status + timeout, histogram }
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
