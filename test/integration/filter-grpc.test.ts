// The filters about gRPC, over HTTP/1.1 on both sides: grpc_web, grpc_stats, grpc_http1_bridge.
import { get } from '../support/bytes.js'
import { cluster, http, httpFilters, httpOptions } from '../support/config.js'
import { feature } from '../support/scenario.js'

const web = 'envoy.extensions.filters.http.grpc_web.v3.GrpcWeb'
const statistics = 'envoy.extensions.filters.http.grpc_stats.v3.FilterConfig'
const bridge = 'envoy.extensions.filters.http.grpc_http1_bridge.v3.Config'
const reverse = 'envoy.extensions.filters.http.grpc_http1_reverse_bridge.v3.FilterConfig'

const frame = (message: string): string => `\0\0\0\0${String.fromCharCode(message.length)}${message}`
const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64')
const call = (type: string, body: string, ...lines: string[]): string =>
  `POST /pkg.Service/Method HTTP/1.1\r\nhost: a\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}\r\n${lines.map(line => `${line}\r\n`).join('')}\r\n${body}`
const chunks = (...bodies: string[]): string =>
  bodies.map(body => `${body.length.toString(16)}\r\n${body}\r\n`).join('')
const grpcAnswer = (body: readonly string[], ...trailers: string[]): string =>
  `HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ntransfer-encoding: chunked\r\n\r\n${chunks(...body)}0\r\n${trailers.map(line => `${line}\r\n`).join('')}\r\n`
const plain = (status: number, body: string, type = 'text/plain'): string =>
  `HTTP/1.1 ${status} X\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}\r\n\r\n${body}`
const log =
  '%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% grpc=%GRPC_STATUS% in=%BYTES_RECEIVED% out=%BYTES_SENT% %FILTER_STATE(envoy.filters.http.grpc_stats:PLAIN)%\n'
const trailers = 'http_protocol_options: {enable_trailers: true}\n'
const clusters = [
  cluster('up', ['up'], httpOptions('explicit_http_config: {http_protocol_options: {enable_trailers: true}}')),
  cluster('down', [], ''),
]
const routes = '[{match: {prefix: /none.}, route: {cluster: down}}, {match: {prefix: /}, route: {cluster: up}}]'
const stats = /grpc/

