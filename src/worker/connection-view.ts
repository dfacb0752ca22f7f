import type { ConnectionInfo, ConnectionView, FilterState, MoreBytes, TlsFacts } from '../api/connection.js'
import type { AcceptedConnection, Refusal } from '../api/listener-filter.js'
import type { Connection } from '../api/network-filter.js'
import type { DynamicMetadata } from '../api/stream.js'
import type { ScriptConnectionFilter } from './connection-program.js'
import { Accepted, ConnectionFact, ConnectionNumber, ConnectionTexts, type ConnectionAddon } from './script-addon.js'

export const moreBytes: MoreBytes = Object.freeze({ kind: 'more-bytes' })
const refusal: Refusal = Object.freeze({ kind: 'refusal' })
const firstLookBytes = 8 << 10

/** One connection as one filter sees it. Native code has the connection; this has its handle. */
export class GuestView implements ConnectionView<unknown> {
  readonly handle: number
  readonly state: unknown
  readonly program: ScriptConnectionFilter
  /** Nobody waits for this connection's hooks any more. */
  isOver = false
  /** A listener filter: close() was called. */
  isRefused = false
  protected readonly addon: ConnectionAddon
  #abort: AbortController | undefined

  constructor(addon: ConnectionAddon, program: ScriptConnectionFilter, handle: number) {
    this.addon = addon
    this.program = program
    this.handle = handle
    this.state = program.makeState?.()
  }

  get info(): ConnectionInfo {
    return new Facts(this.addon, this.handle)
  }

  get metadata(): DynamicMetadata {
    return new Metadata(this.addon, this.handle)
  }

  get filterState(): FilterState {
    const { addon, handle } = this
    return {
      get: name => addon.connectionStateGet(handle, name),
      set: (name, value) => addon.connectionStateSet(handle, name, value),
    }
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.isOver) this.#abort.abort()
    }
    return this.#abort.signal
  }

  /** The connection is over. */
  end(): void {
    this.isOver = true
    this.#abort?.abort()
  }
}

export class NetworkConnectionView extends GuestView implements Connection<unknown> {
  write(bytes: Uint8Array | string): void {
    this.addon.connectionInject(this.handle, checkedBytes(bytes), true)
  }

  inject(bytes: Uint8Array | string): void {
    this.addon.connectionInject(this.handle, checkedBytes(bytes), false)
  }

  more(): MoreBytes {
    return moreBytes
  }

  close(reason = 'typescript_filter_close'): void {
    if (!this.isOver) this.addon.connectionClose(this.handle, true, word(reason))
  }

  abort(reason = 'typescript_filter_close'): void {
    if (!this.isOver) this.addon.connectionClose(this.handle, false, word(reason))
  }

  pauseReading(): void {
    this.addon.connectionPause(this.handle, true)
  }

  resumeReading(): void {
    this.addon.connectionPause(this.handle, false)
  }
}

export class AcceptedConnectionView extends GuestView implements AcceptedConnection<unknown> {
  get serverName(): string {
    return this.addon.connectionText(this.handle, ConnectionFact.requestedServerName)
  }

  set serverName(name: string) {
    this.addon.acceptSet(this.handle, Accepted.serverName, String(name).toLowerCase())
  }

  get transportProtocol(): string {
    return this.addon.connectionText(this.handle, ConnectionFact.transportProtocol)
  }

  set transportProtocol(name: string) {
    this.addon.acceptSet(this.handle, Accepted.transportProtocol, String(name))
  }

  get applicationProtocols(): readonly string[] {
    return this.addon.connectionTexts(this.handle, ConnectionTexts.applicationProtocols)
  }

  set applicationProtocols(protocols: readonly string[]) {
    for (const protocol of protocols)
      if (typeof protocol !== 'string' || protocol.length > 255)
        throw new TypeError('applicationProtocols: a protocol is a string of at most 255 characters')
    this.addon.acceptProtocols(this.handle, protocols)
  }

  setDestination(address: string): void {
    this.addon.acceptSet(this.handle, Accepted.destination, String(address))
  }

  setRemoteAddress(address: string): void {
    this.addon.acceptSet(this.handle, Accepted.remoteAddress, String(address))
  }

  more(maxBytes = firstLookBytes): MoreBytes {
    if (!(maxBytes > 0)) throw new RangeError(`more(${maxBytes}): the number of bytes must be more than 0`)
    this.addon.acceptWant(this.handle, maxBytes)
    return moreBytes
  }

