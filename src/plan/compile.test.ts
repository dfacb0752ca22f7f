import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromBinary } from '@bufbuild/protobuf'
import {
  ClusterSchema,
  EndpointsSchema,
  HttpConnectionManagerSchema,
  ListenerSchema,
  RouteTableSchema,
  RuntimeSchema,
} from '../generated/plan_pb.js'
import { loadExtensions } from '../generated/extensions.js'
import { type Answer, compilerWith } from './compile-fixture.js'
import { planId } from './ids.js'

type Json = Record<string, unknown>
type Verdict = 'ok' | 'later' | RegExp

const compile = compilerWith(await loadExtensions())
const any = (type: string, more: Json = {}): Json => ({ '@type': `type.googleapis.com/envoy.${type}`, ...more })
const router = { name: 'envoy.filters.http.router', typed_config: any('extensions.filters.http.router.v3.Router') }
const wasm = { name: 'w', typed_config: any('extensions.filters.http.wasm.v3.Wasm', {}) }
const socket = (port = 0, ip = '127.0.0.1'): Json => ({ socket_address: { address: ip, port_value: port } })
const endpoint = (ip = '127.0.0.1', more: Json = {}): Json => ({ endpoint: { address: socket(1, ip) }, ...more })

// A value of undefined takes the default away.
const manager = (more: Json = {}): Json => {
  const config = { stat_prefix: 'h', http_filters: [router], route_config: { virtual_hosts: [host()] }, ...more }
  return {
    name: 'hcm',
    typed_config: any('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', config),
  }
}
const tcp = (more: Json = {}): Json => ({
  name: 'tcp',
  typed_config: any('extensions.filters.network.tcp_proxy.v3.TcpProxy', { stat_prefix: 't', cluster: 'c', ...more }),
})
const route = (more: Json = {}): Json => ({ match: { prefix: '/' }, route: { cluster: 'c' }, ...more })
const host = (more: Json = {}): Json => ({ name: 'v', domains: ['*'], routes: [route()], ...more })
const listener = (more: Json = {}): Json => ({
  name: 'l',
  address: socket(),
  filter_chains: [{ filters: [manager()] }],
  ...more,
})
const members = (...localities: Json[]): Json => ({ load_assignment: { cluster_name: 'c', endpoints: localities } })
const cluster = (more: Json = {}): Json => ({ name: 'c', ...members({ lb_endpoints: [endpoint()] }), ...more })
const file = (listeners: Json[] = [listener()], clusters: Json[] = [cluster()], more: Json = {}): Json => ({
  static_resources: { listeners, clusters },
  ...more,
})
const withManager = (more: Json): Json => file([listener({ filter_chains: [{ filters: [manager(more)] }] })])
const withRoutes = (more: Json): Json => withManager({ route_config: { virtual_hosts: [host()], ...more } })
const withHosts = (...hosts: Json[]): Json => withRoutes({ virtual_hosts: hosts })
const withRoute = (more: Json): Json => withHosts(host({ routes: [route(more)] }))
const withAction = (more: Json): Json => withRoute({ route: { cluster: 'c', ...more } })
const withListener = (more: Json): Json => file([listener(more)])
const withCluster = (more: Json): Json => file([listener()], [cluster(more)])
const chain = (match: Json): Json => ({ filters: [tcp()], filter_chain_match: match })
const header = (key: string, value = 'x', more: Json = {}): Json => ({ header: { key, value }, ...more })
const upstreamOptions = (more: Json): Json =>
  withCluster({
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any(
        'extensions.upstreams.http.v3.HttpProtocolOptions',
        more,
      ),
    },
  })
const policy = (...types: string[]): Json =>
  withCluster({
    load_balancing_policy: {
      policies: types.map(type => ({ typed_extension_config: { name: type, typed_config: any(type) } })),
    },
  })
const layers = (...list: Json[]): Json => file([listener()], [cluster()], { layered_runtime: { layers: list } })
const roundRobin = 'extensions.load_balancing_policies.round_robin.v3.RoundRobin'

const wrong = (answer: Answer): string =>
  (answer.errors ?? []).map(error => `${error.path}: ${error.message}`).join('\n')
function without(json: unknown): string {
  return JSON.stringify(json)
}

