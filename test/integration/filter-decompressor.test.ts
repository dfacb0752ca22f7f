// The decompressor filter: what comes compressed goes on plain, and what happens to what cannot be read.
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { head } from '../support/bytes.js'
import { codedExchange } from '../support/coded-exchange.js'
import { cluster, http, httpFilters, httpOptions } from '../support/config.js'
import { feature } from '../support/scenario.js'

const type = 'envoy.extensions.filters.http.decompressor.v3.Decompressor'
const library = (name: string, kind = 'gzip.decompressor.v3.Gzip', more = ''): string =>
  `decompressor_library: {name: ${name}, typed_config: {"@type": type.googleapis.com/envoy.extensions.compression.${kind}, ${more}}}\n`
const trailers = 'http_protocol_options: {enable_trailers: true}\n'
const text = 'hello '.repeat(20)
const gzip = gzipSync(text)
const coded = 'content-encoding: gzip'
const stats = /decompressor/

const message = (lines: readonly string[], body: Buffer | string): Buffer =>
  Buffer.concat([Buffer.from(head(...lines), 'latin1'), Buffer.from(body)])
const request = (body: Buffer | string, ...lines: string[]): Buffer =>
  message(['POST / HTTP/1.1', 'host: a', `content-length: ${body.length}`, ...lines], body)
const get = (...lines: string[]): string => head('GET / HTTP/1.1', 'host: a', ...lines)
const reply =
  (body: Buffer | string, ...lines: string[]) =>
  (connection: { send(bytes: Buffer): Promise<void> }): Promise<void> =>
    connection.send(message(['HTTP/1.1 200 OK', `content-length: ${body.length}`, ...lines], body))

