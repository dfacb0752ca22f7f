// What Envoy 1.40 printed (test/golden/stats), against what we print of the same bins and names.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Bins, computeQuantiles, cumulativeBuckets, defaultBuckets, sampleCount, sampleSum } from './histogram.js'
import { golden, TestNativeStats } from './native-stats.test-support.js'
import { formatExact, formatGeneral, formatShortest } from './number-format.js'
import {
  declareAdmin,
  declareCluster,
  declareDns,
  declareHttpConnectionManager,
  declareListener,
  declareServer,
  declareTcpProxy,
  declareVirtualHost,
} from './declare.js'
import { parseStatsQuery } from './query.js'
import { defaultStatsSettings } from './settings.js'
import { StatsStore } from './store.js'
import { statsText } from './text.js'
import { TagExtractors } from './tags.js'

interface Recorded {
  readonly name: string
  readonly totals: Bins
  readonly intervals: Bins
  readonly summary: string
}

function parseBins(text: string): Bins {
  const mantissas: number[] = []
  const exponents: number[] = []
  const counts: number[] = []
  for (const item of text === '' ? [] : text.split(', ')) {
    const [range = '', count = ''] = item.split(':')
    const [left = 0, width = 0] = range.split(',').map(Number)
    mantissas.push(width === 0 ? 0 : Math.round(left / width))
    exponents.push(width === 0 ? 0 : Math.round(Math.log10(width)) + 1)
    counts.push(Number(count))
  }
  return { mantissas, exponents, counts }
}

const recorded: Recorded[] = [
  ...golden('stats/histograms-detailed.txt').matchAll(
    /^(\S+):\n {2}totals=(.*)\n {2}intervals=(.*)\n {2}summary=(.*)$/gm,
  ),
].map(([, name = '', totals = '', intervals = '', summary = '']) => ({
  name,
  totals: parseBins(totals),
  intervals: parseBins(intervals),
  summary,
}))

test('there are recorded histograms of many sizes', () => {
  assert.ok(recorded.length > 20)
  assert.ok(recorded.some(({ totals }) => sampleCount(totals) > 150))
})

test('quantiles are those Envoy printed', () => {
  for (const { name, totals, intervals, summary } of recorded) {
    const shares = [0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 100]
    const now = computeQuantiles(intervals)
    const all = computeQuantiles(totals)
    const mine = shares.map((p, i) => `P${p}(${formatShortest(now[i] ?? 0)},${formatShortest(all[i] ?? 0)})`).join(' ')
    assert.equal(mine, summary, name)
  }
})

test('buckets are those Envoy printed', () => {
  const lines = golden('stats/histograms-cumulative.txt').split('\n')
  let compared = 0
  for (const { name, totals, intervals } of recorded) {
    if (name.startsWith('cluster.h0') || name.startsWith('http.ingress') || name.startsWith('server.')) continue
    const line = lines.find(text => text.startsWith(`${name}: `))
    if (!line || line.endsWith('No recorded values')) continue
    const now = cumulativeBuckets(intervals, defaultBuckets)
    const all = cumulativeBuckets(totals, defaultBuckets)
    // Recorded one request after the bins: intervals may have been flushed in between; totals of idle clusters may not.
    if (!name.startsWith('cluster.')) continue
    const mine = defaultBuckets.map((bound, i) => `B${formatGeneral(bound)}(${now[i]},${all[i]})`).join(' ')
    assert.equal(line, `${name}: ${mine}`)
    ++compared
  }
  assert.ok(compared > 10)
})

test('sums and counts are those Envoy gave to Prometheus', () => {
  let compared = 0
  for (const { name, totals } of recorded) {
    const [, cluster, stat] = /^cluster\.(h\d)\.(upstream_\w+)$/.exec(name) ?? []
    if (!cluster) continue
    const find = (kind: string) =>
      golden('stats/prometheus-sums.txt')
        .split('\n')
        .find(line => line.startsWith(`envoy_cluster_${stat}_${kind}{`) && line.includes(`cluster_name="${cluster}"`))
        ?.split(' ')
        .at(-1)
    assert.equal(formatExact(sampleSum(totals)), find('sum'), name)
    assert.equal(String(sampleCount(totals)), find('count'), name)
    ++compared
  }
  assert.ok(compared > 15)
})

test('an idle proxy prints the names Envoy prints, in its order', () => {
  const store = new StatsStore(new TestNativeStats())
  declareServer(store, 2)
  declareDns(store)
  declareAdmin(store)
  for (const statName of ['c1', 'bad', 'empty', 'dns', 'ldns']) declareCluster(store, { statName })
  declareListener(store, { statName: '127.0.0.1:29010', workers: 2, httpPrefixes: ['ingress'] })
  declareListener(store, { statName: '127.0.0.1:29011', workers: 2, httpPrefixes: [] })
  declareHttpConnectionManager(store, 'ingress')
  declareTcpProxy(store, 'tcpin')
  declareVirtualHost(store, { name: 'vh', virtualClusters: ['vc'], routes: ['myroute'] })
  const query = parseStatsQuery(new URLSearchParams())
  assert.ok(query.ok)
  const names = [...statsText(store, query.value)].join('').replace(/: .*/g, '')
  assert.equal(names, golden('stats/names-idle.txt'))
})

for (const [names, metrics] of [
  ['names-traffic.txt', 'prometheus-metrics.txt'],
  ['names-odd.txt', 'prometheus-odd.txt'], // listeners with a stat_prefix, on IPv6, on a path; a virtual host "my.v:h"
]) {
  test(`tags are taken out of ${names} as Envoy takes them`, () => {
    const tags = new TagExtractors(defaultStatsSettings)
    const mine = golden(`stats/${names}`)
      .trim()
      .split('\n')
      .map(name => {
        const tagged = tags.extract(name)
        const labels = tagged.tags.map(tag => `${tag.name.replace('.', '_')}="${tag.value}"`)
        return `envoy_${tagged.name.replace(/\W/g, '_')}{${labels.join(',')}}`
      })
    const theirs = golden(`stats/${metrics}`).trim().split('\n')
    assert.deepEqual(mine.sort(), theirs.sort())
  })
}
