import { type DescMessage, fromBinary, type JsonObject, type JsonValue, toJson } from '@bufbuild/protobuf'
import {
  ClusterSchema,
  EndpointsSchema,
  ExtensionConfigSchema,
  HttpConnectionManagerSchema,
  ListenerSchema,
  RouterSchema,
  RouteScopesSchema,
  RouteTableSchema,
  RuntimeSchema,
  ScriptFilterSchema,
  ScriptSchema,
  SecretSchema,
  TcpProxySchema,
} from '../generated/plan_pb.js'
import type { Plan, PlanKind } from './compilation.js'

export const planSchemas: Readonly<Record<PlanKind, DescMessage>> = {
  listener: ListenerSchema,
  'route-table': RouteTableSchema,
  cluster: ClusterSchema,
  endpoints: EndpointsSchema,
  runtime: RuntimeSchema,
  secret: SecretSchema,
  script: ScriptSchema,
  'scoped-routes': RouteScopesSchema,
  'extension-config': ExtensionConfigSchema,
}

const extensions: Readonly<Record<string, DescMessage>> = {
  'envoy.filters.network.http_connection_manager': HttpConnectionManagerSchema,
  'envoy.filters.network.tcp_proxy': TcpProxySchema,
  'envoy.filters.http.router': RouterSchema,
  'nuncio.filters.http.typescript': ScriptFilterSchema,
}

/** Plans as text, for golden files and for the eye: proto JSON, the plans of extensions opened, one plan after the other. */
export function describePlans(plans: readonly Plan[]): string {
  return plans
    .map(plan => {
      const json = toJson(planSchemas[plan.kind], fromBinary(planSchemas[plan.kind], plan.bytes), {
        useProtoFieldName: true,
      })
      return `# ${plan.kind} ${plan.slot}${plan.name === '' ? '' : ` ${plan.name}`}\n${JSON.stringify(opened(json), undefined, 2)}\n`
    })
    .join('\n')
}

/** Replaces the base64 plan of every Extension by its fields. */
function opened(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(opened)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).map(([key, member]) => [key, opened(member)] as const)
  const object: JsonObject = Object.fromEntries(members)
  const schema = typeof object['type'] === 'string' ? extensions[object['type']] : undefined
  if (schema && typeof object['plan'] === 'string') {
    const bytes = Buffer.from(object['plan'], 'base64')
    object['plan'] = opened(toJson(schema, fromBinary(schema, bytes), { useProtoFieldName: true }))
  }
  return object
}
