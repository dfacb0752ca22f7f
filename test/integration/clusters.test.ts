// Where clusters get their hosts from, and which host a request goes to.
import { answer, get } from '../support/bytes.js'
import { cluster, http } from '../support/config.js'
import { DnsServer } from '../support/dns-server.js'
import { FakeUpstream } from '../support/fake-upstream.js'
import { feature, type Scene } from '../support/scenario.js'
import { poll } from '../support/wait.js'

let dns: DnsServer | undefined
const server = (): DnsServer => {
  if (dns === undefined) throw new Error('no DNS server')
  return dns
}
const extra: FakeUpstream[] = []
// Two hosts on one port number and two loopback addresses, so that a name can mean either.
const twins = async (): Promise<Record<string, number>> => {
  dns = await DnsServer.start()
  const first = await FakeUpstream.start('one', { host: '127.0.0.2' })
  const second = await FakeUpstream.start('two', { host: '127.0.0.3', port: first.port })
  first.always(answer(200, 'one'))
  second.always(answer(200, 'two'))
  extra.push(first, second)
  dns.set('one.test', { addresses: ['127.0.0.2'] })
  dns.set('both.test', { addresses: ['127.0.0.2', '127.0.0.3'] })
  dns.set('change.test', { addresses: ['127.0.0.2'] })
  dns.set('logical.test', { addresses: ['127.0.0.2'] })
  dns.set('fails.test', 'fail')
  dns.set('ttl.test', { addresses: ['127.0.0.2'], ttl: 1 })
  dns.set('six.test', { addresses: ['::1', '127.0.0.2'] })
  dns.set('gone.test', { addresses: ['127.0.0.2'] })
  return { dns: dns.port, twin: first.port }
}
const stopTwins = async (): Promise<void> => {
  await dns?.stop()
  for (const upstream of extra.splice(0)) await upstream.stop()
}

const resolver = `
typed_dns_resolver_config:
  name: cares
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig
    resolvers: [{socket_address: {address: 127.0.0.1, port_value: "\${dns}"}}]
    dns_resolver_options: {no_default_search_domain: true}
`
const named = (name: string, host: string, type: string, more = ''): ReturnType<typeof cluster> =>
  cluster(
    name,
    [],
    `type: ${type}\ndns_refresh_rate: 0.05s\ndns_lookup_family: V4_ONLY\nload_assignment: {cluster_name: ${name}, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: ${host}, port_value: "\${twin}"}}}}]}]}\n${more}${resolver}`,
  )
const route = (name: string): string => `{match: {path: /${name}}, route: {cluster: ${name}}}`

const ask = async (s: Scene, path: string, times = 1): Promise<string[]> => {
  const client = await s.connect()
  const answers: string[] = []
  for (let index = 1; index <= times; index++) {
    await client.send(get(path))
    const response = await client.response(index)
    answers.push(
      response.startLine.includes('200') ? response.body.toString() : (response.startLine.split(' ')[1] ?? ''),
    )
  }
  client.destroy()
  return answers
}

