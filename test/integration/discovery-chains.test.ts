// Which changes of a listener keep it, and which connections go on then.
import { get } from '../support/bytes.js'
import { OddPlane } from '../support/odd-plane.js'
import { feature, type Scene } from '../support/scenario.js'
import { listener, manager, says, table } from '../support/xds-scene.js'

type Fields = Record<string, unknown>
type Json = ReturnType<typeof listener>
const api = 'type.googleapis.com/envoy'
const chain = (name: string, text: string, more: Fields = {}): Fields => ({
  name,
  filters: [{ name: 'http', typed_config: manager({ route_config: table('i', says(text)) }) }],
  ...more,
})
const from = (address: string) => ({
  filter_chain_match: { source_prefix_ranges: [{ address_prefix: address, prefix_len: 32 }] },
})
const of = (chains: Fields[], more: Fields = {}) => listener('main', {}, { filter_chains: chains, ...more })
const counters = ['listener_manager.listener_modified', 'listener_manager.listener_in_place_updated']

const draining = ['listener_manager.total_filter_chains_draining', 'listener_manager.total_listeners_draining']

feature('listeners that change', { file: import.meta.url, withoutProxy: true }, f => {
  /** Each step is a version of the listener, and what becomes of a connection of the one before it. Noted is how it was counted. */
  const steps = (s: Scene, first: Json, ...later: [Json, 'goes on' | 'ends'][]): Promise<void> =>
    OddPlane.run(
      s,
      {
        args: ['--drain-time-s', '1'],
        prepare: plane => {
          plane.update('cluster', {})
          plane.update('listener', { main: first })
        },
      },
      async odd => {
        const { plane, proxy } = odd.x
        for (const [index, [next, end]] of later.entries()) {
          const client = await s.connectTo({ port: (await odd.x.port('main')) ?? proxy.port('main') })
          await client.send(get('/'))
          const { body } = await client.response()
          plane.update('listener', { main: next })
          await odd.x.statBecomes('listener_manager.listener_modified', index + 1)
          // The second counter comes with the swap, and a connection ends after it.
          if (end === 'ends') await client.closed()
          else await odd.x.statBecomes('listener_manager.listener_in_place_updated', index + 1)
          s.note(
            `${body.toString()} ${end}: ${(await odd.x.stats(...counters)).replaceAll('listener_manager.', '').replaceAll('\n', ', ')}`,
          )
          for (const gauge of draining) await odd.x.statBecomes(gauge, 0)
          if (end === 'ends') continue
          await client.send(get('/'))
          s.note((await client.response()).body.toString())
        }
      },
    )

  f.scenario(
    'chains in another order, and one more',
    {
      sees: `
    a goes on: listener_modified: 1, listener_in_place_updated: 1
    a
    a goes on: listener_modified: 2, listener_in_place_updated: 2
    a
    a goes on: listener_modified: 3, listener_in_place_updated: 3
    a
  `,
    },
    s => {
      const [a, b] = [chain('a', 'a', from('127.0.0.1')), chain('b', 'b', from('127.0.0.2'))]
      return steps(
        s,
        of([a, b]),
        [of([b, a]), 'goes on'],
        [of([chain('c', 'c', from('127.0.0.3')), b, a]), 'goes on'],
        [of([a]), 'goes on'],
      )
    },
  )

  f.scenario(
    'a chain that changes its name, its match, its filters',
    {
      sees: `
    a ends: listener_modified: 1, listener_in_place_updated: 1
    a ends: listener_modified: 2, listener_in_place_updated: 2
    a ends: listener_modified: 3, listener_in_place_updated: 3
  `,
    },
    s =>
      steps(
        s,
        of([chain('a', 'a', from('127.0.0.1'))]),
        [of([chain('b', 'a', from('127.0.0.1'))]), 'ends'],
        [of([chain('b', 'a')]), 'ends'],
        [of([chain('b', 'other')]), 'ends'],
      ),
  )

  f.scenario(
    'something else of the listener',
    {
      sees: `
    a ends: listener_modified: 1, listener_in_place_updated: 0
    a ends: listener_modified: 2, listener_in_place_updated: 0
    a ends: listener_modified: 3, listener_in_place_updated: 0
    a ends: listener_modified: 4, listener_in_place_updated: 0
  `,
    },
    s =>
      steps(
        s,
        of([chain('a', 'a')]),
        [of([chain('a', 'a')], { per_connection_buffer_limit_bytes: 5000 }), 'ends'],
        [
          of([chain('a', 'a')], {
            per_connection_buffer_limit_bytes: 5000,
            metadata: { filter_metadata: { a: { b: 1 } } },
          }),
          'ends',
        ],
        [of([chain('a', 'a')], { per_connection_buffer_limit_bytes: 5000, stat_prefix: 'other' }), 'ends'],
        [
          of([chain('a', 'a')], {
            per_connection_buffer_limit_bytes: 5000,
            stat_prefix: 'other',
            traffic_direction: 'INBOUND',
          }),
          'ends',
        ],
      ),
  )

  f.scenario(
    'listener filters',
    {
      sees: `
    a ends: listener_modified: 1, listener_in_place_updated: 0
    a ends: listener_modified: 2, listener_in_place_updated: 1
  `,
    },
    s => {
      const inspector = (type: string) => ({
        name: type,
        typed_config: {
          '@type': `${api}.extensions.filters.listener.${type}.v3.${type === 'tls_inspector' ? 'TlsInspector' : 'HttpInspector'}`,
        },
      })
      return steps(
        s,
        of([chain('a', 'a')]),
        [of([chain('a', 'a')], { listener_filters: [inspector('http_inspector')] }), 'ends'],
        [of([chain('a', 'b')], { listener_filters: [inspector('http_inspector')] }), 'ends'],
      )
    },
  )

  f.scenario(
    'a matcher of chains',
    {
      sees: `
    a goes on: listener_modified: 1, listener_in_place_updated: 1
    a
    b goes on: listener_modified: 2, listener_in_place_updated: 2
    b
    b goes on: listener_modified: 3, listener_in_place_updated: 3
    b
  `,
    },
    s => {
      const named = (name: string) => ({
        filter_chain_matcher: {
          on_no_match: {
            action: {
              name: 'chain',
              typed_config: { '@type': 'type.googleapis.com/google.protobuf.StringValue', value: name },
            },
          },
        },
      })
      const both = [chain('a', 'a'), chain('b', 'b')]
      return steps(
        s,
        of(both, named('a')),
        [of(both, named('b')), 'goes on'],
        [of([chain('a', 'a2'), chain('b', 'b')], named('b')), 'goes on'],
        [of(both, named('a')), 'goes on'],
      )
    },
  )
})
