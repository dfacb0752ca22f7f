import { create, toBinary } from '@bufbuild/protobuf'
import { carried, isFalse, later, whole } from '../../../../api/field-policy.js'
import { defineNativeHttpFilter } from '../../../../api/native.js'
import type { Place, PlanContext, PlanInit } from '../../../../api/plan-context.js'
import {
  type RbacSchema,
  RbacSchema as RbacPlanSchema,
  Rule_Kind as Kind,
  Rules_Action,
  type RuleSchema,
  type RulesSchema,
} from '../../../../generated/filters/http/rbac/plan_pb.js'
import type { CidrRange } from '../../../../generated/protos/envoy/config/core/v3/address_pb.js'
import {
  type Permission,
  type Principal,
  type RBAC as Rules,
  RBAC_Action as Action,
} from '../../../../generated/protos/envoy/config/rbac/v3/rbac_pb.js'
import type { RBAC, RBACPerRoute } from '../../../../generated/protos/envoy/extensions/filters/http/rbac/v3/rbac_pb.js'
import type { PathMatcher } from '../../../../generated/protos/envoy/type/matcher/v3/path_pb.js'
import type { StringMatcher } from '../../../../generated/protos/envoy/type/matcher/v3/string_pb.js'

type RuleInit = PlanInit<typeof RuleSchema>

const schema = 'envoy.extensions.filters.http.rbac.v3'
const rulesSchema = 'envoy.config.rbac.v3'
const maxDepth = 32

/** envoy.filters.http.rbac: who may do what, by policies. */
const rbac = defineNativeHttpFilter<RBAC, RBACPerRoute>({
  name: 'envoy.filters.http.rbac',
  typeNames: [`${schema}.RBAC`],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
  plan: (config, context) => toBinary(RbacPlanSchema, create(RbacPlanSchema, rbacPlan(config, context, context))),
  route: {
    typeNames: [`${schema}.RBACPerRoute`],
    plan: ({ rbac: config }, context) =>
      toBinary(RbacPlanSchema, create(RbacPlanSchema, config ? rbacPlan(config, context, context.field('rbac')) : {})),
  },
  policy: {
    [`${schema}.RBAC`]: {
      ...carried('rules shadow_rules'),
      ...whole('rules_stat_prefix shadow_rules_stat_prefix'),
      ...later('matcher shadow_matcher', 'matcher trees'),
      ...later('track_per_rule_stats', 'statistics of each policy', isFalse),
    },
    [`${schema}.RBACPerRoute`]: carried('rbac'),
    [`${rulesSchema}.RBAC`]: {
      ...whole('action'),
      ...carried('policies'),
      ...later('audit_logging_options', 'audit logging'),
    },
    [`${rulesSchema}.Policy`]: {
      ...carried('permissions principals'),
      ...later('condition checked_condition cel_config', 'CEL expressions'),
    },
    [`${rulesSchema}.Permission`]: {
      ...carried('and_rules or_rules not_rule header url_path requested_server_name'),
      ...whole('any destination_ip destination_port destination_port_range'),
      ...later('metadata sourced_metadata', 'rules about metadata'),
      ...later('matcher uri_template', 'matcher extensions'),
    },
    [`${rulesSchema}.Permission.Set`]: carried('rules'),
    [`${rulesSchema}.Principal`]: {
      ...carried('and_ids or_ids not_id authenticated header url_path'),
      ...whole('any source_ip direct_remote_ip remote_ip'),
      ...later('metadata sourced_metadata', 'rules about metadata'),
      ...later('filter_state', 'rules about filter state'),
      ...later('custom', 'principal extensions'),
    },
    [`${rulesSchema}.Principal.Set`]: carried('ids'),
    [`${rulesSchema}.Principal.Authenticated`]: carried('principal_name'),
    'envoy.type.matcher.v3.PathMatcher': carried('path'),
  },
})

function rbacPlan(config: RBAC, context: PlanContext, at: Place): PlanInit<typeof RbacSchema> {
  return {
    ...(config.rules && { rules: rules(config.rules, context, at.field('rules')) }),
    ...(config.shadowRules && { shadow: rules(config.shadowRules, context, at.field('shadow_rules')) }),
    statPrefix: config.rulesStatPrefix,
    shadowStatPrefix: config.shadowRulesStatPrefix,
  }
}

const actions: Readonly<Record<Action, Rules_Action>> = {
  [Action.ALLOW]: Rules_Action.ALLOW,
  [Action.DENY]: Rules_Action.DENY,
  [Action.LOG]: Rules_Action.LOG,
}

