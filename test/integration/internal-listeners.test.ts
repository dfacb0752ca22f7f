// Internal listeners: connections of a cluster that another listener of the same process takes.
import { get, post } from '../support/bytes.js'
import { cluster, http, tcp } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'

const LOG =
  '%RESPONSE_CODE% %RESPONSE_FLAGS% %UPSTREAM_HOST% %UPSTREAM_LOCAL_ADDRESS% failure=%UPSTREAM_TRANSPORT_FAILURE_REASON%\n'
const INNER_LOG =
  '%RESPONSE_CODE% remote=%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% local=%DOWNSTREAM_LOCAL_ADDRESS% endpoint=%DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID% sni=%REQUESTED_SERVER_NAME%\n'
const INNER_TCP_LOG =
  '%RESPONSE_FLAGS% remote=%DOWNSTREAM_REMOTE_ADDRESS% local=%DOWNSTREAM_LOCAL_ADDRESS% host=%DYNAMIC_METADATA(of.host)% cluster=%DYNAMIC_METADATA(of.cluster:who)% none=%DYNAMIC_METADATA(not.passed)%\n'

const internal = 'address: null\ninternal_listener: {}'
const transports = 'type.googleapis.com/envoy.extensions.transport_sockets'
const passing = `
transport_socket:
  name: internal
  typed_config:
    "@type": ${transports}.internal_upstream.v3.InternalUpstreamTransport
    passthrough_metadata: [{kind: {host: {}}, name: of.host}, {kind: {cluster: {}}, name: of.cluster}, {kind: {host: {}}, name: missing}]
    transport_socket: {name: raw, typed_config: {"@type": ${transports}.raw_buffer.v3.RawBuffer}}
metadata: {filter_metadata: {of.cluster: {who: cluster}, not.passed: {a: b}}}
`
const to = (name: string, listener: string, more = '', endpoint = ''): ReturnType<typeof cluster> =>
  cluster(
    name,
    [],
    `load_assignment: {cluster_name: ${name}, endpoints: [{lb_endpoints: [{endpoint: {address: {envoy_internal_address: {server_listener_name: ${listener}${endpoint}}}}, metadata: {filter_metadata: {of.host: {a: [1, {b: true}]}}}}]}]}\n${more}`,
  )

/** Both ends say something, then the client ends. */
async function talk(s: Scene, listener: string): Promise<void> {
  s.upstream('up').raw()
  const client = await s.connect(listener)
  await client.send('ping')
  const server = await s.upstream('up').nextConnection()
  s.note(`server: ${await server.until('ping')}`)
  await server.send('pong')
  s.note(`client: ${await client.until('pong')}`)
  client.end()
  s.note(`server: ${await server.closed()}`)
  server.end()
  s.note(`client: ${await client.closed()}`)
}

