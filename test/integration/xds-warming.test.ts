// What waits and what goes on meanwhile: secrets, DNS, filters in TypeScript, the bootstrap file; and no request is lost.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { connect } from 'node:tls'
import { Certificate } from '../support/certificates.js'
import { feature } from '../support/scenario.js'
import { poll } from '../support/wait.js'
import {
  ADS,
  edsCluster,
  endpoints,
  listener,
  manager,
  rds,
  routes,
  says,
  socket,
  table,
  toCluster,
  XdsScene,
} from '../support/xds-scene.js'

const OURS = 'real Envoy does not watch its bootstrap file'

const authority = Certificate.authority()
const secret = (name: string) => {
  const certificate = authority.issue({ sans: [`DNS:${name}.test`] })
  return {
    '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
    name: 'own',
    tls_certificate: {
      certificate_chain: { inline_string: certificate.pem },
      private_key: { inline_string: certificate.key },
    },
  }
}

const secure = (hcm: Record<string, unknown> = { route_config: table('i', says('secure')) }) => ({
  filter_chains: [
    {
      filters: [{ name: 'http', typed_config: manager(hcm) }],
      transport_socket: {
        name: 'tls',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
          common_tls_context: { tls_certificate_sds_secret_configs: [{ name: 'own', sds_config: ADS }] },
        },
      },
    },
  ],
})

/** /init_dump, a line each, without the numbers that tell versions apart; targets in order of their names. */
async function waiting(x: XdsScene, query = ''): Promise<string> {
  const { body } = await x.proxy.admin(`/init_dump${query}`)
  const dumps = (JSON.parse(body) as { unready_targets_dumps?: { name: string; target_names?: string[] }[] })
    .unready_targets_dumps
  return (dumps ?? [])
    .map(({ name, target_names: targets }) => `${name.replace(/\d+$/, 'N')}: ${(targets ?? []).sort().join(', ')}`)
    .join('\n')
}

/** Names in the certificate that a listener shows. */
function namesAt(port: number): Promise<string> {
  return new Promise(resolve => {
    const client = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      resolve(client.getPeerCertificate().subjectaltname ?? 'nameless')
      client.destroy()
    })
    client.on('error', () => resolve('no handshake'))
  })
}

