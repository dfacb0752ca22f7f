// The filters about gRPC in front of a real gRPC server (grpc-js, HTTP/2), for clients of HTTP/1.1 and for a real client.
import grpc from '@grpc/grpc-js'
import { cluster, http, httpFilters, httpOptions } from '../support/config.js'
import { InteropClient, InteropServer, interopCases } from '../support/grpc-interop.js'
import { feature } from '../support/scenario.js'

const web = 'envoy.extensions.filters.http.grpc_web.v3.GrpcWeb'
const statistics = 'envoy.extensions.filters.http.grpc_stats.v3.FilterConfig'
const bridge = 'envoy.extensions.filters.http.grpc_http1_bridge.v3.Config'
const buffer = 'envoy.extensions.filters.http.buffer.v3.Buffer'

const frame = (message: string): string => `\0\0\0\0${String.fromCharCode(message.length)}${message}`
const askThree = '\x10\x03' // SimpleRequest {response_size: 3}
const call = (method: string, type: string, body: string, ...lines: string[]): string =>
  `POST /grpc.testing.TestService/${method} HTTP/1.1\r\nhost: a\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}\r\n${lines.map(line => `${line}\r\n`).join('')}\r\n${body}`
const routes = '[{match: {prefix: /}, route: {cluster: grpc}}]'
const log = '%PROTOCOL% %UPSTREAM_PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS% grpc=%GRPC_STATUS%\n'

let server: InteropServer | undefined

