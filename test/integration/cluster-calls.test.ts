// context.clusters: requests that a filter in TypeScript makes, over the worker's pools.
import type http2 from 'node:http2'
import { fileURLToPath } from 'node:url'
import { answer, get } from '../support/bytes.js'
import { cluster, http, httpOptions } from '../support/config.js'
import { silence, thenClose } from '../support/fake-upstream.js'
import { H2Upstream } from '../support/h2-peers.js'
import { feature, type Scene } from '../support/scenario.js'

const OURS = 'real Envoy has no filters in TypeScript'
const folder = fileURLToPath(new URL('../../../test/fixtures/filters', import.meta.url))

const filter = (cluster: string): string =>
  JSON.stringify({
    http_filters: [
      {
        name: 'caller',
        typed_config: {
          '@type': 'type.googleapis.com/nuncio.TypeScriptFilter',
          module: `${folder}/caller.ts`,
          config: { cluster },
        },
      },
      {
        name: 'router',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
      },
    ],
  })

/** A gRPC server without a library: frames of five bytes and a message. */
const frame = (text: string): Buffer => {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(text.length, 1)
  return Buffer.concat([head, Buffer.from(text)])
}

let grpc: H2Upstream | undefined
const startGrpc = async (): Promise<Record<string, number>> => {
  grpc = await H2Upstream.start()
  grpc.handler = (stream: http2.ServerHttp2Stream, request) => {
    const path = request.headers[':path']
    if (path === '/test.Service/Say') {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.on('end', () => stream.end(frame(`you said ${request.body.subarray(5).toString()}`)))
    } else if (path === '/test.Service/Chat') {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '7', 'grpc-message': 'no%20more' }))
      stream.write(frame('a'))
      stream.end(frame('b'))
    }
  }
  return { grpc: grpc.port }
}

const ask = async (s: Scene, ...request: Parameters<typeof get>): Promise<void> => {
  const client = await s.connect()
  await client.send(get(...request))
  await client.response()
  s.sawRequests()
  s.sawAll(client)
}

