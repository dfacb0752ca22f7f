// What connection managers ask management servers for besides routes: filter configurations (ECDS), scopes (SRDS), and
// virtual hosts on demand (VHDS). One aggregated delta stream to a real gRPC server.
import { fileURLToPath } from 'node:url'
import { bootstrap, cluster, fill, http, httpOptions } from '../support/config.js'
import { ControlPlane, type SeenRequest } from '../support/control-plane.js'
import { ProxyUnderTest } from '../support/proxy-under-test.js'
import { feature, type Scene } from '../support/scenario.js'
import { poll } from '../support/wait.js'

const api = 'type.googleapis.com/envoy'
const ads = '{ads: {}, resource_api_version: V3}'
const http2 = httpOptions('explicit_http_config: {http2_protocol_options: {}}')
const onDemand = `{name: on_demand, typed_config: {"@type": ${api}.extensions.filters.http.on_demand.v3.OnDemand}}`
const router = `{name: router, typed_config: {"@type": ${api}.extensions.filters.http.router.v3.Router}}`

const says = (text: string) => ({
  match: { prefix: '/' },
  direct_response: { status: 200, body: { inline_string: text } },
})
const host = (name: string, domain: string) => ({
  '@type': `${api}.config.route.v3.VirtualHost`,
  name,
  domains: [domain],
  routes: [says(name)],
})
const table = (name: string, hosts: readonly object[], more: object = {}) => ({
  '@type': `${api}.config.route.v3.RouteConfiguration`,
  name,
  virtual_hosts: hosts.map(one => ({ ...one, '@type': undefined })),
  ...more,
})
const scope = (name: string, key: string, routes: string, more: object = {}) => ({
  '@type': `${api}.config.route.v3.ScopedRouteConfiguration`,
  name,
  key: { fragments: [{ string_key: key }] },
  route_configuration_name: routes,
  ...more,
})
const adds = (value: string) => ({
  '@type': `${api}.config.core.v3.TypedExtensionConfig`,
  name: 'adds',
  typed_config: {
    '@type': `${api}.extensions.filters.http.header_mutation.v3.HeaderMutation`,
    mutations: { response_mutations: [{ append: { header: { key: 'x-added', value } } }] },
  },
})
/** A configuration of the filter `name`. */
const extension = (name: string, type: string, more: object = {}) => ({
  '@type': `${api}.config.core.v3.TypedExtensionConfig`,
  name,
  typed_config: { '@type': type, ...more },
})
const discovered = (name: string, type: string) => ({
  name,
  config_discovery: { config_source: { ads: {}, resource_api_version: 'V3' }, type_urls: [type] },
})
const direct = `${api}.extensions.filters.network.direct_response.v3.Config`
const inspector = `${api}.extensions.filters.listener.tls_inspector.v3.TlsInspector`
const typeScript = 'type.googleapis.com/nuncio.TypeScriptFilter'
const module = fileURLToPath(new URL('../../../test/fixtures/filters/api-key.ts', import.meta.url))
const json = (value: object) => JSON.parse(JSON.stringify(value))

interface Running {
  readonly plane: ControlPlane
  readonly proxy: ProxyUnderTest
  /** Status, and what came with it. */
  ask(authority: string, ...headers: string[]): Promise<string>
}

