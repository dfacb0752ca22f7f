// A hundred updates of every kind from a management server under load: no request fails. scripts/soak.mjs has the long run.
import { feature } from '../support/scenario.js'
import { updatesPerRound, updatesUnderLoad } from '../support/updates-under-load.js'

const rounds = Math.ceil(100 / updatesPerRound)

feature('updates under load', { file: import.meta.url, withoutProxy: true }, f => {
  for (const isDelta of [false, true])
    f.scenario(
      isDelta ? 'delta' : 'state of the world',
      { sees: 'every answer was 200; every kind was taken' },
      async s => {
        const { answers, taken } = await updatesUnderLoad(isDelta, rounds, 60_000)
        const failed = [...answers].filter(([answer]) => answer !== '200')
        const missed = [...taken].filter(([, count]) => count < rounds)
        const verdicts = [
          failed.length === 0 ? 'every answer was 200' : JSON.stringify(failed),
          missed.length === 0 ? 'every kind was taken' : JSON.stringify(missed),
        ]
        s.note(verdicts.join('; '))
      },
    )
})
