// The part of the scenario `xds` that stands around the control plane: a service to probe, changes and how soon they are seen.

import { createServer, request as httpRequest, Agent } from 'node:http'
import { ControlPlane } from './xds-plane.mjs'

export const kManyClusters = 10_000

// Enough that every one of two workers has some: all on one of them comes once in 2^15.
const kProbeConnections = 16
const kUpdateEveryMs = 10
const kChangeLimitMs = 10_000

/** A control plane, and two services that tell which of them answered. */
export class Plane {
  #options
  #control
  /** @type {import("node:http").Server[]} */
  #services = []
  /** @type {number[]} */
  #ports = []
  #turn = 0

  /** @param {{ dialect: import("./xds-plane.mjs").Dialect, count: number, originPort: number }} options */
  constructor(options) {
    this.#options = options
    this.#control = new ControlPlane(options.dialect)
  }

  /** @param {number} port that the proxy is to listen on @returns {Promise<Record<string, string | number>>} for the template */
  async prepare(port) {
    for (const name of ['0', '1']) {
      const service = createServer((_request, response) => response.end(name))
      service.keepAliveTimeout = 0
      this.#services.push(service)
      this.#ports.push(await listening(service))
    }
    const { dialect, count, originPort } = this.#options
    this.#control.fill({ count, port, originPort, probePort: this.#ports[0] ?? 0 })
    await this.#control.listen()
    return { plane_port: this.#control.port, api_type: dialect === 'delta' ? 'DELTA_GRPC' : 'GRPC' }
  }

  get connectedAt() {
    return this.#control.connectedAt
  }

  get refusals() {
    return this.#control.refusals
  }

  /** Sends one changed endpoint; the answer is what the service behind it says. */
  moveProbe() {
    this.#turn++
    const which = this.#turn % 2
    this.#control.moveProbe(this.#ports[which] ?? 0)
    return String(which)
  }

  /** A hundred endpoints a second, each of another cluster, until told to stop. */
  startUpdates() {
    let sent = 0
    const began = performance.now()
    const timer = setInterval(() => {
      // As many as are due: a timer on a busy core comes late.
      for (const due = (performance.now() - began) / kUpdateEveryMs; sent < due; sent++)
        this.#control.moveEndpoint(sent % this.#options.count, ++this.#turn)
    }, kUpdateEveryMs)
    return { stop: () => clearInterval(timer) }
  }

  stop() {
    this.#control.stop()
    for (const service of this.#services) {
      service.close()
      service.closeAllConnections()
    }
  }
}

/** @param {import("node:http").Server} server @returns {Promise<number>} */
function listening(server) {
  return new Promise(resolve =>
    server.listen(0, '127.0.0.1', () => resolve(/** @type {import("node:net").AddressInfo} */ (server.address()).port)),
  )
}

/**
 * Milliseconds from a change to the first answer of the new kind on the slowest of many connections, which are spread over all workers: the
 * 99th percentile of many changes.
 * @param {number} port @param {Plane} plane @param {number} changes
 */
export async function measureChanges(port, plane, changes) {
  const agents = Array.from({ length: kProbeConnections }, () => new Agent({ keepAlive: true, maxSockets: 1 }))
  const times = []
  try {
    await Promise.all(agents.map(agent => ask(port, agent)))
    for (let i = 0; i < changes; i++) {
      const began = performance.now()
      const wanted = plane.moveProbe()
      const seen = await Promise.all(agents.map(agent => askUntil(port, agent, wanted, began + kChangeLimitMs)))
      times.push(Math.max(...seen) - began)
    }
  } finally {
    for (const agent of agents) agent.destroy()
  }
  times.sort((a, b) => a - b)
  return times[Math.min(times.length - 1, Math.floor(times.length * 0.99))] ?? 0
}

/** @param {number} port @param {Agent} agent @param {string} wanted @param {number} limit @returns {Promise<number>} when it came */
async function askUntil(port, agent, wanted, limit) {
  while (performance.now() < limit) {
    if ((await ask(port, agent)) === wanted) return performance.now()
  }
  throw new Error('a changed endpoint was not seen')
}

/** @param {number} port @param {Agent} agent @returns {Promise<string>} */
function ask(port, agent) {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, path: '/probe', agent }, response => {
      let body = ''
      response.setEncoding('latin1')
      response.on('data', chunk => (body += chunk))
      response.once('end', () => resolve(body))
      response.once('error', reject)
    })
    request.once('error', reject)
    request.end()
  })
}
