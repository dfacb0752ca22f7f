// Which route takes a request, and what it makes of the path and the host.
import { answer, get, head, post } from '../support/bytes.js'
import { cluster, http } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'

/** Asks one after the other and notes the body of the answer: these configs answer with a route's name. */
const table = (listener: string, requests: readonly (readonly string[])[]) => async (s: Scene): Promise<void> => {
  for (const lines of requests) {
    const client = await s.connect(listener)
    await client.send(head(...lines))
    const response = await client.response()
    client.destroy()
    const status = response.startLine.split(' ')[1]
    s.note(`${lines.join(' | ').replace(' HTTP/1.1', '')} -> ${status === '200' ? response.body.toString() : status}`)
  }
}
const hosts = (...names: string[]): string[][] => names.map((name) => ['GET / HTTP/1.1', `host: ${name}`])
const paths = (...all: string[]): string[][] => all.map((path) => [`GET ${path} HTTP/1.1`, 'host: a'])
const headers = (...all: string[][]): string[][] => all.map((lines) => ['GET / HTTP/1.1', 'host: a', ...lines])

const says = (text: string): string => `direct_response: {status: 200, body: {inline_string: "${text}"}}`
const vhost = (name: string, ...domains: string[]): string =>
  `{name: ${name}, domains: ${JSON.stringify(domains)}, routes: [{match: {prefix: /}, ${says(name)}}]}`
const routes = (...all: [string, string][]): string => `[${all.map(([match, name]) => `{match: ${match}, ${says(name)}}`).join(', ')}]`

feature('domains', {
  file: import.meta.url,
  listeners: [
    http('main', { vhosts: `[${vhost('any', '*')}, ${vhost('exact', 'a.example', 'b.example:8080', 'C.Example')}, ${vhost('suffix', '*.example')}, ${vhost('longsuffix', '*.sub.example')}, ${vhost('dash', '*-x.example')}, ${vhost('prefix', 'a.*')}, ${vhost('longprefix', 'a.b.*')}, ${vhost('six', '[::1]')}]` }),
    http('closed', { vhosts: `[${vhost('exact', 'a.example')}]` }),
    http('ports', { vhosts: `[${vhost('exact', 'a.example')}, ${vhost('port', 'b.example:80')}, ${vhost('any', '*')}]`, routeConfig: 'ignore_port_in_host_matching: true' }),
  ],
}, (f) => {
  f.scenario('exact, then longest suffix, then longest prefix, then any', { sees: `
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
  ` }, table('main', hosts(
    'a.example', 'A.EXAMPLE', 'a.example:80', 'b.example', 'b.example:8080', 'c.example', 'x.example', '.example', 'example', 'x.sub.example', 'sub.example', 'y-x.example', '-x.example',
    'a.com', 'a.', 'a.b.com', 'a.b.', 'a.b', 'b.com', '[::1]', '[::1]:80', 'a.sub.example', '', 'other')))
  f.scenario('no virtual host', { sees: `
    GET / | host: a.example -> exact
    GET / | host: b.example -> 404
    GET / | host: a.example:1 -> 404
  ` }, table('closed', hosts('a.example', 'b.example', 'a.example:1')))
  f.scenario('ignore_port_in_host_matching', { sees: `
    GET / | host: a.example:1234 -> exact
    GET / | host: b.example -> any
    GET / | host: b.example:80 -> any
    GET / | host: b.example:81 -> any
    GET / | host: c:1 -> any
  ` }, table('ports', hosts('a.example:1234', 'b.example', 'b.example:80', 'b.example:81', 'c:1')))
  f.exchange('no virtual host, byte for byte', { to: 'closed', send: get('/'), sees: `
    < client
    HTTP/1.1 404 Not Found
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: HTTP/1.1 404 NR route_not_found in=0 out=0
  ` })
})

feature('path matchers', {
  file: import.meta.url,
  listeners: [
    http('main', {
      routes: routes(
        ['{path: /exact}', 'path'], ['{path: /Exact, case_sensitive: false}', 'path nocase'], ['{path_separated_prefix: /sep}', 'separated'], ['{safe_regex: {regex: "/re[0-9]+"}}', 'regex'],
        ['{safe_regex: {regex: "/anch.*z"}}', 'regex2'], ['{prefix: /PRE, case_sensitive: false}', 'prefix nocase'], ['{prefix: /a/b/}', 'ab'], ['{prefix: /a}', 'a'],
        ['{path_match_policy: {name: t, typed_config: {"@type": type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig, path_template: "/t/{id}/**"}}}', 'template'],
        ['{path_separated_prefix: /SEPN, case_sensitive: false}', 'separated nocase'], ['{safe_regex: {regex: "(?i)/Ci"}}', 'regex nocase']),
    }),
    http('order', { routes: routes(['{prefix: /}', 'first'], ['{path: /x}', 'second']) }),
    http('params', { routes: routes(['{path: /a}', 'a'], ['{prefix: /b/}', 'b'], ['{safe_regex: {regex: "/c"}}', 'c']), routeConfig: 'ignore_path_parameters_in_path_matching: true' }),
  ],
}, (f) => {
  f.scenario('exact path', { sees: `
    GET /exact | host: a -> path
    GET /exact/ | host: a -> 404
    GET /exact?q | host: a -> path
    GET /exactly | host: a -> 404
    GET /EXACT | host: a -> path nocase
    GET /eXaCt?x=y | host: a -> path nocase
  ` }, table('main', paths('/exact', '/exact/', '/exact?q', '/exactly', '/EXACT', '/eXaCt?x=y')))
  f.scenario('prefix', { sees: `
    GET /a | host: a -> a
    GET /ab | host: a -> a
    GET /a/b | host: a -> a
    GET /a/b/ | host: a -> ab
    GET /a/b/c?d | host: a -> ab
    GET /A | host: a -> 404
    GET /pre | host: a -> prefix nocase
    GET /PrEfix | host: a -> prefix nocase
    GET / | host: a -> 404
  ` }, table('main', paths('/a', '/ab', '/a/b', '/a/b/', '/a/b/c?d', '/A', '/pre', '/PrEfix', '/')))
  f.scenario('path-separated prefix', { sees: `
    GET /sep | host: a -> separated
    GET /sep/ | host: a -> separated
    GET /sep/x | host: a -> separated
    GET /sep?x | host: a -> separated
    GET /separate | host: a -> 404
    GET /sep;x | host: a -> 404
    GET /Sep | host: a -> 404
    GET /sepn/x | host: a -> separated nocase
    GET /SEPN | host: a -> separated nocase
  ` }, table('main', paths('/sep', '/sep/', '/sep/x', '/sep?x', '/separate', '/sep;x', '/Sep', '/sepn/x', '/SEPN')))
  f.scenario('regex matches the whole path without query', { sees: `
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
  ` }, table('main', paths('/re1', '/re123?q=1', '/re', '/re1/', '/xre1', '/anch-z', '/anchz?y', '/anch?z', '/ci', '/CI')))
  f.scenario('URI template', { sees: `
    GET /t/1/x | host: a -> template
    GET /t/1/ | host: a -> template
    GET /t/1 | host: a -> 404
    GET /t//x | host: a -> 404
    GET /t/1/x/y?z | host: a -> template
  ` }, table('main', paths('/t/1/x', '/t/1/', '/t/1', '/t//x', '/t/1/x/y?z')))
  f.scenario('the first match wins', { sees: `
    GET /x | host: a -> first
    GET / | host: a -> first
  ` }, table('order', paths('/x', '/')))
  f.scenario('path parameters ignored', { sees: `
    GET /a;x=1 | host: a -> a
    GET /a;x?q | host: a -> a
    GET /a | host: a -> a
    GET /b;p/x | host: a -> b
    GET /b/;p | host: a -> b
    GET /c;x | host: a -> c
    GET /;a | host: a -> 404
  ` }, table('params', paths('/a;x=1', '/a;x?q', '/a', '/b;p/x', '/b/;p', '/c;x', '/;a')))
})

