import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JsonFormat_Kind, Operator } from '../generated/plan_pb.js'
import { canonicalJson, defaultFormat, parseFormat, parseJsonFormat } from './format.js'
import { operators } from './format-operators.js'

/** The sentence a format is refused with; undefined when it is accepted. */
function refusal(format: string): string | undefined {
  const parsed = parseFormat(format)
  if (parsed.ok) return undefined
  return parsed.error.kind === 'error' ? parsed.error.message : `later: ${parsed.error.what}`
}

function piecesOf(format: string) {
  const parsed = parseFormat(format)
  if (!parsed.ok) assert.fail(refusal(format) ?? format)
  return parsed.value
}

// What real Envoy 1.40 accepts and how it refuses, each between per cent signs.
const accepted = [
  'START_TIME',
  'START_TIME(%Y/%m/%dT%H:%M:%S%z %s)',
  'START_TIME(%s.%3f)',
  'START_TIME(%f)',
  'START_TIME(%1f|%2f|%3f|%4f|%5f|%6f|%7f|%8f|%9f)',
  'START_TIME(%e|%E|%j|%a|%A|%b|%B|%c|%D|%F|%T|%R|%r|%p|%I|%l|%k|%y|%C|%u|%w|%U|%W|%V|%G|%g|%h|%x|%X|%Z|%z|%t|%%)',
  'START_TIME(%E3S|%E*S|%E*f|%E6f|%Ez|%E4Y|%ET|%3S)',
  'START_TIME(%s|%3s|%6s|%9s|%_d|%-d|%-m|%_m|%0e|%^a|%#Z|%Oy|%Ey)',
  'START_TIME(%q %Q %N %L %i %J %K %P %v %o)',
  'START_TIME(%ES|%E0S|%E1S|%E1024f|%E0f|%3f)',
  'START_TIME(plain)',
  'START_TIME(%s%f)',
  'START_TIME(ms=%3f us=%6f s=%s)',
  'START_TIME_LOCAL',
  'START_TIME_LOCAL(%Y %z %Z)',
  'EMIT_TIME',
  'EMIT_TIME(%Y)',
  'EMIT_TIME_LOCAL',
  'REQ(:METHOD)',
  'REQ(X-Foo?:path)',
  'REQ(X-Nope?X-Long):4',
  'REQ(X-Nope)',
  'REQ(x-long):0',
  'REQ(x-multi)',
  'REQ(x-empty)',
  'REQ(x-empty?x-long)',
  'REQUEST_HEADER(x-long)',
  'RESP(server)',
  'RESP(x-none?content-type):5',
  'RESPONSE_HEADER(server)',
  'TRAILER(x-tr)',
  'RESPONSE_TRAILER(x-tr)',
  'QUERY_PARAM(a)',
  'QUERY_PARAM(b):2',
  'QUERY_PARAM(zz)',
  'QUERY_PARAM(enc)',
  'QUERY_PARAM(empty)',
  'QUERY_PARAMS',
  'QUERY_PARAMS(ORIG)',
  'QUERY_PARAMS:3',
  'PATH',
  'PATH()',
  'PATH(WQ)',
  'PATH(NQ)',
  'PATH(NQ:ORIG)',
  'PATH(WQ:ORIG)',
  'PATH(NQ:PATH)',
  'PATH(WQ:PATH)',
  'PATH(WQ:ORIG_OR_PATH)',
  'PATH(NQ:ORIG_OR_PATH):3',
  'REQUEST_HEADERS_BYTES',
  'BYTES_RECEIVED',
  'RESPONSE_HEADERS_BYTES',
  'RESPONSE_TRAILERS_BYTES',
  'BYTES_SENT',
  'BYTES_RETRANSMITTED',
  'PACKETS_RETRANSMITTED',
  'UPSTREAM_WIRE_BYTES_SENT',
  'UPSTREAM_WIRE_BYTES_RECEIVED',
  'UPSTREAM_HEADER_BYTES_SENT',
  'UPSTREAM_HEADER_BYTES_RECEIVED',
  'DOWNSTREAM_WIRE_BYTES_SENT',
  'DOWNSTREAM_WIRE_BYTES_RECEIVED',
  'DOWNSTREAM_HEADER_BYTES_SENT',
  'DOWNSTREAM_HEADER_BYTES_RECEIVED',
  'UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT',
  'UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED',
  'DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT',
  'DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED',
  'PROTOCOL',
  'UPSTREAM_PROTOCOL',
  'RESPONSE_CODE',
  'RESPONSE_CODE_DETAILS',
  'RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES)',
  'RESPONSE_CODE_DETAILS(X)',
  'CONNECTION_TERMINATION_DETAILS',
  'RESPONSE_FLAGS',
  'RESPONSE_FLAGS_LONG',
  'GRPC_STATUS',
  'GRPC_STATUS(CAMEL_STRING)',
  'GRPC_STATUS(SNAKE_STRING)',
  'GRPC_STATUS(NUMBER)',
  'GRPC_STATUS_NUMBER',
  'UPSTREAM_REQUEST_ATTEMPT_COUNT',
  'LOCAL_REPLY_BODY',
  'ACCESS_LOG_TYPE',
  'DURATION',
  'COMMON_DURATION(DS_RX_BEG:DS_TX_END:ms)',
  'COMMON_DURATION(DS_RX_BEG:DS_RX_END:us)',
  'COMMON_DURATION(DS_RX_BEG:US_TX_BEG:ns)',
  'COMMON_DURATION(US_RX_BEG:US_RX_BODY_BEG:us)',
  'COMMON_DURATION(DS_RX_BEG:xx:us)',
  'COMMON_DURATION(US_TX_BEG:DS_RX_BEG:us)',
  'COMMON_DURATION(US_CX_BEG:US_CX_END:us)',
  'COMMON_DURATION(US_CX_BEG:US_HS_END:us)',
  'REQUEST_DURATION',
  'REQUEST_TX_DURATION',
  'RESPONSE_DURATION',
  'RESPONSE_TX_DURATION',
  'ROUNDTRIP_DURATION',
  'DOWNSTREAM_HANDSHAKE_DURATION',
  'UPSTREAM_CONNECTION_POOL_READY_DURATION',
  'ROUTE_NAME',
  'VIRTUAL_CLUSTER_NAME',
  'UPSTREAM_HOST',
  'UPSTREAM_HOST_NAME',
  'UPSTREAM_HOST_NAME_WITHOUT_PORT',
  'UPSTREAM_CLUSTER',
  'UPSTREAM_CLUSTER_RAW',
  'FILTER_CHAIN_NAME',
  'UPSTREAM_HOSTS_ATTEMPTED',
  'UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT',
  'UPSTREAM_HOST_NAMES_ATTEMPTED',
  'UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT',
  'UPSTREAM_CONNECTION_IDS_ATTEMPTED',
  'UPSTREAM_LOCAL_ADDRESS',
  'UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT',
  'UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT(16)',
  'UPSTREAM_LOCAL_PORT',
  'UPSTREAM_REMOTE_ADDRESS',
  'UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT',
  'UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(8)',
  'UPSTREAM_REMOTE_PORT',
  'UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID',
  'DOWNSTREAM_REMOTE_ADDRESS',
  'DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT',
  'DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(0)',
  'DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(8)',
  'DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(24)',
  'DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(32)',
  'DOWNSTREAM_REMOTE_PORT',
  'DOWNSTREAM_DIRECT_REMOTE_ADDRESS',
  'DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT',
  'DOWNSTREAM_DIRECT_REMOTE_PORT',
  'DOWNSTREAM_LOCAL_ADDRESS',
  'DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT',
  'DOWNSTREAM_LOCAL_PORT',
  'DOWNSTREAM_DIRECT_LOCAL_ADDRESS',
  'DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT',
  'DOWNSTREAM_DIRECT_LOCAL_PORT',
  'DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID',
  'DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID',
  'CONNECTION_ID',
  'UPSTREAM_CONNECTION_ID',
  'STREAM_ID',
  'UNIQUE_ID',
  'TRACE_ID',
  'SPAN_ID',
  'HOSTNAME',
  'ENVIRONMENT(GTEST)',
  'ENVIRONMENT(GTEST):3',
  'ENVIRONMENT(NOPE_X)',
  'REQUESTED_SERVER_NAME',
  'REQUESTED_SERVER_NAME(SNI_ONLY)',
  'REQUESTED_SERVER_NAME(SNI_FIRST:HOST)',
  'REQUESTED_SERVER_NAME(HOST_FIRST:ORIG_OR_HOST)',
  'REQUESTED_SERVER_NAME(HOST_FIRST:ORIG)',
  'REQUESTED_SERVER_NAME(HOST_FIRST)',
  'DYNAMIC_METADATA(a)',
  'DYNAMIC_METADATA(a:b:c):5',
  'CLUSTER_METADATA(my.ns)',
  'CLUSTER_METADATA(my.ns:str)',
  'CLUSTER_METADATA(my.ns:num)',
  'CLUSTER_METADATA(my.ns:dbl)',
  'CLUSTER_METADATA(my.ns:bool)',
  'CLUSTER_METADATA(my.ns:obj)',
  'CLUSTER_METADATA(my.ns:obj:in)',
  'CLUSTER_METADATA(my.ns:list)',
  'CLUSTER_METADATA(my.ns:none)',
  'CLUSTER_METADATA(my.ns:nul)',
  'CLUSTER_METADATA(other)',
  'UPSTREAM_METADATA(my.ns:str)',
  'UPSTREAM_METADATA(my.ns)',
  'METADATA(ROUTE:my.ns:str)',
  'METADATA(ROUTE:my.ns)',
  'METADATA(CLUSTER:my.ns:num)',
  'METADATA(UPSTREAM_HOST:my.ns:str)',
  'METADATA(LISTENER:my.ns:str)',
  'METADATA(LISTENER_FILTER_CHAIN:my.ns:str)',
  'METADATA(VIRTUAL_HOST:my.ns:str)',
  'METADATA(DYNAMIC:my.ns:str)',
  'METADATA(ROUTE:my.ns:str):2',
  'FILTER_STATE(a)',
  'FILTER_STATE(a:PLAIN):5',
  'UPSTREAM_FILTER_STATE(a)',
  'CUSTOM_FLAGS',
  'COALESCE({"operators":["HOSTNAME"]})',
  'COALESCE({"operators":[{"command":"REQ","param":"x-nope"},{"command":"REQ","param":":method"}]})',
  'COALESCE({"operators":[{"command":"REQ","param":"x-nope"},"PROTOCOL"]}):3',
  'DOWNSTREAM_TLS_CIPHER',
  'DOWNSTREAM_TLS_SESSION_ID',
  'DOWNSTREAM_PEER_URI_SAN',
  'DOWNSTREAM_LOCAL_URI_SAN',
  'DOWNSTREAM_PEER_DNS_SAN',
  'DOWNSTREAM_LOCAL_DNS_SAN',
  'DOWNSTREAM_PEER_IP_SAN',
  'DOWNSTREAM_LOCAL_IP_SAN',
  'DOWNSTREAM_PEER_EMAIL_SAN',
  'DOWNSTREAM_LOCAL_EMAIL_SAN',
  'DOWNSTREAM_PEER_OTHERNAME_SAN',
  'DOWNSTREAM_LOCAL_OTHERNAME_SAN',
  'DOWNSTREAM_PEER_SUBJECT',
  'DOWNSTREAM_LOCAL_SUBJECT',
  'DOWNSTREAM_PEER_ISSUER',
  'DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256',
  'DOWNSTREAM_PEER_ISSUER_SERIAL',
  'DOWNSTREAM_PEER_FINGERPRINT_256',
  'DOWNSTREAM_PEER_FINGERPRINT_1',
  'DOWNSTREAM_PEER_SERIAL',
  'DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256',
  'DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1',
  'DOWNSTREAM_PEER_CHAIN_SERIALS',
  'DOWNSTREAM_PEER_CERT',
  'DOWNSTREAM_PEER_CERT_V_START',
  'DOWNSTREAM_PEER_CERT_V_START(%Y)',
  'DOWNSTREAM_PEER_CERT_V_END',
  'DOWNSTREAM_PEER_CERT_V_END(%Y)',
  'TLS_JA3_FINGERPRINT',
  'TLS_JA4_FINGERPRINT',
  'DOWNSTREAM_TRANSPORT_FAILURE_REASON',
  'DOWNSTREAM_LOCAL_CLOSE_REASON',
  'DOWNSTREAM_DETECTED_CLOSE_TYPE',
  'UPSTREAM_TLS_VERSION',
  'UPSTREAM_TLS_CIPHER',
  'UPSTREAM_TLS_SESSION_ID',
  'UPSTREAM_PEER_SUBJECT',
  'UPSTREAM_PEER_ISSUER',
  'UPSTREAM_PEER_CERT',
  'UPSTREAM_PEER_CERT_V_START',
  'UPSTREAM_PEER_CERT_V_START(%Y)',
  'UPSTREAM_PEER_CERT_V_END',
  'UPSTREAM_PEER_CERT_V_END(%Y)',
  'UPSTREAM_PEER_URI_SAN',
  'UPSTREAM_PEER_DNS_SAN',
  'UPSTREAM_PEER_IP_SAN',
  'UPSTREAM_LOCAL_URI_SAN',
  'UPSTREAM_LOCAL_DNS_SAN',
  'UPSTREAM_LOCAL_IP_SAN',
  'UPSTREAM_TRANSPORT_FAILURE_REASON',
  'UPSTREAM_LOCAL_CLOSE_REASON',
  'UPSTREAM_DETECTED_CLOSE_TYPE',
  'START_TIME()',
  'COMMON_DURATION(a:b)',
  'COMMON_DURATION(::ms)',
  'PATH(NQ:PATH:Z)',
  'DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(x)',
  'DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(33)',
  'DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT(8)',
  'DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT(8)',
  'DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT(8)',
  'COALESCE({"operators":[{"command":"REQ","param":"x-long","max_length":3}]})',
  'METADATA(ROUTE)',
]

