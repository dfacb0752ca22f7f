// Clusters, listeners and endpoints in files, which are replaced by rename.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { feature } from '../support/scenario.js'
import { edsCluster, endpoints, listener, says, table, toCluster, XdsScene } from '../support/xds-scene.js'

let version = 0

/** Puts a file in the place of the one before at once, as Envoy wants it. */
function put(folder: string, name: string, ...resources: unknown[]): void {
  const file = path.join(folder, `${name}.json`)
  writeFileSync(`${file}.new`, JSON.stringify({ version_info: `v${++version}`, resources }))
  renameSync(`${file}.new`, file)
}

const source = (folder: string, name: string) => ({
  path_config_source: { path: path.join(folder, `${name}.json`) },
  resource_api_version: 'V3',
})

feature('configuration in files', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario(
    'clusters, endpoints and listeners change, a bad file changes nothing',
    {
      sees: `
        200 one
        200 two
        200 said
        listener_manager.lds.update_rejected: 1
        200 said`,
    },
    async s => {
      const { folder } = s
      mkdirSync(folder, { recursive: true })
      const cluster = edsCluster('a', { eds_cluster_config: { eds_config: source(folder, 'eds') } })
      put(folder, 'cds', cluster)
      put(folder, 'lds', listener('main', { route_config: table('i', toCluster('a')) }))
      await XdsScene.run(
        {
          prepare: (_, [one]) => put(folder, 'eds', endpoints('a', [one])),
          more: { dynamic_resources: { cds_config: source(folder, 'cds'), lds_config: source(folder, 'lds') } },
        },
        async x => {
          s.note(await x.ask('main'))
          put(folder, 'eds', endpoints('a', [x.upstreams[1]]))
          await x.becomes('main', '200 two')
          s.note('200 two')
          put(folder, 'lds', listener('main', { route_config: table('i', says('said')) }))
          await x.becomes('main', '200 said')
          s.note('200 said')
          put(folder, 'lds', listener('main', {}, { filter_chains: [] }))
          await x.statBecomes('listener_manager.lds.update_rejected', 1)
          s.note(await x.stats('listener_manager.lds.update_rejected'))
          s.note(await x.ask('main'))
        },
      )
    },
  )
})
