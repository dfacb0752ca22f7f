import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import {
  adsSource,
  ask,
  assignment,
  ClusterFollower,
  edsCluster,
  grpcSource,
  plainListener,
  Recorder,
  routeTable,
  staticCluster,
  testClient,
  type GrpcSource,
} from './client.test-support.js'
import { ControlPlane, type ControlPlaneOptions, showRequest } from './control-plane.test-support.js'
import type { DiscoveryClient } from './types.js'

async function withPlane(
  run: (plane: ControlPlane, later: (close: () => void) => void) => Promise<void>,
  options: ControlPlaneOptions = {},
): Promise<void> {
  const plane = await ControlPlane.start(options)
  const closers: (() => void)[] = []
  try {
    await run(plane, close => void closers.push(close))
  } finally {
    for (const close of closers) close()
    await plane.close()
  }
}

/** Waits for `count` more requests and shows them. */
function stepper(plane: ControlPlane): (count: number) => Promise<string[]> {
  let from = 0
  return async count => {
    const requests = await plane.seen(count, undefined, from)
    from += count
    return requests.map(showRequest)
  }
}

function overAds(plane: ControlPlane, ads: GrpcSource): { client: DiscoveryClient; shared: unknown[] } {
  const { client, shared } = testClient(plane, { ads })
  client.start()
  return { client, shared }
}

// Each step's requests are those that Envoy 1.40 sent to the same server in the same steps.
describe('one state-of-the-world stream for all', () => {
  test('connect, clusters with endpoints, changes, refusals, the stream ends', () =>
    withPlane(
      async (plane, later) => {
        const { client, shared } = overAds(plane, {})
        later(() => client.close())
        const follower = new ClusterFollower(client, adsSource())
        const next = stepper(plane)
        assert.deepEqual(await next(1), ['#1 cluster [] node'])

        plane.update('endpoint', { a: assignment('a'), b: assignment('b') })
        plane.update('cluster', { a: edsCluster('a'), b: edsCluster('b'), s: staticCluster('s') })
        assert.deepEqual(await next(3), [
          '#1 endpoint [b a] node',
          '#1 cluster [] version 2 nonce n1 node',
          '#1 endpoint [b a] version 1 nonce n2 node',
        ])
        ask(client, 'listener', adsSource())
        assert.deepEqual(await next(1), ['#1 listener [] node'])

        plane.update('endpoint', { a: assignment('a', 81) })
        assert.deepEqual(await next(1), ['#1 endpoint [b a] version 3 nonce n3 node'])

        follower.wrongClusters.set('bad', 'no good')
        plane.update('cluster', { bad: staticCluster('bad') })
        assert.deepEqual(await next(1), ['#1 cluster [] version 2 nonce n4 error 13 node'])
        assert.equal(plane.requests.at(-1)?.error?.message, 'Error adding/updating cluster(s) bad: no good')

        plane.update('endpoint', { c: assignment('c') })
        assert.deepEqual(await next(1), ['#1 endpoint [b a] version 5 nonce n5 node'])
        plane.update('cluster', { bad: undefined, c: edsCluster('c') })
        assert.deepEqual(await next(3), [
          '#1 endpoint [c b a] version 5 nonce n5 node',
          '#1 cluster [] version 6 nonce n6 node',
          '#1 endpoint [c b a] version 5 nonce n7 node',
        ])

        follower.wrongEndpoints.set('a', 'malformed IP address: notanip')
        plane.update('endpoint', { a: assignment('a', 82) })
        assert.deepEqual(await next(1), ['#1 endpoint [c b a] version 5 nonce n8 error 13 node'])
        follower.wrongEndpoints.delete('a')
        plane.update('endpoint', { a: assignment('a', 83) })
        assert.deepEqual(await next(1), ['#1 endpoint [c b a] version 8 nonce n9 node'])

        plane.update('cluster', { b: undefined })
        assert.deepEqual(await next(3), [
          '#1 endpoint [c a] version 8 nonce n9 node',
          '#1 cluster [] version 9 nonce n10 node',
          '#1 endpoint [c a] version 8 nonce n11 node',
        ])

        plane.streams[0]?.end()
        assert.deepEqual(await next(5), [
          '#2 cluster [] version 9 node',
          '#2 endpoint [c a] version 8 node',
          '#2 listener [] node',
          '#2 cluster [] version 9 nonce n12 node',
          '#2 endpoint [c a] version 8 nonce n13 node',
        ])
        assert.deepEqual(shared, [
          { kind: 'control_plane.connected_state', value: 1 },
          ...Array.from({ length: 11 }, () => ({ kind: 'control_plane.identifier', value: 'cp-1' })),
          { kind: 'control_plane.connected_state', value: 0 },
          { kind: 'control_plane.connected_state', value: 1 },
          ...Array.from({ length: 2 }, () => ({ kind: 'control_plane.identifier', value: 'cp-1' })),
        ])
        assert.equal(follower.clusters.count('update_failure'), 1)
        assert.equal(follower.clusters.count('update_rejected'), 1)
        assert.equal(follower.clusters.count('update_success'), 4)
      },
      { identifier: 'cp-1' },
    ))
})

