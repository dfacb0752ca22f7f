// Which virtual host and route take a request.
import { get, head } from '../support/bytes.js'
import { http } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'

/** Asks one after the other and notes the body of the answer: these configs answer with a route's name. */
const table =
  (listener: string, requests: readonly (readonly string[])[]) =>
  async (s: Scene): Promise<void> => {
    for (const lines of requests) {
      const client = await s.connect(listener)
      await client.send(head(...lines))
      const response = await client.response()
      client.destroy()
      const status = response.startLine.split(' ')[1]
      s.note(`${lines.join(' | ').replace(' HTTP/1.1', '')} -> ${status === '200' ? response.body.toString() : status}`)
    }
  }

const hosts = (...names: string[]): string[][] => names.map(name => ['GET / HTTP/1.1', `host: ${name}`])

const paths = (...all: string[]): string[][] => all.map(path => [`GET ${path} HTTP/1.1`, 'host: a'])

const headers = (...all: string[][]): string[][] => all.map(lines => ['GET / HTTP/1.1', 'host: a', ...lines])

const says = (text: string): string => `direct_response: {status: 200, body: {inline_string: "${text}"}}`

const vhost = (name: string, ...domains: string[]): string =>
  `{name: ${name}, domains: ${JSON.stringify(domains)}, routes: [{match: {prefix: /}, ${says(name)}}]}`

const routes = (...all: [string, string][]): string =>
  `[${all.map(([match, name]) => `{match: ${match}, ${says(name)}}`).join(', ')}]`

feature(
  'domains',
  {
    file: import.meta.url,
    listeners: [
      http('main', {
        vhosts: `[${vhost('any', '*')}, ${vhost('exact', 'a.example', 'b.example:8080', 'C.Example')}, ${vhost('suffix', '*.example')}, ${vhost('longsuffix', '*.sub.example')}, ${vhost('dash', '*-x.example')}, ${vhost('prefix', 'a.*')}, ${vhost('longprefix', 'a.b.*')}, ${vhost('six', '[::1]')}]`,
      }),
      http('closed', { vhosts: `[${vhost('exact', 'a.example')}]` }),
      http('ports', {
        vhosts: `[${vhost('exact', 'a.example')}, ${vhost('port', 'b.example:80')}, ${vhost('any', '*')}]`,
        routeConfig: 'ignore_port_in_host_matching: true',
      }),
    ],
  },
  f => {
    f.scenario(
      'exact, then longest suffix, then longest prefix, then any',
      {
        sees: `
    GET / | host: a.example -> exact
    GET / | host: A.EXAMPLE -> exact
    GET / | host: a.example:80 -> prefix
    GET / | host: b.example -> suffix
    GET / | host: b.example:8080 -> exact
    GET / | host: c.example -> exact
    GET / | host: x.example -> suffix
    GET / | host: .example -> any
    GET / | host: example -> any
    GET / | host: x.sub.example -> longsuffix
    GET / | host: sub.example -> suffix
    GET / | host: y-x.example -> dash
    GET / | host: -x.example -> suffix
    GET / | host: a.com -> prefix
    GET / | host: a. -> any
    GET / | host: a.b.com -> longprefix
    GET / | host: a.b. -> prefix
    GET / | host: a.b -> prefix
    GET / | host: b.com -> any
    GET / | host: [::1] -> six
    GET / | host: [::1]:80 -> any
    GET / | host: a.sub.example -> longsuffix
    GET / | host:  -> any
    GET / | host: other -> any
  `,
      },
      table(
        'main',
        hosts(
          'a.example',
          'A.EXAMPLE',
          'a.example:80',
          'b.example',
          'b.example:8080',
          'c.example',
          'x.example',
          '.example',
          'example',
          'x.sub.example',
          'sub.example',
          'y-x.example',
          '-x.example',
          'a.com',
          'a.',
          'a.b.com',
          'a.b.',
          'a.b',
          'b.com',
          '[::1]',
          '[::1]:80',
          'a.sub.example',
          '',
          'other',
        ),
      ),
    )
    f.scenario(
      'no virtual host',
      {
        sees: `
    GET / | host: a.example -> exact
    GET / | host: b.example -> 404
    GET / | host: a.example:1 -> 404
  `,
      },
      table('closed', hosts('a.example', 'b.example', 'a.example:1')),
    )
    f.scenario(
      'ignore_port_in_host_matching',
      {
        sees: `
    GET / | host: a.example:1234 -> exact
    GET / | host: b.example -> any
    GET / | host: b.example:80 -> any
    GET / | host: b.example:81 -> any
    GET / | host: c:1 -> any
  `,
      },
      table('ports', hosts('a.example:1234', 'b.example', 'b.example:80', 'b.example:81', 'c:1')),
    )
    f.exchange('no virtual host, byte for byte', {
      to: 'closed',
      send: get('/'),
      sees: `
    < client
    HTTP/1.1 404 Not Found
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: HTTP/1.1 404 NR route_not_found in=0 out=0
  `,
    })
  },
)

