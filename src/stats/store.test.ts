import assert from 'node:assert/strict'
import { test } from 'node:test'
import { declareCluster } from './declare.js'
import { TestNativeStats } from './native-stats.test-support.js'
import { compileMatcher, compileRegex } from './pattern.js'
import { parseStatsQuery } from './query.js'
import { StatsReport } from './report.js'
import { defaultStatsSettings, type StatsSettings } from './settings.js'
import { StatsStore } from './store.js'

function print(store: StatsStore, query: string, settings: StatsSettings = defaultStatsSettings): string {
  const parsed = parseStatsQuery(new URLSearchParams(query))
  assert.ok(parsed.ok)
  const report = new StatsReport(store, settings)
  const { format } = parsed.value
  return [
    ...(format === 'json'
      ? report.json(parsed.value)
      : format === 'prometheus'
        ? report.prometheus(parsed.value)
        : report.text(parsed.value)),
  ].join('')
}

test('what workers and main count for one scope is added', () => {
  const native = new TestNativeStats()
  const store = new StatsStore(native)
  declareCluster(store, { statName: 'c' })
  native.add('cluster', 'c', 'upstream_cx_total', 5)
  store.scope('cluster', 'c').inc('upstream_cx_total', 2)
  store.scope('cluster', 'c').set('membership_total', 3)
  assert.equal(store.valueOf('cluster', 'c', 'upstream_cx_total'), 7)
  assert.equal(
    print(store, 'filter=^cluster.c.(upstream_cx_total|membership_total)$'),
    'cluster.c.membership_total: 3\ncluster.c.upstream_cx_total: 7\n',
  )
})

test('stats of nested scopes stand in order of their whole names', () => {
  const native = new TestNativeStats()
  const store = new StatsStore(native)
  for (const statName of ['c', 'c-d', 'cc', 'c.http1']) declareCluster(store, { statName })
  native.add('responses', 'cluster.c.external', 'upstream_rq_completed', 1)
  native.addCode('responses', 'cluster.c.external', 200)
  native.addCode('responses', 'cluster.c.external', 2)
  native.addCode('cluster', 'c', 503)
  native.addCode('cluster', 'c', 0)
  native.add('http1', 'cluster.c.http1', 'response_flood', 1)
  const names = print(store, '').trim().replace(/: .*/g, '').split('\n')
  const scalars = names.filter(name => !/_ms$|_per_cx$/.test(name))
  assert.deepEqual(scalars, [...scalars].sort())
  for (const name of [
    'external.upstream_rq_200',
    'external.upstream_rq_2xx',
    'upstream_rq_503',
    'upstream_rq_unknown',
  ]) {
    assert.ok(names.includes(`cluster.c.${name}`), name)
  }
})

test('a statistic with a name of its own stands under exactly that name', () => {
  const native = new TestNativeStats()
  const store = new StatsStore(native)
  native.add('named_counter', 'http.front.api_key.denied', 'value', 3)
  native.add('named_gauge', 'http.front.api_key.waiting', 'value', 2)
  const scalars = [...store.scalars()].filter(({ name }) => name.includes('api_key'))
  assert.deepEqual(
    scalars.map(({ name, type, value }) => [name, type, value]),
    [
      ['http.front.api_key.denied', 'counter', 3],
      ['http.front.api_key.waiting', 'gauge', 2],
    ],
  )
})

test('usedonly keeps what was written, zeros too', () => {
  const native = new TestNativeStats()
  const store = new StatsStore(native)
  declareCluster(store, { statName: 'c' })
  native.add('cluster', 'c', 'upstream_cx_active', 0)
  native.add('cluster', 'c', 'upstream_cx_total', 1)
  assert.equal(print(store, 'usedonly'), 'cluster.c.upstream_cx_active: 0\ncluster.c.upstream_cx_total: 1\n')
  store.resetCounters()
  assert.equal(print(store, 'usedonly'), 'cluster.c.upstream_cx_active: 0\ncluster.c.upstream_cx_total: 0\n')
})

