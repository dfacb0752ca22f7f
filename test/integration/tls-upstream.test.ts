// TLS towards upstreams: names and certificates, what is verified, what a failure looks like, resumption, matched transport sockets.
import type { TlsOptions } from 'node:tls'
import { get } from '../support/bytes.js'
import { Certificate, writeFiles } from '../support/certificates.js'
import { clientTls, cluster, http, tcp } from '../support/config.js'
import { thenClose } from '../support/fake-upstream.js'
import { feature, type Scene } from '../support/scenario.js'

const ca = Certificate.authority({ serial: 'caca' })
const stranger = Certificate.authority({ subject: 'CN=Stranger' })
const good = ca.issue({
  subject: 'CN=upstream,O=Nuncio',
  sans: ['DNS:up.example', 'DNS:*.wild.example', 'URI:spiffe://a/up', 'IP:127.0.0.1'],
  serial: '0a',
})
const expired = ca.issue({ subject: 'CN=upstream', sans: ['DNS:up.example'], from: -9, until: -1 })
const foreign = stranger.issue({ subject: 'CN=upstream', sans: ['DNS:up.example'] })
const client = ca.issue({ subject: 'CN=proxy', sans: ['DNS:proxy.example'] })

const serving = (certificate: Certificate, more: TlsOptions = {}): TlsOptions => ({
  cert: certificate.chain,
  key: certificate.key,
  ...more,
})

const values = async (tmp: string) => {
  writeFiles(tmp, { client, 'ca.pem': ca.pem })
  return { goodHash: good.fingerprint, foreignPin: foreign.pin, clientHash: client.fingerprint }
}
const trusted = 'trusted_ca: {filename: "${tmp}/ca.pem"}'
const checked = (more = ''): string => `{validation_context: {${trusted}, ${more}}}`
const own =
  'tls_certificates: [{certificate_chain: {filename: "${tmp}/client.pem"}, private_key: {filename: "${tmp}/client.key"}}]'
const options = (yaml: string): string =>
  `typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {"@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: {http_protocol_options: {}}, upstream_http_protocol_options: ${yaml}}}`

const LOG =
  '%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_TRANSPORT_FAILURE_REASON% // %UPSTREAM_TLS_VERSION% %UPSTREAM_PEER_SUBJECT% %UPSTREAM_PEER_ISSUER% %UPSTREAM_PEER_DNS_SAN% %UPSTREAM_PEER_URI_SAN% %UPSTREAM_PEER_IP_SAN% %UPSTREAM_LOCAL_DNS_SAN% %UPSTREAM_PEER_CERT_V_START(%Z)%\n'

const TCP_LOG =
  '%RESPONSE_FLAGS% in=%BYTES_RECEIVED% out=%BYTES_SENT% // %UPSTREAM_TLS_VERSION% %UPSTREAM_TLS_CIPHER% %UPSTREAM_PEER_SUBJECT% %UPSTREAM_PEER_ISSUER% %UPSTREAM_PEER_DNS_SAN% %UPSTREAM_PEER_URI_SAN% %UPSTREAM_PEER_CERT_V_START(%Z)%\n'

/** One request to a cluster, on a connection of its own; what the upstream saw of the handshake. */
async function asks(s: Scene, to: string, upstream: string, headers: readonly string[] = ['host: a']): Promise<void> {
  s.upstream(upstream).always(thenClose('HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok'))
  const connection = await s.connect()
  await connection.send(`${[`GET /${to} HTTP/1.1`, ...headers].join('\r\n')}\r\n\r\n`)
  const answer = await connection.response()
  s.note(`${to}: ${answer.startLine} ${answer.body.toString()}`)
  const shake = s.upstream(upstream).connections.at(-1)?.handshake
  if (answer.startLine.includes('200') && shake !== undefined)
    s.note(`  ${shake.version} sni=${shake.serverName} alpn=${shake.alpn} client=${shake.client}`)
  for (const line of await s.log(1)) s.note(`  log: ${line.replace(' // ', '\n  tls: ')}`)
  connection.destroy()
}

