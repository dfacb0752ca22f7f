// The protocol by ALPN: of clients (codec_type AUTO) and of upstreams (auto_config); names of upstreams by request.
import { stringify } from 'yaml'
import { get } from '../support/bytes.js'
import { Certificate } from '../support/certificates.js'
import { cluster, http, httpOptions } from '../support/config.js'
import { H2Client, H2Upstream, showAnswer, showRequest } from '../support/h2-peers.js'
import { type Feature, feature, type Scene } from '../support/scenario.js'

let both: H2Upstream
const own = Certificate.selfSigned({ subject: 'CN=nuncio.test', sans: ['DNS:nuncio.test', 'DNS:a'] })
const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3'
const upstreamTls = stringify({
  transport_socket: { name: 'tls', typed_config: { '@type': `${TLS}.UpstreamTlsContext` } },
})

/** A listener's filter chain in TLS with these protocols. */
function secure(listener: ReturnType<typeof http>, alpn: readonly string[]): ReturnType<typeof http> {
  const chains = listener['filter_chains'] as object[]
  const context = {
    alpn_protocols: alpn,
    tls_certificates: [{ certificate_chain: { inline_string: own.pem }, private_key: { inline_string: own.key } }],
  }
  const socket = { name: 'tls', typed_config: { '@type': `${TLS}.DownstreamTlsContext`, common_tls_context: context } }
  return { ...listener, filter_chains: chains.map(chain => ({ ...chain, transport_socket: socket })) }
}

const names = ['auto', 'one', 'two', 'sni']
const routes = `[${names.map(name => `{match: {prefix: /${name}}, route: {cluster: ${name}}}`).join(', ')}, {match: {prefix: /}, direct_response: {status: 200, body: {inline_string: hello}}}]`

async function tlsClient(s: Scene, listener = 'tls'): Promise<H2Client> {
  return H2Client.connect(Number(s.value(listener)), { rejectUnauthorized: false }, 'https')
}

feature(
  'protocols by ALPN',
  {
    file: import.meta.url,
    values: async () => {
      both = await H2Upstream.start({}, { key: own.key, cert: own.pem, allowHTTP1: true })
      return { both: both.port }
    },
    tlsUpstreams: { only1: { key: own.key, cert: own.pem } },
    cleanUp: () => both.stop(),
    clusters: [
      cluster(
        'auto',
        ['both'],
        `${httpOptions('{explicit_http_config: null, auto_config: {http_protocol_options: {}, http2_protocol_options: {}}}')}\n${upstreamTls}`,
      ),
      cluster(
        'one',
        ['only1'],
        `${httpOptions('{explicit_http_config: null, auto_config: {http_protocol_options: {}, http2_protocol_options: {}}}')}\n${upstreamTls}`,
      ),
      cluster(
        'two',
        ['both'],
        `${httpOptions('{explicit_http_config: {http2_protocol_options: {}}}')}\n${upstreamTls}`,
      ),
      cluster(
        'sni',
        ['both'],
        `${httpOptions('{explicit_http_config: {http2_protocol_options: {}}, upstream_http_protocol_options: {auto_sni: true}}')}\n${upstreamTls}`,
      ),
    ],
    listeners: [
      http('main', { routes }),
      secure(http('tls', { routes }), ['h2', 'http/1.1']),
      secure(http('old', { routes }), ['http/1.1']),
    ],
  },
  f => {
    const t: Pick<Feature, 'scenario'> = {
      scenario: (name, options, run) =>
        f.scenario(name, options, async s => {
          both.forget()
          await run(s)
        }),
    }
    t.scenario(
      'h2 agreed on',
      {
        sees: `
      :status: 200
      content-length: 5
      content-type: text/plain
      date: DATE
      server: envoy

      hello
      log: HTTP/2 200 - direct_response in=0 out=5
    `,
      },
      async s => {
        const c = await tlsClient(s)
        s.note(showAnswer(await c.request({ ':scheme': 'https' })))
        await s.sawLog(1, 'tls')
        c.close()
      },
    )
    t.scenario(
      'HTTP/1.1 agreed on, or nothing',
      {
        sees: `
      < client
      HTTP/1.1 200 OK
      content-length: 5
      content-type: text/plain
      date: DATE
      server: envoy

      hello
      (open)
      < client
      HTTP/1.1 200 OK
      content-length: 5
      content-type: text/plain
      date: DATE
      server: envoy

      hello
      (open)
      log: HTTP/1.1 200 - direct_response in=0 out=5
      log: HTTP/1.1 200 - direct_response in=0 out=5
    `,
      },
      async s => {
        for (const alpn of [['http/1.1'], []]) {
          const c = await s.connectTls({ ALPNProtocols: alpn }, 'tls')
          await c.send(get('/'))
          await c.response()
          s.sawAll(c)
        }
        await s.sawLog(2, 'tls')
      },
    )
    t.scenario(
      'an upstream that takes h2',
      {
        sees: `
      stat: cluster.auto.upstream_cx_http2_total +1
      < client
      HTTP/1.1 200 OK
      date: DATE
      x-envoy-upstream-service-time: MS
      server: envoy
      transfer-encoding: chunked

      2
      ok
      0

      (open)
      > both
      :authority: a
      :method: GET
      :path: /auto
      :scheme: http
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000
      log: HTTP/1.1 200 - via_upstream in=0 out=2
    `,
      },
      async s => {
        const c = await s.connect()
        await s.statsOf(/^cluster\.auto\.upstream_cx_(http1_total|http2_total)$/, async () => {
          await c.send(get('/auto'))
          await c.response()
        })
        s.sawAll(c)
        for (const request of both.requests) s.note(`> both\n${showRequest(request)}`)
        await s.sawLog()
      },
    )
    t.scenario(
      'an upstream that knows no h2',
      {
        sees: `
      stat: cluster.one.upstream_cx_http1_total +1
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      > only1
      GET /one HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      log: HTTP/1.1 200 - via_upstream in=0 out=2
    `,
      },
      async s => {
        const c = await s.connect()
        await s.statsOf(/^cluster\.one\.upstream_cx_(http1_total|http2_total)$/, async () => {
          await c.send(get('/one'))
          await c.response()
        })
        s.sawAll(c)
        s.sawRequests('only1')
        await s.sawLog()
      },
    )
    t.scenario(
      'HTTP/2 over TLS on both sides',
      {
        sees: `
      :status: 200
      date: DATE
      x-envoy-upstream-service-time: MS
      server: envoy

      ok
      > both
      :authority: a
      :method: POST
      :path: /two
      :scheme: https
      x-forwarded-proto: https
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      body
    `,
      },
      async s => {
        const c = await tlsClient(s)
        s.note(showAnswer(await c.request({ ':path': '/two', ':scheme': 'https', ':method': 'POST' }, 'body')))
        for (const request of both.requests) s.note(`> both\n${showRequest(request)}`)
        c.close()
      },
    )
    t.scenario(
      'auto_sni: a connection for each name',
      {
        sees: `
      stat: cluster.sni.upstream_cx_http2_total +3
      stat: cluster.sni.upstream_cx_total +3
      a.test
      b.test
      false
    `,
      },
      async s => {
        const c = await s.connect()
        await s.statsOf(/^cluster\.sni\.upstream_cx_(total|http2_total)$/, async () => {
          for (const host of ['a.test', 'b.test', 'a.test:80', '127.0.0.1']) {
            await c.send(`GET /sni HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
            await c.response(c.responses.length + 1)
          }
        })
        for (const session of both.sessions.slice(-3))
          s.note(`${(session.socket as unknown as { servername?: string | false } | undefined)?.servername}`)
      },
    )
  },
)
