import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { defineAccessLogger } from '../api/access-logger.js'
import { defineListenerFilter } from '../api/listener-filter.js'
import { defineNetworkFilter } from '../api/network-filter.js'
import type { StandardSchema } from '../api/schema.js'
import { testAccessLogger } from './access-logger.js'
import { testListenerFilter } from './listener-filter.js'
import { testNetworkFilter } from './network-filter.js'

const any: StandardSchema<{ readonly mark?: string }> = {
  '~standard': { version: 1, vendor: 'test', validate: value => ({ value: value as { mark?: string } }) },
}

const lines = defineNetworkFilter({
  name: 'lines',
  config: any,
  state: () => ({ count: 0 }),
  create: ({ mark = '' }, { stats }) => {
    const closed = stats.counter('closed')
    return {
      onNewConnection(connection) {
        connection.metadata.set('lines', 'from', connection.info.remoteAddress)
        connection.write('hello\n')
      },
      async onData(data, connection, end) {
        const text = Buffer.from(data).toString()
        if (!text.endsWith('\n') && !end) return connection.more()
        connection.state.count += 1
        if (text === 'quit\n') connection.close('quit')
        if (text === 'fail\n') throw new Error('on demand')
        if (text === 'slow\n') await sleep(2)
        return Buffer.from(`${connection.state.count}:${text}`)
      },
      onWrite: data => Buffer.concat([data, Buffer.from(mark)]),
      onClose: () => closed.inc(),
    }
  },
})

test('a network filter: bytes both ways, held and in order', async () => {
  const filter = testNetworkFilter(lines, { mark: '!' })
  const connection = await filter.connect({ info: { remoteAddress: '198.51.100.1:1' } })
  assert.equal(connection.received, 'hello\n')
  await connection.send('a')
  assert.equal(connection.passed, '')
  await Promise.all([connection.send('b\n'), connection.send('slow\n'), connection.send('c\n')])
  assert.equal(connection.passed, '1:ab\n2:slow\n3:c\n')
  await connection.answer('x')
  assert.equal(connection.received, 'hello\nx!')
  assert.deepEqual(connection.metadata, { lines: { from: '198.51.100.1:1' } })
  await connection.end()
  assert.equal(connection.hasEnded, true)
  connection.close()
  assert.equal(filter.stat('closed'), 1)
})

test('a network filter: closing, and failing', async () => {
  const filter = testNetworkFilter(lines)
  const quitting = await filter.connect()
  await quitting.send('quit\n')
  assert.deepEqual(quitting.closed, { isOrderly: true, reason: 'quit' })
  assert.equal(quitting.passed, '')
  const failing = await filter.connect()
  await failing.send('fail\n')
  assert.deepEqual(failing.closed, { isOrderly: false, reason: 'typescript_filter_failed' })
  assert.match(String(filter.errors[0]), /on demand/)
})

test('a listener filter: what it sets, what it takes, what it refuses', async () => {
  const filter = testListenerFilter(
    defineListenerFilter({
      name: 'names',
      config: any,
      create: () => ({
        onData(bytes, connection) {
          const text = Buffer.from(bytes).toString()
          const end = text.indexOf('\n')
          if (end < 0) return connection.more()
          if (text.startsWith('no')) return connection.close()
          connection.serverName = text.slice(0, end)
          connection.applicationProtocols = ['x']
          connection.setDestination('192.0.2.7:1')
          connection.consume(end + 1)
        },
      }),
    }),
  )
  const seen = await filter.accept({ bytes: ['A.te', 'st\nrest'] })
  assert.equal(seen.verdict, 'accepted')
  assert.equal(seen.serverName, 'a.test')
  assert.deepEqual(seen.applicationProtocols, ['x'])
  assert.equal(seen.destination, '192.0.2.7:1')
  assert.equal(seen.rest, 'rest')
  assert.equal((await filter.accept({ bytes: 'no\n' })).verdict, 'closed')
  assert.equal((await filter.accept({ bytes: 'a' })).verdict, 'waiting')
})

test('an access logger: entries of its own fields, one that fails alone', () => {
  const logger = testAccessLogger(
    defineAccessLogger({
      name: 'slow',
      config: any,
      fields: { path: '%REQ(:path)%', took: '%DURATION%' },
      create: (_config, { log }) => ({
        log({ path, took }) {
          if (path === null) throw new Error('no path')
          log.info(`${String(path)} ${String(took)}`)
        },
        flush: () => log.info('flushed'),
      }),
    }),
  )
  logger.write({ path: '/a', took: 3 }, { took: 1 }, { path: '/b' })
  assert.deepEqual(logger.log, ['info: /a 3', 'info: /b null', 'info: flushed'])
  assert.equal(logger.errors.length, 1)
  assert.equal(logger.fields['took'], '%DURATION%')
})
