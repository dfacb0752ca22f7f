/** Rules of role-based access control, which the HTTP filter and the network filter share. */
import { carried, later, type PolicyTable, whole } from '../../../api/field-policy.js'
import type { Place, PlanContext, PlanInit } from '../../../api/plan-context.js'
import {
  Rule_Kind as Kind,
  Rules_Action,
  type RuleSchema,
  type RulesSchema,
  Value_Kind as ValueKind,
  type ValueSchema,
} from '../../../generated/filters/http/rbac/plan_pb.js'
import { RouteMatch_Path } from '../../../generated/plan_pb.js'
import type { CidrRange } from '../../../generated/protos/envoy/config/core/v3/address_pb.js'
import type { TypedExtensionConfig } from '../../../generated/protos/envoy/config/core/v3/extension_pb.js'
import {
  MetadataSource,
  type Permission,
  type Principal,
  type RBAC as Rules,
  RBAC_Action as Action,
  type SourcedMetadata,
} from '../../../generated/protos/envoy/config/rbac/v3/rbac_pb.js'
import type { UriTemplateMatchConfig } from '../../../generated/protos/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js'
import type { FilterStateMatcher } from '../../../generated/protos/envoy/type/matcher/v3/filter_state_pb.js'
import type { MetadataMatcher } from '../../../generated/protos/envoy/type/matcher/v3/metadata_pb.js'
import type { ValueMatcher } from '../../../generated/protos/envoy/type/matcher/v3/value_pb.js'
import type { PathMatcher } from '../../../generated/protos/envoy/type/matcher/v3/path_pb.js'
import type { StringMatcher } from '../../../generated/protos/envoy/type/matcher/v3/string_pb.js'

type RuleInit = PlanInit<typeof RuleSchema>
type ValueInit = PlanInit<typeof ValueSchema>

const rulesSchema = 'envoy.config.rbac.v3'
const maxDepth = 32

export const rulesPolicy: PolicyTable = {
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
    ...whole('metadata sourced_metadata uri_template'),
    ...later('matcher', 'matcher extensions'),
  },
  [`${rulesSchema}.Permission.Set`]: carried('rules'),
  [`${rulesSchema}.Principal`]: {
    ...carried('and_ids or_ids not_id authenticated header url_path'),
    ...whole('any source_ip direct_remote_ip remote_ip'),
    ...whole('metadata sourced_metadata filter_state'),
    ...later('custom', 'principal extensions'),
  },
  [`${rulesSchema}.Principal.Set`]: carried('ids'),
  [`${rulesSchema}.Principal.Authenticated`]: carried('principal_name'),
  'envoy.type.matcher.v3.PathMatcher': carried('path'),
}

const actions: Readonly<Record<Action, Rules_Action>> = {
  [Action.ALLOW]: Rules_Action.ALLOW,
  [Action.DENY]: Rules_Action.DENY,
  [Action.LOG]: Rules_Action.LOG,
}

/** `called`: the filter that knows no headers; empty: it knows them. */
export function rbacRules(config: Rules, context: PlanContext, at: Place, called = ''): PlanInit<typeof RulesSchema> {
  const compiler = new RuleCompiler(context, called)
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
  readonly #headless: string
  #depth = 0

  constructor(context: PlanContext, headless: string) {
    this.#context = context
    this.#headless = headless
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
      case 'metadata':
        return this.#metadata(rule.value, at.field('metadata'))
      case 'sourcedMetadata':
        return this.#sourced(rule.value, at.field('sourced_metadata'))
      case 'uriTemplate':
        return this.#template(rule.value, at.field('uri_template'))
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
      case 'metadata':
        return this.#metadata(identifier.value, at.field('metadata'))
      case 'sourcedMetadata':
        return this.#sourced(identifier.value, at.field('sourced_metadata'))
      case 'filterState':
        return this.#filterState(identifier.value, at.field('filter_state'))
      default:
        return { kind: Kind.ANY }
    }
  }

  #metadata(matcher: MetadataMatcher, at: Place, ofRoute = false): RuleInit {
    return {
      kind: Kind.METADATA,
      path: [matcher.filter, ...matcher.path.flatMap(({ segment }) => (segment.case === 'key' ? [segment.value] : []))],
      value: this.#value(matcher.value, at.field('value')),
      ofRoute,
      invert: matcher.invert,
    }
  }

  #sourced({ metadataMatcher, metadataSource }: SourcedMetadata, at: Place): RuleInit {
    if (metadataMatcher === undefined) return {}
    return this.#metadata(metadataMatcher, at.field('metadata_matcher'), metadataSource === MetadataSource.ROUTE)
  }

  #value(matcher: ValueMatcher | undefined, at: Place): ValueInit {
    const pattern = matcher?.matchPattern
    switch (pattern?.case) {
      case 'doubleMatch': {
        const number = pattern.value.matchPattern
        if (number.case === 'range') return { kind: ValueKind.RANGE, start: number.value.start, end: number.value.end }
        return { kind: ValueKind.NUMBER, start: number.value ?? 0 }
      }
      case 'stringMatch':
        return { kind: ValueKind.TEXT, text: this.#context.stringMatcher(pattern.value, at.field('string_match')) }
      case 'boolMatch':
        return { kind: ValueKind.BOOL, truth: pattern.value }
      case 'presentMatch':
        return { kind: ValueKind.PRESENT, truth: pattern.value }
      case 'listMatch': {
        const one = pattern.value.matchPattern
        const values = one.case === 'oneOf' ? [this.#value(one.value, at.field('list_match').field('one_of'))] : []
        return { kind: ValueKind.LIST, values }
      }
      case 'orMatch': {
        const inOr = at.field('or_match').field('value_matchers')
        return {
          kind: ValueKind.ANY_OF,
          values: pattern.value.valueMatchers.map((one, index) => this.#value(one, inOr.item(index))),
        }
      }
      default:
        return { kind: ValueKind.NOTHING }
    }
  }

  #filterState({ key, matcher }: FilterStateMatcher, at: Place): RuleInit {
    if (matcher.case === 'stringMatch')
      return {
        kind: Kind.FILTER_STATE,
        path: [key],
        text: this.#context.stringMatcher(matcher.value, at.field('string_match')),
      }
    const { ranges = [], invertMatch = false } = matcher.value ?? {}
    return {
      kind: Kind.FILTER_STATE,
      path: [key],
      invert: invertMatch,
      ranges: ranges.map(({ addressPrefix, prefixLen }) => ({ ip: addressPrefix, prefixLen: prefixLen ?? 0 })),
    }
  }

  #template({ typedConfig }: TypedExtensionConfig, at: Place): RuleInit {
    if (this.#headless !== '') at.error(`Found URL template rule, not supported by ${this.#headless}`)
    const unpacked = typedConfig && this.#context.unpack(typedConfig, at.field('typed_config'))
    if (unpacked === undefined) return {}
    if (unpacked.typeName !== 'envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig') {
      at.unsupported(`rules of ${unpacked.typeName}`)
      return {}
    }
    const { pathTemplate } = unpacked.message as UriTemplateMatchConfig
    return {
      kind: Kind.ROUTE_MATCH,
      match: { path: RouteMatch_Path.TEMPLATE, value: pathTemplate, caseSensitive: true },
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
    if (this.#headless !== '') at.error(`Found header(${matcher.name}) rule, not supported by ${this.#headless}`)
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
