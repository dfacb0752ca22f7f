// A management server that says odd things in the delta dialect.
import { garbage, OddPlane, urls } from '../support/odd-plane.js'
import { feature } from '../support/scenario.js'
import { edsCluster, endpoints, listener, rds, routes, says, table, toCluster } from '../support/xds-scene.js'

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
const isDelta = true

feature('odd deltas of clusters', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario(
    'a name twice, among added and removed, of another type',
    {
      sees: `
        #1 cluster nonce x1 error 13: duplicate name a found among added/updated resources
        #1 cluster nonce x2 error 13: duplicate name a found in the union of added+removed resources
        #1 cluster nonce x3 error 13: duplicate name a found in the union of added+removed resources
        #1 cluster nonce x4 error 13: type URL type.googleapis.com/envoy.config.listener.v3.Listener embedded in an individual Any does not match the message-wide type URL type.googleapis.com/envoy.config.cluster.v3.Cluster in DeltaDiscoveryResponse
        #1 cluster nonce x5 error 13: Unable to unpack as envoy.config.cluster.v3.Cluster
        200 one
        cluster_manager.cds.update_attempt: 7
        cluster_manager.cds.update_success: 1
        cluster_manager.cds.update_rejected: 5
        cluster_manager.cds.version_text: "1"
        cluster_manager.cluster_removed: 0
        dynamic_active_clusters:
          a version 1
      `,
    },
    s =>
      OddPlane.run(s, { isDelta }, async odd => {
        const a = { name: 'a', resource: edsCluster('a', { connect_timeout: '2s' }) }
        await odd.tells('cluster', [a, a])
        await odd.tells('cluster', [a], ['a'])
        await odd.tells('cluster', [], ['a', 'a'])
        await odd.tells('cluster', [{ name: 'l', resource: inline('l', 'x') }])
        await odd.tells('cluster', [{ name: 'b', resource: garbage('cluster') }])
        await odd.asks()
        await odd.stats(...cdsStats, 'cluster_manager.cluster_removed')
        await odd.dump('dynamic_active_clusters')
      }),
  )

  f.scenario(
    'a name that is not its own, an empty one, an alias',
    {
      sees: `
        #1 cluster nonce x1
        dynamic_active_clusters:
          a version 1
          b version x1
        #1 cluster nonce x2
        dynamic_active_clusters:
          a version 1
          b version x1
          c version x2
        #1 cluster nonce x3
        dynamic_active_clusters:
          a version 1
          c version x2
        #1 cluster nonce x4
        #1 cluster nonce x5 error 13: type URL  embedded in an individual Any does not match the message-wide type URL type.googleapis.com/envoy.config.cluster.v3.Cluster in DeltaDiscoveryResponse
        cluster_manager.cds.update_attempt: 7
        cluster_manager.cds.update_success: 5
        cluster_manager.cds.update_rejected: 1
        cluster_manager.cds.version_text: "x4"
      `,
    },
    s =>
      OddPlane.run(s, { isDelta }, async odd => {
        await odd.tells('cluster', [
          { name: 'other', resource: edsCluster('b', { type: 'STATIC', eds_cluster_config: null }) },
        ])
        await odd.dump('dynamic_active_clusters')
        await odd.tells('cluster', [
          { name: '', resource: edsCluster('c', { type: 'STATIC', eds_cluster_config: null }) },
        ])
        await odd.dump('dynamic_active_clusters')
        await odd.tells('cluster', [], ['b'])
        await odd.dump('dynamic_active_clusters')
        await odd.tells('cluster', [{ name: 'x', aliases: ['y'] }])
        await odd.tells('cluster', [{ name: 'z' }])
        await odd.stats(...cdsStats)
      }),
  )

  f.scenario(
    'two names for one cluster',
    {
      sees: `
        #1 cluster nonce x1 error 13: Error adding/updating cluster(s) b: duplicate cluster b found
        dynamic_active_clusters:
          a version 1
          b version x1
        cluster_manager.cds.update_attempt: 4
        cluster_manager.cds.update_success: 1
        cluster_manager.cds.update_rejected: 1
        cluster_manager.cds.version_text: "1"
      `,
    },
    s =>
      OddPlane.run(s, { isDelta }, async odd => {
        const fixed = (timeout: string) =>
          edsCluster('b', { type: 'STATIC', eds_cluster_config: null, connect_timeout: timeout })
        await odd.tells('cluster', [
          { name: 'x', resource: fixed('1s') },
          { name: 'y', resource: fixed('2s') },
        ])
        await odd.dump('dynamic_active_clusters')
        await odd.stats(...cdsStats)
      }),
  )

  f.scenario(
    'nothing, what is gone already, what was never there, and a good one beside a bad one',
    {
      sees: `
        #1 cluster nonce x1
        #1 cluster nonce x2
        200 one
        #1 cluster nonce x3
        503
        #1 cluster nonce x4
        cluster_manager.cds.update_attempt: 6
        cluster_manager.cds.update_success: 5
        cluster_manager.cds.update_rejected: 0
        cluster_manager.cds.version_text: "x4"
        cluster_manager.cluster_removed: 1
        #1 cluster nonce x5 error 13: Error adding/updating cluster(s) bad: eds_cluster_config set in a non-EDS cluster
        dynamic_active_clusters:
          good version x5
        cluster_manager.cds.update_attempt: 8
        cluster_manager.cds.update_success: 5
        cluster_manager.cds.update_rejected: 1
        cluster_manager.cds.version_text: "x4"
      `,
    },
    s =>
      OddPlane.run(s, { isDelta }, async odd => {
        await odd.tells('cluster', [])
        await odd.tells('cluster', [], ['never'])
        await odd.asks()
        await odd.tells('cluster', [], ['a'])
        await odd.becomes('503')
        await odd.tells('cluster', [], ['a'])
        await odd.stats(...cdsStats, 'cluster_manager.cluster_removed')
        await odd.tells('cluster', [
          { name: 'bad', resource: edsCluster('bad', { type: 'STATIC' }) },
          { name: 'good', resource: edsCluster('good', { type: 'STATIC', eds_cluster_config: null }) },
        ])
        await odd.dump('dynamic_active_clusters')
        await odd.stats(...cdsStats)
      }),
  )

  f.scenario(
    'the same version once more, and a heartbeat',
    {
      sees: `
        #1 cluster nonce x1
        #1 cluster nonce x2
        #1 cluster nonce x3 error 13: type URL  embedded in an individual Any does not match the message-wide type URL type.googleapis.com/envoy.config.cluster.v3.Cluster in DeltaDiscoveryResponse
        200 one
        cluster_manager.cds.update_attempt: 5
        cluster_manager.cds.update_success: 3
        cluster_manager.cds.update_rejected: 1
        cluster_manager.cds.version_text: "x2"
        cluster_manager.cluster_modified: 0
      `,
    },
    s =>
      OddPlane.run(s, { isDelta }, async odd => {
        await odd.tells('cluster', [{ name: 'a', version: '7', resource: edsCluster('a') }])
        await odd.tells('cluster', [{ name: 'a', version: '7' }])
        await odd.tells('cluster', [{ name: 'a', version: '8' }])
        await odd.asks()
        await odd.stats(...cdsStats, 'cluster_manager.cluster_modified')
      }),
  )

  f.scenario(
    'a time to live that ends',
    {
      sees: `
        #1 cluster nonce x1
        200 one
        503
        cluster_manager.cds.update_attempt: 4
        cluster_manager.cds.update_success: 3
        cluster_manager.cds.update_rejected: 0
        cluster_manager.cds.version_text: ""
        cluster_manager.cluster_removed: 1
      `,
    },
    s =>
      OddPlane.run(s, { isDelta }, async odd => {
        await odd.tells('cluster', [
          { name: 'a', version: '7', resource: edsCluster('a'), ttl: { seconds: 1n, nanos: 0 } },
        ])
        await odd.asks()
        await odd.becomes('503')
        await odd.stats(...cdsStats, 'cluster_manager.cluster_removed')
      }),
  )

  f.scenario(
    'answers about what nobody asked for, and a response without a type',
    {
      sees: `
        #1 cluster nonce x4
        200 one
        cluster_manager.cds.update_attempt: 3
        cluster_manager.cds.update_success: 2
        cluster_manager.cds.update_rejected: 0
        cluster_manager.cds.version_text: "x4"
      `,
    },
    s =>
      OddPlane.run(s, { isDelta }, async odd => {
        odd.sendDelta('type.googleapis.com/envoy.config.made.Up', [])
        odd.sendDelta('', [{ name: 'a', resource: edsCluster('a') }])
        odd.sendDelta(urls.secret, [])
        await odd.tells('cluster', [])
        await odd.asks()
        await odd.stats(...cdsStats)
      }),
  )
})

