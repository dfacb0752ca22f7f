// Where dynamic configuration comes from: every kind of source brings a listener, changes it, and brings a bad one that changes nothing.
import assert from 'node:assert/strict'
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { describe, test } from 'node:test'
import { ControlPlane } from '../support/control-plane.js'
import { makeFolder, ProxyUnderTest } from '../support/proxy-under-test.js'
import { Identity } from '../support/tls.js'
import { poll } from '../support/wait.js'

type Fields = Record<string, unknown>
type Resources = Parameters<ControlPlane['update']>[1]

const type = (name: string): string => `type.googleapis.com/envoy.${name}`
const local = (port: number): Fields => ({ socket_address: { address: '127.0.0.1', port_value: port } })

function cluster(name: string, port: number, more: Fields = {}): Fields {
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: local(port) } }] }]
  return { name, type: 'STATIC', load_assignment: { cluster_name: name, endpoints }, ...more }
}

const http2: Fields = {
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': type('extensions.upstreams.http.v3.HttpProtocolOptions'),
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
}

/** Answers everything with a text. */
function listener(text: string, filter = 'extensions.filters.http.router.v3.Router'): Fields {
  const manager = {
    '@type': type('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'h',
    route_config: {
      virtual_hosts: [
        {
          name: 'v',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: text } } }],
        },
      ],
    },
    http_filters: [{ name: 'last', typed_config: { '@type': type(filter) } }],
  }
  return {
    '@type': type('config.listener.v3.Listener'),
    name: 'main',
    address: local(0),
    filter_chains: [{ filters: [{ name: 'hcm', typed_config: manager }] }],
  }
}

interface Source {
  readonly name: string
  /** dynamic_resources. */
  dynamic(context: Context): Fields
  readonly clusters?: (context: Context) => readonly Fields[]
  /** Without: the control plane is told. */
  readonly publish?: (context: Context, version: string, main: Fields) => void
  readonly isTls?: boolean
}

interface Context {
  readonly plane: ControlPlane
  readonly folder: string
  readonly identity: Identity
}

const grpc = (service: Fields, apiType = 'GRPC'): Fields => ({
  api_type: apiType,
  transport_api_version: 'V3',
  grpc_services: [service],
})
const fileText = (version: string, main: Fields): string => JSON.stringify({ version_info: version, resources: [main] })
const trusting = ({ identity }: Context): Fields => ({ trusted_ca: { inline_string: identity.authority.pem } })

const sources: readonly Source[] = [
  {
    name: 'REST',
    dynamic: () => ({
      lds_config: {
        resource_api_version: 'V3',
        api_config_source: {
          api_type: 'REST',
          transport_api_version: 'V3',
          cluster_names: ['rest'],
          refresh_delay: '0.05s',
        },
      },
    }),
    clusters: ({ plane }) => [cluster('rest', plane.restPort)],
  },
  {
    name: 'a file that is replaced',
    dynamic: ({ folder }) => ({ lds_config: { path_config_source: { path: path.join(folder, 'lds.json') } } }),
    publish: ({ folder }, version, main) => {
      const file = path.join(folder, 'lds.json')
      writeFileSync(`${file}.new`, fileText(version, main))
      renameSync(`${file}.new`, file)
    },
  },
  {
    name: 'a folder that a link leads to',
    dynamic: ({ folder }) => ({
      lds_config: {
        path_config_source: { path: path.join(folder, '..data/lds.json'), watched_directory: { path: folder } },
      },
    }),
    publish: ({ folder }, version, main) => {
      mkdirSync(path.join(folder, `..${version}`))
      writeFileSync(path.join(folder, `..${version}`, 'lds.json'), fileText(version, main))
      symlinkSync(`..${version}`, path.join(folder, '..new'))
      renameSync(path.join(folder, '..new'), path.join(folder, '..data'))
    },
  },
  {
    name: 'google_grpc, a stream of its own',
    dynamic: ({ plane }) => ({
      lds_config: {
        resource_api_version: 'V3',
        api_config_source: grpc({ google_grpc: { target_uri: `127.0.0.1:${plane.port}`, stat_prefix: 'xds' } }),
      },
    }),
  },
  {
    name: 'google_grpc over TLS, the shared stream',
    isTls: true,
    dynamic: ({ plane, identity }) => ({
      ads_config: grpc({
        google_grpc: {
          target_uri: `localhost:${plane.port}`,
          stat_prefix: 'xds',
          channel_credentials: { ssl_credentials: { root_certs: { inline_string: identity.authority.pem } } },
        },
      }),
      lds_config: { ads: {}, resource_api_version: 'V3' },
    }),
  },
  {
    name: 'a cluster over TLS, the shared stream in delta',
    isTls: true,
    dynamic: () => ({
      ads_config: grpc({ envoy_grpc: { cluster_name: 'xds' } }, 'DELTA_GRPC'),
      lds_config: { ads: {}, resource_api_version: 'V3' },
    }),
    clusters: context => [
      cluster('xds', context.plane.port, {
        ...http2,
        transport_socket: {
          name: 'tls',
          typed_config: {
            '@type': type('extensions.transport_sockets.tls.v3.UpstreamTlsContext'),
            sni: 'test.example',
            common_tls_context: { alpn_protocols: ['h2'], validation_context: trusting(context) },
          },
        },
      }),
    ],
  },
]

/** What the listener answers now; undefined where there is none. */
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

async function start({ plane, folder, identity }: Context, source: Source): Promise<ProxyUnderTest> {
  return ProxyUnderTest.start({
    folder: path.join(folder, 'proxy'),
    args: ['--log-level', 'off'],
    config: JSON.stringify({
      node: { id: 'node', cluster: 'tests' },
      admin: { address: local(0) },
      dynamic_resources: source.dynamic({ plane, folder, identity }),
      static_resources: { clusters: source.clusters?.({ plane, folder, identity }) ?? [] },
    }),
  })
}

describe('sources', () => {
  for (const source of sources)
    test(source.name, async () => {
      const identity = new Identity()
      const tls = { key: identity.leaf.key, certificate: identity.leaf.chain }
      const plane = await ControlPlane.start(source.isTls === true ? { tls } : {})
      const folder = makeFolder()
      const context: Context = { plane, folder, identity }
      const publish = (version: string, main: Fields): void => {
        if (source.publish) source.publish(context, version, main)
        else plane.update('listener', { main } as Resources)
      }
      publish('1', listener('one'))
      const proxy = await start(context, source)
      const stat = async (name: string): Promise<number> =>
        (await proxy.stats()).get(`listener_manager.lds.${name}`) ?? 0
      const becomes = (text: string): Promise<true> =>
        poll(`the answer ${text}`, async () => ((await answer(proxy)) === text ? true : undefined), 10_000)
      try {
        await becomes('one')
        publish('2', listener('two'))
        await becomes('two')
        const before = await stat('update_rejected')
        assert.equal(before, 0)
        publish('3', listener('three', 'extensions.filters.http.buffer.v3.Buffer'))
        await poll('the refusal', async () => ((await stat('update_rejected')) > 0 ? true : undefined), 10_000)
        assert.equal(await answer(proxy), 'two')
        publish('4', listener('four'))
        await becomes('four')
        await poll('the version', async () => {
          const { body } = await proxy.admin('/stats?filter=lds.version_text')
          return body.trim() === 'listener_manager.lds.version_text: "4"' || undefined
        })
      } finally {
        await proxy.stop()
        await plane.close()
        rmSync(folder, { recursive: true, force: true })
      }
    })
})