  consume(bytes: number): void {
    if (!(bytes >= 0)) throw new RangeError(`consume(${bytes}): the number of bytes must not be negative`)
    this.addon.acceptConsume(this.handle, bytes)
  }

  close(): Refusal {
    this.isRefused = true
    return refusal
  }
}

function checkedBytes(bytes: Uint8Array | string): Uint8Array | string {
  if (typeof bytes !== 'string' && !(bytes instanceof Uint8Array))
    throw new TypeError('what is written to a connection must be a Uint8Array or a string')
  return bytes
}

/** As in Envoy, a reason is one word in a log. */
function word(reason: string): string {
  return String(reason).replace(/\s/g, '_').slice(0, 200)
}

class Facts implements ConnectionInfo {
  readonly #addon: ConnectionAddon
  readonly #handle: number

  constructor(addon: ConnectionAddon, handle: number) {
    this.#addon = addon
    this.#handle = handle
  }

  get id(): number {
    return this.#addon.connectionNumber(this.#handle, ConnectionNumber.id)
  }
  get remoteAddress(): string {
    return this.#addon.connectionText(this.#handle, ConnectionFact.remoteAddress)
  }
  get localAddress(): string {
    return this.#addon.connectionText(this.#handle, ConnectionFact.localAddress)
  }
  get directRemoteAddress(): string {
    return this.#addon.connectionText(this.#handle, ConnectionFact.directRemoteAddress)
  }
  get directLocalAddress(): string {
    return this.#addon.connectionText(this.#handle, ConnectionFact.directLocalAddress)
  }
  get requestedServerName(): string {
    return this.#addon.connectionText(this.#handle, ConnectionFact.requestedServerName)
  }
  get transportProtocol(): string {
    return this.#addon.connectionText(this.#handle, ConnectionFact.transportProtocol)
  }
  get applicationProtocols(): readonly string[] {
    return this.#addon.connectionTexts(this.#handle, ConnectionTexts.applicationProtocols)
  }
  get listenerName(): string {
    return this.#addon.connectionText(this.#handle, ConnectionFact.listenerName)
  }
  get filterChainName(): string {
    return this.#addon.connectionText(this.#handle, ConnectionFact.filterChainName)
  }
  get bytesReceived(): number {
    return this.#addon.connectionNumber(this.#handle, ConnectionNumber.bytesReceived)
  }
  get bytesSent(): number {
    return this.#addon.connectionNumber(this.#handle, ConnectionNumber.bytesSent)
  }

  get tls(): TlsFacts | undefined {
    const text = (fact: number) => this.#addon.connectionText(this.#handle, fact)
    const version = text(ConnectionFact.tlsVersion)
    if (version === '') return undefined
    const texts = (fact: number) => this.#addon.connectionTexts(this.#handle, fact)
    const flag = (fact: number) => this.#addon.connectionNumber(this.#handle, fact) === 1
    return {
      version,
      cipher: text(ConnectionFact.tlsCipher),
      applicationProtocol: text(ConnectionFact.tlsProtocol),
      peerPresented: flag(ConnectionNumber.peerPresented),
      peerValidated: flag(ConnectionNumber.peerValidated),
      peerSubject: text(ConnectionFact.peerSubject),
      peerIssuer: text(ConnectionFact.peerIssuer),
      peerSerial: text(ConnectionFact.peerSerial),
      peerFingerprint: text(ConnectionFact.peerFingerprint),
      peerUris: texts(ConnectionTexts.peerUris),
      peerDnsNames: texts(ConnectionTexts.peerDnsNames),
      localSubject: text(ConnectionFact.localSubject),
    }
  }
}

class Metadata implements DynamicMetadata {
  readonly #addon: ConnectionAddon
  readonly #handle: number

  constructor(addon: ConnectionAddon, handle: number) {
    this.#addon = addon
    this.#handle = handle
  }

  get(namespace: string, key: string): unknown {
    const json = this.#addon.connectionMetadataGet(this.#handle, namespace, key)
    return json === undefined ? undefined : JSON.parse(json)
  }

  set(namespace: string, key: string, value: unknown): void {
    const json = JSON.stringify(value) as string | undefined
    if (json === undefined) throw new TypeError(`metadata.set('${namespace}', '${key}'): the value is not JSON`)
    this.#addon.connectionMetadataSet(this.#handle, namespace, key, json)
  }
}
