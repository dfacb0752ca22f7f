import { readFileSync } from 'node:fs'
import type { Clock } from '../support/clock.js'
import { fileDigest } from '../support/files.js'
import { FilesWatch } from './files-watch.js'

export interface FileWatchOptions {
  readonly file: string
  readonly clock: Clock
  /** The file's bytes differ from those of the last call (or of the start), and have not changed for a moment. */
  readonly onChange: () => void
  readonly onError: (message: string) => void
}

/** FilesWatch for one file, whose contents at the start are known. */
export class FileWatch {
  readonly #watch: FilesWatch

  constructor({ file, clock, onChange, onError }: FileWatchOptions) {
    this.#watch = new FilesWatch({ clock, onChange: () => onChange(), onError })
    this.#watch.set(new Map([[file, digestNow(file)]]))
  }

  close(): void {
    this.#watch.close()
  }
}

function digestNow(file: string): string {
  try {
    return fileDigest(readFileSync(file))
  } catch {
    return ''
  }
}