describe('one delta stream for all', () => {
  test('connect, clusters with endpoints, changes, refusals, the stream ends', () =>
    withPlane(async (plane, later) => {
      const { client } = overAds(plane, { isDelta: true })
      later(() => client.close())
      const follower = new ClusterFollower(client, adsSource())
      const next = stepper(plane)
      assert.deepEqual(await next(2), ['#1 cluster node', '#1 cluster nonce n1 node'])
      ask(client, 'listener', adsSource())
      assert.deepEqual(await next(2), ['#1 listener node', '#1 listener nonce n2 node'])

      plane.update('endpoint', { a: assignment('a'), b: assignment('b') })
      plane.update('cluster', { a: edsCluster('a'), b: edsCluster('b'), s: staticCluster('s') })
      assert.deepEqual(await next(3), [
        '#1 endpoint [a b] node',
        '#1 cluster nonce n3 node',
        '#1 endpoint nonce n4 node',
      ])
      plane.update('endpoint', { a: assignment('a', 81) })
      assert.deepEqual(await next(1), ['#1 endpoint nonce n5 node'])

      follower.wrongClusters.set('bad', 'no good')
      plane.update('cluster', { bad: staticCluster('bad') })
      assert.deepEqual(await next(1), ['#1 cluster nonce n6 error 13 node'])
      plane.update('cluster', { bad: undefined })
      assert.deepEqual(await next(1), ['#1 cluster nonce n7 node'])

      plane.update('cluster', { b: undefined })
      assert.deepEqual(await next(2), ['#1 endpoint -[b] node', '#1 cluster nonce n8 node'])

      plane.update('route', { r1: routeTable('r1') })
      ask(client, 'route', adsSource(), ['r1'])
      assert.deepEqual(await next(2), ['#1 route [r1] node', '#1 route nonce n9 node'])
      plane.update('listener', { l1: plainListener('l1') })
      assert.deepEqual(await next(1), ['#1 listener nonce n10 node'])

      plane.streams[0]?.end(14, 'go away')
      assert.deepEqual((await next(8)).slice(0, 4), [
        '#2 cluster have [a=2 s=2] node',
        '#2 listener have [l1=8] node',
        '#2 endpoint [a] have [a=3] node',
        '#2 route [r1] have [r1=7] node',
      ])
    }))

  test('the node goes with the first message alone', () =>
    withPlane(async (plane, later) => {
      const { client } = overAds(plane, { isDelta: true, api: { set_node_on_first_message_only: true } })
      later(() => client.close())
      ask(client, 'cluster', adsSource())
      const next = stepper(plane)
      assert.deepEqual(await next(2), ['#1 cluster node', '#1 cluster nonce n1'])
      plane.streams[0]?.end()
      assert.deepEqual(await next(2), ['#2 cluster node', '#2 cluster nonce n2'])
    }))
})

