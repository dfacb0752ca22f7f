import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Http1Response } from './http1-response.js'

/** What a reader makes of bytes that come in these pieces, and of the end of the connection where `ends` is set. */
function read(pieces: readonly string[], { isHead = false, ends = false } = {}): string {
  const seen: string[] = []
  let body = ''
  const response = new Http1Response(isHead, {
    onHead: (status, headers) => seen.push(`${status} ${[...headers].map(entry => entry.join('=')).join(' ')}`.trim()),
    onBody: bytes => {
      body += bytes.toString('latin1')
    },
    onEnd: isReusable => seen.push(`${JSON.stringify(body)} ${isReusable ? 'kept' : 'closed'}`),
  })
  for (const piece of pieces) if (!response.push(Buffer.from(piece, 'latin1'))) seen.push('no HTTP')
  if (ends && !response.end()) seen.push('cut off')
  return seen.join(', ')
}

const cases: readonly (readonly [title: string, text: string, expected: string])[] = [
  ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc', '200 content-length=3, "abc" kept'],
  ['no body', 'HTTP/1.1 204 No\r\n\r\n', '204, "" kept'],
  ['an empty reason', 'HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n', '200 content-length=0, "" kept'],
  [
    'chunks',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;a=b\r\nab\r\n1\r\nc\r\n0\r\nx: y\r\n\r\n',
    '200 transfer-encoding=chunked, "abc" kept',
  ],
  [
    'an interim response',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
    '200 content-length=0, "" kept',
  ],
  [
    'one that closes',
    'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n',
    '200 connection=close content-length=0, "" closed',
  ],
  ['an old one', 'HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n', '200 content-length=0, "" closed'],
  ['no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n', 'no HTTP'],
  ['a bad length', 'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n', '200 content-length=-1, no HTTP'],
  [
    'a bad chunk',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n',
    '200 transfer-encoding=chunked, no HTTP',
  ],
  ['a line that is none', 'HTTP/1.1 200 OK\r\nnothing\r\n\r\n', 'no HTTP'],
]
for (const [title, text, expected] of cases) {
  test(`a response with ${title}, whole`, () => assert.equal(read([text]), expected))
}

test('the same byte by byte', () => {
  for (const [, text, expected] of cases) {
    if (expected.includes('no HTTP')) continue
    assert.equal(read([...text]), expected)
  }
})

test('a body that ends with the connection, and a response that is cut off', () => {
  assert.equal(read(['HTTP/1.1 200 OK\r\n\r\nab'], { ends: true }), '200, "ab" closed')
  assert.equal(
    read(['HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab'], { ends: true }),
    '200 content-length=3, cut off',
  )
})

test('HEAD has no body', () => {
  assert.equal(
    read(['HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n'], { isHead: true }),
    '200 content-length=3, "" kept',
  )
})

test('a head without end is given up', () => {
  assert.equal(read([`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(90_000)}`]), 'no HTTP')
})
