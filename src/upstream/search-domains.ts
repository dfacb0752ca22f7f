import { readFileSync } from 'node:fs'

/** The part of resolv.conf that changes names. */
export interface SearchDomains {
  readonly domains: readonly string[]
  /** A name with fewer dots is tried below the domains first. */
  readonly ndots: number
}

export const noSearch: SearchDomains = { domains: [], ndots: 1 }

/** As the resolver library of the system reads it: the last `search` or `domain` counts. */
export function parseResolvConf(text: string): SearchDomains {
  let domains: string[] = []
  let ndots = 1
  for (const line of text.split('\n')) {
    const [word, ...rest] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/)
    if (word === 'search') domains = rest
    if (word === 'domain') domains = rest.slice(0, 1)
    if (word !== 'options') continue
    const value = rest.map(option => /^ndots:(\d+)$/.exec(option)?.[1]).find(found => found !== undefined)
    if (value !== undefined) ndots = Math.min(15, Number(value))
  }
  return { domains: domains.map(domain => domain.replace(/\.$/, '')).filter(domain => domain !== ''), ndots }
}

export function readSearchDomains(path = '/etc/resolv.conf'): SearchDomains {
  try {
    return parseResolvConf(readFileSync(path, 'utf8'))
  } catch {
    return noSearch
  }
}

/** The full names to ask for, in order. */
export function candidates(name: string, search: SearchDomains): string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)]
  const below = search.domains.map(domain => `${name}.${domain}`)
  const dots = name.split('.').length - 1
  return dots >= search.ndots ? [name, ...below] : [...below, name]
}
