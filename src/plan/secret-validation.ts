import type { Place } from '../api/plan-context.js'
import type { Types } from '../config/index.js'
import { SanMatcher_Type } from '../generated/plan_pb.js'
import {
  type CertificateValidationContext,
  CertificateValidationContext_TrustChainVerification,
  type SubjectAltNameMatcher,
  SubjectAltNameMatcher_SanType,
} from '../generated/protos/envoy/extensions/transport_sockets/tls/v3/common_pb.js'
import { type DataSourceDeps, readDataSource, sourceName } from './data-source.js'
import type { CertificateValidationInit, SanMatcherInit } from './init.js'
import { type RegexCheck, stringMatcher } from './matcher.js'
import { shown } from './secret-certificate.js'
import type { CertificateDetails, SecretFacts } from './secret-facts.js'
import { spiffeDomains } from './spiffe.js'
import { countRevocationLists, readCertificates } from './x509.js'

export interface CompiledValidation {
  readonly plan: CertificateValidationInit
  readonly facts: SecretFacts
}

/** Reads and checks a validation context (a combined one already merged). Undefined after an error. */
export function compileValidation(
  config: CertificateValidationContext,
  at: Place,
  deps: DataSourceDeps & { readonly checkRegex: RegexCheck; readonly types: Types },
): CompiledValidation | undefined {
  const spiffe = spiffeDomains(config, at, deps)
  const authorities = readAuthorities(config, at, deps)
  const crl = readRevocations(config, at, deps)
  const isRooted =
    config.customValidatorConfig !== undefined ||
    config.trustedCa?.specifier.case !== undefined ||
    config.systemRootCerts !== undefined
  const isSound = [
    isRooted || isSoundWithoutRoot(config, at),
    areDigests(config.verifyCertificateHash, at.field('verify_certificate_hash'), 'hex-encoded', hexDigest),
    areDigests(config.verifyCertificateSpki, at.field('verify_certificate_spki'), 'base64-encoded', base64Digest),
  ].every(Boolean)
  const sans = sanMatchers(config, at, deps.checkRegex)
  if (!authorities || !crl || !isSound || !sans || !spiffe) return undefined
  return {
    plan: {
      trustedCa: authorities.bytes,
      systemRoots: authorities.bytes.length === 0 && config.systemRootCerts !== undefined,
      spkiHashes: config.verifyCertificateSpki,
      certificateHashes: config.verifyCertificateHash,
      sans,
      crl,
      onlyVerifyLeafCrl: config.onlyVerifyLeafCertCrl,
      allowExpired: config.allowExpiredCertificate,
      acceptUntrusted:
        config.trustChainVerification === CertificateValidationContext_TrustChainVerification.ACCEPT_UNTRUSTED,
      ...(config.maxVerifyDepth !== undefined && { maxVerifyDepth: config.maxVerifyDepth }),
      caSource: authorities.bytes.length === 0 ? '' : sourceName(config.trustedCa),
      suppressClientCaList: config.suppressClientCaList,
      spiffeDomains: [...spiffe],
    },
    facts: { certificates: authorities.certificates },
  }
}

function readAuthorities(
  config: CertificateValidationContext,
  at: Place,
  deps: DataSourceDeps,
): { readonly bytes: Uint8Array; readonly certificates: readonly CertificateDetails[] } | undefined {
  const source = config.trustedCa
  const place = at.field('trusted_ca')
  const bytes = readDataSource(source, place, deps, 'trusted CA file')
  const isFile = source?.specifier.case === 'filename'
  if (bytes === undefined || bytes.length === 0) {
    if (bytes !== undefined && isFile) {
      place.field('filename').error(`file ${sourceName(source)} is empty`, 'write the CA certificates in PEM form')
      return undefined
    }
    return source?.specifier.case === undefined || bytes !== undefined
      ? { bytes: new Uint8Array(), certificates: [] }
      : undefined
  }
  const found = readCertificates(Buffer.from(bytes).toString('latin1'))
  const path = sourceName(source)
  if (found.ok) return { bytes, certificates: found.value.map(one => shown(one, path)) }
  place.error(`Failed to load trusted CA certificates from ${path}: it ${found.error}`)
  return undefined
}

