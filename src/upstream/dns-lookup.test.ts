import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { type DnsAnswer, makeDnsLookup } from './dns-lookup.js'
import type { DnsFamily } from '../plan/dns-plan.js'
import { HostsFile } from './hosts-file.js'
import { candidates, parseResolvConf } from './search-domains.js'

// A name server for a handful of names. Types: 1 is A, 28 is AAAA. Names under "broken." get SERVFAIL, unknown ones NXDOMAIN.
const zone: Record<string, Record<number, readonly (readonly number[])[]>> = {
  'both.test': {
    1: [
      [10, 0, 0, 1],
      [10, 0, 0, 2],
    ],
    28: [[0xfd, ...new Array(14).fill(0), 1]],
  },
  'four.test': { 1: [[10, 0, 0, 4]] },
}
const ttls: Record<number, number> = { 1: 7, 28: 3 }

function reply(query: Buffer): Buffer {
  const labels: string[] = []
  let at = 12
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += length + 1
  }
  const type = query.readUInt16BE(at + 1)
  const question = query.subarray(12, at + 5)
  const name = labels.join('.').toLowerCase()
  const known = zone[name]
  const records = known?.[type] ?? []
  const code = name.startsWith('broken.') ? 2 : known === undefined ? 3 : 0
  const head = Buffer.alloc(12)
  query.copy(head, 0, 0, 2)
  head.writeUInt16BE(0x8180 | code, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(records.length, 6)
  const answers = records.map(address => {
    const fixed = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, ttls[type] ?? 0, 0, address.length])
    return Buffer.concat([fixed, Buffer.from(address)])
  })
  return Buffer.concat([head, question, ...answers])
}

const socket = createSocket('udp4')
const folder = mkdtempSync(path.join(tmpdir(), 'nuncio-dns-'))
const hostsPath = path.join(folder, 'hosts')
let server = ''

before(async () => {
  socket.on('message', (query, peer) => socket.send(reply(query), peer.port, peer.address))
  await new Promise<void>(resolve => socket.bind(0, '127.0.0.1', resolve))
  server = `127.0.0.1:${socket.address().port}`
  writeFileSync(hostsPath, '# comment\n192.0.2.1 listed.test Alias.test # more\n2001:db8::1 listed.test\n')
})
after(() => {
  socket.close()
  rmSync(folder, { recursive: true })
})

function lookup(host: string, family: DnsFamily): Promise<DnsAnswer> {
  return makeDnsLookup(
    { family, servers: [server], noSearch: true, queryTimeoutMs: 2000, queryTries: 1 },
    new HostsFile(hostsPath),
  )(host)
}

const addresses = async (host: string, family: DnsFamily) => {
  const answer = await lookup(host, family)
  return answer.ok ? answer.addresses : answer.reason
}

test('each family takes what it wants', async () => {
  assert.deepEqual(await addresses('both.test', 'V4_ONLY'), ['10.0.0.1', '10.0.0.2'])
  assert.deepEqual(await addresses('both.test', 'V6_ONLY'), ['fd00::1'])
  assert.deepEqual(await addresses('both.test', 'AUTO'), ['fd00::1'])
  assert.deepEqual(await addresses('both.test', 'V4_PREFERRED'), ['10.0.0.1', '10.0.0.2'])
  assert.deepEqual(await addresses('both.test', 'ALL'), ['fd00::1', '10.0.0.1', '10.0.0.2'])
  assert.deepEqual(await addresses('four.test', 'AUTO'), ['10.0.0.4'])
  assert.deepEqual(await addresses('four.test', 'V6_ONLY'), [])
})

test('the TTL is the least of the answer', async () => {
  const ttl = async (family: DnsFamily) => {
    const answer = await lookup('both.test', family)
    return answer.ok && answer.ttlMs
  }
  assert.equal(await ttl('V4_ONLY'), 7000)
  assert.equal(await ttl('ALL'), 3000)
})

test('no such name is an empty answer; a server that fails is a failure', async () => {
  assert.deepEqual(await addresses('nowhere.test', 'AUTO'), [])
  assert.equal(await addresses('broken.test', 'V4_ONLY'), 'ESERVFAIL')
})

test('the hosts file, localhost and literal addresses are answered without asking', async () => {
  assert.deepEqual(await addresses('listed.test', 'V4_ONLY'), ['192.0.2.1'])
  assert.deepEqual(await addresses('alias.test', 'V4_ONLY'), ['192.0.2.1'])
  assert.deepEqual(await addresses('listed.test', 'ALL'), ['2001:db8::1', '192.0.2.1'])
  assert.deepEqual(await addresses('localhost', 'V4_ONLY'), ['127.0.0.1'])
  assert.deepEqual(await addresses('a.localhost', 'V6_ONLY'), ['::1'])
  assert.deepEqual(await addresses('192.0.2.9', 'AUTO'), ['192.0.2.9'])
  assert.deepEqual(await addresses('2001:db8::9', 'V6_ONLY'), ['2001:db8::9'])
})

test('the hosts file is read again when it changes', async () => {
  const file = path.join(folder, 'changing')
  writeFileSync(file, '192.0.2.1 a.test\n')
  const hosts = new HostsFile(file)
  assert.deepEqual(hosts.lookup('a.test', 4), ['192.0.2.1'])
  writeFileSync(file, '192.0.2.22 a.test\n')
  assert.deepEqual(hosts.lookup('a.test', 4), ['192.0.2.22'])
})

test('search domains: few dots ask below them first, a final dot never does', () => {
  const search = parseResolvConf('nameserver 10.0.0.1\nsearch one.test two.test.\noptions timeout:1 ndots:2\n')
  assert.deepEqual(search, { domains: ['one.test', 'two.test'], ndots: 2 })
  assert.deepEqual(candidates('a.b', search), ['a.b.one.test', 'a.b.two.test', 'a.b'])
  assert.deepEqual(candidates('a.b.c', search), ['a.b.c', 'a.b.c.one.test', 'a.b.c.two.test'])
  assert.deepEqual(candidates('a.b.', search), ['a.b'])
})