// What envoy 1.40 --mode validate says to the same file; 'later' stands for files that Envoy takes and we refuse by name.
const cases: readonly (readonly [what: string, config: Json, verdict: Verdict])[] = [
  ['a proxy', file(), 'ok'],
  ['nothing', {}, 'ok'],
  [
    'a second router',
    withManager({ http_filters: [router, router] }),
    /terminal filter named .* must be the last filter in a http filter chain/,
  ],
  ['no HTTP filter', withManager({ http_filters: [] }), 'ok'],
  [
    'a router by name only',
    withManager({ http_filters: [{ name: 'envoy.filters.http.router' }] }),
    /Didn't find a registered implementation/,
  ],
  [
    'a disabled router',
    withManager({ http_filters: [{ ...router, disabled: true }] }),
    /cannot be disabled by default/,
  ],
  ['a router by another name', withManager({ http_filters: [{ ...router, name: 'x' }] }), 'ok'],
  ['an extension to come', withManager({ http_filters: [wasm, router] }), 'later'],
  ['no network filter', withListener({ filter_chains: [{}] }), 'ok'],
  ['no filter chain', withListener({ filter_chains: [] }), /no filter chains specified/],
  ['a default chain alone', withListener({ filter_chains: [], default_filter_chain: { filters: [tcp()] } }), 'ok'],
  [
    'two terminal network filters',
    withListener({ filter_chains: [{ filters: [tcp(), tcp()] }] }),
    /must be the last filter in a network filter chain/,
  ],
  [
    'a second listener of one address',
    file([listener({ address: socket(12345) }), listener({ name: 'm', address: socket(12345) })]),
    /duplicate address/,
  ],
  ['two listeners on port 0', file([listener(), listener({ name: 'm' })]), 'ok'],
  ['listeners without names', file([listener({ name: '' }), listener({ name: '', address: socket(12346) })]), 'ok'],
  ['a listener without address', withListener({ address: undefined }), /address is necessary/],
  ['a host name to listen on', withListener({ address: socket(0, 'localhost') }), /malformed IP address: localhost/],
  ['IPv6', withListener({ address: socket(0, '::1') }), 'ok'],
  ['a path with a mode', withListener({ address: { pipe: { path: '/tmp/s', mode: 384 } } }), 'ok'],
  ['an abstract path with a mode', withListener({ address: { pipe: { path: '@s', mode: 384 } } }), /Cannot set mode/],
  [
    'a path too long',
    withListener({ address: { pipe: { path: `/${'a'.repeat(107)}` } } }),
    /exceeds maximum UNIX domain socket path size/,
  ],
  ['chains that match alike', withListener({ filter_chains: [chain({}), chain({})] }), /overlapping matching rules/],
  [
    'chains for two ports',
    withListener({ filter_chains: [chain({ destination_port: 1 }), chain({ destination_port: 2 }), chain({})] }),
    'ok',
  ],
  [
    'chains that share a source port',
    withListener({ filter_chains: [chain({ source_ports: [1, 2] }), chain({ source_ports: [2, 3] })] }),
    /overlapping/,
  ],
  [
    'chains of one network written twice',
    withListener({
      filter_chains: [
        chain({ prefix_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }] }),
        chain({ prefix_ranges: [{ address_prefix: '10.1.0.0', prefix_len: 8 }] }),
      ],
    }),
    /overlapping/,
  ],
  [
    'chains of nested networks',
    withListener({
      filter_chains: [
        chain({ prefix_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }] }),
        chain({ prefix_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 16 }] }),
      ],
    }),
    'ok',
  ],
  [
    'a server name in two cases',
    withListener({ filter_chains: [chain({ server_names: ['A.com'] }), chain({ server_names: ['a.com'] })] }),
    /overlapping/,
  ],
  ['a partial wildcard', withListener({ filter_chains: [chain({ server_names: ['*w.com'] })] }), /partial wildcards/],
  ['a negative duration', withListener({ listener_filters_timeout: '-1s' }), /duration/],
  ['TCP to no cluster we know', withListener({ filter_chains: [{ filters: [tcp({ cluster: 'nope' })] }] }), 'ok'],
  [
    'TCP back-off the wrong way',
    withListener({
      filter_chains: [{ filters: [tcp({ backoff_options: { base_interval: '2s', max_interval: '1s' } })] }],
    }),
    /max_backoff_interval/,
  ],

  ['a route to no cluster', withAction({ cluster: 'nope' }), /unknown cluster 'nope'/],
  [
    'the same, not to be checked',
    withRoutes({
      validate_clusters: false,
      virtual_hosts: [host({ routes: [route({ route: { cluster: 'nope' } })] })],
    }),
    'ok',
  ],
  [
    'weights of nothing',
    withAction({ cluster: undefined, weighted_clusters: { clusters: [{ name: 'c', weight: 0 }] } }),
    /greater than 0/,
  ],
  [
    'a weight too few',
    withAction({ cluster: undefined, weighted_clusters: { clusters: [{ name: 'c' }] } }),
    /'weight' is missing/,
  ],
  [
    'weights past 32 bits',
    withAction({
      cluster: undefined,
      weighted_clusters: {
        clusters: [
          { name: 'c', weight: 4294967295 },
          { name: 'c', weight: 1 },
        ],
      },
    }),
    /exceeds/,
  ],
  ['a mirror to no cluster', withAction({ request_mirror_policies: [{ cluster: 'nope' }] }), /unknown cluster/],
  ['a mirror to two', withAction({ request_mirror_policies: [{ cluster: 'c', cluster_header: 'x' }] }), /Only one/],
  ['virtual hosts of one name', withHosts(host(), host({ domains: ['a'] })), 'ok'],
  ['two wildcards', withHosts(host(), host({ name: 'w' })), /single wildcard/],
  [
    'a domain twice, in two cases',
    withHosts(host({ domains: ['A.com'] }), host({ name: 'w', domains: ['a.com'] })),
    /Duplicate entry of domain a.com/,
  ],
  [
    'two ways to rewrite a path',
    withAction({ prefix_rewrite: '/a', regex_rewrite: { pattern: { regex: 'a' }, substitution: 'b' } }),
    /Specify only one/,
  ],
  ['a regex that is none', withRoute({ match: { safe_regex: { regex: '(a' } } }), /not a regular expression/],
  ['look-ahead', withRoute({ match: { safe_regex: { regex: '(?=a)' } } }), /not a regular expression/],
  [
    'ignore_case of a regex',
    withRoute({
      match: { prefix: '/', headers: [{ name: 'x', string_match: { safe_regex: { regex: 'a' }, ignore_case: true } }] },
    }),
    /ignore_case/,
  ],
  [
    'a group that is not there',
    withAction({ regex_rewrite: { pattern: { regex: '(a)' }, substitution: '\\3' } }),
    'ok',
  ],
  [
    'an upgrade twice',
    withAction({ upgrade_configs: [{ upgrade_type: 'websocket' }, { upgrade_type: 'WebSocket' }] }),
    /Duplicate upgrade/,
  ],
  ['CONNECT', withAction({ upgrade_configs: [{ upgrade_type: 'CONNECT' }] }), 'ok'],
  ['CONNECT-UDP', withAction({ upgrade_configs: [{ upgrade_type: 'CONNECT-UDP' }] }), 'later'],
  ['CONNECT that ends here', withAction({ upgrade_configs: [{ upgrade_type: 'CONNECT', connect_config: {} }] }), 'ok'],
  [
    'back-off the wrong way',
    withAction({ retry_policy: { retry_back_off: { base_interval: '1s', max_interval: '0.5s' } } }),
    /max_interval/,
  ],
  ['an unknown retry word', withAction({ retry_policy: { retry_on: '5xx,bogus' } }), 'ok'],
  [
    'a host predicate by name only',
    withAction({ retry_policy: { retry_host_predicate: [{ name: 'envoy.retry_host_predicates.previous_hosts' }] } }),
    /registered implementation/,
  ],
  [
    'a body of 4097 bytes',
    withRoute({ route: undefined, direct_response: { status: 200, body: { inline_string: 'a'.repeat(4097) } } }),
    /maximum is 4096/,
  ],
  [
    'the same, allowed',
    withRoutes({
      max_direct_response_body_size_bytes: 5000,
      virtual_hosts: [
        host({
          routes: [
            { match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: 'a'.repeat(4097) } } },
          ],
        }),
      ],
    }),
    'ok',
  ],
  [
    'a body from no file',
    withRoute({ route: undefined, direct_response: { status: 200, body: { filename: '/no/such/file' } } }),
    /does not exist/,
  ],
  [
    'a body from the environment',
    withRoute({ route: undefined, direct_response: { status: 200, body: { environment_variable: 'GREETING' } } }),
    'ok',
  ],
  [
    'a body from no variable',
    withRoute({ route: undefined, direct_response: { status: 200, body: { environment_variable: 'NOPE' } } }),
    /Environment variable/,
  ],
  ['an added :path', withRoute({ request_headers_to_add: [header(':path')] }), /may not be modified/],
  ['an added Host', withRoute({ response_headers_to_add: [header('Host')] }), /may not be modified/],
  ['a removed host', withRoute({ request_headers_to_remove: ['host'] }), /may not be removed/],
  [
    'both ways to say append',
    withRoute({ request_headers_to_add: [header('x', 'y', { append: false, append_action: 'ADD_IF_ABSENT' })] }),
    /Both append/,
  ],
  [
    'a route that turns an unknown filter off',
    withRoute({ typed_per_filter_config: { nope: any('config.route.v3.FilterConfig', { disabled: true }) } }),
    'ok',
  ],
  [
    'a route with settings for no filter',
    withRoute({ typed_per_filter_config: { nope: any('config.route.v3.FilterConfig') } }),
    /Empty route/,
  ],
  [
    'a route with settings for the router',
    withRoute({ typed_per_filter_config: { r: any('extensions.filters.http.router.v3.Router') } }),
    /doesn't support/,
  ],

  [
    'both ways to strip ports',
    withManager({ strip_matching_host_port: true, strip_any_host_port: true }),
    /Only one of/,
  ],
  [
    'both places for the flush interval',
    withManager({ access_log_flush_interval: '1s', access_log_options: { access_log_flush_interval: '1s' } }),
    /Only one of|deprecated/,
  ],
  [
    'an access log by name only',
    withManager({ access_log: [{ name: 'envoy.access_loggers.file' }] }),
    /Didn't find a registered implementation/,
  ],
  ['HTTP/2 only', withManager({ codec_type: 'HTTP2' }), 'ok'],
  ['HTTP/2 options', withManager({ http2_protocol_options: { max_concurrent_streams: 10 } }), 'ok'],
  ['HTTP/3', withManager({ codec_type: 'HTTP3' }), 'later'],
  [
    'a SETTINGS parameter by name and by number',
    withManager({
      http2_protocol_options: {
        max_concurrent_streams: 10,
        custom_settings_parameters: [{ identifier: 3, value: 5 }],
      },
    }),
    /the \{0x3\} HTTP\/2 SETTINGS parameter\(s\) can not be configured through both named and custom parameters/,
  ],
  [
    'a SETTINGS parameter with two values',
    withManager({
      http2_protocol_options: {
        custom_settings_parameters: [
          { identifier: 0x10, value: 5 },
          { identifier: 0x10, value: 6 },
        ],
      },
    }),
    /inconsistent HTTP\/2 custom SETTINGS parameter\(s\) detected; identifiers = \{0x10\}/,
  ],
  [
    'routes from xDS',
    withManager({ route_config: undefined, rds: { route_config_name: 'r', config_source: { ads: {} } } }),
    'ok',
  ],
  ['tracing without a provider', withManager({ tracing: {} }), 'ok'],
  [
    'a tracer to come',
    withManager({
      tracing: {
        provider: {
          name: 'envoy.tracers.datadog',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.config.trace.v3.DatadogConfig',
            collector_cluster: 'c',
            service_name: 's',
          },
        },
      },
    }),
    'later',
  ],
  [
    'a collector that is no cluster',
    withManager({
      tracing: {
        provider: {
          name: 'envoy.tracers.zipkin',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.config.trace.v3.ZipkinConfig',
            collector_cluster: 'nope',
            collector_endpoint: '/spans',
            collector_endpoint_version: 'HTTP_JSON',
          },
        },
      },
    }),
    /envoy\.tracers\.zipkin: unknown cluster 'nope'/,
  ],

  ['a cluster twice', file([listener()], [cluster(), cluster()]), /duplicate cluster 'c'/],
  ['a cluster without members', withCluster({ load_assignment: undefined }), 'ok'],
  [
    'a host name in a static cluster',
    withCluster(members({ lb_endpoints: [endpoint('localhost')] })),
    /malformed IP address: localhost. Consider/,
  ],
  ['a member without address', withCluster(members({ lb_endpoints: [{ endpoint: {} }] })), /Address must be set/],
  [
    'two members of LOGICAL_DNS',
    withCluster({ type: 'LOGICAL_DNS', ...members({ lb_endpoints: [endpoint('a'), endpoint('b')] }) }),
    /must have a single/,
  ],
  [
    'EDS',
    withCluster({ type: 'EDS', load_assignment: undefined, eds_cluster_config: { eds_config: { ads: {} } } }),
    'ok',
  ],
  ['EDS without its settings', withCluster({ type: 'EDS', load_assignment: undefined }), /without an EDS config/],
  ['settings of EDS in a static cluster', withCluster({ eds_cluster_config: { eds_config: { ads: {} } } }), /non-EDS/],
  ['a balancer the cluster should provide', withCluster({ lb_policy: 'CLUSTER_PROVIDED' }), /did not provide one/],
  [
    'a balancer that a cluster of original destinations provides',
    withCluster({ type: 'ORIGINAL_DST', lb_policy: 'CLUSTER_PROVIDED', load_assignment: undefined }),
    'ok',
  ],
  [
    'another balancer for original destinations',
    withCluster({ type: 'ORIGINAL_DST', load_assignment: undefined }),
    /Only 'CLUSTER_PROVIDED' is allowed/,
  ],
  [
    'members of original destinations',
    withCluster({ type: 'ORIGINAL_DST', lb_policy: 'CLUSTER_PROVIDED' }),
    /must have no load assignment/,
  ],
  [
    'a header that is not used',
    withCluster({
      type: 'ORIGINAL_DST',
      lb_policy: 'CLUSTER_PROVIDED',
      load_assignment: undefined,
      original_dst_lb_config: { http_header_name: 'x-q' },
    }),
    /use_http_header is false/,
  ],
  [
    'a balancer that a static cluster type should provide',
    withCluster({ cluster_type: { name: 'envoy.cluster.static' }, lb_policy: 'CLUSTER_PROVIDED' }),
    /did not provide one/,
  ],
  ['a typed balancer', policy(roundRobin), 'ok'],
  ['no typed balancer', policy(), /registered load balancer factory/],
  [
    'a typed balancer to come',
    policy(
      'extensions.load_balancing_policies.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin',
      roundRobin,
    ),
    'later',
  ],
  ['Maglev', withCluster({ lb_policy: 'MAGLEV' }), 'ok'],
  [
    'Maglev with a table of any size',
    withCluster({ lb_policy: 'MAGLEV', maglev_lb_config: { table_size: 100 } }),
    /must be prime number/,
  ],
  [
    'a ring larger than it may be',
    withCluster({ lb_policy: 'RING_HASH', ring_hash_lb_config: { minimum_ring_size: 20, maximum_ring_size: 10 } }),
    /minimum_ring_size \(20\) > maximum_ring_size \(10\)/,
  ],
  [
    'hashing by names that a type does not have',
    withCluster({
      lb_policy: 'RING_HASH',
      common_lb_config: { consistent_hashing_lb_config: { use_hostname_for_hashing: true } },
    }),
    /Cannot use hostname for consistent hashing/,
  ],
  ['HTTP/1 upstream', upstreamOptions({ explicit_http_config: { http_protocol_options: {} } }), 'ok'],
  ['HTTP/2 upstream', upstreamOptions({ explicit_http_config: { http2_protocol_options: {} } }), 'ok'],
  ['limits per host', withCluster({ circuit_breakers: { per_host_thresholds: [{ max_connections: 1 }] } }), 'ok'],
  [
    'other limits per host',
    withCluster({ circuit_breakers: { per_host_thresholds: [{ max_requests: 1 }] } }),
    /Unsupported field/,
  ],
  [
    'a source address that is none',
    withCluster({ upstream_bind_config: { source_address: { address: 'nope', port_value: 0 } } }),
    /malformed IP/,
  ],
  [
    'health checks of other protocols',
    withCluster({
      health_checks: [
        {
          timeout: '1s',
          interval: '1s',
          unhealthy_threshold: 1,
          healthy_threshold: 1,
          custom_health_check: { name: 'envoy.health_checkers.redis' },
        },
      ],
    }),
    'later',
  ],

  ['a layer twice', layers({ name: 'a', static_layer: {} }, { name: 'a', static_layer: {} }), /Duplicate layer name/],
  ['two admin layers', layers({ name: 'a', admin_layer: {} }, { name: 'b', admin_layer: {} }), /Too many admin layers/],
  ['a list in a layer', layers({ name: 'a', static_layer: { x: [1] } }), /Invalid runtime entry value for x/],
  [
    'a disk layer that is not there',
    layers({ name: 'a', disk_layer: { symlink_root: '/no/such', subdirectory: 'x' } }),
    'ok',
  ],
  ['admin on a host name', file([], [], { admin: { address: socket(0, 'localhost') } }), /malformed IP/],
  [
    'a local cluster that is not there',
    file([], [], { cluster_manager: { local_cluster_name: 'nope' } }),
    /must be defined/,
  ],
]

