/** How what references ask for is compiled, by kind. */
import type { Message } from '@bufbuild/protobuf'
import type { ClusterLoadAssignment } from '../../generated/protos/envoy/config/endpoint/v3/endpoint_pb.js'
import type { LbEndpoint } from '../../generated/protos/envoy/config/endpoint/v3/endpoint_components_pb.js'
import type { TypedExtensionConfig } from '../../generated/protos/envoy/config/core/v3/extension_pb.js'
import type { RouteConfiguration } from '../../generated/protos/envoy/config/route/v3/route_pb.js'
import type { Secret } from '../../generated/protos/envoy/extensions/transport_sockets/tls/v3/secret_pb.js'
import {
  type CompiledResource,
  compileDefaultExtensionConfig,
  compileEndpointsResource,
  compileExtensionConfigResource,
  compileRouteConfigResource,
  compileSecretResource,
  emptyEndpoints,
  type ResourceEnvironment,
  type ResourceErrors,
} from '../../plan/compile-resource.js'
import { type ElsewhereHosts, isElsewhere } from '../../plan/assignment.js'
import { plainAssignment, plainEndpoints } from '../../plan/plain-assignment.js'
import type { Reference, ReferenceKind } from '../../plan/reference.js'
import type { ConfigUnit } from '../../snapshot/config-delta.js'
import { ok, type Result } from '../../support/result.js'
import { describeMembers, describePlainMembers, describeVirtualHosts } from '../describe.js'
import { plainUnit } from './unit.js'

export interface CompiledNeed {
  readonly unit: ConfigUnit
  readonly references: readonly Reference[]
  /** It is dropped when no other came within these milliseconds; 0: it stays. */
  readonly staleAfterMs?: number
}

const none: readonly never[] = []

interface Kind {
  compile(
    key: string,
    message: Message,
    reference: Reference,
    environment: ResourceEnvironment,
    /** Members of localities that come by themselves. */
    elsewhere: ElsewhereHosts,
  ): Result<CompiledNeed, ResourceErrors>
  /** The same straight from the bytes, for resources of a common form; undefined: it takes the message. */
  compilePlain?(key: string, bytes: Uint8Array, reference: Reference): CompiledNeed | undefined
  /** What stands in its place when it does not come. */
  missing?(key: string, reference: Reference, environment: ResourceEnvironment): ConfigUnit | undefined
}

function compiledTo(
  compiled: Result<CompiledResource, ResourceErrors>,
  unitOf: (compiled: CompiledResource) => ConfigUnit,
): Result<CompiledNeed, ResourceErrors> {
  if (!compiled.ok) return compiled
  const { references, staleAfterMs = 0 } = compiled.value
  return ok({ unit: unitOf(compiled.value), references, staleAfterMs })
}

/** As in Envoy, of members with one address the first counts, whatever the others say. */
function withoutTwins(assignment: ClusterLoadAssignment): ClusterLoadAssignment {
  const seen = new Set<string>()
  const isFirst = ({ hostIdentifier: host }: LbEndpoint): boolean => {
    const address = host.case === 'endpoint' ? host.value.address?.address : undefined
    const isLiteral = address?.case === 'socketAddress' && address.value.portSpecifier.case === 'portValue'
    if (!isLiteral) return true
    const key = `${address.value.address} ${address.value.portSpecifier.value}`
    if (seen.has(key)) return false
    seen.add(key)
    return true
  }
  const endpoints = assignment.endpoints.map(entry => {
    const lbEndpoints = entry.lbEndpoints.filter(isFirst)
    return lbEndpoints.length === entry.lbEndpoints.length ? entry : { ...entry, lbEndpoints }
  })
  return { ...assignment, endpoints }
}

function endpointUnit(
  key: string,
  reference: Extract<Reference, { kind: 'endpoint' }>,
  compiled: Pick<CompiledResource, 'plans'>,
  message: ClusterLoadAssignment | undefined,
): ConfigUnit {
  const { cluster, transportSocketMatches, isChecked } = reference.use
  const [plan] = compiled.plans
  return plainUnit(key, compiled, {
    members: plan === undefined ? [] : [describeMembers(cluster, plan, message, transportSocketMatches, isChecked)],
  })
}

export const kinds: Partial<Record<ReferenceKind, Kind>> = {
  endpoint: {
    compile: (key, message, reference, environment, elsewhere) => {
      if (reference.kind !== 'endpoint') throw new Error(reference.kind)
      const assignment = message as ClusterLoadAssignment
      const own = withoutTwins(assignment)
      const endpoints = own.endpoints.map((entry, locality) =>
        isElsewhere(entry) ? { ...entry, lbEndpoints: [...(elsewhere(locality) ?? [])] } : entry,
      )
      return compiledTo(compileEndpointsResource(own, reference.use, environment, elsewhere), compiled =>
        endpointUnit(key, reference, compiled, { ...own, endpoints }),
      )
    },
    compilePlain: (key, bytes, reference) => {
      if (reference.kind !== 'endpoint') return undefined
      const { isChecked, transportSocketMatches } = reference.use
      if (isChecked || transportSocketMatches.length > 0) return undefined
      const localities = plainAssignment(bytes)
      if (localities === undefined) return undefined
      const plan = plainEndpoints(localities, reference.use)
      const members = describePlainMembers(reference.use.cluster, plan, localities)
      return { unit: plainUnit(key, { plans: [plan] }, { members: [members] }), references: none }
    },
    missing: (key, reference) => {
      if (reference.kind !== 'endpoint') throw new Error(reference.kind)
      return endpointUnit(key, reference, { plans: [emptyEndpoints(reference.use)] }, undefined)
    },
  },
  route: {
    compile: (key, message, reference, environment) => {
      if (reference.kind !== 'route') throw new Error(reference.kind)
      const table = message as RouteConfiguration
      return compiledTo(compileRouteConfigResource(table, reference, environment), compiled =>
        plainUnit(key, compiled, { virtualHosts: describeVirtualHosts(table) }),
      )
    },
  },
  'extension-config': {
    compile: (key, message, reference, environment) => {
      if (reference.kind !== 'extension-config') throw new Error(reference.kind)
      const config = message as TypedExtensionConfig
      return compiledTo(compileExtensionConfigResource(config, reference.use, environment), compiled =>
        plainUnit(key, compiled),
      )
    },
    missing: (key, reference, environment) => {
      if (reference.kind !== 'extension-config') throw new Error(reference.kind)
      const compiled = compileDefaultExtensionConfig(reference.name, reference.use, environment)
      return compiled?.ok ? plainUnit(key, compiled.value) : undefined
    },
  },
  secret: {
    compile: (key, message, reference, environment) => {
      if (reference.kind !== 'secret') throw new Error(reference.kind)
      return compiledTo(compileSecretResource(message as Secret, reference.use, environment), compiled =>
        plainUnit(key, compiled),
      )
    },
  },
}

/** Whether it is gone when the control plane says so; Envoy keeps the others. */
export const isRemovable = (reference: Reference): boolean => reference.kind === 'extension-config'

/** Whether what stands in its place until it comes is used at once. */
export const startsWithout = (reference: Reference): boolean =>
  reference.kind === 'extension-config' && reference.use.appliesDefaultAtOnce
