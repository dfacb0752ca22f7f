// envoy.filters.http.ext_authz: another service says who may pass, asked over HTTP or gRPC.
import type http2 from 'node:http2'
import { answer, get, post, showBody } from '../support/bytes.js'
import { cluster, http, httpFilters, httpOptions, perFilter } from '../support/config.js'
import { silence, thenClose } from '../support/fake-upstream.js'
import { H2Upstream } from '../support/h2-peers.js'
import { message, shown } from '../support/protobuf.js'
import { feature, type Scene } from '../support/scenario.js'

const TYPE = 'envoy.extensions.filters.http.ext_authz.v3.ExtAuthz'
const PER_ROUTE = 'envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute'
const NAME = 'envoy.filters.http.ext_authz'
const uri = 'server_uri: {uri: "http://auth.example:1", cluster: auth, timeout: 0.5s}'
const authz = (yaml: string): string => httpFilters([NAME, TYPE, yaml])
const route = (yaml: string): string => perFilter(NAME, PER_ROUTE, yaml)

/** Heads of requests with their lines in order: Envoy's own order is that of a hash table. */
const sawSorted = (s: Scene, ...names: string[]): void => {
  for (const name of names) {
    for (const request of s.upstream(name).requests) {
      const [first = '', ...lines] = request.head.trimEnd().split('\r\n')
      s.note([`> ${name}`, first, ...lines.sort(), '', showBody(request.body)].join('\n').trimEnd())
    }
  }
}

const ask = async (s: Scene, request: string, listener = 'main', log = 1): Promise<void> => {
  const client = await s.connect(listener)
  await client.send(request)
  await client.response()
  sawSorted(s, 'auth', 'up')
  s.sawAll(client)
  await s.sawLog(log, listener)
}

const STATS = /ext_authz|^cluster\.up\.(upstream_rq_[45]|internal|external)|^cluster\.auth\.upstream_rq_(total|timeout)/

