import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DescMessage, fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf'
import { openTypes } from '../../config/index.js'
import type { ClusterLoadAssignment } from '../../generated/protos/envoy/config/endpoint/v3/endpoint_pb.js'
import { plainAssignment } from '../../plan/plain-assignment.js'
import { assignmentChanges, plainChanges } from './assignment-changes.js'

const types = openTypes()
const schema = types.message('envoy.config.endpoint.v3.ClusterLoadAssignment') as DescMessage

const member = (port: number, more: Record<string, JsonValue> = {}): JsonValue => ({
  endpoint: { address: { socketAddress: { address: '127.0.0.1', portValue: port } } },
  ...more,
})
const assignment = (...priorities: JsonValue[][]): ClusterLoadAssignment =>
  fromJson(schema, {
    clusterName: 'a',
    endpoints: priorities.map((lbEndpoints, priority) => ({ priority, lbEndpoints })),
  }) as ClusterLoadAssignment
const plain = (message: ClusterLoadAssignment) => plainAssignment(toBinary(schema, message))

/** Both ways say the same where both can. */
function changes(before: ClusterLoadAssignment, now: ClusterLoadAssignment) {
  const found = assignmentChanges(before, now, types)
  const [old, fresh] = [plain(before), plain(now)]
  if (old !== undefined && fresh !== undefined) assert.deepEqual(plainChanges(old, fresh), found)
  return found
}

test('members that stay in another order are no change', () => {
  assert.deepEqual(changes(assignment([member(1), member(2)]), assignment([member(2), member(1)])), {
    updated: 0,
    membership: 0,
  })
})

test('what is said of a member is a change, but none of the membership', () => {
  assert.deepEqual(changes(assignment([member(1)]), assignment([member(1, { loadBalancingWeight: 2 })])), {
    updated: 1,
    membership: 0,
  })
})

test('each priority counts for itself; an empty one is as good as none', () => {
  const before = assignment([member(1)], [member(2)], [member(3)])
  assert.deepEqual(changes(before, assignment([member(1)], [member(4)], [], [])), { updated: 2, membership: 2 })
  assert.deepEqual(changes(assignment([]), assignment()), { updated: 0, membership: 0 })
})

test('another overprovisioning factor changes all priorities', () => {
  const now = assignment([member(1)], [member(2)])
  const policy = fromJson(schema, { policy: { overprovisioningFactor: 100 } }) as ClusterLoadAssignment
  assert.deepEqual(changes(now, { ...now, ...(policy.policy && { policy: policy.policy }) }), {
    updated: 2,
    membership: 0,
  })
})

test('assignments of the common form are compared without their messages', () => {
  const health = member(1, { healthStatus: 'DRAINING' })
  for (const one of [assignment([member(1)]), assignment([health]), assignment([], [member(2)])])
    assert.notEqual(plain(one), undefined)
  assert.deepEqual(changes(assignment([member(1)]), assignment([health], [member(2)])), { updated: 2, membership: 1 })
})
