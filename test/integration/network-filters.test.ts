// Network filters: those that end a chain without an upstream, and those that stand before one that does.
import { cluster, fileLog, http, tcp } from '../support/config.js'
import { get } from '../support/bytes.js'
import { clientHello, serverName, tls13, tlsRecord } from '../support/proxy-header.js'
import { feature, type Scene } from '../support/scenario.js'

const type = (name: string): string => `type.googleapis.com/envoy.extensions.filters.network.${name}`
const limit = (prefix: string, config: object): Record<string, unknown> => ({
  name: 'limit',
  typed_config: { '@type': type('connection_limit.v3.ConnectionLimit'), stat_prefix: prefix, ...config },
})
const echo: Record<string, unknown> = { name: 'echo', typed_config: { '@type': type('echo.v3.Echo') } }
const direct = (text: string): Record<string, unknown> => ({
  name: 'direct',
  typed_config: { '@type': type('direct_response.v3.Config'), response: { inline_string: text } },
})
const listener = (name: string, ...filters: object[]): Record<string, unknown> => ({
  name,
  address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
  access_log: [
    fileLog(
      `\${tmp}/${name}.log`,
      '%BYTES_RECEIVED% %BYTES_SENT% %RESPONSE_CODE_DETAILS% %DOWNSTREAM_LOCAL_CLOSE_REASON%\n',
    ),
  ],
  filter_chains: [{ filters }],
})
/** A filter before the ones a listener of the kit has. */
function before(filter: object, of: Record<string, unknown>): Record<string, unknown> {
  const [chain] = of.filter_chains as { filters: object[] }[]
  return { ...of, filter_chains: [{ ...chain, filters: [filter, ...(chain?.filters ?? [])] }] }
}

feature(
  'without an upstream',
  {
    file: import.meta.url,
    listeners: [listener('echo', echo), listener('direct', direct('hello there')), listener('empty', direct(''))],
    clusters: [],
  },
  f => {
    f.scenario(
      'echo',
      {
        sees: `
      < client
      one two
      (closed)
      log: 7 7 - -
    `,
      },
      async s => {
        const client = await s.connect('echo')
        await client.send('one ')
        await client.until('one ')
        await client.send('two')
        client.end()
        await client.closed()
        s.sawAll(client)
        await s.sawLog(1, 'echo')
      },
    )
    f.scenario(
      'echo of a lot',
      {
        sees: `
      3000000
    `,
      },
      async s => {
        const client = await s.connect('echo')
        const text = 'x'.repeat(3_000_000)
        client.countOnly = true
        await client.send(text)
        await client.waitFor('all of it', () => (client.receivedLength === text.length ? true : undefined))
        s.note(`${client.receivedLength}`)
      },
    )
    f.scenario(
      'a fixed text',
      {
        sees: `
      < client
      hello there
      (closed)
      log: 0 11 direct_response -
    `,
      },
      async s => {
        const client = await s.connect('direct')
        await client.closed()
        s.sawAll(client)
        await s.sawLog(1, 'direct')
      },
    )
    f.scenario(
      'no text at all',
      {
        sees: `
      < client
      (closed)
      log: 0 0 direct_response -
    `,
      },
      async s => {
        const client = await s.connect('empty')
        await client.closed()
        s.sawAll(client)
        await s.sawLog(1, 'empty')
      },
    )
  },
)

const bucket = { max_tokens: 2, tokens_per_fill: 1, fill_interval: '3600s' }
const rate = (prefix: string, config: object = {}): Record<string, unknown> => ({
  name: 'rate',
  typed_config: {
    '@type': type('local_ratelimit.v3.LocalRateLimit'),
    stat_prefix: prefix,
    token_bucket: bucket,
    ...config,
  },
})

feature(
  'local rate limits',
  {
    file: import.meta.url,
    listeners: [
      listener('chain', rate('chain'), direct('in')),
      listener('off', rate('off', { runtime_enabled: { default_value: false, runtime_key: 'x' } }), direct('in')),
      listener('refill', rate('refill', { token_bucket: { max_tokens: 1, fill_interval: '0.05s' } }), direct('in')),
      {
        ...listener('front', direct('in')),
        listener_filters: [
          {
            name: 'rate',
            typed_config: {
              '@type': 'type.googleapis.com/envoy.extensions.filters.listener.local_ratelimit.v3.LocalRateLimit',
              stat_prefix: 'front',
              token_bucket: bucket,
            },
          },
        ],
      },
    ],
    clusters: [],
  },
  f => {
    const three = (at: string) => async (s: Scene) =>
      s.statsOf(/limit/, async () => {
        for (let i = 0; i < 3; i++) {
          const client = await s.connect(at)
          await client.closed()
          s.note(client.received.toString() || 'closed')
        }
        for (const line of await s.log(3, at)) s.note(line)
      })
    f.scenario(
      'in a filter chain',
      {
        sees: `
      in
      in
      closed
      0 2 direct_response -
      0 2 direct_response -
      0 0 - local_ratelimit_close_over_limit
      stat: local_rate_limit.chain.rate_limited +1
    `,
      },
      three('chain'),
    )
    f.scenario(
      'at the listener',
      {
        sees: `
      in
      in
      closed
      0 2 direct_response -
      0 2 direct_response -
      0 0 - -
      stat: listener_local_ratelimit.front.rate_limited +1
    `,
      },
      three('front'),
    )
    f.scenario(
      'turned off by the runtime',
      {
        sees: `
      in
      in
      in
      0 2 direct_response -
      0 2 direct_response -
      0 2 direct_response -
      stat: none changed
    `,
      },
      three('off'),
    )
    f.scenario(
      'tokens come back',
      {
        sees: `
      3
    `,
      },
      async s => {
        await s.stat('local_rate_limit.refill.rate_limited', 0) // there before the first connection
        let served = 0
        for (let i = 0; served < 3 && i < 200; i++) {
          const client = await s.connect('refill')
          await client.closed()
          if (client.received.length > 0) served++
          client.destroy()
          await new Promise(resolve => setTimeout(resolve, 5))
        }
        s.note(`${served}`)
      },
    )
  },
)

