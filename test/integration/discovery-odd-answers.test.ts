// A management server that says odd things in the state of the world: what is refused, in which words, and what serves meanwhile.
import { wrapped } from '../support/control-plane.js'
import { everything, garbage, OddPlane, urls } from '../support/odd-plane.js'
import { feature } from '../support/scenario.js'
import {
  ADS,
  edsCluster,
  endpoints,
  listener,
  rds,
  routes,
  says,
  socket,
  table,
  toCluster,
} from '../support/xds-scene.js'

const cdsStats = ['update_attempt', 'update_success', 'update_rejected', 'version_text'].map(
  name => `cluster_manager.cds.${name}`,
)
const ldsStats = ['update_attempt', 'update_success', 'update_rejected', 'version_text'].map(
  name => `listener_manager.lds.${name}`,
)
const rdsStats = ['update_attempt', 'update_success', 'update_rejected', 'update_empty', 'config_reload'].map(
  name => `http.main.rds.r.${name}`,
)
const edsStats = ['update_attempt', 'update_success', 'update_rejected', 'update_empty', 'update_no_rebuild'].map(
  name => `cluster.a.${name}`,
)
const inline = (name: string, text: string, more: Record<string, unknown> = {}) =>
  listener(name, { route_config: table('i', says(text)) }, more)

