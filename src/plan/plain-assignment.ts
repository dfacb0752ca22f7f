/**
 * Assignments of the common form, straight from their bytes: addresses with ports, weights, health and localities, and nothing else. A control
 * plane may send ten thousand at a time, and to make messages of them takes most of the time. Whatever else an assignment says, and whatever
 * is wrong with one, is left to the decoder, the checks and the compiler of messages; both ways make the same of the same.
 */
import { isIP } from 'node:net'
import { asciiIn, kLengthDelimited, kVarint, WireReader } from '../support/wire-reader.js'
import { encodeEndpoints } from './assignment.js'
import { planId } from './ids.js'
import type { Plan } from './compilation.js'
import type { EndpointUse } from './reference.js'

export interface PlainHost {
  readonly address: { readonly ip: string; readonly port: number }
  readonly hostname: string
  readonly weight: number
  readonly health: number
}

export interface PlainLocality {
  readonly region: string
  readonly zone: string
  readonly subZone: string
  /** 0: none was given. */
  readonly weight: number
  readonly priority: number
  readonly hosts: readonly PlainHost[]
}

const defaultOverprovisioning = 140
const maxPort = 0xffff
const maxPriority = 128
const maxHealth = 5
const maxWeight = 0xffff_ffff

// One for each level: none is read while another of the same level is.
const readers = {
  assignment: new WireReader(),
  locality: new WireReader(),
  place: new WireReader(),
  host: new WireReader(),
  endpoint: new WireReader(),
  address: new WireReader(),
  socketAddress: new WireReader(),
  wrapped: new WireReader(),
}

/** Undefined: it says more than this, or something is wrong with it. */
export function plainAssignment(bytes: Uint8Array): readonly PlainLocality[] | undefined {
  const reader = readers.assignment.over(bytes)
  const localities: PlainLocality[] = []
  let name: string | undefined
  while (reader.next()) {
    if (reader.wireType !== kLengthDelimited) return undefined
    if (reader.field === 1 && name === undefined) name = asciiIn(bytes, reader.start, reader.end)
    else if (reader.field === 2) {
      const locality = localityIn(bytes, reader.start, reader.end)
      if (locality === undefined) return undefined
      localities.push(locality)
    } else return undefined
  }
  if (reader.isBroken || name === undefined || name === '') return undefined
  return hasTwins(localities) ? undefined : localities
}

/** Few hosts are compared with each other, many are gathered. */
const mostCompared = 8

/** The same address twice: Envoy takes the first. */
function hasTwins(localities: readonly PlainLocality[]): boolean {
  const hosts = localities.length === 1 ? (localities[0]?.hosts ?? []) : localities.flatMap(locality => locality.hosts)
  if (hosts.length > mostCompared)
    return new Set(hosts.map(({ address: { ip, port } }) => `${ip} ${port}`)).size < hosts.length
  return hosts.some(({ address }, index) =>
    hosts.some((other, at) => at < index && other.address.port === address.port && other.address.ip === address.ip),
  )
}

/** The plan of such an assignment at one place of use. */
export function plainEndpoints(localities: readonly PlainLocality[], { cluster, slot }: EndpointUse): Plan {
  const plan = { localities, overprovisioningFactor: defaultOverprovisioning, dropOverloadPpm: 0, warm: true }
  const bytes = encodeEndpoints(plan as Parameters<typeof encodeEndpoints>[0])
  return { kind: 'endpoints', name: cluster, slot, id: planId(bytes, cluster), bytes }
}

function localityIn(bytes: Uint8Array, start: number, end: number): PlainLocality | undefined {
  const reader = readers.locality.over(bytes, start, end)
  const hosts: PlainHost[] = []
  let where: readonly [string, string, string] | undefined
  let weight: number | undefined
  let priority: number | undefined
  let sum = 0
  while (reader.next()) {
    if (reader.field === 2 && reader.wireType === kLengthDelimited) {
      const host = hostIn(bytes, reader.start, reader.end)
      if (host === undefined) return undefined
      sum += host.weight
      hosts.push(host)
    } else if (reader.field === 1 && reader.wireType === kLengthDelimited && where === undefined) {
      where = placeIn(bytes, reader.start, reader.end)
      if (where === undefined) return undefined
    } else if (reader.field === 3 && reader.wireType === kLengthDelimited && weight === undefined) {
      weight = wrappedIn(bytes, reader.start, reader.end)
      if (weight === undefined) return undefined
    } else if (reader.field === 5 && reader.wireType === kVarint && priority === undefined) {
      priority = reader.value
      if (priority > maxPriority) return undefined
    } else return undefined
  }
  if (reader.isBroken || sum > maxWeight) return undefined
  const [region, zone, subZone] = where ?? nowhere
  return { region, zone, subZone, weight: weight ?? 0, priority: priority ?? 0, hosts }
}

