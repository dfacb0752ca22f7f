// Where resources come from: what a configuration may say of it, seen in mode "validate". Envoy's words are looked for in what either says.
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { feature, type Scene } from '../support/scenario.js'
import { target } from '../support/target.js'

type Json = Record<string, unknown>

const PHRASES = [
  'must have a statically defined non-EDS cluster',
  'V2 xDS transport protocol version is deprecated',
  'must have no more than 1 gRPC services specified',
  'API configs must have either a gRPC service or a cluster name defined',
  'must not have a cluster name specified',
  'refresh_delay is required for REST API configuration sources',
  'must have a singleton cluster name specified',
  'if not a gRPC type, must not have a gRPC service specified',
  'Unsupported config source AGGREGATED_GRPC',
  'paths must refer to an existing path in the system',
  'Missing config source specifier in envoy::config::core::v3::ConfigSource',
  'cannot create an EDS cluster without an EDS config',
  "node 'id' and 'cluster' are required",
  'Unknown gRPC client cluster',
  'type must be of non-aggregated gRPC',
  "An RDS config must have either a 'config_source' or an xDS-TP based 'route_config_name'",
  'only supports AGGREGATED_GRPC and AGGREGATED_DELTA_GRPC types',
  'must have at least one authority',
  'LEDS is only supported when EDS is used',
]

const ASSIGNMENT = {
  cluster_name: 'xds',
  endpoints: [
    { lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: 1 } } } }] },
  ],
}
const SERVER = { name: 'xds', type: 'STATIC', connect_timeout: '1s', load_assignment: ASSIGNMENT }
const NODE = { id: 'n', cluster: 'c' }
const SERVICE = { envoy_grpc: { cluster_name: 'xds' } }
const ADS = { ads: {}, resource_api_version: 'V3' }
const GRPC = { api_type: 'GRPC', transport_api_version: 'V3', grpc_services: [SERVICE] }
const REST = { api_type: 'REST', transport_api_version: 'V3', cluster_names: ['xds'], refresh_delay: '1s' }

const api = (config: Json): Json => ({ resource_api_version: 'V3', api_config_source: config })
const config = (clusters: unknown[], more: Json = {}, listeners: unknown[] = []): Json => ({
  node: NODE,
  static_resources: { clusters: [SERVER, ...clusters], listeners },
  ...more,
})
/** A cluster whose members come from there. */
const eds = (source: unknown, more: Json = {}): Json =>
  config([
    {
      name: 'e',
      type: 'EDS',
      connect_timeout: '1s',
      eds_cluster_config: source === undefined ? {} : { eds_config: source },
      ...more,
    },
  ])
/** A connection manager whose routes come from there. */
const rds = (of: Json): Json =>
  config([], {}, [
    {
      name: 'l',
      address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
      filter_chains: [
        {
          filters: [
            {
              name: 'm',
              typed_config: {
                '@type':
                  'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
                stat_prefix: 's',
                rds: of,
                http_filters: [
                  {
                    name: 'r',
                    typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
                  },
                ],
              },
            },
          ],
        },
      ],
    },
  ])
const dynamic = (resources: Json): Json => config([], { dynamic_resources: resources })
const runtime = (layer: Json): Json =>
  config([], { layered_runtime: { layers: [{ name: 'x', rtds_layer: { name: 'r', ...layer } }] } })