feature(
  'DNS clusters',
  {
    file: import.meta.url,
    values: twins,
    cleanUp: stopTwins,
    clusters: [
      named('one', 'one.test', 'STRICT_DNS'),
      named('both', 'both.test', 'STRICT_DNS'),
      named('change', 'change.test', 'STRICT_DNS'),
      named('logical', 'logical.test', 'LOGICAL_DNS'),
      named(
        'fails',
        'fails.test',
        'STRICT_DNS',
        'dns_failure_refresh_rate: {base_interval: 0.05s, max_interval: 0.05s}',
      ),
      named('ttl', 'ttl.test', 'STRICT_DNS', 'respect_dns_ttl: true'),
      named('gone', 'gone.test', 'STRICT_DNS'),
      named('literal', '127.0.0.3', 'STRICT_DNS'),
      cluster(
        'auto',
        [],
        `type: STRICT_DNS\ndns_refresh_rate: 60s\ndns_lookup_family: ALL\nload_assignment: {cluster_name: auto, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: six.test, port_value: "\${twin}"}}}}]}]}\n${resolver}`,
      ),
      cluster(
        'extension',
        [],
        `type: null\ncluster_type: {name: dns, typed_config: {"@type": type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster, dns_refresh_rate: 0.05s, dns_lookup_family: V4_ONLY, all_addresses_in_single_endpoint: false, typed_dns_resolver_config: {name: cares, typed_config: {"@type": type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig, resolvers: [{socket_address: {address: 127.0.0.1, port_value: "\${dns}"}}], dns_resolver_options: {no_default_search_domain: true}}}}}\nload_assignment: {cluster_name: extension, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: one.test, port_value: "\${twin}"}}}}]}]}`,
      ),
    ],
    listeners: [
      http('main', {
        routes: `[${['one', 'both', 'change', 'logical', 'fails', 'ttl', 'gone', 'literal', 'auto', 'extension'].map(route).join(', ')}]`,
      }),
    ],
  },
  f => {
    f.scenario(
      'STRICT_DNS with one address',
      {
        sees: `
    one one one
  `,
      },
      async s => {
        s.note((await ask(s, '/one', 3)).join(' '))
      },
    )
    f.scenario(
      'STRICT_DNS with two addresses uses both in turn',
      {
        sees: `
    one one two two
  `,
      },
      async s => {
        s.note((await ask(s, '/both', 4)).sort().join(' '))
      },
    )
    f.scenario(
      'STRICT_DNS follows a change',
      {
        sees: `
    one
    two
    one one two two
  `,
      },
      async s => {
        s.note((await ask(s, '/change')).join(' '))
        server().set('change.test', { addresses: ['127.0.0.3'] })
        s.note(await poll('the new host', async () => ((await ask(s, '/change'))[0] === 'two' ? 'two' : undefined)))
        server().set('change.test', { addresses: ['127.0.0.2', '127.0.0.3'] })
        await s.stat('cluster.change.membership_total', 2)
        s.note((await ask(s, '/change', 4)).sort().join(' '))
      },
    )
    f.scenario(
      'a name that fails keeps the hosts there were',
      {
        sees: `
    one
    one
    503
  `,
      },
      async s => {
        s.note((await ask(s, '/gone')).join(' '))
        server().set('gone.test', 'fail')
        const asked = server().questions.length
        await server().waitFor('more questions', () =>
          server().questions.filter(question => question.endsWith('gone.test')).length > 3 &&
          server().questions.length > asked + 20
            ? true
            : undefined,
        )
        s.note((await ask(s, '/gone')).join(' '))
        server().set('gone.test', 'none')
        await s.stat('cluster.gone.membership_total', 0)
        s.note((await ask(s, '/gone')).join(' '))
      },
    )
    f.scenario(
      'LOGICAL_DNS: the new address is for new connections',
      {
        sees: `
    one
    two
    logical::127.0.0.3:PORT::hostname::logical.test
  `,
      },
      async s => {
        s.note((await ask(s, '/logical')).join(' '))
        server().set('logical.test', { addresses: ['127.0.0.3'] })
        await server().asked(
          'logical.test',
          server().questions.filter(question => question.endsWith('logical.test')).length + 4,
        )
        s.note((await ask(s, '/logical')).join(' '))
        const { body } = await s.proxy.admin('/clusters')
        s.note(
          body
            .split('\n')
            .filter(line => /^logical::.*hostname/.test(line))
            .join('\n')
            .replaceAll(String(s.value('twin')), 'PORT'),
        )
      },
    )
    f.scenario(
      'a name that does not resolve has no hosts',
      {
        sees: `
    503
    membership_total > 0: false
    update_attempt > 0: true
    update_failure > 0: true
    update_success > 0: false
    one
  `,
      },
      async s => {
        s.note((await ask(s, '/fails')).join(' '))
        const stats = await s.proxy.stats()
        for (const name of ['membership_total', 'update_attempt', 'update_failure', 'update_success'])
          s.note(`${name} > 0: ${(stats.get(`cluster.fails.${name}`) ?? 0) > 0}`)
        server().set('fails.test', { addresses: ['127.0.0.2'] })
        await s.stat('cluster.fails.membership_total', 1)
        s.note((await ask(s, '/fails')).join(' '))
      },
    )
    f.scenario(
      'respect_dns_ttl: asked again after the TTL, not after the rate',
      {
        sees: `
    asked few times: true
    one host: true
  `,
      },
      async s => {
        const times = (): number => server().questions.filter(question => question === 'A ttl.test').length
        s.note(`asked few times: ${times() < 8}`)
        const { body } = await s.proxy.admin('/clusters')
        s.note(`one host: ${body.includes('ttl::127.0.0.2:')}`)
      },
    )
    f.scenario(
      'an IP address in STRICT_DNS is asked of nobody',
      {
        sees: `
    two
    asked: false
  `,
      },
      async s => {
        s.note((await ask(s, '/literal')).join(' '))
        s.note(`asked: ${server().questions.some(question => question.includes('127.0.0.3'))}`)
      },
    )
    f.scenario(
      'lookup family ALL asks for both',
      {
        sees: `
    auto::127.0.0.2
    auto::[::1]
  `,
      },
      async s => {
        const { body } = await s.proxy.admin('/clusters')
        const hosts = new Set(
          body
            .split('\n')
            .filter(line => line.startsWith('auto::') && line.includes('::cx_total::'))
            .map(line => line.split('::cx_total')[0]?.replace(/:\d+$/, '')),
        )
        s.note([...hosts].sort().join('\n'))
      },
    )
    f.scenario(
      'the DNS cluster extension',
      {
        sees: `
    one
  `,
      },
      async s => {
        s.note((await ask(s, '/extension')).join(' '))
      },
    )
  },
)

const weighted = (name: string, weights: readonly number[], more: string): ReturnType<typeof cluster> => {
  const endpoints = weights.map(
    (weight, index) =>
      `{load_balancing_weight: ${weight}, endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: "\${${'abc'[index]}}"}}}}`,
  )
  return cluster(
    name,
    [],
    `${more}\nload_assignment: {cluster_name: ${name}, endpoints: [{lb_endpoints: [${endpoints.join(', ')}]}]}`,
  )
}
const CLUSTERS = ['rr', 'rrw', 'random', 'least', 'prio', 'typed', 'leastfull', 'locality']

