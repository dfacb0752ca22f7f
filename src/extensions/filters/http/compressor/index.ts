import { create, toBinary } from '@bufbuild/protobuf'
import { carried, whole } from '../../../../api/field-policy.js'
import { defineNativeHttpFilter } from '../../../../api/native.js'
import type { Place, PlanContext, PlanInit } from '../../../../api/plan-context.js'
import {
  CompressorRouteSchema,
  CompressorSchema,
  type DirectionSchema,
} from '../../../../generated/filters/http/compressor/plan_pb.js'
import type {
  Compressor,
  Compressor_CommonDirectionConfig as Common,
  CompressorPerRoute,
} from '../../../../generated/protos/envoy/extensions/filters/http/compressor/v3/compressor_pb.js'
import { compressionLibrary, compressorLibraryPolicy, featureFlag } from '../common/compression-library.js'

const schema = 'envoy.extensions.filters.http.compressor.v3'
const defaultMinimum = 30
const defaultTypes = [
  ...['text/html', 'text/plain', 'text/css', 'text/xml', 'text/javascript', 'text/x-javascript', 'text/ecmascript'],
  ...['text/js', 'text/jscript', 'text/x-js', 'application/javascript', 'application/x-javascript'],
  ...['application/ecmascript', 'application/json', 'application/x-json', 'application/xml', 'application/xhtml+xml'],
  ...['image/svg+xml', 'application/grpc-web', 'application/grpc-web+proto'],
]

/** envoy.filters.http.compressor: bodies in gzip, brotli or zstd for who accepts it. */
const compressor = defineNativeHttpFilter<Compressor, CompressorPerRoute>({
  name: 'envoy.filters.http.compressor',
  typeNames: [`${schema}.Compressor`],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
  isUpstreamToo: true,
  plan: compressorPlan,
  route: { typeNames: [`${schema}.CompressorPerRoute`], plan: routePlan },
  policy: {
    [`${schema}.Compressor`]: {
      ...whole('content_length content_type disable_on_etag_header remove_accept_encoding_header runtime_enabled'),
      ...whole('choose_first'),
      ...carried('compressor_library request_direction_config response_direction_config'),
    },
    [`${schema}.Compressor.RequestDirectionConfig`]: carried('common_config'),
    [`${schema}.Compressor.ResponseDirectionConfig`]: {
      ...carried('common_config'),
      ...whole('disable_on_etag_header remove_accept_encoding_header uncompressible_response_codes'),
      ...whole('status_header_enabled weaken_etag_on_compress'),
    },
    [`${schema}.Compressor.CommonDirectionConfig`]: {
      ...whole('enabled min_content_length content_type'),
      ...carried('content_type_matcher'),
    },
    [`${schema}.CompressorPerRoute`]: { ...whole('disabled'), ...carried('overrides') },
    [`${schema}.CompressorOverrides`]: carried('response_direction_config compressor_library'),
    [`${schema}.ResponseDirectionOverrides`]: whole('remove_accept_encoding_header'),
    ...compressorLibraryPolicy,
  },
})

function compressorPlan(config: Compressor, context: PlanContext): Uint8Array {
  const { requestDirectionConfig: request, responseDirectionConfig: response, compressorLibrary } = config
  const library = compressionLibrary(compressorLibrary, context, context.field('compressor_library'))
  const inRequest = context.field('request_direction_config').field('common_config')
  const inResponse = context.field('response_direction_config').field('common_config')
  const options = response ?? config
  return toBinary(
    CompressorSchema,
    create(CompressorSchema, {
      ...(library && { library }),
      libraryName: compressorLibrary?.name ?? '',
      ...(request && { request: direction(request.commonConfig, context, inRequest) }),
      response: response ? direction(response.commonConfig, context, inResponse) : legacyDirection(config),
      responseHasScope: response !== undefined,
      disableOnEtag: options.disableOnEtagHeader,
      removeAcceptEncoding: options.removeAcceptEncodingHeader,
      weakenEtag: response?.weakenEtagOnCompress ?? false,
      uncompressibleCodes: response?.uncompressibleResponseCodes ?? [],
      statusHeader: response?.statusHeaderEnabled ?? false,
      chooseFirst: config.chooseFirst,
    }),
  )
}

function direction(config: Common | undefined, context: PlanContext, at: Place): PlanInit<typeof DirectionSchema> {
  const inMatchers = at.field('content_type_matcher')
  return {
    ...featureFlag(config?.enabled),
    minContentLength: config?.minContentLength || defaultMinimum,
    contentTypes: contentTypes(config?.contentType ?? []),
    contentTypeMatchers: (config?.contentTypeMatcher ?? []).map((one, index) =>
      context.stringMatcher(one, inMatchers.item(index)),
    ),
  }
}

/** The deprecated fields of the filter itself. */
function legacyDirection(config: Compressor): PlanInit<typeof DirectionSchema> {
  return {
    ...featureFlag(config.runtimeEnabled),
    minContentLength: config.contentLength || defaultMinimum,
    contentTypes: contentTypes(config.contentType),
  }
}

function contentTypes(configured: readonly string[]): string[] {
  return configured.length === 0 ? defaultTypes : configured.map(type => type.toLowerCase())
}

function routePlan({ override }: CompressorPerRoute, context: PlanContext): Uint8Array {
  if (override.case !== 'overrides')
    return toBinary(CompressorRouteSchema, create(CompressorRouteSchema, { responseEnabled: false }))
  const { responseDirectionConfig: response, compressorLibrary } = override.value
  const library = compressionLibrary(compressorLibrary, context, context.field('overrides').field('compressor_library'))
  const remove = response?.removeAcceptEncodingHeader
  return toBinary(
    CompressorRouteSchema,
    create(CompressorRouteSchema, {
      ...(response && { responseEnabled: true }),
      ...(remove !== undefined && { removeAcceptEncoding: remove }),
      ...(library && { library }),
    }),
  )
}

export default [compressor]
