// Tunnels of a TCP proxy over HTTP/2, statuses other than 200, and which host a tunnel goes to.
import { stringify } from 'yaml'
import { cluster, httpOptions, tcp } from '../support/config.js'
import { H2Upstream, showRequest } from '../support/h2-peers.js'
import { feature, type Scene } from '../support/scenario.js'
import { poll } from '../support/wait.js'

let h2: H2Upstream

const log =
  '%RESPONSE_FLAGS% in=%BYTES_RECEIVED% out=%BYTES_SENT% %UPSTREAM_CLUSTER% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %RESPONSE_CODE% %CONNECTION_TERMINATION_DETAILS%\n'
const tunnel = (name: string, fields: string, more = ''): ReturnType<typeof tcp> =>
  tcp(name, `{cluster: up, tunneling_config: {${fields}}${more}}`, '', log)
const host = 'hostname: "host.example:443"'

/** A STATIC cluster of several upstreams, each a subset of its own. */
const subsets = cluster(
  'subsets',
  [],
  stringify({
    lb_subset_config: { fallback_policy: 'NO_FALLBACK', subset_selectors: [{ keys: ['who'] }] },
    load_assignment: {
      cluster_name: 'subsets',
      endpoints: [
        {
          lb_endpoints: ['up', 'other'].map(who => ({
            endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: `\${${who}}` } } },
            metadata: { filter_metadata: { 'envoy.lb': { who } } },
          })),
        },
      ],
    },
  }),
)

/** The tunnel's request, an answer, and what the client has of it. */
async function answered(s: Scene, listener: string, answer: string): Promise<void> {
  s.upstream('up').raw()
  const client = await s.connect(listener)
  const server = await s.upstream('up').nextConnection()
  await server.until('\r\n\r\n')
  await server.send(answer)
  // Who sends to a tunnel that is not there is reset or closed, as it happens.
  if (answer.startsWith('HTTP/1.1 2')) await client.send('ping')
  else server.end()
  s.note(`client: ${await Promise.race([client.until('pong'), client.closed()])}`)
  client.destroy()
  server.destroy()
  await s.sawLog(1, listener)
}

async function overHttp2(s: Scene, listener: string): Promise<void> {
  h2.forget()
  h2.handler = stream => {
    stream.respond({ ':status': 200 })
    stream.on('data', (piece: Buffer) => {
      if (piece.toString() === 'ping') stream.write('pong')
    })
    stream.on('end', () => stream.end('bye'))
  }
  const client = await s.connect(listener)
  await client.send('ping')
  s.note(await client.until('pong'))
  client.end()
  await client.until('bye')
  s.note(`client: ${await client.closed()}`)
  const [request] = h2.requests
  if (request) s.note(showRequest(request))
  await s.sawLog(1, listener)
}

