import { builtIn } from '../../../../api/built-in.js'
import type { Clusters, ReadonlyHeaders } from '../../../../api/clusters.js'
import type { HttpService, NameRule } from './settings.js'
import type { Names } from './names.js'
import { type Checked, failed, type Pair, type Verdict } from './verdict.js'

const headersToRemove = 'x-envoy-auth-headers-to-remove'
const exact = (text: string): NameRule => ({ kind: 'exact', text, ignoresCase: false })

/** What the service is shown whatever the configuration says. */
export const alwaysShown: readonly NameRule[] = ['authorization', ':method', ':path', ':authority'].map(exact)
// What of a denial the client gets whatever the configuration says.
const alwaysTold: readonly NameRule[] = ['content-length', 'www-authenticate', 'location'].map(exact)

/** Asks an HTTP service: 200 is yes, 5xx and silence an error, all else is the answer for the client. */
export async function askHttp(
  clusters: Clusters,
  service: HttpService,
  request: Checked,
  added: readonly Pair[],
  names: Names,
  signal: AbortSignal,
): Promise<Verdict> {
  const headers: Pair[] = [['content-length', String(request.body.length)]]
  for (const [name, value] of request.headers)
    if (!name.startsWith(':') && name !== 'content-length' && name !== 'host') headers.push([name, value])
  headers.push(...added)
  if (service.retryOn !== '')
    headers.push(['x-envoy-retry-on', service.retryOn], ['x-envoy-max-retries', String(service.retries)])
  const options = builtIn.options({ headers, timeoutMs: service.timeoutMs, signal, notForwarded: true })
  try {
    const response = await clusters.fetch(service.cluster, {
      ...options,
      method: request.method,
      path: service.pathOverride === '' ? service.pathPrefix + request.path : service.pathOverride,
      authority: request.authority,
      ...(request.body.length > 0 && { body: request.body }),
    })
    if (response.status >= 500) return failed
    return verdictOf(service, names, response.status, response.headers, await response.text())
  } catch {
    return failed
  }
}

function verdictOf(
  service: HttpService,
  names: Names,
  status: number,
  headers: ReadonlyHeaders,
  body: string,
): Verdict {
  const remove = (headers.get(headersToRemove) ?? '')
    .split(',')
    .map(name => name.trim().toLowerCase())
    .filter(name => name !== '')
  const all = [...headers].filter(([name]) => name !== headersToRemove)
  const those = (rules: readonly NameRule[]): Pair[] => all.filter(([name]) => names.match(rules, name))
  const metadata = Object.fromEntries(those(service.toMetadata))
  if (status === 200) {
    return {
      kind: 'ok',
      set: those(service.toUpstream),
      append: [],
      add: those(service.appendedToUpstream),
      remove,
      queryToSet: [],
      queryToRemove: [],
      response: those(service.toClientOnSuccess).map(([name, value]) => ({ how: 'add', name, value })),
      metadata,
    }
  }
  const told = service.toClient === undefined ? all : those([...alwaysTold, ...service.toClient])
  return { kind: 'denied', status, body, headers: told, metadata }
}
