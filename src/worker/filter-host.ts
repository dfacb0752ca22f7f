import type { FilterLog } from '../api/context.js'
import type { ScriptModule } from '../api/script-module.js'
import { evaluateModule, notAFilter } from '../script/module.js'
import { issueText, lazyConfigReader } from '../script/read-config.js'
import { StackMapper } from '../script/stack.js'
import { hookNames } from '../threads/hook-names.js'
import type { ScriptProgram } from '../threads/script-program.js'
import { ScriptAccessLogger } from './access-logger-program.js'
import { ScriptConnectionFilter } from './connection-program.js'
import type { GuestView } from './connection-view.js'
import { CallTable } from './call-table.js'
import { ClusterClient } from './cluster-client.js'
import { makeFilterContext } from './filter-context.js'
import { EntryWord, entryAt, FrameWord } from './head-frame.js'
import { ScriptHttpFilter } from './http-filter-program.js'
import { Outcome, type ScriptAddon, Stage } from './script-addon.js'
import { StreamParts } from './stream-parts.js'
import { StreamView } from './stream-view.js'
import { ScriptTracer } from './tracer-program.js'

interface Loaded {
  readonly id: string
  readonly code: string
  readonly file: string
  readonly definition: ScriptModule
  readonly filter: ScriptHttpFilter | ScriptConnectionFilter | ScriptAccessLogger | ScriptTracer
  readonly ended: AbortController
}

// The lower bits of a handle are the slot of the connection's filter in native code's table.
const slotMask = 0xffff
// Word of native code's Activity (native/script/script_set.h).
const activitySteps = 3

/**
 * The filters in TypeScript of one worker: builds them when a publish is prepared, runs their hooks when native code asks, and lets go of
 * those that no stream holds any more.
 */
export class FilterHost {
  readonly #addon: ScriptAddon
  readonly #streams: StreamParts
  readonly #index: number
  readonly #logLine: (level: keyof FilterLog, message: string) => void
  readonly #programs: (Loaded | undefined)[] = []
  readonly #byId = new Map<string, number>()
  readonly #free: number[] = []
  readonly #guests: (GuestView | undefined)[] = []
  readonly #call: Uint32Array
  readonly #activity: Uint32Array
  readonly #calls: CallTable
  readonly #clusters: ClusterClient

  constructor(addon: ScriptAddon, index: number, logLine: (level: keyof FilterLog, message: string) => void) {
    this.#addon = addon
    this.#streams = new StreamParts(addon)
    this.#index = index
    this.#logLine = logLine
    this.#calls = new CallTable(addon)
    this.#clusters = new ClusterClient(this.#calls)
    const [call, frame, activity] = addon.scriptHost(
      index,
      chunk => this.#dispatch(chunk),
      (...values) => this.#runHeads(values),
    )
    this.#call = new Uint32Array(call)
    this.#activity = new Uint32Array(activity)
    this.#streams.frame.attach(frame)
  }

  /** Builds what is not there yet of all that a version has. The answer is what went wrong, a line each; then nothing new stays. */
  async prepare(programs: readonly ScriptProgram[]): Promise<string[]> {
    this.abandonUnused(new Set(programs.map(program => program.id)))
    const fresh = programs.filter(program => !this.#byId.has(program.id))
    const errors: string[] = []
    for (const program of fresh) {
      const stack = new StackMapper(program.file, program.code)
      try {
        await this.#build(program, stack)
      } catch (error) {
        errors.push(`filter '${program.name}': ${stack.describe(error)}`)
      }
    }
    if (errors.length > 0) this.abandonUnused()
    return errors
  }

  /** Lets go of programs that no snapshot has adopted: their publish failed, or the next one came before this worker looked. */
  abandonUnused(except: ReadonlySet<string> = new Set()): void {
    for (const [id, at] of [...this.#byId]) if (!except.has(id) && !this.#addon.isProgramUsed(id)) this.#release(at)
  }

  async #build(program: ScriptProgram, stack: StackMapper): Promise<void> {
    const definition = this.#definitionOf(program)
    const config = (await lazyConfigReader(definition.config))(JSON.parse(program.config))
    if (!config.ok) throw new TypeError(config.error.map(issueText).join('; '))
    const ended = new AbortController()
    const times = this.#addon.statOpen('histogram', `${program.statPrefix}.hook_time_us`)
    const filter = await this.#instance(program, definition, config.value, ended.signal, stack, times)
    const at = this.#free.pop() ?? this.#programs.length
    this.#programs[at] = { id: program.id, code: program.code, file: program.file, definition, filter, ended }
    this.#byId.set(program.id, at)
    this.#addon.registerProgram(program.id, at, filter.hookMask, times)
  }

  /** What runs its hooks. Throws what `create` throws. */
  async #instance(
    program: ScriptProgram,
    definition: ScriptModule,
    config: unknown,
    signal: AbortSignal,
    stack: StackMapper,
    times: number,
  ): Promise<Loaded['filter']> {
    const addon = this.#addon
    const { name, statPrefix } = program
    const context = makeFilterContext({
      addon,
      name,
      statPrefix,
      workerIndex: this.#index,
      log: this.#logOf(name),
      signal,
      clusters: this.#clusters,
    })
    const failed = (stage: number, error: unknown) => {
      addon.statAdd(addon.statOpen('counter', `${statPrefix}.errors`), 1)
      this.#logLine('error', `filter '${name}' failed in ${hookNames[stage] ?? 'a hook'}: ${stack.describe(error)}`)
    }
    if (definition.kind === 'access-logger') return new ScriptAccessLogger({ definition, config, context, failed })
    if (definition.kind === 'tracer') return new ScriptTracer({ definition, config, context, failed })
    if (definition.kind !== 'http-filter')
      return new ScriptConnectionFilter({ addon, definition, config, context, failed })
    const readRoute = definition.routeConfig === undefined ? undefined : await lazyConfigReader(definition.routeConfig)
    const readRouteConfig = (json: unknown) => {
      const settings = readRoute?.(json)
      return settings?.ok === true ? settings.value : json
    }
    const took = (us: number) => addon.statAdd(times, us)
    const streams = this.#streams
    return new ScriptHttpFilter({ streams, name, definition, config, context, readRouteConfig, failed, took })
  }

  /** Filters of one version of a module share what it evaluated to, as importers of a module do. */
  #definitionOf(program: ScriptProgram): ScriptModule {
    const shared = this.#programs.find(loaded => loaded?.code === program.code && loaded.file === program.file)
    if (shared !== undefined) return shared.definition
    const exported = evaluateModule(program.code, program.file)
    const problem = notAFilter(exported)
    if (problem !== undefined) throw new TypeError(`${program.file}: ${problem}`)
    return exported as ScriptModule
  }