for (const [what, config, verdict] of cases) {
  test(`the compiler and ${what}`, () => {
    const answer = compile({ yaml: without(config) })
    if (verdict === 'ok') assert.equal(wrong(answer), '')
    else if (verdict === 'later') {
      assert.match(wrong(answer), /not supported yet: /)
      assert.deepEqual([...new Set(answer.errors?.map(error => error.code))], ['unsupported'])
    } else assert.match(wrong(answer), verdict)
  })
}

test('an error names its place in the file', () => {
  const answer = compile({ yaml: without(withAction({ cluster: 'nope' })) })
  const path =
    'static_resources.listeners[0].filter_chains[0].filters[0].typed_config.route_config.virtual_hosts[0].routes[0].route.cluster'
  assert.deepEqual(
    answer.errors?.map(error => [error.path, error.line]),
    [[path, 1]],
  )
})

test('all errors come out at once', () => {
  const answer = compile({
    yaml: without(
      file(
        [listener({ address: socket(0, 'x'), filter_chains: [] })],
        [cluster(), cluster({ health_checks: undefined, lb_policy: 'CLUSTER_PROVIDED' })],
      ),
    ),
  })
  assert.equal(answer.errors?.length, 4)
})

function plans(config: Json): NonNullable<Answer['config']> {
  const answer = compile({ yaml: without(config) })
  assert.equal(wrong(answer), '')
  assert.ok(answer.config)
  return answer.config
}

