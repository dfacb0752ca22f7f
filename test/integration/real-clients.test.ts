// Programs everybody has, as clients of the proxy: curl, nghttp, h2load, openssl s_client, HAProxy with the PROXY protocol, testssl.sh.
import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { bootstrap, cluster, fill, http as listener, httpOptions } from '../support/config.js'
import { findProgram, missing, type Ran, RunningProgram, runProgram } from '../support/programs.js'
import { makeFolder, ProxyUnderTest } from '../support/proxy-under-test.js'
import { REPOSITORY } from '../support/target.js'
import { Identity, overTls } from '../support/tls.js'
import { poll } from '../support/wait.js'

const curl = findProgram('curl')
const nghttp = findProgram('nghttp')
const h2load = findProgram('h2load')
const openssl = findProgram('openssl')
const haproxy = findProgram('haproxy')
const testssl = findProgram('testssl')

const MIB = 1024 * 1024
const LARGE = Buffer.alloc(3 * MIB, 'a line of a large body, again and again\n')
const PROXY_PROTOCOL = 'type.googleapis.com/envoy.extensions'
const PEER_LOG = '%DOWNSTREAM_REMOTE_ADDRESS% %PROTOCOL% %RESPONSE_CODE%\n'

const identity = new Identity()
const folder = makeFolder()
const running: RunningProgram[] = []
let proxy: ProxyUnderTest | undefined
let behindProxyHeader = 0

/** Answers with what it was asked, or with a large body. */
const upstream = http.createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    if (request.url === '/large') return response.end(LARGE)
    const body = Buffer.concat(chunks)
    const told = { method: request.method, path: request.url, host: request.headers.host, size: body.length }
    response.writeHead(200, { 'content-type': 'application/json' })
    response.write(`${JSON.stringify(told)}\n`)
    if (request.method !== 'HEAD') response.addTrailers({ 'x-size': String(body.length) })
    return response.end()
  })
})

function file(name: string): string {
  return path.join(folder, name)
}

function port(name: string): number {
  return (proxy ?? assert.fail('no proxy')).port(name)
}

async function freePort(): Promise<number> {
  const server = net.createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const found = (server.address() as net.AddressInfo).port
  await new Promise(resolve => server.close(resolve))
  return found
}

function accepts(at: number): Promise<true | undefined> {
  return new Promise(resolve => {
    const socket = net.connect(at, '127.0.0.1')
    socket.once('connect', () => resolve(socket.destroy() && true))
    socket.once('error', () => resolve(undefined))
  })
}

async function startHaproxy(config: string, listensAt: readonly number[]): Promise<void> {
  const name = file(`haproxy-${listensAt[0]}.cfg`)
  const timeouts = 'timeout connect 5s\n  timeout client 20s\n  timeout server 20s'
  writeFileSync(name, `global\n  maxconn 200\ndefaults\n  ${timeouts}\n${config}`)
  const program = new RunningProgram([haproxy ?? '', '-db', '-f', name])
  running.push(program)
  for (const at of listensAt) {
    await poll('HAProxy to listen', () => accepts(at), 10_000).catch(error => {
      throw new Error(`${String(error)}: ${program.output}`)
    })
  }
}

