#!/usr/bin/env node
// Builds and runs the C++ tests: every source below native/ (but not native/binding) with test/native/**/*.cc as one
// addon, loaded by the running node, whose llhttp and libuv the code uses. Only what changed is compiled again.
//
//   node scripts/native-tests.mjs [--sanitize] [--only=TEXT] [--verbose] [--jobs=2] [FOLDER…]
//
// FOLDER: `native/http` takes only these sources (several may be given) and the tests named after them (http_test.cc,
// http_*_test.cc, test/native/http/…); `test/native/h1` names tests instead. --only runs tests whose name has TEXT.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { buildRe2, re2Include } from './re2-sources.mjs'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sanitize: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    jobs: { type: 'string', default: '2' },
  },
})

const include = join(dirname(dirname(process.execPath)), 'include', 'node')
const compiler = process.env.CXX ?? 'g++'
const flags = [
  '-std=c++20', '-fPIC', '-g', '-fno-rtti', '-fno-exceptions', '-fvisibility=hidden', '-pthread',
  '-Wall', '-Wextra', '-Werror', '-DNAPI_VERSION=8',
  ...(options.sanitize
    ? ['-O1', '-fno-omit-frame-pointer', '-fsanitize=address,undefined', '-fno-sanitize-recover=undefined']
    : ['-O2']),
  `-I${root}/native`, `-I${root}`, '-isystem', include, '-isystem', re2Include,
]

// One folder for each set of flags, one addon for each set of objects; files appear whole, so that several runs may
// go on at once.
const hashOf = (text) => createHash('sha256').update(text).digest('hex').slice(0, 12)
const output = join(root, '.cache', 'native-tests', hashOf([compiler, ...flags].join(' ')))

const sources = selectSources()
const objects = await compileAll(sources)
const addon = link([...objects, await buildRe2({ compiler, jobs: Number(options.jobs) })])
process.exitCode = runTests(addon)

function walk(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.cc'))
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
    .sort()
}

function selectSources() {
  const wanted = positionals.map((path) => relative(root, resolve(path)))
  const folders = wanted.filter((path) => path === 'native' || path.startsWith('native/'))
  const names = wanted.filter((path) => path.startsWith('test/'))
  const code = walk(join(root, 'native'))
    .filter((path) => !path.startsWith('native/binding/'))
    .filter((path) => folders.length === 0 || folders.some((folder) => path === folder || path.startsWith(`${folder}/`)))
  const areas = folders.map((folder) => basename(folder))
  const tests = walk(join(root, 'test', 'native')).filter((path) => {
    if (path === 'test/native/runner.cc' || wanted.length === 0) return true
    if (names.some((name) => path.startsWith(name))) return true
    const inside = path.slice('test/native/'.length)
    return names.length === 0 && areas.some((area) => inside.startsWith(`${area}_`) || inside.startsWith(`${area}/`))
  })
  return [...code, ...tests]
}

/** Is `object` newer than its source and every header it was made from? */
function upToDate(object) {
  const dependencies = `${object}.d`
  if (!existsSync(object) || !existsSync(dependencies)) return false
  const made = statSync(object).mtimeMs
  return readFileSync(dependencies, 'utf8')
    .replace(/^[^:]*:/, '')
    .split(/[\s\\]+/)
    .filter((path) => path !== '')
    .every((path) => existsSync(path) && statSync(path).mtimeMs <= made)
}

async function compileAll(paths) {
  mkdirSync(output, { recursive: true })
  const all = paths.map((path) => ({ path, object: join(output, `${path.replaceAll('/', '.')}.o`) }))
  const queue = all.filter(({ object }) => !upToDate(object))
  let failures = 0
  const work = async () => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      const { path, object } = job
      const fresh = `${object}.${process.pid}`
      const args = [...flags, '-MD', '-MF', `${object}.d`, '-MT', object, '-c', join(root, path), '-o', fresh]
      const code = await new Promise((done) => spawn(compiler, args, { stdio: 'inherit' }).on('close', done))
      if (code === 0) renameSync(fresh, object)
      else failures++
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, Number(options.jobs)) }, work))
  if (failures > 0) {
    console.error(`${failures} source files do not compile`)
    process.exit(1)
  }
  return all.map(({ object }) => object)
}

function link(parts) {
  const target = join(output, `tests-${hashOf(parts.join())}.node`)
  const newest = Math.max(...parts.map((part) => statSync(part).mtimeMs))
  if (existsSync(target) && statSync(target).mtimeMs >= newest) return target
  const sanitizers = options.sanitize ? ['-fsanitize=address,undefined'] : []
  const fresh = `${target}.${process.pid}`
  const args = ['-shared', '-pthread', ...sanitizers, '-o', fresh, ...parts]
  if (spawnSync(compiler, args, { stdio: 'inherit' }).status !== 0) process.exit(1)
  renameSync(fresh, target)
  return target
}

function runTests(addon) {
  const program = `
    const test = { exports: {} }
    process.dlopen(test, ${JSON.stringify(addon)})
    const failed = test.exports.run(${JSON.stringify(root)}, ${JSON.stringify(options.only)}, ${options.verbose})
    process.exitCode = failed === 0 ? 0 : 1`
  const env = { ...process.env }
  if (options.sanitize) {
    const libraries = ['libasan.so', 'libubsan.so'].map((name) =>
      spawnSync(compiler, [`-print-file-name=${name}`], { encoding: 'utf8' }).stdout.trim())
    env.LD_PRELOAD = libraries.join(':')
    env.ASAN_OPTIONS = 'detect_leaks=0:abort_on_error=1'  // node itself leaves memory to the end of the process
    env.UBSAN_OPTIONS = 'print_stacktrace=1:halt_on_error=1'
  }
  const { status, signal } = spawnSync(process.execPath, ['-e', program], { stdio: 'inherit', env })
  if (signal !== null) console.error(`the tests were ended by ${signal}`)
  return status ?? 1
}
