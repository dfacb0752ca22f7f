// What becomes of a message between versions of HTTP where the two disagree on details.
import { answer } from '../support/bytes.js'
import { cluster, http, httpOptions } from '../support/config.js'
import * as frames from '../support/h2-frames.js'
import { H2Client, showAnswer } from '../support/h2-peers.js'
import { feature, type Scene } from '../support/scenario.js'

const rich =
  '{proxy_100_continue: true, http_protocol_options: {enable_trailers: true}, http2_protocol_options: {allow_connect: true}, upgrade_configs: [{upgrade_type: websocket}], drain_timeout: 0.2s}'
const begin = frames.PREFACE + frames.settings()
const LOG =
  '%PROTOCOL% %REQ(:METHOD)% %REQ(:SCHEME)% %REQ(:AUTHORITY)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_CLUSTER%\n'

async function client(s: Scene, listener = 'main'): Promise<H2Client> {
  return H2Client.connect(Number(s.value(listener)))
}

/** One exchange over HTTP/2 towards HTTP/1.1. */
async function asks(s: Scene, response: string, headers: Record<string, string | string[]> = {}): Promise<void> {
  const c = await client(s)
  s.upstream().script(response)
  s.note(showAnswer(await c.request(headers)))
  s.sawRequests()
  await s.sawLog()
  c.close()
}

const whatBecame = /^http\.main\.downstream_(rq_rx_reset|rq_completed|cx_destroy.*active_rq)$/

/** The client's window holds an answer back, that was whole; `act` is what the client does then. */
async function stuck(s: Scene, act: string): Promise<void> {
  s.upstream().script(answer(200, 'body'))
  const c = await s.connect()
  await s.statsOf(whatBecame, async () => {
    await c.send(frames.PREFACE + frames.settings([4, 1]) + frames.get(1))
    await frames.waitForFrame(c, 'DATA 1 1')
    await s.stat('http.main.downstream_rq_active', 1)
    await c.send(act)
    await s.stat('http.main.downstream_rq_active', 0)
  })
  for (const line of frames.seenFrames(c)) s.note(`< ${line}`)
  await s.sawLog()
  c.end()
}

/** Trailers with an underscore, by both versions. */
async function underscored(s: Scene, listener: string): Promise<void> {
  s.upstream().script(answer(200, 'body'), answer(200, 'body'))
  const c = await client(s, listener)
  await s.statsOf(/underscores/, async () => {
    s.note(showAnswer(await c.request({ ':method': 'POST' }, 'x', { a_b: '1', c: '2' })))
  })
  await s.sawLog(1, listener)
  c.close()
  const old = await s.connect(listener)
  await s.statsOf(/underscores/, async () => {
    await old.send(
      'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\na_b: 1\r\nc: 2\r\n\r\n',
    )
    await old.response()
    if (listener === 'rejects') await old.closed()
  })
  s.sawAll(old)
  await s.sawLog(1, listener)
  old.end()
}

