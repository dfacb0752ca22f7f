import type { Place } from '../api/plan-context.js'
import { FieldMatcher_Kind, StringMatcher_Kind } from '../generated/plan_pb.js'
import type { RuntimeFractionalPercent } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import type {
  CookieMatcher,
  HeaderMatcher,
  QueryParameterMatcher,
} from '../generated/protos/envoy/config/route/v3/route_components_pb.js'
import type { RegexMatchAndSubstitute, RegexMatcher } from '../generated/protos/envoy/type/matcher/v3/regex_pb.js'
import type { StringMatcher } from '../generated/protos/envoy/type/matcher/v3/string_pb.js'
import {
  type FractionalPercent,
  FractionalPercent_DenominatorType,
} from '../generated/protos/envoy/type/v3/percent_pb.js'
import type { FieldMatcherInit, FractionInit, RegexRewriteInit, StringMatcherInit } from './init.js'

/** Reports what is wrong with a regular expression of RE2's syntax. */
export type RegexCheck = (pattern: string, at: Place) => void

const text = (kind: StringMatcher_Kind, value: string, ignoreCase = false): StringMatcherInit => ({
  kind,
  value,
  ignoreCase,
})

export function stringMatcher(matcher: StringMatcher, at: Place, checkRegex: RegexCheck): StringMatcherInit {
  const { matchPattern: pattern, ignoreCase } = matcher
  switch (pattern.case) {
    case 'exact':
      return text(StringMatcher_Kind.EXACT, pattern.value, ignoreCase)
    case 'prefix':
      return text(StringMatcher_Kind.PREFIX, pattern.value, ignoreCase)
    case 'suffix':
      return text(StringMatcher_Kind.SUFFIX, pattern.value, ignoreCase)
    case 'contains':
      return text(StringMatcher_Kind.CONTAINS, pattern.value, ignoreCase)
    case 'safeRegex':
      if (ignoreCase) at.field('ignore_case').error('ignore_case has no effect for safe_regex.')
      return regexMatcher(pattern.value, at.field('safe_regex'), checkRegex)
    default:
      return {} // refused by the field policy (custom) or by validation (none)
  }
}

export function regexMatcher(matcher: RegexMatcher, at: Place, checkRegex: RegexCheck): StringMatcherInit {
  checkRegex(matcher.regex, at.field('regex'))
  return text(StringMatcher_Kind.REGEX, matcher.regex)
}

/** A match on one header; none of the specifiers set means "present". */
export function headerMatcher(matcher: HeaderMatcher, at: Place, checkRegex: RegexCheck): FieldMatcherInit {
  const common = {
    name: matcher.name.toLowerCase(),
    invert: matcher.invertMatch,
    treatMissingAsEmpty: matcher.treatMissingHeaderAsEmpty,
  }
  const spec = matcher.headerMatchSpecifier
  const string = (value: StringMatcherInit): FieldMatcherInit => ({
    ...common,
    kind: FieldMatcher_Kind.STRING,
    string: value,
  })
  switch (spec.case) {
    case 'exactMatch':
      return string(text(StringMatcher_Kind.EXACT, spec.value))
    case 'prefixMatch':
      return string(text(StringMatcher_Kind.PREFIX, spec.value))
    case 'suffixMatch':
      return string(text(StringMatcher_Kind.SUFFIX, spec.value))
    case 'containsMatch':
      return string(text(StringMatcher_Kind.CONTAINS, spec.value))
    case 'safeRegexMatch':
      return string(regexMatcher(spec.value, at.field('safe_regex_match'), checkRegex))
    case 'stringMatch':
      return string(stringMatcher(spec.value, at.field('string_match'), checkRegex))
    case 'rangeMatch':
      return { ...common, kind: FieldMatcher_Kind.RANGE, rangeStart: spec.value.start, rangeEnd: spec.value.end }
    case 'presentMatch':
      return { ...common, kind: FieldMatcher_Kind.PRESENT, present: spec.value }
    default:
      return { ...common, kind: FieldMatcher_Kind.PRESENT, present: true }
  }
}

export function headerMatchers(
  matchers: readonly HeaderMatcher[],
  at: Place,
  checkRegex: RegexCheck,
): FieldMatcherInit[] {
  return matchers.map((matcher, index) => headerMatcher(matcher, at.item(index), checkRegex))
}

export function queryMatcher(matcher: QueryParameterMatcher, at: Place, checkRegex: RegexCheck): FieldMatcherInit {
  const spec = matcher.queryParameterMatchSpecifier
  const { name } = matcher
  if (spec.case === 'stringMatch')
    return {
      name,
      kind: FieldMatcher_Kind.STRING,
      string: stringMatcher(spec.value, at.field('string_match'), checkRegex),
    }
  return { name, kind: FieldMatcher_Kind.PRESENT, present: spec.case === 'presentMatch' ? spec.value : true }
}

export function cookieMatcher(matcher: CookieMatcher, at: Place, checkRegex: RegexCheck): FieldMatcherInit {
  return {
    name: matcher.name,
    kind: FieldMatcher_Kind.STRING,
    invert: matcher.invertMatch,
    ...(matcher.stringMatch && { string: stringMatcher(matcher.stringMatch, at.field('string_match'), checkRegex) }),
  }
}

const denominators: Readonly<Record<FractionalPercent_DenominatorType, number>> = {
  [FractionalPercent_DenominatorType.HUNDRED]: 100,
  [FractionalPercent_DenominatorType.TEN_THOUSAND]: 10_000,
  [FractionalPercent_DenominatorType.MILLION]: 1_000_000,
}

export function fraction(value: FractionalPercent | undefined, runtimeKey = ''): FractionInit {
  const denominator = denominators[value?.denominator ?? FractionalPercent_DenominatorType.HUNDRED] ?? 100
  const ppm = Math.min(1_000_000, (value?.numerator ?? 0) * (1_000_000 / denominator))
  return { ppm, denominator, runtimeKey }
}

export function runtimeFraction(value: RuntimeFractionalPercent): FractionInit {
  return fraction(value.defaultValue, value.runtimeKey)
}

export function regexRewrite(rewrite: RegexMatchAndSubstitute, at: Place, checkRegex: RegexCheck): RegexRewriteInit {
  const pattern = rewrite.pattern?.regex ?? ''
  checkRegex(pattern, at.field('pattern').field('regex'))
  checkSubstitution(pattern, rewrite.substitution, at.field('substitution'))
  return { pattern, substitution: rewrite.substitution }
}

// RE2's rules for rewrite strings: "\" takes a digit or another "\", and no digit names a group that is not there. Envoy accepts what breaks
// them, and then rewrites nothing.
function checkSubstitution(pattern: string, substitution: string, at: Place): void {
  const groups = [
    ...pattern
      .replace(/\\./g, '')
      .replace(/\[[^\]]*\]/g, '')
      .matchAll(/\((?!\?(?!P<|<))/g),
  ].length
  for (const [, character] of substitution.matchAll(/\\(.?)/g)) {
    if (character === '\\') continue
    if (character === undefined || !/\d/.test(character))
      at.warning('accepted, but rewrites nothing: a backslash in a substitution takes a digit or another backslash')
    else if (Number(character) > groups)
      at.warning(`accepted, but rewrites nothing: there is no group ${character} in the pattern, which has ${groups}`)
  }
}