const refused: readonly (readonly [operator: string, message: string])[] = [
  ['QUERY_PARAMS(a)', "Invalid QUERY_PARAMS option: 'a', only 'ORIG'/'DECODED' are allowed"],
  ['QUERY_PARAMS(RAW)', "Invalid QUERY_PARAMS option: 'RAW', only 'ORIG'/'DECODED' are allowed"],
  ['QUERY_PARAMS(PATH)', "Invalid QUERY_PARAMS option: 'PATH', only 'ORIG'/'DECODED' are allowed"],
  ['QUERY_PARAMS(ORIG_OR_PATH)', "Invalid QUERY_PARAMS option: 'ORIG_OR_PATH', only 'ORIG'/'DECODED' are allowed"],
  ['REQ_WITHOUT_QUERY(:path)', 'Not supported field in StreamInfo: REQ_WITHOUT_QUERY'],
  ['REQ_WITHOUT_QUERY(x-nope?:path):3', 'Not supported field in StreamInfo: REQ_WITHOUT_QUERY'],
  ['RESPONSE_CODE_DETAILS:5', 'RESPONSE_CODE_DETAILS does not allow length to be specified.'],
  ['FILE_CONTENT(/some/file.txt)', 'Not supported field in StreamInfo: FILE_CONTENT'],
  ['FILE_CONTENT(/some/file.txt):3', 'Not supported field in StreamInfo: FILE_CONTENT'],
  ['CLUSTER_METADATA(my.ns:str):2', 'CLUSTER_METADATA does not allow length to be specified.'],
  ['CLUSTER_METADATA(my.ns:obj):3', 'CLUSTER_METADATA does not allow length to be specified.'],
  ['METADATA(BOGUS:my.ns:str)', 'BOGUS is not supported type of metadata'],
  ['NOPE', 'Not supported field in StreamInfo: NOPE'],
  ['nope', "Incorrect configuration: %nope%. Couldn't find valid command at position 0"],
  ['REQ', 'REQ requires parameters'],
  ['REQ()', 'REQ requires parameters'],
  ['REQ(a?b?c)', 'More than 1 alternative header specified in token: a?b?c'],
  ['REQ(a):x', "Incorrect configuration: %REQ(a):x%. Couldn't find valid command at position 0"],
  ['REQ(a)b', "Incorrect configuration: %REQ(a)b%. Couldn't find valid command at position 0"],
  ['REQ(a', "Incorrect configuration: %REQ(a%. Couldn't find valid command at position 0"],
  ['REQ(a b)', 'Invalid header configuration. Format string contains invalid characters.'],
  ['RESPONSE_CODE(x)', 'RESPONSE_CODE does not take any parameters or length'],
  ['RESPONSE_CODE:3', 'RESPONSE_CODE does not take any parameters or length'],
  ['PROTOCOL:3', 'PROTOCOL does not take any parameters or length'],
  ['START_TIME:3', 'START_TIME does not allow length to be specified.'],
  ['START_TIME(%n)', 'Invalid header configuration. Format string contains newline.'],
  ['START_TIME(%En)', 'Invalid header configuration. Format string contains newline.'],
  ['START_TIME(%-1n)', 'Invalid header configuration. Format string contains newline.'],
  ['DURATION(x)', 'DURATION does not take any parameters or length'],
  ['COMMON_DURATION', 'COMMON_DURATION requires parameters'],
  ['COMMON_DURATION(a)', 'Invalid common duration configuration: a.'],
  ['COMMON_DURATION(a:b:h)', 'Invalid common duration precision: h.'],
  ['COMMON_DURATION(a:b:ms:x)', 'Invalid common duration configuration: a:b:ms:x.'],
  ['GRPC_STATUS(X)', 'GrpcStatusFormatter only supports CAMEL_STRING, SNAKE_STRING or NUMBER. Got: X'],
  ['GRPC_STATUS:3', 'GRPC_STATUS does not allow length to be specified.'],
  ['PATH(X)', "Invalid PATH option: 'X', only 'WQ'/'NQ' are allowed"],
  ['PATH(NQ:X)', "Invalid PATH option: 'X', only 'ORIG'/'PATH'/'ORIG_OR_PATH' are allowed"],
  ['QUERY_PARAM', 'QUERY_PARAM requires parameters'],
  ['QUERY_PARAMS(Z)', "Invalid QUERY_PARAMS option: 'Z', only 'ORIG'/'DECODED' are allowed"],
  [
    'REQUESTED_SERVER_NAME(X)',
    "Invalid REQUESTED_SERVER_NAME option: 'X', only 'SNI_ONLY'/'SNI_FIRST'/'HOST_FIRST' are allowed",
  ],
  [
    'REQUESTED_SERVER_NAME(SNI_FIRST:X)',
    "Invalid REQUESTED_SERVER_NAME option: 'X', only 'ORIG_OR_HOST'/'HOST'/'ORIG' are allowed",
  ],
  ['DYNAMIC_METADATA', 'DYNAMIC_METADATA requires parameters'],
  ['DYNAMIC_METADATA()', 'DYNAMIC_METADATA requires parameters'],
  ['CLUSTER_METADATA', 'CLUSTER_METADATA requires parameters'],
  ['FILTER_STATE', 'Invalid filter state configuration, key cannot be empty.'],
  ['FILTER_STATE(a:X)', 'Invalid filter state serialize type, only support PLAIN/TYPED/FIELD.'],
  ['FILTER_STATE(:PLAIN)', 'Invalid filter state configuration, key cannot be empty.'],
  ['FILTER_STATE(a:FIELD)', 'Invalid filter state serialize type, FIELD should be used with the field name.'],
  ['FILTER_STATE(a:PLAIN:x)', 'Invalid filter state serialize type, FIELD should be used with the field name.'],
  ['ENVIRONMENT', 'ENVIRONMENT requires parameters'],
  ['ENVIRONMENT()', 'ENVIRONMENT requires parameters'],
  ['FILE_CONTENT', 'Not supported field in StreamInfo: FILE_CONTENT'],
  ['FILE_CONTENT(/nope)', 'Not supported field in StreamInfo: FILE_CONTENT'],
  ['FILE_CONTENT(/some/file.txt:/some)', 'Not supported field in StreamInfo: FILE_CONTENT'],
  ['HOSTNAME(x)', 'HOSTNAME does not take any parameters or length'],
  ['HOSTNAME:3', 'HOSTNAME does not take any parameters or length'],
  ['UPSTREAM_HOST:3', 'UPSTREAM_HOST does not take any parameters or length'],
  [
    'DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(8):3',
    'DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT does not allow length to be specified.',
  ],
  ['DOWNSTREAM_REMOTE_ADDRESS:3', 'DOWNSTREAM_REMOTE_ADDRESS does not take any parameters or length'],
  ['DOWNSTREAM_REMOTE_ADDRESS(8)', 'DOWNSTREAM_REMOTE_ADDRESS does not take any parameters or length'],
  ['DOWNSTREAM_REMOTE_PORT(8)', 'DOWNSTREAM_REMOTE_PORT does not take any parameters or length'],
  ['DOWNSTREAM_TLS_VERSION(x)', 'DOWNSTREAM_TLS_VERSION does not take any parameters or length'],
  ['DOWNSTREAM_TLS_VERSION:3', 'DOWNSTREAM_TLS_VERSION does not take any parameters or length'],
  ['COALESCE', 'COALESCE requires parameters'],
  ['COALESCE({"operators":[]})', "COALESCE: 'operators' array must not be empty"],
  ['COALESCE({"operators":["NOPE"]})', "COALESCE: failed to parse operator at index 0: unknown command: 'NOPE'"],
  ['COALESCE({})', "COALESCE: JSON configuration must contain 'operators' array"],
  [
    'COALESCE({"operators":[1]})',
    "COALESCE: failed to parse operator at index 0: operator entry must be either a string (command name) or an object with 'command' field",
  ],
  [
    'COALESCE({"operators":[{"command":"REQ"}]})',
    'COALESCE: failed to parse operator at index 0: REQ requires parameters',
  ],
  ['TRACE_ID:3', 'TRACE_ID does not take any parameters or length'],
  ['UNIQUE_ID(x)', 'UNIQUE_ID does not take any parameters or length'],
  ['RESPONSE_FLAGS(x)', 'RESPONSE_FLAGS does not take any parameters or length'],
  ['LOCAL_REPLY_BODY:3', 'LOCAL_REPLY_BODY does not take any parameters or length'],
  ['ACCESS_LOG_TYPE(x)', 'ACCESS_LOG_TYPE does not take any parameters or length'],
  ['BYTES_SENT(x)', 'BYTES_SENT does not take any parameters or length'],
  ['UPSTREAM_METADATA', 'UPSTREAM_METADATA requires parameters'],
  ['UPSTREAM_METADATA(a:b):3', 'UPSTREAM_METADATA does not allow length to be specified.'],
  ['METADATA', ' is not supported type of metadata'],
  ['METADATA(x)', 'x is not supported type of metadata'],
  ['REQ_WITHOUT_QUERY', 'Not supported field in StreamInfo: REQ_WITHOUT_QUERY'],
  ['REQ:3', 'REQ requires parameters'],
  ['REQ(a):-1', "Incorrect configuration: %REQ(a):-1%. Couldn't find valid command at position 0"],
  ['REQ(a):', "Incorrect configuration: %REQ(a):%. Couldn't find valid command at position 0"],
  [' REQ(a)', "Incorrect configuration: % REQ(a)%. Couldn't find valid command at position 0"],
  ['REQ (a)', "Incorrect configuration: %REQ (a)%. Couldn't find valid command at position 0"],
]

