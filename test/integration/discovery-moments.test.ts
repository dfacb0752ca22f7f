// Changes at awkward moments: of what is in use, of what warms, of several things at once.
import net from 'node:net'
import { get } from '../support/bytes.js'
import { OddPlane } from '../support/odd-plane.js'
import { feature } from '../support/scenario.js'
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
} from '../support/xds-scene.js'

type Fields = Record<string, unknown>
const soon = { ...ADS, initial_fetch_timeout: '0.5s' }
const fixed = (name: string, port: number, more: Fields = {}) =>
  edsCluster(name, {
    type: 'STATIC',
    eds_cluster_config: null,
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socket(port) } }] }],
    },
    ...more,
  })
const inline = (name: string, text: string, more: Fields = {}) =>
  listener(name, { route_config: table('i', says(text)) }, more)
const managers = ['cluster_added', 'cluster_modified', 'cluster_removed', 'active_clusters', 'warming_clusters'].map(
  name => `cluster_manager.${name}`,
)

/** A port that nobody has now. */
async function freePort(): Promise<number> {
  const server = net.createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

feature('clusters at awkward moments', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario(
    'one of EDS becomes a static one, and one of EDS again',
    {
      sees: `
    200 two
    cluster_manager.cluster_added: 2
    cluster_manager.cluster_modified: 1
    cluster_manager.cluster_removed: 0
    cluster_manager.active_clusters: 2
    cluster_manager.warming_clusters: 0
    200 one
    cluster_manager.cluster_added: 2
    cluster_manager.cluster_modified: 2
    cluster_manager.cluster_removed: 0
    cluster_manager.active_clusters: 2
    cluster_manager.warming_clusters: 0
    cluster.a.membership_total: 1
    dynamic_active_clusters:
      a version 7
  `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        const [one, two] = odd.x.upstreams
        odd.x.plane.update('cluster', { a: fixed('a', two) })
        await odd.becomes('200 two')
        await odd.stats(...managers)
        odd.x.plane.update('endpoint', { a: endpoints('a', [one]) })
        odd.x.plane.update('cluster', { a: edsCluster('a') })
        await odd.becomes('200 one')
        await odd.stats(...managers, 'cluster.a.membership_total')
        await odd.dump('dynamic_active_clusters')
      }),
  )

  f.scenario(
    'one that warms is removed, and another comes',
    {
      sees: `
    cluster_manager.warming_clusters: 1
    dynamic_warming_clusters:
      b version 5
    cluster_manager.warming_clusters: 0
    cluster_manager.cluster_removed: 1
    cluster_manager.cluster_added: 3
    cluster_manager.cluster_modified: 0
    cluster_manager.cluster_removed: 1
    cluster_manager.active_clusters: 2
    cluster_manager.warming_clusters: 0
    dynamic_active_clusters:
      a version 1
  `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        odd.x.plane.update('cluster', { b: edsCluster('b') })
        await odd.statBecomes('cluster_manager.warming_clusters', 1)
        await odd.dump('dynamic_warming_clusters')
        odd.x.plane.update('endpoint', { b: endpoints('b', [odd.x.upstreams[1]]) })
        await odd.statBecomes('cluster_manager.warming_clusters', 0)
        odd.x.plane.update('cluster', { b: undefined })
        await odd.statBecomes('cluster_manager.cluster_removed', 1)
        await odd.stats(...managers)
        await odd.dump('dynamic_active_clusters')
      }),
  )

  f.scenario(
    'members do not come in time: the cluster is there without any',
    {
      sees: `
    503
    503 no healthy upstream
    cluster_manager.cluster_added: 3
    cluster_manager.cluster_modified: 0
    cluster_manager.cluster_removed: 0
    cluster_manager.active_clusters: 3
    cluster_manager.warming_clusters: 0
    cluster.b.init_fetch_timeout: 1
    cluster.b.update_attempt: 2
    cluster.b.update_success: 0
    200 two
    cluster.b.init_fetch_timeout: 1
    cluster.b.update_attempt: 3
    cluster.b.update_success: 1
  `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        odd.x.plane.update('cluster', { b: edsCluster('b', { eds_cluster_config: { eds_config: soon } }) })
        odd.x.plane.update('route', { r: routes('r', toCluster('b')) })
        await odd.becomes('503')
        await odd.becomes('503 no healthy upstream')
        await odd.stats(
          ...managers,
          'cluster.b.init_fetch_timeout',
          'cluster.b.update_attempt',
          'cluster.b.update_success',
        )
        odd.x.plane.update('endpoint', { b: endpoints('b', [odd.x.upstreams[1]]) })
        await odd.becomes('200 two')
        await odd.stats('cluster.b.init_fetch_timeout', 'cluster.b.update_attempt', 'cluster.b.update_success')
      }),
  )

  f.scenario(
    'a route to several, of which some are not there',
    {
      sees: `
    503
    200 one
  `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        const weighted = (...all: [string, number][]): Fields => ({
          match: { prefix: '/' },
          route: { weighted_clusters: { clusters: all.map(([name, weight]) => ({ name, weight })) } },
        })
        odd.x.plane.update('route', { r: routes('r', weighted(['nobody', 1], ['a', 0])) })
        await odd.becomes('503')
        odd.x.plane.update('route', { r: routes('r', weighted(['nobody', 0], ['a', 1])) })
        await odd.becomes('200 one')
      }),
  )

  f.scenario(
    'removed and there again: its statistics begin anew',
    {
      sees: `
    200 one
    cluster.a.upstream_rq_total: 1
    cluster.a.membership_change: 1
    503
    cluster.a.upstream_rq_total is not there
    200 one
    cluster.a.membership_total: 1
  `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        await odd.asks()
        await odd.stats('cluster.a.upstream_rq_total', 'cluster.a.membership_change')
        odd.x.plane.update('cluster', { a: undefined })
        await odd.becomes('503')
        await odd.stats('cluster.a.upstream_rq_total')
        odd.x.plane.update('cluster', { a: edsCluster('a') })
        await odd.becomes('200 one')
        await odd.stats('cluster.a.membership_total')
      }),
  )
})

