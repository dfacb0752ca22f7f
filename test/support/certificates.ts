// Certificates for tests, made on the spot: authorities, leaves with any name and validity, revocation lists, OCSP responses.
import { createHash, createHmac, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import {
  bits,
  bool,
  enumerated,
  explicit,
  generalizedTime,
  ia5,
  implicit,
  integer,
  nothing,
  octets,
  oid,
  pem,
  sequence,
  set,
  tagged,
  time,
  utf8,
} from './der.js'

export type KeyKind = 'P-256' | 'P-384' | 'RSA-1024' | 'RSA-2048' | 'Ed25519'

export interface CertificateOptions {
  /** "CN=server,O=Nuncio"; may be empty. */
  readonly subject?: string
  /** "DNS:a.example", "URI:spiffe://a/b", "IP:127.0.0.1", "EMAIL:a@b.example", "OTHER:1.2.3.4=text" */
  readonly sans?: readonly string[]
  readonly key?: KeyKind
  /** Days from now; a leaf is valid from yesterday for 30 days. */
  readonly from?: number
  readonly until?: number | Date
  readonly isAuthority?: boolean
  readonly pathLength?: number
  /** Names of extended key usages; by default both. */
  readonly usages?: readonly ('server' | 'client')[]
  readonly mustStaple?: boolean
  /** Hex; random by default. */
  readonly serial?: string
}

const day = 86_400_000
const oids = {
  CN: '2.5.4.3',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  C: '2.5.4.6',
  L: '2.5.4.7',
  emailAddress: '1.2.840.113549.1.9.1',
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  subjectAltName: '2.5.29.17',
  subjectKeyId: '2.5.29.14',
  authorityKeyId: '2.5.29.35',
  crlNumber: '2.5.29.20',
  tlsFeature: '1.3.6.1.5.5.7.1.24',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  sha256WithRsa: '1.2.840.113549.1.1.11',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  ecdsaWithSha384: '1.2.840.10045.4.3.3',
  ed25519: '1.3.101.112',
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  ocspBasic: '1.3.6.1.5.5.7.48.1.1',
  data: '1.2.840.113549.1.7.1',
  certBag: '1.2.840.113549.1.12.10.1.3',
  shroudedKeyBag: '1.2.840.113549.1.12.10.1.2',
  x509Certificate: '1.2.840.113549.1.9.22.1',
  localKeyId: '1.2.840.113549.1.9.21',
} as const

// RSA keys are slow to make, and no test cares which one it gets.
const rsaKeys = new Map<number, { privateKey: KeyObject; publicKey: KeyObject }>()

function makeKey(kind: KeyKind): { privateKey: KeyObject; publicKey: KeyObject } {
  if (kind === 'P-256' || kind === 'P-384') return generateKeyPairSync('ec', { namedCurve: kind })
  if (kind === 'Ed25519') return generateKeyPairSync('ed25519')
  const modulusLength = Number(kind.slice(4))
  const known = rsaKeys.get(modulusLength) ?? generateKeyPairSync('rsa', { modulusLength })
  rsaKeys.set(modulusLength, known)
  return known
}

/** "CN=a,O=b" as a Name; each attribute a set of its own. */
function nameOf(text: string): Buffer {
  const parts = text === '' ? [] : text.split(',')
  return sequence(
    ...parts.map(part => {
      const at = part.indexOf('=')
      const type = part.slice(0, at) as keyof typeof oids
      const value = part.slice(at + 1)
      return set(sequence(oid(oids[type]), type === 'emailAddress' ? ia5(value) : utf8(value)))
    }),
  )
}

function generalName(text: string): Buffer {
  const at = text.indexOf(':')
  const value = text.slice(at + 1)
  switch (text.slice(0, at)) {
    case 'EMAIL':
      return implicit(1, Buffer.from(value))
    case 'DNS':
      return implicit(2, Buffer.from(value))
    case 'URI':
      return implicit(6, Buffer.from(value))
    case 'IP':
      return implicit(7, addressBytes(value))
    case 'OTHER': {
      const [type = '', content = ''] = value.split('=')
      return explicit(0, oid(type), explicit(0, utf8(content)))
    }
    default:
      throw new Error(`what kind of name is ${text}?`)
  }
}

function addressBytes(ip: string): Buffer {
  if (net.isIPv4(ip)) return Buffer.from(ip.split('.').map(Number))
  const [head = '', tail = ''] = ip.split('::')
  const words = (part: string): string[] => (part === '' ? [] : part.split(':'))
  const first = words(head)
  const last = words(tail)
  const middle = Array<string>(8 - first.length - last.length).fill('0')
  return Buffer.from([...first, ...middle, ...last].map(word => word.padStart(4, '0')).join(''), 'hex')
}

const extension = (id: string, value: Uint8Array, isCritical = false): Buffer =>
  sequence(oid(id), ...(isCritical ? [bool(true)] : []), octets(value))

/** AlgorithmIdentifier of what `key` signs with, and the digest of node's sign(). */
function signing(key: KeyObject): { algorithm: Buffer; digest: string | null } {
  if (key.asymmetricKeyType === 'rsa')
    return { algorithm: sequence(oid(oids.sha256WithRsa), nothing), digest: 'sha256' }
  if (key.asymmetricKeyType === 'ed25519') return { algorithm: sequence(oid(oids.ed25519)), digest: null }
  return key.asymmetricKeyDetails?.namedCurve === 'secp384r1'
    ? { algorithm: sequence(oid(oids.ecdsaWithSha384)), digest: 'sha384' }
    : { algorithm: sequence(oid(oids.ecdsaWithSha256)), digest: 'sha256' }
}

function signed(content: Buffer, key: KeyObject, ...more: readonly Buffer[]): Buffer {
  const { algorithm, digest } = signing(key)
  return sequence(content, algorithm, bits(sign(digest, content, key)), ...more)
}

// Some seconds less, or a test that is quick would find a day more left than one that is slow.
const inDays = (days: number): Date => new Date(Math.floor(Date.now() / 1000) * 1000 + days * day - 10_000)

export class Certificate {
  readonly der: Buffer
  readonly privateKey: KeyObject
  readonly subject: string
  /** Hex. */
  readonly serial: string
  readonly issuer: Certificate
  readonly #name: Buffer
  readonly #publicKey: Buffer

  private constructor(options: CertificateOptions, issuer: Certificate | undefined) {
    const { privateKey, publicKey } = makeKey(options.key ?? 'P-256')
    this.privateKey = privateKey
    this.subject = options.subject ?? 'CN=nuncio test'
    this.serial = options.serial ?? `4${randomBytes(15).toString('hex').slice(1)}`
    this.issuer = issuer ?? this
    this.#name = nameOf(this.subject)
    this.#publicKey = publicKey.export({ type: 'spki', format: 'der' })
    const signer = this.issuer.privateKey
    const content = sequence(
      explicit(0, integer(2)),
      integer(Buffer.from(this.serial, 'hex')),
      signing(signer).algorithm,
      this.issuer.#name,
      sequence(
        time(inDays(options.from ?? -1)),
        time(options.until instanceof Date ? options.until : inDays(options.until ?? 30)),
      ),
      this.#name,
      this.#publicKey,
      explicit(3, sequence(...this.#extensions(options))),
    )
    this.der = signed(content, signer)
  }

  /** An authority whose own name signs it. */
  static authority(options: CertificateOptions = {}): Certificate {
    return new Certificate({ subject: 'CN=Test CA,O=Nuncio', isAuthority: true, ...options }, undefined)
  }

  static selfSigned(options: CertificateOptions = {}): Certificate {
    return new Certificate(options, undefined)
  }

  issue(options: CertificateOptions = {}): Certificate {
    return new Certificate(options, this)
  }

  get pem(): string {
    return pem('CERTIFICATE', this.der)
  }

  /** This one and its issuers, without the root. */
  get chain(): string {
    let text = this.pem
    for (let at = this.issuer; at.issuer !== at; at = at.issuer) text += at.pem
    return text
  }

  get key(): string {
    return this.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  }

  encryptedKey(password: string): string {
    return this.privateKey
      .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: password })
      .toString()
  }

  /** SHA-256 of the certificate, in hex. */
  get fingerprint(): string {
    return createHash('sha256').update(this.der).digest('hex')
  }

  /** SHA-256 of the public key, as `verify_certificate_spki` wants it. */
  get pin(): string {
    return createHash('sha256').update(this.#publicKey).digest('base64')
  }

  /** A revocation list of this authority, in PEM. */
  revocations(revoked: readonly Certificate[], until = 7): string {
    const entries = revoked.map(one => sequence(integer(Buffer.from(one.serial, 'hex')), time(inDays(-0.5))))
    const content = sequence(
      integer(1),
      signing(this.privateKey).algorithm,
      this.#name,
      time(inDays(-1)),
      time(inDays(until)),
      ...(entries.length > 0 ? [sequence(...entries)] : []),
      explicit(0, sequence(extension(oids.crlNumber, integer(1)))),
    )
    return pem('X509 CRL', signed(content, this.privateKey))
  }

  /** An OCSP response of this authority about one of its certificates. */
  ocsp(
    about: Certificate,
    options: { readonly isRevoked?: boolean; readonly from?: number; readonly until?: number } = {},
  ): Buffer {
    const sha1 = (bytes: Uint8Array): Buffer => createHash('sha1').update(bytes).digest()
    const id = sequence(
      sequence(oid(oids.sha1), nothing),
      octets(sha1(this.#name)),
      octets(sha1(keyBits(this.#publicKey))),
      integer(Buffer.from(about.serial, 'hex')),
    )
    const status = options.isRevoked === true ? explicit(1, generalizedTime(inDays(-0.5))) : tagged(0x80)
    const one = sequence(
      id,
      status,
      generalizedTime(inDays(options.from ?? -1)),
      explicit(0, generalizedTime(inDays(options.until ?? 7))),
    )
    const content = sequence(explicit(1, this.#name), generalizedTime(inDays(options.from ?? -1)), sequence(one))
    const basic = signed(content, this.privateKey)
    return sequence(enumerated(0), explicit(0, sequence(oid(oids.ocspBasic), octets(basic))))
  }

  /** Certificate, key and issuers (not the root) in one file. */
  pkcs12(password: string): Buffer {
    const id = set(octets(Buffer.from([1])))
    const bag = (type: string, value: Buffer, isLeaf = true): Buffer =>
      sequence(oid(type), explicit(0, value), ...(isLeaf ? [set(sequence(oid(oids.localKeyId), id))] : []))
    const certificates: Buffer[] = []
    for (let at: Certificate = this; ; at = at.issuer) {
      const value = sequence(oid(oids.x509Certificate), explicit(0, octets(at.der)))
      certificates.push(bag(oids.certBag, value, at === this))
      if (at.issuer === at || at.issuer.issuer === at.issuer) break
    }
    const key = this.privateKey.export({ type: 'pkcs8', format: 'der', cipher: 'aes-256-cbc', passphrase: password })
    const safe = (...bags: readonly Buffer[]): Buffer =>
      sequence(oid(oids.data), explicit(0, octets(sequence(...bags))))
    const contents = sequence(safe(...certificates), safe(bag(oids.shroudedKeyBag, key)))
    const salt = randomBytes(8)
    const iterations = 2048
    const mac = createHmac('sha256', macKey(password, salt, iterations))
      .update(contents)
      .digest()
    return sequence(
      integer(3),
      sequence(oid(oids.data), explicit(0, octets(contents))),
      sequence(sequence(sequence(oid(oids.sha256), nothing), octets(mac)), octets(salt), integer(iterations)),
    )
  }

  #extensions(options: CertificateOptions): Buffer[] {
    const isAuthority = options.isAuthority === true
    const id = (certificate: Certificate): Buffer => createHash('sha1').update(keyBits(certificate.#publicKey)).digest()
    const usage = { server: oids.serverAuth, client: oids.clientAuth }
    const list = [
      extension(oids.subjectKeyId, octets(id(this))),
      extension(oids.authorityKeyId, sequence(implicit(0, id(this.issuer)))),
    ]
    if (isAuthority) {
      const depth = options.pathLength === undefined ? [] : [integer(options.pathLength)]
      list.push(extension(oids.basicConstraints, sequence(bool(true), ...depth), true))
      list.push(extension(oids.keyUsage, bits(Buffer.from([0x06]), 1), true)) // certificates and revocation lists
    } else {
      list.push(extension(oids.keyUsage, bits(Buffer.from([0x80]), 7), true)) // digital signatures
      const usages = options.usages ?? ['server', 'client']
      list.push(extension(oids.extendedKeyUsage, sequence(...usages.map(name => oid(usage[name])))))
    }
    const sans = options.sans ?? []
    if (sans.length > 0) list.push(extension(oids.subjectAltName, sequence(...sans.map(generalName))))
    if (options.mustStaple === true) list.push(extension(oids.tlsFeature, sequence(integer(5))))
    return list
  }
}

/** The bits of the public key within its SubjectPublicKeyInfo. */
function keyBits(info: Buffer): Buffer {
  const at = skipItem(info, skipHeader(info, 0))
  return info.subarray(skipHeader(info, at) + 1)
}

function skipHeader(der: Buffer, at: number): number {
  const first = der[at + 1] ?? 0
  return at + 2 + (first < 0x80 ? 0 : first & 0x7f)
}

function skipItem(der: Buffer, at: number): number {
  const first = der[at + 1] ?? 0
  const size = first < 0x80 ? first : der.readUIntBE(at + 2, first & 0x7f)
  return skipHeader(der, at) + size
}

/** RFC 7292 appendix B.2, with SHA-256 and the purpose "MAC". */
function macKey(password: string, salt: Buffer, iterations: number): Buffer {
  const block = 64
  const fill = (bytes: Buffer): Buffer => {
    const size = block * Math.ceil(bytes.length / block)
    return Buffer.alloc(size, bytes)
  }
  const secret = Buffer.from(`${password}\0`, 'utf16le').swap16()
  const input = Buffer.concat([Buffer.alloc(block, 3), fill(salt), fill(secret)])
  let hash = createHash('sha256').update(input).digest()
  for (let round = 1; round < iterations; round++) hash = createHash('sha256').update(hash).digest()
  return hash
}

/** Writes each certificate with its issuers to NAME.pem and its key to NAME.key; texts and bytes as they are, under their names. */
export function writeFiles(folder: string, files: Readonly<Record<string, Certificate | string | Uint8Array>>): void {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name)
    if (!(content instanceof Certificate)) writeFileSync(file, content)
    else {
      writeFileSync(`${file}.pem`, content.chain)
      writeFileSync(`${file}.key`, content.key)
    }
  }
}
