import assert from 'node:assert/strict'
import { fromBinary, toBinary, type DescMessage, type Message } from '@bufbuild/protobuf'
import { test } from 'node:test'
import { loadExtensions } from '../generated/extensions.js'
import { ClusterSchema, EndpointsSchema, RouteTableSchema } from '../generated/plan_pb.js'
import type { Bootstrap } from '../generated/protos/envoy/config/bootstrap/v3/bootstrap_pb.js'
import type { Cluster } from '../generated/protos/envoy/config/cluster/v3/cluster_pb.js'
import type { ClusterLoadAssignment } from '../generated/protos/envoy/config/endpoint/v3/endpoint_pb.js'
import type { Listener } from '../generated/protos/envoy/config/listener/v3/listener_pb.js'
import type { RouteConfiguration } from '../generated/protos/envoy/config/route/v3/route_pb.js'
import type { Secret } from '../generated/protos/envoy/extensions/transport_sockets/tls/v3/secret_pb.js'
import { loadBootstrap, loadMessage, printConfigError } from '../config/index.js'
import { compileDeps, compilerWith, types } from './compile-fixture.js'
import {
  compileClusterResource,
  type CompiledResource,
  compileEndpointsResource,
  compileListenerResource,
  compileRouteConfigResource,
  compileSecretResource,
  decodeResource,
  emptyEndpoints,
  openEnvironment,
  reasonOf,
  type UnknownFields,
} from './compile-resource.js'
import type { Reference } from './reference.js'

const extensions = await loadExtensions()
const compile = compilerWith(extensions)

type Json = Record<string, unknown>

const address = (port = 80, ip = '10.0.0.1'): Json => ({ socket_address: { address: ip, port_value: port } })
const endpoint = (port = 80): Json => ({ endpoint: { address: address(port) } })
const xds = {
  name: 'xds',
  type: 'STATIC',
  load_assignment: { cluster_name: 'xds', endpoints: [{ lb_endpoints: [endpoint()] }] },
}
const grpc = (api: Json = {}, cluster = 'xds'): Json => ({
  resource_api_version: 'V3',
  api_config_source: {
    api_type: 'GRPC',
    transport_api_version: 'V3',
    grpc_services: [{ envoy_grpc: { cluster_name: cluster } }],
    ...api,
  },
})
const rest = (api: Json): Json => grpc({ api_type: 'REST', grpc_services: [], refresh_delay: '1s', ...api })
const node = { id: 'n', cluster: 'c' }
const ads = { ads: {}, resource_api_version: 'V3' }
const eds = (source: unknown, more: Json = {}): Json => ({
  name: 'e',
  type: 'EDS',
  eds_cluster_config: { ...(source === undefined ? {} : { eds_config: source }) },
  ...more,
})
const manager = (more: Json, name = 'l'): Json => ({
  name,
  address: address(0, '127.0.0.1'),
  filter_chains: [
    {
      filters: [
        {
          name: 'm',
          typed_config: {
            '@type':
              'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
            stat_prefix: 's',
            http_filters: [
              {
                name: 'r',
                typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
              },
            ],
            ...more,
          },
        },
      ],
    },
  ],
})
const rds = (source: unknown, name = 'r'): Json => ({
  rds: { route_config_name: name, ...(source === undefined ? {} : { config_source: source }) },
})
const file = (clusters: unknown[], listeners: unknown[] = [], more: Json = {}): string =>
  JSON.stringify({ node, static_resources: { clusters: [xds, ...clusters], listeners }, ...more })
const withSource = (source: unknown): string => file([eds(source)])

