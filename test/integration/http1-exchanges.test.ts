// The course of HTTP/1 exchanges: HEAD, 100-continue, early answers, pipelining, half-close, upgrades, trailers, limits.
import { answer, get, head, post } from '../support/bytes.js'
import { cluster, http, httpOptions } from '../support/config.js'
import { OK, silence, thenClose } from '../support/fake-upstream.js'
import { feature, type Scene } from '../support/scenario.js'

const CHUNKED = head('HTTP/1.1 200 OK', 'transfer-encoding: chunked')

feature('responses without a body', { file: import.meta.url, listeners: [http('main')] }, (f) => {
  f.exchange('HEAD with a content-length', { send: head('HEAD / HTTP/1.1', 'host: a'), reply: head('HTTP/1.1 200 OK', 'content-length: 5'), sees: `
    > up
    HEAD / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    content-length: 5
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=0
  ` })
  f.exchange('HEAD of a chunked answer', { send: head('HEAD / HTTP/1.1', 'host: a'), reply: CHUNKED, sees: `
    > up
    HEAD / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy
    transfer-encoding: chunked

    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=0
  ` })
  f.exchange('HEAD without framing headers', { send: head('HEAD / HTTP/1.1', 'host: a'), reply: head('HTTP/1.1 200 OK', 'x: y'), sees: `
    > up
    HEAD / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    x: y
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy
    transfer-encoding: chunked

    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=0
  ` })
  f.exchange('204', { send: get('/'), reply: head('HTTP/1.1 204 No Content'), sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 204 No Content
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    (open)
    log: HTTP/1.1 204 - via_upstream in=0 out=0
  ` })
  f.exchange('204 with content-length 0', { send: get('/'), reply: head('HTTP/1.1 204 No Content', 'content-length: 0'), sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 204 No Content
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    (open)
    log: HTTP/1.1 204 - via_upstream in=0 out=0
  ` })
  f.exchange('304', { send: get('/'), reply: head('HTTP/1.1 304 Not Modified', 'etag: "x"'), sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 304 Not Modified
    etag: "x"
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    (open)
    log: HTTP/1.1 304 - via_upstream in=0 out=0
  ` })
  f.exchange('304 with a content-length', { send: get('/'), reply: head('HTTP/1.1 304 Not Modified', 'content-length: 10'), sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 304 Not Modified
    content-length: 10
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    (open)
    log: HTTP/1.1 304 - via_upstream in=0 out=0
  ` })
  f.exchange('205', { send: get('/'), reply: head('HTTP/1.1 205 Reset Content', 'content-length: 0'), sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 205 Reset Content
    content-length: 0
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    (open)
    log: HTTP/1.1 205 - via_upstream in=0 out=0
  ` })
})

feature('100-continue', { file: import.meta.url, listeners: [http('main'), http('proxied', { hcm: 'proxy_100_continue: true' })] }, (f) => {
  f.scenario('the proxy answers 100 itself and the upstream sees no expect', { sees: `
    before the body: "HTTP/1.1 100 Continue\\r\\n\\r\\n"
    > up
    POST / HTTP/1.1
    host: a
    content-length: 3
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    abc
    < client
    HTTP/1.1 100 Continue

    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=3 out=2
  ` }, async (s) => {
    const client = await s.connect()
    await client.send(head('POST / HTTP/1.1', 'host: a', 'expect: 100-continue', 'content-length: 3'))
    s.note(`before the body: ${JSON.stringify(await client.until('\r\n\r\n'))}`)
    await client.send('abc')
    await client.response()
    s.sawRequests()
    s.sawAll(client)
    await s.sawLog()
  })
  f.exchange('a body sent without waiting', {
    send: head('POST / HTTP/1.1', 'host: a', 'Expect: 100-Continue', 'content-length: 3') + 'abc',
    sees: `
      > up
      POST / HTTP/1.1
      host: a
      content-length: 3
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      abc
      < client
      HTTP/1.1 100 Continue

      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=3 out=2
    `,
  })
  f.exchange('expect without body', { send: get('/', 'expect: 100-continue'), sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 100 Continue

    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` })
  f.exchange('another expectation passes to the upstream', { send: post('/', 'abc', 'expect: something'), sees: `
    > up
    POST / HTTP/1.1
    host: a
    content-length: 3
    expect: something
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    abc
    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=3 out=2
  ` })
  f.exchange('a 100 of the upstream is swallowed', { send: post('/', 'abc'), reply: head('HTTP/1.1 100 Continue') + OK, sees: `
    > up
    POST / HTTP/1.1
    host: a
    content-length: 3
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    abc
    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=3 out=2
  ` })
  f.exchange('a 103 of the upstream is swallowed', { send: get('/'), reply: head('HTTP/1.1 103 Early Hints', 'link: </a>') + OK, sees: `
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
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` })
  f.exchange('a 102 of the upstream is swallowed', { send: get('/'), reply: head('HTTP/1.1 102 Processing') + OK, sees: `
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
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` })
  f.scenario('proxy_100_continue: expect and 100 both pass', { sees: `
    > up
    POST / HTTP/1.1
    host: a
    expect: 100-continue
    content-length: 3
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    < client
    HTTP/1.1 100 Continue
    x-interim: 1

    (open)
    < client
    HTTP/1.1 100 Continue
    x-interim: 1

    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=3 out=2
  ` }, async (s) => {
    s.upstream().raw()
    const client = await s.connect('proxied')
    await client.send(head('POST / HTTP/1.1', 'host: a', 'expect: 100-continue', 'content-length: 3'))
    const connection = await s.upstream().nextConnection()
    s.note(`> up\n${(await connection.until('\r\n\r\n')).replaceAll('\r', '').trimEnd()}`)
    await connection.send(head('HTTP/1.1 100 Continue', 'x-interim: 1'))
    await client.until('\r\n\r\n')
    s.sawAll(client)
    await client.send('abc')
    await connection.until('abc')
    await connection.send(OK)
    await client.response()
    s.sawAll(client)
    await s.sawLog(1, 'proxied')
  })
})

