// Finds the programs the benchmark needs: on the PATH, or fetched into .tools/ of the repository.
//
// Debian's packages are downloaded and unpacked there, never installed: no service starts, nothing of
// the system changes, and no rights are needed. Envoy comes from scripts/fetch-envoy.mjs.

import { accessSync, constants, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './processes.mjs'

export const kRoot = fileURLToPath(new URL('../../', import.meta.url))
const kDebian = join(kRoot, '.tools/debian')
const kPackages = ['nginx', 'libnginx-mod-stream', 'haproxy', 'wrk', 'nghttp2-client', 'openssl', 'libssl-dev']
const kLibraryFolders = ['usr/lib', 'lib']

/** For a reader whose machine does not let us fetch: what to type, without starting a service. @param {string[]} packages */
function installHint(packages) {
  const folder = '/tmp/nuncio-debs'
  const download = `apt-get -y --download-only -o Dir::Cache::archives=. install ${packages.join(' ')}`
  return `apt-get update && mkdir -p ${folder} && cd ${folder} && ${download} && for f in *.deb; do dpkg -x $f ${kDebian}; done`
}

export const kInstallHint = installHint(kPackages)

/** @param {string} path */
function isProgram(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** @param {string} name */
function onPath(name) {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/sbin']
  return folders.map(folder => join(folder, name)).find(isProgram)
}

/** @param {string} name @returns {string | undefined} */
function inTools(name) {
  return ['usr/sbin', 'usr/bin'].map(folder => join(kDebian, folder, name)).find(isProgram)
}

/** @param {string} name @returns {string | undefined} */
export function findProgram(name) {
  return onPath(name) ?? inTools(name)
}

/** @returns {string | undefined} nginx's stream module, which Debian keeps apart */
export function findStreamModule() {
  const file = 'usr/lib/nginx/modules/ngx_stream_module.so'
  return [join('/', file), join(kDebian, file)].find(existsSync)
}

function hasSslHeaders() {
  return ['/', kDebian].some(root => existsSync(join(root, 'usr/include/openssl/ssl.h')))
}

/** The environment in which an unpacked program finds the libraries unpacked beside it. */
export function toolEnvironment() {
  const folders = kLibraryFolders
    .map(folder => join(kDebian, folder))
    .filter(existsSync)
    .flatMap(folder => [
      folder,
      ...readdirSync(folder)
        .filter(n => n.includes('-linux-gnu'))
        .map(n => join(folder, n)),
    ])
  const path = [...folders, process.env.LD_LIBRARY_PATH].filter(s => s !== undefined && s !== '').join(':')
  return path === '' ? process.env : { ...process.env, LD_LIBRARY_PATH: path }
}

/**
 * Downloads and unpacks what is missing of Debian's programs.
 * @returns {Promise<string | undefined>} what went wrong, in one line
 */
export function fetchDebianTools() {
  const wanted = ['nginx', 'haproxy', 'wrk', 'h2load', 'openssl']
  const complete = wanted.every(name => findProgram(name)) && findStreamModule() !== undefined && hasSslHeaders()
  return complete ? Promise.resolve(undefined) : fetchDebianPackages(kPackages)
}

/**
 * Downloads packages with all they need and unpacks them below .tools/debian.
 * @param {string[]} packages
 * @returns {Promise<string | undefined>} what went wrong, in one line
 */
export async function fetchDebianPackages(packages) {
  if (onPath('apt-get') === undefined || onPath('dpkg') === undefined)
    return `this is no Debian: install ${packages.join(', ')} yourself`
  const archives = join(kDebian, 'archives')
  mkdirSync(join(archives, 'partial'), { recursive: true })
  console.error(`fetching ${packages.join(', ')} into .tools/debian ...`)
  const download = () =>
    run(
      ['apt-get', '-y', '-q', '-o', 'Debug::NoLocking=1', '-o', `Dir::Cache::archives=${archives}`].concat([
        '--download-only',
        '--no-install-recommends',
        'install',
        ...packages,
      ]),
    )
  let result = await download()
  if (result.code !== 0) {
    await run(['apt-get', '-q', 'update'])
    result = await download()
  }
  const files = readdirSync(archives).filter(name => name.endsWith('.deb'))
  if (result.code !== 0 || files.length === 0) {
    return `apt-get could not download: ${result.stderr.trim().split('\n').at(-1) ?? ''}; type: ${installHint(packages)}`
  }
  for (const file of files) await run(['dpkg', '-x', join(archives, file), kDebian])
  rmSync(archives, { recursive: true, force: true })
  return undefined
}

/** @returns {string | undefined} */
export function findEnvoy() {
  if (process.env.ENVOY_BIN !== undefined) return process.env.ENVOY_BIN
  const stack = [join(kRoot, '.tools')]
  while (stack.length > 0) {
    const folder = /** @type {string} */ (stack.pop())
    if (!existsSync(folder)) continue
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      // The package keeps the program itself in envoy/_bin; what is in bin/ is a launcher in Python.
      if (entry.isFile() && path.endsWith('/_bin/envoy')) return path
      if (entry.isDirectory() && entry.name !== 'debian') stack.push(path)
    }
  }
  return onPath('envoy')
}

/** @returns {Promise<string | undefined>} what went wrong */
export async function fetchEnvoy() {
  if (findEnvoy() !== undefined) return undefined
  const script = join(kRoot, 'scripts/fetch-envoy.mjs')
  if (!existsSync(script)) return 'no Envoy in .tools/; set ENVOY_BIN'
  console.error('fetching Envoy ...')
  const result = await run([process.execPath, script], { timeoutMs: 300_000 })
  if (findEnvoy() !== undefined) return undefined
  return `scripts/fetch-envoy.mjs brought no Envoy: ${result.stderr.trim().split('\n').at(-1) ?? ''}`
}

/** @returns {Promise<{ path?: string, problem?: string }>} the byte relay, compiled on first use */
export function buildRelay() {
  return compile('relay', 'relay.c', [])
}

/** @type {Promise<{ path?: string, problem?: string }> | undefined} */
let tlsClient

/** @returns {Promise<{ path?: string, problem?: string }>} the client of new TLS connections, compiled on first use */
export function buildTlsClient() {
  // Headers of the system or those unpacked; the library is the one nginx and wrk use too.
  const include = join(kDebian, 'usr/include')
  const libraries = (toolEnvironment().LD_LIBRARY_PATH ?? '').split(':').filter(folder => folder !== '')
  const flags = ['-idirafter', include, '-idirafter', join(include, `${machineName()}-linux-gnu`)]
  flags.push(...libraries.map(folder => `-L${folder}`), '-l:libssl.so.3', '-l:libcrypto.so.3')
  tlsClient ??= compile('tls_client', 'tls_client.c', flags)
  return tlsClient
}

function machineName() {
  return process.arch === 'arm64' ? 'aarch64' : 'x86_64'
}

/** @param {string} name @param {string} source @param {string[]} flags @returns {Promise<{ path?: string, problem?: string }>} */
async function compile(name, source, flags) {
  const folder = join(kRoot, '.cache/bench')
  const path = join(folder, name)
  mkdirSync(folder, { recursive: true })
  const result = await run(['cc', '-O2', '-Wall', '-Wextra', '-o', path, join(kRoot, 'bench', source), ...flags])
  if (result.code !== 0)
    return { problem: `cc could not compile bench/${source}: ${result.stderr.trim().split('\n')[0] ?? ''}` }
  return { path }
}