// What real Envoy 1.40 says in validate mode about the same configurations.
const sources: readonly (readonly [name: string, yaml: string, expected: 'ok' | RegExp])[] = [
  ['gRPC', withSource(grpc()), 'ok'],
  ['a cluster that is not there', withSource(grpc({}, 'no')), /must have a statically defined non-EDS cluster: 'no'/],
  ['a cluster with EDS', withSource(grpc({}, 'e')), /must have a statically defined non-EDS cluster: 'e'/],
  ['ADS without a stream', withSource(ads), 'ok'],
  ['a resource version of V2', withSource({ ...grpc(), resource_api_version: 'V2' }), 'ok'],
  ['a transport version of V2', withSource(grpc({ transport_api_version: 'V2' })), /V2 xDS transport protocol version/],
  [
    'two services',
    withSource(
      grpc({ grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }, { envoy_grpc: { cluster_name: 'xds' } }] }),
    ),
    /must have no more than 1 gRPC services/,
  ],
  ['no service', withSource(grpc({ grpc_services: [] })), /must have either a gRPC service or a cluster name defined/],
  ['a cluster name for gRPC', withSource(grpc({ cluster_names: ['xds'] })), /must not have a cluster name specified/],
  ['REST', withSource(rest({ cluster_names: ['xds'] })), 'ok'],
  [
    'REST without a delay',
    withSource(rest({ cluster_names: ['xds'], refresh_delay: undefined })),
    /refresh_delay is required/,
  ],
  ['REST without a cluster', withSource(rest({})), /must have either a gRPC service or a cluster name defined/],
  ['REST with two clusters', withSource(rest({ cluster_names: ['xds', 'xds'] })), /must have a singleton cluster name/],
  ['REST with an unknown cluster', withSource(rest({ cluster_names: ['no'] })), /non-EDS cluster: 'no'/],
  [
    'REST with a gRPC service',
    withSource(rest({ cluster_names: ['xds'], grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }] })),
    /if not a gRPC type, must not have a gRPC service/,
  ],
  [
    'an aggregated type in place',
    withSource(grpc({ api_type: 'AGGREGATED_GRPC' })),
    /Unsupported config source AGGREGATED_GRPC/,
  ],
  ['a path that is not there', withSource({ path_config_source: { path: '/no/such' } }), /'\/no\/such' does not exist/],
  ['self', withSource({ self: {} }), /Missing config source specifier/],
  ['EDS without a source', withSource(undefined), /Missing config source specifier/],
  ['EDS with members of its own', file([eds(grpc(), { load_assignment: xds.load_assignment })]), 'ok'],
  [
    'LEDS in a static cluster',
    file([
      {
        ...xds,
        name: 's',
        load_assignment: {
          cluster_name: 's',
          endpoints: [{ leds_cluster_locality_config: { leds_config: ads, leds_collection_name: 'x' } }],
        },
      },
    ]),
    /LEDS is only supported when EDS is used/,
  ],
  ['RDS', file([], [manager(rds(grpc()))]), 'ok'],
  ['RDS without a source', file([], [manager(rds(undefined))]), /must have either a 'config_source' or/],
  [
    'RDS by an xdstp name alone',
    file([], [manager(rds(undefined, 'xdstp://a/b/c'))]),
    /Missing config source specifier/,
  ],
  ['RDS from an unknown cluster', file([], [manager(rds(grpc({}, 'no')))]), /non-EDS cluster: 'no'/],
  [
    'ADS',
    file([], [], { dynamic_resources: { lds_config: ads, cds_config: ads, ads_config: grpc()['api_config_source'] } }),
    'ok',
  ],
  [
    'ADS from an unknown cluster',
    file([], [], { dynamic_resources: { cds_config: ads, ads_config: grpc({}, 'no')['api_config_source'] } }),
    /Unknown gRPC client cluster 'no'/,
  ],
  [
    'ADS by REST',
    file([], [], { dynamic_resources: { ads_config: rest({ cluster_names: ['xds'] })['api_config_source'] } }),
    /type must be of non-aggregated gRPC/,
  ],
  [
    'CDS from an unknown cluster',
    file([], [], { dynamic_resources: { cds_config: grpc({}, 'no') } }),
    /non-EDS cluster: 'no'/,
  ],
  [
    'RTDS',
    file([], [], { layered_runtime: { layers: [{ name: 'x', rtds_layer: { name: 'r', rtds_config: grpc() } }] } }),
    'ok',
  ],
  [
    'RTDS without a source',
    file([], [], { layered_runtime: { layers: [{ name: 'x', rtds_layer: { name: 'r' } }] } }),
    /Missing config source specifier/,
  ],
  [
    'an authority',
    file([], [], { config_sources: [{ authorities: [{ name: 'a' }], ...grpc({ api_type: 'AGGREGATED_GRPC' }) }] }),
    'ok',
  ],
  [
    'an authority by plain gRPC',
    file([], [], { config_sources: [{ authorities: [{ name: 'a' }], ...grpc() }] }),
    /only supports AGGREGATED_GRPC/,
  ],
  [
    'no authority',
    file([], [], { config_sources: [grpc({ api_type: 'AGGREGATED_GRPC' })] }),
    /must have at least one authority/,
  ],
]

