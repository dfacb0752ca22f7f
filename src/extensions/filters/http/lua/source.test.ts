import assert from 'node:assert/strict'
import { test } from 'node:test'
import { prepareSource } from './source.js'

test('loops of scripts that ask for chunks become while loops, line by line', () => {
  const source = 'for chunk in\nhandle:bodyChunks() do\n  for k, v in pairs(t) do f(k, v) end\nend\n'
  assert.deepEqual(prepareSource(source), {
    ok: true,
    value:
      'do local __next, __of, __last =\nhandle:bodyChunks() ; while true do local chunk = __next(__of, __last); if chunk == nil then break end; __last = chunk;\n' +
      '  do local __next, __of, __last = pairs(t) ; while true do local k, v = __next(__of, __last); if k == nil then break end; __last = k; f(k, v) end end\nend end\n',
  })
})

test('other scripts stay as they are', () => {
  const source = 'for k, v in pairs(t) do f(k, v) end'
  assert.deepEqual(prepareSource(source), { ok: true, value: source })
})

test('what is no Lua is told with its line', () => {
  assert.deepEqual(prepareSource('x = 1\nfunction y( end'), {
    ok: false,
    error: "[2:12] <name> or '...' expected near 'end'",
  })
})
