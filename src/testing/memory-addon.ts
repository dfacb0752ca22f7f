import type { StreamAddon } from '../worker/script-addon.js'
import { NoTools } from './no-tools.js'
import { CallBit, Fact, Part } from '../worker/script-addon.js'
import { MemoryCalls, type TestCluster } from './memory-calls.js'
import type { MemoryStream } from './memory-stream.js'

const fieldName = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/

/** What native code does for a filter, done in memory: for unit tests of filters. One stream at a time has the handle it was given. */
export class MemoryAddon extends NoTools implements StreamAddon {
  readonly stats = new Map<string, number>()
  readonly #statNames: string[] = []
  readonly #names: string[] = []
  readonly #cells: number[] = []
  readonly #cellNames: string[] = []
  readonly #buckets: { tokens: number; at: number; perSecond: number; burst: number }[] = []
  readonly #streams = new Map<number, MemoryStream>()
  readonly #now: () => number

  readonly calls: MemoryCalls

  constructor(now: () => number, clusters: Readonly<Record<string, TestCluster>> = {}) {
    super()
    this.#now = now
    this.calls = new MemoryCalls(clusters)
  }

  enter(handle: number, stream: MemoryStream): void {
    this.#streams.set(handle, stream)
  }

  leave(handle: number): void {
    this.#streams.delete(handle)
  }

  headerName(name: string): number {
    return this.#names.push(checked(name, '')) - 1
  }

  readAhead(): void {}

  headerGet(handle: number, part: number, name: string | number): string | undefined {
    return this.#fields(handle, part).find(([known]) => known === this.#key(name))?.[1]
  }

