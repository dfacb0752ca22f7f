#!/usr/bin/env node
// Fetches the programs of others that the conformance tests drive, into .tools/ (ignored by git):
//   h2spec and gRPC's interop client and server   Go modules, built by the Go that is installed
//   go-control-plane's integration test           the same, with the bootstrap files that belong to it
//   Envoy Gateway                                  the same, with --all: it is large
//   nghttp, HAProxy, testssl.sh, curl, openssl     Debian's packages, unpacked and never installed
// Exit 0 in any case: a test whose program is missing says so and is skipped. NUNCIO_NO_FETCH=1: nothing is fetched.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { fetchDebianPackages, findProgram } from '../bench/lib/tools.mjs'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const home = path.join(root, '.tools/go')
// A build on a small, busy machine takes minutes; a network that never answers shall not hold the tests longer.
const LIMIT_MS = 15 * 60_000

/**
 * By folder below .tools/go: what Go builds. `isLarge`: a build of many minutes, made only when asked for. `module`: a package that `go install` refuses because its module replaces others; it is
 * built as a dependency of an empty module, and `copy` is a folder of the module that comes along.
 */
const GO_PROGRAMS = {
  h2spec: { package: 'github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible' },
  'interop-client': { package: 'google.golang.org/grpc/interop/client@v1.85.0' },
  'interop-server': { package: 'google.golang.org/grpc/interop/server@v1.85.0' },
  'xds-suite': {
    package: 'github.com/envoyproxy/go-control-plane/pkg/test/main@v0.14.0',
    module: 'github.com/envoyproxy/go-control-plane',
    copy: 'sample',
  },
  'envoy-gateway': { package: 'github.com/envoyproxy/gateway/cmd/envoy-gateway@v1.9.1', isLarge: true },
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
  return path.join(home, folder, path.basename(GO_PROGRAMS[folder].package.split('@')[0]))
}

/** Runs `go`; returns the last line of what it said when that failed. */
function go(args, options) {
  const ran = spawnSync('go', args, { encoding: 'utf8', timeout: LIMIT_MS, ...options })
  return ran.status === 0 ? undefined : `go ${args[0]}: ${ran.stderr?.trim().split('\n').at(-1) || 'no answer'}`
}

function buildAsDependency(folder, env) {
  const { package: name, module, copy } = GO_PROGRAMS[folder]
  const cwd = mkdtempSync(path.join(os.tmpdir(), 'nuncio-go-'))
  try {
    writeFileSync(path.join(cwd, 'go.mod'), 'module programs\n\ngo 1.23\n')
    const problem =
      go(['get', name], { cwd, env }) ?? go(['build', '-o', goProgram(folder), name.split('@')[0]], { cwd, env })
    if (problem !== undefined) return problem
    const { stdout } = spawnSync('go', ['list', '-m', '-f', '{{.Dir}}', module], { cwd, env, encoding: 'utf8' })
    cpSync(path.join(stdout.trim(), copy), path.join(home, folder, copy), { recursive: true })
    return undefined
  } finally {
    rmSync(cwd, { recursive: true, force: true })
  }
}

/** Builds what is missing; returns what could not be had, with the reason. */
function fetchGoPrograms(all) {
  const wanted = Object.keys(GO_PROGRAMS).filter(folder => all || GO_PROGRAMS[folder].isLarge !== true)
  const missing = wanted.filter(folder => !existsSync(goProgram(folder)))
  if (missing.length === 0) return []
  if (spawnSync('go', ['version'], { stdio: 'ignore' }).status !== 0)
    return [`${missing.join(', ')}: Go is not installed`]
  const problems = []
  for (const folder of missing) {
    process.stdout.write(`nuncio: building ${folder} into .tools/go\n`)
    const GOBIN = path.join(home, folder)
    mkdirSync(GOBIN, { recursive: true })
    const env = { ...process.env, GOBIN, GOFLAGS: '-trimpath', CGO_ENABLED: '0' }
    const { package: name, module } = GO_PROGRAMS[folder]
    const problem = module === undefined ? go(['install', name], { env }) : buildAsDependency(folder, env)
    if (problem === undefined) continue
    problems.push(`${folder}: ${problem}`)
    // The network that failed once fails again.
    break
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
    const problems = [...(await fetchDebianPrograms()), ...fetchGoPrograms(process.argv.includes('--all'))]
    for (const problem of problems) process.stdout.write(`nuncio: its tests will be skipped: ${problem}\n`)
  }
}
