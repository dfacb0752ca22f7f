import { create, toBinary } from '@bufbuild/protobuf'
import { defineNativeTransportSocket } from '../../../api/native.js'
import type { PlanContext } from '../../../api/plan-context.js'
import { UpstreamProxyProtocolSchema } from '../../../generated/plan_pb.js'
import {
  ProxyProtocolConfig_Version,
  ProxyProtocolPassThroughTLVs_PassTLVsMatchType,
} from '../../../generated/protos/envoy/config/core/v3/proxy_protocol_pb.js'
import type { ProxyProtocolUpstreamTransport } from '../../../generated/protos/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.js'

/** envoy.transport_sockets.upstream_proxy_protocol: a PROXY header for the client goes first on each connection. */
const upstreamProxyProtocol = defineNativeTransportSocket<ProxyProtocolUpstreamTransport>('upstream', {
  name: 'envoy.transport_sockets.upstream_proxy_protocol',
  typeNames: ['envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport'],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream_and_upstream',
  plan: (config, context) =>
    toBinary(UpstreamProxyProtocolSchema, create(UpstreamProxyProtocolSchema, plan(config, context))),
})

function plan(config: ProxyProtocolUpstreamTransport, context: PlanContext) {
  const passed = config.config?.passThroughTlvs
  const inner = context.transportSocket('upstream', config.transportSocket, context.field('transport_socket'))
  return {
    version: config.config?.version === ProxyProtocolConfig_Version.V2 ? 2 : 1,
    passAllTlvs: passed?.matchType === ProxyProtocolPassThroughTLVs_PassTLVsMatchType.INCLUDE_ALL,
    passTlvs: passed?.tlvType ?? [],
    addedTlvs: (config.config?.addedTlvs ?? []).map(({ type, value }) => ({ type, value })),
    allowUnspecified: config.allowUnspecifiedAddress,
    tlvsInPoolKey: config.tlvAsPoolKey,
    ...(inner && { inner }),
  }
}

export default [upstreamProxyProtocol]