for (const [name, yaml, expected] of sources) {
  test(`a config source: ${name}`, () => {
    const { errors = [] } = compile({ yaml })
    const said = errors.map(error => printConfigError(error)).join('\n')
    if (expected === 'ok') assert.equal(said, '')
    else assert.match(said, expected)
  })
}

const deps = compileDeps(extensions)

function environmentOf(yaml: string, unknownFields: UnknownFields = 'count') {
  const loaded = loadBootstrap({ types, yaml })
  assert.ok(loaded.ok)
  const bootstrap: Bootstrap = loaded.value.bootstrap
  return openEnvironment(bootstrap, { ...deps, node }, { unknownFields })
}

const environment = environmentOf(
  file([], [], { dynamic_resources: { ads_config: grpc()['api_config_source'], cds_config: ads } }),
)

/** As a control plane sends it. */
function encoded(typeName: string, json: unknown): Uint8Array {
  const loaded = loadMessage({ types, typeName, yaml: JSON.stringify(json) })
  assert.ok(loaded.ok, loaded.ok ? '' : reasonOf(loaded.error))
  return toBinary(types.message(typeName) as DescMessage, loaded.value.message)
}

function decoded<M extends Message>(typeName: M['$typeName'], json: unknown): M {
  const answer = decodeResource<M>(typeName, encoded(typeName, json), environment)
  assert.ok(answer.ok, answer.ok ? '' : reasonOf(answer.error))
  return answer.value.message
}

const cluster = (json: unknown): Cluster => decoded<Cluster>('envoy.config.cluster.v3.Cluster', json)
const assignment = (json: unknown): ClusterLoadAssignment =>
  decoded<ClusterLoadAssignment>('envoy.config.endpoint.v3.ClusterLoadAssignment', json)
const listener = (json: unknown): Listener => decoded<Listener>('envoy.config.listener.v3.Listener', json)
const routes = (json: unknown): RouteConfiguration =>
  decoded<RouteConfiguration>('envoy.config.route.v3.RouteConfiguration', json)

type Answer = ReturnType<typeof compileClusterResource>
function good(answer: Answer): CompiledResource {
  assert.ok(answer.ok, answer.ok ? '' : reasonOf(answer.error))
  return answer.value
}

function only<Kind extends Reference['kind']>(
  resource: CompiledResource,
  kind: Kind,
): Extract<Reference, { kind: Kind }> {
  assert.deepEqual(
    resource.references.map(reference => reference.kind),
    [kind],
  )
  return resource.references[0] as Extract<Reference, { kind: Kind }>
}

test('a cluster with EDS refers to its assignment, and has no members before', () => {
  const compiled = good(
    compileClusterResource(
      cluster(eds(ads, { name: 'e1', eds_cluster_config: { eds_config: ads, service_name: 'svc' } })),
      environment,
    ),
  )
  assert.deepEqual(
    compiled.plans.map(plan => plan.kind),
    ['cluster'],
  )
  const reference = only(compiled, 'endpoint')
  assert.equal(reference.name, 'svc')
  assert.equal(reference.source.key, 'ads')
  assert.equal(reference.slot, compiled.cluster?.slot)
  const plan = fromBinary(ClusterSchema, compiled.plans[0]?.bytes ?? new Uint8Array())
  assert.equal(plan.name, 'e1')

  const members = {
    cluster_name: 'svc',
    endpoints: [
      {
        locality: { region: 'r', zone: 'z' },
        load_balancing_weight: 3,
        priority: 1,
        lb_endpoints: [
          {
            ...endpoint(81),
            health_status: 'DRAINING',
            load_balancing_weight: 5,
            metadata: { filter_metadata: { 'envoy.lb': { canary: true } } },
          },
        ],
      },
    ],
    policy: {
      overprovisioning_factor: 200,
      drop_overloads: [{ category: 'x', drop_percentage: { numerator: 25 } }],
      endpoint_stale_after: '3s',
    },
  }
  const assigned = good(compileEndpointsResource(assignment(members), reference.use, environment))
  const [endpoints] = assigned.plans
  assert.deepEqual([endpoints?.kind, endpoints?.name, endpoints?.slot], ['endpoints', 'e1', compiled.cluster?.slot])
  assert.equal(assigned.staleAfterMs, 3000)
  const { localities, overprovisioningFactor, dropOverloadPpm, warm } = fromBinary(
    EndpointsSchema,
    endpoints?.bytes ?? new Uint8Array(),
  )
  assert.deepEqual([overprovisioningFactor, dropOverloadPpm, warm], [200, 250_000, true])
  assert.deepEqual([localities[0]?.weight, localities[0]?.priority, localities[0]?.zone], [3, 1, 'z'])
  const [host] = localities[0]?.hosts ?? []
  assert.deepEqual([host?.address?.port, host?.weight, host?.health, host?.canary], [81, 5, 3, true])

  const empty = fromBinary(EndpointsSchema, emptyEndpoints(reference.use).bytes)
  assert.deepEqual([empty.warm, empty.localities.length], [true, 0])
})

