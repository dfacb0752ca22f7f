/**
 * The names of Envoy's extensions and the proto package of each one's configuration. What Nuncio does not have yet is refused by this name,
 * and docs/envoy-compat.md lists it.
 */
const table = `
envoy.access_loggers.dynamic_modules envoy.extensions.access_loggers.dynamic_modules.v3
envoy.access_loggers.extension_filters.cel envoy.extensions.access_loggers.filters.cel.v3
envoy.access_loggers.extension_filters.process_ratelimit envoy.extensions.access_loggers.filters.process_ratelimit.v3
envoy.access_loggers.file envoy.extensions.access_loggers.file.v3
envoy.access_loggers.fluentd envoy.extensions.access_loggers.fluentd.v3
envoy.access_loggers.http_grpc envoy.extensions.access_loggers.grpc.v3
envoy.access_loggers.open_telemetry envoy.extensions.access_loggers.open_telemetry.v3
envoy.access_loggers.stats envoy.extensions.access_loggers.stats.v3
envoy.access_loggers.stderr envoy.extensions.access_loggers.stream.v3
envoy.access_loggers.stdout envoy.extensions.access_loggers.stream.v3
envoy.access_loggers.tcp_grpc envoy.extensions.access_loggers.grpc.v3
envoy.access_loggers.wasm envoy.extensions.access_loggers.wasm.v3
envoy.bootstrap.dynamic_modules envoy.extensions.bootstrap.dynamic_modules.v3
envoy.bootstrap.internal_listener envoy.extensions.bootstrap.internal_listener.v3
envoy.bootstrap.reverse_tunnel.downstream_socket_interface envoy.extensions.bootstrap.reverse_tunnel.downstream_socket_interface.v3
envoy.bootstrap.reverse_tunnel.upstream_socket_interface envoy.extensions.bootstrap.reverse_tunnel.upstream_socket_interface.v3
envoy.bootstrap.vcl envoy.extensions.vcl.v3alpha
envoy.bootstrap.wasm envoy.extensions.wasm.v3
envoy.clusters.aggregate envoy.extensions.clusters.aggregate.v3
envoy.clusters.aggregate_resource envoy.extensions.clusters.aggregate.v3
envoy.clusters.composite envoy.extensions.clusters.composite.v3
envoy.clusters.dns envoy.extensions.clusters.dns.v3
envoy.clusters.dynamic_forward_proxy envoy.extensions.clusters.dynamic_forward_proxy.v3
envoy.clusters.redis envoy.extensions.clusters.redis.v3
envoy.clusters.reverse_connection envoy.extensions.clusters.reverse_connection.v3
envoy.compression.brotli.compressor envoy.extensions.compression.brotli.compressor.v3
envoy.compression.brotli.decompressor envoy.extensions.compression.brotli.decompressor.v3
envoy.compression.gzip.compressor envoy.extensions.compression.gzip.compressor.v3
envoy.compression.gzip.decompressor envoy.extensions.compression.gzip.decompressor.v3
envoy.compression.qatzip.compressor envoy.extensions.compression.qatzip.compressor.v3alpha
envoy.compression.qatzstd.compressor envoy.extensions.compression.qatzstd.compressor.v3alpha
envoy.compression.zstd.compressor envoy.extensions.compression.zstd.compressor.v3
envoy.compression.zstd.decompressor envoy.extensions.compression.zstd.decompressor.v3
envoy.config.validators.minimum_clusters_validator envoy.extensions.config.validators.minimum_clusters.v3
envoy.extensions.http.cache.file_system_http_cache envoy.extensions.http.cache.file_system_http_cache.v3
envoy.extensions.http.cache.simple envoy.extensions.http.cache.simple_http_cache.v3
envoy.filters.generic.router envoy.extensions.filters.network.generic_proxy.router.v3
envoy.filters.http.adaptive_concurrency envoy.extensions.filters.http.adaptive_concurrency.v3
envoy.filters.http.admission_control envoy.extensions.filters.http.admission_control.v3
envoy.filters.http.alternate_protocols_cache envoy.extensions.filters.http.alternate_protocols_cache.v3
envoy.filters.http.api_key_auth envoy.extensions.filters.http.api_key_auth.v3
envoy.filters.http.aws_lambda envoy.extensions.filters.http.aws_lambda.v3
envoy.filters.http.aws_request_signing envoy.extensions.filters.http.aws_request_signing.v3
envoy.filters.http.bandwidth_limit envoy.extensions.filters.http.bandwidth_limit.v3
envoy.filters.http.basic_auth envoy.extensions.filters.http.basic_auth.v3
envoy.filters.http.buffer envoy.extensions.filters.http.buffer.v3
envoy.filters.http.cache envoy.extensions.filters.http.cache.v3
envoy.filters.http.cdn_loop envoy.extensions.filters.http.cdn_loop.v3
envoy.filters.http.checksum envoy.extensions.filters.http.checksum.v3alpha
envoy.filters.http.composite envoy.extensions.filters.http.composite.v3
envoy.filters.http.compressor envoy.extensions.filters.http.compressor.v3
envoy.filters.http.connect_grpc_bridge envoy.extensions.filters.http.connect_grpc_bridge.v3
envoy.filters.http.cors envoy.extensions.filters.http.cors.v3
envoy.filters.http.credential_injector envoy.extensions.filters.http.credential_injector.v3
envoy.filters.http.csrf envoy.extensions.filters.http.csrf.v3
envoy.filters.http.custom_response envoy.extensions.filters.http.custom_response.v3
envoy.filters.http.decompressor envoy.extensions.filters.http.decompressor.v3
envoy.filters.http.dynamic_forward_proxy envoy.extensions.filters.http.dynamic_forward_proxy.v3
envoy.filters.http.dynamic_modules envoy.extensions.filters.http.dynamic_modules.v3
envoy.filters.http.dynamo envoy.extensions.filters.http.dynamo.v3
envoy.filters.http.ext_authz envoy.extensions.filters.http.ext_authz.v3
envoy.filters.http.ext_proc envoy.extensions.filters.http.ext_proc.v3
envoy.filters.http.ext_proc envoy.extensions.filters.http.ext_proc.v3
envoy.filters.http.fault envoy.extensions.filters.http.fault.v3
envoy.filters.http.file_system_buffer envoy.extensions.filters.http.file_system_buffer.v3
envoy.filters.http.gcp_authn envoy.extensions.filters.http.gcp_authn.v3
envoy.filters.http.geoip envoy.extensions.filters.http.geoip.v3
envoy.filters.http.golang envoy.extensions.filters.http.golang.v3alpha
envoy.filters.http.grpc_field_extraction envoy.extensions.filters.http.grpc_field_extraction.v3
envoy.filters.http.grpc_http1_bridge envoy.extensions.filters.http.grpc_http1_bridge.v3
envoy.filters.http.grpc_http1_reverse_bridge envoy.extensions.filters.http.grpc_http1_reverse_bridge.v3
envoy.filters.http.grpc_json_reverse_transcoder envoy.extensions.filters.http.grpc_json_reverse_transcoder.v3
envoy.filters.http.grpc_json_transcoder envoy.extensions.filters.http.grpc_json_transcoder.v3
envoy.filters.http.grpc_stats envoy.extensions.filters.http.grpc_stats.v3
envoy.filters.http.grpc_web envoy.extensions.filters.http.grpc_web.v3
envoy.filters.http.header_mutation envoy.extensions.filters.http.header_mutation.v3
envoy.filters.http.header_to_metadata envoy.extensions.filters.http.header_to_metadata.v3
envoy.filters.http.health_check envoy.extensions.filters.http.health_check.v3
envoy.filters.http.ip_tagging envoy.extensions.filters.http.ip_tagging.v3
envoy.filters.http.istio_stats stats
envoy.filters.http.json_to_metadata envoy.extensions.filters.http.json_to_metadata.v3
envoy.filters.http.jwt_authn envoy.extensions.filters.http.jwt_authn.v3
envoy.filters.http.kill_request envoy.extensions.filters.http.kill_request.v3
envoy.filters.http.language envoy.extensions.filters.http.language.v3alpha
envoy.filters.http.local_ratelimit envoy.extensions.filters.http.local_ratelimit.v3
envoy.filters.http.lua envoy.extensions.filters.http.lua.v3
envoy.filters.http.mcp envoy.extensions.filters.http.mcp.v3
envoy.filters.http.mcp_router envoy.extensions.filters.http.mcp_router.v3
envoy.filters.http.oauth2 envoy.extensions.filters.http.oauth2.v3
envoy.filters.http.on_demand envoy.extensions.filters.http.on_demand.v3
envoy.filters.http.original_src envoy.extensions.filters.http.original_src.v3
envoy.filters.http.peak_ewma envoy.extensions.filters.http.peak_ewma.v3alpha
envoy.filters.http.peer_metadata io.istio.http.peer_metadata
envoy.filters.http.proto_api_scrubber envoy.extensions.filters.http.proto_api_scrubber.v3
envoy.filters.http.proto_message_extraction envoy.extensions.filters.http.proto_message_extraction.v3
envoy.filters.http.rate_limit_quota envoy.extensions.filters.http.rate_limit_quota.v3
envoy.filters.http.ratelimit envoy.extensions.filters.http.ratelimit.v3
envoy.filters.http.rbac envoy.extensions.filters.http.rbac.v3
envoy.filters.http.router envoy.extensions.filters.http.router.v3
envoy.filters.http.set_filter_state envoy.extensions.filters.http.set_filter_state.v3
envoy.filters.http.set_metadata envoy.extensions.filters.http.set_metadata.v3
envoy.filters.http.stateful_session envoy.extensions.filters.http.stateful_session.v3
envoy.filters.http.sxg envoy.extensions.filters.http.sxg.v3alpha
envoy.filters.http.tap envoy.extensions.filters.http.tap.v3
envoy.filters.http.thrift_to_metadata envoy.extensions.filters.http.thrift_to_metadata.v3
envoy.filters.http.transform envoy.extensions.filters.http.transform.v3
envoy.filters.http.upstream_codec envoy.extensions.filters.http.upstream_codec.v3
envoy.filters.http.wasm envoy.extensions.filters.http.wasm.v3
envoy.filters.listener.dynamic_modules envoy.extensions.filters.listener.dynamic_modules.v3
envoy.filters.listener.http_inspector envoy.extensions.filters.listener.http_inspector.v3
envoy.filters.listener.local_ratelimit envoy.extensions.filters.listener.local_ratelimit.v3
envoy.filters.listener.original_dst envoy.extensions.filters.listener.original_dst.v3
envoy.filters.listener.original_src envoy.extensions.filters.listener.original_src.v3
envoy.filters.listener.postgres_inspector envoy.extensions.filters.listener.postgres_inspector.v3alpha
envoy.filters.listener.proxy_protocol envoy.extensions.filters.listener.proxy_protocol.v3
envoy.filters.listener.tls_inspector envoy.extensions.filters.listener.tls_inspector.v3
envoy.filters.network.client_ssl_auth envoy.extensions.filters.network.client_ssl_auth.v3
envoy.filters.network.connection_limit envoy.extensions.filters.network.connection_limit.v3
envoy.filters.network.direct_response envoy.extensions.filters.network.direct_response.v3
envoy.filters.network.dubbo_proxy envoy.extensions.filters.network.dubbo_proxy.v3
envoy.filters.network.dynamic_modules envoy.extensions.filters.network.dynamic_modules.v3
envoy.filters.network.echo envoy.extensions.filters.network.echo.v3
envoy.filters.network.envoy_mobile_http_connection_manager envoy.extensions.filters.network.http_connection_manager.v3
envoy.filters.network.ext_authz envoy.extensions.filters.network.ext_authz.v3
envoy.filters.network.ext_proc envoy.extensions.filters.network.ext_proc.v3
envoy.filters.network.generic_proxy envoy.extensions.filters.network.generic_proxy.v3
envoy.filters.network.geoip envoy.extensions.filters.network.geoip.v3
envoy.filters.network.golang envoy.extensions.filters.network.golang.v3alpha
envoy.filters.network.http_connection_manager envoy.extensions.filters.network.http_connection_manager.v3
envoy.filters.network.kafka_broker envoy.extensions.filters.network.kafka_broker.v3
envoy.filters.network.kafka_mesh envoy.extensions.filters.network.kafka_mesh.v3alpha
envoy.filters.network.local_ratelimit envoy.extensions.filters.network.local_ratelimit.v3
envoy.filters.network.metadata_exchange envoy.tcp.metadataexchange.config
envoy.filters.network.mongo_proxy envoy.extensions.filters.network.mongo_proxy.v3
envoy.filters.network.mysql_proxy envoy.extensions.filters.network.mysql_proxy.v3
envoy.filters.network.postgres_proxy envoy.extensions.filters.network.postgres_proxy.v3alpha
envoy.filters.network.ratelimit envoy.extensions.filters.network.ratelimit.v3
envoy.filters.network.rbac envoy.extensions.filters.network.rbac.v3
envoy.filters.network.redis_proxy envoy.extensions.filters.network.redis_proxy.v3
envoy.filters.network.reverse_tunnel envoy.extensions.filters.network.reverse_tunnel.v3
envoy.filters.network.rocketmq_proxy envoy.extensions.filters.network.rocketmq_proxy.v3
envoy.filters.network.set_filter_state envoy.extensions.filters.network.set_filter_state.v3
envoy.filters.network.sip_proxy envoy.extensions.filters.network.sip_proxy.v3alpha
envoy.filters.network.sni_cluster envoy.extensions.filters.network.sni_cluster.v3
envoy.filters.network.sni_dynamic_forward_proxy envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3
envoy.filters.network.tcp_proxy envoy.extensions.filters.network.tcp_proxy.v3
envoy.filters.network.thrift_proxy envoy.extensions.filters.network.thrift_proxy.v3
envoy.filters.network.wasm envoy.extensions.filters.network.wasm.v3
envoy.filters.network.zookeeper_proxy envoy.extensions.filters.network.zookeeper_proxy.v3
envoy.filters.sip.router envoy.extensions.filters.network.sip_proxy.router.v3alpha
envoy.filters.thrift.header_to_metadata envoy.extensions.filters.network.thrift_proxy.filters.header_to_metadata.v3
envoy.filters.thrift.payload_to_metadata envoy.extensions.filters.network.thrift_proxy.filters.payload_to_metadata.v3
envoy.filters.thrift.rate_limit envoy.extensions.filters.network.thrift_proxy.filters.ratelimit.v3
envoy.filters.thrift.router envoy.extensions.filters.network.thrift_proxy.router.v3
envoy.filters.udp.dns_filter envoy.extensions.filters.udp.dns_filter.v3
envoy.filters.udp.session.dynamic_forward_proxy envoy.extensions.filters.udp.udp_proxy.session.dynamic_forward_proxy.v3
envoy.filters.udp.session.http_capsule envoy.extensions.filters.udp.udp_proxy.session.http_capsule.v3
envoy.filters.udp_listener.dynamic_modules envoy.extensions.filters.udp.dynamic_modules.v3
envoy.filters.udp_listener.udp_proxy envoy.extensions.filters.udp.udp_proxy.v3
envoy.formatter.cel envoy.extensions.formatter.cel.v3
envoy.formatter.metadata envoy.extensions.formatter.metadata.v3
envoy.formatter.req_without_query envoy.extensions.formatter.req_without_query.v3
envoy.generic_proxy.codecs.dubbo envoy.extensions.filters.network.generic_proxy.codecs.dubbo.v3
envoy.generic_proxy.codecs.http1 envoy.extensions.filters.network.generic_proxy.codecs.http1.v3
envoy.generic_proxy.codecs.kafka envoy.extensions.filters.network.generic_proxy.codecs.kafka.v3
envoy.geoip_providers.maxmind envoy.extensions.geoip_providers.maxmind.v3
envoy.grpc_credentials.file_based_metadata envoy.config.grpc_credential.v3
envoy.health_check.event_sinks.file envoy.extensions.health_check.event_sinks.file.v3
envoy.health_checkers.redis envoy.extensions.health_checkers.redis.v3
envoy.health_checkers.thrift envoy.extensions.health_checkers.thrift.v3
envoy.http.custom_response.local_response_policy envoy.extensions.http.custom_response.local_response_policy.v3
envoy.http.custom_response.redirect_policy envoy.extensions.http.custom_response.redirect_policy.v3
envoy.http.early_header_mutation.header_mutation envoy.extensions.http.early_header_mutation.header_mutation.v3
envoy.http.ext_proc.processing_request_modifiers.mapped_attribute_builder envoy.extensions.http.ext_proc.processing_request_modifiers.mapped_attribute_builder.v3
envoy.http.ext_proc.response_processors.save_processing_response envoy.extensions.http.ext_proc.response_processors.save_processing_response.v3
envoy.http.injected_credentials.generic envoy.extensions.http.injected_credentials.generic.v3
envoy.http.injected_credentials.oauth2 envoy.extensions.http.injected_credentials.oauth2.v3
envoy.http.original_ip_detection.custom_header envoy.extensions.http.original_ip_detection.custom_header.v3
envoy.http.original_ip_detection.xff envoy.extensions.http.original_ip_detection.xff.v3
envoy.http.stateful_header_formatters.preserve_case envoy.extensions.http.header_formatters.preserve_case.v3
envoy.http.stateful_session.cookie envoy.extensions.http.stateful_session.cookie.v3
envoy.http.stateful_session.envelope envoy.extensions.http.stateful_session.envelope.v3
envoy.http.stateful_session.header envoy.extensions.http.stateful_session.header.v3
envoy.internal_redirect_predicates.allow_listed_routes envoy.extensions.internal_redirect.allow_listed_routes.v3
envoy.internal_redirect_predicates.previous_routes envoy.extensions.internal_redirect.previous_routes.v3
envoy.internal_redirect_predicates.safe_cross_scheme envoy.extensions.internal_redirect.safe_cross_scheme.v3
envoy.io_socket.user_space
envoy.key_value.file_based envoy.extensions.key_value.file_based.v3
envoy.load_balancing_policies.client_side_weighted_round_robin envoy.extensions.load_balancing_policies.client_side_weighted_round_robin.v3
envoy.load_balancing_policies.cluster_provided envoy.extensions.load_balancing_policies.cluster_provided.v3
envoy.load_balancing_policies.least_request envoy.extensions.load_balancing_policies.least_request.v3
envoy.load_balancing_policies.maglev envoy.extensions.load_balancing_policies.maglev.v3
envoy.load_balancing_policies.override_host envoy.extensions.load_balancing_policies.override_host.v3
envoy.load_balancing_policies.peak_ewma envoy.extensions.load_balancing_policies.peak_ewma.v3alpha
envoy.load_balancing_policies.random envoy.extensions.load_balancing_policies.random.v3
envoy.load_balancing_policies.random_subsetting envoy.extensions.load_balancing_policies.random_subsetting.v3
envoy.load_balancing_policies.ring_hash envoy.extensions.load_balancing_policies.ring_hash.v3
envoy.load_balancing_policies.round_robin envoy.extensions.load_balancing_policies.round_robin.v3
envoy.load_balancing_policies.subset envoy.extensions.load_balancing_policies.subset.v3
envoy.load_balancing_policies.wrr_locality envoy.extensions.load_balancing_policies.wrr_locality.v3
envoy.matching.action.transport_socket.name envoy.extensions.matching.common_inputs.transport_socket.v3
envoy.matching.actions.format_string envoy.config.core.v3
envoy.matching.common_inputs.environment_variable envoy.extensions.matching.common_inputs.environment_variable.v3
envoy.matching.custom_matchers.trie_matcher xds.type.matcher.v3
envoy.matching.input_matchers.hyperscan envoy.extensions.matching.input_matchers.hyperscan.v3alpha
envoy.matching.inputs.application_protocol envoy.extensions.matching.common_inputs.network.v3
envoy.matching.inputs.destination_ip envoy.extensions.matching.common_inputs.network.v3
envoy.matching.inputs.destination_port envoy.extensions.matching.common_inputs.network.v3
envoy.matching.inputs.direct_source_ip envoy.extensions.matching.common_inputs.network.v3
envoy.matching.inputs.dns_san envoy.extensions.matching.common_inputs.ssl.v3
envoy.matching.inputs.dynamic_metadata envoy.extensions.matching.common_inputs.network.v3
envoy.matching.inputs.endpoint_metadata envoy.extensions.matching.common_inputs.transport_socket.v3
envoy.matching.inputs.filter_state envoy.extensions.matching.common_inputs.network.v3
envoy.matching.inputs.locality_metadata envoy.extensions.matching.common_inputs.transport_socket.v3
envoy.matching.inputs.network_namespace envoy.extensions.matching.common_inputs.network.v3
envoy.matching.inputs.query_params envoy.type.matcher.v3
envoy.matching.inputs.request_headers envoy.type.matcher.v3
envoy.matching.inputs.request_trailers envoy.type.matcher.v3
envoy.matching.inputs.response_headers envoy.type.matcher.v3
envoy.matching.inputs.response_trailers envoy.type.matcher.v3
envoy.matching.inputs.server_name envoy.extensions.matching.common_inputs.network.v3
envoy.matching.inputs.source_ip envoy.extensions.matching.common_inputs.network.v3
envoy.matching.inputs.source_port envoy.extensions.matching.common_inputs.network.v3
envoy.matching.inputs.source_type envoy.extensions.matching.common_inputs.network.v3
envoy.matching.inputs.subject envoy.extensions.matching.common_inputs.ssl.v3
envoy.matching.inputs.transport_protocol envoy.extensions.matching.common_inputs.network.v3
envoy.matching.inputs.transport_socket_filter_state envoy.extensions.matching.common_inputs.transport_socket.v3
envoy.matching.inputs.uri_san envoy.extensions.matching.common_inputs.ssl.v3
envoy.matching.matchers.consistent_hashing envoy.extensions.matching.input_matchers.consistent_hashing.v3
envoy.matching.matchers.ip envoy.extensions.matching.input_matchers.ip.v3
envoy.matching.matchers.metadata_matcher envoy.extensions.matching.input_matchers.metadata.v3
envoy.matching.matchers.runtime_fraction envoy.extensions.matching.input_matchers.runtime_fraction.v3
envoy.network.connection_balance.dlb envoy.extensions.network.connection_balance.dlb.v3alpha
envoy.network.dns_resolver.apple envoy.extensions.network.dns_resolver.apple.v3
envoy.network.dns_resolver.cares envoy.extensions.network.dns_resolver.cares.v3
envoy.network.dns_resolver.getaddrinfo envoy.extensions.network.dns_resolver.getaddrinfo.v3
envoy.path.match.uri_template.uri_template_matcher envoy.extensions.path.match.uri_template.v3
envoy.path.rewrite.uri_template.uri_template_rewriter envoy.extensions.path.rewrite.uri_template.v3
envoy.quic.connection_debug_visitor.basic envoy.extensions.quic.connection_debug_visitor.v3
envoy.quic.connection_debug_visitor.quic_stats envoy.extensions.quic.connection_debug_visitor.quic_stats.v3
envoy.quic.connection_id_generator.quic_lb envoy.extensions.quic.connection_id_generator.quic_lb.v3
envoy.quic.crypto_stream.server.quiche envoy.extensions.quic.crypto_stream.v3
envoy.quic.deterministic_connection_id_generator envoy.extensions.quic.connection_id_generator.v3
envoy.quic.packet_writer.default envoy.extensions.quic.client_writer_factory.v3
envoy.quic.proof_source.filter_chain envoy.extensions.quic.proof_source.v3
envoy.quic.server_preferred_address.datasource envoy.extensions.quic.server_preferred_address.v3
envoy.quic.server_preferred_address.fixed envoy.extensions.quic.server_preferred_address.v3
envoy.rate_limit_descriptors.expr envoy.extensions.rate_limit_descriptors.expr.v3
envoy.rbac.matchers.upstream_ip_port envoy.extensions.rbac.matchers.upstream_ip_port.v3
envoy.rbac.principals.mtls_authenticated envoy.extensions.rbac.principals.mtls_authenticated.v3
envoy.regex_engines.google_re2 envoy.extensions.regex_engines.v3
envoy.regex_engines.hyperscan envoy.extensions.regex_engines.hyperscan.v3alpha
envoy.request_id.uuid envoy.extensions.request_id.uuid.v3
envoy.resource_monitors.cgroup_memory envoy.extensions.resource_monitors.cgroup_memory.v3
envoy.resource_monitors.cpu_utilization envoy.extensions.resource_monitors.cpu_utilization.v3
envoy.resource_monitors.fixed_heap envoy.extensions.resource_monitors.fixed_heap.v3
envoy.resource_monitors.global_downstream_max_connections envoy.extensions.resource_monitors.downstream_connections.v3
envoy.resource_monitors.injected_resource envoy.extensions.resource_monitors.injected_resource.v3
envoy.retry_host_predicates.omit_canary_hosts envoy.extensions.retry.host.omit_canary_hosts.v3
envoy.retry_host_predicates.omit_host_metadata envoy.extensions.retry.host.omit_host_metadata.v3
envoy.retry_host_predicates.previous_hosts envoy.extensions.retry.host.previous_hosts.v3
envoy.retry_priorities.previous_priorities envoy.extensions.retry.priority.previous_priorities.v3
envoy.route.early_data_policy.default envoy.extensions.early_data.v3
envoy.router.cluster_specifier_plugin.golang envoy.extensions.router.cluster_specifier.golang.v3alpha
envoy.router.cluster_specifier_plugin.lua envoy.extensions.router.cluster_specifiers.lua.v3
envoy.router.cluster_specifier_plugin.matcher envoy.extensions.router.cluster_specifiers.matcher.v3
envoy.stat_sinks.dog_statsd envoy.config.metrics.v3
envoy.stat_sinks.graphite_statsd envoy.extensions.stat_sinks.graphite_statsd.v3
envoy.stat_sinks.hystrix envoy.config.metrics.v3
envoy.stat_sinks.metrics_service envoy.config.metrics.v3
envoy.stat_sinks.open_telemetry envoy.extensions.stat_sinks.open_telemetry.v3
envoy.stat_sinks.statsd envoy.config.metrics.v3
envoy.stat_sinks.wasm envoy.extensions.stat_sinks.wasm.v3
envoy.string_matcher.lua envoy.extensions.string_matcher.lua.v3
envoy.tap_sinks.udp_sink envoy.extensions.tap_sinks.udp_sink.v3alpha
envoy.tls.cert_validator.spiffe envoy.extensions.transport_sockets.tls.v3
envoy.tls.certificate_mappers.sni envoy.extensions.transport_sockets.tls.cert_mappers.sni.v3
envoy.tls.certificate_mappers.static_name envoy.extensions.transport_sockets.tls.cert_mappers.static_name.v3
envoy.tls.certificate_selectors.on_demand_secret envoy.extensions.transport_sockets.tls.cert_selectors.on_demand_secret.v3
envoy.tls.key_providers.cryptomb envoy.extensions.private_key_providers.cryptomb.v3alpha
envoy.tls.key_providers.kae envoy.extensions.private_key_providers.kae.v3alpha
envoy.tls.key_providers.qat envoy.extensions.private_key_providers.qat.v3alpha
envoy.tls.upstream_certificate_mappers.filter_state_override envoy.extensions.transport_sockets.tls.cert_mappers.filter_state_override.v3
envoy.tracers.datadog envoy.config.trace.v3
envoy.tracers.fluentd envoy.extensions.tracers.fluentd.v3
envoy.tracers.lightstep envoy.config.trace.v3
envoy.tracers.opentelemetry envoy.config.trace.v3
envoy.tracers.opentelemetry.resource_detectors.dynatrace envoy.extensions.tracers.opentelemetry.resource_detectors.v3
envoy.tracers.opentelemetry.resource_detectors.environment envoy.extensions.tracers.opentelemetry.resource_detectors.v3
envoy.tracers.opentelemetry.resource_detectors.static_config envoy.extensions.tracers.opentelemetry.resource_detectors.v3
envoy.tracers.opentelemetry.samplers.always_on envoy.extensions.tracers.opentelemetry.samplers.v3
envoy.tracers.opentelemetry.samplers.cel envoy.extensions.tracers.opentelemetry.samplers.v3
envoy.tracers.opentelemetry.samplers.dynatrace envoy.extensions.tracers.opentelemetry.samplers.v3
envoy.tracers.opentelemetry.samplers.parent_based envoy.extensions.tracers.opentelemetry.samplers.v3
envoy.tracers.opentelemetry.samplers.trace_id_ratio_based envoy.extensions.tracers.opentelemetry.samplers.v3
envoy.tracers.skywalking envoy.config.trace.v3
envoy.tracers.xray envoy.config.trace.v3
envoy.tracers.zipkin envoy.config.trace.v3
envoy.transport_sockets.alts envoy.extensions.transport_sockets.alts.v3
envoy.transport_sockets.http_11_proxy envoy.extensions.transport_sockets.http_11_proxy.v3
envoy.transport_sockets.internal_upstream envoy.extensions.transport_sockets.internal_upstream.v3
envoy.transport_sockets.quic envoy.extensions.transport_sockets.quic.v3
envoy.transport_sockets.raw_buffer envoy.extensions.transport_sockets.raw_buffer.v3
envoy.transport_sockets.starttls envoy.extensions.transport_sockets.starttls.v3
envoy.transport_sockets.tap envoy.extensions.transport_sockets.tap.v3
envoy.transport_sockets.tcp_stats envoy.extensions.transport_sockets.tcp_stats.v3
envoy.transport_sockets.tls envoy.extensions.transport_sockets.tls.v3
envoy.transport_sockets.upstream_proxy_protocol envoy.extensions.transport_sockets.proxy_protocol.v3
envoy.udp_packet_writer.default envoy.extensions.udp_packet_writer.v3
envoy.udp_packet_writer.gso envoy.extensions.udp_packet_writer.v3
envoy.upstream.local_address_selector.default_local_address_selector envoy.config.upstream.local_address_selector.v3
envoy.upstream.local_address_selector.filter_state_override envoy.extensions.local_address_selectors.filter_state_override.v3
envoy.upstreams.http.generic envoy.extensions.upstreams.http.generic.v3
envoy.upstreams.http.http envoy.extensions.upstreams.http.http.v3
envoy.upstreams.http.http_protocol_options envoy.extensions.upstreams.http.v3
envoy.upstreams.http.tcp envoy.extensions.upstreams.http.tcp.v3
envoy.upstreams.http.tcp.golang envoy.extensions.upstreams.http.tcp.golang.v3alpha
envoy.upstreams.http.udp envoy.extensions.upstreams.http.udp.v3
envoy.upstreams.tcp.generic envoy.extensions.upstreams.tcp.generic.v3
envoy.upstreams.tcp.tcp_protocol_options envoy.extensions.upstreams.tcp.v3
envoy.watchdog.profile_action envoy.extensions.watchdog.profile_action.v3
envoy.xds_delegates.kv_store envoy.extensions.config.v3alpha
`