test('plans are named by kind, name and slot, and identified by their bytes', () => {
  const { plans: made } = plans(file())
  assert.deepEqual(
    made.map(plan => [plan.kind, plan.name, plan.slot]),
    [
      ['cluster', 'c', 0],
      ['endpoints', 'c', 0],
      ['route-table', 'l/:bf21a9e8fbc5', 0],
      ['listener', 'l', 0],
      ['runtime', '', 0],
    ],
  )
  for (const plan of made) assert.equal(plan.id, planId(plan.bytes, plan.name))
})

test('the same file compiles to the same plans, and a slot stays with its name', () => {
  const first = plans(file())
  const both = file([listener()], [cluster({ name: 'a' }), cluster()])
  const second = compile({ yaml: without(both) }, first.slots).config
  const slots = second?.clusters.map(meta => [meta.name, meta.slot])
  assert.deepEqual(slots, [
    ['a', 1],
    ['c', 0],
  ])
  const ids = (config: typeof second) =>
    config?.plans.filter(plan => plan.kind !== 'runtime' && plan.name !== 'a').map(plan => plan.id)
  assert.deepEqual(ids(second), ids(first))
})

/** The route-table slot of each chain of the first listener, by the source port the chain is for. */
function tableSlots(config: Answer['config']): Map<number, number> {
  const bytes = config?.plans.find(one => one.kind === 'listener')?.bytes ?? new Uint8Array()
  return new Map(
    fromBinary(ListenerSchema, bytes).filterChains.map(one => [
      one.match?.sourcePorts[0] ?? 0,
      fromBinary(HttpConnectionManagerSchema, one.filters[0]?.plan ?? new Uint8Array()).routeTableSlot,
    ]),
  )
}

