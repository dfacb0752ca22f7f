// envoy.filters.http.ratelimit: a service says whether there were too many requests.
import type http2 from 'node:http2'
import { get, showBody } from '../support/bytes.js'
import { cluster, http, httpFilters, httpOptions, perFilter } from '../support/config.js'
import { H2Upstream } from '../support/h2-peers.js'
import { message, shown } from '../support/protobuf.js'
import { feature, type Scene } from '../support/scenario.js'

const NAME = 'envoy.filters.http.ratelimit'
const TYPE = 'envoy.extensions.filters.http.ratelimit.v3.RateLimit'
const PER_ROUTE = 'envoy.extensions.filters.http.ratelimit.v3.RateLimitPerRoute'
const SERVICE =
  'rate_limit_service: {transport_api_version: V3, grpc_service: {envoy_grpc: {cluster_name: service}}}, timeout: 1s'
const limit = (yaml: string): string => httpFilters([NAME, TYPE, `{domain: test, ${SERVICE}, ${yaml}}`])
const route = (yaml: string): string => perFilter(NAME, PER_ROUTE, yaml)
const generic = (value: string, more = ''): string => `{actions: [{generic_key: {descriptor_value: ${value}}}]${more}}`

let service: H2Upstream | undefined
/** What the service was asked, and what it says to the next: bytes of a RateLimitResponse, or a status. */
const asked: string[] = []
let answers: (Buffer | number)[] = []

async function startService(): Promise<Record<string, number>> {
  service = await H2Upstream.start()
  service.handler = (stream, request) => {
    stream.resume()
    stream.on('end', () => {
      asked.push(shown(request.body.subarray(5)))
      answer(stream, answers.shift() ?? message([1, 1]))
    })
  }
  return { service: service.port, nobody: 1 }
}