/** The exit code, and what of Envoy's words was said. */
function validated(file: string): Promise<string> {
  const [program = '', ...first] = target.command
  const child = spawn(program, [...first, '--mode', 'validate', '-c', file], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stdout.on('data', text => (said += text))
  child.stderr.on('data', text => (said += text))
  return new Promise(resolve =>
    child.on('close', code => resolve([code, ...PHRASES.filter(phrase => said.includes(phrase))].join(' '))),
  )
}

const table =
  (configs: Readonly<Record<string, Json>>) =>
  async (s: Scene): Promise<void> => {
    for (const [name, json] of Object.entries(configs)) {
      const file = path.join(s.folder, `${name.replace(/\W+/g, '-')}.json`)
      writeFileSync(file, JSON.stringify(json))
      s.note(`${name}: ${await validated(file)}`)
    }
  }

feature('config sources', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario(
    'gRPC',
    {
      sees: `
        one: 0
        a cluster that is not there: 1 must have a statically defined non-EDS cluster
        the cluster itself: 1 must have a statically defined non-EDS cluster
        version 2 of the transport: 1 V2 xDS transport protocol version is deprecated
        version 2 of the resource: 0
        two services: 1 must have no more than 1 gRPC services specified
        no service: 1 API configs must have either a gRPC service or a cluster name defined
        a cluster by name: 1 must not have a cluster name specified
        an aggregated type: 1 Unsupported config source AGGREGATED_GRPC
        a target of its own: 0
        no name of this node: 1 node 'id' and 'cluster' are required
      `,
    },
    table({
      one: eds(api(GRPC)),
      'a cluster that is not there': eds(api({ ...GRPC, grpc_services: [{ envoy_grpc: { cluster_name: 'no' } }] })),
      'the cluster itself': eds(api({ ...GRPC, grpc_services: [{ envoy_grpc: { cluster_name: 'e' } }] })),
      'version 2 of the transport': eds(api({ ...GRPC, transport_api_version: 'V2' })),
      'version 2 of the resource': eds({ ...api(GRPC), resource_api_version: 'V2' }),
      'two services': eds(api({ ...GRPC, grpc_services: [SERVICE, SERVICE] })),
      'no service': eds(api({ ...GRPC, grpc_services: [] })),
      'a cluster by name': eds(api({ ...GRPC, cluster_names: ['xds'] })),
      'an aggregated type': eds(api({ ...GRPC, api_type: 'AGGREGATED_GRPC' })),
      'a target of its own': eds(
        api({ ...GRPC, grpc_services: [{ google_grpc: { target_uri: '127.0.0.1:1', stat_prefix: 'g' } }] }),
      ),
      'no name of this node': { ...eds(api(GRPC)), node: { id: 'n' } },
    }),
  )

  f.scenario(
    'REST',
    {
      sees: `
        one: 0
        without a delay: 1 refresh_delay is required for REST API configuration sources
        without a cluster: 1 API configs must have either a gRPC service or a cluster name defined
        two clusters: 1 must have a singleton cluster name specified
        a gRPC service: 1 if not a gRPC type, must not have a gRPC service specified
        a cluster that is not there: 1 must have a statically defined non-EDS cluster
      `,
    },
    table({
      one: eds(api(REST)),
      'without a delay': eds(api({ ...REST, refresh_delay: undefined })),
      'without a cluster': eds(api({ ...REST, cluster_names: [] })),
      'two clusters': eds(api({ ...REST, cluster_names: ['xds', 'xds'] })),
      'a gRPC service': eds(api({ ...REST, grpc_services: [SERVICE] })),
      'a cluster that is not there': eds(api({ ...REST, cluster_names: ['no'] })),
    }),
  )

  f.scenario(
    'clusters, routes and layers',
    {
      sees: `
        a cluster without a source: 1 Missing config source specifier in envoy::config::core::v3::ConfigSource
        a cluster without settings: 1 cannot create an EDS cluster without an EDS config
        a cluster with members too: 0
        a cluster from a file that is not there: 1 paths must refer to an existing path in the system
        a cluster from itself: 1 Missing config source specifier in envoy::config::core::v3::ConfigSource
        members elsewhere in a static cluster: 1 LEDS is only supported when EDS is used
        routes: 0
        routes without a source: 1 An RDS config must have either a 'config_source' or an xDS-TP based 'route_config_name'
        routes by an xdstp name alone: 1 Missing config source specifier in envoy::config::core::v3::ConfigSource
        routes from an unknown cluster: 1 must have a statically defined non-EDS cluster
        a layer: 0
        a layer without a source: 1 Missing config source specifier in envoy::config::core::v3::ConfigSource
        an authority: 0
        an authority by plain gRPC: 1 only supports AGGREGATED_GRPC and AGGREGATED_DELTA_GRPC types
        no authority: 1 must have at least one authority
      `,
    },
    table({
      'a cluster without a source': eds(undefined),
      'a cluster without settings': eds(undefined, { eds_cluster_config: undefined }),
      'a cluster with members too': eds(api(GRPC), { load_assignment: ASSIGNMENT }),
      'a cluster from a file that is not there': eds({ path_config_source: { path: '/no/such/file.yaml' } }),
      'a cluster from itself': eds({ self: {} }),
      'members elsewhere in a static cluster': config([
        {
          ...SERVER,
          name: 's',
          load_assignment: {
            cluster_name: 's',
            endpoints: [{ leds_cluster_locality_config: { leds_config: api(GRPC), leds_collection_name: 'x' } }],
          },
        },
      ]),
      routes: rds({ route_config_name: 'r', config_source: api(GRPC) }),
      'routes without a source': rds({ route_config_name: 'r' }),
      'routes by an xdstp name alone': rds({ route_config_name: 'xdstp://a/b/c' }),
      'routes from an unknown cluster': rds({
        route_config_name: 'r',
        config_source: api({ ...REST, cluster_names: ['no'] }),
      }),
      'a layer': runtime({ rtds_config: api(GRPC) }),
      'a layer without a source': runtime({}),
      'an authority': config([], {
        config_sources: [{ authorities: [{ name: 'a' }], ...api({ ...GRPC, api_type: 'AGGREGATED_GRPC' }) }],
      }),
      'an authority by plain gRPC': config([], { config_sources: [{ authorities: [{ name: 'a' }], ...api(GRPC) }] }),
      'no authority': config([], { config_sources: [api({ ...GRPC, api_type: 'AGGREGATED_GRPC' })] }),
    }),
  )

  f.scenario(
    'the shared stream',
    {
      sees: `
        one: 0
        no stream for clusters: 0
        from an unknown cluster: 1 Unknown gRPC client cluster
        by REST: 1 type must be of non-aggregated gRPC
        clusters from an unknown cluster: 1 must have a statically defined non-EDS cluster
        listeners from a file that is not there: 0
        no name of this node: 1 node 'id' and 'cluster' are required
      `,
    },
    table({
      one: dynamic({ lds_config: ADS, cds_config: ADS, ads_config: GRPC }),
      'no stream for clusters': dynamic({ cds_config: ADS }),
      'from an unknown cluster': dynamic({
        cds_config: ADS,
        ads_config: { ...GRPC, grpc_services: [{ envoy_grpc: { cluster_name: 'no' } }] },
      }),
      'by REST': dynamic({ cds_config: ADS, ads_config: REST }),
      'clusters from an unknown cluster': dynamic({ cds_config: api({ ...REST, cluster_names: ['no'] }) }),
      'listeners from a file that is not there': dynamic({ lds_config: { path: '/no/such/file.yaml' } }),
      'no name of this node': { ...dynamic({ cds_config: ADS, ads_config: GRPC }), node: {} },
    }),
  )
})