const routes = (names: readonly string[]): string =>
  `[${names.map(name => `{match: {path: /${name}}, route: {cluster: ${name}}}`).join(', ')}]`
const names =
  `unchecked checked foreign expired name wrongname uri ip pinned expiredok unverified sni autosni autosan override hostsni alpn versions old shown notshown clear`.split(
    ' ',
  )
const tlsTo = (name: string, upstream: string, common = '', more = '', fields = '') =>
  cluster(name, [upstream], `${clientTls(common, more)}\n${fields}`)

feature(
  'certificates and names',
  {
    file: import.meta.url,
    upstreams: ['up'],
    tlsUpstreams: {
      good: serving(good),
      foreign: serving(foreign),
      expired: serving(expired),
      asking: serving(good, { requestCert: true, rejectUnauthorized: true, ca: ca.pem }),
      alpn: serving(good, { ALPNProtocols: ['h2', 'http/1.1'] }),
      only12: serving(good, { maxVersion: 'TLSv1.2' }),
      only13: serving(good, { minVersion: 'TLSv1.3' }),
    },
    listeners: [http('main', { routes: routes(names), log: LOG })],
    clusters: [
      tlsTo('unchecked', 'foreign'),
      tlsTo('checked', 'good', checked()),
      tlsTo('foreign', 'foreign', checked()),
      tlsTo('expired', 'expired', checked()),
      tlsTo('name', 'good', checked('match_typed_subject_alt_names: [{san_type: DNS, matcher: {exact: up.example}}]')),
      tlsTo(
        'wrongname',
        'good',
        checked('match_typed_subject_alt_names: [{san_type: DNS, matcher: {exact: other.example}}]'),
      ),
      tlsTo(
        'uri',
        'good',
        checked('match_typed_subject_alt_names: [{san_type: URI, matcher: {exact: "spiffe://a/up"}}]'),
      ),
      tlsTo(
        'ip',
        'good',
        checked('match_typed_subject_alt_names: [{san_type: IP_ADDRESS, matcher: {exact: 127.0.0.1}}]'),
      ),
      tlsTo('pinned', 'good', '{validation_context: {verify_certificate_spki: ["${foreignPin}"]}}'),
      tlsTo('expiredok', 'expired', checked('allow_expired_certificate: true')),
      tlsTo('unverified', 'foreign', checked('trust_chain_verification: ACCEPT_UNTRUSTED')),
      tlsTo('sni', 'good', '', 'sni: sni.example'),
      tlsTo('autosni', 'good', '', 'sni: sni.example', options('{auto_sni: true}')),
      tlsTo('autosan', 'good', checked(), '', options('{auto_sni: true, auto_san_validation: true}')),
      tlsTo('override', 'good', '', '', options('{auto_sni: true, override_auto_sni_header: x-name}')),
      {
        ...tlsTo('hostsni', 'good', checked(), '{auto_host_sni: true, auto_sni_san_validation: true}'),
        load_assignment: {
          cluster_name: 'hostsni',
          endpoints: [
            {
              lb_endpoints: [
                {
                  endpoint: {
                    hostname: 'x.wild.example',
                    address: { socket_address: { address: '127.0.0.1', port_value: '${good}' } },
                  },
                },
              ],
            },
          ],
        },
      },
      tlsTo('alpn', 'alpn', '{alpn_protocols: [http/1.1]}'),
      tlsTo('versions', 'only13'),
      tlsTo(
        'old',
        'only12',
        '{tls_params: {tls_minimum_protocol_version: TLSv1_3, tls_maximum_protocol_version: TLSv1_3}}',
      ),
      tlsTo('shown', 'asking', `{${own}}`),
      tlsTo('notshown', 'asking'),
      tlsTo('clear', 'up'),
    ],
    values,
  },
  f => {
    const stats = /^cluster\.\w+\.(ssl\.(conn|fail|hand|no_cert|was)|upstream_cx_(connect_fail|total|destroy))/
    f.scenario(
      'unverified by default',
      {
        sees: `
      unchecked: HTTP/1.1 200 OK ok
        TLSv1.2 sni= alpn= client=
        log: 200 - via_upstream -
        tls: TLSv1.2 CN=upstream CN=Stranger up.example - - - UTC
      stat: cluster.unchecked.ssl.handshake +1
      stat: cluster.unchecked.upstream_cx_destroy +1
      stat: cluster.unchecked.upstream_cx_destroy_local +1
      stat: cluster.unchecked.upstream_cx_total +1
    `,
      },
      s => s.statsOf(stats, () => asks(s, 'unchecked', 'foreign')),
    )
    f.scenario(
      'a good one',
      {
        sees: `
      checked: HTTP/1.1 200 OK ok
        TLSv1.2 sni= alpn= client=
        log: 200 - via_upstream -
        tls: TLSv1.2 O=Nuncio,CN=upstream O=Nuncio,CN=Test CA up.example,*.wild.example spiffe://a/up 127.0.0.1 - UTC
      stat: cluster.checked.ssl.handshake +1
      stat: cluster.checked.upstream_cx_destroy +1
      stat: cluster.checked.upstream_cx_destroy_local +1
      stat: cluster.checked.upstream_cx_total +1
    `,
      },
      s => s.statsOf(stats, () => asks(s, 'checked', 'good')),
    )
    f.scenario(
      'of another authority',
      {
        sees: `
      foreign: HTTP/1.1 503 Service Unavailable upstream connect error or disconnect/reset before headers. reset reason: remote connection failure
        log: 503 UF upstream_reset_before_response_started{remote_connection_failure|TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify_cert_failed:_X509_verify_cert:_certificate_verification_error_at_depth_0:_unable_to_get_local_issuer_certificate:TLS_error_end} TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify_cert_failed:_X509_verify_cert:_certificate_verification_error_at_depth_0:_unable_to_get_local_issuer_certificate:TLS_error_end
        tls: - - - - - - - -
      stat: cluster.foreign.ssl.fail_verify_error +1
      stat: cluster.foreign.upstream_cx_connect_fail +1
      stat: cluster.foreign.upstream_cx_destroy +1
      stat: cluster.foreign.upstream_cx_destroy_remote +1
      stat: cluster.foreign.upstream_cx_total +1
    `,
      },
      s => s.statsOf(stats, () => asks(s, 'foreign', 'foreign')),
    )
    f.scenario(
      'expired',
      {
        sees: `
      expired: HTTP/1.1 503 Service Unavailable upstream connect error or disconnect/reset before headers. reset reason: remote connection failure
        log: 503 UF upstream_reset_before_response_started{remote_connection_failure|TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify_cert_failed:_X509_verify_cert:_certificate_verification_error_at_depth_0:_certificate_has_expired:TLS_error_end} TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify_cert_failed:_X509_verify_cert:_certificate_verification_error_at_depth_0:_certificate_has_expired:TLS_error_end
        tls: - - - - - - - -
      stat: cluster.expired.ssl.fail_verify_error +1
      stat: cluster.expired.upstream_cx_connect_fail +1
      stat: cluster.expired.upstream_cx_destroy +1
      stat: cluster.expired.upstream_cx_destroy_remote +1
      stat: cluster.expired.upstream_cx_total +1
    `,
      },
      s => s.statsOf(stats, () => asks(s, 'expired', 'expired')),
    )
    f.scenario(
      'by name',
      {
        sees: `
      name: HTTP/1.1 200 OK ok
        TLSv1.2 sni= alpn= client=
        log: 200 - via_upstream -
        tls: TLSv1.2 O=Nuncio,CN=upstream O=Nuncio,CN=Test CA up.example,*.wild.example spiffe://a/up 127.0.0.1 - UTC
      stat: cluster.name.ssl.handshake +1
      stat: cluster.name.upstream_cx_destroy +1
      stat: cluster.name.upstream_cx_destroy_local +1
      stat: cluster.name.upstream_cx_total +1
    `,
      },
      s => s.statsOf(stats, () => asks(s, 'name', 'good')),
    )
    f.scenario(
      'of another name',
      {
        sees: `
      wrongname: HTTP/1.1 503 Service Unavailable upstream connect error or disconnect/reset before headers. reset reason: remote connection failure
        log: 503 UF upstream_reset_before_response_started{remote_connection_failure|TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify_cert_failed:_SAN_matcher,_certificate_SANs_are_[up.example,_*.wild.example,_spiffe://a/up,_127.0.0.1]:TLS_error_end} TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify_cert_failed:_SAN_matcher,_certificate_SANs_are_[up.example,_*.wild.example,_spiffe://a/up,_127.0.0.1]:TLS_error_end
        tls: - - - - - - - -
      stat: cluster.wrongname.ssl.fail_verify_san +1
      stat: cluster.wrongname.upstream_cx_connect_fail +1
      stat: cluster.wrongname.upstream_cx_destroy +1
      stat: cluster.wrongname.upstream_cx_destroy_remote +1
      stat: cluster.wrongname.upstream_cx_total +1
    `,
      },
      s => s.statsOf(stats, () => asks(s, 'wrongname', 'good')),
    )
    f.scenario(
      'by URI',
      {
        sees: `
      uri: HTTP/1.1 200 OK ok
        TLSv1.2 sni= alpn= client=
        log: 200 - via_upstream -
        tls: TLSv1.2 O=Nuncio,CN=upstream O=Nuncio,CN=Test CA up.example,*.wild.example spiffe://a/up 127.0.0.1 - UTC
    `,
      },
      s => asks(s, 'uri', 'good'),
    )
    f.scenario(
      'by address',
      {
        sees: `
      ip: HTTP/1.1 200 OK ok
        TLSv1.2 sni= alpn= client=
        log: 200 - via_upstream -
        tls: TLSv1.2 O=Nuncio,CN=upstream O=Nuncio,CN=Test CA up.example,*.wild.example spiffe://a/up 127.0.0.1 - UTC
    `,
      },
      s => asks(s, 'ip', 'good'),
    )
    f.scenario(
      'another key than the pinned one',
      {
        sees: `
      pinned: HTTP/1.1 503 Service Unavailable upstream connect error or disconnect/reset before headers. reset reason: remote connection failure
        log: 503 UF upstream_reset_before_response_started{remote_connection_failure|TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify_cert_failed:_cert_hash_and_spki:TLS_error_end} TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify_cert_failed:_cert_hash_and_spki:TLS_error_end
        tls: - - - - - - - -
      stat: cluster.pinned.ssl.fail_verify_cert_hash +1
      stat: cluster.pinned.upstream_cx_connect_fail +1
      stat: cluster.pinned.upstream_cx_destroy +1
      stat: cluster.pinned.upstream_cx_destroy_remote +1
      stat: cluster.pinned.upstream_cx_total +1
    `,
      },
      s => s.statsOf(stats, () => asks(s, 'pinned', 'good')),
    )
    f.scenario(
      'expired, but accepted',
      {
        sees: `
      expiredok: HTTP/1.1 200 OK ok
        TLSv1.2 sni= alpn= client=
        log: 200 - via_upstream -
        tls: TLSv1.2 CN=upstream O=Nuncio,CN=Test CA up.example - - - UTC
    `,
      },
      s => asks(s, 'expiredok', 'expired'),
    )
    f.scenario(
      'of another authority, but accepted',
      {
        sees: `
      unverified: HTTP/1.1 200 OK ok
        TLSv1.2 sni= alpn= client=
        log: 200 - via_upstream -
        tls: TLSv1.2 CN=upstream CN=Stranger up.example - - - UTC
      stat: cluster.unverified.ssl.fail_verify_error +1
      stat: cluster.unverified.ssl.handshake +1
      stat: cluster.unverified.upstream_cx_destroy +1
      stat: cluster.unverified.upstream_cx_destroy_local +1
      stat: cluster.unverified.upstream_cx_total +1
    `,
      },
      s => s.statsOf(stats, () => asks(s, 'unverified', 'foreign')),
    )
    f.scenario(
      'a server name',
      {
        sees: `
      sni: HTTP/1.1 200 OK ok
        TLSv1.2 sni=sni.example alpn= client=
        log: 200 - via_upstream -
        tls: TLSv1.2 O=Nuncio,CN=upstream O=Nuncio,CN=Test CA up.example,*.wild.example spiffe://a/up 127.0.0.1 - UTC
    `,
      },
      s => asks(s, 'sni', 'good'),
    )
    f.scenario(
      'the server name of the request',
      {
        sees: `
      autosni: HTTP/1.1 200 OK ok
        TLSv1.2 sni=one.example alpn= client=
        log: 200 - via_upstream -
        tls: TLSv1.2 O=Nuncio,CN=upstream O=Nuncio,CN=Test CA up.example,*.wild.example spiffe://a/up 127.0.0.1 - UTC
      autosni: HTTP/1.1 200 OK ok
        TLSv1.2 sni=sni.example alpn= client=
        log: 200 - via_upstream -
        tls: TLSv1.2 O=Nuncio,CN=upstream O=Nuncio,CN=Test CA up.example,*.wild.example spiffe://a/up 127.0.0.1 - UTC
    `,
      },
      async s => {
        await asks(s, 'autosni', 'good', ['host: one.example:8080'])
        await asks(s, 'autosni', 'good', ['host: 127.0.0.1'])
      },
    )
    f.scenario(
      'the name of the request is verified',
      {
        sees: `
      autosan: HTTP/1.1 200 OK ok
        TLSv1.2 sni=up.example alpn= client=
        log: 200 - via_upstream -
        tls: TLSv1.2 O=Nuncio,CN=upstream O=Nuncio,CN=Test CA up.example,*.wild.example spiffe://a/up 127.0.0.1 - UTC
      autosan: HTTP/1.1 200 OK ok
        TLSv1.2 sni=x.wild.example alpn= client=
        log: 200 - via_upstream -
        tls: TLSv1.2 O=Nuncio,CN=upstream O=Nuncio,CN=Test CA up.example,*.wild.example spiffe://a/up 127.0.0.1 - UTC
      autosan: HTTP/1.1 503 Service Unavailable upstream connect error or disconnect/reset before headers. reset reason: remote connection failure
        log: 503 UF upstream_reset_before_response_started{remote_connection_failure|TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify_cert_failed:_verify_SAN_list,_expected_SANs:_[other.example],_certificate_SANs:_[up.example,_*.wild.example,_spiffe://a/up,_127.0.0.1]:TLS_error_end} TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify_cert_failed:_verify_SAN_list,_expected_SANs:_[other.example],_certificate_SANs:_[up.example,_*.wild.example,_spiffe://a/up,_127.0.0.1]:TLS_error_end
        tls: - - - - - - - -
    `,
      },
      async s => {
        await asks(s, 'autosan', 'good', ['host: up.example'])
        await asks(s, 'autosan', 'good', ['host: x.wild.example'])
        await asks(s, 'autosan', 'good', ['host: other.example'])
      },
    )
    f.scenario(
      'the server name of another header',
      {
        sees: `
      override: HTTP/1.1 200 OK ok
        TLSv1.2 sni=header.example alpn= client=
        log: 200 - via_upstream -
        tls: TLSv1.2 O=Nuncio,CN=upstream O=Nuncio,CN=Test CA up.example,*.wild.example spiffe://a/up 127.0.0.1 - UTC
      override: HTTP/1.1 200 OK ok
        TLSv1.2 sni=fallback.example alpn= client=
        log: 200 - via_upstream -
        tls: TLSv1.2 O=Nuncio,CN=upstream O=Nuncio,CN=Test CA up.example,*.wild.example spiffe://a/up 127.0.0.1 - UTC
    `,
      },
      async s => {
        await asks(s, 'override', 'good', ['host: a', 'x-name: header.example'])
        await asks(s, 'override', 'good', ['host: fallback.example'])
      },
    )
    f.scenario(
      "the endpoint's name",
      {
        sees: `
      hostsni: HTTP/1.1 200 OK ok
        TLSv1.2 sni=x.wild.example alpn= client=
        log: 200 - via_upstream -
        tls: TLSv1.2 O=Nuncio,CN=upstream O=Nuncio,CN=Test CA up.example,*.wild.example spiffe://a/up 127.0.0.1 - UTC
    `,
      },
      s => asks(s, 'hostsni', 'good'),
    )
    f.scenario(
      'ALPN',
      {
        sees: `
      alpn: HTTP/1.1 200 OK ok
        TLSv1.2 sni= alpn=http/1.1 client=
        log: 200 - via_upstream -
        tls: TLSv1.2 O=Nuncio,CN=upstream O=Nuncio,CN=Test CA up.example,*.wild.example spiffe://a/up 127.0.0.1 - UTC
    `,
      },
      s => asks(s, 'alpn', 'alpn'),
    )
    f.scenario(
      'TLS 1.3',
      {
        sees: `
      versions: HTTP/1.1 503 Service Unavailable upstream connect error or disconnect/reset before headers. reset reason: remote connection failure
        log: 503 UF upstream_reset_before_response_started{remote_connection_failure|TLS_error:|268436526:SSL_routines:OPENSSL_internal:TLSV1_ALERT_PROTOCOL_VERSION:TLS_error_end} TLS_error:|268436526:SSL_routines:OPENSSL_internal:TLSV1_ALERT_PROTOCOL_VERSION:TLS_error_end
        tls: - - - - - - - -
    `,
      },
      s => asks(s, 'versions', 'only13'),
    )
    f.scenario(
      'no version in common',
      {
        sees: `
      old: HTTP/1.1 503 Service Unavailable upstream connect error or disconnect/reset before headers. reset reason: remote connection failure
        log: 503 UF upstream_reset_before_response_started{remote_connection_failure|TLS_error:|268436526:SSL_routines:OPENSSL_internal:TLSV1_ALERT_PROTOCOL_VERSION:TLS_error_end} TLS_error:|268436526:SSL_routines:OPENSSL_internal:TLSV1_ALERT_PROTOCOL_VERSION:TLS_error_end
        tls: - - - - - - - -
      stat: cluster.old.ssl.connection_error +1
      stat: cluster.old.upstream_cx_connect_fail +1
      stat: cluster.old.upstream_cx_destroy +1
      stat: cluster.old.upstream_cx_destroy_remote +1
      stat: cluster.old.upstream_cx_total +1
    `,
      },
      s => s.statsOf(stats, () => asks(s, 'old', 'only12')),
    )
    f.scenario(
      'our own certificate',
      {
        sees: `
      shown: HTTP/1.1 200 OK ok
        TLSv1.2 sni= alpn= client=proxy
        log: 200 - via_upstream -
        tls: TLSv1.2 O=Nuncio,CN=upstream O=Nuncio,CN=Test CA up.example,*.wild.example spiffe://a/up 127.0.0.1 proxy.example UTC
    `,
      },
      s => asks(s, 'shown', 'asking'),
    )
    f.scenario(
      'a certificate that we do not have',
      {
        sees: `
      notshown: HTTP/1.1 503 Service Unavailable upstream connect error or disconnect/reset before headers. reset reason: remote connection failure
        log: 503 UF upstream_reset_before_response_started{remote_connection_failure|TLS_error:|268436496:SSL_routines:OPENSSL_internal:SSLV3_ALERT_HANDSHAKE_FAILURE:TLS_error_end} TLS_error:|268436496:SSL_routines:OPENSSL_internal:SSLV3_ALERT_HANDSHAKE_FAILURE:TLS_error_end
        tls: - - - - - - - -
      stat: cluster.notshown.ssl.connection_error +1
      stat: cluster.notshown.upstream_cx_connect_fail +1
      stat: cluster.notshown.upstream_cx_destroy +1
      stat: cluster.notshown.upstream_cx_destroy_remote +1
      stat: cluster.notshown.upstream_cx_total +1
    `,
      },
      s => s.statsOf(stats, () => asks(s, 'notshown', 'asking')),
    )
    f.scenario(
      'an upstream that speaks clear text',
      {
        sees: `
      HTTP/1.1 503 Service Unavailable upstream connect error or disconnect/reset before headers. reset reason: remote connection failure
      503 UF upstream_reset_before_response_started{remote_connection_failure|TLS_error:|268435703:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end} TLS_error:|268435703:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end // - - - - - - - -
      stat: cluster.clear.ssl.connection_error +1
      stat: cluster.clear.upstream_cx_connect_fail +1
      stat: cluster.clear.upstream_cx_destroy +1
      stat: cluster.clear.upstream_cx_destroy_remote +1
      stat: cluster.clear.upstream_cx_total +1
    `,
      },
      async s => {
        s.upstream().raw()
        await s.statsOf(stats, async () => {
          const connection = await s.connect()
          await connection.send(get('/clear'))
          const accepted = await s.upstream().nextConnection()
          await accepted.waitFor('a ClientHello', () => accepted.received.length || undefined)
          await accepted.send('HTTP/1.1 400 Bad Request\r\n\r\n')
          const answer = await connection.response()
          s.note(`${answer.startLine} ${answer.body.toString()}`)
          for (const line of await s.log(1)) s.note(line)
        })
      },
    )
  },
)

