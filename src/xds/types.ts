import type { Types } from '../config/index.js'
import type { Node } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import type { ApiConfigSource, ConfigSource } from '../generated/protos/envoy/config/core/v3/config_source_pb.js'
import type { Clock } from '../support/clock.js'
import type { Files } from '../support/files.js'
import type { Logger } from '../support/log.js'

/** The types that Envoy's discovery services carry, with the message each is made of. */
export const resourceTypes = {
  cluster: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  endpoint: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  listener: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  route: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  'scoped-route': 'type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration',
  'virtual-host': 'type.googleapis.com/envoy.config.route.v3.VirtualHost',
  secret: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
  runtime: 'type.googleapis.com/envoy.service.runtime.v3.Runtime',
  'extension-config': 'type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig',
  'locality-endpoints': 'type.googleapis.com/envoy.config.endpoint.v3.LbEndpoint',
} as const

export type ResourceType = keyof typeof resourceTypes

/** One resource as it came, its message still in bytes. */
export interface Resource {
  /** The name it was asked for by: from the delta wrapper, else from the message itself (`name`, `cluster_name`). */
  readonly name: string
  readonly aliases: readonly string[]
  /** Delta: its own version; else the response's version_info. */
  readonly version: string
  readonly typeUrl: string
  /** The message inside the Any; the same object as before when nothing changed. Empty with `isAbsent`. */
  readonly bytes: Uint8Array
  /** Delta: named in an answer without a message, which means "there is none and will be none" (on-demand virtual hosts). */
  readonly isAbsent: boolean
}

/** A response, as far as it concerns one subscription. */
export interface Update {
  /** version_info or system_version_info. */
  readonly version: string
  readonly added: readonly Resource[]
  readonly removed: readonly string[]
  /**
   * State of the world of a type asked for as a whole (clusters, listeners without names): `added` is everything there is, and what it lacks
   * is removed. False: `added` is new or changed, `removed` is gone, and nothing is said of the rest. A resource whose TTL ran out comes as
   * an update with `removed` alone and no version.
   */
  readonly isFullState: boolean
  /** control_plane.identifier of the response; empty for none. */
  readonly controlPlane: string
}

/**
 * timeout: nothing came within initial_fetch_timeout; who waited goes on without. rejected: a response could not be used at all.
 * connection: the stream broke or could not be opened; told for the sake of statistics and logs, asking goes on by itself.
 */
export type FetchFailure = 'timeout' | 'rejected' | 'connection'

export interface Watcher {
  /**
   * Takes an update. Resolves, once it is known, with what is wrong, in the words that error_detail carries; undefined: accepted. What is
   * good in it may be applied even so. One response at a time for a stream: the next, of whatever type, waits for the answers to this one, so
   * an answer must not itself wait for resources of another type (warming goes on after it). Watchers of one response are told one after
   * the other without waiting, except that one that refuses before its first real wait keeps it from the rest. Never rejects.
   */
  onUpdate(update: Update): Promise<string | undefined>
  onFailure(reason: FetchFailure, detail: string): void
}

/** Each is one step of a counter, gauge, histogram or text of the same name in the scope of a subscription's owner. */
export type SubscriptionEvent =
  | { readonly kind: 'update_attempt' }
  /** `version` is for version (its xxHash64) and version_text; `at`: Unix milliseconds for update_time; `durationMs` for update_duration. */
  | {
      readonly kind: 'update_success'
      readonly version: string
      readonly at: number
      readonly durationMs: number
    }
  | { readonly kind: 'update_failure' }
  | { readonly kind: 'update_rejected'; readonly detail: string }
  | { readonly kind: 'init_fetch_timeout' }
  /** Of a stream of its own; those of a shared stream come through DiscoveryClientOptions.onSharedStream. */
  | ControlPlaneEvent

