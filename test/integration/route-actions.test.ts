// What a route makes of a request: rewrites, redirects, direct responses.
import { get, head, post } from '../support/bytes.js'
import { cluster, http } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'

const _headers = (...all: string[][]): string[][] => all.map(lines => ['GET / HTTP/1.1', 'host: a', ...lines])

const says = (text: string): string => `direct_response: {status: 200, body: {inline_string: "${text}"}}`

const _routes = (...all: [string, string][]): string =>
  `[${all.map(([match, name]) => `{match: ${match}, ${says(name)}}`).join(', ')}]`

feature(
  'rewrites',
  {
    file: import.meta.url,
    clusters: [
      cluster('up'),
      cluster(
        'named',
        ['up'],
        'load_assignment: {cluster_name: named, endpoints: [{lb_endpoints: [{endpoint: {hostname: host.of.endpoint, address: {socket_address: {address: 127.0.0.1, port_value: "${up}"}}}}]}]}',
      ),
    ],
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
  },
  f => {
    const each =
      (...requests: string[][]) =>
      async (s: Scene): Promise<void> => {
        for (const [path = '', ...lines] of requests) {
          const client = await s.connect()
          await client.send(get(path, ...lines))
          const response = await client.response()
          client.destroy()
          const request = s.upstream().requests.at(-1)
          const shown = (request?.head ?? '')
            .split('\r\n')
            .filter(line => /^(GET|host|x-envoy-original|x-forwarded-host)/.test(line))
          s.note(
            `${[path, ...lines].join(' | ')} -> ${response.startLine.includes('200') ? shown.join(' | ') : response.startLine}`,
          )
          s.upstream().forget()
        }
      }
    f.scenario(
      'prefix rewrite',
      {
        sees: `
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
  `,
      },
      each(
        ['/p/x?y'],
        ['/p/'],
        ['/p'],
        ['/drop'],
        ['/drop/x'],
        ['/dropx?q'],
        ['/exact'],
        ['/exact?q=1'],
        ['/sep'],
        ['/sep/x?y'],
        ['/nocase/x'],
        ['/srx/y?z'],
        ['/p/%2F?a=/p/'],
      ),
    )
    f.scenario(
      'regex rewrite',
      {
        sees: `
    /rx/one/two?q=/rx/ -> GET /two/one?q=/rx/ HTTP/1.1 | host: a | x-envoy-original-path: /rx/one/two?q=/rx/
    /rx/one -> GET /rx/one HTTP/1.1 | host: a | x-envoy-original-path: /rx/one
    /all/l?l -> GET /aLL/L?l HTTP/1.1 | host: a | x-envoy-original-path: /all/l?l
  `,
      },
      each(['/rx/one/two?q=/rx/'], ['/rx/one'], ['/all/l?l']),
    )
    f.scenario(
      'a client x-envoy-original-path',
      {
        sees: `
    /p/x | x-envoy-original-path: /spoof -> GET /q/x HTTP/1.1 | host: a | x-envoy-original-path: /p/x
    / | x-envoy-original-path: /spoof -> HTTP/1.1 404 Not Found
  `,
      },
      each(['/p/x', 'x-envoy-original-path: /spoof'], ['/', 'x-envoy-original-path: /spoof']),
    )
    f.scenario(
      'host rewrites',
      {
        sees: `
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
  `,
      },
      each(
        ['/hl'],
        ['/hh', 'x-host: from.header'],
        ['/hh'],
        ['/hh', 'x-host:'],
        ['/hp/one/x?y'],
        ['/ha'],
        ['/hx'],
        ['/hx', 'x-forwarded-host: before'],
        ['/hax'],
        ['/wc'],
      ),
    )
    f.scenario(
      'path_rewrite with a formatter',
      {
        sees: `
    /fmt | x-p: /x -> GET /f/x HTTP/1.1 | host: a | x-envoy-original-path: /fmt
    /fmt?q | x-p: /x -> GET /f/x?q HTTP/1.1 | host: a | x-envoy-original-path: /fmt?q
    /fmt -> GET /f HTTP/1.1 | host: a | x-envoy-original-path: /fmt
  `,
      },
      each(['/fmt', 'x-p: /x'], ['/fmt?q', 'x-p: /x'], ['/fmt']),
    )
  },
)

