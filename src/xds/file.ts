import { type FSWatcher, statSync, watch } from 'node:fs'
import path from 'node:path'
import type { Any } from '@bufbuild/protobuf/wkt'
import { loadMessage, printConfigError, type Types } from '../config/index.js'
import type { PathConfigSource } from '../generated/protos/envoy/config/core/v3/config_source_pb.js'
import type { DiscoveryResponse } from '../generated/protos/envoy/service/discovery/v3/discovery_pb.js'
import type { Clock } from '../support/clock.js'
import type { Logger } from '../support/log.js'
import { err, ok, type Result } from '../support/result.js'
import type { Resource, ResourceType, SubscribeOptions, Subscription } from './types.js'
import { durationMs, type Wire } from './wire.js'

export interface FileOptions {
  readonly types: Types
  readonly wire: Wire
  readonly clock: Clock
  readonly log: Logger
  readonly rejectUnknownFields: boolean
  readonly check: (type: ResourceType, resource: Resource) => string | undefined
}

export type PathSource = Pick<PathConfigSource, 'path' | 'watchedDirectory' | 'pollInterval'>

/** `isBroken`: the file holds no response at all; else its resources are at fault. */
interface Fault {
  readonly isBroken: boolean
  readonly detail: string
}

/**
 * A response in a file (YAML, JSON, binary or text protobuf by its extension), read at the start and whenever a file is moved to its name;
 * with watched_directory, whenever anything is moved into that folder. Writing into the file is no event, so that no half of it is read.
 */
export class FileSubscription implements Subscription {
  readonly #asked: SubscribeOptions
  readonly #source: PathSource
  readonly #options: FileOptions
  #watcher: FSWatcher | undefined
  #cancelPoll: (() => void) | undefined
  #stamp = ''
  #isBusy = false
  #isStale = false
  #isClosed = false

  constructor(asked: SubscribeOptions, source: PathSource, options: FileOptions) {
    this.#asked = asked
    this.#source = source
    this.#options = options
    this.#watch()
    this.#poll()
    // Who subscribes has its subscription before the first update comes.
    queueMicrotask(() => this.#changed())
  }

  /** A file says what it says; asking is counted. */
  setNames(): void {
    if (!this.#isClosed) this.#asked.onEvent({ kind: 'update_attempt' })
  }

  requestOnDemand(): void {
    this.setNames()
  }

  close(): void {
    this.#isClosed = true
    this.#watcher?.close()
    this.#cancelPoll?.()
  }

  #watch(): void {
    const directory = this.#source.watchedDirectory?.path ?? ''
    const folder = directory === '' ? path.dirname(path.resolve(this.#source.path)) : directory
    const wanted = directory === '' ? path.basename(this.#source.path) : undefined
    try {
      this.#watcher = watch(folder, (event, name) => {
        if (event !== 'rename' || (wanted !== undefined && name !== wanted)) return
        const stamp = stampOf(wanted === undefined ? path.join(folder, name ?? '') : this.#source.path)
        // Gone, or made empty to be written: what follows is an event of its own.
        if (stamp !== '') this.#changed()
      })
      this.#watcher.on('error', error => this.#cannotWatch(folder, error))
    } catch (error) {
      this.#cannotWatch(folder, error as Error)
    }
  }

  #cannotWatch(folder: string, error: Error): void {
    this.#options.log.warning(`unable to add filesystem watch for ${folder}: ${error.message}`)
  }

  #poll(): void {
    const { pollInterval } = this.#source
    if (pollInterval === undefined) return
    this.#cancelPoll = this.#options.clock.after(Math.max(1, durationMs(pollInterval)), () => {
      const stamp = stampOf(this.#source.path)
      if (stamp !== '' && stamp !== this.#stamp) this.#changed()
      this.#poll()
    })
  }

  #changed(): void {
    if (this.#isClosed) return
    this.#isStale = true
    if (!this.#isBusy) void this.#refresh()
  }

  async #refresh(): Promise<void> {
    this.#isBusy = true
    while (this.#isStale && !this.#isClosed) {
      this.#isStale = false
      await this.#readOnce()
    }
    this.#isBusy = false
  }

  async #readOnce(): Promise<void> {
    const { watcher } = this.#asked
    const start = performance.now()
    this.#stamp = stampOf(this.#source.path)
    this.#asked.onEvent({ kind: 'update_attempt' })
    const read = this.#read()
    const version = read.ok ? read.value.versionInfo : ''
    const fault = read.ok ? await this.#deliver(read.value) : read.error
    if (this.#isClosed) return
    if (fault === undefined) {
      const durationMs = Math.floor(performance.now() - start)
      return this.#asked.onEvent({ kind: 'update_success', version, at: Date.now(), durationMs })
    }
    const { isBroken, detail } = fault
    const what = isBroken ? `failure: in ${this.#source.path}, ` : 'rejected: '
    this.#options.log.warning(`Filesystem config update ${what}${detail}`)
    this.#asked.onEvent(isBroken ? { kind: 'update_failure' } : { kind: 'update_rejected', detail })
    watcher.onFailure('rejected', detail)
  }

  #read(): Result<DiscoveryResponse, Fault> {
    const { types, rejectUnknownFields } = this.#options
    const loaded = loadMessage({
      types,
      path: this.#source.path,
      typeName: 'envoy.service.discovery.v3.DiscoveryResponse',
      allowUnknownFields: !rejectUnknownFields,
    })
    if (loaded.ok) return ok(loaded.value.message as DiscoveryResponse)
    const isBroken = loaded.error.some(({ code }) => code !== 'constraint' && code !== 'unknown-field')
    return err({ isBroken, detail: loaded.error.map(error => printConfigError(error)).join('\n') })
  }

  async #deliver({ resources, versionInfo }: DiscoveryResponse): Promise<Fault | undefined> {
    const { type, watcher, names } = this.#asked
    const unwrapped = unwrapAll(type, resources, versionInfo, this.#options)
    if (!unwrapped.ok) return { isBroken: false, detail: unwrapped.error }
    const isFullState = names === undefined || names.size === 0
    const added = unwrapped.value
    const update = { version: versionInfo, added, removed: [], isFullState, controlPlane: '' }
    const detail = await watcher.onUpdate(update)
    return detail === undefined ? undefined : { isBroken: false, detail }
  }
}

/** Resources of a response that came whole: a file's, or a REST answer's. */
export function unwrapAll(
  type: ResourceType,
  resources: readonly Any[],
  version: string,
  { wire, check }: Pick<FileOptions, 'wire' | 'check'>,
): Result<readonly Resource[], string> {
  const all: Resource[] = []
  for (const any of resources) {
    const one = wire.unwrap(type, any, version)
    if (!one.ok) return one
    const wrong = check(type, one.value.resource)
    if (wrong !== undefined) return err(wrong)
    all.push(one.value.resource)
  }
  return ok(all)
}

/** Empty: not there, or empty. A folder (or a link to one) has its own. */
function stampOf(file: string): string {
  const stat = statSync(file, { throwIfNoEntry: false, bigint: true })
  return stat === undefined || stat.size === 0n ? '' : `${stat.dev} ${stat.ino} ${stat.size} ${stat.mtimeNs}`
}