feature(
  'grpc_web',
  {
    file: import.meta.url,
    listeners: [http('main', { log, hcm: httpFilters(['web', web, '']) + trailers, routes })],
    clusters,
  },
  f => {
    f.exchange('web: binary', {
      send: call('application/grpc-web+proto', frame('ask'), 'x-grpc-web: 1'),
      reply: grpcAnswer([frame('answer')], 'grpc-status: 0', 'grpc-message: fine'),
      stats,
      sees: `
      stat: cluster.up.grpc-web.pkg.Service.Method.0 +1
      stat: cluster.up.grpc-web.pkg.Service.Method.success +1
      stat: cluster.up.grpc-web.pkg.Service.Method.total +1
      > up
      POST /pkg.Service/Method HTTP/1.1
      host: a
      content-type: application/grpc
      x-grpc-web: 1
      x-forwarded-proto: http
      x-request-id: UUID
      te: trailers
      grpc-accept-encoding: identity
      x-envoy-expected-rq-timeout-ms: 15000
      transfer-encoding: chunked

      8
      \\x00\\x00\\x00\\x00\\x03ask
      0


      < client
      HTTP/1.1 200 OK
      content-type: application/grpc-web+proto
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy
      transfer-encoding: chunked

      b
      \\x00\\x00\\x00\\x00\\x06answer
      27
      \\x80\\x00\\x00\\x00"grpc-status:0
      grpc-message:fine

      0

      (open)
      log: 200 - via_upstream grpc=Unknown in=8 out=50 -
    `,
    })
    f.exchange('web: text', {
      send: call('application/grpc-web-text', base64(frame('ask')), 'accept: application/grpc-web-text'),
      reply: grpcAnswer([frame('answer'), frame('more')], 'grpc-status: 0'),
      stats,
      sees: `
      stat: cluster.up.grpc-web.pkg.Service.Method.0 +1
      stat: cluster.up.grpc-web.pkg.Service.Method.success +1
      stat: cluster.up.grpc-web.pkg.Service.Method.total +1
      > up
      POST /pkg.Service/Method HTTP/1.1
      host: a
      content-type: application/grpc
      accept: application/grpc-web-text
      x-forwarded-proto: http
      x-request-id: UUID
      te: trailers
      grpc-accept-encoding: identity
      x-envoy-expected-rq-timeout-ms: 15000
      transfer-encoding: chunked

      8
      \\x00\\x00\\x00\\x00\\x03ask
      0


      < client
      HTTP/1.1 200 OK
      content-type: application/grpc-web-text+proto
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy
      transfer-encoding: chunked

      1c
      AAAAAAZhbnN3ZXI=AAAAAARtb3Jl
      1c
      gAAAAA9ncnBjLXN0YXR1czowDQo=
      0

      (open)
      log: 200 - via_upstream grpc=Unknown in=12 out=56 -
    `,
    })
    f.exchange('web: text asked, binary answered', {
      send: call('application/grpc-web-text+proto', base64(frame('ask'))),
      reply: grpcAnswer([frame('answer')], 'grpc-status: 5'),
      stats,
      sees: `
      stat: cluster.up.grpc-web.pkg.Service.Method.5 +1
      stat: cluster.up.grpc-web.pkg.Service.Method.failure +1
      stat: cluster.up.grpc-web.pkg.Service.Method.total +1
      > up
      POST /pkg.Service/Method HTTP/1.1
      host: a
      content-type: application/grpc
      x-forwarded-proto: http
      x-request-id: UUID
      te: trailers
      grpc-accept-encoding: identity
      x-envoy-expected-rq-timeout-ms: 15000
      transfer-encoding: chunked

      8
      \\x00\\x00\\x00\\x00\\x03ask
      0


      < client
      HTTP/1.1 200 OK
      content-type: application/grpc-web+proto
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy
      transfer-encoding: chunked

      b
      \\x00\\x00\\x00\\x00\\x06answer
      14
      \\x80\\x00\\x00\\x00\\x0fgrpc-status:5

      0

      (open)
      log: 200 - via_upstream grpc=Unknown in=12 out=31 -
    `,
    })
    // How the pieces are put together on the way to the upstream is a matter of time: only what they say is compared.
    f.scenario(
      'web: text in pieces that split its groups',
      {
        sees: `
      "\\u0000\\u0000\\u0000\\u0000\\u0003ask"
      < client
      HTTP/1.1 200 OK
      content-type: application/grpc-web+proto
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy
      transfer-encoding: chunked

      6
      \\x00\\x00\\x00\\x00\\x01a
      14
      \\x80\\x00\\x00\\x00\\x0fgrpc-status:0

      0

      (open)
    `,
      },
      async scene => {
        const coded = base64(frame('ask'))
        scene.upstream().script(grpcAnswer([frame('a')], 'grpc-status: 0'))
        const client = await scene.connect()
        await client.send(
          `POST /pkg.Service/Method HTTP/1.1\r\nhost: a\r\ncontent-type: application/grpc-web-text\r\ntransfer-encoding: chunked\r\n\r\n${chunks(coded.slice(0, 3))}`,
        )
        await client.send(chunks(coded.slice(3, 9)))
        await client.send(`${chunks(coded.slice(9))}0\r\n\r\n`)
        await client.response()
        const request = await scene.upstream().nextRequest()
        const said = request.body.toString('latin1').replace(/[0-9a-f]+\r\n([^]*?)\r\n(?=[0-9a-f]+\r\n)/g, '$1')
        scene.note(JSON.stringify(said.replace(/0\r\n\r\n$/, '')))
        scene.sawAll(client)
      },
    )
    f.exchange('web: text that is no base64', {
      send: call('application/grpc-web-text', '????'),
      sees: `
      < client
      HTTP/1.1 400 Bad Request
      content-type: application/grpc-web+proto
      grpc-message: Bad gRPC-web request, invalid base64 data.
      grpc-status: 13
      content-length: 0
      date: DATE
      server: envoy
      connection: close

      (closed)
      log: 400 - grpc_base_64_decode_failed grpc=Internal in=4 out=0 -
    `,
    })
    f.exchange('web: text of a wrong length', {
      send: call('application/grpc-web-text', 'AAAAA'),
      sees: `
      < client
      HTTP/1.1 400 Bad Request
      content-type: application/grpc-web+proto
      grpc-message: Bad gRPC-web request, invalid base64 data.
      grpc-status: 13
      content-length: 0
      date: DATE
      server: envoy
      connection: close

      (closed)
      log: 400 - grpc_base_64_decode_failed_bad_size grpc=Internal in=5 out=0 -
    `,
    })
    f.exchange('web: an answer frame in pieces', {
      send: call('application/grpc-web-text', base64(frame('ask')), 'accept: application/grpc-web-text'),
      reply: grpcAnswer([frame('answer').slice(0, 7), frame('answer').slice(7)], 'grpc-status: 0'),
      sees: `
      > up
      POST /pkg.Service/Method HTTP/1.1
      host: a
      content-type: application/grpc
      accept: application/grpc-web-text
      x-forwarded-proto: http
      x-request-id: UUID
      te: trailers
      grpc-accept-encoding: identity
      x-envoy-expected-rq-timeout-ms: 15000
      transfer-encoding: chunked

      8
      \\x00\\x00\\x00\\x00\\x03ask
      0


      < client
      HTTP/1.1 200 OK
      content-type: application/grpc-web-text+proto
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy
      transfer-encoding: chunked

      10
      AAAAAAZhbnN3ZXI=
      1c
      gAAAAA9ncnBjLXN0YXR1czowDQo=
      0

      (open)
      log: 200 - via_upstream grpc=Unknown in=12 out=44 -
    `,
    })
    f.exchange('web: trailers only', {
      send: call('application/grpc-web', frame('ask')),
      reply:
        'HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ngrpc-status: 7\r\ngrpc-message: no\r\ncontent-length: 0\r\n\r\n',
      stats,
      sees: `
      stat: cluster.up.grpc-web.pkg.Service.Method.7 +1
      stat: cluster.up.grpc-web.pkg.Service.Method.failure +1
      stat: cluster.up.grpc-web.pkg.Service.Method.total +1
      > up
      POST /pkg.Service/Method HTTP/1.1
      host: a
      content-type: application/grpc
      x-forwarded-proto: http
      x-request-id: UUID
      te: trailers
      grpc-accept-encoding: identity
      x-envoy-expected-rq-timeout-ms: 15000
      transfer-encoding: chunked

      8
      \\x00\\x00\\x00\\x00\\x03ask
      0


      < client
      HTTP/1.1 200 OK
      content-type: application/grpc-web+proto
      grpc-status: 7
      grpc-message: no
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy
      content-length: 0

      (open)
      log: 200 - via_upstream grpc=PermissionDenied in=8 out=0 -
    `,
    })
    f.exchange('web: an answer that is not gRPC', {
      send: call('application/grpc-web', frame('ask')),
      reply: plain(503, 'it is % broken'),
      sees: `
      > up
      POST /pkg.Service/Method HTTP/1.1
      host: a
      content-type: application/grpc
      x-forwarded-proto: http
      x-request-id: UUID
      te: trailers
      grpc-accept-encoding: identity
      x-envoy-expected-rq-timeout-ms: 15000
      transfer-encoding: chunked

      8
      \\x00\\x00\\x00\\x00\\x03ask
      0


      < client
      HTTP/1.1 503 Service Unavailable
      content-type: application/grpc-web+proto
      x-envoy-upstream-service-time: MS
      grpc-message: it is %25 broken
      grpc-status: 14
      content-length: 0
      date: DATE
      server: envoy

      (open)
      log: 503 - via_upstream grpc=Unavailable in=8 out=0 -
    `,
    })
    f.exchange('web: an answer of the proxy', {
      send: call('application/grpc-web', frame('ask')).replace('/pkg.', '/none.'),
      sees: `
      < client
      HTTP/1.1 503 Service Unavailable
      content-type: application/grpc-web+proto
      grpc-message: no healthy upstream
      grpc-status: 14
      content-length: 0
      date: DATE
      server: envoy
      connection: close

      (closed)
      log: 503 UH no_healthy_upstream grpc=Unavailable in=0 out=0 -
    `,
    })
    f.exchange('web: not gRPC-Web', {
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
      log: 200 - via_upstream grpc=- in=0 out=2 -
    `,
    })
  },
)

const grpcCall = call('application/grpc', frame('ask') + frame('again'))
feature(
  'grpc_stats',
  {
    file: import.meta.url,
    listeners: [
      http('all', {
        log,
        hcm:
          httpFilters([
            'stats',
            statistics,
            '{stats_for_all_methods: true, emit_filter_state: true, enable_upstream_stats: true}',
          ]) + trailers,
        routes,
      }),
      http('listed', {
        log,
        hcm:
          httpFilters([
            'stats',
            statistics,
            'individual_method_stats_allowlist: {services: [{name: pkg.Listed, method_names: [Method]}]}',
          ]) + trailers,
        routes,
      }),
      http('unset', { log, hcm: httpFilters(['stats', statistics, '']) + trailers, routes }),
      http('dots', {
        log,
        hcm:
          httpFilters(['stats', statistics, '{stats_for_all_methods: true, replace_dots_in_grpc_service_name: true}']) +
          trailers,
        routes,
      }),
    ],
    clusters,
  },
  f => {
    f.exchange('stats: a call, all', {
      to: 'all',
      send: grpcCall,
      reply: grpcAnswer([frame('one'), frame('two').slice(0, 3), frame('two').slice(3)], 'grpc-status: 0'),
      stats,
      sees: `
      stat: cluster.up.grpc.pkg.Service.Method.0 +1
      stat: cluster.up.grpc.pkg.Service.Method.request_message_count +2
      stat: cluster.up.grpc.pkg.Service.Method.response_message_count +2
      stat: cluster.up.grpc.pkg.Service.Method.success +1
      stat: cluster.up.grpc.pkg.Service.Method.total +1
      > up
      POST /pkg.Service/Method HTTP/1.1
      host: a
      content-type: application/grpc
      content-length: 18
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      \\x00\\x00\\x00\\x00\\x03ask\\x00\\x00\\x00\\x00\\x05again
      < client
      HTTP/1.1 200 OK
      content-type: application/grpc
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy
      transfer-encoding: chunked

      10
      \\x00\\x00\\x00\\x00\\x03one\\x00\\x00\\x00\\x00\\x03two
      0
      grpc-status: 0

      (open)
      log: 200 - via_upstream grpc=OK in=18 out=16 2,2
    `,
    })
    f.exchange('stats: a call, listed', {
      to: 'listed',
      send: grpcCall.replace('pkg.Service', 'pkg.Listed'),
      reply: grpcAnswer([frame('one'), frame('two').slice(0, 3), frame('two').slice(3)], 'grpc-status: 0'),
      stats,
      sees: `
      stat: cluster.up.grpc.pkg.Listed.Method.0 +1
      stat: cluster.up.grpc.pkg.Listed.Method.request_message_count +2
      stat: cluster.up.grpc.pkg.Listed.Method.response_message_count +2
      stat: cluster.up.grpc.pkg.Listed.Method.success +1
      stat: cluster.up.grpc.pkg.Listed.Method.total +1
      > up
      POST /pkg.Listed/Method HTTP/1.1
      host: a
      content-type: application/grpc
      content-length: 18
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      \\x00\\x00\\x00\\x00\\x03ask\\x00\\x00\\x00\\x00\\x05again
      < client
      HTTP/1.1 200 OK
      content-type: application/grpc
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy
      transfer-encoding: chunked

      10
      \\x00\\x00\\x00\\x00\\x03one\\x00\\x00\\x00\\x00\\x03two
      0
      grpc-status: 0

      (open)
      log: 200 - via_upstream grpc=OK in=18 out=16 -
    `,
    })
    f.exchange('stats: a call, unset', {
      to: 'unset',
      send: grpcCall,
      reply: grpcAnswer([frame('one'), frame('two').slice(0, 3), frame('two').slice(3)], 'grpc-status: 0'),
      stats,
      sees: `
      stat: cluster.up.grpc.0 +1
      stat: cluster.up.grpc.request_message_count +2
      stat: cluster.up.grpc.response_message_count +2
      stat: cluster.up.grpc.success +1
      stat: cluster.up.grpc.total +1
      > up
      POST /pkg.Service/Method HTTP/1.1
      host: a
      content-type: application/grpc
      content-length: 18
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      \\x00\\x00\\x00\\x00\\x03ask\\x00\\x00\\x00\\x00\\x05again
      < client
      HTTP/1.1 200 OK
      content-type: application/grpc
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy
      transfer-encoding: chunked

      10
      \\x00\\x00\\x00\\x00\\x03one\\x00\\x00\\x00\\x00\\x03two
      0
      grpc-status: 0

      (open)
      log: 200 - via_upstream grpc=OK in=18 out=16 -
    `,
    })
    f.exchange('stats: a call, dots', {
      to: 'dots',
      send: grpcCall,
      reply: grpcAnswer([frame('one'), frame('two').slice(0, 3), frame('two').slice(3)], 'grpc-status: 0'),
      stats,
      sees: `
      stat: cluster.up.grpc.pkg_Service.Method.0 +1
      stat: cluster.up.grpc.pkg_Service.Method.request_message_count +2
      stat: cluster.up.grpc.pkg_Service.Method.response_message_count +2
      stat: cluster.up.grpc.pkg_Service.Method.success +1
      stat: cluster.up.grpc.pkg_Service.Method.total +1
      > up
      POST /pkg.Service/Method HTTP/1.1
      host: a
      content-type: application/grpc
      content-length: 18
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      \\x00\\x00\\x00\\x00\\x03ask\\x00\\x00\\x00\\x00\\x05again
      < client
      HTTP/1.1 200 OK
      content-type: application/grpc
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy
      transfer-encoding: chunked

      10
      \\x00\\x00\\x00\\x00\\x03one\\x00\\x00\\x00\\x00\\x03two
      0
      grpc-status: 0

      (open)
      log: 200 - via_upstream grpc=OK in=18 out=16 -
    `,
    })
    f.exchange('stats: a failed call', {
      to: 'all',
      send: grpcCall,
      reply: grpcAnswer([], 'grpc-status: 14'),
      stats,
      sees: `
      stat: cluster.up.grpc.pkg.Service.Method.14 +1
      stat: cluster.up.grpc.pkg.Service.Method.failure +1
      stat: cluster.up.grpc.pkg.Service.Method.request_message_count +2
      stat: cluster.up.grpc.pkg.Service.Method.total +1
      > up
      POST /pkg.Service/Method HTTP/1.1
      host: a
      content-type: application/grpc
      content-length: 18
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      \\x00\\x00\\x00\\x00\\x03ask\\x00\\x00\\x00\\x00\\x05again
      < client
      HTTP/1.1 200 OK
      content-type: application/grpc
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy
      transfer-encoding: chunked

      0
      grpc-status: 14

      (open)
      log: 200 - via_upstream grpc=Unavailable in=18 out=0 2,0
    `,
    })
    f.exchange('stats: a status of its own', {
      to: 'all',
      send: grpcCall,
      reply: grpcAnswer([], 'grpc-status: 77'),
      stats,
      sees: `
      stat: cluster.up.grpc.pkg.Service.Method.77 +1
      stat: cluster.up.grpc.pkg.Service.Method.failure +1
      stat: cluster.up.grpc.pkg.Service.Method.request_message_count +2
      stat: cluster.up.grpc.pkg.Service.Method.total +1
      > up
      POST /pkg.Service/Method HTTP/1.1
      host: a
      content-type: application/grpc
      content-length: 18
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      \\x00\\x00\\x00\\x00\\x03ask\\x00\\x00\\x00\\x00\\x05again
      < client
      HTTP/1.1 200 OK
      content-type: application/grpc
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy
      transfer-encoding: chunked

      0
      grpc-status: 77

      (open)
      log: 200 - via_upstream grpc=77 in=18 out=0 2,0
    `,
    })
    f.exchange('stats: a method that is not listed', {
      to: 'listed',
      send: grpcCall.replace('/Method', '/Other'),
      reply: grpcAnswer([frame('one')], 'grpc-status: 0'),
      stats,
      sees: `
      stat: cluster.up.grpc.0 +1
      stat: cluster.up.grpc.request_message_count +2
      stat: cluster.up.grpc.response_message_count +1
      stat: cluster.up.grpc.success +1
      stat: cluster.up.grpc.total +1
      > up
      POST /pkg.Service/Other HTTP/1.1
      host: a
      content-type: application/grpc
      content-length: 18
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      \\x00\\x00\\x00\\x00\\x03ask\\x00\\x00\\x00\\x00\\x05again
      < client
      HTTP/1.1 200 OK
      content-type: application/grpc
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy
      transfer-encoding: chunked

      8
      \\x00\\x00\\x00\\x00\\x03one
      0
      grpc-status: 0

      (open)
      log: 200 - via_upstream grpc=OK in=18 out=8 -
    `,
    })
    f.exchange('stats: an answer of the proxy', {
      to: 'all',
      send: grpcCall.replace('/pkg.', '/none.'),
      stats,
      sees: `
      stat: cluster.down.grpc.none.Service.Method.14 +1
      stat: cluster.down.grpc.none.Service.Method.failure +1
      stat: cluster.down.grpc.none.Service.Method.total +1
      < client
      HTTP/1.1 200 OK
      content-type: application/grpc
      grpc-status: 14
      grpc-message: no healthy upstream
      date: DATE
      server: envoy
      connection: close
      content-length: 0

      (closed)
      log: 200 UH no_healthy_upstream grpc=Unavailable in=0 out=0 -
    `,
    })
    f.exchange('stats: a path that is no method', {
      to: 'all',
      send: grpcCall.replace('/pkg.Service/Method', '/x'),
      reply: grpcAnswer([frame('one')], 'grpc-status: 0'),
      stats,
      sees: `
      stat: none changed
      > up
      POST /x HTTP/1.1
      host: a
      content-type: application/grpc
      content-length: 18
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      \\x00\\x00\\x00\\x00\\x03ask\\x00\\x00\\x00\\x00\\x05again
      < client
      HTTP/1.1 200 OK
      content-type: application/grpc
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy
      transfer-encoding: chunked

      8
      \\x00\\x00\\x00\\x00\\x03one
      0
      grpc-status: 0

      (open)
      log: 200 - via_upstream grpc=OK in=18 out=8 2,1
    `,
    })
    f.exchange('stats: not gRPC', {
      to: 'all',
      send: get('/pkg.Service/Method'),
      stats,
      sees: `
      stat: none changed
      > up
      GET /pkg.Service/Method HTTP/1.1
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
      log: 200 - via_upstream grpc=- in=0 out=2 -
    `,
    })
  },
)

feature(
  'grpc_http1_bridge',
  {
    file: import.meta.url,
    listeners: [
      http('main', { log, hcm: httpFilters(['bridge', bridge, '']) + trailers, routes }),
      http('upgrades', {
        log,
        hcm:
          httpFilters(['bridge', bridge, '{upgrade_protobuf_to_grpc: true, ignore_query_parameters: true}']) + trailers,
        routes,
      }),
    ],
    clusters,
  },
  f => {
    f.exchange('bridge: a call', {
      send: grpcCall,
      reply: grpcAnswer([frame('one'), frame('two')], 'grpc-status: 0', 'grpc-message: fine'),
      sees: `
      > up
      POST /pkg.Service/Method HTTP/1.1
      host: a
      content-type: application/grpc
      content-length: 18
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      \\x00\\x00\\x00\\x00\\x03ask\\x00\\x00\\x00\\x00\\x05again
      < client
      HTTP/1.1 200 OK
      content-type: application/grpc
      x-envoy-upstream-service-time: MS
      grpc-status: 0
      grpc-message: fine
      content-length: 16
      date: DATE
      server: envoy

      \\x00\\x00\\x00\\x00\\x03one\\x00\\x00\\x00\\x00\\x03two
      (open)
      log: 200 - via_upstream grpc=OK in=18 out=16 -
    `,
    })
    f.exchange('bridge: a failed call', {
      send: grpcCall,
      reply: grpcAnswer([], 'grpc-status: 5', 'grpc-message: nowhere'),
      sees: `
      > up
      POST /pkg.Service/Method HTTP/1.1
      host: a
      content-type: application/grpc
      content-length: 18
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      \\x00\\x00\\x00\\x00\\x03ask\\x00\\x00\\x00\\x00\\x05again
      < client
      HTTP/1.1 503 Service Unavailable
      content-type: application/grpc
      x-envoy-upstream-service-time: MS
      grpc-status: 5
      grpc-message: nowhere
      content-length: 0
      date: DATE
      server: envoy

      (open)
      log: 503 - via_upstream grpc=NotFound in=18 out=0 -
    `,
    })
    f.exchange('bridge: trailers only', {
      send: grpcCall,
      reply:
        'HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ngrpc-status: 7\r\ngrpc-message: no\r\ncontent-length: 0\r\n\r\n',
      sees: `
      > up
      POST /pkg.Service/Method HTTP/1.1
      host: a
      content-type: application/grpc
      content-length: 18
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      \\x00\\x00\\x00\\x00\\x03ask\\x00\\x00\\x00\\x00\\x05again
      < client
      HTTP/1.1 200 OK
      content-type: application/grpc
      grpc-status: 7
      grpc-message: no
      content-length: 0
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      (open)
      log: 200 - via_upstream grpc=PermissionDenied in=18 out=0 -
    `,
    })
    f.exchange('bridge: an answer of the proxy', {
      send: grpcCall.replace('/pkg.', '/none.'),
      sees: `
      < client
      HTTP/1.1 200 OK
      content-type: application/grpc
      grpc-status: 14
      grpc-message: no healthy upstream
      date: DATE
      server: envoy
      connection: close
      content-length: 0

      (closed)
      log: 200 UH no_healthy_upstream grpc=Unavailable in=0 out=0 -
    `,
    })
    f.exchange('bridge: not gRPC', {
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
      log: 200 - via_upstream grpc=- in=0 out=2 -
    `,
    })
    f.exchange('bridge: protobuf made gRPC', {
      to: 'upgrades',
      send: call('application/x-protobuf', 'ask').replace('/Method', '/Method?q=1'),
      reply: grpcAnswer([frame('one')], 'grpc-status: 0'),
      sees: `
      > up
      POST /pkg.Service/Method HTTP/1.1
      host: a
      content-type: application/grpc
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000
      transfer-encoding: chunked

      8
      \\x00\\x00\\x00\\x00\\x03ask
      0


      < client
      HTTP/1.1 200 OK
      content-type: application/grpc
      x-envoy-upstream-service-time: MS
      grpc-status: 0
      content-length: 3
      date: DATE
      server: envoy

      one
      (open)
      log: 200 - via_upstream grpc=OK in=3 out=3 -
    `,
    })
    f.exchange('bridge: protobuf made gRPC, failed', {
      to: 'upgrades',
      send: call('application/x-protobuf', 'ask'),
      reply: grpcAnswer([], 'grpc-status: 3'),
      sees: `
      > up
      POST /pkg.Service/Method HTTP/1.1
      host: a
      content-type: application/grpc
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000
      transfer-encoding: chunked

      8
      \\x00\\x00\\x00\\x00\\x03ask
      0


      < client
      HTTP/1.1 503 Service Unavailable
      content-type: application/grpc
      x-envoy-upstream-service-time: MS
      grpc-status: 3
      content-length: 0
      date: DATE
      server: envoy

      (open)
      log: 503 - via_upstream grpc=InvalidArgument in=3 out=0 -
    `,
    })
  },
)

