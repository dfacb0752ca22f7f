import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { printConfigError } from '../config/index.js'
import { loadExtensions } from '../generated/extensions.js'
import { compilerWith } from './compile-fixture.js'
import { describePlans } from './describe.js'

// Each file, and in the .txt beside it the warnings and plans made of it, or the errors. NUNCIO_UPDATE_GOLDEN=1 writes the texts anew.
const folder = new URL('../../test/golden/plan/', import.meta.url)
const compile = compilerWith(await loadExtensions())

for (const name of readdirSync(folder).filter(one => one.endsWith('.yaml'))) {
  test(`test/golden/plan/${name}`, () => {
    const file = fileURLToPath(new URL(name, folder))
    const answer = compile({ path: file })
    const lines = answer.errors?.map(error => printConfigError(error)) ?? answer.warnings
    const said = lines.map(line => `${line.replace(file, name)}\n`).join('')
    const text = answer.config ? `${said}${said === '' ? '' : '\n'}${describePlans(answer.config.plans)}` : said
    const golden = new URL(name.replace(/yaml$/, 'txt'), folder)
    if (process.env['NUNCIO_UPDATE_GOLDEN'] === '1') writeFileSync(golden, text)
    assert.equal(text, readFileSync(golden, 'utf8'))
  })
}
