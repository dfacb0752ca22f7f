import { create, toBinary } from '@bufbuild/protobuf'
import { carried, later, whole } from '../../../../api/field-policy.js'
import { defineNativeHttpFilter } from '../../../../api/native.js'
import type { PlanContext } from '../../../../api/plan-context.js'
import { OnDemandSchema } from '../../../../generated/filters/http/on_demand/plan_pb.js'
import type {
  OnDemand,
  PerRouteConfig,
} from '../../../../generated/protos/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.js'

const schema = 'envoy.extensions.filters.http.on_demand.v3'

/** envoy.filters.http.on_demand: a request waits while its virtual host, its scope's routes, or its cluster are fetched. */
const onDemand = defineNativeHttpFilter<OnDemand, PerRouteConfig>({
  name: 'envoy.filters.http.on_demand',
  typeNames: [`${schema}.OnDemand`],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
  plan: onDemandPlan,
  route: { typeNames: [`${schema}.PerRouteConfig`], plan: onDemandPlan },
  policy: {
    [`${schema}.OnDemand`]: carried('odcds'),
    [`${schema}.PerRouteConfig`]: carried('odcds'),
    [`${schema}.OnDemandCds`]: {
      ...whole('source timeout'),
      ...later('resources_locator', 'collections of clusters that come on demand'),
    },
  },
})

function onDemandPlan({ odcds }: OnDemand | PerRouteConfig, context: PlanContext): Uint8Array {
  const clusterSource = odcds && context.clustersOnDemand(odcds, context.field('odcds').field('source'))
  return toBinary(OnDemandSchema, create(OnDemandSchema, { ...(clusterSource !== undefined && { clusterSource }) }))
}

export default [onDemand]
