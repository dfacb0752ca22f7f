import type { Names } from './names.js'
import type { MutationRules } from './settings.js'
import type { Pair, Verdict } from './verdict.js'

const routing: ReadonlySet<string> = new Set(['host', ':authority', ':scheme', ':method'])
const fieldName = /^:?[!#$%&'*+\-.^_`|~0-9a-zA-Z]+$/

type Ok = Extract<Verdict, { kind: 'ok' }>

/** May the service change this header? In the order of envoy.config.common.mutation_rules.v3.HeaderMutationRules. */
function isAllowed(rules: MutationRules, names: Names, name: string): boolean {
  if (rules.disallowed !== undefined && names.match([rules.disallowed], name)) return false
  if (rules.allowed !== undefined && names.match([rules.allowed], name)) return true
  if (rules.disallowsAll) return false
  if (rules.disallowsSystem && name.startsWith(':')) return false
  if (routing.has(name)) return rules.allowsRouting
  return rules.allowsEnvoy || !name.startsWith('x-envoy')
}

/** The answer without what it may not change; undefined: what it wants is an error. */
export function permitted(verdict: Ok, rules: MutationRules, names: Names): Ok | undefined {
  let isRefused = false
  const may = (name: string): boolean => {
    const isFine = isAllowed(rules, names, name)
    isRefused ||= !isFine
    return isFine
  }
  const those = (pairs: readonly Pair[]): Pair[] => pairs.filter(([name]) => may(name))
  const { set, append, add, remove } = verdict
  const left = { ...verdict, set: those(set), append: those(append), add: those(add), remove: remove.filter(may) }
  return isRefused && rules.isError ? undefined : left
}

/** All names and values can stand in a header. */
export function areHeaders(...lists: readonly (readonly Pair[])[]): boolean {
  return lists.flat().every(([name, value]) => fieldName.test(name) && !/[\0\r\n]/.test(value))
}
