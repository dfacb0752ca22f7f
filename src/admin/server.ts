// The admin server: node:http on the main thread. It parses a request, finds the endpoint, checks the method, and sends
// what the endpoint answers with Envoy's headers.
import { writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getSystemErrorMap } from 'node:util'
import { err, ok, type Result } from '../support/result.js'
import type { AdminBackend, SocketText } from './backend.js'
import { type AdminRequest, type AdminResponse, type Endpoint, text } from './endpoint.js'
import { commandList } from './endpoints/home.js'
import { allEndpoints } from './endpoints.js'
import { unlinkStaleSocket } from './stale-socket.js'
import { addressText } from './socket-text.js'
import { AdminTrafficStats } from './traffic-stats.js'

export interface AdminOptions {
  readonly address: SocketText
  /** octal mode of a unix socket; undefined: as the umask has it. */
  readonly socketMode?: number
  /** --admin-address-path: the address is written there once it is known. */
  readonly addressPath?: string
  /** admin.allow_paths; undefined: every path. */
  readonly allowPath?: (pathAndQuery: string) => boolean
  /** admin.access_log: called when an answer was sent. */
  readonly onAccess?: (access: AdminAccess) => void
}

/** What an access log of the admin server can tell. */
export interface AdminAccess {
  readonly start: Date
  readonly durationMs: number
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly protocol: string
  readonly status: number
  readonly bytesReceived: number
  readonly bytesSent: number
  readonly authority: string
  readonly userAgent: string | undefined
  readonly remoteAddress: string
}

const maxBodyBytes = 1024 * 1024
const chunkBytes = 64 * 1024
/** How long a streamed answer keeps the event loop in one go. */
const turnMs = 10

export class AdminServer {
  readonly #backend: AdminBackend
  readonly #options: AdminOptions
  readonly #endpoints: ReadonlyMap<string, Endpoint>
  readonly #traffic: AdminTrafficStats
  readonly #server: Server
  #address: SocketText | undefined

  constructor(backend: AdminBackend, options: AdminOptions) {
    this.#backend = backend
    this.#options = options
    this.#endpoints = new Map(allEndpoints().map(endpoint => [endpoint.path, endpoint]))
    this.#traffic = new AdminTrafficStats(backend.stats)
    this.#server = createServer({ keepAliveTimeout: 0, requireHostHeader: false }, (request, response) => {
      void this.#handle(request, response)
    })
    this.#server.on('clientError', (_error, socket) => {
      if (socket.writable) socket.end(bareAnswer(400, 'Bad Request', 'Bad Request'))
      else socket.destroy()
    })
    this.#server.on('connection', socket => this.#traffic.connected(socket))
    this.#server.on('checkContinue', (request, response) => {
      response.writeContinue()
      void this.#handle(request, response)
    })
  }

  /** The bound address, port filled in. */
  get address(): SocketText | undefined {
    return this.#address
  }

  /** Binds and accepts. The error is one sentence. */
  async listen(): Promise<Result<SocketText, string>> {
    const { address, addressPath, socketMode } = this.#options
    if ('path' in address) await unlinkStaleSocket(address.path)
    const where = 'path' in address ? { path: nodePath(address.path) } : { host: address.ip, port: address.port }
    const problem = await new Promise<NodeJS.ErrnoException | undefined>(resolve => {
      this.#server.once('error', resolve)
      this.#server.listen(where, () => resolve(undefined))
    })
    if (problem) return err(`cannot bind '${addressText(address)}': ${reasonOf(problem)}`)
    if ('path' in address) {
      this.#address = address
      if (socketMode !== undefined && !address.path.startsWith('@')) {
        const { chmodSync } = await import('node:fs')
        chmodSync(address.path, socketMode)
      }
    } else {
      this.#address = { ip: address.ip, port: (this.#server.address() as AddressInfo).port }
    }
    if (addressPath) {
      try {
        writeFileSync(addressPath, addressText(this.#address))
      } catch (error) {
        return err(
          `cannot write admin address path ${addressPath}: ${error instanceof Error ? error.message : String(error)}`,
        )
      }
    }
    return ok(this.#address)
  }

  /** Stops accepting and ends idle connections; answers on their way get `graceMs`. */
  async close(graceMs = 1000): Promise<void> {
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()))
    this.#server.closeIdleConnections()
    const timer = setTimeout(() => this.#server.closeAllConnections(), graceMs)
    await closed
    clearTimeout(timer)
  }

  /** An answer without a connection; for tests and for --mode validate. */
  async answer(request: AdminRequest): Promise<AdminResponse> {
    const { allowPath } = this.#options
    if (allowPath && !allowPath(request.url)) return text(`request to path ${request.url} not allowed`, 403)
    const endpoint = this.#endpoints.get(request.path)
    if (!endpoint) {
      return text(`invalid path. admin commands are:\n${commandList([...this.#endpoints.values()])}`, 404)
    }
    if (endpoint.isPost && request.method !== 'POST') {
      return text(`Method ${request.method} not allowed, POST required.`, 405)
    }
    return endpoint.answer(request, this.#backend)
  }

  async #handle(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const refusal = refusalOf(message)
    if (refusal) {
      message.socket.end(refusal)
      return
    }
    const start = new Date()
    const begin = performance.now()
    this.#traffic.began()
    let received = 0
    let sent = 0
    let status = 500
    response.once('close', () => {
      this.#traffic.ended(performance.now() - begin)
      this.#options.onAccess?.(
        accessOf(message, { start, durationMs: performance.now() - begin, status, received, sent }),
      )
    })
    try {
      const body = await readBody(message)
      received = body?.length ?? maxBodyBytes
      const answer = body === undefined ? text('Payload Too Large', 413) : await this.answer(requestOf(message, body))
      status = answer.status
      this.#traffic.answered(status)
      sent = await send(message, response, answer)
    } catch (error) {
      this.#fail(response, error)
    }
  }

  /** A bug in an endpoint ends that request, not the process. */
  #fail(response: ServerResponse, error: unknown): void {
    if (response.headersSent) {
      response.destroy()
      return
    }
    this.#traffic.answered(500)
    response.writeHead(500, headersOf(text('')))
    response.end(`internal error: ${error instanceof Error ? error.message : String(error)}\n`)
  }
}

