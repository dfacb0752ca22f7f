import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SnapshotChange } from '../native/addon.js'
import type { ToWorker } from '../threads/messages.js'
import { Publisher } from './publisher.js'
import type { PlacedPlan } from './snapshot.js'

const plan = (kind: PlacedPlan['kind'], slot: number, id: string): PlacedPlan => ({
  kind,
  slot,
  id,
  name: `${kind}-${slot}`,
  bytes: new Uint8Array(),
})

/** Takes everything but plans called "bad", listeners called "taken" and filters whose slot is 0. */
function recorder() {
  const commits: (readonly SnapshotChange[])[] = []
  const put: string[] = []
  const posted: ToWorker[] = []
  const abandoned: boolean[] = []
  const kept: number[] = []
  const publisher = new Publisher(
    {
      putPlan: (_kind, _name, id) => {
        put.push(id)
        return id === 'bad' ? 'cannot be read' : undefined
      },
      openListener: (slot, id) => (id === 'taken' ? 'cannot bind' : { addresses: [`127.0.0.1:${slot}`], statName: '' }),
      abandonListeners: () => void abandoned.push(true),
      commit: changes => void commits.push(changes),
    },
    {
      post: message => posted.push(message),
      prepare: async (version, programs) => [
        {
          type: 'prepared',
          version,
          errors: programs
            .filter(({ slotName }) => slotName === 'script-0')
            .map(() => "filter 'script-0': create threw"),
        },
      ],
      keep: programs => void kept.push(programs.length),
    },
  )
  return { abandoned, commits, kept, put, posted, publisher }
}

const program = (slotName: string) => ({
  id: slotName,
  slotName,
  name: slotName,
  kind: 'http-filter' as const,
  statPrefix: '',
  code: '',
  file: '',
  config: '',
})

test('only what changed is put and committed', async () => {
  const { commits, put, publisher } = recorder()
  await publisher.publish([plan('cluster', 0, 'a'), plan('cluster', 1, 'b'), plan('listener', 0, 'l')])
  const second = await publisher.publishRound({
    shares: () => [{ plans: [plan('cluster', 0, 'a'), plan('cluster', 2, 'c'), plan('listener', 0, 'l')] }],
    settle: () => ({ emptied: [{ kind: 'cluster', slot: 1 }] }),
  })
  assert.deepEqual(put, ['a', 'b', 'l', 'c'])
  assert.deepEqual(commits[1], [
    { kind: 'cluster', slot: 2, id: 'c' },
    { kind: 'cluster', slot: 1, id: '' },
  ])
  assert.equal(second.version, 2)
  assert.equal(second.opened.size, 0)
  assert.equal(publisher.current.idOf('cluster', 1), undefined)
})

test('nothing changed: nothing is committed and the version stays', async () => {
  const { commits, publisher } = recorder()
  await publisher.publish([plan('cluster', 0, 'a')])
  const again = await publisher.publish([plan('cluster', 0, 'a')])
  assert.equal(commits.length, 1)
  assert.ok(again.ok)
  assert.equal(again.value.version, 1)
})

test('every bad plan of a share is named, and nothing of it is committed', async () => {
  const { commits, publisher } = recorder()
  const result = await publisher.publish([
    plan('cluster', 0, 'bad'),
    plan('cluster', 1, 'good'),
    plan('cluster', 2, 'bad'),
  ])
  assert.ok(!result.ok)
  assert.deepEqual(
    result.error.map(error => error.name),
    ['cluster-0', 'cluster-2'],
  )
  assert.equal(commits.length, 0)
  assert.equal(publisher.current.version, 0)
})

test('a share that fails is left out, and the rest goes on', async () => {
  const { abandoned, commits, publisher } = recorder()
  const good = { plans: [plan('cluster', 1, 'good')] }
  const bad = { plans: [plan('cluster', 0, 'bad')] }
  const taken = { plans: [plan('route-table', 7, 'r'), plan('listener', 3, 'taken')] }
  const free = { plans: [plan('listener', 4, 'free')] }
  const settled: number[] = []
  const published = await publisher.publishRound({
    shares: () => [bad, good, taken, free],
    settle: accepted => {
      settled.push(accepted.length)
      return { emptied: [] }
    },
  })
  assert.deepEqual(published.accepted, [good, free])
  assert.deepEqual(
    published.refused.map(({ share, errors }) => [share, errors[0]?.message]),
    [
      [bad, 'cannot be read'],
      [taken, 'cannot bind'],
    ],
  )
  assert.deepEqual(settled, [3, 2])
  assert.equal(abandoned.length, 1)
  assert.deepEqual([...published.opened.keys()], [4])
  assert.deepEqual(commits, [
    [
      { kind: 'cluster', slot: 1, id: 'good' },
      { kind: 'listener', slot: 4, id: 'free' },
    ],
  ])
})

test('a port in use fails the publish before anything is committed', async () => {
  const { commits, publisher } = recorder()
  const result = await publisher.publish([plan('cluster', 0, 'a'), plan('listener', 3, 'taken')])
  assert.ok(!result.ok)
  assert.deepEqual(result.error, [{ kind: 'listener', name: 'listener-3', message: 'cannot bind' }])
  assert.equal(commits.length, 0)
})

test('JavaScript filters that cannot be built fail their own share, and all workers are told', async () => {
  const { commits, kept, posted, publisher } = recorder()
  const shares = [{ plans: [plan('script', 0, 's')] }, { plans: [plan('script', 1, 't')] }]
  const published = await publisher.publishRound({
    shares: () => shares,
    settle: accepted => ({
      emptied: [],
      programs: accepted.flatMap(share => share.plans.map(({ name }) => program(name))),
    }),
  })
  assert.deepEqual(published.accepted, [shares[1]])
  assert.deepEqual(posted, [{ type: 'abandon', version: 1 }])
  assert.equal(commits.length, 1)
  assert.deepEqual(kept, [1])
})

test('publishes happen one after the other, each from what is current then', async () => {
  const { publisher } = recorder()
  const both = await Promise.all([
    publisher.publish([plan('cluster', 0, 'a')]),
    publisher.publish([plan('cluster', 0, 'a'), plan('cluster', 1, 'b')]),
  ])
  assert.deepEqual(
    both.map(result => result.ok && result.value.version),
    [1, 2],
  )
})
