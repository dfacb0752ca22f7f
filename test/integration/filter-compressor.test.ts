// The compressor filter: what is compressed for whom, in which coding, and what is said about it.
import { get, head, post } from '../support/bytes.js'
import { codedExchange } from '../support/coded-exchange.js'
import { cluster, http, httpFilters, httpOptions, perFilter } from '../support/config.js'
import { thenClose } from '../support/fake-upstream.js'
import { feature } from '../support/scenario.js'

const filter = 'envoy.extensions.filters.http.compressor.v3'
const type = `${filter}.Compressor`
const library = (name: string, kind = 'gzip.compressor.v3.Gzip', more = ''): string =>
  `compressor_library: {name: ${name}, typed_config: {"@type": type.googleapis.com/envoy.extensions.compression.${kind}, ${more}}}\n`
const brotli = 'brotli.compressor.v3.Brotli'
const gzip = 'accept-encoding: gzip'
const text = 'hello '.repeat(20)
const stats = /compressor/

const answer = (body: string, ...lines: string[]): string =>
  head('HTTP/1.1 200 OK', `content-length: ${body.length}`, ...lines) + body
const route = (prefix: string, settings: string): string =>
  `- {match: {prefix: ${prefix}}, route: {cluster: up}, typed_per_filter_config: ${perFilter('comp', `${filter}.CompressorPerRoute`, settings)}}\n`

