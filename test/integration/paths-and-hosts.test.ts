// Path normalization, host clean-up, header names with underscores.
import { get, head } from '../support/bytes.js'
import { http } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'

const PATHS = [
  '/',
  '//',
  '/a/../b',
  '/a/./b',
  '/../a',
  '/a/..',
  '/a/.',
  '/a//b',
  '///a///b//',
  '/a%2Fb',
  '/a%2fb',
  '/a%5Cb',
  '/a%5cb/../c',
  '/a\\b',
  '/a/%2e%2e/b',
  '/%2E/x',
  '/a%20b',
  '/%41',
  '/%7Ea',
  '/%zz',
  '/a%',
  '/a%0',
  '/a%00b',
  '/a?b/../c',
  '/a//b?c//d',
  '/a;p=1/../b',
  '/a/b/../../../c',
  '/%2f%2f',
  '/a#b',
  '/a?x#b',
  '/caf\xc3\xa9',
  '/a/..?q',
  '/.',
  '/..',
  '/.hidden',
  '/a...b',
]

feature(
  'paths',
  {
    file: import.meta.url,
    listeners: [
      http('main'),
      http('normal', { hcm: 'normalize_path: true' }),
      http('merge', { hcm: 'merge_slashes: true' }),
      http('both', { hcm: '{normalize_path: true, merge_slashes: true}' }),
      http('keep', { hcm: '{normalize_path: true, path_with_escaped_slashes_action: KEEP_UNCHANGED}' }),
      http('reject', { hcm: 'path_with_escaped_slashes_action: REJECT_REQUEST' }),
      http('redirect', { hcm: 'path_with_escaped_slashes_action: UNESCAPE_AND_REDIRECT' }),
      http('forward', { hcm: 'path_with_escaped_slashes_action: UNESCAPE_AND_FORWARD' }),
      http('forwardnormal', {
        hcm: '{normalize_path: true, merge_slashes: true, path_with_escaped_slashes_action: UNESCAPE_AND_FORWARD}',
      }),
    ],
  },
  f => {
    const each =
      (listener: string) =>
      async (s: Scene): Promise<void> => {
        for (const path of PATHS) {
          const seen = s.upstream().requests.length
          const client = await s.connect(listener)
          await client.send(get(path))
          const response = await client.response()
          client.destroy()
          const request = s.upstream().requests[seen]
          const original = request?.headers.get('x-envoy-original-path')
          const location = response.headers.get('location')
          const outcome = request === undefined ? response.startLine : (request.startLine.split(' ')[1] ?? '')
          s.note(
            `${path} -> ${outcome}${original === undefined ? '' : ` original ${original}`}${location === undefined ? '' : ` location ${location}`}`,
          )
        }
      }
    f.scenario(
      'untouched by default',
      {
        sees: `
    / -> /
    // -> //
    /a/../b -> /a/../b
    /a/./b -> /a/./b
    /../a -> /../a
    /a/.. -> /a/..
    /a/. -> /a/.
    /a//b -> /a//b
    ///a///b// -> ///a///b//
    /a%2Fb -> /a%2Fb
    /a%2fb -> /a%2fb
    /a%5Cb -> /a%5Cb
    /a%5cb/../c -> /a%5cb/../c
    /a\\b -> /a\\b
    /a/%2e%2e/b -> /a/%2e%2e/b
    /%2E/x -> /%2E/x
    /a%20b -> /a%20b
    /%41 -> /%41
    /%7Ea -> /%7Ea
    /%zz -> /%zz
    /a% -> /a%
    /a%0 -> /a%0
    /a%00b -> /a%00b
    /a?b/../c -> /a?b/../c
    /a//b?c//d -> /a//b?c//d
    /a;p=1/../b -> /a;p=1/../b
    /a/b/../../../c -> /a/b/../../../c
    /%2f%2f -> /%2f%2f
    /a#b -> HTTP/1.1 400 Bad Request
    /a?x#b -> HTTP/1.1 400 Bad Request
    /cafÃ© -> HTTP/1.1 400 Bad Request
    /a/..?q -> /a/..?q
    /. -> /.
    /.. -> /..
    /.hidden -> /.hidden
    /a...b -> /a...b
  `,
      },
      each('main'),
    )
    f.scenario(
      'normalize_path',
      {
        sees: `
    / -> /
    // -> //
    /a/../b -> /b
    /a/./b -> /a/b
    /../a -> /a
    /a/.. -> /
    /a/. -> /a/
    /a//b -> /a//b
    ///a///b// -> ///a///b//
    /a%2Fb -> /a%2Fb
    /a%2fb -> /a%2fb
    /a%5Cb -> /a%5Cb
    /a%5cb/../c -> /c
    /a\\b -> /a/b
    /a/%2e%2e/b -> /b
    /%2E/x -> /x
    /a%20b -> /a%20b
    /%41 -> /A
    /%7Ea -> /~a
    /%zz -> /%zz
    /a% -> /a%
    /a%0 -> /a%0
    /a%00b -> HTTP/1.1 400 Bad Request
    /a?b/../c -> /a?b/../c
    /a//b?c//d -> /a//b?c//d
    /a;p=1/../b -> /b
    /a/b/../../../c -> /c
    /%2f%2f -> /%2f%2f
    /a#b -> HTTP/1.1 400 Bad Request
    /a?x#b -> HTTP/1.1 400 Bad Request
    /cafÃ© -> HTTP/1.1 400 Bad Request
    /a/..?q -> /?q
    /. -> /
    /.. -> /
    /.hidden -> /.hidden
    /a...b -> /a...b
  `,
      },
      each('normal'),
    )
    f.scenario(
      'merge_slashes',
      {
        sees: `
    / -> /
    // -> //
    /a/../b -> /a/../b
    /a/./b -> /a/./b
    /../a -> /../a
    /a/.. -> /a/..
    /a/. -> /a/.
    /a//b -> /a/b
    ///a///b// -> /a/b/
    /a%2Fb -> /a%2Fb
    /a%2fb -> /a%2fb
    /a%5Cb -> /a%5Cb
    /a%5cb/../c -> /a%5cb/../c
    /a\\b -> /a\\b
    /a/%2e%2e/b -> /a/%2e%2e/b
    /%2E/x -> /%2E/x
    /a%20b -> /a%20b
    /%41 -> /%41
    /%7Ea -> /%7Ea
    /%zz -> /%zz
    /a% -> /a%
    /a%0 -> /a%0
    /a%00b -> /a%00b
    /a?b/../c -> /a?b/../c
    /a//b?c//d -> /a/b?c//d
    /a;p=1/../b -> /a;p=1/../b
    /a/b/../../../c -> /a/b/../../../c
    /%2f%2f -> /%2f%2f
    /a#b -> HTTP/1.1 400 Bad Request
    /a?x#b -> HTTP/1.1 400 Bad Request
    /cafÃ© -> HTTP/1.1 400 Bad Request
    /a/..?q -> /a/..?q
    /. -> /.
    /.. -> /..
    /.hidden -> /.hidden
    /a...b -> /a...b
  `,
      },
      each('merge'),
    )
    f.scenario(
      'normalize_path and merge_slashes',
      {
        sees: `
    / -> /
    // -> //
    /a/../b -> /b
    /a/./b -> /a/b
    /../a -> /a
    /a/.. -> /
    /a/. -> /a/
    /a//b -> /a/b
    ///a///b// -> /a/b/
    /a%2Fb -> /a%2Fb
    /a%2fb -> /a%2fb
    /a%5Cb -> /a%5Cb
    /a%5cb/../c -> /c
    /a\\b -> /a/b
    /a/%2e%2e/b -> /b
    /%2E/x -> /x
    /a%20b -> /a%20b
    /%41 -> /A
    /%7Ea -> /~a
    /%zz -> /%zz
    /a% -> /a%
    /a%0 -> /a%0
    /a%00b -> HTTP/1.1 400 Bad Request
    /a?b/../c -> /a?b/../c
    /a//b?c//d -> /a/b?c//d
    /a;p=1/../b -> /b
    /a/b/../../../c -> /c
    /%2f%2f -> /%2f%2f
    /a#b -> HTTP/1.1 400 Bad Request
    /a?x#b -> HTTP/1.1 400 Bad Request
    /cafÃ© -> HTTP/1.1 400 Bad Request
    /a/..?q -> /?q
    /. -> /
    /.. -> /
    /.hidden -> /.hidden
    /a...b -> /a...b
  `,
      },
      each('both'),
    )
    f.scenario(
      'escaped slashes kept',
      {
        sees: `
    / -> /
    // -> //
    /a/../b -> /b
    /a/./b -> /a/b
    /../a -> /a
    /a/.. -> /
    /a/. -> /a/
    /a//b -> /a//b
    ///a///b// -> ///a///b//
    /a%2Fb -> /a%2Fb
    /a%2fb -> /a%2fb
    /a%5Cb -> /a%5Cb
    /a%5cb/../c -> /c
    /a\\b -> /a/b
    /a/%2e%2e/b -> /b
    /%2E/x -> /x
    /a%20b -> /a%20b
    /%41 -> /A
    /%7Ea -> /~a
    /%zz -> /%zz
    /a% -> /a%
    /a%0 -> /a%0
    /a%00b -> HTTP/1.1 400 Bad Request
    /a?b/../c -> /a?b/../c
    /a//b?c//d -> /a//b?c//d
    /a;p=1/../b -> /b
    /a/b/../../../c -> /c
    /%2f%2f -> /%2f%2f
    /a#b -> HTTP/1.1 400 Bad Request
    /a?x#b -> HTTP/1.1 400 Bad Request
    /cafÃ© -> HTTP/1.1 400 Bad Request
    /a/..?q -> /?q
    /. -> /
    /.. -> /
    /.hidden -> /.hidden
    /a...b -> /a...b
  `,
      },
      each('keep'),
    )
    f.scenario(
      'escaped slashes rejected',
      {
        sees: `
    / -> /
    // -> //
    /a/../b -> /a/../b
    /a/./b -> /a/./b
    /../a -> /../a
    /a/.. -> /a/..
    /a/. -> /a/.
    /a//b -> /a//b
    ///a///b// -> ///a///b//
    /a%2Fb -> HTTP/1.1 400 Bad Request
    /a%2fb -> HTTP/1.1 400 Bad Request
    /a%5Cb -> HTTP/1.1 400 Bad Request
    /a%5cb/../c -> HTTP/1.1 400 Bad Request
    /a\\b -> /a\\b
    /a/%2e%2e/b -> /a/%2e%2e/b
    /%2E/x -> /%2E/x
    /a%20b -> /a%20b
    /%41 -> /%41
    /%7Ea -> /%7Ea
    /%zz -> /%zz
    /a% -> /a%
    /a%0 -> /a%0
    /a%00b -> /a%00b
    /a?b/../c -> /a?b/../c
    /a//b?c//d -> /a//b?c//d
    /a;p=1/../b -> /a;p=1/../b
    /a/b/../../../c -> /a/b/../../../c
    /%2f%2f -> HTTP/1.1 400 Bad Request
    /a#b -> HTTP/1.1 400 Bad Request
    /a?x#b -> HTTP/1.1 400 Bad Request
    /cafÃ© -> HTTP/1.1 400 Bad Request
    /a/..?q -> /a/..?q
    /. -> /.
    /.. -> /..
    /.hidden -> /.hidden
    /a...b -> /a...b
  `,
      },
      each('reject'),
    )
    f.scenario(
      'escaped slashes redirected',
      {
        sees: `
    / -> /
    // -> //
    /a/../b -> /a/../b
    /a/./b -> /a/./b
    /../a -> /../a
    /a/.. -> /a/..
    /a/. -> /a/.
    /a//b -> /a//b
    ///a///b// -> ///a///b//
    /a%2Fb -> HTTP/1.1 307 Temporary Redirect location /a/b
    /a%2fb -> HTTP/1.1 307 Temporary Redirect location /a/b
    /a%5Cb -> HTTP/1.1 307 Temporary Redirect location /a\\b
    /a%5cb/../c -> HTTP/1.1 307 Temporary Redirect location /a\\b/../c
    /a\\b -> /a\\b
    /a/%2e%2e/b -> /a/%2e%2e/b
    /%2E/x -> /%2E/x
    /a%20b -> /a%20b
    /%41 -> /%41
    /%7Ea -> /%7Ea
    /%zz -> /%zz
    /a% -> /a%
    /a%0 -> /a%0
    /a%00b -> /a%00b
    /a?b/../c -> /a?b/../c
    /a//b?c//d -> /a//b?c//d
    /a;p=1/../b -> /a;p=1/../b
    /a/b/../../../c -> /a/b/../../../c
    /%2f%2f -> HTTP/1.1 307 Temporary Redirect location ///
    /a#b -> HTTP/1.1 400 Bad Request
    /a?x#b -> HTTP/1.1 400 Bad Request
    /cafÃ© -> HTTP/1.1 400 Bad Request
    /a/..?q -> /a/..?q
    /. -> /.
    /.. -> /..
    /.hidden -> /.hidden
    /a...b -> /a...b
  `,
      },
      each('redirect'),
    )
    f.scenario(
      'escaped slashes unescaped',
      {
        sees: `
    / -> /
    // -> //
    /a/../b -> /a/../b
    /a/./b -> /a/./b
    /../a -> /../a
    /a/.. -> /a/..
    /a/. -> /a/.
    /a//b -> /a//b
    ///a///b// -> ///a///b//
    /a%2Fb -> /a/b
    /a%2fb -> /a/b
    /a%5Cb -> /a\\b
    /a%5cb/../c -> /a\\b/../c
    /a\\b -> /a\\b
    /a/%2e%2e/b -> /a/%2e%2e/b
    /%2E/x -> /%2E/x
    /a%20b -> /a%20b
    /%41 -> /%41
    /%7Ea -> /%7Ea
    /%zz -> /%zz
    /a% -> /a%
    /a%0 -> /a%0
    /a%00b -> /a%00b
    /a?b/../c -> /a?b/../c
    /a//b?c//d -> /a//b?c//d
    /a;p=1/../b -> /a;p=1/../b
    /a/b/../../../c -> /a/b/../../../c
    /%2f%2f -> ///
    /a#b -> HTTP/1.1 400 Bad Request
    /a?x#b -> HTTP/1.1 400 Bad Request
    /cafÃ© -> HTTP/1.1 400 Bad Request
    /a/..?q -> /a/..?q
    /. -> /.
    /.. -> /..
    /.hidden -> /.hidden
    /a...b -> /a...b
  `,
      },
      each('forward'),
    )
    f.scenario(
      'escaped slashes unescaped, then normalized and merged',
      {
        sees: `
    / -> /
    // -> //
    /a/../b -> /b
    /a/./b -> /a/b
    /../a -> /a
    /a/.. -> /
    /a/. -> /a/
    /a//b -> /a/b
    ///a///b// -> /a/b/
    /a%2Fb -> /a/b
    /a%2fb -> /a/b
    /a%5Cb -> /a/b
    /a%5cb/../c -> /a/c
    /a\\b -> /a/b
    /a/%2e%2e/b -> /b
    /%2E/x -> /x
    /a%20b -> /a%20b
    /%41 -> /A
    /%7Ea -> /~a
    /%zz -> /%zz
    /a% -> /a%
    /a%0 -> /a%0
    /a%00b -> HTTP/1.1 400 Bad Request
    /a?b/../c -> /a?b/../c
    /a//b?c//d -> /a/b?c//d
    /a;p=1/../b -> /b
    /a/b/../../../c -> /c
    /%2f%2f -> //
    /a#b -> HTTP/1.1 400 Bad Request
    /a?x#b -> HTTP/1.1 400 Bad Request
    /cafÃ© -> HTTP/1.1 400 Bad Request
    /a/..?q -> /?q
    /. -> /
    /.. -> /
    /.hidden -> /.hidden
    /a...b -> /a...b
  `,
      },
      each('forwardnormal'),
    )
    f.exchange('the redirect byte for byte', {
      to: 'redirect',
      send: get('/a%2Fb?c'),
      sees: `
    < client
    HTTP/1.1 307 Temporary Redirect
    location: /a/b?c
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: HTTP/1.1 307 - path_normalization_failed in=0 out=0
  `,
    })
    f.exchange('the rejection byte for byte', {
      to: 'reject',
      send: get('/a%2Fb?c'),
      sees: `
    < client
    HTTP/1.1 400 Bad Request
    date: DATE
    server: envoy
    connection: close
    content-length: 0

    (closed)
    log: HTTP/1.1 400 - path_normalization_failed in=0 out=0
  `,
    })
    f.exchange('a path that cannot be normalized', {
      to: 'normal',
      send: get('/a%00b'),
      sees: `
    < client
    HTTP/1.1 400 Bad Request
    date: DATE
    server: envoy
    connection: close
    content-length: 0

    (closed)
    log: HTTP/1.1 400 - path_normalization_failed in=0 out=0
  `,
    })
  },
)

