// Every timeout of connection manager, route and cluster that HTTP/1 has.
import { answer, get, head } from '../support/bytes.js'
import { cluster, http, httpOptions } from '../support/config.js'
import { OK, silence } from '../support/fake-upstream.js'
import { feature, type Scene } from '../support/scenario.js'

const LOG = '%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS%\n'

feature('timeouts of a stream', {
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
    http('idle', { log: LOG, hcm: 'stream_idle_timeout: 0.15s', routes: '[{match: {prefix: /longer}, route: {cluster: up, idle_timeout: 3s}}, {match: {prefix: /}, route: {cluster: up, timeout: 0s}}]' }),
    http('request', { log: LOG, hcm: 'request_timeout: 0.15s' }),
    http('headers', { log: LOG, hcm: 'request_headers_timeout: 0.15s' }),
    http('duration', { log: LOG, hcm: 'common_http_protocol_options: {max_stream_duration: 0.2s}' }),
  ],
}, (f) => {
  f.exchange('route timeout: the upstream is silent', { send: get('/route'), reply: silence, stats: /cluster\.up\.upstream_rq_(?:timeout|5|per)|main\.downstream_rq_(?:5|tim|idle)/, sees: `
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
  ` })
  f.scenario('route timeout: it counts from the end of the request', { sees: `
    HTTP/1.1 200 OK
    log: 200 - via_upstream -
  ` }, async (s) => {
    const client = await s.connect()
    await client.send(head('POST /route HTTP/1.1', 'host: a', 'content-length: 3'))
    await new Promise((resolve) => setTimeout(resolve, 300))
    await client.send('abc')
    s.note((await client.response()).startLine)
    await s.sawLog()
  })
  f.scenario('route timeout: it ends a response that has begun', { sees: `
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
  ` }, async (s) => {
    s.upstream().script(`${head('HTTP/1.1 200 OK', 'content-length: 100')}part`)
    const client = await s.connect()
    await client.send(get('/route'))
    s.note(await client.closed())
    s.sawAll(client)
    await s.sawLog()
  })
  f.exchange('route timeout for an upstream that answers in time', { send: get('/route'), reply: OK, sees: `
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
  ` })
  f.exchange('timeout 0 announces none', { send: get('/never'), sees: `
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
  ` })
  f.exchange('the timeout is announced upstream', { send: get('/expected'), sees: `
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
  ` })
  f.exchange('idle timeout of the route', { send: get('/idle'), reply: silence, stats: /idle_timeout/, sees: `
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
  ` })
  f.scenario('idle timeout while the request body is missing', { sees: `
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
  ` }, async (s) => {
    const client = await s.connect()
    await client.send(head('POST /idle HTTP/1.1', 'host: a', 'content-length: 10') + 'abc')
    await client.response()
    await client.closed()
    s.sawAll(client)
    await s.sawLog()
  })
  f.scenario('idle timeout after the response began', { sees: `
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
  ` }, async (s) => {
    s.upstream().script(`${head('HTTP/1.1 200 OK', 'content-length: 100')}part`)
    const client = await s.connect()
    await client.send(get('/idle'))
    s.note(await client.closed())
    s.sawAll(client)
    await s.sawLog()
  })
  f.scenario('bytes keep a stream from being idle', { sees: `
    alive
    log: 200 - via_upstream -
  ` }, async (s) => {
    s.upstream().script(`${head('HTTP/1.1 200 OK', 'content-length: 5')}`)
    const client = await s.connect()
    await client.send(get('/idle'))
    const request = await s.upstream().nextRequest()
    for (const letter of 'alive') {
      await new Promise((resolve) => setTimeout(resolve, 60))
      await request.connection.send(letter)
    }
    const response = await client.response()
    s.note(response.body.toString())
    await s.sawLog()
  })
  f.exchange('stream_idle_timeout of the connection manager', { to: 'idle', send: get('/'), reply: silence, sees: `
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
  ` })
  f.exchange('stream_idle_timeout before a whole head came', { to: 'idle', send: 'GET / HTTP/1.1\r\nhost: a\r\n', sees: `
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
  ` })
  f.scenario('a longer idle timeout of the route replaces it', { sees: `
    HTTP/1.1 200 OK
  ` }, async (s) => {
    s.upstream().script(silence)
    const client = await s.connect('idle')
    await client.send(get('/longer'))
    const request = await s.upstream().nextRequest()
    await new Promise((resolve) => setTimeout(resolve, 350))
    await request.connection.send(OK)
    s.note((await client.response()).startLine)
  })
  f.exchange('request_timeout: a body that does not come', { to: 'request', send: head('POST / HTTP/1.1', 'host: a', 'content-length: 10') + 'abc', stats: /main.*timeout|request\.downstream_rq_/, sees: `
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
  ` })
  f.exchange('request_timeout: a head that does not come', { to: 'request', send: 'GET / HTTP/1.1\r\nhost: a\r\n', sees: `
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
  ` })
  f.exchange('request_timeout ends with the request', { to: 'request', send: get('/'), reply: (connection) => void setTimeout(() => void connection.send(OK), 300), sees: `
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
  ` })
  f.exchange('request_headers_timeout', { to: 'headers', send: 'GET / HTTP/1.1\r\nhost: a\r\nx-', stats: /headers\.downstream_rq_/, sees: `
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
  ` })
  f.scenario('request_headers_timeout does not run on an idle connection', { sees: `
    HTTP/1.1 200 OK
  ` }, async (s) => {
    const client = await s.connect('headers')
    await new Promise((resolve) => setTimeout(resolve, 300))
    await client.send(get('/'))
    s.note((await client.response()).startLine)
  })
  f.exchange('max_stream_duration of the connection manager', { to: 'duration', send: get('/'), reply: silence, stats: /duration\.downstream_rq_/, sees: `
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
  ` })
  f.scenario('max_stream_duration ends a response that has begun', { sees: `
    closed
    log: 200 - max_duration_timeout -
  ` }, async (s) => {
    s.upstream().script(`${head('HTTP/1.1 200 OK', 'content-length: 100')}part`)
    const client = await s.connect('duration')
    await client.send(get('/'))
    s.note(await client.closed())
    await s.sawLog(1, 'duration')
  })
  f.exchange('max_stream_duration while the body is missing', { to: 'duration', send: head('POST / HTTP/1.1', 'host: a', 'content-length: 10'), sees: `
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
  ` })
  f.exchange('max_stream_duration of the cluster', { send: get('/limit'), reply: silence, stats: /cluster\.streamlimit\.upstream_rq_max/, sees: `
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
  ` })
  f.exchange('max_stream_duration of the route', { send: get('/maxroute'), reply: silence, sees: `
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
  ` })
  f.exchange('grpc-timeout within the limit', { send: head('POST /grpc HTTP/1.1', 'host: a', 'content-type: application/grpc', 'grpc-timeout: 100m', 'content-length: 0'), reply: silence, sees: `
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
  ` })
  f.exchange('grpc-timeout cut to the limit', { send: head('POST /grpc HTTP/1.1', 'host: a', 'content-type: application/grpc', 'grpc-timeout: 10S', 'content-length: 0'), reply: silence, sees: `
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
  ` })
})

