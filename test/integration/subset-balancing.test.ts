// Subset load balancing: which hosts a route's metadata leads to, and what stands in when none has it.
import { get } from '../support/bytes.js'
import { http, httpFilters, tcp } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'

const labels: Readonly<Record<string, object>> = {
  a: { version: 'v1', stage: 'prod', zones: ['x', 'y'], weight: 1 },
  b: { version: 'v2', stage: 'prod', zones: ['z'], weight: 2 },
  c: { version: 'v2', stage: 'dev', list: ['p'], weight: 2 },
}
const names = Object.keys(labels)

const hosts = names.map(name => ({
  metadata: { filter_metadata: { 'envoy.lb': labels[name] } },
  endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: `\${${name}}` } } },
}))

function cluster(name: string, balancer: object): Record<string, unknown> {
  const load_assignment = { cluster_name: name, endpoints: [{ lb_endpoints: hosts }] }
  return { name, type: 'STATIC', connect_timeout: '1s', load_assignment, ...balancer }
}

const named = (lb_subset_config: object): object => ({ lb_subset_config })
const roundRobin = 'type.googleapis.com/envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin'
const policyOf = (typed_config: object): object => ({
  policies: [{ typed_extension_config: { name: 'lb', typed_config } }],
})
const typed = (options: object): object => ({
  load_balancing_policy: policyOf({
    '@type': 'type.googleapis.com/envoy.extensions.load_balancing_policies.subset.v3.Subset',
    subset_lb_policy: policyOf({ '@type': roundRobin }),
    ...options,
  }),
})
const byVersion = { keys: ['version'] }

const clusters = [
  cluster('none', named({ subset_selectors: [byVersion, { keys: ['version', 'stage'] }, { keys: ['weight'] }] })),
  cluster('any', named({ fallback_policy: 'ANY_ENDPOINT', subset_selectors: [byVersion] })),
  cluster(
    'default',
    named({ fallback_policy: 'DEFAULT_SUBSET', default_subset: { stage: 'dev' }, subset_selectors: [byVersion] }),
  ),
  cluster(
    'panic',
    named({
      fallback_policy: 'DEFAULT_SUBSET',
      default_subset: { stage: 'nowhere' },
      panic_mode_any: true,
      subset_selectors: [byVersion],
    }),
  ),
  cluster(
    'selectors',
    named({
      fallback_policy: 'DEFAULT_SUBSET',
      default_subset: { version: 'v1' },
      subset_selectors: [
        { keys: ['version'], fallback_policy: 'NO_FALLBACK' },
        { keys: ['stage'], fallback_policy: 'ANY_ENDPOINT' },
        { keys: ['version', 'stage'], fallback_policy: 'KEYS_SUBSET', fallback_keys_subset: ['stage'] },
        { keys: ['weight'], fallback_policy: 'DEFAULT_SUBSET' },
      ],
    }),
  ),
  cluster('lists', named({ list_as_any: true, subset_selectors: [{ keys: ['zones'] }] })),
  cluster('whole-lists', named({ subset_selectors: [{ keys: ['zones'] }] })),
  cluster('single', named({ subset_selectors: [{ keys: ['version'], single_host_per_subset: true }] })),
  cluster('fallback-list', named({ metadata_fallback_policy: 'FALLBACK_LIST', subset_selectors: [byVersion] })),
  cluster('typed', typed({ subset_selectors: [byVersion] })),
  cluster('redundant', typed({ allow_redundant_keys: true, subset_selectors: [byVersion] })),
  cluster('hashing', { lb_policy: 'RING_HASH', ...named({ subset_selectors: [byVersion] }) }),
  cluster('without', {}),
]

const match = (criteria: object): string => JSON.stringify({ filter_metadata: { 'envoy.lb': criteria } })