feature(
  'redirects',
  {
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
  },
  f => {
    const each =
      (...requests: string[][]) =>
      async (s: Scene): Promise<void> => {
        for (const [path = '', host = 'a', ...lines] of requests) {
          const client = await s.connect()
          await client.send(head(`GET ${path} HTTP/1.1`, `host: ${host}`, ...lines))
          const response = await client.response()
          client.destroy()
          s.note(
            `${[host, path, ...lines].join(' | ')} -> ${response.startLine.split(' ')[1]} ${response.headers.get('location') ?? ''}`,
          )
        }
      }
    f.exchange('a redirect, byte for byte', {
      send: get('/path?q=1'),
      sees: `
    < client
    HTTP/1.1 301 Moved Permanently
    location: http://a/new/path?q=1
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: HTTP/1.1 301 - direct_response in=0 out=0
  `,
    })
    f.exchange('a redirect of HEAD', {
      send: head('HEAD /path HTTP/1.1', 'host: a'),
      sees: `
    < client
    HTTP/1.1 301 Moved Permanently
    location: http://a/new/path
    date: DATE
    server: envoy
    transfer-encoding: chunked

    (open)
    log: HTTP/1.1 301 - direct_response in=0 out=0
  `,
    })
    f.exchange('a redirect of a POST with a body', {
      send: post('/path', 'abc'),
      sees: `
    < client
    HTTP/1.1 301 Moved Permanently
    location: http://a/new/path
    date: DATE
    server: envoy
    connection: close
    content-length: 0

    (closed)
    log: HTTP/1.1 301 - direct_response in=0 out=0
  `,
    })
    f.exchange('a redirect with added headers', {
      send: get('/added'),
      sees: `
    < client
    HTTP/1.1 301 Moved Permanently
    location: http://a/x
    x-added: v
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: HTTP/1.1 301 - direct_response in=0 out=0
  `,
    })
    f.scenario(
      'locations',
      {
        sees: `
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
  `,
      },
      each(
        ['/https'],
        ['/https', 'a:80'],
        ['/https', 'a:443'],
        ['/https', 'a:8080'],
        ['/scheme'],
        ['/scheme', 'a:21'],
        ['/host/x?y=z'],
        ['/host', 'old:8080'],
        ['/port'],
        ['/port', 'a:99'],
        ['/p80'],
        ['/p80', 'a:8080'],
        ['/sp'],
        ['/path?q=1'],
        ['/pathq?theirs=2'],
        ['/prefix/x?y'],
        ['/prefixed'],
        ['/regex/x?y'],
        ['/regex'],
        ['/strip/x?y'],
        ['/qpath?x'],
        ['/empty?x'],
        ['/host#f'],
        ['/https', '[::1]:80'],
        ['/port', '[::1]:80'],
        ['/https', 'A.B'],
      ),
    )
    f.scenario(
      'status codes',
      {
        sees: `
    a | /c302 -> 302 http://a/x
    a | /c303 -> 303 http://a/x
    a | /c307 -> 307 http://a/x
    a | /c308 -> 308 http://a/x
  `,
      },
      each(['/c302'], ['/c303'], ['/c307'], ['/c308']),
    )
    f.scenario(
      'the forwarded scheme is used',
      {
        sees: `
    a | /path | x-forwarded-proto: https -> 301 https://a/new/path
    a | /https | x-forwarded-proto: https -> 301 https://a/https
    a | /port | x-forwarded-proto: https -> 301 https://a:8443/port
  `,
      },
      each(
        ['/path', 'a', 'x-forwarded-proto: https'],
        ['/https', 'a', 'x-forwarded-proto: https'],
        ['/port', 'a', 'x-forwarded-proto: https'],
      ),
    )
    f.scenario(
      'require_tls',
      {
        sees: `
    tls.example | /x?y -> 301 https://tls.example/x?y
    tls.example:80 | /x -> 404
    tls.example | /x | x-forwarded-proto: https -> 200
    ext.example | /x -> 301 https://ext.example/x
    ext.example | /x | x-forwarded-for: 10.0.0.1 -> 301 https://ext.example/x
  `,
      },
      each(
        ['/x?y', 'tls.example'],
        ['/x', 'tls.example:80'],
        ['/x', 'tls.example', 'x-forwarded-proto: https'],
        ['/x', 'ext.example'],
        ['/x', 'ext.example', 'x-forwarded-for: 10.0.0.1'],
      ),
    )
  },
)

