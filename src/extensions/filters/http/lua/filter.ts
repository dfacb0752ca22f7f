import type { Counter, FilterContext } from '../../../../api/context.js'
import { builtIn } from '../../../../api/built-in.js'
import type { Headers } from '../../../../api/headers.js'
import { type Awaitable, defineHttpFilter, type HookResult } from '../../../../api/http-filter.js'
import { settingsOf } from '../../../../api/typescript-filter.js'
import { loadCore } from './core.js'
import { Handle, type LuaStream, type Runs } from './handle.js'
import { LuaFailure, LuaMachine } from './machine.js'
import { Run } from './run.js'
import { type Hook, LuaWorld, type Script } from './script.js'
import type { RouteSettings, Settings } from './settings.js'

export default defineHttpFilter({
  name: 'envoy.filters.http.lua',
  config: settingsOf<Settings>(),
  routeConfig: settingsOf<RouteSettings>(),
  state: (): Runs => ({ request: undefined, response: undefined }),
  create(settings, context) {
    const filter = new LuaFilter(settings, context)
    return {
      onRequestHeaders: (head, stream) => filter.onHead('envoy_on_request', builtIn.stream(stream), head.headers),
      onRequestData: (chunk, { state }) => state.request?.onChunk(chunk),
      onRequestTrailers: (trailers, { state }) => state.request?.onTrailers(trailers),
      onResponseHeaders: (head, stream) => filter.onHead('envoy_on_response', builtIn.stream(stream), head.headers),
      onResponseData: (chunk, { state }) => state.response?.onChunk(chunk),
      onResponseTrailers: (trailers, { state }) => state.response?.onTrailers(trailers),
      onComplete({ state }) {
        state.request?.end()
        state.response?.end()
      },
    }
  },
})

// One for all filters of this worker, and for all versions of them that are made of the same text.
let world: Promise<LuaWorld> | undefined

class LuaFilter {
  readonly #settings: Settings
  readonly #context: FilterContext
  readonly #errors: Counter
  readonly #executions: Counter
  /** By their text; undefined: it cannot be loaded. */
  readonly #scripts = new Map<string, Script | undefined>()
  readonly #ready: Promise<void>
  #world: LuaWorld | undefined

  constructor(settings: Settings, context: FilterContext) {
    this.#settings = settings
    this.#context = context
    this.#errors = context.stats.counter('errors')
    this.#executions = context.stats.counter('executions')
    world ??= loadCore(settings.program).then(core => new LuaWorld(new LuaMachine(core)))
    this.#ready = world.then(loaded => {
      this.#world = loaded
      for (const source of [settings.source, ...Object.values(settings.sources)]) this.#script(loaded, source)
    })
    context.signal.addEventListener('abort', () => {
      for (const script of this.#scripts.values()) script?.close()
      this.#scripts.clear()
    })
  }

  onHead(hook: Hook, stream: LuaStream, headers: Headers): Awaitable<HookResult> {
    const source = this.#sourceFor(stream.routeConfig)
    if (source === '') return undefined
    // The first requests may be earlier than Lua is.
    if (this.#world === undefined) return this.#ready.then(() => this.#start(hook, source, stream, headers))
    return this.#start(hook, source, stream, headers)
  }

  #sourceFor(route: RouteSettings | undefined): string {
    const { source, sources } = this.#settings
    if (route === undefined) return source
    if (route.isOff) return ''
    if (route.source !== '') return route.source
    return route.name === '' ? source : (sources[route.name] ?? '')
  }

  #start(hook: Hook, source: string, stream: LuaStream, headers: Headers): Awaitable<HookResult> {
    if (this.#world === undefined || stream.signal.aborted) return undefined
    const script = this.#script(this.#world, source)
    if (script?.has(hook) !== true) return undefined
    this.#executions.inc()
    const isResponse = hook === 'envoy_on_response'
    const surroundings = { machine: this.#world.machine, context: this.#context, settings: this.#settings }
    const handle = new Handle(surroundings, stream, headers, isResponse)
    const run = new Run(handle, script.start(hook), why => this.#fail(`script log: ${why}`))
    stream.state[isResponse ? 'response' : 'request'] = run
    return run.onHead()
  }

  #script(world: LuaWorld, source: string): Script | undefined {
    if (source === '') return undefined
    if (this.#scripts.has(source)) return this.#scripts.get(source)
    let script: Script | undefined
    try {
      script = world.load(source)
    } catch (error) {
      if (!(error instanceof LuaFailure)) throw error
      this.#fail(`script load error: ${error.message}`)
    }
    this.#scripts.set(source, script)
    return script
  }

  #fail(why: string): void {
    this.#errors.inc()
    this.#context.log.error(why)
  }
}