feature(
  'path matchers',
  {
    file: import.meta.url,
    listeners: [
      http('main', {
        routes: routes(
          ['{path: /exact}', 'path'],
          ['{path: /Exact, case_sensitive: false}', 'path nocase'],
          ['{path_separated_prefix: /sep}', 'separated'],
          ['{safe_regex: {regex: "/re[0-9]+"}}', 'regex'],
          ['{safe_regex: {regex: "/anch.*z"}}', 'regex2'],
          ['{prefix: /PRE, case_sensitive: false}', 'prefix nocase'],
          ['{prefix: /a/b/}', 'ab'],
          ['{prefix: /a}', 'a'],
          ['{path_separated_prefix: /SEPN, case_sensitive: false}', 'separated nocase'],
          ['{safe_regex: {regex: "(?i)/Ci"}}', 'regex nocase'],
        ),
      }),
      http('order', { routes: routes(['{prefix: /}', 'first'], ['{path: /x}', 'second']) }),
      http('params', {
        routes: routes(['{path: /a}', 'a'], ['{prefix: /b/}', 'b'], ['{safe_regex: {regex: "/c"}}', 'c']),
        routeConfig: 'ignore_path_parameters_in_path_matching: true',
      }),
    ],
  },
  f => {
    f.scenario(
      'exact path',
      {
        sees: `
    GET /exact | host: a -> path
    GET /exact/ | host: a -> 404
    GET /exact?q | host: a -> path
    GET /exactly | host: a -> 404
    GET /EXACT | host: a -> path nocase
    GET /eXaCt?x=y | host: a -> path nocase
  `,
      },
      table('main', paths('/exact', '/exact/', '/exact?q', '/exactly', '/EXACT', '/eXaCt?x=y')),
    )
    f.scenario(
      'prefix',
      {
        sees: `
    GET /a | host: a -> a
    GET /ab | host: a -> a
    GET /a/b | host: a -> a
    GET /a/b/ | host: a -> ab
    GET /a/b/c?d | host: a -> ab
    GET /A | host: a -> 404
    GET /pre | host: a -> prefix nocase
    GET /PrEfix | host: a -> prefix nocase
    GET / | host: a -> 404
  `,
      },
      table('main', paths('/a', '/ab', '/a/b', '/a/b/', '/a/b/c?d', '/A', '/pre', '/PrEfix', '/')),
    )
    f.scenario(
      'path-separated prefix',
      {
        sees: `
    GET /sep | host: a -> separated
    GET /sep/ | host: a -> separated
    GET /sep/x | host: a -> separated
    GET /sep?x | host: a -> separated
    GET /separate | host: a -> 404
    GET /sep;x | host: a -> 404
    GET /Sep | host: a -> 404
    GET /sepn/x | host: a -> separated nocase
    GET /SEPN | host: a -> separated nocase
  `,
      },
      table('main', paths('/sep', '/sep/', '/sep/x', '/sep?x', '/separate', '/sep;x', '/Sep', '/sepn/x', '/SEPN')),
    )
    f.scenario(
      'regex matches the whole path without query',
      {
        sees: `
    GET /re1 | host: a -> regex
    GET /re123?q=1 | host: a -> regex
    GET /re | host: a -> 404
    GET /re1/ | host: a -> 404
    GET /xre1 | host: a -> 404
    GET /anch-z | host: a -> regex2
    GET /anchz?y | host: a -> regex2
    GET /anch?z | host: a -> a
    GET /ci | host: a -> regex nocase
    GET /CI | host: a -> regex nocase
  `,
      },
      table(
        'main',
        paths('/re1', '/re123?q=1', '/re', '/re1/', '/xre1', '/anch-z', '/anchz?y', '/anch?z', '/ci', '/CI'),
      ),
    )
    f.scenario(
      'the first match wins',
      {
        sees: `
    GET /x | host: a -> first
    GET / | host: a -> first
  `,
      },
      table('order', paths('/x', '/')),
    )
    f.scenario(
      'path parameters ignored',
      {
        sees: `
    GET /a;x=1 | host: a -> a
    GET /a;x?q | host: a -> a
    GET /a | host: a -> a
    GET /b;p/x | host: a -> b
    GET /b/;p | host: a -> b
    GET /c;x | host: a -> c
    GET /;a | host: a -> 404
  `,
      },
      table('params', paths('/a;x=1', '/a;x?q', '/a', '/b;p/x', '/b/;p', '/c;x', '/;a')),
    )
  },
)

