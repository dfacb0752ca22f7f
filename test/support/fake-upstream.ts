// An upstream that records every byte it is sent, and answers as a scenario tells it.
import net from 'node:net'
import tls from 'node:tls'
import { showBytes } from './bytes.js'
import { type FramedMessage, frameMessage } from './http-message.js'
import { Changing } from './wait.js'

/** What to do with a request: send these bytes, or anything a function does with the connection. */
export type Reply = string | ((connection: UpstreamConnection, request: SeenRequest) => void | Promise<void>)

export interface SeenRequest extends FramedMessage {
  readonly connection: UpstreamConnection
  /** Head and body as they came. */
  readonly bytes: Buffer
}

export const OK: string = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

/** Sends bytes (or none), then FIN. */
export function thenClose(bytes = ''): Reply {
  return connection => connection.end(bytes)
}

/** Sends bytes (or none), then RST. */
export function thenReset(bytes = ''): Reply {
  return async connection => {
    if (bytes !== '') await connection.send(bytes)
    connection.reset()
  }
}

/** Never answers. */
export const silence: Reply = () => {}

/** What an upstream knows of a handshake. */
export interface Handshake {
  readonly version: string
  readonly serverName: string
  readonly alpn: string
  /** Common name of the certificate the proxy showed; empty: none. */
  readonly client: string
  readonly isResumed: boolean
}

function handshakeOf(socket: net.Socket): Handshake | undefined {
  if (!(socket instanceof tls.TLSSocket)) return undefined
  const { servername } = socket as { servername?: string | false }
  return {
    version: socket.getProtocol() ?? '',
    serverName: servername || '',
    alpn: socket.alpnProtocol || '',
    client: String(socket.getPeerCertificate()?.subject?.CN ?? ''),
    isResumed: socket.isSessionReused(),
  }
}

export class UpstreamConnection extends Changing {
  readonly #socket: net.Socket
  /** Undefined for clear text. */
  readonly handshake: Handshake | undefined
  #received: Buffer = Buffer.alloc(0)
  #state: 'open' | 'ended' | 'closed' | 'reset' = 'open'

