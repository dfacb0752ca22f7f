import type { RequestHead } from '../../../../api/stream.js'

const longestPath = 256

/** The URL of a request, as it stands in the `realm` of a challenge: a long path is cut. */
export function requestUrl(request: RequestHead): string {
  return `${request.headers.get(':scheme') ?? 'http'}://${request.authority}${request.path.slice(0, longestPath)}`
}
