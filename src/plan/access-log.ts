import type { Any } from '@bufbuild/protobuf/wkt'
import type { JsonObject } from '@bufbuild/protobuf'
import type { Place, Unpacked } from '../api/plan-context.js'
import { isMessage } from '../config/index.js'
import {
  AccessLog_Sink,
  AccessLogFilter_Kind as Kind,
  AccessLogFilter_Op as Op,
  FieldMatcher_Kind,
} from '../generated/plan_pb.js'
import {
  type AccessLog,
  type AccessLogFilter,
  type ComparisonFilter,
  ComparisonFilter_Op,
  type MetadataFilter,
} from '../generated/protos/envoy/config/accesslog/v3/accesslog_pb.js'
import type { DataSource } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import type { SubstitutionFormatString } from '../generated/protos/envoy/config/core/v3/substitution_format_string_pb.js'
import { AccessLogType } from '../generated/protos/envoy/data/accesslog/v3/accesslog_pb.js'
import type { FileAccessLog } from '../generated/protos/envoy/extensions/access_loggers/file/v3/file_pb.js'
import type {
  HttpGrpcAccessLogConfig,
  TcpGrpcAccessLogConfig,
} from '../generated/protos/envoy/extensions/access_loggers/grpc/v3/als_pb.js'
import type {
  StderrAccessLog,
  StdoutAccessLog,
} from '../generated/protos/envoy/extensions/access_loggers/stream/v3/stream_pb.js'
import type { TypeScriptFilter } from '../generated/protos/nuncio/typescript_filter_pb.js'
import { err, ok, type Result } from '../support/result.js'
import { defaultFormat, type FormatOptions, type FormatProblem, parseFormat, parseJsonFormat } from './format.js'
import { formatterExtensions } from './format-operators.js'
import type { Formats } from './formats.js'
import { type GrpcLogTools, grpcAccessLog } from './grpc-access-log.js'
import type { AccessLogFilterInit, AccessLogInit, BodyFormatInit, FieldMatcherInit, FormatInit } from './init.js'
import { fraction, headerMatcher, type RegexCheck, stringMatcher } from './matcher.js'

/** What compiling formats and logs needs from the rest of a compilation. */
export interface FormatTools extends Omit<GrpcLogTools, 'format'> {
  unpack(any: Any, at: Place): Unpacked | undefined
  dataSource(source: DataSource | undefined, at: Place): Uint8Array | undefined
  readonly checkRegex: RegexCheck
  /** Takes up an access logger in TypeScript: its slot, and what its entries are made of. */
  logger(
    name: string,
    config: TypeScriptFilter,
    at: Place,
  ): { readonly slot: number; readonly fields: JsonObject } | undefined
  /** The bytes of a file; undefined when it cannot be read. */
  readFile(path: string): Uint8Array | undefined
}

/** Substitution formats, access logs and their filters, compiled to plans. Problems are reported at the place given. */
export class FormatCompiler implements Omit<Formats, 'customTags'> {
  readonly #tools: FormatTools

  constructor(tools: FormatTools) {
    this.#tools = tools
  }

