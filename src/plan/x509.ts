/** What the pages and checks want to know of certificates and OCSP responses. Node's X509Certificate has no names by kind and no extensions. */
import { X509Certificate } from 'node:crypto'
import { SocketAddress } from 'node:net'
import { err, ok, type Result } from '../support/result.js'
import { type DerItem, derItems, derTime, dottedOid, within } from './der.js'

export interface SubjectAltName {
  readonly kind: 'dns' | 'uri' | 'ip_address' | 'other'
  readonly value: string
}

/** Times in seconds since the epoch. */
export interface CertificateFacts {
  /** Lower-case hexadecimal, two digits a byte, without bytes of zero in front. */
  readonly serial: string
  readonly sans: readonly SubjectAltName[]
  readonly validFrom: number
  readonly expiration: number
  readonly hasCommonName: boolean
  /** Its issuer promises an OCSP staple with it (RFC 7633). */
  readonly isMustStaple: boolean
}

const subjectAltName = '2.5.29.17'
const tlsFeature = '1.3.6.1.5.5.7.1.24'
const commonName = '2.5.4.3'
const statusRequest = '3003020105' // a SEQUENCE of the INTEGER 5

/** Throws when these are no certificate. */
export function certificateFacts(der: Buffer): CertificateFacts {
  const [certificate] = derItems(der)
  const [content] = within(certificate)
  // version [0]?, serial, signature, issuer, validity, subject, key, [1]?, [2]?, extensions [3]?
  const fields = within(content).filter((item, index) => index > 0 || item.tag !== 0xa0)
  const [serial, , , validity, subject] = fields
  const [from, until] = within(validity)
  if (serial === undefined || from === undefined || until === undefined) throw new RangeError('this is no certificate')
  const extensions = extensionsOf(fields.find(item => item.tag === 0xa3))
  return {
    serial: serialText(serial),
    sans: sansOf(extensions.get(subjectAltName)),
    validFrom: Math.floor(derTime(from) / 1000),
    expiration: Math.floor(derTime(until) / 1000),
    hasCommonName: within(subject).some(set => within(set).some(pair => idOf(pair) === commonName)),
    isMustStaple: extensions.get(tlsFeature)?.toString('hex') === statusRequest,
  }
}

const serialText = (item: DerItem): string => item.content.toString('hex').replace(/^(?:00)+(?=..)/, '')

const idOf = (pair: DerItem): string => {
  const [id] = within(pair)
  return id === undefined ? '' : dottedOid(id.content)
}

function extensionsOf(item: DerItem | undefined): Map<string, Buffer> {
  const [list] = within(item)
  return new Map(within(list).map(one => [idOf(one), within(one).at(-1)?.content ?? Buffer.alloc(0)]))
}

function sansOf(extension: Buffer | undefined): SubjectAltName[] {
  const [list] = extension === undefined ? [] : derItems(extension)
  return within(list).map(({ tag, content }): SubjectAltName => {
    if (tag === 0x82) return { kind: 'dns', value: content.toString('latin1') }
    if (tag === 0x86) return { kind: 'uri', value: content.toString('latin1') }
    return tag === 0x87 ? { kind: 'ip_address', value: addressText(content) } : { kind: 'other', value: '' }
  })
}

function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.')
  if (bytes.length !== 16) return ''
  const address = (bytes.toString('hex').match(/.{4}/g) ?? []).join(':')
  return new SocketAddress({ address, family: 'ipv6' }).address
}

/** One answer about one certificate; times in seconds since the epoch. */
export interface OcspFacts {
  readonly serial: string
  readonly validFrom: number
  /** Undefined: newer answers are there at any time. */
  readonly expiration: number | undefined
}

/** Reads an OCSPResponse (RFC 6960); the error says what is wrong with it. */
export function ocspFacts(der: Buffer): Result<OcspFacts, string> {
  try {
    const [response] = derItems(der)
    const [status, bytes] = within(response)
    if (status?.tag !== 0x0a) return err('this is no OCSP response in DER form')
    if (status.content[0] !== 0) return err(`OCSP response status is not successful: ${status.content[0] ?? 0}`)
    const [wrapped] = within(bytes)
    const [, octets] = within(wrapped)
    const [basic] = octets === undefined ? [] : derItems(octets.content)
    const [data] = within(basic)
    const answers = within(within(data).find(item => item.tag === 0x30))
    const [answer, ...more] = answers
    if (answer === undefined || more.length > 0)
      return err('OCSP response must be for one certificate only: Data contained more than a single OCSP response')
    const [id, , from, next] = within(answer)
    const serial = within(id).at(-1)
    if (serial === undefined || from === undefined) return err('this is no OCSP response in DER form')
    const [until] = next?.tag === 0xa0 ? within(next) : []
    return ok({
      serial: serialText(serial),
      validFrom: Math.floor(derTime(from) / 1000),
      expiration: until && Math.floor(derTime(until) / 1000),
    })
  } catch (error) {
    return err(`this is no OCSP response in DER form: ${(error as Error).message}`)
  }
}

const blocks = /-----BEGIN ([A-Z0-9 ]+)-----[^]*?-----END \1-----/g
const certificateLabels = ['CERTIFICATE', 'X509 CERTIFICATE', 'TRUSTED CERTIFICATE']

export interface ReadCertificate {
  readonly certificate: X509Certificate
  readonly facts: CertificateFacts
}

/** The certificates of a PEM text in order; the error completes a sentence about the file: "holds no certificate". */
export function readCertificates(pem: string): Result<ReadCertificate[], string> {
  const found: ReadCertificate[] = []
  for (const [block, label = ''] of pem.matchAll(blocks)) {
    if (!certificateLabels.includes(label)) continue
    try {
      const certificate = new X509Certificate(block)
      found.push({ certificate, facts: certificateFacts(certificate.raw) })
    } catch (error) {
      return err(`holds a broken certificate (number ${found.length + 1}): ${(error as Error).message}`)
    }
  }
  return found.length > 0 ? ok(found) : err(`holds no certificate${whatItIs(pem)}`)
}

/** Revocation lists in a PEM text. */
export const countRevocationLists = (pem: string): number =>
  [...pem.matchAll(blocks)].filter(([, label]) => label === 'X509 CRL').length

/** What an operator may have mistaken for PEM certificates. */
function whatItIs(text: string): string {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) return ', but a private key'
  if (/-----BEGIN [A-Z0-9 ]*CERTIFICATE-----/.test(text)) return ' that is whole: its "-----END" line is missing'
  if (/-----BEGIN CERTIFICATE REQUEST-----/.test(text)) return ', but a request for one'
  if (text.startsWith('0\u0082') || text.startsWith('0\ufffd'))
    return ' in PEM form; convert it: openssl x509 -inform DER -in FILE'
  return ' in PEM form ("-----BEGIN CERTIFICATE-----")'
}
