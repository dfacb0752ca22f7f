import type { StatsConfig } from '../generated/protos/envoy/config/metrics/v3/stats_pb.js'
import type { StringMatcher } from '../generated/protos/envoy/type/matcher/v3/string_pb.js'

/** stats_config as plain data, so that it can come from the compile thread. */
export interface StatsSettings {
  /** In order; undefined regex: the default of that name. */
  readonly tags: readonly { readonly name: string; readonly regex?: string; readonly fixedValue?: string }[]
  readonly useAllDefaultTags: boolean
  readonly matcher: StatsMatcherSettings
  /** The first that matches a histogram's name gives its buckets. */
  readonly buckets: readonly { readonly match: TextPattern; readonly bounds: readonly number[] }[]
}

export type StatsMatcherSettings =
  | { readonly kind: 'accept-all' | 'reject-all' }
  | { readonly kind: 'include' | 'exclude'; readonly patterns: readonly TextPattern[] }

export interface TextPattern {
  readonly kind: 'exact' | 'prefix' | 'suffix' | 'contains' | 'regex'
  readonly value: string
  readonly ignoreCase: boolean
}

export const defaultStatsSettings: StatsSettings = {
  tags: [],
  useAllDefaultTags: true,
  matcher: { kind: 'accept-all' },
  buckets: [],
}

/** Bootstrap's stats_config. */
export function statsSettingsOf(message: StatsConfig | undefined): StatsSettings {
  if (!message) return defaultStatsSettings
  return {
    tags: message.statsTags.map(({ tagName: name, tagValue }) => {
      if (tagValue.case === 'fixedValue') return { name, fixedValue: tagValue.value }
      return tagValue.case === 'regex' && tagValue.value !== '' ? { name, regex: tagValue.value } : { name }
    }),
    useAllDefaultTags: message.useAllDefaultTags ?? true,
    matcher: matcherOf(message),
    buckets: message.histogramBucketSettings.map(({ match, buckets }) => ({
      match: patternOf(match),
      bounds: [...buckets],
    })),
  }
}

/** With tags of the command line, which every statistic has: they stand in front of the configuration's. */
export function withFixedTags(
  settings: StatsSettings,
  tags: readonly { readonly name: string; readonly value: string }[],
): StatsSettings {
  if (tags.length === 0) return settings
  const fixed = tags.map(({ name, value }) => ({ name, fixedValue: value }))
  return { ...settings, tags: [...fixed, ...settings.tags] }
}

function matcherOf(message: StatsConfig): StatsMatcherSettings {
  const matcher = message.statsMatcher?.statsMatcher
  switch (matcher?.case) {
    case 'rejectAll':
      return { kind: matcher.value ? 'reject-all' : 'accept-all' }
    case 'exclusionList':
      return { kind: 'exclude', patterns: matcher.value.patterns.map(patternOf) }
    case 'inclusionList':
      return { kind: 'include', patterns: matcher.value.patterns.map(patternOf) }
    default:
      return { kind: 'accept-all' }
  }
}

function patternOf(message: StringMatcher | undefined): TextPattern {
  const pattern = message?.matchPattern
  const ignoreCase = message?.ignoreCase ?? false
  switch (pattern?.case) {
    case 'exact':
    case 'prefix':
    case 'suffix':
    case 'contains':
      return { kind: pattern.case, value: pattern.value, ignoreCase }
    case 'safeRegex':
      return { kind: 'regex', value: pattern.value.regex, ignoreCase: false }
    default:
      return { kind: 'exact', value: '', ignoreCase }
  }
}
