import http2 from 'node:http2'
import type { Socket } from 'node:net'
import type { Header } from './http-check.js'
import { type Connect, drop } from './probe.js'

export interface Http2Events {
  onHead(headers: ReadonlyMap<string, string>, endsStream: boolean): void
  onBody(bytes: Buffer): void
  onTrailers(trailers: ReadonlyMap<string, string>): void
  /** `isWhole`: the response came to its end. */
  onEnd(isWhole: boolean): void
}

/** As Envoy's in its SETTINGS. */
const settings = { enablePush: false, initialWindowSize: 16 << 20, maxConcurrentStreams: 1024 } as const

/** One connection for checks over HTTP/2, opened when it is first needed, and again when it has gone. */
export class Http2Connection {
  readonly #connect: Connect
  #socket: Socket | undefined
  #session: http2.ClientHttp2Session | undefined
  #stream: http2.ClientHttp2Stream | undefined
  #isLeaving = false

  constructor(connect: Connect) {
    this.#connect = connect
  }

  /** `onEnd` follows, unless the connection is closed before. */
  request(headers: readonly Header[], body: Uint8Array, events: Http2Events): void {
    if (this.#session !== undefined) return this.#send(this.#session, headers, body, events)
    const lost = () => {
      this.close()
      events.onEnd(false)
    }
    const socket = this.#connect(() => {
      socket.removeListener('close', lost)
      const session = http2.connect('http://host', { createConnection: () => socket, settings })
      session.on('error', () => undefined)
      session.on('goaway', () => {
        this.#isLeaving = true
      })
      session.on('close', () => {
        if (this.#session === session) this.#session = undefined
      })
      this.#session = session
      this.#send(session, headers, body, events)
    })
    this.#socket = socket
    socket.on('error', () => undefined)
    socket.once('close', lost)
  }

  /** The connection is to carry no further request. */
  get isLeaving(): boolean {
    return this.#isLeaving
  }

  close(): void {
    this.#stream?.removeAllListeners()
    this.#stream?.on('error', () => undefined)
    this.#stream = undefined
    this.#session?.destroy()
    this.#session = undefined
    drop(this.#socket)
    this.#socket = undefined
    this.#isLeaving = false
  }

  #send(session: http2.ClientHttp2Session, headers: readonly Header[], body: Uint8Array, events: Http2Events): void {
    const stream = session.request(Object.fromEntries(headers), { endStream: body.length === 0 })
    this.#stream = stream
    let isWhole = false
    stream.on('response', (head, flags) =>
      events.onHead(plain(head), (flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0),
    )
    stream.on('data', (bytes: Buffer) => events.onBody(bytes))
    stream.on('trailers', trailers => events.onTrailers(plain(trailers)))
    stream.on('end', () => {
      isWhole = true
    })
    stream.on('error', () => undefined)
    stream.on('close', () => {
      if (this.#stream !== stream) return
      this.#stream = undefined
      events.onEnd(isWhole && stream.rstCode === http2.constants.NGHTTP2_NO_ERROR)
    })
    if (body.length > 0) stream.end(body)
    stream.resume()
  }
}

function plain(headers: http2.IncomingHttpHeaders): Map<string, string> {
  return new Map(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? (value[0] ?? '') : String(value)]),
  )
}