feature('timeouts of a connection', {
  file: import.meta.url,
  clusters: [
    cluster('up'),
    cluster('shortidle', ['up'], httpOptions('common_http_protocol_options: {idle_timeout: 0.15s}')),
    cluster('one', ['up'], httpOptions('common_http_protocol_options: {max_requests_per_connection: 1}')),
    cluster('two', ['up'], httpOptions('common_http_protocol_options: {max_requests_per_connection: 2}')),
    cluster('old', ['up'], 'max_requests_per_connection: 1'),
    cluster('lifetime', ['up'], httpOptions('common_http_protocol_options: {max_connection_duration: 0.2s}')),
    cluster('blackhole', [], 'connect_timeout: 0.15s\nload_assignment: {cluster_name: blackhole, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: "${full}"}}}}]}]}'),
  ],
  values: async () => {
    const { fullBacklog } = await import('../support/full-backlog.js')
    return { full: await fullBacklog() }
  },
  cleanUp: async () => (await import('../support/full-backlog.js')).emptyBacklog(),
  listeners: [
    http('main', { log: LOG, routes: '[{match: {prefix: /shortidle}, route: {cluster: shortidle}}, {match: {prefix: /one}, route: {cluster: one}}, {match: {prefix: /two}, route: {cluster: two}}, {match: {prefix: /old}, route: {cluster: old}}, {match: {prefix: /lifetime}, route: {cluster: lifetime}}, {match: {prefix: /blackhole}, route: {cluster: blackhole}}, {match: {prefix: /}, route: {cluster: up}}]' }),
    http('idle', { log: LOG, hcm: '{common_http_protocol_options: {idle_timeout: 0.15s}, drain_timeout: 0.1s}' }),
    http('requests', { log: LOG, hcm: 'common_http_protocol_options: {max_requests_per_connection: 2}' }),
    http('duration', { log: LOG, hcm: '{common_http_protocol_options: {max_connection_duration: 0.2s}, drain_timeout: 0.1s}' }),
    http('safe', { log: LOG, hcm: '{common_http_protocol_options: {max_connection_duration: 0.2s}, drain_timeout: 0.1s, http1_safe_max_connection_duration: true}' }),
    http('delayed', { hcm: 'delayed_close_timeout: 0.3s' }),
    http('undelayed', { hcm: 'delayed_close_timeout: 0s' }),
  ],
}, (f) => {
  f.scenario('an idle connection that was never used is closed', { sees: `
    closed
    stat: http.idle.downstream_cx_active -1
    stat: http.idle.downstream_cx_destroy +1
    stat: http.idle.downstream_cx_destroy_local +1
    stat: http.idle.downstream_cx_idle_timeout +1
    < client
    (closed)
  ` }, async (s) => {
    const client = await s.connect('idle')
    await s.statsOf(/idle\.downstream_cx_(?!tx|rx)/, async () => void s.note(await client.closed()))
    s.sawAll(client)
  })
  f.scenario('a connection idle after a request is closed', { sees: `
    closed
    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (closed)
  ` }, async (s) => {
    const client = await s.connect('idle')
    await client.send(get('/'))
    await client.response()
    s.note(await client.closed())
    s.sawAll(client)
  })
  f.scenario('a request at work keeps the connection', { sees: `
    HTTP/1.1 200 OK
  ` }, async (s) => {
    s.upstream().script(silence)
    const client = await s.connect('idle')
    await client.send(get('/'))
    const request = await s.upstream().nextRequest()
    await new Promise((resolve) => setTimeout(resolve, 400))
    await request.connection.send(OK)
    s.note((await client.response()).startLine)
  })
  f.scenario('max_requests_per_connection of the listener', { sees: `
    stat: http.requests.downstream_cx_max_requests_reached +1
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
  ` }, async (s) => {
    const client = await s.connect('requests')
    await s.statsOf(/requests\.downstream_cx_max/, async () => {
      await client.send(get('/1'))
      await client.response(1)
      await client.send(get('/2'))
      await client.response(2)
      await client.closed()
    })
    s.sawAll(client)
  })
  f.scenario('max_connection_duration of an idle connection', { sees: `
    closed
    stat: http.duration.downstream_cx_max_duration_reached +1
    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (closed)
  ` }, async (s) => {
    const client = await s.connect('duration')
    await client.send(get('/1'))
    await client.response(1)
    await s.statsOf(/duration\.downstream_cx_(?:max|drain)/, async () => void s.note(await client.closed()))
    s.sawAll(client)
  })
  f.scenario('max_connection_duration: the next answer says close', { sees: `
    closed
    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy
    connection: close

    ok
    (closed)
  ` }, async (s) => {
    s.upstream().script(silence)
    const client = await s.connect('duration')
    await client.send(get('/1'))
    const request = await s.upstream().nextRequest()
    await new Promise((resolve) => setTimeout(resolve, 250))
    await request.connection.send(OK)
    await client.response(1)
    s.note(await client.closed())
    s.sawAll(client)
  })
  f.scenario('http1_safe_max_connection_duration waits for a request', { sees: `
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
  ` }, async (s) => {
    const client = await s.connect('safe')
    await client.send(get('/1'))
    await client.response(1)
    await new Promise((resolve) => setTimeout(resolve, 500))
    await client.send(get('/2'))
    await client.response(2)
    s.note(await client.closed())
    s.sawAll(client)
  })
  f.scenario('delayed close: the socket stays for delayed_close_timeout after an error', { sees: `
    closed after 200 to 1500 ms: true
  ` }, async (s) => {
    const client = await s.connect('delayed')
    const start = Date.now()
    await client.send('BAD\r\n\r\n')
    await client.response()
    await client.closed()
    const took = Date.now() - start
    s.note(`closed after 200 to 1500 ms: ${took >= 200 && took < 1500}`)
  })
  f.scenario('delayed close: a client that leaves ends it at once', { sees: `
    stat: http.delayed.downstream_cx_destroy +1
    stat: http.delayed.downstream_cx_destroy_remote +1
  ` }, async (s) => {
    const client = await s.connect('delayed')
    await s.statsOf(/delayed\.downstream_cx_(?:delayed|destroy)/, async () => {
      await client.send('BAD\r\n\r\n')
      await client.response()
      client.end()
      await client.closed()
    })
  })
  f.scenario('delayed_close_timeout 0 closes at once', { sees: `
    closed
  ` }, async (s) => {
    const client = await s.connect('undelayed')
    await client.send('BAD\r\n\r\n')
    await client.response()
    s.note(await client.closed())
  })
  f.scenario('an idle upstream connection is closed', { sees: `
    ended
    stat: cluster.shortidle.upstream_cx_active -1
    stat: cluster.shortidle.upstream_cx_destroy +1
    stat: cluster.shortidle.upstream_cx_destroy_local +1
    stat: cluster.shortidle.upstream_cx_idle_timeout +1
  ` }, async (s) => {
    const client = await s.connect()
    await client.send(get('/shortidle'))
    await client.response()
    await s.statsOf(/cluster\.shortidle\.upstream_cx_(?!tx|rx|length)/, async () => void s.note(await (await s.upstream().nextConnection()).closed()))
  })
  const twice = (path: string) => async (s: Scene): Promise<void> => {
    const name = path.slice(1)
    await s.statsOf(new RegExp(`cluster\\.${name}\\.upstream_cx_(?:total|max|destroy$)`), async () => {
      const client = await s.connect()
      for (let index = 1; index <= 4; index++) {
        await client.send(get(path))
        await client.response(index)
      }
    })
    s.note(`connections: ${s.upstream().connections.length}`)
    s.note(s.upstream().requests[0]?.head.includes('connection: close') === true ? 'the request says close' : 'the request does not say close')
  }
  f.scenario('max_requests_per_connection 1 of a cluster', { sees: `
    stat: cluster.one.upstream_cx_destroy +4
    stat: cluster.one.upstream_cx_max_requests +4
    stat: cluster.one.upstream_cx_total +4
    connections: 4
    the request does not say close
  ` }, twice('/one'))
  f.scenario('max_requests_per_connection 2 of a cluster', { sees: `
    stat: cluster.two.upstream_cx_destroy +2
    stat: cluster.two.upstream_cx_max_requests +2
    stat: cluster.two.upstream_cx_total +2
    connections: 2
    the request does not say close
  ` }, twice('/two'))
  f.scenario('the deprecated max_requests_per_connection', { sees: `
    stat: cluster.old.upstream_cx_destroy +4
    stat: cluster.old.upstream_cx_max_requests +4
    stat: cluster.old.upstream_cx_total +4
    connections: 4
    the request does not say close
  ` }, twice('/old'))
  f.scenario('max_connection_duration of a cluster', { sees: `
    ended
    connections: 2
  ` }, async (s) => {
    const client = await s.connect()
    await client.send(get('/lifetime'))
    await client.response(1)
    s.note(await (await s.upstream().nextConnection()).closed())
    await client.send(get('/lifetime'))
    await client.response(2)
    s.note(`connections: ${s.upstream().connections.length}`)
    await s.stat('cluster.lifetime.upstream_cx_max_duration_reached', 1)
  })
  f.exchange('connect_timeout', { send: get('/blackhole'), stats: /cluster\.blackhole\.(?:upstream_cx_(?:conn|destroy|total)|upstream_rq_(?:5|pend|total))/, sees: `
    stat: cluster.blackhole.upstream_cx_connect_fail +1
    stat: cluster.blackhole.upstream_cx_connect_timeout +1
    stat: cluster.blackhole.upstream_cx_destroy +1
    stat: cluster.blackhole.upstream_cx_destroy_local +1
    stat: cluster.blackhole.upstream_cx_total +1
    stat: cluster.blackhole.upstream_rq_503 +1
    stat: cluster.blackhole.upstream_rq_5xx +1
    stat: cluster.blackhole.upstream_rq_pending_failure_eject +1
    stat: cluster.blackhole.upstream_rq_pending_total +1
    < client
    HTTP/1.1 503 Service Unavailable
    content-length: 91
    content-type: text/plain
    date: DATE
    server: envoy

    upstream connect error or disconnect/reset before headers. reset reason: connection timeout
    (open)
    log: 503 UF upstream_reset_before_response_started{connection_timeout} -
  ` })
})