feature(
  'before another filter',
  {
    file: import.meta.url,
    listeners: [
      listener('two', limit('two', { max_connections: 2 }), echo),
      listener('slow', limit('slow', { max_connections: 1, delay: '0.2s' }), echo),
      listener(
        'off',
        limit('off', { max_connections: 1, runtime_enabled: { default_value: false, runtime_key: 'x' } }),
        echo,
      ),
      before(limit('web', { max_connections: 1 }), http('web')),
      before(limit('bytes', { max_connections: 1 }), tcp('bytes', 'cluster: up')),
      {
        ...before(
          { name: 'sni', typed_config: { '@type': type('sni_cluster.v3.SniCluster') } },
          tcp('sni', 'cluster: up', '', '%UPSTREAM_CLUSTER% %RESPONSE_FLAGS%\n'),
        ),
        listener_filters: [
          {
            name: 'tls',
            typed_config: {
              '@type': 'type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector',
            },
          },
        ],
      },
      listener('both', limit('a', { max_connections: 5 }), limit('b', { max_connections: 1 }), direct('in')),
    ],
    upstreams: ['up', 'b'],
    clusters: [cluster('up'), cluster('b.example.com', ['b'])],
  },
  f => {
    f.scenario(
      'connections above the limit are closed',
      {
        sees: `
      < client
      (closed)
      d
      0 0 - over_connection_limit
      1 1 - -
      1 1 - -
      1 1 - -
      stat: connection_limit.two.limited_connections +1
    `,
      },
      async s =>
        s.statsOf(/connection_limit/, async () => {
          const first = await s.connect('two')
          await first.send('a')
          await first.until('a')
          const second = await s.connect('two')
          await second.send('b')
          await second.until('b')
          const third = await s.connect('two')
          await third.closed()
          s.sawAll(third)
          first.end()
          await first.closed()
          await s.stat('connection_limit.two.active_connections', 1)
          const fourth = await s.connect('two')
          await fourth.send('d')
          s.note(await fourth.until('d'))
          fourth.end()
          second.end()
          await fourth.closed()
          await second.closed()
          await s.stat('connection_limit.two.active_connections', 0)
          for (const line of (await s.log(4, 'two')).sort()) s.note(line)
        }),
    )
    f.scenario(
      'later, with a delay',
      {
        sees: `
      < client
      (closed)
      late
    `,
      },
      async s => {
        const first = await s.connect('slow')
        await first.send('a')
        await first.until('a')
        const begun = Date.now()
        const second = await s.connect('slow')
        await second.send('b')
        await second.closed()
        s.sawAll(second)
        s.note(Date.now() - begun > 150 ? 'late' : 'soon')
      },
    )
    f.scenario(
      'a limit that the runtime turned off',
      {
        sees: `
      a
      a
    `,
      },
      async s => {
        for (let i = 0; i < 2; i++) {
          const client = await s.connect('off')
          await client.send('a')
          s.note(await client.until('a'))
        }
      },
    )
    f.scenario(
      'HTTP behind it',
      {
        sees: `
      > up
      GET / HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=0 out=2
    `,
      },
      async s => {
        await s.exchange({ to: 'web', send: get('/') })
      },
    )
    f.scenario(
      'many bytes behind it',
      {
        sees: `
      2000000
      < client
      bye
      (closed)
    `,
      },
      async s => {
        s.upstream().raw()
        const client = await s.connect('bytes')
        const server = await s.upstream().nextConnection()
        const sent = client.send('x'.repeat(2_000_000))
        client.end()
        await sent
        await server.closed()
        s.note(`${server.received.length}`)
        server.end('bye')
        await client.closed()
        s.sawAll(client)
      },
    )
    f.scenario(
      'two limits',
      {
        sees: `
      < client
      in
      (closed)
    `,
      },
      async s => {
        const client = await s.connect('both')
        await client.closed()
        s.sawAll(client)
      },
    )
    f.scenario(
      'the cluster a TLS client names',
      {
        sees: `
      b.example.com: b
      log: b.example.com -
      none: up
      log: up -
      log: - NC
    `,
      },
      async s => {
        s.upstream().raw()
        s.upstream('b').raw()
        const hello = (name: string): Buffer => tlsRecord(clientHello({ extensions: [serverName(name), tls13] }))
        for (const [name, bytes] of [
          ['b.example.com', hello('B.example.com')],
          ['none', tlsRecord(clientHello())],
          ['unknown', hello('c.example.com')],
        ] as const) {
          const client = await s.connect('sni')
          await client.send(bytes)
          if (name !== 'unknown') {
            const upstream = s.upstream(name === 'none' ? 'up' : 'b')
            const server = await upstream.nextConnection()
            await server.send('hi')
            await client.until('hi')
            s.note(`${name}: ${upstream.name}`)
            client.end()
            await server.closed()
            server.end()
          }
          await client.closed()
          await s.sawLog(1, 'sni')
        }
      },
    )
  },
)
