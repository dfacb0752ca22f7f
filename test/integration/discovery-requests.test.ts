// What a control plane is asked and answered, request by request: the same steps against the same server in each of the ways to ask.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ControlPlane, type SeenRequest, showRequest } from '../support/control-plane.js'
import { ProxyUnderTest } from '../support/proxy-under-test.js'

type Fields = Record<string, unknown>
type Resources = Parameters<ControlPlane['update']>[1]

const type = (name: string): string => `type.googleapis.com/envoy.${name}`
const local = (port: number): Fields => ({ socket_address: { address: '127.0.0.1', port_value: port } })
const members = (name: string, port: number): Fields => ({
  cluster_name: name,
  endpoints: [{ lb_endpoints: [{ endpoint: { address: local(port) } }] }],
})

interface Mode {
  readonly isDelta: boolean
  readonly isShared: boolean
}

const http2 = {
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
    '@type': type('extensions.upstreams.http.v3.HttpProtocolOptions'),
    explicit_http_config: { http2_protocol_options: {} },
  },
}

function api({ isDelta }: Mode): Fields {
  return {
    api_type: isDelta ? 'DELTA_GRPC' : 'GRPC',
    transport_api_version: 'V3',
    grpc_services: [
      {
        envoy_grpc: {
          cluster_name: 'xds',
          retry_policy: { retry_back_off: { base_interval: '0.01s', max_interval: '0.02s' } },
        },
      },
    ],
  }
}

function sourceOf(mode: Mode): Fields {
  return { resource_api_version: 'V3', ...(mode.isShared ? { ads: {} } : { api_config_source: api(mode) }) }
}

function bootstrapOf(mode: Mode, port: number): string {
  const source = sourceOf(mode)
  return JSON.stringify({
    node: { id: 'node', cluster: 'tests' },
    admin: { address: local(0) },
    dynamic_resources: {
      ...(mode.isShared && { ads_config: { ...api(mode), set_node_on_first_message_only: true } }),
      cds_config: source,
      lds_config: source,
    },
    static_resources: {
      clusters: [
        { name: 'xds', type: 'STATIC', typed_extension_protocol_options: http2, load_assignment: members('xds', port) },
      ],
    },
  })
}

const cluster = (name: string, more: Fields): Fields => ({ '@type': type('config.cluster.v3.Cluster'), name, ...more })

function listener(name: string, routes: string, source: Fields): Fields {
  const manager = {
    '@type': type('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'h',
    rds: { route_config_name: routes, config_source: source },
    http_filters: [{ name: 'router', typed_config: { '@type': type('extensions.filters.http.router.v3.Router') } }],
  }
  return {
    '@type': type('config.listener.v3.Listener'),
    name,
    address: local(0),
    filter_chains: [{ filters: [{ name: 'hcm', typed_config: manager }] }],
  }
}

function routes(name: string, to: string): Fields {
  return {
    '@type': type('config.route.v3.RouteConfiguration'),
    name,
    virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: to } }] }],
  }
}

const assignment = (name: string, port = 80): Fields => ({
  '@type': type('config.endpoint.v3.ClusterLoadAssignment'),
  ...members(name, port),
})

