import type { DeltaDiscoveryResponse } from '../generated/protos/envoy/service/discovery/v3/discovery_pb.js'
import { DeltaState, wildcard } from './delta-state.js'
import { typeOfUrl } from './methods.js'
import {
  deliver,
  Interest,
  type Mux,
  type MuxOptions,
  OwnedWatch,
  refusedCode,
  type Watch,
  type WatchCallbacks,
  type WatchOwner,
} from './mux.js'
import type { ManagedStream } from './stream.js'
import { TimesToLive } from './ttl.js'
import { type Resource, type ResourceType, resourceTypes } from './types.js'
import { errorText, ofWrapper, type Unwrapped } from './wire.js'
import { isUrn, normalName, wildcardOf } from './xdstp.js'

type DeltaWatch = OwnedWatch<readonly string[]>

interface TypeState {
  readonly type: ResourceType
  readonly state: DeltaState
  readonly watches: Set<DeltaWatch>
  /** Those who named nothing, or "*". */
  readonly wildcards: Set<DeltaWatch>
  readonly owner: WatchOwner<readonly string[]>
  readonly interest: Interest<DeltaWatch>
  readonly ttl: TimesToLive
}

/** What of a response concerns one watch. */
interface Share {
  readonly added: Resource[]
  readonly removed: string[]
}

interface Answer {
  readonly type: ResourceType
  readonly nonce: string
  readonly error: string | undefined
}

/**
 * A stream in the delta dialect: requests say which names were added and given up, responses what changed. Each response is acknowledged by
 * itself; an answer and a change of interest share a request.
 */
export class DeltaMux implements Mux {
  readonly isDelta = true
  readonly #options: MuxOptions
  readonly #stream: ManagedStream
  /** In the order of the first watch, which is the order of requests. */
  readonly #types = new Map<ResourceType, TypeState>()
  readonly #pauses = new Map<ResourceType, number>()
  /** Go before anything else. */
  #answers: Answer[] = []
  #isFirstRequest = true
  #isClosed = false

