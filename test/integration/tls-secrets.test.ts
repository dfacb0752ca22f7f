// Where certificates come from: files, text, environment, PKCS#12, secrets by name; and what happens when the files change.
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { get } from '../support/bytes.js'
import { Certificate, writeFiles } from '../support/certificates.js'
import { bootstrap, clientTls, cluster, http } from '../support/config.js'
import { ProxyUnderTest } from '../support/proxy-under-test.js'
import type { ClientTls } from '../support/raw-client.js'
import { feature, type Scene } from '../support/scenario.js'
import { poll } from '../support/wait.js'

const ca = Certificate.authority({ serial: 'caca' })
const middle = ca.issue({ subject: 'CN=Middle', isAuthority: true, serial: 'bebe' })
const one = middle.issue({
  subject: 'CN=one',
  sans: ['DNS:one.example', 'DNS:*.one.example', 'URI:spiffe://a/one', 'IP:127.0.0.1', 'IP:::1', 'EMAIL:a@b.example'],
  serial: '00ff01',
})
const two = ca.issue({ subject: 'CN=two', serial: '02' })
const client = ca.issue({ subject: 'CN=client' })

const listener = (name: string, socket: string) =>
  http(name, {
    chain: socket,
    hcm: 'access_log: []',
    listener: `stat_prefix: ${name}`,
    routes: '[{match: {prefix: /}, direct_response: {status: 200}}]',
  })
const context = (common: object, more: object = {}): string =>
  `transport_socket: ${JSON.stringify({
    name: 'tls',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
      common_tls_context: common,
      ...more,
    },
  })}`
const certificate = (config: object): string => context({ tls_certificates: [config] })
const file = (name: string) => ({ filename: `\${tmp}/${name}` })

