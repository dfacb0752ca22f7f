// Test text for the C++ readers: every message with every field set by the TypeScript encoder, and assertions on what must come out.
// Included by test/native/plan_test.cc, where TEST and EXPECT come from.
import { ScalarType, create, toBinary } from '@bufbuild/protobuf'
import { cppName, isOptional, localName, memberName, ordered } from './cpp.mjs'

const maxDepth = 1

/** A message with a distinct value in every field, and C++ statements that check what came out. */
function filled(message, at, seed, depth) {
  const value = create(message)
  const checks = []
  for (const field of message.fields) {
    const member = `${at}.${memberName(field)}`
    if (field.message && depth === maxDepth) {
      checks.push(field.fieldKind === 'list' ? `EXPECT(${member}.empty())` : `EXPECT(!${member}.has_value())`)
      continue
    }
    const one = target => {
      const made = field.message ? filled(field.message, target, seed, depth + 1) : scalar(field, target, seed.next++)
      checks.push(...made.checks)
      return made.value
    }
    if (field.fieldKind === 'list') {
      checks.push(`REQUIRE(${member}.size() == 2)`)
      value[field.localName] = [one(`${member}[0]`), one(`${member}[1]`)]
    } else if (isOptional(field)) {
      checks.push(`REQUIRE(${member}.has_value())`)
      value[field.localName] = one(`(*${member})`)
    } else value[field.localName] = one(member)
  }
  return { value, checks }
}

function scalar(field, at, n) {
  if (field.enum) {
    const chosen = field.enum.values[n % field.enum.values.length]
    return { value: chosen.number, checks: [`EXPECT(${at} == ${cppName(field.enum)}::${chosen.name})`] }
  }
  switch (field.scalar) {
    case ScalarType.BOOL:
      return { value: true, checks: [`EXPECT(${at} == true)`] }
    case ScalarType.UINT32:
      return { value: 4294967295 - n, checks: [`EXPECT(${at} == ${4294967295 - n}u)`] }
    case ScalarType.UINT64:
      return {
        value: 18446744073709551615n - BigInt(n),
        checks: [`EXPECT(${at} == ${18446744073709551615n - BigInt(n)}ull)`],
      }
    case ScalarType.INT32:
      return { value: -1 - n, checks: [`EXPECT(${at} == ${-1 - n})`] }
    case ScalarType.INT64:
      return { value: -4294967296n - BigInt(n), checks: [`EXPECT(${at} == ${-4294967296n - BigInt(n)}ll)`] }
    case ScalarType.DOUBLE:
      return { value: n + 0.25, checks: [`EXPECT(${at} == ${n}.25)`] }
    case ScalarType.BYTES:
      return {
        value: Uint8Array.from([0, n & 255, 255]),
        checks: [`EXPECT(${at} == std::string({'\\0', static_cast<char>(${n & 255}), static_cast<char>(255)}))`],
      }
    default:
      return { value: `text ${n}`, checks: [`EXPECT(${at} == "text ${n}")`] }
  }
}

export function roundTrip(file) {
  const lines = [`// Generated from ${file.proto.name} by scripts/generate-plan.mjs. Do not edit.`, '']
  for (const message of ordered(file)) {
    const { value, checks } = filled(message, 'out', { next: 1 }, 0)
    const bytes = toBinary(message, value)
    const name = localName(message)
    lines.push(
      `// ${name}: ${bytes.length} bytes`,
      `constexpr uint8_t k${name}Bytes[] = {${[...bytes].join(',')}};`,
      `void expect${name}(const ${cppName(message)}& out) {`,
      ...checks.map(check => `  ${check};`),
      '}',
      `TEST("plan: ${name} as TypeScript wrote it") {`,
      `  ${cppName(message)} out;`,
      `  EXPECT(decode(k${name}Bytes, out));`,
      `  expect${name}(out);`,
      `  expectRobust<${cppName(message)}>(k${name}Bytes);`,
      '}',
      '',
    )
  }
  return lines.join('\n')
}
