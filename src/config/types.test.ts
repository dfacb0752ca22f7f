import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { AnySchema } from '@bufbuild/protobuf/wkt'
import type { Cluster } from '../generated/protos/envoy/config/cluster/v3/cluster_pb.js'
import { Descriptors } from './descriptors.js'
import { openTypes } from './index.js'

const types = openTypes()

test('every type of the index can be loaded', () => {
  const descriptors = new Descriptors()
  for (const name of descriptors.typeNames()) assert(descriptors.get(name), name)
})

test('nested types are found, others are not', () => {
  const cluster = types.message('envoy.config.cluster.v3.Cluster.CommonLbConfig.LocalityWeightedLbConfig')
  assert.equal(cluster?.name, 'LocalityWeightedLbConfig')
  assert.equal(types.message('envoy.config.cluster.v3.Nothing'), undefined)
  assert.equal(types.message('constructor'), undefined)
})

test('fields that came after the npm package, with their numbers', () => {
  const number = (type: string, field: string) => types.message(type)?.fields.find(one => one.name === field)?.number
  assert.equal(number('envoy.config.route.v3.RouteAction', 'path_rewrite'), 45)
  assert.equal(number('envoy.config.route.v3.RouteMatch', 'cookies'), 17)
  assert.equal(number('envoy.config.listener.v3.FilterChain', 'on_demand_configuration'), undefined)
  assert.equal(number('envoy.extensions.filters.network.kafka_broker.v3.KafkaBroker', 'stat_prefix'), 1)
})

test('an Any made from bytes is decoded; an unknown one is named', () => {
  const cluster = types.create<Cluster>('envoy.config.cluster.v3.Cluster', { name: 'a' })
  const packed = types.packAny('type.googleapis.com/envoy.config.cluster.v3.Cluster', cluster)
  const unpacked = types.unpackAny(create(AnySchema, packed))
  assert(unpacked.ok)
  assert.equal((unpacked.value.message as Cluster).name, 'a')
  const unknown = types.unpackAny(create(AnySchema, { typeUrl: 'type.googleapis.com/envoy.config.cluster.v3.Clustr' }))
  assert(!unknown.ok)
  assert.equal(unknown.error.suggestion, 'did you mean "type.googleapis.com/envoy.config.cluster.v3.Cluster"?')
})
