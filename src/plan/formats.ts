import type { Place } from '../api/plan-context.js'
import type { AccessLog, AccessLogFilter } from '../generated/protos/envoy/config/accesslog/v3/accesslog_pb.js'
import type { SubstitutionFormatString } from '../generated/protos/envoy/config/core/v3/substitution_format_string_pb.js'
import type { AccessLogFilterInit, AccessLogInit, BodyFormatInit, FormatInit } from './init.js'

/** Substitution formats and access logs, as format.ts and access-log.ts compile them. */
export interface Formats {
  format(text: string, at: Place): FormatInit
  bodyFormat(format: SubstitutionFormatString, at: Place): BodyFormatInit | undefined
  accessLogs(logs: readonly AccessLog[], at: Place): AccessLogInit[]
  accessLogFilter(filter: AccessLogFilter, at: Place): AccessLogFilterInit | undefined
}

// TEMPORARY until format.ts and access-log.ts are there: constant text only.
export function formatsOf(_compilation: unknown): Formats {
  return {
    format: (text, at) => {
      if (text.replaceAll('%%', '').includes('%')) at.unsupported('substitution formats')
      return { pieces: [{ text: text.replaceAll('%%', '%') }] }
    },
    bodyFormat: (_format, at) => { at.unsupported('substitution formats'); return undefined },
    accessLogs: (logs, at) => { if (logs.length > 0) at.unsupported('access logs'); return [] },
    accessLogFilter: (_filter, at) => { at.unsupported('access log filters'); return undefined },
  }
}
