import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { golden, TestNativeStats } from '../stats/native-stats.test-support.js'
import { StatsReport } from '../stats/report.js'
import { StatsStore } from '../stats/store.js'
import { Log } from '../support/log.js'
import { ok } from '../support/result.js'
import type { AdminBackend, ConfigDumpPart, HostStatus, Thresholds } from './backend.js'
import { type AdminAccess, AdminServer } from './server.js'

// What test/golden/admin holds was printed by Envoy 1.40 for one configuration; this is that configuration's state.

const thresholds: Thresholds = { maxConnections: 1024, maxPendingRequests: 1024, maxRequests: 1024, maxRetries: 3 }
const host: HostStatus = {
  address: { ip: '::1', port: 29080 },
  hostname: 'hh',
  cxActive: 0,
  cxConnectFail: 0,
  cxTotal: 0,
  rqActive: 0,
  rqError: 0,
  rqPendingActive: 0,
  rqSuccess: 0,
  rqTimeout: 0,
  rqTotal: 0,
  healthFlags: ['eds_status_draining'],
  weight: 5,
  region: 'r',
  zone: 'z',
  subZone: 's',
  canary: true,
  priority: 0,
  successRate: -1,
  localOriginSuccessRate: -1,
}

const store = new StatsStore(new TestNativeStats())
const calls: string[] = []
const overrides = new Map<string, string>()
let state: 'LIVE' | 'DRAINING' = 'LIVE'

const backend: AdminBackend = {
  stats: store,
  report: new StatsReport(store),
  log: new Log({ level: 'info', format: '%v', write: () => undefined }),
  serverState: () => state,
  serverInfo: () => ({
    version: 'sha/1.40.0/Clean/RELEASE/OpenSSL',
    uptimeCurrentEpochS: 8,
    uptimeAllEpochsS: 9,
    hotRestartVersion: '11.104',
    commandLineOptions: { concurrency: 2 },
    node: { id: '<n>' },
  }),
  hotRestartVersion: () => '11.104',
  memory: () => ({
    allocated: 1,
    heapSize: 2,
    pageheapUnmapped: 3,
    pageheapFree: 4,
    totalThreadCache: 5,
    totalPhysicalBytes: 6,
  }),
  clusters: () => [
    {
      name: 'c',
      observabilityName: 'c',
      addedViaApi: false,
      defaultPriority: { ...thresholds, maxConnections: 7, maxRetries: 9 },
      highPriority: { ...thresholds, maxRequests: 3 },
      outlier: {
        successRateAverage: -1,
        successRateEjectionThreshold: -1,
        localOriginSuccessRateAverage: -1,
        localOriginSuccessRateEjectionThreshold: -1,
      },
      hosts: [
        host,
        {
          ...host,
          address: { path: '/tmp/x' },
          hostname: '',
          healthFlags: ['failed_eds_health'],
          weight: 1,
          canary: false,
        },
        {
          ...host,
          address: { ip: '127.0.0.1', port: 1 },
          hostname: '',
          healthFlags: ['degraded_eds_health'],
          weight: 1,
          region: '',
          zone: '',
          subZone: '',
          canary: false,
          priority: 1,
        },
      ],
    },
  ],
  listeners: () => [
    { name: 'u', addresses: [{ path: '@nuncio-golden' }] },
    {
      name: 'multi',
      addresses: [
        { ip: '::1', port: 29031 },
        { ip: '127.0.0.1', port: 29032 },
      ],
    },
  ],
  configDump: async () => JSON.parse(golden('admin/config-dump-parts.json')) as ConfigDumpPart[],
  initDump: () => Promise.resolve([]),
  certificates: () => [],
  runtime: () => ({ layers: ['s', 'admin'], entries: new Map([['a.b', ['1', overrides.get('a.b') ?? '']]]) }),
  modifyRuntime: changes => {
    for (const [key, value] of changes) overrides.set(key, value)
    return ok()
  },
  drainListeners: options => calls.push(`drain ${JSON.stringify(options)}`),
  setHealthFailed: isFailed => {
    state = isFailed ? 'DRAINING' : 'LIVE'
  },
  reopenLogs: () => calls.push('reopen'),
  quit: () => calls.push('quit'),
}

