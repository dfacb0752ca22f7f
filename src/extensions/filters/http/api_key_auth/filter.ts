import { defineHttpFilter } from '../../../../api/http-filter.js'
import type { RequestHead } from '../../../../api/stream.js'
import { settingsOf } from '../../../../api/typescript-filter.js'

interface Source {
  readonly header: string
  readonly query: string
  readonly cookie: string
}

interface Settings {
  readonly clients: Readonly<Record<string, string>>
  readonly sources: readonly Source[]
  readonly forwardHeader: string
  readonly hidesCredentials: boolean
}

export default defineHttpFilter({
  name: 'envoy.filters.http.api_key_auth',
  config: settingsOf<Settings>(),
  routeConfig: settingsOf<Settings & { readonly allowedClients: readonly string[] }>(),
  create(config, { stats }) {
    const allowed = stats.counter('allowed')
    const unauthorized = stats.counter('unauthorized')
    const forbidden = stats.counter('forbidden')
    return {
      onRequestHeaders(request, stream) {
        const route = stream.routeConfig
        const of = <Key extends 'clients' | 'sources'>(key: Key): Settings[Key] =>
          route !== undefined && Object.keys(route[key]).length > 0 ? route[key] : config[key]
        const forwarding = route ?? config
        const sources = of('sources')
        const key = keyOf(request, sources)
        const clients = of('clients')
        const client = key !== '' && Object.hasOwn(clients, key) ? clients[key] : undefined
        if (client === undefined) {
          unauthorized.inc()
          return stream.reply(
            401,
            'Client authentication failed.',
            {},
            key === '' ? 'missing_api_key' : 'unknown_api_key',
          )
        }
        if (route !== undefined && route.allowedClients.length > 0 && !route.allowedClients.includes(client)) {
          forbidden.inc()
          return stream.reply(403, 'Client is forbidden.', {}, 'client_not_allowed')
        }
        if (forwarding.forwardHeader !== '') {
          // Behind all others, as Envoy sets it.
          request.headers.delete(forwarding.forwardHeader)
          request.headers.set(forwarding.forwardHeader, client)
        }
        if (forwarding.hidesCredentials) for (const source of sources) hide(request, source)
        allowed.inc()
        return undefined
      },
    }
  },
})

/** The first key that a source has; empty: none. */
function keyOf(request: RequestHead, sources: readonly Source[]): string {
  for (const source of sources) {
    const key = keyIn(request, source)
    if (key !== '') return key
  }
  return ''
}

function keyIn(request: RequestHead, { header, query, cookie }: Source): string {
  if (header !== '') {
    const value = request.headers.get(header) ?? ''
    return value.startsWith('Bearer ') ? value.slice(7) : value
  }
  if (query !== '') return decoded(queryOf(request.path)?.find(([name]) => name === query)?.[1] ?? '')
  return cookiesOf(request).find(([name]) => name === cookie)?.[1] ?? ''
}

function hide(request: RequestHead, { header, query, cookie }: Source): void {
  if (header !== '') request.headers.delete(header)
  else if (query !== '') {
    const pairs = queryOf(request.path)
    if (pairs === undefined || !pairs.some(([name]) => name === query)) return
    const left = pairs.filter(([name]) => name !== query).map(([name, value]) => `${name}=${value}`)
    const path = request.path.slice(0, request.path.indexOf('?'))
    request.headers.set(':path', left.length === 0 ? path : `${path}?${left.join('&')}`)
  } else {
    const cookies = cookiesOf(request)
    if (!cookies.some(([name]) => name === cookie)) return
    const left = cookies.filter(([name]) => name !== cookie).map(([name, value]) => `${name}=${value}`)
    request.headers.delete('cookie')
    if (left.length > 0) request.headers.set('cookie', left.join('; '))
  }
}

function decoded(text: string): string {
  if (!text.includes('%')) return text
  const bytes = text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString()
}

type Pairs = (readonly [name: string, value: string])[]

/** As they are written: a forwarded query must not change its escapes. */
function queryOf(path: string): Pairs | undefined {
  const at = path.indexOf('?')
  return at < 0 ? undefined : pairsOf(path.slice(at + 1), '&')
}

function cookiesOf(request: RequestHead): Pairs {
  return request.headers.getAll('cookie').flatMap(value => pairsOf(value, ';'))
}

function pairsOf(text: string, separator: string): Pairs {
  return text
    .split(separator)
    .map(part => part.trim())
    .filter(part => part !== '')
    .map(part => {
      const equals = part.indexOf('=')
      return equals < 0 ? ([part, ''] as const) : ([part.slice(0, equals), part.slice(equals + 1)] as const)
    })
}
