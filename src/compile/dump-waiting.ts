import { createHash } from 'node:crypto'
import type { Reference } from '../plan/reference.js'
import type { WaitingAnswer } from '../snapshot/compile-task.js'
import type { Engine } from './engine/engine.js'
import type { StoredResource } from './engine/stored.js'

type Dump = WaitingAnswer['dumps'][number]

/**
 * What /init_dump says, in the words in which Envoy names its init managers and targets: of every listener until traffic may come, later
 * of those that are not warm. The number after the name tells versions apart; Envoy has its own hash of the message there.
 */
export function waitingListeners(engine: Engine): readonly Dump[] {
  const { listeners, settings, isInitialized } = engine
  const entries = [...listeners.entries.values()]
  const warming = entries.flatMap(entry => entry.warming ?? [])
  if (isInitialized) return warming.map(({ stored, requirements }) => dump(stored, requirements.missing))
  const { things } = settings
  const later = things.listeners.filter(({ name }) => !listeners.entries.has(name))
  return [
    ...[...things.names.listeners].map(name => dump({ name, bytes: Buffer.from(name) }, [])),
    // Those of the bootstrap exist while clusters are waited for, and wait themselves.
    ...later.map(({ stored, references }) =>
      dump(
        stored,
        references.filter(({ isRequired }) => isRequired),
      ),
    ),
    ...warming.map(({ stored, requirements }) => dump(stored, requirements.missing)),
  ]
}

function dump({ name, bytes }: Pick<StoredResource, 'name' | 'bytes'>, missing: readonly Reference[]): Dump {
  const hash = createHash('sha256').update(bytes).digest().readBigUInt64BE()
  return {
    name: `init manager Listener-local-init-manager ${name} ${hash}`,
    targetNames: [...new Set(missing.map(targetOf))],
  }
}

function targetOf({ kind, name }: Reference): string {
  switch (kind) {
    case 'route':
      return `shared target RdsRouteConfigSubscription RDS init ${name}`
    case 'secret':
      return `shared target SdsApi ${name}`
    case 'extension-config':
      return `shared target FilterConfigSubscription init ${name}`
    case 'scoped-route':
      return "target ConfigSubscriptionCommonBase init target 'SRDS'"
    default:
      return `target ${kind} ${name}`
  }
}