feature(
  'gRPC filters over HTTP/2',
  {
    file: import.meta.url,
    upstreams: [],
    values: async () => {
      server = await InteropServer.start(grpc.ServerCredentials.createInsecure())
      return { grpc: server.port }
    },
    cleanUp: async () => server?.stop(),
    listeners: [
      http('web', { log, routes, hcm: httpFilters(['web', web, '']) }),
      http('bridge', { log, routes, hcm: httpFilters(['bridge', bridge, 'upgrade_protobuf_to_grpc: true']) }),
      http('stats', {
        log,
        routes,
        hcm: `${httpFilters(['stats', statistics, 'stats_for_all_methods: true'], ['buffer', buffer, 'max_request_bytes: 10000000', 'disabled: true'])}codec_type: HTTP2\n`,
      }),
    ],
    clusters: [cluster('grpc', ['grpc'], httpOptions('explicit_http_config: {http2_protocol_options: {}}'))],
  },
  f => {
    f.exchange('h2: gRPC-Web', {
      to: 'web',
      send: call('UnaryCall', 'application/grpc-web+proto', frame(askThree)),
      sees: `
      < client
      HTTP/1.1 200 OK
      content-type: application/grpc-web+proto
      grpc-accept-encoding: identity,deflate,gzip
      grpc-encoding: identity
      date: DATE
      x-envoy-upstream-service-time: MS
      server: envoy
      transfer-encoding: chunked

      e
      \\x00\\x00\\x00\\x00\\x09\\n
      \\x07\\x08\\x00\\x12\\x03\\x00\\x00\\x00
      25
      \\x80\\x00\\x00\\x00 grpc-status:0
      grpc-message:OK

      0

      (open)
      log: HTTP/1.1 HTTP/2 200 - grpc=Unknown
    `,
    })
    f.exchange('h2: gRPC-Web as text', {
      to: 'web',
      send: call(
        'UnaryCall',
        'application/grpc-web-text',
        Buffer.from(frame(askThree), 'latin1').toString('base64'),
        'accept: application/grpc-web-text',
      ),
      sees: `
      < client
      HTTP/1.1 200 OK
      content-type: application/grpc-web-text+proto
      grpc-accept-encoding: identity,deflate,gzip
      grpc-encoding: identity
      date: DATE
      x-envoy-upstream-service-time: MS
      server: envoy
      transfer-encoding: chunked

      14
      AAAAAAkKBwgAEgMAAAA=
      34
      gAAAACBncnBjLXN0YXR1czowDQpncnBjLW1lc3NhZ2U6T0sNCg==
      0

      (open)
      log: HTTP/1.1 HTTP/2 200 - grpc=Unknown
    `,
    })
    f.exchange('h2: gRPC-Web of no such method', {
      to: 'web',
      send: call('Nothing', 'application/grpc-web+proto', frame('')),
      sees: `
      < client
      HTTP/1.1 200 OK
      grpc-status: 12
      grpc-message: The server does not implement the method /grpc.testing.TestService/Nothing
      content-type: application/grpc-web+proto
      date: DATE
      x-envoy-upstream-service-time: MS
      server: envoy
      content-length: 0

      (open)
      log: HTTP/1.1 HTTP/2 200 - grpc=Unimplemented
    `,
    })
    f.exchange('h2: a bridged call', {
      to: 'bridge',
      send: call('UnaryCall', 'application/grpc', frame(askThree)),
      sees: `
      < client
      HTTP/1.1 200 OK
      content-type: application/grpc+proto
      grpc-accept-encoding: identity,deflate,gzip
      grpc-encoding: identity
      date: DATE
      x-envoy-upstream-service-time: MS
      grpc-status: 0
      grpc-message: OK
      content-length: 14
      server: envoy

      \\x00\\x00\\x00\\x00\\x09\\n
      \\x07\\x08\\x00\\x12\\x03\\x00\\x00\\x00
      (open)
      log: HTTP/1.1 HTTP/2 200 - grpc=OK
    `,
    })
    f.exchange('h2: a bridged call of no such method', {
      to: 'bridge',
      send: call('Nothing', 'application/grpc', frame('')),
      sees: `
      < client
      HTTP/1.1 200 OK
      grpc-status: 12
      grpc-message: The server does not implement the method /grpc.testing.TestService/Nothing
      content-type: application/grpc+proto
      date: DATE
      x-envoy-upstream-service-time: MS
      server: envoy
      content-length: 0

      (open)
      log: HTTP/1.1 HTTP/2 200 - grpc=Unimplemented
    `,
    })
    f.exchange('h2: bridged protobuf', {
      to: 'bridge',
      send: call('UnaryCall', 'application/x-protobuf', askThree),
      sees: `
      < client
      HTTP/1.1 200 OK
      content-type: application/grpc+proto
      grpc-accept-encoding: identity,deflate,gzip
      grpc-encoding: identity
      date: DATE
      x-envoy-upstream-service-time: MS
      grpc-status: 0
      grpc-message: OK
      content-length: 9
      server: envoy

      \\n
      \\x07\\x08\\x00\\x12\\x03\\x00\\x00\\x00
      (open)
      log: HTTP/1.1 HTTP/2 200 - grpc=OK
    `,
    })
    f.scenario(
      'h2: statistics of a real client',
      {
        sees: `
      stat: cluster.grpc.grpc.grpc.testing.TestService.EmptyCall.0 +1
      stat: cluster.grpc.grpc.grpc.testing.TestService.EmptyCall.request_message_count +1
      stat: cluster.grpc.grpc.grpc.testing.TestService.EmptyCall.response_message_count +1
      stat: cluster.grpc.grpc.grpc.testing.TestService.EmptyCall.success +1
      stat: cluster.grpc.grpc.grpc.testing.TestService.EmptyCall.total +1
      stat: cluster.grpc.grpc.grpc.testing.TestService.FullDuplexCall.0 +1
      stat: cluster.grpc.grpc.grpc.testing.TestService.FullDuplexCall.request_message_count +4
      stat: cluster.grpc.grpc.grpc.testing.TestService.FullDuplexCall.response_message_count +4
      stat: cluster.grpc.grpc.grpc.testing.TestService.FullDuplexCall.success +1
      stat: cluster.grpc.grpc.grpc.testing.TestService.FullDuplexCall.total +1
      stat: cluster.grpc.grpc.grpc.testing.TestService.StreamingInputCall.0 +1
      stat: cluster.grpc.grpc.grpc.testing.TestService.StreamingInputCall.request_message_count +4
      stat: cluster.grpc.grpc.grpc.testing.TestService.StreamingInputCall.response_message_count +1
      stat: cluster.grpc.grpc.grpc.testing.TestService.StreamingInputCall.success +1
      stat: cluster.grpc.grpc.grpc.testing.TestService.StreamingInputCall.total +1
      stat: cluster.grpc.grpc.grpc.testing.TestService.StreamingOutputCall.0 +1
      stat: cluster.grpc.grpc.grpc.testing.TestService.StreamingOutputCall.request_message_count +1
      stat: cluster.grpc.grpc.grpc.testing.TestService.StreamingOutputCall.response_message_count +4
      stat: cluster.grpc.grpc.grpc.testing.TestService.StreamingOutputCall.success +1
      stat: cluster.grpc.grpc.grpc.testing.TestService.StreamingOutputCall.total +1
      stat: cluster.grpc.grpc.grpc.testing.TestService.UnaryCall.0 +1
      stat: cluster.grpc.grpc.grpc.testing.TestService.UnaryCall.request_message_count +1
      stat: cluster.grpc.grpc.grpc.testing.TestService.UnaryCall.response_message_count +1
      stat: cluster.grpc.grpc.grpc.testing.TestService.UnaryCall.success +1
      stat: cluster.grpc.grpc.grpc.testing.TestService.UnaryCall.total +1
    `,
      },
      async scene => {
        const client = new InteropClient(`127.0.0.1:${scene.value('stats')}`, grpc.credentials.createInsecure())
        await scene.statsOf(/cluster\.grpc\.grpc\./, async () => {
          for (const name of ['empty_unary', 'large_unary', 'client_streaming', 'server_streaming', 'ping_pong'])
            await interopCases[name]?.(client)
        })
        client.close()
      },
    )
  },
)