feature(
  'HTTP/2 translation',
  {
    file: import.meta.url,
    clusters: [
      cluster('up', ['up'], httpOptions('explicit_http_config: {http_protocol_options: {enable_trailers: true}}')),
    ],
    listeners: [
      http('main', { hcm: rich, log: LOG }),
      http('drops', {
        hcm: `{common_http_protocol_options: {headers_with_underscores_action: DROP_HEADER}, http_protocol_options: {enable_trailers: true}}`,
      }),
      http('rejects', {
        hcm: `{common_http_protocol_options: {headers_with_underscores_action: REJECT_REQUEST}, http_protocol_options: {enable_trailers: true}}`,
      }),
    ],
  },
  f => {
    f.scenario(
      'informational answers',
      {
        sees: `
      100: 100
      102: 102
      103: 103
      104: 104
      105: nothing
      199: nothing
    `,
      },
      async s => {
        for (const status of [100, 102, 103, 104, 105, 199]) {
          const c = await client(s)
          s.upstream().script(`HTTP/1.1 ${status} Wait\r\nlink: x\r\n\r\n${answer(200, 'body')}`)
          const { informational } = await c.request({})
          s.note(`${status}: ${informational.map(one => one[':status']).join() || 'nothing'}`)
          c.close()
        }
      },
    )
    f.scenario(
      'schemes',
      {
        sees: `
      log: HTTP/2 GET http a 200 - via_upstream up
      log: HTTP/2 GET https a 200 - via_upstream up
      log: HTTP/2 GET http a 200 - via_upstream up
    `,
      },
      async s => {
        for (const scheme of ['HTTP', 'Https', 'ftp']) {
          const c = await client(s)
          s.upstream().script(answer(200, 'body'))
          await c.request({ ':scheme': scheme })
          await s.sawLog()
          c.close()
        }
      },
    )
    f.scenario(
      'cookies of which some are empty',
      {
        sees: `
      :status: 200
      content-length: 4
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      body
      > up
      GET / HTTP/1.1
      host: a
      cookie: a=1; ; b=2
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      log: HTTP/2 GET http a 200 - via_upstream up
    `,
      },
      s => asks(s, answer(200, 'body'), { cookie: ['', 'a=1', '', 'b=2'] }),
    )
    f.scenario(
      'an empty cookie',
      {
        sees: `
      :status: 200
      content-length: 4
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      body
      > up
      GET / HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      log: HTTP/2 GET http a 200 - via_upstream up
    `,
      },
      s => asks(s, answer(200, 'body'), { cookie: '' }),
    )
    f.scenario(
      'a host in place of the authority',
      {
        sees: `
      > up
      GET / HTTP/1.1
      host: b
      x-first: 1
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      log: HTTP/2 GET http b 200 - via_upstream up
    `,
      },
      async s => {
        s.upstream().script(answer(200, 'body'))
        const c = await s.connect()
        await c.send(
          begin +
            frames.headers(
              1,
              frames.END_STREAM,
              [':method', 'GET'],
              [':scheme', 'http'],
              [':path', '/'],
              ['x-first', '1'],
              ['host', 'b'],
            ),
        )
        await frames.waitForFrame(c, /^DATA 1/)
        s.sawRequests()
        await s.sawLog()
        c.end()
      },
    )
    f.scenario(
      'an upgrade that the upstream does not make',
      {
        sees: `
      :status: 200
      date: DATE
      server: envoy
      > up
      GET / HTTP/1.1
      host: a
      upgrade: websocket
      connection: upgrade
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      log: HTTP/2 GET http a 200 - websocket_handshake_unsuccessful up
    `,
      },
      s =>
        asks(s, 'HTTP/1.1 200 OK\r\ncontent-type: a/b\r\ncontent-length: 2\r\n\r\nok', {
          ':method': 'CONNECT',
          ':protocol': 'websocket',
          ':scheme': 'http',
        }),
    )
    f.scenario(
      'an upgrade that the upstream refuses',
      {
        sees: `
      :status: 404
      content-length: 0
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy
      > up
      GET / HTTP/1.1
      host: a
      upgrade: websocket
      connection: upgrade
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      log: HTTP/2 GET http a 404 - via_upstream up
    `,
      },
      s =>
        asks(s, 'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n', {
          ':method': 'CONNECT',
          ':protocol': 'websocket',
          ':scheme': 'http',
        }),
    )
    f.scenario(
      'an upgrade that the listener refuses',
      {
        sees: `
      < GOAWAY MAX NO_ERROR
      < HEADERS 1 END_STREAM
      < RST_STREAM 1 NO_ERROR
      < GOAWAY 1 NO_ERROR
      log: HTTP/2 GET http a 403 - upgrade_failed up
    `,
      },
      async s => {
        const c = await s.connect()
        const ask = frames.headers(
          1,
          0,
          [':method', 'CONNECT'],
          [':protocol', 'chat'],
          [':scheme', 'http'],
          [':authority', 'a'],
          [':path', '/'],
        )
        await c.send(begin + ask)
        await c.closed()
        for (const line of frames.seenFrames(c)) s.note(`< ${line}`)
        await s.sawLog()
      },
    )
    f.scenario(
      'connect-udp',
      {
        sees: `
      < client
      HTTP/1.1 403 Forbidden
      date: DATE
      server: envoy
      connection: close
      content-length: 0

      (closed)
      log: HTTP/1.1 GET http h-x:80 403 - upgrade_failed up
      < client
      HTTP/1.1 403 Forbidden
      date: DATE
      server: envoy
      connection: close
      content-length: 0

      (closed)
      log: HTTP/1.1 GET http [::1]:80 403 - upgrade_failed up
      < client
      HTTP/1.1 404 Not Found
      content-length: 37
      content-type: text/plain
      date: DATE
      server: envoy
      connection: close

      The path is incorrect for CONNECT-UDP
      (closed)
      log: HTTP/1.1 GET - a 404 - invalid_path -
    `,
      },
      async s => {
        for (const path of ['/.well-known/masque/udp/h%2dx/80/', '/.well-known/masque/udp/%3A%3A1/80/', '/elsewhere']) {
          const c = await s.connect()
          await c.send(`GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: connect-udp\r\n\r\n`)
          await c.closed()
          s.sawAll(c)
          await s.sawLog()
        }
      },
    )
    f.scenario(
      'an upstream that breaks off within its answer',
      {
        sees: `
      < HEADERS 1
      < DATA 1 2
      < RST_STREAM 1 INTERNAL_ERROR
      log: HTTP/2 GET http a 200 UPE upstream_reset_after_response_started{protocol_error} up
    `,
      },
      async s => {
        s.upstream().raw()
        const c = await s.connect()
        await c.send(begin + frames.get(1))
        const upstream = await s.upstream().nextConnection()
        await upstream.waitFor('the request', () => (upstream.received.includes('\r\n\r\n') ? true : undefined))
        await upstream.send('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok')
        await frames.waitForFrame(c, /^DATA 1/)
        upstream.end()
        await frames.waitForFrame(c, /^RST_STREAM 1/)
        for (const line of frames.seenFrames(c)) s.note(`< ${line}`)
        await s.sawLog()
        c.end()
      },
    )
    f.scenario(
      "an answer that waits for the client's window and is reset",
      {
        sees: `
      stat: http.main.downstream_rq_completed +1
      stat: http.main.downstream_rq_rx_reset +1
      < HEADERS 1
      < DATA 1 1
      log: HTTP/2 GET http a 200 DR http2.remote_reset up
    `,
      },
      s => stuck(s, frames.resetStream(1, 8)),
    )
    f.scenario(
      "an answer that waits for the client's window and is refused",
      {
        sees: `
      stat: http.main.downstream_rq_completed +1
      stat: http.main.downstream_rq_rx_reset +1
      < HEADERS 1
      < DATA 1 1
      log: HTTP/2 GET http a 200 DR http2.remote_refuse up
    `,
      },
      s => stuck(s, frames.resetStream(1, 7)),
    )
    f.scenario(
      "an answer that waits for the client's window and goes on",
      {
        sees: `
      stat: http.main.downstream_rq_completed +1
      < HEADERS 1
      < DATA 1 1
      < DATA 1 3 END_STREAM
      log: HTTP/2 GET http a 200 - via_upstream up
    `,
      },
      s => stuck(s, frames.windowUpdate(1, 100)),
    )
    f.scenario(
      "an answer that waits for the client's window until it leaves",
      {
        sees: `
      stat: http.main.downstream_cx_destroy_active_rq +1
      stat: http.main.downstream_cx_destroy_remote_active_rq +1
      stat: http.main.downstream_rq_completed +1
      stat: http.main.downstream_rq_rx_reset +1
      log: HTTP/2 GET http a 200 DC downstream_remote_disconnect up
    `,
      },
      async s => {
        s.upstream().script(answer(200, 'body'))
        const c = await s.connect()
        await s.statsOf(whatBecame, async () => {
          await c.send(frames.PREFACE + frames.settings([4, 1]) + frames.get(1))
          await frames.waitForFrame(c, 'DATA 1 1')
          c.end()
          await s.stat('http.main.downstream_rq_active', 0)
        })
        await s.sawLog()
      },
    )
    f.scenario(
      'an underscore in trailers, to be dropped',
      {
        sees: `
      :status: 200
      content-length: 4
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      body
      stat: http2.dropped_headers_with_underscores +1
      log: HTTP/2 200 - via_upstream in=1 out=4
      stat: http1.dropped_headers_with_underscores +1
      < client
      HTTP/1.1 200 OK
      content-length: 4
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      body
      (open)
      log: HTTP/1.1 200 - via_upstream in=1 out=4
      > up
      POST / HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000
      transfer-encoding: chunked

      1
      x
      0
      c: 2


      > up
      POST / HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000
      transfer-encoding: chunked

      1
      x
      0
      c: 2


    `,
      },
      async s => {
        await underscored(s, 'drops')
        s.sawRequests()
      },
    )
    f.scenario(
      'an underscore in trailers, to be refused',
      {
        sees: `


      RST 2
      stat: http2.requests_rejected_with_underscores_in_headers +1
      log: HTTP/2 0 DR http2.unexpected_underscore in=1 out=0
      stat: http1.requests_rejected_with_underscores_in_headers +1
      < client
      HTTP/1.1 400 Bad Request
      content-length: 11
      content-type: text/plain
      date: DATE
      server: envoy
      connection: close

      Bad Request
      (closed)
      log: HTTP/1.1 400 DPE http1.unexpected_underscore in=1 out=11
    `,
      },
      s => underscored(s, 'rejects'),
    )
    f.scenario(
      'HEAD with a header line that cannot be',
      {
        sees: `
      < client
      HTTP/1.1 400 Bad Request
      content-length: 11
      content-type: text/plain
      date: DATE
      server: envoy
      connection: close

      Bad Request
      (closed)
    `,
      },
      async s => {
        const c = await s.connect()
        await c.send('HEAD / HTTP/1.1\r\nhost: a\r\nx: \x01\r\n\r\n')
        await c.closed()
        s.sawAll(c)
      },
    )
  },
)
