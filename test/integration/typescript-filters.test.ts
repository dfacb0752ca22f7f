// Filters in TypeScript inside the worker: what they see, what they change, how they wait and how they fail.
import { fileURLToPath } from 'node:url'
import { answer, get, post } from '../support/bytes.js'
import { cluster, http } from '../support/config.js'
import { feature } from '../support/scenario.js'

const OURS = 'real Envoy has no filters in TypeScript'
const folder = fileURLToPath(new URL('../../../test/fixtures/filters', import.meta.url))

function filters(...list: readonly { module: string; config: object; failOpen?: boolean; name?: string }[]): string {
  const chain = list.map(({ module, config, failOpen = false, name = module }) => ({
    name,
    typed_config: {
      '@type': 'type.googleapis.com/nuncio.TypeScriptFilter',
      module: `${folder}/${module}.ts`,
      config,
      fail_open: failOpen,
    },
  }))
  const router = {
    name: 'router',
    typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
  }
  return JSON.stringify({ http_filters: [...chain, router] })
}

const keyed = { module: 'api-key', config: { header: 'x-key', keys: ['a', 'b'] } }

feature(
  'filters in TypeScript',
  {
    file: import.meta.url,
    upstreams: ['up'],
    clusters: [cluster('up')],
    listeners: [
      http('main', { hcm: filters(keyed) }),
      http('headers', {
        hcm: filters({ module: 'headers', config: { greeting: 'hello' } }),
        routes: `
- match: {prefix: /special}
  route: {cluster: up}
  typed_per_filter_config:
    headers: {'@type': type.googleapis.com/nuncio.TypeScriptFilterPerRoute, config: {greeting: good day}}
- match: {prefix: /}
  route: {cluster: up}`,
      }),
      http('async', { hcm: filters({ module: 'async', config: { ms: 5 } }) }),
      http('gather', { hcm: filters({ module: 'gather', config: { ms: 5, headMs: 0 } }) }),
      http('gather-late', { hcm: filters({ module: 'gather', config: { ms: 5, headMs: 20 } }) }),
      http('body', { hcm: filters({ module: 'body', config: { limit: 100 } }) }),
      http('broken', { hcm: filters({ module: 'broken', config: {} }) }),
      http('open', { hcm: filters({ module: 'broken', config: {}, failOpen: true, name: 'open' }) }),
      http('chain', {
        hcm: filters(keyed, { module: 'async', config: { ms: 1 } }, { module: 'headers', config: { greeting: 'x' } }),
      }),
    ],
  },
  f => {
    f.exchange('a request without a key is answered by the filter', {
      onlyNuncio: OURS,
      send: get('/'),
      stats: /api-key\.denied/,
      sees: `
        stat: api-key.denied +1
        < client
        HTTP/1.1 401 Unauthorized
        www-authenticate: ApiKey
        content-length: 15
        content-type: text/plain
        date: DATE
        server: envoy

        unknown API key
        (open)
        log: HTTP/1.1 401 - typescript_filter_reply in=0 out=15
      `,
    })
    f.exchange('one with a key passes', {
      onlyNuncio: OURS,
      send: get('/', 'x-key: b'),
      reply: answer(200, 'ok'),
      sees: `
        > up
        GET / HTTP/1.1
        host: a
        x-key: b
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
    f.exchange('headers are read, set, appended, deleted, both ways', {
      onlyNuncio: OURS,
      to: 'headers',
      send: get('/p?q', 'x-secret: s', 'x-list: a', 'x-a1: one', 'x-a2: two'),
      reply: answer(404, 'gone', 'x-many: 1', 'x-many: 2'),
      sees: `
        > up
        GET /p?q HTTP/1.1
        host: a
        x-list: a
        x-a1: one
        x-a2: two
        x-forwarded-proto: http
        x-request-id: UUID
        x-greeting: hello
        x-list: b
        x-seen: GET a x-a1=one x-a2=two
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 410 Gone
        content-length: 4
        x-many: 1
        x-many: 2
        x-envoy-upstream-service-time: MS
        x-path: /p?q
        x-facts: HTTP/1.1 up 404
        x-list-seen: 1+2
        date: DATE
        server: envoy

        gone
        (open)
        log: HTTP/1.1 410 - via_upstream in=0 out=4
      `,
    })
    f.exchange('settings of a route', {
      onlyNuncio: OURS,
      to: 'headers',
      send: get('/special'),
      reply: answer(200, 'ok'),
      sees: `
        > up
        GET /special HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-greeting: good day
        x-list: b
        x-seen: GET a
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        x-path: /special
        x-facts: HTTP/1.1 up 200
        x-list-seen:
        date: DATE
        server: envoy

        ok
        (open)
        log: HTTP/1.1 200 - via_upstream in=0 out=2
      `,
    })
    f.exchange('hooks that wait, with bodies', {
      onlyNuncio: OURS,
      to: 'async',
      send: [post('/', 'request body')],
      reply: answer(200, 'response body'),
      sees: `
        > up
        POST / HTTP/1.1
        host: a
        content-length: 12
        x-forwarded-proto: http
        x-request-id: UUID
        x-waited: request
        x-envoy-expected-rq-timeout-ms: 15000

        REQUEST BODY
        < client
        HTTP/1.1 200 OK
        content-length: 13
        x-envoy-upstream-service-time: MS
        x-waited: response
        date: DATE
        server: envoy

        RESPONSE BODY
        (open)
        log: HTTP/1.1 200 - via_upstream in=12 out=13
      `,
    })
    f.exchange('hooks of bodies see the end by itself, also when they wait', {
      onlyNuncio: OURS,
      to: 'gather',
      send: post('/', 'request body'),
      reply: answer(200, 'response body'),
      sees: `
        > up
        POST / HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000
        transfer-encoding: chunked

        e
        2:request body
        0


        < client
        HTTP/1.1 200 OK
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy
        transfer-encoding: chunked

        f
        2:response body
        0

        (open)
        log: HTTP/1.1 200 - via_upstream in=12 out=15
      `,
    })
    f.exchange('a hook of bodies sees an end that came by itself while the hook of the head waited', {
      onlyNuncio: OURS,
      to: 'gather-late',
      send: 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      reply: answer(200, 'response body'),
      sees: `
        > up
        POST / HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000
        transfer-encoding: chunked

        2
        1:
        0


        < client
        HTTP/1.1 200 OK
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy
        transfer-encoding: chunked

        f
        2:response body
        0

        (open)
        log: HTTP/1.1 200 - via_upstream in=0 out=15
      `,
    })
    f.exchange('a hook that waits and then answers', {
      onlyNuncio: OURS,
      to: 'async',
      send: get('/denied'),
      sees: `
        < client
        HTTP/1.1 403 Forbidden
        content-length: 7
        content-type: text/plain
        date: DATE
        server: envoy

        not you
        (open)
        log: HTTP/1.1 403 - typescript_filter_reply in=0 out=7
      `,
    })
    f.exchange('the whole body, and another in its place', {
      onlyNuncio: OURS,
      to: 'body',
      send: post('/', 'hello'),
      reply: answer(200, 'its own body', 'x-replace: 1'),
      sees: `
        > up
        POST / HTTP/1.1
        host: a
        content-length: 7
        x-forwarded-proto: http
        x-request-id: UUID
        x-length: 5
        x-envoy-expected-rq-timeout-ms: 15000

        <hello>
        < client
        HTTP/1.1 200 OK
        content-length: 12
        x-replace: 1
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        another body
        (open)
        log: HTTP/1.1 200 - via_upstream in=5 out=12
      `,
    })
    f.exchange('a body beyond the limit', {
      onlyNuncio: OURS,
      to: 'body',
      send: post('/', 'x'.repeat(101)),
      sees: `
        < client
        HTTP/1.1 413 Payload Too Large
        content-length: 17
        content-type: text/plain
        date: DATE
        server: envoy
        connection: close

        Payload Too Large
        (closed)
        log: HTTP/1.1 413 - request_payload_too_large in=101 out=17
      `,
    })
    f.exchange('no body at all', {
      onlyNuncio: OURS,
      to: 'body',
      send: get('/'),
      reply: answer(200, 'ok'),
      sees: `
        > up
        GET / HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-length: 0
        content-length: 2
        x-envoy-expected-rq-timeout-ms: 15000

        <>
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
    f.exchange('a hook that fails: /throw', {
      onlyNuncio: OURS,
      to: 'broken',
      send: get('/throw'),
      stats: /broken\.(errors|completed)/,
      sees: `
        stat: broken.completed +1
        stat: broken.errors +1
        < client
        HTTP/1.1 500 Internal Server Error
        content-length: 21
        content-type: text/plain
        date: DATE
        server: envoy

        Internal Server Error
        (open)
        log: HTTP/1.1 500 - typescript_filter_failed in=0 out=21
      `,
    })
    f.exchange('a hook that fails: /reject', {
      onlyNuncio: OURS,
      to: 'broken',
      send: get('/reject'),
      stats: /broken\.(errors|completed)/,
      sees: `
        stat: broken.completed +1
        stat: broken.errors +1
        < client
        HTTP/1.1 500 Internal Server Error
        content-length: 21
        content-type: text/plain
        date: DATE
        server: envoy

        Internal Server Error
        (open)
        log: HTTP/1.1 500 - typescript_filter_failed in=0 out=21
      `,
    })
    f.exchange('a hook that fails: /twice', {
      onlyNuncio: OURS,
      to: 'broken',
      send: get('/twice'),
      stats: /broken\.(errors|completed)/,
      sees: `
        stat: broken.completed +1
        stat: broken.errors +1
        < client
        HTTP/1.1 400 Bad Request
        content-length: 4
        content-type: text/plain
        date: DATE
        server: envoy
        connection: close

        once
        (closed)
        log: HTTP/1.1 400 - typescript_filter_reply in=0 out=4
      `,
    })
    f.exchange('a hook that fails: /bad-header', {
      onlyNuncio: OURS,
      to: 'broken',
      send: get('/bad-header'),
      stats: /broken\.(errors|completed)/,
      sees: `
        stat: broken.completed +1
        stat: broken.errors +1
        < client
        HTTP/1.1 500 Internal Server Error
        content-length: 21
        content-type: text/plain
        date: DATE
        server: envoy

        Internal Server Error
        (open)
        log: HTTP/1.1 500 - typescript_filter_failed in=0 out=21
      `,
    })
    f.exchange('a hook of the response that fails', {
      onlyNuncio: OURS,
      to: 'broken',
      send: get('/'),
      reply: answer(200, 'ok', 'x-break: 1'),
      stats: /broken\.(errors|completed)/,
      sees: `
        stat: broken.completed +1
        stat: broken.errors +1
        > up
        GET / HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 500 Internal Server Error
        content-length: 21
        content-type: text/plain
        date: DATE
        server: envoy

        Internal Server Error
        (open)
        log: HTTP/1.1 500 - typescript_filter_failed in=0 out=21
      `,
    })
    f.exchange('a filter that fails open lets the request pass', {
      onlyNuncio: OURS,
      to: 'open',
      send: get('/throw'),
      reply: answer(200, 'ok', 'x-break: 1'),
      stats: /open\.(errors|completed)/,
      sees: `
        stat: open.completed +1
        stat: open.errors +2
        > up
        GET /throw HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-break: 1
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: HTTP/1.1 200 - via_upstream in=0 out=2
      `,
    })
    f.exchange('three filters in a row', {
      onlyNuncio: OURS,
      to: 'chain',
      send: post('/', 'body', 'x-key: a'),
      reply: answer(200, 'ok'),
      sees: `
        > up
        POST / HTTP/1.1
        host: a
        content-length: 4
        x-key: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-waited: request
        x-greeting: x
        x-list: b
        x-seen: POST a
        x-envoy-expected-rq-timeout-ms: 15000

        BODY
        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        x-path: /
        x-facts: HTTP/1.1 up 200
        x-list-seen:
        x-waited: response
        date: DATE
        server: envoy

        OK
        (open)
        log: HTTP/1.1 200 - via_upstream in=4 out=2
      `,
    })
  },
)