feature('odd deltas of listeners', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario(
    'removed and there again at once, bad ones in /config_dump',
    {
      sees: `
        #1 listener nonce x1 error 13: Error adding/updating listener(s) b: error adding listener '127.0.0.1:0': no filter chains specified
        dynamic_listeners:
          - error -: error adding listener '127.0.0.1:0': no filter chains specified
          b error -: error adding listener '127.0.0.1:0': no filter chains specified
          main active_state 3
        #1 listener nonce x2
        200 b
        #1 listener nonce x3
        200 c
        dynamic_listeners:
          b active_state x2
          main active_state 3
          other active_state x3
        #1 listener nonce x4
        no listener
        200 c
        dynamic_listeners:
          b draining_state x2
          main active_state 3
          other active_state x3
        listener_manager.lds.update_attempt: 7
        listener_manager.lds.update_success: 4
        listener_manager.lds.update_rejected: 1
        listener_manager.lds.version_text: "x4"
      `,
    },
    s =>
      OddPlane.run(s, { isDelta }, async odd => {
        await odd.tells('listener', [{ name: 'b', resource: inline('b', 'b', { filter_chains: [] }) }])
        await odd.dump('dynamic_listeners')
        await odd.tells('listener', [{ name: 'b', resource: inline('b', 'b') }])
        await odd.becomes('200 b', 'b')
        await odd.tells('listener', [{ name: 'b', resource: inline('other', 'c') }])
        await odd.becomes('200 c', 'other')
        await odd.dump('dynamic_listeners')
        await odd.tells('listener', [], ['b'])
        await odd.becomes('no listener', 'b')
        await odd.asks('other')
        await odd.dump('dynamic_listeners')
        await odd.stats(...ldsStats)
      }),
  )
})

