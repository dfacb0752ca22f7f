// Ordinary HTTP/2 peers, Node's own: a client that writes what it saw as text, and an upstream that keeps its requests.
import http2 from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'

export interface H2Answer {
  readonly status: number
  readonly headers: http2.IncomingHttpHeaders
  readonly informational: readonly http2.IncomingHttpHeaders[]
  readonly trailers: http2.IncomingHttpHeaders
  readonly body: Buffer
  /** Code of RST_STREAM; 0 for an end in order. */
  readonly rst: number
  /** Text of the stream's error. */
  readonly error: string
}

/** Pseudo headers have no order that means anything: by name. */
const lines = (headers: http2.IncomingHttpHeaders): string[] => {
  const all = Object.entries(headers).flatMap(([name, value]) => [value].flat().map(one => `${name}: ${one}`))
  const pseudo = all.filter(line => line.startsWith(':')).sort()
  return [...pseudo, ...all.filter(line => !line.startsWith(':'))]
}

/** As a transcript: head, body, trailers, and how it ended when not in order. */
export function showAnswer(answer: H2Answer): string {
  const parts = [
    ...answer.informational.map(head => `${lines(head).join('\n')}\n`),
    ...lines(answer.headers),
    '',
    answer.body.length > 400 ? `(${answer.body.length} bytes)` : answer.body.toString('latin1'),
    ...lines(answer.trailers).map(line => `trailer ${line}`),
    ...(answer.rst === 0 ? [] : [`RST ${answer.rst}`]),
  ]
  return parts.join('\n').trimEnd()
}

export class H2Client {
  readonly session: http2.ClientHttp2Session
  readonly goAways: string[] = []
  closed = false

  private constructor(session: http2.ClientHttp2Session) {
    this.session = session
    session.on('goaway', (code, last) => this.goAways.push(`GOAWAY ${last === 2 ** 31 - 1 ? 'MAX' : last} ${code}`))
    session.on('close', () => {
      this.closed = true
    })
    session.on('error', () => {})
  }

  static connect(
    port: number,
    options: http2.ClientSessionOptions | http2.SecureClientSessionOptions = {},
    scheme = 'http',
  ): Promise<H2Client> {
    return new Promise((resolve, reject) => {
      const session = http2.connect(`${scheme}://127.0.0.1:${port}`, options)
      session.once('error', reject)
      session.once('remoteSettings', () => {
        session.off('error', reject)
        resolve(client)
      })
      const client = new H2Client(session)
    })
  }

  /** A whole exchange; rejects never: how it ended is in the answer. */
  async request(
    headers: http2.OutgoingHttpHeaders,
    body: string | Buffer | readonly string[] = '',
    trailers?: http2.OutgoingHttpHeaders,
  ): Promise<H2Answer> {
    return this.answer(this.open(headers, body, trailers))
  }

  open(
    headers: http2.OutgoingHttpHeaders,
    body: string | Buffer | readonly string[] = '',
    trailers?: http2.OutgoingHttpHeaders,
  ): http2.ClientHttp2Stream {
    const pieces = typeof body === 'string' || Buffer.isBuffer(body) ? [body] : body
    const empty = pieces.every(piece => piece.length === 0) && trailers === undefined
    const stream = this.session.request(
      { ':authority': 'a', ':path': '/', ...headers },
      { endStream: empty, waitForTrailers: trailers !== undefined },
    )
    stream.on('error', () => {})
    if (trailers !== undefined) stream.on('wantTrailers', () => stream.sendTrailers(trailers))
    if (!empty) {
      for (const piece of pieces) stream.write(piece)
      stream.end()
    }
    return stream
  }

  answer(stream: http2.ClientHttp2Stream): Promise<H2Answer> {
    return new Promise(resolve => {
      let headers: http2.IncomingHttpHeaders = {}
      const informational: http2.IncomingHttpHeaders[] = []
      let trailers: http2.IncomingHttpHeaders = {}
      const body: Buffer[] = []
      let error = ''
      stream.on('headers', head => informational.push(head))
      stream.on('response', head => {
        headers = head
      })
      stream.on('trailers', head => {
        trailers = head
      })
      stream.on('data', (piece: Buffer) => body.push(piece))
      stream.on('error', (problem: Error) => {
        error = problem.message
      })
      stream.on('close', () =>
        resolve({
          status: Number(headers[':status'] ?? 0),
          headers,
          informational,
          trailers,
          body: Buffer.concat(body),
          rst: stream.rstCode ?? 0,
          error,
        }),
      )
    })
  }

  close(): void {
    this.session.destroy()
  }
}

export interface H2Request {
  readonly headers: http2.IncomingHttpHeaders
  readonly stream: http2.ServerHttp2Stream
  body: Buffer
  trailers: http2.IncomingHttpHeaders
  /** Which connection it came by, counted from 1. */
  readonly connection: number
  rst: number | undefined
}

export type H2Handler = (stream: http2.ServerHttp2Stream, request: H2Request) => void

export class H2Upstream {
  readonly #server: http2.Http2Server | http2.Http2SecureServer
  readonly #sockets = new Set<Socket>()
  readonly sessions: http2.ServerHttp2Session[] = []
  readonly requests: H2Request[] = []
  handler: H2Handler = stream => {
    stream.respond({ ':status': 200 })
    stream.end('ok')
  }

  private constructor(server: http2.Http2Server | http2.Http2SecureServer) {
    this.#server = server
    server.on('session', session => {
      this.sessions.push(session)
      session.on('error', () => {})
    })
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
      socket.on('error', () => {})
    })
    server.on('stream', (stream: http2.ServerHttp2Stream, headers) => {
      const connection = this.sessions.indexOf(stream.session as http2.ServerHttp2Session) + 1
      const request: H2Request = { headers, stream, body: Buffer.alloc(0), trailers: {}, connection, rst: undefined }
      this.requests.push(request)
      stream.on('data', (piece: Buffer) => {
        request.body = Buffer.concat([request.body, piece])
      })
      stream.on('trailers', trailers => {
        request.trailers = trailers
      })
      stream.on('error', () => {})
      stream.on('close', () => {
        request.rst = stream.rstCode ?? 0
      })
      this.handler(stream, request)
    })
  }

  static start(options: http2.ServerOptions = {}, secure?: http2.SecureServerOptions): Promise<H2Upstream> {
    const server = secure === undefined ? http2.createServer(options) : http2.createSecureServer(secure)
    return new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve(new H2Upstream(server))))
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  forget(): void {
    this.requests.length = 0
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise(resolve => this.#server.close(resolve))
  }
}

/** A request as a transcript. */
export function showRequest(request: H2Request): string {
  return [
    ...lines(request.headers),
    '',
    request.body.toString('latin1'),
    ...lines(request.trailers).map(line => `trailer ${line}`),
  ]
    .join('\n')
    .replace(/(expected-rq-timeout-ms: )(?!15000$)\d+$/m, '$1REMAINING') // at a retry
    .trimEnd()
}
