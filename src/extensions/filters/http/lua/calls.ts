import { builtIn } from '../../../../api/built-in.js'
import { ClusterError, type ClusterResponse } from '../../../../api/clusters.js'
import { headerFields } from './classes.js'
import { type LuaState, Type } from './core.js'
import type { Handle, Push } from './handle.js'
import { LuaFailure, type LuaMachine } from './machine.js'

interface CallSettings {
  readonly timeoutMs: number
  readonly isAsync: boolean
  readonly keepsDuplicates: boolean
  readonly notForwarded: boolean
}

/** httpCall(cluster, headers, body, timeout, asynchronous) or (cluster, headers, body, options): gives way until the answer is whole. */
export function startCall(machine: LuaMachine, handle: Handle, state: LuaState): number {
  const cluster = machine.text(state, 2)
  const fields = headerFields(machine, state, 3)
  const body = machine.isNone(state, 4) ? undefined : machine.bytes(state, 4).slice()
  const settings = callSettings(machine, state)
  const pseudo = (name: string): string => fields.find(([known]) => known === name)?.[1] ?? ''
  const [method, path, authority] = [pseudo(':method'), pseudo(':path'), pseudo(':authority')]
  if (method === '' || path === '' || authority === '')
    throw new LuaFailure("http call headers must include ':path', ':method', and ':authority'")
  const options = builtIn.options({ timeoutMs: settings.timeoutMs, notForwarded: settings.notForwarded })
  const headers = fields.filter(([name]) => !name.startsWith(':') && name !== 'content-length')
  if (body !== undefined) headers.push(['content-length', String(body.length)])
  const { clusters } = handle.context
  const call = clusters.fetch(cluster, { ...options, method, path, authority, headers, ...(body && { body }) })
  if (!settings.isAsync) return handle.yield(state, answerTo(call, machine, settings))
  // Nobody waits for it, nor for how it ends.
  call.then(response => response.bytes()).catch(() => undefined)
  return 0
}

function callSettings(machine: LuaMachine, state: LuaState): CallSettings {
  const isTable = machine.type(state, 5) === Type.table
  const options = isTable ? Object.fromEntries(machine.entries(state, 5)) : {}
  const timeout = isTable ? (options.timeout_ms ?? 0) : machine.number(state, 5)
  if (typeof timeout !== 'number' || timeout < 0) throw new LuaFailure('http call timeout must be >= 0')
  return {
    timeoutMs: Math.floor(timeout),
    isAsync: isTable ? options.asynchronous === true : machine.boolean(state, 6),
    keepsDuplicates: options.return_duplicate_headers === true,
    notForwarded: options.send_xff === false,
  }
}

async function answerTo(
  call: Promise<ClusterResponse>,
  machine: LuaMachine,
  { keepsDuplicates }: CallSettings,
): Promise<Push> {
  let headers: [string, string][]
  let body: Uint8Array
  try {
    const response = await call
    headers = [[':status', String(response.status)], ...response.headers]
    body = await response.bytes()
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error
    if (error.code === 'no-cluster') throw new LuaFailure('http call cluster invalid. Must be configured')
    ;[headers, body] = ownAnswer(error)
  }
  const table: Record<string, string | string[]> = {}
  for (const [name, value] of headers) {
    const known = table[name]
    table[name] = known === undefined || !keepsDuplicates ? value : [known, value].flat()
  }
  return state => {
    machine.pushJson(state, table)
    return 1 + machine.pushJson(state, body.length === 0 ? undefined : body)
  }
}

/** What the proxy says where the cluster does not: as its router does, or for an answer that broke off as Envoy's filter. */
function ownAnswer({ code, flags }: ClusterError): [[string, string][], Uint8Array] {
  if (code === 'reset' || code === 'aborted') return [[[':status', '503']], Buffer.from('upstream failure')]
  const why =
    code === 'timeout'
      ? 'upstream request timeout'
      : flags.includes('UH')
        ? 'no healthy upstream'
        : 'upstream connect error or disconnect/reset before headers'
  const body = Buffer.from(why)
  const headers: [string, string][] = [
    [':status', code === 'timeout' ? '504' : '503'],
    ['content-length', String(body.length)],
    ['content-type', 'text/plain'],
  ]
  return [headers, body]
}
