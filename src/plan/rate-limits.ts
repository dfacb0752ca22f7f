import type { Any } from '@bufbuild/protobuf/wkt'
import type { Place } from '../api/plan-context.js'
import { RateLimitAction_Kind as Kind } from '../generated/plan_pb.js'
import {
  type RateLimit,
  type RateLimit_Action as Action,
  RateLimit_Action_MetaData_Source as Source,
  type RateLimit_HitsAddend as Hits,
} from '../generated/protos/envoy/config/route/v3/route_components_pb.js'
import type { HttpRequestHeaderMatchInput } from '../generated/protos/envoy/type/matcher/v3/http_inputs_pb.js'
import type { MetadataKey } from '../generated/protos/envoy/type/metadata/v3/metadata_pb.js'
import type { FormatParser } from './header-mutation.js'
import type { RateLimitActionInit, RateLimitInit } from './init.js'
import { headerMatchers, queryMatcher, type RegexCheck } from './matcher.js'

const wholeIpv4 = 32
const wholeIpv6 = 128

export interface RateLimitTools {
  readonly checkRegex: RegexCheck
  readonly format: FormatParser
  readonly nodeCluster: string
  /** Are values of descriptors substitution formats? */
  readonly formatsValues: boolean
  unpack(any: Any, at: Place): { readonly typeName: string; readonly message?: unknown } | undefined
}

interface Valued {
  readonly descriptorValue: string
  readonly defaultValue: string
}

/** `inFilter`: the limits are a filter's own, which knows no stages and no overrides but what `takesLimit` allows. */
export function rateLimits(
  limits: readonly RateLimit[],
  at: Place,
  tools: RateLimitTools,
  { inFilter = false, takesLimit = true }: { readonly inFilter?: boolean; readonly takesLimit?: boolean } = {},
): RateLimitInit[] {
  return limits.map((limit, index): RateLimitInit => {
    const place = at.item(index)
    if (inFilter && (limit.stage !== undefined || limit.disableKey !== ''))
      place.error("'stage' field and 'disable_key' field are not supported")
    if (limit.limit && !takesLimit) place.field('limit').error("'limit' field is not supported")
    const override = limit.limit?.overrideSpecifier
    return {
      stage: limit.stage ?? 0,
      disableKey: limit.disableKey,
      actions: limit.actions.map((action, i) => actionOf(action, place.field('actions').item(i), tools)),
      // As in Envoy, how many hits there are counts in the settings of filters only.
      ...(inFilter && limit.hitsAddend && hitsOf(limit.hitsAddend, place.field('hits_addend'), tools)),
      onStreamDone: limit.applyOnStreamDone,
      overridePath: override?.case === 'dynamicMetadata' ? pathOf(override.value.metadataKey) : [],
      ...(override?.case === 'rateLimit' && {
        overrideRequests: override.value.requestsPerUnit,
        overrideUnit: override.value.unit,
      }),
      xRatelimit: limit.xRatelimitOption,
    }
  })
}

function hitsOf({ format, number, isNegativeHits }: Hits, at: Place, tools: RateLimitTools): RateLimitInit {
  if ((format === '') === (number === undefined)) at.error('hits_addend must contain either a format or a number')
  if (format === '') return { hits: number ?? 0n, negativeHits: isNegativeHits }
  const hitsFormat = tools.format(format, at.field('format'))
  if (hitsFormat.pieces?.length !== 1)
    at.field('format').error('hits_addend format must contain exactly one substitution')
  return { hitsFormat, negativeHits: isNegativeHits }
}

const pathOf = (key: MetadataKey | undefined): string[] =>
  key === undefined
    ? []
    : [key.key, ...key.path.flatMap(({ segment }) => (segment.case === 'key' ? [segment.value] : []))]