feature('early answers and half-close', { file: import.meta.url, listeners: [http('main')] }, (f) => {
  f.scenario('an upstream answers before the request body is complete', { sees: `
    client after the answer: closed
    < client
    HTTP/1.1 200 OK
    content-length: 5
    date: DATE
    server: envoy
    connection: close

    early
    (closed)
    upstream connection: ended
    log: HTTP/1.1 200 - via_upstream in=3 out=5
  ` }, async (s) => {
    s.upstream().raw()
    const client = await s.connect()
    await client.send(head('POST / HTTP/1.1', 'host: a', 'content-length: 10') + 'abc')
    const connection = await s.upstream().nextConnection()
    await connection.until('abc')
    await connection.send(answer(200, 'early'))
    await client.response()
    s.note(`client after the answer: ${await client.closed()}`)
    s.sawAll(client)
    s.note(`upstream connection: ${await connection.closed()}`)
    await s.sawLog()
  })
  f.exchange('a local reply before the body is complete closes the connection', {
    send: head('POST /a#b HTTP/1.1', 'host: a', 'content-length: 10') + 'abc',
    sees: `
      < client
      HTTP/1.1 400 Bad Request
      date: DATE
      server: envoy
      connection: close
      content-length: 0

      (closed)
      log: HTTP/1.1 400 - path_normalization_failed in=0 out=0
    `,
  })
  f.exchange('a client that half-closes after its request has left', {
    send: get('/half'),
    reply: silence,
    halfClose: true,
    until: 'close',
    log: 1,
    sees: `
      < client
      (closed)
      log: HTTP/1.1 0 DC downstream_remote_disconnect in=0 out=0
    `,
  })
  f.scenario('a client that leaves while the upstream thinks', { sees: `
    upstream connection: ended
    log: HTTP/1.1 0 DC downstream_remote_disconnect in=0 out=0
  ` }, async (s) => {
    s.upstream().always(silence)
    const client = await s.connect()
    await client.send(get('/'))
    const request = await s.upstream().nextRequest()
    client.destroy()
    s.note(`upstream connection: ${await request.connection.closed()}`)
    await s.sawLog()
  })
  f.scenario('a client that resets while the upstream thinks', { sees: `
    upstream connection: ended
    log: HTTP/1.1 0 DC downstream_remote_disconnect in=0 out=0
  ` }, async (s) => {
    s.upstream().always(silence)
    const client = await s.connect()
    await client.send(get('/'))
    const request = await s.upstream().nextRequest()
    client.reset()
    s.note(`upstream connection: ${await request.connection.closed()}`)
    await s.sawLog()
  })
  f.scenario('a client that leaves in the middle of the response', { sees: `
    upstream connection: ended
    log: HTTP/1.1 200 DC downstream_remote_disconnect in=0 out=4
  ` }, async (s) => {
    s.upstream().always(head('HTTP/1.1 200 OK', 'content-length: 100') + 'part')
    const client = await s.connect()
    await client.send(get('/'))
    await client.until('part')
    client.destroy()
    s.note(`upstream connection: ${await s.upstream().connections[0]?.closed()}`)
    await s.sawLog()
  })
})

