import { defineNativeNetworkFilter } from '../../../../api/native.js'
import type { HttpConnectionManager } from '../../../../generated/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import { connectionManagerPlan } from './plan.js'

/** envoy.filters.network.http_connection_manager: from bytes to HTTP streams; its code is native/http_proxy. */
const connectionManager = defineNativeNetworkFilter<HttpConnectionManager>({
  name: 'envoy.filters.network.http_connection_manager',
  typeNames: ['envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
  isTerminal: true,
  plan: connectionManagerPlan,
})

export default [connectionManager]
