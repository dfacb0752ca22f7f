// A control plane that says nothing, is not there, or goes away: the proxy starts without it, and goes on with what it has.
import assert from 'node:assert/strict'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import { ControlPlane } from '../support/control-plane.js'
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

function api(isDelta: boolean): Fields {
  const retry_back_off = { base_interval: '0.02s', max_interval: '0.1s' }
  return {
    api_type: isDelta ? 'DELTA_GRPC' : 'GRPC',
    transport_api_version: 'V3',
    grpc_services: [{ envoy_grpc: { cluster_name: 'xds', retry_policy: { retry_back_off } } }],
  }
}

function bootstrap(port: number, isDelta: boolean, timeout: string, isShared = true): string {
  const from = isShared ? { ads: {} } : { api_config_source: api(isDelta) }
  const source = { ...from, resource_api_version: 'V3', initial_fetch_timeout: timeout }
  return JSON.stringify({
    node: { id: 'node', cluster: 'tests' },
    admin: { address: local(0) },
    dynamic_resources: { ...(isShared && { ads_config: api(isDelta) }), cds_config: source, lds_config: source },
    static_resources: {
      clusters: [
        {
          name: 'xds',
          type: 'STATIC',
          typed_extension_protocol_options: http2,
          load_assignment: {
            cluster_name: 'xds',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: local(port) } }] }],
          },
        },
      ],
    },
  })
}

function listener(text: string): Fields {
  const direct_response = { status: 200, body: { inline_string: text } }
  const manager = {
    '@type': type('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'h',
    route_config: {
      virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, direct_response }] }],
    },
    http_filters: [{ name: 'router', typed_config: { '@type': type('extensions.filters.http.router.v3.Router') } }],
  }
  return {
    '@type': type('config.listener.v3.Listener'),
    name: 'main',
    address: local(0),
    filter_chains: [{ filters: [{ name: 'hcm', typed_config: manager }] }],
  }
}

async function answer(proxy: ProxyUnderTest): Promise<string | undefined> {
  const { body } = await proxy.admin('/listeners')
  const port = /^main::127\.0\.0\.1:(\d+)$/m.exec(body)?.[1]
  if (port === undefined) return undefined
  return new Promise(resolve => {
    const request = http.get({ host: '127.0.0.1', port: Number(port), agent: false }, response => {
      let text = ''
      response.on('data', chunk => {
        text += chunk
      })
      response.on('end', () => resolve(text))
    })
    request.on('error', () => resolve(undefined))
  })
}

const answers = (proxy: ProxyUnderTest, text: string): Promise<true> =>
  poll(`the answer ${text}`, async () => ((await answer(proxy)) === text ? true : undefined), 10_000)

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

const counted =
  /^(?:cluster_manager\.cds|listener_manager\.lds)\.(?:init_fetch_timeout|update_\w+): |^control_plane\.(?!identifier)/

async function counters(proxy: ProxyUnderTest): Promise<string> {
  const { body } = await proxy.admin('/stats?filter=^(control_plane|cluster_manager.cds|listener_manager.lds)')
  return body
    .split('\n')
    .filter(line => counted.test(line) && !/update_(time|duration)/.test(line))
    .sort()
    .join('\n')
}

describe('a control plane that says nothing', () => {
  for (const isDelta of [false, true])
    test(isDelta ? 'delta' : 'state of the world', async () => {
      const plane = await ControlPlane.start({ answers: false })
      const config = bootstrap(plane.port, isDelta, '0.3s')
      const proxy = await ProxyUnderTest.start({ config, args: ['--log-level', 'off'] })
      try {
        assert.equal(
          await counters(proxy),
          [
            'cluster_manager.cds.init_fetch_timeout: 1',
            'cluster_manager.cds.update_attempt: 2',
            'cluster_manager.cds.update_failure: 0',
            'cluster_manager.cds.update_rejected: 0',
            'cluster_manager.cds.update_success: 0',
            'control_plane.connected_state: 1',
            'control_plane.pending_requests: 0',
            'control_plane.rate_limit_enforced: 0',
            'listener_manager.lds.init_fetch_timeout: 1',
            'listener_manager.lds.update_attempt: 2',
            'listener_manager.lds.update_failure: 0',
            'listener_manager.lds.update_rejected: 0',
            'listener_manager.lds.update_success: 0',
          ].join('\n'),
        )
        assert.deepEqual(
          plane.requests.map(({ type: kind }) => kind),
          ['cluster', 'listener'],
        )
      } finally {
        await proxy.stop()
        await plane.close()
      }
    })
})

describe('a control plane that is not there', () => {
  for (const [name, isDelta, isShared] of [
    ['the shared stream', false, true],
    ['the shared stream in delta', true, true],
    ['streams of their own', false, false],
  ] as const)
    test(`${name}: it comes, goes and comes again`, async () => {
      const port = await freePort()
      const config = bootstrap(port, isDelta, '0.3s', isShared)
      const proxy = await ProxyUnderTest.start({ config, args: ['--log-level', 'off'] })
      let plane: ControlPlane | undefined
      try {
        const failures = (await proxy.stats()).get('cluster_manager.cds.update_failure') ?? 0
        assert.ok(failures > 0)
        assert.equal(await answer(proxy), undefined)
        plane = await ControlPlane.start({ port })
        plane.update('listener', { main: listener('one') } as Resources)
        await answers(proxy, 'one')
        await plane.close()
        await poll('the loss', async () => {
          const { body } = await proxy.admin('/stats?filter=control_plane.connected_state')
          return / 0$/m.test(body) ? true : undefined
        })
        assert.equal(await answer(proxy), 'one')
        plane = await ControlPlane.start({ port })
        // What it has now is no version 1 that the proxy knows.
        plane.update('listener', {})
        plane.update('listener', { main: listener('two') } as Resources)
        await answers(proxy, 'two')
      } finally {
        await proxy.stop()
        await plane?.close()
      }
    })
})
