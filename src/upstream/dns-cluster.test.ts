import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromBinary } from '@bufbuild/protobuf'
import { EndpointsSchema } from '../generated/plan_pb.js'
import type { Clock } from '../support/clock.js'
import { DnsCluster, type DnsEvent } from './dns-cluster.js'
import type { DnsAnswer } from './dns-lookup.js'
import type { DnsPlan, DnsTarget } from '../plan/dns-plan.js'

const target = (host: string, port = 80): DnsTarget => ({
  host,
  port,
  hostname: '',
  weight: 1,
  health: 0,
  canary: false,
  metadataJson: '',
  hashKey: '',
  transportSocket: 0,
})
const locality = (...targets: DnsTarget[]) => ({ region: '', zone: '', subZone: '', weight: 0, priority: 0, targets })
const plan = (over: Partial<DnsPlan>): DnsPlan => ({
  kind: 'strict',
  family: 'AUTO',
  refreshMs: 5000,
  jitterMs: 0,
  respectTtl: false,
  minRefreshMs: 0,
  servers: [],
  noSearch: false,
  localities: [locality(target('a.test'))],
  overprovisioningFactor: 140,
  dropOverloadPpm: 0,
  ...over,
})
const found = (...addresses: string[]): DnsAnswer => ({ ok: true, addresses, ttlMs: 30_000 })
const failed: DnsAnswer = { ok: false, reason: 'ESERVFAIL' }

/** A cluster whose names are answered by the test, and whose timers are fired by it. */
function harness(over: Partial<DnsPlan>, random = 0.5) {
  const questions: { host: string; answer: (answer: DnsAnswer) => void }[] = []
  const timers: { ms: number; fire: () => void }[] = []
  const events: DnsEvent[] = []
  const published: string[][] = []
  const clock: Clock = {
    now: () => 0,
    after: (ms, fire) => {
      timers.push({ ms, fire })
      return () => {}
    },
  }
  const cluster = new DnsCluster({
    plan: plan(over),
    lookup: host => new Promise(answer => questions.push({ host, answer })),
    clock,
    random: () => random,
    onEndpoints: (bytes, localities) => {
      const endpoints = fromBinary(EndpointsSchema, bytes)
      const hosts = endpoints.localities.flatMap(one => one.hosts)
      assert.equal(localities.flatMap(one => one.hosts).length, hosts.length)
      assert.equal(endpoints.warm, true)
      published.push(
        hosts.map(host =>
          [host.hostname, host.address?.ip, host.address?.port, ...host.moreAddresses.map(more => more.ip)].join(' '),
        ),
      )
    },
    onEvent: event => events.push(event),
  })
  const answer = async (value: DnsAnswer) => {
    questions.shift()?.answer(value)
    await new Promise(resolve => setImmediate(resolve))
  }
  return { cluster, questions, timers, events, published, answer }
}

test('STRICT_DNS: every address is a member; another order of the same addresses is no change', async () => {
  const { published, events, timers, answer } = harness({})
  await answer(found('10.0.0.2', '10.0.0.1'))
  timers[0]?.fire()
  await answer(found('10.0.0.1', '10.0.0.2'))
  assert.deepEqual(published, [['a.test 10.0.0.1 80', 'a.test 10.0.0.2 80']])
  assert.deepEqual(events, [
    'update_attempt',
    'update_success',
    'update_attempt',
    'update_success',
    'update_no_rebuild',
  ])
})

test('nothing is published before every name has been answered', async () => {
  const { cluster, published, answer } = harness({ localities: [locality(target('a.test'), target('b.test', 81))] })
  let isReady = false
  void cluster.ready.then(() => {
    isReady = true
  })
  await answer(found('10.0.0.1'))
  assert.equal(isReady, false)
  await answer(failed)
  assert.equal(isReady, true)
  assert.deepEqual(published, [['a.test 10.0.0.1 80']])
})

test('an address that two names share counts once', async () => {
  const { published, answer } = harness({ localities: [locality(target('a.test'), target('b.test'))] })
  await answer(found('10.0.0.1'))
  await answer(found('10.0.0.1', '10.0.0.2'))
  assert.deepEqual(published, [['a.test 10.0.0.1 80', 'b.test 10.0.0.2 80']])
})

test('a failure keeps the members, an answer without addresses removes them', async () => {
  const { published, timers, answer } = harness({})
  await answer(found('10.0.0.1'))
  timers[0]?.fire()
  await answer(failed)
  assert.equal(published.length, 1)
  timers[1]?.fire()
  await answer(found())
  assert.deepEqual(published[1], [])
})

test('LOGICAL_DNS: one member, the first address, with the others to fall back on; an empty answer keeps it', async () => {
  const { published, timers, answer } = harness({ kind: 'logical' })
  await answer(found('10.0.0.2', '10.0.0.1'))
  timers[0]?.fire()
  await answer(found())
  timers[1]?.fire()
  await answer(found('10.0.0.1'))
  assert.deepEqual(published, [['a.test 10.0.0.2 80 10.0.0.1'], ['a.test 10.0.0.1 80']])
})

test('the next question comes after the refresh rate and jitter, or the TTL where it is respected, but not sooner than its least', async () => {
  const delays = async (over: Partial<DnsPlan>) => {
    const { timers, answer } = harness(over)
    await answer(found('10.0.0.1'))
    return timers.map(timer => timer.ms)
  }
  assert.deepEqual(await delays({}), [5000])
  assert.deepEqual(await delays({ jitterMs: 1000 }), [5500])
  assert.deepEqual(await delays({ respectTtl: true }), [30_000])
  assert.deepEqual(await delays({ respectTtl: true, minRefreshMs: 60_000 }), [60_000])
})

test('after failures the waiting grows up to its limit; without a failure rate it is the refresh rate', async () => {
  const { timers, answer } = harness({ failureBaseMs: 1000, failureMaxMs: 3000 })
  for (let round = 0; round < 3; round++) {
    await answer(failed)
    timers[round]?.fire()
  }
  assert.deepEqual(
    timers.map(timer => timer.ms),
    [500, 1000, 1500],
  )
  const plain = harness({})
  await plain.answer(failed)
  assert.deepEqual(
    plain.timers.map(timer => timer.ms),
    [5000],
  )
})

test('a cluster without names is ready at once; a closed one says nothing more', async () => {
  const empty = harness({ localities: [] })
  await empty.cluster.ready
  assert.deepEqual(empty.published, [[]])
  const closed = harness({})
  closed.cluster.close()
  await closed.answer(found('10.0.0.1'))
  assert.deepEqual(closed.published, [])
})
