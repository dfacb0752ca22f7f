// jwt_authn with keys that are fetched from a cluster, and rules that tokens have to keep.
import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { answer, get } from '../support/bytes.js'
import { cluster, http, httpFilters } from '../support/config.js'
import { silence } from '../support/fake-upstream.js'
import { feature, type Scene } from '../support/scenario.js'
import { poll } from '../support/wait.js'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwks = JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256' }] })
const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
function token(payload: object, key: KeyObject = privateKey): string {
  const signed = `${encoded({ alg: 'ES256', kid: 'k1' })}.${encoded(payload)}`
  const signature = createSign('sha256').update(signed).sign({ key, dsaEncoding: 'ieee-p1363' })
  return `${signed}.${signature.toString('base64url')}`
}
const bearer = (payload: object): string => `authorization: Bearer ${token(payload)}`
const far = 4_102_444_800
const good = bearer({ iss: 'me', exp: far })

const TYPE = 'envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication'
const authn = (provider: object, more: object = {}): string =>
  httpFilters([
    'jwt',
    TYPE,
    JSON.stringify({
      providers: { p: { issuer: 'me', ...provider } },
      rules: [{ match: { prefix: '/' }, requires: { provider_name: 'p' } }],
      ...more,
    }),
  ])
const remote = (more: object = {}): object => ({
  remote_jwks: { http_uri: { uri: 'https://keys.example/path/jwks?x=1', cluster: 'keys', timeout: '0.5s' }, ...more },
})
const local = { local_jwks: { inline_string: jwks } }
const LOG = '%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(envoy.filters.http.jwt_authn)%\n'

const ask = async (s: Scene, request: string, listener = 'main'): Promise<void> => {
  const client = await s.connect(listener)
  await client.send(request)
  await client.response()
  s.sawRequests('keys')
  s.sawAll(client)
  await s.sawLog(1, listener)
  s.upstream('keys').forget()
}
const STATS = /jwt_authn|cluster\.keys\.upstream_rq_(?:retry|total)$/

