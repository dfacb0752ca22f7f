import { planId } from '../plan/ids.js'
import type { RuntimeLayer } from '../snapshot/compile-task.js'
import type { PlacedPlan } from '../snapshot/snapshot.js'
import { encodeRuntime } from '../upstream/plan-encoder.js'

/** The runtime plan of these layers, the admin layer holding `overrides`. Later layers win. */
export function runtimePlan(layers: readonly RuntimeLayer[], overrides: Readonly<Record<string, string>>): PlacedPlan {
  const merged = new Map(layers.flatMap(layer => Object.entries(layer.isAdmin ? overrides : layer.values)))
  const bytes = encodeRuntime([...merged].sort(([a], [b]) => (a < b ? -1 : 1)))
  return { kind: 'runtime', name: '', slot: 0, id: planId(bytes), bytes }
}
