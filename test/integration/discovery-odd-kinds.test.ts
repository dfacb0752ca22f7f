// Odd answers about secrets, filters, scopes, virtual hosts and values of the runtime.
import http from 'node:http'
import { connect } from 'node:tls'
import { Certificate } from '../support/certificates.js'
import { garbage, OddPlane } from '../support/odd-plane.js'
import { feature } from '../support/scenario.js'
import { poll } from '../support/wait.js'
import { ADS, edsCluster, listener, manager, routes, says, table, type XdsScene } from '../support/xds-scene.js'
import type { TestResource } from '../support/control-plane.js'

type Fields = Record<string, unknown>
const api = 'type.googleapis.com/envoy'
const authority = Certificate.authority()
const json = (resource: Fields): TestResource => resource as TestResource

function secret(name: string, host: string): TestResource {
  const certificate = authority.issue({ sans: [`DNS:${host}.test`] })
  return json({
    '@type': `${api}.extensions.transport_sockets.tls.v3.Secret`,
    name,
    tls_certificate: {
      certificate_chain: { inline_string: certificate.pem },
      private_key: { inline_string: certificate.key },
    },
  })
}

const secure = (text: string, sds_config: Fields = ADS) => ({
  filter_chains: [
    {
      filters: [{ name: 'http', typed_config: manager({ route_config: table('i', says(text)) }) }],
      transport_socket: {
        name: 'tls',
        typed_config: {
          '@type': `${api}.extensions.transport_sockets.tls.v3.DownstreamTlsContext`,
          common_tls_context: { tls_certificate_sds_secret_configs: [{ name: 'own', sds_config }] },
        },
      },
    },
  ],
})

/** Names in the certificate that a listener shows. */
function namesAt(port: number | undefined): Promise<string> {
  return new Promise(resolve => {
    if (port === undefined) return resolve('no listener')
    const client = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      resolve(client.getPeerCertificate().subjectaltname ?? 'nameless')
      client.destroy()
    })
    client.on('error', () => resolve('no handshake'))
  })
}

const shows = async (odd: OddPlane, wanted: string): Promise<void> =>
  void (await poll(
    `the certificate ${wanted}`,
    async () => (await namesAt(await odd.x.port('main'))) === wanted || undefined,
  ))

const sdsStats = ['update_attempt', 'update_success', 'update_rejected', 'init_fetch_timeout', 'version_text'].map(
  name => `sds.own.${name}`,
)

const withSecret = (isDelta: boolean) => ({
  isDelta,
  prepare: (plane: XdsScene['plane']): void => {
    plane.update('cluster', {})
    plane.update('listener', { main: listener('main', {}, secure('safe')) })
    plane.update('secret', { own: secret('own', 'first') })
  },
})

async function oddSecrets(odd: OddPlane, note: (text: string) => void, isDelta: boolean): Promise<void> {
  const say = (version: string, ...all: [string, TestResource][]): Promise<void> =>
    isDelta
      ? odd.tells(
          'secret',
          all.map(([name, resource]) => ({ name, version, resource })),
        )
      : odd.says('secret', version, ...all.map(([, resource]) => resource))
  const other = (more: Fields) =>
    json({ '@type': `${api}.extensions.transport_sockets.tls.v3.Secret`, name: 'own', ...more })
  await shows(odd, 'DNS:first.test')
  odd.hasWords = false // why a certificate cannot be is told in other words here
  await say('v2')
  await odd.stats(...sdsStats)
  await say('v3', ['other', secret('other', 'other')])
  await odd.stats(...sdsStats)
  await say('v4', ['own', secret('own', 'second')], ['own', secret('own', 'third')])
  await say('v5', ['own', other({ validation_context: { trusted_ca: { inline_string: authority.pem } } })])
  const unreadable = { certificate_chain: { inline_string: 'no' }, private_key: { inline_string: 'no' } }
  await say('v6', ['own', other({ tls_certificate: unreadable })])
  await say('v7', ['own', other({ generic_secret: { secret: { inline_string: 'x' } } })])
  await say('v8', ['own', garbage('secret')])
  await say('v9', ['own', json(edsCluster('own') as Fields)])
  await odd.stats(...sdsStats)
  await odd.dump('dynamic_active_secrets')
  note(await namesAt(await odd.x.port('main')))
  await say('v10', ['own', secret('own', 'last')])
  await shows(odd, 'DNS:last.test')
  note('DNS:last.test')
  if (isDelta) await odd.tells('secret', [], ['own'])
  note(await namesAt(await odd.x.port('main')))
  await odd.stats(...sdsStats)
}