test('every operator Envoy accepts is accepted', () => {
  for (const operator of accepted) assert.equal(refusal(`%${operator}%`), undefined, operator)
})

test('what Envoy refuses is refused in its words', () => {
  for (const [operator, message] of refused) assert.equal(refusal(`%${operator}%`), message, operator)
})

test('per cent signs and literal text', () => {
  assert.deepEqual(piecesOf(''), [])
  assert.deepEqual(piecesOf('100%% a%%b'), [{ op: Operator.LITERAL, text: '100% a%b' }])
  assert.deepEqual(piecesOf('%%REQ(a)%%'), [{ op: Operator.LITERAL, text: '%REQ(a)%' }])
  for (const [format, position] of [
    ['100%', 3],
    ['%', 0],
    ['%%%', 2],
    ['a % b % c', 2],
    ['%REQ(a)%%', 8],
    ['é%', 2],
  ] as const) {
    assert.equal(
      refusal(format),
      `Incorrect configuration: ${format}. Couldn't find valid command at position ${position}`,
    )
  }
})

test('arguments, alternatives, lengths and options', () => {
  assert.deepEqual(piecesOf('x%REQ(X-Foo?:Path):10%%PROTOCOL%y'), [
    { op: Operator.LITERAL, text: 'x' },
    { op: Operator.REQ, text: 'x-foo', text2: ':path', maxLength: 10 },
    { op: Operator.PROTOCOL },
    { op: Operator.LITERAL, text: 'y' },
  ])
  assert.deepEqual(piecesOf('%START_TIME(%Y%%m)%'), [{ op: Operator.START_TIME, text: '%Y%%m' }])
  assert.deepEqual(piecesOf('%START_TIME(a)b)%'), [{ op: Operator.START_TIME, text: 'a)b' }])
  assert.deepEqual(piecesOf('%PATH(NQ:ORIG)%'), [{ op: Operator.PATH, option: 1 + 2 * 2 }])
  assert.deepEqual(piecesOf('%REQUESTED_SERVER_NAME(HOST_FIRST:HOST)%'), [
    { op: Operator.REQUESTED_SERVER_NAME, option: 2 + 1 * 4 },
  ])
  assert.deepEqual(piecesOf('%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%'), [
    { op: Operator.COMMON_DURATION, text: 'DS_RX_BEG', text2: 'DS_TX_END', option: 1 },
  ])
  assert.deepEqual(piecesOf('%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(24)%%DOWNSTREAM_LOCAL_PORT%'), [
    { op: Operator.DOWNSTREAM_REMOTE_ADDRESS, option: 1, path: ['mask'], maxLength: 24 },
    { op: Operator.DOWNSTREAM_LOCAL_ADDRESS, option: 2 },
  ])
  assert.deepEqual(piecesOf('%METADATA(ROUTE:ns:a:b):5%'), [
    { op: Operator.ROUTE_METADATA, path: ['ns', 'a', 'b'], maxLength: 5 },
  ])
  assert.deepEqual(piecesOf('%DOWNSTREAM_PEER_CERT_V_START(%Y)%'), [
    { op: Operator.DOWNSTREAM_TLS, text: 'DOWNSTREAM_PEER_CERT_V_START', text2: '%Y' },
  ])
  assert.deepEqual(piecesOf('%COALESCE({"operators":[{"command":"REQ","param":"A","max_length":3},"PROTOCOL"]}):9%'), [
    {
      op: Operator.COALESCE,
      maxLength: 9,
      alternatives: [{ op: Operator.REQ, text: 'a', text2: '', maxLength: 3 }, { op: Operator.PROTOCOL }],
    },
  ])
})

