import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonValue } from '@bufbuild/protobuf'
import type { ApiConfigSource } from '../generated/protos/envoy/config/core/v3/config_source_pb.js'
import { configSource } from './client.test-support.js'
import { retryBounds } from './source-settings.js'

const service = { envoy_grpc: { cluster_name: 'xds' } }
const sourceOf = (fields: Record<string, JsonValue>): ApiConfigSource =>
  configSource({ api_config_source: { transport_api_version: 'V3', ...fields } }).configSourceSpecifier
    .value as ApiConfigSource

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