feature(
  'calls to clusters',
  {
    file: import.meta.url,
    upstreams: ['up', 'auth'],
    values: startGrpc,
    cleanUp: async () => grpc?.stop(),
    clusters: [
      cluster('up'),
      cluster('auth'),
      cluster('grpc', ['grpc'], httpOptions('explicit_http_config: {http2_protocol_options: {}}')),
      cluster(
        'refused',
        [],
        'load_assignment: {cluster_name: refused, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 1}}}}]}]}',
      ),
      cluster('empty', [], 'load_assignment: {cluster_name: empty}'),
    ],
    listeners: [http('main', { hcm: filter('auth') })],
  },
  f => {
    f.scenario(
      'head and body of an answer',
      {
        onlyNuncio: OURS,
        sees: `
      > up
      GET / HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-answer: 201 1 yes
      x-envoy-expected-rq-timeout-ms: 15000

      > auth
      GET /asked HTTP/1.1
      host: asked.example
      x-from: filter
      x-many: 1
      x-many: 2
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      x-envoy-expected-rq-timeout-ms: 1000

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
    `,
      },
      async s => {
        s.upstream('auth').script(answer(201, 'yes', 'x-b: 1'))
        await ask(s, '/')
      },
    )
    f.scenario(
      'a body',
      {
        onlyNuncio: OURS,
        sees: `
      > up
      GET / HTTP/1.1
      host: a
      x-body: hello
      x-forwarded-proto: http
      x-request-id: UUID
      x-answer: 200  ok
      x-envoy-expected-rq-timeout-ms: 15000

      > auth
      POST /asked HTTP/1.1
      host: asked.example
      content-length: 5
      x-from: filter
      x-many: 1
      x-many: 2
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      x-envoy-expected-rq-timeout-ms: 1000

      hello
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
    `,
      },
      s => ask(s, '/', 'x-body: hello'),
    )
    f.scenario(
      'a body in pieces',
      {
        onlyNuncio: OURS,
        sees: `
      > up
      GET / HTTP/1.1
      host: a
      x-stream: 3
      x-forwarded-proto: http
      x-request-id: UUID
      x-answer: 200  ok
      x-envoy-expected-rq-timeout-ms: 15000

      > auth
      POST /asked HTTP/1.1
      host: asked.example
      x-from: filter
      x-many: 1
      x-many: 2
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      x-envoy-expected-rq-timeout-ms: 1000
      transfer-encoding: chunked

      3
      xxx
      3
      xxx
      3
      xxx
      3
      xxx
      0


      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
    `,
      },
      s => ask(s, '/', 'x-stream: 3'),
    )
    f.scenario(
      'a long body in pieces',
      {
        onlyNuncio: OURS,
        sees: `
          all of it came: true
          < client
          HTTP/1.1 200 OK
          content-length: 2
          x-envoy-upstream-service-time: MS
          date: DATE
          server: envoy

          ok
          (open)
        `,
      },
      async s => {
        const client = await s.connect()
        await client.send(get('/', 'x-stream: 500000', 'x-wait: 20000'))
        await client.response()
        // With the framing of its chunks, which is a matter of the moment.
        s.note(`all of it came: ${(s.upstream('auth').requests[0]?.body.length ?? 0) > 2_000_000}`)
        s.sawAll(client)
      },
    )
    f.scenario(
      'a long answer',
      {
        onlyNuncio: OURS,
        sees: `
      > up
      GET / HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-answer: 200  3000000
      x-envoy-expected-rq-timeout-ms: 15000

    `,
      },
      async s => {
        s.upstream('auth').script(answer(200, 'y'.repeat(3_000_000)))
        const client = await s.connect()
        await client.send(get('/'))
        await client.response()
        s.sawRequests('up')
      },
    )
    f.scenario(
      'trailers',
      {
        onlyNuncio: OURS,
        sees: `
      > up
      GET / HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-answer: 200  hi
      x-envoy-expected-rq-timeout-ms: 15000

      > auth
      GET /asked HTTP/1.1
      host: asked.example
      x-from: filter
      x-many: 1
      x-many: 2
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      x-envoy-expected-rq-timeout-ms: 1000

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
    `,
      },
      async s => {
        s.upstream('auth').script('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx-t: 1\r\n\r\n')
        await ask(s, '/')
      },
    )
    f.scenario(
      'no such cluster',
      {
        onlyNuncio: OURS,
        sees: `
      < client
      HTTP/1.1 500 Internal Server Error
      content-length: 46
      content-type: text/plain
      date: DATE
      server: envoy

      no-cluster | NC | there is no cluster 'nobody'
      (open)
    `,
      },
      s => ask(s, '/', 'x-cluster: nobody'),
    )
    f.scenario(
      'a cluster without hosts',
      {
        onlyNuncio: OURS,
        sees: `
      < client
      HTTP/1.1 500 Internal Server Error
      content-length: 76
      content-type: text/plain
      date: DATE
      server: envoy

      unavailable | UH | no_healthy_upstream | no answer: no_healthy_upstream (UH)
      (open)
    `,
      },
      s => ask(s, '/', 'x-cluster: empty'),
    )
    f.scenario(
      'nobody listens',
      {
        onlyNuncio: OURS,
        sees: `
      < client
      HTTP/1.1 500 Internal Server Error
      content-length: 252
      content-type: text/plain
      date: DATE
      server: envoy

      unavailable | UF | upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused} | no answer: upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused} (UF)
      (open)
    `,
      },
      s => ask(s, '/', 'x-cluster: refused'),
    )
    f.scenario(
      'no answer in time',
      {
        onlyNuncio: OURS,
        sees: `
      > auth
      GET /asked HTTP/1.1
      host: asked.example
      x-from: filter
      x-many: 1
      x-many: 2
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      x-envoy-expected-rq-timeout-ms: 30

      < client
      HTTP/1.1 500 Internal Server Error
      content-length: 74
      content-type: text/plain
      date: DATE
      server: envoy

      timeout | UT | response_timeout | no answer in time: response_timeout (UT)
      (open)
      stat: caller.calls +1
      stat: cluster.auth.upstream_rq_timeout +1
      stat: http.async-client.rq_total +1
    `,
      },
      async s => {
        s.upstream('auth').script(silence)
        await s.statsOf(/^cluster\.auth\.upstream_rq_timeout|^caller|^http\.async-client\.rq_total/, () =>
          ask(s, '/', 'x-wait: 30'),
        )
      },
    )
    f.scenario(
      'a body that never ends',
      {
        onlyNuncio: OURS,
        sees: `
      < client
      HTTP/1.1 500 Internal Server Error
      content-length: 83
      content-type: text/plain
      date: DATE
      server: envoy

      timeout | UT | response_timeout | no answer in time: the request was not sent whole
      (open)
    `,
      },
      async s => {
        const client = await s.connect()
        await client.send(get('/', 'x-endless: 1', 'x-wait: 30'))
        await client.response()
        s.sawAll(client)
        await s.stat('cluster.auth.upstream_rq_active', 0)
      },
    )
    f.scenario(
      'closed without an answer',
      {
        onlyNuncio: OURS,
        sees: `
      > auth
      GET /asked HTTP/1.1
      host: asked.example
      x-from: filter
      x-many: 1
      x-many: 2
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      x-envoy-expected-rq-timeout-ms: 1000

      < client
      HTTP/1.1 500 Internal Server Error
      content-length: 162
      content-type: text/plain
      date: DATE
      server: envoy

      unavailable | UC | upstream_reset_before_response_started{connection_termination} | no answer: upstream_reset_before_response_started{connection_termination} (UC)
      (open)
    `,
      },
      async s => {
        s.upstream('auth').script(thenClose())
        await ask(s, '/')
      },
    )
    f.scenario(
      'an answer cut short',
      {
        onlyNuncio: OURS,
        sees: `
      > auth
      GET /asked HTTP/1.1
      host: asked.example
      x-from: filter
      x-many: 1
      x-many: 2
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      x-envoy-expected-rq-timeout-ms: 1000

      < client
      HTTP/1.1 500 Internal Server Error
      content-length: 145
      content-type: text/plain
      date: DATE
      server: envoy

      reset | UPE | upstream_reset_after_response_started{protocol_error} | the answer broke off: upstream_reset_after_response_started{protocol_error}
      (open)
    `,
      },
      async s => {
        s.upstream('auth').script(thenClose('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhi'))
        await ask(s, '/')
      },
    )
    f.scenario(
      'the client leaves: so does the call',
      {
        onlyNuncio: OURS,
        sees: `
      ended
    `,
      },
      async s => {
        s.upstream('auth').script(silence)
        const client = await s.connect()
        await client.send(get('/'))
        const asked = await s.upstream('auth').nextRequest()
        client.destroy()
        s.note(await asked.connection.closed())
        await s.stat('cluster.auth.upstream_rq_active', 0)
      },
    )
    f.scenario(
      'gRPC',
      {
        onlyNuncio: OURS,
        sees: `
      < client
      HTTP/1.1 200 OK
      content-length: 16
      content-type: text/plain
      date: DATE
      server: envoy

      you said hello 0
      (open)
      {":method":"POST",":path":"/test.Service/Say",":authority":"A",":scheme":"http","te":"trailers","grpc-timeout":"1000m","content-type":"application/grpc","x-envoy-internal":"true","x-forwarded-for":"LOCAL","x-envoy-expected-rq-timeout-ms":"1000"}
    `,
      },
      async s => {
        await ask(s, '/grpc', 'x-cluster: grpc')
        s.note(
          JSON.stringify(grpc?.requests[0]?.headers, (name, value: unknown) => (name === ':authority' ? 'A' : value)),
        )
      },
    )
    f.scenario(
      'gRPC, many messages and an error',
      {
        onlyNuncio: OURS,
        sees: `
      < client
      HTTP/1.1 500 Internal Server Error
      content-length: 11
      content-type: text/plain
      date: DATE
      server: envoy

      7 | no more
      (open)
    `,
      },
      s => ask(s, '/grpc-stream', 'x-cluster: grpc'),
    )
    f.scenario(
      'gRPC, no server',
      {
        onlyNuncio: OURS,
        sees: `
      < client
      HTTP/1.1 500 Internal Server Error
      content-length: 252
      content-type: text/plain
      date: DATE
      server: envoy

      unavailable | UF | upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused} | no answer: upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused} (UF)
      (open)
    `,
      },
      s => ask(s, '/grpc', 'x-cluster: refused'),
    )
  },
)
