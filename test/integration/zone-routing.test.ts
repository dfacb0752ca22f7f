// Zone-aware routing: which of a cluster's hosts are asked, by where they are, where this proxy is, and where its like are.
import { answer, get } from '../support/bytes.js'
import { http } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'

const hosts = ['a1', 'b1', 'b2', 'b3', 'c1']

/** A cluster with hosts in the zones that their names begin with. */
function zoned(name: string, members: readonly string[], more: object): Record<string, unknown> {
  const zones = [...new Set(members.map(member => member.charAt(0)))]
  const endpoints = zones.map(zone => ({
    locality: { region: 'r', zone },
    lb_endpoints: members
      .filter(member => member.startsWith(zone))
      .map(member => ({
        endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: `\${${member}}` } } },
      })),
  }))
  return { name, type: 'STATIC', connect_timeout: '1s', load_assignment: { cluster_name: name, endpoints }, ...more }
}
const zones = (config: object): object => ({ common_lb_config: { zone_aware_lb_config: config } })
const typed = (config: object): object => ({
  load_balancing_policy: {
    policies: [
      {
        typed_extension_config: {
          name: 'lb',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin',
            locality_lb_config: { zone_aware_lb_config: config },
          },
        },
      },
    ],
  },
})
const clusters = [
  zoned('fleet', ['a1', 'b1'], {}),
  zoned('even', ['a1', 'b1'], zones({ min_cluster_size: 1 })),
  zoned('unasked', ['a1', 'b1', 'b2', 'b3', 'c1'], {}),
  zoned('small', ['a1', 'b1'], zones({})),
  zoned('few', ['a1', 'b1', 'b2', 'b3'], zones({ min_cluster_size: 1 })),
  zoned('off', ['a1', 'b1'], zones({ min_cluster_size: 1, routing_enabled: { value: 0 } })),
  zoned('elsewhere', ['b1', 'c1'], zones({ min_cluster_size: 1 })),
  zoned('forced', ['a1', 'b1', 'b2', 'b3'], typed({ min_cluster_size: 1, force_local_zone: { min_size: 1 } })),
  zoned('unforced', ['a1', 'b1', 'b2', 'b3'], typed({ min_cluster_size: 1, force_local_zone: { min_size: 2 } })),
  zoned('random', ['a1', 'b1'], { lb_policy: 'RANDOM', ...zones({ min_cluster_size: 1 }) }),
  zoned('least', ['a1', 'b1'], { lb_policy: 'LEAST_REQUEST', ...zones({ min_cluster_size: 1 }) }),
  zoned('one', ['b1', 'b2'], zones({ min_cluster_size: 1 })),
]

/** Which hosts served, the counters that moved, and whether the own zone had so many of a hundred. */
async function served(s: Scene, name: string): Promise<number> {
  for (const host of hosts) s.upstream(host).always(answer(200, host))
  const client = await s.connect()
  const seen = new Map<string, number>()
  for (let index = 1; index <= 100; index++) {
    await client.send(get(`/${name}`))
    const { body } = await client.response(index)
    seen.set(String(body), (seen.get(String(body)) ?? 0) + 1)
  }
  client.destroy()
  s.note([...seen.keys()].sort().join(' '))
  const prefix = `cluster.${name}.lb_`
  for (const [stat, value] of [...(await s.proxy.stats())].sort())
    if (stat.startsWith(`${prefix}zone`) || stat === `${prefix}local_cluster_not_ok`)
      if (value > 0) s.note(`${stat.slice(prefix.length)} is counted`)
  return seen.get('a1') ?? 0
}

feature(
  'zone-aware routing',
  {
    file: import.meta.url,
    upstreams: hosts,
    clusters,
    listeners: [
      http('main', {
        routes: `[${clusters.map(({ name }) => `{match: {path: /${name}}, route: {cluster: ${name}}}`).join(', ')}]`,
      }),
    ],
    more: 'node: {id: x, cluster: y, locality: {region: r, zone: a}}\ncluster_manager: {local_cluster_name: fleet}',
  },
  f => {
    f.scenario(
      'as many hosts as proxies: all requests stay',
      {
        sees: `
      a1
      zone_routing_all_directly is counted
    `,
      },
      async s => {
        await served(s, 'even')
      },
    )
    f.scenario(
      'a small cluster is used as a whole',
      {
        sees: `
      a1 b1
      zone_cluster_too_small is counted
    `,
      },
      async s => {
        await served(s, 'small')
      },
    )
    f.scenario(
      'switched off',
      {
        sees: `
      a1 b1
    `,
      },
      async s => {
        await served(s, 'off')
      },
    )
    f.scenario(
      'nobody in the own zone: to whom has no proxies',
      {
        sees: `
      c1
      zone_routing_cross_zone is counted
    `,
      },
      async s => {
        await served(s, 'elsewhere')
      },
    )
    f.scenario(
      'all stay when they have to',
      {
        sees: `
      a1
      zone_routing_all_directly is counted
    `,
      },
      async s => {
        await served(s, 'forced')
      },
    )
    f.scenario(
      'with RANDOM',
      {
        sees: `
      a1
      zone_routing_all_directly is counted
    `,
      },
      async s => {
        await served(s, 'random')
      },
    )
    f.scenario(
      'with LEAST_REQUEST',
      {
        sees: `
      a1
      zone_routing_all_directly is counted
    `,
      },
      async s => {
        await served(s, 'least')
      },
    )
    f.scenario(
      'in one zone there is nothing to choose',
      {
        sees: `
      b1 b2
    `,
      },
      async s => {
        await served(s, 'one')
      },
    )
    f.scenario(
      'not for the local cluster',
      {
        sees: `
      a1 b1
    `,
      },
      async s => {
        await served(s, 'fleet')
      },
    )
    f.scenario(
      'without being asked for',
      {
        sees: `
      a1 b1 b2 b3 c1
      zone_cluster_too_small is counted
    `,
      },
      async s => {
        await served(s, 'unasked')
      },
    )
    f.scenario(
      'fewer hosts than proxies: a part stays',
      {
        sees: `
      a1 b1 b2 b3
      zone_routing_cross_zone is counted
      zone_routing_sampled is counted
      about half of them stay
    `,
      },
      async s => {
        const own = await served(s, 'few')
        s.note(own > 25 && own < 75 ? 'about half of them stay' : `${own} stay`)
      },
    )
    f.scenario(
      'too few for all to stay',
      {
        sees: `
      a1 b1 b2 b3
      zone_routing_cross_zone is counted
      zone_routing_sampled is counted
      about half of them stay
    `,
      },
      async s => {
        const own = await served(s, 'unforced')
        s.note(own > 25 && own < 75 ? 'about half of them stay' : `${own} stay`)
      },
    )
  },
)