/** The common name of the certificate a listener shows, or why there is none. */
async function shown(s: Scene, to: string, options: ClientTls = {}): Promise<string> {
  try {
    const connection = await s.connectTls(options, to)
    await connection.send(get('/'))
    const answer = await connection.response().catch(() => undefined)
    const name = connection.tls.getPeerCertificate().subject?.CN ?? ''
    const { startLine = `${connection.state} ${connection.problem}` } = answer ?? {}
    connection.destroy()
    return `${name}: ${startLine}`
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

const secrets = [
  { name: 'named', tls_certificate: { certificate_chain: file('one.pem'), private_key: file('one.key') } },
  { name: 'trusted', validation_context: { trusted_ca: file('ca.pem') } },
  {
    name: 'keys',
    session_ticket_keys: { keys: [file('tickets'), { inline_bytes: Buffer.alloc(80, 2).toString('base64') }] },
  },
  { name: 'token', generic_secret: { secret: { inline_string: 'secret' } } },
]

feature(
  'sources',
  {
    file: import.meta.url,
    listeners: [
      listener(
        'inline',
        certificate({ certificate_chain: { inline_string: one.chain }, private_key: { inline_string: one.key } }),
      ),
      listener(
        'bytes',
        certificate({
          certificate_chain: { inline_bytes: Buffer.from(one.chain).toString('base64') },
          private_key: { inline_bytes: Buffer.from(one.key).toString('base64') },
        }),
      ),
      listener(
        'environment',
        certificate({
          certificate_chain: { environment_variable: 'CHAIN' },
          private_key: { environment_variable: 'KEY' },
        }),
      ),
      listener(
        'encrypted',
        certificate({
          certificate_chain: file('one.pem'),
          private_key: file('encrypted.key'),
          password: file('password'),
        }),
      ),
      listener('pkcs12', certificate({ pkcs12: file('one.p12'), password: { inline_string: 'secret' } })),
      listener(
        'named',
        context(
          {
            tls_certificate_sds_secret_configs: [{ name: 'named' }],
            validation_context_sds_secret_config: { name: 'trusted' },
          },
          { require_client_certificate: true, session_ticket_keys_sds_secret_config: { name: 'keys' } },
        ),
      ),
      listener(
        'combined',
        context(
          {
            tls_certificate_sds_secret_configs: [{ name: 'named' }],
            combined_validation_context: {
              default_validation_context: {
                match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: 'one.example' } }],
              },
              validation_context_sds_secret_config: { name: 'trusted' },
            },
          },
          { require_client_certificate: true },
        ),
      ),
    ],
    clusters: [
      cluster(
        'up',
        [],
        clientTls(
          '{tls_certificate_sds_secret_configs: [{name: named}], validation_context_sds_secret_config: {name: trusted}}',
        ),
      ),
    ],
    secrets,
    env: { CHAIN: one.chain, KEY: one.key },
    values: async tmp => {
      writeFiles(tmp, {
        one,
        'ca.pem': ca.pem + middle.pem,
        'encrypted.key': one.encryptedKey('secret'),
        password: 'secret',
        'one.p12': one.pkcs12('secret'),
        tickets: Buffer.alloc(80, 1),
      })
      return {}
    },
  },
  f => {
    const showing = (certificate: Certificate): ClientTls => ({ cert: certificate.chain, key: certificate.key })
    f.scenario(
      'text, bytes, environment, an encrypted key, PKCS#12',
      {
        sees: `
      inline: one: HTTP/1.1 200 OK
      bytes: one: HTTP/1.1 200 OK
      environment: one: HTTP/1.1 200 OK
      encrypted: one: HTTP/1.1 200 OK
      pkcs12: one: HTTP/1.1 200 OK
    `,
      },
      async s => {
        for (const name of ['inline', 'bytes', 'environment', 'encrypted', 'pkcs12'])
          s.note(`${name}: ${await shown(s, name)}`)
      },
    )
    f.scenario(
      'secrets by name',
      {
        sees: `
      one: reset ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED
      one: HTTP/1.1 200 OK
    `,
      },
      async s => {
        s.note(await shown(s, 'named'))
        s.note(await shown(s, 'named', showing(client)))
      },
    )
    f.scenario(
      'a validation context in two parts',
      {
        sees: `
      one: reset ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN
      one: HTTP/1.1 200 OK
    `,
      },
      async s => {
        s.note(await shown(s, 'combined', showing(client)))
        s.note(await shown(s, 'combined', showing(one)))
      },
    )
    f.scenario(
      '/certs',
      {
        sees: `
      {"ca_cert":[],"cert_chain":[{"path":"$tmp/one.p12","serial_number":"ff01","subject_alt_names":[{"dns":"one.example"},{"dns":"*.one.example"},{"uri":"spiffe://a/one"},{"ip_address":"127.0.0.1"},{"ip_address":"::1"}],"days_until_expiration":"29","valid_from":"TIME","expiration_time":"TIME"}]}
      {"ca_cert":[],"cert_chain":[{"path":"$tmp/one.pem","serial_number":"ff01","subject_alt_names":[{"dns":"one.example"},{"dns":"*.one.example"},{"uri":"spiffe://a/one"},{"ip_address":"127.0.0.1"},{"ip_address":"::1"}],"days_until_expiration":"29","valid_from":"TIME","expiration_time":"TIME"}]}
      {"ca_cert":[],"cert_chain":[{"path":"<inline>","serial_number":"ff01","subject_alt_names":[{"dns":"one.example"},{"dns":"*.one.example"},{"uri":"spiffe://a/one"},{"ip_address":"127.0.0.1"},{"ip_address":"::1"}],"days_until_expiration":"29","valid_from":"TIME","expiration_time":"TIME"}]}
      {"ca_cert":[{"path":"$tmp/ca.pem","serial_number":"caca","subject_alt_names":[],"days_until_expiration":"29","valid_from":"TIME","expiration_time":"TIME"},{"path":"$tmp/ca.pem","serial_number":"bebe","subject_alt_names":[],"days_until_expiration":"29","valid_from":"TIME","expiration_time":"TIME"}],"cert_chain":[{"path":"$tmp/one.pem","serial_number":"ff01","subject_alt_names":[{"dns":"one.example"},{"dns":"*.one.example"},{"uri":"spiffe://a/one"},{"ip_address":"127.0.0.1"},{"ip_address":"::1"}],"days_until_expiration":"29","valid_from":"TIME","expiration_time":"TIME"}]}
    `,
      },
      async s => {
        const { body } = await s.proxy.admin('/certs')
        const { certificates } = JSON.parse(body) as { certificates: { ca_cert: object[]; cert_chain: object[] }[] }
        const times = /"(valid_from|expiration_time)":"[^"]*"/g
        const texts = certificates.map(entry => JSON.stringify(entry).replace(times, '"$1":"TIME"'))
        for (const text of [...new Set(texts)].sort()) s.note(text)
      },
    )
    f.scenario(
      'secrets in the dump',
      {
        sees: `
      {
       "configs": [
        {
         "@type": "type.googleapis.com/envoy.admin.v3.SecretsConfigDump.StaticSecret",
         "name": "named",
         "secret": {
          "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
          "name": "named",
          "tls_certificate": {
           "certificate_chain": {
            "filename": "$tmp/one.pem"
           },
           "private_key": {
            "filename": "[redacted]"
           }
          }
         }
        },
        {
         "@type": "type.googleapis.com/envoy.admin.v3.SecretsConfigDump.StaticSecret",
         "name": "trusted",
         "secret": {
          "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
          "name": "trusted",
          "validation_context": {
           "trusted_ca": {
            "filename": "$tmp/ca.pem"
           }
          }
         }
        },
        {
         "@type": "type.googleapis.com/envoy.admin.v3.SecretsConfigDump.StaticSecret",
         "name": "keys",
         "secret": {
          "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
          "name": "keys",
          "session_ticket_keys": {
           "keys": [
            {
             "filename": "[redacted]"
            },
            {
             "inline_bytes": "W3JlZGFjdGVkXQ=="
            }
           ]
          }
         }
        },
        {
         "@type": "type.googleapis.com/envoy.admin.v3.SecretsConfigDump.StaticSecret",
         "name": "token",
         "secret": {
          "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
          "name": "token",
          "generic_secret": {
           "secret": {
            "inline_string": "[redacted]"
           }
          }
         }
        }
       ]
      }

    `,
      },
      async s => {
        s.note((await s.proxy.admin('/config_dump?resource=static_secrets')).body)
      },
    )
    f.scenario(
      'statistics',
      {
        sees: `
      days until the first expires: 29
      cluster.up.client_ssl_socket_factory.downstream_context_secrets_not_ready
      cluster.up.client_ssl_socket_factory.ssl_context_update_by_sds
      cluster.up.client_ssl_socket_factory.upstream_context_secrets_not_ready
      cluster.up.ssl.certificate.named.expiration_unix_time_seconds
      cluster.up.ssl.certificate.trusted.expiration_unix_time_seconds
      cluster.up.ssl.connection_error
      cluster.up.ssl.fail_verify_cert_hash
      cluster.up.ssl.fail_verify_error
      cluster.up.ssl.fail_verify_no_cert
      cluster.up.ssl.fail_verify_san
      cluster.up.ssl.handshake
      cluster.up.ssl.no_certificate
      cluster.up.ssl.ocsp_staple_failed
      cluster.up.ssl.ocsp_staple_omitted
      cluster.up.ssl.ocsp_staple_requests
      cluster.up.ssl.ocsp_staple_responses
      cluster.up.ssl.session_reused
      listener.named.server_ssl_socket_factory.downstream_context_secrets_not_ready
      listener.named.server_ssl_socket_factory.ssl_context_update_by_sds
      listener.named.server_ssl_socket_factory.upstream_context_secrets_not_ready
      listener.named.ssl.certificate.named.expiration_unix_time_seconds
      listener.named.ssl.certificate.trusted.expiration_unix_time_seconds
      listener.named.ssl.ciphers.TLS_AES_256_GCM_SHA384
      listener.named.ssl.connection_error
      listener.named.ssl.curves.X25519
      listener.named.ssl.fail_verify_cert_hash
      listener.named.ssl.fail_verify_error
      listener.named.ssl.fail_verify_no_cert
      listener.named.ssl.fail_verify_san
      listener.named.ssl.handshake
      listener.named.ssl.no_certificate
      listener.named.ssl.ocsp_staple_failed
      listener.named.ssl.ocsp_staple_omitted
      listener.named.ssl.ocsp_staple_requests
      listener.named.ssl.ocsp_staple_responses
      listener.named.ssl.session_reused
      listener.named.ssl.sigalgs.ecdsa_secp256r1_sha256
      listener.named.ssl.versions.TLSv1.3
    `,
      },
      async s => {
        const stats = await s.proxy.stats()
        const days = stats.get('server.days_until_first_cert_expiring')
        s.note(`days until the first expires: ${days}`)
        for (const name of stats.keys())
          if (/ssl|_tls|cert/.test(name) && /listener\.named|cluster\.up/.test(name)) s.note(name)
      },
    )
  },
)

