import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Reference } from '../../plan/reference.js'
import type { ConfigDelta } from '../../snapshot/config-delta.js'
import { Collection, type CompiledThing } from './collection.js'
import { Outbox } from './outbox.js'
import { plainUnit } from './unit.js'

/** A collection whose references settle when the test says so, and main's side, which refuses what is called "refused". */
function collection() {
  const needs = new Map<string, { isSettled: boolean; holders: Set<() => void> }>()
  const log: string[] = []
  const outbox = new Outbox({
    send: (delta: ConfigDelta) => {
      log.push(...delta.units.map(({ key }) => `put ${key}`), ...delta.removed.map(key => `remove ${key}`))
      const refused = delta.units.filter(({ key }) => key.endsWith('refused'))
      queueMicrotask(() =>
        outbox.answered({
          number: delta.number,
          refused: refused.map(({ key }) => ({ key, message: 'refused' })),
          resolving: [],
        }),
      )
    },
    later: queueMicrotask,
  })
  const things = new Collection({
    outbox,
    reserved: name => name === 'reserved',
    supplier: {
      acquire: ({ name }, onSettled) => {
        const need = needs.get(name) ?? { isSettled: false, holders: new Set() }
        needs.set(name, need)
        need.holders.add(onSettled)
        return {
          needed: need,
          release: () => {
            need.holders.delete(onSettled)
            if (need.holders.size === 0) log.push(`let go of ${name}`)
          },
        }
      },
    },
    onChange: (change, name) => log.push(`${change} ${name}`),
    onCounts: () => undefined,
  })
  const settle = (name: string) => {
    const need = needs.get(name)
    if (need === undefined) return
    need.isSettled = true
    for (const holder of [...need.holders]) holder()
  }
  return { log, outbox, settle, things }
}

function thing(name: string, bytes: string, needs: readonly string[] = [], isStatic = false): CompiledThing {
  const references = needs.map(
    need =>
      ({ kind: 'route', name: need, slot: 0, isRequired: true, source: { key: 'ads', bytes: noBytes } }) as Reference,
  )
  const stored = { name, version: '1', typeUrl: '', bytes: Buffer.from(bytes), updatedAt: 0 }
  return { name, unit: plainUnit(`cluster/${name}`, {}), references, stored, isStatic }
}
const noBytes = new Uint8Array()

test('what needs nothing is put at once', async () => {
  const { log, things } = collection()
  assert.equal(await things.set(thing('a', '1')), undefined)
  assert.deepEqual(log, ['added a', 'put cluster/a'])
  assert.equal(things.warming, 0)
})

test('a new version warms beside the old one, which goes when the new one is there', async () => {
  const { log, outbox, settle, things } = collection()
  void things.set(thing('a', '1', ['r']))
  settle('r')
  await outbox.idle()
  await things.set(thing('a', '2', ['s']))
  assert.equal(things.entries.get('a')?.active?.stored.bytes.toString(), '1')
  assert.equal(things.warming, 1)
  assert.deepEqual(log, ['added a', 'put cluster/a', 'modified a'])
  settle('s')
  await outbox.idle()
  assert.equal(things.entries.get('a')?.active?.stored.bytes.toString(), '2')
  assert.deepEqual(log.slice(3), ['put cluster/a', 'let go of r'])
})

test('a version that another overtakes while it warms never takes effect', async () => {
  const { log, outbox, settle, things } = collection()
  void things.set(thing('a', '1', ['r']))
  void things.set(thing('a', '2', ['s']))
  settle('r')
  await outbox.idle()
  assert.deepEqual(log, ['added a', 'modified a', 'let go of r'])
  assert.equal(things.warming, 1)
})

test('what main refuses leaves the old version in place', async () => {
  const { things } = collection()
  assert.equal(await things.set(thing('refused', '1')), 'refused')
  const entry = things.entries.get('refused')
  assert.equal(entry?.active, undefined)
  assert.equal(entry?.error?.details, 'refused')
})

test('what is held waits for release, and is settled all the same', async () => {
  const { log, settle, things } = collection()
  things.hold()
  void things.set(thing('a', '1', ['r']))
  let isSettled = false
  const settled = things.settled().then(() => {
    isSettled = true
  })
  await Promise.resolve()
  assert.equal(isSettled, false)
  settle('r')
  await settled
  assert.deepEqual(log, ['added a'])
  assert.deepEqual(await things.release(), [{ name: 'a', verdict: undefined }])
  assert.deepEqual(log, ['added a', 'put cluster/a'])
})

test('the same bytes, and names of the bootstrap, are nothing new', async () => {
  const { things } = collection()
  await things.set(thing('a', '1'))
  await things.set(thing('fixed', '1', [], true))
  assert.ok(things.isKnown(thing('a', '1').stored, false))
  assert.ok(!things.isKnown(thing('a', '2').stored, false))
  assert.ok(things.isKnown(thing('fixed', '2').stored, false))
  assert.ok(things.isKnown(thing('reserved', '1').stored, false))
  assert.ok(!things.remove('fixed'))
})

test('what is removed lets go of what it referred to', async () => {
  const { log, outbox, settle, things } = collection()
  void things.set(thing('a', '1', ['r']))
  settle('r')
  await outbox.idle()
  assert.ok(things.remove('a'))
  await outbox.idle()
  assert.deepEqual(log.slice(2), ['let go of r', 'removed a', 'remove cluster/a'])
})
