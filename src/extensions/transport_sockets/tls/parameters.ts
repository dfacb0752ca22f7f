import { createSecureContext, type SecureContextOptions } from 'node:tls'
import type { Place } from '../../../api/plan-context.js'
import type { TlsParameters } from '../../../generated/protos/envoy/extensions/transport_sockets/tls/v3/common_pb.js'

/** Suites BoringSSL knows below TLS 1.3, whose own are always on. */
const suites = new Set(
  `ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-RSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-RSA-AES256-GCM-SHA384
   ECDHE-ECDSA-CHACHA20-POLY1305 ECDHE-RSA-CHACHA20-POLY1305 ECDHE-PSK-CHACHA20-POLY1305 ECDHE-ECDSA-AES128-SHA
   ECDHE-RSA-AES128-SHA ECDHE-PSK-AES128-CBC-SHA ECDHE-ECDSA-AES256-SHA ECDHE-RSA-AES256-SHA ECDHE-PSK-AES256-CBC-SHA
   ECDHE-ECDSA-AES128-SHA256 ECDHE-RSA-AES128-SHA256 AES128-GCM-SHA256 AES256-GCM-SHA384 AES128-SHA AES256-SHA
   PSK-AES128-CBC-SHA PSK-AES256-CBC-SHA DES-CBC3-SHA`.split(/\s+/),
)
/** And the names it has for groups of them. */
const aliases = new Set(
  `ALL DEFAULT FIPS HIGH kRSA kECDHE kEECDH kPSK ECDHE EECDH PSK aRSA aECDSA aPSK ECDSA RSA 3DES AES AES128 AES256 AESGCM
   CHACHA20 SHA SHA1 SSLv3 TLSv1 TLSv1.2`.split(/\s+/),
)
const standardName = /^TLS_(?:(?:ECDHE_)?(?:RSA|ECDSA|PSK)|ECDHE_(?:ECDSA|RSA|PSK))_WITH_[A-Z0-9_]+$/

// The first name is BoringSSL's, the second OpenSSL's. A curve without one here depends on the OpenSSL that Node carries.
const curves = new Map([
  ['X25519', 'X25519'],
  ['x25519', 'X25519'],
  ['P-256', 'prime256v1'],
  ['prime256v1', 'prime256v1'],
  ['P-384', 'secp384r1'],
  ['secp384r1', 'secp384r1'],
  ['P-521', 'secp521r1'],
  ['secp521r1', 'secp521r1'],
  ['X25519MLKEM768', 'X25519MLKEM768'],
  ['MLKEM1024', 'MLKEM1024'],
])

const signatures = new Set(
  `rsa_pkcs1_sha1 rsa_pkcs1_sha256 rsa_pkcs1_sha384 rsa_pkcs1_sha512 ecdsa_sha1 ecdsa_secp256r1_sha256
   ecdsa_secp384r1_sha384 ecdsa_secp521r1_sha512 rsa_pss_rsae_sha256 rsa_pss_rsae_sha384 rsa_pss_rsae_sha512 ed25519
   rsa_pkcs1_sha256_legacy`.split(/\s+/),
)
const signaturePair = /^(?:RSA|RSA-PSS|PSS|ECDSA)\+SHA(?:1|256|384|512)$/

/** What the OpenSSL of this process cannot do, as Envoy's could. */
function lacks(options: SecureContextOptions): boolean {
  try {
    createSecureContext(options)
    return false
  } catch {
    return true
  }
}

/** Reports suites that nothing knows. They stay as configured: what a list of suites means is worked out where the context is made. */
export function checkCipherSuites(list: readonly string[], at: Place): void {
  const whole = list.join(':')
  if (whole === '') return
  const words = whole.split(/[:+![\]|]/).flatMap(word => word.replace(/^-/, '') || [])
  const unknown = words.filter(word => !isSuite(word))
  const isBroken = !/^[^[\]|]*(?:\[[^[\]]+\][^[\]|]*)*$/.test(whole)
  const isEmpty = words.every((_, index) => /^[!+-]/.test(whole.split(':')[index] ?? '')) && /^[!+-]/.test(whole)
  if (unknown.length === 0 && !isBroken && !isEmpty) return
  at.error(
    `Failed to initialize cipher suites ${whole}. The following ciphers were rejected when tried individually: ${unknown.join(', ')}`,
    unknown.some(word => /^TLS_(?:AES|CHACHA20)/.test(word))
      ? 'the suites of TLS 1.3 are always on and cannot be listed'
      : 'names are those of OpenSSL: ECDHE-RSA-AES128-GCM-SHA256',
  )
}

const isSuite = (word: string): boolean =>
  suites.has(word) || aliases.has(word) || standardName.test(word) || word === '@STRENGTH'

/** The curves in OpenSSL's names; those that this OpenSSL lacks are left out with a warning. */
export function compileCurves(list: readonly string[], at: Place): string[] {
  const names = list.flatMap(text => text.split(':')).filter(name => name !== '')
  if (names.some(name => !curves.has(name))) {
    const unknown = names.filter(name => !curves.has(name)).join(', ')
    at.error(
      `Failed to initialize ECDH curves ${names.join(':')}`,
      `no curve is called ${unknown}; there are ${[...curves.keys()].join(', ')}`,
    )
    return []
  }
  const known = names.map(name => curves.get(name) ?? name)
  const missing = known.filter(name => lacks({ ecdhCurve: name }))
  const rest = known.filter(name => !missing.includes(name))
  if (missing.length > 0 && rest.length > 0)
    at.warning(`accepted without ${missing.join(', ')}, which this Node's OpenSSL does not have`)
  else if (missing.length > 0) at.unsupported(`${missing.join(', ')}, which this Node's OpenSSL does not have`)
  return rest
}

export function compileSignatures(list: readonly string[], at: Place): string[] {
  const names = list.flatMap(text => text.split(':')).filter(name => name !== '')
  const unknown = names.filter(name => !signatures.has(name) && !signaturePair.test(name))
  if (unknown.length > 0) {
    at.error(
      `Failed to initialize TLS signature algorithms ${names.join(':')}`,
      `no algorithm is called ${unknown.join(', ')}; write for example rsa_pss_rsae_sha256 or ecdsa_secp256r1_sha256`,
    )
    return []
  }
  return names.filter(name => name !== 'rsa_pkcs1_sha256_legacy')
}

export function checkParameters(params: TlsParameters | undefined, at: Place): void {
  const { tlsMinimumProtocolVersion: min = 0, tlsMaximumProtocolVersion: max = 0 } = params ?? {}
  if (max !== 0 && min > max)
    at.field('tls_minimum_protocol_version').warning('accepted, but no handshake can succeed: it is above the maximum')
}
