import { answer, get, head, post } from '../support/bytes.js'
import { cluster, http } from '../support/config.js'
import { OK, silence } from '../support/fake-upstream.js'
import { feature, type Scene } from '../support/scenario.js'

const operators = (...names: string[]): string =>
  `${names.map(name => `${name.replaceAll('%', '').split('(')[0]}=${name}`).join(' ; ')}\n`

const HEADERS = operators(
  '%REQ(x-a)%',
  '%REQ(X-A)%',
  '%REQ(nope)%',
  '%REQ(nope?x-a)%',
  '%REQ(x-a):2%',
  '%REQ(:METHOD)%',
  '%REQ(:PATH)%',
  '%REQ(:AUTHORITY)%',
  '%REQ(host)%',
  '%REQ(x-r)%',
  '%RESP(x-b)%',
  '%RESP(:STATUS)%',
  '%RESP(x-b?x-c):1%',
  '%TRAILER(x-t)%',
  '%QUERY_PARAM(q)%',
  '%QUERY_PARAM(none)%',
  '%QUERY_PARAMS(DECODED)%',
  '%QUERY_PARAMS(ORIG)%',
  '%PATH(WQ:ORIG)%',
  '%PATH(NQ:PATH)%',
  '%PATH(NQ)%',
  '%PATH%',
  '%REQUEST_HEADER(x-a)%',
  '%RESPONSE_HEADER(x-b)%',
)

const SIZES = operators(
  '%BYTES_RECEIVED%',
  '%BYTES_SENT%',
  '%REQUEST_HEADERS_BYTES%',
  '%RESPONSE_HEADERS_BYTES%',
  '%RESPONSE_TRAILERS_BYTES%',
  '%DOWNSTREAM_WIRE_BYTES_SENT%',
  '%DOWNSTREAM_WIRE_BYTES_RECEIVED%',
  '%DOWNSTREAM_HEADER_BYTES_SENT%',
  '%DOWNSTREAM_HEADER_BYTES_RECEIVED%',
  '%UPSTREAM_WIRE_BYTES_SENT%',
  '%UPSTREAM_WIRE_BYTES_RECEIVED%',
  '%UPSTREAM_HEADER_BYTES_SENT%',
  '%UPSTREAM_HEADER_BYTES_RECEIVED%',
  '%DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED%',
  '%UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED%',
)

const PLACES = operators(
  '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%',
  '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(8)%',
  '%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%',
  '%DOWNSTREAM_LOCAL_ADDRESS%',
  '%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%',
  '%DOWNSTREAM_DIRECT_LOCAL_ADDRESS%',
  '%UPSTREAM_HOST%',
  '%UPSTREAM_REMOTE_ADDRESS%',
  '%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%',
  '%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%',
  '%UPSTREAM_CLUSTER%',
  '%UPSTREAM_CLUSTER_RAW%',
  '%UPSTREAM_HOST_NAME%',
  '%UPSTREAM_HOST_NAME_WITHOUT_PORT%',
  '%ROUTE_NAME%',
  '%VIRTUAL_CLUSTER_NAME%',
  '%FILTER_CHAIN_NAME%',
  '%UPSTREAM_HOSTS_ATTEMPTED%',
  '%UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT%',
  '%UPSTREAM_HOST_NAMES_ATTEMPTED%',
  '%REQUESTED_SERVER_NAME%',
)

const KINDS = operators(
  '%PROTOCOL%',
  '%UPSTREAM_PROTOCOL%',
  '%RESPONSE_CODE%',
  '%RESPONSE_CODE_DETAILS%',
  '%RESPONSE_FLAGS%',
  '%RESPONSE_FLAGS_LONG%',
  '%CONNECTION_TERMINATION_DETAILS%',
  '%GRPC_STATUS%',
  '%GRPC_STATUS(SNAKE_STRING)%',
  '%GRPC_STATUS_NUMBER%',
  '%UPSTREAM_REQUEST_ATTEMPT_COUNT%',
  '%ACCESS_LOG_TYPE%',
  '%LOCAL_REPLY_BODY%',
  '%UPSTREAM_TRANSPORT_FAILURE_REASON%',
  '%DOWNSTREAM_TRANSPORT_FAILURE_REASON%',
  '%DOWNSTREAM_TLS_VERSION%',
  '%DYNAMIC_METADATA(a:b)%',
  '%FILTER_STATE(x)%',
  '%CLUSTER_METADATA(ns:key)%',
  '%METADATA(ROUTE:ns:key)%',
  '%METADATA(CLUSTER:ns)%',
  '%UPSTREAM_METADATA(ns:key)%',
  '%DOWNSTREAM_LOCAL_CLOSE_REASON%',
  '%DOWNSTREAM_DETECTED_CLOSE_TYPE%',
  '%CUSTOM_FLAGS%',
  '%TRACE_ID%',
)

