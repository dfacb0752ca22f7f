// Members of localities that come by themselves (LEDS).
import { type DescMessage, fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf'
import { rawAny, testTypes } from '../support/control-plane.js'
import { feature } from '../support/scenario.js'
import { ADS, edsCluster, listener, rds, routes, toCluster, XdsScene } from '../support/xds-scene.js'

const type = 'envoy.config.endpoint.v3'
const typeUrl = `type.googleapis.com/${type}.LbEndpoint`
const collection = `xdstp://tests/${type}.LbEndpoint/members/*`

/** Sends the one member that the collection has from now on. */
async function send({ plane }: XdsScene, port: number, version: string): Promise<void> {
  const asked = await plane.waitFor('the collection to be asked for', () =>
    plane.requests.find(request => request.typeUrl === typeUrl),
  )
  const json: JsonValue = { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } }
  const schema = testTypes.message(`${type}.LbEndpoint`) as DescMessage
  const resource = rawAny(typeUrl, toBinary(schema, fromJson(schema, json)))
  const name = collection.replace('*', 'x')
  const stream = plane.streams.find(({ id }) => id === asked.stream)
  stream?.send({ typeUrl, nonce: `m${version}`, systemVersionInfo: version, resources: [{ name, version, resource }] })
}

feature('members of localities', { file: import.meta.url, withoutProxy: true }, f => {
  const sees = `
    200 one, then 200 two
    cluster.a.leds.update_attempt: 4
    cluster.a.leds.update_success: 2
    cluster.a.leds.update_rejected: 0
    cluster.a.leds.update_empty: 0
    cluster.a.leds.version_text: "2"
    cluster.a.leds.version: 6927017134761466251`
  f.scenario('they come, and change', { sees }, s =>
    XdsScene.run(
      {
        isDelta: true,
        prepare: plane => {
          const config = { leds_config: { ...ADS, initial_fetch_timeout: '0.3s' }, leds_collection_name: collection }
          plane.update('cluster', { a: edsCluster('a') })
          plane.update('endpoint', {
            a: {
              '@type': `type.googleapis.com/${type}.ClusterLoadAssignment`,
              cluster_name: 'a',
              endpoints: [{ leds_cluster_locality_config: config }],
            },
          })
          plane.update('listener', { main: listener('main', rds('r')) })
          plane.update('route', { r: routes('r', toCluster('a')) })
        },
      },
      async x => {
        await send(x, x.upstreams[0], '1')
        await x.becomes('main', '200 one')
        await send(x, x.upstreams[1], '2')
        await x.becomes('main', '200 two')
        s.note('200 one, then 200 two')
        const names = ['update_attempt', 'update_success', 'update_rejected', 'update_empty', 'version_text', 'version']
        s.note(await x.stats(...names.map(name => `cluster.a.leds.${name}`)))
      },
    ),
  )
})
