// Filters that ask who the client is: basic_auth, api_key_auth. In TypeScript, equal to Envoy's.
import { answer, get } from '../support/bytes.js'
import { cluster, http } from '../support/config.js'
import { feature } from '../support/scenario.js'

const BASIC = 'envoy.extensions.filters.http.basic_auth.v3'
const KEYS = 'envoy.extensions.filters.http.api_key_auth.v3'
const router = {
  name: 'router',
  typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
}
const chain = (name: string, type: string, config: object): string =>
  JSON.stringify({
    http_filters: [{ name, typed_config: { '@type': `type.googleapis.com/${type}`, ...config } }, router],
  })
const routes = (filter: string, type: string, config: object): string =>
  JSON.stringify([
    {
      match: { prefix: '/special' },
      route: { cluster: 'up' },
      typed_per_filter_config: { [filter]: { '@type': `type.googleapis.com/${type}`, ...config } },
    },
    { match: { prefix: '/' }, route: { cluster: 'up' } },
  ])
const basic = (text: string): string => `authorization: Basic ${Buffer.from(text).toString('base64')}`

feature(
  'basic_auth',
  {
    file: import.meta.url,
    upstreams: ['up'],
    clusters: [cluster('up')],
    listeners: [
      http('main', {
        hcm: chain('basic', `${BASIC}.BasicAuth`, {
          users: {
            inline_string: 'user1:{SHA}tESsBmE/yNY3lb6a0L6vVQEZNqw=\nuser2:{SHA}EJ9LPFDXsN9ynSmbxvjp75Bmlx8=\n',
          },
          forward_username_header: 'x-user',
        }),
        routes: routes('basic', `${BASIC}.BasicAuthPerRoute`, {
          users: { inline_string: 'admin:{SHA}2PRZAyDhNDqRW2OUFwZQqPNdaSY=' },
        }),
      }),
    ],
  },
  f => {
    const stats = /basic_auth/
    f.exchange('no credential', {
      send: get('/a?q'),
      stats,
      sees: `
      stat: http.main.basic_auth.denied +1
      < client
      HTTP/1.1 401 Unauthorized
      www-authenticate: Basic realm="http://a/a?q"
      content-length: 58
      content-type: text/plain
      date: DATE
      server: envoy

      User authentication failed. Missing username and password.
      (open)
      log: HTTP/1.1 401 - no_credential_for_basic_auth in=0 out=58
    `,
    })
    f.exchange('another scheme', {
      send: get('/', 'authorization: Bearer x'),
      stats,
      sees: `
      stat: http.main.basic_auth.denied +1
      < client
      HTTP/1.1 401 Unauthorized
      www-authenticate: Basic realm="http://a/"
      content-length: 67
      content-type: text/plain
      date: DATE
      server: envoy

      User authentication failed. Expected 'Basic' authentication scheme.
      (open)
      log: HTTP/1.1 401 - invalid_scheme_for_basic_auth in=0 out=67
    `,
    })
    f.exchange('no base64', {
      send: get('/', 'authorization: Basic !!!'),
      stats,
      sees: `
      stat: http.main.basic_auth.denied +1
      < client
      HTTP/1.1 401 Unauthorized
      www-authenticate: Basic realm="http://a/"
      content-length: 60
      content-type: text/plain
      date: DATE
      server: envoy

      User authentication failed. Invalid basic credential format.
      (open)
      log: HTTP/1.1 401 - invalid_format_for_basic_auth in=0 out=60
    `,
    })
    f.exchange('no colon', {
      send: get('/', basic('user1')),
      stats,
      sees: `
      stat: http.main.basic_auth.denied +1
      < client
      HTTP/1.1 401 Unauthorized
      www-authenticate: Basic realm="http://a/"
      content-length: 60
      content-type: text/plain
      date: DATE
      server: envoy

      User authentication failed. Invalid basic credential format.
      (open)
      log: HTTP/1.1 401 - invalid_format_for_basic_auth in=0 out=60
    `,
    })
    f.exchange('a wrong password', {
      send: get('/', basic('user1:wrong')),
      stats,
      sees: `
      stat: http.main.basic_auth.denied +1
      < client
      HTTP/1.1 401 Unauthorized
      www-authenticate: Basic realm="http://a/"
      content-length: 66
      content-type: text/plain
      date: DATE
      server: envoy

      User authentication failed. Invalid username/password combination.
      (open)
      log: HTTP/1.1 401 - invalid_credential_for_basic_auth in=0 out=66
    `,
    })
    f.exchange('an unknown user', {
      send: get('/', basic('nobody:test1')),
      stats,
      sees: `
      stat: http.main.basic_auth.denied +1
      < client
      HTTP/1.1 401 Unauthorized
      www-authenticate: Basic realm="http://a/"
      content-length: 66
      content-type: text/plain
      date: DATE
      server: envoy

      User authentication failed. Invalid username/password combination.
      (open)
      log: HTTP/1.1 401 - invalid_credential_for_basic_auth in=0 out=66
    `,
    })
    f.exchange('the right password', {
      send: get('/', basic('user1:test1'), 'x-user: somebody-else'),
      reply: answer(200, 'ok'),
      stats,
      sees: `
        stat: http.main.basic_auth.allowed +1
        > up
        GET / HTTP/1.1
        host: a
        authorization: Basic dXNlcjE6dGVzdDE=
        x-forwarded-proto: http
        x-request-id: UUID
        x-user: user1
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
    f.exchange('users of a route', {
      send: get('/special', basic('user1:test1')),
      stats,
      sees: `
      stat: http.main.basic_auth.denied +1
      < client
      HTTP/1.1 401 Unauthorized
      www-authenticate: Basic realm="http://a/special"
      content-length: 66
      content-type: text/plain
      date: DATE
      server: envoy

      User authentication failed. Invalid username/password combination.
      (open)
      log: HTTP/1.1 401 - invalid_credential_for_basic_auth in=0 out=66
    `,
    })
  },
)

feature(
  'api_key_auth',
  {
    file: import.meta.url,
    upstreams: ['up'],
    clusters: [cluster('up')],
    listeners: [
      http('main', {
        hcm: chain('keys', `${KEYS}.ApiKeyAuth`, {
          credentials: [
            { key: 'k1', client: 'c1' },
            { key: 'k2', client: 'c2' },
          ],
          key_sources: [{ header: 'Authorization' }, { query: 'key' }, { cookie: 'ck' }],
          forwarding: { header: 'x-client', hide_credentials: true },
        }),
        routes: routes('keys', `${KEYS}.ApiKeyAuthPerRoute`, { allowed_clients: ['c2'] }),
      }),
    ],
  },
  f => {
    const stats = /api_key_auth/
    const reply = answer(200, 'ok')
    f.exchange('no key', {
      send: get('/'),
      stats,
      sees: `
      stat: http.main.api_key_auth.unauthorized +1
      < client
      HTTP/1.1 401 Unauthorized
      content-length: 29
      content-type: text/plain
      date: DATE
      server: envoy

      Client authentication failed.
      (open)
      log: HTTP/1.1 401 - missing_api_key in=0 out=29
    `,
    })
    f.exchange('a key in a header', {
      send: get('/', 'authorization: Bearer k1', 'x-client: c9'),
      reply,
      stats,
      sees: `
      stat: http.main.api_key_auth.allowed +1
      > up
      GET / HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-client: c1
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
    f.exchange('without a scheme', {
      send: get('/', 'authorization: k1'),
      reply,
      stats,
      sees: `
      stat: http.main.api_key_auth.allowed +1
      > up
      GET / HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-client: c1
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
    f.exchange('an unknown key', {
      send: get('/', 'authorization: Bearer k9'),
      stats,
      sees: `
      stat: http.main.api_key_auth.unauthorized +1
      < client
      HTTP/1.1 401 Unauthorized
      content-length: 29
      content-type: text/plain
      date: DATE
      server: envoy

      Client authentication failed.
      (open)
      log: HTTP/1.1 401 - unknown_api_key in=0 out=29
    `,
    })
    f.exchange('a key in the query', {
      send: get('/q?a=1&key=k2&b=2'),
      reply,
      stats,
      sees: `
      stat: http.main.api_key_auth.allowed +1
      > up
      GET /q?a=1&b=2 HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-client: c2
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
    f.exchange('a key that is all of the query', {
      send: get('/q?key=k2'),
      reply,
      stats,
      sees: `
      stat: http.main.api_key_auth.allowed +1
      > up
      GET /q HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-client: c2
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
    f.exchange('a key in a cookie', {
      send: get('/', 'cookie: a=b; ck=k1; c=d'),
      reply,
      stats,
      sees: `
      stat: http.main.api_key_auth.allowed +1
      > up
      GET / HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-client: c1
      cookie: a=b; c=d
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
    f.exchange('a client that the route allows', {
      send: get('/special', 'authorization: k2'),
      reply,
      stats,
      sees: `
      stat: http.main.api_key_auth.allowed +1
      > up
      GET /special HTTP/1.1
      host: a
      authorization: k2
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
    f.exchange('a client that it does not allow', {
      send: get('/special', 'authorization: k1'),
      stats,
      sees: `
      stat: http.main.api_key_auth.forbidden +1
      < client
      HTTP/1.1 403 Forbidden
      content-length: 20
      content-type: text/plain
      date: DATE
      server: envoy

      Client is forbidden.
      (open)
      log: HTTP/1.1 403 - client_not_allowed in=0 out=20
    `,
    })
  },
)
