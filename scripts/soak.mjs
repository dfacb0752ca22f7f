#!/usr/bin/env node
// Compiles and runs the soak: test/soak/soak.ts says what it does and which options it has.
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { compileScenarios } from './run-tests.mjs'

compileScenarios()
const soak = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../.cache/test/soak/soak.js')
process.exit(
  spawnSync(process.execPath, ['--enable-source-maps', soak, ...process.argv.slice(2)], { stdio: 'inherit' }).status ??
    1,
)