feature(
  'grpc_http1_reverse_bridge',
  {
    file: import.meta.url,
    listeners: [
      http('main', {
        log,
        hcm: httpFilters(['reverse', reverse, 'content_type: application/x-protobuf']) + trailers,
        routes,
      }),
    ],
    clusters,
  },
  f => {
    const answerOf = (status: number): string => plain(status, 'answer', 'application/x-protobuf')
    f.exchange('reverse: a call', {
      send: call('application/grpc+proto', frame('ask')),
      reply: answerOf(200),
      log: 1,
      sees: `
        > up
        POST /pkg.Service/Method HTTP/1.1
        host: a
        content-type: application/x-protobuf
        content-length: 8
        x-forwarded-proto: http
        x-request-id: UUID
        accept: application/x-protobuf
        x-envoy-expected-rq-timeout-ms: 15000

        \\x00\\x00\\x00\\x00\\x03ask
        < client
        HTTP/1.1 200 OK
        content-type: application/grpc+proto
        content-length: 6
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        answer
        (open)
        log: 200 - via_upstream grpc=- in=8 out=6 -
      `,
    })
    f.exchange('reverse: a failed call', {
      send: call('application/grpc', frame('ask')),
      reply: answerOf(404),
      log: 1,
      sees: `
        > up
        POST /pkg.Service/Method HTTP/1.1
        host: a
        content-type: application/x-protobuf
        content-length: 8
        x-forwarded-proto: http
        x-request-id: UUID
        accept: application/x-protobuf
        x-envoy-expected-rq-timeout-ms: 15000

        \\x00\\x00\\x00\\x00\\x03ask
        < client
        HTTP/1.1 200 OK
        content-type: application/grpc
        content-length: 6
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        answer
        (open)
        log: 200 - via_upstream grpc=- in=8 out=6 -
      `,
    })
    f.exchange('reverse: an answer of another type', {
      send: call('application/grpc', frame('ask')),
      reply: plain(200, 'answer'),
      log: 1,
      sees: `
        > up
        POST /pkg.Service/Method HTTP/1.1
        host: a
        content-type: application/x-protobuf
        content-length: 8
        x-forwarded-proto: http
        x-request-id: UUID
        accept: application/x-protobuf
        x-envoy-expected-rq-timeout-ms: 15000

        \\x00\\x00\\x00\\x00\\x03ask
        < client
        HTTP/1.1 200 OK
        content-type: application/grpc
        grpc-status: 2
        grpc-message: envoy reverse bridge: upstream responded with unsupported content-type text/plain, status code 200
        date: DATE
        server: envoy
        content-length: 0

        (open)
        log: 200 - grpc_bridge_content_type_wrong grpc=- in=8 out=0 -
      `,
    })
    f.exchange('reverse: no gRPC', {
      send: call('text/plain', 'ask'),
      reply: plain(200, 'answer'),
      log: 1,
      sees: `
      > up
      POST /pkg.Service/Method HTTP/1.1
      host: a
      content-type: text/plain
      content-length: 3
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      ask
      < client
      HTTP/1.1 200 OK
      content-type: text/plain
      content-length: 6
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      answer
      (open)
      log: 200 - via_upstream grpc=- in=3 out=6 -
    `,
    })
  },
)

