import type { JsonObject } from '@bufbuild/protobuf'
import type { Body } from '../api/body.js'
import type { Headers } from '../api/headers.js'
import type { BuiltInFact, BuiltInStream } from '../api/built-in.js'
import type { DescriptorChoice, LimitDescriptor, NativeTool } from '../api/native-tool.js'
import type {
  ReplyHeaders,
  DynamicMetadata,
  HeldBack,
  LocalReply,
  RequestHead,
  ResponseHead,
  Stream,
  StreamInfo,
} from '../api/stream.js'
import type { CallOwner, Ending } from './current-stream.js'
import { HeaderView } from './header-view.js'
import type { ScriptHttpFilter } from './http-filter-program.js'
import { Fact, Part, type StreamAddon } from './script-addon.js'
import type { StreamParts } from './stream-parts.js'

/** Takes a body that was waited for. */
type Gathered = (bytes: Uint8Array) => void

export const localReply: LocalReply = Object.freeze({ kind: 'local-reply' })

export const heldBack: HeldBack = Object.freeze({ kind: 'held-back' })

/**
 * One stream as one filter sees it. Native code has the stream; this has its handle, and makes objects only for what is asked for. Also the
 * head of the request, which is there in every hook.
 */
export class StreamView implements Stream<unknown, unknown>, RequestHead, CallOwner, BuiltInStream {
  readonly handle: number
  readonly state: unknown
  /** reply() was called. */
  hasReplied = false
  /** Its hooks for the response may change its own reply. */
  followsReply = false
  /** Nobody waits for this stream's hooks any more. */
  isOver = false
  /** Promises of a body that is being gathered. */
  waiting: { readonly request?: Gathered | undefined; readonly response?: Gathered | undefined } | undefined
  readonly program: ScriptHttpFilter
  #headers: HeaderView | undefined
  #abort: AbortController | undefined
  #calls: Set<Ending> | undefined

  constructor(program: ScriptHttpFilter, handle: number) {
    this.program = program
    this.handle = handle
    this.state = program.makeState?.()
  }

