import { whole } from '../../../../api/field-policy.js'
import type { PlanContext } from '../../../../api/plan-context.js'
import { defineTypeScriptFilter } from '../../../../api/typescript-filter.js'
import type {
  ApiKeyAuth,
  ApiKeyAuthPerRoute,
} from '../../../../generated/protos/envoy/extensions/filters/http/api_key_auth/v3/api_key_auth_pb.js'

const schema = 'envoy.extensions.filters.http.api_key_auth.v3'

/** envoy.filters.http.api_key_auth: which client it is, by a key in a header, the query or a cookie. */
const apiKeyAuth = defineTypeScriptFilter<ApiKeyAuth, ApiKeyAuthPerRoute>({
  name: 'envoy.filters.http.api_key_auth',
  folder: 'filters/http/api_key_auth',
  typeNames: [`${schema}.ApiKeyAuth`],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
  policy: {
    [`${schema}.ApiKeyAuth`]: whole('credentials key_sources forwarding'),
    [`${schema}.ApiKeyAuthPerRoute`]: whole('credentials key_sources allowed_clients forwarding'),
  },
  statName: () => 'api_key_auth',
  settings: (config, context) => keysAndSources(config, context),
  route: {
    typeNames: [`${schema}.ApiKeyAuthPerRoute`],
    settings: (config, context) => ({
      ...keysAndSources(config, context),
      allowedClients: [...config.allowedClients],
    }),
  },
})

function keysAndSources(
  { credentials, keySources, forwarding }: Pick<ApiKeyAuth, 'credentials' | 'keySources' | 'forwarding'>,
  context: PlanContext,
) {
  const clients: Record<string, string> = {}
  for (const { key, client } of credentials) {
    if (Object.hasOwn(clients, key)) context.field('credentials').error('Duplicated API key.')
    clients[key] = client
  }
  for (const [index, { header, query, cookie }] of keySources.entries()) {
    if (header === '' && query === '' && cookie === '')
      context.field('key_sources').item(index).error("One of 'header'/'query'/'cookie' must be set.")
  }
  return {
    clients,
    sources: keySources.map(({ header, query, cookie }) => ({ header, query, cookie })),
    forwardHeader: forwarding?.header ?? '',
    hidesCredentials: forwarding?.hideCredentials ?? false,
  }
}

export default [apiKeyAuth]