/** For `control_plane.*`: connected_state and pending_requests are gauges, rate_limit_enforced a counter, identifier a text. */
export type ControlPlaneEvent =
  | { readonly kind: 'control_plane.connected_state'; readonly value: 0 | 1 }
  | { readonly kind: 'control_plane.pending_requests'; readonly value: number }
  | { readonly kind: 'control_plane.rate_limit_enforced' }
  | { readonly kind: 'control_plane.identifier'; readonly value: string }

export interface Subscription {
  /** From now on these. undefined or empty where wildcard asking is meant (clusters, listeners). */
  setNames(names: ReadonlySet<string> | undefined): void
  /** Asks for these too, over and above: virtual hosts as requests come in. Means nothing but in delta. */
  requestOnDemand(names: ReadonlySet<string>): void
  /** No calls to the watcher come after this. */
  close(): void
}

export interface SubscribeOptions {
  readonly type: ResourceType
  /** One that src/plan/config-source.ts has nothing against. */
  readonly source: ConfigSource
  /** undefined: everything there is (clusters, listeners). */
  readonly names: ReadonlySet<string> | undefined
  /** An `xdstp:` collection (cds_resources_locator, lds_resources_locator) asked for instead of names. */
  readonly collection?: string
  readonly watcher: Watcher
  onEvent(event: SubscriptionEvent): void
}

/** Asks control planes and files for resources, and answers them. Belongs to one thread. */
export interface DiscoveryClient {
  /** Opens the shared streams (ads_config, config_sources, default_config_source): the clusters they go through are there now. */
  start(): void
  /**
   * Starts asking. `ads` sources share one stream: names of all subscriptions of a type are merged there, and a response reaches each with
   * the resources it asked for. Any other gRPC or REST source is asked on a stream of its own.
   */
  subscribe(options: SubscribeOptions): Subscription
  /**
   * Holds back requests of these types on the shared streams, answers too, until the returned function is called. Nests. Envoy holds back
   * endpoints and secrets while it takes clusters, routes while it takes listeners, and clusters as long as one is warming.
   */
  pause(types: readonly ResourceType[]): () => void
  /** Ends all streams, watches and timers. */
  close(): void
}

/** Where a request to a cluster is sent: the door's socket, or (tests) a port. */
export type ClusterAddress = { readonly path: string } | { readonly host: string; readonly port: number }

export interface DiscoveryClientOptions {
  readonly types: Types
  /** As it is sent; see makeNode. */
  readonly node: Node
  /** dynamic_resources.ads_config */
  readonly adsConfig?: ApiConfigSource | undefined
  /** Bootstrap.config_sources and default_config_source: who is asked for xdstp names, by authority. */
  readonly configSources?: readonly ConfigSource[]
  readonly defaultConfigSource?: ConfigSource | undefined
  /**
   * Whether an authority of `configSources` is asked for its names, in the place of the source given with them: Envoy does only with the
   * runtime guard envoy.reloadable_features.xdstp_based_config_singleton_subscriptions, and opens the streams anyway.
   */
  readonly asksAuthorities?: boolean
  /** Bootstrap.node_context_params: what names of collections say of the node. */
  readonly nodeContextParams?: readonly string[]
  readonly log: Logger
  readonly files: Files
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly clock?: Clock
  /** From 0 up to 1. */
  readonly random?: () => number
  readonly reach: (cluster: string) => ClusterAddress
  /** --reject-unknown-dynamic-fields, for files and REST; bytes are for `check` to judge. */
  readonly rejectUnknownFields?: boolean
  /**
   * What is wrong with a resource in itself (its bytes, the rules of its fields): asked for every resource of a response before any watcher
   * sees one, because Envoy then refuses the whole response.
   */
  readonly check?: (type: ResourceType, resource: Resource) => string | undefined
  /** Called before each request goes out: what was counted so far can be seen by whoever sees the request. */
  readonly beforeSend?: () => void
  /** control_plane.* of the shared streams, without a prefix of their own. */
  readonly onSharedStream?: (event: ControlPlaneEvent) => void
}
