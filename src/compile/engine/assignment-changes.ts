import { type DescMessage, toBinary } from '@bufbuild/protobuf'
import type { Types } from '../../config/index.js'
import type { ClusterLoadAssignment } from '../../generated/protos/envoy/config/endpoint/v3/endpoint_pb.js'
import type { LbEndpoint } from '../../generated/protos/envoy/config/endpoint/v3/endpoint_components_pb.js'
import type { PlainLocality } from '../../plan/plain-assignment.js'
import type { MemberChanges } from '../../snapshot/config-delta.js'

/** What of a priority's members can change: who they are, and what is said of each. */
interface Priority {
  /** What is said of a member, by where it is. */
  readonly members: Map<string, string>
  /** Of its localities. */
  weights: string
}

/**
 * In how many priorities members come and go, and in how many anything is different. The order of members means nothing, as in Envoy.
 */
export function assignmentChanges(
  before: ClusterLoadAssignment,
  now: ClusterLoadAssignment,
  types: Types,
): MemberChanges {
  const isOtherPolicy = before.policy?.overprovisioningFactor !== now.policy?.overprovisioningFactor
  return changesOf(prioritiesOf(before, types), prioritiesOf(now, types), isOtherPolicy)
}

/** The same of two assignments that are nothing but localities. */
export function plainChanges(before: readonly PlainLocality[], now: readonly PlainLocality[]): MemberChanges {
  return changesOf(plainPriorities(before), plainPriorities(now), false)
}

type Priorities = ReadonlyMap<number, Priority>

function changesOf(old: Priorities, fresh: Priorities, isOtherPolicy: boolean): MemberChanges {
  let updated = 0
  let membership = 0
  for (const number of new Set([...old.keys(), ...fresh.keys()])) {
    const [one = nobody, other = nobody] = [old.get(number), fresh.get(number)]
    const isOtherMembership = !hasSame(one.members.keys(), other.members)
    const isSame =
      !isOtherMembership &&
      one.weights === other.weights &&
      [...one.members].every(([address, said]) => other.members.get(address) === said)
    if (isOtherMembership) membership += 1
    if (!isSame || isOtherPolicy) updated += 1
  }
  return { updated, membership }
}

const nobody: Priority = { members: new Map(), weights: '' }

function hasSame(names: Iterable<string>, others: ReadonlyMap<string, unknown>): boolean {
  const all = [...names]
  return all.length === others.size && all.every(name => others.has(name))
}

function prioritiesOf({ endpoints }: ClusterLoadAssignment, types: Types): Priorities {
  const priorities = new Map<number, Priority>()
  for (const { priority, locality, loadBalancingWeight, lbEndpoints } of endpoints) {
    if (lbEndpoints.length === 0) continue
    const known = priorities.get(priority) ?? { members: new Map<string, string>(), weights: '' }
    priorities.set(priority, known)
    const where = `${locality?.region ?? ''}/${locality?.zone ?? ''}/${locality?.subZone ?? ''}`
    known.weights += `${where} ${loadBalancingWeight ?? 0};`
    for (const endpoint of lbEndpoints) {
      const address = addressOf(endpoint, types)
      // Of several with one address the first counts.
      if (!known.members.has(address)) known.members.set(address, `${where} ${saidOf(endpoint, types)}`)
    }
  }
  return priorities
}

function plainPriorities(localities: readonly PlainLocality[]): Priorities {
  const priorities = new Map<number, Priority>()
  for (const { priority, region, zone, subZone, weight, hosts } of localities) {
    if (hosts.length === 0) continue
    const known = priorities.get(priority) ?? { members: new Map<string, string>(), weights: '' }
    priorities.set(priority, known)
    const where = `${region}/${zone}/${subZone}`
    known.weights += `${where} ${weight};`
    for (const { address, hostname, weight: own, health } of hosts)
      known.members.set(`${address.ip} ${address.port}`, `${where} ${own} ${health} ${hostname}`)
  }
  return priorities
}

function addressOf({ hostIdentifier: host }: LbEndpoint, types: Types): string {
  const address = host.case === 'endpoint' ? host.value.address : undefined
  return address === undefined ? '' : encoded(address, types)
}

const saidOf = (endpoint: LbEndpoint, types: Types): string => encoded(endpoint, types)

const encoded = (message: Parameters<typeof toBinary>[1], types: Types): string =>
  Buffer.from(toBinary(types.message(message.$typeName as LbEndpoint['$typeName']) as DescMessage, message)).toString(
    'latin1',
  )