feature('header matchers', {
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
        ['{prefix: /, headers: [{name: x-and, present_match: true}, {name: x-absent, present_match: false}]}', 'and absent'],
        ['{prefix: /, headers: [{name: x-inv, string_match: {exact: v}, invert_match: true}, {name: x-use-inv, present_match: true}]}', 'inverted'],
        ['{prefix: /, headers: [{name: x-inv2, string_match: {exact: v}, invert_match: true, treat_missing_header_as_empty: true}, {name: x-use-inv2, present_match: true}]}', 'inverted missing as empty'],
        ['{prefix: /, headers: [{name: x-empty, string_match: {exact: ""}, treat_missing_header_as_empty: true}, {name: x-use-empty, present_match: true}]}', 'empty'],
        ['{prefix: /, headers: [{name: x-invrange, range_match: {start: 1, end: 3}, invert_match: true}, {name: x-use-invrange, present_match: true}]}', 'inverted range'],
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
        ['{prefix: /, headers: [{name: x-inp, present_match: true, invert_match: true}, {name: x-use-inp, present_match: true}]}', 'inverted present'],
      ),
    }),
  ],
}, (f) => {
  f.scenario('string matches', { sees: `
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
  ` }, table('main', headers(['x-exact: v'], ['x-exact: V'], ['x-exact: vv'], ['x-prefix: vx'], ['x-prefix: xv'], ['x-suffix: xv'], ['x-suffix: vx'], ['x-contains: xvx'], ['x-contains: x'], ['x-nocase: VAL'], ['x-nocase: val2'], ['x-regex: v1'], ['x-regex: v12'], ['X-EXACT: v'])))
  f.scenario('ranges', { sees: `
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
  ` }, table('main', headers(...['-5', '-6', '0', '9', '10', '+3', ' 3', '3.5', 'abc', '', '03', '9223372036854775808'].map((value) => [`x-range: ${value}`]))))
  f.scenario('presence and inversion', { sees: `
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
  ` }, table('main', headers(['x-present: '], ['x-present: v'], ['x-and: 1'], ['x-and: 1', 'x-absent: 1'], ['x-use-inv: 1'], ['x-use-inv: 1', 'x-inv: v'], ['x-use-inv: 1', 'x-inv: w'], ['x-use-inv2: 1'], ['x-use-inv2: 1', 'x-inv2: v'], ['x-use-empty: 1'], ['x-use-empty: 1', 'x-empty: v'], ['x-use-empty: 1', 'x-empty:'], ['x-use-invrange: 1'], ['x-use-invrange: 1', 'x-invrange: 2'], ['x-use-invrange: 1', 'x-invrange: 9'], ['x-use-invrange: 1', 'x-invrange: a'], ['x-bare: 1'], ['x-bare:'], ['x-use-inp: 1'], ['x-use-inp: 1', 'x-inp: 1'])))
  f.scenario('deprecated forms', { sees: `
    GET / | host: a | x-old: v -> deprecated exact
    GET / | host: a | x-old: w -> 404
    GET / | host: a | x-oldp: vx -> deprecated prefix
    GET / | host: a | x-olds: xv -> deprecated suffix
    GET / | host: a | x-oldc: xvx -> deprecated contains
    GET / | host: a | x-oldr: vx -> deprecated regex
    GET / | host: a | x-oldr: vxx -> 404
  ` }, table('main', headers(['x-old: v'], ['x-old: w'], ['x-oldp: vx'], ['x-olds: xv'], ['x-oldc: xvx'], ['x-oldr: vx'], ['x-oldr: vxx'])))
  f.scenario('pseudo-headers', { sees: `
    POST / | host: a | content-length: 0 -> POST
    GET / | host: auth.example -> authority
    GET / | host: host.example -> host
    GET /x?special | host: a -> path
    GET https://a/ | host: a -> scheme https
    GET / | host: a | x-forwarded-proto: https -> scheme https
  ` }, table('main', [['POST / HTTP/1.1', 'host: a', 'content-length: 0'], ['GET / HTTP/1.1', 'host: auth.example'], ['GET / HTTP/1.1', 'host: host.example'], ['GET /x?special HTTP/1.1', 'host: a'], ['GET https://a/ HTTP/1.1', 'host: a'], ['GET / HTTP/1.1', 'host: a', 'x-forwarded-proto: https']]))
  f.scenario('repeated headers are joined by a comma', { sees: `
    GET / | host: a | x-multi: a | x-multi: b -> 404
    GET / | host: a | x-multi: a,b -> multi joined
    GET / | host: a | x-multi: a, b -> 404
    GET / | host: a | x-exact: v | x-exact: w -> exact
  ` }, table('main', headers(['x-multi: a', 'x-multi: b'], ['x-multi: a,b'], ['x-multi: a, b'], ['x-exact: v', 'x-exact: w'])))
})