test('operators of formatter extensions, and those still to come', () => {
  const options = {
    extra: new Set(['REQ_WITHOUT_QUERY', 'FILE_CONTENT']),
    readFile: (path: string) =>
      path === '/there'
        ? ({ ok: true, value: 'hello' } as const)
        : ({ ok: false, error: `Invalid path: ${path}` } as const),
  }
  assert.deepEqual(parseFormat('%REQ_WITHOUT_QUERY(:path)%', options), {
    ok: true,
    value: [{ op: Operator.REQ_WITHOUT_QUERY, text: ':path', text2: '' }],
  })
  assert.deepEqual(parseFormat('%FILE_CONTENT(/there:/watched):3%', options), {
    ok: true,
    value: [{ op: Operator.LITERAL, text: 'hel' }],
  })
  assert.deepEqual(parseFormat('%FILE_CONTENT(/nope)%', options), {
    ok: false,
    error: { kind: 'error', message: 'Invalid path: /nope' },
  })
  assert.equal(refusal('%CEL(request.method)%'), 'later: CEL expressions (%CEL%)')
})

test('every operator of the table has a number in the plan, and the default line parses', () => {
  for (const [name, { op }] of operators) assert.equal(typeof op, 'number', name)
  assert.equal(piecesOf(defaultFormat).length, 31)
})

