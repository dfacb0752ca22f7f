/**
 * Units on their way between threads. What crosses is copied value by value, and names of fields with every object: for thousands of units
 * rows without names take a third of the time, and the bytes of all plans travel in one piece of memory that changes hands.
 */
import type { PlanKind } from '../native/addon.js'
import type { ClusterInfo } from './compile-task.js'
import type { ClusterMembers, ConfigUnit } from './config-delta.js'
import type { PlacedPlan } from './snapshot.js'

/** In place of a value: the same as of the unit's first plan. */
const kSame = 0
type OrSame<T> = T | typeof kSame

type PlanRow = readonly [kind: PlanKind, name: string, slot: number, id: string, offset: number, length: number]

type ClusterRow = readonly [
  name: OrSame<string>,
  slot: number,
  planId: OrSame<string>,
  statName: OrSame<string>,
  observabilityName: OrSame<string>,
  rest: ClusterRest,
]

type ClusterRest = Omit<ClusterInfo, 'name' | 'slot' | 'planId' | 'statName' | 'observabilityName'>
/** Every field must be said, so that a new one is not lost on the way. */
type Whole<T> = { readonly [Field in keyof Required<T>]: T[Field] }

type MembersRow = readonly [
  cluster: OrSame<string>,
  planId: OrSame<string>,
  hosts: ClusterMembers['hosts'],
  changes: ClusterMembers['changes'],
]

type UnitRow = readonly [
  key: string,
  plans: readonly PlanRow[],
  clusters: readonly ClusterRow[],
  members: readonly MembersRow[],
  rest: Omit<ConfigUnit, 'key' | 'plans' | 'clusters' | 'members'> | undefined,
]

export interface PackedUnits {
  readonly rows: readonly UnitRow[]
  /** Of the plans. To be handed over with the message. */
  readonly memory: ArrayBuffer
}

const none: readonly never[] = []

export function packUnits(units: readonly ConfigUnit[]): PackedUnits {
  let size = 0
  for (const { plans } of units) for (const { bytes } of plans) size += bytes.length
  const memory = new ArrayBuffer(size)
  const whole = new Uint8Array(memory)
  let offset = 0
  const planRow = ({ kind, name, slot, id, bytes }: PlacedPlan): PlanRow => {
    const at = offset
    whole.set(bytes, at)
    offset += bytes.length
    return [kind, name, slot, id, at, bytes.length]
  }
  const rests = new Rests()
  return { rows: units.map(unit => unitRow(unit, planRow, rests)), memory }
}

export function unpackUnits({ rows, memory }: PackedUnits): ConfigUnit[] {
  return rows.map(([key, plans, clusters, members, rest = nothingElse]) => ({
    key,
    plans: plans.map(([kind, name, slot, id, offset, length]) => ({
      kind,
      name,
      slot,
      id,
      bytes: new Uint8Array(memory, offset, length),
    })),
    clusters: clusters.length === 0 ? none : clusters.map(row => clusterOf(row, plans[0])),
    members: members.length === 0 ? none : members.map(row => membersOf(row, plans[0])),
    listeners: rest.listeners,
    virtualHosts: rest.virtualHosts,
    secrets: rest.secrets,
    tlsContexts: rest.tlsContexts,
    programs: rest.programs,
  }))
}

const nothingElse: NonNullable<UnitRow[4]> = {
  listeners: none,
  virtualHosts: none,
  secrets: none,
  tlsContexts: none,
  programs: none,
}

function unitRow(unit: ConfigUnit, planRow: (plan: PlacedPlan) => PlanRow, rests: Rests): UnitRow {
  const { key, plans, clusters, members } = unit
  const [first] = plans
  return [
    key,
    plans.map(planRow),
    clusters.length === 0 ? none : clusters.map(info => clusterRow(info, first, rests)),
    members.length === 0 ? none : members.map(one => membersRow(one, first)),
    restOf(unit),
  ]
}

