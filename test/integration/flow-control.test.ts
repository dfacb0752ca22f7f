// The slower side stops the faster one.
import { answer, get, head } from '../support/bytes.js'
import { cluster, http } from '../support/config.js'
import { feature } from '../support/scenario.js'

/** Waits until a number has not changed for a while, after it once did. */
async function standstill(look: () => number): Promise<void> {
  for (let last = -1; last !== look() || last <= 0; ) {
    last = look()
    await new Promise(resolve => setTimeout(resolve, 250))
  }
}

feature(
  'flow control',
  {
    file: import.meta.url,
    clusters: [cluster('up', ['up'], 'per_connection_buffer_limit_bytes: 32768')],
    listeners: [http('main', { listener: 'per_connection_buffer_limit_bytes: 32768' })],
  },
  f => {
    f.scenario(
      'a client that does not read stops the upstream being read',
      {
        sees: `
    reading was paused: true
    the client's side too: false
    less than half was taken: true
    all arrived
  `,
      },
      async s => {
        const size = 96 * 1024 * 1024 // well beyond what the kernel keeps for two connections
        let sent = 0
        s.upstream().script(async connection => {
          await connection.send(head('HTTP/1.1 200 OK', `content-length: ${size}`))
          const chunk = Buffer.alloc(256 * 1024, 'x')
          while (sent < size) {
            sent += chunk.length
            await connection.send(chunk)
          }
        })
        const client = await s.connect()
        client.pause()
        await client.send(get('/'))
        await standstill(() => sent)
        const stats = await s.proxy.stats()
        s.note(`reading was paused: ${(stats.get('cluster.up.upstream_flow_control_paused_reading_total') ?? 0) > 0}`)
        s.note(
          `the client's side too: ${(stats.get('http.main.downstream_flow_control_paused_reading_total') ?? 0) > 0}`,
        )
        s.note(`less than half was taken: ${sent < size / 2}`)
        client.countOnly = true
        client.resume()
        await client.waitFor(
          'everything',
          () => (client.receivedLength > size ? true : undefined),
          () => `${client.receivedLength}`,
          30_000,
        )
        s.note('all arrived')
      },
    )
    f.scenario(
      'an upstream that does not read stops the client being read',
      {
        sees: `
    reading was paused: true
    less than half was taken: true
    done
  `,
      },
      async s => {
        const size = 96 * 1024 * 1024 // well beyond what the kernel keeps for two connections
        s.upstream().raw()
        const client = await s.connect()
        await client.send(head('POST / HTTP/1.1', 'host: a', `content-length: ${size}`))
        const connection = await s.upstream().nextConnection()
        connection.pause()
        let sent = 0
        const sending = async (): Promise<void> => {
          const chunk = Buffer.alloc(256 * 1024, 'y')
          for (; sent < size; sent += chunk.length) await client.send(chunk)
        }
        const all = sending()
        await standstill(() => sent)
        const stats = await s.proxy.stats()
        s.note(`reading was paused: ${(stats.get('http.main.downstream_flow_control_paused_reading_total') ?? 0) > 0}`)
        s.note(`less than half was taken: ${sent < size / 2}`)
        connection.countOnly = true
        connection.resume()
        await connection.waitFor(
          'everything',
          () => (connection.receivedLength > size ? true : undefined),
          () => `${connection.receivedLength}`,
          30_000,
        )
        await all
        await connection.send(answer(200, 'done'))
        s.note((await client.response()).body.toString())
      },
    )
  },
)
