// Envoy Gateway (Go module github.com/envoyproxy/gateway) in its standalone mode: it reads resources of the Gateway API from files, starts
// the proxy it finds in its data folder, and configures it over delta ADS with TLS. Its control plane has fixed ports.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { findGoProgram, missing, RunningProgram } from '../support/programs.js'
import { makeFolder } from '../support/proxy-under-test.js'
import { target } from '../support/target.js'
import { poll } from '../support/wait.js'

const gateway = findGoProgram('envoy-gateway')
const START_MS = 40_000
/** What the resources ask for. */
const VERSION = '1.40.0'

interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  /** What the service behind was asked. */
  readonly seen:
    | { readonly service: string; readonly url: string; readonly headers: http.IncomingHttpHeaders }
    | undefined
}

const backend = (name: string): object => ({ group: 'gateway.envoyproxy.io', kind: 'Backend', name })
const prefix = (value: string): object => ({ path: { type: 'PathPrefix', value } })

function rules(): object[] {
  return [
    {
      matches: [{ path: { type: 'Exact', value: '/redirect' } }],
      filters: [
        {
          type: 'RequestRedirect',
          requestRedirect: { path: { type: 'ReplaceFullPath', replaceFullPath: '/other' }, statusCode: 301 },
        },
      ],
    },
    {
      matches: [prefix('/rewrite')],
      filters: [
        {
          type: 'URLRewrite',
          urlRewrite: { hostname: 'inner.example', path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/inner' } },
        },
      ],
      backendRefs: [backend('one')],
    },
    {
      matches: [
        {
          ...prefix('/headers'),
          headers: [{ name: 'x-a', value: '1' }],
          queryParams: [{ name: 'q', value: 'v' }],
          method: 'GET',
        },
      ],
      filters: [
        {
          type: 'RequestHeaderModifier',
          requestHeaderModifier: {
            set: [{ name: 'x-set', value: 's' }],
            add: [{ name: 'x-add', value: 'a' }],
            remove: ['x-gone'],
          },
        },
        {
          type: 'ResponseHeaderModifier',
          responseHeaderModifier: { set: [{ name: 'x-new', value: 'n' }], remove: ['x-service'] },
        },
      ],
      backendRefs: [backend('one')],
    },
    { matches: [prefix('/two')], backendRefs: [backend('two')] },
    {
      matches: [prefix('/mirror')],
      filters: [{ type: 'RequestMirror', requestMirror: { backendRef: backend('two') } }],
      backendRefs: [backend('one')],
    },
    {
      matches: [{ path: { type: 'RegularExpression', value: '/re/[0-9]+' } }],
      timeouts: { request: '2s' },
      backendRefs: [backend('one')],
    },
  ]
}

function resources(ports: { readonly gateway: number; readonly one: number; readonly two: number }): object[] {
  const metadata = (name: string): object => ({ name, namespace: 'envoy-gateway-system' })
  const own = (kind: string, name: string, spec: object): object => ({
    apiVersion: 'gateway.envoyproxy.io/v1alpha1',
    kind,
    metadata: metadata(name),
    spec,
  })
  const api = (kind: string, name: string, spec: object): object => ({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind,
    metadata: metadata(name),
    spec,
  })
  const route = (name: string): object => ({ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', name })
  return [
    api('GatewayClass', 'eg', {
      controllerName: 'gateway.envoyproxy.io/gatewayclass-controller',
      parametersRef: {
        group: 'gateway.envoyproxy.io',
        kind: 'EnvoyProxy',
        name: 'host',
        namespace: 'envoy-gateway-system',
      },
    }),
    own('EnvoyProxy', 'host', { provider: { type: 'Host', host: { envoyVersion: VERSION } } }),
    api('Gateway', 'eg', {
      gatewayClassName: 'eg',
      listeners: [{ name: 'http', protocol: 'HTTP', port: ports.gateway }],
    }),
    api('HTTPRoute', 'plain', { parentRefs: [{ name: 'eg' }], hostnames: ['plain.example'], rules: rules() }),
    api('HTTPRoute', 'policies', {
      parentRefs: [{ name: 'eg' }],
      hostnames: ['policy.example'],
      rules: [{ matches: [prefix('/')], backendRefs: [backend('one')] }],
    }),
    own('BackendTrafficPolicy', 'policies', {
      targetRefs: [route('policies')],
      retry: { numRetries: 2, retryOn: { httpStatusCodes: [503], triggers: ['retriable-status-codes'] } },
      timeout: { tcp: { connectTimeout: '3s' }, http: { requestTimeout: '5s' } },
      loadBalancer: { type: 'RoundRobin' },
      circuitBreaker: { maxConnections: 100, maxPendingRequests: 50 },
      faultInjection: { delay: { fixedDelay: '1ms', percentage: 100 } },
    }),
    own('SecurityPolicy', 'policies', {
      targetRefs: [route('policies')],
      cors: { allowOrigins: ['https://a.example'], allowMethods: ['GET'], allowHeaders: ['x-a'] },
    }),
    own('ClientTrafficPolicy', 'clients', {
      targetRefs: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'eg' }],
      timeout: { http: { requestReceivedTimeout: '10s' } },
      headers: { enableEnvoyHeaders: true },
    }),
    own('Backend', 'one', { endpoints: [{ ip: { address: '127.0.0.1', port: ports.one } }] }),
    own('Backend', 'two', { endpoints: [{ ip: { address: '127.0.0.1', port: ports.two } }] }),
  ]
}

function settings(folder: string): object {
  const places = Object.fromEntries(['config', 'data', 'state'].map(name => [`${name}Home`, path.join(folder, name)]))
  return {
    apiVersion: 'gateway.envoyproxy.io/v1alpha1',
    kind: 'EnvoyGateway',
    gateway: { controllerName: 'gateway.envoyproxy.io/gatewayclass-controller' },
    provider: {
      type: 'Custom',
      custom: {
        resource: { type: 'File', file: { paths: [path.join(folder, 'resources')] } },
        infrastructure: { type: 'Host', host: { ...places, runtimeDir: path.join(folder, 'run') } },
      },
    },
    extensionApis: { enableBackend: true },
  }
}

describe('envoy-gateway', { skip: missing({ 'Envoy Gateway': gateway }) }, () => {
  const folder = makeFolder()
  const services: http.Server[] = []
  let running: RunningProgram | undefined
  let port = 0

  const ask = (host: string, at: string, more: http.OutgoingHttpHeaders = {}, method = 'GET'): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const headers = { host, 'x-request-id': '11111111-2222-4333-8444-555555555555', ...more }
      const request = http.request({ host: '127.0.0.1', port, path: at, method, headers, agent: false }, response => {
        let body = ''
        response.on('data', (chunk: Buffer) => (body += chunk.toString()))
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            seen: body.startsWith('{') ? (JSON.parse(body) as Answer['seen']) : undefined,
          }),
        )
      })
      request.on('error', reject)
      request.end()
    })

  const serve = async (service: string): Promise<number> => {
    const server = http.createServer((request, response) => {
      response.setHeader('x-service', service)
      response.end(JSON.stringify({ service, url: request.url, headers: request.headers }))
    })
    services.push(server)
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    return (server.address() as net.AddressInfo).port
  }

  before(async () => {
    port = await new Promise<number>(resolve => {
      const probe = net.createServer().listen(0, '127.0.0.1', () => {
        const { port: free } = probe.address() as net.AddressInfo
        probe.close(() => resolve(free))
      })
    })
    const ports = { gateway: port, one: await serve('one'), two: await serve('two') }
    const binary = path.join(folder, `data/envoy-versions/${VERSION}/bin/envoy`)
    for (const name of [path.dirname(binary), path.join(folder, 'resources')]) mkdirSync(name, { recursive: true })
    writeFileSync(binary, `#!/bin/sh\nexec ${target.command.join(' ')} --disable-hot-restart "$@"\n`)
    chmodSync(binary, 0o755)
    const text = resources(ports).map(resource => JSON.stringify(resource))
    writeFileSync(path.join(folder, 'resources/all.yaml'), text.join('\n---\n'))
    writeFileSync(path.join(folder, 'gateway.yaml'), JSON.stringify(settings(folder)))
    const program = gateway ?? ''
    const made = spawnSync(program, ['certgen', '--local', '--config-home', path.join(folder, 'config')])
    assert.equal(made.status, 0, String(made.stderr))
    running = new RunningProgram([program, 'server', '--config-path', path.join(folder, 'gateway.yaml')])
    const isServing = async (): Promise<true | undefined> =>
      (await ask('plain.example', '/two').catch(() => undefined))?.status === 200 ? true : undefined
    await poll('the gateway to serve', isServing, START_MS).catch((error: unknown) => {
      assert.fail(`${String(error)}\n${running?.output.slice(-4000)}`)
    })
  })

  after(async () => {
    await running?.interrupt()
    for (const server of services) {
      server.close()
      server.closeAllConnections()
    }
    rmSync(folder, { recursive: true, force: true })
  })

  test('a redirect', async () => {
    const { status, headers } = await ask('plain.example', '/redirect')
    assert.deepEqual([status, headers.location], [301, `http://plain.example:${port}/other`])
  })

  test('a rewritten host and path', async () => {
    const { status, seen } = await ask('plain.example', '/rewrite/a')
    assert.deepEqual([status, seen?.service, seen?.url, seen?.headers.host], [200, 'one', '/inner/a', 'inner.example'])
  })

  test('matches by header and query, changed headers', async () => {
    const { headers, seen } = await ask('plain.example', '/headers?q=v', { 'x-a': '1', 'x-gone': 'y' })
    assert.deepEqual([headers['x-new'], headers['x-service']], ['n', undefined])
    const { 'x-set': set, 'x-add': add, 'x-gone': gone } = seen?.headers ?? {}
    assert.deepEqual([set, add, gone], ['s', 'a', undefined])
    assert.equal((await ask('plain.example', '/headers?q=w', { 'x-a': '1' })).status, 404)
  })

  test('another service, a mirrored request, a regular expression with a timeout', async () => {
    assert.equal((await ask('plain.example', '/two')).seen?.service, 'two')
    assert.equal((await ask('plain.example', '/mirror')).seen?.service, 'one')
    assert.equal((await ask('plain.example', '/re/12')).seen?.headers['x-envoy-expected-rq-timeout-ms'], '2000')
    assert.equal((await ask('plain.example', '/re/x')).status, 404)
    assert.equal((await ask('none.example', '/')).status, 404)
  })

  test('policies of a route', async () => {
    const { status, seen } = await ask('policy.example', '/a')
    assert.deepEqual([status, seen?.headers['x-envoy-expected-rq-timeout-ms']], [200, '5000'])
    const preflight = { origin: 'https://a.example', 'access-control-request-method': 'GET' }
    const { headers } = await ask('policy.example', '/a', preflight, 'OPTIONS')
    assert.equal(headers['access-control-allow-origin'], 'https://a.example')
    assert.equal(headers['access-control-allow-headers'], 'x-a')
  })
})
