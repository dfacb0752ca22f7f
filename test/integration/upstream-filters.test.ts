// HTTP filters between the router and an upstream: a cluster's http_filters, and the router's upstream_http_filters.
import { parse, stringify } from 'yaml'
import { get, post } from '../support/bytes.js'
import { cluster, http, httpOptions } from '../support/config.js'
import { thenReset } from '../support/fake-upstream.js'
import { feature } from '../support/scenario.js'

type Configured = readonly [name: string, type: string, yaml: string, more?: string]

const filters = 'envoy.extensions.filters.http'
const codec: Configured = ['codec', `${filters}.upstream_codec.v3.UpstreamCodec`, '{}']
const set = (header: string, value: string, action = 'OVERWRITE_IF_EXISTS_OR_ADD'): string =>
  `{append: {header: {key: ${header}, value: "${value}"}, append_action: ${action}}}`
const mutate = (name: string, yaml: string, more = ''): Configured => [
  name,
  `${filters}.header_mutation.v3.HeaderMutation`,
  `{mutations: {${yaml}}}`,
  more,
]
const chain = (...configured: readonly Configured[]): unknown[] =>
  [...configured, codec].map(([name, type, yaml, more = '']) => ({
    name,
    typed_config: { '@type': `type.googleapis.com/${type}`, ...(parse(yaml) as object) },
    ...((more === '' ? {} : parse(more)) as object),
  }))
/** A cluster called `name` of upstream `up`, with these filters. */
const filtered = (name: string, configured: readonly Configured[]): ReturnType<typeof cluster> =>
  cluster(name, ['up'], httpOptions(stringify({ http_filters: chain(...configured) })))

const order = (name: string): Configured =>
  mutate(
    name,
    `request_mutations: [${set('x-order', name, 'APPEND_IF_EXISTS_OR_ADD')}], response_mutations: [${set('x-rorder', name, 'APPEND_IF_EXISTS_OR_ADD')}]`,
  )
const rbac = `{rules: {action: DENY, policies: {no: {permissions: [{header: {name: x-no, present_match: true}}], principals: [{any: true}]}}}}`

