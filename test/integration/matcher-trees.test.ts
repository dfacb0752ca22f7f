// Matcher trees: of routes in a virtual host, and of the filter chains of a listener. And paths by URI templates.
import { get } from '../support/bytes.js'
import { http } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'

const header = (name: string): string =>
  `input: {name: i, typed_config: {"@type": type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput, header_name: ${name}}}`
const answering = (status: number, prefix = '/'): string =>
  `{match: {prefix: ${prefix}}, direct_response: {status: ${status}}}`
const route = (status: number, prefix?: string): string =>
  `{action: {name: a, typed_config: {"@type": type.googleapis.com/envoy.config.route.v3.Route, ${answering(status, prefix).slice(1)}}}`
const list = (...routes: string[]): string =>
  `{action: {name: a, typed_config: {"@type": type.googleapis.com/envoy.config.route.v3.RouteList, routes: [${routes.join(', ')}]}}}`
const value = (name: string, match: string): string => `{single_predicate: {${header(name)}, value_match: ${match}}}`
const matcher = (predicate: string, onMatch: string): string => `{predicate: ${predicate}, on_match: ${onMatch}}`

const exact = `{matcher_tree: {${header('x-user')}, exact_match_map: {map: {alice: ${route(201)}, bob: ${list(
  answering(202, '/a'),
  answering(203, '/b'),
)}, nested: {matcher: {matcher_tree: {${header('x-kind')}, exact_match_map: {map: {one: ${route(204)}}}}}}}}}, on_no_match: ${route(299)}}`
const prefixes = `{matcher_tree: {${header(':path')}, prefix_match_map: {map: {/a: ${route(201)}, /a/b: {matcher: {matcher_tree: {${header(
  'x-kind',
)}, exact_match_map: {map: {one: ${route(202)}}}}}}, /c: ${route(203, '/d')}}}}}`
const ip =
  '{name: ip, typed_config: {"@type": type.googleapis.com/envoy.extensions.matching.input_matchers.ip.v3.Ip, stat_prefix: ip, cidr_ranges: [{address_prefix: 10.0.0.0, prefix_len: 8}]}}'
const lists = `{matcher_list: {matchers: [${[
  matcher(
    `{and_matcher: {predicate: [${value('x-a', '{exact: one}')}, ${value('x-b', '{prefix: two}')}]}}`,
    route(201),
  ),
  matcher(
    `{or_matcher: {predicate: [${value('x-c', '{suffix: tail, ignore_case: true}')}, ${value('x-d', '{contains: mid}')}]}}`,
    route(202),
  ),
  matcher(value('x-e', '{safe_regex: {google_re2: {}, regex: "v[0-9]+"}}'), route(203)),
  matcher(`{single_predicate: {${header('x-ip')}, custom_match: ${ip}}}`, route(205)),
  matcher(`{not_matcher: ${value('x-f', '{exact: "no"}')}}`, route(206, '/not')),
].join(', ')}]}}`

const host = (name: string, tree: string): string => `{name: ${name}, domains: [${name}], matcher: ${tree}}`
const templates = `{name: templates, domains: [templates], routes: [
  {match: {path_match_policy: {name: m, typed_config: {"@type": type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig, path_template: "/v1/{country}/{rest=**}"}}},
   route: {cluster: up, path_rewrite_policy: {name: w, typed_config: {"@type": type.googleapis.com/envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig, path_template_rewrite: "/{rest}/of/{country}"}}}},
  {match: {path_match_policy: {name: m, typed_config: {"@type": type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig, path_template: "/files/*/{name}.txt"}}}, route: {cluster: up}},
  {match: {prefix: /moved}, redirect: {path_rewrite: "/new%REQ(x-where)%"}},
  {match: {prefix: /}, direct_response: {status: 404}}]}`

const port = (name: string): string =>
  `filter_chain_matcher: {matcher_tree: {input: {name: i, typed_config: {"@type": type.googleapis.com/envoy.extensions.matching.common_inputs.network.v3.SourceIPInput}}, ${name}}`
const named = (name: string): string =>
  `{action: {name: a, typed_config: {"@type": type.googleapis.com/google.protobuf.StringValue, value: ${name}}}}`

/** The first line of each answer. */
async function statuses(s: Scene, host: string, ...requests: (readonly [string, ...string[]])[]): Promise<void> {
  const client = await s.connect()
  for (const [index, [path, ...lines]] of requests.entries()) {
    await client.send(get(path, ...lines).replace('host: a', `host: ${host}`))
    const response = await client.response(index + 1)
    s.note(`${path} ${lines.join('; ')}: ${response.startLine} ${response.headers.get('location') ?? ''}`)
  }
  client.destroy()
}

