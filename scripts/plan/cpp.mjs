// C++ text of one plan .proto: structs (header) and readers (source).
import { ScalarType } from '@bufbuild/protobuf'

const scalars = new Map([
  [ScalarType.BOOL, ['bool', 'false']],
  [ScalarType.UINT32, ['uint32_t', '0']],
  [ScalarType.UINT64, ['uint64_t', '0']],
  [ScalarType.INT32, ['int32_t', '0']],
  [ScalarType.INT64, ['int64_t', '0']],
  [ScalarType.DOUBLE, ['double', '0']],
  [ScalarType.STRING, ['std::string', '']],
  [ScalarType.BYTES, ['std::string', '']],
])
const keywords = new Set(
  (
    'alignas and asm auto bool break case catch char class concept const continue default delete do double else enum ' +
    'explicit export extern false float for friend goto if inline int long mutable namespace new not operator or private protected public ' +
    'register requires return short signed sizeof static struct switch template this throw true try typedef union unsigned using virtual ' +
    'void volatile while xor'
  ).split(' '),
)

/** All messages of a file, nested ones too, each after those it holds by value. */
export function ordered(file) {
  const all = []
  const collect = message => {
    message.nestedMessages.forEach(collect)
    all.push(message)
  }
  file.messages.forEach(collect)
  const done = []
  const open = new Set()
  const visit = message => {
    if (done.includes(message) || message.file !== file) return
    if (open.has(message)) throw new Error(`${message.typeName} holds itself by value`)
    open.add(message)
    for (const field of message.fields) {
      const held = (field.message ?? field.listKind === 'message') ? field.message : undefined
      if (held && !(field.fieldKind === 'list' && open.has(held))) visit(held)
    }
    open.delete(message)
    done.push(message)
  }
  all.forEach(visit)
  return done
}

export const memberName = field => (keywords.has(field.name) ? `${field.name}_` : field.name)

/** Name in C++: namespaces from the package, nested types joined by "::" for enums and "_" for messages. */
export function cppName(type) {
  const space = `::${type.file.proto.package.replaceAll('.', '::')}::`
  if (type.kind === 'enum' && type.parent) return `${cppName(type.parent)}::${type.name}`
  return space + localName(type)
}

export function localName(type) {
  return type.parent && type.kind === 'message' ? `${localName(type.parent)}_${type.name}` : type.name
}

function valueType(field) {
  if (field.message) return cppName(field.message)
  if (field.enum) return cppName(field.enum)
  const known = scalars.get(field.scalar)
  if (!known) throw new Error(`${field}: a scalar type that plans do not use`)
  return known[0]
}

export const isOptional = field => field.fieldKind === 'message' || (field.fieldKind !== 'list' && field.presence === 1)

function member(field) {
  if (field.fieldKind === 'map' || field.oneof) throw new Error(`${field}: plans have no maps and no oneofs`)
  const type = valueType(field)
  if (field.fieldKind === 'list') return `std::vector<${type}> ${memberName(field)};`
  if (isOptional(field)) return `std::optional<${type}> ${memberName(field)};`
  if (field.enum) return `${type} ${memberName(field)} = ${type}::${field.enum.values[0].name};`
  const initial = scalars.get(field.scalar)[1]
  return `${type} ${memberName(field)}${initial === '' ? '' : ` = ${initial}`};`
}

const enumText = (type, indent) => [
  `${indent}enum class ${type.name} : uint32_t {`,
  ...type.values.map(value => `${indent}  ${value.name} = ${value.number},`),
  `${indent}};`,
]

function allEnums(file) {
  return [...file.enums, ...ordered(file).flatMap(message => message.nestedEnums)]
}

