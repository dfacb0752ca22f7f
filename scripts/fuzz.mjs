#!/usr/bin/env node
// Fuzzes one parser: coverage-guided, with ASan and UBSan, inside the running node. `config`, the loader of configurations, is TypeScript
// and has an engine of its own.
//
//   node scripts/fuzz.mjs TARGET [--seconds=600] [--seed=N] [--source=native/FOLDER …]
//
// A crash leaves the input in .cache/fuzz/TARGET/crash-*; add it to test/fuzz/corpus/TARGET, where the native tests run it
// for good. --source names the folders, or single files, under test (default: those the HTTP targets need).
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { fuzzConfig } from '../test/fuzz/config_fuzz.mjs'
import { buildAddon, root, runWithAddon, sourcesBelow } from './lib/native-build.mjs'

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '600' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 32) },
    source: {
      type: 'string',
      multiple: true,
      default: ['native/base', 'native/http', 'native/node_abi', 'native/stats', 'native/net/output_queue.cc'],
    },
  },
})
const target = positionals[0]
if (target === undefined) {
  console.error('which target? config, or see test/fuzz/*_target.cc')
  process.exit(2)
}
if (target === 'config') {
  const folder = join(root, '.cache', 'fuzz', target)
  process.exit(await fuzzConfig(root, Number(options.seconds), folder, Number(options.seed)))
}

// What generate-plan.mjs wrote is the decoder.
const sources = target === 'plan' ? [...options.source, 'native/generated/plan.cc'] : options.source
const guided = sources
  .flatMap(source => (source.endsWith('.cc') ? [source] : sourcesBelow(source)))
  .map(path => [path, ['-fsanitize-coverage=trace-pc']])
const isWanted = path => !path.endsWith('_target.cc') || readFileSync(join(root, path), 'utf8').includes(`"${target}"`)
const helpers = [
  ...sourcesBelow('test/fuzz').filter(isWanted),
  ...sourcesBelow('test/native')
    .filter(path => !path.endsWith('_test.cc') && path !== 'test/native/runner.cc')
    // What helps to test the codecs of HTTP does not link without them.
    .filter(path => path.split('/').length === 3 || options.source.includes('native/http')),
]
const addon = await buildAddon([...guided, ...helpers], { sanitize: true })
if (addon === undefined) process.exit(1)

const folder = join(root, '.cache', 'fuzz', target)
mkdirSync(folder, { recursive: true })
const code = runWithAddon(
  addon,
  `
  const known = test.exports.fuzz(${[root, target].map(text => JSON.stringify(text)).join(', ')}, ${Number(options.seconds)}, ${JSON.stringify(folder)}, ${Number(options.seed)})
  if (!known) { console.error('no such target'); process.exitCode = 2 }`,
  { sanitize: true },
)
if (code === 1 || code > 2) {
  const stored = readFileSync(join(folder, 'current'))
  const input = stored.subarray(0, Number(stored.readBigUInt64LE(stored.length - 8)))
  const file = join(folder, `crash-${createHash('sha256').update(input).digest('hex').slice(0, 12)}`)
  writeFileSync(file, input)
  console.error(`the input is in ${file}`)
}
process.exitCode = code
