import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseYaml } from './yaml.js'

function parse(text: string): unknown {
  const parsed = parseYaml(text)
  assert(parsed.ok, JSON.stringify(parsed))
  return JSON.parse(JSON.stringify(parsed.value.tree))
}

test('scalars are typed as Envoy types them', () => {
  assert.deepEqual(parse('[yes, No, ON, off, y, N, TRUE, fAlse]'), [
    true,
    false,
    true,
    false,
    true,
    false,
    true,
    'fAlse',
  ])
  assert.deepEqual(parse('[1, -1, 0x10, 010, 08, 1_000, 0o17]'), [1, -1, 16, 8, '08', '1_000', '0o17'])
  assert.deepEqual(parse('[2147483647, 2147483648, 99999999999999999999]'), [
    2147483647,
    '2147483648',
    '99999999999999999999',
  ])
  assert.deepEqual(parse('[1.5, 1e3, .inf, 2020-01-01, ~, null, ""]'), [
    '1.5',
    '1e3',
    '.inf',
    '2020-01-01',
    null,
    null,
    '',
  ])
  assert.deepEqual(parse('["yes", \'1\', !!str 5, !!int "7", !own x]'), ['yes', '1', 5, 7, 'x'])
})

test('keys keep their text', () => {
  assert.deepEqual(parse('{y: 1, 010: 2, ~: 3, 1.5: 4}'), { y: 1, '010': 2, null: 3, '1.5': 4 })
})

test('a later duplicate wins, << is a key, !ignore leaves out, anchors work', () => {
  assert.deepEqual(parse('a: 1\na: 2\n'), { a: 2 })
  assert.deepEqual(parse('!ignore x: &x {b: 1}\na: *x\n<<: {c: 1}\n'), { a: { b: 1 }, '<<': { c: 1 } })
  assert.deepEqual(parse('a: 1\n---\na: 2\n'), { a: 1 })
  assert.equal(parse(''), null)
})

test('what continues a flow collection or a quoted scalar may be indented by less', () => {
  assert.deepEqual(parse('m:\n  a: [\n 1, # one\n# two\n2\n]\n  b: 1\n'), { m: { a: [1, 2], b: 1 } })
  assert.deepEqual(parse('m:\n  - x: {a: 1,\nb: "p\nq",\n\tc: [d\ne]}\n    y: 2\n'), {
    m: [{ x: { a: 1, b: 'p q', c: ['d e'] }, y: 2 }],
  })
  assert.deepEqual(parse('a: [1,\t2]\n'), { a: [1, 2] })
  assert.deepEqual(parse("m:\n  a: 'it''s\n--- so'\n  b: c\n"), { m: { a: "it's --- so", b: 'c' } })
})

test('texts that look like collections and quotes stay as they are when a line is put right', () => {
  const text = [
    'm:',
    "  plain: it's a [ and a {",
    '  literal: |',
    '    [ "',
    "      { '",
    '',
    '  list:',
    '  - >-',
    '    "x',
    '    y',
    '  - !!str &x "[" # "',
    '  - a"b',
    '  flow: {k: "]",',
    'l: a#b}',
  ]
  assert.deepEqual(parse(text.join('\n')), {
    m: {
      plain: "it's a [ and a {",
      literal: '[ "\n  { \'\n',
      list: ['"x y', '[', 'a"b'],
      flow: { k: ']', l: 'a#b' },
    },
  })
})

test('only the first document is looked at', () => {
  assert.deepEqual(parse('---\na: 1\n---\n[}\n'), { a: 1 })
})

test('a value tagged !ignore is a value', () => {
  assert.deepEqual(parse('a: !ignore x'), { a: 'x' })
})

test('errors have a position', () => {
  const parsed = parseYaml('a: 1\nb: [1\nc: 2\n')
  assert(!parsed.ok)
  assert.equal(parsed.error.line, 3)
})
