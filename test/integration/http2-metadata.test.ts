// METADATA frames, Envoy's own: maps that go beside a message, where both sides allow them.
import { answer } from '../support/bytes.js'
import { cluster, http, httpOptions } from '../support/config.js'
import * as frames from '../support/h2-frames.js'
import { feature, type Scene } from '../support/scenario.js'

/** A connection for each request: the first stream is always 1. */
const h2 = (options: string): string =>
  httpOptions(`
    explicit_http_config: {http2_protocol_options: ${options}}
    common_http_protocol_options: {max_requests_per_connection: 1}`)
const routes =
  '[{match: {prefix: /deaf}, route: {cluster: deaf}}, {match: {prefix: /h1}, route: {cluster: h1}}, {match: {prefix: /}, route: {cluster: up}}]'
const open = (path: string): string =>
  frames.headers(1, 0, [':method', 'POST'], [':scheme', 'http'], [':authority', 'a'], [':path', path])
const pair = frames.fields(['a', 'b'])
const answered = frames.headers(1, 0, [':status', '200'])
const counted = /^(http2|http1|cluster\.[a-z0-9]+\.http[12])\.metadata_.*$|downstream_cx_protocol_error$/

interface Exchange {
  readonly path?: string
  readonly listener?: string
  readonly upstream?: string
  /** Frames of the client behind the head; ends the request unless told otherwise. */
  readonly request?: string
  /** Frames of the upstream. */
  readonly response?: string
}

async function exchange(s: Scene, options: Exchange): Promise<void> {
  const name = options.upstream ?? 'up'
  s.upstream(name).raw()
  const c = await s.connect(options.listener ?? 'main')
  await s.statsOf(counted, async () => {
    await c.send(
      frames.PREFACE +
        frames.settings() +
        open(options.path ?? '/') +
        (options.request ?? frames.data(1, '', frames.END_STREAM)),
    )
    const upstream = await s.upstream(name).nextConnection()
    await frames.waitForFrame(upstream, /END_STREAM$/)
    for (const line of frames.seenFrames(upstream)) s.note(`> ${line}`)
    await upstream.send(frames.settings() + (options.response ?? answered) + frames.data(1, 'ok', frames.END_STREAM))
    await frames.waitForFrame(c, /^DATA 1 .*END_STREAM$/)
    for (const line of frames.seenFrames(c)) s.note(`< ${line}`)
  })
  await s.sawLog(1, options.listener ?? 'main')
  c.end()
}

/** The connection ends by what the client sent. */
async function refused(s: Scene, request: string, listener = 'main'): Promise<void> {
  s.upstream('up').raw()
  const c = await s.connect(listener)
  await s.statsOf(counted, async () => {
    await c.send(frames.PREFACE + frames.settings() + open('/') + request)
    await c.closed()
  })
  for (const line of frames.seenFrames(c)) s.note(`< ${line}`)
  await s.sawLog(1, listener)
}

