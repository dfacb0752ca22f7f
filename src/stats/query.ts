import { err, ok, type Result } from '../support/result.js'
import { compileRegex } from './pattern.js'

export type BucketMode = 'summary' | 'cumulative' | 'disjoint' | 'detailed'
export type StatsFormat = 'text' | 'json' | 'prometheus' | 'html' | 'active-html'
export type StatsKind = 'All' | 'Counters' | 'Gauges' | 'Histograms' | 'TextReadouts'

/** What is asked of `/stats`. */
export interface StatsQuery {
  readonly usedOnly: boolean
  readonly textReadouts: boolean
  readonly format: StatsFormat
  readonly kind: StatsKind
  /** undefined: not given. Text and JSON then print a summary, Prometheus cumulative buckets. */
  readonly buckets: BucketMode | undefined
  readonly matches: (name: string) => boolean
}

/** Parses the query of `/stats`; the error is the body of a 400. */
export function parseStatsQuery(query: URLSearchParams): Result<StatsQuery, string> {
  const buckets = bucketMode(query.get('histogram_buckets'))
  if (!buckets.ok) return buckets
  const hidden = query.get('hidden') ?? 'exclude'
  if (!['include', 'only', 'exclude'].includes(hidden)) return err('usage: /stats?hidden=(include|only|exclude)\n\n')
  const format = query.get('format') ?? 'text'
  if (!isFormat(format)) return err('usage: /stats?format=(html|active-html|json|prometheus|text)\n\n')
  const kind = query.get('type') ?? 'All'
  if (!isKind(kind)) return err('invalid &type= param')
  const filter = query.get('filter') ?? ''
  let matches: (name: string) => boolean = () => true
  if (filter !== '') {
    const regex = compileRegex(filter)
    if (!regex.ok) return err(`Invalid re2 regex: ${regex.error}`)
    const isInverted = query.has('invert_filter')
    matches = name => regex.value.test(name) !== isInverted
  }
  // No statistic of ours is hidden.
  if (hidden === 'only') matches = () => false
  return ok({
    usedOnly: query.has('usedonly'),
    textReadouts: query.has('text_readouts'),
    format,
    kind,
    buckets: buckets.value,
    matches,
  })
}

function bucketMode(text: string | null): Result<BucketMode | undefined, string> {
  switch (text) {
    case null:
      return ok<BucketMode | undefined>(undefined)
    case 'none':
    case 'summary':
      return ok<BucketMode | undefined>('summary')
    case 'cumulative':
    case 'disjoint':
    case 'detailed':
      return ok<BucketMode | undefined>(text)
    default:
      return err('usage: /stats?histogram_buckets=(cumulative|disjoint|detailed|summary|prometheusnative)\n')
  }
}

function isFormat(text: string): text is StatsFormat {
  return ['text', 'json', 'prometheus', 'html', 'active-html'].includes(text)
}

function isKind(text: string): text is StatsKind {
  return ['All', 'Counters', 'Gauges', 'Histograms', 'TextReadouts'].includes(text)
}