const socket = (type: string, more: object = {}) => ({
  name: type,
  typed_config: { '@type': `type.googleapis.com/envoy.extensions.transport_sockets.${type}`, ...more },
})
const matches = JSON.stringify([
  {
    name: 'secure',
    match: { kind: 'tls' },
    transport_socket: socket('tls.v3.UpstreamTlsContext', { sni: 'matched.example' }),
  },
  { name: 'clear', match: { kind: 'clear' }, transport_socket: socket('raw_buffer.v3.RawBuffer') },
])

feature(
  'connections',
  {
    file: import.meta.url,
    upstreams: ['up', 'silent'],
    tlsUpstreams: { good: serving(good), only12: serving(good, { maxVersion: 'TLSv1.2' }) },
    listeners: [
      http('main', { routes: routes(['resumed', 'fresh', 'resumed13', 'hanging']), log: LOG }),
      tcp('tcp', 'cluster: tcp', '', TCP_LOG),
    ],
    clusters: [
      tlsTo('resumed', 'only12'),
      tlsTo('fresh', 'only12', '', 'max_session_keys: 0'),
      tlsTo('resumed13', 'good', '{tls_params: {tls_maximum_protocol_version: TLSv1_3}}'),
      tlsTo('tcp', 'good', checked(), 'sni: tcp.example'),
      tlsTo('hanging', 'silent', '', '', 'connect_timeout: 0.3s'),
    ],
    values,
  },
  f => {
    const resumption = async (s: Scene, to: string, upstream: string): Promise<void> => {
      s.upstream(upstream).always(thenClose('HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok'))
      for (let count = 0; count < 3; count++) {
        const connection = await s.connect()
        await connection.send(get(`/${to}`))
        await connection.response()
        const seen = s.upstream(upstream).connections.at(-1)?.handshake
        s.note(`${seen?.version} ${seen?.isResumed ? 'resumed' : 'in full'}`)
        connection.destroy()
      }
    }
    const stats = /^cluster\.\w+\.ssl\.(handshake|session_reused)/
    f.scenario(
      'sessions are resumed',
      {
        sees: `
      TLSv1.2 in full
      TLSv1.2 resumed
      TLSv1.2 resumed
      stat: cluster.resumed.ssl.handshake +3
      stat: cluster.resumed.ssl.session_reused +2
    `,
      },
      s => s.statsOf(stats, () => resumption(s, 'resumed', 'only12')),
    )
    f.scenario(
      'sessions are not kept',
      {
        sees: `
      TLSv1.2 in full
      TLSv1.2 in full
      TLSv1.2 in full
      stat: cluster.fresh.ssl.handshake +3
    `,
      },
      s => s.statsOf(stats, () => resumption(s, 'fresh', 'only12')),
    )
    f.scenario(
      'TLS 1.3 sessions are used once',
      {
        sees: `
      TLSv1.3 in full
      TLSv1.3 resumed
      TLSv1.3 in full
      stat: cluster.resumed13.ssl.handshake +3
      stat: cluster.resumed13.ssl.session_reused +1
    `,
      },
      s => s.statsOf(stats, () => resumption(s, 'resumed13', 'good')),
    )
    f.scenario(
      'a handshake that never ends',
      {
        sees: `
      HTTP/1.1 503 Service Unavailable upstream connect error or disconnect/reset before headers. reset reason: connection timeout
      503 UF upstream_reset_before_response_started{connection_timeout} - // - - - - - - - -
      stat: cluster.hanging.upstream_cx_connect_fail +1
      stat: cluster.hanging.upstream_cx_connect_timeout +1
      stat: cluster.hanging.upstream_cx_destroy +1
      stat: cluster.hanging.upstream_cx_destroy_local +1
      stat: cluster.hanging.upstream_cx_total +1
    `,
      },
      async s => {
        s.upstream('silent').raw()
        await s.statsOf(/^cluster\.hanging\.(ssl\.|upstream_cx_(connect|total|destroy))/, async () => {
          const connection = await s.connect()
          await connection.send(get('/hanging'))
          const answer = await connection.response()
          s.note(`${answer.startLine} ${answer.body.toString()}`)
          for (const line of await s.log(1)) s.note(line)
        })
      },
    )
    f.scenario(
      'TCP',
      {
        sees: `
          sni=tcp.example
          < client
          pong after
          (closed)
          log: - in=4 out=10 // TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256 O=Nuncio,CN=upstream O=Nuncio,CN=Test CA up.example,*.wild.example spiffe://a/up UTC
        `,
      },
      async s => {
        s.upstream('good').raw()
        const connection = await s.connect('tcp')
        await connection.send('ping')
        const accepted = await s.upstream('good').nextConnection()
        await accepted.waitFor('ping', () => (accepted.received.toString() === 'ping' ? true : undefined))
        s.note(`sni=${accepted.handshake?.serverName}`)
        await accepted.send('pong')
        await connection.until('pong')
        connection.end()
        await accepted.waitFor('the end', () => (accepted.state === 'open' ? undefined : true))
        await accepted.send(' after')
        accepted.end()
        await connection.closed()
        s.sawAll(connection)
        await s.sawLog(1, 'tcp')
      },
    )
  },
)

