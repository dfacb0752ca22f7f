import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadBootstrap, openTypes, printConfigError } from './index.js'

// Each file and what is said about it, in the .txt beside it.
const folder = new URL('../../test/golden/config/', import.meta.url)
const types = openTypes()

for (const name of readdirSync(folder).filter(one => one.endsWith('.yaml'))) {
  test(`test/golden/config/${name}`, () => {
    const file = fileURLToPath(new URL(name, folder))
    const loaded = loadBootstrap({ types, path: file })
    const lines = loaded.ok
      ? loaded.value.warnings.map(warning => printConfigError(warning, 'warning'))
      : loaded.error.map(error => printConfigError(error))
    const said = lines.map(line => `${line.replace(file, name)}\n`).join('')
    assert.equal(said, readFileSync(new URL(name.replace(/yaml$/, 'txt'), folder), 'utf8'))
  })
}
