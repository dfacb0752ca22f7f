#!/usr/bin/env node
// Builds everything that changed: generated code, TypeScript to dist/, the C++ addon to build/Release/nuncio.node.
//
//   node scripts/build.mjs [--only=generate|typescript|native] [--jobs=2] [--force]
//
// Works offline once node_modules is there. Only one build runs at a time; a second one waits for the first.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { filesBelow, nativeInputs, nativeSources } from './native-sources.mjs'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    jobs: { type: 'string', default: String(Math.min(2, availableParallelism())) },
    force: { type: 'boolean', default: false },
  },
})

const cache = join(root, '.cache')
const addon = join(root, 'build/Release/nuncio.node')

/** The folder with include/node of the running Node: headers are never downloaded. NUNCIO_NODE_DIR where they are elsewhere. */
function nodeDirectory() {
  const folder = process.env.NUNCIO_NODE_DIR ?? dirname(dirname(process.execPath))
  if (!existsSync(join(folder, 'include/node/node_api.h'))) {
    fail(`no Node headers in ${folder}/include/node; set NUNCIO_NODE_DIR to the folder that holds include/node`)
  }
  return folder
}

function fail(message) {
  process.stderr.write(`build: ${message}\n`)
  process.exit(1)
}

function run(what, command, args) {
  const started = performance.now()
  const { status, signal } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) fail(`${what} failed${signal === null ? '' : ` (${signal})`}`)
  process.stdout.write(`build: ${what} (${((performance.now() - started) / 1000).toFixed(1)} s)\n`)
}

/** What a step was last done from: names, sizes and times of its inputs. */
function fingerprint(paths, ...more) {
  const hash = createHash('sha256').update(more.join('\n'))
  for (const path of paths) {
    const { mtimeMs, size } = statSync(join(root, path))
    hash.update(`${path} ${mtimeMs} ${size}\n`)
  }
  return hash.digest('hex')
}

/** Runs `action` unless nothing changed since it last succeeded. `inputs` is asked again afterwards: a step may write its own inputs. */
function step(name, outputs, inputs, action) {
  const stamp = join(cache, `build-${name}.stamp`)
  const before = inputs()
  const isDone =
    !options.force &&
    outputs.every(path => existsSync(path)) &&
    existsSync(stamp) &&
    readFileSync(stamp, 'utf8') === before
  if (isDone) return
  rmSync(stamp, { force: true })
  action()
  mkdirSync(cache, { recursive: true })
  writeFileSync(stamp, before)
}

const generators = ['generate-protos.mjs', 'generate-plan.mjs', 'generate.mjs']

function generate() {
  const isInput = path => /\.(proto|mjs)$/.test(path) || path.endsWith('/index.ts')
  // The tables of C++ filters hang on which folders have one, not on what is in it.
  const filters = () => filesBelow('src/extensions', path => path.endsWith('/filter.cc'))
  const inputs = () =>
    fingerprint(
      [
        ...filesBelow('scripts', isInput),
        ...filesBelow('src/protos', isInput),
        ...filesBelow('src/extensions', isInput),
        'native/plan/plan.proto',
        'package-lock.json',
      ],
      ...filters(),
    )
  const outputs = [
    'src/generated/extensions.ts',
    'src/generated/plan_pb.ts',
    'native/generated/plan.h',
    'native/generated/http_filters.inc',
    'native/generated/network_filters.inc',
    'src/generated/protos',
    'dist/generated/protos',
  ]
  step(
    'generate',
    outputs.map(path => join(root, path)),
    inputs,
    () => {
      for (const script of generators) run(script, process.execPath, [join(root, 'scripts', script)])
    },
  )
}