/** A proxy of its own, whose files this scenario changes. */
async function renewing(
  s: Scene,
  config: string,
  act: (shows: (name: string) => Promise<true>, proxy: ProxyUnderTest) => Promise<void>,
): Promise<void> {
  const proxy = await ProxyUnderTest.start({ config })
  const now = async (): Promise<string> => {
    const connection = await s.connectTo({ port: proxy.port('main') }, {})
    const name = String(connection.tls.getPeerCertificate().subject?.CN ?? '')
    connection.destroy()
    return name
  }
  const shows = (name: string): Promise<true> =>
    poll(`the certificate ${name}`, async () => ((await now()) === name ? true : undefined), 8000)
  try {
    await act(shows, proxy)
  } finally {
    await proxy.stop()
  }
}

const OURS = 'real Envoy reads a file that nothing tells it to watch only once'
const served = (folder: string, more: object = {}): string =>
  bootstrap({
    clusters: [],
    listeners: [
      listener(
        'main',
        certificate({
          certificate_chain: { filename: path.join(folder, 'a.pem') },
          private_key: { filename: path.join(folder, 'a.key') },
          ...more,
        }),
      ),
    ],
  })
const put = (folder: string, certificate: Certificate): void => {
  mkdirSync(folder, { recursive: true })
  writeFiles(folder, { a: certificate })
}

