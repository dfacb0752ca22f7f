import { defineNativeUpstreamFilter } from '../../../../api/native.js'
import type { UpstreamCodec } from '../../../../generated/protos/envoy/extensions/filters/http/upstream_codec/v3/upstream_codec_pb.js'

const message = 'envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec'

/** envoy.filters.http.upstream_codec: the end of every chain of upstream HTTP filters; its code is native/http_proxy/upstream_request. */
const upstreamCodec = defineNativeUpstreamFilter<UpstreamCodec>({
  name: 'envoy.filters.http.upstream_codec',
  typeNames: [message],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream_and_upstream',
  isTerminal: true,
  plan: () => new Uint8Array(),
  policy: { [message]: {} },
})

export default [upstreamCodec]