feature(
  'header matchers',
  {
    file: import.meta.url,
    listeners: [
      http('main', {
        routes: routes(
          ['{prefix: /, headers: [{name: x-exact, string_match: {exact: v}}]}', 'exact'],
          ['{prefix: /, headers: [{name: x-prefix, string_match: {prefix: v}}]}', 'prefix'],
          ['{prefix: /, headers: [{name: x-suffix, string_match: {suffix: v}}]}', 'suffix'],
          ['{prefix: /, headers: [{name: x-contains, string_match: {contains: v}}]}', 'contains'],
          ['{prefix: /, headers: [{name: x-nocase, string_match: {exact: VaL, ignore_case: true}}]}', 'nocase'],
          ['{prefix: /, headers: [{name: x-regex, string_match: {safe_regex: {regex: "v[0-9]"}}}]}', 'regex'],
          ['{prefix: /, headers: [{name: x-range, range_match: {start: -5, end: 10}}]}', 'range'],
          ['{prefix: /, headers: [{name: x-present, present_match: true}]}', 'present'],
          [
            '{prefix: /, headers: [{name: x-and, present_match: true}, {name: x-absent, present_match: false}]}',
            'and absent',
          ],
          [
            '{prefix: /, headers: [{name: x-inv, string_match: {exact: v}, invert_match: true}, {name: x-use-inv, present_match: true}]}',
            'inverted',
          ],
          [
            '{prefix: /, headers: [{name: x-inv2, string_match: {exact: v}, invert_match: true, treat_missing_header_as_empty: true}, {name: x-use-inv2, present_match: true}]}',
            'inverted missing as empty',
          ],
          [
            '{prefix: /, headers: [{name: x-empty, string_match: {exact: ""}, treat_missing_header_as_empty: true}, {name: x-use-empty, present_match: true}]}',
            'empty',
          ],
          [
            '{prefix: /, headers: [{name: x-invrange, range_match: {start: 1, end: 3}, invert_match: true}, {name: x-use-invrange, present_match: true}]}',
            'inverted range',
          ],
          ['{prefix: /, headers: [{name: x-old, exact_match: v}]}', 'deprecated exact'],
          ['{prefix: /, headers: [{name: x-oldp, prefix_match: v}]}', 'deprecated prefix'],
          ['{prefix: /, headers: [{name: x-olds, suffix_match: v}]}', 'deprecated suffix'],
          ['{prefix: /, headers: [{name: x-oldc, contains_match: v}]}', 'deprecated contains'],
          ['{prefix: /, headers: [{name: x-oldr, safe_regex_match: {regex: "v."}}]}', 'deprecated regex'],
          ['{prefix: /, headers: [{name: ":method", string_match: {exact: POST}}]}', 'POST'],
          ['{prefix: /, headers: [{name: ":authority", string_match: {exact: auth.example}}]}', 'authority'],
          ['{prefix: /, headers: [{name: host, string_match: {exact: host.example}}]}', 'host'],
          ['{prefix: /, headers: [{name: ":path", string_match: {suffix: "?special"}}]}', 'path'],
          ['{prefix: /, headers: [{name: ":scheme", string_match: {exact: https}}]}', 'scheme https'],
          ['{prefix: /, headers: [{name: x-multi, string_match: {exact: "a,b"}}]}', 'multi joined'],
          ['{prefix: /, headers: [{name: x-bare}]}', 'bare'],
          [
            '{prefix: /, headers: [{name: x-inp, present_match: true, invert_match: true}, {name: x-use-inp, present_match: true}]}',
            'inverted present',
          ],
        ),
      }),
    ],
  },
  f => {
    f.scenario(
      'string matches',
      {
        sees: `
    GET / | host: a | x-exact: v -> exact
    GET / | host: a | x-exact: V -> 404
    GET / | host: a | x-exact: vv -> 404
    GET / | host: a | x-prefix: vx -> prefix
    GET / | host: a | x-prefix: xv -> 404
    GET / | host: a | x-suffix: xv -> suffix
    GET / | host: a | x-suffix: vx -> 404
    GET / | host: a | x-contains: xvx -> contains
    GET / | host: a | x-contains: x -> 404
    GET / | host: a | x-nocase: VAL -> nocase
    GET / | host: a | x-nocase: val2 -> 404
    GET / | host: a | x-regex: v1 -> regex
    GET / | host: a | x-regex: v12 -> 404
    GET / | host: a | X-EXACT: v -> exact
  `,
      },
      table(
        'main',
        headers(
          ['x-exact: v'],
          ['x-exact: V'],
          ['x-exact: vv'],
          ['x-prefix: vx'],
          ['x-prefix: xv'],
          ['x-suffix: xv'],
          ['x-suffix: vx'],
          ['x-contains: xvx'],
          ['x-contains: x'],
          ['x-nocase: VAL'],
          ['x-nocase: val2'],
          ['x-regex: v1'],
          ['x-regex: v12'],
          ['X-EXACT: v'],
        ),
      ),
    )
    f.scenario(
      'ranges',
      {
        sees: `
    GET / | host: a | x-range: -5 -> range
    GET / | host: a | x-range: -6 -> 404
    GET / | host: a | x-range: 0 -> range
    GET / | host: a | x-range: 9 -> range
    GET / | host: a | x-range: 10 -> 404
    GET / | host: a | x-range: +3 -> range
    GET / | host: a | x-range:  3 -> range
    GET / | host: a | x-range: 3.5 -> 404
    GET / | host: a | x-range: abc -> 404
    GET / | host: a | x-range:  -> 404
    GET / | host: a | x-range: 03 -> range
    GET / | host: a | x-range: 9223372036854775808 -> 404
  `,
      },
      table(
        'main',
        headers(
          ...['-5', '-6', '0', '9', '10', '+3', ' 3', '3.5', 'abc', '', '03', '9223372036854775808'].map(value => [
            `x-range: ${value}`,
          ]),
        ),
      ),
    )
    f.scenario(
      'presence and inversion',
      {
        sees: `
    GET / | host: a | x-present:  -> present
    GET / | host: a | x-present: v -> present
    GET / | host: a | x-and: 1 -> and absent
    GET / | host: a | x-and: 1 | x-absent: 1 -> 404
    GET / | host: a | x-use-inv: 1 -> 404
    GET / | host: a | x-use-inv: 1 | x-inv: v -> 404
    GET / | host: a | x-use-inv: 1 | x-inv: w -> inverted
    GET / | host: a | x-use-inv2: 1 -> inverted missing as empty
    GET / | host: a | x-use-inv2: 1 | x-inv2: v -> 404
    GET / | host: a | x-use-empty: 1 -> empty
    GET / | host: a | x-use-empty: 1 | x-empty: v -> 404
    GET / | host: a | x-use-empty: 1 | x-empty: -> empty
    GET / | host: a | x-use-invrange: 1 -> 404
    GET / | host: a | x-use-invrange: 1 | x-invrange: 2 -> 404
    GET / | host: a | x-use-invrange: 1 | x-invrange: 9 -> inverted range
    GET / | host: a | x-use-invrange: 1 | x-invrange: a -> inverted range
    GET / | host: a | x-bare: 1 -> bare
    GET / | host: a | x-bare: -> bare
    GET / | host: a | x-use-inp: 1 -> inverted present
    GET / | host: a | x-use-inp: 1 | x-inp: 1 -> 404
  `,
      },
      table(
        'main',
        headers(
          ['x-present: '],
          ['x-present: v'],
          ['x-and: 1'],
          ['x-and: 1', 'x-absent: 1'],
          ['x-use-inv: 1'],
          ['x-use-inv: 1', 'x-inv: v'],
          ['x-use-inv: 1', 'x-inv: w'],
          ['x-use-inv2: 1'],
          ['x-use-inv2: 1', 'x-inv2: v'],
          ['x-use-empty: 1'],
          ['x-use-empty: 1', 'x-empty: v'],
          ['x-use-empty: 1', 'x-empty:'],
          ['x-use-invrange: 1'],
          ['x-use-invrange: 1', 'x-invrange: 2'],
          ['x-use-invrange: 1', 'x-invrange: 9'],
          ['x-use-invrange: 1', 'x-invrange: a'],
          ['x-bare: 1'],
          ['x-bare:'],
          ['x-use-inp: 1'],
          ['x-use-inp: 1', 'x-inp: 1'],
        ),
      ),
    )
    f.scenario(
      'deprecated forms',
      {
        sees: `
    GET / | host: a | x-old: v -> deprecated exact
    GET / | host: a | x-old: w -> 404
    GET / | host: a | x-oldp: vx -> deprecated prefix
    GET / | host: a | x-olds: xv -> deprecated suffix
    GET / | host: a | x-oldc: xvx -> deprecated contains
    GET / | host: a | x-oldr: vx -> deprecated regex
    GET / | host: a | x-oldr: vxx -> 404
  `,
      },
      table(
        'main',
        headers(
          ['x-old: v'],
          ['x-old: w'],
          ['x-oldp: vx'],
          ['x-olds: xv'],
          ['x-oldc: xvx'],
          ['x-oldr: vx'],
          ['x-oldr: vxx'],
        ),
      ),
    )
    f.scenario(
      'pseudo-headers',
      {
        sees: `
    POST / | host: a | content-length: 0 -> POST
    GET / | host: auth.example -> authority
    GET / | host: host.example -> host
    GET /x?special | host: a -> path
    GET https://a/ | host: a -> scheme https
    GET / | host: a | x-forwarded-proto: https -> scheme https
  `,
      },
      table('main', [
        ['POST / HTTP/1.1', 'host: a', 'content-length: 0'],
        ['GET / HTTP/1.1', 'host: auth.example'],
        ['GET / HTTP/1.1', 'host: host.example'],
        ['GET /x?special HTTP/1.1', 'host: a'],
        ['GET https://a/ HTTP/1.1', 'host: a'],
        ['GET / HTTP/1.1', 'host: a', 'x-forwarded-proto: https'],
      ]),
    )
    f.scenario(
      'repeated headers are joined by a comma',
      {
        sees: `
    GET / | host: a | x-multi: a | x-multi: b -> 404
    GET / | host: a | x-multi: a,b -> multi joined
    GET / | host: a | x-multi: a, b -> 404
    GET / | host: a | x-exact: v | x-exact: w -> exact
  `,
      },
      table(
        'main',
        headers(['x-multi: a', 'x-multi: b'], ['x-multi: a,b'], ['x-multi: a, b'], ['x-exact: v', 'x-exact: w']),
      ),
    )
  },
)

