// internal_redirect_policy: redirects of the upstream that the proxy follows itself.
import { get, post } from '../support/bytes.js'
import { cluster, http } from '../support/config.js'
import { feature } from '../support/scenario.js'

const to = (location: string, status = 302, ...more: string[]): string =>
  [`HTTP/1.1 ${status} Found`, `location: ${location}`, ...more, 'content-length: 2', '', 'no'].join('\r\n')

const PREDICATES = 'type.googleapis.com/envoy.extensions.internal_redirect'

feature(
  'redirects',
  {
    file: import.meta.url,
    upstreams: ['up', 'other'],
    clusters: [cluster('up'), cluster('other')],
    listeners: [
      http('main', {
        log: '%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% in=%BYTES_RECEIVED% out=%BYTES_SENT% %UPSTREAM_CLUSTER% %ROUTE_NAME% %REQ(X-ENVOY-ORIGINAL-URL)%\n',
        routes: `
- {match: {prefix: /plain}, name: plain, route: {cluster: up, internal_redirect_policy: {}}}
- {match: {prefix: /added}, route: {cluster: up, prefix_rewrite: /new, internal_redirect_policy: {}}, request_headers_to_add: [{header: {key: x-route, value: r}}]}
- {match: {prefix: /off}, route: {cluster: up}}
- {match: {prefix: /three}, route: {cluster: up, internal_redirect_policy: {max_internal_redirects: 3}}}
- {match: {prefix: /zero}, route: {cluster: up, internal_redirect_policy: {max_internal_redirects: 0}}}
- {match: {prefix: /codes}, route: {cluster: up, internal_redirect_policy: {redirect_response_codes: [301, 303, 307, 308]}}}
- {match: {prefix: /cross}, route: {cluster: up, internal_redirect_policy: {allow_cross_scheme_redirect: true}}}
- {match: {prefix: /copy}, route: {cluster: up, internal_redirect_policy: {response_headers_to_copy: [x-copied, x-absent]}}}
- {match: {prefix: /previous}, name: previous, route: {cluster: up, internal_redirect_policy: {max_internal_redirects: 5, predicates: [{name: envoy.internal_redirect_predicates.previous_routes, typed_config: {"@type": ${PREDICATES}.previous_routes.v3.PreviousRoutesConfig}}]}}}
- {match: {prefix: /allowed}, name: allowed, route: {cluster: up, internal_redirect_policy: {max_internal_redirects: 5, predicates: [{name: envoy.internal_redirect_predicates.allow_listed_routes, typed_config: {"@type": ${PREDICATES}.allow_listed_routes.v3.AllowListedRoutesConfig, allowed_route_names: [listed]}}]}}}
- {match: {prefix: /listed}, name: listed, route: {cluster: other}}
- {match: {prefix: /safe}, route: {cluster: up, internal_redirect_policy: {allow_cross_scheme_redirect: true, predicates: [{name: envoy.internal_redirect_predicates.safe_cross_scheme, typed_config: {"@type": ${PREDICATES}.safe_cross_scheme.v3.SafeCrossSchemeConfig}}]}}}
- {match: {prefix: /small}, route: {cluster: up, internal_redirect_policy: {}}, per_request_buffer_limit_bytes: 4}
- {match: {prefix: /old}, route: {cluster: up, internal_redirect_action: HANDLE_INTERNAL_REDIRECT, max_internal_redirects: 2}}
- {match: {prefix: /direct}, direct_response: {status: 200, body: {inline_string: direct}}}
- {match: {prefix: /other}, name: other, route: {cluster: other}}
`,
      }),
    ],
  },
  f => {
    f.exchange('one that is followed', {
      sees: `
        > up
        GET /plain HTTP/1.1
        host: a
        x-a: 1
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        > other
        GET /other?q=1 HTTP/1.1
        host: b.example
        x-a: 1
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: REMAINING
        x-envoy-original-url: http://a/plain

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: /other?q=1 302 - internal_redirect in=0 out=0 other other http://a/plain
        log: /other?q=1 200 - via_upstream in=0 out=2 other other http://a/plain
      `,
      send: get('/plain', 'x-a: 1'),
      reply: to('http://b.example/other?q=1#part', 302, 'x-b: 2'),
      log: 2,
    })
    f.exchange('what is counted', {
      sees: `
        stat: cluster.other.external.upstream_rq_200 +1
        stat: cluster.other.external.upstream_rq_2xx +1
        stat: cluster.other.external.upstream_rq_completed +1
        stat: cluster.other.upstream_rq_200 +1
        stat: cluster.other.upstream_rq_2xx +1
        stat: cluster.other.upstream_rq_completed +1
        stat: cluster.other.upstream_rq_total +1
        stat: cluster.up.upstream_internal_redirect_succeeded_total +1
        stat: cluster.up.upstream_rq_pending_total +1
        stat: cluster.up.upstream_rq_total +1
        stat: http.main.downstream_rq_2xx +1
        stat: http.main.downstream_rq_completed +1
        stat: http.main.downstream_rq_http1_total +2
        stat: http.main.downstream_rq_total +2
        stat: http.main.rq_total +2
        > up
        GET /plain HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        > other
        GET /other HTTP/1.1
        host: b.example
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: REMAINING
        x-envoy-original-url: http://a/plain

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: /other 302 - internal_redirect in=0 out=0 other other http://a/plain
        log: /other 200 - via_upstream in=0 out=2 other other http://a/plain
      `,
      send: get('/plain'),
      reply: to('http://b.example/other'),
      log: 2,
      stats:
        /^(cluster\.(up|other)\.(upstream_rq|upstream_internal|internal|external)|http\.main\.(rq_|downstream_rq|passthrough|no_))/,
    })
    f.exchange('with a body', {
      sees: `
        > up
        POST /plain HTTP/1.1
        host: a
        content-length: 5
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        hello
        > other
        POST /other HTTP/1.1
        host: b.example
        content-length: 5
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: REMAINING
        x-envoy-original-url: http://a/plain

        hello
        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: /other 302 - internal_redirect in=5 out=0 other other http://a/plain
        log: /other 200 - via_upstream in=10 out=2 other other http://a/plain
      `,
      send: post('/plain', 'hello'),
      reply: to('http://b.example/other'),
      log: 2,
    })
    f.exchange('with a chunked body', {
      sees: `
        > up
        POST /plain HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000
        transfer-encoding: chunked

        3
        abc
        0


        > other
        POST /other HTTP/1.1
        host: b.example
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: REMAINING
        x-envoy-original-url: http://a/plain
        transfer-encoding: chunked

        3
        abc
        0


        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: /other 302 - internal_redirect in=3 out=0 other other http://a/plain
        log: /other 200 - via_upstream in=6 out=2 other other http://a/plain
      `,
      send: 'POST /plain HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
      reply: to('http://b.example/other'),
      log: 2,
    })
    f.exchange('303 becomes a GET', {
      sees: `
        > up
        POST /codes HTTP/1.1
        host: a
        content-length: 5
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        hello
        > other
        GET /other HTTP/1.1
        host: b.example
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: REMAINING
        x-envoy-original-url: http://a/codes

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: /other 303 - internal_redirect in=5 out=0 other other http://a/codes
        log: /other 200 - via_upstream in=5 out=2 other other http://a/codes
      `,
      send: post('/codes', 'hello'),
      reply: to('http://b.example/other', 303),
      log: 2,
    })
    f.exchange('307 keeps its method', {
      sees: `
        > up
        POST /codes HTTP/1.1
        host: a
        content-length: 5
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        hello
        > other
        POST /other HTTP/1.1
        host: b.example
        content-length: 5
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: REMAINING
        x-envoy-original-url: http://a/codes

        hello
        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: /other 307 - internal_redirect in=5 out=0 other other http://a/codes
        log: /other 200 - via_upstream in=10 out=2 other other http://a/codes
      `,
      send: post('/codes', 'hello'),
      reply: to('http://b.example/other', 307),
      log: 2,
    })
    f.exchange('a code that is not in the list', {
      sees: `
        > up
        GET /codes HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 302 Found
        location: http://b.example/other
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        no
        (open)
        log: /codes 302 - via_upstream in=0 out=2 up - -
      `,
      send: get('/codes'),
      reply: to('http://b.example/other', 302),
    })
    f.exchange('a route without a policy', {
      sees: `
      > up
      GET /off HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 302 Found
      location: http://b.example/other
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      no
      (open)
      log: /off 302 - via_upstream in=0 out=2 up - -
    `,
      send: get('/off'),
      reply: to('http://b.example/other'),
    })
    f.exchange('what the route added stays', {
      sees: `
        > up
        GET /new/x HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000
        x-route: r
        x-envoy-original-path: /added/x

        > other
        GET /other HTTP/1.1
        host: b.example
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: REMAINING
        x-route: r
        x-envoy-original-path: /added/x
        x-envoy-original-url: http://a/new/x

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: /other 302 - internal_redirect in=0 out=0 other other http://a/new/x
        log: /other 200 - via_upstream in=0 out=2 other other http://a/new/x
      `,
      send: get('/added/x'),
      reply: to('http://b.example/other'),
      log: 2,
    })
    f.exchange('a relative location', {
      sees: `
        stat: cluster.up.upstream_internal_redirect_failed_total +1
        stat: http.main.passthrough_internal_redirect_bad_location +1
        > up
        GET /plain HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 302 Found
        location: /other
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        no
        (open)
        log: /plain 302 - via_upstream in=0 out=2 up plain -
      `,
      send: get('/plain'),
      reply: to('/other'),
      stats: /^http\.main\.passthrough|cluster\.up\.upstream_internal/,
    })
    f.exchange('no location', {
      sees: `
        stat: cluster.up.upstream_internal_redirect_failed_total +1
        > up
        GET /plain HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 302 Found
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        no
        (open)
        log: /plain 302 - via_upstream in=0 out=2 up plain -
      `,
      send: get('/plain'),
      reply: 'HTTP/1.1 302 Found\r\ncontent-length: 2\r\n\r\nno',
      stats: /^http\.main\.passthrough|cluster\.up\.upstream_internal/,
    })
    f.exchange('an empty location', {
      sees: `
        stat: cluster.up.upstream_internal_redirect_failed_total +1
        stat: http.main.passthrough_internal_redirect_bad_location +1
        > up
        GET /plain HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 302 Found
        location:
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        no
        (open)
        log: /plain 302 - via_upstream in=0 out=2 up plain -
      `,
      send: get('/plain'),
      reply: to(''),
      stats: /^http\.main\.passthrough|cluster\.up\.upstream_internal/,
    })
    f.exchange('another scheme', {
      sees: `
        stat: cluster.up.upstream_internal_redirect_failed_total +1
        stat: http.main.passthrough_internal_redirect_unsafe_scheme +1
        > up
        GET /plain HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 302 Found
        location: https://b.example/other
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        no
        (open)
        log: /plain 302 - via_upstream in=0 out=2 up plain -
      `,
      send: get('/plain'),
      reply: to('https://b.example/other'),
      stats: /^http\.main\.passthrough|cluster\.up\.upstream_internal/,
    })
    f.exchange('another scheme, allowed', {
      sees: `
        > up
        GET /cross HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        > other
        GET /other HTTP/1.1
        host: b.example
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: REMAINING
        x-envoy-original-url: http://a/cross

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: /other 302 - internal_redirect in=0 out=0 other other http://a/cross
        log: /other 200 - via_upstream in=0 out=2 other other http://a/cross
      `,
      send: get('/cross'),
      reply: to('https://b.example/other'),
      log: 2,
    })
    f.exchange('an unsafe scheme', {
      sees: `
        stat: cluster.up.upstream_internal_redirect_failed_total +1
        stat: http.main.passthrough_internal_redirect_predicate +1
        > up
        GET /safe HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 302 Found
        location: https://b.example/other
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        no
        (open)
        log: /safe 302 - via_upstream in=0 out=2 other other -
      `,
      send: get('/safe'),
      reply: to('https://b.example/other'),
      stats: /^http\.main\.passthrough|cluster\.up\.upstream_internal/,
    })
    f.exchange('no route', {
      sees: `
        stat: cluster.up.upstream_internal_redirect_failed_total +1
        stat: http.main.passthrough_internal_redirect_no_route +1
        > up
        GET /plain HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 302 Found
        location: http://b.example/nowhere
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        no
        (open)
        log: /plain 302 - via_upstream in=0 out=2 - - -
      `,
      send: get('/plain'),
      reply: to('http://b.example/nowhere'),
      stats: /^http\.main\.passthrough|cluster\.up\.upstream_internal/,
    })
    f.exchange('one too many', {
      sees: `
        stat: cluster.up.upstream_internal_redirect_failed_total +1
        stat: cluster.up.upstream_internal_redirect_succeeded_total +1
        stat: http.main.passthrough_internal_redirect_too_many_redirects +1
        > up
        GET /plain HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        > up
        GET /plain/2 HTTP/1.1
        host: b.example
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: REMAINING
        x-envoy-original-url: http://a/plain

        < client
        HTTP/1.1 302 Found
        location: http://c.example/plain/3
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        no
        (open)
        log: /plain/2 302 - internal_redirect in=0 out=0 up plain http://a/plain
        log: /plain/2 302 - via_upstream in=0 out=2 up plain http://a/plain
      `,
      send: get('/plain'),
      reply: [to('http://b.example/plain/2'), to('http://c.example/plain/3')],
      log: 2,
      stats: /^http\.main\.passthrough|cluster\.up\.upstream_internal/,
    })
    f.exchange('three', {
      sees: `
        > up
        GET /three HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        > up
        GET /three/2 HTTP/1.1
        host: b.example
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: REMAINING
        x-envoy-original-url: http://a/three

        > up
        GET /three/3 HTTP/1.1
        host: c.example
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: REMAINING
        x-envoy-original-url: http://b.example/three/2

        > other
        GET /other HTTP/1.1
        host: d.example
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: REMAINING
        x-envoy-original-url: http://c.example/three/3

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: /three/2 302 - internal_redirect in=0 out=0 up - http://a/three
        log: /three/3 302 - internal_redirect in=0 out=0 up - http://b.example/three/2
        log: /other 302 - internal_redirect in=0 out=0 other other http://c.example/three/3
        log: /other 200 - via_upstream in=0 out=2 other other http://c.example/three/3
      `,
      send: get('/three'),
      reply: [to('http://b.example/three/2'), to('http://c.example/three/3'), to('http://d.example/other')],
      log: 4,
    })
    f.exchange('none at all', {
      sees: `
      > up
      GET /zero HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 302 Found
      location: http://b.example/other
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      no
      (open)
      log: /zero 302 - via_upstream in=0 out=2 up - -
    `,
      send: get('/zero'),
      reply: to('http://b.example/other'),
    })
    f.exchange('headers of the response', {
      sees: `
        > up
        GET /copy HTTP/1.1
        host: a
        x-absent: 1
        x-copied: old
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        > other
        GET /other HTTP/1.1
        host: b.example
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: REMAINING
        x-copied: new
        x-copied: newer
        x-envoy-original-url: http://a/copy

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: /other 302 - internal_redirect in=0 out=0 other other http://a/copy
        log: /other 200 - via_upstream in=0 out=2 other other http://a/copy
      `,
      send: get('/copy', 'x-absent: 1', 'x-copied: old'),
      reply: to('http://b.example/other', 302, 'x-copied: new', 'x-copied: newer'),
      log: 2,
    })
    f.exchange('a route seen before', {
      sees: `
        stat: cluster.up.upstream_internal_redirect_failed_total +1
        stat: cluster.up.upstream_internal_redirect_succeeded_total +1
        stat: http.main.passthrough_internal_redirect_predicate +1
        > up
        GET /previous HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        > up
        GET /previous/2 HTTP/1.1
        host: b.example
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: REMAINING
        x-envoy-original-url: http://a/previous

        < client
        HTTP/1.1 302 Found
        location: http://b.example/previous/3
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        no
        (open)
        log: /previous/2 302 - internal_redirect in=0 out=0 up previous http://a/previous
        log: /previous/2 302 - via_upstream in=0 out=2 up previous http://a/previous
      `,
      send: get('/previous'),
      reply: [to('http://b.example/previous/2'), to('http://b.example/previous/3')],
      log: 2,
      stats: /^http\.main\.passthrough|cluster\.up\.upstream_internal/,
    })
    f.exchange('a listed route', {
      sees: `
      > up
      GET /allowed HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      > other
      GET /listed HTTP/1.1
      host: b.example
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: REMAINING
      x-envoy-original-url: http://a/allowed

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: /listed 302 - internal_redirect in=0 out=0 other listed http://a/allowed
      log: /listed 200 - via_upstream in=0 out=2 other listed http://a/allowed
    `,
      send: get('/allowed'),
      reply: to('http://b.example/listed'),
      log: 2,
    })
    f.exchange('a route that is not listed', {
      sees: `
        stat: cluster.up.upstream_internal_redirect_failed_total +1
        stat: http.main.passthrough_internal_redirect_predicate +1
        > up
        GET /allowed HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 302 Found
        location: http://b.example/other
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        no
        (open)
        log: /allowed 302 - via_upstream in=0 out=2 other other -
      `,
      send: get('/allowed'),
      reply: to('http://b.example/other'),
      stats: /^http\.main\.passthrough|cluster\.up\.upstream_internal/,
    })
    f.exchange('a body beyond the limit', {
      sees: `
        stat: cluster.up.retry_or_shadow_abandoned +1
        stat: cluster.up.upstream_internal_redirect_failed_total +1
        > up
        POST /small HTTP/1.1
        host: a
        content-length: 5
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        hello
        < client
        HTTP/1.1 302 Found
        location: http://b.example/other
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        no
        (open)
        log: /small 302 - via_upstream in=5 out=2 up - -
      `,
      send: post('/small', 'hello'),
      reply: to('http://b.example/other'),
      stats: /^http\.main\.passthrough|cluster\.up\.(upstream_internal|retry_or)/,
    })
    f.exchange('the older fields', {
      sees: `
      > up
      GET /old HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      > other
      GET /other HTTP/1.1
      host: b.example
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: REMAINING
      x-envoy-original-url: http://a/old

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: /other 302 - internal_redirect in=0 out=0 other other http://a/old
      log: /other 200 - via_upstream in=0 out=2 other other http://a/old
    `,
      send: get('/old'),
      reply: to('http://b.example/other'),
      log: 2,
    })
    f.exchange('to a direct response', {
      sees: `
      > up
      GET /plain HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 200 OK
      content-length: 6
      content-type: text/plain
      date: DATE
      server: envoy

      direct
      (open)
      log: /direct 302 - internal_redirect in=0 out=0 - - http://a/plain
      log: /direct 200 - direct_response in=0 out=6 - - http://a/plain
    `,
      send: get('/plain'),
      reply: to('http://b.example/direct'),
      log: 2,
    })
    f.exchange('a HEAD request', {
      sees: `
        > up
        HEAD /plain HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 6
        content-type: text/plain
        date: DATE
        server: envoy

        (open)
        log: /direct 302 - internal_redirect in=0 out=0 - - http://a/plain
        log: /direct 200 - direct_response in=0 out=0 - - http://a/plain
      `,
      send: 'HEAD /plain HTTP/1.1\r\nhost: a\r\n\r\n',
      reply: 'HTTP/1.1 302 Found\r\nlocation: http://b.example/direct\r\n\r\n',
      log: 2,
    })
  },
)
