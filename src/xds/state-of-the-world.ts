import { typeNameOf } from '../config/type-url.js'
import { err, ok, type Result } from '../support/result.js'
import { typeOfUrl } from './methods.js'
import {
  deliver,
  Interest,
  type Mux,
  type MuxOptions,
  OwnedWatch,
  refusedCode,
  sorted,
  type Watch,
  type WatchCallbacks,
  type WatchOwner,
} from './mux.js'
import type { ManagedStream } from './stream.js'
import { TimesToLive } from './ttl.js'
import { type Resource, type ResourceType, resourceTypes, type Update } from './types.js'
import { errorText, type Packed, type StateResponse, type Unwrapped } from './wire.js'
import { isCollection, normalName, wildcardOf } from './xdstp.js'

type SotwWatch = OwnedWatch<readonly string[]>

/** What is said and heard of one type on a stream. */
interface TypeState {
  readonly type: ResourceType
  /** Oldest first; requests name the newest one's resources first. */
  readonly watches: Set<SotwWatch>
  readonly owner: WatchOwner<readonly string[]>
  /** Watches by the names they ask for. */
  readonly interest: Interest<SotwWatch>
  /** Those who ask for everything, and those for a collection. */
  readonly broad: Set<SotwWatch>
  watchNumber: number
  /** Of all watches, as requests carry them, in bytes; undefined: to be made anew. An acknowledgement repeats them, and there may be thousands. */
  names: Uint8Array | undefined
  readonly ttl: TimesToLive
  /** Those with a time to live, for answers that only say that they are as they were. */
  readonly mortal: Map<string, Resource>
  /** Bytes of the last responses, by name; they were found good. Most of the next one is the same again. */
  readonly known: Map<string, Uint8Array>
  version: string
  nonce: string
  error: string | undefined
  pauses: number
  /** A request was held back by a pause. */
  isPending: boolean
}

/**
 * A stream in the state-of-the-world dialect: every request names everything that is wanted of a type, every response replaces the one
 * before. A response is acknowledged as a whole, by the next request of its type.
 */
export class SotwMux implements Mux {
  readonly isDelta = false
  readonly #options: MuxOptions
  readonly #stream: ManagedStream
  /** In the order of the first watch, which is the order of requests on a new stream. */
  readonly #states = new Map<ResourceType, TypeState>()
  /** Types whose request waits for the rate limit; one may be in it more than once. */
  #queue: ResourceType[] = []
  readonly #pausedEarly = new Map<ResourceType, number>()
  #isFirstRequest = true
  #isClosed = false

