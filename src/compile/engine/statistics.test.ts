import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StatChange } from '../../snapshot/config-delta.js'
import { xxHash64 } from '../../xds/xx-hash.js'
import { edsScope, Statistics } from './statistics.js'

const [a, b] = [edsScope('a'), edsScope('b')]
const updated = { kind: 'update_success', version: '1', at: 5, durationMs: 0 } as const
const group = {
  op: 'updates',
  kind: 'eds',
  counters: 'cluster',
  version: '1',
  hash: xxHash64('1'),
  at: 5,
  durationMs: 0,
}
const opened = { op: 'opened', kind: 'eds', counters: ['update_rejected'] }

function changes(count: (statistics: Statistics) => void): readonly StatChange[] {
  const sent: StatChange[] = []
  const statistics = new Statistics(some => sent.push(...some))
  count(statistics)
  statistics.flush()
  return sent
}

test('subscriptions that begin, and what they take, travel in groups', () => {
  const seen = changes(statistics => {
    for (const scope of [a, b]) {
      statistics.opened(scope)
      statistics.subscription(scope, updated)
    }
  })
  assert.deepEqual(seen, [
    { ...opened, scopes: ['a', 'b'] },
    { ...group, scopes: ['a', 'b'] },
  ])
})

test('a scope is forgotten with the last that counts in it, and what begins after that begins anew', () => {
  const answers: boolean[] = []
  const seen = changes(statistics => {
    statistics.opened(a)
    statistics.opened(a)
    answers.push(statistics.forget(a), statistics.forget(a))
    statistics.opened(a)
  })
  assert.deepEqual(answers, [false, true])
  assert.deepEqual(seen, [
    { ...opened, scopes: ['a'] },
    { op: 'forget', kind: 'eds', scope: 'a' },
    { op: 'forget-text', kind: 'eds', scope: 'cluster.a', name: 'control_plane.identifier' },
    { ...opened, scopes: ['a'] },
  ])
})
