// A TCP proxy whose bytes go in an HTTP request: CONNECT or POST, over HTTP/1.1.
import { tcp } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'

const log =
  '%RESPONSE_FLAGS% in=%BYTES_RECEIVED% out=%BYTES_SENT% %UPSTREAM_CLUSTER% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %RESPONSE_CODE% %CONNECTION_TERMINATION_DETAILS%\n'
const tunnel = (name: string, fields: string, more = '') =>
  tcp(name, `{cluster: up, tunneling_config: {${fields}}${more}}`, '', log)

const established = 'HTTP/1.1 200 OK\r\n\r\n'

/** The client says a word once the tunnel stands, the server answers, both end. */
async function talk(s: Scene, listener: string, answer = established): Promise<void> {
  s.upstream('up').raw()
  const client = await s.connect(listener)
  const server = await s.upstream('up').nextConnection()
  const head = await server.until('\r\n\r\n')
  s.note(`> up\n${head.replaceAll('\r', '')}`)
  await server.send(answer)
  await client.send('ping')
  s.note((await server.until('ping')).slice(head.length))
  await server.send('pong')
  s.note(await client.until('pong'))
  server.end()
  s.note(`client: ${await client.closed()}`)
  await s.sawLog(1, listener)
}

async function post(s: Scene, listener: string): Promise<void> {
  s.upstream('up').raw()
  const client = await s.connect(listener)
  const server = await s.upstream('up').nextConnection()
  const head = await server.until('\r\n\r\n')
  s.note(`> up\n${head.replaceAll('\r', '')}`)
  await server.send('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n')
  await client.send('ping')
  s.note((await server.until('ping\r\n')).slice(head.length).replaceAll('\r', ''))
  await server.send('4\r\npong\r\n')
  s.note(await client.until('pong'))
  await server.send('0\r\n\r\n')
  s.note(`client: ${await client.closed()}`)
  client.destroy()
  server.end()
  await server.closed()
}

feature(
  'tunnels of a TCP proxy',
  {
    file: import.meta.url,
    upstreams: ['up'],
    listeners: [
      tunnel('connect', 'hostname: "host.example:443"'),
      tunnel('post', 'hostname: "host.example:443", use_post: true'),
      tunnel(
        'headers',
        'hostname: "%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%:1", headers_to_add: [{header: {key: X-From, value: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"}}, {header: {key: proxy-authorization, value: "Basic x"}}]',
      ),
      tunnel('retries', 'hostname: "host.example:443"', ', max_connect_attempts: 2'),
    ],
  },
  f => {
    f.scenario(
      'CONNECT',
      {
        sees: `
      > up
      CONNECT host.example:443 HTTP/1.1
      host: host.example:443
      

      ping
      pong
      client: closed
      log: - in=4 out=4 up 1 0 -
    `,
      },
      s => talk(s, 'connect'),
    )
    f.scenario(
      'CONNECT with headers and a host made by a format',
      {
        sees: `
      > up
      CONNECT 127.0.0.1:1 HTTP/1.1
      host: 127.0.0.1:1
      x-from: 127.0.0.1
      proxy-authorization: Basic x
      

      ping
      pong
      client: closed
      log: - in=4 out=4 up 1 0 -
    `,
      },
      s => talk(s, 'headers'),
    )
    f.scenario(
      'the client ends first',
      {
        sees: `
      server: ended
      log: - in=3 out=0 up 1 0 -
    `,
      },
      async s => {
        s.upstream('up').raw()
        const client = await s.connect('connect')
        const server = await s.upstream('up').nextConnection()
        await server.until('\r\n\r\n')
        await server.send(established)
        await client.send('bye')
        await server.until('bye')
        client.end()
        s.note(`server: ${await server.closed()}`)
        await s.sawLog(1, 'connect')
      },
    )
    f.scenario(
      'refused by the other proxy',
      {
        sees: `
      client: closed
      log: UF,URX in=0 out=0 up 1 0 -
      client: closed
      log: UF,URX in=0 out=0 up 2 0 -
    `,
      },
      async s => {
        s.upstream('up').always('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n')
        for (const listener of ['connect', 'retries']) {
          const client = await s.connect(listener)
          s.note(`client: ${await client.closed()}`)
          await s.sawLog(1, listener)
        }
      },
    )
    // The last: its connection stays in the pool.
    f.scenario(
      'POST',
      {
        sees: `
      > up
      POST / HTTP/1.1
      host: host.example:443
      transfer-encoding: chunked
      

      4
      ping

      pong
      client: closed
    `,
      },
      s => post(s, 'post'),
    )
  },
)
