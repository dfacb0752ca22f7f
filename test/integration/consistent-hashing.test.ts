// Ring hash and Maglev: which host a hash leads to, the same as with Envoy; and where the hash comes from.
import { get } from '../support/bytes.js'
import { http, httpFilters, tcp } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'

const names = ['a', 'b', 'c']

/** Three hosts known by keys of their own: ports differ from run to run. */
function hosts(weights: readonly number[]): unknown {
  return names.map((host, index) => ({
    load_balancing_weight: weights[index],
    metadata: { filter_metadata: { 'envoy.lb': { hash_key: `host-${host}.example` } } },
    endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: `\${${host}}` } } },
  }))
}

function cluster(name: string, balancer: object, weights: readonly number[] = [1, 1, 1]): Record<string, unknown> {
  const load_assignment = { cluster_name: name, endpoints: [{ lb_endpoints: hosts(weights) }] }
  return { name, type: 'STATIC', connect_timeout: '1s', load_assignment, ...balancer }
}

const typed = (type: string, options: object = {}): object => {
  const typed_config = { '@type': `type.googleapis.com/envoy.extensions.load_balancing_policies.${type}`, ...options }
  return { load_balancing_policy: { policies: [{ typed_extension_config: { name: 'lb', typed_config } }] } }
}
const ring = (options?: object): object => typed('ring_hash.v3.RingHash', options)
const maglev = (options?: object): object => typed('maglev.v3.Maglev', options)

const clusters = [
  cluster('ring', ring()),
  cluster('ring-murmur', ring({ hash_function: 'MURMUR_HASH_2' })),
  cluster('ring-small', ring({ minimum_ring_size: 7, maximum_ring_size: 11 })),
  cluster('ring-weighted', ring(), [1, 2, 5]),
  cluster('maglev', maglev()),
  cluster('maglev-small', maglev({ table_size: 101 })),
  cluster('maglev-weighted', maglev(), [1, 2, 5]),
  cluster('named-ring', { lb_policy: 'RING_HASH', ring_hash_lb_config: { minimum_ring_size: 50 } }),
  cluster('named-maglev', { lb_policy: 'MAGLEV' }),
]

const policies: Readonly<Record<string, string>> = {
  header: '[{header: {header_name: x-key}}]',
  rewritten: '[{header: {header_name: x-key, regex_rewrite: {pattern: {regex: "^.*-"}, substitution: ""}}}]',
  cookie: '[{cookie: {name: sticky, ttl: 60s, path: /, attributes: [{name: SameSite, value: Lax}]}}]',
  'plain-cookie': '[{cookie: {name: sticky}}]',
  query: '[{query_parameter: {name: key}}]',
  source: '[{connection_properties: {source_ip: true}}]',
  both: '[{header: {header_name: x-key}}, {query_parameter: {name: key}}]',
  terminal: '[{header: {header_name: x-key}, terminal: true}, {query_parameter: {name: key}}]',
  state: '[{filter_state: {key: user}}]',
  'no-state': '[{filter_state: {key: nobody}}, {header: {header_name: x-key}}]',
}

/** The header x-user, as an object of the filter state. */
const stateOfUser = httpFilters([
  'set_filter_state',
  'envoy.extensions.filters.http.set_filter_state.v3.Config',
  'on_request_headers: [{object_key: user, factory_key: envoy.hashable_string, format_string: {text_format_source: {inline_string: "%REQ(x-user)%"}}}]',
])

const route = (prefix: string, cluster: string, policy: string): string =>
  `{match: {prefix: /${prefix}/}, route: {cluster: ${cluster}, hash_policy: ${policy}}}`
const routes = [
  ...clusters.map(({ name }) => route(String(name), String(name), '[{header: {header_name: x-key}}]')),
  ...Object.entries(policies).map(([name, policy]) => route(`by-${name}`, 'ring', policy)),
]

/** Which host serves each request. */
async function served(s: Scene, requests: readonly string[]): Promise<string> {
  for (const name of names) s.upstream(name).always(`HTTP/1.1 200 OK\r\nx-up: ${name}\r\ncontent-length: 0\r\n\r\n`)
  const client = await s.connect()
  let hosts = ''
  for (const [index, request] of requests.entries()) {
    await client.send(request)
    const response = await client.response(index + 1)
    hosts += response.headers.get('x-up') ?? response.startLine
  }
  client.destroy()
  return hosts
}

const many = (path: string): string[] => Array.from({ length: 40 }, (_, key) => get(path, `x-key: user-${key}`))
const times = (count: number, request: string): string[] => new Array<string>(count).fill(request)