const FORMS =
  '100%% %ENVIRONMENT(NUNCIO_TEST_VALUE)% %ENVIRONMENT(NUNCIO_TEST_VALUE):3% %ENVIRONMENT(NUNCIO_NOT_SET)%\n'

const TIMES =
  '%START_TIME% | %START_TIME(%s)% | %START_TIME(%s.%3f)% | %START_TIME(%s.%6f)% | %START_TIME(%s.%9f)% | %START_TIME(%f)% | %START_TIME(%1f)% | %START_TIME(%d/%b/%Y:%H:%M:%S %z)% | %EMIT_TIME% | %START_TIME_LOCAL(%Y)% | %DURATION% | %REQUEST_DURATION% | %RESPONSE_DURATION% | %RESPONSE_TX_DURATION% | %REQUEST_TX_DURATION% | %ROUNDTRIP_DURATION% | %COMMON_DURATION(DS_RX_BEG:US_TX_BEG:us)% | %COMMON_DURATION(DS_RX_BEG:DS_TX_END:ms)% | %COMMON_DURATION(US_TX_END:US_RX_BEG:ns)% | %UPSTREAM_CONNECTION_POOL_READY_DURATION%\n'

const IDS =
  '%CONNECTION_ID% | %STREAM_ID% | %UNIQUE_ID% | %UPSTREAM_CONNECTION_ID% | %HOSTNAME% | %DOWNSTREAM_REMOTE_PORT% | %DOWNSTREAM_LOCAL_PORT% | %UPSTREAM_REMOTE_PORT% | %UPSTREAM_LOCAL_PORT% | %REQ(x-request-id)%\n'

const ROUTES = `
- {name: named, match: {prefix: /named}, route: {cluster: up}, metadata: {filter_metadata: {ns: {key: route value}}}}
- {name: direct, match: {prefix: /direct}, direct_response: {status: 403, body: {inline_string: "no way"}}}
- {match: {prefix: /none}, route: {cluster: empty}}
- {match: {prefix: /timeout}, route: {cluster: up, timeout: 0.1s}}
- {match: {prefix: /}, route: {cluster: up}}`

const VHOST = 'virtual_clusters: [{name: vc, headers: [{name: ":path", string_match: {prefix: /named}}]}]'

const CLUSTERS = [
  cluster(
    'up',
    [],
    'metadata: {filter_metadata: {ns: {key: cluster value}}}\nload_assignment: {cluster_name: up, endpoints: [{lb_endpoints: [{metadata: {filter_metadata: {ns: {key: host value}}}, endpoint: {hostname: host.name, address: {socket_address: {address: 127.0.0.1, port_value: "${up}"}}}}]}]}',
  ),
  cluster('empty', []),
]

