// Exchanges whose bodies have a content coding: a transcript shows them decoded, with the headers that codings are about.
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { showBody } from './bytes.js'
import type { FakeUpstream, Reply } from './fake-upstream.js'
import type { FramedMessage } from './http-message.js'
import type { Scene } from './scenario.js'

const ABOUT =
  /^(?:accept-encoding|content-|vary|etag|cache-control|transfer-encoding|x-envoy-(?:compression|decompressor)-)/i

const decoders: Readonly<Record<string, (body: Buffer) => Buffer>> = { gzip: gunzipSync, br: brotliDecompressSync }

/** The body without its chunk framing, and the lines of its trailers. */
export function unchunk(message: FramedMessage): { body: Buffer; trailers: string[] } {
  if (!message.headers.get('transfer-encoding')?.endsWith('chunked')) return { body: message.body, trailers: [] }
  const pieces: Buffer[] = []
  let at = 0
  for (;;) {
    const lineEnd = message.body.indexOf('\r\n', at)
    const size = lineEnd < 0 ? 0 : Number.parseInt(message.body.toString('latin1', at, lineEnd), 16)
    at = lineEnd + 2
    if (lineEnd < 0 || size === 0) break
    pieces.push(message.body.subarray(at, at + size))
    at += size + 2
  }
  const trailers = message.body
    .toString('latin1', at)
    .split('\r\n')
    .filter(line => line !== '')
  return { body: Buffer.concat(pieces), trailers }
}

function show(message: FramedMessage): string {
  const lines = message.head.split('\r\n')
  const { body, trailers } = unchunk(message)
  const coding = message.headers.get('content-encoding') ?? ''
  return [
    lines[0],
    ...lines.slice(1).filter(line => ABOUT.test(line)),
    ...(body.length > 0 ? ['', decode(body, coding)] : []),
    ...trailers.map(line => `trailer: ${line}`),
  ].join('\n')
}

function decode(body: Buffer, coding: string): string {
  const decoder = decoders[coding]
  if (decoder === undefined) return showBody(body, 400)
  try {
    return `(${coding}) ${showBody(decoder(body), 400)}`
  } catch (error) {
    return `(${coding}: ${error instanceof Error ? error.message : ''}) ${showBody(body, 400)}`
  }
}

export interface CodedExchange {
  readonly to?: string
  readonly send: string | Buffer | readonly (string | Buffer)[]
  readonly reply?: Reply
  /** Names of statistics whose change is shown. */
  readonly stats?: RegExp
}

/** One request and its answer. */
export async function codedExchange(scene: Scene, { to = 'main', send, reply, stats }: CodedExchange): Promise<void> {
  const upstream: FakeUpstream = scene.upstream()
  if (reply !== undefined) upstream.script(reply)
  const client = await scene.connect(to)
  let answer: FramedMessage | undefined
  const act = async (): Promise<void> => {
    for (const piece of Array.isArray(send) ? (send as readonly (string | Buffer)[]) : [send as string | Buffer])
      await client.send(piece)
    answer = await client.response()
  }
  const seen = async (): Promise<void> => {
    await act()
    for (const request of upstream.requests) scene.note(`> ${show(request)}`)
    if (answer !== undefined) scene.note(`< ${show(answer)}`)
  }
  await (stats === undefined ? seen() : scene.statsOf(stats, seen))
}
