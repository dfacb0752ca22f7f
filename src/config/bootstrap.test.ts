import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { type DescMessage, toBinary } from '@bufbuild/protobuf'
import type { HttpConnectionManager } from '../generated/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import type { TcpProxy } from '../generated/protos/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js'
import { isMessage, type LoadedBootstrap, loadBootstrap, openTypes, printConfigError } from './index.js'

const types = openTypes()
const folder = mkdtempSync(path.join(tmpdir(), 'nuncio-config-'))
after(() => rmSync(folder, { recursive: true }))

function write(name: string, content: string | Uint8Array): string {
  const file = path.join(folder, name)
  writeFileSync(file, content)
  return file
}

function load(
  text: string,
  extension = 'yaml',
  more: { yaml?: string; allowUnknownFields?: boolean } = {},
): LoadedBootstrap {
  const loaded = loadBootstrap({ types, path: write(`good.${extension}`, text), ...more })
  assert(loaded.ok, loaded.ok ? '' : JSON.stringify(loaded.error))
  return loaded.value
}

function errors(text: string | Uint8Array, extension = 'yaml', yaml?: string): string[] {
  const loaded = loadBootstrap({ types, path: write(`bad.${extension}`, text), ...(yaml !== undefined && { yaml }) })
  assert(!loaded.ok, 'it loaded')
  return loaded.error.map(error => printConfigError(error).replace(`${folder}/`, ''))
}

const listener = (filter: string) => `
static_resources:
  listeners:
  - name: one
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: x
        typed_config:
          ${filter.replaceAll('\n', '\n          ')}
`

test('an unknown field names line, column, path, value and the nearest name', () => {
  assert.deepEqual(errors('admin:\n  address:\n    socket_address:\n      address: 127.0.0.1\n      port: 80\n'), [
    'bad.yaml:5:7: error: admin.address.socket_address.port: unknown field "port" of envoy.config.core.v3.SocketAddress (found 80); did you mean "port_value"?',
  ])
})

test('all errors are reported at once, in the order of the file', () => {
  const text = `
node: {id: 5}
stats_flush_interval: 400s
static_resources:
  clusters:
  - {name: "", lb_policy: ROUNDROBIN}
`
  assert.deepEqual(errors(text), [
    'bad.yaml:2:12: error: node.id: expected a string; put it in quotes (found 5)',
    'bad.yaml:3:23: error: stats_flush_interval: must be at least 0.001s and less than 300s (found 400s)',
    'bad.yaml:6:12: error: static_resources.clusters[0].name: must not be empty (found "")',
    'bad.yaml:6:27: error: static_resources.clusters[0].lb_policy: no value of envoy.config.cluster.v3.Cluster.LbPolicy (found "ROUNDROBIN"); did you mean "ROUND_ROBIN"?',
  ])
})

test('removed v2 fields and types name their successors', () => {
  const [hosts] = errors('static_resources:\n  clusters:\n  - name: a\n    hosts: []\n')
  assert.match(
    hosts ?? '',
    /^bad\.yaml:4:5: error: static_resources\.clusters\[0\]\.hosts: removed field "hosts".*use load_assignment/,
  )
  const [config] = errors(
    listener(
      '"@type": type.googleapis.com/envoy.config.filter.network.http_connection_manager.v2.HttpConnectionManager',
    ),
  )
  assert.match(
    config ?? '',
    /removed v2 API .*use "type\.googleapis\.com\/envoy\.extensions\.filters\.network\.http_connection_manager\.v3\.HttpConnectionManager"/,
  )
})

test('payloads of Any are decoded, checked and handed out', () => {
  const hcm =
    '"@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'
  assert.match(
    errors(listener(`${hcm}\nroute_config: {}`)).join('\n'),
    /filters\[0\]\.typed_config\.stat_prefix: must not be empty/,
  )
  const { bootstrap, sources } = load(listener(`${hcm}\nstat_prefix: a\nroute_config: {}`))
  const filter = bootstrap.staticResources?.listeners[0]?.filterChains[0]?.filters[0]
  assert(filter?.configType.case === 'typedConfig')
  const unpacked = types.unpackAny(filter.configType.value)
  assert(unpacked.ok)
  const { message } = unpacked.value
  const name = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'
  assert(isMessage<HttpConnectionManager>(message, name))
  assert.equal(message.statPrefix, 'a')
  assert.equal(sources.pathOf(message), 'static_resources.listeners[0].filter_chains[0].filters[0].typed_config')
  assert.equal(sources.locate(`${sources.pathOf(message)}.stat_prefix`)?.line, 11)
})