feature('odd deltas of routes and members', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario(
    'routes that are removed serve on; unasked ones; another name inside',
    {
      sees: `
        #1 route nonce x1
        200 one
        http.main.rds.r.update_attempt: 3
        http.main.rds.r.update_success: 2
        http.main.rds.r.update_rejected: 0
        http.main.rds.r.update_empty: 0
        http.main.rds.r.config_reload: 1
        #1 route nonce x2
        200 one
        #1 route nonce x3 error 13: Unexpected RDS configuration (expecting r): other
        200 one
        http.main.rds.r.update_attempt: 5
        http.main.rds.r.update_success: 2
        http.main.rds.r.update_rejected: 1
        http.main.rds.r.update_empty: 0
        http.main.rds.r.config_reload: 1
        #1 route nonce x4
        http.main.rds.r.update_attempt: 5
        http.main.rds.r.update_success: 2
        http.main.rds.r.update_rejected: 1
        http.main.rds.r.update_empty: 0
        http.main.rds.r.config_reload: 1
        #1 route nonce x5 error 13: Unable to unpack as envoy.config.route.v3.RouteConfiguration
        #1 route nonce x6 error 13: Proto constraint validation failed
        http.main.rds.r.update_attempt: 7
        http.main.rds.r.update_success: 2
        http.main.rds.r.update_rejected: 3
        http.main.rds.r.update_empty: 0
        http.main.rds.r.config_reload: 1
        dynamic_route_configs:
          r version 4
      `,
    },
    s =>
      OddPlane.run(s, { isDelta }, async odd => {
        await odd.tells('route', [], ['r'])
        await odd.asks()
        await odd.stats(...rdsStats)
        await odd.tells('route', [{ name: 'other', resource: routes('other', says('other')) }])
        await odd.asks()
        await odd.tells('route', [{ name: 'r', resource: routes('other', says('other')) }])
        await odd.asks()
        await odd.stats(...rdsStats)
        await odd.tells('route', [])
        await odd.stats(...rdsStats)
        await odd.tells('route', [{ name: 'r', resource: garbage('route') }])
        await odd.tells('route', [{ name: 'r', resource: routes('r', { match: { prefix: '/' } }) }])
        await odd.stats(...rdsStats)
        await odd.dump('dynamic_route_configs')
      }),
  )

  f.scenario(
    'members that are removed; of another cluster; another name inside',
    {
      sees: `
        #1 endpoint nonce x1
        200 one
        cluster.a.update_attempt: 3
        cluster.a.update_success: 2
        cluster.a.update_rejected: 0
        cluster.a.update_empty: 1
        cluster.a.update_no_rebuild: 0
        #1 endpoint nonce x2
        200 one
        #1 endpoint nonce x3 error 13: Unexpected EDS cluster (expecting a): b
        200 one
        cluster.a.update_attempt: 5
        cluster.a.update_success: 2
        cluster.a.update_rejected: 1
        cluster.a.update_empty: 1
        cluster.a.update_no_rebuild: 0
        #1 endpoint nonce x4
        cluster.a.update_attempt: 5
        cluster.a.update_success: 2
        cluster.a.update_rejected: 1
        cluster.a.update_empty: 1
        cluster.a.update_no_rebuild: 0
        #1 endpoint nonce x5 error 13: Unable to unpack as envoy.config.endpoint.v3.ClusterLoadAssignment
        #1 endpoint nonce x6
        200 two
        cluster.a.update_attempt: 7
        cluster.a.update_success: 3
        cluster.a.update_rejected: 2
        cluster.a.update_empty: 1
        cluster.a.update_no_rebuild: 0
      `,
    },
    s =>
      OddPlane.run(s, { isDelta }, async odd => {
        const [, two] = odd.x.upstreams
        await odd.tells('endpoint', [], ['a'])
        await odd.asks()
        await odd.stats(...edsStats)
        await odd.tells('endpoint', [{ name: 'b', resource: endpoints('b', [two]) }])
        await odd.asks()
        await odd.tells('endpoint', [{ name: 'a', resource: endpoints('b', [two]) }])
        await odd.asks()
        await odd.stats(...edsStats)
        await odd.tells('endpoint', [])
        await odd.stats(...edsStats)
        await odd.tells('endpoint', [{ name: 'a', resource: garbage('endpoint') }])
        await odd.tells('endpoint', [{ name: 'a', resource: endpoints('a', [two]) }])
        await odd.becomes('200 two')
        await odd.stats(...edsStats)
      }),
  )

  f.scenario(
    'the stream ends: what is known is told, also what was not asked for',
    {
      sees: `
        #1 endpoint nonce x1
        #1 route nonce x2
        #1 listener nonce x3 error 13: Error adding/updating listener(s) bad: error adding listener '127.0.0.1:0': no filter chains specified
        cluster [] {"a":"1"}
        endpoint [a] {"a":"2"}
        listener [] {"main":"3"}
        route [r] {"r":"9"}
        200 one
      `,
    },
    s =>
      OddPlane.run(s, { isDelta }, async odd => {
        await odd.tells('endpoint', [{ name: 'b', version: '9', resource: endpoints('b', []) }])
        await odd.tells('route', [{ name: 'r', version: '9', resource: routes('r', toCluster('a')) }])
        await odd.tells('listener', [{ name: 'x', version: '9', resource: inline('bad', 'x', { filter_chains: [] }) }])
        const from = odd.x.plane.requests.length
        odd.stream.end(14, 'away')
        await odd.x.plane.waitFor('the second stream', () =>
          odd.x.plane.requests.length >= from + 4 ? true : undefined,
        )
        const first = odd.x.plane.requests.slice(from).filter(({ nonce }) => nonce === '')
        s.note(
          first
            .map(
              ({ type, names, initialVersions }) =>
                `${type} [${[...names].sort().join(' ')}] ${JSON.stringify(initialVersions)}`,
            )
            .sort()
            .join('\n'),
        )
        await odd.asks()
      }),
  )

  f.scenario(
    'listeners and routes in one turn, the routes first',
    {
      sees: `
        #1 listener nonce x1
        200 r2
        dynamic_route_configs:
          r version 4
          r2 version 5
      `,
    },
    s =>
      OddPlane.run(s, { isDelta }, async odd => {
        const { plane } = odd.x
        plane.update('route', { r2: routes('r2', says('r2')) })
        await odd.tells('listener', [{ name: 'main', resource: listener('main', rds('r2')) }])
        await odd.becomes('200 r2')
        await odd.dump('dynamic_route_configs')
      }),
  )
})