feature(
  'where tunnels of a TCP proxy go',
  {
    file: import.meta.url,
    upstreams: ['up', 'other'],
    values: async () => {
      h2 = await H2Upstream.start({ settings: { enableConnectProtocol: true } })
      return { h2: h2.port }
    },
    cleanUp: () => h2.stop(),
    clusters: [
      cluster('up'),
      cluster('h2', ['h2'], httpOptions('{explicit_http_config: {http2_protocol_options: {allow_connect: true}}}')),
      subsets,
    ],
    listeners: [
      tunnel('connect', host),
      tunnel('post', `${host}, use_post: true`),
      tcp('h2-connect', `{cluster: h2, tunneling_config: {${host}}}`, '', log),
      tcp('h2-post', `{cluster: h2, tunneling_config: {${host}, use_post: true, post_path: /there}}`, '', log),
      tcp('h2-retries', `{cluster: h2, tunneling_config: {${host}}, max_connect_attempts: 2}`, '', log),
      tcp(
        'subset',
        `{cluster: subsets, metadata_match: {filter_metadata: {envoy.lb: {who: other}}}, tunneling_config: {${host}}}`,
        '',
        log,
      ),
      tcp(
        'no-subset',
        `{cluster: subsets, metadata_match: {filter_metadata: {envoy.lb: {who: nobody}}}, tunneling_config: {${host}}}`,
        '',
        log,
      ),
    ],
  },
  f => {
    f.scenario(
      'CONNECT answered 201',
      {
        sees: `
      client: pong
      log: - in=4 out=4 up 1 0 -
    `,
      },
      s => answered(s, 'connect', 'HTTP/1.1 201 Made\r\n\r\npong'),
    )
    f.scenario(
      'CONNECT answered 299',
      {
        sees: `
      client: pong
      log: - in=4 out=4 up 1 0 -
    `,
      },
      s => answered(s, 'connect', 'HTTP/1.1 299 Odd\r\n\r\npong'),
    )
    f.scenario(
      'CONNECT answered 204',
      {
        sees: `
      client: pong
      log: - in=4 out=4 up 1 0 -
    `,
      },
      s => answered(s, 'connect', 'HTTP/1.1 204 No\r\n\r\npong'),
    )
    f.scenario(
      'POST answered 201',
      {
        sees: `
      client: pong
      log: - in=4 out=4 up 1 0 -
    `,
      },
      s => answered(s, 'post', 'HTTP/1.1 201 Made\r\ntransfer-encoding: chunked\r\n\r\n4\r\npong\r\n'),
    )
    f.scenario(
      'POST answered 302',
      {
        sees: `
      client: closed
      log: UF,URX in=0 out=0 up 1 0 -
    `,
      },
      s => answered(s, 'post', 'HTTP/1.1 302 No\r\ncontent-length: 0\r\n\r\n'),
    )
    f.scenario(
      'CONNECT over HTTP/2',
      {
        sees: `
      pong
      client: closed
      :authority: host.example:443
      :method: CONNECT

      ping
      log: - in=4 out=7 h2 1 0 -
    `,
      },
      s => overHttp2(s, 'h2-connect'),
    )
    f.scenario(
      'POST over HTTP/2',
      {
        sees: `
      pong
      client: closed
      :authority: host.example:443
      :method: POST
      :path: /there
      :scheme: http

      ping
      log: - in=4 out=7 h2 1 0 -
    `,
      },
      s => overHttp2(s, 'h2-post'),
    )
    f.scenario(
      'CONNECT over HTTP/2 answered 201',
      {
        sees: `
      client: closed
      log: UF,URX in=0 out=0 h2 1 0 -
    `,
      },
      async s => {
        h2.forget()
        h2.handler = stream => {
          stream.respond({ ':status': 201 })
        }
        const client = await s.connect('h2-connect')
        s.note(`client: ${await client.closed()}`)
        await s.sawLog(1, 'h2-connect')
      },
    )
    f.scenario(
      'CONNECT over HTTP/2 refused, and tried once more',
      {
        sees: `
      pong
      client: closed
      log: UF in=0 out=4 h2 2 0 -
    `,
      },
      async s => {
        h2.forget()
        h2.handler = stream => {
          stream.respond({ ':status': h2.requests.length === 1 ? 503 : 200 })
          if (h2.requests.length === 1) stream.end()
          else stream.end('pong')
        }
        const client = await s.connect('h2-retries')
        s.note(await client.until('pong'))
        s.note(`client: ${await client.closed()}`)
        client.destroy()
        await s.sawLog(1, 'h2-retries')
      },
    )
    f.scenario(
      'CONNECT over HTTP/2 reset by the server',
      {
        sees: `
      client: closed
      log: - in=4 out=0 h2 1 0 -
    `,
      },
      async s => {
        h2.forget()
        h2.handler = stream => {
          stream.respond({ ':status': 200 })
          stream.on('data', () => stream.close(2))
        }
        const client = await s.connect('h2-connect')
        await client.send('ping')
        s.note(`client: ${await client.closed()}`)
        await s.sawLog(1, 'h2-connect')
      },
    )
    f.scenario(
      'the client of a tunnel over HTTP/2 resets',
      {
        sees: `
      stream: 2
      log: - in=0 out=5 h2 1 0 -
    `,
      },
      async s => {
        h2.forget()
        h2.handler = stream => {
          stream.respond({ ':status': 200 })
          stream.write('hello')
        }
        const client = await s.connect('h2-connect')
        await client.until('hello')
        client.reset()
        const rst = await poll('the end of the stream', () => h2.requests[0]?.rst)
        s.note(`stream: ${rst}`)
        await s.sawLog(1, 'h2-connect')
      },
    )
    f.scenario(
      'the host that metadata_match wants',
      {
        sees: `
      other
      client: closed
      log: - in=0 out=5 subsets 1 0 -
    `,
      },
      async s => {
        s.upstream('up').raw()
        s.upstream('other').raw()
        const client = await s.connect('subset')
        const server = await s.upstream('other').nextConnection()
        await server.until('\r\n\r\n')
        await server.send('HTTP/1.1 200 OK\r\n\r\nother')
        s.note(await client.until('other'))
        server.end()
        s.note(`client: ${await client.closed()}`)
        await s.sawLog(1, 'subset')
      },
    )
    f.scenario(
      'no host is as metadata_match wants',
      {
        sees: `
      client: closed
      log: UH in=0 out=0 subsets 0 0 -
    `,
      },
      async s => {
        const client = await s.connect('no-subset')
        s.note(`client: ${await client.closed()}`)
        await s.sawLog(1, 'no-subset')
      },
    )
  },
)
