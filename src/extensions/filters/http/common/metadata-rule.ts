import { toolText } from '../../../../api/native-tool.js'
import type { Place, PlanContext } from '../../../../api/plan-context.js'
import type { MetadataMatcher } from '../../../../generated/protos/envoy/type/matcher/v3/metadata_pb.js'
import type { ValueMatcher } from '../../../../generated/protos/envoy/type/matcher/v3/value_pb.js'

/** envoy.type.matcher.v3.ValueMatcher, in JSON. `tool`: of a native tool for texts. */
export type ValueRule =
  | { readonly kind: 'null' }
  | { readonly kind: 'number'; readonly exact: number }
  | { readonly kind: 'range'; readonly start: number; readonly end: number }
  | { readonly kind: 'text'; readonly tool: string }
  | { readonly kind: 'bool'; readonly is: boolean }
  | { readonly kind: 'present'; readonly is: boolean }
  | { readonly kind: 'list'; readonly one: ValueRule }
  | { readonly kind: 'or'; readonly rules: readonly ValueRule[] }

export interface MetadataRule {
  readonly namespace: string
  readonly path: readonly string[]
  readonly value: ValueRule
  readonly isInverted: boolean
}

export function metadataRule(config: MetadataMatcher, context: PlanContext, at: Place): MetadataRule {
  return {
    namespace: config.filter,
    path: config.path.flatMap(({ segment }) => (segment.case === 'key' ? [segment.value] : [])),
    value: valueRule(config.value, context, at.field('value')),
    isInverted: config.invert,
  }
}

function valueRule(config: ValueMatcher | undefined, context: PlanContext, at: Place): ValueRule {
  const pattern = config?.matchPattern
  switch (pattern?.case) {
    case 'doubleMatch':
      return pattern.value.matchPattern.case === 'range'
        ? { kind: 'range', start: pattern.value.matchPattern.value.start, end: pattern.value.matchPattern.value.end }
        : { kind: 'number', exact: pattern.value.matchPattern.value ?? 0 }
    case 'stringMatch':
      return {
        kind: 'text',
        tool: toolText({ text: context.stringMatcher(pattern.value, at.field('string_match')) }),
      }
    case 'boolMatch':
      return { kind: 'bool', is: pattern.value }
    case 'presentMatch':
      return { kind: 'present', is: pattern.value }
    case 'listMatch': {
      const { oneOf } = pattern.value.matchPattern.case === 'oneOf' ? { oneOf: pattern.value.matchPattern.value } : {}
      return { kind: 'list', one: valueRule(oneOf, context, at.field('list_match').field('one_of')) }
    }
    case 'orMatch': {
      const inOr = at.field('or_match').field('value_matchers')
      return {
        kind: 'or',
        rules: pattern.value.valueMatchers.map((one, index) => valueRule(one, context, inOr.item(index))),
      }
    }
    default:
      return { kind: 'null' }
  }
}

/** `root`: the namespaces. `matchesText`: by a native tool's text. */
export function matchesMetadata(
  rule: MetadataRule,
  find: (namespace: string) => unknown,
  matchesText: (tool: string, text: string) => boolean,
): boolean {
  const value = rule.path.reduce<unknown>(
    (object, key) =>
      typeof object === 'object' && object !== null && !Array.isArray(object)
        ? (object as Record<string, unknown>)[key]
        : undefined,
    find(rule.namespace),
  )
  return fits(rule.value, value, matchesText) !== rule.isInverted
}

function fits(rule: ValueRule, value: unknown, matchesText: (tool: string, text: string) => boolean): boolean {
  switch (rule.kind) {
    case 'null':
      return value === null
    case 'number':
      return value === rule.exact
    case 'range':
      return typeof value === 'number' && value >= rule.start && value < rule.end
    case 'text':
      return typeof value === 'string' && matchesText(rule.tool, value)
    case 'bool':
      return value === rule.is
    case 'present':
      return (value !== undefined && value !== null) === rule.is
    case 'list':
      return Array.isArray(value) && value.some(one => fits(rule.one, one, matchesText))
    case 'or':
      return rule.rules.some(one => fits(one, value, matchesText))
  }
}
