// Where one HTTP/1 message ends in a stream of bytes. Only for fakes and clients of tests, which know what they asked for.

export interface FramedMessage {
  /** Start line and header lines as sent, without the blank line. */
  readonly head: string
  readonly startLine: string
  readonly headers: ReadonlyMap<string, string>
  /** Body bytes as sent: chunk framing is kept. */
  readonly body: Buffer
  /** Index of the first byte after the message. */
  readonly end: number
  /** False while bytes are missing, or when only the end of the connection ends the body. */
  readonly complete: boolean
  readonly endsAtClose: boolean
}

export interface Framing {
  readonly kind: 'request' | 'response'
  /** The request's method, which decides whether a response has a body. */
  readonly method?: string | undefined
}

/** Reads the message at the start of `bytes`; nothing while its head is incomplete. */
export function frameMessage(bytes: Buffer, framing: Framing): FramedMessage | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const head = bytes.toString('latin1', 0, headEnd)
  const [startLine = '', ...lines] = head.split('\r\n')
  const headers = new Map<string, string>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim())
  }
  const start = headEnd + 4
  const made = (end: number, complete: boolean, endsAtClose = false): FramedMessage => ({
    head,
    startLine,
    headers,
    body: bytes.subarray(start, end),
    end,
    complete,
    endsAtClose,
  })

  if (framing.kind === 'response' && hasNoBody(startLine, framing.method)) return made(start, true)
  if (headers.get('transfer-encoding')?.toLowerCase().endsWith('chunked') === true) {
    const end = chunkedEnd(bytes, start)
    return end === undefined ? made(bytes.length, false) : made(end, true)
  }
  const length = headers.get('content-length')
  if (length !== undefined) {
    const end = start + Number(length)
    return end <= bytes.length ? made(end, true) : made(bytes.length, false)
  }
  if (framing.kind === 'request') return made(start, true)
  return made(bytes.length, false, true)
}

function hasNoBody(statusLine: string, method: string | undefined): boolean {
  const status = Number(statusLine.split(' ')[1])
  return (status >= 100 && status < 200) || status === 204 || status === 304 || method === 'HEAD'
}

function chunkedEnd(bytes: Buffer, start: number): number | undefined {
  let at = start
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16)
    at = lineEnd + 2
    if (size === 0) break
    at += size + 2
    if (at > bytes.length) return undefined
  }
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    if (lineEnd === at) return at + 2
    at = lineEnd + 2
  }
}
