import type { AdminServer } from '../admin/server.js'
import type { Options } from '../command-line.js'
import type { NativeAddon } from '../native/addon.js'
import type { ClusterInfo, CompiledBootstrap, HostInfo, RuntimeLayer } from '../snapshot/compile-task.js'
import type { StatsStore } from '../stats/store.js'
import { type TextPattern, withFixedTags } from '../stats/settings.js'
import type { Log } from '../support/log.js'
import { err, ok, type Result } from '../support/result.js'
import type { CertificatesInUse } from './certificates.js'
import type { CompileThread } from './compile-thread.js'
import type { Configuration, Errors } from './configuration.js'
import type { OutlierStatus } from './outlier-detection.js'
import { LogSink } from './log-sink.js'
import type { ServerState } from './main-stats.js'

/** What the admin pages are about. */
export interface AdminHostOptions {
  readonly options: Options
  readonly addon: NativeAddon
  readonly log: Log
  readonly compiler: CompileThread
  readonly workers: number
  readonly configuration: Configuration
  /** Lowest first, with what they hold now. */
  readonly runtimeLayers: () => readonly RuntimeLayer[]
  /** With what is kept elsewhere copied in. */
  readonly stats: () => StatsStore
  readonly flushStats: () => void
  /** The members of a cluster, in the order of its endpoints plan. */
  readonly hostsOf: (cluster: ClusterInfo) => readonly HostInfo[]
  /** What main found out about them, in the same order. */
  readonly flagsOf: (cluster: ClusterInfo) => Uint32Array | undefined
  /** Of a cluster with outlier detection. */
  readonly outliersOf: (cluster: ClusterInfo) => OutlierStatus | undefined
  readonly certificates: () => CertificatesInUse
  readonly state: () => ServerState
  readonly uptimeS: () => number
  readonly setHealthFailed: (failed: boolean) => void
  readonly listenersStopped: (count: number) => void
  readonly reopenLogs: () => void
  /** The admin layer holds exactly this from now on. */
  readonly modifyRuntime: (overrides: Readonly<Record<string, string>>) => void
  readonly quit: () => void
}

type AdminConfig = NonNullable<CompiledBootstrap['admin']>

/** Opens the admin server when the configuration has one. Its code is loaded only then. */
export class AdminHost {
  readonly #host: AdminHostOptions
  #server: AdminServer | undefined
  #address = ''
  #logs: readonly LogSink[] = []

  constructor(host: AdminHostOptions) {
    this.#host = host
  }

  /** Loads the code while the thread has nothing else to do. */
  preload(): void {
    void adminCode()
  }

  async open(compiled: CompiledBootstrap): Promise<Result<void, Errors>> {
    const { admin, stats } = compiled
    const address = admin?.address
    this.#address = JSON.stringify(address)
    if (admin === undefined || address === undefined) {
      this.#host.log.component('main').warning('No admin address given, so no admin HTTP server started.')
      return ok()
    }
    const [{ AdminServer }, { ProcessBackend }, { accessLine }, { declareAdmin }] = await adminCode()
    const opened = openLogs(compiled.adminLogPaths)
    if (!opened.ok) return opened
    this.#logs = opened.value
    declareAdmin(this.#host.stats())
    const backend = new ProcessBackend(
      this.#host,
      withFixedTags(stats.settings, this.#host.options.statsTags),
      stats.flushIntervalMs === 0,
    )
    const server = new AdminServer(backend, {
      address: address.pipe ? { path: address.pipe } : { ip: address.ip ?? '', port: address.port ?? 0 },
      ...(address.pipeMode ? { socketMode: address.pipeMode } : {}),
      ...(this.#host.options.adminAddressPath === '' ? {} : { addressPath: this.#host.options.adminAddressPath }),
      ...(await allowPath(admin)),
      ...(this.#logs.length > 0 && {
        onAccess: access => {
          for (const log of this.#logs) log.write(accessLine(access))
        },
      }),
    })
    const listening = await server.listen()
    if (!listening.ok) return err([`error: admin: ${listening.error}`])
    this.#server = server
    const at = listening.value
    this.#host.log
      .component('admin')
      .info(`admin address: ${'path' in at ? at.path : `${at.ip.includes(':') ? `[${at.ip}]` : at.ip}:${at.port}`}`)
    return ok()
  }

  /** A new configuration is in use; the admin server itself keeps its address. */
  reloaded(compiled: CompiledBootstrap): void {
    if (JSON.stringify(compiled.admin?.address) === this.#address) return
    this.#host.log.component('admin').warning('another admin address takes effect at the next start')
  }

  reopenLogs(): void {
    for (const log of this.#logs) log.reopen()
  }

  async close(): Promise<void> {
    await this.#server?.close()
    this.#server = undefined
  }
}

function adminCode() {
  return Promise.all([
    import('../admin/server.js'),
    import('./admin-backend.js'),
    import('../admin/access-line.js'),
    import('../stats/declare.js'),
  ])
}

function openLogs(paths: readonly string[]): Result<LogSink[], Errors> {
  try {
    return ok(paths.map(path => new LogSink(path)))
  } catch (error) {
    return err([`error: admin.access_log: ${(error as Error).message}`])
  }
}

const matcherKinds: readonly TextPattern['kind'][] = ['exact', 'prefix', 'suffix', 'contains', 'regex']

async function allowPath(admin: AdminConfig): Promise<{ allowPath?: (path: string) => boolean }> {
  if (admin.allowPaths.length === 0) return {}
  const { compilePattern } = await import('../stats/pattern.js')
  const matchers = admin.allowPaths.map(({ kind = 0, value = '', ignoreCase = false }) =>
    compilePattern({ kind: matcherKinds[kind] ?? 'exact', value, ignoreCase }),
  )
  return { allowPath: path => matchers.some(matches => matches(path)) }
}
