import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultLogFormat, Log } from './log.js'

const time = new Date(2026, 2, 4, 5, 6, 7, 89)

function logTo(lines: string[], format: string, isEscaped = false): Log {
  return new Log({ level: 'info', format, isEscaped, write: line => lines.push(line), now: () => time })
}

test("a line has Envoy's shape, with the place of the call", () => {
  const lines: string[] = []
  logTo(lines, defaultLogFormat).component('main').warning('hello')
  assert.match(
    lines[0] ?? '',
    /^\[2026-03-04 05:06:07\.089\]\[\d+\]\[warning\]\[main\] \[src\/support\/log\.test\.\w+:\d+\] hello\n$/,
  )
})

test('levels, of all and of one component', () => {
  const lines: string[] = []
  const log = logTo(lines, '%l %n %v')
  log.component('main').debug('not yet')
  log.setLevel('debug', 'main')
  log.component('main').debug('now')
  log.component('config').debug('not here')
  log.setLevel('off')
  log.component('main').critical('never')
  assert.deepEqual(lines, ['debug main now\n'])
  assert.equal(log.levelOf('config'), 'off')
})

test('flags, padding and escapes of the pattern', () => {
  const lines: string[] = []
  const log = logTo(lines, '%L|%-6n|%6n|%Y%m%d|%H:%M:%S|%%|%j|%_|%q|%')
  log.component('main').info('a "b"\nc')
  assert.equal(lines[0], 'I|main  |  main|20260304|05:06:07|%|a \\"b\\"\\nc|a "b"\\nc|%q|%\n')
})

test('--log-format-escaped escapes the message', () => {
  const lines: string[] = []
  logTo(lines, '%v', true).component('main').info('a\nb')
  assert.equal(lines[0], 'a\\nb\n')
})