describe('a stream for each subscription', () => {
  test('state of the world', () =>
    withPlane(async (plane, later) => {
      const { client } = testClient(plane)
      later(() => client.close())
      const follower = new ClusterFollower(client, grpcSource())
      const next = stepper(plane)
      assert.deepEqual(await next(1), ['#1 cluster [] node'])
      plane.update('endpoint', { a: assignment('a') })
      plane.update('cluster', { a: edsCluster('a') })
      assert.deepEqual((await next(3)).sort(), [
        '#1 cluster [] version 2 nonce n1 node',
        '#2 endpoint [a] node',
        '#2 endpoint [a] version 1 nonce n2 node',
      ])
      assert.equal(plane.streams[1]?.method, '/envoy.service.endpoint.v3.EndpointDiscoveryService/StreamEndpoints')
      plane.streams[1]?.end()
      assert.deepEqual(await next(2), ['#3 endpoint [a] version 1 node', '#3 endpoint [a] version 1 nonce n3 node'])
      // Its stream ends with the cluster.
      plane.update('cluster', { a: undefined })
      assert.deepEqual(await next(1), ['#1 cluster [] version 3 nonce n4 node'])
      await plane.waitFor('the end of the stream', () => plane.streams[2]?.isOpen === false || undefined)
      const [endpoints] = follower.endpoints.values()
      assert.equal(endpoints, undefined)
    }))

  test('delta', () =>
    withPlane(async (plane, later) => {
      const { client } = testClient(plane)
      later(() => client.close())
      plane.update('endpoint', { a: assignment('a') })
      const recorder = ask(client, 'endpoint', grpcSource({ isDelta: true }), ['a'])
      const next = stepper(plane)
      assert.deepEqual(await next(2), ['#1 endpoint [a] node', '#1 endpoint nonce n1 node'])
      plane.streams[0]?.end()
      assert.deepEqual((await next(2))[0], '#2 endpoint [a] have [a=1] node')
      assert.deepEqual(recorder.updates[0]?.added[0]?.name, 'a')
      recorder.subscription?.setNames(new Set(['b']))
      assert.deepEqual(await next(1), ['#2 endpoint [b] -[a] node'])
    }))

  test('what Envoy sends as metadata: its own and the authority', () =>
    withPlane(async (plane, later) => {
      const { client } = testClient(plane)
      later(() => client.close())
      const service = { initial_metadata: [{ key: 'x-meta', value: 'v' }] }
      ask(client, 'runtime', grpcSource({ service }), ['layer'])
      await plane.seen(1)
      assert.equal(plane.streams[0]?.metadata['x-meta'], 'v')
      assert.equal(plane.streams[0]?.authority, 'xds')
    }))
})

describe('a server that is away, or silent', () => {
  test('attempts go on with growing delays, and nothing is lost', () =>
    withPlane(async (plane, later) => {
      const { port } = plane
      await plane.close()
      const { client, shared } = overAds(plane, {
        service: {
          envoy_grpc: {
            cluster_name: 'xds',
            retry_policy: { retry_back_off: { base_interval: '0.02s', max_interval: '0.1s' } },
          },
        },
      })
      later(() => client.close())
      const recorder = ask(client, 'cluster', adsSource())
      await recorder.waitFor('two failures', () => recorder.failures.length >= 2)
      assert.deepEqual(new Set(recorder.failures), new Set(['connection']))
      assert.ok(shared.length >= 4)
      const again = await ControlPlane.start({ port })
      try {
        again.update('cluster', { s: staticCluster('s') })
        await recorder.waitFor('an update', () => recorder.updates.length > 0)
        assert.equal(recorder.updates[0]?.isFullState, true)
        client.close()
      } finally {
        await again.close()
      }
    }))

  test('the first answer does not come in time', () =>
    withPlane(
      async (plane, later) => {
        const { client } = overAds(plane, {})
        later(() => client.close())
        const recorder = ask(client, 'endpoint', adsSource('0.05s'), ['a'])
        await recorder.waitFor('the timeout', () => recorder.failures.length > 0)
        assert.deepEqual(recorder.failures, ['timeout'])
        assert.equal(recorder.count('init_fetch_timeout'), 1)
        // It may come later still.
        plane.update('endpoint', { a: assignment('a') })
        await recorder.waitFor('the update', () => recorder.updates.length > 0)
      },
      { answers: true },
    ))
})

test('ADS without a server', () =>
  withPlane(async (plane, later) => {
    const { client } = testClient(plane)
    later(() => client.close())
    client.start()
    const recorder = ask(client, 'endpoint', adsSource('0.02s'), ['a'])
    recorder.subscription?.setNames(new Set(['b']))
    await recorder.waitFor('the timeout', () => recorder.failures.length > 0)
    assert.deepEqual(recorder.failures, ['timeout'])
  }))

