import type { ListenerFilterDefinition, ListenerFilterModule } from '../api/listener-filter.js'
import type { ConfigSchema } from '../api/schema.js'
import { ScriptConnectionFilter } from '../worker/connection-program.js'
import { Outcome, Stage } from '../worker/script-addon.js'
import { readSettings, Surroundings, type UnderTest } from './harness.js'
import { MemoryConnections, metadataOf, newGuest, type TestConnectionInfo } from './memory-connections.js'

export interface TestAccept {
  /** What the client sends before anything else; a list: piece after piece. */
  readonly bytes?: Uint8Array | string | readonly (Uint8Array | string)[]
  /** Members of `connection.info`, where they matter. */
  readonly info?: TestConnectionInfo
}

/** What became of the connection. */
export interface AcceptResultSeen {
  /** "waiting": the filter wants more bytes than the client sent; the proxy's timeout ends that. */
  readonly verdict: 'accepted' | 'closed' | 'waiting'
  readonly serverName: string
  readonly transportProtocol: string
  readonly applicationProtocols: readonly string[]
  readonly destination: string | undefined
  readonly remoteAddress: string | undefined
  /** What those behind it read of what the client sent. */
  readonly rest: string
  readonly metadata: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly filterState: Readonly<Record<string, string>>
}

export interface ListenerFilterUnderTest extends UnderTest {
  accept(connection?: TestAccept): Promise<AcceptResultSeen>
}

/**
 * Runs a listener filter without a socket, by the same code that runs it in a worker. Throws what `create` throws, and a TypeError for
 * settings that the schema refuses.
 *
 *   const seen = await testListenerFilter(filter).accept({ bytes: 'GO a.test\n' })
 *   assert.equal(seen.serverName, 'a.test')
 */
export function testListenerFilter<Config extends ConfigSchema, State = undefined>(
  definition: ListenerFilterDefinition<Config, State>,
  config: unknown = {},
): ListenerFilterUnderTest {
  return new Harness(definition as unknown as ListenerFilterModule, config)
}

const defaultLookBytes = 8 << 10

class Harness extends Surroundings implements ListenerFilterUnderTest {
  readonly #connections = new MemoryConnections()
  readonly #filter: ScriptConnectionFilter
  #handles = 0

  constructor(definition: ListenerFilterModule, json: unknown) {
    super(definition.name)
    this.#filter = new ScriptConnectionFilter({
      addon: this.#connections,
      definition,
      config: readSettings(definition.config, json),
      context: this.context,
      failed: this.failed,
    })
  }

  async accept({ bytes = [], info = {} }: TestAccept = {}): Promise<AcceptResultSeen> {
    const pieces = (typeof bytes === 'string' || bytes instanceof Uint8Array ? [bytes] : bytes).map(piece =>
      Buffer.from(piece as Uint8Array),
    )
    const handle = ++this.#handles
    const view = this.#filter.newView(handle)
    let sent = Buffer.alloc(0)
    let wanted = defaultLookBytes
    let settled: ((outcome: number) => void) | undefined
    const guest = {
      ...newGuest(info, {}),
      settle: (outcome: number) => settled?.(outcome),
      want: (limit: number) => {
        wanted = limit
      },
      consume: (size: number) => {
        sent = sent.subarray(size)
      },
    }
    this.#connections.enter(handle, guest)
    const run = async (stage: number, chunk?: Buffer): Promise<number> => {
      const waiting = new Promise<number>(resolve => {
        settled = resolve
      })
      const outcome = this.#filter.run(stage, view, chunk && new Uint8Array(chunk), false)
      return outcome === Outcome.waiting ? await waiting : outcome
    }
    const takesData = ((this.#filter.hookMask >> Stage.acceptData) & 1) === 1
    const hasAccept = ((this.#filter.hookMask >> Stage.accept) & 1) === 1
    let outcome: number = hasAccept ? await run(Stage.accept) : takesData ? Outcome.more : Outcome.goOn
    let shown = 0
    for (const piece of pieces) {
      sent = Buffer.concat([sent, piece])
      while (takesData && outcome === Outcome.more && Math.min(sent.length, wanted) > shown) {
        shown = Math.min(sent.length, wanted)
        outcome = await run(Stage.acceptData, sent.subarray(0, shown))
      }
    }
    const verdict = outcome === Outcome.goOn ? 'accepted' : outcome === Outcome.more ? 'waiting' : 'closed'
    const result: AcceptResultSeen = {
      verdict,
      serverName: guest.facts.requestedServerName ?? '',
      transportProtocol: guest.facts.transportProtocol ?? '',
      applicationProtocols: guest.facts.applicationProtocols ?? [],
      destination: guest.facts.localAddress === info.localAddress ? undefined : guest.facts.localAddress,
      remoteAddress: guest.facts.remoteAddress === info.remoteAddress ? undefined : guest.facts.remoteAddress,
      rest: sent.toString(),
      metadata: metadataOf(guest.metadata),
      filterState: Object.fromEntries(guest.filterState),
    }
    if ((this.#filter.hookMask >> Stage.acceptEnd) & 1) this.#filter.run(Stage.acceptEnd, view, undefined, true)
    view.end()
    this.#connections.leave(handle)
    return result
  }
}
