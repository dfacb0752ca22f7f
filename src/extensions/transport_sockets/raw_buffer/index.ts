import { defineNativeTransportSocket } from '../../../api/native.js'
import type { RawBuffer } from '../../../generated/protos/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js'

/** envoy.transport_sockets.raw_buffer: clear text, which is what a connection has without any; its code is native/net/raw_transport. */
const define = (side: 'downstream' | 'upstream') =>
  defineNativeTransportSocket<RawBuffer>(side, {
    name: 'envoy.transport_sockets.raw_buffer',
    typeNames: ['envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer'],
    status: 'stable',
    securityPosture: 'requires_trusted_downstream_and_upstream',
    plan: () => new Uint8Array(),
  })

export default [define('downstream'), define('upstream')]
