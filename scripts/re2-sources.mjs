#!/usr/bin/env node
// RE2, the regular-expression library, from the sources inside the npm package `re2` (only the sources are used, not its
// addon). Lists what native/base/regex.cc needs, and makes a static library of it for builds outside node-gyp.
//
//   node scripts/re2-sources.mjs            the source files, one a line, relative to the repository (for binding.gyp)
//   node scripts/re2-sources.mjs --include  the folder for -isystem
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { spawn, spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const manifest = createRequire(import.meta.url).resolve('re2/package.json')

export const re2Include = join(dirname(manifest), 'vendor')

export const re2Sources = [
  ...[
    'bitmap256',
    'bitstate',
    'compile',
    'dfa',
    'nfa',
    'onepass',
    'parse',
    'perl_groups',
    'prog',
    're2',
    'regexp',
    'simplify',
    'stringpiece',
    'tostring',
    'unicode_casefold',
    'unicode_groups',
  ].map(name => join(re2Include, 're2', `${name}.cc`)),
  ...['rune', 'strutil'].map(name => join(re2Include, 'util', `${name}.cc`)),
]

/** RE2's own code has warnings of its own; symbols stay hidden, so that no other copy in the process is ever called. */
export const re2Flags = [
  '-std=c++20',
  '-O2',
  '-fPIC',
  '-pthread',
  '-DNDEBUG',
  '-fno-exceptions',
  '-fno-rtti',
  '-fvisibility=hidden',
  '-w',
  `-I${re2Include}`,
]

/**
 * The static library, built once for each compiler and package version; several builds may go on at once.
 * @param {{ compiler?: string, jobs?: number, flags?: readonly string[], output?: string }} [options]
 * @returns {Promise<string>} its path
 */
export async function buildRe2({
  compiler = process.env.CXX ?? 'g++',
  jobs = 2,
  flags = [],
  output = join(root, '.cache', 're2'),
} = {}) {
  const version = JSON.parse(readFileSync(manifest, 'utf8')).version
  const all = [...re2Flags, ...flags]
  const key = createHash('sha256')
    .update([compiler, version, ...all].join(' '))
    .digest('hex')
    .slice(0, 12)
  const folder = join(output, key)
  const archive = join(folder, 'libre2.a')
  if (existsSync(archive)) return archive
  mkdirSync(folder, { recursive: true })
  const objects = []
  const queue = [...re2Sources]
  const work = async () => {
    for (let source = queue.shift(); source !== undefined; source = queue.shift()) {
      const object = join(folder, `${basename(source, '.cc')}.${process.pid}.o`)
      objects.push(object)
      const child = spawn(compiler, [...all, '-c', source, '-o', object], { stdio: 'inherit' })
      const code = await new Promise(done => child.on('close', done))
      if (code !== 0) throw new Error(`${source} does not compile`)
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, jobs) }, work))
  const fresh = `${archive}.${process.pid}`
  if (spawnSync('ar', ['rcs', fresh, ...objects.sort()], { stdio: 'inherit' }).status !== 0)
    throw new Error('ar failed')
  renameSync(fresh, archive)
  return archive
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const lines = process.argv.includes('--include') ? [re2Include] : re2Sources
  process.stdout.write(`${lines.map(path => relative(root, path)).join('\n')}\n`)
}