const folder = mkdtempSync(join(tmpdir(), 'nuncio-admin-'))
const accesses: AdminAccess[] = []
const server = new AdminServer(backend, {
  address: { ip: '127.0.0.1', port: 0 },
  addressPath: join(folder, 'address'),
  onAccess: access => accesses.push(access),
})
let port = 0

before(async () => {
  const bound = await server.listen()
  assert.ok(bound.ok)
  assert.ok('port' in bound.value)
  port = bound.value.port
})

after(async () => {
  await server.close()
  rmSync(folder, { recursive: true })
})

interface Answer {
  readonly status: number
  readonly headers: readonly string[]
  readonly body: string
}

function ask(path: string, method = 'GET', body = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = body === '' ? {} : { 'content-type': 'application/x-www-form-urlencoded' }
    const request = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false }, response => {
      let text = ''
      response.on('data', (piece: Buffer) => {
        text += piece.toString()
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.rawHeaders, body: text }))
    })
    request.on('error', reject)
    request.end(body)
  })
}

/** Sends bytes, returns everything until the other side ends. */
function raw(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    let text = ''
    socket.on('data', piece => {
      text += piece.toString()
    })
    socket.on('end', () => resolve(text))
    socket.on('error', reject)
  })
}

test('the address is written to --admin-address-path', () => {
  assert.equal(readFileSync(join(folder, 'address'), 'utf8'), `127.0.0.1:${port}`)
})

for (const [path, file, method] of [
  ['/clusters', 'clusters.txt', 'GET'],
  ['/clusters?format=json', 'clusters.json', 'GET'],
  ['/clusters?format=zz', 'clusters.txt', 'GET'],
  ['/listeners', 'listeners.txt', 'GET'],
  ['/listeners?format=json', 'listeners.json', 'GET'],
  ['/config_dump?resource=static_listeners&mask=last_updated,listener.address', 'config-dump-resource.json', 'GET'],
  ['/config_dump?resource=static_listeners&name_regex=mul.*', 'config-dump-name.json', 'GET'],
  ['/config_dump?mask=static_clusters', 'config-dump.json', 'GET'],
  ['/logging?paths=admin:debug,http:trace', 'logging.txt', 'POST'],
  ['/logging?nope=info', 'logging-bad-name.txt', 'POST'],
] as const) {
  test(`${method} ${path} answers what Envoy answered`, async () => {
    assert.equal((await ask(path, method)).body, golden(`admin/${file}`))
  })
}

test('an answer on the wire has the headers Envoy sends, in its order', async () => {
  const text = await raw('GET /ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  assert.equal(
    text.replace(/date: [^\r]*/, 'date: D'),
    'HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=UTF-8\r\ncache-control: no-cache, max-age=0\r\n' +
      'x-content-type-options: nosniff\r\ndate: D\r\nserver: envoy\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n' +
      '5\r\nLIVE\n\r\n0\r\n\r\n',
  )
})

test('requests that no endpoint sees are answered as by the codec', async () => {
  const tidy = (text: string) => text.replace(/date: [^\r]*\r\n/, '')
  assert.match(
    tidy(await raw('GET /ready HTTP/1.0\r\n\r\n')),
    /^HTTP\/1.1 426 Upgrade Required\r\ncontent-length: 16\r\ncontent-type: text\/plain\r\nserver: envoy\r\nconnection: close\r\n\r\nUpgrade Required$/,
  )
  assert.match(
    tidy(await raw('BAD\r\n\r\n')),
    /^HTTP\/1.1 400 Bad Request\r\ncontent-length: 11\r\n[^]*\r\n\r\nBad Request$/,
  )
  assert.match(await raw('GET /ready HTTP/1.1\r\n\r\n'), /^HTTP\/1.1 400 Bad Request\r\n[^]*\r\n\r\n$/)
  assert.match(await raw('GET http://a/ready HTTP/1.1\r\nHost: a\r\n\r\n'), /^HTTP\/1.1 404 Not Found\r\n[^]*\r\n\r\n$/)
})