feature('odd secrets', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario(
    'secrets: none, of another name, two of one name, bad ones',
    {
      sees: `
        #1 secret [own] version v2 nonce x1
        sds.own.update_attempt: 2
        sds.own.update_success: 1
        sds.own.update_rejected: 0
        sds.own.init_fetch_timeout: 0
        sds.own.version_text: "3"
        #1 secret [own] version v3 nonce x2
        sds.own.update_attempt: 2
        sds.own.update_success: 1
        sds.own.update_rejected: 0
        sds.own.init_fetch_timeout: 0
        sds.own.version_text: "3"
        #1 secret [own] version v4 nonce x3
        #1 secret [own] version v4 nonce x4 error 13:
        #1 secret [own] version v4 nonce x5 error 13:
        #1 secret [own] version v4 nonce x6 error 13:
        #1 secret [own] version v4 nonce x7 error 13:
        #1 secret [own] version v4 nonce x8 error 13:
        sds.own.update_attempt: 8
        sds.own.update_success: 2
        sds.own.update_rejected: 5
        sds.own.init_fetch_timeout: 0
        sds.own.version_text: "v4"
        dynamic_active_secrets:
          own version v7
        DNS:second.test
        #1 secret [own] version v10 nonce x9
        DNS:last.test
        DNS:last.test
        sds.own.update_attempt: 9
        sds.own.update_success: 3
        sds.own.update_rejected: 5
        sds.own.init_fetch_timeout: 0
        sds.own.version_text: "v10"
      `,
    },
    s => OddPlane.run(s, withSecret(false), odd => oddSecrets(odd, text => s.note(text), false)),
  )

  f.scenario(
    'secrets: in delta: none, of another name, two of one name, bad ones, one that is removed',
    {
      sees: `
        #1 secret nonce x1
        sds.own.update_attempt: 2
        sds.own.update_success: 1
        sds.own.update_rejected: 0
        sds.own.init_fetch_timeout: 0
        sds.own.version_text: "3"
        #1 secret nonce x2
        sds.own.update_attempt: 2
        sds.own.update_success: 1
        sds.own.update_rejected: 0
        sds.own.init_fetch_timeout: 0
        sds.own.version_text: "3"
        #1 secret nonce x3 error 13:
        #1 secret nonce x4 error 13:
        #1 secret nonce x5 error 13:
        #1 secret nonce x6 error 13:
        #1 secret nonce x7 error 13:
        #1 secret nonce x8 error 13:
        sds.own.update_attempt: 11
        sds.own.update_success: 1
        sds.own.update_rejected: 6
        sds.own.init_fetch_timeout: 0
        sds.own.version_text: "3"
        dynamic_active_secrets:
          own version v7
        DNS:first.test
        #1 secret nonce x9
        DNS:last.test
        #1 secret nonce x10
        DNS:last.test
        sds.own.update_attempt: 13
        sds.own.update_success: 3
        sds.own.update_rejected: 6
        sds.own.init_fetch_timeout: 0
        sds.own.version_text: "x10"
      `,
    },
    s => OddPlane.run(s, withSecret(true), odd => oddSecrets(odd, text => s.note(text), true)),
  )

  f.scenario(
    'secrets: one that does not come in time: the listener is there, and shakes no hand',
    {
      sees: `
        sds.own.init_fetch_timeout: 1
        no handshake
        sds.own.update_attempt: 2
        sds.own.update_success: 0
        sds.own.update_rejected: 0
        sds.own.init_fetch_timeout: 1
        sds.own.version_text: ""
        dynamic_warming_secrets:
          own version uninitialized
        DNS:late.test
      `,
    },
    s => {
      const prepare = (plane: XdsScene['plane']): void => {
        plane.update('cluster', {})
        plane.update('listener', {
          main: listener('main', {}, secure('safe', { ...ADS, initial_fetch_timeout: '0.5s' })),
        })
      }
      return OddPlane.run(s, { prepare }, async odd => {
        await odd.statBecomes('sds.own.init_fetch_timeout', 1)
        s.note(await namesAt(await odd.x.port('main')))
        await odd.stats(...sdsStats)
        await odd.dump('dynamic_warming_secrets')
        odd.x.plane.update('secret', { own: secret('own', 'late') })
        await shows(odd, 'DNS:late.test')
        s.note('DNS:late.test')
      })
    },
  )
})

// ---------------------------------------------------------------- filters that come by themselves

const mutation = 'extensions.filters.http.header_mutation.v3.HeaderMutation'
const router = { name: 'router', typed_config: { '@type': `${api}.extensions.filters.http.router.v3.Router` } }
const adds = (value: string): Fields => ({
  '@type': `${api}.${mutation}`,
  mutations: { response_mutations: [{ append: { header: { key: 'x-said', value } } }] },
})
const config = (name: string, typed_config: Fields) =>
  json({ '@type': `${api}.config.core.v3.TypedExtensionConfig`, name, typed_config })
const discovered = (more: Fields = {}, source: Fields = ADS) => ({
  name: 'adds',
  config_discovery: { config_source: source, type_urls: [`${api}.${mutation}`], ...more },
})
const ecdsStats = [
  'update_attempt',
  'update_success',
  'update_rejected',
  'config_reload',
  'config_fail',
  'config_conflict',
  'init_fetch_timeout',
].map(name => `extension_config_discovery.http_filter.adds.${name}`)

