import type { FilterKind } from '../support/filter-kind.js'

/** The files of a new filter, and how to see it at work. */
export interface Template {
  readonly filter: string
  readonly test: string
  readonly config: string
  readonly tryIt: string
}

export const templates: Readonly<Record<FilterKind, (name: string) => Template>> = {
  http: name => ({
    filter: httpFilter(name),
    test: httpTest(name),
    config: httpConfig('', `\n                  - ${scriptItem(name, '{ greeting: hello }', 20)}`),
    tryIt: 'curl -i http://127.0.0.1:10000/',
  }),
  network: name => ({
    filter: networkFilter(name),
    test: networkTest(name),
    config: echoConfig(`\n            - ${scriptItem(name, '{ banner: "say something\\n" }', 14)}`, ''),
    tryIt: 'nc 127.0.0.1 10000',
  }),
  listener: name => ({
    filter: listenerFilter(name),
    test: listenerTest(name),
    config: echoConfig('', `\n      listener_filters:\n        - ${scriptItem(name, '{ longest: 64 }', 10)}`),
    tryIt: 'nc 127.0.0.1 10000                           # then a line: hello',
  }),
  'access-logger': name => ({
    filter: accessLogger(name),
    test: accessLoggerTest(name),
    config: httpConfig(
      `\n                access_log:\n                  - ${scriptItem(name, '{ over_ms: 0 }', 20)}`,
      '',
    ),
    tryIt: 'curl -i http://127.0.0.1:10000/              # the log of the proxy tells of it',
  }),
}

/** An item of a list of filters, without its dash; `indent`: of its members. */
function scriptItem(name: string, config: string, indent: number): string {
  const line = `\n${' '.repeat(indent)}`
  return [
    `name: ${name}`,
    'typed_config:',
    '  "@type": type.googleapis.com/nuncio.TypeScriptFilter',
    `  module: ./filters/${name}.ts`,
    `  config: ${config}`,
  ].join(line)
}

const httpFilter = (name: string): string => `import { defineHttpFilter } from 'nuncio'
import { z } from 'zod'

export default defineHttpFilter({
  name: '${name}',
  config: z.object({ greeting: z.string() }),
  create: ({ greeting }, { stats }) => {
    const requests = stats.counter('requests')
    return {
      onRequestHeaders(request, stream) {
        requests.inc()
        if (request.path === '/forbidden') return stream.reply(403, 'not here\\n')
      },
      onResponseHeaders(response) {
        response.headers.set('x-greeting', greeting)
      },
    }
  },
})
`

const httpTest = (name: string): string => `import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testHttpFilter } from 'nuncio/testing'
import filter ${'from'} './${name}.js'

test('greets', async () => {
  const result = await testHttpFilter(filter, { greeting: 'hello' }).request()
  assert.equal(result.headers['x-greeting'], 'hello')
})

test('keeps a path to itself', async () => {
  const result = await testHttpFilter(filter, { greeting: 'hello' }).request({ path: '/forbidden' })
  assert.equal(result.status, 403)
  assert.equal(result.upstream, undefined)
})
`

const networkFilter = (name: string): string => `import { defineNetworkFilter } from 'nuncio'
import { z } from 'zod'

export default defineNetworkFilter({
  name: '${name}',
  config: z.object({ banner: z.string() }),
  state: () => ({ lines: 0 }),
  create: ({ banner }, { stats }) => {
    const lines = stats.counter('lines')
    return {
      onNewConnection(connection) {
        connection.write(banner)
      },
      onData(data, connection, end) {
        const text = Buffer.from(data).toString()
        if (!text.endsWith('\\n') && !end) return connection.more()
        lines.inc()
        connection.state.lines += 1
        if (text === 'quit\\n') {
          connection.write(\`\${connection.state.lines} lines\\n\`)
          connection.close('quit')
        }
        return Buffer.from(text.toUpperCase())
      },
    }
  },
})
`

