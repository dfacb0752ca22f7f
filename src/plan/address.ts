import { isIP } from 'node:net'
import type { Place } from '../api/plan-context.js'
import {
  type Address,
  type CidrRange,
  type EnvoyInternalAddress,
  type SocketAddress,
  SocketAddress_Protocol,
  type TcpKeepalive,
} from '../generated/protos/envoy/config/core/v3/address_pb.js'
import type { SocketOption } from '../generated/protos/envoy/config/core/v3/socket_option_pb.js'
import type { AddressInit, CidrRangeInit, SocketOptionInit, TcpKeepaliveInit } from './init.js'

const maxPipePath = 107 // sun_path without its final zero

/** An address that must be literal: an IP or a unix path, no name to resolve. `hint` ends the message about a host name. */
export function literalAddress(address: Address | undefined, at: Place, hint = ''): AddressInit {
  if (address?.address.case === 'pipe') return pipeAddress(address.address.value, at.field('pipe'))
  if (address?.address.case === 'envoyInternalAddress')
    at.field('envoy_internal_address').unsupported('internal addresses of anything but hosts')
  if (address?.address.case !== 'socketAddress') return {} // refused by the field policy or by validation
  const socket = address.address.value
  const inSocket = at.field('socket_address')
  checkProtocol(socket, inSocket)
  if (isIP(withoutScope(socket.address)) === 0)
    inSocket.field('address').error(`malformed IP address: ${socket.address}${hint}`)
  return { ip: socket.address, port: socketPort(socket, inSocket), ipv4Compat: socket.ipv4Compat }
}

/** Of a host, which may be an internal listener too. */
export function hostAddress(address: Address | undefined, at: Place, hint: string): AddressInit {
  if (address?.address.case === 'envoyInternalAddress')
    return internalAddress(address.address.value, at.field('envoy_internal_address'))
  return literalAddress(address, at, hint)
}

function internalAddress({ addressNameSpecifier, endpointId }: EnvoyInternalAddress, at: Place): AddressInit {
  const internal = addressNameSpecifier.value ?? ''
  if (Buffer.byteLength(internalText(internal, endpointId)) > maxPipePath)
    at.unsupported(`internal addresses of more than ${maxPipePath} bytes`)
  return { internal, endpointId }
}

const internalText = (listener: string, endpoint = ''): string => `envoy://${listener}/${endpoint}`

export function socketPort(socket: SocketAddress, at: Place): number {
  if (socket.portSpecifier.case === 'namedPort') at.field('named_port').unsupported('named ports')
  return socket.portSpecifier.case === 'portValue' ? socket.portSpecifier.value : 0
}

export function checkProtocol(socket: SocketAddress, at: Place): void {
  if (socket.protocol === SocketAddress_Protocol.UDP) at.field('protocol').unsupported('UDP')
}

function pipeAddress(pipe: { path: string; mode: number }, at: Place): AddressInit {
  const isAbstract = pipe.path.startsWith('@')
  if (Buffer.byteLength(pipe.path) > maxPipePath) {
    at.field('path').error(`Path "${pipe.path}" exceeds maximum UNIX domain socket path size of ${maxPipePath + 1}.`)
  }
  if (isAbstract && pipe.mode !== 0) at.field('mode').error('Cannot set mode for Abstract AF_UNIX sockets')
  return { pipe: pipe.path, pipeMode: pipe.mode }
}

/** "fe80::1%eth0" without its zone. */
function withoutScope(ip: string): string {
  const scope = ip.indexOf('%')
  return scope === -1 ? ip : ip.slice(0, scope)
}

export function cidrRanges(ranges: readonly CidrRange[], at: Place): CidrRangeInit[] {
  return ranges.map((range, index) => {
    const family = isIP(range.addressPrefix)
    const ip = at.item(index).field('address_prefix')
    if (family === 0) ip.error(`malformed IP address: ${range.addressPrefix}`)
    return { ip: range.addressPrefix, prefixLen: Math.min(range.prefixLen ?? 0, family === 4 ? 32 : 128) }
  })
}

export function socketOptions(options: readonly SocketOption[]): SocketOptionInit[] {
  return options.map(option => ({
    level: Number(option.level),
    name: Number(option.name),
    state: option.state,
    ...(option.value.case === 'intValue' && { intValue: option.value.value }),
    ...(option.value.case === 'bufValue' && { bufValue: option.value.value }),
  }))
}

export function tcpKeepalive(keepalive: TcpKeepalive): TcpKeepaliveInit {
  return { probes: keepalive.keepaliveProbes, timeS: keepalive.keepaliveTime, intervalS: keepalive.keepaliveInterval }
}

/** "10.0.0.1:80", "[::1]:80", the path, or "envoy://listener/endpoint". */
export function addressText(address: AddressInit): string {
  if (address.pipe) return address.pipe
  if (address.internal) return internalText(address.internal, address.endpointId)
  return address.ip?.includes(':') ? `[${address.ip}]:${address.port ?? 0}` : `${address.ip ?? ''}:${address.port ?? 0}`
}
