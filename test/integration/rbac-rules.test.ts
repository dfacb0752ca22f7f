// RBAC by metadata, filter state and templates of paths, and statistics of each policy.
import { get } from '../support/bytes.js'
import { cluster, http } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'

const TYPE = 'type.googleapis.com/envoy.extensions.filters.http'
const ROUTER = { name: 'router', typed_config: { '@type': `${TYPE}.router.v3.Router` } }
const TO_METADATA = {
  name: 'header_to_metadata',
  typed_config: {
    '@type': `${TYPE}.header_to_metadata.v3.Config`,
    request_rules: [
      ['x-text', 'STRING'],
      ['x-number', 'NUMBER'],
    ].map(([header, type]) => ({
      header,
      on_header_present: { metadata_namespace: 'ns', key: header, type },
      remove: false,
    })),
  },
}
const TO_STATE = {
  name: 'set_filter_state',
  typed_config: {
    '@type': `${TYPE}.set_filter_state.v3.Config`,
    on_request_headers: [
      {
        object_key: 'who',
        factory_key: 'envoy.string',
        format_string: { text_format_source: { inline_string: '%REQ(x-who)%' }, omit_empty_values: true },
        skip_if_empty: true,
      },
    ],
  },
}
const any = [{ any: true }]
const metadata = (key: string, value: object, more: object = {}): object => ({
  metadata: { filter: 'ns', path: [{ key }], value, ...more },
})
const policies = {
  text: { permissions: [metadata('x-text', { string_match: { prefix: 'a' } })], principals: any },
  number: { permissions: any, principals: [metadata('x-number', { double_match: { range: { start: 5, end: 10 } } })] },
  route: {
    permissions: [
      {
        sourced_metadata: {
          metadata_source: 'ROUTE',
          metadata_matcher: { filter: 'ns', path: [{ key: 'open' }], value: { bool_match: true } },
        },
      },
    ],
    principals: any,
  },
  list: {
    permissions: [
      {
        sourced_metadata: {
          metadata_source: 'ROUTE',
          metadata_matcher: {
            filter: 'ns',
            path: [{ key: 'list' }],
            value: {
              list_match: {
                one_of: { or_match: { value_matchers: [{ null_match: {} }, { string_match: { exact: 'two' } }] } },
              },
            },
          },
        },
      },
    ],
    principals: any,
  },
  state: { permissions: any, principals: [{ filter_state: { key: 'who', string_match: { exact: 'me' } } }] },
  template: {
    permissions: [
      {
        uri_template: {
          name: 'template',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig',
            path_template: '/v1/{name}/x',
          },
        },
      },
    ],
    principals: any,
  },
}
const rbac = (config: object): string =>
  JSON.stringify({
    http_filters: [
      TO_METADATA,
      TO_STATE,
      { name: 'rbac', typed_config: { '@type': `${TYPE}.rbac.v3.RBAC`, ...config } },
      ROUTER,
    ],
  })

const asks =
  (to: string, request: string) =>
  async (s: Scene): Promise<void> => {
    const before = await s.proxy.stats()
    const client = await s.connect(to)
    await client.send(request)
    const { head } = await client.response()
    s.note(head.split('\r\n')[0] ?? '')
    await s.sawLog(1, to)
    for (const [name, value] of await s.proxy.stats()) {
      const more = value - (before.get(name) ?? 0)
      if (/\.rbac\./.test(name) && more !== 0) s.note(`${name}: ${more}`)
    }
  }

