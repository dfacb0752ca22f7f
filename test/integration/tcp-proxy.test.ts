// The TCP proxy: bytes both ways, ends of connections, weighted clusters, limits, its access log and counters.
import { cluster, tcp } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'
import { poll } from '../support/wait.js'

const LOG =
  '%RESPONSE_FLAGS% in=%BYTES_RECEIVED% out=%BYTES_SENT% %UPSTREAM_CLUSTER% %PROTOCOL% %RESPONSE_CODE% %CONNECTION_TERMINATION_DETAILS%\n'
const REFUSING =
  'load_assignment: {cluster_name: refusing, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 1}}}}]}]}'

feature(
  'bytes',
  {
    file: import.meta.url,
    upstreams: ['up', 'b'],
    clusters: [
      cluster('up'),
      cluster('b'),
      cluster('empty', []),
      cluster('refusing', [], REFUSING),
      cluster('limited', ['up'], 'circuit_breakers: {thresholds: [{max_connections: 1}]}'),
    ],
    listeners: [
      tcp('main', 'cluster: up', '', LOG),
      tcp('empty', 'cluster: empty', '', LOG),
      tcp('refusing', '{cluster: refusing, max_connect_attempts: 2}', '', LOG),
      tcp('limited', 'cluster: limited', '', LOG),
      tcp('idle', '{cluster: up, idle_timeout: 0.15s}', '', LOG),
      tcp('duration', '{cluster: up, max_downstream_connection_duration: 0.2s}', '', LOG),
      tcp('weighted', '{weighted_clusters: {clusters: [{name: up, weight: 1}, {name: b, weight: 1}]}}', '', LOG),
      tcp('only', '{weighted_clusters: {clusters: [{name: up, weight: 1}]}}', '', LOG),
      tcp('fresh', '{cluster: up, access_log_options: {flush_access_log_on_connected: true}}', '', LOG),
    ],
  },
  f => {
    const opened = async (
      s: Scene,
      listener = 'main',
    ): Promise<{
      client: Awaited<ReturnType<Scene['connect']>>
      server: Awaited<ReturnType<ReturnType<Scene['upstream']>['nextConnection']>>
    }> => {
      s.upstream().raw()
      s.upstream('b').raw()
      const client = await s.connect(listener)
      return { client, server: await s.upstream().nextConnection() }
    }
    f.scenario(
      'both ways, any bytes',
      {
        sees: `
    upstream: ended
    client: closed
    < client
    to the client \\x01
    (closed)
    log: - in=20 out=15 up - 0 -
  `,
      },
      async s => {
        const { client, server } = await opened(s)
        await client.send('to the upstream \0\xff\r\n')
        await server.until('\xff\r\n')
        await server.send('to the client \x01')
        await client.until('\x01')
        client.end()
        s.note(`upstream: ${await server.closed()}`)
        s.note(`client: ${await client.closed()}`)
        s.sawAll(client)
        await s.sawLog()
      },
    )
    f.scenario(
      'the upstream may speak first',
      {
        sees: `
    < client
    220 hello
    (open)
  `,
      },
      async s => {
        const { client, server } = await opened(s)
        await server.send('220 hello\r\n')
        await client.until('hello')
        s.sawAll(client)
      },
    )
    f.scenario(
      'half-close of the client: the upstream still answers',
      {
        sees: `
    upstream: ended after question
    client: closed
    < client
    answer
    (closed)
    log: - in=8 out=6 up - 0 -
  `,
      },
      async s => {
        const { client, server } = await opened(s)
        server.holdOpen = true
        await client.send('question')
        client.end()
        s.note(`upstream: ${await server.closed()} after ${server.received.toString()}`)
        await server.send('answer')
        server.end()
        s.note(`client: ${await client.closed()}`)
        s.sawAll(client)
        await s.sawLog()
      },
    )
    f.scenario(
      'half-close of the upstream: the client may still send',
      {
        sees: `
    client: closed
    upstream: ended
    log: - in=4 out=11 up - 0 -
  `,
      },
      async s => {
        const { client, server } = await opened(s)
        server.end('that is all')
        s.note(`client: ${await client.closed()}`)
        await client.send('more')
        await server.until('more')
        client.end()
        s.note(`upstream: ${await server.closed()}`)
        await s.sawLog()
      },
    )
    f.scenario(
      'a reset by the client',
      {
        sees: `
    upstream: reset
    log: - in=1 out=0 up - 0 -
  `,
      },
      async s => {
        const { client, server } = await opened(s)
        await client.send('x')
        await server.until('x')
        client.reset()
        s.note(`upstream: ${await server.closed()}`)
        await s.sawLog()
      },
    )
    f.scenario(
      'a reset by the upstream',
      {
        sees: `
    client: reset
    log: UR in=1 out=0 up - 0 -
  `,
      },
      async s => {
        const { client, server } = await opened(s)
        await client.send('x')
        await server.until('x')
        server.reset()
        s.note(`client: ${await client.closed()}`)
        await s.sawLog()
      },
    )
    f.scenario(
      'bytes sent before the upstream connection stands',
      {
        sees: `
    arrived
  `,
      },
      async s => {
        s.upstream().raw()
        const client = await s.connect()
        await client.send('early')
        await (await s.upstream().nextConnection()).until('early')
        s.note('arrived')
      },
    )
    f.scenario(
      'the counters of one connection',
      {
        sees: `
    stat: cluster.up.upstream_cx_destroy +1
    stat: cluster.up.upstream_cx_destroy_remote +1
    stat: cluster.up.upstream_cx_destroy_remote_with_active_rq +1
    stat: cluster.up.upstream_cx_destroy_with_active_rq +1
    stat: cluster.up.upstream_cx_rx_bytes_total +3
    stat: cluster.up.upstream_cx_total +1
    stat: cluster.up.upstream_cx_tx_bytes_total +5
    stat: cluster.up.upstream_rq_pending_total +1
    stat: cluster.up.upstream_rq_total +1
    stat: listener.127.0.0.1_0.downstream_cx_destroy +1
    stat: listener.127.0.0.1_0.downstream_cx_total +1
    stat: tcp.main.downstream_cx_rx_bytes_total +5
    stat: tcp.main.downstream_cx_total +1
    stat: tcp.main.downstream_cx_tx_bytes_total +3
  `,
      },
      async s => {
        await s.stat('cluster.up.upstream_cx_active', 0) // what earlier scenarios left has ended
        await s.stat('listener.127.0.0.1_0.downstream_cx_active', 0)
        await s.statsOf(/^tcp\.main|^cluster\.up\.|^listener\.127.0.0.1_0\.downstream_cx/, async () => {
          const { client, server } = await opened(s)
          await client.send('12345')
          await server.until('12345')
          await server.send('123')
          await client.until('123')
          client.end()
          await server.closed()
          await client.closed()
        })
      },
    )
    const fails =
      (listener: string, names: RegExp) =>
      async (s: Scene): Promise<void> => {
        s.upstream().raw()
        await s.statsOf(names, async () => {
          const client = await s.connect(listener)
          s.note(`client: ${await client.closed()}`)
        })
        await s.sawLog(1, listener)
      }
    f.scenario(
      'a cluster without hosts',
      {
        sees: `
    client: closed
    stat: cluster.empty.lb_healthy_panic +1
    stat: cluster.empty.upstream_cx_none_healthy +1
    stat: tcp.empty.downstream_cx_total +1
    log: UH in=0 out=0 empty - 0 -
  `,
      },
      fails('empty', /^tcp\.empty|^cluster\.empty\./),
    )
    f.scenario(
      'an upstream that refuses',
      {
        sees: `
    client: closed
    stat: cluster.refusing.upstream_cx_connect_attempts_exceeded +1
    stat: cluster.refusing.upstream_cx_connect_fail +2
    stat: cluster.refusing.upstream_cx_destroy +2
    stat: cluster.refusing.upstream_cx_destroy_remote +2
    stat: cluster.refusing.upstream_cx_total +2
    stat: cluster.refusing.upstream_rq_pending_failure_eject +2
    stat: cluster.refusing.upstream_rq_pending_total +2
    stat: tcp.refusing.downstream_cx_total +1
    log: UF,URX in=0 out=0 refusing - 0 -
  `,
      },
      fails('refusing', /^tcp\.refusing|^cluster\.refusing\./),
    )
    f.scenario(
      'a connection beyond the circuit breaker',
      {
        sees: `
    client: closed
    stat: cluster.limited.upstream_cx_overflow +1
    stat: tcp.limited.downstream_cx_total +1
    log: UO in=0 out=0 limited - 0 -
  `,
      },
      async s => {
        await opened(s, 'limited')
        await fails('limited', /^tcp\.limited|^cluster\.limited\./)(s)
      },
    )
    f.scenario(
      'idle_timeout',
      {
        sees: `
    client: closed
    stat: tcp.idle.idle_timeout +1
    upstream: ended
    log: - in=1 out=0 up - 0 -
  `,
      },
      async s => {
        const { client, server } = await opened(s, 'idle')
        await client.send('x')
        await s.statsOf(/^tcp\.idle\.(?!.*bytes)/, async () => void s.note(`client: ${await client.closed()}`))
        s.note(`upstream: ${await server.closed()}`)
        await s.sawLog(1, 'idle')
      },
    )
    f.scenario(
      'bytes keep a connection from being idle',
      {
        sees: `
    client: open
  `,
      },
      async s => {
        const { client, server } = await opened(s, 'idle')
        for (let index = 0; index < 5; index++) {
          await new Promise(resolve => setTimeout(resolve, 70))
          await (index % 2 === 0 ? client : server).send('x')
        }
        s.note(`client: ${client.state}`)
      },
    )
    f.scenario(
      'max_downstream_connection_duration',
      {
        sees: `
    client: closed
    stat: tcp.duration.max_downstream_connection_duration +1
    log: DT in=0 out=0 up - 0 -
  `,
      },
      async s => {
        const { client } = await opened(s, 'duration')
        await s.statsOf(/^tcp\.duration\.(?!.*bytes)/, async () => void s.note(`client: ${await client.closed()}`))
        await s.sawLog(1, 'duration')
      },
    )
    f.scenario(
      'weighted clusters share the connections',
      {
        sees: `
    one took between 15 and 45 of 60: true
  `,
      },
      async s => {
        s.upstream().raw()
        s.upstream('b').raw()
        for (let index = 0; index < 60; index++) {
          const client = await s.connect('weighted')
          await client.send('x')
          await poll('a connection', () =>
            s.upstream().connections.length + s.upstream('b').connections.length > index ? true : undefined,
          )
          client.destroy()
        }
        const share = s.upstream().connections.length
        s.note(`one took between 15 and 45 of 60: ${share > 15 && share < 45}`)
      },
    )
    f.scenario(
      'one weighted cluster',
      {
        sees: `
    log: - in=1 out=0 up - 0 -
  `,
      },
      async s => {
        const { client, server } = await opened(s, 'only')
        await client.send('x')
        await server.until('x')
        client.end()
        await client.closed()
        await s.sawLog(1, 'only')
      },
    )
    f.scenario(
      'flush_access_log_on_connected writes a line at the start too',
      {
        sees: `
    log: - in=0 out=0 up - 0 -
    log: - in=1 out=0 up - 0 -
  `,
      },
      async s => {
        const { client, server } = await opened(s, 'fresh')
        await s.sawLog(1, 'fresh')
        await client.send('x')
        await server.until('x')
        client.end()
        await client.closed()
        await s.sawLog(1, 'fresh')
      },
    )
  },
)
