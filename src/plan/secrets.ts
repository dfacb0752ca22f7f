import type { Message } from '@bufbuild/protobuf'
import { createHash } from 'node:crypto'
import type { Place } from '../api/plan-context.js'
import type { CertificateUse, DefaultValidation, Secrets } from '../api/secrets.js'
import type { ConfigSource } from '../generated/protos/envoy/config/core/v3/config_source_pb.js'
import type { DataSource } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import type {
  CertificateValidationContext,
  TlsCertificate,
  TlsSessionTicketKeys,
} from '../generated/protos/envoy/extensions/transport_sockets/tls/v3/common_pb.js'
import type {
  SdsSecretConfig,
  Secret,
} from '../generated/protos/envoy/extensions/transport_sockets/tls/v3/secret_pb.js'
import type { Compilation } from './compilation.js'
import { namePart } from './ids.js'
import type { SecretFacts } from './secret-facts.js'
import {
  compileSecret,
  encodeMessage,
  partOf,
  type Reading,
  type SecretKind,
  type SecretSource,
  shownKinds,
} from './secret.js'

/** A secret of a configuration, as main keeps it. Plain data; crosses threads. */
export interface SecretMeta {
  readonly source: SecretSource
  readonly facts: SecretFacts
  readonly reading: Reading
}

/** Which secrets make one TLS context, and whose it is. */
export interface TlsContextMeta {
  readonly owner: TlsOwner
  readonly certificates: readonly number[]
  readonly validation: number | undefined
}

/** What a transport socket belongs to, by name. */
export interface TlsOwner {
  readonly kind: 'listener' | 'cluster'
  readonly name: string
}

const noUse: CertificateUse = { isServer: false, mustStaple: false }
const digits = 8

/** The secrets of one compilation: those with names that the bootstrap brings, and those given in place. */
export class CompiledSecrets {
  readonly #compilation: Compilation
  readonly #static = new Map<string, { readonly message: Secret; readonly at: Place }>()
  readonly #sources = new Map<number, SecretMeta>()
  readonly contexts: TlsContextMeta[] = []

  constructor(compilation: Compilation) {
    this.#compilation = compilation
  }

