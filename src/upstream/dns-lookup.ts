import { Resolver } from 'node:dns/promises'
import { isIPv4, isIPv6 } from 'node:net'
import type { DnsFamily, DnsPlan } from '../plan/dns-plan.js'
import { HostsFile } from './hosts-file.js'
import { candidates, noSearch, readSearchDomains } from './search-domains.js'

/** `ttlMs` 0: unknown (hosts file, literal address). No addresses: the name exists without any, or does not exist. */
export type DnsAnswer =
  | { readonly ok: true; readonly addresses: readonly string[]; readonly ttlMs: number }
  | { readonly ok: false; readonly reason: string }

/** Asks for all addresses of a name, in the order of the answer. One object per cluster. */
export type DnsLookup = (host: string) => Promise<DnsAnswer>

type Settings = Pick<DnsPlan, 'family' | 'servers' | 'noSearch' | 'queryTimeoutMs' | 'queryTries'>

// What c-ares does when it is not told: five seconds a try, four tries.
const defaultTimeoutMs = 5000
const defaultTries = 4

/** Literal addresses, localhost and the hosts file are answered without asking anybody, as c-ares does. */
export function makeDnsLookup(settings: Settings, hosts = new HostsFile()): DnsLookup {
  const resolver = new Resolver({
    timeout: settings.queryTimeoutMs ?? defaultTimeoutMs,
    tries: settings.queryTries ?? defaultTries,
  })
  if (settings.servers.length > 0) resolver.setServers(settings.servers)
  const ask = async (host: string, family: 4 | 6): Promise<DnsAnswer> => {
    const known = knownAddresses(host, family, hosts)
    if (known !== undefined) return { ok: true, addresses: known, ttlMs: 0 }
    const search = settings.noSearch ? noSearch : readSearchDomains()
    let answer: DnsAnswer = { ok: true, addresses: [], ttlMs: 0 }
    for (const name of candidates(host, search)) {
      answer = await query(resolver, name, family)
      if (!answer.ok || answer.addresses.length > 0) break
    }
    return answer
  }
  return host => byFamily(settings.family, family => ask(host, family))
}

async function byFamily(family: DnsFamily, ask: (family: 4 | 6) => Promise<DnsAnswer>): Promise<DnsAnswer> {
  switch (family) {
    case 'V4_ONLY':
      return ask(4)
    case 'V6_ONLY':
      return ask(6)
    case 'AUTO':
      return withFallback(await ask(6), () => ask(4))
    case 'V4_PREFERRED':
      return withFallback(await ask(4), () => ask(6))
    case 'ALL':
      return union(await Promise.all([ask(6), ask(4)]))
  }
}

async function withFallback(first: DnsAnswer, second: () => Promise<DnsAnswer>): Promise<DnsAnswer> {
  return first.ok && first.addresses.length > 0 ? first : second()
}

function union(answers: readonly DnsAnswer[]): DnsAnswer {
  const good = answers.filter(answer => answer.ok)
  if (good.length === 0) return answers[0] ?? { ok: false, reason: 'nothing was asked' }
  const ttls = good.filter(answer => answer.addresses.length > 0).map(answer => answer.ttlMs)
  return {
    ok: true,
    addresses: good.flatMap(answer => answer.addresses),
    ttlMs: Math.min(...ttls, Number.MAX_SAFE_INTEGER) % Number.MAX_SAFE_INTEGER,
  }
}

function knownAddresses(host: string, family: 4 | 6, hosts: HostsFile): readonly string[] | undefined {
  if (isIPv4(host)) return family === 4 ? [host] : []
  if (isIPv6(host)) return family === 6 ? [host] : []
  const listed = hosts.lookup(host, family)
  if (listed !== undefined) return listed
  if (/(^|\.)localhost\.?$/i.test(host)) return [family === 4 ? '127.0.0.1' : '::1']
  return undefined
}

// An answer without records is an answer; only what may be different next time is a failure.
const noRecords = new Set(['ENOTFOUND', 'ENODATA'])

async function query(resolver: Resolver, name: string, family: 4 | 6): Promise<DnsAnswer> {
  try {
    const records =
      family === 4 ? await resolver.resolve4(name, { ttl: true }) : await resolver.resolve6(name, { ttl: true })
    const ttl = records.length === 0 ? 0 : Math.min(...records.map(record => record.ttl))
    return { ok: true, addresses: records.map(record => record.address), ttlMs: ttl * 1000 }
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException
    return noRecords.has(code) ? { ok: true, addresses: [], ttlMs: 0 } : { ok: false, reason: code }
  }
}
