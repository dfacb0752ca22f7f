// Prints the one table, and the bars below it.

import { execFileSync } from 'node:child_process'
import { cpus, loadavg, release } from 'node:os'
import { bestPeer, judge, median, medianRatio, spread } from './judge.mjs'
import { kRoot } from './tools.mjs'

/** @typedef {import("./measure.mjs").Row} Row */
/** @typedef {import("./scenarios.mjs").Scenario} Scenario */

const kHead = [
  'work',
  'peer',
  'figure',
  'spread',
  'ratio',
  'bar',
  'req/s',
  'p50 ms',
  'p99 ms',
  'busy',
  'RSS MiB',
  'PSS MiB',
  'notes',
]

/** @param {Map<string, import("./servers.mjs").Peer>} peers */
export function describeMachine(peers) {
  return {
    date: new Date().toISOString(),
    commit: commit(),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    kernel: release(),
    node: process.version,
    loadAverage: loadavg().map(value => Number(value.toFixed(2))),
    peers: Object.fromEntries([...peers.values()].map(peer => [peer.name, peer.problem ?? peer.version])),
  }
}

function commit() {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], {
      cwd: kRoot,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return 'unknown'
  }
}

/** @param {ReturnType<typeof describeMachine>} machine */
export function printMachine(machine) {
  const { cpu, cores, kernel, node, commit: at, date, loadAverage, peers } = machine
  console.log(
    `${date}  commit ${at}\n${cpu}, ${cores} cores, kernel ${kernel}, node ${node}, load ${loadAverage.join(' ')}`,
  )
  for (const [name, text] of Object.entries(peers)) console.log(`  ${name}: ${text}`)
}

/**
 * @param {{ scenario: Scenario, rows: Row[] }[]} results @param {string} subject
 */
export function printTable(results, subject) {
  const lines = [kHead]
  for (const { scenario, rows } of results) {
    lines.push([`${scenario.name}: ${scenario.title}`])
    for (const row of rows) lines.push(tableLine(scenario, row, rows, subject))
  }
  const widths = kHead.map((_, column) =>
    Math.max(...lines.filter(line => line.length > 1).map(line => (line[column] ?? '').length)),
  )
  console.log()
  for (const line of lines) {
    if (line.length === 1) console.log(`\n${line[0]}`)
    else
      console.log(
        line
          .map((cell, i) =>
            i < 2 || i === kHead.length - 1 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0),
          )
          .join('  ')
          .trimEnd(),
      )
  }
}

/** @param {Scenario} scenario @param {Row} row @param {Row[]} rows @param {string} subject */
function tableLine(scenario, row, rows, subject) {
  const values = row.figures[scenario.figure] ?? []
  const value = median(values)
  const ratio =
    row.peer === subject ? undefined : medianRatio(subjectTwin(row, rows, subject)?.figures[scenario.figure], values)
  const number = (/** @type {number | undefined} */ x, digits = 1) => (x === undefined ? '' : x.toFixed(digits))
  return [
    row.variant,
    row.peer,
    value === undefined ? 'skipped' : `${number(value, scenario.unit === 'KiB' ? 2 : 1)} ${scenario.unit}`,
    values.length > 1 ? number(spread(values), 2) : '',
    number(ratio, 2),
    ratio === undefined ? '' : barFor(scenario, row, rows, subject, ratio),
    number(median(row.figures.rps ?? []), 0),
    row.latency === undefined ? '' : number(row.latency.p50Us / 1000, 2),
    row.latency === undefined ? '' : number(row.latency.p99Us / 1000, 2),
    row.figures.busy === undefined ? '' : `${number((median(row.figures.busy) ?? 0) * 100, 0)}%`,
    value === undefined ? '' : number(row.rssMib),
    value === undefined ? '' : number(row.pssMib),
    notesOf(scenario, row, rows),
  ]
}

/** @param {Row} row @param {Row[]} rows @param {string} subject */
function subjectTwin(row, rows, subject) {
  return rows.find(other => other.peer === subject && other.variant === row.variant)
}

/** @param {Scenario} scenario @param {Row} row @param {Row[]} rows @param {string} subject @param {number} ratio */
function barFor(scenario, row, rows, subject, ratio) {
  const best = bestPeer(scenario, rows, subject)
  for (const bar of scenario.bars) {
    if (!('ratioTo' in bar)) continue
    if (bar.ratioTo === row.peer || (bar.ratioTo === 'best' && best === row.peer))
      return `≤${bar.atMost} ${ratio <= bar.atMost ? 'pass' : 'FAIL'}`
  }
  return ''
}

/** @param {Scenario} scenario @param {Row} row @param {Row[]} rows */
function notesOf(scenario, row, rows) {
  const notes = [...new Set(row.notes)]
  if (row.errors > 0) notes.push(`${row.errors} errors`)
  const [first, second] = scenario.variants
  if (first !== undefined && second !== undefined && row.variant === second.name) {
    const base = rows.find(other => other.peer === row.peer && other.variant === first.name)
    const ratio = medianRatio(row.figures[scenario.figure], base?.figures[scenario.figure])
    if (ratio !== undefined) notes.push(`${second.name} ÷ ${first.name} = ${ratio.toFixed(2)}`)
  }
  const busiest = median(row.figures.busiestWorker ?? [])
  if (busiest !== undefined) notes.push(`busiest worker ${busiest.toFixed(2)} × the mean`)
  const open = median(row.figures.openMs ?? [])
  if (open !== undefined) notes.push(`port open after ${open.toFixed(0)} ms`)
  return notes.join('; ')
}

/**
 * @param {{ scenario: Scenario, rows: Row[] }[]} results @param {string} subject
 * @returns {import("./judge.mjs").Verdict[]}
 */
export function printBars(results, subject) {
  const verdicts = results.flatMap(({ scenario, rows }) => judge(scenario, rows, subject))
  if (verdicts.length === 0) return verdicts
  console.log(`\nBars for ${subject}`)
  for (const { scenario, text, measured, atMost, verdict } of verdicts) {
    const shown = measured === undefined ? '-' : measured.toFixed(2)
    console.log(
      `  ${(verdict === 'fail' ? 'FAIL' : verdict).padEnd(12)}  ${scenario.padEnd(17)} ${text.padEnd(28)} ${shown} ≤ ${atMost}`,
    )
  }
  const count = (/** @type {string} */ name) => verdicts.filter(v => v.verdict === name).length
  console.log(`  ${count('pass')} pass, ${count('fail')} fail, ${count('not measured')} not measured`)
  return verdicts
}
