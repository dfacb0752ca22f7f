import type { NetworkFilterDefinition, NetworkFilterModule } from '../api/network-filter.js'
import type { ConfigSchema } from '../api/schema.js'
import { ScriptConnectionFilter } from '../worker/connection-program.js'
import type { GuestView } from '../worker/connection-view.js'
import { Outcome, Stage } from '../worker/script-addon.js'
import { readSettings, Surroundings, type UnderTest } from './harness.js'
import {
  MemoryConnections,
  type MemoryGuest,
  metadataOf,
  newGuest,
  type TestConnectionInfo,
} from './memory-connections.js'

export interface TestConnectionOptions {
  /** Members of `connection.info`, where they matter. */
  readonly info?: TestConnectionInfo
  /** What listener filters left. */
  readonly filterState?: Readonly<Record<string, string>>
}

/** A connection through one network filter: the test is both its client and what stands behind the filter. */
export interface TestConnection {
  /** The client sends; resolves when the filter's hook has settled. */
  send(bytes: Uint8Array | string): Promise<void>
  /** The client ends its direction. */
  end(): Promise<void>
  /** What stands behind the filter writes to the client. */
  answer(bytes: Uint8Array | string): Promise<void>
  /** The client is gone, or the proxy closes the connection: `onClose`. */
  close(): void
  /** What came through to the filters behind. */
  readonly passed: string
  /** What the client got. */
  readonly received: string
  /** Whether the end came through. */
  readonly hasEnded: boolean
  /** Why the filter closed it; undefined: it did not. */
  readonly closed: { readonly isOrderly: boolean; readonly reason: string } | undefined
  readonly isReadingPaused: boolean
  readonly metadata: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly filterState: Readonly<Record<string, string>>
}

export interface NetworkFilterUnderTest extends UnderTest {
  /** Resolves when `onNewConnection` has settled. */
  connect(options?: TestConnectionOptions): Promise<TestConnection>
}

/**
 * Runs a network filter without a socket, by the same code that runs it in a worker. Throws what `create` throws, and a TypeError for
 * settings that the schema refuses.
 *
 *   const connection = await testNetworkFilter(filter, { banner: 'hi' }).connect()
 *   await connection.send('hello\n')
 *   assert.equal(connection.passed, 'HELLO\n')
 */
export function testNetworkFilter<Config extends ConfigSchema, State = undefined>(
  definition: NetworkFilterDefinition<Config, State>,
  config: unknown = {},
): NetworkFilterUnderTest {
  return new Harness(definition as unknown as NetworkFilterModule, config)
}

class Harness extends Surroundings implements NetworkFilterUnderTest {
  readonly #connections = new MemoryConnections()
  readonly #filter: ScriptConnectionFilter
  #handles = 0

  constructor(definition: NetworkFilterModule, json: unknown) {
    super(definition.name)
    this.#filter = new ScriptConnectionFilter({
      addon: this.#connections,
      definition,
      config: readSettings(definition.config, json),
      context: this.context,
      failed: this.failed,
    })
  }

  async connect(options: TestConnectionOptions = {}): Promise<TestConnection> {
    const connection = new MemoryConnection(this.#filter, ++this.#handles, this.#connections, options)
    await connection.begin()
    return connection
  }
}

interface Direction {
  readonly stage: number
  /** Bytes that the hook asked to see again. */
  held: Buffer
  turn: Promise<void>
}

class MemoryConnection implements TestConnection {
  readonly #passed: Buffer[] = []
  readonly #received: Buffer[] = []
  readonly #filter: ScriptConnectionFilter
  readonly #view: GuestView
  readonly #guest: MemoryGuest
  readonly #leave: () => void
  readonly #read: Direction = { stage: Stage.connectionData, held: Buffer.alloc(0), turn: Promise.resolve() }
  readonly #write: Direction = { stage: Stage.connectionWrite, held: Buffer.alloc(0), turn: Promise.resolve() }
  closed: { readonly isOrderly: boolean; readonly reason: string } | undefined
  isReadingPaused = false
  hasEnded = false
  #settled: ((outcome: number) => void) | undefined
  #isOver = false

