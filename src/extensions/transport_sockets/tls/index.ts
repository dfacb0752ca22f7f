import { defineNativeTransportSocket } from '../../../api/native.js'
import type {
  DownstreamTlsContext,
  UpstreamTlsContext,
} from '../../../generated/protos/envoy/extensions/transport_sockets/tls/v3/tls_pb.js'
import { downstreamPlan } from './downstream.js'
import { upstreamPlan } from './upstream.js'

/** envoy.transport_sockets.tls, for both sides; its code is native/tls. */
const downstream = defineNativeTransportSocket<DownstreamTlsContext>('downstream', {
  name: 'envoy.transport_sockets.tls',
  typeNames: ['envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext'],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream_and_upstream',
  plan: downstreamPlan,
})

const upstream = defineNativeTransportSocket<UpstreamTlsContext>('upstream', {
  name: 'envoy.transport_sockets.tls',
  typeNames: ['envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext'],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream_and_upstream',
  plan: upstreamPlan,
})

export default [downstream, upstream]
