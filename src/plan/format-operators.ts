import { Operator } from '../generated/plan_pb.js'
import { err, ok, type Result } from '../support/result.js'
import type { FormatPieceInit } from './format.js'

/** Parses what stands in an operator's brackets; the error is Envoy's sentence. */
export type ParameterParser = (parameter: string) => Result<FormatPieceInit, string>

export interface OperatorSyntax {
  readonly op: Operator
  /** Does the operator take brackets? */
  readonly parameter: 'none' | 'optional' | 'required'
  /** May `:Z` follow, the longest the value may be? */
  readonly length: boolean
  readonly parse: ParameterParser
}

// Values of FormatPiece.option, as native/http/substitution/operators.cc reads them.
const detailsWithSpaces = 1
const address = { whole: 0, withoutPort: 1, port: 2 } as const
const endpointId = { upstreamRemote: 0, downstreamLocal: 1, downstreamDirectLocal: 2 } as const
const durationUnits: Readonly<Record<string, number>> = { ms: 0, us: 1, ns: 2 }
const grpcForms: Readonly<Record<string, number>> = { '': 0, CAMEL_STRING: 0, SNAKE_STRING: 1, NUMBER: 2 }
const pathQuery: Readonly<Record<string, number>> = { '': 0, WQ: 0, NQ: 1 }
const pathSource: Readonly<Record<string, number>> = { '': 0, ORIG_OR_PATH: 0, PATH: 1, ORIG: 2 }
const serverNameOrder: Readonly<Record<string, number>> = { '': 0, SNI_ONLY: 0, SNI_FIRST: 1, HOST_FIRST: 2 }
const serverNameHost: Readonly<Record<string, number>> = { '': 0, ORIG_OR_HOST: 0, HOST: 1, ORIG: 2 }

const nothing: ParameterParser = () => ok({})
const plainText: ParameterParser = text => ok({ text })

