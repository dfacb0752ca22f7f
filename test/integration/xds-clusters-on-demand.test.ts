// Clusters that are asked for when a request wants them (ODCDS), over streams of their own and over ADS.
import { feature } from '../support/scenario.js'
import { ADS, edsCluster, endpoints, listener, table, toCluster, XdsScene } from '../support/xds-scene.js'

const onDemand = 'type.googleapis.com/envoy.extensions.filters.http.on_demand.v3'
const own = {
  api_config_source: {
    api_type: 'DELTA_GRPC',
    transport_api_version: 'V3',
    grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
  },
  resource_api_version: 'V3',
}

const filters = (config: Record<string, unknown>) => [
  { name: 'envoy.filters.http.on_demand', typed_config: { '@type': `${onDemand}.OnDemand`, ...config } },
  { name: 'router', typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' } },
]

/** Clusters may come later. */
const loose = (...all: Parameters<typeof table>) => ({ ...table(...all), validate_clusters: false })
const toAny = { match: { prefix: '/header' }, route: { cluster_header: 'x-to' } }

feature('clusters on demand', { file: import.meta.url, withoutProxy: true }, f => {
  for (const [name, source] of [
    ['over a stream of its own', own],
    ['over ADS', ADS],
  ] as const) {
    f.scenario(
      `${name}: a request waits for its cluster; one that does not come in time is not there`,
      {
        sees: `
          200 one
          503
          503
          200 two
          asked for: late gone`,
      },
      s =>
        XdsScene.run(
          {
            isDelta: true,
            hasCds: false,
            prepare: (plane, [one, two]) => {
              plane.update('cluster', { late: edsCluster('late'), other: edsCluster('other') })
              plane.update('endpoint', { late: endpoints('late', [one]), other: endpoints('other', [two]) })
              const odcds = { source, timeout: '1s' }
              const off = { 'envoy.filters.http.on_demand': { '@type': `${onDemand}.PerRouteConfig` } }
              plane.update('listener', {
                main: listener('main', {
                  http_filters: filters({ odcds }),
                  route_config: loose(
                    'i',
                    { match: { prefix: '/gone' }, route: { cluster: 'gone' } },
                    { match: { prefix: '/off' }, route: { cluster: 'other' }, typed_per_filter_config: off },
                    toCluster('late'),
                  ),
                }),
                route: listener('route', {
                  http_filters: filters({}),
                  route_config: loose('j', {
                    match: { prefix: '/' },
                    route: { cluster: 'other' },
                    typed_per_filter_config: {
                      'envoy.filters.http.on_demand': { '@type': `${onDemand}.PerRouteConfig`, odcds },
                    },
                  }),
                }),
              })
            },
          },
          async x => {
            s.note(await x.ask('main'))
            s.note(await x.ask('main', '/gone'))
            s.note(await x.ask('main', '/off'))
            s.note(await x.ask('route'))
            const asked = x.plane.requests.filter(({ type, names }) => type === 'cluster' && names.length > 0)
            const names = asked.flatMap(request => request.names).filter(one => one !== 'other')
            s.note(`asked for: ${[...new Set(names)].join(' ')}`)
          },
        ),
    )
  }

  f.scenario('several requests for one cluster ask once', { sees: '200 one, 200 one, 200 one; asked 1' }, s =>
    XdsScene.run(
      {
        isDelta: true,
        hasCds: false,
        prepare: (plane, [one]) => {
          plane.update('cluster', { late: edsCluster('late') })
          plane.update('endpoint', { late: endpoints('late', [one]) })
          const config = { http_filters: filters({ odcds: { source: own } }), route_config: table('i', toAny) }
          plane.update('listener', { main: listener('main', config) })
        },
      },
      async x => {
        const ask = async (): Promise<string> => {
          const client = await s.connectTo({ port: x.proxy.port('main') })
          await client.send('GET /header HTTP/1.1\r\nhost: a\r\nx-to: late\r\n\r\n')
          const { startLine, body } = await client.response()
          return `${startLine.split(' ')[1]} ${body.toString()}`
        }
        const answers = await Promise.all([ask(), ask(), ask()])
        const asked = x.plane.requests.filter(({ type, names }) => type === 'cluster' && names.includes('late'))
        s.note(`${answers.join(', ')}; asked ${asked.length}`)
      },
    ),
  )

  const odcdsStats = [
    'update_attempt',
    'update_success',
    'update_rejected',
    'update_failure',
    'init_fetch_timeout',
  ].map(name => `cluster_manager.odcds.${name}`)

  f.scenario(
    'what statistics and /config_dump say, and a cluster that is removed again',
    {
      sees: `
    cluster_manager.odcds.update_attempt: 0
    cluster_manager.odcds.update_success: 0
    cluster_manager.odcds.update_rejected: 0
    cluster_manager.odcds.update_failure: 0
    cluster_manager.odcds.init_fetch_timeout: 0
    200 one
    cluster_manager.odcds.update_attempt: 2
    cluster_manager.odcds.update_success: 1
    cluster_manager.odcds.update_rejected: 0
    cluster_manager.odcds.update_failure: 0
    cluster_manager.odcds.init_fetch_timeout: 0
    cluster_manager.cluster_added: 2
    cluster_manager.active_clusters: 2
    late 1
    503
    cluster_manager.odcds.update_attempt: 6
    cluster_manager.odcds.update_success: 3
    cluster_manager.odcds.update_rejected: 0
    cluster_manager.odcds.update_failure: 0
    cluster_manager.odcds.init_fetch_timeout: 0
    cluster_manager.cluster_added: 3
  `,
    },
    s =>
      XdsScene.run(
        {
          isDelta: true,
          hasCds: false,
          prepare: (plane, [one]) => {
            plane.update('cluster', { late: edsCluster('late') })
            plane.update('endpoint', { late: endpoints('late', [one]) })
            const config = {
              http_filters: filters({ odcds: { source: own, timeout: '1s' } }),
              route_config: loose('i', toCluster('late')),
            }
            plane.update('listener', { main: listener('main', config) })
          },
        },
        async x => {
          s.note(await x.stats(...odcdsStats))
          s.note(await x.ask('main'))
          s.note(await x.stats(...odcdsStats, 'cluster_manager.cluster_added', 'cluster_manager.active_clusters'))
          const { body } = await x.proxy.admin('/config_dump?resource=dynamic_active_clusters')
          const { configs = [] } = JSON.parse(body) as {
            configs?: { cluster: { name: string }; version_info?: string }[]
          }
          s.note(configs.map(({ cluster, version_info: version }) => `${cluster.name} ${version ?? '-'}`).join(', '))
          x.plane.update('cluster', { late: undefined })
          await x.statBecomes('cluster_manager.cluster_removed', 1)
          s.note(await x.ask('main'))
          x.plane.update('cluster', { late: edsCluster('late') })
          await x.becomes('main', '200 one')
          s.note(await x.stats(...odcdsStats, 'cluster_manager.cluster_added'))
        },
      ),
  )
})

const tcp = (cluster: string, source: Record<string, unknown>) => ({
  '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
  stat_prefix: 'tcp',
  cluster,
  on_demand: { odcds_config: source, timeout: '1s' },
})
const tcpListener = (name: string, cluster: string, source: Record<string, unknown>) =>
  listener(name, {}, { filter_chains: [{ filters: [{ name: 'tcp', typed_config: tcp(cluster, source) }] }] })
const tcpStats = ['attempt', 'missing', 'success', 'timeout'].map(name => `tcp.tcp.on_demand_cluster_${name}`)

feature('clusters on demand of a TCP proxy', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario(
    'a connection waits for its cluster; one that does not come ends it',
    {
      sees: `
    tcp.tcp.on_demand_cluster_attempt: 0
    tcp.tcp.on_demand_cluster_missing: 0
    tcp.tcp.on_demand_cluster_success: 0
    tcp.tcp.on_demand_cluster_timeout: 0
    200 one
    tcp.tcp.on_demand_cluster_attempt: 1
    tcp.tcp.on_demand_cluster_missing: 0
    tcp.tcp.on_demand_cluster_success: 1
    tcp.tcp.on_demand_cluster_timeout: 0
    no answer
    200 one
    tcp.tcp.on_demand_cluster_attempt: 2
    tcp.tcp.on_demand_cluster_missing: 0
    tcp.tcp.on_demand_cluster_success: 1
    tcp.tcp.on_demand_cluster_timeout: 1
    tcp.tcp.downstream_cx_no_route: 1
    tcp.tcp.downstream_cx_total: 3
  `,
    },
    s =>
      XdsScene.run(
        {
          isDelta: true,
          hasCds: false,
          prepare: (plane, [one]) => {
            plane.update('cluster', { late: edsCluster('late') })
            plane.update('endpoint', { late: endpoints('late', [one]) })
            plane.update('listener', { main: tcpListener('main', 'late', own), gone: tcpListener('gone', 'gone', own) })
          },
        },
        async x => {
          s.note(await x.stats(...tcpStats))
          s.note(await x.ask('main'))
          s.note(await x.stats(...tcpStats))
          s.note(await x.ask('gone'))
          s.note(await x.ask('main'))
          s.note(await x.stats(...tcpStats, 'tcp.tcp.downstream_cx_no_route', 'tcp.tcp.downstream_cx_total'))
        },
      ),
  )

  f.scenario(
    'several connections at once, over ADS',
    {
      sees: `
    200 two, 200 two, 200 two
    tcp.tcp.on_demand_cluster_attempt: 3
    tcp.tcp.on_demand_cluster_missing: 0
    tcp.tcp.on_demand_cluster_success: 3
    tcp.tcp.on_demand_cluster_timeout: 0
    asked 1
  `,
    },
    s =>
      XdsScene.run(
        {
          isDelta: true,
          hasCds: false,
          prepare: (plane, [, two]) => {
            plane.update('cluster', { late: edsCluster('late') })
            plane.update('endpoint', { late: endpoints('late', [two]) })
            plane.update('listener', { main: tcpListener('main', 'late', ADS) })
          },
        },
        async x => {
          s.note((await Promise.all([x.ask('main'), x.ask('main'), x.ask('main')])).join(', '))
          s.note(await x.stats(...tcpStats))
          const asked = x.plane.requests.filter(({ type, names }) => type === 'cluster' && names.includes('late'))
          s.note(`asked ${asked.length}`)
        },
      ),
  )
})
