// Clusters that change, members whose time is over, addresses that are taken.
import net from 'node:net'
import { feature } from '../support/scenario.js'
import { ADS, edsCluster, endpoints, listener, rds, table, toCluster, XdsScene } from '../support/xds-scene.js'

const here = '127.0.0.1'

feature('clusters that change', { file: import.meta.url, withoutProxy: true }, f => {
  const source = { ...ADS, initial_fetch_timeout: '0.5s' }
  const cluster = (timeout: string) =>
    edsCluster('a', { connect_timeout: timeout, eds_cluster_config: { eds_config: source } })
  for (const isDelta of [false, true]) {
    f.scenario(
      `endpoints are asked for anew; without an answer those that are known serve, ${isDelta ? 'delta' : 'state of the world'}`,
      {
        sees: `
          cluster_manager.warming_clusters: 1
          200 one
          cluster.a.assignment_use_cached: 1
          cluster.a.init_fetch_timeout: 1
          cluster.a.membership_change: 2
          cluster.a.update_success: 1
          200 one`,
      },
      s =>
        XdsScene.run(
          {
            isDelta,
            prepare: (plane, [one]) => {
              plane.update('cluster', { a: cluster('1s') })
              plane.update('endpoint', { a: endpoints('a', [one]) })
              plane.update('listener', { main: listener('main', { route_config: table('i', toCluster('a')) }) })
            },
          },
          async x => {
            x.plane.update('cluster', { a: cluster('2s') })
            await x.statBecomes('cluster_manager.warming_clusters', 1)
            s.note(await x.stats('cluster_manager.warming_clusters'))
            s.note(await x.ask('main'))
            await x.statBecomes('cluster.a.assignment_use_cached', 1)
            await x.statBecomes('cluster_manager.warming_clusters', 0)
            const names = ['assignment_use_cached', 'init_fetch_timeout', 'membership_change', 'update_success']
            s.note(await x.stats(...names.map(name => `cluster.a.${name}`)))
            s.note(await x.ask('main'))
          },
        ),
    )
  }

  f.scenario(
    'members whose time is over go',
    {
      sees: `
        200 one
        cluster.a.assignment_timeout_received: 1
        cluster.a.assignment_stale: 1
        503 no healthy upstream
        200 two`,
    },
    s =>
      XdsScene.run(
        {
          prepare: (plane, [one]) => {
            plane.update('cluster', { a: edsCluster('a') })
            plane.update('endpoint', {
              a: { ...(endpoints('a', [one]) as object), policy: { endpoint_stale_after: '2s' } },
            })
            plane.update('listener', { main: listener('main', { route_config: table('i', toCluster('a')) }) })
          },
        },
        async x => {
          s.note(await x.ask('main'))
          s.note(await x.stats('cluster.a.assignment_timeout_received'))
          await x.statBecomes('cluster.a.assignment_stale', 1)
          s.note(await x.stats('cluster.a.assignment_stale'))
          await x.becomes('main', '503 no healthy upstream')
          s.note('503 no healthy upstream')
          x.plane.update('endpoint', { a: endpoints('a', [x.upstreams[1]]) })
          await x.becomes('main', '200 two')
          s.note('200 two')
        },
      ),
  )
})

feature('addresses', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario(
    'one that is taken is the reason to refuse a listener, whatever it waits for',
    {
      sees: `
        Error adding/updating listener(s) main: cannot bind '127.0.0.1:PORT': Address already in use
        listener_manager.total_listeners_warming: 0
        listener_manager.lds.update_rejected: 1`,
    },
    async s => {
      const other = net.createServer()
      await new Promise<void>(resolve => other.listen(0, here, resolve))
      const { port } = other.address() as net.AddressInfo
      const address = { socket_address: { address: here, port_value: port } }
      try {
        await XdsScene.run({ hasCds: false, waitUntilLive: false }, async x => {
          x.plane.update('listener', { main: listener('main', rds('never'), { address }) })
          const refused = await x.plane.waitFor('a refusal', () =>
            x.plane.requests.find(({ error }) => error !== undefined),
          )
          s.note((refused.error?.message ?? '').trim().replace(String(port), 'PORT'))
          await x.statBecomes('listener_manager.lds.update_rejected', 1)
          s.note(await x.stats('listener_manager.total_listeners_warming', 'listener_manager.lds.update_rejected'))
        })
      } finally {
        other.close()
      }
    },
  )
})
