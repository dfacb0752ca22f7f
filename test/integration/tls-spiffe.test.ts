// Clients known by the SPIFFE trust domain in their certificate (envoy.tls.cert_validator.spiffe).
import { get } from '../support/bytes.js'
import { Certificate, writeFiles } from '../support/certificates.js'
import { http, serverTls } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'

const first = Certificate.authority({ subject: 'CN=First' })
const second = Certificate.authority({ subject: 'CN=Second' })
const server = first.issue({ subject: 'CN=server', sans: ['DNS:a.example'] })
const workload = (ca: Certificate, uri: string, more: object = {}): Certificate =>
  ca.issue({ subject: 'CN=workload', sans: [uri], ...more })
const certificates = {
  first: workload(first, 'URI:spiffe://first.example/a'),
  second: workload(second, 'URI:spiffe://second.example/b'),
  crossed: workload(second, 'URI:spiffe://first.example/a'),
  unknown: workload(first, 'URI:spiffe://third.example/a'),
  unnamed: first.issue({ subject: 'CN=workload', sans: ['DNS:first.example'] }),
  authority: first.issue({ subject: 'CN=workload', sans: ['URI:spiffe://first.example/a'], isAuthority: true }),
  expired: workload(first, 'URI:spiffe://first.example/a', { from: -10, until: -1 }),
}
type Who = keyof typeof certificates

const validator = (more = ''): string =>
  `validation_context: {custom_validator_config: {name: envoy.tls.cert_validator.spiffe, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig, trust_domains: [{name: first.example, trust_bundle: {filename: "\${tmp}/first.pem"}}, {name: second.example, trust_bundle: {filename: "\${tmp}/second.pem"}}]}}, ${more}}`
const listener = (name: string, common: string) =>
  http(name, {
    chain: serverTls('server', `{${common}}`, 'require_client_certificate: true'),
    listener: `stat_prefix: ${name}`,
    hcm: 'access_log: []',
    routes: '[{match: {prefix: /}, direct_response: {status: 200}}]',
  })

async function asks(s: Scene, who: Who, to: string): Promise<string> {
  const { chain: cert, key } = certificates[who]
  try {
    const connection = await s.connectTls({ servername: 'a.example', cert, key }, to)
    await connection.send(get('/'))
    const response = await connection.response().catch(() => undefined)
    const text = response?.startLine ?? `${connection.state} ${connection.problem}`
    connection.destroy()
    return text
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

async function each(s: Scene, to: string, who: readonly Who[]): Promise<void> {
  for (const one of who)
    await s.statsOf(/\.ssl\.(fail|handshake|connection_error)/, async () => s.note(`${one}: ${await asks(s, one, to)}`))
}

feature(
  'SPIFFE',
  {
    file: import.meta.url,
    values: async tmp => {
      writeFiles(tmp, { server, 'first.pem': first.pem, 'second.pem': second.pem })
      return {}
    },
    listeners: [
      listener('plain', validator()),
      listener('late', validator('allow_expired_certificate: true')),
      listener('named', validator('match_typed_subject_alt_names: [{san_type: URI, matcher: {suffix: /b}}]')),
    ],
  },
  f => {
    f.scenario(
      'trust domains',
      {
        nuncio: {
          because: 'BoringSSL itself refuses a certificate whose key may not sign; here the validator does',
          instead: `
      first: HTTP/1.1 200 OK
      stat: listener.plain.ssl.handshake +1
      second: HTTP/1.1 200 OK
      stat: listener.plain.ssl.handshake +1
      crossed: reset ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN
      stat: listener.plain.ssl.fail_verify_error +1
      unknown: reset ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN
      stat: listener.plain.ssl.fail_verify_error +1
      unnamed: reset ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN
      stat: listener.plain.ssl.fail_verify_error +1
      authority: reset ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN
      stat: listener.plain.ssl.fail_verify_error +1
      expired: reset ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN
      stat: listener.plain.ssl.fail_verify_error +1
    `,
        },
        sees: `
      first: HTTP/1.1 200 OK
      stat: listener.plain.ssl.handshake +1
      second: HTTP/1.1 200 OK
      stat: listener.plain.ssl.handshake +1
      crossed: reset ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN
      stat: listener.plain.ssl.fail_verify_error +1
      unknown: reset ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN
      stat: listener.plain.ssl.fail_verify_error +1
      unnamed: reset ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN
      stat: listener.plain.ssl.fail_verify_error +1
      authority: reset ERR_SSL_SSLV3_ALERT_ILLEGAL_PARAMETER
      stat: listener.plain.ssl.connection_error +1
      expired: reset ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN
      stat: listener.plain.ssl.fail_verify_error +1
    `,
      },
      s => each(s, 'plain', ['first', 'second', 'crossed', 'unknown', 'unnamed', 'authority', 'expired']),
    )
    f.scenario(
      'expired certificates that are let in',
      {
        sees: `
      expired: HTTP/1.1 200 OK
      stat: listener.late.ssl.handshake +1
      crossed: reset ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN
      stat: listener.late.ssl.fail_verify_error +1
    `,
      },
      s => each(s, 'late', ['expired', 'crossed']),
    )
    f.scenario(
      'names beside the domain',
      {
        sees: `
      first: reset ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN
      stat: listener.named.ssl.fail_verify_san +1
      second: HTTP/1.1 200 OK
      stat: listener.named.ssl.handshake +1
    `,
      },
      s => each(s, 'named', ['first', 'second']),
    )
  },
)