feature(
  'grpc_http1_reverse_bridge without frames',
  {
    file: import.meta.url,
    listeners: [
      http('main', {
        log,
        hcm:
          httpFilters(['reverse', reverse, '{content_type: application/x-protobuf, withhold_grpc_frames: true}']) +
          trailers,
        routes,
      }),
    ],
    clusters,
  },
  f => {
    f.exchange('reverse: frames withheld', {
      send: call('application/grpc', frame('ask')),
      reply: plain(200, 'answer', 'application/x-protobuf'),
      log: 1,
      sees: `
        > up
        POST /pkg.Service/Method HTTP/1.1
        host: a
        content-type: application/x-protobuf
        content-length: 3
        x-forwarded-proto: http
        x-request-id: UUID
        accept: application/x-protobuf
        x-envoy-expected-rq-timeout-ms: 15000

        ask
        < client
        HTTP/1.1 200 OK
        content-type: application/grpc
        content-length: 11
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        \\x00\\x00\\x00\\x00\\x06answer
        (open)
        log: 200 - via_upstream grpc=- in=8 out=11 -
      `,
    })
    f.exchange('reverse: frames withheld, and a body in chunks', {
      send: call('application/grpc', frame('ask')),
      reply: `HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ntransfer-encoding: chunked\r\n\r\n${chunks('ans', 'wer')}0\r\n\r\n`,
      log: 1,
      sees: `
        > up
        POST /pkg.Service/Method HTTP/1.1
        host: a
        content-type: application/x-protobuf
        content-length: 3
        x-forwarded-proto: http
        x-request-id: UUID
        accept: application/x-protobuf
        x-envoy-expected-rq-timeout-ms: 15000

        ask
        < client
        HTTP/1.1 200 OK
        content-type: application/grpc
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy
        transfer-encoding: chunked

        b
        \\x00\\x00\\x00\\x00\\x06answer
        0
        grpc-status: 0

        (open)
        log: 200 - via_upstream grpc=- in=8 out=11 -
      `,
    })
    f.exchange('reverse: less than a frame', {
      send: call('application/grpc', 'x'),
      log: 1,
      sees: `
      < client
      HTTP/1.1 200 OK
      content-type: application/grpc
      grpc-status: 2
      grpc-message: envoy reverse bridge: upstream responded with unsupported content-type application/grpc, status code 200
      date: DATE
      server: envoy
      connection: close
      content-length: 0

      (closed)
      log: 200 - grpc_bridge_content_type_wrong grpc=- in=1 out=0 -
    `,
    })
    f.exchange('reverse: frames withheld, and a failed answer without a body', {
      send: call('application/grpc', frame('ask')),
      reply: plain(503, '', 'application/x-protobuf'),
      log: 1,
      sees: `
        > up
        POST /pkg.Service/Method HTTP/1.1
        host: a
        content-type: application/x-protobuf
        content-length: 3
        x-forwarded-proto: http
        x-request-id: UUID
        accept: application/x-protobuf
        x-envoy-expected-rq-timeout-ms: 15000

        ask
        < client
        HTTP/1.1 200 OK
        content-type: application/grpc
        content-length: 5
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        \\x00\\x00\\x00\\x00\\x00
        (open)
        log: 200 - via_upstream grpc=- in=8 out=5 -
      `,
    })
  },
)

