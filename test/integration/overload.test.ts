// The limit of connections of the whole process (envoy.resource_monitors.global_downstream_max_connections).
import { get } from '../support/bytes.js'
import { cluster, http } from '../support/config.js'
import { feature } from '../support/scenario.js'

const direct = '[{match: {prefix: /}, direct_response: {status: 200}}]'

feature(
  'connections of all listeners',
  {
    file: import.meta.url,
    fresh: true,
    listeners: [
      http('main', { routes: direct, listener: 'stat_prefix: main' }),
      http('other', { routes: direct }),
      http('free', { routes: direct, listener: 'ignore_global_conn_limit: true' }),
    ],
    clusters: [cluster('up')],
    more: `
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}, ignore_global_conn_limit: true}
overload_manager:
  resource_monitors:
  - name: envoy.resource_monitors.global_downstream_max_connections
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig
      max_active_downstream_connections: 2`,
  },
  f => {
    f.scenario(
      'the third connection is closed at once',
      {
        sees: `
      < third
      (closed)
      a listener that is not counted: open
    `,
      },
      async s => {
        const held = [await s.connect('main'), await s.connect('other')]
        for (const client of held) {
          await client.send(get('/'))
          await client.response()
        }
        const third = await s.connect('main')
        await third.closed()
        s.sawAll(third, 'third')
        await s.stat('listener.main.downstream_global_cx_overflow', 1)
        const free = await s.connect('free')
        await free.send(get('/'))
        await free.response()
        s.note(`a listener that is not counted: ${free.state}`)
      },
    )

    f.scenario(
      'one that ends makes room',
      {
        sees: `
      third: open
    `,
      },
      async s => {
        const first = await s.connect('main')
        const second = await s.connect('main')
        await second.send(get('/'))
        await second.response()
        first.end()
        await first.closed()
        await s.stat('listener.main.downstream_cx_active', 1)
        const third = await s.connect('main')
        await third.send(get('/'))
        await third.response()
        s.note(`third: ${third.state}`)
      },
    )
  },
)
