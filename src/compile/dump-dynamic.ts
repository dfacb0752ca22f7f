import { readFileSync } from 'node:fs'
import { type DescMessage, fromBinary, type JsonObject, type Message } from '@bufbuild/protobuf'
import type { Types } from '../config/index.js'
import type { Cluster } from '../generated/protos/envoy/config/cluster/v3/cluster_pb.js'
import type { Listener } from '../generated/protos/envoy/config/listener/v3/listener_pb.js'
import type { ClusterLoadAssignment } from '../generated/protos/envoy/config/endpoint/v3/endpoint_pb.js'
import { inlineScopes, routeConfigurations, speaksHttp } from './describe.js'
import { type DumpFields, type DumpTask, membersOf, openJson, packedJson, redacted } from './dump.js'
import type { Entry, Version } from './engine/collection.js'
import type { Feed } from './engine/needs.js'
import type { Engine } from './engine/engine.js'
import type { ErrorState, StoredResource } from './engine/stored.js'

const secretType = 'envoy.extensions.transport_sockets.tls.v3.Secret'

/** What /config_dump says of things that came from management servers. */
export function dynamicFields(engine: Engine, resolved: DumpTask['resolved'], types: Types): DumpFields {
  const message = ({ typeUrl, bytes }: StoredResource): Message =>
    fromBinary(types.message(typeUrl.slice(typeUrl.indexOf('/') + 1)) as DescMessage, bytes) as Message
  const packed = (stored: StoredResource): JsonObject => packedJson(message(stored), types)
  const timed = ({ updatedAt }: StoredResource): JsonObject => ({ last_updated: timestamp(updatedAt) })
  const state = (key: string, stored: StoredResource): JsonObject => ({
    ...(stored.version !== '' && { version_info: stored.version }),
    [key]: packed(stored),
    ...timed(stored),
  })
  const failure = ({ failed, details }: ErrorState): JsonObject => ({
    failed_configuration: packed(failed),
    last_update_attempt: timestamp(failed.updatedAt),
    details,
  })
  const clusters = (side: 'active' | 'warming') =>
    sorted(engine.clusters.entries).flatMap(entry => {
      const version = dynamic(entry[side])
      return version === undefined ? [] : [state('cluster', version.stored)]
    })
  // Members that came with their cluster.
  const inClusters = sorted(engine.clusters.entries).flatMap(({ active }) => {
    const version = dynamic(active)
    const cluster = version && (message(version.stored) as Cluster)
    return cluster?.loadAssignment === undefined ? [] : [cluster]
  })
  const draining = new Map(engine.draining.versions)
  const listeners = [...engine.listeners.entries.values()].flatMap(({ name, active, warming, error }): JsonObject[] => {
    const [used, next] = [dynamic(active), dynamic(warming)]
    if (used === undefined && next === undefined && error === undefined) return []
    const old = draining.get(name)
    draining.delete(name)
    return [
      {
        name,
        ...(used && { active_state: state('listener', used.stored) }),
        ...(next && { warming_state: state('listener', next.stored) }),
        ...(old && { draining_state: state('listener', old) }),
        ...(error && { error_state: failure(error) }),
      },
    ]
  })
  for (const [name, old] of draining) listeners.push({ name, draining_state: state('listener', old) })
  // As in Envoy, once more without a name.
  for (const refused of engine.listeners.failures) listeners.push({ error_state: failure(refused) })
  // As in Envoy, what stands in a listener counts as static, wherever the listener is from.
  const inPlace = [...engine.listeners.entries.values()].flatMap(({ active, warming }) =>
    [dynamic(active), dynamic(warming)].flatMap(version =>
      version === undefined ? [] : [{ version, listener: message(version.stored) as Listener }],
    ),
  )
  const feeds = [...engine.discoveries.feeds]
  const stored = (kind: Feed['reference']['kind']) =>
    feeds.flatMap(feed => (feed.reference.kind === kind && feed.stored !== undefined ? [feed.stored] : []))
  const secrets = feeds.filter(({ reference }) => reference.kind === 'secret')
  return {
    ClustersConfigDump: {
      ...(engine.versions.cds !== '' && { version_info: engine.versions.cds }),
      dynamic_active_clusters: clusters('active'),
      dynamic_warming_clusters: clusters('warming'),
    },
    EndpointsConfigDump: {
      dynamic_endpoint_configs: [
        ...stored('endpoint').map(one => {
          const loadAssignment = message(one) as ClusterLoadAssignment
          return { name: one.name, loadAssignment }
        }),
        ...inClusters,
      ].map(one => ({ endpoint_config: openJson(membersOf(one, types, resolved.get(one.name)), types) })),
    },
    ListenersConfigDump: {
      ...(engine.versions.lds !== '' && { version_info: engine.versions.lds }),
      dynamic_listeners: listeners,
    },
    ...(speaksHttp(
      inPlace.map(({ listener }) => listener),
      types,
    ) && {
      RoutesConfigDump: {
        static_route_configs: inPlace.flatMap(({ version, listener }) =>
          routeConfigurations([listener], types).map(table => ({
            route_config: packedJson(table, types),
            ...timed(version.stored),
          })),
        ),
        dynamic_route_configs: engine.discoveries.tables.map(({ stored: one, table }) => ({
          ...state('route_config', one),
          route_config: packedJson(table, types),
        })),
      },
      ScopedRoutesConfigDump: {
        inline_scoped_route_configs: inPlace.flatMap(({ version, listener }) =>
          inlineScopes([listener], types).map(({ name, scopes }) => ({
            name,
            scoped_route_configs: scopes.map(scope => packedJson(scope, types)),
            ...timed(version.stored),
          })),
        ),
        dynamic_scoped_route_configs: engine.discoveries.scopeSets.map(({ name, version, updatedAt, scopes }) => ({
          name,
          ...(version !== '' && { version_info: version }),
          scoped_route_configs: scopes.map(packed),
          last_updated: timestamp(updatedAt),
        })),
      },
    }),
    SecretsConfigDump: {
      dynamic_active_secrets: secrets.flatMap(({ stored: one }) =>
        one === undefined
          ? []
          : [{ name: one.name, version_info: one.version, ...timed(one), secret: withContents(packed(one)) }],
      ),
      dynamic_warming_secrets: secrets.flatMap(({ reference, stored: one, askedAt }) =>
        one === undefined ? [waitingSecret(reference.name, askedAt)] : [],
      ),
    },
    // As in Envoy: the part is there as soon as something is asked for.
    ...(feeds.some(({ reference }) => reference.kind === 'extension-config') && {
      EcdsConfigDump: { ecds_filters: stored('extension-config').map(one => state('ecds_filter', one)) },
    }),
  }
}