before(async () => {
  await new Promise<void>(resolve => upstream.listen(0, '127.0.0.1', resolve))
  writeFileSync(file('ca.pem'), identity.authority.pem)
  writeFileSync(file('large'), LARGE)
  behindProxyHeader = await freePort()
  if (haproxy !== undefined)
    await startHaproxy(
      `frontend f\n  bind 127.0.0.1:${behindProxyHeader} accept-proxy\n  mode http\n  http-request return status 200 content-type text/plain lf-string "%ci"\n`,
      [],
    )
  const acceptsProxyHeader = `listener_filters: [{name: pp, typed_config: {"@type": ${PROXY_PROTOCOL}.filters.listener.proxy_protocol.v3.ProxyProtocol}}]`
  const sendsProxyHeader = `transport_socket: {name: pp, typed_config: {"@type": ${PROXY_PROTOCOL}.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport, config: {version: V2}, transport_socket: {name: raw, typed_config: {"@type": ${PROXY_PROTOCOL}.transport_sockets.raw_buffer.v3.RawBuffer}}}}`
  const values = new Map<string, string | number>([
    ['tmp', folder],
    ['up', (upstream.address() as net.AddressInfo).port],
    ['haproxy', behindProxyHeader],
  ])
  const trailers = httpOptions('explicit_http_config: {http_protocol_options: {enable_trailers: true}}')
  const toHaproxy = '[{match: {prefix: /}, route: {cluster: haproxy}}]'
  const config = bootstrap({
    clusters: [cluster('up', ['up'], trailers), cluster('haproxy', ['haproxy'], sendsProxyHeader)],
    listeners: [
      listener('clear', { hcm: 'codec_type: AUTO' }),
      overTls(listener('tls', { hcm: 'codec_type: AUTO' }), identity),
      listener('proxied', { listener: acceptsProxyHeader, log: PEER_LOG }),
      listener('proxied-on', { listener: acceptsProxyHeader, routes: toHaproxy }),
    ],
  })
  proxy = await ProxyUnderTest.start({ config: fill(config, values), folder })
})

after(async () => {
  for (const program of running) await program.stop()
  upstream.close()
  upstream.closeAllConnections()
  await proxy?.stop()
  rmSync(folder, { recursive: true, force: true })
})

function succeeded(ran: Ran): string {
  assert.equal(ran.code, 0, `${ran.stdout.slice(-2000)}\n${ran.stderr.slice(-2000)}`)
  return ran.stdout
}

describe('curl', { skip: missing({ curl }) }, () => {
  const WRITTEN = '%{http_version} %{response_code} %{size_download} %{num_connects}\n'
  const run = (...args: readonly string[]): Promise<Ran> =>
    runProgram([curl ?? '', '-sS', '--noproxy', '*', '--cacert', file('ca.pem'), '-w', WRITTEN, ...args])
  const clear = (target: string): string => `http://127.0.0.1:${port('clear')}${target}`
  const secure = (target: string): string => `https://localhost:${port('tls')}${target}`

  test('--http2-prior-knowledge: GET', async () => {
    const out = succeeded(await run('--http2-prior-knowledge', clear('/a?b=c')))
    assert.equal(
      out,
      `{"method":"GET","path":"/a?b=c","host":"127.0.0.1:${port('clear')}","size":0}\n2 200 ${out.indexOf('\n') + 1} 1\n`,
    )
  })
  test('--http2 in clear text: the upgrade is answered in HTTP/1.1', async () => {
    assert.match(succeeded(await run('--http2', clear('/'))), /\n1\.1 200 \d+ 1\n$/)
  })
  test('--http2 over TLS agrees on h2, --http1.1 does not', async () => {
    assert.match(succeeded(await run('--http2', secure('/'))), /\n2 200 \d+ 1\n$/)
    assert.match(succeeded(await run('--http1.1', secure('/'))), /\n1\.1 200 \d+ 1\n$/)
    assert.match(succeeded(await run('--no-alpn', secure('/'))), /\n1\.1 200 \d+ 1\n$/)
  })
  test('TLS 1.2 and 1.3', async () => {
    assert.match(succeeded(await run('--tls-max', '1.2', secure('/'))), /\n2 200 \d+ 1\n$/)
    assert.match(succeeded(await run('--tlsv1.3', secure('/'))), /\n2 200 \d+ 1\n$/)
  })
  test('a name that is not in the certificate ends the handshake', async () => {
    const other = ['--resolve', `other.example:${port('tls')}:127.0.0.1`, `https://other.example:${port('tls')}/`]
    assert.equal((await run(...other)).code, 60)
  })
  for (const [title, where] of [
    ['clear text', (target: string) => ['--http2-prior-knowledge', clear(target)]],
    ['TLS', (target: string) => ['--http2', secure(target)]],
  ] as const) {
    test(`3 MiB down and up, in HTTP/2: ${title}`, async () => {
      const down = succeeded(await run('-o', file('got'), ...where('/large')))
      assert.equal(down, `2 200 ${LARGE.length} 1\n`)
      assert.ok(readFileSync(file('got')).equals(LARGE))
      const up = succeeded(await run('--data-binary', `@${file('large')}`, ...where('/up')))
      assert.match(up, new RegExp(`"method":"POST","path":"/up",.*"size":${LARGE.length}}\n2 200 `))
    })
    test(`HEAD: ${title}`, async () => {
      assert.match(
        succeeded(await run('-I', ...where('/'))),
        /^HTTP\/2 200 \r\n(?:[a-z0-9-]+: .*\r\n)+\r\n2 200 0 1\n$/,
      )
    })
  }
  // Not in clear text: there Debian's curl 7.88 breaks an HTTP/2 connection of any server by using it again.
  test('twenty requests at a time on one connection: TLS', async () => {
    const urls = Array.from({ length: 20 }, () => ['-o', '/dev/null', secure('/')]).flat()
    const out = succeeded(await run('--parallel', '--http2', ...urls))
    assert.equal(out.match(/2 200 /g)?.length, 20)
  })
})

