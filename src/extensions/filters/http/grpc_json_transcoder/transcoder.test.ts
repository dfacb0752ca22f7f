import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FrameReader, frame } from './frames.js'
import { JsonArraySplitter, JsonError, type JsonNode, parseJson } from './json-text.js'
import { parseTemplate, PathMatcher, queryBindings, unescape } from './path-template.js'

const plain = (node: JsonNode): unknown => {
  if (node instanceof Map) return Object.fromEntries([...node].map(([name, value]) => [name, plain(value as JsonNode)]))
  if (Array.isArray(node)) return node.map(one => plain(one as JsonNode))
  return typeof node === 'object' && node !== null && 'number' in node ? `#${node.number}` : node
}

test('templates', () => {
  assert.deepEqual(parseTemplate('/v1/{name=shelves/*/books/**}:read'), {
    segments: ['v1', 'shelves', '*', 'books', '**'],
    variables: [{ field: ['name'], start: 1, end: -1 }],
    verb: 'read',
  })
  assert.deepEqual(parseTemplate('/{a.b}/c')?.variables, [{ field: ['a', 'b'], start: 0, end: 1 }])
  for (const bad of ['', 'a', '/{a', '/{a={b}}', '/**/a', '/a//b', '/a:', '/{=a}'])
    assert.equal(parseTemplate(bad), undefined, bad)
})

test('the most specific template is found, and falls back', () => {
  const matcher = new PathMatcher<string>('except-reserved', false)
  for (const [verb, text] of [
    ['GET', '/a/b'],
    ['GET', '/a/{x}'],
    ['GET', '/a/{x}/c'],
    ['GET', '/{x=**}'],
    ['POST', '/a/{x}:go'],
    ['*', '/any'],
  ] as const) {
    const template = parseTemplate(text)
    assert(template)
    matcher.add(verb, template, text)
  }
  const found = (verb: string, path: string): string | undefined => {
    const match = matcher.find(verb, path)
    return match && [match.target, ...match.bindings.map(({ field, value }) => `${field.join('.')}=${value}`)].join(' ')
  }
  assert.equal(found('GET', '/a/b'), '/a/b')
  assert.equal(found('GET', '/a/b/'), '/a/b')
  assert.equal(found('GET', '/a/x%2Fy'), '/a/{x} x=x/y')
  assert.equal(found('GET', '/a/b/c'), '/a/{x}/c x=b')
  assert.equal(found('GET', '/a/b/d%2F%20'), '/{x=**} x=a/b/d%2F ')
  assert.equal(found('POST', '/a/b:go'), '/a/{x}:go x=b')
  assert.equal(found('POST', '/a/b'), undefined)
  assert.equal(found('PATCH', '/any'), '/any')
  assert.equal(found('PATCH', '/any/more'), undefined)
})

test('escapes and parameters', () => {
  assert.equal(unescape('%C3%A9%zz%2', 'all'), 'é%zz%2')
  assert.equal(unescape('%2F%3a', 'except-slash'), '%2F:')
  assert.deepEqual(queryBindings('a.b=1&c&=d&e=f+g&h=', new Set(['h']), true), [
    { field: ['a', 'b'], value: '1' },
    { field: ['e'], value: 'f g' },
  ])
})

test('JSON, loosely', () => {
  assert.deepEqual(plain(parseJson(`{'a': "b\\u00e9\\n", c: [1, -2.5e3, true,], "d": null, a: 'e'}`)), {
    c: ['#1', '#-2.5e3', true],
    d: null,
    a: 'e',
  })
  for (const bad of ['', '{', '{"a"', '{"a":}', '[1 2]', '"a', '{"a":1}}', 'nul', '{1:2}', '"\\u12"'])
    assert.throws(() => parseJson(bad), JsonError, bad)
  assert.throws(() => parseJson('['.repeat(5000)), JsonError)
})

test('an array comes in any pieces', () => {
  const text = '[ {"a": "]},\\"["}, [1, [2]] ,3,"x" ] '
  for (let size = 1; size < 7; size++) {
    const splitter = new JsonArraySplitter()
    const items: unknown[] = []
    for (let at = 0; at < text.length; at += size) items.push(...splitter.push(text.slice(at, at + size)).map(plain))
    splitter.finish()
    assert.deepEqual(items, [{ a: ']},"[' }, ['#1', ['#2']], '#3', 'x'])
  }
  const bad = (text: string): void => {
    const splitter = new JsonArraySplitter()
    splitter.push(text)
    splitter.finish()
  }
  for (const one of ['', '{}', '[1', '[1,', '[1]2', '1']) assert.throws(() => bad(one), JsonError, one)
  bad('[]')
})

test('frames come in any pieces', () => {
  const bytes = Buffer.concat([frame(Buffer.from('one')), frame(new Uint8Array()), frame(Buffer.from('three'))])
  for (let size = 1; size < 8; size++) {
    const reader = new FrameReader()
    const messages: string[] = []
    for (let at = 0; at < bytes.length; at += size)
      messages.push(...reader.push(bytes.subarray(at, at + size)).map(one => Buffer.from(one).toString()))
    assert.deepEqual(messages, ['one', '', 'three'])
    assert.equal(reader.size, 0)
  }
})
