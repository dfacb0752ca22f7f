// envoy.filters.http.lua: what scripts see of a stream and do to it. In TypeScript over Lua 5.1, equal to Envoy's LuaJIT.
import { answer, get } from '../support/bytes.js'
import { cluster, http } from '../support/config.js'
import { feature, type Scene } from '../support/scenario.js'

const LUA = 'type.googleapis.com/envoy.extensions.filters.http.lua.v3'
const router = {
  name: 'router',
  typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
}
const chain = (config: object): string =>
  JSON.stringify({
    http_filters: [{ name: 'envoy.filters.http.lua', typed_config: { '@type': `${LUA}.Lua`, ...config } }, router],
  })
const log =
  '%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% md=%DYNAMIC_METADATA(lua:all)% in=%BYTES_RECEIVED% out=%BYTES_SENT%\n'
const stats = /\.lua\./
const reply = answer(200, 'ok')
const post = (path: string, body: string, ...lines: string[]): string =>
  `POST ${path} HTTP/1.1\r\nhost: a\r\n${lines.map(line => `${line}\r\n`).join('')}content-length: ${body.length}\r\n\r\n${body}`
const chunked = (path: string, ...chunks: string[]): string =>
  `POST ${path} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n${chunks.map(chunk => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')}0\r\n\r\n`

