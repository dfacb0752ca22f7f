// Connections to HTTP/2 upstreams: how many, for how long, and what their frames do to requests; protocols chosen by cluster.
import { get } from '../support/bytes.js'
import { cluster, http, httpOptions } from '../support/config.js'
import * as frames from '../support/h2-frames.js'
import { H2Client, H2Upstream, showAnswer } from '../support/h2-peers.js'
import { type Feature, feature, type Scene } from '../support/scenario.js'
import { poll } from '../support/wait.js'

let h2: H2Upstream
let two: H2Upstream

const via = (name: string, options: string, upstream = 'h2', more = ''): ReturnType<typeof cluster> =>
  cluster(name, [upstream], `${httpOptions(options)}\n${more}`)

const explicit = (options = '{}', more = ''): string =>
  `{explicit_http_config: {http2_protocol_options: ${options}}${more}}`

const names = [
  'h2',
  'raw',
  'two',
  'few',
  'requests',
  'idle',
  'lifetime',
  'pings',
  'down',
  'legacy',
  'broken',
  'breaker',
]
const routes = `[${names.map(name => `{match: {prefix: /${name}}, route: {cluster: ${name}}}`).join(', ')}]`

const client = (s: Scene): Promise<H2Client> => H2Client.connect(Number(s.value('main')))
const answering = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'
/** HEADERS of a response: `:status: 200` is entry 8 of the static table. */
const ok = (stream: number, flags = frames.END_STREAM): string =>
  frames.frame('HEADERS', flags | frames.END_HEADERS, stream, '\x88')

