import { type FSWatcher, lstatSync, readFileSync, readlinkSync, watch } from 'node:fs'
import path from 'node:path'
import type { Clock } from '../support/clock.js'

export interface FileWatchOptions {
  readonly file: string
  readonly clock: Clock
  /** The file's bytes differ from those of the last call (or of the start), and have not changed for a moment. */
  readonly onChange: () => void
  readonly onError: (message: string) => void
}

// Editors write in several steps; what is read in between is not meant to be read.
const settleMs = 100
const maxLinks = 40

/**
 * Watches what a path means: edits in place, a new file renamed over it, and any symbolic link on the way being swapped (as Kubernetes
 * does with `..data`). Watches the folders, not the file: what else is written in them is nobody's business.
 */
export class FileWatch {
  readonly #options: FileWatchOptions
  #watchers = new Map<string, FSWatcher>()
  #wanted: ReadonlyMap<string, ReadonlySet<string>> = new Map()
  #contents: Buffer | undefined
  #cancelTimer: (() => void) | undefined
  #isClosed = false

  constructor(options: FileWatchOptions) {
    this.#options = options
    this.#contents = this.#read()
    this.#arm()
  }

  close(): void {
    this.#isClosed = true
    this.#cancelTimer?.()
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
  }

  #arm(): void {
    this.#wanted = namesThatCount(this.#options.file)
    for (const [folder, watcher] of this.#watchers) {
      if (this.#wanted.has(folder)) continue
      watcher.close()
      this.#watchers.delete(folder)
    }
    for (const folder of this.#wanted.keys()) if (!this.#watchers.has(folder)) this.#watch(folder)
  }

  #watch(folder: string): void {
    try {
      const watcher = watch(folder, (_event, name) => {
        if (name === null || this.#wanted.get(folder)?.has(name)) this.#touched()
      })
      watcher.on('error', () => {
        watcher.close()
        this.#watchers.delete(folder)
        this.#touched()
      })
      this.#watchers.set(folder, watcher)
    } catch (error) {
      this.#options.onError(`${folder} cannot be watched: ${(error as Error).message}`)
    }
  }

  #touched(): void {
    if (this.#isClosed) return
    this.#cancelTimer?.()
    this.#cancelTimer = this.#options.clock.after(settleMs, () => this.#settled())
  }

  #settled(): void {
    this.#cancelTimer = undefined
    this.#arm()
    const contents = this.#read()
    // Gone or empty: somebody is between two steps; the next one is an event of its own.
    if (contents === undefined || contents.length === 0 || this.#contents?.equals(contents)) return
    this.#contents = contents
    this.#options.onChange()
  }

  #read(): Buffer | undefined {
    try {
      return readFileSync(this.#options.file)
    } catch {
      return undefined
    }
  }
}

/** What decides what the path means, by folder: each symbolic link on the way, and the file itself. */
export function namesThatCount(file: string): ReadonlyMap<string, ReadonlySet<string>> {
  const folders = new Map<string, Set<string>>()
  const add = (one: string): void => {
    const folder = path.dirname(one)
    const names = folders.get(folder) ?? new Set()
    folders.set(folder, names.add(path.basename(one)))
  }
  let rest = path.resolve(file)
  for (let links = 0; links < maxLinks; links++) {
    const link = firstLink(rest)
    if (link === undefined) break
    add(link)
    rest = path.resolve(path.dirname(link), readlinkSync(link), path.relative(link, rest))
  }
  add(rest)
  return folders
}

function firstLink(file: string): string | undefined {
  const parts = file.split('/').filter(part => part !== '')
  for (let count = 1; count <= parts.length; count++) {
    const prefix = `/${parts.slice(0, count).join('/')}`
    const stat = lstatSync(prefix, { throwIfNoEntry: false })
    if (stat === undefined) return undefined
    if (stat.isSymbolicLink()) return prefix
  }
  return undefined
}
