import type { Place } from '../api/plan-context.js'
import type { AccessLog, AccessLogFilter } from '../generated/protos/envoy/config/accesslog/v3/accesslog_pb.js'
import type { SubstitutionFormatString } from '../generated/protos/envoy/config/core/v3/substitution_format_string_pb.js'
import type { CustomTag } from '../generated/protos/envoy/type/tracing/v3/custom_tag_pb.js'
import { FormatCompiler } from './access-log.js'
import type { Compilation } from './compilation.js'
import { customTags } from './custom-tag.js'
import type { AccessLogFilterInit, AccessLogInit, BodyFormatInit, CustomTagInit, FormatInit } from './init.js'

/** Substitution formats and access logs, as format.ts and access-log.ts compile them. */
export interface Formats {
  format(text: string, at: Place): FormatInit
  bodyFormat(format: SubstitutionFormatString, at: Place): BodyFormatInit | undefined
  accessLogs(logs: readonly AccessLog[], at: Place): AccessLogInit[]
  accessLogFilter(filter: AccessLogFilter, at: Place): AccessLogFilterInit | undefined
  customTags(tags: readonly CustomTag[], at: Place): CustomTagInit[]
}

export function formatsOf(compilation: Compilation): Formats {
  const { environment } = compilation.deps
  const compiler = new FormatCompiler({
    unpack: (any, at) => compilation.unpack(any, at),
    dataSource: (source, at) => compilation.dataSource(source, at),
    checkRegex: compilation.checkRegex,
    types: compilation.deps.types,
    environment,
    readFile: path => compilation.deps.files.read(path),
    logger(name, { module, config = {} }, at) {
      const script = { kind: 'access-logger', module, config, failOpen: true } as const
      const slot = compilation.script(script, { owner: at.path, name }, at)
      const fields = compilation.logFields(script, at)
      return fields && { slot, fields }
    },
  })
  return {
    format: (text, at) => compiler.format(text, at),
    bodyFormat: (format, at) => compiler.bodyFormat(format, at),
    customTags: (tags, at) =>
      customTags(tags, at, { environment, format: (text, place) => compiler.format(text, place) }),
    accessLogFilter: (filter, at) => compiler.accessLogFilter(filter, at),
    accessLogs(logs, at) {
      for (const [index, log] of logs.entries()) {
        if (log.configType.case !== 'typedConfig') at.item(index).error(notRegistered(log.name))
      }
      const compiled = compiler.accessLogs(logs, at)
      compilation.sendsLogs ||= compiled.some(({ grpc }) => grpc !== undefined)
      return compiled
    },
  }
}

const notRegistered = (name: string): string =>
  `Didn't find a registered implementation for '${name}' without a typed_config`
