// Requests over HTTP/2 and their answers, towards HTTP/1.1 and HTTP/2 upstreams; HTTP/1.1 towards HTTP/2.
import { answer, get, head, post } from '../support/bytes.js'
import { cluster, http, httpOptions } from '../support/config.js'
import { H2Client, H2Upstream, showAnswer, showRequest } from '../support/h2-peers.js'
import { type Feature, feature, type Scene } from '../support/scenario.js'
import { poll } from '../support/wait.js'

let h2: H2Upstream

const h2Cluster = (name: string, options = '{}', more = ''): ReturnType<typeof cluster> =>
  cluster(name, ['h2'], `${httpOptions(`explicit_http_config: {http2_protocol_options: ${options}}`)}\n${more}`)

const routes =
  '[{match: {prefix: /direct}, direct_response: {status: 200, body: {inline_string: hello}}}, {match: {prefix: /h2}, route: {cluster: h2}}, {match: {prefix: /retry}, route: {cluster: h2, retry_policy: {retry_on: "refused-stream,reset", num_retries: 2}}}, {match: {prefix: /nowhere}, route: {cluster_header: x-none}}, {match: {prefix: /}, route: {cluster: up}}]'

async function client(s: Scene, listener = 'main'): Promise<H2Client> {
  return H2Client.connect(Number(s.value(listener)))
}

/** The requests that the HTTP/2 upstream got. */
async function sawH2(s: Scene, count = 1): Promise<void> {
  await poll(`${count} requests`, () => (h2.requests.length >= count ? true : undefined))
  for (const request of h2.requests)
    s.note(
      `> h2 on ${request.connection === h2.sessions.length ? 'the newest connection' : 'an older connection'}\n${showRequest(request)}`,
    )
}

async function upstreamResets(s: Scene, code: number): Promise<void> {
  h2.handler = stream => stream.close(code)
  const c = await client(s)
  const names =
    /^cluster\.h2\.(upstream_rq_(rx_reset|tx_reset|retry|pending_failure_eject)|upstream_cx_(destroy|protocol).*)$/
  await s.statsOf(names, async () => {
    s.note(showAnswer(await c.request({ ':path': '/h2' })))
  })
  await s.sawLog()
  c.close()
}

