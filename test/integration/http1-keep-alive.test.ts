// Pipelining, keep-alive and the end of connections.
import { answer, get, head, post } from '../support/bytes.js'
import { http } from '../support/config.js'
import { silence, thenClose } from '../support/fake-upstream.js'
import { feature } from '../support/scenario.js'

feature('pipelining and keep-alive', { file: import.meta.url, listeners: [http('main')] }, f => {
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
  f.exchange('a bad request after a good one', {
    send: `${get('/1')}BAD\r\n\r\n`,
    responses: 2,
    sees: `
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
  `,
  })
  f.exchange('connection: close ends the connection after the answer', {
    send: get('/', 'connection: close'),
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
    connection: close

    ok
    (closed)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  `,
  })
  f.exchange('Connection: Close in another case', {
    send: get('/', 'Connection: CLOSE'),
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
    connection: close

    ok
    (closed)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  `,
  })
  f.exchange('what follows connection: close is not read', {
    send: get('/1', 'connection: close') + get('/2'),
    sees: `
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
  `,
  })
  f.exchange('connection: keep-alive', {
    send: get('/', 'connection: keep-alive'),
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
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  `,
  })
  f.exchange('proxy-connection: close', {
    send: get('/', 'proxy-connection: close'),
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
    connection: close

    ok
    (closed)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  `,
  })
  f.exchange('a list in connection with close', {
    send: get('/', 'connection: foo, close'),
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
    connection: close

    ok
    (closed)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  `,
  })
  f.scenario(
    'two requests, one after the other, share client and upstream connections',
    {
      sees: `
    upstream connections: 1, requests: 2
    log: HTTP/1.1 200 - via_upstream in=0 out=2
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  `,
    },
    async s => {
      s.upstream().dropConnections()
      const client = await s.connect()
      await client.send(get('/1'))
      await client.response(1)
      await client.send(get('/2'))
      await client.response(2)
      s.note(`upstream connections: ${s.upstream().connections.length}, requests: ${s.upstream().requests.length}`)
      await s.sawLog(2)
    },
  )
  f.scenario(
    'an upstream that answers connection: close gets no second request there',
    {
      sees: `
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
  `,
    },
    async s => {
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
    },
  )
  f.scenario(
    'a pipelined request waits until the first is answered',
    {
      sees: `
    requests at the upstream: 1
    one two
    log: HTTP/1.1 200 - via_upstream in=0 out=3
    log: HTTP/1.1 200 - via_upstream in=0 out=3
  `,
    },
    async s => {
      s.upstream().always(silence)
      const client = await s.connect()
      await client.send(get('/1') + get('/2'))
      const first = await s.upstream().nextRequest(1)
      s.note(`requests at the upstream: ${s.upstream().requests.length}`)
      await first.connection.send(answer(200, 'one'))
      const second = await s.upstream().nextRequest(2)
      await second.connection.send(answer(200, 'two'))
      await client.response(2)
      s.note(client.responses.map(response => response.body.toString()).join(' '))
      await s.sawLog(2)
    },
  )
})

feature('connection end by the upstream', { file: import.meta.url, listeners: [http('main')] }, f => {
  f.exchange('a body delimited by the end of the connection', {
    send: get('/'),
    reply: thenClose(`${head('HTTP/1.1 200 OK')}until the end`),
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

    d
    until the end
    0

    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=13
  `,
  })
  f.exchange('an HTTP/1.0 answer delimited by the end', {
    send: get('/'),
    reply: thenClose(`${head('HTTP/1.0 200 OK')}old`),
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

    3
    old
    0

    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=3
  `,
  })
  f.exchange('an HTTP/1.0 answer with a length', {
    send: get('/'),
    reply: thenClose(`${head('HTTP/1.0 200 OK', 'content-length: 3')}old`),
    sees: `
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
  `,
  })
})

feature(
  'answers of the proxy to pipelined requests',
  {
    file: import.meta.url,
    listeners: [
      http('main', { routes: '[{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: hi}}}]' }),
    ],
  },
  f => {
    f.exchange('two wait to be sent', {
      send: get('/1') + get('/2'),
      responses: 2,
      sees: `
        < client
        HTTP/1.1 200 OK
        content-length: 2
        content-type: text/plain
        date: DATE
        server: envoy

        hiHTTP/1.1 200 OK
        content-length: 2
        content-type: text/plain
        date: DATE
        server: envoy

        hi
        (open)
        log: HTTP/1.1 200 - direct_response in=0 out=2
        log: HTTP/1.1 200 - direct_response in=0 out=2
      `,
    })
    f.exchange('three are too many', {
      send: get('/1') + get('/2') + get('/3') + get('/4'),
      responses: 2,
      until: 'close',
      log: 3,
      sees: `
        < client
        HTTP/1.1 200 OK
        content-length: 2
        content-type: text/plain
        date: DATE
        server: envoy

        hiHTTP/1.1 200 OK
        content-length: 2
        content-type: text/plain
        date: DATE
        server: envoy

        hi
        (closed)
        log: HTTP/1.1 200 - direct_response in=0 out=2
        log: HTTP/1.1 200 - direct_response in=0 out=2
        log: HTTP/1.1 0 DPE codec_error:Too_many_responses_queued. in=0 out=0
      `,
    })
  },
)
