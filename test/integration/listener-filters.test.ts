// Listener filters: what the first bytes tell (TLS, HTTP), the choice of the filter chain by it, limits of time and size.
import { fileLog } from '../support/config.js'
import {
  alpn,
  clientHello,
  helloExtension,
  padding,
  proxyV2,
  serverName,
  tls13,
  tlsRecord,
  versions,
} from '../support/proxy-header.js'
import { feature, type Scene } from '../support/scenario.js'

const type = (name: string): string => `type.googleapis.com/envoy.extensions.filters.${name}`
const listenerFilter = (name: string, message: string, config: object = {}): Record<string, unknown> => ({
  name: `envoy.filters.listener.${name}`,
  typed_config: { '@type': type(`listener.${name}.v3.${message}`), ...config },
})
const tls = (config: object = {}): Record<string, unknown> => listenerFilter('tls_inspector', 'TlsInspector', config)
const inspectHttp: Record<string, unknown> = listenerFilter('http_inspector', 'HttpInspector')
const proxy = (config: object = {}): Record<string, unknown> =>
  listenerFilter('proxy_protocol', 'ProxyProtocol', config)

/** A chain that says its name and closes. */
const chain = (name: string, match?: object): Record<string, unknown> => ({
  name,
  ...(match && { filter_chain_match: match }),
  filters: [
    {
      name: 'direct',
      typed_config: { '@type': type('network.direct_response.v3.Config'), response: { inline_string: name } },
    },
  ],
})
const listener = (
  name: string,
  filters: readonly object[],
  chains: readonly object[],
  more: object = {},
  log = '%REQUESTED_SERVER_NAME% %FILTER_CHAIN_NAME% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n',
): Record<string, unknown> => ({
  name,
  address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
  listener_filters: filters,
  access_log: [fileLog(`\${tmp}/${name}.log`, log)],
  filter_chains: chains,
  ...more,
})

/** Sends, and notes which chain answered and what the log says. A name that ends in … is of a client that then ends. */
async function tell(s: Scene, to: string, name: string, ...pieces: readonly (string | Buffer)[]): Promise<void> {
  const client = await s.connect(to)
  for (const piece of pieces) await client.send(piece)
  if (name.endsWith('…')) client.end()
  await client.closed()
  const [line = ''] = await s.log(1, to)
  // Who is answered while still sending may lose the answer to a reset.
  const answer = name.includes('20 KiB') ? '' : client.received.toString('latin1') || 'closed'
  s.note(`${name}: ${answer} (${line})`)
}
type Cases = Readonly<Record<string, string | Buffer | readonly (string | Buffer)[]>>
async function tellAll(
  s: Scene,
  to: string,
  cases: Cases,
  stats = /inspector|listener_filter|no_filter/,
): Promise<void> {
  await s.statsOf(stats, async () => {
    for (const [name, bytes] of Object.entries(cases)) await tell(s, to, name, ...[bytes].flat())
  })
}

const hello = (...extensions: Buffer[]): Buffer => tlsRecord(clientHello({ extensions }))
const named = (name: string): Buffer => hello(serverName(name), tls13)
const whole = clientHello({ extensions: [serverName('a.example.com'), tls13] })

