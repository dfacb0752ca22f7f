import type { Any } from '@bufbuild/protobuf/wkt'
import type { Place, Unpacked } from '../api/plan-context.js'
import { isMessage } from '../config/index.js'
import { MatchInput_Kind, MatchPredicate_Kind, MatchTree_Kind, StringMatcher_Kind } from '../generated/plan_pb.js'
import type {
  DynamicMetadataInput,
  FilterStateInput,
} from '../generated/protos/envoy/extensions/matching/common_inputs/network/v3/network_inputs_pb.js'
import type { Ip } from '../generated/protos/envoy/extensions/matching/input_matchers/ip/v3/ip_pb.js'
import type {
  HttpRequestHeaderMatchInput,
  HttpRequestQueryParamMatchInput,
} from '../generated/protos/envoy/type/matcher/v3/http_inputs_pb.js'
import type { TypedExtensionConfig } from '../generated/protos/xds/core/v3/extension_pb.js'
import type { IPMatcher } from '../generated/protos/xds/type/matcher/v3/ip_pb.js'
import type {
  Matcher,
  Matcher_MatcherList_Predicate as Predicate,
  Matcher_MatcherTree as Tree,
  Matcher_OnMatch as OnMatch,
} from '../generated/protos/xds/type/matcher/v3/matcher_pb.js'
import type { StringMatcher } from '../generated/protos/xds/type/matcher/v3/string_pb.js'
import { cidrRanges } from './address.js'
import type { MatchInputInit, MatchOutcomeInit, MatchPredicateInit, MatchTreeInit, StringMatcherInit } from './init.js'
import type { RegexCheck } from './matcher.js'

export interface MatchTreeTools {
  readonly checkRegex: RegexCheck
  unpack(any: Any, at: Place): Unpacked | undefined
  /** The number that stands for an action; undefined when it was refused. */
  action(action: Unpacked, at: Place): number | undefined
  /** What keeps an input of this type from being used here, in Envoy's words; undefined: nothing. */
  refusesInput(typeName: string): string | undefined
}

const network = 'envoy.extensions.matching.common_inputs.network.v3'
const ssl = 'envoy.extensions.matching.common_inputs.ssl.v3'
const plainInputs: Readonly<Record<string, MatchInput_Kind>> = {
  [`${network}.DestinationIPInput`]: MatchInput_Kind.DESTINATION_IP,
  [`${network}.DestinationPortInput`]: MatchInput_Kind.DESTINATION_PORT,
  [`${network}.SourceIPInput`]: MatchInput_Kind.SOURCE_IP,
  [`${network}.SourcePortInput`]: MatchInput_Kind.SOURCE_PORT,
  [`${network}.DirectSourceIPInput`]: MatchInput_Kind.DIRECT_SOURCE_IP,
  [`${network}.SourceTypeInput`]: MatchInput_Kind.SOURCE_TYPE,
  [`${network}.ServerNameInput`]: MatchInput_Kind.SERVER_NAME,
  [`${network}.TransportProtocolInput`]: MatchInput_Kind.TRANSPORT_PROTOCOL,
  [`${network}.ApplicationProtocolInput`]: MatchInput_Kind.APPLICATION_PROTOCOL,
  [`${ssl}.UriSanInput`]: MatchInput_Kind.URI_SAN,
  [`${ssl}.DnsSanInput`]: MatchInput_Kind.DNS_SAN,
  [`${ssl}.SubjectInput`]: MatchInput_Kind.SUBJECT,
}

/** A tree of xds.type.matcher.v3, its actions numbered by `tools`. */
export function matchTree(matcher: Matcher, at: Place, tools: MatchTreeTools): MatchTreeInit {
  return new MatchTreeCompiler(tools).tree(matcher, at)
}

class MatchTreeCompiler {
  readonly #tools: MatchTreeTools

  constructor(tools: MatchTreeTools) {
    this.#tools = tools
  }

  tree(matcher: Matcher, at: Place): MatchTreeInit {
    const otherwise = matcher.onNoMatch && this.#outcome(matcher.onNoMatch, at.field('on_no_match'))
    const { matcherType: type } = matcher
    const plan = ((): MatchTreeInit => {
      if (type.case === 'matcherTree') return this.#map(type.value, at.field('matcher_tree'))
      const inMatchers = at.field('matcher_list').field('matchers')
      const matchers = type.case === 'matcherList' ? type.value.matchers : []
      return {
        kind: MatchTree_Kind.LIST,
        predicates: matchers.map(({ predicate }, index) =>
          predicate ? this.#predicate(predicate, inMatchers.item(index).field('predicate')) : {},
        ),
        outcomes: matchers.map(({ onMatch }, index) =>
          this.#outcome(onMatch, inMatchers.item(index).field('on_match')),
        ),
      }
    })()
    return otherwise ? { ...plan, otherwise } : plan
  }

  #map(tree: Tree, at: Place): MatchTreeInit {
    const input = this.#input(tree.input, at.field('input'))
    const { treeType: type } = tree
    if (type.case === 'customMatch') return { input, ...this.#ranges(type.value, at.field('custom_match')) }
    if (type.case === undefined) return { input }
    const isExact = type.case === 'exactMatchMap'
    const place = at.field(isExact ? 'exact_match_map' : 'prefix_match_map').field('map')
    return {
      input,
      kind: isExact ? MatchTree_Kind.EXACT : MatchTree_Kind.PREFIX,
      keys: Object.entries(type.value.map).map(([key, onMatch]) => ({
        key,
        outcome: this.#outcome(onMatch, place.item(key)),
      })),
    }
  }