const headerName = /^:?[!#$%&'*+\-.^_`|~0-9A-Za-z]*$/

const headers: ParameterParser = parameter => {
  const [main = '', alternative = '', ...more] = parameter.split('?')
  if (more.length > 0) return err(`More than 1 alternative header specified in token: ${parameter}`)
  if (!headerName.test(main) || !headerName.test(alternative)) {
    return err('Invalid header configuration. Format string contains invalid characters.')
  }
  return ok({ text: main.toLowerCase(), text2: alternative.toLowerCase() })
}

const time: ParameterParser = parameter =>
  /%[-_0^#]*[1-9]*[EO]?n/.test(parameter)
    ? err('Invalid header configuration. Format string contains newline.')
    : ok({ text: parameter })

const path: ParameterParser = parameter => {
  const [query = '', source = ''] = parameter.split(':')
  const noQuery = pathQuery[query]
  if (noQuery === undefined) return err(`Invalid PATH option: '${query}', only 'WQ'/'NQ' are allowed`)
  const from = pathSource[source]
  if (from === undefined) return err(`Invalid PATH option: '${source}', only 'ORIG'/'PATH'/'ORIG_OR_PATH' are allowed`)
  return ok({ option: noQuery + from * 2 })
}

const queryParams: ParameterParser = parameter => {
  if (parameter === '' || parameter === 'ORIG') return ok({})
  if (parameter === 'DECODED') return ok({ option: 1 })
  return err(`Invalid QUERY_PARAMS option: '${parameter}', only 'ORIG'/'DECODED' are allowed`)
}

const serverName: ParameterParser = parameter => {
  const [order = '', host = ''] = parameter.split(':')
  const first = serverNameOrder[order]
  if (first === undefined) {
    return err(`Invalid REQUESTED_SERVER_NAME option: '${order}', only 'SNI_ONLY'/'SNI_FIRST'/'HOST_FIRST' are allowed`)
  }
  const which = serverNameHost[host]
  if (which === undefined) {
    return err(`Invalid REQUESTED_SERVER_NAME option: '${host}', only 'ORIG_OR_HOST'/'HOST'/'ORIG' are allowed`)
  }
  return ok({ option: first + which * 4 })
}

const details: ParameterParser = parameter => ok(parameter === 'ALLOW_WHITESPACES' ? { option: detailsWithSpaces } : {})

const grpcStatus: ParameterParser = parameter => {
  const option = grpcForms[parameter]
  if (option !== undefined) return ok({ option })
  return err(`GrpcStatusFormatter only supports CAMEL_STRING, SNAKE_STRING or NUMBER. Got: ${parameter}`)
}

const commonDuration: ParameterParser = parameter => {
  const parts = parameter.split(':')
  const [text = '', text2 = '', unit = 'ms'] = parts
  if (parts.length < 2 || parts.length > 3) return err(`Invalid common duration configuration: ${parameter}.`)
  const option = durationUnits[unit]
  return option === undefined ? err(`Invalid common duration precision: ${unit}.`) : ok({ text, text2, option })
}

const metadata: ParameterParser = parameter => ok({ path: parameter.split(':') })

const metadataOperators: Readonly<Record<string, Operator>> = {
  DYNAMIC: Operator.DYNAMIC_METADATA,
  CLUSTER: Operator.CLUSTER_METADATA,
  ROUTE: Operator.ROUTE_METADATA,
  UPSTREAM_HOST: Operator.UPSTREAM_METADATA,
  LISTENER: Operator.LISTENER_METADATA,
  VIRTUAL_HOST: Operator.VIRTUAL_HOST_METADATA,
  LISTENER_FILTER_CHAIN: Operator.FILTER_CHAIN_METADATA,
}

const metadataOfType: ParameterParser = parameter => {
  const [type = '', namespace = '', ...keys] = parameter.split(':')
  const op = metadataOperators[type]
  if (op === undefined) return err(`${type} is not supported type of metadata`)
  return ok({ op, path: [namespace, ...keys] })
}

const filterState: ParameterParser = parameter => {
  const [key = '', form = '', field = ''] = parameter.split(':')
  const forms = ['', 'TYPED', 'PLAIN', 'FIELD']
  if (key === '') return err('Invalid filter state configuration, key cannot be empty.')
  if (!forms.includes(form)) return err('Invalid filter state serialize type, only support PLAIN/TYPED/FIELD.')
  if ((form === 'FIELD') !== (field !== '')) {
    return err('Invalid filter state serialize type, FIELD should be used with the field name.')
  }
  return ok({ text: key, text2: field, option: Math.max(0, forms.indexOf(form) - 1) })
}

const withoutPort: ParameterParser = parameter => {
  // What is no number is no mask, silently, as in Envoy.
  if (!/^\d+$/.test(parameter)) return ok({ option: address.withoutPort })
  return ok({ option: address.withoutPort, path: ['mask'], maxLength: Math.min(Number(parameter), 128) })
}

const option =
  (value: number): ParameterParser =>
  () =>
    ok({ option: value })

const table = new Map<string, OperatorSyntax>()

function add(names: string, syntax: Omit<OperatorSyntax, 'op'>, op?: Operator): void {
  for (const name of names.trim().split(/\s+/)) {
    table.set(name, { ...syntax, op: op ?? Operator[name as keyof typeof Operator] })
  }
}

const bare = { parameter: 'none', length: false, parse: nothing } as const
const cut = { length: true } as const

add('REQ REQUEST_HEADER', { parameter: 'required', ...cut, parse: headers }, Operator.REQ)
add('RESP RESPONSE_HEADER', { parameter: 'required', ...cut, parse: headers }, Operator.RESP)
add('TRAILER RESPONSE_TRAILER', { parameter: 'required', ...cut, parse: headers }, Operator.TRAILER)
add('QUERY_PARAM', { parameter: 'required', ...cut, parse: plainText })
add('QUERY_PARAMS', { parameter: 'optional', ...cut, parse: queryParams })
add('PATH', { parameter: 'optional', ...cut, parse: path })
add('REQUESTED_SERVER_NAME', { parameter: 'optional', ...cut, parse: serverName })
add('START_TIME START_TIME_LOCAL EMIT_TIME EMIT_TIME_LOCAL', { parameter: 'optional', length: false, parse: time })
add(
  `REQUEST_HEADERS_BYTES BYTES_RECEIVED RESPONSE_HEADERS_BYTES RESPONSE_TRAILERS_BYTES BYTES_SENT BYTES_RETRANSMITTED
   PACKETS_RETRANSMITTED UPSTREAM_WIRE_BYTES_SENT UPSTREAM_WIRE_BYTES_RECEIVED UPSTREAM_HEADER_BYTES_SENT
   UPSTREAM_HEADER_BYTES_RECEIVED DOWNSTREAM_WIRE_BYTES_SENT DOWNSTREAM_WIRE_BYTES_RECEIVED DOWNSTREAM_HEADER_BYTES_SENT
   DOWNSTREAM_HEADER_BYTES_RECEIVED UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED
   DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED PROTOCOL UPSTREAM_PROTOCOL
   RESPONSE_CODE CONNECTION_TERMINATION_DETAILS RESPONSE_FLAGS RESPONSE_FLAGS_LONG GRPC_STATUS_NUMBER
   UPSTREAM_REQUEST_ATTEMPT_COUNT LOCAL_REPLY_BODY ACCESS_LOG_TYPE DURATION REQUEST_DURATION REQUEST_TX_DURATION
   RESPONSE_DURATION RESPONSE_TX_DURATION ROUNDTRIP_DURATION DOWNSTREAM_HANDSHAKE_DURATION
   UPSTREAM_CONNECTION_POOL_READY_DURATION ROUTE_NAME VIRTUAL_CLUSTER_NAME UPSTREAM_HOST UPSTREAM_HOST_NAME
   UPSTREAM_HOST_NAME_WITHOUT_PORT UPSTREAM_CLUSTER UPSTREAM_CLUSTER_RAW FILTER_CHAIN_NAME UPSTREAM_HOSTS_ATTEMPTED
   UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT UPSTREAM_HOST_NAMES_ATTEMPTED UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT
   UPSTREAM_CONNECTION_IDS_ATTEMPTED CONNECTION_ID UPSTREAM_CONNECTION_ID STREAM_ID UNIQUE_ID TRACE_ID SPAN_ID HOSTNAME
   DOWNSTREAM_TRANSPORT_FAILURE_REASON DOWNSTREAM_LOCAL_CLOSE_REASON DOWNSTREAM_DETECTED_CLOSE_TYPE
   UPSTREAM_TRANSPORT_FAILURE_REASON UPSTREAM_LOCAL_CLOSE_REASON UPSTREAM_DETECTED_CLOSE_TYPE`,
  bare,
)
add('CUSTOM_FLAGS', bare, Operator.LITERAL) // no filter of ours sets any yet: always the empty text
add('RESPONSE_CODE_DETAILS', { parameter: 'optional', length: false, parse: details })
add('GRPC_STATUS', { parameter: 'optional', length: false, parse: grpcStatus })
add('COMMON_DURATION', { parameter: 'required', length: false, parse: commonDuration })
add('DYNAMIC_METADATA', { parameter: 'required', ...cut, parse: metadata })
add('CLUSTER_METADATA UPSTREAM_METADATA', { parameter: 'required', length: false, parse: metadata })
add('METADATA', { parameter: 'optional', ...cut, parse: metadataOfType }, Operator.DYNAMIC_METADATA)
add('FILTER_STATE UPSTREAM_FILTER_STATE', { parameter: 'optional', ...cut, parse: filterState })
add('ENVIRONMENT', { parameter: 'required', ...cut, parse: plainText })

for (const name of [
  'UPSTREAM_LOCAL',
  'UPSTREAM_REMOTE',
  'DOWNSTREAM_REMOTE',
  'DOWNSTREAM_DIRECT_REMOTE',
  'DOWNSTREAM_LOCAL',
  'DOWNSTREAM_DIRECT_LOCAL',
] as const) {
  const op = Operator[`${name}_ADDRESS`]
  add(`${name}_ADDRESS`, { ...bare, parse: option(address.whole) }, op)
  add(`${name}_ADDRESS_WITHOUT_PORT`, { parameter: 'optional', length: false, parse: withoutPort }, op)
  add(`${name}_PORT`, { ...bare, parse: option(address.port) }, op)
}
const ids = { ...bare, op: Operator.ADDRESS_ENDPOINT_ID }
table.set('UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID', { ...ids, parse: option(endpointId.upstreamRemote) })
table.set('DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID', { ...ids, parse: option(endpointId.downstreamLocal) })
table.set('DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID', { ...ids, parse: option(endpointId.downstreamDirectLocal) })

const tlsNames = `TLS_VERSION TLS_CIPHER TLS_SESSION_ID PEER_SUBJECT PEER_ISSUER PEER_CERT PEER_URI_SAN PEER_DNS_SAN PEER_IP_SAN
  LOCAL_URI_SAN LOCAL_DNS_SAN LOCAL_IP_SAN`
const downstreamTlsNames = `LOCAL_SUBJECT PEER_EMAIL_SAN LOCAL_EMAIL_SAN PEER_OTHERNAME_SAN LOCAL_OTHERNAME_SAN
  PEER_ISSUER_FINGERPRINT_256 PEER_ISSUER_SERIAL PEER_FINGERPRINT_256 PEER_FINGERPRINT_1 PEER_SERIAL
  PEER_CHAIN_FINGERPRINTS_256 PEER_CHAIN_FINGERPRINTS_1 PEER_CHAIN_SERIALS`

// Certificates' validity takes a time format, the others nothing.
function addTls(name: string, op: Operator, parameter: 'none' | 'optional'): void {
  const parse: ParameterParser = text2 => {
    const checked = time(text2)
    return checked.ok ? ok({ text: name, text2 }) : checked
  }
  add(name, { parameter, length: false, parse }, op)
}
for (const [side, op, names] of [
  ['DOWNSTREAM', Operator.DOWNSTREAM_TLS, `${tlsNames} ${downstreamTlsNames}`],
  ['UPSTREAM', Operator.UPSTREAM_TLS, tlsNames],
] as const) {
  for (const name of names.split(/\s+/)) addTls(`${side}_${name}`, op, 'none')
  addTls(`${side}_PEER_CERT_V_START`, op, 'optional')
  addTls(`${side}_PEER_CERT_V_END`, op, 'optional')
}
addTls('TLS_JA3_FINGERPRINT', Operator.DOWNSTREAM_TLS, 'none')
addTls('TLS_JA4_FINGERPRINT', Operator.DOWNSTREAM_TLS, 'none')

/** The operators that are there without a `formatters` entry, by name. COALESCE is in format.ts, which it calls back into. */
export const operators: ReadonlyMap<string, OperatorSyntax> = table

/** Operators that a `formatters` entry brings, by the type of its configuration. */
export const formatterExtensions: ReadonlyMap<string, readonly string[]> = new Map([
  ['envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery', ['REQ_WITHOUT_QUERY']],
  ['envoy.extensions.formatter.file_content.v3.FileContent', ['FILE_CONTENT']],
  ['envoy.extensions.formatter.metadata.v3.Metadata', []], // METADATA is there anyway
])

export const extensionOperators: ReadonlyMap<string, OperatorSyntax> = new Map([
  ['REQ_WITHOUT_QUERY', { op: Operator.REQ_WITHOUT_QUERY, parameter: 'required', length: true, parse: headers }],
  ['FILE_CONTENT', { op: Operator.FILE_CONTENT, parameter: 'required', length: true, parse: plainText }],
])

/** Operators Envoy has and we do not yet. */
export const laterOperators: ReadonlyMap<string, string> = new Map([
  ['CEL', 'CEL expressions (%CEL%)'],
  ['TYPED_CEL', 'CEL expressions (%TYPED_CEL%)'],
])
