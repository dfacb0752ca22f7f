/**
 * Listener filters in TypeScript: they see an accepted connection, and as many of its first bytes as they ask for, before a filter chain is
 * chosen.
 *
 *   export default defineListenerFilter({
 *     name: 'acme.by_port',
 *     config: z.object({}),
 *     create: () => ({
 *       onAccept(connection) {
 *         if (connection.info.localAddress.endsWith(':8443')) connection.serverName = 'admin.acme.test'
 *       },
 *     }),
 *   })
 */
import type { ConnectionView, MoreBytes } from './connection.js'
import type { FilterContext } from './context.js'
import type { Awaitable } from './http-filter.js'
import type { ConfigSchema, Configured } from './schema.js'

/** Made by `connection.close()` of an accepted connection: a hook that returns it has refused the connection. */
export interface Refusal {
  readonly kind: 'refusal'
}

/** An accepted connection, as one listener filter sees it. What it sets decides which filter chain is chosen, and stands in logs. */
export interface AcceptedConnection<State = undefined> extends ConnectionView<State> {
  /** What the chains' `server_names` are matched with; lower case. */
  serverName: string
  /** "tls", "raw_buffer": what `transport_protocol` is matched with. */
  transportProtocol: string
  /** What `application_protocols` are matched with. */
  applicationProtocols: readonly string[]
  /** Where the client was going, as "10.0.0.1:443": other than the socket's own address. */
  setDestination(address: string): void
  /** Who the client is, as "203.0.113.7:51312". */
  setRemoteAddress(address: string): void
  /**
   * `return connection.more(bytes)`: the hook `onData` is called when there are bytes (more than it saw), with at most so many (8 KiB when
   * nothing is said, 128 KiB at most). They stay in the socket.
   */
  more(maxBytes?: number): MoreBytes
  /** In `onData`: takes the first bytes off the connection, so that nobody behind sees them. */
  consume(bytes: number): void
  /** `return connection.close()`: the connection is closed. */
  close(): Refusal
}

// biome-ignore lint/suspicious/noConfusingVoidType: a hook without a return statement is of type void
export type AcceptResult = undefined | void | MoreBytes | Refusal

/**
 * A hook that returns nothing lets the connection go on to the next filter; a promise holds it, for `listener_filters_timeout` at most.
 */
export interface ListenerFilterHooks<State = undefined> {
  /** Without it, and with `onData`, bytes are waited for. */
  onAccept?(connection: AcceptedConnection<State>): Awaitable<AcceptResult>
  /** All that the client sent, up to what was asked for; each time from the beginning. */
  onData?(bytes: Uint8Array, connection: AcceptedConnection<State>): Awaitable<AcceptResult>
  /** Exactly once: a filter chain has it now, or it was closed. */
  onEnd?(connection: AcceptedConnection<State>): void
}

export interface ListenerFilterDefinition<Config extends ConfigSchema = ConfigSchema, State = undefined> {
  /** In logs and statistics. */
  readonly name: string
  readonly config: Config
  /** Makes `connection.state` for each connection. */
  readonly state?: () => State
  /** Once per worker and version of the configuration. What it throws refuses the configuration. */
  create(config: Configured<Config>, context: FilterContext): ListenerFilterHooks<State>
}

export type ListenerFilterModule<
  Config extends ConfigSchema = ConfigSchema,
  State = undefined,
> = ListenerFilterDefinition<Config, State> & { readonly kind: 'listener-filter' }

export function defineListenerFilter<Config extends ConfigSchema, State = undefined>(
  definition: ListenerFilterDefinition<Config, State>,
): ListenerFilterModule<Config, State> {
  return Object.freeze({ kind: 'listener-filter' as const, ...definition })
}
