import { create, toBinary } from '@bufbuild/protobuf'
import { carried, later, whole } from '../../../../api/field-policy.js'
import { defineNativeNetworkFilter } from '../../../../api/native.js'
import { RbacSchema } from '../../../../generated/filters/http/rbac/plan_pb.js'
import {
  type RBAC,
  RBAC_EnforcementType as Enforcement,
} from '../../../../generated/protos/envoy/extensions/filters/network/rbac/v3/rbac_pb.js'
import { rbacRules, rulesPolicy } from '../../common/rbac-rules.js'

const type = 'envoy.extensions.filters.network.rbac.v3.RBAC'
const called = 'RBAC network filter'

/** envoy.filters.network.rbac: which connections may go on, by policies. */
const rbac = defineNativeNetworkFilter<RBAC>({
  name: 'envoy.filters.network.rbac',
  typeNames: [type],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
  plan: (config, context) =>
    toBinary(
      RbacSchema,
      create(RbacSchema, {
        ...(config.rules && { rules: rbacRules(config.rules, context, context.field('rules'), called) }),
        ...(config.shadowRules && {
          shadow: rbacRules(config.shadowRules, context, context.field('shadow_rules'), called),
        }),
        statPrefix: config.statPrefix,
        shadowStatPrefix: config.shadowRulesStatPrefix,
        continuous: config.enforcementType === Enforcement.CONTINUOUS,
        delayDenyMs: context.milliseconds(config.delayDeny, 0, context.field('delay_deny')),
      }),
    ),
  policy: {
    [type]: {
      ...carried('rules shadow_rules'),
      ...whole('stat_prefix shadow_rules_stat_prefix enforcement_type delay_deny'),
      ...later('matcher shadow_matcher', 'matcher trees'),
    },
    ...rulesPolicy,
  },
})

export default [rbac]