feature(
  'direct responses',
  {
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
  },
  f => {
    f.exchange('with a body', {
      send: get('/body'),
      sees: `
    < client
    HTTP/1.1 200 OK
    content-length: 6
    content-type: text/plain
    date: DATE
    server: envoy

    hello\\n
    (open)
    log: HTTP/1.1 200 - direct_response in=0 out=6
  `,
    })
    f.exchange('without a body', {
      send: get('/none'),
      sees: `
    < client
    HTTP/1.1 404 Not Found
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: HTTP/1.1 404 - direct_response in=0 out=0
  `,
    })
    f.exchange('204 without a body', {
      send: get('/204'),
      sees: `
    < client
    HTTP/1.1 204 No Content
    date: DATE
    server: envoy

    (open)
    log: HTTP/1.1 204 - direct_response in=0 out=0
  `,
    })
    f.exchange('HEAD of a body', {
      send: head('HEAD /body HTTP/1.1', 'host: a'),
      sees: `
    < client
    HTTP/1.1 200 OK
    content-length: 6
    content-type: text/plain
    date: DATE
    server: envoy

    (open)
    log: HTTP/1.1 200 - direct_response in=0 out=0
  `,
    })
    f.exchange('HEAD of no body', {
      send: head('HEAD /none HTTP/1.1', 'host: a'),
      sees: `
    < client
    HTTP/1.1 404 Not Found
    date: DATE
    server: envoy
    transfer-encoding: chunked

    (open)
    log: HTTP/1.1 404 - direct_response in=0 out=0
  `,
    })
    f.exchange('a relative location of a 201', {
      send: get('/created'),
      sees: `
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
  `,
    })
    f.exchange('another content type', {
      send: get('/type'),
      sees: `
    < client
    HTTP/1.1 200 OK
    content-type: application/json
    content-length: 2
    date: DATE
    server: envoy

    {}
    (open)
    log: HTTP/1.1 200 - direct_response in=0 out=2
  `,
    })
    f.exchange('content type removed', {
      send: get('/removed'),
      sees: `
    < client
    HTTP/1.1 503 Service Unavailable
    content-length: 1
    content-type: text/plain
    date: DATE
    server: envoy

    x
    (open)
    log: HTTP/1.1 503 - direct_response in=0 out=1
  `,
    })
    f.exchange('bytes', {
      send: get('/bytes'),
      sees: `
    < client
    HTTP/1.1 200 OK
    content-length: 4
    content-type: text/plain
    date: DATE
    server: envoy

    \\x00\\x01\\x02\\xff
    (open)
    log: HTTP/1.1 200 - direct_response in=0 out=4
  `,
    })
    f.exchange('an unusual status', {
      send: get('/odd'),
      sees: `
    < client
    HTTP/1.1 599 Last Unassigned Server Error Code
    content-length: 3
    content-type: text/plain
    date: DATE
    server: envoy

    odd
    (open)
    log: HTTP/1.1 599 - direct_response in=0 out=3
  `,
    })
    f.exchange('body_format', {
      send: get('/fmt', 'x-a: 1'),
      sees: `
    < client
    HTTP/1.1 200 OK
    content-length: 13
    content-type: text/plain
    date: DATE
    server: envoy

    1 0 HTTP/1.1\\n
    (open)
    log: HTTP/1.1 200 - direct_response in=0 out=13
  `,
    })
    f.exchange('301 with a location', {
      send: get('/301'),
      sees: `
    < client
    HTTP/1.1 301 Moved Permanently
    location: http://a/301,/elsewhere
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: HTTP/1.1 301 - direct_response in=0 out=0
  `,
    })
    f.exchange('a POST whose body is complete', {
      send: post('/body', 'abc'),
      sees: `
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
  `,
    })
    f.exchange('a POST whose body never comes', {
      send: head('POST /body HTTP/1.1', 'host: a', 'content-length: 5'),
      sees: `
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
  `,
    })
    f.exchange('a request with expect: 100-continue', {
      send: head('POST /body HTTP/1.1', 'host: a', 'expect: 100-continue', 'content-length: 3'),
      sees: `
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
  `,
    })
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
    f.exchange('two pipelined local replies', {
      send: get('/body') + get('/none'),
      responses: 2,
      sees: `
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
  `,
    })
  },
)

feature(
  'template rewrites',
  {
    file: import.meta.url,
    listeners: [
      http('main', {
        routes: `
- {match: {path_match_policy: {name: t, typed_config: {"@type": type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig, path_template: "/t/{a}/{b=**}"}}}, route: {cluster: up, path_rewrite_policy: {name: r, typed_config: {"@type": type.googleapis.com/envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig, path_template_rewrite: "/{b}/of/{a}"}}}}
`,
      }),
    ],
  },
  f => {
    const each =
      (...requests: string[][]) =>
      async (s: Scene): Promise<void> => {
        for (const [path = '', ...lines] of requests) {
          const client = await s.connect()
          await client.send(get(path, ...lines))
          const response = await client.response()
          client.destroy()
          const request = s.upstream().requests.at(-1)
          const shown = (request?.head ?? '')
            .split('\r\n')
            .filter(line => /^(GET|host|x-envoy-original|x-forwarded-host)/.test(line))
          s.note(
            `${[path, ...lines].join(' | ')} -> ${response.startLine.includes('200') ? shown.join(' | ') : response.startLine}`,
          )
          s.upstream().forget()
        }
      }
    f.scenario(
      'template rewrite',
      {
        sees: `
    /t/1/x/y?q -> GET /x/y/of/1?q HTTP/1.1 | host: a | x-envoy-original-path: /t/1/x/y?q
    /t/1/x -> GET /x/of/1 HTTP/1.1 | host: a | x-envoy-original-path: /t/1/x
  `,
      },
      each(['/t/1/x/y?q'], ['/t/1/x']),
    )
  },
)
