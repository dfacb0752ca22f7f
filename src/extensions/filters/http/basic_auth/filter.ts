import { createHash, timingSafeEqual } from 'node:crypto'
import { defineHttpFilter } from '../../../../api/http-filter.js'
import { settingsOf } from '../../../../api/typescript-filter.js'
import { requestUrl } from '../common/request-url.js'

interface Settings {
  /** Name → SHA-1 of the password in base64. */
  readonly users: Readonly<Record<string, string>>
  /** Empty: the name is not told to the upstream. */
  readonly forwardHeader: string
  readonly header: string
}

/** Words for the client, and for the log. */
type Refusal = readonly [text: string, details: string]

const missing: Refusal = ['Missing username and password.', 'no_credential_for_basic_auth']
const wrongScheme: Refusal = ["Expected 'Basic' authentication scheme.", 'invalid_scheme_for_basic_auth']
const malformed: Refusal = ['Invalid basic credential format.', 'invalid_format_for_basic_auth']
const unknown: Refusal = ['Invalid username/password combination.', 'invalid_credential_for_basic_auth']

export default defineHttpFilter({
  name: 'envoy.filters.http.basic_auth',
  config: settingsOf<Settings>(),
  routeConfig: settingsOf<Pick<Settings, 'users'>>(),
  create({ users, forwardHeader, header }, { stats }) {
    const allowed = stats.counter('allowed')
    const denied = stats.counter('denied')
    return {
      onRequestHeaders(request, stream) {
        const name = authenticate(request.headers.get(header) ?? '', stream.routeConfig?.users ?? users)
        if (typeof name === 'string') {
          if (forwardHeader !== '') {
            // Behind all others, as Envoy sets it.
            request.headers.delete(forwardHeader)
            request.headers.set(forwardHeader, name)
          }
          allowed.inc()
          return undefined
        }
        denied.inc()
        const [text, details] = name
        const challenge = { 'www-authenticate': `Basic realm="${requestUrl(request)}"` }
        return stream.reply(401, `User authentication failed. ${text}`, challenge, details)
      },
    }
  },
})

/** The user's name, or why there is none. */
function authenticate(value: string, users: Settings['users']): string | Refusal {
  if (value === '') return missing
  if (!value.startsWith('Basic ')) return wrongScheme
  const text = value.slice(6)
  const bytes = Buffer.from(text, 'base64')
  const colon = bytes.indexOf(':')
  if (colon < 0 || bytes.toString('base64') !== text) return malformed
  const name = bytes.subarray(0, colon).toString('utf8')
  const digest = createHash('sha1')
    .update(bytes.subarray(colon + 1))
    .digest()
  const wanted = Buffer.from(Object.hasOwn(users, name) ? (users[name] ?? '') : '', 'base64')
  return wanted.length === digest.length && timingSafeEqual(wanted, digest) ? name : unknown
}
