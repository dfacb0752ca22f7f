import {
  create,
  type DescField,
  type DescMessage,
  fromBinary,
  hasExtension,
  type JsonObject,
  type JsonValue,
  type Message,
  toJson,
} from '@bufbuild/protobuf'
import { reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect'
import type { Any } from '@bufbuild/protobuf/wkt'
import type { Types } from '../config/index.js'
import { HealthStatus } from '../generated/protos/envoy/config/core/v3/health_check_pb.js'
import type { Cluster } from '../generated/protos/envoy/config/cluster/v3/cluster_pb.js'
import type { Endpoint, LbEndpoint } from '../generated/protos/envoy/config/endpoint/v3/endpoint_components_pb.js'
import type { Bootstrap } from '../generated/protos/envoy/config/bootstrap/v3/bootstrap_pb.js'
import type { Secret } from '../generated/protos/envoy/extensions/transport_sockets/tls/v3/secret_pb.js'
import type { CompileTask, DumpAnswer, ResolvedHost } from '../snapshot/compile-task.js'
import { inlineScopes, routeConfigurations, speaksHttp } from './describe.js'

const bootstrapType = 'envoy.config.bootstrap.v3.Bootstrap'
export const redacted = '[redacted]'

/** Fields of parts that come from elsewhere than the bootstrap, by the name of the part's message. */
export type DumpFields = Readonly<Record<string, JsonObject>>

function jsonOf(message: Message, types: Types): JsonObject {
  const schema = types.message(message.$typeName) as DescMessage
  return typeFirst(toJson(schema, message, { registry: types.registry, useProtoFieldName: true })) as JsonObject
}

/** As in an Any, without what is secret. */
export function packedJson(message: Message, types: Types): JsonObject {
  redact(message, types.message(message.$typeName) as DescMessage, types)
  return openJson(message, types)
}

/** As in an Any: of a message in which nothing is secret. */
export function openJson(message: Message, types: Types): JsonObject {
  return { '@type': `type.googleapis.com/${message.$typeName}`, ...jsonOf(message, types) }
}

export type DumpTask = Extract<CompileTask, { kind: 'dump' }>

/** The parts of /config_dump. `updatedAt` is a Timestamp in JSON, of what the bootstrap brought. */
export function dumpBootstrap(
  { bootstrap: bytes, includeEndpoints, updatedAt, resolved }: DumpTask,
  types: Types,
  more: DumpFields = {},
): DumpAnswer {
  const schema = types.message(bootstrapType) as DescMessage
  const bootstrap = fromBinary(schema, bytes) as Bootstrap
  redact(bootstrap, schema, types)
  const json = (message: Message): JsonObject => jsonOf(message, types)
  const packed = (message: Message): JsonObject => ({
    '@type': `type.googleapis.com/${message.$typeName}`,
    ...json(message),
  })
  const { clusters = [], listeners = [] } = bootstrap.staticResources ?? {}
  const entries = (key: string, messages: readonly Message[]) =>
    messages.map(message => ({ [key]: packed(message), last_updated: updatedAt }))
  const part = (name: string, fields: JsonObject) => ({
    type: `type.googleapis.com/envoy.admin.v3.${name}`,
    fields: withoutEmpty({ ...versionFirst(more[name]), ...joined(fields, more[name]) }),
  })
  const routes = () => [
    part('ScopedRoutesConfigDump', {
      inline_scoped_route_configs: inlineScopes(listeners, types).map(({ name, scopes }) => ({
        name,
        scoped_route_configs: scopes.map(packed),
        last_updated: updatedAt,
      })),
    }),
    part('RoutesConfigDump', { static_route_configs: entries('route_config', routeConfigurations(listeners, types)) }),
  ]
  const parts = [
    part('BootstrapConfigDump', { bootstrap: json(bootstrap), last_updated: updatedAt }),
    part('ClustersConfigDump', { static_clusters: entries('cluster', byName(clusters)) }),
    ...(more['EcdsConfigDump'] === undefined ? [] : [part('EcdsConfigDump', {})]),
    ...(includeEndpoints
      ? [
          part('EndpointsConfigDump', {
            static_endpoint_configs: byName(clusters).map(cluster => ({
              endpoint_config: packed(membersOf(cluster, types, resolved.get(cluster.name))),
            })),
          }),
        ]
      : []),
    part('ListenersConfigDump', { static_listeners: entries('listener', listeners) }),
    ...(more['RoutesConfigDump'] !== undefined || speaksHttp(listeners, types) ? routes() : []),
    part('SecretsConfigDump', {
      static_secrets: byType(bootstrap.staticResources?.secrets ?? []).map(secret => ({
        name: secret.name,
        secret: packed(secret),
      })),
    }),
  ]
  return { kind: 'dump', parts }
}

export type DumpedCluster = Pick<Cluster, 'name' | 'loadAssignment'> & Partial<Pick<Cluster, 'edsClusterConfig'>>

/** The members of a cluster as they are in use: every default said, and the health that traffic sees. `resolved`: of DNS. */
export function membersOf(cluster: DumpedCluster, types: Types, resolved?: readonly ResolvedHost[]): Message {
  const { endpoints = [], policy } = cluster.loadAssignment ?? {}
  const schema = types.message('envoy.config.endpoint.v3.ClusterLoadAssignment') as DescMessage
  return create(schema, {
    clusterName: cluster.edsClusterConfig?.serviceName || cluster.name,
    endpoints: endpoints
      .filter(({ lbEndpoints }) => lbEndpoints.length > 0)
      .map(({ locality = {}, priority, loadBalancingWeight = 0, lbEndpoints }) => ({
        locality,
        priority,
        loadBalancingWeight,
        lbEndpoints:
          resolved === undefined ? lbEndpoints.map(memberOf) : lbEndpoints.flatMap(one => hostsOf(one, resolved)),
      })),
    policy: { overprovisioningFactor: policy?.overprovisioningFactor ?? 140 },
  })
}

function memberOf(member: LbEndpoint): Record<string, unknown> {
  const { hostIdentifier: host, loadBalancingWeight = 1, healthStatus, metadata } = member
  return {
    hostIdentifier: host.case === 'endpoint' ? { case: 'endpoint', value: endpointOf(host.value) } : host,
    healthStatus: healthInUse(healthStatus),
    loadBalancingWeight,
    ...(metadata && { metadata }),
  }
}

/** A member as the addresses that its name has now. */
function hostsOf(member: LbEndpoint, resolved: readonly ResolvedHost[]): Record<string, unknown>[] {
  const { case: kind, value } = member.hostIdentifier
  const address = kind === 'endpoint' ? value.address?.address : undefined
  if (kind !== 'endpoint' || address?.case !== 'socketAddress') return [memberOf(member)]
  const { address: name, portSpecifier } = address.value
  const hostname = value.hostname || name
  return resolved
    .filter(host => host.hostname === hostname && host.port === portSpecifier.value)
    .map(({ ip, port }) => ({
      ...memberOf(member),
      hostIdentifier: {
        case: 'endpoint',
        value: { ...endpointOf(value), hostname, address: socketAddress(ip, port) },
      },
      metadata: member.metadata ?? {},
    }))
}

const socketAddress = (address: string, port: number) => ({
  address: { case: 'socketAddress', value: { address, portSpecifier: { case: 'portValue', value: port } } },
})

// Without the name of its type, so that it counts as the fields of a message to be made.
function endpointOf({ $typeName: _type, ...fields }: Endpoint): Record<string, unknown> {
  return { ...fields, healthCheckConfig: fields.healthCheckConfig ?? {} }
}

function healthInUse(configured: HealthStatus): HealthStatus {
  if (configured === HealthStatus.DEGRADED) return HealthStatus.DEGRADED
  return configured <= HealthStatus.HEALTHY ? HealthStatus.HEALTHY : HealthStatus.UNHEALTHY
}

// Envoy writes "@type" before the fields.
function typeFirst(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(typeFirst)
  if (typeof value !== 'object' || value === null) return value
  const { '@type': type, ...fields } = value
  const ordered = Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, typeFirst(field)]))
  return type === undefined ? ordered : { '@type': type, ...ordered }
}