/** A script whose hooks do what the path says; the response's hook is found by the same name. */
const script = `
local requests, responses = {}, {}

requests['/headers'] = function(handle)
  local headers = handle:headers()
  headers:add('x-added', 'one')
  headers:add('x-added', 'two')
  headers:replace('x-replaced', 'new')
  headers:remove('x-removed')
  local names = {}
  for name, value in pairs(headers) do
    if name:sub(1, 3) == 'x-m' then table.insert(names, name .. '=' .. value) end
  end
  headers:add('x-seen', table.concat(names, ';'))
  headers:add('x-get', headers:get('x-many') .. '|' .. select('#', headers:get('x-none')))
  headers:add('x-index', headers:getAtIndex('x-many', 1) .. '|' .. select('#', headers:getAtIndex('x-many', 2)))
  headers:add('x-count', headers:getNumValues('x-many'))
  headers:add('x-number', 10 / 2)
  headers:add('x-large', 1732000000000)
  headers:add('x-fraction', 1 / 3)
end

requests['/method'] = function(handle)
  handle:headers():replace(':path', '/other?from=lua')
  handle:headers():replace(':method', 'PUT')
  handle:headers():replace(':authority', 'b')
end

requests['/respond'] = function(handle)
  handle:respond({ [':status'] = '418', ['x-list'] = { 'a', 'b' } }, 'short and stout')
  handle:headers():add('x-never', 'seen')
end
responses['418'] = function(handle) handle:headers():add('x-response-hook', 'ran') end

requests['/respond-empty'] = function(handle) handle:respond({ [':status'] = '204' }) end
requests['/respond-bad'] = function(handle) handle:respond({ [':status'] = '99' }, 'x') end
requests['/error'] = function(handle)
  handle:headers():add('x-before', 'yes')
  error('on purpose')
end
requests['/nil'] = function(handle) return nil .. 'x' end
requests['/yield'] = function(handle) coroutine.yield() end

requests['/body'] = function(handle)
  local body = handle:body()
  if body == nil then
    handle:headers():add('x-body', 'none')
    return
  end
  handle:headers():add('x-body', body:length() .. ':' .. body:getBytes(0, body:length()))
  local fine, why = pcall(function() return body:getBytes(0, 1000) end)
  handle:headers():add('x-fine', tostring(fine))
end
requests['/set-body'] = function(handle)
  local size = handle:body():setBytes('changed by Lua')
  handle:headers():add('x-size', size)
end
requests['/always'] = function(handle) handle:headers():add('x-length', handle:body(true):length()) end
requests['/pcall-body'] = function(handle)
  local fine, text = pcall(function()
    local body = handle:body()
    return body:getBytes(0, body:length())
  end)
  handle:headers():add('x-inside', tostring(fine) .. text)
end
requests['/chunks'] = function(handle)
  local count, bytes = 0, 0
  for chunk in handle:bodyChunks() do
    count = count + 1
    bytes = bytes + chunk:length()
  end
  handle:streamInfo():dynamicMetadata():set('lua', 'all', bytes .. ' bytes')
end
requests['/late'] = function(handle)
  for chunk in handle:bodyChunks() do end
  handle:headers():add('x-late', 'no')
end
requests['/late-respond'] = function(handle)
  for chunk in handle:bodyChunks() do end
  handle:respond({ [':status'] = '400' }, 'no')
end

requests['/metadata'] = function(handle)
  local dynamic = handle:streamInfo():dynamicMetadata()
  dynamic:set('lua', 'all', { text = 'a', number = 3, list = { 'x', 'y' }, yes = true })
  handle:headers():add('x-back', dynamic:get('lua')['all']['list'][2])
  handle:headers():add('x-none', select('#', dynamic:get('other')))
  handle:headers():add('x-route', tostring(handle:metadata():get('key')) .. '|' .. select('#', handle:metadata():get('none')))
  for name, value in pairs(handle:metadata()) do handle:headers():add('x-pair', name .. '=' .. tostring(value)) end
end
requests['/info'] = function(handle)
  local info = handle:streamInfo()
  handle:headers():add('x-protocol', info:protocol())
  handle:headers():add('x-route', info:routeName())
  handle:headers():add('x-sni', '[' .. info:requestedServerName() .. ']')
  handle:headers():add('x-remote', (info:downstreamRemoteAddress():gsub(':%d+$', '')))
  handle:headers():add('x-direct', (info:downstreamDirectRemoteAddress():gsub(':%d+$', '')))
  handle:headers():add('x-ssl', type(handle:connection():ssl()) .. '|' .. type(info:downstreamSslConnection()))
end
requests['/tools'] = function(handle)
  handle:headers():add('x-base64', handle:base64Escape('a\\0b\\255'))
  handle:headers():add('x-time', tostring(handle:timestamp() > 1700000000000))
  handle:headers():add('x-time-text', tostring(#handle:timestampString(EnvoyTimestampResolution.MICROSECOND)))
  handle:headers():add('x-bit', bit.tohex(bit.bxor(0xff, 0x0f)) .. '|' .. bit.band(-1, 0xff) .. '|' .. bit.lshift(1, 31))
  handle:headers():add('x-types', type(handle) .. '|' .. type(handle:headers()))
  for level in ('Trace Debug Info Warn Err Critical'):gmatch('%a+') do handle['log' .. level](handle, level) end
end
local kept
requests['/keep'] = function(handle) kept = handle:headers() end
requests['/use-kept'] = function(handle) kept:get('x') end
requests['/global'] = function(handle)
  calls = (calls or 0) + 1
  handle:headers():add('x-calls', calls)
end
requests['/route-cache'] = function(handle) handle:headers():add('x-to', 'b') end

requests['/call'] = function(handle)
  local headers, body = handle:httpCall('side', {
    [':method'] = 'POST', [':path'] = '/side?q', [':authority'] = 'side.example', ['x-two'] = { 'a', 'b' },
  }, 'the body', 5000)
  handle:headers():add('x-status', headers[':status'])
  handle:headers():add('x-answer', tostring(headers['x-answer']) .. '|' .. tostring(body))
end
requests['/call-late'] = function(handle)
  local headers, body = handle:httpCall('silent', { [':method'] = 'GET', [':path'] = '/', [':authority'] = 's' }, nil, 50)
  handle:respond({ [':status'] = headers[':status'] }, body)
end
requests['/call-dead'] = function(handle)
  local headers = handle:httpCall('dead', { [':method'] = 'GET', [':path'] = '/', [':authority'] = 's' }, nil, 5000)
  handle:respond({ [':status'] = headers[':status'] }, 'dead')
end
requests['/call-unknown'] = function(handle)
  handle:httpCall('nobody', { [':method'] = 'GET', [':path'] = '/', [':authority'] = 's' }, nil, 5000)
end
requests['/call-bad'] = function(handle) handle:httpCall('side', { [':method'] = 'GET' }, nil, 5000) end

responses['reply-headers'] = function(handle)
  handle:headers():replace(':status', '203')
  handle:headers():add('x-new', 'yes')
  handle:headers():remove('x-case')
end
responses['reply-body'] = function(handle)
  local body = handle:body()
  body:setBytes(body:getBytes(0, body:length()):upper())
end
responses['reply-call'] = function(handle)
  local headers, body = handle:httpCall('side', { [':method'] = 'GET', [':path'] = '/', [':authority'] = 's' }, nil, 5000)
  handle:headers():add('x-side', body)
end
responses['reply-respond'] = function(handle) handle:respond({ [':status'] = '500' }, 'no') end
responses['reply-error'] = function(handle) error({}) end

function envoy_on_request(handle)
  local path = handle:headers():get(':path')
  local run = requests[path:match('^[^?]*')]
  if run then run(handle) end
end
function envoy_on_response(handle)
  local run = responses[handle:headers():get('x-case') or handle:headers():get(':status')]
  if run then run(handle) end
end
`