const managed = (port: number, name = ''): Json => ({
  name,
  filter_chain_match: { source_ports: [port] },
  filters: [manager({ stat_prefix: `p${port}` })],
})

test('chains of one name have route tables of their own', () => {
  const slots = tableSlots(plans(withListener({ filter_chains: [managed(1, 'a'), managed(2, 'a')] })))
  assert.equal(new Set(slots.values()).size, 2)
})

test('a chain named default is not the default chain', () => {
  const config = plans(
    withListener({
      filter_chains: [managed(1, 'default'), managed(2, ':default')],
      default_filter_chain: { filters: [manager()] },
    }),
  )
  const tables = config.plans.filter(one => one.kind === 'route-table')
  assert.equal(new Set(tables.map(table => table.slot)).size, 3)
})

test('a slash in a name does not make two listeners share routes', () => {
  const config = plans(
    file([
      listener({ name: 'a/b', filter_chains: [managed(1, 'c')] }),
      listener({ name: 'a', filter_chains: [managed(1, 'b/c')] }),
    ]),
  )
  const tables = config.plans.filter(one => one.kind === 'route-table')
  assert.equal(new Set(tables.map(table => table.slot)).size, 2)
})

test('a route table keeps its slot when chains are reordered', () => {
  const first = plans(withListener({ filter_chains: [managed(1), managed(2)] }))
  const second = compile(
    { yaml: without(withListener({ filter_chains: [managed(3), managed(2), managed(1)] })) },
    first.slots,
  )
  const [before, after] = [tableSlots(first), tableSlots(second.config)]
  assert.deepEqual([after.get(1), after.get(2)], [before.get(1), before.get(2)])
})

