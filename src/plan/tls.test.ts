import assert from 'node:assert/strict'
import { fromBinary, type JsonObject } from '@bufbuild/protobuf'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadExtensions } from '../generated/extensions.js'
import {
  ClusterSchema,
  DownstreamTlsSchema,
  EndpointsSchema,
  ListenerSchema,
  SanMatcher_Type,
  SecretSchema,
  UpstreamTlsSchema,
} from '../generated/plan_pb.js'
import { compilerWith, types } from './compile-fixture.js'
import { compileSecret } from './secret.js'
import { Issues } from './place.js'
import { systemFiles } from '../support/files.js'
import type { CompiledConfig } from './compile.js'
import type { PlanKind } from './compilation.js'

const compile = compilerWith(await loadExtensions())
const file = (name: string) => ({ filename: fileURLToPath(new URL(`../../test/golden/tls/${name}`, import.meta.url)) })
const tls = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3'
const pair = (name: string) => ({ certificate_chain: file(`${name}.pem`), private_key: file(`${name}.key`) })
const server = pair('server')
const ca = { trusted_ca: file('ca.pem') }

interface Parts {
  readonly context?: unknown
  readonly cluster?: object
  readonly secrets?: unknown
  readonly chain?: object
}

/** A listener with a downstream context, and a cluster. */
function source({ context, cluster = {}, secrets = [], chain = {} }: Parts) {
  const tcp = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
    stat_prefix: 't',
    cluster: 'c',
  }
  const listener = {
    name: 'l',
    address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
    filter_chains: [
      {
        filters: [{ name: 'tcp', typed_config: tcp }],
        transport_socket: {
          name: 'tls',
          typed_config: { '@type': `${tls}.DownstreamTlsContext`, ...(context as object) },
        },
        ...chain,
      },
    ],
  }
  const clusters = [{ name: 'c', connect_timeout: '1s', ...cluster }]
  return {
    yaml: JSON.stringify({ static_resources: { listeners: context ? [listener] : [], clusters, secrets } }),
  }
}

const down = (common: object, more: object = {}): Parts => ({ context: { common_tls_context: common, ...more } })
const certificate = (config: object, more: object = {}): Parts => down({ tls_certificates: [config] }, more)
const validation = (config: object): Parts =>
  down({ tls_certificates: [server], validation_context: config }, { require_client_certificate: true })
const parameters = (config: object): Parts => down({ tls_certificates: [server], tls_params: config })
const upstream = (config: object): Parts => ({
  cluster: { transport_socket: { name: 'tls', typed_config: { '@type': `${tls}.UpstreamTlsContext`, ...config } } },
})
const named = (name: string) => ({ name })