const nowhere = ['', '', ''] as const

function placeIn(bytes: Uint8Array, start: number, end: number): readonly [string, string, string] | undefined {
  const reader = readers.place.over(bytes, start, end)
  const parts: [string, string, string] = ['', '', '']
  while (reader.next()) {
    const text = textOf(reader, bytes)
    if (text === undefined || reader.field > 3 || parts[reader.field - 1] !== '') return undefined
    parts[reader.field - 1] = text
  }
  return reader.isBroken ? undefined : parts
}

function hostIn(bytes: Uint8Array, start: number, end: number): PlainHost | undefined {
  const reader = readers.host.over(bytes, start, end)
  let endpoint: Pick<PlainHost, 'address' | 'hostname'> | undefined
  let health: number | undefined
  let weight: number | undefined
  while (reader.next()) {
    if (reader.field === 1 && reader.wireType === kLengthDelimited && endpoint === undefined) {
      endpoint = endpointIn(bytes, reader.start, reader.end)
      if (endpoint === undefined) return undefined
    } else if (reader.field === 2 && reader.wireType === kVarint && health === undefined) {
      health = reader.value
      if (health > maxHealth) return undefined
    } else if (reader.field === 4 && reader.wireType === kLengthDelimited && weight === undefined) {
      weight = wrappedIn(bytes, reader.start, reader.end)
      if (weight === undefined) return undefined
    } else return undefined
  }
  if (reader.isBroken || endpoint === undefined) return undefined
  const { address, hostname } = endpoint
  return { address, hostname, weight: weight ?? 1, health: health ?? 0 }
}

function endpointIn(
  bytes: Uint8Array,
  start: number,
  end: number,
): Pick<PlainHost, 'address' | 'hostname'> | undefined {
  const reader = readers.endpoint.over(bytes, start, end)
  let address: PlainHost['address'] | undefined
  let hostname: string | undefined
  while (reader.next()) {
    if (reader.field === 1 && reader.wireType === kLengthDelimited && address === undefined) {
      address = addressIn(bytes, reader.start, reader.end)
      if (address === undefined) return undefined
    } else if (reader.field === 3 && hostname === undefined) {
      hostname = textOf(reader, bytes)
      if (hostname === undefined) return undefined
    } else return undefined
  }
  return reader.isBroken || address === undefined ? undefined : { address, hostname: hostname ?? '' }
}

/** An Address that is a socket_address: a literal address and a port, by TCP. */
function addressIn(bytes: Uint8Array, start: number, end: number): PlainHost['address'] | undefined {
  const outer = readers.address.over(bytes, start, end)
  if (!outer.next() || outer.field !== 1 || outer.wireType !== kLengthDelimited || outer.end !== end) return undefined
  const reader = readers.socketAddress.over(bytes, outer.start, outer.end)
  let ip: string | undefined
  let port: number | undefined
  while (reader.next()) {
    if (reader.field === 2 && ip === undefined) {
      ip = textOf(reader, bytes)
      if (ip === undefined || isIP(ip) === 0) return undefined
    } else if (reader.field === 3 && reader.wireType === kVarint && port === undefined) {
      port = reader.value
      if (port > maxPort) return undefined
    } else if (reader.field !== 1 || reader.wireType !== kVarint || reader.value !== 0) return undefined
  }
  return reader.isBroken || ip === undefined || port === undefined ? undefined : { ip, port }
}

/** A UInt32Value of at least 1. */
function wrappedIn(bytes: Uint8Array, start: number, end: number): number | undefined {
  const reader = readers.wrapped.over(bytes, start, end)
  if (!reader.next() || reader.field !== 1 || reader.wireType !== kVarint || reader.value === 0) return undefined
  const { value } = reader
  return reader.next() || reader.isBroken ? undefined : value
}

const textOf = (reader: WireReader, bytes: Uint8Array): string | undefined =>
  reader.wireType === kLengthDelimited ? asciiIn(bytes, reader.start, reader.end) : undefined
