import { encodePlan } from '../api/plan-encoder.js'
import type { Place } from '../api/plan-context.js'
import { EndpointsSchema } from '../generated/plan_pb.js'
import type { Address } from '../generated/protos/envoy/config/core/v3/address_pb.js'
import type {
  LbEndpoint,
  LocalityLbEndpoints,
} from '../generated/protos/envoy/config/endpoint/v3/endpoint_components_pb.js'
import type { ClusterLoadAssignment } from '../generated/protos/envoy/config/endpoint/v3/endpoint_pb.js'
import { hostAddress } from './address.js'
import { validateMemberCheck } from './health-check.js'
import type { EndpointsInit, HostInit, LocalityInit } from './init.js'
import { fraction } from './matcher.js'
import { subsetValues } from './subset.js'
import { type SocketMatches, transportSocketOf } from './transport-socket-match.js'
import { metadataJson } from './values.js'

const defaultOverprovisioning = 140
const maxWeight = 0xffff_ffff

/** One host; its place in the assignment is `where`. */
export type HostCompiler = (
  endpoint: LbEndpoint,
  at: Place,
  where: { readonly locality: number; readonly host: number },
) => HostInit

/** The members of localities that have them elsewhere (LEDS), by position; undefined for those that have not come. */
export type ElsewhereHosts = (locality: number) => readonly LbEndpoint[] | undefined

/** A ClusterLoadAssignment, with hosts as `host` makes them. It is not said to be warm. */
export function assignmentPlan(
  assignment: ClusterLoadAssignment | undefined,
  matches: SocketMatches,
  at: Place,
  host: HostCompiler,
  elsewhere: ElsewhereHosts = () => undefined,
): EndpointsInit {
  const inEndpoints = at.field('endpoints')
  const localities = (assignment?.endpoints ?? []).map((entry, locality): LocalityInit => {
    const inLocality = inEndpoints.item(locality)
    const inHosts = inLocality.field('lb_endpoints')
    const endpoints = isElsewhere(entry) ? (elsewhere(locality) ?? []) : entry.lbEndpoints
    const hosts = endpoints.map((endpoint, index) => {
      const made = host(endpoint, inHosts.item(index).field('endpoint').field('address'), { locality, host: index })
      const transportSocket = matches.length === 0 ? 0 : transportSocketOf(matches, endpoint.metadata, entry.metadata)
      return transportSocket === 0 ? made : { ...made, transportSocket }
    })
    checkWeights(hosts, inLocality)
    return {
      region: entry.locality?.region ?? '',
      zone: entry.locality?.zone ?? '',
      subZone: entry.locality?.subZone ?? '',
      weight: entry.loadBalancingWeight ?? 0,
      priority: entry.priority,
      hosts,
    }
  })
  return {
    localities,
    overprovisioningFactor: assignment?.policy?.overprovisioningFactor ?? defaultOverprovisioning,
    dropOverloadPpm: dropPpm(assignment, at),
  }
}

/** Its members come by LEDS. */
export const isElsewhere = (entry: LocalityLbEndpoints): boolean => entry.lbConfig.case === 'ledsClusterLocalityConfig'

export function encodeEndpoints(endpoints: EndpointsInit): Uint8Array {
  return encodePlan(EndpointsSchema, endpoints)
}

export function commonHost(endpoint: LbEndpoint): HostInit {
  const spec = endpoint.hostIdentifier
  return {
    hostname: spec.case === 'endpoint' ? spec.value.hostname : '',
    weight: endpoint.loadBalancingWeight ?? 1,
    health: endpoint.healthStatus,
    canary: isCanary(endpoint),
    hashKey: hashKey(endpoint),
    metadataJson: metadataJson(endpoint.metadata),
    subsetValues: subsetValues(endpoint.metadata),
  }
}

function isCanary(endpoint: LbEndpoint): boolean {
  return endpoint.metadata?.filterMetadata['envoy.lb']?.['canary'] === true
}

/** What stands for the address in consistent hashing. */
function hashKey(endpoint: LbEndpoint): string {
  const key = endpoint.metadata?.filterMetadata['envoy.lb']?.['hash_key']
  return typeof key === 'string' ? key : ''
}

export function addressOf(endpoint: LbEndpoint, at: Place): Address | undefined {
  const spec = endpoint.hostIdentifier
  const address = spec.case === 'endpoint' ? spec.value.address : undefined
  if (!address || address.address.case === undefined) at.error('Address must be set')
  return address
}

const useDns = ". Consider setting resolver_name or setting cluster type to 'STRICT_DNS' or 'LOGICAL_DNS'"

export function staticHost(endpoint: LbEndpoint, at: Place): HostInit {
  const spec = endpoint.hostIdentifier
  const host = commonHost(endpoint)
  validateMemberCheck(endpoint, at)
  host.address = hostAddress(addressOf(endpoint, at), at, useDns)
  if (spec.case === 'endpoint' && spec.value.additionalAddresses.length > 0)
    host.moreAddresses = spec.value.additionalAddresses.map(entry => hostAddress(entry.address, at, useDns))
  return host
}

function checkWeights(hosts: readonly HostInit[], at: Place): void {
  const sum = hosts.reduce((total, host) => total + (host.weight ?? 1), 0)
  if (sum > maxWeight) at.warning(`the weights of all hosts add up to more than ${maxWeight}`)
}

function dropPpm(assignment: ClusterLoadAssignment | undefined, at: Place): number {
  const drops = assignment?.policy?.dropOverloads ?? []
  if (drops.length > 1)
    at.field('policy').field('drop_overloads').error('Cluster drop_overloads config has more than one entry')
  return fraction(drops[0]?.dropPercentage).ppm ?? 0
}
