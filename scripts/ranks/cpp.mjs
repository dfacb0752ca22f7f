// Who may include whom in native/: a folder includes from lower ranks and from itself. And who may know which foreign library.
import { join } from 'node:path'
import { readFileSync } from 'node:fs'
import { filesBelow } from '../native-sources.mjs'

const ranks = new Map(
  [
    ['base'],
    ['plan', 'stats', 'node_abi'],
    ['snapshot', 'loop', 'compression'],
    ['net'],
    ['http'],
    ['tcp', 'tls', 'tracing'], // tcp tells a connection's story in http's StreamInfo, tls matches names with http's matchers
    ['routing', 'access_log'],
    ['upstream'],
    ['http_proxy'],
    ['script'],
    ['extensions'],
    ['worker'],
    ['binding'],
  ].flatMap((names, rank) => names.map(name => [name, rank])),
)

// A foreign header, and the folders that may see it.
const foreign = [
  [/^(napi|node_api|js_native_api)\b/, ['binding', 'node_abi'], 'only native/binding knows N-API'],
  [/^uv\.h$/, ['loop', 'binding'], 'only native/loop knows libuv'],
  [/^sys\/epoll\.h$/, ['loop', 'net', 'worker'], 'only native/loop knows epoll; net and worker its event bits'],
  [/^openssl\//, ['tls'], 'only native/tls knows OpenSSL'],
  [/^zlib\.h$/, ['compression'], 'only native/compression knows zlib'],
  [/^re2\//, ['base'], 'only native/base/regex knows RE2'],
]

function areaOf(path) {
  if (path.startsWith('src/extensions/')) return 'extensions'
  if (path.startsWith('generated/')) return 'plan'
  return path.replace(/^native\//, '').split('/')[0]
}

function checkFile(path, text) {
  const here = areaOf(path)
  return [...text.matchAll(/^\s*#\s*include\s*([<"])([^>"]+)[>"]/gm)].flatMap(([, bracket, target]) => {
    const rule = foreign.find(([pattern]) => pattern.test(target))
    if (rule !== undefined) return rule[1].includes(here) ? [] : [`${path}: <${target}>: ${rule[2]}`]
    if (bracket === '<') return []
    const there = areaOf(target)
    const [rank, other] = [ranks.get(here), ranks.get(there)]
    if (rank === undefined || other === undefined)
      return [`${path}: "${target}": ${rank === undefined ? here : there} has no rank`]
    return here === there || other < rank
      ? []
      : [`${path}: "${target}": ${here} (rank ${rank}) includes ${there} (rank ${other})`]
  })
}

/** @returns {string[]} one line for each include that goes the wrong way */
export function cppViolations(root) {
  const isCode = path => /\.(cc|h)$/.test(path) && !path.startsWith('native/generated/')
  return [...filesBelow('native', isCode), ...filesBelow('src/extensions', isCode)].flatMap(path =>
    checkFile(path, readFileSync(join(root, path), 'utf8')),
  )
}
