// The PROXY protocol: headers of both versions from downstream, what becomes of their addresses and TLVs.
import { cluster, fileLog, http, tcp } from '../support/config.js'
import { ipv4, ipv6, proxyV2, tlv } from '../support/proxy-header.js'
import { feature, type Scene } from '../support/scenario.js'

const FILTER = 'type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol'
const DIRECT = 'type.googleapis.com/envoy.extensions.filters.network.direct_response.v3.Config'
const LOG =
  '%DOWNSTREAM_REMOTE_ADDRESS% from %DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%, to %DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% at %DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT% %DYNAMIC_METADATA(envoy.filters.listener.proxy_protocol)% %DYNAMIC_METADATA(own:key2)% %FILTER_STATE(envoy.network.proxy_protocol.tlv)% %FILTER_STATE(envoy.network.proxy_protocol.tlv:FIELD:key1)%\n'

/** Says "in" to whoever gets past the listener filter, and closes. */
const answering = (name: string, filter: object): Record<string, unknown> => ({
  name,
  address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
  listener_filters: [{ name: 'proxy', typed_config: { '@type': FILTER, ...filter } }],
  access_log: [fileLog(`\${tmp}/${name}.log`, LOG)],
  filter_chains: [
    { filters: [{ name: 'direct', typed_config: { '@type': DIRECT, response: { inline_string: 'in' } } }] },
  ],
})

/** Sends, and notes who was let in and what the log says. Peers that wait for more end. */
async function tell(s: Scene, listener: string, name: string, bytes: string | Buffer): Promise<void> {
  const client = await s.connect(listener)
  const { localPort } = client // a closed socket has none
  await client.send(bytes)
  if (name.endsWith('…')) client.end()
  await client.closed()
  const [line = ''] = await s.log(1, listener)
  const port = new RegExp(`127\\.0\\.0\\.1:${localPort}\\b`)
  s.note(`${name}: ${client.received.toString('latin1') || 'refused'} ${line.replace(port, 'itself')}`)
}

async function tellAll(
  s: Scene,
  listener: string,
  cases: Readonly<Record<string, string | Buffer>>,
  stats = /proxy_proto|listener_filter/,
): Promise<void> {
  await s.statsOf(stats, async () => {
    for (const [name, bytes] of Object.entries(cases)) await tell(s, listener, name, bytes)
  })
}

const long = Buffer.alloc(300, 'v')

