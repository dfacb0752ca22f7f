/**
 * The headers of one message, read and written where native code keeps them: nothing is copied until asked for. Valid until the stream is
 * complete; after that every call throws. Names are case-insensitive and come out in lower case; pseudo headers have their colon (`:path`).
 */
export interface Headers {
  /** The first value. */
  get(name: string): string | undefined
  /** Every value, in order. */
  getAll(name: string): string[]
  has(name: string): boolean
  /** Replaces all values. Throws a TypeError for what cannot stand in a header (line breaks, NUL, an empty name). */
  set(name: string, value: string): void
  /** Adds one more. */
  append(name: string, value: string): void
  delete(name: string): void
  [Symbol.iterator](): Iterator<[name: string, value: string]>
}