function readRevocations(
  config: CertificateValidationContext,
  at: Place,
  deps: DataSourceDeps,
): Uint8Array | undefined {
  const source = config.crl
  const place = at.field('crl')
  const bytes = readDataSource(source, place, deps, 'CRL file')
  if (bytes === undefined || bytes.length === 0)
    return source?.specifier.case === undefined || bytes !== undefined ? new Uint8Array() : undefined
  const path = sourceName(source)
  if (config.trustedCa?.specifier.case === undefined) {
    place.error(`Failed to load CRL from ${path} without trusted CA`, 'write trusted_ca: the CA that signs the list')
    return undefined
  }
  if (countRevocationLists(Buffer.from(bytes).toString('latin1')) > 0) return bytes
  // Envoy takes this and then revokes nothing.
  place.error(
    `Failed to load CRL from ${path}: it holds no revocation list in PEM form`,
    'convert it: openssl crl -inform DER -in FILE',
  )
  return undefined
}

/** Without a trusted CA a name proves nothing, and nothing says how long a certificate is good. */
function isSoundWithoutRoot(config: CertificateValidationContext, at: Place): boolean {
  if (config.matchTypedSubjectAltNames.length + config.matchSubjectAltNames.length > 0) {
    at.error(
      'SAN-based verification of peer certificates without trusted CA is insecure and not allowed',
      'write trusted_ca beside match_typed_subject_alt_names',
    )
    return false
  }
  if (config.allowExpiredCertificate)
    at.field('allow_expired_certificate').error(
      'Certificate validity period is always ignored without trusted CA',
      'take allow_expired_certificate out, or write trusted_ca',
    )
  return !config.allowExpiredCertificate
}

const hexDigest = (text: string): boolean => /^[0-9a-f]{64}$/i.test(text.replaceAll(':', ''))
const base64Digest = (text: string): boolean =>
  /^[A-Za-z0-9+/]+={0,2}$/.test(text) && Buffer.from(text, 'base64').length === 32

function areDigests(digests: readonly string[], at: Place, called: string, isGood: (text: string) => boolean): boolean {
  const bad = digests.flatMap((digest, index) => (isGood(digest) ? [] : [{ digest, index }]))
  for (const { digest, index } of bad) at.item(index).error(`Invalid ${called} SHA-256 ${digest}`)
  return bad.length === 0
}

const types: Partial<Record<SubjectAltNameMatcher_SanType, SanMatcher_Type>> = {
  [SubjectAltNameMatcher_SanType.EMAIL]: SanMatcher_Type.EMAIL,
  [SubjectAltNameMatcher_SanType.DNS]: SanMatcher_Type.DNS,
  [SubjectAltNameMatcher_SanType.URI]: SanMatcher_Type.URI,
  [SubjectAltNameMatcher_SanType.IP_ADDRESS]: SanMatcher_Type.IP_ADDRESS,
  [SubjectAltNameMatcher_SanType.OTHER_NAME]: SanMatcher_Type.OTHER_NAME,
}
// What the deprecated matchers without a type look at.
const untyped = [SanMatcher_Type.DNS, SanMatcher_Type.URI, SanMatcher_Type.EMAIL, SanMatcher_Type.IP_ADDRESS]

function sanMatchers(
  config: CertificateValidationContext,
  at: Place,
  checkRegex: RegexCheck,
): SanMatcherInit[] | undefined {
  const inTyped = at.field('match_typed_subject_alt_names')
  const inUntyped = at.field('match_subject_alt_names')
  const typed = config.matchTypedSubjectAltNames.map((one, index) => typedMatcher(one, inTyped.item(index), checkRegex))
  if (typed.includes(undefined)) return undefined
  const old = config.matchSubjectAltNames.flatMap((one, index) => {
    const matcher = stringMatcher(one, inUntyped.item(index), checkRegex)
    return untyped.map(type => ({ type, matcher }))
  })
  // As in Envoy, the typed ones win where both are there.
  return typed.length > 0 ? typed.flatMap(one => one ?? []) : old
}

function typedMatcher(config: SubjectAltNameMatcher, at: Place, checkRegex: RegexCheck): SanMatcherInit | undefined {
  const matcher = config.matcher ? stringMatcher(config.matcher, at.field('matcher'), checkRegex) : {}
  const type = types[config.sanType] ?? SanMatcher_Type.DNS
  if (type === SanMatcher_Type.OTHER_NAME && !/^[0-2](\.\d+)+$/.test(config.oid)) {
    at.field('oid').error(
      `Failed to create SAN matcher for OTHER_NAME with OID: ${config.oid}`,
      'write the type of the name as numbers with dots: 1.3.6.1.4.1.311.20.2.3',
    )
    return undefined
  }
  return { type, matcher, oid: type === SanMatcher_Type.OTHER_NAME ? config.oid : '' }
}
