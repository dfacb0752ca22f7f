import { policyWith } from './field-policy.js'
import type { Bootstrap } from '../generated/protos/envoy/config/bootstrap/v3/bootstrap_pb.js'
import { type Cluster, Cluster_DiscoveryType } from '../generated/protos/envoy/config/cluster/v3/cluster_pb.js'
import type { CompileDeps } from './compilation.js'
import type { SourceChecks } from './config-source.js'
import { FieldWalk } from './field-walk.js'
import { type Issues, Issues as NewIssues } from './place.js'
import { StaticSecrets } from './static-secrets.js'

/** How unknown fields of dynamic resources are treated: an error, counted, or neither. */
export type UnknownFields = 'refuse' | 'count' | 'ignore'

/**
 * What the resources of a process are compiled with: everything outside a resource that its plans depend on. It holds messages and stays
 * in its thread.
 */
export interface ResourceEnvironment {
  readonly deps: CompileDeps
  /** All layers laid over each other. To change it: `{ ...environment, runtime }`. */
  readonly runtime: ReadonlyMap<string, string>
  /** Whether a cluster is there, for route tables that validate theirs. */
  hasCluster(name: string): boolean
  readonly bootstrap: Bootstrap
  readonly unknownFields: UnknownFields
  readonly sources: SourceChecks
  readonly secrets: StaticSecrets
  readonly walk: FieldWalk
}

export interface DynamicOptions {
  /** Absent: the static clusters alone. */
  readonly hasCluster?: (name: string) => boolean
  readonly unknownFields?: UnknownFields
  readonly runtime?: ReadonlyMap<string, string>
}

/** Reads what of a bootstrap the compiling of single resources needs. `issues`: told of what is wrong with it. */
export function openEnvironment(
  bootstrap: Bootstrap,
  deps: CompileDeps,
  { hasCluster, unknownFields = 'count', runtime = new Map() }: DynamicOptions = {},
  issues: Issues = new NewIssues(),
): ResourceEnvironment {
  const clusters = bootstrap.staticResources?.clusters ?? []
  const names = new Set(clusters.map(cluster => cluster.name))
  const primary = new Set(clusters.filter(isPrimary).map(cluster => cluster.name))
  return {
    deps,
    runtime,
    hasCluster: hasCluster ?? (name => names.has(name)),
    bootstrap,
    unknownFields,
    sources: {
      types: deps.types,
      files: deps.files,
      node: deps.node,
      hasAds: bootstrap.dynamicResources?.adsConfig !== undefined,
      isPrimaryCluster: name => primary.has(name),
      knownFiles: new Set(),
    },
    secrets: new StaticSecrets(bootstrap.staticResources?.secrets ?? [], issues.root('static_resources.secrets')),
    walk: new FieldWalk(deps.types, policyWith(deps.registry.all())),
  }
}

/** A cluster whose members need no management server: only such a one can lead to a management server. */
function isPrimary(cluster: Cluster): boolean {
  const { clusterDiscoveryType: kind, edsClusterConfig } = cluster
  if (kind.case !== 'type' || kind.value !== Cluster_DiscoveryType.EDS) return true
  const source = edsClusterConfig?.edsConfig?.configSourceSpecifier.case
  return source === 'path' || source === 'pathConfigSource'
}