feature('listeners at awkward moments', { file: import.meta.url, withoutProxy: true }, f => {
  const chain = (name: string, text: string, match?: Fields): Fields => ({
    name,
    ...(match && { filter_chain_match: match }),
    filters: [{ name: 'http', typed_config: manager({ route_config: table('i', says(text)) }) }],
  })
  const nobody = { source_prefix_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }] }
  const stats = [
    'listener_modified',
    'listener_in_place_updated',
    'total_filter_chains_draining',
    'total_listeners_draining',
  ].map(name => `listener_manager.${name}`)

  f.scenario(
    'the default filter chain comes, changes and goes',
    {
      sees: `
    listener_manager.listener_modified: 1
    listener_manager.listener_in_place_updated: 1
    listener_manager.total_filter_chains_draining: 1
    listener_manager.total_listeners_draining: 0
    no answer
    listener_manager.listener_modified: 2
    listener_manager.listener_in_place_updated: 2
    listener_manager.total_filter_chains_draining: 1
    listener_manager.total_listeners_draining: 0
    200 first
    listener_manager.listener_modified: 3
    listener_manager.listener_in_place_updated: 3
    listener_manager.total_filter_chains_draining: 2
    listener_manager.total_listeners_draining: 0
    200 second
    listener_manager.listener_modified: 4
    listener_manager.listener_in_place_updated: 4
    listener_manager.total_filter_chains_draining: 3
    listener_manager.total_listeners_draining: 0
    no answer
  `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        const with_ = (text?: string) =>
          listener(
            'main',
            {},
            {
              filter_chains: [chain('n', 'nobody', nobody)],
              ...(text !== undefined && { default_filter_chain: chain('d', text) }),
            },
          )
        const step = async (resource: ReturnType<typeof with_>, count: number): Promise<void> => {
          odd.x.plane.update('listener', { main: resource })
          await odd.x.statBecomes('listener_manager.listener_modified', count)
          await odd.stats(...stats)
        }
        await step(with_(), 1)
        await odd.becomes('no answer')
        await step(with_('first'), 2)
        await odd.becomes('200 first')
        await step(with_('second'), 3)
        await odd.becomes('200 second')
        await step(with_(), 4)
        await odd.becomes('no answer')
      }),
  )

  f.scenario(
    'a kept connection hears of the end of its listener',
    {
      sees: `
    HTTP/1.1 200 OK
    HTTP/1.1 200 OK
    closed
  `,
    },
    s =>
      OddPlane.run(s, { args: ['--drain-time-s', '3', '--drain-strategy', 'immediate'] }, async odd => {
        const client = await s.connectTo({ port: odd.x.proxy.port('main') })
        const ask = async (): Promise<void> => {
          await client.send(get('/'))
          s.note((await client.response()).startLine)
        }
        await ask()
        odd.x.plane.update('listener', { main: undefined })
        await odd.x.statBecomes('listener_manager.listener_removed', 1)
        await ask()
        await client.closed()
        s.note('closed')
      }),
  )

  f.scenario(
    'an idle connection of a removed listener is closed after the drain time',
    {
      sees: `
    HTTP/1.1 200 OK
    listener_manager.total_listeners_draining: 1
    listener_manager.total_listeners_draining: 0
  `,
    },
    s =>
      OddPlane.run(s, { args: ['--drain-time-s', '2'] }, async odd => {
        const client = await s.connectTo({ port: odd.x.proxy.port('main') })
        await client.send(get('/'))
        s.note((await client.response()).startLine)
        odd.x.plane.update('listener', { main: undefined })
        await odd.x.statBecomes('listener_manager.listener_removed', 1)
        await odd.stats('listener_manager.total_listeners_draining')
        await client.closed()
        await odd.statBecomes('listener_manager.total_listeners_draining', 0)
      }),
  )

  f.scenario(
    'two change their ports with each other',
    {
      sees: `
    200 one
    200 two
    taken
    200 one
    200 two
  `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        const [p, q] = [await freePort(), await freePort()]
        const at = (port: number) => ({ address: socket(port) })
        odd.x.plane.update('listener', { one: inline('one', 'one', at(p)), two: inline('two', 'two', at(q)) })
        await odd.becomes('200 one', 'one')
        await odd.becomes('200 two', 'two')
        odd.x.plane.update('listener', { one: inline('one', 'one', at(q)), two: inline('two', 'two', at(p)) })
        const answer = await odd.x.plane.waitFor('an answer', () =>
          odd.x.plane.requests
            .filter(({ type, version, nonce }) => type === 'listener' && nonce !== '' && version !== '')
            .at(-1),
        )
        s.note(
          answer.error === undefined
            ? 'taken'
            : answer.error.message.replaceAll(String(p), 'P').replaceAll(String(q), 'Q').trim(),
        )
        await odd.asks('one')
        await odd.asks('two')
      }),
  )

  f.scenario(
    'one takes the address of one that is removed in the same answer',
    {
      sees: `
    200 old
    200 new
    listener_manager.listener_added: 3
    listener_manager.listener_removed: 1
    listener_manager.lds.update_rejected: 0
  `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        const port = await freePort()
        odd.x.plane.update('listener', { old: inline('old', 'old', { address: socket(port) }) })
        await odd.becomes('200 old', 'old')
        odd.x.plane.update('listener', { old: undefined, new: inline('new', 'new', { address: socket(port) }) })
        await odd.becomes('200 new', 'new')
        await odd.stats(
          'listener_manager.listener_added',
          'listener_manager.listener_removed',
          'listener_manager.lds.update_rejected',
        )
      }),
  )

  f.scenario(
    'routes that do not come in time: the listener is there and has none',
    {
      sees: `
    listener_manager.total_listeners_warming: 1
    init manager Listener-local-init-manager late N: shared target RdsRouteConfigSubscription RDS init never
    404
    http.main.rds.never.init_fetch_timeout: 1
    http.main.rds.never.update_attempt: 2
    listener_manager.total_listeners_warming: 0
    200 late
  `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        odd.x.plane.update('listener', { late: listener('late', rds('never', soon)) })
        await odd.statBecomes('listener_manager.total_listeners_warming', 1)
        s.note(await odd.waiting())
        await odd.becomes('404', 'late')
        await odd.stats(
          'http.main.rds.never.init_fetch_timeout',
          'http.main.rds.never.update_attempt',
          'listener_manager.total_listeners_warming',
        )
        odd.x.plane.update('route', { never: routes('never', says('late')) })
        await odd.becomes('200 late', 'late')
      }),
  )
})