/** Path, cluster, criteria. */
const cases: readonly (readonly [string, string, object | undefined])[] = [
  ['none-v1', 'none', { version: 'v1' }],
  ['none-v2', 'none', { version: 'v2' }],
  ['none-two', 'none', { version: 'v2', stage: 'prod' }],
  ['none-number', 'none', { weight: 2 }],
  ['none-text', 'none', { weight: '2' }],
  ['none-stage', 'none', { stage: 'prod' }],
  ['none-v3', 'none', { version: 'v3' }],
  ['none-all', 'none', undefined],
  ['any-v2', 'any', { version: 'v2' }],
  ['any-v3', 'any', { version: 'v3' }],
  ['any-all', 'any', undefined],
  ['default-v3', 'default', { version: 'v3' }],
  ['default-all', 'default', undefined],
  ['panic-v3', 'panic', { version: 'v3' }],
  ['selectors-version', 'selectors', { version: 'v3' }],
  ['selectors-stage', 'selectors', { stage: 'test' }],
  ['selectors-keys', 'selectors', { version: 'v1', stage: 'dev' }],
  ['selectors-weight', 'selectors', { weight: 7 }],
  ['selectors-other', 'selectors', { other: 'x' }],
  ['lists-x', 'lists', { zones: 'x' }],
  ['lists-z', 'lists', { zones: 'z' }],
  ['lists-whole', 'lists', { zones: ['x', 'y'] }],
  ['whole-lists-x', 'whole-lists', { zones: 'x' }],
  ['whole-lists-whole', 'whole-lists', { zones: ['x', 'y'] }],
  ['single-v1', 'single', { version: 'v1' }],
  ['single-v2', 'single', { version: 'v2' }],
  ['fallback-list-first', 'fallback-list', { fallback_list: [{ version: 'v7' }, { version: 'v1' }] }],
  ['fallback-list-none', 'fallback-list', { version: 'v1', fallback_list: [{ version: 'v7' }] }],
  ['fallback-list-plain', 'fallback-list', { version: 'v1' }],
  ['typed-v1', 'typed', { version: 'v1' }],
  ['typed-v3', 'typed', { version: 'v3' }],
  ['redundant-more', 'redundant', { version: 'v1', other: 'x' }],
  ['redundant-v3', 'redundant', { version: 'v3', other: 'x' }],
  ['hashing-v1', 'hashing', { version: 'v1' }],
  ['without-v1', 'without', { version: 'v1' }],
]

const weighted =
  '{match: {prefix: /weighted}, route: {metadata_match: {filter_metadata: {envoy.lb: {stage: prod}}}, ' +
  'weighted_clusters: {clusters: [{name: none, weight: 1, metadata_match: {filter_metadata: {envoy.lb: {version: v2}}}}]}}}'
const dynamic =
  '{match: {prefix: /dynamic}, route: {cluster: none, metadata_match: {filter_metadata: {envoy.lb: {version: v1, stage: prod}}}}}'
const routes = [
  weighted,
  dynamic,
  ...cases.map(([path, to, criteria]) => {
    const wanted = criteria ? `, metadata_match: ${match(criteria)}` : ''
    return `{match: {path: /${path}}, route: {cluster: ${to}${wanted}}}`
  }),
]

const filters = httpFilters([
  'h',
  'envoy.extensions.filters.http.header_to_metadata.v3.Config',
  'request_rules: [{header: x-version, on_header_present: {metadata_namespace: envoy.lb, key: version, type: STRING}}]',
])

/** Which hosts serve six requests, each named once. */
async function served(s: Scene, path: string, ...headers: string[]): Promise<string> {
  const client = await s.connect()
  const seen = new Set<string>()
  for (let index = 1; index <= 6; index++) {
    await client.send(get(`/${path}`, ...headers))
    const response = await client.response(index)
    seen.add(response.headers.get('x-up') ?? response.startLine)
  }
  client.destroy()
  return [...seen].sort().join(' ')
}

function answering(s: Scene): void {
  for (const name of names) s.upstream(name).always(`HTTP/1.1 200 OK\r\nx-up: ${name}\r\ncontent-length: 0\r\n\r\n`)
}

