// The header_mutation filter, and with it the settings of filters at every level of the routes.
import { answer, get } from '../support/bytes.js'
import { cluster, http, httpFilters, httpOptions, perFilter } from '../support/config.js'
import { feature } from '../support/scenario.js'

const api = 'envoy.extensions.filters.http.header_mutation.v3'
const set = (header: string, value: string, action = 'OVERWRITE_IF_EXISTS_OR_ADD'): string =>
  `{append: {header: {key: ${header}, value: "${value}"}, append_action: ${action}}}`
const level = (name: string): string =>
  perFilter(
    'mutate',
    `${api}.HeaderMutationPerRoute`,
    `mutations: {request_mutations: [${set('x-last', name)}, ${set('x-order', name, 'APPEND_IF_EXISTS_OR_ADD')}], response_mutations: [${set('x-rlast', name)}]}`,
  )
const wrapped = (yaml: string): string =>
  `{mutate: {"@type": type.googleapis.com/envoy.config.route.v3.FilterConfig, ${yaml}}}`

const filter = (more = ''): string => `
mutations:
  request_mutations:
  - ${set('x-order', 'filter', 'APPEND_IF_EXISTS_OR_ADD')}
  - ${set('x-last', 'filter')}
  response_mutations:
  - ${set('x-rlast', 'filter')}
${more}`

