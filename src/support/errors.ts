/** Every code an error can carry, what it means, and what the operator should do. Codes are stable; messages are not. */
export const errorTable = {
  usage: { means: 'the command line is wrong', advice: 'see --help' },
  file: { means: 'a file cannot be read', advice: 'check the path and its permissions' },
  syntax: {
    means: 'a file is not YAML, JSON, text or binary protobuf, as its name says it is',
    advice: 'look at the line named',
  },
  'unknown-field': {
    means: 'a message has no such field',
    advice: 'use the name suggested, or --allow-unknown-static-fields to load the rest without it',
  },
  'removed-field': { means: 'a field of the v2 API', advice: 'use its v3 successor' },
  'deprecated-field': {
    means: 'a field or value that Envoy will remove',
    advice: "use its successor, named in Envoy's API documentation",
  },
  'bad-value': {
    means: 'a value of the wrong kind, out of range, or no name of its enum',
    advice: 'write a value of the kind expected',
  },
  'unknown-type': {
    means: 'no message type has this name',
    advice: 'correct "@type"; types of the v2 API have v3 successors',
  },
  constraint: { means: "a value breaks a rule of Envoy's API", advice: 'write a value that the rule allows' },
  semantic: {
    means: 'each value is fine, but together they make no sense',
    advice: 'correct the reference or the order named',
  },
  unsupported: {
    means: 'Envoy has this, Nuncio does not yet, and leaving it out would change what happens to traffic',
    advice: 'remove it, or see docs/envoy-compat.md',
  },
  tuning: {
    means: 'a warning: the setting is accepted and has no effect here',
    advice: 'nothing; docs/envoy-compat.md lists such settings',
  },
} as const

export type ErrorCode = keyof typeof errorTable
