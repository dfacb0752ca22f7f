// Makes src/generated/protos from Envoy's API: message types for TypeScript, and the descriptors that config/ reads at run time.
//
//   npm's @grpc/grpc-js-xds (API of about Envoy 1.30)   ─┐
//   src/protos/additions   files that came later, contrib ├─ buf build ─ apply patches ─┬─ descriptors.bin, descriptors.json
//   src/protos/patches     later fields of older messages ─┘                            └─ protoc-gen-es ─ *_pb.ts (types and enums only)
//
// A patch is a .proto file at the path of the file it patches, its package prefixed with "patch.". Its messages hold only what is new or
// different; `reserved "name"` drops a field. Works offline. Does nothing when its inputs have not changed.
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  CodeGeneratorRequestSchema,
  CodeGeneratorResponseSchema,
  FieldOptionsSchema,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MessageOptionsSchema,
  EnumValueOptionsSchema,
  OneofOptionsSchema,
} from '@bufbuild/protobuf/wkt'
import { applyPatches } from './protos/apply-patches.mjs'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const require = createRequire(path.join(root, 'package.json'))
const stage = path.join(root, '.cache/protos')
const source = path.join(root, 'src/generated/protos')
const output = path.join(root, 'dist/generated/protos')

// Files of the npm package whose imports it does not carry, or that Envoy has since removed.
const dropped = [
  'envoy/config/trace/v3/opencensus.proto',
  'envoy/config/trace/v3/trace.proto',
  'envoy/config/grpc_credential/v3/aws_iam.proto',
  'envoy/extensions/filters/http/proto_message_logging/v3/config.proto',
  'envoy/service/trace/v3/trace_service.proto',
]
// Options that matter at run time: the rules of protoc-gen-validate, and what config/ warns about or hides.
const keptExtensions = new Set([
  1071, // validate.rules, .required, .disabled
  189503207, // envoy.annotations.disallowed_by_default
  70100853, // envoy.annotations.disallowed_by_default_enum
  76569463, // udpa.annotations.sensitive
])

function main() {
  const deps = path.join(packageFolder('@grpc/grpc-js-xds'), 'deps')
  const stamp = inputHash(deps)
  const stampFile = path.join(source, 'stamp')
  const isFresh = existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp
  if (!isFresh) {
    generate(deps)
    writeFileSync(stampFile, stamp)
  }
  mkdirSync(output, { recursive: true })
  for (const name of ['descriptors.bin', 'descriptors.json']) cpSync(path.join(source, name), path.join(output, name))
}

function generate(deps) {
  rmSync(source, { recursive: true, force: true })
  mkdirSync(source, { recursive: true })
  stageProtos(deps)
  const files = applyPatches(buildImage())
  for (const file of files) stripOptions(file)
  writeDescriptors(files)
  writeTypes(files)
}

function packageFolder(name) {
  for (const folder of require.resolve.paths(name) ?? []) {
    if (existsSync(path.join(folder, name, 'package.json'))) return path.join(folder, name)
  }
  throw new Error(`npm package ${name} is not installed; run npm install`)
}

function inputHash(deps) {
  const hash = createHash('sha256').update(readFileSync(path.join(deps, '../package.json')))
  const inputs = [
    fileURLToPath(import.meta.url),
    ...walk(path.join(root, 'src/protos')),
    ...walk(path.join(root, 'scripts/protos')),
  ]
  for (const file of inputs.sort()) hash.update(path.relative(root, file)).update(readFileSync(file))
  for (const tool of ['@bufbuild/buf', '@bufbuild/protoc-gen-es'])
    hash.update(readFileSync(path.join(packageFolder(tool), 'package.json')))
  return hash.digest('hex')
}

function walk(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const file = path.join(folder, entry.name)
    return entry.isDirectory() ? walk(file) : [file]
  })
}

function stageProtos(deps) {
  rmSync(stage, { recursive: true, force: true })
  mkdirSync(stage, { recursive: true })
  const isOld = file => /\/(v2|v2alpha|v1alpha|v2alpha1|v1alpha1)(\/|$)/.test(file)
  cpSync(path.join(deps, 'envoy-api/envoy'), path.join(stage, 'envoy'), {
    recursive: true,
    filter: file => !isOld(file),
  })
  cpSync(path.join(deps, 'xds'), stage, { recursive: true })
  cpSync(path.join(deps, 'googleapis/google'), path.join(stage, 'google'), { recursive: true })
  cpSync(path.join(deps, 'protoc-gen-validate/validate'), path.join(stage, 'validate'), { recursive: true })
  cpSync(path.join(root, 'src/protos/additions'), stage, { recursive: true })
  cpSync(path.join(root, 'src/protos/patches'), path.join(stage, 'patches'), { recursive: true })
  for (const file of dropped) rmSync(path.join(stage, file), { force: true })
  addIgnoreEmpty(path.join(stage, 'validate/validate.proto'))
  writeFileSync(path.join(stage, 'buf.yaml'), 'version: v2\n')
}

// The package's validate.proto is older than the option ignore_empty that its own protos use.
function addIgnoreEmpty(file) {
  const numbers = { String: 26, Bytes: 14, Repeated: 5, Map: 6 }
  const text = readFileSync(file, 'utf8').replace(/^message (\w+)Rules \{[^]*?^\}/gm, (message, kind) => {
    const isNumber = /^(Float|Double|U?Int|SInt|S?Fixed)/.test(kind)
    const number = numbers[kind] ?? (isNumber ? 8 : undefined)
    if (number === undefined || message.includes('ignore_empty')) return message
    return message.replace(/\}$/, `  optional bool ignore_empty = ${number};\n}`)
  })
  writeFileSync(file, text)
}