export function header(file) {
  const space = file.proto.package.replaceAll('.', '::')
  const messages = ordered(file)
  const lines = [
    `// Generated from ${file.proto.name} by scripts/generate-plan.mjs. Do not edit.`,
    '// One plain struct per message, and decode(): false on malformed input (see plan/wire_reader.h for what is bounded).',
    '#pragma once',
    '',
    '#include <cstdint>',
    '#include <optional>',
    '#include <span>',
    '#include <string>',
    '#include <vector>',
    '',
    ...file.dependencies.map(other => `#include "generated/${other.proto.name.replace(/\.proto$/, '.h')}"`),
    ...(file.dependencies.length ? [''] : []),
    ...(space === 'nuncio::plan' ? [] : ['namespace nuncio::plan {', 'class WireReader;', '}', '']),
    `namespace ${space} {`,
    '',
    ...(space === 'nuncio::plan' ? ['class WireReader;'] : []),
    ...messages.map(message => `struct ${localName(message)};`),
    '',
    ...file.enums.flatMap(type => [...enumText(type, ''), '']),
  ]
  for (const message of messages) {
    lines.push(`struct ${localName(message)} {`)
    for (const type of message.nestedEnums) lines.push(...enumText(type, '  '))
    lines.push(...message.fields.map(field => `  ${member(field)}`), '};', '')
  }
  for (const message of messages) {
    lines.push(`[[nodiscard]] bool decode(std::span<const uint8_t> bytes, ${localName(message)}& out);`)
  }
  lines.push(
    '',
    '// Reads the fields of one message up to the end of what the reader is bounded to; decode() is built of these.',
  )
  for (const message of messages)
    lines.push(`[[nodiscard]] bool readMessage(nuncio::plan::WireReader& reader, ${localName(message)}& out);`)
  lines.push('', `}  // namespace ${space}`, '')
  return lines.join('\n')
}

const knownName = type => `known${localName(type.parent ?? type)}${type.parent ? type.name : ''}`

function readField(field) {
  const name = `out.${memberName(field)}`
  if (field.fieldKind === 'list') {
    if (field.message) {
      return (
        `if (!reader.makeRoom(${name})) return false;\n        ` +
        `if (auto& item = ${name}.emplace_back(); !reader.nested([&](plan::WireReader& body) { return readMessage(body, item); })) return false;`
      )
    }
    if (field.enum) return `if (!reader.appendEnum(${name}, ${knownName(field.enum)})) return false;`
    return `if (!reader.append(${name})) return false;`
  }
  const target = isOptional(field) ? `emplaced(${name})` : name
  if (field.message)
    return `if (auto& item = ${target}; !reader.nested([&](plan::WireReader& body) { return readMessage(body, item); })) return false;`
  if (field.enum) return `if (!reader.readEnum(${target}, ${knownName(field.enum)})) return false;`
  return `if (!reader.read(${target})) return false;`
}

function reader(message) {
  const name = localName(message)
  return [
    `bool readMessage(plan::WireReader& reader, ${name}& out) {`,
    ...(message.fields.length ? [] : ['  static_cast<void>(out);']),
    '  while (reader.next()) {',
    '    switch (reader.field()) {',
    ...message.fields.flatMap(field => [
      `      case ${field.number}:`,
      `        ${readField(field)}`,
      '        break;',
    ]),
    '      default:',
    '        if (!reader.skip()) return false;',
    '    }',
    '  }',
    '  return reader.ok();',
    '}',
    '',
    `bool decode(std::span<const uint8_t> bytes, ${name}& out) {`,
    '  plan::WireReader reader(bytes);',
    '  return readMessage(reader, out);',
    '}',
    '',
  ]
}

export function source(file) {
  const space = file.proto.package.replaceAll('.', '::')
  const lines = [
    `// Generated from ${file.proto.name} by scripts/generate-plan.mjs. Do not edit.`,
    `#include "generated/${file.proto.name.replace(/\.proto$/, '.h')}"`,
    '',
    '#include "plan/wire_reader.h"',
    '',
    `namespace ${space} {`,
    '',
    'namespace {',
    '',
    '// A message that comes in two parts is merged, as protobuf has it.',
    'template <class T>',
    '[[maybe_unused]] T& emplaced(std::optional<T>& slot) {',
    '  return slot ? *slot : slot.emplace();',
    '}',
    '',
  ]
  for (const type of allEnums(file)) {
    lines.push(
      `bool ${knownName(type)}(uint32_t value) {`,
      '  switch (value) {',
      ...type.values.map(value => `    case ${value.number}:`),
      '      return true;',
      '    default:',
      '      return false;',
      '  }',
      '}',
      '',
    )
  }
  lines.push('}  // namespace', '')
  for (const message of ordered(file)) lines.push(...reader(message))
  lines.push(`}  // namespace ${space}`, '')
  return lines.join('\n')
}