  constructor(options: MuxOptions) {
    this.#options = options
    this.#stream = options.openStream({
      onOpen: () => this.#opened(),
      onMessage: bytes => this.#received(bytes),
      onFailure: () => this.#failed(),
      onWritable: () => this.#send(),
    })
  }

  start(): void {
    this.#stream.open()
  }

  close(): void {
    this.#isClosed = true
    this.#stream.close()
    for (const { ttl } of this.#types.values()) ttl.close()
    this.#types.clear()
  }

  watch(type: ResourceType, names: ReadonlySet<string>, callbacks: WatchCallbacks): Watch {
    const entry = this.#entryOf(type)
    const watch: DeltaWatch = new OwnedWatch(entry.owner, [], callbacks)
    entry.watches.add(watch)
    this.#setNames(entry, watch, names)
    return watch
  }

  #leave(entry: TypeState, watch: DeltaWatch): void {
    if (!entry.watches.has(watch)) return
    this.#setNames(entry, watch, new Set())
    entry.watches.delete(watch)
    entry.wildcards.delete(watch)
  }

  pause(types: readonly ResourceType[]): () => void {
    for (const type of types) this.#pauses.set(type, (this.#pauses.get(type) ?? 0) + 1)
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      for (const type of types) this.#pauses.set(type, (this.#pauses.get(type) ?? 1) - 1)
      this.#send()
    }
  }

  #isPaused(type: ResourceType): boolean {
    return (this.#pauses.get(type) ?? 0) > 0
  }

  #entryOf(type: ResourceType): TypeState {
    const known = this.#types.get(type)
    if (known) return known
    const entry: TypeState = {
      type,
      state: new DeltaState(),
      watches: new Set(),
      wildcards: new Set(),
      owner: {
        rename: (watch, names) => this.#setNames(entry, watch, names),
        requestOnDemand: names => {
          entry.state.change(names, [])
          this.#send()
        },
        leave: watch => this.#leave(entry, watch),
      },
      interest: new Interest(),
      ttl: new TimesToLive(this.#options.clock, names => void this.#expired(entry, names)),
    }
    this.#types.set(type, entry)
    return entry
  }

  #setNames(entry: TypeState, watch: DeltaWatch, wanted: ReadonlySet<string>): void {
    const names = new Set([...wanted].map(normalName))
    if (names.size === 0 || names.has(wildcard)) entry.wildcards.add(watch)
    else entry.wildcards.delete(watch)
    const before = new Set(watch.names)
    const added = [...names].filter(name => !before.has(name) && entry.interest.add(name, watch))
    const removed = watch.names.filter(name => !names.has(name) && entry.interest.delete(name, watch))
    watch.names = [...names]
    // Virtual hosts are watched by the route table they belong to, and asked for one by one as requests come.
    if (entry.type !== 'virtual-host') entry.state.change(added, removed)
    if (entry.state.hasSomethingToSay()) this.#send()
  }

  #send(): void {
    if (this.#isClosed) return
    for (let type = this.#nextToSpeak(); type !== undefined; type = this.#nextToSpeak()) {
      if (!this.#stream.isOpen || !this.#stream.allowsSend()) break
      const at = this.#answers.findIndex(answer => !this.#isPaused(answer.type))
      const [answer] = at < 0 ? [undefined] : this.#answers.splice(at, 1)
      this.#sendOne(this.#types.get(type) as TypeState, answer)
    }
    this.#stream.tellPending(this.#answers.length)
  }

  #nextToSpeak(): ResourceType | undefined {
    const answer = this.#answers.find(one => !this.#isPaused(one.type))
    if (answer) return answer.type
    for (const { type, state } of this.#types.values())
      if (state.hasSomethingToSay() && !this.#isPaused(type)) return type
    return undefined
  }

  #sendOne({ type, state }: TypeState, answer: Answer | undefined): void {
    const said = state.take()
    const isWithNode = this.#isFirstRequest || !this.#options.isNodeSentOnce
    this.#isFirstRequest = false
    const error = answer?.error
    this.#options.beforeSend()
    this.#stream.send(
      this.#options.wire.request(true, {
        ...(isWithNode && { node: this.#options.node }),
        typeUrl: resourceTypes[type],
        resourceNamesSubscribe: said.subscribe,
        resourceNamesUnsubscribe: said.unsubscribe,
        initialResourceVersions: said.initialVersions,
        responseNonce: answer?.nonce ?? '',
        ...(error !== undefined && { errorDetail: { code: refusedCode, message: errorText(error) } }),
      }),
    )
  }

  #opened(): void {
    this.#isFirstRequest = true
    for (const { state } of this.#types.values()) state.newStream()
    this.#answers = []
    this.#send()
  }

  #failed(): void {
    for (const { watches } of this.#types.values())
      for (const { callbacks } of [...watches]) callbacks.onConnectionFailure()
  }

  async #received(bytes: Uint8Array): Promise<void> {
    const { wire, log, onEvent } = this.#options
    const decoded = wire.deltaResponse(bytes)
    if (!decoded.ok) return log.warning(`Ignoring a message: ${decoded.error}`)
    const response = decoded.value
    const type = typeOfUrl(response.typeUrl)
    const entry = type && this.#types.get(type)
    if (entry === undefined) {
      const version = response.systemVersionInfo
      return log.warning(
        `Dropping received DeltaDiscoveryResponse (with version ${version}) for non-existent subscription ${response.typeUrl}.`,
      )
    }
    if (response.controlPlane) onEvent({ kind: 'control_plane.identifier', value: response.controlPlane.identifier })
    const { generation } = this.#stream
    const error = await this.#process(entry, response)
    if (this.#isClosed) return
    if (error !== undefined) for (const { callbacks } of [...entry.watches]) callbacks.onRejected(error)
    // On another stream the nonce means nothing.
    if (generation !== this.#stream.generation) return
    this.#answers.push({ type: entry.type, nonce: response.nonce, error })
    this.#send()
  }

  async #process(entry: TypeState, response: DeltaDiscoveryResponse): Promise<string | undefined> {
    const wrong = refusal(entry, response)
    if (wrong !== undefined) return wrong
    const all = response.resources.map(one => ofWrapper(response.typeUrl, one))
    const changed = all.flatMap(({ resource }) => (isHeartbeat(entry, resource) ? [] : [resource]))
    const refused = await this.#deliver(entry, response, changed)
    if (refused !== undefined) return refused
    this.#remember(entry, all, response.removedResources)
    return undefined
  }

  async #deliver(
    entry: TypeState,
    response: DeltaDiscoveryResponse,
    changed: readonly Resource[],
  ): Promise<string | undefined> {
    const shares = new Map<DeltaWatch, Share>()
    const shareOf = (watch: DeltaWatch): Share => {
      const share = shares.get(watch) ?? { added: [], removed: [] }
      shares.set(watch, share)
      return share
    }
    for (const resource of changed) {
      const watches = watchesOf(entry, resource.name)
      const wrong = watches.length > 0 && !resource.isAbsent ? this.#options.check(entry.type, resource) : undefined
      if (wrong !== undefined) return wrong
      for (const watch of watches) shareOf(watch).added.push(resource)
    }
    const removed = response.removedResources
    for (const name of removed) for (const watch of watchesOf(entry, name)) shareOf(watch).removed.push(name)
    // An answer without anything new still tells those who asked for everything that there is nothing.
    if (changed.length === 0 && removed.length === 0) for (const watch of entry.wildcards) shareOf(watch)
    return deliver(updatesOf(entry, response, shares))
  }

  #remember({ state, ttl }: TypeState, arrived: readonly Unwrapped[], removed: readonly string[]): void {
    for (const { resource, ttlMs } of arrived)
      if (state.arrived(resource.name, resource.version)) ttl.set(resource.name, ttlMs)
    for (const name of removed) {
      state.gone(name)
      ttl.set(name, undefined)
    }
    ttl.arm()
  }

  async #expired(entry: TypeState, names: readonly string[]): Promise<void> {
    for (const name of names) entry.state.gone(name)
    for (const watch of [...entry.watches]) {
      const removed = names.filter(name => watchesOf(entry, name).includes(watch))
      if (removed.length > 0)
        await watch.callbacks.onUpdate({ version: '', added: [], removed, isFullState: false, controlPlane: '' })
    }
  }
}