feature('pipelining and keep-alive', { file: import.meta.url, listeners: [http('main')] }, (f) => {
  f.exchange('three pipelined requests are answered in order', {
    send: get('/1') + get('/2') + get('/3'),
    reply: [answer(200, 'one'), answer(200, 'two'), answer(200, 'three')],
    responses: 3,
    sees: `
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
      content-length: 3
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      oneHTTP/1.1 200 OK
      content-length: 3
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      twoHTTP/1.1 200 OK
      content-length: 5
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      three
      (open)
      log: HTTP/1.1 200 - via_upstream in=0 out=3
      log: HTTP/1.1 200 - via_upstream in=0 out=3
      log: HTTP/1.1 200 - via_upstream in=0 out=5
    `,
  })
  f.exchange('a POST and a GET in one write', {
    send: post('/1', 'body') + get('/2'),
    responses: 2,
    sees: `
      > up
      POST /1 HTTP/1.1
      host: a
      content-length: 4
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      body
      > up
      GET /2 HTTP/1.1
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

      okHTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=4 out=2
      log: HTTP/1.1 200 - via_upstream in=0 out=2
    `,
  })
  f.exchange('a chunked POST and a GET in one write', {
    send: `${head('POST /1 HTTP/1.1', 'host: a', 'transfer-encoding: chunked')}3\r\nabc\r\n0\r\n\r\n${get('/2')}`,
    responses: 2,
    sees: `
      > up
      POST /1 HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000
      transfer-encoding: chunked

      3
      abc
      0


      > up
      GET /2 HTTP/1.1
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

      okHTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=3 out=2
      log: HTTP/1.1 200 - via_upstream in=0 out=2
    `,
  })
  f.exchange('a bad request after a good one', { send: `${get('/1')}BAD\r\n\r\n`, responses: 2, sees: `
    > up
    GET /1 HTTP/1.1
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

    okHTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
    log: HTTP/1.1 400 DPE http1.codec_error in=0 out=11
  ` })
  f.exchange('connection: close ends the connection after the answer', { send: get('/', 'connection: close'), sees: `
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
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` })
  f.exchange('Connection: Close in another case', { send: get('/', 'Connection: CLOSE'), sees: `
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
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` })
  f.exchange('what follows connection: close is not read', { send: get('/1', 'connection: close') + get('/2'), sees: `
    > up
    GET /1 HTTP/1.1
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
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` })
  f.exchange('connection: keep-alive', { send: get('/', 'connection: keep-alive'), sees: `
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
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` })
  f.exchange('proxy-connection: close', { send: get('/', 'proxy-connection: close'), sees: `
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
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` })
  f.exchange('a list in connection with close', { send: get('/', 'connection: foo, close'), sees: `
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
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` })
  f.scenario('two requests, one after the other, share client and upstream connections', { sees: `
    upstream connections: 1, requests: 2
    log: HTTP/1.1 200 - via_upstream in=0 out=2
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` }, async (s) => {
    s.upstream().dropConnections()
    const client = await s.connect()
    await client.send(get('/1'))
    await client.response(1)
    await client.send(get('/2'))
    await client.response(2)
    s.note(`upstream connections: ${s.upstream().connections.length}, requests: ${s.upstream().requests.length}`)
    await s.sawLog(2)
  })
  f.scenario('an upstream that answers connection: close gets no second request there', { sees: `
    < client
    HTTP/1.1 200 OK
    content-length: 1
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    x
    (open)
    upstream connection: ended
    upstream connections: 2
    log: HTTP/1.1 200 - via_upstream in=0 out=1
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  ` }, async (s) => {
    s.upstream().dropConnections()
    s.upstream().always(answer(200, 'x', 'connection: close'))
    const client = await s.connect()
    await client.send(get('/1'))
    await client.response(1)
    s.sawAll(client)
    s.note(`upstream connection: ${await s.upstream().connections[0]?.closed()}`)
    await client.send(get('/2'))
    await client.response(2)
    s.note(`upstream connections: ${s.upstream().connections.length}`)
    await s.sawLog(2)
  })
  f.scenario('a pipelined request waits until the first is answered', { sees: `
    requests at the upstream: 1
    one two
    log: HTTP/1.1 200 - via_upstream in=0 out=3
    log: HTTP/1.1 200 - via_upstream in=0 out=3
  ` }, async (s) => {
    s.upstream().always(silence)
    const client = await s.connect()
    await client.send(get('/1') + get('/2'))
    const first = await s.upstream().nextRequest(1)
    s.note(`requests at the upstream: ${s.upstream().requests.length}`)
    await first.connection.send(answer(200, 'one'))
    const second = await s.upstream().nextRequest(2)
    await second.connection.send(answer(200, 'two'))
    await client.response(2)
    s.note(client.responses.map((response) => response.body.toString()).join(' '))
    await s.sawLog(2)
  })
})