function typescript() {
  const isInput = path => /\.(ts|mts|json)$/.test(path)
  const inputs = () => fingerprint([...filesBelow('src', isInput), 'tsconfig.json', 'package-lock.json'])
  step('typescript', [join(root, 'dist/cli.js')], inputs, () => {
    run('tsc', process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', root])
  })
  step(
    'bundle',
    bundles.map(({ output }) => join(root, output)),
    inputs,
    () => bundles.forEach(bundle),
  )
  buildInfo()
}

// What starts in one file: loading a hundred small modules costs a tenth of a second. Each bundle lies at the depth of the modules in it,
// because they find their files by relative URLs.
const bundles = [
  { input: 'dist/cli.js', output: 'dist/main/bundle.cjs' },
  { input: 'dist/compile/entry.js', output: 'dist/compile/bundle.cjs' },
]

function bundle({ input, output }) {
  run(`bundle ${output}`, join(root, 'node_modules/.bin/esbuild'), [
    input,
    `--outfile=${output}`,
    '--bundle',
    '--platform=node',
    '--format=cjs',
    '--target=node20',
    '--charset=ascii',
    '--external:yaml',
    '--external:esbuild',
    '--minify-syntax',
    '--log-level=warning',
    "--banner:js=const importMetaUrl = require('node:url').pathToFileURL(__filename).href;",
    '--define:import.meta.url=importMetaUrl',
  ])
}

// Compiled code beside each bundle (bin/bundle.cjs), made by a start that carries nothing: what a start needs is what is in it.
function codeCache() {
  const inputs = () =>
    fingerprint(
      [...bundles.map(({ output }) => output), 'bin/bundle.cjs', 'bin/nuncio', 'build/Release/nuncio.node'],
      process.version,
    )
  step('code-cache', [], inputs, () => {
    const { status, stderr } = spawnSync(
      process.execPath,
      [join(root, 'bin/nuncio'), '--mode', 'init_only', '--log-level', 'off', '--config-yaml', warmUpConfig],
      { env: { ...process.env, NUNCIO_WRITE_CODE_CACHE: '1' }, encoding: 'utf8' },
    )
    // Everything works without, only later; and one half of the build may be newer than the other.
    process.stdout.write(status === 0 ? 'build: code cache\n' : `build: no code cache: ${stderr}\n`)
  })
}

/** What --version and /server_info say. Outside a git checkout there is nothing to say. */
function buildInfo() {
  const git = (...args) => spawnSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const commit = git('rev-parse', 'HEAD')
  if (commit.status !== 0) return
  const isClean = git('status', '--porcelain', '--untracked-files=no').stdout === ''
  writeFileSync(join(root, 'dist/build-info.json'), `${JSON.stringify({ commit: commit.stdout.trim(), isClean })}\n`)
}

function native() {
  const inputs = () => fingerprint([...nativeInputs(), 'binding.gyp', 'package-lock.json'], process.version)
  step('native', [addon], inputs, () => {
    const gyp = (...args) =>
      run(`node-gyp ${args[0]}`, process.execPath, [
        join(root, 'node_modules/node-gyp/bin/node-gyp.js'),
        ...args,
        `--nodedir=${nodeDirectory()}`,
        '--loglevel=warn',
      ])
    step(
      'configure',
      [join(root, 'build/Makefile')],
      () => fingerprint(['binding.gyp'], process.version, process.execPath, ...nativeSources()),
      () => gyp('configure'),
    )
    gyp('build', `--jobs=${options.jobs}`)
  })
}

/** Uses what most configurations use. */
const warmUpConfig = `
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}
static_resources:
  listeners:
  - name: warm-up
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: warm_up
          access_log:
          - name: envoy.access_loggers.file
            typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: /dev/null}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - {match: {path: /direct}, direct_response: {status: 200, body: {inline_string: hello}}}
              - {match: {prefix: /}, route: {cluster: upstream, timeout: 1.5s}}
  clusters:
  - name: upstream
    type: STATIC
    connect_timeout: 1s
    load_assignment:
      cluster_name: upstream
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 1}}}}]}]
`

/** Holds the build to itself: the folder is the lock, and one left by a build that died is taken over. */
function lock() {
  const folder = join(cache, 'build.lock')
  mkdirSync(cache, { recursive: true })
  for (;;) {
    try {
      mkdirSync(folder)
      break
    } catch {
      if (!isHeld(folder)) rmSync(folder, { recursive: true, force: true })
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
    }
  }
  writeFileSync(join(folder, 'pid'), String(process.pid))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
}

function isHeld(folder) {
  try {
    process.kill(Number(readFileSync(join(folder, 'pid'), 'utf8')), 0)
    return true
  } catch (error) {
    // No pid yet: its holder is between two calls. ESRCH: gone.
    return error.code === 'ENOENT'
      ? existsSync(folder) && Date.now() - statSync(folder).mtimeMs < 2000
      : error.code === 'EPERM'
  }
}

const steps = { generate, typescript, native }
if (options.only !== undefined && !(options.only in steps)) fail(`--only takes ${Object.keys(steps).join(', ')}`)
lock()
for (const [name, action] of Object.entries(steps)) if (options.only === undefined || options.only === name) action()
// A step of its own, last: it needs the addon and the bundles.
if (existsSync(addon) && bundles.every(({ output }) => existsSync(join(root, output)))) codeCache()
