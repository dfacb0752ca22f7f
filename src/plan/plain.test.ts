import assert from 'node:assert/strict'
import { type DescMessage, toBinary } from '@bufbuild/protobuf'
import { test } from 'node:test'
import { loadMessage } from '../config/index.js'
import { loadExtensions } from '../generated/extensions.js'
import type { Bootstrap } from '../generated/protos/envoy/config/bootstrap/v3/bootstrap_pb.js'
import type { Cluster } from '../generated/protos/envoy/config/cluster/v3/cluster_pb.js'
import type { ClusterLoadAssignment } from '../generated/protos/envoy/config/endpoint/v3/endpoint_pb.js'
import { compileDeps, types } from './compile-fixture.js'
import {
  compileClusterResource,
  type CompiledResource,
  compileEndpointsResource,
  decodeResource,
  openEnvironment,
  type ResourceEnvironment,
} from './compile-resource.js'
import { plainAssignment, plainEndpoints } from './plain-assignment.js'
import { PlainClusters } from './plain-clusters.js'

// What is compiled straight from bytes is what the messages of the same bytes are compiled to, whatever the bytes.

const extensions = await loadExtensions()
const kCluster = 'envoy.config.cluster.v3.Cluster'
const kAssignment = 'envoy.config.endpoint.v3.ClusterLoadAssignment'

type Json = Record<string, unknown>

function bytesOf(typeName: string, json: Json): Uint8Array {
  const loaded = loadMessage({ types, typeName, yaml: JSON.stringify(json) })
  assert.ok(loaded.ok, JSON.stringify(json))
  return toBinary(types.message(typeName) as DescMessage, loaded.value.message)
}

function environment(runtime: ReadonlyMap<string, string> = new Map()): ResourceEnvironment {
  const adsConfig = { api_type: 'GRPC', grpc_services: [{ envoy_grpc: { cluster_name: 'x' } }] }
  const bootstrap = { node: { id: 'n', cluster: 'c' }, dynamic_resources: { ads_config: adsConfig } }
  const typeName = 'envoy.config.bootstrap.v3.Bootstrap'
  const loaded = loadMessage({ types, typeName, yaml: JSON.stringify(bootstrap) })
  assert.ok(loaded.ok)
  return openEnvironment(loaded.value.message as Bootstrap, compileDeps(extensions), { runtime })
}

