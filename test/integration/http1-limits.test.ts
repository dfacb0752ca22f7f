// Limits on heads, and what upstreams may send.
import { answer, get, head } from '../support/bytes.js'
import { cluster, http, httpOptions } from '../support/config.js'
import { thenClose, thenReset } from '../support/fake-upstream.js'
import { feature, type Scene } from '../support/scenario.js'

const headers = (count: number): string[] => Array.from({ length: count }, (_, index) => `x-${index}: v`)

/** Sends and notes only the status line, how the connection is afterwards, and the log: heads here are long. */
const brief = (send: string, reply?: string, listener = 'main') => async (s: Scene): Promise<void> => {
  if (reply !== undefined) s.upstream().script(reply)
  const client = await s.connect(listener)
  await client.send(send)
  const response = await client.response()
  if (response.headers.get('connection') === 'close') await client.closed()
  s.note(`${response.startLine} (${client.state}) ${response.body.length > 40 ? `${response.body.length} bytes` : response.body.toString()}`)
  s.note(`headers at the upstream: ${s.upstream().requests.map((request) => request.headers.size).join()}`)
  await s.sawLog(1, listener)
}

feature('request head limits', {
  file: import.meta.url,
  listeners: [
    http('main'),
    http('small', { hcm: '{max_request_headers_kb: 1, common_http_protocol_options: {max_headers_count: 5}}' }),
    http('large', { hcm: '{max_request_headers_kb: 96, common_http_protocol_options: {max_headers_count: 300}}' }),
  ],
}, (f) => {
  f.scenario('60 KiB are too much', { sees: `
    HTTP/1.1 431 Request Header Fields Too Large (closed) Request Header Fields Too Large
    headers at the upstream:
    log: HTTP/1.1 431 DPE http1.headers_too_large in=0 out=31
  ` }, brief(get('/', `x: ${'v'.repeat(60 * 1024)}`)))
  f.scenario('59 KiB pass', { sees: `
    HTTP/1.1 200 OK (open) ok
    headers at the upstream: 5
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` }, brief(get('/', `x: ${'v'.repeat(59 * 1024)}`)))
  f.scenario('a long path counts', { sees: `
    HTTP/1.1 431 Request Header Fields Too Large (closed) Request Header Fields Too Large
    headers at the upstream:
    log: HTTP/1.1 431 DPE http1.headers_too_large in=0 out=31
  ` }, brief(get(`/${'p'.repeat(61 * 1024)}`)))
  f.scenario('a long path that fits passes', { sees: `
    HTTP/1.1 200 OK (open) ok
    headers at the upstream: 4
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` }, brief(get(`/${'p'.repeat(50 * 1024)}`)))
  f.scenario('100 headers pass', { sees: `
    HTTP/1.1 200 OK (open) ok
    headers at the upstream: 103
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` }, brief(get('/', ...headers(99))))
  f.scenario('101 headers are too many', { sees: `
    HTTP/1.1 431 Request Header Fields Too Large (closed) Request Header Fields Too Large
    headers at the upstream:
    log: HTTP/1.1 431 DPE http1.too_many_headers in=0 out=31
  ` }, brief(get('/', ...headers(100))))
  f.scenario('a smaller limit in KiB', { sees: `
    HTTP/1.1 431 Request Header Fields Too Large (closed) Request Header Fields Too Large
    headers at the upstream:
    log: HTTP/1.1 431 DPE http1.headers_too_large in=0 out=31
  ` }, brief(get('/', `x: ${'v'.repeat(1024)}`), undefined, 'small'))
  f.scenario('a smaller limit of headers', { sees: `
    HTTP/1.1 431 Request Header Fields Too Large (closed) Request Header Fields Too Large
    headers at the upstream:
    log: HTTP/1.1 431 DPE http1.too_many_headers in=0 out=31
  ` }, brief(get('/', ...headers(5)), undefined, 'small'))
  f.scenario('as many headers as allowed', { sees: `
    HTTP/1.1 200 OK (open) ok
    headers at the upstream: 8
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` }, brief(get('/', ...headers(4)), undefined, 'small'))
  f.scenario('a larger limit in KiB', { sees: `
    HTTP/1.1 200 OK (open) ok
    headers at the upstream: 5
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` }, brief(get('/', `x: ${'v'.repeat(90 * 1024)}`), undefined, 'large'))
  f.scenario('a larger limit of headers', { sees: `
    HTTP/1.1 200 OK (open) ok
    headers at the upstream: 294
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` }, brief(get('/', ...headers(290)), undefined, 'large'))
  f.exchange('headers too large, byte for byte', { to: 'small', send: get('/', `x: ${'v'.repeat(1100)}`), sees: `
    < client
    HTTP/1.1 431 Request Header Fields Too Large
    content-length: 31
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Request Header Fields Too Large
    (closed)
    log: HTTP/1.1 431 DPE http1.headers_too_large in=0 out=31
  ` })
  f.exchange('too many headers, byte for byte', { to: 'small', send: get('/', ...headers(9)), sees: `
    < client
    HTTP/1.1 431 Request Header Fields Too Large
    content-length: 31
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Request Header Fields Too Large
    (closed)
    log: HTTP/1.1 431 DPE http1.too_many_headers in=0 out=31
  ` })
  f.exchange('headers too large that never end', { to: 'small', send: `GET / HTTP/1.1\r\nhost: a\r\nx: ${'v'.repeat(4000)}`, sees: `
    < client
    HTTP/1.1 431 Request Header Fields Too Large
    content-length: 31
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Request Header Fields Too Large
    (closed)
    log: HTTP/1.1 431 DPE http1.headers_too_large in=0 out=31
  ` })
  f.exchange('trailers too large', {
    to: 'small',
    send: `${head('POST / HTTP/1.1', 'host: a', 'transfer-encoding: chunked')}0\r\nx: ${'v'.repeat(3000)}\r\n\r\n`,
    sees: `
      < client
      HTTP/1.1 431 Request Header Fields Too Large
      content-length: 31
      content-type: text/plain
      date: DATE
      server: envoy
      connection: close

      Request Header Fields Too Large
      (closed)
      log: HTTP/1.1 431 DPE http1.headers_too_large in=0 out=31
    `,
  })
  f.exchange('too many trailers', {
    to: 'small',
    send: `${head('POST / HTTP/1.1', 'host: a', 'transfer-encoding: chunked')}0\r\n${headers(9).join('\r\n')}\r\n\r\n`,
    sees: `
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
    `,
  })
})

