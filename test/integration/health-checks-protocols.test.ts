// Active health checks over TLS, HTTP/2, gRPC and TCP, and the log of what they find.
import { existsSync, readFileSync } from 'node:fs'
import http2 from 'node:http2'
import net, { type AddressInfo } from 'node:net'
import path from 'node:path'
import tls from 'node:tls'
import { Certificate } from '../support/certificates.js'
import { clientTls, cluster, http, httpOptions } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'
import { poll } from '../support/wait.js'

const often = 'timeout: 1s, interval: 0.05s, no_traffic_interval: 0.05s'
const checks = (check: string, more = ''): string =>
  `health_checks: [{unhealthy_threshold: 2, healthy_threshold: 2, ${often}, ${check}${more === '' ? '' : `, ${more}`}}]`

const flags = async (s: Scene, name: string): Promise<string> => {
  const { body } = await s.proxy.admin('/clusters')
  const lines = body.split('\n').filter(line => line.startsWith(`${name}::`) && line.includes('::health_flags::'))
  return lines.map(line => line.split('::').at(-1)).join(' ') || 'nobody'
}
const flagsBecome = (s: Scene, name: string, wanted: string): Promise<true> =>
  poll(`${name} to be ${wanted}`, async () => (await flags(s, name)) === wanted || undefined)

const servers: net.Server[] = []
const sessions = new Set<http2.ServerHttp2Session>()
const sockets = new Set<net.Socket>()
const listen = async (server: net.Server): Promise<number> => {
  servers.push(server)
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}
const stopAll = async (): Promise<void> => {
  for (const session of sessions) session.destroy()
  for (const socket of sockets) socket.destroy()
  await Promise.all(servers.splice(0).map(server => new Promise(resolve => server.close(resolve))))
}

// ---------------------------------------------------------------- HTTP/2 and gRPC

