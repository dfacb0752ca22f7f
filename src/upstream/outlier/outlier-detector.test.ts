import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OutlierPlan } from '../../plan/outlier-plan.js'
import type { Clock } from '../../support/clock.js'
import { outlierEventLine, type OutlierEvent } from './event-line.js'
import { OutlierDetector } from './outlier-detector.js'

const plan: OutlierPlan = {
  intervalMs: 10_000,
  baseEjectionMs: 30_000,
  maxEjectionMs: 300_000,
  jitterMs: 0,
  maxEjectionPercent: 100,
  alwaysEjectsOne: false,
  enforcing: {
    consecutive_5xx: 100,
    consecutive_gateway_failure: 0,
    consecutive_local_origin_failure: 100,
    success_rate: 100,
    local_origin_success_rate: 100,
    failure_percentage: 0,
    local_origin_failure_percentage: 0,
  },
  successRate: { minimumHosts: 5, requestVolume: 100, stdevFactor: 1900 },
  failurePercentage: { minimumHosts: 5, requestVolume: 50, threshold: 85 },
  isEndedByCheck: true,
}

class TestClock implements Clock {
  #now = 0
  readonly #timers = new Map<object, { at: number; callback: () => void }>()

  now(): number {
    return this.#now
  }

  after(ms: number, callback: () => void): () => void {
    const key = {}
    this.#timers.set(key, { at: this.#now + ms, callback })
    return () => this.#timers.delete(key)
  }

  get waiting(): number {
    return this.#timers.size
  }

