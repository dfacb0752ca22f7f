import type { SocketText } from './backend.js'
import type { JsonObject } from './json.js'

/** "127.0.0.1:80", "[::1]:80", a path or "envoy://listener/endpoint". */
export function addressText(address: SocketText): string {
  if ('path' in address) return address.path
  return address.ip.includes(':') ? `[${address.ip}]:${address.port}` : `${address.ip}:${address.port}`
}

/** envoy.config.core.v3.Address. */
export function addressJson(address: SocketText): JsonObject {
  if ('path' in address) {
    const internal = /^envoy:\/\/([^/]*)\/(.*)$/.exec(address.path)
    if (!internal) return { pipe: { path: address.path } }
    const [, server_listener_name = '', endpoint_id = ''] = internal
    return { envoy_internal_address: { server_listener_name, ...(endpoint_id !== '' && { endpoint_id }) } }
  }
  return { socket_address: { address: address.ip, port_value: address.port } }
}