test('a cluster has its defaults', () => {
  const plan = plans(file()).plans.find(one => one.kind === 'cluster')
  const made = fromBinary(ClusterSchema, plan?.bytes ?? new Uint8Array())
  assert.equal(made.connectTimeoutMs, 5000)
  assert.equal(made.bufferLimit, 1048576)
  assert.equal(made.defaultThresholds?.maxConnections, 1024n)
  assert.equal(made.highThresholds?.maxRetries, 3n)
  assert.equal(made.common?.idleTimeoutMs, 3600000)
  assert.equal(made.healthyPanicThreshold, 50)
})

test('a DNS cluster is cold at first and says what to ask for', () => {
  const config = plans(
    withCluster({
      type: 'STRICT_DNS',
      dns_lookup_family: 'V4_ONLY',
      ...members({ lb_endpoints: [endpoint('a.example', { load_balancing_weight: 7 }), endpoint('10.0.0.1')] }),
    }),
  )
  const plan = config.plans.find(one => one.kind === 'endpoints')
  assert.equal(fromBinary(EndpointsSchema, plan?.bytes ?? new Uint8Array()).warm, false)
  const dns = config.clusters[0]?.dns
  assert.equal(dns?.family, 'V4_ONLY')
  assert.equal(dns?.refreshMs, 5000)
  assert.deepEqual(dns?.targets, [{ locality: 0, host: 0, name: 'a.example', port: 1 }])
  assert.deepEqual(
    dns?.template.localities?.[0]?.hosts?.map(one => [one.hostname, one.weight, one.address?.ip]),
    [
      ['a.example', 7, undefined],
      ['10.0.0.1', 1, '10.0.0.1'],
    ],
  )
})