feature(
  'METADATA',
  {
    file: import.meta.url,
    upstreams: ['up', 'deaf', 'h1'],
    clusters: [cluster('up', ['up'], h2('{allow_metadata: true}')), cluster('deaf', ['deaf'], h2('{}')), cluster('h1')],
    listeners: [
      http('main', { routes, hcm: 'http2_protocol_options: {allow_metadata: true}' }),
      http('small', { routes, hcm: 'http2_protocol_options: {allow_metadata: true, max_metadata_size: 1024}' }),
      http('deaf', { routes }),
    ],
  },
  f => {
    const request = frames.metadata(1, pair) + frames.data(1, 'q', frames.END_STREAM)
    const response = answered + frames.metadata(1, pair)
    f.scenario(
      'of a request',
      {
        sees: `
      > HEADERS 1
      > METADATA 1 "\\u0000\\u0001a\\u0001b"
      > DATA 1 1 END_STREAM
      < HEADERS 1
      < DATA 1 2 END_STREAM
      stat: none changed
      log: HTTP/2 200 - via_upstream in=1 out=2
    `,
      },
      s => exchange(s, { request }),
    )
    f.scenario(
      'in two frames',
      {
        sees: `
      > HEADERS 1
      > METADATA 1 "\\u0000\\u0001a\\u0001b"
      > DATA 1 1 END_STREAM
      < HEADERS 1
      < DATA 1 2 END_STREAM
      stat: none changed
      log: HTTP/2 200 - via_upstream in=1 out=2
    `,
      },
      s =>
        exchange(s, {
          request:
            frames.metadata(1, pair.slice(0, 2), 0) +
            frames.metadata(1, pair.slice(2)) +
            frames.data(1, 'q', frames.END_STREAM),
        }),
    )
    f.scenario(
      'with Huffman code and a name twice',
      {
        sees: `
      > HEADERS 1
      > METADATA 1 "\\u0000\\u0001a\\u0001b"
      > DATA 1 1 END_STREAM
      < HEADERS 1
      < DATA 1 2 END_STREAM
      stat: none changed
      log: HTTP/2 200 - via_upstream in=1 out=2
    `,
      },
      s =>
        exchange(s, {
          request:
            frames.metadata(1, frames.fields(['a', 'b'], ['a', 'c']) + '\x00\x81\x1f\x81\x8f') +
            frames.data(1, 'q', frames.END_STREAM),
        }),
    )
    f.scenario(
      'of a response',
      {
        sees: `
      > HEADERS 1
      > DATA 1 0 END_STREAM
      < HEADERS 1
      < METADATA 1 "\\u0000\\u0001a\\u0001b"
      < DATA 1 2 END_STREAM
      stat: none changed
      log: HTTP/2 200 - via_upstream in=0 out=2
    `,
      },
      s => exchange(s, { response }),
    )
    f.scenario(
      'in front of the head',
      {
        sees: `
      > HEADERS 1
      > DATA 1 0 END_STREAM
      < METADATA 1 "\\u0000\\u0001a\\u0001b"
      < HEADERS 1
      < DATA 1 2 END_STREAM
      stat: none changed
      log: HTTP/2 200 - via_upstream in=0 out=2
    `,
      },
      s => exchange(s, { response: frames.metadata(1, pair) + answered }),
    )
    f.scenario(
      'an upstream that is not to have any',
      {
        sees: `
      > HEADERS 1
      > DATA 1 1 END_STREAM
      < HEADERS 1
      < DATA 1 2 END_STREAM
      stat: none changed
      log: HTTP/2 200 - via_upstream in=1 out=2
    `,
      },
      s => exchange(s, { path: '/deaf', upstream: 'deaf', request, response }),
    )
    f.scenario(
      'a client that is not to have any',
      {
        sees: `
      > HEADERS 1
      > DATA 1 1 END_STREAM
      < HEADERS 1
      < DATA 1 2 END_STREAM
      stat: none changed
      log: HTTP/2 200 - via_upstream in=1 out=2
    `,
      },
      s => exchange(s, { listener: 'deaf', request, response }),
    )
    f.scenario(
      'empty',
      {
        sees: `
      > HEADERS 1
      > DATA 1 1 END_STREAM
      < HEADERS 1
      < DATA 1 2 END_STREAM
      stat: http2.metadata_empty_frames +2
      log: HTTP/2 200 - via_upstream in=1 out=2
    `,
      },
      s =>
        exchange(s, {
          request: frames.metadata(1, '') + frames.metadata(1, '') + frames.data(1, 'q', frames.END_STREAM),
        }),
    )
    f.scenario(
      'of streams that are not',
      {
        sees: `
      > HEADERS 1
      > DATA 1 1 END_STREAM
      < HEADERS 1
      < DATA 1 2 END_STREAM
      stat: none changed
      log: HTTP/2 200 - via_upstream in=1 out=2
    `,
      },
      s =>
        exchange(s, {
          request: frames.metadata(0, pair) + frames.metadata(7, pair) + frames.data(1, 'q', frames.END_STREAM),
        }),
    )
    f.scenario(
      'that cannot be decoded',
      {
        sees: `
      stat: http.main.downstream_cx_protocol_error +1
      log: HTTP/2 0 DPE codec_error:The_user_callback_function_failed in=0 out=0
    `,
      },
      s => refused(s, frames.metadata(1, '\xff\xff\xff\xff\xff\xff')),
    )
    f.scenario(
      'that is too large',
      {
        sees: `
      stat: http.small.downstream_cx_protocol_error +1
      log: HTTP/2 0 DPE codec_error:The_user_callback_function_failed in=0 out=0
    `,
      },
      s => refused(s, frames.metadata(1, frames.fields(['a', 'x'.repeat(100)]).repeat(11)), 'small'),
    )
    f.scenario(
      'towards HTTP/1.1',
      {
        sees: `
      stat: cluster.h1.http1.metadata_not_supported_error +1
      < HEADERS 1
      < DATA 1 2 END_STREAM
    `,
      },
      async s => {
        s.upstream('h1').script(answer(200, 'ok'))
        const c = await s.connect()
        await s.statsOf(counted, async () => {
          await c.send(frames.PREFACE + frames.settings() + open('/h1') + request)
          await frames.waitForFrame(c, /^DATA 1 .*END_STREAM$/)
        })
        for (const line of frames.seenFrames(c)) s.note(`< ${line}`)
        c.end()
      },
    )
    f.scenario(
      'towards a client of HTTP/1.1',
      {
        sees: `
      stat: http1.metadata_not_supported_error +1
      < client
      HTTP/1.1 200 OK
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy
      transfer-encoding: chunked

      2
      ok
      0

      (open)
    `,
      },
      async s => {
        s.upstream('up').raw()
        const c = await s.connect()
        await s.statsOf(counted, async () => {
          await c.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
          const upstream = await s.upstream('up').nextConnection()
          await frames.waitForFrame(upstream, /END_STREAM$/)
          await upstream.send(frames.settings() + response + frames.data(1, 'ok', frames.END_STREAM))
          await c.response()
        })
        s.sawAll(c)
      },
    )
  },
)
