// Listeners: addresses, unix sockets, filter chains, limits; and connections before any request.
import { existsSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { get } from '../support/bytes.js'
import { cluster, fileLog, http, tcp } from '../support/config.js'
import { FakeUpstream } from '../support/fake-upstream.js'
import type { RawClient } from '../support/raw-client.js'
import { feature, type Scene } from '../support/scenario.js'
import { poll } from '../support/wait.js'

const direct = (text: string): string =>
  `[{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: "${text}"}}}]`
const says = async (client: RawClient): Promise<string> => {
  await client.send(get('/'))
  return (await client.response()).body.toString()
}
const chain = (text: string, match: string): string => {
  const listener = http(text, { routes: direct(text) }) as { filter_chains: { filters: unknown }[] }
  return JSON.stringify({
    name: text,
    filters: listener.filter_chains[0]?.filters,
    filter_chain_match: match === '' ? undefined : JSON.parse(match),
  })
}

feature(
  'addresses',
  {
    file: import.meta.url,
    listeners: [
      http('main', { routes: direct('main') }),
      http('six', { routes: direct('six'), listener: 'address: {socket_address: {address: "::1", port_value: 0}}' }),
      http('any', { routes: direct('any'), listener: 'address: {socket_address: {address: 0.0.0.0, port_value: 0}}' }),
      http('dual', {
        routes: direct('dual'),
        listener: 'address: {socket_address: {address: "::", port_value: 0, ipv4_compat: true}}',
      }),
      http('pipe', { routes: direct('pipe'), listener: 'address: {pipe: {path: "${tmp}/pipe.sock", mode: 384}}' }),
      http('abstract', { routes: direct('abstract'), listener: 'address: {pipe: {path: "@${abstract}"}}' }),
      http('two', {
        routes: direct('two'),
        listener: 'additional_addresses: [{address: {socket_address: {address: 127.0.0.2, port_value: 0}}}]',
      }),
      http('options', {
        routes: direct('options'),
        listener:
          '{tcp_backlog_size: 7, tcp_keepalive: {keepalive_time: 30, keepalive_interval: 5, keepalive_probes: 3}, socket_options: [{level: 1, name: 8, int_value: 65536, state: STATE_PREBIND}], tcp_fast_open_queue_length: 5}',
      }),
      http('freebind', {
        routes: direct('freebind'),
        listener: '{freebind: true, address: {socket_address: {address: 192.0.2.77, port_value: 0}}}',
      }),
      http('toupstream', { routes: '[{match: {prefix: /}, route: {cluster: udsup}}]' }),
      http('where', {
        log: '%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%\n',
        routes: direct('where'),
        listener: 'address: {pipe: {path: "${tmp}/where.sock"}}',
        hcm: 'use_remote_address: true',
      }),
    ],
    clusters: [
      cluster('up'),
      cluster(
        'udsup',
        [],
        'load_assignment: {cluster_name: udsup, endpoints: [{lb_endpoints: [{endpoint: {address: {pipe: {path: "${tmp}/upstream.sock"}}}}]}]}',
      ),
    ],
    values: async () => ({ abstract: `nuncio-test-${process.pid}-${Date.now()}` }),
  },
  f => {
    f.scenario(
      'IPv4 loopback',
      {
        sees: `
    main
  `,
      },
      async s => s.note(await says(await s.connect())),
    )
    f.scenario(
      'IPv6 loopback',
      {
        sees: `
    six
  `,
      },
      async s => s.note(await says(await s.connectTo({ port: s.proxy.port('six'), host: '::1' }))),
    )
    f.scenario(
      'every IPv4 address',
      {
        sees: `
    any
  `,
      },
      async s => s.note(await says(await s.connectTo({ port: s.proxy.port('any'), host: '127.0.0.5' }))),
    )
    f.scenario(
      'one socket for both families',
      {
        sees: `
    dual
    dual
  `,
      },
      async s => {
        s.note(await says(await s.connectTo({ port: s.proxy.port('dual'), host: '127.0.0.1' })))
        s.note(await says(await s.connectTo({ port: s.proxy.port('dual'), host: '::1' })))
      },
    )
    f.scenario(
      'a unix socket, with its mode',
      {
        sees: `
    pipe
    600
  `,
      },
      async s => {
        const at = path.join(s.folder, 'pipe.sock')
        s.note(await says(await s.connectTo({ path: at })))
        s.note((statSync(at).mode & 0o777).toString(8))
      },
    )
    f.scenario(
      'an abstract unix socket',
      {
        sees: `
    true
  `,
      },
      async s => {
        // Node pads an abstract name to its full length, so it cannot connect here; the kernel's list tells.
        s.note(String(readFileSync('/proc/net/unix', 'latin1').includes(` @${s.value('abstract')}\n`)))
      },
    )
    f.scenario(
      'addresses of unix peers',
      {
        sees: `
    where
    log: $tmp/where.sock $tmp/where.sock
  `,
      },
      async s => {
        s.note(await says(await s.connectTo({ path: path.join(s.folder, 'where.sock') })))
        await s.sawLog(1, 'where')
      },
    )
    f.scenario(
      'a second address of one listener',
      {
        sees: `
    two
    127.0.0.2: two
  `,
      },
      async s => {
        s.note(await says(await s.connect('two')))
        const { body } = await s.proxy.admin('/listeners?format=json')
        const statuses = JSON.parse(body).listener_statuses as {
          name: string
          additional_local_addresses?: { socket_address: { address: string; port_value: number } }[]
        }[]
        const other = statuses.find(status => status.name === 'two')?.additional_local_addresses?.[0]?.socket_address
        s.note(
          `${other?.address}: ${await says(await s.connectTo({ host: other?.address ?? '', port: other?.port_value ?? 0 }))}`,
        )
      },
    )
    f.scenario(
      'socket options, keepalive and backlog are taken',
      {
        sees: `
    options
  `,
      },
      async s => s.note(await says(await s.connect('options'))),
    )
    f.scenario(
      'freebind binds an address that is not there',
      {
        sees: `
    true
  `,
      },
      async s => s.note(String(s.proxy.address('freebind').startsWith('192.0.2.77:'))),
    )
    f.scenario(
      '/listeners names them all',
      {
        sees: `
    main::127.0.0.1:PORT
    six::[::1]:PORT
    any::0.0.0.0:PORT
    dual::[::]:PORT
    pipe::$tmp/pipe.sock
    abstract::@ABSTRACT
    two::127.0.0.1:PORT
    two::127.0.0.2:PORT
    options::127.0.0.1:PORT
    freebind::192.0.2.77:PORT
    toupstream::127.0.0.1:PORT
    where::$tmp/where.sock

  `,
      },
      async s => {
        const { body } = await s.proxy.admin('/listeners')
        s.note(body.replaceAll(String(s.value('abstract')), 'ABSTRACT').replace(/:\d+$/gm, ':PORT'))
      },
    )
    f.scenario(
      'an upstream behind a unix socket',
      {
        sees: `
    HTTP/1.1 200 OK
    udsup::$tmp/upstream.sock::cx_total::1
    udsup::$tmp/upstream.sock::hostname::
    udsup::$tmp/upstream.sock::health_flags::healthy
  `,
      },
      async s => {
        const upstream = await FakeUpstream.start('uds', { path: path.join(s.folder, 'upstream.sock') })
        const client = await s.connect('toupstream')
        await client.send(get('/'))
        s.note((await client.response()).startLine)
        s.note(
          (await s.proxy.admin('/clusters')).body
            .split('\n')
            .filter(line => line.includes('upstream.sock') && /health_flags|hostname|cx_total/.test(line))
            .join('\n'),
        )
        await upstream.stop()
      },
    )
    f.scenario(
      'counters carry the address',
      {
        sees: `
    listener.$tmp/pipe.sock.downstream_cx_total: N
    listener.$tmp/pipe.sock.worker_0.downstream_cx_total: N
    listener.$tmp/where.sock.downstream_cx_total: N
    listener.$tmp/where.sock.worker_0.downstream_cx_total: N
    listener.0.0.0.0_0.downstream_cx_total: N
    listener.0.0.0.0_0.worker_0.downstream_cx_total: N
    listener.127.0.0.1_0.downstream_cx_total: N
    listener.127.0.0.1_0.worker_0.downstream_cx_total: N
    listener.192.0.2.77_0.downstream_cx_total: N
    listener.192.0.2.77_0.worker_0.downstream_cx_total: N
    listener.@ABSTRACT.downstream_cx_total: N
    listener.@ABSTRACT.worker_0.downstream_cx_total: N
    listener.[__1]_0.downstream_cx_total: N
    listener.[__1]_0.worker_0.downstream_cx_total: N
    listener.[__]_0.downstream_cx_total: N
    listener.[__]_0.worker_0.downstream_cx_total: N
    listener.admin.downstream_cx_total: N
    listener.admin.main_thread.downstream_cx_total: N

  `,
      },
      async s => {
        const { body } = await s.proxy.admin('/stats?filter=^listener.*downstream_cx_total')
        s.note(body.replaceAll(String(s.value('abstract')), 'ABSTRACT').replace(/: \d+$/gm, ': N'))
      },
    )
  },
)

feature(
  'filter chains',
  {
    file: import.meta.url,
    listeners: [
      {
        name: 'match',
        address: { socket_address: { address: '0.0.0.0', port_value: 0 } },
        access_log: [
          {
            name: 'l',
            typed_config: {
              '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
              path: '${tmp}/match.log',
              log_format: {
                text_format_source: {
                  inline_string:
                    '%START_TIME(%s%3f)% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% %FILTER_CHAIN_NAME%\n',
                },
              },
            },
          },
        ],
        filter_chains: [
          chain('by destination', '{"prefix_ranges": [{"address_prefix": "127.0.0.2", "prefix_len": 32}]}'),
          chain('by wider destination', '{"prefix_ranges": [{"address_prefix": "127.0.0.0", "prefix_len": 24}]}'),
          chain(
            'by source',
            '{"prefix_ranges": [{"address_prefix": "127.0.1.0", "prefix_len": 24}], "source_prefix_ranges": [{"address_prefix": "127.0.0.9", "prefix_len": 32}]}',
          ),
          chain(
            'by direct source',
            '{"prefix_ranges": [{"address_prefix": "127.0.2.0", "prefix_len": 24}], "direct_source_prefix_ranges": [{"address_prefix": "127.0.0.9", "prefix_len": 32}]}',
          ),
          chain(
            'local source',
            '{"prefix_ranges": [{"address_prefix": "127.0.3.0", "prefix_len": 24}], "source_type": "SAME_IP_OR_LOOPBACK"}',
          ),
          chain(
            'external source',
            '{"prefix_ranges": [{"address_prefix": "127.0.4.0", "prefix_len": 24}], "source_type": "EXTERNAL"}',
          ),
          chain(
            'raw',
            '{"prefix_ranges": [{"address_prefix": "127.0.5.0", "prefix_len": 24}], "transport_protocol": "raw_buffer"}',
          ),
          chain(
            'tls',
            '{"prefix_ranges": [{"address_prefix": "127.0.6.0", "prefix_len": 24}], "transport_protocol": "tls"}',
          ),
          chain(
            'source port',
            '{"prefix_ranges": [{"address_prefix": "127.0.7.0", "prefix_len": 24}], "source_ports": [1]}',
          ),
        ].map(text => JSON.parse(text)),
      },
      {
        name: 'fallback',
        address: { socket_address: { address: '0.0.0.0', port_value: 0 } },
        filter_chains: [
          JSON.parse(chain('matched', '{"prefix_ranges": [{"address_prefix": "127.0.0.2", "prefix_len": 32}]}')),
        ],
        default_filter_chain: JSON.parse(chain('default', '')),
      },
      {
        name: 'port',
        address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
        filter_chains: [
          JSON.parse(chain('another port', '{"destination_port": 1}')),
          JSON.parse(chain('any port', '{}')),
        ],
      },
    ],
  },
  f => {
    const via = async (s: Scene, listener: string, host: string, from?: string): Promise<string> => {
      const port = s.proxy.port(listener)
      const client = await s.connectTo(from === undefined ? { port, host } : { port, host, localAddress: from })
      await client.send(get('/'))
      return client.response().then(
        response => response.body.toString(),
        async () => {
          await client.closed()
          return 'no chain'
        },
      )
    }
    f.scenario(
      'the most specific destination wins',
      {
        sees: `
    127.0.0.2: by destination
    127.0.0.3: by wider destination
  `,
      },
      async s => {
        for (const host of ['127.0.0.2', '127.0.0.3']) s.note(`${host}: ${await via(s, 'match', host)}`)
      },
    )
    f.scenario(
      'by source address',
      {
        sees: `
    by source
    no chain
    by direct source
    no chain
  `,
      },
      async s => {
        s.note(await via(s, 'match', '127.0.1.1', '127.0.0.9'))
        s.note(await via(s, 'match', '127.0.1.1', '127.0.0.8'))
        s.note(await via(s, 'match', '127.0.2.1', '127.0.0.9'))
        s.note(await via(s, 'match', '127.0.2.1', '127.0.0.8'))
      },
    )
    f.scenario(
      'by type of source',
      {
        sees: `
    local source
    no chain
  `,
      },
      async s => {
        s.note(await via(s, 'match', '127.0.3.1'))
        s.note(await via(s, 'match', '127.0.4.1'))
      },
    )
    f.scenario(
      'by transport protocol and source port',
      {
        sees: `
    raw
    no chain
    no chain
  `,
      },
      async s => {
        for (const host of ['127.0.5.1', '127.0.6.1', '127.0.7.1']) s.note(await via(s, 'match', host))
      },
    )
    f.scenario(
      'no chain matches: closed, counted and logged',
      {
        sees: `
    no chain
    stat: listener.0.0.0.0_0.no_filter_chain_match +1
    log: NR filter_chain_not_found - -
  `,
      },
      async s => {
        await s.statsOf(/no_filter_chain_match|listener\.0\.0\.0\.0_0\.downstream_cx/, async () =>
          s.note(await via(s, 'match', '127.9.9.9')),
        )
        await s.sawLog(1, 'match')
      },
    )
    f.scenario(
      'the default chain',
      {
        sees: `
    matched
    default
  `,
      },
      async s => {
        s.note(await via(s, 'fallback', '127.0.0.2'))
        s.note(await via(s, 'fallback', '127.0.0.3'))
      },
    )
    f.scenario(
      'by destination port',
      {
        sees: `
    any port
  `,
      },
      async s => s.note(await via(s, 'port', '127.0.0.1')),
    )
  },
)

feature(
  'limits of connections',
  {
    file: import.meta.url,
    listeners: [
      http('main', { routes: direct('main'), listener: 'stat_prefix: limited' }),
      http('exact', { routes: direct('exact'), listener: 'connection_balance_config: {exact_balance: {}}' }),
      tcp('tcp', 'cluster: up'),
    ],
    more: 'layered_runtime: {layers: [{name: s, static_layer: {envoy: {resource_limits: {listener: {main: {connection_limit: 2}}}}}}]}',
  },
  f => {
    f.scenario(
      'a third connection is closed at once',
      {
        sees: `
    main main
    closed
    stat: listener.limited.downstream_cx_overflow +1
    after one left: main
  `,
      },
      async s => {
        const first = await s.connect()
        const second = await s.connect()
        s.note(`${await says(first)} ${await says(second)}`)
        await s.statsOf(/^listener\.limited\.downstream_cx/, async () => {
          const third = await s.connect()
          s.note(await third.closed())
        })
        first.destroy()
        await poll('a free place', async () => {
          const next = await s.connect()
          await next.send(get('/')).catch(() => {})
          return next.response().then(
            response => response.body.toString(),
            () => undefined,
          )
        }).then(text => s.note(`after one left: ${text}`))
      },
    )
    f.scenario(
      'stat_prefix names the counters',
      {
        sees: `
    listener.limited.downstream_cx_total: N
    listener.limited.http.main.downstream_rq_2xx: N
    listener.limited.worker_0.downstream_cx_total: N

  `,
      },
      async s => {
        const { body } = await s.proxy.admin('/stats?filter=^listener.limited.*(cx_total|http.main.downstream_rq_2xx)')
        s.note(body.replace(/: \d+$/gm, ': N'))
      },
    )
    f.scenario(
      'exact balance',
      {
        sees: `
    exact
  `,
      },
      async s => s.note(await says(await s.connect('exact'))),
    )
    f.scenario(
      'a connection that sends nothing and leaves is not logged',
      {
        sees: `
    closed
    log exists with lines: false
  `,
      },
      async s => {
        const client = await s.connect('exact')
        client.end()
        s.note(await client.closed())
        s.note(
          `log exists with lines: ${existsSync(path.join(s.folder, 'exact.log')) && (await s.log(0, 'exact')).length > 0}`,
        )
      },
    )
  },
)

const ENDS =
  'END %RESPONSE_FLAGS% %PROTOCOL% in=%BYTES_RECEIVED% out=%BYTES_SENT% %UPSTREAM_CLUSTER% %ACCESS_LOG_TYPE% %REQ(:PATH)%\n'
const logged = (name: string): object => ({ access_log: [fileLog(`\${tmp}/${name}-ends.log`, ENDS)] })

feature(
  'access logs of listeners',
  {
    file: import.meta.url,
    listeners: [
      { ...http('main', { routes: direct('here') }), ...logged('main') },
      { ...tcp('raw', 'cluster: up'), ...logged('raw') },
      { ...http('empty'), ...logged('empty'), filter_chains: [{}], stat_prefix: 'empty' },
    ],
  },
  f => {
    f.scenario(
      'the end of an HTTP connection',
      {
        sees: `
    log: END - HTTP/1.1 in=56 out=240 - NotSet -
  `,
      },
      async s => {
        const client = await s.connect()
        await client.send(get('/1'))
        await client.response(1)
        await client.send(get('/2'))
        await client.response(2)
        client.destroy()
        await s.sawLog(1, 'main-ends')
      },
    )
    f.scenario(
      'the end of a connection that never was HTTP',
      {
        sees: `
    log: END DPE - in=12 out=156 - NotSet -
  `,
      },
      async s => {
        const client = await s.connect()
        await client.send('nonsense\r\n\r\n')
        await client.closed()
        await s.sawLog(1, 'main-ends')
      },
    )
    f.scenario(
      'the end of a TCP session',
      {
        sees: `
    log: END - - in=28 out=40 up NotSet -
  `,
      },
      async s => {
        const client = await s.connect('raw')
        await client.send(get('/1'))
        await client.response(1)
        client.destroy()
        await s.sawLog(1, 'raw-ends')
      },
    )
    f.scenario(
      'a filter chain without filters closes its connections',
      {
        sees: `
    closed
    stat: listener.empty.downstream_cx_destroy +1
    stat: listener.empty.downstream_cx_total +1
    stat: listener.empty.network_extension_config_missing +1
    stat: listener.empty.worker_0.downstream_cx_total +1
    log: END - - in=0 out=0 - NotSet -
  `,
      },
      async s => {
        await s.statsOf(/^listener\.empty\./, async () => {
          const client = await s.connect('empty')
          s.note(await client.closed())
        })
        await s.sawLog(1, 'empty-ends')
      },
    )
  },
)
