#!/usr/bin/env node
// What must not fail while wrk loads a proxy.
//   node scripts/load-tests.mjs reloads [--count=200] [--concurrency=2]     the file changes again and again: 0 failed requests
//   node scripts/load-tests.mjs upstream-killed [--kills=3]                 an upstream is killed and started again: only what
//                                                                           real Envoy would fail, fails (both are run)
// Exit 0: so it was. Needs wrk (npm run bench fetches it), and Envoy for the second.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { findProgram, toolEnvironment } from '../bench/lib/tools.mjs'
import { fetchEnvoy } from './fetch-envoy.mjs'
import { compileScenarios } from './run-tests.mjs'

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '..')
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '200' },
    concurrency: { type: 'string', default: '2' },
    kills: { type: 'string', default: '3' },
    only: { type: 'boolean', default: false },
  },
})
const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))
const support = name => import(path.join(root, '.cache/test/support', `${name}.js`))

/** wrk until it is stopped, and what it saw: requests, answers that were not 2xx or 3xx, broken sockets. */
function wrk(port, connections, seconds) {
  const child = spawn(
    findProgram('wrk'),
    [
      '-t1',
      `-c${connections}`,
      `-d${seconds}s`,
      '--timeout',
      '10s',
      '-s',
      'keep-alive.lua',
      `http://127.0.0.1:${port}/`,
    ],
    { cwd: path.join(root, 'bench/wrk'), env: { ...process.env, ...toolEnvironment() } },
  )
  let output = ''
  child.stdout.on('data', text => {
    output += text
  })
  const ended = once(child, 'close').then(() => {
    const line = output.split('\n').find(text => text.startsWith('BENCH '))
    if (line === undefined) throw new Error(`wrk: ${output}`)
    const { requests, errors } = JSON.parse(line.slice('BENCH '.length))
    const { status, ...sockets } = errors
    return { requests, refused: status, broken: Object.values(sockets).reduce((sum, count) => sum + count, 0) }
  })
  return { ended, stop: () => child.kill('SIGINT') }
}

/** An upstream in a process of its own, so that it can be killed as by the kernel. */
class Upstream {
  #child
  port = 0

  async start() {
    const script = `require('node:http').createServer((q, s) => s.end('ok')).listen(${this.port}, '127.0.0.1', function () { console.log(this.address().port) })`
    this.#child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = await once(this.#child.stdout, 'data')
    this.port = Number(String(line))
    return this
  }