describe('nghttp', { skip: missing({ nghttp }) }, () => {
  // By itself it builds a tree of priorities with streams that never open.
  test('GET with its priority frames, in clear text and over TLS', async () => {
    for (const url of [`http://127.0.0.1:${port('clear')}/`, `https://127.0.0.1:${port('tls')}/`]) {
      const out = succeeded(await runProgram([nghttp ?? '', '-v', '-y', url, '-m', '5', '--trailer', 'x-more: yes']))
      assert.match(out, /send PRIORITY frame/)
      assert.equal(out.match(/:status: 200/g)?.length, 5, out)
      assert.doesNotMatch(out, /recv (?:RST_STREAM|GOAWAY)/)
    }
  })
  test('an upload through small windows, padded', async () => {
    const size = ['--window-bits=14', '--connection-window-bits=15', '--padding=64', '-d', file('large')]
    const out = succeeded(
      await runProgram([nghttp ?? '', '-v', ...size, `http://127.0.0.1:${port('clear')}/up`], { limitMs: 60_000 }),
    )
    assert.match(out, new RegExp(`"size":${LARGE.length}}`))
  })
  test('trailers of the upstream', async () => {
    const out = succeeded(
      await runProgram([nghttp ?? '', '-v', '-H', 'te: trailers', `http://127.0.0.1:${port('clear')}/`]),
    )
    assert.match(out, /recv \(stream_id=\d+\) x-size: 0/)
  })
})

describe('h2load', { skip: missing({ h2load }) }, () => {
  const all = async (...args: readonly string[]): Promise<void> => {
    const out = succeeded(await runProgram([h2load ?? '', '-n', '2000', '-c', '8', '-m', '20', ...args]))
    assert.match(out, /2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout/)
  }
  test('in clear text', () => all(`http://127.0.0.1:${port('clear')}/`))
  test('over TLS', () => all(`https://127.0.0.1:${port('tls')}/`))
  test('HTTP/1.1 over TLS, pipelined', () => all('--h1', `https://127.0.0.1:${port('tls')}/`))
})

describe('openssl s_client', { skip: missing({ openssl }) }, () => {
  const GET = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
  const run = (args: readonly string[], input = GET): Promise<Ran> =>
    runProgram(
      [openssl ?? '', 's_client', '-connect', `127.0.0.1:${port('tls')}`, '-servername', 'localhost', '-ign_eof']
        .concat(['-CAfile', file('ca.pem'), '-verify_return_error'])
        .concat(args),
      { input },
    )

  for (const [version, name] of [
    ['-tls1_2', 'TLSv1.2'],
    ['-tls1_3', 'TLSv1.3'],
  ] as const) {
    test(`${name}: verified, answered, resumed`, async () => {
      const first = succeeded(await run([version, '-sess_out', file(`session${version}`)]))
      assert.match(first, /Verify return code: 0 \(ok\)/)
      assert.match(first, new RegExp(`New, ${name}, Cipher is`))
      assert.match(first, /HTTP\/1\.1 200 OK\r\n/)
      const second = succeeded(await run([version, '-sess_in', file(`session${version}`)]))
      assert.match(second, new RegExp(`Reused, ${name}, Cipher is`))
      assert.match(second, /HTTP\/1\.1 200 OK\r\n/)
    })
  }
  test('ALPN: the server chooses, in the order of its own list', async () => {
    const agreed = async (list: string): Promise<string> =>
      /^(?:No ALPN negotiated|ALPN protocol: .*)$/m.exec((await run(['-alpn', list], '')).stdout)?.[0] ?? 'nothing'
    assert.equal(await agreed('h2'), 'ALPN protocol: h2')
    assert.equal(await agreed('http/1.1,h2'), 'ALPN protocol: h2')
    assert.equal(await agreed('http/1.1'), 'ALPN protocol: http/1.1')
    assert.equal(await agreed('spdy/1'), 'No ALPN negotiated')
  })
  test('TLS 1.1 is refused with an alert', async () => {
    const ran = await run(['-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'])
    assert.notEqual(ran.code, 0)
    assert.match(ran.stderr, /alert protocol version/)
  })
})

