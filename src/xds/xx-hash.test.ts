import assert from 'node:assert/strict'
import { test } from 'node:test'
import { xxHash64 } from './xx-hash.js'

// Known answers of the xxHash project's own program (xxhsum -H1) and of Envoy's gauges.
test('xxHash64 of texts', () => {
  assert.equal(xxHash64(''), 0xef46db3751d8e999n)
  assert.equal(xxHash64('a'), 0xd24ec4f1a98c6e5bn)
  assert.equal(xxHash64('abc'), 0x44bc2cf5ad770999n)
  assert.equal(xxHash64('Nobody inspects the spammish repetition'), 0xfbcea83c8a378bf1n)
})
