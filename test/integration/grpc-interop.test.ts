// gRPC's interoperability cases through the proxy, in clear text and over TLS on each side. Clients and servers: grpc-js, and the
// ones of grpc-go (Go module google.golang.org/grpc/interop) where they could be built.
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import grpc from '@grpc/grpc-js'
import { bootstrap, cluster, fill, http, httpOptions } from '../support/config.js'
import { compressedCases, InteropClient, InteropServer, interopCases } from '../support/grpc-interop.js'
import { findGoProgram, missing, RunningProgram, runProgram } from '../support/programs.js'
import { makeFolder, ProxyUnderTest } from '../support/proxy-under-test.js'
import { Identity, overTls, upstreamTls } from '../support/tls.js'
import { poll } from '../support/wait.js'

const goClient = findGoProgram('interop-client', 'client')
const goServer = findGoProgram('interop-server', 'server')
const noGo = missing({ 'gRPC interop client': goClient, 'gRPC interop server': goServer })

const SIDES = ['clear', 'tls'] as const
const SERVERS = ['js', 'go'] as const
const DIRECTIONS = SIDES.flatMap(down => SIDES.map(up => ({ down, up })))
const CASE_MS = 20_000
const h2Upstream = httpOptions('explicit_http_config: {http2_protocol_options: {}}')

type Side = (typeof SIDES)[number]
type ServerKind = (typeof SERVERS)[number]

function listenerName(down: Side, up: Side, server: ServerKind): string {
  return `${down}-${up}-${server}`
}

const identity = new Identity()
const folder = makeFolder()
const running: { stop(): void | Promise<void> }[] = []
let proxy: ProxyUnderTest | undefined

async function freePort(): Promise<number> {
  const server = net.createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

function accepts(port: number): Promise<true | undefined> {
  return new Promise(resolve => {
    const socket = net.connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(undefined))
  })
}

async function startGoServer(side: Side): Promise<number> {
  const port = await freePort()
  const tls = [
    '-use_tls',
    '-tls_cert_file',
    path.join(folder, 'leaf.pem'),
    '-tls_key_file',
    path.join(folder, 'leaf.key'),
  ]
  const server = new RunningProgram([goServer ?? '', '-port', String(port), ...(side === 'tls' ? tls : [])])
  running.push(server)
  await poll("gRPC's interop server to listen", () => accepts(port), 15_000)
  return port
}

async function startJsServer(side: Side): Promise<number> {
  const pair = { cert_chain: Buffer.from(identity.leaf.chain), private_key: Buffer.from(identity.leaf.key) }
  const credentials =
    side === 'tls' ? grpc.ServerCredentials.createSsl(null, [pair]) : grpc.ServerCredentials.createInsecure()
  const server = await InteropServer.start(credentials)
  running.push(server)
  return server.port
}

before(async () => {
  writeFileSync(path.join(folder, 'leaf.pem'), identity.leaf.chain)
  writeFileSync(path.join(folder, 'leaf.key'), identity.leaf.key)
  writeFileSync(path.join(folder, 'ca.pem'), identity.authority.pem)
  const values = new Map<string, string | number>([['tmp', folder]])
  const clusters = []
  const listeners = []
  for (const server of SERVERS) {
    if (server === 'go' && noGo !== false) continue
    for (const up of SIDES) {
      const name = `${up}-${server}`
      values.set(name, await (server === 'go' ? startGoServer : startJsServer)(up))
      clusters.push(cluster(name, [name], h2Upstream + (up === 'tls' ? upstreamTls(identity) : '')))
      const routes = `[{match: {prefix: /}, route: {cluster: ${name}}}]`
      listeners.push(http(listenerName('clear', up, server), { routes, hcm: 'codec_type: HTTP2' }))
      listeners.push(overTls(http(listenerName('tls', up, server), { routes, hcm: 'codec_type: AUTO' }), identity))
    }
  }
  proxy = await ProxyUnderTest.start({ config: fill(bootstrap({ listeners, clusters }), values), folder })
})

after(async () => {
  for (const program of running) await program.stop()
  await proxy?.stop()
  rmSync(folder, { recursive: true, force: true })
})

function jsClient(down: Side, up: Side, server: ServerKind, options?: grpc.ChannelOptions): InteropClient {
  const port = (proxy ?? assert.fail('no proxy')).port(listenerName(down, up, server))
  const credentials =
    down === 'tls' ? grpc.credentials.createSsl(Buffer.from(identity.authority.pem)) : grpc.credentials.createInsecure()
  return new InteropClient(`127.0.0.1:${port}`, credentials, options)
}

async function goCase(name: string, down: Side, up: Side, server: ServerKind): Promise<string | undefined> {
  const port = (proxy ?? assert.fail('no proxy')).port(listenerName(down, up, server))
  const args = ['-server_host', '127.0.0.1', '-server_port', String(port), '-test_case', name]
  const tls = [
    '-use_tls',
    '-use_test_ca',
    '-ca_file',
    path.join(folder, 'ca.pem'),
    '-server_host_override',
    'test.example',
  ]
  const command = [goClient ?? '', ...args, ...(down === 'tls' ? tls : [])]
  // By itself grpc-go would give a proxy of the environment the CONNECT.
  const ran = await runProgram(command, { limitMs: CASE_MS, env: { NO_PROXY: '*' } })
  return ran.code === 0 ? undefined : `${name}: ${ran.code}: ${ran.stderr.trim().split('\n').at(-1) ?? ''}`
}

for (const server of SERVERS) {
  for (const { down, up } of DIRECTIONS) {
    const direction = `${down} down, ${up} up`
    describe(`grpc-js to ${server}: ${direction}`, { skip: server === 'go' && noGo }, () => {
      for (const [name, run] of Object.entries(interopCases)) {
        test(name, { timeout: CASE_MS }, async () => {
          const client = jsClient(down, up, server)
          try {
            await run(client)
          } finally {
            client.close()
          }
        })
      }
      for (const [name, run] of Object.entries(compressedCases)) {
        // grpc-go's server has gzip only where it was linked in.
        test(name, { timeout: CASE_MS, skip: server === 'go' && 'for grpc-js on both sides' }, async () => {
          const client = jsClient(down, up, server, { 'grpc.default_compression_algorithm': 2 })
          try {
            await run(client)
          } finally {
            client.close()
          }
        })
      }
    })
    describe(`grpc-go to ${server}: ${direction}`, { skip: noGo }, () => {
      for (const name of Object.keys(interopCases)) {
        test(name, { timeout: CASE_MS + 5000 }, async () => {
          assert.equal(await goCase(name, down, up, server), undefined)
        })
      }
    })
  }
}

test('no stream is left, and no upstream was misunderstood', async () => {
  const all = await (proxy ?? assert.fail('no proxy')).stats()
  const own = [...all].filter(([name]) => !name.startsWith('http.admin.'))
  assert.deepEqual(
    own.filter(([name, value]) => value !== 0 && /upstream_cx_protocol_error|rq_active$/.test(name)),
    [],
  )
})
