// use_original_dst: connections go on to the listener at the address they were meant for, which may have no socket of its own.
import { get } from '../support/bytes.js'
import { http, tcp } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'

const LOG =
  '%RESPONSE_CODE% local=%DOWNSTREAM_LOCAL_ADDRESS% direct=%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT% remote=%DOWNSTREAM_REMOTE_ADDRESS%\n'
const restoring = `use_original_dst: true
listener_filters: [{name: proxy, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol}}]`
const unbound = (ip: string, port: number, more = ''): string =>
  `bind_to_port: false\naddress: {socket_address: {address: ${ip}, port_value: ${port}}}\n${more}`
const says = (name: string, listener: string): ReturnType<typeof http> =>
  http(name, {
    log: LOG,
    listener,
    routes: `[{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: ${name}}}}]`,
  })

/** A request whose PROXY header names its destination; who answered. */
async function asks(s: Scene, destination: string, logged: string): Promise<void> {
  const client = await s.connect('front')
  const [ip = '', port = ''] = destination.split(' ')
  await client.send(`PROXY TCP4 192.0.2.1 ${ip} 1234 ${port}\r\n${get('/')}`)
  s.note((await client.response()).body.toString())
  client.end()
  await client.closed()
  await s.sawLog(1, logged)
}

feature(
  'listeners at original destinations',
  {
    file: import.meta.url,
    upstreams: ['up'],
    listeners: [
      says('front', restoring),
      says('exact', unbound('127.0.0.2', 8080)),
      says('wild', unbound('0.0.0.0', 9090)),
      says(
        'again',
        unbound(
          '127.0.0.3',
          8080,
          'listener_filters: [{name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector}}]',
        ),
      ),
      tcp('tcp', '{cluster: up}', unbound('127.0.0.4', 8080)),
    ],
  },
  f => {
    f.scenario(
      'the one that has the address',
      {
        sees: `
      exact
      log: 200 local=127.0.0.2:PORT direct=127.0.0.1 remote=192.0.2.1:1234
    `,
      },
      s => asks(s, '127.0.0.2 8080', 'exact'),
    )
    f.scenario(
      'the one that has the port',
      {
        sees: `
      wild
      log: 200 local=192.0.2.9:9090 direct=127.0.0.1 remote=192.0.2.1:1234
    `,
      },
      s => asks(s, '192.0.2.9 9090', 'wild'),
    )
    f.scenario(
      'one with listener filters of its own',
      {
        sees: `
      again
      log: 200 local=127.0.0.3:PORT direct=127.0.0.1 remote=192.0.2.1:1234
    `,
      },
      s => asks(s, '127.0.0.3 8080', 'again'),
    )
    f.scenario(
      'the one that was connected to, when there is no other',
      {
        sees: `
      front
      log: 200 local=192.0.2.9:1 direct=127.0.0.1 remote=192.0.2.1:1234
    `,
      },
      s => asks(s, '192.0.2.9 1', 'front'),
    )
    f.scenario(
      'they count their connections',
      {
        sees: `
      exact
      log: 200 local=127.0.0.2:PORT direct=127.0.0.1 remote=192.0.2.1:1234
      listener.127.0.0.2_8080.downstream_cx_total: N
      listener.127.0.0.4_8080.downstream_cx_total: 0
    `,
      },
      async s => {
        await asks(s, '127.0.0.2 8080', 'exact')
        const { body } = await s.proxy.admin('/stats?filter=^listener.127.0.0.[24]_8080.downstream_cx_total$')
        s.note(body.replaceAll(/: [1-9]\d*$/gm, ': N').trimEnd())
      },
    )
    f.scenario(
      'their addresses are told',
      {
        sees: `
      front::PORT
      exact::127.0.0.2:PORT
      wild::0.0.0.0:9090
      again::127.0.0.3:PORT
      tcp::127.0.0.4:PORT
    `,
      },
      async s => {
        const { body: pages } = await s.proxy.admin('/listeners')
        s.note(pages.replace(/^front::.*$/m, 'front::PORT').trimEnd())
      },
    )
  },
)