function answer(stream: http2.ServerHttp2Stream, said: Buffer | number): void {
  const head = { ':status': 200, 'content-type': 'application/grpc' }
  if (typeof said === 'number') {
    stream.respond({ ...head, 'grpc-status': String(said) }, { endStream: true })
    return
  }
  stream.respond(head, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  const frame = Buffer.alloc(5)
  frame.writeUInt32BE(said.length, 1)
  stream.end(Buffer.concat([frame, said]))
}

const header = (key: string, value: string): Buffer => message([1, key], [2, value])
const status = (remaining: number, reset: number, name = '', requests = 10, unit = 2): Buffer =>
  message(
    [1, remaining === 0 ? 2 : 1],
    [2, message([1, requests], [2, unit], ...(name === '' ? [] : [[3, name] as const]))],
    [3, remaining],
    [4, message([1, reset])],
  )

/** One request: what the service, the upstream and the client saw. */
const asks =
  (to: string, request: string, ...says: (Buffer | number)[]) =>
  async (s: Scene): Promise<void> => {
    const before = await s.proxy.stats()
    asked.length = 0
    answers = says
    const client = await s.connect(to)
    await client.send(request)
    const { head, body } = await client.response()
    for (const one of asked) s.note(`> service\n${one}`)
    for (const one of s.upstream().requests)
      s.note(`> up\n${one.head.split('\r\n')[0]} ${one.head.match(/x-from-service.*|x-late.*/)?.[0] ?? ''}`)
    const lines = head
      .trimEnd()
      .split('\r\n')
      .filter(line => !/^(date|server|x-envoy-upstream)/.test(line))
    s.note(`< client\n${lines.sort().join('\n')}\n${showBody(body)}`)
    await s.sawLog(1, to)
    for (const [name, value] of await s.proxy.stats()) {
      const more = value - (before.get(name) ?? 0)
      if (/^cluster\.up\.(ratelimit|(internal\.|external\.)?upstream_rq_(4..|4xx)$)/.test(name) && more !== 0)
        s.note(`${name}: ${more}`)
    }
  }

feature(
  'a rate limit service',
  {
    file: import.meta.url,
    upstreams: ['up'],
    values: startService,
    cleanUp: async () => service?.stop(),
    clusters: [
      cluster('up'),
      cluster('service', ['service'], httpOptions('explicit_http_config: {http2_protocol_options: {}}')),
      cluster('gone', ['nobody'], httpOptions('explicit_http_config: {http2_protocol_options: {}}')),
    ],
    listeners: [
      http('main', {
        hcm: limit('stage: 0'),
        log: '%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(envoy.filters.http.ratelimit:who)%\n',
        vhost: `rate_limits: [${generic('host')}]`,
        routes: `
- {match: {prefix: /own}, route: {cluster: up, rate_limits: [${generic('own')}, ${generic('other', ', stage: 1')}, ${generic('off', ', disable_key: off')}]}}
- {match: {prefix: /included}, route: {cluster: up, rate_limits: [${generic('own')}]}, typed_per_filter_config: ${route('vh_rate_limits: INCLUDE')}}
- {match: {prefix: /ignored}, route: {cluster: up}, typed_per_filter_config: ${route('vh_rate_limits: IGNORE')}}
- {match: {prefix: /domain}, route: {cluster: up}, typed_per_filter_config: ${route('domain: another')}}
- {match: {prefix: /inline}, route: {cluster: up}, typed_per_filter_config: ${route(`rate_limits: [${generic('inline')}]`)}}
- {match: {prefix: /inside}, route: {cluster: up}, typed_per_filter_config: ${route(`rate_limits: [{actions: [{generic_key: {descriptor_value: h}}], hits_addend: {number: 5}}, {actions: [{generic_key: {descriptor_value: r}}], limit: {rate_limit: {requests_per_unit: 7, unit: HOUR}}}]`)}}
- {match: {prefix: /later}, route: {cluster: up}, typed_per_filter_config: ${route(`rate_limits: [{actions: [{generic_key: {descriptor_value: d}}], apply_on_stream_done: true, hits_addend: {format: "%BYTES_SENT%"}}]`)}}
- {match: {prefix: /hits}, route: {cluster: up, rate_limits: [{actions: [{generic_key: {descriptor_value: h}}], hits_addend: {number: 5}}]}}
- {match: {prefix: /override}, route: {cluster: up, rate_limits: [{actions: [{generic_key: {descriptor_value: o}}], limit: {dynamic_metadata: {metadata_key: {key: ns, path: [{key: limit}]}}}}]}}
- {match: {prefix: /done}, route: {cluster: up, rate_limits: [{actions: [{generic_key: {descriptor_value: d}}], apply_on_stream_done: true, hits_addend: {format: "%BYTES_SENT%"}}]}}
- {match: {prefix: /direct}, direct_response: {status: 200}}
- {match: {prefix: /}, route: {cluster: up}}
`,
      }),
      http('headers', {
        hcm: limit(
          'enable_x_ratelimit_headers: DRAFT_VERSION_03, response_headers_to_add: [{header: {key: x-added, value: "yes"}}], rate_limited_status: {code: 403}, disable_x_envoy_ratelimited_header: true, stat_prefix: mine, metadata_namespace: other, enable_retry_after_header: true',
        ),
        log: '%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(other:who)%\n',
        vhost: `rate_limits: [${generic('host')}]`,
      }),
      http('strict', {
        hcm: limit(
          'failure_mode_deny: true, status_on_error: {code: 503}, request_type: external, rate_limited_as_resource_exhausted: true',
        ),
        vhost: `rate_limits: [${generic('host')}]`,
      }),
      http('internal', { hcm: limit('request_type: internal'), vhost: `rate_limits: [${generic('host')}]` }),
      http('looking', {
        hcm: limit('filter_enforced: {default_value: {numerator: 0}}'),
        vhost: `rate_limits: [${generic('host')}]`,
      }),
      http('disabled', {
        hcm: limit('filter_enabled: {default_value: {numerator: 0}}'),
        vhost: `rate_limits: [${generic('host')}]`,
      }),
      http('retry', {
        hcm: limit('enable_retry_after_header: true, enable_x_ratelimit_headers: DRAFT_VERSION_03'),
        vhost: `rate_limits: [${generic('host')}]`,
      }),
      http('gone', {
        hcm: httpFilters([
          NAME,
          TYPE,
          '{domain: test, rate_limit_service: {transport_api_version: V3, grpc_service: {envoy_grpc: {cluster_name: gone}}}}',
        ]),
        vhost: `rate_limits: [${generic('host')}]`,
      }),
    ],
  },
  f => {
    const over = message([1, 2])
    f.scenario(
      'within the limit',
      {
        sees: `
      > service
      1 = "test"
      2.1["generic_key"] = "host"
      > up
      GET /x HTTP/1.1
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: 200 - via_upstream -
      cluster.up.ratelimit.ok: 1
    `,
      },
      asks('main', get('/x')),
    )
    f.scenario(
      'over the limit',
      {
        sees: `
      > service
      1 = "test"
      2.1["generic_key"] = "host"
      < client
      HTTP/1.1 429 Too Many Requests
      content-length: 0
      x-envoy-ratelimited: true

      log: 429 RL request_rate_limited -
      cluster.up.internal.upstream_rq_429: 1
      cluster.up.internal.upstream_rq_4xx: 1
      cluster.up.ratelimit.over_limit: 1
      cluster.up.upstream_rq_429: 1
      cluster.up.upstream_rq_4xx: 1
    `,
      },
      asks('main', get('/x'), over),
    )
    f.scenario(
      'the limits of a route',
      {
        sees: `
      > service
      1 = "test"
      2.1["generic_key"] = "off"
      2.1["generic_key"] = "own"
      > up
      GET /own HTTP/1.1
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: 200 - via_upstream -
      cluster.up.ratelimit.ok: 1
    `,
      },
      asks('main', get('/own')),
    )
    f.scenario(
      'beside those of its host',
      {
        sees: `
      > service
      1 = "test"
      2.1["generic_key"] = "host"
      2.1["generic_key"] = "own"
      > up
      GET /included HTTP/1.1
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: 200 - via_upstream -
      cluster.up.ratelimit.ok: 1
    `,
      },
      asks('main', get('/included')),
    )
    f.scenario(
      'without those of its host',
      {
        sees: `
      > up
      GET /ignored HTTP/1.1
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: 200 - via_upstream -
    `,
      },
      asks('main', get('/ignored')),
    )
    f.scenario(
      'another domain',
      {
        sees: `
      > service
      1 = "another"
      2.1["generic_key"] = "host"
      > up
      GET /domain HTTP/1.1
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: 200 - via_upstream -
      cluster.up.ratelimit.ok: 1
    `,
      },
      asks('main', get('/domain')),
    )
    f.scenario(
      'limits in the settings of a route',
      {
        sees: `
      > service
      1 = "test"
      2.1["generic_key"] = "inline"
      > up
      GET /inline HTTP/1.1
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: 200 - via_upstream -
      cluster.up.ratelimit.ok: 1
    `,
      },
      asks('main', get('/inline')),
    )
    f.scenario(
      'more than one hit',
      {
        sees: `
      > service
      1 = "test"
      2.1["generic_key"] = "h"
      > up
      GET /hits HTTP/1.1
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: 200 - via_upstream -
      cluster.up.ratelimit.ok: 1
    `,
      },
      asks('main', get('/hits')),
    )
    f.scenario(
      'hits and a limit in the settings of a route',
      {
        sees: `
      > service
      1 = "test"
      2.1["generic_key"] = "h"
      2.1["generic_key"] = "r"
      2.2.1 = 7
      2.2.2 = 3
      2.3.1 = 5
      > up
      GET /inside HTTP/1.1
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: 200 - via_upstream -
      cluster.up.ratelimit.ok: 1
    `,
      },
      asks('main', get('/inside')),
    )
    f.scenario(
      'on_stream_done of a route',
      {
        sees: `
      > up
      GET /done HTTP/1.1
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: 200 - via_upstream -
    `,
      },
      asks('main', get('/done')),
    )
    f.scenario(
      'when to come again',
      {
        sees: `
      > service
      1 = "test"
      2.1["generic_key"] = "host"
      < client
      HTTP/1.1 429 Too Many Requests
      content-length: 0
      retry-after: 60
      x-envoy-ratelimited: true
      x-ratelimit-limit: 10, 10;w=60, 10;w=60
      x-ratelimit-remaining: 0
      x-ratelimit-reset: 30

      log: HTTP/1.1 429 RL request_rate_limited in=0 out=0
      cluster.up.internal.upstream_rq_429: 1
      cluster.up.internal.upstream_rq_4xx: 1
      cluster.up.ratelimit.over_limit: 1
      cluster.up.upstream_rq_429: 1
      cluster.up.upstream_rq_4xx: 1
    `,
      },
      asks('retry', get('/x'), message([1, 2], [2, status(0, 30)], [2, status(0, 60)])),
    )
    f.scenario(
      'a limit in place of another',
      {
        sees: `
      > service
      1 = "test"
      2.1["generic_key"] = "o"
      > up
      GET /override HTTP/1.1
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: 200 - via_upstream -
      cluster.up.ratelimit.ok: 1
    `,
      },
      asks('main', get('/override')),
    )
    f.scenario(
      'a direct response',
      {
        sees: `
      < client
      HTTP/1.1 200 OK
      content-length: 0

      log: 200 - direct_response -
    `,
      },
      asks('main', get('/direct')),
    )
    f.scenario(
      'headers and metadata',
      {
        sees: `
      > service
      1 = "test"
      2.1["generic_key"] = "host"
      > up
      GET /x HTTP/1.1 x-from-service: b
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-told: a
      ok
      log: 200 - via_upstream me
      cluster.up.ratelimit.ok: 1
    `,
      },
      asks(
        'main',
        get('/x'),
        message(
          [1, 1],
          [3, header('X-Told', 'a')],
          [4, header('X-From-Service', 'b')],
          [6, message([1, message([1, 'who'], [2, message([3, 'me'])])])],
        ),
      ),
    )
    f.scenario(
      'a refusal with a body',
      {
        sees: `
      > service
      1 = "test"
      2.1["generic_key"] = "host"
      < client
      HTTP/1.1 429 Too Many Requests
      content-length: 8
      content-type: text/plain
      x-envoy-ratelimited: true
      x-told: a
      too much
      log: 429 RL request_rate_limited me
      cluster.up.internal.upstream_rq_429: 1
      cluster.up.internal.upstream_rq_4xx: 1
      cluster.up.ratelimit.over_limit: 1
      cluster.up.upstream_rq_429: 1
      cluster.up.upstream_rq_4xx: 1
    `,
      },
      asks(
        'main',
        get('/x'),
        message(
          [1, 2],
          [3, header('x-told', 'a')],
          [4, header('x-from-service', 'b')],
          [5, 'too much'],
          [6, message([1, message([1, 'who'], [2, message([3, 'me'])])])],
        ),
      ),
    )
    f.scenario(
      'headers of limits',
      {
        sees: `
      > service
      1 = "test"
      2.1["generic_key"] = "host"
      > up
      GET /x HTTP/1.1
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-ratelimit-limit: 20, 10;w=60, 20;w=3600;name="second"
      x-ratelimit-remaining: 3
      x-ratelimit-reset: 7
      ok
      log: 200 - via_upstream me
      cluster.up.ratelimit.mine.ok: 1
    `,
      },
      asks(
        'headers',
        get('/x'),
        message(
          [1, 1],
          [2, status(5, 30)],
          [2, status(3, 7, 'second', 20, 3)],
          [6, message([1, message([1, 'who'], [2, message([3, 'me'])])])],
        ),
      ),
    )
    f.scenario(
      'headers of a refusal',
      {
        sees: `
      > service
      1 = "test"
      2.1["generic_key"] = "host"
      < client
      HTTP/1.1 403 Forbidden
      content-length: 0
      x-added: yes
      x-ratelimit-limit: 10, 10;w=60
      x-ratelimit-remaining: 0
      x-ratelimit-reset: 30

      log: 403 RL request_rate_limited -
      cluster.up.internal.upstream_rq_403: 1
      cluster.up.internal.upstream_rq_4xx: 1
      cluster.up.ratelimit.mine.over_limit: 1
      cluster.up.upstream_rq_403: 1
      cluster.up.upstream_rq_4xx: 1
    `,
      },
      asks('headers', get('/x'), message([1, 2], [2, status(0, 30)])),
    )
    f.scenario(
      'a service that fails',
      {
        sees: `
      > service
      1 = "test"
      2.1["generic_key"] = "host"
      > up
      GET /x HTTP/1.1
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: 200 - via_upstream -
      cluster.up.ratelimit.error: 1
      cluster.up.ratelimit.failure_mode_allowed: 1
    `,
      },
      asks('main', get('/x'), 13),
    )
    f.scenario(
      'a service that fails, strictly',
      {
        sees: `
      > service
      1 = "test"
      2.1["generic_key"] = "host"
      < client
      HTTP/1.1 503 Service Unavailable
      content-length: 0

      log: HTTP/1.1 503 RLSE rate_limiter_error in=0 out=0
      cluster.up.ratelimit.error: 1
    `,
      },
      asks('strict', get('/x', 'x-forwarded-for: 8.8.8.8'), 13),
    )
    f.scenario(
      'a service that says nothing',
      {
        sees: `
      > service
      1 = "test"
      2.1["generic_key"] = "host"
      > up
      GET /x HTTP/1.1
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: 200 - via_upstream -
      cluster.up.ratelimit.ok: 1
    `,
      },
      asks('main', get('/x'), message()),
    )
    f.scenario(
      'external requests only',
      {
        sees: `
      > service
      1 = "test"
      2.1["generic_key"] = "host"
      > up
      GET /x HTTP/1.1
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: HTTP/1.1 200 - via_upstream in=0 out=2
      cluster.up.ratelimit.ok: 1
    `,
      },
      asks('strict', get('/x')),
    )
    f.scenario(
      'internal requests only',
      {
        sees: `
      > up
      GET /x HTTP/1.1
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: HTTP/1.1 200 - via_upstream in=0 out=2
    `,
      },
      asks('internal', get('/x')),
    )
    f.scenario(
      'gRPC',
      {
        sees: `
      > service
      1 = "test"
      2.1["generic_key"] = "host"
      < client
      HTTP/1.1 200 OK
      content-length: 0
      content-type: application/grpc
      grpc-status: 8
      x-envoy-ratelimited: true

      log: HTTP/1.1 200 RL request_rate_limited in=0 out=0
      cluster.up.internal.upstream_rq_429: 1
      cluster.up.internal.upstream_rq_4xx: 1
      cluster.up.ratelimit.over_limit: 1
      cluster.up.upstream_rq_429: 1
      cluster.up.upstream_rq_4xx: 1
    `,
      },
      asks('strict', get('/x', 'content-type: application/grpc'), over),
    )
    f.scenario(
      'not enforced',
      {
        sees: `
      > service
      1 = "test"
      2.1["generic_key"] = "host"
      > up
      GET /x HTTP/1.1
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-ratelimited: true
      ok
      log: HTTP/1.1 200 - via_upstream in=0 out=2
      cluster.up.internal.upstream_rq_429: 1
      cluster.up.internal.upstream_rq_4xx: 1
      cluster.up.ratelimit.over_limit: 1
      cluster.up.upstream_rq_429: 1
      cluster.up.upstream_rq_4xx: 1
    `,
      },
      asks('looking', get('/x'), over),
    )
    f.scenario(
      'disabled',
      {
        sees: `
      > up
      GET /x HTTP/1.1
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: HTTP/1.1 200 - via_upstream in=0 out=2
    `,
      },
      asks('disabled', get('/x'), over),
    )
    f.scenario(
      'nobody there',
      {
        sees: `
      > up
      GET /x HTTP/1.1
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: HTTP/1.1 200 - via_upstream in=0 out=2
      cluster.up.ratelimit.error: 1
      cluster.up.ratelimit.failure_mode_allowed: 1
    `,
      },
      asks('gone', get('/x')),
    )
  },
)