feature(
  'hosts by hash',
  {
    file: import.meta.url,
    upstreams: names,
    clusters,
    listeners: [
      http('main', { routes: `[${routes.join(', ')}]`, hcm: `access_log: []\n${stateOfUser}` }),
      tcp('tcp', '{cluster: ring, hash_policy: [{source_ip: {}}]}'),
    ],
  },
  f => {
    f.scenario(
      'the same host for a hash as with Envoy',
      {
        sees: `
      ring: bcccccbccbcabccacaababaacacbbacabbacabbc
      ring-murmur: abbcbbabbbbabcccbaacccccbbcbcbbaccabcbab
      ring-small: ccccbccbabcaccaccacabcccbbbcccacbbcccacc
      ring-weighted: ccccccbcccccaccccaabccaccccbbbcaccccbbbc
      maglev: acacbbbcbcbabcacbbccacbcbbaabbbbcabbcbac
      maglev-small: bacccbaaacabbbbbaccacccbcbcabccababbabba
      maglev-weighted: bcacbbbcccccbcacbbccccbccbcccbcbccbbccac
      named-ring: bccbbbcacacaaccabbabbaabbbaaabcabbabacab
      named-maglev: acacbbbcbcbabcacbbccacbcbbaabbbbcabbcbac
    `,
      },
      async s => {
        for (const { name } of clusters) s.note(`${String(name)}: ${await served(s, many(`/${String(name)}/`))}`)
      },
    )
    f.scenario(
      'an object of the filter state',
      {
        sees: `
      state: bcccccbccbcabccacaababaacacbbacabbacabbc
      none of the name: cccccccccccccccccccccccccccccccccccccccc
    `,
      },
      async s => {
        const users = (path: string): string[] =>
          Array.from({ length: 40 }, (_, key) => get(path, `x-user: user-${key}`, 'x-key: user-7'))
        s.note(`state: ${await served(s, users('/by-state/'))}`)
        s.note(`none of the name: ${await served(s, users('/by-no-state/'))}`)
      },
    )
    f.scenario(
      'the shape of the tables',
      {
        sees: `
      cluster.maglev-small.maglev_lb.max_entries_per_host: 34
      cluster.maglev-small.maglev_lb.min_entries_per_host: 33
      cluster.maglev-weighted.maglev_lb.max_entries_per_host: 40959
      cluster.maglev-weighted.maglev_lb.min_entries_per_host: 8193
      cluster.maglev.maglev_lb.max_entries_per_host: 21846
      cluster.maglev.maglev_lb.min_entries_per_host: 21845
      cluster.named-maglev.maglev_lb.max_entries_per_host: 21846
      cluster.named-maglev.maglev_lb.min_entries_per_host: 21845
      cluster.named-ring.ring_hash_lb.max_hashes_per_host: 17
      cluster.named-ring.ring_hash_lb.min_hashes_per_host: 17
      cluster.named-ring.ring_hash_lb.size: 51
      cluster.ring-murmur.ring_hash_lb.max_hashes_per_host: 342
      cluster.ring-murmur.ring_hash_lb.min_hashes_per_host: 342
      cluster.ring-murmur.ring_hash_lb.size: 1026
      cluster.ring-small.ring_hash_lb.max_hashes_per_host: 3
      cluster.ring-small.ring_hash_lb.min_hashes_per_host: 3
      cluster.ring-small.ring_hash_lb.size: 9
      cluster.ring-weighted.ring_hash_lb.max_hashes_per_host: 640
      cluster.ring-weighted.ring_hash_lb.min_hashes_per_host: 128
      cluster.ring-weighted.ring_hash_lb.size: 1024
      cluster.ring.ring_hash_lb.max_hashes_per_host: 342
      cluster.ring.ring_hash_lb.min_hashes_per_host: 342
      cluster.ring.ring_hash_lb.size: 1026
    `,
      },
      async s => {
        for (const [name, value] of [...(await s.proxy.stats())].sort())
          if (/\.(ring_hash_lb|maglev_lb)\./.test(name)) s.note(`${name}: ${value}`)
      },
    )
    f.scenario(
      'a header, rewritten, and a query parameter',
      {
        sees: `
      header: bcccccbccbcabccacaababaacacbbacabbacabbc
      two values: cc
      rewritten: abaabacbabacbcbacabacabbaaccbcbcbacccaba
      query: baabac
      both: bccbbb
      terminal: cccccc
    `,
      },
      async s => {
        s.note(`header: ${await served(s, many('/by-header/'))}`)
        const two = ['x-key: one', 'x-key: two']
        s.note(
          `two values: ${await served(
            s,
            [two, two.toReversed()].map(lines => get('/by-header/', ...lines)),
          )}`,
        )
        s.note(`rewritten: ${await served(s, many('/by-rewritten/'))}`)
        s.note(
          `query: ${await served(
            s,
            [1, 2, 3, 4, 5, 6].map(key => get(`/by-query/?x=1&key=${key}&y`)),
          )}`,
        )
        s.note(
          `both: ${await served(
            s,
            [1, 2, 3, 4, 5, 6].map(key => get(`/by-both/?key=${key}`, 'x-key: one')),
          )}`,
        )
        s.note(
          `terminal: ${await served(
            s,
            [1, 2, 3, 4, 5, 6].map(key => get(`/by-terminal/?key=${key}`, 'x-key: one')),
          )}`,
        )
      },
    )
    f.scenario(
      'a cookie',
      {
        sees: `
      baabac
    `,
      },
      async s => {
        s.note(
          await served(
            s,
            [1, 2, 3, 4, 5, 6].map(key => get('/by-plain-cookie/', `cookie: a=b; sticky=${key}`)),
          ),
        )
      },
    )
    f.scenario(
      'a cookie is made where there is none',
      {
        sees: `
          sticky="HASH"; Max-Age=60; Path=/; SameSite=Lax; HttpOnly
          the same host afterwards: true
          HTTP/1.1 200 OK
          x-up: HOST
          content-length: 0
          x-envoy-upstream-service-time: MS
          set-cookie: sticky="HASH"; Max-Age=60; Path=/; SameSite=Lax; HttpOnly
          date: DATE
          server: envoy
        `,
      },
      async s => {
        for (const name of names)
          s.upstream(name).always(`HTTP/1.1 200 OK\r\nx-up: ${name}\r\ncontent-length: 0\r\n\r\n`)
        const client = await s.connect()
        await client.send(get('/by-cookie/'))
        const first = await client.response()
        const cookie = first.headers.get('set-cookie') ?? ''
        s.note(cookie.replace(/[0-9a-f]{16}/, 'HASH'))
        const value = /^sticky="([^"]*)"/.exec(cookie)?.[1] ?? ''
        const again = await served(s, times(5, get('/by-cookie/', `cookie: sticky=${value}`)))
        s.note(`the same host afterwards: ${again === (first.headers.get('x-up') ?? '').repeat(5)}`)
        s.note(
          first.head
            .replaceAll('\r', '')
            .replace(/[0-9a-f]{16}/, 'HASH')
            .replace(/x-up: ./, 'x-up: HOST'),
        )
      },
    )
    f.scenario(
      'the address of the client',
      {
        sees: `
      bbbbbb
    `,
      },
      async s => {
        s.note(await served(s, times(6, get('/by-source/'))))
      },
    )
    f.scenario(
      'the address of the client, of a TCP proxy',
      {
        sees: `
          127.0.0.1: b
          127.0.0.2: c
          127.0.0.3: a
          127.0.0.4: a
          127.0.0.5: c
          127.0.0.6: c
          127.0.0.1: b
        `,
      },
      async s => {
        for (const from of [
          '127.0.0.1',
          '127.0.0.2',
          '127.0.0.3',
          '127.0.0.4',
          '127.0.0.5',
          '127.0.0.6',
          '127.0.0.1',
        ]) {
          for (const name of names)
            s.upstream(name).always(`HTTP/1.1 200 OK\r\nx-up: ${name}\r\ncontent-length: 0\r\n\r\n`)
          const client = await s.connect('tcp', from)
          await client.send(get('/'))
          s.note(`${from}: ${(await client.response()).headers.get('x-up')}`)
          client.destroy()
        }
      },
    )
    f.scenario(
      'how full the tables are',
      {
        sees: `
          cluster.ring.ring_hash_lb.max_hashes_per_host: 342
          cluster.ring.ring_hash_lb.min_hashes_per_host: 342
          cluster.ring.ring_hash_lb.size: 1026
          cluster.ring-murmur.ring_hash_lb.max_hashes_per_host: 342
          cluster.ring-murmur.ring_hash_lb.min_hashes_per_host: 342
          cluster.ring-murmur.ring_hash_lb.size: 1026
          cluster.ring-small.ring_hash_lb.max_hashes_per_host: 3
          cluster.ring-small.ring_hash_lb.min_hashes_per_host: 3
          cluster.ring-small.ring_hash_lb.size: 9
          cluster.ring-weighted.ring_hash_lb.max_hashes_per_host: 640
          cluster.ring-weighted.ring_hash_lb.min_hashes_per_host: 128
          cluster.ring-weighted.ring_hash_lb.size: 1024
          cluster.maglev.maglev_lb.max_entries_per_host: 21846
          cluster.maglev.maglev_lb.min_entries_per_host: 21845
          cluster.maglev-small.maglev_lb.max_entries_per_host: 34
          cluster.maglev-small.maglev_lb.min_entries_per_host: 33
          cluster.maglev-weighted.maglev_lb.max_entries_per_host: 40959
          cluster.maglev-weighted.maglev_lb.min_entries_per_host: 8193
          cluster.named-ring.ring_hash_lb.max_hashes_per_host: 17
          cluster.named-ring.ring_hash_lb.min_hashes_per_host: 17
          cluster.named-ring.ring_hash_lb.size: 51
          cluster.named-maglev.maglev_lb.max_entries_per_host: 21846
          cluster.named-maglev.maglev_lb.min_entries_per_host: 21845
        `,
      },
      async s => {
        for (const { name } of clusters)
          s.note((await s.proxy.admin(`/stats?filter=^cluster.${String(name)}.(ring_hash_lb|maglev_lb)`)).body.trim())
      },
    )
  },
)
