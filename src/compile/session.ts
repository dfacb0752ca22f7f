/** The configuration thread's memory: the bootstrap compiled last, and the engine while something comes from management servers. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DescMessage, fromBinary } from '@bufbuild/protobuf'
import type { ExtensionRegistry } from '../api/registry.js'
import type { Types } from '../config/index.js'
import type { Bootstrap } from '../generated/protos/envoy/config/bootstrap/v3/bootstrap_pb.js'
import type { ApiConfigSource, ConfigSource } from '../generated/protos/envoy/config/core/v3/config_source_pb.js'
import type { CompileDeps, CompiledConfig } from '../plan/compile.js'
import { type CompiledResource, compileListenerResource, openEnvironment } from '../plan/compile-resource.js'
import type { DiscoverySource } from '../plan/reference.js'
import { mergedRuntime } from '../plan/runtime.js'
import type { BootstrapSource } from '../snapshot/compile-task.js'
import type { ConfigUnit, EngineMessage, ToEngine } from '../snapshot/config-delta.js'
import { Log, type LogLevel } from '../support/log.js'
import { Channels } from '../xds/channels.js'
import { makeDiscoveryClient } from '../xds/client.js'
import { doorListener } from '../xds/door.js'
import type { Node } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import { AccessLogSender } from './access-log-sender.js'
import { Decoder } from './engine/decoder.js'
import { Engine, type EngineSettings } from './engine/engine.js'
import { staticThings } from './engine/static-things.js'
import { Statistics } from './engine/statistics.js'

export interface SessionOptions {
  readonly types: Types
  readonly registry: ExtensionRegistry
  readonly post: (message: EngineMessage) => void
}

interface Candidate {
  readonly settings: EngineSettings
  readonly source: BootstrapSource
  readonly isDynamic: boolean
  /** Of everything that a new client would be made for. */
  readonly sourcesKey: string
}

export class Session {
  readonly #options: SessionOptions
  readonly #statistics: Statistics
  #candidate: Candidate | undefined
  #current: Candidate | undefined
  #engine: Engine | undefined
  #sender: AccessLogSender | undefined
  #folder: string | undefined

  constructor(options: SessionOptions) {
    this.#options = options
    this.#statistics = new Statistics(changes => options.post({ kind: 'stats', changes }))
  }

  get engine(): Engine | undefined {
    return this.#engine
  }