  async kill() {
    const gone = once(this.#child, 'close')
    this.#child.kill('SIGKILL')
    await gone
  }
}

const answers = folder =>
  readFileSync(path.join(folder, 'answers.log'), 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map(line => line.slice(line.indexOf(' ') + 1))

async function reloads() {
  const [{ ProxyUnderTest }, { bootstrap, cluster, fill, http }] = await Promise.all([
    support('proxy-under-test'),
    support('config'),
  ])
  const up = await new Upstream().start()
  const listenPort = await freePort()
  // Now a route changes, now the cluster too, now the listener's filters.
  const config = version =>
    fill(
      bootstrap({
        clusters: [cluster('up', ['up'], `connect_timeout: ${1 + Number(version % 3 === 1)}s`)],
        listeners: [
          http('main', {
            hcm: `{access_log: [], stat_prefix: in${Math.floor(version / 3)}}`,
            routes: `[{match: {prefix: /}, route: {cluster: up, timeout: ${10 + version}s}}]`,
            listener: `address: {socket_address: {address: 127.0.0.1, port_value: ${listenPort}}}`,
          }),
        ],
      }),
      new Map([['up', up.port]]),
    )
  const proxy = await ProxyUnderTest.start({ config: config(0), concurrency: Number(options.concurrency) })
  const load = wrk(proxy.port('main'), 64, 3600)
  const count = Number(options.count)
  try {
    for (let version = 1; version <= count; version++) {
      writeFileSync(`${proxy.configPath}.new`, config(version))
      renameSync(`${proxy.configPath}.new`, proxy.configPath)
      await proxy.waitFor(
        `reload ${version}`,
        () => (proxy.stderr.split('the new configuration is in use').length > version ? true : undefined),
        () => proxy.stderr.slice(-2000),
        20_000,
      )
    }
    load.stop()
    const seen = await load.ended
    const stats = await proxy.stats()
    console.log(
      `${count} reloads, ${seen.requests} requests, ${seen.refused} answers not 2xx, ${seen.broken} broken sockets; ` +
        `listeners modified: ${stats.get('listener_manager.listener_modified')}`,
    )
    return seen.refused + seen.broken === 0 && seen.requests > count ? 0 : 1
  } finally {
    load.stop()
    await proxy.stop()
    await up.kill()
  }
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  return port
}

/** One proxy, loaded while one of its two upstreams dies and comes back. The result is one line of JSON. */
async function upstreamKilledOn() {
  const [{ ProxyUnderTest, makeFolder }, { bootstrap, cluster, fill, http }] = await Promise.all([
    support('proxy-under-test'),
    support('config'),
  ])
  const [mortal, steady] = [await new Upstream().start(), await new Upstream().start()]
  const values = new Map([
    ['mortal', mortal.port],
    ['steady', steady.port],
  ])
  const log = folder => `
access_log:
- name: file
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
    path: ${folder}/answers.log
    log_format: {text_format_source: {inline_string: "%REQ(:AUTHORITY)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\\n"}}`
  const result = {}
  const retries =
    '{retry_on: "connect-failure,reset", num_retries: 5, retry_back_off: {base_interval: 0.002s}, retry_host_predicate: [{name: p, typed_config: {"@type": type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate}}], host_selection_retry_max_attempts: 5}'
  const kinds = {
    alone: { upstreams: ['mortal'], route: '{cluster: up}' },
    'with a second host and retries': {
      upstreams: ['mortal', 'steady'],
      route: `{cluster: up, retry_policy: ${retries}}`,
    },
  }
  for (const [name, { upstreams, route }] of Object.entries(kinds)) {
    const folder = makeFolder()
    const config = fill(
      bootstrap({
        clusters: [cluster('up', upstreams, 'circuit_breakers: {thresholds: [{max_retries: 1000}]}')],
        listeners: [http('main', { hcm: log(folder), routes: `[{match: {prefix: /}, route: ${route}}]` })],
      }),
      values,
    )
    const proxy = await ProxyUnderTest.start({ config, folder })
    const load = wrk(proxy.port('main'), 32, 600)
    for (let kill = 0; kill < Number(options.kills); kill++) {
      await sleep(700)
      await mortal.kill()
      await sleep(500)
      await mortal.start()
    }
    await sleep(700)
    load.stop()
    const seen = await load.ended
    const after = await fetch(`http://127.0.0.1:${proxy.port('main')}/`)
    await sleep(300)
    const byKind = {}
    for (const line of answers(folder)) byKind[line] = (byKind[line] ?? 0) + 1
    result[name] = { ...seen, afterwards: after.status, byKind }
    await proxy.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  await Promise.all([mortal.kill(), steady.kill()])
  console.log(`RESULT ${JSON.stringify(result)}`)
  return 0
}

function upstreamKilled() {
  const { program, reason } = fetchEnvoy()
  if (program === undefined) {
    console.log(`skipped: no Envoy here: ${reason}`)
    return 0
  }
  const run = target => {
    const { stdout } = spawnSync(
      process.execPath,
      [process.argv[1], 'upstream-killed', '--only', `--kills=${options.kills}`],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, ENVOY_BIN: program, NUNCIO_TEST_TARGET: target },
      },
    )
    return JSON.parse(/^RESULT (.*)$/m.exec(stdout)?.[1] ?? '{}')
  }
  const [envoy, nuncio] = ['envoy', 'nuncio'].map(run)
  const wrong = []
  for (const [name, theirs] of Object.entries(envoy)) {
    const ours = nuncio[name] ?? { byKind: {}, broken: -1 }
    for (const [who, seen] of Object.entries({ envoy: theirs, nuncio: ours })) {
      console.log(
        `${name}, ${who}: ${seen.requests} requests, ${seen.refused} not 2xx, ${seen.broken} broken sockets, afterwards ${seen.afterwards}`,
      )
      for (const [kind, count] of Object.entries(seen.byKind).sort())
        console.log(`  ${String(count).padStart(8)}  ${kind}`)
    }
    const isFailure = kind => !kind.startsWith('200 ')
    const others = Object.keys(ours.byKind).filter(kind => isFailure(kind) && !(reasonOf(kind) in reasons(theirs)))
    if (others.length > 0) wrong.push(`${name}: fails as Envoy does not: ${others.join(' | ')}`)
    if (ours.broken > theirs.broken) wrong.push(`${name}: ${ours.broken} broken sockets, Envoy ${theirs.broken}`)
    if (theirs.refused === 0 && ours.refused > 0) wrong.push(`${name}: ${ours.refused} failed, none of Envoy's`)
    if (ours.afterwards !== 200) wrong.push(`${name}: afterwards ${ours.afterwards}`)
  }
  for (const line of wrong) console.log(line)
  return wrong.length === 0 && Object.keys(envoy).length > 0 ? 0 : 1
}

// Whether a dying peer's last word was FIN or RST is the kernel's chance: both are a connection that went away under a request.
const reasonOf = kind =>
  kind.replace(/connection_termination|remote_reset|remote_connection_failure.*/, 'gone').replace(/\bU[CF]\b/, 'U')
const reasons = seen => Object.fromEntries(Object.keys(seen.byKind).map(kind => [reasonOf(kind), true]))

if (findProgram('wrk') === undefined) {
  console.log('skipped: wrk is missing; npm run bench fetches it')
  process.exit(0)
}
mkdirSync(path.join(root, '.cache'), { recursive: true })
if (!options.only || !existsSync(path.join(root, '.cache/test/support'))) compileScenarios()
const tests = { reloads, 'upstream-killed': options.only ? upstreamKilledOn : upstreamKilled }
const chosen = tests[positionals[0] ?? '']
if (chosen === undefined) {
  console.error(`which one? ${Object.keys(tests).join(', ')}`)
  process.exit(2)
}
process.exit(await chosen())
