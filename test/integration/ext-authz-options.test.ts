// envoy.filters.http.ext_authz: what its answer may change, rules for names, and requests that are only looked at.
import type http2 from 'node:http2'
import { answer, get, showBody } from '../support/bytes.js'
import { cluster, http, httpFilters, httpOptions } from '../support/config.js'
import { H2Upstream } from '../support/h2-peers.js'
import { type Field, message, shown } from '../support/protobuf.js'
import { feature, type Scene } from '../support/scenario.js'

const TYPE = 'envoy.extensions.filters.http.ext_authz.v3.ExtAuthz'
const NAME = 'envoy.filters.http.ext_authz'
const HTTP = 'server_uri: {uri: "http://auth.example:1", cluster: auth, timeout: 0.5s}'
const overHttp = (service: string, more = ''): string =>
  httpFilters([NAME, TYPE, `{http_service: {${HTTP}${service}}${more}}`])
const overGrpc = (more = ''): string =>
  httpFilters([
    NAME,
    TYPE,
    `{grpc_service: {envoy_grpc: {cluster_name: service}, timeout: 0.5s}, transport_api_version: V3${more}}`,
  ])
const LOG = '%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n'

let service: H2Upstream | undefined
let reply: Buffer = Buffer.alloc(0)

async function startService(): Promise<Record<string, number>> {
  service = await H2Upstream.start()
  service.handler = (stream: http2.ServerHttp2Stream) => {
    stream.on('end', () => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      const head = Buffer.alloc(5)
      head.writeUInt32BE(reply.length, 1)
      stream.end(Buffer.concat([head, reply]))
    })
    stream.resume()
  }
  return { service: service.port }
}

/** One request: what the service and the upstream were asked, what the client got, and what was counted. */
const asks =
  (to: string, request: string, ...says: readonly (string | Buffer)[]) =>
  async (s: Scene): Promise<void> => {
    const before = await s.proxy.stats()
    service?.forget()
    for (const one of says) {
      if (typeof one === 'string') s.upstream('auth').script(one)
      else reply = one
    }
    const client = await s.connect(to)
    await client.send(request)
    const { head, body } = await client.response()
    for (const one of service?.requests ?? []) {
      const lines = shown(one.body.subarray(5)).split('\n')
      s.note(
        `> service\n${lines.filter(line => /^1\.4\.2\.(3|13)/.test(line) && !/request-id|= "[0-9a-f]{8}-/.test(line)).join('\n')}`,
      )
    }
    for (const name of ['auth', 'up']) {
      for (const one of s.upstream(name).requests) {
        const [first, ...lines] = one.head.trimEnd().split('\r\n')
        s.note(
          [
            `> ${name}`,
            first,
            ...lines.filter(line => !/^x-(envoy-exp|envoy-int|request-id|forwarded)/.test(line)).sort(),
          ].join('\n'),
        )
      }
    }
    const lines = head.trimEnd().split('\r\n')
    s.note(
      `< client\n${lines
        .filter(line => !/^(date|server|x-envoy-upstream)/.test(line))
        .sort()
        .join('\n')}\n${showBody(body)}`,
    )
    await s.sawLog(1, to)
    for (const [name, value] of await s.proxy.stats()) {
      const more = value - (before.get(name) ?? 0)
      if (/ext_authz\.(?!hook_time)|^cluster\.auth\.upstream_rq_(total|retry)$/.test(name) && more !== 0)
        s.note(`${name}: ${more}`)
    }
  }

const option = (key: string, value: string, append?: boolean): Buffer =>
  message(
    [1, message([1, key], [2, value])],
    ...(append === undefined ? [] : [[2, message([1, append ? 1 : 0])] as const]),
  )
const ok = (...fields: readonly Field[]): Buffer => message([1, message([1, 0])], [3, message(...fields)])
const denied = (...fields: readonly Field[]): Buffer =>
  message([1, message([1, 7])], [2, message([1, message([1, 403])], ...fields)])
const rules = (yaml: string): string => overGrpc(`, decoder_header_mutation_rules: {${yaml}}`)
const changes = ok(
  [2, option('x-plain', '1')],
  [2, option('x-envoy-some', '1')],
  [2, option(':path', '/changed')],
  [2, option('x-secret', '1')],
  [5, 'x-gone'],
)