/** A watch may end while others are told. */
function* updatesOf(
  { watches }: TypeState,
  { systemVersionInfo: version, controlPlane }: DeltaDiscoveryResponse,
  shares: ReadonlyMap<DeltaWatch, Share>,
): Generator<() => Promise<string | undefined>> {
  const identifier = controlPlane?.identifier ?? ''
  for (const [watch, { added, removed }] of shares) {
    if (!watches.has(watch)) continue
    yield () => watch.callbacks.onUpdate({ version, added, removed, isFullState: false, controlPlane: identifier })
  }
}

/** What is wrong with a response whatever its resources hold. */
function refusal(entry: TypeState, response: DeltaDiscoveryResponse): string | undefined {
  const { resources, removedResources, typeUrl } = response
  const names = new Set<string>()
  for (const { name, aliases, version, resource } of resources) {
    if (names.has(name)) return `duplicate name ${name} found among added/updated resources`
    names.add(name)
    const isAbsent = resource === undefined
    if (isHeartbeat(entry, { name, version, isAbsent }) || (isAbsent && aliases.length > 0)) continue
    const url = resource?.typeUrl ?? ''
    if (url !== typeUrl)
      return `type URL ${url} embedded in an individual Any does not match the message-wide type URL ${typeUrl} in DeltaDiscoveryResponse`
  }
  for (const name of removedResources) {
    if (names.has(name)) return `duplicate name ${name} found in the union of added+removed resources`
    names.add(name)
  }
  return undefined
}

/** "Still as it is": the resource's name and version without a message. */
function isHeartbeat({ state }: TypeState, resource: Pick<Resource, 'name' | 'version' | 'isAbsent'>): boolean {
  return resource.isAbsent && state.hasVersion(resource.name, resource.version)
}

function watchesOf({ type, wildcards, interest }: TypeState, name: string): readonly DeltaWatch[] {
  if (type === 'virtual-host') return [...interest.of(name.slice(0, Math.max(0, name.lastIndexOf('/'))))]
  const own = isUrn(name) ? normalName(name) : name
  const known = isUrn(name) && !interest.has(own) ? (wildcardOf(name) ?? '') : own
  const named = [...interest.of(known)]
  return wildcards.size === 0 ? named : [...new Set([...wildcards, ...named])]
}
