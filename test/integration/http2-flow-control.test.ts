// The slower side stops the faster one, stream by stream, and other streams go on.
import { head } from '../support/bytes.js'
import { cluster, http, httpOptions } from '../support/config.js'
import { H2Client, H2Upstream } from '../support/h2-peers.js'
import { feature } from '../support/scenario.js'

let h2: H2Upstream
let sent = 0
const chunk = Buffer.alloc(64 * 1024, 'x')
const size = 64 * 1024 * 1024

/** Waits until a number has not changed for a while, after it once did. */
async function standstill(look: () => number): Promise<void> {
  for (let last = -1; last !== look() || last <= 0; ) {
    last = look()
    await new Promise(resolve => setTimeout(resolve, 250))
  }
}

const windows = 'http2_protocol_options: {initial_stream_window_size: 65535, initial_connection_window_size: 1048576}'
const routes = '[{match: {prefix: /h2}, route: {cluster: h2}}, {match: {prefix: /}, route: {cluster: up}}]'

feature(
  'flow control of HTTP/2',
  {
    file: import.meta.url,
    values: async () => {
      h2 = await H2Upstream.start()
      return { h2: h2.port }
    },
    cleanUp: () => h2.stop(),
    clusters: [
      cluster('up', ['up'], 'per_connection_buffer_limit_bytes: 32768'),
      cluster(
        'h2',
        ['h2'],
        `${httpOptions(`explicit_http_config: {${windows}}`)}\nper_connection_buffer_limit_bytes: 32768`,
      ),
    ],
    listeners: [http('main', { routes, hcm: windows, listener: 'per_connection_buffer_limit_bytes: 32768' })],
  },
  f => {
    f.scenario(
      'a stream that is not read stops its upstream, and no other stream',
      {
        sees: `
      little was taken: true
      another stream: 200 ok
      all arrived: true
    `,
      },
      async s => {
        h2.handler = (stream, request) => {
          stream.respond({ ':status': 200 })
          if (request.headers[':path'] !== '/h2/large') return void stream.end('ok')
          sent = 0
          const more = (): void => {
            while (sent < size) {
              sent += chunk.length
              if (!stream.write(chunk)) return void stream.once('drain', more)
            }
            stream.end()
          }
          more()
        }
        const c = await H2Client.connect(Number(s.value('main')), { settings: { initialWindowSize: 65535 } })
        const stream = c.session.request({ ':authority': 'a', ':path': '/h2/large' })
        stream.pause()
        await standstill(() => sent)
        s.note(`little was taken: ${sent < size / 8}`)
        const other = await c.request({ ':path': '/h2/small' })
        s.note(`another stream: ${other.status} ${other.body.toString()}`)
        let got = 0
        stream.on('data', (piece: Buffer) => {
          got += piece.length
        })
        stream.resume()
        await new Promise(resolve => stream.on('end', resolve))
        s.note(`all arrived: ${got >= size}`)
        c.close()
      },
    )
    f.scenario(
      'a request that the upstream does not read stops its client, and no other stream',
      {
        sees: `
        less than half was taken: true
        another stream: 200 ok
        200
      `,
      },
      async s => {
        s.upstream().raw()
        h2.handler = stream => {
          stream.respond({ ':status': 200 })
          stream.end('ok')
        }
        const c = await H2Client.connect(Number(s.value('main')))
        const stream = c.session.request({ ':method': 'POST', ':authority': 'a', ':path': '/' }, { endStream: false })
        const connection = await s.upstream().nextConnection()
        connection.pause()
        let taken = 0
        const more = (): void => {
          if (taken >= size) return void stream.end()
          stream.write(chunk, () => {
            taken += chunk.length
            more()
          })
        }
        more()
        await standstill(() => taken)
        s.note(`less than half was taken: ${taken < size / 2}`)
        const other = await c.request({ ':path': '/h2/small' })
        s.note(`another stream: ${other.status} ${other.body.toString()}`)
        connection.countOnly = true
        connection.resume()
        const answered = c.answer(stream)
        await connection.waitFor(
          'everything',
          () => (connection.receivedLength > size ? true : undefined),
          () => `${connection.receivedLength}`,
          30_000,
        )
        await connection.send(head('HTTP/1.1 200 OK', 'content-length: 0'))
        s.note(`${(await answered).status}`)
        c.close()
      },
    )
  },
)