feature(
  'subsets of hosts',
  {
    file: import.meta.url,
    upstreams: names,
    clusters,
    listeners: [
      http('main', { routes: `[${routes.join(', ')}]`, hcm: `access_log: []\n${filters}` }),
      tcp('tcp', '{cluster: none, metadata_match: {filter_metadata: {envoy.lb: {version: v1}}}}'),
      tcp(
        'tcp-weighted',
        '{metadata_match: {filter_metadata: {envoy.lb: {version: v2}}}, weighted_clusters: {clusters: [{name: none, weight: 1, metadata_match: {filter_metadata: {envoy.lb: {stage: dev}}}}]}}',
      ),
      tcp('tcp-nobody', '{cluster: none, metadata_match: {filter_metadata: {envoy.lb: {version: v9}}}}'),
    ],
  },
  f => {
    f.scenario(
      'by the metadata of a route',
      {
        sees: `
      none-v1: a
      none-v2: b c
      none-two: b
      none-number: b c
      none-text: HTTP/1.1 503 Service Unavailable
      none-stage: HTTP/1.1 503 Service Unavailable
      none-v3: HTTP/1.1 503 Service Unavailable
      none-all: HTTP/1.1 503 Service Unavailable
      any-v2: b c
      any-v3: a b c
      any-all: a b c
      default-v3: c
      default-all: c
      panic-v3: a b c
      selectors-version: HTTP/1.1 503 Service Unavailable
      selectors-stage: a b c
      selectors-keys: c
      selectors-weight: a
      selectors-other: a
      lists-x: a
      lists-z: b
      lists-whole: HTTP/1.1 503 Service Unavailable
      whole-lists-x: HTTP/1.1 503 Service Unavailable
      whole-lists-whole: a
      single-v1: a
      single-v2: b
      fallback-list-first: a
      fallback-list-none: HTTP/1.1 503 Service Unavailable
      fallback-list-plain: a
      typed-v1: a
      typed-v3: HTTP/1.1 503 Service Unavailable
      redundant-more: a
      redundant-v3: HTTP/1.1 503 Service Unavailable
      hashing-v1: a
      without-v1: a b c
    `,
      },
      async s => {
        answering(s)
        for (const [path] of cases) s.note(`${path}: ${await served(s, path)}`)
      },
    )
    f.scenario(
      'by weighted clusters, and by what filters add',
      {
        sees: `
      weighted: b
      dynamic: a
      dynamic v2: b
      dynamic alone: a
    `,
      },
      async s => {
        answering(s)
        s.note(`weighted: ${await served(s, 'weighted')}`)
        s.note(`dynamic: ${await served(s, 'dynamic')}`)
        s.note(`dynamic v2: ${await served(s, 'dynamic', 'x-version: v2')}`)
        s.note(`dynamic alone: ${await served(s, 'none-all', 'x-version: v1')}`)
      },
    )
    f.scenario(
      'of a TCP proxy',
      {
        sees: `
      tcp: a
      tcp: a
      tcp: a
      tcp-weighted: c
      tcp-weighted: c
      tcp-weighted: c
      nobody: closed
    `,
      },
      async s => {
        answering(s)
        for (const listener of ['tcp', 'tcp-weighted']) {
          for (let turn = 0; turn < 3; turn++) {
            const client = await s.connect(listener)
            await client.send(get('/'))
            s.note(`${listener}: ${(await client.response()).headers.get('x-up')}`)
            client.destroy()
          }
        }
        const client = await s.connect('tcp-nobody')
        s.note(`nobody: ${await client.closed()}`)
      },
    )
    f.scenario(
      'what is counted',
      {
        sees: `
      stat: cluster.any.lb_subsets_fallback +6
      stat: cluster.any.lb_subsets_selected +6
      stat: cluster.panic.lb_subsets_fallback_panic +6
      stat: cluster.single.lb_subsets_selected +6
      stat: cluster.typed.lb_subsets_selected +6
    `,
      },
      async s => {
        answering(s)
        await s.statsOf(/lb_subsets_(selected|fallback|fallback_panic)$/, async () => {
          for (const path of ['any-v2', 'any-v3', 'panic-v3', 'single-v2', 'typed-v1', 'none-v3', 'selectors-stage'])
            await served(s, path)
        })
      },
    )
  },
)
