import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withQuery } from './mutations.js'
import { matchesName } from './verdict.js'

test('query parameters are set and removed', () => {
  assert.equal(withQuery('/p', [], []), '/p')
  assert.equal(withQuery('/p', [['a', '1']], []), '/p?a=1')
  assert.equal(withQuery('/p?a=1&b=2&a=3', [['a', '9']], []), '/p?a=9&b=2')
  assert.equal(withQuery('/p?a=1&b=2', [], ['a', 'b']), '/p')
  assert.equal(withQuery('/p?a', [['c', '']], ['a']), '/p?c=')
})

test('names match by rule', () => {
  const rule = (kind: 'exact' | 'prefix' | 'suffix' | 'contains', text: string, ignoresCase = false) => [
    { kind, text, ignoresCase },
  ]
  assert.ok(matchesName(rule('exact', 'x-a'), 'x-a'))
  assert.ok(!matchesName(rule('exact', 'X-A'), 'x-a'))
  assert.ok(matchesName(rule('exact', 'X-A', true), 'x-a'))
  assert.ok(matchesName(rule('prefix', 'x-'), 'x-a'))
  assert.ok(matchesName(rule('suffix', '-a'), 'x-a'))
  assert.ok(matchesName(rule('contains', '-'), 'x-a'))
  assert.ok(!matchesName([], 'x-a'))
})
