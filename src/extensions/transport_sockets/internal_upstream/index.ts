import { create, toBinary } from '@bufbuild/protobuf'
import { carried, whole } from '../../../api/field-policy.js'
import { defineNativeTransportSocket } from '../../../api/native.js'
import type { PlanContext } from '../../../api/plan-context.js'
import { InternalUpstreamSchema } from '../../../generated/plan_pb.js'
import type { InternalUpstreamTransport } from '../../../generated/protos/envoy/extensions/transport_sockets/internal_upstream/v3/internal_upstream_pb.js'

const message = 'envoy.extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport'

/** envoy.transport_sockets.internal_upstream: metadata that goes along to an internal listener. */
const internalUpstream = defineNativeTransportSocket<InternalUpstreamTransport>('upstream', {
  name: 'envoy.transport_sockets.internal_upstream',
  typeNames: [message],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream_and_upstream',
  plan: (config, context) => toBinary(InternalUpstreamSchema, create(InternalUpstreamSchema, plan(config, context))),
  policy: {
    [message]: carried('passthrough_metadata transport_socket'),
    [`${message}.MetadataValueSource`]: whole('kind name'),
  },
})

function plan(config: InternalUpstreamTransport, context: PlanContext) {
  const named = (wanted: 'host' | 'cluster'): string[] =>
    config.passthroughMetadata.filter(({ kind }) => kind?.kind.case === wanted).map(({ name }) => name)
  for (const [index, { kind }] of config.passthroughMetadata.entries()) {
    const place = context.field('passthrough_metadata').item(index).field('kind')
    if (kind?.kind.case !== 'host' && kind?.kind.case !== 'cluster') place.error('metadata type is not supported')
  }
  const inner = context.transportSocket('upstream', config.transportSocket, context.field('transport_socket'))
  return { hostMetadata: named('host'), clusterMetadata: named('cluster'), ...(inner && { inner }) }
}

export default [internalUpstream]
