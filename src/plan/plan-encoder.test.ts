import assert from 'node:assert/strict'
import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { encodePlan } from '../api/plan-encoder.js'
import * as generated from '../generated/plan_pb.js'
import { loadExtensions } from '../generated/extensions.js'
import { compilerWith } from './compile-fixture.js'
import { planSchemas } from './describe.js'

const compile = compilerWith(await loadExtensions())
const folder = new URL('../../test/golden/plan/', import.meta.url)

const same = (schema: DescMessage, init: object): void =>
  assert.deepEqual(
    Buffer.from(encodePlan(schema, init as never)),
    Buffer.from(toBinary(schema, create(schema, init as MessageInitShape<DescMessage>))),
  )

test('every message of plan.proto can be encoded, and is nothing when it is empty', () => {
  for (const schema of generated.file_plan.messages) same(schema, {})
})

test('values at their bounds', () => {
  const long = 'ä'.repeat(200)
  same(generated.HostSchema, {
    address: { ip: long, port: 0xffff_ffff },
    hostname: 'é',
    weight: 0,
    health: 3,
    canary: true,
  })
  same(generated.ThresholdsSchema, {
    maxConnections: 2n ** 64n - 1n,
    maxPending: 127n,
    maxRequests: 128n,
    retryBudgetPercent: -0.5,
  })
  same(generated.ThresholdsSchema, { retryBudgetPercent: 0, maxRetries: 0n, trackRemaining: false })
  same(generated.SocketOptionSchema, { level: -1, name: 6, intValue: -7n, bufValue: new Uint8Array() })
  same(generated.InternalRedirectSchema, { codes: [0, 127, 128, 70_000], copyHeaders: ['', 'x'.repeat(20_000)] })
  same(generated.FormatSchema, { pieces: [{ text: 'x'.repeat(127) }, { text: 'x'.repeat(128) }, {}] })
})

for (const name of readdirSync(folder).filter(one => one.endsWith('.yaml'))) {
  test(`the plans of ${name} encode to themselves`, () => {
    for (const { kind, bytes } of compile({ path: fileURLToPath(new URL(name, folder)) }).config?.plans ?? []) {
      assert.deepEqual(
        Buffer.from(encodePlan(planSchemas[kind], fromBinary(planSchemas[kind], bytes) as never)),
        Buffer.from(bytes),
      )
    }
  })
}