feature(
  'answers',
  {
    file: import.meta.url,
    listeners: [
      http('main', {
        hcm: httpFilters(['comp', type, library('own')]),
        routes: `
${route('/off', 'disabled: true')}${route('/removed', 'overrides: {response_direction_config: {remove_accept_encoding_header: true}}')}${route('/brotli', `overrides: {${library('other', brotli).trim()}}`)}
- {match: {prefix: /direct}, direct_response: {status: 200, body: {inline_string: "${text}"}}}
- {match: {prefix: /}, route: {cluster: up}}
`,
      }),
      http('off', {
        hcm: httpFilters([
          'comp',
          type,
          `${library('own')}response_direction_config: {common_config: {enabled: {default_value: false, runtime_key: comp.off}}}`,
        ]),
        routes: `
${route('/on', 'overrides: {response_direction_config: {}}')}
- {match: {prefix: /}, route: {cluster: up}}
`,
      }),
      http('runtime', {
        hcm: httpFilters([
          'comp',
          type,
          `${library('own')}response_direction_config: {common_config: {enabled: {default_value: false, runtime_key: comp.on}}}`,
        ]),
      }),
    ],
    more: 'layered_runtime: {layers: [{name: one, static_layer: {comp.on: true}}]}',
  },
  f => {
    f.scenario(
      'gzip, with vary, without the strong etag',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-type: text/html; charset=utf-8
      vary: Origin, Accept-Encoding
      content-encoding: gzip
      transfer-encoding: chunked

      (gzip) hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.main.compressor.own.gzip.compressed +1
      stat: http.main.compressor.own.gzip.header_compressor_used +1
      stat: http.main.compressor.own.gzip.request.not_compressed +1
      stat: http.main.compressor.own.gzip.total_compressed_bytes +35
      stat: http.main.compressor.own.gzip.total_uncompressed_bytes +120
    `,
      },
      scene =>
        codedExchange(scene, {
          send: get('/', gzip),
          reply: answer(text, 'content-type: text/html; charset=utf-8', 'etag: "abc"', 'vary: Origin'),
          stats,
        }),
    )
    f.scenario(
      'a weak etag stays, vary says it already',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      etag: W/"abc"
      vary: a, Accept-Encoding
      content-encoding: gzip
      transfer-encoding: chunked

      (gzip) hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
    `,
      },
      scene =>
        codedExchange(scene, {
          send: get('/', gzip),
          reply: answer(text, 'etag: W/"abc"', 'vary: a, Accept-Encoding'),
        }),
    )
    f.scenario(
      'vary in other letters',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      vary: accept-encoding, Accept-Encoding
      content-encoding: gzip
      transfer-encoding: chunked

      (gzip) hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
    `,
      },
      scene => codedExchange(scene, { send: get('/', gzip), reply: answer(text, 'vary: accept-encoding') }),
    )
    f.scenario(
      'a client that says nothing',
      {
        sees: `
      > GET / HTTP/1.1
      < HTTP/1.1 200 OK
      content-length: 120
      vary: Accept-Encoding

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.main.compressor.own.gzip.no_accept_header +1
      stat: http.main.compressor.own.gzip.not_compressed +1
      stat: http.main.compressor.own.gzip.request.not_compressed +1
    `,
      },
      scene => codedExchange(scene, { send: get('/'), reply: answer(text), stats }),
    )
    f.scenario(
      'HEAD',
      {
        sees: `
      > HEAD / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-length: 100
      vary: Accept-Encoding
      stat: http.main.compressor.own.gzip.not_compressed +1
      stat: http.main.compressor.own.gzip.request.not_compressed +1
    `,
      },
      scene =>
        codedExchange(scene, {
          send: head('HEAD / HTTP/1.1', 'host: a', gzip),
          reply: head('HTTP/1.1 200 OK', 'content-length: 100'),
          stats,
        }),
    )
    f.scenario(
      'not modified',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 304 Not Modified
      etag: "a"
      vary: Accept-Encoding
      stat: http.main.compressor.own.gzip.not_compressed +1
      stat: http.main.compressor.own.gzip.request.not_compressed +1
    `,
      },
      scene =>
        codedExchange(scene, { send: get('/', gzip), reply: head('HTTP/1.1 304 Not Modified', 'etag: "a"'), stats }),
    )
    f.scenario(
      'no content',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 204 No Content
      vary: Accept-Encoding
    `,
      },
      scene => codedExchange(scene, { send: get('/', gzip), reply: head('HTTP/1.1 204 No Content') }),
    )
    f.scenario(
      'no-transform',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-length: 120
      cache-control: private, no-transform

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.main.compressor.own.gzip.header_compressor_used +1
      stat: http.main.compressor.own.gzip.not_compressed +1
      stat: http.main.compressor.own.gzip.request.not_compressed +1
    `,
      },
      scene =>
        codedExchange(scene, {
          send: get('/', gzip),
          reply: answer(text, 'cache-control: private, no-transform'),
          stats,
        }),
    )
    f.scenario(
      'coded already',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-length: 120
      content-encoding: identity

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.main.compressor.own.gzip.header_compressor_used +1
      stat: http.main.compressor.own.gzip.not_compressed +1
      stat: http.main.compressor.own.gzip.request.not_compressed +1
    `,
      },
      scene => codedExchange(scene, { send: get('/', gzip), reply: answer(text, 'content-encoding: identity'), stats }),
    )
    f.scenario(
      'too small',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-length: 5

      hello
      stat: http.main.compressor.own.gzip.content_length_too_small +1
      stat: http.main.compressor.own.gzip.not_compressed +1
      stat: http.main.compressor.own.gzip.request.not_compressed +1
    `,
      },
      scene => codedExchange(scene, { send: get('/', gzip), reply: answer('hello'), stats }),
    )
    f.scenario(
      'small, but of unknown length',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-encoding: gzip
      vary: Accept-Encoding
      transfer-encoding: chunked

      (gzip) hello
      stat: http.main.compressor.own.gzip.compressed +1
      stat: http.main.compressor.own.gzip.header_compressor_used +1
      stat: http.main.compressor.own.gzip.request.not_compressed +1
      stat: http.main.compressor.own.gzip.total_compressed_bytes +31
      stat: http.main.compressor.own.gzip.total_uncompressed_bytes +5
    `,
      },
      scene =>
        codedExchange(scene, {
          send: get('/', gzip),
          reply: `${head('HTTP/1.1 200 OK', 'transfer-encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`,
          stats,
        }),
    )
    f.scenario(
      'a body that ends with its connection',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-encoding: gzip
      vary: Accept-Encoding
      transfer-encoding: chunked

      (gzip) hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.main.compressor.own.gzip.compressed +1
      stat: http.main.compressor.own.gzip.header_compressor_used +1
      stat: http.main.compressor.own.gzip.request.not_compressed +1
      stat: http.main.compressor.own.gzip.total_compressed_bytes +35
      stat: http.main.compressor.own.gzip.total_uncompressed_bytes +120
    `,
      },
      scene =>
        codedExchange(scene, { send: get('/', gzip), reply: thenClose(`${head('HTTP/1.1 200 OK')}${text}`), stats }),
    )
    f.scenario(
      'a type that is not compressed',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-length: 120
      content-type: image/png

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.main.compressor.own.gzip.header_not_valid +1
      stat: http.main.compressor.own.gzip.not_compressed +1
      stat: http.main.compressor.own.gzip.request.not_compressed +1
    `,
      },
      scene => codedExchange(scene, { send: get('/', gzip), reply: answer(text, 'content-type: image/png'), stats }),
    )
    f.scenario(
      'a type in other letters',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-type: TEXT/HTML
      content-encoding: gzip
      vary: Accept-Encoding
      transfer-encoding: chunked

      (gzip) hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
    `,
      },
      scene => codedExchange(scene, { send: get('/', gzip), reply: answer(text, 'content-type: TEXT/HTML') }),
    )
    f.scenario(
      'gRPC',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-length: 120
      content-type: application/grpc

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
    `,
      },
      scene => codedExchange(scene, { send: get('/', gzip), reply: answer(text, 'content-type: application/grpc') }),
    )
    f.scenario(
      'gzip refused, all else welcome',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip;q=0, *
      < HTTP/1.1 200 OK
      content-length: 120
      vary: Accept-Encoding

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.main.compressor.own.gzip.header_not_valid +1
      stat: http.main.compressor.own.gzip.not_compressed +1
      stat: http.main.compressor.own.gzip.request.not_compressed +1
    `,
      },
      scene => codedExchange(scene, { send: get('/', 'accept-encoding: gzip;q=0, *'), reply: answer(text), stats }),
    )
    f.scenario(
      'anything',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: deflate, *;q=0.1
      < HTTP/1.1 200 OK
      content-encoding: gzip
      vary: Accept-Encoding
      transfer-encoding: chunked

      (gzip) hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.main.compressor.own.gzip.compressed +1
      stat: http.main.compressor.own.gzip.header_wildcard +1
      stat: http.main.compressor.own.gzip.request.not_compressed +1
      stat: http.main.compressor.own.gzip.total_compressed_bytes +35
      stat: http.main.compressor.own.gzip.total_uncompressed_bytes +120
    `,
      },
      scene =>
        codedExchange(scene, { send: get('/', 'accept-encoding: deflate, *;q=0.1'), reply: answer(text), stats }),
    )
    f.scenario(
      'identity preferred',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip;q=0.5, identity
      < HTTP/1.1 200 OK
      content-length: 120
      vary: Accept-Encoding

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.main.compressor.own.gzip.header_identity +1
      stat: http.main.compressor.own.gzip.not_compressed +1
      stat: http.main.compressor.own.gzip.request.not_compressed +1
    `,
      },
      scene =>
        codedExchange(scene, { send: get('/', 'accept-encoding: gzip;q=0.5, identity'), reply: answer(text), stats }),
    )
    f.scenario(
      'a q-value that is none',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip;q=abc
      < HTTP/1.1 200 OK
      content-length: 120
      vary: Accept-Encoding

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.main.compressor.own.gzip.header_not_valid +1
      stat: http.main.compressor.own.gzip.not_compressed +1
      stat: http.main.compressor.own.gzip.request.not_compressed +1
    `,
      },
      scene => codedExchange(scene, { send: get('/', 'accept-encoding: gzip;q=abc'), reply: answer(text), stats }),
    )
    f.scenario(
      'codings in capitals',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: GZIP
      < HTTP/1.1 200 OK
      content-length: 120
      vary: Accept-Encoding

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.main.compressor.own.gzip.header_not_valid +1
      stat: http.main.compressor.own.gzip.not_compressed +1
      stat: http.main.compressor.own.gzip.request.not_compressed +1
    `,
      },
      scene => codedExchange(scene, { send: get('/', 'accept-encoding: GZIP'), reply: answer(text), stats }),
    )
    f.scenario(
      'accept-encoding in two lines',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: br,gzip
      < HTTP/1.1 200 OK
      content-encoding: gzip
      vary: Accept-Encoding
      transfer-encoding: chunked

      (gzip) hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
    `,
      },
      scene => codedExchange(scene, { send: get('/', 'accept-encoding: br', gzip), reply: answer(text) }),
    )
    f.scenario(
      'a route without it',
      {
        sees: `
      > GET /off HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-length: 120

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.main.compressor.own.gzip.not_compressed +1
      stat: http.main.compressor.own.gzip.request.not_compressed +1
    `,
      },
      scene => codedExchange(scene, { send: get('/off', gzip), reply: answer(text), stats }),
    )
    f.scenario(
      'a route that keeps accept-encoding from the server',
      {
        sees: `
      > GET /removed HTTP/1.1
      < HTTP/1.1 200 OK
      content-encoding: gzip
      vary: Accept-Encoding
      transfer-encoding: chunked

      (gzip) hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
    `,
      },
      scene => codedExchange(scene, { send: get('/removed', gzip), reply: answer(text) }),
    )
    f.scenario(
      'a route with another library',
      {
        sees: `
      > GET /brotli HTTP/1.1
      accept-encoding: gzip, br
      < HTTP/1.1 200 OK
      content-encoding: br
      vary: Accept-Encoding
      transfer-encoding: chunked

      (br) hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.main.compressor.own.gzip.compressed +1
      stat: http.main.compressor.own.gzip.header_compressor_used +1
      stat: http.main.compressor.own.gzip.request.not_compressed +1
      stat: http.main.compressor.own.gzip.total_compressed_bytes +19
      stat: http.main.compressor.own.gzip.total_uncompressed_bytes +120
    `,
      },
      scene => codedExchange(scene, { send: get('/brotli', 'accept-encoding: gzip, br'), reply: answer(text), stats }),
    )
    f.scenario(
      'another library than the client knows',
      {
        sees: `
      > GET /brotli HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-length: 120
      vary: Accept-Encoding

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.main.compressor.own.gzip.header_not_valid +1
      stat: http.main.compressor.own.gzip.not_compressed +1
      stat: http.main.compressor.own.gzip.request.not_compressed +1
    `,
      },
      scene => codedExchange(scene, { send: get('/brotli', gzip), reply: answer(text), stats }),
    )
    f.scenario(
      'a direct response',
      {
        sees: `
      < HTTP/1.1 200 OK
      content-type: text/plain
      content-encoding: gzip
      vary: Accept-Encoding
      transfer-encoding: chunked

      (gzip) hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.main.compressor.own.gzip.compressed +1
      stat: http.main.compressor.own.gzip.header_compressor_used +1
      stat: http.main.compressor.own.gzip.request.not_compressed +1
      stat: http.main.compressor.own.gzip.total_compressed_bytes +29
      stat: http.main.compressor.own.gzip.total_uncompressed_bytes +120
    `,
      },
      scene => codedExchange(scene, { send: get('/direct', gzip), stats }),
    )
    f.scenario(
      'switched off',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-length: 120

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.off.compressor.own.gzip.request.not_compressed +1
      stat: http.off.compressor.own.gzip.response.not_compressed +1
    `,
      },
      scene => codedExchange(scene, { to: 'off', send: get('/', gzip), reply: answer(text), stats }),
    )
    f.scenario(
      'switched off, but not for a route',
      {
        sees: `
      > GET /on HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-encoding: gzip
      vary: Accept-Encoding
      transfer-encoding: chunked

      (gzip) hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.off.compressor.own.gzip.header_compressor_used +1
      stat: http.off.compressor.own.gzip.request.not_compressed +1
      stat: http.off.compressor.own.gzip.response.compressed +1
      stat: http.off.compressor.own.gzip.response.total_compressed_bytes +35
      stat: http.off.compressor.own.gzip.response.total_uncompressed_bytes +120
    `,
      },
      scene => codedExchange(scene, { to: 'off', send: get('/on', gzip), reply: answer(text), stats }),
    )
    f.scenario(
      'switched on by the runtime',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-encoding: gzip
      vary: Accept-Encoding
      transfer-encoding: chunked

      (gzip) hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
    `,
      },
      scene => codedExchange(scene, { to: 'runtime', send: get('/', gzip), reply: answer(text) }),
    )
  },
)