const websocket = 'upgrade_configs: [{upgrade_type: websocket}]'
const handshake = head('GET /chat HTTP/1.1', 'host: a', 'Connection: keep-alive, Upgrade', 'Upgrade: WebSocket', 'sec-websocket-key: x')
const switching = head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket', 'sec-websocket-accept: y')

feature('upgrades and CONNECT', {
  file: import.meta.url,
  listeners: [
    http('main'),
    http('ws', { hcm: websocket, routes: '[{match: {prefix: /off}, route: {cluster: up, upgrade_configs: [{upgrade_type: websocket, enabled: false}]}}, {match: {prefix: /}, route: {cluster: up}}]' }),
    http('ignoring', { hcm: 'http_protocol_options: {ignore_http_11_upgrade: [{exact: h2c}]}' }),
    http('routed', { routes: '[{match: {prefix: /}, route: {cluster: up, upgrade_configs: [{upgrade_type: websocket}]}}]' }),
  ],
}, (f) => {
  f.exchange('an upgrade that is not configured is refused', { send: handshake, sees: `
    < client
    HTTP/1.1 403 Forbidden
    date: DATE
    server: envoy
    connection: close
    content-length: 0

    (closed)
    log: HTTP/1.1 403 - upgrade_failed in=0 out=0
  ` })
  f.exchange('an upgrade to something else is refused', { to: 'ws', send: handshake.replace('WebSocket', 'foo'), sees: `
    < client
    HTTP/1.1 403 Forbidden
    date: DATE
    server: envoy
    connection: close
    content-length: 0

    (closed)
    log: HTTP/1.1 403 - upgrade_failed in=0 out=0
  ` })
  f.exchange('a route can switch the upgrade off', { to: 'ws', send: handshake.replace('/chat', '/off'), sees: `
    < client
    HTTP/1.1 403 Forbidden
    date: DATE
    server: envoy
    connection: close
    content-length: 0

    (closed)
    log: HTTP/1.1 403 - upgrade_failed in=0 out=0
  ` })
  f.exchange('upgrade: h2c is ignored', { send: get('/', 'connection: Upgrade, HTTP2-Settings', 'upgrade: h2c', 'http2-settings: AAMAAABkAAQAAP__'), sees: `
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
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` })
  f.exchange('an upgrade header without connection: upgrade is dropped', { send: get('/', 'upgrade: websocket'), sees: `
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
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` })
  f.exchange('connection: upgrade without an upgrade header', { send: get('/', 'connection: upgrade'), sees: `
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
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` })
  f.exchange('CONNECT is refused', { send: head('CONNECT a:443 HTTP/1.1', 'host: a:443'), sees: `
    < client
    HTTP/1.1 404 Not Found
    date: DATE
    server: envoy
    connection: close
    content-length: 0

    (closed)
    log: HTTP/1.1 404 NR route_not_found in=0 out=0
  ` })
  f.exchange('CONNECT without a port', { send: head('CONNECT a HTTP/1.1', 'host: a'), sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.invalid_url in=0 out=11
  ` })
  f.exchange('CONNECT with a path', { send: head('CONNECT /x HTTP/1.1', 'host: a'), sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.invalid_url in=0 out=11
  ` })
  f.exchange('CONNECT with a body length', { send: head('CONNECT a:443 HTTP/1.1', 'host: a:443', 'content-length: 3') + 'abc', sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.body_disallowed in=0 out=11
  ` })

  const talk = (listener: string) => async (s: Scene): Promise<void> => {
    s.upstream().script(switching)
    const client = await s.connect(listener)
    await client.send(handshake)
    await client.until('\r\n\r\n')
    const connection = (await s.upstream().nextRequest()).connection
    s.sawRequests()
    await client.send('ping\0')
    await connection.until('ping\0')
    await connection.send('pong\xff')
    await client.until('pong\xff')
    s.sawAll(client)
    connection.end('bye')
    s.note(`client: ${await client.closed()}`)
    s.sawAll(client)
    await s.sawLog(1, listener)
  }
  f.scenario('websocket bytes flow both ways', { sees: `
    > up
    GET /chat HTTP/1.1
    host: a
    connection: keep-alive, Upgrade
    upgrade: WebSocket
    sec-websocket-key: x
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 101 Switching Protocols
    connection: Upgrade
    upgrade: websocket
    sec-websocket-accept: y
    date: DATE
    server: envoy

    pong\\xff
    (open)
    client: closed
    < client
    HTTP/1.1 101 Switching Protocols
    connection: Upgrade
    upgrade: websocket
    sec-websocket-accept: y
    date: DATE
    server: envoy

    pong\\xffbye
    (closed)
    log: HTTP/1.1 101 UC upstream_reset_after_response_started{connection_termination} in=5 out=8
  ` }, talk('ws'))
  f.scenario('websocket switched on by a route', { sees: `
    > up
    GET /chat HTTP/1.1
    host: a
    connection: keep-alive, Upgrade
    upgrade: WebSocket
    sec-websocket-key: x
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 101 Switching Protocols
    connection: Upgrade
    upgrade: websocket
    sec-websocket-accept: y
    date: DATE
    server: envoy

    pong\\xff
    (open)
    client: closed
    < client
    HTTP/1.1 101 Switching Protocols
    connection: Upgrade
    upgrade: websocket
    sec-websocket-accept: y
    date: DATE
    server: envoy

    pong\\xffbye
    (closed)
    log: HTTP/1.1 101 UC upstream_reset_after_response_started{connection_termination} in=5 out=8
  ` }, talk('routed'))
  f.scenario('the client ends a websocket', { sees: `
    upstream: ended
    client: closed
    log: HTTP/1.1 101 DC downstream_remote_disconnect in=10 out=0
  ` }, async (s) => {
    s.upstream().script(switching)
    const client = await s.connect('ws')
    await client.send(handshake)
    await client.until('\r\n\r\n')
    await client.send('last words')
    const connection = (await s.upstream().nextRequest()).connection
    await connection.until('last words')
    client.end()
    s.note(`upstream: ${await connection.closed()}`)
    s.note(`client: ${await client.closed()}`)
    await s.sawLog(1, 'ws')
  })
  f.scenario('bytes sent with the handshake reach the upstream', { sees: `
    early bytes arrived
    log: HTTP/1.1 101 DC downstream_remote_disconnect in=5 out=0
  ` }, async (s) => {
    s.upstream().script(switching)
    const client = await s.connect('ws')
    await client.send(`${handshake}early`)
    await client.until('\r\n\r\n')
    const connection = (await s.upstream().nextRequest()).connection
    await connection.until('early')
    s.note('early bytes arrived')
    client.destroy()
    await s.sawLog(1, 'ws')
  })
  f.exchange('an upstream that refuses the upgrade answers as usual', {
    to: 'ws',
    send: handshake,
    reply: answer('403 Forbidden', 'no'),
    sees: `
      > up
      GET /chat HTTP/1.1
      host: a
      connection: keep-alive, Upgrade
      upgrade: WebSocket
      sec-websocket-key: x
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 403 Forbidden
      content-length: 2
      date: DATE
      server: envoy
      connection: close

      no
      (closed)
      log: HTTP/1.1 403 - via_upstream in=0 out=2
    `,
  })
  f.exchange('an upstream that answers 200 to the upgrade', { to: 'ws', send: handshake, reply: OK, sees: `
    > up
    GET /chat HTTP/1.1
    host: a
    connection: keep-alive, Upgrade
    upgrade: WebSocket
    sec-websocket-key: x
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    date: DATE
    server: envoy
    connection: close
    content-length: 0

    (closed)
    log: HTTP/1.1 200 - websocket_handshake_unsuccessful in=0 out=0
  ` })
  f.exchange('a 101 nobody asked for', { send: get('/'), reply: switching, sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 101 Switching Protocols
    sec-websocket-accept: y
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    (open)
    log: HTTP/1.1 101 - via_upstream in=0 out=0
  ` })
})

