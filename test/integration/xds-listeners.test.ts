// Listeners and clusters of a management server: addresses that are taken, changes in place, names twice, and what admin pages say.
import net from 'node:net'
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
  XdsScene,
} from '../support/xds-scene.js'

const inline = (text: string) => ({ route_config: table('i', says(text)) })

async function refusals({ plane }: XdsScene, type: string, count = 1): Promise<string> {
  const seen = await plane.waitFor(`a refusal of ${type}`, () => {
    const found = plane.requests.filter(request => request.type === type && request.error !== undefined)
    return found.length >= count ? found.at(-1) : undefined
  })
  return `refused: ${seen.error?.message.trim()}`
}

/** A port that nobody else is given meanwhile. */
async function freePort(): Promise<number> {
  const server = net.createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

feature('listeners of a management server', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario(
    'an address that another listener has',
    {
      sees: `
          refused: Error adding/updating listener(s) b: error adding listener: 'b' has duplicate address '127.0.0.1:PORT' as existing listener, to check if the listener has duplicated addresses with other listeners or 'enable_reuse_port' is set to 'false' for the listener
          200 a
          listener_manager.lds.update_rejected: 1
          listener_manager.listener_added: 1`,
    },
    async s => {
      const port = await freePort()
      await XdsScene.run(
        {
          hasCds: false,
          prepare: plane => plane.update('listener', { a: listener('a', inline('a'), { address: socket(port) }) }),
        },
        async x => {
          x.plane.update('listener', { b: listener('b', inline('b'), { address: socket(port) }) })
          s.note((await refusals(x, 'listener')).replaceAll(String(port), 'PORT'))
          s.note(await x.ask('a'))
          s.note(await x.stats('listener_manager.lds.update_rejected', 'listener_manager.listener_added'))
        },
      )
    },
  )

  f.scenario(
    'a port that another process has',
    {
      sees: `
          refused: Error adding/updating listener(s) b: cannot bind '127.0.0.1:PORT': Address already in use
          200 a
          listener_manager.lds.update_rejected: 1
          listener_manager.total_listeners_active: 1`,
    },
    async s => {
      const server = net.createServer()
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
      const { port } = server.address() as net.AddressInfo
      try {
        await XdsScene.run(
          { hasCds: false, prepare: plane => plane.update('listener', { a: listener('a', inline('a')) }) },
          async x => {
            x.plane.update('listener', { b: listener('b', inline('b'), { address: socket(port) }) })
            s.note((await refusals(x, 'listener')).replaceAll(String(port), 'PORT'))
            s.note(await x.ask('a'))
            s.note(await x.stats('listener_manager.lds.update_rejected', 'listener_manager.total_listeners_active'))
          },
        )
      } finally {
        await new Promise(resolve => server.close(resolve))
      }
    },
  )

  f.scenario(
    'a change of filter chains alone keeps the socket',
    {
      sees: `
          listener_manager.listener_in_place_updated: 1
          listener_manager.listener_modified: 1
          listener_manager.total_listeners_draining: 0
          listener_manager.total_filter_chains_draining: 1
          listener_manager.listener_create_success: 2
          200 two
          listener_manager.listener_in_place_updated: 1
          listener_manager.total_listeners_draining: 1
          listener_manager.listener_create_success: 3`,
    },
    async s => {
      const port = await freePort()
      await XdsScene.run(
        {
          hasCds: false,
          prepare: plane => plane.update('listener', { a: listener('a', inline('one'), { address: socket(port) }) }),
        },
        async x => {
          x.plane.update('listener', { a: listener('a', inline('two'), { address: socket(port) }) })
          await x.becomes('a', '200 two')
          s.note(
            await x.stats(
              'listener_manager.listener_in_place_updated',
              'listener_manager.listener_modified',
              'listener_manager.total_listeners_draining',
              'listener_manager.total_filter_chains_draining',
              'listener_manager.listener_create_success',
            ),
          )
          x.plane.update('listener', {
            a: listener('a', inline('two'), { address: socket(port), per_connection_buffer_limit_bytes: 5000 }),
          })
          await x.statBecomes('listener_manager.listener_modified', 2)
          s.note(await x.ask('a'))
          s.note(
            await x.stats(
              'listener_manager.listener_in_place_updated',
              'listener_manager.total_listeners_draining',
              'listener_manager.listener_create_success',
            ),
          )
        },
      )
    },
  )

  f.scenario(
    'the same resources once more are no news',
    {
      sees: `
          cluster_manager.cluster_modified: 0
          cluster_manager.cluster_updated: 0
          cluster.a.update_no_rebuild: 1
          cluster.a.membership_change: 1
          listener_manager.listener_modified: 0
          http.main.rds.r.config_reload: 1`,
    },
    s =>
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
          x.plane.update('cluster', { a: edsCluster('a') })
          x.plane.update('endpoint', { a: endpoints('a', [x.upstreams[0]]) })
          x.plane.update('listener', { main: listener('main', rds('r')) })
          x.plane.update('route', { r: routes('r', toCluster('a')) })
          await x.statBecomes('cluster_manager.cds.update_success', 2)
          await x.statBecomes('cluster.a.update_success', 2)
          await x.statBecomes('listener_manager.lds.update_success', 2)
          await x.statBecomes('http.main.rds.r.update_success', 2)
          s.note(
            await x.stats(
              'cluster_manager.cluster_modified',
              'cluster_manager.cluster_updated',
              'cluster.a.update_no_rebuild',
              'cluster.a.membership_change',
              'listener_manager.listener_modified',
              'http.main.rds.r.config_reload',
            ),
          )
        },
      ),
  )

  f.scenario(
    'what /clusters and /listeners say',
    {
      sees: `
          a::observability_name::a
          a::added_via_api::true
          a::eds_service_name::service
          a::127.0.0.1:PORT::health_flags::healthy
          {"name":"a","added_via_api":true,"eds_service_name":"service"}
          {"name":"xds"}`,
    },
    s =>
      XdsScene.run(
        {
          prepare: (plane, [one]) => {
            plane.update('cluster', {
              a: edsCluster('a', { eds_cluster_config: { eds_config: ADS, service_name: 'service' } }),
            })
            plane.update('endpoint', { service: endpoints('service', [one]) })
            plane.update('listener', { main: listener('main', inline('x')) })
          },
        },
        async x => {
          const { body } = await x.proxy.admin('/clusters')
          const lines = body.split('\n').filter(line => /^a::(?:added|observ|eds|127.*health_flags)/.test(line))
          s.note(lines.join('\n').replaceAll(String(x.upstreams[0]), 'PORT'))
          const json = JSON.parse((await x.proxy.admin('/clusters?format=json')).body) as {
            cluster_statuses: { name: string; added_via_api?: boolean; eds_service_name?: string }[]
          }
          for (const { name, added_via_api, eds_service_name } of json.cluster_statuses)
            s.note(JSON.stringify({ name, added_via_api, eds_service_name }))
        },
      ),
  )

  f.scenario(
    'a listener that is removed while it warms',
    {
      sees: `
          listener_manager.listener_removed: 1
          listener_manager.total_listeners_active: 1`,
    },
    s =>
      XdsScene.run(
        { hasCds: false, prepare: plane => plane.update('listener', { a: listener('a', inline('a')) }) },
        async x => {
          x.plane.update('listener', { b: listener('b', rds('never')) })
          await x.statBecomes('listener_manager.total_listeners_warming', 1)
          x.plane.update('listener', { b: undefined })
          await x.statBecomes('listener_manager.total_listeners_warming', 0)
          s.note(await x.stats('listener_manager.listener_removed', 'listener_manager.total_listeners_active'))
        },
      ),
  )
})