feature(
  'operators',
  {
    file: import.meta.url,
    env: { NUNCIO_TEST_VALUE: 'value' },
    clusters: CLUSTERS,
    listeners: [
      http('headers', { log: HEADERS, routes: ROUTES }),
      http('sizes', { log: SIZES, routes: ROUTES, router: 'suppress_envoy_headers: true' }),
      http('places', { log: PLACES, routes: ROUTES, vhost: VHOST }),
      http('kinds', { log: KINDS, routes: ROUTES }),
      http('times', { log: TIMES, routes: ROUTES }),
      http('ids', { log: IDS, routes: ROUTES }),
      http('forms', { log: FORMS, routes: ROUTES }),
      http('trailers', {
        log: operators('%TRAILER(x-t)%', '%RESPONSE_TRAILER(x-t)%', '%RESPONSE_TRAILERS_BYTES%'),
        hcm: 'http_protocol_options: {enable_trailers: true}',
      }),
    ],
  },
  f => {
    const line =
      (listener: string, send: string, reply: Parameters<ReturnType<Scene['upstream']>['script']>[0] = OK) =>
      async (s: Scene): Promise<void> => {
        s.upstream().script(reply)
        const client = await s.connect(listener)
        await client.send(send)
        await client.response()
        for (const text of await s.log(1, listener)) s.note(text.split(' ; ').join('\n'))
      }
    f.scenario(
      'header operators',
      {
        sees: `
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
  `,
      },
      line(
        'headers',
        get('/p/x?q=v%20w&z', 'x-a: alpha', 'x-r: 1', 'x-r: 2'),
        answer(200, 'x', 'x-b: beta', 'x-c: gamma'),
      ),
    )
    f.scenario(
      'header operators with nothing there',
      {
        sees: `
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
  `,
      },
      line('headers', head('GET / HTTP/1.1', 'host: a')),
    )
    f.scenario(
      'size operators',
      {
        sees: `
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
  `,
      },
      line('sizes', post('/', 'request body', 'x-request-id: 0'), answer(200, 'response body')),
    )
    f.scenario(
      'size operators of chunked bodies',
      {
        sees: `
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
  `,
      },
      line(
        'sizes',
        `${head('POST / HTTP/1.1', 'host: a', 'x-request-id: 0', 'transfer-encoding: chunked')}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`,
        `${head('HTTP/1.1 200 OK', 'transfer-encoding: chunked')}3\r\nabc\r\n0\r\n\r\n`,
      ),
    )
    f.scenario(
      'size operators of a local reply',
      {
        sees: `
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
  `,
      },
      line('sizes', get('/direct', 'x-request-id: 0')),
    )
    f.scenario(
      'places',
      {
        sees: `
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
  `,
      },
      line('places', get('/named')),
    )
    f.scenario(
      'places of a local reply',
      {
        sees: `
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
  `,
      },
      line('places', get('/direct')),
    )
    f.scenario(
      'places without a host',
      {
        sees: `
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
  `,
      },
      line('places', get('/none')),
    )
    f.scenario(
      'kinds',
      {
        sees: `
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
  `,
      },
      line('kinds', get('/named')),
    )
    f.scenario(
      'kinds of a direct response',
      {
        sees: `
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
  `,
      },
      line('kinds', get('/direct')),
    )
    f.scenario(
      'kinds of a failure',
      {
        sees: `
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
  `,
      },
      line('kinds', get('/none')),
    )
    f.scenario(
      'kinds of a timeout',
      {
        sees: `
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
  `,
      },
      line('kinds', get('/timeout'), silence),
    )
    f.scenario(
      'kinds of a gRPC answer',
      {
        sees: `
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
  `,
      },
      line(
        'kinds',
        get('/named', 'content-type: application/grpc'),
        head('HTTP/1.1 200 OK', 'content-type: application/grpc', 'grpc-status: 5', 'content-length: 0'),
      ),
    )
    f.scenario(
      'kinds of a bad request',
      {
        sees: `
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
  `,
      },
      line('kinds', 'BAD\r\n\r\n'),
    )
    f.scenario(
      'percent signs and the environment',
      {
        sees: `
    100% value val -
  `,
      },
      async s => {
        await line('forms', get('/'))(s)
      },
    )
    f.scenario(
      'times and durations',
      {
        sees: `
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
  `,
      },
      async s => {
        s.upstream().script(connection => void setTimeout(() => void connection.send(OK), 30))
        const client = await s.connect('times')
        await client.send(get('/'))
        await client.response()
        const [text = ''] = await s.log(1, 'times')
        const parts = text.split(' | ')
        // The shape of each, digits as 9; then what must hold between the numbers.
        s.note(
          parts
            .slice(0, 10)
            .map(part => part.replace(/[A-Z][a-z]{2}(?=\/)/, 'Mon').replace(/\d/g, '9'))
            .join('\n'),
        )
        const [
          duration = 0,
          request = 0,
          response = 0,
          responseTx = 0,
          requestTx = 0,
          roundtrip = 0,
          us = 0,
          ms = 0,
          ns = 0,
        ] = parts.slice(10, 19).map(Number)
        s.note(
          `duration: ${duration >= 29 && duration < 2000}, request: ${request <= 5}, response: ${response >= 29 && response <= duration}, after it: ${responseTx <= duration - response + 1}, request sent: ${requestTx <= response}`,
        )
        s.note(
          `round trip ${roundtrip >= 0 || Number.isNaN(roundtrip)}, to the first byte sent: ${us >= 0 && us < 2_000_000}, whole: ${ms >= 29}, waiting: ${ns >= 29_000_000}`,
        )
      },
    )
    f.scenario(
      'ids and ports',
      {
        sees: `
    numbers: true true; stream id UUID; unique id is a UUID: true; host name: true
    ports: true true true true
  `,
      },
      async s => {
        const client = await s.connect('ids')
        await client.send(get('/', 'x-request-id: 12345678-1234-4234-8234-123456789012'))
        await client.response()
        const [
          connection = '',
          stream,
          unique = '',
          upstreamConnection = '',
          hostname = '',
          remote,
          local,
          upstreamRemote,
          upstreamLocal,
        ] = (await s.log(1, 'ids'))[0]?.split(' | ') ?? []
        s.note(
          `numbers: ${/^\d+$/.test(connection)} ${/^\d+$/.test(upstreamConnection)}; stream id ${stream}; unique id is a UUID: ${/^[0-9a-f-]{36}$/.test(unique)}; host name: ${hostname.length > 1}`,
        )
        s.note(
          `ports: ${Number(remote) === client.localPort} ${Number(local) === s.proxy.port('ids')} ${Number(upstreamRemote) === s.value('up')} ${Number(upstreamLocal) === s.upstream().requests[0]?.connection.remotePort}`,
        )
      },
    )
    f.scenario(
      'response trailers that the upstream codec drops',
      {
        sees: `
    TRAILER=-
    RESPONSE_TRAILER=-
    RESPONSE_TRAILERS_BYTES=0
  `,
      },
      line('trailers', get('/'), `${head('HTTP/1.1 200 OK', 'transfer-encoding: chunked')}0\r\nx-t: v\r\n\r\n`),
    )
  },
)

