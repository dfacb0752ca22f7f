// Timeouts of a stream: route, idle, request, duration.
import { get, head } from '../support/bytes.js'
import { cluster, http, httpOptions } from '../support/config.js'
import { OK, silence } from '../support/fake-upstream.js'
import { feature } from '../support/scenario.js'

const LOG = '%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS%\n'

feature(
  'timeouts of a stream',
  {
    file: import.meta.url,
    clusters: [
      cluster('up'),
      cluster('streamlimit', ['up'], httpOptions('common_http_protocol_options: {max_stream_duration: 0.2s}')),
    ],
    listeners: [
      http('main', {
        log: LOG,
        routes: `
- {match: {prefix: /route}, route: {cluster: up, timeout: 0.15s}}
- {match: {prefix: /never}, route: {cluster: up, timeout: 0s}}
- {match: {prefix: /idle}, route: {cluster: up, timeout: 0s, idle_timeout: 0.15s}}
- {match: {prefix: /limit}, route: {cluster: streamlimit, timeout: 0s}}
- {match: {prefix: /maxroute}, route: {cluster: up, timeout: 0s, max_stream_duration: {max_stream_duration: 0.2s}}}
- {match: {prefix: /grpc}, route: {cluster: up, timeout: 5s, max_stream_duration: {grpc_timeout_header_max: 0.3s}}}
- {match: {prefix: /expected}, route: {cluster: up, timeout: 7s}}
`,
      }),
      http('idle', {
        log: LOG,
        hcm: 'stream_idle_timeout: 0.15s',
        routes:
          '[{match: {prefix: /longer}, route: {cluster: up, idle_timeout: 3s}}, {match: {prefix: /}, route: {cluster: up, timeout: 0s}}]',
      }),
      http('request', { log: LOG, hcm: 'request_timeout: 0.15s' }),
      http('headers', { log: LOG, hcm: 'request_headers_timeout: 0.15s' }),
      http('duration', { log: LOG, hcm: 'common_http_protocol_options: {max_stream_duration: 0.2s}' }),
    ],
  },
  f => {
    f.exchange('route timeout: the upstream is silent', {
      send: get('/route'),
      reply: silence,
      stats: /cluster\.up\.upstream_rq_(?:timeout|5|per)|main\.downstream_rq_(?:5|tim|idle)/,
      sees: `
    stat: cluster.up.upstream_rq_504 +1
    stat: cluster.up.upstream_rq_5xx +1
    stat: cluster.up.upstream_rq_timeout +1
    stat: http.main.downstream_rq_5xx +1
    stat: listener.127.0.0.1_0.http.main.downstream_rq_5xx +1
    > up
    GET /route HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 150

    < client
    HTTP/1.1 504 Gateway Timeout
    content-length: 24
    content-type: text/plain
    date: DATE
    server: envoy

    upstream request timeout
    (open)
    log: 504 UT response_timeout -
  `,
    })
    f.scenario(
      'route timeout: it counts from the end of the request',
      {
        sees: `
    HTTP/1.1 200 OK
    log: 200 - via_upstream -
  `,
      },
      async s => {
        const client = await s.connect()
        await client.send(head('POST /route HTTP/1.1', 'host: a', 'content-length: 3'))
        await new Promise(resolve => setTimeout(resolve, 300))
        await client.send('abc')
        s.note((await client.response()).startLine)
        await s.sawLog()
      },
    )
    f.scenario(
      'route timeout: it ends a response that has begun',
      {
        sees: `
    closed
    < client
    HTTP/1.1 200 OK
    content-length: 100
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    part
    (closed)
    log: 200 UT response_timeout -
  `,
      },
      async s => {
        s.upstream().script(`${head('HTTP/1.1 200 OK', 'content-length: 100')}part`)
        const client = await s.connect()
        await client.send(get('/route'))
        s.note(await client.closed())
        s.sawAll(client)
        await s.sawLog()
      },
    )
    f.exchange('route timeout for an upstream that answers in time', {
      send: get('/route'),
      reply: OK,
      sees: `
    > up
    GET /route HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 150

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: 200 - via_upstream -
  `,
    })
    f.exchange('timeout 0 announces none', {
      send: get('/never'),
      sees: `
    > up
    GET /never HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: 200 - via_upstream -
  `,
    })
    f.exchange('the timeout is announced upstream', {
      send: get('/expected'),
      sees: `
    > up
    GET /expected HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 7000

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: 200 - via_upstream -
  `,
    })
    f.exchange('idle timeout of the route', {
      send: get('/idle'),
      reply: silence,
      stats: /idle_timeout/,
      sees: `
    stat: http.main.downstream_rq_idle_timeout +1
    > up
    GET /idle HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID

    < client
    HTTP/1.1 504 Gateway Timeout
    content-length: 14
    content-type: text/plain
    date: DATE
    server: envoy

    stream timeout
    (open)
    log: 504 SI stream_idle_timeout -
  `,
    })
    f.scenario(
      'idle timeout while the request body is missing',
      {
        sees: `
    < client
    HTTP/1.1 408 Request Timeout
    content-length: 14
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    stream timeout
    (closed)
    log: 408 SI stream_idle_timeout -
  `,
      },
      async s => {
        const client = await s.connect()
        await client.send(head('POST /idle HTTP/1.1', 'host: a', 'content-length: 10') + 'abc')
        await client.response()
        await client.closed()
        s.sawAll(client)
        await s.sawLog()
      },
    )
    f.scenario(
      'idle timeout after the response began',
      {
        sees: `
    closed
    < client
    HTTP/1.1 200 OK
    content-length: 100
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    part
    (closed)
    log: 200 SI stream_idle_timeout -
  `,
      },
      async s => {
        s.upstream().script(`${head('HTTP/1.1 200 OK', 'content-length: 100')}part`)
        const client = await s.connect()
        await client.send(get('/idle'))
        s.note(await client.closed())
        s.sawAll(client)
        await s.sawLog()
      },
    )
    f.scenario(
      'bytes keep a stream from being idle',
      {
        sees: `
    alive
    log: 200 - via_upstream -
  `,
      },
      async s => {
        s.upstream().script(`${head('HTTP/1.1 200 OK', 'content-length: 5')}`)
        const client = await s.connect()
        await client.send(get('/idle'))
        const request = await s.upstream().nextRequest()
        for (const letter of 'alive') {
          await new Promise(resolve => setTimeout(resolve, 60))
          await request.connection.send(letter)
        }
        const response = await client.response()
        s.note(response.body.toString())
        await s.sawLog()
      },
    )
    f.exchange('stream_idle_timeout of the connection manager', {
      to: 'idle',
      send: get('/'),
      reply: silence,
      sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID

    < client
    HTTP/1.1 504 Gateway Timeout
    content-length: 14
    content-type: text/plain
    date: DATE
    server: envoy

    stream timeout
    (open)
    log: 504 SI stream_idle_timeout -
  `,
    })
    f.exchange('stream_idle_timeout before a whole head came', {
      to: 'idle',
      send: 'GET / HTTP/1.1\r\nhost: a\r\n',
      sees: `
    < client
    HTTP/1.1 408 Request Timeout
    content-length: 14
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    stream timeout
    (closed)
    log: 408 SI stream_idle_timeout -
  `,
    })
    f.scenario(
      'a longer idle timeout of the route replaces it',
      {
        sees: `
    HTTP/1.1 200 OK
  `,
      },
      async s => {
        s.upstream().script(silence)
        const client = await s.connect('idle')
        await client.send(get('/longer'))
        const request = await s.upstream().nextRequest()
        await new Promise(resolve => setTimeout(resolve, 350))
        await request.connection.send(OK)
        s.note((await client.response()).startLine)
      },
    )
    f.exchange('request_timeout: a body that does not come', {
      to: 'request',
      send: head('POST / HTTP/1.1', 'host: a', 'content-length: 10') + 'abc',
      stats: /main.*timeout|request\.downstream_rq_/,
      sees: `
    stat: http.request.downstream_rq_4xx +1
    stat: http.request.downstream_rq_completed +1
    stat: http.request.downstream_rq_http1_total +1
    stat: http.request.downstream_rq_response_before_rq_complete +1
    stat: http.request.downstream_rq_rx_reset +1
    stat: http.request.downstream_rq_timeout +1
    stat: http.request.downstream_rq_total +1
    stat: listener.127.0.0.1_0.http.request.downstream_rq_4xx +1
    stat: listener.127.0.0.1_0.http.request.downstream_rq_completed +1
    < client
    HTTP/1.1 408 Request Timeout
    content-length: 15
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    request timeout
    (closed)
    log: 408 - request_overall_timeout -
  `,
    })
    f.exchange('request_timeout: a head that does not come', {
      to: 'request',
      send: 'GET / HTTP/1.1\r\nhost: a\r\n',
      sees: `
    < client
    HTTP/1.1 408 Request Timeout
    content-length: 15
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    request timeout
    (closed)
    log: 408 - request_overall_timeout -
  `,
    })
    f.exchange('request_timeout ends with the request', {
      to: 'request',
      send: get('/'),
      reply: connection => void setTimeout(() => void connection.send(OK), 300),
      sees: `
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
    log: 200 - via_upstream -
  `,
    })
    f.exchange('request_headers_timeout', {
      to: 'headers',
      send: 'GET / HTTP/1.1\r\nhost: a\r\nx-',
      stats: /headers\.downstream_rq_/,
      sees: `
    stat: http.headers.downstream_rq_4xx +1
    stat: http.headers.downstream_rq_completed +1
    stat: http.headers.downstream_rq_header_timeout +1
    stat: http.headers.downstream_rq_http1_total +1
    stat: http.headers.downstream_rq_response_before_rq_complete +1
    stat: http.headers.downstream_rq_rx_reset +1
    stat: http.headers.downstream_rq_total +1
    stat: listener.127.0.0.1_0.http.headers.downstream_rq_4xx +1
    stat: listener.127.0.0.1_0.http.headers.downstream_rq_completed +1
    < client
    HTTP/1.1 408 Request Timeout
    content-length: 22
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    request header timeout
    (closed)
    log: 408 - request_header_timeout -
  `,
    })
    f.scenario(
      'request_headers_timeout does not run on an idle connection',
      {
        sees: `
    HTTP/1.1 200 OK
  `,
      },
      async s => {
        const client = await s.connect('headers')
        await new Promise(resolve => setTimeout(resolve, 300))
        await client.send(get('/'))
        s.note((await client.response()).startLine)
      },
    )
    f.exchange('max_stream_duration of the connection manager', {
      to: 'duration',
      send: get('/'),
      reply: silence,
      stats: /duration\.downstream_rq_/,
      sees: `
    stat: http.duration.downstream_rq_5xx +1
    stat: http.duration.downstream_rq_completed +1
    stat: http.duration.downstream_rq_http1_total +1
    stat: http.duration.downstream_rq_max_duration_reached +1
    stat: http.duration.downstream_rq_total +1
    stat: listener.127.0.0.1_0.http.duration.downstream_rq_5xx +1
    stat: listener.127.0.0.1_0.http.duration.downstream_rq_completed +1
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 504 Gateway Timeout
    content-length: 27
    content-type: text/plain
    date: DATE
    server: envoy

    downstream duration timeout
    (open)
    log: 504 - max_duration_timeout -
  `,
    })
    f.scenario(
      'max_stream_duration ends a response that has begun',
      {
        sees: `
    closed
    log: 200 - max_duration_timeout -
  `,
      },
      async s => {
        s.upstream().script(`${head('HTTP/1.1 200 OK', 'content-length: 100')}part`)
        const client = await s.connect('duration')
        await client.send(get('/'))
        s.note(await client.closed())
        await s.sawLog(1, 'duration')
      },
    )
    f.exchange('max_stream_duration while the body is missing', {
      to: 'duration',
      send: head('POST / HTTP/1.1', 'host: a', 'content-length: 10'),
      sees: `
    < client
    HTTP/1.1 408 Request Timeout
    content-length: 27
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    downstream duration timeout
    (closed)
    log: 408 - max_duration_timeout -
  `,
    })
    f.exchange('max_stream_duration of the cluster', {
      send: get('/limit'),
      reply: silence,
      stats: /cluster\.streamlimit\.upstream_rq_max/,
      sees: `
    stat: cluster.streamlimit.upstream_rq_max_duration_reached +1
    > up
    GET /limit HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID

    < client
    HTTP/1.1 504 Gateway Timeout
    content-length: 36
    content-type: text/plain
    date: DATE
    server: envoy

    upstream max stream duration reached
    (open)
    log: 504 UMSDR upstream_max_stream_duration_reached -
  `,
    })
    f.exchange('max_stream_duration of the route', {
      send: get('/maxroute'),
      reply: silence,
      sees: `
    > up
    GET /maxroute HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID

    < client
    HTTP/1.1 504 Gateway Timeout
    content-length: 27
    content-type: text/plain
    date: DATE
    server: envoy

    downstream duration timeout
    (open)
    log: 504 - max_duration_timeout -
  `,
    })
    f.exchange('grpc-timeout within the limit', {
      send: head(
        'POST /grpc HTTP/1.1',
        'host: a',
        'content-type: application/grpc',
        'grpc-timeout: 100m',
        'content-length: 0',
      ),
      reply: silence,
      sees: `
    > up
    POST /grpc HTTP/1.1
    host: a
    content-type: application/grpc
    grpc-timeout: 100m
    content-length: 0
    x-forwarded-proto: http
    x-request-id: UUID

    < client
    HTTP/1.1 200 OK
    content-type: application/grpc
    grpc-status: 4
    grpc-message: downstream duration timeout
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: 200 - max_duration_timeout -
  `,
    })
    f.exchange('grpc-timeout cut to the limit', {
      send: head(
        'POST /grpc HTTP/1.1',
        'host: a',
        'content-type: application/grpc',
        'grpc-timeout: 10S',
        'content-length: 0',
      ),
      reply: silence,
      sees: `
    > up
    POST /grpc HTTP/1.1
    host: a
    content-type: application/grpc
    grpc-timeout: 300m
    content-length: 0
    x-forwarded-proto: http
    x-request-id: UUID

    < client
    HTTP/1.1 200 OK
    content-type: application/grpc
    grpc-status: 4
    grpc-message: downstream duration timeout
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: 200 - max_duration_timeout -
  `,
    })
  },
)