  #logOf(name: string): FilterLog {
    const at = (level: keyof FilterLog) => (message: string) => this.#logLine(level, `${name}: ${message}`)
    return { debug: at('debug'), info: at('info'), warning: at('warning'), error: at('error') }
  }

  /** The one way in for native code; what it wants stands in the shared block. */
  #dispatch(chunk: Uint8Array | undefined): number {
    const call = this.#call
    const stage = call[0] as number
    const program = call[1] as number
    const handle = call[2] as number
    if (stage === Stage.release) return this.#release(program)
    if (stage >= Stage.callHeaders && stage <= Stage.callWritable) {
      this.#calls.dispatch(stage, handle, call[3] !== 0, chunk)
      return Outcome.goOn
    }
    if (stage >= Stage.connection) return this.#connectionStage(stage, program, handle, call[3] === 1, chunk)
    let view = this.#streams.find(handle)
    if (view === undefined) {
      const loaded = this.#programs[program]
      if (loaded === undefined) return Outcome.failed
      view = new StreamView(loaded.filter as ScriptHttpFilter, handle)
      this.#streams.keep(view)
    }
    if (stage <= Stage.responseTrailers) return view.program.run(stage, view, chunk)
    return this.#settle(stage, view, chunk)
  }

  /** The way in for hooks of heads: those of filters that follow each other in a stream, and of several streams, in one call. */
  #runHeads(values: unknown[]): void {
    const { frame } = this.#streams
    const { words } = frame
    const activity = this.#activity
    const steps = activity[activitySteps] as number
    const count = words[FrameWord.entries] as number
    const stage = words[FrameWord.stage] as number
    let goesOn = false
    frame.open(values, stage)
    for (let i = 0; i < count; ++i) {
      const at = entryAt(i)
      const program = words[at + EntryWord.program] as number
      const ahead = words[at + EntryWord.values] as number
      if (ahead < 0 && !goesOn) {
        words[at + EntryWord.outcome] = Outcome.notRun
        continue
      }
      // Main sees which hook it is, and that it is another one.
      activity[activitySteps] = steps + i + 1
      const filter = this.#programs[program]?.filter as ScriptHttpFilter | undefined
      let outcome: number = Outcome.failed
      if (filter !== undefined) {
        if (ahead >= 0) frame.begin(filter.habits(stage), program, ahead & 0xffff, ahead >> 16)
        outcome = filter.runHead(stage, words[at + EntryWord.handle] as number, i)
      }
      goesOn = outcome === Outcome.goOn
      if (!goesOn) words[at + EntryWord.outcome] = outcome
      else if (frame.isBarred) goesOn = false
    }
    frame.close()
  }

  #connectionStage(
    stage: number,
    program: number,
    handle: number,
    isEnd: boolean,
    chunk: Uint8Array | undefined,
  ): number {
    const loaded = this.#programs[program]
    if (loaded === undefined) return Outcome.failed
    if (stage === Stage.log) {
      ;(loaded.filter as ScriptAccessLogger | ScriptTracer).run(chunk as Uint8Array, handle)
      return Outcome.goOn
    }
    const slot = handle & slotMask
    let view = this.#guests[slot]
    if (view === undefined || view.handle !== handle) {
      view = (loaded.filter as ScriptConnectionFilter).newView(handle)
      this.#guests[slot] = view
    }
    if (stage !== Stage.connectionClosed && stage !== Stage.acceptEnd)
      return view.program.run(stage, view, chunk, isEnd)
    this.#guests[slot] = undefined
    view.program.run(stage, view, undefined, true)
    view.end()
    return Outcome.goOn
  }

  #settle(stage: number, view: StreamView, chunk: Uint8Array | undefined): number {
    if (stage === Stage.complete) {
      this.#streams.forget(view.handle)
      view.program.run(stage, view, undefined)
      view.close()
      return Outcome.goOn
    }
    const side = stage === Stage.requestBody ? 'request' : 'response'
    const resolve = view.waiting?.[side]
    view.waiting = { ...view.waiting, [side]: undefined }
    resolve?.(chunk ?? new Uint8Array())
    return Outcome.goOn
  }

  #release(at: number): number {
    const loaded = this.#programs[at]
    if (loaded === undefined) return Outcome.goOn
    this.#programs[at] = undefined
    this.#free.push(at)
    this.#byId.delete(loaded.id)
    this.#addon.forgetProgram(loaded.id)
    loaded.ended.abort()
    return Outcome.goOn
  }
}
