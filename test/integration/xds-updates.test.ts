// Resources of a management server over ADS, in both dialects: what comes takes effect, what is bad is refused by name, what is gone drains.
import { feature, type Scene } from '../support/scenario.js'
import {
  ADS,
  edsCluster,
  endpoints,
  listener,
  rds,
  routes,
  says,
  table,
  toCluster,
  XdsScene,
} from '../support/xds-scene.js'

const everything = (plane: XdsScene['plane'], [one]: readonly [number, number]): void => {
  plane.update('cluster', { a: edsCluster('a') })
  plane.update('endpoint', { a: endpoints('a', [one]) })
  plane.update('listener', { main: listener('main', rds('r')) })
  plane.update('route', { r: routes('r', toCluster('a')) })
}

/** Waits for the NACK of a type, and notes its words. */
async function refusal(s: Scene, { plane }: XdsScene, type: string): Promise<void> {
  const seen = await plane.waitFor(`a refusal of ${type}`, () =>
    plane.requests.find(request => request.type === type && request.error !== undefined),
  )
  s.note(`refused: ${seen.error?.message.trim()}`)
}

for (const isDelta of [false, true]) {
  feature(`ADS, ${isDelta ? 'delta' : 'state of the world'}`, { file: import.meta.url, withoutProxy: true }, f => {
    f.scenario(
      'clusters, endpoints, listeners, routes',
      {
        sees: `
          200 one
          cluster_manager.active_clusters: 2
          cluster_manager.warming_clusters: 0
          listener_manager.total_listeners_active: 1
          cluster.a.membership_total: 1`,
      },
      s =>
        XdsScene.run({ isDelta, prepare: everything }, async x => {
          s.note(await x.ask('main'))
          s.note(
            await x.stats(
              'cluster_manager.active_clusters',
              'cluster_manager.warming_clusters',
              'listener_manager.total_listeners_active',
              'cluster.a.membership_total',
            ),
          )
        }),
    )

    f.scenario(
      'each of them changes',
      {
        sees: `
          200 two
          200 said
          200 inline
          cluster_manager.cluster_added: 2
          cluster_manager.cluster_modified: 0
          cluster_manager.cluster_updated: 1
          listener_manager.listener_added: 1
          listener_manager.listener_modified: 1
          http.main.rds.r.config_reload: 2`,
      },
      s =>
        XdsScene.run({ isDelta, prepare: everything }, async x => {
          x.plane.update('endpoint', { a: endpoints('a', [x.upstreams[1]]) })
          await x.becomes('main', '200 two')
          s.note('200 two')
          x.plane.update('route', { r: routes('r', says('said')) })
          await x.becomes('main', '200 said')
          s.note('200 said')
          const counted = await x.stats('http.main.rds.r.config_reload')
          x.plane.update('listener', { main: listener('main', { route_config: table('i', says('inline')) }) })
          await x.becomes('main', '200 inline')
          s.note('200 inline')
          s.note(
            await x.stats(
              'cluster_manager.cluster_added',
              'cluster_manager.cluster_modified',
              'cluster_manager.cluster_updated',
              'listener_manager.listener_added',
              'listener_manager.listener_modified',
            ),
          )
          s.note(counted)
        }),
    )

    f.scenario(
      'what is gone',
      {
        sees: `
          503
          cluster_manager.cluster_removed: 1
          no listener
          listener_manager.listener_removed: 1`,
      },
      s =>
        XdsScene.run({ isDelta, prepare: everything }, async x => {
          x.plane.update('cluster', { a: undefined })
          await x.becomes('main', '503')
          s.note('503')
          s.note(await x.stats('cluster_manager.cluster_removed'))
          x.plane.update('listener', { main: undefined })
          await x.becomes('main', 'no listener')
          s.note('no listener')
          s.note(await x.stats('listener_manager.listener_removed'))
        }),
    )

    f.scenario('/config_dump has the route table that stands in a listener', { sees: 'tables: i, said: r' }, s =>
      XdsScene.run({ isDelta, prepare: everything }, async x => {
        x.plane.update('listener', { inline: listener('inline', { route_config: table('i', says('inline')) }) })
        await x.becomes('inline', '200 inline')
        const names = async (of: string): Promise<string> => {
          const { body } = await x.proxy.admin(`/config_dump?resource=${of}`)
          const { configs } = JSON.parse(body) as { configs: { route_config: { name: string } }[] }
          return configs.map(one => one.route_config.name).join()
        }
        s.note(`tables: ${await names('static_route_configs')}, said: ${await names('dynamic_route_configs')}`)
      }),
    )

    f.scenario(
      '/config_dump has listeners that drain: replaced, removed, but none whose filter chains alone changed',
      { sees: 'chains: active_state; gone: draining_state; other: active_state draining_state' },
      s => {
        const said = (name: string, text: string, more = {}) =>
          listener(name, { route_config: table('i', says(text)) }, more)
        const prepare = (plane: XdsScene['plane']): void =>
          void plane.update('listener', {
            chains: said('chains', 'a'),
            gone: said('gone', 'a'),
            other: said('other', 'a'),
          })
        return XdsScene.run({ isDelta, hasCds: false, prepare }, async x => {
          x.plane.update('listener', {
            chains: said('chains', 'b'),
            gone: undefined,
            other: said('other', 'b', { per_connection_buffer_limit_bytes: 4242 }),
          })
          await x.becomes('gone', 'no listener')
          await x.becomes('other', '200 b')
          await x.becomes('chains', '200 b')
          const { body } = await x.proxy.admin('/config_dump?resource=dynamic_listeners')
          const { configs } = JSON.parse(body) as { configs: { name: string }[] }
          const states = configs.map(one => {
            const keys = Object.keys(one).filter(key => key.endsWith('_state'))
            return `${one.name}: ${keys.sort().join(' ')}`
          })
          s.note(states.sort().join('; '))
        })
      },
    )

    f.scenario(
      'a rule broken in a payload refuses its listener alone',
      {
        sees: `
          refused: bad
          200 good
          listener_manager.lds.update_success: 1`,
      },
      s =>
        XdsScene.run({ isDelta, prepare: everything }, async x => {
          x.plane.update('listener', {
            bad: listener('bad', { route_config: table('i', { match: {}, route: { cluster: 'a' } }) }),
            good: listener('good', { route_config: table('i', says('good')) }),
          })
          const seen = await x.plane.waitFor('a refusal', () => x.plane.requests.find(one => one.error !== undefined))
          s.note(`refused: ${/Error adding\/updating listener\(s\) (\w+): /.exec(seen.error?.message ?? '')?.[1]}`)
          await x.becomes('good', '200 good')
          s.note('200 good')
          s.note(await x.stats('listener_manager.lds.update_success'))
        }),
    )

    f.scenario(
      'a bad cluster beside a good one',
      {
        sees: `
          refused: Error adding/updating cluster(s) bad: eds_cluster_config set in a non-EDS cluster
          200 two
          cluster_manager.cds.update_rejected: 1
          cluster_manager.cds.update_success: 1
        `,
      },
      s =>
        XdsScene.run({ isDelta, prepare: everything }, async x => {
          x.plane.update('cluster', {
            bad: edsCluster('bad', { type: 'STATIC', connect_timeout: '1s' }),
            good: edsCluster('good'),
          })
          x.plane.update('endpoint', { good: endpoints('good', [x.upstreams[1]]) })
          await refusal(s, x, 'cluster')
          x.plane.update('route', { r: routes('r', toCluster('good')) })
          await x.becomes('main', '200 two')
          s.note('200 two')
          s.note(await x.stats('cluster_manager.cds.update_rejected', 'cluster_manager.cds.update_success'))
        }),
    )

    f.scenario(
      'a bad listener beside a good one',
      {
        sees: `
          refused: Error adding/updating listener(s) bad: error adding listener '127.0.0.1:0': no filter chains specified
          200 good
          200 one`,
      },
      s =>
        XdsScene.run({ isDelta, prepare: everything }, async x => {
          x.plane.update('listener', {
            bad: listener('bad', rds('r'), { filter_chains: [] }),
            good: listener('good', { route_config: table('i', says('good')) }),
          })
          await refusal(s, x, 'listener')
          await x.becomes('good', '200 good')
          s.note('200 good')
          s.note(await x.ask('main'))
        }),
    )

    f.scenario(
      'a field that breaks a rule refuses the whole response',
      {
        sees: `
          refused
          200 one
          cluster_manager.active_clusters: 2
          cluster_manager.cds.update_rejected: 1`,
      },
      s =>
        XdsScene.run({ isDelta, prepare: everything }, async x => {
          x.plane.update('cluster', {
            bad: edsCluster('bad', { connect_timeout: '-1s' }),
            good: edsCluster('good'),
          })
          await x.statBecomes('cluster_manager.cds.update_rejected', 1)
          s.note('refused')
          s.note(await x.ask('main'))
          s.note(await x.stats('cluster_manager.active_clusters', 'cluster_manager.cds.update_rejected'))
        }),
    )

    f.scenario(
      'a new version of a listener waits for its routes while the old one serves',
      {
        sees: `
          listener_manager.total_listeners_warming: 1
          200 one
          200 new
          listener_manager.total_listeners_warming: 0`,
      },
      s =>
        XdsScene.run({ isDelta, prepare: everything }, async x => {
          x.plane.update('listener', { main: listener('main', rds('later')) })
          await x.statBecomes('listener_manager.total_listeners_warming', 1)
          s.note(await x.stats('listener_manager.total_listeners_warming'))
          s.note(await x.ask('main'))
          x.plane.update('route', { later: routes('later', says('new')) })
          await x.becomes('main', '200 new')
          s.note('200 new')
          s.note(await x.stats('listener_manager.total_listeners_warming'))
        }),
    )

    f.scenario(
      'a new cluster waits for its endpoints',
      {
        sees: `
          cluster_manager.warming_clusters: 1
          503
          200 two
          cluster_manager.warming_clusters: 0`,
      },
      s =>
        XdsScene.run({ isDelta, prepare: everything }, async x => {
          x.plane.update('cluster', { b: edsCluster('b') })
          await x.statBecomes('cluster_manager.warming_clusters', 1)
          s.note(await x.stats('cluster_manager.warming_clusters'))
          x.plane.update('route', { r: routes('r', toCluster('b')) })
          await x.becomes('main', '503')
          s.note('503')
          x.plane.update('endpoint', { b: endpoints('b', [x.upstreams[1]]) })
          await x.becomes('main', '200 two')
          s.note('200 two')
          s.note(await x.stats('cluster_manager.warming_clusters'))
        }),
    )

    f.scenario('the management server goes away', { sees: '200 one, and control_plane.connected_state: 0' }, s =>
      XdsScene.run({ isDelta, prepare: everything }, async x => {
        await x.plane.close()
        await x.statBecomes('control_plane.connected_state', 0)
        s.note(`${await x.ask('main')}, and ${await x.stats('control_plane.connected_state')}`)
      }),
    )

    f.scenario(
      'what is static waits for what is not',
      {
        sees: `
          200 one
          cluster.a.update_success: 1`,
      },
      s =>
        XdsScene.run(
          {
            isDelta,
            hasCds: false,
            hasLds: false,
            clusters: [{ name: 'a', type: 'EDS', connect_timeout: '1s', eds_cluster_config: { eds_config: ADS } }],
            listeners: [withoutType(listener('main', rds('r')))],
            prepare: (plane, [one]) => {
              plane.update('endpoint', { a: endpoints('a', [one]) })
              plane.update('route', { r: routes('r', toCluster('a')) })
            },
          },
          async x => {
            s.note(await x.ask('main'))
            s.note(await x.stats('cluster.a.update_success'))
          },
        ),
    )

    f.scenario(
      'routes that do not come: the listener serves without them after a while',
      { sees: '404, http.main.rds.never.init_fetch_timeout: 1' },
      s =>
        XdsScene.run(
          {
            isDelta,
            prepare: plane => {
              const source = { ...ADS, initial_fetch_timeout: '0.3s' }
              plane.update('listener', { main: listener('main', rds('never', source)) })
              plane.update('cluster', { a: edsCluster('a', { eds_cluster_config: { eds_config: source } }) })
            },
          },
          async x => s.note(`${await x.ask('main')}, ${await x.stats('http.main.rds.never.init_fetch_timeout')}`),
        ),
    )

    f.scenario('values of the runtime', { sees: '200 on, then 200 off, and runtime.num_layers: 2' }, s =>
      XdsScene.run(
        {
          isDelta,
          hasCds: false,
          more: {
            layered_runtime: {
              layers: [
                { name: 'base', static_layer: { share: 0 } },
                { name: 'far', rtds_layer: { name: 'values', rtds_config: ADS } },
              ],
            },
          },
          prepare: plane => {
            plane.update('runtime', { values: runtime({ share: 100 }) })
            plane.update('listener', { main: listener('main', { route_config: table('i', shared(), says('off')) }) })
          },
        },
        async x => {
          const first = await x.ask('main')
          x.plane.update('runtime', { values: runtime({ share: 0 }) })
          await x.becomes('main', '200 off')
          s.note(`${first}, then 200 off, and ${await x.stats('runtime.num_layers')}`)
        },
      ),
    )
  })
}

const runtime = (layer: Record<string, number>) => ({
  '@type': 'type.googleapis.com/envoy.service.runtime.v3.Runtime',
  name: 'values',
  layer,
})

const shared = () => ({
  ...says('on'),
  match: {
    prefix: '/',
    runtime_fraction: { runtime_key: 'share', default_value: { numerator: 0, denominator: 'HUNDRED' } },
  },
})

function withoutType(resource: unknown): Record<string, unknown> {
  const { '@type': _type, ...fields } = resource as Record<string, unknown>
  return fields
}
