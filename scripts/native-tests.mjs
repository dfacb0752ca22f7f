#!/usr/bin/env node
// Builds and runs the C++ tests: every source below native/ (but not native/binding) with test/native/**/*.cc as one
// addon, loaded by the running node, whose llhttp and libuv the code uses. Only what changed is compiled again.
//
//   node scripts/native-tests.mjs [--sanitize] [--only=TEXT] [--verbose] [--jobs=2] [FOLDER…]
//
// FOLDER: `native/http` takes only these sources (several may be given) and the tests named after them (http_test.cc,
// http_*_test.cc, test/native/http/…); `test/native/h1` or `test/fuzz/h1` names tests or fuzz targets instead. --only runs
// tests whose name has TEXT.
import { basename, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { buildAddon, root, runWithAddon, sourcesBelow } from './lib/native-build.mjs'
import { nativeUnits } from './native-sources.mjs'

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sanitize: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    jobs: { type: 'string', default: '2' },
  },
})
const { sanitize } = options

const addon = await buildAddon(selectSources(), { sanitize, jobs: Number(options.jobs) })
process.exitCode =
  addon === undefined
    ? 1
    : runWithAddon(
        addon,
        `
  const failed = test.exports.run(${JSON.stringify(root)}, ${JSON.stringify(options.only)}, ${options.verbose})
  process.exitCode = failed === 0 ? 0 : 1`,
        { sanitize },
      )

function selectSources() {
  const wanted = positionals.map(path => relative(root, resolve(path)))
  const folders = wanted.filter(path => path === 'native' || path.startsWith('native/'))
  const names = wanted.filter(path => path.startsWith('test/'))
  const code =
    folders.length === 0
      ? nativeUnits().filter(path => !path.endsWith('/native_binding.cc'))
      : sourcesBelow('native')
          .filter(path => !path.startsWith('native/binding/') && !path.startsWith('native/generated/units/'))
          .filter(path => folders.some(folder => path === folder || path.startsWith(`${folder}/`)))
  const areas = folders.map(folder => basename(folder))
  const tests = sourcesBelow('test/native').filter(path => {
    if (path === 'test/native/runner.cc' || path === 'test/native/support.cc' || wanted.length === 0) return true
    if (names.some(name => path.startsWith(name))) return true
    const inside = path.slice('test/native/'.length)
    return names.length === 0 && areas.some(area => inside.startsWith(`${area}_`) || inside.startsWith(`${area}/`))
  })
  // Targets whose sources were not asked for would not link.
  const targets = sourcesBelow('test/fuzz')
    .filter(path => path !== 'test/fuzz/engine.cc')
    .filter(path => path === 'test/fuzz/targets.cc' || wanted.length === 0 || names.some(name => path.startsWith(name)))
  return [...code, ...tests, ...targets]
}