  get metas(): SecretMeta[] {
    return [...this.#sources.values()]
  }

  /** `static_resources.secrets`: names, and which of them are there twice. They are read when something uses them, as in Envoy. */
  declare(secrets: readonly Secret[], at: Place): void {
    for (const [index, secret] of secrets.entries()) {
      const place = at.item(index)
      if (secret.type.case === undefined) {
        place.error(
          'Secret type not implemented',
          'write one of tls_certificate, validation_context, session_ticket_keys, generic_secret',
        )
        continue
      }
      const key = `${secret.type.case}/${secret.name}`
      if (this.#static.has(key))
        place.field('name').error(`Duplicate static ${typeName(secret)} secret name ${secret.name}`)
      else this.#static.set(key, { message: secret, at: place })
    }
  }

  /** What a transport socket's plan() is given. `base`: the path of its typed_config; `name`: what its own secrets are called after. */
  of(owner: TlsOwner, name: string, base: string): Secrets {
    return new OwnSecrets(this, owner, name, base)
  }

  findStatic(kind: SecretKind, name: string): { readonly message: Secret; readonly at: Place } | undefined {
    return this.#static.get(`${staticCases[kind]}/${name}`)
  }

  /** The slot of a secret; it is read once however often it is used. */
  add(source: Omit<SecretSource, 'slot' | 'path'>, at: Place): number {
    const { deps } = this.#compilation
    const slot = deps.slots.of('secrets', source.name)
    const known = this.#sources.get(slot)
    const use = known ? joined(known.source.use, source.use) : source.use
    if (known && known.source.use.isServer === use.isServer && known.source.use.mustStaple === use.mustStaple)
      return slot
    const whole: SecretSource = { ...source, use, slot, path: at.path }
    const { bytes, ...meta } = compileSecret(whole, at, { ...deps, checkRegex: this.#compilation.checkRegex })
    if (bytes && !known) this.#compilation.add('secret', source.name, slot, bytes)
    this.#sources.set(slot, { source: whole, ...meta })
    return slot
  }

  encode(message: Message): Uint8Array {
    return encodeMessage(message, this.#compilation.deps.types)
  }
}

const staticCases: Readonly<Record<SecretKind, NonNullable<Secret['type']['case']>>> = {
  certificate: 'tlsCertificate',
  validation: 'validationContext',
  ticketKeys: 'sessionTicketKeys',
}

function typeName(secret: Secret): string {
  if (secret.type.case === 'validationContext') return 'CertificateValidationContext'
  if (secret.type.case === 'sessionTicketKeys') return 'TlsSessionTicketKeys'
  return secret.type.case === 'genericSecret' ? 'GenericSecret' : 'TlsCertificate'
}

const joined = (a: CertificateUse, b: CertificateUse): CertificateUse => ({
  isServer: a.isServer || b.isServer,
  mustStaple: a.mustStaple || b.mustStaple,
})

/** The name Envoy makes up for a certificate in a context: only inline_bytes are hashed, anything else is the hash of nothing. */
function madeUpName(prefix: string, source: DataSource | undefined): string {
  if (source === undefined) return prefix
  const bytes = source.specifier.case === 'inlineBytes' ? source.specifier.value : new Uint8Array()
  return `${prefix}${createHash('sha256').update(bytes).digest('hex').slice(0, digits)}`
}

class OwnSecrets implements Secrets {
  readonly #all: CompiledSecrets
  readonly #owner: TlsOwner
  readonly #name: string
  readonly #base: string

  constructor(all: CompiledSecrets, owner: TlsOwner, name: string, base: string) {
    this.#all = all
    this.#owner = owner
    this.#name = name
    this.#base = base
  }

  certificate(config: TlsCertificate, use: CertificateUse, at: Place): number {
    return this.#inPlace('certificate', config, at, use, madeUpName('unnamed_cert_', config.certificateChain))
  }

  validation(config: CertificateValidationContext, at: Place): number {
    const statName = config.trustedCa ? madeUpName('unnamed_ca_cert_', config.trustedCa) : 'unnamed_ca_cert'
    return this.#inPlace('validation', config, at, noUse, statName)
  }

  ticketKeys(config: TlsSessionTicketKeys, at: Place): number {
    return this.#inPlace('ticketKeys', config, at, noUse, '')
  }

  namedCertificate(config: SdsSecretConfig, use: CertificateUse, at: Place): number | undefined {
    return this.#named('certificate', config, use, at)
  }

  namedValidation(config: SdsSecretConfig, at: Place, defaults?: DefaultValidation): number | undefined {
    return this.#named('validation', config, noUse, at, defaults)
  }

  namedTicketKeys(config: SdsSecretConfig, at: Place): number | undefined {
    return this.#named('ticketKeys', config, noUse, at)
  }

  context(certificates: readonly number[], validation: number | undefined): void {
    this.#all.contexts.push({ owner: this.#owner, certificates, validation })
  }

  /** A secret's name does not depend on where its owner stands in a list: the path below the owner is stable. */
  #inPlace(kind: SecretKind, message: Message, at: Place, use: CertificateUse, statName: string): number {
    const name = `${this.#name}${at.path.slice(this.#base.length)}`
    return this.#all.add({ name, kind, from: { kind: 'message', bytes: this.#all.encode(message) }, use, statName }, at)
  }

  #named(
    kind: SecretKind,
    config: SdsSecretConfig,
    use: CertificateUse,
    at: Place,
    defaults?: DefaultValidation,
  ): number | undefined {
    const rest = { kind, use, statName: config.name, ...(defaults && { defaults: this.#all.encode(defaults.context) }) }
    // Merged with a part given in place it is that place's own.
    const suffix = defaults ? `@${this.#name}${at.path.slice(this.#base.length)}` : ''
    if (config.sdsConfig) {
      const from = discoveryFile(config.sdsConfig, config.name)
      if (!from) return undefined
      const name = `discovered/${kind}/${namePart(from.file)}/${namePart(config.name)}${suffix}`
      return this.#all.add({ ...rest, name, from }, at.field('sds_config'))
    }
    const found = this.#all.findStatic(kind, config.name)
    const part = found && partOf(found.message, kind)
    if (!found || !part) {
      at.field('name').error(
        `${unknown[kind]}: ${config.name}`,
        `write it into static_resources.secrets with ${shownKinds[kind]}`,
      )
      return undefined
    }
    const name = `static/${kind}/${namePart(config.name)}${suffix}`
    const from = { kind: 'message', bytes: this.#all.encode(part) } as const
    return this.#all.add({ ...rest, name, from }, defaults ? defaults.at : found.at.field(shownKinds[kind]))
  }
}

const unknown: Readonly<Record<SecretKind, string>> = {
  certificate: 'Unknown static secret',
  validation: 'Unknown static certificate validation context',
  ticketKeys: 'Unknown tls session ticket keys',
}

/** Files are read; management servers are refused by the field policy until they are asked. */
function discoveryFile(
  config: ConfigSource,
  resource: string,
): Extract<SecretSource['from'], { kind: 'discovery' }> | undefined {
  const spec = config.configSourceSpecifier
  if (spec.case === 'path') return { kind: 'discovery', file: spec.value, resource, folders: [] }
  if (spec.case === 'pathConfigSource') {
    const folder = spec.value.watchedDirectory?.path ?? ''
    return { kind: 'discovery', file: spec.value.path, resource, folders: folder === '' ? [] : [folder] }
  }
  return undefined
}