feature(
  'TLS inspector',
  {
    file: import.meta.url,
    listeners: [
      listener(
        'main',
        [tls()],
        [
          chain('h2', { transport_protocol: 'tls', application_protocols: ['h2'] }),
          chain('exact', { server_names: ['a.example.com'] }),
          chain('wild', { server_names: ['*.example.com'] }),
          chain('wilder', { server_names: ['*.com'] }),
          chain('tls', { transport_protocol: 'tls' }),
          chain('clear', { transport_protocol: 'raw_buffer' }),
        ],
      ),
      listener('injected', [], [chain('exact', { server_names: ['a.example.com'] }), chain('other')]),
      listener('small', [tls({ initial_read_buffer_size: 256, max_client_hello_size: 300 })], [chain('any')]),
      listener('growing', [tls({ initial_read_buffer_size: 256 })], [chain('any')]),
      listener('strict', [tls({ close_connection_on_client_hello_parsing_errors: true })], [chain('any')]),
      listener(
        'prints',
        [tls({ enable_ja3_fingerprinting: true, enable_ja4_fingerprinting: true })],
        [chain('any')],
        {},
        '%TLS_JA3_FINGERPRINT% %TLS_JA4_FINGERPRINT%\n',
      ),
    ],
    clusters: [],
  },
  f => {
    f.scenario(
      'names and protocols',
      {
        sees: `
      exact: exact (a.example.com exact - direct_response)
      upper case: exact (a.example.com exact - direct_response)
      wild: wild (b.example.com wild - direct_response)
      two labels: wild (c.b.example.com wild - direct_response)
      the suffix alone: wilder (example.com wilder - direct_response)
      wilder: wilder (example.com wilder - direct_response)
      no chain for it: tls (example.org tls - direct_response)
      no name: tls (- tls - direct_response)
      h2: h2 (- h2 - direct_response)
      h2, second: h2 (- h2 - direct_response)
      http/1.1: tls (- tls - direct_response)
      name and h2: exact (a.example.com exact - direct_response)
      unknown name and h2: h2 (a.example.org h2 - direct_response)
      clear text: clear (- clear - direct_response)
      stat: tls_inspector.alpn_found +5
      stat: tls_inspector.alpn_not_found +8
      stat: tls_inspector.sni_found +9
      stat: tls_inspector.sni_not_found +4
      stat: tls_inspector.tls_found +13
      stat: tls_inspector.tls_not_found +1
    `,
      },
      async s =>
        tellAll(s, 'main', {
          exact: named('a.example.com'),
          'upper case': named('A.Example.COM'),
          wild: named('b.example.com'),
          'two labels': named('c.b.example.com'),
          'the suffix alone': named('example.com'),
          wilder: named('example.com'),
          'no chain for it': named('example.org'),
          'no name': hello(tls13),
          h2: hello(alpn('h2', 'http/1.1'), tls13),
          'h2, second': hello(alpn('http/1.1', 'h2'), tls13),
          'http/1.1': hello(alpn('http/1.1'), tls13),
          'name and h2': hello(serverName('a.example.com'), alpn('h2'), tls13),
          'unknown name and h2': hello(serverName('a.example.org'), alpn('h2'), tls13),
          'clear text': 'GET / HTTP/1.1\r\n\r\n',
        }),
    )
    f.scenario(
      'in pieces',
      {
        sees: `
      byte by byte: exact (a.example.com exact - direct_response)
      two records: exact (a.example.com exact - direct_response)
      a record a byte: exact (a.example.com exact - direct_response)
      an empty record first: exact (a.example.com exact - direct_response)
      half a hello…: closed (- - - -)
      nothing…: closed (- - - -)
      a byte…: closed (- - - -)
      stat: listener.127.0.0.1_0.downstream_listener_filter_remote_close +3
      stat: tls_inspector.alpn_not_found +4
      stat: tls_inspector.sni_found +4
      stat: tls_inspector.tls_found +4
    `,
      },
      async s =>
        tellAll(s, 'main', {
          'byte by byte': [...tlsRecord(whole)].map(byte => Buffer.from([byte])),
          'two records': [tlsRecord(whole.subarray(0, 40)), tlsRecord(whole.subarray(40))],
          'a record a byte': Buffer.concat([...whole].map(byte => tlsRecord(Buffer.from([byte])))),
          'an empty record first': Buffer.concat([tlsRecord(Buffer.alloc(0)), tlsRecord(whole)]),
          'half a hello…': tlsRecord(whole).subarray(0, 50),
          'nothing…': '',
          'a byte…': '\x16',
        }),
    )
    f.scenario(
      'what is no hello',
      {
        sees: `
      alert: clear (- clear - direct_response)
      record of SSL 3: exact (a.example.com exact - direct_response)
      record 3.9: exact (a.example.com exact - direct_response)
      record 2.0: clear (- clear - direct_response)
      a server hello: clear (- clear - direct_response)
      SSL 3: closed (a.example.com - - -)
      version 5.5: closed (a.example.com - - -)
      only unknown versions: exact (a.example.com exact - direct_response)
      TLS 1.0: exact (a.example.com exact - direct_response)
      no extensions: tls (- tls - direct_response)
      an extension beyond the end: clear (- clear - direct_response)
      an extension twice: clear (- clear - direct_response)
      a name with NUL: clear (- clear - direct_response)
      an empty name: clear (- clear - direct_response)
      a name of 255: tls (aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa tls - direct_response)
      a name of 256: clear (- clear - direct_response)
      a name of another type: clear (- clear - direct_response)
      a malformed list of names: clear (- clear - direct_response)
      an empty list of protocols: tls (- tls - direct_response)
      an empty protocol: tls (- tls - direct_response)
      a protocol cut: tls (- tls - direct_response)
      no ciphers: clear (- clear - direct_response)
      half a cipher: clear (- clear - direct_response)
      unknown ciphers: tls (- tls - direct_response)
      no null compression: tls (- tls - direct_response)
      session of 33: clear (- clear - direct_response)
      bytes after the extensions: clear (- clear - direct_response)
      more in the record: clear (- clear - direct_response)
      a record too long: clear (- clear - direct_response)
      a hello of 17000 announced: clear (- clear - direct_response)
      stat: tls_inspector.alpn_not_found +11
      stat: tls_inspector.sni_found +7
      stat: tls_inspector.sni_not_found +6
      stat: tls_inspector.tls_found +11
      stat: tls_inspector.tls_not_found +19
    `,
      },
      async s =>
        tellAll(s, 'main', {
          alert: tlsRecord(Buffer.from([2, 40]), 0x0301, 21),
          'record of SSL 3': tlsRecord(whole, 0x0300),
          'record 3.9': tlsRecord(whole, 0x0309),
          'record 2.0': tlsRecord(whole, 0x0200),
          'a server hello': tlsRecord(clientHello({ type: 2 })),
          'SSL 3': tlsRecord(clientHello({ version: 0x0300, extensions: [serverName('a.example.com')] })),
          'version 5.5': tlsRecord(clientHello({ version: 0x0505, extensions: [serverName('a.example.com')] })),
          'only unknown versions': hello(serverName('a.example.com'), versions(0x0300, 0x7f1c)),
          'TLS 1.0': tlsRecord(clientHello({ version: 0x0301, extensions: [serverName('a.example.com')] })),
          'no extensions': tlsRecord(clientHello({ extensions: undefined })),
          'an extension beyond the end': hello(Buffer.from([0, 0, 0, 50, 1])),
          'an extension twice': hello(serverName('a.example.com'), serverName('a.example.com')),
          'a name with NUL': named('a\0b'),
          'an empty name': named(''),
          'a name of 255': hello(serverName('a'.repeat(255)), tls13),
          'a name of 256': hello(serverName('a'.repeat(256)), tls13),
          'a name of another type': hello(serverName('a.example.com', 1), tls13),
          'a malformed list of names': hello(helloExtension(0, Buffer.from([0, 9, 0])), tls13),
          'an empty list of protocols': hello(helloExtension(16, Buffer.from([0, 0])), tls13),
          'an empty protocol': hello(helloExtension(16, Buffer.from([0, 1, 0])), tls13),
          'a protocol cut': hello(helloExtension(16, Buffer.from([0, 3, 5, 97, 98])), tls13),
          'no ciphers': tlsRecord(clientHello({ ciphers: Buffer.alloc(0) })),
          'half a cipher': tlsRecord(clientHello({ ciphers: Buffer.alloc(3) })),
          'unknown ciphers': tlsRecord(clientHello({ ciphers: Buffer.from([0x99, 0x99]) })),
          'no null compression': tlsRecord(clientHello({ compression: Buffer.from([1]) })),
          'session of 33': tlsRecord(clientHello({ session: Buffer.alloc(33) })),
          'bytes after the extensions': tlsRecord(clientHello({ trailing: Buffer.from('abc') })),
          'more in the record': tlsRecord(Buffer.concat([whole, Buffer.from([11, 0, 0, 0])])),
          'a record too long': Buffer.concat([Buffer.from([22, 3, 1, 0x48, 1]), Buffer.alloc(100)]),
          'a hello of 17000 announced': tlsRecord(clientHello({ claims: 17_000 })),
        }),
    )
    f.scenario(
      'long ones',
      {
        sees: `
      12 KiB: exact (a.example.com exact - direct_response)
      16 KiB: exact (a.example.com exact - direct_response)
      20 KiB:  (- clear - direct_response)
      stat: tls_inspector.alpn_not_found +2
      stat: tls_inspector.sni_found +2
      stat: tls_inspector.tls_found +2
      stat: tls_inspector.tls_not_found +1
      200 bytes: any (a.example.com any - direct_response)
      500 bytes: closed (- - - -)
      stat: tls_inspector.alpn_not_found +1
      stat: tls_inspector.client_hello_too_large +1
      stat: tls_inspector.sni_found +1
      stat: tls_inspector.tls_found +1
      5000 bytes: any (a.example.com any - direct_response)
      stat: tls_inspector.alpn_not_found +1
      stat: tls_inspector.sni_found +1
      stat: tls_inspector.tls_found +1
    `,
      },
      async s => {
        const of = (size: number): Buffer =>
          clientHello({ extensions: [serverName('a.example.com'), tls13, padding(size)] })
        await tellAll(s, 'main', {
          '12 KiB': tlsRecord(of(12_000)),
          '16 KiB': tlsRecord(of(16_200)),
          '20 KiB': [tlsRecord(of(20_000).subarray(0, 16_000)), tlsRecord(of(20_000).subarray(16_000))],
        })
        await tellAll(s, 'small', { '200 bytes': tlsRecord(of(50)), '500 bytes': tlsRecord(of(400)) })
        await tellAll(s, 'growing', { '5000 bytes': tlsRecord(of(5000)) })
      },
    )
    f.scenario(
      'parse errors close the connection where wanted',
      {
        sees: `
      clear text: closed (- - - -)
      a name of 256: closed (- - - -)
      good: any (a.example.com any - direct_response)
      stat: tls_inspector.alpn_not_found +1
      stat: tls_inspector.sni_found +1
      stat: tls_inspector.tls_found +1
      stat: tls_inspector.tls_not_found +2
    `,
      },
      async s =>
        tellAll(s, 'strict', {
          'clear text': 'GET / HTTP/1.1\r\n\r\n',
          'a name of 256': hello(serverName('a'.repeat(256)), tls13),
          good: named('a.example.com'),
        }),
    )
    f.scenario(
      'an inspector nobody configured',
      {
        sees: `
      named: other (- other - direct_response)
      other: other (- other - direct_response)
      clear: other (- other - direct_response)
      stat: none changed
    `,
      },
      async s =>
        tellAll(s, 'injected', { named: named('a.example.com'), other: named('b.example.com'), clear: 'hello' }),
    )
    f.scenario(
      'fingerprints',
      {
        sees: `
      plain: any (b46c6295f2988c92872ed92441a25ba0 t13i020100_c1929292aa6b_b9a491fefe05)
      rich: any (01a2cda51e67ebfda001d4c8c7e27e1e t13d0506h2_c03c18a8b7cd_fb71836bce29)
      odd protocol: any (adb9dce2e057fbc578d495a2df79275c t13i020208_c1929292aa6b_b9a491fefe05)
      http/1.1: any (adb9dce2e057fbc578d495a2df79275c t13i0202h1_c1929292aa6b_b9a491fefe05)
      one extension: any (349640b9e304f8ea23a8e0f71dde2248 t12d020100_c1929292aa6b_000000000000)
      none: any (a16cac21e93ed70ab11a8a052b6ef74b t11i020000_c1929292aa6b_000000000000)
      stat: tls_inspector.alpn_found +3
      stat: tls_inspector.alpn_not_found +3
      stat: tls_inspector.sni_found +2
      stat: tls_inspector.sni_not_found +4
      stat: tls_inspector.tls_found +6
    `,
      },
      async s => {
        const grease = helloExtension(0x1a1a, Buffer.alloc(0))
        const groups = helloExtension(10, Buffer.from([0, 6, 0x2a, 0x2a, 0, 29, 0, 23]))
        const formats = helloExtension(11, Buffer.from([2, 0, 1]))
        const signatures = helloExtension(13, Buffer.from([0, 4, 4, 3, 8, 4]))
        await tellAll(s, 'prints', {
          plain: hello(tls13),
          rich: tlsRecord(
            clientHello({
              ciphers: Buffer.from('3a3a13011302c02bc02f009c', 'hex'),
              extensions: [
                grease,
                serverName('a.example.com'),
                groups,
                formats,
                signatures,
                alpn('h2', 'http/1.1'),
                versions(0x3a3a, 0x0304, 0x0303),
              ],
            }),
          ),
          'odd protocol': hello(alpn('\x01x'), tls13),
          'http/1.1': hello(alpn('http/1.1'), tls13),
          'one extension': tlsRecord(clientHello({ extensions: [serverName('a.example.com')] })),
          none: tlsRecord(clientHello({ version: 0x0302, extensions: undefined })),
        })
      },
    )
  },
)

