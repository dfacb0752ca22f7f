// jwt_authn with keys from the configuration: which tokens count, what the upstream is told, what the client is answered.
import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { answer, get } from '../support/bytes.js'
import { cluster, http } from '../support/config.js'
import { feature } from '../support/scenario.js'

const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const { privateKey, publicKey } = pair()
const jwks = JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256' }] })

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
function token(payload: object, header: object = { alg: 'ES256', kid: 'k1' }, key: KeyObject = privateKey): string {
  const signed = `${encoded(header)}.${encoded(payload)}`
  const signature = createSign('sha256').update(signed).sign({ key, dsaEncoding: 'ieee-p1363' })
  return `${signed}.${signature.toString('base64url')}`
}
const bearer = (text: string): string => `authorization: Bearer ${text}`
const far = 4_102_444_800
const good = token({ iss: 'me', aud: 'you', exp: far, name: 'n', nested: { a: 1 } })
const expired = token({ iss: 'me', aud: 'you', exp: 1_000_000_000 })

const TYPE = 'type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3'
const hcm = JSON.stringify({
  http_filters: [
    {
      name: 'jwt',
      typed_config: {
        '@type': `${TYPE}.JwtAuthentication`,
        providers: {
          p: {
            issuer: 'me',
            audiences: ['you'],
            local_jwks: { inline_string: jwks },
            forward_payload_header: 'x-payload',
            payload_in_metadata: 'payload',
            header_in_metadata: 'header',
            claim_to_headers: [
              { header_name: 'x-name', claim_name: 'name' },
              { header_name: 'x-nested', claim_name: 'nested.a' },
            ],
          },
          q: {
            issuer: 'me',
            local_jwks: { inline_string: jwks },
            from_headers: [{ name: 'x-token', value_prefix: 'T ' }],
            from_cookies: ['tk'],
          },
        },
        rules: [
          { match: { prefix: '/free' } },
          {
            match: { prefix: '/missing' },
            requires: { requires_any: { requirements: [{ provider_name: 'p' }, { allow_missing: {} }] } },
          },
          {
            match: { prefix: '/failed' },
            requires: { requires_any: { requirements: [{ provider_name: 'p' }, { allow_missing_or_failed: {} }] } },
          },
          {
            match: { prefix: '/both' },
            requires: { requires_all: { requirements: [{ provider_name: 'p' }, { provider_name: 'q' }] } },
          },
          {
            match: { prefix: '/other' },
            requires: { provider_and_audiences: { provider_name: 'p', audiences: ['them'] } },
          },
          { match: { path: '/q' }, requires: { provider_name: 'q' } },
          { match: { prefix: '/' }, requires: { provider_name: 'p' } },
        ],
        requirement_map: { named: { provider_name: 'q' } },
        bypass_cors_preflight: true,
      },
    },
    { name: 'router', typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' } },
  ],
})
const perRoute = (prefix: string, config: object): object => ({
  match: { prefix },
  route: { cluster: 'up' },
  typed_per_filter_config: { jwt: { '@type': `${TYPE}.PerRouteConfig`, ...config } },
})

feature(
  'jwt_authn',
  {
    file: import.meta.url,
    upstreams: ['up'],
    clusters: [cluster('up')],
    listeners: [
      http('main', {
        hcm,
        routes: JSON.stringify([
          perRoute('/open', { disabled: true }),
          perRoute('/named', { requirement_name: 'named' }),
          { match: { prefix: '/' }, route: { cluster: 'up' } },
        ]),
        log: '%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(envoy.filters.http.jwt_authn)%\n',
      }),
    ],
  },
  f => {
    const stats = /jwt_authn/
    const reply = answer(200, 'ok')
    f.exchange('no token', {
      send: get('/a?b'),
      stats,
      sees: `
      stat: http.main.jwt_authn.denied +1
      < client
      HTTP/1.1 401 Unauthorized
      www-authenticate: Bearer realm="http://a/a?b"
      content-length: 14
      content-type: text/plain
      date: DATE
      server: envoy

      Jwt is missing
      (open)
      log: 401 jwt_authn_access_denied{Jwt_is_missing} -
    `,
    })
    f.exchange('one section', {
      send: get('/', bearer('abc')),
      stats,
      sees: `
      stat: http.main.jwt_authn.denied +1
      stat: http.main.jwt_authn.jwt_cache_miss +1
      < client
      HTTP/1.1 401 Unauthorized
      www-authenticate: Bearer realm="http://a/", error="invalid_token"
      content-length: 79
      content-type: text/plain
      date: DATE
      server: envoy

      Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections
      (open)
      log: 401 jwt_authn_access_denied{Jwt_is_not_in_the_form_of_Header.Payload.Signature_with_two_dots_and_3_sections} -
    `,
    })
    f.exchange('sections that are no base64url', {
      send: get('/', bearer('a.b.c')),
      stats,
      sees: `
      stat: http.main.jwt_authn.denied +1
      stat: http.main.jwt_authn.jwt_cache_miss +1
      < client
      HTTP/1.1 401 Unauthorized
      www-authenticate: Bearer realm="http://a/", error="invalid_token"
      content-length: 42
      content-type: text/plain
      date: DATE
      server: envoy

      Jwt header is an invalid Base64url encoded
      (open)
      log: 401 jwt_authn_access_denied{Jwt_header_is_an_invalid_Base64url_encoded} -
    `,
    })
    f.exchange('a header that is no JSON', {
      send: get('/', bearer('YWJj.YWJj.YWJj')),
      stats,
      sees: `
      stat: http.main.jwt_authn.denied +1
      stat: http.main.jwt_authn.jwt_cache_miss +1
      < client
      HTTP/1.1 401 Unauthorized
      www-authenticate: Bearer realm="http://a/", error="invalid_token"
      content-length: 29
      content-type: text/plain
      date: DATE
      server: envoy

      Jwt header is an invalid JSON
      (open)
      log: 401 jwt_authn_access_denied{Jwt_header_is_an_invalid_JSON} -
    `,
    })
    f.exchange('a good token', {
      send: get('/', bearer(good), 'x-payload: mine', 'x-name: mine'),
      reply,
      stats,
      sees: `
      stat: http.main.jwt_authn.allowed +1
      stat: http.main.jwt_authn.jwt_cache_miss +1
      > up
      GET / HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-payload: eyJpc3MiOiJtZSIsImF1ZCI6InlvdSIsImV4cCI6NDEwMjQ0NDgwMCwibmFtZSI6Im4iLCJuZXN0ZWQiOnsiYSI6MX19
      x-name: n
      x-nested: 1
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: 200 via_upstream {"header":{"alg":"ES256","kid":"k1"},"payload":{"aud":"you","exp":4102444800,"iss":"me","name":"n","nested":{"a":1}}}
    `,
    })
    f.exchange('an expired one', {
      send: get('/', bearer(expired)),
      stats,
      sees: `
      stat: http.main.jwt_authn.denied +1
      stat: http.main.jwt_authn.jwt_cache_miss +1
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
    })
    f.exchange('one for later', {
      send: get('/', bearer(token({ iss: 'me', aud: 'you', nbf: far }))),
      stats,
      sees: `
      stat: http.main.jwt_authn.denied +1
      stat: http.main.jwt_authn.jwt_cache_miss +1
      < client
      HTTP/1.1 401 Unauthorized
      www-authenticate: Bearer realm="http://a/", error="invalid_token"
      content-length: 17
      content-type: text/plain
      date: DATE
      server: envoy

      Jwt not yet valid
      (open)
      log: 401 jwt_authn_access_denied{Jwt_not_yet_valid} -
    `,
    })
    f.exchange('another issuer', {
      send: get('/', bearer(token({ iss: 'he', aud: 'you' }))),
      stats,
      sees: `
      stat: http.main.jwt_authn.denied +1
      stat: http.main.jwt_authn.jwt_cache_miss +1
      < client
      HTTP/1.1 401 Unauthorized
      www-authenticate: Bearer realm="http://a/", error="invalid_token"
      content-length: 28
      content-type: text/plain
      date: DATE
      server: envoy

      Jwt issuer is not configured
      (open)
      log: 401 jwt_authn_access_denied{Jwt_issuer_is_not_configured} -
    `,
    })
    f.exchange('another audience', {
      send: get('/', bearer(token({ iss: 'me', aud: ['a', 'b'] }))),
      stats,
      sees: `
      stat: http.main.jwt_authn.denied +1
      stat: http.main.jwt_authn.jwt_cache_miss +1
      < client
      HTTP/1.1 403 Forbidden
      www-authenticate: Bearer realm="http://a/", error="invalid_token"
      content-length: 32
      content-type: text/plain
      date: DATE
      server: envoy

      Audiences in Jwt are not allowed
      (open)
      log: 403 jwt_authn_access_denied{Audiences_in_Jwt_are_not_allowed} -
    `,
    })
    f.exchange('signed by somebody else', {
      send: get('/', bearer(token({ iss: 'me', aud: 'you' }, undefined, pair().privateKey))),
      stats,
      sees: `
        stat: http.main.jwt_authn.denied +1
        stat: http.main.jwt_authn.jwt_cache_miss +1
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
    })
    f.exchange('an unknown key', {
      send: get('/', bearer(token({ iss: 'me', aud: 'you' }, { alg: 'ES256', kid: 'k2' }))),
      stats,
      sees: `
      stat: http.main.jwt_authn.denied +1
      stat: http.main.jwt_authn.jwt_cache_miss +1
      < client
      HTTP/1.1 401 Unauthorized
      www-authenticate: Bearer realm="http://a/", error="invalid_token"
      content-length: 50
      content-type: text/plain
      date: DATE
      server: envoy

      Jwks doesn't have key to match kid or alg from Jwt
      (open)
      log: 401 jwt_authn_access_denied{Jwks_doesn't_have_key_to_match_kid_or_alg_from_Jwt} -
    `,
    })
    f.exchange('an algorithm that is none', {
      send: get('/', bearer(token({ iss: 'me' }, { alg: 'none' }))),
      stats,
      sees: `
      stat: http.main.jwt_authn.denied +1
      stat: http.main.jwt_authn.jwt_cache_miss +1
      < client
      HTTP/1.1 401 Unauthorized
      www-authenticate: Bearer realm="http://a/", error="invalid_token"
      content-length: 33
      content-type: text/plain
      date: DATE
      server: envoy

      Jwt header [alg] is not supported
      (open)
      log: 401 jwt_authn_access_denied{Jwt_header_[alg]_is_not_supported} -
    `,
    })
    f.exchange('a token in the query', {
      send: get(`/a?b=c&access_token=${good}`),
      reply,
      stats,
      sees: `
      stat: http.main.jwt_authn.allowed +1
      stat: http.main.jwt_authn.jwt_cache_miss +1
      > up
      GET /a?b=c HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-payload: eyJpc3MiOiJtZSIsImF1ZCI6InlvdSIsImV4cCI6NDEwMjQ0NDgwMCwibmFtZSI6Im4iLCJuZXN0ZWQiOnsiYSI6MX19
      x-name: n
      x-nested: 1
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: 200 via_upstream {"header":{"alg":"ES256","kid":"k1"},"payload":{"aud":"you","exp":4102444800,"iss":"me","name":"n","nested":{"a":1}}}
    `,
    })
    f.exchange('a path that is free', {
      send: get('/free'),
      reply,
      stats,
      sees: `
      stat: http.main.jwt_authn.allowed +1
      > up
      GET /free HTTP/1.1
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
      log: 200 via_upstream -
    `,
    })
    f.exchange('may be missing: missing', {
      send: get('/missing', 'x-payload: mine'),
      reply,
      stats,
      sees: `
      stat: http.main.jwt_authn.allowed +1
      > up
      GET /missing HTTP/1.1
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
      log: 200 via_upstream -
    `,
    })
    f.exchange('may be missing: expired', {
      send: get('/missing', bearer(expired)),
      stats,
      sees: `
      stat: http.main.jwt_authn.denied +1
      stat: http.main.jwt_authn.jwt_cache_miss +1
      < client
      HTTP/1.1 401 Unauthorized
      www-authenticate: Bearer realm="http://a/missing", error="invalid_token"
      content-length: 14
      content-type: text/plain
      date: DATE
      server: envoy

      Jwt is expired
      (open)
      log: 401 jwt_authn_access_denied{Jwt_is_expired} -
    `,
    })
    f.exchange('may fail: no token at all', {
      send: get('/failed', bearer('abc')),
      reply,
      stats,
      sees: `
      stat: http.main.jwt_authn.allowed +1
      stat: http.main.jwt_authn.jwt_cache_miss +1
      > up
      GET /failed HTTP/1.1
      host: a
      authorization: Bearer abc
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
      log: 200 via_upstream -
    `,
    })
    f.exchange('both: one is missing', {
      send: get('/both', bearer(good)),
      stats,
      sees: `
      stat: http.main.jwt_authn.denied +1
      stat: http.main.jwt_authn.jwt_cache_miss +1
      < client
      HTTP/1.1 401 Unauthorized
      www-authenticate: Bearer realm="http://a/both"
      content-length: 14
      content-type: text/plain
      date: DATE
      server: envoy

      Jwt is missing
      (open)
      log: 401 jwt_authn_access_denied{Jwt_is_missing} {"header":{"alg":"ES256","kid":"k1"},"payload":{"aud":"you","exp":4102444800,"iss":"me","name":"n","nested":{"a":1}}}
    `,
    })
    f.exchange('both', {
      send: get('/both', bearer(good), `x-token: T ${good}`),
      reply,
      stats,
      sees: `
      stat: http.main.jwt_authn.allowed +1
      stat: http.main.jwt_authn.jwt_cache_miss +2
      > up
      GET /both HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-payload: eyJpc3MiOiJtZSIsImF1ZCI6InlvdSIsImV4cCI6NDEwMjQ0NDgwMCwibmFtZSI6Im4iLCJuZXN0ZWQiOnsiYSI6MX19
      x-name: n
      x-nested: 1
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: 200 via_upstream {"header":{"alg":"ES256","kid":"k1"},"payload":{"aud":"you","exp":4102444800,"iss":"me","name":"n","nested":{"a":1}}}
    `,
    })
    f.exchange('audiences of the rule', {
      send: get('/other', bearer(token({ iss: 'me', aud: 'them' }))),
      reply,
      stats,
      sees: `
      stat: http.main.jwt_authn.allowed +1
      stat: http.main.jwt_authn.jwt_cache_miss +1
      > up
      GET /other HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-payload: eyJpc3MiOiJtZSIsImF1ZCI6InRoZW0ifQ
      x-envoy-expected-rq-timeout-ms: 15000

      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      ok
      (open)
      log: 200 via_upstream {"header":{"alg":"ES256","kid":"k1"},"payload":{"aud":"them","iss":"me"}}
    `,
    })
    f.exchange('audiences of the rule: others', {
      send: get('/other', bearer(good)),
      stats,
      sees: `
      stat: http.main.jwt_authn.denied +1
      stat: http.main.jwt_authn.jwt_cache_miss +1
      < client
      HTTP/1.1 403 Forbidden
      www-authenticate: Bearer realm="http://a/other", error="invalid_token"
      content-length: 32
      content-type: text/plain
      date: DATE
      server: envoy

      Audiences in Jwt are not allowed
      (open)
      log: 403 jwt_authn_access_denied{Audiences_in_Jwt_are_not_allowed} -
    `,
    })
    f.exchange('a header of its own', {
      send: get('/q', `x-token: T ${good}`),
      reply,
      stats,
      sees: `
      stat: http.main.jwt_authn.allowed +1
      stat: http.main.jwt_authn.jwt_cache_miss +1
      > up
      GET /q HTTP/1.1
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
      log: 200 via_upstream -
    `,
    })
    f.exchange('a route without', {
      send: get('/open'),
      reply,
      stats,
      sees: `
      stat: http.main.jwt_authn.allowed +1
      > up
      GET /open HTTP/1.1
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
      log: 200 via_upstream -
    `,
    })
    f.exchange('a route with a requirement by name', {
      send: get('/named', bearer(good)),
      stats,
      sees: `
      stat: http.main.jwt_authn.denied +1
      < client
      HTTP/1.1 401 Unauthorized
      www-authenticate: Bearer realm="http://a/named"
      content-length: 14
      content-type: text/plain
      date: DATE
      server: envoy

      Jwt is missing
      (open)
      log: 401 jwt_authn_access_denied{Jwt_is_missing} -
    `,
    })
    f.exchange('a preflight passes', {
      send: get('/', 'origin: b', 'access-control-request-method: GET').replace('GET /', 'OPTIONS /'),
      reply,
      stats,
      sees: `
        stat: http.main.jwt_authn.allowed +1
        stat: http.main.jwt_authn.cors_preflight_bypassed +1
        > up
        OPTIONS / HTTP/1.1
        host: a
        origin: b
        access-control-request-method: GET
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000
        content-length: 0

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
    })
  },
)