feature(
  'load balancing',
  {
    file: import.meta.url,
    upstreams: ['a', 'b', 'c'],
    clusters: [
      weighted('rr', [1, 1, 1], 'lb_policy: ROUND_ROBIN'),
      weighted('rrw', [1, 2, 3], 'lb_policy: ROUND_ROBIN'),
      weighted('random', [1, 1, 1], 'lb_policy: RANDOM'),
      weighted('least', [1, 1, 1], 'lb_policy: LEAST_REQUEST'),
      weighted(
        'leastfull',
        [1, 1, 1],
        'load_balancing_policy: {policies: [{typed_extension_config: {name: l, typed_config: {"@type": type.googleapis.com/envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest, selection_method: FULL_SCAN}}}]}',
      ),
      weighted(
        'typed',
        [1, 1, 1],
        'load_balancing_policy: {policies: [{typed_extension_config: {name: u, typed_config: {"@type": type.googleapis.com/xds.type.v3.TypedStruct, type_url: no.such.policy}}}, {typed_extension_config: {name: l, typed_config: {"@type": type.googleapis.com/envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin}}}]}',
      ),
      cluster(
        'prio',
        [],
        'load_assignment: {cluster_name: prio, endpoints: [{priority: 0, lb_endpoints: [{health_status: UNHEALTHY, endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: "${a}"}}}}]}, {priority: 1, lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: "${b}"}}}}]}]}',
      ),
      cluster(
        'locality',
        [],
        'common_lb_config: {locality_weighted_lb_config: {}}\nload_assignment: {cluster_name: locality, endpoints: [{locality: {zone: z1}, load_balancing_weight: 1, lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: "${a}"}}}}]}, {locality: {zone: z2}, load_balancing_weight: 3, lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: "${b}"}}}}]}]}',
      ),
    ],
    listeners: [http('main', { routes: `[${CLUSTERS.map(route).join(', ')}]` })],
  },
  f => {
    const share = async (s: Scene, name: string, times: number): Promise<number[]> => {
      await ask(s, `/${name}`, times)
      return ['a', 'b', 'c'].map(upstream => s.upstream(upstream).requests.length)
    }
    f.scenario(
      'round robin: equal shares',
      {
        sees: `
    10 10 10
  `,
      },
      async s => {
        s.note((await share(s, 'rr', 30)).join(' '))
      },
    )
    f.scenario(
      'round robin by weight',
      {
        sees: `
    10 20 30
  `,
      },
      async s => {
        s.note((await share(s, 'rrw', 60)).join(' '))
      },
    )
    f.scenario(
      'round robin takes turns',
      {
        sees: `
    each run of three has all three: true
  `,
      },
      async s => {
        const order: string[] = []
        for (const name of ['a', 'b', 'c']) {
          s.upstream(name).always(connection => {
            order.push(name)
            void connection.send(answer(200, name))
          })
        }
        await ask(s, '/rr', 9)
        s.note(`each run of three has all three: ${[0, 3, 6].every(at => new Set(order.slice(at, at + 3)).size === 3)}`)
      },
    )
    f.scenario(
      'random: every host within reason',
      {
        sees: `
    each between 60 and 140 of 300: true
  `,
      },
      async s => {
        const counts = await share(s, 'random', 300)
        s.note(`each between 60 and 140 of 300: ${counts.every(count => count > 60 && count < 140)}`)
      },
    )
    f.scenario(
      'least request avoids the busy host',
      {
        sees: `
          the silent host got one at most: true
        `,
      },
      async s => {
        s.upstream('a').always(() => {})
        const taken = (): number => ['a', 'b', 'c'].reduce((sum, name) => sum + s.upstream(name).requests.length, 0)
        for (let index = 1; index <= 20; index++) {
          const silent = s.upstream('a').requests.length
          const client = await s.connect()
          await client.send(get('/leastfull'))
          await poll('the next request', () => taken() === index || undefined)
          if (s.upstream('a').requests.length === silent) await client.response()
        }
        s.note(`the silent host got one at most: ${s.upstream('a').requests.length <= 1}`)
      },
    )
    f.scenario(
      'least request with two choices',
      {
        sees: `
    all used: true
  `,
      },
      async s => {
        const counts = await share(s, 'least', 90)
        s.note(`all used: ${counts.every(count => count > 5)}`)
      },
    )
    f.scenario(
      'the first known policy of a list is used',
      {
        sees: `
    10 10 10
  `,
      },
      async s => {
        s.note((await share(s, 'typed', 30)).join(' '))
      },
    )
    f.scenario(
      'a lower priority takes over',
      {
        sees: `
    0 10 0
  `,
      },
      async s => {
        s.note((await share(s, 'prio', 10)).join(' '))
      },
    )
    f.scenario(
      'locality weights',
      {
        sees: `
    10 30
  `,
      },
      async s => {
        const [a = 0, b = 0] = await share(s, 'locality', 40)
        s.note(`${a} ${b}`)
      },
    )
  },
)
