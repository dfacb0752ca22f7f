#!/usr/bin/env node
// The addon built here under other versions of Node: loads, serves, reloads, ends. Scenarios are the test.
//   node scripts/node-versions.mjs [22 24 26] [--file NAME …]
// A version comes from npm's package of Node's binary, into .tools/node-VERSION.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { compileScenarios, runFiles } from './run-tests.mjs'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    file: {
      type: 'string',
      multiple: true,
      default: ['http1-exchanges', 'http1-responses', 'tcp-proxy', 'reload', 'draining'],
    },
  },
})

/** The program of a version, fetched when it is not there. */
function nodeOf(version) {
  const folder = path.join(root, '.tools', `node-${version}`)
  const name = `node-linux-${process.arch}`
  const program = path.join(folder, 'node_modules', name, 'bin/node')
  if (existsSync(program)) return program
  mkdirSync(folder, { recursive: true })
  writeFileSync(path.join(folder, 'package.json'), '{"private": true}\n')
  spawnSync('npm', ['install', '--no-audit', '--no-fund', `${name}@${version}`], { cwd: folder, stdio: 'inherit' })
  return existsSync(program) ? program : undefined
}

compileScenarios()
const files = options.file.map(name => path.join(root, '.cache/test/integration', `${name}.test.js`))
let failed = 0
for (const version of positionals.length > 0 ? positionals : ['22', '24', '26']) {
  const program = nodeOf(version)
  if (program === undefined) {
    console.log(`Node ${version}: cannot be had here`)
    failed++
    continue
  }
  const exact = spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout.trim()
  console.log(`\nNode ${exact}`)
  const { code } = runFiles(files, {
    mode: `node-${version}`,
    env: { NUNCIO_TEST_NODE: program, NUNCIO_TEST_TARGET: 'nuncio' },
  })
  if (code !== 0) failed++
}
process.exit(failed === 0 ? 0 : 1)
