import { clone, type DescMessage, type JsonObject } from '@bufbuild/protobuf'
import type { Types } from '../config/index.js'
import type { Node } from '../generated/protos/envoy/config/core/v3/base_pb.js'

export interface NodeFacts {
  /** Bootstrap.node; what flags say wins over it. */
  readonly node: Node | undefined
  readonly id: string
  readonly cluster: string
  readonly zone: string
  /** Control planes tell features by this version of Envoy's API. */
  readonly version: { readonly majorNumber: number; readonly minorNumber: number; readonly patch: number }
  /** build.type, revision.sha and the like. */
  readonly build: JsonObject
  readonly extensions: readonly NodeExtension[]
}

export interface NodeExtension {
  readonly name: string
  readonly category: string
  /** Full names of the messages that configure it. */
  readonly typeNames: readonly string[]
}

const nodeType = 'envoy.config.core.v3.Node'

/** Who we say we are: to a control plane, an Envoy with the extensions that are here. */
export function makeNode(facts: NodeFacts, types: Types): Node {
  const { node, version, build } = facts
  const locality = facts.zone === '' ? node?.locality : localityIn(facts.zone, node, types)
  const schema = types.message(nodeType) as DescMessage
  const copy = node === undefined ? types.create<Node>(nodeType) : (clone(schema, node) as Node)
  return Object.assign(copy, {
    id: facts.id || (node?.id ?? ''),
    cluster: facts.cluster || (node?.cluster ?? ''),
    ...(locality && { locality }),
    userAgentName: 'envoy',
    userAgentVersionType: {
      case: 'userAgentBuildVersion',
      value: types.create('envoy.config.core.v3.BuildVersion', {
        version: types.create('envoy.type.v3.SemanticVersion', version),
        metadata: build,
      }),
    },
    extensions: facts.extensions.map(({ name, category, typeNames }) =>
      types.create('envoy.config.core.v3.Extension', { name, category, typeUrls: [...typeNames] }),
    ),
  })
}

function localityIn(zone: string, node: Node | undefined, types: Types): Node['locality'] {
  const { region = '', subZone = '' } = node?.locality ?? {}
  return types.create('envoy.config.core.v3.Locality', { region, zone, subZone })
}
