/** The main thread's composition root: builds everything in order, stops it in reverse. */
import type { Options } from '../command-line.js'
import type { ClusterInfo, CompiledBootstrap, HostInfo, RuntimeLayer } from '../snapshot/compile-task.js'
import type { ConfigDelta, EngineMessage } from '../snapshot/config-delta.js'
import type { PlacedPlan } from '../snapshot/snapshot.js'
import { Publisher } from '../snapshot/publisher.js'
import { compileMatcher } from '../stats/pattern.js'
import { StatsStore } from '../stats/store.js'
import type { NativeStats } from '../stats/template.js'
import { backgroundClock, systemClock } from '../support/clock.js'
import { countCpus } from '../support/cpu-count.js'
import { err, ok, type Result } from '../support/result.js'
import { hookNames } from '../threads/hook-names.js'
import { AdminHost } from './admin-host.js'
import { buildInfo } from './build-info.js'
import { type Adopted, Configuration, type Errors } from './configuration.js'
import { DnsClusters } from './dns-clusters.js'
import type { CertificatesInUse } from './certificates.js'
import { FileWatch } from './file-watch.js'
import { FilesWatch } from './files-watch.js'
import { HealthChecks } from './health-checks.js'
import { Inbox } from './inbox.js'
import { OutlierDetection } from './outlier-detection.js'
import { MainStats, type ProcessFacts, type ServerState } from './main-stats.js'
import { Process } from './process.js'
import { runtimePlan } from './runtime-flags.js'
import { Secrets } from './secrets.js'
import { ScriptWatchdog } from './script-watchdog.js'
import { WorkerPool } from './worker-pool.js'

/** How long a hook of a filter in TypeScript may keep its worker. */
const scriptLimitMs = 1000

/** How often main looks for what the traffic threads have to say. */
const noteIntervalMs = 1000

/** A running proxy. */
export class Server {
  readonly #process: Process
  readonly #pool: WorkerPool
  readonly #publisher: Publisher
  readonly #configuration: Configuration
  readonly #dns: DnsClusters
  readonly #health: HealthChecks
  readonly #outliers: OutlierDetection
  readonly #secrets: Secrets
  readonly #admin: AdminHost
  readonly #startedAt = performance.now()
  readonly workers: number
  #stats: MainStats | undefined
  #watch: FileWatch | undefined
  /** Modules of filters: an edited one is a new version of the configuration. */
  readonly #inputs: FilesWatch
  readonly #watchdog: ScriptWatchdog
  #flushTimer: NodeJS.Timeout | undefined
  #noteTimer: NodeJS.Timeout | undefined
  #isLive = false
  #isHealthFailed = false
  #runtimeOverrides: Readonly<Record<string, string>> = {}
  #reloading: Promise<unknown> = Promise.resolve()
  #isReloadQueued = false
  #onInitialized: () => void = () => undefined
  /** Entries given to gRPC access log services, counted by who gives them. */
  readonly #sentLogs = new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT)
  /** What management servers have in layers of the runtime, by layer. */
  readonly #discovered = new Map<string, Readonly<Record<string, string>>>()

