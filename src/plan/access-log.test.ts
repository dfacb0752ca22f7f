import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromBinary } from '@bufbuild/protobuf'
import {
  type AccessLog,
  AccessLog_Sink,
  AccessLogFilter_Kind as Kind,
  AccessLogFilter_Op as Op,
  FieldMatcher_Kind,
  ListenerSchema,
  Operator,
} from '../generated/plan_pb.js'
import { compilerWith } from './compile-fixture.js'

const compile = compilerWith([])
const loggers = 'type.googleapis.com/envoy.extensions.access_loggers'
const file = { '@type': `${loggers}.file.v3.FileAccessLog`, path: '/logs/a.log' }

function listenerWith(accessLog: readonly object[]): { readonly yaml: string } {
  const listener = {
    name: 'l',
    address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
    filter_chains: [{}],
    access_log: accessLog,
  }
  return { yaml: JSON.stringify({ static_resources: { listeners: [listener] } }) }
}

function logsOf(...accessLog: readonly object[]): readonly AccessLog[] {
  const answer = compile(listenerWith(accessLog))
  const plan = answer.config?.plans.find(({ kind }) => kind === 'listener')
  if (!plan) assert.fail(JSON.stringify(answer.errors))
  return fromBinary(ListenerSchema, plan.bytes).accessLogs
}

/** `path: message` of every error. */
function errorsOf(...accessLog: readonly object[]): readonly string[] {
  const { errors } = compile(listenerWith(accessLog))
  return (errors ?? []).map(({ path, message }) => `${path.replace('static_resources.listeners[0].', '')}: ${message}`)
}

function filterOf(filter: object) {
  const [log] = logsOf({ name: 'a', filter, typed_config: file })
  assert.ok(log?.filter)
  return log.filter
}

function textOf(config: object): string {
  const [log] = logsOf({ name: 'a', typed_config: { ...file, ...config } })
  const pieces = log?.format?.text?.pieces ?? []
  return pieces.map(({ op, text }) => (op === Operator.LITERAL ? text : `<${Operator[op]}>`)).join('')
}

test('file, stdout and stderr, with the default line', () => {
  const stream = (name: string) => ({ '@type': `${loggers}.stream.v3.${name}` })
  const logs = logsOf(
    { name: 'a', typed_config: file },
    { name: 'b', typed_config: stream('StdoutAccessLog') },
    { name: 'c', typed_config: stream('StderrAccessLog') },
  )
  assert.deepEqual(
    logs.map(({ sink, path }) => [sink, path]),
    [
      [AccessLog_Sink.FILE, '/logs/a.log'],
      [AccessLog_Sink.STDOUT, ''],
      [AccessLog_Sink.STDERR, ''],
    ],
  )
  for (const { format } of logs) assert.equal(format?.text?.pieces.length, 31)
})

test('the ways to write a format', () => {
  assert.equal(textOf({ format: 'a %PROTOCOL%' }), 'a <PROTOCOL>')
  assert.match(textOf({ format: '' }), /^\[<START_TIME>\] .*\n$/)
  assert.equal(textOf({ log_format: { text_format: '%PROTOCOL%\n' } }), '<PROTOCOL>\n')
  assert.equal(textOf({ log_format: { text_format_source: { inline_string: 'x' } } }), 'x')
  assert.equal(textOf({ log_format: { text_format_source: { environment_variable: 'GREETING' } } }), 'hello')
  for (const name of ['json_format', 'typed_json_format']) {
    const [log] = logsOf({ name: 'a', typed_config: { ...file, [name]: { b: '%PROTOCOL%', a: 1 } } })
    assert.deepEqual(log?.format?.json?.keys, ['a', 'b'])
  }
  const [log] = logsOf({
    name: 'a',
    typed_config: { ...file, log_format: { json_format: { a: 'x' }, omit_empty_values: true, content_type: 'text/x' } },
  })
  assert.equal(log?.format?.omitEmptyValues, true)
  assert.equal(log?.format?.contentType, 'text/x')
})

