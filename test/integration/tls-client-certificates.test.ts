// Certificates that clients show: required or not, good or not, and what logs say of them.
import { get } from '../support/bytes.js'
import { Certificate, type CertificateOptions, writeFiles } from '../support/certificates.js'
import { http, serverTls } from '../support/config.js'
import type { ClientTls } from '../support/raw-client.js'
import { feature, type Scene } from '../support/scenario.js'

const ca = Certificate.authority({ serial: 'caca' })
const middle = ca.issue({ subject: 'CN=Middle', isAuthority: true, serial: '1234567890' })
const stranger = Certificate.authority({ subject: 'CN=Stranger' })
const server = ca.issue({
  subject: 'CN=server,O=Nuncio',
  sans: ['DNS:a.example', 'URI:spiffe://a/server', 'IP:127.0.0.1'],
})
const names: CertificateOptions = {
  subject: 'CN=client,O=Nuncio "quoted",OU=a b',
  sans: [
    'URI:spiffe://a/client',
    'URI:spiffe://a/second',
    'DNS:client.example',
    'DNS:*.wild.example',
    'IP:10.0.0.1',
    'IP:fd00::1',
    'EMAIL:me@a.example',
    'OTHER:1.2.3.4=other',
  ],
}
const until = new Date('2049-12-31T23:59:59Z')
const client = ca.issue({ ...names, serial: '00ab01', until })
const chained = middle.issue({ ...names, serial: '7b', until })
const certificates = {
  client,
  chained,
  plain: ca.issue({ subject: 'CN=plain' }),
  expired: ca.issue({ subject: 'CN=expired', from: -10, until: -1 }),
  early: ca.issue({ subject: 'CN=early', from: 1 }),
  revoked: ca.issue({ subject: 'CN=revoked', sans: ['DNS:client.example'] }),
  foreign: stranger.issue(names),
  selfSigned: Certificate.selfSigned(names),
  forServers: ca.issue({ subject: 'CN=for servers', usages: ['server'] }),
}
type Who = keyof typeof certificates | 'none'
const everyone: readonly Who[] = [...(Object.keys(certificates) as Who[]), 'none']

const values = async (tmp: string) => {
  writeFiles(tmp, {
    server,
    'ca.pem': ca.pem,
    'both.pem': ca.pem + stranger.pem,
    'leaf-crl.pem': ca.revocations([certificates.revoked]),
    'all-crls.pem': ca.revocations([certificates.revoked]) + middle.revocations([chained]),
  })
  return {
    clientHash: client.fingerprint,
    clientPin: client.pin,
    chainedHash: chained.fingerprint,
    middleHash: middle.fingerprint,
    caHash: ca.fingerprint,
    serverHash: server.fingerprint,
  }
}

/** A validation context that trusts our authority. */
const trusting = (more = ''): string => `validation_context: {trusted_ca: {filename: "\${tmp}/ca.pem"}, ${more}}`
const listener = (name: string, common: string, more = 'require_client_certificate: true') =>
  http(name, {
    chain: serverTls('server', `{${common}}`, more),
    listener: `stat_prefix: ${name}`,
    hcm: 'access_log: []',
    routes: '[{match: {prefix: /}, direct_response: {status: 200}}]',
  })

