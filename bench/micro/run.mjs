#!/usr/bin/env node
// Builds one of the programs of this folder with the sources it needs, and runs it.
//
//   node bench/micro/run.mjs route
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

import { buildRe2, re2Include } from '../../scripts/re2-sources.mjs'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
const name = process.argv[2]

/** What each program is made of: folders (all their .cc files) and single files below native/. */
const kParts = {
  route: ['base', 'generated', 'routing', 'http', 'http/substitution', 'net/address.cc'],
  h2: [
    'base/text_buffer.cc',
    'http/authority.cc',
    'http/h2',
    'http/header_map.cc',
    'http/joined_headers.cc',
    'http/well_known_headers.cc',
    'net/output_queue.cc',
    'stats',
  ],
  access_log: ['access_log', 'base', 'generated', 'http', 'http/substitution', 'net/address.cc'],
}

const parts = kParts[name]
if (parts === undefined) {
  console.error(`usage: run.mjs ${Object.keys(kParts).join(' | ')}`)
  process.exit(2)
}
const native = join(root, 'native')
const sources = parts.flatMap(part =>
  part.endsWith('.cc')
    ? [join(native, part)]
    : readdirSync(join(native, part))
        .filter(file => file.endsWith('.cc'))
        .map(file => join(native, part, file)),
)
const output = join(root, '.cache', 'micro')
mkdirSync(output, { recursive: true })
const program = join(output, name)
const flags = [
  '-std=c++20',
  '-O2',
  '-DNDEBUG',
  '-pthread',
  '-fno-exceptions',
  '-fno-rtti',
  '-fvisibility=hidden',
  `-I${native}`,
  '-isystem',
  re2Include,
]
const built = spawnSync(
  process.env.CXX ?? 'g++',
  [...flags, join(root, 'bench', 'micro', `${name}.cc`), ...sources, await buildRe2(), '-o', program],
  { stdio: 'inherit' },
)
if (built.status !== 0) process.exit(1)
process.exitCode = spawnSync(program, process.argv.slice(3), { stdio: 'inherit' }).status ?? 1
