// Active health checks: what is asked, what follows from the answers, and what it means for traffic.
import { answer, get } from '../support/bytes.js'
import { cluster, http, tcp } from '../support/config.js'
import { FakeUpstream, type SeenRequest } from '../support/fake-upstream.js'
import { feature, type Scene } from '../support/scenario.js'
import { poll } from '../support/wait.js'

const often = 'timeout: 1s, interval: 0.05s, no_traffic_interval: 0.05s'
/** `health_checks` of a cluster: `check` and more fields of it. */
const checks = (check: string, more = ''): string =>
  `health_checks: [{unhealthy_threshold: 2, healthy_threshold: 2, ${often}, ${check}${more === '' ? '' : `, ${more}`}}]`
const httpCheck = (more = '', rest = ''): string =>
  checks(`http_health_check: {path: /hz${more === '' ? '' : `, ${more}`}}`, rest)

/** Answers checks with what it is told, and everything else with its name. */
class Peer {
  readonly upstream: FakeUpstream
  /** Probes, oldest first. */
  readonly probes: SeenRequest[] = []
  health = answer(200, 'fine')
  /** To what is no check. */
  traffic: string
  /** The answer ends with its connection. */
  ends = false

  constructor(upstream: FakeUpstream, name: string) {
    this.upstream = upstream
    this.traffic = answer(200, name)
    upstream.always(async (connection, request) => {
      if (!request.startLine.includes(' /hz')) return connection.send(this.traffic)
      this.probes.push(request)
      if (this.health === '') return connection.reset()
      if (this.health === 'silence') return
      if (this.ends) return connection.end(this.health)
      await connection.send(this.health)
    })
  }

  /** The next probe that comes. */
  probe(): Promise<SeenRequest> {
    const count = this.probes.length
    return poll('a probe', () => this.probes[count])
  }
}

const peers = new Map<string, Peer>()
const peer = (name: string): Peer => {
  const found = peers.get(name)
  if (found === undefined) throw new Error(`no peer ${name}`)
  return found
}
const startPeers = async (...names: string[]): Promise<Record<string, number>> => {
  const ports: Record<string, number> = {}
  for (const name of names) {
    const one = new Peer(await FakeUpstream.start(name), name)
    peers.set(name, one)
    ports[name] = one.upstream.port
  }
  return ports
}
const stopPeers = async (): Promise<void> => {
  for (const { upstream } of peers.values()) await upstream.stop()
  peers.clear()
}

/** health_flags of the hosts of a cluster, in their order. */
const flags = async (s: Scene, name: string): Promise<string> => {
  const { body } = await s.proxy.admin('/clusters')
  const lines = body.split('\n').filter(line => line.startsWith(`${name}::`) && line.includes('::health_flags::'))
  return lines.map(line => line.split('::').at(-1)).join(' ') || 'nobody'
}
const flagsBecome = (s: Scene, name: string, wanted: string): Promise<true> =>
  poll(`${name} to be ${wanted}`, async () => (await flags(s, name)) === wanted || undefined)
/** Statuses and bodies of some requests, or why there was none. */
const ask = async (s: Scene, path: string, times = 1): Promise<string> => {
  const client = await s.connect()
  const answers: string[] = []
  for (let index = 1; index <= times; index++) {
    await client.send(get(path))
    const { startLine, body } = await client.response(index)
    answers.push(`${startLine.split(' ')[1]} ${body}`)
  }
  client.destroy()
  return [...new Set(answers)].sort().join(', ')
}
const route = (name: string): string => `{match: {path: /${name}}, route: {cluster: ${name}}}`
const routes = (...names: string[]): string => `[${names.map(route).join(', ')}]`
const stat = async (s: Scene, name: string): Promise<number> => (await s.proxy.stats()).get(name) ?? Number.NaN

// ---------------------------------------------------------------- what is asked

const shows = async (s: Scene, name: string): Promise<void> => {
  const { bytes } = await peer(name).probe()
  s.note(bytes.toString('latin1').replaceAll('\r', '').trimEnd())
}

