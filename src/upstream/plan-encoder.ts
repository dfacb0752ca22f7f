/**
 * Writes the two plans that the main thread makes itself: Endpoints when DNS answers, Runtime when an operator sets a value. Otherwise it
 * would load the whole protobuf library for them; plan-encoder.test.ts checks the bytes against the generated encoder.
 */
import type { MemberCheck } from '../plan/health-check-plan.js'

export interface EndpointsValue {
  readonly localities: readonly LocalityValue[]
  readonly overprovisioningFactor: number
  readonly dropOverloadPpm: number
  readonly warm: boolean
}

export interface LocalityValue {
  readonly region: string
  readonly zone: string
  readonly subZone: string
  readonly weight: number
  readonly priority: number
  readonly hosts: readonly HostValue[]
}

export interface HostValue {
  /** An address, or the path of a unix socket. */
  readonly ip: string
  readonly port: number
  readonly hostname: string
  readonly weight: number
  readonly health: number
  readonly canary: boolean
  readonly metadataJson: string
  readonly hashKey: string
  /** 0: the cluster's own; n: the nth of its transport_socket_matches. */
  readonly transportSocket: number
  /** Further addresses of the same host, same port. */
  readonly moreIps: readonly string[]
  /** Not part of the plan. */
  readonly check?: MemberCheck
}

// Field numbers are those of plan.proto.
export function encodeEndpoints(value: EndpointsValue): Uint8Array {
  return message(
    ...value.localities.map(locality => bytes(1, encodeLocality(locality))),
    number(2, value.overprovisioningFactor),
    number(3, value.dropOverloadPpm),
    number(4, value.warm ? 1 : 0),
  )
}

/** What makes one more locality of an Endpoints plan when it is appended to its bytes. */
export const encodeFurtherLocality = (locality: LocalityValue): Uint8Array => bytes(1, encodeLocality(locality))

/** `entries` in the order to be written. */
export function encodeRuntime(entries: readonly (readonly [key: string, value: string])[]): Uint8Array {
  const field = (number: number, text: string) => bytes(number, Buffer.from(text, 'utf8'))
  return message(...entries.map(([key]) => field(1, key)), ...entries.map(([, value]) => field(2, value)))
}

function encodeLocality(value: LocalityValue): Uint8Array {
  return message(
    text(1, value.region),
    text(2, value.zone),
    text(3, value.subZone),
    number(4, value.weight),
    number(5, value.priority),
    ...value.hosts.map(host => bytes(6, encodeHost(host))),
  )
}

function encodeHost(value: HostValue): Uint8Array {
  const address = (ip: string) =>
    /^[/@]/.test(ip) ? message(text(3, ip)) : message(text(1, ip), number(2, value.port))
  return message(
    bytes(1, address(value.ip)),
    text(2, value.hostname),
    number(3, value.weight),
    number(4, value.health),
    number(5, value.canary ? 1 : 0),
    text(6, value.metadataJson),
    ...value.moreIps.map(ip => bytes(7, address(ip))),
    number(8, value.transportSocket),
    text(9, value.hashKey),
  )
}

function message(...parts: Uint8Array[]): Uint8Array {
  return Buffer.concat(parts)
}

const nothing = new Uint8Array(0)

function number(field: number, value: number): Uint8Array {
  return value === 0 ? nothing : Uint8Array.of(...varint(field * 8), ...varint(value))
}

function text(field: number, value: string): Uint8Array {
  return value === '' ? nothing : bytes(field, Buffer.from(value, 'utf8'))
}

function bytes(field: number, value: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of(...varint(field * 8 + 2), ...varint(value.length)), value])
}

/** Of a number below 2^32. */
function varint(value: number): number[] {
  const out: number[] = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128)
  out.push(rest)
  return out
}
