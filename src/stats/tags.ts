// Tags: parts of a stat's name that Prometheus gets as labels. Each extractor looks at the whole name; what it captures is
// the value, what it marks is taken out of the name.
import { compileRegex } from './pattern.js'
import type { StatsSettings } from './settings.js'

export interface Tag {
  readonly name: string
  readonly value: string
}

export interface TaggedName {
  /** The name without its tags' parts. */
  readonly name: string
  readonly tags: readonly Tag[]
}

interface Extractor {
  readonly tag: string
  /** Only names whose first part is this are looked at. */
  readonly firstToken: string | undefined
  /** Only names that contain this text are looked at. */
  readonly needs: string | undefined
  /** The part that goes and the value in it; undefined: no match. */
  readonly find: (name: string, tokens: readonly string[]) => Found | undefined
}

interface Found {
  readonly start: number
  readonly end: number
  readonly value: string
}

/** Either a pattern of name parts ($ = the tag, * = any one part, ** = one or more parts) or a regex. */
interface DefaultTag {
  readonly tag: string
  readonly parts?: string
  readonly regex?: string
  readonly needs?: string
  /** Names that begin so have no such tag. */
  readonly unless?: string
}

/** A listener's part of a name: an address, else one part. */
const listener = '[_.\\d]*|[_\\[\\]aAbBcCdDeEfF\\d]*|[^.]+'

/** Envoy's default tags, in its order. */
const defaultTags: readonly DefaultTag[] = [
  { tag: 'envoy.response_code', regex: '_rq(_(\\d{3}))$', needs: '_rq_' },
  { tag: 'envoy.response_code_class', regex: '_rq_((\\d))xx$', needs: '_rq_' },
  {
    tag: 'envoy.dynamo_partition_id',
    regex: '^http\\.[^.]+\\.dynamodb\\.table\\.[^.]+\\.capacity\\.[^.]+(\\.__partition_id=(\\w{7}))$',
    needs: '.dynamodb.',
  },
  {
    tag: 'envoy.dynamo_operation',
    regex: '^http\\.[^.]+\\.dynamodb\\.(?:operation|table\\.[^.]+\\.capacity)(\\.([^.]+))(?:\\.|$)',
    needs: '.dynamodb.',
  },
  { tag: 'envoy.mongo_callsite', parts: 'mongo.*.collection.*.callsite.$.query.**' },
  {
    tag: 'envoy.dynamo_table',
    regex: '^http\\.[^.]+\\.dynamodb\\.(?:table|error)\\.(([^.]+)\\.)',
    needs: '.dynamodb.',
  },
  { tag: 'envoy.mongo_collection', parts: 'mongo.*.collection.$.**' },
  { tag: 'envoy.mongo_cmd', parts: 'mongo.*.cmd.$.**' },
  { tag: 'envoy.grpc_bridge_method', parts: 'cluster.*.grpc.*.$.**' },
  { tag: 'envoy.http_user_agent', parts: 'http.*.user_agent.$.**' },
  { tag: 'envoy.virtual_cluster', parts: 'vhost.*.vcluster.$.**' },
  { tag: 'envoy.fault_downstream_cluster', parts: 'http.*.fault.$.**' },
  { tag: 'envoy.ssl_cipher', regex: '^listener\\..*?\\.ssl\\.ciphers?(\\.([\\w-]+))$', needs: '.ssl.cipher' },
  { tag: 'envoy.ssl_cipher_suite', regex: '^cluster\\.[^.]+\\.ssl\\.ciphers(\\.([\\w-]+))$', needs: '.ssl.ciphers.' },
  { tag: 'envoy.grpc_bridge_service', parts: 'cluster.*.grpc.$.**' },
  { tag: 'envoy.tcp_prefix', parts: 'tcp.$.**' },
  { tag: 'envoy.udp_prefix', parts: 'udp.$.**' },
  { tag: 'envoy.clientssl_prefix', parts: 'auth.clientssl.$.**' },
  { tag: 'envoy.ratelimit_prefix', parts: 'ratelimit.$.**' },
  { tag: 'envoy.cluster_name', parts: 'cluster.$.**' },
  { tag: 'envoy.http_conn_manager_prefix', regex: '^listener\\..*?\\.http\\.(([^.]+)\\.)', needs: '.http.' },
  { tag: 'envoy.http_conn_manager_prefix', parts: 'http.$.**' },
  {
    tag: 'envoy.worker_id',
    regex: `^(?:listener\\.(?:${listener})|server|listener_manager|thread_local_cluster_manager)\\.worker(_(\\d+))\\.`,
    needs: '.worker_',
  },
  { tag: 'envoy.listener_address', regex: `^listener\\.((${listener})\\.)`, unless: 'listener.admin.' },
  { tag: 'envoy.virtual_host', parts: 'vhost.$.**' },
  { tag: 'envoy.mongo_prefix', parts: 'mongo.$.**' },
  { tag: 'envoy.rds_route_config', regex: '^http\\.[^.]+\\.rds\\.(([\\w.-]+)\\.)\\w+?$', needs: '.rds.' },
  { tag: 'envoy.scoped_rds_config', parts: 'http.*.scoped_rds.$.**' },
  { tag: 'envoy.route', parts: 'vhost.*.route.$.**' },
  { tag: 'envoy.thrift_prefix', parts: 'thrift.$.**' },
  { tag: 'envoy.redis_prefix', parts: 'redis.$.**' },
  { tag: 'envoy.connection_limit_prefix', parts: 'connection_limit.$.**' },
  { tag: 'envoy.rbac_prefix', parts: 'rbac.$.**' },
  { tag: 'envoy.ext_authz_prefix', parts: 'ext_authz.$.**' },
  { tag: 'envoy.local_http_ratelimit_prefix', parts: '$.http_local_rate_limit.**' },
  { tag: 'envoy.local_network_ratelimit_prefix', parts: 'local_rate_limit.$.**' },
  { tag: 'envoy.local_listener_ratelimit_prefix', parts: 'listener_local_ratelimit.$.**' },
  { tag: 'envoy.dns_filter_prefix', parts: 'dns_filter.$.**' },
  { tag: 'envoy.google_grpc_client_prefix', parts: 'grpc.$.**' },
]