feature('odd clusters', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario(
    'clusters: two of one name',
    {
      sees: `
        #1 cluster [] version 1 nonce x1 error 13: Error adding/updating cluster(s) a: duplicate cluster a found
        200 one
        cluster_manager.cds.update_attempt: 3
        cluster_manager.cds.update_success: 1
        cluster_manager.cds.update_rejected: 1
        cluster_manager.cds.version_text: "1"
        cluster_manager.cluster_added: 2
        cluster_manager.cluster_modified: 0
        dynamic_active_clusters:
          a version 1
        dynamic_warming_clusters: none
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        await odd.says('cluster', 'v2', edsCluster('a'), edsCluster('a', { connect_timeout: '2s' }))
        await odd.asks()
        await odd.stats(...cdsStats, 'cluster_manager.cluster_added', 'cluster_manager.cluster_modified')
        await odd.dump('dynamic_active_clusters')
        await odd.dump('dynamic_warming_clusters')
      }),
  )

  f.scenario(
    'clusters: one of another type among them',
    {
      sees: `
        #1 cluster [] version 1 nonce x1 error 13: type.googleapis.com/envoy.config.listener.v3.Listener does not match the message-wide type URL type.googleapis.com/envoy.config.cluster.v3.Cluster in DiscoveryResponse
        200 one
        cluster_manager.cds.update_attempt: 3
        cluster_manager.cds.update_success: 1
        cluster_manager.cds.update_rejected: 1
        cluster_manager.cds.version_text: "1"
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        await odd.says('cluster', 'v2', edsCluster('a'), inline('l', 'x'))
        await odd.asks()
        await odd.stats(...cdsStats)
      }),
  )

  f.scenario(
    'clusters: bytes that are no cluster',
    {
      sees: `
        #1 cluster [] version 1 nonce x1 error 13: Unable to unpack as envoy.config.cluster.v3.Cluster
        200 one
        cluster_manager.cds.update_attempt: 3
        cluster_manager.cds.update_success: 1
        cluster_manager.cds.update_rejected: 1
        cluster_manager.cds.version_text: "1"
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        await odd.says('cluster', 'v2', edsCluster('a'), garbage('cluster'))
        await odd.asks()
        await odd.stats(...cdsStats)
      }),
  )

  f.scenario(
    'clusters: one without a name',
    {
      sees: `
        #1 cluster [] version 1 nonce x1 error 13: Proto constraint validation failed
        200 one
        cluster_manager.cds.update_attempt: 3
        cluster_manager.cds.update_success: 1
        cluster_manager.cds.update_rejected: 1
        cluster_manager.cds.version_text: "1"
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        await odd.says('cluster', 'v2', edsCluster('a'), edsCluster(''))
        await odd.asks()
        await odd.stats(...cdsStats)
      }),
  )

  f.scenario(
    'clusters: none at all',
    {
      sees: `
        #1 cluster [] version v2 nonce x1
        503
        cluster_manager.cds.update_attempt: 3
        cluster_manager.cds.update_success: 2
        cluster_manager.cds.update_rejected: 0
        cluster_manager.cds.version_text: "v2"
        cluster_manager.cluster_removed: 1
        cluster_manager.active_clusters: 1
        dynamic_active_clusters: none
        #1 cluster [] version v3 nonce x2
        200 two
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        await odd.says('cluster', 'v2')
        await odd.becomes('503')
        await odd.stats(...cdsStats, 'cluster_manager.cluster_removed', 'cluster_manager.active_clusters')
        await odd.dump('dynamic_active_clusters')
        await odd.says('cluster', 'v3', edsCluster('a'))
        odd.x.plane.update('endpoint', { a: endpoints('a', [odd.x.upstreams[1]]) })
        await odd.becomes('200 two')
      }),
  )

  f.scenario(
    'clusters: one that the bootstrap has',
    {
      sees: `
        #1 cluster [] version v2 nonce x1
        200 one
        cluster_manager.cds.update_attempt: 3
        cluster_manager.cds.update_success: 2
        cluster_manager.cds.update_rejected: 0
        cluster_manager.cds.version_text: "v2"
        cluster_manager.cluster_added: 2
        cluster_manager.cluster_modified: 0
        dynamic_active_clusters:
          a version 1
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        await odd.says('cluster', 'v2', edsCluster('a'), edsCluster('xds'))
        await odd.asks()
        await odd.stats(...cdsStats, 'cluster_manager.cluster_added', 'cluster_manager.cluster_modified')
        await odd.dump('dynamic_active_clusters')
      }),
  )

  f.scenario(
    'clusters: refused ones in /config_dump, and after they were mended',
    {
      sees: `
        cluster_manager.warming_clusters: 1
        dynamic_warming_clusters:
          a version v2
        #1 cluster [] version 1 nonce x1 error 13: Error adding/updating cluster(s) bad: eds_cluster_config set in a non-EDS cluster
        dynamic_active_clusters:
          a version v2
        dynamic_warming_clusters: none
        cluster_manager.cds.update_attempt: 3
        cluster_manager.cds.update_success: 1
        cluster_manager.cds.update_rejected: 1
        cluster_manager.cds.version_text: "1"
        #1 cluster [] version 1 nonce x2 error 13: Error adding/updating cluster(s) a: eds_cluster_config set in a non-EDS cluster
        dynamic_active_clusters:
          a version v2
        dynamic_warming_clusters: none
        200 two
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        const bad = edsCluster('bad', { type: 'STATIC' })
        const nonce = odd.send(urls.cluster, 'v2', edsCluster('a', { connect_timeout: '3s' }), bad)
        await odd.statBecomes('cluster_manager.warming_clusters', 1)
        await odd.dump('dynamic_warming_clusters')
        // The answer waits for members of the new version.
        odd.x.plane.update('endpoint', { a: endpoints('a', [odd.x.upstreams[1]]) })
        await odd.sawAnswer(nonce)
        await odd.dump('dynamic_active_clusters')
        await odd.dump('dynamic_warming_clusters')
        await odd.stats(...cdsStats)
        await odd.says('cluster', 'v3', edsCluster('a', { type: 'STATIC' }))
        await odd.dump('dynamic_active_clusters')
        await odd.dump('dynamic_warming_clusters')
        await odd.asks()
      }),
  )

  f.scenario(
    'clusters: the same answer again, the same version with other clusters, an older version',
    {
      sees: `
        #1 cluster [] version 1 nonce x1
        #1 cluster [] version 1 nonce x2
        #1 cluster [] version 0 nonce x3
        #1 cluster [] nonce x4
        200 one
        cluster_manager.cds.update_attempt: 6
        cluster_manager.cds.update_success: 5
        cluster_manager.cds.update_rejected: 0
        cluster_manager.cds.version_text: ""
        cluster_manager.cluster_added: 3
        cluster_manager.cluster_removed: 1
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        await odd.says('cluster', '1', edsCluster('a'))
        await odd.says('cluster', '1', edsCluster('a'), edsCluster('b', { type: 'STATIC', eds_cluster_config: null }))
        await odd.says('cluster', '0', edsCluster('a'))
        await odd.says('cluster', '', edsCluster('a'))
        await odd.asks()
        await odd.stats(...cdsStats, 'cluster_manager.cluster_added', 'cluster_manager.cluster_removed')
      }),
  )

  f.scenario(
    'clusters: answers about what nobody asked for',
    {
      sees: `
        #1 cluster [] version v2 nonce x4
        200 one
        cluster_manager.cds.update_attempt: 3
        cluster_manager.cds.update_success: 2
        cluster_manager.cds.update_rejected: 0
        cluster_manager.cds.version_text: "v2"
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        odd.send('type.googleapis.com/envoy.config.made.Up', 'v1', edsCluster('a'))
        odd.send('', 'v1', edsCluster('a'))
        odd.send(urls.secret, 'v1')
        await odd.says('cluster', 'v2', edsCluster('a'))
        await odd.asks()
        await odd.stats(...cdsStats)
      }),
  )

  f.scenario(
    'clusters: more than one answer before the first is acknowledged',
    {
      sees: `
        #1 cluster [] version v0 nonce x1
        #1 cluster [] version v1 nonce x2
        #1 cluster [] version v2 nonce x3
        200 one
        cluster_manager.cds.update_attempt: 5
        cluster_manager.cds.update_success: 4
        cluster_manager.cds.update_rejected: 0
        cluster_manager.cds.version_text: "v2"
        cluster_manager.cluster_modified: 2
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        const fixed = (connect_timeout: string) =>
          edsCluster('b', { type: 'STATIC', eds_cluster_config: null, connect_timeout })
        const nonces = ['1s', '2s', '3s'].map((timeout, index) =>
          odd.send(urls.cluster, `v${index}`, edsCluster('a'), fixed(timeout)),
        )
        for (const nonce of nonces) await odd.sawAnswer(nonce)
        await odd.asks()
        await odd.stats(...cdsStats, 'cluster_manager.cluster_modified')
      }),
  )

  f.scenario(
    'clusters: a nonce that was there before, and none',
    {
      sees: `
        #1 cluster [] version v2 nonce x1
        cluster_manager.cluster_removed: 1
        nonce "" version v3
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        await odd.says('cluster', 'v2', edsCluster('a'))
        const { length } = odd.x.plane.requests
        odd.stream.send({ typeUrl: urls.cluster, nonce: '', versionInfo: 'v3', resources: [] })
        // Not by a request: a plane that sees no nonce sends all anew.
        await odd.statBecomes('cluster_manager.cluster_removed', 1)
        const seen = await odd.x.plane.waitFor('an answer', () =>
          odd.x.plane.requests.slice(length).find(({ type }) => type === 'cluster'),
        )
        s.note(`nonce "${seen.nonce}" version ${seen.version}`)
      }),
  )

  f.scenario(
    'clusters: fields that nobody knows',
    {
      sees: `
        #1 cluster [] version v2 nonce x1
        200 one
        cluster_manager.cds.update_attempt: 3
        cluster_manager.cds.update_success: 2
        cluster_manager.cds.update_rejected: 0
        cluster_manager.cds.version_text: "v2"
        server.dynamic_unknown_fields: 1
        server.static_unknown_fields: 0
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        // connect_timeout 1s and a field of number 3000; a cluster without type is a static one.
        const bytes = Buffer.concat([
          Buffer.from([0x0a, 1, 0x62, 0x22, 2, 8, 1]),
          Buffer.from([0xc2, 0xbb, 1, 1, 0x41]),
        ])
        await odd.says('cluster', 'v2', edsCluster('a'), garbage('cluster', bytes))
        await odd.asks()
        await odd.stats(...cdsStats, 'server.dynamic_unknown_fields', 'server.static_unknown_fields')
      }),
  )

  f.scenario(
    'clusters: one in a wrapper, and a wrapper of nothing',
    {
      sees: `
        #1 cluster [] version v2 nonce x1
        dynamic_active_clusters:
          a version 1
          other version v2
        #1 cluster [] version v3 nonce x2
        200 one
        cluster_manager.cds.update_attempt: 4
        cluster_manager.cds.update_success: 3
        cluster_manager.cds.update_rejected: 0
        cluster_manager.cds.version_text: "v3"
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        const fixed = edsCluster('other', { type: 'STATIC', eds_cluster_config: null })
        await odd.says('cluster', 'v2', wrapped('a', edsCluster('a')), wrapped('b', fixed))
        await odd.dump('dynamic_active_clusters')
        await odd.says('cluster', 'v3', wrapped('a', edsCluster('a')), wrapped('c', undefined))
        await odd.asks()
        await odd.stats(...cdsStats)
      }),
  )
})

feature('odd listeners', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario(
    'listeners: two of one name',
    {
      sees: `
        #1 listener [] version 3 nonce x1 error 13: Error adding/updating listener(s) new: duplicate listener new found
        200 one
        200 a
        listener_manager.lds.update_attempt: 3
        listener_manager.lds.update_success: 1
        listener_manager.lds.update_rejected: 1
        listener_manager.lds.version_text: "3"
        listener_manager.listener_added: 2
        dynamic_listeners:
          - error -: duplicate listener new found
          main active_state 3
          new active_state v2
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        await odd.says('listener', 'v2', listener('main', rds('r')), inline('new', 'a'), inline('new', 'b'))
        await odd.asks()
        await odd.asks('new')
        await odd.stats(...ldsStats, 'listener_manager.listener_added')
        await odd.dump('dynamic_listeners')
      }),
  )

  f.scenario(
    'listeners: one of another type among them, bytes that are no listener',
    {
      sees: `
        #1 listener [] version 3 nonce x1 error 13: type.googleapis.com/envoy.config.cluster.v3.Cluster does not match the message-wide type URL type.googleapis.com/envoy.config.listener.v3.Listener in DiscoveryResponse
        #1 listener [] version 3 nonce x2 error 13: Unable to unpack as envoy.config.listener.v3.Listener
        200 one
        no listener
        listener_manager.lds.update_attempt: 4
        listener_manager.lds.update_success: 1
        listener_manager.lds.update_rejected: 2
        listener_manager.lds.version_text: "3"
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        await odd.says('listener', 'v2', edsCluster('a'), inline('new', 'a'))
        await odd.says('listener', 'v3', inline('new', 'a'), garbage('listener'))
        await odd.asks()
        await odd.asks('new')
        await odd.stats(...ldsStats)
      }),
  )

  f.scenario(
    'listeners: none at all',
    {
      sees: `
        #1 listener [] version v2 nonce x1
        no listener
        listener_manager.lds.update_attempt: 3
        listener_manager.lds.update_success: 2
        listener_manager.lds.update_rejected: 0
        listener_manager.lds.version_text: "v2"
        listener_manager.listener_removed: 1
        listener_manager.total_listeners_draining: 1
        dynamic_listeners:
          main draining_state 3
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        await odd.says('listener', 'v2')
        await odd.becomes('no listener')
        await odd.stats(...ldsStats, 'listener_manager.listener_removed', 'listener_manager.total_listeners_draining')
        await odd.dump('dynamic_listeners')
      }),
  )

  f.scenario(
    'listeners: one without an address, one without filters, a filter that is unknown, a bad one among good',
    {
      sees: `
        #1 listener [] version 3 nonce x1 error 13: Error adding/updating listener(s) a: error adding listener named 'a': address is necessary
        #1 listener [] version 3 nonce x2 error 13: Error adding/updating listener(s) b: error adding listener '127.0.0.1:0': no filter chains specified
        200 good
        #1 listener [] version 3 nonce x3 error 13: Error adding/updating listener(s) c: Didn't find a registered implementation for 'nobody' with type URL: 'envoy.config.cluster.v3.Cluster'
        200 one
        no listener
        listener_manager.lds.update_attempt: 5
        listener_manager.lds.update_success: 1
        listener_manager.lds.update_rejected: 3
        listener_manager.lds.version_text: "3"
        listener_manager.listener_create_failure: 0
        dynamic_listeners:
          - error -: Didn't find a registered implementation for 'nobody' with type URL: 'envoy.config.cluster.v3.Cluster'
          c error -: Didn't find a registered implementation for 'nobody' with type URL: 'envoy.config.cluster.v3.Cluster'
          good draining_state v3
          main active_state 3
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        const unknown = [{ filters: [{ name: 'nobody', typed_config: { '@type': urls.cluster, name: 'a' } }] }]
        await odd.says('listener', 'v2', listener('main', rds('r')), inline('a', 'a', { address: null }))
        await odd.says(
          'listener',
          'v3',
          listener('main', rds('r')),
          inline('b', 'b', { filter_chains: [] }),
          inline('good', 'good'),
        )
        await odd.becomes('200 good', 'good')
        await odd.says('listener', 'v4', listener('main', rds('r')), inline('c', 'c', { filter_chains: unknown }))
        await odd.asks()
        await odd.asks('good')
        await odd.stats(...ldsStats, 'listener_manager.listener_create_failure')
        await odd.dump('dynamic_listeners')
      }),
  )

  f.scenario(
    'listeners: refused ones in /config_dump, and after they were mended',
    {
      sees: `
        #1 listener [] version 3 nonce x1 error 13: Error adding/updating listener(s) main: error adding listener '127.0.0.1:0': no filter chains specified b: error adding listener '127.0.0.1:0': no filter chains specified
        dynamic_listeners:
          - error -: error adding listener '127.0.0.1:0': no filter chains specified
          - error -: error adding listener '127.0.0.1:0': no filter chains specified
          b error -: error adding listener '127.0.0.1:0': no filter chains specified
          main active_state 3 error -: error adding listener '127.0.0.1:0': no filter chains specified
        #1 listener [] version v3 nonce x2
        200 b
        dynamic_listeners:
          b active_state v3
          main active_state 3
        #1 listener [] version v4 nonce x3
        no listener
        dynamic_listeners:
          b draining_state v3
          main active_state 3
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        await odd.says(
          'listener',
          'v2',
          listener('main', rds('r'), { filter_chains: [] }),
          inline('b', 'b', { filter_chains: [] }),
        )
        await odd.dump('dynamic_listeners')
        await odd.says('listener', 'v3', listener('main', rds('r')), inline('b', 'b'))
        await odd.becomes('200 b', 'b')
        await odd.dump('dynamic_listeners')
        await odd.says('listener', 'v4', listener('main', rds('r')))
        await odd.becomes('no listener', 'b')
        await odd.dump('dynamic_listeners')
      }),
  )

  f.scenario(
    'listeners: one that the bootstrap has',
    {
      sees: `
        #1 listener [] version v2 nonce x1
        200 fixed
        listener_manager.lds.update_attempt: 3
        listener_manager.lds.update_success: 2
        listener_manager.lds.update_rejected: 0
        listener_manager.lds.version_text: "v2"
        dynamic_listeners:
          main active_state 3
      `,
    },
    s => {
      const { '@type': _, ...fixed } = inline('fixed', 'fixed') as Record<string, unknown>
      return OddPlane.run(s, { listeners: [fixed] }, async odd => {
        await odd.says('listener', 'v2', listener('main', rds('r')), inline('fixed', 'other'))
        await odd.asks('fixed')
        await odd.stats(...ldsStats)
        await odd.dump('dynamic_listeners')
      })
    },
  )

  f.scenario(
    'listeners: another address for one that is there',
    {
      sees: `
        #1 listener [] version v2 nonce x1
        listener_manager.listener_modified: 1
        old port: no answer
        listener_manager.total_listeners_draining: 1
        listener_manager.listener_in_place_updated: 0
        dynamic_listeners:
          main active_state v2 draining_state 3
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        const before = await odd.x.port('main')
        await odd.says(
          'listener',
          'v2',
          inline('main', 'moved', { address: { socket_address: { address: '127.0.0.3', port_value: 0 } } }),
        )
        await odd.statBecomes('listener_manager.listener_modified', 1)
        s.note(`old port: ${await odd.x.ask('main', '/', before)}`)
        await odd.stats('listener_manager.total_listeners_draining', 'listener_manager.listener_in_place_updated')
        await odd.dump('dynamic_listeners')
      }),
  )

  f.scenario(
    'listeners: a new version that waits is replaced, and then taken back',
    {
      sees: `
        #1 listener [] version v2 nonce x1
        listener_manager.total_listeners_warming: 1
        dynamic_listeners:
          main active_state 3 warming_state 3
        #1 listener [] version v3 nonce x2
        dynamic_listeners:
          main active_state 3 warming_state 3
        init manager Listener-local-init-manager main N: shared target RdsRouteConfigSubscription RDS init never2
        #1 listener [] version v4 nonce x3
        dynamic_listeners:
          main active_state 3
        200 one
        listener_manager.listener_modified: 3
        listener_manager.total_listeners_warming: 0
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        await odd.says('listener', 'v2', listener('main', rds('never')))
        await odd.statBecomes('listener_manager.total_listeners_warming', 1)
        await odd.dump('dynamic_listeners')
        await odd.says('listener', 'v3', listener('main', rds('never2')))
        await odd.dump('dynamic_listeners')
        s.note(await odd.waiting())
        await odd.says('listener', 'v4', listener('main', rds('r')))
        await odd.dump('dynamic_listeners')
        await odd.asks()
        await odd.stats('listener_manager.listener_modified', 'listener_manager.total_listeners_warming')
      }),
  )

  f.scenario(
    'listeners: duplicates of filter chains and of their names',
    {
      sees: `
        #1 listener [] version 3 nonce x1 error 13:
        #1 listener [] version v3 nonce x2
        listener_manager.lds.update_attempt: 4
        listener_manager.lds.update_success: 2
        listener_manager.lds.update_rejected: 1
        listener_manager.lds.version_text: "v3"
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        const chain = (inline('x', 'x') as { filter_chains: unknown[] }).filter_chains[0] as Record<string, unknown>
        odd.hasWords = false
        await odd.says(
          'listener',
          'v2',
          listener('main', rds('r')),
          inline('d', 'd', { filter_chains: [chain, chain] }),
        )
        const named = [1, 2].map(port => ({ ...chain, name: 'same', filter_chain_match: { destination_port: port } }))
        await odd.says('listener', 'v3', listener('main', rds('r')), inline('n', 'n', { filter_chains: named }))
        await odd.stats(...ldsStats)
      }),
  )
})

feature('odd routes', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario(
    'routes: none, of another name, two of one name, another beside it',
    {
      sees: `
        #1 route [r] version v2 nonce x1
        http.main.rds.r.update_attempt: 2
        http.main.rds.r.update_success: 1
        http.main.rds.r.update_rejected: 0
        http.main.rds.r.update_empty: 0
        http.main.rds.r.config_reload: 1
        #1 route [r] version v3 nonce x2
        200 one
        http.main.rds.r.update_attempt: 2
        http.main.rds.r.update_success: 1
        http.main.rds.r.update_rejected: 0
        http.main.rds.r.update_empty: 0
        http.main.rds.r.config_reload: 1
        #1 route [r] version v4 nonce x3
        200 first
        http.main.rds.r.update_attempt: 3
        http.main.rds.r.update_success: 2
        http.main.rds.r.update_rejected: 0
        http.main.rds.r.update_empty: 0
        http.main.rds.r.config_reload: 2
        #1 route [r] version v5 nonce x4
        200 good
        http.main.rds.r.update_attempt: 4
        http.main.rds.r.update_success: 3
        http.main.rds.r.update_rejected: 0
        http.main.rds.r.update_empty: 0
        http.main.rds.r.config_reload: 3
        dynamic_route_configs:
          r version v5
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        await odd.says('route', 'v2')
        await odd.stats(...rdsStats)
        await odd.says('route', 'v3', routes('other', says('other')))
        await odd.asks()
        await odd.stats(...rdsStats)
        await odd.says('route', 'v4', routes('r', says('first')), routes('r', says('second')))
        await odd.asks()
        await odd.stats(...rdsStats)
        await odd.says('route', 'v5', routes('r', says('good')), routes('other', says('other')))
        await odd.asks()
        await odd.stats(...rdsStats)
        await odd.dump('dynamic_route_configs')
      }),
  )

  f.scenario(
    'routes: another type, bytes that are no routes',
    {
      sees: `
        #1 route [r] version 4 nonce x1 error 13: type.googleapis.com/envoy.config.cluster.v3.Cluster does not match the message-wide type URL type.googleapis.com/envoy.config.route.v3.RouteConfiguration in DiscoveryResponse
        #1 route [r] version 4 nonce x2 error 13: Unable to unpack as envoy.config.route.v3.RouteConfiguration
        200 one
        http.main.rds.r.update_attempt: 4
        http.main.rds.r.update_success: 1
        http.main.rds.r.update_rejected: 2
        http.main.rds.r.update_empty: 0
        http.main.rds.r.config_reload: 1
        dynamic_route_configs:
          r version 4
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        await odd.says('route', 'v2', edsCluster('r'))
        await odd.says('route', 'v3', garbage('route'))
        await odd.asks()
        await odd.stats(...rdsStats)
        await odd.dump('dynamic_route_configs')
      }),
  )

  f.scenario(
    'routes: two virtual hosts for a domain, of a name; a regex that is none; a cluster that is not there',
    {
      sees: `
        #1 route [r] version 4 nonce x1 error 13: Only unique values for domains are permitted. Duplicate entry of domain x in route r
        #1 route [r] version 4 nonce x2 error 13: Only a single wildcard domain is permitted in route r
        #1 route [r] version v4 nonce x3
        #1 route [r] version v4 nonce x4 error 13:
        404
        #1 route [r] version v6 nonce x5
        503
        #1 route [r] version v6 nonce x6 error 13:
        #1 route [r] version v6 nonce x7 error 13:
        #1 route [r] version v6 nonce x8 error 13:
        #1 route [r] version v6 nonce x9 error 13:
        #1 route [r] version v6 nonce x10 error 13:
        #1 route [r] version v12 nonce x11
        #1 route [r] version v13 nonce x12
        404
        http.main.rds.r.update_attempt: 14
        http.main.rds.r.update_success: 5
        http.main.rds.r.update_rejected: 8
        http.main.rds.r.update_empty: 0
        http.main.rds.r.config_reload: 5
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        const host = (name: string, domain: string, route: Record<string, unknown> = says('x')) => ({
          name,
          domains: [domain],
          routes: [route],
        })
        const config = (...hosts: unknown[]) =>
          ({ ...(routes('r') as object), virtual_hosts: hosts }) as ReturnType<typeof routes>
        await odd.says('route', 'v2', config(host('a', 'x'), host('b', 'x')))
        await odd.says('route', 'v3', config(host('a', '*'), host('b', '*')))
        await odd.says('route', 'v4', config(host('a', 'x'), host('a', 'y')))
        odd.hasWords = false // the regular expression's are told in other words here
        const regex = { match: { safe_regex: { regex: '(' } }, direct_response: { status: 200 } }
        await odd.says('route', 'v5', config(host('a', 'x', regex)))
        await odd.asks()
        await odd.says('route', 'v6', config(host('a', '*', toCluster('nobody'))))
        await odd.asks()
        await odd.says('route', 'v7', {
          ...(config(host('a', '*', toCluster('nobody'))) as object),
          validate_clusters: true,
        } as ReturnType<typeof routes>)
        await odd.says('route', 'v8', config(host('a', '*', { match: { prefix: '/' } })))
        await odd.says('route', 'v9', config(host('a', '*', { match: {}, direct_response: { status: 200 } })))
        await odd.says('route', 'v10', config(host('', '*')))
        await odd.says('route', 'v11', config({ name: 'a', domains: [] }))
        await odd.says('route', 'v12', config({ name: 'a', domains: ['*.x.*'] }))
        await odd.says('route', 'v13', config())
        await odd.asks()
        await odd.stats(...rdsStats)
      }),
  )

  f.scenario(
    'routes: a long text in place, and a great many routes',
    {
      sees: `
        #1 route [r] version 4 nonce x1 error 13: response body size is 4097 bytes; maximum is 4096
        200 one
        #1 route [r] version v3 nonce x2
        200 xxxxxxxxxx
        #1 route [r] version v4 nonce x3
        200 one
        http.main.rds.r.update_attempt: 5
        http.main.rds.r.update_success: 3
        http.main.rds.r.update_rejected: 1
        http.main.rds.r.update_empty: 0
        http.main.rds.r.config_reload: 3
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        const long = (length: number) => routes('r', says('x'.repeat(length)))
        await odd.says('route', 'v2', long(4097))
        await odd.asks()
        await odd.says('route', 'v3', long(10))
        await odd.asks()
        const many = Array.from({ length: 20_000 }, (_, index) => ({
          match: { path: `/path/${index}` },
          route: { cluster: `c${index}` },
        }))
        await odd.says('route', 'v4', routes('r', ...many, toCluster('a')))
        await odd.becomes('200 one')
        await odd.stats(...rdsStats)
      }),
  )

  f.scenario(
    'routes: what listeners name and then no longer',
    {
      sees: `
        #1 listener [] version v2 nonce x1
        200 r2
        r
        dynamic_route_configs:
          r version 4
          r2 version 5
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        const { plane } = odd.x
        plane.update('route', { r2: routes('r2', says('r2')) })
        const from = plane.requests.length
        await odd.says('listener', 'v2', listener('main', rds('r2')))
        await odd.becomes('200 r2')
        s.note(
          plane.requests
            .slice(from)
            .filter(({ type }) => type === 'route')
            .map(({ names }) => [...names].sort().join(' '))
            .at(0) ?? 'not asked',
        )
        await odd.dump('dynamic_route_configs')
      }),
  )
})