/** A proxy whose connection manager has these fields (or that has this listener), and its management server. */
async function running(
  of: string | object,
  fill_: (plane: ControlPlane) => void,
  s: Scene,
  act: (running: Running) => Promise<void>,
): Promise<void> {
  const plane = await ControlPlane.start()
  fill_(plane)
  const config = bootstrap({
    clusters: [cluster('xds', ['xds'], http2)],
    listeners: [typeof of === 'string' ? http('main', { hcm: `access_log: []\n${of}` }) : { ...of }],
    more: `
node: {id: node, cluster: cluster}
dynamic_resources:
  ads_config:
    api_type: DELTA_GRPC
    transport_api_version: V3
    grpc_services: [{envoy_grpc: {cluster_name: xds}}]
`,
  })
  const proxy = await ProxyUnderTest.start({ config: fill(config, new Map([['xds', plane.port]])) })
  const ask = async (authority: string, ...headers: string[]): Promise<string> => {
    const client = await s.connectTo({ port: proxy.port('main') })
    await client.send(['GET / HTTP/1.1', `host: ${authority}`, ...headers, '', ''].join('\r\n'))
    const response = await client.response()
    client.destroy()
    const added = response.headers.get('x-added')
    const status = response.startLine.split(' ')[1] ?? ''
    return [status, response.body.toString(), added ?? ''].join(' ').replaceAll('  ', ' ').trim()
  }
  try {
    await act({ plane, proxy, ask })
  } finally {
    await proxy.stop()
    await plane.close()
  }
}

const asksFor =
  (name: string) =>
  (plane: ControlPlane): SeenRequest | undefined =>
    plane.requests.find(request => request.names.includes(name))

const becomes = (what: string, look: () => Promise<string>): Promise<true> =>
  poll(what, async () => (await look()) === what || undefined)

