import { create, toBinary } from '@bufbuild/protobuf'
import { defineNativeListenerFilter } from '../../../../api/native.js'
import { TlsInspectorSchema } from '../../../../generated/plan_pb.js'
import type { TlsInspector } from '../../../../generated/protos/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js'

const largestHello = 16 * 1024

/** envoy.filters.listener.tls_inspector: server name, ALPN and fingerprints of TLS clients, for the choice of the filter chain. */
const tlsInspector = defineNativeListenerFilter<TlsInspector>({
  name: 'envoy.filters.listener.tls_inspector',
  typeNames: ['envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector'],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
  plan: config => {
    const maxClientHelloSize = config.maxClientHelloSize ?? largestHello
    return toBinary(
      TlsInspectorSchema,
      create(TlsInspectorSchema, {
        ja3: config.enableJa3Fingerprinting ?? false,
        ja4: config.enableJa4Fingerprinting ?? false,
        initialReadSize: config.initialReadBufferSize ?? maxClientHelloSize,
        maxClientHelloSize,
        closeOnError: config.closeConnectionOnClientHelloParsingErrors,
      }),
    )
  },
})

export default [tlsInspector]
