/** The hooks of an HTTP filter in the order of their stages (native/script/host.h). */
export const hookNames = [
  'onRequestHeaders',
  'onRequestData',
  'onRequestTrailers',
  'onResponseHeaders',
  'onResponseData',
  'onResponseTrailers',
  'onComplete',
] as const