test('the members of a cluster that was discovered choose among its transport sockets', () => {
  const raw = {
    name: 'raw',
    typed_config: { '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer' },
  }
  const matches = [{ name: 'a', match: { x: 'y' }, transport_socket: raw }]
  const compiled = good(
    compileClusterResource(cluster(eds(ads, { name: 'e2', transport_socket_matches: matches })), environment),
  )
  const metadata = { filter_metadata: { 'envoy.transport_socket_match': { x: 'y' } } }
  const members = { cluster_name: 'e2', endpoints: [{ lb_endpoints: [{ ...endpoint(), metadata }, endpoint(81)] }] }
  const { use } = only(compiled, 'endpoint')
  const { plans } = good(compileEndpointsResource(assignment(members), structuredClone(use), environment))
  const [locality] = fromBinary(EndpointsSchema, plans[0]?.bytes ?? new Uint8Array()).localities
  assert.deepEqual(
    locality?.hosts.map(host => host.transportSocket),
    [1, 0],
  )
})

test('localities whose members are elsewhere', () => {
  const compiled = good(compileClusterResource(cluster(eds(ads, { name: 'e3' })), environment))
  const { use } = only(compiled, 'endpoint')
  const leds = { leds_config: grpc(), leds_collection_name: 'xdstp://a/envoy.config.endpoint.v3.LbEndpoint/c/*' }
  const message = assignment({
    cluster_name: 'e3',
    endpoints: [{ lb_endpoints: [endpoint()] }, { leds_cluster_locality_config: leds }],
  })
  const before = good(compileEndpointsResource(message, use, environment))
  const reference = only(before, 'locality-endpoints')
  assert.deepEqual([reference.name, reference.use.locality], [leds.leds_collection_name, 1])
  const [first] = message.endpoints
  const after = good(
    compileEndpointsResource(message, use, environment, at => (at === 1 ? first?.lbEndpoints : undefined)),
  )
  const hosts = ({ plans }: CompiledResource): number[] =>
    fromBinary(EndpointsSchema, plans[0]?.bytes ?? new Uint8Array()).localities.map(({ hosts: own }) => own.length)
  assert.deepEqual(
    [hosts(before), hosts(after)],
    [
      [1, 0],
      [1, 1],
    ],
  )
})

test('connection managers that ask one source for one name share a slot', () => {
  const one = good(compileListenerResource(listener(manager(rds(grpc()), 'l1')), environment))
  const two = good(compileListenerResource(listener(manager(rds(grpc()), 'l2')), environment))
  const three = good(compileListenerResource(listener(manager(rds(ads), 'l3')), environment))
  const slots = [one, two, three].map(resource => only(resource, 'route').slot)
  assert.equal(slots[0], slots[1])
  assert.notEqual(slots[0], slots[2])

  const table = routes({
    name: 'r',
    virtual_hosts: [
      { name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'not there' } }] },
    ],
  })
  const compiled = good(compileRouteConfigResource(table, only(one, 'route'), environment))
  const [plan] = compiled.plans
  assert.deepEqual([plan?.kind, plan?.slot], ['route-table', slots[0]])
  assert.equal(fromBinary(RouteTableSchema, plan?.bytes ?? new Uint8Array()).name, 'r')
})

test('a table that was discovered validates its clusters when it says so', () => {
  const reference = only(good(compileListenerResource(listener(manager(rds(ads))), environment)), 'route')
  const table = (name: string) =>
    routes({
      name: 'r',
      validate_clusters: true,
      virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: name } }] }],
    })
  assert.ok(compileRouteConfigResource(table('xds'), reference, environment).ok)
  const refused = compileRouteConfigResource(table('no'), reference, environment)
  assert.ok(!refused.ok)
  assert.match(reasonOf(refused.error), /^route: unknown cluster 'no'$/)
})

