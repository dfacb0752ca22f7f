// Names of the form xdstp://authority/type/id: who is asked for them, and collections in the place of names.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ControlPlane, showRequest } from '../support/control-plane.js'
import { ProxyUnderTest } from '../support/proxy-under-test.js'
import { poll } from '../support/wait.js'

type Fields = Record<string, unknown>
type Resources = Parameters<ControlPlane['update']>[1]

const type = (name: string): string => `type.googleapis.com/envoy.${name}`
const local = (port: number): Fields => ({ socket_address: { address: '127.0.0.1', port_value: port } })
const http2: Fields = {
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
    '@type': type('extensions.upstreams.http.v3.HttpProtocolOptions'),
    explicit_http_config: { http2_protocol_options: {} },
  },
}

function serverCluster(name: string, port: number): Fields {
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: local(port) } }] }]
  return {
    name,
    type: 'STATIC',
    typed_extension_protocol_options: http2,
    load_assignment: { cluster_name: name, endpoints },
  }
}

const api = (cluster: string, apiType: string): Fields => ({
  api_type: apiType,
  transport_api_version: 'V3',
  grpc_services: [{ envoy_grpc: { cluster_name: cluster } }],
})

const start = (fields: Fields): Promise<ProxyUnderTest> =>
  ProxyUnderTest.start({
    args: ['--log-level', 'off'],
    config: JSON.stringify({ node: { id: 'node', cluster: 'tests' }, admin: { address: local(0) }, ...fields }),
  })

test('a name is asked of the source given with it, whatever its authority', async () => {
  const [plane, other] = [await ControlPlane.start(), await ControlPlane.start()]
  const assignment = 'xdstp://auth/envoy.config.endpoint.v3.ClusterLoadAssignment/foo/bar'
  plane.update('endpoint', {
    [assignment]: {
      '@type': type('config.endpoint.v3.ClusterLoadAssignment'),
      cluster_name: assignment,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: local(81) } }] }],
    },
  } as Resources)
  const source = { authorities: [{ name: 'auth' }], api_config_source: api('other', 'AGGREGATED_GRPC') }
  const eds_config = { ads: {}, resource_api_version: 'V3' }
  let proxy: ProxyUnderTest | undefined
  try {
    const running = await start({
      config_sources: [{ ...source, resource_api_version: 'V3' }],
      dynamic_resources: { ads_config: api('xds', 'DELTA_GRPC') },
      static_resources: {
        clusters: [
          serverCluster('xds', plane.port),
          serverCluster('other', other.port),
          { name: 'e', type: 'EDS', eds_cluster_config: { service_name: assignment, eds_config } },
        ],
      },
    })
    proxy = running
    await poll('the endpoint', async () => {
      const { body } = await running.admin('/clusters')
      return /^e::127\.0\.0\.1:81::health_flags::healthy$/m.test(body) || undefined
    })
    assert.deepEqual(plane.requests[0]?.names, [assignment])
    assert.deepEqual([other.streams.length, other.requests.length], [1, 0])
  } finally {
    await proxy?.stop()
    await plane.close()
    await other.close()
  }
})

test('a collection of listeners says who asks', async () => {
  const plane = await ControlPlane.start()
  const collection = 'xdstp://auth/envoy.config.listener.v3.Listener/all/*'
  const context = '?xds.node.cluster=tests&xds.node.id=node'
  const nameOf = (id: string): string => `xdstp://auth/envoy.config.listener.v3.Listener/all/${id}${context}`
  const tcp = {
    '@type': type('extensions.filters.network.tcp_proxy.v3.TcpProxy'),
    stat_prefix: 't',
    cluster: 'xds',
  }
  const listener = (id: string): Fields => ({
    '@type': type('config.listener.v3.Listener'),
    name: nameOf(id),
    address: local(0),
    filter_chains: [{ filters: [{ name: 'tcp', typed_config: tcp }] }],
  })
  plane.update('listener', { [nameOf('a')]: listener('a'), [nameOf('b')]: listener('b') } as Resources)
  let proxy: ProxyUnderTest | undefined
  try {
    const running = await start({
      node_context_params: ['id', 'cluster'],
      dynamic_resources: {
        ads_config: api('xds', 'DELTA_GRPC'),
        lds_resources_locator: collection,
        lds_config: { ads: {}, resource_api_version: 'V3' },
      },
      static_resources: { clusters: [serverCluster('xds', plane.port)] },
    })
    proxy = running
    const active = async (count: number): Promise<true | undefined> =>
      (await running.stats()).get('listener_manager.total_listeners_active') === count || undefined
    await poll('two listeners', () => active(2))
    assert.deepEqual(plane.requests.slice(0, 2).map(showRequest), [
      `#1 listener [${collection}${context}] node`,
      '#1 listener nonce n1 node',
    ])
    plane.update('listener', { [nameOf('a')]: undefined } as Resources)
    await poll('one listener', () => active(1))
  } finally {
    await proxy?.stop()
    await plane.close()
  }
})
