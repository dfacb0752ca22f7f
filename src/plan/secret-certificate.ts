import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { Place } from '../api/plan-context.js'
import type { CertificateUse } from '../api/secrets.js'
import type { DataSource } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import type { TlsCertificate } from '../generated/protos/envoy/extensions/transport_sockets/tls/v3/common_pb.js'
import { type DataSourceDeps, readDataSource, sourceName } from './data-source.js'
import type { TlsCertificateInit } from './init.js'
import type { CertificateDetails, SecretFacts } from './secret-facts.js'
import { certificateFacts, ocspFacts, type ReadCertificate, readCertificates } from './x509.js'

export interface CompiledCertificate {
  readonly plan: TlsCertificateInit
  readonly facts: SecretFacts
}

const fewestRsaBits = 2048
const curves = ['prime256v1', 'secp384r1', 'secp521r1']

/** Reads and checks a certificate with its key; what is wrong is reported as Envoy would refuse it, and why. Undefined after an error. */
export function compileCertificate(
  config: TlsCertificate,
  use: CertificateUse,
  at: Place,
  deps: DataSourceDeps,
): CompiledCertificate | undefined {
  const password = readDataSource(config.password, at.field('password'), deps, 'password file')
  const secret = password && Buffer.from(password).toString('utf8')
  const pair = config.pkcs12 ? fromPkcs12(config, secret, at, deps) : fromPem(config, secret, at, deps)
  if (!pair) return undefined
  const isGood = isFit(pair.leaf.certificate, pair.source, pair.at) && isNamed(pair.leaf, use, pair.at)
  const staple = readStaple(config.ocspStaple, pair.leaf, use, at, deps)
  if (!isGood || !staple) return undefined
  const details: CertificateDetails = {
    ...shown(pair.leaf, pair.source),
    ...(staple.ocsp && { ocsp: staple.ocsp }),
  }
  return {
    plan: { ...pair.plan, password: secret ?? '', ocspStaple: staple.bytes, chainSource: pair.source },
    facts: { certificates: [details] },
  }
}

/** What /certs shows of a certificate. */
export function shown({ facts }: ReadCertificate, path: string): CertificateDetails {
  const { serial, sans, validFrom, expiration } = facts
  return { path, serial, sans, validFrom, expiration }
}

interface Pair {
  readonly plan: TlsCertificateInit
  readonly leaf: ReadCertificate
  /** The file that holds the certificate, or "<inline>". */
  readonly source: string
  readonly at: Place
}

function fromPem(
  config: TlsCertificate,
  password: string | undefined,
  at: Place,
  deps: DataSourceDeps,
): Pair | undefined {
  const source = sourceName(config.certificateChain)
  const inChain = at.field('certificate_chain')
  const chain = read(config.certificateChain, inChain, deps, {
    called: 'certificate chain file',
    missing: `Failed to load incomplete certificate from ${source}: certificate chain not set`,
    hint: 'write certificate_chain: {filename: FILE} with the certificate in PEM form, its issuers after it',
  })
  const key = read(config.privateKey, at.field('private_key'), deps, {
    called: 'private key file',
    missing: `Failed to load incomplete private key from path: ${sourceName(config.privateKey)}`,
    hint: 'write private_key: {filename: FILE} with the key of the certificate in PEM form',
  })
  if (!chain || !key) return undefined
  const certificates = readCertificates(text(chain))
  if (!certificates.ok)
    return reported(inChain, `Failed to load certificate chain from ${source}: it ${certificates.error}`)
  const [leaf] = certificates.value
  const privateKey = readKey(config.privateKey, key, password, at)
  if (!leaf || !privateKey || !belongs(leaf.certificate, privateKey, config, at)) return undefined
  return { plan: { chain, privateKey: key }, leaf, source, at: inChain }
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

function reported(at: Place, message: string, suggestion?: string): undefined {
  at.error(message, suggestion)
}

/** The contents of a source that must have some. */
function read(
  source: DataSource | undefined,
  at: Place,
  deps: DataSourceDeps,
  words: { readonly called: string; readonly missing: string; readonly hint: string },
): Uint8Array | undefined {
  const spec = source?.specifier
  const bytes = readDataSource(source, at, deps, words.called)
  if (bytes === undefined && spec?.case !== undefined) return undefined // reported
  if (bytes !== undefined && bytes.length > 0) return bytes
  const isFile = spec?.case === 'filename'
  return reported(isFile ? at.field('filename') : at, words.missing, isFile ? 'the file is empty' : words.hint)
}

function readKey(
  source: DataSource | undefined,
  bytes: Uint8Array,
  password: string | undefined,
  at: Place,
): KeyObject | undefined {
  try {
    return createPrivateKey({
      key: Buffer.from(bytes),
      format: 'pem',
      ...(password !== undefined && { passphrase: password }),
    })
  } catch (error) {
    const what = keyTrouble(text(bytes), password, error as NodeJS.ErrnoException)
    return reported(at.field('private_key'), `Failed to load private key from ${sourceName(source)}: ${what}`)
  }
}

function keyTrouble(pem: string, password: string | undefined, error: NodeJS.ErrnoException): string {
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
    const what = pem.includes('-----BEGIN CERTIFICATE-----') ? 'it holds a certificate, but no private key' : ''
    return what === '' ? 'it holds no private key in PEM form ("-----BEGIN PRIVATE KEY-----")' : what
  }
  const isEncrypted = /ENCRYPTED/.test(pem)
  if (isEncrypted && password === undefined) return 'it is encrypted; write its password into the field password'
  if (isEncrypted) return `it cannot be decrypted with the password in the field password (${error.message})`
  return `it cannot be read (${error.message})`
}

