#!/usr/bin/env node
// Lists the C++ files of the addon for binding.gyp, one a line, relative to the repository:
//
//   node scripts/native-sources.mjs                     our own: native/ and the native parts of src/extensions/
//   node scripts/native-sources.mjs --system-includes   flags for headers that are not ours (RE2, node-addon-api)
import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')

/** @returns {string[]} files below `folder` for which `wanted` holds, relative to the repository, in a stable order */
export function filesBelow(folder, wanted) {
  const top = join(root, folder)
  if (!existsSync(top)) return []
  return readdirSync(top, { withFileTypes: true, recursive: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
    .filter(wanted)
    .sort()
}

/** The C++ sources of the addon, generated ones included. */
export function nativeSources() {
  const isSource = path => path.endsWith('.cc') && !path.endsWith('_test.cc')
  return [...filesBelow('native', isSource), ...filesBelow('src/extensions', isSource)]
}

/** Everything whose change asks for a new build of the addon. */
export function nativeInputs() {
  const isInput = path => /\.(cc|h|inc)$/.test(path) && !path.endsWith('_test.cc')
  return [...filesBelow('native', isInput), ...filesBelow('src/extensions', isInput)]
}

/** Warnings in these headers are not ours to fix. */
async function systemIncludes() {
  const { re2Include } = await import('./re2-sources.mjs')
  const napi = dirname(createRequire(import.meta.url).resolve('node-addon-api/package.json'))
  return ['-isystem', napi, '-isystem', re2Include]
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const lines = process.argv.includes('--system-includes') ? await systemIncludes() : nativeSources()
  process.stdout.write(`${lines.join('\n')}\n`)
}