feature('HTTP/1.0', {
  file: import.meta.url,
  listeners: [
    http('main', { hcm: 'http_protocol_options: {accept_http_10: true}' }),
    http('named', { hcm: 'http_protocol_options: {accept_http_10: true, default_host_for_http_10: fallback.example}' }),
  ],
}, (f) => {
  f.exchange('a request is passed on as HTTP/1.1 and the connection closed', { send: head('GET / HTTP/1.0', 'host: a'), sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.0 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy
    connection: close

    ok
    (closed)
    log: HTTP/1.0 200 - via_upstream in=0 out=2
  ` })
  f.exchange('keep-alive is honoured', { send: head('GET / HTTP/1.0', 'host: a', 'connection: keep-alive'), sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.0 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy
    connection: keep-alive

    ok
    (open)
    log: HTTP/1.0 200 - via_upstream in=0 out=2
  ` })
  f.exchange('no host: refused without a default', { send: head('GET / HTTP/1.0'), sees: `
    < client
    HTTP/1.0 400 Bad Request
    date: DATE
    server: envoy
    connection: close
    content-length: 0

    (closed)
    log: HTTP/1.0 400 - missing_host_header in=0 out=0
  ` })
  f.exchange('no host: the default host is used', { to: 'named', send: head('GET / HTTP/1.0'), sees: `
    > up
    GET / HTTP/1.1
    host: fallback.example
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.0 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy
    connection: close

    ok
    (closed)
    log: HTTP/1.0 200 - via_upstream in=0 out=2
  ` })
  f.exchange('a chunked answer is delimited by the end of the connection', {
    send: head('GET / HTTP/1.0', 'host: a'),
    reply: `${CHUNKED}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`,
    sees: `
      > up
      GET / HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.0 200 OK
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy
      connection: close

      abcde
      (closed)
      log: HTTP/1.0 200 - via_upstream in=0 out=5
    `,
  })
  f.exchange('a chunked answer with keep-alive', {
    send: head('GET / HTTP/1.0', 'host: a', 'connection: keep-alive'),
    reply: `${CHUNKED}3\r\nabc\r\n0\r\n\r\n`,
    sees: `
      > up
      GET / HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.0 200 OK
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy
      connection: close

      abc
      (closed)
      log: HTTP/1.0 200 - via_upstream in=0 out=3
    `,
  })
  f.exchange('a chunked request in HTTP/1.0', { send: head('POST / HTTP/1.0', 'host: a', 'transfer-encoding: chunked') + '1\r\na\r\n0\r\n\r\n', sees: `
    > up
    POST / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    transfer-encoding: chunked

    1
    a
    0


    < client
    HTTP/1.0 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy
    connection: close

    ok
    (closed)
    log: HTTP/1.0 200 - via_upstream in=1 out=2
  ` })
  f.exchange('HTTP/0.9', { send: 'GET /\r\n\r\n', until: 'close', sees: `
    < client
    HTTP/1.0 400 Bad Request
    date: DATE
    server: envoy
    connection: close
    content-length: 0

    (closed)
    log: HTTP/1.0 400 - missing_host_header in=0 out=0
  ` })
  f.exchange('HTTP/1.1 needs its host still', { to: 'named', send: head('GET / HTTP/1.1'), sees: `
    < client
    HTTP/1.1 400 Bad Request
    date: DATE
    server: envoy
    connection: close
    content-length: 0

    (closed)
    log: HTTP/1.1 400 - missing_host_header in=0 out=0
  ` })
})

