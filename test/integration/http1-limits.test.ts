// Limits on the heads of requests and responses.
import { answer, get, head } from '../support/bytes.js'
import { cluster, http, httpOptions } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'

const headers = (count: number): string[] => Array.from({ length: count }, (_, index) => `x-${index}: v`)

/** Sends and notes only the status line, how the connection is afterwards, and the log: heads here are long. */
const brief =
  (send: string, reply?: string, listener = 'main') =>
  async (s: Scene): Promise<void> => {
    if (reply !== undefined) s.upstream().script(reply)
    const client = await s.connect(listener)
    await client.send(send)
    const response = await client.response()
    if (response.headers.get('connection') === 'close') await client.closed()
    s.note(
      `${response.startLine} (${client.state}) ${response.body.length > 40 ? `${response.body.length} bytes` : response.body.toString()}`,
    )
    s.note(
      `headers at the upstream: ${s
        .upstream()
        .requests.map(request => request.headers.size)
        .join()}`,
    )
    await s.sawLog(1, listener)
  }

feature(
  'request head limits',
  {
    file: import.meta.url,
    listeners: [
      http('main'),
      http('small', { hcm: '{max_request_headers_kb: 1, common_http_protocol_options: {max_headers_count: 5}}' }),
      http('large', { hcm: '{max_request_headers_kb: 96, common_http_protocol_options: {max_headers_count: 300}}' }),
    ],
  },
  f => {
    f.scenario(
      '60 KiB are too much',
      {
        sees: `
    HTTP/1.1 431 Request Header Fields Too Large (closed) Request Header Fields Too Large
    headers at the upstream:
    log: HTTP/1.1 431 DPE http1.headers_too_large in=0 out=31
  `,
      },
      brief(get('/', `x: ${'v'.repeat(60 * 1024)}`)),
    )
    f.scenario(
      '59 KiB pass',
      {
        sees: `
    HTTP/1.1 200 OK (open) ok
    headers at the upstream: 5
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  `,
      },
      brief(get('/', `x: ${'v'.repeat(59 * 1024)}`)),
    )
    f.scenario(
      'a long path counts',
      {
        sees: `
    HTTP/1.1 431 Request Header Fields Too Large (closed) Request Header Fields Too Large
    headers at the upstream:
    log: HTTP/1.1 431 DPE http1.headers_too_large in=0 out=31
  `,
      },
      brief(get(`/${'p'.repeat(61 * 1024)}`)),
    )
    f.scenario(
      'a long path that fits passes',
      {
        sees: `
    HTTP/1.1 200 OK (open) ok
    headers at the upstream: 4
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  `,
      },
      brief(get(`/${'p'.repeat(50 * 1024)}`)),
    )
    f.scenario(
      '100 headers pass',
      {
        sees: `
    HTTP/1.1 200 OK (open) ok
    headers at the upstream: 103
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  `,
      },
      brief(get('/', ...headers(99))),
    )
    f.scenario(
      '101 headers are too many',
      {
        sees: `
    HTTP/1.1 431 Request Header Fields Too Large (closed) Request Header Fields Too Large
    headers at the upstream:
    log: HTTP/1.1 431 DPE http1.too_many_headers in=0 out=31
  `,
      },
      brief(get('/', ...headers(100))),
    )
    f.scenario(
      'a smaller limit in KiB',
      {
        sees: `
    HTTP/1.1 431 Request Header Fields Too Large (closed) Request Header Fields Too Large
    headers at the upstream:
    log: HTTP/1.1 431 DPE http1.headers_too_large in=0 out=31
  `,
      },
      brief(get('/', `x: ${'v'.repeat(1024)}`), undefined, 'small'),
    )
    f.scenario(
      'a smaller limit of headers',
      {
        sees: `
    HTTP/1.1 431 Request Header Fields Too Large (closed) Request Header Fields Too Large
    headers at the upstream:
    log: HTTP/1.1 431 DPE http1.too_many_headers in=0 out=31
  `,
      },
      brief(get('/', ...headers(5)), undefined, 'small'),
    )
    f.scenario(
      'as many headers as allowed',
      {
        sees: `
    HTTP/1.1 200 OK (open) ok
    headers at the upstream: 8
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  `,
      },
      brief(get('/', ...headers(4)), undefined, 'small'),
    )
    f.scenario(
      'a larger limit in KiB',
      {
        sees: `
    HTTP/1.1 200 OK (open) ok
    headers at the upstream: 5
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  `,
      },
      brief(get('/', `x: ${'v'.repeat(90 * 1024)}`), undefined, 'large'),
    )
    f.scenario(
      'a larger limit of headers',
      {
        sees: `
    HTTP/1.1 200 OK (open) ok
    headers at the upstream: 294
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  `,
      },
      brief(get('/', ...headers(290)), undefined, 'large'),
    )
    f.exchange('headers too large, byte for byte', {
      to: 'small',
      send: get('/', `x: ${'v'.repeat(1100)}`),
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
    f.exchange('too many headers, byte for byte', {
      to: 'small',
      send: get('/', ...headers(9)),
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
    log: HTTP/1.1 431 DPE http1.too_many_headers in=0 out=31
  `,
    })
    f.exchange('headers too large that never end', {
      to: 'small',
      send: `GET / HTTP/1.1\r\nhost: a\r\nx: ${'v'.repeat(4000)}`,
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
  },
)

feature(
  'response head limits',
  {
    file: import.meta.url,
    clusters: [
      cluster('up'),
      cluster(
        'small',
        ['up'],
        httpOptions('common_http_protocol_options: {max_headers_count: 5, max_response_headers_kb: 2}'),
      ),
      cluster(
        'large',
        ['up'],
        httpOptions('common_http_protocol_options: {max_headers_count: 300, max_response_headers_kb: 96}'),
      ),
    ],
    listeners: [
      http('main', {
        routes:
          '[{match: {prefix: /small}, route: {cluster: small}}, {match: {prefix: /large}, route: {cluster: large}}, {match: {prefix: /}, route: {cluster: up}}]',
      }),
    ],
  },
  f => {
    const sized = (bytes: number): string => answer(200, 'x', `x: ${'v'.repeat(bytes)}`)
    f.scenario(
      'response headers of 59 KiB pass',
      {
        sees: `
    HTTP/1.1 200 OK (open) x
    headers at the upstream: 4
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  `,
      },
      brief(get('/'), sized(59 * 1024)),
    )
    f.scenario(
      'response headers of 61 KiB',
      {
        sees: `
    HTTP/1.1 200 OK (open) x
    headers at the upstream: 4
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  `,
      },
      brief(get('/'), sized(61 * 1024)),
    )
    f.scenario(
      'response headers of 90 KiB',
      {
        sees: `
    HTTP/1.1 502 Bad Gateway (open) 87 bytes
    headers at the upstream: 4
    log: HTTP/1.1 502 UPE upstream_reset_before_response_started{protocol_error} in=0 out=87
  `,
      },
      brief(get('/'), sized(90 * 1024)),
    )
    f.scenario(
      '99 response headers',
      {
        sees: `
    HTTP/1.1 200 OK (open) x
    headers at the upstream: 4
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  `,
      },
      brief(get('/'), answer(200, 'x', ...headers(98))),
    )
    f.scenario(
      '101 response headers',
      {
        sees: `
    HTTP/1.1 502 Bad Gateway (open) 87 bytes
    headers at the upstream: 4
    log: HTTP/1.1 502 UPE upstream_reset_before_response_started{protocol_error} in=0 out=87
  `,
      },
      brief(get('/'), answer(200, 'x', ...headers(101))),
    )
    f.scenario(
      'a smaller limit in KiB for responses',
      {
        sees: `
    HTTP/1.1 502 Bad Gateway (open) 87 bytes
    headers at the upstream: 4
    log: HTTP/1.1 502 UPE upstream_reset_before_response_started{protocol_error} in=0 out=87
  `,
      },
      brief(get('/small'), sized(3000)),
    )
    f.scenario(
      'a smaller limit of response headers',
      {
        sees: `
    HTTP/1.1 502 Bad Gateway (open) 87 bytes
    headers at the upstream: 4
    log: HTTP/1.1 502 UPE upstream_reset_before_response_started{protocol_error} in=0 out=87
  `,
      },
      brief(get('/small'), answer(200, 'x', ...headers(6))),
    )
    f.scenario(
      'a larger limit in KiB for responses',
      {
        sees: `
    HTTP/1.1 200 OK (open) x
    headers at the upstream: 4
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  `,
      },
      brief(get('/large'), sized(90 * 1024)),
    )
    f.scenario(
      'a larger limit of response headers',
      {
        sees: `
    HTTP/1.1 200 OK (open) x
    headers at the upstream: 4
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  `,
      },
      brief(get('/large'), answer(200, 'x', ...headers(290))),
    )
  },
)
