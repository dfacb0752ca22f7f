import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'

/** Read access to files that a configuration names. Handed in, so that its readers stay testable. */
export interface Files {
  /** Undefined when the file cannot be read. */
  read(path: string): Uint8Array | undefined
  /** Why `read` has no answer, as the end of a sentence: "does not exist", "may not be read by this user". */
  whyNot(path: string): string
  /** Names in a folder, sorted; undefined when it is not a folder or cannot be read. */
  list(path: string): readonly string[] | undefined
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist: a part of its path is no folder',
  EACCES: 'may not be read by this user',
  EISDIR: 'is a folder',
}

export const systemFiles: Files = {
  read(path) {
    try {
      return readFileSync(path)
    } catch {
      return undefined
    }
  },
  whyNot(path) {
    try {
      readFileSync(path)
      return 'could not be read a moment ago'
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? ''
      return reasons[code] ?? `cannot be read (${code})`
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

/** By which two contents of a file are told apart. */
export const fileDigest = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex')