  headerGetAll(handle: number, part: number, name: string | number): string[] {
    return this.#fields(handle, part)
      .filter(([known]) => known === this.#key(name))
      .map(([, value]) => value)
  }

  headerSet(handle: number, part: number, name: string | number, value: string): void {
    const fields = this.#fields(handle, part)
    const key = checked(this.#key(name), value)
    const first = fields.findIndex(([known]) => known === key)
    if (first < 0) {
      fields.push([key, value])
      return
    }
    fields[first] = [key, value]
    for (let i = fields.length - 1; i > first; --i) if (fields[i]?.[0] === key) fields.splice(i, 1)
  }

  headerAppend(handle: number, part: number, name: string | number, value: string): void {
    this.#fields(handle, part).push([checked(this.#key(name), value), value])
  }

  headerDelete(handle: number, part: number, name: string | number): void {
    const fields = this.#fields(handle, part)
    const key = this.#key(name)
    for (let i = fields.length - 1; i >= 0; --i) if (fields[i]?.[0] === key) fields.splice(i, 1)
  }

  headerEntries(handle: number, part: number): string[] {
    return this.#fields(handle, part).flat()
  }

  streamText(handle: number, fact: number): string {
    return String(this.#stream(handle).facts[nameOfFact(fact)] ?? '')
  }

  streamNumber(handle: number, fact: number): number {
    return Number(this.#stream(handle).facts[nameOfFact(fact)] ?? 0)
  }

  streamReply(
    handle: number,
    status: number,
    body: string | Uint8Array | undefined,
    headers: readonly string[],
    details: string,
  ): void {
    const fields: [string, string][] = []
    for (let i = 0; i < headers.length; i += 2) {
      const value = headers[i + 1] as string
      fields.push([checked(headers[i] as string, value), value])
    }
    this.#stream(handle).leaveReply(status, fields, Buffer.from(body ?? ''), details)
  }

  streamResume(handle: number, stage: number, outcome: number): void {
    this.#streams.get(handle)?.settle(stage, outcome)
  }

  streamRefreshRoute(handle: number): void {
    this.#stream(handle).routeRefreshes += 1
  }

  streamWatch(handle: number): void {
    this.#stream(handle)
  }

  streamFlag(): void {}

  clusterCharge(): boolean {
    return true
  }

  routeLevels(handle: number): string[] {
    const number = this.routeSettings(handle)
    return number === 0 ? [] : [String(number), this.routeSettingsText(handle)]
  }

  scriptChunk(handle: number, bytes: Uint8Array): void {
    this.#stream(handle).leftChunk = Buffer.from(bytes)
  }

  bodyBuffer(handle: number, isResponse: boolean, limitBytes: number, isPartial: boolean): Uint8Array | undefined {
    return this.#stream(handle).buffer(isResponse, isPartial ? Number.MAX_SAFE_INTEGER : limitBytes)
  }

  bodyAppend(handle: number, isResponse: boolean, bytes: Uint8Array): void {
    this.#stream(handle).append(isResponse, Buffer.from(bytes))
  }

  bodyIsComplete(handle: number, isResponse: boolean): boolean {
    return this.#stream(handle).isComplete(isResponse)
  }

  bodyLimit(): number {
    return 1 << 20
  }

  bodyReplace(handle: number, isResponse: boolean, bytes: string | Uint8Array): void {
    this.#stream(handle).replace(isResponse, Buffer.from(bytes))
  }

  metadataGet(handle: number, namespace: string, key: string): string | undefined {
    return this.#stream(handle).metadata.get(`${namespace}\n${key}`)
  }

  metadataSet(handle: number, namespace: string, key: string, json: string): void {
    this.#stream(handle).metadata.set(`${namespace}\n${key}`, json)
  }

  routeSettings(handle: number): number {
    return this.#stream(handle).routeConfig === undefined ? 0 : handle
  }

  routeSettingsText(handle: number): string {
    return JSON.stringify(this.#stream(handle).routeConfig)
  }

  statOpen(_kind: string, name: string): number {
    const known = this.#statNames.indexOf(name)
    if (known >= 0) return known
    this.stats.set(name, 0)
    return this.#statNames.push(name) - 1
  }

  statAdd(stat: number, by: number): void {
    const name = this.#statNames[stat] as string
    this.stats.set(name, (this.stats.get(name) ?? 0) + by)
  }

  sharedCell(name: string): number {
    const known = this.#cellNames.indexOf(name)
    if (known >= 0) return known
    this.#cells.push(0)
    return this.#cellNames.push(name) - 1
  }

  sharedAdd(cell: number, by: number): number {
    const sum = (this.#cells[cell] ?? 0) + by
    this.#cells[cell] = sum
    return sum
  }

  sharedBucket(_name: string, perSecond: number, burst: number): number {
    return this.#buckets.push({ tokens: burst, at: this.#now(), perSecond, burst }) - 1
  }

  bucketTake(bucket: number, tokens: number): boolean {
    const found = this.#buckets[bucket]
    if (found === undefined) return false
    const now = this.#now()
    found.tokens = Math.min(found.burst, found.tokens + ((now - found.at) / 1000) * found.perSecond)
    found.at = now
    if (found.tokens < tokens) return false
    found.tokens -= tokens
    return true
  }

  callStart(number: number, cluster: string, headers: readonly string[], timeoutMs: number, bits: number): number {
    for (let i = 0; i < headers.length; i += 2) checked(headers[i] as string, headers[i + 1] as string)
    return this.calls.start(number, cluster, headers, timeoutMs, (bits & CallBit.whole) !== 0)
  }

  callWrite(number: number, bytes: string | Uint8Array, isLast: boolean): boolean {
    return this.calls.write(number, bytes, isLast)
  }

  callPause(): void {}

  callCancel(number: number): void {
    this.calls.cancel(number)
  }

  callEntries(number: number, areTrailers: boolean): string[] {
    return this.calls.entries(number, areTrailers)
  }

  callFacts(number: number): string[] {
    return this.calls.facts(number)
  }

  #key(name: string | number): string {
    return typeof name === 'number' ? (this.#names[name] as string) : canonical(name)
  }

  #stream(handle: number): MemoryStream {
    const stream = this.#streams.get(handle)
    if (stream === undefined) throw new Error('this stream is over: its headers and bodies are gone')
    return stream
  }

  #fields(handle: number, part: number): [string, string][] {
    const stream = this.#stream(handle)
    switch (part) {
      case Part.requestHeaders:
        return stream.request
      case Part.requestTrailers:
        return stream.requestTrailers
      case Part.responseHeaders:
        return stream.response
      default:
        return stream.responseTrailers
    }
  }
}

function canonical(name: string): string {
  const lower = name.toLowerCase()
  return lower === 'host' ? ':authority' : lower
}

function checked(name: string, value: string): string {
  const key = canonical(name)
  if (!fieldName.test(key)) throw new TypeError(`'${key}' is no header name`)
  if (typeof value !== 'string' || /[\0\r\n]/.test(value))
    throw new TypeError(`the value of '${key}' must be a string without line breaks and NUL`)
  return key
}

function nameOfFact(fact: number): string {
  return Object.entries(Fact).find(([, number]) => number === fact)?.[0] ?? ''
}
