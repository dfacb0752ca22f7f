import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { err, ok, type Result } from '../support/result.js'

/** The files of a new filter, and what to do with them. */
export interface NewFilter {
  readonly files: readonly string[]
  readonly next: readonly string[]
}

/**
 * `nuncio new filter NAME`: writes a filter, its test and a configuration that runs it, into `folder`. Nothing that is there is written over.
 */
export function newFilter(name: string, folder: string): Result<NewFilter, string> {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name))
    return err(
      `'${name}' cannot be the name of a filter: write small letters, digits and single hyphens, as in rate-header`,
    )
  const texts: Readonly<Record<string, string>> = {
    [`filters/${name}.ts`]: filterText(name),
    [`filters/${name}.test.ts`]: testText(name),
    [`${name}.yaml`]: configText(name),
  }
  const there = Object.keys(texts).filter(file => existsSync(path.join(folder, file)))
  if (there.length > 0) return err(`${there.join(', ')} is there already; nothing was written`)
  mkdirSync(path.join(folder, 'filters'), { recursive: true })
  for (const [file, text] of Object.entries(texts)) writeFileSync(path.join(folder, file), text)
  return ok({
    files: Object.keys(texts),
    next: [
      `nuncio -c ${name}.yaml                      # runs it on http://127.0.0.1:10000; edit the filter while it runs`,
      'curl -i http://127.0.0.1:10000/',
      `nuncio test filters/${name}.test.ts         # its test, without a socket`,
    ],
  })
}

const filterText = (name: string): string => `import { defineHttpFilter } from 'nuncio'
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

const testText = (name: string): string => `import assert from 'node:assert/strict'
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

const configText = (name: string): string => `admin:
  address:
    socket_address: { address: 127.0.0.1, port_value: 9901 }
static_resources:
  listeners:
    - name: main
      address:
        socket_address: { address: 127.0.0.1, port_value: 10000 }
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: ingress
                route_config:
                  virtual_hosts:
                    - name: all
                      domains: ["*"]
                      routes:
                        - match: { prefix: / }
                          direct_response: { status: 200, body: { inline_string: "from the proxy itself\\n" } }
                http_filters:
                  - name: ${name}
                    typed_config:
                      "@type": type.googleapis.com/nuncio.TypeScriptFilter
                      module: ./filters/${name}.ts
                      config: { greeting: hello }
                  - name: envoy.filters.http.router
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
`