feature(
  'HTTP/2 upstreams',
  {
    file: import.meta.url,
    upstreams: ['up', 'raw'],
    values: async () => {
      h2 = await H2Upstream.start()
      two = await H2Upstream.start({ settings: { maxConcurrentStreams: 2 } })
      return { h2: h2.port, two: two.port }
    },
    cleanUp: async () => {
      await h2.stop()
      await two.stop()
    },
    clusters: [
      via('h2', explicit()),
      via('raw', explicit(), 'raw'),
      via('two', explicit(), 'two'),
      via('few', explicit('{max_concurrent_streams: 1}')),
      via('requests', explicit('{}', ', common_http_protocol_options: {max_requests_per_connection: 2}')),
      via('idle', explicit('{}', ', common_http_protocol_options: {idle_timeout: 0.2s}')),
      via('lifetime', explicit('{}', ', common_http_protocol_options: {max_connection_duration: 0.2s}')),
      via(
        'pings',
        explicit('{connection_keepalive: {interval: 0.1s, timeout: 0.2s, interval_jitter: {value: 0}}}'),
        'raw',
      ),
      cluster(
        'down',
        ['up'],
        httpOptions(
          '{explicit_http_config: null, use_downstream_protocol_config: {http_protocol_options: {}, http2_protocol_options: {}}}',
        ),
      ),
      cluster('legacy', ['h2'], 'http2_protocol_options: {}'),
      via('broken', explicit(), 'up'),
      via('breaker', explicit(), 'h2', 'circuit_breakers: {thresholds: [{max_requests: 1}]}'),
    ],
    listeners: [http('main', { routes })],
  },
  f => {
    const t: Pick<Feature, 'scenario'> = {
      scenario: (name, options, run) =>
        f.scenario(name, options, async s => {
          for (const upstream of [h2, two]) {
            upstream.forget()
            upstream.handler = stream => {
              stream.respond({ ':status': 200 })
              stream.end('ok')
            }
          }
          await run(s)
          for (const name of ['up', 'raw']) s.upstream(name).dropConnections()
          await new Promise(resolve => setTimeout(resolve, 100)) // until the proxy knows
        }),
    }
    t.scenario(
      'one connection for many requests',
      {
        sees: `
      20 answers
      stat: cluster.h2.upstream_cx_active +1
      stat: cluster.h2.upstream_cx_http2_total +1
      stat: cluster.h2.upstream_cx_total +1
      stat: cluster.h2.upstream_rq_pending_total +20
      stat: cluster.h2.upstream_rq_total +20
    `,
      },
      async s => {
        const c = await client(s)
        await s.statsOf(
          /^cluster\.h2\.upstream_(cx_(http2_total|total|active)|rq_(total|pending_total|active))$/,
          async () => {
            const all = await Promise.all(Array.from({ length: 20 }, () => c.request({ ':path': '/h2' })))
            s.note(`${all.filter(one => one.status === 200).length} answers`)
          },
        )
        c.close()
      },
    )
    t.scenario(
      'the peer allows two streams',
      {
        sees: `
      only 4 arrived
      2 connections
      4 answers
    `,
      },
      async s => {
        const open: (() => void)[] = []
        two.handler = stream => {
          open.push(() => {
            stream.respond({ ':status': 200 })
            stream.end('ok')
          })
        }
        const c = await client(s)
        const first = c.request({ ':path': '/two' })
        await poll('the first', () => (open.length === 1 ? true : undefined)) // SETTINGS are known from now on
        const more = [1, 2, 3, 4].map(() => c.request({ ':path': '/two' }))
        await poll('all of them', () => (open.length === 5 ? true : undefined)).catch(() =>
          s.note(`only ${open.length} arrived`),
        )
        s.note(`${new Set(two.requests.map(one => one.connection)).size} connections`)
        for (const answer of open) answer()
        const all = await Promise.all([first, ...more])
        s.note(`${all.filter(one => one.status === 200).length} answers`)
        c.close()
      },
    )
    t.scenario(
      'our own limit of one stream',
      {
        sees: `
      3 answers
      stat: cluster.few.upstream_cx_http2_total +3
      stat: cluster.few.upstream_rq_pending_total +3
      stat: cluster.few.upstream_rq_total +3
    `,
      },
      async s => {
        const c = await client(s)
        h2.handler = stream => {
          setTimeout(() => {
            stream.respond({ ':status': 200 })
            stream.end('ok')
          }, 100)
        }
        await s.statsOf(/^cluster\.few\.upstream_(cx_http2_total|rq_(total|pending_total))$/, async () => {
          const all = await Promise.all([1, 2, 3].map(() => c.request({ ':path': '/few' })))
          s.note(`${all.filter(one => one.status === 200).length} answers`)
        })
        c.close()
      },
    )
    t.scenario(
      'max_requests_per_connection',
      {
        sees: `
      200
      200
      200
      200
      stat: cluster.requests.upstream_cx_destroy +2
      stat: cluster.requests.upstream_cx_destroy_local +2
      stat: cluster.requests.upstream_cx_http2_total +2
      stat: cluster.requests.upstream_cx_max_requests +2
    `,
      },
      async s => {
        const c = await client(s)
        await s.statsOf(/^cluster\.requests\.upstream_cx_(http2_total|max_requests|destroy.*|active)$/, async () => {
          for (let i = 0; i < 4; ++i) s.note(`${(await c.request({ ':path': '/requests' })).status}`)
        })
        c.close()
      },
    )
    t.scenario(
      'the idle timeout',
      {
        sees: `
      closed
    `,
      },
      async s => {
        const c = await client(s)
        await c.request({ ':path': '/idle' })
        await s.stat('cluster.idle.upstream_cx_idle_timeout', 1)
        await s.stat('cluster.idle.upstream_cx_active', 0)
        s.note('closed')
        c.close()
      },
    )
    t.scenario(
      'the duration of a connection',
      {
        sees: `
      200
      closed
    `,
      },
      async s => {
        const c = await client(s)
        h2.handler = stream => {
          setTimeout(() => {
            stream.respond({ ':status': 200 })
            stream.end('ok')
          }, 400)
        }
        s.note(`${(await c.request({ ':path': '/lifetime' })).status}`)
        await s.stat('cluster.lifetime.upstream_cx_max_duration_reached', 1)
        await s.stat('cluster.lifetime.upstream_cx_active', 0)
        s.note('closed')
        c.close()
      },
    )
    t.scenario(
      'GOAWAY: what is under way ends, what comes goes elsewhere',
      {
        sees: `
          200 200
          the old connection: ended
          stat: cluster.raw.upstream_cx_close_notify +1
          stat: cluster.raw.upstream_cx_destroy +1
          stat: cluster.raw.upstream_cx_destroy_local +1
          stat: cluster.raw.upstream_cx_http2_total +2
        `,
      },
      async s => {
        s.upstream('raw').raw()
        const c = await client(s)
        await s.statsOf(/^cluster\.raw\.upstream_(cx_(http2_total|close_notify|destroy.*)|rq_.*reset)$/, async () => {
          const first = c.request({ ':path': '/raw' })
          const old = await s.upstream('raw').nextConnection()
          await old.send(frames.settings() + frames.settingsAck)
          await frames.waitForFrame(old, /^HEADERS 1/)
          await old.send(frames.goAway(1, 0))
          await new Promise(resolve => setTimeout(resolve, 50))
          const second = c.request({ ':path': '/raw' })
          const young = await s.upstream('raw').nextConnection(2)
          await young.send(frames.settings() + frames.settingsAck)
          await frames.waitForFrame(young, /^HEADERS 1/)
          await old.send(ok(1))
          await young.send(ok(1))
          s.note(`${(await first).status} ${(await second).status}`)
          await old.waitFor(
            'its end',
            () => (old.state === 'open' ? undefined : true),
            () => old.state,
          )
          s.note(`the old connection: ${old.state}`)
        })
        c.close()
      },
    )
    t.scenario(
      'GOAWAY that refuses a stream',
      {
        sees: `
      :status: 503
      content-length: 100
      content-type: text/plain
      date: DATE
      server: envoy

      upstream connect error or disconnect/reset before headers. reset reason: remote refused stream reset
      log: HTTP/2 503 UR upstream_reset_before_response_started{remote_refused_stream_reset} in=0 out=100
    `,
      },
      async s => {
        s.upstream('raw').raw()
        const c = await client(s)
        const first = c.request({ ':path': '/raw' })
        const old = await s.upstream('raw').nextConnection()
        await old.send(frames.settings() + frames.settingsAck)
        await frames.waitForFrame(old, /^HEADERS 1/)
        await old.send(frames.goAway(0, 0))
        s.note(showAnswer(await first))
        await s.sawLog()
        c.close()
      },
    )
    t.scenario(
      'RST_STREAM before the head, by its code',
      {
        sees: `
          0: 503 upstream connect error or disconnect/reset before headers. reset reason: remote reset
          1: 502 upstream connect error or disconnect/reset before headers. reset reason: protocol error
          2: 503 upstream connect error or disconnect/reset before headers. reset reason: remote reset
          7: 503 upstream connect error or disconnect/reset before headers. reset reason: remote refused stream reset
          10: 503 upstream connect error or disconnect/reset before headers. reset reason: remote error with CONNECT request
          13: 503 upstream connect error or disconnect/reset before headers. reset reason: remote reset
        `,
      },
      async s => {
        s.upstream('raw').raw()
        const c = await client(s)
        let upstream: Awaited<ReturnType<ReturnType<typeof s.upstream>['nextConnection']>> | undefined
        for (const [index, code] of [0, 1, 2, 7, 10, 13].entries()) {
          const answered = c.request({ ':path': '/raw' })
          if (upstream === undefined) {
            upstream = await s.upstream('raw').nextConnection()
            await upstream.send(frames.settings() + frames.settingsAck)
          }
          const stream = 2 * index + 1
          await frames.waitForFrame(upstream, new RegExp(`^HEADERS ${stream}\\b`))
          await upstream.send(frames.resetStream(stream, code))
          const { status, body } = await answered
          s.note(`${code}: ${status} ${String(body)}`)
        }
        c.close()
      },
    )
    t.scenario(
      'an upstream that closes while a request waits',
      {
        sees: `
      :status: 503
      content-length: 95
      content-type: text/plain
      date: DATE
      server: envoy

      upstream connect error or disconnect/reset before headers. reset reason: connection termination
      stat: cluster.raw.upstream_cx_destroy +1
      stat: cluster.raw.upstream_cx_destroy_remote +1
      stat: cluster.raw.upstream_cx_destroy_remote_with_active_rq +1
      stat: cluster.raw.upstream_cx_destroy_with_active_rq +1
      stat: cluster.raw.upstream_rq_pending_failure_eject +1
      log: HTTP/2 503 UC upstream_reset_before_response_started{connection_termination} in=0 out=95
    `,
      },
      async s => {
        s.upstream('raw').raw()
        const c = await client(s)
        await s.statsOf(/^cluster\.raw\.upstream_(cx_destroy.*|rq_(pending_failure_eject|.*reset))$/, async () => {
          const first = c.request({ ':path': '/raw' })
          const old = await s.upstream('raw').nextConnection()
          await old.send(frames.settings() + frames.settingsAck)
          await frames.waitForFrame(old, /^HEADERS 1/)
          old.end()
          s.note(showAnswer(await first))
        })
        await s.sawLog()
        c.close()
      },
    )
    t.scenario(
      'an upstream that breaks the protocol',
      {
        sees: `
      :status: 502
      content-length: 87
      content-type: text/plain
      date: DATE
      server: envoy

      upstream connect error or disconnect/reset before headers. reset reason: protocol error
      stat: cluster.raw.upstream_cx_destroy +1
      stat: cluster.raw.upstream_cx_destroy_local +1
      stat: cluster.raw.upstream_cx_protocol_error +1
      stat: cluster.raw.upstream_rq_tx_reset +1
      log: HTTP/2 502 UPE upstream_reset_before_response_started{protocol_error} in=0 out=87
    `,
      },
      async s => {
        s.upstream('raw').raw()
        const c = await client(s)
        await s.statsOf(
          /^cluster\.raw\.upstream_(cx_(destroy.*|protocol_error)|rq_(pending_failure_eject|.*reset))$/,
          async () => {
            const first = c.request({ ':path': '/raw' })
            const old = await s.upstream('raw').nextConnection()
            await old.send(frames.settings() + frames.settingsAck)
            await frames.waitForFrame(old, /^HEADERS 1/)
            await old.send(frames.frame('DATA', 0, 0, 'x'))
            s.note(showAnswer(await first))
          },
        )
        await s.sawLog()
        c.close()
      },
    )
    t.scenario(
      'an answer with a header that is none',
      {
        sees: `
      :status: 502
      content-length: 87
      content-type: text/plain
      date: DATE
      server: envoy

      upstream connect error or disconnect/reset before headers. reset reason: protocol error
      log: HTTP/2 502 UPE upstream_reset_before_response_started{protocol_error} in=0 out=87
    `,
      },
      async s => {
        s.upstream('raw').raw()
        const c = await client(s)
        const first = c.request({ ':path': '/raw' })
        const old = await s.upstream('raw').nextConnection()
        await old.send(frames.settings() + frames.settingsAck)
        await frames.waitForFrame(old, /^HEADERS 1/)
        await old.send(frames.headers(1, frames.END_STREAM, [':status', '200'], ['X-Upper', '1']))
        s.note(showAnswer(await first))
        await s.sawLog()
        c.close()
      },
    )
    t.scenario(
      'an upstream that speaks HTTP/1.1',
      {
        sees: `
      :status: 502
      content-length: 87
      content-type: text/plain
      date: DATE
      server: envoy

      upstream connect error or disconnect/reset before headers. reset reason: protocol error
      log: HTTP/2 502 UPE upstream_reset_before_response_started{protocol_error} in=0 out=87
    `,
      },
      async s => {
        s.upstream().raw()
        const c = await client(s)
        const first = c.request({ ':path': '/broken' })
        const connection = await s.upstream().nextConnection()
        await connection.send('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n')
        s.note(showAnswer(await first))
        await s.sawLog()
        c.close()
      },
    )
    t.scenario(
      'keep-alive PINGs without an answer',
      {
        sees: `
      :status: 503
      content-length: 95
      content-type: text/plain
      date: DATE
      server: envoy

      upstream connect error or disconnect/reset before headers. reset reason: connection termination
      PING: true
      stat: cluster.pings.http2.keepalive_timeout +1
      stat: cluster.pings.upstream_cx_destroy +1
      stat: cluster.pings.upstream_cx_destroy_local +1
      stat: cluster.pings.upstream_cx_destroy_local_with_active_rq +1
      stat: cluster.pings.upstream_cx_destroy_with_active_rq +1
      log: HTTP/2 503 UC upstream_reset_before_response_started{connection_termination} in=0 out=95
    `,
      },
      async s => {
        s.upstream('raw').raw()
        const c = await client(s)
        await s.statsOf(/^cluster\.pings\.(http2\.keepalive_timeout|upstream_cx_destroy.*)$/, async () => {
          const first = c.request({ ':path': '/pings' })
          const old = await s.upstream('raw').nextConnection()
          await old.send(frames.settings() + frames.settingsAck)
          s.note(showAnswer(await first))
          s.note(`PING: ${frames.seenFrames(old).includes('PING')}`)
        })
        await s.sawLog()
        c.close()
      },
    )
    t.scenario(
      "the client's protocol",
      {
        sees: `
      200
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
    `,
      },
      async s => {
        s.upstream().raw()
        const c = await client(s)
        const first = c.request({ ':path': '/down' })
        const connection = await s.upstream().nextConnection()
        await connection.send(frames.settings() + frames.settingsAck)
        await frames.waitForFrame(connection, /^HEADERS 1/)
        await connection.send(ok(1))
        s.note(`${(await first).status}`)
        const one = await s.connect()
        await one.send(get('/down'))
        const other = await s.upstream().nextConnection(2)
        await other.send(answering)
        await one.response()
        s.sawAll(one)
        c.close()
      },
    )
    t.scenario(
      'http2_protocol_options of the cluster itself',
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
    `,
      },
      async s => {
        const one = await s.connect()
        await one.send(get('/legacy'))
        await one.response()
        s.sawAll(one)
      },
    )
    t.scenario(
      'more requests than the circuit breaker allows',
      {
        sees: `
      :status: 200
      date: DATE
      x-envoy-upstream-service-time: MS
      server: envoy

      ok
      :status: 503
      x-envoy-overloaded: true
      content-length: 81
      content-type: text/plain
      date: DATE
      server: envoy

      upstream connect error or disconnect/reset before headers. reset reason: overflow
      stat: cluster.breaker.upstream_rq_active_overflow +1
    `,
      },
      async s => {
        h2.handler = stream => {
          setTimeout(() => {
            stream.respond({ ':status': 200 })
            stream.end('ok')
          }, 150)
        }
        const c = await client(s)
        await c.request({ ':path': '/breaker' })
        await s.statsOf(
          /^cluster\.breaker\.upstream_(rq_(active_overflow|pending_overflow)|cx_http2_total)$/,
          async () => {
            const all = await Promise.all([c.request({ ':path': '/breaker' }), c.request({ ':path': '/breaker' })])
            for (const one of all.sort((a, b) => a.status - b.status)) s.note(showAnswer(one))
          },
        )
        c.close()
      },
    )
  },
)
