import type { JsonObject } from '@bufbuild/protobuf'
import { carried, isFalse, later, whole } from '../../../../api/field-policy.js'
import type { PlanContext } from '../../../../api/plan-context.js'
import { defineTypeScriptFilter } from '../../../../api/typescript-filter.js'
import type { DataSource } from '../../../../generated/protos/envoy/config/core/v3/base_pb.js'
import {
  type GrpcJsonTranscoder,
  GrpcJsonTranscoder_UrlUnescapeSpec as Spec,
} from '../../../../generated/protos/envoy/extensions/filters/http/grpc_json_transcoder/v3/transcoder_pb.js'
import { readApi } from './methods.js'
import type { Settings, Unescape } from './settings.js'

const schema = 'envoy.extensions.filters.http.grpc_json_transcoder.v3'
const unescapes: Readonly<Record<Spec, Unescape>> = {
  [Spec.ALL_CHARACTERS_EXCEPT_RESERVED]: 'except-reserved',
  [Spec.ALL_CHARACTERS_EXCEPT_SLASH]: 'except-slash',
  [Spec.ALL_CHARACTERS]: 'all',
}

/** envoy.filters.http.grpc_json_transcoder: REST with JSON outside, gRPC inside, by the annotations of google.api.http. */
const grpcJsonTranscoder = defineTypeScriptFilter<GrpcJsonTranscoder, GrpcJsonTranscoder>({
  name: 'envoy.filters.http.grpc_json_transcoder',
  folder: 'filters/http/grpc_json_transcoder',
  typeNames: [`${schema}.GrpcJsonTranscoder`],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
  policy: {
    [`${schema}.GrpcJsonTranscoder`]: {
      ...whole('proto_descriptor proto_descriptor_bin services match_incoming_request_route ignored_query_parameters'),
      ...whole('auto_mapping ignore_unknown_query_parameters convert_grpc_status url_unescape_spec'),
      ...whole('query_param_unescape_plus match_unregistered_custom_verb case_insensitive_enum_parsing'),
      ...whole('max_request_body_size max_response_body_size'),
      ...carried('print_options request_validation_options'),
      ...later('capture_unknown_query_parameters', 'unknown query parameters kept for the server', isFalse),
    },
    [`${schema}.GrpcJsonTranscoder.PrintOptions`]: whole(
      'add_whitespace always_print_primitive_fields always_print_enums_as_ints preserve_proto_field_names stream_newline_delimited stream_sse_style_delimited',
    ),
    [`${schema}.GrpcJsonTranscoder.RequestValidationOptions`]: whole(
      'reject_unknown_method reject_unknown_query_parameters reject_binding_body_field_collisions',
    ),
  },
  statName: () => 'grpc_json_transcoder',
  settings: transcoderSettings,
  route: { typeNames: [`${schema}.GrpcJsonTranscoder`], settings: transcoderSettings },
})

function transcoderSettings(config: GrpcJsonTranscoder, context: PlanContext): JsonObject {
  const { printOptions: print, requestValidationOptions: rejects } = config
  const settings: Settings = {
    descriptors: config.services.length === 0 ? '' : descriptors(config, context),
    services: config.services,
    print: {
      addsWhitespace: print?.addWhitespace ?? false,
      alwaysPrintsPrimitives: print?.alwaysPrintPrimitiveFields ?? false,
      enumsAsNumbers: print?.alwaysPrintEnumsAsInts ?? false,
      keepsFieldNames: print?.preserveProtoFieldNames ?? false,
      delimitsByNewline: print?.streamNewlineDelimited ?? false,
      delimitsBySse: print?.streamSseStyleDelimited ?? false,
    },
    keepsRoute: config.matchIncomingRequestRoute,
    ignoredParameters: config.ignoredQueryParameters,
    mapsAll: config.autoMapping,
    ignoresUnknownParameters: config.ignoreUnknownQueryParameters,
    convertsStatus: config.convertGrpcStatus,
    unescape: unescapes[config.urlUnescapeSpec],
    plusIsSpace: config.queryParamUnescapePlus,
    takesUnregisteredVerbs: config.matchUnregisteredCustomVerb,
    rejects: {
      unknownMethod: rejects?.rejectUnknownMethod ?? false,
      unknownParameters: rejects?.rejectUnknownQueryParameters ?? false,
      collisions: rejects?.rejectBindingBodyFieldCollisions ?? false,
    },
    enumsInAnyCase: config.caseInsensitiveEnumParsing,
    ...(config.maxRequestBodySize !== undefined && { maxRequestBytes: config.maxRequestBodySize }),
    ...(config.maxResponseBodySize !== undefined && { maxResponseBytes: config.maxResponseBodySize }),
  }
  if (settings.descriptors !== '') readApi(settings, message => context.error(message))
  return settings as unknown as JsonObject
}

/** A FileDescriptorSet in base64. */
function descriptors({ descriptorSet }: GrpcJsonTranscoder, context: PlanContext): string {
  if (descriptorSet.case === 'protoDescriptorBin') return Buffer.from(descriptorSet.value).toString('base64')
  if (descriptorSet.case !== 'protoDescriptor') return ''
  const file = { specifier: { case: 'filename', value: descriptorSet.value } } as DataSource
  const bytes = context.dataSource(file, context.field('proto_descriptor'))
  return Buffer.from(bytes ?? new Uint8Array()).toString('base64')
}

export default [grpcJsonTranscoder]