feature(
  'headers',
  {
    file: import.meta.url,
    listeners: [
      answering('main', {
        rules: [
          { tlv_type: 0xea, on_tlv_present: { key: 'key1' } },
          {
            tlv_type: 0xeb,
            on_tlv_present: { metadata_namespace: 'own', key: 'key2', value_string_encoding: 'BASE64' },
          },
        ],
      }),
      answering('optional', {
        allow_requests_without_proxy_protocol: true,
        stat_prefix: 'opt',
        tlv_location: 'FILTER_STATE',
        rules: [{ tlv_type: 0xea, on_tlv_present: { key: 'key1' } }],
      }),
      answering('nov1', { disallowed_versions: ['V1'] }),
      answering('nov2', { disallowed_versions: ['V2'], allow_requests_without_proxy_protocol: true }),
    ],
    clusters: [],
  },
  f => {
    f.scenario(
      'version 1',
      {
        sees: `
          TCP4: in 1.2.3.4:1111 from 127.0.0.1, to 5.6.7.8 at 127.0.0.1 - - - -
          TCP6: in [fe80::1]:1111 from 127.0.0.1, to 2001::2 at 127.0.0.1 - - - -
          UNKNOWN: in itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          UNKNOWN with addresses: in itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          UNKNOWNX: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          port 0: in 1.2.3.4:0 from 127.0.0.1, to 5.6.7.8 at 127.0.0.1 - - - -
          port +1: in 1.2.3.4:1 from 127.0.0.1, to 5.6.7.8 at 127.0.0.1 - - - -
          port 65536: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          port a: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          port -1: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          both families: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          TCP4 with IPv6: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          TCP6 with IPv4: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          IPv4 in IPv6: in [::ffff:1.2.3.4]:1111 from 127.0.0.1, to ::ffff:5.6.7.8 at 127.0.0.1 - - - -
          UDP4: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          a port missing: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          a word too many: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          two spaces: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          address any: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          broadcast: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          multicast: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          leading zero: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          longest line: in itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          too long a line: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          no words: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          no words, a space: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          line feed alone…: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          half a line…: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          nothing…: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          stat: downstream_cx_proxy_proto_error +18
          stat: listener.127.0.0.1_0.downstream_listener_filter_remote_close +3
          stat: proxy_proto.versions.v1.error +18
          stat: proxy_proto.versions.v1.found +8
        `,
      },
      async s =>
        tellAll(s, 'main', {
          TCP4: 'PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n',
          TCP6: 'PROXY TCP6 fe80::1 2001::2 1111 2222\r\nhi',
          UNKNOWN: 'PROXY UNKNOWN\r\nhi',
          'UNKNOWN with addresses': 'PROXY UNKNOWN fe80::1 2001::2 1111 2222\r\n',
          UNKNOWNX: 'PROXY UNKNOWNX\r\n',
          'port 0': 'PROXY TCP4 1.2.3.4 5.6.7.8 0 0\r\n',
          'port +1': 'PROXY TCP4 1.2.3.4 5.6.7.8 +1 01\r\n',
          'port 65536': 'PROXY TCP4 1.2.3.4 5.6.7.8 65536 2222\r\n',
          'port a': 'PROXY TCP4 1.2.3.4 5.6.7.8 a 2222\r\n',
          'port -1': 'PROXY TCP4 1.2.3.4 5.6.7.8 -1 2222\r\n',
          'both families': 'PROXY TCP4 1.2.3.4 fe80::1 1111 2222\r\n',
          'TCP4 with IPv6': 'PROXY TCP4 fe80::1 fe80::2 1111 2222\r\n',
          'TCP6 with IPv4': 'PROXY TCP6 1.2.3.4 5.6.7.8 1111 2222\r\n',
          'IPv4 in IPv6': 'PROXY TCP6 ::ffff:1.2.3.4 ::ffff:5.6.7.8 1111 2222\r\n',
          UDP4: 'PROXY UDP4 1.2.3.4 5.6.7.8 1111 2222\r\n',
          'a port missing': 'PROXY TCP4 1.2.3.4 5.6.7.8 1111\r\n',
          'a word too many': 'PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222 3\r\n',
          'two spaces': 'PROXY TCP4  1.2.3.4 5.6.7.8 1111 2222\r\n',
          'address any': 'PROXY TCP4 0.0.0.0 5.6.7.8 1111 2222\r\n',
          broadcast: 'PROXY TCP4 1.2.3.4 255.255.255.255 1111 2222\r\n',
          multicast: 'PROXY TCP4 224.0.0.1 5.6.7.8 1111 2222\r\n',
          'leading zero': 'PROXY TCP4 01.2.3.4 5.6.7.8 1111 2222\r\n',
          'longest line': `PROXY UNKNOWN ${'x'.repeat(92)}\r\n`,
          'too long a line': `PROXY UNKNOWN ${'x'.repeat(93)}\r\n`,
          'no words': 'PROXY\r\n',
          'no words, a space': 'PROXY \r\n',
          'line feed alone…': 'PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\n',
          'half a line…': 'PROXY TCP4 1.2.',
          'nothing…': '',
        }),
    )
    f.scenario(
      'version 2',
      {
        sees: `
          TCP4: in 1.2.3.4:1111 from 127.0.0.1, to 5.6.7.8 at 127.0.0.1 - - - -
          TCP6: in [fe80::1]:1111 from 127.0.0.1, to 2001::2 at 127.0.0.1 - - - -
          UDP4: in 1.2.3.4:1111 from 127.0.0.1, to 5.6.7.8 at 127.0.0.1 - - - -
          local: in itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          local with addresses: in itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          local with more: in itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          local with a TLV: in itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          no family: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          unix sockets: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          no transport: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          unknown family: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          unknown transport: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          version 1: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          version 3: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          command 2: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          addresses cut: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          address any: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          multicast: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          broadcast: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          TLVs: in 1.2.3.4:1111 from 127.0.0.1, to 5.6.7.8 at 127.0.0.1 {"key1":"val!1"} YWJj/w== - -
          the same TLV twice: in 1.2.3.4:1111 from 127.0.0.1, to 5.6.7.8 at 127.0.0.1 {"key1":"one"} - - -
          an empty TLV: in 1.2.3.4:1111 from 127.0.0.1, to 5.6.7.8 at 127.0.0.1 {"key1":""} - - -
          a TLV beyond the header: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          a byte of a TLV: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          a long TLV: in 1.2.3.4:1111 from 127.0.0.1, to 5.6.7.8 at 127.0.0.1 {"key1":"vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"} - - -
          a wrong signature: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          half a header…: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          stat: downstream_cx_proxy_proto_error +15
          stat: listener.127.0.0.1_0.downstream_listener_filter_remote_close +1
          stat: proxy_proto.not_found_disallowed +1
          stat: proxy_proto.versions.v2.error +14
          stat: proxy_proto.versions.v2.found +11
        `,
      },
      async s =>
        tellAll(s, 'main', {
          TCP4: proxyV2(),
          TCP6: proxyV2({ family: 0x21, body: ipv6 }),
          UDP4: proxyV2({ family: 0x12 }),
          local: proxyV2({ versionCommand: 0x20, family: 0, body: Buffer.alloc(0) }),
          'local with addresses': proxyV2({ versionCommand: 0x20 }),
          'local with more': proxyV2({ versionCommand: 0x20, family: 0, body: Buffer.alloc(500, 'x') }),
          'local with a TLV': proxyV2({ versionCommand: 0x20, body: Buffer.concat([ipv4(), tlv(0xea, 'value')]) }),
          'no family': proxyV2({ family: 0, body: Buffer.alloc(0) }),
          'unix sockets': proxyV2({ family: 0x31, body: Buffer.alloc(216, '/') }),
          'no transport': proxyV2({ family: 0x10 }),
          'unknown family': proxyV2({ family: 0x41 }),
          'unknown transport': proxyV2({ family: 0x13 }),
          'version 1': proxyV2({ versionCommand: 0x11 }),
          'version 3': proxyV2({ versionCommand: 0x31 }),
          'command 2': proxyV2({ versionCommand: 0x22 }),
          'addresses cut': proxyV2({ body: ipv4().subarray(0, 8) }),
          'address any': proxyV2({ body: Buffer.alloc(12) }),
          multicast: proxyV2({ body: ipv4([224, 0, 0, 1]) }),
          broadcast: proxyV2({ body: ipv4([1, 2, 3, 4], [255, 255, 255, 255]) }),
          TLVs: proxyV2({ body: Buffer.concat([ipv4(), tlv(0xea, 'val\xff1'), tlv(0xeb, 'abc\xff'), tlv(4, '\0\0')]) }),
          'the same TLV twice': proxyV2({ body: Buffer.concat([ipv4(), tlv(0xea, 'one'), tlv(0xea, 'two')]) }),
          'an empty TLV': proxyV2({ body: Buffer.concat([ipv4(), tlv(0xea, '')]) }),
          'a TLV beyond the header': proxyV2({ body: Buffer.concat([ipv4(), Buffer.from([0xea, 0, 9, 65])]) }),
          'a byte of a TLV': proxyV2({ body: Buffer.concat([ipv4(), Buffer.from([0xea])]) }),
          'a long TLV': proxyV2({ body: Buffer.concat([ipv4(), tlv(0xea, long)]) }),
          'a wrong signature': Buffer.concat([Buffer.from('\r\n\r\n\0\r\nQUITX', 'latin1'), Buffer.alloc(16)]),
          'half a header…': proxyV2().subarray(0, 20),
        }),
    )
    f.scenario(
      'a TLV of 60000 bytes',
      {
        sees: `
      in
      a line of 60070 characters
    `,
      },
      async s => {
        const client = await s.connect('main')
        await client.send(proxyV2({ body: Buffer.concat([ipv4(), tlv(0xea, Buffer.alloc(60_000, 'x'))]) }))
        await client.closed()
        s.note(client.received.toString())
        const [line = ''] = await s.log(1)
        s.note(`a line of ${line.length} characters`)
      },
    )
    f.scenario(
      'byte by byte',
      {
        sees: `
      in
      log: 1.2.3.4:1111 from 127.0.0.1, to 5.6.7.8 at 127.0.0.1 - - - -
      in
      log: 1.2.3.4:1111 from 127.0.0.1, to 5.6.7.8 at 127.0.0.1 {"key1":"value"} - - -
    `,
      },
      async s => {
        for (const bytes of [
          Buffer.from('PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n'),
          proxyV2({ body: Buffer.concat([ipv4(), tlv(0xea, 'value')]) }),
        ]) {
          const client = await s.connect()
          for (const byte of bytes) await client.send(Buffer.from([byte]))
          await client.closed()
          s.note(client.received.toString())
          await s.sawLog()
        }
      },
    )
    f.scenario(
      'no header where one must be',
      {
        sees: `
          another protocol: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          in lower case: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          a few bytes…: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          stat: downstream_cx_proxy_proto_error +2
          stat: listener.127.0.0.1_0.downstream_listener_filter_remote_close +1
          stat: proxy_proto.not_found_disallowed +2
        `,
      },
      async s =>
        tellAll(s, 'main', {
          'another protocol': 'GET / HTTP/1.1\r\nhost: a\r\n\r\n',
          'in lower case': 'proxy TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n',
          'a few bytes…': 'hello',
        }),
    )
    f.scenario(
      'no header where none need be',
      {
        sees: `
          another protocol: in itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          a few bytes: in itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          a broken signature: in itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          version 1: in 1.2.3.4:1111 from 127.0.0.1, to 5.6.7.8 at 127.0.0.1 - - - -
          version 2, TLV: in 1.2.3.4:1111 from 127.0.0.1, to 5.6.7.8 at 127.0.0.1 - - {"key1":"two!"} two!
          wrong version 1: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          wrong version 2: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          a beginning…: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          stat: downstream_cx_proxy_proto_error +2
          stat: listener.127.0.0.1_0.downstream_listener_filter_remote_close +1
          stat: proxy_proto.opt.not_found_allowed +3
          stat: proxy_proto.opt.versions.v1.error +1
          stat: proxy_proto.opt.versions.v1.found +1
          stat: proxy_proto.opt.versions.v2.error +1
          stat: proxy_proto.opt.versions.v2.found +1
        `,
      },
      async s =>
        tellAll(s, 'optional', {
          'another protocol': 'GET / HTTP/1.1\r\nhost: a\r\n\r\n',
          'a few bytes': 'hello',
          'a broken signature': Buffer.from('\r\n\r\n\0\r\nQUITX', 'latin1'),
          'version 1': 'PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n',
          'version 2, TLV': proxyV2({ body: Buffer.concat([ipv4(), tlv(0xea, 'one'), tlv(0xea, 'two\xff')]) }),
          'wrong version 1': 'PROXY TCP4 1.2.3.4\r\n',
          'wrong version 2': proxyV2({ versionCommand: 0x31 }),
          'a beginning…': 'PRO',
        }),
    )
    f.scenario(
      'versions not allowed',
      {
        sees: `
          version 1: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          wrong version 1: refused itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          version 2: in 1.2.3.4:1111 from 127.0.0.1, to 5.6.7.8 at 127.0.0.1 - - - -
          stat: proxy_proto.versions.v1.disallowed +2
          stat: proxy_proto.versions.v1.found +2
          stat: proxy_proto.versions.v2.found +1
          version 1: in 1.2.3.4:1111 from 127.0.0.1, to 5.6.7.8 at 127.0.0.1 - - - -
          version 2: in itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          another protocol: in itself from 127.0.0.1, to 127.0.0.1 at 127.0.0.1 - - - -
          stat: proxy_proto.not_found_allowed +2
          stat: proxy_proto.versions.v1.found +1
        `,
      },
      async s => {
        await tellAll(s, 'nov1', {
          'version 1': 'PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n',
          'wrong version 1': 'PROXY TCP4\r\n',
          'version 2': proxyV2(),
        })
        await tellAll(s, 'nov2', {
          'version 1': 'PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n',
          'version 2': proxyV2(),
          'another protocol': 'hello',
        })
      },
    )
    f.scenario(
      'the client ends right behind its header',
      {
        onlyNuncio: 'Envoy throws away what the client sent when its end is noticed in time',
        sees: `
        in
      `,
      },
      async s => {
        const client = await s.connect('main')
        await client.send('PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\nhi')
        client.end()
        await client.closed()
        s.note(client.received.toString() || 'refused')
      },
    )
  },
)

