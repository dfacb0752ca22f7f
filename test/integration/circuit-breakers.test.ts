// Circuit breakers: limits per host, of connection pools, and those the runtime sets while the proxy runs.
import { get } from '../support/bytes.js'
import { http } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'

function cluster(name: string, circuit_breakers: object): Record<string, unknown> {
  const address = { socket_address: { address: '127.0.0.1', port_value: '${up}' } }
  const load_assignment = { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] }
  return { name, type: 'STATIC', connect_timeout: '1s', load_assignment, circuit_breakers }
}

const route = (name: string): string => `{match: {prefix: /${name}}, route: {cluster: ${name}}}`
const names = ['per-host', 'pools', 'runtime']

async function answered(s: Scene, path: string): Promise<string> {
  const client = await s.connect()
  await client.send(get(path))
  const { startLine, headers, body } = await client.response()
  client.destroy()
  return `${startLine} ${headers.get('x-envoy-overloaded') ?? ''} ${body.toString('latin1')}`
}

feature(
  'circuit breakers',
  {
    file: import.meta.url,
    upstreams: ['up'],
    clusters: [
      cluster('per-host', {
        thresholds: [{ max_pending_requests: 0 }],
        per_host_thresholds: [{ max_connections: 1 }],
      }),
      cluster('pools', { thresholds: [{ max_connection_pools: 0, track_remaining: true }] }),
      cluster('runtime', { thresholds: [{ max_pending_requests: 10, track_remaining: true }] }),
    ],
    more: 'layered_runtime: {layers: [{name: admin, admin_layer: {}}]}',
    listeners: [http('main', { routes: `[${names.map(route).join(', ')}]`, hcm: 'access_log: []' })],
  },
  f => {
    f.scenario(
      'no pool may be made',
      {
        sees: `
      HTTP/1.1 503 Service Unavailable  no healthy upstream
      stat: cluster.pools.upstream_cx_pool_overflow +1
    `,
      },
      async s => {
        await s.statsOf(
          /^cluster\.pools\.(upstream_cx_(pool_)?overflow|upstream_rq_pending_overflow|circuit_breakers.*)$/,
          async () => s.note(await answered(s, '/pools')),
        )
      },
    )
    f.scenario(
      'the runtime lowers a limit and takes it back',
      {
        sees: `
      HTTP/1.1 200 OK
      HTTP/1.1 503 Service Unavailable true upstream connect error or disconnect/reset before headers. reset reason: overflow
      HTTP/1.1 200 OK
    `,
      },
      async s => {
        s.upstream('up').always('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n')
        s.note(await answered(s, '/runtime'))
        await s.proxy.admin('/runtime_modify?circuit_breakers.runtime.default.max_pending_requests=0', 'POST')
        s.note(await answered(s, '/runtime'))
        await s.proxy.admin('/runtime_modify?circuit_breakers.runtime.default.max_pending_requests=', 'POST')
        s.note(await answered(s, '/runtime'))
      },
    )
  },
)
