// What a connection manager does to headers of requests and responses.
import { answer, get } from '../support/bytes.js'
import { http } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'

/** Names and values of headers at the upstream that begin with one of the words. */
function picked(s: Scene, words: readonly string[]): string {
  const request = s.upstream().requests.at(-1)
  if (request === undefined) return '(no request)'
  const lines = request.head
    .split('\r\n')
    .slice(1)
    .filter(line => words.some(word => line.startsWith(word)))
  return lines.length === 0 ? '(none)' : lines.join(' | ')
}

const ask = async (s: Scene, listener: string, lines: readonly string[], from?: string): Promise<string> => {
  const client = await s.connect(listener, from)
  await client.send(get('/', ...lines))
  const response = await client.response()
  client.destroy()
  return response.startLine
}

const SENSITIVE = [
  'x-envoy-retry-on: 5xx',
  'x-envoy-retry-grpc-on: cancelled',
  'x-envoy-max-retries: 3',
  'x-envoy-retriable-status-codes: 400',
  'x-envoy-retriable-header-names: x',
  'x-envoy-upstream-alt-stat-name: alt',
  'x-envoy-upstream-rq-timeout-ms: 5000',
  'x-envoy-upstream-rq-per-try-timeout-ms: 3000',
  'x-envoy-upstream-rq-timeout-alt-response: 1',
  'x-envoy-expected-rq-timeout-ms: 750',
  'x-envoy-force-trace: true',
  'x-envoy-ip-tags: t',
  'x-envoy-original-url: u',
  'x-envoy-hedge-on-per-try-timeout: true',
  'x-envoy-internal: true',
  'x-envoy-decorator-operation: op',
  'x-envoy-downstream-service-cluster: c',
  'x-envoy-downstream-service-node: n',
  'x-envoy-original-path: /p',
  'x-envoy-original-host: h',
  'x-envoy-attempt-count: 9',
  'x-envoy-is-timeout-retry: true',
  'x-envoy-external-address: 1.2.3.4',
  'x-envoy-original-dst-host: 127.0.0.1:1',
  'x-envoy-upstream-stream-duration-ms: 9000',
  'x-envoy-unknown: v',
]