feature(
  'keys that are fetched',
  {
    file: import.meta.url,
    fresh: true,
    upstreams: ['up', 'keys'],
    clusters: [cluster('up'), cluster('keys')],
    listeners: [
      http('main', { hcm: authn(remote()), log: LOG }),
      http('short', { hcm: authn(remote({ cache_duration: '0.001s' })), log: LOG }),
      http('retry', {
        hcm: authn(
          remote({
            retry_policy: { num_retries: 2, retry_back_off: { base_interval: '0.01s', max_interval: '0.4s' } },
          }),
        ),
        log: LOG,
      }),
    ],
  },
  f => {
    f.scenario(
      'fetched once, then kept',
      {
        sees: `
      > keys
      GET /path/jwks?x=1 HTTP/1.1
      host: keys.example
      user-agent: Go-browser
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      x-envoy-expected-rq-timeout-ms: 500

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: 200 via_upstream -
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: 200 via_upstream -
      stat: cluster.keys.upstream_rq_total +1
      stat: http.main.jwt_authn.allowed +2
      stat: http.main.jwt_authn.jwks_fetch_success +1
      stat: http.main.jwt_authn.jwt_cache_miss +2
    `,
      },
      async s => {
        s.upstream('keys').always(answer(200, jwks))
        await s.statsOf(STATS, async () => {
          await ask(s, get('/', good))
          await ask(s, get('/', good))
        })
      },
    )
    f.scenario(
      'no token, no fetch',
      {
        sees: `
      < client
      HTTP/1.1 401 Unauthorized
      www-authenticate: Bearer realm="http://a/"
      content-length: 14
      content-type: text/plain
      date: DATE
      server: envoy

      Jwt is missing
      (open)
      log: 401 jwt_authn_access_denied{Jwt_is_missing} -
    `,
      },
      s => ask(s, get('/')),
    )
    f.scenario(
      'an expired token, no fetch',
      {
        sees: `
      < client
      HTTP/1.1 401 Unauthorized
      www-authenticate: Bearer realm="http://a/", error="invalid_token"
      content-length: 14
      content-type: text/plain
      date: DATE
      server: envoy

      Jwt is expired
      (open)
      log: 401 jwt_authn_access_denied{Jwt_is_expired} -
    `,
      },
      s => ask(s, get('/', bearer({ iss: 'me', exp: 1 }))),
    )
    f.scenario(
      'another status',
      {
        sees: `
      > keys
      GET /path/jwks?x=1 HTTP/1.1
      host: keys.example
      user-agent: Go-browser
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      x-envoy-expected-rq-timeout-ms: 500

      < client
      HTTP/1.1 401 Unauthorized
      www-authenticate: Bearer realm="http://a/", error="invalid_token"
      content-length: 27
      content-type: text/plain
      date: DATE
      server: envoy

      Jwks remote fetch is failed
      (open)
      log: 401 jwt_authn_access_denied{Jwks_remote_fetch_is_failed} -
      stat: cluster.keys.upstream_rq_total +1
      stat: http.main.jwt_authn.denied +1
      stat: http.main.jwt_authn.jwks_fetch_failed +1
      stat: http.main.jwt_authn.jwt_cache_miss +1
    `,
      },
      async s => {
        s.upstream('keys').always(answer(404, 'nothing'))
        await s.statsOf(STATS, () => ask(s, get('/', good)))
      },
    )
    f.scenario(
      'no keys',
      {
        sees: `
      > keys
      GET /path/jwks?x=1 HTTP/1.1
      host: keys.example
      user-agent: Go-browser
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      x-envoy-expected-rq-timeout-ms: 500

      < client
      HTTP/1.1 401 Unauthorized
      www-authenticate: Bearer realm="http://a/", error="invalid_token"
      content-length: 27
      content-type: text/plain
      date: DATE
      server: envoy

      Jwks remote fetch is failed
      (open)
      log: 401 jwt_authn_access_denied{Jwks_remote_fetch_is_failed} -
      stat: cluster.keys.upstream_rq_total +1
      stat: http.main.jwt_authn.denied +1
      stat: http.main.jwt_authn.jwks_fetch_failed +1
      stat: http.main.jwt_authn.jwt_cache_miss +1
    `,
      },
      async s => {
        s.upstream('keys').always(answer(200, 'not json'))
        await s.statsOf(STATS, () => ask(s, get('/', good)))
      },
    )
    f.scenario(
      'no answer in time',
      {
        sees: `
      > keys
      GET /path/jwks?x=1 HTTP/1.1
      host: keys.example
      user-agent: Go-browser
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      x-envoy-expected-rq-timeout-ms: 500

      < client
      HTTP/1.1 401 Unauthorized
      www-authenticate: Bearer realm="http://a/", error="invalid_token"
      content-length: 27
      content-type: text/plain
      date: DATE
      server: envoy

      Jwks remote fetch is failed
      (open)
      log: 401 jwt_authn_access_denied{Jwks_remote_fetch_is_failed} -
      stat: cluster.keys.upstream_rq_total +1
      stat: http.main.jwt_authn.denied +1
      stat: http.main.jwt_authn.jwks_fetch_failed +1
      stat: http.main.jwt_authn.jwt_cache_miss +1
    `,
      },
      async s => {
        s.upstream('keys').always(silence)
        await s.statsOf(STATS, () => ask(s, get('/', good)))
      },
    )
    f.scenario(
      'a failure is not kept',
      {
        sees: `
      > keys
      GET /path/jwks?x=1 HTTP/1.1
      host: keys.example
      user-agent: Go-browser
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      x-envoy-expected-rq-timeout-ms: 500

      < client
      HTTP/1.1 401 Unauthorized
      www-authenticate: Bearer realm="http://a/", error="invalid_token"
      content-length: 27
      content-type: text/plain
      date: DATE
      server: envoy

      Jwks remote fetch is failed
      (open)
      log: 401 jwt_authn_access_denied{Jwks_remote_fetch_is_failed} -
      > keys
      GET /path/jwks?x=1 HTTP/1.1
      host: keys.example
      user-agent: Go-browser
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      x-envoy-expected-rq-timeout-ms: 500

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: 200 via_upstream -
    `,
      },
      async s => {
        s.upstream('keys').script(answer(500, ''))
        s.upstream('keys').always(answer(200, jwks))
        await ask(s, get('/', good))
        s.upstream('keys').always(answer(200, jwks))
        await ask(s, get('/', good))
      },
    )
    f.scenario(
      'kept for a short time',
      {
        sees: `
      > keys
      GET /path/jwks?x=1 HTTP/1.1
      host: keys.example
      user-agent: Go-browser
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      x-envoy-expected-rq-timeout-ms: 500

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: 200 via_upstream -
      > keys
      GET /path/jwks?x=1 HTTP/1.1
      host: keys.example
      user-agent: Go-browser
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      x-envoy-expected-rq-timeout-ms: 500

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: 200 via_upstream -
    `,
      },
      async s => {
        s.upstream('keys').always(answer(200, jwks))
        await ask(s, get('/', good), 'short')
        s.upstream('keys').always(answer(200, jwks))
        await new Promise(resolve => setTimeout(resolve, 10))
        await ask(s, get('/', good), 'short')
      },
    )
    f.scenario(
      'fetched again after a failure',
      {
        sees: `
      > keys
      GET /path/jwks?x=1 HTTP/1.1
      host: keys.example
      user-agent: Go-browser
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      x-envoy-expected-rq-timeout-ms: 400

      > keys
      GET /path/jwks?x=1 HTTP/1.1
      host: keys.example
      user-agent: Go-browser
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      x-envoy-expected-rq-timeout-ms: 400
      transfer-encoding: chunked

      0


      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: 200 via_upstream -
      stat: cluster.keys.upstream_rq_retry +1
      stat: cluster.keys.upstream_rq_total +2
      stat: http.retry.jwt_authn.allowed +1
      stat: http.retry.jwt_authn.jwks_fetch_success +1
      stat: http.retry.jwt_authn.jwt_cache_miss +1
    `,
        nuncio: {
          because: 'a request without a body stays one when it is tried again',
          instead: `
      > keys
      GET /path/jwks?x=1 HTTP/1.1
      host: keys.example
      user-agent: Go-browser
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      x-envoy-expected-rq-timeout-ms: 400

      > keys
      GET /path/jwks?x=1 HTTP/1.1
      host: keys.example
      user-agent: Go-browser
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      x-envoy-expected-rq-timeout-ms: 400

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: 200 via_upstream -
      stat: cluster.keys.upstream_rq_retry +1
      stat: cluster.keys.upstream_rq_total +2
      stat: http.retry.jwt_authn.allowed +1
      stat: http.retry.jwt_authn.jwks_fetch_success +1
      stat: http.retry.jwt_authn.jwt_cache_miss +1
    `,
        },
      },
      async s => {
        s.upstream('keys').script(answer(503, ''))
        s.upstream('keys').always(answer(200, jwks))
        await s.statsOf(STATS, () => ask(s, get('/', good), 'retry'))
      },
    )
  },
)