// Envoy keeps secrets of each type apart.
function byType(secrets: readonly Secret[]): Secret[] {
  const order = ['tlsCertificate', 'validationContext', 'sessionTicketKeys', 'genericSecret']
  return [...secrets].sort((a, b) => order.indexOf(a.type.case ?? '') - order.indexOf(b.type.case ?? ''))
}

// Envoy keeps its clusters by name.
function byName<M extends { readonly name: string }>(messages: readonly M[]): M[] {
  return [...messages].sort((a, b) => (a.name < b.name ? -1 : 1))
}

// Envoy writes the version before the rest.
const versionFirst = (fields: JsonObject = {}): JsonObject =>
  typeof fields['version_info'] === 'string' ? { version_info: fields['version_info'] } : {}

// A list that both have is the one's, then the other's.
function joined(fields: JsonObject, more: JsonObject = {}): JsonObject {
  const lists = Object.entries(more).map(([name, value]) => {
    const before = fields[name]
    return [name, Array.isArray(before) && Array.isArray(value) ? [...before, ...value] : value] as const
  })
  return { ...fields, ...Object.fromEntries(lists) }
}

function withoutEmpty(fields: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !Array.isArray(value) || value.length > 0))
}

// Fields that Envoy's API calls sensitive are not shown. A packed message is opened, redacted and packed anew.
function redact(message: Message, schema: DescMessage, types: Types): void {
  const view = reflect(schema, message)
  for (const field of view.sortedFields) if (view.isSet(field)) redactField(view, field, types)
}

