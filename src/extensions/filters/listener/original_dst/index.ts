import { defineNativeListenerFilter } from '../../../../api/native.js'
import type { OriginalDst } from '../../../../generated/protos/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js'

/** envoy.filters.listener.original_dst: where a connection was going before the kernel redirected it here. */
const originalDst = defineNativeListenerFilter<OriginalDst>({
  name: 'envoy.filters.listener.original_dst',
  typeNames: ['envoy.extensions.filters.listener.original_dst.v3.OriginalDst'],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
  plan: () => new Uint8Array(),
})

export default [originalDst]