test('a secret from a management server is compiled for its use', () => {
  const tls = {
    '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
    common_tls_context: { validation_context_sds_secret_config: { name: 'ca', sds_config: grpc() } },
  }
  const source = cluster({ ...xds, name: 't', transport_socket: { name: 'tls', typed_config: tls } })
  const compiled = good(compileClusterResource(source, environment))
  const reference = only(compiled, 'secret')
  assert.deepEqual([reference.name, reference.use.kind], ['ca', 'validation'])
  const secret = decoded<Secret>('envoy.extensions.transport_sockets.tls.v3.Secret', {
    name: 'ca',
    validation_context: { trust_chain_verification: 'ACCEPT_UNTRUSTED' },
  })
  const made = good(compileSecretResource(secret, reference.use, environment))
  assert.deepEqual(
    made.plans.map(plan => [plan.kind, plan.slot]),
    [['secret', reference.slot]],
  )

  const wrong = decoded<Secret>('envoy.extensions.transport_sockets.tls.v3.Secret', {
    name: 'ca',
    session_ticket_keys: { keys: [{ inline_string: 'x' }] },
  })
  const refused = compileSecretResource(wrong, reference.use, environment)
  assert.match(refused.ok ? '' : reasonOf(refused.error), /is no validation_context/)
})

test('unknown fields of dynamic resources are counted, refused or ignored', () => {
  const typeName = 'envoy.config.cluster.v3.Cluster'
  const bytes = Uint8Array.of(...encoded(typeName, { ...xds, name: 'u' }), 0xf8, 0xff, 0x7f, 1)
  const answer = (mode: UnknownFields) => decodeResource<Cluster>(typeName, bytes, environmentOf(file([]), mode))
  const counted = answer('count')
  assert.ok(counted.ok)
  assert.deepEqual(counted.value.unknownFields, [
    'type envoy.config.cluster.v3.Cluster with unknown field set {262143}',
  ])
  const ignored = answer('ignore')
  assert.deepEqual(ignored.ok && ignored.value.unknownFields, [])
  const refused = answer('refuse')
  const words =
    'Protobuf message (type envoy.config.cluster.v3.Cluster with unknown field set {262143}) has unknown fields'
  assert.ok(!refused.ok && reasonOf(refused.error).includes(words), refused.ok ? '' : reasonOf(refused.error))
})

test('what breaks a rule, and what are not bytes of the message, is told without a line', () => {
  const typeName = 'envoy.config.cluster.v3.Cluster'
  const nameless = decodeResource<Cluster>(
    typeName,
    encoded(typeName, { type: 'STATIC', name: 'x' }).subarray(0, 0),
    environment,
  )
  assert.match(
    nameless.ok ? '' : reasonOf(nameless.error),
    /^Proto constraint validation failed \(name: must not be empty\)/,
  )
  const broken = decodeResource<Cluster>(typeName, Uint8Array.of(0x0a, 0x7f), environment)
  assert.match(broken.ok ? '' : reasonOf(broken.error), /Unable to unpack as envoy.config.cluster.v3.Cluster/)
})

test('what is not carried out is refused in a dynamic resource too', () => {
  const checks = [
    { timeout: '1s', interval: '1s', unhealthy_threshold: 1, healthy_threshold: 1, custom_health_check: { name: 'x' } },
  ]
  const refused = compileClusterResource(cluster({ ...xds, health_checks: checks }), environment)
  assert.equal(
    refused.ok ? '' : reasonOf(refused.error),
    'health_checks[0].custom_health_check: not supported yet: health checks of other protocols',
  )
})

test('a bootstrap is the sum of its resources', () => {
  const listeners = [manager(rds(ads), 'l1'), manager(rds(ads), 'l2')]
  const { config } = compile({
    yaml: file([eds(grpc())], listeners, {
      dynamic_resources: { ads_config: grpc()['api_config_source'], cds_config: ads },
    }),
  })
  assert.ok(config)
  assert.deepEqual(
    config.resources.clusters.map(resource => resource.name),
    ['xds', 'e'],
  )
  assert.deepEqual(
    config.references.map(({ kind, name }) => [kind, name]),
    [
      ['endpoint', 'e'],
      ['route', 'r'],
      ['route', 'r'],
    ],
  )
  assert.equal(config.dynamic.cds?.source.key, 'ads')
  assert.ok(config.dynamic.ads)
  assert.equal(config.dynamic.lds, undefined)
  structuredClone(config)
})