feature('renewal', { file: import.meta.url, withoutProxy: true }, f => {
  f.scenario('files written in place', { onlyNuncio: OURS, sees: 'one, then two' }, async s => {
    const folder = path.join(s.folder, 'place')
    put(folder, one)
    await renewing(s, served(folder), async shows => {
      await shows('one')
      put(folder, two)
      await shows('two')
    })
    s.note('one, then two')
  })
  f.scenario(
    'files replaced by rename, the key some time after the certificate',
    { onlyNuncio: OURS, sees: 'one, then two' },
    async s => {
      const folder = path.join(s.folder, 'rename')
      put(folder, one)
      await renewing(s, served(folder), async (shows, proxy) => {
        await shows('one')
        put(path.join(folder, 'new'), two)
        renameSync(path.join(folder, 'new/a.pem'), path.join(folder, 'a.pem'))
        await proxy.waitFor('the report', () =>
          proxy.stderr.includes('does not match the certificate') ? true : undefined,
        )
        await shows('one')
        renameSync(path.join(folder, 'new/a.key'), path.join(folder, 'a.key'))
        await shows('two')
      })
      s.note('one, then two')
    },
  )
  f.scenario(
    'a folder behind a symbolic link that is swapped',
    { onlyNuncio: OURS, sees: 'one, then two' },
    async s => {
      // As Kubernetes mounts a secret.
      const folder = path.join(s.folder, 'mounted')
      const version = (name: string, certificate: Certificate): void => {
        put(path.join(folder, name), certificate)
        symlinkSync(name, path.join(folder, '..tmp'))
        renameSync(path.join(folder, '..tmp'), path.join(folder, '..data'))
      }
      version('..1', one)
      for (const name of ['a.pem', 'a.key']) symlinkSync(`..data/${name}`, path.join(folder, name))
      await renewing(s, served(folder, { watched_directory: { path: folder } }), async shows => {
        await shows('one')
        version('..2', two)
        await shows('two')
      })
      s.note('one, then two')
    },
  )
  f.scenario(
    'a broken file is reported and changes nothing',
    { onlyNuncio: OURS, sees: 'still one, then two' },
    async s => {
      const folder = path.join(s.folder, 'broken')
      put(folder, one)
      await renewing(s, served(folder), async (shows, proxy) => {
        await shows('one')
        writeFileSync(path.join(folder, 'a.pem'), 'no certificate')
        await proxy.waitFor('the report', () => (proxy.stderr.includes('holds no certificate') ? true : undefined))
        await shows('one')
        put(folder, two)
        await shows('two')
        const { body } = await proxy.admin('/certs')
        s.note(body.includes('"serial_number": "02"') ? 'still one, then two' : body)
      })
    },
  )
  f.scenario('a secret in a file of discovery', { sees: 'one, then two' }, async s => {
    const folder = path.join(s.folder, 'discovery')
    mkdirSync(folder)
    const discovery = path.join(folder, 'sds.json')
    const write = (certificate: Certificate): void => {
      const secret = {
        '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
        name: 'main',
        tls_certificate: {
          certificate_chain: { inline_string: certificate.chain },
          private_key: { inline_string: certificate.key },
        },
      }
      writeFileSync(`${discovery}.new`, JSON.stringify({ resources: [secret] }))
      renameSync(`${discovery}.new`, discovery)
    }
    write(one)
    const config = bootstrap({
      clusters: [],
      listeners: [
        listener(
          'main',
          context({
            tls_certificate_sds_secret_configs: [
              { name: 'main', sds_config: { path_config_source: { path: discovery }, resource_api_version: 'V3' } },
            ],
          }),
        ),
      ],
      more: 'node: {id: n, cluster: c}',
    })
    await renewing(s, config, async shows => {
      await shows('one')
      write(two)
      await shows('two')
    })
    s.note('one, then two')
  })
  f.scenario(
    'no connection fails while a certificate is renewed ten times',
    { onlyNuncio: OURS, sees: 'all were served' },
    async s => {
      const folder = path.join(s.folder, 'load')
      put(folder, one)
      await renewing(s, served(folder), async (shows, proxy) => {
        await shows('one')
        let going = true
        let failures = 0
        const kept = await s.connectTo({ port: proxy.port('main') }, {})
        const load = Promise.all(
          Array.from({ length: 4 }, async () => {
            while (going) {
              const client = await s.connectTo({ port: proxy.port('main') }, {}).catch(() => undefined)
              await client?.send(get('/'))
              const answer = await client?.response().catch(() => undefined)
              if (answer?.startLine !== 'HTTP/1.1 200 OK') failures++
              client?.destroy()
            }
          }),
        )
        for (let count = 0; count < 10; count++) {
          const next = count % 2 === 0 ? two : one
          put(folder, next)
          await shows(next === two ? 'two' : 'one')
        }
        going = false
        await load
        await kept.send(get('/'))
        if ((await kept.response()).startLine !== 'HTTP/1.1 200 OK') failures++
        s.note(failures === 0 ? 'all were served' : `${failures} failed`)
      })
    },
  )
})