feature(
  'scripts',
  {
    file: import.meta.url,
    upstreams: ['up', 'side', 'silent'],
    clusters: [cluster('up'), cluster('side'), cluster('silent'), cluster('dead', [])],
    listeners: [
      http('main', {
        log,
        hcm: chain({ default_source_code: { inline_string: script } }),
        routes: JSON.stringify([
          {
            match: { prefix: '/', headers: [{ name: 'x-to', string_match: { exact: 'b' } }] },
            direct_response: { status: 202 },
          },
          {
            name: 'the-route',
            match: { prefix: '/' },
            route: { cluster: 'up' },
            metadata: { filter_metadata: { 'envoy.filters.http.lua': { key: 'of the route' } } },
          },
        ]),
      }),
    ],
  },
  f => {
    f.exchange('headers', {
      send: get('/headers', 'x-many: 1', 'x-many: 2', 'x-replaced: old', 'x-removed: y'),
      reply,
      sees: `
        > up
        GET /headers HTTP/1.1
        host: a
        x-many: 1
        x-many: 2
        x-forwarded-proto: http
        x-request-id: UUID
        x-added: one
        x-added: two
        x-replaced: new
        x-seen: x-many=1;x-many=2
        x-get: 1,2|0
        x-index: 2|0
        x-count: 2
        x-number: 5
        x-large: 1732000000000
        x-fraction: 0.33333333333333
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=0 out=2
      `,
    })
    f.exchange('pseudo headers', {
      send: get('/method'),
      reply,
      sees: `
        > up
        PUT /other?from=lua HTTP/1.1
        host: b
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000
        content-length: 0

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=0 out=2
      `,
    })
    f.exchange('an answer of the script', {
      send: get('/respond'),
      sees: `
        < client
        HTTP/1.1 418 Unknown
        x-list: a
        x-list: b
        content-length: 15
        content-type: text/plain
        x-response-hook: ran
        date: DATE
        server: envoy

        short and stout
        (open)
        log: 418 - lua_response md=- in=0 out=15
      `,
    })
    f.exchange('an answer without a body', {
      send: get('/respond-empty'),
      sees: `
        < client
        HTTP/1.1 204 No Content
        date: DATE
        server: envoy

        (open)
        log: 204 - lua_response md=- in=0 out=0
      `,
    })
    f.exchange('an answer that cannot be', {
      send: get('/respond-bad'),
      reply,
      stats,
      sees: `
        stat: http.main.lua.errors +1
        stat: http.main.lua.executions +2
        > up
        GET /respond-bad HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=0 out=2
      `,
    })
    f.exchange('an error', {
      send: get('/error'),
      reply,
      stats,
      sees: `
        stat: http.main.lua.errors +1
        stat: http.main.lua.executions +2
        > up
        GET /error HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-before: yes
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=0 out=2
      `,
    })
    f.exchange('an error of types', {
      send: get('/nil'),
      reply,
      stats,
      sees: `
        stat: http.main.lua.errors +1
        stat: http.main.lua.executions +2
        > up
        GET /nil HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=0 out=2
      `,
    })
    f.exchange('a yield of its own', {
      send: get('/yield'),
      reply,
      stats,
      sees: `
        stat: http.main.lua.errors +1
        stat: http.main.lua.executions +2
        > up
        GET /yield HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=0 out=2
      `,
    })
    f.exchange('no body', {
      send: get('/body'),
      reply,
      sees: `
        > up
        GET /body HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-body: none
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=0 out=2
      `,
    })
    f.exchange('a body', {
      send: post('/body', 'hello'),
      reply,
      sees: `
        > up
        POST /body HTTP/1.1
        host: a
        content-length: 5
        x-forwarded-proto: http
        x-request-id: UUID
        x-body: 5:hello
        x-fine: false
        x-envoy-expected-rq-timeout-ms: 15000

        hello
        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=5 out=2
      `,
    })
    f.exchange('a body in chunks', {
      send: chunked('/body', 'hel', 'lo'),
      reply,
      sees: `
        > up
        POST /body HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-body: 5:hello
        x-fine: false
        x-envoy-expected-rq-timeout-ms: 15000
        transfer-encoding: chunked

        5
        hello
        0


        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=5 out=2
      `,
    })
    f.exchange('a body that is changed', {
      send: post('/set-body', 'hello'),
      reply,
      sees: `
        > up
        POST /set-body HTTP/1.1
        host: a
        content-length: 14
        x-forwarded-proto: http
        x-request-id: UUID
        x-size: 14
        x-envoy-expected-rq-timeout-ms: 15000

        changed by Lua
        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=5 out=2
      `,
    })
    f.exchange('an empty body as an object', {
      send: get('/always'),
      reply,
      nuncio: {
        because: 'a request without a body does not get one, though a script looked at it',
        instead: `
        > up
        GET /always HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-length: 0
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=0 out=2
      `,
      },
      sees: `
        > up
        GET /always HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-length: 0
        x-envoy-expected-rq-timeout-ms: 15000
        transfer-encoding: chunked

        0


        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=0 out=2
      `,
    })
    f.exchange('a body within pcall', {
      send: post('/pcall-body', 'hello'),
      reply,
      sees: `
        > up
        POST /pcall-body HTTP/1.1
        host: a
        content-length: 5
        x-forwarded-proto: http
        x-request-id: UUID
        x-inside: truehello
        x-envoy-expected-rq-timeout-ms: 15000

        hello
        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=5 out=2
      `,
    })
    f.exchange('chunks', {
      send: chunked('/chunks', 'hel', 'lo'),
      reply,
      sees: `
        > up
        POST /chunks HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000
        transfer-encoding: chunked

        5
        hello
        0


        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=5 bytes in=5 out=2
      `,
    })
    f.exchange('chunks of nothing', {
      send: get('/chunks'),
      reply,
      sees: `
        > up
        GET /chunks HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=0 bytes in=0 out=2
      `,
    })
    f.exchange('a head that has gone', {
      send: post('/late', 'hello'),
      reply,
      stats,
      sees: `
        stat: http.main.lua.errors +1
        stat: http.main.lua.executions +2
        > up
        POST /late HTTP/1.1
        host: a
        content-length: 5
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        hello
        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=5 out=2
      `,
    })
    f.exchange('an answer after the head has gone', {
      send: post('/late-respond', 'hello'),
      reply,
      stats,
      sees: `
        stat: http.main.lua.errors +1
        stat: http.main.lua.executions +2
        > up
        POST /late-respond HTTP/1.1
        host: a
        content-length: 5
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        hello
        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=5 out=2
      `,
    })
    f.exchange('metadata', {
      send: get('/metadata'),
      reply,
      sees: `
        > up
        GET /metadata HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-back: y
        x-none: 0
        x-route: of the route|0
        x-pair: key=of the route
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md={"list":["x","y"],"number":3,"text":"a","yes":true} in=0 out=2
      `,
    })
    f.exchange('facts of the stream', {
      send: get('/info'),
      reply,
      sees: `
        > up
        GET /info HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-protocol: HTTP/1.1
        x-route: the-route
        x-sni: []
        x-remote: 127.0.0.1
        x-direct: 127.0.0.1
        x-ssl: nil|nil
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=0 out=2
      `,
    })
    f.exchange('tools', {
      send: get('/tools'),
      reply,
      sees: `
        > up
        GET /tools HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-base64: YQBi/w==
        x-time: true
        x-time-text: 16
        x-bit: 000000f0|255|-2147483648
        x-types: userdata|userdata
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=0 out=2
      `,
    })
    f.exchange('a header map is kept', {
      send: get('/keep'),
      reply,
      sees: `
        > up
        GET /keep HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=0 out=2
      `,
    })
    f.exchange('a header map of another stream', {
      send: get('/use-kept'),
      reply,
      stats,
      sees: `
        stat: http.main.lua.errors +1
        stat: http.main.lua.executions +2
        > up
        GET /use-kept HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=0 out=2
      `,
    })
    f.exchange('globals last', {
      send: get('/global'),
      reply,
      sees: `
        > up
        GET /global HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-calls: 1
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=0 out=2
      `,
    })
    f.exchange('globals last, again', {
      send: get('/global'),
      reply,
      sees: `
        > up
        GET /global HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-calls: 2
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=0 out=2
      `,
    })
    f.exchange('another route', {
      send: get('/route-cache'),
      sees: `
        < client
        HTTP/1.1 202 Accepted
        date: DATE
        server: envoy
        content-length: 0

        (open)
        log: 202 - direct_response md=- in=0 out=0
      `,
    })
    f.exchange('a dead cluster is called', {
      send: get('/call-dead'),
      sees: `
        < client
        HTTP/1.1 503 Service Unavailable
        content-length: 4
        content-type: text/plain
        date: DATE
        server: envoy

        dead
        (open)
        log: 503 - lua_response md=- in=0 out=4
      `,
    })
    f.exchange('an unknown cluster is called', {
      send: get('/call-unknown'),
      reply,
      stats,
      sees: `
        stat: http.main.lua.errors +1
        stat: http.main.lua.executions +2
        > up
        GET /call-unknown HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=0 out=2
      `,
    })
    f.exchange('a call without a path', {
      send: get('/call-bad'),
      reply,
      stats,
      sees: `
        stat: http.main.lua.errors +1
        stat: http.main.lua.executions +2
        > up
        GET /call-bad HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=0 out=2
      `,
    })
    f.exchange('a script for nobody', {
      send: get('/nothing'),
      reply,
      sees: `
        > up
        GET /nothing HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=0 out=2
      `,
    })
    f.exchange('a response', {
      send: get('/'),
      reply: answer(200, 'ok', 'x-case: reply-headers'),
      sees: `
        > up
        GET / HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 203 Non-Authoritative Information
        content-length: 2
        x-envoy-upstream-service-time: MS
        x-new: yes
        date: DATE
        server: envoy

        ok
        (open)
        log: 203 - via_upstream md=- in=0 out=2
      `,
    })
    f.exchange("a response's body", {
      send: get('/'),
      reply: answer(200, 'ok', 'x-case: reply-body'),
      sees: `
        > up
        GET / HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-case: reply-body
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        OK
        (open)
        log: 200 - via_upstream md=- in=0 out=2
      `,
    })
    f.exchange('a response cannot be answered', {
      send: get('/'),
      reply: answer(200, 'ok', 'x-case: reply-respond'),
      stats,
      sees: `
        stat: http.main.lua.errors +1
        stat: http.main.lua.executions +2
        > up
        GET / HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-case: reply-respond
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=0 out=2
      `,
    })
    f.exchange('an error that is no text', {
      send: get('/'),
      reply: answer(200, 'ok', 'x-case: reply-error'),
      stats,
      sees: `
        stat: http.main.lua.errors +1
        stat: http.main.lua.executions +2
        > up
        GET / HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-case: reply-error
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=0 out=2
      `,
    })

    const called =
      (path: string, side: string | null, upAnswer: string | null) =>
      async (s: Scene): Promise<void> => {
        if (side !== null) s.upstream('side').script(side)
        if (upAnswer !== null) s.upstream('up').script(upAnswer)
        const client = await s.connect()
        await client.send(get(path))
        s.note(((await client.response()).head + '\n').replace(/\r/g, ''))
        for (const name of ['side', 'up'])
          for (const { head } of s.upstream(name).requests) s.note(`> ${name}\n${head.replace(/\r/g, '')}`)
        client.destroy()
      }
    f.scenario(
      'a call',
      {
        sees: `
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      > side
      POST /side?q HTTP/1.1
      host: side.example
      x-two: a
      x-two: b
      content-length: 8
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      x-envoy-expected-rq-timeout-ms: 5000
      > up
      GET /call HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-status: 201
      x-answer: 1|from aside
      x-envoy-expected-rq-timeout-ms: 15000
    `,
      },
      called('/call', answer(201, 'from aside', 'x-answer: 1'), reply),
    )
    f.scenario(
      'a call with an empty answer',
      {
        sees: `
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      date: DATE
      server: envoy

      > side
      POST /side?q HTTP/1.1
      host: side.example
      x-two: a
      x-two: b
      content-length: 8
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      x-envoy-expected-rq-timeout-ms: 5000
      > up
      GET /call HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-status: 204
      x-answer: nil|nil
      x-envoy-expected-rq-timeout-ms: 15000
    `,
      },
      called('/call', answer(204, ''), reply),
    )
    f.scenario(
      'a call that is late',
      {
        sees: `
      HTTP/1.1 200 OK
      content-length: 2
      content-type: text/plain
      date: DATE
      server: envoy

    `,
      },
      called('/call-late', null, null),
    )
    f.scenario(
      'a call for a response',
      {
        sees: `
      HTTP/1.1 200 OK
      content-length: 2
      x-case: reply-call
      x-envoy-upstream-service-time: MS
      x-side: aside
      date: DATE
      server: envoy

      > side
      GET / HTTP/1.1
      host: s
      x-envoy-internal: true
      x-forwarded-for: LOCAL
      x-envoy-expected-rq-timeout-ms: 5000
      > up
      GET / HTTP/1.1
      host: a
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000
    `,
      },
      called('/', answer(200, 'aside'), answer(200, 'ok', 'x-case: reply-call')),
    )
  },
)