feature(
  'HTTP inspector',
  {
    file: import.meta.url,
    listeners: [
      listener(
        'main',
        [inspectHttp],
        [
          chain('1.0', { application_protocols: ['http/1.0'] }),
          chain('1.1', { application_protocols: ['http/1.1'] }),
          chain('h2c', { application_protocols: ['h2c'] }),
          chain('none'),
        ],
        { listener_filters_timeout: '15s' },
      ),
    ],
    clusters: [],
  },
  f => {
    f.scenario(
      'first lines',
      {
        sees: `
      1.1: 1.1 (- 1.1 - direct_response)
      1.0: 1.0 (- 1.0 - direct_response)
      no version: 1.0 (- 1.0 - direct_response)
      1.2: 1.0 (- 1.0 - direct_response)
      2.0: 1.0 (- 1.0 - direct_response)
      1.10: none (- none - direct_response)
      http in lower case: none (- none - direct_response)
      another protocol: none (- none - direct_response)
      line feed alone: 1.1 (- 1.1 - direct_response)
      unknown method: 1.1 (- 1.1 - direct_response)
      method in lower case: 1.1 (- 1.1 - direct_response)
      method of symbols: none (- none - direct_response)
      absolute target: 1.1 (- 1.1 - direct_response)
      star: 1.1 (- 1.1 - direct_response)
      CONNECT: 1.1 (- 1.1 - direct_response)
      relative target: none (- none - direct_response)
      no target: none (- none - direct_response)
      blanks: 1.1 (- 1.1 - direct_response)
      a blank in the target: none (- none - direct_response)
      control byte in the target: 1.1 (- 1.1 - direct_response)
      UTF-8 in the target: none (- none - direct_response)
      a status line: none (- none - direct_response)
      leading line: none (- none - direct_response)
      an empty line: none (- none - direct_response)
      words: none (- none - direct_response)
      SSH: none (- none - direct_response)
      binary: none (- none - direct_response)
      a TLS hello: none (- none - direct_response)
      preface: h2c (- h2c - direct_response)
      its first line, other version: 1.1 (- 1.1 - direct_response)
      in pieces: 1.1 (- 1.1 - direct_response)
      preface in pieces: h2c (- h2c - direct_response)
      9000 bytes: 1.1 (- 1.1 - direct_response)
      60000 bytes: 1.1 (- 1.1 - direct_response)
      70000 bytes: closed (- - - -)
      half a line…: closed (- - - -)
      half a preface…: closed (- - - -)
      return alone…: closed (- - - -)
      stat: http_inspector.http10_found +4
      stat: http_inspector.http11_found +13
      stat: http_inspector.http2_found +2
      stat: http_inspector.http_not_found +15
      stat: http_inspector.read_error +1
      stat: listener.127.0.0.1_0.downstream_listener_filter_remote_close +3
    `,
      },
      async s =>
        tellAll(s, 'main', {
          '1.1': 'GET / HTTP/1.1\r\nhost: a\r\n\r\n',
          '1.0': 'GET / HTTP/1.0\r\n\r\n',
          'no version': 'GET /\r\n',
          '1.2': 'GET / HTTP/1.2\r\n',
          '2.0': 'GET / HTTP/2.0\r\n',
          '1.10': 'GET / HTTP/1.10\r\n',
          'http in lower case': 'GET / http/1.1\r\n',
          'another protocol': 'GET / HTTQ/1.1\r\n',
          'line feed alone': 'GET / HTTP/1.1\n',
          'unknown method': 'FOOBAR / HTTP/1.1\r\n',
          'method in lower case': 'get / HTTP/1.1\r\n',
          'method of symbols': 'G(T / HTTP/1.1\r\n',
          'absolute target': 'GET http://a/ HTTP/1.1\r\n',
          star: 'OPTIONS * HTTP/1.1\r\n',
          CONNECT: 'CONNECT a:1 HTTP/1.1\r\n',
          'relative target': 'GET a HTTP/1.1\r\n',
          'no target': 'GET HTTP/1.1\r\n',
          blanks: 'GET \t /  HTTP/1.1 \r\n',
          'a blank in the target': 'GET /a b HTTP/1.1\r\n',
          'control byte in the target': 'GET /\x01 HTTP/1.1\r\n',
          'UTF-8 in the target': Buffer.from('GET /é HTTP/1.1\r\n'),
          'a status line': 'HTTP/1.1 200 OK\r\n',
          'leading line': '\r\nGET / HTTP/1.1\r\n',
          'an empty line': '\r\n',
          words: 'hello world\r\n',
          SSH: 'SSH-2.0-OpenSSH_9\r\n',
          binary: '\x00\x01\x02',
          'a TLS hello': named('a'),
          preface: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
          'its first line, other version': 'PRI * HTTP/1.1\r\n',
          'in pieces': ['G', 'ET / HT', 'TP/1.1', '\r\n'],
          'preface in pieces': ['PRI * HTTP/2.0\r\n', '\r\nSM\r\n\r\n'],
          '9000 bytes': `GET /${'a'.repeat(9000)} HTTP/1.1\r\n`,
          '60000 bytes': `GET /${'a'.repeat(60_000)} HTTP/1.1\r\n`,
          '70000 bytes': `GET /${'a'.repeat(70_000)} HTTP/1.1\r\n`,
          'half a line…': 'GET / HTT',
          'half a preface…': 'PRI * HTTP/2.0\r\n',
          'return alone…': 'GET / HTTP/1.1\r',
        }),
    )
  },
)

