import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, test } from 'node:test'
import type { JsonValue } from '@bufbuild/protobuf'
import {
  adsSource,
  ask,
  assignment,
  configSource,
  grpcSource,
  Recorder,
  staticCluster,
  testClient,
} from './client.test-support.js'
import { ControlPlane, showRequest, wrapped } from './control-plane.test-support.js'

const clusterUrl = 'type.googleapis.com/envoy.config.cluster.v3.Cluster'

async function withFolder(run: (folder: string, plane: ControlPlane) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'nuncio-xds-'))
  const plane = await ControlPlane.start()
  try {
    await run(folder, plane)
  } finally {
    await plane.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

const yamlOf = (version: string, ...names: readonly string[]): string =>
  `version_info: "${version}"\nresources:\n${names.map(name => `- {"@type": ${clusterUrl}, name: ${name}}\n`).join('')}`

const pathSource = (file: string, more: Record<string, JsonValue> = {}): ReturnType<typeof configSource> =>
  configSource({ path_config_source: { path: file, ...more } })

describe('a file', () => {
  test('is read at the start and when another is moved to its name', () =>
    withFolder(async (folder, plane) => {
      const file = path.join(folder, 'cds.yaml')
      const move = (text: string): void => {
        writeFileSync(`${file}.new`, text)
        renameSync(`${file}.new`, file)
      }
      writeFileSync(file, yamlOf('1', 'a', 'b'))
      const { client } = testClient(plane)
      const recorder = ask(client, 'cluster', pathSource(file))
      try {
        await recorder.waitFor('the first', () => recorder.count('update_success') === 1)
        assert.deepEqual(
          recorder.updates[0]?.added.map(({ name }) => name),
          ['a', 'b'],
        )
        assert.equal(recorder.updates[0]?.isFullState, true)
        move(yamlOf('2', 'c'))
        await recorder.waitFor('the second', () => recorder.count('update_success') === 2)
        assert.equal(recorder.updates[1]?.version, '2')
        // Not YAML at all: a failure. A rule broken: a refusal.
        move('a: [')
        await recorder.waitFor('the failure', () => recorder.count('update_failure') === 1)
        move(yamlOf('3', '""'))
        await recorder.waitFor('the refusal', () => recorder.count('update_rejected') === 1)
        assert.deepEqual(recorder.failures, ['rejected', 'rejected'])
        assert.equal(recorder.count('update_attempt'), 4)
      } finally {
        client.close()
      }
    }))

  test('watched_directory: a link in it is swapped', () =>
    withFolder(async (folder, plane) => {
      const write = (name: string, text: string): void => {
        mkdirSync(path.join(folder, name))
        writeFileSync(path.join(folder, name, 'cds.yaml'), text)
        symlinkSync(name, path.join(folder, '..new'))
        renameSync(path.join(folder, '..new'), path.join(folder, '..data'))
      }
      write('..1', yamlOf('1', 'a'))
      const { client } = testClient(plane)
      const source = pathSource(path.join(folder, '..data/cds.yaml'), { watched_directory: { path: folder } })
      const recorder = ask(client, 'cluster', source)
      try {
        await recorder.waitFor('the first', () => recorder.count('update_success') === 1)
        write('..2', yamlOf('2', 'b'))
        await recorder.waitFor('the second', () => recorder.updates.at(-1)?.version === '2')
      } finally {
        client.close()
      }
    }))
})

describe('REST', () => {
  const rest = (fields: Record<string, JsonValue> = {}): ReturnType<typeof configSource> =>
    configSource({
      resource_api_version: 'V3',
      api_config_source: {
        api_type: 'REST',
        transport_api_version: 'V3',
        cluster_names: ['rest'],
        refresh_delay: '0.03s',
        ...fields,
      },
    })

  test('asks again and again, with the version it has', () =>
    withFolder(async (_, plane) => {
      const { client } = testClient(plane)
      plane.update('endpoint', { a: assignment('a'), b: assignment('b') })
      const recorder = ask(client, 'endpoint', rest(), ['b', 'a'])
      try {
        const requests = await plane.seen(2)
        assert.deepEqual(requests.map(showRequest), ['#0 endpoint [a b] node', '#0 endpoint [a b] version 1 node'])
        assert.equal(requests[0]?.method, '/v3/discovery:endpoints')
        assert.match(requests[0]?.body ?? '', /"resource_names":\["a","b"\]/)
        assert.equal(recorder.updates.length, 1)
        plane.update('endpoint', { a: assignment('a', 81) })
        await recorder.waitFor('the second', () => recorder.updates.length === 2)
        // The server says no: a failure, and on it goes.
        plane.setAnswers(false)
        await recorder.waitFor('a failure', () => recorder.count('update_failure') > 0)
        plane.setAnswers(true)
        plane.update('endpoint', { a: assignment('a', 82) })
        await recorder.waitFor('the third', () => recorder.updates.length === 3)
      } finally {
        client.close()
      }
    }))
})

describe('time to live', () => {
  const timedOut = (recorder: Recorder): boolean => recorder.updates.at(-1)?.removed.includes('t') === true

  test('state of the world: heartbeats keep what is there', () =>
    withFolder(async (_, plane) => {
      plane.setAnswers(false)
      const { client } = testClient(plane, { ads: {} })
      client.start()
      const recorder = ask(client, 'cluster', adsSource())
      try {
        await plane.seen(1)
        const send = (nonce: string, ...resources: ReturnType<typeof wrapped>[]): void =>
          plane.streams[0]?.send({ typeUrl: clusterUrl, versionInfo: '1', nonce, resources })
        send('a', wrapped('t', staticCluster('t'), 0.3), wrapped('u', staticCluster('u')))
        await plane.seen(1, 'cluster', 1)
        send('b', wrapped('t', undefined, 0.6))
        await plane.seen(1, 'cluster', 2)
        assert.equal(recorder.updates.length, 1)
        const heard = performance.now()
        await recorder.waitFor('the end', () => timedOut(recorder))
        assert.ok(performance.now() - heard > 400)
        assert.deepEqual(recorder.updates.at(-1), {
          version: '',
          added: [],
          removed: ['t'],
          isFullState: false,
          controlPlane: '',
        })
      } finally {
        client.close()
      }
    }))

  test('delta: what has ended is asked for as new', () =>
    withFolder(async (_, plane) => {
      plane.setAnswers(false)
      const { client } = testClient(plane, { ads: { isDelta: true } })
      client.start()
      const recorder = ask(client, 'endpoint', adsSource(), ['t'])
      try {
        await plane.seen(1)
        const typeUrl = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment'
        const value = Buffer.from('\n\u0001t')
        const ttl = { seconds: 0n, nanos: 100_000_000 }
        const resources = [{ name: 't', version: '1', resource: { typeUrl, value }, ttl }]
        plane.streams[0]?.send({ typeUrl, systemVersionInfo: '1', nonce: 'a', resources })
        await recorder.waitFor('the end', () => timedOut(recorder))
        plane.streams[0]?.end()
        const [first] = await plane.seen(1, undefined, 2)
        assert.equal(first && showRequest(first), '#2 endpoint [t] node')
      } finally {
        client.close()
      }
    }))
})

describe('google_grpc', () => {
  test('a target of its own, with an access token', () =>
    withFolder(async (_, plane) => {
      const { client } = testClient(plane)
      const google = {
        google_grpc: {
          target_uri: `127.0.0.1:${plane.port}`,
          stat_prefix: 's',
          call_credentials: [{ access_token: 'secret' }],
        },
      }
      ask(client, 'secret', grpcSource({ api: { grpc_services: [google] } }), ['s'])
      try {
        await plane.seen(1)
        assert.equal(plane.streams[0]?.metadata['authorization'], 'Bearer secret')
        assert.equal(plane.streams[0]?.metadata['x-nuncio-cluster'], undefined)
      } finally {
        client.close()
      }
    }))
})

describe('virtual hosts on demand', () => {
  test('are asked for one by one, and belong to their route table', () =>
    withFolder(async (_, plane) => {
      const { client } = testClient(plane)
      plane.setAnswers(false)
      const recorder = ask(client, 'virtual-host', grpcSource({ isDelta: true }), ['table'])
      const typeUrl = 'type.googleapis.com/envoy.config.route.v3.VirtualHost'
      const send = (nonce: string, resources: object[]): void => plane.streams[0]?.send({ typeUrl, nonce, resources })
      const next = async (index: number): Promise<string> => {
        const [request] = await plane.seen(1, undefined, index)
        return request === undefined ? '' : showRequest(request)
      }
      try {
        assert.equal(await next(0), '#1 virtual-host node')
        send('v0', [])
        assert.equal(await next(1), '#1 virtual-host nonce v0 node')
        recorder.subscription?.requestOnDemand(new Set(['table/a.example']))
        assert.equal(await next(2), '#1 virtual-host [table/a.example] node')
        const value = Buffer.from('\n\u0001t')
        const aliases = ['table/a.example']
        send('v1', [
          { name: 'table/host', aliases, version: '1', resource: { typeUrl, value } },
          { name: 'table/b.example', aliases: ['table/b.example'], version: '1' },
          { name: 'other/host', version: '1', resource: { typeUrl, value } },
        ])
        assert.equal(await next(3), '#1 virtual-host nonce v1 node')
        const [update, ...more] = recorder.updates
        assert.deepEqual(
          update?.added.map(one => [one.name, one.aliases, one.isAbsent]),
          [
            ['table/host', aliases, false],
            ['table/b.example', ['table/b.example'], true],
          ],
        )
        assert.deepEqual(more, [])
      } finally {
        client.close()
      }
    }))
})

describe('xdstp names', () => {
  test('are asked of the authority that answers for them', () =>
    withFolder(async (_, plane) => {
      const other = await ControlPlane.start()
      const source = configSource({
        authorities: [{ name: 'auth' }],
        api_config_source: {
          api_type: 'AGGREGATED_DELTA_GRPC',
          transport_api_version: 'V3',
          grpc_services: [{ google_grpc: { target_uri: `127.0.0.1:${other.port}`, stat_prefix: 's' } }],
        },
      })
      const { client } = testClient(plane, { ads: {}, configSources: [source], asksAuthorities: true })
      client.start()
      const name = 'xdstp://auth/envoy.config.endpoint.v3.ClusterLoadAssignment/x?b=2&a=1'
      const recorder = ask(client, 'endpoint', adsSource(), [name])
      try {
        const sorted = 'xdstp://auth/envoy.config.endpoint.v3.ClusterLoadAssignment/x?a=1&b=2'
        const [first] = await other.seen(1)
        assert.deepEqual(first?.names, [sorted])
        other.update('endpoint', { [sorted]: assignment(sorted) })
        await recorder.waitFor('the endpoints', () => recorder.updates.length > 0)
        assert.equal(plane.requests.length, 0)
      } finally {
        client.close()
        await other.close()
      }
    }))
})

describe('many', () => {
  test('ten thousand subscriptions on one stream', () =>
    withFolder(async (_, plane) => {
      const { client } = testClient(plane, { ads: {} })
      client.start()
      const count = 10_000
      const names = Array.from({ length: count }, (_one, index) => `c${index}`)
      plane.update('endpoint', Object.fromEntries(names.map(name => [name, assignment(name)])))
      try {
        await plane.waitFor('the stream', () => plane.streams[0])
        let updates = 0
        const recorder = new Recorder(() => {
          updates++
          return undefined
        })
        const resume = client.pause(['endpoint'])
        for (const name of names) ask(client, 'endpoint', adsSource(), [name], recorder)
        resume()
        await plane.waitFor('the answer', () => plane.requests.find(({ nonce }) => nonce !== ''), 20_000)
        assert.equal(updates, count)
        assert.equal(plane.requests.length, 2)
      } finally {
        client.close()
      }
    }))
})
