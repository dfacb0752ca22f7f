/** What is kept of a resource for /config_dump, and to tell whether it changed. */
export interface StoredResource {
  readonly name: string
  readonly version: string
  readonly typeUrl: string
  /** Of the message inside the Any. */
  readonly bytes: Uint8Array
  /** Unix milliseconds. */
  readonly updatedAt: number
}

/** The last version that was refused. */
export interface ErrorState {
  readonly failed: StoredResource
  readonly details: string
}

export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && Buffer.compare(a, b) === 0