/** One request as this client. TLS 1.3 tells a client of its refusal only after the handshake. */
async function asks(s: Scene, who: Who, to: string): Promise<string> {
  const own = who === 'none' ? {} : { cert: certificates[who].chain, key: certificates[who].key }
  const options: ClientTls = { servername: 'a.example', ...own }
  try {
    const connection = await s.connectTls(options, to)
    await connection.send(get('/'))
    const answer = await connection.response().catch(() => undefined)
    const text = answer?.startLine ?? `${connection.state} ${connection.problem}`
    connection.destroy()
    return text
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

const counted = /\.ssl\.(fail|no_cert|handshake|connection_error)/

/** Each of them in turn, and what was counted. */
const each =
  (to: string, who: readonly Who[] = everyone) =>
  async (s: Scene): Promise<void> => {
    for (const one of who) {
      await s.statsOf(counted, async () => s.note(`${one}: ${await asks(s, one, to)}`))
    }
  }

feature(
  'validation',
  {
    file: import.meta.url,
    listeners: [
      listener('required', trusting()),
      listener('old', `tls_params: {tls_maximum_protocol_version: TLSv1_2}, ${trusting()}`),
      listener('optional', trusting(), 'require_client_certificate: false'),
      listener('unchecked', ''),
      listener('nothing', '', 'require_client_certificate: false'),
      listener('untrusted', trusting('trust_chain_verification: ACCEPT_UNTRUSTED')),
      listener('late', trusting('allow_expired_certificate: true')),
      listener('leafcrl', trusting('crl: {filename: "${tmp}/leaf-crl.pem"}, only_verify_leaf_cert_crl: true')),
      listener('allcrls', trusting('crl: {filename: "${tmp}/all-crls.pem"}')),
      listener('halfcrls', trusting('crl: {filename: "${tmp}/leaf-crl.pem"}')),
      listener('shallow', trusting('max_verify_depth: 0')),
      listener('pinned', 'validation_context: {verify_certificate_hash: ["${clientHash}"]}'),
      listener('keypinned', 'validation_context: {verify_certificate_spki: ["${clientPin}"]}'),
      listener(
        'eitherpin',
        trusting('verify_certificate_hash: ["${chainedHash}"], verify_certificate_spki: ["${clientPin}"]'),
      ),
      listener('dns', trusting('match_typed_subject_alt_names: [{san_type: DNS, matcher: {exact: client.example}}]')),
      listener('wild', trusting('match_typed_subject_alt_names: [{san_type: DNS, matcher: {exact: x.wild.example}}]')),
      listener(
        'uri',
        trusting(
          'match_typed_subject_alt_names: [{san_type: URI, matcher: {prefix: "spiffe://b"}}, {san_type: URI, matcher: {suffix: /second}}]',
        ),
      ),
      listener('ip', trusting('match_typed_subject_alt_names: [{san_type: IP_ADDRESS, matcher: {exact: "fd00::1"}}]')),
      listener(
        'email',
        trusting(
          'match_typed_subject_alt_names: [{san_type: EMAIL, matcher: {safe_regex: {regex: ".*@a[.]example"}}}]',
        ),
      ),
      listener(
        'other',
        trusting('match_typed_subject_alt_names: [{san_type: OTHER_NAME, oid: 1.2.3.4, matcher: {exact: other}}]'),
      ),
      listener('untyped', trusting('match_subject_alt_names: [{exact: me@a.example}]')),
    ],
    clusters: [],
    values,
  },
  f => {
    f.scenario(
      'required',
      {
        sees: `
      client: HTTP/1.1 200 OK
      stat: listener.required.ssl.handshake +1
      chained: HTTP/1.1 200 OK
      stat: listener.required.ssl.handshake +1
      plain: HTTP/1.1 200 OK
      stat: listener.required.ssl.handshake +1
      expired: reset ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED
      stat: listener.required.ssl.fail_verify_error +1
      early: reset ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED
      stat: listener.required.ssl.fail_verify_error +1
      revoked: HTTP/1.1 200 OK
      stat: listener.required.ssl.handshake +1
      foreign: reset ERR_SSL_TLSV1_ALERT_UNKNOWN_CA
      stat: listener.required.ssl.fail_verify_error +1
      selfSigned: reset ERR_SSL_TLSV1_ALERT_UNKNOWN_CA
      stat: listener.required.ssl.fail_verify_error +1
      forServers: reset ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE
      stat: listener.required.ssl.fail_verify_error +1
      none: reset ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED
      stat: listener.required.ssl.fail_verify_no_cert +1
    `,
      },
      each('required'),
    )
    f.scenario(
      'required, TLS 1.2',
      {
        sees: `
      client: HTTP/1.1 200 OK
      stat: listener.old.ssl.handshake +1
      chained: HTTP/1.1 200 OK
      stat: listener.old.ssl.handshake +1
      plain: HTTP/1.1 200 OK
      stat: listener.old.ssl.handshake +1
      expired: ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED
      stat: listener.old.ssl.fail_verify_error +1
      early: ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED
      stat: listener.old.ssl.fail_verify_error +1
      revoked: HTTP/1.1 200 OK
      stat: listener.old.ssl.handshake +1
      foreign: ERR_SSL_TLSV1_ALERT_UNKNOWN_CA
      stat: listener.old.ssl.fail_verify_error +1
      selfSigned: ERR_SSL_TLSV1_ALERT_UNKNOWN_CA
      stat: listener.old.ssl.fail_verify_error +1
      forServers: ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE
      stat: listener.old.ssl.fail_verify_error +1
      none: ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE
      stat: listener.old.ssl.fail_verify_no_cert +1
    `,
      },
      each('old'),
    )
    f.scenario(
      'not required: none is let in, a bad one is not',
      {
        sees: `
      client: HTTP/1.1 200 OK
      stat: listener.optional.ssl.handshake +1
      chained: HTTP/1.1 200 OK
      stat: listener.optional.ssl.handshake +1
      plain: HTTP/1.1 200 OK
      stat: listener.optional.ssl.handshake +1
      expired: reset ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED
      stat: listener.optional.ssl.fail_verify_error +1
      early: reset ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED
      stat: listener.optional.ssl.fail_verify_error +1
      revoked: HTTP/1.1 200 OK
      stat: listener.optional.ssl.handshake +1
      foreign: reset ERR_SSL_TLSV1_ALERT_UNKNOWN_CA
      stat: listener.optional.ssl.fail_verify_error +1
      selfSigned: reset ERR_SSL_TLSV1_ALERT_UNKNOWN_CA
      stat: listener.optional.ssl.fail_verify_error +1
      forServers: reset ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE
      stat: listener.optional.ssl.fail_verify_error +1
      none: HTTP/1.1 200 OK
      stat: listener.optional.ssl.handshake +1
      stat: listener.optional.ssl.no_certificate +1
    `,
      },
      each('optional'),
    )
    f.scenario(
      'required without a validation context',
      {
        nuncio: {
          because: 'Envoy does not ask for a certificate then, though one is required',
          instead: `
      client: HTTP/1.1 200 OK
      stat: listener.unchecked.ssl.handshake +1
      foreign: HTTP/1.1 200 OK
      stat: listener.unchecked.ssl.handshake +1
      expired: HTTP/1.1 200 OK
      stat: listener.unchecked.ssl.handshake +1
      selfSigned: HTTP/1.1 200 OK
      stat: listener.unchecked.ssl.handshake +1
      none: reset ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED
      stat: listener.unchecked.ssl.fail_verify_no_cert +1
    `,
        },
        sees: `
      client: HTTP/1.1 200 OK
      stat: listener.unchecked.ssl.handshake +1
      stat: listener.unchecked.ssl.no_certificate +1
      foreign: HTTP/1.1 200 OK
      stat: listener.unchecked.ssl.handshake +1
      stat: listener.unchecked.ssl.no_certificate +1
      expired: HTTP/1.1 200 OK
      stat: listener.unchecked.ssl.handshake +1
      stat: listener.unchecked.ssl.no_certificate +1
      selfSigned: HTTP/1.1 200 OK
      stat: listener.unchecked.ssl.handshake +1
      stat: listener.unchecked.ssl.no_certificate +1
      none: HTTP/1.1 200 OK
      stat: listener.unchecked.ssl.handshake +1
      stat: listener.unchecked.ssl.no_certificate +1
    `,
      },
      each('unchecked', ['client', 'foreign', 'expired', 'selfSigned', 'none']),
    )
    f.scenario(
      'never asked for',
      {
        sees: `
      client: HTTP/1.1 200 OK
      stat: listener.nothing.ssl.handshake +1
      stat: listener.nothing.ssl.no_certificate +1
      none: HTTP/1.1 200 OK
      stat: listener.nothing.ssl.handshake +1
      stat: listener.nothing.ssl.no_certificate +1
    `,
      },
      each('nothing', ['client', 'none']),
    )
    f.scenario(
      'not trusted, but accepted',
      {
        sees: `
      client: HTTP/1.1 200 OK
      stat: listener.untrusted.ssl.handshake +1
      chained: HTTP/1.1 200 OK
      stat: listener.untrusted.ssl.handshake +1
      plain: HTTP/1.1 200 OK
      stat: listener.untrusted.ssl.handshake +1
      expired: HTTP/1.1 200 OK
      stat: listener.untrusted.ssl.fail_verify_error +1
      stat: listener.untrusted.ssl.handshake +1
      early: HTTP/1.1 200 OK
      stat: listener.untrusted.ssl.fail_verify_error +1
      stat: listener.untrusted.ssl.handshake +1
      revoked: HTTP/1.1 200 OK
      stat: listener.untrusted.ssl.handshake +1
      foreign: HTTP/1.1 200 OK
      stat: listener.untrusted.ssl.fail_verify_error +1
      stat: listener.untrusted.ssl.handshake +1
      selfSigned: HTTP/1.1 200 OK
      stat: listener.untrusted.ssl.fail_verify_error +1
      stat: listener.untrusted.ssl.handshake +1
      forServers: HTTP/1.1 200 OK
      stat: listener.untrusted.ssl.fail_verify_error +1
      stat: listener.untrusted.ssl.handshake +1
      none: reset ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED
      stat: listener.untrusted.ssl.fail_verify_no_cert +1
    `,
      },
      each('untrusted'),
    )
    f.scenario(
      'expired is good enough',
      {
        sees: `
      client: HTTP/1.1 200 OK
      stat: listener.late.ssl.handshake +1
      expired: HTTP/1.1 200 OK
      stat: listener.late.ssl.handshake +1
      early: HTTP/1.1 200 OK
      stat: listener.late.ssl.handshake +1
      foreign: reset ERR_SSL_TLSV1_ALERT_UNKNOWN_CA
      stat: listener.late.ssl.fail_verify_error +1
    `,
      },
      each('late', ['client', 'expired', 'early', 'foreign']),
    )
    f.scenario(
      'a revocation list for leaves',
      {
        sees: `
      client: HTTP/1.1 200 OK
      stat: listener.leafcrl.ssl.handshake +1
      revoked: reset ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED
      stat: listener.leafcrl.ssl.fail_verify_error +1
      chained: reset ERR_SSL_TLSV1_ALERT_UNKNOWN_CA
      stat: listener.leafcrl.ssl.fail_verify_error +1
    `,
      },
      each('leafcrl', ['client', 'revoked', 'chained']),
    )
    f.scenario(
      'revocation lists for the whole chain',
      {
        sees: `
      client: HTTP/1.1 200 OK
      stat: listener.allcrls.ssl.handshake +1
      revoked: reset ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED
      stat: listener.allcrls.ssl.fail_verify_error +1
      chained: reset ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED
      stat: listener.allcrls.ssl.fail_verify_error +1
    `,
      },
      each('allcrls', ['client', 'revoked', 'chained']),
    )
    f.scenario(
      'no list for an authority in the chain',
      {
        sees: `
      client: HTTP/1.1 200 OK
      stat: listener.halfcrls.ssl.handshake +1
      revoked: reset ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED
      stat: listener.halfcrls.ssl.fail_verify_error +1
      chained: reset ERR_SSL_TLSV1_ALERT_UNKNOWN_CA
      stat: listener.halfcrls.ssl.fail_verify_error +1
    `,
      },
      each('halfcrls', ['client', 'revoked', 'chained']),
    )
    f.scenario(
      'the depth of the chain',
      {
        sees: `
      client: HTTP/1.1 200 OK
      stat: listener.shallow.ssl.handshake +1
      chained: reset ERR_SSL_TLSV1_ALERT_UNKNOWN_CA
      stat: listener.shallow.ssl.fail_verify_error +1
    `,
      },
      each('shallow', ['client', 'chained']),
    )
    f.scenario(
      'one certificate',
      {
        nuncio: {
          because: 'OpenSSL has no way to send this alert',
          instead: `
      client: HTTP/1.1 200 OK
      stat: listener.pinned.ssl.handshake +1
      chained: reset ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE
      stat: listener.pinned.ssl.fail_verify_cert_hash +1
      plain: reset ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE
      stat: listener.pinned.ssl.fail_verify_cert_hash +1
      none: reset ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED
      stat: listener.pinned.ssl.fail_verify_no_cert +1
    `,
        },
        sees: `
      client: HTTP/1.1 200 OK
      stat: listener.pinned.ssl.handshake +1
      chained: reset ERR_SSL_TLSV1_BAD_CERTIFICATE_HASH_VALUE
      stat: listener.pinned.ssl.fail_verify_cert_hash +1
      plain: reset ERR_SSL_TLSV1_BAD_CERTIFICATE_HASH_VALUE
      stat: listener.pinned.ssl.fail_verify_cert_hash +1
      none: reset ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED
      stat: listener.pinned.ssl.fail_verify_no_cert +1
    `,
      },
      each('pinned', ['client', 'chained', 'plain', 'none']),
    )
    f.scenario(
      'one key',
      {
        nuncio: {
          because: 'OpenSSL has no way to send this alert',
          instead: `
      client: HTTP/1.1 200 OK
      stat: listener.keypinned.ssl.handshake +1
      chained: reset ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE
      stat: listener.keypinned.ssl.fail_verify_cert_hash +1
      none: reset ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED
      stat: listener.keypinned.ssl.fail_verify_no_cert +1
    `,
        },
        sees: `
      client: HTTP/1.1 200 OK
      stat: listener.keypinned.ssl.handshake +1
      chained: reset ERR_SSL_TLSV1_BAD_CERTIFICATE_HASH_VALUE
      stat: listener.keypinned.ssl.fail_verify_cert_hash +1
      none: reset ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED
      stat: listener.keypinned.ssl.fail_verify_no_cert +1
    `,
      },
      each('keypinned', ['client', 'chained', 'none']),
    )
    f.scenario(
      'one certificate or one key',
      {
        nuncio: {
          because: 'OpenSSL has no way to send this alert',
          instead: `
      client: HTTP/1.1 200 OK
      stat: listener.eitherpin.ssl.handshake +1
      chained: HTTP/1.1 200 OK
      stat: listener.eitherpin.ssl.handshake +1
      plain: reset ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE
      stat: listener.eitherpin.ssl.fail_verify_cert_hash +1
      foreign: reset ERR_SSL_TLSV1_ALERT_UNKNOWN_CA
      stat: listener.eitherpin.ssl.fail_verify_error +1
    `,
        },
        sees: `
      client: HTTP/1.1 200 OK
      stat: listener.eitherpin.ssl.handshake +1
      chained: HTTP/1.1 200 OK
      stat: listener.eitherpin.ssl.handshake +1
      plain: reset ERR_SSL_TLSV1_BAD_CERTIFICATE_HASH_VALUE
      stat: listener.eitherpin.ssl.fail_verify_cert_hash +1
      foreign: reset ERR_SSL_TLSV1_ALERT_UNKNOWN_CA
      stat: listener.eitherpin.ssl.fail_verify_error +1
    `,
      },
      each('eitherpin', ['client', 'chained', 'plain', 'foreign']),
    )
    f.scenario(
      'by DNS name',
      {
        sees: `
      client: HTTP/1.1 200 OK
      stat: listener.dns.ssl.handshake +1
      revoked: HTTP/1.1 200 OK
      stat: listener.dns.ssl.handshake +1
      plain: reset ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN
      stat: listener.dns.ssl.fail_verify_san +1
      foreign: reset ERR_SSL_TLSV1_ALERT_UNKNOWN_CA
      stat: listener.dns.ssl.fail_verify_error +1
    `,
      },
      each('dns', ['client', 'revoked', 'plain', 'foreign']),
    )
    f.scenario(
      'by a DNS name that a wildcard in the certificate covers',
      {
        sees: `
      client: HTTP/1.1 200 OK
      stat: listener.wild.ssl.handshake +1
      revoked: reset ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN
      stat: listener.wild.ssl.fail_verify_san +1
    `,
      },
      each('wild', ['client', 'revoked']),
    )
    f.scenario(
      'by URI, either of two',
      {
        sees: `
      client: HTTP/1.1 200 OK
      stat: listener.uri.ssl.handshake +1
      revoked: reset ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN
      stat: listener.uri.ssl.fail_verify_san +1
    `,
      },
      each('uri', ['client', 'revoked']),
    )
    f.scenario(
      'by address',
      {
        sees: `
      client: HTTP/1.1 200 OK
      stat: listener.ip.ssl.handshake +1
      revoked: reset ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN
      stat: listener.ip.ssl.fail_verify_san +1
    `,
      },
      each('ip', ['client', 'revoked']),
    )
    f.scenario(
      'by e-mail address',
      {
        sees: `
      client: HTTP/1.1 200 OK
      stat: listener.email.ssl.handshake +1
      revoked: reset ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN
      stat: listener.email.ssl.fail_verify_san +1
    `,
      },
      each('email', ['client', 'revoked']),
    )
    f.scenario(
      'by another name',
      {
        sees: `
      client: HTTP/1.1 200 OK
      stat: listener.other.ssl.handshake +1
      revoked: reset ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN
      stat: listener.other.ssl.fail_verify_san +1
    `,
      },
      each('other', ['client', 'revoked']),
    )
    f.scenario(
      'by a name of any type, the deprecated way',
      {
        sees: `
      client: HTTP/1.1 200 OK
      stat: listener.untyped.ssl.handshake +1
      revoked: reset ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN
      stat: listener.untyped.ssl.fail_verify_san +1
    `,
      },
      each('untyped', ['client', 'revoked']),
    )
  },
)

const facts = [
  'DOWNSTREAM_TLS_VERSION',
  'DOWNSTREAM_TLS_CIPHER',
  'REQUESTED_SERVER_NAME',
  ...[
    'SUBJECT',
    'ISSUER',
    'SERIAL',
    'FINGERPRINT_256',
    'URI_SAN',
    'DNS_SAN',
    'IP_SAN',
    'EMAIL_SAN',
    'OTHERNAME_SAN',
  ].map(name => `DOWNSTREAM_PEER_${name}`),
  'DOWNSTREAM_PEER_CERT_V_START',
  'DOWNSTREAM_PEER_CERT_V_END(%Y)',
  ...['CHAIN_FINGERPRINTS_256', 'CHAIN_SERIALS', 'ISSUER_FINGERPRINT_256', 'ISSUER_SERIAL'].map(
    name => `DOWNSTREAM_PEER_${name}`,
  ),
  ...['SUBJECT', 'URI_SAN', 'DNS_SAN', 'IP_SAN', 'EMAIL_SAN', 'OTHERNAME_SAN'].map(name => `DOWNSTREAM_LOCAL_${name}`),
  'DOWNSTREAM_TRANSPORT_FAILURE_REASON',
]
const lines = facts.map(fact => `${fact.replaceAll('%', '')}: %${fact}%`).join('|')

/** A listener whose log has a fact on each line. */
const telling = (name: string, common: string, more: string) =>
  http(name, {
    chain: serverTls('server', `{${common}}`, more),
    log: `${lines}\n`,
    routes: '[{match: {prefix: /}, direct_response: {status: 200}}]',
  })

async function logs(s: Scene, who: Who, to: string): Promise<void> {
  s.note(`${who}: ${await asks(s, who, to)}`)
  for (const line of await s.log(1, to)) s.note(line.replaceAll('|', '\n'))
}

feature(
  'logged',
  {
    file: import.meta.url,
    listeners: [
      telling('main', trusting(), 'require_client_certificate: false'),
      http('clear', { log: `${lines}\n`, routes: '[{match: {prefix: /}, direct_response: {status: 200}}]' }),
      http('json', {
        chain: serverTls('server', `{${trusting()}}`, 'require_client_certificate: false'),
        hcm: `access_log: [{name: f, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: "\${tmp}/json.log", log_format: {json_format: {t: "%START_TIME(%s%3f)%", v: "%DOWNSTREAM_TLS_VERSION%", dns: "%DOWNSTREAM_PEER_DNS_SAN%", none: "%DOWNSTREAM_PEER_EMAIL_SAN%"}}}}]`,
        routes: '[{match: {prefix: /}, direct_response: {status: 200}}]',
      }),
    ],
    clusters: [],
    values,
  },
  f => {
    f.scenario(
      'a client with every name',
      {
        sees: `
      client: HTTP/1.1 200 OK
      DOWNSTREAM_TLS_VERSION: TLSv1.3
      DOWNSTREAM_TLS_CIPHER: TLS_AES_256_GCM_SHA384
      REQUESTED_SERVER_NAME: -
      DOWNSTREAM_PEER_SUBJECT: OU=a b,O=Nuncio \\"quoted\\",CN=client
      DOWNSTREAM_PEER_ISSUER: O=Nuncio,CN=Test CA
      DOWNSTREAM_PEER_SERIAL: ab01
      DOWNSTREAM_PEER_FINGERPRINT_256: $clientHash
      DOWNSTREAM_PEER_URI_SAN: spiffe://a/client,spiffe://a/second
      DOWNSTREAM_PEER_DNS_SAN: client.example,*.wild.example
      DOWNSTREAM_PEER_IP_SAN: 10.0.0.1,fd00::1
      DOWNSTREAM_PEER_EMAIL_SAN: me@a.example
      DOWNSTREAM_PEER_OTHERNAME_SAN: other
      DOWNSTREAM_PEER_CERT_V_START: TIME
      DOWNSTREAM_PEER_CERT_V_END(Y): 2049
      DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256: $clientHash
      DOWNSTREAM_PEER_CHAIN_SERIALS: ab01
      DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256: $caHash
      DOWNSTREAM_PEER_ISSUER_SERIAL: caca
      DOWNSTREAM_LOCAL_SUBJECT: O=Nuncio,CN=server
      DOWNSTREAM_LOCAL_URI_SAN: spiffe://a/server
      DOWNSTREAM_LOCAL_DNS_SAN: a.example
      DOWNSTREAM_LOCAL_IP_SAN: 127.0.0.1
      DOWNSTREAM_LOCAL_EMAIL_SAN: -
      DOWNSTREAM_LOCAL_OTHERNAME_SAN: -
      DOWNSTREAM_TRANSPORT_FAILURE_REASON: -
    `,
      },
      s => logs(s, 'client', 'main'),
    )
    f.scenario(
      'through an intermediate',
      {
        sees: `
      chained: HTTP/1.1 200 OK
      DOWNSTREAM_TLS_VERSION: TLSv1.3
      DOWNSTREAM_TLS_CIPHER: TLS_AES_256_GCM_SHA384
      REQUESTED_SERVER_NAME: -
      DOWNSTREAM_PEER_SUBJECT: OU=a b,O=Nuncio \\"quoted\\",CN=client
      DOWNSTREAM_PEER_ISSUER: CN=Middle
      DOWNSTREAM_PEER_SERIAL: 7b
      DOWNSTREAM_PEER_FINGERPRINT_256: $chainedHash
      DOWNSTREAM_PEER_URI_SAN: spiffe://a/client,spiffe://a/second
      DOWNSTREAM_PEER_DNS_SAN: client.example,*.wild.example
      DOWNSTREAM_PEER_IP_SAN: 10.0.0.1,fd00::1
      DOWNSTREAM_PEER_EMAIL_SAN: me@a.example
      DOWNSTREAM_PEER_OTHERNAME_SAN: other
      DOWNSTREAM_PEER_CERT_V_START: TIME
      DOWNSTREAM_PEER_CERT_V_END(Y): 2049
      DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256: $chainedHash,$middleHash
      DOWNSTREAM_PEER_CHAIN_SERIALS: 7b,1234567890
      DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256: $middleHash
      DOWNSTREAM_PEER_ISSUER_SERIAL: 1234567890
      DOWNSTREAM_LOCAL_SUBJECT: O=Nuncio,CN=server
      DOWNSTREAM_LOCAL_URI_SAN: spiffe://a/server
      DOWNSTREAM_LOCAL_DNS_SAN: a.example
      DOWNSTREAM_LOCAL_IP_SAN: 127.0.0.1
      DOWNSTREAM_LOCAL_EMAIL_SAN: -
      DOWNSTREAM_LOCAL_OTHERNAME_SAN: -
      DOWNSTREAM_TRANSPORT_FAILURE_REASON: -
    `,
      },
      s => logs(s, 'chained', 'main'),
    )
    f.scenario(
      'no certificate',
      {
        sees: `
      none: HTTP/1.1 200 OK
      DOWNSTREAM_TLS_VERSION: TLSv1.3
      DOWNSTREAM_TLS_CIPHER: TLS_AES_256_GCM_SHA384
      REQUESTED_SERVER_NAME: -
      DOWNSTREAM_PEER_SUBJECT: -
      DOWNSTREAM_PEER_ISSUER: -
      DOWNSTREAM_PEER_SERIAL: -
      DOWNSTREAM_PEER_FINGERPRINT_256: -
      DOWNSTREAM_PEER_URI_SAN: -
      DOWNSTREAM_PEER_DNS_SAN: -
      DOWNSTREAM_PEER_IP_SAN: -
      DOWNSTREAM_PEER_EMAIL_SAN: -
      DOWNSTREAM_PEER_OTHERNAME_SAN: -
      DOWNSTREAM_PEER_CERT_V_START: -
      DOWNSTREAM_PEER_CERT_V_END(Y): -
      DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256: -
      DOWNSTREAM_PEER_CHAIN_SERIALS: -
      DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256: -
      DOWNSTREAM_PEER_ISSUER_SERIAL: -
      DOWNSTREAM_LOCAL_SUBJECT: O=Nuncio,CN=server
      DOWNSTREAM_LOCAL_URI_SAN: spiffe://a/server
      DOWNSTREAM_LOCAL_DNS_SAN: a.example
      DOWNSTREAM_LOCAL_IP_SAN: 127.0.0.1
      DOWNSTREAM_LOCAL_EMAIL_SAN: -
      DOWNSTREAM_LOCAL_OTHERNAME_SAN: -
      DOWNSTREAM_TRANSPORT_FAILURE_REASON: -
    `,
      },
      s => logs(s, 'none', 'main'),
    )
    f.scenario(
      'clear text',
      {
        sees: `
      DOWNSTREAM_TLS_VERSION: -
      DOWNSTREAM_TLS_CIPHER: -
      REQUESTED_SERVER_NAME: -
      DOWNSTREAM_PEER_SUBJECT: -
      DOWNSTREAM_PEER_ISSUER: -
      DOWNSTREAM_PEER_SERIAL: -
      DOWNSTREAM_PEER_FINGERPRINT_256: -
      DOWNSTREAM_PEER_URI_SAN: -
      DOWNSTREAM_PEER_DNS_SAN: -
      DOWNSTREAM_PEER_IP_SAN: -
      DOWNSTREAM_PEER_EMAIL_SAN: -
      DOWNSTREAM_PEER_OTHERNAME_SAN: -
      DOWNSTREAM_PEER_CERT_V_START: -
      DOWNSTREAM_PEER_CERT_V_END(Y): -
      DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256: -
      DOWNSTREAM_PEER_CHAIN_SERIALS: -
      DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256: -
      DOWNSTREAM_PEER_ISSUER_SERIAL: -
      DOWNSTREAM_LOCAL_SUBJECT: -
      DOWNSTREAM_LOCAL_URI_SAN: -
      DOWNSTREAM_LOCAL_DNS_SAN: -
      DOWNSTREAM_LOCAL_IP_SAN: -
      DOWNSTREAM_LOCAL_EMAIL_SAN: -
      DOWNSTREAM_LOCAL_OTHERNAME_SAN: -
      DOWNSTREAM_TRANSPORT_FAILURE_REASON: -
    `,
      },
      async s => {
        const connection = await s.connect('clear')
        await connection.send(get('/'))
        await connection.response()
        for (const line of await s.log(1, 'clear')) s.note(line.replaceAll('|', '\n'))
      },
    )
  },
)

feature(
  'routes by certificate',
  {
    file: import.meta.url,
    listeners: [
      http('main', {
        chain: serverTls(
          'server',
          `{${trusting('trust_chain_verification: ACCEPT_UNTRUSTED')}}`,
          'require_client_certificate: false',
        ),
        routes: `
- {match: {prefix: /, tls_context: {presented: true, validated: true}}, direct_response: {status: 201}}
- {match: {prefix: /, tls_context: {presented: true}}, direct_response: {status: 202}}
- {match: {prefix: /, tls_context: {presented: false}}, direct_response: {status: 203}}
- {match: {prefix: /}, direct_response: {status: 200}}
`,
      }),
    ],
    clusters: [],
    values,
  },
  f => {
    f.scenario(
      'which certificate came',
      {
        sees: `
          client: HTTP/1.1 201 Created
          foreign: HTTP/1.1 202 Accepted
          none: HTTP/1.1 203 Non-Authoritative Information
        `,
      },
      async s => {
        for (const who of ['client', 'foreign', 'none'] as const) s.note(`${who}: ${await asks(s, who, 'main')}`)
      },
    )
  },
)
