/**
 * HTTP filters in TypeScript.
 *
 *   export default defineHttpFilter({
 *     name: 'acme.api_key',
 *     config: z.object({ header: z.string(), keys: z.array(z.string()) }),
 *     create: ({ header, keys }, { stats }) => ({
 *       onRequestHeaders(request, stream) {
 *         if (!keys.includes(request.headers.get(header) ?? '')) return stream.reply(401, 'unknown API key')
 *       },
 *     }),
 *   })
 */
import type { FilterContext } from './context.js'
import type { Headers } from './headers.js'
import type { ConfigSchema, Configured } from './schema.js'
import type { HeldBack, LocalReply, RequestHead, ResponseHead, Stream } from './stream.js'

// biome-ignore lint/suspicious/noConfusingVoidType: a hook without a return statement is of type void
export type HookResult = undefined | void | LocalReply
export type Awaitable<T> = T | Promise<T>

/**
 * The hooks that are there are the subscription: it is read once, after `create`, and others cost nothing. A hook that returns nothing lets
 * the message go on; `stream.reply(…)` answers it; a promise holds this message until it settles, while watermarks slow its sender.
 */
export interface HttpFilterHooks<State = undefined, RouteConfig = undefined> {
  onRequestHeaders?(request: RequestHead, stream: Stream<State, RouteConfig>): Awaitable<HookResult> | HeldBack
  /** `chunk` is a copy of the filter's own; it is empty where the end comes by itself. Other bytes that are returned take its place. */
  onRequestData?(chunk: Uint8Array, stream: Stream<State, RouteConfig>): Awaitable<Uint8Array | HookResult> | HeldBack
  onRequestTrailers?(trailers: Headers, stream: Stream<State, RouteConfig>): Awaitable<HookResult>
  onResponseHeaders?(response: ResponseHead, stream: Stream<State, RouteConfig>): Awaitable<HookResult> | HeldBack
  onResponseData?(chunk: Uint8Array, stream: Stream<State, RouteConfig>): Awaitable<Uint8Array | HookResult> | HeldBack
  onResponseTrailers?(trailers: Headers, stream: Stream<State, RouteConfig>): Awaitable<HookResult>
  /** Exactly once, when the stream is over, however it ended. Headers can still be read. */
  onComplete?(stream: Stream<State, RouteConfig>): void
}

export interface HttpFilterDefinition<
  Config extends ConfigSchema = ConfigSchema,
  RouteConfig extends ConfigSchema | undefined = undefined,
  State = undefined,
> {
  /** In logs and statistics; for built-in filters Envoy's name. */
  readonly name: string
  readonly config: Config
  /** What `typed_per_filter_config` may say for this filter. */
  readonly routeConfig?: RouteConfig
  /** Makes `stream.state` for each stream; without it nothing is allocated. */
  readonly state?: () => State
  /** Once per worker and version of the configuration. What it throws refuses the configuration. */
  create(config: Configured<Config>, context: FilterContext): HttpFilterHooks<State, Configured<RouteConfig>>
}

/** A definition as the loader finds it in a module. */
export type HttpFilterModule<
  Config extends ConfigSchema = ConfigSchema,
  RouteConfig extends ConfigSchema | undefined = undefined,
  State = undefined,
> = HttpFilterDefinition<Config, RouteConfig, State> & { readonly kind: 'http-filter' }

export function defineHttpFilter<
  Config extends ConfigSchema,
  RouteConfig extends ConfigSchema | undefined = undefined,
  State = undefined,
>(definition: HttpFilterDefinition<Config, RouteConfig, State>): HttpFilterModule<Config, RouteConfig, State> {
  return Object.freeze({ kind: 'http-filter' as const, ...definition })
}
