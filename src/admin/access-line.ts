import type { AdminAccess } from './server.js'

/** A line in Envoy's default format. What an admin request does not have is "-" (a duration of an upstream, for example). */
export function accessLine(access: AdminAccess): string {
  const { method, path, protocol, status, bytesReceived, bytesSent, durationMs } = access
  const request = `"${method} ${path} ${protocol}" ${status} - ${bytesReceived} ${bytesSent} ${durationMs} -`
  const agent = access.userAgent ?? '-'
  return `[${access.start.toISOString()}] ${request} "${access.remoteAddress}" "${agent}" "-" "${access.authority || '-'}" "-"\n`
}
