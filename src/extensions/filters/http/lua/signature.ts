import { createPublicKey, type KeyObject, verify as verifyWith } from 'node:crypto'

/** What scripts hold of a key. `key` is absent where the bytes were none: Envoy tells that when it is used. */
export class PublicKey {
  readonly key: KeyObject | undefined

  constructor(key: KeyObject | undefined) {
    this.key = key
  }
}

const hashes = new Set(['sha1', 'sha224', 'sha256', 'sha384', 'sha512'])

/** `der`: SubjectPublicKeyInfo. */
export function publicKeyOf(der: Uint8Array): PublicKey {
  try {
    return new PublicKey(createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' }))
  } catch {
    return new PublicKey(undefined)
  }
}

/** Empty: the signature holds. */
export function verify(hash: string, { key }: PublicKey, signature: Uint8Array, data: Uint8Array): string {
  if (key === undefined) return 'Failed to initialize digest verify.'
  if (!hashes.has(hash.toLowerCase())) return `${hash} is not supported.`
  return verifyWith(hash, data, key, signature) ? '' : 'Failed to verify digest. Error code: 0'
}
