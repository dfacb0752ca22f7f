import { done, type Endpoint, text } from '../endpoint.js'

// Names of statistics are looked up when scopes are made, never for a request, so there is nothing to record: the pages
// are there, with Envoy's shape, and count nothing.

/** The four pages share whether recording is on. */
export function recentLookups(): readonly Endpoint[] {
  let isOn = false
  const change = (name: string, help: string, run: () => void): Endpoint => ({
    path: `/stats/recentlookups/${name}`,
    help,
    isPost: true,
    answer: () => {
      run()
      return done()
    },
  })
  return [
    {
      path: '/stats/recentlookups',
      help: 'stat names looked up lately',
      answer: () =>
        text(
          isOn
            ? '   Count Lookup\n\ntotal: 0\n'
            : 'Lookup tracking is not enabled. Use /stats/recentlookups/enable to enable.\n\ntotal: 0\n',
        ),
    },
    change('clear', 'forget the recorded names', () => undefined),
    change('disable', 'stop recording names', () => {
      isOn = false
    }),
    change('enable', 'start recording names', () => {
      isOn = true
    }),
  ]
}