feature(
  'gzip',
  {
    file: import.meta.url,
    listeners: [
      http('main', { hcm: httpFilters(['d', type, library('main')]) + trailers }),
      http('ratio', { hcm: httpFilters(['d', type, library('main', undefined, 'max_inflate_ratio: 2')]) }),
    ],
    clusters: [
      cluster('up', ['up'], httpOptions('explicit_http_config: {http_protocol_options: {enable_trailers: true}}')),
    ],
  },
  f => {
    f.scenario(
      'a request',
      {
        sees: `
      > POST / HTTP/1.1
      accept-encoding: gzip
      transfer-encoding: chunked

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      trailer: x-envoy-decompressor-main-compressed-bytes: 29
      trailer: x-envoy-decompressor-main-uncompressed-bytes: 120
      < HTTP/1.1 200 OK
      content-length: 2

      ok
      stat: http.main.decompressor.main.gzip.request.decompressed +1
      stat: http.main.decompressor.main.gzip.request.total_compressed_bytes +29
      stat: http.main.decompressor.main.gzip.request.total_uncompressed_bytes +120
      stat: http.main.decompressor.main.gzip.response.not_decompressed +1
    `,
      },
      scene => codedExchange(scene, { send: request(gzip, coded), stats }),
    )
    f.scenario(
      'a request with a coding below',
      {
        sees: `
      > POST / HTTP/1.1
      content-encoding: br
      accept-encoding: br,gzip
      transfer-encoding: chunked

      (br: Decompression failed) hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      trailer: x-envoy-decompressor-main-compressed-bytes: 29
      trailer: x-envoy-decompressor-main-uncompressed-bytes: 120
      < HTTP/1.1 200 OK
      content-length: 2

      ok
    `,
      },
      scene => codedExchange(scene, { send: request(gzip, 'content-encoding: GZip, br', 'accept-encoding: br') }),
    )
    f.scenario(
      'a request with another coding on top',
      {
        sees: `
      > POST / HTTP/1.1
      content-length: 4
      content-encoding: br, gzip
      accept-encoding: br;q=1,x,gzip

      text
      < HTTP/1.1 200 OK
      content-length: 2

      ok
    `,
      },
      scene =>
        codedExchange(scene, {
          send: request('text', 'content-encoding: br, gzip', 'accept-encoding: br;q=1, gzip;q=0.5, x'),
        }),
    )
    f.scenario(
      'no-transform',
      {
        sees: `
      > POST / HTTP/1.1
      content-length: 29
      content-encoding: gzip
      cache-control: no-transform
      accept-encoding: gzip

      (gzip) hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      < HTTP/1.1 200 OK
      content-length: 2

      ok
      stat: http.main.decompressor.main.gzip.request.not_decompressed +1
      stat: http.main.decompressor.main.gzip.response.not_decompressed +1
    `,
      },
      scene => codedExchange(scene, { send: request(gzip, coded, 'cache-control: no-transform'), stats }),
    )
    f.scenario(
      'a plain request',
      {
        sees: `
      > POST / HTTP/1.1
      content-length: 120
      accept-encoding: gzip

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      < HTTP/1.1 200 OK
      content-length: 2

      ok
      stat: http.main.decompressor.main.gzip.request.not_decompressed +1
      stat: http.main.decompressor.main.gzip.response.not_decompressed +1
    `,
      },
      scene => codedExchange(scene, { send: request(text), stats }),
    )
    f.scenario(
      'a request in pieces with trailers',
      {
        sees: `
      > POST / HTTP/1.1
      accept-encoding: gzip
      transfer-encoding: chunked

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      trailer: x-end: yes
      trailer: x-envoy-decompressor-main-compressed-bytes: 29
      trailer: x-envoy-decompressor-main-uncompressed-bytes: 120
      < HTTP/1.1 200 OK
      content-length: 2

      ok
    `,
      },
      scene =>
        codedExchange(scene, {
          send: [
            Buffer.concat([
              Buffer.from(`${head('POST / HTTP/1.1', 'host: a', coded, 'transfer-encoding: chunked')}a\r\n`),
              gzip.subarray(0, 10),
              Buffer.from(`\r\n${(gzip.length - 10).toString(16)}\r\n`),
              gzip.subarray(10),
              Buffer.from('\r\n'),
            ]),
            '0\r\nx-end: yes\r\n\r\n',
          ],
        }),
    )
    f.scenario(
      'what is no gzip',
      {
        sees: `
      > POST / HTTP/1.1
      accept-encoding: gzip
      transfer-encoding: chunked
      trailer: x-envoy-decompressor-main-compressed-bytes: 15
      trailer: x-envoy-decompressor-main-uncompressed-bytes: 0
      < HTTP/1.1 200 OK
      content-length: 2

      ok
      stat: http.main.decompressor.main.gzip.decompressor_library.zlib_data_error +1
      stat: http.main.decompressor.main.gzip.request.decompressed +1
      stat: http.main.decompressor.main.gzip.request.total_compressed_bytes +15
      stat: http.main.decompressor.main.gzip.response.not_decompressed +1
    `,
      },
      scene => codedExchange(scene, { send: request('not gzip at all', coded), stats }),
    )
    f.scenario(
      'gzip that ends early',
      {
        sees: `
      > POST / HTTP/1.1
      accept-encoding: gzip
      transfer-encoding: chunked

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      trailer: x-envoy-decompressor-main-compressed-bytes: 20
      trailer: x-envoy-decompressor-main-uncompressed-bytes: 120
      < HTTP/1.1 200 OK
      content-length: 2

      ok
      stat: http.main.decompressor.main.gzip.request.decompressed +1
      stat: http.main.decompressor.main.gzip.request.total_compressed_bytes +20
      stat: http.main.decompressor.main.gzip.request.total_uncompressed_bytes +120
      stat: http.main.decompressor.main.gzip.response.not_decompressed +1
    `,
      },
      scene => codedExchange(scene, { send: request(gzip.subarray(0, 20), coded), stats }),
    )
    f.scenario(
      'gzip with a wrong checksum',
      {
        sees: `
      > POST / HTTP/1.1
      accept-encoding: gzip
      transfer-encoding: chunked

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      trailer: x-envoy-decompressor-main-compressed-bytes: 29
      trailer: x-envoy-decompressor-main-uncompressed-bytes: 120
      < HTTP/1.1 200 OK
      content-length: 2

      ok
      stat: http.main.decompressor.main.gzip.decompressor_library.zlib_data_error +1
    `,
      },
      scene =>
        codedExchange(scene, {
          send: request(Buffer.concat([gzip.subarray(0, -8), Buffer.alloc(8)]), coded),
          stats: /error/,
        }),
    )
    f.scenario(
      'a second member is left out',
      {
        sees: `
      > POST / HTTP/1.1
      accept-encoding: gzip
      transfer-encoding: chunked

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      trailer: x-envoy-decompressor-main-compressed-bytes: 58
      trailer: x-envoy-decompressor-main-uncompressed-bytes: 120
      < HTTP/1.1 200 OK
      content-length: 2

      ok
    `,
      },
      scene => codedExchange(scene, { send: request(Buffer.concat([gzip, gzip]), coded) }),
    )
    f.scenario(
      'a bomb',
      {
        sees: `
      > POST / HTTP/1.1
      accept-encoding: gzip
      transfer-encoding: chunked

      (102400 bytes)
      trailer: x-envoy-decompressor-main-compressed-bytes: 1003
      trailer: x-envoy-decompressor-main-uncompressed-bytes: 102400
      < HTTP/1.1 200 OK
      content-length: 2

      ok
      stat: http.main.decompressor.main.gzip.decompressor_library.zlib_data_error +1
      stat: http.main.decompressor.main.gzip.request.decompressed +1
      stat: http.main.decompressor.main.gzip.request.total_compressed_bytes +1003
      stat: http.main.decompressor.main.gzip.request.total_uncompressed_bytes +102400
      stat: http.main.decompressor.main.gzip.response.not_decompressed +1
    `,
      },
      scene => codedExchange(scene, { send: request(gzipSync(Buffer.alloc(1_000_000)), coded), stats }),
    )
    f.scenario(
      'a smaller ratio',
      {
        sees: `
      > POST / HTTP/1.1
      accept-encoding: gzip
      transfer-encoding: chunked

      (4096 bytes)
      trailer: x-envoy-decompressor-main-compressed-bytes: 62
      trailer: x-envoy-decompressor-main-uncompressed-bytes: 4096
      < HTTP/1.1 200 OK
      content-length: 2

      ok
      stat: http.ratio.decompressor.main.gzip.decompressor_library.zlib_data_error +1
      stat: http.ratio.decompressor.main.gzip.request.decompressed +1
      stat: http.ratio.decompressor.main.gzip.request.total_compressed_bytes +62
      stat: http.ratio.decompressor.main.gzip.request.total_uncompressed_bytes +4096
      stat: http.ratio.decompressor.main.gzip.response.not_decompressed +1
    `,
      },
      scene => codedExchange(scene, { to: 'ratio', send: request(gzipSync('hello '.repeat(2000)), coded), stats }),
    )
    f.scenario(
      'an answer',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      etag: "a"
      vary: Accept-Encoding
      transfer-encoding: chunked

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      trailer: x-envoy-decompressor-main-compressed-bytes: 29
      trailer: x-envoy-decompressor-main-uncompressed-bytes: 120
      stat: http.main.decompressor.main.gzip.response.decompressed +1
      stat: http.main.decompressor.main.gzip.response.total_compressed_bytes +29
      stat: http.main.decompressor.main.gzip.response.total_uncompressed_bytes +120
    `,
      },
      scene =>
        codedExchange(scene, { send: get(), reply: reply(gzip, coded, 'etag: "a"', 'vary: Accept-Encoding'), stats }),
    )
    f.scenario(
      'a plain answer',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-length: 120

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.main.decompressor.main.gzip.response.not_decompressed +1
    `,
      },
      scene => codedExchange(scene, { send: get('accept-encoding: gzip'), reply: reply(text), stats }),
    )
    f.scenario(
      'an answer to HEAD',
      {
        sees: `
      > HEAD / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-length: 99
      content-encoding: gzip
    `,
      },
      scene =>
        codedExchange(scene, {
          send: head('HEAD / HTTP/1.1', 'host: a'),
          reply: head('HTTP/1.1 200 OK', 'content-length: 99', coded),
        }),
    )
  },
)

