import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { defineHttpFilter } from '../api/http-filter.js'
import type { StandardSchema } from '../api/schema.js'
import { testHttpFilter } from './http-filter.js'

const any: StandardSchema<{ readonly [name: string]: never }> = {
  '~standard': { version: 1, vendor: 'test', validate: value => ({ value: value as { [name: string]: never } }) },
}
const named: StandardSchema<{ name: string }> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: value =>
      typeof (value as { name?: unknown }).name === 'string'
        ? { value: value as { name: string } }
        : { issues: [{ path: ['name'], message: 'expected a string' }] },
  },
}

test('settings are read by the schema', () => {
  const filter = defineHttpFilter({ name: 'f', config: named, create: () => ({}) })
  assert.throws(() => testHttpFilter(filter, { name: 1 }), /config\.name: expected a string/)
  testHttpFilter(filter, { name: 'a' })
})

test('headers pass both ways, changed', async () => {
  const filter = testHttpFilter(
    defineHttpFilter({
      name: 'f',
      config: any,
      state: () => ({ seen: '' }),
      create: (_config, { stats }) => {
        const requests = stats.counter('requests')
        return {
          onRequestHeaders(request, stream) {
            requests.inc()
            stream.state.seen = request.headers.get('Host') ?? ''
            request.headers.set('x-a', request.headers.getAll('x-b').join('+'))
            request.headers.delete('x-b')
          },
          onResponseHeaders(response, stream) {
            response.status = 202
            response.headers.append('x-seen', stream.state.seen)
          },
        }
      },
    }),
  )
  const result = await filter.request({
    headers: { 'X-B': ['1', '2'] },
    response: request => ({ status: 200, body: request.headers['x-a'] ?? '' }),
  })
  assert.equal(result.status, 202)
  assert.equal(result.body, '1+2')
  assert.equal(result.headers['x-seen'], 'test')
  assert.equal(result.upstream?.headers['x-b'], undefined)
  assert.equal(filter.stat('requests'), 1)
})

test('a reply after a wait keeps the request from the upstream', async () => {
  const filter = testHttpFilter(
    defineHttpFilter({
      name: 'f',
      config: any,
      create: () => ({
        async onRequestHeaders(_request, stream) {
          await sleep(1)
          return stream.reply(403, 'no', { 'x-why': 'because' })
        },
      }),
    }),
  )
  const result = await filter.request()
  assert.deepEqual(
    [result.status, result.body, result.headers['x-why'], result.upstream],
    [403, 'no', 'because', undefined],
  )
})

test('bodies are changed, gathered and replaced', async () => {
  const filter = testHttpFilter(
    defineHttpFilter({
      name: 'f',
      config: any,
      create: () => ({
        async onRequestHeaders(_request, stream) {
          const body = await stream.requestBody.buffer(10)
          stream.requestBody.replace(`${body.length} bytes`)
        },
        onResponseData: chunk => Buffer.from(Buffer.from(chunk).toString().toUpperCase()),
      }),
    }),
  )
  const result = await filter.request({ method: 'POST', body: ['abc', 'de'], response: { body: ['x', 'y'] } })
  assert.equal(result.upstream?.body.toString(), '5 bytes')
  assert.equal(result.body, 'XY')
  const long = await filter.request({ method: 'POST', body: '0123456789a' })
  assert.equal(long.status, 413)
})

test('a hook that throws is a 500, and told', async () => {
  const filter = testHttpFilter(
    defineHttpFilter({
      name: 'f',
      config: any,
      create: () => ({
        onRequestHeaders() {
          throw new Error('oh')
        },
      }),
    }),
  )
  const result = await filter.request()
  assert.equal(result.status, 500)
  assert.match(String(filter.errors[0]), /oh/)
})

test('the signal is aborted when the stream is over; headers are gone then', async () => {
  let late: () => string | undefined = () => undefined
  let signal: AbortSignal | undefined
  const filter = testHttpFilter(
    defineHttpFilter({
      name: 'f',
      config: any,
      create: () => ({
        onRequestHeaders(request, stream) {
          late = () => request.headers.get('host')
          signal = stream.signal
        },
      }),
    }),
  )
  await filter.request()
  assert.equal(signal?.aborted, true)
  assert.throws(() => late(), /this stream is over/)
})

const asking = defineHttpFilter({
  name: 'asking',
  config: any,
  create: (_config, { clusters }) => ({
    async onRequestHeaders(request, stream) {
      try {
        const answer = await clusters.fetch('auth', { path: request.path, body: 'who?', timeoutMs: 20 })
        if (!answer.ok) return stream.reply(answer.status, await answer.text())
        request.headers.set('x-user', await answer.text())
      } catch (error) {
        return stream.reply(500, String((error as { code?: string }).code))
      }
      return undefined
    },
  }),
})

test('calls to clusters are answered by the test', async () => {
  const filter = testHttpFilter(
    asking,
    {},
    {
      clusters: {
        auth: ({ path, method, body }) =>
          path === '/deny' ? { status: 403, body: 'no' } : { body: `${method} ${body.toString()}` },
      },
    },
  )
  assert.equal((await filter.request({ path: '/' })).upstream?.headers['x-user'], 'POST who?')
  const denied = await filter.request({ path: '/deny' })
  assert.deepEqual([denied.status, denied.body], [403, 'no'])
})

test('a call to nobody, and one that takes too long, say why', async () => {
  assert.equal((await testHttpFilter(asking, {}).request()).body, 'no-cluster')
  const silent = testHttpFilter(asking, {}, { clusters: { auth: () => new Promise(() => undefined) } })
  assert.equal((await silent.request()).body, 'timeout')
})
