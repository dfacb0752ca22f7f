// Builds C++ sources into one addon for the running node: compiles what changed, links, and gives the environment a
// sanitized build needs. Used by native-tests.mjs and fuzz.mjs.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildRe2, re2Include } from '../re2-sources.mjs'

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..')
const compiler = process.env.CXX ?? 'g++'
const hashOf = text => createHash('sha256').update(text).digest('hex').slice(0, 12)

/** Paths, from the root, of the C++ sources below a folder. */
export function sourcesBelow(folder) {
  const start = join(root, folder)
  if (!existsSync(start)) return []
  return readdirSync(start, { withFileTypes: true, recursive: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.cc'))
    .map(entry => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
    .sort()
}

/**
 * `sources`: paths from the root, or [path, more flags]. Gives the path of the addon, or undefined when something does not
 * compile. One folder for each set of flags, one addon for each set of objects, and files appear whole: several
 * runs may go on at once.
 */
export async function buildAddon(sources, { sanitize = false, jobs = 2, flags: more = [] } = {}) {
  const flags = [
    '-std=c++20',
    '-fPIC',
    '-g',
    '-fno-rtti',
    '-fno-exceptions',
    '-fvisibility=hidden',
    '-pthread',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-Wno-restrict',
    '-Wno-subobject-linkage',
    '-DNAPI_VERSION=8',
    ...(sanitize
      ? ['-O1', '-fno-omit-frame-pointer', '-fsanitize=address,undefined', '-fno-sanitize-recover=undefined']
      : ['-O2']),
    `-I${root}/native`,
    `-I${root}`,
    '-isystem',
    join(dirname(dirname(process.execPath)), 'include', 'node'),
    '-isystem',
    re2Include,
    ...more,
  ]
  const output = join(root, '.cache', 'native-tests', hashOf([compiler, ...flags].join(' ')))
  mkdirSync(output, { recursive: true })
  const all = sources.map(source => {
    const [path, own] = Array.isArray(source) ? source : [source, []]
    return { path, own, object: join(output, `${[path, ...own].join('.').replaceAll('/', '.')}.o`) }
  })
  const queue = all.filter(({ object }) => !upToDate(object))
  let failures = 0
  const work = async () => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      if (!(await compile(job, flags))) failures++
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, jobs) }, work))
  if (failures > 0) {
    console.error(`${failures} source files do not compile`)
    return undefined
  }
  const libraries = all.some(({ path }) => path.startsWith('native/base/') || path.endsWith('/native_base.cc'))
    ? [await buildRe2({ compiler, jobs })]
    : []
  return link([...all.map(({ object }) => object), ...libraries], output, sanitize)
}

/** Is `object` newer than its source and every header it was made from? */
function upToDate(object) {
  const dependencies = `${object}.d`
  if (!existsSync(object) || !existsSync(dependencies)) return false
  const made = statSync(object).mtimeMs
  return readFileSync(dependencies, 'utf8')
    .replace(/^[^:]*:/, '')
    .split(/[\s\\]+/)
    .filter(path => path !== '')
    .every(path => existsSync(path) && statSync(path).mtimeMs <= made)
}

async function compile({ path, own, object }, flags) {
  const fresh = `${object}.${process.pid}`
  const args = [...flags, ...own, '-MD', '-MF', `${object}.d`, '-MT', object, '-c', join(root, path), '-o', fresh]
  const code = await new Promise(done => spawn(compiler, args, { stdio: 'inherit' }).on('close', done))
  if (code === 0) renameSync(fresh, object)
  return code === 0
}

function link(objects, output, sanitize) {
  const target = join(output, `tests-${hashOf(objects.join())}.node`)
  const newest = Math.max(...objects.map(object => statSync(object).mtimeMs))
  if (existsSync(target) && statSync(target).mtimeMs >= newest) return target
  const fresh = `${target}.${process.pid}`
  const args = ['-shared', '-pthread', ...(sanitize ? ['-fsanitize=address,undefined'] : []), '-o', fresh, ...objects]
  if (spawnSync(compiler, args, { stdio: 'inherit' }).status !== 0) return undefined
  renameSync(fresh, target)
  return target
}

/** Runs `program` in a node of its own, with `test.exports` being the addon; gives the exit code. */
export function runWithAddon(addon, program, { sanitize = false } = {}) {
  const env = { ...process.env }
  if (sanitize) {
    const libraries = ['libasan.so', 'libubsan.so'].map(name =>
      spawnSync(compiler, [`-print-file-name=${name}`], { encoding: 'utf8' }).stdout.trim(),
    )
    env.LD_PRELOAD = libraries.join(':')
    env.ASAN_OPTIONS = 'detect_leaks=0:abort_on_error=1' // node itself leaves memory to the end of the process
    env.UBSAN_OPTIONS = 'print_stacktrace=1:halt_on_error=1'
  }
  const load = `const test = { exports: {} }; process.dlopen(test, ${JSON.stringify(addon)});`
  const { status, signal } = spawnSync(process.execPath, ['-e', load + program], { stdio: 'inherit', env })
  if (signal !== null) console.error(`ended by ${signal}`)
  return status ?? 1
}
