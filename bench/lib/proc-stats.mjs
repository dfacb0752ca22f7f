// What the kernel says a process has used. A "process" here is a whole tree: nginx's workers count.

import { readFileSync, readdirSync } from 'node:fs'
import { processTree } from './processes.mjs'

/**
 * CPU time of all threads of a process tree, in nanoseconds: the first field of each thread's
 * schedstat, which counts in nanoseconds where /proc/PID/stat counts in ticks of 10 ms.
 * A thread that ended takes its time with it, so measure only between two quiet moments.
 * @param {number} pid
 */
export function cpuNs(pid) {
  let total = 0
  for (const member of processTree(pid)) {
    for (const thread of list(`/proc/${member}/task`)) {
      const text = read(`/proc/${member}/task/${thread}/schedstat`)
      total += Number(text.split(' ')[0] ?? 0)
    }
  }
  return total
}

/**
 * Resident memory of a process tree in KiB. PSS divides a page among all who map it; RSS counts it
 * in each. Both are sums over the tree.
 * @param {number} pid
 */
export function memoryKib(pid) {
  let pss = 0
  let rss = 0
  for (const member of processTree(pid)) {
    const text = read(`/proc/${member}/smaps_rollup`)
    pss += Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0)
    rss += Number(/^Rss:\s+(\d+)/m.exec(text)?.[1] ?? 0)
  }
  return { pss, rss }
}

/** @param {string} path */
function list(path) {
  try {
    return readdirSync(path)
  } catch {
    return [] // ended meanwhile
  }
}

/** @param {string} path */
function read(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // ended meanwhile
  }
}

/** The two cores used: proxy on the first this process may use, load and origin on the second. */
export function chooseCores() {
  const status = read('/proc/self/status')
  const allowed = expand(/^Cpus_allowed_list:\s+(\S+)/m.exec(status)?.[1] ?? '0')
  const proxy = String(allowed[0] ?? 0)
  const load = String(allowed[1] ?? proxy)
  return { proxy, load, both: proxy === load ? proxy : `${proxy},${load}`, enough: proxy !== load }
}

/** @param {string} text such as "0-3,8" */
function expand(text) {
  return text.split(',').flatMap(part => {
    const [from, to] = part.split('-').map(Number)
    if (from === undefined) return []
    return Array.from({ length: (to ?? from) - from + 1 }, (_, i) => from + i)
  })
}

/** The limit on open files that children inherit (node raises the soft one to the hard one at start). */
export function openFileLimit() {
  return Number(/^Max open files\s+(\d+)/m.exec(read('/proc/self/limits'))?.[1] ?? 1024)
}