const networkTest = (name: string): string => `import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testNetworkFilter } from 'nuncio/testing'
import filter ${'from'} './${name}.js'

test('greets, and passes whole lines on', async () => {
  const connection = await testNetworkFilter(filter, { banner: 'hi\\n' }).connect()
  assert.equal(connection.received, 'hi\\n')
  await connection.send('hel')
  assert.equal(connection.passed, '')
  await connection.send('lo\\n')
  assert.equal(connection.passed, 'HELLO\\n')
})

test('ends when it is told to', async () => {
  const connection = await testNetworkFilter(filter, { banner: '' }).connect()
  await connection.send('quit\\n')
  assert.deepEqual(connection.closed, { isOrderly: true, reason: 'quit' })
})
`

const listenerFilter = (name: string): string => `import { defineListenerFilter } from 'nuncio'
import { z } from 'zod'

export default defineListenerFilter({
  name: '${name}',
  config: z.object({ longest: z.number() }),
  create: ({ longest }, { stats }) => {
    const refused = stats.counter('refused')
    return {
      onAccept: connection => connection.more(longest),
      onData(bytes, connection) {
        const end = bytes.indexOf(10)
        if (end < 0 && bytes.length < longest) return connection.more(longest)
        if (end < 0) {
          refused.inc()
          return connection.close()
        }
        connection.serverName = Buffer.from(bytes.subarray(0, end)).toString()
      },
    }
  },
})
`

const listenerTest = (name: string): string => `import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testListenerFilter } from 'nuncio/testing'
import filter ${'from'} './${name}.js'

test('takes the name from the first line', async () => {
  const seen = await testListenerFilter(filter, { longest: 64 }).accept({ bytes: ['he', 'llo\\n'] })
  assert.equal(seen.verdict, 'accepted')
  assert.equal(seen.serverName, 'hello')
})

test('refuses a long line', async () => {
  const seen = await testListenerFilter(filter, { longest: 4 }).accept({ bytes: 'hello\\n' })
  assert.equal(seen.verdict, 'closed')
})
`

const accessLogger = (name: string): string => `import { defineAccessLogger } from 'nuncio'
import { z } from 'zod'

export default defineAccessLogger({
  name: '${name}',
  config: z.object({ over_ms: z.number() }),
  // What an entry has: Envoy's command operators.
  fields: { path: '%REQ(:path)%', code: '%RESPONSE_CODE%', tookMs: '%DURATION%' },
  create: ({ over_ms }, { log }) => ({
    log({ path, code, tookMs }) {
      if (Number(tookMs) >= over_ms) log.info(\`\${String(path)}: \${String(code)} after \${String(tookMs)} ms\`)
    },
  }),
})
`

const accessLoggerTest = (name: string): string => `import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testAccessLogger } from 'nuncio/testing'
import logger ${'from'} './${name}.js'

test('tells of what took long', () => {
  const tested = testAccessLogger(logger, { over_ms: 100 })
  tested.write({ path: '/a', code: 200, tookMs: 120 }, { path: '/b', code: 200, tookMs: 20 })
  assert.deepEqual(tested.log, ['info: /a: 200 after 120 ms'])
})
`

const head = `admin:
  address:
    socket_address: { address: 127.0.0.1, port_value: 9901 }
static_resources:
  listeners:
    - name: main
      address:
        socket_address: { address: 127.0.0.1, port_value: 10000 }`

const httpConfig = (accessLog: string, filter: string): string => `${head}
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: ingress${accessLog}
                route_config:
                  virtual_hosts:
                    - name: all
                      domains: ["*"]
                      routes:
                        - match: { prefix: / }
                          direct_response: { status: 200, body: { inline_string: "from the proxy itself\\n" } }
                http_filters:${filter}
                  - name: envoy.filters.http.router
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
`

const echoConfig = (filter: string, listenerFilter: string): string => `${head}${listenerFilter}
      filter_chains:
        - filters:${filter}
            - name: envoy.filters.network.echo
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo
`
