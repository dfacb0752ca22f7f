import {
  Accepted,
  type ConnectionAddon,
  ConnectionFact,
  ConnectionNumber,
  ConnectionTexts,
} from '../worker/script-addon.js'

/** Members of `connection.info`, where they matter to a test; those of its TLS session are in `tls`. */
export interface TestConnectionInfo {
  readonly remoteAddress?: string
  readonly localAddress?: string
  readonly directRemoteAddress?: string
  readonly directLocalAddress?: string
  readonly requestedServerName?: string
  readonly transportProtocol?: string
  readonly applicationProtocols?: readonly string[]
  readonly listenerName?: string
  readonly filterChainName?: string
  readonly id?: number
  readonly tls?: {
    readonly version?: string
    readonly cipher?: string
    readonly applicationProtocol?: string
    readonly peerPresented?: boolean
    readonly peerValidated?: boolean
    readonly peerSubject?: string
    readonly peerIssuer?: string
    readonly peerSerial?: string
    readonly peerFingerprint?: string
    readonly peerUris?: readonly string[]
    readonly peerDnsNames?: readonly string[]
    readonly localSubject?: string
  }
}

/** What the proxy does for a connection under test. */
export interface MemoryGuest {
  readonly facts: { -readonly [Name in keyof TestConnectionInfo]: TestConnectionInfo[Name] }
  readonly metadata: Map<string, string>
  readonly filterState: Map<string, string>
  bytesReceived: number
  bytesSent: number
  chunk: Uint8Array
  inject(bytes: Buffer, isToClient: boolean): void
  close(isOrderly: boolean, reason: string): void
  pause(isPaused: boolean): void
  settle(outcome: number): void
  want(bytes: number): void
  consume(bytes: number): void
}

/** What native code does for network and listener filters, done in memory. */
export class MemoryConnections implements ConnectionAddon {
  readonly #guests = new Map<number, MemoryGuest>()

  enter(handle: number, guest: MemoryGuest): void {
    this.#guests.set(handle, guest)
  }

  leave(handle: number): void {
    this.#guests.delete(handle)
  }

  connectionText(handle: number, fact: number): string {
    const { facts } = this.#guest(handle)
    const { remoteAddress = '203.0.113.1:50000', localAddress = '192.0.2.1:10000', tls = {} } = facts
    const texts: Readonly<Record<number, string | undefined>> = {
      [ConnectionFact.remoteAddress]: remoteAddress,
      [ConnectionFact.localAddress]: localAddress,
      [ConnectionFact.directRemoteAddress]: facts.directRemoteAddress ?? remoteAddress,
      [ConnectionFact.directLocalAddress]: facts.directLocalAddress ?? localAddress,
      [ConnectionFact.requestedServerName]: facts.requestedServerName,
      [ConnectionFact.transportProtocol]: facts.transportProtocol,
      [ConnectionFact.listenerName]: facts.listenerName,
      [ConnectionFact.filterChainName]: facts.filterChainName,
      [ConnectionFact.tlsVersion]: facts.tls && (tls.version ?? 'TLSv1.3'),
      [ConnectionFact.tlsCipher]: tls.cipher,
      [ConnectionFact.tlsProtocol]: tls.applicationProtocol,
      [ConnectionFact.peerSubject]: tls.peerSubject,
      [ConnectionFact.peerIssuer]: tls.peerIssuer,
      [ConnectionFact.peerSerial]: tls.peerSerial,
      [ConnectionFact.peerFingerprint]: tls.peerFingerprint,
      [ConnectionFact.localSubject]: tls.localSubject,
    }
    return texts[fact] ?? ''
  }

  connectionTexts(handle: number, fact: number): string[] {
    const { applicationProtocols, tls } = this.#guest(handle).facts
    const lists: Readonly<Record<number, readonly string[] | undefined>> = {
      [ConnectionTexts.applicationProtocols]: applicationProtocols,
      [ConnectionTexts.peerUris]: tls?.peerUris,
      [ConnectionTexts.peerDnsNames]: tls?.peerDnsNames,
    }
    return [...(lists[fact] ?? [])]
  }

