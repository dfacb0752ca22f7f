// The gRPC-JSON transcoder: REST outside, gRPC inside, by annotations of google.api.http.
import assert from 'node:assert/strict'
import path from 'node:path'
import { get, head, post, showBody } from '../support/bytes.js'
import { unchunk } from '../support/coded-exchange.js'
import { cluster, http, httpFilters, httpOptions, perFilter } from '../support/config.js'
import { type GrpcReply, GrpcJsonService, writeDescriptors } from '../support/grpc-json.js'
import { feature, type Scene } from '../support/scenario.js'

const type = 'envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder'
const api = "proto_descriptor: '${tmp}/shop.binpb'\nservices: [shop.Shop]\n"
const log = '%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %ROUTE_NAME%\n'
const routes = `
- {name: off, match: {prefix: /off}, route: {cluster: up}, typed_per_filter_config: ${perFilter('transcoder', type, "proto_descriptor: '${tmp}/shop.binpb', services: []")}}
- {name: grpc, match: {prefix: /shop.Shop}, route: {cluster: up}}
- {name: other, match: {prefix: /}, route: {cluster: up}}
`
const listener = (name: string, more = ''): ReturnType<typeof http> =>
  http(name, { hcm: httpFilters(['transcoder', type, api + more]), routes, log })

let service: GrpcJsonService | undefined
const book = { id: '7', title: 't' }
const full = {
  id: '12345678901234',
  title: 'a<b>&"\u00e9\n',
  author: { firstName: 'X', age: 3 },
  tags: ['x', 'y'],
  kind: 'AUDIO',
  outOfPrint: true,
  price: 0.1,
  weight: 1e21,
  cover: 'AQID/w==',
  stock: { b: 1 },
  added: '2020-01-02T03:04:05.678Z',
  note: 'n',
  pages: 0,
  extra: { a: [1, null, { b: 'c' }] },
  big: '18446744073709551615',
  took: '1.500s',
  kinds: ['NONE', 'PAPER', 99],
  mask: 'author.firstName,title',
}
const put = (json: string): string => post('/books/7', json).replace('POST', 'PUT')

interface Call extends GrpcReply {
  readonly to?: string
  readonly send: string | readonly string[]
  /** Nothing reaches the service. */
  readonly refused?: boolean
}

/** One request and its answer, with what the service saw. */
async function call(scene: Scene, { to = 'main', send, refused = false, ...reply }: Call): Promise<void> {
  const server = service ?? assert.fail('no service')
  server.reply = 'messages' in reply || 'status' in reply || 'plain' in reply ? reply : { messages: [book] }
  server.calls.length = 0
  const client = await scene.connect(to)
  for (const piece of [send].flat()) await client.send(piece)
  const answer = await client.response()
  // A call that an earlier scenario cut may be told of late.
  const calls = refused ? [] : server.calls.filter(one => !one.endsWith('(cut)'))
  for (const one of calls) scene.note(`> ${one}`)
  const { body } = unchunk(answer)
  const lines = answer.head
    .split('\r\n')
    .filter(line => !/^(?:date|server|x-envoy-upstream-service-time|connection):/.test(line))
  scene.note(`< ${lines.join('\n')}\n\n${showBody(body)}`)
  await scene.sawLog(1, to)
}

