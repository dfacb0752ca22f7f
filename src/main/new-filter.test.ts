import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type FilterKind, filterKinds } from '../support/filter-kind.js'
import { newFilter } from './new-filter.js'

const program = fileURLToPath(new URL('../../bin/nuncio', import.meta.url))

for (const kind of filterKinds)
  test(`a new filter of kind ${kind} passes its own test, and its configuration is valid`, () => checkNew(kind))

function checkNew(kind: FilterKind): void {
  const folder = mkdtempSync(path.join(tmpdir(), 'nuncio-new-'))
  try {
    const made = newFilter('rate-header', folder, kind)
    assert.ok(made.ok)
    assert.deepEqual(made.value.files, ['filters/rate-header.ts', 'filters/rate-header.test.ts', 'rate-header.yaml'])
    const tested = spawnSync(program, ['test'], { cwd: folder, encoding: 'utf8' })
    assert.equal(tested.status, 0, tested.stdout + tested.stderr)
    const checked = spawnSync(program, ['check', 'rate-header.yaml'], { cwd: folder, encoding: 'utf8' })
    assert.equal(checked.status, 0, checked.stderr)
    const before = readFileSync(path.join(folder, 'filters/rate-header.ts'), 'utf8')
    assert.equal(newFilter('rate-header', folder).ok, false)
    assert.equal(readFileSync(path.join(folder, 'filters/rate-header.ts'), 'utf8'), before)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('a name that is none is refused with one that would do', () => {
  const made = newFilter('Rate_Header', '/nowhere')
  assert.ok(!made.ok)
  assert.match(made.error, /as in rate-header/)
})
