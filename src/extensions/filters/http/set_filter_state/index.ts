import type { JsonObject } from '@bufbuild/protobuf'
import { carried, later, tuning, whole } from '../../../../api/field-policy.js'
import { toolText } from '../../../../api/native-tool.js'
import type { Place, PlanContext } from '../../../../api/plan-context.js'
import { defineTypeScriptFilter } from '../../../../api/typescript-filter.js'
import type { SubstitutionFormatString } from '../../../../generated/protos/envoy/config/core/v3/substitution_format_string_pb.js'
import type { Config } from '../../../../generated/protos/envoy/extensions/filters/http/set_filter_state/v3/set_filter_state_pb.js'
import type { Settings } from './settings.js'

const type = 'envoy.extensions.filters.http.set_filter_state.v3.Config'
const value = 'envoy.extensions.filters.common.set_filter_state.v3.FilterStateValue'
const isNone = (shared: unknown): boolean => shared === 0 || shared === 'NONE'

/** envoy.filters.http.set_filter_state: leaves texts for who comes later: matchers, access logs, the balancer. */
const setFilterState = defineTypeScriptFilter<Config>({
  name: 'envoy.filters.http.set_filter_state',
  folder: 'filters/http/set_filter_state',
  typeNames: [type],
  status: 'alpha',
  securityPosture: 'unknown',
  policy: {
    [type]: { ...carried('on_request_headers'), ...whole('clear_route_cache') },
    [value]: {
      ...whole('object_key format_string skip_if_empty'),
      ...tuning('factory_key', 'has no effect: values are texts'),
      ...tuning('read_only', 'has no effect'),
      ...later('shared_with_upstream', 'filter state for upstream connections', isNone),
    },
  },
  statName: () => 'set_filter_state',
  settings: ({ onRequestHeaders, clearRouteCache }, context) => {
    const at = context.field('on_request_headers')
    const settings: Settings = {
      values: onRequestHeaders.map(({ key, value, skipIfEmpty }, index) => {
        const place = at.item(index).field('format_string')
        return {
          name: key.case === 'objectKey' ? key.value : '',
          tool: value.case === 'formatString' ? formatTool(value.value, context, place) : '',
          skipsEmpty: skipIfEmpty,
        }
      }),
      clearsRoute: clearRouteCache,
    }
    return settings as unknown as JsonObject
  },
})

function formatTool(config: SubstitutionFormatString, context: PlanContext, at: Place): string {
  const { format, omitEmptyValues } = config
  let text = ''
  if (format.case === 'textFormat') text = format.value
  else if (format.case === 'textFormatSource')
    text = Buffer.from(context.dataSource(format.value, at.field('text_format_source')) ?? new Uint8Array()).toString()
  else at.unsupported('JSON as filter state')
  return toolText({ format: { ...context.format(text, at), omitEmptyValues } })
}

export default [setFilterState]