test('reset_counters zeroes counters and codes, not gauges', () => {
  const native = new TestNativeStats()
  const store = new StatsStore(native)
  native.add('cluster', 'c', 'upstream_cx_total', 4)
  native.add('cluster', 'c', 'upstream_cx_active', 4)
  native.addCode('cluster', 'c', 200, 4)
  store.scope('cluster', 'c').inc('upstream_cx_total', 1)
  store.resetCounters()
  native.add('cluster', 'c', 'upstream_cx_total', 2)
  native.addCode('cluster', 'c', 200, 3)
  assert.equal(
    print(store, 'usedonly'),
    'cluster.c.upstream_cx_active: 4\ncluster.c.upstream_cx_total: 2\ncluster.c.upstream_rq_200: 3\n',
  )
})

test('a scope goes when its last owner forgets it', () => {
  const native = new TestNativeStats()
  const store = new StatsStore(native)
  const first = declareCluster(store, { statName: 'a:b' })
  const second = declareCluster(store, { statName: 'a:b' })
  native.add('cluster', 'a_b', 'upstream_cx_total', 4)
  store.scope('cluster', 'a_b').inc('update_attempt')
  first()
  assert.match(print(store, 'usedonly'), /update_attempt: 1\n[^]*upstream_cx_total: 4\n/)
  second()
  assert.equal(print(store, ''), '')
  assert.ok(native.dropped.includes('cluster a_b'))
})

test('an interval is what came between two flushes', () => {
  const native = new TestNativeStats()
  const store = new StatsStore(native)
  declareCluster(store, { statName: 'c' })
  const line = () => print(store, 'filter=upstream_cx_length_ms&histogram_buckets=detailed')
  native.addBin('cluster', 'c', 'upstream_cx_length_ms', 10, 0, 2)
  assert.equal(line(), 'cluster.c.upstream_cx_length_ms: No recorded values\n')
  store.flush()
  assert.match(line(), /totals=1,0.1:2\n {2}intervals=1,0.1:2\n/)
  native.addBin('cluster', 'c', 'upstream_cx_length_ms', 15, 2, 1)
  store.flush()
  assert.match(line(), /totals=1,0.1:2, 150,10:1\n {2}intervals=150,10:1\n/)
  store.flush()
  assert.match(line(), /intervals=\n {2}summary=P0\(nan,1.0333333333333334\)/)
  assert.match(print(store, 'format=json&filter=cx_length'), /"cumulative":155,"interval":null/)
})

test('a lazy histogram is printed once it has a value', () => {
  const native = new TestNativeStats()
  const store = new StatsStore(native)
  declareCluster(store, { statName: 'c' })
  assert.equal(print(store, 'filter=upstream_rq_time$'), '')
  native.addBin('cluster', 'c', 'upstream_rq_time', 0, 0, 1)
  assert.equal(print(store, 'filter=upstream_rq_time$'), 'cluster.c.upstream_rq_time: No recorded values\n')
})

test('main records histograms of its own', () => {
  const store = new StatsStore(new TestNativeStats())
  for (const value of [0, 7, 12, 12, 999, 1234567])
    store.scope('server', 'server').record('initialization_time_ms', value)
  store.flush()
  assert.match(
    print(store, 'filter=initialization&histogram_buckets=detailed'),
    /totals=0,0:1, 7,0.1:1, 12,1:2, 990,10:1, 1.2e\+06,100000:1\n/,
  )
})

test('text readouts come first, quoted; Prometheus has them when asked', () => {
  const store = new StatsStore(new TestNativeStats())
  store.setText('cluster.c.note', 'a "b"')
  store.scope('server', 'server').set('live', 1)
  assert.equal(print(store, 'usedonly'), 'cluster.c.note: "a \\"b\\""\nserver.live: 1\n')
  assert.equal(
    print(store, 'type=TextReadouts&format=json'),
    '{"stats":[{"name":"cluster.c.note","value":"a \\"b\\""}]}',
  )
  assert.equal(print(store, 'usedonly&format=prometheus'), '# TYPE envoy_server_live gauge\nenvoy_server_live{} 1\n')
  assert.match(
    print(store, 'usedonly&format=prometheus&text_readouts'),
    /# TYPE envoy_cluster_note gauge\nenvoy_cluster_note\{envoy_cluster_name="c",text_value="a \\"b\\""\} 0\n/,
  )
})

