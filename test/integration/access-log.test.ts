// Access log lines: operators, text and JSON, filters, loggers, reopening; and local replies given another form.
import { renameSync, existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { answer, get, head, post } from '../support/bytes.js'
import { cluster, http } from '../support/config.js'
import { OK, silence } from '../support/fake-upstream.js'
import { feature, type Scene } from '../support/scenario.js'
import { poll } from '../support/wait.js'

const FILE = '"@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog'
const operators = (...names: string[]): string => `${names.map((name) => `${name.replaceAll('%', '').split('(')[0]}=${name}`).join(' ; ')}\n`

const HEADERS = operators('%REQ(x-a)%', '%REQ(X-A)%', '%REQ(nope)%', '%REQ(nope?x-a)%', '%REQ(x-a):2%', '%REQ(:METHOD)%', '%REQ(:PATH)%', '%REQ(:AUTHORITY)%', '%REQ(host)%', '%REQ(x-r)%', '%RESP(x-b)%', '%RESP(:STATUS)%', '%RESP(x-b?x-c):1%', '%TRAILER(x-t)%', '%QUERY_PARAM(q)%', '%QUERY_PARAM(none)%', '%QUERY_PARAMS(DECODED)%', '%QUERY_PARAMS(ORIG)%', '%PATH(WQ:ORIG)%', '%PATH(NQ:PATH)%', '%PATH(NQ)%', '%PATH%', '%REQUEST_HEADER(x-a)%', '%RESPONSE_HEADER(x-b)%')
const SIZES = operators('%BYTES_RECEIVED%', '%BYTES_SENT%', '%REQUEST_HEADERS_BYTES%', '%RESPONSE_HEADERS_BYTES%', '%RESPONSE_TRAILERS_BYTES%', '%DOWNSTREAM_WIRE_BYTES_SENT%', '%DOWNSTREAM_WIRE_BYTES_RECEIVED%', '%DOWNSTREAM_HEADER_BYTES_SENT%', '%DOWNSTREAM_HEADER_BYTES_RECEIVED%', '%UPSTREAM_WIRE_BYTES_SENT%', '%UPSTREAM_WIRE_BYTES_RECEIVED%', '%UPSTREAM_HEADER_BYTES_SENT%', '%UPSTREAM_HEADER_BYTES_RECEIVED%', '%DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED%', '%UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED%')
const PLACES = operators('%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%', '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(8)%', '%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%', '%DOWNSTREAM_LOCAL_ADDRESS%', '%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%', '%DOWNSTREAM_DIRECT_LOCAL_ADDRESS%', '%UPSTREAM_HOST%', '%UPSTREAM_REMOTE_ADDRESS%', '%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%', '%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%', '%UPSTREAM_CLUSTER%', '%UPSTREAM_CLUSTER_RAW%', '%UPSTREAM_HOST_NAME%', '%UPSTREAM_HOST_NAME_WITHOUT_PORT%', '%ROUTE_NAME%', '%VIRTUAL_CLUSTER_NAME%', '%FILTER_CHAIN_NAME%', '%UPSTREAM_HOSTS_ATTEMPTED%', '%UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT%', '%UPSTREAM_HOST_NAMES_ATTEMPTED%', '%REQUESTED_SERVER_NAME%')
const KINDS = operators('%PROTOCOL%', '%UPSTREAM_PROTOCOL%', '%RESPONSE_CODE%', '%RESPONSE_CODE_DETAILS%', '%RESPONSE_FLAGS%', '%RESPONSE_FLAGS_LONG%', '%CONNECTION_TERMINATION_DETAILS%', '%GRPC_STATUS%', '%GRPC_STATUS(SNAKE_STRING)%', '%GRPC_STATUS_NUMBER%', '%UPSTREAM_REQUEST_ATTEMPT_COUNT%', '%ACCESS_LOG_TYPE%', '%LOCAL_REPLY_BODY%', '%UPSTREAM_TRANSPORT_FAILURE_REASON%', '%DOWNSTREAM_TRANSPORT_FAILURE_REASON%', '%DOWNSTREAM_TLS_VERSION%', '%DYNAMIC_METADATA(a:b)%', '%FILTER_STATE(x)%', '%CLUSTER_METADATA(ns:key)%', '%METADATA(ROUTE:ns:key)%', '%METADATA(CLUSTER:ns)%', '%UPSTREAM_METADATA(ns:key)%', '%DOWNSTREAM_LOCAL_CLOSE_REASON%', '%DOWNSTREAM_DETECTED_CLOSE_TYPE%', '%CUSTOM_FLAGS%', '%TRACE_ID%')
const FORMS = '100%% %ENVIRONMENT(NUNCIO_TEST_VALUE)% %ENVIRONMENT(NUNCIO_TEST_VALUE):3% %ENVIRONMENT(NUNCIO_NOT_SET)%\n'
const TIMES = '%START_TIME% | %START_TIME(%s)% | %START_TIME(%s.%3f)% | %START_TIME(%s.%6f)% | %START_TIME(%s.%9f)% | %START_TIME(%f)% | %START_TIME(%1f)% | %START_TIME(%d/%b/%Y:%H:%M:%S %z)% | %EMIT_TIME% | %START_TIME_LOCAL(%Y)% | %DURATION% | %REQUEST_DURATION% | %RESPONSE_DURATION% | %RESPONSE_TX_DURATION% | %REQUEST_TX_DURATION% | %ROUNDTRIP_DURATION% | %COMMON_DURATION(DS_RX_BEG:US_TX_BEG:us)% | %COMMON_DURATION(DS_RX_BEG:DS_TX_END:ms)% | %COMMON_DURATION(US_TX_END:US_RX_BEG:ns)% | %UPSTREAM_CONNECTION_POOL_READY_DURATION%\n'
const IDS = '%CONNECTION_ID% | %STREAM_ID% | %UNIQUE_ID% | %UPSTREAM_CONNECTION_ID% | %HOSTNAME% | %DOWNSTREAM_REMOTE_PORT% | %DOWNSTREAM_LOCAL_PORT% | %UPSTREAM_REMOTE_PORT% | %UPSTREAM_LOCAL_PORT% | %REQ(x-request-id)%\n'
const ROUTES = `
- {name: named, match: {prefix: /named}, route: {cluster: up}, metadata: {filter_metadata: {ns: {key: route value}}}}
- {name: direct, match: {prefix: /direct}, direct_response: {status: 403, body: {inline_string: "no way"}}}
- {match: {prefix: /none}, route: {cluster: empty}}
- {match: {prefix: /timeout}, route: {cluster: up, timeout: 0.1s}}
- {match: {prefix: /}, route: {cluster: up}}`
const VHOST = 'virtual_clusters: [{name: vc, headers: [{name: ":path", string_match: {prefix: /named}}]}]'
const CLUSTERS = [
  cluster('up', [], 'metadata: {filter_metadata: {ns: {key: cluster value}}}\nload_assignment: {cluster_name: up, endpoints: [{lb_endpoints: [{metadata: {filter_metadata: {ns: {key: host value}}}, endpoint: {hostname: host.name, address: {socket_address: {address: 127.0.0.1, port_value: "${up}"}}}}]}]}'),
  cluster('empty', []),
]

feature('operators', {
  file: import.meta.url,
  env: { NUNCIO_TEST_VALUE: 'value' },
  clusters: CLUSTERS,
  listeners: [
    http('headers', { log: HEADERS, routes: ROUTES }), http('sizes', { log: SIZES, routes: ROUTES, router: 'suppress_envoy_headers: true' }), http('places', { log: PLACES, routes: ROUTES, vhost: VHOST }),
    http('kinds', { log: KINDS, routes: ROUTES }), http('times', { log: TIMES, routes: ROUTES }), http('ids', { log: IDS, routes: ROUTES }), http('forms', { log: FORMS, routes: ROUTES }),
    http('trailers', { log: operators('%TRAILER(x-t)%', '%RESPONSE_TRAILER(x-t)%', '%RESPONSE_TRAILERS_BYTES%'), hcm: 'http_protocol_options: {enable_trailers: true}' }),
  ],
}, (f) => {
  const line = (listener: string, send: string, reply: Parameters<ReturnType<Scene['upstream']>['script']>[0] = OK) => async (s: Scene): Promise<void> => {
    s.upstream().script(reply)
    const client = await s.connect(listener)
    await client.send(send)
    await client.response()
    for (const text of await s.log(1, listener)) s.note(text.split(' ; ').join('\n'))
  }
  f.scenario('header operators', { sees: `
    REQ=alpha
    REQ=alpha
    REQ=-
    REQ=alpha
    REQ=al
    REQ=GET
    REQ=/p/x?q=v%20w&z
    REQ=a
    REQ=a
    REQ=1
    RESP=beta
    RESP=200
    RESP=b
    TRAILER=-
    QUERY_PARAM=v w
    QUERY_PARAM=-
    QUERY_PARAMS=q=v%20w&z
    QUERY_PARAMS=q=v%20w&z
    PATH=-
    PATH=/p/x
    PATH=/p/x
    PATH=/p/x?q=v%20w&z
    REQUEST_HEADER=alpha
    RESPONSE_HEADER=beta
  ` }, line('headers', get('/p/x?q=v%20w&z', 'x-a: alpha', 'x-r: 1', 'x-r: 2'), answer(200, 'x', 'x-b: beta', 'x-c: gamma')))
  f.scenario('header operators with nothing there', { sees: `
    REQ=-
    REQ=-
    REQ=-
    REQ=-
    REQ=-
    REQ=GET
    REQ=/
    REQ=a
    REQ=a
    REQ=-
    RESP=-
    RESP=200
    RESP=-
    TRAILER=-
    QUERY_PARAM=-
    QUERY_PARAM=-
    QUERY_PARAMS=-
    QUERY_PARAMS=-
    PATH=-
    PATH=/
    PATH=/
    PATH=/
    REQUEST_HEADER=-
    RESPONSE_HEADER=-
  ` }, line('headers', head('GET / HTTP/1.1', 'host: a')))
  f.scenario('size operators', { sees: `
    BYTES_RECEIVED=12
    BYTES_SENT=13
    REQUEST_HEADERS_BYTES=89
    RESPONSE_HEADERS_BYTES=70
    RESPONSE_TRAILERS_BYTES=0
    DOWNSTREAM_WIRE_BYTES_SENT=104
    DOWNSTREAM_WIRE_BYTES_RECEIVED=77
    DOWNSTREAM_HEADER_BYTES_SENT=72
    DOWNSTREAM_HEADER_BYTES_RECEIVED=43
    UPSTREAM_WIRE_BYTES_SENT=102
    UPSTREAM_WIRE_BYTES_RECEIVED=56
    UPSTREAM_HEADER_BYTES_SENT=71
    UPSTREAM_HEADER_BYTES_RECEIVED=19
    DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED=43
    UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED=19
  ` }, line('sizes', post('/', 'request body', 'x-request-id: 0'), answer(200, 'response body')))
  f.scenario('size operators of chunked bodies', { sees: `
    BYTES_RECEIVED=5
    BYTES_SENT=3
    REQUEST_HEADERS_BYTES=73
    RESPONSE_HEADERS_BYTES=54
    RESPONSE_TRAILERS_BYTES=0
    DOWNSTREAM_WIRE_BYTES_SENT=112
    DOWNSTREAM_WIRE_BYTES_RECEIVED=93
    DOWNSTREAM_HEADER_BYTES_SENT=80
    DOWNSTREAM_HEADER_BYTES_RECEIVED=51
    UPSTREAM_WIRE_BYTES_SENT=113
    UPSTREAM_WIRE_BYTES_RECEIVED=60
    UPSTREAM_HEADER_BYTES_SENT=79
    UPSTREAM_HEADER_BYTES_RECEIVED=27
    DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED=51
    UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED=27
  ` }, line('sizes', `${head('POST / HTTP/1.1', 'host: a', 'x-request-id: 0', 'transfer-encoding: chunked')}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`, `${head('HTTP/1.1 200 OK', 'transfer-encoding: chunked')}3\r\nabc\r\n0\r\n\r\n`))
  f.scenario('size operators of a local reply', { sees: `
    BYTES_RECEIVED=0
    BYTES_SENT=6
    REQUEST_HEADERS_BYTES=78
    RESPONSE_HEADERS_BYTES=91
    RESPONSE_TRAILERS_BYTES=0
    DOWNSTREAM_WIRE_BYTES_SENT=129
    DOWNSTREAM_WIRE_BYTES_RECEIVED=50
    DOWNSTREAM_HEADER_BYTES_SENT=97
    DOWNSTREAM_HEADER_BYTES_RECEIVED=24
    UPSTREAM_WIRE_BYTES_SENT=0
    UPSTREAM_WIRE_BYTES_RECEIVED=0
    UPSTREAM_HEADER_BYTES_SENT=0
    UPSTREAM_HEADER_BYTES_RECEIVED=0
    DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED=24
    UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED=0
  ` }, line('sizes', get('/direct', 'x-request-id: 0')))
  f.scenario('places', { sees: `
    DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT=127.0.0.1
    DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT=127.0.0.0/8
    DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT=127.0.0.1
    DOWNSTREAM_LOCAL_ADDRESS=127.0.0.1:$places
    DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT=127.0.0.1
    DOWNSTREAM_DIRECT_LOCAL_ADDRESS=127.0.0.1:$places
    UPSTREAM_HOST=127.0.0.1:$up
    UPSTREAM_REMOTE_ADDRESS=127.0.0.1:$up
    UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT=127.0.0.1
    UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT=127.0.0.1
    UPSTREAM_CLUSTER=up
    UPSTREAM_CLUSTER_RAW=up
    UPSTREAM_HOST_NAME=host.name
    UPSTREAM_HOST_NAME_WITHOUT_PORT=host.name
    ROUTE_NAME=named
    VIRTUAL_CLUSTER_NAME=vc
    FILTER_CHAIN_NAME=-
    UPSTREAM_HOSTS_ATTEMPTED=127.0.0.1:$up
    UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT=127.0.0.1
    UPSTREAM_HOST_NAMES_ATTEMPTED=host.name
    REQUESTED_SERVER_NAME=-
  ` }, line('places', get('/named')))
  f.scenario('places of a local reply', { sees: `
    DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT=127.0.0.1
    DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT=127.0.0.0/8
    DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT=127.0.0.1
    DOWNSTREAM_LOCAL_ADDRESS=127.0.0.1:$places
    DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT=127.0.0.1
    DOWNSTREAM_DIRECT_LOCAL_ADDRESS=127.0.0.1:$places
    UPSTREAM_HOST=-
    UPSTREAM_REMOTE_ADDRESS=-
    UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT=-
    UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT=-
    UPSTREAM_CLUSTER=-
    UPSTREAM_CLUSTER_RAW=-
    UPSTREAM_HOST_NAME=-
    UPSTREAM_HOST_NAME_WITHOUT_PORT=-
    ROUTE_NAME=direct
    VIRTUAL_CLUSTER_NAME=-
    FILTER_CHAIN_NAME=-
    UPSTREAM_HOSTS_ATTEMPTED=-
    UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT=-
    UPSTREAM_HOST_NAMES_ATTEMPTED=-
    REQUESTED_SERVER_NAME=-
  ` }, line('places', get('/direct')))
  f.scenario('places without a host', { sees: `
    DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT=127.0.0.1
    DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT=127.0.0.0/8
    DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT=127.0.0.1
    DOWNSTREAM_LOCAL_ADDRESS=127.0.0.1:$places
    DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT=127.0.0.1
    DOWNSTREAM_DIRECT_LOCAL_ADDRESS=127.0.0.1:$places
    UPSTREAM_HOST=-
    UPSTREAM_REMOTE_ADDRESS=-
    UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT=-
    UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT=-
    UPSTREAM_CLUSTER=empty
    UPSTREAM_CLUSTER_RAW=empty
    UPSTREAM_HOST_NAME=-
    UPSTREAM_HOST_NAME_WITHOUT_PORT=-
    ROUTE_NAME=-
    VIRTUAL_CLUSTER_NAME=-
    FILTER_CHAIN_NAME=-
    UPSTREAM_HOSTS_ATTEMPTED=-
    UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT=-
    UPSTREAM_HOST_NAMES_ATTEMPTED=-
    REQUESTED_SERVER_NAME=-
  ` }, line('places', get('/none')))
  f.scenario('kinds', { sees: `
    PROTOCOL=HTTP/1.1
    UPSTREAM_PROTOCOL=HTTP/1.1
    RESPONSE_CODE=200
    RESPONSE_CODE_DETAILS=via_upstream
    RESPONSE_FLAGS=-
    RESPONSE_FLAGS_LONG=-
    CONNECTION_TERMINATION_DETAILS=-
    GRPC_STATUS=-
    GRPC_STATUS=-
    GRPC_STATUS_NUMBER=-
    UPSTREAM_REQUEST_ATTEMPT_COUNT=1
    ACCESS_LOG_TYPE=DownstreamEnd
    LOCAL_REPLY_BODY=
    UPSTREAM_TRANSPORT_FAILURE_REASON=-
    DOWNSTREAM_TRANSPORT_FAILURE_REASON=-
    DOWNSTREAM_TLS_VERSION=-
    DYNAMIC_METADATA=-
    FILTER_STATE=-
    CLUSTER_METADATA=cluster value
    METADATA=route value
    METADATA={"key":"cluster value"}
    UPSTREAM_METADATA=host value
    DOWNSTREAM_LOCAL_CLOSE_REASON=-
    DOWNSTREAM_DETECTED_CLOSE_TYPE=Normal
    CUSTOM_FLAGS=
    TRACE_ID=-
  ` }, line('kinds', get('/named')))
  f.scenario('kinds of a direct response', { sees: `
    PROTOCOL=HTTP/1.1
    UPSTREAM_PROTOCOL=-
    RESPONSE_CODE=403
    RESPONSE_CODE_DETAILS=direct_response
    RESPONSE_FLAGS=-
    RESPONSE_FLAGS_LONG=-
    CONNECTION_TERMINATION_DETAILS=-
    GRPC_STATUS=-
    GRPC_STATUS=-
    GRPC_STATUS_NUMBER=-
    UPSTREAM_REQUEST_ATTEMPT_COUNT=0
    ACCESS_LOG_TYPE=DownstreamEnd
    LOCAL_REPLY_BODY=
    UPSTREAM_TRANSPORT_FAILURE_REASON=-
    DOWNSTREAM_TRANSPORT_FAILURE_REASON=-
    DOWNSTREAM_TLS_VERSION=-
    DYNAMIC_METADATA=-
    FILTER_STATE=-
    CLUSTER_METADATA=-
    METADATA=-
    METADATA=-
    UPSTREAM_METADATA=-
    DOWNSTREAM_LOCAL_CLOSE_REASON=-
    DOWNSTREAM_DETECTED_CLOSE_TYPE=Normal
    CUSTOM_FLAGS=
    TRACE_ID=-
  ` }, line('kinds', get('/direct')))
  f.scenario('kinds of a failure', { sees: `
    PROTOCOL=HTTP/1.1
    UPSTREAM_PROTOCOL=-
    RESPONSE_CODE=503
    RESPONSE_CODE_DETAILS=no_healthy_upstream
    RESPONSE_FLAGS=UH
    RESPONSE_FLAGS_LONG=NoHealthyUpstream
    CONNECTION_TERMINATION_DETAILS=-
    GRPC_STATUS=-
    GRPC_STATUS=-
    GRPC_STATUS_NUMBER=-
    UPSTREAM_REQUEST_ATTEMPT_COUNT=1
    ACCESS_LOG_TYPE=DownstreamEnd
    LOCAL_REPLY_BODY=
    UPSTREAM_TRANSPORT_FAILURE_REASON=-
    DOWNSTREAM_TRANSPORT_FAILURE_REASON=-
    DOWNSTREAM_TLS_VERSION=-
    DYNAMIC_METADATA=-
    FILTER_STATE=-
    CLUSTER_METADATA=-
    METADATA=-
    METADATA=-
    UPSTREAM_METADATA=-
    DOWNSTREAM_LOCAL_CLOSE_REASON=-
    DOWNSTREAM_DETECTED_CLOSE_TYPE=Normal
    CUSTOM_FLAGS=
    TRACE_ID=-
  ` }, line('kinds', get('/none')))
  f.scenario('kinds of a timeout', { sees: `
    PROTOCOL=HTTP/1.1
    UPSTREAM_PROTOCOL=HTTP/1.1
    RESPONSE_CODE=504
    RESPONSE_CODE_DETAILS=response_timeout
    RESPONSE_FLAGS=UT
    RESPONSE_FLAGS_LONG=UpstreamRequestTimeout
    CONNECTION_TERMINATION_DETAILS=-
    GRPC_STATUS=-
    GRPC_STATUS=-
    GRPC_STATUS_NUMBER=-
    UPSTREAM_REQUEST_ATTEMPT_COUNT=1
    ACCESS_LOG_TYPE=DownstreamEnd
    LOCAL_REPLY_BODY=
    UPSTREAM_TRANSPORT_FAILURE_REASON=-
    DOWNSTREAM_TRANSPORT_FAILURE_REASON=-
    DOWNSTREAM_TLS_VERSION=-
    DYNAMIC_METADATA=-
    FILTER_STATE=-
    CLUSTER_METADATA=cluster value
    METADATA=-
    METADATA={"key":"cluster value"}
    UPSTREAM_METADATA=host value
    DOWNSTREAM_LOCAL_CLOSE_REASON=-
    DOWNSTREAM_DETECTED_CLOSE_TYPE=Normal
    CUSTOM_FLAGS=
    TRACE_ID=-
  ` }, line('kinds', get('/timeout'), silence))
  f.scenario('kinds of a gRPC answer', { sees: `
    PROTOCOL=HTTP/1.1
    UPSTREAM_PROTOCOL=HTTP/1.1
    RESPONSE_CODE=200
    RESPONSE_CODE_DETAILS=via_upstream
    RESPONSE_FLAGS=-
    RESPONSE_FLAGS_LONG=-
    CONNECTION_TERMINATION_DETAILS=-
    GRPC_STATUS=NotFound
    GRPC_STATUS=NOT_FOUND
    GRPC_STATUS_NUMBER=5
    UPSTREAM_REQUEST_ATTEMPT_COUNT=1
    ACCESS_LOG_TYPE=DownstreamEnd
    LOCAL_REPLY_BODY=
    UPSTREAM_TRANSPORT_FAILURE_REASON=-
    DOWNSTREAM_TRANSPORT_FAILURE_REASON=-
    DOWNSTREAM_TLS_VERSION=-
    DYNAMIC_METADATA=-
    FILTER_STATE=-
    CLUSTER_METADATA=cluster value
    METADATA=route value
    METADATA={"key":"cluster value"}
    UPSTREAM_METADATA=host value
    DOWNSTREAM_LOCAL_CLOSE_REASON=-
    DOWNSTREAM_DETECTED_CLOSE_TYPE=Normal
    CUSTOM_FLAGS=
    TRACE_ID=-
  ` }, line('kinds', get('/named', 'content-type: application/grpc'), head('HTTP/1.1 200 OK', 'content-type: application/grpc', 'grpc-status: 5', 'content-length: 0')))
  f.scenario('kinds of a bad request', { sees: `
    PROTOCOL=HTTP/1.1
    UPSTREAM_PROTOCOL=-
    RESPONSE_CODE=400
    RESPONSE_CODE_DETAILS=http1.codec_error
    RESPONSE_FLAGS=DPE
    RESPONSE_FLAGS_LONG=DownstreamProtocolError
    CONNECTION_TERMINATION_DETAILS=-
    GRPC_STATUS=-
    GRPC_STATUS=-
    GRPC_STATUS_NUMBER=-
    UPSTREAM_REQUEST_ATTEMPT_COUNT=0
    ACCESS_LOG_TYPE=DownstreamEnd
    LOCAL_REPLY_BODY=
    UPSTREAM_TRANSPORT_FAILURE_REASON=-
    DOWNSTREAM_TRANSPORT_FAILURE_REASON=-
    DOWNSTREAM_TLS_VERSION=-
    DYNAMIC_METADATA=-
    FILTER_STATE=-
    CLUSTER_METADATA=-
    METADATA=-
    METADATA=-
    UPSTREAM_METADATA=-
    DOWNSTREAM_LOCAL_CLOSE_REASON=-
    DOWNSTREAM_DETECTED_CLOSE_TYPE=Normal
    CUSTOM_FLAGS=
    TRACE_ID=-
  ` }, line('kinds', 'BAD\r\n\r\n'))
  f.scenario('percent signs and the environment', { sees: `
    100% value val -
  ` }, async (s) => {
    await line('forms', get('/'))(s)
  })
  f.scenario('times and durations', { sees: `
    9999-99-99T99:99:99.999Z
    9999999999
    9999999999.999
    9999999999.999999
    9999999999.999999999
    999999999
    9
    99/Mon/9999:99:99:99 +9999
    9999-99-99T99:99:99.999Z
    9999
    duration: true, request: true, response: true, after it: true, request sent: true
    round trip true, to the first byte sent: true, whole: true, waiting: true
  ` }, async (s) => {
    s.upstream().script((connection) => void setTimeout(() => void connection.send(OK), 30))
    const client = await s.connect('times')
    await client.send(get('/'))
    await client.response()
    const [text = ''] = await s.log(1, 'times')
    const parts = text.split(' | ')
    // The shape of each, digits as 9; then what must hold between the numbers.
    s.note(parts.slice(0, 10).map((part) => part.replace(/[A-Z][a-z]{2}(?=\/)/, 'Mon').replace(/\d/g, '9')).join('\n'))
    const [duration = 0, request = 0, response = 0, responseTx = 0, requestTx = 0, roundtrip = 0, us = 0, ms = 0, ns = 0] = parts.slice(10, 19).map(Number)
    s.note(`duration: ${duration >= 29 && duration < 2000}, request: ${request <= 5}, response: ${response >= 29 && response <= duration}, after it: ${responseTx <= duration - response + 1}, request sent: ${requestTx <= response}`)
    s.note(`round trip ${roundtrip >= 0 || Number.isNaN(roundtrip)}, to the first byte sent: ${us >= 0 && us < 2_000_000}, whole: ${ms >= 29}, waiting: ${ns >= 29_000_000}`)
  })
  f.scenario('ids and ports', { sees: `
    numbers: true true; stream id UUID; unique id is a UUID: true; host name: true
    ports: true true true true
  ` }, async (s) => {
    const client = await s.connect('ids')
    await client.send(get('/', 'x-request-id: 12345678-1234-4234-8234-123456789012'))
    await client.response()
    const [connection = '', stream, unique = '', upstreamConnection = '', hostname = '', remote, local, upstreamRemote, upstreamLocal] = (await s.log(1, 'ids'))[0]?.split(' | ') ?? []
    s.note(`numbers: ${/^\d+$/.test(connection)} ${/^\d+$/.test(upstreamConnection)}; stream id ${stream}; unique id is a UUID: ${/^[0-9a-f-]{36}$/.test(unique)}; host name: ${hostname.length > 1}`)
    s.note(`ports: ${Number(remote) === client.localPort} ${Number(local) === s.proxy.port('ids')} ${Number(upstreamRemote) === s.value('up')} ${Number(upstreamLocal) === s.upstream().requests[0]?.connection.remotePort}`)
  })
  f.scenario('response trailers that the upstream codec drops', { sees: `
    TRAILER=-
    RESPONSE_TRAILER=-
    RESPONSE_TRAILERS_BYTES=0
  ` }, line('trailers', get('/'), `${head('HTTP/1.1 200 OK', 'transfer-encoding: chunked')}0\r\nx-t: v\r\n\r\n`))
})

const DEFAULT = `{name: d, typed_config: {${FILE}, path: "\${tmp}/default.log"}}`
const JSON_LOG = `{name: j, typed_config: {${FILE}, path: "\${tmp}/json.log", log_format: {json_format: {status: "%RESPONSE_CODE%", text: "code %RESPONSE_CODE%", missing: "%REQ(nope)%", zero: "%BYTES_SENT%", plain: literal, number: 5, yes: true, nested: {flags: "%RESPONSE_FLAGS%", list: ["%PROTOCOL%", 1]}, quoted: "%REQ(x-q)%", zed: z, alpha: a}}}}`
const OMIT = `{name: o, typed_config: {${FILE}, path: "\${tmp}/omit.log", log_format: {omit_empty_values: true, json_format: {status: "%RESPONSE_CODE%", missing: "%REQ(nope)%", mixed: "<%REQ(nope)%>"}}}}`
const UNSORTED = `{name: o, typed_config: {${FILE}, path: "\${tmp}/sorted.log", log_format: {json_format: {zed: 1, alpha: 2}, json_format_options: {sort_properties: true}}}}`
const OMIT_TEXT = `{name: o, typed_config: {${FILE}, path: "\${tmp}/omittext.log", log_format: {omit_empty_values: true, text_format_source: {inline_string: "<%REQ(nope)%> %RESPONSE_FLAGS%\\n"}}}}`
const filtered = (name: string, filter: string): string => `{name: ${name}, filter: {${filter}}, typed_config: {${FILE}, path: "\${tmp}/f-${name}.log", log_format: {text_format_source: {inline_string: "%REQ(:PATH)%\\n"}}}}`
const FILTERS = [
  ['status', 'status_code_filter: {comparison: {op: GE, value: {default_value: 400, runtime_key: x}}}'], ['equal', 'status_code_filter: {comparison: {op: EQ, value: {default_value: 200, runtime_key: x}}}'],
  ['less', 'status_code_filter: {comparison: {op: LE, value: {default_value: 200, runtime_key: x}}}'], ['header', 'header_filter: {header: {name: x-log, present_match: true}}'],
  ['flags', 'response_flag_filter: {flags: [UH, NR]}'], ['anyflag', 'response_flag_filter: {}'], ['never', 'runtime_filter: {runtime_key: log.never, percent_sampled: {numerator: 0}}'],
  ['always', 'runtime_filter: {runtime_key: log.always, percent_sampled: {numerator: 100}}'], ['and', 'and_filter: {filters: [{header_filter: {header: {name: x-log}}}, {response_flag_filter: {}}]}'],
  ['or', 'or_filter: {filters: [{header_filter: {header: {name: x-log}}}, {response_flag_filter: {}}]}'], ['duration', 'duration_filter: {comparison: {op: GE, value: {default_value: 50, runtime_key: x}}}'],
  ['health', 'not_health_check_filter: {}'], ['trace', 'traceable_filter: {}'], ['grpc', 'grpc_status_filter: {statuses: [NOT_FOUND]}'], ['type', 'log_type_filter: {types: [DownstreamEnd]}'], ['nottype', 'log_type_filter: {types: [DownstreamEnd], exclude: true}'],
] as const

feature('formats and filters', {
  file: import.meta.url,
  clusters: CLUSTERS,
  listeners: [
    http('main', { hcm: `access_log: [${DEFAULT}, ${JSON_LOG}, ${OMIT}, ${OMIT_TEXT}, ${UNSORTED}]`, routes: ROUTES }),
    http('filters', { hcm: `access_log: [${FILTERS.map(([name, filter]) => filtered(name, filter)).join(', ')}]`, routes: ROUTES }),
    http('stream', { hcm: 'access_log: [{name: o, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog, log_format: {text_format_source: {inline_string: "out %REQ(:PATH)%\\n"}}}}, {name: e, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StderrAccessLog, log_format: {text_format_source: {inline_string: "err %REQ(:PATH)%\\n"}}}}]', routes: ROUTES }),
    http('start', { hcm: `access_log_options: {flush_access_log_on_new_request: true}`, log: '%ACCESS_LOG_TYPE% %RESPONSE_CODE%\n', routes: ROUTES }),
    http('upstreamlog', { router: `upstream_log: [{name: u, typed_config: {${FILE}, path: "\${tmp}/upstreamlog-attempts.log", log_format: {text_format_source: {inline_string: "%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %ACCESS_LOG_TYPE%\\n"}}}}]`, routes: '[{match: {prefix: /}, route: {cluster: up, retry_policy: {retry_on: 5xx}}}]' }),
    http('reopened'),
  ],
}, (f) => {
  const read = (s: Scene, name: string): string => (existsSync(path.join(s.folder, name)) ? readFileSync(path.join(s.folder, name), 'latin1') : '')
  const shown = (s: Scene, name: string, lines: number): Promise<string> =>
    poll(`${lines} lines in ${name}`, () => (read(s, name).split('\n').length > lines ? read(s, name).trimEnd() : undefined))
  f.scenario('the default format, JSON, and omitted values', { sees: `
    [TIME] "GET /named?x=1 HTTP/1.1" 200 - 0 2 MS MS "1.2.3.4" ""agent"" "rid" "a" "127.0.0.1:$up"
    {"alpha":"a","missing":null,"nested":{"flags":"-","list":["HTTP/1.1",1]},"number":5,"plain":"literal","quoted":"a\\"b\\\\c","status":200,"text":"code 200","yes":true,"zed":"z","zero":2}
    {"mixed":"<>","status":200}
    <> -
    {"alpha":2,"zed":1}
  ` }, async (s) => {
    const client = await s.connect()
    await client.send(get('/named?x=1', 'user-agent: "agent"', 'x-q: a"b\\c', 'x-forwarded-for: 1.2.3.4', 'x-request-id: rid'))
    await client.response()
    s.note((await shown(s, 'default.log', 1)).replace(/ \d+ \d+ "/, ' MS MS "'))
    s.note(await shown(s, 'json.log', 1))
    s.note(await shown(s, 'omit.log', 1))
    s.note(await shown(s, 'omittext.log', 1))
    s.note(await shown(s, 'sorted.log', 1))
  })
  f.scenario('filters', { sees: `
    status: /none/unhealthy /none/marked /direct
    equal: /ok /marked /slow /grpc
    less: /ok /marked /slow /grpc
    header: /marked /none/marked
    flags: /none/unhealthy /none/marked
    anyflag: /none/unhealthy /none/marked
    never:
    always: /ok /marked /none/unhealthy /none/marked /direct /slow /grpc
    and: /none/marked
    or: /marked /none/unhealthy /none/marked
    duration: /slow
    health: /ok /marked /none/unhealthy /none/marked /direct /slow /grpc
    trace:
    grpc: /grpc
    type: /ok /marked /none/unhealthy /none/marked /direct /slow /grpc
    nottype:
  ` }, async (s) => {
    const ask = async (text: string): Promise<void> => {
      const client = await s.connect('filters')
      await client.send(text)
      await client.response()
      client.destroy()
    }
    await ask(get('/ok'))
    await ask(get('/marked', 'x-log: 1'))
    await ask(get('/none/unhealthy'))
    await ask(get('/none/marked', 'x-log: 1'))
    await ask(get('/direct'))
    s.upstream().script((connection) => void setTimeout(() => void connection.send(OK), 80))
    await ask(get('/slow'))
    s.upstream().script(head('HTTP/1.1 200 OK', 'content-type: application/grpc', 'grpc-status: 5', 'content-length: 0'))
    await ask(get('/grpc', 'content-type: application/grpc'))
    await shown(s, 'f-always.log', 7)
    await shown(s, 'f-type.log', 7)
    for (const [name] of FILTERS) s.note(`${name}: ${read(s, `f-${name}.log`).trimEnd().split('\n').join(' ')}`)
  })
  f.scenario('standard output and error', { sees: `
    both there
  ` }, async (s) => {
    const client = await s.connect('stream')
    await client.send(get('/streamed'))
    await client.response()
    await s.proxy.waitFor('both lines', () => (s.proxy.stdout.includes('out /streamed\n') && s.proxy.stderr.includes('err /streamed\n') ? true : undefined))
    s.note('both there')
  })
  f.scenario('a line at the start of a request', { sees: `
    log: DownstreamStart 0
    log: DownstreamEnd 403
  ` }, async (s) => {
    const client = await s.connect('start')
    await client.send(get('/direct'))
    await client.response()
    await s.sawLog(2, 'start')
  })
  f.scenario('the upstream log has a line for each attempt', { sees: `
    /tried 503 - UpstreamEnd
    /tried 200 - UpstreamEnd
  ` }, async (s) => {
    s.upstream().script(answer(503, 'x'), OK)
    const client = await s.connect('upstreamlog')
    await client.send(get('/tried'))
    await client.response()
    s.note(await shown(s, 'upstreamlog-attempts.log', 2))
  })
  const reopen = (act: (s: Scene) => Promise<unknown>) => async (s: Scene): Promise<void> => {
    const file = path.join(s.folder, 'reopened.log')
    const ask = async (): Promise<void> => {
      const client = await s.connect('reopened')
      await client.send(get('/'))
      await client.response()
      client.destroy()
    }
    await ask()
    await poll('the first line', () => (existsSync(file) && readFileSync(file, 'latin1').length > 0 ? true : undefined))
    renameSync(file, `${file}.old`)
    await act(s)
    await poll('a new file', async () => {
      await ask()
      return existsSync(file) ? true : undefined
    })
    await poll('a line in the new file', () => (readFileSync(file, 'latin1').length > 0 ? true : undefined))
    s.note(`the old file kept its first line: ${readFileSync(`${file}.old`, 'latin1').includes('200 - via_upstream')}`)
  }
  f.scenario('SIGUSR1 reopens the file', { sees: `
    the old file kept its first line: true
  ` }, reopen(async (s) => s.proxy.signal('SIGUSR1')))
  f.scenario('POST /reopen_logs reopens the file', { sees: `
    the old file kept its first line: true
  ` }, reopen((s) => s.proxy.admin('/reopen_logs', 'POST')))
})

const MAPPERS = `
local_reply_config:
  mappers:
  - filter: {status_code_filter: {comparison: {op: EQ, value: {default_value: 404, runtime_key: x}}}}
    status_code: 410
    body: {inline_string: "gone"}
    headers_to_add: [{header: {key: x-mapped, value: "%REQ(:PATH)%"}}]
  - filter: {response_flag_filter: {flags: [UH]}}
    body_format_override: {json_format: {code: "%RESPONSE_CODE%", message: "%LOCAL_REPLY_BODY%", path: "%REQ(:PATH)%"}}
  - filter: {header_filter: {header: {name: x-html}}}
    body_format_override: {text_format_source: {inline_string: "<b>%LOCAL_REPLY_BODY%</b>"}, content_type: "text/html; charset=UTF-8"}
  body_format: {text_format_source: {inline_string: "%LOCAL_REPLY_BODY%:%RESPONSE_CODE%:path=%REQ(:path)%\\n"}}
`

feature('local reply mapping', {
  file: import.meta.url,
  clusters: CLUSTERS,
  listeners: [http('main', { hcm: MAPPERS, vhosts: `[{name: v, domains: [a], routes: ${JSON.stringify([{ match: { prefix: '/none' }, route: { cluster: 'empty' } }, { match: { prefix: '/direct' }, direct_response: { status: 403, body: { inline_string: 'direct' } } }, { match: { prefix: '/ok' }, route: { cluster: 'up' } }])}}]` })],
}, (f) => {
  f.exchange('another status, body and header', { send: get('/unknown'), sees: `
    < client
    HTTP/1.1 410 Gone
    x-mapped: /unknown
    content-length: 23
    content-type: text/plain
    date: DATE
    server: envoy

    gone:410:path=/unknown\\n
    (open)
    log: HTTP/1.1 410 NR route_not_found in=0 out=23
  ` })
  f.exchange('as JSON', { send: get('/none'), sees: `
    < client
    HTTP/1.1 503 Service Unavailable
    content-length: 60
    content-type: application/json
    date: DATE
    server: envoy

    {"code":503,"message":"no healthy upstream","path":"/none"}\\n
    (open)
    log: HTTP/1.1 503 UH no_healthy_upstream in=0 out=60
  ` })
  f.exchange('as JSON for HEAD', { send: head('HEAD /none HTTP/1.1', 'host: a'), sees: `
    < client
    HTTP/1.1 503 Service Unavailable
    content-length: 60
    content-type: application/json
    date: DATE
    server: envoy

    (open)
    log: HTTP/1.1 503 UH no_healthy_upstream in=0 out=0
  ` })
  f.exchange('another content type', { send: get('/direct', 'x-html: 1'), sees: `
    < client
    HTTP/1.1 403 Forbidden
    content-length: 13
    content-type: text/html; charset=UTF-8
    date: DATE
    server: envoy

    <b>direct</b>
    (open)
    log: HTTP/1.1 403 - direct_response in=0 out=13
  ` })
  f.exchange('the common format', { send: get('/direct'), sees: `
    < client
    HTTP/1.1 403 Forbidden
    content-length: 24
    content-type: text/plain
    date: DATE
    server: envoy

    direct:403:path=/direct\\n
    (open)
    log: HTTP/1.1 403 - direct_response in=0 out=24
  ` })
  f.exchange('a codec error', { send: 'BAD\r\n\r\n', sees: `
    < client
    HTTP/1.1 400 Bad Request
    content-length: 23
    content-type: text/plain
    date: DATE
    server: envoy
    connection: close

    Bad Request:400:path=-\\n
    (closed)
    log: HTTP/1.1 400 DPE http1.codec_error in=0 out=23
  ` })
  f.exchange('answers of the upstream are left alone', { send: get('/ok'), reply: answer(404, 'theirs'), sees: `
    > up
    GET /ok HTTP/1.1
    host: a
    x-forwarded-proto: http
    x-request-id: UUID
    x-envoy-expected-rq-timeout-ms: 15000

    < client
    HTTP/1.1 404 Not Found
    content-length: 6
    x-envoy-upstream-service-time: MS
    date: DATE
    server: envoy

    theirs
    (open)
    log: HTTP/1.1 404 - via_upstream in=0 out=6
  ` })
  f.exchange('gRPC keeps its form', { send: head('POST /none HTTP/1.1', 'host: a', 'content-type: application/grpc', 'content-length: 0'), sees: `
    < client
    HTTP/1.1 200 OK
    content-type: application/grpc
    grpc-status: 14
    grpc-message: {"code":503,"message":"no healthy upstream","path":"/none"}
    date: DATE
    server: envoy
    content-length: 0

    (open)
    log: HTTP/1.1 200 UH no_healthy_upstream in=0 out=0
  ` })
})
