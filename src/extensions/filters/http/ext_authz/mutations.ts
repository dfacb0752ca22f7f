import type { Headers } from '../../../../api/headers.js'
import type { RequestHead } from '../../../../api/stream.js'
import type { Pair, ResponseChange, Verdict } from './verdict.js'

type Ok = Extract<Verdict, { kind: 'ok' }>

/** Makes of the request what the service said. True: something changed. */
export function applyOk(request: RequestHead, verdict: Ok): boolean {
  const { headers } = request
  for (const [name, value] of verdict.set) headers.set(name, value)
  for (const [name, value] of verdict.add) headers.append(name, value)
  for (const [name, value] of verdict.append) {
    const before = headers.get(name)
    if (before !== undefined) headers.set(name, `${before},${value}`)
  }
  // Nobody may take away what makes it a request.
  for (const name of verdict.remove) if (!name.startsWith(':') && name !== 'host') headers.delete(name)
  const path = withQuery(request.path, verdict.queryToSet, verdict.queryToRemove)
  if (path !== request.path) headers.set(':path', path)
  const { set, add, append, remove, queryToSet, queryToRemove } = verdict
  return [set, add, append, remove, queryToSet, queryToRemove].some(list => list.length > 0)
}

export function withQuery(path: string, set: readonly Pair[], remove: readonly string[]): string {
  if (set.length === 0 && remove.length === 0) return path
  const at = path.indexOf('?')
  const plain = at < 0 ? path : path.slice(0, at)
  let parts = at < 0 ? [] : path.slice(at + 1).split('&')
  const nameOf = (part: string): string => part.replace(/=.*$/s, '')
  for (const [name, value] of set) {
    const first = parts.findIndex(part => nameOf(part) === name)
    const kept = parts.filter((part, index) => index === first || nameOf(part) !== name)
    if (first < 0) kept.push(`${name}=${value}`)
    else kept[first] = `${name}=${value}`
    parts = kept
  }
  parts = parts.filter(part => !remove.includes(nameOf(part)))
  return parts.length === 0 ? plain : `${plain}?${parts.join('&')}`
}

export function changeResponse(headers: Headers, changes: readonly ResponseChange[]): void {
  for (const { how, name, value } of changes) {
    if (how === 'add') headers.append(name, value)
    else if (how === 'set') headers.set(name, value)
    else if (headers.has(name) === (how === 'overwrite-if-exists')) headers.set(name, value)
  }
}