feature(
  'grpc_http1_reverse_bridge with a header that tells the size',
  {
    file: import.meta.url,
    listeners: [
      http('main', {
        log,
        hcm:
          httpFilters([
            'reverse',
            reverse,
            '{content_type: application/x-protobuf, withhold_grpc_frames: true, response_size_header: X-Size}',
          ]) + trailers,
        routes,
      }),
    ],
    clusters,
  },
  f => {
    const answerOf = (...lines: string[]): string =>
      `HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\n${lines.map(line => `${line}\r\n`).join('')}transfer-encoding: chunked\r\n\r\n${chunks('ans', 'wer')}0\r\n\r\n`
    const told = { send: call('application/grpc', frame('ask')), log: 1 }
    f.exchange('reverse: a size told', {
      ...told,
      reply: answerOf('x-size: 6'),
      sees: `
      > up
      POST /pkg.Service/Method HTTP/1.1
      host: a
      content-type: application/x-protobuf
      content-length: 3
      x-forwarded-proto: http
      x-request-id: UUID
      accept: application/x-protobuf
      x-envoy-expected-rq-timeout-ms: 15000

      ask
      < client
      HTTP/1.1 200 OK
      content-type: application/grpc
      x-size: 6
      x-envoy-upstream-service-time: MS
      content-length: 11
      date: DATE
      server: envoy

      \\x00\\x00\\x00\\x00\\x06answer
      (open)
      log: 200 - via_upstream grpc=- in=8 out=11 -
    `,
    })
    f.exchange('reverse: no size told', {
      ...told,
      reply: answerOf(),
      sees: `
      > up
      POST /pkg.Service/Method HTTP/1.1
      host: a
      content-type: application/x-protobuf
      content-length: 3
      x-forwarded-proto: http
      x-request-id: UUID
      accept: application/x-protobuf
      x-envoy-expected-rq-timeout-ms: 15000

      ask
      < client
      HTTP/1.1 200 OK
      content-type: application/grpc
      grpc-status: 13
      grpc-message: envoy reverse bridge: upstream did not set content length
      date: DATE
      server: envoy
      content-length: 0

      (open)
      log: 200 - grpc_bridge_content_length_missing grpc=- in=8 out=0 -
    `,
    })
    f.exchange('reverse: a wrong size told', {
      ...told,
      reply: answerOf('x-size: 5'),
      sees: `
      > up
      POST /pkg.Service/Method HTTP/1.1
      host: a
      content-type: application/x-protobuf
      content-length: 3
      x-forwarded-proto: http
      x-request-id: UUID
      accept: application/x-protobuf
      x-envoy-expected-rq-timeout-ms: 15000

      ask
      < client
      HTTP/1.1 200 OK
      content-type: application/grpc
      x-size: 5
      x-envoy-upstream-service-time: MS
      content-length: 10
      date: DATE
      server: envoy

      \\x00\\x00\\x00\\x00\\x05answer
      (open)
      log: 200 - grpc_bridge_content_length_wrong grpc=- in=8 out=11 -
    `,
    })
  },
)
