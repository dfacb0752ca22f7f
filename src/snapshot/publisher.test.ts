import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SnapshotChange } from '../native/addon.js'
import type { ToWorker } from '../threads/messages.js'
import { Publisher } from './publisher.js'
import type { Delta, PlacedPlan, Snapshot } from './snapshot.js'

const plan = (kind: PlacedPlan['kind'], slot: number, id: string): PlacedPlan => ({
  kind,
  slot,
  id,
  name: `${kind}-${slot}`,
  bytes: new Uint8Array(),
})

/** Takes everything but plans called "bad" and listeners called "taken". */
function recorder() {
  const commits: (readonly SnapshotChange[])[] = []
  const put: string[] = []
  const posted: ToWorker[] = []
  const abandoned: boolean[] = []
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
      prepare: async version => [{ type: 'prepared', version, errors: ['create threw'] }],
      keep: () => undefined,
    },
  )
  return { abandoned, commits, put, posted, publisher }
}

const everything =
  (plans: readonly PlacedPlan[]) =>
  (current: Snapshot): Delta =>
    current.deltaTo(plans, ['listener', 'cluster'])

test('only what changed is put and committed', async () => {
  const { commits, put, publisher } = recorder()
  await publisher.publish(everything([plan('cluster', 0, 'a'), plan('cluster', 1, 'b'), plan('listener', 0, 'l')]))
  const second = await publisher.publish(
    everything([plan('cluster', 0, 'a'), plan('cluster', 2, 'c'), plan('listener', 0, 'l')]),
  )
  assert.deepEqual(put, ['a', 'b', 'l', 'c'])
  assert.deepEqual(commits[1], [
    { kind: 'cluster', slot: 2, id: 'c' },
    { kind: 'cluster', slot: 1, id: '' },
  ])
  assert.ok(second.ok)
  assert.equal(second.value.snapshot.version, 2)
  assert.equal(second.value.opened.size, 0)
})

test('nothing changed: nothing is committed and the version stays', async () => {
  const { commits, publisher } = recorder()
  await publisher.publish(everything([plan('cluster', 0, 'a')]))
  const again = await publisher.publish(everything([plan('cluster', 0, 'a')]))
  assert.equal(commits.length, 1)
  assert.ok(again.ok)
  assert.equal(again.value.snapshot.version, 1)
})

test('kinds that are not named stay', async () => {
  const { commits, publisher } = recorder()
  await publisher.publish(current => current.deltaWith([plan('endpoints', 0, 'e')]))
  await publisher.publish(everything([]))
  assert.equal(commits.length, 1)
  assert.equal(publisher.current.idOf('endpoints', 0), 'e')
})

test('every bad plan is named and nothing is committed', async () => {
  const { commits, publisher } = recorder()
  const result = await publisher.publish(
    everything([plan('cluster', 0, 'bad'), plan('cluster', 1, 'good'), plan('cluster', 2, 'bad')]),
  )
  assert.ok(!result.ok)
  assert.deepEqual(
    result.error.map(error => error.name),
    ['cluster-0', 'cluster-2'],
  )
  assert.equal(commits.length, 0)
  assert.equal(publisher.current.version, 0)
})

test('a port in use fails the publish before anything is committed', async () => {
  const { commits, publisher } = recorder()
  const result = await publisher.publish(everything([plan('cluster', 0, 'a'), plan('listener', 3, 'taken')]))
  assert.ok(!result.ok)
  assert.deepEqual(result.error, [{ kind: 'listener', name: 'listener-3', message: 'cannot bind' }])
  assert.equal(commits.length, 0)
})

test('a worker that cannot build its JavaScript filters fails the publish, and all are told', async () => {
  const { commits, posted, publisher } = recorder()
  const result = await publisher.publish(current => current.deltaWith([plan('script', 0, 's')]))
  assert.ok(!result.ok)
  assert.equal(commits.length, 0)
  assert.deepEqual(posted, [{ type: 'abandon', version: 1 }])
})

test('publishes happen one after the other, each from what is current then', async () => {
  const { publisher } = recorder()
  const both = await Promise.all([
    publisher.publish(current => current.deltaWith([plan('cluster', 0, 'a')])),
    publisher.publish(current => current.deltaWith([plan('cluster', 0, 'a'), plan('cluster', 1, 'b')])),
  ])
  assert.deepEqual(
    both.map(result => result.ok && result.value.snapshot.version),
    [1, 2],
  )
})