feature(
  'HTTP/2 exchanges',
  {
    file: import.meta.url,
    values: async () => {
      h2 = await H2Upstream.start({ settings: { enableConnectProtocol: true } })
      return { h2: h2.port }
    },
    cleanUp: () => h2.stop(),
    clusters: [
      cluster('up', ['up'], httpOptions('explicit_http_config: {http_protocol_options: {enable_trailers: true}}')),
      h2Cluster('h2'),
    ],
    listeners: [
      http('main', { routes }),
      http('trailers', { routes, hcm: 'http_protocol_options: {enable_trailers: true}' }),
      http('continue', { routes, hcm: 'proxy_100_continue: true' }),
      http('lenient', { routes, hcm: 'stream_error_on_invalid_http_message: true' }),
    ],
  },
  f => {
    const t: Pick<Feature, 'scenario'> = {
      scenario: (name, options, run) =>
        f.scenario(name, options, async s => {
          h2.forget()
          h2.handler = stream => {
            stream.respond({ ':status': 200, 'x-from': 'h2' })
            stream.end('ok')
          }
          await run(s)
        }),
    }

    t.scenario(
      'GET towards HTTP/1.1',
      {
        sees: `
      :status: 200
      content-length: 4
      x-from: h1
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      body
      > up
      GET /a?b HTTP/1.1
      host: a
      te: trailers
      x-upper: Value
      cookie: a=1; b=2
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      log: HTTP/2 200 - via_upstream in=0 out=4
    `,
      },
      async s => {
        const c = await client(s)
        s.upstream().script(answer(200, 'body', 'x-from: h1', 'connection: keep-alive', 'keep-alive: timeout=5'))
        s.note(
          showAnswer(await c.request({ ':path': '/a?b', cookie: ['a=1', 'b=2'], te: 'trailers', 'x-upper': 'Value' })),
        )
        s.sawRequests()
        await s.sawLog()
        c.close()
      },
    )
    t.scenario(
      'GET towards HTTP/2',
      {
        sees: `
          :status: 200
          x-from: h2
          date: DATE
          x-envoy-upstream-service-time: MS
          server: envoy

          ok
          > h2 on the newest connection
          :authority: a
          :method: GET
          :path: /h2/a?b
          :scheme: http
          te: trailers
          cookie: a=1; b=2
          x-forwarded-proto: http
          x-request-id: UUID
          x-envoy-expected-rq-timeout-ms: 15000
          log: HTTP/2 200 - via_upstream in=0 out=2
        `,
      },
      async s => {
        const c = await client(s)
        s.note(showAnswer(await c.request({ ':path': '/h2/a?b', cookie: ['a=1', 'b=2'], te: 'trailers' })))
        await sawH2(s)
        await s.sawLog()
        c.close()
      },
    )
    t.scenario(
      'HTTP/1.1 towards HTTP/2',
      {
        sees: `
          < client
          HTTP/1.1 200 OK
          x-from: h2
          date: DATE
          x-envoy-upstream-service-time: MS
          server: envoy
          transfer-encoding: chunked

          2
          ok
          0

          (open)
          > h2 on the newest connection
          :authority: a
          :method: GET
          :path: /h2
          :scheme: http
          te: trailers
          cookie: a=1
          x-mixed: Case
          x-forwarded-proto: http
          x-request-id: UUID
          x-envoy-expected-rq-timeout-ms: 15000
          log: HTTP/1.1 200 - via_upstream in=0 out=2
        `,
      },
      async s => {
        const c = await s.connect()
        await c.send(
          get(
            '/h2',
            'te: trailers, gzip',
            'connection: keep-alive, x-private',
            'x-private: 1',
            'Cookie: a=1',
            'X-Mixed: Case',
          ),
        )
        await c.response()
        s.sawAll(c)
        await sawH2(s)
        await s.sawLog()
      },
    )
    t.scenario(
      'a body of unknown length towards HTTP/1.1 is chunked',
      {
        sees: `
          :status: 200
          content-length: 2
          x-envoy-upstream-service-time: MS
          date: DATE
          server: envoy

          ok
          POST / HTTP/1.1
          host: a
          x-forwarded-proto: http
          x-request-id: UUID
          x-envoy-expected-rq-timeout-ms: 15000
          transfer-encoding: chunked
          "3\\r\\none\\r\\n3\\r\\ntwo\\r\\n0\\r\\n\\r\\n"
          log: HTTP/2 200 - via_upstream in=6 out=2
        `,
      },
      async s => {
        const c = await client(s)
        s.note(showAnswer(await c.request({ ':method': 'POST' }, ['one', 'two'])))
        await poll('the request', () => (s.upstream().requests.length > 0 ? true : undefined))
        s.note(s.upstream().requests[0]?.head.replaceAll('\r', '') ?? '')
        s.note(JSON.stringify(s.upstream().requests[0]?.body.toString()))
        await s.sawLog()
        c.close()
      },
    )
    t.scenario(
      'a chunked body towards HTTP/2 has no length, one with a length keeps it',
      {
        sees: `
          > h2 on the newest connection
          :authority: a
          :method: POST
          :path: /h2/1
          :scheme: http
          x-forwarded-proto: http
          x-request-id: UUID
          x-envoy-expected-rq-timeout-ms: 15000

          abc
          > h2 on the newest connection
          :authority: a
          :method: POST
          :path: /h2/2
          :scheme: http
          content-length: 4
          x-forwarded-proto: http
          x-request-id: UUID
          x-envoy-expected-rq-timeout-ms: 15000

          abcd
          log: HTTP/1.1 200 - via_upstream in=3 out=2
          log: HTTP/1.1 200 - via_upstream in=4 out=2
        `,
      },
      async s => {
        const c = await s.connect()
        await c.send(head('POST /h2/1 HTTP/1.1', 'host: a', 'transfer-encoding: chunked') + '3\r\nabc\r\n0\r\n\r\n')
        await c.response()
        await c.send(post('/h2/2', 'abcd'))
        await c.response(2)
        await sawH2(s, 2)
        await s.sawLog(2)
      },
    )
    t.scenario(
      'trailers both ways, HTTP/2 on both sides',
      {
        sees: `
          :status: 200
          date: DATE
          x-envoy-upstream-service-time: MS
          server: envoy

          ok
          trailer x-end: yes
          trailer grpc-status: 0
          > h2 on the newest connection
          :authority: a
          :method: POST
          :path: /h2
          :scheme: http
          x-forwarded-proto: http
          x-request-id: UUID
          x-envoy-expected-rq-timeout-ms: 15000

          body
          trailer x-sum: 1
          log: HTTP/2 200 - via_upstream in=4 out=2
        `,
      },
      async s => {
        h2.handler = stream => {
          stream.on('wantTrailers', () => stream.sendTrailers({ 'x-end': 'yes', 'grpc-status': '0' }))
          // Not before: the time an upstream takes is told only of requests that are whole.
          stream.on('end', () => {
            stream.respond({ ':status': 200 }, { waitForTrailers: true })
            stream.end('ok')
          })
          stream.resume()
        }
        const c = await client(s)
        s.note(showAnswer(await c.request({ ':method': 'POST', ':path': '/h2' }, 'body', { 'x-sum': '1' })))
        await sawH2(s)
        await s.sawLog()
        c.close()
      },
    )
    t.scenario(
      'trailers of a chunked answer become trailers',
      {
        sees: `
      :status: 200
      trailer: x-end
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      trailer x-end: yes
      > up
      POST / HTTP/1.1
      host: a
      te: trailers
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000
      transfer-encoding: chunked

      4
      body
      0
      x-sum: 1


      log: HTTP/2 200 - via_upstream in=4 out=2
    `,
      },
      async s => {
        s.upstream().script(
          head('HTTP/1.1 200 OK', 'transfer-encoding: chunked', 'trailer: x-end') +
            '2\r\nok\r\n0\r\nx-end: yes\r\n\r\n',
        )
        const c = await client(s)
        s.note(showAnswer(await c.request({ ':method': 'POST', te: 'trailers' }, 'body', { 'x-sum': '1' })))
        await poll('the request', () => (s.upstream().requests.length > 0 ? true : undefined))
        s.sawRequests()
        await s.sawLog()
        c.close()
      },
    )
    t.scenario(
      'trailers of HTTP/2 become trailers of chunks where that is enabled',
      {
        sees: `
      < client
      HTTP/1.1 200 OK
      date: DATE
      x-envoy-upstream-service-time: MS
      server: envoy
      transfer-encoding: chunked

      2
      ok
      0

      (open)
      < client
      HTTP/1.1 200 OK
      date: DATE
      x-envoy-upstream-service-time: MS
      server: envoy
      transfer-encoding: chunked

      2
      ok
      0
      x-end: yes

      (open)
    `,
      },
      async s => {
        h2.handler = stream => {
          stream.respond({ ':status': 200 }, { waitForTrailers: true })
          stream.on('wantTrailers', () => stream.sendTrailers({ 'x-end': 'yes' }))
          stream.end('ok')
        }
        for (const listener of ['main', 'trailers']) {
          const c = await s.connect(listener)
          await c.send(get('/h2'))
          await c.response()
          s.sawAll(c)
        }
      },
    )
    t.scenario(
      'HEAD, 204 and 304',
      {
        sees: `
      :status: 200
      content-length: 4
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy
      :status: 204
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy
      :status: 304
      content-length: 4
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy
      < client
      HTTP/1.1 200 OK
      content-length: 4
      date: DATE
      x-envoy-upstream-service-time: MS
      server: envoy

      HTTP/1.1 204 No Content
      date: DATE
      x-envoy-upstream-service-time: MS
      server: envoy

      HTTP/1.1 200 OK
      date: DATE
      x-envoy-upstream-service-time: MS
      server: envoy
      content-length: 0

      (open)
    `,
      },
      async s => {
        const c = await client(s)
        s.upstream().script(
          head('HTTP/1.1 200 OK', 'content-length: 4'),
          head('HTTP/1.1 204 No Content'),
          head('HTTP/1.1 304 Not Modified', 'content-length: 4'),
        )
        s.note(showAnswer(await c.request({ ':method': 'HEAD' })))
        s.note(showAnswer(await c.request({})))
        s.note(showAnswer(await c.request({})))
        h2.handler = (stream, request) => {
          const path = request.headers[':path']
          stream.respond(
            { ':status': path === '/h2/204' ? 204 : 200, ...(path === '/h2' && { 'content-length': '4' }) },
            { endStream: true },
          )
        }
        const one = await s.connect()
        await one.send('HEAD /h2 HTTP/1.1\r\nhost: a\r\n\r\n')
        await one.response()
        await one.send(get('/h2/204'))
        await one.response(2)
        await one.send(get('/h2/empty'))
        await one.response(3)
        s.sawAll(one)
        c.close()
      },
    )
    t.scenario(
      'local replies',
      {
        sees: `
      :status: 200
      content-length: 5
      content-type: text/plain
      date: DATE
      server: envoy

      hello
      :status: 503
      date: DATE
      server: envoy
      :status: 200
      content-type: application/grpc
      grpc-status: 14
      date: DATE
      server: envoy
      log: HTTP/2 200 - direct_response in=0 out=5
      log: HTTP/2 503 NC cluster_not_found in=0 out=0
      log: HTTP/2 200 NC cluster_not_found in=0 out=0
    `,
      },
      async s => {
        const c = await client(s)
        s.note(showAnswer(await c.request({ ':path': '/direct' })))
        s.note(showAnswer(await c.request({ ':path': '/nowhere' })))
        s.note(
          showAnswer(
            await c.request({ ':path': '/nowhere', 'content-type': 'application/grpc', ':method': 'POST' }, 'x'),
          ),
        )
        await s.sawLog(3)
        c.close()
      },
    )
    t.scenario(
      '100-continue is answered by the proxy',
      {
        sees: `
          :status: 100

          :status: 200
          x-from: h2
          date: DATE
          x-envoy-upstream-service-time: MS
          server: envoy

          ok
          continued: 1
          > h2 on the newest connection
          :authority: a
          :method: POST
          :path: /h2
          :scheme: http
          x-forwarded-proto: http
          x-request-id: UUID
          x-envoy-expected-rq-timeout-ms: 15000

          body
        `,
      },
      async s => {
        const c = await client(s)
        const stream = c.open({ ':method': 'POST', expect: '100-continue', ':path': '/h2' }, 'body')
        const answered = c.answer(stream)
        let continued = 0
        stream.on('continue', () => continued++)
        s.note(showAnswer(await answered))
        s.note(`continued: ${continued}`)
        await sawH2(s)
        c.close()
      },
    )
    t.scenario(
      'informational answers pass where that is enabled',
      {
        sees: `
      :status: 200
      date: DATE
      x-envoy-upstream-service-time: MS
      server: envoy

      ok
      :status: 103
      link: </a>

      :status: 200
      date: DATE
      x-envoy-upstream-service-time: MS
      server: envoy

      ok
      < client
      HTTP/1.1 103 Unknown
      link: </a>

      HTTP/1.1 200 OK
      date: DATE
      x-envoy-upstream-service-time: MS
      server: envoy
      transfer-encoding: chunked

      2
      ok
      0

      (open)
    `,
      },
      async s => {
        h2.handler = stream => {
          stream.additionalHeaders({ ':status': 103, link: '</a>' })
          stream.respond({ ':status': 200 })
          stream.end('ok')
        }
        for (const listener of ['main', 'continue']) {
          const c = await client(s, listener)
          s.note(showAnswer(await c.request({ ':path': '/h2' })))
          c.close()
        }
        const c = await s.connect('continue')
        await c.send(get('/h2'))
        await c.response()
        s.sawAll(c)
      },
    )
    t.scenario(
      'an answer before the end of the request',
      {
        sees: `
      :status: 403
      content-length: 2
      date: DATE
      server: envoy

      no
      log: HTTP/2 403 - via_upstream in=5 out=2
      :status: 200
      content-length: 5
      content-type: text/plain
      date: DATE
      server: envoy

      hello
    `,
      },
      async s => {
        s.upstream().raw()
        const c = await client(s)
        const stream = c.session.request({ ':method': 'POST', ':authority': 'a', ':path': '/' }, { endStream: false })
        const answered = c.answer(stream)
        stream.write('begin')
        const connection = await s.upstream().nextConnection()
        await connection.send(answer(403, 'no'))
        s.note(showAnswer(await answered))
        await s.sawLog()
        s.note(showAnswer(await c.request({ ':path': '/direct' })))
        c.close()
      },
    )
    t.scenario(
      'an HTTP/2 upstream that answers before the end of the request',
      {
        sees: `
      :status: 403
      date: DATE
      server: envoy

      no
      log: HTTP/2 403 - via_upstream in=5 out=2
      upstream saw RST 2
    `,
      },
      async s => {
        h2.handler = stream => {
          stream.respond({ ':status': 403 })
          stream.end('no')
        }
        const c = await client(s)
        const stream = c.session.request({ ':method': 'POST', ':authority': 'a', ':path': '/h2' }, { endStream: false })
        const answered = c.answer(stream)
        stream.write('begin')
        s.note(showAnswer(await answered))
        await s.sawLog()
        await poll('its end', () => h2.requests[0]?.rst)
          .then(code => s.note(`upstream saw RST ${code}`))
          .catch(() => s.note('upstream saw no RST'))
        c.close()
      },
    )
    t.scenario(
      'a client that resets its request',
      {
        sees: `
      log: HTTP/2 0 DR http2.remote_reset in=0 out=0
      upstream saw RST 2
      log: HTTP/2 0 DR http2.remote_reset in=0 out=0
    `,
      },
      async s => {
        s.upstream().script(() => {})
        const c = await client(s)
        const stream = c.open({})
        const answered = c.answer(stream)
        await poll('the request', () => (s.upstream().requests.length > 0 ? true : undefined))
        stream.close(8)
        await answered
        await s.sawLog()
        h2.handler = () => {}
        const other = c.open({ ':path': '/h2' })
        const otherAnswered = c.answer(other)
        await poll('the request', () => (h2.requests.length > 0 ? true : undefined))
        other.close(8)
        await otherAnswered
        s.note(`upstream saw RST ${await poll('its end', () => h2.requests[0]?.rst)}`)
        await s.sawLog()
        c.close()
      },
    )
    t.scenario(
      'an upstream that resets with INTERNAL_ERROR before its answer',
      {
        sees: `
      :status: 503
      content-length: 85
      content-type: text/plain
      date: DATE
      server: envoy

      upstream connect error or disconnect/reset before headers. reset reason: remote reset
      stat: cluster.h2.upstream_rq_rx_reset +1
      log: HTTP/2 503 UR upstream_reset_before_response_started{remote_reset} in=0 out=85
    `,
      },
      s => upstreamResets(s, 2),
    )
    t.scenario(
      'an upstream that resets with REFUSED_STREAM before its answer',
      {
        sees: `
      :status: 503
      content-length: 100
      content-type: text/plain
      date: DATE
      server: envoy

      upstream connect error or disconnect/reset before headers. reset reason: remote refused stream reset
      stat: none changed
      log: HTTP/2 503 UR upstream_reset_before_response_started{remote_refused_stream_reset} in=0 out=100
    `,
      },
      s => upstreamResets(s, 7),
    )
    t.scenario(
      'an upstream that resets with CANCEL before its answer',
      {
        sees: `
      :status: 503
      content-length: 85
      content-type: text/plain
      date: DATE
      server: envoy

      upstream connect error or disconnect/reset before headers. reset reason: remote reset
      stat: cluster.h2.upstream_rq_rx_reset +1
      log: HTTP/2 503 UR upstream_reset_before_response_started{remote_reset} in=0 out=85
    `,
      },
      s => upstreamResets(s, 8),
    )
    t.scenario(
      'an upstream that resets with NO_ERROR before its answer',
      {
        sees: `
      :status: 503
      content-length: 85
      content-type: text/plain
      date: DATE
      server: envoy

      upstream connect error or disconnect/reset before headers. reset reason: remote reset
      stat: cluster.h2.upstream_rq_rx_reset +1
      log: HTTP/2 503 UR upstream_reset_before_response_started{remote_reset} in=0 out=85
    `,
      },
      s => upstreamResets(s, 0),
    )
    t.scenario(
      'an upstream that resets within its answer',
      {
        sees: `
      :status: 200
      date: DATE
      x-envoy-upstream-service-time: MS
      server: envoy

      begin
      RST 2
      log: HTTP/2 200 UR upstream_reset_after_response_started{remote_reset} in=0 out=5
      < client
      HTTP/1.1 200 OK
      date: DATE
      x-envoy-upstream-service-time: MS
      server: envoy
      transfer-encoding: chunked

      5
      begin
      (closed)
      log: HTTP/1.1 200 UR upstream_reset_after_response_started{remote_reset} in=0 out=5
    `,
      },
      async s => {
        h2.handler = stream => {
          stream.respond({ ':status': 200 })
          stream.write('begin', () => setTimeout(() => stream.destroy(new Error('enough')), 20))
        }
        const c = await client(s)
        const seen = await c.request({ ':path': '/h2' })
        s.note(showAnswer(seen))
        await s.sawLog()
        const one = await s.connect()
        await one.send(get('/h2'))
        await one.closed()
        s.sawAll(one)
        await s.sawLog()
        c.close()
      },
    )
    t.scenario(
      'refused streams are tried again',
      {
        sees: `
          :status: 200
          date: DATE
          x-envoy-upstream-service-time: MS
          server: envoy

          second
          > h2 on the newest connection
          :authority: a
          :method: POST
          :path: /retry
          :scheme: http
          x-forwarded-proto: http
          x-request-id: UUID
          x-envoy-expected-rq-timeout-ms: 15000
          > h2 on the newest connection
          :authority: a
          :method: POST
          :path: /retry
          :scheme: http
          x-forwarded-proto: http
          x-request-id: UUID
          x-envoy-expected-rq-timeout-ms: REMAINING

          body
          log: HTTP/2 200 - via_upstream in=4 out=6
        `,
      },
      async s => {
        let tries = 0
        h2.handler = stream => {
          if (++tries === 1) return stream.close(7)
          stream.respond({ ':status': 200 })
          stream.end('second')
        }
        const c = await client(s)
        s.note(showAnswer(await c.request({ ':path': '/retry', ':method': 'POST' }, 'body')))
        await sawH2(s, 2)
        await s.sawLog()
        c.close()
      },
    )
    t.scenario(
      'many streams at a time',
      {
        sees: `
      200 of 200
      bodies: true
    `,
      },
      async s => {
        h2.handler = stream => {
          stream.on('end', () => {
            stream.respond({ ':status': 200 })
            stream.end('ok')
          })
        }
        const c = await client(s)
        const all = await Promise.all(
          Array.from({ length: 200 }, (_, index) =>
            c.request({ ':path': `/h2/${index}`, ':method': 'POST' }, 'x'.repeat(index * 50)),
          ),
        )
        s.note(`${all.filter(one => one.status === 200 && one.body.toString() === 'ok').length} of 200`)
        s.note(
          `bodies: ${h2.requests.every(one => one.body.length === Number(one.headers[':path']?.split('/')[2]) * 50)}`,
        )
        c.close()
      },
    )
    t.scenario(
      'an answer of 8 MiB',
      {
        sees: `
      true
      true
      true
    `,
      },
      async s => {
        const size = 8 * 1024 * 1024
        h2.handler = stream => {
          stream.respond({ ':status': 200 })
          stream.end(Buffer.alloc(size, 'x'))
        }
        const c = await client(s)
        s.note(`${(await c.request({ ':path': '/h2' })).body.length === size}`)
        s.upstream().script(answer(200, 'y'.repeat(size)))
        s.note(`${(await c.request({ ':path': '/' })).body.length === size}`)
        const one = await s.connect()
        one.countOnly = true
        await one.send(get('/h2'))
        await one.waitFor(
          'everything',
          () => (one.receivedLength > size ? true : undefined),
          () => `${one.receivedLength}`,
          20_000,
        )
        s.note('true')
        c.close()
      },
    )
  },
)
