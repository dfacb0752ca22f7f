import type { CertificateFacts } from './x509.js'

/** What main knows of a secret without its contents. Plain data; crosses threads. */
export interface SecretFacts {
  /** Of a certificate with its key: the leaf. Of a validation context: every trusted CA. */
  readonly certificates: readonly CertificateDetails[]
}

/** One certificate as /certs shows it. Times in seconds since the epoch. */
export interface CertificateDetails extends Pick<CertificateFacts, 'serial' | 'sans' | 'validFrom' | 'expiration'> {
  /** The file, or "<inline>". */
  readonly path: string
  readonly ocsp?: { readonly validFrom: number; readonly expiration: number | undefined }
}