test('layers of the runtime lie over each other and reach listeners', () => {
  const limit = 'envoy.resource_limits.listener.l.connection_limit'
  const config = plans({
    ...layers(
      {
        name: 'a',
        static_layer: { [limit]: 3, deep: { er: true }, some: { numerator: 5, denominator: 'TEN_THOUSAND' } },
      },
      { name: 'b', static_layer: { [limit]: 9 } },
    ),
  })
  const runtime = fromBinary(RuntimeSchema, config.plans.find(one => one.kind === 'runtime')?.bytes ?? new Uint8Array())
  assert.deepEqual(
    runtime.keys.map((key, index) => [key, runtime.values[index]]),
    [
      ['deep.er', 'true'],
      [limit, '9'],
      ['some', '5/10000'],
    ],
  )
  const made = fromBinary(ListenerSchema, config.plans.find(one => one.kind === 'listener')?.bytes ?? new Uint8Array())
  assert.equal(made.connectionLimit, 9n)
})

test('header mutations: removals first, then additions in order', () => {
  const config = plans(
    withRoute({
      request_headers_to_add: [header('X-B', 'two', { append_action: 'ADD_IF_ABSENT' }), header('x-c', '100%%')],
      request_headers_to_remove: ['X-A'],
    }),
  )
  const table = fromBinary(
    RouteTableSchema,
    config.plans.find(one => one.kind === 'route-table')?.bytes ?? new Uint8Array(),
  )
  const mutations = table.virtualHosts[0]?.routes[0]?.requestMutations
  assert.deepEqual(
    mutations?.map(({ name, action }) => [name, action]),
    [
      ['x-a', 4],
      ['x-b', 1],
      ['x-c', 0],
    ],
  )
})

test('results cross threads', () => {
  const config = plans(withCluster({ type: 'STRICT_DNS', ...members({ lb_endpoints: [endpoint('a.example')] }) }))
  assert.deepEqual(structuredClone(config), config)
})
