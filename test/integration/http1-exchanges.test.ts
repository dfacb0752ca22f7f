// The course of HTTP/1 exchanges: HEAD, 100-continue, early answers, half-close.
import { answer, get, head, post } from '../support/bytes.js'
import { http } from '../support/config.js'
import { OK, silence } from '../support/fake-upstream.js'
import { feature } from '../support/scenario.js'

const CHUNKED = head('HTTP/1.1 200 OK', 'transfer-encoding: chunked')

feature('responses without a body', { file: import.meta.url, listeners: [http('main')] }, f => {
  f.exchange('HEAD with a content-length', {
    send: head('HEAD / HTTP/1.1', 'host: a'),
    reply: head('HTTP/1.1 200 OK', 'content-length: 5'),
    sees: `
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
  `,
  })
  f.exchange('HEAD of a chunked answer', {
    send: head('HEAD / HTTP/1.1', 'host: a'),
    reply: CHUNKED,
    sees: `
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
  `,
  })
  f.exchange('HEAD without framing headers', {
    send: head('HEAD / HTTP/1.1', 'host: a'),
    reply: head('HTTP/1.1 200 OK', 'x: y'),
    sees: `
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
  `,
  })
  f.exchange('204', {
    send: get('/'),
    reply: head('HTTP/1.1 204 No Content'),
    sees: `
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
  `,
  })
  f.exchange('204 with content-length 0', {
    send: get('/'),
    reply: head('HTTP/1.1 204 No Content', 'content-length: 0'),
    sees: `
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
  `,
  })
  f.exchange('304', {
    send: get('/'),
    reply: head('HTTP/1.1 304 Not Modified', 'etag: "x"'),
    sees: `
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
  `,
  })
  f.exchange('304 with a content-length', {
    send: get('/'),
    reply: head('HTTP/1.1 304 Not Modified', 'content-length: 10'),
    sees: `
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
  `,
  })
  f.exchange('205', {
    send: get('/'),
    reply: head('HTTP/1.1 205 Reset Content', 'content-length: 0'),
    sees: `
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
  `,
  })
})

feature(
  '100-continue',
  { file: import.meta.url, listeners: [http('main'), http('proxied', { hcm: 'proxy_100_continue: true' })] },
  f => {
    f.exchange('of several informational answers the first is passed on', {
      to: 'proxied',
      send: get('/'),
      reply:
        'HTTP/1.1 103 x\r\na: b\r\n\r\nHTTP/1.1 102 x\r\na: c\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok',
      stats: /^http\.proxied\.downstream_rq_(1xx|2xx|completed)$/,
      sees: `
        stat: http.proxied.downstream_rq_1xx +1
        stat: http.proxied.downstream_rq_2xx +1
        stat: http.proxied.downstream_rq_completed +2
        > up
        GET / HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 103 Unknown
        a: b

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
    f.scenario(
      'the proxy answers 100 itself and the upstream sees no expect',
      {
        sees: `
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
  `,
      },
      async s => {
        const client = await s.connect()
        await client.send(head('POST / HTTP/1.1', 'host: a', 'expect: 100-continue', 'content-length: 3'))
        s.note(`before the body: ${JSON.stringify(await client.until('\r\n\r\n'))}`)
        await client.send('abc')
        await client.response()
        s.sawRequests()
        s.sawAll(client)
        await s.sawLog()
      },
    )
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
    f.exchange('expect without body', {
      send: get('/', 'expect: 100-continue'),
      sees: `
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
  `,
    })
    f.exchange('another expectation passes to the upstream', {
      send: post('/', 'abc', 'expect: something'),
      sees: `
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
  `,
    })
    f.exchange('a 100 of the upstream is swallowed', {
      send: post('/', 'abc'),
      reply: head('HTTP/1.1 100 Continue') + OK,
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
    f.exchange('a 103 of the upstream is swallowed', {
      send: get('/'),
      reply: head('HTTP/1.1 103 Early Hints', 'link: </a>') + OK,
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
    f.exchange('a 102 of the upstream is swallowed', {
      send: get('/'),
      reply: head('HTTP/1.1 102 Processing') + OK,
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
    f.scenario(
      'proxy_100_continue: expect and 100 both pass',
      {
        sees: `
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
  `,
      },
      async s => {
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
      },
    )
  },
)

feature('early answers and half-close', { file: import.meta.url, listeners: [http('main')] }, f => {
  f.scenario(
    'an upstream answers before the request body is complete',
    {
      sees: `
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
  `,
    },
    async s => {
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
    },
  )
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
  f.scenario(
    'a client that half-closes after its request has left',
    {
      sees: `
    upstream connection: ended
    < client
    (closed)
    log: HTTP/1.1 0 DC downstream_remote_disconnect in=0 out=0
  `,
    },
    async s => {
      s.upstream().always(silence)
      const client = await s.connect()
      await client.send(get('/half'))
      const request = await s.upstream().nextRequest()
      client.end()
      s.note(`upstream connection: ${await request.connection.closed()}`)
      await client.closed()
      s.sawAll(client)
      await s.sawLog()
    },
  )
  f.scenario(
    'a client that leaves while the upstream thinks',
    {
      sees: `
    upstream connection: ended
    log: HTTP/1.1 0 DC downstream_remote_disconnect in=0 out=0
  `,
    },
    async s => {
      s.upstream().always(silence)
      const client = await s.connect()
      await client.send(get('/'))
      const request = await s.upstream().nextRequest()
      client.destroy()
      s.note(`upstream connection: ${await request.connection.closed()}`)
      await s.sawLog()
    },
  )
  f.scenario(
    'a client that resets while the upstream thinks',
    {
      sees: `
    upstream connection: ended
    log: HTTP/1.1 0 DC downstream_remote_disconnect in=0 out=0
  `,
    },
    async s => {
      s.upstream().always(silence)
      const client = await s.connect()
      await client.send(get('/'))
      const request = await s.upstream().nextRequest()
      client.reset()
      s.note(`upstream connection: ${await request.connection.closed()}`)
      await s.sawLog()
    },
  )
  f.scenario(
    'a client that leaves in the middle of the response',
    {
      sees: `
    upstream connection: ended
    log: HTTP/1.1 200 DC downstream_remote_disconnect in=0 out=4
  `,
    },
    async s => {
      s.upstream().always(head('HTTP/1.1 200 OK', 'content-length: 100') + 'part')
      const client = await s.connect()
      await client.send(get('/'))
      await client.until('part')
      client.destroy()
      s.note(`upstream connection: ${await s.upstream().connections[0]?.closed()}`)
      await s.sawLog()
    },
  )
})
