import { globalsIndex, type LuaCall, type LuaCore, type LuaState, registryIndex, Status, Type } from './core.js'

/** What a call from Lua ends with: the script sees an error. */
export class LuaFailure extends Error {}

/** A kind of object that scripts hold; `methods` take it as their first argument. */
export interface LuaClass {
  readonly name: string
  readonly methods: Readonly<Record<string, LuaCall>>
  /** Metamethods by their names, `__pairs` and `__len` among them. */
  readonly meta?: Readonly<Record<string, LuaCall>>
}

// Deeper tables are cut off: a table may hold itself.
const maxDepth = 32
const scratchBytes = 64 * 1024

/** Lua 5.1 in this worker: values between it and JavaScript. All scripts of the worker share its memory, each has a state of its own. */
export class LuaMachine {
  readonly core: LuaCore
  readonly #names = new Map<string, number>()
  readonly #objects = new Map<number, object>()
  readonly #encoder = new TextEncoder()
  readonly #decoder = new TextDecoder()
  readonly #size: number
  #scratch: number
  #scratchBytes = scratchBytes
  #last = 0

  constructor(core: LuaCore) {
    this.core = core
    this.#scratch = core._malloc(scratchBytes)
    this.#size = core._malloc(4)
  }

  // ---- to Lua

  pushText(state: LuaState, text: string): void {
    // A character of UTF-16 has at most three bytes.
    const room = this.#room(text.length * 3)
    const { written } = this.#encoder.encodeInto(text, this.core.HEAPU8.subarray(room, room + text.length * 3))
    this.core._lua_pushlstring(state, room, written)
  }

  pushBytes(state: LuaState, bytes: Uint8Array): void {
    const room = this.#room(bytes.length)
    this.core.HEAPU8.set(bytes, room)
    this.core._lua_pushlstring(state, room, bytes.length)
  }

  /** A value of JSON; objects and lists become tables. One value on the stack. */
  pushJson(state: LuaState, value: unknown): 1 {
    const { core } = this
    if (typeof value === 'string') this.pushText(state, value)
    else if (typeof value === 'number') core._lua_pushnumber(state, value)
    else if (typeof value === 'boolean') core._lua_pushboolean(state, value ? 1 : 0)
    else if (value instanceof Uint8Array) this.pushBytes(state, value)
    else if (Array.isArray(value)) {
      core._lua_createtable(state, value.length, 0)
      for (const [i, item] of value.entries()) {
        this.pushJson(state, item)
        core._lua_rawseti(state, -2, i + 1)
      }
    } else if (typeof value === 'object' && value !== null) {
      core._lua_createtable(state, 0, 0)
      for (const [name, item] of Object.entries(value)) {
        this.pushText(state, name)
        this.pushJson(state, item)
        core._lua_rawset(state, -3)
      }
    } else core._lua_pushnil(state)
    return 1
  }

  /** An object of a class that was defined in this state. Its number, for `release`. */
  pushObject(state: LuaState, className: string, object: object): number {
    const { core } = this
    this.#last++
    this.#objects.set(this.#last, object)
    const at = core._lua_newuserdata(state, 4)
    core.HEAP32[at >> 2] = this.#last
    core._lua_getfield(state, registryIndex, this.name(className))
    core._lua_setmetatable(state, -2)
    return this.#last
  }

  /** What scripts still hold of it is dead. */
  release(number: number): void {
    this.#objects.delete(number)
  }

  // ---- from Lua

  type(state: LuaState, index: number): number {
    return this.core._lua_type(state, index)
  }

  isNone(state: LuaState, index: number): boolean {
    return this.type(state, index) <= Type.nil
  }

  /** Text of a string or a number. Throws a LuaFailure for all else. */
  text(state: LuaState, index: number): string {
    return this.#decoder.decode(this.bytes(state, index))
  }