/** Names in one order; streams of their own without numbers: which of them is opened or answered first is nobody's business. */
function shown(request: SeenRequest, mode: Mode): string {
  const line = showRequest({ ...request, names: [...request.names].sort() })
  return mode.isShared ? line : line.replace(/^#\d+ /, '').replace(/ n\d+/, '')
}

async function transcriptOf(mode: Mode): Promise<string> {
  const plane = await ControlPlane.start()
  const proxy = await ProxyUnderTest.start({
    config: bootstrapOf(mode, plane.port),
    waitUntilLive: false,
    args: ['--log-level', 'off'],
  })
  const lines: string[] = []
  let from = 0
  // A step is over when nothing was asked for a while.
  const step = async (what: string, least: number): Promise<void> => {
    await plane.waitFor(what, () => (plane.requests.length >= from + least ? true : undefined), 15_000)
    let count = -1
    while (count !== plane.requests.length) {
      count = plane.requests.length
      await new Promise(resolve => setTimeout(resolve, 400))
    }
    const seen = plane.requests.slice(from).map(request => shown(request, mode))
    // Listeners are asked for once clusters are there: just before the last answer about them, or just after.
    const asked = seen.filter(line => line.includes('listener []'))
    const rest = seen.filter(line => !line.includes('listener []'))
    lines.push(`- ${what}`, ...(mode.isShared ? [...rest, ...asked] : seen.sort()))
    from = plane.requests.length
  }
  const set = (kind: Parameters<ControlPlane['update']>[0], resources: Fields): void =>
    void plane.update(kind, resources as Resources)
  const source = sourceOf(mode)
  const eds = { type: 'EDS', eds_cluster_config: { eds_config: source } }
  try {
    await step('connect', 1)
    set('endpoint', { a: assignment('a'), b: assignment('b') })
    set('cluster', { a: cluster('a', eds), b: cluster('b', eds), s: cluster('s', { type: 'STATIC' }) })
    await step('clusters', 3)
    set('route', { r1: routes('r1', 'a'), r2: routes('r2', 'b') })
    set('listener', { l1: listener('l1', 'r1', source), l2: listener('l2', 'r2', source) })
    await step('listeners', 3)
    set('endpoint', { a: assignment('a', 81) })
    await step('an endpoint changes', 1)
    set('cluster', {
      bad: cluster('bad', { type: 'EDS', eds_cluster_config: { eds_config: { path: '/nonexistent/x' } } }),
    })
    await step('a cluster that is refused', 1)
    set('cluster', { bad: undefined, b: undefined })
    await step('clusters removed', 1)
    set('endpoint', {
      a: {
        ...assignment('a'),
        endpoints: [
          { lb_endpoints: [{ endpoint: { address: { socket_address: { address: 'none', port_value: 1 } } } }] },
        ],
      },
    })
    await step('an endpoint that is refused', 1)
    for (const stream of plane.streams) if (stream.isOpen) stream.end(14, 'go away')
    await step('streams end', 4)
    return `${lines.join('\n')}\n`
  } finally {
    await proxy.stop()
    await plane.close()
  }
}

const transcripts: Readonly<Record<string, Mode & { readonly sees: string }>> = {
  'one state-of-the-world stream for all': {
    isDelta: false,
    isShared: true,
    sees: `- connect
#1 cluster [] node
- clusters
#1 endpoint [a b]
#1 cluster [] version 2 nonce n1
#1 endpoint [a b] version 1 nonce n2
#1 listener []
- listeners
#1 route [r1 r2]
#1 route [r1 r2] version 3 nonce n4
#1 listener [] version 4 nonce n3
- an endpoint changes
#1 endpoint [a b] version 5 nonce n5
- a cluster that is refused
#1 cluster [] version 2 nonce n6 error 13
- clusters removed
#1 endpoint [a] version 5 nonce n5
#1 cluster [] version 7 nonce n7
#1 endpoint [a] version 5 nonce n8
- an endpoint that is refused
#1 endpoint [a] version 5 nonce n9 error 13
- streams end
#2 cluster [] version 7 node
#2 endpoint [a] version 5
#2 route [r1 r2] version 3
#2 cluster [] version 7 nonce n10
#2 endpoint [a] version 5 nonce n11 error 13
#2 route [r1 r2] version 3 nonce n13
#2 listener [] version 4
#2 listener [] version 4 nonce n12
`,
  },
  'one delta stream for all': {
    isDelta: true,
    isShared: true,
    sees: `- connect
#1 cluster node
#1 listener
#1 cluster nonce n1
#1 listener nonce n2
- clusters
#1 endpoint [a b]
#1 cluster nonce n3
#1 endpoint nonce n4
- listeners
#1 route [r1 r2]
#1 listener nonce n5
#1 route nonce n6
- an endpoint changes
#1 endpoint nonce n7
- a cluster that is refused
#1 cluster nonce n8 error 13
- clusters removed
#1 endpoint -[b]
#1 cluster nonce n9
- an endpoint that is refused
#1 endpoint nonce n10 error 13
- streams end
#2 cluster have [a=2 s=2] node
#2 listener have [l1=4 l2=4]
#2 endpoint [a] have [a=5]
#2 route [r1 r2] have [r1=3 r2=3]
#2 cluster nonce n11
#2 listener nonce n12
#2 endpoint nonce n13 error 13
#2 route nonce n14
`,
  },
  'state-of-the-world streams for each': {
    isDelta: false,
    isShared: false,
    sees: `- connect
cluster [] node
- clusters
cluster [] version 2 nonce node
endpoint [a] node
endpoint [a] version 1 nonce node
endpoint [b] node
endpoint [b] version 1 nonce node
listener [] node
- listeners
listener [] version 4 nonce node
route [r1] node
route [r1] version 3 nonce node
route [r2] node
route [r2] version 3 nonce node
- an endpoint changes
endpoint [a] version 5 nonce node
endpoint [b] version 5 nonce node
- a cluster that is refused
cluster [] version 2 nonce error 13 node
- clusters removed
cluster [] version 7 nonce node
- an endpoint that is refused
endpoint [a] version 5 nonce error 13 node
- streams end
cluster [] version 7 node
cluster [] version 7 nonce node
endpoint [a] version 5 node
endpoint [a] version 5 nonce error 13 node
listener [] version 4 node
listener [] version 4 nonce node
route [r1] version 3 node
route [r1] version 3 nonce node
route [r2] version 3 node
route [r2] version 3 nonce node
`,
  },
  'delta streams for each': {
    isDelta: true,
    isShared: false,
    sees: `- connect
cluster node
cluster nonce node
listener node
listener nonce node
- clusters
cluster nonce node
endpoint [a] node
endpoint [b] node
endpoint nonce node
endpoint nonce node
- listeners
listener nonce node
route [r1] node
route [r2] node
route nonce node
route nonce node
- an endpoint changes
endpoint nonce node
- a cluster that is refused
cluster nonce error 13 node
- clusters removed
cluster nonce node
- an endpoint that is refused
endpoint nonce error 13 node
- streams end
cluster have [a=2 s=2] node
cluster nonce node
endpoint [a] have [a=5] node
endpoint nonce error 13 node
listener have [l1=4 l2=4] node
listener nonce node
route [r1] have [r1=3] node
route [r2] have [r2=3] node
route nonce node
route nonce node
`,
  },
}

for (const [name, { sees, ...mode }] of Object.entries(transcripts))
  test(name, async () => assert.equal(await transcriptOf(mode), sees))