const refusals: readonly [what: string, parts: Parts, path: RegExp, message: RegExp][] = [
  ['no certificate', down({}), /typed_config$/, /^No TLS certificates found for server context$/],
  [
    'no such certificate file',
    certificate({ ...server, certificate_chain: { filename: '/nowhere/c.pem' } }),
    /tls_certificates\[0\]\.certificate_chain\.filename$/,
    /^certificate chain file \/nowhere\/c\.pem does not exist$/,
  ],
  [
    'no such key file',
    certificate({ ...server, private_key: { filename: '/nowhere/k.pem' } }),
    /private_key\.filename$/,
    /^private key file \/nowhere\/k\.pem does not exist$/,
  ],
  [
    'no key',
    certificate({ certificate_chain: server.certificate_chain }),
    /private_key$/,
    /^Failed to load incomplete private key from path: $/,
  ],
  [
    'no chain',
    certificate({ private_key: server.private_key }),
    /certificate_chain$/,
    /^Failed to load incomplete certificate from : certificate chain not set$/,
  ],
  [
    'an empty file',
    certificate({ ...server, certificate_chain: file('empty.pem') }),
    /certificate_chain\.filename$/,
    /^Failed to load incomplete certificate from .*empty\.pem: certificate chain not set$/,
  ],
  [
    'no PEM',
    certificate({ ...server, certificate_chain: file('no.pem') }),
    /certificate_chain$/,
    /^Failed to load certificate chain from .*no\.pem: it holds no certificate in PEM form/,
  ],
  [
    'a key for a certificate',
    certificate({ ...server, certificate_chain: server.private_key }),
    /certificate_chain$/,
    /it holds no certificate, but a private key$/,
  ],
  [
    'a certificate for a key',
    certificate({ ...server, private_key: server.certificate_chain }),
    /private_key$/,
    /^Failed to load private key from .*server\.pem: it holds a certificate, but no private key$/,
  ],
  [
    'the key of another certificate',
    certificate({ ...server, private_key: file('other.key') }),
    /private_key$/,
    /^Failed to load private key from .*other\.key: private key does not match the certificate in .*server\.pem$/,
  ],
  [
    'an encrypted key without its password',
    certificate({ ...server, private_key: file('server-encrypted.key') }),
    /private_key$/,
    /it is encrypted; write its password into the field password$/,
  ],
  [
    'an encrypted key with another password',
    certificate({ ...server, private_key: file('server-encrypted.key'), password: { inline_string: 'no' } }),
    /private_key$/,
    /it cannot be decrypted with the password in the field password/,
  ],
  [
    'a small RSA key',
    certificate(pair('small')),
    /certificate_chain$/,
    /only RSA certificates with 2048-bit or larger keys are supported$/,
  ],
  ['no name at all', certificate(pair('nameless')), /certificate_chain$/, /neither subject CN nor SAN names$/],
  [
    'PKCS#12 with another password',
    certificate({ pkcs12: file('server.p12'), password: { inline_string: 'no' } }),
    /pkcs12$/,
    /^Failed to load pkcs12 from .*server\.p12: the password in the field password is wrong$/,
  ],
  ['no PKCS#12', certificate({ pkcs12: file('no.pem') }), /pkcs12$/, /it is no PKCS#12 file in DER form/],
  [
    'PKCS#12 and a key',
    certificate({ pkcs12: file('server.p12'), private_key: server.private_key }),
    /private_key$/,
    /^Certificate configuration can't have both pkcs12 and private_key$/,
  ],
  [
    'a staple for another certificate',
    certificate({ ...server, ocsp_staple: file('other.ocsp') }),
    /ocsp_staple$/,
    /^OCSP response does not match its TLS certificate$/,
  ],
  [
    'no OCSP response',
    certificate({ ...server, ocsp_staple: file('no.pem') }),
    /ocsp_staple$/,
    /no OCSP response in DER form/,
  ],
  [
    'a staple as text',
    certificate({ ...server, ocsp_staple: { inline_string: 'x' } }),
    /inline_string$/,
    /^OCSP staple cannot be provided via inline_string$/,
  ],
  [
    'no staple for must-staple',
    certificate(pair('must-staple')),
    /ocsp_staple$/,
    /required for must-staple certificate$/,
  ],
  [
    'no staple for MUST_STAPLE',
    certificate(server, { ocsp_staple_policy: 'MUST_STAPLE' }),
    /ocsp_staple$/,
    /^Required OCSP response is missing from TLS context$/,
  ],
  [
    'a suite nobody knows',
    parameters({ cipher_suites: ['ECDHE-RSA-AES128-GCM-SHA256', '[NOPE|AES128-SHA]'] }),
    /cipher_suites$/,
    /rejected when tried individually: NOPE$/,
  ],
  [
    'a suite of TLS 1.3',
    parameters({ cipher_suites: ['TLS_AES_128_GCM_SHA256'] }),
    /cipher_suites$/,
    /rejected when tried individually: TLS_AES_128_GCM_SHA256$/,
  ],
  [
    'a curve nobody knows',
    parameters({ ecdh_curves: ['X25519', 'P-999'] }),
    /ecdh_curves$/,
    /ECDH curves X25519:P-999$/,
  ],
  [
    'a signature nobody knows',
    parameters({ signature_algorithms: ['nope'] }),
    /signature_algorithms$/,
    /algorithms nope$/,
  ],
  [
    'a long protocol',
    down({ tls_certificates: [server], alpn_protocols: ['x'.repeat(256)] }),
    /alpn_protocols$/,
    /^Invalid ALPN/,
  ],
  [
    'no such CA file',
    validation({ trusted_ca: { filename: '/nowhere/ca.pem' } }),
    /trusted_ca\.filename$/,
    /does not exist$/,
  ],
  [
    'no CA in its file',
    validation({ trusted_ca: file('server.key') }),
    /trusted_ca$/,
    /^Failed to load trusted CA certificates/,
  ],
  ['an empty CA file', validation({ trusted_ca: file('empty.pem') }), /trusted_ca\.filename$/, /^file .* is empty$/],
  [
    'revocations without a CA',
    validation({ crl: file('mid.crl') }),
    /crl$/,
    /^Failed to load CRL from .* without trusted CA$/,
  ],
  ['no revocations in the file', validation({ ...ca, crl: file('no.pem') }), /crl$/, /it holds no revocation list/],
  [
    'names without a CA',
    validation({ match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: 'a' } }] }),
    /validation_context$/,
    /^SAN-based verification of peer certificates without trusted CA/,
  ],
  [
    'expired without a CA',
    validation({ allow_expired_certificate: true }),
    /allow_expired/,
    /always ignored without trusted CA$/,
  ],
  [
    'another name without a type',
    validation({ ...ca, match_typed_subject_alt_names: [{ san_type: 'OTHER_NAME', matcher: { exact: 'a' } }] }),
    /\[0\]\.oid$/,
    /^Failed to create SAN matcher for OTHER_NAME with OID: $/,
  ],
  [
    'a pin that is none',
    validation({ verify_certificate_hash: ['z'.repeat(64)] }),
    /hash\[0\]$/,
    /^Invalid hex-encoded SHA-256/,
  ],
  [
    'a key pin that is none',
    validation({ verify_certificate_spki: ['A'.repeat(44)] }),
    /spki\[0\]$/,
    /^Invalid base64-encoded/,
  ],
  [
    'a short ticket key',
    certificate(server, { session_ticket_keys: { keys: [file('short.key')] } }),
    /session_ticket_keys\.keys\[0\]$/,
    /^Incorrect TLS session ticket key length\. Length 48, expected length 80\.$/,
  ],
  [
    'a secret nobody brings',
    down({ tls_certificate_sds_secret_configs: [named('s')] }),
    /configs\[0\]\.name$/,
    /^Unknown static secret: s$/,
  ],
  [
    'a secret of another kind',
    { ...down({ tls_certificate_sds_secret_configs: [named('s')] }), secrets: [{ name: 's', validation_context: ca }] },
    /configs\[0\]\.name$/,
    /^Unknown static secret: s$/,
  ],
  [
    'a secret that is there twice',
    {
      secrets: [
        { name: 's', tls_certificate: server },
        { name: 's', tls_certificate: server },
      ],
    },
    /secrets\[1\]\.name$/,
    /^Duplicate static TlsCertificate secret name s$/,
  ],
  ['a secret of no kind', { secrets: [{ name: 's' }] }, /secrets\[0\]$/, /^Secret type not implemented$/],
  [
    'secrets in place and by name',
    {
      ...down({ tls_certificates: [server], tls_certificate_sds_secret_configs: [named('s')] }),
      secrets: [{ name: 's', tls_certificate: server }],
    },
    /common_tls_context$/,
    /may not be mixed in server contexts$/,
  ],
  [
    'a secret from nowhere',
    down({ tls_certificate_sds_secret_configs: [{ name: 's', sds_config: { self: {} } }] }),
    /sds_config/,
    /^Missing config source specifier/,
  ],
  [
    'two certificates for a client',
    upstream({ common_tls_context: { tls_certificates: [server, server] } }),
    /common_tls_context$/,
    /^Multiple TLS certificates are not supported for client contexts$/,
  ],
  ['a server name with NUL', upstream({ sni: 'a\0b' }), /sni$/, /^SNI names containing NULL-byte are not allowed$/],
  [
    'names to verify with nothing',
    upstream({ auto_sni_san_validation: true }),
    /auto_sni/,
    /without a validation context$/,
  ],
  [
    'a context of the other side',
    { cluster: { transport_socket: { name: 'tls', typed_config: { '@type': `${tls}.DownstreamTlsContext` } } } },
    /typed_config$/,
    /^Didn't find a registered implementation for 'tls'/,
  ],
]

