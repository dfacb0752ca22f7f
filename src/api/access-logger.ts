/**
 * Access loggers in TypeScript. What an entry has is said in Envoy's own words, command operators; native code fills them in, and JavaScript
 * is called for many entries at once.
 *
 *   export default defineAccessLogger({
 *     name: 'acme.slow_requests',
 *     config: z.object({ overMs: z.number() }),
 *     fields: { path: '%REQ(:path)%', tookMs: '%DURATION%', user: '%DYNAMIC_METADATA(acme:user)%' },
 *     create: ({ overMs }, { log }) => ({
 *       log({ path, tookMs, user }) {
 *         if (Number(tookMs) > overMs) log.warning(`${String(path)} took ${String(tookMs)} ms for ${String(user)}`)
 *       },
 *     }),
 *   })
 */
import type { FilterContext } from './context.js'
import type { ConfigSchema, Configured } from './schema.js'

/** What an operator gave: a number where it is one, null where there is nothing. */
export type LogValue = string | number | boolean | null | readonly LogValue[] | { readonly [name: string]: LogValue }

/** Name of a member of the entry → substitution format, as in `json_format`. */
export type LogFields = Readonly<Record<string, string>>

export type LogEntry<Fields extends LogFields> = { readonly [Name in keyof Fields]: LogValue }

/** What an entry has when the definition says nothing of `fields`: as Envoy's operators of about these names give it. */
export const standardFields = {
  startTime: '%START_TIME%',
  type: '%ACCESS_LOG_TYPE%',
  method: '%REQ(:method)%',
  path: '%REQ(:path)%',
  authority: '%REQ(:authority)%',
  userAgent: '%REQ(user-agent)%',
  requestId: '%REQ(x-request-id)%',
  forwardedFor: '%REQ(x-forwarded-for)%',
  protocol: '%PROTOCOL%',
  responseCode: '%RESPONSE_CODE%',
  responseCodeDetails: '%RESPONSE_CODE_DETAILS%',
  responseFlags: '%RESPONSE_FLAGS%',
  grpcStatus: '%GRPC_STATUS%',
  bytesReceived: '%BYTES_RECEIVED%',
  bytesSent: '%BYTES_SENT%',
  durationMs: '%DURATION%',
  requestDurationMs: '%REQUEST_DURATION%',
  responseDurationMs: '%RESPONSE_DURATION%',
  routeName: '%ROUTE_NAME%',
  virtualClusterName: '%VIRTUAL_CLUSTER_NAME%',
  upstreamHost: '%UPSTREAM_HOST%',
  upstreamCluster: '%UPSTREAM_CLUSTER%',
  upstreamLocalAddress: '%UPSTREAM_LOCAL_ADDRESS%',
  upstreamTransportFailureReason: '%UPSTREAM_TRANSPORT_FAILURE_REASON%',
  upstreamRequestAttempts: '%UPSTREAM_REQUEST_ATTEMPT_COUNT%',
  connectionId: '%CONNECTION_ID%',
  connectionTerminationDetails: '%CONNECTION_TERMINATION_DETAILS%',
  downstreamRemoteAddress: '%DOWNSTREAM_REMOTE_ADDRESS%',
  downstreamLocalAddress: '%DOWNSTREAM_LOCAL_ADDRESS%',
  downstreamDirectRemoteAddress: '%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%',
  requestedServerName: '%REQUESTED_SERVER_NAME%',
  downstreamTlsVersion: '%DOWNSTREAM_TLS_VERSION%',
  downstreamTlsCipher: '%DOWNSTREAM_TLS_CIPHER%',
  downstreamPeerSubject: '%DOWNSTREAM_PEER_SUBJECT%',
  downstreamPeerUriSan: '%DOWNSTREAM_PEER_URI_SAN%',
  filterChainName: '%FILTER_CHAIN_NAME%',
} as const satisfies LogFields

export type StandardEntry = LogEntry<typeof standardFields>

export interface AccessLoggerHooks<Entry> {
  /** For each entry, in order. Called for many in a row, some time after they were made: 100 ms at most while there is little to do. */
  log(entry: Entry): void
  /** After the last of a row, and before the proxy ends: for what sends entries on together. */
  flush?(): void
}

export interface AccessLoggerDefinition<
  Config extends ConfigSchema = ConfigSchema,
  Fields extends LogFields = typeof standardFields,
> {
  /** In logs and statistics. */
  readonly name: string
  readonly config: Config
  /** A function is given the settings: which headers to log may be one. */
  readonly fields?: Fields | ((config: Configured<Config>) => Fields)
  /** Once per worker and version of the configuration. What it throws refuses the configuration. */
  create(config: Configured<Config>, context: FilterContext): AccessLoggerHooks<LogEntry<Fields>>
}

export type AccessLoggerModule<
  Config extends ConfigSchema = ConfigSchema,
  Fields extends LogFields = typeof standardFields,
> = AccessLoggerDefinition<Config, Fields> & { readonly kind: 'access-logger' }

export function defineAccessLogger<Config extends ConfigSchema, Fields extends LogFields = typeof standardFields>(
  definition: AccessLoggerDefinition<Config, Fields>,
): AccessLoggerModule<Config, Fields> {
  return Object.freeze({ kind: 'access-logger' as const, ...definition })
}
