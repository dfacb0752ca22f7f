import type { Options } from '../command-line.js'
import type { NativeAddon } from '../native/addon.js'
import type { CompiledBootstrap } from '../snapshot/compile-task.js'
import type { Publisher } from '../snapshot/publisher.js'
import type { StatsStore } from '../stats/store.js'
import type { Log } from '../support/log.js'
import { ok, type Result } from '../support/result.js'
import type { CompileThread } from './compile-thread.js'
import type { Configuration, Errors } from './configuration.js'
import type { ServerState } from './main-stats.js'

/** What the admin pages are about. */
export interface AdminHostOptions {
  readonly options: Options
  readonly addon: NativeAddon
  readonly log: Log
  readonly compiler: CompileThread
  readonly workers: number
  readonly publisher: Publisher
  readonly configuration: Configuration
  /** With what is kept elsewhere copied in. */
  readonly stats: () => StatsStore
  readonly state: () => ServerState
  readonly uptimeS: () => number
  readonly setHealthFailed: (failed: boolean) => void
  readonly reopenLogs: () => void
  readonly modifyRuntime: (overrides: Readonly<Record<string, string>>) => Promise<Errors>
  readonly quit: () => void
}

/** Opens the admin server when the configuration has one. */
export class AdminHost {
  readonly #host: AdminHostOptions

  constructor(host: AdminHostOptions) {
    this.#host = host
  }

  async open(_compiled: CompiledBootstrap): Promise<Result<void, Errors>> {
    void this.#host
    return ok()
  }

  reloaded(_compiled: CompiledBootstrap): void {}

  async close(): Promise<void> {}
}
