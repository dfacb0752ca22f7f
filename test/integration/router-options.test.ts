// Options of the router filter and of virtual hosts that change what a request becomes.
import { answer, get, head, post } from '../support/bytes.js'
import { http } from '../support/config.js'
import { OK, silence } from '../support/fake-upstream.js'
import { feature } from '../support/scenario.js'

const INTERNAL =
  '{use_remote_address: true, internal_address_config: {cidr_ranges: [{address_prefix: 127.0.0.0, prefix_len: 8}]}}'

feature(
  'router options',
  {
    file: import.meta.url,
    listeners: [
      http('main', { hcm: INTERNAL }),
      http('strict', {
        hcm: INTERNAL,
        router:
          'strict_check_headers: [x-envoy-upstream-rq-timeout-ms, x-envoy-upstream-rq-per-try-timeout-ms, x-envoy-max-retries, x-envoy-retry-on]',
      }),
      http('respect', { router: 'respect_expected_rq_timeout: true' }),
      http('plain', { router: 'dynamic_stats: false' }),
      http('suppressed', {
        router: 'suppress_envoy_headers: true',
        vhost: 'include_request_attempt_count: true',
        routes:
          '[{match: {prefix: /none}, route: {cluster: up, prefix_rewrite: /x}}, {match: {prefix: /}, route: {cluster: up}}]',
      }),
      http('limited', {
        vhost: 'per_request_buffer_limit_bytes: 10',
        routes: '[{match: {prefix: /}, route: {cluster: up, retry_policy: {retry_on: 5xx}}}]',
      }),
      http('timed', {
        vhost: 'include_is_timeout_retry_header: true',
        routes:
          '[{match: {prefix: /}, route: {cluster: up, retry_policy: {retry_on: "5xx,reset", per_try_timeout: 0.1s}}}]',
      }),
      http('scheme', {
        hcm: 'scheme_header_transformation: {scheme_to_overwrite: https}',
        log: '%REQ(:SCHEME)% %REQ(X-FORWARDED-PROTO)%\n',
      }),
    ],
  },
  f => {
    f.exchange('strict: a timeout that is no number', {
      to: 'strict',
      send: get('/', 'x-envoy-upstream-rq-timeout-ms: soon'),
      sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 65
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    invalid header 'x-envoy-upstream-rq-timeout-ms' with value 'soon'
    (closed)
    log: HTTP/1.1 400 IH request_headers_failed_strict_check{x-envoy-upstream-rq-timeout-ms} in=0 out=65
  `,
    })
    f.exchange('strict: a number of retries that is none', {
      to: 'strict',
      send: get('/', 'x-envoy-max-retries: many'),
      sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 54
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    invalid header 'x-envoy-max-retries' with value 'many'
    (closed)
    log: HTTP/1.1 400 IH request_headers_failed_strict_check{x-envoy-max-retries} in=0 out=54
  `,
    })
    f.exchange('strict: an unknown retry policy', {
      to: 'strict',
      send: get('/', 'x-envoy-retry-on: nonsense'),
      sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 55
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    invalid header 'x-envoy-retry-on' with value 'nonsense'
    (closed)
    log: HTTP/1.1 400 IH request_headers_failed_strict_check{x-envoy-retry-on} in=0 out=55
  `,
    })
    f.exchange('strict: good values pass', {
      to: 'strict',
      send: get('/', 'x-envoy-upstream-rq-timeout-ms: 5000', 'x-envoy-retry-on: 5xx', 'x-envoy-max-retries: 2'),
      sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 5000

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
    f.exchange('respect_expected_rq_timeout takes over what an earlier proxy announced', {
      to: 'respect',
      send: get('/', 'x-envoy-expected-rq-timeout-ms: 3000'),
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
    f.exchange('x-envoy-upstream-alt-stat-name of an internal client', {
      send: get('/', 'x-envoy-upstream-alt-stat-name: alt'),
      stats: /\.alt\./,
      sees: `
    stat: cluster.up.alt.internal.upstream_rq_200 +1
    stat: cluster.up.alt.internal.upstream_rq_2xx +1
    stat: cluster.up.alt.internal.upstream_rq_completed +1
    stat: cluster.up.alt.upstream_rq_200 +1
    stat: cluster.up.alt.upstream_rq_2xx +1
    stat: cluster.up.alt.upstream_rq_completed +1
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
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
    f.exchange('dynamic_stats off', {
      to: 'plain',
      send: get('/'),
      stats: /cluster\.up\.(?:upstream_rq_2|external|internal)/,
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
    f.exchange('suppress_envoy_headers with a rewrite', {
      to: 'suppressed',
      send: get('/none'),
      sees: `
    > up
    GET /x HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-attempt-count: 1

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
    f.exchange('a body beyond per_request_buffer_limit_bytes is not retried', {
      to: 'limited',
      send: post('/', 'more than ten bytes'),
      reply: [answer(503, 'x'), OK],
      sees: `
    > up
    POST / HTTP/1.1
    host: a
    content-length: 19
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    more than ten bytes
    < client
    HTTP/1.1 503 Service Unavailable
    content-length: 1
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    x
    (open)
    log: HTTP/1.1 503 - via_upstream in=19 out=1
  `,
    })
    f.exchange('a body within per_request_buffer_limit_bytes is retried', {
      to: 'limited',
      send: post('/', 'few'),
      reply: [answer(503, 'x'), OK],
      sees: `
    > up
    POST / HTTP/1.1
    host: a
    content-length: 3
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    few
    > up
    POST / HTTP/1.1
    host: a
    content-length: 3
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING

    few
    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=3 out=2
  `,
    })
    f.exchange('include_is_timeout_retry_header', {
      to: 'timed',
      send: get('/'),
      reply: [silence, OK],
      sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 100

    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-is-timeout-retry: true

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
    f.exchange('scheme_to_overwrite', {
      to: 'scheme',
      send: get('/'),
      sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: https
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
    log: https https
  `,
    })
    f.exchange('a canary answer is counted apart', {
      send: get('/'),
      reply: answer(200, 'x', 'x-envoy-upstream-canary: true'),
      stats: /canary/,
      sees: `
    stat: cluster.up.canary.upstream_rq_200 +1
    stat: cluster.up.canary.upstream_rq_2xx +1
    stat: cluster.up.canary.upstream_rq_completed +1
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    content-length: 1
    x-envoy-upstream-canary: true
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    x
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  `,
    })
    f.exchange('x-envoy-immediate-health-check-fail of the upstream', {
      send: get('/'),
      reply: answer(503, 'x', 'x-envoy-immediate-health-check-fail: yes'),
      sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 503 Service Unavailable
    content-length: 1
    x-envoy-immediate-health-check-fail: yes
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    x
    (open)
    log: HTTP/1.1 503 - via_upstream in=0 out=1
  `,
    })
    f.exchange('x-envoy-ratelimited and x-envoy-degraded of the upstream', {
      send: get('/'),
      reply: answer(429, 'x', 'x-envoy-ratelimited: true', 'x-envoy-degraded: true'),
      sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 429 Too Many Requests
    content-length: 1
    x-envoy-ratelimited: true
    x-envoy-degraded: true
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    x
    (open)
    log: HTTP/1.1 429 - via_upstream in=0 out=1
  `,
    })
    f.exchange('HEAD with a retry policy', {
      to: 'limited',
      send: head('HEAD / HTTP/1.1', 'host: a'),
      reply: [head('HTTP/1.1 503 Busy', 'content-length: 0'), head('HTTP/1.1 200 OK', 'content-length: 4')],
      sees: `
    > up
    HEAD / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    > up
    HEAD / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING

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
  },
)

feature(
  'another header prefix',
  {
    file: import.meta.url,
    more: 'header_prefix: x-own',
    listeners: [
      http('main', {
        routes:
          '[{match: {prefix: /r}, route: {cluster: up, prefix_rewrite: /x}}, {match: {prefix: /}, route: {cluster: up}}]',
      }),
    ],
  },
  f => {
    f.exchange('it names the headers of the proxy', {
      send: get('/r'),
      notYet: 'another prefix for x-envoy headers',
      sees: `
        > up
        GET /x HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-own-expected-rq-timeout-ms: 15000
        x-own-original-path: /r

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-own-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: HTTP/1.1 200 - via_upstream in=0 out=2
      `,
    })
  },
)
