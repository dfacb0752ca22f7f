import { defineNativeListenerFilter } from '../../../../api/native.js'
import type { HttpInspector } from '../../../../generated/protos/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js'

/** envoy.filters.listener.http_inspector: which HTTP a clear-text connection speaks, for the choice of the filter chain. */
const httpInspector = defineNativeListenerFilter<HttpInspector>({
  name: 'envoy.filters.listener.http_inspector',
  typeNames: ['envoy.extensions.filters.listener.http_inspector.v3.HttpInspector'],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
  plan: () => new Uint8Array(),
})

export default [httpInspector]