function rules(config: Rules, context: PlanContext, at: Place): PlanInit<typeof RulesSchema> {
  const compiler = new RuleCompiler(context)
  const inPolicies = at.field('policies')
  return {
    action: actions[config.action],
    policies: Object.entries(config.policies)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, policy]) => {
        const place = inPolicies.item(name)
        return {
          name,
          permissions: policy.permissions.map((one, i) => compiler.permission(one, place.field('permissions').item(i))),
          principals: policy.principals.map((one, i) => compiler.principal(one, place.field('principals').item(i))),
        }
      }),
  }
}

/** Permissions and principals are trees of one kind of rule. */
class RuleCompiler {
  readonly #context: PlanContext
  #depth = 0

  constructor(context: PlanContext) {
    this.#context = context
  }

  permission({ rule }: Permission, at: Place): RuleInit {
    switch (rule.case) {
      case 'andRules':
      case 'orRules': {
        const place = at.field(rule.case === 'andRules' ? 'and_rules' : 'or_rules').field('rules')
        const kind = rule.case === 'andRules' ? Kind.AND : Kind.OR
        return this.#below(kind, rule.value.rules, place, (one, where) => this.permission(one, where))
      }
      case 'notRule':
        return this.#below(Kind.NOT, [rule.value], at.field('not_rule'), (one, where) => this.permission(one, where))
      case 'header':
        return this.#header(rule.value, at.field('header'))
      case 'urlPath':
        return this.#path(rule.value, at.field('url_path'))
      case 'destinationIp':
        return this.#ip(Kind.DESTINATION_IP, rule.value, at.field('destination_ip'))
      case 'destinationPort':
        return { kind: Kind.DESTINATION_PORT, firstPort: rule.value, endPort: rule.value + 1 }
      case 'destinationPortRange':
        return { kind: Kind.DESTINATION_PORT, firstPort: rule.value.start, endPort: rule.value.end }
      case 'requestedServerName':
        return this.#text(Kind.SERVER_NAME, rule.value, at.field('requested_server_name'))
      default:
        return { kind: Kind.ANY }
    }
  }

  principal({ identifier }: Principal, at: Place): RuleInit {
    switch (identifier.case) {
      case 'andIds':
      case 'orIds': {
        const place = at.field(identifier.case === 'andIds' ? 'and_ids' : 'or_ids').field('ids')
        const kind = identifier.case === 'andIds' ? Kind.AND : Kind.OR
        return this.#below(kind, identifier.value.ids, place, (one, where) => this.principal(one, where))
      }
      case 'notId':
        return this.#below(Kind.NOT, [identifier.value], at.field('not_id'), (one, where) => this.principal(one, where))
      case 'authenticated': {
        const name = identifier.value.principalName
        const place = at.field('authenticated').field('principal_name')
        return name ? this.#text(Kind.AUTHENTICATED, name, place) : { kind: Kind.AUTHENTICATED }
      }
      case 'sourceIp':
        return this.#ip(Kind.CONNECTION_IP, identifier.value, at.field('source_ip'))
      case 'directRemoteIp':
        return this.#ip(Kind.DIRECT_REMOTE_IP, identifier.value, at.field('direct_remote_ip'))
      case 'remoteIp':
        return this.#ip(Kind.REMOTE_IP, identifier.value, at.field('remote_ip'))
      case 'header':
        return this.#header(identifier.value, at.field('header'))
      case 'urlPath':
        return this.#path(identifier.value, at.field('url_path'))
      default:
        return { kind: Kind.ANY }
    }
  }

  #below<T>(kind: Kind, all: readonly T[], at: Place, compile: (one: T, at: Place) => RuleInit): RuleInit {
    if (this.#depth >= maxDepth) {
      at.error(`rules are nested deeper than ${maxDepth}`)
      return {}
    }
    this.#depth++
    const children = all.map((one, index) => compile(one, at.item(index)))
    this.#depth--
    return { kind, children }
  }

  #header(matcher: Parameters<PlanContext['headerMatchers']>[0][number], at: Place): RuleInit {
    const [header] = this.#context.headerMatchers([matcher], at)
    return { kind: Kind.HEADER, ...(header && { header }) }
  }

  #path(matcher: PathMatcher, at: Place): RuleInit {
    return matcher.rule.case === 'path' ? this.#text(Kind.URL_PATH, matcher.rule.value, at.field('path')) : {}
  }

  #text(kind: Kind, matcher: StringMatcher, at: Place): RuleInit {
    return { kind, text: this.#context.stringMatcher(matcher, at) }
  }

  #ip(kind: Kind, range: CidrRange, at: Place): RuleInit {
    const [cidr] = this.#context.cidrRanges([range], at)
    return { kind, ...(cidr && { range: cidr }) }
  }
}

export default [rbac]