feature(
  'transcoding',
  {
    file: import.meta.url,
    upstreams: [],
    listeners: [
      listener('main'),
      listener(
        'printed',
        `print_options: {add_whitespace: true, always_print_primitive_fields: true, always_print_enums_as_ints: true, preserve_proto_field_names: true}
convert_grpc_status: true
auto_mapping: true
match_incoming_request_route: true
`,
      ),
      listener(
        'lenient',
        `print_options: {stream_newline_delimited: true}
convert_grpc_status: true
ignore_unknown_query_parameters: true
ignored_query_parameters: [key, author.age]
query_param_unescape_plus: true
url_unescape_spec: ALL_CHARACTERS
case_insensitive_enum_parsing: true
`,
      ),
      listener(
        'strict',
        `print_options: {stream_sse_style_delimited: true}
request_validation_options: {reject_unknown_method: true, reject_unknown_query_parameters: true, reject_binding_body_field_collisions: true}
url_unescape_spec: ALL_CHARACTERS_EXCEPT_SLASH
max_request_body_size: 100
max_response_body_size: 100
`,
      ),
    ],
    clusters: [cluster('up', ['grpc'], httpOptions('explicit_http_config: {http2_protocol_options: {}}'))],
    values: async tmp => {
      const descriptors = path.join(tmp, 'shop.binpb')
      writeDescriptors('shop.proto', tmp, descriptors)
      service = await GrpcJsonService.start(descriptors)
      return { grpc: service.port }
    },
    cleanUp: async () => service?.stop(),
  },
  f => {
    f.scenario(
      'variables of a path',
      {
        sees: `
      > POST /shop.Shop/GetBook (GET /shelves/s%2F1/books/42) application/grpc te=trailers
        {"shelf":"s/1","id":"42"}
      < HTTP/1.1 200 OK
      content-type: application/json
      grpc-status: 0
      content-length: 22

      {"id":"7","title":"t"}
      log: 200 via_upstream grpc
    `,
      },
      scene => call(scene, { send: get('/shelves/s%2F1/books/42') }),
    )
    f.scenario(
      'an additional binding',
      {
        sees: `
      > POST /shop.Shop/GetBook (GET /b/1) application/grpc te=trailers
        {"id":"1"}
      < HTTP/1.1 200 OK
      content-type: application/json
      grpc-status: 0
      content-length: 22

      {"id":"7","title":"t"}
      log: 200 via_upstream grpc
    `,
      },
      scene => call(scene, { send: get('/b/1') }),
    )
    f.scenario(
      'all kinds of fields',
      {
        sees: `
      > POST /shop.Shop/GetBook (GET /b/1) application/grpc te=trailers
        {"id":"1"}
      < HTTP/1.1 200 OK
      content-type: application/json
      grpc-status: 0
      content-length: 396

      {"id":"12345678901234","title":"a\\\\u003cb\\\\u003e&\\\\"\\xc3\\xa9\\\\n","author":{"firstName":"X","age":3},"tags":["x","y"],"kind":"AUDIO","outOfPrint":true,"price":0.1,"weight":1e+21,"cover":"AQID/w==","stock":{"b":1},"added":"TIME","note":"n","pages":0,"extra":{"a":[1,null,{"b":"c"}]},"big":"18446744073709551615","took":"1.500s","kinds":["NONE","PAPER",99],"mask":"author.firstName,title"}
      log: 200 via_upstream grpc
    `,
      },
      scene => call(scene, { send: get('/b/1'), messages: [full] }),
    )
    f.scenario(
      'all kinds of fields, printed in full',
      {
        sees: `
      > POST /shop.Shop/GetBook (GET /b/1) application/grpc te=trailers
        {"id":"1"}
      < HTTP/1.1 200 OK
      content-type: application/json
      grpc-status: 0
      content-length: 523

      {\\n
       "id": "12345678901234",\\n
       "title": "a\\\\u003cb\\\\u003e&\\\\"\\xc3\\xa9\\\\n",\\n
       "author": {\\n
        "first_name": "X",\\n
        "last_name": "",\\n
        "age": 3\\n
       },\\n
       "tags": [\\n
        "x",\\n
        "y"\\n
       ],\\n
       "kind": 2,\\n
       "out_of_print": true,\\n
       "price": 0.1,\\n
       "weight": 1e+21,\\n
       "cover": "AQID/w==",\\n
       "stock": {\\n
        "b": 1\\n
       },\\n
       "added": "TIME",\\n
       "note": "n",\\n
       "pages": 0,\\n
       "extra": {\\n
        "a": [\\n
         1,\\n
         null,\\n
         {\\n
          "b": "c"\\n
         }\\n
        ]\\n
       },\\n
       "big": "18446744073709551615",\\n
       "took": "1.500s",\\n
       "kinds": [\\n
        0,\\n
        1,\\n
        99\\n
       ],\\n
       "mask": "author.firstName,title"\\n
      }\\n

      log: 200 via_upstream other
    `,
      },
      scene => call(scene, { to: 'printed', send: get('/b/1'), messages: [full] }),
    )
    f.scenario(
      'an empty message, printed in full',
      {
        sees: `
      > POST /shop.Shop/GetBook (GET /b/1) application/grpc te=trailers
        {"id":"1"}
      < HTTP/1.1 200 OK
      content-type: application/json
      grpc-status: 0
      content-length: 160

      {\\n
       "id": "0",\\n
       "title": "",\\n
       "tags": [],\\n
       "kind": 0,\\n
       "out_of_print": false,\\n
       "price": 0,\\n
       "weight": 0,\\n
       "cover": "",\\n
       "stock": {},\\n
       "big": "0",\\n
       "kinds": []\\n
      }\\n

      log: 200 via_upstream other
    `,
      },
      scene => call(scene, { to: 'printed', send: get('/b/1'), messages: [{}] }),
    )
    f.scenario(
      'query parameters',
      {
        sees: `
      > POST /shop.Shop/GetBook (GET /b/1?kind=PAPER&tags=a&tags=b%20c+d&author.first_name=F&author.lastName=L&flag=true&since=2020-01-01T00:00:00Z&limit=5&ratio=1.5&nums=1&nums=2&raw=AQID&mask=a,b) application/grpc te=trailers
        {"id":"1","kind":"PAPER","tags":["a","b c+d"],"author":{"firstName":"F","lastName":"L"},"flag":true,"since":"2020-01-01T00:00:00Z","limit":5,"ratio":1.5,"nums":[1,2],"raw":"AQID","mask":"a,b"}
      < HTTP/1.1 200 OK
      content-type: application/json
      grpc-status: 0
      content-length: 22

      {"id":"7","title":"t"}
      log: 200 via_upstream grpc
    `,
      },
      scene =>
        call(scene, {
          send: get(
            '/b/1?kind=PAPER&tags=a&tags=b%20c+d&author.first_name=F&author.lastName=L&flag=true&since=2020-01-01T00:00:00Z&limit=5&ratio=1.5&nums=1&nums=2&raw=AQID&mask=a,b',
          ),
        }),
    )
    f.scenario(
      'a number that is none',
      {
        sees: `
      < HTTP/1.1 400 Bad Request
      content-length: 43
      content-type: text/plain

      id: invalid value "abc" for type TYPE_INT64
      log: 400 early_grpc_json_transcode_failure{INVALID_ARGUMENT} grpc
    `,
      },
      scene => call(scene, { send: get('/b/abc'), refused: true }),
    )
    f.scenario(
      'an enum that is none',
      {
        sees: `
      < HTTP/1.1 400 Bad Request
      content-length: 65
      content-type: text/plain

      kind: invalid value "NOPE" for type type.googleapis.com/shop.Kind
      log: 400 early_grpc_json_transcode_failure{INVALID_ARGUMENT} grpc
    `,
      },
      scene => call(scene, { send: get('/b/1?kind=NOPE'), refused: true }),
    )
    f.scenario(
      'an enum in other letters',
      {
        sees: `
      > POST /shop.Shop/GetBook (GET /b/1?kind=paper) application/grpc te=trailers
        {"id":"1","kind":"PAPER"}
      < HTTP/1.1 200 OK
      content-type: application/json
      grpc-status: 0
      content-length: 22

      {"id":"7","title":"t"}
      log: 200 via_upstream grpc
    `,
      },
      scene => call(scene, { to: 'lenient', send: get('/b/1?kind=paper') }),
    )
    f.scenario(
      'an unknown parameter is not transcoded',
      {
        sees: `
      > GET /b/1?nope=1 - te=-
      < HTTP/1.1 200 OK
      content-type: text/plain
      transfer-encoding: chunked

      plain
      log: 200 via_upstream other
    `,
      },
      scene => call(scene, { send: get('/b/1?nope=1') }),
    )
    f.scenario(
      'an unknown parameter is left out',
      {
        sees: `
      > POST /shop.Shop/GetBook (GET /b/1?nope=1&key=x&author.age=3&shelf=a+b) application/grpc te=trailers
        {"shelf":"a b","id":"1"}
      < HTTP/1.1 200 OK
      content-type: application/json
      grpc-status: 0
      content-length: 22

      {"id":"7","title":"t"}
      log: 200 via_upstream grpc
    `,
      },
      scene => call(scene, { to: 'lenient', send: get('/b/1?nope=1&key=x&author.age=3&shelf=a+b') }),
    )
    f.scenario(
      'an unknown parameter is refused',
      {
        sees: `
      < HTTP/1.1 400 Bad Request
      content-length: 54
      content-type: text/plain

      Could not find field "nope" in the type "shop.Author".
      log: 400 early_grpc_json_transcode_failure{INVALID_ARGUMENT} other
    `,
      },
      scene => call(scene, { to: 'strict', send: get('/b/1?author.nope=1'), refused: true }),
    )
    f.scenario(
      'an unknown path',
      {
        sees: `
      > GET /nope - te=-
      < HTTP/1.1 200 OK
      content-type: text/plain
      transfer-encoding: chunked

      plain
      log: 200 via_upstream other
    `,
      },
      scene => call(scene, { send: get('/nope') }),
    )
    f.scenario(
      'an unknown path is refused',
      {
        sees: `
      < HTTP/1.1 404 Not Found
      content-length: 36
      content-type: text/plain

      Could not resolve /nope to a method.
      log: 404 early_grpc_json_transcode_failure{NOT_FOUND} other
    `,
      },
      scene => call(scene, { to: 'strict', send: get('/nope?a=b'), refused: true }),
    )
    f.scenario(
      'segments without end',
      {
        sees: `
      > POST /shop.Shop/Deep (GET /deep/a%2Fb/c%20d/e%3F) application/grpc te=trailers
        {"shelf":"a%2Fb/c d/e%3F"}
      < HTTP/1.1 200 OK
      content-type: application/json
      grpc-status: 0
      content-length: 22

      {"id":"7","title":"t"}
      log: 200 via_upstream grpc
    `,
      },
      scene => call(scene, { send: get('/deep/a%2Fb/c%20d/e%3F') }),
    )
    f.scenario(
      'segments without end, all unescaped',
      {
        sees: `
      > POST /shop.Shop/Deep (GET /deep/a%2Fb/c%20d/e%3F) application/grpc te=trailers
        {"shelf":"a/b/c d/e?"}
      < HTTP/1.1 200 OK
      content-type: application/json
      grpc-status: 0
      content-length: 22

      {"id":"7","title":"t"}
      log: 200 via_upstream grpc
    `,
      },
      scene => call(scene, { to: 'lenient', send: get('/deep/a%2Fb/c%20d/e%3F') }),
    )
    f.scenario(
      'segments without end, slashes escaped',
      {
        sees: `
      > POST /shop.Shop/Deep (GET /deep/a%2Fb/c%20d/e%3F) application/grpc te=trailers
        {"shelf":"a%2Fb/c d/e?"}
      < HTTP/1.1 200 OK
      content-type: application/json
      grpc-status: 0
      content-length: 22

      {"id":"7","title":"t"}
      log: 200 via_upstream grpc
    `,
      },
      scene => call(scene, { to: 'strict', send: get('/deep/a%2Fb/c%20d/e%3F') }),
    )
    f.scenario(
      'a verb',
      {
        sees: `
      > POST /shop.Shop/Verb (POST /books/5:buy) application/grpc te=trailers
        {"id":"5","flag":true}
      < HTTP/1.1 200 OK
      content-type: application/json
      grpc-status: 0
      content-length: 22

      {"id":"7","title":"t"}
      log: 200 via_upstream grpc
    `,
      },
      scene => call(scene, { send: post('/books/5:buy', '{"flag":true}') }),
    )
    f.scenario(
      'the body in a field',
      {
        sees: `
      > POST /shop.Shop/CreateBook (POST /shelves/s/books?dry=4) application/grpc te=trailers
        {"shelf":"s","book":{"id":"9","title":"T"},"dry":4}
      < HTTP/1.1 200 OK
      content-type: application/json
      grpc-status: 0
      content-length: 22

      {"id":"7","title":"t"}
      log: 200 via_upstream grpc
    `,
      },
      scene => call(scene, { send: post('/shelves/s/books?dry=4', '{"title":"T","id":"9","unknownField":1}') }),
    )
    f.scenario(
      'the body says other than the path',
      {
        sees: `
      > POST /shop.Shop/UpdateBook (PUT /books/7) application/grpc te=trailers
        {"id":"8","title":"x"}
      < HTTP/1.1 200 OK
      content-type: application/json
      grpc-status: 0
      content-length: 22

      {"id":"7","title":"t"}
      log: 200 via_upstream grpc
    `,
      },
      scene => call(scene, { send: put('{"id":"8","title":"x"}') }),
    )
    f.scenario(
      'the body says other than the path, refused',
      {
        sees: `
      < HTTP/1.1 400 Bad Request
      content-length: 84
      content-type: text/plain

      The binding value "7" of the field id is conflicting with the value "8" in the body.
      log: 400 grpc_json_transcode_failure{INVALID_ARGUMENT} grpc
    `,
      },
      scene => call(scene, { to: 'strict', send: put('{"id":"8","title":"x"}'), refused: true }),
    )
    f.scenario(
      'no body',
      {
        sees: `
      > POST /shop.Shop/UpdateBook (PUT /books/7) application/grpc te=trailers
        {"id":"7"}
      < HTTP/1.1 200 OK
      content-type: application/json
      grpc-status: 0
      content-length: 22

      {"id":"7","title":"t"}
      log: 200 via_upstream grpc
    `,
      },
      scene => call(scene, { send: put('') }),
    )
    f.scenario(
      'lenient JSON',
      {
        sees: `
      > POST /shop.Shop/UpdateBook (PUT /books/7) application/grpc te=trailers
        {"id":"7","title":"x","kind":"AUDIO","note":"y","pages":12}
      < HTTP/1.1 200 OK
      content-type: application/json
      grpc-status: 0
      content-length: 22

      {"id":"7","title":"t"}
      log: 200 via_upstream grpc
    `,
      },
      scene => call(scene, { send: put('{\'title\': \'x\', note: \'y\', "pages": "12", "kind": 2, "tags": null,}') }),
    )
    f.scenario(
      'a word in JSON',
      {
        sees: `
      < HTTP/1.1 400 Bad Request
      content-length: 45
      content-type: text/plain

      Unexpected token.\\n
      {"title": nope}\\n
                ^
      log: 400 grpc_json_transcode_failure{INVALID_ARGUMENT} grpc
    `,
      },
      scene => call(scene, { send: put('{"title": nope}'), refused: true }),
    )
    f.scenario(
      'JSON that ends early',
      {
        sees: `
      < HTTP/1.1 400 Bad Request
      content-length: 66
      content-type: text/plain

      Unexpected end of string. Expected , or } after key:value pair.\\n
      \\n
      ^
      log: 400 grpc_json_transcode_failure{INVALID_ARGUMENT} grpc
    `,
      },
      scene => call(scene, { send: put('{"title": "x"'), refused: true }),
    )
    f.scenario(
      'JSON without a colon',
      {
        sees: `
      < HTTP/1.1 400 Bad Request
      content-length: 59
      content-type: text/plain

      Expected : between key:value pair.\\n
      {"title" "x"}\\n
               ^
      log: 400 grpc_json_transcode_failure{INVALID_ARGUMENT} grpc
    `,
      },
      scene => call(scene, { send: put('{"title" "x"}'), refused: true }),
    )
    f.scenario(
      'more than JSON',
      {
        sees: `
      < HTTP/1.1 400 Bad Request
      content-length: 75
      content-type: text/plain

      Parsing terminated before end of input.\\n
      {"title":"x"} extra\\n
                    ^
      log: 400 grpc_json_transcode_failure{INVALID_ARGUMENT} grpc
    `,
      },
      scene => call(scene, { send: put('{"title":"x"} extra'), refused: true }),
    )
    f.scenario(
      'an object for a text',
      {
        sees: `
      < HTTP/1.1 400 Bad Request
      content-length: 67
      content-type: text/plain

      : invalid value Starting an object on a scalar field for type title
      log: 400 grpc_json_transcode_failure{INVALID_ARGUMENT} grpc
    `,
      },
      scene => call(scene, { send: put('{"title": {"a":1}}'), refused: true }),
    )
    f.scenario(
      'a number for a text',
      {
        sees: `
      < HTTP/1.1 400 Bad Request
      content-length: 43
      content-type: text/plain

      title: invalid value 5 for type TYPE_STRING
      log: 400 grpc_json_transcode_failure{INVALID_ARGUMENT} grpc
    `,
      },
      scene => call(scene, { send: put('{"title": 5}'), refused: true }),
    )
    f.scenario(
      'an array for the message',
      {
        sees: `
      < HTTP/1.1 400 Bad Request
      content-length: 33
      content-type: text/plain

      : Root element must be a message.
      log: 400 grpc_json_transcode_failure{INVALID_ARGUMENT} grpc
    `,
      },
      scene => call(scene, { send: put('[{"title":"x"}]'), refused: true }),
    )
    f.scenario(
      'gRPC passes',
      {
        sees: `
      > POST /shop.Shop/Plain application/grpc te=-
        {}
      < HTTP/1.1 200 OK
      content-type: application/grpc
      transfer-encoding: chunked

      \\x00\\x00\\x00\\x00\\x05\\x08\\x07\\x12\\x01t
      log: 200 via_upstream grpc
    `,
      },
      scene => call(scene, { send: post('/shop.Shop/Plain', '\0\0\0\0\0', 'content-type: application/grpc') }),
    )
    f.scenario(
      'a method without annotation',
      {
        sees: `
      > POST /shop.Shop/Plain (POST /shop.Shop/Plain?shelf=x) application/grpc te=trailers
        {"shelf":"x","id":"5"}
      < HTTP/1.1 200 OK
      content-type: application/json
      grpc-status: 0
      content-length: 161

      {\\n
       "id": "7",\\n
       "title": "t",\\n
       "tags": [],\\n
       "kind": 0,\\n
       "out_of_print": false,\\n
       "price": 0,\\n
       "weight": 0,\\n
       "cover": "",\\n
       "stock": {},\\n
       "big": "0",\\n
       "kinds": []\\n
      }\\n

      log: 200 via_upstream grpc
    `,
      },
      scene => call(scene, { to: 'printed', send: post('/shop.Shop/Plain?shelf=x', '{"id":5}') }),
    )
    f.scenario(
      'an error',
      {
        sees: `
      > POST /shop.Shop/GetBook (GET /b/1) application/grpc te=trailers
        {"id":"1"}
      < HTTP/1.1 404 Not Found
      content-type: application/json
      grpc-status: 5
      grpc-message: not %41 here
      content-length: 0


      log: 404 via_upstream grpc
    `,
      },
      scene => call(scene, { send: get('/b/1'), status: 5, message: 'not %41 here' }),
    )
    f.scenario(
      'an error as JSON',
      {
        sees: `
      > POST /shop.Shop/GetBook (GET /b/1) application/grpc te=trailers
        {"id":"1"}
      < HTTP/1.1 404 Not Found
      content-type: application/json
      content-length: 57

      {\\n
       "code": 5,\\n
       "message": "not A here",\\n
       "details": []\\n
      }\\n

      log: 404 via_upstream other
    `,
      },
      scene => call(scene, { to: 'printed', send: get('/b/1'), status: 5, message: 'not %41 here' }),
    )
    f.scenario(
      'an error in the head',
      {
        sees: `
      > POST /shop.Shop/GetBook (GET /b/1) application/grpc te=trailers
        {"id":"1"}
      < HTTP/1.1 404 Not Found
      content-type: application/grpc
      grpc-status: 5
      grpc-message: not here
      content-length: 0


      log: 404 via_upstream grpc
    `,
      },
      scene => call(scene, { send: get('/b/1'), status: 5, message: 'not here', headOnly: true }),
    )
    f.scenario(
      'an error in the head as JSON',
      {
        sees: `
      > POST /shop.Shop/GetBook (GET /b/1) application/grpc te=trailers
        {"id":"1"}
      < HTTP/1.1 401 Unauthorized
      content-type: application/json
      content-length: 32

      {"code":16,"message":"not here"}
      log: 401 via_upstream grpc
    `,
      },
      scene => call(scene, { to: 'lenient', send: get('/b/1'), status: 16, message: 'not here', headOnly: true }),
    )
    f.scenario(
      'an error after the message',
      {
        sees: `
      > POST /shop.Shop/GetBook (GET /b/1) application/grpc te=trailers
        {"id":"1"}
      < HTTP/1.1 500 Internal Server Error
      content-type: application/json
      grpc-status: 13
      grpc-message: late
      content-length: 22

      {"id":"7","title":"t"}
      log: 500 via_upstream grpc
    `,
      },
      scene => call(scene, { send: get('/b/1'), messages: [book], status: 13, message: 'late' }),
    )
    f.scenario(
      'an answer that is not gRPC',
      {
        sees: `
      > POST /shop.Shop/GetBook (GET /b/1) application/grpc te=trailers
        {"id":"1"}
      < HTTP/1.1 404 Not Found
      content-type: text/plain
      transfer-encoding: chunked

      no such
      log: 404 via_upstream grpc
    `,
      },
      scene => call(scene, { send: get('/b/1'), plain: { status: 404, body: 'no such' } }),
    )
    f.scenario(
      'answers as an array',
      {
        sees: `
      > POST /shop.Shop/Watch (GET /watch?id=1) application/grpc te=trailers
        {"id":"1"}
      < HTTP/1.1 200 OK
      content-type: application/json
      transfer-encoding: chunked

      [{"id":"7","title":"t"},{"id":"7","title":"t"}]
      log: 200 via_upstream grpc
    `,
      },
      scene => call(scene, { send: get('/watch?id=1'), messages: [book, book] }),
    )
    f.scenario(
      'no answers',
      {
        sees: `
      > POST /shop.Shop/Watch (GET /watch) application/grpc te=trailers
        {}
      < HTTP/1.1 200 OK
      content-type: application/json
      transfer-encoding: chunked

      []
      log: 200 via_upstream grpc
    `,
      },
      scene => call(scene, { send: get('/watch'), messages: [] }),
    )
    f.scenario(
      'answers, then an error',
      {
        sees: `
      > POST /shop.Shop/Watch (GET /watch) application/grpc te=trailers
        {}
      < HTTP/1.1 200 OK
      content-type: application/json
      transfer-encoding: chunked

      [{"id":"7","title":"t"}]
      log: 200 via_upstream grpc
    `,
      },
      scene => call(scene, { send: get('/watch'), messages: [book], status: 13, message: 'late' }),
    )
    f.scenario(
      'answers, but an error in the head',
      {
        sees: `
      > POST /shop.Shop/Watch (GET /watch) application/grpc te=trailers
        {}
      < HTTP/1.1 500 Internal Server Error
      content-type: application/json
      grpc-status: 13
      grpc-message: late
      transfer-encoding: chunked

      []
      log: 500 via_upstream grpc
    `,
      },
      scene => call(scene, { send: get('/watch'), status: 13, message: 'late', headOnly: true }),
    )
    f.scenario(
      'answers line by line',
      {
        sees: `
      > POST /shop.Shop/Watch (GET /watch) application/grpc te=trailers
        {}
      < HTTP/1.1 200 OK
      content-type: application/json
      transfer-encoding: chunked

      {"id":"7","title":"t"}\\n
      {"id":"7","title":"t"}\\n

      log: 200 via_upstream grpc
    `,
      },
      scene => call(scene, { to: 'lenient', send: get('/watch'), messages: [book, book] }),
    )
    f.scenario(
      'answers as events',
      {
        sees: `
      > POST /shop.Shop/Watch (GET /watch) application/grpc te=trailers
        {}
      < HTTP/1.1 200 OK
      content-type: text/event-stream
      transfer-encoding: chunked

      data: {"id":"7","title":"t"}\\n
      \\n
      data: {"id":"7","title":"t"}\\n
      \\n

      log: 200 via_upstream grpc
    `,
      },
      scene => call(scene, { to: 'strict', send: get('/watch'), messages: [book, book] }),
    )
    f.scenario(
      'requests as an array',
      {
        sees: `
      > POST /shop.Shop/Add (POST /add) application/grpc te=trailers
        {"id":"1"}
        {"id":"2","title":"a]"}
      < HTTP/1.1 200 OK
      content-type: application/json
      grpc-status: 0
      content-length: 22

      {"id":"7","title":"t"}
      log: 200 via_upstream grpc
    `,
      },
      scene => call(scene, { send: post('/add', '[{"id":1},{"id":2, "title":"a]"}]') }),
    )
    f.scenario(
      'requests as an array in pieces',
      {
        sees: `
      > POST /shop.Shop/Add (POST /add) application/grpc te=trailers
        {"id":"1"}
        {"id":"2"}
      < HTTP/1.1 200 OK
      content-type: application/json
      grpc-status: 0
      content-length: 22

      {"id":"7","title":"t"}
      log: 200 via_upstream grpc
    `,
      },
      scene =>
        call(scene, {
          send: [
            `${head('POST /add HTTP/1.1', 'host: a', 'transfer-encoding: chunked')}9\r\n[{"id":1}\r\n`,
            '9\r\n,{"id":2}\r\n',
            '1\r\n]\r\n0\r\n\r\n',
          ],
        }),
    )
    f.scenario(
      'requests that are no array',
      {
        sees: `
      < HTTP/1.1 400 Bad Request
      content-length: 38
      content-type: text/plain

      Expected an array instead of an object
      log: 400 grpc_json_transcode_failure{INVALID_ARGUMENT} grpc
    `,
      },
      scene => call(scene, { send: post('/add', '{"id":1}'), refused: true }),
    )
    f.scenario(
      'both ways',
      {
        sees: `
      > POST /shop.Shop/Chat (POST /chat) application/grpc te=trailers
        {"id":"1"}
        {"id":"2"}
      < HTTP/1.1 200 OK
      content-type: application/json
      transfer-encoding: chunked

      [{"id":"7","title":"t"},{"id":"7","title":"t"}]
      log: 200 via_upstream grpc
    `,
      },
      scene => call(scene, { send: post('/chat', '[{"id":1},{"id":2}]'), messages: [book, book] }),
    )
    f.scenario(
      'an HttpBody',
      {
        sees: `
      > POST /shop.Shop/Download (GET /download) application/grpc te=trailers
        {}
      < HTTP/1.1 200 OK
      content-type: text/x
      content-length: 5
      grpc-status: 0

      hello
      log: 200 via_upstream grpc
    `,
      },
      scene => call(scene, { send: get('/download'), messages: [{ contentType: 'text/x', data: 'aGVsbG8=' }] }),
    )
    f.scenario(
      'HttpBodies',
      {
        sees: `
      > POST /shop.Shop/DownloadAll (GET /download-all) application/grpc te=trailers
        {}
      < HTTP/1.1 200 OK
      content-type: text/x
      transfer-encoding: chunked

      hello world
      log: 200 via_upstream grpc
    `,
      },
      scene =>
        call(scene, {
          send: get('/download-all'),
          messages: [
            { contentType: 'text/x', data: 'aGVsbG8=' },
            { contentType: 'text/y', data: 'IHdvcmxk' },
          ],
        }),
    )
    f.scenario(
      'a request that is an HttpBody',
      {
        sees: `
      > POST /shop.Shop/UploadRaw (POST /raw) application/grpc te=trailers
        {"contentType":"a/b","data":"c29tZSBieXRlcw=="}
      < HTTP/1.1 200 OK
      content-type: application/json
      grpc-status: 0
      content-length: 22

      {"id":"7","title":"t"}
      log: 200 via_upstream grpc
    `,
      },
      scene => call(scene, { send: post('/raw', 'some bytes', 'content-type: a/b') }),
    )
    f.scenario(
      'a request with an HttpBody',
      {
        sees: `
      > POST /shop.Shop/UploadFile (POST /upload/n1) application/grpc te=trailers
        {"name":"n1","file":{"contentType":"a/b","data":"c29tZSBieXRlcw=="}}
      < HTTP/1.1 200 OK
      content-type: application/json
      grpc-status: 0
      content-length: 22

      {"id":"7","title":"t"}
      log: 200 via_upstream grpc
    `,
      },
      scene => call(scene, { send: post('/upload/n1', 'some bytes', 'content-type: a/b') }),
    )
    f.scenario(
      'a request too large',
      {
        sees: `
      < HTTP/1.1 413 Payload Too Large
      content-length: 92
      content-type: text/plain

      Request rejected because the transcoder's internal buffer size exceeds the configured limit.
      log: 413 grpc_json_transcode_failure{request_buffer_size_limit_reached} grpc
    `,
      },
      scene => call(scene, { to: 'strict', send: put(JSON.stringify({ title: 'x'.repeat(200) })), refused: true }),
    )
    f.scenario(
      'an answer too large',
      {
        sees: `
      > POST /shop.Shop/GetBook (GET /b/1) application/grpc te=trailers
        {"id":"1"}
      < HTTP/1.1 500 Internal Server Error
      content-length: 99
      content-type: text/plain

      Response not transcoded because the transcoder's internal buffer size exceeds the configured limit.
      log: 500 grpc_json_transcode_failure{response_buffer_size_limit_reached} grpc
    `,
      },
      scene => call(scene, { to: 'strict', send: get('/b/1'), messages: [{ title: 'x'.repeat(200) }] }),
    )
    f.scenario(
      'a route without it',
      {
        sees: `
      > GET /off/b - te=-
      < HTTP/1.1 200 OK
      content-type: text/plain
      transfer-encoding: chunked

      plain
      log: 200 via_upstream off
    `,
      },
      scene => call(scene, { send: get('/off/b'), plain: { status: 200, body: 'plain' } }),
    )
  },
)
