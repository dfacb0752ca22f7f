import { defineNativeNetworkFilter } from '../../../../api/native.js'
import type { SniCluster } from '../../../../generated/protos/envoy/extensions/filters/network/sni_cluster/v3/sni_cluster_pb.js'

/** envoy.filters.network.sni_cluster: the server name a TLS client asks for is the cluster its bytes go to. */
const sniCluster = defineNativeNetworkFilter<SniCluster>({
  name: 'envoy.filters.network.sni_cluster',
  typeNames: ['envoy.extensions.filters.network.sni_cluster.v3.SniCluster'],
  status: 'stable',
  securityPosture: 'unknown',
  plan: () => new Uint8Array(),
})

export default [sniCluster]
