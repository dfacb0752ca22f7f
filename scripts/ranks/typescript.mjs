// Who may import whom in src/: a folder imports from lower ranks and from itself. Type imports count like any other.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

const ranks = new Map(
  [
    ['support'],
    ['protos', 'generated/protos', 'generated/plan'],
    ['api'],
    ['native', 'threads'],
    ['config', 'stats', 'script'],
    ['xds', 'plan'],
    ['snapshot', 'upstream'],
    ['admin'],
    ['main', 'worker', 'compile'],
    ['testing'],
    ['index', 'cli'],
  ].flatMap((names, rank) => names.map(name => [name, rank])),
)

// Only these may know the list of extension folders.
const mayLoadExtensions = new Set(['src/main/server.ts', 'src/compile/entry.ts', 'src/worker/entry.ts'])

/** The folder of chapter 3's table that a file below src/ belongs to. */
function areaOf(path) {
  const parts = path.split('/').slice(1)
  if (parts[0] === 'generated') {
    if (parts[1] === 'protos') return 'generated/protos'
    return parts[1] === 'extensions.ts' ? 'generated/extensions' : 'generated/plan'
  }
  if (parts[0].startsWith('command-line')) return 'config'
  return parts.length === 1 ? parts[0].replace(/\.ts$/, '').replace(/\.test$/, '') : parts[0]
}

function importsOf(text) {
  const code = text.replace(/\/\*[^]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
  return [...code.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)'(\.{1,2}\/[^']+)'/g)].map(match => match[1])
}

function verdict(from, to) {
  const [here, there] = [areaOf(from), areaOf(to)]
  if (here === 'extensions') {
    const folder = dirname(from)
    const isNear =
      to.startsWith(`${folder}/`) ||
      to.startsWith(`${dirname(folder)}/common/`) ||
      to.startsWith(`${dirname(dirname(folder))}/common/`)
    const isAllowed = isNear || ['api', 'support', 'protos', 'generated/protos', 'generated/plan'].includes(there)
    return isAllowed ? undefined : 'an extension imports api, support, protos and its own folder only'
  }
  const isForTests = /\.test\.ts$|-fixture\.ts$/.test(from)
  if (isForTests && (there === 'generated/extensions' || there === 'extensions')) return undefined
  if (there === 'generated/extensions')
    return mayLoadExtensions.has(from) ? undefined : 'only composition roots import the extensions'
  if (there === 'extensions') return here === 'generated/extensions' ? undefined : 'the core imports no extension'
  if (here === there) return undefined
  if (here === 'generated/extensions') return there === 'api' ? undefined : 'the list of extensions imports api only'
  const [rank, other] = [ranks.get(here), ranks.get(there)]
  if (rank === undefined) return `${here} has no rank`
  if (other === undefined) return `${there} has no rank`
  return other < rank ? undefined : `${here} (rank ${rank}) imports ${there} (rank ${other})`
}

/** @returns {string[]} one line for each import that goes the wrong way */
export function typescriptViolations(root) {
  const top = join(root, 'src')
  const files = readdirSync(top, { recursive: true })
    .map(String)
    .filter(name => name.endsWith('.ts') && !name.startsWith('generated/protos'))
  return files.sort().flatMap(name => {
    const file = join(top, name)
    const from = relative(root, file)
    return importsOf(readFileSync(file, 'utf8')).flatMap(specifier => {
      const target = resolve(dirname(file), specifier).replace(/\.js$/, '.ts')
      const to = relative(root, target)
      if (!to.startsWith('src/')) return []
      if (!existsSync(target) && !to.startsWith('src/generated/'))
        return [`${from}: imports ${specifier}, which is not there`]
      const why = verdict(from, to)
      return why === undefined ? [] : [`${from}: ${specifier}: ${why}`]
    })
  })
}