feature(
  'several filters, and time',
  {
    file: import.meta.url,
    listeners: [
      listener(
        'all',
        [proxy(), tls(), inspectHttp],
        [
          chain('tls', { transport_protocol: 'tls' }),
          chain('1.1', { application_protocols: ['http/1.1'] }),
          chain('other'),
        ],
        {},
        '%REQUESTED_SERVER_NAME% %FILTER_CHAIN_NAME% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%\n',
      ),
      listener(
        'matched',
        [proxy()],
        [
          chain('port', { destination_port: 2222 }),
          chain('source', { source_prefix_ranges: [{ address_prefix: '1.2.3.0', prefix_len: 24 }] }),
          chain('direct', { direct_source_prefix_ranges: [{ address_prefix: '127.0.0.0', prefix_len: 8 }] }),
        ],
      ),
      listener('late', [tls()], [chain('any')], { listener_filters_timeout: '0.2s' }),
      listener('lenient', [tls()], [chain('any')], {
        listener_filters_timeout: '0.2s',
        continue_on_listener_filters_timeout: true,
      }),
      listener(
        'disabled',
        [{ ...tls(), filter_disabled: { any_match: true } }],
        [chain('tls', { transport_protocol: 'tls' }), chain('clear')],
      ),
      listener(
        'enabled',
        [
          {
            ...tls(),
            filter_disabled: {
              or_match: {
                rules: [
                  { destination_port_range: { start: 1, end: 2 } },
                  { not_match: { destination_port_range: { start: 1024, end: 65_536 } } },
                ],
              },
            },
          },
        ],
        [chain('tls', { transport_protocol: 'tls' }), chain('clear')],
      ),
      listener('nochain', [tls()], [chain('tls', { transport_protocol: 'tls' })]),
      listener('default', [tls()], [chain('tls', { transport_protocol: 'tls' })], {
        default_filter_chain: chain('default'),
      }),
    ],
    clusters: [],
  },
  f => {
    const header = 'PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n'
    const plain = Buffer.from(header)
    f.scenario(
      'PROXY, then TLS or HTTP',
      {
        sees: `
      TLS: tls (a.example.com tls 1.2.3.4)
      TLS later: tls (a.example.com tls 1.2.3.4)
      TLS behind version 2: tls (a.example.com tls 1.2.3.4)
      HTTP: 1.1 (- 1.1 1.2.3.4)
      something else: other (- other 1.2.3.4)
      no PROXY: closed (- - 127.0.0.1)
      stat: downstream_cx_proxy_proto_error +1
      stat: http_inspector.http11_found +1
      stat: http_inspector.http_not_found +1
      stat: proxy_proto.not_found_disallowed +1
      stat: proxy_proto.versions.v1.found +4
      stat: proxy_proto.versions.v2.found +1
      stat: tls_inspector.alpn_not_found +3
      stat: tls_inspector.sni_found +3
      stat: tls_inspector.tls_found +3
      stat: tls_inspector.tls_not_found +2
    `,
      },
      async s =>
        tellAll(
          s,
          'all',
          {
            TLS: Buffer.concat([plain, named('a.example.com')]),
            'TLS later': [plain, named('a.example.com')],
            'TLS behind version 2': Buffer.concat([proxyV2(), named('a.example.com')]),
            HTTP: `${header}GET / HTTP/1.1\r\n\r\n`,
            'something else': `${header}\x00\x01\x02\x03\x04\x05\x06`,
            'no PROXY': 'GET / HTTP/1.1\r\nhost: example.com\r\n\r\n',
          },
          /inspector|listener_filter|proxy_proto/,
        ),
    )
    f.scenario(
      'addresses of the header choose the chain',
      {
        sees: `
      port: port (- port - direct_response)
      source: direct (- direct - direct_response)
      direct: direct (- direct - direct_response)
      stat: none changed
    `,
      },
      async s =>
        tellAll(s, 'matched', {
          port: header,
          source: 'PROXY TCP4 1.2.3.4 5.6.7.8 1111 2223\r\n',
          direct: 'PROXY TCP4 1.2.4.4 5.6.7.8 1111 2223\r\n',
        }),
    )
    f.scenario(
      'too slow',
      {
        sees: `
      nothing: closed (- - - -)
      a byte: closed (- - - -)
      in time: any (a any - direct_response)
      stat: none changed
    `,
      },
      async s =>
        tellAll(s, 'late', { nothing: '', 'a byte': '\x16', 'in time': named('a') }, /pre_cx|inspector|cx_total/),
    )
    f.scenario(
      'too slow, and let through',
      {
        sees: `
      nothing: any (- any - direct_response)
      a byte: any (- any - direct_response)
      in time: any (a any - direct_response)
      stat: listener.127.0.0.1_0.downstream_pre_cx_timeout +2
      stat: tls_inspector.alpn_not_found +1
      stat: tls_inspector.sni_found +1
      stat: tls_inspector.tls_found +1
    `,
      },
      async s =>
        tellAll(s, 'lenient', { nothing: '', 'a byte': '\x16', 'in time': named('a') }, /pre_cx_timeout|inspector/),
    )
    f.scenario('waiting connections are counted', { sees: `` }, async s => {
      const client = await s.connect('all')
      await s.stat('listener.127.0.0.1_0.downstream_pre_cx_active', 1)
      client.end()
      await client.closed()
      await s.stat('listener.127.0.0.1_0.downstream_pre_cx_active', 0)
    })
    f.scenario(
      'a filter that a predicate turns off',
      {
        sees: `
      TLS: clear (- clear - direct_response)
      stat: none changed
      TLS: tls (a tls - direct_response)
      stat: tls_inspector.alpn_not_found +1
      stat: tls_inspector.sni_found +1
      stat: tls_inspector.tls_found +1
    `,
      },
      async s => {
        await tellAll(s, 'disabled', { TLS: named('a') })
        await tellAll(s, 'enabled', { TLS: named('a') })
      },
    )
    f.scenario(
      'no chain, and the default one',
      {
        sees: `
      TLS: tls (a tls - direct_response)
      clear: closed (- - NR filter_chain_not_found)
      stat: listener.127.0.0.1_0.no_filter_chain_match +1
      stat: tls_inspector.alpn_not_found +1
      stat: tls_inspector.sni_found +1
      stat: tls_inspector.tls_found +1
      stat: tls_inspector.tls_not_found +1
      TLS: tls (a tls - direct_response)
      clear: default (- default - direct_response)
      stat: tls_inspector.alpn_not_found +1
      stat: tls_inspector.sni_found +1
      stat: tls_inspector.tls_found +1
      stat: tls_inspector.tls_not_found +1
    `,
      },
      async s => {
        await tellAll(s, 'nochain', { TLS: named('a'), clear: 'hello, world' })
        await tellAll(s, 'default', { TLS: named('a'), clear: 'hello, world' })
      },
    )
  },
)