const limits =
  'uncompressible_response_codes: [201], common_config: {min_content_length: 20, content_type: [text/plain, Text/Other]}'
const told = (more = ''): string =>
  `${library('own')}response_direction_config: {status_header_enabled: true, ${more}${limits}}`
const plain = 'content-type: text/plain'
const created = head('HTTP/1.1 201 Created', `content-length: ${text.length}`, plain) + text

feature(
  'what is said about it',
  {
    file: import.meta.url,
    listeners: [
      http('main', { hcm: httpFilters(['comp', type, told()]) }),
      http('silent', { hcm: httpFilters(['comp', type, `${library('own')}response_direction_config: {${limits}}`]) }),
      http('weaken', {
        hcm: httpFilters(['comp', type, told('weaken_etag_on_compress: true, disable_on_etag_header: true, ')]),
      }),
      http('etag', { hcm: httpFilters(['comp', type, told('disable_on_etag_header: true, ')]) }),
      http('matchers', {
        hcm: httpFilters([
          'comp',
          type,
          `${library('own')}response_direction_config: {common_config: {content_type: [text/plain], content_type_matcher: [{exact: a/b, ignore_case: true}, {prefix: image/}]}}`,
        ]),
      }),
    ],
  },
  f => {
    f.scenario(
      'compressed',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-type: text/plain
      vary: Accept-Encoding
      content-encoding: gzip
      x-envoy-compression-status: gzip;Compressed;OriginalLength=120
      transfer-encoding: chunked

      (gzip) hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.main.compressor.own.gzip.header_compressor_used +1
      stat: http.main.compressor.own.gzip.request.not_compressed +1
      stat: http.main.compressor.own.gzip.response.compressed +1
      stat: http.main.compressor.own.gzip.response.total_compressed_bytes +35
      stat: http.main.compressor.own.gzip.response.total_uncompressed_bytes +120
    `,
      },
      scene => codedExchange(scene, { send: get('/', gzip), reply: answer(text, plain, 'etag: "abc"'), stats }),
    )
    f.scenario(
      'compressed, of unknown length',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-type: text/plain
      vary: Accept-Encoding
      content-encoding: gzip
      x-envoy-compression-status: gzip;Compressed;OriginalLength=
      transfer-encoding: chunked

      (gzip) hello
    `,
      },
      scene =>
        codedExchange(scene, {
          send: get('/', gzip),
          reply: `${head('HTTP/1.1 200 OK', plain, 'transfer-encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`,
        }),
    )
    f.scenario(
      'the status',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 201 Created
      content-length: 120
      content-type: text/plain
      x-envoy-compression-status: gzip;StatusCodeNotAllowed

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.main.compressor.own.gzip.request.not_compressed +1
      stat: http.main.compressor.own.gzip.response.not_compressed +1
    `,
      },
      scene => codedExchange(scene, { send: get('/', gzip), reply: created, stats }),
    )
    f.scenario(
      'the status, without a word',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 201 Created
      content-length: 120
      content-type: text/plain

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.silent.compressor.own.gzip.header_compressor_used +1
      stat: http.silent.compressor.own.gzip.request.not_compressed +1
      stat: http.silent.compressor.own.gzip.response.not_compressed +1
    `,
      },
      scene => codedExchange(scene, { to: 'silent', send: get('/', gzip), reply: created, stats }),
    )
    f.scenario(
      'the type',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-length: 120
      content-type: text/html
      x-envoy-compression-status: gzip;ContentTypeNotAllowed

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.main.compressor.own.gzip.request.not_compressed +1
      stat: http.main.compressor.own.gzip.response.not_compressed +1
    `,
      },
      scene => codedExchange(scene, { send: get('/', gzip), reply: answer(text, 'content-type: text/html'), stats }),
    )
    f.scenario(
      'a type of the list in other letters',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-type: text/OTHER
      vary: Accept-Encoding
      content-encoding: gzip
      x-envoy-compression-status: gzip;Compressed;OriginalLength=120
      transfer-encoding: chunked

      (gzip) hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
    `,
      },
      scene => codedExchange(scene, { send: get('/', gzip), reply: answer(text, 'content-type: text/OTHER') }),
    )
    f.scenario(
      'the length',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-length: 5
      content-type: text/plain
      x-envoy-compression-status: gzip;ContentLengthTooSmall

      hello
      stat: http.main.compressor.own.gzip.request.not_compressed +1
      stat: http.main.compressor.own.gzip.response.content_length_too_small +2
      stat: http.main.compressor.own.gzip.response.not_compressed +1
    `,
      },
      scene => codedExchange(scene, { send: get('/', gzip), reply: answer('hello', plain), stats }),
    )
    f.scenario(
      'no-transform says nothing',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-length: 5
      cache-control: no-transform

      hello
      stat: http.main.compressor.own.gzip.request.not_compressed +1
      stat: http.main.compressor.own.gzip.response.not_compressed +1
    `,
      },
      scene =>
        codedExchange(scene, { send: get('/', gzip), reply: answer('hello', 'cache-control: no-transform'), stats }),
    )
    f.scenario(
      'a client that knows another coding',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: br
      < HTTP/1.1 200 OK
      content-length: 120
      content-type: text/plain
      vary: Accept-Encoding

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.main.compressor.own.gzip.header_not_valid +1
      stat: http.main.compressor.own.gzip.request.not_compressed +1
      stat: http.main.compressor.own.gzip.response.not_compressed +1
    `,
      },
      scene => codedExchange(scene, { send: get('/', 'accept-encoding: br'), reply: answer(text, plain), stats }),
    )
    f.scenario(
      'HEAD with its length too small',
      {
        sees: `
      > HEAD / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-length: 3
      stat: http.main.compressor.own.gzip.request.not_compressed +1
      stat: http.main.compressor.own.gzip.response.content_length_too_small +1
      stat: http.main.compressor.own.gzip.response.not_compressed +1
    `,
      },
      scene =>
        codedExchange(scene, {
          send: head('HEAD / HTTP/1.1', 'host: a', gzip),
          reply: head('HTTP/1.1 200 OK', 'content-length: 3'),
          stats,
        }),
    )
    f.scenario(
      'the etag',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-length: 120
      content-type: text/plain
      etag: "abc"
      x-envoy-compression-status: gzip;EtagNotAllowed

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.etag.compressor.own.gzip.not_compressed_etag +1
      stat: http.etag.compressor.own.gzip.request.not_compressed +1
      stat: http.etag.compressor.own.gzip.response.not_compressed +1
    `,
      },
      scene =>
        codedExchange(scene, { to: 'etag', send: get('/', gzip), reply: answer(text, plain, 'etag: "abc"'), stats }),
    )
    f.scenario(
      'a weakened etag',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-type: text/plain
      etag: W/"abc"
      vary: Accept-Encoding
      content-encoding: gzip
      x-envoy-compression-status: gzip;Compressed;OriginalLength=120
      transfer-encoding: chunked

      (gzip) hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.weaken.compressor.own.gzip.header_compressor_used +1
      stat: http.weaken.compressor.own.gzip.request.not_compressed +1
      stat: http.weaken.compressor.own.gzip.response.compressed +1
      stat: http.weaken.compressor.own.gzip.response.total_compressed_bytes +35
      stat: http.weaken.compressor.own.gzip.response.total_uncompressed_bytes +120
    `,
      },
      scene =>
        codedExchange(scene, { to: 'weaken', send: get('/', gzip), reply: answer(text, plain, 'etag: "abc"'), stats }),
    )
    f.scenario(
      'matchers of types, in place of the list',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-type: A/B
      content-encoding: gzip
      vary: Accept-Encoding
      transfer-encoding: chunked

      (gzip) hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      > GET / HTTP/1.1
      accept-encoding: gzip
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-type: a/b; c=d
      content-encoding: gzip
      vary: Accept-Encoding
      transfer-encoding: chunked

      (gzip) hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      > GET / HTTP/1.1
      accept-encoding: gzip
      > GET / HTTP/1.1
      accept-encoding: gzip
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-type: image/x
      content-encoding: gzip
      vary: Accept-Encoding
      transfer-encoding: chunked

      (gzip) hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      > GET / HTTP/1.1
      accept-encoding: gzip
      > GET / HTTP/1.1
      accept-encoding: gzip
      > GET / HTTP/1.1
      accept-encoding: gzip
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-length: 120
      content-type: Image/x

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      > GET / HTTP/1.1
      accept-encoding: gzip
      > GET / HTTP/1.1
      accept-encoding: gzip
      > GET / HTTP/1.1
      accept-encoding: gzip
      > GET / HTTP/1.1
      accept-encoding: gzip
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-length: 120
      content-type: text/plain

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
    `,
      },
      async scene => {
        for (const value of ['A/B', 'a/b; c=d', 'image/x', 'Image/x', 'text/plain'])
          await codedExchange(scene, {
            to: 'matchers',
            send: get('/', gzip),
            reply: answer(text, `content-type: ${value}`),
          })
      },
    )
  },
)

