// What an upstream may send, and what becomes of it.
import { answer, get, head } from '../support/bytes.js'
import { http } from '../support/config.js'
import { thenClose, thenReset } from '../support/fake-upstream.js'
import { feature } from '../support/scenario.js'

const _headers = (count: number): string[] => Array.from({ length: count }, (_, index) => `x-${index}: v`)

feature('what an upstream sends', { file: import.meta.url, listeners: [http('main')] }, f => {
  f.exchange('not HTTP at all', {
    send: get('/'),
    reply: thenClose('SSH-2.0-OpenSSH\r\n'),
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 502 Bad Gateway
    content-length: 87
    content-type: text/plain
    date: DATE
    server: envoy

    upstream connect error or disconnect/reset before headers. reset reason: protocol error
    (open)
    log: HTTP/1.1 502 UPE upstream_reset_before_response_started{protocol_error} in=0 out=87
  `,
  })
  f.exchange('status 600', {
    send: get('/'),
    reply: answer('600 Whatever', 'x'),
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 600 Unknown
    content-length: 1
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    x
    (open)
    log: HTTP/1.1 600 - via_upstream in=0 out=1
  `,
  })
  f.exchange('status 2000', {
    send: get('/'),
    reply: answer('2000 Whatever', 'x'),
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 2000 Unknown
    content-length: 1
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    x
    (open)
    log: HTTP/1.1 2000 - via_upstream in=0 out=1
  `,
  })
  f.exchange('status 99', {
    send: get('/'),
    reply: answer('99 Low', 'x'),
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 502 Bad Gateway
    content-length: 87
    content-type: text/plain
    date: DATE
    server: envoy

    upstream connect error or disconnect/reset before headers. reset reason: protocol error
    (open)
    log: HTTP/1.1 502 UPE upstream_reset_before_response_started{protocol_error} in=0 out=87
  `,
  })
  f.exchange('status 0', {
    send: get('/'),
    reply: answer('0 Zero', 'x'),
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 502 Bad Gateway
    content-length: 87
    content-type: text/plain
    date: DATE
    server: envoy

    upstream connect error or disconnect/reset before headers. reset reason: protocol error
    (open)
    log: HTTP/1.1 502 UPE upstream_reset_before_response_started{protocol_error} in=0 out=87
  `,
  })
  f.exchange('a status that is no number', {
    send: get('/'),
    reply: answer('abc', 'x'),
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 502 Bad Gateway
    content-length: 87
    content-type: text/plain
    date: DATE
    server: envoy

    upstream connect error or disconnect/reset before headers. reset reason: protocol error
    (open)
    log: HTTP/1.1 502 UPE upstream_reset_before_response_started{protocol_error} in=0 out=87
  `,
  })
  f.exchange('a reason of its own is replaced by the usual one', {
    send: get('/'),
    reply: answer('404 My Own Words', 'x'),
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 404 Not Found
    content-length: 1
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    x
    (open)
    log: HTTP/1.1 404 - via_upstream in=0 out=1
  `,
  })
  f.exchange('no reason', {
    send: get('/'),
    reply: answer('200', 'x'),
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    content-length: 1
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    x
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  `,
  })
  f.exchange('an unassigned status', {
    send: get('/'),
    reply: answer('299 Odd', 'x'),
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 299 Unknown
    content-length: 1
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    x
    (open)
    log: HTTP/1.1 299 - via_upstream in=0 out=1
  `,
  })
  f.exchange('status 418', {
    send: get('/'),
    reply: answer('418 Teapot', 'x'),
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 418 Unknown
    content-length: 1
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    x
    (open)
    log: HTTP/1.1 418 - via_upstream in=0 out=1
  `,
  })
  f.exchange('status 425', {
    send: get('/'),
    reply: answer('425 Early', 'x'),
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 425 Too Early
    content-length: 1
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    x
    (open)
    log: HTTP/1.1 425 - via_upstream in=0 out=1
  `,
  })
  f.exchange('bare LF in a response', {
    send: get('/'),
    reply: 'HTTP/1.1 200 OK\ncontent-length: 1\nx: y\n\nz',
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    content-length: 1
    x: y
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    z
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  `,
  })
  f.exchange('obs-fold in a response', {
    send: get('/'),
    reply: answer(200, 'x', 'x-f: a', ' b'),
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    content-length: 1
    x-f: a b
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    x
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  `,
  })
  f.exchange('content-length and transfer-encoding in a response', {
    send: get('/'),
    reply: `${head('HTTP/1.1 200 OK', 'content-length: 5', 'transfer-encoding: chunked')}1\r\na\r\n0\r\n\r\n`,
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 502 Bad Gateway
    content-length: 87
    content-type: text/plain
    date: DATE
    server: envoy

    upstream connect error or disconnect/reset before headers. reset reason: protocol error
    (open)
    log: HTTP/1.1 502 UPE upstream_reset_before_response_started{protocol_error} in=0 out=87
  `,
  })
  f.exchange('two different content-lengths in a response', {
    send: get('/'),
    reply: `${head('HTTP/1.1 200 OK', 'content-length: 1', 'content-length: 2')}ab`,
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 502 Bad Gateway
    content-length: 87
    content-type: text/plain
    date: DATE
    server: envoy

    upstream connect error or disconnect/reset before headers. reset reason: protocol error
    (open)
    log: HTTP/1.1 502 UPE upstream_reset_before_response_started{protocol_error} in=0 out=87
  `,
  })
  f.exchange('two equal content-lengths in a response', {
    send: get('/'),
    reply: `${head('HTTP/1.1 200 OK', 'content-length: 1', 'content-length: 1')}a`,
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 502 Bad Gateway
    content-length: 87
    content-type: text/plain
    date: DATE
    server: envoy

    upstream connect error or disconnect/reset before headers. reset reason: protocol error
    (open)
    log: HTTP/1.1 502 UPE upstream_reset_before_response_started{protocol_error} in=0 out=87
  `,
  })
  f.exchange('a bad chunk size in a response', {
    send: get('/'),
    reply: `${head('HTTP/1.1 200 OK', 'transfer-encoding: chunked')}zz\r\na\r\n0\r\n\r\n`,
    until: 'close',
    log: 1,
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

    (closed)
    log: HTTP/1.1 200 UPE upstream_reset_after_response_started{protocol_error} in=0 out=0
  `,
  })
  f.exchange('transfer-encoding gzip in a response', {
    send: get('/'),
    reply: `${head('HTTP/1.1 200 OK', 'transfer-encoding: gzip')}abc`,
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 502 Bad Gateway
    content-length: 87
    content-type: text/plain
    date: DATE
    server: envoy

    upstream connect error or disconnect/reset before headers. reset reason: protocol error
    (open)
    log: HTTP/1.1 502 UPE upstream_reset_before_response_started{protocol_error} in=0 out=87
  `,
  })
  f.exchange('a header with a space before the colon in a response', {
    send: get('/'),
    reply: answer(200, 'x', 'x : y'),
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 502 Bad Gateway
    content-length: 87
    content-type: text/plain
    date: DATE
    server: envoy

    upstream connect error or disconnect/reset before headers. reset reason: protocol error
    (open)
    log: HTTP/1.1 502 UPE upstream_reset_before_response_started{protocol_error} in=0 out=87
  `,
  })
  f.exchange('a control character in a response header', {
    send: get('/'),
    reply: answer(200, 'x', 'x: a\x01b'),
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 502 Bad Gateway
    content-length: 87
    content-type: text/plain
    date: DATE
    server: envoy

    upstream connect error or disconnect/reset before headers. reset reason: protocol error
    (open)
    log: HTTP/1.1 502 UPE upstream_reset_before_response_started{protocol_error} in=0 out=87
  `,
  })
  f.exchange('NUL in a response header', {
    send: get('/'),
    reply: answer(200, 'x', 'x: a\0b'),
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 502 Bad Gateway
    content-length: 87
    content-type: text/plain
    date: DATE
    server: envoy

    upstream connect error or disconnect/reset before headers. reset reason: protocol error
    (open)
    log: HTTP/1.1 502 UPE upstream_reset_before_response_started{protocol_error} in=0 out=87
  `,
  })
  f.exchange('HTTP/2 in a response line', {
    send: get('/'),
    reply: answer(200, 'x').replace('HTTP/1.1', 'HTTP/2.0'),
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    content-length: 1
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    x
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  `,
  })
  f.exchange('a body for a HEAD request', {
    send: head('HEAD / HTTP/1.1', 'host: a'),
    reply: answer(200, 'body'),
    sees: `
    > up
    HEAD / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    content-length: 4
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=0
  `,
  })
  f.exchange('more bytes than content-length', {
    send: get('/'),
    reply: `${answer(200, 'abc')}excess`,
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

    abc
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=3
  `,
  })
  f.exchange('closed before any byte', {
    send: get('/'),
    reply: thenClose(),
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 503 Service Unavailable
    content-length: 95
    content-type: text/plain
    date: DATE
    server: envoy

    upstream connect error or disconnect/reset before headers. reset reason: connection termination
    (open)
    log: HTTP/1.1 503 UC upstream_reset_before_response_started{connection_termination} in=0 out=95
  `,
  })
  f.exchange('reset before any byte', {
    send: get('/'),
    reply: thenReset(),
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 503 Service Unavailable
    content-length: 95
    content-type: text/plain
    date: DATE
    server: envoy

    upstream connect error or disconnect/reset before headers. reset reason: connection termination
    (open)
    log: HTTP/1.1 503 UC upstream_reset_before_response_started{connection_termination} in=0 out=95
  `,
  })
  f.exchange('closed inside the head', {
    send: get('/'),
    reply: thenClose('HTTP/1.1 200 OK\r\nx: '),
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 502 Bad Gateway
    content-length: 87
    content-type: text/plain
    date: DATE
    server: envoy

    upstream connect error or disconnect/reset before headers. reset reason: protocol error
    (open)
    log: HTTP/1.1 502 UPE upstream_reset_before_response_started{protocol_error} in=0 out=87
  `,
  })
  f.exchange('closed inside a body with a length', {
    send: get('/'),
    reply: thenClose(`${head('HTTP/1.1 200 OK', 'content-length: 10')}abc`),
    until: 'close',
    log: 1,
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    content-length: 10
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    abc
    (closed)
    log: HTTP/1.1 200 UPE upstream_reset_after_response_started{protocol_error} in=0 out=3
  `,
  })
  f.exchange('closed inside a chunk', {
    send: get('/'),
    reply: thenClose(`${head('HTTP/1.1 200 OK', 'transfer-encoding: chunked')}5\r\nab`),
    until: 'close',
    log: 1,
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

    2
    ab
    (closed)
    log: HTTP/1.1 200 UPE upstream_reset_after_response_started{protocol_error} in=0 out=2
  `,
  })
  f.exchange('closed between chunks', {
    send: get('/'),
    reply: thenClose(`${head('HTTP/1.1 200 OK', 'transfer-encoding: chunked')}2\r\nab\r\n`),
    until: 'close',
    log: 1,
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

    2
    ab
    (closed)
    log: HTTP/1.1 200 UPE upstream_reset_after_response_started{protocol_error} in=0 out=2
  `,
  })
  f.exchange('hop-by-hop headers of a response are taken away', {
    send: get('/'),
    reply: answer(
      200,
      'x',
      'keep-alive: timeout=5',
      'proxy-connection: keep-alive',
      'upgrade: h2c',
      'te: trailers',
      'connection: keep-alive, x-named',
      'x-named: v',
    ),
    sees: `
      > up
      GET / HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 200 OK
      content-length: 1
      te: trailers
      x-named: v
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      x
      (open)
      log: HTTP/1.1 200 - via_upstream in=0 out=1
    `,
  })
  f.exchange('server and date of the upstream', {
    send: get('/'),
    reply: answer(200, 'x', 'server: other', 'date: Mon, 01 Jan 2001 00:00:00 GMT'),
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    content-length: 1
    server: envoy
    date: DATE
    x-envoy-upstream-service-time: MS

    x
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  `,
  })
  f.exchange('an envoy header of the upstream', {
    send: get('/'),
    reply: answer(
      200,
      'x',
      'x-envoy-upstream-service-time: 99999',
      'x-envoy-overloaded: true',
      'x-envoy-decorator-operation: op',
    ),
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    content-length: 1
    x-envoy-upstream-service-time: MS
    x-envoy-overloaded: true
    x-envoy-decorator-operation: op
    date: DATE
    server: envoy

    x
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  `,
  })
  f.exchange('an empty head', {
    send: get('/'),
    reply: thenClose('\r\n\r\n'),
    sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 502 Bad Gateway
    content-length: 87
    content-type: text/plain
    date: DATE
    server: envoy

    upstream connect error or disconnect/reset before headers. reset reason: protocol error
    (open)
    log: HTTP/1.1 502 UPE upstream_reset_before_response_started{protocol_error} in=0 out=87
  `,
  })
})