// Packages that several extensions share, by message.
const byMessage: Readonly<Record<string, string>> = {
  'envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig': 'envoy.access_loggers.http_grpc',
  'envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig': 'envoy.access_loggers.tcp_grpc',
  'envoy.extensions.access_loggers.stream.v3.StdoutAccessLog': 'envoy.access_loggers.stdout',
  'envoy.extensions.access_loggers.stream.v3.StderrAccessLog': 'envoy.access_loggers.stderr',
  'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext': 'envoy.transport_sockets.tls',
  'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext': 'envoy.transport_sockets.tls',
  'envoy.extensions.clusters.aggregate.v3.ClusterConfig': 'envoy.clusters.aggregate',
  'envoy.config.trace.v3.DatadogConfig': 'envoy.tracers.datadog',
  'envoy.config.trace.v3.SkyWalkingConfig': 'envoy.tracers.skywalking',
  'envoy.config.trace.v3.XRayConfig': 'envoy.tracers.xray',
  'envoy.config.trace.v3.OpenTelemetryConfig': 'envoy.tracers.opentelemetry',
  'envoy.extensions.tracers.opentelemetry.resource_detectors.v3.DynatraceResourceDetectorConfig':
    'envoy.tracers.opentelemetry.resource_detectors.dynatrace',
  'envoy.extensions.tracers.opentelemetry.resource_detectors.v3.EnvironmentResourceDetectorConfig':
    'envoy.tracers.opentelemetry.resource_detectors.environment',
  'envoy.extensions.tracers.opentelemetry.samplers.v3.AlwaysOnSamplerConfig':
    'envoy.tracers.opentelemetry.samplers.always_on',
  'envoy.extensions.tracers.opentelemetry.samplers.v3.CELSamplerConfig': 'envoy.tracers.opentelemetry.samplers.cel',
  'envoy.extensions.tracers.opentelemetry.samplers.v3.DynatraceSamplerConfig':
    'envoy.tracers.opentelemetry.samplers.dynatrace',
  'envoy.extensions.tracers.opentelemetry.samplers.v3.ParentBasedSamplerConfig':
    'envoy.tracers.opentelemetry.samplers.parent_based',
}

const rows = table
  .trim()
  .split('\n')
  .map(line => line.split(' ') as [name: string, package_?: string])
const byPackage = new Map(
  rows.flatMap(([name, package_]) => (package_ === undefined ? [] : ([[package_, name]] as const))),
)

/** Every extension Envoy 1.40 registers, sorted. */
export const knownExtensionNames: readonly string[] = rows.map(([name]) => name)

/** The extension that takes a configuration message: `envoy.extensions.filters.http.lua.v3.Lua` → `envoy.filters.http.lua`. */
export function extensionOf(typeName: string): string | undefined {
  return byMessage[typeName] ?? byPackage.get(typeName.slice(0, typeName.lastIndexOf('.')))
}