feature('hop-by-hop headers', { file: import.meta.url, listeners: [http('main')] }, f => {
  f.exchange('they end at the proxy', {
    send: get(
      '/',
      'connection: x-named',
      'x-named: v',
      'keep-alive: 5',
      'proxy-connection: keep-alive',
      'te: gzip',
      'trailer: x',
      'proxy-authorization: p',
      'proxy-authenticate: q',
    ),
    sees: `
      > up
      GET / HTTP/1.1
      host: a
      trailer: x
      proxy-authorization: p
      proxy-authenticate: q
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
  f.exchange('te: trailers stays', {
    send: get('/', 'te: trailers'),
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
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  `,
  })
  f.exchange('te: trailers in a list', {
    send: get('/', 'te: gzip;q=0.5, trailers'),
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
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  `,
  })
  f.exchange('a header named by connection stays unless it is hop-by-hop', {
    send: get('/', 'connection: close, x-a', 'x-a: 1'),
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
})

feature(
  'server, date, via, user agent',
  {
    file: import.meta.url,
    args: ['--service-cluster', 'sc', '--service-node', 'sn'],
    listeners: [
      http('main'),
      http('absent', { hcm: '{server_header_transformation: APPEND_IF_ABSENT, server_name: mine}' }),
      http('through', { hcm: '{server_header_transformation: PASS_THROUGH, server_name: mine}' }),
      http('named', { hcm: '{server_name: mine, via: relay}' }),
      http('agent', { hcm: 'add_user_agent: true' }),
      http('suppressed', { router: 'suppress_envoy_headers: true' }),
      http('respond', { hcm: 'always_set_request_id_in_response: true' }),
    ],
  },
  f => {
    f.exchange('server is overwritten, date of the upstream is kept', {
      send: get('/'),
      reply: answer(200, 'x', 'server: theirs', 'date: Mon, 01 Jan 2001 00:00:00 GMT'),
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
    f.exchange('APPEND_IF_ABSENT keeps the upstream server', {
      to: 'absent',
      send: get('/'),
      reply: answer(200, 'x', 'server: theirs'),
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
    server: theirs
    x-envoy-upstream-service-time: MS
    date: DATE

    x
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  `,
    })
    f.exchange('APPEND_IF_ABSENT adds when absent', {
      to: 'absent',
      send: get('/'),
      reply: answer(200, 'x'),
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
    server: mine

    x
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  `,
    })
    f.exchange('PASS_THROUGH keeps the upstream server', {
      to: 'through',
      send: get('/'),
      reply: answer(200, 'x', 'server: theirs'),
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
    server: theirs
    x-envoy-upstream-service-time: MS
    date: DATE

    x
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  `,
    })
    f.exchange('PASS_THROUGH adds nothing', {
      to: 'through',
      send: get('/'),
      reply: answer(200, 'x'),
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

    x
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  `,
    })
    f.exchange('via is appended on both ways', {
      to: 'named',
      send: get('/', 'via: 1.1 first'),
      reply: answer(200, 'x', 'via: 1.0 origin'),
      sees: `
    > up
    GET / HTTP/1.1
    host: a
    via: 1.1 first, relay
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    content-length: 1
    via: 1.0 origin, relay
    x-envoy-upstream-service-time: MS
    date: DATE
    server: mine

    x
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  `,
    })
    f.exchange('via is added where there is none', {
      to: 'named',
      send: get('/'),
      reply: answer(200, 'x'),
      sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    via: relay
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    content-length: 1
    x-envoy-upstream-service-time: MS
    date: DATE
    server: mine
    via: relay

    x
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  `,
    })
    f.exchange('user agent from the service cluster when absent', {
      to: 'agent',
      send: get('/'),
      sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-envoy-downstream-service-cluster: sc
    user-agent: sc
    x-envoy-downstream-service-node: sn
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
    f.exchange('user agent of the client stays', {
      to: 'agent',
      send: get('/', 'user-agent: curl'),
      sees: `
    > up
    GET / HTTP/1.1
    host: a
    user-agent: curl
    x-forwarded-proto: http
    x-envoy-downstream-service-cluster: sc
    x-envoy-downstream-service-node: sn
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
    f.exchange('suppress_envoy_headers', {
      to: 'suppressed',
      send: get('/'),
      sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID

    < client
    HTTP/1.1 200 OK
    content-length: 2
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  `,
    })
    f.exchange('the request id in the response', {
      to: 'respond',
      send: get('/'),
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
    x-request-id: UUID

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  `,
    })
    f.exchange('the request id in a local reply', {
      to: 'respond',
      send: get('/a#b'),
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
  },
)

feature(
  'x-request-id',
  {
    file: import.meta.url,
    listeners: [
      http('main'),
      http('edge', { hcm: 'use_remote_address: true' }),
      http('preserve', { hcm: '{use_remote_address: true, preserve_external_request_id: true}' }),
      http('off', { hcm: 'generate_request_id: false' }),
      http('unpacked', {
        hcm: '{request_id_extension: {typed_config: {"@type": type.googleapis.com/envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig, pack_trace_reason: false}}}',
      }),
    ],
  },
  f => {
    const of =
      (listener: string, ...lines: string[]) =>
      async (s: Scene): Promise<void> => {
        await ask(s, listener, lines)
        s.note(picked(s, ['x-request-id']))
      }
    f.scenario(
      'made when absent: a version 4 UUID',
      {
        sees: `
    true
  `,
      },
      async s => {
        await ask(s, 'main', [])
        s.note(
          String(
            /x-request-id: [0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/.test(
              picked(s, ['x-request-id']),
            ),
          ),
        )
      },
    )
    f.scenario(
      'two requests have two ids',
      {
        sees: `
    true
  `,
      },
      async s => {
        await ask(s, 'main', [])
        const first = picked(s, ['x-request-id'])
        await ask(s, 'main', [])
        s.note(String(first !== picked(s, ['x-request-id'])))
      },
    )
    f.scenario(
      'the client id is kept when not at the edge',
      {
        sees: `
    x-request-id: mine
  `,
      },
      of('main', 'x-request-id: mine'),
    )
    f.scenario(
      'the client id is replaced at the edge',
      {
        sees: `
    x-request-id: UUID
  `,
      },
      of('edge', 'x-request-id: mine'),
    )
    f.scenario(
      'preserve_external_request_id keeps it',
      {
        sees: `
    x-request-id: mine
  `,
      },
      of('preserve', 'x-request-id: mine'),
    )
    f.scenario(
      'preserve_external_request_id makes one when absent',
      {
        sees: `
    x-request-id: UUID
  `,
      },
      of('preserve'),
    )
    f.scenario(
      'generate_request_id: false makes none',
      {
        sees: `
    (none)
  `,
      },
      of('off'),
    )
    f.scenario(
      'generate_request_id: false keeps one',
      {
        sees: `
    x-request-id: mine
  `,
      },
      of('off', 'x-request-id: mine'),
    )
    f.scenario(
      'an empty id is replaced or kept',
      {
        sees: `
    x-request-id: UUID
  `,
      },
      of('main', 'x-request-id:'),
    )
    f.scenario(
      'without packing of the trace reason',
      {
        sees: `
    x-request-id: UUID
  `,
      },
      of('unpacked', 'x-request-id: 12345678-1234-4234-8234-123456789012'),
    )
  },
)

feature(
  'x-envoy headers of clients',
  {
    file: import.meta.url,
    listeners: [
      http('main'),
      http('edge', { hcm: 'use_remote_address: true' }),
      http('internal', {
        hcm: '{use_remote_address: true, internal_address_config: {cidr_ranges: [{address_prefix: 127.0.0.0, prefix_len: 8}]}}',
      }),
      http('named', { hcm: 'use_remote_address: true', routeConfig: 'internal_only_headers: [x-secret]' }),
    ],
  },
  f => {
    const each =
      (listener: string) =>
      async (s: Scene): Promise<void> => {
        for (const line of SENSITIVE) {
          const name = line.split(':')[0] ?? ''
          await ask(s, listener, [line])
          s.note(`${line} -> ${picked(s, [`${name}:`])}`)
        }
      }
    f.scenario(
      'from a client that is not at the edge',
      {
        sees: `
    x-envoy-retry-on: 5xx -> (none)
    x-envoy-retry-grpc-on: cancelled -> (none)
    x-envoy-max-retries: 3 -> (none)
    x-envoy-retriable-status-codes: 400 -> (none)
    x-envoy-retriable-header-names: x -> (none)
    x-envoy-upstream-alt-stat-name: alt -> (none)
    x-envoy-upstream-rq-timeout-ms: 5000 -> (none)
    x-envoy-upstream-rq-per-try-timeout-ms: 3000 -> (none)
    x-envoy-upstream-rq-timeout-alt-response: 1 -> (none)
    x-envoy-expected-rq-timeout-ms: 750 -> x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-force-trace: true -> (none)
    x-envoy-ip-tags: t -> (none)
    x-envoy-original-url: u -> (none)
    x-envoy-hedge-on-per-try-timeout: true -> (none)
    x-envoy-internal: true -> (none)
    x-envoy-decorator-operation: op -> x-envoy-decorator-operation: op
    x-envoy-downstream-service-cluster: c -> x-envoy-downstream-service-cluster: c
    x-envoy-downstream-service-node: n -> x-envoy-downstream-service-node: n
    x-envoy-original-path: /p -> x-envoy-original-path: /p
    x-envoy-original-host: h -> x-envoy-original-host: h
    x-envoy-attempt-count: 9 -> x-envoy-attempt-count: 9
    x-envoy-is-timeout-retry: true -> x-envoy-is-timeout-retry: true
    x-envoy-external-address: 1.2.3.4 -> x-envoy-external-address: 1.2.3.4
    x-envoy-original-dst-host: 127.0.0.1:1 -> x-envoy-original-dst-host: 127.0.0.1:1
    x-envoy-upstream-stream-duration-ms: 9000 -> (none)
    x-envoy-unknown: v -> x-envoy-unknown: v
  `,
      },
      each('main'),
    )
    f.scenario(
      'from an external client',
      {
        sees: `
    x-envoy-retry-on: 5xx -> (none)
    x-envoy-retry-grpc-on: cancelled -> (none)
    x-envoy-max-retries: 3 -> (none)
    x-envoy-retriable-status-codes: 400 -> (none)
    x-envoy-retriable-header-names: x -> (none)
    x-envoy-upstream-alt-stat-name: alt -> (none)
    x-envoy-upstream-rq-timeout-ms: 5000 -> (none)
    x-envoy-upstream-rq-per-try-timeout-ms: 3000 -> (none)
    x-envoy-upstream-rq-timeout-alt-response: 1 -> (none)
    x-envoy-expected-rq-timeout-ms: 750 -> x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-force-trace: true -> (none)
    x-envoy-ip-tags: t -> (none)
    x-envoy-original-url: u -> (none)
    x-envoy-hedge-on-per-try-timeout: true -> (none)
    x-envoy-internal: true -> (none)
    x-envoy-decorator-operation: op -> (none)
    x-envoy-downstream-service-cluster: c -> (none)
    x-envoy-downstream-service-node: n -> (none)
    x-envoy-original-path: /p -> (none)
    x-envoy-original-host: h -> (none)
    x-envoy-attempt-count: 9 -> x-envoy-attempt-count: 9
    x-envoy-is-timeout-retry: true -> x-envoy-is-timeout-retry: true
    x-envoy-external-address: 1.2.3.4 -> x-envoy-external-address: 127.0.0.1
    x-envoy-original-dst-host: 127.0.0.1:1 -> x-envoy-original-dst-host: 127.0.0.1:1
    x-envoy-upstream-stream-duration-ms: 9000 -> (none)
    x-envoy-unknown: v -> x-envoy-unknown: v
  `,
      },
      each('edge'),
    )
    f.scenario(
      'from an internal client',
      {
        sees: `
    x-envoy-retry-on: 5xx -> (none)
    x-envoy-retry-grpc-on: cancelled -> (none)
    x-envoy-max-retries: 3 -> (none)
    x-envoy-retriable-status-codes: 400 -> (none)
    x-envoy-retriable-header-names: x -> (none)
    x-envoy-upstream-alt-stat-name: alt -> (none)
    x-envoy-upstream-rq-timeout-ms: 5000 -> (none)
    x-envoy-upstream-rq-per-try-timeout-ms: 3000 -> (none)
    x-envoy-upstream-rq-timeout-alt-response: 1 -> (none)
    x-envoy-expected-rq-timeout-ms: 750 -> x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-force-trace: true -> x-envoy-force-trace: true
    x-envoy-ip-tags: t -> x-envoy-ip-tags: t
    x-envoy-original-url: u -> x-envoy-original-url: u
    x-envoy-hedge-on-per-try-timeout: true -> (none)
    x-envoy-internal: true -> x-envoy-internal: true
    x-envoy-decorator-operation: op -> x-envoy-decorator-operation: op
    x-envoy-downstream-service-cluster: c -> x-envoy-downstream-service-cluster: c
    x-envoy-downstream-service-node: n -> x-envoy-downstream-service-node: n
    x-envoy-original-path: /p -> x-envoy-original-path: /p
    x-envoy-original-host: h -> x-envoy-original-host: h
    x-envoy-attempt-count: 9 -> x-envoy-attempt-count: 9
    x-envoy-is-timeout-retry: true -> x-envoy-is-timeout-retry: true
    x-envoy-external-address: 1.2.3.4 -> x-envoy-external-address: 1.2.3.4
    x-envoy-original-dst-host: 127.0.0.1:1 -> x-envoy-original-dst-host: 127.0.0.1:1
    x-envoy-upstream-stream-duration-ms: 9000 -> (none)
    x-envoy-unknown: v -> x-envoy-unknown: v
  `,
      },
      each('internal'),
    )
    f.scenario(
      'internal_only_headers',
      {
        sees: `
    x-public: 2
  `,
      },
      async s => {
        await ask(s, 'named', ['x-secret: 1', 'x-public: 2'])
        s.note(picked(s, ['x-secret', 'x-public']))
      },
    )
    f.scenario(
      'referer',
      {
        sees: `
    http://a/b -> referer: http://a/b
    https://a -> referer: https://a
    ftp://a -> referer: ftp://a
    nonsense -> referer: nonsense
    http://a/#x -> (none)
    /relative -> referer: /relative
    http://u:p@a/ -> (none)
  `,
      },
      async s => {
        for (const value of [
          'http://a/b',
          'https://a',
          'ftp://a',
          'nonsense',
          'http://a/#x',
          '/relative',
          'http://u:p@a/',
        ]) {
          await ask(s, 'main', [`referer: ${value}`])
          s.note(`${value} -> ${picked(s, ['referer'])}`)
        }
      },
    )
    f.scenario(
      'x-client-trace-id and others that are only passed',
      {
        sees: `
    x-client-trace-id: t | x-ot-span-context: o | x-b3-traceid: b | traceparent: p | grpc-timeout: 1S | via: v
  `,
      },
      async s => {
        await ask(s, 'edge', [
          'x-client-trace-id: t',
          'x-ot-span-context: o',
          'x-b3-traceid: b',
          'traceparent: p',
          'x-forwarded-client-cert: c',
          'grpc-timeout: 1S',
          'via: v',
        ])
        s.note(picked(s, ['x-client', 'x-ot', 'x-b3', 'trace', 'x-forwarded-client', 'grpc', 'via']))
      },
    )
  },
)

const byPort = 'forward_proto_config: {https_destination_ports: [443], http_destination_ports: [80]}\n'
const proxied = `listener_filters:
- {name: pp, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol}}
`

feature(
  'x-forwarded-proto by destination port',
  {
    file: import.meta.url,
    listeners: [
      http('main', { hcm: byPort, listener: proxied }),
      http('remote', { hcm: `${byPort}use_remote_address: true\n`, listener: proxied }),
      http('direct', { hcm: byPort }),
    ],
  },
  f => {
    const askFrom = async (scene: Scene, to: string, ...heads: string[]): Promise<void> => {
      for (const lines of heads) {
        const client = await scene.connect(to)
        await client.send(lines)
        await client.response()
        const seen = scene.upstream().requests.at(-1)
        scene.note(`${lines.split('\r\n')[0]}: ${seen?.headers.get('x-forwarded-proto')}`)
      }
    }
    const from = (port: number, ...lines: string[]): string =>
      `PROXY TCP4 1.2.3.4 5.6.7.8 1111 ${port}\r\n${get('/', ...lines)}`
    f.scenario(
      'where a PROXY header tells it',
      {
        sees: `
      PROXY TCP4 1.2.3.4 5.6.7.8 1111 443: https
      PROXY TCP4 1.2.3.4 5.6.7.8 1111 80: http
      PROXY TCP4 1.2.3.4 5.6.7.8 1111 81: http
    `,
      },
      scene => askFrom(scene, 'main', from(443), from(80), from(81)),
    )
    f.scenario(
      'what the client says stays',
      {
        sees: `
      PROXY TCP4 1.2.3.4 5.6.7.8 1111 443: http
      PROXY TCP4 1.2.3.4 5.6.7.8 1111 80: https
    `,
      },
      scene => askFrom(scene, 'main', from(443, 'x-forwarded-proto: http'), from(80, 'x-forwarded-proto: https')),
    )
    f.scenario(
      'at the edge',
      {
        sees: `
      PROXY TCP4 1.2.3.4 5.6.7.8 1111 443: https
      PROXY TCP4 1.2.3.4 5.6.7.8 1111 80: http
    `,
      },
      scene => askFrom(scene, 'remote', from(443, 'x-forwarded-proto: http'), from(80, 'x-forwarded-proto: https')),
    )
    f.scenario(
      'not without a listener filter',
      {
        sees: `
      GET / HTTP/1.1: http
    `,
      },
      scene => askFrom(scene, 'direct', get('/')),
    )
  },
)
