import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import { testTypes } from './control-plane.test-support.js'
import { withNodeContext } from './node-context.js'
import { isCollection, normalName, parseUrn, wildcardOf } from './xdstp.js'

const name = 'xdstp://auth/envoy.config.cluster.v3.Cluster/foo/bar'

test('one resource has one name', () => {
  assert.equal(normalName(`${name}?b=2&a=1`), `${name}?a=1&b=2`)
  assert.equal(normalName('xdstp://auth/envoy.config.cluster.v3.Cluster/%66oo/bar'), name)
  assert.equal(normalName('xdstp://a%2fb/t/x%3Fy'), 'xdstp://a%2Fb/t/x%3Fy')
  assert.equal(normalName('plain?b=2&a=1'), 'plain?b=2&a=1')
  assert.equal(parseUrn('xdstp://auth'), undefined)
  assert.equal(normalName('xdstp://auth'), 'xdstp://auth')
})

test('collections', () => {
  assert.equal(wildcardOf(`${name}?a=1`), 'xdstp://auth/envoy.config.cluster.v3.Cluster/foo/*?a=1')
  assert.equal(isCollection('xdstp://auth/t/foo/*?a=1'), true)
  assert.equal(isCollection(name), false)
  assert.equal(isCollection('foo/*'), false)
})

test('what a name says of the node', () => {
  const node = testTypes.create<Node>('envoy.config.core.v3.Node', {
    id: 'x',
    cluster: 'y',
    metadata: { k: 'v' },
    userAgentName: 'envoy',
  })
  const fields = ['id', 'cluster', 'metadata', 'user_agent_name']
  assert.equal(
    withNodeContext('xdstp://auth/envoy.config.cluster.v3.Cluster/foo/*', node, fields),
    'xdstp://auth/envoy.config.cluster.v3.Cluster/foo/*?xds.node.cluster=y&xds.node.id=x&xds.node.metadata.k="v"&xds.node.user_agent_name=envoy',
  )
})
