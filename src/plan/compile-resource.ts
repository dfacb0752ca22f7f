/**
 * One resource → plans, and what it needs from elsewhere. The functions for all kinds have one form:
 *
 *   const environment = openEnvironment(bootstrap, deps)                            // once for a bootstrap
 *   const decoded = decodeResource<Cluster>('envoy.config.cluster.v3.Cluster', bytes, environment)
 *   const compiled = compileClusterResource(decoded.value.message, environment)     // Result<CompiledResource, ConfigError[]>
 *
 * compileBootstrap is these functions over all static resources. A CompiledResource is plain data: it crosses threads, and holds no message.
 */
import type { Message } from '@bufbuild/protobuf'
import type { ConfigError } from '../config/index.js'
import type { Bootstrap } from '../generated/protos/envoy/config/bootstrap/v3/bootstrap_pb.js'
import type { Cluster } from '../generated/protos/envoy/config/cluster/v3/cluster_pb.js'
import type { TrafficDirection } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import type { ClusterLoadAssignment } from '../generated/protos/envoy/config/endpoint/v3/endpoint_pb.js'
import type { Listener } from '../generated/protos/envoy/config/listener/v3/listener_pb.js'
import type { RouteConfiguration } from '../generated/protos/envoy/config/route/v3/route_pb.js'
import type { Secret } from '../generated/protos/envoy/extensions/transport_sockets/tls/v3/secret_pb.js'
import type { Runtime } from '../generated/protos/envoy/service/runtime/v3/rtds_pb.js'
import type { Cluster_Type } from '../generated/plan_pb.js'
import type { Result } from '../support/result.js'
import type { ScriptProgram } from '../threads/script-program.js'
import type { ClusterThresholds } from './cluster.js'
import type { CompileDeps, Plan } from './compilation.js'
import type { DnsSettings } from './endpoints.js'
import type { AddressInit } from './init.js'
import type { EndpointUse, Reference, RouteReference, SecretUse } from './reference.js'
import type { SecretMeta, TlsContextMeta } from './secrets.js'

/** What is wrong with one resource. Paths are within the resource; there is no file and no line. */
export type ResourceErrors = readonly ConfigError[]

/** How unknown fields are treated: an error, counted, or neither. */
export type UnknownFields = 'refuse' | 'count' | 'ignore'

/** What the resources of a process are compiled with. Made by openEnvironment; it holds messages and stays in its thread. */
export interface ResourceEnvironment {
  readonly deps: CompileDeps
  /** All layers laid over each other. To change it: `{ ...environment, runtime }`. */
  readonly runtime: ReadonlyMap<string, string>
  /** Whether a cluster is there, for route tables that validate theirs. */
  hasCluster(name: string): boolean
  /** Whether a cluster may be named by a config source: static, primary, and not by EDS. */
  isPrimaryCluster(name: string): boolean
  readonly hasAds: boolean
  readonly bootstrap: Bootstrap
  /** Of dynamic resources. */
  readonly unknownFields: UnknownFields
}

export interface DecodedResource<M extends Message> {
  readonly message: M
  /** How many unknown fields it carries (`dynamic_unknown_fields`). */
  readonly unknownFields: number
  /** How many deprecated fields and values it sets (`runtime.deprecated_feature_use`). */
  readonly deprecatedFields: number
  readonly warnings: readonly ConfigError[]
}

export interface CompiledResource {
  readonly name: string
  readonly plans: readonly Plan[]
  readonly listener?: ListenerMeta
  readonly cluster?: ClusterMeta
  /** Filters in TypeScript, for the workers. */
  readonly programs: readonly ScriptProgram[]
  readonly secrets: readonly SecretMeta[]
  readonly tlsContexts: readonly TlsContextMeta[]
  readonly references: readonly Reference[]
  readonly warnings: readonly ConfigError[]
}

/** What the main thread knows about a listener without decoding its plan. */
export interface ListenerMeta {
  readonly name: string
  readonly slot: number
  readonly planId: string
  readonly addresses: readonly AddressInit[]
  readonly bindToPort: boolean
  readonly reusePort: boolean
  readonly trafficDirection: TrafficDirection
}

export interface ClusterMeta {
  readonly name: string
  readonly slot: number
  readonly planId: string
  readonly type: Cluster_Type
  readonly thresholds: ClusterThresholds
  /** For STRICT_DNS and LOGICAL_DNS. */
  readonly dns?: DnsSettings
}

export type OpenEnvironment = (
  bootstrap: Bootstrap,
  deps: CompileDeps,
  dynamic: { readonly unknownFields: UnknownFields; hasCluster(name: string): boolean },
) => ResourceEnvironment

/** Bytes of the message inside an Any → a checked message. */
export type DecodeResource = <M extends Message>(
  typeName: M['$typeName'],
  bytes: Uint8Array,
  environment: ResourceEnvironment,
) => Result<DecodedResource<M>, ResourceErrors>

/** `cluster` and, unless its members come by EDS, `endpoints` plans. An EDS cluster's endpoints plan is cold until its assignment came. */
export type CompileCluster = (
  message: Cluster,
  environment: ResourceEnvironment,
) => Result<CompiledResource, ResourceErrors>

/** The `endpoints` plan of one cluster. */
export type CompileEndpoints = (
  message: ClusterLoadAssignment,
  use: EndpointUse,
  environment: ResourceEnvironment,
) => Result<CompiledResource, ResourceErrors>

export type CompileListener = (
  message: Listener,
  environment: ResourceEnvironment,
) => Result<CompiledResource, ResourceErrors>

/** The `route-table` plan in the reference's slot. */
export type CompileRouteConfig = (
  message: RouteConfiguration,
  reference: Pick<RouteReference, 'slot' | 'source'>,
  environment: ResourceEnvironment,
) => Result<CompiledResource, ResourceErrors>

/** The `secret` plan for one use. */
export type CompileSecret = (
  message: Secret,
  use: SecretUse,
  environment: ResourceEnvironment,
) => Result<CompiledResource, ResourceErrors>

/** Dotted keys and their values as text, as a layer of the runtime has them. */
export type CompileRuntime = (
  message: Runtime,
  environment: ResourceEnvironment,
) => Result<ReadonlyMap<string, string>, ResourceErrors>
