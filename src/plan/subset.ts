import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import type { Place } from '../api/plan-context.js'
import type { Metadata } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import {
  type Cluster_LbSubsetConfig,
  Cluster_LbSubsetConfig_LbSubsetMetadataFallbackPolicy as MetadataFallback,
  Cluster_LbSubsetConfig_LbSubsetSelector_LbSubsetSelectorFallbackPolicy as SelectorFallback,
} from '../generated/protos/envoy/config/cluster/v3/cluster_pb.js'
import type { Subset } from '../generated/protos/envoy/extensions/load_balancing_policies/subset/v3/subset_pb.js'
import { canonicalJson } from './format.js'
import type { SubsetCriteriaInit, SubsetInit, SubsetValueInit } from './init.js'

/** The namespace of metadata that load balancers look at. */
const lb = 'envoy.lb'
const fallbackList = 'fallback_list'

const sortedKeys = (object: JsonObject): string[] =>
  Object.keys(object).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function criteriaOf(object: JsonObject): SubsetCriteriaInit {
  const list = object[fallbackList]
  const values = sortedKeys(object)
    .filter(key => key !== fallbackList || !Array.isArray(list))
    .map(key => ({ key, value: canonicalJson(object[key] ?? null) }))
  if (!Array.isArray(list)) return { values }
  return { values, hasFallbackList: true, fallbackList: list.filter(isObject).map(criteriaOf) }
}

/** What a `metadata_match` asks of hosts; `over` wins where both name a key. Undefined: nothing. */
export function subsetCriteria(metadata: Metadata | undefined, over?: Metadata): SubsetCriteriaInit | undefined {
  const below = metadata?.filterMetadata[lb]
  const above = over?.filterMetadata[lb]
  if (!below && !above) return undefined
  return criteriaOf({ ...below, ...above })
}

/** The keys of a host's metadata by which it may come into a subset. */
export function subsetValues(metadata: Metadata | undefined): SubsetValueInit[] {
  const object = metadata?.filterMetadata[lb]
  if (!object) return []
  return Object.entries(object).map(([key, value]) => ({
    key,
    value: canonicalJson(value),
    ...(Array.isArray(value) && { list: true, elements: value.map(canonicalJson) }),
  }))
}

/** `lb_subset_config`, or the typed policy. */
export function subsetLb(config: Cluster_LbSubsetConfig | Subset, at: Place): SubsetInit {
  const inSelectors = at.field('subset_selectors')
  return {
    fallback: config.fallbackPolicy,
    defaultSubset: config.defaultSubset ? (criteriaOf(config.defaultSubset).values ?? []) : [],
    selectors: config.subsetSelectors.map((selector, index) => {
      checkFallback(selector, inSelectors.item(index))
      return {
        keys: [...new Set(selector.keys)].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
        fallback: selector.fallbackPolicy,
        fallbackKeys: selector.fallbackKeysSubset,
        singleHost: selector.singleHostPerSubset,
      }
    }),
    localityWeightAware: config.localityWeightAware,
    scaleLocalityWeight: config.scaleLocalityWeight,
    panicModeAny: config.panicModeAny,
    listAsAny: config.listAsAny,
    fallbackList: Number(config.metadataFallbackPolicy) === Number(MetadataFallback.FALLBACK_LIST),
    allowRedundantKeys: 'allowRedundantKeys' in config && config.allowRedundantKeys,
  }
}

interface Selector {
  readonly keys: readonly string[]
  readonly fallbackPolicy: number
  readonly fallbackKeysSubset: readonly string[]
}

function checkFallback(selector: Selector, at: Place): void {
  const inFallback = at.field('fallback_keys_subset')
  const wanted = new Set(selector.fallbackKeysSubset)
  if (selector.fallbackPolicy !== SelectorFallback.KEYS_SUBSET) {
    if (wanted.size > 0) inFallback.error('fallback_keys_subset can be set only for KEYS_SUBSET fallback_policy')
    return
  }
  if (wanted.size === 0) inFallback.error('fallback_keys_subset cannot be empty')
  else if ([...wanted].some(key => !selector.keys.includes(key)))
    inFallback.error('fallback_keys_subset must be a subset of selector keys')
  else if (wanted.size === new Set(selector.keys).size) inFallback.error('fallback_keys_subset cannot be equal to keys')
}