describe('a server that lies', () => {
  test('types that are not those of the answer, bytes that are no message', () =>
    withPlane(
      async (plane, later) => {
        const { client } = overAds(plane, {})
        later(() => client.close())
        const recorder = ask(client, 'cluster', adsSource())
        const next = stepper(plane)
        await next(1)
        const typeUrl = 'type.googleapis.com/envoy.config.cluster.v3.Cluster'
        const send = (resource: { typeUrl: string; value: Uint8Array }, nonce: string): void =>
          plane.streams[0]?.send({ typeUrl, nonce, versionInfo: 'v', resources: [resource] })
        send({ typeUrl: 'type.googleapis.com/envoy.config.listener.v3.Listener', value: new Uint8Array() }, 'x1')
        assert.deepEqual(await next(1), ['#1 cluster [] nonce x1 error 13 node'])
        send({ typeUrl, value: new Uint8Array([0xff, 0xff]) }, 'x2')
        assert.deepEqual(await next(1), ['#1 cluster [] nonce x2 error 13 node'])
        assert.match(
          plane.requests.at(-1)?.error?.message ?? '',
          /^Unable to unpack as envoy\.config\.cluster\.v3\.Cluster/,
        )
        // A type that nobody asked for is not answered at all.
        plane.streams[0]?.send({ typeUrl: 'type.googleapis.com/none', nonce: 'x3' })
        send({ typeUrl, value: new Uint8Array() }, 'x4')
        assert.deepEqual(await next(1), ['#1 cluster [] version v nonce x4 node'])
        assert.deepEqual(recorder.failures, ['rejected', 'rejected'])
        assert.equal(recorder.updates.length, 1)
      },
      { answers: false },
    ))

  test('delta: a name twice, a name added and removed', () =>
    withPlane(
      async (plane, later) => {
        const { client } = overAds(plane, { isDelta: true })
        later(() => client.close())
        ask(client, 'cluster', adsSource())
        const next = stepper(plane)
        await next(1)
        const typeUrl = 'type.googleapis.com/envoy.config.cluster.v3.Cluster'
        const one = { name: 'a', version: '1', resource: { typeUrl, value: new Uint8Array() } }
        plane.streams[0]?.send({ typeUrl, nonce: 'x1', resources: [one, one] })
        assert.deepEqual(await next(1), ['#1 cluster nonce x1 error 13 node'])
        assert.equal(plane.requests.at(-1)?.error?.message, 'duplicate name a found among added/updated resources')
        plane.streams[0]?.send({ typeUrl, nonce: 'x2', resources: [one], removedResources: ['a'] })
        assert.deepEqual(await next(1), ['#1 cluster nonce x2 error 13 node'])
        assert.equal(
          plane.requests.at(-1)?.error?.message,
          'duplicate name a found in the union of added+removed resources',
        )
      },
      { answers: false },
    ))

  test('a flood is read no faster than it is dealt with', () =>
    withPlane(
      async (plane, later) => {
        const { client } = overAds(plane, {})
        later(() => client.close())
        let release: () => void = () => undefined
        const held = new Promise<void>(resolve => {
          release = resolve
        })
        const recorder = ask(client, 'cluster', adsSource(), undefined, new Recorder(() => held.then(() => undefined)))
        await plane.seen(1)
        const typeUrl = 'type.googleapis.com/envoy.config.cluster.v3.Cluster'
        const value = new Uint8Array(100_000)
        for (let index = 0; index < 200; index++)
          plane.streams[0]?.send({
            typeUrl,
            nonce: `x${index}`,
            versionInfo: `${index}`,
            resources: [],
            controlPlane: { identifier: Buffer.from(value).toString('latin1') },
          })
        await recorder.waitFor('the first', () => recorder.updates.length === 1)
        release()
        await plane.waitFor('the last answer', () => plane.requests.at(-1)?.version === '199' || undefined)
        assert.equal(recorder.updates.length, 200)
      },
      { answers: false },
    ))
})

