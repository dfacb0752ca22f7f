import { type FSWatcher, lstatSync, readFileSync, readlinkSync, statSync, watch } from 'node:fs'
import path from 'node:path'
import type { Clock } from '../support/clock.js'
import { fileDigest } from '../support/files.js'

export interface FilesWatchOptions {
  readonly clock: Clock
  /** The contents of these files are others than before, and have not changed for a moment. */
  readonly onChange: (files: readonly string[]) => void
  readonly onError: (message: string) => void
}

// Writers work in several steps; what is read in between is not meant to be read.
const settleMs = 100
const maxLinks = 40

/** A watched file: what its reader last saw, and by what we know without reading that nothing happened since. */
interface Watched {
  digest: string
  stamp: string
}

/**
 * Watches what paths mean: edits in place, a new file renamed over one, and any symbolic link on the way being swapped (as Kubernetes does
 * with `..data`). Watches folders, not files: what else is written in them is nobody's business.
 */
export class FilesWatch {
  readonly #options: FilesWatchOptions
  #files = new Map<string, Watched>()
  #moreFolders: readonly string[] = []
  /** By folder: the names in it that decide what a path means. */
  #wanted: ReadonlyMap<string, ReadonlySet<string> | 'all'> = new Map()
  #watchers = new Map<string, { readonly watcher: FSWatcher; readonly inode: number }>()
  #cancelTimer: (() => void) | undefined
  #isClosed = false

  constructor(options: FilesWatchOptions) {
    this.#options = options
  }

  /**
   * From now on watches exactly these: each file with the digest of the contents its reader saw (see fileDigest; empty: none). One that
   * holds something else by now is reported soon. A change in one of the folders makes us look too.
   */
  set(files: ReadonlyMap<string, string>, folders: readonly string[] = []): void {
    this.#files = new Map([...files].map(([file, digest]) => [file, { digest, stamp: '' }]))
    this.#moreFolders = folders
    this.#arm()
    for (const [file, watched] of this.#files) {
      if (digestOf(file) === watched.digest) watched.stamp = stampOf(file)
      else this.#touched()
    }
  }

  close(): void {
    this.#isClosed = true
    this.#cancelTimer?.()
    for (const { watcher } of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
  }

  #arm(): void {
    this.#wanted = this.#wantedNames()
    for (const [folder, { watcher, inode }] of this.#watchers) {
      // A folder that was removed and made again is another one.
      if (this.#wanted.has(folder) && inodeOf(folder) === inode) continue
      watcher.close()
      this.#watchers.delete(folder)
    }
    for (const folder of this.#wanted.keys()) if (!this.#watchers.has(folder)) this.#watch(folder)
  }

  #wantedNames(): ReadonlyMap<string, ReadonlySet<string> | 'all'> {
    const wanted = new Map<string, Set<string>>()
    for (const file of this.#files.keys()) {
      for (const [folder, names] of namesThatCount(file)) {
        const known = wanted.get(folder) ?? new Set()
        for (const name of names) known.add(name)
        wanted.set(folder, known)
      }
    }
    const all = new Map<string, ReadonlySet<string> | 'all'>(wanted)
    for (const folder of this.#moreFolders) all.set(path.resolve(folder), 'all')
    return all
  }

  #watch(folder: string): void {
    try {
      const watcher = watch(folder, (_event, name) => {
        const names = this.#wanted.get(folder)
        if (name === null || names === 'all' || names?.has(name)) this.#touched()
      })
      watcher.on('error', () => {
        watcher.close()
        this.#watchers.delete(folder)
        this.#touched()
      })
      this.#watchers.set(folder, { watcher, inode: inodeOf(folder) })
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
    const changed = [...this.#files].flatMap(([file, watched]) => (this.#hasChanged(file, watched) ? [file] : []))
    if (changed.length > 0) this.#options.onChange(changed)
  }

  #hasChanged(file: string, watched: Watched): boolean {
    const stamp = stampOf(file)
    if (stamp === watched.stamp) return false
    watched.stamp = stamp
    const digest = digestOf(file)
    // Gone or empty: somebody is between two steps; the next one is an event of its own.
    if (digest === '' || digest === watched.digest) return false
    watched.digest = digest
    return true
  }
}

const inodeOf = (folder: string): number => statSync(folder, { throwIfNoEntry: false })?.ino ?? 0

function stampOf(file: string): string {
  const stat = statSync(file, { throwIfNoEntry: false, bigint: true })
  return stat === undefined ? '' : `${stat.dev} ${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`
}

/** Empty for a file that cannot be read, or that is empty. */
function digestOf(file: string): string {
  try {
    const bytes = readFileSync(file)
    return bytes.length === 0 ? '' : fileDigest(bytes)
  } catch {
    return ''
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
    const target = link === undefined ? undefined : targetOf(link)
    if (link === undefined || target === undefined) break
    add(link)
    rest = path.resolve(path.dirname(link), target, path.relative(link, rest))
  }
  add(rest)
  return folders
}

/** Undefined: it went away just now. */
function targetOf(link: string): string | undefined {
  try {
    return readlinkSync(link)
  } catch {
    return undefined
  }
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