test('JSON formats: formats at the leaves, keys in byte order, other values as Envoy writes them', () => {
  const parsed = parseJsonFormat({ z: '%RESPONSE_CODE%', a: { l: [1, 'x', null] }, Z: '', é: true })
  assert.ok(parsed.ok)
  assert.deepEqual(parsed.value, {
    kind: JsonFormat_Kind.OBJECT,
    keys: ['Z', 'a', 'z', 'é'],
    values: [
      { kind: JsonFormat_Kind.FORMAT, format: { pieces: [] } },
      {
        kind: JsonFormat_Kind.OBJECT,
        keys: ['l'],
        values: [
          {
            kind: JsonFormat_Kind.ARRAY,
            keys: [],
            values: [
              { kind: JsonFormat_Kind.RAW, raw: '1' },
              { kind: JsonFormat_Kind.FORMAT, format: { pieces: [{ op: Operator.LITERAL, text: 'x' }] } },
              { kind: JsonFormat_Kind.RAW, raw: 'null' },
            ],
          },
        ],
      },
      { kind: JsonFormat_Kind.FORMAT, format: { pieces: [{ op: Operator.RESPONSE_CODE }] } },
      { kind: JsonFormat_Kind.RAW, raw: 'true' },
    ],
  })
  assert.deepEqual(parseJsonFormat({ a: ['%NOPE%'] }), {
    ok: false,
    error: { kind: 'error', message: 'Not supported field in StreamInfo: NOPE' },
  })
  assert.equal(
    canonicalJson({ b: [1.5, 1e300, -3, Number('12345678901234567890')], a: { d: 'é"', c: false } }),
    '{"a":{"c":false,"d":"é\\""},"b":[1.5,1e+300,-3,12345678901234567168]}',
  )
})