feature('a least number of clusters', { file: import.meta.url, withoutProxy: true }, f => {
  const validators = [
    {
      name: 'least',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.config.validators.minimum_clusters.v3.MinimumClustersValidator',
        min_clusters_num: 2,
      },
    },
  ]
  const b = fixed('b', 1)
  const c = fixed('c', 1)
  const prepare = (plane: OddPlane['x']['plane']): void => {
    plane.update('cluster', { b, c })
    plane.update('listener', { main: inline('main', 'main') })
  }

  f.scenario(
    'an answer with fewer is refused whole',
    {
      sees: `
    #1 cluster [] version 1 nonce x1 error 13: CDS update attempts to reduce clusters below configured minimum.
    dynamic_active_clusters:
      b version 1
      c version 1
    #1 cluster [] version 1 nonce x2 error 13: CDS update attempts to reduce clusters below configured minimum.
    #1 cluster [] version v4 nonce x3
    dynamic_active_clusters:
      b version 1
      d version v4
    #1 cluster [] version v4 nonce x4 error 13: CDS update attempts to reduce clusters below configured minimum.
    cluster_manager.cds.update_rejected: 3
    cluster_manager.cds.update_success: 2
  `,
    },
    s =>
      OddPlane.run(s, { validators, prepare }, async odd => {
        await odd.says('cluster', 'v2', b)
        await odd.dump('dynamic_active_clusters')
        await odd.says('cluster', 'v3', b, b)
        await odd.says('cluster', 'v4', b, fixed('d', 1))
        await odd.dump('dynamic_active_clusters')
        await odd.says('cluster', 'v5')
        await odd.stats('cluster_manager.cds.update_rejected', 'cluster_manager.cds.update_success')
      }),
  )

  f.scenario(
    'a delta that leaves fewer is refused whole',
    {
      sees: `
    #1 cluster nonce x1 error 13: CDS update attempts to reduce clusters below configured minimum.
    #1 cluster nonce x2
    dynamic_active_clusters:
      c version 1
      d version x2
    #1 cluster nonce x3 error 13: CDS update attempts to reduce clusters below configured minimum.
    #1 cluster nonce x4
    #1 cluster nonce x5
    dynamic_active_clusters:
      d version x2
      e version x4
    cluster_manager.cds.update_rejected: 2
    cluster_manager.cds.update_success: 4
  `,
    },
    s =>
      OddPlane.run(s, { isDelta: true, validators, prepare }, async odd => {
        await odd.tells('cluster', [], ['b'])
        await odd.tells('cluster', [{ name: 'd', resource: fixed('d', 1) }], ['b'])
        await odd.dump('dynamic_active_clusters')
        await odd.tells('cluster', [], ['c', 'never'])
        await odd.tells('cluster', [{ name: 'e', resource: fixed('e', 1) }])
        await odd.tells('cluster', [], ['c'])
        await odd.dump('dynamic_active_clusters')
        await odd.stats('cluster_manager.cds.update_rejected', 'cluster_manager.cds.update_success')
      }),
  )
})
