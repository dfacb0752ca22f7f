import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countCpus } from './cpu-count.js'

function count(hardwareThreads: number, files: Readonly<Record<string, string>>) {
  return countCpus({ hardwareThreads, read: file => files[file] })
}

test('hardware threads when nothing else is known', () => {
  assert.deepEqual(count(8, {}), {
    count: 8,
    reason: '8, by hardware threads (hardware threads 8, CPU affinity unknown, cgroup quota none)',
  })
})

test('CPU affinity', () => {
  const result = count(8, { '/proc/self/status': 'Name:\tnode\nCpus_allowed_list:\t0-1,4\nMems_allowed_list:\t0\n' })
  assert.equal(result.count, 3)
  assert.match(result.reason, /^3, by CPU affinity/)
})

test('quota of cgroup v2: the tightest on the way up, rounded down', () => {
  const result = count(8, {
    '/proc/self/cgroup': '0::/pod/app\n',
    '/sys/fs/cgroup/pod/app/cpu.max': 'max 100000\n',
    '/sys/fs/cgroup/pod/cpu.max': '250000 100000\n',
  })
  assert.equal(result.count, 2)
  assert.match(result.reason, /by cgroup quota .*cgroup quota 2\.5/)
})

test('quota of cgroup v1, and never less than one', () => {
  const result = count(8, {
    '/proc/self/cgroup': '3:cpuset:/\n2:cpu,cpuacct:/app\n',
    '/sys/fs/cgroup/cpu/app/cpu.cfs_quota_us': '50000\n',
    '/sys/fs/cgroup/cpu/app/cpu.cfs_period_us': '100000\n',
  })
  assert.equal(result.count, 1)
})

test('this machine has at least one', () => {
  assert(countCpus().count >= 1)
})