  constructor(options: MuxOptions) {
    this.#options = options
    this.#stream = options.openStream({
      onOpen: () => this.#opened(),
      onMessage: bytes => this.#received(bytes),
      onFailure: () => this.#failed(),
      onWritable: () => this.#drain(),
    })
  }

  start(): void {
    this.#stream.open()
  }

  close(): void {
    this.#isClosed = true
    this.#stream.close()
    for (const { ttl } of this.#states.values()) ttl.close()
    this.#states.clear()
  }

  watch(type: ResourceType, names: ReadonlySet<string>, callbacks: WatchCallbacks): Watch {
    const state = this.#stateOf(type)
    const watch: SotwWatch = new OwnedWatch(state.owner, normal(names), callbacks)
    this.#enter(state, watch)
    return watch
  }

  #enter(state: TypeState, watch: SotwWatch): void {
    watch.number = state.watchNumber++
    state.watches.add(watch)
    const { names } = watch
    if (names.length === 0) state.broad.add(watch)
    for (const name of names) {
      state.interest.add(name, watch)
      if (isCollection(name)) state.broad.add(watch)
    }
    state.names = undefined
    this.#request(state)
  }

  #leave(state: TypeState, watch: SotwWatch): void {
    if (!state.watches.delete(watch)) return
    state.broad.delete(watch)
    for (const name of watch.names) if (state.interest.delete(name, watch)) state.known.delete(name)
    state.names = undefined
    if (watch.names.length > 0) this.#request(state)
  }

  pause(types: readonly ResourceType[]): () => void {
    for (const type of types) this.#pause(type, 1)
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      for (const type of types) this.#pause(type, -1)
    }
  }

  // A type may be paused before anybody asks for it.
  #pause(type: ResourceType, step: 1 | -1): void {
    const state = this.#states.get(type)
    if (state === undefined) {
      this.#pausedEarly.set(type, (this.#pausedEarly.get(type) ?? 0) + step)
      return
    }
    state.pauses += step
    if (state.pauses > 0 || !state.isPending) return
    state.isPending = false
    this.#request(state)
  }

  #stateOf(type: ResourceType): TypeState {
    const known = this.#states.get(type)
    if (known) return known
    const state: TypeState = {
      type,
      watches: new Set(),
      owner: {
        // Asked again before and after, as Envoy does; a pause makes one of it.
        rename: (watch, names) => {
          this.#leave(state, watch)
          watch.names = normal(names)
          this.#enter(state, watch)
        },
        requestOnDemand: () => undefined,
        leave: watch => this.#leave(state, watch),
      },
      interest: new Interest(),
      broad: new Set(),
      watchNumber: 0,
      names: undefined,
      ttl: new TimesToLive(this.#options.clock, names => void this.#expired(state, names)),
      mortal: new Map(),
      known: new Map(),
      version: '',
      nonce: '',
      error: undefined,
      pauses: this.#pausedEarly.get(type) ?? 0,
      isPending: false,
    }
    this.#pausedEarly.delete(type)
    this.#states.set(type, state)
    return state
  }

  #request(state: TypeState): void {
    if (this.#isClosed || !this.#stream.isOpen) return // a new stream asks for everything
    if (state.pauses > 0) {
      state.isPending = true
      return
    }
    this.#queue.push(state.type)
    this.#drain()
  }

  #drain(): void {
    while (this.#queue.length > 0 && this.#stream.allowsSend()) {
      const state = this.#states.get(this.#queue.shift() as ResourceType)
      if (state) this.#send(state)
    }
    this.#stream.tellPending(this.#queue.length)
  }

  #send(state: TypeState): void {
    const { wire } = this.#options
    state.names ??= wire.names(namesOf(state))
    const isWithNode = this.#isFirstRequest || !this.#options.isNodeSentOnce
    this.#options.beforeSend()
    this.#stream.send(
      wire.request(
        false,
        {
          versionInfo: state.version,
          ...(isWithNode && { node: this.#options.node }),
          typeUrl: resourceTypes[state.type],
          responseNonce: state.nonce,
          ...(state.error !== undefined && { errorDetail: { code: refusedCode, message: errorText(state.error) } }),
        },
        state.names,
      ),
    )
    this.#isFirstRequest = false
    state.error = undefined
  }

  #opened(): void {
    this.#isFirstRequest = true
    this.#stream.tellPending(0)
    this.#queue = []
    for (const state of this.#states.values()) state.nonce = ''
    for (const state of this.#states.values()) this.#request(state)
  }

  #failed(): void {
    for (const { watches } of this.#states.values())
      for (const { callbacks } of [...watches]) callbacks.onConnectionFailure()
  }

  async #received(bytes: Uint8Array): Promise<void> {
    const { wire, log, onEvent } = this.#options
    const decoded = wire.response(bytes)
    if (!decoded.ok) return log.warning(`Ignoring a message: ${decoded.error}`)
    const response = decoded.value
    const type = typeOfUrl(response.typeUrl)
    const state = type && this.#states.get(type)
    if (state === undefined)
      return log.warning(`Ignoring the message for type URL ${response.typeUrl} as it has no current subscribers.`)
    if (response.controlPlane) onEvent({ kind: 'control_plane.identifier', value: response.controlPlane.identifier })
    if (state.watches.size === 0) return this.#unwatched(state, response)
    const { generation } = this.#stream
    // Changes of interest while it is dealt with go out with the answer.
    const resume = this.pause([state.type])
    const wrong = await this.#process(state, response)
    if (this.#isClosed) return
    if (wrong === undefined) state.version = response.versionInfo
    else for (const { callbacks } of [...state.watches]) callbacks.onRejected(wrong)
    // The stream may have ended meanwhile: a nonce means nothing on another one.
    if (generation === this.#stream.generation) {
      state.nonce = response.nonce
      state.error = wrong
    }
    state.isPending = true
    resume()
  }

  #unwatched(state: TypeState, response: StateResponse): void {
    state.nonce = response.nonce
    if (response.resources.length === 0) state.version = response.versionInfo
    else {
      this.#options.log.warning(`Ignoring unwatched type URL ${response.typeUrl}`)
      this.#request(state)
    }
  }

  async #process(state: TypeState, response: StateResponse): Promise<string | undefined> {
    const unwrapped = this.#unwrap(state, response.resources, response.versionInfo)
    if (!unwrapped.ok) return unwrapped.error
    const { fresh, still } = this.#sortOut(state, unwrapped.value, response.versionInfo)
    // Envoy takes an answer of nothing but heartbeats for the whole state of clusters, and drops all the others.
    if (fresh.length === 0 && still.length > 0) return undefined
    const byName = new Map<string, Resource>()
    for (const resource of fresh) {
      const name = normalName(resource.name)
      // As in Envoy, the first of a name counts.
      if (!byName.has(name)) byName.set(name, resource)
    }
    const { versionInfo: version } = response
    const controlPlane = response.controlPlane?.identifier ?? ''
    const everything = [...fresh, ...still]
    return deliver(
      sharesOf(state, byName, watch => {
        const isFullState = watch.names.length === 0
        const added = isFullState ? everything : wanted(watch.names, byName)
        return added.length === 0 && !isFullState
          ? undefined
          : { version, added, removed: [], isFullState, controlPlane }
      }),
    )
  }

  /** What is new, and what is as it was; times to live begin again for both. */
  #sortOut(
    { version, ttl, mortal }: TypeState,
    all: readonly Unwrapped[],
    nextVersion: string,
  ): { readonly fresh: readonly Resource[]; readonly still: readonly Resource[] } {
    const fresh: Resource[] = []
    const still: Resource[] = []
    for (const { resource, ttlMs } of all) {
      ttl.set(resource.name, ttlMs)
      const known = mortal.get(resource.name)
      if (!resource.isAbsent) fresh.push(resource)
      else if (known !== undefined && version === nextVersion) still.push(known)
      if (ttlMs === undefined) mortal.delete(resource.name)
      else if (!resource.isAbsent) mortal.set(resource.name, resource)
    }
    ttl.arm()
    return { fresh, still }
  }

  #unwrap(state: TypeState, resources: readonly Packed[], version: string): Result<readonly Unwrapped[], string> {
    const { wire } = this.#options
    const all: Unwrapped[] = []
    const fresh = new Map<string, Uint8Array>()
    for (const any of resources) {
      const one = wire.unwrap(state.type, any, version, state.known)
      if (!one.ok) return one
      const { resource } = one.value
      all.push(one.value)
      if (state.known.get(resource.name) === resource.bytes) continue
      const isHeartbeat = resource.isAbsent && version === state.version
      const wrong = isHeartbeat ? undefined : this.#fault(state.type, resource)
      if (wrong !== undefined) return err(wrong)
      if (!resource.isAbsent) fresh.set(resource.name, resource.bytes)
    }
    this.#remember(state, all, fresh)
    return ok(all)
  }

  /** Where everything is asked for, what is not in a response is gone; what is asked for by name, a response may leave out. */
  #remember(
    { known, interest, watches, broad }: TypeState,
    all: readonly Unwrapped[],
    fresh: ReadonlyMap<string, Uint8Array>,
  ): void {
    const isAskedForByName = broad.size < watches.size
    for (const [name, bytes] of fresh) if (!isAskedForByName || interest.has(normalName(name))) known.set(name, bytes)
    if (isAskedForByName || known.size <= all.length) return
    const names = new Set(all.map(({ resource }) => resource.name))
    for (const name of known.keys()) if (!names.has(name)) known.delete(name)
  }

  #fault(type: ResourceType, resource: Resource): string | undefined {
    if (!resource.isAbsent) return this.#options.check(type, resource)
    // As in Envoy, a wrapper of nothing is nothing among clusters and listeners.
    if (type === 'cluster' || type === 'listener') return undefined
    return `Unable to unpack as ${typeNameOf(resource.typeUrl)}: nothing in ${resource.name}`
  }

  async #expired(state: TypeState, expired: readonly string[]): Promise<void> {
    for (const name of expired) state.mortal.delete(name)
    for (const watch of [...state.watches]) {
      const names = new Set(watch.names)
      const removed = names.size === 0 ? expired : expired.filter(name => names.has(name))
      if (removed.length > 0)
        await watch.callbacks.onUpdate({ version: '', added: [], removed, isFullState: false, controlPlane: '' })
    }
  }
}