const asked = ['plain', 'host', 'member', 'headers', 'body', 'empty', 'head', 'apart', 'elsewhere']
feature(
  'what a check asks',
  {
    file: import.meta.url,
    values: () => startPeers(...asked),
    cleanUp: stopPeers,
    clusters: [
      cluster('plain', ['plain'], httpCheck()),
      cluster('host', ['host'], httpCheck('host: virtual.test')),
      cluster(
        'member',
        [],
        `load_assignment: {cluster_name: x, endpoints: [{lb_endpoints: [{endpoint: {hostname: not-this, health_check_config: {hostname: member.test}, address: {socket_address: {address: 127.0.0.1, port_value: "\${member}"}}}}]}]}\n${httpCheck('host: virtual.test')}`,
      ),
      cluster(
        'headers',
        ['headers'],
        httpCheck(
          'request_headers_to_add: [{header: {key: X-One, value: "1"}}, {header: {key: user-agent, value: me}}, {header: {key: x-two, value: ""}}, {header: {key: x-three, value: "%PROTOCOL%"}}, {header: {key: x-one, value: "2"}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}], request_headers_to_remove: [x-three]',
        ),
      ),
      cluster('body', ['body'], httpCheck('method: POST, send: {text: "68656c6c6f"}, receive: [{text: "66696e65"}]')),
      cluster('empty', ['empty'], httpCheck('method: PUT')),
      cluster('head', ['head'], httpCheck('method: HEAD')),
      cluster('apart', ['apart'], httpCheck('', 'reuse_connection: false')),
      cluster(
        'elsewhere',
        [],
        `load_assignment: {cluster_name: x, endpoints: [{lb_endpoints: [{endpoint: {health_check_config: {port_value: "\${elsewhere}"}, address: {socket_address: {address: 127.0.0.1, port_value: 1}}}}]}]}\n${httpCheck()}`,
      ),
    ],
    listeners: [http('main', { routes: routes(...asked) })],
  },
  f => {
    f.scenario(
      'GET, with the name of the cluster',
      {
        sees: `
          GET /hz HTTP/1.1
          host: plain
          user-agent: Envoy/HC
        `,
      },
      s => shows(s, 'plain'),
    )
    f.scenario(
      'the host of the check',
      {
        sees: `
          GET /hz HTTP/1.1
          host: virtual.test
          user-agent: Envoy/HC
        `,
      },
      s => shows(s, 'host'),
    )
    f.scenario(
      'the hostname of the member goes before it',
      {
        sees: `
          GET /hz HTTP/1.1
          host: member.test
          user-agent: Envoy/HC
        `,
      },
      s => shows(s, 'member'),
    )
    f.scenario(
      'headers that are added, replaced and removed',
      {
        sees: `
          GET /hz HTTP/1.1
          host: headers
          user-agent: Envoy/HC,me
          x-one: 2
          x-one: 1
          x-three: HTTP/1.1
        `,
      },
      s => shows(s, 'headers'),
    )
    f.scenario(
      'a payload',
      {
        sees: `
          POST /hz HTTP/1.1
          host: body
          user-agent: Envoy/HC
          content-length: 5
          
          hello
        `,
      },
      s => shows(s, 'body'),
    )
    f.scenario(
      'a method that has a body, without one',
      {
        sees: `
          PUT /hz HTTP/1.1
          host: empty
          user-agent: Envoy/HC
          content-length: 0
        `,
      },
      s => shows(s, 'empty'),
    )
    f.scenario(
      'HEAD, whose answer has no body',
      {
        sees: `
      HEAD /hz HTTP/1.1, 0 new connections
    `,
      },
      async s => {
        peer('head').health = 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n'
        await peer('head').probe()
        const before = peer('head').upstream.connections.length
        await peer('head').probe()
        await peer('head').probe()
        s.note(
          `${(await peer('head').probe()).startLine}, ${peer('head').upstream.connections.length - before} new connections`,
        )
      },
    )
    f.scenario(
      'checks share a connection, or have one each',
      {
        sees: `
      plain: the same
      apart: another
    `,
      },
      async s => {
        const next = async (name: string) => {
          const first = await peer(name).probe()
          const second = await peer(name).probe()
          return `${name}: ${first.connection === second.connection ? 'the same' : 'another'}`
        }
        s.note(await next('plain'))
        s.note(await next('apart'))
      },
    )
    f.scenario(
      'a member that is asked at another port',
      {
        sees: `
      GET /hz HTTP/1.1
      healthy
    `,
      },
      async s => {
        s.note((await peer('elsewhere').probe()).startLine)
        s.note(await flags(s, 'elsewhere'))
      },
    )
    f.scenario(
      'an answer that closes the connection',
      {
        sees: `
      another
      healthy
    `,
      },
      async s => {
        peer('plain').health = answer(200, 'fine', 'connection: close')
        await peer('plain').probe()
        const first = await peer('plain').probe()
        const second = await peer('plain').probe()
        s.note(first.connection === second.connection ? 'the same' : 'another')
        s.note(await flags(s, 'plain'))
        peer('plain').health = answer(200, 'fine')
      },
    )
  },
)

