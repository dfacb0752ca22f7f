import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HashingInfo } from '../plan/hash-balancer.js'
import { type TableHost, tableShape } from './hash-tables.js'
import { hostFlag } from './health/host-flags.js'

const host = (weight: number, priority = 0): TableHost => ({ weight, health: 0, priority })
const ring = (min: number, max: number): HashingInfo => ({ kind: 'ring', min, max, panicThreshold: 50 })
const maglev: HashingInfo = { kind: 'maglev', size: 65537, panicThreshold: 50 }

// The figures are Envoy's.
test('places of hosts on a ring', () => {
  const equal = [host(1), host(1), host(1)]
  assert.deepEqual(tableShape(ring(1024, 8192), equal, undefined), { size: 1026, fewest: 342, most: 342 })
  assert.deepEqual(tableShape(ring(7, 11), equal, undefined), { size: 9, fewest: 3, most: 3 })
  const weighted = [host(1), host(2), host(5)]
  assert.deepEqual(tableShape(ring(1024, 8192), weighted, undefined), { size: 1024, fewest: 128, most: 640 })
})

test('slots of hosts in a Maglev table', () => {
  const equal = [host(1), host(1), host(1)]
  assert.deepEqual(tableShape(maglev, equal, undefined), { size: 65537, fewest: 21845, most: 21846 })
  const weighted = [host(1), host(2), host(5)]
  assert.deepEqual(tableShape(maglev, weighted, undefined), { size: 65537, fewest: 8193, most: 40959 })
})

test('healthy hosts count, all of them in panic, of the last priority', () => {
  const failed = hostFlag.failedActiveCheck
  const three = [host(1), host(1), host(1)]
  assert.equal(tableShape(ring(1024, 8192), three, Uint32Array.of(failed, 0, 0))?.most, 512)
  assert.equal(tableShape(ring(1024, 8192), three, Uint32Array.of(failed, failed, 0))?.most, 342)
  assert.equal(tableShape(ring(1024, 8192), [host(1), host(1), host(1, 1)], undefined)?.most, 1024)
  assert.equal(tableShape(ring(1024, 8192), [], undefined), undefined)
})
