#!/usr/bin/env node
// From a fresh clone to a running Nuncio, with nothing but Node and npm: installs packages, finds or installs a compiler, builds, and
// then does one of these:
//
//   node scripts/setup.mjs start  [-- -c FILE …]   serve FILE, or the example of examples/quickstart.yaml with two upstreams
//   node scripts/setup.mjs test   [-- …]           all checks and tests; arguments go to scripts/run-tests.mjs
//   node scripts/setup.mjs oracle [-- …]           the scenarios on real Envoy too
//   node scripts/setup.mjs bench  [-- …]           the benchmark
//
// Uses no package itself, so that it runs before there is any.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const oldestNode = 20

const jobs = { start, test, oracle, bench }

function main([job, ...rest]) {
  if (!(job in jobs)) return stop(`usage: node scripts/setup.mjs ${Object.keys(jobs).join('|')} [-- ARGUMENTS]`)
  const args = rest[0] === '--' ? rest.slice(1) : rest
  if (Number(process.versions.node.split('.')[0]) < oldestNode)
    stop(`Node ${oldestNode} or newer is needed; this is ${process.version}`)
  process.chdir(root)
  installPackages()
  ensureCompiler()
  if (node('scripts/build.mjs') !== 0) stop('the build failed')
  return jobs[job](args)
}

function stop(message) {
  process.stderr.write(`nuncio: ${message}\n`)
  process.exit(1)
}

function node(script, ...args) {
  return spawnSync(process.execPath, [join(root, script), ...args], { stdio: 'inherit' }).status ?? 1
}

function installPackages() {
  const installed = join(root, 'node_modules/.package-lock.json')
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs) return
  if (existsSync(installed) && sameTree(installed)) return
  process.stdout.write('nuncio: installing packages (npm ci)\n')
  const npm = process.env.npm_execpath
  const [command, args] = npm === undefined ? ['npm', ['ci']] : [process.execPath, [npm, 'ci']]
  if (spawnSync(command, args, { stdio: 'inherit' }).status !== 0) stop('npm ci failed')
}

// A checkout gives package-lock.json a new time; what counts is whether npm finds something to do.
function sameTree(installed) {
  const npm = process.env.npm_execpath
  const [command, args] = npm === undefined ? ['npm', ['ls']] : [process.execPath, [npm, 'ls']]
  return existsSync(installed) && spawnSync(command, [...args, '--all'], { stdio: 'ignore' }).status === 0
}

function isOnPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some(folder => existsSync(join(folder, program)))
}

/** What building the addon needs besides packages: a C++20 compiler, make, and Python for node-gyp. */
function missingTools() {
  const compiler = process.env.CXX ?? 'g++'
  const tools = [
    [compiler.split(' ')[0], 'g++'],
    ['make', 'make'],
    [process.env.PYTHON ?? 'python3', 'python3'],
  ]
  const missing = tools.filter(([program]) => !isOnPath(program) && !existsSync(program)).map(([, name]) => name)
  const headers = join(process.env.NUNCIO_NODE_DIR ?? dirname(dirname(process.execPath)), 'include/node/node_api.h')
  // Debian's own nodejs keeps its headers in a package apart; every other Node brings them along.
  if (!existsSync(headers) && process.execPath === '/usr/bin/node') missing.push('libnode-dev')
  return missing
}

function ensureCompiler() {
  const missing = missingTools()
  if (missing.length === 0) return
  const install = `apt-get install -y --no-install-recommends ${missing.join(' ')}`
  const isRoot = process.getuid?.() === 0
  if (!isRoot || !isOnPath('apt-get')) {
    stop(
      `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing. Run:\n\n  sudo apt-get update && sudo ${install}\n\nand start again.`,
    )
  }
  process.stdout.write(`nuncio: installing ${missing.join(', ')}\n`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const run = command => spawnSync('apt-get', command.split(' ').slice(1), { stdio: 'inherit', env }).status
  run('apt-get update')
  if (run(install) !== 0) stop(`the packages could not be installed. Run:\n\n  ${install}\n`)
}

/** `npm start`: what the operator asked for, or the example with everything it needs. */
function start(args) {
  if (args.length > 0) return replaceBy(join(root, 'bin/nuncio'), args)
  return replaceBy(join(root, 'examples/quickstart.mjs'), [])
}

/** Runs a program in our place: its exit code is ours, and signals reach it. */
function replaceBy(script, args) {
  const child = spawn(process.execPath, [script, ...args], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(signal === null ? code : 128))
}

/** Cheap checks first, the scenarios last, so that the runner's closing lines end the output. */
function test(args) {
  node('scripts/fetch-test-programs.mjs')
  const steps = [
    ['lint, format, import ranks', () => node('scripts/check.mjs')],
    ['native tests with sanitizers', () => node('scripts/native-tests.mjs', '--sanitize')],
    ['unit tests and scenarios', () => node('scripts/run-tests.mjs', ...args)],
  ]
  const failed = []
  for (const [name, run] of steps) {
    process.stdout.write(`\nnuncio: ${name}\n`)
    if (run() !== 0) failed.push(name)
  }
  if (failed.length > 0) stop(`failed: ${failed.join('; ')}`)
}

function oracle(args) {
  process.exitCode = node('scripts/oracle.mjs', ...args)
}

function bench(args) {
  process.exitCode = node('scripts/bench.mjs', ...args)
}

main(process.argv.slice(2))