/** Repeatable numbers from 0 to `below`. */
function dice(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** Bytes with some changed, cut out or doubled. */
function* damaged(bytes: Uint8Array, count: number): Generator<Uint8Array> {
  const roll = dice(bytes.length)
  for (let i = 0; i < count; i++) {
    const copy = [...bytes]
    for (let change = roll(3); change >= 0; change--) {
      const at = roll(copy.length)
      const kind = roll(4)
      if (kind === 0) copy.splice(at, 1)
      else if (kind === 1) copy.splice(at, 0, roll(256))
      else copy[at] = kind === 2 ? roll(256) : (copy[at] ?? 0) ^ (1 << roll(8))
    }
    yield Uint8Array.from(copy)
  }
}

const host = (ip = '10.0.0.1', port = 80, more: Json = {}): Json => ({
  endpoint: { address: { socket_address: { address: ip, port_value: port } } },
  ...more,
})
const assignment = (endpoints: unknown[], more: Json = {}): Json => ({ cluster_name: 'c', endpoints, ...more })

const plainOnes: readonly Json[] = [
  assignment([]),
  assignment([{}]),
  assignment([{ lb_endpoints: [host(), host('::1', 65535), host('255.1.2.3', 0)] }]),
  assignment([{ lb_endpoints: [host('10.0.0.1', 80, { health_status: 'DRAINING', load_balancing_weight: 7 })] }]),
  assignment([
    { locality: { region: 'r', zone: 'z', sub_zone: 's' }, lb_endpoints: [host()], load_balancing_weight: 3 },
    { locality: { zone: 'y' }, priority: 1, lb_endpoints: [host('10.0.0.2')] },
  ]),
  assignment([
    {
      lb_endpoints: [
        { endpoint: { hostname: 'h', address: { socket_address: { address: '1.2.3.4', port_value: 1 } } } },
      ],
    },
  ]),
]

const others: readonly Json[] = [
  assignment([
    { lb_endpoints: [host('10.0.0.1', 80, { metadata: { filter_metadata: { 'envoy.lb': { canary: true } } } })] },
  ]),
  assignment([], { policy: { overprovisioning_factor: 200 } }),
  assignment([{ proximity: 1 }]),
  assignment([{ lb_endpoints: [{ endpoint: { address: { pipe: { path: '/tmp/x' } } } }] }]),
  assignment([{ locality: { region: 'é' } }]),
]

function wholeAssignment(bytes: Uint8Array, at: ResourceEnvironment): CompiledResource | undefined {
  const decoded = decodeResource<ClusterLoadAssignment>(kAssignment, bytes, at)
  if (!decoded.ok || decoded.value.unknownFields.length + decoded.value.deprecatedFields > 0) return undefined
  const compiled = compileEndpointsResource(decoded.value.message, use, at)
  return compiled.ok && compiled.value.warnings.length === 0 ? compiled.value : undefined
}

const use = { cluster: 'c', slot: 3, transportSocketMatches: [], isChecked: false }

test('an assignment of the common form is compiled from its bytes to the plan that its message makes', () => {
  const at = environment()
  for (const json of plainOnes) {
    const bytes = bytesOf(kAssignment, json)
    const localities = plainAssignment(bytes)
    assert.ok(localities !== undefined, JSON.stringify(json))
    assert.deepEqual(plainEndpoints(localities, use), wholeAssignment(bytes, at)?.plans[0])
  }
})

test('an assignment that says more is left to its message', () => {
  for (const json of others) assert.equal(plainAssignment(bytesOf(kAssignment, json)), undefined, JSON.stringify(json))
})

test('damaged bytes are no assignment of the common form unless they are one', () => {
  const at = environment()
  let plain = 0
  for (const json of [...plainOnes, ...others]) {
    for (const bytes of damaged(bytesOf(kAssignment, json), 400)) {
      const localities = plainAssignment(bytes)
      if (localities === undefined) continue
      plain++
      assert.deepEqual(
        plainEndpoints(localities, use),
        wholeAssignment(bytes, at)?.plans[0],
        Buffer.from(bytes).toString('hex'),
      )
    }
  }
  assert.ok(plain > 50, `${plain} were`)
})

const ads = { ads: {}, resource_api_version: 'V3' }
const eds = (more: Json = {}): Json => ({ type: 'EDS', eds_cluster_config: { eds_config: ads }, ...more })
const tcpCheck = { timeout: '1s', interval: '1s', unhealthy_threshold: 1, healthy_threshold: 1, tcp_health_check: {} }
const forms: readonly Json[] = [
  eds(),
  eds({ connect_timeout: '1s', lb_policy: 'LEAST_REQUEST' }),
  eds({ circuit_breakers: { thresholds: [{ max_connections: 5, track_remaining: true }] } }),
  eds({ per_connection_buffer_limit_bytes: 1000, metadata: { filter_metadata: { a: { b: 1 } } } }),
]

function wholeCluster(
  bytes: Uint8Array,
  at: ResourceEnvironment,
): { message: Cluster; compiled: CompiledResource } | undefined {
  const decoded = decodeResource<Cluster>(kCluster, bytes, at)
  if (!decoded.ok || decoded.value.unknownFields.length + decoded.value.deprecatedFields > 0) return undefined
  const { message } = decoded.value
  const compiled = compileClusterResource(message, at)
  return compiled.ok ? { message, compiled: compiled.value } : undefined
}

/** Knows the forms of these. */
function taught(names: readonly string[], ofForms: readonly Json[], at: ResourceEnvironment): PlainClusters {
  const clusters = new PlainClusters()
  for (const form of ofForms) {
    for (const name of names) {
      const bytes = bytesOf(kCluster, { name, ...form })
      const whole = wholeCluster(bytes, at)
      assert.ok(whole)
      clusters.learn(bytes, whole.message, whole.compiled, at)
    }
  }
  return clusters
}

test('a cluster of a form that two had is compiled from its bytes to what its message makes', () => {
  const at = environment()
  const clusters = taught(['a', 'other'], forms, at)
  for (const form of forms) {
    for (const name of ['b', 'outbound|80||host.example', 'n'.repeat(200), 'a']) {
      const bytes = bytesOf(kCluster, { name, ...form })
      assert.ok(clusters.isKnown(bytes, at))
      const whole = wholeCluster(bytes, at)
      assert.deepEqual(clusters.compile(bytes, at)?.compiled, whole?.compiled)
      assert.equal(clusters.compile(bytes, at)?.described.altStatName, whole?.message.altStatName)
    }
  }
})

test('a cluster is left to its message when its form is not known, or more than its plan hangs on its name', () => {
  const at = environment()
  const isKnown = (clusters: PlainClusters, json: Json, where = at): boolean =>
    clusters.isKnown(bytesOf(kCluster, json), where)
  const one = { name: 'c', ...eds() }
  assert.ok(isKnown(taught(['a', 'b'], [eds()], at), one))
  assert.ok(!isKnown(taught(['a'], [eds()], at), one), 'one is no proof')
  assert.ok(!isKnown(taught(['a', 'a'], [eds()], at), one), 'nor is the same once more')
  assert.ok(!isKnown(taught(['a', 'b'], [eds()], at), { ...one, connect_timeout: '2s' }), 'another form')
  assert.ok(!isKnown(taught(['a', 'b'], [eds()], at), { ...one, name: 'c:80' }), 'another name in statistics')
  const called = { ...eds(), alt_stat_name: 's' }
  assert.ok(!isKnown(taught(['a', 'b'], [called], at), { ...called, name: 'c' }))
  const service = eds({ eds_cluster_config: { eds_config: ads, service_name: 's' } })
  assert.ok(!isKnown(taught(['a', 'b'], [service], at), { ...service, name: 'c' }))
  const fixed = { type: 'STATIC', load_assignment: assignment([{ lb_endpoints: [host()] }]) }
  assert.ok(!isKnown(taught(['a', 'b'], [fixed], at), { ...fixed, name: 'c' }))
  const checked = eds({ health_checks: [tcpCheck] })
  assert.ok(!isKnown(taught(['a', 'b'], [checked], at), { ...checked, name: 'c' }), 'members that are checked')
  const clusters = taught(['a', 'b'], [eds()], at)
  assert.ok(!isKnown(clusters, one, environment()), 'compiled with something else')
  const limited = environment(new Map([['circuit_breakers.c.default.max_requests', '7']]))
  assert.ok(!isKnown(taught(['a', 'b'], [eds()], limited), one, limited), 'limits by name')
})

test('damaged bytes are no cluster of a known form unless they are one', () => {
  const at = environment()
  const clusters = taught(['a', 'other'], forms, at)
  let known = 0
  for (const form of forms) {
    for (const bytes of damaged(bytesOf(kCluster, { name: 'cluster', ...form }), 400)) {
      const plain = clusters.compile(bytes, at)
      if (plain === undefined) continue
      known++
      assert.deepEqual(plain.compiled, wholeCluster(bytes, at)?.compiled, Buffer.from(bytes).toString('hex'))
    }
  }
  assert.ok(known > 50, `${known} were`)
})