/** Files that a secret names were read when it came: as in Envoy it is shown with what stands in them. */
function withContents(secret: JsonObject): JsonObject {
  const { tls_certificate: certificate, validation_context: context } = secret
  return {
    ...secret,
    ...(isObject(certificate) && { tls_certificate: inlined(certificate, ['certificate_chain', 'private_key']) }),
    ...(isObject(context) && { validation_context: inlined(context, ['trusted_ca', 'crl']) }),
  }
}

function inlined(message: JsonObject, names: readonly string[]): JsonObject {
  const sources = names.flatMap(name => {
    const source = message[name]
    if (!isObject(source) || typeof source['filename'] !== 'string') return []
    const bytes = source['filename'] === redacted ? Buffer.from(redacted) : contentOf(source['filename'])
    return bytes === undefined ? [] : [[name, { inline_bytes: bytes.toString('base64') }] as const]
  })
  return { ...message, ...Object.fromEntries(sources) }
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function contentOf(file: string): Buffer | undefined {
  try {
    return readFileSync(file)
  } catch {
    return undefined // gone since: its name is all there is to show
  }
}

// A secret that has not come is shown without anything in it.
const waitingSecret = (name: string, since: number): JsonObject => ({
  name,
  version_info: 'uninitialized',
  last_updated: timestamp(since),
  secret: { '@type': `type.googleapis.com/${secretType}`, name },
})

const timestamp = (ms: number): string => new Date(ms).toISOString()

// What the bootstrap brought is in its own part.
const dynamic = (version: Version | undefined): Version | undefined => (version?.isStatic ? undefined : version)

const sorted = (entries: ReadonlyMap<string, Entry>): Entry[] =>
  [...entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
