// Filters that let requests in or not: cors, csrf, health_check, local_ratelimit; and set_metadata.
import { answer, get, head, post } from '../support/bytes.js'
import { cluster, http, httpFilters, perFilter } from '../support/config.js'
import { feature } from '../support/scenario.js'

const cors = 'envoy.extensions.filters.http.cors.v3'
const csrf = 'envoy.extensions.filters.http.csrf.v3.CsrfPolicy'
const health = 'envoy.extensions.filters.http.health_check.v3.HealthCheck'
const limit = 'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit'
const metadata = 'envoy.extensions.filters.http.set_metadata.v3.Config'
const all = '{default_value: {numerator: 100}}'
const none = '{default_value: {numerator: 0}}'
const policy = (yaml: string): string => perFilter('cors', `${cors}.CorsPolicy`, yaml)
const preflight = (path: string, ...lines: string[]): string =>
  head(
    `OPTIONS ${path} HTTP/1.1`,
    'host: a',
    'origin: http://shop.example',
    'access-control-request-method: PUT',
    ...lines,
  )

feature(
  'cors',
  {
    file: import.meta.url,
    listeners: [
      http('main', {
        hcm: httpFilters(['cors', `${cors}.Cors`, '']),
        vhost: `typed_per_filter_config: ${policy('allow_origin_string_match: [{exact: "http://shop.example"}], allow_methods: "GET, PUT", allow_headers: x-a, expose_headers: x-b, max_age: "60", allow_credentials: true')}`,
        routes: `
- {match: {prefix: /route}, route: {cluster: up}, typed_per_filter_config: ${policy('allow_origin_string_match: [{suffix: .example}], allow_methods: DELETE, allow_credentials: false')}}
- {match: {prefix: /any}, route: {cluster: up}, typed_per_filter_config: ${policy('allow_origin_string_match: [{exact: "*"}], allow_private_network_access: true')}}
- {match: {prefix: /other}, route: {cluster: up}, typed_per_filter_config: ${policy('allow_origin_string_match: [{exact: "http://other.example"}]')}}
- {match: {prefix: /refuse}, route: {cluster: up}, typed_per_filter_config: ${policy('allow_origin_string_match: [{exact: "http://other.example"}], forward_not_matching_preflights: false')}}
- {match: {prefix: /lists}, route: {cluster: up}, typed_per_filter_config: ${policy('allow_origin_string_match: [{exact: "*"}], allow_methods: "*", allow_headers: "*"')}}
- {match: {prefix: /off}, route: {cluster: up}, typed_per_filter_config: ${policy(`filter_enabled: ${none}`)}}
- {match: {prefix: /shadow}, route: {cluster: up}, typed_per_filter_config: ${policy(`filter_enabled: ${none}, shadow_enabled: ${all}`)}}
- {match: {prefix: /}, route: {cluster: up}}
`,
      }),
      http('bare', { hcm: httpFilters(['cors', `${cors}.Cors`, '']) }),
    ],
  },
  f => {
    const stats = /cors/
    f.exchange('cors: preflight', {
      send: preflight('/'),
      stats,
      sees: `
      stat: http.main.cors.origin_valid +1
      < client
      HTTP/1.1 200 OK
      access-control-allow-origin: http://shop.example
      access-control-allow-credentials: true
      access-control-allow-methods: GET, PUT
      access-control-allow-headers: x-a
      access-control-max-age: 60
      access-control-expose-headers: x-b
      date: DATE
      server: envoy
      content-length: 0

      (open)
      log: HTTP/1.1 200 - cors_response in=0 out=0
    `,
    })
    f.exchange('cors: preflight of a route of its own', {
      send: preflight('/route'),
      sees: `
      < client
      HTTP/1.1 200 OK
      access-control-allow-origin: http://shop.example
      access-control-allow-methods: DELETE
      access-control-allow-headers: x-a
      access-control-max-age: 60
      access-control-expose-headers: x-b
      date: DATE
      server: envoy
      content-length: 0

      (open)
      log: HTTP/1.1 200 - cors_response in=0 out=0
    `,
    })
    f.exchange('cors: any origin, private network', {
      send: preflight('/any', 'access-control-request-private-network: true'),
      sees: `
      < client
      HTTP/1.1 200 OK
      access-control-allow-origin: http://shop.example
      access-control-allow-credentials: true
      access-control-allow-methods: GET, PUT
      access-control-allow-headers: x-a
      access-control-max-age: 60
      access-control-allow-private-network: true
      access-control-expose-headers: x-b
      date: DATE
      server: envoy
      content-length: 0

      (open)
      log: HTTP/1.1 200 - cors_response in=0 out=0
    `,
    })
    f.exchange('cors: any method and header, by the names that are asked for', {
      send: preflight('/lists', 'access-control-request-headers: x-1, x-2'),
      stats,
      sees: `
        stat: http.main.cors.origin_valid +1
        < client
        HTTP/1.1 200 OK
        access-control-allow-origin: http://shop.example
        access-control-allow-credentials: true
        access-control-allow-methods: PUT
        access-control-allow-headers: x-1, x-2
        access-control-max-age: 60
        access-control-expose-headers: x-b
        date: DATE
        server: envoy
        content-length: 0

        (open)
        log: HTTP/1.1 200 - cors_response in=0 out=0
      `,
    })
    f.exchange('cors: another origin', {
      send: preflight('/other'),
      stats,
      sees: `
      stat: http.main.cors.origin_invalid +1
      > up
      OPTIONS /other HTTP/1.1
      host: a
      origin: http://shop.example
      access-control-request-method: PUT
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
    f.exchange('cors: another origin, not forwarded', {
      send: preflight('/refuse'),
      stats,
      sees: `
      stat: http.main.cors.origin_invalid +1
      < client
      HTTP/1.1 200 OK
      access-control-allow-credentials: true
      access-control-allow-methods: GET, PUT
      access-control-allow-headers: x-a
      access-control-max-age: 60
      date: DATE
      server: envoy
      content-length: 0

      (open)
      log: HTTP/1.1 200 - cors_response in=0 out=0
    `,
    })
    f.exchange('cors: a request', {
      send: get('/', 'origin: http://shop.example'),
      reply: answer(200, 'x', 'access-control-allow-origin: up'),
      stats,
      sees: `
      stat: http.main.cors.origin_valid +1
      > up
      GET / HTTP/1.1
      host: a
      origin: http://shop.example
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 200 OK
      content-length: 1
      access-control-allow-origin: http://shop.example
      x-envoy-upstream-service-time: MS
      access-control-allow-credentials: true
      access-control-expose-headers: x-b
      date: DATE
      server: envoy

      x
      (open)
      log: HTTP/1.1 200 - via_upstream in=0 out=1
    `,
    })
    f.exchange('cors: no origin', {
      send: get('/'),
      stats,
      sees: `
      stat: none changed
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

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=0 out=2
    `,
    })
    f.exchange('cors: off', {
      send: preflight('/off'),
      stats,
      sees: `
      stat: none changed
      > up
      OPTIONS /off HTTP/1.1
      host: a
      origin: http://shop.example
      access-control-request-method: PUT
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
    f.exchange('cors: shadow', {
      send: preflight('/shadow'),
      stats,
      sees: `
      stat: http.main.cors.origin_valid +1
      > up
      OPTIONS /shadow HTTP/1.1
      host: a
      origin: http://shop.example
      access-control-request-method: PUT
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
    f.exchange('cors: no policy', {
      to: 'bare',
      send: preflight('/'),
      stats,
      sees: `
      stat: none changed
      > up
      OPTIONS / HTTP/1.1
      host: a
      origin: http://shop.example
      access-control-request-method: PUT
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
  'csrf',
  {
    file: import.meta.url,
    listeners: [
      http('main', {
        hcm: httpFilters(['csrf', csrf, `{filter_enabled: ${all}, additional_origins: [{suffix: .example}]}`]),
        routes: `
- {match: {prefix: /shadow}, route: {cluster: up}, typed_per_filter_config: ${perFilter('csrf', csrf, `filter_enabled: ${none}, shadow_enabled: ${all}`)}}
- {match: {prefix: /off}, route: {cluster: up}, typed_per_filter_config: ${perFilter('csrf', csrf, `filter_enabled: ${none}`)}}
- {match: {prefix: /}, route: {cluster: up}}
`,
      }),
    ],
  },
  f => {
    const stats = /csrf/
    f.exchange('csrf: same host', {
      send: post('/', 'x', 'origin: http://a'),
      stats,
      sees: `
      stat: http.main.csrf.request_valid +1
      > up
      POST / HTTP/1.1
      host: a
      content-length: 1
      origin: http://a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      x
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
    f.exchange('csrf: another host', {
      send: post('/', 'x', 'origin: http://b/'),
      stats,
      sees: `
      stat: http.main.csrf.request_invalid +1
      < client
      HTTP/1.1 403 Forbidden
      content-length: 14
      content-type: text/plain
      date: DATE
      server: envoy
      connection: close

      Invalid origin
      (closed)
      log: HTTP/1.1 403 - csrf_origin_mismatch in=0 out=14
    `,
    })
    f.exchange('csrf: an origin that is hidden, whatever the referer', {
      send: post('/', 'x', 'origin: null', 'referer: http://a/'),
      stats,
      sees: `
        stat: http.main.csrf.missing_source_origin +1
        < client
        HTTP/1.1 403 Forbidden
        content-length: 14
        content-type: text/plain
        date: DATE
        server: envoy
        connection: close

        Invalid origin
        (closed)
        log: HTTP/1.1 403 - csrf_origin_mismatch in=0 out=14
      `,
    })
    f.exchange('csrf: a referer without a scheme', {
      send: post('/', 'x', 'referer: a'),
      stats,
      sees: `
        stat: http.main.csrf.request_valid +1
        > up
        POST / HTTP/1.1
        host: a
        content-length: 1
        referer: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        x
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
    f.exchange('csrf: another host, allowed', {
      send: post('/', 'x', 'origin: https://shop.example'),
      stats,
      sees: `
      stat: http.main.csrf.request_valid +1
      > up
      POST / HTTP/1.1
      host: a
      content-length: 1
      origin: https://shop.example
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      x
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
    f.exchange('csrf: by referer', {
      send: post('/', 'x', 'referer: http://a/page'),
      stats,
      sees: `
      stat: http.main.csrf.request_valid +1
      > up
      POST / HTTP/1.1
      host: a
      content-length: 1
      referer: http://a/page
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      x
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
    f.exchange('csrf: no source', {
      send: post('/', 'x'),
      stats,
      sees: `
      stat: http.main.csrf.missing_source_origin +1
      < client
      HTTP/1.1 403 Forbidden
      content-length: 14
      content-type: text/plain
      date: DATE
      server: envoy
      connection: close

      Invalid origin
      (closed)
      log: HTTP/1.1 403 - csrf_origin_mismatch in=0 out=14
    `,
    })
    f.exchange('csrf: a source that is no URL', {
      send: post('/', 'x', 'origin: null'),
      stats,
      sees: `
      stat: http.main.csrf.missing_source_origin +1
      < client
      HTTP/1.1 403 Forbidden
      content-length: 14
      content-type: text/plain
      date: DATE
      server: envoy
      connection: close

      Invalid origin
      (closed)
      log: HTTP/1.1 403 - csrf_origin_mismatch in=0 out=14
    `,
    })
    f.exchange('csrf: with a port', {
      send: post('/', 'x', 'origin: http://a:80'),
      stats,
      sees: `
      stat: http.main.csrf.request_invalid +1
      < client
      HTTP/1.1 403 Forbidden
      content-length: 14
      content-type: text/plain
      date: DATE
      server: envoy
      connection: close

      Invalid origin
      (closed)
      log: HTTP/1.1 403 - csrf_origin_mismatch in=0 out=14
    `,
    })
    f.exchange('csrf: a method that changes nothing', {
      send: get('/', 'origin: http://b'),
      stats,
      sees: `
      stat: none changed
      > up
      GET / HTTP/1.1
      host: a
      origin: http://b
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
    f.exchange('csrf: shadow', {
      send: post('/shadow', 'x', 'origin: http://b'),
      stats,
      sees: `
      stat: http.main.csrf.request_invalid +1
      > up
      POST /shadow HTTP/1.1
      host: a
      content-length: 1
      origin: http://b
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      x
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
    f.exchange('csrf: off', {
      send: post('/off', 'x', 'origin: http://b'),
      stats,
      sees: `
      stat: none changed
      > up
      POST /off HTTP/1.1
      host: a
      content-length: 1
      origin: http://b
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      x
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
  },
)

const check = (yaml: string): string =>
  httpFilters(['health', health, `{headers: [{name: ":path", string_match: {exact: /health}}], ${yaml}}`])
feature(
  'health_check',
  {
    file: import.meta.url,
    listeners: [
      http('main', { hcm: check('pass_through_mode: false') }),
      http('through', { hcm: check('pass_through_mode: true') }),
      http('cached', { hcm: check('pass_through_mode: true, cache_time: 3600s') }),
      http('enough', { hcm: check('pass_through_mode: false, cluster_min_healthy_percentages: {up: {value: 100}}') }),
      http('empty', { hcm: check('pass_through_mode: false, cluster_min_healthy_percentages: {none: {value: 1}}') }),
      http('unknown', {
        hcm: check('pass_through_mode: false, cluster_min_healthy_percentages: {nowhere: {value: 1}}'),
      }),
    ],
    clusters: [cluster('up'), cluster('none', [])],
    args: ['--service-cluster', 'mine'],
  },
  f => {
    f.exchange('health: answered here', {
      send: get('/health'),
      sees: `
      < client
      HTTP/1.1 200 OK
      x-envoy-upstream-healthchecked-cluster: mine
      date: DATE
      server: envoy
      content-length: 0

      (open)
      log: HTTP/1.1 200 - health_check_ok in=0 out=0
    `,
    })
    f.exchange('health: counted apart', {
      send: get('/health'),
      stats: /http\.main\.(health_check|tracing|downstream_rq_(2xx|completed))/,
      sees: `
        stat: http.main.health_check.ok +1
        stat: http.main.health_check.request_total +1
        stat: http.main.tracing.health_check +1
        < client
        HTTP/1.1 200 OK
        x-envoy-upstream-healthchecked-cluster: mine
        date: DATE
        server: envoy
        content-length: 0

        (open)
        log: HTTP/1.1 200 - health_check_ok in=0 out=0
      `,
    })
    f.exchange('health: with a body', {
      send: post('/health', 'abc'),
      sees: `
      < client
      HTTP/1.1 200 OK
      x-envoy-upstream-healthchecked-cluster: mine
      date: DATE
      server: envoy
      content-length: 0

      (open)
      log: HTTP/1.1 200 - health_check_ok in=3 out=0
    `,
    })
    f.exchange('health: another path', {
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

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=0 out=2
    `,
    })
    f.exchange('health: passed through', {
      to: 'through',
      send: get('/health'),
      reply: answer(500, 'x'),
      sees: `
      > up
      GET /health HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 500 Internal Server Error
      content-length: 1
      x-envoy-upstream-service-time: MS
      x-envoy-upstream-healthchecked-cluster: mine
      date: DATE
      server: envoy

      x
      (open)
      log: HTTP/1.1 500 - via_upstream in=0 out=1
    `,
    })
    f.exchange('health: too few hosts, counted', {
      to: 'empty',
      send: get('/health'),
      stats: /http\.empty\.(health_check|tracing)/,
      sees: `
        stat: http.empty.health_check.failed +1
        stat: http.empty.health_check.failed_cluster_empty +1
        stat: http.empty.health_check.request_total +1
        stat: http.empty.tracing.health_check +1
        < client
        HTTP/1.1 503 Service Unavailable
        x-envoy-upstream-healthchecked-cluster: mine
        date: DATE
        server: envoy
        content-length: 0

        (open)
        log: HTTP/1.1 503 LH health_check_failed_cluster_empty in=0 out=0
      `,
    })
    f.exchange('health: first of a time', {
      to: 'cached',
      send: get('/health'),
      reply: answer(503, 'x', 'x-envoy-degraded: 1'),
      sees: `
      > up
      GET /health HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 503 Service Unavailable
      content-length: 1
      x-envoy-degraded: 1
      x-envoy-upstream-service-time: MS
      x-envoy-upstream-healthchecked-cluster: mine
      date: DATE
      server: envoy

      x
      (open)
      log: HTTP/1.1 503 - via_upstream in=0 out=1
    `,
    })
    f.exchange('health: cached', {
      to: 'cached',
      send: get('/health'),
      sees: `
      < client
      HTTP/1.1 503 Service Unavailable
      x-envoy-degraded:
      x-envoy-upstream-healthchecked-cluster: mine
      date: DATE
      server: envoy
      content-length: 0

      (open)
      log: HTTP/1.1 503 LH health_check_cached in=0 out=0
    `,
    })
    f.exchange('health: enough hosts', {
      to: 'enough',
      send: get('/health'),
      sees: `
      < client
      HTTP/1.1 200 OK
      x-envoy-upstream-healthchecked-cluster: mine
      date: DATE
      server: envoy
      content-length: 0

      (open)
      log: HTTP/1.1 200 - health_check_ok_cluster_healthy in=0 out=0
    `,
    })
    f.exchange('health: no hosts', {
      to: 'empty',
      send: get('/health'),
      sees: `
      < client
      HTTP/1.1 503 Service Unavailable
      x-envoy-upstream-healthchecked-cluster: mine
      date: DATE
      server: envoy
      content-length: 0

      (open)
      log: HTTP/1.1 503 LH health_check_failed_cluster_empty in=0 out=0
    `,
    })
    f.exchange('health: no cluster', {
      to: 'unknown',
      send: get('/health'),
      sees: `
      < client
      HTTP/1.1 503 Service Unavailable
      x-envoy-upstream-healthchecked-cluster: mine
      date: DATE
      server: envoy
      content-length: 0

      (open)
      log: HTTP/1.1 503 LH health_check_failed_no_cluster_found in=0 out=0
    `,
    })
    f.scenario(
      'health: failed by the operator',
      {
        sees: `
      < client
      HTTP/1.1 503 Service Unavailable
      x-envoy-upstream-healthchecked-cluster: mine
      x-envoy-immediate-health-check-fail: true
      date: DATE
      server: envoy
      connection: close
      content-length: 0

      (open)
      log: HTTP/1.1 503 LH health_check_failed in=0 out=0
      < client
      HTTP/1.1 503 Service Unavailable
      x-envoy-upstream-healthchecked-cluster: mine
      x-envoy-immediate-health-check-fail: true
      date: DATE
      server: envoy
      connection: close
      content-length: 0

      (open)
      log: HTTP/1.1 503 LH health_check_failed in=0 out=0
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      x-envoy-immediate-health-check-fail: true
      date: DATE
      server: envoy
      connection: close

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=0 out=2
    `,
      },
      async scene => {
        await fetch(`http://127.0.0.1:${scene.value('admin')}/healthcheck/fail`, { method: 'POST' })
        for (const [listener, path] of [
          ['main', '/health'],
          ['through', '/health'],
          ['main', '/'],
        ] as const) {
          const client = await scene.connect(listener)
          await client.send(get(path))
          await client.response()
          scene.sawAll(client)
          await scene.sawLog(1, listener)
        }
        await fetch(`http://127.0.0.1:${scene.value('admin')}/healthcheck/ok`, { method: 'POST' })
      },
    )
  },
)

const bucket = 'token_bucket: {max_tokens: 1, tokens_per_fill: 1, fill_interval: 3600s}'
const added = (name: string): string => `[{header: {key: x-limited, value: ${name}}}]`
feature(
  'local_ratelimit',
  {
    file: import.meta.url,
    listeners: [
      http('main', {
        log: '%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n',
        hcm: httpFilters([
          'limit',
          limit,
          `{stat_prefix: own, ${bucket}, filter_enabled: ${all}, filter_enforced: ${all}, response_headers_to_add: ${added('yes')}}`,
        ]),
        routes: `
- {match: {prefix: /shadow}, route: {cluster: up}, typed_per_filter_config: ${perFilter('limit', limit, `stat_prefix: shadow, ${bucket}, filter_enabled: ${all}, request_headers_to_add_when_not_enforced: ${added('shadow')}`)}}
- {match: {prefix: /status}, route: {cluster: up}, typed_per_filter_config: ${perFilter('limit', limit, `stat_prefix: status, ${bucket}, filter_enabled: ${all}, filter_enforced: ${all}, status: {code: 503}, rate_limited_as_resource_exhausted: true`)}}
- {match: {prefix: /low}, route: {cluster: up}, typed_per_filter_config: ${perFilter('limit', limit, `stat_prefix: low, ${bucket}, filter_enabled: ${all}, filter_enforced: ${all}, status: {code: 200}`)}}
- {match: {prefix: /disabled}, route: {cluster: up}, typed_per_filter_config: ${perFilter('limit', limit, `stat_prefix: disabled, ${bucket}`)}}
- {match: {prefix: /}, route: {cluster: up}}
`,
      }),
    ],
  },
  f => {
    const twice = (path: string, ...lines: string[]): string => get(path, ...lines).repeat(2)
    const both = { responses: 2, stats: /rate_limit/ } as const
    f.exchange('limit: the second is too many', {
      send: twice('/'),
      ...both,
      sees: `
      stat: own.http_local_rate_limit.enabled +2
      stat: own.http_local_rate_limit.enforced +1
      stat: own.http_local_rate_limit.ok +1
      stat: own.http_local_rate_limit.rate_limited +1
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

      okHTTP/1.1 429 Too Many Requests
      x-limited: yes
      content-length: 18
      content-type: text/plain
      date: DATE
      server: envoy

      local_rate_limited
      (open)
      log: 200 - via_upstream
      log: 429 RL local_rate_limited
    `,
    })
    f.exchange('limit: not enforced', {
      send: twice('/shadow'),
      ...both,
      sees: `
      stat: shadow.http_local_rate_limit.enabled +2
      stat: shadow.http_local_rate_limit.ok +1
      stat: shadow.http_local_rate_limit.rate_limited +1
      > up
      GET /shadow HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      > up
      GET /shadow HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-limited: shadow
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      okHTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: 200 - via_upstream
      log: 200 - via_upstream
    `,
    })
    f.exchange('limit: another status', {
      send: twice('/status'),
      ...both,
      sees: `
      stat: status.http_local_rate_limit.enabled +2
      stat: status.http_local_rate_limit.enforced +1
      stat: status.http_local_rate_limit.ok +1
      stat: status.http_local_rate_limit.rate_limited +1
      > up
      GET /status HTTP/1.1
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

      okHTTP/1.1 503 Service Unavailable
      content-length: 18
      content-type: text/plain
      date: DATE
      server: envoy

      local_rate_limited
      (open)
      log: 200 - via_upstream
      log: 503 RL local_rate_limited
    `,
    })
    f.exchange('limit: of a gRPC call', {
      send: get('/status', 'content-type: application/grpc'),
      sees: `
      < client
      HTTP/1.1 200 OK
      content-type: application/grpc
      grpc-status: 8
      grpc-message: local_rate_limited
      date: DATE
      server: envoy
      content-length: 0

      (open)
      log: 200 RL local_rate_limited
    `,
    })
    f.exchange('limit: a status that is no error', {
      send: twice('/low'),
      ...both,
      sees: `
      stat: low.http_local_rate_limit.enabled +2
      stat: low.http_local_rate_limit.enforced +1
      stat: low.http_local_rate_limit.ok +1
      stat: low.http_local_rate_limit.rate_limited +1
      > up
      GET /low HTTP/1.1
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

      okHTTP/1.1 429 Too Many Requests
      content-length: 18
      content-type: text/plain
      date: DATE
      server: envoy

      local_rate_limited
      (open)
      log: 200 - via_upstream
      log: 429 RL local_rate_limited
    `,
    })
    f.exchange('limit: not enabled', {
      send: twice('/disabled'),
      ...both,
      sees: `
      stat: none changed
      > up
      GET /disabled HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      > up
      GET /disabled HTTP/1.1
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

      okHTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: 200 - via_upstream
      log: 200 - via_upstream
    `,
    })
  },
)

feature(
  'set_metadata',
  {
    file: import.meta.url,
    listeners: [
      http('main', {
        log: '%DYNAMIC_METADATA(a)% %DYNAMIC_METADATA(b)% %DYNAMIC_METADATA(a:n)% %DYNAMIC_METADATA(a:o:p)%\n',
        hcm: httpFilters(
          [
            'first',
            metadata,
            '{metadata: [{metadata_namespace: a, value: {s: text, n: 1, l: [1], o: {p: true, q: null}}}]}',
          ],
          [
            'second',
            metadata,
            '{metadata: [{metadata_namespace: a, value: {s: denied}}, {metadata_namespace: b, value: {x: 1.5}}]}',
          ],
          [
            'third',
            metadata,
            '{metadata: [{metadata_namespace: a, allow_overwrite: true, value: {s: other, l: [2, three], o: {p: false, r: "x"}, n: text}}]}',
          ],
        ),
      }),
      http('old', {
        log: '%DYNAMIC_METADATA(a)%\n',
        hcm: httpFilters([
          'first',
          metadata,
          '{metadata_namespace: a, value: {s: old}, metadata: [{metadata_namespace: a, value: {s: new}}]}',
        ]),
      }),
    ],
  },
  f => {
    f.exchange('metadata: set, denied, merged', {
      send: get('/'),
      stats: /set_metadata/,
      sees: `
      stat: http.main.set_metadata.overwrite_denied +1
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

      ok
      (open)
      log: {"l":[1,2,"three"],"n":"text","o":{"p":false,"q":null,"r":"x"},"s":"other"} {"x":"1.5"} text false
    `,
    })
    f.exchange('metadata: the deprecated form', {
      to: 'old',
      send: get('/'),
      stats: /set_metadata/,
      sees: `
      stat: http.old.set_metadata.overwrite_denied +1
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

      ok
      (open)
      log: {"s":"old"}
    `,
    })
  },
)

const rbac = 'envoy.extensions.filters.http.rbac.v3'
const rules = (action: string, ...policies: [name: string, permission: string, principal: string][]): string =>
  `{action: ${action}, policies: {${policies.map(([name, permission, principal]) => `"${name}": {permissions: [${permission}], principals: [${principal}]}`).join(', ')}}}`
const perRoute = (yaml: string): string => perFilter('rbac', `${rbac}.RBACPerRoute`, yaml)
const allow = (permission: string, principal = '{any: true}'): string =>
  perRoute(`rbac: {rules: ${rules('ALLOW', ['the policy', permission, principal])}}`)

feature(
  'rbac',
  {
    file: import.meta.url,
    listeners: [
      http('main', {
        log: '%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(envoy.filters.http.rbac)% %DYNAMIC_METADATA(envoy.common)%\n',
        hcm: `${httpFilters(['rbac', `${rbac}.RBAC`, `rules: ${rules('DENY', ['writers', '{header: {name: ":method", string_match: {exact: POST}}}', '{any: true}'])}`])}use_remote_address: false\n`,
        routes: `
- {match: {prefix: /off}, route: {cluster: up}, typed_per_filter_config: ${perRoute('')}}
- {match: {prefix: /path}, route: {cluster: up}, typed_per_filter_config: ${allow('{url_path: {path: {exact: /path/a}}}')}}
- {match: {prefix: /ip}, route: {cluster: up}, typed_per_filter_config: ${allow('{any: true}', '{remote_ip: {address_prefix: 10.1.0.0, prefix_len: 16}}')}}
- {match: {prefix: /direct}, route: {cluster: up}, typed_per_filter_config: ${allow('{any: true}', '{direct_remote_ip: {address_prefix: 127.0.0.0, prefix_len: 8}}')}}
- {match: {prefix: /tree}, route: {cluster: up}, typed_per_filter_config: ${allow('{and_rules: {rules: [{not_rule: {header: {name: x-no, present_match: true}}}, {or_rules: {rules: [{header: {name: x-a, present_match: true}}, {header: {name: x-b, present_match: true}}]}}]}}', '{not_id: {and_ids: {ids: [{header: {name: x-c, present_match: true}}]}}}')}}
- {match: {prefix: /port}, route: {cluster: up}, typed_per_filter_config: ${allow('{destination_port_range: {start: 1, end: 2}}')}}
- {match: {prefix: /to}, route: {cluster: up}, typed_per_filter_config: ${allow('{destination_ip: {address_prefix: 127.0.0.1, prefix_len: 32}}')}}
- {match: {prefix: /tls}, route: {cluster: up}, typed_per_filter_config: ${allow('{any: true}', '{authenticated: {}}')}}
- {match: {prefix: /sni}, route: {cluster: up}, typed_per_filter_config: ${allow('{requested_server_name: {exact: ""}}')}}
- {match: {prefix: /none}, route: {cluster: up}, typed_per_filter_config: ${perRoute('rbac: {rules: {action: ALLOW}}')}}
- {match: {prefix: /log}, route: {cluster: up}, typed_per_filter_config: ${perRoute(`rbac: {rules: ${rules('LOG', ['p', '{any: true}', '{any: true}'])}}`)}}
- {match: {prefix: /shadow}, route: {cluster: up}, typed_per_filter_config: ${perRoute(`rbac: {shadow_rules: ${rules('DENY', ['b', '{any: true}', '{any: true}'], ['a', '{any: true}', '{any: true}'])}, shadow_rules_stat_prefix: my_}`)}}
- {match: {prefix: /}, route: {cluster: up}}
`,
      }),
    ],
  },
  f => {
    const stats = /rbac/
    f.exchange('rbac: denied by a policy', {
      send: post('/', 'x'),
      stats,
      sees: `
      stat: http.main.rbac.denied +1
      < client
      HTTP/1.1 403 Forbidden
      content-length: 19
      content-type: text/plain
      date: DATE
      server: envoy
      connection: close

      RBAC: access denied
      (closed)
      log: 403 rbac_access_denied_matched_policy[writers] {"enforced_effective_policy_id":"writers","enforced_engine_result":"denied"} -
    `,
    })
    f.exchange('rbac: no policy denies', {
      send: get('/'),
      stats,
      sees: `
      stat: http.main.rbac.allowed +1
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

      ok
      (open)
      log: 200 via_upstream {"enforced_engine_result":"allowed"} -
    `,
    })
    f.exchange('rbac: off for a route', {
      send: post('/off', 'x'),
      stats,
      sees: `
      stat: none changed
      > up
      POST /off HTTP/1.1
      host: a
      content-length: 1
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      x
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: 200 via_upstream - -
    `,
    })
    f.exchange('rbac: the path', {
      send: get('/path/a?q=1'),
      sees: `
      > up
      GET /path/a?q=1 HTTP/1.1
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
      log: 200 via_upstream {"enforced_effective_policy_id":"the policy","enforced_engine_result":"allowed"} -
    `,
    })
    f.exchange('rbac: another path', {
      send: get('/path/b'),
      stats,
      sees: `
      stat: http.main.rbac.denied +1
      < client
      HTTP/1.1 403 Forbidden
      content-length: 19
      content-type: text/plain
      date: DATE
      server: envoy

      RBAC: access denied
      (open)
      log: 403 rbac_access_denied_matched_policy[none] {"enforced_engine_result":"denied"} -
    `,
    })
    f.exchange('rbac: the client as told', {
      send: get('/ip', 'x-forwarded-for: 10.1.2.3'),
      sees: `
      > up
      GET /ip HTTP/1.1
      host: a
      x-forwarded-for: 10.1.2.3
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
      log: 200 via_upstream {"enforced_effective_policy_id":"the policy","enforced_engine_result":"allowed"} -
    `,
    })
    f.exchange('rbac: another client', {
      send: get('/ip', 'x-forwarded-for: 10.2.2.3'),
      sees: `
      < client
      HTTP/1.1 403 Forbidden
      content-length: 19
      content-type: text/plain
      date: DATE
      server: envoy

      RBAC: access denied
      (open)
      log: 403 rbac_access_denied_matched_policy[none] {"enforced_engine_result":"denied"} -
    `,
    })
    f.exchange('rbac: the peer', {
      send: get('/direct', 'x-forwarded-for: 10.2.2.3'),
      sees: `
      > up
      GET /direct HTTP/1.1
      host: a
      x-forwarded-for: 10.2.2.3
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
      log: 200 via_upstream {"enforced_effective_policy_id":"the policy","enforced_engine_result":"allowed"} -
    `,
    })
    f.exchange('rbac: a tree, yes', {
      send: get('/tree', 'x-b: 1'),
      sees: `
      > up
      GET /tree HTTP/1.1
      host: a
      x-b: 1
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
      log: 200 via_upstream {"enforced_effective_policy_id":"the policy","enforced_engine_result":"allowed"} -
    `,
    })
    f.exchange('rbac: a tree, no', {
      send: get('/tree', 'x-b: 1', 'x-no: 1'),
      sees: `
      < client
      HTTP/1.1 403 Forbidden
      content-length: 19
      content-type: text/plain
      date: DATE
      server: envoy

      RBAC: access denied
      (open)
      log: 403 rbac_access_denied_matched_policy[none] {"enforced_engine_result":"denied"} -
    `,
    })
    f.exchange('rbac: a tree, not this principal', {
      send: get('/tree', 'x-b: 1', 'x-c: 1'),
      sees: `
      < client
      HTTP/1.1 403 Forbidden
      content-length: 19
      content-type: text/plain
      date: DATE
      server: envoy

      RBAC: access denied
      (open)
      log: 403 rbac_access_denied_matched_policy[none] {"enforced_engine_result":"denied"} -
    `,
    })
    f.exchange('rbac: the port', {
      send: get('/port'),
      sees: `
      < client
      HTTP/1.1 403 Forbidden
      content-length: 19
      content-type: text/plain
      date: DATE
      server: envoy

      RBAC: access denied
      (open)
      log: 403 rbac_access_denied_matched_policy[none] {"enforced_engine_result":"denied"} -
    `,
    })
    f.exchange('rbac: the address', {
      send: get('/to'),
      sees: `
      > up
      GET /to HTTP/1.1
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
      log: 200 via_upstream {"enforced_effective_policy_id":"the policy","enforced_engine_result":"allowed"} -
    `,
    })
    f.exchange('rbac: a certificate', {
      send: get('/tls'),
      sees: `
      < client
      HTTP/1.1 403 Forbidden
      content-length: 19
      content-type: text/plain
      date: DATE
      server: envoy

      RBAC: access denied
      (open)
      log: 403 rbac_access_denied_matched_policy[none] {"enforced_engine_result":"denied"} -
    `,
    })
    f.exchange('rbac: no server name', {
      send: get('/sni'),
      sees: `
      > up
      GET /sni HTTP/1.1
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
      log: 200 via_upstream {"enforced_effective_policy_id":"the policy","enforced_engine_result":"allowed"} -
    `,
    })
    f.exchange('rbac: no policy allows', {
      send: get('/none'),
      sees: `
      < client
      HTTP/1.1 403 Forbidden
      content-length: 19
      content-type: text/plain
      date: DATE
      server: envoy

      RBAC: access denied
      (open)
      log: 403 rbac_access_denied_matched_policy[none] {"enforced_engine_result":"denied"} -
    `,
    })
    f.exchange('rbac: log', {
      send: get('/log'),
      stats,
      sees: `
      stat: http.main.rbac.allowed +1
      > up
      GET /log HTTP/1.1
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
      log: 200 via_upstream {"enforced_effective_policy_id":"p","enforced_engine_result":"allowed"} {"access_log_hint":true}
    `,
    })
    f.exchange('rbac: shadow', {
      send: get('/shadow'),
      stats,
      sees: `
      stat: http.main.rbac.shadow_denied +1
      > up
      GET /shadow HTTP/1.1
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
      log: 200 via_upstream {"my_shadow_effective_policy_id":"a","my_shadow_engine_result":"denied"} -
    `,
    })
  },
)

const toMetadata = 'envoy.extensions.filters.http.header_to_metadata.v3.Config'
feature(
  'header_to_metadata',
  {
    file: import.meta.url,
    listeners: [
      http('main', {
        log: '%DYNAMIC_METADATA(a)% %DYNAMIC_METADATA(envoy.filters.http.header_to_metadata)% %DYNAMIC_METADATA(meta)%\n',
        hcm: httpFilters([
          'meta',
          toMetadata,
          `
request_rules:
- {header: x-text, on_header_present: {metadata_namespace: a, key: text}, on_header_missing: {metadata_namespace: a, key: text, value: none}, remove: true}
- {header: x-number, on_header_present: {metadata_namespace: a, key: number, type: NUMBER}}
- {header: x-coded, on_header_present: {metadata_namespace: a, key: coded, encode: BASE64}}
- {header: x-rewritten, on_header_present: {key: rewritten, regex_value_rewrite: {pattern: {regex: "^v(.*)$"}, substitution: "version \\\\1"}}}
- {header: x-constant, on_header_present: {key: constant, value: yes}}
- {header: ":path", on_header_present: {key: path}}
- {cookie: c, on_header_present: {metadata_namespace: a, key: cookie}, on_header_missing: {metadata_namespace: a, key: cookie, value: none}}
response_rules:
- {header: x-up, on_header_present: {metadata_namespace: a, key: up}, remove: true}
`,
        ]),
        routes: `
- {match: {prefix: /route}, route: {cluster: up}, typed_per_filter_config: ${perFilter('meta', toMetadata, 'request_rules: [{header: x-text, on_header_present: {key: route}}]')}}
- {match: {prefix: /}, route: {cluster: up}}
`,
      }),
    ],
  },
  f => {
    f.exchange('meta: present', {
      send: get(
        '/',
        'x-text: a',
        'x-text: b',
        'x-number: 1.5',
        'x-coded: aGVsbG8',
        'x-rewritten: v7',
        'x-constant: no',
        'cookie: a=1; c=2',
      ),
      reply: answer(200, 'x', 'x-up: 1'),
      sees: `
      > up
      GET / HTTP/1.1
      host: a
      x-number: 1.5
      x-coded: aGVsbG8
      x-rewritten: v7
      x-constant: no
      cookie: a=1; c=2
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
      log: {"coded":"hello","cookie":"2","number":1.5,"text":"a,b","up":"1"} {"constant":"yes","path":"/","rewritten":"version 7"} -
    `,
    })
    f.exchange('meta: missing', {
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

      ok
      (open)
      log: {"cookie":"none","text":"none"} {"path":"/"} -
    `,
    })
    f.exchange('meta: values that are no good', {
      send: get('/', 'x-number: seven', 'x-coded: !!!', 'x-text:', 'x-rewritten: 7'),
      sees: `
      > up
      GET / HTTP/1.1
      host: a
      x-number: seven
      x-coded: !!!
      x-rewritten: 7
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
      log: {"cookie":"none"} {"path":"/","rewritten":"7"} -
    `,
    })
    f.exchange('meta: padded, and spaces', {
      send: get('/', 'x-number: 7', 'x-coded: aGVsbG8='),
      sees: `
      > up
      GET / HTTP/1.1
      host: a
      x-number: 7
      x-coded: aGVsbG8=
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
      log: {"coded":"hello","cookie":"none","number":7,"text":"none"} {"path":"/"} -
    `,
    })
    f.exchange('meta: of a route', {
      send: get('/route', 'x-text: a'),
      reply: answer(200, 'x', 'x-up: 1'),
      sees: `
      > up
      GET /route HTTP/1.1
      host: a
      x-text: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 200 OK
      content-length: 1
      x-up: 1
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      x
      (open)
      log: - {"route":"a"} -
    `,
    })
  },
)