  get #addon(): StreamAddon {
    return this.program.parts.addon
  }

  // ---- RequestHead

  get method(): string {
    return this.headers.get(':method') ?? ''
  }

  get path(): string {
    return this.headers.get(':path') ?? ''
  }

  get authority(): string {
    return this.headers.get(':authority') ?? ''
  }

  get headers(): Headers {
    this.#headers ??= new HeaderView(this.program.parts.frame, this.handle, Part.requestHeaders)
    return this.#headers
  }

  // ---- Stream

  get routeConfig(): unknown {
    const settings = this.#addon.routeSettings(this.handle)
    return settings === 0
      ? undefined
      : this.program.routeConfig(settings, () => this.#addon.routeSettingsText(this.handle))
  }

  get info(): StreamInfo {
    return new StreamFacts(this.#addon, this.handle)
  }

  get requestBody(): Body {
    return new BodyView(this.#addon, this, false)
  }

  get responseBody(): Body {
    return new BodyView(this.#addon, this, true)
  }

  get metadata(): DynamicMetadata {
    return new MetadataView(this.#addon, this.handle)
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.isOver) this.#abort.abort()
      else this.#watch()
    }
    return this.#abort.signal
  }

  reply(status: number, body?: string | Uint8Array, headers: ReplyHeaders = {}, details = ''): LocalReply {
    if (this.hasReplied) throw new Error('this request was answered already: reply() was called twice')
    if (!Number.isInteger(status) || status < 200 || status > 599)
      throw new RangeError(`reply(${status}): a status is a whole number from 200 to 599`)
    const names = Object.keys(headers)
    this.#addon.streamReply(
      this.handle,
      status,
      body,
      names.flatMap(name => [headers[name] ?? []].flat().flatMap(value => [name, value])),
      // As in Envoy, a detail is one word in a log.
      details.replace(/\s/g, '_'),
    )
    this.hasReplied = true
    return localReply
  }

  hold(): HeldBack {
    return heldBack
  }

  // ---- BuiltInStream

  followReply(): void {
    this.followsReply = true
  }

  flag(flag: number): void {
    this.#addon.streamFlag(this.handle, flag)
  }

  chargeCluster(status: number): boolean {
    return this.#addon.clusterCharge(this.handle, status)
  }

  routeConfigs(): readonly unknown[] {
    const levels = this.#addon.routeLevels(this.handle)
    const configs: unknown[] = []
    for (let i = 0; i < levels.length; i += 2)
      configs.push(this.program.routeConfig(Number(levels[i]), () => levels[i + 1] as string))
    return configs
  }

  fact(name: BuiltInFact): string {
    if (name === 'scheme') return this.headers.get(':scheme') ?? ''
    return this.#addon.streamText(this.handle, Fact[name])
  }

  matches(tool: NativeTool): boolean {
    return this.#addon.toolMatches(this.handle, tool.native)
  }

  format(tool: NativeTool): string {
    return this.#addon.toolFormat(this.handle, tool.native)
  }

  rewrite(tool: NativeTool, text: string): string {
    return this.#addon.toolRewrite(this.handle, tool.native, text)
  }

  mutate(tool: NativeTool, side: 'request' | 'response'): void {
    this.#addon.toolMutate(this.handle, tool.native, side === 'response')
    this.program.parts.frame.forgetValues()
  }

  descriptors(tool: NativeTool | undefined, { stage, host, isDone }: DescriptorChoice): readonly LimitDescriptor[] {
    const json = this.#addon.streamDescriptors(this.handle, tool?.native, stage, host, isDone)
    return JSON.parse(json) as LimitDescriptor[]
  }

  filterState(name: string): string | undefined {
    return this.#addon.filterStateGet(this.handle, name)
  }

  setFilterState(name: string, value: string, field = ''): void {
    this.#addon.filterStateSet(this.handle, name, value, field)
  }

  connectionMetadata(): Readonly<Record<string, JsonObject>> {
    return JSON.parse(this.#addon.streamConnectionMetadata(this.handle) || '{}') as Record<string, JsonObject>
  }

  refreshRoute(): void {
    this.#addon.streamRefreshRoute(this.handle)
  }

  /** The stream is over. */
  close(): void {
    this.isOver = true
    this.#abort?.abort()
    if (this.#calls === undefined) return
    for (const call of [...this.#calls]) call.end()
  }

  /** Wants to be told when the stream is over. */
  #watch(): void {
    this.#addon.streamWatch(this.handle)
    this.program.parts.keep(this)
  }

  // ---- CallOwner

  own(call: Ending): void {
    if (this.#calls === undefined) {
      this.#calls = new Set()
      if (!this.isOver) this.#watch()
    }
    this.#calls.add(call)
  }

  disown(call: Ending): void {
    this.#calls?.delete(call)
  }
}

export class ResponseView implements ResponseHead {
  readonly headers: HeaderView

  constructor(parts: StreamParts, handle: number) {
    this.headers = new HeaderView(parts.frame, handle, Part.responseHeaders)
  }

  get status(): number {
    return Number(this.headers.get(':status') ?? 0)
  }

  set status(status: number) {
    if (!Number.isInteger(status) || status < 200 || status > 599)
      throw new RangeError(`status = ${status}: a status is a whole number from 200 to 599`)
    this.headers.set(':status', String(status))
  }
}

class StreamFacts implements StreamInfo {
  readonly #addon: StreamAddon
  readonly #handle: number

  constructor(addon: StreamAddon, handle: number) {
    this.#addon = addon
    this.#handle = handle
  }

  get protocol(): string {
    return this.#addon.streamText(this.#handle, Fact.protocol)
  }
  get remoteAddress(): string {
    return this.#addon.streamText(this.#handle, Fact.remoteAddress)
  }
  get localAddress(): string {
    return this.#addon.streamText(this.#handle, Fact.localAddress)
  }
  get routeName(): string {
    return this.#addon.streamText(this.#handle, Fact.routeName)
  }
  get clusterName(): string {
    return this.#addon.streamText(this.#handle, Fact.clusterName)
  }
  get upstreamHost(): string {
    return this.#addon.streamText(this.#handle, Fact.upstreamHost)
  }
  get responseCodeDetails(): string {
    return this.#addon.streamText(this.#handle, Fact.responseCodeDetails)
  }
  get responseFlags(): string {
    return this.#addon.streamText(this.#handle, Fact.responseFlags)
  }
  get requestedServerName(): string {
    return this.#addon.streamText(this.#handle, Fact.requestedServerName)
  }
  get responseCode(): number {
    return this.#addon.streamNumber(this.#handle, Fact.responseCode)
  }
  get bytesReceived(): number {
    return this.#addon.streamNumber(this.#handle, Fact.bytesReceived)
  }
  get bytesSent(): number {
    return this.#addon.streamNumber(this.#handle, Fact.bytesSent)
  }
  get durationMs(): number {
    return this.#addon.streamNumber(this.#handle, Fact.durationMs)
  }
}

class MetadataView implements DynamicMetadata {
  readonly #addon: StreamAddon
  readonly #handle: number

  constructor(addon: StreamAddon, handle: number) {
    this.#addon = addon
    this.#handle = handle
  }

  get(namespace: string, key: string): unknown {
    const json = this.#addon.metadataGet(this.#handle, namespace, key)
    return json === undefined ? undefined : JSON.parse(json)
  }

  set(namespace: string, key: string, value: unknown): void {
    const json = JSON.stringify(value) as string | undefined
    if (json === undefined) throw new TypeError(`metadata.set('${namespace}', '${key}'): the value is not JSON`)
    this.#addon.metadataSet(this.#handle, namespace, key, json)
  }
}

class BodyView implements Body {
  readonly #addon: StreamAddon
  readonly #stream: StreamView
  readonly #isResponse: boolean

  constructor(addon: StreamAddon, stream: StreamView, isResponse: boolean) {
    this.#addon = addon
    this.#stream = stream
    this.#isResponse = isResponse
  }

  buffer(limitBytes: number): Promise<Uint8Array> {
    return this.#gather(limitBytes, false)
  }

  async peek(bytes: number): Promise<Uint8Array> {
    return (await this.#gather(bytes, true)).subarray(0, bytes)
  }

  #gather(limitBytes: number, isPartial: boolean): Promise<Uint8Array> {
    this.#bar()
    const whole = this.#addon.bodyBuffer(this.#stream.handle, this.#isResponse, limitBytes, isPartial)
    if (whole !== undefined) return Promise.resolve(whole)
    return new Promise(resolve => {
      this.#stream.waiting = { ...this.#stream.waiting, [this.#isResponse ? 'response' : 'request']: resolve }
    })
  }

  append(bytes: Uint8Array): void {
    this.#bar()
    this.#addon.bodyAppend(this.#stream.handle, this.#isResponse, bytes)
  }

  get isComplete(): boolean {
    return this.#addon.bodyIsComplete(this.#stream.handle, this.#isResponse)
  }

  get limitBytes(): number {
    return this.#addon.bodyLimit(this.#stream.handle, this.#isResponse)
  }

  /** What is done to the body shows in the head when the hook is done, and filters behind have to see it. */
  #bar(): void {
    this.#stream.program.parts.frame.isBarred = true
  }

  replace(bytes: Uint8Array | string): void {
    this.#bar()
    this.#addon.bodyReplace(this.#stream.handle, this.#isResponse, bytes)
  }
}
