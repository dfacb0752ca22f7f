// What a connection manager does to headers of requests and responses.
import { answer, get, head } from '../support/bytes.js'
import { http } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'

/** Names and values of headers at the upstream that begin with one of the words. */
function picked(s: Scene, words: readonly string[]): string {
  const request = s.upstream().requests.at(-1)
  if (request === undefined) return '(no request)'
  const lines = request.head.split('\r\n').slice(1).filter((line) => words.some((word) => line.startsWith(word)))
  return lines.length === 0 ? '(none)' : lines.join(' | ')
}

const ask = async (s: Scene, listener: string, lines: readonly string[], from?: string): Promise<string> => {
  const client = await s.connect(listener, from)
  await client.send(get('/', ...lines))
  const response = await client.response()
  client.destroy()
  return response.startLine
}

feature('hop-by-hop headers', { file: import.meta.url, listeners: [http('main')] }, (f) => {
  f.exchange('they end at the proxy', {
    send: get('/', 'connection: x-named', 'x-named: v', 'keep-alive: 5', 'proxy-connection: keep-alive', 'te: gzip', 'trailer: x', 'proxy-authorization: p', 'proxy-authenticate: q'),
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
  f.exchange('te: trailers stays', { send: get('/', 'te: trailers'), sees: `
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
  ` })
  f.exchange('te: trailers in a list', { send: get('/', 'te: gzip;q=0.5, trailers'), sees: `
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
  ` })
  f.exchange('a header named by connection stays unless it is hop-by-hop', { send: get('/', 'connection: close, x-a', 'x-a: 1'), sees: `
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
  ` })
})

feature('server, date, via, user agent', {
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
}, (f) => {
  f.exchange('server is overwritten, date of the upstream is kept', { send: get('/'), reply: answer(200, 'x', 'server: theirs', 'date: Mon, 01 Jan 2001 00:00:00 GMT'), sees: `
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
  f.exchange('APPEND_IF_ABSENT keeps the upstream server', { to: 'absent', send: get('/'), reply: answer(200, 'x', 'server: theirs'), sees: `
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
  ` })
  f.exchange('APPEND_IF_ABSENT adds when absent', { to: 'absent', send: get('/'), reply: answer(200, 'x'), sees: `
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
  ` })
  f.exchange('PASS_THROUGH keeps the upstream server', { to: 'through', send: get('/'), reply: answer(200, 'x', 'server: theirs'), sees: `
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
  ` })
  f.exchange('PASS_THROUGH adds nothing', { to: 'through', send: get('/'), reply: answer(200, 'x'), sees: `
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
  ` })
  f.exchange('via is appended on both ways', { to: 'named', send: get('/', 'via: 1.1 first'), reply: answer(200, 'x', 'via: 1.0 origin'), sees: `
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
  ` })
  f.exchange('via is added where there is none', { to: 'named', send: get('/'), reply: answer(200, 'x'), sees: `
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
  ` })
  f.exchange('user agent from the service cluster when absent', { to: 'agent', send: get('/'), sees: `
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
  ` })
  f.exchange('user agent of the client stays', { to: 'agent', send: get('/', 'user-agent: curl'), sees: `
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
  ` })
  f.exchange('suppress_envoy_headers', { to: 'suppressed', send: get('/'), sees: `
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
  ` })
  f.exchange('the request id in the response', { to: 'respond', send: get('/'), sees: `
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
  ` })
  f.exchange('the request id in a local reply', { to: 'respond', send: get('/a#b'), sees: `
    < client
    HTTP/1.1 400 Bad Request
    date: DATE
    server: envoy
    connection: close
    content-length: 0

    (closed)
    log: HTTP/1.1 400 - path_normalization_failed in=0 out=0
  ` })
})

feature('x-request-id', {
  file: import.meta.url,
  listeners: [
    http('main'),
    http('edge', { hcm: 'use_remote_address: true' }),
    http('preserve', { hcm: '{use_remote_address: true, preserve_external_request_id: true}' }),
    http('off', { hcm: 'generate_request_id: false' }),
    http('unpacked', { hcm: '{request_id_extension: {typed_config: {"@type": type.googleapis.com/envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig, pack_trace_reason: false}}}' }),
  ],
}, (f) => {
  const of = (listener: string, ...lines: string[]) => async (s: Scene): Promise<void> => {
    await ask(s, listener, lines)
    s.note(picked(s, ['x-request-id']))
  }
  f.scenario('made when absent: a version 4 UUID', { sees: `
    true
  ` }, async (s) => {
    await ask(s, 'main', [])
    s.note(String(/x-request-id: [0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/.test(picked(s, ['x-request-id']))))
  })
  f.scenario('two requests have two ids', { sees: `
    true
  ` }, async (s) => {
    await ask(s, 'main', [])
    const first = picked(s, ['x-request-id'])
    await ask(s, 'main', [])
    s.note(String(first !== picked(s, ['x-request-id'])))
  })
  f.scenario('the client id is kept when not at the edge', { sees: `
    x-request-id: mine
  ` }, of('main', 'x-request-id: mine'))
  f.scenario('the client id is replaced at the edge', { sees: `
    x-request-id: UUID
  ` }, of('edge', 'x-request-id: mine'))
  f.scenario('preserve_external_request_id keeps it', { sees: `
    x-request-id: mine
  ` }, of('preserve', 'x-request-id: mine'))
  f.scenario('preserve_external_request_id makes one when absent', { sees: `
    x-request-id: UUID
  ` }, of('preserve'))
  f.scenario('generate_request_id: false makes none', { sees: `
    (none)
  ` }, of('off'))
  f.scenario('generate_request_id: false keeps one', { sees: `
    x-request-id: mine
  ` }, of('off', 'x-request-id: mine'))
  f.scenario('an empty id is replaced or kept', { sees: `
    x-request-id: UUID
  ` }, of('main', 'x-request-id:'))
  f.scenario('without packing of the trace reason', { sees: `
    x-request-id: UUID
  ` }, of('unpacked', 'x-request-id: 12345678-1234-4234-8234-123456789012'))
})

const ADDRESSES = ['x-forwarded', 'x-envoy-external', 'x-envoy-internal', 'x-from', 'x-direct', 'forwarded']
const remote = 'request_headers_to_add: [{header: {key: x-from, value: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"}}, {header: {key: x-direct, value: "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"}}]'

feature('x-forwarded-for', {
  file: import.meta.url,
  listeners: [
    http('plain', { routeConfig: remote }),
    http('remote', { hcm: 'use_remote_address: true', routeConfig: remote }),
    http('remote1', { hcm: '{use_remote_address: true, xff_num_trusted_hops: 1}', routeConfig: remote }),
    http('remote2', { hcm: '{use_remote_address: true, xff_num_trusted_hops: 2}', routeConfig: remote }),
    http('plain1', { hcm: 'xff_num_trusted_hops: 1', routeConfig: remote }),
    http('plain2', { hcm: 'xff_num_trusted_hops: 2', routeConfig: remote }),
    http('skip', { hcm: '{use_remote_address: true, skip_xff_append: true}', routeConfig: remote }),
    http('internal', { hcm: '{use_remote_address: true, internal_address_config: {cidr_ranges: [{address_prefix: 127.0.0.0, prefix_len: 8}]}}', routeConfig: remote }),
    http('plaininternal', { hcm: '{internal_address_config: {cidr_ranges: [{address_prefix: 10.0.0.0, prefix_len: 8}]}}', routeConfig: remote }),
    http('extension', { hcm: '{original_ip_detection_extensions: [{name: x, typed_config: {"@type": type.googleapis.com/envoy.extensions.http.original_ip_detection.xff.v3.XffConfig, xff_num_trusted_hops: 1}}]}', routeConfig: remote }),
    http('port', { hcm: '{use_remote_address: true, append_x_forwarded_port: true}', routeConfig: remote }),
  ],
}, (f) => {
  const table = (listener: string, rows: readonly (readonly string[])[], from?: string) => async (s: Scene): Promise<void> => {
    for (const lines of rows) {
      s.note(`${lines.join(' | ') || '(nothing)'}`)
      const status = await ask(s, listener, lines, from)
      s.note(`  ${status.includes('200') ? '' : `${status} `}${picked(s, ADDRESSES)}`)
    }
  }
  const rows = [
    [],
    ['x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1'],
    ['x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5'],
    ['x-forwarded-for: 10.20.30.40'],
    ['x-forwarded-for: 10.20.30.40, 10.20.30.50'],
    ['x-forwarded-for: 127.0.0.1'],
    ['x-forwarded-for: ::1'],
    ['x-forwarded-for: 2001:db8::1'],
    ['x-forwarded-for: [2001:db8::1]'],
    ['x-forwarded-for: 203.0.113.1:8080'],
    ['x-forwarded-for: unknown'],
    ['x-forwarded-for: 203.0.113.1, unknown'],
    ['x-forwarded-for:'],
    ['x-forwarded-for: 203.0.113.1', 'x-forwarded-for: 203.0.113.2'],
    ['x-forwarded-for: 203.0.113.1,'],
    ['x-envoy-external-address: 1.2.3.4'],
    ['x-envoy-internal: true'],
    ['x-forwarded-proto: https'],
    ['x-forwarded-proto: nonsense'],
    ['x-forwarded-proto: HTTPS'],
    ['x-forwarded-host: h', 'x-forwarded-port: 1'],
    ['forwarded: for=1.2.3.4'],
    ['x-forwarded-client-cert: By=spoof'],
  ]
  f.scenario('by default it is left alone', { sees: `
    (nothing)
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1 | x-forwarded-proto: http | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5 | x-forwarded-proto: http | x-from: 192.0.2.5 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40
      x-forwarded-for: 10.20.30.40 | x-forwarded-proto: http | x-from: 10.20.30.40 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40, 10.20.30.50
      x-forwarded-for: 10.20.30.40, 10.20.30.50 | x-forwarded-proto: http | x-from: 10.20.30.50 | x-direct: 127.0.0.1
    x-forwarded-for: 127.0.0.1
      x-forwarded-for: 127.0.0.1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: ::1
      x-forwarded-for: ::1 | x-forwarded-proto: http | x-from: ::1 | x-direct: 127.0.0.1
    x-forwarded-for: 2001:db8::1
      x-forwarded-for: 2001:db8::1 | x-forwarded-proto: http | x-from: 2001:db8::1 | x-direct: 127.0.0.1
    x-forwarded-for: [2001:db8::1]
      x-forwarded-for: [2001:db8::1] | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1:8080
      x-forwarded-for: 203.0.113.1:8080 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: unknown
      x-forwarded-for: unknown | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1, unknown
      x-forwarded-for: 203.0.113.1, unknown | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for:
      x-forwarded-for:  | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1 | x-forwarded-for: 203.0.113.2
      x-forwarded-for: 203.0.113.1,203.0.113.2 | x-forwarded-proto: http | x-from: 203.0.113.2 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1,
      x-forwarded-for: 203.0.113.1, | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-external-address: 1.2.3.4
      x-envoy-external-address: 1.2.3.4 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-internal: true
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: https
      x-forwarded-proto: https | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: nonsense
      x-forwarded-proto: nonsense | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: HTTPS
      x-forwarded-proto: HTTPS | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-host: h | x-forwarded-port: 1
      x-forwarded-host: h | x-forwarded-port: 1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    forwarded: for=1.2.3.4
      forwarded: for=1.2.3.4 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-client-cert: By=spoof
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
  ` }, table('plain', rows))
  f.scenario('use_remote_address appends the peer', { sees: `
    (nothing)
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40
      x-forwarded-for: 10.20.30.40,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40, 10.20.30.50
      x-forwarded-for: 10.20.30.40, 10.20.30.50,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 127.0.0.1
      x-forwarded-for: 127.0.0.1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: ::1
      x-forwarded-for: ::1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 2001:db8::1
      x-forwarded-for: 2001:db8::1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: [2001:db8::1]
      x-forwarded-for: [2001:db8::1],LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1:8080
      x-forwarded-for: 203.0.113.1:8080,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: unknown
      x-forwarded-for: unknown,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1, unknown
      x-forwarded-for: 203.0.113.1, unknown,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for:
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1 | x-forwarded-for: 203.0.113.2
      x-forwarded-for: 203.0.113.1,203.0.113.2,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1,
      x-forwarded-for: 203.0.113.1,,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-external-address: 1.2.3.4
      x-envoy-external-address: 127.0.0.1 | x-forwarded-for: LOCAL | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-internal: true
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: https
      x-forwarded-proto: http | x-forwarded-for: LOCAL | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: nonsense
      x-forwarded-proto: http | x-forwarded-for: LOCAL | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: HTTPS
      x-forwarded-proto: http | x-forwarded-for: LOCAL | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-host: h | x-forwarded-port: 1
      x-forwarded-host: h | x-forwarded-port: 1 | x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    forwarded: for=1.2.3.4
      forwarded: for=1.2.3.4 | x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-client-cert: By=spoof
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
  ` }, table('remote', rows))
  f.scenario('use_remote_address with one trusted hop', { sees: `
    (nothing)
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 203.0.113.1 | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 192.0.2.5 | x-from: 192.0.2.5 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40
      x-forwarded-for: 10.20.30.40,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 10.20.30.40 | x-from: 10.20.30.40 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40, 10.20.30.50
      x-forwarded-for: 10.20.30.40, 10.20.30.50,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 10.20.30.50 | x-from: 10.20.30.50 | x-direct: 127.0.0.1
    x-forwarded-for: 127.0.0.1
      x-forwarded-for: 127.0.0.1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: ::1
      x-forwarded-for: ::1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: ::1 | x-from: ::1 | x-direct: 127.0.0.1
    x-forwarded-for: 2001:db8::1
      x-forwarded-for: 2001:db8::1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 2001:db8::1 | x-from: 2001:db8::1 | x-direct: 127.0.0.1
    x-forwarded-for: [2001:db8::1]
      x-forwarded-for: [2001:db8::1],LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1:8080
      x-forwarded-for: 203.0.113.1:8080,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: unknown
      x-forwarded-for: unknown,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1, unknown
      x-forwarded-for: 203.0.113.1, unknown,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for:
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1 | x-forwarded-for: 203.0.113.2
      x-forwarded-for: 203.0.113.1,203.0.113.2,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 203.0.113.2 | x-from: 203.0.113.2 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1,
      x-forwarded-for: 203.0.113.1,,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-external-address: 1.2.3.4
      x-envoy-external-address: 127.0.0.1 | x-forwarded-for: LOCAL | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-internal: true
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: https
      x-forwarded-proto: https | x-forwarded-for: LOCAL | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: nonsense
      x-forwarded-proto: nonsense | x-forwarded-for: LOCAL | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: HTTPS
      x-forwarded-proto: HTTPS | x-forwarded-for: LOCAL | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-host: h | x-forwarded-port: 1
      x-forwarded-host: h | x-forwarded-port: 1 | x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    forwarded: for=1.2.3.4
      forwarded: for=1.2.3.4 | x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-client-cert: By=spoof
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
  ` }, table('remote1', rows))
  f.scenario('use_remote_address with two trusted hops', { sees: `
    (nothing)
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 203.0.113.10 | x-from: 203.0.113.10 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 203.0.113.1 | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40
      x-forwarded-for: 10.20.30.40,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40, 10.20.30.50
      x-forwarded-for: 10.20.30.40, 10.20.30.50,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 10.20.30.40 | x-from: 10.20.30.40 | x-direct: 127.0.0.1
    x-forwarded-for: 127.0.0.1
      x-forwarded-for: 127.0.0.1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: ::1
      x-forwarded-for: ::1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 2001:db8::1
      x-forwarded-for: 2001:db8::1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: [2001:db8::1]
      x-forwarded-for: [2001:db8::1],LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1:8080
      x-forwarded-for: 203.0.113.1:8080,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: unknown
      x-forwarded-for: unknown,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1, unknown
      x-forwarded-for: 203.0.113.1, unknown,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 203.0.113.1 | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-forwarded-for:
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1 | x-forwarded-for: 203.0.113.2
      x-forwarded-for: 203.0.113.1,203.0.113.2,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 203.0.113.1 | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1,
      x-forwarded-for: 203.0.113.1,,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 203.0.113.1 | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-envoy-external-address: 1.2.3.4
      x-envoy-external-address: 127.0.0.1 | x-forwarded-for: LOCAL | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-internal: true
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: https
      x-forwarded-proto: https | x-forwarded-for: LOCAL | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: nonsense
      x-forwarded-proto: nonsense | x-forwarded-for: LOCAL | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: HTTPS
      x-forwarded-proto: HTTPS | x-forwarded-for: LOCAL | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-host: h | x-forwarded-port: 1
      x-forwarded-host: h | x-forwarded-port: 1 | x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    forwarded: for=1.2.3.4
      forwarded: for=1.2.3.4 | x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-client-cert: By=spoof
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
  ` }, table('remote2', rows))
  f.scenario('one trusted hop without use_remote_address', { sees: `
    (nothing)
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1 | x-forwarded-proto: http | x-from: 203.0.113.10 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5 | x-forwarded-proto: http | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40
      x-forwarded-for: 10.20.30.40 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40, 10.20.30.50
      x-forwarded-for: 10.20.30.40, 10.20.30.50 | x-forwarded-proto: http | x-from: 10.20.30.40 | x-direct: 127.0.0.1
    x-forwarded-for: 127.0.0.1
      x-forwarded-for: 127.0.0.1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: ::1
      x-forwarded-for: ::1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 2001:db8::1
      x-forwarded-for: 2001:db8::1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: [2001:db8::1]
      x-forwarded-for: [2001:db8::1] | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1:8080
      x-forwarded-for: 203.0.113.1:8080 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: unknown
      x-forwarded-for: unknown | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1, unknown
      x-forwarded-for: 203.0.113.1, unknown | x-forwarded-proto: http | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-forwarded-for:
      x-forwarded-for:  | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1 | x-forwarded-for: 203.0.113.2
      x-forwarded-for: 203.0.113.1,203.0.113.2 | x-forwarded-proto: http | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1,
      x-forwarded-for: 203.0.113.1, | x-forwarded-proto: http | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-envoy-external-address: 1.2.3.4
      x-envoy-external-address: 1.2.3.4 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-internal: true
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: https
      x-forwarded-proto: https | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: nonsense
      x-forwarded-proto: nonsense | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: HTTPS
      x-forwarded-proto: HTTPS | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-host: h | x-forwarded-port: 1
      x-forwarded-host: h | x-forwarded-port: 1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    forwarded: for=1.2.3.4
      forwarded: for=1.2.3.4 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-client-cert: By=spoof
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
  ` }, table('plain1', rows))
  f.scenario('two trusted hops without use_remote_address', { sees: `
    (nothing)
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1 | x-forwarded-proto: http | x-from: 203.0.113.128 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5 | x-forwarded-proto: http | x-from: 203.0.113.10 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40
      x-forwarded-for: 10.20.30.40 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40, 10.20.30.50
      x-forwarded-for: 10.20.30.40, 10.20.30.50 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 127.0.0.1
      x-forwarded-for: 127.0.0.1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: ::1
      x-forwarded-for: ::1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 2001:db8::1
      x-forwarded-for: 2001:db8::1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: [2001:db8::1]
      x-forwarded-for: [2001:db8::1] | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1:8080
      x-forwarded-for: 203.0.113.1:8080 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: unknown
      x-forwarded-for: unknown | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1, unknown
      x-forwarded-for: 203.0.113.1, unknown | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for:
      x-forwarded-for:  | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1 | x-forwarded-for: 203.0.113.2
      x-forwarded-for: 203.0.113.1,203.0.113.2 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1,
      x-forwarded-for: 203.0.113.1, | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-external-address: 1.2.3.4
      x-envoy-external-address: 1.2.3.4 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-internal: true
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: https
      x-forwarded-proto: https | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: nonsense
      x-forwarded-proto: nonsense | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: HTTPS
      x-forwarded-proto: HTTPS | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-host: h | x-forwarded-port: 1
      x-forwarded-host: h | x-forwarded-port: 1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    forwarded: for=1.2.3.4
      forwarded: for=1.2.3.4 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-client-cert: By=spoof
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
  ` }, table('plain2', rows))
  f.scenario('skip_xff_append', { sees: `
    (nothing)
      x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1 | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5 | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40
      x-forwarded-for: 10.20.30.40 | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40, 10.20.30.50
      x-forwarded-for: 10.20.30.40, 10.20.30.50 | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 127.0.0.1
      x-forwarded-for: 127.0.0.1 | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: ::1
      x-forwarded-for: ::1 | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 2001:db8::1
      x-forwarded-for: 2001:db8::1 | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: [2001:db8::1]
      x-forwarded-for: [2001:db8::1] | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1:8080
      x-forwarded-for: 203.0.113.1:8080 | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: unknown
      x-forwarded-for: unknown | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1, unknown
      x-forwarded-for: 203.0.113.1, unknown | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for:
      x-forwarded-for:  | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1 | x-forwarded-for: 203.0.113.2
      x-forwarded-for: 203.0.113.1,203.0.113.2 | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1,
      x-forwarded-for: 203.0.113.1, | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-external-address: 1.2.3.4
      x-envoy-external-address: 127.0.0.1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-internal: true
      x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: https
      x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: nonsense
      x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: HTTPS
      x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-host: h | x-forwarded-port: 1
      x-forwarded-host: h | x-forwarded-port: 1 | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    forwarded: for=1.2.3.4
      forwarded: for=1.2.3.4 | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-client-cert: By=spoof
      x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
  ` }, table('skip', rows))
  f.scenario('loopback peers declared internal', { sees: `
    (nothing)
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-internal: true | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40
      x-forwarded-for: 10.20.30.40,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40, 10.20.30.50
      x-forwarded-for: 10.20.30.40, 10.20.30.50,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 127.0.0.1
      x-forwarded-for: 127.0.0.1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: ::1
      x-forwarded-for: ::1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 2001:db8::1
      x-forwarded-for: 2001:db8::1,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: [2001:db8::1]
      x-forwarded-for: [2001:db8::1],LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1:8080
      x-forwarded-for: 203.0.113.1:8080,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: unknown
      x-forwarded-for: unknown,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1, unknown
      x-forwarded-for: 203.0.113.1, unknown,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for:
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1 | x-forwarded-for: 203.0.113.2
      x-forwarded-for: 203.0.113.1,203.0.113.2,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1,
      x-forwarded-for: 203.0.113.1,,LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-external-address: 1.2.3.4
      x-envoy-external-address: 1.2.3.4 | x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-internal: true | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-internal: true
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-internal: true | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: https
      x-forwarded-proto: http | x-forwarded-for: LOCAL | x-envoy-internal: true | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: nonsense
      x-forwarded-proto: http | x-forwarded-for: LOCAL | x-envoy-internal: true | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: HTTPS
      x-forwarded-proto: http | x-forwarded-for: LOCAL | x-envoy-internal: true | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-host: h | x-forwarded-port: 1
      x-forwarded-host: h | x-forwarded-port: 1 | x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-internal: true | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    forwarded: for=1.2.3.4
      forwarded: for=1.2.3.4 | x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-internal: true | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-client-cert: By=spoof
      x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-internal: true | x-from: 127.0.0.1 | x-direct: 127.0.0.1
  ` }, table('internal', rows))
  f.scenario('10/8 declared internal', { sees: `
    (nothing)
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1 | x-forwarded-proto: http | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5 | x-forwarded-proto: http | x-from: 192.0.2.5 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40
      x-forwarded-for: 10.20.30.40 | x-forwarded-proto: http | x-envoy-internal: true | x-from: 10.20.30.40 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40, 10.20.30.50
      x-forwarded-for: 10.20.30.40, 10.20.30.50 | x-forwarded-proto: http | x-from: 10.20.30.50 | x-direct: 127.0.0.1
    x-forwarded-for: 127.0.0.1
      x-forwarded-for: 127.0.0.1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: ::1
      x-forwarded-for: ::1 | x-forwarded-proto: http | x-from: ::1 | x-direct: 127.0.0.1
    x-forwarded-for: 2001:db8::1
      x-forwarded-for: 2001:db8::1 | x-forwarded-proto: http | x-from: 2001:db8::1 | x-direct: 127.0.0.1
    x-forwarded-for: [2001:db8::1]
      x-forwarded-for: [2001:db8::1] | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1:8080
      x-forwarded-for: 203.0.113.1:8080 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: unknown
      x-forwarded-for: unknown | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1, unknown
      x-forwarded-for: 203.0.113.1, unknown | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for:
      x-forwarded-for:  | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1 | x-forwarded-for: 203.0.113.2
      x-forwarded-for: 203.0.113.1,203.0.113.2 | x-forwarded-proto: http | x-from: 203.0.113.2 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1,
      x-forwarded-for: 203.0.113.1, | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-external-address: 1.2.3.4
      x-envoy-external-address: 1.2.3.4 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-internal: true
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: https
      x-forwarded-proto: https | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: nonsense
      x-forwarded-proto: nonsense | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: HTTPS
      x-forwarded-proto: HTTPS | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-host: h | x-forwarded-port: 1
      x-forwarded-host: h | x-forwarded-port: 1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    forwarded: for=1.2.3.4
      forwarded: for=1.2.3.4 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-client-cert: By=spoof
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
  ` }, table('plaininternal', rows))
  f.scenario('the XFF detection extension', { sees: `
    (nothing)
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1 | x-forwarded-proto: http | x-from: 203.0.113.10 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1, 192.0.2.5 | x-forwarded-proto: http | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40
      x-forwarded-for: 10.20.30.40 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 10.20.30.40, 10.20.30.50
      x-forwarded-for: 10.20.30.40, 10.20.30.50 | x-forwarded-proto: http | x-from: 10.20.30.40 | x-direct: 127.0.0.1
    x-forwarded-for: 127.0.0.1
      x-forwarded-for: 127.0.0.1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: ::1
      x-forwarded-for: ::1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 2001:db8::1
      x-forwarded-for: 2001:db8::1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: [2001:db8::1]
      x-forwarded-for: [2001:db8::1] | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1:8080
      x-forwarded-for: 203.0.113.1:8080 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: unknown
      x-forwarded-for: unknown | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1, unknown
      x-forwarded-for: 203.0.113.1, unknown | x-forwarded-proto: http | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-forwarded-for:
      x-forwarded-for:  | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1 | x-forwarded-for: 203.0.113.2
      x-forwarded-for: 203.0.113.1,203.0.113.2 | x-forwarded-proto: http | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-forwarded-for: 203.0.113.1,
      x-forwarded-for: 203.0.113.1, | x-forwarded-proto: http | x-from: 203.0.113.1 | x-direct: 127.0.0.1
    x-envoy-external-address: 1.2.3.4
      x-envoy-external-address: 1.2.3.4 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-envoy-internal: true
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: https
      x-forwarded-proto: https | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: nonsense
      x-forwarded-proto: nonsense | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-proto: HTTPS
      x-forwarded-proto: HTTPS | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-host: h | x-forwarded-port: 1
      x-forwarded-host: h | x-forwarded-port: 1 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    forwarded: for=1.2.3.4
      forwarded: for=1.2.3.4 | x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-client-cert: By=spoof
      x-forwarded-proto: http | x-from: 127.0.0.1 | x-direct: 127.0.0.1
  ` }, table('extension', rows))
  f.scenario('append_x_forwarded_port', { sees: `
    x-forwarded-for: LOCAL | x-forwarded-proto: http | x-forwarded-port: LISTENER | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
    x-forwarded-port: LISTENER | x-forwarded-for: LOCAL | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.1 | x-from: 127.0.0.1 | x-direct: 127.0.0.1
  ` }, async (s) => {
    await ask(s, 'port', [])
    s.note(picked(s, ADDRESSES).replace(String(s.proxy.port('port')), 'LISTENER'))
    await ask(s, 'port', ['x-forwarded-port: 1'])
    s.note(picked(s, ADDRESSES).replace(String(s.proxy.port('port')), 'LISTENER'))
  })
  f.scenario('another loopback peer', { sees: `
    (nothing)
      x-forwarded-for: 127.0.0.9 | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.9 | x-from: 127.0.0.9 | x-direct: 127.0.0.9
    x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1
      x-forwarded-for: 203.0.113.128, 203.0.113.10, 203.0.113.1,127.0.0.9 | x-forwarded-proto: http | x-envoy-external-address: 127.0.0.9 | x-from: 127.0.0.9 | x-direct: 127.0.0.9
  ` }, table('remote', rows.slice(0, 2), '127.0.0.9'))
})

const SENSITIVE = [
  'x-envoy-retry-on: 5xx', 'x-envoy-retry-grpc-on: cancelled', 'x-envoy-max-retries: 3', 'x-envoy-retriable-status-codes: 400',
  'x-envoy-retriable-header-names: x', 'x-envoy-upstream-alt-stat-name: alt', 'x-envoy-upstream-rq-timeout-ms: 5000',
  'x-envoy-upstream-rq-per-try-timeout-ms: 3000', 'x-envoy-upstream-rq-timeout-alt-response: 1', 'x-envoy-expected-rq-timeout-ms: 750',
  'x-envoy-force-trace: true', 'x-envoy-ip-tags: t', 'x-envoy-original-url: u', 'x-envoy-hedge-on-per-try-timeout: true',
  'x-envoy-internal: true', 'x-envoy-decorator-operation: op', 'x-envoy-downstream-service-cluster: c', 'x-envoy-downstream-service-node: n',
  'x-envoy-original-path: /p', 'x-envoy-original-host: h', 'x-envoy-attempt-count: 9', 'x-envoy-is-timeout-retry: true',
  'x-envoy-external-address: 1.2.3.4', 'x-envoy-original-dst-host: 127.0.0.1:1', 'x-envoy-upstream-stream-duration-ms: 9000', 'x-envoy-unknown: v',
]

feature('x-envoy headers of clients', {
  file: import.meta.url,
  listeners: [
    http('main'),
    http('edge', { hcm: 'use_remote_address: true' }),
    http('internal', { hcm: '{use_remote_address: true, internal_address_config: {cidr_ranges: [{address_prefix: 127.0.0.0, prefix_len: 8}]}}' }),
    http('named', { hcm: 'use_remote_address: true', routeConfig: 'internal_only_headers: [x-secret]' }),
  ],
}, (f) => {
  const each = (listener: string) => async (s: Scene): Promise<void> => {
    for (const line of SENSITIVE) {
      const name = line.split(':')[0] ?? ''
      await ask(s, listener, [line])
      s.note(`${line} -> ${picked(s, [`${name}:`])}`)
    }
  }
  f.scenario('from a client that is not at the edge', { sees: `
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
  ` }, each('main'))
  f.scenario('from an external client', { sees: `
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
  ` }, each('edge'))
  f.scenario('from an internal client', { sees: `
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
  ` }, each('internal'))
  f.scenario('internal_only_headers', { sees: `
    x-public: 2
  ` }, async (s) => {
    await ask(s, 'named', ['x-secret: 1', 'x-public: 2'])
    s.note(picked(s, ['x-secret', 'x-public']))
  })
  f.scenario('referer', { sees: `
    http://a/b -> referer: http://a/b
    https://a -> referer: https://a
    ftp://a -> referer: ftp://a
    nonsense -> referer: nonsense
    http://a/#x -> (none)
    /relative -> referer: /relative
    http://u:p@a/ -> (none)
  ` }, async (s) => {
    for (const value of ['http://a/b', 'https://a', 'ftp://a', 'nonsense', 'http://a/#x', '/relative', 'http://u:p@a/']) {
      await ask(s, 'main', [`referer: ${value}`])
      s.note(`${value} -> ${picked(s, ['referer'])}`)
    }
  })
  f.scenario('x-client-trace-id and others that are only passed', { sees: `
    x-client-trace-id: t | x-ot-span-context: o | x-b3-traceid: b | traceparent: p | grpc-timeout: 1S | via: v
  ` }, async (s) => {
    await ask(s, 'edge', ['x-client-trace-id: t', 'x-ot-span-context: o', 'x-b3-traceid: b', 'traceparent: p', 'x-forwarded-client-cert: c', 'grpc-timeout: 1S', 'via: v'])
    s.note(picked(s, ['x-client', 'x-ot', 'x-b3', 'trace', 'x-forwarded-client', 'grpc', 'via']))
  })
})

const PATHS = [
  '/', '//', '/a/../b', '/a/./b', '/../a', '/a/..', '/a/.', '/a//b', '///a///b//', '/a%2Fb', '/a%2fb', '/a%5Cb', '/a%5cb/../c', '/a\\b', '/a/%2e%2e/b', '/%2E/x', '/a%20b', '/%41', '/%7Ea', '/%zz', '/a%', '/a%0', '/a%00b',
  '/a?b/../c', '/a//b?c//d', '/a;p=1/../b', '/a/b/../../../c', '/%2f%2f', '/a#b', '/a?x#b', '/caf\xc3\xa9', '/a/..?q', '/.', '/..', '/.hidden', '/a...b',
]

feature('paths', {
  file: import.meta.url,
  listeners: [
    http('main'),
    http('normal', { hcm: 'normalize_path: true' }),
    http('merge', { hcm: 'merge_slashes: true' }),
    http('both', { hcm: '{normalize_path: true, merge_slashes: true}' }),
    http('keep', { hcm: '{normalize_path: true, path_with_escaped_slashes_action: KEEP_UNCHANGED}' }),
    http('reject', { hcm: 'path_with_escaped_slashes_action: REJECT_REQUEST' }),
    http('redirect', { hcm: 'path_with_escaped_slashes_action: UNESCAPE_AND_REDIRECT' }),
    http('forward', { hcm: 'path_with_escaped_slashes_action: UNESCAPE_AND_FORWARD' }),
    http('forwardnormal', { hcm: '{normalize_path: true, merge_slashes: true, path_with_escaped_slashes_action: UNESCAPE_AND_FORWARD}' }),
  ],
}, (f) => {
  const each = (listener: string) => async (s: Scene): Promise<void> => {
    for (const path of PATHS) {
      const seen = s.upstream().requests.length
      const client = await s.connect(listener)
      await client.send(get(path))
      const response = await client.response()
      client.destroy()
      const request = s.upstream().requests[seen]
      const original = request?.headers.get('x-envoy-original-path')
      const location = response.headers.get('location')
      const outcome = request === undefined ? response.startLine : (request.startLine.split(' ')[1] ?? '')
      s.note(`${path} -> ${outcome}${original === undefined ? '' : ` original ${original}`}${location === undefined ? '' : ` location ${location}`}`)
    }
  }
  f.scenario('untouched by default', { sees: `
    / -> /
    // -> //
    /a/../b -> /a/../b
    /a/./b -> /a/./b
    /../a -> /../a
    /a/.. -> /a/..
    /a/. -> /a/.
    /a//b -> /a//b
    ///a///b// -> ///a///b//
    /a%2Fb -> /a%2Fb
    /a%2fb -> /a%2fb
    /a%5Cb -> /a%5Cb
    /a%5cb/../c -> /a%5cb/../c
    /a\\b -> /a\\b
    /a/%2e%2e/b -> /a/%2e%2e/b
    /%2E/x -> /%2E/x
    /a%20b -> /a%20b
    /%41 -> /%41
    /%7Ea -> /%7Ea
    /%zz -> /%zz
    /a% -> /a%
    /a%0 -> /a%0
    /a%00b -> /a%00b
    /a?b/../c -> /a?b/../c
    /a//b?c//d -> /a//b?c//d
    /a;p=1/../b -> /a;p=1/../b
    /a/b/../../../c -> /a/b/../../../c
    /%2f%2f -> /%2f%2f
    /a#b -> HTTP/1.1 400 Bad Request
    /a?x#b -> HTTP/1.1 400 Bad Request
    /cafÃ© -> HTTP/1.1 400 Bad Request
    /a/..?q -> /a/..?q
    /. -> /.
    /.. -> /..
    /.hidden -> /.hidden
    /a...b -> /a...b
  ` }, each('main'))
  f.scenario('normalize_path', { sees: `
    / -> /
    // -> //
    /a/../b -> /b
    /a/./b -> /a/b
    /../a -> /a
    /a/.. -> /
    /a/. -> /a/
    /a//b -> /a//b
    ///a///b// -> ///a///b//
    /a%2Fb -> /a%2Fb
    /a%2fb -> /a%2fb
    /a%5Cb -> /a%5Cb
    /a%5cb/../c -> /c
    /a\\b -> /a/b
    /a/%2e%2e/b -> /b
    /%2E/x -> /x
    /a%20b -> /a%20b
    /%41 -> /A
    /%7Ea -> /~a
    /%zz -> /%zz
    /a% -> /a%
    /a%0 -> /a%0
    /a%00b -> HTTP/1.1 400 Bad Request
    /a?b/../c -> /a?b/../c
    /a//b?c//d -> /a//b?c//d
    /a;p=1/../b -> /b
    /a/b/../../../c -> /c
    /%2f%2f -> /%2f%2f
    /a#b -> HTTP/1.1 400 Bad Request
    /a?x#b -> HTTP/1.1 400 Bad Request
    /cafÃ© -> HTTP/1.1 400 Bad Request
    /a/..?q -> /?q
    /. -> /
    /.. -> /
    /.hidden -> /.hidden
    /a...b -> /a...b
  ` }, each('normal'))
  f.scenario('merge_slashes', { sees: `
    / -> /
    // -> //
    /a/../b -> /a/../b
    /a/./b -> /a/./b
    /../a -> /../a
    /a/.. -> /a/..
    /a/. -> /a/.
    /a//b -> /a/b
    ///a///b// -> /a/b/
    /a%2Fb -> /a%2Fb
    /a%2fb -> /a%2fb
    /a%5Cb -> /a%5Cb
    /a%5cb/../c -> /a%5cb/../c
    /a\\b -> /a\\b
    /a/%2e%2e/b -> /a/%2e%2e/b
    /%2E/x -> /%2E/x
    /a%20b -> /a%20b
    /%41 -> /%41
    /%7Ea -> /%7Ea
    /%zz -> /%zz
    /a% -> /a%
    /a%0 -> /a%0
    /a%00b -> /a%00b
    /a?b/../c -> /a?b/../c
    /a//b?c//d -> /a/b?c//d
    /a;p=1/../b -> /a;p=1/../b
    /a/b/../../../c -> /a/b/../../../c
    /%2f%2f -> /%2f%2f
    /a#b -> HTTP/1.1 400 Bad Request
    /a?x#b -> HTTP/1.1 400 Bad Request
    /cafÃ© -> HTTP/1.1 400 Bad Request
    /a/..?q -> /a/..?q
    /. -> /.
    /.. -> /..
    /.hidden -> /.hidden
    /a...b -> /a...b
  ` }, each('merge'))
  f.scenario('normalize_path and merge_slashes', { sees: `
    / -> /
    // -> //
    /a/../b -> /b
    /a/./b -> /a/b
    /../a -> /a
    /a/.. -> /
    /a/. -> /a/
    /a//b -> /a/b
    ///a///b// -> /a/b/
    /a%2Fb -> /a%2Fb
    /a%2fb -> /a%2fb
    /a%5Cb -> /a%5Cb
    /a%5cb/../c -> /c
    /a\\b -> /a/b
    /a/%2e%2e/b -> /b
    /%2E/x -> /x
    /a%20b -> /a%20b
    /%41 -> /A
    /%7Ea -> /~a
    /%zz -> /%zz
    /a% -> /a%
    /a%0 -> /a%0
    /a%00b -> HTTP/1.1 400 Bad Request
    /a?b/../c -> /a?b/../c
    /a//b?c//d -> /a/b?c//d
    /a;p=1/../b -> /b
    /a/b/../../../c -> /c
    /%2f%2f -> /%2f%2f
    /a#b -> HTTP/1.1 400 Bad Request
    /a?x#b -> HTTP/1.1 400 Bad Request
    /cafÃ© -> HTTP/1.1 400 Bad Request
    /a/..?q -> /?q
    /. -> /
    /.. -> /
    /.hidden -> /.hidden
    /a...b -> /a...b
  ` }, each('both'))
  f.scenario('escaped slashes kept', { sees: `
    / -> /
    // -> //
    /a/../b -> /b
    /a/./b -> /a/b
    /../a -> /a
    /a/.. -> /
    /a/. -> /a/
    /a//b -> /a//b
    ///a///b// -> ///a///b//
    /a%2Fb -> /a%2Fb
    /a%2fb -> /a%2fb
    /a%5Cb -> /a%5Cb
    /a%5cb/../c -> /c
    /a\\b -> /a/b
    /a/%2e%2e/b -> /b
    /%2E/x -> /x
    /a%20b -> /a%20b
    /%41 -> /A
    /%7Ea -> /~a
    /%zz -> /%zz
    /a% -> /a%
    /a%0 -> /a%0
    /a%00b -> HTTP/1.1 400 Bad Request
    /a?b/../c -> /a?b/../c
    /a//b?c//d -> /a//b?c//d
    /a;p=1/../b -> /b
    /a/b/../../../c -> /c
    /%2f%2f -> /%2f%2f
    /a#b -> HTTP/1.1 400 Bad Request
    /a?x#b -> HTTP/1.1 400 Bad Request
    /cafÃ© -> HTTP/1.1 400 Bad Request
    /a/..?q -> /?q
    /. -> /
    /.. -> /
    /.hidden -> /.hidden
    /a...b -> /a...b
  ` }, each('keep'))
  f.scenario('escaped slashes rejected', { sees: `
    / -> /
    // -> //
    /a/../b -> /a/../b
    /a/./b -> /a/./b
    /../a -> /../a
    /a/.. -> /a/..
    /a/. -> /a/.
    /a//b -> /a//b
    ///a///b// -> ///a///b//
    /a%2Fb -> HTTP/1.1 400 Bad Request
    /a%2fb -> HTTP/1.1 400 Bad Request
    /a%5Cb -> HTTP/1.1 400 Bad Request
    /a%5cb/../c -> HTTP/1.1 400 Bad Request
    /a\\b -> /a\\b
    /a/%2e%2e/b -> /a/%2e%2e/b
    /%2E/x -> /%2E/x
    /a%20b -> /a%20b
    /%41 -> /%41
    /%7Ea -> /%7Ea
    /%zz -> /%zz
    /a% -> /a%
    /a%0 -> /a%0
    /a%00b -> /a%00b
    /a?b/../c -> /a?b/../c
    /a//b?c//d -> /a//b?c//d
    /a;p=1/../b -> /a;p=1/../b
    /a/b/../../../c -> /a/b/../../../c
    /%2f%2f -> HTTP/1.1 400 Bad Request
    /a#b -> HTTP/1.1 400 Bad Request
    /a?x#b -> HTTP/1.1 400 Bad Request
    /cafÃ© -> HTTP/1.1 400 Bad Request
    /a/..?q -> /a/..?q
    /. -> /.
    /.. -> /..
    /.hidden -> /.hidden
    /a...b -> /a...b
  ` }, each('reject'))
  f.scenario('escaped slashes redirected', { sees: `
    / -> /
    // -> //
    /a/../b -> /a/../b
    /a/./b -> /a/./b
    /../a -> /../a
    /a/.. -> /a/..
    /a/. -> /a/.
    /a//b -> /a//b
    ///a///b// -> ///a///b//
    /a%2Fb -> HTTP/1.1 307 Temporary Redirect location /a/b
    /a%2fb -> HTTP/1.1 307 Temporary Redirect location /a/b
    /a%5Cb -> HTTP/1.1 307 Temporary Redirect location /a\\b
    /a%5cb/../c -> HTTP/1.1 307 Temporary Redirect location /a\\b/../c
    /a\\b -> /a\\b
    /a/%2e%2e/b -> /a/%2e%2e/b
    /%2E/x -> /%2E/x
    /a%20b -> /a%20b
    /%41 -> /%41
    /%7Ea -> /%7Ea
    /%zz -> /%zz
    /a% -> /a%
    /a%0 -> /a%0
    /a%00b -> /a%00b
    /a?b/../c -> /a?b/../c
    /a//b?c//d -> /a//b?c//d
    /a;p=1/../b -> /a;p=1/../b
    /a/b/../../../c -> /a/b/../../../c
    /%2f%2f -> HTTP/1.1 307 Temporary Redirect location ///
    /a#b -> HTTP/1.1 400 Bad Request
    /a?x#b -> HTTP/1.1 400 Bad Request
    /cafÃ© -> HTTP/1.1 400 Bad Request
    /a/..?q -> /a/..?q
    /. -> /.
    /.. -> /..
    /.hidden -> /.hidden
    /a...b -> /a...b
  ` }, each('redirect'))
  f.scenario('escaped slashes unescaped', { sees: `
    / -> /
    // -> //
    /a/../b -> /a/../b
    /a/./b -> /a/./b
    /../a -> /../a
    /a/.. -> /a/..
    /a/. -> /a/.
    /a//b -> /a//b
    ///a///b// -> ///a///b//
    /a%2Fb -> /a/b
    /a%2fb -> /a/b
    /a%5Cb -> /a\\b
    /a%5cb/../c -> /a\\b/../c
    /a\\b -> /a\\b
    /a/%2e%2e/b -> /a/%2e%2e/b
    /%2E/x -> /%2E/x
    /a%20b -> /a%20b
    /%41 -> /%41
    /%7Ea -> /%7Ea
    /%zz -> /%zz
    /a% -> /a%
    /a%0 -> /a%0
    /a%00b -> /a%00b
    /a?b/../c -> /a?b/../c
    /a//b?c//d -> /a//b?c//d
    /a;p=1/../b -> /a;p=1/../b
    /a/b/../../../c -> /a/b/../../../c
    /%2f%2f -> ///
    /a#b -> HTTP/1.1 400 Bad Request
    /a?x#b -> HTTP/1.1 400 Bad Request
    /cafÃ© -> HTTP/1.1 400 Bad Request
    /a/..?q -> /a/..?q
    /. -> /.
    /.. -> /..
    /.hidden -> /.hidden
    /a...b -> /a...b
  ` }, each('forward'))
  f.scenario('escaped slashes unescaped, then normalized and merged', { sees: `
    / -> /
    // -> //
    /a/../b -> /b
    /a/./b -> /a/b
    /../a -> /a
    /a/.. -> /
    /a/. -> /a/
    /a//b -> /a/b
    ///a///b// -> /a/b/
    /a%2Fb -> /a/b
    /a%2fb -> /a/b
    /a%5Cb -> /a/b
    /a%5cb/../c -> /a/c
    /a\\b -> /a/b
    /a/%2e%2e/b -> /b
    /%2E/x -> /x
    /a%20b -> /a%20b
    /%41 -> /A
    /%7Ea -> /~a
    /%zz -> /%zz
    /a% -> /a%
    /a%0 -> /a%0
    /a%00b -> HTTP/1.1 400 Bad Request
    /a?b/../c -> /a?b/../c
    /a//b?c//d -> /a/b?c//d
    /a;p=1/../b -> /b
    /a/b/../../../c -> /c
    /%2f%2f -> //
    /a#b -> HTTP/1.1 400 Bad Request
    /a?x#b -> HTTP/1.1 400 Bad Request
    /cafÃ© -> HTTP/1.1 400 Bad Request
    /a/..?q -> /?q
    /. -> /
    /.. -> /
    /.hidden -> /.hidden
    /a...b -> /a...b
  ` }, each('forwardnormal'))
  f.exchange('the redirect byte for byte', { to: 'redirect', send: get('/a%2Fb?c'), sees: `
    < client
    HTTP/1.1 307 Temporary Redirect
    location: /a/b?c
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: HTTP/1.1 307 - path_normalization_failed in=0 out=0
  ` })
  f.exchange('the rejection byte for byte', { to: 'reject', send: get('/a%2Fb?c'), sees: `
    < client
    HTTP/1.1 400 Bad Request
    date: DATE
    server: envoy
    connection: close
    content-length: 0

    (closed)
    log: HTTP/1.1 400 - path_normalization_failed in=0 out=0
  ` })
  f.exchange('a path that cannot be normalized', { to: 'normal', send: get('/a%00b'), sees: `
    < client
    HTTP/1.1 400 Bad Request
    date: DATE
    server: envoy
    connection: close
    content-length: 0

    (closed)
    log: HTTP/1.1 400 - path_normalization_failed in=0 out=0
  ` })
})

feature('host and underscores', {
  file: import.meta.url,
  listeners: [
    http('main'),
    http('strip', { hcm: 'strip_any_host_port: true' }),
    http('dot', { hcm: 'strip_trailing_host_dot: true' }),
    http('both', { hcm: '{strip_any_host_port: true, strip_trailing_host_dot: true}' }),
    http('reject', { hcm: 'common_http_protocol_options: {headers_with_underscores_action: REJECT_REQUEST}' }),
    http('drop', { hcm: 'common_http_protocol_options: {headers_with_underscores_action: DROP_HEADER}' }),
    http('matching', { hcm: 'strip_matching_host_port: true' }),
  ],
}, (f) => {
  const hosts = ['a', 'a:80', 'a:8080', 'a.', 'a.:80', 'A.Example:1', '[::1]', '[::1]:80', 'a:', 'a:x', 'a:99999', '127.0.0.1:80', 'a_b', 'a,b', '*', 'a..']
  const each = (listener: string) => async (s: Scene): Promise<void> => {
    for (const host of hosts) {
      const seen = s.upstream().requests.length
      const client = await s.connect(listener)
      await client.send(head('GET / HTTP/1.1', `host: ${host}`))
      const response = await client.response()
      client.destroy()
      s.note(`${host} -> ${s.upstream().requests[seen]?.headers.get('host') ?? response.startLine}`)
    }
  }
  f.scenario('hosts as they are', { sees: `
    a -> a
    a:80 -> a:80
    a:8080 -> a:8080
    a. -> a.
    a.:80 -> a.:80
    A.Example:1 -> A.Example:1
    [::1] -> [::1]
    [::1]:80 -> [::1]:80
    a: -> a:
    a:x -> a:x
    a:99999 -> a:99999
    127.0.0.1:80 -> 127.0.0.1:80
    a_b -> a_b
    a,b -> a,b
    * -> *
    a.. -> a..
  ` }, each('main'))
  f.scenario('strip_any_host_port', { sees: `
    a -> a
    a:80 -> a
    a:8080 -> a
    a. -> a.
    a.:80 -> a.
    A.Example:1 -> A.Example
    [::1] -> [::1]
    [::1]:80 -> [::1]
    a: -> a:
    a:x -> a:x
    a:99999 -> a
    127.0.0.1:80 -> 127.0.0.1
    a_b -> a_b
    a,b -> a,b
    * -> *
    a.. -> a..
  ` }, each('strip'))
  f.scenario('strip_trailing_host_dot', { sees: `
    a -> a
    a:80 -> a:80
    a:8080 -> a:8080
    a. -> a
    a.:80 -> a:80
    A.Example:1 -> A.Example:1
    [::1] -> [::1]
    [::1]:80 -> [::1]:80
    a: -> a:
    a:x -> a:x
    a:99999 -> a:99999
    127.0.0.1:80 -> 127.0.0.1:80
    a_b -> a_b
    a,b -> a,b
    * -> *
    a.. -> a.
  ` }, each('dot'))
  f.scenario('strip_any_host_port and strip_trailing_host_dot', { sees: `
    a -> a
    a:80 -> a
    a:8080 -> a
    a. -> a
    a.:80 -> a
    A.Example:1 -> A.Example
    [::1] -> [::1]
    [::1]:80 -> [::1]
    a: -> a:
    a:x -> a:x
    a:99999 -> a
    127.0.0.1:80 -> 127.0.0.1
    a_b -> a_b
    a,b -> a,b
    * -> *
    a.. -> a.
  ` }, each('both'))
  f.scenario('strip_matching_host_port takes only the port of the listener', { sees: `
    a -> a
    a:80 -> a:80
    a:LISTENER -> a
  ` }, async (s) => {
    const port = s.proxy.port('matching')
    for (const host of ['a', 'a:80', `a:${port}`]) {
      const client = await s.connect('matching')
      await client.send(head('GET / HTTP/1.1', `host: ${host}`))
      await client.response()
      s.note(`${host.replace(String(port), 'LISTENER')} -> ${s.upstream().requests.at(-1)?.headers.get('host')}`)
    }
  })
  f.exchange('underscores are allowed by default', { send: get('/', 'x_a: 1'), sees: `
    > up
    GET / HTTP/1.1
    host: a
    x_a: 1
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
  f.exchange('underscores rejected', { to: 'reject', send: get('/', 'x_a: 1'), stats: /underscores/, sees: `
    stat: http1.requests_rejected_with_underscores_in_headers +1
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.unexpected_underscore in=0 out=11
  ` })
  f.exchange('underscores dropped', { to: 'drop', send: get('/', 'x_a: 1', 'x-b: 2', 'x_c: 3'), stats: /underscores/, sees: `
    stat: http1.dropped_headers_with_underscores +2
    > up
    GET / HTTP/1.1
    host: a
    x-b: 2
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