  connectionNumber(handle: number, fact: number): number {
    const { facts, bytesReceived, bytesSent } = this.#guest(handle)
    const numbers: Readonly<Record<number, number>> = {
      [ConnectionNumber.id]: facts.id ?? handle,
      [ConnectionNumber.bytesReceived]: bytesReceived,
      [ConnectionNumber.bytesSent]: bytesSent,
      [ConnectionNumber.peerPresented]: Number(facts.tls?.peerPresented ?? false),
      [ConnectionNumber.peerValidated]: Number(facts.tls?.peerValidated ?? false),
    }
    return numbers[fact] ?? 0
  }

  connectionMetadataGet(handle: number, namespace: string, key: string): string | undefined {
    return this.#guest(handle).metadata.get(`${namespace}\n${key}`)
  }

  connectionMetadataSet(handle: number, namespace: string, key: string, json: string): void {
    this.#guest(handle).metadata.set(`${namespace}\n${key}`, json)
  }

  connectionStateGet(handle: number, name: string): string | undefined {
    return this.#guest(handle).filterState.get(name)
  }

  connectionStateSet(handle: number, name: string, value: string): void {
    this.#guest(handle).filterState.set(name, value)
  }

  connectionChunk(handle: number, bytes: Uint8Array): void {
    this.#guest(handle).chunk = Buffer.from(bytes)
  }

  connectionInject(handle: number, bytes: Uint8Array | string, isToClient: boolean): void {
    this.#guest(handle).inject(Buffer.from(bytes as Uint8Array), isToClient)
  }

  connectionClose(handle: number, isOrderly: boolean, reason: string): void {
    this.#guest(handle).close(isOrderly, reason)
  }

  connectionPause(handle: number, isPaused: boolean): void {
    this.#guest(handle).pause(isPaused)
  }

  connectionResume(handle: number, _stage: number, outcome: number): void {
    this.#guests.get(handle)?.settle(outcome)
  }

  acceptSet(handle: number, what: number, value: string): void {
    const { facts } = this.#guest(handle)
    if (what === Accepted.serverName) facts.requestedServerName = value
    else if (what === Accepted.transportProtocol) facts.transportProtocol = value
    else if (!/^(\d+\.\d+\.\d+\.\d+|\[[\da-f:.]+\]):\d+$/i.test(value))
      throw new TypeError(`'${value}' is no address with a port`)
    else if (what === Accepted.destination) facts.localAddress = value
    else facts.remoteAddress = value
  }

  acceptProtocols(handle: number, protocols: readonly string[]): void {
    this.#guest(handle).facts.applicationProtocols = [...protocols]
  }

  acceptWant(handle: number, bytes: number): void {
    this.#guest(handle).want(bytes)
  }

  acceptConsume(handle: number, bytes: number): void {
    this.#guest(handle).consume(bytes)
  }

  #guest(handle: number): MemoryGuest {
    const guest = this.#guests.get(handle)
    if (guest === undefined) throw new Error("this connection is over, or no longer this filter's")
    return guest
  }
}

/** Metadata as tests look at it: by namespace, then key. */
export function metadataOf(metadata: ReadonlyMap<string, string>): Record<string, Record<string, unknown>> {
  const all: Record<string, Record<string, unknown>> = {}
  for (const [key, json] of metadata) {
    const [namespace = '', name = ''] = key.split('\n')
    all[namespace] = { ...all[namespace], [name]: JSON.parse(json) as unknown }
  }
  return all
}

/** One that nothing happens to. */
export function newGuest(info: TestConnectionInfo, filterState: Readonly<Record<string, string>>): MemoryGuest {
  return {
    facts: { ...info },
    metadata: new Map(),
    filterState: new Map(Object.entries(filterState)),
    bytesReceived: 0,
    bytesSent: 0,
    chunk: Buffer.alloc(0),
    inject() {},
    close() {},
    pause() {},
    settle() {},
    want() {},
    consume() {},
  }
}