function redactField(view: ReflectMessage, field: DescField, types: Types): void {
  const isSensitive =
    field.proto.options !== undefined && hasExtension(field.proto.options, types.option('udpa.annotations.sensitive'))
  if (field.fieldKind === 'scalar' && isSensitive) {
    if (typeof view.get(field) === 'string') view.set(field, redacted)
    else if (view.get(field) instanceof Uint8Array) view.set(field, Buffer.from(redacted))
    return
  }
  if (field.fieldKind === 'message') {
    const value = view.get(field)
    redactMessage(value.message, isSensitive, types)
    return
  }
  if (field.fieldKind === 'list' && field.listKind === 'message') {
    for (const item of view.get(field)) redactMessage((item as ReflectMessage).message, isSensitive, types)
  }
  if (field.fieldKind === 'map' && field.mapKind === 'message') {
    for (const [, item] of view.get(field)) redactMessage((item as ReflectMessage).message, isSensitive, types)
  }
}

function redactMessage(message: Message, isSensitive: boolean, types: Types): void {
  if (message.$typeName === 'google.protobuf.Any') return redactAny(message as Any, types)
  const schema = types.message(message.$typeName)
  if (schema === undefined) return
  if (!isSensitive) return redact(message, schema, types)
  // Everything inside a sensitive message is sensitive.
  const view = reflect(schema, message)
  for (const field of view.sortedFields) {
    if (!view.isSet(field)) continue
    if (field.fieldKind === 'scalar' && typeof view.get(field) === 'string') view.set(field, redacted)
    else if (field.fieldKind === 'scalar' && view.get(field) instanceof Uint8Array)
      view.set(field, Buffer.from(redacted))
    else if (field.fieldKind === 'message') redactMessage(view.get(field).message, true, types)
  }
}

function redactAny(any: Any, types: Types): void {
  const unpacked = types.unpackAny(any)
  if (!unpacked.ok) return
  const schema = types.message(unpacked.value.typeName)
  if (schema === undefined) return
  redact(unpacked.value.message, schema, types)
  const fresh = types.packAny(unpacked.value.typeUrl, unpacked.value.message)
  any.typeUrl = fresh.typeUrl
  any.value = fresh.value
}