test('formatters bring their operators', () => {
  const formatters = [
    {
      name: 'envoy.formatter.req_without_query',
      typed_config: { '@type': 'type.googleapis.com/envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery' },
    },
  ]
  const format = { text_format_source: { inline_string: '%REQ_WITHOUT_QUERY(:path)%' } }
  assert.equal(textOf({ log_format: { ...format, formatters } }), '<REQ_WITHOUT_QUERY>')
  assert.deepEqual(errorsOf({ name: 'a', typed_config: { ...file, log_format: format } }), [
    'access_log[0].typed_config.log_format.text_format_source: Not supported field in StreamInfo: REQ_WITHOUT_QUERY',
  ])
})

test('comparisons, samples and headers', () => {
  const value = { default_value: 500, runtime_key: 'key' }
  const status = filterOf({ status_code_filter: { comparison: { op: 'NE', value } } })
  assert.deepEqual([status.kind, status.op, status.value, status.runtimeKey], [Kind.STATUS_CODE, Op.NE, 500, 'key'])
  assert.equal(filterOf({ duration_filter: { comparison: { op: 'LE', value } } }).kind, Kind.DURATION)
  const sample = filterOf({
    runtime_filter: { runtime_key: 'k', percent_sampled: { numerator: 5, denominator: 'TEN_THOUSAND' } },
  })
  assert.deepEqual([sample.runtimeKey, sample.fraction?.ppm, sample.fraction?.denominator], ['k', 500, 10_000])
  const header = filterOf({ header_filter: { header: { name: 'X-A', string_match: { exact: 'v' } } } })
  assert.deepEqual([header.header?.name, header.header?.string?.value], ['x-a', 'v'])
})

test('flags, statuses, types and combinations', () => {
  assert.deepEqual(filterOf({ response_flag_filter: { flags: ['NR', 'UF'] } }).flags, ['NR', 'UF'])
  const grpc = filterOf({ grpc_status_filter: { statuses: ['UNAVAILABLE', 'OK'], exclude: true } })
  assert.deepEqual([grpc.grpcStatuses, grpc.exclude], [[14, 0], true])
  assert.deepEqual(filterOf({ log_type_filter: { types: ['DownstreamEnd', 'TcpPeriodic'] } }).flags, [
    'DownstreamEnd',
    'TcpPeriodic',
  ])
  const both = filterOf({ and_filter: { filters: [{ not_health_check_filter: {} }, { traceable_filter: {} }] } })
  assert.deepEqual(
    both.children.map(({ kind }) => kind),
    [Kind.NOT_HEALTH_CHECK, Kind.TRACEABLE],
  )
})

test('metadata: where it is, what it must be, what a missing one means', () => {
  const matcher = { filter: 'ns', path: [{ key: 'a' }, { key: 'b' }], value: { present_match: true }, invert: true }
  const filter = filterOf({ metadata_filter: { matcher, match_if_key_not_found: false } })
  assert.deepEqual([filter.flags, filter.exclude], [['ns', 'a', 'b'], false])
  assert.deepEqual([filter.header?.kind, filter.header?.invert], [FieldMatcher_Kind.PRESENT, true])
  assert.equal(filterOf({ metadata_filter: {} }).exclude, true)
})

test("what is still to come is refused by name, what is wrong in Envoy's words, each under its path", () => {
  assert.deepEqual(
    errorsOf(
      {
        name: 'envoy.access_loggers.open_telemetry',
        typed_config: { '@type': `${loggers}.open_telemetry.v3.OpenTelemetryAccessLogConfig` },
      },
      { name: 'a', typed_config: { ...file, log_format: { json_format: { a: '%NOPE%' } } } },
      { name: 'b', typed_config: { ...file, format: '%CEL(x)%' } },
    ),
    [
      'access_log[0].typed_config: not supported yet: the access logger envoy.access_loggers.open_telemetry',
      'access_log[1].typed_config.log_format.json_format: Not supported field in StreamInfo: NOPE',
      'access_log[2].typed_config.format: not supported yet: CEL expressions (%CEL%)',
    ],
  )
})