/** What never reaches an endpoint: HTTP/1.0, a missing host, an absolute URL. Answered as Envoy's codec does. */
function refusalOf(message: IncomingMessage): string | undefined {
  if (message.httpVersion === '1.0') return bareAnswer(426, 'Upgrade Required', 'Upgrade Required')
  if (message.headers.host === undefined) return bareAnswer(400, 'Bad Request', '')
  return message.url?.startsWith('/') ? undefined : bareAnswer(404, 'Not Found', '')
}

/** A whole answer of the codec's own, after which the connection ends. */
function bareAnswer(status: number, reason: string, body: string): string {
  const type = body === '' ? '' : 'content-type: text/plain\r\n'
  const length = `content-length: ${body.length}\r\n`
  return `HTTP/1.1 ${status} ${reason}\r\n${length}${type}date: ${new Date().toUTCString()}\r\nserver: envoy\r\nconnection: close\r\n\r\n${body}`
}

/** Abstract unix sockets begin with "@" in Envoy and with NUL in Node. */
function nodePath(path: string): string {
  return path.startsWith('@') ? `\0${path.slice(1)}` : path
}

function requestOf(message: IncomingMessage, body: Buffer): AdminRequest {
  const url = message.url ?? '/'
  const cut = url.indexOf('?')
  const path = (cut < 0 ? url : url.slice(0, cut)).replace(/\/{2,}/g, '/')
  const isForm = message.headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true
  return {
    method: message.method ?? 'GET',
    url,
    path: path === '' ? '/' : path,
    query: new URLSearchParams(cut < 0 ? '' : url.slice(cut + 1)),
    form: new URLSearchParams(isForm ? body.toString() : ''),
  }
}

/** undefined: larger than an admin request may be. */
async function readBody(message: IncomingMessage): Promise<Buffer | undefined> {
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of message as AsyncIterable<Buffer>) {
    size += piece.length
    if (size > maxBodyBytes) return undefined
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

/** In Envoy's order; Node adds none of its own. */
function headersOf(answer: AdminResponse): string[] {
  const headers = answer.isDoublyGuarded ? ['x-content-type-options', 'nosniff'] : []
  headers.push(
    'content-type',
    answer.contentType,
    'cache-control',
    'no-cache, max-age=0',
    'x-content-type-options',
    'nosniff',
  )
  headers.push('date', new Date().toUTCString(), 'server', 'envoy')
  return headers
}

/** Returns the bytes of the body. */
async function send(message: IncomingMessage, response: ServerResponse, answer: AdminResponse): Promise<number> {
  const headers = headersOf(answer)
  response.sendDate = false
  if (message.headers.connection?.toLowerCase() === 'close') {
    headers.push('connection', 'close')
  } else {
    response.removeHeader('connection')
  }
  headers.push('transfer-encoding', 'chunked')
  response.writeHead(answer.status, headers)
  let sent = 0
  // Envoy 1.40 sends the body to HEAD too, outside any framing; that would poison the connection.
  if (message.method !== 'HEAD') {
    for await (const chunk of chunksOf(answer.body)) {
      sent += chunk.length
      if (response.destroyed) return sent
      if (!response.write(chunk)) await drained(response)
    }
  }
  response.end()
  return sent
}

/** Pieces joined to chunks of about 64 KiB; the event loop runs now and then, so that a long answer blocks nothing. */
async function* chunksOf(body: AdminResponse['body']): AsyncGenerator<Buffer> {
  if (typeof body === 'string') {
    if (body !== '') yield Buffer.from(body)
    return
  }
  if (Symbol.asyncIterator in body) {
    for await (const piece of body) yield Buffer.from(piece)
    return
  }
  let pending = ''
  let since = performance.now()
  for (const piece of body) {
    pending += piece
    if (pending.length >= chunkBytes) {
      yield Buffer.from(pending)
      pending = ''
    }
    if (performance.now() - since > turnMs) {
      await new Promise(resolve => setImmediate(resolve))
      since = performance.now()
    }
  }
  if (pending !== '') yield Buffer.from(pending)
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise(resolve => {
    const done = () => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
  })
}

function accessOf(
  message: IncomingMessage,
  facts: { start: Date; durationMs: number; status: number; received: number; sent: number },
): AdminAccess {
  return {
    start: facts.start,
    durationMs: Math.round(facts.durationMs),
    method: message.method ?? '',
    path: message.url ?? '',
    protocol: `HTTP/${message.httpVersion}`,
    status: facts.status,
    bytesReceived: facts.received,
    bytesSent: facts.sent,
    authority: message.headers.host ?? '',
    userAgent: message.headers['user-agent'],
    remoteAddress: message.socket.remoteAddress ?? '',
  }
}

/** "address already in use", or whatever the system says. */
function reasonOf(problem: NodeJS.ErrnoException): string {
  return getSystemErrorMap().get(problem.errno ?? 0)?.[1] ?? problem.message
}