feature(
  'query and other matchers',
  {
    file: import.meta.url,
    listeners: [
      http('main', {
        routes: routes(
          ['{prefix: /, query_parameters: [{name: e, string_match: {exact: v}}]}', 'exact'],
          ['{prefix: /, query_parameters: [{name: p, present_match: true}]}', 'present'],
          ['{prefix: /, query_parameters: [{name: b}]}', 'bare'],
          ['{prefix: /, query_parameters: [{name: r, string_match: {safe_regex: {regex: "[0-9]+"}}}]}', 'regex'],
          [
            '{prefix: /, query_parameters: [{name: x, present_match: true}, {name: y, string_match: {prefix: "1"}}]}',
            'two',
          ],
          ['{prefix: /n, query_parameters: [{name: q, present_match: false}]}', 'absent'],
          ['{prefix: /, query_parameters: [{name: "sp ace", present_match: true}]}', 'decoded name'],
          ['{prefix: /grpc, grpc: {}}', 'grpc'],
          ['{prefix: /zero, runtime_fraction: {default_value: {numerator: 0}}}', 'never'],
          ['{prefix: /all, runtime_fraction: {default_value: {numerator: 100}}}', 'always'],
          ['{prefix: /rt, runtime_fraction: {default_value: {numerator: 0}, runtime_key: some.key}}', 'runtime'],
          ['{prefix: /cookie, cookies: [{name: c, string_match: {exact: v}}]}', 'cookie'],
          ['{prefix: /tls, tls_context: {presented: true}}', 'tls presented'],
          ['{prefix: /tls, tls_context: {presented: false}}', 'tls absent'],
        ),
      }),
    ],
    more: 'layered_runtime: {layers: [{name: s, static_layer: {some.key: 100}}]}',
  },
  f => {
    f.scenario(
      'query parameters',
      {
        sees: `
    GET /?e=v | host: a -> exact
    GET /?e=w | host: a -> 404
    GET /?e=v&e=w | host: a -> exact
    GET /?e=w&e=v | host: a -> 404
    GET /?a&e=v | host: a -> exact
    GET /?p | host: a -> present
    GET /?p=1 | host: a -> present
    GET /?P | host: a -> 404
    GET /?b | host: a -> bare
    GET /?b= | host: a -> bare
    GET /?r=12 | host: a -> regex
    GET /?r=1a | host: a -> 404
    GET /?x&y=1 | host: a -> two
    GET /?x | host: a -> 404
    GET /?y=1&x | host: a -> two
    GET /n | host: a -> absent
    GET /n?q | host: a -> 404
    GET /?e=%76 | host: a -> 404
    GET /?%65=v | host: a -> 404
    GET /?sp%20ace | host: a -> 404
    GET /?sp+ace | host: a -> 404
    GET /? | host: a -> 404
    GET /#?e=v | host: a -> 400
    GET /?e=v;x | host: a -> 404
  `,
      },
      table(
        'main',
        paths(
          '/?e=v',
          '/?e=w',
          '/?e=v&e=w',
          '/?e=w&e=v',
          '/?a&e=v',
          '/?p',
          '/?p=1',
          '/?P',
          '/?b',
          '/?b=',
          '/?r=12',
          '/?r=1a',
          '/?x&y=1',
          '/?x',
          '/?y=1&x',
          '/n',
          '/n?q',
          '/?e=%76',
          '/?%65=v',
          '/?sp%20ace',
          '/?sp+ace',
          '/?',
          '/#?e=v',
          '/?e=v;x',
        ),
      ),
    )
    f.scenario(
      'gRPC by content type',
      {
        sees: `
    POST /grpc | host: a | content-type: application/grpc | content-length: 0 ->
    POST /grpc | host: a | content-type: application/grpc+proto | content-length: 0 ->
    POST /grpc | host: a | content-type: application/grpcx | content-length: 0 -> 404
    POST /grpc | host: a | content-type: text/plain | content-length: 0 -> 404
    POST /grpc | host: a | content-type: application/GRPC | content-length: 0 -> 404
    POST /grpc | host: a | content-type: application/grpc;x | content-length: 0 -> 404
  `,
      },
      table(
        'main',
        [
          'application/grpc',
          'application/grpc+proto',
          'application/grpcx',
          'text/plain',
          'application/GRPC',
          'application/grpc;x',
        ].map(type => ['POST /grpc HTTP/1.1', 'host: a', `content-type: ${type}`, 'content-length: 0']),
      ),
    )
    f.scenario(
      'runtime fractions',
      {
        sees: `
    GET /zero | host: a -> 404
    GET /all | host: a -> always
    GET /rt | host: a -> runtime
  `,
      },
      table('main', paths('/zero', '/all', '/rt')),
    )
    f.scenario(
      'cookies',
      {
        sees: `
    GET /cookie | host: a | cookie: c=v -> cookie
    GET /cookie | host: a | cookie: c=w -> 404
    GET /cookie | host: a | cookie: a=b; c=v -> cookie
    GET /cookie | host: a | cookie: c="v" -> cookie
    GET /cookie | host: a | cookie: c=v; c=w -> cookie
    GET /cookie | host: a | cookie: C=v -> 404
  `,
      },
      table(
        'main',
        ['c=v', 'c=w', 'a=b; c=v', 'c="v"', 'c=v; c=w', 'C=v'].map(cookie => [
          'GET /cookie HTTP/1.1',
          'host: a',
          `cookie: ${cookie}`,
        ]),
      ),
    )
    f.scenario(
      'TLS context on plain text',
      {
        sees: `
    GET /tls | host: a -> tls absent
  `,
      },
      table('main', paths('/tls')),
    )
  },
)

feature(
  'templates',
  {
    file: import.meta.url,
    listeners: [
      http('main', {
        routes: routes([
          '{path_match_policy: {name: t, typed_config: {"@type": type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig, path_template: "/t/{id}/**"}}}',
          'template',
        ]),
      }),
    ],
  },
  f => {
    f.scenario(
      'URI template',
      {
        sees: `
    GET /t/1/x | host: a -> template
    GET /t/1/ | host: a -> template
    GET /t/1 | host: a -> 404
    GET /t//x | host: a -> 404
    GET /t/1/x/y?z | host: a -> template
  `,
      },
      table('main', paths('/t/1/x', '/t/1/', '/t/1', '/t//x', '/t/1/x/y?z')),
    )
  },
)
