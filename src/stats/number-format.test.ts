import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatCompact, formatExact, formatGeneral, formatInteger, formatShortest } from './number-format.js'

test('numbers as Envoy prints them', () => {
  assert.deepEqual([1.0333333333333334, 874.9999999999999, 0, 1e15, 1e16, 2.5e-5, Number.NaN].map(formatShortest), [
    '1.0333333333333334',
    '874.9999999999999',
    '0',
    '1000000000000000',
    '1e+16',
    '2.5e-05',
    'nan',
  ])
  assert.deepEqual([60_000, 300_000, 600_000, 1_800_000, 3_600_000, 0.5, 99.5].map(formatCompact), [
    '60000',
    '3e+05',
    '6e+05',
    '1800000',
    '3600000',
    '0.5',
    '99.5',
  ])
  assert.deepEqual([0.5, 600_000, 1_800_000, 869.9999999999999, 99.9, 0.1, 1e-5].map(formatGeneral), [
    '0.5',
    '600000',
    '1.8e+06',
    '870',
    '99.9',
    '0.1',
    '1e-05',
  ])
  assert.deepEqual([0.1, 0.25, 1_800_000, 4.0967993754879, 2 ** 120, 1.0333333333333334, 2 ** -30].map(formatExact), [
    '0.10000000000000000555111512312578',
    '0.25',
    '1800000',
    '4.0967993754879001855329079262447',
    '1.3292279957849158729038070602803e+36',
    '1.0333333333333334369541489650146',
    '9.31322574615478515625e-10',
  ])
  assert.deepEqual([0, 42, 2 ** 53, -1, -2].map(formatInteger), [
    '0',
    '42',
    '9007199254740992',
    '18446744073709551615',
    '18446744073709551614',
  ])
})
