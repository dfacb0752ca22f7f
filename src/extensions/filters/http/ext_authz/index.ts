import type { JsonObject } from '@bufbuild/protobuf'
import { carried, isFalse, later, tuning, whole } from '../../../../api/field-policy.js'
import { toolText } from '../../../../api/native-tool.js'
import type { Place, PlanContext } from '../../../../api/plan-context.js'
import { defineTypeScriptFilter } from '../../../../api/typescript-filter.js'
import type { GrpcService as GrpcConfig } from '../../../../generated/protos/envoy/config/core/v3/grpc_service_pb.js'
import type {
  BufferSettings,
  ExtAuthz,
  ExtAuthzPerRoute,
  HttpService as HttpConfig,
} from '../../../../generated/protos/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js'
import type { RuntimeFractionalPercent } from '../../../../generated/protos/envoy/config/core/v3/base_pb.js'
import type { HeaderMutationRules } from '../../../../generated/protos/envoy/config/common/mutation_rules/v3/mutation_rules_pb.js'
import type { RegexMatcher } from '../../../../generated/protos/envoy/type/matcher/v3/regex_pb.js'
import type { ListStringMatcher } from '../../../../generated/protos/envoy/type/matcher/v3/string_pb.js'
import { StringMatcher_Kind } from '../../../../generated/plan_pb.js'
import { grpcTarget } from '../common/grpc-config.js'
import { metadataRule } from '../common/metadata-rule.js'
import type {
  BodySettings,
  GrpcService,
  HttpService,
  MutationRules,
  NameRule,
  RouteSettings,
  Settings,
} from './settings.js'

const schema = 'envoy.extensions.filters.http.ext_authz.v3'
const defaultTimeout = 200
const million = 1_000_000
const denominators = [100, 10_000, million]

// What an HTTP service is shown whatever the configuration says.
const alwaysShown = ['authorization', ':method', ':path', ':authority'].map(
  (text): NameRule => ({ kind: 'exact', text, ignoresCase: false }),
)

/** envoy.filters.http.ext_authz: another service, over HTTP or gRPC, says who may pass. */
const extAuthz = defineTypeScriptFilter<ExtAuthz, ExtAuthzPerRoute>({
  name: 'envoy.filters.http.ext_authz',
  folder: 'filters/http/ext_authz',
  typeNames: [`${schema}.ExtAuthz`],
  status: 'alpha',
  securityPosture: 'robust_to_untrusted_downstream',
  policy: {
    [`${schema}.ExtAuthz`]: {
      ...whole('grpc_service http_service transport_api_version failure_mode_allow failure_mode_allow_header_add'),
      ...whole('with_request_body clear_route_cache status_on_error filter_enabled deny_at_disable stat_prefix'),
      ...whole('metadata_context_namespaces route_metadata_context_namespaces include_peer_certificate'),
      ...whole('include_tls_session charge_cluster_response_stats allowed_headers disallowed_headers'),
      ...whole('enable_dynamic_metadata_ingestion'),
      ...tuning('emit_filter_state_stats filter_metadata', 'has no effect on traffic'),
      ...tuning('emit_client_span', 'has no effect until tracing is carried'),
      ...tuning('bootstrap_metadata_labels_key', 'has no effect: labels of the destination are not sent'),
      ...whole(
        'validate_mutations decoder_header_mutation_rules filter_enabled_metadata encode_raw_headers shadow_mode',
      ),
      ...whole('max_denied_response_body_bytes'),
      ...tuning('typed_metadata_context_namespaces', 'has no effect: no filter leaves typed metadata'),
      ...later('route_typed_metadata_context_namespaces', 'typed metadata for the service'),
      ...later('clear_route_cache_headers', 'new routes by header'),
      ...later('enforce_response_header_limits', 'limits of denials', isFalse),
    },
    [`${schema}.ExtAuthzPerRoute`]: { ...whole('disabled'), ...carried('check_settings') },
    [`${schema}.CheckSettings`]: {
      ...whole('context_extensions disable_request_body_buffering with_request_body grpc_service http_service'),
      ...tuning('emit_client_span', 'has no effect until tracing is carried'),
    },
  },
  statName,
  settings: (config, context) => settings(config, context) as unknown as JsonObject,
  route: {
    typeNames: [`${schema}.ExtAuthzPerRoute`],
    settings: (config, context) => routeSettings(config, context) as unknown as JsonObject,
  },
})