  /** Keeps what was compiled, for when main says that it is in use. The answer is what takes effect without waiting. */
  compiled(
    bootstrap: Bootstrap,
    config: CompiledConfig,
    deps: CompileDeps,
    source: BootstrapSource,
  ): { readonly unit: ConfigUnit; readonly isDynamic: boolean } {
    const { types } = this.#options
    const things = staticThings(bootstrap, config, types, Date.now())
    const { sources: _positions, ...dynamicDeps } = deps
    const environment = openEnvironment(bootstrap, dynamicDeps, {
      unknownFields: source.unknownDynamicFields,
      runtime: mergedRuntime(config.runtimeLayers),
      hasCluster: name => things.names.clusters.has(name) || (this.#engine?.clusters.entries.has(name) ?? false),
    })
    const { dynamic } = config
    const isDynamic =
      dynamic.cds !== undefined ||
      dynamic.lds !== undefined ||
      config.sendsLogs ||
      dynamic.runtime.length > 0 ||
      things.clusters.length + things.listeners.length > 0
    const sourcesKey = JSON.stringify([dynamic, source.node, config.node], (_, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
    )
    const settings = { environment, dynamic, resolver: config.dnsResolver, things }
    this.#candidate = { settings, source, isDynamic, sourcesKey }
    return { unit: things.unit, isDynamic }
  }

  tell(message: ToEngine): void {
    switch (message.kind) {
      case 'adopted':
        return this.#adopt(message.units)
      case 'answer':
        return this.#engine?.answered(message.answer)
      case 'demand': {
        const { what, slot, name } = message
        if (this.#engine !== undefined) return this.#engine.demanded({ what, slot, name })
        return this.#options.post({ kind: 'settled-demand', what, slot, name, end: 'missing' })
      }
      case 'resolved':
        return this.#engine?.resolved(message.cluster)
      case 'log-streams':
        return this.#sendLogs(message)
    }
  }

  close(): void {
    this.#engine?.close()
    this.#sender?.close()
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true })
  }

  #adopt(units: readonly string[]): void {
    const next = this.#candidate
    this.#candidate = undefined
    if (next === undefined) return
    const before = this.#current
    this.#current = next
    if (this.#engine !== undefined && before?.sourcesKey === next.sourcesKey) return this.#engine.adopt(next.settings)
    this.#engine?.close()
    this.#engine = undefined
    const others = units.filter(key => key !== 'bootstrap')
    if (next.isDynamic) this.#start(next, others)
    else {
      // What management servers brought goes with them.
      if (others.length > 0) this.#options.post({ kind: 'delta', delta: { number: 0, units: [], removed: others } })
      this.#options.post({ kind: 'initialized' })
    }
  }

  #start({ settings, source }: Candidate, inherited: readonly string[]): void {
    const { post } = this.#options
    const log = this.#log()
    const decoder = new Decoder({
      environment: () => this.#engine?.settings.environment ?? settings.environment,
      onDecoded: ({ unknownFields, deprecatedFields }) => {
        if (unknownFields.length > 0)
          this.#statistics.inc('server', 'server', 'dynamic_unknown_fields', unknownFields.length)
        if (deprecatedFields > 0) this.#statistics.inc('runtime', 'runtime', 'deprecated_feature_use', deprecatedFields)
        for (const line of unknownFields) log.warning(line)
      },
    })
    const path = this.#doorPath()
    this.#engine = new Engine({
      settings,
      decoder,
      log,
      inherited,
      statistics: this.#statistics,
      client: this.#client(settings, source, decoder, path, log),
      door: this.#door(settings, path),
      send: delta => {
        const { slots } = settings.environment.deps
        post({ kind: 'delta', delta: { ...delta, newSlots: slots.takeAdded() } })
      },
      onInitialized: () => post({ kind: 'initialized' }),
      onSettledDemand: (demand, end) => post({ kind: 'settled-demand', ...demand, end }),
      time: Date.now,
      drainMs: source.drainMs,
    })
    this.#engine.start().catch((error: unknown) => {
      log.error(
        `dynamic configuration ended: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      )
      post({ kind: 'initialized' })
    })
  }

  #client(
    { environment, dynamic }: EngineSettings,
    source: BootstrapSource,
    decoder: Decoder,
    path: string,
    log: ReturnType<Log['component']>,
  ): ReturnType<typeof makeDiscoveryClient> {
    const { types } = this.#options
    const { deps } = environment
    const decode = <M>(typeName: string, bytes: Uint8Array): M =>
      fromBinary(types.message(`envoy.config.core.v3.${typeName}`) as DescMessage, bytes) as M
    const sourceOf = ({ bytes }: DiscoverySource) => decode<ConfigSource>('ConfigSource', bytes)
    return makeDiscoveryClient({
      types,
      log,
      node: environment.bootstrap.node as Node,
      adsConfig: dynamic.ads && decode<ApiConfigSource>('ApiConfigSource', dynamic.ads),
      nodeContextParams: dynamic.nodeContextParams,
      asksAuthorities: environment.runtime.get(authoritiesGuard) === 'true',
      configSources: dynamic.configSources.map(sourceOf),
      defaultConfigSource: dynamic.defaultConfigSource && sourceOf(dynamic.defaultConfigSource),
      files: deps.files,
      environment: deps.environment,
      reach: () => ({ path }),
      rejectUnknownFields: source.unknownDynamicFields === 'refuse',
      check: (type, resource) => decoder.check(type, resource),
      beforeSend: () => this.#statistics.flush(),
      onSharedStream: event => this.#statistics.controlPlane('control_plane', event),
    })
  }

  #sendLogs({ streams, sent }: Extract<ToEngine, { kind: 'log-streams' }>): void {
    const { types } = this.#options
    const current = this.#candidate ?? this.#current
    if (current === undefined) return // the thread was lost meanwhile; loggers drop what nobody takes
    const { environment } = current.settings
    const total = new BigInt64Array(sent)
    const path = this.#doorPath()
    const { files, environment: variables } = environment.deps
    const channels = new Channels({ types, files, environment: variables, reach: () => ({ path }) })
    this.#sender ??= new AccessLogSender({
      types,
      node: environment.bootstrap.node as Node,
      transport: service => channels.transport(service),
      onSent: entries => void Atomics.add(total, 0, BigInt(entries)),
    })
    for (const stream of streams) this.#sender.add(stream)
  }

  #door({ environment }: EngineSettings, path: string): CompiledResource | undefined {
    const compiled = compileListenerResource(doorListener(path, this.#options.types), environment)
    if (!compiled.ok) throw new Error(compiled.error.map(({ message }) => message).join('; '))
    return compiled.value
  }

  /** In a folder that nobody else may enter. */
  #doorPath(): string {
    this.#folder ??= mkdtempSync(join(tmpdir(), 'nuncio-'))
    return join(this.#folder, 'door')
  }

  #log(): ReturnType<Log['component']> {
    const { post } = this.#options
    return new Log({
      level: 'debug' satisfies LogLevel,
      format: '%l %v',
      write: text => {
        const [level = 'info', ...words] = text.trimEnd().split(' ')
        post({ kind: 'log', level: levelOf(level), line: words.join(' ') })
      },
    }).component('config')
  }
}

const authoritiesGuard = 'envoy.reloadable_features.xdstp_based_config_singleton_subscriptions'

const levelOf = (text: string): Extract<EngineMessage, { kind: 'log' }>['level'] =>
  text === 'debug' || text === 'warning' || text === 'error' ? text : 'info'