feature(
  'host and underscores',
  {
    file: import.meta.url,
    listeners: [
      http('main'),
      http('strip', { hcm: 'strip_any_host_port: true' }),
      http('dot', { hcm: 'strip_trailing_host_dot: true' }),
      http('both', { hcm: '{strip_any_host_port: true, strip_trailing_host_dot: true}' }),
      http('reject', { hcm: 'common_http_protocol_options: {headers_with_underscores_action: REJECT_REQUEST}' }),
      http('drop', { hcm: 'common_http_protocol_options: {headers_with_underscores_action: DROP_HEADER}' }),
      http('matching', { hcm: 'strip_matching_host_port: true' }),
    ],
  },
  f => {
    const hosts = [
      'a',
      'a:80',
      'a:8080',
      'a.',
      'a.:80',
      'A.Example:1',
      '[::1]',
      '[::1]:80',
      'a:',
      'a:x',
      'a:99999',
      '127.0.0.1:80',
      'a_b',
      'a,b',
      '*',
      'a..',
    ]
    const each =
      (listener: string) =>
      async (s: Scene): Promise<void> => {
        for (const host of hosts) {
          const seen = s.upstream().requests.length
          const client = await s.connect(listener)
          await client.send(head('GET / HTTP/1.1', `host: ${host}`))
          const response = await client.response()
          client.destroy()
          s.note(`${host} -> ${s.upstream().requests[seen]?.headers.get('host') ?? response.startLine}`)
        }
      }
    f.scenario(
      'hosts as they are',
      {
        sees: `
    a -> a
    a:80 -> a:80
    a:8080 -> a:8080
    a. -> a.
    a.:80 -> a.:80
    A.Example:1 -> A.Example:1
    [::1] -> [::1]
    [::1]:80 -> [::1]:80
    a: -> a:
    a:x -> a:x
    a:99999 -> a:99999
    127.0.0.1:80 -> 127.0.0.1:80
    a_b -> a_b
    a,b -> a,b
    * -> *
    a.. -> a..
  `,
      },
      each('main'),
    )
    f.scenario(
      'strip_any_host_port',
      {
        sees: `
    a -> a
    a:80 -> a
    a:8080 -> a
    a. -> a.
    a.:80 -> a.
    A.Example:1 -> A.Example
    [::1] -> [::1]
    [::1]:80 -> [::1]
    a: -> a:
    a:x -> a:x
    a:99999 -> a
    127.0.0.1:80 -> 127.0.0.1
    a_b -> a_b
    a,b -> a,b
    * -> *
    a.. -> a..
  `,
      },
      each('strip'),
    )
    f.scenario(
      'strip_trailing_host_dot',
      {
        sees: `
    a -> a
    a:80 -> a:80
    a:8080 -> a:8080
    a. -> a
    a.:80 -> a:80
    A.Example:1 -> A.Example:1
    [::1] -> [::1]
    [::1]:80 -> [::1]:80
    a: -> a:
    a:x -> a:x
    a:99999 -> a:99999
    127.0.0.1:80 -> 127.0.0.1:80
    a_b -> a_b
    a,b -> a,b
    * -> *
    a.. -> a.
  `,
      },
      each('dot'),
    )
    f.scenario(
      'strip_any_host_port and strip_trailing_host_dot',
      {
        sees: `
    a -> a
    a:80 -> a
    a:8080 -> a
    a. -> a
    a.:80 -> a
    A.Example:1 -> A.Example
    [::1] -> [::1]
    [::1]:80 -> [::1]
    a: -> a:
    a:x -> a:x
    a:99999 -> a
    127.0.0.1:80 -> 127.0.0.1
    a_b -> a_b
    a,b -> a,b
    * -> *
    a.. -> a.
  `,
      },
      each('both'),
    )
    f.scenario(
      'strip_matching_host_port takes only the port of the listener',
      {
        sees: `
    a -> a
    a:80 -> a:80
    a:LISTENER -> a
  `,
      },
      async s => {
        const port = s.proxy.port('matching')
        for (const host of ['a', 'a:80', `a:${port}`]) {
          const client = await s.connect('matching')
          await client.send(head('GET / HTTP/1.1', `host: ${host}`))
          await client.response()
          s.note(`${host.replace(String(port), 'LISTENER')} -> ${s.upstream().requests.at(-1)?.headers.get('host')}`)
        }
      },
    )
    f.exchange('underscores are allowed by default', {
      send: get('/', 'x_a: 1'),
      sees: `
    > up
    GET / HTTP/1.1
    host: a
    x_a: 1
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
  `,
    })
    f.exchange('underscores rejected', {
      to: 'reject',
      send: get('/', 'x_a: 1'),
      stats: /underscores/,
      sees: `
    stat: http1.requests_rejected_with_underscores_in_headers +1
    < client
    HTTP/1.1 400 Bad Request
    content-length: 11
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request
    (closed)
    log: HTTP/1.1 400 DPE http1.unexpected_underscore in=0 out=11
  `,
    })
    f.exchange('underscores dropped', {
      to: 'drop',
      send: get('/', 'x_a: 1', 'x-b: 2', 'x_c: 3'),
      stats: /underscores/,
      sees: `
    stat: http1.dropped_headers_with_underscores +2
    > up
    GET / HTTP/1.1
    host: a
    x-b: 2
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
  `,
    })
  },
)