test('HEAD has no body', async () => {
  const text = await raw('HEAD /ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  assert.match(text, /^HTTP\/1.1 200 OK\r\n[^]*transfer-encoding: chunked\r\n\r\n$/)
})

test('two requests on one connection', async () => {
  const text = await raw(
    'GET /ready HTTP/1.1\r\nHost: x\r\n\r\nGET /ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  )
  assert.equal(text.match(/LIVE/g)?.length, 2)
  assert.equal(text.match(/keep-alive/gi), null)
})

test('what changes something needs POST', async () => {
  const { status, body } = await ask('/quitquitquit')
  assert.deepEqual([status, body], [405, 'Method GET not allowed, POST required.'])
  assert.equal(calls.includes('quit'), false)
  assert.deepEqual([(await ask('/quitquitquit', 'POST')).body, calls.at(-1)], ['OK\n', 'quit'])
})

test('an unknown path is 404 with the list of commands', async () => {
  const { status, body } = await ask('/nope')
  assert.equal(status, 404)
  assert.match(body, /^invalid path. admin commands are:\n {2}\/: /)
  const help = await ask('/help')
  assert.equal(help.body.replace('admin commands', 'invalid path. admin commands'), body)
  for (const path of ['/ready', '/stats', '/stats/prometheus', '/config_dump', '/drain_listeners (POST)']) {
    assert.ok(body.includes(`\n  ${path}: `), path)
  }
})

test('double slashes are merged, and any method reads', async () => {
  assert.equal((await ask('//ready')).body, 'LIVE\n')
  assert.equal((await ask('/ready?x', 'PUT')).body, 'LIVE\n')
})

test('the health check turns /ready to 503 and back', async () => {
  await ask('/healthcheck/fail', 'POST')
  assert.deepEqual([(await ask('/ready')).status, (await ask('/ready')).body], [503, 'DRAINING\n'])
  await ask('/healthcheck/ok', 'POST')
  assert.equal((await ask('/ready')).status, 200)
})

test('draining passes its options on', async () => {
  await ask('/drain_listeners?graceful&inboundonly', 'POST')
  assert.equal(calls.at(-1), 'drain {"graceful":true,"inboundOnly":true,"skipExit":false}')
})

test('runtime values are set by query or form', async () => {
  assert.equal((await ask('/runtime_modify', 'POST')).status, 400)
  assert.equal((await ask('/runtime_modify', 'POST', 'a.b=2')).body, 'OK\n')
  assert.deepEqual(JSON.parse((await ask('/runtime')).body), {
    entries: { 'a.b': { layer_values: ['1', '2'], final_value: '2' } },
    layers: ['s', 'admin'],
  })
})

test('the dump refuses what it has not', async () => {
  const unknown = await ask('/config_dump?resource=nope')
  assert.deepEqual([unknown.status, unknown.body], [404, 'nope not found in config dump'])
  assert.deepEqual(unknown.headers.slice(0, 4), ['x-content-type-options', 'nosniff', 'content-type', 'text/plain'])
  const single = await ask('/config_dump?resource=bootstrap')
  assert.equal(single.body, 'bootstrap is not a repeated field. Use ?mask=bootstrap to get only this field')
  assert.equal((await ask('/config_dump?resource=dynamic_active_clusters')).body, '{}\n')
  const mask = await ask('/config_dump?mask=bootstrap.node.id,static_clusters.cluster.name')
  assert.match(mask.body, /^FieldMask bootstrap.node.id,static_clusters.cluster.name could not be successfully applied/)
  // Protobuf puts a random number of spaces into this text, so that nobody compares it.
  const paths = await ask('/config_dump?resource=static_clusters&mask=nope')
  assert.equal(
    paths.body.replace(/ +\n/, '\n'),
    'FieldMask goo.gle/debugonly\npaths: "nope"\n could not be successfully used.',
  )
  const regex = await ask('/config_dump?name_regex=(')
  assert.equal(regex.body, 'INVALID_ARGUMENT: Error while parsing name_regex from (: missing ): (')
  assert.equal((await ask('/config_dump?mask=bootstrap.node.cluster')).body.includes('"cluster": "cl"'), true)
})

test('server_info keeps its order and escapes angle brackets', async () => {
  const { body } = await ask('/server_info')
  assert.deepEqual(Object.keys(JSON.parse(body) as object), [
    'version',
    'state',
    'uptime_current_epoch',
    'uptime_all_epochs',
    'hot_restart_version',
    'command_line_options',
    'node',
    'hot_restart_initializing',
  ])
  assert.ok(body.includes('"\\u003cn\\u003e"'))
  assert.ok(body.includes(' "uptime_current_epoch": "8s",\n'))
})

test('the admin server counts itself', async () => {
  store.resetCounters()
  await ask('/ready')
  const { body } = await ask('/stats?filter=^http.admin.downstream_rq_(total|2xx|active)$')
  assert.equal(
    body,
    'http.admin.downstream_rq_2xx: 2\nhttp.admin.downstream_rq_active: 1\nhttp.admin.downstream_rq_total: 2\n',
  )
})

test('stats complain as Envoy does', async () => {
  assert.deepEqual(
    [(await ask('/stats?format=foo')).status, (await ask('/stats?format=foo')).body],
    [400, 'usage: /stats?format=(html|active-html|json|prometheus|text)\n\n'],
  )
  assert.equal((await ask('/stats?type=foo')).body, 'invalid &type= param')
  assert.equal((await ask('/stats?filter=(')).body, 'Invalid re2 regex: missing ): (')
  assert.equal((await ask('/stats/prometheus?histogram_buckets=detailed')).status, 400)
})

test('pages are HTML and escaped', async () => {
  const home = await ask('/')
  assert.ok(home.headers.includes('text/html; charset=UTF-8'))
  assert.match(home.body, /<form action="quitquitquit" method="post"/)
  assert.match((await ask('/stats?format=html')).body, /<pre>\n[^]*http.admin.downstream_cx_total: \d+\n[^]*<\/pre>/)
})

test('accesses are told', async () => {
  accesses.length = 0
  await ask('/stats?filter=zzz')
  await new Promise(resolve => setImmediate(resolve))
  const access = accesses[0]
  assert.deepEqual(
    [access?.method, access?.path, access?.status, access?.bytesSent],
    ['GET', '/stats?filter=zzz', 200, 0],
  )
})

test('allow_paths refuses the rest, query included', async () => {
  const guarded = new AdminServer(backend, {
    address: { ip: '127.0.0.1', port: 0 },
    allowPath: path => path === '/ready',
  })
  const form = new URLSearchParams()
  const of = (url: string) => guarded.answer({ method: 'GET', url, path: url.split('?')[0] ?? '', query: form, form })
  assert.equal((await of('/ready')).status, 200)
  const refused = await of('/ready?x=1')
  assert.deepEqual([refused.status, refused.body], [403, 'request to path /ready?x=1 not allowed'])
})

test('a unix socket, one left over, and an address in use', async () => {
  const path = join(folder, 'admin.sock')
  const first = new AdminServer(backend, { address: { path } })
  assert.ok((await first.listen()).ok)
  assert.ok(existsSync(path))
  const second = new AdminServer(backend, { address: { ip: '127.0.0.1', port } })
  const refused = await second.listen()
  assert.ok(!refused.ok)
  assert.match(refused.error, /^cannot bind '127.0.0.1:\d+': address already in use$/)
  await first.close()
})
