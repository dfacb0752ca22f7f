// The working folder of one run (in memory where there is room), its ports and its filled-in templates.

import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { kRoot } from './tools.mjs'

const kNeededBytes = 512 * 1024 * 1024
const kPortTries = 200

/** @returns {string} a fresh folder; logs go there, so memory is better than a disk */
export function makeWorkspace() {
  const dir = mkdtempSync(join(roomInMemory() ? '/dev/shm' : tmpdir(), 'nuncio-bench-'))
  chmodSync(dir, 0o755) // a worker of nginx may run as another user
  return dir
}

function roomInMemory() {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm')
    return bavail * bsize > kNeededBytes
  } catch {
    return false
  }
}

/** @param {string} dir */
export function removeWorkspace(dir) {
  rmSync(dir, { recursive: true, force: true })
}

/** @type {Set<number>} */
const handedOut = new Set()

/**
 * A port nobody listens on, below the range the kernel takes for outgoing connections: ten thousand
 * of those are open in one of the scenarios.
 * @returns {Promise<number>}
 */
export async function freePort() {
  for (let i = 0; i < kPortTries; i++) {
    const port = 12_000 + Math.floor(Math.random() * 18_000)
    if (handedOut.has(port) || !(await canListen(port))) continue
    handedOut.add(port)
    return port
  }
  throw new Error('no free port between 12000 and 30000')
}

/** @param {number} port @returns {Promise<boolean>} */
function canListen(port) {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/**
 * Fills a template of bench/load/ and writes it.
 * @param {string} template file name
 * @param {string} target   path
 * @param {Record<string, string | number>} values for `${name}`
 */
export function writeConfig(template, target, values) {
  const text = readFileSync(join(kRoot, 'bench/load', template), 'utf8')
  const filled = text.replace(/\$\{(\w+)\}/g, (_, name) => {
    const value = values[name]
    if (value === undefined) throw new Error(`${template}: no value for \${${name}}`)
    return String(value)
  })
  writeFileSync(target, filled)
}

/** The folder of one server, with the `tmp` nginx asks for. @param {string} dir @param {string} name */
export function serverFolder(dir, name) {
  const folder = join(dir, name)
  mkdirSync(join(folder, 'tmp'), { recursive: true })
  return folder
}
