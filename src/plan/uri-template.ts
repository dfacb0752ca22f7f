import type { Place } from '../api/plan-context.js'
import type { RegexRewriteInit } from './init.js'

// What a glob may stand for, as native/routing/route_match.cc has it.
const segmentGlob = "[a-zA-Z0-9-._~%!$&'()*+,;:@=]+"
const pathGlob = "[a-zA-Z0-9-._~%!$&'()*+,;:@=/]*"

interface Template {
  /** Of RE2, for the whole path; variables are groups, in order. */
  readonly pattern: string
  readonly variables: readonly string[]
}

const literal = (text: string): string => text.replaceAll(/[^A-Za-z0-9/_]/g, '\\$&')

function globs(text: string): string {
  return text
    .split(/(\*\*|\*)/)
    .map(part => (part === '**' ? pathGlob : part === '*' ? segmentGlob : literal(part)))
    .join('')
}

/** A URI template ("/v1/{id}/{rest=**}"), or what is wrong with it. */
function parse(template: string): Template | string {
  if (!template.startsWith('/')) return 'Invalid pattern: must start with "/"'
  const variables: string[] = []
  let pattern = ''
  for (const part of template.split(/(\{[^{}]*\})/)) {
    if (!part.startsWith('{') || !part.endsWith('}')) {
      const open = part.search(/[{}]/)
      if (open >= 0) return `Unmatched variable bracket in mixed pattern: "${part.slice(open)}"`
      pattern += globs(part)
      continue
    }
    const [name = '', value] = part.slice(1, -1).split(/=(.*)/s)
    if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(name)) return `Invalid variable name: "${name}"`
    if (variables.includes(name)) return `Repeated variable name: "${name}"`
    variables.push(name)
    pattern += `(${value === undefined ? segmentGlob : globs(value)})`
  }
  return { pattern: `^${pattern}$`, variables }
}

/** Reports what is wrong with the template of a match. */
export function checkUriTemplate(template: string, at: Place): void {
  const parsed = parse(template)
  if (typeof parsed === 'string') at.error(`path_match_policy.path_template ${template} is invalid: ${parsed}`)
}

/** What turns a path that fits `template` into what `rewrite` says. Undefined: an error was reported. */
export function uriTemplateRewrite(template: string, rewrite: string, at: Place): RegexRewriteInit | undefined {
  const parsed = parse(template)
  if (typeof parsed === 'string') return undefined // reported where it stands
  const used = [...rewrite.matchAll(/\{([^{}]*)\}/g)].map(([, name = '']) => name)
  if (used.some(name => !parsed.variables.includes(name))) {
    at.error(`mismatch between variables in path_match_policy ${template} and path_rewrite_policy ${rewrite}`)
    return undefined
  }
  const substitution = rewrite
    .replaceAll('\\', '\\\\')
    .replaceAll(/\{([^{}]*)\}/g, (_whole, name: string) => `\\${parsed.variables.indexOf(name) + 1}`)
  return { pattern: parsed.pattern, substitution }
}
