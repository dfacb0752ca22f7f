import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromBinary } from '@bufbuild/protobuf'
import { loadExtensions } from '../generated/extensions.js'
import { EndpointsSchema, ListenerSchema } from '../generated/plan_pb.js'
import { compilerWith } from './compile-fixture.js'

const compile = compilerWith(await loadExtensions())
const api = 'type.googleapis.com/envoy.extensions'
const extension = {
  name: 'envoy.bootstrap.internal_listener',
  typed_config: { '@type': `${api}.bootstrap.internal_listener.v3.InternalListener` },
}
const proxy = {
  name: 'tcp',
  typed_config: { '@type': `${api}.filters.network.tcp_proxy.v3.TcpProxy`, stat_prefix: 't', cluster: 'c' },
}
const listener = (more: object): object => ({ name: 'in', filter_chains: [{ filters: [proxy] }], ...more })
const internal = (more: object = {}): object => listener({ internal_listener: {}, ...more })
const socket = { socket_address: { address: '127.0.0.1', port_value: 1 } }
const cluster = (more: object = {}): object => ({
  name: 'c',
  load_assignment: {
    cluster_name: 'c',
    endpoints: [
      {
        lb_endpoints: [
          { endpoint: { address: { envoy_internal_address: { server_listener_name: 'in', endpoint_id: 'e' } } } },
        ],
      },
    ],
  },
  ...more,
})
const passing = (kind: string): object => ({
  transport_socket: {
    name: 'internal',
    typed_config: {
      '@type': `${api}.transport_sockets.internal_upstream.v3.InternalUpstreamTransport`,
      passthrough_metadata: [{ kind: { [kind]: {} }, name: 'a' }],
      transport_socket: { name: 'raw', typed_config: { '@type': `${api}.transport_sockets.raw_buffer.v3.RawBuffer` } },
    },
  },
})
const file = (one: object, of = cluster(), extensions: readonly object[] = [extension]): object => ({
  bootstrap_extensions: extensions,
  static_resources: { listeners: [one], clusters: [of] },
})

// What envoy 1.40 --mode validate says to the same; 'later' is what we refuse.
const cases: readonly (readonly [what: string, config: object, problem: RegExp | undefined])[] = [
  ['a listener and a cluster', file(internal()), undefined],
  ['without the extension', file(internal(), cluster(), []), /InternalListener bootstrap extension is mandatory/],
  ['with an address', file(internal({ address: socket })), /address should not be used when an internal listener/],
  ['with what sockets have', file(internal({ freebind: true })), /has unsupported tcp listener feature/],
  ['metadata of the host goes along', file(internal(), cluster(passing('host'))), undefined],
  ['metadata of the request does not', file(internal(), cluster(passing('request'))), /metadata type is not supported/],
  [
    'their hosts are not checked',
    file(
      internal(),
      cluster({
        health_checks: [
          { timeout: '1s', interval: '1s', tcp_health_check: {}, healthy_threshold: 1, unhealthy_threshold: 1 },
        ],
      }),
    ),
    /not supported yet: active health checks of internal listeners/,
  ],
  ['a listener without a socket', file(listener({ address: socket, bind_to_port: false })), undefined],
  ['original destinations', file(listener({ address: socket, use_original_dst: true })), undefined],
]

for (const [what, config, problem] of cases) {
  test(`internal listeners: ${what}`, () => {
    const answer = compile({ yaml: JSON.stringify(config) })
    const problems = (answer.errors ?? []).map(error => error.message).join('\n')
    if (problem === undefined) assert.equal(problems, '')
    else assert.match(problems, problem)
  })
}

test('plans of an internal listener and of a host behind it', () => {
  const { config } = compile({ yaml: JSON.stringify(file(internal())) })
  const bytesOf = (kind: string): Uint8Array =>
    config?.plans.find(plan => plan.kind === kind)?.bytes ?? new Uint8Array()
  const { internal: isInternal, bindToPort, addresses } = fromBinary(ListenerSchema, bytesOf('listener'))
  assert.deepEqual({ isInternal, bindToPort, addresses }, { isInternal: true, bindToPort: false, addresses: [] })
  const [host] = fromBinary(EndpointsSchema, bytesOf('endpoints')).localities[0]?.hosts ?? []
  assert.deepEqual([host?.address?.internal, host?.address?.endpointId], ['in', 'e'])
})

test('use_original_dst has its filter', () => {
  const { config } = compile({ yaml: JSON.stringify(file(listener({ address: socket, use_original_dst: true }))) })
  const plan = fromBinary(
    ListenerSchema,
    config?.plans.find(({ kind }) => kind === 'listener')?.bytes ?? new Uint8Array(),
  )
  assert.deepEqual(
    [plan.useOriginalDst, plan.listenerFilters.map(({ filter }) => filter?.type)],
    [true, ['envoy.filters.listener.original_dst']],
  )
})
