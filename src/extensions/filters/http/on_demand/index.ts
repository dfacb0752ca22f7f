import { later } from '../../../../api/field-policy.js'
import { defineNativeHttpFilter } from '../../../../api/native.js'
import type { OnDemand } from '../../../../generated/protos/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.js'

const schema = 'envoy.extensions.filters.http.on_demand.v3'
const clusters = later('odcds', 'on-demand discovery of clusters (ODCDS)')

/** envoy.filters.http.on_demand: a request without a route waits while its virtual host, or its scope's routes, are fetched. */
const onDemand = defineNativeHttpFilter<OnDemand>({
  name: 'envoy.filters.http.on_demand',
  typeNames: [`${schema}.OnDemand`],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
  plan: () => new Uint8Array(),
  policy: { [`${schema}.OnDemand`]: clusters, [`${schema}.PerRouteConfig`]: clusters },
})

export default [onDemand]
