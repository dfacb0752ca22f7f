// What becomes of connections when a cluster's members change by EDS.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { bootstrap, cluster, fill, http, httpOptions } from '../support/config.js'
import { ControlPlane } from '../support/control-plane.js'
import { ProxyUnderTest } from '../support/proxy-under-test.js'
import { feature } from '../support/scenario.js'
import { poll } from '../support/wait.js'

const http2 = httpOptions('explicit_http_config: {http2_protocol_options: {}}')
const byDiscovery = (name: string, more: object = {}): Record<string, unknown> => ({
  name,
  type: 'EDS',
  connect_timeout: '1s',
  eds_cluster_config: { eds_config: { ads: {}, resource_api_version: 'V3' } },
  ...more,
})

interface Member {
  readonly port: number
  readonly health_status?: string
  readonly weight?: number
}
const members = (name: string, list: readonly Member[]) => ({
  '@type': 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  cluster_name: name,
  endpoints: [
    {
      lb_endpoints: list.map(({ port, health_status = 'HEALTHY', weight = 1 }) => ({
        endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } },
        health_status,
        load_balancing_weight: weight,
      })),
    },
  ],
})

async function origin(text: string): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer((_request, response) => response.end(text))
  server.keepAliveTimeout = 60_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

feature('members by discovery', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario(
    'a host that stays keeps its connection, unless the cluster wants new ones; one that goes loses it',
    {
      sees: `
        keeps: first, connections 1
        renews: first, connections 1
        another member, another weight
        keeps: first, connections 1
        renews: first, connections 2
        the first member is gone
        keeps: second, connections 2
        renews: second, connections 3
        keeps: 1 active
      `,
    },
    async s => {
      const [plane, first, second] = await Promise.all([ControlPlane.start(), origin('first'), origin('second')])
      const set = (list: readonly Member[]): void =>
        void plane.update('endpoint', { keeps: members('keeps', list), renews: members('renews', list) })
      set([{ port: first.port }])
      const route = (name: string): string => `{match: {prefix: /${name}}, route: {cluster: ${name}}}`
      const config = bootstrap({
        clusters: [
          cluster('xds', ['xds'], http2),
          byDiscovery('keeps'),
          byDiscovery('renews', { common_lb_config: { close_connections_on_host_set_change: true } }),
        ],
        listeners: [http('main', { hcm: 'access_log: []', routes: `[${route('keeps')}, ${route('renews')}]` })],
        more: `
node: {id: node, cluster: cluster}
dynamic_resources:
  ads_config:
    api_type: GRPC
    transport_api_version: V3
    grpc_services: [{envoy_grpc: {cluster_name: xds}}]
`,
      })
      const proxy = await ProxyUnderTest.start({ config: fill(config, new Map([['xds', plane.port]])) })
      const stat = async (name: string): Promise<number> => {
        const { body } = await proxy.admin(`/stats?filter=^${name}$`)
        return Number(/: (\d+)/.exec(body)?.[1] ?? 0)
      }
      const ask = async (name: string): Promise<void> => {
        const client = await s.connectTo({ port: proxy.port('main') })
        await client.send(`GET /${name} HTTP/1.1\r\nhost: a\r\n\r\n`)
        const { body } = await client.response()
        client.destroy()
        s.note(`${name}: ${body.toString()}, connections ${await stat(`cluster.${name}.upstream_cx_total`)}`)
      }
      const becomes = async (name: string, value: number): Promise<void> => {
        for (const one of ['keeps', 'renews'])
          await poll(`${name} ${value}`, async () => (await stat(`cluster.${one}.${name}`)) === value || undefined)
      }
      try {
        await ask('keeps')
        await ask('renews')
        set([
          { port: first.port, weight: 3 },
          { port: second.port, health_status: 'UNHEALTHY' },
        ])
        await becomes('membership_total', 2)
        s.note('another member, another weight')
        await ask('keeps')
        await ask('renews')
        set([{ port: second.port }])
        await becomes('membership_total', 1)
        s.note('the first member is gone')
        await ask('keeps')
        await ask('renews')
        // Of `renews` Envoy forgets the connection to the host that is gone, and leaves it open.
        await poll('1 active', async () => (await stat('cluster.keeps.upstream_cx_active')) === 1 || undefined)
        s.note('keeps: 1 active')
      } finally {
        await proxy.stop()
        await plane.close()
        for (const { server } of [first, second]) {
          server.close()
          server.closeAllConnections()
        }
      }
    },
  )
})
