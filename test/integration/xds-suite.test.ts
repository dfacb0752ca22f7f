// go-control-plane's own integration suite (Go module github.com/envoyproxy/go-control-plane, pkg/test/main) with its own bootstrap
// files: a control plane publishes three snapshots in turn, and asks every listener until the newest one answers. Each mode with
// listeners in clear text, and over TLS with secrets from SDS. Listeners log to its gRPC access log service.
import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { findGoProgram, missing, runProgram } from '../support/programs.js'
import { makeFolder, ProxyUnderTest } from '../support/proxy-under-test.js'
import { REPOSITORY } from '../support/target.js'

const MESSAGE = 'Hi, there!\n'
const SNAPSHOTS = 3
/** Rounds of requests after each snapshot, of which one must be without a failure. */
const ROUNDS = 6
const ROUND_MS = 300
const LIMIT_MS = 40_000
/** The ports the bootstrap files and the program have by default. */
const PORTS = { port: 18000, gateway: 18001, als: 18090, admin: 19000 }

interface Mode {
  readonly name: string
  /** As the program's flag and the bootstrap file are named. */
  readonly xds: string
  readonly args?: readonly string[]
  readonly rounds?: number
  /** The bootstrap of REST gives the access log service no HTTP/2. */
  readonly isLogged?: boolean
}

const MODES: readonly Mode[] = [
  { name: 'xds', xds: 'xds' },
  { name: 'ads', xds: 'ads', args: ['-runtimes', '2'] },
  // It asks twice a second, for one type after the other.
  { name: 'rest', xds: 'rest', rounds: 12, isLogged: false },
  { name: 'xds, endpoints from a linear cache', xds: 'xds', args: ['-mux'] },
  { name: 'delta', xds: 'delta' },
  { name: 'delta-ads', xds: 'delta-ads' },
]

const suite = findGoProgram('xds-suite', 'main')

/** Ports nobody has: the suite wants to be told, and its listeners are on consecutive ones. */
async function freePorts(count: number): Promise<number> {
  for (let tries = 0; tries < 50; tries++) {
    const first = 20_000 + Math.floor(Math.random() * 10_000)
    const servers: net.Server[] = []
    try {
      for (let port = first; port < first + count; port++) {
        const server = net.createServer()
        servers.push(server)
        await new Promise<void>((resolve, reject) => {
          server.once('error', reject)
          server.listen(port, '127.0.0.1', resolve)
        })
      }
      return first
    } catch {
      // somebody has one of them
    } finally {
      await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))))
    }
  }
  throw new Error(`no ${count} free ports in a row`)
}

function bootstrap(mode: Mode, ports: Readonly<Record<keyof typeof PORTS, number>>): string {
  const file = path.join(REPOSITORY, `.tools/go/xds-suite/sample/bootstrap-${mode.xds}.yaml`)
  const numbers = new Map(
    Object.entries(PORTS).map(([name, port]) => [String(port), ports[name as keyof typeof PORTS]]),
  )
  const text = readFileSync(file, 'utf8').replace(/port_value: (\d+)/g, (all, port: string) => {
    const ours = numbers.get(port)
    return ours === undefined ? all : `port_value: ${ours}`
  })
  // The output of a proxy under test is a socket, which nobody can open by a path.
  return text.replace('/dev/stdout', '/dev/null')
}

/** The program's last lines, and what it says of the rounds. */
function story(output: string): string {
  const lines = output.split('\n').filter(line => /request batch|update snapshot|fail|timeout|error|passed/i.test(line))
  return lines.slice(-40).join('\n')
}

describe('xds-suite', { skip: missing({ "go-control-plane's suite": suite }) }, () => {
  const folder = makeFolder()
  const upstream = http.createServer((_request, response) => response.end(MESSAGE))

  before(() => new Promise<void>(resolve => upstream.listen(0, '127.0.0.1', resolve)))
  after(() => {
    upstream.close()
    upstream.closeAllConnections()
    rmSync(folder, { recursive: true, force: true })
  })

  for (const mode of MODES) {
    for (const tls of [false, true]) {
      test(`${mode.name}${tls ? ', TLS' : ''}`, { timeout: LIMIT_MS + 20_000 }, async () => {
        const first = await freePorts(16)
        const ports = { port: first, gateway: first + 1, als: first + 2, admin: first + 3 }
        const flags = {
          port: ports.port,
          gateway: ports.gateway,
          als: ports.als,
          base: first + 4,
          upstream: (upstream.address() as net.AddressInfo).port,
          u: SNAPSHOTS,
          r: mode.rounds ?? ROUNDS,
          delay: `${ROUND_MS}ms`,
          message: MESSAGE,
          xds: mode.xds,
          tls,
        }
        const args = Object.entries(flags).map(([name, value]) => `-${name}=${value}`)
        const ran = runProgram([suite ?? '', ...args, ...(mode.args ?? []), '-debug'], { limitMs: LIMIT_MS })
        const own = path.join(folder, `${mode.name}-${tls}`)
        const proxy = await ProxyUnderTest.start({
          config: bootstrap(mode, ports),
          folder: own,
          args: ['--drain-time-s', '1'],
          waitUntilLive: false,
        })
        try {
          const { code, stderr } = await ran
          assert.equal(code, 0, `${story(stderr)}\n--- the proxy says\n${proxy.complaints()}`)
          assert.ok(proxy.alive, `the proxy ended with ${proxy.exit}`)
          const logged = stderr.split('\n').filter(line => line.includes('[echo') && / cluster-v\d-\d/.test(line))
          if (mode.isLogged !== false) assert.ok(logged.length > 0, 'nothing came to the access log service')
        } finally {
          await proxy.stop()
        }
      })
    }
  }
})