/** What the server for HTTP/2 says, and the headers it was asked with. */
const seen = new Map<string, string[]>()
const grpc = {
  status: '0',
  body: Buffer.from([0, 0, 0, 0, 2, 8, 1]),
  type: 'application/grpc',
  code: 200,
  trailersOnly: false,
}
const plain = { code: 200 }
async function startHttp2(): Promise<number> {
  const server = http2.createServer()
  server.on('session', session => {
    sessions.add(session)
    session.on('error', () => undefined)
  })
  server.on(
    'stream',
    (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders, _flags: number, raw: string[] = []) => {
      stream.on('error', () => undefined)
      const body: Buffer[] = []
      stream.on('data', (bytes: Buffer) => body.push(bytes))
      stream.on('end', () => {
        const pairs = raw.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${raw[index + 1]}`] : []))
        seen.set(String(headers[':authority']), [...pairs, Buffer.concat(body).toString('hex')])
        if (headers[':path'] === '/hz') return stream.respond({ ':status': plain.code }, { endStream: true })
        const head = { ':status': grpc.code, 'content-type': grpc.type }
        if (grpc.trailersOnly) return stream.respond({ ...head, 'grpc-status': grpc.status }, { endStream: true })
        stream.respond(head, { waitForTrailers: true })
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': grpc.status }))
        stream.end(grpc.body)
      })
    },
  )
  return listen(server as unknown as net.Server)
}
const h2 = httpOptions('explicit_http_config: {http2_protocol_options: {}}')
const grpcCheck = (more = ''): string => checks(`grpc_health_check: {${more}}`)

feature(
  'HTTP/2 and gRPC',
  {
    file: import.meta.url,
    values: async () => ({ up: await startHttp2() }),
    cleanUp: stopAll,
    clusters: [
      cluster('two', ['up'], checks('http_health_check: {path: /hz, codec_client_type: HTTP2}')),
      cluster(
        'posts',
        ['up'],
        checks('http_health_check: {path: /hz, method: POST, send: {text: "6869"}, codec_client_type: HTTP2}'),
      ),
      cluster('plain', ['up'], `${h2}\n${grpcCheck()}`),
      cluster(
        'adorned',
        ['up'],
        `${h2}\n${grpcCheck('service_name: svc, authority: authority.test, initial_metadata: [{header: {key: x-one, value: "1"}}]')}`,
      ),
    ],
    listeners: [http('main', { routes: '[{match: {prefix: /}, route: {cluster: two}}]' })],
  },
  f => {
    const shows = async (s: Scene, authority: string): Promise<void> => {
      const lines = await poll('a check', () => seen.get(authority))
      s.note(lines.join('\n'))
    }
    f.scenario(
      'HTTP/2',
      {
        sees: `
      :method: GET
      :authority: two
      :path: /hz
      :scheme: http
      user-agent: Envoy/HC

    `,
      },
      s => shows(s, 'two'),
    )
    f.scenario(
      'HTTP/2 with a payload',
      {
        sees: `
      :method: POST
      :authority: posts
      :path: /hz
      :scheme: http
      user-agent: Envoy/HC
      content-length: 2
      6869
    `,
      },
      s => shows(s, 'posts'),
    )
    f.scenario(
      'gRPC',
      {
        sees: `
      :method: POST
      :path: /grpc.health.v1.Health/Check
      :authority: plain
      :scheme: http
      te: trailers
      content-type: application/grpc
      user-agent: Envoy/HC
      grpc-timeout: 1000m
      0000000000
    `,
      },
      s => shows(s, 'plain'),
    )
    f.scenario(
      'gRPC, with a service, an authority and metadata',
      {
        sees: `
      :method: POST
      :path: /grpc.health.v1.Health/Check
      :authority: authority.test
      :scheme: http
      te: trailers
      content-type: application/grpc
      user-agent: Envoy/HC
      x-one: 1
      grpc-timeout: 1000m
      00000000050a03737663
    `,
      },
      s => shows(s, 'authority.test'),
    )
    f.scenario(
      'an HTTP/2 answer that is a no',
      {
        sees: `
      healthy
    `,
      },
      async s => {
        await flagsBecome(s, 'two', 'healthy')
        plain.code = 503
        await flagsBecome(s, 'two', '/failed_active_hc')
        plain.code = 200
        await flagsBecome(s, 'two', 'healthy')
        s.note(await flags(s, 'two'))
      },
    )
    f.scenario(
      'gRPC answers',
      {
        sees: `
      NOT_SERVING: /failed_active_hc
      an error: /failed_active_hc
      an error alone: /failed_active_hc
      another type: /failed_active_hc
      another HTTP status: /failed_active_hc
      no message: /failed_active_hc
      unknown: /failed_active_hc
    `,
      },
      async s => {
        const become = async (what: string, change: Partial<typeof grpc>, wanted: string) => {
          const before = { ...grpc }
          await flagsBecome(s, 'plain', 'healthy')
          Object.assign(grpc, change)
          await flagsBecome(s, 'plain', wanted)
          Object.assign(grpc, before)
          s.note(`${what}: ${wanted}`)
        }
        await become('NOT_SERVING', { body: Buffer.from([0, 0, 0, 0, 2, 8, 2]) }, '/failed_active_hc')
        await become('an error', { status: '14' }, '/failed_active_hc')
        await become('an error alone', { status: '12', trailersOnly: true }, '/failed_active_hc')
        await become('another type', { type: 'text/plain' }, '/failed_active_hc')
        await become('another HTTP status', { code: 500 }, '/failed_active_hc')
        await become('no message', { body: Buffer.alloc(0) }, '/failed_active_hc')
        await become('unknown', { body: Buffer.from([0, 0, 0, 0, 0]) }, '/failed_active_hc')
      },
    )
  },
)

// ---------------------------------------------------------------- TCP

const tcpSeen: string[] = []
const tcpAnswers = { text: 'PONG' }
const startTcp = (): Promise<number> =>
  listen(
    net.createServer(socket => {
      socket.on('error', () => undefined)
      socket.on('data', bytes => {
        tcpSeen.push(bytes.toString('latin1').replaceAll(`${socket.remotePort} ${socket.localPort}`, 'PORT PORT'))
        socket.write(tcpAnswers.text)
      })
    }),
  )
feature(
  'TCP',
  {
    file: import.meta.url,
    values: async () => ({ up: await startTcp(), other: await startTcp() }),
    cleanUp: stopAll,
    clusters: [
      cluster('connects', ['other'], checks('tcp_health_check: {send: {text: "00"}}')),
      cluster(
        'asks',
        ['up'],
        checks('tcp_health_check: {send: {text: "50494e47"}, receive: [{text: "504f"}, {binary: "Tkc="}]}').replace(
          'timeout: 1s',
          'timeout: 0.1s',
        ),
      ),
      cluster(
        'nobody',
        [],
        `load_assignment: {cluster_name: x, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 1}}}}]}]}\n${checks('tcp_health_check: {}')}`,
      ),
    ],
    listeners: [http('main', { routes: '[{match: {prefix: /}, route: {cluster: asks}}]' })],
  },
  f => {
    f.scenario(
      'connecting is enough where nothing is to be received',
      {
        sees: `
      connects healthy
      nobody /failed_active_hc
      asks healthy: PING
    `,
      },
      async s => {
        s.note(`connects ${await flags(s, 'connects')}`)
        s.note(`nobody ${await flags(s, 'nobody')}`)
        s.note(`asks ${await flags(s, 'asks')}: ${[...new Set(tcpSeen)].join(', ')}`)
      },
    )
    f.scenario(
      'something else is received',
      {
        sees: `
      healthy
    `,
      },
      async s => {
        tcpAnswers.text = 'PANG'
        await flagsBecome(s, 'asks', '/failed_active_hc/active_hc_timeout')
        tcpAnswers.text = 'xxPOyyNGzz'
        await flagsBecome(s, 'asks', 'healthy')
        s.note(await flags(s, 'asks'))
      },
    )
  },
)

feature(
  'TCP with a PROXY header',
  {
    file: import.meta.url,
    values: async () => ({ up: await startTcp() }),
    cleanUp: stopAll,
    clusters: [
      cluster(
        'v1',
        ['up'],
        checks(
          'tcp_health_check: {send: {text: "61"}, receive: [{text: "504f"}], proxy_protocol_config: {version: V1}}',
        ),
      ),
      cluster(
        'v2',
        ['up'],
        checks(
          'tcp_health_check: {send: {text: "62"}, receive: [{text: "504f"}], proxy_protocol_config: {version: V2}}',
          'reuse_connection: false',
        ),
      ),
    ],
    listeners: [http('main', { routes: '[{match: {prefix: /}, route: {cluster: v1}}]' })],
  },
  f => {
    f.scenario(
      'both versions',
      {
        sees: `
      "PROXY TCP4 127.0.0.1 127.0.0.1 PORT PORT\\r\\na"
      "\\r\\n\\r\\n\\u0000\\r\\nQUIT\\n \\u0000\\u0000\\u0000b"
    `,
      },
      async s => {
        tcpAnswers.text = 'PO'
        tcpSeen.length = 0
        const has = (end: string) => poll('a check', () => tcpSeen.find(text => text.endsWith(end)))
        s.note(JSON.stringify(await has('a')))
        s.note(JSON.stringify(await has('b')))
      },
    )
  },
)

// ---------------------------------------------------------------- TLS

const authority = Certificate.authority()
/** How each path was asked for first. */
const offered = new Map<string, string>()
async function startTls(): Promise<number> {
  const certificate = authority.issue({ sans: ['DNS:host.test'] })
  const server = tls.createServer(
    {
      cert: certificate.pem,
      key: certificate.key,
      ALPNProtocols: ['health', 'http/1.1'],
    },
    socket => {
      socket.on('error', () => undefined)
      socket.on('data', bytes => {
        const asked = bytes.toString('latin1').split(' ')[1] ?? ''
        if (!offered.has(asked)) offered.set(asked, `${socket.alpnProtocol} ${socket.servername || 'no name'}`)
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
      })
    },
  )
  server.on('tlsClientError', () => undefined)
  return listen(server)
}
const trusting = (name: string): string =>
  clientTls(
    `validation_context: {trusted_ca: {inline_string: ${JSON.stringify(authority.pem)}}, match_typed_subject_alt_names: [{san_type: DNS, matcher: {exact: ${name}}}]}`,
    'sni: sni.test',
  )
feature(
  'TLS',
  {
    file: import.meta.url,
    values: async () => ({ up: await startTls() }),
    cleanUp: stopAll,
    clusters: [
      cluster(
        'trusted',
        ['up'],
        `${trusting('host.test')}\n${checks('http_health_check: {path: /one}', 'tls_options: {alpn_protocols: [health]}')}`,
      ),
      cluster(
        'plainly',
        ['up'],
        `${trusting('host.test')}\n${checks('http_health_check: {path: /two}', 'reuse_connection: false')}`,
      ),
      cluster('distrusted', ['up'], `${trusting('other.test')}\n${checks('http_health_check: {path: /three}')}`),
      cluster('connects', ['up'], `${trusting('host.test')}\n${checks('tcp_health_check: {}')}`),
      cluster('refused', ['up'], `${trusting('other.test')}\n${checks('tcp_health_check: {}')}`),
      cluster('unsafe', ['up'], checks('http_health_check: {path: /four}')),
      cluster(
        'matched',
        ['up'],
        `transport_socket_matches: [{name: safe, match: {safe: true}, transport_socket: {name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext}}}]\n${checks('http_health_check: {path: /five}', 'transport_socket_match_criteria: {safe: true}')}`,
      ),
    ],
    listeners: [http('main', { routes: '[{match: {prefix: /}, route: {cluster: trusted}}]' })],
  },
  f => {
    f.scenario(
      'checks speak TLS as traffic does',
      {
        sees: `
          trusted healthy
          plainly healthy
          distrusted /failed_active_hc
          connects healthy
          refused /failed_active_hc
          unsafe /failed_active_hc
          matched healthy
          /five false no name
          /one health sni.test
          /two false sni.test
        `,
      },
      async s => {
        for (const name of ['trusted', 'plainly', 'distrusted', 'connects', 'refused', 'unsafe', 'matched'])
          s.note(`${name} ${await flags(s, name)}`)
        s.note(
          [...offered]
            .map(entry => entry.join(' '))
            .sort()
            .join('\n'),
        )
      },
    )
  },
)

// ---------------------------------------------------------------- the log

const logged = { code: 200, headers: {} as Record<string, string> }
feature(
  'the log of events',
  {
    file: import.meta.url,
    values: async tmp => ({
      up: await listen(
        (await import('node:http')).createServer((_request, response) => {
          response.writeHead(logged.code, logged.headers).end()
        }),
      ),
      log: path.join(tmp, 'events.log'),
      second: path.join(tmp, 'second.log'),
    }),
    cleanUp: stopAll,
    clusters: [
      cluster(
        'a',
        [],
        `load_assignment: {cluster_name: x, endpoints: [{locality: {region: r, zone: z, sub_zone: s}, lb_endpoints: [{metadata: {filter_metadata: {m: {k: v}}}, endpoint: {hostname: named, address: {socket_address: {address: 127.0.0.1, port_value: "\${up}"}}}}]}]}\n${checks('http_health_check: {path: /, retriable_statuses: [{start: 500, end: 501}]}', 'event_logger: [{name: file, typed_config: {"@type": type.googleapis.com/envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink, event_log_path: "${log}"}}]')}`,
      ),
      cluster(
        'b',
        [],
        `load_assignment: {cluster_name: x, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 1}}}}]}]}\n${checks('tcp_health_check: {}', 'event_logger: [{name: file, typed_config: {"@type": type.googleapis.com/envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink, event_log_path: "${log}"}}]')}`,
      ),
      cluster(
        'c',
        ['up'],
        checks(
          'http_health_check: {path: /}',
          'always_log_health_check_failures: true, always_log_health_check_success: true, event_logger: [{name: file, typed_config: {"@type": type.googleapis.com/envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink, event_log_path: "${second}"}}]',
        ).replace('healthy_threshold: 2', 'healthy_threshold: 3'),
      ),
    ],
    listeners: [http('main', { routes: '[{match: {prefix: /}, route: {cluster: a}}]' })],
  },
  f => {
    const lines = (s: Scene, file: string): string[] =>
      existsSync(String(s.value(file)))
        ? readFileSync(String(s.value(file)), 'utf8')
            .trimEnd()
            .split('\n')
        : []
    const line = (s: Scene, file: string, has: string): Promise<string> =>
      poll(`a line with ${has}`, () =>
        lines(s, file)
          .find(one => one.includes(has))
          ?.replace(/"port_value":\d{2,}/, '"port_value":PORT')
          .replace(/\d{4}-[^"]*Z/, 'TIME'),
      )
    f.scenario(
      'what happens to a host',
      {
        sees: `
      {"health_checker_type":"HTTP","host":{"socket_address":{"protocol":"TCP","address":"127.0.0.1","port_value":PORT,"resolver_name":"","ipv4_compat":false,"network_namespace_filepath":""}},"cluster_name":"a","add_healthy_event":{"first_check":true},"timestamp":"TIME","metadata":{"filter_metadata":{"m":{"k":"v"}},"typed_filter_metadata":{}},"locality":{"region":"r","zone":"z","sub_zone":"s"}}
      {"health_checker_type":"TCP","host":{"socket_address":{"protocol":"TCP","address":"127.0.0.1","port_value":1,"resolver_name":"","ipv4_compat":false,"network_namespace_filepath":""}},"cluster_name":"b","timestamp":"TIME","health_check_failure_event":{"failure_type":"NETWORK","first_check":true,"http_status_code":0},"locality":{"region":"","zone":"","sub_zone":""}}
      {"health_checker_type":"HTTP","host":{"socket_address":{"protocol":"TCP","address":"127.0.0.1","port_value":PORT,"resolver_name":"","ipv4_compat":false,"network_namespace_filepath":""}},"cluster_name":"a","timestamp":"TIME","degraded_healthy_host":{},"metadata":{"filter_metadata":{"m":{"k":"v"}},"typed_filter_metadata":{}},"locality":{"region":"r","zone":"z","sub_zone":"s"}}
      {"health_checker_type":"HTTP","host":{"socket_address":{"protocol":"TCP","address":"127.0.0.1","port_value":PORT,"resolver_name":"","ipv4_compat":false,"network_namespace_filepath":""}},"cluster_name":"a","timestamp":"TIME","no_longer_degraded_host":{},"metadata":{"filter_metadata":{"m":{"k":"v"}},"typed_filter_metadata":{}},"locality":{"region":"r","zone":"z","sub_zone":"s"}}
      {"health_checker_type":"HTTP","host":{"socket_address":{"protocol":"TCP","address":"127.0.0.1","port_value":PORT,"resolver_name":"","ipv4_compat":false,"network_namespace_filepath":""}},"cluster_name":"a","eject_unhealthy_event":{"failure_type":"ACTIVE","http_status_code":503},"timestamp":"TIME","metadata":{"filter_metadata":{"m":{"k":"v"}},"typed_filter_metadata":{}},"locality":{"region":"r","zone":"z","sub_zone":"s"}}
      {"health_checker_type":"HTTP","host":{"socket_address":{"protocol":"TCP","address":"127.0.0.1","port_value":PORT,"resolver_name":"","ipv4_compat":false,"network_namespace_filepath":""}},"cluster_name":"a","add_healthy_event":{"first_check":false},"timestamp":"TIME","metadata":{"filter_metadata":{"m":{"k":"v"}},"typed_filter_metadata":{}},"locality":{"region":"r","zone":"z","sub_zone":"s"}}
    `,
      },
      async s => {
        s.note(await line(s, 'log', 'add_healthy_event'))
        s.note(await line(s, 'log', '"cluster_name":"b"'))
        logged.headers = { 'x-envoy-degraded': 'true' }
        s.note(await line(s, 'log', '"degraded_healthy_host"'))
        logged.headers = {}
        s.note(await line(s, 'log', 'no_longer_degraded_host'))
        logged.code = 503
        s.note(await line(s, 'log', 'eject_unhealthy_event'))
        logged.code = 200
        s.note(await line(s, 'log', '"add_healthy_event":{"first_check":false'))
      },
    )
    f.scenario(
      'each check, where that is wanted',
      {
        sees: `
          {"health_checker_type":"HTTP","host":{"socket_address":{"protocol":"TCP","address":"127.0.0.1","port_value":PORT,"resolver_name":"","ipv4_compat":false,"network_namespace_filepath":""}},"cluster_name":"c","timestamp":"TIME","locality":{"region":"","zone":"","sub_zone":""},"successful_health_check_event":{}}
          {"health_checker_type":"HTTP","host":{"socket_address":{"protocol":"TCP","address":"127.0.0.1","port_value":PORT,"resolver_name":"","ipv4_compat":false,"network_namespace_filepath":""}},"cluster_name":"c","timestamp":"TIME","health_check_failure_event":{"failure_type":"ACTIVE","first_check":false,"http_status_code":418},"locality":{"region":"","zone":"","sub_zone":""}}
          successful_health_check_event add_healthy_event successful_health_check_event successful_health_check_event
        `,
      },
      async s => {
        logged.code = 200
        await flagsBecome(s, 'c', 'healthy')
        s.note(await line(s, 'second', 'successful_health_check_event'))
        logged.code = 418
        await flagsBecome(s, 'c', '/failed_active_hc')
        const failures = await poll('two failures', () => {
          const found = lines(s, 'second').filter(one => one.includes('"http_status_code":418'))
          return found.length >= 2 ? found : undefined
        })
        s.note(failures[1]?.replace(/"port_value":\d+/, '"port_value":PORT').replace(/\d{4}-[^"]*Z/, 'TIME') ?? '')
        const before = lines(s, 'second').length
        logged.code = 200
        await flagsBecome(s, 'c', 'healthy')
        const after = await poll('the way back', () => {
          const names = lines(s, 'second')
            .slice(before)
            .map(one => /"(\w+_event)"/.exec(one)?.[1] ?? '')
          const back = names.indexOf('add_healthy_event')
          return back >= 0 && names.length >= back + 3 ? names : undefined
        })
        s.note(
          after
            .slice(after.findIndex(one => !one.includes('failure')))
            .slice(0, 5)
            .join(' '),
        )
      },
    )
  },
)
