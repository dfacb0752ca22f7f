import { closeSync, openSync, writeSync } from 'node:fs'

/** Where the application log goes: standard error, or the file of --log-path. Lines are written at once, whole. */
export class LogSink {
  readonly #path: string
  #fd: number

  /** Throws when the file cannot be opened. */
  constructor(path: string) {
    this.#path = path
    this.#fd = path === '' ? 2 : openSync(path, 'a')
  }

  write(line: string): void {
    for (let rest = Buffer.from(line); rest.length > 0; ) {
      try {
        rest = rest.subarray(writeSync(this.#fd, rest))
      } catch (error) {
        // A full pipe that does not block: what cannot be written now is lost, as is what nobody reads any more.
        if ((error as NodeJS.ErrnoException).code !== 'EINTR') return
      }
    }
  }

  /** For log rotation. The old file stays in use when the new one cannot be opened. */
  reopen(): void {
    if (this.#path === '') return
    try {
      const fresh = openSync(this.#path, 'a')
      closeSync(this.#fd)
      this.#fd = fresh
    } catch {
      // Nowhere to say so.
    }
  }
}