const withFilter = (filter: Fields, isDelta = false) => ({
  isDelta,
  prepare: (plane: XdsScene['plane']): void => {
    plane.update('cluster', {})
    const main = { http_filters: [filter, router], route_config: table('i', says('ok')) }
    plane.update('listener', { main: listener('main', main) })
    plane.update('extension-config', { adds: config('adds', adds('first')) })
  },
})

/** Status, and what the filter says. */
async function said(odd: OddPlane): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${await odd.x.port('main')}/`, { headers: { connection: 'close' } })
  return `${response.status} ${response.headers.get('x-said') ?? '-'}`
}

const oddFilters = async (odd: OddPlane, note: (text: string) => void, isDelta: boolean): Promise<void> => {
  const say = (version: string, ...all: [string, TestResource][]): Promise<void> =>
    isDelta
      ? odd.tells(
          'extension-config',
          all.map(([name, resource]) => ({ name, version, resource })),
        )
      : odd.says('extension-config', version, ...all.map(([, resource]) => resource))
  note(await said(odd))
  await say('v2')
  await say('v3', ['other', config('other', adds('other'))])
  note(await said(odd))
  await say('v4', ['adds', config('adds', { '@type': `${api}.extensions.filters.http.router.v3.Router` })])
  await say('v5', ['adds', config('adds', { '@type': `${api}.config.cluster.v3.Cluster`, name: 'x' })])
  await say('v6', ['adds', config('adds', adds('second'))], ['adds', config('adds', adds('third'))])
  await say('v7', ['adds', garbage('extension-config')])
  await say('v8', ['adds', json(edsCluster('adds') as Fields)])
  await say('v9', ['adds', config('adds', { '@type': `${api}.${mutation}`, mutations: { response_mutations: [{}] } })])
  note(await said(odd))
  await odd.stats(...ecdsStats)
  await say('v10', ['adds', config('adds', adds('last'))])
  await poll('the last', async () => (await said(odd)) === '200 last' || undefined)
  await odd.dump('ecds_filters')
  if (isDelta) {
    await odd.tells('extension-config', [], ['adds'])
    await poll('no filter', async () => (await said(odd)) !== '200 last' || undefined)
    note(await said(odd))
  }
  await odd.stats(...ecdsStats)
}

feature('odd filter configurations', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario(
    'filter configurations: none, of another name, of another type, two, bad ones',
    {
      sees: `
        200 first
        #1 extension-config [adds] version v2 nonce x1
        #1 extension-config [adds] version v3 nonce x2
        200 first
        #1 extension-config [adds] version v3 nonce x3 error 13: Error: filter config has type URL envoy.extensions.filters.http.router.v3.Router but expect envoy.extensions.filters.http.header_mutation.v3.HeaderMutation.
        #1 extension-config [adds] version v3 nonce x4 error 13: Error: filter config has type URL envoy.config.cluster.v3.Cluster but expect envoy.extensions.filters.http.header_mutation.v3.HeaderMutation.
        #1 extension-config [adds] version v6 nonce x5
        #1 extension-config [adds] version v6 nonce x6 error 13: Unable to unpack as envoy.config.core.v3.TypedExtensionConfig
        #1 extension-config [adds] version v6 nonce x7 error 13: type.googleapis.com/envoy.config.cluster.v3.Cluster does not match the message-wide type URL type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig in DiscoveryResponse
        #1 extension-config [adds] version v6 nonce x8 error 13: Proto constraint validation failed
        200 second
        extension_config_discovery.http_filter.adds.update_attempt: 8
        extension_config_discovery.http_filter.adds.update_success: 2
        extension_config_discovery.http_filter.adds.update_rejected: 5
        extension_config_discovery.http_filter.adds.config_reload: 2
        extension_config_discovery.http_filter.adds.config_fail: 5
        extension_config_discovery.http_filter.adds.config_conflict: 0
        extension_config_discovery.http_filter.adds.init_fetch_timeout: 0
        #1 extension-config [adds] version v10 nonce x9
        ecds_filters:
          adds version v10
        extension_config_discovery.http_filter.adds.update_attempt: 9
        extension_config_discovery.http_filter.adds.update_success: 3
        extension_config_discovery.http_filter.adds.update_rejected: 5
        extension_config_discovery.http_filter.adds.config_reload: 3
        extension_config_discovery.http_filter.adds.config_fail: 5
        extension_config_discovery.http_filter.adds.config_conflict: 0
        extension_config_discovery.http_filter.adds.init_fetch_timeout: 0
      `,
    },
    s => OddPlane.run(s, withFilter(discovered()), odd => oddFilters(odd, text => s.note(text), false)),
  )

  f.scenario(
    'filter configurations: in delta: none, of another name, of another type, two, bad ones, one that is removed',
    {
      sees: `
        200 first
        #1 extension-config nonce x1
        #1 extension-config nonce x2
        200 first
        #1 extension-config nonce x3 error 13: Error: filter config has type URL envoy.extensions.filters.http.router.v3.Router but expect envoy.extensions.filters.http.header_mutation.v3.HeaderMutation.
        #1 extension-config nonce x4 error 13: Error: filter config has type URL envoy.config.cluster.v3.Cluster but expect envoy.extensions.filters.http.header_mutation.v3.HeaderMutation.
        #1 extension-config nonce x5 error 13: duplicate name adds found among added/updated resources
        #1 extension-config nonce x6 error 13: Unable to unpack as envoy.config.core.v3.TypedExtensionConfig
        #1 extension-config nonce x7 error 13: type URL type.googleapis.com/envoy.config.cluster.v3.Cluster embedded in an individual Any does not match the message-wide type URL type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig in DeltaDiscoveryResponse
        #1 extension-config nonce x8 error 13: Proto constraint validation failed
        200 first
        extension_config_discovery.http_filter.adds.update_attempt: 11
        extension_config_discovery.http_filter.adds.update_success: 1
        extension_config_discovery.http_filter.adds.update_rejected: 6
        extension_config_discovery.http_filter.adds.config_reload: 1
        extension_config_discovery.http_filter.adds.config_fail: 6
        extension_config_discovery.http_filter.adds.config_conflict: 0
        extension_config_discovery.http_filter.adds.init_fetch_timeout: 0
        #1 extension-config nonce x9
        ecds_filters:
          adds version v10
        #1 extension-config nonce x10
        500 -
        extension_config_discovery.http_filter.adds.update_attempt: 13
        extension_config_discovery.http_filter.adds.update_success: 3
        extension_config_discovery.http_filter.adds.update_rejected: 6
        extension_config_discovery.http_filter.adds.config_reload: 3
        extension_config_discovery.http_filter.adds.config_fail: 6
        extension_config_discovery.http_filter.adds.config_conflict: 0
        extension_config_discovery.http_filter.adds.init_fetch_timeout: 0
      `,
    },
    s => OddPlane.run(s, withFilter(discovered(), true), odd => oddFilters(odd, text => s.note(text), true)),
  )

  f.scenario(
    'filter configurations: in delta, with a default: it holds when what came is removed',
    {
      sees: `
        200 first
        #1 extension-config nonce x1
        200 default
        extension_config_discovery.http_filter.adds.update_attempt: 3
        extension_config_discovery.http_filter.adds.update_success: 2
        extension_config_discovery.http_filter.adds.update_rejected: 0
        extension_config_discovery.http_filter.adds.config_reload: 2
        extension_config_discovery.http_filter.adds.config_fail: 0
        extension_config_discovery.http_filter.adds.config_conflict: 0
        extension_config_discovery.http_filter.adds.init_fetch_timeout: 0
      `,
    },
    s =>
      OddPlane.run(s, withFilter(discovered({ default_config: adds('default') }), true), async odd => {
        s.note(await said(odd))
        await odd.tells('extension-config', [], ['adds'])
        await poll('the default', async () => (await said(odd)) === '200 default' || undefined)
        s.note(await said(odd))
        await odd.stats(...ecdsStats)
      }),
  )

  const silent = (filter: Fields) => ({
    prepare: (plane: XdsScene['plane']): void => {
      plane.update('cluster', {})
      const main = { http_filters: [filter, router], route_config: table('i', says('ok')) }
      plane.update('listener', { main: listener('main', main) })
    },
  })
  const soon = { ...ADS, initial_fetch_timeout: '0.5s' }

  f.scenario(
    'filter configurations: nothing comes in time, and there is no default',
    {
      sees: `
        500 -
        extension_config_discovery.http_filter.adds.update_attempt: 2
        extension_config_discovery.http_filter.adds.update_success: 0
        extension_config_discovery.http_filter.adds.update_rejected: 0
        extension_config_discovery.http_filter.adds.config_reload: 0
        extension_config_discovery.http_filter.adds.config_fail: 1
        extension_config_discovery.http_filter.adds.config_conflict: 0
        extension_config_discovery.http_filter.adds.init_fetch_timeout: 1
        ecds_filters: none
        extension_config_discovery.http_filter.adds.update_attempt: 3
        extension_config_discovery.http_filter.adds.update_success: 1
        extension_config_discovery.http_filter.adds.update_rejected: 0
        extension_config_discovery.http_filter.adds.config_reload: 1
        extension_config_discovery.http_filter.adds.config_fail: 1
        extension_config_discovery.http_filter.adds.config_conflict: 0
        extension_config_discovery.http_filter.adds.init_fetch_timeout: 1
      `,
    },
    s =>
      OddPlane.run(s, silent(discovered({}, soon)), async odd => {
        s.note(await said(odd))
        await odd.stats(...ecdsStats)
        await odd.dump('ecds_filters')
        odd.x.plane.update('extension-config', { adds: config('adds', adds('late')) })
        await poll('what is late', async () => (await said(odd)) === '200 late' || undefined)
        await odd.stats(...ecdsStats)
      }),
  )

  f.scenario(
    'filter configurations: nothing comes in time: the default holds',
    {
      sees: `
        200 default
        extension_config_discovery.http_filter.adds.update_attempt: 2
        extension_config_discovery.http_filter.adds.update_success: 0
        extension_config_discovery.http_filter.adds.update_rejected: 0
        extension_config_discovery.http_filter.adds.config_reload: 0
        extension_config_discovery.http_filter.adds.config_fail: 1
        extension_config_discovery.http_filter.adds.config_conflict: 0
        extension_config_discovery.http_filter.adds.init_fetch_timeout: 1
        ecds_filters: none
      `,
    },
    s =>
      OddPlane.run(s, silent(discovered({ default_config: adds('default') }, soon)), async odd => {
        s.note(await said(odd))
        await odd.stats(...ecdsStats)
        await odd.dump('ecds_filters')
      }),
  )

  f.scenario(
    'filter configurations: without warming the default holds at once',
    {
      sees: `
        200 default
        extension_config_discovery.http_filter.adds.update_attempt: 1
        extension_config_discovery.http_filter.adds.update_success: 0
        extension_config_discovery.http_filter.adds.update_rejected: 0
        extension_config_discovery.http_filter.adds.config_reload: 0
        extension_config_discovery.http_filter.adds.config_fail: 0
        extension_config_discovery.http_filter.adds.config_conflict: 0
        extension_config_discovery.http_filter.adds.init_fetch_timeout: 0
        extension_config_discovery.http_filter.adds.update_attempt: 2
        extension_config_discovery.http_filter.adds.update_success: 1
        extension_config_discovery.http_filter.adds.update_rejected: 0
        extension_config_discovery.http_filter.adds.config_reload: 1
        extension_config_discovery.http_filter.adds.config_fail: 0
        extension_config_discovery.http_filter.adds.config_conflict: 0
        extension_config_discovery.http_filter.adds.init_fetch_timeout: 0
      `,
    },
    s =>
      OddPlane.run(
        s,
        silent(discovered({ default_config: adds('default'), apply_default_config_without_warming: true })),
        async odd => {
          s.note(await said(odd))
          await odd.stats(...ecdsStats)
          odd.x.plane.update('extension-config', { adds: config('adds', adds('late')) })
          await poll('what is late', async () => (await said(odd)) === '200 late' || undefined)
          await odd.stats(...ecdsStats)
        },
      ),
  )

  f.scenario(
    'filter configurations: two listeners with one filter, each of its own types',
    {
      sees: `
        200 first
        extension_config_discovery.http_filter.adds.update_attempt: 2
        extension_config_discovery.http_filter.adds.update_success: 1
        extension_config_discovery.http_filter.adds.update_rejected: 0
        extension_config_discovery.http_filter.adds.config_reload: 1
        extension_config_discovery.http_filter.adds.config_fail: 0
        extension_config_discovery.http_filter.adds.config_conflict: 0
        extension_config_discovery.http_filter.adds.init_fetch_timeout: 0
        #1 listener [] version v9 nonce x1
        no listener
        200 ok
        extension_config_discovery.http_filter.adds.update_attempt: 2
        extension_config_discovery.http_filter.adds.update_success: 1
        extension_config_discovery.http_filter.adds.update_rejected: 0
        extension_config_discovery.http_filter.adds.config_reload: 1
        extension_config_discovery.http_filter.adds.config_fail: 0
        extension_config_discovery.http_filter.adds.config_conflict: 0
        extension_config_discovery.http_filter.adds.init_fetch_timeout: 0
      `,
    },
    s =>
      OddPlane.run(
        s,
        {
          prepare: plane => {
            plane.update('cluster', {})
            const of = (type: string) => ({
              http_filters: [
                { name: 'adds', config_discovery: { config_source: ADS, type_urls: [`${api}.${type}`] } },
                router,
              ],
              route_config: table('i', says('ok')),
            })
            plane.update('listener', {
              main: listener('main', of(mutation)),
              second: listener('second', of(mutation)),
            })
            plane.update('extension-config', { adds: config('adds', adds('first')) })
          },
        },
        async odd => {
          s.note(await said(odd))
          await odd.stats(...ecdsStats)
          await odd.says(
            'listener',
            'v9',
            listener('second', { http_filters: [discovered(), router], route_config: table('i', says('ok')) }),
          )
          await odd.becomes('no listener')
          await odd.asks('second')
          await odd.stats(...ecdsStats)
        },
      ),
  )
})

// ---------------------------------------------------------------- values of the runtime

const layer = (name: string, values: Fields) =>
  json({ '@type': `${api}.service.runtime.v3.Runtime`, name, layer: values })
const rtdsStats = [
  'runtime.load_success',
  'runtime.load_error',
  'runtime.num_keys',
  'runtime.num_layers',
  'runtime.update_success',
  'runtime.update_rejected',
  'runtime.update_empty',
]
const withRuntime = (isDelta: boolean) => ({
  isDelta,
  hasCds: false,
  more: {
    layered_runtime: {
      layers: [
        { name: 'fixed', static_layer: { a: 1 } },
        { name: 'served', rtds_layer: { name: 'values', rtds_config: ADS } },
        { name: 'admin', admin_layer: {} },
      ],
    },
  },
  prepare: (plane: XdsScene['plane']): void => {
    plane.update('listener', { main: listener('main', { route_config: table('i', says('ok')) }) })
    plane.update('runtime', { values: layer('values', { b: 2, c: { d: 'x' } }) })
  },
})
async function values(odd: OddPlane): Promise<string> {
  const { body } = await odd.x.proxy.admin('/runtime')
  const { entries } = JSON.parse(body) as { entries: Record<string, { final_value: string }> }
  return Object.entries(entries)
    .map(([name, { final_value: value }]) => `${name}=${value}`)
    .sort()
    .join(' ')
}

feature('odd values of the runtime', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario(
    'values of the runtime: none, of another name, two, bad ones',
    {
      sees: `
        a=1 b=2 c.d=x
        #1 runtime [values] version v2 nonce x1
        #1 runtime [values] version v3 nonce x2
        #1 runtime [values] version v4 nonce x3
        #1 runtime [values] version v4 nonce x4 error 13: Unable to unpack as envoy.service.runtime.v3.Runtime
        a=1 b=4
        runtime.load_success: 4
        runtime.load_error: 0
        runtime.num_keys: 2
        runtime.num_layers: 3
        runtime.update_success: 2
        runtime.update_rejected: 1
        runtime.update_empty is not there
        #1 runtime [values] version v4 nonce x5 error 13: Invalid runtime entry value for b
        a=1 b=4
        #1 runtime [values] version v7 nonce x6
        a=1
        runtime.load_success: 5
        runtime.load_error: 0
        runtime.num_keys: 1
        runtime.num_layers: 3
        runtime.update_success: 3
        runtime.update_rejected: 2
        runtime.update_empty is not there
      `,
    },
    s =>
      OddPlane.run(s, withRuntime(false), async odd => {
        s.note(await values(odd))
        await odd.says('runtime', 'v2')
        await odd.says('runtime', 'v3', layer('other', { b: 3 }))
        await odd.says('runtime', 'v4', layer('values', { b: 4 }), layer('values', { b: 5 }))
        await odd.says('runtime', 'v5', garbage('runtime'))
        s.note(await values(odd))
        await odd.stats(...rtdsStats)
        await odd.says('runtime', 'v6', layer('values', { b: null }))
        s.note(await values(odd))
        await odd.says('runtime', 'v7', layer('values', {}))
        s.note(await values(odd))
        await odd.stats(...rtdsStats)
      }),
  )

  f.scenario(
    'values of the runtime: in delta: removed, of another name, none',
    {
      sees: `
        #1 runtime nonce x1
        #1 runtime nonce x2
        a=1 b=2 c.d=x
        #1 runtime nonce x3
        a=1
        runtime.load_success: 4
        runtime.load_error: 0
        runtime.num_keys: 1
        runtime.num_layers: 3
        runtime.update_success: 2
        runtime.update_rejected: 0
        runtime.update_empty is not there
        #1 runtime nonce x4 error 13: Unexpected RTDS runtime (expecting values): other
        a=1
        #1 runtime nonce x5
        a=1 b=9
        runtime.load_success: 5
        runtime.load_error: 0
        runtime.num_keys: 2
        runtime.num_layers: 3
        runtime.update_success: 3
        runtime.update_rejected: 1
        runtime.update_empty is not there
      `,
    },
    s =>
      OddPlane.run(s, withRuntime(true), async odd => {
        await odd.tells('runtime', [])
        await odd.tells('runtime', [{ name: 'other', resource: layer('other', { b: 3 }) }])
        s.note(await values(odd))
        await odd.tells('runtime', [], ['values'])
        s.note(await values(odd))
        await odd.stats(...rtdsStats)
        await odd.tells('runtime', [{ name: 'values', resource: layer('other', { b: 3 }) }])
        s.note(await values(odd))
        await odd.tells('runtime', [{ name: 'values', resource: layer('values', { b: 9 }) }])
        s.note(await values(odd))
        await odd.stats(...rtdsStats)
      }),
  )
})

// ---------------------------------------------------------------- scopes and virtual hosts

const onDemand = {
  name: 'on_demand',
  typed_config: { '@type': `${api}.extensions.filters.http.on_demand.v3.OnDemand` },
}
const scope = (name: string, key: string, routeName: string, more: Fields = {}) =>
  json({
    '@type': `${api}.config.route.v3.ScopedRouteConfiguration`,
    name,
    route_configuration_name: routeName,
    key: { fragments: [{ string_key: key }] },
    ...more,
  })
const scoped = {
  http_filters: [onDemand, router],
  scoped_routes: {
    name: 'scopes',
    scope_key_builder: { fragments: [{ header_value_extractor: { name: 'x-scope', index: 0 } }] },
    rds_config_source: ADS,
    scoped_rds: { scoped_rds_config_source: ADS },
  },
}
const srdsStats = [
  'update_attempt',
  'update_success',
  'update_rejected',
  'update_empty',
  'all_scopes',
  'active_scopes',
  'on_demand_scopes',
  'config_reload',
].map(name => `http.main.scoped_rds.scopes.${name}`)
const withScopes = (isDelta: boolean) => ({
  isDelta,
  prepare: (plane: XdsScene['plane']): void => {
    plane.update('cluster', {})
    plane.update('listener', { main: listener('main', scoped) })
    plane.update('scoped-route', { a: scope('a', 'a', 'first') })
    plane.update('route', { first: routes('first', says('first')), second: routes('second', says('second')) })
  },
})
async function asked(odd: OddPlane, key: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${await odd.x.port('main')}/`, {
    headers: { 'x-scope': key, connection: 'close' },
  })
  return `${key}: ${response.status} ${await response.text()}`.trim()
}

