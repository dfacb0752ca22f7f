// Ratios and bars. These machines change by a third from minute to minute, so a ratio is taken inside
// each turn, where its two sides ran one after the other, and the median of the turns counts.

import { kRealPeers } from './scenarios.mjs'

/** @typedef {import("./measure.mjs").Row} Row */
/** @typedef {import("./scenarios.mjs").Scenario} Scenario */
/** @typedef {{ scenario: string, text: string, measured: number | undefined, atMost: number, verdict: "pass" | "fail" | "not measured" }} Verdict */

/** @param {number[]} values @returns {number | undefined} */
export function median(values) {
  if (values.length === 0) return undefined
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = /** @type {number} */ (sorted[middle])
  return sorted.length % 2 === 1 ? upper : (upper + /** @type {number} */ (sorted[middle - 1])) / 2
}

/** @param {number[] | undefined} above @param {number[] | undefined} below */
export function medianRatio(above, below) {
  if (above === undefined || below === undefined) return undefined
  const turns = Math.min(above.length, below.length)
  return median(
    Array.from({ length: turns }, (_, i) => /** @type {number} */ (above[i]) / /** @type {number} */ (below[i])),
  )
}

/** Largest ÷ smallest of the turns: how far the machine moved. @param {number[]} values */
export function spread(values) {
  return values.length < 2 ? 1 : Math.max(...values) / Math.min(...values)
}

/** @param {Row[]} rows @param {string} peer @param {string} [variant] */
function rowOf(rows, peer, variant) {
  return rows.find(row => row.peer === peer && (variant === undefined || row.variant === variant))
}

/** @param {Scenario} scenario @param {Row[]} rows @param {string} subject the best real peer, by median */
export function bestPeer(scenario, rows, subject) {
  return kRealPeers
    .filter(name => name !== subject)
    .map(name => ({ name, value: median(rowOf(rows, name)?.figures[scenario.figure] ?? []) }))
    .filter(entry => entry.value !== undefined)
    .sort((a, b) => /** @type {number} */ (a.value) - /** @type {number} */ (b.value))[0]?.name
}

/**
 * @param {Scenario} scenario @param {Row[]} rows of that scenario @param {string} subject
 * @returns {Verdict[]}
 */
export function judge(scenario, rows, subject) {
  return scenario.bars.map(bar => {
    const { text, measured } = applyBar(bar, scenario, rows, subject)
    const verdict = measured === undefined ? 'not measured' : measured <= bar.atMost ? 'pass' : 'fail'
    return { scenario: scenario.name, text, measured, atMost: bar.atMost, verdict }
  })
}

/**
 * @param {import("./scenarios.mjs").Bar} bar @param {Scenario} scenario @param {Row[]} rows @param {string} subject
 * @returns {{ text: string, measured: number | undefined }}
 */
function applyBar(bar, scenario, rows, subject) {
  if ('ratioTo' in bar) {
    const peer = bar.ratioTo === 'best' ? bestPeer(scenario, rows, subject) : bar.ratioTo
    const figure = bar.figure ?? scenario.figure
    const of = [bar.variant, bar.figure].filter(name => name !== undefined).join(' ')
    const text = `${of}${of === '' ? '' : ' '}${bar.ratioTo === 'best' ? `÷ the best, ${peer ?? 'none'}` : `÷ ${bar.ratioTo}`}`
    if (peer === undefined || peer === subject) return { text, measured: undefined }
    const [mine, theirs] = [subject, peer].map(name => rowOf(rows, name, bar.variant)?.figures[figure])
    return { text, measured: medianRatio(mine, theirs) }
  }
  if ('variants' in bar) {
    const figure = bar.figure ?? scenario.figure
    const [above, below] = bar.variants.map(variant => rowOf(rows, subject, variant)?.figures[figure])
    const text = `${bar.variants[0]} ÷ ${bar.variants[1]}${bar.figure === undefined ? '' : `, ${bar.figure}`}`
    return { text, measured: medianRatio(above, below) }
  }
  const values = rowOf(rows, subject, bar.variant)?.figures[bar.figure] ?? []
  return {
    text: `${bar.variant === undefined ? '' : `${bar.variant} `}${bar.figure}, ${bar.unit}`,
    measured: median(values),
  }
}
