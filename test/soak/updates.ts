/**
 * Sends updates of every kind by ADS under traffic, first state of the world, then delta, and says what became of the requests.
 *
 *   node scripts/soak.mjs updates [--updates 1000] [--limit 30]
 *
 * `--updates` for both together; `--limit` in seconds, each half of it. Ends with 1 when a request failed or there was no time for all updates.
 */
import { updatesPerRound, updatesUnderLoad } from '../support/updates-under-load.js'

const flag = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? fallback : Number(process.argv[at + 1])
}
const rounds = Math.ceil(flag('updates', 1000) / updatesPerRound / 2)
const limitMs = (flag('limit', 30) * 1000) / 2

let isGood = true
for (const isDelta of [false, true]) {
  const { answers, taken, updates } = await updatesUnderLoad(isDelta, rounds, limitMs)
  const all = (counts: ReadonlyMap<string, number>): string => [...counts].map(([name, n]) => `${name} ${n}`).join(', ')
  console.log(
    `${isDelta ? 'delta' : 'state of the world'}: ${updates} updates (${all(taken)}); answers: ${all(answers)}`,
  )
  isGood &&= updates >= rounds * updatesPerRound && [...answers.keys()].join() === '200'
}
process.exit(isGood ? 0 : 1)
