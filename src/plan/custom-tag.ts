import type { Place } from '../api/plan-context.js'
import { Operator } from '../generated/plan_pb.js'
import type { CustomTag } from '../generated/protos/envoy/type/tracing/v3/custom_tag_pb.js'
import type { FormatPieceInit } from './format.js'
import type { CustomTagInit, FormatInit } from './init.js'

export interface TagTools {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** A substitution format whose operators without a value add nothing. */
  format(text: string, at: Place): FormatInit
}

/** Tags of spans or log entries, those left out that never have a value. */
export function customTags(tags: readonly CustomTag[], at: Place, tools: TagTools): CustomTagInit[] {
  return tags.flatMap((tag, index) => customTag(tag, at.item(index), tools) ?? [])
}

/** Undefined: it never has a value. */
function customTag(tag: CustomTag, at: Place, { environment, format }: TagTools): CustomTagInit | undefined {
  const { tag: name, type } = tag
  switch (type.case) {
    case 'literal':
      return { name, value: {}, defaultValue: type.value.value }
    case 'environment': {
      const value = environment[type.value.name] ?? type.value.defaultValue
      return value === '' ? undefined : { name, value: {}, defaultValue: value }
    }
    case 'requestHeader':
      return tagOf(name, { op: Operator.REQ, text: type.value.name.toLowerCase() }, type.value.defaultValue)
    case 'metadata': {
      const op = metadataOperators[type.value.kind?.kind.case ?? 'request']
      const { key = '', path = [] } = type.value.metadataKey ?? {}
      const keys = path.map(({ segment }) => String(segment.value ?? ''))
      return tagOf(name, { op, path: [key, ...keys] }, type.value.defaultValue)
    }
    case 'value':
      return { name, value: format(type.value, at.field('value')) }
    default:
      at.unsupported('this custom tag')
      return undefined
  }
}

const metadataOperators = {
  request: Operator.DYNAMIC_METADATA,
  route: Operator.ROUTE_METADATA,
  cluster: Operator.CLUSTER_METADATA,
  host: Operator.UPSTREAM_METADATA,
} as const

const tagOf = (name: string, piece: FormatPieceInit, defaultValue: string): CustomTagInit => ({
  name,
  value: { pieces: [piece], omitEmptyValues: true },
  defaultValue,
})
