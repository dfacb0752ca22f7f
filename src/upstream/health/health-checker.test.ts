import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HealthCheckPlan } from '../../plan/health-check-plan.js'
import type { Clock } from '../../support/clock.js'
import type { CheckedHost } from './checked-host.js'
import { HealthChecker } from './health-checker.js'
import { hostFlag } from './host-flags.js'
import { networkFailure, type ProbeResult } from './probe.js'

const plan: HealthCheckPlan = {
  timeoutMs: 100,
  intervals: {
    healthyMs: 1000,
    healthyEdgeMs: 2000,
    unhealthyMs: 3000,
    unhealthyEdgeMs: 4000,
    noTrafficMs: 60_000,
    noTrafficHealthyMs: 50_000,
  },
  initialJitterMs: 0,
  jitterMs: 0,
  jitterPercent: 0,
  unhealthyThreshold: 3,
  healthyThreshold: 2,
  reusesConnection: true,
  check: { kind: 'tcp', send: new Uint8Array(0), receive: [], proxyProtocol: 0 },
  log: { paths: [], failures: false, successes: false },
  alpn: [],
  isPlain: true,
  ignoresNewHosts: false,
  ignoresHealthOnRemoval: false,
}
const host = (ip: string, more: Partial<CheckedHost> = {}): CheckedHost => ({
  ip,
  port: 80,
  hostname: '',
  transportSocket: 0,
  metadataJson: '',
  region: '',
  zone: '',
  subZone: '',
  ...more,
})
const good: ProbeResult = { kind: 'success', isDegraded: false }
const degraded: ProbeResult = { kind: 'success', isDegraded: true }
const bad: ProbeResult = { kind: 'failure', type: 'ACTIVE', httpStatus: 500 }
const unsure: ProbeResult = { kind: 'failure', type: 'ACTIVE', isRetriable: true, httpStatus: 503 }
const { failedActiveCheck: failed, degradedActiveCheck, pendingActiveCheck, activeCheckTimeout } = hostFlag

/** A checker whose probes answer when the test says so, and whose timers it fires. */
function harness(over: Partial<HealthCheckPlan> = {}, { hasTraffic = true, random = 0 } = {}) {
  const probes = new Map<
    string,
    { answer: (result: ProbeResult) => void; starts: number; isClosed: boolean; givenUp: number }
  >()
  const timers: { ms: number; fire: () => void; isCancelled: boolean }[] = []
  const counts: string[] = []
  const events: string[] = []
  const changes: string[] = []
  const clock: Clock = {
    now: () => 0,
    after: (ms, callback) => {
      const timer = { ms, fire: callback, isCancelled: false }
      timers.push(timer)
      return () => {
        timer.isCancelled = true
      }
    },
  }
  const checker = new HealthChecker({
    plan: { ...plan, ...over },
    clock,
    random: () => random,
    makeProbe: ({ ip }, onResult) => {
      const probe = { answer: onResult, starts: 0, isClosed: false, givenUp: 0 }
      probes.set(ip, probe)
      return {
        start: () => {
          probe.starts += 1
        },
        giveUp: () => {
          probe.givenUp += 1
        },
        close: () => {
          probe.isClosed = true
        },
      }
    },
    hasTraffic: () => hasTraffic,
    soon: start => start(),
    onChange: ({ ip }, flags) => changes.push(`${ip} ${flags}`),
    onCount: count => counts.push(count),
    onGoodCheck: () => undefined,
    onEvent: (_host, event) => events.push(event.kind),
  })
  /** The timers that are set, in milliseconds. */
  const waiting = () => timers.filter(timer => !timer.isCancelled).map(timer => timer.ms)
  const fire = (ms: number) => {
    const timer = timers.find(one => one.ms === ms && !one.isCancelled)
    if (timer === undefined) throw new Error(`no timer of ${ms} ms among ${waiting()}`)
    timer.isCancelled = true
    timer.fire()
  }
  const probe = (ip = 'a') => probes.get(ip) ?? assert.fail(`no probe of ${ip}`)
  return { checker, probe, probes, waiting, fire, counts, events, changes }
}

test('the first answer decides at once, whatever the thresholds say', () => {
  const { checker, probe, changes, waiting } = harness()
  checker.begin([host('a'), host('b')])
  assert.equal(checker.flagsOf(host('a')), failed)
  probe('a').answer(good)
  probe('b').answer(bad)
  assert.deepEqual([checker.flagsOf(host('a')), checker.flagsOf(host('b'))], [0, failed])
  assert.deepEqual(changes, ['a 0'])
  assert.deepEqual(waiting(), [1000, 3000])
  assert.deepEqual(checker.counts(), { healthy: 1, degraded: 0 })
})