feature(
  'requests, libraries, and several of them',
  {
    file: import.meta.url,
    listeners: [
      http('main', {
        hcm: `${httpFilters([
          'comp',
          type,
          `${library('own', undefined, 'memory_level: 9, window_bits: 15, compression_level: BEST_COMPRESSION, compression_strategy: HUFFMAN_ONLY, chunk_size: 65536')}request_direction_config: {common_config: {min_content_length: 10}}`,
        ])}http_protocol_options: {enable_trailers: true}\n`,
      }),
      http('two', {
        hcm: httpFilters(
          [
            'first',
            type,
            `${library('one', brotli, 'quality: 11, encoder_mode: TEXT, window_bits: 10, input_block_bits: 16, chunk_size: 8192, disable_literal_context_modeling: true')}response_direction_config: {}`,
          ],
          ['second', type, `${library('two')}choose_first: true\nresponse_direction_config: {}`],
        ),
      }),
      http('removing', {
        hcm: httpFilters(
          ['first', type, `${library('one', brotli)}response_direction_config: {remove_accept_encoding_header: true}`],
          ['second', type, library('two')],
        ),
      }),
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
      content-encoding: gzip
      transfer-encoding: chunked

      (gzip) hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      < HTTP/1.1 200 OK
      content-length: 2

      ok
      stat: http.main.compressor.own.gzip.content_length_too_small +1
      stat: http.main.compressor.own.gzip.not_compressed +1
      stat: http.main.compressor.own.gzip.request.compressed +1
      stat: http.main.compressor.own.gzip.request.total_compressed_bytes +80
      stat: http.main.compressor.own.gzip.request.total_uncompressed_bytes +120
    `,
      },
      scene => codedExchange(scene, { send: post('/', text), stats }),
    )
    f.scenario(
      'a request in pieces with trailers',
      {
        sees: `
      > POST / HTTP/1.1
      content-encoding: gzip
      transfer-encoding: chunked

      (gzip) hello world
      trailer: x-end: yes
      < HTTP/1.1 200 OK
      content-length: 2

      ok
      stat: http.main.compressor.own.gzip.request.compressed +1
    `,
      },
      scene =>
        codedExchange(scene, {
          send: [
            `${head('POST / HTTP/1.1', 'host: a', 'transfer-encoding: chunked')}6\r\nhello \r\n`,
            '5\r\nworld\r\n',
            '0\r\nx-end: yes\r\n\r\n',
          ],
          stats: /request.*compressed$/,
        }),
    )
    f.scenario(
      'a small request',
      {
        sees: `
      > POST / HTTP/1.1
      content-length: 5

      hello
      < HTTP/1.1 200 OK
      content-length: 2

      ok
      stat: http.main.compressor.own.gzip.content_length_too_small +1
      stat: http.main.compressor.own.gzip.not_compressed +1
      stat: http.main.compressor.own.gzip.request.content_length_too_small +1
      stat: http.main.compressor.own.gzip.request.not_compressed +1
    `,
      },
      scene => codedExchange(scene, { send: post('/', 'hello'), stats }),
    )
    f.scenario(
      'a request of another type',
      {
        sees: `
      > POST / HTTP/1.1
      content-length: 120
      content-type: image/png

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      < HTTP/1.1 200 OK
      content-length: 2

      ok
      stat: http.main.compressor.own.gzip.content_length_too_small +1
      stat: http.main.compressor.own.gzip.not_compressed +1
      stat: http.main.compressor.own.gzip.request.not_compressed +1
    `,
      },
      scene => codedExchange(scene, { send: post('/', text, 'content-type: image/png'), stats }),
    )
    f.scenario(
      'a coded request',
      {
        sees: `
      > POST / HTTP/1.1
      content-length: 120
      content-encoding: br

      (br: Decompression failed) hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      < HTTP/1.1 200 OK
      content-length: 2

      ok
      stat: http.main.compressor.own.gzip.content_length_too_small +1
      stat: http.main.compressor.own.gzip.not_compressed +1
      stat: http.main.compressor.own.gzip.request.not_compressed +1
    `,
      },
      scene => codedExchange(scene, { send: post('/', text, 'content-encoding: br'), stats }),
    )
    f.scenario(
      'a long answer in pieces with trailers',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: gzip
      < HTTP/1.1 200 OK
      content-encoding: gzip
      vary: Accept-Encoding
      transfer-encoding: chunked

      (gzip) (20000 bytes)
      trailer: x-end: yes
    `,
      },
      scene =>
        codedExchange(scene, {
          send: get('/', gzip, 'te: trailers'),
          reply: async connection => {
            await connection.send(head('HTTP/1.1 200 OK', 'transfer-encoding: chunked'))
            for (let i = 0; i < 20; i++) await connection.send(`3e8\r\n${'x'.repeat(1000)}\r\n`)
            await connection.send('0\r\nx-end: yes\r\n\r\n')
          },
        }),
    )
    f.scenario(
      'the one that goes first',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: br, gzip
      < HTTP/1.1 200 OK
      content-encoding: gzip
      vary: Accept-Encoding
      transfer-encoding: chunked

      (gzip) hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.two.compressor.one.brotli.header_compressor_overshadowed +1
      stat: http.two.compressor.one.brotli.request.not_compressed +1
      stat: http.two.compressor.one.brotli.response.not_compressed +1
      stat: http.two.compressor.two.gzip.header_compressor_used +1
      stat: http.two.compressor.two.gzip.request.not_compressed +1
      stat: http.two.compressor.two.gzip.response.compressed +1
      stat: http.two.compressor.two.gzip.response.total_compressed_bytes +35
      stat: http.two.compressor.two.gzip.response.total_uncompressed_bytes +120
    `,
      },
      scene =>
        codedExchange(scene, { to: 'two', send: get('/', 'accept-encoding: br, gzip'), reply: answer(text), stats }),
    )
    f.scenario(
      'the one with the higher q',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: br;q=0.9, gzip;q=0.8
      < HTTP/1.1 200 OK
      vary: Accept-Encoding
      content-encoding: br
      transfer-encoding: chunked

      (br) hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.two.compressor.one.brotli.header_compressor_used +1
      stat: http.two.compressor.one.brotli.request.not_compressed +1
      stat: http.two.compressor.one.brotli.response.compressed +1
      stat: http.two.compressor.one.brotli.response.total_compressed_bytes +21
      stat: http.two.compressor.one.brotli.response.total_uncompressed_bytes +120
      stat: http.two.compressor.two.gzip.header_compressor_overshadowed +1
      stat: http.two.compressor.two.gzip.request.not_compressed +1
      stat: http.two.compressor.two.gzip.response.not_compressed +1
    `,
      },
      scene =>
        codedExchange(scene, {
          to: 'two',
          send: get('/', 'accept-encoding: br;q=0.9, gzip;q=0.8'),
          reply: answer(text),
          stats,
        }),
    )
    f.scenario(
      'the first of the chain for a star',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: *
      < HTTP/1.1 200 OK
      vary: Accept-Encoding
      content-encoding: br
      transfer-encoding: chunked

      (br) hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.two.compressor.one.brotli.header_wildcard +1
      stat: http.two.compressor.one.brotli.request.not_compressed +1
      stat: http.two.compressor.one.brotli.response.compressed +1
      stat: http.two.compressor.one.brotli.response.total_compressed_bytes +21
      stat: http.two.compressor.one.brotli.response.total_uncompressed_bytes +120
      stat: http.two.compressor.two.gzip.header_wildcard +1
      stat: http.two.compressor.two.gzip.request.not_compressed +1
      stat: http.two.compressor.two.gzip.response.not_compressed +1
    `,
      },
      scene => codedExchange(scene, { to: 'two', send: get('/', 'accept-encoding: *'), reply: answer(text), stats }),
    )
    f.scenario(
      'none of them',
      {
        sees: `
      > GET / HTTP/1.1
      accept-encoding: deflate
      < HTTP/1.1 200 OK
      content-length: 120
      vary: Accept-Encoding

      hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.two.compressor.one.brotli.header_not_valid +1
      stat: http.two.compressor.one.brotli.request.not_compressed +1
      stat: http.two.compressor.one.brotli.response.not_compressed +1
      stat: http.two.compressor.two.gzip.header_not_valid +1
      stat: http.two.compressor.two.gzip.request.not_compressed +1
      stat: http.two.compressor.two.gzip.response.not_compressed +1
    `,
      },
      scene =>
        codedExchange(scene, { to: 'two', send: get('/', 'accept-encoding: deflate'), reply: answer(text), stats }),
    )
    f.scenario(
      'the first hides accept-encoding from the second',
      {
        sees: `
      > GET / HTTP/1.1
      < HTTP/1.1 200 OK
      vary: Accept-Encoding
      content-encoding: br
      transfer-encoding: chunked

      (br) hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello hello
      stat: http.removing.compressor.one.brotli.header_compressor_used +1
      stat: http.removing.compressor.one.brotli.request.not_compressed +1
      stat: http.removing.compressor.one.brotli.response.compressed +1
      stat: http.removing.compressor.one.brotli.response.total_compressed_bytes +19
      stat: http.removing.compressor.one.brotli.response.total_uncompressed_bytes +120
      stat: http.removing.compressor.two.gzip.no_accept_header +1
      stat: http.removing.compressor.two.gzip.not_compressed +1
      stat: http.removing.compressor.two.gzip.request.not_compressed +1
    `,
      },
      scene =>
        codedExchange(scene, {
          to: 'removing',
          send: get('/', 'accept-encoding: br, gzip'),
          reply: answer(text),
          stats,
        }),
    )
  },
)
