import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadExtensions } from '../generated/extensions.js'
import { compilerWith } from './compile-fixture.js'

type Json = Record<string, unknown>

const compile = compilerWith(await loadExtensions())
const base = { timeout: '1s', interval: '2s', unhealthy_threshold: 3, healthy_threshold: 4 }
const address = (port: number, ip = '127.0.0.1'): Json => ({ socket_address: { address: ip, port_value: port } })
const withChecks = (checks: readonly Json[], endpoint: Json = {}, more: Json = {}): string =>
  JSON.stringify({
    static_resources: {
      clusters: [
        {
          name: 'c',
          health_checks: checks,
          load_assignment: {
            cluster_name: 'c',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(1), ...endpoint } }] }],
          },
          ...more,
        },
      ],
    },
  })
const http = (more: Json = {}, around: Json = {}): Json => ({
  ...base,
  http_health_check: { path: '/', ...more },
  ...around,
})
const planOf = (yaml: string) => compile({ yaml }).config?.clusters[0]?.health
const problem = (yaml: string): string =>
  compile({ yaml })
    .errors?.map(({ message }) => message)
    .join('; ') ?? ''

test('what is not set takes what Envoy takes', () => {
  const plan = planOf(withChecks([http()]))
  assert.deepEqual(plan?.intervals, {
    healthyMs: 2000,
    healthyEdgeMs: 2000,
    unhealthyMs: 2000,
    unhealthyEdgeMs: 2000,
    noTrafficMs: 60_000,
    noTrafficHealthyMs: 60_000,
  })
  assert.equal(plan?.reusesConnection, true)
  assert.equal(plan?.isPlain, true)
  assert.deepEqual(
    plan?.check.kind === 'http' && [plan.check.method, plan.check.expected, plan.check.responseBufferBytes],
    ['GET', [{ start: 200, end: 201 }], 1024],
  )
})

test('edge intervals follow those they are the edge of', () => {
  const plan = planOf(withChecks([http({}, { unhealthy_interval: '5s', no_traffic_interval: '7s' })]))
  assert.deepEqual(
    [plan?.intervals.unhealthyEdgeMs, plan?.intervals.healthyEdgeMs, plan?.intervals.noTrafficHealthyMs],
    [5000, 2000, 7000],
  )
})

test('a cluster that says something about its connections is checked through a worker', () => {
  const keepalive = { upstream_connection_options: { tcp_keepalive: {} } }
  assert.equal(planOf(withChecks([http()], {}, keepalive))?.isPlain, false)
})

const proxied: Json = {
  name: 'proxy',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport',
    config: {},
    transport_socket: {
      name: 'raw',
      typed_config: { '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer' },
    },
  },
}
const refused: readonly (readonly [title: string, yaml: string, message: RegExp])[] = [
  [
    'several checks',
    withChecks([
      { ...http(), name: 'a' },
      { ...http(), name: 'b' },
    ]),
    /several health checks of one cluster/,
  ],
  ['gRPC without HTTP/2', withChecks([{ ...base, grpc_health_check: {} }]), /cluster must support HTTP\/2 for gRPC/],
  [
    'a range that is none',
    withChecks([http({ expected_statuses: [{ start: 300, end: 200 }] })]),
    /Invalid http expected status range: expecting start < end, but found start=300 and end=200/,
  ],
  [
    'a status that is none',
    withChecks([http({ retriable_statuses: [{ start: 10, end: 200 }] })]),
    /Invalid http retriable status range: expecting start >= 100, but found start=10/,
  ],
  ['half a byte', withChecks([{ ...base, tcp_health_check: { send: { text: 'abc' } } }]), /invalid hex string 'abc'/],
  [
    'a payload of a GET',
    withChecks([http({ send: { text: '41' } })]),
    /HTTP health check cannot specify a request payload with method 'GET'/,
  ],
  [
    'the host as a header',
    withChecks([http({ request_headers_to_add: [{ header: { key: 'host', value: 'x' } }] })]),
    /:-prefixed or host headers may not be modified/,
  ],
  [
    'an operator in a header',
    withChecks([http({ request_headers_to_add: [{ header: { key: 'x', value: '%HOSTNAME%' } }] })]),
    /operators in headers of health checks are not supported yet/,
  ],
  [
    'a PROXY transport',
    withChecks([http()], {}, { transport_socket: proxied }),
    /health checks through the PROXY protocol transport are not supported yet/,
  ],
  [
    'a member asked at a name',
    withChecks([http()], { health_check_config: { address: address(1, 'foo') } }),
    /malformed IP address: foo/,
  ],
  [
    'a port of a unix socket',
    withChecks([http()], { address: { pipe: { path: '/x' } }, health_check_config: { port_value: 8 } }),
    /non-zero port for non-IP address/,
  ],
]
for (const [title, yaml, message] of refused) test(`refused: ${title}`, () => assert.match(problem(yaml), message))
