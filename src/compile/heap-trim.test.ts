import assert from 'node:assert/strict'
import { test } from 'node:test'
import { getHeapStatistics } from 'node:v8'
import type { Clock } from '../support/clock.js'
import { HeapTrim } from './heap-trim.js'

const mebibyte = 1024 * 1024

/** Timers fire when told to, in the order of their time. */
class ManualClock implements Clock {
  #timers: { at: number; callback: () => void }[] = []
  #now = 0

  now(): number {
    return this.#now
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + ms, callback }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter(one => one !== timer)
    }
  }

  pass(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const [next] = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)
      if (next === undefined) break
      this.#timers = this.#timers.filter(one => one !== next)
      this.#now = next.at
      next.callback()
    }
    this.#now = end
  }
}

test('a heap that grew is collected once nothing comes any more, and only then', () => {
  const clock = new ManualClock()
  let size = 20 * mebibyte
  let collections = 0
  const trim = new HeapTrim({ clock, size: () => size, collect: () => collections++ })
  trim.touch()
  clock.pass(5000)
  assert.equal(collections, 0, 'nothing has grown')
  size = 200 * mebibyte
  trim.touch()
  clock.pass(900)
  trim.touch()
  clock.pass(900)
  assert.equal(collections, 0, 'something came meanwhile')
  clock.pass(200)
  assert.equal(collections, 4)
  trim.touch()
  clock.pass(5000)
  assert.equal(collections, 4, 'what is left is needed')
})

test('the collector of V8 gives back what nobody holds', () => {
  const clock = new ManualClock()
  const trim = new HeapTrim({ clock })
  let held: unknown[] | undefined = Array.from({ length: 3_000_000 }, (_, at) => ({ at }))
  const full = getHeapStatistics().total_heap_size
  assert.equal(held.length, 3_000_000)
  held = undefined
  trim.touch()
  clock.pass(2000)
  assert.ok(getHeapStatistics().total_heap_size < full - 32 * mebibyte)
})
