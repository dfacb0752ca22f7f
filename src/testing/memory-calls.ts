import { Stage } from '../worker/script-addon.js'

/** A call of a filter as a test's cluster sees it. */
export interface SeenCall {
  readonly cluster: string
  readonly method: string
  readonly path: string
  readonly authority: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

export interface CallAnswer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string | Uint8Array | readonly (string | Uint8Array)[]
  readonly trailers?: Readonly<Record<string, string>>
}

/** What a cluster is in a test: a function that answers, or the URL of a server that really runs: "http://127.0.0.1:8080". */
export type TestCluster = string | ((call: SeenCall) => CallAnswer | Promise<CallAnswer>)

type Tell = (stage: number, number: number, flag: boolean, chunk?: Uint8Array) => void

interface Pending {
  readonly cluster: string
  readonly headers: readonly string[]
  readonly chunks: Buffer[]
  readonly isLate: { timer?: NodeJS.Timeout }
  answer: string[]
  trailers: string[]
  facts: string[]
}

/** The calls of a filter under test: who answers, and what native code would tell of it. */
export class MemoryCalls {
  readonly #clusters: Readonly<Record<string, TestCluster>>
  readonly #calls = new Map<number, Pending>()
  tell: Tell = () => undefined

  constructor(clusters: Readonly<Record<string, TestCluster>>) {
    this.#clusters = clusters
  }

  start(number: number, cluster: string, headers: readonly string[], timeoutMs: number, isWhole: boolean): number {
    if (this.#clusters[cluster] === undefined) return 1
    const isLate: { timer?: NodeJS.Timeout } = {}
    const call = { cluster, headers, chunks: [], isLate, answer: [], trailers: [], facts: [] }
    if (timeoutMs > 0)
      isLate.timer = setTimeout(() => this.#ownAnswer(number, 'UT', 'response_timeout', 504), timeoutMs)
    this.#calls.set(number, call)
    if (isWhole) void this.#answer(number, call)
    return 0
  }

  write(number: number, bytes: string | Uint8Array, isLast: boolean): boolean {
    const call = this.#calls.get(number)
    call?.chunks.push(Buffer.from(bytes as Uint8Array))
    if (isLast && call !== undefined) void this.#answer(number, call)
    return true
  }

  cancel(number: number): void {
    clearTimeout(this.#calls.get(number)?.isLate.timer)
    this.#calls.delete(number)
  }

  entries(number: number, areTrailers: boolean): string[] {
    const call = this.#calls.get(number)
    return (areTrailers ? call?.trailers : call?.answer) ?? []
  }

  facts(number: number): string[] {
    return this.#calls.get(number)?.facts ?? []
  }

  async #answer(number: number, call: Pending): Promise<void> {
    let answer: CallAnswer
    try {
      answer = await this.#ask(call)
    } catch (error) {
      return this.#ownAnswer(number, 'UF', `upstream_reset_before_response_started{${String(error)}}`, 503)
    }
    if (this.#calls.get(number) !== call) return // given up meanwhile
    const { status = 200, headers = {}, body = [], trailers = {} } = answer
    const flat = Object.entries(headers).flatMap(([name, value]) =>
      [value].flat().flatMap(one => [name.toLowerCase(), one as string]),
    )
    const chunks = (typeof body === 'string' || body instanceof Uint8Array ? [body] : body).map(chunk =>
      Buffer.from(chunk as Uint8Array),
    )
    call.answer = [':status', String(status), ...flat]
    call.trailers = Object.entries(trailers).flat()
    this.#say(number, Stage.callHeaders, chunks.length === 0 && call.trailers.length === 0)
    for (const chunk of chunks) this.#say(number, Stage.callData, false, chunk)
    if (call.trailers.length > 0) this.#say(number, Stage.callTrailers, true)
    this.#end(number, true)
  }

  #ask(call: Pending): CallAnswer | Promise<CallAnswer> {
    const cluster = this.#clusters[call.cluster] as TestCluster
    const value = (name: string) =>
      call.headers[call.headers.findIndex((text, at) => at % 2 === 0 && text === name) + 1] ?? ''
    const headers: Record<string, string> = {}
    for (let i = 0; i < call.headers.length; i += 2) {
      const name = call.headers[i] as string
      const text = call.headers[i + 1] as string
      if (!name.startsWith(':')) headers[name] = name in headers ? `${headers[name]}, ${text}` : text
    }
    const seen: SeenCall = {
      cluster: call.cluster,
      method: value(':method'),
      path: value(':path'),
      authority: value(':authority'),
      headers,
      body: Buffer.concat(call.chunks),
    }
    return typeof cluster === 'string' ? askServer(cluster, seen) : cluster(seen)
  }

  #ownAnswer(number: number, flags: string, details: string, status: number): void {
    const call = this.#calls.get(number)
    if (call === undefined) return
    call.facts = [flags, details, '1', '']
    call.answer = [':status', String(status)]
    this.#say(number, Stage.callHeaders, true)
    this.#end(number, true)
  }

  #say(number: number, stage: number, flag: boolean, chunk?: Uint8Array): void {
    if (this.#calls.has(number)) this.tell(stage, number, flag, chunk)
  }

  #end(number: number, isWhole: boolean): void {
    clearTimeout(this.#calls.get(number)?.isLate.timer)
    this.#say(number, Stage.callEnd, isWhole)
    this.#calls.delete(number)
  }
}

async function askServer(url: string, { method, path, headers, body }: SeenCall): Promise<CallAnswer> {
  const { 'content-length': _length, ...sent } = headers
  const hasBody = method !== 'GET' && method !== 'HEAD' && body.length > 0
  const response = await fetch(new URL(path, url), {
    method,
    headers: sent,
    redirect: 'manual',
    ...(hasBody && { body: new Uint8Array(body) }),
  })
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: new Uint8Array(await response.arrayBuffer()),
  }
}
