// Origins of the soak: HTTP/1.1 and HTTP/2, each in clear text and over TLS, in one process. They answer exactly, or misbehave on demand.
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import type net from 'node:net'
import { Identity } from '../support/tls.js'

/** Bodies are slices of this, so that every byte can be checked. */
export const PATTERN: Buffer = Buffer.from(Uint8Array.from({ length: 1 << 20 }, (_, i) => (i * 131 + (i >> 8)) & 255))

/**
 * `/bytes/N` answers N bytes of the pattern, `/echo` the request's body, `/abort/N` breaks off after N bytes of more than twice as many,
 * `/refuse` breaks off before the answer, `/slow/N` waits before it answers N bytes.
 */
interface Call {
  readonly path: string
  readonly body: NodeJS.ReadableStream
  readonly answer: NodeJS.WritableStream
  /** Sends the head of the answer. */
  begin(length: number | undefined): void
  breakOff(): void
}

function handle({ path, body, answer, begin, breakOff }: Call): void {
  const [, what = '', count = '0'] = path.split('/')
  const size = Number(count)
  body.on('error', () => {})
  answer.on('error', () => {})
  if (what === 'echo') {
    begin(undefined)
    body.pipe(answer)
    return
  }
  body.resume()
  if (what === 'refuse') return breakOff()
  if (what === 'abort') {
    begin(size * 2 + 1)
    answer.write(PATTERN.subarray(0, size), breakOff)
    return
  }
  const finish = (): void => {
    begin(size)
    answer.end(PATTERN.subarray(0, size))
  }
  if (what === 'slow') setTimeout(finish, SLOW_MS)
  else finish()
}

const SLOW_MS = 50

function onRequest(request: http.IncomingMessage, response: http.ServerResponse): void {
  handle({
    path: request.url ?? '',
    body: request,
    answer: response,
    begin: length => length !== undefined && response.setHeader('content-length', String(length)),
    breakOff: () => {
      // A TLS socket cannot be reset.
      if ('encrypted' in request.socket) request.socket.destroy()
      else request.socket.resetAndDestroy()
    },
  })
}

// Not Node's compatibility API: its trailers end the process when a stream is gone before them.
function onStream(stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders): void {
  handle({
    path: headers[':path'] ?? '',
    body: stream,
    answer: stream,
    begin: length => {
      if (stream.destroyed || stream.closed) return
      stream.respond({ ':status': 200, ...(length === undefined ? {} : { 'content-length': String(length) }) })
    },
    breakOff: () => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR),
  })
}

export class Origins {
  readonly identity: Identity = new Identity()
  readonly ports = new Map<string, number>()
  readonly #servers: net.Server[] = []

  async start(): Promise<void> {
    const { chain: cert, key } = this.identity.leaf
    const tls = { cert, key }
    // Origins that close idle connections would meet a request on its way now and then: a 503 that is nobody's fault.
    const forGood = { keepAliveTimeout: 0 }
    await this.#listen('h1-clear', http.createServer(forGood, onRequest))
    await this.#listen('h2-clear', http2.createServer().on('stream', onStream))
    await this.#listen('h1-tls', https.createServer({ ...tls, ...forGood }, onRequest))
    await this.#listen('h2-tls', http2.createSecureServer(tls).on('stream', onStream))
  }

  async #listen(name: string, server: net.Server): Promise<void> {
    this.#servers.push(server)
    server.on('error', () => {})
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    this.ports.set(name, (server.address() as net.AddressInfo).port)
  }

  stop(): void {
    for (const server of this.#servers) server.close()
  }
}
