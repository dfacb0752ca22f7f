#!/usr/bin/env node
// Fetches the programs of others that the conformance tests drive, into .tools/ (ignored by git):
//   h2spec and gRPC's interop client and server   Go modules, built by the Go that is installed
//   nghttp, HAProxy, testssl.sh, curl, openssl     Debian's packages, unpacked and never installed
// Exit 0 in any case: a test whose program is missing says so and is skipped. NUNCIO_NO_FETCH=1: nothing is fetched.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { fetchDebianPackages, findProgram } from '../bench/lib/tools.mjs'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const home = path.join(root, '.tools/go')
// A build on a small, busy machine takes minutes; a network that never answers shall not hold the tests longer.
const LIMIT_MS = 15 * 60_000

/** By folder below .tools/go: what Go builds. */
const GO_PROGRAMS = {
  h2spec: 'github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible',
  'interop-client': 'google.golang.org/grpc/interop/client@v1.85.0',
  'interop-server': 'google.golang.org/grpc/interop/server@v1.85.0',
}

/** Debian's package by program. */
const DEBIAN_PROGRAMS = {
  nghttp: 'nghttp2-client',
  haproxy: 'haproxy',
  curl: 'curl',
  openssl: 'openssl',
  testssl: 'testssl.sh',
}

function goProgram(folder) {
  const module = GO_PROGRAMS[folder]
  return path.join(home, folder, path.basename(module.split('@')[0]))
}

/** Builds what is missing; returns what could not be had, with the reason. */
function fetchGoPrograms() {
  const missing = Object.keys(GO_PROGRAMS).filter(folder => !existsSync(goProgram(folder)))
  if (missing.length === 0) return []
  if (spawnSync('go', ['version'], { stdio: 'ignore' }).status !== 0)
    return [`${missing.join(', ')}: Go is not installed`]
  const problems = []
  for (const folder of missing) {
    process.stdout.write(`nuncio: building ${folder} into .tools/go\n`)
    const GOBIN = path.join(home, folder)
    mkdirSync(GOBIN, { recursive: true })
    const env = { ...process.env, GOBIN, GOFLAGS: '-trimpath', CGO_ENABLED: '0' }
    const made = spawnSync('go', ['install', GO_PROGRAMS[folder]], { encoding: 'utf8', env, timeout: LIMIT_MS })
    if (!existsSync(goProgram(folder)))
      problems.push(`${folder}: go install: ${made.stderr?.trim().split('\n').at(-1) ?? 'no answer'}`)
    // The network that failed once fails again.
    if (made.status !== 0) break
  }
  return problems
}

async function fetchDebianPrograms() {
  const missing = Object.keys(DEBIAN_PROGRAMS).filter(name => findProgram(name) === undefined)
  if (missing.length === 0) return []
  const problem = await fetchDebianPackages(missing.map(name => DEBIAN_PROGRAMS[name]))
  return problem === undefined ? [] : [`${missing.join(', ')}: ${problem}`]
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.env.NUNCIO_NO_FETCH !== '1') {
    const problems = [...(await fetchDebianPrograms()), ...fetchGoPrograms()]
    for (const problem of problems) process.stdout.write(`nuncio: its tests will be skipped: ${problem}\n`)
  }
}
