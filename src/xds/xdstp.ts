/**
 * Names of the form `xdstp://authority/type/id?key=value`. Two names that differ in the order of their context parameters or in needless
 * escapes are one.
 */
export interface ResourceUrn {
  readonly authority: string
  readonly type: string
  readonly id: string
  /** Sorted by key. */
  readonly context: readonly (readonly [key: string, value: string])[]
}

const scheme = 'xdstp:'

export const isUrn = (name: string): boolean => name.startsWith(scheme)

/** undefined: it is not one. */
export function parseUrn(name: string): ResourceUrn | undefined {
  const match = /^xdstp:\/\/([^/]*)\/([^?#]*)(?:\?([^#]*))?(?:#.*)?$/.exec(name)
  if (match === null) return undefined
  const [, authority = '', path = '', query = ''] = match
  const [type = '', ...id] = path.split('/')
  if (type === '') return undefined
  const context = query
    .split('&')
    .filter(pair => pair !== '')
    .map(pair => {
      const at = pair.indexOf('=')
      return at < 0
        ? ([unescaped(pair), ''] as const)
        : ([unescaped(pair.slice(0, at)), unescaped(pair.slice(at + 1))] as const)
    })
  return {
    authority: unescaped(authority),
    type,
    id: unescaped(id.join('/')),
    context: context.sort(([a], [b]) => (a < b ? -1 : 1)),
  }
}

export function formatUrn({ authority, type, id, context }: ResourceUrn): string {
  const path = id === '' ? '' : `/${escaped(id, '%:?#[]')}`
  const query = context.map(([key, value]) => `${escaped(key, '%#[]&=')}=${escaped(value, '%#[]&=')}`)
  return `${scheme}//${escaped(authority, '%/?#')}/${type}${path}${query.length > 0 ? `?${query.sort().join('&')}` : ''}`
}

/** The one way to write it; other names are left as they are. */
export function normalName(name: string): string {
  if (!isUrn(name)) return name
  const urn = parseUrn(name)
  return urn === undefined ? name : formatUrn(urn)
}

/** A name that stands for all resources of a folder: its last part is "*". */
export const isCollection = (name: string): boolean => isUrn(name) && /\/\*(?:\?|$)/.test(name)

/** The collection that a resource belongs to. */
export function wildcardOf(name: string): string | undefined {
  const urn = isUrn(name) ? parseUrn(name) : undefined
  if (urn === undefined) return undefined
  const at = urn.id.lastIndexOf('/')
  return formatUrn({ ...urn, id: at < 0 ? '*' : `${urn.id.slice(0, at)}/*` })
}

function unescaped(text: string): string {
  return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, bytes => Buffer.from(bytes.replaceAll('%', ''), 'hex').toString('utf8'))
}

function escaped(text: string, reserved: string): string {
  let out = ''
  for (const byte of Buffer.from(text, 'utf8')) {
    const letter = String.fromCharCode(byte)
    const isPlain = byte >= 0x20 && byte < 0x7f && !reserved.includes(letter)
    out += isPlain ? letter : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return out
}
