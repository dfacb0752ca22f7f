#!/usr/bin/env node
// Compiles and runs a soak: `soak` (the default: much traffic of all kinds), `reloads` (a filter that is edited all day) or `updates` (of a
// management server, of every kind, under load).
// test/soak/NAME.ts says what it does and which options it has.
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { compileScenarios } from './run-tests.mjs'

compileScenarios()
const [first] = process.argv.slice(2)
const isNamed = first !== undefined && !first.startsWith('-')
const soak = path.resolve(
  path.dirname(fileURLToPath(import.meta.url)),
  `../.cache/test/soak/${isNamed ? first : 'soak'}.js`,
)
process.exit(
  spawnSync(process.execPath, ['--enable-source-maps', soak, ...process.argv.slice(isNamed ? 3 : 2)], {
    stdio: 'inherit',
  }).status ?? 1,
)
