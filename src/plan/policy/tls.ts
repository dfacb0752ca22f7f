import { carried, later, type PolicyTable, tuning, whole } from './verdict.js'

const tls = 'envoy.extensions.transport_sockets.tls.v3'
const core = 'envoy.config.core.v3'
const providers = 'certificate providers'

export const tlsPolicy: PolicyTable = {
  [`${tls}.DownstreamTlsContext`]: {
    ...carried('common_tls_context session_ticket_keys session_ticket_keys_sds_secret_config'),
    ...whole('require_client_certificate disable_stateless_session_resumption session_timeout'),
    ...tuning('require_sni', 'has no effect, as in Envoy: use server_names of a filter chain'),
    ...whole('ocsp_staple_policy full_scan_certs_on_sni_mismatch disable_stateful_session_resumption'),
    ...whole('prefer_client_ciphers'),
  },
  'envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport': {
    ...carried('config transport_socket'),
    ...whole('allow_unspecified_address tlv_as_pool_key'),
  },
  [`${core}.ProxyProtocolConfig`]: { ...whole('version pass_through_tlvs'), ...carried('added_tlvs') },
  [`${core}.TlvEntry`]: { ...whole('type value'), ...later('format_string', 'TLVs made from a format') },
  [`${tls}.UpstreamTlsContext`]: {
    ...carried('common_tls_context'),
    ...whole('sni auto_host_sni auto_sni_san_validation allow_renegotiation max_session_keys enforce_rsa_key_usage'),
  },
  [`${tls}.CommonTlsContext`]: {
    ...carried('tls_params tls_certificates tls_certificate_sds_secret_configs validation_context key_log'),
    ...carried('validation_context_sds_secret_config combined_validation_context'),
    ...whole('alpn_protocols'),
    ...later('tls_certificate_provider_instance tls_certificate_certificate_provider', providers),
    ...later('tls_certificate_certificate_provider_instance validation_context_certificate_provider', providers),
    ...later('validation_context_certificate_provider_instance', providers),
    ...later('custom_handshaker', 'handshakers of other kinds'),
    ...later('custom_tls_certificate_selector', 'certificate selectors'),
  },
  [`${tls}.CommonTlsContext.CombinedCertificateValidationContext`]: {
    ...carried('default_validation_context validation_context_sds_secret_config'),
    ...later(
      'validation_context_certificate_provider validation_context_certificate_provider_instance',
      'certificate providers',
    ),
  },
  [`${tls}.TlsParameters`]: {
    ...whole('tls_minimum_protocol_version tls_maximum_protocol_version cipher_suites ecdh_curves'),
    ...whole('signature_algorithms compliance_policies'),
  },
  [`${tls}.TlsKeyLog`]: { ...whole('path local_address_range remote_address_range') },
  [`${tls}.TlsCertificate`]: {
    ...carried('certificate_chain private_key pkcs12 password ocsp_staple watched_directory'),
    ...tuning('signed_certificate_timestamp', 'has no effect, as in Envoy'),
    ...later('private_key_provider', 'private key providers'),
    ...later('tls_params', 'TLS parameters of one certificate'),
  },
  [`${tls}.CertificateValidationContext`]: {
    ...carried('trusted_ca crl watched_directory custom_validator_config'),
    ...whole('system_root_certs verify_certificate_spki verify_certificate_hash match_typed_subject_alt_names'),
    ...whole('match_subject_alt_names allow_expired_certificate trust_chain_verification'),
    ...whole('only_verify_leaf_cert_crl max_verify_depth suppress_client_ca_list'),
    ...tuning('require_signed_certificate_timestamp', 'has no effect, as in Envoy'),
    ...later('ca_certificate_provider_instance', providers),
  },
  [`${tls}.SPIFFECertValidatorConfig`]: carried('trust_domains trust_bundles'),
  [`${tls}.SPIFFECertValidatorConfig.TrustDomain`]: {
    ...whole('name'),
    ...carried('trust_bundle'),
    ...later('workload_trust_domain', 'trust domains of workloads'),
  },
  [`${tls}.TlsSessionTicketKeys`]: { ...carried('keys') },
  [`${tls}.GenericSecret`]: { ...whole('secret secrets') },
  [`${tls}.SdsSecretConfig`]: { ...whole('name'), ...carried('sds_config') },
  [`${tls}.Secret`]: {
    ...whole('name generic_secret'),
    ...carried('tls_certificate session_ticket_keys validation_context'),
  },
  [`${core}.DataSource`]: {
    ...whole('filename inline_bytes inline_string environment_variable'),
    ...carried('watched_directory'),
  },
  [`${core}.WatchedDirectory`]: {
    ...whole('path'),
    ...tuning('watch_modify', 'has no effect: files written in place are noticed anyway'),
  },
}
