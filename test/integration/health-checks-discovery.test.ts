// Active health checks of clusters that a management server changes: what waits, what stays, what is kept.
import http from 'node:http'
import type net from 'node:net'
import type { AddressInfo } from 'node:net'
import { feature } from '../support/scenario.js'
import { poll } from '../support/wait.js'
import { edsCluster, endpoints, listener, socket, table, toCluster, XdsScene } from '../support/xds-scene.js'

/** An upstream that says its name, and how it is. */
class Peer {
  readonly #server: net.Server
  readonly #sockets = new Set<net.Socket>()
  readonly port: number
  /** 0: no answer at all. */
  health = 200
  checks = 0
  readonly #held: (() => void)[] = []

  private constructor(server: net.Server, name: string) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
    server.on('request', (request: http.IncomingMessage, response: http.ServerResponse) => {
      if (request.url !== '/hz') return response.end(name)
      this.checks += 1
      const answer = () => response.writeHead(this.health).end()
      if (this.health === 0) this.#held.push(answer)
      else answer()
    })
    server.on('connection', (one: net.Socket) => {
      this.#sockets.add(one)
      one.on('close', () => this.#sockets.delete(one))
    })
  }

  static async start(name: string): Promise<Peer> {
    const server = http.createServer()
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    return new Peer(server, name)
  }

  /** Answers the checks that wait, and all that come. */
  answer(health: number): void {
    this.health = health
    for (const one of this.#held.splice(0)) one()
  }

  stop(): Promise<void> {
    for (const one of this.#sockets) one.destroy()
    return new Promise(resolve => this.#server.close(() => resolve()))
  }
}

async function withPeers(names: readonly string[], act: (...peers: Peer[]) => Promise<void>): Promise<void> {
  const peers = await Promise.all(names.map(name => Peer.start(name)))
  try {
    await act(...peers)
  } finally {
    await Promise.all(peers.map(peer => peer.stop()))
  }
}

const checks = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
  health_checks: [
    {
      timeout: '30s',
      interval: '0.05s',
      no_traffic_interval: '0.05s',
      unhealthy_threshold: 2,
      healthy_threshold: 2,
      http_health_check: { path: '/hz' },
      ...more,
    },
  ],
  common_lb_config: { healthy_panic_threshold: { value: 0 }, update_merge_window: '0s' },
})
const checked = (name: string, more: Record<string, unknown> = {}) => edsCluster(name, { ...checks(), ...more })
const inline = (name: string, port: number, more: Record<string, unknown> = {}) =>
  edsCluster(name, {
    type: 'STATIC',
    eds_cluster_config: null,
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: socket(port) } }] }] },
    ...checks(),
    ...more,
  })
const front = (cluster: string) => ({
  front: listener('front', { route_config: { ...table('t', toCluster(cluster)), validate_clusters: false } }),
})

/** TLS that no proxy can set up: its key log cannot be opened. */
const impossible = {
  transport_socket: {
    name: 'tls',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
      common_tls_context: { key_log: { path: '/nowhere/keys' } },
    },
  },
}
const isRefused = (x: XdsScene) => x.statBecomes('cluster_manager.cds.update_rejected', 1)

/** The hosts of a cluster by name, with their flags. */
async function hosts(x: XdsScene, cluster: string, names: Readonly<Record<number, string>>): Promise<string> {
  const { body } = await x.proxy.admin('/clusters')
  const lines = body.split('\n').filter(line => line.startsWith(`${cluster}::`) && line.includes('::health_flags::'))
  return (
    lines
      .map(line => {
        const [, address = '', , flags] = line.split('::')
        return `${names[Number(address.split(':')[1])]} ${flags}`
      })
      .sort()
      .join(', ') || 'nobody'
  )
}
const hostsBecome = (x: XdsScene, cluster: string, names: Readonly<Record<number, string>>, wanted: string) =>
  poll(`${cluster} to be ${wanted}`, async () => (await hosts(x, cluster, names)) === wanted || undefined)

