import { type DescMessage, fromJson, type JsonValue } from '@bufbuild/protobuf'
import type { Types } from '../config/index.js'
import type { Listener } from '../generated/protos/envoy/config/listener/v3/listener_pb.js'
import { clusterHeader } from './channels.js'

/** The door's name among listeners and in statistics, where NUL hides it. Nobody else's begins like it: no configuration can hold it. */
export const doorName = '\u0000door'

const typed = (name: string): string => `type.googleapis.com/envoy.extensions.filters.${name}`

/**
 * The way to clusters for requests that this thread makes: a listener on a Unix socket, which passes everything on to the cluster that a
 * header names. So a control plane is reached with its cluster's TLS, balancing, circuit breakers, protocol options and statistics.
 * `path` lies in a folder that nobody else may enter.
 */
export function doorListener(path: string, types: Types): Listener {
  const schema = types.message('envoy.config.listener.v3.Listener') as DescMessage
  const json: JsonValue = {
    name: doorName,
    stat_prefix: doorName,
    address: { pipe: { path, mode: 0o600 } },
    filter_chains: [{ filters: [{ name: 'door', typed_config: connectionManager() }] }],
  }
  return fromJson(schema, json, { registry: types.registry }) as Listener
}

// What the gRPC library says of itself; a control plane that compresses for it would do so for nobody else.
const ofTheClient = ['user-agent', 'grpc-accept-encoding', 'accept-encoding', 'x-forwarded-proto']

// Nothing is added to requests and nothing ends a stream but its two ends: what is asked over a stream may be answered tomorrow.
function connectionManager(): JsonValue {
  return {
    '@type': typed('network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: doorName,
    stream_idle_timeout: '0s',
    generate_request_id: false,
    skip_xff_append: true,
    server_header_transformation: 'PASS_THROUGH',
    common_http_protocol_options: { idle_timeout: '0s' },
    http2_protocol_options: { max_concurrent_streams: 2147483647 },
    http_filters: [
      {
        name: 'router',
        typed_config: { '@type': typed('http.router.v3.Router'), suppress_envoy_headers: true },
      },
    ],
    route_config: {
      name: 'door',
      virtual_hosts: [
        {
          name: 'door',
          domains: ['*'],
          request_headers_to_remove: [clusterHeader, ...ofTheClient],
          routes: [
            { match: { prefix: '/' }, route: { cluster_header: clusterHeader, timeout: '0s', idle_timeout: '0s' } },
          ],
        },
      ],
    },
  }
}