test('a clear no fails a host at once, an unsure one or none at all only at the threshold', () => {
  const { checker, probe, fire, waiting } = harness()
  checker.begin([host('a')])
  probe().answer(good)
  fire(1000)
  probe().answer(unsure)
  assert.deepEqual(waiting(), [4000])
  fire(4000)
  probe().answer(networkFailure)
  assert.equal(checker.flagsOf(host('a')), 0)
  fire(4000)
  probe().answer(networkFailure)
  assert.equal(checker.flagsOf(host('a')), failed)
  assert.deepEqual(waiting(), [3000])
  fire(3000)
  probe().answer(good)
  assert.deepEqual(waiting(), [2000])
  fire(2000)
  probe().answer(good)
  assert.equal(checker.flagsOf(host('a')), 0)
  fire(1000)
  probe().answer(bad)
  assert.equal(checker.flagsOf(host('a')), failed)
})

test('failures in between begin the count anew', () => {
  const { checker, probe, fire } = harness()
  checker.begin([host('a')])
  probe().answer(bad)
  fire(3000)
  probe().answer(good)
  fire(2000)
  probe().answer(bad)
  fire(3000)
  probe().answer(good)
  assert.equal(checker.flagsOf(host('a')), failed)
})

test('no answer in time is a failure of its own kind', () => {
  const { checker, probe, fire, counts } = harness()
  checker.begin([host('a')])
  fire(100)
  assert.equal(probe().givenUp, 1)
  assert.equal(checker.flagsOf(host('a')), failed | activeCheckTimeout)
  assert.deepEqual(counts, ['attempt', 'failure', 'network_failure'])
})

test('a cluster without traffic is asked rarely', () => {
  const { checker, probe, waiting } = harness({}, { hasTraffic: false })
  checker.begin([host('a'), host('b')])
  probe('a').answer(good)
  probe('b').answer(bad)
  assert.deepEqual(waiting(), [50_000, 60_000])
})

test('jitter is added to intervals, and before the first check', () => {
  const { checker, probe, fire, waiting } = harness(
    { initialJitterMs: 500, jitterMs: 10, jitterPercent: 50 },
    { random: 0.5 },
  )
  checker.begin([host('a')])
  assert.deepEqual(waiting(), [250])
  fire(250)
  probe().answer(good)
  assert.deepEqual(waiting(), [1000 + 250 + 5])
})

test('degraded and back again', () => {
  const { checker, probe, fire, events } = harness()
  checker.begin([host('a')])
  probe().answer(degraded)
  assert.equal(checker.flagsOf(host('a')), degradedActiveCheck)
  assert.deepEqual(checker.counts(), { healthy: 1, degraded: 1 })
  fire(1000)
  probe().answer(good)
  assert.equal(checker.flagsOf(host('a')), 0)
  assert.deepEqual(events, ['add_healthy', 'degraded', 'no_longer_degraded'])
})

test('ready when each of the first members has been checked; one that goes is not waited for', async () => {
  const { checker, probe } = harness()
  checker.begin([host('a'), host('b'), host('c', { check: { hostname: '', isDisabled: true } })])
  probe('a').answer(bad)
  assert.equal(checker.isReady, false)
  checker.setHosts([host('a'), host('d')])
  await checker.ready
  assert.equal(checker.isReady, true)
  assert.equal(probe('b').isClosed, true)
  assert.equal(checker.flagsOf(host('d')), failed)
})

test('members that stay keep their state; one that is to be asked elsewhere begins anew', () => {
  const { checker, probe } = harness({ ignoresNewHosts: true })
  checker.begin([host('a')])
  assert.equal(checker.flagsOf(host('a')), failed | pendingActiveCheck)
  probe().answer(good)
  checker.setHosts([host('a'), host('b')])
  assert.equal(checker.flagsOf(host('a')), 0)
  const elsewhere = host('a', { check: { port: 81, hostname: '', isDisabled: false } })
  checker.setHosts([elsewhere])
  assert.equal(checker.flagsOf(elsewhere), failed | pendingActiveCheck)
})

test('a host that says so in an answer fails at once', () => {
  const { checker, probe, counts } = harness()
  checker.begin([host('a')])
  probe().answer(good)
  checker.failAtOnce(host('a'))
  assert.equal(checker.flagsOf(host('a')), failed | hostFlag.excludedByImmediateFailure)
  assert.equal(counts.at(-1), 'passive_failure')
})

test('a closed checker asks no more', () => {
  const { checker, probe, waiting } = harness()
  checker.begin([host('a')])
  checker.close()
  probe().answer(good)
  assert.deepEqual(waiting(), [])
  assert.equal(probe().isClosed, true)
})
