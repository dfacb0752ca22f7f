import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withQuery } from './mutations.js'
import type { FilterContext } from '../../../../api/context.js'
import { Names } from './names.js'

test('query parameters are set and removed', () => {
  assert.equal(withQuery('/p', [], []), '/p')
  assert.equal(withQuery('/p', [['a', '1']], []), '/p?a=1')
  assert.equal(withQuery('/p?a=1&b=2&a=3', [['a', '9']], []), '/p?a=9&b=2')
  assert.equal(withQuery('/p?a=1&b=2', [], ['a', 'b']), '/p')
  assert.equal(withQuery('/p?a', [['c', '']], ['a']), '/p?c=')
})

test('names match by rule', () => {
  const names = new Names({} as FilterContext)
  const rule = (kind: 'exact' | 'prefix' | 'suffix' | 'contains', text: string, ignoresCase = false) => [
    { kind, text, ignoresCase },
  ]
  assert.ok(names.match(rule('exact', 'x-a'), 'x-a'))
  assert.ok(!names.match(rule('exact', 'X-A'), 'x-a'))
  assert.ok(names.match(rule('exact', 'X-A', true), 'x-a'))
  assert.ok(names.match(rule('prefix', 'x-'), 'x-a'))
  assert.ok(names.match(rule('suffix', '-a'), 'x-a'))
  assert.ok(names.match(rule('contains', '-'), 'x-a'))
  assert.ok(!names.match([], 'x-a'))
})