describe('a peer that is no control plane', () => {
  const quick = { retry_policy: { retry_back_off: { base_interval: '0.02s', max_interval: '0.05s' } } }

  test('a message over max_receive_message_length ends the stream, and the next one begins', () =>
    withPlane(async (plane, later) => {
      const service = { envoy_grpc: { cluster_name: 'xds', max_receive_message_length: 2000, ...quick } }
      const { client } = overAds(plane, { service })
      later(() => client.close())
      const recorder = ask(client, 'cluster', adsSource())
      plane.update('cluster', { ['x'.repeat(3000)]: staticCluster('x'.repeat(3000)) })
      await recorder.waitFor('failures', () => recorder.failures.length >= 2)
      assert.equal(recorder.updates.length, 0)
      plane.update('cluster', { ['x'.repeat(3000)]: undefined, small: staticCluster('small') })
      await recorder.waitFor('the update', () => recorder.updates.length > 0)
      assert.ok(plane.streams.length >= 3)
    }))

  for (const [name, speak] of [
    ['says nothing', () => undefined],
    ['speaks another protocol', (socket: Socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['hangs up', (socket: Socket) => void socket.destroy()],
  ] as const)
    test(`one that ${name}`, async () => {
      const sockets: Socket[] = []
      const server = createServer(socket => {
        sockets.push(socket)
        socket.on('error', () => undefined)
        speak(socket)
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      await withPlane(async (plane, later) => {
        const service = { envoy_grpc: { cluster_name: 'xds', ...quick } }
        const { client } = testClient(plane, { ads: { service }, reach: () => ({ host: '127.0.0.1', port }) })
        later(() => client.close())
        client.start()
        const recorder = ask(client, 'cluster', adsSource('0.1s'))
        await recorder.waitFor('the timeout', () => recorder.failures.includes('timeout'))
        assert.equal(recorder.updates.length, 0)
      })
      server.close()
      for (const socket of sockets) socket.destroy()
    })
})

describe('rate_limit_settings', () => {
  test('requests wait for their turn', () =>
    withPlane(async (plane, later) => {
      const { client, shared } = overAds(plane, { api: { rate_limit_settings: { max_tokens: 1, fill_rate: 50 } } })
      later(() => client.close())
      await plane.waitFor('the stream', () => plane.streams[0])
      const recorder = ask(client, 'endpoint', adsSource(), ['a'])
      recorder.subscription?.setNames(new Set(['a', 'b']))
      recorder.subscription?.setNames(new Set(['a', 'b', 'c']))
      await plane.waitFor('all names', () => plane.requests.at(-1)?.names.length === 3 || undefined)
      const kinds = (shared as { kind: string }[]).map(({ kind }) => kind)
      assert.ok(kinds.includes('control_plane.rate_limit_enforced'))
      assert.ok(kinds.includes('control_plane.pending_requests'))
    }))
})

describe('a response for many', () => {
  test('goes to each without waiting for the others, and ends at one that refuses', () =>
    withPlane(async (plane, later) => {
      const { client } = overAds(plane, {})
      later(() => client.close())
      plane.update('endpoint', { a: assignment('a'), b: assignment('b'), c: assignment('c') })
      let under = 0
      let most = 0
      const slow = (): Recorder =>
        new Recorder(async () => {
          most = Math.max(most, ++under)
          await new Promise(resolve => setTimeout(resolve, 5))
          under--
          return undefined
        })
      const resume = client.pause(['endpoint'])
      const a = ask(client, 'endpoint', adsSource(), ['a'], slow())
      const b = ask(
        client,
        'endpoint',
        adsSource(),
        ['b'],
        new Recorder(() => (plane.requests.length > 1 ? 'no' : undefined)),
      )
      const c = ask(client, 'endpoint', adsSource(), ['c'], slow())
      resume()
      await plane.seen(2)
      assert.equal(most, 2)
      assert.equal(plane.requests[1]?.error, undefined)
      // The newest is told first; whom the refusal kept from it hears that the response was refused.
      plane.update('endpoint', { a: assignment('a', 81) })
      await plane.seen(1, undefined, 2)
      assert.equal(plane.requests[2]?.error?.message, 'no')
      assert.deepEqual([a.updates.length, b.updates.length, c.updates.length], [1, 2, 2])
      assert.deepEqual(a.failures, ['rejected'])
    }))
})

test('what did not change is neither checked nor kept anew', () =>
  withPlane(async (plane, later) => {
    const checked: string[] = []
    const check = (_: string, { name }: { readonly name: string }): string | undefined => {
      checked.push(name)
      return name === 'bad' ? 'bad is bad' : undefined
    }
    const { client } = testClient(plane, { ads: {}, check })
    client.start()
    later(() => client.close())
    plane.update('cluster', { a: staticCluster('a'), b: staticCluster('b') })
    const recorder = ask(client, 'cluster', adsSource())
    await plane.seen(2)
    plane.update('cluster', { b: edsCluster('b') })
    await plane.seen(3)
    assert.deepEqual(checked, ['a', 'b', 'b'])
    const [first, second] = recorder.updates
    assert.equal(first?.added[0]?.bytes, second?.added[0]?.bytes)
    assert.notEqual(first?.added[1]?.bytes, second?.added[1]?.bytes)
    // One that is bad by itself keeps the whole response from everybody.
    plane.update('cluster', { bad: staticCluster('bad') })
    await plane.seen(4)
    assert.equal(plane.requests[3]?.error?.message, 'bad is bad')
    assert.equal(recorder.updates.length, 2)
  }))