feature('odd scopes', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario(
    'scopes: two of one name, two of one key, one of another type, none',
    {
      sees: `
        a: 404
        #1 scoped-route [] version 3 nonce x1 error 13: Error adding/updating scoped route(s): duplicate scoped route configuration 'a' found
        #1 scoped-route [] version 3 nonce x2 error 13: Error adding/updating scoped route(s): scope key conflict found, first scope is 'a', second scope is 'b'
        #1 scoped-route [] version 3 nonce x3 error 13: type.googleapis.com/envoy.config.cluster.v3.Cluster does not match the message-wide type URL type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration in DiscoveryResponse
        #1 scoped-route [] version 3 nonce x4 error 13: Unable to unpack as envoy.config.route.v3.ScopedRouteConfiguration
        #1 scoped-route [] version 3 nonce x5 error 13:
        a: 404
        http.main.scoped_rds.scopes.update_attempt: 7
        http.main.scoped_rds.scopes.update_success: 1
        http.main.scoped_rds.scopes.update_rejected: 5
        http.main.scoped_rds.scopes.update_empty: 0
        http.main.scoped_rds.scopes.all_scopes: 0
        http.main.scoped_rds.scopes.active_scopes: 0
        http.main.scoped_rds.scopes.on_demand_scopes: 0
        http.main.scoped_rds.scopes.config_reload: 1
        #1 scoped-route [] version v7 nonce x6
        b: 200 first
        dynamic_scoped_route_configs:
          scopes version v7
        #1 scoped-route [] version v8 nonce x7
        http.main.scoped_rds.scopes.update_attempt: 9
        http.main.scoped_rds.scopes.update_success: 3
        http.main.scoped_rds.scopes.update_rejected: 5
        http.main.scoped_rds.scopes.update_empty: 0
        http.main.scoped_rds.scopes.all_scopes: 0
        http.main.scoped_rds.scopes.active_scopes: 0
        http.main.scoped_rds.scopes.on_demand_scopes: 0
        http.main.scoped_rds.scopes.config_reload: 3
      `,
    },
    s =>
      OddPlane.run(s, withScopes(false), async odd => {
        s.note(await asked(odd, 'a'))
        await odd.says('scoped-route', 'v2', scope('a', 'a', 'first'), scope('a', 'b', 'second'))
        await odd.says('scoped-route', 'v3', scope('a', 'a', 'first'), scope('b', 'a', 'second'))
        await odd.says('scoped-route', 'v4', json(edsCluster('a') as Fields))
        await odd.says('scoped-route', 'v5', garbage('scoped-route'))
        odd.hasWords = false
        await odd.says('scoped-route', 'v6', scope('a', 'a', ''))
        odd.hasWords = true
        s.note(await asked(odd, 'a'))
        await odd.stats(...srdsStats)
        await odd.says('scoped-route', 'v7', scope('a', 'b', 'first'), scope('b', 'a', 'second'))
        await poll('the second', async () => (await asked(odd, 'a')) === 'a: 200 second' || undefined)
        s.note(await asked(odd, 'b'))
        await odd.dump('dynamic_scoped_route_configs')
        await odd.says('scoped-route', 'v8')
        await poll('no scope', async () => (await asked(odd, 'a')) === 'a: 404' || undefined)
        await odd.stats(...srdsStats)
      }),
  )

  f.scenario(
    'scopes: in delta: two of one key, removed and added at once, a key that moves',
    {
      sees: `
        #1 scoped-route nonce x1 error 13: Error adding/updating scoped route(s): scope key conflict found, first scope is 'a', second scope is 'b'
        a: 200 first
        #1 scoped-route nonce x2
        #1 scoped-route nonce x3
        #1 scoped-route nonce x4
        #1 scoped-route nonce x5
        #1 scoped-route nonce x6
        http.main.scoped_rds.scopes.update_attempt: 9
        http.main.scoped_rds.scopes.update_success: 6
        http.main.scoped_rds.scopes.update_rejected: 1
        http.main.scoped_rds.scopes.update_empty: 0
        http.main.scoped_rds.scopes.all_scopes: 1
        http.main.scoped_rds.scopes.active_scopes: 1
        http.main.scoped_rds.scopes.on_demand_scopes: 0
        http.main.scoped_rds.scopes.config_reload: 6
      `,
    },
    s =>
      OddPlane.run(s, withScopes(true), async odd => {
        await odd.tells('scoped-route', [{ name: 'b', resource: scope('b', 'a', 'second') }])
        s.note(await asked(odd, 'a'))
        await odd.tells('scoped-route', [{ name: 'b', resource: scope('b', 'a', 'second') }], ['a'])
        await poll('the second', async () => (await asked(odd, 'a')) === 'a: 200 second' || undefined)
        await odd.tells('scoped-route', [{ name: 'c', resource: scope('d', 'c', 'first') }])
        await odd.tells('scoped-route', [], ['never'])
        await odd.tells('scoped-route', [])
        await odd.tells('scoped-route', [], ['b'])
        await poll('no scope', async () => (await asked(odd, 'a')) === 'a: 404' || undefined)
        await odd.stats(...srdsStats)
      }),
  )
})

