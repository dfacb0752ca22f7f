// Headers added and removed at every level of the route configuration.
import { answer, get } from '../support/bytes.js'
import { http } from '../support/config.js'
import { feature } from '../support/scenario.js'

const _headers = (...all: string[][]): string[][] => all.map(lines => ['GET / HTTP/1.1', 'host: a', ...lines])

const says = (text: string): string => `direct_response: {status: 200, body: {inline_string: "${text}"}}`

const _vhost = (name: string, ...domains: string[]): string =>
  `{name: ${name}, domains: ${JSON.stringify(domains)}, routes: [{match: {prefix: /}, ${says(name)}}]}`

const _routes = (...all: [string, string][]): string =>
  `[${all.map(([match, name]) => `{match: ${match}, ${says(name)}}`).join(', ')}]`

feature(
  'header mutations',
  {
    file: import.meta.url,
    listeners: [
      http('main', {
        vhosts: `
- name: all
  domains: ["*"]
  request_headers_to_add: [{header: {key: x-order, value: vhost}}, {header: {key: x-once, value: vhost}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}]
  request_headers_to_remove: [x-gone-vhost]
  response_headers_to_add: [{header: {key: x-rorder, value: vhost}}, {header: {key: x-ronce, value: vhost}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}]
  response_headers_to_remove: [x-rgone]
  routes:
  - match: {prefix: /w}
    route: {weighted_clusters: {clusters: [{name: up, weight: 1, request_headers_to_add: [{header: {key: x-order, value: weighted}}, {header: {key: x-once, value: weighted}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}], response_headers_to_add: [{header: {key: x-rorder, value: weighted}}, {header: {key: x-ronce, value: weighted}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}], request_headers_to_remove: [x-gone-weighted]}]}}
    request_headers_to_add: [{header: {key: x-order, value: route}}, {header: {key: x-once, value: route}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}]
    response_headers_to_add: [{header: {key: x-rorder, value: route}}, {header: {key: x-ronce, value: route}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}]
  - match: {prefix: /actions}
    route: {cluster: up}
    request_headers_to_add:
    - {header: {key: x-append, value: new}, append_action: APPEND_IF_EXISTS_OR_ADD}
    - {header: {key: x-absent, value: new}, append_action: ADD_IF_ABSENT}
    - {header: {key: x-over, value: new}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}
    - {header: {key: x-exists, value: new}, append_action: OVERWRITE_IF_EXISTS}
    - {header: {key: x-oldfalse, value: new}, append: false}
    - {header: {key: x-oldtrue, value: new}, append: true}
    - {header: {key: x-empty, value: ""}}
    - {header: {key: x-keepempty, value: ""}, keep_empty_value: true}
    - {header: {key: X-Upper-Key, value: Value}}
  - match: {prefix: /formats}
    route: {cluster: up}
    request_headers_to_add:
    - {header: {key: x-pct, value: "100%%"}}
    - {header: {key: x-req, value: "<%REQ(x-a)%|%REQ(x-b?x-a)%|%REQ(x-a):2%|%REQ(:path)%|%REQ(:method)%|%REQ(nope)%>"}}
    - {header: {key: x-only-missing, value: "%REQ(nope)%"}}
    - {header: {key: x-peer, value: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %PROTOCOL%"}}
    - {header: {key: x-route, value: "%ROUTE_NAME%|%UPSTREAM_CLUSTER%|%VIRTUAL_CLUSTER_NAME%"}}
    - {header: {key: x-host, value: "%HOSTNAME%"}}
    response_headers_to_add:
    - {header: {key: x-code, value: "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%"}}
    - {header: {key: x-resp, value: "%RESP(x-up)% %UPSTREAM_HOST% %BYTES_RECEIVED%"}}
    - {header: {key: x-up-cluster, value: "%UPSTREAM_CLUSTER%"}}
    name: the-route
  - match: {prefix: /remove}
    route: {cluster: up}
    request_headers_to_remove: [x-gone, user-agent]
    response_headers_to_remove: [x-up, server, date, x-envoy-upstream-service-time]
  - match: {prefix: /special}
    route: {cluster: up}
    request_headers_to_add: [{header: {key: cookie, value: added=1}}, {header: {key: x-forwarded-proto, value: https}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}]
    response_headers_to_add: [{header: {key: server, value: mine}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}, {header: {key: set-cookie, value: added=1}}]
  - match: {prefix: /}
    route: {cluster: up}
`,
        routeConfig: `
request_headers_to_add: [{header: {key: x-order, value: config}}, {header: {key: x-once, value: config}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}]
response_headers_to_add: [{header: {key: x-rorder, value: config}}, {header: {key: x-ronce, value: config}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}]
request_headers_to_remove: [x-gone-config]`,
      }),
      http('specific', {
        vhosts:
          '[{name: all, domains: ["*"], request_headers_to_add: [{header: {key: x-once, value: vhost}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}, {header: {key: x-order, value: vhost}}], routes: [{match: {prefix: /}, route: {cluster: up}, request_headers_to_add: [{header: {key: x-once, value: route}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}, {header: {key: x-order, value: route}}]}]}]',
        routeConfig:
          '{most_specific_header_mutations_wins: true, request_headers_to_add: [{header: {key: x-once, value: config}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}, {header: {key: x-order, value: config}}]}',
      }),
    ],
  },
  f => {
    f.exchange('the order of levels', {
      send: get('/w', 'x-order: client', 'x-once: client', 'x-gone-vhost: 1', 'x-gone-weighted: 1', 'x-gone-config: 1'),
      reply: answer(200, 'x', 'x-rorder: upstream', 'x-ronce: upstream', 'x-rgone: 1'),
      sees: `
    > up
    GET /w HTTP/1.1
    host: a
    x-order: client
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-order: weighted
    x-order: route
    x-order: vhost
    x-once: config
    x-order: config

    < client
    HTTP/1.1 200 OK
    content-length: 1
    x-rorder: upstream
    x-envoy-upstream-service-time: MS
    x-rorder: weighted
    x-rorder: route
    x-rorder: vhost
    x-ronce: config
    x-rorder: config
    date: DATE
    server: envoy

    x
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  `,
    })
    f.exchange('the order of levels without the weighted cluster', {
      send: get('/'),
      sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-order: vhost
    x-once: config
    x-order: config

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-rorder: vhost
    x-ronce: config
    x-rorder: config
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  `,
    })
    f.exchange('most_specific_header_mutations_wins', {
      to: 'specific',
      send: get('/', 'x-order: client'),
      sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-order: client
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-order: config
    x-order: vhost
    x-once: route
    x-order: route

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
    f.exchange('append actions when the header is there', {
      send: get(
        '/actions',
        'x-append: old',
        'x-absent: old',
        'x-over: old',
        'x-exists: old',
        'x-oldfalse: old',
        'x-oldtrue: old',
        'x-empty: old',
      ),
      sees: `
    > up
    GET /actions HTTP/1.1
    host: a
    x-append: old
    x-absent: old
    x-oldtrue: old
    x-empty: old
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-over: new
    x-exists: new
    x-oldfalse: new
    x-append: new
    x-oldtrue: new
    x-keepempty:
    x-upper-key: Value
    x-order: vhost
    x-once: config
    x-order: config

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-rorder: vhost
    x-ronce: config
    x-rorder: config
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  `,
    })
    f.exchange('append actions when the header is absent', {
      send: get('/actions'),
      sees: `
    > up
    GET /actions HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-over: new
    x-oldfalse: new
    x-append: new
    x-absent: new
    x-oldtrue: new
    x-keepempty:
    x-upper-key: Value
    x-order: vhost
    x-once: config
    x-order: config

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-rorder: vhost
    x-ronce: config
    x-rorder: config
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  `,
    })
    f.exchange('append actions when the header is there twice', {
      send: get('/actions', 'x-append: 1', 'x-append: 2', 'x-over: 1', 'x-over: 2', 'x-exists: 1', 'x-exists: 2'),
      sees: `
    > up
    GET /actions HTTP/1.1
    host: a
    x-append: 1
    x-append: 2
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-over: new
    x-exists: new
    x-oldfalse: new
    x-append: new
    x-absent: new
    x-oldtrue: new
    x-keepempty:
    x-upper-key: Value
    x-order: vhost
    x-once: config
    x-order: config

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-rorder: vhost
    x-ronce: config
    x-rorder: config
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  `,
    })
    f.scenario(
      'values with operators',
      {
        sees: `
    x-host is a name: true
    x-a: alpha
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-pct: 100%
    x-req: <alpha|alpha|al|/formats|GET|>
    x-peer: 127.0.0.1 127.0.0.1 HTTP/1.1
    x-route: the-route|up|
    x-order: vhost
    x-once: config
    x-order: config
    < client
    HTTP/1.1 200 OK
    content-length: 1
    x-up: 1
    x-envoy-upstream-service-time: MS
    x-code: 200 - via_upstream
    x-resp: 1 127.0.0.1:$up 0
    x-up-cluster: up
    x-rorder: vhost
    x-ronce: config
    x-rorder: config
    date: DATE
    server: envoy

    x
    (open)
  `,
      },
      async s => {
        s.upstream().script(answer(200, 'x', 'x-up: 1'))
        const client = await s.connect()
        await client.send(get('/formats', 'x-a: alpha'))
        await client.response()
        const hostname = s.upstream().requests[0]?.headers.get('x-host') ?? ''
        s.note(`x-host is a name: ${hostname.length > 0}`)
        for (const line of s.upstream().requests[0]?.head.split('\r\n') ?? [])
          if (line.startsWith('x-') && !line.startsWith('x-host')) s.note(line)
        s.sawAll(client)
      },
    )
    f.exchange('removal', {
      send: get('/remove', 'x-gone: 1', 'X-Gone: 2', 'user-agent: u', 'x-stays: 1'),
      reply: answer(200, 'x', 'x-up: 1', 'x-stays: 1'),
      sees: `
    > up
    GET /remove HTTP/1.1
    host: a
    x-stays: 1
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-order: vhost
    x-once: config
    x-order: config

    < client
    HTTP/1.1 200 OK
    content-length: 1
    x-stays: 1
    x-rorder: vhost
    x-ronce: config
    x-rorder: config
    date: DATE
    server: envoy

    x
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  `,
    })
    f.exchange('cookies, server and x-forwarded-proto', {
      send: get('/special', 'cookie: a=b'),
      reply: answer(200, 'x', 'set-cookie: c=d'),
      sees: `
    > up
    GET /special HTTP/1.1
    host: a
    cookie: a=b
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-forwarded-proto: https
    cookie: added=1
    x-order: vhost
    x-once: config
    x-order: config

    < client
    HTTP/1.1 200 OK
    content-length: 1
    set-cookie: c=d
    x-envoy-upstream-service-time: MS
    server: envoy
    set-cookie: added=1
    x-rorder: vhost
    x-ronce: config
    x-rorder: config
    date: DATE

    x
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  `,
    })
  },
)