const adding = (value: string): string => `function envoy_on_request(h) h:headers():add('x-script', '${value}') end`

feature(
  'routes',
  {
    file: import.meta.url,
    upstreams: ['up'],
    clusters: [cluster('up')],
    listeners: [
      http('main', {
        log,
        hcm: chain({
          default_source_code: { inline_string: adding('default') },
          source_codes: { named: { inline_string: adding('named') } },
          stat_prefix: 'mine',
        }),
        routes: JSON.stringify([
          ...Object.entries({
            '/off': { disabled: true },
            '/named': { name: 'named' },
            '/unknown': { name: 'nobody' },
            '/own': { source_code: { inline_string: adding('own') } },
          }).map(([prefix, own]) => ({
            match: { prefix },
            route: { cluster: 'up' },
            typed_per_filter_config: { 'envoy.filters.http.lua': { '@type': `${LUA}.LuaPerRoute`, ...own } },
          })),
          { match: { prefix: '/' }, route: { cluster: 'up' } },
        ]),
      }),
    ],
  },
  f => {
    f.exchange('the default', {
      send: get('/'),
      reply,
      sees: `
        > up
        GET / HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-script: default
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=0 out=2
      `,
    })
    f.exchange('disabled', {
      send: get('/off'),
      reply,
      sees: `
        > up
        GET /off HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=0 out=2
      `,
    })
    f.exchange('by name', {
      send: get('/named'),
      reply,
      sees: `
        > up
        GET /named HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-script: named
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=0 out=2
      `,
    })
    f.exchange('an unknown name', {
      send: get('/unknown'),
      reply,
      sees: `
        > up
        GET /unknown HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=0 out=2
      `,
    })
    f.exchange('a script of the route', {
      send: get('/own'),
      reply,
      sees: `
        > up
        GET /own HTTP/1.1
        host: a
        x-forwarded-proto: http
        x-request-id: UUID
        x-script: own
        x-envoy-expected-rq-timeout-ms: 15000

        < client
        HTTP/1.1 200 OK
        content-length: 2
        x-envoy-upstream-service-time: MS
        date: DATE
        server: envoy

        ok
        (open)
        log: 200 - via_upstream md=- in=0 out=2
      `,
    })
  },
)