  constructor(socket: net.Socket, onData: () => void) {
    super()
    this.#socket = socket
    this.handshake = handshakeOf(socket)
    socket.setNoDelay(true)
    socket.on('data', (data: string | Buffer) => {
      const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data
      this.receivedLength += bytes.length
      if (!this.countOnly) this.#received = Buffer.concat([this.#received, bytes])
      this.changed()
      onData()
    })
    socket.on('end', () => this.#become('ended'))
    socket.on('error', () => this.#become('reset'))
    socket.on('close', () => this.#become('closed'))
  }

  get received(): Buffer {
    return this.#received
  }

  receivedLength = 0
  /** Set for very long requests: bytes are counted and dropped. */
  countOnly = false

  /** Bytes of `received` that were taken as requests. */
  taken = 0

  /** A pooled connection starts anew for the next scenario. */
  forget(): void {
    this.#received = Buffer.alloc(0)
    this.taken = 0
  }

  get state(): string {
    return this.#state
  }

  get remotePort(): number {
    return this.#socket.remotePort ?? 0
  }

  send(bytes: string | Buffer): Promise<void> {
    return new Promise(resolve => {
      this.#socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, () => resolve())
    })
  }

  /** True when the kernel took the bytes at once; false when the peer reads too slowly. */
  offer(bytes: Buffer): boolean {
    return this.#socket.write(bytes)
  }

  get unsent(): number {
    return this.#socket.writableLength
  }

  end(bytes = ''): void {
    this.#socket.end(Buffer.from(bytes, 'latin1'))
  }

  reset(): void {
    this.#socket.resetAndDestroy()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Waits until the received text contains `text`. */
  until(text: string): Promise<string> {
    return this.waitFor(
      JSON.stringify(text),
      () => {
        const all = this.#received.toString('latin1')
        return all.includes(text) ? all : undefined
      },
      () => `received:\n${showBytes(this.#received)}`,
    )
  }

  /** Waits until the proxy ends this connection: `ended` by FIN, `reset` by RST. */
  closed(): Promise<string> {
    return this.waitFor('the proxy to end its upstream connection', () =>
      this.#state === 'open' ? undefined : this.#state,
    )
  }

  #become(state: 'ended' | 'closed' | 'reset'): void {
    if (this.#state === 'open' || (this.#state === 'ended' && state === 'reset')) this.#state = state
    if (state === 'ended' && !this.#socket.writableEnded && this.#socket.writableLength === 0) {
      // A pooled connection that the proxy gives up is given up here too, unless a scenario still wants to write.
      setImmediate(() => this.holdOpen || this.#socket.end())
    }
    this.changed()
  }

  /** Set by a scenario that goes on writing after the proxy's FIN. */
  holdOpen = false
}

export class FakeUpstream extends Changing {
  readonly name: string
  readonly #server: net.Server
  readonly #sockets = new Set<UpstreamConnection>()
  #script: Reply[] = []
  #always: Reply = OK
  #raw = false
  connections: UpstreamConnection[] = []
  requests: SeenRequest[] = []

  /** Handshakes that failed here: the codes of their errors. */
  readonly refusals: string[] = []

  private constructor(name: string, server: net.Server) {
    super()
    this.name = name
    this.#server = server
    server.on(server instanceof tls.Server ? 'secureConnection' : 'connection', socket => this.#accept(socket))
    server.on('tlsClientError', (error: NodeJS.ErrnoException) => {
      this.refusals.push(error.code ?? error.message)
      this.changed()
    })
  }

  static start(
    name: string,
    at: { host?: string; port?: number; path?: string; tls?: tls.TlsOptions } = {},
  ): Promise<FakeUpstream> {
    const options = { allowHalfOpen: true }
    const server = at.tls === undefined ? net.createServer(options) : tls.createServer({ ...options, ...at.tls })
    const upstream = new FakeUpstream(name, server)
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      const listening = (): void => resolve(upstream)
      if (at.path !== undefined) server.listen(at.path, listening)
      else server.listen(at.port ?? 0, at.host ?? '127.0.0.1', listening)
    })
  }

  get port(): number {
    const address = this.#server.address()
    return address !== null && typeof address === 'object' ? address.port : 0
  }

  /** Forgets what was seen and what was planned; connections in the proxy's pool stay. */
  forget(): void {
    this.#script = []
    this.#always = OK
    this.#raw = false
    this.connections = []
    this.requests = []
    this.refusals.length = 0
    for (const connection of this.#sockets) connection.forget()
  }

  /** Replies for the next requests, in order; after them `always` holds. */
  script(...replies: Reply[]): void {
    this.#script.push(...replies)
  }

  always(reply: Reply): void {
    this.#always = reply
  }

  /** From now on bytes are only recorded: no request is looked for and nothing is answered. */
  raw(): void {
    this.#raw = true
  }

  nextRequest(count = 1): Promise<SeenRequest> {
    return this.waitFor(`request ${count} at upstream ${this.name}`, () => this.requests[count - 1])
  }

  nextConnection(count = 1): Promise<UpstreamConnection> {
    return this.waitFor(`connection ${count} at upstream ${this.name}`, () => this.connections[count - 1])
  }

  /** Ends every connection, also those in the proxy's pool. */
  dropConnections(): void {
    for (const connection of this.#sockets) connection.destroy()
  }

  get open(): number {
    return [...this.#sockets].filter(connection => connection.state === 'open').length
  }

  stop(): Promise<void> {
    this.dropConnections()
    return new Promise(resolve => this.#server.close(() => resolve()))
  }

  #accept(socket: net.Socket): void {
    const connection = new UpstreamConnection(socket, () => {
      if (!this.connections.includes(connection)) this.connections.push(connection) // from the pool, since `forget`
      this.changed()
      if (this.#raw) return
      for (;;) {
        const found = frameMessage(connection.received.subarray(connection.taken), { kind: 'request' })
        if (found === undefined || !found.complete) return
        const bytes = connection.received.subarray(connection.taken, connection.taken + found.end)
        connection.taken += found.end
        if (/^(?:CONNECT )|\r\nupgrade:/i.test(found.head)) connection.taken = Number.MAX_SAFE_INTEGER // what follows is no HTTP
        this.#answer({ ...found, bytes, connection })
      }
    })
    this.#sockets.add(connection)
    socket.on('close', () => {
      this.#sockets.delete(connection)
      this.changed()
    })
    this.connections.push(connection)
    this.changed()
  }

  #answer(request: SeenRequest): void {
    this.requests.push(request)
    const reply = this.#script.shift() ?? this.#always
    if (typeof reply === 'string') void request.connection.send(reply)
    else void reply(request.connection, request)
    this.changed()
  }
}
