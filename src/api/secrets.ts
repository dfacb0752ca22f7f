/**
 * Secrets as a transport socket's plan() sees them: certificates with their keys, validation contexts and session ticket keys. Each becomes
 * a plan of its own that contexts name by slot, so that a renewed file changes that one and nobody's connections.
 */
import type {
  CertificateValidationContext,
  TlsCertificate,
  TlsSessionTicketKeys,
} from '../generated/protos/envoy/extensions/transport_sockets/tls/v3/common_pb.js'
import type { SdsSecretConfig } from '../generated/protos/envoy/extensions/transport_sockets/tls/v3/secret_pb.js'
import type { Place } from './plan-context.js'

/** What a certificate is used for decides what must be true of it. */
export interface CertificateUse {
  readonly isServer: boolean
  /** ocsp_staple_policy: MUST_STAPLE. */
  readonly mustStaple: boolean
}

/** The part of a combined_validation_context that is given in place. */
export interface DefaultValidation {
  readonly context: CertificateValidationContext
  readonly at: Place
}

/** Slots are undefined where an error was reported. */
export interface Secrets {
  /** A secret given in place. */
  certificate(config: TlsCertificate, use: CertificateUse, at: Place): number
  validation(config: CertificateValidationContext, at: Place): number
  ticketKeys(config: TlsSessionTicketKeys, at: Place): number
  /** A secret by its name: one of the bootstrap's own, or one in the file that `sds_config` names. */
  namedCertificate(config: SdsSecretConfig, use: CertificateUse, at: Place): number | undefined
  namedValidation(config: SdsSecretConfig, at: Place, defaults?: DefaultValidation): number | undefined
  namedTicketKeys(config: SdsSecretConfig, at: Place): number | undefined
  /** These make one TLS context; for /certs and the statistics of certificates. */
  context(certificates: readonly number[], validation: number | undefined): void
}