feature('absolute request targets', {
  file: import.meta.url,
  upstreams: ['up', 'other'],
  clusters: [cluster('up'), cluster('other')],
  listeners: [
    http('main', { vhosts: '[{name: o, domains: [other.example], routes: [{match: {prefix: /}, route: {cluster: other}}]}, {name: all, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: up}}]}]' }),
    http('relative', { hcm: 'http_protocol_options: {allow_absolute_url: false}' }),
  ],
}, (f) => {
  f.exchange('the authority of the target routes, not the host header', { send: head('GET http://other.example/x?y HTTP/1.1', 'host: a'), sees: `
    > other
    GET /x?y HTTP/1.1
    host: other.example
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
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` })
  f.exchange('a target without path', { send: head('GET http://other.example HTTP/1.1', 'host: a'), sees: `
    > other
    GET / HTTP/1.1
    host: other.example
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
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` })
  f.exchange('a target without path but with a query', { send: head('GET http://other.example?q=1 HTTP/1.1', 'host: a'), sees: `
    < client
    HTTP/1.1 404 Not Found
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: HTTP/1.1 404 - absolute_path_rejected in=0 out=0
  ` })
  f.exchange('https in the target', { send: head('GET https://a/x HTTP/1.1', 'host: a'), sees: `
    > up
    GET /x HTTP/1.1
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
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` })
  f.exchange('an unknown scheme', { send: head('GET ftp://a/x HTTP/1.1', 'host: a'), sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.invalid_scheme in=0 out=11
  ` })
  f.exchange('a scheme in upper case', { send: head('GET HTTP://a/x HTTP/1.1', 'host: a'), sees: `
    > up
    GET /x HTTP/1.1
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
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` })
  f.exchange('a port in the target', { send: head('GET http://other.example:80/x HTTP/1.1', 'host: a'), sees: `
    > up
    GET /x HTTP/1.1
    host: other.example:80
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
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` })
  f.exchange('an empty authority', { send: head('GET http:///x HTTP/1.1', 'host: a'), sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.invalid_url in=0 out=11
  ` })
  f.exchange('absolute URLs switched off', { to: 'relative', send: head('GET http://other.example/x HTTP/1.1', 'host: a'), sees: `
    < client
    HTTP/1.1 404 Not Found
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: HTTP/1.1 404 - absolute_path_rejected in=0 out=0
  ` })
  f.exchange('OPTIONS of an absolute target', { send: head('OPTIONS http://other.example HTTP/1.1', 'host: a'), sees: `
    > other
    OPTIONS / HTTP/1.1
    host: other.example
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    content-length: 0

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` })
})

