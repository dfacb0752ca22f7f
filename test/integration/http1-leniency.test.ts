// Requests that are not quite HTTP/1.1, and pass all the same, written anew.
import { get, head } from '../support/bytes.js'
import { http } from '../support/config.js'
import { feature } from '../support/scenario.js'

feature('forgiven', { file: import.meta.url, listeners: [http('main')] }, f => {
  f.exchange('a bare LF ends a line', {
    send: 'GET /lf HTTP/1.1\nhost: a\nx-a: b\n\n',
    sees: `
    > up
    GET /lf HTTP/1.1
    host: a
    x-a: b
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
  f.exchange('CRLF and LF mixed', {
    send: 'GET /lf HTTP/1.1\r\nhost: a\nx-a: b\r\n\n',
    sees: `
    > up
    GET /lf HTTP/1.1
    host: a
    x-a: b
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
  f.exchange('obs-fold with a space is joined', {
    send: head('GET / HTTP/1.1', 'host: a', 'x-f: one', ' two'),
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-f: one two
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
  f.exchange('obs-fold with a tab is joined', {
    send: head('GET / HTTP/1.1', 'host: a', 'x-f: one', '\t  two', '\tthree'),
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-f: one\\x09  two\\x09three
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
  f.exchange('an empty line before the request', {
    send: `\r\n${get('/crlf')}`,
    sees: `
    > up
    GET /crlf HTTP/1.1
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
  f.exchange('several empty lines before the request', {
    send: `\r\n\r\n\r\n${get('/crlf')}`,
    sees: `
    > up
    GET /crlf HTTP/1.1
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
  f.exchange('a bare LF before the request', {
    send: `\n${get('/crlf')}`,
    sees: `
    > up
    GET /crlf HTTP/1.1
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
  f.exchange('spaces in the request line are one', {
    send: head('GET   /sp   HTTP/1.1', 'host: a'),
    sees: `
    > up
    GET /sp HTTP/1.1
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
  f.exchange('a tab in the request line is a space', {
    send: head('GET\t/tab\tHTTP/1.1', 'host: a'),
    sees: `
    > up
    GET /tab HTTP/1.1
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
  f.exchange('spaces after the version', {
    send: head('GET /sp HTTP/1.1  ', 'host: a'),
    sees: `
    > up
    GET /sp HTTP/1.1
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
  f.exchange('a space before the method', {
    send: head(' GET /sp HTTP/1.1', 'host: a'),
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
  })
  f.exchange('a bare CR inside a value', {
    send: head('GET / HTTP/1.1', 'host: a', 'x-cr: on\re'),
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-cr: one
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
  f.exchange('a tab inside a value', {
    send: head('GET / HTTP/1.1', 'host: a', 'x-t: a\tb'),
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-t: a\\x09b
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
  f.exchange('tabs around a value', {
    send: head('GET / HTTP/1.1', 'host: a', 'x-t:\t a\t '),
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-t: a
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
  f.exchange('content-length with leading zeros', {
    send: head('POST / HTTP/1.1', 'host: a', 'content-length: 03') + 'abc',
    sees: `
    > up
    POST / HTTP/1.1
    host: a
    content-length: 03
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
  f.exchange('chunk extensions are dropped', {
    send: head('POST / HTTP/1.1', 'host: a', 'transfer-encoding: chunked') + '3;a=b;c="d"\r\nabc\r\n0;z\r\n\r\n',
    sees: `
      > up
      POST / HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000
      transfer-encoding: chunked

      3
      abc
      0


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
  f.exchange('chunk sizes may be upper case with leading zeros', {
    send: head('POST / HTTP/1.1', 'host: a', 'transfer-encoding: chunked') + '000A\r\n0123456789\r\n00\r\n\r\n',
    sees: `
      > up
      POST / HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000
      transfer-encoding: chunked

      a
      0123456789
      0


      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=10 out=2
    `,
  })
  f.exchange('transfer-encoding in any case', {
    send: head('POST / HTTP/1.1', 'host: a', 'Transfer-Encoding: Chunked') + '1\r\na\r\n0\r\n\r\n',
    sees: `
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
  f.exchange('trailers of a request are dropped', {
    send: head('POST / HTTP/1.1', 'host: a', 'transfer-encoding: chunked') + '1\r\na\r\n0\r\nx-trailer: t\r\n\r\n',
    sees: `
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
  f.exchange('a head that arrives byte by byte', {
    send: [...get('/slow')],
    sees: `
    > up
    GET /slow HTTP/1.1
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
    'a chunked body that arrives byte by byte',
    {
      sees: `
    ab true
    log: HTTP/1.1 200 - via_upstream in=2 out=2
  `,
    },
    async scene => {
      const client = await scene.connect()
      for (const piece of [head('POST / HTTP/1.1', 'host: a', 'transfer-encoding: chunked'), ...'2\r\nab\r\n0\r\n\r\n'])
        await client.send(piece)
      await client.response()
      // How many chunks come out depends on the kernel; their content does not.
      const body = scene.upstream().requests[0]?.body.toString() ?? ''
      scene.note(`${body.replace(/[0-9a-f]+\r\n(\w*)\r\n/g, '$1')} ${body.endsWith('0\r\n\r\n')}`)
      await scene.sawLog()
    },
  )
  f.exchange('a header name of all token characters', {
    send: head('GET / HTTP/1.1', 'host: a', "x!#$%&'*+-.^_`|~9: v"),
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x!#$%&'*+-.^_\`|~9: v
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
  f.exchange('a path with characters a URI does not have', {
    send: head('GET /a"<>\\^`{|} HTTP/1.1', 'host: a'),
    sees: `
    > up
    GET /a"<>\\\\^\`{|} HTTP/1.1
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
  f.exchange('a path with bytes above 127', {
    send: head('GET /caf\xe9 HTTP/1.1', 'host: a'),
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
  })
  f.exchange('a host with a port', {
    send: head('GET / HTTP/1.1', 'host: a.example:8080'),
    sees: `
    > up
    GET / HTTP/1.1
    host: a.example:8080
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
})
