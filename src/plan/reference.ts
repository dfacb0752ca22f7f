/**
 * What a resource needs from elsewhere before it is warm. Plain data: it crosses threads and is kept with the resource.
 *
 * A reference says where to ask (source), what for (kind, name), and where the answer's plan goes (slot). One resource may be wanted at
 * several places: each has a reference and a slot of its own, unless kind, source, name and `use` are the same.
 */
import type { CertificateUse } from '../api/secrets.js'
import type { SecretKind } from './secret.js'
import type { SocketMatches } from './transport-socket-match.js'

/** A ConfigSource as a value. */
export interface DiscoverySource {
  /** The same for sources that say the same: the hash of `bytes`, in hexadecimal; "ads" for the plain aggregated stream. */
  readonly key: string
  /** Of the envoy.config.core.v3.ConfigSource. */
  readonly bytes: Uint8Array
}

export type ReferenceKind = Reference['kind']

export type Reference =
  | ClusterReference
  | EndpointReference
  | LocalityEndpointsReference
  | RouteReference
  | ScopedRouteReference
  | VirtualHostReference
  | SecretReference
  | ExtensionConfigReference

interface ReferenceBase {
  readonly source: DiscoverySource
  /** The resource to ask for. Empty: everything there is (scoped routes by source). */
  readonly name: string
  /** Where the plan of what comes stands, within the plans of its kind. */
  readonly slot: number
  /**
   * Whoever refers is not warm before it came, or before the source's initial_fetch_timeout ended. False: it is used when it comes
   * (on demand, or with a default of its own).
   */
  readonly isRequired: boolean
}

/** ODCDS: clusters by name, as requests come for them. `slot`: of the source, within `clusterSources`; no plan stands there. */
export interface ClusterReference extends ReferenceBase {
  readonly kind: 'cluster'
  /** As long a request waits at most. */
  readonly use: { readonly timeoutMs: number }
}

/** EDS: the members of a cluster. `slot`: the cluster's; compileEndpointsResource makes its endpoints plan. */
export interface EndpointReference extends ReferenceBase {
  readonly kind: 'endpoint'
  readonly use: EndpointUse
}

/** What the assignment of one cluster is compiled with. */
export interface EndpointUse {
  readonly cluster: string
  /** Of the cluster. */
  readonly slot: number
  /** Criteria of its transport_socket_matches, in order. */
  readonly transportSocketMatches: SocketMatches
  /** Its members are checked actively: main has to know where. */
  readonly isChecked: boolean
}

/** LEDS: the members of one locality. `name`: of the collection. `slot`: the cluster's. */
export interface LocalityEndpointsReference extends ReferenceBase {
  readonly kind: 'locality-endpoints'
  readonly use: EndpointUse & {
    /** Position of the locality in its assignment. */
    readonly locality: number
  }
}

/** RDS. The slot of a route table belongs to (source, name): all connection managers that ask for it share it. */
export interface RouteReference extends ReferenceBase {
  readonly kind: 'route'
  /** Of the connection manager, for statistics: `http.<stat_prefix>.rds.<name>`. */
  readonly statPrefix?: string
}

/** SRDS. `name`: the locator of a collection; empty: everything the source has. All that comes makes one plan (scopesPlan). */
export interface ScopedRouteReference extends ReferenceBase {
  readonly kind: 'scoped-route'
  /** Of the connection manager. */
  readonly statPrefix: string
  readonly use: ScopedRouteUse
}

/** A set of scopes. */
export interface ScopedRouteUse {
  readonly slot: number
  readonly planName: string
  /** scoped_routes.name, for statistics: `http.<stat_prefix>.scoped_rds.<setName>`. */
  readonly setName: string
  /** Of the route tables that its scopes have in place. */
  readonly owner: string
  /** In place, in the connection manager's own configuration. */
  readonly isInline: boolean
  /** Of the connection manager. */
  readonly statPrefix: string
  /** Where route tables by name come from. */
  readonly rdsSource?: DiscoverySource
}

/** VHDS: virtual hosts of a route table, by "<route table>/<host>", on demand. `slot`: the route table's. */
export interface VirtualHostReference extends ReferenceBase {
  readonly kind: 'virtual-host'
  /** Of the connection manager; empty where several have the table. */
  readonly statPrefix: string
}

/** SDS. */
export interface SecretReference extends ReferenceBase {
  readonly kind: 'secret'
  readonly use: SecretUse
}

/** What a secret is compiled with at one place. */
export interface SecretUse {
  readonly slot: number
  /** Of its slot, and of its plan. */
  readonly planName: string
  readonly kind: SecretKind
  readonly certificate: CertificateUse
  /** The part of a combined_validation_context given in place, under which the secret is merged. */
  readonly defaults?: Uint8Array
  /** In `ssl.certificate.<statName>.expiration_unix_time_seconds`. */
  readonly statName: string
  /** Whose TLS context it is in: the place of the reference, for messages. */
  readonly path: string
}

/** ECDS: the configuration of a filter. */
export interface ExtensionConfigReference extends ReferenceBase {
  readonly kind: 'extension-config'
  readonly use: ExtensionConfigUse
}

export interface ExtensionConfigUse {
  readonly slot: number
  readonly category:
    | 'envoy.filters.http'
    | 'envoy.filters.http.upstream'
    | 'envoy.filters.network'
    | 'envoy.filters.listener'
  /** "http filter chain", for messages. */
  readonly called: string
  /** Full names of the messages that are taken. */
  readonly typeNames: readonly string[]
  /** Of the filter chain, as PlanContext gives it to extensions. */
  readonly owner: string
  readonly statPrefix: string
  /** It must be terminal, or must not be. */
  readonly isLast: boolean
  /** Bytes of the Any of default_config. */
  readonly defaultConfig?: Uint8Array
  /** apply_default_config_without_warming. */
  readonly appliesDefaultAtOnce: boolean
}

/** Two references that one subscription and one plan serve. */
export const referenceKey = (reference: Reference): string =>
  `${reference.kind} ${reference.source.key} ${reference.slot} ${reference.name}`
