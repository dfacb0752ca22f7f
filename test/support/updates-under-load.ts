// Updates of every kind from a management server, while requests go on by new connections and by old ones, in clear text and with TLS.
import http from 'node:http'
import https from 'node:https'
import { Certificate } from './certificates.js'
import type { ControlPlane } from './control-plane.js'
import { ADS, edsCluster, endpoints, listener, manager, rds, routes, toCluster, XdsScene } from './xds-scene.js'

const type = (name: string): string => `type.googleapis.com/envoy.${name}`

/** CDS, EDS twice, LDS twice, RDS, SDS, RTDS. */
export const updatesPerRound = 8

export interface LoadReport {
  /** How often each answer came: a status, or what went wrong. */
  readonly answers: ReadonlyMap<string, number>
  /** Successful updates as the proxy counts them, by the subscription's name. */
  readonly taken: ReadonlyMap<string, number>
  readonly updates: number
}

/** Stops after `rounds`, or when `limitMs` are over. */
export async function updatesUnderLoad(isDelta: boolean, rounds: number, limitMs: number): Promise<LoadReport> {
  const certificates = certificatesInTurn()
  let report: LoadReport | undefined
  const layers = [{ name: 'discovered', rtds_layer: { name: 'keys', rtds_config: ADS } }]
  await XdsScene.run(
    {
      isDelta,
      more: { layered_runtime: { layers } },
      prepare: (plane, [one]) => publishRound(plane, 0, one, certificates(0)),
    },
    async x => {
      const load = new Load([
        { isSecure: false, port: (await x.port('open')) ?? 0 },
        { isSecure: true, port: (await x.port('safe')) ?? 0 },
      ])
      const until = performance.now() + limitMs
      let done = 0
      while (done < rounds && performance.now() < until) {
        done += 1
        publishRound(x.plane, done, x.upstreams[done % 2] ?? 0, certificates(done))
        await x.statBecomes('http.main.rds.r.config_reload', done + 1)
      }
      await load.end()
      const stats = await x.proxy.stats()
      const names = [
        'cluster_manager.cds',
        'listener_manager.lds',
        'cluster.a.',
        'http.main.rds.r',
        'sds.own',
        'runtime',
      ]
      const counter = (name: string) =>
        stats.get(name === 'runtime' ? 'runtime.update_success' : `${name.replace(/\.$/, '')}.update_success`)
      report = {
        answers: load.answers,
        taken: new Map(names.map(name => [name, counter(name) ?? 0])),
        updates: done * updatesPerRound,
      }
    },
  )
  if (report === undefined) throw new Error('there was no load')
  return report
}

function publishRound(plane: ControlPlane, round: number, upstream: number, secret: unknown): void {
  const changed = { per_connection_buffer_limit_bytes: 1_000_000 + round }
  const update = (kind: Parameters<ControlPlane['update']>[0], resources: Record<string, unknown>): void => {
    plane.update(kind, resources as Parameters<ControlPlane['update']>[1])
  }
  update('runtime', { keys: { '@type': type('service.runtime.v3.Runtime'), name: 'keys', layer: { round } } })
  update('endpoint', { a: endpoints('a', [upstream]) })
  update('cluster', { a: edsCluster('a', { connect_timeout: `${1 + (round % 2)}s` }) })
  // A cluster that changed asks for its endpoints anew, which real Envoy is then sent.
  update('endpoint', { a: endpoints('a', [upstream]) })
  update('secret', { own: secret })
  update('listener', { open: listener('open', rds('r'), changed) })
  update('listener', { safe: listener('safe', {}, { ...secure, ...changed }) })
  update('route', { r: routes('r', { ...toCluster('a'), name: `route-${round}` }) })
}

const secure = {
  filter_chains: [
    {
      filters: [{ name: 'http', typed_config: manager(rds('r')) }],
      transport_socket: {
        name: 'tls',
        typed_config: {
          '@type': type('extensions.transport_sockets.tls.v3.DownstreamTlsContext'),
          common_tls_context: { tls_certificate_sds_secret_configs: [{ name: 'own', sds_config: ADS }] },
        },
      },
    },
  ],
}

/** Two that take turns: to make one takes longer than a round. */
function certificatesInTurn(): (round: number) => unknown {
  const authority = Certificate.authority()
  const secrets = ['first', 'second'].map(name => {
    const { pem, key } = authority.issue({ sans: [`DNS:${name}.test`] })
    return {
      '@type': type('extensions.transport_sockets.tls.v3.Secret'),
      name: 'own',
      tls_certificate: { certificate_chain: { inline_string: pem }, private_key: { inline_string: key } },
    }
  })
  return round => secrets[round % 2]
}

interface Target {
  readonly isSecure: boolean
  readonly port: number
}

/** One client with a connection of its own that stays, and one with a new connection for each request, for each target. */
class Load {
  readonly answers = new Map<string, number>()
  readonly #clients: Promise<void>[]
  readonly #agents: http.Agent[] = []
  #isOver = false

  constructor(targets: readonly Target[]) {
    this.#clients = targets.flatMap(target => {
      const agent = new (target.isSecure ? https : http).Agent({ keepAlive: true, maxSockets: 1 })
      this.#agents.push(agent)
      return [this.#ask(target, agent), this.#ask(target, false)]
    })
  }

  async end(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#clients)
    for (const agent of this.#agents) agent.destroy()
  }

  async #ask(target: Target, agent: http.Agent | false): Promise<void> {
    while (!this.#isOver) {
      const answer = await get(target, agent)
      this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1)
    }
  }
}

function get({ isSecure, port }: Target, agent: http.Agent | false): Promise<string> {
  return new Promise(resolve => {
    const options = { host: '127.0.0.1', port, agent, timeout: 5000, rejectUnauthorized: false }
    const request = (isSecure ? https : http).get(options, response => {
      response.resume()
      response.on('end', () => resolve(String(response.statusCode)))
      response.on('error', error => resolve(error.message))
    })
    request.on('timeout', () => request.destroy(new Error('no answer in time')))
    request.on('error', error => resolve(`${isSecure ? 'TLS' : 'clear'}, ${agent ? 'old' : 'new'}: ${error.message}`))
  })
}
