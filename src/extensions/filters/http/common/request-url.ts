import type { RequestHead } from '../../../../api/stream.js'

/** The whole URL of a request, as it stands in the `realm` of a challenge. */
export function requestUrl(request: RequestHead): string {
  return `${request.headers.get(':scheme') ?? 'http'}://${request.authority}${request.path}`
}
