#!/usr/bin/env node
// CPU time from the bytes of dynamic resources to plans: decoding, the rules of the API, compiling. One thread, no network, no publish.
//
//   node bench/micro/resources.mjs [clusters]        10,000 clusters with 5 endpoints each, and as many routes
//   node --cpu-prof bench/micro/resources.mjs        where it goes
import { toBinary } from '@bufbuild/protobuf'
import { makeExtensionRegistry } from '../../dist/config/extension-registry.js'
import { loadMessage, openTypes } from '../../dist/config/index.js'
import { loadExtensions } from '../../dist/generated/extensions.js'
import * as resources from '../../dist/plan/compile-resource.js'
import { Slots } from '../../dist/plan/ids.js'
import { systemFiles } from '../../dist/support/files.js'

const count = Number(process.argv[2] ?? 10_000)
const types = openTypes()
const messages = {
  cluster: 'envoy.config.cluster.v3.Cluster',
  assignment: 'envoy.config.endpoint.v3.ClusterLoadAssignment',
  routes: 'envoy.config.route.v3.RouteConfiguration',
  bootstrap: 'envoy.config.bootstrap.v3.Bootstrap',
}

function message(typeName, json) {
  const loaded = loadMessage({ types, typeName, yaml: JSON.stringify(json) })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.error[0]))
  return loaded.value.message
}

const encode = (typeName, json) => toBinary(types.message(typeName), message(typeName, json))

const http2 = {
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
    '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
    explicit_http_config: { http2_protocol_options: {} },
  },
}
const ads = { ads: {}, resource_api_version: 'V3' }
const endpoint = (cluster, host) => ({
  endpoint: {
    address: { socket_address: { address: `10.${cluster >> 8}.${cluster & 255}.${host + 1}`, port_value: 8080 } },
  },
  health_status: 'HEALTHY',
  load_balancing_weight: 1,
})

const numbers = Array.from({ length: count }, (_, index) => index)
const clusters = numbers.map(index =>
  encode(messages.cluster, {
    name: `cluster_${index}`,
    type: 'EDS',
    eds_cluster_config: { eds_config: ads },
    connect_timeout: '1s',
    lb_policy: 'LEAST_REQUEST',
    typed_extension_protocol_options: http2,
  }),
)
const assignments = numbers.map(index =>
  encode(messages.assignment, {
    cluster_name: `cluster_${index}`,
    endpoints: [
      { locality: { region: 'r', zone: 'z' }, lb_endpoints: [0, 1, 2, 3, 4].map(host => endpoint(index, host)) },
    ],
  }),
)
const table = encode(messages.routes, {
  name: 'r',
  virtual_hosts: [
    {
      name: 'v',
      domains: ['*'],
      routes: numbers.map(index => ({
        match: { prefix: `/service/${index}/` },
        route: { cluster: `cluster_${index}`, timeout: '5s', retry_policy: { retry_on: '5xx', num_retries: 2 } },
      })),
    },
  ],
})

const grpc = { envoy_grpc: { cluster_name: 'xds' } }
const bootstrap = message(messages.bootstrap, {
  node: { id: 'n', cluster: 'c' },
  static_resources: { clusters: [{ name: 'xds', type: 'STATIC' }] },
  dynamic_resources: { ads_config: { api_type: 'GRPC', transport_api_version: 'V3', grpc_services: [grpc] } },
})

function measured(label, work) {
  const before = process.cpuUsage()
  const answer = work()
  const { user, system } = process.cpuUsage(before)
  total += (user + system) / 1000
  console.log(`${label.padEnd(28)}${((user + system) / 1000).toFixed(0).padStart(7)} ms CPU`)
  return answer
}

const must = answer => {
  if (!answer.ok) throw new Error(resources.reasonOf(answer.error))
  return answer.value
}

let total = 0
const registry = makeExtensionRegistry(await loadExtensions())
const deps = {
  types,
  registry,
  slots: new Slots(),
  files: systemFiles,
  environment: {},
  checkRegex: () => undefined,
  node: { id: 'n', cluster: 'c' },
  scripts: { load: () => undefined, loaded: () => undefined },
  backlog: 128,
}
const environment = resources.openEnvironment(bootstrap, deps)
const decode = (typeName, bytes) => must(resources.decodeResource(typeName, bytes, environment)).message

const clusterMessages = measured('decode and check clusters', () =>
  clusters.map(bytes => decode(messages.cluster, bytes)),
)
const compiled = measured('compile clusters', () =>
  clusterMessages.map(one => must(resources.compileClusterResource(one, environment))),
)
const assignmentMessages = measured('decode and check endpoints', () =>
  assignments.map(bytes => decode(messages.assignment, bytes)),
)
measured('compile endpoints', () =>
  assignmentMessages.map((one, index) =>
    must(resources.compileEndpointsResource(one, compiled[index].references[0].use, environment)),
  ),
)
const routes = measured('decode and check routes', () => decode(messages.routes, table))
measured('compile routes', () =>
  must(resources.compileRouteConfigResource(routes, { slot: 0, source: { key: 'ads' }, name: 'r' }, environment)),
)
console.log(`${'all'.padEnd(28)}${total.toFixed(0).padStart(7)} ms CPU`)
