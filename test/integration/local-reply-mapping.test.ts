import { answer, get, head } from '../support/bytes.js'
import { cluster, http } from '../support/config.js'
import { feature } from '../support/scenario.js'

const CLUSTERS = [
  cluster(
    'up',
    [],
    'metadata: {filter_metadata: {ns: {key: cluster value}}}\nload_assignment: {cluster_name: up, endpoints: [{lb_endpoints: [{metadata: {filter_metadata: {ns: {key: host value}}}, endpoint: {hostname: host.name, address: {socket_address: {address: 127.0.0.1, port_value: "${up}"}}}}]}]}',
  ),
  cluster('empty', []),
]

const MAPPERS = `
local_reply_config:
  mappers:
  - filter: {status_code_filter: {comparison: {op: EQ, value: {default_value: 404, runtime_key: x}}}}
    status_code: 410
    body: {inline_string: "gone"}
    headers_to_add: [{header: {key: x-mapped, value: "%REQ(:PATH)%"}}]
  - filter: {response_flag_filter: {flags: [UH]}}
    body_format_override: {json_format: {code: "%RESPONSE_CODE%", message: "%LOCAL_REPLY_BODY%", path: "%REQ(:PATH)%"}}
  - filter: {header_filter: {header: {name: x-html}}}
    body_format_override: {text_format_source: {inline_string: "<b>%LOCAL_REPLY_BODY%</b>"}, content_type: "text/html; charset=UTF-8"}
  body_format: {text_format_source: {inline_string: "%LOCAL_REPLY_BODY%:%RESPONSE_CODE%:path=%REQ(:path)%\\n"}}
`

feature(
  'local reply mapping',
  {
    file: import.meta.url,
    clusters: CLUSTERS,
    listeners: [
      http('main', {
        hcm: MAPPERS,
        vhosts: `[{name: v, domains: [a], routes: ${JSON.stringify([
          { match: { prefix: '/none' }, route: { cluster: 'empty' } },
          { match: { prefix: '/direct' }, direct_response: { status: 403, body: { inline_string: 'direct' } } },
          { match: { prefix: '/ok' }, route: { cluster: 'up' } },
        ])}}]`,
      }),
    ],
  },
  f => {
    f.exchange('another status, body and header', {
      send: get('/unknown'),
      sees: `
    < client
    HTTP/1.1 410 Gone
    x-mapped: /unknown
    content-length: 23
    content-type: text/plain
    date: DATE
    server: envoy

    gone:410:path=/unknown\\n
    (open)
    log: HTTP/1.1 410 NR route_not_found in=0 out=23
  `,
    })
    f.exchange('as JSON', {
      send: get('/none'),
      sees: `
    < client
    HTTP/1.1 503 Service Unavailable
    content-length: 60
    content-type: application/json
    date: DATE
    server: envoy

    {"code":503,"message":"no healthy upstream","path":"/none"}\\n
    (open)
    log: HTTP/1.1 503 UH no_healthy_upstream in=0 out=60
  `,
    })
    f.exchange('as JSON for HEAD', {
      send: head('HEAD /none HTTP/1.1', 'host: a'),
      sees: `
    < client
    HTTP/1.1 503 Service Unavailable
    content-length: 60
    content-type: application/json
    date: DATE
    server: envoy

    (open)
    log: HTTP/1.1 503 UH no_healthy_upstream in=0 out=0
  `,
    })
    f.exchange('another content type', {
      send: get('/direct', 'x-html: 1'),
      sees: `
    < client
    HTTP/1.1 403 Forbidden
    content-length: 13
    content-type: text/html; charset=UTF-8
    date: DATE
    server: envoy

    <b>direct</b>
    (open)
    log: HTTP/1.1 403 - direct_response in=0 out=13
  `,
    })
    f.exchange('the common format', {
      send: get('/direct'),
      sees: `
    < client
    HTTP/1.1 403 Forbidden
    content-length: 24
    content-type: text/plain
    date: DATE
    server: envoy

    direct:403:path=/direct\\n
    (open)
    log: HTTP/1.1 403 - direct_response in=0 out=24
  `,
    })
    f.exchange('a codec error', {
      send: 'BAD\r\n\r\n',
      sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 23
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request:400:path=-\\n
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=0 out=23
  `,
    })
    f.exchange('answers of the upstream are left alone', {
      send: get('/ok'),
      reply: answer(404, 'theirs'),
      sees: `
    > up
    GET /ok HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 404 Not Found
    content-length: 6
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    theirs
    (open)
    log: HTTP/1.1 404 - via_upstream in=0 out=6
  `,
    })
    f.exchange('gRPC keeps its form', {
      send: head('POST /none HTTP/1.1', 'host: a', 'content-type: application/grpc', 'content-length: 0'),
      sees: `
    < client
    HTTP/1.1 200 OK
    content-type: application/grpc
    grpc-status: 14
    grpc-message: {"code":503,"message":"no healthy upstream","path":"/none"}
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: HTTP/1.1 200 UH no_healthy_upstream in=0 out=0
  `,
    })
  },
)
