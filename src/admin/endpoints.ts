import type { Endpoint } from './endpoint.js'
import { certs } from './endpoints/certs.js'
import { clusters } from './endpoints/clusters.js'
import { configDump } from './endpoints/config-dump.js'
import { contention } from './endpoints/contention.js'
import { drainListeners } from './endpoints/drain.js'
import { healthCheckFail, healthCheckOk } from './endpoints/health-check.js'
import { homePages } from './endpoints/home.js'
import { hotRestartVersion } from './endpoints/hot-restart-version.js'
import { initDump } from './endpoints/init-dump.js'
import { listeners } from './endpoints/listeners.js'
import { logging } from './endpoints/logging.js'
import { memory, memoryTcmalloc } from './endpoints/memory.js'
import { allocProfiler, cpuProfiler, heapDump, heapProfiler, peakHeapDump } from './endpoints/profilers.js'
import { quit } from './endpoints/quit.js'
import { ready } from './endpoints/ready.js'
import { recentLookups } from './endpoints/recent-lookups.js'
import { reopenLogs } from './endpoints/reopen-logs.js'
import { resetCounters } from './endpoints/reset-counters.js'
import { runtime, runtimeModify } from './endpoints/runtime.js'
import { serverInfo } from './endpoints/server-info.js'
import { stats, statsPrometheus } from './endpoints/stats.js'

/** All endpoints of one admin server. */
export function allEndpoints(): readonly Endpoint[] {
  const all: Endpoint[] = [
    allocProfiler,
    certs,
    clusters,
    configDump,
    contention,
    cpuProfiler,
    drainListeners,
    healthCheckFail,
    healthCheckOk,
    heapDump,
    heapProfiler,
    hotRestartVersion,
    initDump,
    listeners,
    logging,
    memory,
    memoryTcmalloc,
    peakHeapDump,
    quit,
    ready,
    reopenLogs,
    resetCounters,
    runtime,
    runtimeModify,
    serverInfo,
    stats,
    statsPrometheus,
    ...recentLookups(),
  ]
  all.push(...homePages(() => all))
  return all
}