  constructor(
    filter: ScriptConnectionFilter,
    handle: number,
    connections: MemoryConnections,
    { info = {}, filterState = {} }: TestConnectionOptions,
  ) {
    this.#filter = filter
    this.#view = filter.newView(handle)
    this.#leave = () => connections.leave(handle)
    this.#guest = {
      ...newGuest(info, filterState),
      inject: (bytes, isToClient) => {
        if (this.closed === undefined) (isToClient ? this.#received : this.#passed).push(bytes)
      },
      close: (isOrderly, reason) => {
        this.closed ??= { isOrderly, reason }
        if (!isOrderly) this.close()
      },
      pause: isPaused => {
        this.isReadingPaused = isPaused
      },
      settle: outcome => this.#settled?.(outcome),
    }
    connections.enter(handle, this.#guest)
  }

  get passed(): string {
    return Buffer.concat(this.#passed).toString()
  }

  get received(): string {
    return Buffer.concat(this.#received).toString()
  }

  get metadata(): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
    return metadataOf(this.#guest.metadata)
  }

  get filterState(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#guest.filterState)
  }

  async begin(): Promise<void> {
    await this.#run(Stage.connection, Buffer.alloc(0), false)
  }

  send(bytes: Uint8Array | string): Promise<void> {
    this.#guest.bytesReceived += Buffer.byteLength(bytes)
    return this.#pass(this.#read, Buffer.from(bytes as Uint8Array), false)
  }

  end(): Promise<void> {
    return this.#pass(this.#read, Buffer.alloc(0), true)
  }

  answer(bytes: Uint8Array | string): Promise<void> {
    this.#guest.bytesSent += Buffer.byteLength(bytes)
    return this.#pass(this.#write, Buffer.from(bytes as Uint8Array), false)
  }

  close(): void {
    if (this.#isOver) return
    this.#isOver = true
    if (this.#has(Stage.connectionClosed)) this.#filter.run(Stage.connectionClosed, this.#view, undefined, true)
    this.#view.end()
    this.#leave()
  }

  /** Bytes of one direction are shown one after the other, those held before them. */
  #pass(direction: Direction, bytes: Buffer, isEnd: boolean): Promise<void> {
    direction.turn = direction.turn.then(() => this.#show(direction, bytes, isEnd))
    return direction.turn
  }

  async #show(direction: Direction, bytes: Buffer, isEnd: boolean): Promise<void> {
    const isRead = direction === this.#read
    if (this.#isOver || (isRead && this.closed !== undefined)) return
    const all = Buffer.concat([direction.held, bytes])
    direction.held = Buffer.alloc(0)
    const outcome = await this.#run(direction.stage, all, isEnd)
    if (outcome === Outcome.more && !isEnd) {
      direction.held = all
      return
    }
    if (outcome === Outcome.failed || this.#isOver || (isRead && this.closed !== undefined)) return
    const out = outcome === Outcome.changed ? Buffer.from(this.#guest.chunk) : all
    ;(isRead ? this.#passed : this.#received).push(out)
    this.hasEnded ||= isRead && isEnd
  }

  async #run(stage: number, bytes: Buffer, isEnd: boolean): Promise<number> {
    if (!this.#has(stage)) return Outcome.goOn
    const waiting = new Promise<number>(resolve => {
      this.#settled = resolve
    })
    const answer = this.#filter.run(stage, this.#view, new Uint8Array(bytes), isEnd)
    const outcome = answer === Outcome.waiting ? await waiting : answer
    // As in the proxy without fail_open.
    if (outcome === Outcome.failed) this.#guest.close(false, 'typescript_filter_failed')
    return outcome
  }

  #has(stage: number): boolean {
    return ((this.#filter.hookMask >> stage) & 1) === 1
  }
}