feature(
  'header_mutation',
  {
    file: import.meta.url,
    listeners: [
      http('main', {
        hcm: httpFilters([
          'mutate',
          `${api}.HeaderMutation`,
          `
mutations:
  request_mutations:
  - ${set('x-append', 'new', 'APPEND_IF_EXISTS_OR_ADD')}
  - ${set('x-absent', 'new', 'ADD_IF_ABSENT')}
  - ${set('x-over', 'new')}
  - ${set('x-exists', 'new', 'OVERWRITE_IF_EXISTS')}
  - {remove: x-gone}
  - ${set('x-seen', '%REQ(x-over)% %REQ(x-gone)%')}
  - ${set('x-nothing', '')}
  - {append: {header: {key: x-empty, value: ""}, keep_empty_value: true}}
  - {remove_on_match: {key_matcher: {prefix: x-drop-}}}
  - ${set('X-Upper', 'Value')}
  - ${set('accept', 'text/plain', 'APPEND_IF_EXISTS_OR_ADD')}
  - ${set('cookie', 'b=2', 'APPEND_IF_EXISTS_OR_ADD')}
  response_mutations:
  - {remove: x-up}
  - ${set('x-code', '%RESPONSE_CODE% %REQ(x-over)% %RESP(x-up)% %RESPONSE_CODE_DETAILS%')}
  - ${set('server', 'mine')}
  - ${set('x-multi', 'c', 'APPEND_IF_EXISTS_OR_ADD')}
`,
        ]),
        routes: `
- {match: {prefix: /direct}, direct_response: {status: 418, body: {inline_string: tea}}}
- {match: {prefix: /up}, route: {cluster: up}}
`,
      }),
      http('levels', {
        hcm: httpFilters(['mutate', `${api}.HeaderMutation`, filter()]),
        routeConfig: `typed_per_filter_config: ${level('table')}`,
        vhost: `typed_per_filter_config: ${level('vhost')}`,
        routes: `
- {match: {prefix: /weighted}, route: {weighted_clusters: {clusters: [{name: up, weight: 1, typed_per_filter_config: ${level('weighted')}}]}}, typed_per_filter_config: ${level('route')}}
- {match: {prefix: /route}, route: {cluster: up}, typed_per_filter_config: ${level('route')}}
- {match: {prefix: /off}, route: {cluster: up}, typed_per_filter_config: ${wrapped('disabled: true')}}
- {match: {prefix: /wrapped}, route: {cluster: up}, typed_per_filter_config: ${wrapped(`config: {"@type": type.googleapis.com/${api}.HeaderMutationPerRoute, mutations: {request_mutations: [${set('x-last', 'wrapped')}]}}`)}}
- {match: {prefix: /}, route: {cluster: up}}
`,
      }),
      http('specific', {
        hcm: httpFilters(['mutate', `${api}.HeaderMutation`, filter('most_specific_header_mutations_wins: true')]),
        vhost: `typed_per_filter_config: ${level('vhost')}`,
        routes: `[{match: {prefix: /}, route: {cluster: up}, typed_per_filter_config: ${level('route')}}]`,
      }),
      http('off', {
        hcm: httpFilters(['mutate', `${api}.HeaderMutation`, filter(), 'disabled: true']),
        routes: `
- {match: {prefix: /on}, route: {cluster: up}, typed_per_filter_config: ${level('route')}}
- {match: {prefix: /}, route: {cluster: up}}
`,
      }),
      http('query', {
        hcm: httpFilters([
          'mutate',
          `${api}.HeaderMutation`,
          `
mutations:
  query_parameter_mutations:
  - {append: {record: {key: added, value: "a b/%REQ(x-v)%"}, action: APPEND_IF_EXISTS_OR_ADD}}
  - {append: {record: {key: absent, value: "1"}, action: ADD_IF_ABSENT}}
  - {append: {record: {key: over, value: "1"}, action: OVERWRITE_IF_EXISTS_OR_ADD}}
  - {append: {record: {key: exists, value: "1"}, action: OVERWRITE_IF_EXISTS}}
  - {remove: gone}
`,
        ]),
      }),
      http('early', {
        hcm: `${httpFilters(['mutate', `${api}.HeaderMutation`, filter()])}\nupgrade_configs: []\n`,
      }),
      http('trailers', {
        hcm: `${httpFilters([
          'mutate',
          `${api}.HeaderMutation`,
          `mutations: {request_trailers_mutations: [${set('x-t', 'req')}], response_trailers_mutations: [${set('x-t', 'resp')}]}`,
        ])}\nhttp_protocol_options: {enable_trailers: true}\n`,
      }),
    ],
    clusters: [
      cluster('up', ['up'], httpOptions('explicit_http_config: {http_protocol_options: {enable_trailers: true}}')),
    ],
  },
  f => {
    f.exchange('every action on a request, in order', {
      send: get(
        '/up',
        'x-append: old',
        'x-absent: old',
        'x-over: old',
        'x-exists: old',
        'x-gone: 1',
        'x-drop-a: 1',
        'x-drop-b: 2',
        'accept: a',
        'cookie: a=1',
      ),
      reply: answer(200, 'x', 'x-up: 1', 'x-multi: a', 'x-multi: b'),
      sees: `
        > up
        GET /up HTTP/1.1
        host: a
        x-append: old
        x-absent: old
        accept: a,text/plain
        cookie: a=1
        x-forwarded-proto: http
        x-request-id: UUID
        x-append: new
        x-over: new
        x-exists: new
        x-seen: new
        x-empty:
        x-upper: Value
        cookie: b=2
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 1
        x-multi: a
        x-multi: b
        x-envoy-upstream-service-time: MS
        x-code: 200 new  via_upstream
        server: envoy
        x-multi: c
        date: DATE

        x
        (open)
        log: HTTP/1.1 200 - via_upstream in=0 out=1
      `,
    })
    f.exchange('what is absent', {
      send: get('/up'),
      sees: `
      > up
      GET /up HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-append: new
      x-absent: new
      x-over: new
      x-seen: new
      x-empty:
      x-upper: Value
      accept: text/plain
      cookie: b=2
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      x-code: 200 new  via_upstream
      server: envoy
      x-multi: c
      date: DATE

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=0 out=2
    `,
    })
    f.exchange('an answer of the proxy itself', {
      send: get('/direct', 'x-over: old'),
      sees: `
      < client
      HTTP/1.1 418 Unknown
      content-length: 3
      content-type: text/plain
      x-code: 418 new  direct_response
      server: envoy
      x-multi: c
      date: DATE

      tea
      (open)
      log: HTTP/1.1 418 - direct_response in=0 out=3
    `,
    })
    f.exchange('no route', {
      send: get('/none'),
      sees: `
      < client
      HTTP/1.1 404 Not Found
      x-code: 404 new  route_not_found
      server: envoy
      x-multi: c
      date: DATE
      content-length: 0

      (open)
      log: HTTP/1.1 404 NR route_not_found in=0 out=0
    `,
    })
    f.exchange('settings at every level', {
      to: 'levels',
      send: get('/weighted', 'x-order: client'),
      sees: `
      > up
      GET /weighted HTTP/1.1
      host: a
      x-order: client
      x-forwarded-proto: http
      x-request-id: UUID
      x-order: filter
      x-order: weighted
      x-order: route
      x-order: vhost
      x-last: table
      x-order: table
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      x-rlast: table
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=0 out=2
    `,
    })
    f.exchange('settings of route, virtual host and table', {
      to: 'levels',
      send: get('/route', 'x-order: client'),
      sees: `
      > up
      GET /route HTTP/1.1
      host: a
      x-order: client
      x-forwarded-proto: http
      x-request-id: UUID
      x-order: filter
      x-order: route
      x-order: vhost
      x-last: table
      x-order: table
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      x-rlast: table
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=0 out=2
    `,
    })
    f.exchange('turned off for a route', {
      to: 'levels',
      send: get('/off', 'x-order: client'),
      sees: `
      > up
      GET /off HTTP/1.1
      host: a
      x-order: client
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
    f.exchange('settings in a FilterConfig', {
      to: 'levels',
      send: get('/wrapped', 'x-order: client'),
      sees: `
      > up
      GET /wrapped HTTP/1.1
      host: a
      x-order: client
      x-forwarded-proto: http
      x-request-id: UUID
      x-order: filter
      x-order: vhost
      x-last: table
      x-order: table
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      x-rlast: table
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=0 out=2
    `,
    })
    f.exchange('the most specific level wins', {
      to: 'specific',
      send: get('/', 'x-order: client'),
      sees: `
      > up
      GET / HTTP/1.1
      host: a
      x-order: client
      x-forwarded-proto: http
      x-request-id: UUID
      x-order: filter
      x-order: vhost
      x-last: route
      x-order: route
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      x-rlast: route
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=0 out=2
    `,
    })
    f.exchange('off by default', {
      to: 'off',
      send: get('/', 'x-order: client'),
      sees: `
      > up
      GET / HTTP/1.1
      host: a
      x-order: client
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
    f.exchange('off by default, on for a route', {
      to: 'off',
      send: get('/on', 'x-order: client'),
      sees: `
      > up
      GET /on HTTP/1.1
      host: a
      x-order: client
      x-forwarded-proto: http
      x-request-id: UUID
      x-order: filter
      x-last: route
      x-order: route
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      x-rlast: route
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=0 out=2
    `,
    })
    f.exchange('query parameters', {
      to: 'query',
      send: get('/p?z=1&over=2&gone=3&exists=4&absent=5&over=6&a=%41%20b+c&flag', 'x-v: &='),
      nuncio: {
        because:
          'Envoy writes parameters it decoded as they are: a blank in the request target, which the next hop may read as its end',
        instead: `
      > up
      GET /p?a=%41%20b+c&absent=5&added=a%20b%2F%26%3D&exists=1&flag=&over=1&z=1 HTTP/1.1
      host: a
      x-v: &=
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
      },
      sees: `
      > up
      GET /p?a=A b+c&absent=5&added=a%20b%2F%26%3D&exists=1&flag=&over=1&z=1 HTTP/1.1
      host: a
      x-v: &=
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
    f.exchange('query parameters of a path without any', {
      to: 'query',
      send: get('/p', 'x-v: 1'),
      sees: `
      > up
      GET /p?absent=1&added=a%20b%2F1&over=1 HTTP/1.1
      host: a
      x-v: 1
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
    f.exchange('a request without a host is answered through the filters', {
      to: 'early',
      send: 'GET / HTTP/1.1\r\n\r\n',
      sees: `
        < client
        HTTP/1.1 400 Bad Request
        x-rlast: filter
        date: DATE
        server: envoy
        connection: close
        content-length: 0

        (closed)
        log: HTTP/1.1 400 - missing_host_header in=0 out=0
      `,
    })
    f.exchange('a request that cannot be read', {
      to: 'early',
      send: 'GET / HTTP/1.1\r\nhost: a\r\nx y: 1\r\n\r\n',
      sees: `
      < client
      HTTP/1.1 400 Bad Request
      content-length: 11
      content-type: text/plain
      x-rlast: filter
      date: DATE
      server: envoy
      connection: close

      Bad Request
      (closed)
      log: HTTP/1.1 400 DPE http1.codec_error in=0 out=11
    `,
    })
    f.exchange('trailers', {
      to: 'trailers',
      send: 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx-t: client\r\n\r\n',
      reply: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nb\r\n0\r\nx-t: up\r\n\r\n',
      sees: `
        > up
        POST / HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000
        transfer-encoding: chunked

        1
        a
        0
        x-t: req


        < client
        HTTP/1.1 200 OK
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy
        transfer-encoding: chunked

        1
        b
        0
        x-t: resp

        (open)
        log: HTTP/1.1 200 - via_upstream in=1 out=1
      `,
    })
  },
)
