// Retries: on what, how often, with which limits and headers.
import { answer, get, head, post } from '../support/bytes.js'
import { cluster, http } from '../support/config.js'
import { OK, silence, thenClose, thenReset } from '../support/fake-upstream.js'
import { feature } from '../support/scenario.js'
import { poll } from '../support/wait.js'

const LOG =
  '%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_FLAGS_LONG% %RESPONSE_CODE_DETAILS% tries=%UPSTREAM_REQUEST_ATTEMPT_COUNT% host=%UPSTREAM_HOST% failure=%UPSTREAM_TRANSPORT_FAILURE_REASON%\n'

// A port nobody listens on: reserved by the kernel for tcpmux, and never served here.
const REFUSING =
  'load_assignment: {cluster_name: refusing, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 1}}}}]}]}'

feature(
  'retries',
  {
    file: import.meta.url,
    upstreams: ['up', 'other'],
    clusters: [
      cluster('up', ['up'], 'circuit_breakers: {thresholds: [{max_retries: 1000}]}'),
      cluster('refusing', [], REFUSING),
      cluster(
        'mixed',
        [],
        'load_assignment: {cluster_name: mixed, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 1}}}}, {endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: "${up}"}}}}]}]}',
      ),
      cluster('none', ['up'], 'circuit_breakers: {thresholds: [{max_retries: 0}]}'),
      cluster(
        'budget',
        ['up'],
        'circuit_breakers: {thresholds: [{retry_budget: {budget_percent: {value: 0}, min_retry_concurrency: 0}}]}',
      ),
    ],
    listeners: [
      http('main', {
        log: LOG,
        vhost: 'include_request_attempt_count: true\ninclude_attempt_count_in_response: true',
        hcm: '{use_remote_address: true, internal_address_config: {cidr_ranges: [{address_prefix: 127.0.0.0, prefix_len: 8}]}}',
        routes: `
- {match: {prefix: /5xx}, route: {cluster: up, retry_policy: {retry_on: 5xx}}}
- {match: {prefix: /3x5xx}, route: {cluster: up, retry_policy: {retry_on: 5xx, num_retries: 3}}}
- {match: {prefix: /gateway}, route: {cluster: up, retry_policy: {retry_on: gateway-error}}}
- {match: {prefix: /reset}, route: {cluster: up, retry_policy: {retry_on: reset}}}
- {match: {prefix: /before}, route: {cluster: up, retry_policy: {retry_on: reset-before-request}}}
- {match: {prefix: /connect}, route: {cluster: refusing, retry_policy: {retry_on: connect-failure, num_retries: 2}}}
- {match: {prefix: /mixed}, route: {cluster: mixed, retry_policy: {retry_on: connect-failure}}}
- {match: {prefix: /4xx}, route: {cluster: up, retry_policy: {retry_on: retriable-4xx}}}
- {match: {prefix: /refused}, route: {cluster: up, retry_policy: {retry_on: refused-stream}}}
- {match: {prefix: /codes}, route: {cluster: up, retry_policy: {retry_on: retriable-status-codes, retriable_status_codes: [418, 200]}}}
- {match: {prefix: /headers}, route: {cluster: up, retry_policy: {retry_on: retriable-headers, retriable_headers: [{name: x-retry, string_match: {exact: "yes"}}]}}}
- {match: {prefix: /reqheaders}, route: {cluster: up, retry_policy: {retry_on: 5xx, retriable_request_headers: [{name: x-may, present_match: true}]}}}
- {match: {prefix: /limited}, route: {cluster: up, retry_policy: {retry_on: envoy-ratelimited}}}
- {match: {prefix: /grpc}, route: {cluster: up, retry_policy: {retry_on: "unavailable,internal"}}}
- {match: {prefix: /pertry}, route: {cluster: up, timeout: 2s, retry_policy: {retry_on: 5xx, per_try_timeout: 0.1s}}}
- {match: {prefix: /ptreset}, route: {cluster: up, timeout: 2s, retry_policy: {retry_on: reset, per_try_timeout: 0.1s}}}
- {match: {prefix: /ptidle}, route: {cluster: up, timeout: 2s, retry_policy: {retry_on: 5xx, num_retries: 0, per_try_idle_timeout: 0.1s}}}
- {match: {prefix: /none}, route: {cluster: none, retry_policy: {retry_on: 5xx}}}
- {match: {prefix: /budget}, route: {cluster: budget, retry_policy: {retry_on: 5xx}}}
- {match: {prefix: /whole}, route: {cluster: up, timeout: 0.5s, retry_policy: {retry_on: 5xx, num_retries: 5}}}
- {match: {prefix: /unknown}, route: {cluster: up, retry_policy: {retry_on: "no-such-thing,5xx"}}}
- {match: {prefix: /backoff}, route: {cluster: up, retry_policy: {retry_on: 5xx, num_retries: 4, retry_back_off: {base_interval: 0.01s, max_interval: 0.02s}}}}
- {match: {prefix: /ratelimited}, route: {cluster: up, retry_policy: {retry_on: 5xx, num_retries: 1, rate_limited_retry_back_off: {reset_headers: [{name: retry-after, format: SECONDS}]}}}}
- {match: {prefix: /plain}, route: {cluster: up}}
`,
      }),
      http('external', {
        routes: '[{match: {prefix: /}, route: {cluster: up}}]',
        vhost: 'include_request_attempt_count: true',
      }),
      http('vhost', {
        routes:
          '[{match: {prefix: /own}, route: {cluster: up, retry_policy: {retry_on: gateway-error}}}, {match: {prefix: /}, route: {cluster: up}}]',
        vhost: 'retry_policy: {retry_on: 5xx, num_retries: 2}',
      }),
    ],
  },
  f => {
    const bad = (status: number, ...lines: string[]): string => answer(status, 'bad', ...lines)
    f.exchange('5xx: the body is sent again, whole', {
      send: post('/5xx', 'hello'),
      reply: [bad(503), OK],
      stats: /^cluster\.up\.upstream_cx_(active|destroy)$/,
      sees: `
        stat: cluster.up.upstream_cx_active +1
        stat: cluster.up.upstream_cx_destroy +1
        > up
        POST /5xx HTTP/1.1
        host: a
        content-length: 5
        x-forwarded-for: LOCAL
        x-forwarded-proto: http
        x-envoy-internal: true
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000
        x-envoy-attempt-count: 1

        hello
        > up
        POST /5xx HTTP/1.1
        host: a
        content-length: 5
        x-forwarded-for: LOCAL
        x-forwarded-proto: http
        x-envoy-internal: true
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: REMAINING
        x-envoy-attempt-count: 2

        hello
        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        x-envoy-attempt-count: 2
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - - via_upstream tries=2 host=127.0.0.1:$up failure=-
      `,
    })
    f.exchange('5xx: an empty coded body is sent again', {
      send: `${head('POST /5xx HTTP/1.1', 'host: a', 'transfer-encoding: chunked')}0\r\n\r\n`,
      reply: [bad(503), OK],
      sees: `
        > up
        POST /5xx HTTP/1.1
        host: a
        x-forwarded-for: LOCAL
        x-forwarded-proto: http
        x-envoy-internal: true
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000
        x-envoy-attempt-count: 1
        transfer-encoding: chunked

        0


        > up
        POST /5xx HTTP/1.1
        host: a
        x-forwarded-for: LOCAL
        x-forwarded-proto: http
        x-envoy-internal: true
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: REMAINING
        x-envoy-attempt-count: 2
        transfer-encoding: chunked

        0


        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        x-envoy-attempt-count: 2
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - - via_upstream tries=2 host=127.0.0.1:$up failure=-
      `,
    })
    f.exchange('5xx: a 100 of the upstream ends the trying', {
      send: get('/5xx'),
      reply: [thenClose('HTTP/1.1 100 Continue\r\n\r\n'), OK],
      sees: `
        > up
        GET /5xx HTTP/1.1
        host: a
        x-forwarded-for: LOCAL
        x-forwarded-proto: http
        x-envoy-internal: true
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000
        x-envoy-attempt-count: 1

        < client
        HTTP/1.1 503 Service Unavailable
        x-envoy-attempt-count: 1
        content-length: 95
        content-type: text/plain
        date: DATE
        server: envoy

        upstream connect error or disconnect/reset before headers. reset reason: connection termination
        (open)
        log: 503 UC UpstreamConnectionTermination upstream_reset_after_response_started{connection_termination} tries=1 host=127.0.0.1:$up failure=-
      `,
    })
    f.exchange('5xx: a 503, then 200', {
      send: get('/5xx'),
      reply: [bad(503), OK],
      stats: /cluster\.up\.(?!upstream_cx_tx_bytes)/,
      sees: `
    stat: cluster.up.internal.upstream_rq_200 +1
    stat: cluster.up.internal.upstream_rq_2xx +1
    stat: cluster.up.internal.upstream_rq_completed +1
    stat: cluster.up.retry.upstream_rq_503 +1
    stat: cluster.up.retry.upstream_rq_5xx +1
    stat: cluster.up.retry.upstream_rq_completed +1
    stat: cluster.up.upstream_cx_active +1
    stat: cluster.up.upstream_cx_destroy +1
    stat: cluster.up.upstream_cx_destroy_local +1
    stat: cluster.up.upstream_cx_destroy_local_with_active_rq +1
    stat: cluster.up.upstream_cx_destroy_with_active_rq +1
    stat: cluster.up.upstream_cx_http1_total +2
    stat: cluster.up.upstream_cx_rx_bytes_buffered +40
    stat: cluster.up.upstream_cx_rx_bytes_total +85
    stat: cluster.up.upstream_cx_total +2
    stat: cluster.up.upstream_rq_200 +1
    stat: cluster.up.upstream_rq_2xx +1
    stat: cluster.up.upstream_rq_completed +1
    stat: cluster.up.upstream_rq_pending_total +2
    stat: cluster.up.upstream_rq_retry +1
    stat: cluster.up.upstream_rq_retry_backoff_exponential +1
    stat: cluster.up.upstream_rq_retry_success +1
    stat: cluster.up.upstream_rq_total +2
    > up
    GET /5xx HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    > up
    GET /5xx HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 2

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 2
    date: DATE
    server: envoy

    ok
    (open)
    log: 200 - - via_upstream tries=2 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('5xx: a 500', {
      send: get('/5xx'),
      reply: [bad(500), OK],
      sees: `
    > up
    GET /5xx HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    > up
    GET /5xx HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 2

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 2
    date: DATE
    server: envoy

    ok
    (open)
    log: 200 - - via_upstream tries=2 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('5xx: 404 is no error of the server', {
      send: get('/5xx'),
      reply: [bad(404), OK],
      sees: `
    > up
    GET /5xx HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    < client
    HTTP/1.1 404 Not Found
    content-length: 3
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 1
    date: DATE
    server: envoy

    bad
    (open)
    log: 404 - - via_upstream tries=1 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('5xx: one retry by default, then the last answer passes', {
      send: get('/5xx'),
      reply: [bad(503), bad(502), OK],
      stats: /cluster\.up\.(?!upstream_cx_tx_bytes)/,
      sees: `
    stat: cluster.up.internal.upstream_rq_502 +1
    stat: cluster.up.internal.upstream_rq_5xx +1
    stat: cluster.up.internal.upstream_rq_completed +1
    stat: cluster.up.retry.upstream_rq_503 +1
    stat: cluster.up.retry.upstream_rq_5xx +1
    stat: cluster.up.retry.upstream_rq_completed +1
    stat: cluster.up.upstream_cx_destroy +1
    stat: cluster.up.upstream_cx_destroy_local +1
    stat: cluster.up.upstream_cx_destroy_local_with_active_rq +1
    stat: cluster.up.upstream_cx_destroy_with_active_rq +1
    stat: cluster.up.upstream_cx_http1_total +1
    stat: cluster.up.upstream_cx_rx_bytes_total +90
    stat: cluster.up.upstream_cx_total +1
    stat: cluster.up.upstream_rq_502 +1
    stat: cluster.up.upstream_rq_5xx +1
    stat: cluster.up.upstream_rq_completed +1
    stat: cluster.up.upstream_rq_pending_total +1
    stat: cluster.up.upstream_rq_retry +1
    stat: cluster.up.upstream_rq_retry_backoff_exponential +1
    stat: cluster.up.upstream_rq_retry_limit_exceeded +1
    stat: cluster.up.upstream_rq_total +2
    > up
    GET /5xx HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    > up
    GET /5xx HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 2

    < client
    HTTP/1.1 502 Bad Gateway
    content-length: 3
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 2
    date: DATE
    server: envoy

    bad
    (open)
    log: 502 URX UpstreamRetryLimitExceeded via_upstream tries=2 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('5xx: three retries', {
      send: get('/3x5xx'),
      reply: [bad(503), bad(502), bad(500), OK],
      stats: /cluster\.up.*retr/,
      sees: `
    stat: cluster.up.retry.upstream_rq_500 +1
    stat: cluster.up.retry.upstream_rq_502 +1
    stat: cluster.up.retry.upstream_rq_503 +1
    stat: cluster.up.retry.upstream_rq_5xx +3
    stat: cluster.up.retry.upstream_rq_completed +3
    stat: cluster.up.upstream_rq_retry +3
    stat: cluster.up.upstream_rq_retry_backoff_exponential +3
    stat: cluster.up.upstream_rq_retry_success +1
    > up
    GET /3x5xx HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    > up
    GET /3x5xx HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 2

    > up
    GET /3x5xx HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 3

    > up
    GET /3x5xx HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 4

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 4
    date: DATE
    server: envoy

    ok
    (open)
    log: 200 - - via_upstream tries=4 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('5xx: a closed connection is retried', {
      send: get('/5xx'),
      reply: [thenClose(), OK],
      sees: `
    > up
    GET /5xx HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    > up
    GET /5xx HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 2

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 2
    date: DATE
    server: envoy

    ok
    (open)
    log: 200 - - via_upstream tries=2 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('5xx: a reset connection is retried', {
      send: get('/5xx'),
      reply: [thenReset(), OK],
      sees: `
    > up
    GET /5xx HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    > up
    GET /5xx HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 2

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 2
    date: DATE
    server: envoy

    ok
    (open)
    log: 200 - - via_upstream tries=2 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('5xx: closed twice', {
      send: get('/5xx'),
      reply: [thenClose(), thenClose()],
      sees: `
    > up
    GET /5xx HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    > up
    GET /5xx HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 2

    < client
    HTTP/1.1 503 Service Unavailable
    x-envoy-attempt-count: 2
    content-length: 118
    content-type: text/plain
    date: DATE
    server: envoy

    upstream connect error or disconnect/reset before headers. retried and the latest reset reason: connection termination
    (open)
    log: 503 URX,UC UpstreamRetryLimitExceeded,UpstreamConnectionTermination upstream_reset_before_response_started{connection_termination} tries=2 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('5xx: no retry after the response began', {
      send: get('/5xx'),
      reply: [thenClose(`${head('HTTP/1.1 200 OK', 'content-length: 9')}abc`), OK],
      until: 'close',
      log: 1,
      sees: `
    > up
    GET /5xx HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    < client
    HTTP/1.1 200 OK
    content-length: 9
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 1
    date: DATE
    server: envoy

    abc
    (closed)
    log: 200 UPE UpstreamProtocolError upstream_reset_after_response_started{protocol_error} tries=1 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('5xx: the body is sent again', {
      send: post('/5xx', 'the body'),
      reply: [bad(503), OK],
      sees: `
    > up
    POST /5xx HTTP/1.1
    host: a
    content-length: 8
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    the body
    > up
    POST /5xx HTTP/1.1
    host: a
    content-length: 8
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 2

    the body
    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 2
    date: DATE
    server: envoy

    ok
    (open)
    log: 200 - - via_upstream tries=2 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('gateway-error: 502, 503 and 504', {
      send: get('/gateway'),
      reply: [bad(504), OK],
      sees: `
    > up
    GET /gateway HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    > up
    GET /gateway HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 2

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 2
    date: DATE
    server: envoy

    ok
    (open)
    log: 200 - - via_upstream tries=2 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('gateway-error: not 500', {
      send: get('/gateway'),
      reply: [bad(500), OK],
      sees: `
    > up
    GET /gateway HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    < client
    HTTP/1.1 500 Internal Server Error
    content-length: 3
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 1
    date: DATE
    server: envoy

    bad
    (open)
    log: 500 - - via_upstream tries=1 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('reset: a closed connection', {
      send: get('/reset'),
      reply: [thenClose(), OK],
      sees: `
    > up
    GET /reset HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    > up
    GET /reset HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 2

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 2
    date: DATE
    server: envoy

    ok
    (open)
    log: 200 - - via_upstream tries=2 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('reset: not a 503', {
      send: get('/reset'),
      reply: [bad(503), OK],
      sees: `
    > up
    GET /reset HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    < client
    HTTP/1.1 503 Service Unavailable
    content-length: 3
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 1
    date: DATE
    server: envoy

    bad
    (open)
    log: 503 - - via_upstream tries=1 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('reset-before-request: not after the request was sent', {
      send: get('/before'),
      reply: [thenClose(), OK],
      sees: `
    > up
    GET /before HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    < client
    HTTP/1.1 503 Service Unavailable
    x-envoy-attempt-count: 1
    content-length: 95
    content-type: text/plain
    date: DATE
    server: envoy

    upstream connect error or disconnect/reset before headers. reset reason: connection termination
    (open)
    log: 503 UC UpstreamConnectionTermination upstream_reset_before_response_started{connection_termination} tries=1 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('connect-failure: refused three times', {
      send: get('/connect'),
      stats: /cluster\.refusing/,
      sees: `
    stat: cluster.refusing.internal.upstream_rq_503 +1
    stat: cluster.refusing.internal.upstream_rq_5xx +1
    stat: cluster.refusing.internal.upstream_rq_completed +1
    stat: cluster.refusing.upstream_cx_connect_fail +3
    stat: cluster.refusing.upstream_cx_destroy +3
    stat: cluster.refusing.upstream_cx_destroy_remote +3
    stat: cluster.refusing.upstream_cx_http1_total +3
    stat: cluster.refusing.upstream_cx_total +3
    stat: cluster.refusing.upstream_rq_503 +1
    stat: cluster.refusing.upstream_rq_5xx +1
    stat: cluster.refusing.upstream_rq_completed +1
    stat: cluster.refusing.upstream_rq_pending_failure_eject +3
    stat: cluster.refusing.upstream_rq_pending_total +3
    stat: cluster.refusing.upstream_rq_retry +2
    stat: cluster.refusing.upstream_rq_retry_backoff_exponential +2
    stat: cluster.refusing.upstream_rq_retry_limit_exceeded +1
    < client
    HTTP/1.1 503 Service Unavailable
    x-envoy-attempt-count: 3
    content-length: 121
    content-type: text/plain
    date: DATE
    server: envoy

    upstream connect error or disconnect/reset before headers. retried and the latest reset reason: remote connection failure
    (open)
    log: 503 URX,UF UpstreamRetryLimitExceeded,UpstreamConnectionFailure upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused} tries=3 host=127.0.0.1:1 failure=delayed_connect_error:_Connection_refused
  `,
    })
    f.scenario(
      'connect-failure: the other host answers',
      {
        sees: `
    answered, once at least by a retry
  `,
      },
      async s => {
        const attempts = []
        for (let round = 0; round < 2; round++) {
          const client = await s.connect()
          await client.send(get('/mixed'))
          const response = await client.response()
          attempts.push(`${response.startLine} ${response.headers.get('x-envoy-attempt-count')}`)
        }
        // Where round robin begins is its own affair: either both rounds met the dead host first, or one of them did.
        s.note(
          attempts.every(attempt => /200 OK [12]$/.test(attempt)) && attempts.some(attempt => attempt.endsWith('2'))
            ? 'answered, once at least by a retry'
            : attempts.join(),
        )
      },
    )
    f.exchange('retriable-4xx: 409', {
      send: get('/4xx'),
      reply: [bad(409), OK],
      sees: `
    > up
    GET /4xx HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    > up
    GET /4xx HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 2

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 2
    date: DATE
    server: envoy

    ok
    (open)
    log: 200 - - via_upstream tries=2 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('retriable-4xx: not 404', {
      send: get('/4xx'),
      reply: [bad(404), OK],
      sees: `
    > up
    GET /4xx HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    < client
    HTTP/1.1 404 Not Found
    content-length: 3
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 1
    date: DATE
    server: envoy

    bad
    (open)
    log: 404 - - via_upstream tries=1 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('refused-stream means nothing to HTTP/1', {
      send: get('/refused'),
      reply: [thenClose(), OK],
      sees: `
    > up
    GET /refused HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    < client
    HTTP/1.1 503 Service Unavailable
    x-envoy-attempt-count: 1
    content-length: 95
    content-type: text/plain
    date: DATE
    server: envoy

    upstream connect error or disconnect/reset before headers. reset reason: connection termination
    (open)
    log: 503 UC UpstreamConnectionTermination upstream_reset_before_response_started{connection_termination} tries=1 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('retriable-status-codes', {
      send: get('/codes'),
      reply: [bad(418), bad(404)],
      sees: `
    > up
    GET /codes HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    > up
    GET /codes HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 2

    < client
    HTTP/1.1 404 Not Found
    content-length: 3
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 2
    date: DATE
    server: envoy

    bad
    (open)
    log: 404 - - via_upstream tries=2 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('retriable-headers', {
      send: get('/headers'),
      reply: [answer(200, 'no', 'x-retry: yes'), OK],
      sees: `
    > up
    GET /headers HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    > up
    GET /headers HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 2

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 2
    date: DATE
    server: envoy

    ok
    (open)
    log: 200 - - via_upstream tries=2 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('retriable-headers that do not match', {
      send: get('/headers'),
      reply: [answer(200, 'no', 'x-retry: no'), OK],
      sees: `
    > up
    GET /headers HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-retry: no
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 1
    date: DATE
    server: envoy

    no
    (open)
    log: 200 - - via_upstream tries=1 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('retriable_request_headers: present', {
      send: get('/reqheaders', 'x-may: 1'),
      reply: [bad(503), OK],
      sees: `
    > up
    GET /reqheaders HTTP/1.1
    host: a
    x-may: 1
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    > up
    GET /reqheaders HTTP/1.1
    host: a
    x-may: 1
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 2

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 2
    date: DATE
    server: envoy

    ok
    (open)
    log: 200 - - via_upstream tries=2 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('retriable_request_headers: absent', {
      send: get('/reqheaders'),
      reply: [bad(503), OK],
      sees: `
    > up
    GET /reqheaders HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    < client
    HTTP/1.1 503 Service Unavailable
    content-length: 3
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 1
    date: DATE
    server: envoy

    bad
    (open)
    log: 503 - - via_upstream tries=1 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('envoy-ratelimited: only with the header', {
      send: get('/limited'),
      reply: [bad(429, 'x-envoy-ratelimited: true'), OK],
      sees: `
    > up
    GET /limited HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    > up
    GET /limited HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 2

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 2
    date: DATE
    server: envoy

    ok
    (open)
    log: 200 - - via_upstream tries=2 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('envoy-ratelimited: 5xx does not retry what is rate limited', {
      send: get('/5xx'),
      reply: [bad(503, 'x-envoy-ratelimited: true'), OK],
      sees: `
    > up
    GET /5xx HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    < client
    HTTP/1.1 503 Service Unavailable
    content-length: 3
    x-envoy-ratelimited: true
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 1
    date: DATE
    server: envoy

    bad
    (open)
    log: 503 - - via_upstream tries=1 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('grpc status in headers', {
      send: get('/grpc', 'content-type: application/grpc'),
      reply: [head('HTTP/1.1 200 OK', 'content-type: application/grpc', 'grpc-status: 14', 'content-length: 0'), OK],
      sees: `
    > up
    GET /grpc HTTP/1.1
    host: a
    content-type: application/grpc
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    > up
    GET /grpc HTTP/1.1
    host: a
    content-type: application/grpc
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 2

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 2
    date: DATE
    server: envoy

    ok
    (open)
    log: 200 - - via_upstream tries=2 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('grpc status that is not listed', {
      send: get('/grpc', 'content-type: application/grpc'),
      reply: [head('HTTP/1.1 200 OK', 'content-type: application/grpc', 'grpc-status: 5', 'content-length: 0'), OK],
      sees: `
    > up
    GET /grpc HTTP/1.1
    host: a
    content-type: application/grpc
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    < client
    HTTP/1.1 200 OK
    content-type: application/grpc
    grpc-status: 5
    content-length: 0
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 1
    date: DATE
    server: envoy

    (open)
    log: 200 - - via_upstream tries=1 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('per_try_timeout, then an answer', {
      send: get('/pertry'),
      reply: [silence, OK],
      stats: /cluster\.up.*(?:timeout|retry)/,
      sees: `
    stat: cluster.up.upstream_rq_per_try_timeout +1
    stat: cluster.up.upstream_rq_retry +1
    stat: cluster.up.upstream_rq_retry_backoff_exponential +1
    stat: cluster.up.upstream_rq_retry_success +1
    > up
    GET /pertry HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 100
    x-envoy-attempt-count: 1

    > up
    GET /pertry HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 2

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 2
    date: DATE
    server: envoy

    ok
    (open)
    log: 200 - - via_upstream tries=2 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('per_try_timeout twice', {
      send: get('/pertry'),
      reply: [silence, silence],
      stats: /cluster\.up.*(?:timeout|retry)/,
      sees: `
    stat: cluster.up.upstream_rq_per_try_timeout +2
    stat: cluster.up.upstream_rq_retry +1
    stat: cluster.up.upstream_rq_retry_backoff_exponential +1
    stat: cluster.up.upstream_rq_retry_limit_exceeded +1
    > up
    GET /pertry HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 100
    x-envoy-attempt-count: 1

    > up
    GET /pertry HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 2

    < client
    HTTP/1.1 504 Gateway Timeout
    x-envoy-attempt-count: 2
    content-length: 24
    content-type: text/plain
    date: DATE
    server: envoy

    upstream request timeout
    (open)
    log: 504 URX,UT UpstreamRetryLimitExceeded,UpstreamRequestTimeout upstream_per_try_timeout tries=2 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('per_try_timeout with reset', {
      send: get('/ptreset'),
      reply: [silence, OK],
      sees: `
    > up
    GET /ptreset HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 100
    x-envoy-attempt-count: 1

    > up
    GET /ptreset HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 2

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 2
    date: DATE
    server: envoy

    ok
    (open)
    log: 200 - - via_upstream tries=2 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('per_try_idle_timeout', {
      send: get('/ptidle'),
      reply: [silence],
      stats: /cluster\.up.*(?:timeout|retry)/,
      sees: `
    stat: cluster.up.upstream_rq_per_try_idle_timeout +1
    stat: cluster.up.upstream_rq_retry_limit_exceeded +1
    > up
    GET /ptidle HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 2000
    x-envoy-attempt-count: 1

    < client
    HTTP/1.1 504 Gateway Timeout
    x-envoy-attempt-count: 1
    content-length: 24
    content-type: text/plain
    date: DATE
    server: envoy

    upstream request timeout
    (open)
    log: 504 URX,UT UpstreamRetryLimitExceeded,UpstreamRequestTimeout upstream_per_try_idle_timeout tries=1 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('max_retries 0 of the circuit breaker', {
      send: get('/none'),
      reply: [bad(503), OK],
      stats: /cluster\.none\.(?:upstream_rq_retry|circuit)/,
      sees: `
    stat: cluster.none.upstream_rq_retry_overflow +1
    > up
    GET /none HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    < client
    HTTP/1.1 503 Service Unavailable
    content-length: 3
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 1
    date: DATE
    server: envoy

    bad
    (open)
    log: 503 UO UpstreamOverflow via_upstream tries=1 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('an empty retry budget', {
      send: get('/budget'),
      reply: [bad(503), OK],
      stats: /cluster\.budget\.(?:upstream_rq_retry|circuit)/,
      sees: `
    stat: cluster.budget.upstream_rq_retry_overflow +1
    > up
    GET /budget HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    < client
    HTTP/1.1 503 Service Unavailable
    content-length: 3
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 1
    date: DATE
    server: envoy

    bad
    (open)
    log: 503 UO UpstreamOverflow via_upstream tries=1 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('the route timeout includes retries', {
      send: get('/whole'),
      reply: [bad(503), silence],
      sees: `
        > up
        GET /whole HTTP/1.1
        host: a
        x-forwarded-for: LOCAL
        x-forwarded-proto: http
        x-envoy-internal: true
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 500
        x-envoy-attempt-count: 1

        > up
        GET /whole HTTP/1.1
        host: a
        x-forwarded-for: LOCAL
        x-forwarded-proto: http
        x-envoy-internal: true
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: REMAINING
        x-envoy-attempt-count: 2

        < client
        HTTP/1.1 504 Gateway Timeout
        x-envoy-attempt-count: 2
        content-length: 24
        content-type: text/plain
        date: DATE
        server: envoy

        upstream request timeout
        (open)
        log: 504 UT UpstreamRequestTimeout response_timeout tries=2 host=127.0.0.1:$up failure=-
      `,
    })
    f.exchange('an unknown retry_on is ignored', {
      send: get('/unknown'),
      reply: [bad(503), OK],
      sees: `
    > up
    GET /unknown HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    > up
    GET /unknown HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 2

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 2
    date: DATE
    server: envoy

    ok
    (open)
    log: 200 - - via_upstream tries=2 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('a short back-off', {
      send: get('/backoff'),
      reply: [bad(503), bad(503), bad(503), bad(503), OK],
      stats: /cluster\.up.*backoff/,
      sees: `
    stat: cluster.up.upstream_rq_retry_backoff_exponential +4
    > up
    GET /backoff HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    > up
    GET /backoff HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 2

    > up
    GET /backoff HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 3

    > up
    GET /backoff HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 4

    > up
    GET /backoff HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 5

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 5
    date: DATE
    server: envoy

    ok
    (open)
    log: 200 - - via_upstream tries=5 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('rate limited back-off by retry-after', {
      send: get('/ratelimited'),
      reply: [bad(503, 'retry-after: 1'), OK],
      stats: /cluster\.up.*backoff/,
      sees: `
    stat: cluster.up.upstream_rq_retry_backoff_ratelimited +1
    > up
    GET /ratelimited HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    > up
    GET /ratelimited HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 2

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 2
    date: DATE
    server: envoy

    ok
    (open)
    log: 200 - - via_upstream tries=2 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('retry headers of an internal client', {
      send: get('/plain', 'x-envoy-retry-on: 5xx', 'x-envoy-max-retries: 2'),
      reply: [bad(503), bad(503), OK],
      sees: `
    > up
    GET /plain HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    > up
    GET /plain HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 2

    > up
    GET /plain HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 3

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 3
    date: DATE
    server: envoy

    ok
    (open)
    log: 200 - - via_upstream tries=3 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('x-envoy-retriable-status-codes of an internal client', {
      send: get('/plain', 'x-envoy-retry-on: retriable-status-codes', 'x-envoy-retriable-status-codes: 418,419'),
      reply: [bad(419), OK],
      sees: `
    > up
    GET /plain HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    > up
    GET /plain HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 2

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 2
    date: DATE
    server: envoy

    ok
    (open)
    log: 200 - - via_upstream tries=2 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('x-envoy-retriable-header-names of an internal client', {
      send: get('/plain', 'x-envoy-retry-on: retriable-headers', 'x-envoy-retriable-header-names: x-r'),
      reply: [bad(200, 'x-r: 1'), OK],
      sees: `
    > up
    GET /plain HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    > up
    GET /plain HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 2

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 2
    date: DATE
    server: envoy

    ok
    (open)
    log: 200 - - via_upstream tries=2 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('x-envoy-retry-grpc-on of an internal client', {
      send: get('/plain', 'x-envoy-retry-grpc-on: unavailable'),
      reply: [head('HTTP/1.1 200 OK', 'grpc-status: 14', 'content-length: 0'), OK],
      sees: `
    > up
    GET /plain HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    > up
    GET /plain HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 2

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 2
    date: DATE
    server: envoy

    ok
    (open)
    log: 200 - - via_upstream tries=2 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('x-envoy-upstream-rq-timeout-ms of an internal client', {
      send: get('/plain', 'x-envoy-upstream-rq-timeout-ms: 100'),
      reply: silence,
      sees: `
    > up
    GET /plain HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 100
    x-envoy-attempt-count: 1

    < client
    HTTP/1.1 504 Gateway Timeout
    x-envoy-attempt-count: 1
    content-length: 24
    content-type: text/plain
    date: DATE
    server: envoy

    upstream request timeout
    (open)
    log: 504 UT UpstreamRequestTimeout response_timeout tries=1 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('x-envoy-upstream-rq-timeout-alt-response', {
      send: get('/plain', 'x-envoy-upstream-rq-timeout-ms: 100', 'x-envoy-upstream-rq-timeout-alt-response: 1'),
      reply: silence,
      sees: `
    > up
    GET /plain HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 100
    x-envoy-attempt-count: 1

    < client
    HTTP/1.1 204 No Content
    x-envoy-attempt-count: 1
    date: DATE
    server: envoy

    (open)
    log: 204 UT UpstreamRequestTimeout response_timeout tries=1 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('x-envoy-upstream-rq-per-try-timeout-ms of an internal client', {
      send: get('/5xx', 'x-envoy-upstream-rq-per-try-timeout-ms: 100'),
      reply: [silence, OK],
      sees: `
    > up
    GET /5xx HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 100
    x-envoy-attempt-count: 1

    > up
    GET /5xx HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING
    x-envoy-attempt-count: 2

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 2
    date: DATE
    server: envoy

    ok
    (open)
    log: 200 - - via_upstream tries=2 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('a timeout header that is no number', {
      send: get('/plain', 'x-envoy-upstream-rq-timeout-ms: soon'),
      sees: `
    > up
    GET /plain HTTP/1.1
    host: a
    x-forwarded-for: LOCAL
    x-forwarded-proto: http
    x-envoy-internal: true
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-envoy-attempt-count: 1
    date: DATE
    server: envoy

    ok
    (open)
    log: 200 - - via_upstream tries=1 host=127.0.0.1:$up failure=-
  `,
    })
    f.exchange('retry headers of an external client do nothing', {
      to: 'external',
      send: get('/', 'x-envoy-retry-on: 5xx', 'x-envoy-max-retries: 2'),
      reply: [bad(503), OK],
      sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-envoy-attempt-count: 1

    < client
    HTTP/1.1 503 Service Unavailable
    content-length: 3
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    bad
    (open)
    log: HTTP/1.1 503 - via_upstream in=0 out=3
  `,
    })
    f.exchange('a retry policy of the virtual host', {
      to: 'vhost',
      send: get('/'),
      reply: [bad(500), bad(500), OK],
      sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING

    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: REMAINING

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
    f.exchange('a policy of the route replaces it', {
      to: 'vhost',
      send: get('/own'),
      reply: [bad(500), OK],
      sees: `
    > up
    GET /own HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 500 Internal Server Error
    content-length: 3
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    bad
    (open)
    log: HTTP/1.1 500 - via_upstream in=0 out=3
  `,
    })
    f.scenario(
      'a request body too large to keep is not retried',
      {
        sees: `
    HTTP/1.1 503 Service Unavailable attempts 1
    requests at the upstream: 1
  `,
      },
      async s => {
        s.upstream().script(silence)
        const client = await s.connect()
        const size = 3 * 1024 * 1024
        await client.send(head('POST /5xx HTTP/1.1', 'host: a', `content-length: ${size}`))
        void client.send(Buffer.alloc(size, 'x'))
        const connection = await s.upstream().nextConnection()
        await poll('two MiB at the upstream', () => (connection.received.length > 2 * 1024 * 1024 ? true : undefined))
        await connection.send(bad(503))
        const response = await client.response()
        s.note(`${response.startLine} attempts ${response.headers.get('x-envoy-attempt-count')}`)
        s.note(`requests at the upstream: ${s.upstream().connections.length}`)
      },
    )
  },
)
