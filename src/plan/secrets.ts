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
import { discoverySource } from './config-source.js'
import { namePart } from './ids.js'
import type { SecretUse } from './reference.js'
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

/** The secrets of one compilation: those with names, and those given in place. */
export class CompiledSecrets {
  readonly #compilation: Compilation
  readonly #sources = new Map<number, SecretMeta>()
  readonly contexts: TlsContextMeta[] = []

  constructor(compilation: Compilation) {
    this.#compilation = compilation
  }

  get metas(): SecretMeta[] {
    return [...this.#sources.values()]
  }

  /** What a transport socket's plan() is given. `base`: the path of its typed_config; `name`: what its own secrets are called after. */
  of(owner: TlsOwner, name: string, base: string): Secrets {
    return new OwnSecrets(this, owner, name, base)
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

  /** A secret given in static_resources, with its place. */
  findStatic(kind: SecretKind, name: string): { readonly message: Secret; readonly at: Place } | undefined {
    const found = this.#compilation.environment.secrets.find(kind, name)
    return found && { message: found.message, at: this.#compilation.issues.root(found.path) }
  }

  /**
   * The slot of a secret that a management server or a file of discovery has. What it is used for is part of the slot's name, so that a secret is compiled once
   * for each use.
   */
  refer(use: Omit<SecretUse, 'slot'>, config: ConfigSource, resource: string, at: Place): number | undefined {
    const source = discoverySource(config, secretTypeUrl, at, this.#compilation.environment.sources)
    if (!source) return undefined
    const { isServer, mustStaple } = use.certificate
    const uses = `${isServer ? '' : '@client'}${mustStaple ? '@staple' : ''}`
    const planName = `sds/${source.key}/${use.kind}/${namePart(resource)}${use.kind === 'certificate' ? uses : ''}${use.planName}`
    const slot = this.#compilation.deps.slots.of('secrets', planName)
    this.#compilation.refer({
      kind: 'secret',
      source,
      name: resource,
      slot,
      isRequired: true,
      use: { ...use, slot, planName },
    })
    return slot
  }

  /** A secret that a management server sent. */
  addDiscovered(
    message: Message,
    { planName: name, kind, certificate: use, statName, defaults }: SecretUse,
    at: Place,
  ): void {
    const from = { kind: 'message', bytes: this.encode(message) } as const
    this.add({ name, kind, from, use, statName, ...(defaults && { defaults }) }, at)
  }

  encode(message: Message): Uint8Array {
    return encodeMessage(message, this.#compilation.deps.types)
  }
}

const secretTypeUrl = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret'

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
    const common = { kind, statName: config.name, ...(defaults && { defaults: this.#all.encode(defaults.context) }) }
    const rest = { ...common, use }
    // Merged with a part given in place it is that place's own.
    const suffix = defaults ? `@${this.#name}${at.path.slice(this.#base.length)}` : ''
    if (config.sdsConfig) {
      const inSource = at.field('sds_config')
      const wanted = { ...common, certificate: use, planName: suffix, path: inSource.path }
      return this.#all.refer(wanted, config.sdsConfig, config.name, inSource)
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