function restOf(unit: ConfigUnit): UnitRow[4] {
  const { listeners, virtualHosts, secrets, tlsContexts, programs } = unit
  const count = listeners.length + virtualHosts.length + secrets.length + tlsContexts.length + programs.length
  const rest: Whole<NonNullable<UnitRow[4]>> = { listeners, virtualHosts, secrets, tlsContexts, programs }
  return count === 0 ? undefined : rest
}

const orSame = (value: string, known: string | undefined): OrSame<string> => (value === known ? kSame : value)
const orKnown = (value: OrSame<string>, known: string | undefined): string => (value === kSame ? (known ?? '') : value)

function clusterRow(info: ClusterInfo, plan: PlacedPlan | undefined, rests: Rests): ClusterRow {
  const { name, slot, planId, statName, observabilityName } = info
  return [
    orSame(name, plan?.name),
    slot,
    orSame(planId, plan?.id),
    orSame(statName, plan?.name),
    orSame(observabilityName, plan?.name),
    rests.of(info),
  ]
}

// Member by member: V8 takes far longer to spread an object, and thousands come at once.
function clusterOf(row: ClusterRow, plan: PlanRow | undefined): Whole<ClusterInfo> {
  const [name, slot, planId, statName, observabilityName, rest] = row
  return {
    name: orKnown(name, plan?.[1]),
    slot,
    planId: orKnown(planId, plan?.[3]),
    isAddedViaApi: rest.isAddedViaApi,
    edsServiceName: rest.edsServiceName,
    statName: orKnown(statName, plan?.[1]),
    dns: rest.dns,
    health: rest.health,
    outlier: rest.outlier,
    hashing: rest.hashing,
    thresholds: rest.thresholds,
    trackRemaining: rest.trackRemaining,
    observabilityName: orKnown(observabilityName, plan?.[1]),
    hasTls: rest.hasTls,
    tlsSockets: rest.tlsSockets,
    transportSocketMatches: rest.transportSocketMatches,
  }
}

function membersRow({ cluster, planId, hosts, changes }: ClusterMembers, plan: PlacedPlan | undefined): MembersRow {
  return [orSame(cluster, plan?.name), orSame(planId, plan?.id), hosts, changes]
}

function membersOf([cluster, planId, hosts, changes]: MembersRow, plan: PlanRow | undefined): ClusterMembers {
  const known = { cluster: orKnown(cluster, plan?.[1]), planId: orKnown(planId, plan?.[3]), hosts }
  return changes === undefined ? known : { ...known, changes }
}

/** What a cluster has in common with the one before it is one object, which crosses once. */
class Rests {
  #last: ClusterInfo | undefined
  #rest: ClusterRest | undefined

  of(info: ClusterInfo): ClusterRest {
    const last = this.#last
    const isSame = last !== undefined && fieldsInCommon.every(field => Object.is(last[field], info[field]))
    if (isSame && this.#rest !== undefined) return this.#rest
    this.#last = info
    this.#rest = commonOf(info)
    return this.#rest
  }
}

function commonOf(info: ClusterInfo): Whole<ClusterRest> {
  return {
    isAddedViaApi: info.isAddedViaApi,
    edsServiceName: info.edsServiceName,
    dns: info.dns,
    health: info.health,
    outlier: info.outlier,
    hashing: info.hashing,
    thresholds: info.thresholds,
    trackRemaining: info.trackRemaining,
    hasTls: info.hasTls,
    tlsSockets: info.tlsSockets,
    transportSocketMatches: info.transportSocketMatches,
  }
}

const fieldsInCommon = Object.keys({
  isAddedViaApi: 0,
  edsServiceName: 0,
  dns: 0,
  health: 0,
  outlier: 0,
  hashing: 0,
  thresholds: 0,
  trackRemaining: 0,
  hasTls: 0,
  tlsSockets: 0,
  transportSocketMatches: 0,
} satisfies { readonly [Field in keyof Required<ClusterRest>]: 0 }) as (keyof ClusterRest)[]
