import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConfigUnit } from '../snapshot/config-delta.js'
import type { PlacedPlan } from '../snapshot/snapshot.js'
import { Units } from './units.js'

const plan = (kind: PlacedPlan['kind'], slot: number): PlacedPlan => ({
  kind,
  slot,
  id: `${kind}${slot}`,
  name: `${kind}-${slot}`,
  bytes: new Uint8Array(),
})

const unit = (key: string, plans: readonly PlacedPlan[], more: Partial<ConfigUnit> = {}): ConfigUnit => ({
  key,
  plans,
  clusters: [],
  listeners: [],
  members: [],
  virtualHosts: [],
  secrets: [],
  tlsContexts: [],
  programs: [],
  ...more,
})

const program = (slotName: string) => ({
  id: slotName,
  slotName,
  name: slotName,
  kind: 'http-filter' as const,
  statPrefix: '',
  code: '',
  file: '',
  config: '',
})

test('slots that a unit does not fill any more are emptied', () => {
  const units = new Units()
  units.adopt([unit('a', [plan('cluster', 0), plan('endpoints', 0)])], [])
  assert.deepEqual(units.emptiedBy([unit('a', [plan('cluster', 0)])], []), [{ kind: 'endpoints', slot: 0 }])
  assert.deepEqual(units.emptiedBy([], ['a']), [
    { kind: 'cluster', slot: 0 },
    { kind: 'endpoints', slot: 0 },
  ])
})

test('a slot that two units fill stays until the last of them goes', () => {
  const units = new Units()
  const shared = plan('secret', 3)
  units.adopt([unit('a', [shared]), unit('b', [shared])], [])
  assert.deepEqual(units.emptiedBy([], ['a']), [])
  units.adopt([], ['a'])
  assert.deepEqual(units.emptiedBy([], ['b']), [{ kind: 'secret', slot: 3 }])
})

test('a slot that goes from one unit to another is not emptied', () => {
  const units = new Units()
  units.adopt([unit('endpoint/a', [plan('endpoints', 0)])], [])
  assert.deepEqual(units.emptiedBy([unit('cluster/a', [plan('endpoints', 0)])], ['endpoint/a']), [])
})

test('programs of all units, with those that come and without those that go', () => {
  const units = new Units()
  units.adopt(
    [unit('a', [], { programs: [program('x'), program('y')] }), unit('b', [], { programs: [program('z')] })],
    [],
  )
  const names = units.programsWith([unit('a', [], { programs: [program('y')] })], ['b']).map(({ slotName }) => slotName)
  assert.deepEqual(names, ['y'])
})

test('a filter is found by its slot', () => {
  const units = new Units()
  units.adopt([unit('a', [{ ...plan('script', 4), name: 'x' }], { programs: [program('x')] })], [])
  assert.equal(units.programAt(4)?.name, 'x')
  assert.equal(units.programAt(5), undefined)
})
