import { carried, isFalse, later, type PolicyTable, tuning, whole } from './verdict.js'

const route = 'envoy.config.route.v3'
const mutations = carried('request_headers_to_add response_headers_to_add')
const removals = whole('request_headers_to_remove response_headers_to_remove')
const limits = whole('rate_limits')
const subset = whole('metadata_match')
const perFilter = carried('typed_per_filter_config')
const mirrors = carried('request_mirror_policies')
const specifiers = later('route_specifiers', 'route specifiers')

export const routePolicy: PolicyTable = {
  [`${route}.RouteConfiguration`]: {
    ...mutations,
    ...removals,
    ...perFilter,
    ...specifiers,
    ...mirrors,
    ...carried('virtual_hosts'),
    ...whole(
      'name internal_only_headers most_specific_header_mutations_wins validate_clusters max_direct_response_body_size_bytes',
    ),
    ...whole('ignore_port_in_host_matching ignore_path_parameters_in_path_matching vhost_header'),
    ...tuning('metadata', 'is not shown in access logs yet'),
    ...carried('vhds'),
    ...later('cluster_specifier_plugins', 'cluster specifier plugins'),
  },
  [`${route}.Vhds`]: carried('config_source'),
  [`${route}.ScopedRouteConfiguration`]: {
    ...whole('name route_configuration_name on_demand'),
    ...carried('key route_configuration'),
  },
  [`${route}.ScopedRouteConfiguration.Key`]: carried('fragments'),
  [`${route}.ScopedRouteConfiguration.Key.Fragment`]: whole('string_key'),
  [`${route}.VirtualHost`]: {
    ...mutations,
    ...removals,
    ...perFilter,
    ...limits,
    ...specifiers,
    ...mirrors,
    ...carried('routes virtual_clusters retry_policy'),
    ...whole(
      'name domains require_tls include_request_attempt_count include_attempt_count_in_response include_is_timeout_retry_header',
    ),
    ...whole('per_request_buffer_limit_bytes request_body_buffer_limit metadata'),
    ...whole('matcher'),
    ...later('cors', 'CORS'),
    ...later('retry_policy_typed_config', 'retry policy extensions'),
    ...later('hedge_policy', 'hedging'),
  },
  [`${route}.VirtualCluster`]: { ...whole('name'), ...carried('headers') },
  [`${route}.Route`]: {
    ...mutations,
    ...removals,
    ...perFilter,
    ...specifiers,
    ...carried('match route redirect direct_response'),
    ...whole('name metadata stat_prefix per_request_buffer_limit_bytes request_body_buffer_limit'),
    ...whole('decorator'),
    ...carried('tracing'),
    ...later('filter_action', 'filter actions'),
    ...later('non_forwarding_action', 'non-forwarding routes'),
  },
  [`${route}.Tracing`]: {
    ...whole('client_sampling random_sampling overall_sampling operation upstream_operation'),
    ...carried('custom_tags'),
  },
  [`${route}.RouteMatch`]: {
    ...whole('prefix path connect_matcher path_separated_prefix case_sensitive grpc'),
    ...carried('safe_regex runtime_fraction headers query_parameters cookies tls_context'),
    ...carried('path_match_policy'),
    ...later('dynamic_metadata', 'route matching by dynamic metadata'),
    ...later('filter_state', 'route matching by filter state'),
  },
  'envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig': whole('path_template'),
  'envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig': whole('path_template_rewrite'),
  [`${route}.RouteMatch.TlsContextMatchOptions`]: { ...whole('presented validated') },
  [`${route}.RouteAction`]: {
    ...subset,
    ...limits,
    ...mirrors,
    ...carried('weighted_clusters regex_rewrite host_rewrite_path_regex retry_policy hash_policy upgrade_configs'),
    ...carried('max_stream_duration'),
    ...carried('internal_redirect_policy'),
    ...whole(
      'cluster cluster_header cluster_not_found_response_code prefix_rewrite path_rewrite host_rewrite_literal auto_host_rewrite',
    ),
    ...whole(
      'host_rewrite_header host_rewrite append_x_forwarded_host timeout idle_timeout priority max_grpc_timeout grpc_timeout_offset',
    ),
    ...whole('flush_timeout internal_redirect_action max_internal_redirects'),
    ...whole('include_vh_rate_limits'),
    ...tuning('early_data_policy', 'has no effect until HTTP/3 is carried'),
    ...later('cluster_specifier_plugin inline_cluster_specifier_plugin', 'cluster specifier plugins'),
    ...carried('path_rewrite_policy'),
    ...later('retry_policy_typed_config', 'retry policy extensions'),
    ...later('cors', 'CORS'),
    ...later('hedge_policy', 'hedging'),
  },
  [`${route}.RouteAction.MaxStreamDuration`]: {
    ...whole('max_stream_duration grpc_timeout_header_max grpc_timeout_header_offset'),
  },
  [`${route}.RouteAction.UpgradeConfig`]: { ...whole('upgrade_type enabled'), ...carried('connect_config') },
  [`${route}.RouteAction.UpgradeConfig.ConnectConfig`]: {
    ...whole('allow_post'),
    ...later('proxy_protocol_config', 'the PROXY protocol'),
  },
  [`${route}.RouteAction.RequestMirrorPolicy`]: {
    ...whole('cluster cluster_header disable_shadow_host_suffix_append host_rewrite_literal'),
    ...carried('runtime_fraction request_headers_mutations'),
    ...tuning('trace_sampled', 'has no effect: mirrored requests have no spans'),
  },
  'envoy.config.common.mutation_rules.v3.HeaderMutation': {
    ...whole('remove'),
    ...carried('append remove_on_match'),
  },
  'envoy.config.common.mutation_rules.v3.HeaderMutation.RemoveOnMatch': carried('key_matcher'),
  [`${route}.RouteAction.HashPolicy`]: {
    ...carried('header cookie connection_properties query_parameter filter_state'),
    ...whole('terminal'),
  },
  [`${route}.RouteAction.HashPolicy.Header`]: { ...whole('header_name'), ...carried('regex_rewrite') },
  [`${route}.RouteAction.HashPolicy.Cookie`]: { ...whole('name ttl path'), ...carried('attributes') },
  [`${route}.RouteAction.HashPolicy.CookieAttribute`]: { ...whole('name value') },
  [`${route}.RouteAction.HashPolicy.ConnectionProperties`]: { ...whole('source_ip') },
  [`${route}.RouteAction.HashPolicy.QueryParameter`]: { ...whole('name') },
  [`${route}.RouteAction.HashPolicy.FilterState`]: { ...whole('key') },
  [`${route}.WeightedCluster`]: {
    ...carried('clusters'),
    ...whole('runtime_key_prefix header_name'),
    ...tuning('total_weight', 'the sum of the weights counts'),
    ...later('use_hash_policy', 'weighted clusters chosen by hash policy', isFalse),
  },
  [`${route}.WeightedCluster.ClusterWeight`]: {
    ...mutations,
    ...removals,
    ...perFilter,
    ...subset,
    ...whole('name cluster_header weight host_rewrite_literal'),
  },
  [`${route}.RetryPolicy`]: {
    ...whole(
      'retry_on num_retries per_try_timeout per_try_idle_timeout host_selection_retry_max_attempts retriable_status_codes',
    ),
    ...carried(
      'retry_priority retry_host_predicate retry_back_off rate_limited_retry_back_off retriable_headers retriable_request_headers',
    ),
    ...later('retry_options_predicates', 'retry option predicates'),
    ...later('refresh_cluster_on_retry', 'another cluster on retry', isFalse),
  },
  [`${route}.RetryPolicy.RetryPriority`]: { ...whole('name'), ...carried('typed_config') },
  [`${route}.RetryPolicy.RetryHostPredicate`]: { ...whole('name'), ...carried('typed_config') },
  [`${route}.RetryPolicy.RetryBackOff`]: { ...whole('base_interval max_interval') },
  [`${route}.RetryPolicy.RateLimitedRetryBackOff`]: { ...carried('reset_headers'), ...whole('max_interval') },
  [`${route}.RetryPolicy.ResetHeader`]: { ...whole('name format') },
  'envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate': {},
  'envoy.extensions.retry.host.omit_canary_hosts.v3.OmitCanaryHostsPredicate': {},
  [`${route}.RedirectAction`]: {
    ...whole(
      'https_redirect scheme_redirect host_redirect port_redirect path_redirect prefix_rewrite response_code strip_query',
    ),
    ...carried('regex_rewrite'),
    ...whole('path_rewrite'),
  },
  [`${route}.DirectResponseAction`]: { ...whole('status body body_format') },
  [`${route}.HeaderMatcher`]: {
    ...whole(
      'name exact_match range_match present_match prefix_match suffix_match contains_match invert_match treat_missing_header_as_empty',
    ),
    ...carried('string_match safe_regex_match'),
  },
  [`${route}.QueryParameterMatcher`]: { ...whole('name present_match'), ...carried('string_match') },
  [`${route}.CookieMatcher`]: { ...whole('name invert_match'), ...carried('string_match') },
  'envoy.type.matcher.v3.StringMatcher': {
    ...whole('exact prefix suffix contains ignore_case'),
    ...carried('safe_regex'),
    ...later('custom', 'string matcher extensions'),
  },
  'envoy.type.matcher.v3.RegexMatcher': { ...whole('regex'), ...tuning('google_re2') },
  'envoy.type.matcher.v3.RegexMatchAndSubstitute': { ...carried('pattern'), ...whole('substitution') },
  'envoy.config.core.v3.RuntimeFractionalPercent': { ...whole('default_value runtime_key') },
  [`${route}.InternalRedirectPolicy`]: {
    ...whole('max_internal_redirects redirect_response_codes allow_cross_scheme_redirect response_headers_to_copy'),
    ...carried('predicates'),
  },
  'envoy.extensions.internal_redirect.previous_routes.v3.PreviousRoutesConfig': {},
  'envoy.extensions.internal_redirect.allow_listed_routes.v3.AllowListedRoutesConfig': whole('allowed_route_names'),
  'envoy.extensions.internal_redirect.safe_cross_scheme.v3.SafeCrossSchemeConfig': {},
  [`${route}.FilterConfig`]: { ...carried('config'), ...whole('is_optional disabled') },
}
