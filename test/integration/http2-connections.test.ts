// HTTP/2 connections of clients: which codec, their beginning and end, and frames that break the rules.
import { get } from '../support/bytes.js'
import { cluster, http } from '../support/config.js'
import * as frames from '../support/h2-frames.js'
import { H2Client, showAnswer } from '../support/h2-peers.js'
import type { RawClient } from '../support/raw-client.js'
import { feature, type Scene } from '../support/scenario.js'

const direct =
  '[{match: {prefix: /direct}, direct_response: {status: 200, body: {inline_string: hello}}}, {match: {prefix: /}, route: {cluster: up}}]'
const begin = frames.PREFACE + frames.settings()

const client = (s: Scene, listener = 'main'): Promise<H2Client> => H2Client.connect(Number(s.value(listener)))

/** Sends bytes, waits for the end of the connection, and shows which frames came. */
async function raw(s: Scene, bytes: string | readonly string[], listener = 'main'): Promise<void> {
  const c = await s.connect(listener)
  for (const piece of [bytes].flat()) {
    await c.send(piece)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  await c.closed().catch(() => {})
  sawFrames(s, c)
}

function sawFrames(s: Scene, c: RawClient): void {
  for (const line of frames.seenFrames(c)) s.note(`< ${line}`)
  s.note(`(${c.state})`)
}

/** Waits for a line among the frames, then shows all. */
async function until(s: Scene, c: RawClient, line: string | RegExp): Promise<void> {
  await frames.waitForFrame(c, line).catch(() => s.note(`no ${line}`))
  sawFrames(s, c)
}

const large: readonly [string, string] = ['x-large', 'v'.repeat(120)]

feature(
  'HTTP/2 connections',
  {
    file: import.meta.url,
    clusters: [cluster('up')],
    listeners: [
      http('main', { routes: direct, hcm: 'drain_timeout: 0.2s' }),
      http('one', { routes: direct, hcm: 'codec_type: HTTP1' }),
      http('two', { routes: direct, hcm: 'codec_type: HTTP2' }),
      http('requests', {
        routes: direct,
        hcm: '{drain_timeout: 0.2s, common_http_protocol_options: {max_requests_per_connection: 2}}',
      }),
      http('idle', {
        routes: direct,
        hcm: '{drain_timeout: 0.2s, common_http_protocol_options: {idle_timeout: 0.3s}}',
      }),
      http('lifetime', {
        routes: direct,
        hcm: '{drain_timeout: 0.2s, common_http_protocol_options: {max_connection_duration: 0.3s}}',
      }),
      http('limits', {
        routes: direct,
        hcm: '{http2_protocol_options: {max_concurrent_streams: 2, initial_stream_window_size: 65535, initial_connection_window_size: 65535}, max_request_headers_kb: 1, common_http_protocol_options: {max_headers_count: 10}}',
      }),
      http('lenient', { routes: direct, hcm: 'stream_error_on_invalid_http_message: true' }),
      http('pings', {
        routes: direct,
        hcm: 'http2_protocol_options: {connection_keepalive: {interval: 0.1s, timeout: 0.2s, interval_jitter: {value: 0}}}',
      }),
      http('slow', {
        routes: direct,
        hcm: '{stream_idle_timeout: 0.3s, stream_flush_timeout: 0.3s, request_headers_timeout: 0.3s}',
      }),
      http('overall', { routes: direct, hcm: '{request_timeout: 0.2s}' }),
    ],
  },
  f => {
    f.scenario(
      'the preface in pieces is known, and what only begins like it is HTTP/1.1',
      {
        nuncio: {
          because: 'Envoy looks at the first read alone, and a client cannot know how its bytes are cut',
          instead: `
          < HEADERS 1
          < DATA 1 5 END_STREAM
          (open)
          < client
          HTTP/1.1 200 OK
          content-length: 5
          content-type: text/plain
          date: DATE
          server: envoy

          hello
          (open)
        `,
        },
        sees: `
      no /^DATA 1 .*END_STREAM/
      (reset)
      < client
      HTTP/1.1 200 OK
      content-length: 5
      content-type: text/plain
      date: DATE
      server: envoy

      hello
      (open)
    `,
      },
      async s => {
        const c = await s.connect()
        for (const piece of ['P', 'RI * HT', 'TP/2.0\r\n\r\nSM\r\n\r\n', frames.settings(), frames.get(1, '/direct')]) {
          await c.send(piece)
          await new Promise(resolve => setTimeout(resolve, 30))
        }
        await until(s, c, /^DATA 1 .*END_STREAM/)
        const one = await s.connect()
        await one.send('P')
        await new Promise(resolve => setTimeout(resolve, 30))
        await one.send('OST /direct HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n')
        await one.response()
        s.sawAll(one)
      },
    )
    f.scenario(
      'a preface where only HTTP/1.1 is spoken',
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
      log: HTTP/1.1 400 DPE http1.codec_error in=0 out=11
    `,
      },
      async s => {
        await s.exchange({ to: 'one', send: begin, until: 'close', log: 1 })
      },
    )
    f.scenario(
      'HTTP/1.1 where only HTTP/2 is spoken',
      {
        nuncio: {
          because: 'RFC 9113 section 3.4 asks for the GOAWAY, and h2spec does',
          instead: `
            < GOAWAY 0 PROTOCOL_ERROR
            (closed)
            stat: http.two.downstream_cx_destroy +1
            stat: http.two.downstream_cx_destroy_local +1
            stat: http.two.downstream_cx_http2_total +1
            stat: http.two.downstream_cx_protocol_error +1
          `,
        },
        sees: `
      (closed)
      stat: http.two.downstream_cx_destroy +1
      stat: http.two.downstream_cx_destroy_local +1
      stat: http.two.downstream_cx_http2_total +1
      stat: http.two.downstream_cx_protocol_error +1
    `,
      },
      async s => {
        await s.statsOf(/^http\.two\.(downstream_cx_(protocol_error|destroy.*|http.*)|downstream_rq_total)$/, () =>
          raw(s, get('/'), 'two'),
        )
      },
    )
    f.scenario(
      'two streams, counted',
      {
        sees: `
      :status: 200
      content-length: 5
      content-type: text/plain
      date: DATE
      server: envoy

      hello
      :status: 200
      content-length: 5
      content-type: text/plain
      date: DATE
      server: envoy

      hello
      stat: http.main.downstream_cx_http2_total +1
      stat: http.main.downstream_cx_total +1
      stat: http.main.downstream_rq_2xx +2
      stat: http.main.downstream_rq_http2_total +2
      stat: http.main.downstream_rq_total +2
      log: HTTP/2 200 - direct_response in=0 out=5
      log: HTTP/2 200 - direct_response in=0 out=5
    `,
      },
      async s => {
        await s.statsOf(/^http\.main\.downstream_(cx_http2|rq_http2|rq_total|cx_total|rq_2xx)/, async () => {
          const c = await client(s)
          const both = await Promise.all([c.request({ ':path': '/direct' }), c.request({ ':path': '/direct' })])
          for (const one of both) s.note(showAnswer(one))
          c.close()
        })
        await s.sawLog(2)
      },
    )
    f.scenario(
      'max_requests_per_connection',
      {
        sees: `
      < HEADERS 1
      < DATA 1 5 END_STREAM
      < GOAWAY MAX NO_ERROR
      < HEADERS 3
      < DATA 3 5 END_STREAM
      < GOAWAY 3 NO_ERROR
      (closed)
    `,
      },
      async s => {
        const c = await s.connect('requests')
        await c.send(begin + frames.get(1, '/direct'))
        await frames.waitForFrame(c, /^DATA 1/)
        await c.send(frames.get(3, '/direct'))
        await frames.waitForFrame(c, /^DATA 3/)
        await c.closed()
        sawFrames(s, c)
      },
    )
    f.scenario(
      'the idle timeout',
      {
        sees: `
      < HEADERS 1
      < DATA 1 5 END_STREAM
      < GOAWAY MAX NO_ERROR
      < GOAWAY 1 NO_ERROR
      (closed)
      stat: http.idle.downstream_cx_destroy +1
      stat: http.idle.downstream_cx_destroy_local +1
      stat: http.idle.downstream_cx_idle_timeout +1
    `,
      },
      async s => {
        await s.statsOf(/^http\.idle\.downstream_cx_(idle_timeout|destroy.*)$/, () =>
          raw(s, begin + frames.get(1, '/direct'), 'idle'),
        )
      },
    )
    f.scenario(
      'a connection without a request, idle',
      {
        sees: `
      < GOAWAY MAX NO_ERROR
      < GOAWAY 0 NO_ERROR
      (closed)
    `,
      },
      async s => {
        await raw(s, begin, 'idle')
      },
    )
    f.scenario(
      'max_connection_duration with a stream that takes longer',
      {
        sees: `
          < GOAWAY MAX NO_ERROR
          < GOAWAY 1 NO_ERROR
          < HEADERS 1
          < DATA 1 2 END_STREAM
          (closed)
        `,
      },
      async s => {
        s.upstream().raw()
        const c = await s.connect('lifetime')
        await c.send(begin + frames.get(1, '/'))
        const connection = await s.upstream().nextConnection()
        await frames.waitForFrame(c, /^GOAWAY 1 /)
        await connection.send('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
        await c.closed()
        sawFrames(s, c)
      },
    )
    f.scenario(
      'PING is answered',
      {
        sees: `
      < PING ACK
      (open)
    `,
      },
      async s => {
        const c = await s.connect()
        await c.send(begin + frames.frame('PING', 0, 0, '12345678'))
        await until(s, c, 'PING ACK')
      },
    )
    f.scenario(
      'keep-alive PINGs without an answer',
      {
        sees: `
      < PING
      (closed)
      stat: http.pings.downstream_cx_destroy +1
      stat: http.pings.downstream_cx_destroy_local +1
      stat: http2.keepalive_timeout +1
    `,
      },
      async s => {
        await s.statsOf(/^(http2\.keepalive_timeout|http\.pings\.downstream_cx_destroy.*)$/, () =>
          raw(s, begin, 'pings'),
        )
      },
    )
    f.scenario(
      'a large head',
      {
        sees: `
      < RST_STREAM 1 INTERNAL_ERROR
      < HEADERS 3
      < DATA 3 5 END_STREAM
      (open)
      log: HTTP/2 0 DR http2.too_many_headers in=0 out=0
      log: HTTP/2 200 - direct_response in=0 out=5
    `,
      },
      async s => {
        const many = Array.from({ length: 9 }, (_, index): [string, string] => [`x-large-${index}`, 'v'.repeat(120)])
        const c = await s.connect('limits')
        await c.send(begin + frames.get(1, '/direct', ...many) + frames.get(3, '/direct'))
        await until(s, c, /^DATA 3|RST_STREAM|GOAWAY/)
        await s.sawLog(1, 'limits').catch(() => s.note('no log'))
      },
    )
    f.scenario(
      'many headers',
      {
        sees: `
      < RST_STREAM 1 INTERNAL_ERROR
      < HEADERS 3
      < DATA 3 5 END_STREAM
      (open)
      log: HTTP/2 0 DR http2.too_many_headers in=0 out=0
      log: HTTP/2 200 - direct_response in=0 out=5
    `,
      },
      async s => {
        const many = Array.from({ length: 20 }, (_, index): [string, string] => [`x-${index}`, 'v'])
        const c = await s.connect('limits')
        await c.send(begin + frames.get(1, '/direct', ...many) + frames.get(3, '/direct'))
        await until(s, c, /^DATA 3|RST_STREAM|GOAWAY/)
        await s.sawLog(1, 'limits').catch(() => s.note('no log'))
      },
    )
    f.scenario(
      'more streams than allowed',
      {
        sees: `
      < RST_STREAM 5 REFUSED_STREAM
      (open)
    `,
      },
      async s => {
        s.upstream().script(
          () => {},
          () => {},
        )
        await raw(s, begin + frames.get(1) + frames.get(3) + frames.get(5), 'limits')
      },
    )
    f.scenario(
      'an upper-case header name',
      {
        sees: `
      (closed)
      log: HTTP/2 0 DPE http2.invalid.header.field in=0 out=0
    `,
      },
      async s => {
        await raw(s, begin + frames.get(1, '/direct', ['X-Upper', '1']))
        await s.sawLog().catch(() => s.note('no log'))
      },
    )
    f.scenario(
      'an upper-case header name where streams bear it',
      {
        sees: `
      < RST_STREAM 1 PROTOCOL_ERROR
      < HEADERS 3
      < DATA 3 5 END_STREAM
      (open)
      log: HTTP/2 0 DPE http2.invalid.header.field in=0 out=0
      log: HTTP/2 200 - direct_response in=0 out=5
    `,
      },
      async s => {
        const c = await s.connect('lenient')
        await c.send(begin + frames.get(1, '/direct', ['X-Upper', '1']) + frames.get(3, '/direct'))
        await until(s, c, /^DATA 3/)
        await s.sawLog(2, 'lenient').catch(() => s.note('no log'))
      },
    )
    f.scenario(
      'a connection header',
      {
        sees: `
      < RST_STREAM 1 PROTOCOL_ERROR
      < HEADERS 3
      < DATA 3 5 END_STREAM
      (open)
      log: HTTP/2 0 DPE http2.invalid.header.field in=0 out=0
      log: HTTP/2 200 - direct_response in=0 out=5
    `,
      },
      async s => {
        const c = await s.connect('lenient')
        await c.send(begin + frames.get(1, '/direct', ['connection', 'close']) + frames.get(3, '/direct'))
        await until(s, c, /^DATA 3/)
        await s.sawLog(2, 'lenient').catch(() => s.note('no log'))
      },
    )
    f.scenario(
      'a body longer than its content-length',
      {
        sees: `
      < RST_STREAM 1 PROTOCOL_ERROR
      (open)
      log: HTTP/2 0 DPE http2.remote_reset in=0 out=0
    `,
      },
      async s => {
        s.upstream().raw()
        const c = await s.connect()
        await c.send(
          begin +
            frames.headers(
              1,
              0,
              [':method', 'POST'],
              [':scheme', 'http'],
              [':authority', 'a'],
              [':path', '/'],
              ['content-length', '2'],
            ),
        )
        await s.upstream().nextConnection()
        await c.send(frames.data(1, 'abcd', frames.END_STREAM))
        await until(s, c, /RST_STREAM|GOAWAY/)
        await s.sawLog()
      },
    )
    f.scenario(
      'a request without authority, host instead',
      {
        sees: `
      < HEADERS 1 END_STREAM
      (open)
      > up
      GET / HTTP/1.1
      host: by-host
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

    `,
      },
      async s => {
        s.upstream().script('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
        const c = await s.connect()
        await c.send(
          begin +
            frames.headers(
              1,
              frames.END_STREAM,
              [':method', 'GET'],
              [':scheme', 'http'],
              [':path', '/'],
              ['host', 'by-host'],
            ),
        )
        await until(s, c, /^HEADERS 1|RST/)
        s.sawRequests()
      },
    )
    f.scenario(
      'a request without authority and host',
      {
        sees: `
      no /^HEADERS 1|RST|GOAWAY/
      (closed)
      log: HTTP/2 0 DPE http2.violation.of.messaging.rule in=0 out=0
    `,
      },
      async s => {
        const c = await s.connect()
        await c.send(
          begin + frames.headers(1, frames.END_STREAM, [':method', 'GET'], [':scheme', 'http'], [':path', '/direct']),
        )
        await until(s, c, /^HEADERS 1|RST|GOAWAY/)
        await s.sawLog()
      },
    )
    f.scenario(
      'https on clear text',
      {
        sees: `
      < HEADERS 1 END_STREAM
      (open)
      > up
      GET / HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      log: HTTP/2 200 - via_upstream in=0 out=0
    `,
      },
      async s => {
        s.upstream().script('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
        const c = await s.connect()
        await c.send(
          begin +
            frames.headers(
              1,
              frames.END_STREAM,
              [':method', 'GET'],
              [':scheme', 'https'],
              [':authority', 'a'],
              [':path', '/'],
            ),
        )
        await until(s, c, /^HEADERS 1|RST/)
        s.sawRequests()
        await s.sawLog()
      },
    )
    f.scenario(
      'frames that are none while a request waits',
      {
        sees: `
      < GOAWAY 1 PROTOCOL_ERROR
      (closed)
      log: HTTP/2 0 DPE codec_error:The_user_callback_function_failed in=0 out=0
    `,
      },
      async s => {
        s.upstream().raw()
        const c = await s.connect()
        await c.send(begin + frames.get(1))
        await s.upstream().nextConnection()
        await c.send(frames.frame('DATA', 0, 0, 'x'))
        await c.closed()
        sawFrames(s, c)
        await s.sawLog()
      },
    )
    f.scenario(
      'a client that leaves while a request waits',
      {
        sees: `
      log: HTTP/2 0 DC downstream_remote_disconnect in=0 out=0
    `,
      },
      async s => {
        s.upstream().raw()
        const c = await s.connect()
        await c.send(begin + frames.get(1))
        await s.upstream().nextConnection()
        c.destroy()
        await s.sawLog()
      },
    )
    f.scenario(
      'a client that says GOAWAY while a request waits',
      {
        sees: `
          < HEADERS 1
          < DATA 1 2 END_STREAM
          (open)
          log: HTTP/2 200 - via_upstream in=0 out=2
        `,
      },
      async s => {
        s.upstream().raw()
        const c = await s.connect()
        await c.send(begin + frames.get(1))
        const connection = await s.upstream().nextConnection()
        await c.send(frames.goAway(0, 0))
        await connection.send('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
        await until(s, c, /^DATA 1/)
        await s.sawLog()
      },
    )
    f.scenario(
      'an answer before the end of the request, on the wire',
      {
        sees: `
      < HEADERS 1
      < DATA 1 5 END_STREAM
      < RST_STREAM 1 NO_ERROR
      (open)
      log: HTTP/2 200 - direct_response in=0 out=5
    `,
      },
      async s => {
        const c = await s.connect()
        await c.send(
          begin +
            frames.headers(1, 0, [':method', 'POST'], [':scheme', 'http'], [':authority', 'a'], [':path', '/direct']),
        )
        await until(s, c, /^RST_STREAM/)
        await s.sawLog()
      },
    )
    f.scenario(
      'an answer that the client leaves no window for',
      {
        sees: `
      < HEADERS 1
      < DATA 1 3
      < RST_STREAM 1 INTERNAL_ERROR
      (open)
      stat: http2.tx_flush_timeout +1
      log: HTTP/2 200 - direct_response in=0 out=5
    `,
      },
      async s => {
        const c = await s.connect('slow')
        await s.statsOf(/^http2\.tx_flush_timeout$/, async () => {
          await c.send(frames.PREFACE + frames.settings([4, 3]) + frames.get(1, '/direct'))
          await until(s, c, /^RST_STREAM/)
        })
        await s.sawLog(1, 'slow')
      },
    )
    f.scenario(
      'the idle timeout of a stream',
      {
        sees: `
      < HEADERS 1
      < DATA 1 14 END_STREAM
      (open)
      log: HTTP/2 504 SI stream_idle_timeout in=0 out=14
      < HEADERS 1
      < DATA 1 14 END_STREAM
      < HEADERS 3
      < DATA 3 14 END_STREAM
      < RST_STREAM 3 NO_ERROR
      (open)
      log: HTTP/2 408 SI stream_idle_timeout in=0 out=14
    `,
      },
      async s => {
        s.upstream().raw()
        const c = await s.connect('slow')
        await c.send(begin + frames.get(1))
        await until(s, c, /^DATA 1/)
        await s.sawLog(1, 'slow')
        await c.send(
          frames.headers(3, 0, [':method', 'POST'], [':scheme', 'http'], [':authority', 'a'], [':path', '/']),
        )
        await until(s, c, /^RST_STREAM 3/)
        await s.sawLog(1, 'slow')
      },
    )
    f.scenario(
      'the request timeout',
      {
        sees: `
      < HEADERS 1
      < DATA 1 15 END_STREAM
      < RST_STREAM 1 NO_ERROR
      (open)
      log: HTTP/2 408 - request_overall_timeout in=0 out=15
    `,
      },
      async s => {
        s.upstream().raw()
        const c = await s.connect('overall')
        await c.send(
          begin + frames.headers(1, 0, [':method', 'POST'], [':scheme', 'http'], [':authority', 'a'], [':path', '/']),
        )
        await until(s, c, /^RST_STREAM 1/)
        await s.sawLog(1, 'overall')
      },
    )
    f.scenario(
      'a head that does not end',
      {
        nuncio: {
          because: 'a stream is made of a whole head; the connection is closed, as nothing can come on it but the rest',
          instead: `
          < GOAWAY 0 NO_ERROR
          (open)
          no log
        `,
        },
        sees: `
      < HEADERS 1
      < DATA 1 22 END_STREAM
      < RST_STREAM 1 NO_ERROR
      (open)
      log: HTTP/2 408 - request_header_timeout in=0 out=22
    `,
      },
      async s => {
        const c = await s.connect('slow')
        await c.send(begin + frames.frame('HEADERS', 0, 1, frames.fields([':method', 'GET'], large)))
        await until(s, c, /RST_STREAM|GOAWAY|HEADERS/)
        await s.sawLog(1, 'slow').catch(() => s.note('no log'))
      },
    )
    f.scenario(
      'streams that are reset at once',
      {
        sees: `
      ended
      stat: http.main.downstream_cx_destroy +1
      stat: http.main.downstream_cx_destroy_local +1
      stat: http.main.downstream_rq_too_many_premature_resets +1
    `,
      },
      async s => {
        s.upstream().raw()
        const c = await s.connect()
        await s.statsOf(/^http\.main\.downstream_(rq_too_many_premature_resets|cx_destroy.*)$/, async () => {
          await c.send(begin)
          for (let stream = 1; stream < 1200; stream += 2)
            await c.send(frames.get(stream) + frames.resetStream(stream, 8))
          await c.closed().catch(() => s.note('still open'))
          s.note(c.state === 'open' ? 'open' : 'ended')
        })
      },
    )
  },
)