feature(
  'over HTTP',
  {
    file: import.meta.url,
    upstreams: ['up', 'auth'],
    clusters: [cluster('up'), cluster('auth')],
    listeners: [
      http('main', {
        hcm: authz(`
http_service: {${uri}}
failure_mode_allow: false
`),
        routes: `
- {match: {prefix: /off}, route: {cluster: up}, typed_per_filter_config: ${route('disabled: true')}}
- {match: {prefix: /nobody}, route: {cluster: none}}
- {match: {prefix: /}, route: {cluster: up}}
`,
        routeConfig: 'validate_clusters: false',
      }),
      http('rules', {
        hcm: authz(`
http_service:
  ${uri}
  path_prefix: /check
  authorization_request:
    allowed_headers: {patterns: [{exact: x-a}, {prefix: x-b-, ignore_case: true}]}
    headers_to_add: [{key: x-added, value: "hello"}]
  authorization_response:
    allowed_upstream_headers: {patterns: [{exact: x-user}, {prefix: x-auth-}]}
    allowed_upstream_headers_to_append: {patterns: [{exact: x-list}]}
    allowed_client_headers: {patterns: [{exact: x-why}]}
    allowed_client_headers_on_success: {patterns: [{exact: x-ok}]}
    dynamic_metadata_from_headers: {patterns: [{prefix: x-meta-}]}
stat_prefix: mine
clear_route_cache: true
`),
        log: '%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(envoy.filters.http.ext_authz:x-meta-a)%\n',
        routes: `
- {match: {prefix: /, headers: [{name: x-user, string_match: {exact: second}}]}, route: {cluster: up, prefix_rewrite: /second}}
- {match: {prefix: /}, route: {cluster: up}}
`,
      }),
      http('open', {
        hcm: authz(`
http_service: {${uri}}
failure_mode_allow: true
failure_mode_allow_header_add: true
`),
      }),
      http('status', {
        hcm: authz(`
http_service: {${uri}}
status_on_error: {code: ServiceUnavailable}
`),
      }),
      http('body', {
        hcm: authz(`
http_service: {${uri}}
with_request_body: {max_request_bytes: 10}
`),
        routes: `
- {match: {prefix: /without}, route: {cluster: up}, typed_per_filter_config: ${route('check_settings: {disable_request_body_buffering: true}')}}
- {match: {prefix: /partial}, route: {cluster: up}, typed_per_filter_config: ${route('check_settings: {with_request_body: {max_request_bytes: 5, allow_partial_message: true}}')}}
- {match: {prefix: /}, route: {cluster: up}}
`,
      }),
      http('gone', {
        hcm: authz('http_service: {server_uri: {uri: "http://auth.example:1", cluster: empty, timeout: 0.5s}}'),
      }),
      http('disabled', {
        hcm: authz(
          `{http_service: {${uri}}, filter_enabled: {default_value: {numerator: 0}}, deny_at_disable: {default_value: false, runtime_key: x}}`,
        ),
      }),
      http('denying', {
        hcm: authz(
          `{http_service: {${uri}}, filter_enabled: {default_value: {numerator: 0}}, deny_at_disable: {default_value: true, runtime_key: x}}`,
        ),
      }),
      http('charge', { hcm: authz(`{http_service: {${uri}}, charge_cluster_response_stats: false}`) }),
    ],
  },
  f => {
    f.scenario(
      'allowed',
      {
        sees: `
      > auth
      GET /x?q=1 HTTP/1.1
      authorization: Basic abc
      content-length: 0
      host: a
      x-envoy-expected-rq-timeout-ms: 500
      x-envoy-internal: true
      > up
      GET /x?q=1 HTTP/1.1
      authorization: Basic abc
      cookie: c=1
      host: a
      x-a: 1
      x-envoy-expected-rq-timeout-ms: 15000
      x-forwarded-proto: http
      x-request-id: UUID
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=0 out=2
      stat: cluster.auth.upstream_rq_total +1
      stat: cluster.up.ext_authz.ok +1
      stat: cluster.up.external.upstream_rq_200 +1
      stat: cluster.up.external.upstream_rq_2xx +1
      stat: cluster.up.external.upstream_rq_completed +1
      stat: http.main.ext_authz.ok +1
    `,
      },
      async s => {
        s.upstream('auth').script(answer(200, 'body', 'x-user: me'))
        await s.statsOf(STATS, () => ask(s, get('/x?q=1', 'authorization: Basic abc', 'x-a: 1', 'cookie: c=1')))
      },
    )
    f.scenario(
      'denied',
      {
        sees: `
      > auth
      GET / HTTP/1.1
      content-length: 0
      host: a
      x-envoy-expected-rq-timeout-ms: 500
      x-envoy-internal: true
      < client
      HTTP/1.1 401 Unauthorized
      content-length: 11
      www-authenticate: Basic
      x-why: because
      set-cookie: a=1
      set-cookie: b=2
      x-envoy-upstream-service-time: MS
      content-type: text/plain
      date: DATE
      server: envoy

      who are you
      (open)
      log: HTTP/1.1 401 UAEX ext_authz_denied in=0 out=11
      stat: cluster.auth.upstream_rq_total +1
      stat: cluster.up.ext_authz.denied +1
      stat: cluster.up.internal.upstream_rq_401 +1
      stat: cluster.up.internal.upstream_rq_4xx +1
      stat: cluster.up.internal.upstream_rq_completed +1
      stat: cluster.up.upstream_rq_401 +1
      stat: cluster.up.upstream_rq_4xx +1
      stat: http.main.ext_authz.denied +1
    `,
      },
      async s => {
        s.upstream('auth').script(
          answer(401, 'who are you', 'www-authenticate: Basic', 'x-why: because', 'set-cookie: a=1', 'set-cookie: b=2'),
        )
        await s.statsOf(STATS, () => ask(s, get('/')))
      },
    )
    f.scenario(
      'denied without a body',
      {
        sees: `
      > auth
      GET / HTTP/1.1
      content-length: 0
      host: a
      x-envoy-expected-rq-timeout-ms: 500
      x-envoy-internal: true
      < client
      HTTP/1.1 403 Forbidden
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy
      content-length: 0

      (open)
      log: HTTP/1.1 403 UAEX ext_authz_denied in=0 out=0
    `,
      },
      async s => {
        s.upstream('auth').script('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n')
        await ask(s, get('/'))
      },
    )
    f.scenario(
      'a redirect',
      {
        sees: `
      > auth
      GET / HTTP/1.1
      content-length: 0
      host: a
      x-envoy-expected-rq-timeout-ms: 500
      x-envoy-internal: true
      < client
      HTTP/1.1 302 Found
      location: http://login.example/
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy
      content-length: 0

      (open)
      log: HTTP/1.1 302 UAEX ext_authz_denied in=0 out=0
    `,
      },
      async s => {
        s.upstream('auth').script('HTTP/1.1 302 Found\r\nlocation: http://login.example/\r\ncontent-length: 0\r\n\r\n')
        await ask(s, get('/'))
      },
    )
    f.scenario(
      '201 is no yes',
      {
        sees: `
      > auth
      GET / HTTP/1.1
      content-length: 0
      host: a
      x-envoy-expected-rq-timeout-ms: 500
      x-envoy-internal: true
      < client
      HTTP/1.1 201 Created
      content-length: 4
      x-envoy-upstream-service-time: MS
      content-type: text/plain
      date: DATE
      server: envoy

      made
      (open)
      log: HTTP/1.1 201 UAEX ext_authz_denied in=0 out=4
    `,
      },
      async s => {
        s.upstream('auth').script(answer(201, 'made'))
        await ask(s, get('/'))
      },
    )
    f.scenario(
      'an error of the service',
      {
        sees: `
      > auth
      GET / HTTP/1.1
      content-length: 0
      host: a
      x-envoy-expected-rq-timeout-ms: 500
      x-envoy-internal: true
      < client
      HTTP/1.1 403 Forbidden
      date: DATE
      server: envoy
      content-length: 0

      (open)
      log: HTTP/1.1 403 UAEX ext_authz_error in=0 out=0
      stat: cluster.auth.upstream_rq_total +1
      stat: cluster.up.ext_authz.error +1
      stat: http.main.ext_authz.error +1
    `,
      },
      async s => {
        s.upstream('auth').script(answer(500, 'oops', 'x-why: because'))
        await s.statsOf(STATS, () => ask(s, get('/')))
      },
    )
    f.scenario(
      'no answer in time',
      {
        sees: `
      > auth
      GET / HTTP/1.1
      content-length: 0
      host: a
      x-envoy-expected-rq-timeout-ms: 500
      x-envoy-internal: true
      < client
      HTTP/1.1 403 Forbidden
      date: DATE
      server: envoy
      content-length: 0

      (open)
      log: HTTP/1.1 403 UAEX ext_authz_error in=0 out=0
      stat: cluster.auth.upstream_rq_timeout +1
      stat: cluster.auth.upstream_rq_total +1
      stat: cluster.up.ext_authz.error +1
      stat: http.main.ext_authz.error +1
    `,
      },
      async s => {
        s.upstream('auth').script(silence)
        await s.statsOf(STATS, () => ask(s, get('/')))
      },
    )
    f.scenario(
      'closed without an answer',
      {
        sees: `
      > auth
      GET / HTTP/1.1
      content-length: 0
      host: a
      x-envoy-expected-rq-timeout-ms: 500
      x-envoy-internal: true
      < client
      HTTP/1.1 403 Forbidden
      date: DATE
      server: envoy
      content-length: 0

      (open)
      log: HTTP/1.1 403 UAEX ext_authz_error in=0 out=0
    `,
      },
      async s => {
        s.upstream('auth').script(thenClose())
        await ask(s, get('/'))
      },
    )
    f.scenario(
      'no host',
      {
        sees: `
      < client
      HTTP/1.1 403 Forbidden
      date: DATE
      server: envoy
      content-length: 0

      (open)
      log: HTTP/1.1 403 UAEX ext_authz_error in=0 out=0
    `,
      },
      s => ask(s, get('/'), 'gone'),
    )
    f.scenario(
      'switched off for a route',
      {
        sees: `
      > up
      GET /off HTTP/1.1
      host: a
      x-envoy-expected-rq-timeout-ms: 15000
      x-forwarded-proto: http
      x-request-id: UUID
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
      },
      s => ask(s, get('/off')),
    )
    f.scenario(
      'a HEAD request that is denied',
      {
        sees: `
      > auth
      HEAD / HTTP/1.1
      content-length: 0
      host: a
      x-envoy-expected-rq-timeout-ms: 500
      x-envoy-internal: true
      < client
      HTTP/1.1 403 Forbidden
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy
      transfer-encoding: chunked

      (open)
      log: HTTP/1.1 403 UAEX ext_authz_denied in=0 out=0
    `,
      },
      async s => {
        s.upstream('auth').script('HTTP/1.1 403 Forbidden\r\ncontent-length: 3\r\n\r\nnot')
        await ask(s, 'HEAD / HTTP/1.1\r\nhost: a\r\n\r\n')
      },
    )
    f.scenario(
      'a POST is checked by its head',
      {
        sees: `
      > auth
      POST / HTTP/1.1
      content-length: 0
      host: a
      x-envoy-expected-rq-timeout-ms: 500
      x-envoy-internal: true
      > up
      POST / HTTP/1.1
      content-length: 5
      host: a
      x-envoy-expected-rq-timeout-ms: 15000
      x-forwarded-proto: http
      x-request-id: UUID

      hello
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=5 out=2
    `,
      },
      async s => {
        s.upstream('auth').script(answer(200, ''))
        await ask(s, post('/', 'hello'))
      },
    )
    f.scenario(
      'gRPC is denied in its own form',
      {
        sees: `
      > auth
      GET / HTTP/1.1
      content-length: 0
      host: a
      x-envoy-expected-rq-timeout-ms: 500
      x-envoy-internal: true
      < client
      HTTP/1.1 200 OK
      x-envoy-upstream-service-time: MS
      content-type: application/grpc
      grpc-status: 7
      grpc-message: not you
      date: DATE
      server: envoy
      content-length: 0

      (open)
      log: HTTP/1.1 200 UAEX ext_authz_denied in=0 out=0
    `,
      },
      async s => {
        s.upstream('auth').script(answer(403, 'not you'))
        await ask(s, get('/', 'content-type: application/grpc'))
      },
    )
    f.scenario(
      'rules for headers',
      {
        sees: `
          > auth
          GET /check/p HTTP/1.1
          content-length: 0
          host: a
          x-a: 1
          x-added: hello
          x-b-c: 2
          x-envoy-expected-rq-timeout-ms: 500
          x-envoy-internal: true
          > up
          GET /p HTTP/1.1
          host: a
          x-a: 1
          x-auth-x: 1
          x-b-c: 2
          x-c: 3
          x-envoy-expected-rq-timeout-ms: 15000
          x-forwarded-proto: http
          x-list: a
          x-list: b
          x-request-id: UUID
          x-user: me
          < client
          HTTP/1.1 200 OK
          content-length: 2
          x-envoy-upstream-service-time: MS
          x-ok: yes
          date: DATE
          server: envoy

          ok
          (open)
          log: 200 - via_upstream m
          stat: cluster.auth.upstream_rq_total +1
          stat: cluster.up.ext_authz.mine.ok +1
          stat: cluster.up.external.upstream_rq_200 +1
          stat: cluster.up.external.upstream_rq_2xx +1
          stat: cluster.up.external.upstream_rq_completed +1
          stat: http.rules.ext_authz.mine.ok +1
        `,
      },
      async s => {
        s.upstream('auth').script(
          answer(
            200,
            '',
            'x-user: me',
            'x-auth-x: 1',
            'x-list: b',
            'x-other: no',
            'x-ok: yes',
            'x-meta-a: m',
            'x-envoy-auth-headers-to-remove: x-gone, x-gone-too',
          ),
        )
        await s.statsOf(STATS, () =>
          ask(
            s,
            get('/p', 'x-a: 1', 'x-B-c: 2', 'x-c: 3', 'x-user: forged', 'x-list: a', 'x-gone: 1', 'x-gone-too: 1'),
            'rules',
          ),
        )
      },
    )
    f.scenario(
      'an appended header that is not there',
      {
        sees: `
      > auth
      GET /check/p HTTP/1.1
      content-length: 0
      host: a
      x-added: hello
      x-envoy-expected-rq-timeout-ms: 500
      x-envoy-internal: true
      > up
      GET /p HTTP/1.1
      host: a
      x-envoy-expected-rq-timeout-ms: 15000
      x-forwarded-proto: http
      x-list: b
      x-request-id: UUID
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: 200 - via_upstream -
    `,
      },
      async s => {
        s.upstream('auth').script(answer(200, '', 'x-list: b'))
        await ask(s, get('/p'), 'rules')
      },
    )
    f.scenario(
      'headers of a denial',
      {
        sees: `
          > auth
          GET /check/p HTTP/1.1
          content-length: 0
          host: a
          x-added: hello
          x-envoy-expected-rq-timeout-ms: 500
          x-envoy-internal: true
          < client
          HTTP/1.1 403 Forbidden
          content-length: 2
          x-why: w
          location: l
          www-authenticate: a
          content-type: text/plain
          date: DATE
          server: envoy

          no
          (open)
          log: 403 UAEX ext_authz_denied m
        `,
      },
      async s => {
        s.upstream('auth').script(
          answer(403, 'no', 'x-why: w', 'x-other: o', 'location: l', 'www-authenticate: a', 'x-ok: yes', 'x-meta-a: m'),
        )
        await ask(s, get('/p'), 'rules')
      },
    )
    f.scenario(
      'the route is looked up again',
      {
        sees: `
      > auth
      GET /check/p HTTP/1.1
      content-length: 0
      host: a
      x-added: hello
      x-envoy-expected-rq-timeout-ms: 500
      x-envoy-internal: true
      > up
      GET /secondp HTTP/1.1
      host: a
      x-envoy-expected-rq-timeout-ms: 15000
      x-envoy-original-path: /p
      x-forwarded-proto: http
      x-request-id: UUID
      x-user: second
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: 200 - via_upstream -
    `,
      },
      async s => {
        s.upstream('auth').script(answer(200, '', 'x-user: second'))
        await ask(s, get('/p'), 'rules')
      },
    )
    f.scenario(
      'failure is allowed',
      {
        sees: `
      > auth
      GET / HTTP/1.1
      content-length: 0
      host: a
      x-envoy-expected-rq-timeout-ms: 500
      x-envoy-internal: true
      > up
      GET / HTTP/1.1
      host: a
      x-envoy-auth-failure-mode-allowed: true
      x-envoy-expected-rq-timeout-ms: 15000
      x-forwarded-proto: http
      x-request-id: UUID
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=0 out=2
      stat: cluster.auth.upstream_rq_total +1
      stat: cluster.up.ext_authz.error +1
      stat: cluster.up.ext_authz.failure_mode_allowed +1
      stat: cluster.up.external.upstream_rq_200 +1
      stat: cluster.up.external.upstream_rq_2xx +1
      stat: cluster.up.external.upstream_rq_completed +1
      stat: http.open.ext_authz.error +1
      stat: http.open.ext_authz.failure_mode_allowed +1
    `,
      },
      async s => {
        s.upstream('auth').script(answer(503, ''))
        await s.statsOf(STATS, () => ask(s, get('/'), 'open'))
      },
    )
    f.scenario(
      'another status for errors',
      {
        sees: `
      > auth
      GET / HTTP/1.1
      content-length: 0
      host: a
      x-envoy-expected-rq-timeout-ms: 500
      x-envoy-internal: true
      < client
      HTTP/1.1 503 Service Unavailable
      date: DATE
      server: envoy
      content-length: 0

      (open)
      log: HTTP/1.1 503 UAEX ext_authz_error in=0 out=0
    `,
      },
      async s => {
        s.upstream('auth').script(answer(500, ''))
        await ask(s, get('/'), 'status')
      },
    )
    f.scenario(
      'with the body',
      {
        sees: `
      > auth
      POST / HTTP/1.1
      content-length: 5
      host: a
      x-envoy-auth-partial-body: false
      x-envoy-expected-rq-timeout-ms: 500
      x-envoy-internal: true

      hello
      > up
      POST / HTTP/1.1
      content-length: 5
      host: a
      x-envoy-expected-rq-timeout-ms: 15000
      x-forwarded-proto: http
      x-request-id: UUID

      hello
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=5 out=2
    `,
      },
      async s => {
        s.upstream('auth').script(answer(200, ''))
        await ask(s, post('/', 'hello'), 'body')
      },
    )
    f.scenario(
      'a chunked body',
      {
        sees: `
          > auth
          POST / HTTP/1.1
          content-length: 5
          host: a
          x-envoy-auth-partial-body: false
          x-envoy-expected-rq-timeout-ms: 500
          x-envoy-internal: true

          abcde
          > up
          POST / HTTP/1.1
          host: a
          transfer-encoding: chunked
          x-envoy-expected-rq-timeout-ms: 15000
          x-forwarded-proto: http
          x-request-id: UUID

          5
          abcde
          0
          < client
          HTTP/1.1 200 OK
          content-length: 2
          x-envoy-upstream-service-time: MS
          date: DATE
          server: envoy

          ok
          (open)
          log: HTTP/1.1 200 - via_upstream in=5 out=2
        `,
      },
      async s => {
        s.upstream('auth').script(answer(200, ''))
        await ask(
          s,
          'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n',
          'body',
        )
      },
    )
    f.scenario(
      'a body that is too long',
      {
        sees: `
      < client
      HTTP/1.1 413 Payload Too Large
      content-length: 17
      content-type: text/plain
      date: DATE
      server: envoy
      connection: close

      Payload Too Large
      (open)
      log: HTTP/1.1 413 - request_payload_too_large in=11 out=17
      stat: none changed
    `,
      },
      async s => {
        await s.statsOf(STATS, () =>
          ask(s, 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 20\r\n\r\nhello world', 'body'),
        )
      },
    )
    f.scenario(
      'a request without a body',
      {
        sees: `
      > auth
      GET / HTTP/1.1
      content-length: 0
      host: a
      x-envoy-expected-rq-timeout-ms: 500
      x-envoy-internal: true
      > up
      GET / HTTP/1.1
      host: a
      x-envoy-expected-rq-timeout-ms: 15000
      x-forwarded-proto: http
      x-request-id: UUID
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
      },
      async s => {
        s.upstream('auth').script(answer(200, ''))
        await ask(s, get('/'), 'body')
      },
    )
    f.scenario(
      'a route without the body',
      {
        sees: `
      > auth
      POST /without HTTP/1.1
      content-length: 0
      host: a
      x-envoy-expected-rq-timeout-ms: 500
      x-envoy-internal: true
      > up
      POST /without HTTP/1.1
      content-length: 5
      host: a
      x-envoy-expected-rq-timeout-ms: 15000
      x-forwarded-proto: http
      x-request-id: UUID

      hello
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=5 out=2
    `,
      },
      async s => {
        s.upstream('auth').script(answer(200, ''))
        await ask(s, post('/without', 'hello'), 'body')
      },
    )
    f.scenario(
      'a part of the body',
      {
        sees: `
      > auth
      POST /partial HTTP/1.1
      content-length: 5
      host: a
      x-envoy-auth-partial-body: true
      x-envoy-expected-rq-timeout-ms: 500
      x-envoy-internal: true

      hello
      > up
      POST /partial HTTP/1.1
      content-length: 11
      host: a
      x-envoy-expected-rq-timeout-ms: 15000
      x-forwarded-proto: http
      x-request-id: UUID

      hello world
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=11 out=2
    `,
      },
      async s => {
        s.upstream('auth').script(answer(200, ''))
        await ask(s, post('/partial', 'hello world'), 'body')
      },
    )
    f.scenario(
      'less than the part',
      {
        sees: `
      > auth
      POST /partial HTTP/1.1
      content-length: 3
      host: a
      x-envoy-auth-partial-body: false
      x-envoy-expected-rq-timeout-ms: 500
      x-envoy-internal: true

      hey
      > up
      POST /partial HTTP/1.1
      content-length: 3
      host: a
      x-envoy-expected-rq-timeout-ms: 15000
      x-forwarded-proto: http
      x-request-id: UUID

      hey
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
      },
      async s => {
        s.upstream('auth').script(answer(200, ''))
        await ask(s, post('/partial', 'hey'), 'body')
      },
    )
    f.scenario(
      'disabled by fraction',
      {
        sees: `
      > up
      GET / HTTP/1.1
      host: a
      x-envoy-expected-rq-timeout-ms: 15000
      x-forwarded-proto: http
      x-request-id: UUID
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=0 out=2
      stat: cluster.up.external.upstream_rq_200 +1
      stat: cluster.up.external.upstream_rq_2xx +1
      stat: cluster.up.external.upstream_rq_completed +1
      stat: http.disabled.ext_authz.disabled +1
    `,
      },
      s => s.statsOf(STATS, () => ask(s, get('/'), 'disabled')),
    )
    f.scenario(
      'denied because it is disabled',
      {
        sees: `
      < client
      HTTP/1.1 403 Forbidden
      date: DATE
      server: envoy
      content-length: 0

      (open)
      log: HTTP/1.1 403 UAEX ext_authz_error in=0 out=0
      stat: http.denying.ext_authz.disabled +1
    `,
      },
      s => s.statsOf(STATS, () => ask(s, get('/'), 'denying')),
    )
    f.scenario(
      'the cluster is not charged',
      {
        sees: `
      > auth
      GET / HTTP/1.1
      content-length: 0
      host: a
      x-envoy-expected-rq-timeout-ms: 500
      x-envoy-internal: true
      < client
      HTTP/1.1 403 Forbidden
      content-length: 2
      x-envoy-upstream-service-time: MS
      content-type: text/plain
      date: DATE
      server: envoy

      no
      (open)
      log: HTTP/1.1 403 UAEX ext_authz_denied in=0 out=2
      stat: cluster.auth.upstream_rq_total +1
      stat: cluster.up.ext_authz.denied +1
      stat: http.charge.ext_authz.denied +1
    `,
      },
      async s => {
        s.upstream('auth').script(answer(403, 'no'))
        await s.statsOf(STATS, () => ask(s, get('/'), 'charge'))
      },
    )
  },
)

// ---------------------------------------------------------------- gRPC

/** Without what is different each time: ports, time, the stream's number. */
const checkRequest = (bytes: Buffer): string =>
  shown(bytes)
    .split('\n')
    .filter(line => !/^1\.(?:[12]\.1\.1\.3|4\.1\.[12]|4\.2\.1) = /.test(line))
    .join('\n')

let service: H2Upstream | undefined
let reply: Buffer = Buffer.alloc(0)
let trailers: Record<string, string> = { 'grpc-status': '0' }

const startService = async (): Promise<Record<string, number>> => {
  service = await H2Upstream.start()
  service.handler = (stream: http2.ServerHttp2Stream) => {
    stream.on('end', () => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers(trailers))
      const head = Buffer.alloc(5)
      head.writeUInt32BE(reply.length, 1)
      stream.end(Buffer.concat([head, reply]))
    })
    stream.resume()
  }
  return { service: service.port }
}

const option = (key: string, value: string, append?: boolean): Buffer =>
  message(
    [1, message([1, key], [2, value])],
    ...(append === undefined ? [] : [[2, message([1, append ? 1 : 0])] as const]),
  )
const status = (code: number): readonly [number, Buffer] => [1, message([1, code])]

const check = async (
  s: Scene,
  request: string,
  answered: Buffer,
  listener = 'main',
  end: Record<string, string> = { 'grpc-status': '0' },
): Promise<void> => {
  service?.forget()
  trailers = end
  reply = answered
  const client = await s.connect(listener)
  await client.send(request)
  await client.response()
  const seen = service?.requests[0]
  if (seen !== undefined) {
    const head = Object.entries(seen.headers).map(([name, value]) => `${name}: ${String(value)}`)
    s.note(`> service\n${head.sort().join('\n')}\n${checkRequest(seen.body.subarray(5))}`)
  }
  sawSorted(s, 'up')
  s.sawAll(client)
  await s.sawLog(1, listener)
}

feature(
  'over gRPC',
  {
    file: import.meta.url,
    upstreams: ['up'],
    values: startService,
    cleanUp: async () => service?.stop(),
    clusters: [
      cluster('up'),
      cluster('service', ['service'], httpOptions('explicit_http_config: {http2_protocol_options: {}}')),
    ],
    listeners: [
      http('main', {
        hcm: authz('{grpc_service: {envoy_grpc: {cluster_name: service}, timeout: 0.5s}, transport_api_version: V3}'),
        log: '%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(envoy.filters.http.ext_authz:who)%\n',
        routes: `
- {match: {prefix: /context}, route: {cluster: up}, typed_per_filter_config: ${route('check_settings: {context_extensions: {who: route, what: x}}')}}
- {match: {prefix: /}, route: {cluster: up}}
`,
        vhost: `typed_per_filter_config: ${route('check_settings: {context_extensions: {who: host, where: y}}')}`,
      }),
      http('more', {
        hcm: authz(
          `{grpc_service: {envoy_grpc: {cluster_name: service, authority: auth.example}, initial_metadata: [{key: x-meta, value: m}]}, transport_api_version: V3, allowed_headers: {patterns: [{exact: x-a}, {exact: x-b}]}, disallowed_headers: {patterns: [{exact: x-b}]}, with_request_body: {max_request_bytes: 5, allow_partial_message: true}, include_tls_session: true}`,
        ),
      }),
      http('bytes', {
        hcm: authz(
          '{grpc_service: {envoy_grpc: {cluster_name: service}}, transport_api_version: V3, with_request_body: {max_request_bytes: 50, pack_as_bytes: true}}',
        ),
      }),
    ],
  },
  f => {
    f.scenario(
      'gRPC: allowed',
      {
        sees: `
      > service
      :authority: service
      :method: POST
      :path: /envoy.service.auth.v3.Authorization/Check
      :scheme: http
      content-type: application/grpc
      grpc-timeout: 500m
      te: trailers
      x-envoy-expected-rq-timeout-ms: 500
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      1.1.1.1.2 = "127.0.0.1"
      1.10["where"] = "y"
      1.10["who"] = "host"
      1.11 = ""
      1.13 = ""
      1.2.1.1.2 = "127.0.0.1"
      1.4.2.10 = "HTTP/1.1"
      1.4.2.2 = "GET"
      1.4.2.3[":authority"] = "a"
      1.4.2.3[":method"] = "GET"
      1.4.2.3[":path"] = "/x?q=1"
      1.4.2.3[":scheme"] = "http"
      1.4.2.3["x-a"] = "1,2"
      1.4.2.3["x-forwarded-proto"] = "http"
      1.4.2.3["x-request-id"] = "UUID"
      1.4.2.4 = "/x?q=1"
      1.4.2.5 = "a"
      1.4.2.6 = "http"
      > up
      GET /x?q=1 HTTP/1.1
      host: a
      x-a: 1
      x-a: 2
      x-envoy-expected-rq-timeout-ms: 15000
      x-forwarded-proto: http
      x-request-id: UUID
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: 200 - via_upstream -
    `,
      },
      s => check(s, get('/x?q=1', 'x-a: 1', 'x-a: 2'), message(status(0))),
    )
    f.scenario(
      'context extensions',
      {
        sees: `
      > service
      :authority: service
      :method: POST
      :path: /envoy.service.auth.v3.Authorization/Check
      :scheme: http
      content-type: application/grpc
      grpc-timeout: 500m
      te: trailers
      x-envoy-expected-rq-timeout-ms: 500
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      1.1.1.1.2 = "127.0.0.1"
      1.10["what"] = "x"
      1.10["where"] = "y"
      1.10["who"] = "route"
      1.11 = ""
      1.13 = ""
      1.2.1.1.2 = "127.0.0.1"
      1.4.2.10 = "HTTP/1.1"
      1.4.2.2 = "GET"
      1.4.2.3[":authority"] = "a"
      1.4.2.3[":method"] = "GET"
      1.4.2.3[":path"] = "/context"
      1.4.2.3[":scheme"] = "http"
      1.4.2.3["x-forwarded-proto"] = "http"
      1.4.2.3["x-request-id"] = "UUID"
      1.4.2.4 = "/context"
      1.4.2.5 = "a"
      1.4.2.6 = "http"
      > up
      GET /context HTTP/1.1
      host: a
      x-envoy-expected-rq-timeout-ms: 15000
      x-forwarded-proto: http
      x-request-id: UUID
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: 200 - via_upstream -
    `,
      },
      s => check(s, get('/context'), message(status(0))),
    )
    f.scenario(
      'what an OK changes',
      {
        sees: `
      > service
      :authority: service
      :method: POST
      :path: /envoy.service.auth.v3.Authorization/Check
      :scheme: http
      content-type: application/grpc
      grpc-timeout: 500m
      te: trailers
      x-envoy-expected-rq-timeout-ms: 500
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      1.1.1.1.2 = "127.0.0.1"
      1.10["where"] = "y"
      1.10["who"] = "host"
      1.11 = ""
      1.13 = ""
      1.2.1.1.2 = "127.0.0.1"
      1.4.2.10 = "HTTP/1.1"
      1.4.2.2 = "GET"
      1.4.2.3[":authority"] = "a"
      1.4.2.3[":method"] = "GET"
      1.4.2.3[":path"] = "/p?a=1&b=2"
      1.4.2.3[":scheme"] = "http"
      1.4.2.3["x-forwarded-proto"] = "http"
      1.4.2.3["x-gone"] = "1"
      1.4.2.3["x-more"] = "1"
      1.4.2.3["x-old"] = "1"
      1.4.2.3["x-request-id"] = "UUID"
      1.4.2.4 = "/p?a=1&b=2"
      1.4.2.5 = "a"
      1.4.2.6 = "http"
      > up
      GET /p?b=2&c=3 HTTP/1.1
      host: a
      x-envoy-expected-rq-timeout-ms: 15000
      x-forwarded-proto: http
      x-more: 1,2
      x-old: new
      x-request-id: UUID
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      x-response: yes
      date: DATE
      server: envoy

      ok
      (open)
      log: 200 - via_upstream -
    `,
      },
      s =>
        check(
          s,
          get('/p?a=1&b=2', 'x-old: 1', 'x-gone: 1', 'x-more: 1'),
          message(status(0), [
            3,
            message(
              [2, option('x-old', 'new')],
              [2, option('x-more', '2', true)],
              [5, 'x-gone'],
              [6, option('x-response', 'yes')],
              [7, message([1, 'c'], [2, '3'])],
              [8, 'a'],
            ),
          ]),
        ),
    )
    f.scenario(
      'dynamic metadata',
      {
        sees: `
          > service
          :authority: service
          :method: POST
          :path: /envoy.service.auth.v3.Authorization/Check
          :scheme: http
          content-type: application/grpc
          grpc-timeout: 500m
          te: trailers
          x-envoy-expected-rq-timeout-ms: 500
          x-envoy-internal: true
          x-forwarded-for: LOCAL
          1.1.1.1.2 = "127.0.0.1"
          1.10["where"] = "y"
          1.10["who"] = "host"
          1.11 = ""
          1.13 = ""
          1.2.1.1.2 = "127.0.0.1"
          1.4.2.10 = "HTTP/1.1"
          1.4.2.2 = "GET"
          1.4.2.3[":authority"] = "a"
          1.4.2.3[":method"] = "GET"
          1.4.2.3[":path"] = "/"
          1.4.2.3[":scheme"] = "http"
          1.4.2.3["x-forwarded-proto"] = "http"
          1.4.2.3["x-request-id"] = "UUID"
          1.4.2.4 = "/"
          1.4.2.5 = "a"
          1.4.2.6 = "http"
          > up
          GET / HTTP/1.1
          host: a
          x-envoy-expected-rq-timeout-ms: 15000
          x-forwarded-proto: http
          x-request-id: UUID
          < client
          HTTP/1.1 200 OK
          content-length: 2
          x-envoy-upstream-service-time: MS
          date: DATE
          server: envoy

          ok
          (open)
          log: 200 - via_upstream me
        `,
      },
      s => check(s, get('/'), message(status(0), [4, message([1, message([1, 'who'], [2, message([3, 'me'])])])])),
    )
    f.scenario(
      'gRPC: denied',
      {
        sees: `
      > service
      :authority: service
      :method: POST
      :path: /envoy.service.auth.v3.Authorization/Check
      :scheme: http
      content-type: application/grpc
      grpc-timeout: 500m
      te: trailers
      x-envoy-expected-rq-timeout-ms: 500
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      1.1.1.1.2 = "127.0.0.1"
      1.10["where"] = "y"
      1.10["who"] = "host"
      1.11 = ""
      1.13 = ""
      1.2.1.1.2 = "127.0.0.1"
      1.4.2.10 = "HTTP/1.1"
      1.4.2.2 = "GET"
      1.4.2.3[":authority"] = "a"
      1.4.2.3[":method"] = "GET"
      1.4.2.3[":path"] = "/"
      1.4.2.3[":scheme"] = "http"
      1.4.2.3["x-forwarded-proto"] = "http"
      1.4.2.3["x-request-id"] = "UUID"
      1.4.2.4 = "/"
      1.4.2.5 = "a"
      1.4.2.6 = "http"
      < client
      HTTP/1.1 403 Forbidden
      date: DATE
      server: envoy
      content-length: 0

      (open)
      log: 403 UAEX ext_authz_denied -
    `,
      },
      s => check(s, get('/'), message(status(7))),
    )
    f.scenario(
      'denied with words',
      {
        sees: `
      > service
      :authority: service
      :method: POST
      :path: /envoy.service.auth.v3.Authorization/Check
      :scheme: http
      content-type: application/grpc
      grpc-timeout: 500m
      te: trailers
      x-envoy-expected-rq-timeout-ms: 500
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      1.1.1.1.2 = "127.0.0.1"
      1.10["where"] = "y"
      1.10["who"] = "host"
      1.11 = ""
      1.13 = ""
      1.2.1.1.2 = "127.0.0.1"
      1.4.2.10 = "HTTP/1.1"
      1.4.2.2 = "GET"
      1.4.2.3[":authority"] = "a"
      1.4.2.3[":method"] = "GET"
      1.4.2.3[":path"] = "/"
      1.4.2.3[":scheme"] = "http"
      1.4.2.3["x-forwarded-proto"] = "http"
      1.4.2.3["x-request-id"] = "UUID"
      1.4.2.4 = "/"
      1.4.2.5 = "a"
      1.4.2.6 = "http"
      < client
      HTTP/1.1 401 Unauthorized
      x-why: w
      x-why: v
      content-length: 7
      content-type: text/plain
      date: DATE
      server: envoy

      not you
      (open)
      log: 401 UAEX ext_authz_denied -
    `,
      },
      s =>
        check(
          s,
          get('/'),
          message(status(16), [
            2,
            message([1, message([1, 401])], [2, option('x-why', 'w')], [2, option('x-why', 'v')], [3, 'not you']),
          ]),
        ),
    )
    f.scenario(
      'gRPC: an error of the service',
      {
        sees: `
      > service
      :authority: service
      :method: POST
      :path: /envoy.service.auth.v3.Authorization/Check
      :scheme: http
      content-type: application/grpc
      grpc-timeout: 500m
      te: trailers
      x-envoy-expected-rq-timeout-ms: 500
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      1.1.1.1.2 = "127.0.0.1"
      1.10["where"] = "y"
      1.10["who"] = "host"
      1.11 = ""
      1.13 = ""
      1.2.1.1.2 = "127.0.0.1"
      1.4.2.10 = "HTTP/1.1"
      1.4.2.2 = "GET"
      1.4.2.3[":authority"] = "a"
      1.4.2.3[":method"] = "GET"
      1.4.2.3[":path"] = "/"
      1.4.2.3[":scheme"] = "http"
      1.4.2.3["x-forwarded-proto"] = "http"
      1.4.2.3["x-request-id"] = "UUID"
      1.4.2.4 = "/"
      1.4.2.5 = "a"
      1.4.2.6 = "http"
      > up
      GET / HTTP/1.1
      host: a
      x-envoy-expected-rq-timeout-ms: 15000
      x-forwarded-proto: http
      x-request-id: UUID
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: 200 - via_upstream -
    `,
      },
      async s => {
        await check(s, get('/'), Buffer.alloc(0))
      },
    )
    f.scenario(
      'more settings',
      {
        sees: `
      > service
      :authority: auth.example
      :method: POST
      :path: /envoy.service.auth.v3.Authorization/Check
      :scheme: http
      content-type: application/grpc
      grpc-timeout: 200m
      te: trailers
      x-envoy-expected-rq-timeout-ms: 200
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      x-meta: m
      1.1.1.1.2 = "127.0.0.1"
      1.11 = ""
      1.12 = ""
      1.13 = ""
      1.2.1.1.2 = "127.0.0.1"
      1.4.2.10 = "HTTP/1.1"
      1.4.2.11 = "hello"
      1.4.2.2 = "POST"
      1.4.2.3["x-a"] = "1"
      1.4.2.3["x-envoy-auth-partial-body"] = "true"
      1.4.2.4 = "/"
      1.4.2.5 = "a"
      1.4.2.6 = "http"
      1.4.2.9 = 11
      > up
      POST / HTTP/1.1
      content-length: 11
      host: a
      x-a: 1
      x-b: 2
      x-c: 3
      x-envoy-expected-rq-timeout-ms: 15000
      x-forwarded-proto: http
      x-request-id: UUID

      hello world
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=11 out=2
    `,
      },
      s => check(s, post('/', 'hello world', 'x-a: 1', 'x-b: 2', 'x-c: 3'), message(status(0)), 'more'),
    )
    f.scenario(
      'the body as bytes',
      {
        sees: `
      > service
      :authority: service
      :method: POST
      :path: /envoy.service.auth.v3.Authorization/Check
      :scheme: http
      content-type: application/grpc
      grpc-timeout: 200m
      te: trailers
      x-envoy-expected-rq-timeout-ms: 200
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      1.1.1.1.2 = "127.0.0.1"
      1.11 = ""
      1.13 = ""
      1.2.1.1.2 = "127.0.0.1"
      1.4.2.10 = "HTTP/1.1"
      1.4.2.12 = "hello"
      1.4.2.2 = "POST"
      1.4.2.3[":authority"] = "a"
      1.4.2.3[":method"] = "POST"
      1.4.2.3[":path"] = "/"
      1.4.2.3[":scheme"] = "http"
      1.4.2.3["content-length"] = "5"
      1.4.2.3["x-envoy-auth-partial-body"] = "false"
      1.4.2.3["x-forwarded-proto"] = "http"
      1.4.2.3["x-request-id"] = "UUID"
      1.4.2.4 = "/"
      1.4.2.5 = "a"
      1.4.2.6 = "http"
      1.4.2.9 = 5
      > up
      POST / HTTP/1.1
      content-length: 5
      host: a
      x-envoy-expected-rq-timeout-ms: 15000
      x-forwarded-proto: http
      x-request-id: UUID

      hello
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=5 out=2
    `,
      },
      s => check(s, post('/', 'hello'), message(status(0)), 'bytes'),
    )
  },
)