function run(command, args, input) {
  const done = spawnSync(command, args, { cwd: stage, input, maxBuffer: 1 << 28 })
  if (done.error) throw done.error
  if (done.status !== 0)
    throw new Error(`${path.basename(command)} ${args[0] ?? ''} failed:\n${done.stdout}${done.stderr}`)
  return done.stdout
}

function buildImage() {
  const buf = path.join(packageFolder('@bufbuild/buf'), 'bin/buf')
  const folders = ['envoy', 'xds', 'udpa', 'contrib', 'nuncio', 'patches'].flatMap(folder => ['--path', folder])
  const image = run(process.execPath, [
    buf,
    'build',
    '.',
    ...folders,
    '--as-file-descriptor-set',
    '--exclude-source-info',
    '-o',
    '-',
  ])
  return fromBinary(FileDescriptorSetSchema, image).file
}

function stripOptions(file) {
  file.options = undefined
  const strip = (owner, schema) => {
    if (!owner.options) return
    const unknown = owner.options.$unknown?.filter(field => keptExtensions.has(field.no))
    if (unknown?.length) owner.options.$unknown = unknown
    else delete owner.options.$unknown
    if (toBinary(schema, owner.options).length === 0) owner.options = undefined
  }
  const stripEnum = type => {
    for (const value of type.value) strip(value, EnumValueOptionsSchema)
  }
  const stripMessage = type => {
    strip(type, MessageOptionsSchema)
    for (const field of type.field) strip(field, FieldOptionsSchema)
    for (const oneof of type.oneofDecl) strip(oneof, OneofOptionsSchema)
    for (const nested of type.nestedType) stripMessage(nested)
    for (const nested of type.enumType) stripEnum(nested)
    type.reservedRange = []
    type.reservedName = []
  }
  for (const type of file.messageType) stripMessage(type)
  for (const type of file.enumType) stripEnum(type)
}

// descriptors.bin: one FileDescriptorProto after the other, dependencies first. descriptors.json: where each begins, and which holds a type.
function writeDescriptors(files) {
  const parts = []
  const index = { files: [], types: {} }
  let offset = 0
  for (const [position, file] of files.entries()) {
    const bytes = toBinary(FileDescriptorProtoSchema, file)
    parts.push(bytes)
    index.files.push([file.name, offset, bytes.length])
    offset += bytes.length
    const prefix = file.package === '' ? '' : `${file.package}.`
    for (const type of [...file.messageType, ...file.enumType]) index.types[prefix + type.name] = position
    for (const extension of file.extension) index.types[prefix + extension.name] = position
  }
  writeFileSync(path.join(source, 'descriptors.bin'), Buffer.concat(parts))
  writeFileSync(path.join(source, 'descriptors.json'), JSON.stringify(index))
}

function writeTypes(files) {
  const wanted = files.filter(file => !file.name.startsWith('google/protobuf/'))
  const plain = files.map(file => withoutExtensionOptions(file))
  const request = create(CodeGeneratorRequestSchema, {
    parameter: 'target=ts,import_extension=js',
    fileToGenerate: wanted.map(file => file.name),
    protoFile: plain,
  })
  const plugin = path.join(packageFolder('@bufbuild/protoc-gen-es'), 'bin/protoc-gen-es')
  const response = fromBinary(
    CodeGeneratorResponseSchema,
    run(process.execPath, [plugin], toBinary(CodeGeneratorRequestSchema, request)),
  )
  if (response.error) throw new Error(response.error)
  for (const { name, content } of response.file) {
    const file = path.join(source, name)
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, typesOnly(content))
  }
}

// The generator needs no services, and would import descriptors for extensions.
function withoutExtensionOptions(file) {
  const copy = fromBinary(FileDescriptorProtoSchema, toBinary(FileDescriptorProtoSchema, file))
  copy.service = []
  copy.extension = []
  return copy
}

// Keeps type aliases and enums; drops descriptors, so that importing a module loads no other and decodes nothing.
function typesOnly(content) {
  const withoutConstants = content
    .replace(/\/\*\*(?:(?!\*\/)[^])*\*\/\nexport const \w+(?:: [^=]+)? = \/\*@__PURE__\*\/[^]*?\n(?=\n|$)/g, '')
    .replace(/^import (type )?\{([^}]*)\} from "@bufbuild\/protobuf\/codegenv2";\n/gm, '')
  const body = withoutConstants.replace(/^import .*\n/gm, '')
  const imports = [...withoutConstants.matchAll(/^import (?:type )?\{([^}]*)\} from (".*");$/gm)].flatMap(
    ([, names, from]) => {
      const used = names
        .split(',')
        .map(name => name.trim().replace(/^type /, ''))
        .filter(name => {
          const local = name.split(' as ').at(-1)
          return new RegExp(`\\b${local.replace(/\$/g, '\\$')}\\b`).test(body)
        })
      return used.length ? [`import type { ${used.join(', ')} } from ${from};\n`] : []
    },
  )
  const firstBlank = body.indexOf('\n\n')
  return `${body.slice(0, firstBlank + 1)}\n${imports.join('')}${body.slice(firstBlank + 1)}${/^export /m.test(body) ? '' : '\nexport {}\n'}`
}

main()