feature('discovery for connection managers', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario(
    'a virtual host is fetched when a request asks for it',
    {
      sees: `
        200 own
        200 first
        asked for routes/shop.example:8080
        200 shop
        200 shop
        200 own
      `,
    },
    s =>
      running(
        `route_config: null\nrds: {route_config_name: routes, config_source: ${ads}}\nhttp_filters: [${onDemand}, ${router}]`,
        plane => {
          plane.update('route', {
            routes: json(
              table('routes', [host('own', 'own.example')], {
                vhds: { config_source: { ads: {}, resource_api_version: 'V3' } },
              }),
            ),
          })
          plane.update('virtual-host', { 'routes/first.example': json(host('first', 'first.example')) })
        },
        s,
        async ({ plane, ask }) => {
          s.note(await ask('own.example'))
          s.note(await ask('first.example'))
          const waiting = ask('Shop.example:8080')
          const name = 'routes/shop.example:8080'
          await plane.waitFor(name, () => asksFor(name)(plane))
          s.note(`asked for ${name}`)
          plane.update('virtual-host', { [name]: json(host('shop', 'shop.example:8080')) })
          s.note(await waiting)
          s.note(await ask('shop.example:8080'))
          s.note(await ask('own.example'))
        },
      ),
  )

  f.scenario(
    "a filter's configuration changes, and goes",
    {
      sees: `
        200 one
        200 two
        500
        200 three
        listeners modified: 0
      `,
    },
    s =>
      running(
        `http_filters: [{name: adds, config_discovery: {config_source: ${ads}, type_urls: ["${api}.extensions.filters.http.header_mutation.v3.HeaderMutation"]}}, ${router}]
route_config: {virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, direct_response: {status: 200}}]}]}`,
        plane => plane.update('extension-config', { adds: json(adds('one')) }),
        s,
        async ({ plane, proxy, ask }) => {
          const step = async (change: object | undefined, seen: string): Promise<void> => {
            if (change !== undefined || seen === '500')
              plane.update('extension-config', { adds: change && json(change) })
            await becomes(seen, () => ask('a'))
            s.note(seen)
          }
          await step(adds('one'), '200 one')
          await step(adds('two'), '200 two')
          await step(undefined, '500')
          await step(adds('three'), '200 three')
          const stats = await proxy.admin('/stats?filter=listener_manager.listener_modified')
          s.note(`listeners modified: ${/: (\d+)/.exec(stats.body)?.[1]}`)
        },
      ),
  )

  f.scenario(
    'scopes come, change and go; one fetches its routes on demand',
    {
      sees: `
        200 first
        404
        asked for late
        200 late
        200 second
        404
      `,
    },
    s =>
      running(
        `route_config: null
http_filters: [${onDemand}, ${router}]
scoped_routes:
  name: scopes
  scope_key_builder: {fragments: [{header_value_extractor: {name: x-scope, index: 0}}]}
  rds_config_source: ${ads}
  scoped_rds: {scoped_rds_config_source: ${ads}}`,
        plane => {
          plane.update('scoped-route', {
            a: json(scope('a', 'a', 'first')),
            b: json(scope('b', 'b', 'late', { on_demand: true })),
          })
          plane.update('route', {
            first: json(table('first', [host('first', '*')])),
            second: json(table('second', [host('second', '*')])),
            late: json(table('late', [host('late', '*')])),
          })
        },
        s,
        async ({ plane, ask }) => {
          s.note(await ask('x', 'x-scope: a'))
          s.note(await ask('x', 'x-scope: z'))
          const late = await ask('x', 'x-scope: b')
          s.note(asksFor('late')(plane) === undefined ? 'asked for nothing' : 'asked for late')
          s.note(late)
          plane.update('scoped-route', { a: json(scope('a', 'a', 'second')) })
          await becomes('200 second', () => ask('x', 'x-scope: a'))
          s.note('200 second')
          plane.update('scoped-route', { a: undefined })
          await becomes('404', () => ask('x', 'x-scope: a'))
          s.note('404')
        },
      ),
  )

  f.scenario(
    'network and listener filters come, change and go',
    {
      sees: `
        (nothing)
        one
        two
        (nothing)
        listeners modified: 0
      `,
    },
    s =>
      running(
        {
          name: 'main',
          address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
          listener_filters: [discovered('looks', inspector)],
          listener_filters_timeout: '0.05s',
          continue_on_listener_filters_timeout: true,
          filter_chains: [{ filters: [discovered('says', direct)] }],
        },
        plane =>
          plane.update('extension-config', {
            says: json(extension('says', direct, { response: { inline_string: 'one' } })),
            looks: json(extension('looks', inspector)),
          }),
        s,
        async ({ plane, proxy }) => {
          const said = async (): Promise<string> => {
            const client = await s.connectTo({ port: proxy.port('main') })
            await client.closed()
            return client.received.toString() || '(nothing)'
          }
          const step = async (changes: Parameters<typeof plane.update>[1], seen: string): Promise<void> => {
            plane.update('extension-config', changes)
            await becomes(seen, said)
            s.note(seen)
          }
          await step({ looks: undefined }, '(nothing)')
          await step({ looks: json(extension('looks', inspector)) }, 'one')
          await step({ says: json(extension('says', direct, { response: { inline_string: 'two' } })) }, 'two')
          await step({ says: undefined }, '(nothing)')
          const stats = await proxy.admin('/stats?filter=listener_manager.listener_modified')
          s.note(`listeners modified: ${/: (\d+)/.exec(stats.body)?.[1]}`)
        },
      ),
  )

  f.scenario(
    'a filter in TypeScript comes and changes',
    {
      onlyNuncio: 'real Envoy has no filters in TypeScript',
      sees: `
        401 unknown API key
        200 with the key "a"
        200 with the key "c"
      `,
    },
    s =>
      running(
        `http_filters: [${JSON.stringify(discovered('keys', typeScript))}, ${router}]
route_config: {virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, direct_response: {status: 200}}]}]}`,
        plane =>
          plane.update('extension-config', {
            keys: json(extension('keys', typeScript, { module, config: { header: 'x-key', keys: ['a'] } })),
          }),
        s,
        async ({ plane, ask }) => {
          s.note(await ask('x'))
          s.note(`${await ask('x', 'x-key: a')} with the key "a"`)
          plane.update('extension-config', {
            keys: json(extension('keys', typeScript, { module, config: { header: 'x-key', keys: ['c'] } })),
          })
          await becomes('200', () => ask('x', 'x-key: c'))
          s.note('200 with the key "c"')
        },
      ),
  )
})
