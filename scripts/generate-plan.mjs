// Makes from native/plan/plan.proto (and plan.proto files in extension folders) what both planes share:
//
//   native/generated/plan.h, plan.cc          structs, and readers over native/plan/wire_reader.h
//   native/generated/plan_roundtrip.inc       for test/native/plan_test.cc: bytes of every message, and what must come out
//   src/generated/plan_pb.ts                  the TypeScript encoder (protoc-gen-es)
//
// A file src/extensions/<path>/plan.proto may import "plan.proto"; its output is <path>/plan.h and <path>/plan_pb.ts below the same folders.
// Works offline. Does nothing when its inputs have not changed.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { create, createFileRegistry, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  CodeGeneratorRequestSchema,
  CodeGeneratorResponseSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt'
import { header, source } from './plan/cpp.mjs'
import { roundTrip } from './plan/round-trip.mjs'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const require = createRequire(path.join(root, 'package.json'))
const stage = path.join(root, '.cache/plan')
const cppFolder = path.join(root, 'native/generated')
const tsFolder = path.join(root, 'src/generated')
const stampFile = path.join(cppFolder, 'plan.stamp')

function main() {
  const protos = new Map([['plan.proto', path.join(root, 'native/plan/plan.proto')], ...extensionProtos()])
  const stamp = inputHash(protos)
  const outputs = [stampFile, path.join(cppFolder, 'plan.h'), path.join(tsFolder, 'plan_pb.ts')]
  if (outputs.every(file => existsSync(file)) && readFileSync(stampFile, 'utf8') === stamp) return
  const files = buildImage(protos)
  const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: files }))
  for (const name of protos.keys()) {
    const file = registry.getFile(name)
    const base = name.replace(/\.proto$/, '')
    writeIfChanged(path.join(cppFolder, `${base}.h`), header(file))
    writeIfChanged(path.join(cppFolder, `${base}.cc`), source(file))
    writeIfChanged(path.join(cppFolder, `${base}_roundtrip.inc`), roundTrip(file))
  }
  writeTypeScript(files, [...protos.keys()])
  writeFileSync(stampFile, stamp)
}

function extensionProtos() {
  const folder = path.join(root, 'src/extensions')
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter(name => path.basename(name) === 'plan.proto')
    .sort()
    .map(name => [name, path.join(folder, name)])
}

function inputHash(protos) {
  const hash = createHash('sha256')
  const scripts = ['scripts/generate-plan.mjs', 'scripts/plan/cpp.mjs', 'scripts/plan/round-trip.mjs'].map(name =>
    path.join(root, name),
  )
  for (const file of [...scripts, ...protos.values()]) hash.update(path.relative(root, file)).update(readFileSync(file))
  for (const tool of ['@bufbuild/buf', '@bufbuild/protoc-gen-es'])
    hash.update(readFileSync(path.join(packageFolder(tool), 'package.json')))
  return hash.digest('hex')
}

function packageFolder(name) {
  for (const folder of require.resolve.paths(name) ?? []) {
    if (existsSync(path.join(folder, name, 'package.json'))) return path.join(folder, name)
  }
  throw new Error(`npm package ${name} is not installed; run npm install`)
}

function buildImage(protos) {
  rmSync(stage, { recursive: true, force: true })
  for (const [name, file] of protos) {
    mkdirSync(path.dirname(path.join(stage, name)), { recursive: true })
    cpSync(file, path.join(stage, name))
  }
  writeFileSync(path.join(stage, 'buf.yaml'), 'version: v2\n')
  const buf = path.join(packageFolder('@bufbuild/buf'), 'bin/buf')
  const image = run(process.execPath, [buf, 'build', '.', '--as-file-descriptor-set', '-o', '-'])
  return fromBinary(FileDescriptorSetSchema, image).file
}

function run(command, args, input) {
  const done = spawnSync(command, args, { cwd: stage, input, maxBuffer: 1 << 26 })
  if (done.error) throw done.error
  if (done.status !== 0) throw new Error(`${path.basename(args[0])} failed:\n${done.stdout}${done.stderr}`)
  return done.stdout
}

function writeTypeScript(protoFile, fileToGenerate) {
  const request = create(CodeGeneratorRequestSchema, {
    parameter: 'target=ts,import_extension=js',
    fileToGenerate,
    protoFile,
  })
  const plugin = path.join(packageFolder('@bufbuild/protoc-gen-es'), 'bin/protoc-gen-es')
  const response = fromBinary(
    CodeGeneratorResponseSchema,
    run(process.execPath, [plugin], toBinary(CodeGeneratorRequestSchema, request)),
  )
  if (response.error) throw new Error(response.error)
  for (const { name, content } of response.file) writeIfChanged(path.join(tsFolder, name), content)
}

// Keeps the time of an unchanged file, so that an incremental build stays incremental.
function writeIfChanged(file, text) {
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, text)
}

main()