feature('odd members', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario(
    'members: none, of another cluster, of one that is not of EDS, two of one name',
    {
      sees: `
        #1 endpoint [a] version v2 nonce x1
        200 one
        cluster.a.update_attempt: 2
        cluster.a.update_success: 1
        cluster.a.update_rejected: 0
        cluster.a.update_empty: 0
        cluster.a.update_no_rebuild: 0
        #1 endpoint [a] version v3 nonce x2
        #1 endpoint [a] version v4 nonce x3
        200 one
        cluster.a.update_attempt: 2
        cluster.a.update_success: 1
        cluster.a.update_rejected: 0
        cluster.a.update_empty: 0
        cluster.a.update_no_rebuild: 0
        #1 endpoint [a] version v5 nonce x4
        503 no healthy upstream
        cluster.a.update_attempt: 3
        cluster.a.update_success: 2
        cluster.a.update_rejected: 0
        cluster.a.update_empty: 0
        cluster.a.update_no_rebuild: 0
        #1 endpoint [a] version v6 nonce x5
        503 no healthy upstream
        #1 endpoint [a] version v7 nonce x6
        200 two
        cluster.a.update_attempt: 5
        cluster.a.update_success: 4
        cluster.a.update_rejected: 0
        cluster.a.update_empty: 0
        cluster.a.update_no_rebuild: 1
        cluster.a.membership_change: 3
        cluster.a.membership_total: 1
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        const [, two] = odd.x.upstreams
        await odd.says('endpoint', 'v2')
        await odd.asks()
        await odd.stats(...edsStats)
        await odd.says('endpoint', 'v3', endpoints('unknown', [two]))
        await odd.says('endpoint', 'v4', endpoints('xds', [two]), endpoints('unknown', [two]))
        await odd.asks()
        await odd.stats(...edsStats)
        await odd.says('endpoint', 'v5', endpoints('a', []), endpoints('a', [two]))
        await odd.asks()
        await odd.stats(...edsStats)
        await odd.says('endpoint', 'v6', endpoints('a', []))
        await odd.becomes('503 no healthy upstream')
        await odd.says('endpoint', 'v7', endpoints('a', [two]), endpoints('unknown', [two]))
        await odd.becomes('200 two')
        await odd.stats(...edsStats, 'cluster.a.membership_change', 'cluster.a.membership_total')
      }),
  )

  f.scenario(
    'members: priorities with a gap, one member twice, weights, names instead of addresses',
    {
      sees: `
        #1 endpoint [a] version v2 nonce x1
        200 two
        #1 endpoint [a] version v3 nonce x2
        200 two
        cluster.a.membership_total: 1
        #1 endpoint [a] version v3 nonce x3 error 13: Proto constraint validation failed
        #1 endpoint [a] version v5 nonce x4
        #1 endpoint [a] version v5 nonce x5 error 13: malformed IP address: localhost. Consider setting resolver_name or setting cluster type to 'STRICT_DNS' or 'LOGICAL_DNS'
        #1 endpoint [a] version v5 nonce x6 error 13:
        #1 endpoint [a] version v5 nonce x7 error 13:
        #1 endpoint [a] version v5 nonce x8 error 13:
        #1 endpoint [a] version v5 nonce x9 error 13:
        #1 endpoint [a] version v11 nonce x10
        #1 endpoint [a] version v11 nonce x11 error 13:
        #1 endpoint [a] version v11 nonce x12 error 13:
        #1 endpoint [a] version v11 nonce x13 error 13:
        cluster.a.update_attempt: 15
        cluster.a.update_success: 5
        cluster.a.update_rejected: 9
        cluster.a.update_empty: 0
        cluster.a.update_no_rebuild: 0
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        const [one, two] = odd.x.upstreams
        const member = (port: number, more = {}) => ({ endpoint: { address: socket(port) }, ...more })
        const assignment = (...localities: Record<string, unknown>[]) =>
          ({ ...(endpoints('a', []) as object), endpoints: localities }) as ReturnType<typeof endpoints>
        await odd.says('endpoint', 'v2', assignment({ priority: 2, lb_endpoints: [member(two)] }))
        await odd.asks()
        await odd.says('endpoint', 'v3', assignment({ lb_endpoints: [member(two), member(two)] }))
        await odd.asks()
        await odd.stats('cluster.a.membership_total')
        await odd.says('endpoint', 'v4', assignment({ lb_endpoints: [member(two, { load_balancing_weight: 0 })] }))
        await odd.says(
          'endpoint',
          'v5',
          assignment({
            lb_endpoints: [
              member(two, { load_balancing_weight: 4294967295 }),
              member(one, { load_balancing_weight: 4294967295 }),
            ],
          }),
        )
        await odd.says(
          'endpoint',
          'v6',
          assignment({
            lb_endpoints: [{ endpoint: { address: { socket_address: { address: 'localhost', port_value: 1 } } } }],
          }),
        )
        odd.hasWords = false
        await odd.says('endpoint', 'v7', assignment({ lb_endpoints: [{ endpoint: {} }] }))
        await odd.says('endpoint', 'v8', assignment({ lb_endpoints: [{}] }))
        await odd.says('endpoint', 'v9', assignment({ priority: 129, lb_endpoints: [member(two)] }))
        await odd.says('endpoint', 'v10', assignment({ lb_endpoints: [{ endpoint_name: 'x' }] }))
        await odd.says(
          'endpoint',
          'v11',
          assignment({ lb_endpoints: [{ endpoint: { address: { pipe: { path: '/tmp/nobody.sock' } } } }] }),
        )
        await odd.says('endpoint', 'v12', {
          ...(assignment({ lb_endpoints: [member(two)] }) as object),
          policy: { overprovisioning_factor: 0 },
        } as ReturnType<typeof endpoints>)
        await odd.says('endpoint', 'v13', garbage('endpoint'))
        await odd.says('endpoint', 'v14', edsCluster('a'))
        await odd.stats(...edsStats)
      }),
  )

  f.scenario(
    'members: a thousand',
    {
      sees: `
        #1 endpoint [a] version v2 nonce x1
        cluster.a.membership_total: 5000
        cluster.a.update_attempt: 3
        cluster.a.update_success: 2
        cluster.a.update_rejected: 0
        cluster.a.update_empty: 0
        cluster.a.update_no_rebuild: 0
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        const ports = Array.from({ length: 5000 }, () => odd.x.upstreams[1])
        const all = ports.map((_, index) => ({
          endpoint: {
            address: {
              socket_address: {
                address: `127.${1 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`,
                port_value: ports[0],
              },
            },
          },
        }))
        await odd.says('endpoint', 'v2', {
          ...(endpoints('a', []) as object),
          endpoints: [{ lb_endpoints: all }],
        } as ReturnType<typeof endpoints>)
        await odd.statBecomes('cluster.a.membership_total', 5000)
        await odd.stats(...edsStats)
      }),
  )

  f.scenario(
    'members: of a cluster that has gone and comes again',
    {
      sees: `
        #1 cluster [] version v2 nonce x1
        503
        #1 endpoint [] version 2 nonce x2
        #1 cluster [] version v3 nonce x3
        200 one
        #1 endpoint [a] version v3 nonce x4
        200 two
      `,
    },
    s =>
      OddPlane.run(s, {}, async odd => {
        await odd.says('cluster', 'v2')
        await odd.becomes('503')
        await odd.says('endpoint', 'v2', endpoints('a', [odd.x.upstreams[1]]))
        await odd.says('cluster', 'v3', edsCluster('a'))
        await odd.becomes('200 one')
        await odd.says('endpoint', 'v3', endpoints('a', [odd.x.upstreams[1]]))
        await odd.becomes('200 two')
      }),
  )

  f.scenario(
    'members: under another name (service_name), which changes',
    {
      sees: `
        200 one
        200 two
        cluster_manager.cluster_modified: 1
        cluster.a.membership_total: 1
        s1, s2 s1, s2
      `,
    },
    s => {
      const named = (service_name: string) => edsCluster('a', { eds_cluster_config: { eds_config: ADS, service_name } })
      const prepare: typeof everything = (plane, ports) => {
        everything(plane, ports)
        plane.update('cluster', { a: named('s1') })
        plane.update('endpoint', { s1: endpoints('s1', [ports[0]]), s2: endpoints('s2', [ports[1]]) })
      }
      return OddPlane.run(s, { prepare }, async odd => {
        await odd.asks()
        odd.x.plane.update('cluster', { a: named('s2') })
        await odd.becomes('200 two')
        await odd.stats('cluster_manager.cluster_modified', 'cluster.a.membership_total')
        const asked = odd.x.plane.requests.filter(({ type }) => type === 'endpoint').map(({ names }) => names.join(' '))
        s.note([...new Set(asked)].join(', '))
      })
    },
  )
})
