import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** Address of a lua_State: of a script's main thread, or of one coroutine. */
export type LuaState = number
/** What Lua calls: takes its arguments from the stack, leaves results there, and returns how many. */
export type LuaCall = (state: LuaState) => number

/** The C API of Lua 5.1 as WebAssembly exports it (Lua 5.1 Reference Manual, chapters 3 and 4). Texts are addresses of bytes. */
export interface LuaCore {
  readonly HEAPU8: Uint8Array
  readonly HEAP32: Int32Array
  addFunction(call: LuaCall, signature: 'ii'): number
  _malloc(bytes: number): number
  _luaL_newstate(): LuaState
  _luaL_openlibs(state: LuaState): void
  _luaL_loadbuffer(state: LuaState, text: number, bytes: number, name: number): number
  _luaL_ref(state: LuaState, table: number): number
  _luaL_unref(state: LuaState, table: number, reference: number): void
  _luaL_where(state: LuaState, level: number): void
  _lua_close(state: LuaState): void
  _lua_concat(state: LuaState, count: number): void
  _lua_createtable(state: LuaState, items: number, fields: number): void
  _lua_error(state: LuaState): number
  _lua_getfield(state: LuaState, index: number, name: number): void
  _lua_gettop(state: LuaState): number
  _lua_newthread(state: LuaState): LuaState
  _lua_newuserdata(state: LuaState, bytes: number): number
  _lua_next(state: LuaState, index: number): number
  _lua_pcall(state: LuaState, given: number, wanted: number, handler: number): number
  _lua_pushboolean(state: LuaState, value: number): void
  _lua_pushcclosure(state: LuaState, call: number, upvalues: number): void
  _lua_pushlstring(state: LuaState, text: number, bytes: number): void
  _lua_pushnil(state: LuaState): void
  _lua_pushnumber(state: LuaState, value: number): void
  _lua_pushvalue(state: LuaState, index: number): void
  _lua_rawgeti(state: LuaState, index: number, key: number): void
  _lua_rawset(state: LuaState, index: number): void
  _lua_rawseti(state: LuaState, index: number, key: number): void
  _lua_resume(state: LuaState, given: number): number
  _lua_setfield(state: LuaState, index: number, name: number): void
  _lua_setmetatable(state: LuaState, index: number): number
  _lua_settop(state: LuaState, index: number): void
  _lua_toboolean(state: LuaState, index: number): number
  _lua_tolstring(state: LuaState, index: number, bytes: number): number
  _lua_tonumber(state: LuaState, index: number): number
  _lua_touserdata(state: LuaState, index: number): number
  _lua_type(state: LuaState, index: number): number
  _lua_yield(state: LuaState, count: number): number
}

export const registryIndex = -10_000
export const globalsIndex = -10_002

export const Type = { nil: 0, boolean: 1, number: 3, text: 4, table: 5, function: 6, userdata: 7 } as const
export const Status = { ok: 0, yielded: 1 } as const

/** `file`: the package's module. Node loads it, and not our bundle of the filter: its loader imports modules of Node while it runs. */
export async function loadCore(file: string): Promise<LuaCore> {
  const { LuaApi } = createRequire(file)(file) as { LuaApi: { initialize(file: string): Promise<{ module: LuaCore }> } }
  const { module } = await LuaApi.initialize(join(dirname(file), 'liblua5.1.wasm'))
  return module
}