function statName(config: ExtAuthz): string {
  return config.statPrefix === '' ? 'ext_authz' : `ext_authz.${config.statPrefix.replace(/\.$/, '')}`
}

function settings(config: ExtAuthz, context: PlanContext): Settings {
  const service = serviceOf(config.services, context, context)
  if (service === undefined) context.error("Field 'services' is missing", 'write http_service or grpc_service')
  const http = config.services.case === 'httpService' ? config.services.value : undefined
  const { allowedHeaders, denyAtDisable } = config
  const older = http?.authorizationRequest?.allowedHeaders
  if (allowedHeaders && older)
    context.field('allowed_headers').error('allowed_headers is set in both ExtAuthz and HttpService')
  const shown = namesOf(allowedHeaders ?? older, context.field('allowed_headers'), context)
  return {
    service: service ?? { kind: 'grpc', cluster: '', authority: '', timeoutMs: 0, metadata: [] },
    failureModeAllow: config.failureModeAllow,
    tellsFailure: config.failureModeAllowHeaderAdd,
    statusOnError: config.statusOnError?.code || 403,
    body: bodyOf(config.withRequestBody),
    clearsRoute: config.clearRouteCache,
    metadataNamespaces: [...config.metadataContextNamespaces],
    routeMetadataNamespaces: [...config.routeMetadataContextNamespaces],
    enabledPpm: enabledPpm(config.filterEnabled, context),
    enabledMetadata:
      config.filterEnabledMetadata &&
      metadataRule(config.filterEnabledMetadata, context, context.field('filter_enabled_metadata')),
    isShadow: config.shadowMode,
    encodesRawHeaders: config.encodeRawHeaders,
    validatesMutations: config.validateMutations,
    mutationRules: rulesOf(config.decoderHeaderMutationRules, context),
    maxDeniedBytes: config.maxDeniedResponseBodyBytes,
    deniesWhenDisabled: flag(denyAtDisable?.runtimeKey, denyAtDisable?.defaultValue ?? false, context),
    includesPeerCertificate: config.includePeerCertificate,
    includesTlsSession: config.includeTlsSession,
    allowedHeaders: http ? [...alwaysShown, ...(shown ?? [])] : shown,
    disallowedHeaders: namesOf(config.disallowedHeaders, context.field('disallowed_headers'), context) ?? [],
    chargesCluster: config.chargeClusterResponseStats ?? true,
    takesMetadata: config.enableDynamicMetadataIngestion ?? true,
    statName: statName(config),
  }
}

function routeSettings({ override }: ExtAuthzPerRoute, context: PlanContext): RouteSettings {
  const check = override.case === 'checkSettings' ? override.value : undefined
  if (check?.disableRequestBodyBuffering && check.withRequestBody)
    context
      .field('check_settings')
      .error(
        'Invalid configuration for check_settings. Only one of disable_request_body_buffering or with_request_body can be set.',
      )
  return {
    isDisabled: override.case === 'disabled' && override.value,
    contextExtensions: { ...check?.contextExtensions },
    buffersBody: check?.disableRequestBodyBuffering !== true,
    body: bodyOf(check?.withRequestBody),
    service: check && serviceOf(check.serviceOverride, context, context.field('check_settings')),
  }
}

type Services = ExtAuthz['services']

function serviceOf(services: Services, context: PlanContext, at: Place): HttpService | GrpcService | undefined {
  if (services.case === 'grpcService') return grpcOf(services.value, context, at.field('grpc_service'))
  return services.case === 'httpService' ? httpOf(services.value, context, at.field('http_service')) : undefined
}

function grpcOf(config: GrpcConfig, context: PlanContext, at: Place): GrpcService | undefined {
  const target = grpcTarget(config, defaultTimeout, context, at)
  return target && { kind: 'grpc', ...target }
}

