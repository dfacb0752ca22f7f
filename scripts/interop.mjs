#!/usr/bin/env node
// The conformance tests that programs of others drive: h2spec, gRPC's interoperability cases, go-control-plane's
// integration suite, curl, nghttp, openssl, HAProxy, testssl.sh.
//   node scripts/interop.mjs [--target nuncio|envoy|both] [--file h2spec|grpc-interop|xds-suite|envoy-gateway|real-clients]
// Fetches the programs first (scripts/fetch-test-programs.mjs); a test whose program cannot be had is skipped and says so.
// `npm test` runs the same tests on Nuncio; here real Envoy can be asked as well.
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const FILES = ['h2spec', 'grpc-interop', 'xds-suite', 'envoy-gateway', 'real-clients']
const MODES = { nuncio: ['integration'], envoy: ['oracle'], both: ['oracle', 'integration'] }

function node(script, ...args) {
  return spawnSync(process.execPath, [path.join(root, script), ...args], { stdio: 'inherit' }).status ?? 1
}

function main(args) {
  const option = (name, otherwise) => {
    const at = args.indexOf(name)
    return at < 0 ? otherwise : args.splice(at, 2)[1]
  }
  const modes = MODES[option('--target', 'nuncio')]
  const file = option('--file')
  if (modes === undefined || args.length > 0) {
    process.stderr.write('usage: node scripts/interop.mjs [--target nuncio|envoy|both] [--file NAME]\n')
    return 2
  }
  node('scripts/fetch-test-programs.mjs', '--all')
  if (modes.includes('oracle')) node('scripts/fetch-envoy.mjs')
  let code = 0
  for (const mode of modes) {
    for (const name of file === undefined ? FILES : [file])
      code = node('scripts/run-tests.mjs', mode, '--file', name) || code
  }
  return code
}

process.exit(main(process.argv.slice(2)))
