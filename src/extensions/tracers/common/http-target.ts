import type { Place } from '../../../api/plan-context.js'
import type { HttpService } from '../../../generated/protos/envoy/config/core/v3/http_service_pb.js'
import type { HttpUri } from '../../../generated/protos/envoy/config/core/v3/http_uri_pb.js'

/** A collector that takes spans by HTTP, over a cluster of the configuration. */
export interface HttpTarget {
  readonly cluster: string
  readonly authority: string
  readonly path: string
  readonly headers: readonly (readonly [name: string, value: string])[]
}

/** What an HttpService names. Its headers are sent as they are written. */
export function httpTarget(service: HttpService, at: Place): HttpTarget {
  const uri = service.httpUri
  const cluster = uri?.httpUpstreamType.case === 'cluster' ? uri.httpUpstreamType.value : ''
  if (service.requestHeadersToAdd.some(({ header }) => header?.value.includes('%')))
    at.field('request_headers_to_add').unsupported('substitution formats in the headers of reports')
  return {
    cluster,
    ...placeOf(uri, cluster),
    headers: service.requestHeadersToAdd.map(({ header }) => [header?.key.toLowerCase() ?? '', header?.value ?? '']),
  }
}

/** Of "scheme://host/path"; what has no scheme is a path alone. */
function placeOf(uri: HttpUri | undefined, cluster: string): Pick<HttpTarget, 'authority' | 'path'> {
  const text = uri?.uri ?? ''
  const scheme = text.indexOf('://')
  if (scheme < 0) return { authority: cluster, path: text }
  const rest = text.slice(scheme + 3)
  const slash = rest.indexOf('/')
  return slash < 0
    ? { authority: rest, path: '/' }
    : { authority: rest.slice(0, slash) || cluster, path: rest.slice(slash) }
}