function httpOf(config: HttpConfig, context: PlanContext, at: Place): HttpService {
  const { serverUri, authorizationRequest: request, authorizationResponse: response } = config
  const inRequest = at.field('authorization_request').field('headers_to_add')
  const inResponse = at.field('authorization_response')
  const names = (list: ListStringMatcher | undefined, field: string): NameRule[] =>
    namesOf(list, inResponse.field(field), context) ?? []
  if (config.pathPrefix !== '' && !config.pathPrefix.startsWith('/'))
    at.field('path_prefix').error('path_prefix should start with "/".')
  return {
    kind: 'http',
    cluster: serverUri?.httpUpstreamType.case === 'cluster' ? serverUri.httpUpstreamType.value : '',
    timeoutMs: context.milliseconds(serverUri?.timeout, defaultTimeout, at.field('server_uri').field('timeout')),
    pathPrefix: config.pathPrefix,
    pathOverride: config.pathOverride,
    headersToAdd: (request?.headersToAdd ?? []).map(({ key, value }, index): [string, string] => [
      key.toLowerCase(),
      toolText({ format: context.format(value, inRequest.item(index).field('value')) }),
    ]),
    retryOn: config.retryPolicy?.retryOn ?? '',
    retries: config.retryPolicy?.numRetries ?? 1,
    toUpstream: names(response?.allowedUpstreamHeaders, 'allowed_upstream_headers'),
    appendedToUpstream: names(response?.allowedUpstreamHeadersToAppend, 'allowed_upstream_headers_to_append'),
    toClient: namesOf(response?.allowedClientHeaders, inResponse.field('allowed_client_headers'), context),
    toClientOnSuccess: names(response?.allowedClientHeadersOnSuccess, 'allowed_client_headers_on_success'),
    toMetadata: names(response?.dynamicMetadataFromHeaders, 'dynamic_metadata_from_headers'),
  }
}

/** Undefined: the list is not there, or empty. */
function namesOf(list: ListStringMatcher | undefined, at: Place, context: PlanContext): NameRule[] | undefined {
  if (list === undefined || list.patterns.length === 0) return undefined
  return list.patterns.map((matcher, index): NameRule => {
    const { matchPattern: pattern, ignoreCase } = matcher
    switch (pattern.case) {
      case 'exact':
      case 'prefix':
      case 'suffix':
      case 'contains':
        return { kind: pattern.case, text: pattern.value, ignoresCase: ignoreCase }
      default: {
        if (pattern.case !== 'safeRegex') at.field('patterns').item(index).unsupported('matcher extensions')
        return {
          kind: 'regex',
          text: toolText({ text: context.stringMatcher(matcher, at.field('patterns').item(index)) }),
          ignoresCase: false,
        }
      }
    }
  })
}

function rulesOf(config: HeaderMutationRules | undefined, context: PlanContext): MutationRules | undefined {
  if (config === undefined) return undefined
  const at = context.field('decoder_header_mutation_rules')
  const pattern = (regex: RegexMatcher | undefined, field: string): NameRule | undefined => {
    if (regex === undefined) return undefined
    const place = at.field(field)
    context.checkRegex(regex.regex, place)
    const text = { kind: StringMatcher_Kind.REGEX, value: regex.regex }
    return { kind: 'regex', text: toolText({ text }), ignoresCase: false }
  }
  return {
    allowsRouting: config.allowAllRouting ?? false,
    allowsEnvoy: config.allowEnvoy ?? false,
    disallowsSystem: config.disallowSystem ?? false,
    disallowsAll: config.disallowAll ?? false,
    allowed: pattern(config.allowExpression, 'allow_expression'),
    disallowed: pattern(config.disallowExpression, 'disallow_expression'),
    isError: config.disallowIsError ?? false,
  }
}

function bodyOf(config: BufferSettings | undefined): BodySettings | undefined {
  if (config === undefined) return undefined
  return { maxBytes: config.maxRequestBytes, allowsPart: config.allowPartialMessage, asBytes: config.packAsBytes }
}

/** As the runtime has it when the configuration is read. */
function enabledPpm(fraction: RuntimeFractionalPercent | undefined, context: PlanContext): number {
  const value = fraction?.defaultValue
  if (fraction === undefined || value === undefined) return million
  const set = fraction.runtimeKey === '' ? undefined : context.runtime(fraction.runtimeKey)
  if (set !== undefined && /^\d+$/.test(set)) return Math.min(Number(set), 100) * 10_000
  return (value.numerator / (denominators[value.denominator] ?? 100)) * million
}

function flag(key: string | undefined, missing: boolean, context: PlanContext): boolean {
  const set = key === undefined ? undefined : context.runtime(key)
  return set === undefined ? missing : set === 'true' || set === '1'
}

export default [extAuthz]
