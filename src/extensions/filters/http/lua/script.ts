import { readFileSync } from 'node:fs'
import { classesOf } from './classes.js'
import { globalsIndex, type LuaCall, type LuaState, registryIndex, Status } from './core.js'
import { LuaFailure, type LuaMachine } from './machine.js'
import { prelude } from './prelude.js'

export type Hook = 'envoy_on_request' | 'envoy_on_response'

interface Known {
  readonly name: string
  readonly methods: ReadonlyMap<string, number>
  readonly meta: ReadonlyMap<string, number>
}

/** What all scripts of a worker know, made once. */
export class LuaWorld {
  readonly machine: LuaMachine
  readonly #classes: readonly Known[]
  readonly #native: ReadonlyMap<string, number>
  readonly #bits: ReadonlyMap<string, number>

  constructor(machine: LuaMachine) {
    this.machine = machine
    const callables = (calls: Readonly<Record<string, LuaCall>> = {}): Map<string, number> =>
      new Map(Object.entries(calls).map(([name, call]) => [name, machine.callable(call)]))
    this.#classes = classesOf(machine).map(({ name, methods, meta }) => ({
      name,
      methods: callables(methods),
      meta: callables(meta),
    }))
    this.#native = callables({
      readFile: state => machine.pushJson(state, fileText(machine.text(state, 1))),
      environment: state => machine.pushJson(state, process.env[machine.text(state, 1)]),
    })
    this.#bits = callables(bitCalls(machine))
  }

  /** Throws a LuaFailure with Lua's words. */
  load(source: string): Script {
    const { machine } = this
    const state = machine.newState()
    for (const { name, methods, meta } of this.#classes) machine.define(state, name, methods, meta)
    machine.pushFunctions(state, this.#native)
    machine.pushFunctions(state, this.#bits)
    machine.core._lua_setfield(state, -2, machine.name('bit'))
    machine.run(state, prelude, '=prelude', 1)
    machine.core._lua_settop(state, 0)
    try {
      machine.run(state, source, source)
    } catch (error) {
      machine.core._lua_close(state)
      throw error
    }
    return new Script(machine, state)
  }
}

/** One text that was loaded: its globals last as long as the filter's version, for all streams of the worker. */
export class Script {
  readonly #machine: LuaMachine
  readonly #state: LuaState
  readonly #hooks: ReadonlySet<Hook>

  constructor(machine: LuaMachine, state: LuaState) {
    this.#machine = machine
    this.#state = state
    this.#hooks = new Set(
      (['envoy_on_request', 'envoy_on_response'] as const).filter(hook => machine.hasFunction(state, hook)),
    )
  }

  has(hook: Hook): boolean {
    return this.#hooks.has(hook)
  }

  start(hook: Hook): Coroutine {
    return new Coroutine(this.#machine, this.#state, hook)
  }

  close(): void {
    this.#machine.core._lua_close(this.#state)
  }
}

/** One call of a hook, which may give way and go on later. */
export class Coroutine {
  readonly #machine: LuaMachine
  readonly #parent: LuaState
  readonly #state: LuaState
  readonly #reference: number

  constructor(machine: LuaMachine, parent: LuaState, hook: Hook) {
    const { core } = machine
    this.#machine = machine
    this.#parent = parent
    this.#state = core._lua_newthread(parent)
    // Until it ends, so that it is not collected.
    this.#reference = core._luaL_ref(parent, registryIndex)
    core._lua_getfield(this.#state, globalsIndex, machine.name(hook))
  }

  /** `push` leaves what the call, or what it waited for, is given. True: it gave way once more. Throws a LuaFailure. */
  resume(push: (state: LuaState) => number): boolean {
    const { core } = this.#machine
    const status = core._lua_resume(this.#state, push(this.#state))
    if (status === Status.ok) return false
    if (status === Status.yielded) {
      core._lua_settop(this.#state, 0)
      return true
    }
    throw new LuaFailure(this.#machine.text(this.#state, -1))
  }

  end(): void {
    this.#machine.core._luaL_unref(this.#parent, registryIndex, this.#reference)
  }
}

function fileText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** LuaJIT's `bit`: numbers of 32 bits with a sign (LuaJIT docs, Lua BitOp). */
function bitCalls(machine: LuaMachine): Record<string, LuaCall> {
  const { core } = machine
  const of = (state: LuaState, index: number): number => machine.number(state, index) | 0
  const one =
    (apply: (value: number) => number): LuaCall =>
    state =>
      machine.pushJson(state, apply(of(state, 1)))
  const two =
    (apply: (value: number, by: number) => number): LuaCall =>
    state =>
      machine.pushJson(state, apply(of(state, 1), of(state, 2) & 31))
  const many =
    (apply: (left: number, right: number) => number): LuaCall =>
    state => {
      let value = of(state, 1)
      for (let i = 2; i <= core._lua_gettop(state); i++) value = apply(value, of(state, i))
      return machine.pushJson(state, value)
    }
  return {
    tobit: one(value => value),
    bnot: one(value => ~value),
    bswap: one(value => new DataView(Uint32Array.of(value).buffer).getInt32(0, false)),
    band: many((left, right) => left & right),
    bor: many((left, right) => left | right),
    bxor: many((left, right) => left ^ right),
    lshift: two((value, by) => value << by),
    rshift: two((value, by) => (value >>> by) | 0),
    arshift: two((value, by) => value >> by),
    rol: two((value, by) => (value << by) | (value >>> (32 - by))),
    ror: two((value, by) => (value >>> by) | (value << (32 - by))),
    tohex: state => {
      const digits = machine.isNone(state, 2) ? 8 : of(state, 2)
      const hex = (of(state, 1) >>> 0)
        .toString(16)
        .padStart(8, '0')
        .slice(-Math.min(8, Math.abs(digits)))
      return machine.pushJson(state, digits < 0 ? hex.toUpperCase() : hex)
    },
  }
}