  #ranges(config: TypedExtensionConfig, at: Place): MatchTreeInit {
    const place = at.field('typed_config')
    const unpacked = config.typedConfig && this.#tools.unpack(config.typedConfig, place)
    if (!unpacked) return {}
    if (!isMessage<IPMatcher>(unpacked.message, 'xds.type.matcher.v3.IPMatcher')) {
      place.unsupported(`matching by ${unpacked.typeName}`)
      return {}
    }
    const keys = unpacked.message.rangeMatchers.flatMap((matcher, index) => {
      const item = place.field('range_matchers').item(index)
      if (matcher.exclusive) item.field('exclusive').unsupported('exclusive ranges of a matcher')
      const outcome = this.#outcome(matcher.onMatch, item.field('on_match'))
      return matcher.ranges.map(({ addressPrefix, prefixLen }) => ({
        range: { ip: addressPrefix, prefixLen: prefixLen ?? 0 },
        outcome,
      }))
    })
    return { kind: MatchTree_Kind.IP_RANGES, keys }
  }

  #outcome(onMatch: OnMatch | undefined, at: Place): MatchOutcomeInit {
    if (onMatch?.keepMatching) at.field('keep_matching').unsupported('matchers that go on after a match')
    const what = onMatch?.onMatch
    if (what?.case === 'matcher') return { tree: [this.tree(what.value, at.field('matcher'))] }
    if (what?.case !== 'action') return {}
    const place = at.field('action').field('typed_config')
    const unpacked = what.value.typedConfig && this.#tools.unpack(what.value.typedConfig, place)
    return { action: (unpacked && this.#tools.action(unpacked, place)) ?? 0 }
  }

  #predicate(predicate: Predicate, at: Place): MatchPredicateInit {
    const { matchType: type } = predicate
    switch (type.case) {
      case 'orMatcher':
      case 'andMatcher': {
        const isOr = type.case === 'orMatcher'
        const place = at.field(isOr ? 'or_matcher' : 'and_matcher').field('predicate')
        return {
          kind: isOr ? MatchPredicate_Kind.OR : MatchPredicate_Kind.AND,
          children: type.value.predicate.map((child, index) => this.#predicate(child, place.item(index))),
        }
      }
      case 'notMatcher':
        return { kind: MatchPredicate_Kind.NOT, children: [this.#predicate(type.value, at.field('not_matcher'))] }
      case 'singlePredicate': {
        const place = at.field('single_predicate')
        const input = this.#input(type.value.input, place.field('input'))
        const { matcher } = type.value
        if (matcher.case === 'valueMatch')
          return { input, value: this.#string(matcher.value, place.field('value_match')) }
        return { input, ...(matcher.case && this.#custom(matcher.value, place.field('custom_match'))) }
      }
      default:
        return {}
    }
  }

  #custom(config: TypedExtensionConfig, at: Place): MatchPredicateInit {
    const place = at.field('typed_config')
    const unpacked = config.typedConfig && this.#tools.unpack(config.typedConfig, place)
    if (!unpacked) return {}
    if (isMessage<Ip>(unpacked.message, 'envoy.extensions.matching.input_matchers.ip.v3.Ip'))
      return { cidrs: cidrRanges(unpacked.message.cidrRanges, place.field('cidr_ranges')) }
    place.unsupported(`matching by ${unpacked.typeName}`)
    return {}
  }

  #string(matcher: StringMatcher, at: Place): StringMatcherInit {
    const { matchPattern: pattern, ignoreCase } = matcher
    const kinds = {
      exact: StringMatcher_Kind.EXACT,
      prefix: StringMatcher_Kind.PREFIX,
      suffix: StringMatcher_Kind.SUFFIX,
      contains: StringMatcher_Kind.CONTAINS,
    } as const
    if (pattern.case === 'safeRegex') {
      this.#tools.checkRegex(pattern.value.regex, at.field('safe_regex').field('regex'))
      return { kind: StringMatcher_Kind.REGEX, value: pattern.value.regex }
    }
    if (pattern.case === 'custom') at.field('custom').unsupported('string matcher extensions')
    if (pattern.case === 'custom' || pattern.case === undefined) return {}
    return { kind: kinds[pattern.case], value: pattern.value, ignoreCase }
  }

  #input(config: TypedExtensionConfig | undefined, at: Place): MatchInputInit {
    const place = at.field('typed_config')
    const unpacked = config?.typedConfig && this.#tools.unpack(config.typedConfig, place)
    if (!unpacked) return {}
    const { message, typeName } = unpacked
    const refusal = this.#tools.refusesInput(typeName)
    if (refusal !== undefined) place.error(refusal)
    const plain = plainInputs[typeName]
    if (plain !== undefined) return { kind: plain }
    if (isMessage<HttpRequestHeaderMatchInput>(message, 'envoy.type.matcher.v3.HttpRequestHeaderMatchInput'))
      return { kind: MatchInput_Kind.REQUEST_HEADER, name: message.headerName.toLowerCase() }
    if (isMessage<HttpRequestQueryParamMatchInput>(message, 'envoy.type.matcher.v3.HttpRequestQueryParamMatchInput'))
      return { kind: MatchInput_Kind.QUERY_PARAMETER, name: message.queryParam }
    if (isMessage<FilterStateInput>(message, `${network}.FilterStateInput`))
      return { kind: MatchInput_Kind.FILTER_STATE, name: message.key }
    if (isMessage<DynamicMetadataInput>(message, `${network}.DynamicMetadataInput`)) {
      const path = message.path.map(({ segment }) => (segment.case === 'key' ? segment.value : ''))
      return { kind: MatchInput_Kind.DYNAMIC_METADATA, path: [message.filter, ...path] }
    }
    if (refusal === undefined) place.unsupported(`matching by ${typeName}`)
    return {}
  }
}
