// The benchmark's command line.

export const kPeerNames = ['relay', 'nginx', 'haproxy', 'envoy', 'nuncio']

const kUsage = `npm run bench [-- OPTIONS]
  --only NAME[,NAME]     scenarios whose name starts with one of these (--list shows all)
  --peers NAME[,NAME]    of ${kPeerNames.join(', ')}; nuncio is always added
  --subject NAME         whose ratio to the others is printed (nuncio)
  --seconds N            length of one run (3)
  --turns N              how often each is run, in turn A B A B (3)
  --quick                1 second, 2 turns, fewer idle connections
  --json FILE            everything measured, as JSON
  --list                 names of the scenarios
  --keep                 keep the working folder (configs, logs) and print its path`

/**
 * @typedef {object} Options
 * @property {string[]} only      prefixes of scenario names; empty means all
 * @property {string[]} peers     without the subject
 * @property {string} subject
 * @property {number} seconds
 * @property {number} turns
 * @property {boolean} quick
 * @property {string | undefined} json
 * @property {boolean} list
 * @property {boolean} keep
 */

/** @param {string} text @param {string} flag */
function positive(text, flag) {
  const value = Number(text)
  if (!(value > 0)) throw new Error(`${flag}: a number above 0 is wanted, not "${text}"`)
  return value
}

/**
 * @param {string[]} argv
 * @returns {Options | { usage: string }}
 */
export function parseOptions(argv) {
  /** @type {Map<string, string>} */
  const values = new Map()
  const switches = new Set()
  for (let i = 0; i < argv.length; i++) {
    const [flag, inline] = /** @type {string} */ (argv[i]).split(/=(.*)/s)
    if (flag === '--') continue
    if (flag === '--help' || flag === '-h') return { usage: kUsage }
    if (['--quick', '--list', '--keep'].includes(flag ?? '')) {
      switches.add(flag)
      continue
    }
    if (!['--only', '--peers', '--subject', '--seconds', '--turns', '--json'].includes(flag ?? '')) {
      throw new Error(`unknown option ${flag}\n${kUsage}`)
    }
    const value = inline ?? argv[++i]
    if (value === undefined) throw new Error(`${flag}: a value is missing`)
    values.set(/** @type {string} */ (flag), value)
  }
  const quick = switches.has('--quick')
  const names = (/** @type {string} */ flag) =>
    (values.get(flag) ?? '')
      .split(',')
      .map(s => s.trim())
      .filter(s => s !== '')
  const subject = values.get('--subject') ?? 'nuncio'
  const peers = values.has('--peers') ? names('--peers') : kPeerNames
  for (const name of [...peers, subject]) {
    if (!kPeerNames.includes(name)) throw new Error(`unknown peer "${name}"; known: ${kPeerNames.join(', ')}`)
  }
  return {
    only: names('--only'),
    peers: peers.filter(name => name !== subject),
    subject,
    seconds: positive(values.get('--seconds') ?? (quick ? '1' : '3'), '--seconds'),
    turns: Math.ceil(positive(values.get('--turns') ?? (quick ? '2' : '3'), '--turns')),
    quick,
    json: values.get('--json'),
    list: switches.has('--list'),
    keep: switches.has('--keep'),
  }
}
