// Starts what is measured: the origin and each peer, with an equal job.

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
  readFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import {
  buildRelay,
  fetchDebianTools,
  fetchEnvoy,
  findEnvoy,
  findProgram,
  findStreamModule,
  kRoot,
  toolEnvironment,
} from './tools.mjs'
import { run, startPinned, stop } from './processes.mjs'
import { freePort, serverFolder, writeConfig } from './workspace.mjs'
import { filterItems, filterName, kJobs, kJobValues } from './jobs.mjs'
import { routesBeside } from './routes.mjs'
import { firstAnswer } from './client.mjs'

/** @typedef {import("./jobs.mjs").Job} Job */
/** HTTP/1.1 on one port, HTTP/2 in clear text on the other. @typedef {{ port: number, h2Port: number, pid: number }} Origin */
/** @typedef {{ name: string, version: string, problem?: string, binary?: string }} Peer */
/**
 * @typedef {object} Server
 * @property {string} peer
 * @property {Job} job
 * @property {number} pid
 * @property {number} port
 * @property {number} adminPort
 * @property {string} accessLog
 * @property {{ openMs: number, servedMs: number, servedAt: number }} started  from the spawn to the open port, to the first answer; its moment
 * @property {() => Promise<void>} stop
 * @property {() => void} emptyLog
 */

const kStartLimitMs = 15_000
const kNginxUser = process.getuid?.() === 0 ? 'user root;' : ''
let serial = 0

/**
 * Finds or fetches every wanted peer; a peer that cannot be had comes back with its problem.
 * @param {string[]} names
 * @returns {Promise<Map<string, Peer>>}
 */
export async function findPeers(names) {
  const debian = await fetchDebianTools()
  const found = new Map()
  for (const name of names) found.set(name, await finders[name]?.(debian))
  return found
}

/** @type {Record<string, (debianProblem: string | undefined) => Promise<Peer>>} */
const finders = {
  relay: async () => ({ name: 'relay', version: 'bench/relay.c', ...renamed(await buildRelay()) }),
  nginx: problem => debianPeer('nginx', ['-v'], problem),
  haproxy: problem => debianPeer('haproxy', ['-v'], problem),
  envoy: async () => {
    const problem = await fetchEnvoy()
    const binary = findEnvoy()
    if (binary === undefined) return { name: 'envoy', version: '', problem: problem ?? 'not found' }
    return { name: 'envoy', version: await versionOf(binary, ['--version']), binary }
  },
  nuncio: async () => {
    // NUNCIO_BIN: the launcher of another build or checkout, to compare two of them.
    const launcher = process.env.NUNCIO_BIN ?? join(kRoot, 'bin/nuncio')
    if (!existsSync(launcher))
      return { name: 'nuncio', version: '', problem: `${launcher} is not there: build first (npm run build)` }
    const answer = await run([process.execPath, launcher, '--version'], { timeoutMs: 10_000 })
    if (answer.code !== 0)
      return { name: 'nuncio', version: '', problem: `bin/nuncio --version failed: ${lastLine(answer.stderr)}` }
    return { name: 'nuncio', version: lastLine(answer.stdout), binary: launcher }
  },
}

/** @param {{ path?: string, problem?: string }} built */
function renamed(built) {
  return built.path === undefined ? { problem: built.problem ?? 'not built' } : { binary: built.path }
}

/** @param {string} name @param {string[]} args @param {string | undefined} problem @returns {Promise<Peer>} */
async function debianPeer(name, args, problem) {
  const binary = findProgram(name)
  if (binary === undefined) return { name, version: '', problem: problem ?? 'not found' }
  return { name, version: await versionOf(binary, args), binary }
}

/** @param {string} binary @param {string[]} args */
async function versionOf(binary, args) {
  const { stdout, stderr } = await run([binary, ...args], { env: toolEnvironment(), timeoutMs: 10_000 })
  const text = `${stdout}${stderr}`
  return /\d+\.\d+\.\d+/.exec(text)?.[0] ?? text.trim().split('\n')[0] ?? ''
}

/** @param {string} text */
function lastLine(text) {
  return text.trim().split('\n').at(-1) ?? ''
}

/**
 * The origin: nginx on the load core, answering from memory.
 * @param {string} dir @param {string} cores
 * @returns {Promise<Origin>}
 */
export async function startOrigin(dir, cores) {
  const binary = findProgram('nginx')
  if (binary === undefined) throw new Error('the origin is an nginx, and there is none')
  const folder = serverFolder(dir, 'origin')
  const port = await freePort()
  const h2Port = await freePort()
  writeFileSync(join(folder, '10k.bin'), Buffer.alloc(10 * 1024, '0123456789abcdef'))
  writeFileSync(join(folder, '1m.bin'), Buffer.alloc(1024 * 1024, '0123456789abcdef'))
  const config = join(folder, 'origin.conf')
  writeConfig('origin.nginx.conf', config, {
    dir: folder,
    origin_port: port,
    origin_h2_port: h2Port,
    nginx_user: kNginxUser,
  })
  const stderr = join(folder, 'stderr')
  const child = startPinned([binary, '-e', stderr, '-p', folder, '-c', config], {
    cores,
    stdout: join(folder, 'stdout'),
    stderr,
    env: toolEnvironment(),
  })
  if ((await firstAnswer('h1', port, '/', () => child.exitCode === null, kStartLimitMs)) === undefined) {
    throw new Error(`the origin does not answer: ${readFileSync(stderr, 'utf8').trim()}`)
  }
  return { port, h2Port, pid: child.pid }
}

