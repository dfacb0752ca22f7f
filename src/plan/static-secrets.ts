import type { Place } from '../api/plan-context.js'
import type { Secret } from '../generated/protos/envoy/extensions/transport_sockets/tls/v3/secret_pb.js'
import type { SecretKind } from './secret.js'

/** `static_resources.secrets`: by name. They are read when something uses them, as in Envoy. */
export class StaticSecrets {
  readonly #secrets = new Map<string, { readonly message: Secret; readonly path: string }>()

  /** Reports what is not a secret, and names that are there twice. */
  constructor(secrets: readonly Secret[], at: Place) {
    for (const [index, secret] of secrets.entries()) this.#add(secret, at.item(index))
  }

  #add(secret: Secret, at: Place): void {
    if (secret.type.case === undefined) {
      at.error(
        'Secret type not implemented',
        'write one of tls_certificate, validation_context, session_ticket_keys, generic_secret',
      )
      return
    }
    const key = `${secret.type.case}/${secret.name}`
    if (this.#secrets.has(key))
      at.field('name').error(`Duplicate static ${typeName(secret)} secret name ${secret.name}`)
    else this.#secrets.set(key, { message: secret, path: at.path })
  }

  /** `path`: where it stands in the bootstrap. */
  find(kind: SecretKind, name: string): { readonly message: Secret; readonly path: string } | undefined {
    return this.#secrets.get(`${cases[kind]}/${name}`)
  }
}

const cases: Readonly<Record<SecretKind, NonNullable<Secret['type']['case']>>> = {
  certificate: 'tlsCertificate',
  validation: 'validationContext',
  ticketKeys: 'sessionTicketKeys',
}

function typeName(secret: Secret): string {
  if (secret.type.case === 'validationContext') return 'CertificateValidationContext'
  if (secret.type.case === 'sessionTicketKeys') return 'TlsSessionTicketKeys'
  return secret.type.case === 'genericSecret' ? 'GenericSecret' : 'TlsCertificate'
}