test('a TypedStruct becomes the type it names', () => {
  const struct = `"@type": type.googleapis.com/xds.type.v3.TypedStruct
type_url: type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
value: `
  const { bootstrap } = load(listener(`${struct}{stat_prefix: a, cluster: b}`))
  const any = bootstrap.staticResources?.listeners[0]?.filterChains[0]?.filters[0]?.configType
  assert(any?.case === 'typedConfig')
  const unpacked = types.unpackAny(any.value)
  assert(
    unpacked.ok &&
      isMessage<TcpProxy>(unpacked.value.message, 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy'),
  )
  assert.equal(unpacked.value.message.clusterSpecifier.value, 'b')
  assert.match(
    errors(listener(`${struct}{stat_prefix: a, clustr: b}`)).join('\n'),
    /:\d+: error: .*typed_config\.value\.clustr: .*did you mean "cluster"/,
  )
})

test('names, enums, durations, wrappers and single values in all their forms', () => {
  const { bootstrap } = load(`
statsFlushInterval: 1.5s
static_resources:
  clusters:
    name: a
    connect_timeout: {seconds: 2}
    lbPolicy: least_request
    per_connection_buffer_limit_bytes: {value: 5}
    load_assignment: {cluster_name: a, endpoints: {priority: "1"}}
    metadata: {filter_metadata: {"a.b": {c: [1, yes]}}}
`)
  const cluster = bootstrap.staticResources?.clusters[0]
  assert.deepEqual([cluster?.lbPolicy, cluster?.perConnectionBufferLimitBytes], [1, 5])
  assert.deepEqual(
    [bootstrap.statsFlushInterval?.seconds, bootstrap.statsFlushInterval?.nanos, cluster?.connectTimeout?.seconds],
    [1n, 500_000_000, 2n],
  )
  assert.equal(cluster?.loadAssignment?.endpoints[0]?.priority, 1)
  assert.deepEqual(JSON.stringify(cluster?.metadata?.filterMetadata), '{"a.b":{"c":[1,true]}}')
})

test('JSON, binary and text protobuf say the same as YAML', () => {
  const yaml = load(
    'node: {id: a, metadata: {x: 1}}\nstats_flush_interval: 5s\nbootstrap_extensions: {name: ext, typed_config: {"@type": type.googleapis.com/envoy.config.core.v3.Node, id: q}}\n',
  ).bootstrap
  const bytes = (bootstrap: typeof yaml) =>
    Buffer.from(toBinary(types.message('envoy.config.bootstrap.v3.Bootstrap') as DescMessage, bootstrap)).toString(
      'hex',
    )
  const any = '"typedConfig": {"@type": "type.googleapis.com/envoy.config.core.v3.Node", "id": "q"}'
  const json = `{"node": {"id": "a", "metadata": {"x": 1}}, "stats_flush_interval": "5s", "bootstrapExtensions": [{"name": "ext", ${any}}],}`
  const text = `node { id: "a" metadata { fields { key: "x" value { number_value: 1 } } } } # comment
stats_flush_interval { seconds: 5 }
bootstrap_extensions < name: 'ext' typed_config { [type.googleapis.com/envoy.config.core.v3.Node] { id: "q" } } >`
  assert.equal(bytes(load(json, 'json').bootstrap), bytes(yaml))
  assert.equal(bytes(load(json, 'unknown').bootstrap), bytes(yaml))
  assert.equal(bytes(load(text, 'pb_text').bootstrap), bytes(yaml))
  const binary = loadBootstrap({ types, path: write('x.pb', Buffer.from(bytes(yaml), 'hex')) })
  assert(binary.ok)
  assert.equal(bytes(binary.value.bootstrap), bytes(yaml))
})

test('errors in JSON and text protobuf have positions too', () => {
  assert.deepEqual(errors('{\n "node": {"idd": 1}}', 'json'), [
    'bad.json:2:11: error: node.idd: unknown field "idd" of envoy.config.core.v3.Node (found 1); did you mean "id"?',
  ])
  assert.match(errors('{"a" 1}', 'json')[0] ?? '', /^bad\.json:1:6: error: expected ":"/)
  assert.match(
    errors('node {\n  idd: "x"\n}', 'pb_text')[0] ?? '',
    /^bad\.pb_text:2:3: error: node\.idd: unknown field "idd"/,
  )
  assert.match(
    errors('node {\n  id: 5\n}', 'pb_text')[0] ?? '',
    /^bad\.pb_text:2:7: error: expected a string in quotes/,
  )
  assert.match(errors(Buffer.from('0a', 'hex'), 'pb')[0] ?? '', /^bad\.pb: error: not a binary/)
})

test('--config-yaml is merged over the file as protobuf merges', () => {
  const file =
    'node: {id: a, cluster: c}\nadmin: {address: {pipe: {path: p}}}\nstatic_resources: {clusters: [{name: one}]}\n'
  const { bootstrap } = load(file, 'yaml', {
    yaml: 'node: {id: b}\nadmin: {address: {socket_address: {address: x, port_value: 1}}}\nstatic_resources: {clusters: [{name: two}]}',
  })
  assert.deepEqual(
    [bootstrap.node?.id, bootstrap.node?.cluster, bootstrap.admin?.address?.address.case],
    ['b', 'c', 'socketAddress'],
  )
  assert.deepEqual(
    bootstrap.staticResources?.clusters.map(cluster => cluster.name),
    ['one', 'two'],
  )
  assert.deepEqual(errors(file, 'yaml', 'static_resources:\n  clusters:\n  - {name: two, connect_timeout: 0s}'), [
    '--config-yaml:3:34: error: static_resources.clusters[1].connect_timeout: must be greater than 0s (found 0s)',
  ])
})

test('allowed unknown fields and deprecated ones are warnings', () => {
  const { warnings } = load('nodde: {}\nuse_tcp_for_dns_lookups: true\n', 'yaml', { allowUnknownFields: true })
  assert.deepEqual(
    warnings.map(({ code, path: where, line }) => [code, where, line]),
    [
      ['unknown-field', 'nodde', 1],
      ['deprecated-field', 'use_tcp_for_dns_lookups', 2],
    ],
  )
})

test('what cannot be read', () => {
  const none = loadBootstrap({ types })
  assert(!none.ok && none.error[0]?.code === 'file')
  const missing = loadBootstrap({ types, path: '/nonexistent/x.yaml' })
  assert(!missing.ok && printConfigError(missing.error[0] as never) === '/nonexistent/x.yaml: error: no such file')
  assert.match(errors('')[0] ?? '', /holds no fields/)
  assert.equal(load('{}').warnings.length, 0)
})

test('what is nested without end, or stands for more than it is, is refused in every format', () => {
  const tooDeep = 'nested more than 100 levels deep'
  const deepJson = `{"node": {"metadata": ${'{"a":'.repeat(5000)}1${'}'.repeat(5002)}`
  assert.deepEqual(errors(deepJson, 'json'), [`bad.json: error: ${tooDeep}`])
  assert.deepEqual(errors('node: &x {metadata: {b: *x}}'), [`bad.yaml: error: ${tooDeep}`])
  assert.deepEqual(errors('node {'.repeat(200), 'pb_text'), [`bad.pb_text:1:601: error: ${tooDeep}`])
  const lines = [...'bcdefgh'].map((name, at) => `${name}: &${name} [${Array(9).fill(`*${'abcdefg'[at]}`).join(', ')}]`)
  const bomb = `a: &a [${Array(9).fill('x').join(', ')}]\n${lines.join('\n')}\n`
  assert.deepEqual(errors(bomb), ['bad.yaml: error: more than 5000000 values, aliases written out'])
})

test('text protobuf: no text brings the parser down', () => {
  assert.deepEqual(errors('\0', 'pb_text'), ['bad.pb_text:1:1: error: unexpected character'])
  assert.deepEqual(errors('node {id: "\\U00110000"}', 'pb_text'), ['bad.pb_text:1:11: error: no such character'])
  assert.match(errors('constructor: 1', 'pb_text')[0] ?? '', /unknown field "constructor"/)
})