/** Waits until a number has not changed for a while, after it once did. */
async function standstill(look: () => number): Promise<void> {
  for (let last = -1; last !== look() || last <= 0; ) {
    last = look()
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
}

feature('flow control', {
  file: import.meta.url,
  clusters: [cluster('up', ['up'], 'per_connection_buffer_limit_bytes: 32768')],
  listeners: [http('main', { listener: 'per_connection_buffer_limit_bytes: 32768' })],
}, (f) => {
  f.scenario('a client that does not read stops the upstream being read', { sees: `
    reading was paused: true
    the client's side too: false
    less than half was taken: true
    all arrived
  ` }, async (s) => {
    const size = 32 * 1024 * 1024
    let sent = 0
    s.upstream().script(async (connection) => {
      await connection.send(head('HTTP/1.1 200 OK', `content-length: ${size}`))
      const chunk = Buffer.alloc(256 * 1024, 'x')
      while (sent < size) {
        sent += chunk.length
        await connection.send(chunk)
      }
    })
    const client = await s.connect()
    client.pause()
    await client.send(get('/'))
    await standstill(() => sent)
    const stats = await s.proxy.stats()
    s.note(`reading was paused: ${(stats.get('cluster.up.upstream_flow_control_paused_reading_total') ?? 0) > 0}`)
    s.note(`the client's side too: ${(stats.get('http.main.downstream_flow_control_paused_reading_total') ?? 0) > 0}`)
    s.note(`less than half was taken: ${sent < size / 2}`)
    client.countOnly = true
    client.resume()
    await client.waitFor('everything', () => (client.receivedLength > size ? true : undefined), () => `${client.receivedLength}`, 30_000)
    s.note('all arrived')
  })
  f.scenario('an upstream that does not read stops the client being read', { sees: `
    reading was paused: true
    less than half was taken: true
    done
  ` }, async (s) => {
    const size = 32 * 1024 * 1024
    s.upstream().raw()
    const client = await s.connect()
    await client.send(head('POST / HTTP/1.1', 'host: a', `content-length: ${size}`))
    const connection = await s.upstream().nextConnection()
    connection.pause()
    let sent = 0
    const sending = async (): Promise<void> => {
      const chunk = Buffer.alloc(256 * 1024, 'y')
      for (; sent < size; sent += chunk.length) await client.send(chunk)
    }
    const all = sending()
    await standstill(() => sent)
    const stats = await s.proxy.stats()
    s.note(`reading was paused: ${(stats.get('http.main.downstream_flow_control_paused_reading_total') ?? 0) > 0}`)
    s.note(`less than half was taken: ${sent < size / 2}`)
    connection.countOnly = true
    connection.resume()
    await connection.waitFor('everything', () => (connection.receivedLength > size ? true : undefined), () => `${connection.receivedLength}`, 30_000)
    await all
    await connection.send(answer(200, 'done'))
    s.note((await client.response()).body.toString())
  })
})