feature(
  'upstream HTTP filters',
  {
    file: import.meta.url,
    upstreams: ['up'],
    clusters: [
      cluster('plain', ['up']),
      filtered('mutate', [
        mutate(
          'mutate',
          `request_mutations: [${set('x-req', '%REQ(:path)% %REQ(x-a)% %UPSTREAM_CLUSTER% %UPSTREAM_REQUEST_ATTEMPT_COUNT%')}, {remove: x-gone}], response_mutations: [${set('x-resp', '%RESP(x-b)% %RESPONSE_CODE% %REQ(x-req)%')}, {remove: x-up}]`,
        ),
      ]),
      filtered('ordered', [order('one'), order('two')]),
      filtered('tried', [order('try')]),
      filtered('buffered', [['buffer', `${filters}.buffer.v3.Buffer`, '{max_request_bytes: 10}'], order('after')]),
      filtered('denied', [['rbac', `${filters}.rbac.v3.RBAC`, rbac], order('after')]),
      filtered('off', [mutate('off', `request_mutations: [${set('x-off', 'on')}]`, 'disabled: true'), order('on')]),
      filtered('empty', []),
    ],
    listeners: [
      http('main', {
        routes: `
- {match: {prefix: /mutate}, route: {cluster: mutate}, request_headers_to_add: [{header: {key: x-a, value: route}}], response_headers_to_add: [{header: {key: x-last, value: "%RESP(x-resp)%"}}]}
- {match: {prefix: /ordered}, route: {cluster: ordered}}
- {match: {prefix: /tried}, route: {cluster: tried, retry_policy: {retry_on: "5xx,reset"}}}
- {match: {prefix: /buffered}, route: {cluster: buffered}}
- {match: {prefix: /rebuffered}, route: {cluster: buffered, retry_policy: {retry_on: "5xx"}}}
- {match: {prefix: /wide}, route: {cluster: buffered}, typed_per_filter_config: {buffer: {"@type": type.googleapis.com/${filters}.buffer.v3.BufferPerRoute, buffer: {max_request_bytes: 100}}}}
- {match: {prefix: /denied}, route: {cluster: denied, retry_policy: {retry_on: "5xx"}}}
- {match: {prefix: /off}, route: {cluster: "off"}}
- {match: {prefix: /on}, route: {cluster: "off"}, typed_per_filter_config: {"off": {"@type": type.googleapis.com/${filters}.header_mutation.v3.HeaderMutationPerRoute, mutations: {request_mutations: [${set('x-route', 'yes')}]}}, "on": {"@type": type.googleapis.com/envoy.config.route.v3.FilterConfig, disabled: true}}}
- {match: {prefix: /empty}, route: {cluster: empty}}
- {match: {prefix: /plain}, route: {cluster: plain}}
`,
      }),
      http('router', {
        router: stringify({ upstream_http_filters: chain(order('router')) }),
        routes: `
- {match: {prefix: /plain}, route: {cluster: plain}}
- {match: {prefix: /ordered}, route: {cluster: ordered}}
- {match: {prefix: /empty}, route: {cluster: empty}}
`,
      }),
    ],
  },
  f => {
    f.exchange('change the head of a request and of its answer', {
      send: get('/mutate/x', 'x-gone: 1', 'x-a: client'),
      reply: 'HTTP/1.1 201 Made\r\nx-b: b\r\nx-up: 1\r\ncontent-length: 2\r\n\r\nok',
      sees: `
        > up
        GET /mutate/x HTTP/1.1
        host: a
        x-a: client
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000
        x-a: route
        x-req: /mutate/x client mutate 1

        < client
        HTTP/1.1 201 Created
        x-b: b
        content-length: 2
        x-resp: b 0 /mutate/x client mutate 1
        x-envoy-upstream-service-time: MS
        x-last: b 0 /mutate/x client mutate 1
        date: DATE
        server: envoy

        ok
        (open)
        log: HTTP/1.1 201 - via_upstream in=0 out=2
      `,
    })
    f.exchange('stand in order for a request, the other way round for its answer', {
      send: post('/ordered', 'body'),
      sees: `
        > up
        POST /ordered HTTP/1.1
        host: a
        content-length: 4
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000
        x-order: one
        x-order: two

        body
        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-rorder: two
        x-rorder: one
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: HTTP/1.1 200 - via_upstream in=4 out=2
      `,
    })
    f.exchange('see every attempt', {
      send: post('/tried', 'body'),
      reply: ['HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n', 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'],
      sees: `
        stat: cluster.tried.upstream_rq_200 +1
        stat: cluster.tried.upstream_rq_retry +1
        stat: cluster.tried.upstream_rq_retry_backoff_exponential +1
        stat: cluster.tried.upstream_rq_retry_success +1
        stat: cluster.tried.upstream_rq_total +2
        > up
        POST /tried HTTP/1.1
        host: a
        content-length: 4
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000
        x-order: try

        body
        > up
        POST /tried HTTP/1.1
        host: a
        content-length: 4
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: REMAINING
        x-order: try
        x-order: try

        body
        < client
        HTTP/1.1 200 OK
        content-length: 0
        x-rorder: try
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        (open)
        log: HTTP/1.1 200 - via_upstream in=4 out=0
      `,
      stats: /^cluster\.tried\.upstream_rq_(total|retry|503|200)/,
    })
    f.exchange('see an attempt whose connection breaks', {
      send: get('/tried/reset'),
      reply: [thenReset(), 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'],
      sees: `
        > up
        GET /tried/reset HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000
        x-order: try

        > up
        GET /tried/reset HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: REMAINING
        x-order: try
        x-order: try

        < client
        HTTP/1.1 200 OK
        content-length: 0
        x-rorder: try
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        (open)
        log: HTTP/1.1 200 - via_upstream in=0 out=0
      `,
    })
    f.exchange('hold a request until it is whole', {
      send: [
        'POST /buffered HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n',
        '3\r\nabc\r\n',
        '2\r\nde\r\n0\r\n\r\n',
      ],
      sees: `
        > up
        POST /buffered HTTP/1.1
        host: h
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000
        content-length: 5
        x-order: after

        abcde
        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-rorder: after
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: HTTP/1.1 200 - via_upstream in=5 out=2
      `,
    })
    f.exchange('refuse a request that is too large', {
      send: post('/buffered', 'more than ten bytes'),
      sees: `
        stat: cluster.buffered.upstream_rq_total +1
        stat: http.main.downstream_rq_4xx +1
        < client
        HTTP/1.1 413 Payload Too Large
        content-length: 17
        content-type: text/plain
        date: DATE
        server: envoy
        connection: close

        Payload Too Large
        (closed)
        log: HTTP/1.1 413 - request_payload_too_large in=19 out=17
      `,
      stats: /^(cluster\.buffered\.upstream_rq|http\.main\.downstream_rq_(too_large|4xx))/,
    })
    f.exchange('show a body that was kept to a second attempt', {
      send: post('/rebuffered', 'body'),
      reply: ['HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n', 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'],
      sees: `
        > up
        POST /rebuffered HTTP/1.1
        host: a
        content-length: 4
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000
        x-order: after

        body
        > up
        POST /rebuffered HTTP/1.1
        host: a
        content-length: 4
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: REMAINING
        x-order: after
        x-order: after

        body
        < client
        HTTP/1.1 200 OK
        content-length: 0
        x-rorder: after
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        (open)
        log: HTTP/1.1 200 - via_upstream in=4 out=0
      `,
    })
    f.exchange('take settings of the route', {
      send: post('/wide', 'more than ten bytes'),
      sees: `
        > up
        POST /wide HTTP/1.1
        host: a
        content-length: 19
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000
        x-order: after

        more than ten bytes
        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-rorder: after
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: HTTP/1.1 200 - via_upstream in=19 out=2
      `,
    })
    f.exchange('answer instead of the upstream', {
      send: get('/denied', 'x-no: 1'),
      sees: `
        stat: cluster.denied.rbac.denied +1
        stat: http.main.downstream_rq_4xx +1
        < client
        HTTP/1.1 403 Forbidden
        content-length: 19
        content-type: text/plain
        date: DATE
        server: envoy

        RBAC: access denied
        (open)
        log: HTTP/1.1 403 - rbac_access_denied_matched_policy[no] in=0 out=19
      `,
      stats: /rbac|^cluster\.denied\.|^http\.main\.downstream_rq_4xx/,
    })
    f.exchange('let through what no rule denies', {
      send: get('/denied'),
      sees: `
        stat: cluster.denied.rbac.allowed +1
        > up
        GET /denied HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000
        x-order: after

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-rorder: after
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: HTTP/1.1 200 - via_upstream in=0 out=2
      `,
      stats: /rbac/,
    })
    f.exchange('are off when their chain says so', {
      send: get('/off'),
      sees: `
      > up
      GET /off HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000
      x-order: on

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-rorder: on
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=0 out=2
    `,
    })
    f.exchange('are turned on and off by a route', {
      send: get('/on'),
      sees: `
      > up
      GET /on HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000
      x-off: on
      x-route: yes

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
    f.exchange('a chain of the codec alone', {
      send: get('/empty'),
      sees: `
      > up
      GET /empty HTTP/1.1
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
    f.exchange('of the router, where the cluster has none', {
      to: 'router',
      send: get('/plain'),
      sees: `
      > up
      GET /plain HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000
      x-order: router

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-rorder: router
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=0 out=2
    `,
    })
    f.exchange('of the cluster, instead of those of the router', {
      to: 'router',
      send: get('/ordered'),
      sees: `
      > up
      GET /ordered HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000
      x-order: one
      x-order: two

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-rorder: two
      x-rorder: one
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=0 out=2
    `,
    })
    f.exchange('of a cluster whose chain is the codec alone, instead of those of the router', {
      to: 'router',
      send: get('/empty'),
      sees: `
        > up
        GET /empty HTTP/1.1
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
    f.exchange('of a router are not seen by others', {
      send: get('/plain'),
      sees: `
      > up
      GET /plain HTTP/1.1
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
  },
)
