// Listeners of which only filter chains change: connections of the other chains go on, those of the changed ones keep what they had and drain.
import { get } from '../support/bytes.js'
import type { RawClient } from '../support/raw-client.js'
import { feature, type Scene } from '../support/scenario.js'
import { listener, manager, rds, routes, says, table, XdsScene } from '../support/xds-scene.js'

const [here, there] = ['127.0.0.1', '127.0.0.2']

const chain = (from: string, hcm: Record<string, unknown>) => ({
  filter_chain_match: { source_prefix_ranges: [{ address_prefix: from, prefix_len: 32 }] },
  filters: [{ name: 'http', typed_config: manager(hcm) }],
})
const inline = (text: string) => ({ route_config: table('i', says(text)) })
const chains = (...all: ReturnType<typeof chain>[]) => listener('main', {}, { filter_chains: all })

/** Clients that keep their connections. */
class Clients {
  readonly #s: Scene
  readonly #port: number
  readonly #known = new Map<string, RawClient>()

  constructor(s: Scene, port: number) {
    this.#s = s
    this.#port = port
  }

  async connect(name: string, from: string): Promise<RawClient> {
    const client = await this.#s.connectTo({ port: this.#port, localAddress: from })
    this.#known.set(name, client)
    return client
  }

  /** What the named client is told on its connection. */
  async ask(...names: string[]): Promise<string> {
    const answers: string[] = []
    for (const name of names) {
      const client = this.#known.get(name)
      await client?.send(get('/'))
      const answer = await client?.response()
      answers.push(`${name}: ${answer?.startLine.split(' ')[1]} ${answer?.body.toString()}`)
    }
    return answers.join(', ')
  }
}

feature('filter chains', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario(
    'one that changes drains alone, and is closed after the drain time',
    {
      sees: `
        here: 200 a, there: 200 b
        listener_manager.listener_in_place_updated: 1
        listener_manager.total_filter_chains_draining: 1
        listener_manager.total_listeners_draining: 0
        new: 200 b2
        here: 200 a
        there: closed
        here: 200 a`,
    },
    s =>
      XdsScene.run(
        {
          args: ['--drain-time-s', '3'],
          prepare: plane => {
            plane.update('cluster', {})
            plane.update('listener', { main: chains(chain(here, inline('a')), chain(there, inline('b'))) })
          },
        },
        async x => {
          const clients = new Clients(s, x.proxy.port('main'))
          await clients.connect('here', here)
          const drained = await clients.connect('there', there)
          s.note(await clients.ask('here', 'there'))
          x.plane.update('listener', { main: chains(chain(here, inline('a')), chain(there, inline('b2'))) })
          await x.statBecomes('listener_manager.listener_in_place_updated', 1)
          s.note(
            await x.stats(
              'listener_manager.listener_in_place_updated',
              'listener_manager.total_filter_chains_draining',
              'listener_manager.total_listeners_draining',
            ),
          )
          await clients.connect('new', there)
          s.note(await clients.ask('new'))
          s.note(await clients.ask('here'))
          await drained.closed()
          s.note('there: closed')
          s.note(await clients.ask('here'))
        },
      ),
  )

  f.scenario(
    'connections of a former chain keep its routes, in place and from the management server',
    {
      sees: `
        here: 200 a, there: 200 r1
        here: 200 a, there: 200 r1
        listener_manager.listener_in_place_updated: 1
        here: 200 a, there: 200 r1`,
    },
    s =>
      XdsScene.run(
        {
          prepare: plane => {
            plane.update('cluster', {})
            plane.update('listener', { main: chains(chain(here, inline('a')), chain(there, rds('r1'))) })
            plane.update('route', { r1: routes('r1', says('r1')), r2: routes('r2', says('r2')) })
          },
        },
        async x => {
          const clients = new Clients(s, x.proxy.port('main'))
          await clients.connect('here', here)
          await clients.connect('there', there)
          s.note(await clients.ask('here', 'there'))
          x.plane.update('listener', { main: chains(chain(here, inline('a2')), chain(there, rds('r2'))) })
          await x.becomes('main', '200 a2')
          s.note(await clients.ask('here', 'there'))
          s.note(await x.stats('listener_manager.listener_in_place_updated'))
          x.plane.update('listener', { main: undefined })
          await x.statBecomes('listener_manager.listener_removed', 1)
          s.note(await clients.ask('here', 'there'))
        },
      ),
  )
})