  /** To a moment, with everything that falls due until then. */
  to(moment: number): void {
    for (;;) {
      const [next] = [...this.#timers].filter(([, { at }]) => at <= moment).sort(([, a], [, b]) => a.at - b.at)
      if (next === undefined) break
      this.#timers.delete(next[0])
      this.#now = next[1].at
      next[1].callback()
    }
    this.#now = moment
  }
}

function harness(
  over: Partial<OutlierPlan> = {},
  { hosts = [1], random = 0, runtime = {} as Record<string, string> } = {},
) {
  const clock = new TestClock()
  const members = new Map(hosts.map(id => [id, [0, 0, 0, 0]]))
  const counts: string[] = []
  const marks: string[] = []
  const runs: string[] = []
  const events: OutlierEvent[] = []
  let active = 0
  const detector = new OutlierDetector({
    plan: { ...plan, ...over },
    clock,
    random: () => random,
    runtime: key => runtime[key],
    outcomes: () => Float64Array.from([...members].flatMap(([id, numbers]) => [id, ...numbers])),
    mark: (ids, isEjected) => marks.push(`${ids} ${isEjected ? 'out' : 'in'}`),
    endRuns: (ids, which) => runs.push(`${ids} ${which}`),
    onCount: count => counts.push(count.replace('ejections_', '')),
    onActive: ejected => {
      active = ejected
    },
    onEvent: (_id, event) => events.push(event),
  })
  /** Requests of a member since the last time, and how many of them ended well. */
  const served = (id: number, total: number, good: number, localTotal = 0, localGood = 0) => {
    const numbers = members.get(id) ?? assert.fail(`no member ${id}`)
    for (const [index, more] of [total, good, localTotal, localGood].entries())
      numbers[index] = (numbers[index] ?? 0) + more
  }
  marks.length = 0
  runs.length = 0
  return { clock, detector, members, counts, marks, runs, events, served, active: () => active }
}

test('a run of errors ejects, and the look after its time takes back', () => {
  const { clock, detector, counts, marks, runs, active } = harness()
  assert.equal(clock.waiting, 0, 'nothing to look for')
  clock.to(3_000)
  detector.onErrors(1, 'server')
  assert.deepEqual([detector.isEjected(1), active(), marks, runs], [true, 1, ['1 out'], ['1 server']])
  assert.deepEqual(counts, [
    'detected_consecutive_5xx',
    'total',
    'enforced_total',
    'enforced_consecutive_5xx',
    'consecutive_5xx',
  ])
  clock.to(39_999)
  assert.equal(detector.isEjected(1), true)
  clock.to(40_000)
  assert.deepEqual([detector.isEjected(1), active(), marks.at(-1), runs.at(-1)], [false, 0, '1 in', '1 all'])
})

test('each ejection is longer than the one before, and shorter again after good times', () => {
  const { clock, detector } = harness()
  const lasts = (): number => {
    const from = clock.now()
    detector.onErrors(1, 'server')
    while (detector.isEjected(1)) clock.to(clock.now() + 10_000)
    return (clock.now() - from) / 1000
  }
  assert.deepEqual([lasts(), lasts(), lasts()], [30, 60, 90])
  clock.to(clock.now() + 20_000)
  assert.equal(lasts(), 60, 'two looks without an ejection')
  clock.to(clock.now() + 100_000)
  assert.equal(clock.waiting, 0, 'all is forgotten')
  assert.equal(lasts(), 30)
})

test('no ejection is longer than the longest, but for its jitter', () => {
  const { clock, detector } = harness({ maxEjectionMs: 40_000, jitterMs: 20_000 }, { random: 0.5 })
  detector.onErrors(1, 'server')
  clock.to(39_999)
  assert.equal(detector.isEjected(1), true)
  clock.to(40_000)
  detector.onErrors(1, 'server')
  clock.to(89_999)
  assert.equal(detector.isEjected(1), true)
  clock.to(90_000)
  assert.equal(detector.isEjected(1), false)
})

test('so many may be ejected at a time', () => {
  const bounded = harness({ maxEjectionPercent: 49 }, { hosts: [1, 2] })
  bounded.detector.onErrors(1, 'server')
  assert.deepEqual(bounded.counts, ['detected_consecutive_5xx', 'overflow', 'consecutive_5xx'])
  const one = harness({ maxEjectionPercent: 49, alwaysEjectsOne: true }, { hosts: [1, 2] })
  one.detector.onErrors(1, 'server')
  one.detector.onErrors(2, 'server')
  assert.deepEqual([one.detector.isEjected(1), one.detector.isEjected(2)], [true, false])
})

test('what is not enforced is counted and told', () => {
  const { detector, counts, events } = harness()
  detector.onErrors(1, 'gateway')
  assert.deepEqual(counts, ['detected_consecutive_gateway_failure'])
  assert.deepEqual([detector.isEjected(1), events[0]?.action === 'EJECT' && events[0].isEnforced], [false, false])
})

test('the runtime goes before the configuration', () => {
  const runtime: Record<string, string> = {
    'outlier_detection.enforcing_consecutive_gateway_failure': '100',
    'outlier_detection.base_ejection_time_ms': '5',
    'outlier_detection.interval_ms': '10',
  }
  const { clock, detector } = harness({}, { runtime })
  detector.onErrors(1, 'gateway')
  assert.equal(detector.isEjected(1), true)
  clock.to(10)
  assert.equal(detector.isEjected(1), false)
})

test('a success rate far below the others', () => {
  const hosts = [1, 2, 3, 4, 5]
  const { clock, detector, served, counts, events } = harness({}, { hosts })
  for (const id of hosts) served(id, 200, id === 3 ? 100 : 200)
  clock.to(10_000)
  assert.deepEqual([...detector.ejected()], [3])
  assert.deepEqual(detector.clusterRate('external'), { average: 90, threshold: 52 })
  assert.equal(detector.ratesOf(3).external, 50)
  assert.deepEqual(counts, [
    'success_rate',
    'detected_success_rate',
    'total',
    'enforced_total',
    'enforced_success_rate',
  ])
  assert.deepEqual(
    events.map(event => JSON.parse(outlierEventLine('c', '127.0.0.1:80', event, new Date(0))))[0]
      ?.eject_success_rate_event,
    { host_success_rate: 50, cluster_average_success_rate: 90, cluster_success_rate_ejection_threshold: 52 },
  )
  clock.to(20_000)
  assert.deepEqual([detector.ratesOf(3).external, detector.clusterRate('external').average], [-1, -1])
})

test('a few requests say nothing', () => {
  const hosts = [1, 2, 3, 4, 5]
  const { clock, detector, served } = harness({}, { hosts })
  for (const id of hosts) served(id, id === 3 ? 99 : 200, id === 3 ? 0 : 200)
  clock.to(10_000)
  assert.deepEqual([[...detector.ejected()], detector.clusterRate('external').average], [[], -1])
  assert.deepEqual(
    [1, 3].map(id => detector.ratesOf(id).external),
    [100, 0],
    'the operator sees them',
  )
})

test('a share of failures, of theirs and of ours', () => {
  const hosts = [1, 2, 3, 4, 5, 6]
  const enforcing = { ...plan.enforcing, failure_percentage: 100, local_origin_failure_percentage: 100 }
  const successRate = { ...plan.successRate, minimumHosts: 100 }
  const { clock, detector, served, counts } = harness({ enforcing, successRate }, { hosts })
  for (const id of hosts) served(id, 100, id === 2 ? 15 : 16, 100, id === 4 ? 0 : 100)
  clock.to(10_000)
  assert.deepEqual([...detector.ejected()], [2, 4])
  assert.deepEqual(
    counts.filter(count => count.startsWith('enforced_') && count !== 'enforced_total'),
    ['enforced_failure_percentage', 'enforced_local_origin_failure_percentage'],
  )
})

test('who is no member any more is forgotten', () => {
  const { clock, detector, members, marks, active } = harness({}, { hosts: [1, 2] })
  detector.onErrors(1, 'server')
  members.delete(1)
  members.set(3, [5, 5, 0, 0])
  marks.length = 0
  detector.membersChanged()
  assert.deepEqual([active(), marks, clock.waiting], [0, ['3 in'], 1])
  members.set(1, [0, 0, 0, 0])
  detector.membersChanged()
  assert.deepEqual([detector.isEjected(1), marks.at(-1)], [false, '1 in'])
  detector.onErrors(9, 'server')
  assert.equal(active(), 0)
})

test('a good check ends an ejection, unless it is not to', () => {
  const ended = harness()
  ended.detector.onErrors(1, 'server')
  ended.detector.onGoodCheck(1)
  assert.deepEqual([ended.detector.isEjected(1), ended.events.at(-1)?.action], [false, 'UNEJECT'])
  const kept = harness({ isEndedByCheck: false })
  kept.detector.onErrors(1, 'server')
  kept.detector.onGoodCheck(1)
  assert.equal(kept.detector.isEjected(1), true)
})
