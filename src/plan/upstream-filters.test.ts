import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromBinary } from '@bufbuild/protobuf'
import { loadExtensions } from '../generated/extensions.js'
import { ClusterSchema } from '../generated/plan_pb.js'
import { compilerWith } from './compile-fixture.js'

const compile = compilerWith(await loadExtensions())
const filters = 'type.googleapis.com/envoy.extensions.filters.http'
const filter = (name: string, type: string, more: object = {}): object => ({
  name,
  typed_config: { '@type': `${filters}.${type}` },
  ...more,
})
const codec = filter('codec', 'upstream_codec.v3.UpstreamCodec')
const router = filter('router', 'router.v3.Router')
const cors = filter('cors', 'cors.v3.Cors')
const mutation = filter('hm', 'header_mutation.v3.HeaderMutation')

const manager = (chain: readonly object[]): object => ({
  '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
  stat_prefix: 'h',
  route_config: {},
  http_filters: chain,
})
const cluster = (chain: readonly object[]): object => ({
  name: 'c',
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: { http_protocol_options: {} },
      http_filters: chain,
    },
  },
})
const listening = (chain: readonly object[]): object => ({
  static_resources: {
    listeners: [
      {
        name: 'l',
        address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
        filter_chains: [{ filters: [{ name: 'hcm', typed_config: manager(chain) }] }],
      },
    ],
  },
})
const upstream = (chain: readonly object[]): object => ({ static_resources: { clusters: [cluster(chain)] } })
const routing = (chain: readonly object[]): object =>
  listening([
    { name: 'router', typed_config: { '@type': `${filters}.router.v3.Router`, upstream_http_filters: chain } },
  ])

const onlyCodec = /The codec filter is the only valid terminal upstream HTTP filter, use 'envoy\.extensions/
const unregistered = (name: string): RegExp => new RegExp(`Didn't find a registered implementation for '${name}' with`)

// What envoy 1.40 --mode validate says to the same.
const cases: readonly (readonly [what: string, config: object, problem: RegExp | undefined])[] = [
  ['filters of a cluster', upstream([mutation, codec]), undefined],
  ['the codec alone', upstream([codec]), undefined],
  ['a cluster without the codec', upstream([mutation]), onlyCodec],
  ['a filter behind the codec', upstream([codec, mutation]), onlyCodec],
  ['a router in place of the codec', upstream([mutation, router]), onlyCodec],
  ['a filter that has no place there', upstream([cors, codec]), unregistered('cors')],
  [
    'a codec that is disabled',
    upstream([mutation, { ...codec, disabled: true }]),
    /the last \(terminal\) filter \(codec\) in the chain cannot be disabled/,
  ],
  ['filters of a router', routing([mutation, codec]), undefined],
  [
    'a router without the codec',
    routing([mutation]),
    /non-terminal filter named hm of type .* is the last filter in a router upstream http filter chain/,
  ],
  ['a codec in front of a router', listening([codec, router]), unregistered('codec')],
]

for (const [what, config, problem] of cases) {
  test(`upstream filters: ${what}`, () => {
    const answer = compile({ yaml: JSON.stringify(config) })
    const problems = (answer.errors ?? []).map(error => error.message).join('\n')
    if (problem === undefined) assert.equal(problems, '')
    else assert.match(problems, problem)
  })
}

test("a cluster's plan has its filters, the codec last", () => {
  const { config } = compile({ yaml: JSON.stringify(upstream([mutation, codec])) })
  const plan = config?.plans.find(({ kind }) => kind === 'cluster')
  assert(plan)
  assert.deepEqual(
    fromBinary(ClusterSchema, plan.bytes).httpFilters.map(({ name, type }) => [name, type]),
    [
      ['hm', 'envoy.filters.http.header_mutation'],
      ['codec', 'envoy.filters.http.upstream_codec'],
    ],
  )
})
