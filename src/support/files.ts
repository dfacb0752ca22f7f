import { readdirSync, readFileSync } from 'node:fs'

/** Read access to files that a configuration names. Handed in, so that its readers stay testable. */
export interface Files {
  /** Undefined when the file cannot be read. */
  read(path: string): Uint8Array | undefined
  /** Names in a folder, sorted; undefined when it is not a folder or cannot be read. */
  list(path: string): readonly string[] | undefined
}

export const systemFiles: Files = {
  read(path) {
    try {
      return readFileSync(path)
    } catch {
      return undefined
    }
  },
  list(path) {
    try {
      return readdirSync(path).sort()
    } catch {
      return undefined
    }
  },
}
