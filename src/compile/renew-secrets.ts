import { printConfigError } from '../config/index.js'
import { planId } from '../plan/ids.js'
import { Issues } from '../plan/place.js'
import { compileSecret, type SecretDeps, type SecretSource } from '../plan/secret.js'
import type { RenewedSecret, SecretsAnswer } from '../snapshot/compile-task.js'

/** Reads secrets once more, each on its own: one that is broken does not keep another from being renewed. */
export function renewSecrets(
  sources: readonly SecretSource[],
  deps: Omit<SecretDeps, 'checkRegex'> & { checkRegex(pattern: string): string | undefined },
): SecretsAnswer {
  return { kind: 'secrets', secrets: sources.map(source => renewed(source, deps)) }
}

function renewed(source: SecretSource, deps: Parameters<typeof renewSecrets>[1]): RenewedSecret {
  const issues = new Issues()
  const { bytes, ...rest } = compileSecret(source, issues.root(source.path), {
    ...deps,
    checkRegex: (pattern, at) => {
      const problem = deps.checkRegex(pattern)
      if (problem !== undefined) at.error(`not a regular expression: ${problem}`)
    },
  })
  const { slot, name } = source
  return {
    meta: { source, ...rest },
    plan: bytes && { kind: 'secret', name, slot, id: planId(bytes, name), bytes: new Uint8Array(bytes) },
    errors: issues.errors.map(error => printConfigError(error)),
  }
}