feature('health checks and discovery', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario(
    'a cluster is not there before its first check',
    {
      sees: `
    503
    cluster_manager.warming_clusters: 1
    200 a
    cluster_manager.warming_clusters: 0
  `,
    },
    s =>
      withPeers(['a'], peer =>
        XdsScene.run(
          {
            prepare: plane => {
              plane.update('cluster', { other: inline('other', peer.port, { health_checks: [] }) })
              plane.update('listener', front('c'))
            },
          },
          async x => {
            peer.health = 0
            x.plane.update('cluster', { other: inline('other', peer.port, { health_checks: [] }), c: checked('c') })
            x.plane.update('endpoint', { c: endpoints('c', [peer.port]) })
            await poll('a check', () => peer.checks > 0 || undefined)
            s.note(await x.ask('front'))
            s.note(await x.stats('cluster_manager.warming_clusters'))
            peer.answer(200)
            await x.becomes('front', '200 a')
            s.note('200 a')
            s.note(await x.stats('cluster_manager.warming_clusters'))
          },
        ),
      ),
  )

  f.scenario(
    'the old version serves until the new one was checked',
    {
      sees: `
    200 a
    200 a
    200 b
  `,
    },
    s =>
      withPeers(['a', 'b'], (a, b) =>
        XdsScene.run(
          {
            prepare: plane => {
              plane.update('cluster', { c: inline('c', a.port) })
              plane.update('listener', front('c'))
            },
          },
          async x => {
            s.note(await x.ask('front'))
            b.health = 0
            x.plane.update('cluster', { c: inline('c', b.port) })
            await poll('a check', () => b.checks > 0 || undefined)
            s.note(await x.ask('front'))
            b.answer(200)
            await x.becomes('front', '200 b')
            s.note('200 b')
          },
        ),
      ),
  )

  f.scenario(
    'a cluster whose members fail their first check is there, and has nobody',
    {
      sees: `
    503 no healthy upstream
    200 a
  `,
    },
    s =>
      withPeers(['a'], peer => {
        peer.health = 500
        return XdsScene.run(
          {
            prepare: plane => {
              plane.update('cluster', { c: checked('c') })
              plane.update('endpoint', { c: endpoints('c', [peer.port]) })
              plane.update('listener', front('c'))
            },
          },
          async x => {
            s.note(await x.ask('front'))
            peer.answer(200)
            await x.becomes('front', '200 a')
            s.note('200 a')
          },
        )
      }),
  )

  f.scenario(
    'a new member gets no traffic before it was checked',
    {
      sees: `
    200 a, 200 a, 200 a
    a healthy, b /failed_active_hc
    200 a, 200 b
  `,
    },
    s =>
      withPeers(['a', 'b'], (a, b) => {
        const names = { [a.port]: 'a', [b.port]: 'b' }
        b.health = 0
        return XdsScene.run(
          {
            prepare: plane => {
              plane.update('cluster', { c: checked('c') })
              plane.update('endpoint', { c: endpoints('c', [a.port]) })
              plane.update('listener', front('c'))
            },
          },
          async x => {
            x.plane.update('endpoint', { c: endpoints('c', [a.port, b.port]) })
            await hostsBecome(x, 'c', names, 'a healthy, b /failed_active_hc')
            await poll('a check', () => b.checks > 0 || undefined)
            s.note([await x.ask('front'), await x.ask('front'), await x.ask('front')].join(', '))
            s.note(await hosts(x, 'c', names))
            b.answer(200)
            await hostsBecome(x, 'c', names, 'a healthy, b healthy')
            const both = new Set([
              await x.ask('front'),
              await x.ask('front'),
              await x.ask('front'),
              await x.ask('front'),
            ])
            s.note([...both].sort().join(', '))
          },
        )
      }),
  )

  f.scenario(
    'a new member is left out of the reckoning until it was checked',
    {
      sees: `
    a healthy, b /failed_active_hc/pending_active_hc
    cluster.c.membership_excluded: 1
    cluster.c.membership_excluded: 0
  `,
    },
    s =>
      withPeers(['a', 'b'], (a, b) => {
        const names = { [a.port]: 'a', [b.port]: 'b' }
        b.health = 0
        const common = { common_lb_config: { ignore_new_hosts_until_first_hc: true, update_merge_window: '0s' } }
        return XdsScene.run(
          {
            prepare: plane => {
              plane.update('cluster', { c: checked('c', common) })
              plane.update('endpoint', { c: endpoints('c', [a.port]) })
              plane.update('listener', front('c'))
            },
          },
          async x => {
            x.plane.update('endpoint', { c: endpoints('c', [a.port, b.port]) })
            await hostsBecome(x, 'c', names, 'a healthy, b /failed_active_hc/pending_active_hc')
            s.note(await hosts(x, 'c', names))
            s.note(await x.stats('cluster.c.membership_excluded'))
            b.answer(500)
            await hostsBecome(x, 'c', names, 'a healthy, b /failed_active_hc')
            s.note(await x.stats('cluster.c.membership_excluded'))
          },
        )
      }),
  )

  f.scenario(
    'a healthy member stays though it is dropped, until it fails',
    {
      sees: `
    a healthy, b /pending_dynamic_removal
    cluster.c.membership_total: 2
    cluster.c.membership_healthy: 2
    200 a, 200 b
    a healthy
    cluster.c.membership_total: 1
  `,
    },
    s =>
      withPeers(['a', 'b'], (a, b) => {
        const names = { [a.port]: 'a', [b.port]: 'b' }
        return XdsScene.run(
          {
            prepare: plane => {
              plane.update('cluster', { c: checked('c') })
              plane.update('endpoint', { c: endpoints('c', [a.port, b.port]) })
              plane.update('listener', front('c'))
            },
          },
          async x => {
            await hostsBecome(x, 'c', names, 'a healthy, b healthy')
            x.plane.update('endpoint', { c: endpoints('c', [a.port]) })
            await hostsBecome(x, 'c', names, 'a healthy, b /pending_dynamic_removal')
            s.note(await hosts(x, 'c', names))
            s.note(await x.stats('cluster.c.membership_total'))
            s.note(await x.stats('cluster.c.membership_healthy'))
            const both = new Set([
              await x.ask('front'),
              await x.ask('front'),
              await x.ask('front'),
              await x.ask('front'),
            ])
            s.note([...both].sort().join(', '))
            b.answer(500)
            await hostsBecome(x, 'c', names, 'a healthy')
            s.note(await hosts(x, 'c', names))
            await x.statBecomes('cluster.c.membership_total', 1)
            s.note('cluster.c.membership_total: 1')
          },
        )
      }),
  )

  f.scenario(
    'one that comes back is as it was',
    {
      sees: `
    a healthy, b healthy
  `,
    },
    s =>
      withPeers(['a', 'b'], (a, b) => {
        const names = { [a.port]: 'a', [b.port]: 'b' }
        return XdsScene.run(
          {
            prepare: plane => {
              plane.update('cluster', { c: checked('c') })
              plane.update('endpoint', { c: endpoints('c', [a.port, b.port]) })
              plane.update('listener', front('c'))
            },
          },
          async x => {
            await hostsBecome(x, 'c', names, 'a healthy, b healthy')
            x.plane.update('endpoint', { c: endpoints('c', [a.port]) })
            await hostsBecome(x, 'c', names, 'a healthy, b /pending_dynamic_removal')
            x.plane.update('endpoint', { c: endpoints('c', [b.port, a.port]) })
            await hostsBecome(x, 'c', names, 'a healthy, b healthy')
            s.note(await hosts(x, 'c', names))
          },
        )
      }),
  )

  f.scenario(
    'with ignore_health_on_host_removal it goes at once',
    {
      sees: `
    a healthy
  `,
    },
    s =>
      withPeers(['a', 'b'], (a, b) => {
        const names = { [a.port]: 'a', [b.port]: 'b' }
        return XdsScene.run(
          {
            prepare: plane => {
              plane.update('cluster', { c: checked('c', { ignore_health_on_host_removal: true }) })
              plane.update('endpoint', { c: endpoints('c', [a.port, b.port]) })
              plane.update('listener', front('c'))
            },
          },
          async x => {
            await hostsBecome(x, 'c', names, 'a healthy, b healthy')
            x.plane.update('endpoint', { c: endpoints('c', [a.port]) })
            await hostsBecome(x, 'c', names, 'a healthy')
            s.note(await hosts(x, 'c', names))
          },
        )
      }),
  )

  f.scenario(
    'an update that changes nothing about a member leaves its health',
    {
      sees: `
    a healthy, b /failed_active_hc
  `,
    },
    s =>
      withPeers(['a', 'b'], (a, b) => {
        const names = { [a.port]: 'a', [b.port]: 'b' }
        b.health = 500
        return XdsScene.run(
          {
            prepare: plane => {
              plane.update('cluster', { c: checked('c') })
              plane.update('endpoint', { c: endpoints('c', [a.port]) })
              plane.update('listener', front('c'))
            },
          },
          async x => {
            await hostsBecome(x, 'c', names, 'a healthy')
            x.plane.update('endpoint', { c: endpoints('c', [b.port, a.port]) })
            await hostsBecome(x, 'c', names, 'a healthy, b /failed_active_hc')
            s.note(await hosts(x, 'c', names))
          },
        )
      }),
  )

  f.scenario(
    'checks that are taken away',
    {
      sees: `
    503 no healthy upstream
    200 a
  `,
    },
    s =>
      withPeers(['a'], a => {
        const names = { [a.port]: 'a' }
        a.health = 500
        return XdsScene.run(
          {
            prepare: plane => {
              plane.update('cluster', { c: inline('c', a.port) })
              plane.update('listener', front('c'))
            },
          },
          async x => {
            s.note(await x.ask('front'))
            x.plane.update('cluster', { c: inline('c', a.port, { health_checks: [] }) })
            await hostsBecome(x, 'c', names, 'a healthy')
            s.note(await x.ask('front'))
          },
        )
      }),
  )

  f.scenario(
    'a new version that is refused takes nothing from the checks of the one that serves',
    {
      sees: `
    200 a
    a /failed_active_hc
    503 no healthy upstream
  `,
    },
    s =>
      withPeers(['a'], a => {
        const names = { [a.port]: 'a' }
        return XdsScene.run(
          {
            prepare: plane => {
              plane.update('cluster', { c: checked('c') })
              plane.update('endpoint', { c: endpoints('c', [a.port]) })
              plane.update('listener', front('c'))
            },
          },
          async x => {
            x.plane.update('cluster', { c: checked('c', { ...checks({ unhealthy_threshold: 9 }), ...impossible }) })
            await isRefused(x)
            s.note(await x.ask('front'))
            a.health = 500
            await hostsBecome(x, 'c', names, 'a /failed_active_hc')
            s.note(await hosts(x, 'c', names))
            s.note(await x.ask('front'))
          },
        )
      }),
  )

  f.scenario(
    'members that come after a version was refused are checked as the one that serves says',
    {
      sees: `
    503 no healthy upstream
    200 a
  `,
    },
    s =>
      withPeers(['a'], a => {
        const names = { [a.port]: 'a' }
        return XdsScene.run(
          {
            prepare: plane => {
              plane.update('cluster', { c: checked('c') })
              plane.update('endpoint', { c: endpoints('c', []) })
              plane.update('listener', front('c'))
            },
          },
          async x => {
            x.plane.update('cluster', { c: checked('c', impossible) })
            await isRefused(x)
            s.note(await x.ask('front'))
            x.plane.update('endpoint', { c: endpoints('c', [a.port]) })
            await hostsBecome(x, 'c', names, 'a healthy')
            s.note(await x.ask('front'))
          },
        )
      }),
  )
})
