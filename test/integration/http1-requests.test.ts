// What an ordinary request looks like on its way.
import { answer, get, head, post } from '../support/bytes.js'
import { http } from '../support/config.js'
import { feature } from '../support/scenario.js'

feature('a request passes through', { file: import.meta.url, listeners: [http('main')] }, f => {
  f.exchange('a GET reaches the upstream with the headers a proxy adds', {
    send: get('/hello'),
    reply: answer(200, 'hello'),
    sees: `
      > up
      GET /hello HTTP/1.1
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

      hello
      (open)
      log: HTTP/1.1 200 - via_upstream in=0 out=5
    `,
  })
  f.exchange('a POST passes its body', {
    send: post('/p', 'abc'),
    reply: answer(200, 'hello'),
    sees: `
      > up
      POST /p HTTP/1.1
      host: a
      content-length: 3
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      abc
      < client
      HTTP/1.1 200 OK
      content-length: 5
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      hello
      (open)
      log: HTTP/1.1 200 - via_upstream in=3 out=5
    `,
  })
  f.exchange('a chunked body is passed on chunked, in chunks of the proxy', {
    send: head('POST / HTTP/1.1', 'host: a', 'transfer-encoding: chunked') + '3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n',
    sees: `
      > up
      POST / HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000
      transfer-encoding: chunked

      5
      abcde
      0


      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=5 out=2
    `,
  })
  f.exchange('a GET may have a body', {
    send: head('GET / HTTP/1.1', 'host: a', 'content-length: 4') + 'body',
    sees: `
      > up
      GET / HTTP/1.1
      host: a
      content-length: 4
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      body
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=4 out=2
    `,
  })
  f.exchange('a POST without content-length has no body', {
    send: head('POST / HTTP/1.1', 'host: a'),
    sees: `
      > up
      POST / HTTP/1.1
      host: a
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
    `,
  })
  f.exchange('a DELETE with content-length 0', {
    send: head('DELETE /x HTTP/1.1', 'host: a', 'content-length: 0'),
    sees: `
      > up
      DELETE /x HTTP/1.1
      host: a
      content-length: 0
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
  f.exchange('header names are lower-cased, values kept, order kept', {
    send: head('GET / HTTP/1.1', 'Host: A.Example', 'X-Zed: One', 'x-alpha:two', 'X-ZED:  three  '),
    reply: answer(200, '', 'X-Upper: Value', 'Set-Cookie: a=1', 'set-cookie: b=2', 'X-Empty:'),
    sees: `
      > up
      GET / HTTP/1.1
      host: A.Example
      x-zed: One
      x-alpha: two
      x-zed: three
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 200 OK
      content-length: 0
      x-upper: Value
      set-cookie: a=1
      set-cookie: b=2
      x-empty:
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      (open)
      log: HTTP/1.1 200 - via_upstream in=0 out=0
    `,
  })
  f.exchange('OPTIONS * is refused without a route for it', {
    send: head('OPTIONS * HTTP/1.1', 'host: a'),
    sees: `
      < client
      HTTP/1.1 404 Not Found
      date: DATE
      server: envoy
      content-length: 0

      (open)
      log: HTTP/1.1 404 - absolute_path_rejected in=0 out=0
    `,
  })
  f.exchange('a query passes unchanged', {
    send: get('/a?b=c&d=%20e?f'),
    sees: `
      > up
      GET /a?b=c&d=%20e?f HTTP/1.1
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
  f.exchange('bytes above 127 in a header value pass', {
    send: head('GET / HTTP/1.1', 'host: a', 'x-b: caf\xe9'),
    sees: `
      > up
      GET / HTTP/1.1
      host: a
      x-b: caf\\xe9
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
  f.exchange('an empty header value passes', {
    send: head('GET / HTTP/1.1', 'host: a', 'x-empty:', 'x-spaces:   '),
    sees: `
      > up
      GET / HTTP/1.1
      host: a
      x-empty:
      x-spaces:
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
  f.exchange('a repeated header stays repeated', {
    send: head('GET / HTTP/1.1', 'host: a', 'x-r: 1', 'x-s: 0', 'x-r: 2'),
    sees: `
      > up
      GET / HTTP/1.1
      host: a
      x-r: 1
      x-s: 0
      x-r: 2
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
