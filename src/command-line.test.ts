import assert from 'node:assert/strict'
import { test } from 'node:test'
import { helpText, type Options, parseCommandLine, versionText } from './command-line.js'
import { flags } from './command-line-flags.js'

function options(...arguments_: string[]): Options {
  const command = parseCommandLine(arguments_)
  assert(command.ok && 'options' in command.value, JSON.stringify(command))
  return command.value.options
}

function message(...arguments_: string[]): string {
  const command = parseCommandLine(arguments_)
  assert(!command.ok, JSON.stringify(command))
  return command.error.message
}

test("defaults are Envoy's", () => {
  const defaults = options()
  assert.equal(defaults.mode, 'serve')
  assert.equal(defaults.concurrency, undefined)
  assert.equal(defaults.logLevel, 'info')
  assert.equal(defaults.logFormat, '[%Y-%m-%d %T.%e][%t][%l][%n] [%g:%#] %v')
  assert.deepEqual(
    [defaults.drainTimeS, defaults.parentShutdownTimeS, defaults.fileFlushIntervalMsec],
    [600, 900, 10_000],
  )
  assert.deepEqual([defaults.drainStrategy, defaults.localAddressIpVersion], ['gradual', 'v4'])
  assert.deepEqual(defaults.notices, [])
})

test('flags take their value from the next argument', () => {
  const given = options('-c', 'a.yaml', '--concurrency', '3', '-l', 'warn', '--mode', 'validate', '--service-zone', 'z')
  assert.deepEqual(
    [given.configPath, given.concurrency, given.logLevel, given.mode, given.serviceZone],
    ['a.yaml', 3, 'warning', 'validate', 'z'],
  )
  assert.equal(options('--config-yaml', '-x').configYaml, '-x')
})

test('what follows -- or --ignore_rest is ignored', () => {
  assert.equal(options('-c', 'a', '--', '--bogus', 'x').configPath, 'a')
  assert.equal(options('-c', 'a', '--ignore_rest', '--bogus').configPath, 'a')
})

test('a command line that Envoy refuses is refused', () => {
  assert.match(message('--mode=validate'), /instead of "=": --mode validate/)
  assert.match(message('--disable-hot-restart=true'), /takes no value/)
  assert.match(message('--conc', '2'), /unknown flag "--conc"/)
  assert.match(message('--config-pth', 'x'), /did you mean "--config-path"/)
  assert.match(message('-c', 'a', '-c', 'b'), /given twice/)
  assert.match(message('-c'), /needs a value/)
  assert.match(message('a.yaml'), /unexpected argument "a.yaml"/)
  assert.match(message('--concurrency', 'x'), /not a number/)
  assert.match(message('--concurrency', '0x2'), /not a number/)
  assert.match(message('--concurrency', '99999999999'), /not a number/)
  assert.match(message('--mode', 'bogus'), /unknown "bogus"; one of serve, validate, init_only/)
  assert.match(message('-l', 'WARN'), /invalid log level "WARN"/)
  assert.match(message('--component-log-level', 'upstream'), /not component:level/)
  assert.match(message('--component-log-level', 'bogus:debug'), /no component "bogus"/)
  assert.match(message('--component-log-level', 'upstream:bogus'), /invalid log level/)
  assert.match(message('--drain-strategy', 'x'), /gradual, immediate/)
  assert.match(message('--local-address-ip-version', 'v5'), /v4, v6/)
  assert.match(message('--stats-tag', 'foo'), /not name:value/)
  assert.match(message('--stats-tag', 'f-o:a'), /letters and digits/)
  assert.match(message('--stats-tag', 'foo:a.b'), /may not have a dot/)
  assert.match(message('--use-dynamic-base-id', '--restart-epoch', '1'), /cannot be used/)
})

test('concurrency 0 means one worker', () => {
  assert.equal(options('--concurrency', '0').concurrency, 1)
})

test('levels of components', () => {
  const { componentLogLevels } = options('--component-log-level', 'upstream:debug,config:trace')
  assert.deepEqual(
    [...componentLogLevels],
    [
      ['upstream', 'debug'],
      ['config', 'trace'],
    ],
  )
})

test('a launcher may pass flags that change nothing here; each is named once', () => {
  const { notices } = options(
    '--cpuset-threads',
    '--disable-hot-restart',
    '--file-flush-interval-msec',
    '1000',
    '--skip-deprecated-logs',
  )
  assert.equal(notices.length, 2)
  assert.match(notices.join('\n'), /--cpuset-threads has no effect/)
})

test('--help, --version and --hot-restart-version come before everything else', () => {
  assert.deepEqual(parseCommandLine(['--version', '--bogus']), { ok: true, value: { kind: 'print', what: 'version' } })
  assert.deepEqual(parseCommandLine(['-h']), { ok: true, value: { kind: 'print', what: 'help' } })
  assert.deepEqual(parseCommandLine(['--hot-restart-version']), {
    ok: true,
    value: { kind: 'print', what: 'hot-restart-version' },
  })
})

test('check FILE', () => {
  const command = parseCommandLine(['check', 'a.yaml', '--allow-unknown-static-fields'])
  assert(command.ok && command.value.kind === 'check')
  assert.deepEqual([command.value.options.configPath, command.value.options.mode], ['a.yaml', 'validate'])
  assert.match(message('check'), /needs a file/)
  assert.match(message('check', 'a', 'b'), /unexpected argument "b"/)
})

test('texts', () => {
  for (const flag of flags) assert(helpText().includes(`--${flag.name}`), flag.name)
  const build = { commit: 'abc', version: '0.1.0', isClean: true, type: 'RELEASE' }
  assert.equal(versionText(build), 'nuncio  version: abc/0.1.0/Clean/RELEASE/OpenSSL')
})
