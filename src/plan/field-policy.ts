import { bootstrapPolicy } from './policy/bootstrap.js'
import { clusterPolicy } from './policy/cluster.js'
import { discoveryPolicy } from './policy/discovery.js'
import { httpPolicy } from './policy/http.js'
import { listenerPolicy } from './policy/listener.js'
import { routePolicy } from './policy/route.js'
import type { NativeExtension } from '../api/native.js'
import { tlsPolicy } from './policy/tls.js'
import { tracingPolicy } from './policy/tracing.js'
import type { PolicyTable } from './policy/verdict.js'

export type { MessagePolicy, PolicyTable, Verdict } from './policy/verdict.js'

/** With what extensions say of their own messages. */
export function policyWith(extensions: readonly NativeExtension[]): PolicyTable {
  return Object.assign({}, fieldPolicy, ...extensions.map(extension => extension.policy ?? {})) as PolicyTable
}

/** What becomes of each field of each message that a plan is made from. docs/envoy-compat.md prints this table. */
export const fieldPolicy: PolicyTable = {
  ...bootstrapPolicy,
  ...listenerPolicy,
  ...httpPolicy,
  ...routePolicy,
  ...clusterPolicy,
  ...tlsPolicy,
  ...discoveryPolicy,
  ...tracingPolicy,
}
