// Clients of the soak. Each does one exchange: to its end, checking every byte, or until a moment picked by chance, when it leaves
// as rudely as its protocol lets it.
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import net from 'node:net'
import tls from 'node:tls'
import grpc from '@grpc/grpc-js'
import { InteropClient, interopCases } from '../support/grpc-interop.js'
import { PATTERN } from './origins.js'

/** 'done': answered exactly; 'left': the client went away; anything else is a fault, told in words. */
export type Outcome = 'done' | 'left' | 'flaky' | string

export interface Front {
  readonly clear: number
  readonly tls: number
  readonly ca: string
}

/** A generator that can be started again from its seed. */
export class Chance {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** 0 ≤ n < limit, whole. */
  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((this.#state / 2 ** 32) * limit)
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }

  isOneIn(count: number): boolean {
    return this.below(count) === 0
  }
}

interface Exchange {
  readonly path: string
  /** Bytes sent as the request's body; undefined: a GET. */
  readonly upload: number | undefined
  /** Bytes of the pattern that make the answer; undefined: the origin breaks off. */
  readonly wanted: number | undefined
  /** When to leave, in milliseconds; undefined: never. */
  readonly leaveAfter: number | undefined
}

const SIZES = [0, 1, 100, 4_000, 16_384, 70_000, 300_000, 1_048_576]

export const UPSTREAMS: readonly string[] = ['h1-clear', 'h2-clear', 'h1-tls', 'h2-tls']

export function pick(chance: Chance, upstreams: readonly string[] = UPSTREAMS): Exchange {
  const upstream = chance.of(upstreams)
  const size = chance.of(SIZES)
  const leaveAfter = chance.isOneIn(4) ? chance.below(30) : undefined
  const kind = chance.below(20)
  if (kind === 0) return { path: `/${upstream}/refuse`, upload: undefined, wanted: undefined, leaveAfter }
  if (kind === 1) return { path: `/${upstream}/abort/${size}`, upload: undefined, wanted: undefined, leaveAfter }
  if (kind === 2) return { path: `/${upstream}/slow/${size}`, upload: undefined, wanted: size, leaveAfter }
  if (kind < 8) return { path: `/${upstream}/echo`, upload: size, wanted: size, leaveAfter }
  return { path: `/${upstream}/bytes/${size}`, upload: undefined, wanted: size, leaveAfter }
}

/** Compares an answer with the pattern as it comes. */
class Check {
  #at = 0
  #isRight = true

