/** What every mode of the program is made of, and the mode that only checks. */
import type { Options } from '../command-line.js'
import { loadAddon, type NativeAddon } from '../native/addon.js'
import { emptySlots } from '../plan/ids.js'
import type { BootstrapSource } from '../snapshot/compile-task.js'
import type { EngineMessage } from '../snapshot/config-delta.js'
import { systemClock } from '../support/clock.js'
import { Log, type Logger } from '../support/log.js'
import { err, ok, type Result } from '../support/result.js'
import { buildInfo, userAgentMetadata } from './build-info.js'
import { CompileThread } from './compile-thread.js'
import type { Errors } from './configuration.js'
import { LogSink } from './log-sink.js'

/** What every mode needs: the log, the compile thread, the addon. */
export class Process {
  readonly options: Options
  readonly sink: LogSink
  readonly log: Log
  readonly main: Logger
  readonly config: Logger
  readonly compiler: CompileThread
  readonly addon: NativeAddon
  /** What --config-yaml says, or has been said since. */
  yaml: string
  /** Whoever serves listens; a check has nothing to hear. */
  onEngineMessage: (message: EngineMessage) => void = () => undefined
  onEngineLost: (reason: Error) => void = () => undefined

  constructor(options: Options) {
    this.options = options
    this.yaml = options.configYaml
    // First, because it takes longest and goes on in its own thread.
    this.compiler = new CompileThread({
      clock: systemClock,
      onMessage: message => this.onEngineMessage(message),
      onLost: reason => this.onEngineLost(reason),
    })
    this.compiler.warmUp()
    this.sink = new LogSink(options.logPath)
    this.log = new Log({
      level: options.logLevel,
      componentLevels: options.componentLogLevels,
      format: options.logFormat,
      isEscaped: options.logFormatEscaped,
      write: line => this.sink.write(line),
    })
    this.main = this.log.component('main')
    this.config = this.log.component('config')
    this.addon = loadAddon()
  }

  source(runtimeOverrides: Readonly<Record<string, string>> = {}): BootstrapSource {
    const { configPath, allowUnknownStaticFields, serviceNode, serviceCluster, serviceZone } = this.options
    const { rejectUnknownDynamicFields, ignoreUnknownDynamicFields } = this.options
    const node = { id: serviceNode, cluster: serviceCluster, zone: serviceZone }
    return {
      path: configPath,
      yaml: this.yaml,
      allowUnknownFields: allowUnknownStaticFields,
      node,
      runtimeOverrides,
      unknownDynamicFields: rejectUnknownDynamicFields ? 'refuse' : ignoreUnknownDynamicFields ? 'ignore' : 'count',
      build: userAgentMetadata(buildInfo().commit),
      drainMs: this.options.drainTimeS * 1000,
    }
  }

  initAddon(workers: number): void {
    const { fileFlushIntervalMsec, fileFlushMinSizeKb, drainTimeS, drainStrategy } = this.options
    this.addon.init({
      workers,
      fileFlushIntervalMs: fileFlushIntervalMsec,
      fileFlushMinSizeKb: fileFlushMinSizeKb === 0 ? 64 : fileFlushMinSizeKb,
      drainTimeMs: drainTimeS * 1000,
      drainGradual: drainStrategy === 'gradual',
    })
  }
}

/** `--mode validate` and `nuncio check`: what serving would refuse, without opening a socket. The value is what to warn about. */
export async function checkConfiguration(options: Options): Promise<Result<Errors, Errors>> {
  const base = new Process(options)
  const unfit = base.addon.selfTest()
  if (unfit !== undefined) return err([unfit])
  base.initAddon(0)
  const answer = await base.compiler.bootstrap({
    kind: 'bootstrap',
    source: { ...base.source(), isValidation: true },
    slots: emptySlots,
  })
  await base.compiler.close()
  if (answer.kind === 'refused') return err(answer.errors)
  const refused = answer.unit.plans.flatMap(({ kind, name, id, bytes }) => {
    const message = base.addon.putPlan(kind, name, id, bytes)
    return message === undefined ? [] : [`error: ${kind} '${name}': ${message}`]
  })
  return refused.length > 0 ? err(refused) : ok(answer.warnings)
}