for (const [what, parts, path, message] of refusals) {
  test(`TLS refused: ${what}`, () => {
    const { errors = [] } = compile(source(parts))
    assert.equal(errors.length, 1, JSON.stringify(errors))
    assert.match(errors[0]?.path ?? '', path)
    assert.match(errors[0]?.message ?? '', message)
  })
}

function compiled(parts: Parts): CompiledConfig {
  const { config, errors } = compile(source(parts))
  return config ?? assert.fail(JSON.stringify(errors))
}

const bytesOf = (config: CompiledConfig, kind: PlanKind, slot = 0): Uint8Array =>
  config.plans.find(plan => plan.kind === kind && plan.slot === slot)?.bytes ?? assert.fail(`no ${kind} ${slot}`)

const downstream = (config: CompiledConfig) => {
  const listener = fromBinary(ListenerSchema, bytesOf(config, 'listener'))
  return fromBinary(DownstreamTlsSchema, listener.filterChains[0]?.transportSocket?.plan ?? new Uint8Array())
}
const secret = (config: CompiledConfig, slot: number | undefined) =>
  fromBinary(SecretSchema, bytesOf(config, 'secret', slot ?? -1))

test('a context with everything in place', () => {
  const config = compiled(
    down(
      {
        tls_params: {
          tls_minimum_protocol_version: 'TLSv1_2',
          tls_maximum_protocol_version: 'TLSv1_3',
          cipher_suites: ['[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]', 'AES128-SHA'],
          ecdh_curves: ['X25519', 'P-256'],
          signature_algorithms: ['rsa_pss_rsae_sha256'],
        },
        tls_certificates: [{ ...server, ocsp_staple: file('server.ocsp') }, pair('other')],
        validation_context: {
          ...ca,
          crl: file('mid.crl'),
          match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { prefix: 'spiffe://a' } }],
          verify_certificate_hash: ['ab'.repeat(32)],
          max_verify_depth: 3,
        },
        alpn_protocols: ['h2,http/1.1'],
        key_log: { path: '/tmp/keys', local_address_range: [{ address_prefix: '127.0.0.0', prefix_len: 8 }] },
      },
      { require_client_certificate: true, session_ticket_keys: { keys: [file('ticket.key')] }, session_timeout: '60s' },
    ),
  )
  const plan = downstream(config)
  assert.deepEqual(plan.common?.alpn, ['h2', 'http/1.1'])
  assert.deepEqual(plan.common?.ecdhCurves, ['X25519', 'prime256v1'])
  assert.equal(plan.common?.cipherSuites.length, 2)
  assert.deepEqual(plan.common?.keyLog?.localRanges[0]?.ip, '127.0.0.0')
  assert.equal(plan.requireClientCertificate, true)
  assert.equal(plan.sessionTimeoutS, 60)
  const [first, second] = plan.common?.certificateSlots ?? []
  const own = secret(config, first).certificate
  assert.match(own?.chainSource ?? '', /server\.pem$/)
  assert.equal(own?.name, 'unnamed_cert_e3b0c442')
  assert.ok((own?.ocspStaple.length ?? 0) > 0)
  assert.match(secret(config, second).certificate?.chainSource ?? '', /other\.pem$/)
  const checks = secret(config, plan.common?.validationSlot).validation
  assert.equal(checks?.sans[0]?.type, SanMatcher_Type.URI)
  assert.equal(checks?.maxVerifyDepth, 3)
  assert.equal(secret(config, plan.ticketKeysSlot).ticketKeys?.keys[0]?.length, 80)
  assert.deepEqual(config.tlsContexts, [
    { owner: { kind: 'listener', name: 'l' }, certificates: [first, second], validation: plan.common?.validationSlot },
  ])
})