feature(
  'internal listeners',
  {
    file: import.meta.url,
    upstreams: ['up'],
    clusters: [
      cluster('up'),
      to('inner', 'inner', '', ', endpoint_id: one'),
      to('inner-tcp', 'inner-tcp'),
      to('passing', 'inner-tcp', passing),
      to('nobody', 'nobody'),
    ],
    listeners: [
      http('main', {
        log: LOG,
        routes: `
- {match: {prefix: /inner}, route: {cluster: inner}}
- {match: {prefix: /nobody}, route: {cluster: nobody}}
`,
      }),
      tcp('tcp', '{cluster: inner-tcp}'),
      tcp('passing', '{cluster: passing}'),
      tcp('nobody', '{cluster: nobody}', '', '%RESPONSE_FLAGS% %UPSTREAM_TRANSPORT_FAILURE_REASON%\n'),
      http('inner', {
        log: INNER_LOG,
        listener: internal,
        hcm: 'use_remote_address: true',
        routes: `
- {match: {prefix: /inner/direct}, direct_response: {status: 200, body: {inline_string: direct}}}
- {match: {prefix: /}, route: {cluster: up}}
`,
      }),
      tcp('inner-tcp', '{cluster: up}', internal, INNER_TCP_LOG),
    ],
    more: `
bootstrap_extensions:
- name: envoy.bootstrap.internal_listener
  typed_config: {"@type": type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener}
`,
  },
  f => {
    f.exchange('take requests of another listener', {
      send: post('/inner', 'body'),
      sees: `
        stat: cluster.inner.upstream_cx_total +1
        stat: cluster.inner.upstream_rq_total +1
        stat: http.inner.downstream_cx_total +1
        stat: listener.envoy_internal_inner.downstream_cx_total +1
        stat: listener.envoy_internal_inner.http.inner.downstream_rq_2xx +1
        stat: listener.envoy_internal_inner.http.inner.downstream_rq_completed +1
        > up
        POST /inner HTTP/1.1
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
        log: 200 - envoy://inner/one envoy://internal_client_address/ failure=-
      `,
      stats:
        /^listener\.envoy_internal_inner\.(downstream_cx_total|http)|^cluster\.inner\.upstream_(cx|rq)_total|^http\.inner\.downstream_cx_total/,
    })
    f.scenario(
      'know where their connections come from',
      {
        sees: `
      direct
      log: 200 - envoy://inner/one envoy://internal_client_address/ failure=-
      log: 200 remote=envoy://internal_client_address/ envoy://internal_client_address/ local=envoy://inner/one endpoint=one sni=-
    `,
      },
      async s => {
        const client = await s.connect()
        await client.send(get('/inner/direct'))
        s.note((await client.response()).body.toString())
        await s.sawLog(1, 'main')
        await s.sawLog(1, 'inner')
      },
    )
    f.scenario(
      'answer with more than the buffers hold',
      {
        sees: `
      answer: 3000000 bytes
      log: 200 - envoy://inner/one envoy://internal_client_address/ failure=-
    `,
      },
      async s => {
        const size = 3_000_000
        s.upstream('up').script(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n${'x'.repeat(size)}`)
        const client = await s.connect()
        await client.send(post('/inner', 'y'.repeat(100_000)))
        s.note(`answer: ${(await client.response()).body.length} bytes`)
        await s.sawLog(1, 'main')
      },
    )
    f.scenario(
      'take bytes of another listener',
      {
        sees: `
      server: ping
      client: pong
      server: ended
      client: closed
      log: - in=4 out=4
      log: - remote=envoy://internal_client_address/ local=envoy://inner-tcp/ host=- cluster=- none=-
    `,
      },
      async s => {
        await talk(s, 'tcp')
        await s.sawLog(1, 'tcp')
        await s.sawLog(1, 'inner-tcp')
      },
    )
    f.scenario(
      'get metadata of host and cluster',
      {
        sees: `
      server: ping
      client: pong
      server: ended
      client: closed
      log: - remote=envoy://internal_client_address/ local=envoy://inner-tcp/ host={"a":[1,{"b":true}]} cluster=cluster none=-
    `,
      },
      async s => {
        await talk(s, 'passing')
        await s.sawLog(1, 'inner-tcp')
      },
    )
    f.exchange('that do not exist', {
      send: get('/nobody'),
      sees: `
      stat: cluster.nobody.upstream_cx_connect_fail +1
      stat: cluster.nobody.upstream_cx_total +1
      < client
      HTTP/1.1 503 Service Unavailable
      content-length: 98
      content-type: text/plain
      date: DATE
      server: envoy

      upstream connect error or disconnect/reset before headers. reset reason: remote connection failure
      (open)
      log: 503 UF envoy://nobody/ - failure=immediate_connect_error:_Invalid_argument|remote_address:envoy://nobody/
    `,
      stats: /^cluster\.nobody\.upstream_cx_(connect_fail|total)/,
    })
    f.scenario(
      'that do not exist, asked for by a TCP proxy',
      {
        sees: `
      client: closed
      log: UF,URX immediate_connect_error:_Invalid_argument|remote_address:envoy://nobody/
    `,
      },
      async s => {
        const client = await s.connect('nobody')
        s.note(`client: ${await client.closed()}`)
        await s.sawLog(1, 'nobody')
      },
    )
  },
)
