import type { JsonObject } from '@bufbuild/protobuf'
import type { Body } from '../../../../api/body.js'
import { builtIn, type BuiltInStream } from '../../../../api/built-in.js'
import type { FilterContext } from '../../../../api/context.js'
import type { Headers } from '../../../../api/headers.js'
import type { LocalReply, Stream } from '../../../../api/stream.js'
import type { LuaState } from './core.js'
import { LuaFailure, type LuaMachine } from './machine.js'
import type { Run } from './run.js'
import type { RouteSettings, Settings } from './settings.js'

export type LuaStream = Stream<Runs, RouteSettings> & BuiltInStream

/** What each stream keeps: a script at work on the request, one on the response. */
export interface Runs {
  request: Run | undefined
  response: Run | undefined
}

/** Leaves what the script waited for on its stack; the number of values. */
export type Push = (state: LuaState) => number
/** What a script that gave way waits for. */
export type Wait = 'chunk' | 'trailers' | 'nothing' | Promise<Push>

/** What all handles of one filter share. */
export interface Surroundings {
  readonly machine: LuaMachine
  readonly context: FilterContext
  readonly settings: Settings
}

/** One direction of one stream as a script has it: `request_handle`, `response_handle`. */
export class Handle {
  readonly machine: LuaMachine
  readonly context: FilterContext
  readonly settings: Settings
  readonly stream: LuaStream
  readonly headers: Headers
  readonly isResponse: boolean
  /** Of the filter, or in its place of the route. */
  readonly filterContext: JsonObject
  /** The head has gone on: nobody can change it now. */
  isHeadGone = false
  /** Headers that a route may depend on were changed. */
  isChanged = false
  trailers: Headers | undefined
  reply: LocalReply | undefined
  wait: Wait | undefined
  readonly #objects: number[] = []

  constructor({ machine, context, settings }: Surroundings, stream: LuaStream, headers: Headers, isResponse: boolean) {
    this.machine = machine
    this.context = context
    this.settings = settings
    this.stream = stream
    this.headers = headers
    this.isResponse = isResponse
    const own = stream.routeConfig?.context ?? {}
    this.filterContext = Object.keys(own).length > 0 ? own : settings.context
  }

  get body(): Body {
    return this.isResponse ? this.stream.responseBody : this.stream.requestBody
  }

  /** A fact of the stream; empty where there is none. */
  fact(name: string): string {
    const text = this.stream.format(builtIn.context(this.context).tool(this.settings.facts[name] ?? ''))
    return text === '-' ? '' : text
  }

  /** The script gives way until `wait` is there. What its call returns to Lua. */
  yield(state: LuaState, wait: Wait): number {
    this.wait = wait
    return this.machine.core._lua_yield(state, 0)
  }

  /** Gives the script an object that lives as long as this. */
  push(state: LuaState, className: string, object: object): 1 {
    this.#objects.push(this.machine.pushObject(state, className, object))
    return 1
  }

  close(): void {
    for (const object of this.#objects) this.machine.release(object)
    this.#objects.length = 0
  }
}

/** Headers or trailers; those of the handle's own head until it has gone on. */
export class HeaderMap {
  readonly handle: Handle
  readonly headers: Headers
  readonly #isHead: boolean

  constructor(handle: Handle, headers: Headers) {
    this.handle = handle
    this.headers = headers
    this.#isHead = headers === handle.headers
  }

  /** To be changed. */
  get open(): Headers {
    if (this.#isHead && this.handle.isHeadGone) throw new LuaFailure('header map can no longer be modified')
    if (this.#isHead) this.handle.isChanged = true
    return this.headers
  }
}

/** Bytes of a body: all of it, or one chunk. */
export class BodyBytes {
  bytes: Uint8Array
  readonly #changed: ((bytes: Uint8Array) => void) | undefined

  constructor(bytes: Uint8Array, changed?: (bytes: Uint8Array) => void) {
    this.bytes = bytes
    this.#changed = changed
  }

  set(bytes: Uint8Array): void {
    if (this.#changed === undefined) throw new LuaFailure('this body cannot be changed')
    this.bytes = bytes
    this.#changed(bytes)
  }
}