describe('HAProxy', { skip: missing({ haproxy, curl }) }, () => {
  test('send-proxy and send-proxy-v2: the client is the one HAProxy saw', async () => {
    for (const option of ['send-proxy', 'send-proxy-v2']) {
      const at = await freePort()
      await startHaproxy(
        `listen l\n  bind 127.0.0.1:${at}\n  mode tcp\n  server s 127.0.0.1:${port('proxied')} ${option}\n`,
        [at],
      )
      const args = ['-sS', '--noproxy', '*', '--interface', '127.0.0.9', '-w', '%{local_port}']
      const out = succeeded(await runProgram([curl ?? '', ...args, `http://127.0.0.1:${at}/`]))
      const localPort = out.slice(out.indexOf('\n') + 1)
      await poll(`a log line of the client's address after ${option}`, () => {
        const lines = readFileSync(file('proxied.log'), 'utf8')
        return lines.includes(` 127.0.0.9:${localPort} HTTP/1.1 200\n`) || undefined
      })
    }
  })
  test('accept-proxy behind us: the address we were told goes on', async () => {
    const at = await freePort()
    await startHaproxy(
      `listen l\n  bind 127.0.0.1:${at}\n  mode tcp\n  server s 127.0.0.1:${port('proxied-on')} send-proxy-v2\n`,
      [at],
    )
    const out = succeeded(
      await runProgram([curl ?? '', '-sS', '--noproxy', '*', '--interface', '127.0.0.9', `http://127.0.0.1:${at}/`]),
    )
    assert.equal(out, '127.0.0.9')
  })
})

describe('testssl.sh', { skip: missing({ testssl, openssl }) }, () => {
  // What it holds against any certificate of an authority of one's own, and advice for a public site.
  const OWN_AUTHORITY = /^cert_|^OCSP|^DNS_CAArecord|^HSTS|^HPKP|^banner|^security_headers/
  test('protocols, ciphers, weaknesses: nothing of weight', { timeout: 400_000 }, async () => {
    // Unpacked, its data is not where it looks.
    const isUnpacked = testssl?.startsWith(REPOSITORY) === true
    const data = isUnpacked ? path.join(REPOSITORY, '.tools/debian/etc/testssl') : '/etc/testssl'
    const report = file('testssl.json')
    const ran = await runProgram(
      [testssl ?? '', '--quiet', '--color', '0', '--warnings', 'off', '--nodns', 'none', '--ip', '127.0.0.1']
        .concat(['-p', '-s', '-f', '-P', '-S', '-U', '--jsonfile', report])
        .concat([`localhost:${port('tls')}`]),
      { limitMs: 390_000, env: { TESTSSL_INSTALL_DIR: data, OPENSSL: openssl ?? '' } },
    )
    const findings = JSON.parse(readFileSync(report, 'utf8')) as { id: string; severity: string; finding: string }[]
    assert.ok(findings.length > 40, `it gave up: ${ran.stdout.slice(-2000)}`)
    const weighty = findings.filter(
      ({ id, severity }) =>
        ['LOW', 'MEDIUM', 'HIGH', 'CRITICAL', 'FATAL'].includes(severity) && !OWN_AUTHORITY.test(id),
    )
    assert.deepEqual(weighty, [])
  })
})
