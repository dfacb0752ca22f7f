// Runs Nuncio beside nginx, HAProxy, Envoy and a byte relay at equal jobs, and prints one table.
// How to read it: bench/README.md. The scenarios and their bars: bench/lib/scenarios.mjs.

import { writeFileSync } from 'node:fs'
import { makeCertificates } from '../bench/lib/certificates.mjs'
import { measure } from '../bench/lib/measure.mjs'
import { parseOptions } from '../bench/lib/options.mjs'
import { chooseCores } from '../bench/lib/proc-stats.mjs'
import { killAllNow, run } from '../bench/lib/processes.mjs'
import { describeMachine, printBars, printMachine, printTable } from '../bench/lib/report.mjs'
import { kScenarios } from '../bench/lib/scenarios.mjs'
import { findPeers, startOrigin } from '../bench/lib/servers.mjs'
import { findProgram, kInstallHint } from '../bench/lib/tools.mjs'
import { makeWorkspace, removeWorkspace } from '../bench/lib/workspace.mjs'

/** @typedef {import("../bench/lib/options.mjs").Options} Options */

/** @param {Options} options */
function chosen(options) {
  if (options.only.length === 0) return kScenarios
  return kScenarios.filter(({ name }) => options.only.some(prefix => name === prefix || name.startsWith(`${prefix}-`)))
}

/** @param {Options} options @param {string} dir */
async function bench(options, dir) {
  const scenarios = chosen(options)
  if (scenarios.length === 0) throw new Error(`no scenario is named ${options.only.join(', ')}; see --list`)
  const cores = chooseCores()
  if (!cores.enough) console.error('one core only: proxy and load share it, so only CPU per request means anything')
  // This process works beside the load, never on the proxy's core.
  await run(['taskset', '-acp', cores.load, String(process.pid)])

  const peers = await findPeers([...options.peers, options.subject])
  for (const name of ['nginx', 'wrk']) {
    if (findProgram(name) === undefined)
      throw new Error(`${name} is missing and could not be fetched; type: ${kInstallHint}`)
  }
  const machine = describeMachine(peers)
  printMachine(machine)
  const origin = await startOrigin(dir, cores.load)
  const certificates = await makeCertificates(dir)
  const results = []
  for (const scenario of scenarios) {
    const present = scenario.peers
      .map(name => peers.get(name))
      .filter(peer => peer !== undefined && peer.problem === undefined)
    const rows = await measure(scenario, /** @type {import("../bench/lib/servers.mjs").Peer[]} */ (present), {
      dir,
      origin,
      certificates,
      cores,
      options,
      say: text => console.error(text),
    })
    results.push({ scenario, rows })
  }
  printTable(results, options.subject)
  const verdicts = printBars(results, options.subject)
  if (options.json !== undefined) {
    const data = { machine, options, results: results.map(({ scenario, rows }) => ({ ...scenario, rows })), verdicts }
    writeFileSync(options.json, `${JSON.stringify(data, null, 1)}\n`)
  }
}

async function main() {
  const options = parseOptions(process.argv.slice(2))
  if ('usage' in options) {
    console.log(options.usage)
    return
  }
  if (options.list) {
    for (const { name, title } of kScenarios) console.log(`${name.padEnd(18)} ${title}`)
    return
  }
  const dir = makeWorkspace()
  const leave = () => {
    killAllNow()
    if (options.keep) console.error(`kept ${dir}`)
    else removeWorkspace(dir)
  }
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.once(signal, () => {
      leave()
      process.exit(130)
    })
  }
  try {
    await bench(options, dir)
  } finally {
    leave()
  }
}

main().catch(error => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