feature('response head limits', {
  file: import.meta.url,
  clusters: [
    cluster('up'),
    cluster('small', ['up'], httpOptions('common_http_protocol_options: {max_headers_count: 5, max_response_headers_kb: 2}')),
    cluster('large', ['up'], httpOptions('common_http_protocol_options: {max_headers_count: 300, max_response_headers_kb: 96}')),
  ],
  listeners: [http('main', { routes: '[{match: {prefix: /small}, route: {cluster: small}}, {match: {prefix: /large}, route: {cluster: large}}, {match: {prefix: /}, route: {cluster: up}}]' })],
}, (f) => {
  const sized = (bytes: number): string => answer(200, 'x', `x: ${'v'.repeat(bytes)}`)
  f.scenario('response headers of 59 KiB pass', { sees: `
    HTTP/1.1 200 OK (open) x
    headers at the upstream: 4
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  ` }, brief(get('/'), sized(59 * 1024)))
  f.scenario('response headers of 61 KiB', { sees: `
    HTTP/1.1 200 OK (open) x
    headers at the upstream: 4
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  ` }, brief(get('/'), sized(61 * 1024)))
  f.scenario('response headers of 90 KiB', { sees: `
    HTTP/1.1 502 Bad Gateway (open) 87 bytes
    headers at the upstream: 4
    log: HTTP/1.1 502 UPE upstream_reset_before_response_started{protocol_error} in=0 out=87
  ` }, brief(get('/'), sized(90 * 1024)))
  f.scenario('99 response headers', { sees: `
    HTTP/1.1 200 OK (open) x
    headers at the upstream: 4
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  ` }, brief(get('/'), answer(200, 'x', ...headers(98))))
  f.scenario('101 response headers', { sees: `
    HTTP/1.1 502 Bad Gateway (open) 87 bytes
    headers at the upstream: 4
    log: HTTP/1.1 502 UPE upstream_reset_before_response_started{protocol_error} in=0 out=87
  ` }, brief(get('/'), answer(200, 'x', ...headers(101))))
  f.scenario('a smaller limit in KiB for responses', { sees: `
    HTTP/1.1 502 Bad Gateway (open) 87 bytes
    headers at the upstream: 4
    log: HTTP/1.1 502 UPE upstream_reset_before_response_started{protocol_error} in=0 out=87
  ` }, brief(get('/small'), sized(3000)))
  f.scenario('a smaller limit of response headers', { sees: `
    HTTP/1.1 502 Bad Gateway (open) 87 bytes
    headers at the upstream: 4
    log: HTTP/1.1 502 UPE upstream_reset_before_response_started{protocol_error} in=0 out=87
  ` }, brief(get('/small'), answer(200, 'x', ...headers(6))))
  f.scenario('a larger limit in KiB for responses', { sees: `
    HTTP/1.1 200 OK (open) x
    headers at the upstream: 4
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  ` }, brief(get('/large'), sized(90 * 1024)))
  f.scenario('a larger limit of response headers', { sees: `
    HTTP/1.1 200 OK (open) x
    headers at the upstream: 4
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  ` }, brief(get('/large'), answer(200, 'x', ...headers(290))))
})

