// Which proxy the scenarios run against: ours, or real Envoy.
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export type TargetName = 'nuncio' | 'envoy'

export interface Target {
  readonly name: TargetName
  readonly command: readonly string[]
}

// This file runs as .cache/test/support/target.js.
export const REPOSITORY: string = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..')

function envoyProgram(): string {
  const given = process.env.ENVOY_BIN
  if (given !== undefined && given !== '') return given
  const home = path.join(REPOSITORY, '.tools/envoy')
  const found = existsSync(home)
    ? readdirSync(home, { recursive: true })
        .map(String)
        .find(name => name.endsWith('_bin/envoy'))
    : undefined
  if (found === undefined) throw new Error('no envoy: run `node scripts/fetch-envoy.mjs`, or set ENVOY_BIN')
  return path.join(home, found)
}

function choose(): Target {
  const name = process.env.NUNCIO_TEST_TARGET ?? 'nuncio'
  if (name === 'envoy') return { name, command: [envoyProgram()] }
  // scripts/node-versions.mjs runs ours under other versions of Node.
  const node = process.env.NUNCIO_TEST_NODE ?? process.execPath
  if (name === 'nuncio') return { name, command: [node, path.join(REPOSITORY, 'bin/nuncio')] }
  throw new Error(`NUNCIO_TEST_TARGET is ${name}; it can be nuncio or envoy`)
}

export const target: Target = choose()
