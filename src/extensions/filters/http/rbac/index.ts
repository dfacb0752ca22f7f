import { create, toBinary } from '@bufbuild/protobuf'
import { carried, later, whole } from '../../../../api/field-policy.js'
import { defineNativeHttpFilter } from '../../../../api/native.js'
import type { Place, PlanContext, PlanInit } from '../../../../api/plan-context.js'
import { type RbacSchema, RbacSchema as RbacPlanSchema } from '../../../../generated/filters/http/rbac/plan_pb.js'
import type { RBAC, RBACPerRoute } from '../../../../generated/protos/envoy/extensions/filters/http/rbac/v3/rbac_pb.js'
import { rbacRules, rulesPolicy } from '../../common/rbac-rules.js'

const schema = 'envoy.extensions.filters.http.rbac.v3'

/** envoy.filters.http.rbac: who may do what, by policies. */
const rbac = defineNativeHttpFilter<RBAC, RBACPerRoute>({
  name: 'envoy.filters.http.rbac',
  typeNames: [`${schema}.RBAC`],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
  isUpstreamToo: true,
  plan: (config, context) => toBinary(RbacPlanSchema, create(RbacPlanSchema, rbacPlan(config, context, context))),
  route: {
    typeNames: [`${schema}.RBACPerRoute`],
    plan: ({ rbac: config }, context) =>
      toBinary(RbacPlanSchema, create(RbacPlanSchema, config ? rbacPlan(config, context, context.field('rbac')) : {})),
  },
  policy: {
    [`${schema}.RBAC`]: {
      ...carried('rules shadow_rules'),
      ...whole('rules_stat_prefix shadow_rules_stat_prefix track_per_rule_stats'),
      ...later('matcher shadow_matcher', 'matcher trees'),
    },
    [`${schema}.RBACPerRoute`]: carried('rbac'),
    ...rulesPolicy,
  },
})

function rbacPlan(config: RBAC, context: PlanContext, at: Place): PlanInit<typeof RbacSchema> {
  return {
    ...(config.rules && { rules: rbacRules(config.rules, context, at.field('rules')) }),
    ...(config.shadowRules && { shadow: rbacRules(config.shadowRules, context, at.field('shadow_rules')) }),
    statPrefix: config.rulesStatPrefix,
    shadowStatPrefix: config.shadowRulesStatPrefix,
    policyStats: config.trackPerRuleStats,
  }
}

export default [rbac]
