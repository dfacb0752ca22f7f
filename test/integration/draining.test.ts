// Health failure, draining of listeners, and the end of the process.
import { get } from '../support/bytes.js'
import { http } from '../support/config.js'
import { silence } from '../support/fake-upstream.js'
import type { AdminAnswer } from '../support/proxy-under-test.js'
import { feature, type Scene } from '../support/scenario.js'
import { poll } from '../support/wait.js'

const show = (answer: AdminAnswer): string => {
  const names = answer.rawHeaders.filter((_, index) => index % 2 === 0)
  const lines = names.map((name, index) => `${name}: ${answer.rawHeaders[index * 2 + 1]}`)
  return `${answer.status}\n${lines.join('\n')}\n\n${answer.body}`
}

const _names = (body: string): string[] =>
  body
    .split('\n')
    .map(line => line.split(': ')[0] ?? '')
    .filter(name => name !== '')

/** True once a new connection is refused. */
const refused =
  (s: Scene, listener = 'main') =>
  (): Promise<true | undefined> =>
    s.connect(listener).then(
      client => {
        client.destroy()
        return undefined
      },
      () => true as const,
    )

feature(
  'health and draining',
  {
    file: import.meta.url,
    fresh: true,
    listeners: [
      http('main', { hcm: 'drain_timeout: 0.1s' }),
      http('inbound', { listener: 'traffic_direction: INBOUND' }),
    ],
    args: ['--drain-time-s', '1', '--drain-strategy', 'immediate'],
  },
  f => {
    f.scenario(
      '/healthcheck/fail: answers say close, /ready stays, and ok ends it',
      {
        sees: `
    200
    content-type: text/plain; charset=UTF-8
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    OK

    ready: 503 true
    closed
    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    okHTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy
    connection: close

    ok
    (closed)
    OK

    ready: 200
    > up
    GET /1 HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    > up
    GET /2 HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    > up
    GET /3 HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

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
        const first = await s.connect()
        await first.send(get('/1'))
        await first.response(1)
        s.note(show(await s.proxy.admin('/healthcheck/fail', 'POST')))
        s.note(
          `ready: ${(await s.proxy.admin('/ready')).status} ${(await s.proxy.admin('/server_info')).body.includes('"state": "DRAINING"')}`,
        )
        await first.send(get('/2'))
        await first.response(2)
        s.note(`${await first.closed()}`)
        s.sawAll(first)
        s.note((await s.proxy.admin('/healthcheck/ok', 'POST')).body)
        s.note(`ready: ${(await s.proxy.admin('/ready')).status}`)
        await s.exchange({ send: get('/3'), log: 0 })
      },
    )
    f.scenario(
      '/drain_listeners stops accepting',
      {
        sees: `
    200
    content-type: text/plain; charset=UTF-8
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    OK

    new connections are refused
    closed
    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    okHTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy
    connection: close

    ok
    (closed)
    main::127.0.0.1:$main
    inbound::127.0.0.1:$inbound

    stopped: 2
  `,
      },
      async s => {
        const first = await s.connect()
        await first.send(get('/1'))
        await first.response(1)
        s.note(show(await s.proxy.admin('/drain_listeners', 'POST')))
        await poll('refusal', refused(s))
        s.note('new connections are refused')
        await first.send(get('/2'))
        s.note(await first.closed())
        s.sawAll(first)
        s.note((await s.proxy.admin('/listeners')).body)
        s.note(`stopped: ${(await s.proxy.stats()).get('listener_manager.listener_stopped')}`)
      },
    )
    f.scenario(
      '/drain_listeners?inboundonly keeps the others',
      {
        sees: `
    OK

    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

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
        s.note((await s.proxy.admin('/drain_listeners?inboundonly', 'POST')).body)
        await poll('refusal', refused(s, 'inbound'))
        await s.exchange({ send: get('/'), log: 0 })
      },
    )
    f.scenario(
      '/drain_listeners?graceful keeps accepting for the drain time',
      {
        sees: `
    OK

    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy
    connection: close

    ok
    (closed)
    refused in the end
  `,
      },
      async s => {
        s.note((await s.proxy.admin('/drain_listeners?graceful', 'POST')).body)
        await s.exchange({ send: get('/'), log: 0 })
        await poll('refusal', refused(s))
        s.note('refused in the end')
      },
    )
    f.scenario(
      '/quitquitquit ends the process',
      {
        sees: `
    200
    content-type: text/plain; charset=UTF-8
    cache-control: no-cache, max-age=0
    x-content-type-options: nosniff
    date: DATE
    server: envoy
    connection: close
    transfer-encoding: chunked

    OK

    exit 0
  `,
      },
      async s => {
        s.note(show(await s.proxy.admin('/quitquitquit', 'POST')))
        s.note(`exit ${await s.proxy.ended()}`)
      },
    )
    f.scenario(
      'SIGTERM ends the process, also with a request at work',
      {
        sees: `
    exit 0, client closed
  `,
      },
      async s => {
        s.upstream().always(silence)
        const client = await s.connect()
        await client.send(get('/'))
        await s.upstream().nextRequest()
        s.proxy.signal('SIGTERM')
        s.note(`exit ${await s.proxy.ended()}, client ${await client.closed()}`)
      },
    )
    f.scenario(
      'SIGINT ends the process',
      {
        sees: `
    exit 0
  `,
      },
      async s => {
        s.proxy.signal('SIGINT')
        s.note(`exit ${await s.proxy.ended()}`)
      },
    )
  },
)
