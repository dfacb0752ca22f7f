import { readFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'

export interface CpuCount {
  /** At least 1. */
  readonly count: number
  /** For the operator: `2, limited by CPU affinity (hardware threads 8, CPU affinity 2, cgroup quota none)` */
  readonly reason: string
}

/** Where the numbers come from; a test gives its own. */
export interface CpuFiles {
  /** The text of a file, or undefined when there is none. */
  read(file: string): string | undefined
  readonly hardwareThreads: number
}

const realFiles: CpuFiles = {
  read: file => {
    try {
      return readFileSync(file, 'utf8')
    } catch {
      return undefined
    }
  },
  hardwareThreads: cpus().length || availableParallelism(),
}

/** How many workers to run by default: the least of hardware threads, the process's CPU affinity and its cgroup's quota (v2 and v1). */
export function countCpus(files: CpuFiles = realFiles): CpuCount {
  const affinity = countList(/^Cpus_allowed_list:\s*(\S+)/m.exec(files.read('/proc/self/status') ?? '')?.[1])
  const quota = cgroupQuota(files)
  const whole = quota === undefined ? undefined : Math.max(1, Math.floor(quota))
  const limits = [
    { name: 'hardware threads', count: files.hardwareThreads, text: String(files.hardwareThreads) },
    { name: 'CPU affinity', count: affinity, text: affinity === undefined ? 'unknown' : String(affinity) },
    { name: 'cgroup quota', count: whole, text: quota === undefined ? 'none' : String(Math.round(quota * 100) / 100) },
  ]
  const least = limits.reduce((best, limit) =>
    limit.count !== undefined && limit.count < (best.count ?? Number.POSITIVE_INFINITY) ? limit : best,
  )
  const count = Math.max(1, least.count ?? 1)
  const all = limits.map(limit => `${limit.name} ${limit.text}`).join(', ')
  return { count, reason: `${count}, by ${least.name} (${all})` }
}

/** `0-3,8` → 5 */
function countList(list: string | undefined): number | undefined {
  if (list === undefined) return undefined
  let count = 0
  for (const range of list.split(',')) {
    const [first, last = first] = range.split('-').map(Number) as [number, number?]
    if (!Number.isInteger(first) || !Number.isInteger(last)) return undefined
    count += last - first + 1
  }
  return count
}

// The tightest quota from the process's own cgroup up to the root, in CPUs.
function cgroupQuota(files: CpuFiles): number | undefined {
  const own = files.read('/proc/self/cgroup') ?? ''
  const unified = /^0::(.*)$/m.exec(own)?.[1]
  const legacy = /^\d+:(?:[\w,]*,)?cpu(?:,[\w,]*)?:(.*)$/m.exec(own)?.[1]
  const quotas = [
    ...ancestors(unified).map(group => parseMax(files.read(`/sys/fs/cgroup${group}/cpu.max`))),
    ...ancestors(legacy).map(group => legacyQuota(files, `/sys/fs/cgroup/cpu${group}`)),
  ].filter(quota => quota !== undefined)
  return quotas.length === 0 ? undefined : Math.min(...quotas)
}

/** `/a/b` → `/a/b`, `/a`, `` */
function ancestors(group: string | undefined): string[] {
  if (group === undefined) return []
  const parts = group.split('/').filter(part => part !== '')
  return Array.from({ length: parts.length + 1 }, (_, up) =>
    parts
      .slice(0, parts.length - up)
      .map(part => `/${part}`)
      .join(''),
  )
}

function parseMax(text: string | undefined): number | undefined {
  const match = /^(\d+) (\d+)/.exec(text ?? '')
  return match && Number(match[2]) > 0 ? Number(match[1]) / Number(match[2]) : undefined
}

function legacyQuota(files: CpuFiles, folder: string): number | undefined {
  const quota = Number(files.read(`${folder}/cpu.cfs_quota_us`) ?? -1)
  const period = Number(files.read(`${folder}/cpu.cfs_period_us`) ?? 0)
  return quota > 0 && period > 0 ? quota / period : undefined
}
