#!/usr/bin/env node
// Compares Nuncio with real Envoy.
//   node scripts/oracle.mjs [--file NAME] [--only TEXT]   runs every scenario on both and reports how many agree
//   node scripts/oracle.mjs --envoy-only                  runs them on real Envoy only: are the expectations true?
//   node scripts/oracle.mjs --diff FOLDER                 runs a folder of configs and request scripts on both and compares bytes
// Exit 0: all agree; 1: something differs; skipped with a clear word, exit 0, where Envoy cannot be had.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { fetchEnvoy } from './fetch-envoy.mjs'
import { compileScenarios, runFiles, testFiles } from './run-tests.mjs'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')

/** Outcome by scenario name, of a results file with one JSON line per test. */
function outcomes(file) {
  const lines = existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter(line => line !== '')
    : []
  return new Map(lines.map(line => JSON.parse(line)).map(result => [result.name, result]))
}

function scenarioFiles(file) {
  return testFiles(path.join(root, '.cache/test/integration')).filter(
    name =>
      (file === undefined || name.includes(file)) &&
      existsSync(path.join(root, 'test/integration', `${path.basename(name, '.js')}.ts`)),
  )
}

function compareScenarios({ file, only, envoyOnly, program }) {
  const files = scenarioFiles(file)
  const env = { ENVOY_BIN: program }
  const run = target => {
    process.stdout.write(`running on ${target}\n`)
    return outcomes(
      runFiles(files, { mode: `oracle-${target}`, only, quiet: true, env: { ...env, NUNCIO_TEST_TARGET: target } })
        .results,
    )
  }
  const envoy = run('envoy')
  const untrue = [...envoy.values()].filter(result => result.outcome === 'fail')
  process.stdout.write(`envoy: ${envoy.size - untrue.length} of ${envoy.size} scenarios are true\n`)
  for (const { name } of untrue) process.stdout.write(`  not true on Envoy: ${name}\n`)
  if (envoyOnly) return untrue.length === 0 && envoy.size > 0 ? 0 : 1

  const nuncio = run('nuncio')
  const agree = [...envoy.keys()].filter(
    name => envoy.get(name).outcome === 'pass' && nuncio.get(name)?.outcome === 'pass',
  )
  const differ = [...envoy.keys()].filter(
    name => envoy.get(name).outcome === 'pass' && nuncio.get(name)?.outcome === 'fail',
  )
  const skipped = [...envoy.keys()].filter(name => [envoy, nuncio].some(ran => ran.get(name)?.outcome === 'skip'))
  process.stdout.write(`nuncio and envoy agree in ${agree.length} of ${envoy.size - skipped.length} scenarios`)
  process.stdout.write(skipped.length === 0 ? '\n' : `; ${skipped.length} more are for one of them only\n`)
  let group = ''
  for (const name of differ.sort()) {
    const [feature = '', ...title] = name.split(' > ')
    if (feature !== group) process.stdout.write(`${feature}\n`)
    group = feature
    process.stdout.write(`  ${title.join(' > ')}\n`)
  }
  writeFileSync(
    path.join(root, '.cache/results/oracle-differences.json'),
    JSON.stringify(
      differ.map(name => nuncio.get(name)),
      null,
      1,
    ),
  )
  return untrue.length + differ.length === 0 && envoy.size > 0 ? 0 : 1
}

function compareFolder(folder, program) {
  const run = target => {
    const ran = spawnSync(
      process.execPath,
      [path.join(root, '.cache/test/support/differential.js'), path.resolve(folder)],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, ENVOY_BIN: program, NUNCIO_TEST_TARGET: target },
      },
    )
    return ran.status === 0 ? JSON.parse(ran.stdout) : {}
  }
  const envoy = run('envoy')
  const nuncio = run('nuncio')
  const names = Object.keys(envoy)
  const differ = names.filter(name => envoy[name] !== nuncio[name])
  for (const name of differ) {
    process.stdout.write(`${name} differs\n`)
    const [theirs, ours] = [envoy[name].split('\n'), (nuncio[name] ?? '(no result)').split('\n')]
    for (let line = 0; line < Math.max(theirs.length, ours.length); line++) {
      if (theirs[line] !== ours[line])
        process.stdout.write(`  line ${line + 1}\n    envoy:  ${theirs[line] ?? ''}\n    nuncio: ${ours[line] ?? ''}\n`)
    }
  }
  process.stdout.write(`${names.length - differ.length} of ${names.length} are equal byte for byte\n`)
  return differ.length === 0 && names.length > 0 ? 0 : 1
}

function main(args) {
  const option = name => {
    const at = args.indexOf(name)
    return at < 0 ? undefined : args[at + 1]
  }
  const { program, reason } = fetchEnvoy()
  if (program === undefined) {
    process.stdout.write(`oracle skipped: no Envoy here: ${reason}\n`)
    return 0
  }
  compileScenarios()
  const folder = option('--diff')
  if (folder !== undefined) return compareFolder(folder, program)
  return compareScenarios({
    file: option('--file'),
    only: option('--only'),
    envoyOnly: args.includes('--envoy-only'),
    program,
  })
}

process.exit(main(process.argv.slice(2)))