const hosts = `
load_assignment:
  cluster_name: matched
  endpoints:
  - lb_endpoints:
    - {endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: "\${good}"}}}, metadata: {filter_metadata: {envoy.transport_socket_match: {kind: tls}}}}
    - {endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: "\${up}"}}}, metadata: {filter_metadata: {envoy.transport_socket_match: {kind: clear}}}}
    - {endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: "\${only12}"}}}}`

feature(
  'matched transport sockets',
  {
    file: import.meta.url,
    tlsUpstreams: { good: serving(good), only12: serving(good, { maxVersion: 'TLSv1.2' }) },
    listeners: [http('main', { routes: routes(['matched']), log: LOG })],
    clusters: [
      cluster('matched', [], `${clientTls('', 'sni: own.example')}\ntransport_socket_matches: ${matches}\n${hosts}`),
    ],
    values,
  },
  f => {
    f.scenario(
      'by endpoint metadata',
      {
        sees: `
      HTTP/1.1 200 OK
      HTTP/1.1 200 OK
      HTTP/1.1 200 OK
      stat: cluster.matched.ssl.handshake +2
      good: 1 matched.example
      up: 1 clear
      only12: 1 own.example
      cluster.matched.clear.total_match_count: 1
      cluster.matched.default.total_match_count: 1
      cluster.matched.secure.total_match_count: 1
    `,
      },
      async s => {
        for (const name of ['good', 'up', 'only12'])
          s.upstream(name).always('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
        await s.statsOf(/ssl\.handshake/, async () => {
          for (let count = 0; count < 3; count++) {
            const connection = await s.connect()
            await connection.send(get('/matched'))
            s.note((await connection.response()).startLine)
            connection.destroy()
          }
        })
        for (const name of ['good', 'up', 'only12']) {
          const shake = s.upstream(name).connections[0]?.handshake
          s.note(`${name}: ${s.upstream(name).requests.length} ${shake === undefined ? 'clear' : shake.serverName}`)
        }
        const counts = [...(await s.proxy.stats())].filter(([name]) => name.includes('total_match_count'))
        for (const [name, value] of counts) s.note(`${name}: ${value}`)
      },
    )
  },
)
