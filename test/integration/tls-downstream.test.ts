// TLS from clients: which chain and certificate they get, what is agreed on, what is refused, resumption, stapling.
import type { TLSSocket } from 'node:tls'
import { get } from '../support/bytes.js'
import { Certificate, writeFiles } from '../support/certificates.js'
import { fileLog, http, serverTls } from '../support/config.js'
import type { ClientTls, RawClient } from '../support/raw-client.js'
import { feature, type Scene } from '../support/scenario.js'

const ca = Certificate.authority()
const a = ca.issue({ subject: 'CN=a', sans: ['DNS:a.example'] })
const b = ca.issue({ subject: 'CN=b', sans: ['DNS:*.b.example'] })
const rsa = ca.issue({ subject: 'CN=rsa', sans: ['DNS:a.example', 'DNS:rsa.example'], key: 'RSA-2048' })
const named = ca.issue({ subject: 'CN=named.example' })

const direct = (text: string): string =>
  `[{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: "${text}"}}}]`
const inspector =
  'listener_filters: [{name: i, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector}}]'

async function writing(tmp: string, files: Readonly<Record<string, Certificate>>): Promise<Record<string, string>> {
  writeFiles(tmp, files)
  return {}
}

/** A listener whose chains are picked by a match. */
function choosing(name: string, chains: readonly (readonly [name: string, match: string, tls: string])[], more = '') {
  const made = chains.map(([chain, match, chainTls]) => {
    const { filter_chains } = http(chain, { routes: direct(chain), hcm: 'access_log: []', chain: chainTls }) as {
      filter_chains: object[]
    }
    return { ...filter_chains[0], name: chain, ...(match === '' ? {} : { filter_chain_match: JSON.parse(match) }) }
  })
  return {
    ...http(name, { listener: `{stat_prefix: ${name}, ${inspector}}` }),
    filter_chains: made,
    ...(more === '' ? {} : JSON.parse(more)),
  }
}

const plain = (name: string, common = '', more = '', certificates: string | string[] = 'a') =>
  http(name, {
    routes: direct(name),
    hcm: 'access_log: []',
    listener: `stat_prefix: ${name}`,
    chain: serverTls(certificates, `{${common}}`, more),
  })

/** The handshake's outcome in words. */
function agreed(socket: TLSSocket): string {
  const peer = socket.getPeerCertificate()
  const alpn = socket.alpnProtocol === false ? '' : ` ${socket.alpnProtocol}`
  return `${socket.getProtocol()} ${socket.getCipher().name} CN=${peer.subject?.CN ?? '?'}${alpn}${socket.isSessionReused() ? ' resumed' : ''}`
}

/** Connects, asks for "/" and notes what was agreed on and answered; or the alert. */
async function talk(s: Scene, to: string, options: ClientTls = {}): Promise<RawClient | undefined> {
  try {
    const client = await s.connectTls(options, to)
    await client.send(get('/'))
    const answer = await client.response().catch(() => undefined)
    s.note(`${agreed(client.tls)}: ${answer?.body.toString() ?? `${client.state} ${client.problem}`}`)
    return client
  } catch (error) {
    s.note((error as NodeJS.ErrnoException).code ?? String(error))
    return undefined
  }
}

const old = { ciphers: 'DEFAULT:@SECLEVEL=0' }
const upTo = (version: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2'): ClientTls => ({
  ...old,
  minVersion: 'TLSv1',
  maxVersion: version,
})

