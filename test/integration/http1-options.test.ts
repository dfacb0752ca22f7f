// Options of the HTTP/1 codec: HTTP/1.0, absolute targets, trailers, header case.
import { answer, get, head } from '../support/bytes.js'
import { cluster, http, httpOptions } from '../support/config.js'
import { feature } from '../support/scenario.js'

const CHUNKED = head('HTTP/1.1 200 OK', 'transfer-encoding: chunked')

feature(
  'HTTP/1.0',
  {
    file: import.meta.url,
    listeners: [
      http('main', { hcm: 'http_protocol_options: {accept_http_10: true}' }),
      http('named', {
        hcm: 'http_protocol_options: {accept_http_10: true, default_host_for_http_10: fallback.example}',
      }),
    ],
  },
  f => {
    f.exchange('a request is passed on as HTTP/1.1 and the connection closed', {
      send: head('GET / HTTP/1.0', 'host: a'),
      sees: `
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
  `,
    })
    f.exchange('keep-alive is honoured', {
      send: head('GET / HTTP/1.0', 'host: a', 'connection: keep-alive'),
      sees: `
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
  `,
    })
    f.exchange('no host: refused without a default', {
      send: head('GET / HTTP/1.0'),
      sees: `
    < client
    HTTP/1.0 400 Bad Request
    date: DATE
    server: envoy
    connection: close
    content-length: 0

    (closed)
    log: HTTP/1.0 400 - missing_host_header in=0 out=0
  `,
    })
    f.exchange('no host: the default host is used', {
      to: 'named',
      send: head('GET / HTTP/1.0'),
      sees: `
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
  `,
    })
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
    f.exchange('a chunked request in HTTP/1.0', {
      send: head('POST / HTTP/1.0', 'host: a', 'transfer-encoding: chunked') + '1\r\na\r\n0\r\n\r\n',
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
    HTTP/1.0 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy
    connection: close

    ok
    (closed)
    log: HTTP/1.0 200 - via_upstream in=1 out=2
  `,
    })
    f.exchange('HTTP/0.9', {
      send: 'GET /\r\n\r\n',
      until: 'close',
      sees: `
    < client
    HTTP/1.0 400 Bad Request
    date: DATE
    server: envoy
    connection: close
    content-length: 0

    (closed)
    log: HTTP/1.0 400 - missing_host_header in=0 out=0
  `,
    })
    f.exchange('HTTP/1.1 needs its host still', {
      to: 'named',
      send: head('GET / HTTP/1.1'),
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
  },
)

feature(
  'absolute request targets',
  {
    file: import.meta.url,
    upstreams: ['up', 'other'],
    clusters: [cluster('up'), cluster('other')],
    listeners: [
      http('main', {
        vhosts:
          '[{name: o, domains: [other.example], routes: [{match: {prefix: /}, route: {cluster: other}}]}, {name: all, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: up}}]}]',
      }),
      http('relative', { hcm: 'http_protocol_options: {allow_absolute_url: false}' }),
    ],
  },
  f => {
    f.exchange('the authority of the target routes, not the host header', {
      send: head('GET http://other.example/x?y HTTP/1.1', 'host: a'),
      sees: `
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
  `,
    })
    f.exchange('a target without path', {
      send: head('GET http://other.example HTTP/1.1', 'host: a'),
      sees: `
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
  `,
    })
    f.exchange('a target without path but with a query', {
      send: head('GET http://other.example?q=1 HTTP/1.1', 'host: a'),
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
    f.exchange('https in the target', {
      send: head('GET https://a/x HTTP/1.1', 'host: a'),
      sees: `
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
  `,
    })
    f.exchange('an unknown scheme', {
      send: head('GET ftp://a/x HTTP/1.1', 'host: a'),
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
    log: HTTP/1.1 400 DPE http1.invalid_scheme in=0 out=11
  `,
    })
    f.exchange('a scheme in upper case', {
      send: head('GET HTTP://a/x HTTP/1.1', 'host: a'),
      sees: `
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
  `,
    })
    f.exchange('a port in the target', {
      send: head('GET http://other.example:80/x HTTP/1.1', 'host: a'),
      sees: `
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
  `,
    })
    f.exchange('an empty authority', {
      send: head('GET http:///x HTTP/1.1', 'host: a'),
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
    log: HTTP/1.1 400 DPE http1.invalid_url in=0 out=11
  `,
    })
    f.exchange('absolute URLs switched off', {
      to: 'relative',
      send: head('GET http://other.example/x HTTP/1.1', 'host: a'),
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
    f.exchange('OPTIONS of an absolute target', {
      send: head('OPTIONS http://other.example HTTP/1.1', 'host: a'),
      sees: `
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
  `,
    })
  },
)

feature(
  'trailers',
  {
    file: import.meta.url,
    clusters: [
      cluster('up', ['up'], httpOptions('explicit_http_config: {http_protocol_options: {enable_trailers: true}}')),
      cluster('plain', ['up']),
    ],
    listeners: [http('main', { hcm: 'http_protocol_options: {enable_trailers: true}' }), http('off', {})],
  },
  f => {
    f.exchange('request trailers pass when enabled on both sides', {
      send:
        head('POST / HTTP/1.1', 'host: a', 'te: trailers', 'trailer: x-t', 'transfer-encoding: chunked') +
        '1\r\na\r\n0\r\nX-T: v\r\nx-u:w\r\n\r\n',
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
  },
)

feature(
  'header case',
  {
    file: import.meta.url,
    clusters: [
      cluster(
        'up',
        ['up'],
        httpOptions('explicit_http_config: {http_protocol_options: {header_key_format: {proper_case_words: {}}}}'),
      ),
    ],
    listeners: [
      http('main'),
      http('proper', { hcm: 'http_protocol_options: {header_key_format: {proper_case_words: {}}}' }),
    ],
  },
  f => {
    f.exchange('proper case towards the upstream', {
      send: get('/', 'x-some-header: a', 'X_UNDER-score: b'),
      sees: `
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
  `,
    })
    f.exchange('proper case towards the client', {
      to: 'proper',
      send: get('/'),
      reply: answer(200, 'x', 'x-some_header: a', 'ETAG: "b"'),
      sees: `
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
  `,
    })
    f.exchange('proper case on a local reply', {
      to: 'proper',
      send: head('GET / HTTP/1.1'),
      sees: `
    < client
    HTTP/1.1 400 Bad Request
    Date: DATE
    Server: envoy
    Connection: close
    Content-Length: 0

    (closed)
    log: HTTP/1.1 400 - missing_host_header in=0 out=0
  `,
    })
    f.exchange('proper case on a codec error', {
      to: 'proper',
      send: 'BAD\r\n\r\n',
      sees: `
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
  `,
    })
  },
)
