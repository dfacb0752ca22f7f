import { defineNativeNetworkFilter } from '../../../../api/native.js'
import type { Echo } from '../../../../generated/protos/envoy/extensions/filters/network/echo/v3/echo_pb.js'

/** envoy.filters.network.echo: sends back what it gets. */
const echo = defineNativeNetworkFilter<Echo>({
  name: 'envoy.filters.network.echo',
  typeNames: ['envoy.extensions.filters.network.echo.v3.Echo'],
  status: 'stable',
  securityPosture: 'unknown',
  isTerminal: true,
  plan: () => new Uint8Array(),
})

export default [echo]