function belongs(certificate: X509Certificate, key: KeyObject, config: TlsCertificate, at: Place): boolean {
  if (certificate.checkPrivateKey(key)) return true
  const chain = sourceName(config.certificateChain)
  at.field('private_key').error(
    `Failed to load private key from ${sourceName(config.privateKey)}: private key does not match the certificate in ${chain}`,
    'certificate_chain must begin with the certificate that was made for this key',
  )
  return false
}

function fromPkcs12(
  config: TlsCertificate,
  password: string | undefined,
  at: Place,
  deps: DataSourceDeps,
): Pair | undefined {
  const both = config.privateKey ? 'private_key' : config.certificateChain ? 'certificate_chain' : undefined
  if (both) return reported(at.field(both), `Certificate configuration can't have both pkcs12 and ${both}`)
  const source = sourceName(config.pkcs12)
  const place = at.field('pkcs12')
  const pkcs12 = read(config.pkcs12, place, deps, {
    called: 'PKCS#12 file',
    missing: `Failed to load pkcs12 from ${source}`,
    hint: 'write pkcs12: {filename: FILE}',
  })
  if (!pkcs12) return undefined
  try {
    const context = createSecureContext({ pfx: Buffer.from(pkcs12), passphrase: password ?? '' }).context as {
      getCertificate(): Buffer | null
    }
    const der = context.getCertificate()
    if (der === null)
      return reported(place, `Failed to load pkcs12 from ${source}: it holds no certificate with its key`)
    const leaf = { certificate: new X509Certificate(der), facts: certificateFacts(der) }
    return { plan: { pkcs12 }, leaf, source, at: place }
  } catch (error) {
    return reported(place, `Failed to load pkcs12 from ${source}: ${pkcs12Trouble((error as Error).message, password)}`)
  }
}

function pkcs12Trouble(message: string, password: string | undefined): string {
  if (/mac verify failure/i.test(message))
    return password === undefined
      ? 'it needs a password; write it into the field password'
      : 'the password in the field password is wrong'
  if (/unsupported/i.test(message))
    return 'it is encrypted in a way that OpenSSL 3 calls outdated; write it anew: openssl pkcs12 -legacy -in FILE -nodes | openssl pkcs12 -export -out NEW'
  return `it is no PKCS#12 file in DER form (${message})`
}

/** Keys that Envoy takes: RSA of 2048 bits and more, ECDSA on three curves, and what is neither. */
function isFit(certificate: X509Certificate, source: string, at: Place): boolean {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = certificate.publicKey
  const problem = `Failed to load certificate chain from ${source}, only`
  if (type === 'rsa' && (details?.modulusLength ?? 0) < fewestRsaBits) {
    at.error(
      `${problem} RSA certificates with 2048-bit or larger keys are supported`,
      `this one has ${details?.modulusLength ?? 0} bits`,
    )
    return false
  }
  if (type === 'ec' && !curves.includes(details?.namedCurve ?? '')) {
    at.error(
      `${problem} P-256, P-384 or P-521 ECDSA certificates are supported`,
      `this one is on ${details?.namedCurve ?? 'another curve'}`,
    )
    return false
  }
  return true
}

function isNamed(leaf: ReadCertificate, use: CertificateUse, at: Place): boolean {
  if (!use.isServer || leaf.facts.hasCommonName || leaf.facts.sans.length > 0) return true
  at.error('Invalid TLS context has neither subject CN nor SAN names')
  return false
}

function readStaple(
  source: DataSource | undefined,
  leaf: ReadCertificate,
  use: CertificateUse,
  at: Place,
  deps: DataSourceDeps,
): { readonly bytes: Uint8Array; readonly ocsp?: CertificateDetails['ocsp'] } | undefined {
  const place = at.field('ocsp_staple')
  if (source?.specifier.case === 'inlineString')
    return reported(
      place.field('inline_string'),
      'OCSP staple cannot be provided via inline_string',
      'use inline_bytes',
    )
  const bytes = readDataSource(source, place, deps, 'OCSP response file')
  if (bytes === undefined && source?.specifier.case !== undefined) return undefined
  if (bytes === undefined || bytes.length === 0) {
    if (use.isServer && leaf.facts.isMustStaple)
      return reported(place, 'OCSP response is required for must-staple certificate')
    if (use.isServer && use.mustStaple) return reported(place, 'Required OCSP response is missing from TLS context')
    return { bytes: new Uint8Array() }
  }
  const facts = ocspFacts(Buffer.from(bytes))
  if (!facts.ok) return reported(place, `Failed to load OCSP response from ${sourceName(source)}: ${facts.error}`)
  if (facts.value.serial !== leaf.facts.serial)
    return reported(
      place,
      'OCSP response does not match its TLS certificate',
      `the response is about serial number ${facts.value.serial}, the certificate has ${leaf.facts.serial}`,
    )
  const { validFrom, expiration } = facts.value
  return { bytes, ocsp: { validFrom, expiration } }
}
