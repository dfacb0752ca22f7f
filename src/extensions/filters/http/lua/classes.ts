import type { Headers } from '../../../../api/headers.js'
import { type LuaCall, type LuaState, Type } from './core.js'
import { startCall } from './calls.js'
import { BodyBytes, Handle, HeaderMap } from './handle.js'
import { type LuaClass, LuaFailure, type LuaMachine } from './machine.js'
import { PublicKey, publicKeyOf, verify } from './signature.js'
import { ConnectionInfo, Metadata, metadataClasses } from './metadata.js'

/** All kinds of objects that Envoy gives to scripts (Envoy docs: Lua filter, "Stream handle API" and below). */
export function classesOf(machine: LuaMachine): readonly LuaClass[] {
  return [
    {
      name: 'StreamHandle',
      methods: { ...messages(machine), ...answers(machine), ...logs(machine), ...tools(machine) },
    },
    headerClass(machine),
    bodyClass(machine),
    { name: 'PublicKey', methods: {} },
    ...metadataClasses(machine),
  ]
}

type Methods = Record<string, LuaCall>

function handles(machine: LuaMachine): (state: LuaState) => Handle {
  return state => machine.object(state, 1, Handle)
}

function messages(machine: LuaMachine): Methods {
  const self = handles(machine)
  const { core } = machine
  const nil = (state: LuaState): number => machine.pushJson(state, undefined)
  const pushBody = (handle: Handle, state: LuaState, bytes: Uint8Array): number =>
    handle.push(
      state,
      'Body',
      new BodyBytes(bytes, changed => {
        if (handle.isHeadGone) throw new LuaFailure('the body has gone on')
        handle.body.replace(changed)
      }),
    )
  return {
    headers: state => {
      const handle = self(state)
      return handle.push(state, 'HeaderMap', new HeaderMap(handle, handle.headers))
    },
    trailers: state => {
      const handle = self(state)
      if (handle.trailers !== undefined) return handle.push(state, 'HeaderMap', new HeaderMap(handle, handle.trailers))
      return handle.body.isComplete ? nil(state) : handle.yield(state, 'trailers')
    },
    body: state => {
      const handle = self(state)
      const always = machine.boolean(state, 2)
      if (handle.isHeadGone) throw new LuaFailure('cannot call body() after body streaming has started')
      const { body } = handle
      if (body.isComplete && !always) return nil(state)
      return handle.yield(
        state,
        body
          .buffer(body.limitBytes)
          .then(bytes => resumed => (bytes.length === 0 && !always ? nil(resumed) : pushBody(handle, resumed, bytes))),
      )
    },
    // An iterator: a function, what it is given, nothing to begin with.
    bodyChunks: state => {
      self(state)
      core._lua_getfield(state, 1, machine.name('nextChunk'))
      core._lua_pushvalue(state, 1)
      core._lua_pushnil(state)
      return 3
    },
    nextChunk: state => {
      const handle = self(state)
      return handle.body.isComplete ? nil(state) : handle.yield(state, 'chunk')
    },
  }
}

function answers(machine: LuaMachine): Methods {
  const self = handles(machine)
  return {
    respond: state => {
      const handle = self(state)
      if (handle.isResponse) throw new LuaFailure('respond() not currently supported in the response path')
      if (handle.isHeadGone) throw new LuaFailure('respond() cannot be called if headers have been continued')
      const fields = headerFields(machine, state, 2)
      const status = Number(fields.find(([name]) => name === ':status')?.[1])
      if (!(status >= 200 && status < 600)) throw new LuaFailure(':status must be between 200-599')
      const body = machine.isNone(state, 3) ? '' : machine.bytes(state, 3).slice()
      const headers: Record<string, string[]> = {}
      for (const [name, value] of fields) if (name !== ':status') headers[name] = [...(headers[name] ?? []), value]
      handle.stream.followReply()
      handle.reply = handle.stream.reply(status, body, headers, 'lua_response')
      return handle.yield(state, 'nothing')
    },
    httpCall: state => startCall(machine, self(state), state),
  }
}

/** A table of headers; a table as a value is several values. */
export function headerFields(machine: LuaMachine, state: LuaState, index: number): [name: string, value: string][] {
  return machine.entries(state, index).flatMap(([name, value]) =>
    (Array.isArray(value) ? (value as unknown[]) : [value]).map((one): [string, string] => {
      if (typeof one !== 'string' && typeof one !== 'number')
        throw new LuaFailure('header values must be strings or tables of strings')
      return [name.toLowerCase(), String(one)]
    }),
  )
}

function logs(machine: LuaMachine): Methods {
  const log =
    (level: 'debug' | 'info' | 'warning' | 'error'): LuaCall =>
    state => {
      machine.object(state, 1, Handle).context.log[level](`script log: ${machine.text(state, 2)}`)
      return 0
    }
  return {
    logTrace: log('debug'),
    logDebug: log('debug'),
    logInfo: log('info'),
    logWarn: log('warning'),
    logErr: log('error'),
    logCritical: log('error'),
  }
}

