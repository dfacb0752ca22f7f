import { carried, later, type PolicyTable, tuning, whole } from './verdict.js'

const core = 'envoy.config.core.v3'
const grpc = `${core}.GrpcService`
const channel = 'has no effect on the channel to a control plane'

/** Where resources come from. */
export const discoveryPolicy: PolicyTable = {
  [`${core}.ConfigSource`]: {
    ...whole('path initial_fetch_timeout ads self resource_api_version'),
    ...carried('path_config_source api_config_source'),
    ...tuning('authorities', 'is used with xdstp: names only'),
  },
  [`${core}.ExtensionConfigSource`]: {
    ...carried('config_source default_config'),
    ...whole('apply_default_config_without_warming type_urls'),
  },
  [`${core}.PathConfigSource`]: {
    ...whole('path poll_interval'),
    ...carried('watched_directory'),
  },
  [`${core}.ApiConfigSource`]: {
    ...whole('api_type cluster_names refresh_delay request_timeout rate_limit_settings set_node_on_first_message_only'),
    ...whole('transport_api_version'),
    ...carried('grpc_services config_validators'),
  },
  'envoy.extensions.config.validators.minimum_clusters.v3.MinimumClustersValidator': { ...whole('min_clusters_num') },
  [grpc]: {
    ...carried('envoy_grpc google_grpc'),
    ...whole('initial_metadata timeout'),
    ...tuning('retry_policy', 'has no effect: a stream that ended is opened again after a while'),
  },
  [`${grpc}.EnvoyGrpc`]: {
    ...whole('cluster_name authority retry_policy max_receive_message_length'),
    ...tuning('skip_envoy_headers', channel),
  },
  [`${grpc}.GoogleGrpc`]: {
    ...whole('target_uri stat_prefix channel_credentials call_credentials channel_args'),
    ...later('channel_credentials_plugin call_credentials_plugin', 'credentials of other kinds'),
    ...tuning('credentials_factory_name config per_stream_buffer_limit_bytes', channel),
  },
}
