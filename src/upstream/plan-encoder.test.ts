import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import { EndpointsSchema, RuntimeSchema } from '../generated/plan_pb.js'
import { type EndpointsValue, encodeEndpoints, encodeRuntime } from './plan-encoder.js'

test('writes what the generated encoder writes', () => {
  const host = {
    ip: '10.0.0.1',
    port: 65535,
    hostname: 'a.example',
    weight: 300,
    health: 2,
    canary: true,
    metadataJson: '{"a":"ü"}',
    hashKey: 'k',
    transportSocket: 2,
    moreIps: ['::1'],
  }
  const plain = {
    ip: '10.0.0.2',
    port: 80,
    hostname: '',
    weight: 1,
    health: 0,
    canary: false,
    metadataJson: '',
    hashKey: '',
    transportSocket: 0,
    moreIps: [],
  }
  const locality = { region: 'r', zone: 'z', subZone: 's', weight: 4_000_000_000, priority: 1, hosts: [host, plain] }
  const value: EndpointsValue = {
    localities: [locality, { ...locality, hosts: [] }],
    overprovisioningFactor: 140,
    dropOverloadPpm: 5,
    warm: true,
  }
  const expected = create(EndpointsSchema, {
    ...value,
    localities: value.localities.map(one => ({
      ...one,
      hosts: one.hosts.map(({ ip, port, moreIps, ...rest }) => ({
        ...rest,
        address: { ip, port },
        moreAddresses: moreIps.map(more => ({ ip: more, port })),
      })),
    })),
  })
  assert.deepEqual(Buffer.from(encodeEndpoints(value)), Buffer.from(toBinary(EndpointsSchema, expected)))
})

test('a cluster without members that is not resolved yet is an empty message', () => {
  assert.equal(
    encodeEndpoints({ localities: [], overprovisioningFactor: 0, dropOverloadPpm: 0, warm: false }).length,
    0,
  )
})

test('runtime values, empty ones too', () => {
  const entries = [
    ['a.b', '1'],
    ['c', ''],
  ] as const
  const expected = toBinary(
    RuntimeSchema,
    create(RuntimeSchema, { keys: entries.map(([key]) => key), values: entries.map(([, value]) => value) }),
  )
  assert.deepEqual(Buffer.from(encodeRuntime(entries)), Buffer.from(expected))
})