function tools(machine: LuaMachine): Methods {
  const self = handles(machine)
  const { core } = machine
  const text = (state: LuaState, value: string): number => machine.pushJson(state, value)
  const isMicro = (state: LuaState): boolean => !machine.isNone(state, 2) && machine.number(state, 2) === 1
  return {
    metadata: state => {
      const handle = self(state)
      const all = JSON.parse(handle.stream.fact('routeMetadata') || '{}') as Record<string, object>
      return handle.push(state, 'Metadata', new Metadata(all[handle.settings.name] ?? {}))
    },
    filterContext: state => {
      const handle = self(state)
      return handle.push(state, 'Metadata', new Metadata(handle.filterContext))
    },
    streamInfo: state => {
      const handle = self(state)
      return handle.push(state, 'StreamInfo', handle)
    },
    connection: state => {
      const handle = self(state)
      return handle.push(state, 'Connection', new ConnectionInfo(handle))
    },
    connectionStreamInfo: state => {
      const handle = self(state)
      return handle.push(state, 'ConnectionStreamInfo', new ConnectionInfo(handle))
    },
    clearRouteCache: state => {
      const handle = self(state)
      if (handle.isResponse) throw new LuaFailure('clearRouteCache() can only be called in the request path')
      handle.stream.refreshRoute()
      return 0
    },
    setUpstreamOverrideHost: () => {
      throw new LuaFailure('setUpstreamOverrideHost() is not supported yet')
    },
    base64Escape: state => text(state, Buffer.from(machine.bytes(state, 2)).toString('base64')),
    timestamp: state => {
      const ms = self(state).context.clock.wallMs()
      core._lua_pushnumber(state, isMicro(state) ? Math.round(ms * 1000) : Math.floor(ms))
      return 1
    },
    timestampString: state => {
      const ms = self(state).context.clock.wallMs()
      return text(state, String(isMicro(state) ? Math.round(ms * 1000) : Math.floor(ms)))
    },
    importPublicKey: state => {
      const handle = self(state)
      return handle.push(state, 'PublicKey', publicKeyOf(machine.bytes(state, 2).slice(0, machine.number(state, 3))))
    },
    verifySignature: state => {
      const key = machine.object(state, 3, PublicKey)
      const signature = machine.bytes(state, 4).slice(0, machine.number(state, 5))
      const data = machine.bytes(state, 6).slice(0, machine.number(state, 7))
      const why = verify(machine.text(state, 2), key, signature, data)
      core._lua_pushboolean(state, why === '' ? 1 : 0)
      return 1 + text(state, why)
    },
  }
}

function headerClass(machine: LuaMachine): LuaClass {
  const { core } = machine
  const self = (state: LuaState): HeaderMap => machine.object(state, 1, HeaderMap)
  // As in Envoy, nothing at all where there is none.
  const json = (state: LuaState, value: unknown): number => (value === undefined ? 0 : machine.pushJson(state, value))
  const all = (headers: Headers, name: string): string | undefined => {
    const values = headers.getAll(name)
    return values.length === 0 ? undefined : values.join(',')
  }
  return {
    name: 'HeaderMap',
    methods: {
      add: state => {
        self(state).open.append(machine.text(state, 2), machine.text(state, 3))
        return 0
      },
      get: state => json(state, all(self(state).headers, machine.text(state, 2))),
      getAtIndex: state => json(state, self(state).headers.getAll(machine.text(state, 2))[machine.number(state, 3)]),
      getNumValues: state => {
        core._lua_pushnumber(state, self(state).headers.getAll(machine.text(state, 2)).length)
        return 1
      },
      replace: state => {
        const headers = self(state).open
        const name = machine.text(state, 2)
        // As in Envoy: behind all others, but for those that it has a place for.
        if (!name.startsWith(':')) headers.delete(name)
        headers.set(name, machine.text(state, 3))
        return 0
      },
      remove: state => {
        self(state).open.delete(machine.text(state, 2))
        return 0
      },
      setHttp1ReasonPhrase: () => {
        throw new LuaFailure('setHttp1ReasonPhrase() is not supported yet')
      },
    },
    meta: { __pairs: state => machine.pushJson(state, [...self(state).headers]) },
  }
}

function bodyClass(machine: LuaMachine): LuaClass {
  const { core } = machine
  const self = (state: LuaState): BodyBytes => machine.object(state, 1, BodyBytes)
  return {
    name: 'Body',
    methods: {
      length: state => {
        core._lua_pushnumber(state, self(state).bytes.length)
        return 1
      },
      getBytes: state => {
        const { bytes } = self(state)
        const from = machine.number(state, 2)
        const length = machine.number(state, 3)
        if (!(from >= 0 && length >= 0 && from + length <= bytes.length))
          throw new LuaFailure('index/length must be >= 0 and (index + length) must be <= buffer size')
        machine.pushBytes(state, bytes.subarray(from, from + length))
        return 1
      },
      setBytes: state => {
        const body = self(state)
        if (machine.type(state, 2) !== Type.text) throw new LuaFailure('bad argument #2: a string is expected')
        body.set(machine.bytes(state, 2).slice())
        core._lua_pushnumber(state, body.bytes.length)
        return 1
      },
    },
  }
}