feature('trailers', {
  file: import.meta.url,
  clusters: [cluster('up', ['up'], httpOptions('explicit_http_config: {http_protocol_options: {enable_trailers: true}}')), cluster('plain', ['up'])],
  listeners: [
    http('main', { hcm: 'http_protocol_options: {enable_trailers: true}' }),
    http('off', {}),
  ],
}, (f) => {
  f.exchange('request trailers pass when enabled on both sides', {
    send: head('POST / HTTP/1.1', 'host: a', 'te: trailers', 'trailer: x-t', 'transfer-encoding: chunked') + '1\r\na\r\n0\r\nX-T: v\r\nx-u:w\r\n\r\n',
    sees: `
      > up
      POST / HTTP/1.1
      host: a
      te: trailers
      trailer: x-t
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000
      transfer-encoding: chunked

      1
      a
      0
      x-t: v
      x-u: w


      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=1 out=2
    `,
  })
  f.exchange('response trailers pass when enabled on both sides', {
    send: get('/', 'te: trailers'),
    reply: `${head('HTTP/1.1 200 OK', 'trailer: x-t', 'transfer-encoding: chunked')}1\r\na\r\n0\r\nX-T: v\r\n\r\n`,
    sees: `
      > up
      GET / HTTP/1.1
      host: a
      te: trailers
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 200 OK
      trailer: x-t
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy
      transfer-encoding: chunked

      1
      a
      0
      x-t: v

      (open)
      log: HTTP/1.1 200 - via_upstream in=0 out=1
    `,
  })
  f.exchange('response trailers are dropped when the listener has them off', {
    to: 'off',
    send: get('/'),
    reply: `${CHUNKED}1\r\na\r\n0\r\nx-t: v\r\n\r\n`,
    sees: `
      > up
      GET / HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 200 OK
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy
      transfer-encoding: chunked

      1
      a
      0

      (open)
      log: HTTP/1.1 200 - via_upstream in=0 out=1
    `,
  })
  f.exchange('a bad trailer is refused when enabled', {
    send: head('POST / HTTP/1.1', 'host: a', 'transfer-encoding: chunked') + '1\r\na\r\n0\r\nbad : v\r\n\r\n',
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
      log: HTTP/1.1 400 DPE http1.codec_error in=1 out=11
    `,
  })
})

feature('header case', {
  file: import.meta.url,
  clusters: [cluster('up', ['up'], httpOptions('explicit_http_config: {http_protocol_options: {header_key_format: {proper_case_words: {}}}}'))],
  listeners: [http('main'), http('proper', { hcm: 'http_protocol_options: {header_key_format: {proper_case_words: {}}}' })],
}, (f) => {
  f.exchange('proper case towards the upstream', { send: get('/', 'x-some-header: a', 'X_UNDER-score: b'), sees: `
    > up
    GET / HTTP/1.1
    Host: a
    X-Some-Header: a
    X_Under-Score: b
    X-Forwarded-Proto: http
    X-Request-Id: UUID
    X-Envoy-Expected-Rq-Timeout-Ms: 15000

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` })
  f.exchange('proper case towards the client', { to: 'proper', send: get('/'), reply: answer(200, 'x', 'x-some_header: a', 'ETAG: "b"'), sees: `
    > up
    GET / HTTP/1.1
    Host: a
    X-Forwarded-Proto: http
    X-Request-Id: UUID
    X-Envoy-Expected-Rq-Timeout-Ms: 15000

    < client
    HTTP/1.1 200 OK
    Content-Length: 1
    X-Some_Header: a
    Etag: "b"
    X-Envoy-Upstream-Service-Time: MS
    Date: DATE
    Server: envoy

    x
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  ` })
  f.exchange('proper case on a local reply', { to: 'proper', send: head('GET / HTTP/1.1'), sees: `
    < client
    HTTP/1.1 400 Bad Request
    Date: DATE
    Server: envoy
    Connection: close
    Content-Length: 0

    (closed)
    log: HTTP/1.1 400 - missing_host_header in=0 out=0
  ` })
  f.exchange('proper case on a codec error', { to: 'proper', send: 'BAD\r\n\r\n', sees: `
    < client
    HTTP/1.1 400 Bad Request
    Content-Length: 11
    Content-Type: text/plain
    Date: DATE
    Server: envoy
    Connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=0 out=11
  ` })
})

feature('connection end by the upstream', { file: import.meta.url, listeners: [http('main')] }, (f) => {
  f.exchange('a body delimited by the end of the connection', { send: get('/'), reply: thenClose(`${head('HTTP/1.1 200 OK')}until the end`), sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy
    transfer-encoding: chunked

    d
    until the end
    0

    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=13
  ` })
  f.exchange('an HTTP/1.0 answer delimited by the end', { send: get('/'), reply: thenClose(`${head('HTTP/1.0 200 OK')}old`), sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy
    transfer-encoding: chunked

    3
    old
    0

    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=3
  ` })
  f.exchange('an HTTP/1.0 answer with a length', { send: get('/'), reply: thenClose(`${head('HTTP/1.0 200 OK', 'content-length: 3')}old`), sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    content-length: 3
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    old
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=3
  ` })
})
