import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConfigDelta } from '../../snapshot/config-delta.js'
import { Outbox } from './outbox.js'
import { plainUnit } from './unit.js'

/** An outbox whose turns end when the test says so. */
function outbox() {
  const sent: ConfigDelta[] = []
  const waiting: (() => void)[] = []
  const box = new Outbox({ send: delta => sent.push(delta), later: callback => void waiting.push(callback) })
  const turn = () => {
    for (const callback of waiting.splice(0)) callback()
  }
  const answer = (refused: Record<string, string> = {}) => {
    const number = sent.at(-1)?.number ?? 0
    box.answered({
      number,
      resolving: [],
      refused: Object.entries(refused).map(([key, message]) => ({ key, message })),
    })
  }
  return { answer, box, sent, turn }
}

const unit = (key: string) => plainUnit(key, {})
const keys = (delta: ConfigDelta | undefined) => delta?.units.map(({ key }) => key)

test('what is put in one turn travels together, and each learns how it fared', async () => {
  const { answer, box, sent, turn } = outbox()
  const [a, b] = [box.put(unit('a')), box.put(unit('b'))]
  assert.equal(sent.length, 0)
  turn()
  assert.deepEqual(keys(sent[0]), ['a', 'b'])
  answer({ b: 'port in use' })
  assert.deepEqual(await Promise.all([a, b]), [undefined, 'port in use'])
})

test('one delta is under way at a time; what comes meanwhile is folded into the next', async () => {
  const { answer, box, sent, turn } = outbox()
  void box.put(unit('a'))
  turn()
  const first = box.put(unit('b'))
  turn()
  const second = box.put(unit('b'))
  const gone = box.remove('a')
  turn()
  assert.equal(sent.length, 1)
  answer()
  turn()
  assert.deepEqual([keys(sent[1]), sent[1]?.removed], [['b'], ['a']])
  answer({ b: 'no' })
  assert.deepEqual(await Promise.all([first, second, gone]), ['no', 'no', undefined])
})

test('the last word on a unit counts', async () => {
  const { box, sent, turn } = outbox()
  const put = box.put(unit('a'))
  void box.remove('a')
  void box.remove('b')
  void box.put(unit('b'))
  turn()
  assert.equal(await put, undefined)
  assert.deepEqual([keys(sent[0]), sent[0]?.removed], [['b'], ['a']])
})

test('a delta has a bound, and the rest follows in order', () => {
  const { answer, box, sent, turn } = outbox()
  for (let n = 0; n < 250; n++) void box.put(unit(`u${n}`))
  turn()
  answer()
  turn()
  assert.deepEqual(
    sent.map(({ units }) => units.length),
    [200, 50],
  )
  assert.equal(sent[1]?.units[0]?.key, 'u200')
})

test('an answer to another delta counts for nothing', async () => {
  const { answer, box, sent, turn } = outbox()
  const put = box.put(unit('a'))
  turn()
  box.answered({ number: 7, refused: [{ key: 'a', message: 'wrong' }], resolving: [] })
  answer()
  assert.equal(await put, undefined)
  assert.equal(sent.length, 1)
})

test('idle means that nothing waits and nothing is under way', async () => {
  const { answer, box, turn } = outbox()
  await box.idle()
  void box.put(unit('a'))
  let isIdle = false
  const idle = box.idle().then(() => {
    isIdle = true
  })
  turn()
  await Promise.resolve()
  assert.equal(isIdle, false)
  answer()
  turn()
  await idle
})
