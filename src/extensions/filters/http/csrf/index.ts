import { create, toBinary } from '@bufbuild/protobuf'
import { carried } from '../../../../api/field-policy.js'
import { defineNativeHttpFilter } from '../../../../api/native.js'
import type { PlanContext } from '../../../../api/plan-context.js'
import { PolicySchema } from '../../../../generated/filters/http/csrf/plan_pb.js'
import type { CsrfPolicy } from '../../../../generated/protos/envoy/extensions/filters/http/csrf/v3/csrf_pb.js'

const schema = 'envoy.extensions.filters.http.csrf.v3'

/** envoy.filters.http.csrf: refuses changing requests that come from another site's page. */
const csrf = defineNativeHttpFilter<CsrfPolicy, CsrfPolicy>({
  name: 'envoy.filters.http.csrf',
  typeNames: [`${schema}.CsrfPolicy`],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
  plan: csrfPlan,
  route: { typeNames: [`${schema}.CsrfPolicy`], plan: csrfPlan },
  policy: { [`${schema}.CsrfPolicy`]: carried('filter_enabled shadow_enabled additional_origins') },
})

function csrfPlan(policy: CsrfPolicy, context: PlanContext): Uint8Array {
  return toBinary(
    PolicySchema,
    create(PolicySchema, {
      ...(policy.filterEnabled && { enabled: context.fraction(policy.filterEnabled) }),
      ...(policy.shadowEnabled && { shadow: context.fraction(policy.shadowEnabled) }),
      origins: policy.additionalOrigins.map((matcher, index) =>
        context.stringMatcher(matcher, context.field('additional_origins').item(index)),
      ),
    }),
  )
}

export default [csrf]
