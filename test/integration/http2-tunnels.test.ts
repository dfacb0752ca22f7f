// WebSocket and CONNECT, with HTTP/1.1 and HTTP/2 on either side.
import { head } from '../support/bytes.js'
import { cluster, http, httpOptions } from '../support/config.js'
import { H2Client, H2Upstream, showRequest } from '../support/h2-peers.js'
import { type Feature, feature, type Scene } from '../support/scenario.js'
import { poll } from '../support/wait.js'
import type http2 from 'node:http2'

let h2: H2Upstream

const upgrades =
  'http2_protocol_options: {allow_connect: true}, upgrade_configs: [{upgrade_type: websocket}, {upgrade_type: CONNECT}]'
const routes =
  '[{match: {connect_matcher: {}, headers: [{name: ":authority", string_match: {prefix: tcp}}]}, route: {cluster: up, upgrade_configs: [{upgrade_type: CONNECT, connect_config: {}}]}}, {match: {connect_matcher: {}, headers: [{name: ":authority", string_match: {prefix: h2}}]}, route: {cluster: h2}}, {match: {connect_matcher: {}, headers: [{name: ":authority", string_match: {prefix: refused}}]}, route: {cluster: none, upgrade_configs: [{upgrade_type: CONNECT, connect_config: {}}]}}, {match: {connect_matcher: {}}, route: {cluster: up}}, {match: {prefix: /post}, route: {cluster: up, upgrade_configs: [{upgrade_type: CONNECT, connect_config: {allow_post: true}}]}}, {match: {prefix: /h2}, route: {cluster: h2}}, {match: {prefix: /}, route: {cluster: up}}]'

const handshake = (path: string): string =>
  head(`GET ${path} HTTP/1.1`, 'host: a', 'connection: Upgrade', 'upgrade: websocket', 'sec-websocket-key: x')
const switching = head(
  'HTTP/1.1 101 Switching Protocols',
  'connection: Upgrade',
  'upgrade: websocket',
  'sec-websocket-accept: y',
)

const client = (s: Scene, listener = 'main'): Promise<H2Client> => H2Client.connect(Number(s.value(listener)))

interface Tunnel {
  readonly stream: http2.ClientHttp2Stream
  status: number
  text: string
  ended: boolean
}

/** Opens a tunnel over HTTP/2 and notes what comes. */
function open(c: H2Client, headers: http2.OutgoingHttpHeaders): Tunnel {
  const stream = c.session.request({ ':method': 'CONNECT', ...headers }, { endStream: false })
  const tunnel: Tunnel = { stream, status: 0, text: '', ended: false }
  stream.on('response', seen => {
    tunnel.status = Number(seen[':status'])
  })
  stream.on('data', (piece: Buffer) => {
    tunnel.text += piece.toString()
  })
  stream.on('error', () => {})
  stream.on('close', () => {
    tunnel.ended = true
  })
  return tunnel
}

const websocket = (path: string): http2.OutgoingHttpHeaders => ({
  ':protocol': 'websocket',
  ':scheme': 'http',
  ':authority': 'a',
  ':path': path,
  'sec-websocket-key': 'x',
})

