/**
 * Network filters in TypeScript: they stand before the last filter of a chain, and see the bytes of a connection in both directions.
 *
 *   export default defineNetworkFilter({
 *     name: 'acme.greeter',
 *     config: z.object({ banner: z.string() }),
 *     create: ({ banner }) => ({
 *       onNewConnection(connection) {
 *         connection.write(banner)
 *       },
 *     }),
 *   })
 */
import type { ConnectionView, MoreBytes } from './connection.js'
import type { FilterContext } from './context.js'
import type { Awaitable } from './http-filter.js'
import type { ConfigSchema, Configured } from './schema.js'

/** One connection, as one network filter sees it. */
export interface Connection<State = undefined> extends ConnectionView<State> {
  /** Bytes to the client, through the `onWrite` of filters before this one. */
  write(bytes: Uint8Array | string): void
  /** Bytes to the filters behind this one, as if the client had sent them. */
  inject(bytes: Uint8Array | string): void
  /** `return connection.more()` in a data hook: these bytes stay here, and come again with those that follow; up to the buffer limit. */
  more(): MoreBytes
  /**
   * Ends the connection when what was written is sent. `reason`, one word: for access logs (%CONNECTION_TERMINATION_DETAILS% and
   * %DOWNSTREAM_LOCAL_CLOSE_REASON%).
   */
  close(reason?: string): void
  /** Ends it at once; what was written and not sent is lost. */
  abort(reason?: string): void
  /** Nothing more is read from the client until `resumeReading`; TCP then slows it. */
  pauseReading(): void
  resumeReading(): void
}

// biome-ignore lint/suspicious/noConfusingVoidType: a hook without a return statement is of type void
type Nothing = undefined | void
export type DataResult = Nothing | Uint8Array | MoreBytes

/**
 * The hooks that are there are the subscription. A data hook that returns nothing lets its bytes go on; other bytes take their place (none:
 * they are swallowed); a promise holds them, and what comes behind them, while the sender is slowed. `end`: nothing follows.
 */
export interface NetworkFilterHooks<State = undefined> {
  /** Once, before any bytes; filters behind this one wait for it. */
  onNewConnection?(connection: Connection<State>): Awaitable<Nothing>
  /** From the client. `data` is a copy of the filter's own. */
  onData?(data: Uint8Array, connection: Connection<State>, end: boolean): Awaitable<DataResult>
  /** To the client. */
  onWrite?(data: Uint8Array, connection: Connection<State>, end: boolean): Awaitable<DataResult>
  /** Exactly once, however the connection ended. Its facts can still be read. */
  onClose?(connection: Connection<State>): void
}

export interface NetworkFilterDefinition<Config extends ConfigSchema = ConfigSchema, State = undefined> {
  /** In logs and statistics. */
  readonly name: string
  readonly config: Config
  /** Makes `connection.state` for each connection. */
  readonly state?: () => State
  /** Once per worker and version of the configuration. What it throws refuses the configuration. */
  create(config: Configured<Config>, context: FilterContext): NetworkFilterHooks<State>
}

export type NetworkFilterModule<
  Config extends ConfigSchema = ConfigSchema,
  State = undefined,
> = NetworkFilterDefinition<Config, State> & { readonly kind: 'network-filter' }

export function defineNetworkFilter<Config extends ConfigSchema, State = undefined>(
  definition: NetworkFilterDefinition<Config, State>,
): NetworkFilterModule<Config, State> {
  return Object.freeze({ kind: 'network-filter' as const, ...definition })
}
