import type { JsonValue } from '@bufbuild/protobuf'
import type { Node } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import { formatUrn, parseUrn } from './xdstp.js'

/** What a collection's name is to say of us, beside its own context: fields of the node by name (node_context_params). */
export function withNodeContext(name: string, node: Node, fields: readonly string[]): string {
  const urn = parseUrn(name)
  if (urn === undefined || fields.length === 0) return name
  const own = new Set(urn.context.map(([key]) => key))
  const ours = fields.flatMap(field => contextOf(node, field)).filter(([key]) => !own.has(key))
  return formatUrn({ ...urn, context: [...urn.context, ...ours] })
}

type Parameter = readonly [key: string, value: string]

function contextOf(node: Node, field: string): readonly Parameter[] {
  const { locality, userAgentVersionType: agent } = node
  const built = agent.case === 'userAgentBuildVersion' ? agent.value : undefined
  switch (field) {
    case 'id':
    case 'cluster':
      return one(field, node[field])
    case 'user_agent_name':
      return one(field, node.userAgentName)
    case 'user_agent_version':
      return one(field, agent.case === 'userAgentVersion' ? agent.value : '')
    case 'user_agent_build_version.version': {
      const { majorNumber = 0, minorNumber = 0, patch = 0 } = built?.version ?? {}
      return one(field, built === undefined ? '' : `${majorNumber}.${minorNumber}.${patch}`)
    }
    case 'user_agent_build_version.metadata':
      return members('user_agent_build_version', built?.metadata)
    case 'locality.region':
      return one(field, locality?.region ?? '')
    case 'locality.zone':
      return one(field, locality?.zone ?? '')
    case 'locality.sub_zone':
      return one(field, locality?.subZone ?? '')
    case 'metadata':
      return members(field, node.metadata)
    default:
      return []
  }
}

const one = (field: string, value: string): readonly Parameter[] => (value === '' ? [] : [[`xds.node.${field}`, value]])

function members(field: string, values: Readonly<Record<string, JsonValue>> | undefined): readonly Parameter[] {
  return Object.entries(values ?? {}).map(([key, value]) => [`xds.node.${field}.${key}`, JSON.stringify(value)])
}