feature('what an upstream sends', { file: import.meta.url, listeners: [http('main')] }, (f) => {
  f.exchange('not HTTP at all', { send: get('/'), reply: thenClose('SSH-2.0-OpenSSH\r\n'), sees: `
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
  ` })
  f.exchange('status 600', { send: get('/'), reply: answer('600 Whatever', 'x'), sees: `
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
  ` })
  f.exchange('status 2000', { send: get('/'), reply: answer('2000 Whatever', 'x'), sees: `
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
  ` })
  f.exchange('status 99', { send: get('/'), reply: answer('99 Low', 'x'), sees: `
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
  ` })
  f.exchange('status 0', { send: get('/'), reply: answer('0 Zero', 'x'), sees: `
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
  ` })
  f.exchange('a status that is no number', { send: get('/'), reply: answer('abc', 'x'), sees: `
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
  ` })
  f.exchange('a reason of its own is replaced by the usual one', { send: get('/'), reply: answer('404 My Own Words', 'x'), sees: `
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
  ` })
  f.exchange('no reason', { send: get('/'), reply: answer('200', 'x'), sees: `
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
  ` })
  f.exchange('an unassigned status', { send: get('/'), reply: answer('299 Odd', 'x'), sees: `
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
  ` })
  f.exchange('status 418', { send: get('/'), reply: answer('418 Teapot', 'x'), sees: `
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
  ` })
  f.exchange('status 425', { send: get('/'), reply: answer('425 Early', 'x'), sees: `
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
  ` })
  f.exchange('bare LF in a response', { send: get('/'), reply: 'HTTP/1.1 200 OK\ncontent-length: 1\nx: y\n\nz', sees: `
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
  ` })
  f.exchange('obs-fold in a response', { send: get('/'), reply: answer(200, 'x', 'x-f: a', ' b'), sees: `
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
  ` })
  f.exchange('content-length and transfer-encoding in a response', { send: get('/'), reply: `${head('HTTP/1.1 200 OK', 'content-length: 5', 'transfer-encoding: chunked')}1\r\na\r\n0\r\n\r\n`, sees: `
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
  ` })
  f.exchange('two different content-lengths in a response', { send: get('/'), reply: `${head('HTTP/1.1 200 OK', 'content-length: 1', 'content-length: 2')}ab`, sees: `
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
  ` })
  f.exchange('two equal content-lengths in a response', { send: get('/'), reply: `${head('HTTP/1.1 200 OK', 'content-length: 1', 'content-length: 1')}a`, sees: `
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
  ` })
  f.exchange('a bad chunk size in a response', { send: get('/'), reply: `${head('HTTP/1.1 200 OK', 'transfer-encoding: chunked')}zz\r\na\r\n0\r\n\r\n`, until: 'close', log: 1, sees: `
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
  ` })
  f.exchange('transfer-encoding gzip in a response', { send: get('/'), reply: `${head('HTTP/1.1 200 OK', 'transfer-encoding: gzip')}abc`, sees: `
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
  ` })
  f.exchange('a header with a space before the colon in a response', { send: get('/'), reply: answer(200, 'x', 'x : y'), sees: `
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
  ` })
  f.exchange('a control character in a response header', { send: get('/'), reply: answer(200, 'x', 'x: a\x01b'), sees: `
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
  ` })
  f.exchange('NUL in a response header', { send: get('/'), reply: answer(200, 'x', 'x: a\0b'), sees: `
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
  ` })
  f.exchange('HTTP/2 in a response line', { send: get('/'), reply: answer(200, 'x').replace('HTTP/1.1', 'HTTP/2.0'), sees: `
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
  ` })
  f.exchange('a body for a HEAD request', { send: head('HEAD / HTTP/1.1', 'host: a'), reply: answer(200, 'body'), sees: `
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
  ` })
  f.exchange('more bytes than content-length', { send: get('/'), reply: `${answer(200, 'abc')}excess`, sees: `
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
  ` })
  f.exchange('closed before any byte', { send: get('/'), reply: thenClose(), sees: `
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
  ` })
  f.exchange('reset before any byte', { send: get('/'), reply: thenReset(), sees: `
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
  ` })
  f.exchange('closed inside the head', { send: get('/'), reply: thenClose('HTTP/1.1 200 OK\r\nx: '), sees: `
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
  ` })
  f.exchange('closed inside a body with a length', { send: get('/'), reply: thenClose(`${head('HTTP/1.1 200 OK', 'content-length: 10')}abc`), until: 'close', log: 1, sees: `
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
  ` })
  f.exchange('closed inside a chunk', { send: get('/'), reply: thenClose(`${head('HTTP/1.1 200 OK', 'transfer-encoding: chunked')}5\r\nab`), until: 'close', log: 1, sees: `
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
  ` })
  f.exchange('closed between chunks', { send: get('/'), reply: thenClose(`${head('HTTP/1.1 200 OK', 'transfer-encoding: chunked')}2\r\nab\r\n`), until: 'close', log: 1, sees: `
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
  ` })
  f.exchange('hop-by-hop headers of a response are taken away', {
    send: get('/'),
    reply: answer(200, 'x', 'keep-alive: timeout=5', 'proxy-connection: keep-alive', 'upgrade: h2c', 'te: trailers', 'connection: keep-alive, x-named', 'x-named: v'),
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
  f.exchange('server and date of the upstream', { send: get('/'), reply: answer(200, 'x', 'server: other', 'date: Mon, 01 Jan 2001 00:00:00 GMT'), sees: `
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
  ` })
  f.exchange('an envoy header of the upstream', { send: get('/'), reply: answer(200, 'x', 'x-envoy-upstream-service-time: 99999', 'x-envoy-overloaded: true', 'x-envoy-decorator-operation: op'), sees: `
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
  ` })
  f.exchange('an empty head', { send: get('/'), reply: thenClose('\r\n\r\n'), sees: `
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
  ` })
})