feature(
  'HTTP behind a header',
  {
    file: import.meta.url,
    listeners: [
      http('main', {
        listener: JSON.stringify({ listener_filters: [{ name: 'proxy', typed_config: { '@type': FILTER } }] }),
        hcm: 'use_remote_address: true',
        log: '%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_LOCAL_ADDRESS%\n',
      }),
      http('metadata', {
        listener: JSON.stringify({
          listener_filters: [
            {
              name: 'proxy',
              typed_config: { '@type': FILTER, rules: [{ tlv_type: 0xea, on_tlv_present: { key: 'key1' } }] },
            },
          ],
        }),
        log: '%DYNAMIC_METADATA(envoy.filters.listener.proxy_protocol)% %FILTER_STATE(envoy.network.proxy_protocol.tlv)%\n',
      }),
    ],
  },
  f => {
    f.scenario(
      'x-forwarded-for has the client of the header',
      {
        sees: `
      > up
      GET / HTTP/1.1
      host: a
      x-forwarded-for: 1.2.3.4
      x-forwarded-proto: http
      x-envoy-external-address: 1.2.3.4
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
      log: 1.2.3.4:1111 127.0.0.1 5.6.7.8:2222
    `,
      },
      async s => {
        await s.exchange({
          send: `PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n`,
        })
      },
    )
    f.scenario(
      'two requests on one connection',
      {
        sees: `
      > up
      GET / HTTP/1.1
      host: a
      x-forwarded-for: 2001::1
      x-forwarded-proto: http
      x-envoy-external-address: 2001::1
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      > up
      GET / HTTP/1.1
      host: a
      x-forwarded-for: 2001::1
      x-forwarded-proto: http
      x-envoy-external-address: 2001::1
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      okHTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: [2001::1]:1111 127.0.0.1 [2001::2]:2222
      log: [2001::1]:1111 127.0.0.1 [2001::2]:2222
    `,
      },
      async s => {
        const get = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'
        await s.exchange({
          send: [`PROXY TCP6 2001::1 2001::2 1111 2222\r\n${get}`, get],
          responses: 2,
        })
      },
    )
    f.scenario(
      'metadata of the connection in the log of a request',
      {
        sees: `
      log: - -
    `,
      },
      async s => {
        const client = await s.connect('metadata')
        await client.send(proxyV2({ body: Buffer.concat([ipv4(), tlv(0xea, 'value')]) }))
        await client.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
        await client.response()
        await s.sawLog(1, 'metadata')
      },
    )
  },
)

