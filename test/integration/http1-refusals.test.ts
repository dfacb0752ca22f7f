// Requests whose start line or headers are refused.
import { head } from '../support/bytes.js'
import { http } from '../support/config.js'
import { feature } from '../support/scenario.js'

feature('refused', { file: import.meta.url, listeners: [http('main')] }, f => {
  f.exchange('HTTP/1.2 is answered 426', {
    send: head('GET / HTTP/1.2', 'host: a'),
    sees: `
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
  `,
  })
  f.exchange('HTTP/2.0 in a request line is answered 426', {
    send: head('GET / HTTP/2.0', 'host: a'),
    sees: `
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
  `,
  })
  f.exchange('HTTP/1.0 is answered 426', {
    send: head('GET / HTTP/1.0', 'host: a'),
    sees: `
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
  `,
  })
  f.exchange('HTTP/0.9: a request line without version', {
    send: 'GET /\r\n\r\n',
    sees: `
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
  `,
  })
  f.exchange('a version that is no version', {
    send: head('GET / HTTX/1.1', 'host: a'),
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
  f.exchange('three words of which none is of HTTP', {
    send: 'INVALID CONNECTION PREFACE\r\n\r\n',
    until: 'close',
    log: 0,
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
    `,
    nuncio: {
      because: 'a client that meant an HTTP/2 preface cannot read an answer in HTTP/1.1',
      instead: `
    < client
    (closed)
  `,
    },
  })
  f.exchange('a version without minor', {
    send: head('GET / HTTP/1', 'host: a'),
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
  f.exchange('a version in lower case', {
    send: head('GET / http/1.1', 'host: a'),
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
  f.exchange('no host header', {
    send: head('GET / HTTP/1.1', 'x: y'),
    sees: `
    < client
    HTTP/1.1 400 Bad Request
    date: DATE
    server: envoy
    connection: close
    content-length: 0

    (closed)
    log: HTTP/1.1 400 - missing_host_header in=0 out=0
  `,
  })
  f.exchange('an empty host header', {
    send: head('GET / HTTP/1.1', 'host:'),
    sees: `
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
  `,
  })
  f.exchange('two host headers', {
    send: head('GET / HTTP/1.1', 'host: a', 'host: b'),
    sees: `
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
  `,
  })
  f.exchange('two equal host headers', {
    send: head('GET / HTTP/1.1', 'host: a', 'host: a'),
    sees: `
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
  `,
  })
  f.exchange('a host with a space', {
    send: head('GET / HTTP/1.1', 'host: a b'),
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
    log: HTTP/1.1 400 DPE http.invalid_authority in=0 out=11
  `,
  })
  f.exchange('a host with a slash', {
    send: head('GET / HTTP/1.1', 'host: a/b'),
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
    log: HTTP/1.1 400 DPE http.invalid_authority in=0 out=11
  `,
  })
  f.exchange('a host with userinfo', {
    send: head('GET / HTTP/1.1', 'host: u@a'),
    sees: `
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
  `,
  })
  f.exchange('an unknown method', {
    send: head('FOO / HTTP/1.1', 'host: a'),
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
  f.exchange('a method in lower case', {
    send: head('get / HTTP/1.1', 'host: a'),
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
  f.exchange('known methods beyond the usual', {
    send: head('PROPFIND / HTTP/1.1', 'host: a'),
    sees: `
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
  `,
  })
  f.exchange('PATCH', {
    send: head('PATCH / HTTP/1.1', 'host: a', 'content-length: 1') + 'p',
    sees: `
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
  `,
  })
  f.exchange('TRACE', {
    send: head('TRACE / HTTP/1.1', 'host: a'),
    sees: `
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
  `,
  })
  f.exchange('a space before the colon', {
    send: head('GET / HTTP/1.1', 'host: a', 'x-a : b'),
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
  f.exchange('a tab before the colon', {
    send: head('GET / HTTP/1.1', 'host: a', 'x-a\t: b'),
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
  f.exchange('a line without colon', {
    send: head('GET / HTTP/1.1', 'host: a', 'nocolon'),
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
  f.exchange('a line that starts with a colon', {
    send: head('GET / HTTP/1.1', 'host: a', ': v'),
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
  f.exchange('a header name with a space inside', {
    send: head('GET / HTTP/1.1', 'host: a', 'x a: v'),
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
  f.exchange('a header name with a byte above 127', {
    send: head('GET / HTTP/1.1', 'host: a', 'x\xe9: v'),
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
  f.exchange('a header name with parentheses', {
    send: head('GET / HTTP/1.1', 'host: a', 'x(y): v'),
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
  f.exchange('a first header line that starts with a space', {
    send: head('GET / HTTP/1.1', ' host: a'),
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
  f.exchange('NUL in a value', {
    send: head('GET / HTTP/1.1', 'host: a', 'x-n: a\0b'),
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
    log: HTTP/1.1 400 DPE http1.invalid_characters in=0 out=11
  `,
  })
  f.exchange('NUL in a name', {
    send: head('GET / HTTP/1.1', 'host: a', 'x\0n: b'),
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
    log: HTTP/1.1 400 DPE http1.invalid_characters in=0 out=11
  `,
  })
  f.exchange('NUL in the path', {
    send: head('GET /\0 HTTP/1.1', 'host: a'),
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
    log: HTTP/1.1 400 DPE http1.invalid_characters in=0 out=11
  `,
  })
  f.exchange('a control character in a value', {
    send: head('GET / HTTP/1.1', 'host: a', 'x-c: a\x01b'),
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
    log: HTTP/1.1 400 DPE http1.invalid_characters in=0 out=11
  `,
  })
  f.exchange('DEL in a value', {
    send: head('GET / HTTP/1.1', 'host: a', 'x-c: a\x7fb'),
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
    log: HTTP/1.1 400 DPE http1.invalid_characters in=0 out=11
  `,
  })
  f.exchange('a control character in the path', {
    send: head('GET /\x01 HTTP/1.1', 'host: a'),
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
    log: HTTP/1.1 400 DPE http1.invalid_characters in=0 out=11
  `,
  })
  f.exchange('DEL in the path', {
    send: head('GET /\x7f HTTP/1.1', 'host: a'),
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
    log: HTTP/1.1 400 DPE http1.invalid_characters in=0 out=11
  `,
  })
  f.exchange('a path that does not start with a slash', {
    send: head('GET abc HTTP/1.1', 'host: a'),
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
  f.exchange('a path with a fragment', {
    send: head('GET /a#b HTTP/1.1', 'host: a'),
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
  f.exchange('garbage', {
    send: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    log: 1,
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
  f.exchange('a request line of two spaces only', {
    send: '  \r\n\r\n',
    responses: 0,
    until: 'close',
    log: 0,
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
  `,
  })
  f.exchange('the HTTP/2 preface cut short by an HTTP/1 request', {
    send: 'PRI * HTTP/1.1\r\nhost: a\r\n\r\n',
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
})
