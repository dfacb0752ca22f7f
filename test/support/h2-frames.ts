// HTTP/2 as bytes (RFC 9113), for clients and upstreams that break its rules or must know which frames came.
import type { UpstreamConnection } from './fake-upstream.js'
import type { RawClient } from './raw-client.js'
import type { Changing } from './wait.js'

export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

const names = [
  'DATA',
  'HEADERS',
  'PRIORITY',
  'RST_STREAM',
  'SETTINGS',
  'PUSH_PROMISE',
  'PING',
  'GOAWAY',
  'WINDOW_UPDATE',
  'CONTINUATION',
] as const
export type FrameName = (typeof names)[number]
/** A frame type of Envoy's own. */
const METADATA = 0x4d
const END_METADATA = 4

const errors = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
]

export const END_STREAM = 1
export const ACK = 1
export const END_HEADERS = 4

export interface Frame {
  readonly name: FrameName | 'METADATA' | 'UNKNOWN'
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

/** Bytes as a latin1 string, as RawClient.send takes them. */
export function frame(name: FrameName, flags: number, stream: number, payload: Buffer | string = ''): string {
  const body = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload
  const head = Buffer.alloc(9)
  head.writeUIntBE(body.length, 0, 3)
  head[3] = names.indexOf(name)
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, body]).toString('latin1')
}

/** A map beside the message; `payload` instead of fields: anything. */
export function metadata(stream: number, payload: string, flags = END_METADATA): string {
  const out = Buffer.from(frame('DATA', flags, stream, payload), 'latin1')
  out[3] = METADATA
  return out.toString('latin1')
}

function number32(value: number): Buffer {
  const out = Buffer.alloc(4)
  out.writeUInt32BE(value)
  return out
}

export function settings(...pairs: readonly (readonly [number, number])[]): string {
  const payload = Buffer.alloc(pairs.length * 6)
  for (const [index, [id, value]] of pairs.entries()) {
    payload.writeUInt16BE(id, index * 6)
    payload.writeUInt32BE(value, index * 6 + 2)
  }
  return frame('SETTINGS', 0, 0, payload)
}

export const settingsAck: string = frame('SETTINGS', ACK, 0)
export const resetStream = (stream: number, code: number): string => frame('RST_STREAM', 0, stream, number32(code))
export const windowUpdate = (stream: number, by: number): string => frame('WINDOW_UPDATE', 0, stream, number32(by))
export const goAway = (last: number, code: number): string =>
  frame('GOAWAY', 0, 0, Buffer.concat([number32(last), number32(code)]))
export const data = (stream: number, text: string, flags = 0): string => frame('DATA', flags, stream, text)

/** A header block of literals that touch no table (RFC 7541 section 6.2.2); texts up to 126 bytes. */
export function fields(...lines: readonly (readonly [string, string])[]): string {
  const text = (value: string): string => String.fromCharCode(value.length) + value
  return lines.map(([name, value]) => `\0${text(name)}${text(value)}`).join('')
}

export function headers(stream: number, flags: number, ...lines: readonly (readonly [string, string])[]): string {
  return frame('HEADERS', flags | END_HEADERS, stream, fields(...lines))
}

/** GET of `path` from authority `a`. */
export function get(stream: number, path = '/', ...more: readonly (readonly [string, string])[]): string {
  return headers(
    stream,
    END_STREAM,
    [':method', 'GET'],
    [':scheme', 'http'],
    [':authority', 'a'],
    [':path', path],
    ...more,
  )
}

export function parse(bytes: Buffer): Frame[] {
  const out: Frame[] = []
  for (let at = 0; at + 9 <= bytes.length; ) {
    const size = bytes.readUIntBE(at, 3)
    if (at + 9 + size > bytes.length) break
    const payload = bytes.subarray(at + 9, at + 9 + size)
    out.push({
      name: bytes[at + 3] === METADATA ? 'METADATA' : (names[bytes[at + 3] ?? 0] ?? 'UNKNOWN'),
      flags: bytes[at + 4] ?? 0,
      stream: bytes.readUInt32BE(at + 5) & 0x7fffffff,
      payload,
    })
    at += 9 + size
  }
  return out
}

/** One line: what the frame says, header blocks apart. */
export function show(one: Frame): string {
  const code = (at: number): string => errors[one.payload.readUInt32BE(at)] ?? String(one.payload.readUInt32BE(at))
  switch (one.name) {
    case 'DATA':
    case 'HEADERS':
      return `${one.name} ${one.stream}${one.name === 'DATA' ? ` ${one.payload.length}` : ''}${one.flags & END_STREAM ? ' END_STREAM' : ''}`
    case 'RST_STREAM':
      return `RST_STREAM ${one.stream} ${code(0)}`
    case 'GOAWAY':
      return `GOAWAY ${one.payload.readUInt32BE(0) === 0x7fffffff ? 'MAX' : one.payload.readUInt32BE(0)} ${code(4)}`
    case 'METADATA':
      return `METADATA ${one.stream} ${JSON.stringify(one.payload.toString('latin1').slice(0, 60))}${one.flags & END_METADATA ? '' : ' …'}`
    case 'SETTINGS':
      return `SETTINGS${one.flags & ACK ? ' ACK' : ''}`
    case 'PING':
      return `PING${one.flags & ACK ? ' ACK' : ''}`
    default:
      return `${one.name} ${one.stream}`
  }
}

/** Of one end of a connection: the frames that came so far, without what flow control and settings need. */
export function seenFrames(
  from: RawClient | UpstreamConnection,
  hidden: readonly FrameName[] = ['SETTINGS', 'WINDOW_UPDATE'],
): string[] {
  const bytes = from.received
  const start = bytes.subarray(0, 3).toString('latin1') === 'PRI' ? PREFACE.length : 0
  const lines: string[] = []
  for (const line of parse(bytes.subarray(start))
    .filter(one => !hidden.includes(one.name as FrameName))
    .map(show)) {
    // Whether the end comes with the last bytes or after them is nobody's business.
    const end = /^DATA (\d+) 0 END_STREAM$/.exec(line)
    const last = lines.at(-1) ?? ''
    if (end && last.startsWith(`DATA ${end[1]} `)) lines[lines.length - 1] = `${last} END_STREAM`
    else lines.push(line)
  }
  return lines
}

/** Waits for a frame by its line. */
export function waitForFrame(
  from: (RawClient | UpstreamConnection) & Changing,
  line: string | RegExp,
): Promise<string> {
  const find = (): string | undefined =>
    seenFrames(from, []).find(text => (typeof line === 'string' ? text === line : line.test(text)))
  return from.waitFor(`frame ${line}`, find, () => seenFrames(from, []).join(', '))
}