feature('query and other matchers', {
  file: import.meta.url,
  listeners: [
    http('main', {
      routes: routes(
        ['{prefix: /, query_parameters: [{name: e, string_match: {exact: v}}]}', 'exact'],
        ['{prefix: /, query_parameters: [{name: p, present_match: true}]}', 'present'],
        ['{prefix: /, query_parameters: [{name: b}]}', 'bare'],
        ['{prefix: /, query_parameters: [{name: r, string_match: {safe_regex: {regex: "[0-9]+"}}}]}', 'regex'],
        ['{prefix: /, query_parameters: [{name: x, present_match: true}, {name: y, string_match: {prefix: "1"}}]}', 'two'],
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
}, (f) => {
  f.scenario('query parameters', { sees: `
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
  ` }, table('main', paths('/?e=v', '/?e=w', '/?e=v&e=w', '/?e=w&e=v', '/?a&e=v', '/?p', '/?p=1', '/?P', '/?b', '/?b=', '/?r=12', '/?r=1a', '/?x&y=1', '/?x', '/?y=1&x', '/n', '/n?q', '/?e=%76', '/?%65=v', '/?sp%20ace', '/?sp+ace', '/?', '/#?e=v', '/?e=v;x')))
  f.scenario('gRPC by content type', { sees: `
    POST /grpc | host: a | content-type: application/grpc | content-length: 0 ->
    POST /grpc | host: a | content-type: application/grpc+proto | content-length: 0 ->
    POST /grpc | host: a | content-type: application/grpcx | content-length: 0 -> 404
    POST /grpc | host: a | content-type: text/plain | content-length: 0 -> 404
    POST /grpc | host: a | content-type: application/GRPC | content-length: 0 -> 404
    POST /grpc | host: a | content-type: application/grpc;x | content-length: 0 -> 404
  ` }, table('main', ['application/grpc', 'application/grpc+proto', 'application/grpcx', 'text/plain', 'application/GRPC', 'application/grpc;x'].map((type) => ['POST /grpc HTTP/1.1', 'host: a', `content-type: ${type}`, 'content-length: 0'])))
  f.scenario('runtime fractions', { sees: `
    GET /zero | host: a -> 404
    GET /all | host: a -> always
    GET /rt | host: a -> runtime
  ` }, table('main', paths('/zero', '/all', '/rt')))
  f.scenario('cookies', { sees: `
    GET /cookie | host: a | cookie: c=v -> cookie
    GET /cookie | host: a | cookie: c=w -> 404
    GET /cookie | host: a | cookie: a=b; c=v -> cookie
    GET /cookie | host: a | cookie: c="v" -> cookie
    GET /cookie | host: a | cookie: c=v; c=w -> cookie
    GET /cookie | host: a | cookie: C=v -> 404
  ` }, table('main', ['c=v', 'c=w', 'a=b; c=v', 'c="v"', 'c=v; c=w', 'C=v'].map((cookie) => ['GET /cookie HTTP/1.1', 'host: a', `cookie: ${cookie}`])))
  f.scenario('TLS context on plain text', { sees: `
    GET /tls | host: a -> tls absent
  ` }, table('main', paths('/tls')))
})

feature('rewrites', {
  file: import.meta.url,
  clusters: [cluster('up'), cluster('named', ['up'], 'load_assignment: {cluster_name: named, endpoints: [{lb_endpoints: [{endpoint: {hostname: host.of.endpoint, address: {socket_address: {address: 127.0.0.1, port_value: "${up}"}}}}]}]}')],
  listeners: [
    http('main', {
      routes: `
- {match: {prefix: /p/}, route: {cluster: up, prefix_rewrite: /q/}}
- {match: {prefix: /drop}, route: {cluster: up, prefix_rewrite: /}}
- {match: {path: /exact}, route: {cluster: up, prefix_rewrite: /other}}
- {match: {path_separated_prefix: /sep}, route: {cluster: up, prefix_rewrite: /z}}
- {match: {prefix: /NOCASE, case_sensitive: false}, route: {cluster: up, prefix_rewrite: /y}}
- {match: {prefix: /rx/}, route: {cluster: up, regex_rewrite: {pattern: {regex: "^/rx/([^/]+)/(.*)$"}, substitution: "/\\\\2/\\\\1"}}}
- {match: {safe_regex: {regex: "/sr.*"}}, route: {cluster: up, prefix_rewrite: /new}}
- {match: {prefix: /all}, route: {cluster: up, regex_rewrite: {pattern: {regex: "l"}, substitution: "L"}}}
- {match: {path_match_policy: {name: t, typed_config: {"@type": type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig, path_template: "/t/{a}/{b=**}"}}}, route: {cluster: up, path_rewrite_policy: {name: r, typed_config: {"@type": type.googleapis.com/envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig, path_template_rewrite: "/{b}/of/{a}"}}}}
- {match: {prefix: /hl}, route: {cluster: up, host_rewrite_literal: new.example}}
- {match: {prefix: /hh}, route: {cluster: up, host_rewrite_header: x-host}}
- {match: {prefix: /hp/}, route: {cluster: up, host_rewrite_path_regex: {pattern: {regex: "^/hp/([^/?]+).*$"}, substitution: "\\\\1.example"}}}
- {match: {prefix: /ha}, route: {cluster: named, auto_host_rewrite: true}}
- {match: {prefix: /hx}, route: {cluster: up, host_rewrite_literal: new.example, append_x_forwarded_host: true}}
- {match: {prefix: /hax}, route: {cluster: named, auto_host_rewrite: true, append_x_forwarded_host: true}}
- {match: {prefix: /wc}, route: {weighted_clusters: {clusters: [{name: up, weight: 1, host_rewrite_literal: weighted.example}]}}}
- {match: {prefix: /fmt}, route: {cluster: up, path_rewrite: "/f%REQ(x-p)%"}}
`,
    }),
  ],
}, (f) => {
  const each = (...requests: string[][]) => async (s: Scene): Promise<void> => {
    for (const [path = '', ...lines] of requests) {
      const client = await s.connect()
      await client.send(get(path, ...lines))
      const response = await client.response()
      client.destroy()
      const request = s.upstream().requests.at(-1)
      const shown = (request?.head ?? '').split('\r\n').filter((line) => /^(GET|host|x-envoy-original|x-forwarded-host)/.test(line))
      s.note(`${[path, ...lines].join(' | ')} -> ${response.startLine.includes('200') ? shown.join(' | ') : response.startLine}`)
      s.upstream().forget()
    }
  }
  f.scenario('prefix rewrite', { sees: `
    /p/x?y -> GET /q/x?y HTTP/1.1 | host: a | x-envoy-original-path: /p/x?y
    /p/ -> GET /q/ HTTP/1.1 | host: a | x-envoy-original-path: /p/
    /p -> HTTP/1.1 404 Not Found
    /drop -> GET / HTTP/1.1 | host: a | x-envoy-original-path: /drop
    /drop/x -> GET //x HTTP/1.1 | host: a | x-envoy-original-path: /drop/x
    /dropx?q -> GET /x?q HTTP/1.1 | host: a | x-envoy-original-path: /dropx?q
    /exact -> GET /other HTTP/1.1 | host: a | x-envoy-original-path: /exact
    /exact?q=1 -> GET /other?q=1 HTTP/1.1 | host: a | x-envoy-original-path: /exact?q=1
    /sep -> GET /z HTTP/1.1 | host: a | x-envoy-original-path: /sep
    /sep/x?y -> GET /z/x?y HTTP/1.1 | host: a | x-envoy-original-path: /sep/x?y
    /nocase/x -> GET /y/x HTTP/1.1 | host: a | x-envoy-original-path: /nocase/x
    /srx/y?z -> GET /new?z HTTP/1.1 | host: a | x-envoy-original-path: /srx/y?z
    /p/%2F?a=/p/ -> GET /q/%2F?a=/p/ HTTP/1.1 | host: a | x-envoy-original-path: /p/%2F?a=/p/
  ` }, each(['/p/x?y'], ['/p/'], ['/p'], ['/drop'], ['/drop/x'], ['/dropx?q'], ['/exact'], ['/exact?q=1'], ['/sep'], ['/sep/x?y'], ['/nocase/x'], ['/srx/y?z'], ['/p/%2F?a=/p/']))
  f.scenario('regex rewrite', { sees: `
    /rx/one/two?q=/rx/ -> GET /two/one?q=/rx/ HTTP/1.1 | host: a | x-envoy-original-path: /rx/one/two?q=/rx/
    /rx/one -> GET /rx/one HTTP/1.1 | host: a | x-envoy-original-path: /rx/one
    /all/l?l -> GET /aLL/L?l HTTP/1.1 | host: a | x-envoy-original-path: /all/l?l
  ` }, each(['/rx/one/two?q=/rx/'], ['/rx/one'], ['/all/l?l']))
  f.scenario('template rewrite', { sees: `
    /t/1/x/y?q -> GET /x/y/of/1?q HTTP/1.1 | host: a | x-envoy-original-path: /t/1/x/y?q
    /t/1/x -> GET /x/of/1 HTTP/1.1 | host: a | x-envoy-original-path: /t/1/x
  ` }, each(['/t/1/x/y?q'], ['/t/1/x']))
  f.scenario('a client x-envoy-original-path', { sees: `
    /p/x | x-envoy-original-path: /spoof -> GET /q/x HTTP/1.1 | host: a | x-envoy-original-path: /p/x
    / | x-envoy-original-path: /spoof -> HTTP/1.1 404 Not Found
  ` }, each(['/p/x', 'x-envoy-original-path: /spoof'], ['/', 'x-envoy-original-path: /spoof']))
  f.scenario('host rewrites', { sees: `
    /hl -> GET /hl HTTP/1.1 | host: new.example | x-envoy-original-host: a
    /hh | x-host: from.header -> GET /hh HTTP/1.1 | host: from.header | x-envoy-original-host: a
    /hh -> GET /hh HTTP/1.1 | host: a
    /hh | x-host: -> GET /hh HTTP/1.1 | host: a
    /hp/one/x?y -> GET /hp/one/x?y HTTP/1.1 | host: one.example | x-envoy-original-host: a
    /ha -> GET /ha HTTP/1.1 | host: host.of.endpoint | x-envoy-original-host: a
    /hx -> GET /hx HTTP/1.1 | host: new.example | x-envoy-original-host: a | x-forwarded-host: a
    /hx | x-forwarded-host: before -> GET /hx HTTP/1.1 | host: new.example | x-forwarded-host: before,a | x-envoy-original-host: a
    /hax -> GET /hax HTTP/1.1 | host: host.of.endpoint | x-envoy-original-host: a
    /wc -> GET /wc HTTP/1.1 | host: weighted.example
  ` }, each(['/hl'], ['/hh', 'x-host: from.header'], ['/hh'], ['/hh', 'x-host:'], ['/hp/one/x?y'], ['/ha'], ['/hx'], ['/hx', 'x-forwarded-host: before'], ['/hax'], ['/wc']))
  f.scenario('path_rewrite with a formatter', { sees: `
    /fmt | x-p: /x -> GET /f/x HTTP/1.1 | host: a | x-envoy-original-path: /fmt
    /fmt?q | x-p: /x -> GET /f/x?q HTTP/1.1 | host: a | x-envoy-original-path: /fmt?q
    /fmt -> GET /f HTTP/1.1 | host: a | x-envoy-original-path: /fmt
  ` }, each(['/fmt', 'x-p: /x'], ['/fmt?q', 'x-p: /x'], ['/fmt']))
})

feature('redirects', {
  file: import.meta.url,
  listeners: [
    http('main', {
      vhosts: `
- name: tls
  domains: [tls.example]
  require_tls: ALL
  routes: [{match: {prefix: /}, route: {cluster: up}}]
- name: ext
  domains: [ext.example]
  require_tls: EXTERNAL_ONLY
  routes: [{match: {prefix: /}, route: {cluster: up}}]
- name: all
  domains: ["*"]
  routes:
  - {match: {prefix: /https}, redirect: {https_redirect: true}}
  - {match: {prefix: /scheme}, redirect: {scheme_redirect: ftp}}
  - {match: {prefix: /host}, redirect: {host_redirect: new.example}}
  - {match: {prefix: /port}, redirect: {port_redirect: 8443}}
  - {match: {prefix: /p80}, redirect: {port_redirect: 80}}
  - {match: {prefix: /sp}, redirect: {https_redirect: true, port_redirect: 8443}}
  - {match: {prefix: /path}, redirect: {path_redirect: /new/path}}
  - {match: {prefix: /pathq}, redirect: {path_redirect: "/new?own=1"}}
  - {match: {prefix: /prefix}, redirect: {prefix_rewrite: /pre}}
  - {match: {prefix: /regex}, redirect: {regex_rewrite: {pattern: {regex: "^/regex/(.*)$"}, substitution: "/r/\\\\1"}}}
  - {match: {prefix: /strip}, redirect: {host_redirect: new.example, strip_query: true}}
  - {match: {prefix: /c302}, redirect: {path_redirect: /x, response_code: FOUND}}
  - {match: {prefix: /c303}, redirect: {path_redirect: /x, response_code: SEE_OTHER}}
  - {match: {prefix: /c307}, redirect: {path_redirect: /x, response_code: TEMPORARY_REDIRECT}}
  - {match: {prefix: /c308}, redirect: {path_redirect: /x, response_code: PERMANENT_REDIRECT}}
  - {match: {prefix: /added}, redirect: {path_redirect: /x}, response_headers_to_add: [{header: {key: x-added, value: v}}]}
  - {match: {prefix: /qpath}, redirect: {path_redirect: "/q", strip_query: true}}
  - {match: {prefix: /empty}, redirect: {}}
`,
    }),
  ],
}, (f) => {
  const each = (...requests: string[][]) => async (s: Scene): Promise<void> => {
    for (const [path = '', host = 'a', ...lines] of requests) {
      const client = await s.connect()
      await client.send(head(`GET ${path} HTTP/1.1`, `host: ${host}`, ...lines))
      const response = await client.response()
      client.destroy()
      s.note(`${[host, path, ...lines].join(' | ')} -> ${response.startLine.split(' ')[1]} ${response.headers.get('location') ?? ''}`)
    }
  }
  f.exchange('a redirect, byte for byte', { send: get('/path?q=1'), sees: `
    < client
    HTTP/1.1 301 Moved Permanently
    location: http://a/new/path?q=1
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: HTTP/1.1 301 - direct_response in=0 out=0
  ` })
  f.exchange('a redirect of HEAD', { send: head('HEAD /path HTTP/1.1', 'host: a'), sees: `
    < client
    HTTP/1.1 301 Moved Permanently
    location: http://a/new/path
    date: DATE
    server: envoy
    transfer-encoding: chunked

    (open)
    log: HTTP/1.1 301 - direct_response in=0 out=0
  ` })
  f.exchange('a redirect of a POST with a body', { send: post('/path', 'abc'), sees: `
    < client
    HTTP/1.1 301 Moved Permanently
    location: http://a/new/path
    date: DATE
    server: envoy
    connection: close
    content-length: 0

    (closed)
    log: HTTP/1.1 301 - direct_response in=0 out=0
  ` })
  f.exchange('a redirect with added headers', { send: get('/added'), sees: `
    < client
    HTTP/1.1 301 Moved Permanently
    location: http://a/x
    x-added: v
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: HTTP/1.1 301 - direct_response in=0 out=0
  ` })
  f.scenario('locations', { sees: `
    a | /https -> 301 https://a/https
    a:80 | /https -> 301 https://a/https
    a:443 | /https -> 301 https://a:443/https
    a:8080 | /https -> 301 https://a:8080/https
    a | /scheme -> 301 ftp://a/scheme
    a:21 | /scheme -> 301 ftp://a:21/scheme
    a | /host/x?y=z -> 301 http://new.example/host/x?y=z
    old:8080 | /host -> 301 http://new.example/host
    a | /port -> 301 http://a:8443/port
    a:99 | /port -> 301 http://a:8443/port
    a | /p80 -> 301 http://a:80/p80
    a:8080 | /p80 -> 301 http://a:80/p80
    a | /sp -> 301 https://a:8443/sp
    a | /path?q=1 -> 301 http://a/new/path?q=1
    a | /pathq?theirs=2 -> 301 http://a/new/path?theirs=2
    a | /prefix/x?y -> 301 http://a/pre/x?y
    a | /prefixed -> 301 http://a/preed
    a | /regex/x?y -> 301 http://a/r/x?y
    a | /regex -> 301 http://a/regex
    a | /strip/x?y -> 301 http://new.example/strip/x
    a | /qpath?x -> 301 http://a/q
    a | /empty?x -> 301 http://a/empty?x
    a | /host#f -> 400
    [::1]:80 | /https -> 301 https://[::1]/https
    [::1]:80 | /port -> 301 http://[::1]:8443/port
    A.B | /https -> 301 https://A.B/https
  ` }, each(['/https'], ['/https', 'a:80'], ['/https', 'a:443'], ['/https', 'a:8080'], ['/scheme'], ['/scheme', 'a:21'], ['/host/x?y=z'], ['/host', 'old:8080'], ['/port'], ['/port', 'a:99'], ['/p80'], ['/p80', 'a:8080'], ['/sp'], ['/path?q=1'], ['/pathq?theirs=2'], ['/prefix/x?y'], ['/prefixed'], ['/regex/x?y'], ['/regex'], ['/strip/x?y'], ['/qpath?x'], ['/empty?x'], ['/host#f'], ['/https', '[::1]:80'], ['/port', '[::1]:80'], ['/https', 'A.B']))
  f.scenario('status codes', { sees: `
    a | /c302 -> 302 http://a/x
    a | /c303 -> 303 http://a/x
    a | /c307 -> 307 http://a/x
    a | /c308 -> 308 http://a/x
  ` }, each(['/c302'], ['/c303'], ['/c307'], ['/c308']))
  f.scenario('the forwarded scheme is used', { sees: `
    a | /path | x-forwarded-proto: https -> 301 https://a/new/path
    a | /https | x-forwarded-proto: https -> 301 https://a/https
    a | /port | x-forwarded-proto: https -> 301 https://a:8443/port
  ` }, each(['/path', 'a', 'x-forwarded-proto: https'], ['/https', 'a', 'x-forwarded-proto: https'], ['/port', 'a', 'x-forwarded-proto: https']))
  f.scenario('require_tls', { sees: `
    tls.example | /x?y -> 301 https://tls.example/x?y
    tls.example:80 | /x -> 404
    tls.example | /x | x-forwarded-proto: https -> 200
    ext.example | /x -> 301 https://ext.example/x
    ext.example | /x | x-forwarded-for: 10.0.0.1 -> 301 https://ext.example/x
  ` }, each(['/x?y', 'tls.example'], ['/x', 'tls.example:80'], ['/x', 'tls.example', 'x-forwarded-proto: https'], ['/x', 'ext.example'], ['/x', 'ext.example', 'x-forwarded-for: 10.0.0.1']))
})

feature('direct responses', {
  file: import.meta.url,
  listeners: [
    http('main', {
      routes: `
- {match: {prefix: /body}, direct_response: {status: 200, body: {inline_string: "hello\\n"}}}
- {match: {prefix: /none}, direct_response: {status: 404}}
- {match: {prefix: /204}, direct_response: {status: 204}}
- {match: {prefix: /created}, direct_response: {status: 201, body: {inline_string: made}}, response_headers_to_add: [{header: {key: location, value: /made/1}}]}
- {match: {prefix: /type}, direct_response: {status: 200, body: {inline_string: "{}"}}, response_headers_to_add: [{header: {key: content-type, value: application/json}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}]}
- {match: {prefix: /removed}, direct_response: {status: 503, body: {inline_string: x}}, response_headers_to_remove: [content-type]}
- {match: {prefix: /bytes}, direct_response: {status: 200, body: {inline_bytes: AAEC/w==}}}
- {match: {prefix: /odd}, direct_response: {status: 599, body: {inline_string: odd}}}
- {match: {prefix: /fmt}, direct_response: {status: 200, body_format: {text_format_source: {inline_string: "%REQ(x-a)% %RESPONSE_CODE% %PROTOCOL%\\n"}}}}
- {match: {prefix: /301}, direct_response: {status: 301}, response_headers_to_add: [{header: {key: location, value: /elsewhere}}]}
`,
    }),
  ],
}, (f) => {
  f.exchange('with a body', { send: get('/body'), sees: `
    < client
    HTTP/1.1 200 OK
    content-length: 6
    content-type: text/plain
    date: DATE
    server: envoy

    hello\\n
    (open)
    log: HTTP/1.1 200 - direct_response in=0 out=6
  ` })
  f.exchange('without a body', { send: get('/none'), sees: `
    < client
    HTTP/1.1 404 Not Found
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: HTTP/1.1 404 - direct_response in=0 out=0
  ` })
  f.exchange('204 without a body', { send: get('/204'), sees: `
    < client
    HTTP/1.1 204 No Content
    date: DATE
    server: envoy

    (open)
    log: HTTP/1.1 204 - direct_response in=0 out=0
  ` })
  f.exchange('HEAD of a body', { send: head('HEAD /body HTTP/1.1', 'host: a'), sees: `
    < client
    HTTP/1.1 200 OK
    content-length: 6
    content-type: text/plain
    date: DATE
    server: envoy

    (open)
    log: HTTP/1.1 200 - direct_response in=0 out=0
  ` })
  f.exchange('HEAD of no body', { send: head('HEAD /none HTTP/1.1', 'host: a'), sees: `
    < client
    HTTP/1.1 404 Not Found
    date: DATE
    server: envoy
    transfer-encoding: chunked

    (open)
    log: HTTP/1.1 404 - direct_response in=0 out=0
  ` })
  f.exchange('a relative location of a 201', { send: get('/created'), sees: `
    < client
    HTTP/1.1 201 Created
    location: http://a/created,/made/1
    content-length: 4
    content-type: text/plain
    date: DATE
    server: envoy

    made
    (open)
    log: HTTP/1.1 201 - direct_response in=0 out=4
  ` })
  f.exchange('another content type', { send: get('/type'), sees: `
    < client
    HTTP/1.1 200 OK
    content-type: application/json
    content-length: 2
    date: DATE
    server: envoy

    {}
    (open)
    log: HTTP/1.1 200 - direct_response in=0 out=2
  ` })
  f.exchange('content type removed', { send: get('/removed'), sees: `
    < client
    HTTP/1.1 503 Service Unavailable
    content-length: 1
    content-type: text/plain
    date: DATE
    server: envoy

    x
    (open)
    log: HTTP/1.1 503 - direct_response in=0 out=1
  ` })
  f.exchange('bytes', { send: get('/bytes'), sees: `
    < client
    HTTP/1.1 200 OK
    content-length: 4
    content-type: text/plain
    date: DATE
    server: envoy

    \\x00\\x01\\x02\\xff
    (open)
    log: HTTP/1.1 200 - direct_response in=0 out=4
  ` })
  f.exchange('an unusual status', { send: get('/odd'), sees: `
    < client
    HTTP/1.1 599 Last Unassigned Server Error Code
    content-length: 3
    content-type: text/plain
    date: DATE
    server: envoy

    odd
    (open)
    log: HTTP/1.1 599 - direct_response in=0 out=3
  ` })
  f.exchange('body_format', { send: get('/fmt', 'x-a: 1'), sees: `
    < client
    HTTP/1.1 200 OK
    content-length: 13
    content-type: text/plain
    date: DATE
    server: envoy

    1 0 HTTP/1.1\\n
    (open)
    log: HTTP/1.1 200 - direct_response in=0 out=13
  ` })
  f.exchange('301 with a location', { send: get('/301'), sees: `
    < client
    HTTP/1.1 301 Moved Permanently
    location: http://a/301,/elsewhere
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: HTTP/1.1 301 - direct_response in=0 out=0
  ` })
  f.exchange('a POST whose body is complete', { send: post('/body', 'abc'), sees: `
    < client
    HTTP/1.1 200 OK
    content-length: 6
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    hello\\n
    (closed)
    log: HTTP/1.1 200 - direct_response in=0 out=6
  ` })
  f.exchange('a POST whose body never comes', { send: head('POST /body HTTP/1.1', 'host: a', 'content-length: 5'), sees: `
    < client
    HTTP/1.1 200 OK
    content-length: 6
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    hello\\n
    (closed)
    log: HTTP/1.1 200 - direct_response in=0 out=6
  ` })
  f.exchange('a request with expect: 100-continue', { send: head('POST /body HTTP/1.1', 'host: a', 'expect: 100-continue', 'content-length: 3'), sees: `
    < client
    HTTP/1.1 100 Continue

    HTTP/1.1 200 OK
    content-length: 6
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    hello\\n
    (closed)
    log: HTTP/1.1 200 - direct_response in=0 out=6
  ` })
  f.exchange('a third local reply queued unsent is a response flood', {
    send: get('/body') + get('/none') + get('/body'),
    until: 'close',
    log: 3,
    stats: /flood|http1|dropped|downstream_rq_/,
    sees: `
      stat: none changed
      < client
      HTTP/1.1 200 OK
      content-length: 6
      content-type: text/plain
      date: DATE
      server: envoy

      hello\\n
      HTTP/1.1 404 Not Found
      date: DATE
      server: envoy
      content-length: 0

      (closed)
      log: HTTP/1.1 200 - direct_response in=0 out=6
      log: HTTP/1.1 404 - direct_response in=0 out=0
      log: HTTP/1.1 0 DPE codec_error:Too_many_responses_queued. in=0 out=0
    `,
  })
  f.exchange('two pipelined local replies', { send: get('/body') + get('/none'), responses: 2, sees: `
    < client
    HTTP/1.1 200 OK
    content-length: 6
    content-type: text/plain
    date: DATE
    server: envoy

    hello\\n
    HTTP/1.1 404 Not Found
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: HTTP/1.1 200 - direct_response in=0 out=6
    log: HTTP/1.1 404 - direct_response in=0 out=0
  ` })
})

feature('choosing a cluster', {
  file: import.meta.url,
  upstreams: ['up', 'b'],
  clusters: [cluster('up'), cluster('b'), cluster('empty', [])],
  listeners: [
    http('main', {
      routes: `
- {match: {prefix: /header}, route: {cluster_header: x-cluster}}
- {match: {prefix: /h404}, route: {cluster_header: x-cluster, cluster_not_found_response_code: NOT_FOUND}}
- {match: {prefix: /h500}, route: {cluster_header: x-cluster, cluster_not_found_response_code: INTERNAL_SERVER_ERROR}}
- {match: {prefix: /missing}, route: {cluster: nowhere}}
- {match: {prefix: /empty}, route: {cluster: empty}}
- {match: {prefix: /zero}, route: {weighted_clusters: {clusters: [{name: up, weight: 0}, {name: b, weight: 1}]}}}
- {match: {prefix: /split}, route: {weighted_clusters: {clusters: [{name: up, weight: 50}, {name: b, weight: 50}]}}}
- {match: {prefix: /rt}, route: {weighted_clusters: {runtime_key_prefix: w, clusters: [{name: up, weight: 100}, {name: b, weight: 0}]}}}
- {match: {prefix: /random}, route: {weighted_clusters: {header_name: x-random, clusters: [{name: up, weight: 30}, {name: b, weight: 70}]}}}
- {match: {prefix: /wheader}, route: {weighted_clusters: {clusters: [{cluster_header: x-cluster, weight: 1}]}}}
`,
      routeConfig: 'validate_clusters: false',
    }),
  ],
  more: 'layered_runtime: {layers: [{name: s, static_layer: {w.up: 0, w.b: 100}}]}',
}, (f) => {
  f.exchange('by header', { send: get('/header', 'x-cluster: b'), sees: `
    > b
    GET /header HTTP/1.1
    host: a
    x-cluster: b
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` })
  f.exchange('by a header that is absent', { send: get('/header'), sees: `
    < client
    HTTP/1.1 503 Service Unavailable
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: HTTP/1.1 503 NC cluster_not_found in=0 out=0
  ` })
  f.exchange('by a header that names no cluster', { send: get('/header', 'x-cluster: nope'), sees: `
    < client
    HTTP/1.1 503 Service Unavailable
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: HTTP/1.1 503 NC cluster_not_found in=0 out=0
  ` })
  f.exchange('an unknown cluster answered 404', { send: get('/h404', 'x-cluster: nope'), sees: `
    < client
    HTTP/1.1 404 Not Found
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: HTTP/1.1 404 NC cluster_not_found in=0 out=0
  ` })
  f.exchange('an unknown cluster answered 500', { send: get('/h500', 'x-cluster: nope'), sees: `
    < client
    HTTP/1.1 500 Internal Server Error
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: HTTP/1.1 500 NC cluster_not_found in=0 out=0
  ` })
  f.exchange('a cluster that does not exist', { send: get('/missing'), sees: `
    < client
    HTTP/1.1 503 Service Unavailable
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: HTTP/1.1 503 NC cluster_not_found in=0 out=0
  ` })
  f.exchange('a cluster without hosts', { send: get('/empty'), sees: `
    < client
    HTTP/1.1 503 Service Unavailable
    content-length: 19
    content-type: text/plain
    date: DATE
    server: envoy

    no healthy upstream
    (open)
    log: HTTP/1.1 503 UH no_healthy_upstream in=0 out=19
  ` })
  f.exchange('weight 0 is never chosen', { send: get('/zero'), sees: `
    > b
    GET /zero HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` })
  f.exchange('weights from the runtime', { send: get('/rt'), sees: `
    > b
    GET /rt HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` })
  f.exchange('a weighted cluster by header', { send: get('/wheader', 'x-cluster: b'), sees: `
    > b
    GET /wheader HTTP/1.1
    host: a
    x-cluster: b
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` })
  f.scenario('weights split the traffic', { sees: `
    b took between 140 and 260 of 400: true
  ` }, async (s) => {
    const client = await s.connect()
    for (let index = 1; index <= 400; index++) {
      await client.send(get('/split'))
      await client.response(index)
    }
    const share = s.upstream('b').requests.length
    s.note(`b took between 140 and 260 of 400: ${share > 140 && share < 260}`)
  })
  f.scenario('the random value from a header', { sees: `
    0 -> up
    29 -> up
    30 -> b
    31 -> b
    99 -> b
    100 -> up
    130 -> b
    answered
  ` }, async (s) => {
    for (const value of ['0', '29', '30', '31', '99', '100', '130', 'x']) {
      const client = await s.connect()
      await client.send(get('/random', `x-random: ${value}`))
      await client.response()
      s.note(value === 'x' ? 'answered' : `${value} -> ${s.upstream('b').requests.length > 0 ? 'b' : 'up'}`)
      s.upstream('b').forget()
    }
  })
})

feature('header mutations', {
  file: import.meta.url,
  listeners: [
    http('main', {
      vhosts: `
- name: all
  domains: ["*"]
  request_headers_to_add: [{header: {key: x-order, value: vhost}}, {header: {key: x-once, value: vhost}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}]
  request_headers_to_remove: [x-gone-vhost]
  response_headers_to_add: [{header: {key: x-rorder, value: vhost}}, {header: {key: x-ronce, value: vhost}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}]
  response_headers_to_remove: [x-rgone]
  routes:
  - match: {prefix: /w}
    route: {weighted_clusters: {clusters: [{name: up, weight: 1, request_headers_to_add: [{header: {key: x-order, value: weighted}}, {header: {key: x-once, value: weighted}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}], response_headers_to_add: [{header: {key: x-rorder, value: weighted}}, {header: {key: x-ronce, value: weighted}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}], request_headers_to_remove: [x-gone-weighted]}]}}
    request_headers_to_add: [{header: {key: x-order, value: route}}, {header: {key: x-once, value: route}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}]
    response_headers_to_add: [{header: {key: x-rorder, value: route}}, {header: {key: x-ronce, value: route}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}]
  - match: {prefix: /actions}
    route: {cluster: up}
    request_headers_to_add:
    - {header: {key: x-append, value: new}, append_action: APPEND_IF_EXISTS_OR_ADD}
    - {header: {key: x-absent, value: new}, append_action: ADD_IF_ABSENT}
    - {header: {key: x-over, value: new}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}
    - {header: {key: x-exists, value: new}, append_action: OVERWRITE_IF_EXISTS}
    - {header: {key: x-oldfalse, value: new}, append: false}
    - {header: {key: x-oldtrue, value: new}, append: true}
    - {header: {key: x-empty, value: ""}}
    - {header: {key: x-keepempty, value: ""}, keep_empty_value: true}
    - {header: {key: X-Upper-Key, value: Value}}
  - match: {prefix: /formats}
    route: {cluster: up}
    request_headers_to_add:
    - {header: {key: x-pct, value: "100%%"}}
    - {header: {key: x-req, value: "<%REQ(x-a)%|%REQ(x-b?x-a)%|%REQ(x-a):2%|%REQ(:path)%|%REQ(:method)%|%REQ(nope)%>"}}
    - {header: {key: x-only-missing, value: "%REQ(nope)%"}}
    - {header: {key: x-peer, value: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %PROTOCOL%"}}
    - {header: {key: x-route, value: "%ROUTE_NAME%|%UPSTREAM_CLUSTER%|%VIRTUAL_CLUSTER_NAME%"}}
    - {header: {key: x-host, value: "%HOSTNAME%"}}
    response_headers_to_add:
    - {header: {key: x-code, value: "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%"}}
    - {header: {key: x-resp, value: "%RESP(x-up)% %UPSTREAM_HOST% %BYTES_RECEIVED%"}}
    - {header: {key: x-up-cluster, value: "%UPSTREAM_CLUSTER%"}}
    name: the-route
  - match: {prefix: /remove}
    route: {cluster: up}
    request_headers_to_remove: [x-gone, user-agent]
    response_headers_to_remove: [x-up, server, date, x-envoy-upstream-service-time]
  - match: {prefix: /special}
    route: {cluster: up}
    request_headers_to_add: [{header: {key: cookie, value: added=1}}, {header: {key: x-forwarded-proto, value: https}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}]
    response_headers_to_add: [{header: {key: server, value: mine}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}, {header: {key: set-cookie, value: added=1}}]
  - match: {prefix: /}
    route: {cluster: up}
`,
      routeConfig: `
request_headers_to_add: [{header: {key: x-order, value: config}}, {header: {key: x-once, value: config}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}]
response_headers_to_add: [{header: {key: x-rorder, value: config}}, {header: {key: x-ronce, value: config}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}]
request_headers_to_remove: [x-gone-config]`,
    }),
    http('specific', {
      vhosts: '[{name: all, domains: ["*"], request_headers_to_add: [{header: {key: x-once, value: vhost}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}, {header: {key: x-order, value: vhost}}], routes: [{match: {prefix: /}, route: {cluster: up}, request_headers_to_add: [{header: {key: x-once, value: route}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}, {header: {key: x-order, value: route}}]}]}]',
      routeConfig: '{most_specific_header_mutations_wins: true, request_headers_to_add: [{header: {key: x-once, value: config}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}, {header: {key: x-order, value: config}}]}',
    }),
  ],
}, (f) => {
  f.exchange('the order of levels', { send: get('/w', 'x-order: client', 'x-once: client', 'x-gone-vhost: 1', 'x-gone-weighted: 1', 'x-gone-config: 1'), reply: answer(200, 'x', 'x-rorder: upstream', 'x-ronce: upstream', 'x-rgone: 1'), sees: `
    > up
    GET /w HTTP/1.1
    host: a
    x-order: client
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-order: weighted
    x-order: route
    x-order: vhost
    x-once: config
    x-order: config

    < client
    HTTP/1.1 200 OK
    content-length: 1
    x-rorder: upstream
    x-envoy-upstream-service-time: MS
    x-rorder: weighted
    x-rorder: route
    x-rorder: vhost
    x-ronce: config
    x-rorder: config
    date: DATE
    server: envoy

    x
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  ` })
  f.exchange('the order of levels without the weighted cluster', { send: get('/'), sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-order: vhost
    x-once: config
    x-order: config

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-rorder: vhost
    x-ronce: config
    x-rorder: config
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` })
  f.exchange('most_specific_header_mutations_wins', { to: 'specific', send: get('/', 'x-order: client'), sees: `
    > up
    GET / HTTP/1.1
    host: a
    x-order: client
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-order: config
    x-order: vhost
    x-once: route
    x-order: route

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` })
  f.exchange('append actions when the header is there', { send: get('/actions', 'x-append: old', 'x-absent: old', 'x-over: old', 'x-exists: old', 'x-oldfalse: old', 'x-oldtrue: old', 'x-empty: old'), sees: `
    > up
    GET /actions HTTP/1.1
    host: a
    x-append: old
    x-absent: old
    x-oldtrue: old
    x-empty: old
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-over: new
    x-exists: new
    x-oldfalse: new
    x-append: new
    x-oldtrue: new
    x-keepempty:
    x-upper-key: Value
    x-order: vhost
    x-once: config
    x-order: config

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-rorder: vhost
    x-ronce: config
    x-rorder: config
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` })
  f.exchange('append actions when the header is absent', { send: get('/actions'), sees: `
    > up
    GET /actions HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-over: new
    x-oldfalse: new
    x-append: new
    x-absent: new
    x-oldtrue: new
    x-keepempty:
    x-upper-key: Value
    x-order: vhost
    x-once: config
    x-order: config

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-rorder: vhost
    x-ronce: config
    x-rorder: config
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` })
  f.exchange('append actions when the header is there twice', { send: get('/actions', 'x-append: 1', 'x-append: 2', 'x-over: 1', 'x-over: 2', 'x-exists: 1', 'x-exists: 2'), sees: `
    > up
    GET /actions HTTP/1.1
    host: a
    x-append: 1
    x-append: 2
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-over: new
    x-exists: new
    x-oldfalse: new
    x-append: new
    x-absent: new
    x-oldtrue: new
    x-keepempty:
    x-upper-key: Value
    x-order: vhost
    x-once: config
    x-order: config

    < client
    HTTP/1.1 200 OK
    content-length: 2
    x-envoy-upstream-service-time: MS
    x-rorder: vhost
    x-ronce: config
    x-rorder: config
    date: DATE
    server: envoy

    ok
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=2
  ` })
  f.scenario('values with operators', { sees: `
    x-host is a name: true
    x-a: alpha
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-pct: 100%
    x-req: <alpha|alpha|al|/formats|GET|>
    x-peer: 127.0.0.1 127.0.0.1 HTTP/1.1
    x-route: the-route|up|
    x-order: vhost
    x-once: config
    x-order: config
    < client
    HTTP/1.1 200 OK
    content-length: 1
    x-up: 1
    x-envoy-upstream-service-time: MS
    x-code: 200 - via_upstream
    x-resp: 1 127.0.0.1:$up 0
    x-up-cluster: up
    x-rorder: vhost
    x-ronce: config
    x-rorder: config
    date: DATE
    server: envoy

    x
    (open)
  ` }, async (s) => {
    s.upstream().script(answer(200, 'x', 'x-up: 1'))
    const client = await s.connect()
    await client.send(get('/formats', 'x-a: alpha'))
    await client.response()
    const hostname = s.upstream().requests[0]?.headers.get('x-host') ?? ''
    s.note(`x-host is a name: ${hostname.length > 0}`)
    for (const line of s.upstream().requests[0]?.head.split('\r\n') ?? []) if (line.startsWith('x-') && !line.startsWith('x-host')) s.note(line)
    s.sawAll(client)
  })
  f.exchange('removal', { send: get('/remove', 'x-gone: 1', 'X-Gone: 2', 'user-agent: u', 'x-stays: 1'), reply: answer(200, 'x', 'x-up: 1', 'x-stays: 1'), sees: `
    > up
    GET /remove HTTP/1.1
    host: a
    x-stays: 1
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-order: vhost
    x-once: config
    x-order: config

    < client
    HTTP/1.1 200 OK
    content-length: 1
    x-stays: 1
    x-rorder: vhost
    x-ronce: config
    x-rorder: config
    date: DATE
    server: envoy

    x
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  ` })
  f.exchange('cookies, server and x-forwarded-proto', { send: get('/special', 'cookie: a=b'), reply: answer(200, 'x', 'set-cookie: c=d'), sees: `
    > up
    GET /special HTTP/1.1
    host: a
    cookie: a=b
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000
    x-forwarded-proto: https
    cookie: added=1
    x-order: vhost
    x-once: config
    x-order: config

    < client
    HTTP/1.1 200 OK
    content-length: 1
    set-cookie: c=d
    x-envoy-upstream-service-time: MS
    server: envoy
    set-cookie: added=1
    x-rorder: vhost
    x-ronce: config
    x-rorder: config
    date: DATE

    x
    (open)
    log: HTTP/1.1 200 - via_upstream in=0 out=1
  ` })
})