  private constructor(options: Options) {
    this.#process = new Process(options)
    const { log, addon, compiler, main } = this.#process
    const counted = options.concurrency === undefined ? countCpus() : undefined
    this.workers = options.concurrency ?? counted?.count ?? 1
    main.info(
      `initializing with ${counted === undefined ? `${this.workers} workers, by --concurrency` : `${counted.count} workers: ${counted.reason}`}`,
    )
    for (const notice of options.notices) main.warning(notice)
    this.#process.initAddon(this.workers)
    this.#pool = new WorkerPool({
      size: this.workers,
      log: main,
      filterLog: log.component('filter'),
      whereabouts: index => this.#whereabouts(index),
      clock: systemClock,
      inspect: options.inspect,
    })
    this.#publisher = new Publisher(addon, this.#pool)
    this.#watchdog = new ScriptWatchdog({
      activity: () => addon.scriptActivity(),
      clock: systemClock,
      limitMs: scriptLimitMs,
      onHung: (index, slot, hook) => this.#replaceHung(index, slot, hook),
    })
    this.#inputs = new FilesWatch({
      clock: systemClock,
      onChange: files => void this.reload(`${files.join(', ')} changed`),
      onError: message => this.#process.config.warning(message),
    })
    const inbox = new Inbox<EngineMessage>(message => this.#engineMessage(message))
    this.#process.onEngineMessage = message => inbox.put(message)
    addon.onDemand((what, slot, name) => {
      if (compiler.isRunning) compiler.tell({ kind: 'demand', what, slot, name })
      else addon.settleDemand(what, slot, name, 'missing')
    })
    this.#process.onEngineLost = reason => this.#engineLost(reason)
    const publisher = this.#publisher
    this.#dns = new DnsClusters({
      clock: systemClock,
      onEndpoints: (cluster, plan, hosts) => void this.#membersResolved(cluster, plan, hosts),
      onEvent: (cluster, event) => this.#stats?.dnsEvent(cluster, event),
      onMembers: (cluster, members) => this.#stats?.members(cluster, members),
    })
    this.#health = new HealthChecks({
      clock: systemClock,
      addon,
      hasTraffic: cluster => this.#stats?.hasTraffic(cluster) ?? false,
      onCount: (cluster, count) => this.#stats?.healthCheck(cluster, count),
      onGoodCheck: (cluster, address, hostname) => this.#outliers.onGoodCheck(cluster, address, hostname),
      onHealth: cluster => this.#healthChanged(cluster),
      republish: async (cluster, makePlan) => {
        await this.#configuration.republish(makePlan)
        this.#outliers.membersChanged(cluster.name)
        this.#stats?.members(cluster, this.#hostsOf(cluster))
      },
      onError: message => this.#process.config.warning(message),
    })
    this.#outliers = new OutlierDetection({
      clock: backgroundClock,
      addon,
      runtime: key => this.#runtimeValue(key),
      onCount: (cluster, count) => this.#stats?.outlierCount(cluster, count),
      onActive: (cluster, ejected) => this.#stats?.outliersActive(cluster, ejected),
      onHealth: cluster => this.#membersHealth(cluster),
      onError: message => this.#process.config.warning(message),
    })
    addon.onHostNews((news, cluster, address, hostname, id) => {
      if (news === 'immediate-failure') this.#health.failAtOnce(cluster, address, hostname)
      else this.#outliers.onNews(news, cluster, id)
    })
    this.#secrets = new Secrets({
      clock: systemClock,
      compiler,
      publisher,
      units: () => this.#configuration.units,
      log: this.#process.config,
      exclusively: run => {
        this.#reloading = this.#reloading.then(run)
      },
      onRenewed: () => this.#stats?.certificates(this.#certificates),
    })
    this.#configuration = new Configuration({
      source: () => this.#process.source(this.#runtimeOverrides),
      compiler,
      publisher,
      runtime: bootstrap => runtimePlan(this.#layersOf(bootstrap), this.#runtimeOverrides),
      dns: this.#dns,
      health: this.#health,
      onAdopted: change => this.#adopted(change),
      onResolved: cluster => compiler.tell({ kind: 'resolved', cluster }),
    })
    this.#admin = new AdminHost({
      options,
      addon,
      log,
      compiler,
      workers: this.workers,
      configuration: this.#configuration,
      hostsOf: cluster => this.#hostsOf(cluster),
      flagsOf: cluster => this.#flagsOf(cluster.name),
      outliersOf: cluster => this.#outliers.statusOf(cluster.name),
      runtimeLayers: () => this.runtimeLayers,
      stats: () => this.#refreshedStats(),
      flushStats: () => this.#stats?.flush(this.#facts),
      certificates: () => this.#certificates,
      state: () => this.state,
      uptimeS: () => this.#uptimeS(),
      setHealthFailed: failed => {
        this.#isHealthFailed = failed
        addon.setHealthFailed(failed)
      },
      listenersStopped: count => this.#stats?.listenersStopped(count),
      reopenLogs: () => this.reopenLogs(),
      modifyRuntime: overrides => this.#modifyRuntime(overrides),
      quit: () => process.kill(process.pid, 'SIGTERM'),
    })
  }

  /** Serves when it resolves; with `--mode init_only` it stopped again. */
  static async start(options: Options): Promise<Result<Server, Errors>> {
    const server = new Server(options)
    const started = await server.#start()
    if (started.ok) return ok(server)
    await server.#abort()
    return err(started.error)
  }

  get state(): ServerState {
    if (this.#isHealthFailed) return 'DRAINING'
    if (this.#isLive) return 'LIVE'
    return this.#stats === undefined ? 'PRE_INITIALIZING' : 'INITIALIZING'
  }

  async #start(): Promise<Result<void, Errors>> {
    const unfit = this.#process.addon.selfTest()
    if (unfit !== undefined) return err([unfit])
    const { options, main, config } = this.#process
    const compiling = this.#configuration.compile()
    const isServing = options.mode === 'serve'
    const workersUp = isServing ? this.#pool.start() : Promise.resolve()
    this.#admin.preload()
    const compiled = await compiling
    if (!compiled.ok) return compiled
    for (const warning of compiled.value.warnings) config.warning(warning)
    this.#openStats(compiled.value)
    const admin = await this.#admin.open(compiled.value)
    if (!admin.ok) return admin
    const applied = await this.#applyFirst(compiled.value)
    if (!applied.ok) return applied
    await workersUp
    this.#becomeLive()
    // Launchers wait for these words.
    main.info('starting main dispatch loop')
    if (isServing && options.configPath !== '') this.#watchFile(options.configPath)
    return ok()
  }

  /** Listeners begin to accept when everything that management servers have for the start is there. */
  async #applyFirst(compiled: CompiledBootstrap): Promise<Result<void, Errors>> {
    const { compiler, main } = this.#process
    if (!compiled.isDynamic) {
      const applied = await this.#configuration.apply(compiled)
      if (applied.ok) main.info('all clusters initialized. initializing init manager')
      return applied
    }
    const applied = await this.#configuration.apply(compiled, { withListeners: false })
    if (!applied.ok) return applied
    compiler.stays = true
    const initialized = new Promise<void>(resolve => {
      this.#onInitialized = resolve
    })
    compiler.tell({ kind: 'adopted', units: [] })
    await initialized
    return this.#configuration.openListeners()
  }

  /** Members of a cluster, in the order of its endpoints plan. */
  #hostsOf({ name }: ClusterInfo): readonly HostInfo[] {
    return this.#health.hostsOf(name) ?? this.#dns.hostsOf(name) ?? this.#configuration.units.members.get(name) ?? []
  }

  async #membersResolved(cluster: ClusterInfo, plan: PlacedPlan, hosts: readonly HostInfo[]): Promise<void> {
    await this.#configuration.membersResolved(plan, hosts)
    this.#outliers.membersChanged(cluster.name)
    if (cluster.health !== undefined) this.#stats?.members(cluster, this.#hostsOf(cluster))
  }

  #healthChanged(cluster: ClusterInfo): void {
    const counts = this.#health.counts(cluster.name)
    if (counts === undefined) return
    this.#stats?.healthCounts(cluster, counts)
    this.#membersHealth(cluster)
  }

  #membersHealth(cluster: ClusterInfo): void {
    this.#stats?.configured.health(cluster, this.#hostsOf(cluster), this.#flagsOf(cluster.name))
  }

  /** What main found out about the members of a cluster, in their order; undefined: nothing. */
  #flagsOf(cluster: string): Uint32Array | undefined {
    const checked = this.#health.flagsOf(cluster)
    const ejected = this.#outliers.flagsOf(cluster)
    if (checked === undefined || ejected === undefined) return checked ?? ejected
    return checked.map((flags, index) => flags | (ejected[index] ?? 0))
  }

  #engineMessage(message: EngineMessage): Iterable<void> | undefined | void {
    switch (message.kind) {
      case 'delta':
        return void this.#applyDelta(message.delta)
      case 'stats':
        return this.#stats?.engineChanges(message.changes)
      case 'log':
        return this.#process.config[message.level](message.line)
      case 'initialized':
        return this.#onInitialized()
      case 'settled-demand':
        return this.#process.addon.settleDemand(message.what, message.slot, message.name, message.end)
    }
  }

  async #applyDelta(delta: ConfigDelta): Promise<void> {
    const { runtime } = delta
    if (runtime !== undefined) this.#runtimeDiscovered(runtime)
    const answer = await this.#configuration.applyDelta(delta).catch((error: Error) => {
      this.#process.config.error(`an update could not be taken: ${error.stack ?? error.message}`)
      const refused = delta.units.map(({ key }) => ({ key, message: error.message }))
      return { number: delta.number, refused, resolving: [] }
    })
    this.#process.compiler.tell({ kind: 'answer', answer })
  }

  /** What new loggers write for gRPC access log services goes to the thread that sends it. */
  #passLogStreams(): void {
    const streams = this.#process.addon.takeAccessLogStreams()
    if (streams.length === 0) return
    this.#stats?.logStreams(() => Number(Atomics.load(new BigInt64Array(this.#sentLogs), 0)))
    this.#process.compiler.tell({ kind: 'log-streams', streams, sent: this.#sentLogs })
  }

  /** Layers that management servers fill have these values. */
  #runtimeDiscovered(layers: NonNullable<ConfigDelta['runtime']>): void {
    for (const { name, values } of layers) this.#discovered.set(name, values)
    this.#stats?.runtimeLoaded(this.runtimeLayers)
    void this.#publisher.publish([runtimePlan(this.runtimeLayers, this.#runtimeOverrides)])
  }

  /** Layers of the runtime with what they hold now, lowest first. */
  get runtimeLayers(): readonly RuntimeLayer[] {
    const { current } = this.#configuration
    return current === undefined ? [] : this.#layersOf(current)
  }

  /** The highest layer that has the key. */
  #runtimeValue(key: string): string | undefined {
    return this.runtimeLayers.findLast(({ values }) => values[key] !== undefined)?.values[key]
  }

  #layersOf({ runtime }: CompiledBootstrap): readonly RuntimeLayer[] {
    return runtime.map(layer => {
      if (layer.isAdmin) return { ...layer, values: this.#runtimeOverrides }
      return { ...layer, values: this.#discovered.get(layer.name) ?? layer.values }
    })
  }

  /** The thread that knew what management servers said is gone: another one asks them anew, and traffic goes on meanwhile. */
  #engineLost(reason: Error): void {
    this.#process.config.critical(`the configuration thread ended: ${reason.message}; another one takes its place`)
    void this.reload('its thread was lost')
  }

  #openStats(compiled: CompiledBootstrap): void {
    const { settings, flushIntervalMs, serverVersion } = compiled.stats
    const native = this.#process.addon as unknown as NativeStats
    this.#stats = new MainStats(new StatsStore(native, compileMatcher(settings.matcher)), this.#process.addon, {
      workers: this.workers,
      clock: backgroundClock,
      drainMs: this.#process.options.drainTimeS * 1000,
      flagsOf: cluster => this.#flagsOf(cluster),
    })
    // As Envoy: the first six digits of the revision.
    this.#stats.server.set('version', serverVersion ?? Number.parseInt(buildInfo().commit.slice(0, 6), 16))
    // As Envoy: one for a file, however many there are in it.
    if (compiled.hasUnknownFields) this.#stats.server.inc('static_unknown_fields')
    const connections = this.#process.log.component('connection')
    this.#noteTimer = setInterval(() => {
      for (const note of this.#process.addon.takeNotes()) connections.info(note)
    }, noteIntervalMs)
    this.#noteTimer.unref()
    if (flushIntervalMs > 0) {
      this.#flushTimer = setInterval(() => this.#stats?.flush(this.#facts), flushIntervalMs)
      this.#flushTimer.unref()
    }
  }

  #becomeLive(): void {
    this.#isLive = true
    const elapsed = performance.now() - this.#startedAt
    this.#stats?.liveAfter(elapsed)
    this.#stats?.updateProcess(this.#facts)
    this.#process.main.info(
      `all dependencies initialized. workers started, live after ${Math.round(performance.now())} ms`,
    )
  }

  #watchFile(file: string): void {
    this.#watch = new FileWatch({
      file,
      clock: systemClock,
      onChange: () => void this.reload(`${file} changed`),
      onError: message => this.#process.config.warning(message),
    })
  }

  /** A filter by its slot, for log lines. */
  #filterAt(slot: number): string {
    return this.#configuration.units.programAt(slot)?.name ?? '(of an earlier configuration)'
  }

  #whereabouts(index: number): string {
    const [calls = 0, slot = 0, stage = 0] = this.#process.addon.scriptActivity().slice(index * 3, index * 3 + 3)
    return calls % 2 === 0 ? '' : ` in ${hookNames[stage] ?? 'a hook'} of filter '${this.#filterAt(slot)}'`
  }

  #replaceHung(index: number, slot: number, hook: string): void {
    this.#process.log
      .component('filter')
      .critical(
        `filter '${this.#filterAt(slot)}' has kept worker ${index} in ${hook} for more than ${scriptLimitMs} ms; the thread is replaced, its connections stay`,
      )
    this.#pool.replace(index)
  }

  #adopted({ bootstrap, units, opened }: Adopted): void {
    const { main, options } = this.#process
    const held = this.#configuration.units
    const touches = (of: 'secrets' | 'tlsContexts' | 'programs') =>
      units.some(({ before, now }) => (before?.[of].length ?? 0) + (now?.[of].length ?? 0) > 0)
    if (touches('secrets')) this.#secrets.changed()
    if (bootstrap !== undefined) this.#outliers.logTo(bootstrap.now.outlierLogPath)
    this.#outliers.adopt(units)
    this.#stats?.adopt(units, opened)
    if (bootstrap !== undefined) {
      this.#process.addon.setConnectionLimit(bootstrap.now.connectionLimit)
      this.#stats?.runtimeAdopted(bootstrap.before, bootstrap.now)
      if (options.mode === 'serve') this.#inputs.set(bootstrap.now.inputs)
    }
    if (touches('secrets') || touches('tlsContexts')) this.#stats?.certificates(this.#certificates)
    // A breakpoint is no endless loop.
    if (touches('programs') && this.#process.options.inspect === undefined) this.#watchdog.watch(held.programs.size > 0)
    this.#passLogStreams()
    for (const { now } of units) {
      for (const { name, slot } of now?.listeners ?? []) {
        const listening = opened.get(slot)
        if (listening !== undefined)
          main.info(`listener '${name}' on ${listening.addresses.join(', ') || 'no socket of its own'}`)
      }
    }
  }

  get #certificates(): CertificatesInUse {
    const contexts = [...this.#configuration.units.all()].flatMap(unit => unit.tlsContexts)
    return { contexts, secrets: this.#configuration.units.secrets }
  }

  /** Reads the configuration again and puts it in place; a bad one is reported and changes nothing. */
  reload(reason: string): Promise<void> {
    // One that waits will see this change too.
    if (this.#isReloadQueued) return this.#reloading.then(() => undefined)
    this.#isReloadQueued = true
    const turn = this.#reloading.then(() => {
      this.#isReloadQueued = false
      return this.#reloadNow(reason)
    })
    this.#reloading = turn
    return turn.then(() => undefined)
  }

  /** Puts another bootstrap in the place of `--config-yaml`. The answer is what is wrong with it; then nothing has changed. */
  configure(yaml: string): Promise<Errors> {
    const turn = this.#reloading.then(async () => {
      const before = this.#process.yaml
      this.#process.yaml = yaml
      const errors = await this.#reloadNow('another one was given')
      if (errors.length > 0) this.#process.yaml = before
      return errors
    })
    this.#reloading = turn
    return turn
  }

  /** Where each listener listens, first address. */
  listeners(): ReadonlyMap<string, string> {
    const { units, listening } = this.#configuration
    return new Map(
      [...units.listeners.values()].flatMap(({ name, slot }) => {
        const address = listening.get(slot)?.addresses[0]
        return address === undefined ? [] : [[name, address] as const]
      }),
    )
  }

  /** Counters and gauges of whose names `part` is a part. */
  statistics(part: string): ReadonlyMap<string, number> {
    const values = [...this.#refreshedStats().scalars()].filter(({ name }) => name.includes(part))
    return new Map(values.map(({ name, value }) => [name, value]))
  }

  async #reloadNow(reason: string): Promise<Errors> {
    const { config } = this.#process
    config.info(`reloading the configuration: ${reason}`)
    const compiled = await this.#configuration.compile()
    const applied = compiled.ok ? await this.#configuration.apply(compiled.value) : compiled
    if (compiled.ok && applied.ok) {
      const { compiler } = this.#process
      if (compiled.value.isDynamic || compiler.stays)
        compiler.tell({ kind: 'adopted', units: [...this.#configuration.units.keys()] })
      compiler.stays = compiled.value.isDynamic
      for (const warning of compiled.value.warnings) config.warning(warning)
      this.#admin.reloaded(compiled.value)
      config.info('the new configuration is in use')
      return []
    }
    const errors = applied.ok ? [] : applied.error
    this.#stats?.reloadFailed()
    for (const error of errors) config.error(error)
    config.error('the configuration stays as it was')
    return errors
  }

  // The values are in place at once; what the compiler reads from the runtime (limits of a listener, say) follows.
  #modifyRuntime(overrides: Readonly<Record<string, string>>): void {
    this.#runtimeOverrides = overrides
    this.#stats?.runtimeLoaded(this.runtimeLayers)
    void this.#publisher.publish([runtimePlan(this.runtimeLayers, overrides)])
    void this.reload('the runtime was modified')
  }

  reopenLogs(): void {
    this.#process.sink.reopen()
    this.#admin.reopenLogs()
    this.#health.reopenLogs()
    this.#outliers.reopenLogs()
    this.#process.addon.reopenAccessLogs()
  }

  #uptimeS(): number {
    return (performance.now() - this.#startedAt) / 1000
  }

  #refreshedStats(): StatsStore {
    const stats = this.#stats
    if (stats === undefined) throw new Error('statistics are asked for before there are any')
    stats.refresh()
    return stats.store
  }

  get #facts(): ProcessFacts {
    return { state: this.state, uptimeS: this.#uptimeS(), residentBytes: process.memoryUsage.rss() }
  }

  /** Ends everything; access logs are on disk when it resolves. Requests under way end with the process, as in Envoy. */
  async stop(): Promise<void> {
    this.#process.main.warning('shutting down')
    this.#watch?.close()
    this.#inputs.close()
    this.#watchdog.close()
    clearInterval(this.#flushTimer)
    clearInterval(this.#noteTimer)
    this.#secrets.close()
    this.#dns.close()
    await this.#health.close()
    await this.#outliers.close()
    await this.#admin.close()
    await this.#pool.stop()
    this.#process.addon.flushAccessLogs()
    await this.#process.compiler.close()
    this.#process.main.info('exiting')
  }

  async #abort(): Promise<void> {
    this.#secrets.close()
    this.#dns.close()
    await this.#health.close()
    await this.#outliers.close()
    await this.#admin.close()
    this.#process.addon.flushAccessLogs()
  }
}