// ---------------------------------------------------------------- what follows

const judged = [
  'good',
  'bad',
  'late',
  'range',
  'retriable',
  'payload',
  'named',
  'down',
  'excluded',
  'fraction',
  'two',
  'three',
  'verified',
  'chunked',
  'endless',
]
const status = (code: number, ...headers: string[]): string => answer(code, 'text', ...headers)
feature(
  'what follows from the answers',
  {
    file: import.meta.url,
    values: async () => {
      const ports = await startPeers(...judged)
      peer('bad').health = status(500)
      peer('late').health = 'silence'
      peer('range').health = status(299)
      peer('named').health = status(200, 'x-envoy-upstream-healthchecked-cluster: other-1')
      peer('verified').health = status(200, 'x-envoy-upstream-healthchecked-cluster: mine-1')
      peer('chunked').health =
        'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n3;x=y\r\ncde\r\n0\r\nt: v\r\n\r\n'
      peer('endless').ends = true
      peer('endless').health = 'HTTP/1.1 200 OK\r\n\r\nno length'
      return ports
    },
    cleanUp: stopPeers,
    clusters: [
      cluster('good', ['good'], httpCheck()),
      cluster('bad', ['bad'], `common_lb_config: {healthy_panic_threshold: {value: 0}}\n${httpCheck()}`),
      cluster('late', ['late'], checks('http_health_check: {path: /hz}').replace('timeout: 1s', 'timeout: 0.1s')),
      cluster('range', ['range'], httpCheck('expected_statuses: [{start: 200, end: 201}, {start: 204, end: 300}]')),
      cluster(
        'retriable',
        ['retriable'],
        httpCheck('retriable_statuses: [{start: 503, end: 504}]').replace(
          'unhealthy_threshold: 2',
          'unhealthy_threshold: 1000',
        ),
      ),
      cluster('payload', ['payload'], httpCheck('receive: [{text: "6669"}, {text: "65"}]')),
      cluster('named', ['named'], httpCheck('service_name_matcher: {prefix: mine}')),
      cluster('verified', ['verified'], httpCheck('service_name_matcher: {safe_regex: {regex: "mine-[0-9]"}}')),
      cluster('down', ['down'], httpCheck()),
      cluster('excluded', ['excluded'], httpCheck()),
      cluster('fraction', ['two', 'three'], `common_lb_config: {update_merge_window: 0s}\n${httpCheck()}`),
      cluster('chunked', ['chunked'], httpCheck('receive: [{text: "6162636465"}]')),
      cluster('endless', ['endless'], httpCheck('receive: [{text: "6c656e677468"}]')),
      cluster(
        'unchecked',
        [],
        `load_assignment: {cluster_name: x, endpoints: [{lb_endpoints: [{endpoint: {health_check_config: {disable_active_health_check: true}, address: {socket_address: {address: 127.0.0.1, port_value: "\${good}"}}}}]}]}\n${httpCheck()}`,
      ),
    ],
    listeners: [http('main', { routes: routes('good', 'bad', 'late', 'down', 'excluded', 'fraction', 'unchecked') })],
  },
  f => {
    f.scenario(
      'before traffic: each member has been checked once',
      {
        sees: `
      good healthy
      bad /failed_active_hc
      late /failed_active_hc/active_hc_timeout
      range healthy
      payload healthy
      named /failed_active_hc
      verified healthy
      chunked healthy
      endless healthy
      unchecked healthy
    `,
      },
      async s => {
        for (const name of [
          'good',
          'bad',
          'late',
          'range',
          'payload',
          'named',
          'verified',
          'chunked',
          'endless',
          'unchecked',
        ])
          s.note(`${name} ${await flags(s, name)}`)
      },
    )
    f.scenario(
      'nobody healthy: 503 without panic, with panic everybody',
      {
        sees: `
      503 no healthy upstream
      200 late
      panics: 1
      log: HTTP/1.1 503 UH no_healthy_upstream in=0 out=19
      log: HTTP/1.1 200 - via_upstream in=0 out=4
    `,
      },
      async s => {
        s.note(await ask(s, '/bad'))
        const before = await stat(s, 'cluster.late.lb_healthy_panic')
        s.note(await ask(s, '/late'))
        s.note(`panics: ${(await stat(s, 'cluster.late.lb_healthy_panic')) - before}`)
        await s.sawLog(2)
      },
    )
    f.scenario(
      'a clear no fails at once, and two good answers bring it back',
      {
        sees: `
      0 of 1
      health_check.healthy: 0
      1 of 1
      health_check.healthy: 1
    `,
      },
      async s => {
        await flagsBecome(s, 'good', 'healthy')
        peer('good').health = status(500)
        await flagsBecome(s, 'good', '/failed_active_hc')
        s.note(
          `${await stat(s, 'cluster.good.membership_healthy')} of ${await stat(s, 'cluster.good.membership_total')}`,
        )
        s.note(`health_check.healthy: ${await stat(s, 'cluster.good.health_check.healthy')}`)
        peer('good').health = status(200)
        await flagsBecome(s, 'good', 'healthy')
        s.note(
          `${await stat(s, 'cluster.good.membership_healthy')} of ${await stat(s, 'cluster.good.membership_total')}`,
        )
        s.note(`health_check.healthy: ${await stat(s, 'cluster.good.health_check.healthy')}`)
      },
    )
    f.scenario(
      'a retriable no counts towards the threshold',
      {
        sees: `
      healthy
      /failed_active_hc
    `,
      },
      async s => {
        peer('retriable').health = status(503)
        await peer('retriable').probe()
        await peer('retriable').probe()
        await peer('retriable').probe()
        s.note(await flags(s, 'retriable'))
        peer('retriable').health = status(504)
        await flagsBecome(s, 'retriable', '/failed_active_hc')
        s.note(await flags(s, 'retriable'))
      },
    )
    f.scenario(
      'a body without what is expected',
      {
        sees: `
      /failed_active_hc
    `,
      },
      async s => {
        peer('payload').health = answer(200, 'e before fi')
        await flagsBecome(s, 'payload', '/failed_active_hc')
        s.note(await flags(s, 'payload'))
      },
    )
    f.scenario(
      'connections that are reset',
      {
        sees: `
      at least two network failures
      passive: 0
    `,
      },
      async s => {
        const before = await stat(s, 'cluster.down.health_check.network_failure')
        peer('down').health = ''
        await flagsBecome(s, 'down', '/failed_active_hc')
        const failures = (await stat(s, 'cluster.down.health_check.network_failure')) - before
        s.note(failures >= 2 ? 'at least two network failures' : `${failures}`)
        s.note(`passive: ${await stat(s, 'cluster.down.health_check.passive_failure')}`)
      },
    )
    f.scenario(
      'degraded, and no more',
      {
        sees: `
      membership_degraded: 1, healthy: 0
      health_check.degraded: 1, healthy: 1
      200 good
    `,
      },
      async s => {
        peer('good').health = status(200, 'x-envoy-degraded: true')
        await flagsBecome(s, 'good', '/degraded_active_hc')
        s.note(
          `membership_degraded: ${await stat(s, 'cluster.good.membership_degraded')}, healthy: ${await stat(s, 'cluster.good.membership_healthy')}`,
        )
        s.note(
          `health_check.degraded: ${await stat(s, 'cluster.good.health_check.degraded')}, healthy: ${await stat(s, 'cluster.good.health_check.healthy')}`,
        )
        s.note(await ask(s, '/good'))
        peer('good').health = status(200)
        await flagsBecome(s, 'good', 'healthy')
      },
    )
    f.scenario(
      'an answer to a check that wants to be left out',
      {
        sees: `
      membership_excluded: 1
      membership_excluded: 0
    `,
      },
      async s => {
        peer('excluded').health = status(503, 'x-envoy-immediate-health-check-fail: true')
        await flagsBecome(s, 'excluded', '/failed_active_hc/excluded_via_immediate_hc_fail')
        s.note(`membership_excluded: ${await stat(s, 'cluster.excluded.membership_excluded')}`)
        peer('excluded').health = status(200)
        await flagsBecome(s, 'excluded', 'healthy')
        s.note(`membership_excluded: ${await stat(s, 'cluster.excluded.membership_excluded')}`)
      },
    )
    f.scenario(
      'traffic goes to those that are healthy',
      {
        sees: `
          200 three, 200 two
          200 two
          200 three, 200 two
        `,
      },
      async s => {
        await flagsBecome(s, 'fraction', 'healthy healthy')
        s.note(await ask(s, '/fraction', 4))
        peer('three').health = status(500)
        await flagsBecome(s, 'fraction', 'healthy /failed_active_hc')
        s.note(await ask(s, '/fraction', 4))
        peer('two').health = status(500)
        await flagsBecome(s, 'fraction', '/failed_active_hc /failed_active_hc')
        s.note(await ask(s, '/fraction', 4))
      },
    )
    f.scenario(
      'an answer to a request that fails its host',
      {
        sees: `
      200 last
      passive failures: 1
    `,
      },
      async s => {
        await flagsBecome(s, 'excluded', 'healthy')
        peer('excluded').traffic = answer(200, 'last', 'x-envoy-immediate-health-check-fail: true')
        const before = await stat(s, 'cluster.excluded.health_check.passive_failure')
        s.note(await ask(s, '/excluded'))
        await poll(
          'the failure',
          async () => (await stat(s, 'cluster.excluded.health_check.passive_failure')) > before || undefined,
        )
        s.note(`passive failures: ${(await stat(s, 'cluster.excluded.health_check.passive_failure')) - before}`)
      },
    )
    f.scenario(
      'names of the statistics',
      {
        sees: `
      cluster.good.health_check.attempt
      cluster.good.health_check.degraded
      cluster.good.health_check.failure
      cluster.good.health_check.healthy
      cluster.good.health_check.network_failure
      cluster.good.health_check.passive_failure
      cluster.good.health_check.success
      cluster.good.health_check.verify_cluster
    `,
      },
      async s => {
        const names = [...(await s.proxy.stats()).keys()].filter(name => name.startsWith('cluster.good.health_check'))
        s.note(names.sort().join('\n'))
      },
    )
  },
)

