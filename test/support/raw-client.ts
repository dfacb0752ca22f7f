// A client that sends exactly the bytes it is told to, and keeps every byte it gets.
import net from 'node:net'
import tls from 'node:tls'
import { showBytes } from './bytes.js'
import { type FramedMessage, frameMessage } from './http-message.js'
import { Changing } from './wait.js'

export type ClientTarget =
  | { readonly port: number; readonly host?: string; readonly localAddress?: string }
  | { readonly path: string }

/** What a client says in its handshake; nothing is verified unless `rejectUnauthorized` is true. */
export type ClientTls = tls.ConnectionOptions

export type EndState = 'open' | 'closed' | 'reset'

export class RawClient extends Changing {
  readonly #socket: net.Socket
  readonly #methods: string[] = []
  #received: Buffer = Buffer.alloc(0)
  #parsed = 0
  #state: EndState = 'open'
  /** Code of the socket's error, once there was one: ECONNRESET, or an alert. */
  problem = ''
  readonly responses: FramedMessage[] = []
  receivedLength = 0
  /** Set for very long answers: bytes are counted and dropped. */
  countOnly = false

  private constructor(socket: net.Socket) {
    super()
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (data: string | Buffer) => {
      const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data
      this.receivedLength += bytes.length
      if (!this.countOnly) {
        this.#received = Buffer.concat([this.#received, bytes])
        this.#parse()
      }
      this.changed()
    })
    socket.on('end', () => this.#ended('closed'))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.problem = error.code ?? error.message
      this.#ended('reset')
    })
    socket.on('close', () => this.#ended('closed'))
  }

  /** Resolves when the connection stands. */
  static connect(target: ClientTarget): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const options = 'path' in target ? { path: target.path } : { host: '127.0.0.1', ...target }
      const socket = net.connect({ ...options, allowHalfOpen: true })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new RawClient(socket))
      })
    })
  }

  /** Resolves when the handshake is done. With TLS 1.3 the peer may still refuse our certificate after that. */
  static connectTls(target: ClientTarget, options: ClientTls): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const at: ClientTls = 'path' in target ? target : { host: '127.0.0.1', ...target }
      const always = { rejectUnauthorized: false, allowHalfOpen: true }
      const socket = tls.connect({ ...always, ...at, ...options })
      // What comes with the last bytes of the handshake must not be missed.
      const client = new RawClient(socket)
      socket.once('error', reject)
      socket.once('close', () => reject(new Error('closed during the handshake')))
      socket.once('secureConnect', () => {
        socket.off('error', reject)
        resolve(client)
      })
    })
  }

  /** The TLS connection; fails for clear text. */
  get tls(): tls.TLSSocket {
    if (this.#socket instanceof tls.TLSSocket) return this.#socket
    throw new Error('this client speaks clear text')
  }

  get localPort(): number {
    return this.#socket.localPort ?? 0
  }

  get localAddress(): string {
    return `${this.#socket.localAddress}:${this.#socket.localPort}`
  }

  get state(): EndState {
    return this.#state
  }

  /** All bytes received so far. */
  get received(): Buffer {
    return this.#received
  }

  /** Sends bytes as one write; resolves when the kernel has them. Methods are remembered: HEAD has no body. */
  send(bytes: string | Buffer): Promise<void> {
    const text = typeof bytes === 'string' ? bytes : bytes.toString('latin1')
    for (const found of text.matchAll(/(?:^|\n)([A-Z]+) [^\r\n]* HTTP\/1\.[01]\r?\n/g))
      this.#methods.push(found[1] ?? '')
    return new Promise(resolve => {
      this.#socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, () => resolve())
    })
  }

  /** Waits until `count` final responses (not 1xx, but 101) are complete. */
  async response(count = 1): Promise<FramedMessage> {
    return this.waitFor(
      `response ${count}`,
      () => this.responses[count - 1] ?? (this.#state === 'open' ? undefined : this.#cut(count)),
      () => this.#story(),
    )
  }

  /** Waits until the received text contains `text`. */
  until(text: string): Promise<string> {
    return this.waitFor(
      JSON.stringify(text),
      () => {
        const all = this.#received.toString('latin1')
        return all.includes(text) ? all : undefined
      },
      () => this.#story(),
    )
  }

  /** Waits until the peer ends the connection, and says how. */
  closed(patience?: number): Promise<EndState> {
    return this.waitFor(
      'the connection to end',
      () => (this.#state === 'open' ? undefined : this.#state),
      () => this.#story(),
      patience,
    )
  }

  /** Sends FIN; reading goes on. */
  end(): void {
    this.#socket.end()
  }

  reset(): void {
    this.#socket.resetAndDestroy()
  }

  /** Stops reading, so that the peer's window fills. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #parse(): void {
    for (;;) {
      const rest = this.#received.subarray(this.#parsed)
      const found = frameMessage(rest, { kind: 'response', method: this.#methods[this.responses.length] })
      if (found === undefined) return
      const status = found.startLine.split(' ')[1] ?? ''
      const interim = status.startsWith('1') && status !== '101'
      if (interim) {
        this.#parsed += found.end
        continue
      }
      if (!found.complete) return
      this.#parsed += found.end
      this.responses.push(found)
    }
  }

  // The connection ended: a body that only its end delimits is complete now, and anything else will not become so.
  #cut(count: number): FramedMessage {
    const rest = this.#received.subarray(this.#parsed)
    const found = frameMessage(rest, { kind: 'response', method: this.#methods[this.responses.length] })
    if (found !== undefined) return found
    throw new Error(`the connection was ${this.#state} before response ${count}; ${this.#story()}`)
  }

  #ended(state: EndState): void {
    if (this.#state === 'open') this.#state = state
    this.changed()
  }

  #story(): string {
    return `the connection is ${this.#state}, received:\n${showBytes(this.#received)}`
  }
}
