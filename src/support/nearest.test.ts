import assert from 'node:assert/strict'
import { test } from 'node:test'
import { editDistance, nearest } from './nearest.js'

test('edits', () => {
  assert.equal(editDistance('', 'abc'), 3)
  assert.equal(editDistance('kitten', 'sitting'), 3)
  assert.equal(editDistance('abcd', 'abdc'), 1)
})

test('the nearest name, or none', () => {
  assert.equal(nearest('port', ['protocol', 'address', 'port_value', 'named_port']), 'port_value')
  assert.equal(nearest('LbPolcy', ['name', 'lb_policy']), 'lb_policy')
  assert.equal(nearest('timeout', ['route', 'timeouts', 'cluster']), 'timeouts')
  assert.equal(nearest('<<', ['id', 'cluster']), undefined)
  assert.equal(nearest('entirely_other', ['name', 'type']), undefined)
})
