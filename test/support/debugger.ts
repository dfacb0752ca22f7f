// A client of Node's inspector: the Chrome DevTools protocol over a WebSocket, as little of both as a test needs.
import { createHash, randomBytes } from 'node:crypto'
import { type IncomingMessage, request } from 'node:http'
import type { Socket } from 'node:net'

type Message = Readonly<Record<string, unknown>>

/** One debugging session. */
export class Debugger {
  readonly #socket: Socket
  #buffered = Buffer.alloc(0)
  #fragments = ''
  #calls = 0
  readonly #answers = new Map<number, (result: Message) => void>()
  readonly #events: { readonly method: string; readonly params: Message }[] = []
  readonly #waiting = new Set<() => void>()

  private constructor(socket: Socket, first: Buffer) {
    this.#socket = socket
    socket.on('data', (bytes: Buffer) => this.#read(bytes))
    socket.on('error', () => {})
    this.#read(first)
  }

  static connect(url: string): Promise<Debugger> {
    const key = randomBytes(16).toString('base64')
    const { hostname, port, pathname } = new URL(url)
    return new Promise((resolve, reject) => {
      const upgrade = request({
        host: hostname,
        port,
        path: pathname,
        headers: {
          connection: 'Upgrade',
          upgrade: 'websocket',
          'sec-websocket-version': '13',
          'sec-websocket-key': key,
        },
      })
      upgrade.on('error', reject)
      upgrade.on('upgrade', (response: IncomingMessage, socket: Socket, first: Buffer) => {
        const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
        if (response.headers['sec-websocket-accept'] === accept) resolve(new Debugger(socket, first))
        else reject(new Error('the inspector did not accept the WebSocket'))
      })
      upgrade.end()
    })
  }

  call(method: string, params: Message = {}): Promise<Message> {
    const id = ++this.#calls
    const answer = new Promise<Message>(resolve => this.#answers.set(id, resolve))
    this.#send(JSON.stringify({ id, method, params }))
    return answer
  }

  /** The first event, past or to come, that `matches`. */
  async event(method: string, matches: (params: Message) => boolean = () => true): Promise<Message> {
    for (;;) {
      const found = this.#events.find(one => one.method === method && matches(one.params))
      if (found !== undefined) return found.params
      await new Promise<void>(resolve => this.#waiting.add(resolve))
    }
  }

  close(): void {
    this.#socket.destroy()
  }

  /** One text frame, masked as a client's must be (RFC 6455, section 5.3). */
  #send(text: string): void {
    const payload = Buffer.from(text)
    const mask = randomBytes(4)
    const head = payload.length < 126 ? Buffer.from([0x81, 0x80 | payload.length]) : Buffer.from([0x81, 0xfe, 0, 0])
    if (payload.length >= 126) head.writeUInt16BE(payload.length, 2)
    const masked = payload.map((byte, i) => byte ^ (mask[i % 4] as number))
    this.#socket.write(Buffer.concat([head, mask, masked]))
  }

  #read(bytes: Buffer): void {
    this.#buffered = Buffer.concat([this.#buffered, bytes])
    for (;;) {
      const [first = 0, second = 0] = this.#buffered
      const short = second & 0x7f
      const head = short === 126 ? 4 : short === 127 ? 10 : 2
      if (this.#buffered.length < head) return
      const size =
        short === 126
          ? this.#buffered.readUInt16BE(2)
          : short === 127
            ? Number(this.#buffered.readBigUInt64BE(2))
            : short
      if (this.#buffered.length < head + size) return
      this.#fragments += this.#buffered.subarray(head, head + size).toString()
      this.#buffered = this.#buffered.subarray(head + size)
      if ((first & 0x80) !== 0) this.#take(this.#fragments)
      if ((first & 0x80) !== 0) this.#fragments = ''
    }
  }

  #take(text: string): void {
    const { id, result, method, params } = JSON.parse(text) as {
      id?: number
      result?: Message
      method?: string
      params?: Message
    }
    if (id !== undefined) this.#answers.get(id)?.(result ?? {})
    if (method === undefined) return
    this.#events.push({ method, params: params ?? {} })
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }
}