/** Knows the tags of a configuration. */
export class TagExtractors {
  /** Those that any name may meet, then those of one first part each, as Envoy runs them. */
  readonly #anywhere: readonly Extractor[]
  readonly #byToken: ReadonlyMap<string, readonly Extractor[]>

  constructor(settings: Pick<StatsSettings, 'tags' | 'useAllDefaultTags'>) {
    const extractors = settings.useAllDefaultTags ? defaultTags.map(fromDefault) : []
    for (const { name, regex, fixedValue } of settings.tags) {
      if (fixedValue !== undefined) extractors.push(fixed(name, fixedValue))
      else if (regex !== undefined) extractors.push(fromRegex(name, regex, undefined))
      else if (!settings.useAllDefaultTags)
        extractors.push(...defaultTags.filter(({ tag }) => tag === name).map(fromDefault))
    }
    this.#anywhere = extractors.filter(({ firstToken }) => firstToken === undefined)
    const byToken = new Map<string, Extractor[]>()
    for (const extractor of extractors) {
      if (extractor.firstToken === undefined) continue
      byToken.set(extractor.firstToken, [...(byToken.get(extractor.firstToken) ?? []), extractor])
    }
    this.#byToken = byToken
  }

  extract(name: string): TaggedName {
    const tags: Tag[] = []
    const tokens = name.split('.')
    const cuts: Found[] = []
    run(this.#anywhere, name, tokens, tags, cuts)
    const own = this.#byToken.get(tokens[0] ?? '')
    if (own) run(own, name, tokens, tags, cuts)
    return { name: cutOut(name, cuts), tags }
  }
}

/** Tag names that may stand in stats_tags without a regex. */
export function isDefaultTag(name: string): boolean {
  return defaultTags.some(({ tag }) => tag === name)
}

function run(list: readonly Extractor[], name: string, tokens: readonly string[], tags: Tag[], cuts: Found[]): void {
  for (const extractor of list) {
    if (extractor.needs !== undefined && !name.includes(extractor.needs)) continue
    const found = extractor.find(name, tokens)
    if (!found || tags.some(tag => tag.name === extractor.tag)) continue
    tags.push({ name: extractor.tag, value: found.value })
    cuts.push(found)
  }
}

function cutOut(name: string, cuts: readonly Found[]): string {
  if (cuts.length === 0) return name
  let out = ''
  let at = 0
  for (const { start, end } of cuts.length === 1 ? cuts : [...cuts].sort((a, b) => a.start - b.start)) {
    if (start > at) out += name.slice(at, start)
    at = Math.max(at, end)
  }
  return out + name.slice(at)
}

/** A tag that every stat has. */
function fixed(tag: string, value: string): Extractor {
  const found: Found = { start: 0, end: 0, value }
  return { tag, firstToken: undefined, needs: undefined, find: () => found }
}

function fromDefault({ tag, parts, regex = '', needs, unless }: DefaultTag): Extractor {
  const extractor = parts === undefined ? fromRegex(tag, regex, needs) : fromParts(tag, parts)
  if (unless === undefined) return extractor
  return { ...extractor, find: (name, tokens) => (name.startsWith(unless) ? undefined : extractor.find(name, tokens)) }
}

function fromRegex(tag: string, pattern: string, needs: string | undefined): Extractor {
  const compiled = compileRegex(pattern)
  const quick = compiled.ok ? compiled.value : /$^/
  const regex = new RegExp(quick.source, `${quick.flags}d`) // where a group matched is known only with `d`, which is slow
  return {
    tag,
    firstToken: /^\^(\w+)\\\./.exec(pattern)?.[1],
    needs,
    find: name => {
      if (!quick.test(name)) return undefined
      const match = regex.exec(name)
      const whole = match?.indices?.[1]
      if (!match || !whole) return undefined
      return { start: whole[0], end: whole[1], value: match[2] ?? match[1] ?? '' }
    },
  }
}

function fromParts(tag: string, text: string): Extractor {
  const parts = text.split('.')
  const first = parts[0] ?? ''
  const wanted = parts.indexOf('$')
  return {
    tag,
    firstToken: first === '$' || first === '*' ? undefined : first,
    needs: undefined,
    find: (name, tokens) => {
      if (!partsMatch(parts, tokens)) return undefined
      let start = 0
      for (let i = 0; i < wanted; ++i) start += (tokens[i]?.length ?? 0) + 1
      const value = tokens[wanted] ?? ''
      return { start, end: Math.min(name.length, start + value.length + 1), value }
    },
  }
}

/** `**` stands last, or before one fixed part that then is the last (mongo). */
function partsMatch(parts: readonly string[], tokens: readonly string[]): boolean {
  for (let i = 0; i < parts.length; ++i) {
    const part = parts[i]
    if (part === '**') return tokens.length > i
    const token = tokens[i]
    if (token === undefined || (part !== '*' && part !== '$' && part !== token)) return false
  }
  return tokens.length === parts.length
}
