// envoy.filters.http.local_ratelimit with descriptors: the actions of routes, virtual hosts and of the filter itself.
import { get } from '../support/bytes.js'
import { http, httpFilters, perFilter } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'

const NAME = 'envoy.filters.http.local_ratelimit'
const TYPE = 'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit'
const always = `filter_enabled: {default_value: {numerator: 100}}
filter_enforced: {default_value: {numerator: 100}}`
const bucket = (tokens: number, seconds = 3600): string =>
  `{max_tokens: ${tokens}, tokens_per_fill: ${tokens}, fill_interval: ${seconds}s}`
const limit = (listener: string, yaml: string): string =>
  httpFilters([NAME, TYPE, `stat_prefix: ${listener}\n${always}\n${yaml}`])
const perRoute = (yaml: string): string =>
  perFilter(NAME, TYPE, `stat_prefix: hosts.route, ${always.replace('\n', ', ')}, ${yaml}`)
const descriptor = (tokens: number, ...entries: (readonly [string, string])[]): string =>
  `{entries: [${entries.map(([key, value]) => `{key: "${key}", value: "${value}"}`).join(', ')}], token_bucket: ${bucket(tokens)}}`
/** One response for each of the paths, on one connection, and statistics at the end. */
const gets = (...paths: readonly (string | readonly [string, ...string[]])[]): string[] =>
  paths.map(one => (typeof one === 'string' ? get(one) : get(one[0], ...one.slice(1))))

/** One connection; of each response what limits say, and the statistics at the end. */
const asks =
  (to: string, ...requests: readonly string[]) =>
  async (s: Scene): Promise<void> => {
    const client = await s.connect(to)
    for (const [index, request] of requests.entries()) {
      await client.send(request)
      const { head } = await client.response(index + 1)
      const said = head.split('\r\n').filter(line => /^HTTP|ratelimit|retry-after|x-limited/.test(line))
      s.note(`${request.split('\r\n')[0]} -> ${said.join(' | ')}`)
    }
    for (const [name, value] of await s.proxy.stats())
      if (name.startsWith(`${to}.`) && value !== 0) s.note(`${name}: ${value}`)
  }

const action = {
  header: '{actions: [{request_headers: {header_name: x-a, descriptor_key: a}}]}',
  generic: '{actions: [{generic_key: {descriptor_value: one}}]}',
}

