import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonValue } from '@bufbuild/protobuf'
import { configSource, grpcSource } from './client.test-support.js'
import {
  checkAdsConfig,
  checkAuthority,
  checkConfigSource,
  type ConfigSourceFacts,
  retryBounds,
} from './config-source.js'
import type { ApiConfigSource } from '../generated/protos/envoy/config/core/v3/config_source_pb.js'

const facts: ConfigSourceFacts = {
  primaryClusters: new Set(['xds']),
  hasAds: false,
  nodeIsNamed: true,
  exists: path => path === '/there',
}
const service = { envoy_grpc: { cluster_name: 'xds' } }
const api = (fields: Record<string, JsonValue>): ReturnType<typeof configSource> =>
  configSource({ api_config_source: { transport_api_version: 'V3', ...fields } })
const sourceOf = (fields: Record<string, JsonValue>): ApiConfigSource =>
  api(fields).configSourceSpecifier.value as ApiConfigSource

// The texts are those of Envoy 1.40, without the message that it appends in its debug form.
test('sources that cannot be asked', () => {
  const name = 'envoy.config.core.v3.ApiConfigSource'
  const cases: readonly (readonly [ReturnType<typeof configSource>, string | undefined])[] = [
    [grpcSource(), undefined],
    [configSource({ path: '/there' }), undefined],
    [configSource({ self: {} }), 'Missing config source specifier in envoy::config::core::v3::ConfigSource'],
    [configSource({ ads: {} }), 'ADS must be configured to support an ADS config source'],
    [configSource({ path: '/x' }), "paths must refer to an existing path in the system: '/x' does not exist"],
    [
      configSource({ path_config_source: { path: '/there', watched_directory: { path: '/x' } } }),
      'unable to add filesystem watch for file /x/: No such file or directory',
    ],
    [
      api({ api_type: 'GRPC', grpc_services: [service, service] }),
      `${name}::(AGGREGATED_)(DELTA_)GRPC must have no more than 1 gRPC services specified`,
    ],
    [api({ api_type: 'GRPC' }), 'API configs must have either a gRPC service or a cluster name defined'],
    [
      api({ api_type: 'GRPC', cluster_names: ['xds'] }),
      `${name}::(AGGREGATED_)(DELTA_)GRPC must not have a cluster name specified`,
    ],
    [
      api({ api_type: 'REST', grpc_services: [service] }),
      `${name}, if not a gRPC type, must not have a gRPC service specified`,
    ],
    [api({ api_type: 'REST', cluster_names: ['xds', 'b'] }), `${name} must have a singleton cluster name specified`],
    [api({ api_type: 'REST', cluster_names: ['xds'] }), 'refresh_delay is required for REST API configuration sources'],
    [
      api({ api_type: 'GRPC', grpc_services: [{ envoy_grpc: { cluster_name: 'nope' } }] }),
      `${name} must have a statically defined non-EDS cluster: 'nope' does not exist, was added via api, or is an EDS cluster`,
    ],
    [api({ api_type: 'GRPC', transport_api_version: 'AUTO', grpc_services: [service] }), undefined],
    [
      api({ api_type: 'GRPC', transport_api_version: 'V2', grpc_services: [service] }),
      `V2 xDS transport protocol version is deprecated in ${name}`,
    ],
    [api({ api_type: 'AGGREGATED_GRPC', grpc_services: [service] }), 'Unsupported config source AGGREGATED_GRPC'],
    [
      api({
        api_type: 'GRPC',
        grpc_services: [
          {
            google_grpc: {
              target_uri: 'a:1',
              stat_prefix: 's',
              channel_credentials: { google_default: {} },
            },
          },
        ],
      }),
      'google_grpc channel_credentials google_default is not carried out',
    ],
    [
      api({ api_type: 'GRPC', grpc_services: [{ ...service, initial_metadata: [{ key: ':path', value: 'x' }] }] }),
      ':-prefixed or host headers may not be modified',
    ],
  ]
  for (const [source, wanted] of cases) assert.equal(checkConfigSource(source, 'cluster', facts), wanted)
  assert.match(
    checkConfigSource(grpcSource(), 'cluster', { ...facts, nodeIsNamed: false }) ?? '',
    /^type\.googleapis\.com\/envoy\.config\.cluster\.v3\.Cluster: node 'id' and 'cluster' are required\./,
  )
})

test('collections', () => {
  const source = api({ api_type: 'DELTA_GRPC', grpc_services: [service] })
  const name = 'xdstp://a/envoy.config.cluster.v3.Cluster/foo/*'
  assert.equal(checkConfigSource(source, 'cluster', facts, name), undefined)
  assert.equal(
    checkConfigSource(source, 'listener', facts, name),
    `xdstp:// type does not match envoy.config.listener.v3.Listener in ${name}`,
  )
  assert.equal(checkConfigSource(grpcSource(), 'cluster', facts, name), 'Unknown xdstp:// transport API type')
})

test('shared streams', () => {
  const name = 'envoy.config.core.v3.ApiConfigSource'
  assert.equal(checkAdsConfig(sourceOf({ api_type: 'GRPC', grpc_services: [service] }), facts), undefined)
  assert.equal(
    checkAdsConfig(sourceOf({ api_type: 'AGGREGATED_GRPC', grpc_services: [service] }), facts),
    `${name} type must be of non-aggregated gRPC`,
  )
  assert.equal(
    checkAdsConfig(sourceOf({ api_type: 'GRPC', grpc_services: [{ envoy_grpc: { cluster_name: 'x' } }] }), facts),
    "Unknown gRPC client cluster 'x'",
  )
  const aggregated = api({ api_type: 'AGGREGATED_GRPC', grpc_services: [service] })
  assert.equal(checkAuthority(aggregated, facts, true), undefined)
  assert.equal(
    checkAuthority(aggregated, facts, false),
    'xdstp-based non-default config source must have at least one authority.',
  )
})

test('delays between attempts', () => {
  const bounds = (backOff: JsonValue): unknown =>
    retryBounds(
      sourceOf({
        api_type: 'GRPC',
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds', retry_policy: { retry_back_off: backOff } } }],
      }),
    )
  assert.deepEqual(retryBounds(sourceOf({ grpc_services: [service] })), { baseMs: 500, maxMs: 30_000 })
  assert.deepEqual(bounds({ base_interval: '1s' }), { baseMs: 1000, maxMs: 10_000 })
  assert.deepEqual(bounds({ base_interval: '1s', max_interval: '2s' }), { baseMs: 1000, maxMs: 2000 })
})