  /** Valid until Lua runs on. */
  bytes(state: LuaState, index: number): Uint8Array {
    const type = this.type(state, index)
    if (type !== Type.text && type !== Type.number) throw new LuaFailure(`bad argument #${index}: a string is expected`)
    const at = this.core._lua_tolstring(state, index, this.#size)
    return this.core.HEAPU8.subarray(at, at + (this.core.HEAP32[this.#size >> 2] ?? 0))
  }

  number(state: LuaState, index: number): number {
    const type = this.type(state, index)
    if (type !== Type.number && type !== Type.text) throw new LuaFailure(`bad argument #${index}: a number is expected`)
    return this.core._lua_tonumber(state, index)
  }

  boolean(state: LuaState, index: number): boolean {
    return this.core._lua_toboolean(state, index) !== 0
  }

  object<T extends object>(state: LuaState, index: number, kind: abstract new (...given: never[]) => T): T {
    const at = this.type(state, index) === Type.userdata ? this.core._lua_touserdata(state, index) : 0
    if (at === 0) throw new LuaFailure(`bad argument #${index}: a ${kind.name} is expected`)
    const object = this.#objects.get(this.core.HEAP32[at >> 2] ?? 0)
    if (object === undefined) throw new LuaFailure('object used outside of proper scope')
    if (!(object instanceof kind)) throw new LuaFailure(`bad argument #${index}: a ${kind.name} is expected`)
    return object
  }

  /** Tables become objects, or lists where their keys are 1, 2, 3 … Throws a LuaFailure for functions and the like. */
  json(state: LuaState, index: number, depth = 0): unknown {
    switch (this.type(state, index)) {
      case Type.text:
        return this.text(state, index)
      case Type.number:
        return this.number(state, index)
      case Type.boolean:
        return this.boolean(state, index)
      case Type.table:
        return this.#table(state, index, depth)
      case Type.nil:
        return null
      default:
        throw new LuaFailure('unsupported value type')
    }
  }

  /** Entries of a table in Lua's order; keys as text. */
  entries(state: LuaState, index: number, depth = 0): [string, unknown][] {
    if (this.type(state, index) !== Type.table) throw new LuaFailure(`bad argument #${index}: a table is expected`)
    if (depth > maxDepth) throw new LuaFailure('a table is nested too deeply')
    const { core } = this
    const at = index < 0 ? core._lua_gettop(state) + 1 + index : index
    const found: [string, unknown][] = []
    core._lua_pushnil(state)
    while (core._lua_next(state, at) !== 0) {
      // A copy: to take a number as text changes it, and lua_next goes by the key.
      core._lua_pushvalue(state, -2)
      found.push([this.text(state, -1), this.json(state, -2, depth + 1)])
      core._lua_settop(state, -3)
    }
    return found
  }

  #table(state: LuaState, index: number, depth: number): unknown {
    const entries = this.entries(state, index, depth)
    const isList = entries.length > 0 && entries.every(([key], i) => key === String(i + 1))
    return isList ? entries.map(([, value]) => value) : Object.fromEntries(entries)
  }

  // ---- programs

  /** Address of a name, kept for ever: names are few. */
  name(text: string): number {
    let at = this.#names.get(text)
    if (at === undefined) {
      const bytes = this.#encoder.encode(`${text}\0`)
      at = this.core._malloc(bytes.length)
      this.core.HEAPU8.set(bytes, at)
      this.#names.set(text, at)
    }
    return at
  }

  newState(): LuaState {
    const state = this.core._luaL_newstate()
    this.core._luaL_openlibs(state)
    return state
  }

  /** Compiles and runs a text, which is given the values on the stack. Throws a LuaFailure. */
  run(state: LuaState, source: string, name: string, given = 0): void {
    const bytes = this.#encoder.encode(source)
    const room = this.#room(bytes.length)
    this.core.HEAPU8.set(bytes, room)
    if (this.core._luaL_loadbuffer(state, room, bytes.length, this.name(name)) !== Status.ok) this.#fail(state)
    // The function goes below what it is given.
    const { core } = this
    const function_ = core._lua_gettop(state)
    for (let i = given; i > 0; i--) core._lua_pushvalue(state, function_ - i)
    if (core._lua_pcall(state, given, 0, 0) !== Status.ok) this.#fail(state)
  }

  #fail(state: LuaState): never {
    const why = this.text(state, -1)
    this.core._lua_settop(state, -2)
    throw new LuaFailure(why)
  }

  /** Makes a function of JavaScript one that Lua can call; what it throws becomes Lua's error. For ever. */
  callable(call: LuaCall): number {
    const { core } = this
    return core.addFunction(state => {
      let failure: string
      try {
        return call(state)
      } catch (error) {
        // Others are Lua's own jumps, which pass through here.
        if (!(error instanceof LuaFailure || error instanceof TypeError || error instanceof RangeError)) throw error
        failure = error.message
      }
      core._luaL_where(state, 1)
      this.pushText(state, failure)
      core._lua_concat(state, 2)
      return core._lua_error(state)
    }, 'ii')
  }

  /** Makes the class known to a state; `calls` are its methods as `callable` gave them. */
  define(state: LuaState, name: string, methods: ReadonlyMap<string, number>, meta: ReadonlyMap<string, number>): void {
    const { core } = this
    core._lua_createtable(state, 0, 2)
    this.pushFunctions(state, methods)
    core._lua_setfield(state, -2, this.name('__index'))
    for (const [key, call] of meta) {
      core._lua_pushcclosure(state, call, 0)
      core._lua_setfield(state, -2, this.name(key))
    }
    core._lua_setfield(state, registryIndex, this.name(name))
  }

  hasFunction(state: LuaState, name: string): boolean {
    this.core._lua_getfield(state, globalsIndex, this.name(name))
    const isThere = this.type(state, -1) === Type.function
    this.core._lua_settop(state, -2)
    return isThere
  }

  /** A table of functions on the stack. */
  pushFunctions(state: LuaState, functions: ReadonlyMap<string, number>): void {
    this.core._lua_createtable(state, 0, functions.size)
    for (const [name, call] of functions) {
      this.core._lua_pushcclosure(state, call, 0)
      this.core._lua_setfield(state, -2, this.name(name))
    }
  }

  /** Room for bytes on their way to Lua; Lua copies them. */
  #room(bytes: number): number {
    if (bytes > this.#scratchBytes) {
      this.#scratchBytes = bytes * 2
      // The old one is left: this comes a few times only, for each twice as large.
      this.#scratch = this.core._malloc(this.#scratchBytes)
    }
    return this.#scratch
  }
}