  take(chunk: Buffer): void {
    if (!chunk.equals(PATTERN.subarray(this.#at, this.#at + chunk.length))) this.#isRight = false
    this.#at += chunk.length
  }

  verdict(exchange: Exchange, status: number): Outcome {
    if (exchange.wanted === undefined) return 'flaky'
    if (status !== 200) return `${exchange.path}: status ${status}`
    if (!this.#isRight || this.#at !== exchange.wanted)
      return `${exchange.path}: ${this.#at} of ${exchange.wanted} bytes, ${this.#isRight ? 'right' : 'wrong'}`
    return 'done'
  }
}

function failure(exchange: Exchange, error: Error): Outcome {
  return exchange.wanted === undefined ? 'flaky' : `${exchange.path}: ${error.message}`
}

/** HTTP/1.1 on a kept connection of an agent. */
export class H1Client {
  readonly #agent: http.Agent
  readonly #options: http.RequestOptions & { ca?: string; servername?: string }
  readonly #request: typeof http.request

  constructor(front: Front, overTls: boolean) {
    const agent = { keepAlive: true, maxSockets: 16 }
    this.#agent = overTls ? new https.Agent(agent) : new http.Agent(agent)
    this.#request = overTls ? https.request : http.request
    this.#options = {
      host: '127.0.0.1',
      port: overTls ? front.tls : front.clear,
      agent: this.#agent,
      ...(overTls ? { ca: front.ca, servername: 'test.example' } : {}),
    }
  }

  run(exchange: Exchange): Promise<Outcome> {
    const { path, upload, leaveAfter } = exchange
    return new Promise(resolve => {
      const check = new Check()
      const request = this.#request(
        { ...this.#options, path, method: upload === undefined ? 'GET' : 'POST' },
        response => {
          response.on('data', (chunk: Buffer) => check.take(chunk))
          response.on('end', () => resolve(check.verdict(exchange, response.statusCode ?? 0)))
          response.on('error', error => resolve(failure(exchange, error)))
        },
      )
      request.on('error', error => resolve(failure(exchange, error)))
      if (leaveAfter !== undefined)
        setTimeout(() => {
          resolve('left')
          request.destroy()
        }, leaveAfter)
      request.end(upload === undefined ? undefined : PATTERN.subarray(0, upload))
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

/** HTTP/2 streams on one session, which is thrown away now and then. */
export class H2Client {
  readonly #front: Front
  readonly #overTls: boolean
  readonly #chance: Chance
  #session: http2.ClientHttp2Session | undefined
  /** Sessions whose end this client brought about: what their streams suffer is no fault. */
  readonly #dropped = new WeakSet<http2.ClientHttp2Session>()

  constructor(front: Front, overTls: boolean, chance: Chance) {
    this.#front = front
    this.#overTls = overTls
    this.#chance = chance
  }

  #current(): http2.ClientHttp2Session {
    if (this.#session !== undefined && !this.#session.closed && !this.#session.destroyed) return this.#session
    const { ca, clear, tls: secure } = this.#front
    const session = this.#overTls
      ? http2.connect(`https://127.0.0.1:${secure}`, { ca, servername: 'test.example' })
      : http2.connect(`http://127.0.0.1:${clear}`)
    session.on('error', () => {})
    session.setMaxListeners(0)
    this.#session = session
    return session
  }

  /** Ends the session under everybody's feet: gently, or by a reset. */
  drop(): void {
    const session = this.#session
    if (session === undefined) return
    this.#dropped.add(session)
    this.#session = undefined
    const { socket } = session
    if (this.#chance.isOneIn(2) && socket instanceof net.Socket) session.destroy()
    else session.close()
  }

  run(exchange: Exchange): Promise<Outcome> {
    const { path, upload, leaveAfter } = exchange
    return new Promise(resolve => {
      const session = this.#current()
      const check = new Check()
      let status = 0
      const stream = session.request({ ':path': path, ':method': upload === undefined ? 'GET' : 'POST' })
      const fail = (error: Error): void => resolve(this.#dropped.has(session) ? 'left' : failure(exchange, error))
      stream.on('response', headers => (status = Number(headers[':status'])))
      stream.on('data', (chunk: Buffer) => check.take(chunk))
      stream.on('error', fail)
      // A stream whose session is destroyed ends as if it were complete.
      stream.on('end', () => {
        const verdict = check.verdict(exchange, status)
        if (verdict === 'done' || (status !== 0 && stream.rstCode === 0 && !this.#dropped.has(session)))
          resolve(verdict)
        else fail(new Error(`ended, status ${status}, code ${stream.rstCode}`))
      })
      stream.on('close', () => fail(new Error(`closed, ${stream.rstCode}`)))
      if (leaveAfter !== undefined)
        setTimeout(() => {
          resolve('left')
          stream.close(http2.constants.NGHTTP2_CANCEL)
        }, leaveAfter)
      if (upload === undefined) stream.end()
      else stream.end(PATTERN.subarray(0, upload))
    })
  }

  close(): void {
    this.#session?.destroy()
  }
}

/** A connection that stops in the middle of something: nothing sent, half a hello, half a preface, half a request, garbage. */
export function rudeConnection(front: Front, chance: Chance): Promise<Outcome> {
  const beginnings = [
    '',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    'PRI * HTTP/2.0\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x10\x01',
    'POST /h1-clear/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf',
    Array.from({ length: 200 }, () => String.fromCharCode(chance.below(256))).join(''),
  ]
  return new Promise(resolve => {
    const socket = net.connect(chance.of([front.clear, front.tls]), '127.0.0.1')
    socket.on('error', () => {})
    socket.on('close', () => resolve('left'))
    socket.resume()
    socket.write(Buffer.from(chance.of(beginnings), 'latin1'))
    setTimeout(() => (chance.isOneIn(2) ? socket.resetAndDestroy() : socket.destroy()), chance.below(20))
  })
}

/** A handshake that is left in its middle, or right behind it. */
export function rudeHandshake(front: Front, chance: Chance): Promise<Outcome> {
  return new Promise(resolve => {
    const socket = tls.connect({
      port: front.tls,
      host: '127.0.0.1',
      ca: front.ca,
      servername: 'test.example',
      ALPNProtocols: ['h2'],
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve('left'))
    setTimeout(() => socket.destroy(), chance.below(8))
  })
}

/** gRPC's own cases, which cancel and time out among other things. */
export class GrpcClient {
  readonly #client: InteropClient
  readonly #chance: Chance

  constructor(front: Front, overTls: boolean, chance: Chance) {
    const credentials = overTls ? grpc.credentials.createSsl(Buffer.from(front.ca)) : grpc.credentials.createInsecure()
    this.#client = new InteropClient(`127.0.0.1:${overTls ? front.tls : front.clear}`, credentials)
    this.#chance = chance
  }

  async run(): Promise<Outcome> {
    const [name, run] = this.#chance.of(Object.entries(interopCases))
    try {
      await run(this.#client)
      return 'done'
    } catch (error) {
      return `gRPC ${name}: ${error instanceof Error ? error.message : String(error)}`
    }
  }

  close(): void {
    this.#client.close()
  }
}