feature(
  'matcher trees',
  {
    file: import.meta.url,
    upstreams: ['up'],
    listeners: [
      http('main', {
        vhosts: `[${[host('exact', exact), host('prefixes', prefixes), host('lists', lists), templates].join(', ')}]`,
      }),
      {
        ...http('chains', {
          routes: `[${answering(201)}]`,
          listener: port(
            `exact_match_map: {map: {127.0.0.1: ${named('first')}, 127.0.0.2: ${named('second')}, 127.0.0.3: ${named('third')}}}}, on_no_match: ${named('second')}`,
          ),
          chain: 'name: first',
        }),
      },
    ],
  },
  f => {
    f.scenario(
      'by exact values',
      {
        sees: `
      / x-user: alice: HTTP/1.1 201 Created http://exact/
      /a x-user: bob: HTTP/1.1 202 Accepted
      /b x-user: bob: HTTP/1.1 203 Non-Authoritative Information
      /c x-user: bob: HTTP/1.1 404 Not Found
      / x-user: Alice: HTTP/1.1 299 Unknown
      / : HTTP/1.1 299 Unknown
      / x-user: nested; x-kind: one: HTTP/1.1 204 No Content
      / x-user: nested; x-kind: two: HTTP/1.1 299 Unknown
      / x-user: alice; x-user: bob: HTTP/1.1 299 Unknown
    `,
      },
      s =>
        statuses(
          s,
          'exact',
          ['/', 'x-user: alice'],
          ['/a', 'x-user: bob'],
          ['/b', 'x-user: bob'],
          ['/c', 'x-user: bob'],
          ['/', 'x-user: Alice'],
          ['/'],
          ['/', 'x-user: nested', 'x-kind: one'],
          ['/', 'x-user: nested', 'x-kind: two'],
          ['/', 'x-user: alice', 'x-user: bob'],
        ),
    )
    f.scenario(
      'by prefixes, the longest first',
      {
        sees: `
      /a : HTTP/1.1 201 Created http://prefixes/a
      /a/b x-kind: one: HTTP/1.1 202 Accepted
      /a/b : HTTP/1.1 201 Created http://prefixes/a/b
      /c : HTTP/1.1 404 Not Found
      /x : HTTP/1.1 404 Not Found
    `,
      },
      s => statuses(s, 'prefixes', ['/a'], ['/a/b', 'x-kind: one'], ['/a/b'], ['/c'], ['/x']),
    )
    f.scenario(
      'by lists of predicates',
      {
        sees: `
      / x-a: one; x-b: two-three; x-f: no: HTTP/1.1 201 Created http://lists/
      / x-a: one; x-f: no: HTTP/1.1 404 Not Found
      / x-c: some-TAIL: HTTP/1.1 202 Accepted
      / x-d: amidst: HTTP/1.1 202 Accepted
      / x-e: v12: HTTP/1.1 203 Non-Authoritative Information
      / x-e: v12x: HTTP/1.1 404 Not Found
      / x-ip: 10.1.2.3: HTTP/1.1 205 Reset Content
      / x-ip: 11.1.2.3: HTTP/1.1 404 Not Found
      /not : HTTP/1.1 206 Partial Content
    `,
      },
      s =>
        statuses(
          s,
          'lists',
          ['/', 'x-a: one', 'x-b: two-three', 'x-f: no'],
          ['/', 'x-a: one', 'x-f: no'],
          ['/', 'x-c: some-TAIL'],
          ['/', 'x-d: amidst'],
          ['/', 'x-e: v12'],
          ['/', 'x-e: v12x'],
          ['/', 'x-ip: 10.1.2.3'],
          ['/', 'x-ip: 11.1.2.3'],
          ['/not'],
        ),
    )
    f.scenario(
      'paths by URI templates',
      {
        sees: `
      > up
      GET /some/where/of/at?q=1 HTTP/1.1
      host: templates
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000
      x-envoy-original-path: /v1/at/some/where?q=1

      < client
      HTTP/1.1 200 OK
      content-length: 0
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      (open)
      log: HTTP/1.1 200 - via_upstream in=0 out=0
    `,
      },
      async s => {
        await s.exchange({
          upstream: 'up',
          send: get('/v1/at/some/where?q=1').replace('host: a', 'host: templates'),
          reply: 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
        })
      },
    )
    f.scenario(
      'paths by URI templates that do not fit, and redirects by a format',
      {
        sees: `
      /v1/at : HTTP/1.1 404 Not Found
      /files/a/b/c.txt : HTTP/1.1 404 Not Found
      /moved?a=b x-where: /there: HTTP/1.1 301 Moved Permanently http://templates/new/there?a=b
      /moved?a=b x-where: /there?c=d: HTTP/1.1 301 Moved Permanently http://templates/new/there?c=d
    `,
      },
      s =>
        statuses(
          s,
          'templates',
          ['/v1/at'],
          ['/files/a/b/c.txt'],
          ['/moved?a=b', 'x-where: /there'],
          ['/moved?a=b', 'x-where: /there?c=d'],
        ),
    )
    f.scenario(
      'filter chains',
      {
        sees: `
      127.0.0.1: HTTP/1.1 201 Created
      127.0.0.2: closed
      127.0.0.3: closed
    `,
      },
      async s => {
        for (const from of ['127.0.0.1', '127.0.0.2', '127.0.0.3']) {
          const client = await s.connect('chains', from)
          await client.send(get('/')).catch(() => undefined)
          s.note(`${from}: ${from === '127.0.0.1' ? (await client.response()).startLine : await client.closed()}`)
          client.destroy()
        }
      },
    )
  },
)
