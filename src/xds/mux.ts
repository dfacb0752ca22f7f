import type { Node } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import { makeBreather } from '../support/breather.js'
import type { Clock } from '../support/clock.js'
import type { Logger } from '../support/log.js'
import type { ManagedStream, StreamCallbacks } from './stream.js'
import type { ControlPlaneEvent, Resource, ResourceType, Update } from './types.js'
import type { Wire } from './wire.js'

/** What a stream tells one of those who ask on it. */
export interface WatchCallbacks {
  /** What is wrong; undefined: taken. */
  onUpdate(update: Update): Promise<string | undefined>
  /** A response of the type, perhaps of no interest to this one, was refused. */
  onRejected(detail: string): void
  onConnectionFailure(): void
}

/** One party's interest in resources of one type. */
export interface Watch {
  setNames(names: ReadonlySet<string>): void
  requestOnDemand(names: ReadonlySet<string>): void
  close(): void
}

/** Whoever keeps watches: it does what they are told. */
export interface WatchOwner<Names> {
  rename(watch: OwnedWatch<Names>, names: ReadonlySet<string>): void
  requestOnDemand(names: ReadonlySet<string>): void
  leave(watch: OwnedWatch<Names>): void
}

/** A watch of which there may be ten thousand on a stream: it holds nothing but what is its own. */
export class OwnedWatch<Names> implements Watch {
  /** As they are asked for. */
  names: Names
  /** In the order of watches. */
  number = 0
  readonly callbacks: WatchCallbacks
  readonly #owner: WatchOwner<Names>

  constructor(owner: WatchOwner<Names>, names: Names, callbacks: WatchCallbacks) {
    this.names = names
    this.callbacks = callbacks
    this.#owner = owner
  }

  setNames(names: ReadonlySet<string>): void {
    this.#owner.rename(this, names)
  }

  requestOnDemand(names: ReadonlySet<string>): void {
    this.#owner.requestOnDemand(names)
  }

  close(): void {
    this.#owner.leave(this)
  }
}

/** Who asks for a name: hardly ever more than one. */
export class Interest<W extends object> {
  readonly #byName = new Map<string, W | Set<W>>()

  has(name: string): boolean {
    return this.#byName.has(name)
  }

  of(name: string): Iterable<W> {
    const found = this.#byName.get(name)
    if (found === undefined) return nobody
    return found instanceof Set ? found : [found]
  }

  /** Is it the first who asks for it? */
  add(name: string, watch: W): boolean {
    const known = this.#byName.get(name)
    if (known === undefined) this.#byName.set(name, watch)
    else if (known instanceof Set) known.add(watch)
    else if (known !== watch) this.#byName.set(name, new Set([known, watch]))
    return known === undefined
  }

  /** Was it the last? */
  delete(name: string, watch: W): boolean {
    const known = this.#byName.get(name)
    if (known instanceof Set) known.delete(watch)
    const isLast = known === watch || (known instanceof Set && known.size === 0)
    if (isLast) this.#byName.delete(name)
    return isLast
  }
}

const nobody: readonly never[] = []

/** The state of one stream: who asks for what on it, and what was answered. */
export interface Mux {
  readonly isDelta: boolean
  watch(type: ResourceType, names: ReadonlySet<string>, callbacks: WatchCallbacks): Watch
  start(): void
  pause(types: readonly ResourceType[]): () => void
  close(): void
}

export interface MuxOptions {
  readonly wire: Wire
  readonly node: Node
  readonly isNodeSentOnce: boolean
  readonly clock: Clock
  readonly log: Logger
  readonly check: (type: ResourceType, resource: Resource) => string | undefined
  readonly onEvent: (event: ControlPlaneEvent) => void
  /** Called before each request goes out. */
  readonly beforeSend: () => void
  readonly openStream: (callbacks: StreamCallbacks) => ManagedStream
}

/** The gRPC status of a refused response. */
export const refusedCode = 13

/** In the order in which Envoy writes names. */
export const sorted = (names: Iterable<string>): string[] => [...names].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))

/** Microtasks within which a watcher that refuses an update out of hand has said so. */
const turnsToRefuse = 6

/**
 * Tells watchers of their shares of one response, in order and without waiting for what each makes of it; stops at one that refuses at
 * once, as Envoy does. The answer is the first refusal in that order. Where there are thousands, what the first ones made of theirs goes on its
 * way meanwhile.
 */
export async function deliver(shares: Iterable<() => Promise<string | undefined>>): Promise<string | undefined> {
  const answers: Promise<string | undefined>[] = []
  const breathe = makeBreather()
  for (const share of shares) {
    const pause = breathe()
    if (pause !== undefined) await pause
    let isRefused = false
    const answer = share()
    answers.push(answer)
    void answer.then(wrong => {
      isRefused = wrong !== undefined
    })
    for (let turn = 0; turn < turnsToRefuse && !isRefused; turn++) await undefined
    if (isRefused) break
  }
  return (await Promise.all(answers)).find(wrong => wrong !== undefined)
}
