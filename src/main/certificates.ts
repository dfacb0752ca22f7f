/** What the certificates in use say of themselves, for /certs and the statistics. */
import type { CertificateDetails } from '../plan/secret-facts.js'
import type { SecretMeta, TlsContextMeta } from '../plan/secrets.js'
import type { JsonObject } from '../admin/json.js'

export interface CertificatesInUse {
  readonly contexts: readonly TlsContextMeta[]
  /** By slot. */
  readonly secrets: ReadonlyMap<number, SecretMeta>
}

const secondsPerDay = 86_400
// What Envoy says when there is no certificate that could expire.
const noCertificates = 0xffff_ffff

function ofSlot({ secrets }: CertificatesInUse, slot: number | undefined): readonly CertificateDetails[] {
  return slot === undefined ? [] : (secrets.get(slot)?.facts.certificates ?? [])
}

/** envoy.admin.v3.Certificate messages in proto JSON, one for each TLS context. `now`: seconds since the epoch. */
export function certificatesJson(inUse: CertificatesInUse, now: number): JsonObject[] {
  const shown = (details: readonly CertificateDetails[]) => details.map(one => detailsJson(one, now))
  return inUse.contexts.map(({ certificates, validation }) => ({
    ca_cert: shown(ofSlot(inUse, validation)),
    cert_chain: shown(certificates.flatMap(slot => ofSlot(inUse, slot))),
  }))
}

function detailsJson(details: CertificateDetails, now: number): JsonObject {
  const { path, serial, sans, validFrom, expiration, ocsp } = details
  const kinds = ['dns', 'uri', 'ip_address'] as const
  return {
    path,
    serial_number: serial,
    subject_alt_names: kinds.flatMap(kind => sans.filter(san => san.kind === kind).map(san => ({ [kind]: san.value }))),
    days_until_expiration: String(daysUntil(expiration, now)),
    valid_from: timestamp(validFrom),
    expiration_time: timestamp(expiration),
    ...(ocsp && {
      ocsp_details: {
        valid_from: timestamp(ocsp.validFrom),
        ...(ocsp.expiration !== undefined && { expiration: timestamp(ocsp.expiration) }),
      },
    }),
  }
}

const timestamp = (seconds: number): string => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')

const daysUntil = (expiration: number, now: number): number =>
  Math.max(0, Math.floor((expiration - now) / secondsPerDay))

/** For server.days_until_first_cert_expiring; 0 when one has expired. */
export function daysUntilFirstExpiration(inUse: CertificatesInUse, now: number): number {
  const all = inUse.contexts.flatMap(({ certificates, validation }) =>
    [validation, ...certificates].flatMap(slot => ofSlot(inUse, slot)),
  )
  return Math.min(noCertificates, ...all.map(({ expiration }) => daysUntil(expiration, now)))
}

/** For server.seconds_until_first_ocsp_response_expiring; undefined without any OCSP response. */
export function secondsUntilFirstOcspExpiration(inUse: CertificatesInUse, now: number): number | undefined {
  const ends = inUse.contexts
    .flatMap(({ certificates }) => certificates.flatMap(slot => ofSlot(inUse, slot)))
    .flatMap(({ ocsp }) => ocsp?.expiration ?? [])
  return ends.length === 0 ? undefined : Math.max(0, Math.min(...ends) - now)
}

/** Gauges `<scope>.ssl.certificate.<name>.expiration_unix_time_seconds` of a context, by name; of several with one name the last counts. */
export function expirations(
  inUse: CertificatesInUse,
  { certificates, validation }: TlsContextMeta,
): Map<string, number> {
  const found = new Map<string, number>()
  for (const slot of [validation, ...certificates]) {
    const secret = slot === undefined ? undefined : inUse.secrets.get(slot)
    const [first] = secret?.facts.certificates ?? []
    if (secret && first) found.set(secret.source.statName, first.expiration)
  }
  return found
}