const ATTEMPTS = operators(
  '%UPSTREAM_HOST%',
  '%UPSTREAM_HOSTS_ATTEMPTED%',
  '%UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT%',
  '%UPSTREAM_HOST_NAMES_ATTEMPTED%',
  '%UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED%',
  '%REQUEST_HEADERS_BYTES%',
)
const METADATA = operators(
  '%METADATA(LISTENER:m:k)%',
  '%METADATA(LISTENER_FILTER_CHAIN:m:k)%',
  '%METADATA(VIRTUAL_HOST:m:k)%',
  '%METADATA(ROUTE:m:k)%',
)
const kept = (value: string): string => `metadata: {filter_metadata: {m: {k: ${value}}}}`
const counted = ['received', 'sent'].flatMap(way =>
  ['WIRE', 'HEADER', 'DECOMPRESSED_HEADER'].map(
    what =>
      `{header: {key: x-${what.toLowerCase().replace('_', '-')}-${way}, value: "%DOWNSTREAM_${what}_BYTES_${way.toUpperCase()}%"}}`,
  ),
)
const mutations = (more: string): string =>
  `[${counted.join(', ')}${more === '' ? '' : `, {header: {key: x-reached, value: "${more}"}}`}]`

feature(
  'operators of places, of attempts, and in the middle of a request',
  {
    file: import.meta.url,
    listeners: [
      http('places', {
        log: METADATA,
        listener: kept('listener'),
        chain: kept('chain'),
        vhost: kept('vhost'),
        routes: `[{match: {prefix: /}, route: {cluster: up}, ${kept('route')}}]`,
      }),
      http('attempts', {
        log: ATTEMPTS,
        routes: `
- {match: {prefix: /retry}, route: {cluster: up, retry_policy: {retry_on: 5xx, num_retries: 2, retry_back_off: {base_interval: 0.001s}}}}
- {match: {prefix: /named}, route: {cluster: named}}
- {match: {prefix: /refused}, route: {cluster: refused}}
- {match: {prefix: /nobody}, route: {cluster: nobody}}
`,
      }),
      http('headers', {
        routes: `
- match: {prefix: /}
  route: {cluster: up}
  request_headers_to_add: ${mutations('')}
  response_headers_to_add: ${mutations('%UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT%')}
`,
      }),
      http('formats', {
        hcm: 'local_reply_config: {body_format: {text_format_source: {inline_string: "%RESPONSE_CODE% %RESPONSE_FLAGS%"}}}',
        routes: `
- match: {prefix: /direct}
  direct_response: {status: 201, body_format: {text_format_source: {inline_string: T}, content_type: text/html}}
  response_headers_to_add: [{header: {key: x-added, value: v}}]
`,
      }),
    ],
    clusters: [
      cluster('up'),
      cluster(
        'refused',
        [],
        'load_assignment: {cluster_name: refused, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 1}}}}]}]}',
      ),
      cluster('nobody', []),
      cluster(
        'named',
        [],
        'load_assignment: {cluster_name: named, endpoints: [{lb_endpoints: [{endpoint: {hostname: "up.example:1", address: {socket_address: {address: 127.0.0.1, port_value: "${up}"}}}}]}]}',
      ),
    ],
  },
  f => {
    const line =
      (listener: string, send: string, ...replies: Parameters<ReturnType<Scene['upstream']>['script']>) =>
      async (s: Scene): Promise<void> => {
        if (replies.length > 0) s.upstream().script(...replies)
        const client = await s.connect(listener)
        await client.send(send)
        await client.response()
        const [entry = ''] = await s.log(1, listener)
        for (const part of entry.split(' ; ')) s.note(part)
      }
    f.scenario(
      'metadata of every place',
      {
        sees: `
      METADATA=listener
      METADATA=chain
      METADATA=vhost
      METADATA=route
    `,
      },
      line('places', get('/')),
    )
    f.scenario(
      'an answer at the third attempt',
      {
        sees: `
        UPSTREAM_HOST=127.0.0.1:$up
        UPSTREAM_HOSTS_ATTEMPTED=127.0.0.1:$up
        UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT=127.0.0.1
        UPSTREAM_HOST_NAMES_ATTEMPTED=127.0.0.1:$up
        UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED=108
        REQUEST_HEADERS_BYTES=147
      `,
      },
      line('attempts', get('/retry'), answer(503, ''), answer(500, ''), OK),
    )
    f.scenario(
      'a host with a name',
      {
        sees: `
      UPSTREAM_HOST=127.0.0.1:$up
      UPSTREAM_HOSTS_ATTEMPTED=127.0.0.1:$up
      UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT=127.0.0.1
      UPSTREAM_HOST_NAMES_ATTEMPTED=up.example:1
      UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED=18
      REQUEST_HEADERS_BYTES=147
    `,
      },
      line('attempts', get('/named')),
    )
    f.scenario(
      'a host that refuses',
      {
        sees: `
      UPSTREAM_HOST=127.0.0.1:1
      UPSTREAM_HOSTS_ATTEMPTED=-
      UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT=-
      UPSTREAM_HOST_NAMES_ATTEMPTED=-
      UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED=0
      REQUEST_HEADERS_BYTES=149
    `,
      },
      line('attempts', get('/refused')),
    )
    f.scenario(
      'no host',
      {
        sees: `
      UPSTREAM_HOST=-
      UPSTREAM_HOSTS_ATTEMPTED=-
      UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT=-
      UPSTREAM_HOST_NAMES_ATTEMPTED=-
      UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED=0
      REQUEST_HEADERS_BYTES=148
    `,
      },
      line('attempts', get('/nobody')),
    )
    f.exchange('bytes of the client so far, in headers', {
      to: 'headers',
      send: post('/', 'abc'),
      sees: `
      > up
      POST / HTTP/1.1
      host: a
      content-length: 3
      x-forwarded-proto: http
      x-request-id: UUID
      x-envoy-expected-rq-timeout-ms: 15000
      x-wire-received: 50
      x-header-received: 26
      x-decompressed-header-received: 26
      x-wire-sent: 0
      x-header-sent: 0
      x-decompressed-header-sent: 0

      abc
      < client
      HTTP/1.1 200 OK
      content-length: 2
      x-envoy-upstream-service-time: MS
      x-wire-received: 50
      x-header-received: 26
      x-decompressed-header-received: 26
      x-wire-sent: 0
      x-header-sent: 0
      x-decompressed-header-sent: 0
      x-reached: 127.0.0.1
      date: DATE
      server: envoy

      ok
      (open)
      log: HTTP/1.1 200 - via_upstream in=3 out=2
    `,
    })
    f.exchange('a formatted direct answer: its type stands behind what the route adds', {
      to: 'formats',
      send: get('/direct'),
      sees: `
        < client
        HTTP/1.1 201 Created
        location: http://a/direct
        x-added: v
        content-type: text/plain
        content-length: 5
        date: DATE
        server: envoy

        201 -
        (open)
        log: HTTP/1.1 201 - direct_response in=0 out=5
      `,
    })
    f.exchange('what the codec refuses has no flag yet when its answer is made', {
      to: 'formats',
      send: 'GET / HTTP/1.0\r\n\r\n',
      sees: `
        < client
        HTTP/1.1 426 Upgrade Required
        content-length: 5
        content-type: text/plain
        date: DATE
        server: envoy
        connection: close

        426 -
        (closed)
        log: HTTP/1.1 426 DPE low_version in=0 out=5
      `,
    })
  },
)
