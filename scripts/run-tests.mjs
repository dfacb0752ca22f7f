#!/usr/bin/env node
// Runs the tests: node scripts/run-tests.mjs [unit] [integration] [oracle] [--only TEXT] [--file NAME]
//   unit         tests beside the sources, compiled to dist/
//   integration  scenarios of test/integration against Nuncio
//   oracle       the same scenarios against real Envoy
// Without a mode: unit and integration. Prints node's closing lines; failed tests are listed in .cache/results/MODE.jsonl.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const MODES = ['unit', 'integration', 'oracle']
/** Files of scenarios that get a second run; more failures than these are no accident. */
const MOST_SECOND_RUNS = 4

/** Test files below a folder, in a stable order. */
export function testFiles(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.test.js'))
    .map(entry => path.join(entry.parentPath ?? entry.path, entry.name))
    .sort()
}

/** Compiles test/ into .cache/test; ends the process when the types do not fit. */
export function compileScenarios() {
  const made = spawnSync(
    process.execPath,
    [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', path.join(root, 'test')],
    { stdio: 'inherit' },
  )
  if (made.status !== 0) process.exit(made.status ?? 1)
}

/** Runs files with node:test; returns the exit code and the file with one JSON line per test. */
export function runFiles(
  files,
  { mode, only, quiet = false, env = {}, concurrency = Math.max(2, os.availableParallelism()) },
) {
  const results = path.join(root, '.cache/results', `${mode}.jsonl`)
  mkdirSync(path.dirname(results), { recursive: true })
  const reporter = path.join(root, 'test/support/results-reporter.mjs')
  const args = ['--enable-source-maps', '--test', `--test-concurrency=${concurrency}`, `--test-reporter=${reporter}`]
  if (only !== undefined) args.push(`--test-name-pattern=${only}`)
  const ran = spawnSync(process.execPath, [...args, ...files], {
    cwd: root,
    stdio: ['ignore', quiet ? 'ignore' : 'inherit', 'inherit'],
    env: { ...process.env, ...env, NUNCIO_TEST_RESULTS: results },
  })
  return { code: ran.status ?? 1, results }
}

function runMode(mode, only, file) {
  process.stdout.write(`\n${mode} tests\n`)
  if (mode !== 'unit') compileScenarios()
  // A source that is gone leaves its compiled test behind: only tests with a source run.
  const folder = path.join(root, mode === 'unit' ? 'dist' : '.cache/test/integration')
  const sources = path.join(root, mode === 'unit' ? 'src' : 'test/integration')
  const files = testFiles(folder)
    .filter(name => existsSync(path.join(sources, path.relative(folder, name).replace(/\.js$/, '.ts'))))
    .filter(name => file === undefined || name.includes(file))
  if (files.length === 0) {
    process.stdout.write(`no test files in ${path.relative(root, folder)}${mode === 'unit' ? ': build first' : ''}\n`)
    return 1
  }
  const env = mode === 'unit' ? {} : { NUNCIO_TEST_TARGET: mode === 'oracle' ? 'envoy' : 'nuncio' }
  const { code, results } = runFiles(files, { mode, only, env })
  const again = code === 0 || mode !== 'integration' ? [] : filesThatFailed(results, files)
  if (again.length === 0 || again.length > MOST_SECOND_RUNS) return code
  // Scenarios use real sockets, clocks and processes, two files at a time: what fails on a busy machine and passes on
  // its own was the machine. What fails twice is a defect.
  process.stdout.write(
    `\nsecond run, by themselves, of files with failures:\n${again.map(name => `  ${name}\n`).join('')}`,
  )
  return runFiles(again, { mode: `${mode}-again`, only, env, concurrency: 1 }).code
}

/** Those of `files` of which a test failed. The kit puts a file's name before the names of its suites. */
function filesThatFailed(results, files) {
  const lines = readFileSync(results, 'utf8').split('\n').filter(Boolean)
  const failed = lines.map(line => JSON.parse(line)).filter(({ outcome }) => outcome === 'fail')
  const names = new Set(failed.flatMap(({ name, file }) => [name.split(':')[0], path.basename(file, '.test.ts')]))
  return files.filter(file => names.has(path.basename(file, '.test.js')))
}

function main(args) {
  const option = name => {
    const at = args.indexOf(name)
    return at < 0 ? undefined : args.splice(at, 2)[1]
  }
  const only = option('--only')
  const file = option('--file')
  const unknown = args.filter(arg => !MODES.includes(arg))
  if (unknown.length > 0) {
    process.stderr.write(`unknown mode ${unknown.join(' ')}; there are ${MODES.join(', ')}\n`)
    return 2
  }
  const modes = args.length > 0 ? args : ['unit', 'integration']
  let code = 0
  for (const mode of modes) code = runMode(mode, only, file) || code
  return code
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exit(main(process.argv.slice(2)))