test('what certificates say of themselves', () => {
  const config = compiled(certificate({ ...server, ocsp_staple: file('server.ocsp') }))
  const [facts] = config.secrets[0]?.facts.certificates ?? []
  assert.equal(facts?.serial, 'ff01')
  assert.deepEqual(
    facts?.sans.filter(san => san.kind !== 'other'),
    [
      { kind: 'dns', value: 'a.example' },
      { kind: 'uri', value: 'spiffe://a/b' },
      { kind: 'ip_address', value: '127.0.0.1' },
      { kind: 'ip_address', value: '::1' },
    ],
  )
  assert.ok((facts?.expiration ?? 0) - (facts?.validFrom ?? 0) > 36_000 * 86_400)
  assert.ok((facts?.ocsp?.expiration ?? 0) > (facts?.ocsp?.validFrom ?? 0))
})

test('PKCS#12 and encrypted keys', () => {
  for (const config of [
    { pkcs12: file('server.p12'), password: { inline_string: 'secret' } },
    { ...server, private_key: file('server-encrypted.key'), password: { inline_string: 'secret' } },
  ]) {
    const made = compiled(certificate(config))
    assert.equal(secret(made, 0).certificate?.password, 'secret')
    assert.equal(made.secrets[0]?.facts.certificates[0]?.serial, 'ff01')
  }
})