const upstreamProxy = (config: object, more: object = {}): string =>
  JSON.stringify({
    transport_socket: {
      name: 'proxy',
      typed_config: {
        '@type':
          'type.googleapis.com/envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport',
        config,
        transport_socket: {
          name: 'raw',
          typed_config: { '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer' },
        },
        ...more,
      },
    },
  })
const optional = JSON.stringify({
  listener_filters: [
    {
      name: 'proxy',
      typed_config: {
        '@type': FILTER,
        allow_requests_without_proxy_protocol: true,
        pass_through_tlvs: { match_type: 'INCLUDE', tlv_type: [0xea, 0xeb] },
      },
    },
  ],
})
const hex = (bytes: Buffer): string =>
  bytes.toString('latin1').replace(/[^ -~\n]/g, found => `\\x${found.charCodeAt(0).toString(16).padStart(2, '0')}`)

feature(
  'headers towards upstreams: TCP',
  {
    file: import.meta.url,
    listeners: [
      tcp('one', 'cluster: one', optional),
      tcp('two', 'cluster: two', optional),
      tcp('added', 'cluster: added', optional),
    ],
    clusters: [
      cluster('one', ['up'], upstreamProxy({ version: 'V1' })),
      cluster(
        'two',
        ['up'],
        upstreamProxy({ version: 'V2', pass_through_tlvs: { match_type: 'INCLUDE', tlv_type: [0xeb] } }),
      ),
      cluster(
        'added',
        ['up'],
        upstreamProxy({
          version: 'V2',
          pass_through_tlvs: { match_type: 'INCLUDE_ALL' },
          added_tlvs: [
            { type: 0xea, value: 'YWRkZWQ=' },
            { type: 0xf0, value: 'dG9v' },
          ],
        }),
      ),
    ],
  },
  f => {
    const says = async (s: Scene, listener: string, bytes: Buffer | string): Promise<void> => {
      s.upstream().raw()
      const before = s.upstream().connections.length
      const client = await s.connect(listener)
      const { localPort } = client
      await client.send(bytes)
      const server = await s.upstream().nextConnection(before + 1)
      await server.until('hello')
      const ports = [localPort, s.proxy.port(listener)]
      let seen = hex(server.received)
      for (const [index, value] of ports.entries()) {
        const name = index === 0 ? 'CLIENT' : 'LISTENER'
        seen = seen.replaceAll(String(value), name).replaceAll(hex(Buffer.from([value >> 8, value & 255])), `<${name}>`)
      }
      s.note(seen)
      client.end()
      await server.closed()
      server.end()
      await client.closed()
    }
    const header = 'PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\nhello'
    const tlvs = (port: number): Buffer =>
      Buffer.concat([
        proxyV2({
          body: Buffer.concat([
            ipv4([1, 2, 3, 4], [5, 6, 7, 8], [port, 2222]),
            tlv(0xea, 'one'),
            tlv(0xeb, 'two'),
            tlv(0xec, 'no'),
          ]),
        }),
        Buffer.from('hello'),
      ])
    f.scenario(
      'version 1 to a TCP upstream',
      {
        sees: `
      PROXY TCP4 127.0.0.1 127.0.0.1 CLIENT LISTENER\\x0d
      hello, longer than a header
      PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\\x0d
      hello
      PROXY TCP6 fe80::1 2001::2 1111 2222\\x0d
      hello
      PROXY TCP4 127.0.0.1 127.0.0.1 CLIENT LISTENER\\x0d
      hello
    `,
      },
      async s => {
        await says(s, 'one', 'hello, longer than a header')
        await says(s, 'one', header)
        await says(s, 'one', 'PROXY TCP6 fe80::1 2001::2 1111 2222\r\nhello')
        await says(s, 'one', 'PROXY UNKNOWN\r\nhello')
      },
    )
    f.scenario(
      'version 2 to a TCP upstream',
      {
        sees: `
      \\x0d
      \\x0d
      \\x00\\x0d
      QUIT
      !\\x11\\x00\\x0c\\x01\\x02\\x03\\x04\\x05\\x06\\x07\\x08\\x04W\\x08\\xaehello
      \\x0d
      \\x0d
      \\x00\\x0d
      QUIT
      !\\x11\\x00\\x12\\x01\\x02\\x03\\x04\\x05\\x06\\x07\\x08\\x0d\\x05\\x08\\xae\\xeb\\x00\\x03twohello
      \\x0d
      \\x0d
      \\x00\\x0d
      QUIT
      !!\\x00$\\xfe\\x80\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x01 \\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x04W\\x08\\xaehello
    `,
      },
      async s => {
        await says(s, 'two', header)
        await says(s, 'two', tlvs(3333))
        await says(s, 'two', Buffer.concat([proxyV2({ family: 0x21, body: ipv6 }), Buffer.from('hello')]))
      },
    )
    f.scenario(
      'added TLVs',
      {
        sees: `
      \\x0d
      \\x0d
      \\x00\\x0d
      QUIT
      !\\x11\\x00\\x1a\\x01\\x02\\x03\\x04\\x05\\x06\\x07\\x08\\x04X\\x08\\xae\\xea\\x00\\x05added\\xf0\\x00\\x03toohello
      \\x0d
      \\x0d
      \\x00\\x0d
      QUIT
      !\\x11\\x00 \\x01\\x02\\x03\\x04\\x05\\x06\\x07\\x08\\x0d\\x06\\x08\\xae\\xea\\x00\\x05added\\xf0\\x00\\x03too\\xeb\\x00\\x03twohello
    `,
      },
      async s => {
        await says(s, 'added', 'PROXY TCP4 1.2.3.4 5.6.7.8 1112 2222\r\nhello')
        await says(s, 'added', tlvs(3334))
      },
    )
  },
)

feature(
  'headers towards upstreams: HTTP',
  {
    file: import.meta.url,
    listeners: [
      http('main', {
        routes: '[{match: {prefix: /}, route: {cluster: one}}]',
        listener: optional,
        hcm: 'use_remote_address: true',
      }),
    ],
    clusters: [cluster('one', ['up'], upstreamProxy({ version: 'V1' }))],
  },
  f => {
    f.scenario(
      'a connection is shared by requests of one client only',
      {
        sees: `
      PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222: 2
      PROXY TCP4 1.2.3.4 5.6.7.8 1112 2222: 1
    `,
      },
      async s => {
        const ask = async (header: string): Promise<void> => {
          const client = await s.connect()
          await client.send(`${header}GET / HTTP/1.1\r\nhost: a\r\n\r\n`)
          await client.response()
          client.destroy()
        }
        await ask('PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n')
        await ask('PROXY TCP4 1.2.3.4 5.6.7.8 1112 2222\r\n')
        await ask('PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n')
        for (const connection of s.upstream().connections) {
          const text = connection.received.toString('latin1')
          s.note(`${text.split('\r\n')[0]}: ${text.split('GET /').length - 1}`)
        }
      },
    )
  },
)
