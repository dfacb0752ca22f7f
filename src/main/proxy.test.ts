import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigurationError, createProxy } from './proxy.js'

const manager = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'
const router = 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router'

const config = (text: string): Record<string, unknown> => ({
  static_resources: {
    listeners: [
      {
        name: 'front',
        address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
        filter_chains: [
          {
            filters: [
              {
                name: 'hcm',
                typed_config: {
                  '@type': manager,
                  stat_prefix: 'front',
                  route_config: {
                    virtual_hosts: [
                      {
                        name: 'all',
                        domains: ['*'],
                        routes: [
                          { match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: text } } },
                        ],
                      },
                    ],
                  },
                  http_filters: [{ name: 'router', typed_config: { '@type': router } }],
                },
              },
            ],
          },
        ],
      },
    ],
  },
})

test('a proxy in this process serves, is updated, counts and stops', async () => {
  const proxy = await createProxy({ config: config('one'), logLevel: 'off' })
  try {
    assert.match(proxy.listeners.get('front') ?? '', /^127\.0\.0\.1:\d+$/)
    const first = await proxy.inject({ method: 'POST', path: '/a', headers: { 'x-a': 'b' }, body: 'text' })
    assert.deepEqual([first.status, first.body, first.headers['server']], [200, 'one', 'envoy'])
    await proxy.update(config('two'))
    assert.equal((await proxy.inject({ listener: 'front' })).body, 'two')
    await assert.rejects(
      proxy.update({ static_resources: { listeners: [{ adress: {} }] } }),
      (error: ConfigurationError) => error instanceof ConfigurationError && /address/.test(error.lines.join('\n')),
    )
    assert.equal((await proxy.inject()).body, 'two')
    assert.equal(proxy.stats('http.front.downstream_rq_total').get('http.front.downstream_rq_total'), 3)
    await assert.rejects(proxy.inject({ listener: 'nowhere' }), /there are front/)
  } finally {
    await proxy.stop()
  }
})