test('a secret by name is one plan for all who use it; what nobody uses is not read', () => {
  const config = compiled({
    ...down({ tls_certificate_sds_secret_configs: [named('s')] }),
    ...upstream({ common_tls_context: { tls_certificate_sds_secret_configs: [named('s')] } }),
    secrets: [
      { name: 's', tls_certificate: server },
      {
        name: 'unused',
        tls_certificate: { certificate_chain: { filename: '/nowhere' }, private_key: { filename: '/nowhere' } },
      },
      { name: 's', generic_secret: { secret: { inline_string: 'x' } } },
    ],
  })
  assert.equal(config.plans.filter(plan => plan.kind === 'secret').length, 1)
  assert.equal(config.tlsContexts.length, 2)
  assert.equal(secret(config, 0).certificate?.name, 's')
})

test('a combined validation context is merged', () => {
  const config = compiled({
    ...down({
      tls_certificates: [server],
      combined_validation_context: {
        default_validation_context: { match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: 'a' } }] },
        validation_context_sds_secret_config: named('v'),
      },
    }),
    secrets: [{ name: 'v', validation_context: ca }],
  })
  const checks = secret(config, downstream(config).common?.validationSlot).validation
  assert.equal(checks?.sans.length, 1)
  assert.ok((checks?.trustedCa.length ?? 0) > 0)
})

test('the deprecated name matchers look at every type', () => {
  const config = compiled(validation({ ...ca, match_subject_alt_names: [{ exact: 'a' }] }))
  const checks = secret(config, downstream(config).common?.validationSlot).validation
  assert.deepEqual(
    checks?.sans.map(san => san.type),
    [SanMatcher_Type.DNS, SanMatcher_Type.URI, SanMatcher_Type.EMAIL, SanMatcher_Type.IP_ADDRESS],
  )
})

test('endpoints take the first transport socket that their metadata matches', () => {
  const host = (port: number, labels?: JsonObject) => ({
    endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } },
    ...(labels && { metadata: { filter_metadata: { 'envoy.transport_socket_match': labels } } }),
  })
  const socket = (type: string) => ({
    name: type,
    typed_config: { '@type': `type.googleapis.com/envoy.extensions.transport_sockets.${type}` },
  })
  const config = compiled({
    cluster: {
      transport_socket: socket('tls.v3.UpstreamTlsContext'),
      transport_socket_matches: [
        { name: 'clear', match: { tls: 'no' }, transport_socket: socket('raw_buffer.v3.RawBuffer') },
        { name: 'other', match: { tls: 'yes', more: 1 }, transport_socket: socket('tls.v3.UpstreamTlsContext') },
      ],
      load_assignment: {
        cluster_name: 'c',
        endpoints: [
          {
            lb_endpoints: [host(1), host(2, { tls: 'no' }), host(3, { tls: 'yes' }), host(4, { tls: 'yes', more: 1 })],
          },
          { lb_endpoints: [host(5)], metadata: { filter_metadata: { 'envoy.transport_socket_match': { tls: 'no' } } } },
        ],
      },
    },
  })
  const endpoints = fromBinary(EndpointsSchema, bytesOf(config, 'endpoints'))
  assert.deepEqual(
    endpoints.localities.map(locality => locality.hosts.map(one => one.transportSocket)),
    [[0, 1, 0, 2], [1]],
  )
  const cluster = fromBinary(ClusterSchema, bytesOf(config, 'cluster'))
  assert.deepEqual(
    cluster.transportSockets.map(one => one.type),
    ['', 'envoy.transport_sockets.tls'],
  )
  assert.equal(fromBinary(UpstreamTlsSchema, cluster.transportSocket?.plan ?? new Uint8Array()).maxSessionKeys, 1)
})

test('a secret read again says which files it came from', () => {
  const { source: from, reading } = compiled(certificate(server)).secrets[0] ?? assert.fail()
  assert.deepEqual([...reading.files.keys()], [server.certificate_chain.filename, server.private_key.filename])
  const issues = new Issues()
  const files = { ...systemFiles, read: () => Buffer.from('no PEM') }
  const again = compileSecret(from, issues.root(from.path), { types, files, environment: {}, checkRegex: () => {} })
  assert.equal(again.bytes, undefined)
  assert.match(issues.errors[0]?.path ?? '', /tls_certificates\[0\]\.certificate_chain$/)
  assert.notDeepEqual(again.reading.files, reading.files)
})