// ---------------------------------------------------------------- connections

feature(
  'connections to a host that fails',
  {
    file: import.meta.url,
    values: () => startPeers('closes', 'stays', 'named'),
    cleanUp: stopPeers,
    clusters: [
      cluster('closes', ['closes'], `close_connections_on_host_health_failure: true\n${httpCheck()}`),
      cluster('stays', ['stays'], httpCheck()),
      cluster(
        'named',
        [],
        `type: STRICT_DNS\ndns_lookup_family: V4_ONLY\nload_assignment: {cluster_name: x, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: localhost, port_value: "\${named}"}}}}]}]}\n${httpCheck()}`,
      ),
    ],
    listeners: [
      tcp('closes', 'cluster: closes'),
      tcp('stays', 'cluster: stays'),
      http('main', { routes: routes('named', 'stays') }),
    ],
  },
  f => {
    f.scenario(
      'TCP connections end, or not',
      {
        sees: `
      closes: closed
      stays: HTTP/1.1 200 Reason
    `,
      },
      async s => {
        const open = async (name: string) => {
          const client = await s.connect(name)
          await client.send(get('/x'))
          await client.response(1)
          return client
        }
        const closes = await open('closes')
        const stays = await open('stays')
        peer('closes').health = status(500)
        peer('stays').health = status(500)
        await flagsBecome(s, 'closes', '/failed_active_hc')
        await flagsBecome(s, 'stays', '/failed_active_hc')
        s.note(`closes: ${await closes.closed()}`)
        await stays.send(get('/x'))
        s.note(`stays: ${(await stays.response(2)).startLine}`)
        peer('stays').health = status(200)
        await flagsBecome(s, 'stays', 'healthy')
      },
    )
    f.scenario(
      'HTTP connections carry no further requests',
      {
        sees: `
      the same
      another
    `,
      },
      async s => {
        const traffic = () => peer('stays').upstream.requests.filter(one => !one.startLine.includes('/hz'))
        await ask(s, '/stays')
        const first = traffic().at(-1)?.connection
        await ask(s, '/stays')
        s.note(traffic().at(-1)?.connection === first ? 'the same' : 'another')
        peer('stays').health = status(500)
        await flagsBecome(s, 'stays', '/failed_active_hc')
        peer('stays').health = status(200)
        await flagsBecome(s, 'stays', 'healthy')
        await ask(s, '/stays')
        s.note(traffic().at(-1)?.connection === first ? 'the same' : 'another')
      },
    )
    f.scenario(
      'members that DNS knows',
      {
        sees: `
      healthy: 200 named
      host: named
    `,
      },
      async s => {
        s.note(`${await flags(s, 'named')}: ${await ask(s, '/named')}`)
        s.note((await peer('named').probe()).bytes.toString('latin1').split('\r\n')[1] ?? '')
      },
    )
  },
)