function actionOf({ actionSpecifier: spec }: Action, at: Place, tools: RateLimitTools): RateLimitActionInit {
  /** As it is written, unless the runtime says that it is a format. */
  const valueOf = (config: Valued, field: string): RateLimitActionInit =>
    tools.formatsValues
      ? {
          value: tools.format(config.descriptorValue, at.field(field).field('descriptor_value')),
          defaultValue: config.defaultValue,
        }
      : { defaultValue: config.descriptorValue }
  switch (spec.case) {
    case 'sourceCluster':
      // A literal: the name may have any characters.
      return { kind: Kind.VALUE, key: 'source_cluster', defaultValue: tools.nodeCluster }
    case 'destinationCluster':
      return { kind: Kind.DESTINATION_CLUSTER, key: 'destination_cluster' }
    case 'requestHeaders': {
      const { headerName, descriptorKey, skipIfAbsent } = spec.value
      return { kind: Kind.REQUEST_HEADER, key: descriptorKey, name: headerName.toLowerCase(), skipIfAbsent }
    }
    case 'remoteAddress':
      return { kind: Kind.REMOTE_ADDRESS, key: 'remote_address' }
    case 'maskedRemoteAddress':
      return {
        kind: Kind.MASKED_REMOTE_ADDRESS,
        key: 'masked_remote_address',
        v4Prefix: spec.value.v4PrefixMaskLen ?? wholeIpv4,
        v6Prefix: spec.value.v6PrefixMaskLen ?? wholeIpv6,
      }
    case 'genericKey': {
      const { descriptorKey } = spec.value
      return {
        kind: Kind.VALUE,
        key: descriptorKey || 'generic_key',
        ...valueOf(spec.value, 'generic_key'),
      }
    }
    case 'headerValueMatch': {
      const { descriptorKey, expectMatch, headers } = spec.value
      return {
        kind: Kind.VALUE,
        key: descriptorKey || 'header_match',
        ...valueOf(spec.value, 'header_value_match'),
        unless: expectMatch === false,
        headers: headerMatchers(headers, at.field('header_value_match').field('headers'), tools.checkRegex),
      }
    }
    case 'queryParameterValueMatch': {
      const { descriptorKey, expectMatch, queryParameters } = spec.value
      const inParameters = at.field('query_parameter_value_match').field('query_parameters')
      return {
        kind: Kind.VALUE,
        key: descriptorKey || 'query_match',
        ...valueOf(spec.value, 'query_parameter_value_match'),
        unless: expectMatch === false,
        queryParameters: queryParameters.map((one, index) =>
          queryMatcher(one, inParameters.item(index), tools.checkRegex),
        ),
      }
    }
    case 'remoteAddressMatch': {
      const { descriptorKey, addressMatcher } = spec.value
      return {
        kind: Kind.REMOTE_ADDRESS_MATCH,
        key: descriptorKey || 'remote_address_match',
        ...valueOf(spec.value, 'remote_address_match'),
        unless: addressMatcher?.invertMatch ?? false,
        ranges: (addressMatcher?.ranges ?? []).map(({ addressPrefix, prefixLen }) => ({
          ip: addressPrefix,
          prefixLen: prefixLen ?? 0,
        })),
      }
    }
    case 'dynamicMetadata': {
      const { descriptorKey, defaultValue, metadataKey } = spec.value
      return { kind: Kind.DYNAMIC_METADATA, key: descriptorKey, defaultValue, path: pathOf(metadataKey) }
    }
    case 'metadata': {
      const { descriptorKey, defaultValue, metadataKey, source, skipIfAbsent } = spec.value
      if (source !== Source.DYNAMIC && source !== Source.ROUTE_ENTRY)
        at.field('metadata').field('source').unsupported('descriptors of metadata of clusters')
      const kind = source === Source.ROUTE_ENTRY ? Kind.ROUTE_METADATA : Kind.DYNAMIC_METADATA
      return { kind, key: descriptorKey, defaultValue, skipIfAbsent, path: pathOf(metadataKey) }
    }
    case 'queryParameters': {
      const { descriptorKey, queryParameterName, skipIfAbsent } = spec.value
      return { kind: Kind.QUERY_PARAMETER, key: descriptorKey, name: queryParameterName, skipIfAbsent }
    }
    case 'extension':
      return extensionOf(spec.value.name, spec.value.typedConfig, at.field('extension'), tools)
    default:
      return {}
  }
}

/** An input of matchers: what it reads is the value, and its name the key. */
function extensionOf(name: string, config: Any | undefined, at: Place, tools: RateLimitTools): RateLimitActionInit {
  const unpacked = config && tools.unpack(config, at.field('typed_config'))
  if (unpacked?.typeName === 'envoy.type.matcher.v3.HttpRequestHeaderMatchInput') {
    const { headerName } = unpacked.message as HttpRequestHeaderMatchInput
    return { kind: Kind.REQUEST_HEADER, key: name, name: headerName.toLowerCase() }
  }
  if (unpacked) at.unsupported(`descriptors of ${unpacked.typeName}`)
  return {}
}
