import assert from 'node:assert/strict'
import { fromBinary, type DescMessage, toBinary } from '@bufbuild/protobuf'
import { test } from 'node:test'
import { loadBootstrap, loadMessage } from '../config/index.js'
import { loadExtensions } from '../generated/extensions.js'
import { ExtensionConfig_Category, ExtensionConfigSchema, RouteScopesSchema } from '../generated/plan_pb.js'
import type { TypedExtensionConfig } from '../generated/protos/envoy/config/core/v3/extension_pb.js'
import type { ScopedRouteConfiguration } from '../generated/protos/envoy/config/route/v3/scoped_route_pb.js'
import { compileDeps, compilerWith, types } from './compile-fixture.js'
import {
  compileDefaultExtensionConfig,
  compileExtensionConfigResource,
  compileScopedRouteResource,
  decodeResource,
  openEnvironment,
  reasonOf,
  scopesPlan,
} from './compile-resource.js'
import type { ExtensionConfigUse, Reference, ScopedRouteUse } from './reference.js'

const extensions = await loadExtensions()
const compile = compilerWith(extensions)

type Json = Record<string, unknown>

const api = 'type.googleapis.com/envoy.extensions.filters'
const mutation = `${api}.http.header_mutation.v3.HeaderMutation`
const routerUrl = `${api}.http.router.v3.Router`
const proxy = `${api}.network.tcp_proxy.v3.TcpProxy`
const inspector = `${api}.listener.tls_inspector.v3.TlsInspector`
const router = { name: 'router', typed_config: { '@type': routerUrl } }
const source = { path_config_source: { path: process.cwd() } }
const discovered = (more: Json = {}, filter: Json = {}): Json => ({
  name: 'x',
  ...filter,
  config_discovery: { config_source: source, type_urls: [mutation], ...more },
})
const table = (name: string): Json => ({
  name,
  virtual_hosts: [{ name, domains: ['*'], routes: [{ match: { prefix: '/' }, direct_response: { status: 200 } }] }],
})