feature(
  'keys that are fetched ahead of time',
  {
    file: import.meta.url,
    upstreams: ['up', 'keys'],
    clusters: [cluster('up'), cluster('keys')],
    listeners: [
      http('main', {
        hcm: authn(remote({ async_fetch: { fast_listener: true, failed_refetch_duration: '0.05s' } })),
        log: LOG,
      }),
    ],
  },
  f => {
    f.scenario(
      'again and again until they are there',
      {
        sees: `
      GET /path/jwks?x=1 HTTP/1.1
      host: keys.example
      user-agent: Go-browser
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      x-envoy-expected-rq-timeout-ms: 500
    `,
      },
      async s => {
        // What the upstream says before this is no set of keys.
        s.upstream('keys').always(answer(200, jwks))
        await poll('keys', async () => {
          const stats = await s.proxy.stats()
          return (stats.get('http.main.jwt_authn.jwks_fetch_success') ?? 0) > 0 ? true : undefined
        })
        const { head } = await s.upstream('keys').nextRequest()
        s.note(head.replaceAll('\r', '').trimEnd())
      },
    )
  },
)

feature(
  'rules for tokens',
  {
    file: import.meta.url,
    upstreams: ['up', 'keys'],
    clusters: [cluster('up')],
    listeners: [
      http('subject', { hcm: authn({ ...local, subjects: { prefix: 'spiffe://' } }), log: LOG }),
      http('expiring', { hcm: authn({ ...local, require_expiration: true }), log: LOG }),
      http('short', { hcm: authn({ ...local, require_expiration: true, max_lifetime: '3600s' }), log: LOG }),
      http('lists', {
        hcm: authn({
          ...local,
          payload_in_metadata: 'payload',
          normalize_payload_in_metadata: { space_delimited_claims: ['scope', 'none'] },
        }),
        log: LOG,
      }),
    ],
  },
  f => {
    const soon = Math.floor(Date.now() / 1000) + 600
    f.scenario(
      'a subject that fits',
      {
        sees: `
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: 200 via_upstream -
    `,
      },
      s => ask(s, get('/', bearer({ iss: 'me', exp: far, sub: 'spiffe://a' })), 'subject'),
    )
    f.scenario(
      'a subject that does not',
      {
        sees: `
      < client
      HTTP/1.1 401 Unauthorized
      www-authenticate: Bearer realm="http://a/", error="invalid_token"
      content-length: 22
      content-type: text/plain
      date: DATE
      server: envoy

      Jwt verification fails
      (open)
      log: 401 jwt_authn_access_denied{Jwt_verification_fails} -
    `,
      },
      s => ask(s, get('/', bearer({ iss: 'me', exp: far, sub: 'a' })), 'subject'),
    )
    f.scenario(
      'no subject',
      {
        sees: `
      < client
      HTTP/1.1 401 Unauthorized
      www-authenticate: Bearer realm="http://a/", error="invalid_token"
      content-length: 22
      content-type: text/plain
      date: DATE
      server: envoy

      Jwt verification fails
      (open)
      log: 401 jwt_authn_access_denied{Jwt_verification_fails} -
    `,
      },
      s => ask(s, get('/', good), 'subject'),
    )
    f.scenario(
      'it expires',
      {
        sees: `
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: 200 via_upstream -
    `,
      },
      s => ask(s, get('/', good), 'expiring'),
    )
    f.scenario(
      'it does not expire',
      {
        sees: `
      < client
      HTTP/1.1 401 Unauthorized
      www-authenticate: Bearer realm="http://a/", error="invalid_token"
      content-length: 22
      content-type: text/plain
      date: DATE
      server: envoy

      Jwt verification fails
      (open)
      log: 401 jwt_authn_access_denied{Jwt_verification_fails} -
    `,
      },
      s => ask(s, get('/', bearer({ iss: 'me' })), 'expiring'),
    )
    f.scenario(
      'it lives too long',
      {
        sees: `
      < client
      HTTP/1.1 401 Unauthorized
      www-authenticate: Bearer realm="http://a/", error="invalid_token"
      content-length: 22
      content-type: text/plain
      date: DATE
      server: envoy

      Jwt verification fails
      (open)
      log: 401 jwt_authn_access_denied{Jwt_verification_fails} -
    `,
      },
      s => ask(s, get('/', good), 'short'),
    )
    f.scenario(
      'it lives short enough',
      {
        sees: `
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: 200 via_upstream -
    `,
      },
      s => ask(s, get('/', bearer({ iss: 'me', exp: soon })), 'short'),
    )
    f.scenario(
      'claims made into lists',
      {
        sees: `
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: 200 via_upstream {"payload":{"exp":4102444800,"iss":"me","other":"a b","scope":["a","b"]}}
    `,
      },
      s => ask(s, get('/', bearer({ iss: 'me', exp: far, scope: 'a b', other: 'a b' })), 'lists'),
    )
  },
)