test('fixed tags, tags by regex, buckets by name', () => {
  const native = new TestNativeStats()
  const store = new StatsStore(native)
  native.add('cluster', 'h7', 'upstream_rq_total', 100)
  native.addBin('cluster', 'h7', 'upstream_rq_time', 10, 0, 3)
  native.addBin('cluster', 'h7', 'upstream_rq_time', 10, 2, 1)
  store.flush()
  const settings: StatsSettings = {
    ...defaultStatsSettings,
    tags: [
      { name: 'my.tag', regex: '^cluster\\.(h(\\d)\\.)' },
      { name: 'fixed', fixedValue: 'fv"x\\y' },
      { name: 'aa_bb', regex: '_rq_(total)' },
    ],
    buckets: [{ match: { kind: 'prefix', value: 'cluster.h7', ignoreCase: false }, bounds: [0.1, 1, 105] }],
  }
  const text = print(store, 'usedonly&format=prometheus', settings)
  const labels = 'fixed="fv\\"x\\\\y",envoy_cluster_name="h7",my_tag="7"'
  assert.ok(
    text.includes(
      'envoy_cluster_upstream_rq_{fixed="fv\\"x\\\\y",aa_bb="total",envoy_cluster_name="h7",my_tag="7"} 100\n',
    ),
  )
  assert.ok(
    text.includes(`envoy_cluster_upstream_rq_time_bucket{${labels},le="0.10000000000000000555111512312578"} 0\n`),
  )
  assert.ok(text.includes(`envoy_cluster_upstream_rq_time_bucket{${labels},le="1"} 3\n`))
  assert.ok(text.includes(`envoy_cluster_upstream_rq_time_bucket{${labels},le="105"} 4\n`))
  assert.ok(text.includes(`envoy_cluster_upstream_rq_time_count{${labels}} 4\n`))
})

test('stats_matcher decides which stats exist', () => {
  const pattern = { kind: 'suffix', value: '_total', ignoreCase: false } as const
  const names = (settings: StatsSettings['matcher']) => {
    const store = new StatsStore(new TestNativeStats(), compileMatcher(settings))
    store.scope('cluster', 'c').inc('upstream_cx_total')
    store.scope('cluster', 'c').inc('update_attempt')
    return print(store, 'usedonly').replace(/: .*\n/g, ' ')
  }
  assert.equal(names({ kind: 'include', patterns: [pattern] }), 'cluster.c.upstream_cx_total ')
  assert.equal(names({ kind: 'exclude', patterns: [pattern] }), 'cluster.c.update_attempt ')
  assert.equal(names({ kind: 'reject-all' }), '')
})

test('an unknown stat is a bug, told at once', () => {
  const store = new StatsStore(new TestNativeStats())
  assert.throws(() => store.scope('cluster', 'c').inc('upstream_cx_totals'), /no stat upstream_cx_totals/)
  assert.throws(() => store.scope('clusters', 'c'), /no kind/)
})

test('RE2 patterns: what differs is rewritten or refused', () => {
  const matches = (pattern: string, name: string) => {
    const regex = compileRegex(pattern)
    return regex.ok && regex.value.test(name)
  }
  assert.ok(matches('(?i)CLUSTER', 'cluster.a'))
  assert.ok(matches('^[[:alpha:]]+\\z', 'abc'))
  assert.ok(matches('(?P<x>b)', 'abc'))
  for (const pattern of ['(?=a)', '(?<!a)b', '(a)\\1', 'a)', '[a', '*a'])
    assert.equal(compileRegex(pattern).ok, false, pattern)
})

test('a bin counts for a bucket by its lower bound, as C computes it', () => {
  const native = new TestNativeStats()
  const store = new StatsStore(native)
  native.addBin('cluster', 'c', 'upstream_rq_time', 10, 2, 2)
  native.addBin('cluster', 'c', 'upstream_rq_time', 11, 2, 1)
  store.flush()
  const bounds = [100, 101, 105, 109.5, 110, 200]
  const settings = {
    ...defaultStatsSettings,
    buckets: [{ match: { kind: 'prefix', value: '', ignoreCase: false }, bounds }],
  } as const
  const line = (mode: string) => print(store, `filter=rq_time$&histogram_buckets=${mode}`, settings)
  // Envoy 1.40 printed these counts for two samples of [100, 110) and one of [110, 120), whose bound is 110.00000000000001.
  assert.match(line('cumulative'), /B100\(2,2\) B101\(2,2\) B105\(2,2\) B109.5\(2,2\) B110\(2,2\) B200\(3,3\)\n/)
  assert.match(line('disjoint'), /B100\(2,2\) B101\(0,0\) B105\(0,0\) B109.5\(0,0\) B110\(0,0\) B200\(1,1\)\n/)
})