const manager = (more: Json): Json => ({
  name: 'hcm',
  typed_config: {
    '@type': `${api}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 's',
    http_filters: [router],
    ...more,
  },
})
const listener = (filters: readonly Json[], more: Json = {}): Json => ({
  name: 'l',
  address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
  filter_chains: [{ filters }],
  ...more,
})
const file = (one: Json): string =>
  JSON.stringify({ node: { id: 'n', cluster: 'c' }, static_resources: { listeners: [one] } })
const http = (...filters: Json[]): string =>
  file(listener([manager({ route_config: table('r'), http_filters: filters })]))
const scopes = (list: readonly Json[], extractor: Json = { name: 'x', index: 0 }): string =>
  file(
    listener([
      manager({
        scoped_routes: {
          name: 'set',
          scope_key_builder: { fragments: [{ header_value_extractor: extractor }] },
          scoped_route_configurations_list: { scoped_route_configurations: list },
        },
      }),
    ]),
  )
const scope = (name: string, key: string, more: Json = { route_configuration: table(name) }): Json => ({
  name,
  key: { fragments: [{ string_key: key }] },
  ...more,
})

const byName = { route_configuration_name: 'r' }
const noRds = 'Fetching routes via RDS (route_configuration_name) is not supported with inline scoped routes.'
const onlyDelta = "vhds: only 'DELTA_GRPC' or 'ADS' (which uses Delta xDS) is supported as a config source."
const tcpAtOnce = { type_urls: [proxy], default_config: { '@type': proxy, stat_prefix: 'x', cluster: 'c' } }

// What real Envoy 1.40 says in validate mode about the same configurations; undefined: it takes them.
const said: readonly (readonly [name: string, yaml: string, expected: string | undefined])[] = [
  ['a discovered filter', http(discovered(), router), undefined],
  ['a discovered router', http(discovered()), undefined],
  [
    'a default without waiting, and none given',
    http(discovered({ apply_default_config_without_warming: true }), router),
    'Error: filter config x applied without warming but has no default config.',
  ],
  [
    'a type nobody knows',
    http(discovered({ type_urls: ['type.googleapis.com/envoy.nope.X'] }), router),
    'Error: no factory found for a required type URL envoy.nope.X.',
  ],
  [
    'a filter of another kind',
    http(discovered({ type_urls: [proxy] }), router),
    'Error: no factory found for a required type URL envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.',
  ],
  [
    'a default of another type',
    http(discovered({ default_config: { '@type': routerUrl } }), router),
    'Error: filter config has type URL envoy.extensions.filters.http.router.v3.Router but expect envoy.extensions.filters.http.header_mutation.v3.HeaderMutation.',
  ],
  [
    'a terminal default in front of another filter',
    http(discovered({ type_urls: [routerUrl], default_config: { '@type': routerUrl } }), router),
    'Error: terminal filter named x of type envoy.filters.http.router must be the last filter in a http filter chain.',
  ],
  [
    'a default that cannot end the chain',
    http(discovered({ default_config: { '@type': mutation } })),
    'Error: non-terminal filter named x of type envoy.filters.http.header_mutation is the last filter in a http filter chain.',
  ],
  [
    'the last filter, off',
    http(discovered({}, { disabled: true })),
    'Error: the last (terminal) filter (x) in the chain cannot be disabled by default.',
  ],
  [
    'a terminal network filter in front of another',
    file(listener([discovered(tcpAtOnce), { name: 'e', typed_config: { '@type': `${api}.network.echo.v3.Echo` } }])),
    'Error: terminal filter named x of type envoy.filters.network.tcp_proxy must be the last filter in a network filter chain.',
  ],
  ['scopes', scopes([scope('a', '1'), scope('b', '2')]), undefined],
  ['two scopes with one name', scopes([scope('a', '1'), scope('a', '2')]), undefined],
  ['two scopes with one key', scopes([scope('a', '1'), scope('b', '1')]), undefined],
  ['a scope in place with a table from elsewhere', scopes([scope('a', '1', byName)]), noRds],
  ['a scope with two tables', scopes([scope('a', '1', { ...byName, route_configuration: table('a') })]), noRds],
  [
    'a scope without a table',
    scopes([scope('a', '1', {})]),
    'You must specify a route_configuration with inline scoped routes.',
  ],
  [
    'an element where there is one only',
    scopes([scope('a', '1')], { name: 'x', index: 1 }),
    'Index > 0 for empty string element separator.',
  ],
  ['nothing to extract', scopes([scope('a', '1')], { name: 'x' }), 'HeaderValueExtractor extract_type not set.'],
  [
    'virtual hosts from a file',
    file(listener([manager({ route_config: { ...table('r'), vhds: { config_source: source } } })])),
    onlyDelta,
  ],
  [
    'virtual hosts from a stream that is not there',
    file(listener([manager({ route_config: { ...table('r'), vhds: { config_source: { ads: {} } } } })])),
    'vhds: ADS config source specified but no ADS configured in bootstrap.',
  ],
]

for (const [name, yaml, expected] of said)
  test(`${name} ${expected === undefined ? 'is taken' : 'is refused'}`, () => {
    const { errors } = compile({ yaml })
    const messages = errors?.map(error => error.message.replace(/ \(found .*\)$/, ''))
    assert.deepEqual(messages, expected === undefined ? undefined : [expected])
  })

function environmentOf(yaml: string) {
  const loaded = loadBootstrap({ types, yaml })
  assert.ok(loaded.ok)
  return openEnvironment(loaded.value.bootstrap, compileDeps(extensions))
}

function references(yaml: string): readonly Reference[] {
  const { config, errors } = compile({ yaml })
  assert.ok(config, errors?.map(error => error.message).join() ?? '')
  return config.references
}

function message<M>(typeName: string, json: Json, environment = environmentOf(http(router))): M {
  const loaded = loadMessage({ types, typeName, yaml: JSON.stringify(json) })
  assert.ok(loaded.ok, loaded.ok ? '' : reasonOf(loaded.error))
  const bytes = toBinary(types.message(typeName) as DescMessage, loaded.value.message)
  const decoded = decodeResource(typeName as never, bytes, environment)
  assert.ok(decoded.ok)
  return decoded.value.message as M
}

const extension = (typedConfig: Json): TypedExtensionConfig =>
  message('envoy.config.core.v3.TypedExtensionConfig', { name: 'x', typed_config: typedConfig })

function useOf(yaml: string): ExtensionConfigUse {
  const [reference] = references(yaml)
  assert.equal(reference?.kind, 'extension-config')
  return (reference as Extract<Reference, { kind: 'extension-config' }>).use
}

test('what comes for a discovered filter makes the plan in its slot', () => {
  const use = useOf(http(discovered(), router))
  const made = compileExtensionConfigResource(extension({ '@type': mutation }), use, environmentOf(http(router)))
  assert.ok(made.ok)
  const [plan] = made.value.plans
  assert.equal(plan?.kind, 'extension-config')
  assert.equal(plan?.slot, use.slot)
  const config = fromBinary(ExtensionConfigSchema, plan?.bytes ?? new Uint8Array())
  assert.equal(config.category, ExtensionConfig_Category.HTTP_FILTER)
  assert.equal(config.extension?.type, 'envoy.filters.http.header_mutation')
  assert.equal(config.extension?.name, 'x')
})

test('what comes has the types that are asked for, and can stand where it is to stand', () => {
  const environment = environmentOf(http(router))
  const other = compileExtensionConfigResource(
    extension({ '@type': routerUrl }),
    useOf(http(discovered(), router)),
    environment,
  )
  assert.match(other.ok ? '' : reasonOf(other.error), /filter config has type URL .*Router but expect .*HeaderMutation/)
  const early = useOf(http(discovered({ type_urls: [mutation, routerUrl] }), router))
  const terminal = compileExtensionConfigResource(extension({ '@type': routerUrl }), early, environment)
  assert.match(terminal.ok ? '' : reasonOf(terminal.error), /terminal filter named x .* must be the last filter/)
})

test('a default is compiled when it is wanted, and waits for nothing when told so', () => {
  const atOnce = discovered({ default_config: { '@type': mutation }, apply_default_config_without_warming: true })
  const yaml = http(atOnce, router)
  const [reference] = references(yaml)
  assert.equal(reference?.isRequired, false)
  const use = useOf(yaml)
  const made = compileDefaultExtensionConfig('x', use, environmentOf(yaml))
  assert.ok(made?.ok)
  assert.equal(made.value.plans[0]?.slot, use.slot)
  assert.equal(compileDefaultExtensionConfig('x', useOf(http(discovered(), router)), environmentOf(yaml)), undefined)
})

test('places that say the same share a slot, others have their own', () => {
  const { config } = compile({ yaml: http(discovered(), discovered(), discovered({}, { name: 'y' }), router) })
  assert.equal(new Set(config?.references.map(reference => reference.slot)).size, 2)
})

test('network and listener filters are discovered too', () => {
  const one = listener([discovered({ type_urls: [proxy] })], {
    listener_filters: [discovered({ type_urls: [inspector] }, { name: 'i' })],
  })
  const categories = references(file(one)).map(reference =>
    reference.kind === 'extension-config' ? reference.use.category : reference.kind,
  )
  assert.deepEqual(categories.sort(), ['envoy.filters.listener', 'envoy.filters.network'])
})

const srds = file(
  listener([
    manager({
      scoped_routes: {
        name: 'set',
        scope_key_builder: { fragments: [{ header_value_extractor: { name: 'x', index: 0 } }] },
        rds_config_source: source,
        scoped_rds: { scoped_rds_config_source: source },
      },
    }),
  ]),
)

function scopedUse(): ScopedRouteUse {
  const [reference] = references(srds)
  assert.equal(reference?.kind, 'scoped-route')
  return (reference as Extract<Reference, { kind: 'scoped-route' }>).use
}

test('scopes that come make one plan; each brings its table, or asks for it', () => {
  const use = scopedUse()
  const environment = environmentOf(srds)
  const compiled = [scope('a', '1', byName), scope('b', '2', { ...byName, on_demand: true }), scope('c', '3')].map(
    json => {
      const one: ScopedRouteConfiguration = message('envoy.config.route.v3.ScopedRouteConfiguration', json)
      const made = compileScopedRouteResource(one, use, environment)
      assert.ok(made.ok, made.ok ? '' : reasonOf(made.error))
      return made.value
    },
  )
  assert.deepEqual(
    compiled.map(({ references: all, plans }) => [
      all.map(({ isRequired }) => isRequired),
      plans.map(({ kind }) => kind),
    ]),
    [
      [[true], []],
      [[false], []],
      [[], ['route-table']],
    ],
  )
  const plan = scopesPlan(
    compiled.flatMap(resource => resource.scope ?? []),
    use,
  )
  assert.ok(plan.ok)
  assert.equal(plan.value.slot, use.slot)
  const { scopes: planned } = fromBinary(RouteScopesSchema, plan.value.bytes)
  assert.deepEqual(
    planned.map(one => [one.name, one.key, one.onDemand]),
    [
      ['a', ['1'], false],
      ['b', ['2'], true],
      ['c', ['3'], false],
    ],
  )
  assert.equal(planned[0]?.routeTableSlot, planned[1]?.routeTableSlot)
})

test('of scopes that come, each has a name and a key of its own', () => {
  const use = scopedUse()
  const one = { name: 'a', key: ['1'], routeTableSlot: 0, isOnDemand: false }
  const named = scopesPlan([one, { ...one, key: ['2'] }], use)
  assert.equal(named.ok ? '' : named.error, "duplicate scoped route configuration 'a' found")
  const keyed = scopesPlan([one, { ...one, name: 'b' }], use)
  assert.equal(keyed.ok ? '' : keyed.error, "scope key conflict found, first scope is 'a', second scope is 'b'")
})

test('a scope that says nothing of its routes is refused', () => {
  const one: ScopedRouteConfiguration = message('envoy.config.route.v3.ScopedRouteConfiguration', scope('a', '1', {}))
  const made = compileScopedRouteResource(one, scopedUse(), environmentOf(srds))
  assert.equal(made.ok ? '' : reasonOf(made.error), 'route_configuration_name is empty.')
})
