// h2spec (Go module github.com/summerwind/h2spec), all 146 cases: HTTP/2 in clear text, beside HTTP/1.1 on one listener, over TLS.
import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import http from 'node:http'
import type net from 'node:net'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { bootstrap, fill, http as listener } from '../support/config.js'
import { findGoProgram, missing, runProgram } from '../support/programs.js'
import { makeFolder, ProxyUnderTest } from '../support/proxy-under-test.js'
import { target } from '../support/target.js'
import { Identity, overTls } from '../support/tls.js'

const CASES = 146
/** A case that waits for an answer that never comes takes two seconds; real Envoy has a dozen of those. */
const LIMIT_MS = 170_000

/** What real Envoy 1.40 fails of it: it answers otherwise, or not at all, where the RFC's word is stricter than any client needs. */
const ENVOY_FAILS = [
  'generic/3.8 Sends a GOAWAY frame', // closes without a word, or stays
  'http2/5.1 closed: Sends a DATA frame after sending RST_STREAM frame', // ignored
  'http2/5.1 closed: Sends a HEADERS frame after sending RST_STREAM frame', // ignored
  'http2/5.1 closed: Sends a DATA frame', // ignored
  'http2/5.1 closed: Sends a HEADERS frame', // ignored
  'http2/5.1.1 Sends stream identifier that is numerically smaller than previous', // served
  'http2/5.3.1 Sends PRIORITY frame that depend on itself', // priorities are ignored
  'http2/5.4.1 Sends an invalid PING frame to receive GOAWAY frame', // closes without GOAWAY
  'http2/6.3 Sends a PRIORITY frame with 0x0 stream identifier', // priorities are ignored
  'http2/6.9.1 Sends multiple WINDOW_UPDATE frames increasing the flow control window to above 2^31-1', // closes without GOAWAY
  'http2/6.9.1 Sends multiple WINDOW_UPDATE frames increasing the flow control window to above 2^31-1 on a stream', // the same
  'http2/7 Sends a GOAWAY frame with unknown error code', // does not answer a PING after it
]
/** On a listener for both, its answer in HTTP/1.1 is no frame to h2spec. */
const ENVOY_FAILS_BESIDE_HTTP1 = 'http2/3.5 Sends invalid connection preface'

/** "package/section description" of every case in h2spec's JUnit report, and whether it failed. */
function readReport(text: string): Map<string, boolean> {
  const cases = new Map<string, boolean>()
  for (const [, attributes = '', end, body = ''] of text.matchAll(
    /<testcase\s([^>]*?)(\/>|>([\s\S]*?)<\/testcase>)/g,
  )) {
    const value = (name: string): string => new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? ''
    const name = `${value('package')} ${value('classname')}`
    cases.set(name, end !== '/>' && /<failure|<error/.test(body))
  }
  return cases
}

const h2spec = findGoProgram('h2spec')
const identity = new Identity()

describe('h2spec', { skip: missing({ h2spec }) }, () => {
  const folder = makeFolder()
  const upstream = http.createServer((request, response) => {
    request.resume()
    request.on('end', () => response.end('a body of which a window of a few bytes lets only a part through\n'))
  })
  let proxy: ProxyUnderTest | undefined

  before(async () => {
    await new Promise<void>(resolve => upstream.listen(0, '127.0.0.1', resolve))
    const listeners = [
      listener('clear', { hcm: 'codec_type: HTTP2' }),
      listener('beside-http1', { hcm: 'codec_type: AUTO' }),
      overTls(listener('tls', { hcm: 'codec_type: AUTO' }), identity),
    ]
    const values = new Map<string, string | number>([
      ['tmp', folder],
      ['up', (upstream.address() as net.AddressInfo).port],
    ])
    proxy = await ProxyUnderTest.start({ config: fill(bootstrap({ listeners }), values), folder })
  })

  after(async () => {
    upstream.close()
    upstream.closeAllConnections()
    await proxy?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  for (const name of ['clear', 'beside-http1', 'tls']) {
    test(`${CASES} cases: ${name}`, { timeout: LIMIT_MS + 10_000 }, async () => {
      assert.ok(proxy !== undefined)
      const report = path.join(folder, `${name}.xml`)
      const args = ['--strict', '-h', '127.0.0.1', '-p', String(proxy.port(name)), '-j', report]
      if (name === 'tls') args.push('-t', '-k')
      const ran = await runProgram([h2spec ?? '', ...args], { limitMs: LIMIT_MS })
      assert.ok(proxy.alive, proxy.complaints())
      const cases = readReport(readFileSync(report, 'utf8'))
      const failed = [...cases].filter(([, isFailed]) => isFailed).map(([title]) => title)
      const expected = target.name === 'envoy' ? [...ENVOY_FAILS] : []
      if (target.name === 'envoy' && name === 'beside-http1') expected.push(ENVOY_FAILS_BESIDE_HTTP1)
      assert.deepEqual(failed.sort(), expected.sort(), ran.stdout.slice(ran.stdout.indexOf('Failures:')))
      assert.equal(cases.size, CASES)
    })
  }
})