feature(
  'tunnels with HTTP/2',
  {
    file: import.meta.url,
    values: async () => {
      h2 = await H2Upstream.start({ settings: { enableConnectProtocol: true } })
      return { h2: h2.port, closed: 1 }
    },
    cleanUp: () => h2.stop(),
    clusters: [
      cluster('up'),
      cluster('h2', ['h2'], httpOptions('{explicit_http_config: {http2_protocol_options: {allow_connect: true}}}')),
      cluster('none', ['closed']),
    ],
    listeners: [
      http('main', { routes, hcm: `{${upgrades}}` }),
      http('plain', { routes, hcm: 'http2_protocol_options: {allow_connect: true}' }),
    ],
  },
  f => {
    const t: Pick<Feature, 'scenario'> = {
      scenario: (name, options, run) =>
        f.scenario(name, options, async s => {
          h2.forget()
          h2.handler = stream => {
            stream.respond({ ':status': 200, 'sec-websocket-accept': 'y' })
            stream.on('data', (piece: Buffer) => stream.write(`echo ${piece.toString()}`))
            stream.on('end', () => stream.end())
          }
          await run(s)
        }),
    }
    t.scenario(
      'a WebSocket of HTTP/2 towards HTTP/1.1',
      {
        sees: `
      GET /chat HTTP/1.1
      host: a
      sec-websocket-key: x
      upgrade: websocket
      connection: upgrade
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000
      200
      log: HTTP/2 101 UC upstream_reset_after_response_started{connection_termination} in=15 out=17
    `,
      },
      async s => {
        s.upstream().raw()
        const c = await client(s)
        const tunnel = open(c, websocket('/chat'))
        const connection = await s.upstream().nextConnection()
        await connection.waitFor(
          'the head',
          () => (connection.received.includes('\r\n\r\n') ? true : undefined),
          () => connection.received.toString(),
        )
        s.note(connection.received.toString().trimEnd().replaceAll('\r', ''))
        await connection.send(switching)
        await poll('the answer', () => (tunnel.status !== 0 ? true : undefined))
        s.note(`${tunnel.status}`)
        tunnel.stream.write('from the client')
        await connection.waitFor(
          'bytes',
          () => (connection.received.includes('from the client') ? true : undefined),
          () => connection.received.toString(),
        )
        await connection.send('from the upstream')
        await poll('bytes', () => (tunnel.text === 'from the upstream' ? true : undefined))
        connection.end()
        await poll('the end', () => (tunnel.ended ? true : undefined)).catch(() => s.note('still open'))
        await s.sawLog()
        c.close()
      },
    )
    t.scenario(
      'a WebSocket of HTTP/1.1 towards HTTP/2',
      {
        sees: `
      < client
      HTTP/1.1 101 Switching Protocols
      sec-websocket-accept: y
      date: DATE
      upgrade: websocket
      connection: upgrade
      server: envoy

      echo hello
      (open)
      > h2
      :authority: a
      :method: CONNECT
      :path: /h2
      :protocol: websocket
      :scheme: http
      sec-websocket-key: x
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      hello
      log: HTTP/1.1 101 DC downstream_remote_disconnect in=5 out=10
    `,
      },
      async s => {
        const c = await s.connect()
        await c.send(handshake('/h2'))
        await c.waitFor(
          'the head',
          () => (c.received.includes('\r\n\r\n') ? true : undefined),
          () => c.received.toString(),
        )
        await c.send('hello')
        await c.waitFor(
          'the echo',
          () => (c.received.includes('echo hello') ? true : undefined),
          () => c.received.toString(),
        )
        s.sawAll(c)
        for (const request of h2.requests) s.note(`> h2\n${showRequest(request)}`)
        c.destroy()
        await s.sawLog()
      },
    )
    t.scenario(
      'a WebSocket, HTTP/2 on both sides',
      {
        sees: `
      > h2
      :authority: a
      :method: CONNECT
      :path: /h2
      :protocol: websocket
      :scheme: http
      sec-websocket-key: x
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      hello
      200
      log: HTTP/2 101 - via_upstream in=5 out=10
    `,
      },
      async s => {
        const c = await client(s)
        const tunnel = open(c, websocket('/h2'))
        tunnel.stream.write('hello')
        await poll('the echo', () => (tunnel.text === 'echo hello' ? true : undefined))
        for (const request of h2.requests) s.note(`> h2\n${showRequest(request)}`)
        tunnel.stream.end()
        await poll('the end', () => (tunnel.ended ? true : undefined)).catch(() => s.note('still open'))
        s.note(`${tunnel.status}`)
        await s.sawLog()
        c.close()
      },
    )
    t.scenario(
      'a WebSocket that the upstream refuses',
      {
        sees: `
      < client
      HTTP/1.1 403 Forbidden
      date: DATE
      server: envoy
      connection: close
      transfer-encoding: chunked

      2
      no
      0

      (open)
      log: HTTP/1.1 403 - via_upstream in=0 out=2
      403 no
    `,
      },
      async s => {
        h2.handler = stream => {
          stream.respond({ ':status': 403 })
          stream.end('no')
        }
        const c = await s.connect()
        await c.send(handshake('/h2'))
        await c.response()
        s.sawAll(c)
        await s.sawLog()
        s.upstream().script('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno')
        const other = await client(s)
        const tunnel = open(other, websocket('/'))
        await poll('the answer', () => (tunnel.text !== '' ? true : undefined))
        s.note(`${tunnel.status} ${tunnel.text}`)
        tunnel.stream.close()
        other.close()
      },
    )
    t.scenario(
      'a WebSocket where upgrades are not configured',
      {
        sees: `
      403
      log: HTTP/2 403 - upgrade_failed in=0 out=0
    `,
      },
      async s => {
        const c = await client(s, 'plain')
        const tunnel = open(c, websocket('/'))
        await poll('the answer', () => (tunnel.status !== 0 ? true : undefined))
        s.note(`${tunnel.status}`)
        await s.sawLog(1, 'plain')
        c.close()
      },
    )
    t.scenario(
      'CONNECT where it is not configured',
      {
        sees: `
      403
      log: HTTP/2 403 - upgrade_failed in=0 out=0
    `,
      },
      async s => {
        const c = await client(s, 'plain')
        const tunnel = open(c, { ':authority': 'other:443' })
        await poll('the answer', () => (tunnel.status !== 0 ? true : undefined))
        s.note(`${tunnel.status}`)
        await s.sawLog(1, 'plain')
        c.close()
      },
    )
    t.scenario(
      'CONNECT is forwarded',
      {
        sees: `
      "CONNECT other:443 HTTP/1.1\\r\\nhost: other:443\\r\\nx-forwarded-proto: http\\r\\nx-request-id: ID\\r\\nx-envoy-expected-rq-timeout-ms: 15000\\r\\n\\r\\n"
      200
      log: HTTP/2 200 UC upstream_reset_after_response_started{connection_termination} in=5 out=2
    `,
      },
      async s => {
        s.upstream().raw()
        const c = await client(s)
        const tunnel = open(c, { ':authority': 'other:443' })
        tunnel.stream.write('early')
        const connection = await s.upstream().nextConnection()
        await connection.waitFor(
          'the head',
          () => (connection.received.includes('\r\n\r\n') ? true : undefined),
          () => connection.received.toString(),
        )
        await new Promise(resolve => setTimeout(resolve, 50))
        s.note(JSON.stringify(connection.received.toString().replace(/x-request-id: [^\r]*/, 'x-request-id: ID')))
        await connection.send('HTTP/1.1 200 OK\r\n\r\nhi')
        await poll('bytes', () => (tunnel.text === 'hi' ? true : undefined))
        await connection.waitFor(
          'bytes',
          () => (connection.received.includes('early') ? true : undefined),
          () => connection.received.toString(),
        )
        s.note(`${tunnel.status}`)
        connection.end()
        await poll('the end', () => (tunnel.ended ? true : undefined)).catch(() => s.note('still open'))
        await s.sawLog()
        c.close()
      },
    )
    t.scenario(
      'CONNECT is forwarded from HTTP/1.1 to HTTP/2',
      {
        sees: `
      < client
      HTTP/1.1 200 OK
      sec-websocket-accept: y
      date: DATE
      server: envoy

      echo hello
      (open)
      > h2
      :authority: h2:443
      :method: CONNECT
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      hello
      log: HTTP/1.1 200 DC downstream_remote_disconnect in=5 out=10
    `,
      },
      async s => {
        const c = await s.connect()
        await c.send('CONNECT h2:443 HTTP/1.1\r\nhost: h2:443\r\n\r\n')
        await c.waitFor(
          'the head',
          () => (c.received.includes('\r\n\r\n') ? true : undefined),
          () => c.received.toString(),
        )
        await c.send('hello')
        await c.waitFor(
          'the echo',
          () => (c.received.includes('echo hello') ? true : undefined),
          () => c.received.toString(),
        )
        s.sawAll(c)
        for (const request of h2.requests) s.note(`> h2\n${showRequest(request)}`)
        c.destroy()
        await s.sawLog()
      },
    )
    t.scenario(
      'CONNECT ends here: HTTP/2',
      {
        sees: `
      hello
      200
      hellobye (ended)
      welcomeand thanks
      log: HTTP/2 200 - via_upstream in=8 out=17
    `,
      },
      async s => {
        s.upstream().raw()
        const c = await client(s)
        const tunnel = open(c, { ':authority': 'tcp:443' })
        tunnel.stream.write('hello')
        const connection = await s.upstream().nextConnection()
        await connection.waitFor(
          'bytes',
          () => (connection.received.length > 4 ? true : undefined),
          () => connection.received.toString(),
        )
        s.note(connection.received.toString())
        await connection.send('welcome')
        await poll('bytes', () => (tunnel.text === 'welcome' ? true : undefined))
        s.note(`${tunnel.status}`)
        tunnel.stream.end('bye')
        await connection
          .waitFor(
            'the end',
            () => (connection.state === 'ended' ? true : undefined),
            () => connection.state,
          )
          .catch(() => s.note('no half-close'))
        s.note(`${connection.received.toString()} (${connection.state})`)
        connection.end('and thanks')
        await poll('the end', () => (tunnel.ended ? true : undefined)).catch(() => s.note('still open'))
        s.note(tunnel.text)
        await s.sawLog()
        c.close()
      },
    )
    t.scenario(
      'CONNECT ends here: HTTP/1.1',
      {
        sees: `
      hello
      < client
      HTTP/1.1 200 OK
      date: DATE
      server: envoy

      welcome
      (closed)
      log: HTTP/1.1 200 - via_upstream in=5 out=7
    `,
      },
      async s => {
        s.upstream().raw()
        const c = await s.connect()
        await c.send('CONNECT tcp:443 HTTP/1.1\r\nhost: tcp:443\r\n\r\nhello')
        const connection = await s.upstream().nextConnection()
        await connection.waitFor(
          'bytes',
          () => (connection.received.length > 4 ? true : undefined),
          () => connection.received.toString(),
        )
        s.note(connection.received.toString())
        await connection.send('welcome')
        await c.waitFor(
          'bytes',
          () => (c.received.includes('welcome') ? true : undefined),
          () => c.received.toString(),
        )
        connection.end()
        await c.closed()
        s.sawAll(c)
        await s.sawLog()
      },
    )
    t.scenario(
      'CONNECT that cannot be connected',
      {
        sees: `
      503 upstream connect error or disconnect/reset before headers. reset reason: remote connection failure
      log: HTTP/2 503 UF upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused} in=0 out=98
      < client
      HTTP/1.1 503 Service Unavailable
      content-length: 98
      content-type: text/plain
      date: DATE
      server: envoy
      connection: close

      upstream connect error or disconnect/reset before headers. reset reason: remote connection failure
      (open)
    `,
      },
      async s => {
        const c = await client(s)
        const tunnel = open(c, { ':authority': 'refused:443' })
        await poll('the answer', () => (tunnel.ended || tunnel.text !== '' ? true : undefined))
        s.note(`${tunnel.status} ${tunnel.text}`)
        await s.sawLog()
        c.close()
        const one = await s.connect()
        await one.send('CONNECT refused:443 HTTP/1.1\r\nhost: refused:443\r\n\r\n')
        await one.response()
        s.sawAll(one)
      },
    )
    t.scenario(
      'POST as raw bytes',
      {
        sees: `
      hello
      200 bye
      log: HTTP/2 200 - via_upstream in=5 out=3
    `,
      },
      async s => {
        s.upstream().raw()
        const c = await client(s)
        const stream = c.open({ ':method': 'POST', ':path': '/post' }, 'hello')
        const answered = c.answer(stream)
        const connection = await s.upstream().nextConnection()
        await connection.waitFor(
          'bytes',
          () => (connection.received.length > 4 ? true : undefined),
          () => connection.received.toString(),
        )
        s.note(connection.received.toString())
        connection.end('bye')
        const seen = await answered
        s.note(`${seen.status} ${seen.body.toString()}`)
        await s.sawLog()
        c.close()
      },
    )
  },
)
