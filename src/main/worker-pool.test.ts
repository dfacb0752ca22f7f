import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../support/clock.js'
import { Log } from '../support/log.js'
import { WorkerPool } from './worker-pool.js'

// Real threads with a stand-in for the addon, which notes who attached; the first thread of worker 1 dies of an exception.
const addon = `
const { appendFileSync, readFileSync } = require('node:fs')
module.exports = {
  attachWorker(index) {
    const isFirst = !readFileSync(process.env.NUNCIO_TEST_NOTES, 'utf8').includes('attach ' + index)
    appendFileSync(process.env.NUNCIO_TEST_NOTES, 'attach ' + index + '\\n')
    if (index === 1 && isFirst) setImmediate(() => { throw new Error('out of luck') })
  },
}`

test('a worker thread that dies is replaced; a prepare asks all; stop ends all', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'nuncio-workers-'))
  const notes = path.join(folder, 'notes')
  writeFileSync(path.join(folder, 'addon.cjs'), addon)
  appendFileSync(notes, '')
  process.env['NUNCIO_ADDON'] = path.join(folder, 'addon.cjs')
  process.env['NUNCIO_TEST_NOTES'] = notes
  const lines: string[] = []
  const log = new Log({ level: 'info', format: '%v', write: line => lines.push(line) })
  let replaced: (index: number) => void = () => {}
  const replacement = new Promise<number>(resolve => {
    replaced = resolve
  })
  const pool = new WorkerPool({
    size: 2,
    log: log.component('main'),
    filterLog: log.component('filter'),
    clock: systemClock,
    onReplaced: index => replaced(index),
  })
  await pool.start()
  assert.equal(await replacement, 1)
  assert.equal(
    readFileSync(notes, 'utf8')
      .split('\n')
      .filter(line => line === 'attach 1').length,
    2,
  )
  assert.match(lines.join(''), /out of luck[^]*worker 1 ended with 1; a new thread takes its place/)
  const answers = await pool.prepare(7, [], 5000)
  assert.deepEqual(answers, [
    { type: 'prepared', version: 7, errors: [] },
    { type: 'prepared', version: 7, errors: [] },
  ])
  await pool.stop()
  rmSync(folder, { recursive: true })
})
