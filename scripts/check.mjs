#!/usr/bin/env node
// Lint and format of TypeScript and JavaScript (Biome), and who may import whom, in both languages.
//
//   node scripts/check.mjs [--fix] [--only=lint|format|ranks]
import { spawnSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { cppViolations } from './ranks/cpp.mjs'
import { typescriptViolations } from './ranks/typescript.mjs'

const root = resolve(fileURLToPath(import.meta.url), '../..')
const { values: options } = parseArgs({
  options: { fix: { type: 'boolean', default: false }, only: { type: 'string' } },
})

function biome(job, ...args) {
  const program = join(root, 'node_modules/@biomejs/biome/bin/biome')
  const fix = options.fix ? ['--write'] : []
  return (
    spawnSync(process.execPath, [program, job, ...fix, '--error-on-warnings', ...args], { cwd: root, stdio: 'inherit' })
      .status === 0
  )
}

function ranks() {
  const violations = [...typescriptViolations(root), ...cppViolations(root)]
  for (const violation of violations) process.stdout.write(`${violation}\n`)
  process.stdout.write(`import ranks: ${violations.length === 0 ? 'in order' : `${violations.length} violations`}\n`)
  return violations.length === 0
}

const checks = { lint: () => biome('lint'), format: () => biome('format'), ranks }
const chosen = Object.entries(checks).filter(([name]) => options.only === undefined || options.only === name)
const failed = chosen.filter(([, check]) => !check()).map(([name]) => name)
if (failed.length > 0) {
  process.stderr.write(`check: ${failed.join(', ')} failed\n`)
  process.exit(1)
}