feature(
  'rules and options',
  {
    file: import.meta.url,
    upstreams: ['up', 'auth'],
    values: startService,
    cleanUp: async () => service?.stop(),
    clusters: [
      cluster('up'),
      cluster('auth'),
      cluster('service', ['service'], httpOptions('explicit_http_config: {http2_protocol_options: {}}')),
    ],
    listeners: [
      http('regex', {
        log: LOG,
        hcm: overHttp(
          ', authorization_request: {headers_to_add: [{key: x-path, value: "%REQ(:path)% of %PROTOCOL% 100%%"}]}, authorization_response: {allowed_upstream_headers: {patterns: [{safe_regex: {regex: "x-u-[0-9]+"}}]}}',
          ', allowed_headers: {patterns: [{safe_regex: {regex: "x-[ab]"}}]}, disallowed_headers: {patterns: [{safe_regex: {regex: ".*-b"}}]}',
        ),
      }),
      http('retry', {
        log: LOG,
        hcm: overHttp(', retry_policy: {num_retries: 2, retry_back_off: {base_interval: 0.001s}}'),
      }),
      http('retry-on', {
        log: LOG,
        hcm: overHttp(', retry_policy: {retry_on: "retriable-4xx", retry_back_off: {base_interval: 0.001s}}'),
      }),
      http('shadow', { log: LOG, hcm: overHttp('', ', shadow_mode: true') }),
      http('shadow-grpc', { log: LOG, hcm: overGrpc(', shadow_mode: true') }),
      http('raw', { log: LOG, hcm: overGrpc(', encode_raw_headers: true') }),
      http('validate', { log: LOG, hcm: overGrpc(', validate_mutations: true') }),
      http('body', { log: LOG, hcm: overHttp('', ', max_denied_response_body_bytes: 5') }),
      http('none', { log: LOG, hcm: overGrpc() }),
      http('default-rules', { log: LOG, hcm: rules('') }),
      http('routing', { log: LOG, hcm: rules('allow_all_routing: true') }),
      http('envoy', { log: LOG, hcm: rules('allow_envoy: true') }),
      http('nothing', { log: LOG, hcm: rules('disallow_all: true, allow_expression: {regex: "x-pl.*"}') }),
      http('secret', { log: LOG, hcm: rules('disallow_expression: {regex: "x-secret"}') }),
      http('error', { log: LOG, hcm: rules('disallow_expression: {regex: "x-secret"}, disallow_is_error: true') }),
      http('metadata', {
        log: LOG,
        hcm: httpFilters(
          [
            'envoy.filters.http.header_to_metadata',
            'envoy.extensions.filters.http.header_to_metadata.v3.Config',
            '{request_rules: [{header: x-check, on_header_present: {metadata_namespace: ns, key: check}, remove: false}]}',
          ],
          [
            NAME,
            TYPE,
            `{http_service: {${HTTP}}, filter_enabled_metadata: {filter: ns, path: [{key: check}], value: {string_match: {prefix: y}}}}`,
          ],
        ),
      }),
    ],
  },
  f => {
    f.scenario(
      'regular expressions for names',
      {
        sees: `
      > auth
      GET /p HTTP/1.1
      content-length: 0
      host: a
      x-a: 1
      x-path: /p of HTTP/1.1 100%
      > up
      GET /p HTTP/1.1
      host: a
      x-a: 1
      x-b: 2
      x-c: 3
      x-u-1: one
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: 200 - via_upstream
      cluster.auth.upstream_rq_total: 1
      cluster.up.ext_authz.ok: 1
      http.regex.ext_authz.ok: 1
    `,
      },
      asks(
        'regex',
        get('/p', 'x-a: 1', 'x-b: 2', 'x-c: 3'),
        'HTTP/1.1 200 OK\r\nx-u-1: one\r\nx-u-b: two\r\ncontent-length: 0\r\n\r\n',
      ),
    )
    f.scenario(
      'asked again',
      {
        sees: `
      > auth
      GET / HTTP/1.1
      content-length: 0
      host: a
      < client
      HTTP/1.1 403 Forbidden
      content-length: 0

      log: 403 UAEX ext_authz_error
      cluster.auth.upstream_rq_total: 1
      cluster.up.ext_authz.error: 1
      http.retry.ext_authz.error: 1
    `,
      },
      asks('retry', get('/'), answer(503, ''), answer(200, '')),
    )
    f.scenario(
      'asked again and again',
      {
        sees: `
      > auth
      GET / HTTP/1.1
      content-length: 0
      host: a
      < client
      HTTP/1.1 403 Forbidden
      content-length: 0

      log: 403 UAEX ext_authz_error
      cluster.auth.upstream_rq_total: 1
      cluster.up.ext_authz.error: 1
      http.retry.ext_authz.error: 1
    `,
      },
      asks('retry', get('/'), answer(500, ''), answer(503, ''), answer(503, '')),
    )
    f.scenario(
      'asked again for a conflict',
      {
        sees: `
      > auth
      GET / HTTP/1.1
      content-length: 0
      host: a
      > auth
      GET / HTTP/1.1
      content-length: 0
      host: a
      > up
      GET / HTTP/1.1
      host: a
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: 200 - via_upstream
      cluster.auth.upstream_rq_retry: 1
      cluster.auth.upstream_rq_total: 2
      cluster.up.ext_authz.ok: 1
      http.retry-on.ext_authz.ok: 1
    `,
      },
      asks('retry-on', get('/'), answer(409, ''), answer(200, '')),
    )
    f.scenario(
      'only looking: denied',
      {
        sees: `
      > auth
      GET / HTTP/1.1
      content-length: 0
      host: a
      > up
      GET / HTTP/1.1
      host: a
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: 200 - via_upstream
      cluster.auth.upstream_rq_total: 1
      cluster.up.ext_authz.denied: 1
      http.shadow.ext_authz.denied: 1
      http.shadow.ext_authz.shadow_denied: 1
    `,
      },
      asks('shadow', get('/'), answer(403, 'no')),
    )
    f.scenario(
      'only looking: allowed',
      {
        sees: `
      > auth
      GET / HTTP/1.1
      content-length: 0
      host: a
      > up
      GET / HTTP/1.1
      host: a
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: 200 - via_upstream
      cluster.auth.upstream_rq_total: 1
      cluster.up.ext_authz.ok: 1
      http.shadow.ext_authz.ok: 1
    `,
      },
      asks('shadow', get('/'), answer(200, '')),
    )
    f.scenario(
      'only looking: an error',
      {
        sees: `
      > auth
      GET / HTTP/1.1
      content-length: 0
      host: a
      > up
      GET / HTTP/1.1
      host: a
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: 200 - via_upstream
      cluster.auth.upstream_rq_total: 1
      cluster.up.ext_authz.error: 1
      http.shadow.ext_authz.error: 1
      http.shadow.ext_authz.shadow_error: 1
    `,
      },
      asks('shadow', get('/'), answer(500, '')),
    )
    f.scenario(
      'only looking: gRPC',
      {
        sees: `
      > service
      1.4.2.3[":authority"] = "a"
      1.4.2.3[":method"] = "GET"
      1.4.2.3[":path"] = "/"
      1.4.2.3[":scheme"] = "http"
      1.4.2.3["x-forwarded-proto"] = "http"
      1.4.2.3["x-gone"] = "1"
      > up
      GET /changed HTTP/1.1
      host: a
      x-envoy-some: 1
      x-plain: 1
      x-secret: 1
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: 200 - via_upstream
      cluster.up.ext_authz.ok: 1
      http.shadow-grpc.ext_authz.ok: 1
    `,
      },
      asks('shadow-grpc', get('/', 'x-gone: 1'), changes),
    )
    f.scenario(
      'headers as bytes',
      {
        sees: `
          > service
          1.4.2.13.1.1 = ":authority"
          1.4.2.13.1.1 = ":method"
          1.4.2.13.1.1 = ":path"
          1.4.2.13.1.1 = ":scheme"
          1.4.2.13.1.1 = "x-a"
          1.4.2.13.1.1 = "x-a"
          1.4.2.13.1.1 = "x-forwarded-proto"
          1.4.2.13.1.3 = "/"
          1.4.2.13.1.3 = "1"
          1.4.2.13.1.3 = "2"
          1.4.2.13.1.3 = "GET"
          1.4.2.13.1.3 = "a"
          1.4.2.13.1.3 = "http"
          1.4.2.13.1.3 = "http"
          > up
          GET / HTTP/1.1
          host: a
          x-a: 1
          x-a: 2
          < client
          HTTP/1.1 200 OK
          content-length: 2
          ok
          log: 200 - via_upstream
          cluster.up.ext_authz.ok: 1
          http.raw.ext_authz.ok: 1
        `,
      },
      asks('raw', get('/', 'x-a: 1', 'x-a: 2'), ok()),
    )
    f.scenario(
      'values that are none',
      {
        sees: `
      > service
      1.4.2.3[":authority"] = "a"
      1.4.2.3[":method"] = "GET"
      1.4.2.3[":path"] = "/"
      1.4.2.3[":scheme"] = "http"
      1.4.2.3["x-forwarded-proto"] = "http"
      < client
      HTTP/1.1 500 Internal Server Error
      content-length: 0

      log: 500 UAEX ext_authz_invalid
      cluster.up.ext_authz.invalid: 1
      http.validate.ext_authz.invalid: 1
    `,
      },
      asks('validate', get('/'), ok([2, option('x-bad', 'a\nb')])),
    )
    f.scenario(
      'names that are none',
      {
        sees: `
      > service
      1.4.2.3[":authority"] = "a"
      1.4.2.3[":method"] = "GET"
      1.4.2.3[":path"] = "/"
      1.4.2.3[":scheme"] = "http"
      1.4.2.3["x-forwarded-proto"] = "http"
      < client
      HTTP/1.1 500 Internal Server Error
      content-length: 0

      log: 500 UAEX ext_authz_invalid
      cluster.up.ext_authz.invalid: 1
      http.validate.ext_authz.invalid: 1
    `,
      },
      asks('validate', get('/'), ok([2, option('x bad', 'a')])),
    )
    f.scenario(
      'names that are none, in a denial',
      {
        sees: `
      > service
      1.4.2.3[":authority"] = "a"
      1.4.2.3[":method"] = "GET"
      1.4.2.3[":path"] = "/"
      1.4.2.3[":scheme"] = "http"
      1.4.2.3["x-forwarded-proto"] = "http"
      < client
      HTTP/1.1 500 Internal Server Error
      content-length: 0

      log: 500 UAEX ext_authz_invalid
      cluster.up.ext_authz.denied: 1
      cluster.up.ext_authz.invalid: 1
      http.validate.ext_authz.denied: 1
      http.validate.ext_authz.invalid: 1
    `,
      },
      asks('validate', get('/'), denied([2, option('x bad', 'a')])),
    )
    f.scenario(
      'good names',
      {
        sees: `
      > service
      1.4.2.3[":authority"] = "a"
      1.4.2.3[":method"] = "GET"
      1.4.2.3[":path"] = "/"
      1.4.2.3[":scheme"] = "http"
      1.4.2.3["x-forwarded-proto"] = "http"
      > up
      GET / HTTP/1.1
      host: a
      x-good: a
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: 200 - via_upstream
      cluster.up.ext_authz.ok: 1
      http.validate.ext_authz.ok: 1
    `,
      },
      asks('validate', get('/'), ok([2, option('x-good', 'a')])),
    )
    f.scenario(
      'a short denial',
      {
        sees: `
      > auth
      GET / HTTP/1.1
      content-length: 0
      host: a
      < client
      HTTP/1.1 403 Forbidden
      content-length: 5
      content-type: text/plain
      no no
      log: 403 UAEX ext_authz_denied
      cluster.auth.upstream_rq_total: 1
      cluster.up.ext_authz.denied: 1
      http.body.ext_authz.denied: 1
    `,
      },
      asks('body', get('/'), answer(403, 'no no no no')),
    )
    f.scenario(
      'without rules',
      {
        sees: `
      > service
      1.4.2.3[":authority"] = "a"
      1.4.2.3[":method"] = "GET"
      1.4.2.3[":path"] = "/"
      1.4.2.3[":scheme"] = "http"
      1.4.2.3["x-forwarded-proto"] = "http"
      1.4.2.3["x-gone"] = "1"
      > up
      GET /changed HTTP/1.1
      host: a
      x-envoy-some: 1
      x-plain: 1
      x-secret: 1
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: 200 - via_upstream
      cluster.up.ext_authz.ok: 1
      http.none.ext_authz.ok: 1
    `,
      },
      asks('none', get('/', 'x-gone: 1'), changes),
    )
    f.scenario(
      'the rules as they are',
      {
        sees: `
      > service
      1.4.2.3[":authority"] = "a"
      1.4.2.3[":method"] = "GET"
      1.4.2.3[":path"] = "/"
      1.4.2.3[":scheme"] = "http"
      1.4.2.3["x-forwarded-proto"] = "http"
      1.4.2.3["x-gone"] = "1"
      > up
      GET /changed HTTP/1.1
      host: a
      x-plain: 1
      x-secret: 1
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: 200 - via_upstream
      cluster.up.ext_authz.ok: 1
      http.default-rules.ext_authz.ok: 1
    `,
      },
      asks('default-rules', get('/', 'x-gone: 1'), changes),
    )
    f.scenario(
      'routing may change',
      {
        sees: `
      > service
      1.4.2.3[":authority"] = "a"
      1.4.2.3[":method"] = "GET"
      1.4.2.3[":path"] = "/"
      1.4.2.3[":scheme"] = "http"
      1.4.2.3["x-forwarded-proto"] = "http"
      1.4.2.3["x-gone"] = "1"
      > up
      GET /changed HTTP/1.1
      host: a
      x-plain: 1
      x-secret: 1
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: 200 - via_upstream
      cluster.up.ext_authz.ok: 1
      http.routing.ext_authz.ok: 1
    `,
      },
      asks('routing', get('/', 'x-gone: 1'), changes),
    )
    f.scenario(
      'the headers of Envoy may change',
      {
        sees: `
      > service
      1.4.2.3[":authority"] = "a"
      1.4.2.3[":method"] = "GET"
      1.4.2.3[":path"] = "/"
      1.4.2.3[":scheme"] = "http"
      1.4.2.3["x-forwarded-proto"] = "http"
      1.4.2.3["x-gone"] = "1"
      > up
      GET /changed HTTP/1.1
      host: a
      x-envoy-some: 1
      x-plain: 1
      x-secret: 1
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: 200 - via_upstream
      cluster.up.ext_authz.ok: 1
      http.envoy.ext_authz.ok: 1
    `,
      },
      asks('envoy', get('/', 'x-gone: 1'), changes),
    )
    f.scenario(
      'only some may change',
      {
        sees: `
      > service
      1.4.2.3[":authority"] = "a"
      1.4.2.3[":method"] = "GET"
      1.4.2.3[":path"] = "/"
      1.4.2.3[":scheme"] = "http"
      1.4.2.3["x-forwarded-proto"] = "http"
      1.4.2.3["x-gone"] = "1"
      > up
      GET / HTTP/1.1
      host: a
      x-gone: 1
      x-plain: 1
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: 200 - via_upstream
      cluster.up.ext_authz.ok: 1
      http.nothing.ext_authz.ok: 1
    `,
      },
      asks('nothing', get('/', 'x-gone: 1'), changes),
    )
    f.scenario(
      'some may not change',
      {
        sees: `
      > service
      1.4.2.3[":authority"] = "a"
      1.4.2.3[":method"] = "GET"
      1.4.2.3[":path"] = "/"
      1.4.2.3[":scheme"] = "http"
      1.4.2.3["x-forwarded-proto"] = "http"
      1.4.2.3["x-gone"] = "1"
      > up
      GET /changed HTTP/1.1
      host: a
      x-plain: 1
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: 200 - via_upstream
      cluster.up.ext_authz.ok: 1
      http.secret.ext_authz.ok: 1
    `,
      },
      asks('secret', get('/', 'x-gone: 1'), changes),
    )
    f.scenario(
      'some must not change',
      {
        sees: `
      > service
      1.4.2.3[":authority"] = "a"
      1.4.2.3[":method"] = "GET"
      1.4.2.3[":path"] = "/"
      1.4.2.3[":scheme"] = "http"
      1.4.2.3["x-forwarded-proto"] = "http"
      1.4.2.3["x-gone"] = "1"
      < client
      HTTP/1.1 500 Internal Server Error
      content-length: 0

      log: 500 UAEX ext_authz_invalid
      cluster.up.ext_authz.invalid: 1
      http.error.ext_authz.invalid: 1
    `,
      },
      asks('error', get('/', 'x-gone: 1'), changes),
    )
    f.scenario(
      'by metadata: asked',
      {
        sees: `
      > auth
      GET / HTTP/1.1
      content-length: 0
      host: a
      > up
      GET / HTTP/1.1
      host: a
      x-check: yes
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: 200 - via_upstream
      cluster.auth.upstream_rq_total: 1
      cluster.up.ext_authz.ok: 1
      http.metadata.ext_authz.ok: 1
    `,
      },
      asks('metadata', get('/', 'x-check: yes'), answer(200, '')),
    )
    f.scenario(
      'by metadata: not asked',
      {
        sees: `
      > up
      GET / HTTP/1.1
      host: a
      x-check: no
      < client
      HTTP/1.1 200 OK
      content-length: 2
      ok
      log: 200 - via_upstream
      http.metadata.ext_authz.disabled: 1
    `,
      },
      asks('metadata', get('/', 'x-check: no')),
    )
  },
)
