import { carried, later, type PolicyTable, whole } from './verdict.js'

const tag = 'envoy.type.tracing.v3.CustomTag'
const untyped = (value: unknown): boolean => value === 1 // STRING

export const tracingPolicy: PolicyTable = {
  'envoy.config.trace.v3.Tracing': carried('http'),
  'envoy.config.trace.v3.Tracing.Http': { ...whole('name'), ...carried('typed_config') },
  'envoy.config.core.v3.HttpService': {
    ...whole('http_uri request_headers_to_add'),
    ...later('formatters', 'formatters of headers'),
  },
  [tag]: {
    ...whole('tag literal environment request_header metadata value'),
    ...later('value_type', 'custom tags that are no text', untyped),
  },
}
