// jwt_authn: rules by more than the path, failures in metadata, tokens that are not checked, requirements by filter state.
import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { get } from '../support/bytes.js'
import { cluster, http } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'

const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const { privateKey, publicKey } = pair()
const jwks = JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256' }] })
const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
function token(payload: object, header: object = { alg: 'ES256', kid: 'k1' }, key: KeyObject = privateKey): string {
  const signed = `${encoded(header)}.${encoded(payload)}`
  return `${signed}.${createSign('sha256').update(signed).sign({ key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}
const bearer = (text: string): string => `authorization: Bearer ${text}`
const far = 4_102_444_800
const me = { iss: 'me', aud: 'you', exp: far }
const other = pair().privateKey

const TYPE = 'type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3'
const ROUTER = {
  name: 'router',
  typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
}
const provider = (more: object = {}): object => ({
  issuer: 'me',
  audiences: ['you'],
  local_jwks: { inline_string: jwks },
  forward: true,
  ...more,
})
const jwt = (config: object, ...before: object[]): string =>
  JSON.stringify({
    http_filters: [
      ...before,
      { name: 'jwt', typed_config: { '@type': `${TYPE}.JwtAuthentication`, ...config } },
      ROUTER,
    ],
  })
const state = (name: string, header: string): object => ({
  name: 'set_filter_state',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config',
    on_request_headers: [
      {
        object_key: name,
        factory_key: 'envoy.string',
        format_string: { text_format_source: { inline_string: `%REQ(${header})%` }, omit_empty_values: true },
        skip_if_empty: true,
      },
    ],
  },
})

const asks =
  (to: string, request: string) =>
  async (s: Scene): Promise<void> => {
    const client = await s.connect(to)
    await client.send(request)
    const { head } = await client.response()
    for (const one of s.upstream().requests) {
      const lines = one.head
        .trimEnd()
        .split('\r\n')
        .filter(line => !/^(x-(envoy|request-id|forwarded-proto)|authorization|host|x-strict)/.test(line))
      s.note(`> up\n${lines.join('\n')}`)
    }
    s.note(`< client\n${head.split('\r\n')[0]}`)
    await s.sawLog(1, to)
  }

feature(
  'jwt_authn requirements',
  {
    file: import.meta.url,
    upstreams: ['up'],
    clusters: [cluster('up')],
    listeners: [
      http('failed', {
        log: '%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(envoy.filters.http.jwt_authn)%\n',
        hcm: jwt({
          providers: {
            p: provider({ failed_status_in_metadata: 'why' }),
            strict: provider({
              failed_status_in_metadata: 'why',
              require_expiration: true,
              max_lifetime: '3600s',
              from_headers: [{ name: 'x-strict' }],
              subjects: { safe_regex: { regex: 's+' } },
            }),
          },
          rules: [
            {
              match: { prefix: '/lenient' },
              requires: { requires_any: { requirements: [{ provider_name: 'p' }, { allow_missing_or_failed: {} }] } },
            },
            { match: { prefix: '/strict' }, requires: { provider_name: 'strict' } },
            { match: { prefix: '/' }, requires: { provider_name: 'p' } },
          ],
        }),
      }),
      http('matched', {
        log: '%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%\n',
        hcm: jwt({
          providers: { p: provider() },
          rules: [
            { match: { safe_regex: { regex: '/re/[0-9]+' } }, requires: { provider_name: 'p' } },
            {
              match: { prefix: '/', headers: [{ name: 'x-check', string_match: { exact: 'yes' } }] },
              requires: { provider_name: 'p' },
            },
            { match: { prefix: '/', query_parameters: [{ name: 'check' }] }, requires: { provider_name: 'p' } },
            { match: { path: '/Exact', case_sensitive: false }, requires: { provider_name: 'p' } },
          ],
        }),
      }),
      http('extract', {
        log: '%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(envoy.filters.http.jwt_authn)%\n',
        hcm: jwt({
          providers: {
            p: provider({
              payload_in_metadata: 'payload',
              forward_payload_header: 'x-payload',
              claim_to_headers: [{ header_name: 'x-iss', claim_name: 'iss' }],
            }),
          },
          rules: [
            {
              match: { prefix: '/header' },
              requires: { extract_only_without_validation: { verification_status_header: 'x-status' } },
            },
            {
              match: { prefix: '/any' },
              requires: {
                requires_any: { requirements: [{ provider_name: 'p' }, { extract_only_without_validation: {} }] },
              },
            },
            { match: { prefix: '/' }, requires: { extract_only_without_validation: {} } },
          ],
        }),
      }),
      http('state', {
        log: '%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%\n',
        hcm: jwt(
          {
            providers: { p: provider() },
            rules: [{ match: { prefix: '/ruled' } }],
            filter_state_rules: {
              name: 'selector',
              requires: { strict: { provider_name: 'p' }, lax: { allow_missing_or_failed: {} } },
            },
          },
          state('selector', 'x-selector'),
        ),
      }),
    ],
  },
  f => {
    const now = Math.floor(Date.now() / 1000)
    f.scenario(
      'missing',
      {
        sees: `
      < client
      HTTP/1.1 401 Unauthorized
      log: 401 jwt_authn_access_denied{Jwt_is_missing} -
    `,
      },
      asks('failed', get('/')),
    )
    f.scenario(
      'no token at all',
      {
        sees: `
      < client
      HTTP/1.1 401 Unauthorized
      log: 401 jwt_authn_access_denied{Jwt_is_not_in_the_form_of_Header.Payload.Signature_with_two_dots_and_3_sections} {"why":{"code":4,"message":"Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections"}}
    `,
      },
      asks('failed', get('/', bearer('abc'))),
    )
    f.scenario(
      'expired',
      {
        sees: `
      < client
      HTTP/1.1 401 Unauthorized
      log: 401 jwt_authn_access_denied{Jwt_is_expired} {"why":{"code":3,"message":"Jwt is expired"}}
    `,
      },
      asks('failed', get('/', bearer(token({ ...me, exp: 1000 })))),
    )
    f.scenario(
      'not yet valid',
      {
        sees: `
      < client
      HTTP/1.1 401 Unauthorized
      log: 401 jwt_authn_access_denied{Jwt_not_yet_valid} {"why":{"code":2,"message":"Jwt not yet valid"}}
    `,
      },
      asks('failed', get('/', bearer(token({ ...me, nbf: far })))),
    )
    f.scenario(
      'another audience',
      {
        sees: `
      < client
      HTTP/1.1 403 Forbidden
      log: 403 jwt_authn_access_denied{Audiences_in_Jwt_are_not_allowed} {"why":{"code":25,"message":"Audiences in Jwt are not allowed"}}
    `,
      },
      asks('failed', get('/', bearer(token({ ...me, aud: 'them' })))),
    )
    f.scenario(
      'another issuer',
      {
        sees: `
      < client
      HTTP/1.1 401 Unauthorized
      log: 401 jwt_authn_access_denied{Jwt_issuer_is_not_configured} {"why":{"code":24,"message":"Jwt issuer is not configured"}}
    `,
      },
      asks('failed', get('/', bearer(token({ ...me, iss: 'them' })))),
    )
    f.scenario(
      'another key',
      {
        sees: `
      < client
      HTTP/1.1 401 Unauthorized
      log: 401 jwt_authn_access_denied{Jwt_verification_fails} {"why":{"code":26,"message":"Jwt verification fails"}}
    `,
      },
      asks('failed', get('/', bearer(token(me, { alg: 'ES256', kid: 'k1' }, other)))),
    )
    f.scenario(
      'an unknown key',
      {
        sees: `
      < client
      HTTP/1.1 401 Unauthorized
      log: 401 jwt_authn_access_denied{Jwks_doesn't_have_key_to_match_kid_or_alg_from_Jwt} {"why":{"code":32,"message":"Jwks doesn't have key to match kid or alg from Jwt"}}
    `,
      },
      asks('failed', get('/', bearer(token(me, { alg: 'ES256', kid: 'k9' })))),
    )
    f.scenario(
      'an unknown algorithm',
      {
        sees: `
      < client
      HTTP/1.1 401 Unauthorized
      log: 401 jwt_authn_access_denied{Jwt_header_[alg]_is_not_supported} {"why":{"code":8,"message":"Jwt header [alg] is not supported"}}
    `,
      },
      asks('failed', get('/', bearer(token(me, { alg: 'none' })))),
    )
    f.scenario(
      'a head that is not base64',
      {
        sees: `
      < client
      HTTP/1.1 401 Unauthorized
      log: 401 jwt_authn_access_denied{Jwt_is_not_in_the_form_of_Header.Payload.Signature_with_two_dots_and_3_sections} {"why":{"code":4,"message":"Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections"}}
    `,
      },
      asks('failed', get('/', bearer('%%%.e30.e30'))),
    )
    f.scenario(
      'a head that is not JSON',
      {
        sees: `
      < client
      HTTP/1.1 401 Unauthorized
      log: 401 jwt_authn_access_denied{Jwt_header_is_an_invalid_JSON} {"why":{"code":6,"message":"Jwt header is an invalid JSON"}}
    `,
      },
      asks('failed', get('/', bearer('AAAA.e30.e30'))),
    )
    f.scenario(
      'a head without algorithm',
      {
        sees: `
      < client
      HTTP/1.1 401 Unauthorized
      log: 401 jwt_authn_access_denied{Jwt_header_[alg]_field_is_required_and_must_be_a_string} {"why":{"code":7,"message":"Jwt header [alg] field is required and must be a string"}}
    `,
      },
      asks('failed', get('/', bearer('e30.e30.e30'))),
    )
    f.scenario(
      'a payload that is not JSON',
      {
        sees: `
      < client
      HTTP/1.1 401 Unauthorized
      log: 401 jwt_authn_access_denied{Jwt_payload_is_an_invalid_JSON} {"why":{"code":11,"message":"Jwt payload is an invalid JSON"}}
    `,
      },
      asks('failed', get('/', bearer(`${encoded({ alg: 'ES256' })}.AAAA.e30`))),
    )
    f.scenario(
      'failed and let through',
      {
        sees: `
      > up
      GET /lenient HTTP/1.1
      < client
      HTTP/1.1 200 OK
      log: 200 via_upstream {"why":{"code":4,"message":"Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections"}}
    `,
      },
      asks('failed', get('/lenient', bearer('abc'))),
    )
    f.scenario(
      'no expiration',
      {
        sees: `
      < client
      HTTP/1.1 401 Unauthorized
      log: 401 jwt_authn_access_denied{Jwt_verification_fails} {"why":{"code":26,"message":"Jwt verification fails"}}
    `,
      },
      asks('failed', get('/strict', `x-strict: ${token({ ...me, sub: 's', exp: undefined })}`)),
    )
    f.scenario(
      'too long a life',
      {
        sees: `
      < client
      HTTP/1.1 401 Unauthorized
      log: 401 jwt_authn_access_denied{Jwt_verification_fails} {"why":{"code":26,"message":"Jwt verification fails"}}
    `,
      },
      asks('failed', get('/strict', `x-strict: ${token({ ...me, sub: 's' })}`)),
    )
    f.scenario(
      'another subject',
      {
        sees: `
      < client
      HTTP/1.1 401 Unauthorized
      log: 401 jwt_authn_access_denied{Jwt_verification_fails} {"why":{"code":26,"message":"Jwt verification fails"}}
    `,
      },
      asks('failed', get('/strict', `x-strict: ${token({ ...me, sub: 't', exp: now + 600 })}`)),
    )
    f.scenario(
      'the right subject',
      {
        sees: `
      > up
      GET /strict HTTP/1.1
      < client
      HTTP/1.1 200 OK
      log: 200 via_upstream -
    `,
      },
      asks('failed', get('/strict', `x-strict: ${token({ ...me, sub: 'sss', exp: now + 600 })}`)),
    )
    f.scenario(
      'a path by regular expression',
      {
        sees: `
      < client
      HTTP/1.1 401 Unauthorized
      log: 401 jwt_authn_access_denied{Jwt_is_missing}
    `,
      },
      asks('matched', get('/re/12')),
    )
    f.scenario(
      'no path by regular expression',
      {
        sees: `
      > up
      GET /re/x HTTP/1.1
      < client
      HTTP/1.1 200 OK
      log: 200 via_upstream
    `,
      },
      asks('matched', get('/re/x')),
    )
    f.scenario(
      'a header',
      {
        sees: `
      < client
      HTTP/1.1 401 Unauthorized
      log: 401 jwt_authn_access_denied{Jwt_is_missing}
    `,
      },
      asks('matched', get('/', 'x-check: yes')),
    )
    f.scenario(
      'a query parameter',
      {
        sees: `
      < client
      HTTP/1.1 401 Unauthorized
      log: 401 jwt_authn_access_denied{Jwt_is_missing}
    `,
      },
      asks('matched', get('/?check=1')),
    )
    f.scenario(
      'a path in any case',
      {
        sees: `
      < client
      HTTP/1.1 401 Unauthorized
      log: 401 jwt_authn_access_denied{Jwt_is_missing}
    `,
      },
      asks('matched', get('/eXACT')),
    )
    f.scenario(
      'read without a check',
      {
        sees: `
      > up
      GET / HTTP/1.1
      x-jwt-signature-verified: false
      < client
      HTTP/1.1 200 OK
      log: 200 via_upstream -
    `,
      },
      asks('extract', get('/', bearer(token({ iss: 'me' }, { alg: 'ES256', kid: 'k1' }, other)))),
    )
    f.scenario(
      'read without a check, of another issuer',
      {
        sees: `
      > up
      GET / HTTP/1.1
      x-jwt-signature-verified: false
      < client
      HTTP/1.1 200 OK
      log: 200 via_upstream -
    `,
      },
      asks('extract', get('/', bearer(token({ iss: 'them' })))),
    )
    f.scenario(
      'nothing to read',
      {
        sees: `
      > up
      GET / HTTP/1.1
      < client
      HTTP/1.1 200 OK
      log: 200 via_upstream -
    `,
      },
      asks('extract', get('/')),
    )
    f.scenario(
      'nothing that can be read',
      {
        sees: `
      > up
      GET / HTTP/1.1
      x-jwt-signature-verified: false
      < client
      HTTP/1.1 200 OK
      log: 200 via_upstream -
    `,
      },
      asks('extract', get('/', bearer('abc'))),
    )
    f.scenario(
      'how it went in a header',
      {
        sees: `
      > up
      GET /header HTTP/1.1
      x-status: false
      < client
      HTTP/1.1 200 OK
      log: 200 via_upstream -
    `,
      },
      asks('extract', get('/header', bearer(token({ iss: 'me' }, { alg: 'ES256', kid: 'k1' }, other)))),
    )
    f.scenario(
      'how it went in a header: well',
      {
        sees: `
      > up
      GET /header HTTP/1.1
      x-payload: eyJpc3MiOiJtZSIsImV4cCI6NDEwMjQ0NDgwMCwiYXVkIjoieW91In0
      x-iss: me
      < client
      HTTP/1.1 200 OK
      log: 200 via_upstream {"payload":{"aud":"you","exp":4102444800,"iss":"me"}}
    `,
      },
      asks('extract', get('/header', bearer(token({ iss: 'me', exp: far, aud: 'you' })))),
    )
    f.scenario(
      'checked, or else read',
      {
        sees: `
      > up
      GET /any HTTP/1.1
      x-jwt-signature-verified: false
      < client
      HTTP/1.1 200 OK
      log: 200 via_upstream -
    `,
      },
      asks('extract', get('/any', bearer(token({ iss: 'me' }, { alg: 'ES256', kid: 'k1' }, other)))),
    )
    f.scenario(
      'by filter state: asked for',
      {
        sees: `
      < client
      HTTP/1.1 401 Unauthorized
      log: 401 jwt_authn_access_denied{Jwt_is_missing}
    `,
      },
      asks('state', get('/', 'x-selector: strict')),
    )
    f.scenario(
      'by filter state: let through',
      {
        sees: `
      > up
      GET / HTTP/1.1
      x-selector: lax
      < client
      HTTP/1.1 200 OK
      log: 200 via_upstream
    `,
      },
      asks('state', get('/', 'x-selector: lax')),
    )
    f.scenario(
      'by filter state: unknown',
      {
        sees: `
      > up
      GET / HTTP/1.1
      x-selector: what
      < client
      HTTP/1.1 200 OK
      log: 200 via_upstream
    `,
      },
      asks('state', get('/', 'x-selector: what')),
    )
    f.scenario(
      'by filter state: none',
      {
        sees: `
      > up
      GET / HTTP/1.1
      < client
      HTTP/1.1 200 OK
      log: 200 via_upstream
    `,
      },
      asks('state', get('/')),
    )
    f.scenario(
      'rules before filter state',
      {
        sees: `
      > up
      GET /ruled HTTP/1.1
      x-selector: strict
      < client
      HTTP/1.1 200 OK
      log: 200 via_upstream
    `,
      },
      asks('state', get('/ruled', 'x-selector: strict')),
    )
  },
)
