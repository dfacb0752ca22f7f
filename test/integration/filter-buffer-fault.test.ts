// The buffer and fault filters: bodies that wait, limits, delays, aborts, and a slowed response.
import { answer, get, post } from '../support/bytes.js'
import { cluster, http, httpFilters, httpOptions, perFilter } from '../support/config.js'
import { feature } from '../support/scenario.js'

const buffer = 'envoy.extensions.filters.http.buffer.v3'
const fault = 'envoy.extensions.filters.http.fault.v3'
const always = 'percentage: {numerator: 100}'
const chunked = (body: string, ...lines: string[]): string =>
  `POST / HTTP/1.1\r\nhost: a\r\n${lines.map(line => `${line}\r\n`).join('')}transfer-encoding: chunked\r\n\r\n${body}`
const state = 'envoy.extensions.filters.http.header_mutation.v3.HeaderMutation'

feature(
  'buffer',
  {
    file: import.meta.url,
    listeners: [
      http('main', {
        hcm: `${httpFilters(['buffer', `${buffer}.Buffer`, 'max_request_bytes: 10'])}http_protocol_options: {enable_trailers: true}\n`,
        routes: `
- {match: {prefix: /off}, route: {cluster: up}, typed_per_filter_config: ${perFilter('buffer', `${buffer}.BufferPerRoute`, 'disabled: true')}}
- {match: {prefix: /more}, route: {cluster: up}, typed_per_filter_config: ${perFilter('buffer', `${buffer}.BufferPerRoute`, 'buffer: {max_request_bytes: 30}')}}
- {match: {prefix: /}, route: {cluster: up}}
`,
      }),
      http('two', {
        hcm: httpFilters(
          ['buffer', `${buffer}.Buffer`, 'max_request_bytes: 10'],
          [
            'mutate',
            state,
            'mutations: {request_mutations: [{append: {header: {key: x-length, value: "%REQ(content-length)%"}}}]}',
          ],
          ['second', `${buffer}.Buffer`, 'max_request_bytes: 8'],
        ),
      }),
    ],
    clusters: [
      cluster('up', ['up'], httpOptions('explicit_http_config: {http_protocol_options: {enable_trailers: true}}')),
    ],
  },
  f => {
    f.exchange('a body in pieces goes on whole, with its length', {
      send: [chunked('2\r\nab\r\n'), '3\r\ncde\r\n', '0\r\n\r\n'],
      sees: `
      > up
      POST / HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      content-length: 5
      x-envoy-expected-rq-timeout-ms: 15000

      abcde
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
    })
    f.exchange('a request without a body does not wait', {
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
    f.exchange('a body with its length', {
      send: post('/', 'abcde'),
      sees: `
      > up
      POST / HTTP/1.1
      host: a
      content-length: 5
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      abcde
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
    })
    f.exchange('a body with trailers', {
      send: chunked('2\r\nab\r\n0\r\nx-t: 1\r\n\r\n'),
      sees: `
      > up
      POST / HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      content-length: 2
      x-envoy-expected-rq-timeout-ms: 15000

      ab
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=2 out=2
    `,
    })
    f.exchange('more than the limit', {
      send: chunked('6\r\nabcdef\r\n6\r\nghijkl\r\n'),
      stats: /too_large/,
      sees: `
      stat: http.main.downstream_rq_too_large +1
      < client
      HTTP/1.1 413 Payload Too Large
      content-length: 17
      content-type: text/plain
      date: DATE
      server: envoy
      connection: close

      Payload Too Large
      (closed)
      log: HTTP/1.1 413 - request_payload_too_large in=12 out=17
    `,
    })
    f.exchange('just the limit', {
      send: chunked('a\r\nabcdefghij\r\n0\r\n\r\n'),
      sees: `
      > up
      POST / HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      content-length: 10
      x-envoy-expected-rq-timeout-ms: 15000

      abcdefghij
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=10 out=2
    `,
    })
    f.exchange('off for a route', {
      send: post('/off', 'abcdefghijklmnop'),
      sees: `
      > up
      POST /off HTTP/1.1
      host: a
      content-length: 16
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      abcdefghijklmnop
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=16 out=2
    `,
    })
    f.exchange('another limit for a route', {
      send: post('/more', 'abcdefghijklmnop'),
      sees: `
      > up
      POST /more HTTP/1.1
      host: a
      content-length: 16
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      abcdefghijklmnop
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=16 out=2
    `,
    })
    f.exchange('two filters that wait', {
      to: 'two',
      send: [chunked('2\r\nab\r\n'), '3\r\ncde\r\n', '0\r\n\r\n'],
      sees: `
      > up
      POST / HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      content-length: 5
      x-length: 5
      x-envoy-expected-rq-timeout-ms: 15000

      abcde
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
    })
    f.exchange('the limit of the second', {
      to: 'two',
      send: [chunked('4\r\nabcd\r\n'), '5\r\nefghi\r\n', '0\r\n\r\n'],
      sees: `
      < client
      HTTP/1.1 413 Payload Too Large
      content-length: 17
      content-type: text/plain
      date: DATE
      server: envoy

      Payload Too Large
      (open)
      log: HTTP/1.1 413 - request_payload_too_large in=9 out=17
    `,
    })
  },
)

feature(
  'fault',
  {
    file: import.meta.url,
    listeners: [
      http('main', {
        log: '%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(fault)% %DYNAMIC_METADATA(envoy.filters.http.fault)%\n',
        hcm: httpFilters([
          'fault',
          `${fault}.HTTPFault`,
          `{abort: {http_status: 555, ${always}}, headers: [{name: x-abort, present_match: true}], filter_metadata: {k: v}}`,
        ]),
        routes: `
- {match: {prefix: /delay}, route: {cluster: up}, typed_per_filter_config: ${perFilter('fault', `${fault}.HTTPFault`, `delay: {fixed_delay: 0.05s, ${always}}`)}}
- {match: {prefix: /both}, route: {cluster: up}, typed_per_filter_config: ${perFilter('fault', `${fault}.HTTPFault`, `delay: {fixed_delay: 0.05s, ${always}}, abort: {http_status: 503, ${always}}`)}}
- {match: {prefix: /grpc}, route: {cluster: up}, typed_per_filter_config: ${perFilter('fault', `${fault}.HTTPFault`, `abort: {grpc_status: 5, ${always}}`)}}
- {match: {prefix: /headers}, route: {cluster: up}, typed_per_filter_config: ${perFilter('fault', `${fault}.HTTPFault`, `abort: {header_abort: {}, ${always}}, delay: {header_delay: {}, ${always}}, response_rate_limit: {header_limit: {}, ${always}}`)}}
- {match: {prefix: /never}, route: {cluster: up}, typed_per_filter_config: ${perFilter('fault', `${fault}.HTTPFault`, `abort: {http_status: 503, percentage: {numerator: 0}}`)}}
- {match: {prefix: /cluster}, route: {cluster: up}, typed_per_filter_config: ${perFilter('fault', `${fault}.HTTPFault`, `abort: {http_status: 503, ${always}}, upstream_cluster: other`)}}
- {match: {prefix: /node}, route: {cluster: up}, typed_per_filter_config: ${perFilter('fault', `${fault}.HTTPFault`, `abort: {http_status: 503, ${always}}, downstream_nodes: [canary]`)}}
- {match: {prefix: /none}, route: {cluster: up}, typed_per_filter_config: ${perFilter('fault', `${fault}.HTTPFault`, `abort: {http_status: 503, ${always}}, max_active_faults: 0`)}}
- {match: {prefix: /slow}, route: {cluster: up}, typed_per_filter_config: ${perFilter('fault', `${fault}.HTTPFault`, `response_rate_limit: {fixed_limit: {limit_kbps: 1}, ${always}}`)}}
- {match: {prefix: /}, route: {cluster: up}}
`,
      }),
    ],
  },
  f => {
    const stats = /fault/
    f.exchange('an abort', {
      send: get('/', 'x-abort: 1'),
      stats,
      sees: `
      stat: http.main.fault.aborts_injected +1
      < client
      HTTP/1.1 555 Unknown
      content-length: 18
      content-type: text/plain
      date: DATE
      server: envoy

      fault filter abort
      (open)
      log: 555 FI fault_filter_abort {"k":"v"} -
    `,
    })
    f.exchange('headers that do not match', {
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
      log: 200 - via_upstream - -
    `,
    })
    f.exchange('an abort that names its caller', {
      send: get('/', 'x-abort: 1', 'x-envoy-downstream-service-cluster: shop'),
      stats,
      sees: `
      stat: http.main.fault.aborts_injected +1
      stat: http.main.fault.shop.aborts_injected +1
      < client
      HTTP/1.1 555 Unknown
      content-length: 18
      content-type: text/plain
      date: DATE
      server: envoy

      fault filter abort
      (open)
      log: 555 FI fault_filter_abort {"k":"v"} -
    `,
    })
    f.exchange('a delay', {
      send: post('/delay', 'body'),
      stats,
      sees: `
      stat: http.main.fault.delays_injected +1
      > up
      POST /delay HTTP/1.1
      host: a
      content-length: 4
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      body
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: 200 DI via_upstream {} -
    `,
    })
    f.exchange('a delay, then an abort', {
      send: post('/both', 'body'),
      stats,
      sees: `
      stat: http.main.fault.aborts_injected +1
      stat: http.main.fault.delays_injected +1
      < client
      HTTP/1.1 503 Service Unavailable
      content-length: 18
      content-type: text/plain
      date: DATE
      server: envoy

      fault filter abort
      (open)
      log: 503 DI,FI fault_filter_abort {} -
    `,
    })
    f.exchange('a gRPC abort of a gRPC request', {
      send: post('/grpc', 'body', 'content-type: application/grpc'),
      sees: `
      < client
      HTTP/1.1 200 OK
      content-type: application/grpc
      grpc-status: 5
      grpc-message: fault filter abort
      date: DATE
      server: envoy
      connection: close
      content-length: 0

      (closed)
      log: 200 FI fault_filter_abort {} -
    `,
    })
    f.exchange('a gRPC abort of another request', {
      send: get('/grpc'),
      sees: `
      < client
      HTTP/1.1 200 OK
      content-length: 18
      content-type: text/plain
      date: DATE
      server: envoy

      fault filter abort
      (open)
      log: 200 FI fault_filter_abort {} -
    `,
    })
    f.exchange('faults by header: none asked for', {
      send: get('/headers'),
      stats,
      sees: `
      stat: none changed
      > up
      GET /headers HTTP/1.1
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
      log: 200 - via_upstream - -
    `,
    })
    f.exchange('faults by header: abort', {
      send: get('/headers', 'x-envoy-fault-abort-request: 404'),
      stats,
      sees: `
      stat: http.main.fault.aborts_injected +1
      < client
      HTTP/1.1 404 Not Found
      content-length: 18
      content-type: text/plain
      date: DATE
      server: envoy

      fault filter abort
      (open)
      log: 404 FI fault_filter_abort {} -
    `,
    })
    f.exchange('faults by header: a status out of range', {
      send: get('/headers', 'x-envoy-fault-abort-request: 700'),
      sees: `
      > up
      GET /headers HTTP/1.1
      host: a
      x-envoy-fault-abort-request: 700
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
      log: 200 - via_upstream - -
    `,
    })
    f.exchange('faults by header: gRPC', {
      send: get('/headers', 'x-envoy-fault-abort-grpc-request: 5', 'content-type: application/grpc'),
      sees: `
      < client
      HTTP/1.1 200 OK
      content-type: application/grpc
      grpc-status: 5
      grpc-message: fault filter abort
      date: DATE
      server: envoy
      content-length: 0

      (open)
      log: 200 FI fault_filter_abort {} -
    `,
    })
    f.exchange('faults by header: delay', {
      send: get('/headers', 'x-envoy-fault-delay-request: 20'),
      stats,
      sees: `
      stat: http.main.fault.delays_injected +1
      > up
      GET /headers HTTP/1.1
      host: a
      x-envoy-fault-delay-request: 20
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
      log: 200 DI via_upstream {} -
    `,
    })
    f.exchange('faults by header: no percentage', {
      send: get('/headers', 'x-envoy-fault-abort-request: 404', 'x-envoy-fault-abort-request-percentage: 0'),
      sees: `
      > up
      GET /headers HTTP/1.1
      host: a
      x-envoy-fault-abort-request: 404
      x-envoy-fault-abort-request-percentage: 0
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
      log: 200 - via_upstream - -
    `,
    })
    f.exchange('a percentage of 0', {
      send: get('/never'),
      stats,
      sees: `
      stat: none changed
      > up
      GET /never HTTP/1.1
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
      log: 200 - via_upstream - -
    `,
    })
    f.exchange('another cluster', {
      send: get('/cluster'),
      stats,
      sees: `
      stat: none changed
      > up
      GET /cluster HTTP/1.1
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
      log: 200 - via_upstream - -
    `,
    })
    f.exchange('another node', {
      send: get('/node', 'x-envoy-downstream-service-node: main'),
      stats,
      sees: `
      stat: none changed
      > up
      GET /node HTTP/1.1
      host: a
      x-envoy-downstream-service-node: main
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
      log: 200 - via_upstream - -
    `,
    })
    f.exchange('the node', {
      send: get('/node', 'x-envoy-downstream-service-node: canary'),
      stats,
      sees: `
      stat: http.main.fault.aborts_injected +1
      < client
      HTTP/1.1 503 Service Unavailable
      content-length: 18
      content-type: text/plain
      date: DATE
      server: envoy

      fault filter abort
      (open)
      log: 503 FI fault_filter_abort {} -
    `,
    })
    f.exchange('too many faults', {
      send: get('/none'),
      stats,
      sees: `
      stat: http.main.fault.faults_overflow +1
      > up
      GET /none HTTP/1.1
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
      log: 200 - via_upstream - -
    `,
    })
    f.exchange('a slow response', {
      send: get('/slow'),
      reply: answer(200, 'x'.repeat(200)),
      stats,
      sees: `
      stat: http.main.fault.response_rl_injected +1
      > up
      GET /slow HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 200 OK
      content-length: 200
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
      (open)
      log: 200 - via_upstream - -
    `,
    })
  },
)