feature(
  'what is agreed on',
  {
    file: import.meta.url,
    listeners: [
      plain('main'),
      plain('only12', 'tls_params: {tls_maximum_protocol_version: TLSv1_2}'),
      plain('only13', 'tls_params: {tls_minimum_protocol_version: TLSv1_3}'),
      plain(
        'ancient',
        'tls_params: {tls_minimum_protocol_version: TLSv1_0, tls_maximum_protocol_version: TLSv1_1, cipher_suites: [ECDHE-ECDSA-AES128-SHA]}',
      ),
      plain(
        'suites',
        'tls_params: {tls_maximum_protocol_version: TLSv1_2, cipher_suites: [ECDHE-ECDSA-AES256-GCM-SHA384, ECDHE-ECDSA-AES128-GCM-SHA256]}',
      ),
      plain(
        'group',
        'tls_params: {tls_maximum_protocol_version: TLSv1_2, cipher_suites: ["[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]", ECDHE-ECDSA-AES256-GCM-SHA384]}',
      ),
      plain(
        'theirs',
        'tls_params: {tls_maximum_protocol_version: TLSv1_2, cipher_suites: [ECDHE-ECDSA-AES256-GCM-SHA384, ECDHE-ECDSA-AES128-GCM-SHA256]}',
        'prefer_client_ciphers: true',
      ),
      plain(
        'standard',
        'tls_params: {tls_maximum_protocol_version: TLSv1_2, cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]}',
      ),
      plain('curves', 'tls_params: {ecdh_curves: [P-384]}'),
      plain('alpn', 'alpn_protocols: [http/1.1, http/1.0]'),
    ],
    clusters: [],
    values: async tmp => writing(tmp, { a }),
  },
  f => {
    const stats = /^listener\.\w+\.ssl\./
    f.scenario(
      'the defaults',
      {
        sees: `
      TLSv1.3 TLS_AES_256_GCM_SHA384 CN=a: main
      stat: listener.main.ssl.ciphers.TLS_AES_256_GCM_SHA384 +1
      stat: listener.main.ssl.curves.X25519 +1
      stat: listener.main.ssl.handshake +1
      stat: listener.main.ssl.no_certificate +1
      stat: listener.main.ssl.versions.TLSv1.3 +1
    `,
      },
      s => s.statsOf(stats, async () => void (await talk(s, 'main'))),
    )
    f.scenario(
      'the defaults, TLS 1.2',
      {
        sees: `
      TLSv1.2 ECDHE-ECDSA-CHACHA20-POLY1305 CN=a: main
      stat: listener.main.ssl.ciphers.ECDHE-ECDSA-CHACHA20-POLY1305 +1
      stat: listener.main.ssl.curves.X25519 +1
      stat: listener.main.ssl.handshake +1
      stat: listener.main.ssl.no_certificate +1
      stat: listener.main.ssl.versions.TLSv1.2 +1
    `,
      },
      s => s.statsOf(stats, async () => void (await talk(s, 'main', upTo('TLSv1.2')))),
    )
    f.scenario(
      'TLS 1.1 is too old',
      {
        sees: `
      ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION
      stat: listener.main.ssl.connection_error +1
    `,
      },
      s => s.statsOf(stats, async () => void (await talk(s, 'main', upTo('TLSv1.1')))),
    )
    f.scenario(
      'a maximum',
      {
        sees: `
      TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256 CN=a: only12
      ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION
    `,
      },
      async s => {
        await talk(s, 'only12')
        await talk(s, 'only12', { minVersion: 'TLSv1.3' })
      },
    )
    f.scenario(
      'a minimum',
      {
        sees: `
      TLSv1.3 TLS_AES_256_GCM_SHA384 CN=a: only13
      ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION
    `,
      },
      async s => {
        await talk(s, 'only13')
        await talk(s, 'only13', upTo('TLSv1.2'))
      },
    )
    f.scenario(
      'TLS 1.0 and 1.1, for those who ask for them',
      {
        sees: `
      TLSv1 ECDHE-ECDSA-AES128-SHA CN=a: ancient
      TLSv1.1 ECDHE-ECDSA-AES128-SHA CN=a: ancient
    `,
      },
      async s => {
        await talk(s, 'ancient', upTo('TLSv1'))
        await talk(s, 'ancient', upTo('TLSv1.2'))
      },
    )
    f.scenario(
      'suites in our order',
      {
        sees: `
      TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384 CN=a: suites
      TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256 CN=a: suites
      ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE
    `,
      },
      async s => {
        const both = 'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384'
        await talk(s, 'suites', { ciphers: both })
        await talk(s, 'suites', { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' })
        await talk(s, 'suites', { ciphers: 'ECDHE-ECDSA-CHACHA20-POLY1305' })
      },
    )
    f.scenario(
      'suites of equal preference: the client chooses',
      {
        sees: `
      TLSv1.2 ECDHE-ECDSA-CHACHA20-POLY1305 CN=a: group
      TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256 CN=a: group
      TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256 CN=a: group
    `,
      },
      async s => {
        await talk(s, 'group', { ciphers: 'ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256' })
        await talk(s, 'group', { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305' })
        await talk(s, 'group', { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256' })
      },
    )
    f.scenario(
      "suites in the client's order",
      {
        sees: `
      TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256 CN=a: theirs
    `,
      },
      async s => {
        await talk(s, 'theirs', { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384' })
      },
    )
    f.scenario(
      'suites by the names of the standard',
      {
        sees: `
      TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384 CN=a: standard
    `,
      },
      async s => {
        await talk(s, 'standard')
      },
    )
    f.scenario(
      'curves',
      {
        sees: `
      TLSv1.3 TLS_AES_256_GCM_SHA384 CN=a: curves
      ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE
      ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE
    `,
      },
      async s => {
        await talk(s, 'curves', { ecdhCurve: 'P-384' })
        await talk(s, 'curves', { ecdhCurve: 'X25519' })
        await talk(s, 'main', { ecdhCurve: 'P-521' })
      },
    )
    f.scenario(
      'ALPN',
      {
        sees: `
      TLSv1.3 TLS_AES_256_GCM_SHA384 CN=a http/1.1: alpn
      TLSv1.3 TLS_AES_256_GCM_SHA384 CN=a http/1.1: alpn
      TLSv1.3 TLS_AES_256_GCM_SHA384 CN=a: alpn
      TLSv1.3 TLS_AES_256_GCM_SHA384 CN=a: alpn
      TLSv1.3 TLS_AES_256_GCM_SHA384 CN=a: main
    `,
      },
      async s => {
        await talk(s, 'alpn', { ALPNProtocols: ['http/1.1'] })
        await talk(s, 'alpn', { ALPNProtocols: ['http/1.0', 'http/1.1'] })
        await talk(s, 'alpn', { ALPNProtocols: ['nonsense'] })
        await talk(s, 'alpn')
        await talk(s, 'main', { ALPNProtocols: ['http/1.1'] })
      },
    )
  },
)

feature(
  'which chain, which certificate',
  {
    file: import.meta.url,
    listeners: [
      choosing('main', [
        ['exact', '{"server_names": ["a.example"]}', serverTls('a')],
        ['wild', '{"server_names": ["*.b.example"]}', serverTls('b')],
        ['clear', '{"transport_protocol": "raw_buffer"}', ''],
        ['other', '{"transport_protocol": "tls"}', serverTls('named')],
      ]),
      choosing('nobody', [['exact', '{"server_names": ["a.example"]}', serverTls('a')]]),
      choosing('alpn', [
        ['special', '{"application_protocols": ["special"]}', serverTls('a', 'alpn_protocols: [special]')],
        ['other', '', serverTls('b')],
      ]),
      plain('several', '', '', ['a', 'b', 'named']),
      plain('kinds', '', '', ['a', 'rsa']),
      plain('scan', '', 'full_scan_certs_on_sni_mismatch: true', ['a', 'rsa']),
      plain('named', '', 'require_sni: true'),
    ],
    clusters: [],
    values: async tmp => writing(tmp, { a, b, rsa, named }),
  },
  f => {
    f.scenario(
      'a chain by the name that was asked for',
      {
        sees: `
      a.example
      TLSv1.3 TLS_AES_256_GCM_SHA384 CN=a: exact
      A.EXAMPLE
      TLSv1.3 TLS_AES_256_GCM_SHA384 CN=a: exact
      x.b.example
      TLSv1.3 TLS_AES_256_GCM_SHA384 CN=b: wild
      x.y.b.example
      TLSv1.3 TLS_AES_256_GCM_SHA384 CN=b: wild
      b.example
      TLSv1.3 TLS_AES_256_GCM_SHA384 CN=named.example: other
      c.example
      TLSv1.3 TLS_AES_256_GCM_SHA384 CN=named.example: other
      no name
      TLSv1.3 TLS_AES_256_GCM_SHA384 CN=named.example: other
      clear text: clear
    `,
      },
      async s => {
        for (const servername of ['a.example', 'A.EXAMPLE', 'x.b.example', 'x.y.b.example', 'b.example', 'c.example']) {
          s.note(servername)
          await talk(s, 'main', { servername })
        }
        s.note('no name')
        await talk(s, 'main')
        const client = await s.connect('main')
        await client.send(get('/'))
        s.note(`clear text: ${(await client.response()).body.toString()}`)
      },
    )
    f.scenario(
      'no chain',
      {
        sees: `
      ECONNRESET
      stat: listener.nobody.no_filter_chain_match +1
      stat: tls_inspector.alpn_not_found +1
      stat: tls_inspector.sni_found +1
      stat: tls_inspector.tls_found +1
    `,
      },
      s =>
        s.statsOf(
          /no_filter_chain_match|tls_inspector/,
          async () => void (await talk(s, 'nobody', { servername: 'b.example' })),
        ),
    )
    f.scenario(
      'a chain by ALPN',
      {
        sees: `
      TLSv1.3 TLS_AES_256_GCM_SHA384 CN=a special: special
      TLSv1.3 TLS_AES_256_GCM_SHA384 CN=b: other
    `,
      },
      async s => {
        await talk(s, 'alpn', { ALPNProtocols: ['special', 'more'] })
        await talk(s, 'alpn', { ALPNProtocols: ['more'] })
      },
    )
    f.scenario(
      'a certificate by name',
      {
        sees: `
      TLSv1.3 TLS_AES_256_GCM_SHA384 CN=a: several
      TLSv1.3 TLS_AES_256_GCM_SHA384 CN=b: several
      TLSv1.3 TLS_AES_256_GCM_SHA384 CN=named.example: several
      TLSv1.3 TLS_AES_256_GCM_SHA384 CN=a: several
      TLSv1.3 TLS_AES_256_GCM_SHA384 CN=a: several
    `,
      },
      async s => {
        for (const servername of ['a.example', 'x.b.example', 'named.example', 'c.example'])
          await talk(s, 'several', { servername })
        await talk(s, 'several')
      },
    )
    f.scenario(
      'a certificate by what the client can verify',
      {
        sees: `
      TLSv1.3 TLS_AES_256_GCM_SHA384 CN=a: kinds
      TLSv1.2 ECDHE-RSA-CHACHA20-POLY1305 CN=rsa: kinds
      TLSv1.3 TLS_AES_256_GCM_SHA384 CN=rsa: kinds
      TLSv1.3 TLS_AES_256_GCM_SHA384 CN=a: kinds
      ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE
      TLSv1.3 TLS_AES_256_GCM_SHA384 CN=a: scan
    `,
      },
      async s => {
        const onlyRsa: ClientTls = { sigalgs: 'rsa_pss_rsae_sha256', ...upTo('TLSv1.2') }
        await talk(s, 'kinds', { servername: 'a.example' })
        await talk(s, 'kinds', { servername: 'a.example', ...onlyRsa })
        await talk(s, 'kinds', { servername: 'rsa.example' })
        await talk(s, 'kinds', { servername: 'c.example' })
        await talk(s, 'kinds', { servername: 'c.example', ...onlyRsa })
        await talk(s, 'scan', { servername: 'c.example' })
      },
    )
    f.scenario(
      'a name is required',
      {
        sees: `
      TLSv1.3 TLS_AES_256_GCM_SHA384 CN=a: named
      TLSv1.3 TLS_AES_256_GCM_SHA384 CN=a: named
    `,
      },
      async s => {
        await talk(s, 'named')
        await talk(s, 'named', { servername: 'a.example' })
      },
    )
  },
)

const failures = [
  fileLog(
    '${tmp}/listener.log',
    '%RESPONSE_FLAGS% %DOWNSTREAM_TRANSPORT_FAILURE_REASON% %DOWNSTREAM_LOCAL_CLOSE_REASON% %CONNECTION_TERMINATION_DETAILS%\n',
  ),
]

feature(
  'what goes wrong',
  {
    file: import.meta.url,
    listeners: [
      {
        ...plain('main', '', '', 'a'),
        access_log: failures,
      },
      http('slow', {
        routes: direct('slow'),
        listener: 'stat_prefix: slow',
        chain: `transport_socket_connect_timeout: 0.2s\n${serverTls('a')}`,
      }),
    ],
    clusters: [],
    values: async tmp => writing(tmp, { a }),
  },
  f => {
    const stats = /^listener\.(?:main|slow)\.(ssl\.(conn|fail|hand)|downstream_cx_(total|destroy|active|transport))/
    f.scenario(
      'HTTP in clear text',
      {
        sees: `
      < client
      (closed)
      stat: listener.main.downstream_cx_destroy +1
      stat: listener.main.downstream_cx_total +1
      stat: listener.main.ssl.connection_error +1
      log: - TLS_error:|268435612:SSL_routines:OPENSSL_internal:HTTP_REQUEST:TLS_error_end - -
    `,
      },
      s =>
        broken(s, async client => {
          await client.send(get('/'))
          await client.closed()
        }),
    )
    f.scenario(
      'nonsense',
      {
        nuncio: {
          because: 'OpenSSL calls it by another name, with another alert',
          instead: `
      < client
      \\x15\\x03\\x03\\x00\\x02\\x02\\n
      (closed)
      stat: listener.main.downstream_cx_destroy +1
      stat: listener.main.downstream_cx_total +1
      stat: listener.main.ssl.connection_error +1
      log: - TLS_error:|268435679:SSL_routines:OPENSSL_internal:UNEXPECTED_MESSAGE:TLS_error_end - -
    `,
        },
        sees: `
      < client
      \\x15\\x03\\x01\\x00\\x02\\x02/
      (closed)
      stat: listener.main.downstream_cx_destroy +1
      stat: listener.main.downstream_cx_total +1
      stat: listener.main.ssl.connection_error +1
      log: - TLS_error:|268435606:SSL_routines:OPENSSL_internal:EXCESSIVE_MESSAGE_SIZE:TLS_error_end - -
    `,
      },
      s =>
        broken(s, async client => {
          await client.send('\x16\x03\x01\x00\x05abcdefghij')
          await client.closed()
        }),
    )
    f.scenario(
      'a client that leaves in the handshake',
      {
        sees: `
      < client
      (closed)
      stat: listener.main.downstream_cx_destroy +1
      stat: listener.main.downstream_cx_total +1
      log: - - - -
    `,
      },
      s =>
        broken(s, async client => {
          await client.send('\x16\x03\x01\x02\x00\x01')
          client.end()
          await client.closed()
        }),
    )
    f.scenario(
      'a client that resets in the handshake',
      {
        sees: `
      < client
      (open)
      stat: listener.main.downstream_cx_destroy +1
      stat: listener.main.downstream_cx_total +1
      log: - TLS_error:|33554536:system_library:OPENSSL_internal:Connection_reset_by_peer:TLS_error_end - -
    `,
      },
      s =>
        broken(s, async client => {
          await client.send('\x16\x03\x01\x02\x00\x01')
          client.reset()
        }),
    )
    async function broken(s: Scene, act: (client: RawClient) => Promise<void>): Promise<void> {
      await s.statsOf(stats, async () => {
        const client = await s.connect('main')
        await act(client)
        s.sawAll(client)
      })
      for (const line of await s.log(1, 'listener').catch(() => ['no line'])) s.note(`log: ${line}`)
    }
    f.scenario(
      'a client that says nothing',
      {
        sees: `
      closed
      stat: listener.slow.downstream_cx_destroy +1
      stat: listener.slow.downstream_cx_total +1
      stat: listener.slow.downstream_cx_transport_socket_connect_timeout +1
    `,
      },
      async s => {
        await s.statsOf(stats, async () => {
          const client = await s.connect('slow')
          s.note(await client.closed())
        })
      },
    )
  },
)