feature(
  'RBAC rules',
  {
    file: import.meta.url,
    upstreams: ['up'],
    clusters: [cluster('up')],
    listeners: [
      http('main', {
        log: '%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%\n',
        hcm: rbac({ rules: { action: 'ALLOW', policies }, track_per_rule_stats: true }),
        routes: JSON.stringify([
          {
            match: { prefix: '/open' },
            route: { cluster: 'up' },
            metadata: { filter_metadata: { ns: { open: true } } },
          },
          {
            match: { prefix: '/list' },
            route: { cluster: 'up' },
            metadata: { filter_metadata: { ns: { list: ['one', 'two'] } } },
          },
          { match: { prefix: '/' }, route: { cluster: 'up' } },
        ]),
      }),
      http('prefixed', {
        log: '%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%\n',
        hcm: rbac({
          rules: { action: 'DENY', policies: { text: policies.text } },
          shadow_rules: { action: 'ALLOW', policies: { number: policies.number } },
          rules_stat_prefix: 'mine.',
          shadow_rules_stat_prefix: 'other.',
          track_per_rule_stats: true,
        }),
      }),
      http('inverted', {
        log: '%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%\n',
        hcm: rbac({
          rules: {
            policies: {
              not: {
                permissions: [metadata('x-text', { string_match: { exact: 'a' } }, { invert: true })],
                principals: any,
              },
            },
          },
        }),
      }),
    ],
  },
  f => {
    f.scenario(
      'a text in metadata',
      {
        sees: `
      HTTP/1.1 200 OK
      log: 200 via_upstream
      http.main.rbac.allowed: 1
      http.main.rbac.policy.text.allowed: 1
    `,
      },
      asks('main', get('/', 'x-text: abc')),
    )
    f.scenario(
      'another text',
      {
        sees: `
      HTTP/1.1 403 Forbidden
      log: 403 rbac_access_denied_matched_policy[none]
      http.main.rbac.denied: 1
    `,
      },
      asks('main', get('/', 'x-text: bc')),
    )
    f.scenario(
      'a number in metadata',
      {
        sees: `
      HTTP/1.1 200 OK
      log: 200 via_upstream
      http.main.rbac.allowed: 1
      http.main.rbac.policy.number.allowed: 1
    `,
      },
      asks('main', get('/', 'x-number: 5')),
    )
    f.scenario(
      'another number',
      {
        sees: `
      HTTP/1.1 403 Forbidden
      log: 403 rbac_access_denied_matched_policy[none]
      http.main.rbac.denied: 1
    `,
      },
      asks('main', get('/', 'x-number: 10')),
    )
    f.scenario(
      'metadata of the route',
      {
        sees: `
      HTTP/1.1 200 OK
      log: 200 via_upstream
      http.main.rbac.allowed: 1
      http.main.rbac.policy.route.allowed: 1
    `,
      },
      asks('main', get('/open')),
    )
    f.scenario(
      'a list in metadata',
      {
        sees: `
      HTTP/1.1 200 OK
      log: 200 via_upstream
      http.main.rbac.allowed: 1
      http.main.rbac.policy.list.allowed: 1
    `,
      },
      asks('main', get('/list')),
    )
    f.scenario(
      'filter state',
      {
        sees: `
      HTTP/1.1 200 OK
      log: 200 via_upstream
      http.main.rbac.allowed: 1
      http.main.rbac.policy.state.allowed: 1
    `,
      },
      asks('main', get('/', 'x-who: me')),
    )
    f.scenario(
      'other filter state',
      {
        sees: `
      HTTP/1.1 403 Forbidden
      log: 403 rbac_access_denied_matched_policy[none]
      http.main.rbac.denied: 1
    `,
      },
      asks('main', get('/', 'x-who: you')),
    )
    f.scenario(
      'a template',
      {
        sees: `
      HTTP/1.1 200 OK
      log: 200 via_upstream
      http.main.rbac.allowed: 1
      http.main.rbac.policy.template.allowed: 1
    `,
      },
      asks('main', get('/v1/a/x?q')),
    )
    f.scenario(
      'not the template',
      {
        sees: `
      HTTP/1.1 403 Forbidden
      log: 403 rbac_access_denied_matched_policy[none]
      http.main.rbac.denied: 1
    `,
      },
      asks('main', get('/v1/a/y')),
    )
    f.scenario(
      'shadow rules with a prefix',
      {
        sees: `
      HTTP/1.1 200 OK
      log: 200 via_upstream
      http.prefixed.rbac.mine.allowed: 1
      http.prefixed.rbac.other.policy.number.shadow_allowed: 1
      http.prefixed.rbac.other.shadow_allowed: 1
    `,
      },
      asks('prefixed', get('/', 'x-number: 6')),
    )
    f.scenario(
      'denied with a prefix',
      {
        sees: `
      HTTP/1.1 403 Forbidden
      log: 403 rbac_access_denied_matched_policy[text]
      http.prefixed.rbac.mine.denied: 1
      http.prefixed.rbac.mine.policy.text.denied: 1
      http.prefixed.rbac.other.shadow_denied: 1
    `,
      },
      asks('prefixed', get('/', 'x-text: a')),
    )
    f.scenario(
      'inverted: absent',
      {
        sees: `
      HTTP/1.1 200 OK
      log: 200 via_upstream
      http.inverted.rbac.allowed: 1
    `,
      },
      asks('inverted', get('/')),
    )
    f.scenario(
      'inverted: there',
      {
        sees: `
      HTTP/1.1 403 Forbidden
      log: 403 rbac_access_denied_matched_policy[none]
      http.inverted.rbac.denied: 1
    `,
      },
      asks('inverted', get('/', 'x-text: a')),
    )
  },
)