feature(
  'by descriptors',
  {
    file: import.meta.url,
    listeners: [
      http('main', {
        hcm: limit(
          'main',
          `
token_bucket: ${bucket(4)}
enable_x_ratelimit_headers: DRAFT_VERSION_03
descriptors:
- ${descriptor(1, ['a', '1'])}
- ${descriptor(2, ['a', '1'], ['generic_key', 'one'])}
`,
        ),
        routes: `
- {match: {prefix: /header}, route: {cluster: up, rate_limits: [${action.header}]}}
- {match: {prefix: /both}, route: {cluster: up, rate_limits: [{actions: [{request_headers: {header_name: x-a, descriptor_key: a}}, {generic_key: {descriptor_value: one}}]}]}}
- {match: {prefix: /}, route: {cluster: up}}
`,
      }),
      http('default', {
        hcm: limit(
          'default',
          `
token_bucket: ${bucket(2)}
always_consume_default_token_bucket: false
enable_x_ratelimit_headers: DRAFT_VERSION_03
descriptors: [${descriptor(2, ['a', '1'])}]
response_headers_to_add: [{header: {key: x-limited, value: "yes"}}]
`,
        ),
        routes: `- {match: {prefix: /}, route: {cluster: up, rate_limits: [${action.header}]}}`,
      }),
      http('hosts', {
        hcm: limit(
          'hosts',
          `
token_bucket: ${bucket(1000)}
stage: 1
descriptors: [${descriptor(1, ['vh', '1'])}, ${descriptor(1, ['own', '1'])}]
`,
        ),
        vhost:
          'rate_limits: [{stage: 1, actions: [{generic_key: {descriptor_key: vh, descriptor_value: "1"}}]}, {actions: [{generic_key: {descriptor_key: own, descriptor_value: "1"}}]}]',
        routes: `
- {match: {prefix: /plain}, route: {cluster: up}}
- {match: {prefix: /own}, route: {cluster: up, rate_limits: [{stage: 1, actions: [{generic_key: {descriptor_key: none, descriptor_value: "1"}}]}]}}
- {match: {prefix: /included}, route: {cluster: up, include_vh_rate_limits: true, rate_limits: [{stage: 1, actions: [{generic_key: {descriptor_key: none, descriptor_value: "1"}}]}]}}
- {match: {prefix: /ignored}, route: {cluster: up}, typed_per_filter_config: ${perRoute(`token_bucket: ${bucket(1000)}, vh_rate_limits: IGNORE, stage: 1, descriptors: [${descriptor(1, ['vh', '1'])}]`)}}
- {match: {prefix: /direct}, direct_response: {status: 200}}
`,
      }),
      http('inside', {
        hcm: limit(
          'inside',
          `
token_bucket: ${bucket(1000)}
rate_limits:
- actions: [{request_headers: {header_name: x-a, descriptor_key: a}}]
- actions: [{remote_address: {}}]
  hits_addend: {format: "%REQ(x-hits)%"}
- actions: [{header_value_match: {descriptor_value: m, headers: [{name: x-m, string_match: {exact: m}}]}}]
  hits_addend: {number: 3}
descriptors: [${descriptor(1, ['a', 'x'])}, ${descriptor(10, ['remote_address', '127.0.0.1'])}, ${descriptor(4, ['header_match', 'm'])}]
`,
        ),
        routes: `
- {match: {prefix: /direct}, direct_response: {status: 200}}
- {match: {prefix: /}, route: {cluster: up, rate_limits: [{actions: [{generic_key: {descriptor_value: unused}}]}]}}
`,
      }),
      http('wild', {
        hcm: limit(
          'wild',
          `
token_bucket: ${bucket(1000)}
max_dynamic_descriptors: 2
enable_x_ratelimit_headers: DRAFT_VERSION_03
enable_retry_after_header: true
rate_limits: [${action.header}]
descriptors: [${descriptor(1, ['a', ''])}]
`,
        ),
      }),
      http('shadow', {
        hcm: limit(
          'shadow',
          `
token_bucket: ${bucket(1000)}
rate_limits: [${action.header}]
descriptors: [{entries: [{key: a, value: x}], token_bucket: ${bucket(1)}, shadow_mode: true}]
`,
        ),
      }),
      http('not-enforced', {
        hcm: httpFilters([
          NAME,
          TYPE,
          `
stat_prefix: not-enforced
filter_enabled: {default_value: {numerator: 100}}
token_bucket: ${bucket(1)}
enable_x_ratelimit_headers: DRAFT_VERSION_03
request_headers_to_add_when_not_enforced: [{header: {key: x-over, value: "yes"}}]
`,
        ]),
      }),
      http('connection', {
        hcm: limit(
          'connection',
          `
token_bucket: ${bucket(1)}
local_rate_limit_per_downstream_connection: true
`,
        ),
      }),
      http('kinds', {
        hcm: limit(
          'kinds',
          `
token_bucket: ${bucket(1000)}
stage: 0
descriptors:
- ${descriptor(1, ['source_cluster', 'test-cluster'])}
- ${descriptor(1, ['destination_cluster', 'up'])}
- ${descriptor(1, ['masked_remote_address', '127.0.0.0/8'])}
- ${descriptor(1, ['k', 'v-GET'])}
- ${descriptor(1, ['k', 'fallback'])}
- ${descriptor(1, ['header_match', 'absent'])}
- ${descriptor(1, ['query_match', 'q1'])}
- ${descriptor(1, ['q', 'v'])}
- ${descriptor(1, ['only', '1'])}
- ${descriptor(1, ['meta', 'deep'])}
- ${descriptor(1, ['meta', 'default'])}
- ${descriptor(1, ['remote_address_match', 'local'])}
- ${descriptor(1, ['name', 'h'])}
`,
        ),
        routes: [
          ['source', '{actions: [{source_cluster: {}}]}'],
          ['destination', '{actions: [{destination_cluster: {}}]}'],
          ['masked', '{actions: [{masked_remote_address: {v4_prefix_mask_len: 8}}]}'],
          ['formatted', '{actions: [{generic_key: {descriptor_key: k, descriptor_value: "v-%REQ(:METHOD)%"}}]}'],
          [
            'fallback',
            '{actions: [{generic_key: {descriptor_key: k, descriptor_value: "%REQ(x-none)%", default_value: fallback}}]}',
          ],
          ['nothing', '{actions: [{generic_key: {descriptor_key: k, descriptor_value: "%REQ(x-none)%"}}]}'],
          [
            'absent',
            '{actions: [{header_value_match: {descriptor_value: absent, expect_match: false, headers: [{name: x-m}]}}]}',
          ],
          [
            'query',
            '{actions: [{query_parameter_value_match: {descriptor_value: q1, query_parameters: [{name: q, string_match: {exact: "1"}}]}}]}',
          ],
          ['parameter', '{actions: [{query_parameters: {query_parameter_name: p, descriptor_key: q}}]}'],
          [
            'skip',
            '{actions: [{request_headers: {header_name: x-none, descriptor_key: x, skip_if_absent: true}}, {generic_key: {descriptor_key: only, descriptor_value: "1"}}]}',
          ],
          [
            'noskip',
            '{actions: [{request_headers: {header_name: x-none, descriptor_key: x}}, {generic_key: {descriptor_key: only, descriptor_value: "1"}}]}',
          ],
          [
            'route-metadata',
            '{actions: [{metadata: {descriptor_key: meta, source: ROUTE_ENTRY, metadata_key: {key: ns, path: [{key: a}, {key: b}]}}}]}',
          ],
          [
            'metadata-default',
            '{actions: [{metadata: {descriptor_key: meta, default_value: default, metadata_key: {key: ns, path: [{key: a}]}}}]}',
          ],
          [
            'address',
            '{actions: [{remote_address_match: {descriptor_value: local, address_matcher: {ranges: [{address_prefix: 127.0.0.0, prefix_len: 8}]}}}]}',
          ],
          [
            'extension',
            '{actions: [{extension: {name: name, typed_config: {"@type": type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput, header_name: x-h}}}]}',
          ],
        ]
          .map(
            ([path, one]) =>
              `- {match: {path: /${path}}, metadata: {filter_metadata: {ns: {a: {b: deep}}}}, route: {cluster: up, rate_limits: [${one}]}}`,
          )
          .join('\n'),
      }),
    ],
  },
  f => {
    f.scenario(
      'a descriptor has a bucket of its own',
      {
        sees: `
        GET /header HTTP/1.1 -> HTTP/1.1 200 OK | x-ratelimit-limit: 1 | x-ratelimit-remaining: 0 | x-ratelimit-reset: 3600
        GET /header HTTP/1.1 -> HTTP/1.1 429 Too Many Requests | x-ratelimit-limit: 1 | x-ratelimit-remaining: 0 | x-ratelimit-reset: 3600
        GET /both HTTP/1.1 -> HTTP/1.1 200 OK | x-ratelimit-limit: 2 | x-ratelimit-remaining: 1 | x-ratelimit-reset: 0
        GET /both HTTP/1.1 -> HTTP/1.1 200 OK | x-ratelimit-limit: 2 | x-ratelimit-remaining: 0 | x-ratelimit-reset: 1800
        GET /both HTTP/1.1 -> HTTP/1.1 429 Too Many Requests | x-ratelimit-limit: 2 | x-ratelimit-remaining: 0 | x-ratelimit-reset: 1800
        GET / HTTP/1.1 -> HTTP/1.1 200 OK | x-ratelimit-limit: 4 | x-ratelimit-remaining: 0 | x-ratelimit-reset: 900
        GET / HTTP/1.1 -> HTTP/1.1 429 Too Many Requests | x-ratelimit-limit: 4 | x-ratelimit-remaining: 0 | x-ratelimit-reset: 900
        GET / HTTP/1.1 -> HTTP/1.1 429 Too Many Requests | x-ratelimit-limit: 4 | x-ratelimit-remaining: 0 | x-ratelimit-reset: 900
        main.http_local_rate_limit.enabled: 8
        main.http_local_rate_limit.enforced: 4
        main.http_local_rate_limit.ok: 4
        main.http_local_rate_limit.rate_limited: 4
      `,
      },
      asks(
        'main',
        ...gets(
          ['/header', 'x-a: 1'],
          ['/header', 'x-a: 1'],
          ['/both', 'x-a: 1'],
          ['/both', 'x-a: 1'],
          ['/both', 'x-a: 1'],
          '/',
          '/',
          '/',
        ),
      ),
    )
    f.scenario(
      'the default bucket only for the rest',
      {
        sees: `
        GET / HTTP/1.1 -> HTTP/1.1 200 OK | x-ratelimit-limit: 2 | x-ratelimit-remaining: 1 | x-ratelimit-reset: 0
        GET / HTTP/1.1 -> HTTP/1.1 200 OK | x-ratelimit-limit: 2 | x-ratelimit-remaining: 0 | x-ratelimit-reset: 1800
        GET / HTTP/1.1 -> HTTP/1.1 429 Too Many Requests | x-limited: yes | x-ratelimit-limit: 2 | x-ratelimit-remaining: 0 | x-ratelimit-reset: 1800
        GET / HTTP/1.1 -> HTTP/1.1 200 OK | x-ratelimit-limit: 2 | x-ratelimit-remaining: 1 | x-ratelimit-reset: 0
        GET / HTTP/1.1 -> HTTP/1.1 200 OK | x-ratelimit-limit: 2 | x-ratelimit-remaining: 0 | x-ratelimit-reset: 1800
        GET / HTTP/1.1 -> HTTP/1.1 429 Too Many Requests | x-limited: yes | x-ratelimit-limit: 2 | x-ratelimit-remaining: 0 | x-ratelimit-reset: 1800
        default.http_local_rate_limit.enabled: 6
        default.http_local_rate_limit.enforced: 2
        default.http_local_rate_limit.ok: 4
        default.http_local_rate_limit.rate_limited: 2
      `,
      },
      asks('default', ...gets(['/', 'x-a: 1'], ['/', 'x-a: 1'], ['/', 'x-a: 1'], '/', '/', '/')),
    )
    f.scenario(
      'limits of virtual hosts',
      {
        sees: `
        GET /plain HTTP/1.1 -> HTTP/1.1 200 OK
        GET /plain HTTP/1.1 -> HTTP/1.1 429 Too Many Requests
        GET /own HTTP/1.1 -> HTTP/1.1 200 OK
        GET /included HTTP/1.1 -> HTTP/1.1 429 Too Many Requests
        GET /ignored HTTP/1.1 -> HTTP/1.1 200 OK
        GET /ignored HTTP/1.1 -> HTTP/1.1 200 OK
        GET /direct HTTP/1.1 -> HTTP/1.1 200 OK
        hosts.http_local_rate_limit.enabled: 5
        hosts.http_local_rate_limit.enforced: 2
        hosts.http_local_rate_limit.ok: 3
        hosts.http_local_rate_limit.rate_limited: 2
        hosts.route.http_local_rate_limit.enabled: 2
        hosts.route.http_local_rate_limit.ok: 2
      `,
      },
      asks('hosts', ...gets('/plain', '/plain', '/own', '/included', '/ignored', '/ignored', '/direct')),
    )
    f.scenario(
      'limits of the filter itself',
      {
        sees: `
        GET / HTTP/1.1 -> HTTP/1.1 200 OK
        GET / HTTP/1.1 -> HTTP/1.1 429 Too Many Requests
        GET /direct HTTP/1.1 -> HTTP/1.1 429 Too Many Requests
        GET / HTTP/1.1 -> HTTP/1.1 200 OK
        GET / HTTP/1.1 -> HTTP/1.1 429 Too Many Requests
        GET / HTTP/1.1 -> HTTP/1.1 200 OK
        GET / HTTP/1.1 -> HTTP/1.1 200 OK
        GET / HTTP/1.1 -> HTTP/1.1 200 OK
        GET / HTTP/1.1 -> HTTP/1.1 429 Too Many Requests
        inside.http_local_rate_limit.enabled: 9
        inside.http_local_rate_limit.enforced: 4
        inside.http_local_rate_limit.ok: 5
        inside.http_local_rate_limit.rate_limited: 4
      `,
      },
      asks(
        'inside',
        ...gets(
          ['/', 'x-a: x'],
          ['/', 'x-a: x'],
          ['/direct', 'x-a: x'],
          ['/', 'x-hits: 8'],
          ['/', 'x-hits: 8'],
          ['/', 'x-hits: 2'],
          ['/', 'x-hits: no'],
          ['/', 'x-m: m'],
          ['/', 'x-m: m'],
        ),
      ),
    )
    f.scenario(
      'any value',
      {
        sees: `
        GET / HTTP/1.1 -> HTTP/1.1 200 OK | x-ratelimit-limit: 1 | x-ratelimit-remaining: 0 | x-ratelimit-reset: 3600
        GET / HTTP/1.1 -> HTTP/1.1 200 OK | x-ratelimit-limit: 1 | x-ratelimit-remaining: 0 | x-ratelimit-reset: 3600
        GET / HTTP/1.1 -> HTTP/1.1 429 Too Many Requests | retry-after: 3600 | x-ratelimit-limit: 1 | x-ratelimit-remaining: 0 | x-ratelimit-reset: 3600
        GET / HTTP/1.1 -> HTTP/1.1 200 OK | x-ratelimit-limit: 1 | x-ratelimit-remaining: 0 | x-ratelimit-reset: 3600
        GET / HTTP/1.1 -> HTTP/1.1 200 OK | x-ratelimit-limit: 1 | x-ratelimit-remaining: 0 | x-ratelimit-reset: 3600
        GET / HTTP/1.1 -> HTTP/1.1 200 OK | x-ratelimit-limit: 1 | x-ratelimit-remaining: 0 | x-ratelimit-reset: 3600
        wild.http_local_rate_limit.enabled: 6
        wild.http_local_rate_limit.enforced: 1
        wild.http_local_rate_limit.ok: 5
        wild.http_local_rate_limit.rate_limited: 1
      `,
      },
      asks(
        'wild',
        ...gets(['/', 'x-a: 1'], ['/', 'x-a: 2'], ['/', 'x-a: 1'], ['/', 'x-a: 3'], ['/', 'x-a: 2'], ['/', 'x-a: 1']),
      ),
    )
    f.scenario(
      'a descriptor that only looks',
      {
        sees: `
        GET / HTTP/1.1 -> HTTP/1.1 200 OK
        GET / HTTP/1.1 -> HTTP/1.1 200 OK
        GET / HTTP/1.1 -> HTTP/1.1 200 OK
        shadow.http_local_rate_limit.enabled: 3
        shadow.http_local_rate_limit.ok: 1
        shadow.http_local_rate_limit.rate_limited: 2
        shadow.http_local_rate_limit.shadow_mode: 2
      `,
      },
      asks('shadow', ...gets(['/', 'x-a: x'], ['/', 'x-a: x'], ['/', 'x-a: x'])),
    )
    f.scenario(
      'not enforced',
      {
        sees: `
      GET / HTTP/1.1 -> HTTP/1.1 200 OK | x-ratelimit-limit: 1 | x-ratelimit-remaining: 0 | x-ratelimit-reset: 3600
      GET / HTTP/1.1 -> HTTP/1.1 200 OK | x-ratelimit-limit: 1 | x-ratelimit-remaining: 0 | x-ratelimit-reset: 3600
      not-enforced.http_local_rate_limit.enabled: 2
      not-enforced.http_local_rate_limit.ok: 1
      not-enforced.http_local_rate_limit.rate_limited: 1
    `,
      },
      asks('not-enforced', ...gets('/', '/')),
    )
    f.scenario(
      'for each connection',
      {
        sees: `
      GET / HTTP/1.1 -> HTTP/1.1 200 OK
      GET / HTTP/1.1 -> HTTP/1.1 429 Too Many Requests
      connection.http_local_rate_limit.enabled: 2
      connection.http_local_rate_limit.enforced: 1
      connection.http_local_rate_limit.ok: 1
      connection.http_local_rate_limit.rate_limited: 1
    `,
      },
      asks('connection', ...gets('/', '/')),
    )
    f.scenario(
      'for the next connection',
      {
        sees: `
      GET / HTTP/1.1 -> HTTP/1.1 200 OK
      GET / HTTP/1.1 -> HTTP/1.1 429 Too Many Requests
      connection.http_local_rate_limit.enabled: 4
      connection.http_local_rate_limit.enforced: 2
      connection.http_local_rate_limit.ok: 2
      connection.http_local_rate_limit.rate_limited: 2
    `,
      },
      asks('connection', ...gets('/', '/')),
    )
    f.scenario(
      'every kind of action',
      {
        sees: `
        GET /source HTTP/1.1 -> HTTP/1.1 200 OK
        GET /source HTTP/1.1 -> HTTP/1.1 200 OK
        GET /destination HTTP/1.1 -> HTTP/1.1 200 OK
        GET /destination HTTP/1.1 -> HTTP/1.1 429 Too Many Requests
        GET /masked HTTP/1.1 -> HTTP/1.1 200 OK
        GET /masked HTTP/1.1 -> HTTP/1.1 429 Too Many Requests
        GET /formatted HTTP/1.1 -> HTTP/1.1 200 OK
        GET /formatted HTTP/1.1 -> HTTP/1.1 200 OK
        GET /fallback HTTP/1.1 -> HTTP/1.1 200 OK
        GET /fallback HTTP/1.1 -> HTTP/1.1 200 OK
        GET /nothing HTTP/1.1 -> HTTP/1.1 200 OK
        GET /nothing HTTP/1.1 -> HTTP/1.1 200 OK
        GET /absent HTTP/1.1 -> HTTP/1.1 200 OK
        GET /absent HTTP/1.1 -> HTTP/1.1 429 Too Many Requests
        GET /absent HTTP/1.1 -> HTTP/1.1 200 OK
        GET /absent HTTP/1.1 -> HTTP/1.1 200 OK
        GET /query?q=1 HTTP/1.1 -> HTTP/1.1 200 OK
        GET /query?q=1 HTTP/1.1 -> HTTP/1.1 429 Too Many Requests
        GET /query?q=2 HTTP/1.1 -> HTTP/1.1 200 OK
        GET /query?q=2 HTTP/1.1 -> HTTP/1.1 200 OK
        GET /query HTTP/1.1 -> HTTP/1.1 200 OK
        GET /query HTTP/1.1 -> HTTP/1.1 200 OK
        GET /parameter?p=v HTTP/1.1 -> HTTP/1.1 200 OK
        GET /parameter?p=v HTTP/1.1 -> HTTP/1.1 429 Too Many Requests
        GET /parameter HTTP/1.1 -> HTTP/1.1 200 OK
        GET /parameter HTTP/1.1 -> HTTP/1.1 200 OK
        GET /skip HTTP/1.1 -> HTTP/1.1 200 OK
        GET /skip HTTP/1.1 -> HTTP/1.1 429 Too Many Requests
        GET /noskip HTTP/1.1 -> HTTP/1.1 200 OK
        GET /noskip HTTP/1.1 -> HTTP/1.1 200 OK
        GET /route-metadata HTTP/1.1 -> HTTP/1.1 200 OK
        GET /route-metadata HTTP/1.1 -> HTTP/1.1 429 Too Many Requests
        GET /metadata-default HTTP/1.1 -> HTTP/1.1 200 OK
        GET /metadata-default HTTP/1.1 -> HTTP/1.1 429 Too Many Requests
        GET /address HTTP/1.1 -> HTTP/1.1 200 OK
        GET /address HTTP/1.1 -> HTTP/1.1 429 Too Many Requests
        GET /extension HTTP/1.1 -> HTTP/1.1 200 OK
        GET /extension HTTP/1.1 -> HTTP/1.1 429 Too Many Requests
        GET /extension HTTP/1.1 -> HTTP/1.1 200 OK
        GET /extension HTTP/1.1 -> HTTP/1.1 200 OK
        kinds.http_local_rate_limit.enabled: 40
        kinds.http_local_rate_limit.enforced: 10
        kinds.http_local_rate_limit.ok: 30
        kinds.http_local_rate_limit.rate_limited: 10
      `,
      },
      asks(
        'kinds',
        ...gets(
          '/source',
          '/destination',
          '/masked',
          '/formatted',
          '/fallback',
          '/nothing',
          '/absent',
          ['/absent', 'x-m: 1'],
          '/query?q=1',
          '/query?q=2',
          '/query',
          '/parameter?p=v',
          '/parameter',
          '/skip',
          '/noskip',
          '/route-metadata',
          '/metadata-default',
          '/address',
          ['/extension', 'x-h: h'],
          '/extension',
        ).flatMap(request => [request, request]),
      ),
    )
  },
)
