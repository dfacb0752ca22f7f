/** The hooks of an HTTP filter in the order of their stages (native/script/host.h). */
export const httpHookNames = [
  'onRequestHeaders',
  'onRequestData',
  'onRequestTrailers',
  'onResponseHeaders',
  'onResponseData',
  'onResponseTrailers',
  'onComplete',
] as const

/** The hook of every stage, for messages; undefined: the stage has none of its own. */
export const hookNames: readonly (string | undefined)[] = [
  ...httpHookNames,
  ...new Array<undefined>(8),
  'onNewConnection',
  'onData',
  'onWrite',
  'onClose',
  'onAccept',
  'onData',
  'onEnd',
  'log',
]
