import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))

for (const document of ['docs/architecture.md', 'README.md', 'CONTRIBUTING.md']) {
  test(`every file that ${document} names exists`, () => {
    const text = readFileSync(root + document, 'utf8')
    const paths = [...text.matchAll(/`((?:src|native|test|scripts|docs|bench|examples|bin)\/[\w./-]*)`/g)].map(
      match => match[1] ?? '',
    )
    assert.ok(paths.length > 3, 'no file is named')
    assert.deepEqual(
      paths.filter(path => !existsSync(root + path)),
      [],
    )
  })
}