feature('warming', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario(
    'a listener waits for its certificate, and takes another one without a change of its own',
    {
      sees: `
        listener_manager.total_listeners_warming: 1
        DNS:first.test
        DNS:second.test
        listener_manager.listener_modified: 0`,
    },
    s =>
      XdsScene.run(
        {
          hasCds: false,
          prepare: plane =>
            plane.update('listener', { open: listener('open', { route_config: table('i', says('open')) }) }),
        },
        async x => {
          x.plane.update('listener', { safe: listener('safe', {}, secure()) })
          await x.statBecomes('listener_manager.total_listeners_warming', 1)
          s.note('listener_manager.total_listeners_warming: 1')
          x.plane.update('secret', { own: secret('first') })
          const port = await poll('the listener', () => x.port('safe'))
          s.note(await poll('a certificate', async () => knownName(await namesAt(port), 'DNS:first.test')))
          x.plane.update('secret', { own: secret('second') })
          s.note(await poll('the second certificate', async () => knownName(await namesAt(port), 'DNS:second.test')))
          s.note(await x.stats('listener_manager.listener_modified'))
        },
      ),
  )

  f.scenario(
    '/init_dump: what listeners wait for, at the start and later',
    {
      sees: `
        init manager Listener-local-init-manager fixed N: shared target RdsRouteConfigSubscription RDS init r
        init manager Listener-local-init-manager open N:
        nothing
        init manager Listener-local-init-manager safe N: shared target RdsRouteConfigSubscription RDS init r2, shared target SdsApi own
        listener: 1 of them, cluster: 0`,
    },
    s => {
      const { '@type': _, ...fixed } = listener('fixed', rds('r')) as Record<string, unknown>
      const prepare = (plane: XdsScene['plane']) =>
        plane.update('listener', { open: listener('open', { route_config: table('i', says('open')) }) })
      return XdsScene.run({ hasCds: false, listeners: [fixed], waitUntilLive: false, prepare }, async x => {
        await poll('both listeners', async () => (await waiting(x)).includes('open') || undefined)
        s.note(await waiting(x))
        x.plane.update('route', { r: routes('r', says('routed')) })
        await x.becomes('fixed', '200 routed')
        s.note((await waiting(x)) || 'nothing')
        x.plane.update('listener', { safe: listener('safe', {}, secure(rds('r2'))) })
        s.note(await poll('something that waits', async () => (await waiting(x)) || undefined))
        const masked = [await waiting(x, '?mask=listener'), await waiting(x, '?mask=cluster')]
        s.note(`listener: ${masked[0]?.split('\n').length} of them, cluster: ${masked[1]?.length}`)
      })
    },
  )

  f.scenario(
    'a cluster that DNS fills',
    {
      sees: `
        200 one
        cluster.named.membership_total: 1`,
    },
    s =>
      XdsScene.run(
        {
          prepare: (plane, [one]) => {
            const members = [{ endpoint: { address: { socket_address: { address: 'localhost', port_value: one } } } }]
            plane.update('cluster', {
              named: edsCluster('named', {
                type: 'STRICT_DNS',
                dns_lookup_family: 'V4_ONLY',
                eds_cluster_config: null,
                load_assignment: { cluster_name: 'named', endpoints: [{ lb_endpoints: members }] },
              }),
            })
            plane.update('listener', { main: listener('main', { route_config: table('i', toCluster('named')) }) })
          },
        },
        async x => {
          s.note(await x.ask('main'))
          s.note(await x.stats('cluster.named.membership_total'))
        },
      ),
  )

  f.scenario('two hundred updates of every kind under load', { sees: 'every answer was 200' }, s =>
    XdsScene.run(
      {
        prepare: (plane, [one]) => {
          plane.update('cluster', { a: edsCluster('a') })
          plane.update('endpoint', { a: endpoints('a', [one]) })
          plane.update('listener', { main: listener('main', rds('r')) })
          plane.update('route', { r: routes('r', toCluster('a')) })
        },
      },
      async x => {
        const port = await x.port('main')
        const answers = new Map<string, number>()
        let isOver = false
        const load = Array.from({ length: 4 }, async () => {
          while (!isOver) {
            const answer = (await x.ask('main', '/', port)).slice(0, 3)
            answers.set(answer, (answers.get(answer) ?? 0) + 1)
          }
        })
        for (let round = 0; round < 50; round++) {
          x.plane.update('endpoint', { a: endpoints('a', [x.upstreams[round % 2] ?? 0]) })
          x.plane.update('route', { r: routes('r', { ...toCluster('a'), name: `route-${round}` }) })
          x.plane.update('cluster', { a: edsCluster('a', { connect_timeout: `${1 + (round % 2)}s` }) })
          // A cluster that changed asks for its endpoints anew, which real Envoy is then sent.
          x.plane.update('endpoint', { a: endpoints('a', [x.upstreams[round % 2] ?? 0]) })
          x.plane.update('route', { r: routes('r', { ...toCluster('a'), name: `again-${round}` }) })
          await x.statBecomes('http.main.rds.r.config_reload', 1 + 2 * (round + 1))
        }
        isOver = true
        await Promise.all(load)
        s.note([...answers.keys()].join() === '200' ? 'every answer was 200' : JSON.stringify([...answers]))
      },
    ),
  )

  f.scenario(
    'a filter in TypeScript, and one that cannot be made',
    {
      onlyNuncio: 'real Envoy has no filters in TypeScript',
      sees: `
        418 mine
        refused: create threw
        418 mine`,
    },
    async s => {
      const { folder } = s
      mkdirSync(folder, { recursive: true })
      const filter = (name: string, body: string) => {
        const module = path.join(folder, `${name}.ts`)
        writeFileSync(
          module,
          `import { defineHttpFilter } from 'nuncio'\nexport default defineHttpFilter({ name: 'test.${name}', config: ${anything}, create() { ${body} } })\n`,
        )
        const typed = { '@type': 'type.googleapis.com/nuncio.TypeScriptFilter', module }
        const router = {
          name: 'router',
          typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
        }
        return {
          route_config: table('i', says('route')),
          http_filters: [{ name, typed_config: typed }, router],
        }
      }
      const good = filter('good', `return { onRequestHeaders: (_, stream) => stream.reply(418, 'mine') }`)
      const bad = filter('bad', `throw new Error('create threw')`)
      await XdsScene.run(
        { hasCds: false, prepare: plane => plane.update('listener', { main: listener('main', good) }) },
        async x => {
          s.note(await x.ask('main'))
          x.plane.update('listener', { main: listener('main', bad) })
          const { error } = await x.plane.waitFor('a refusal', () =>
            x.plane.requests.find(one => one.error !== undefined),
          )
          s.note(`refused: ${error?.message.includes('create threw') ? 'create threw' : error?.message}`)
          s.note(await x.ask('main'))
        },
      )
    },
  )

  f.scenario(
    'another node in the bootstrap file: everything is asked for anew, and goes on meanwhile',
    { onlyNuncio: OURS, sees: '200 one; asked by other; 200 two; no listener' },
    s =>
      XdsScene.run(
        {
          prepare: (plane, [one]) => {
            plane.update('cluster', { a: edsCluster('a') })
            plane.update('endpoint', { a: endpoints('a', [one]) })
            plane.update('listener', { main: listener('main', rds('r')), more: listener('more', rds('r')) })
            plane.update('route', { r: routes('r', toCluster('a')) })
          },
        },
        async x => {
          const first = await x.ask('main')
          x.plane.setAnswers(false)
          x.plane.update('listener', { more: undefined })
          x.plane.update('endpoint', { a: endpoints('a', [x.upstreams[1]]) })
          x.plane.setAnswers(true)
          const text = readFileSync(x.proxy.configPath, 'utf8')
          writeFileSync(x.proxy.configPath, text.replace('"id":"test"', '"id":"other"'))
          const { node } = await x.plane.waitFor('another node', () =>
            x.plane.requests.find(request => request.node?.id === 'other'),
          )
          await x.becomes('main', '200 two')
          await x.becomes('more', 'no listener')
          s.note(`${first}; asked by ${node?.id}; 200 two; no listener`)
        },
      ),
  )

  f.scenario(
    'the bootstrap file changes beside what a management server sent',
    { onlyNuncio: OURS, sees: '200 inline, 200 one; 200 other, 200 one' },
    s =>
      XdsScene.run(
        {
          listeners: [still('inline')],
          prepare: (plane, [one]) => {
            plane.update('cluster', { a: edsCluster('a') })
            plane.update('endpoint', { a: endpoints('a', [one]) })
            plane.update('listener', { main: listener('main', rds('r')) })
            plane.update('route', { r: routes('r', toCluster('a')) })
          },
        },
        async x => {
          const before = `${await x.ask('fixed')}, ${await x.ask('main')}`
          const text = readFileSync(x.proxy.configPath, 'utf8')
          writeFileSync(x.proxy.configPath, text.replace('"inline_string":"inline"', '"inline_string":"other"'))
          await x.becomes('fixed', '200 other')
          s.note(`${before}; ${await x.ask('fixed')}, ${await x.ask('main')}`)
        },
      ),
  )
})

/** A schema (Standard Schema) that takes any settings. */
const anything = `{ '~standard': { version: 1, vendor: 'test', validate: value => ({ value }) } }`

const knownName = (seen: string, wanted: string): string | undefined => (seen === wanted ? seen : undefined)

const still = (text: string) => ({
  name: 'fixed',
  address: socket(0),
  filter_chains: [{ filters: [{ name: 'http', typed_config: manager({ route_config: table('i', says(text)) }) }] }],
})
