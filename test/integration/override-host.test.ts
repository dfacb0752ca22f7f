// The override_host policy: a request names the hosts it wants.
import { answer, get } from '../support/bytes.js'
import { http } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'

const hosts = ['one', 'two', 'three']
const policy = (type: string, config: object): object => ({
  policies: [
    {
      typed_extension_config: {
        name: 'lb',
        typed_config: { '@type': `type.googleapis.com/envoy.extensions.load_balancing_policies.${type}`, ...config },
      },
    },
  ],
})
const cluster = {
  name: 'up',
  type: 'STATIC',
  connect_timeout: '1s',
  load_assignment: {
    cluster_name: 'up',
    endpoints: [
      {
        lb_endpoints: hosts.map(host => ({
          endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: `\${${host}}` } } },
          ...(host === 'three' && { load_balancing_weight: 1, health_status: 'HEALTHY' }),
        })),
      },
    ],
  },
  load_balancing_policy: policy('override_host.v3.OverrideHost', {
    override_host_sources: [{ header: 'x-to' }, { header: 'x-else' }],
    fallback_policy: policy('round_robin.v3.RoundRobin', {}),
  }),
}

/** Who serves each of some requests with these headers. */
async function served(s: Scene, ...lines: readonly string[]): Promise<void> {
  for (const host of hosts) s.upstream(host).always(answer(200, host))
  const client = await s.connect()
  const seen = new Set<string>()
  for (let index = 1; index <= 6; index++) {
    await client.send(get('/', ...lines))
    seen.add(String((await client.response(index)).body))
  }
  client.destroy()
  s.note([...seen].sort().join(' '))
}
const at = (s: Scene, host: string): string => `127.0.0.1:${s.value(host)}`

feature(
  'the host a request names',
  {
    file: import.meta.url,
    upstreams: hosts,
    clusters: [cluster],
    listeners: [
      http('main', {
        routes:
          '[{match: {path: /again}, route: {cluster: up, retry_policy: {retry_on: 5xx, num_retries: 2}}}, {match: {prefix: /}, route: {cluster: up}}]',
      }),
    ],
  },
  f => {
    f.scenario(
      'serves it',
      {
        sees: `
      two
      three
    `,
      },
      async s => {
        await served(s, `x-to: ${at(s, 'two')}`)
        await served(s, `x-else: ${at(s, 'three')}`)
      },
    )
    f.scenario(
      'the first source that says anything counts',
      {
        sees: `
      one
    `,
      },
      async s => {
        await served(s, `x-to: ${at(s, 'one')}`, `x-else: ${at(s, 'three')}`)
      },
    )
    f.scenario(
      'one that is no member is passed over',
      {
        sees: `
      three
    `,
      },
      async s => {
        await served(s, `x-to: 127.0.0.9:1,${at(s, 'three')}`)
      },
    )
    f.scenario(
      'nobody that is a member: as if nobody was named',
      {
        sees: `
      one three two
      one three two
      one three two
    `,
      },
      async s => {
        await served(s, 'x-to: 127.0.0.9:1')
        await served(s, 'x-to: nonsense')
        await served(s)
      },
    )
    f.scenario(
      'the next one when it is asked again',
      {
        sees: `
      HTTP/1.1 200 OK two
      one: 1
      two: 1
      three: 1
    `,
      },
      async s => {
        for (const host of hosts) s.upstream(host).always(answer(host === 'two' ? 200 : 500, host))
        const client = await s.connect()
        await client.send(get('/again', `x-to: ${at(s, 'three')}, ${at(s, 'one')}, ${at(s, 'two')}`))
        const { startLine, body } = await client.response()
        s.note(`${startLine} ${body}`)
        for (const host of hosts) s.note(`${host}: ${s.upstream(host).requests.length}`)
      },
    )
  },
)