  /** The value of a header: operators without a value add nothing. */
  format(text: string, at: Place): FormatInit {
    return { ...this.#text(text, at, {}), omitEmptyValues: true }
  }

  bodyFormat(format: SubstitutionFormatString, at: Place): BodyFormatInit | undefined {
    const { omitEmptyValues, contentType } = format
    const options = this.#options(format, at)
    switch (format.format.case) {
      case 'textFormat': {
        const text = this.#text(format.format.value, at.field('text_format'), options)
        return { text: { ...text, omitEmptyValues }, omitEmptyValues, contentType }
      }
      case 'textFormatSource': {
        const place = at.field('text_format_source')
        const bytes = this.#tools.dataSource(format.format.value, place)
        const text = this.#text(Buffer.from(bytes ?? []).toString('utf8'), place, options)
        return { text: { ...text, omitEmptyValues }, omitEmptyValues, contentType }
      }
      case 'jsonFormat': {
        const json = this.#json(format.format.value, at.field('json_format'), options)
        return json && { json, omitEmptyValues, contentType }
      }
      default:
        return undefined // validation has told: `format` is required
    }
  }

  accessLogs(logs: readonly AccessLog[], at: Place): AccessLogInit[] {
    return logs.flatMap((log, index) => this.#accessLog(log, at.item(index)) ?? [])
  }

  accessLogFilter(filter: AccessLogFilter, at: Place): AccessLogFilterInit | undefined {
    const spec = filter.filterSpecifier
    switch (spec.case) {
      case 'statusCodeFilter':
        return { kind: Kind.STATUS_CODE, ...comparison(spec.value.comparison) }
      case 'durationFilter':
        return { kind: Kind.DURATION, ...comparison(spec.value.comparison) }
      case 'notHealthCheckFilter':
        return { kind: Kind.NOT_HEALTH_CHECK }
      case 'traceableFilter':
        return { kind: Kind.TRACEABLE }
      case 'runtimeFilter': {
        const { runtimeKey, percentSampled, useIndependentRandomness: independentRandomness } = spec.value
        return { kind: Kind.RUNTIME, runtimeKey, fraction: fraction(percentSampled), independentRandomness }
      }
      case 'andFilter':
        return { kind: Kind.AND, children: this.#filters(spec.value.filters, at.field('and_filter')) }
      case 'orFilter':
        return { kind: Kind.OR, children: this.#filters(spec.value.filters, at.field('or_filter')) }
      case 'headerFilter': {
        const place = at.field('header_filter').field('header')
        const header = spec.value.header && headerMatcher(spec.value.header, place, this.#tools.checkRegex)
        return header && { kind: Kind.HEADER, header }
      }
      case 'responseFlagFilter':
        return { kind: Kind.RESPONSE_FLAG, flags: spec.value.flags }
      case 'grpcStatusFilter':
        return { kind: Kind.GRPC_STATUS, grpcStatuses: spec.value.statuses, exclude: spec.value.exclude }
      case 'metadataFilter':
        return this.#metadataFilter(spec.value, at.field('metadata_filter'))
      case 'logTypeFilter': {
        const { types, exclude } = spec.value
        return { kind: Kind.LOG_TYPE, flags: types.map(type => AccessLogType[type] ?? ''), exclude }
      }
      case 'extensionFilter':
        at.field('extension_filter').unsupported(`the access log filter ${spec.value.name}`)
        return undefined
      default:
        return undefined // validation has told: one is required
    }
  }

  #filters(filters: readonly AccessLogFilter[], at: Place): AccessLogFilterInit[] {
    return filters.flatMap((filter, index) => this.accessLogFilter(filter, at.field('filters').item(index)) ?? [])
  }

  // The path of the value goes into `flags`, its matcher into `header`, the answer for a missing key into `exclude`.
  #metadataFilter(filter: MetadataFilter, at: Place): AccessLogFilterInit {
    const exclude = filter.matchIfKeyNotFound ?? true
    const { matcher } = filter
    if (!matcher) return { kind: Kind.METADATA, exclude }
    const keys = matcher.path.map(({ segment }) => (segment.case === 'key' ? segment.value : ''))
    const header = this.#valueMatcher(matcher.value?.matchPattern, at.field('matcher').field('value'))
    return {
      kind: Kind.METADATA,
      exclude,
      flags: [matcher.filter, ...keys],
      ...(header && { header: { ...header, invert: matcher.invert } }),
    }
  }

  #valueMatcher(pattern: ValuePattern | undefined, at: Place): FieldMatcherInit | undefined {
    if (pattern?.case === undefined) return undefined // validation has told
    switch (pattern.case) {
      case 'stringMatch': {
        const string = stringMatcher(pattern.value, at.field('string_match'), this.#tools.checkRegex)
        return { kind: FieldMatcher_Kind.STRING, string }
      }
      case 'presentMatch':
        return { kind: FieldMatcher_Kind.PRESENT, present: pattern.value }
      default:
        at.unsupported(`matching metadata by ${pattern.case.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)}`)
        return undefined
    }
  }

  #accessLog(log: AccessLog, at: Place): AccessLogInit | undefined {
    const filter = log.filter && this.accessLogFilter(log.filter, at.field('filter'))
    const place = at.field('typed_config')
    const unpacked = log.configType.case === 'typedConfig' ? this.#tools.unpack(log.configType.value, place) : undefined
    if (!unpacked) return undefined
    const { message } = unpacked
    const common = filter ? { filter } : {}
    if (isMessage<FileAccessLog>(message, 'envoy.extensions.access_loggers.file.v3.FileAccessLog')) {
      const format = this.#fileFormat(message, place)
      return format && { ...common, sink: AccessLog_Sink.FILE, path: message.path, format }
    }
    if (isMessage<StdoutAccessLog>(message, 'envoy.extensions.access_loggers.stream.v3.StdoutAccessLog')) {
      const format = this.#logFormat(message.accessLogFormat.value, place)
      return format && { ...common, sink: AccessLog_Sink.STDOUT, format }
    }
    if (isMessage<StderrAccessLog>(message, 'envoy.extensions.access_loggers.stream.v3.StderrAccessLog')) {
      const format = this.#logFormat(message.accessLogFormat.value, place)
      return format && { ...common, sink: AccessLog_Sink.STDERR, format }
    }
    if (
      isMessage<HttpGrpcAccessLogConfig>(message, 'envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig') ||
      isMessage<TcpGrpcAccessLogConfig>(message, 'envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig')
    )
      return { ...common, ...grpcAccessLog(message, place, this.#withFormats()) }
    if (isMessage<TypeScriptFilter>(message, 'nuncio.TypeScriptFilter')) {
      const logger = this.#tools.logger(log.name, message, place)
      const format = logger && this.#jsonBody(logger.fields, place.field('module'))
      return format && { ...common, sink: AccessLog_Sink.SCRIPT, scriptSlot: logger.slot, format }
    }
    place.unsupported(`the access logger ${log.name || unpacked.typeName}`)
    return undefined
  }

  #withFormats(): GrpcLogTools {
    const { types, environment } = this.#tools
    return { types, environment, format: (text, at) => this.format(text, at) }
  }

  #fileFormat(config: FileAccessLog, at: Place): BodyFormatInit | undefined {
    const format = config.accessLogFormat
    switch (format.case) {
      case 'format':
        return { text: this.#text(format.value === '' ? defaultFormat : format.value, at.field('format'), {}) }
      case 'jsonFormat':
        return this.#jsonBody(format.value, at.field('json_format'))
      case 'typedJsonFormat':
        return this.#jsonBody(format.value, at.field('typed_json_format'))
      default:
        return this.#logFormat(format.value, at)
    }
  }

  #jsonBody(format: JsonObject, at: Place): BodyFormatInit | undefined {
    const json = this.#json(format, at, {})
    return json && { json }
  }

  #logFormat(format: SubstitutionFormatString | undefined, at: Place): BodyFormatInit | undefined {
    return format ? this.bodyFormat(format, at.field('log_format')) : { text: this.#text(defaultFormat, at, {}) }
  }

  #options(format: SubstitutionFormatString, at: Place): FormatOptions {
    const extra = new Set<string>()
    for (const [index, { name, typedConfig }] of format.formatters.entries()) {
      const place = at.field('formatters').item(index).field('typed_config')
      const unpacked = typedConfig && this.#tools.unpack(typedConfig, place)
      const brought = unpacked && formatterExtensions.get(unpacked.typeName)
      if (unpacked && !brought) place.unsupported(`the formatter ${name || unpacked.typeName}`)
      for (const operator of brought ?? []) extra.add(operator)
    }
    return { extra, readFile: path => this.#readFile(path) }
  }

  #readFile(path: string): Result<string, string> {
    const bytes = this.#tools.readFile(path)
    return bytes ? ok(Buffer.from(bytes).toString('utf8')) : err(`Invalid path: ${path}`)
  }

  #text(text: string, at: Place, options: FormatOptions): FormatInit {
    const pieces = parseFormat(text, options)
    if (!pieces.ok) report(pieces.error, at)
    return { pieces: pieces.ok ? pieces.value : [] }
  }

  #json(format: JsonObject, at: Place, options: FormatOptions): BodyFormatInit['json'] {
    const json = parseJsonFormat(format, options)
    if (json.ok) return json.value
    report(json.error, at)
    return undefined
  }
}

type ValuePattern = NonNullable<NonNullable<MetadataFilter['matcher']>['value']>['matchPattern']

function report(problem: FormatProblem, at: Place): void {
  if (problem.kind === 'later') at.unsupported(problem.what)
  else at.error(problem.message)
}

const comparisonOps: Readonly<Record<ComparisonFilter_Op, Op>> = {
  [ComparisonFilter_Op.EQ]: Op.EQ,
  [ComparisonFilter_Op.GE]: Op.GE,
  [ComparisonFilter_Op.LE]: Op.LE,
  [ComparisonFilter_Op.NE]: Op.NE,
}

function comparison(filter: ComparisonFilter | undefined): AccessLogFilterInit {
  const { defaultValue: value = 0, runtimeKey = '' } = filter?.value ?? {}
  return { op: comparisonOps[filter?.op ?? ComparisonFilter_Op.EQ], value, runtimeKey }
}
