import { later, whole } from '../../../../api/field-policy.js'
import type { PlanContext } from '../../../../api/plan-context.js'
import { defineTypeScriptFilter } from '../../../../api/typescript-filter.js'
import type { DataSource } from '../../../../generated/protos/envoy/config/core/v3/base_pb.js'
import type {
  BasicAuth,
  BasicAuthPerRoute,
} from '../../../../generated/protos/envoy/extensions/filters/http/basic_auth/v3/basic_auth_pb.js'

const schema = 'envoy.extensions.filters.http.basic_auth.v3'

/** envoy.filters.http.basic_auth: who the client is, by name and password. */
const basicAuth = defineTypeScriptFilter<BasicAuth, BasicAuthPerRoute>({
  name: 'envoy.filters.http.basic_auth',
  folder: 'filters/http/basic_auth',
  typeNames: [`${schema}.BasicAuth`],
  status: 'stable',
  securityPosture: 'robust_to_untrusted_downstream',
  policy: {
    [`${schema}.BasicAuth`]: {
      ...whole('users forward_username_header authentication_header'),
      ...later('allow_missing emit_dynamic_metadata realm', 'this setting of basic_auth'),
    },
    [`${schema}.BasicAuthPerRoute`]: { ...whole('users'), ...later('realm', 'this setting of basic_auth') },
  },
  statName: () => 'basic_auth',
  settings: (config, context) => ({
    users: users(config.users, context),
    forwardHeader: config.forwardUsernameHeader,
    header: config.authenticationHeader || 'authorization',
  }),
  route: {
    typeNames: [`${schema}.BasicAuthPerRoute`],
    settings: (config, context) => ({ users: users(config.users, context) }),
  },
})

/** htpasswd lines with SHA-1: name → digest in base64. */
function users(source: DataSource | undefined, context: PlanContext): Record<string, string> {
  const at = context.field('users')
  const text = Buffer.from(context.dataSource(source, at) ?? new Uint8Array()).toString('utf8')
  const found: Record<string, string> = {}
  for (const line of text.split('\n')) {
    const entry = line.trim()
    if (entry === '' || entry.startsWith('#')) continue
    const colon = entry.indexOf(':')
    const name = entry.slice(0, Math.max(0, colon))
    const hash = entry.slice(colon + 1)
    if (colon < 0) at.error('basic auth: invalid htpasswd format, username:password expected')
    else if (name === '' || hash === '') at.error('basic auth: empty user name or password')
    else if (name in found) at.error('basic auth: duplicate users')
    else if (!hash.startsWith('{SHA}')) at.error('basic auth: unsupported htpasswd format: please use {SHA}')
    else if (hash.length !== 33) at.error('basic auth: invalid htpasswd format, invalid SHA hash length')
    else found[name] = hash.slice(5)
  }
  return found
}

export default [basicAuth]