const brotli = brotliCompressSync(text)
const br = 'content-encoding: br'

feature(
  'brotli',
  {
    file: import.meta.url,
    listeners: [
      http('main', {
        hcm:
          httpFilters([
            'd',
            type,
            `${library('b', 'brotli.decompressor.v3.Brotli', 'chunk_size: 8192, disable_ring_buffer_reallocation: true')}
request_direction_config: {advertise_accept_encoding: false, common_config: {ignore_no_transform_header: true}}
response_direction_config: {common_config: {enabled: {default_value: false, runtime_key: d.response}}}`,
          ]) + trailers,
      }),
    ],
    clusters: [
      cluster('up', ['up'], httpOptions('explicit_http_config: {http_protocol_options: {enable_trailers: true}}')),
    ],
  },
  f => {
    f.scenario(
      'a request in brotli',
      {
        sees: `
      > POST / HTTP/1.1
      cache-control: no-transform
      transfer-encoding: chunked

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      trailer: x-envoy-decompressor-b-compressed-bytes: 21
      trailer: x-envoy-decompressor-b-uncompressed-bytes: 120
      < HTTP/1.1 200 OK
      content-length: 2

      ok
      stat: http.main.decompressor.b.brotli.request.decompressed +1
      stat: http.main.decompressor.b.brotli.request.total_compressed_bytes +21
      stat: http.main.decompressor.b.brotli.request.total_uncompressed_bytes +120
      stat: http.main.decompressor.b.brotli.response.not_decompressed +1
    `,
      },
      scene => codedExchange(scene, { send: request(brotli, br, 'cache-control: no-transform'), stats }),
    )
    f.scenario(
      'what is no brotli',
      {
        sees: `
      > POST / HTTP/1.1
      transfer-encoding: chunked
      trailer: x-envoy-decompressor-b-compressed-bytes: 24
      trailer: x-envoy-decompressor-b-uncompressed-bytes: 0
      < HTTP/1.1 200 OK
      content-length: 2

      ok
      stat: http.main.decompressor.b.brotli.decompressor_library.brotli_error +2
      stat: http.main.decompressor.b.brotli.request.decompressed +1
      stat: http.main.decompressor.b.brotli.request.total_compressed_bytes +24
      stat: http.main.decompressor.b.brotli.response.not_decompressed +1
    `,
      },
      scene => codedExchange(scene, { send: request('garbage is here and more', br), stats }),
    )
    f.scenario(
      'bytes behind the end',
      {
        sees: `
      > POST / HTTP/1.1
      transfer-encoding: chunked

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      trailer: x-envoy-decompressor-b-compressed-bytes: 25
      trailer: x-envoy-decompressor-b-uncompressed-bytes: 120
      < HTTP/1.1 200 OK
      content-length: 2

      ok
      stat: http.main.decompressor.b.brotli.decompressor_library.brotli_error +1
      stat: http.main.decompressor.b.brotli.decompressor_library.brotli_redundant_input +1
      stat: http.main.decompressor.b.brotli.request.decompressed +1
      stat: http.main.decompressor.b.brotli.request.total_compressed_bytes +25
      stat: http.main.decompressor.b.brotli.request.total_uncompressed_bytes +120
      stat: http.main.decompressor.b.brotli.response.not_decompressed +1
    `,
      },
      scene => codedExchange(scene, { send: request(Buffer.concat([brotli, Buffer.from('more')]), br), stats }),
    )
    f.scenario(
      'a bomb in brotli',
      {
        sees: `
      > POST / HTTP/1.1
      transfer-encoding: chunked

      (32768 bytes)
      trailer: x-envoy-decompressor-b-compressed-bytes: 14
      trailer: x-envoy-decompressor-b-uncompressed-bytes: 32768
      < HTTP/1.1 200 OK
      content-length: 2

      ok
      stat: http.main.decompressor.b.brotli.decompressor_library.brotli_error +2
      stat: http.main.decompressor.b.brotli.decompressor_library.brotli_output_overflow +2
      stat: http.main.decompressor.b.brotli.request.decompressed +1
      stat: http.main.decompressor.b.brotli.request.total_compressed_bytes +14
      stat: http.main.decompressor.b.brotli.request.total_uncompressed_bytes +32768
      stat: http.main.decompressor.b.brotli.response.not_decompressed +1
    `,
      },
      scene => codedExchange(scene, { send: request(brotliCompressSync(Buffer.alloc(1_000_000)), br), stats }),
    )
    f.scenario(
      'answers are left alone',
      {
        sees: `
      > GET / HTTP/1.1
      < HTTP/1.1 200 OK
      content-length: 21
      content-encoding: br

      (br) hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.main.decompressor.b.brotli.response.not_decompressed +1
    `,
      },
      scene => codedExchange(scene, { send: get(), reply: reply(brotli, br), stats }),
    )
  },
)