const host = (name: string, domain: string, text = name) =>
  json({ '@type': `${api}.config.route.v3.VirtualHost`, name, domains: [domain], routes: [says(text)] })
const withHosts = {
  isDelta: true,
  prepare: (plane: XdsScene['plane']): void => {
    plane.update('cluster', {})
    plane.update('listener', {
      main: listener('main', {
        http_filters: [onDemand, router],
        rds: { route_config_name: 'r', config_source: ADS },
      }),
    })
    plane.update('route', {
      r: json({ ...(routes('r') as Fields), virtual_hosts: [], vhds: { config_source: ADS } }) as ReturnType<
        typeof routes
      >,
    })
    plane.update('virtual-host', { 'r/own.example': host('own', 'own.example') })
  },
}
function rawGet(port: number, authorityName: string): Promise<string> {
  return new Promise(resolve => {
    const headers = { host: authorityName }
    const request = http.get({ host: '127.0.0.1', port, agent: false, timeout: 5000, headers }, response => {
      let text = ''
      response.on('data', chunk => {
        text += chunk
      })
      response.on('end', () => resolve(`${response.statusCode} ${text}`.trim()))
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => resolve('no answer'))
  })
}
async function ofHost(odd: OddPlane, authorityName: string): Promise<string> {
  const answer = await rawGet((await odd.x.port('main')) ?? 0, authorityName)
  return `${authorityName}: ${answer}`
}
const vhdsStats = ['update_attempt', 'update_success', 'update_rejected', 'update_empty', 'config_reload'].map(
  name => `http.main.rds.r.vhds.${name}`,
)

feature('odd virtual hosts', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario(
    'virtual hosts: unasked, of two names, with one domain twice, gone, and not to be had',
    {
      sees: `
        #1 virtual-host nonce x1
        a.example: 200 a
        #1 virtual-host nonce x2 error 13: Only unique values for domains are permitted. Duplicate entry of domain a.example in route r
        a.example: 200 a
        #1 virtual-host nonce x3 error 13: Unable to unpack as envoy.config.route.v3.VirtualHost
        #1 virtual-host nonce x4
        #1 virtual-host nonce x5
        d.example: 404
        #1 virtual-host nonce x6
        e.example: 200 e
        #1 virtual-host nonce x7
        a.example: 200 a
        http.main.rds.r.vhds.update_attempt is not there
        http.main.rds.r.vhds.update_success is not there
        http.main.rds.r.vhds.update_rejected is not there
        http.main.rds.r.vhds.update_empty is not there
        http.main.rds.r.vhds.config_reload is not there
        dynamic_route_configs:
          r version x6
      `,
    },
    s =>
      OddPlane.run(s, withHosts, async odd => {
        await odd.tells('virtual-host', [{ name: 'r/a.example', resource: host('a', 'a.example') }])
        s.note(await ofHost(odd, 'a.example'))
        await odd.tells('virtual-host', [{ name: 'r/b.example', resource: host('b', 'a.example') }])
        s.note(await ofHost(odd, 'a.example'))
        await odd.tells('virtual-host', [{ name: 'r/c.example', resource: garbage('virtual-host') }])
        await odd.tells('virtual-host', [{ name: 'other/c.example', resource: host('c', 'c.example') }])
        const waiting = ofHost(odd, 'd.example')
        await odd.x.plane.waitFor('a request for d', () =>
          odd.x.plane.requests.find(({ names }) => names.includes('r/d.example')),
        )
        await odd.tells('virtual-host', [{ name: 'r/d.example', aliases: ['r/d.example'] }])
        s.note(await waiting)
        const second = ofHost(odd, 'e.example')
        await odd.x.plane.waitFor('a request for e', () =>
          odd.x.plane.requests.find(({ names }) => names.includes('r/e.example')),
        )
        await odd.tells('virtual-host', [{ name: 'r/e', aliases: ['r/e.example'], resource: host('e', 'e.example') }])
        s.note(await second)
        await odd.tells('virtual-host', [], ['r/a.example'])
        s.note(await ofHost(odd, 'a.example'))
        await odd.stats(...vhdsStats)
        await odd.dump('dynamic_route_configs')
      }),
  )
})