function namesOf({ watches }: TypeState): string[] {
  const names = new Set<string>()
  for (const watch of [...watches].reverse()) for (const name of watch.names) names.add(name)
  return [...names]
}

/** Of those who asked for some of it, newest first. A watch may end while others are told. */
function* sharesOf(
  { watches, interest, broad }: TypeState,
  byName: ReadonlyMap<string, Resource>,
  updateFor: (watch: SotwWatch) => Update | undefined,
): Generator<() => Promise<string | undefined>> {
  const concerned = new Set(broad)
  for (const name of byName.keys()) for (const watch of interest.of(name)) concerned.add(watch)
  for (const watch of [...concerned].sort((a, b) => b.number - a.number)) {
    const update = watches.has(watch) ? updateFor(watch) : undefined
    if (update) yield () => watch.callbacks.onUpdate(update)
  }
}

const normal = (names: ReadonlySet<string>): readonly string[] =>
  names.size > 1 ? sorted(new Set([...names].map(normalName))) : [...names].map(normalName)

function wanted(names: readonly string[], byName: ReadonlyMap<string, Resource>): readonly Resource[] {
  const [only] = names
  const known = names.length === 1 && only !== undefined ? byName.get(only) : undefined
  if (known !== undefined) return [known]
  return names.flatMap(name => {
    const found = byName.get(name)
    if (found) return [found]
    if (!isCollection(name)) return []
    return [...byName].flatMap(([other, resource]) => (wildcardOf(other) === name ? [resource] : []))
  })
}
