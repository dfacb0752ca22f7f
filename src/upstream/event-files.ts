import { createWriteStream, type WriteStream } from 'node:fs'

/** Files of events by path, opened when they are first written to. What cannot be written is lost, and said once. */
export class EventFiles {
  readonly #files = new Map<string, WriteStream>()
  readonly #onError: (message: string) => void

  constructor(onError: (message: string) => void) {
    this.#onError = onError
  }

  write(path: string, line: string): void {
    this.#file(path).write(line)
  }

  /** The file is there before anything is written to it. */
  open(path: string): void {
    this.#file(path)
  }

  /** They may have been moved: further lines go to new ones. */
  reopen(): void {
    for (const file of this.#files.values()) file.end()
    this.#files.clear()
  }

  async close(): Promise<void> {
    const ended = [...this.#files.values()].map(file => new Promise<void>(resolve => file.end(resolve)))
    this.#files.clear()
    await Promise.all(ended)
  }

  #file(path: string): WriteStream {
    let file = this.#files.get(path)
    if (file === undefined) {
      file = createWriteStream(path, { flags: 'a' })
      file.on('error', (error: Error) => this.#onError(`events cannot be written to '${path}': ${error.message}`))
      this.#files.set(path, file)
    }
    return file
  }
}
