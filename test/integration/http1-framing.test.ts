// How HTTP/1 requests are told apart: start line, header lines, body framing. What Envoy forgives, and what it refuses.
import { answer, get, head, post } from '../support/bytes.js'
import { http } from '../support/config.js'
import { feature } from '../support/scenario.js'

feature('a request passes through', { file: import.meta.url, listeners: [http('main')] }, (f) => {
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

feature('forgiven', { file: import.meta.url, listeners: [http('main')] }, (f) => {
  f.exchange('a bare LF ends a line', { send: 'GET /lf HTTP/1.1\nhost: a\nx-a: b\n\n', sees: `
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
  ` })
  f.exchange('CRLF and LF mixed', { send: 'GET /lf HTTP/1.1\r\nhost: a\nx-a: b\r\n\n', sees: `
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
  ` })
  f.exchange('obs-fold with a space is joined', { send: head('GET / HTTP/1.1', 'host: a', 'x-f: one', ' two'), sees: `
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
  ` })
  f.exchange('obs-fold with a tab is joined', { send: head('GET / HTTP/1.1', 'host: a', 'x-f: one', '\t  two', '\tthree'), sees: `
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
  ` })
  f.exchange('an empty line before the request', { send: `\r\n${get('/crlf')}`, sees: `
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
  ` })
  f.exchange('several empty lines before the request', { send: `\r\n\r\n\r\n${get('/crlf')}`, sees: `
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
  ` })
  f.exchange('a bare LF before the request', { send: `\n${get('/crlf')}`, sees: `
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
  ` })
  f.exchange('spaces in the request line are one', { send: head('GET   /sp   HTTP/1.1', 'host: a'), sees: `
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
  ` })
  f.exchange('a tab in the request line is a space', { send: head('GET\t/tab\tHTTP/1.1', 'host: a'), sees: `
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
  ` })
  f.exchange('spaces after the version', { send: head('GET /sp HTTP/1.1  ', 'host: a'), sees: `
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
  ` })
  f.exchange('a space before the method', { send: head(' GET /sp HTTP/1.1', 'host: a'), sees: `
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
  ` })
  f.exchange('a bare CR inside a value', { send: head('GET / HTTP/1.1', 'host: a', 'x-cr: on\re'), sees: `
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
  ` })
  f.exchange('a tab inside a value', { send: head('GET / HTTP/1.1', 'host: a', 'x-t: a\tb'), sees: `
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
  ` })
  f.exchange('tabs around a value', { send: head('GET / HTTP/1.1', 'host: a', 'x-t:\t a\t '), sees: `
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
  ` })
  f.exchange('content-length with leading zeros', { send: head('POST / HTTP/1.1', 'host: a', 'content-length: 03') + 'abc', sees: `
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
  ` })
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
  f.exchange('a head that arrives byte by byte', { send: [...get('/slow')], sees: `
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
  ` })
  f.scenario('a chunked body that arrives byte by byte', { sees: `
    ab true
    log: HTTP/1.1 200 - via_upstream in=2 out=2
  ` }, async (scene) => {
    const client = await scene.connect()
    for (const piece of [head('POST / HTTP/1.1', 'host: a', 'transfer-encoding: chunked'), ...'2\r\nab\r\n0\r\n\r\n']) await client.send(piece)
    await client.response()
    // How many chunks come out depends on the kernel; their content does not.
    const body = scene.upstream().requests[0]?.body.toString() ?? ''
    scene.note(`${body.replace(/[0-9a-f]+\r\n(\w*)\r\n/g, '$1')} ${body.endsWith('0\r\n\r\n')}`)
    await scene.sawLog()
  })
  f.exchange('a header name of all token characters', { send: head('GET / HTTP/1.1', 'host: a', "x!#$%&'*+-.^_`|~9: v"), sees: `
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
  ` })
  f.exchange('a path with characters a URI does not have', { send: head('GET /a"<>\\^`{|} HTTP/1.1', 'host: a'), sees: `
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
  ` })
  f.exchange('a path with bytes above 127', { send: head('GET /caf\xe9 HTTP/1.1', 'host: a'), sees: `
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
  ` })
  f.exchange('a host with a port', { send: head('GET / HTTP/1.1', 'host: a.example:8080'), sees: `
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
  ` })
})

feature('refused', { file: import.meta.url, listeners: [http('main')] }, (f) => {
  f.exchange('HTTP/1.2 is answered 426', { send: head('GET / HTTP/1.2', 'host: a'), sees: `
    < client
    HTTP/1.1 426 Upgrade Required
    content-length: 16
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Upgrade Required
    (closed)
    log: HTTP/1.1 426 DPE low_version in=0 out=16
  ` })
  f.exchange('HTTP/2.0 in a request line is answered 426', { send: head('GET / HTTP/2.0', 'host: a'), sees: `
    < client
    HTTP/1.1 426 Upgrade Required
    content-length: 16
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Upgrade Required
    (closed)
    log: HTTP/1.1 426 DPE low_version in=0 out=16
  ` })
  f.exchange('HTTP/1.0 is answered 426', { send: head('GET / HTTP/1.0', 'host: a'), sees: `
    < client
    HTTP/1.1 426 Upgrade Required
    content-length: 16
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Upgrade Required
    (closed)
    log: HTTP/1.1 426 DPE low_version in=0 out=16
  ` })
  f.exchange('HTTP/0.9: a request line without version', { send: 'GET /\r\n\r\n', sees: `
    < client
    HTTP/1.1 426 Upgrade Required
    content-length: 16
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Upgrade Required
    (closed)
    log: HTTP/1.1 426 DPE low_version in=0 out=16
  ` })
  f.exchange('a version that is no version', { send: head('GET / HTTX/1.1', 'host: a'), sees: `
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
  ` })
  f.exchange('a version without minor', { send: head('GET / HTTP/1', 'host: a'), sees: `
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
  ` })
  f.exchange('a version in lower case', { send: head('GET / http/1.1', 'host: a'), sees: `
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
  ` })
  f.exchange('no host header', { send: head('GET / HTTP/1.1', 'x: y'), sees: `
    < client
    HTTP/1.1 400 Bad Request
    date: DATE
    server: envoy
    connection: close
    content-length: 0

    (closed)
    log: HTTP/1.1 400 - missing_host_header in=0 out=0
  ` })
  f.exchange('an empty host header', { send: head('GET / HTTP/1.1', 'host:'), sees: `
    > up
    GET / HTTP/1.1
    host:
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
  f.exchange('two host headers', { send: head('GET / HTTP/1.1', 'host: a', 'host: b'), sees: `
    > up
    GET / HTTP/1.1
    host: a,b
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
  f.exchange('two equal host headers', { send: head('GET / HTTP/1.1', 'host: a', 'host: a'), sees: `
    > up
    GET / HTTP/1.1
    host: a,a
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
  f.exchange('a host with a space', { send: head('GET / HTTP/1.1', 'host: a b'), sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http.invalid_authority in=0 out=11
  ` })
  f.exchange('a host with a slash', { send: head('GET / HTTP/1.1', 'host: a/b'), sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http.invalid_authority in=0 out=11
  ` })
  f.exchange('a host with userinfo', { send: head('GET / HTTP/1.1', 'host: u@a'), sees: `
    > up
    GET / HTTP/1.1
    host: u@a
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
  f.exchange('an unknown method', { send: head('FOO / HTTP/1.1', 'host: a'), sees: `
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
  ` })
  f.exchange('a method in lower case', { send: head('get / HTTP/1.1', 'host: a'), sees: `
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
  ` })
  f.exchange('known methods beyond the usual', { send: head('PROPFIND / HTTP/1.1', 'host: a'), sees: `
    > up
    PROPFIND / HTTP/1.1
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
  ` })
  f.exchange('PATCH', { send: head('PATCH / HTTP/1.1', 'host: a', 'content-length: 1') + 'p', sees: `
    > up
    PATCH / HTTP/1.1
    host: a
    content-length: 1
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    p
    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=1 out=2
  ` })
  f.exchange('TRACE', { send: head('TRACE / HTTP/1.1', 'host: a'), sees: `
    > up
    TRACE / HTTP/1.1
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
  f.exchange('a space before the colon', { send: head('GET / HTTP/1.1', 'host: a', 'x-a : b'), sees: `
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
  ` })
  f.exchange('a tab before the colon', { send: head('GET / HTTP/1.1', 'host: a', 'x-a\t: b'), sees: `
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
  ` })
  f.exchange('a line without colon', { send: head('GET / HTTP/1.1', 'host: a', 'nocolon'), sees: `
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
  ` })
  f.exchange('a line that starts with a colon', { send: head('GET / HTTP/1.1', 'host: a', ': v'), sees: `
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
  ` })
  f.exchange('a header name with a space inside', { send: head('GET / HTTP/1.1', 'host: a', 'x a: v'), sees: `
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
  ` })
  f.exchange('a header name with a byte above 127', { send: head('GET / HTTP/1.1', 'host: a', 'x\xe9: v'), sees: `
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
  ` })
  f.exchange('a header name with parentheses', { send: head('GET / HTTP/1.1', 'host: a', 'x(y): v'), sees: `
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
  ` })
  f.exchange('a first header line that starts with a space', { send: head('GET / HTTP/1.1', ' host: a'), sees: `
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
  ` })
  f.exchange('NUL in a value', { send: head('GET / HTTP/1.1', 'host: a', 'x-n: a\0b'), sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.invalid_characters in=0 out=11
  ` })
  f.exchange('NUL in a name', { send: head('GET / HTTP/1.1', 'host: a', 'x\0n: b'), sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.invalid_characters in=0 out=11
  ` })
  f.exchange('NUL in the path', { send: head('GET /\0 HTTP/1.1', 'host: a'), sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.invalid_characters in=0 out=11
  ` })
  f.exchange('a control character in a value', { send: head('GET / HTTP/1.1', 'host: a', 'x-c: a\x01b'), sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.invalid_characters in=0 out=11
  ` })
  f.exchange('DEL in a value', { send: head('GET / HTTP/1.1', 'host: a', 'x-c: a\x7fb'), sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.invalid_characters in=0 out=11
  ` })
  f.exchange('a control character in the path', { send: head('GET /\x01 HTTP/1.1', 'host: a'), sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.invalid_characters in=0 out=11
  ` })
  f.exchange('DEL in the path', { send: head('GET /\x7f HTTP/1.1', 'host: a'), sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.invalid_characters in=0 out=11
  ` })
  f.exchange('a path that does not start with a slash', { send: head('GET abc HTTP/1.1', 'host: a'), sees: `
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
  ` })
  f.exchange('a path with a fragment', { send: head('GET /a#b HTTP/1.1', 'host: a'), sees: `
    < client
    HTTP/1.1 400 Bad Request
    date: DATE
    server: envoy
    connection: close
    content-length: 0

    (closed)
    log: HTTP/1.1 400 - path_normalization_failed in=0 out=0
  ` })
  f.exchange('garbage', { send: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', log: 1, sees: `
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
  ` })
  f.exchange('a request line of two spaces only', { send: '  \r\n\r\n', responses: 0, until: 'close', log: 0, sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
  ` })
  f.exchange('the HTTP/2 preface cut short by an HTTP/1 request', { send: 'PRI * HTTP/1.1\r\nhost: a\r\n\r\n', sees: `
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
  ` })
})

feature('body framing refused', { file: import.meta.url, listeners: [http('main')] }, (f) => {
  const te = (...lines: string[]): string => head('POST / HTTP/1.1', 'host: a', ...lines)
  f.exchange('content-length and transfer-encoding', {
    send: te('content-length: 5', 'transfer-encoding: chunked') + '0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n',
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
      log: HTTP/1.1 400 DPE http1.content_length_and_chunked_not_allowed in=0 out=11
    `,
  })
  f.exchange('transfer-encoding and content-length', {
    send: te('transfer-encoding: chunked', 'content-length: 5') + '0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n',
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
      log: HTTP/1.1 400 DPE http1.content_length_and_chunked_not_allowed in=0 out=11
    `,
  })
  f.exchange('two different content-lengths', { send: te('content-length: 3', 'content-length: 4') + 'abcd', sees: `
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
  ` })
  f.exchange('two equal content-lengths', { send: te('content-length: 3', 'content-length: 3') + 'abc', sees: `
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
  ` })
  f.exchange('a content-length list of equal values', { send: te('content-length: 3, 3') + 'abc', sees: `
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
  ` })
  f.exchange('a content-length list of different values', { send: te('content-length: 3, 4') + 'abc', sees: `
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
  ` })
  f.exchange('a negative content-length', { send: te('content-length: -1') + 'abc', sees: `
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
  ` })
  f.exchange('a content-length with a plus', { send: te('content-length: +3') + 'abc', sees: `
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
  ` })
  f.exchange('a content-length that is no number', { send: te('content-length: abc') + 'abc', sees: `
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
  ` })
  f.exchange('a content-length with trailing letters', { send: te('content-length: 3x') + 'abc', sees: `
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
  ` })
  f.exchange('an empty content-length', { send: te('content-length:') + 'abc', sees: `
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
  ` })
  f.exchange('a hexadecimal content-length', { send: te('content-length: 0x3') + 'abc', sees: `
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
  ` })
  f.exchange('a content-length beyond 64 bits', { send: te('content-length: 18446744073709551616') + 'abc', sees: `
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
  ` })
  f.exchange('a content-length with a space inside', { send: te('content-length: 3 3') + 'abc', sees: `
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
  ` })
  f.exchange('transfer-encoding identity', { send: te('transfer-encoding: identity') + 'abc', sees: `
    < client
    HTTP/1.1 501 Not Implemented
    content-length: 15
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Not Implemented
    (closed)
    log: HTTP/1.1 501 DPE http1.invalid_transfer_encoding in=0 out=15
  ` })
  f.exchange('transfer-encoding gzip', { send: te('transfer-encoding: gzip') + 'abc', sees: `
    < client
    HTTP/1.1 501 Not Implemented
    content-length: 15
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Not Implemented
    (closed)
    log: HTTP/1.1 501 DPE http1.invalid_transfer_encoding in=0 out=15
  ` })
  f.exchange('transfer-encoding gzip, chunked', { send: te('transfer-encoding: gzip, chunked') + '0\r\n\r\n', sees: `
    < client
    HTTP/1.1 501 Not Implemented
    content-length: 15
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Not Implemented
    (closed)
    log: HTTP/1.1 501 DPE http1.invalid_transfer_encoding in=0 out=15
  ` })
  f.exchange('transfer-encoding chunked, gzip', { send: te('transfer-encoding: chunked, gzip') + '0\r\n\r\n', sees: `
    < client
    HTTP/1.1 501 Not Implemented
    content-length: 15
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Not Implemented
    (closed)
    log: HTTP/1.1 501 DPE http1.invalid_transfer_encoding in=0 out=15
  ` })
  f.exchange('transfer-encoding chunked, chunked', { send: te('transfer-encoding: chunked, chunked') + '0\r\n\r\n', sees: `
    < client
    HTTP/1.1 501 Not Implemented
    content-length: 15
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Not Implemented
    (closed)
    log: HTTP/1.1 501 DPE http1.invalid_transfer_encoding in=0 out=15
  ` })
  f.exchange('transfer-encoding in two lines', { send: te('transfer-encoding: chunked', 'transfer-encoding: chunked') + '0\r\n\r\n', sees: `
    < client
    HTTP/1.1 501 Not Implemented
    content-length: 15
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Not Implemented
    (closed)
    log: HTTP/1.1 501 DPE http1.invalid_transfer_encoding in=0 out=15
  ` })
  f.exchange('transfer-encoding chunked and identity in two lines', { send: te('transfer-encoding: chunked', 'transfer-encoding: identity') + '0\r\n\r\n', sees: `
    < client
    HTTP/1.1 501 Not Implemented
    content-length: 15
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Not Implemented
    (closed)
    log: HTTP/1.1 501 DPE http1.invalid_transfer_encoding in=0 out=15
  ` })
  f.exchange('transfer-encoding xchunked', { send: te('transfer-encoding: xchunked') + '0\r\n\r\n', sees: `
    < client
    HTTP/1.1 501 Not Implemented
    content-length: 15
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Not Implemented
    (closed)
    log: HTTP/1.1 501 DPE http1.invalid_transfer_encoding in=0 out=15
  ` })
  f.exchange('transfer-encoding with a vertical tab', { send: te('transfer-encoding: \x0bchunked') + '0\r\n\r\n', sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.invalid_characters in=0 out=11
  ` })
  f.exchange('transfer-encoding with a trailing tab', { send: te('transfer-encoding: chunked\t') + '0\r\n\r\n', sees: `
    > up
    POST / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    transfer-encoding: chunked

    0


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
  f.exchange('an empty transfer-encoding', { send: te('transfer-encoding:') + '0\r\n\r\n', sees: `
    < client
    HTTP/1.1 501 Not Implemented
    content-length: 15
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Not Implemented
    (closed)
    log: HTTP/1.1 501 DPE http1.invalid_transfer_encoding in=0 out=15
  ` })
  f.exchange('transfer-encoding folded over two lines', { send: te('transfer-encoding:', ' chunked') + '0\r\n\r\n', sees: `
    > up
    POST / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    transfer-encoding: chunked

    0


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
  f.exchange('transfer-encoding with a space before the colon', { send: te('transfer-encoding : chunked') + '0\r\n\r\n', sees: `
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
  ` })
  f.exchange('transfer_encoding with an underscore is just a header', { send: te('transfer_encoding: chunked', 'content-length: 3') + 'abc', sees: `
    > up
    POST / HTTP/1.1
    host: a
    transfer_encoding: chunked
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
  f.exchange('a chunk size that is no number', { send: te('transfer-encoding: chunked') + 'zz\r\nabc\r\n0\r\n\r\n', sees: `
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
  ` })
  f.exchange('a chunk size with 0x', { send: te('transfer-encoding: chunked') + '0x3\r\nabc\r\n0\r\n\r\n', sees: `
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
  ` })
  f.exchange('a negative chunk size', { send: te('transfer-encoding: chunked') + '-3\r\nabc\r\n0\r\n\r\n', sees: `
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
  ` })
  f.exchange('an empty chunk size', { send: te('transfer-encoding: chunked') + '\r\nabc\r\n0\r\n\r\n', sees: `
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
  ` })
  f.exchange('a chunk size beyond 64 bits', { send: te('transfer-encoding: chunked') + '10000000000000003\r\nabc\r\n0\r\n\r\n', sees: `
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
  ` })
  f.exchange('a chunk longer than its size', { send: te('transfer-encoding: chunked') + '3\r\nabcdef\r\n0\r\n\r\n', sees: `
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
  ` })
  f.exchange('a chunk size with a space before the CRLF', { send: te('transfer-encoding: chunked') + '3 \r\nabc\r\n0\r\n\r\n', sees: `
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
  ` })
  f.exchange('a chunk size ended by a bare LF', { send: te('transfer-encoding: chunked') + '3\nabc\r\n0\r\n\r\n', sees: `
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
  ` })
  f.exchange('chunk data ended by a bare LF', { send: te('transfer-encoding: chunked') + '3\r\nabc\n0\r\n\r\n', sees: `
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
  ` })
  f.exchange('the last chunk ended by bare LFs', { send: te('transfer-encoding: chunked') + '3\r\nabc\r\n0\n\n', sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=3 out=11
  ` })
  f.exchange('a bare CR in a chunk extension', { send: te('transfer-encoding: chunked') + '3;a\rb\r\nabc\r\n0\r\n\r\n', sees: `
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
  ` })
  f.exchange('a bare LF in a chunk extension', { send: te('transfer-encoding: chunked') + '3;a\n\r\nabc\r\n0\r\n\r\n', log: 1, sees: `
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
  ` })
  f.exchange('a trailer line without colon', { send: te('transfer-encoding: chunked') + '0\r\nbad trailer\r\n\r\n', sees: `
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
  ` })
  f.exchange('content-length in a trailer', { send: te('transfer-encoding: chunked') + '0\r\ncontent-length: 5\r\n\r\n', sees: `
    > up
    POST / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    transfer-encoding: chunked

    0


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
  f.exchange('a body shorter than content-length, then the end', { send: te('content-length: 10') + 'abc', halfClose: true, responses: 0, until: 'close', log: 1, sees: `
    < client
    (closed)
    log: HTTP/1.1 0 DC downstream_remote_disconnect in=3 out=0
  ` })
  f.exchange('a chunked body cut off by the end', { send: te('transfer-encoding: chunked') + '5\r\nab', halfClose: true, responses: 0, until: 'close', log: 1, sees: `
    < client
    (closed)
    log: HTTP/1.1 0 DC downstream_remote_disconnect in=2 out=0
  ` })
  f.exchange('a head cut off by the end', { send: 'GET / HTTP/1.1\r\nhost: a\r\nx-', halfClose: true, responses: 0, until: 'close', log: 0, sees: `
    < client
    (closed)
  ` })
})
