import { type DescMessage, fromBinary, type Message, mergeFromBinary, toBinary } from '@bufbuild/protobuf'
import { encodePlan } from '../api/plan-encoder.js'
import type { Place } from '../api/plan-context.js'
import type { CertificateUse } from '../api/secrets.js'
import { isMessage, type Types } from '../config/index.js'
import { SecretSchema } from '../generated/plan_pb.js'
import type { DataSource } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import type {
  CertificateValidationContext,
  TlsCertificate,
  TlsSessionTicketKeys,
} from '../generated/protos/envoy/extensions/transport_sockets/tls/v3/common_pb.js'
import type { Secret } from '../generated/protos/envoy/extensions/transport_sockets/tls/v3/secret_pb.js'
import { type Files, fileDigest } from '../support/files.js'
import { type DataSourceDeps, readDataSource } from './data-source.js'
import type { SecretInit } from './init.js'
import type { RegexCheck } from './matcher.js'
import { compileCertificate } from './secret-certificate.js'
import type { SecretFacts } from './secret-facts.js'
import { compileValidation } from './secret-validation.js'

export type SecretKind = 'certificate' | 'validation' | 'ticketKeys'

/**
 * A secret as it was configured: enough to read its files once more and make its plan anew when one of them changed. Plain data that
 * crosses threads; the contents of files are not in it.
 */
export interface SecretSource {
  readonly slot: number
  /** Of its slot, and of its plan. */
  readonly name: string
  readonly kind: SecretKind
  /** Where it stands in the configuration, for messages. */
  readonly path: string
  readonly from: { readonly kind: 'message'; readonly bytes: Uint8Array }
  /** The part of a combined_validation_context given in place, under which the secret is merged. */
  readonly defaults?: Uint8Array
  readonly use: CertificateUse
  /** In `ssl.certificate.<statName>.expiration_unix_time_seconds`. */
  readonly statName: string
}

/** The outcome of one reading. */
export interface CompiledSecret {
  /** Undefined: errors were reported. */
  readonly bytes: Uint8Array | undefined
  readonly facts: SecretFacts
  readonly reading: Reading
}

/** What a secret was read from, for whoever watches it. */
export interface Reading {
  /** Every file with the digest of its contents; empty: it could not be read. */
  readonly files: ReadonlyMap<string, string>
  /** Folders whose change means that files changed (`watched_directory`). */
  readonly folders: readonly string[]
}

export interface SecretDeps extends DataSourceDeps {
  readonly types: Types
  readonly checkRegex: RegexCheck
}

const tls = 'envoy.extensions.transport_sockets.tls.v3'
export const secretTypes: Readonly<Record<SecretKind, string>> = {
  certificate: `${tls}.TlsCertificate`,
  validation: `${tls}.CertificateValidationContext`,
  ticketKeys: `${tls}.TlsSessionTicketKeys`,
}
const ticketKeyBytes = 80

/** Reads a secret's files and makes its plan; what is wrong is reported below `at`. */
export function compileSecret(source: SecretSource, at: Place, given: SecretDeps): CompiledSecret {
  const files = new RecordedFiles(given.files)
  const deps = { ...given, files }
  const { from } = source
  const found = decode(source.kind, from.bytes, deps.types)
  const message = source.defaults ? merged(source.defaults, found, deps.types) : found
  const compiled = parts(source, message, at, deps)
  const folders = watchedFolders(message)
  return {
    bytes: compiled && encodePlan(SecretSchema, { name: source.name, ...compiled.plan }),
    facts: compiled?.facts ?? { certificates: [] },
    reading: { files: files.digests, folders },
  }
}

/** Remembers what was read. */
class RecordedFiles implements Files {
  readonly #files: Files
  readonly digests = new Map<string, string>()

  constructor(files: Files) {
    this.#files = files
  }

  read(path: string): Uint8Array | undefined {
    const bytes = this.#files.read(path)
    this.digests.set(path, bytes === undefined ? '' : fileDigest(bytes))
    return bytes
  }

  whyNot(path: string): string {
    return this.#files.whyNot(path)
  }

  list(path: string): readonly string[] | undefined {
    return this.#files.list(path)
  }
}

function schemaOf(kind: SecretKind, types: Types): DescMessage {
  return types.message(secretTypes[kind]) as DescMessage
}

const decode = (kind: SecretKind, bytes: Uint8Array, types: Types): Message => fromBinary(schemaOf(kind, types), bytes)

/** A message as bytes, for a SecretSource. */
export const encodeMessage = (message: Message, types: Types): Uint8Array =>
  new Uint8Array(toBinary(types.message(message.$typeName) as DescMessage, message))

function merged(defaults: Uint8Array, over: Message, types: Types): Message {
  const message = decode('validation', defaults, types)
  const schema = schemaOf('validation', types)
  mergeFromBinary(schema, message, toBinary(schema, over))
  return message
}

type Parts = { readonly plan: SecretInit; readonly facts: SecretFacts }

function parts(source: SecretSource, message: Message, at: Place, deps: SecretDeps): Parts | undefined {
  if (isMessage<TlsCertificate>(message, `${tls}.TlsCertificate`)) {
    const compiled = compileCertificate(message, source.use, at, deps)
    return compiled && { plan: { certificate: { ...compiled.plan, name: source.statName } }, facts: compiled.facts }
  }
  if (isMessage<CertificateValidationContext>(message, `${tls}.CertificateValidationContext`)) {
    const compiled = compileValidation(message, at, deps)
    return compiled && { plan: { validation: compiled.plan }, facts: compiled.facts }
  }
  if (isMessage<TlsSessionTicketKeys>(message, `${tls}.TlsSessionTicketKeys`)) {
    const keys = ticketKeys(message, at.field('keys'), deps)
    return keys && { plan: { ticketKeys: { keys } }, facts: { certificates: [] } }
  }
  return undefined
}

function ticketKeys(config: TlsSessionTicketKeys, at: Place, deps: SecretDeps): Uint8Array[] | undefined {
  const keys = config.keys.map((source, index) => {
    const place = at.item(index)
    const bytes = readDataSource(source, place, deps, 'session ticket key file')
    if (bytes === undefined || bytes.length === ticketKeyBytes) return bytes
    place.error(
      `Incorrect TLS session ticket key length. Length ${bytes.length}, expected length ${ticketKeyBytes}.`,
      'make one: openssl rand 80 > FILE',
    )
    return undefined
  })
  const good = keys.flatMap(key => (key === undefined ? [] : [key]))
  return good.length === keys.length ? good : undefined
}

export const shownKinds: Readonly<Record<SecretKind, string>> = {
  certificate: 'tls_certificate',
  validation: 'validation_context',
  ticketKeys: 'session_ticket_keys',
}

/** The part of a Secret that is of a kind. */
export function partOf(
  { type }: Secret,
  kind: SecretKind,
): TlsCertificate | CertificateValidationContext | TlsSessionTicketKeys | undefined {
  if (kind === 'certificate') return type.case === 'tlsCertificate' ? type.value : undefined
  if (kind === 'validation') return type.case === 'validationContext' ? type.value : undefined
  return type.case === 'sessionTicketKeys' ? type.value : undefined
}

function watchedFolders(message: Message): string[] {
  const { watchedDirectory } = message as Partial<TlsCertificate | CertificateValidationContext>
  const inSources = Object.values(message).map(
    value => (value as Partial<DataSource> | undefined)?.watchedDirectory?.path ?? '',
  )
  return [watchedDirectory?.path ?? '', ...inSources].filter(folder => folder !== '')
}