/**
 * Starts one peer on one job and waits for its first answer.
 * @param {Peer} peer
 * @param {{ dir: string, job: Job, workers: number, cores: string, origin: Origin, certificates: string, path: string, ownCopy?: boolean, filters?: { count: number, objects?: number }, limitMs?: number, plane?: import("./xds.mjs").Plane }} options
 *   `plane`: who brings the configuration, once the port is known. `ownCopy`: run a copy of the program (for Nuncio, of node). PSS divides a page among all processes that
 *   map it, and this process is a node too: pages shared with strangers would make a proxy look small.
 * @returns {Promise<Server>}
 */
export async function startServer(peer, options) {
  if (options.filters !== undefined && options.filters.count > 0 && !['envoy', 'nuncio'].includes(peer.name))
    throw new Error('has no filters to compare')
  const folder = serverFolder(options.dir, `${peer.name}-${options.job}-${++serial}`)
  const accessLog = join(folder, 'access.txt')
  const port = await freePort()
  const adminPort = await freePort()
  writeFileSync(accessLog, '')
  const values = {
    dir: folder,
    port,
    admin_port: adminPort,
    origin_port: kJobs[options.job].up === 'h2' ? options.origin.h2Port : options.origin.port,
    workers: options.workers,
    access_log: accessLog,
    nginx_user: kNginxUser,
    stream_module: findStreamModule() ?? '',
    filters: filterItems(peer.name, options.filters ?? { count: 0 }, join(kRoot, 'bench/load')),
  }
  Object.assign(values, await options.plane?.prepare(port))
  const binary = /** @type {string} */ (peer.binary)
  const isNuncio = peer.name === 'nuncio'
  const command = commands[peer.name]?.(isNuncio || options.ownCopy !== true ? binary : ownCopyOf(binary), {
    ...options,
    folder,
    values,
    node: isNuncio && options.ownCopy === true ? ownCopyOf(process.execPath) : process.execPath,
  })
  if (command === undefined) throw new Error(`${peer.name}: unknown peer`)
  const stderr = join(folder, 'stderr')
  const began = performance.now()
  const child = startPinned(command, {
    cores: options.cores,
    // HAProxy logs to a file by way of its standard output.
    stdout: peer.name === 'haproxy' ? accessLog : join(folder, 'stdout'),
    stderr,
    env: toolEnvironment(),
    cwd: kRoot,
  })
  const answer = await firstAnswer(
    kJobs[options.job].down,
    port,
    options.path,
    () => child.exitCode === null && child.signalCode === null,
    options.limitMs ?? kStartLimitMs,
  )
  if (answer === undefined) {
    await stop(child)
    throw new Error(
      `${peer.name} does not serve (${options.job}): ${
        lastLine(
          readFileSync(stderr, 'utf8')
            .trim()
            .split('\n')
            .filter(l => !l.includes('NOTICE'))
            .join('\n'),
        ) || 'no message'
      }`,
    )
  }
  return {
    peer: peer.name,
    job: options.job,
    pid: child.pid,
    port,
    adminPort,
    accessLog,
    started: { openMs: answer.openAt - began, servedMs: answer.answeredAt - began, servedAt: answer.answeredAt },
    stop: () => stop(child),
    emptyLog: () => truncateSync(accessLog),
  }
}

/** @typedef {{ job: Job, workers: number, folder: string, certificates: string, node: string, values: Record<string, string | number>, filters?: { count: number } }} CommandInput */

/** @type {Record<string, (binary: string, input: CommandInput) => string[]>} */
const commands = {
  relay: (binary, { values }) => [binary, String(values.port), String(values.origin_port)],
  nginx: (binary, input) => {
    const config = configFor('nginx', 'nginx.conf', input)
    return [binary, '-e', join(input.folder, 'stderr'), '-p', input.folder, '-c', config]
  },
  haproxy: (binary, input) => [binary, '-db', '-f', configFor('haproxy', 'haproxy.cfg', input)],
  envoy: (binary, input) => [
    binary,
    '-c',
    configFor('envoy', 'envoy.yaml', input),
    '--concurrency',
    String(input.workers),
    '--disable-hot-restart',
    '-l',
    'error',
  ],
  nuncio: (binary, input) => [
    input.node,
    binary,
    '-c',
    configFor('envoy', 'envoy.yaml', input),
    '--concurrency',
    String(input.workers),
    '-l',
    'error',
  ],
}

/** @param {string} language @param {string} suffix @param {CommandInput} input */
function configFor(language, suffix, { job, folder, certificates, values, filters }) {
  const target = join(folder, suffix)
  const facts = kJobs[job]
  const filterNames = Array.from({ length: filters?.count ?? 0 }, (_, i) => filterName(i))
  writeConfig(`${facts.template}.${suffix}`, target, {
    ...values,
    ...kJobValues[language]?.(facts, { certificates, folder }),
    ...(filterNames.length > 0 && { routes: routesBeside(filterNames) }),
  })
  return target
}

/** @param {string} program @returns {string} a copy that no other process maps; kept for the next run */
function ownCopyOf(program) {
  const { size, mtimeMs } = statSync(program)
  const folder = join(kRoot, '.cache/bench/copies')
  const path = join(folder, `${basename(program)}-${size}-${Math.round(mtimeMs)}`)
  mkdirSync(folder, { recursive: true })
  if (!existsSync(path)) {
    copyFileSync(program, `${path}.new`)
    renameSync(`${path}.new`, path)
  }
  return path
}
