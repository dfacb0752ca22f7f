// TLS with what stands around it: a PROXY header before it, the filter chain chosen by the client's hello, a header in front
// of TLS towards an upstream.
import net from 'node:net'
import tls from 'node:tls'
import { parse } from 'yaml'
import { cluster, fileLog, http } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'
import { downstreamTls, Identity, upstreamTls } from '../support/tls.js'

const type = (name: string): string => `type.googleapis.com/envoy.extensions.${name}`
const direct = (text: string): object => ({
  name: 'direct',
  typed_config: {
    '@type': type('filters.network.direct_response.v3.Config'),
    response: { inline_string: text },
  },
})
const identity = new Identity()
const other = new Identity()
const inspector = { name: 'tls', typed_config: { '@type': type('filters.listener.tls_inspector.v3.TlsInspector') } }
const proxyHeader = {
  name: 'proxy',
  typed_config: { '@type': type('filters.listener.proxy_protocol.v3.ProxyProtocol') },
}
const chain = (name: string, match: object, of: Identity | undefined, alpn: readonly string[] = []): object => ({
  name,
  filter_chain_match: match,
  filters: [direct(name)],
  ...(of && { transport_socket: downstreamTls(of, alpn) }),
})

/** An upstream that wants a PROXY header, then TLS, and answers one request with the header. */
class HeaderThenTls {
  readonly #server = net.createServer(socket => this.#serve(socket))
  readonly #sockets = new Set<net.Socket>()

  async start(): Promise<number> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve))
    return (this.#server.address() as net.AddressInfo).port
  }

  stop(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #serve(socket: net.Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('readable', () => {
      const bytes = (socket.read() as Buffer | null) ?? Buffer.alloc(0)
      const end = bytes.indexOf('\r\n') + 2
      const header = bytes.subarray(0, end - 2).toString('latin1')
      if (end < bytes.length) socket.unshift(bytes.subarray(end))
      const secure = new tls.TLSSocket(socket, { isServer: true, key: identity.leaf.key, cert: identity.leaf.chain })
      secure.on('error', () => undefined)
      secure.on('data', () => {
        const body = header.replace(/ \d+ \d+$/, ' PORT PORT')
        secure.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
      })
    })
  }
}
const upstream = new HeaderThenTls()

interface Talk {
  readonly to?: string
  readonly first?: string
  readonly name?: string
  readonly alpn?: string[]
}

/** Speaks TLS with a listener, after some clear text, and notes whose certificate it saw and what it read. */
async function talk(s: Scene, { to = 'main', first = '', name, alpn = [] }: Talk): Promise<void> {
  const socket = net.connect(s.proxy.port(to), '127.0.0.1')
  if (first !== '') socket.write(first)
  const seen = await new Promise<string>(resolve => {
    const secure = tls.connect({
      socket,
      rejectUnauthorized: false,
      ...(name !== undefined && { servername: name }),
      ALPNProtocols: alpn,
    })
    let text = ''
    secure.resume() // Envoy loses what it writes before the handshake
    secure.on('secureConnect', () => {
      const peer = secure.getPeerX509Certificate()
      const whose = peer?.raw.equals(identity.leaf.der) === true ? 'one' : 'two'
      text = `certificate ${whose}, ${String(secure.alpnProtocol)}`
    })
    secure.on('end', () => resolve(text))
    secure.on('error', () => resolve(text || 'failed'))
    secure.on('close', () => resolve(text || 'closed'))
  })
  socket.destroy()
  s.note(seen)
}

feature(
  'chains and headers',
  {
    file: import.meta.url,
    listeners: [
      {
        name: 'main',
        address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
        listener_filters: [inspector],
        access_log: [
          fileLog(
            '${tmp}/main.log',
            '%REQUESTED_SERVER_NAME% %FILTER_CHAIN_NAME% %DOWNSTREAM_TLS_VERSION% %DOWNSTREAM_TLS_CIPHER% %DOWNSTREAM_LOCAL_SUBJECT% %DOWNSTREAM_LOCAL_DNS_SAN% %DOWNSTREAM_LOCAL_IP_SAN% %DOWNSTREAM_PEER_SUBJECT%\n',
          ),
        ],
        filter_chains: [
          chain('a', { server_names: ['a.example'] }, identity),
          chain('b', { server_names: ['*.b.example'] }, other),
          chain('h2', { application_protocols: ['h2'] }, identity, ['h2']),
          chain('rest', { transport_protocol: 'tls' }, other),
          chain('clear', { transport_protocol: 'raw_buffer' }, undefined),
        ],
      },
      {
        name: 'behind',
        address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
        listener_filters: [proxyHeader, inspector],
        access_log: [fileLog('${tmp}/behind.log', '%DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME%\n')],
        filter_chains: [chain('a', { server_names: ['a.example'] }, identity)],
      },
      http('on', { routes: '[{match: {prefix: /}, route: {cluster: secure}}]' }),
    ],
    clusters: [
      cluster(
        'secure',
        ['secure'],
        JSON.stringify({
          transport_socket: {
            name: 'proxy',
            typed_config: {
              '@type': type('transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport'),
              config: { version: 'V1' },
              ...(parse(upstreamTls(identity, [])) as object),
            },
          },
        }),
      ),
    ],
    values: async () => ({ secure: await upstream.start() }),
    cleanUp: async () => upstream.stop(),
  },
  f => {
    f.scenario(
      'the certificate and the chain are those of the name',
      {
        sees: `
          certificate one, false
          certificate two, false
          certificate two, false
          certificate two, false
          certificate two, false
          clear
          log: a.example a TLSv1.3 TLS_AES_256_GCM_SHA384 CN=localhost localhost,test.example 127.0.0.1 -
          log: x.b.example b TLSv1.3 TLS_AES_256_GCM_SHA384 CN=localhost localhost,test.example 127.0.0.1 -
          log: c.example rest TLSv1.3 TLS_AES_256_GCM_SHA384 CN=localhost localhost,test.example 127.0.0.1 -
          log: c.example rest TLSv1.3 TLS_AES_256_GCM_SHA384 CN=localhost localhost,test.example 127.0.0.1 -
          log: - rest TLSv1.3 TLS_AES_256_GCM_SHA384 CN=localhost localhost,test.example 127.0.0.1 -
          log: - clear - - - - - -
        `,
      },
      async s => {
        await talk(s, { name: 'a.example' })
        await talk(s, { name: 'x.b.example' })
        await talk(s, { name: 'c.example' })
        await talk(s, { name: 'c.example', alpn: ['h2'] })
        await talk(s, {})
        const client = await s.connect('main')
        await client.send('hello, in clear text')
        await client.closed()
        s.note(client.received.toString())
        await s.sawLog(6, 'main')
      },
    )
    f.scenario(
      'a PROXY header before TLS',
      {
        sees: `
      certificate one, false
      log: 1.2.3.4:1111 a.example
    `,
      },
      async s => {
        await talk(s, { to: 'behind', first: 'PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n', name: 'a.example' })
        await s.sawLog(1, 'behind')
      },
    )
    f.scenario(
      'a PROXY header before TLS to the upstream',
      {
        sees: `
      < client
      HTTP/1.1 200 OK
      content-length: 40
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      PROXY TCP4 127.0.0.1 127.0.0.1 PORT PORT
      (open)
      log: HTTP/1.1 200 - via_upstream in=0 out=40
    `,
      },
      async s => {
        await s.exchange({ to: 'on', send: 'GET / HTTP/1.1\r\nhost: a\r\n\r\n' })
      },
    )
  },
)
